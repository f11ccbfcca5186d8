//! `secret git textconv`, as git calls it: for `git diff`, `git log -p`, `git show` and `git blame`.

use std::fs;
use std::path::Path;

use crate::world::{DB, Outcome, World, run};

const FILE: &str = "secrets/db.yaml";

/// A repository whose git knows the driver.
fn wired() -> World {
    let world = World::with_db();
    world.write(".gitattributes", "secrets/** -text diff=secret\n");
    world.commit("attributes");
    let textconv = format!("'{}' git textconv", env!("CARGO_BIN_EXE_secret"));
    world.git(["config", "diff.secret.textconv", &textconv]);
    world
}

fn git(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    run(world.command(Path::new("git")).arg("--no-pager").args(arguments).envs(variables.iter().copied()), b"")
}

fn set(world: &World, key: &str, value: &str) {
    let _ = world.secret_with(["set", FILE, key, "--stdin"], value, &[]).success();
}

/// Returns the changed lines of a diff.
fn changed(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.starts_with(['+', '-']));
    lines.filter(|line| !line.starts_with("+++ ") && !line.starts_with("--- ")).collect()
}

const NOBODY: [(&str, &str); 2] = [("HOME", "/nonexistent"), ("SECRET_IDENTITY_FILE", "/nonexistent")];

#[test]
fn who_can_open_a_file_sees_its_plaintext() {
    let world = wired();
    set(&world, "db.password", "canary-two");
    let shown = git(&world, &["diff"], &[]).success();
    assert_eq!(changed(&shown.stdout), ["-  password: \"canary-hunter2\"", "+  password: \"canary-two\""]);
    assert_eq!(shown.stderr, "");
    let _ = world.secret(["meta", FILE, "--owner", "payments"]).success();
    world.commit("two");
    // Moved: the blob of before stood at another path than it does now.
    let _ = world.secret(["mv", FILE, "secrets/main.yaml"]).success();
    world.commit("three");
    let log = git(&world, &["log", "-p", "--format=%s", "--", "secrets"], &[]).success();
    let expected = [
        "-secret: path secrets/db.yaml",
        "+secret: path secrets/main.yaml",
        "+secret: owner payments",
        "-  password: \"canary-hunter2\"",
        "+  password: \"canary-two\"",
    ];
    assert_eq!(changed(&log.stdout)[..5], expected, "{}", log.stdout);
    assert!(git(&world, &["show", "HEAD"], &[]).success().stdout.contains("+secret: path secrets/main.yaml"));
    assert!(git(&world, &["blame", "secrets/main.yaml"], &[]).success().stdout.contains("password: \"canary-two\""));
}

#[test]
fn who_cannot_sees_that_something_changed_and_nothing_else() {
    let world = wired();
    set(&world, "db.password", "canary-two");
    let shown = git(&world, &["diff"], &NOBODY).success();
    let lines = changed(&shown.stdout);
    assert!(lines.len() == 2 && lines.iter().all(|line| line[1..].starts_with("db.password = 20")), "{lines:?}");
    assert!(!shown.stdout.contains("canary") && shown.stdout.contains("secret: no values: "), "{}", shown.stdout);
    // The same file looks the same each time.
    assert_eq!(git(&world, &["diff"], &NOBODY), shown);
}

#[test]
fn nobody_is_asked_for_a_passphrase() {
    let world = wired();
    let locked = world.home().join("locked.key");
    let _ = world.at_terminal(
        &["keygen", "-o", &locked.display().to_string(), "--passphrase"],
        &[],
        &[("passphrase for the new identity", "x y z\r"), ("again", "x y z\r")],
    );
    assert!(locked.exists());
    let locked = locked.display().to_string();
    let (code, shown) = world.at_terminal(&["-i", &locked, "git", "textconv", FILE], &[], &[]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("secret: no values: no identity without a passphrase opens it\n"), "{shown}");
    assert!(!shown.contains("passphrase for"), "{shown}");
}

#[test]
fn texts_that_git_would_keep_have_no_values() {
    let world = wired();
    set(&world, "db.password", "canary-two");
    world.commit("two");
    world.git(["config", "diff.secret.cachetextconv", "true"]);
    let shown = git(&world, &["log", "-p"], &[]).success();
    assert!(!shown.stdout.contains("canary"), "{}", shown.stdout);
    let first: Vec<&str> = shown.stderr.lines().take(2).collect();
    assert_eq!(
        first,
        [
            "warning: `cachetextconv` is set: git would keep the plaintext in its objects",
            "hint: take `diff.NAME.cachetextconv` out of git's settings; values are not shown until then",
        ]
    );
    // What git has kept holds none either.
    let kept = world.git(["notes", "--ref=textconv/secret", "list"]);
    assert!(kept.lines().count() >= 2, "{kept}");
    for note in kept.lines().filter_map(|line| line.split(' ').next()) {
        assert!(!world.git(["cat-file", "-p", note]).contains("canary"));
    }
    world.git(["config", "--unset", "diff.secret.cachetextconv"]);
    let by_command = git(&world, &["-c", "diff.secret.cachetextconv=true", "show"], &[]).success();
    assert!(!by_command.stdout.contains("canary"), "{}", by_command.stdout);
    let config = world.home().join("config");
    fs::write(&config, "[diff \"secret\"]\n\tcachetextconv = true\n").expect("a file");
    let variables = [("GIT_CONFIG_GLOBAL", config.to_str().expect("UTF-8"))];
    assert!(!git(&world, &["show"], &variables).success().stdout.contains("canary"));
    world.git(["config", "diff.other.cachetextconv", "true"]);
    world.git(["config", "diff.other.textconv", "pdftotext"]);
    // The kept texts of before are without values; they are git's, and it shows them again.
    world.git(["update-ref", "-d", "refs/notes/textconv/secret"]);
    assert!(git(&world, &["show"], &[]).success().stdout.contains("canary-two"));
}

