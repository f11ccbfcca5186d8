//! Many processes at once: nothing is lost, and whoever cannot write says so.

use std::io::Write as _;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::files::Files;
use crate::world::{CAUTION, DB, Outcome, World};

const WRITERS: usize = 64;
const FILE: &str = "secrets/app.env";

#[test]
fn sixty_four_writers_of_distinct_keys_lose_nothing_and_readers_see_whole_files() {
    let world = World::new().with_file(FILE, "FIRST=canary-first\n");
    let (is_done, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_done.load(Ordering::SeqCst) {
                    let text = world.secret(["decrypt", FILE]).success().stdout;
                    assert!(text.starts_with("FIRST=canary-first\n") && text.ends_with('\n'), "{text:?}");
                    let is_whole = |line: &str| match line.strip_prefix("KEY_").and_then(|line| line.split_once('=')) {
                        Some((number, value)) => value == format!("canary-{number}"),
                        None => line == "FIRST=canary-first",
                    };
                    assert!(text.lines().all(is_whole), "{text:?}");
                    reads.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let start = |number: usize| {
            let (key, value) = (format!("KEY_{number}"), format!("canary-{number}"));
            start(&world, &["set", FILE, &key, "--stdin"], &value)
        };
        let writers: Vec<Child> = (0..WRITERS).map(start).collect();
        let outcomes: Vec<Outcome> = writers.into_iter().map(end).collect();
        is_done.store(true, Ordering::SeqCst);
        for outcome in outcomes {
            assert_eq!(outcome.code, 0, "{outcome:#?}");
        }
    });
    let text = world.secret(["decrypt", FILE]).success().stdout;
    for number in 0..WRITERS {
        assert!(text.lines().any(|line| line == format!("KEY_{number}=canary-{number}")), "{number}: {text}");
    }
    assert_eq!(text.lines().count(), WRITERS + 1);
    assert_nothing_left(&world);
    println!("writers: {WRITERS} distinct keys, 0 lost; {} reads meanwhile, all whole", reads.into_inner());
}

#[test]
fn of_sixty_four_writers_of_one_key_the_last_one_wins_or_is_told() {
    let world = World::new().with_file(FILE, "KEY=canary-none\n");
    // An edit sees the file long before it writes: it is refused, and keeps what was typed.
    let editor = world.editor("sed -i \"s/^KEY=.*/KEY=canary-edit-$$/\" \"$1\"");
    let is_edit = |number: usize| number.is_multiple_of(8);
    let start = |number: usize| {
        if is_edit(number) {
            let mut command = world.command(env!("CARGO_BIN_EXE_secret").as_ref());
            command.args(["edit", FILE]).env("EDITOR", &editor).stdin(Stdio::null());
            return command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        }
        start(&world, &["set", FILE, "KEY", "--stdin"], &format!("canary-set-{number}"))
    };
    let writers: Vec<Child> = (0..WRITERS).map(start).collect();
    let (mut written, mut refused) = (Vec::new(), 0);
    for (number, outcome) in writers.into_iter().map(end).enumerate() {
        match outcome.code {
            0 => written.push(number),
            _ => {
                refused += 1;
                let said = outcome.stderr.strip_prefix(CAUTION).unwrap_or(&outcome.stderr);
                let is_clear = said.starts_with("error: ") && (said.contains("was changed meanwhile\nhint: "));
                assert!(outcome.code == 1 && is_clear, "{outcome:#?}");
                assert!(!is_edit(number) || said.contains("what you typed is kept"), "{outcome:#?}");
            }
        }
    }
    let value = world.secret(["get", FILE, "KEY"]).success().stdout;
    let is_written = match value.strip_prefix("canary-set-") {
        Some(number) => number.parse().is_ok_and(|number: usize| written.contains(&number)),
        None => value.starts_with("canary-edit-") && written.iter().any(|number| is_edit(*number)),
    };
    assert!(is_written, "{value} of {written:?}");
    let drafts = Files::of(&world).drafts().len();
    assert_eq!(drafts, refused, "each edit that was refused has its draft");
    assert_nothing_left(&world);
    println!("writers: {WRITERS} of one key, {} written, {refused} refused with a draft each", written.len());
}

