//! `secret verify` in repositories that somebody else has prepared.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::DB;
use crate::world::World;

#[test]
fn hostile_names_links_and_submodules_are_no_way_around() {
    let world = World::with_db();
    for name in
        ["secrets/-dash.yaml", "secrets/new\nline.yaml", "secrets/\u{1b}]0;x\u{7}.yaml", "secrets/qu\"o'te.yaml"]
    {
        world.write(name, "a: canary\n");
    }
    fs::write(world.repo().join(std::ffi::OsStr::from_bytes(b"secrets/\xff.yaml")), "a: canary\n").expect("a file");
    symlink("db.yaml", world.path("secrets/link.yaml")).expect("a link");
    let inner = World::with_db();
    let url = inner.repo().display().to_string();
    world.git(["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "secrets/sub"]);
    let expected = [
        "error plaintext secrets/\u{1b}]0;x\u{7}.yaml",
        "error plaintext secrets/-dash.yaml",
        "error symlink secrets/link.yaml",
        "error plaintext secrets/new\nline.yaml",
        "error plaintext secrets/qu\"o'te.yaml",
        "error bad-name secrets/\u{fffd}.yaml",
    ];
    assert_eq!(world.found(&[]), expected);
    let note = world.verify(&[]).stderr;
    assert!(note.contains("secrets/sub is a repository of its own, and was not checked\n"), "{note}");
    world.stage();
    assert_eq!(world.found(&["--staged"]), expected);
    world.commit("hostile");
    assert_eq!(world.found(&["--rev", "HEAD"]), expected);
    assert_eq!(world.found(&["--base", "HEAD~1"]), expected);
    for format in [&[][..], &["--format=github"], &["--format=junit"], &["--format=sarif"], &["--json"]] {
        let outcome = world.verify(&[&["--staged", "--base", "HEAD~1"][1..], format].concat());
        assert_eq!(outcome.code, 3);
        let is_raw = |character: char| character.is_control() && character != '\n';
        assert!(!outcome.stdout.contains(is_raw), "{format:?}: {outcome:#?}");
        if format.first() == Some(&"--format=github") {
            assert_eq!(
                outcome.stdout.lines().filter(|line| !line.starts_with("::error file=")).count(),
                0,
                "{outcome:#?}"
            );
            assert_eq!(outcome.stdout.lines().count(), expected.len());
        }
    }
}

#[test]
fn no_program_that_the_configuration_names_is_run() {
    let world = World::with_db();
    let canary = world.folder().join("started");
    let spy = format!("touch '{}'", canary.display());
    for key in [
        "core.fsmonitor",
        "core.hooksPath",
        "core.pager",
        "core.sshCommand",
        "diff.external",
        "diff.spy.textconv",
        "diff.spy.command",
        "filter.spy.clean",
        "filter.spy.smudge",
        "filter.spy.process",
        "gpg.program",
    ] {
        world.git(["config", key, &spy]);
    }
    world.write(".gitattributes", "* filter=spy diff=spy\n");
    world.write(DB, world.read(DB) + "late: canary\n");
    for state in [&[][..], &["--staged"], &["--rev", "HEAD"], &["--base", "HEAD~1"]] {
        let outcome = world.verify(state);
        assert!([0, 3].contains(&outcome.code), "{outcome:#?}");
    }
    assert!(!canary.exists());
}

#[test]
fn a_repository_of_another_user_is_refused_by_every_command_that_reads_git() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a repository to somebody else");
        return;
    }
    let world = World::with_db();
    world.secret(["git", "install"]).success();
    let chown = Command::new("chown").args(["-R", "65534"]).arg(world.repo()).status().expect("chown runs");
    assert!(chown.success());
    for arguments in [
        &["verify"][..],
        &["verify", "--staged"],
        &["verify", "--base", "HEAD"],
        &["diff"],
        &["log", DB],
        &["show", "secrets/db.yaml@HEAD"],
        &["rollback", "secrets/db.yaml@HEAD"],
        &["resolve", DB],
        &["git", "install"],
        &["decrypt", DB],
    ] {
        world.refuses(
            arguments,
            1,
            "error: the git repository [WORLD]/repo belongs to another user\n\
             hint: if you trust its owner: `git config --global --add safe.directory [WORLD]/repo`",
        );
    }
    let shown = world.secret(["git", "textconv", DB]).success();
    assert!(!shown.stdout.contains("canary") && shown.stderr.contains("belongs to another user"), "{shown:#?}");
}
