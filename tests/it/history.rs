//! `secret log`, `show` and `rollback`: what was when, without a key; what it was, with one; and back to it.

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::world::{DB, Outcome, World};

const FILE: &str = "secrets/db.yaml";
const NOBODY: [(&str, &str); 1] = [("HOME", "/nonexistent")];

/// Runs `log` without an identity, and returns the lines without names of commits and days.
#[track_caller]
fn log(world: &World, arguments: &[&str]) -> Vec<String> {
    let outcome = world.secret_with([&["log"], arguments].concat(), "", &NOBODY).success();
    assert!(outcome.stderr.is_empty() && !outcome.stdout.contains("canary"), "{outcome:#?}");
    lines(&outcome)
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let line = |line: &str| match line.strip_prefix("  ") {
        Some(change) => match change.split_once(" (that of ") {
            Some((before, _)) => format!("  {before} (that of …)"),
            None => line.to_owned(),
        },
        None => line.split_once("<alice@example.com> ").expect("an author").1.to_owned(),
    };
    outcome.stdout.lines().map(line).collect()
}

#[track_caller]
fn set(world: &World, path: &str, key: &str, value: &str) {
    let _ = world.secret_with(["set", path, key, "--stdin"], value, &[]).success();
}

#[track_caller]
fn get(world: &World, path: &str, key: &str) -> String {
    world.secret(["get", path, key]).success().stdout
}

/// A file with a history: a value, a key, an owner, a move, a new value.
fn lived() -> World {
    let world = World::with_db();
    set(&world, FILE, "db.password", "canary-two");
    world.commit("a value");
    set(&world, FILE, "api.key", "canary-three");
    let _ = world.secret(["meta", FILE, "--owner", "payments"]).success();
    world.commit("a key and an owner");
    let _ = world.secret(["mv", FILE, "secrets/main.yaml"]).success();
    world.commit("a move");
    world.write("other", "x");
    world.commit("something else");
    set(&world, "secrets/main.yaml", "db.password", "canary-four");
    world.commit("a new value");
    world
}

#[test]
fn each_commit_is_told_by_what_it_changed_through_renames() {
    let world = lived();
    let expected = [
        "a new value",
        "  db.password changed",
        "a move",
        "  moved: secrets/db.yaml -> secrets/main.yaml",
        "a key and an owner",
        "  owner: (none) -> payments",
        "  db.port sealed again, perhaps changed",
        "  api.key added",
        "a value",
        "  db.password changed",
        "secrets/db.yaml",
        "  file added",
        "  reader alice added",
        "  db.user added",
        "  db.password added",
        "  db.port added",
        "  comment before db.password added",
    ];
    assert_eq!(log(&world, &["secrets/main.yaml"]), expected);
    // By its old name it ends with the move.
    assert_eq!(log(&world, &[FILE])[..2], ["a move", "  moved: secrets/db.yaml -> secrets/main.yaml"]);
    let first = world.secret(["log", "secrets/main.yaml"]).success().stdout;
    let head = world.git(["rev-parse", "HEAD"]);
    assert!(first.starts_with(&format!("{} 20", &head[..10])), "{first}");
}

#[test]
fn one_key_is_followed_through_renames() {
    let world = lived();
    let expected =
        ["a new value", "  db.password changed", "a value", "  db.password changed", FILE, "  db.password added"];
    assert_eq!(log(&world, &["secrets/main.yaml", "db.password"]), expected);
    let text = world.secret(["decrypt", "secrets/main.yaml"]).success().stdout;
    world.write("new.yaml", text.replace("password:", "pass:"));
    let _ = world.secret(["edit", "secrets/main.yaml", "--from", "new.yaml"]).success();
    fs::remove_file(world.path("new.yaml")).expect("a file");
    world.commit("another name");
    let found = log(&world, &["secrets/main.yaml", "db.pass"]);
    assert_eq!(found[..2], ["another name", "  db.password renamed to db.pass"]);
    assert_eq!(found[found.len() - 6..], expected);
    assert_eq!(log(&world, &["secrets/main.yaml", "api"]), ["a key and an owner", "  api.key added"]);
    world.refuses(
        ["log", "secrets/main.yaml", "nosuch"],
        1,
        "error: no commit changed nosuch in secrets/main.yaml\nhint: `secret log secrets/main.yaml` shows what was changed",
    );
    world.refuses(["log", "secrets/main.yaml", "a..b"], 2, "error: a..b: a key path has no empty part (character 3)");
}

