//! Secrets stand nowhere but where a command was asked for them: not in errors, files, arguments or variables, in any
//! spelling, whether the command succeeds or fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use secret::document::Format;

use crate::canary::Canaries;
use crate::help;
use crate::scenes::{Scene, Stage, YAML, scenes};
use crate::trace::{Trace, traced, tracer};
use crate::world::{Outcome, World, run};

/// What the user may have set, and must not make the program talk.
const TALKATIVE: [(&str, &str); 5] = [
    ("RUST_BACKTRACE", "full"),
    ("RUST_LOG", "trace"),
    ("RUST_LIB_BACKTRACE", "1"),
    ("GIT_TRACE", "1"),
    ("DEBUG", "1"),
];

#[test]
fn every_command_has_a_scene_in_which_it_succeeds() {
    let stage = Stage::new();
    let played: BTreeSet<&str> =
        scenes(&stage).iter().filter(|scene| scene.code == 0).map(|scene| scene.command).collect();
    let commands = help::commands();
    let expected: BTreeSet<&str> = commands.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(played, expected, "add a line to `scenes` in tests/it/scenes.rs");
}

#[test]
fn no_scene_leaks_opens_a_socket_or_starts_what_nobody_asked_for() {
    let stage = Stage::new();
    let scenes = scenes(&stage);
    let refused = scenes.iter().filter(|scene| scene.code != 0).count();
    let (is_traced, calls) = (tracer().is_some(), AtomicUsize::new(0));
    let wrong = all(&scenes, |scene| {
        let (world, mut variables) = scene.set(&stage);
        variables.extend(TALKATIVE.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for (name, folder) in [("TMPDIR", "tmp"), ("XDG_STATE_HOME", "state"), ("XDG_DATA_HOME", "data")] {
            fs::create_dir(world.folder().join(folder)).expect("a new folder");
            variables.push((name.to_owned(), world.folder().join(folder).display().to_string()));
        }
        let program = env!("CARGO_BIN_EXE_secret");
        let mut wrong = if is_traced {
            let trace = traced(&world, program, &scene.arguments, &scene.stdin, &variables);
            let trace = trace.expect("there is a tracer");
            calls.fetch_add(trace.text.lines().count(), Ordering::Relaxed);
            [in_trace(&stage.canaries, scene, &world, &trace), in_outcome(&stage.canaries, scene, &trace.outcome)]
                .concat()
        } else {
            let mut command = world.command(program.as_ref());
            command.args(&scene.arguments).envs(variables);
            in_outcome(&stage.canaries, scene, &run(&mut command, scene.stdin.as_bytes()))
        };
        wrong.extend(on_disk(&stage.canaries, scene, &world));
        wrong
    });
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(stage.canaries.leaks_in_memory(), Vec::<PathBuf>::new());
    let traced = if is_traced { "0 sockets" } else { "not traced" };
    let calls = calls.into_inner();
    println!("leaks: {} scenes ({refused} refusals), 0 leaks; {calls} system calls read, {traced}", scenes.len());
}

/// Plays scenes on all cores, and returns what was wrong.
pub fn all(scenes: &[Scene], play: impl Fn(&Scene) -> Vec<String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(scene) = scenes.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = play(scene);
                    let title = scene.title();
                    wrong.lock().expect("no panic").extend(found.into_iter().map(|found| format!("{title}: {found}")));
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("no panic");
    wrong.sort();
    wrong
}

/// Compares where plaintext stands afterwards with what the scene says of it.
fn on_disk(canaries: &Canaries, scene: &Scene, world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    let found: BTreeSet<PathBuf> = canaries.leaks_below(&world.folder()).into_keys().collect();
    let keys = ["home/.config/secret/identities.txt", "home/bob.key"];
    let allowed: BTreeSet<PathBuf> =
        scene.plaintext_in.iter().map(String::as_str).chain(keys).map(PathBuf::from).collect();
    if found != allowed {
        wrong.push(format!("plaintext in {found:?}, not in {allowed:?}"));
    }
    // Git's objects are compressed.
    let objects = world.git(["cat-file", "--batch-all-objects", "--batch", "--unordered"]);
    wrong.extend(canaries.leaks_in(objects.as_bytes()).into_iter().map(|leak| format!("among git's objects: {leak}")));
    wrong
}

/// Compares what was called with what the scene says of it.
pub fn in_trace(canaries: &Canaries, scene: &Scene, world: &World, trace: &Trace) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut started: Vec<&str> = trace.programs.iter().filter_map(|path| path.file_name()?.to_str()).collect();
    // Git is asked one thing after the other.
    started.dedup();
    let expected: Vec<&str> = ["secret"].into_iter().chain(scene.starts.iter().copied()).collect();
    if started != expected {
        wrong.push(format!("it started {started:?}, not {expected:?}"));
    }
    let holds_signals = scene.command == "exec" || scene.arguments.iter().any(|argument| argument == "--exec");
    let pairs = trace.pairs.iter().filter(|_| !holds_signals);
    wrong.extend(trace.sockets.iter().chain(pairs).map(|call| format!("a socket: {call}")));
    wrong.extend(trace.written_outside(&[&world.folder()]).iter().map(|path| format!("it wrote {}", path.display())));
    // The variables of its program are what `exec` is for.
    let text = if scene.command == "exec" { trace.text_without_variables() } else { trace.text.clone() };
    let found = canaries.leaks_in(text.as_bytes());
    wrong.extend(found.into_iter().map(|leak| format!("in arguments, variables or names of files: {leak}")));
    wrong
}

