//! Files made to cost time and memory, given to the binary itself: bounded work (docs/format.md section 9).
//!
//! By default small ones to the binary under test; `SECRET_HOSTILE` names another one, built with optimisation, that gets
//! them as large as anybody may have them. The memory is demanded, the time is printed: a clock says as much of the
//! machine as of the program.

mod documents;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};

use secret::document::{Format, KeyPattern, MAX_BYTES};
use secret::envelope::native::{Comments, Metadata};

use crate::attacks::stranger;
use crate::generate::{STRUCTURED, body_start};
use crate::world::World;

#[test]
fn a_hostile_plaintext_costs_bounded_memory() {
    let Some(mut trial) = Trial::begin() else { return };
    let size = trial.size;
    for (name, format, document) in documents::all() {
        let path = path_of(format);
        trial.world.write(&path, document(size));
        let outcome = trial.measure(&["encrypt", &path], name, format.name());
        if outcome == 0 && trial.is_whole {
            trial.commands(&path, name, format.name());
        } else if outcome == 0 {
            trial.measure(&["decrypt", &path], name, format.name());
        }
    }
    trial.end();
}

#[test]
fn a_hostile_body_below_a_good_header_costs_bounded_memory() {
    let Some(mut trial) = Trial::begin() else { return };
    let headers: Vec<(Format, String)> = STRUCTURED.into_iter().map(|format| (format, trial.header(format))).collect();
    for (name, format, document) in documents::all() {
        let header = &headers.iter().find(|(of, _)| *of == format).expect("there is one for each").1;
        let body = document(trial.size);
        let path = path_of(format);
        let file = if format == Format::Json {
            header.clone() + body.trim_start().trim_start_matches('{')
        } else {
            header.clone() + &body
        };
        trial.world.write(&path, file);
        trial.measure(&["decrypt", &path], name, format.name());
    }
    trial.end();
}

#[test]
fn a_flood_of_tokens_costs_bounded_memory() {
    let Some(mut trial) = Trial::begin() else { return };
    // As many as a file may have, and more.
    for size in [trial.size, 4 * trial.size, 15 * trial.size] {
        for (format, line) in [
            (Format::Dotenv, "K{}=T\n"),
            (Format::Ini, "k{}=T\n"),
            (Format::Toml, "k{} = \"T\"\n"),
            (Format::Yaml, "k{}: T\n"),
            (Format::Yaml, "# T\n"),
            (Format::Yaml, "- T\n"),
        ] {
            let header = trial.header(format);
            let path = path_of(format);
            let token = trial.token(&path);
            let (front, bytes) = token.rsplit_once('.').expect("it has dots");
            // Ids that are no repetitions, so that no cheap check comes first.
            let body = documents::lines(size, |index| {
                line.replace("{}", &index.to_string()).replace('T', &format!("{front}.{index:08}{}", &bytes[8..]))
            });
            trial.world.write(&path, header + &body);
            trial.measure(
                &["decrypt", &path],
                &format!("tokens, {} MiB: {}", size >> 20, line.trim_end()),
                format.name(),
            );
            trial.measure(&["ls", &path], &format!("tokens, {} MiB: {}", size >> 20, line.trim_end()), format.name());
        }
    }
    trial.end();
}

#[test]
fn a_hostile_header_costs_bounded_memory() {
    let Some(mut trial) = Trial::begin() else { return };
    let kibibytes = if trial.is_whole { 1000 } else { 60 };
    let many = |line: &dyn Fn(usize) -> String| -> Vec<String> { (0..kibibytes * 20).map(line).collect() };
    let pattern = |text: &str| -> KeyPattern { text.parse().expect("a pattern") };
    let values = documents::lines(trial.size / 16, |index| format!("key{index}: value\n"));
    let long_key = format!("? {}\n: x\n", "a".repeat(trial.size / 16));
    let wide: Vec<KeyPattern> = many(&|index| format!("k{index}*x")).iter().map(|text| pattern(text)).collect();
    let deep: Vec<KeyPattern> = vec![pattern(&["**"; 200].join(".")); kibibytes / 2];
    let stars: Vec<KeyPattern> = vec![pattern(&("a*".repeat(200) + "b")); kibibytes / 2];
    let deep_values = format!(
        "{}\n",
        documents::lines(trial.size / 64, |index| format!("k{index}: {}x{}\n", "[".repeat(100), "]".repeat(100)))
    );
    for (name, patterns, body) in [
        ("many patterns over many keys", &wide, &values),
        ("deep patterns over deep keys", &deep, &deep_values),
        ("patterns of many stars over a long key", &stars, &long_key),
    ] {
        for share in [1, 16] {
            let patterns = &patterns[..patterns.len() / share];
            let file = trial.header_with(|header| header.cleartext = patterns.to_vec());
            trial.world.write("secrets/db.yaml", file + body);
            let name = format!("{name}, {}", patterns.len());
            trial.measure(&["decrypt", "secrets/db.yaml"], &name, "header");
            trial.measure(&["info", "secrets/db.yaml"], &name, "header");
        }
    }
    let tags = many(&|index| index.to_string()).into_iter().map(|tag| (tag.clone(), tag));
    let tags = Metadata { tags: tags.take(kibibytes * 10).collect(), ..Metadata::default() };
    let file = trial.header_with(|header| header.metadata = tags);
    trial.world.write("secrets/db.yaml", file + "a: 1\n");
    trial.commands("secrets/db.yaml", "many tags", "header");
    let file = trial.header_with(|header| header.metadata.owner = Some("x".repeat(kibibytes << 10)));
    trial.world.write("secrets/db.yaml", file + "a: 1\n");
    trial.commands("secrets/db.yaml", "a long owner", "header");
    let file = trial.header_with(|header| header.comments = Comments::Modelines);
    trial.world.write("secrets/db.yaml", file + &documents::lines(trial.size, |_| "# vim: set et:\n".to_owned()));
    trial.commands("secrets/db.yaml", "many modelines", "header");
    let endless = trial.header(Format::Yaml).replace("# secret/v1 end\n", "");
    trial.world.write("secrets/db.yaml", endless + &documents::lines(trial.size, |_| "# a = 1\n".to_owned()));
    trial.commands("secrets/db.yaml", "a header without an end", "header");
    trial.end();
}

