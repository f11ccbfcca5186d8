//! Programs of `--exec` that fail or are interrupted when the new value may be in use already: it is kept.

use super::*;
use crate::exec::WITH_DEFAULT_SIGNALS;

const KEPT: &str = "hint: secrets/db.yaml is as it was; what the program made may be in use already; it is kept, encrypted to you: \
                    `age -d -i IDENTITY ";

/// Rotates by programs, with no signal ignored, and returns the code and what was said.
fn interrupted(world: &World, arguments: &[&str]) -> (i32, String) {
    let before = world.listing();
    let mut python = world.command(Path::new("python3"));
    python.args(["-c", WITH_DEFAULT_SIGNALS, env!("CARGO_BIN_EXE_secret")]).args(rotate(arguments));
    let outcome = run(&mut python, b"");
    assert!(!outcome.stderr.contains("canary") && outcome.stdout.is_empty(), "{outcome:#?}");
    assert_eq!(world.listing(), before);
    (outcome.code, world.filter(&outcome.stderr))
}

#[test]
fn what_a_program_wrote_before_it_failed_is_kept() {
    let world = World::with_db();
    for (script, said, made) in [
        ("echo canary-made; exit 3", "exit status: 3", &b"canary-made"[..]),
        ("printf 'canary\\nof two\\n'; kill -9 $$", "signal: 9 (SIGKILL)", b"canary\nof two\n"),
        ("printf '\\377\\n'; exit 1", "exit status: 1", b"\xff\n"),
    ] {
        let before = world.listing();
        let refused = world.secret(rotate(&["--exec", &program(&world, script)]));
        let shown = world.filter(&refused.stderr);
        assert!(refused.code == 1 && !shown.contains("canary"), "{refused:#?}");
        assert!(shown.starts_with(&format!("error: [WORLD]/home/program failed: {said}\n{KEPT}")), "{shown}");
        assert_eq!(world.listing(), before);
        assert_eq!(take_draft(&world), [b"db.password = ", made, b"\n"].concat());
    }
}

#[test]
fn a_new_value_that_its_test_refuses_is_kept() {
    let world = World::with_db();
    let refused = world.secret(rotate(&["--exec", &program(&world, "echo canary-made"), "--test", "false"]));
    let said = "error: false failed: exit status: 1\n\
                hint: secrets/db.yaml is as it was: the test of the new value says no\n";
    let shown = world.filter(&refused.stderr);
    assert!(refused.code == 1 && shown.starts_with(&format!("{said}{KEPT}")), "{shown}");
    assert_eq!(take_draft(&world), b"db.password = canary-made\n");
}

#[test]
fn what_a_program_wrote_before_somebody_ended_it_is_kept() {
    let world = World::with_db();
    let fifo = world.home().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    for (signal, code) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("TERM", 143)] {
        // Sent to `secret` alone, which hands it on: else this would wait for a line for ever.
        let wait = format!("kill -s {signal} $PPID; {{ read line < \"$HOME/fifo\"; }} 2>/dev/null");
        let waits = program(&world, &format!("echo canary-made; {wait}"));
        let (ended, shown) = interrupted(&world, &["--exec", &waits]);
        assert!(shown.starts_with(&format!("error: interrupted while [WORLD]/home/program ran\n{KEPT}")), "{shown}");
        assert_eq!((ended, take_draft(&world).as_slice()), (code, &b"db.password = canary-made\n"[..]), "{signal}");
        // One that has its own mind about the signal and ends well: its user wanted to stop all the same.
        let ends = program(&world, &format!("trap : {signal}; echo canary-made; kill -s {signal} $PPID; exit 0"));
        assert_eq!(interrupted(&world, &["--exec", &ends]).0, code);
        assert_eq!(take_draft(&world), b"db.password = canary-made\n");
        let nothing = program(&world, &wait);
        let said = "error: interrupted while [WORLD]/home/program ran\n\
                    hint: secrets/db.yaml is as it was: the program wrote no new value\n";
        assert_eq!(interrupted(&world, &["--exec", &nothing]), (code, said.to_owned()));
        // Without a program nothing is kept: what was made is in use nowhere.
        let drafts = world.home().join(".cache/secret/drafts");
        assert_eq!(std::fs::read_dir(drafts).expect("the folder").count(), 0);
    }
    let made = world.home().join("made").display().to_string();
    let script = "#!/bin/sh\nkill -s TERM $PPID; { read line < \"$HOME/fifo\"; } 2>/dev/null\n";
    let write = format!("printf '%s' '{script}' > '{made}' && chmod +x '{made}'");
    assert!(std::process::Command::new("sh").args(["-c", &write]).status().expect("a shell").success());
    let (ended, shown) = interrupted(&world, &["--exec", &program(&world, "echo canary-made"), "--test", &made]);
    assert!(shown.starts_with(&format!("error: interrupted while [WORLD]/home/made ran\n{KEPT}")), "{shown}");
    assert_eq!(
        (ended, take_draft(&world).as_slice()),
        (143, &b"db.password = canary-made\n"[..]),
        "while it was tried"
    );
    assert_eq!(get(&world, KEY), "canary-hunter2");
}

#[test]
fn what_a_program_wrote_before_ctrl_c_is_kept() {
    let world = World::with_db();
    let fifo = world.home().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    let before = world.listing();
    let waits = program(&world, "echo canary-made; echo ready >&2; read line < \"$HOME/fifo\"");
    let mut job = world.command(Path::new("python3"));
    job.args(["-c", include_str!("../job.py"), "break off", env!("CARGO_BIN_EXE_secret")]);
    job.args(rotate(&["--exec", &waits]));
    let outcome = run(&mut job, b"").success();
    assert_eq!(outcome.stdout, "code 130\n");
    assert_eq!(world.listing(), before);
    assert_eq!(take_draft(&world), b"db.password = canary-made\n");
}