#[test]
fn what_was_put_back_is_told_with_the_commit_it_comes_from() {
    let world = World::with_db();
    let [two, three] = ["canary-two", "canary-three"];
    set(&world, FILE, "db.password", two);
    world.commit("two");
    set(&world, FILE, "db.password", three);
    world.commit("three");
    world.git(["checkout", "--quiet", "HEAD~1", "--", FILE]);
    world.commit("back");
    let json: Value =
        serde_json::from_str(&world.secret(["log", FILE, "db.password", "--json"]).success().stdout).expect("JSON");
    let change = &json["commits"][0]["changes"][0];
    let source = world.git(["rev-parse", "HEAD~2"]);
    assert_eq!((change["change"].as_str(), change["to"].as_str()), (Some("put-back"), Some(&source[..10])));
    assert_eq!(
        log(&world, &[FILE])[..4],
        ["back", "  db.password put back to an older state (that of …)", "three", "  db.password changed"]
    );
    // Removed, and there again.
    let _ = world.secret(["unset", FILE, "db.port"]).success();
    world.commit("removed");
    world.git(["checkout", "--quiet", "HEAD~1", "--", FILE]);
    world.commit("there again");
    assert_eq!(
        log(&world, &[FILE, "db.port"])[..2],
        ["there again", "  db.port put back to an older state (that of …)"]
    );
    // A change that was picked from another branch is none.
    world.git(["checkout", "--quiet", "-b", "side"]);
    set(&world, FILE, "db.user", "side");
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    world.git(["commit", "--quiet", "--allow-empty", "--message", "main"]);
    world.git(["cherry-pick", "side"]);
    world.git(["merge", "--quiet", "--no-edit", "side"]);
    let found = log(&world, &[FILE, "db.user"]);
    assert!(found.iter().all(|line| !line.contains("put back")), "{found:?}");
}

#[test]
fn a_merge_is_told_by_what_it_alone_changed() {
    let world = World::with_db();
    world.git(["checkout", "--quiet", "-b", "side"]);
    set(&world, FILE, "db.port", "1");
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    set(&world, FILE, "db.user", "2");
    world.commit("main");
    world.git(["merge", "--quiet", "--no-edit", "side"]);
    let clean = log(&world, &[FILE]);
    assert!(clean.iter().all(|line| !line.starts_with("Merge")), "{clean:?}");
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    world.git(["merge", "--quiet", "--no-commit", "side"]);
    set(&world, FILE, "db.password", "evil");
    world.commit("a merge with more in it");
    assert_eq!(log(&world, &[FILE])[..2], ["a merge with more in it", "  db.password changed"]);
}

#[test]
fn broken_plain_and_removed_versions_are_told() {
    let world = World::new();
    world.write(FILE, DB);
    world.commit("in clear");
    let _ = world.secret(["encrypt", FILE]).success();
    world.commit("encrypted");
    let whole = world.read(FILE);
    world.tamper(FILE, "  port: ", "  part: ");
    world.commit("by hand");
    world.write(FILE, whole.replace("db:\n", "<<<<<<< a\ndb:\n=======\n>>>>>>> b\n"));
    world.commit("conflict");
    world.git(["rm", "--quiet", FILE]);
    world.commit("gone");
    let found = log(&world, &[FILE]);
    let has = |line: &str| assert!(found.iter().any(|found| found.starts_with(line)), "{line}: {found:#?}");
    assert_eq!(found[..2], ["gone", "  file removed"]);
    has("  file broken: line ");
    has("  file is encrypted now");
    has("  db.port renamed to db.part");
    assert_eq!(found[found.len() - 7..][..3], ["in clear", "  file added", "  file is in clear"]);
}