/// Compares an outcome with what the scene says of it.
pub fn in_outcome(canaries: &Canaries, scene: &Scene, outcome: &Outcome) -> Vec<String> {
    let mut wrong = Vec::new();
    if outcome.code != scene.code {
        wrong.push(format!("exit code {}, not {}: {}", outcome.code, scene.code, outcome.stderr));
    }
    if scene.code != 0 && scene.code != 2 && !outcome.stderr.contains("error: ") {
        wrong.push(format!("it failed without a word: {}", outcome.stderr));
    }
    if canaries.leaks_in(outcome.stdout.as_bytes()).is_empty() == scene.hands_out {
        wrong.push(format!("values on stdout: {}", !scene.hands_out));
    }
    let said = canaries.leaks_in(outcome.stderr.as_bytes());
    wrong.extend(said.into_iter().map(|leak| format!("on stderr: {leak}: {}", outcome.stderr)));
    if outcome.stderr.contains("panicked") {
        wrong.push(outcome.stderr.clone());
    }
    wrong
}

#[test]
fn what_is_typed_at_a_prompt_is_never_shown() {
    let stage = Stage::new();
    let world = stage.world.copy();
    let typed = format!("{}\r", stage.new);
    let prompt = "new value of db.password";
    let prompts = [(prompt, typed.as_str()), ("again", typed.as_str())];
    let differing = [(prompt, typed.as_str()), ("again", "different\r"), (prompt, "\u{3}")];
    for (answers, code) in [(&prompts[..], 0), (&differing[..], 1), (&differing[2..], 1)] {
        let (ended, screen) = world.at_terminal(&["set", YAML, "db.password"], &TALKATIVE, answers);
        assert!(stage.canaries.leaks_in(screen.as_bytes()).is_empty(), "{answers:?}");
        assert_eq!(ended == 0, code == 0, "{answers:?}: {ended}: {screen}");
    }
    assert_eq!(world.secret(["get", YAML, "db.password"]).success().stdout, stage.new);
    let passphrase = [("passphrase for the new identity", typed.as_str()), ("again", typed.as_str())];
    let key = world.home().join("locked.key").display().to_string();
    let (ended, screen) = world.at_terminal(&["keygen", "--passphrase", "-o", &key], &TALKATIVE, &passphrase);
    assert!(ended == 0 && stage.canaries.leaks_in(screen.as_bytes()).is_empty());
    for answer in [typed.as_str(), "wrong\r", "\u{3}"] {
        let answers = [("passphrase for ", answer)];
        let (_, screen) = world.at_terminal(&["-i", &key, "decrypt", YAML], &TALKATIVE, &answers);
        assert!(stage.canaries.leaks_in(screen.as_bytes()).is_empty(), "{screen}");
    }
    let found: Vec<PathBuf> = stage.canaries.leaks_below(&world.folder()).into_keys().collect();
    assert_eq!(found, ["home/.config/secret/identities.txt", "home/bob.key"].map(PathBuf::from));
}

#[test]
fn no_parser_quotes_the_text_that_it_refuses() {
    let mut canaries = Canaries::default();
    let [value, comment] = ["Value", "Comment"].map(|name| canaries.plant(name));
    let samples = [
        (Format::Yaml, format!("a: {value} # {comment}\nb: [\"{value}\", '{value}']\nc: |\n  {value}\n")),
        (Format::Json, format!("{{\"a\": \"{value}\", \"b\": [\"{value}\", 1]}}")),
        (Format::Toml, format!("a = \"{value}\" # {comment}\n[b]\nc = ['{value}', 1]\n")),
        (Format::Dotenv, format!("A={value} # {comment}\nexport B=\"{value}\"\nC='{value}'\n")),
        (Format::Ini, format!("[a]\nb = {value}\n; {comment}\nc: {value}\n")),
    ];
    let (mut tried, mut refused) = (0, 0);
    for (format, text) in samples {
        for at in 0..=text.len() {
            let cut = [
                text[at..].to_owned(),
                text[..at].to_owned(),
                text[..at].to_owned() + text.get(at + 1..).unwrap_or(""),
            ];
            let inserted =
                ["\"", "'", ":", "=", "[", "}", ",", "&", "*", "!", "\t", "\n", "\\", "\0", "\u{1}", "# ", "%", "<<: "];
            let inserted = inserted.map(|piece| format!("{}{piece}{}", &text[..at], &text[at..]));
            for changed in cut.into_iter().chain(inserted) {
                tried += 1;
                let Err(error) = secret::document::parse(format, &changed) else { continue };
                refused += 1;
                let said = format!("{error} {error:?} {error:#?}");
                assert!(canaries.leaks_in(said.as_bytes()).is_empty(), "{changed}\n{said}");
            }
        }
    }
    println!("parsers: {tried} changed texts, {refused} refused, none quoted");
}
