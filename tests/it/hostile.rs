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
use secret::envelope::native::{Comments, Metadata, ValueMetadata};
use secret::policy::MAX_POLICY;

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
    let said = ValueMetadata { links: vec!["x".to_owned()], ..ValueMetadata::default() };
    let values = many(&|index| format!("key{index}")).into_iter().map(|key| (key, said.clone()));
    let values = Metadata { values: values.take(kibibytes * 10).collect(), ..Metadata::default() };
    let file = trial.header_with(|header| header.metadata = values);
    trial.world.write("secrets/db.yaml", file + "a: 1\n");
    trial.commands("secrets/db.yaml", "many values that something is said of", "header");
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

#[test]
fn a_header_of_many_readers_costs_bounded_memory() {
    let Some(mut trial) = Trial::begin() else { return };
    // Those that a stranger makes up are as many as age's stanzas have room for; the user is the last of them.
    let count = if trial.is_whole { 1200 } else { 60 };
    let strangers: Vec<String> = recipients(count);
    let file = trial.header_with(|header| {
        let (name, user) = header.recipients.pop_first().expect("the user");
        header.recipients =
            strangers.iter().enumerate().map(|(at, one)| (format!("a{at}"), vec![one.clone()])).collect();
        header.recipients.insert(name.replace('a', "z"), user);
    });
    trial.world.write("secrets/db.yaml", file.clone() + "a: 1\n");
    trial.commands("secrets/db.yaml", "many readers", "header");
    // In another order than the header says, all stanzas have to be tried.
    let own = file.lines().find(|line| line.starts_with("# recipients.z")).expect("the user's line").to_owned() + "\n";
    let first = file.find("# recipients.").expect("there are some");
    let moved = file.replacen(&own, "", 1);
    let shuffled = format!("{}{}{}", &moved[..first], own.replacen('z', "A", 1), &moved[first..]);
    trial.world.write("secrets/db.yaml", shuffled + "a: 1\n");
    trial.commands("secrets/db.yaml", "many readers, in another order", "header");
    trial.end();
}

#[test]
fn a_hostile_policy_costs_bounded_memory() {
    let Some(mut trial) = Trial::begin() else { return };
    let room = if trial.is_whole { MAX_POLICY - (8 << 10) } else { 32 << 10 };
    let own = trial.world.read(".secret.toml");
    let fill = |line: &dyn Fn(usize) -> String| -> String {
        let mut text = String::new();
        for index in 0.. {
            let line = line(index);
            if text.len() + line.len() > room {
                break;
            }
            text.push_str(&line);
        }
        text
    };
    let rules = |pattern: &dyn Fn(usize) -> String| {
        own.clone() + &fill(&|index| format!("[[rules]]\npath = {:?}\nreaders = [\"team\"]\n", pattern(index)))
    };
    // Each names groups before it; the rule names the last one.
    let groups = |before: &dyn Fn(usize) -> std::ops::Range<usize>| {
        let lines = fill(&|index| {
            let names: Vec<_> = before(index).map(|index| format!("\"g{index}\"")).collect();
            format!("g{index} = [{}]\n", if index == 0 { "\"alice\"".to_owned() } else { names.join(", ") })
        });
        let last = lines.lines().count() - 1;
        own.replacen("[groups]\n", &format!("[groups]\n{lines}"), 1).replacen(
            "readers = [",
            &format!("readers = [\"g{last}\", "),
            1,
        )
    };
    let strangers = recipients(if trial.is_whole { 2000 } else { 60 });
    let members =
        strangers.iter().enumerate().map(|(index, one)| format!("m{index} = \"{one}\"\n")).collect::<String>();
    let everybody: Vec<String> = (0..strangers.len()).map(|index| format!("\"m{index}\"")).collect();
    let stars = "a*".repeat(240);
    let folders = "**/a/".repeat(96);
    for (name, policy) in [
        ("many rules", rules(&|index| format!("secrets/{index}/**"))),
        ("rules of many stars", rules(&|index| format!("secrets/{stars}{index}"))),
        ("rules of many folders", rules(&|index| format!("secrets/{folders}{index}"))),
        ("a chain of groups", groups(&|index| index.saturating_sub(1)..index)),
        ("a ladder of groups", groups(&|index| index.saturating_sub(2)..index)),
        ("groups of all before", groups(&|index| index.saturating_sub(100)..index)),
        (
            "many members",
            own.replacen("[members]\n", &format!("[members]\n{members}"), 1).replacen(
                "[groups]\n",
                &format!("[groups]\nall = [{}]\n", everybody.join(", ")),
                1,
            ),
        ),
        ("one long line", format!("{own}# {}\n", "x".repeat(room))),
        ("deep brackets", format!("{own}tags = {}{}\n", "[".repeat(room / 2), "]".repeat(room / 2))),
    ] {
        trial.world.write(".secret.toml", &policy);
        let path = format!("secrets/{}", "a".repeat(200));
        trial.world.write(&path, "a: 1\n");
        for arguments in [&["encrypt", &path][..], &["ls"], &["member", "list"], &["doctor"], &["rekey", "--check"]] {
            trial.measure(arguments, name, "policy");
        }
    }
    trial.end();
}

/// Makes up recipients.
fn recipients(count: usize) -> Vec<String> {
    (0..count).map(|_| age::x25519::Identity::generate().to_public().to_string()).collect()
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