#[test]
fn a_shallow_clone_says_what_it_cannot_know() {
    let world = lived();
    let url = format!("file://{}", world.repo().display());
    world.git(["clone", "--quiet", "--depth=2", &url, "../clone"]);
    let clone = world.folder().join("clone").display().to_string();
    let outcome = world.secret_with(["-C", &clone, "log", "secrets/main.yaml"], "", &NOBODY).success();
    assert_eq!(
        lines(&outcome),
        [
            "a new value",
            "  db.password changed",
            "something else",
            "  file is there already; what was before is not in this clone"
        ]
    );
    assert_eq!(
        outcome.stderr,
        "warning: the history of this clone was cut off: who made the file, and what changed before, is not in it\n\
         hint: `git fetch --unshallow` brings the rest\n"
    );
    world.refuses(
        ["-C", &clone, "log", FILE],
        1,
        "error: no commit has secrets/db.yaml\n\
         hint: the history of this clone was cut off: `git fetch --unshallow` brings the rest",
    );
    world.refuses(
        ["-C", &clone, "show", "secrets/main.yaml@HEAD~3"],
        1,
        "error: HEAD~3 is no commit of this repository\n\
         hint: the history of this clone was cut off: `git fetch --unshallow` brings the rest",
    );
}

#[test]
fn what_commits_say_of_themselves_is_escaped() {
    let world = World::with_db();
    set(&world, FILE, "db.port", "1");
    world.git(["add", "--all"]);
    world.git([
        "-c",
        "user.name=x",
        "commit",
        "--quiet",
        "--author",
        "Eve\u{1b}[31m <e\u{202e}@x>",
        "--message",
        "a\u{9b}b",
    ]);
    let shown = world.secret(["log", FILE]).success().stdout;
    let first = shown.lines().next().expect("a line");
    assert!(first.ends_with("Eve\\u{1b}[31m <e\\u{202e}@x> a\\u{9b}b"), "{first}");
}

#[test]
fn a_version_is_shown_whole_or_by_key() {
    let world = lived();
    assert_eq!(world.secret(["show", "secrets/main.yaml@HEAD~1", "db.password"]).success().stdout, "canary-two");
    assert_eq!(
        world.secret(["show", "secrets/main.yaml@HEAD~3", "api", "--json"]).success().stdout,
        "{\n  \"key\": \"canary-three\"\n}\n"
    );
    let followed = world.secret(["show", "secrets/main.yaml@HEAD~5"]).success();
    assert_eq!(
        (followed.stdout.as_str(), followed.stderr.as_str()),
        (DB, "secrets/main.yaml@HEAD~5 was secrets/db.yaml\n")
    );
    assert_eq!(world.secret(["-C", "secrets", "show", "main.yaml@main", "db.user"]).success().stdout, "admin");
    assert_eq!(world.secret(["show", "secrets/main.yaml@main@{0}", "db.user"]).success().stdout, "admin");
    world.refuses(
        ["show", "secrets/main.yaml@HEAD~5", "db.pasword"],
        1,
        "secrets/main.yaml@HEAD~5 was secrets/db.yaml\nerror: secrets/main.yaml@HEAD~5 has no key db.pasword\n\
         hint: did you mean db.password?",
    );
    let (stranger, _) = world.keygen("stranger");
    let refused = world.secret(["show", "-i", &stranger, "secrets/main.yaml@HEAD"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""));
}