#[test]
fn no_file_breaks_the_log() {
    let world = wired();
    let whole = world.read(FILE);
    let versions: [(&str, Vec<u8>, &str); 8] = [
        ("conflict", whole.replace("db:\n", "<<<<<<< a\ndb:\n=======\n>>>>>>> b\n").into(), "git left a conflict here"),
        ("tampered", whole.replace("port:", "part:").into(), "the encrypted value of `db.part` was changed"),
        ("half", (whole.clone() + "new: canary-plain\n").into(), "is not encrypted, though the header says it must be"),
        ("truncated", whole.as_bytes()[..400].to_vec(), "the header has no end"),
        ("plaintext", DB.into(), "canary-hunter2"),
        ("binary", b"\0\xff\x1b[31m".to_vec(), "7 bytes in clear that are not text"),
        ("empty", Vec::new(), ""),
        ("newer", whole.replace("secret/v1 ", "secret/v9 ").into(), "newer than this program"),
    ];
    for (name, bytes, _) in &versions {
        world.write(FILE, bytes);
        world.commit(name);
    }
    world.write(FILE, &whole);
    world.commit("whole again");
    for variables in [[].as_slice(), &NOBODY] {
        let log = git(&world, &["log", "-p", "--reverse", "--format=commit %s"], variables).success();
        let commits: Vec<&str> = log.stdout.split("commit ").collect();
        for (name, _, expected) in &versions {
            let commit = commits.iter().find(|commit| commit.starts_with(name)).expect("it is in the log");
            assert!(commit.contains(expected), "{name}: {commit}");
        }
        assert!(log.stdout.contains("whole again") && !log.stdout.contains('\u{1b}'), "{}", log.stdout);
    }
    let missing = world.secret(["git", "textconv", "/nonexistent"]).success();
    assert!(missing.stdout.starts_with("secret: ") && missing.stderr.is_empty(), "{missing:#?}");
}

#[test]
fn large_and_opaque_files_are_shown_in_short() {
    let world = wired().with_file("secrets/note.txt", "canary note\n").with_file("secrets/blob.bin", "\0canary");
    world.write("secrets/large.bin", "\0large\n".repeat(400_000));
    let _ = world.secret(["encrypt", "secrets/large.bin"]).success();
    world.commit("large");
    let text = |path: &str| world.secret(["git", "textconv", path]).success().stdout;
    assert!(text("secrets/note.txt").ends_with("\n\ncanary note\n"), "{}", text("secrets/note.txt"));
    let blob = text("secrets/blob.bin");
    assert!(blob.contains("secret: 7 bytes that are not text\n\nsealed as a whole, 20"), "{blob}");
    let large = text("secrets/large.bin");
    assert!(large.contains("\n\nsealed as a whole, 20") && large.len() < 1000, "{large}");
    assert!(git(&world, &["log", "-p"], &[]).success().stdout.contains("+sealed as a whole"));
}

#[test]
fn what_a_value_holds_does_not_steer_the_terminal() {
    let world = wired();
    set(&world, "db.password", "x\u{1b}]52;c;Zm9v\u{7}\u{202e}y");
    let shown = git(&world, &["diff"], &[]).success().stdout;
    assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown:?}");
    let lines = "a: 1\r\nb: 2\r\n";
    let world = wired().with_file("secrets/crlf.yaml", lines);
    assert!(world.secret(["git", "textconv", "secrets/crlf.yaml"]).success().stdout.ends_with(lines));
}

#[test]
fn where_git_can_be_asked_only_in_its_own_way_its_settings_are_still_read() {
    let world = wired();
    let clone = world.folder().join("bare").display().to_string();
    world.git(["clone", "--quiet", "--bare", ".", &clone]);
    let git_in = |setting: &str, arguments: &[&str]| {
        let textconv = format!("diff.secret.textconv='{}' git textconv", env!("CARGO_BIN_EXE_secret"));
        // A bare repository takes its attributes from a commit only when it is told which.
        let attributes = "core.attributesFile=../repo/.gitattributes";
        let options = ["-C", &clone, "-c", &textconv, "-c", attributes, "-c", setting];
        git(&world, &[&options, arguments].concat(), &[]).success().stdout
    };
    assert!(git_in("user.name=x", &["log", "-p"]).contains("canary-hunter2"));
    world.git(["-C", &clone, "config", "diff.secret.cachetextconv", "true"]);
    assert!(!git_in("user.name=x", &["log", "-p"]).contains("canary-hunter2"));
}