#[test]
fn different_commands_on_one_file_never_undo_each_other() {
    let template = World::with_db();
    let rounds = if std::env::var("SECRET_FAULTS").is_ok_and(|which| which == "all") { 100 } else { 8 };
    let (mut done, mut refused) = (0, 0);
    for round in 0..rounds {
        let world = template.copy();
        let mut commands: [(&[&str], &str); 5] = [
            (&["set", "secrets/db.yaml", "db.password", "--stdin"], "canary-hunter3"),
            (&["meta", "secrets/db.yaml", "--owner", "payments"], ""),
            (&["rekey", "--new-key", "--yes"], ""),
            (&["mv", "secrets/db.yaml", "secrets/other.yaml"], ""),
            (&["decrypt", "--in-place", "secrets/db.yaml"], ""),
        ];
        commands.rotate_left(round % 5);
        let running: Vec<Child> = commands.iter().map(|(arguments, stdin)| start(&world, arguments, stdin)).collect();
        let outcomes: Vec<Outcome> = running.into_iter().map(end).collect();
        let mut succeeded = Vec::new();
        for ((arguments, _), outcome) in commands.iter().zip(&outcomes) {
            // A rekey that finds the file in plaintext, or between two names, has nothing to do.
            let has_done = outcome.code == 0 && !outcome.stderr.contains("in line with the policy");
            if has_done {
                succeeded.push(arguments[0]);
            }
            let is_clear = outcome.stderr.starts_with("error: ") || outcome.stderr.contains("\nerror: ");
            assert!(outcome.code == 0 || is_clear, "{outcome:#?}");
        }
        done += succeeded.len();
        refused += commands.len() - succeeded.len();

        let paths = ["secrets/db.yaml", "secrets/other.yaml"].map(|path| world.path(path).exists().then_some(path));
        let [path] = paths.into_iter().flatten().collect::<Vec<_>>()[..] else {
            panic!("at both places or none: {paths:?} {outcomes:#?}")
        };
        assert_eq!(path == "secrets/other.yaml", succeeded.contains(&"mv"), "{outcomes:#?}");
        let content = world.read(path);
        let is_encrypted = content.starts_with("# secret/v1 begin");
        let text = if is_encrypted { world.secret(["decrypt", path]).success().stdout } else { content.clone() };
        let is_set = succeeded.contains(&"set");
        assert_eq!(text, if is_set { DB.replace("hunter2", "hunter3") } else { DB.to_owned() }, "{outcomes:#?}");
        assert_eq!(is_encrypted, !succeeded.contains(&"decrypt"), "{outcomes:#?}");
        if is_encrypted {
            assert_eq!(content.contains("owner = \"payments\""), succeeded.contains(&"meta"), "{outcomes:#?}");
            assert_eq!(content.contains("generation = 2"), succeeded.contains(&"rekey"), "{outcomes:#?}");
        }
        assert_nothing_left(&world);
    }
    println!(
        "writers: set, meta, rekey, mv, decrypt --in-place at once, {rounds} rounds: {done} done, {refused} refused, 0 undone"
    );
}

#[test]
fn of_several_processes_that_encrypt_one_new_file_one_does() {
    let world = World::new();
    world.write("secrets/new.yaml", DB);
    let running: Vec<Child> = (0..8).map(|_| start(&world, &["encrypt", "secrets/new.yaml"], "")).collect();
    let outcomes: Vec<Outcome> = running.into_iter().map(end).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.code == 0).count(), 1, "{outcomes:#?}");
    for outcome in outcomes.iter().filter(|outcome| outcome.code != 0) {
        let is_clear = ["new.yaml was changed meanwhile\nhint: ", "secrets/new.yaml is encrypted already\nhint: "]
            .iter()
            .any(|what| outcome.stderr.contains(what));
        assert!(outcome.code == 1 && outcome.stderr.starts_with("error: ") && is_clear, "{outcome:#?}");
    }
    assert_eq!(world.secret(["decrypt", "secrets/new.yaml"]).success().stdout, DB);
    assert_nothing_left(&world);
}

#[test]
fn of_several_new_files_for_one_path_one_stands_whole() {
    let world = World::new();
    let running: Vec<Child> = (0..8)
        .map(|number| start(&world, &["encrypt", "-", "--path", "secrets/new.env"], &format!("A=canary-{number}\n")))
        .collect();
    let outcomes: Vec<Outcome> = running.into_iter().map(end).collect();
    for outcome in outcomes.iter().filter(|outcome| outcome.code != 0) {
        let is_clear = outcome.stderr.contains("exists already") || outcome.stderr.contains("was changed meanwhile");
        assert!(outcome.code == 1 && outcome.stderr.starts_with("error: ") && is_clear, "{outcome:#?}");
    }
    let text = world.secret(["decrypt", "secrets/new.env"]).success().stdout;
    let number: usize =
        text.trim_end().strip_prefix("A=canary-").and_then(|number| number.parse().ok()).expect("one of them");
    assert_eq!(outcomes[number].code, 0, "{outcomes:#?}");
    assert_nothing_left(&world);
}

fn start(world: &World, arguments: &[&str], stdin: &str) -> Child {
    let mut command = world.command(env!("CARGO_BIN_EXE_secret").as_ref());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // Who is refused before reading closes the pipe early.
    let _ = child.stdin.take().expect("it is piped").write_all(stdin.as_bytes());
    child
}

fn end(child: Child) -> Outcome {
    let output = child.wait_with_output().expect("it ends");
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[track_caller]
fn assert_nothing_left(world: &World) {
    assert_eq!(Files::of(world).leftovers(), Vec::<&str>::new());
}