#[test]
fn a_name_may_have_signs_in_it_that_divide_a_version() {
    let world = World::new().with_file("secrets/a@b.yaml", "x: 1\n").with_file("secrets/@HEAD", "x\n");
    assert_eq!(world.secret(["show", "secrets/a@b.yaml@HEAD", "x"]).success().stdout, "1");
    assert_eq!(world.secret(["show", "secrets/@HEAD@HEAD"]).success().stdout, "x\n");
    let usage = "hint: write FILE@REV, as in secrets/db.yaml@HEAD~1";
    world.refuses(["show", "secrets/db.yaml"], 2, &format!("error: secrets/db.yaml names no commit\n{usage}"));
    world.refuses(["show", "@HEAD"], 2, &format!("error: @HEAD names no commit\n{usage}"));
    let other = "hint: name a branch, a tag or the beginning of a commit's name";
    world.refuses(
        ["show", "secrets/a@b.yaml@no\u{1b}"],
        1,
        &format!("error: no\\u{{1b}} is no commit of this repository\n{other}"),
    );
    world.refuses(
        ["show", "secrets/none@HEAD"],
        1,
        "error: HEAD has no secrets/none\nhint: `secret log secrets/none` shows which commits have it",
    );
    world.refuses(["show", "secrets@HEAD"], 1, "error: secrets is a folder in git, not a file");
    world.refuses(
        ["show", ".secret.toml@HEAD"],
        1,
        "error: .secret.toml@HEAD is not encrypted\n\
         hint: `git show REV:FILE` prints it; who has the repository knows these values",
    );
    let empty = World::empty();
    empty.refuses(["show", "x@HEAD"], 1, "error: HEAD is no commit of this repository\nhint: nothing is committed yet");
    empty.refuses(["log", "x"], 1, "error: HEAD is no commit of this repository\nhint: nothing is committed yet");
}