/// Runs of the program that are measured.
struct Trial {
    world: World,
    /// The program that runs others and measures them.
    meter: Child,
    measured: BufReader<ChildStdout>,
    program: PathBuf,
    is_whole: bool,
    /// How large a document is.
    size: usize,
    runs: usize,
    over_time: usize,
    over_memory: Vec<String>,
}

impl Trial {
    /// Makes a world; `None` where nothing can be measured.
    fn begin() -> Option<Self> {
        let named = std::env::var_os("SECRET_HOSTILE").map(PathBuf::from);
        let world = World::new();
        let mut command = world.command(Path::new("python3"));
        command.args(["-c", include_str!("measured.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut meter) = command.spawn() else {
            println!("skipped: python3, which measures, is not here");
            return None;
        };
        let measured = BufReader::new(meter.stdout.take().expect("it is piped"));
        Some(Self {
            world,
            meter,
            measured,
            is_whole: named.is_some(),
            size: if named.is_some() { MAX_BYTES } else { 16 << 10 },
            program: named.map_or(env!("CARGO_BIN_EXE_secret").into(), |named| {
                fs::canonicalize(named).expect("the program is there")
            }),
            runs: 0,
            over_time: 0,
            over_memory: Vec::new(),
        })
    }

    /// Runs the commands that read a file, and one that writes it.
    fn commands(&mut self, path: &str, name: &str, kind: &str) {
        for arguments in [
            &["decrypt", path][..],
            &["info", path],
            &["ls", path],
            &["who", path],
            &["get", path, "a"],
            &["set", path, "new", "--from-file", ".secret.toml"],
        ] {
            self.measure(arguments, name, kind);
        }
    }

    /// Runs the program, notes what it cost and returns its exit code.
    fn measure(&mut self, arguments: &[&str], name: &str, kind: &str) -> i32 {
        let program = self.program.display().to_string();
        let words: Vec<&str> = [program.as_str()].into_iter().chain(arguments.iter().copied()).collect();
        let mut input = self.meter.stdin.as_ref().expect("it is piped");
        writeln!(input, "{}", serde_json::to_string(&words).expect("texts are JSON")).expect("the meter reads");
        let mut measured = String::new();
        self.measured.read_line(&mut measured).expect("the meter answers");
        let (code, seconds, kibibytes, stderr): (i32, f64, f64, String) = serde_json::from_str(&measured)
            .unwrap_or_else(|error| panic!("{arguments:?} of {name}: {error}: {measured}"));
        let megabytes = kibibytes * 1024.0 / 1e6;
        let said: String =
            stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default().chars().take(110).collect();
        // 101 is a panic, below 0 a signal: out of memory, or of stack.
        assert!((0..=5).contains(&code), "{arguments:?} of {name}: {stderr}");
        self.runs += 1;
        let (is_late, is_large) = (seconds > 1.0, megabytes > 256.0);
        self.over_time += usize::from(is_late);
        let verdict = if is_late || is_large { "MISS" } else { "PASS" };
        let line =
            format!("{verdict} {seconds:6.2} s {megabytes:6.0} MB  {kind:6} {:7} {name}: {code} {said}", arguments[0]);
        println!("{line}");
        self.over_memory.extend(is_large.then_some(line));
        code
    }

    fn end(mut self) {
        drop(self.meter.stdin.take());
        assert!(self.meter.wait().expect("it ends").success());
        let Self { runs, over_time, over_memory, .. } = self;
        println!("{runs} runs, {} above 256 MB, {over_time} above 1 s", over_memory.len());
        assert!(over_memory.is_empty(), "above 256 MB:\n{}", over_memory.join("\n"));
    }

    /// Returns the header of a real file of this format.
    fn header(&self, format: Format) -> String {
        let path = path_of(format);
        self.world.write(
            &path,
            match format {
                Format::Json => "{\n\"a\": 1\n}\n",
                Format::Yaml => "a: 1\n",
                Format::Dotenv | Format::Ini | Format::Opaque | Format::Toml => "a = 1\n",
            },
        );
        self.world.secret(["encrypt", &path]).success();
        let mut file = self.world.read(&path);
        file.truncate(body_start(&file));
        file
    }

    /// Returns the only token of a file.
    fn token(&self, path: &str) -> String {
        let file = self.world.read(path);
        let token = &file[file.find("secret-v1.").expect("there is one")..];
        token[..token.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c)).unwrap_or(token.len())]
            .to_owned()
    }

    /// Returns the header of a file that anybody can make for the readers.
    fn header_with(&self, change: impl FnOnce(&mut secret::envelope::native::Header)) -> String {
        let mut file = String::from_utf8(stranger(&self.world, change)).expect("text");
        file.truncate(body_start(&file));
        file
    }
}

fn path_of(format: Format) -> String {
    format!("secrets/db.{}", if format == Format::Dotenv { "env" } else { format.name() })
}