#[test]
fn nothing_of_a_version_that_somebody_changed_is_shown() {
    let world = World::with_db();
    world.tamper(FILE, "  port: ", "  part: ");
    world.commit("by hand");
    let refused = world.secret(["show", &format!("{FILE}@HEAD"), "db.user"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (5, ""), "{refused:#?}");
    world.git(["checkout", "--quiet", "HEAD~1", "--", FILE]);
    let _ = world.secret(["mv", FILE, "secrets/main.yaml"]).success();
    world.write(FILE, world.read("secrets/main.yaml"));
    fs::remove_file(world.path("secrets/main.yaml")).expect("a file");
    world.commit("elsewhere");
    let refused = world.secret(["show", &format!("{FILE}@HEAD")]);
    assert_eq!((refused.code, refused.stdout.as_str()), (5, ""), "{refused:#?}");
    assert_eq!(world.secret(["show", &format!("{FILE}@HEAD"), "--at-any-path"]).success().stdout, DB);
}

#[test]
fn a_large_version_is_shown_too() {
    let large = "\0large\n".repeat(400_000);
    let world = World::new().with_file("secrets/large.bin", &large);
    world.git(["rm", "--quiet", "secrets/large.bin"]);
    world.commit("gone");
    let shown = world.secret(["show", "secrets/large.bin@HEAD~1"]).success();
    assert!(shown.stdout == large);
}

#[test]
fn a_value_is_rolled_back_and_everything_else_stays() {
    let world = lived();
    let path = "secrets/main.yaml";
    let before = world.read(path);
    let done = world.secret(["rollback", "secrets/main.yaml@HEAD~2", "db.password"]).success();
    let commit = world.git(["rev-parse", "HEAD~2"]);
    assert_eq!(done.stderr, format!("rolled secrets/main.yaml back to {}: db.password\n", &commit[..10]));
    assert_eq!(get(&world, path, "db.password"), "canary-two");
    assert_eq!(get(&world, path, "api.key"), "canary-three");
    // The value's line, and no other; it is no old token.
    let changed = before
        .lines()
        .zip(world.read(path).lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|(old, new)| old != new)
        .count();
    assert_eq!(changed, 1);
    let old = world.git(["show", "HEAD~2:secrets/main.yaml"]);
    let line = |text: &str| text.lines().find(|line| line.contains("password:")).expect("a line").to_owned();
    assert_ne!(line(&old), line(&world.read(path)));
    let again = world.secret(["rollback", "secrets/main.yaml@HEAD~2", "db.password"]).success();
    assert_eq!(again.stderr, "secrets/main.yaml has these values already\n");
}

#[test]
fn a_file_is_rolled_back_whole_with_the_header_of_today() {
    let world = lived();
    let path = "secrets/main.yaml";
    let done = world.secret(["rollback", "secrets/main.yaml@HEAD~5"]).success();
    assert!(done.stderr.contains(": db.password, api.key\n"), "{}", done.stderr);
    assert_eq!(world.secret(["decrypt", path]).success().stdout, DB);
    let info: Value = serde_json::from_str(&world.secret(["info", path, "--json"]).success().stdout).expect("JSON");
    assert_eq!((info["owner"].as_str(), info["path"].as_str()), (Some("payments"), Some(path)));
    let diff = world.secret(["diff", "HEAD"]).success().stdout;
    assert_eq!(
        diff,
        "secrets/main.yaml\n  db.password changed\n  \
         db.port sealed again, perhaps changed\n  api.key removed\n"
    );
}

#[test]
fn subtrees_types_and_spellings_come_back_as_they_were() {
    for (path, before, after, key) in [
        ("secrets/a.yaml", "a:\n  x: 0x1F\n  y: [1, two, ~]\n  z: {}\nb: 1\n", "a:\n  y: [9]\n  new: 1\nb: 2\n", "a"),
        ("secrets/a.yaml", "a: |\n  two\n  lines\nb: 1\n", "a: other\nb: 2\n", "a"),
        ("secrets/a.toml", "when = 2026-11-22\nn = 1_000\nb = 1\n", "when = 2020-01-01\nn = 1_000\nb = 2\n", "when"),
        (
            "secrets/a.json",
            "{\"a\": {\"n\": 1e3, \"l\": [true, null]}, \"b\": 1}\n",
            "{\"a\": \"gone\", \"b\": 2}\n",
            "a",
        ),
        ("secrets/a.env", "A='x y'\nB=1\n", "B=2\n", "A"),
        ("secrets/a.ini", "[s]\na = 1\nb = 1\n", "[s]\na = 2\nb = 2\n", "s.a"),
    ] {
        let world = World::new().with_file(path, before);
        world.write("new", after);
        let _ = world.secret(["edit", path, "--from", "new"]).success();
        fs::remove_file(world.path("new")).expect("a file");
        world.commit("changed");
        let value = |revision: &str| -> Value {
            let shown = world.secret(["show", &format!("{path}@{revision}"), key, "--json"]).success().stdout;
            serde_json::from_str(&shown).expect("JSON")
        };
        let _ = world.secret(["rollback", &format!("{path}@HEAD~1"), key]).success();
        world.commit("back");
        assert_eq!(value("HEAD"), value("HEAD~2"), "{path} {before}");
        let text = world.secret(["decrypt", path]).success().stdout;
        assert!(!text.contains("b: 1") && !text.contains("b = 1") && !text.contains("B=1"), "{text}");
        for spelling in ["0x1F", "2026-11-22\n", "1_000", "1e3", "'x y'"] {
            assert_eq!(text.contains(spelling), before.contains(spelling), "{text}");
        }
    }
}

/// Bob has read the file, and does no longer.
fn without_bob() -> World {
    let world = World::with_db();
    let (_, bob) = world.keygen("bob");
    let policy = world.read(".secret.toml");
    let _ = world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
    world.commit("bob");
    let _ = world.secret(["rekey", "--yes"]).success();
    world.commit("bob reads");
    world.write(".secret.toml", policy);
    world.commit("no bob");
    let _ = world.secret(["rekey", "--yes"]).success();
    world.commit("bob reads no more");
    set(&world, FILE, "db.password", "canary-new");
    world.commit("a value that bob does not know");
    world
}

#[test]
fn a_value_that_a_former_reader_knows_is_not_put_back_unless_told() {
    let world = without_bob();
    for arguments in
        [["rollback", "secrets/db.yaml@HEAD~3"].as_slice(), &["rollback", "secrets/db.yaml@HEAD~3", "db.password"]]
    {
        world.refuses(
            arguments,
            1,
            "error: secrets/db.yaml@HEAD~3: db.password is known to bob, who must not know what is used today\n\
             hint: set new values with `secret set`; to put them back all the same, add --allow-exposed",
        );
    }
    let done = world.secret(["rollback", "secrets/db.yaml@HEAD~3", "db.password", "--allow-exposed"]).success();
    assert!(done.stderr.contains("warning: known to a former reader: db.password\n"), "{}", done.stderr);
    assert_eq!(get(&world, FILE, "db.password"), "canary-hunter2");
    // Its readers and data key are those of today, and it stays marked as known to bob.
    let readers = world.secret(["who", FILE]).success().stdout;
    assert!(readers.starts_with("alice\nbob"), "{readers}");
    assert_eq!(world.secret(["-i", &world.home().join("bob.key").display().to_string(), "decrypt", FILE]).code, 4);
    let line = world.read(FILE).lines().find(|line| line.contains("password:")).expect("a line").to_owned();
    assert!(line.contains(".1."), "{line}");
    assert!(world.read(FILE).contains("# generation = 2\n"));
    assert!(world.secret(["diff"]).success().stdout.contains("  db.password put back to an older state\n"));
}

#[test]
fn a_value_of_today_is_put_back_without_a_question() {
    let world = without_bob();
    set(&world, FILE, "db.password", "canary-newer");
    let _ = world.secret(["rollback", "secrets/db.yaml@HEAD", "db.password"]).success();
    assert_eq!(get(&world, FILE, "db.password"), "canary-new");
    let _ = world.secret(["rollback", "secrets/db.yaml@HEAD"]).success();
    assert_eq!(world.secret(["diff"]).success().stdout, "secrets/db.yaml\n  db.password changed\n");
}

#[test]
fn a_version_of_another_file_or_key_is_refused() {
    let world = World::with_db();
    fs::remove_file(world.path(FILE)).expect("a file");
    world.write(FILE, DB);
    let _ = world.secret(["encrypt", FILE, "--fresh"]).success();
    world.commit("another file");
    world.refuses(
        ["rollback", "secrets/db.yaml@HEAD~1"],
        1,
        "error: secrets/db.yaml@HEAD~1 is another file than secrets/db.yaml: they have different file ids\n\
         hint: `secret show 'secrets/db.yaml@HEAD~1'` prints it; take from that what you need",
    );
    // A data key of a later generation than today's, from a branch that was never merged.
    let world = World::with_db();
    world.git(["checkout", "--quiet", "-b", "side"]);
    let _ = world.secret(["rekey", "--new-key", "--yes"]).success();
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    let refused = world.secret(["rollback", "secrets/db.yaml@side"]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    // The same generation, and another key.
    let _ = world.secret(["rekey", "--new-key", "--yes"]).success();
    world.commit("main");
    let refused = world.secret(["rollback", "secrets/db.yaml@side"]);
    assert_eq!(refused.code, 5, "{refused:#?}");
    assert!(
        refused.stderr.contains("its data key does not follow from the one in git's history"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_rollback_is_refused_where_every_write_is() {
    let world = World::with_db();
    set(&world, FILE, "db.port", "1");
    world.commit("x");
    let (_, eve) = world.keygen("eve");
    let policy = world.read(".secret.toml");
    let _ = world.secret(["member", "add", "eve", &eve, "--group", "team"]).success();
    world.commit("eve");
    let _ = world.secret(["rekey", "--yes"]).success();
    world.commit("eve reads");
    world.write(".secret.toml", policy);
    world.refuses(
        ["rollback", "secrets/db.yaml@HEAD~3"],
        5,
        "error: secrets/db.yaml can still be read by eve, whom the policy no longer names\n\
         hint: run `secret rekey secrets/db.yaml`: it makes a new data key",
    );
}

#[test]
fn an_opaque_file_is_rolled_back_too() {
    let world = World::new().with_file("secrets/blob.bin", "\0one");
    world.write("secrets/blob.bin", "\0two");
    let _ = world.secret(["encrypt", "secrets/blob.bin"]).success();
    world.commit("two");
    let _ = world.secret(["rollback", "secrets/blob.bin@HEAD~1"]).success();
    assert_eq!(world.secret(["decrypt", "secrets/blob.bin"]).success().stdout, "\0one");
    world.refuses(
        ["rollback", "secrets/blob.bin@HEAD~1", "key"],
        1,
        "error: secrets/blob.bin@HEAD~1 is encrypted as a whole: it has no keys\n\
         hint: print all of it with `secret show 'secrets/blob.bin@HEAD~1'`",
    );
}

/// The commits are made by `git fast-import`: git itself would take minutes.
#[test]
fn a_long_history_is_read_once() {
    const VERSIONS: usize = 300;
    let world = World::with_db();
    let [one, other] = ["1", "2"].map(|value| {
        set(&world, FILE, "db.port", value);
        world.read(FILE)
    });
    let mut stream = String::new();
    for number in 0..VERSIONS {
        let _ =
            writeln!(stream, "commit refs/heads/main\ncommitter A <a@x> {} +0000\ndata 1\nx", 1_790_000_000 + number);
        if number == 0 {
            stream.push_str("from refs/heads/main^0\n");
        }
        let text = if number % 2 == 0 { &one } else { &other };
        let _ = write!(stream, "M 100644 inline {FILE}\ndata {}\n{text}\n", text.len());
    }
    let imported =
        crate::world::run(world.command("git".as_ref()).args(["fast-import", "--quiet", "--force"]), stream.as_bytes());
    assert_eq!(imported.code, 0, "{imported:#?}");
    let json: Value = serde_json::from_str(&world.secret(["log", FILE, "--json"]).success().stdout).expect("JSON");
    let commits = json["commits"].as_array().expect("a list");
    assert_eq!(commits.len(), VERSIONS + 1);
    // The third time it has been there before.
    assert!(commits[..VERSIONS - 2].iter().all(|commit| commit["changes"][0]["change"] == "put-back"));
}

#[test]
fn a_damaged_object_is_named_with_what_to_do_and_the_page_names_what_it_could_not_read() {
    let world = World::with_db();
    world.set_value(FILE, "db.user", "canary-second");
    world.commit("second");
    let object = |revision: &str| {
        let id = world.git(["rev-parse", revision]).trim().to_owned();
        (world.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..])), id)
    };
    let lost = world.copy();
    let (path, id) = object(&format!("HEAD~1:{FILE}"));
    let bytes = std::fs::read(&path).expect("a loose object");
    std::fs::remove_file(&path).expect("it is there");
    std::fs::write(&path, &bytes[..40]).expect("a cut one");
    let said = format!(
        "error: object {id} of the git repository [WORLD]/repo is broken\n\
         hint: the repository is damaged: `git fsck` lists what is broken or missing; take that from another clone"
    );
    world.refuses(["rekey", "--new-key", FILE, "--yes"], 1, &said);
    let log = world.secret(["log", FILE]);
    assert_eq!((log.code, world.filter(&log.stderr)), (1, format!("{said}\n")));
    let page = world.secret(["status", "--format", "html"]).success().stdout;
    assert!(page.contains("Not read, and may name more readers: secrets/db.yaml ("), "{page}");

    let (path, id) = object("HEAD~1");
    let path = lost.repo().join(path.strip_prefix(world.repo()).expect("in the repository"));
    std::fs::remove_file(path).expect("it is there");
    lost.refuses(
        ["rekey", "--new-key", FILE, "--yes"],
        1,
        &format!(
            "error: the git repository [WORLD]/repo lacks object {id}\n\
             hint: the repository is damaged: `git fsck` lists what is broken or missing; take that from another clone"
        ),
    );
}
