//! `secret diff`: what differs between two states, as `git diff` compares them, in words.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::world::{DB, Outcome, World};

const FILE: &str = "secrets/db.yaml";

/// Nobody: no identity is anywhere.
const NOBODY: [(&str, &str); 1] = [("HOME", "/nonexistent")];

/// Runs `diff` without an identity; nothing is said but on stdout.
#[track_caller]
fn diff(world: &World, arguments: &[&str]) -> String {
    let outcome = world.secret_with([&["diff"], arguments].concat(), "", &NOBODY).success();
    assert!(outcome.stderr.is_empty() && !outcome.stdout.contains("canary"), "{outcome:#?}");
    outcome.stdout
}

#[track_caller]
fn set(world: &World, key: &str, value: &str) {
    let _ = world.secret_with(["set", FILE, key, "--stdin"], value, &[]).success();
}

fn as_json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success().stdout).expect("it is JSON")
}

/// A repository in which several things were changed: some staged, some not.
fn changed() -> World {
    let world = World::with_db();
    set(&world, "db.password", "canary-two");
    let _ = world.secret(["meta", FILE, "--owner", "payments"]).success();
    world.git(["add", "--all"]);
    set(&world, "api.key", "canary-three");
    world
}

#[test]
fn the_states_are_those_of_git_diff() {
    let world = changed();
    // What stood last is bound to what follows it, and was sealed again.
    let added = "  db.port sealed again, perhaps changed\n  api.key added\n";
    assert_eq!(diff(&world, &[]), format!("secrets/db.yaml\n{added}"));
    let staged = "secrets/db.yaml\n  owner: (none) -> payments\n  db.password changed\n";
    assert_eq!(diff(&world, &["--staged"]), staged);
    assert_eq!(diff(&world, &["--cached", "HEAD"]), staged);
    let both = format!("{staged}{added}");
    assert_eq!(diff(&world, &["HEAD"]), both);
    assert_eq!(diff(&world, &["HEAD", FILE]), both);
    assert_eq!(diff(&world, &["HEAD", "--", "secrets"]), both);
    assert_eq!(diff(&world, &["HEAD", "--", "else"]), "");
    world.commit("all");
    assert_eq!(diff(&world, &[]), "");
    assert_eq!(diff(&world, &["HEAD~1", "HEAD"]), both);
    assert_eq!(diff(&world, &["HEAD~1.."]), both);
    assert_eq!(diff(&world, &["main~1", "--", FILE]), both);
    let added = diff(&world, &["HEAD~2", "HEAD"]);
    assert!(added.starts_with("secrets/db.yaml\n  file added\n  reader alice added\n"), "{added}");
    assert_eq!(diff(&world, &["HEAD", "HEAD~2"]), "secrets/db.yaml\n  file removed\n");
    // In a folder paths are as somebody there writes them.
    assert!(diff(&world, &["-C", "secrets", "HEAD~1", "HEAD", "db.yaml"]).starts_with("db.yaml\n  owner"));
}

#[test]
fn three_dots_compare_with_what_both_come_from() {
    let world = World::with_db();
    world.git(["checkout", "--quiet", "-b", "side"]);
    set(&world, "db.port", "1");
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    set(&world, "db.user", "2");
    world.commit("main");
    assert_eq!(diff(&world, &["main...side"]), "secrets/db.yaml\n  db.port changed\n");
    let both = diff(&world, &["main..side"]);
    assert!(both.contains("  db.user changed\n") && both.contains("  db.port changed\n"), "{both}");
}

#[test]
fn readers_a_new_data_key_and_moves_are_told() {
    let world = World::with_db();
    let (_, bob) = world.keygen("bob");
    let _ = world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
    world.commit("bob");
    let _ = world.secret(["rekey", "--yes"]).success();
    assert_eq!(diff(&world, &[]), "secrets/db.yaml\n  reader bob added\n");
    world.commit("bob reads");
    let policy = world.read(".secret.toml");
    world.write(
        ".secret.toml",
        policy.replace("[\"alice\", \"bob\"]", "[\"alice\"]").replace(&format!("bob = \"{bob}\"\n"), ""),
    );
    world.commit("no bob");
    let _ = world.secret(["rekey", "--yes"]).success();
    assert_eq!(
        diff(&world, &[]),
        "secrets/db.yaml\n  reader bob removed\n  former reader bob added (until generation 1)\n  \
         new data key (generation 1 -> 2)\n  comment before db.password sealed again\n  \
         3 values sealed again, by their days unchanged\n"
    );
    world.commit("rekeyed");
    let _ = world.secret(["mv", FILE, "secrets/prod/main.yaml"]).success();
    world.git(["add", "--all"]);
    assert_eq!(
        diff(&world, &["--staged"]),
        "secrets/db.yaml -> secrets/prod/main.yaml\n  moved: secrets/db.yaml -> secrets/prod/main.yaml\n"
    );
    // Moved by git alone it stands where its header does not say.
    world.git(["mv", "--force", "secrets/prod/main.yaml", "other.yaml"]);
    assert_eq!(
        diff(&world, &["--staged"]),
        "secrets/db.yaml -> other.yaml\n  moved: secrets/db.yaml -> secrets/prod/main.yaml\n  \
         stands elsewhere than its header says: secrets/prod/main.yaml\n"
    );
}

#[test]
fn a_file_that_was_put_back_is_told() {
    let world = changed();
    world.commit("all");
    world.git(["checkout", "--quiet", "HEAD~1", "--", FILE]);
    assert_eq!(
        diff(&world, &["HEAD"]),
        "secrets/db.yaml\n  header put back to an older state (revision 2 -> 1)\n  owner: payments -> (none)\n  \
         db.password changed\n  db.port sealed again, perhaps changed\n  api.key removed\n"
    );
}

#[test]
fn values_are_shown_only_when_asked_for_and_only_of_authentic_versions() {
    let world = changed();
    let shown = world.secret(["diff", "HEAD", "--show"]).success();
    assert_eq!(
        shown.stdout,
        "secrets/db.yaml\n  owner: (none) -> payments\n  db.password changed\n    - canary-hunter2\n    + canary-two\n  \
         api.key added\n    + canary-three\n"
    );
    assert_eq!(
        as_json(world.secret(["diff", "HEAD", "--show", "--format", "json"]))["files"][0]["changes"][1],
        json!({"subject": "key", "change": "changed", "name": "db.password",
               "old_value": "canary-hunter2", "new_value": "canary-two"})
    );
    let (stranger, _) = world.keygen("stranger");
    let refused = world.secret(["diff", "-i", &stranger, "HEAD", "--show"]);
    assert_eq!((refused.code, refused.stdout.contains("canary")), (4, false), "{refused:#?}");
    assert!(refused.stderr.contains("error: cannot open secrets/db.yaml: none of your identities opens it\n"));
    world.tamper(FILE, "user: secret", "uuser: secret");
    let forged = world.secret(["diff", "--show"]);
    assert_eq!((forged.code, forged.stdout.contains("canary-three")), (5, false), "{forged:#?}");
    // What is spelled in several lines stays in its place, and control characters are spelled out.
    set_file(&world, "db.password", "one\n+ two\n\u{1b}[31mred\n");
    let shown = world.secret(["diff", "HEAD", "--show"]).success().stdout;
    assert!(shown.contains("    + one\n    + + two\n    + \\u{1b}[31mred\n"), "{shown}");
}

fn set_file(world: &World, key: &str, value: &str) {
    world.git(["checkout", "--quiet", "HEAD", "--", FILE]);
    set(world, key, value);
}

#[test]
fn values_of_a_version_at_another_path_are_not_shown_as_this_files() {
    let world = World::with_db().with_file("secrets/staging.yaml", "db: {password: canary-staging}\n");
    world.write(FILE, world.read_bytes("secrets/staging.yaml"));
    let refused = world.secret(["diff", "--show"]);
    assert_eq!((refused.code, refused.stdout.contains("canary-staging")), (5, false), "{refused:#?}");
    assert!(refused.stderr.contains("was encrypted as secrets/staging.yaml"), "{}", refused.stderr);
    let shown = world.secret(["diff", "--show", "--at-any-path"]).success();
    assert!(shown.stdout.contains("    + canary-staging\n"), "{}", shown.stdout);
}

#[test]
fn cleartext_values_are_not_shown_either() {
    let world = World::new();
    let policy = world.read(".secret.toml") + "cleartext = [\"clear\"]\n";
    world.write(".secret.toml", policy);
    let world = world.with_file(FILE, "clear: canary-one\nother: x\n");
    set(&world, "clear", "canary-two");
    let said = diff(&world, &[]);
    assert!(said.starts_with("secrets/db.yaml\n  clear changed\n"), "{said}");
    let shown = world.secret(["diff", "--show"]).success().stdout;
    assert!(shown.contains("  clear changed\n    - canary-one\n    + canary-two\n"), "{shown}");
}

#[test]
fn plaintext_in_the_place_of_an_encrypted_file_is_told() {
    let world = World::with_db();
    let _ = world.secret(["decrypt", "--in-place", FILE]).success();
    world.write(FILE, world.read(FILE).replace("  port: 5432\n", "  new: canary\n"));
    assert_eq!(diff(&world, &[]), "secrets/db.yaml\n  file is in clear now\n  db.new added\n  db.port removed\n");
    world.write("secrets/new.env", "A=canary\n");
    world.git(["add", "--all"]);
    let staged = diff(&world, &["--staged"]);
    assert!(staged.ends_with("secrets/new.env\n  file added\n  file is in clear\n  A added\n"), "{staged}");
    // A file that nobody governs is none of ours, but if it is asked for by name.
    world.write("plain.yaml", "a: canary\nb: 1\n");
    world.commit("plain");
    world.write("plain.yaml", "a: canary2\nb: 1\n");
    assert_eq!(diff(&world, &[]), "");
    assert_eq!(diff(&world, &["plain.yaml"]), "plain.yaml\n  a changed\n");
}

#[test]
fn broken_files_and_unsettled_merges_are_told_and_fail() {
    let world = World::with_db();
    let whole = world.read(FILE);
    world.tamper(FILE, "  port: ", "  part: ");
    let line = world.line_of(FILE, "  part:");
    let outcome = world.secret_with(["diff"], "", &NOBODY);
    let said = format!(
        "line {line}: the encrypted value of `db.part` was changed, moved, or stands beside something that was added, removed or renamed"
    );
    assert_eq!(
        outcome.stdout,
        format!("secrets/db.yaml\n  db.port renamed to db.part\n  db.part sealed again, perhaps changed\n  file broken: {said}\n")
            .replace("  db.part sealed again, perhaps changed\n", "")
    );
    assert_eq!(
        (outcome.code, outcome.stderr.lines().next().unwrap_or_default()),
        (5, format!("error: secrets/db.yaml: {said}").as_str())
    );
    world.write(FILE, whole.replace("db:\n", "<<<<<<< ours\ndb:\n=======\ndb:\n>>>>>>> theirs\n"));
    let outcome = world.secret_with(["diff"], "", &NOBODY);
    let line = world.line_of(FILE, "<<<<<<<");
    assert_eq!(outcome.stdout, format!("secrets/db.yaml\n  file broken: line {line}: git left a conflict here\n"));
    assert_eq!(outcome.code, 1);
    world.write(FILE, whole);
    let link = world.path("secrets/link.yaml");
    std::os::unix::fs::symlink("/etc/passwd", &link).expect("a link");
    world.git(["add", "--all"]);
    assert_eq!(diff(&world, &["--staged"]), "secrets/link.yaml\n  file broken: it is a symlink now\n");
    fs::remove_file(link).expect("a link");
    world.git(["rm", "--quiet", "--cached", "secrets/link.yaml"]);
    // Both sides changed one value.
    world.git(["checkout", "--quiet", "-b", "side"]);
    set(&world, "db.port", "1");
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    set(&world, "db.port", "2");
    world.commit("main");
    let merge = world.command(Path::new("git")).args(["merge", "--quiet", "side"]).output().expect("git runs");
    assert!(!merge.status.success());
    let outcome = world.secret_with(["diff"], "", &NOBODY);
    assert_eq!(outcome.stdout, "secrets/db.yaml\n  file broken: git left several versions of it to choose from\n");
    assert_eq!(outcome.code, 1);
}

#[test]
fn opaque_files_of_any_size_are_compared_by_their_salt() {
    let world = World::new()
        .with_file("secrets/blob.bin", "\0one")
        .with_file("secrets/large.bin", &"\0large\n".repeat(400_000));
    world.write("secrets/blob.bin", "\0two");
    let _ = world.secret(["encrypt", "secrets/blob.bin"]).success();
    world.write("secrets/large.bin", "\0other\n".repeat(400_000));
    let _ = world.secret(["encrypt", "secrets/large.bin"]).success();
    assert_eq!(diff(&world, &[]), "secrets/blob.bin\n  content changed\nsecrets/large.bin\n  content changed\n");
    world.commit("x");
    let _ = world.secret(["meta", "secrets/large.bin", "--owner", "x"]).success();
    assert_eq!(diff(&world, &[]), "secrets/large.bin\n  owner: (none) -> x\n");
}

#[test]
fn json_names_each_change() {
    let world = changed();
    assert_eq!(
        as_json(world.secret_with(["diff", "HEAD", "--format", "json"], "", &NOBODY)),
        json!({"version": 1, "files": [{"path": FILE, "changes": [
            {"subject": "field", "change": "added", "name": "owner", "to": "payments"},
            {"subject": "key", "change": "changed", "name": "db.password"},
            {"subject": "key", "change": "maybe-changed", "name": "db.port"},
            {"subject": "key", "change": "added", "name": "api.key"},
        ]}]})
    );
    world.commit("x");
    assert_eq!(as_json(world.secret(["diff", "--format", "json"])), json!({"version": 1, "files": []}));
}

#[test]
fn markdown_is_a_table_that_no_name_breaks_out_of() {
    let world = World::new().with_file(FILE, "a: 1\n");
    let hostile = "x` | @team [click](http://evil) <img src=x>\n| y\\";
    let _ = world.secret_with(["set", FILE, &format!("{}", json!(hostile)), "--stdin", "--json"], "1", &[]);
    let text = format!("a: 1\n{}: 1\n", json!(hostile));
    world.write("new.yaml", &text);
    let _ = world.secret(["encrypt", "new.yaml", "-o", "secrets/|`x.yaml"]).success();
    let _ = world.secret(["meta", "secrets/|`x.yaml", "--owner", "@all | x"]).success();
    fs::remove_file(world.path("new.yaml")).expect("a file");
    world.git(["add", "--all"]);
    let table = diff(&world, &["--staged", "--format", "markdown", "--", "secrets/|`x.yaml"]);
    let name = "`secrets/\\u{7c}\\u{60}x.yaml`";
    let key = "`\"x\\u{60} \\u{7c} @team [click](http://evil) <img src=x>\\u{5c}u000a\\u{7c} y\\u{5c}\\u{5c}\"`";
    assert_eq!(
        table,
        format!(
            "| file | change |\n|---|---|\n| {name} | file added |\n| {name} | reader `alice` added |\n\
             | {name} | `owner`: (none) → `@all \\u{{7c}} x` |\n| {name} | `a` added |\n| {name} | {key} added |\n"
        )
    );
    world.commit("x");
    assert_eq!(diff(&world, &["--format", "markdown"]), "No secret file changed.\n");
    world.refuses(
        ["diff", "--format", "markdown", "--show"],
        2,
        "error: values do not belong into a comment: --show goes with text and json",
    );
}

#[test]
fn a_comment_is_never_longer_than_the_hosts_take() {
    let lines: String = (0..3000).map(|number| format!("key_with_a_rather_long_name_{number}: 1\n")).collect();
    let world = World::new().with_file(FILE, &lines);
    let table = diff(&world, &["HEAD~1", "HEAD", "--format", "markdown"]);
    assert!(table.len() < 65_536 && table.ends_with(" more: `secret diff` lists them all.\n"), "{}", table.len());
}

#[test]
fn names_that_are_hostile_are_escaped() {
    let world = World::with_db();
    world.write("secrets/\u{1b}[31m\nx.yaml", "\"k\\x1b]52;\\n\": 1\n");
    let _ = world.secret(["encrypt", "secrets/\u{1b}[31m\nx.yaml"]).success();
    world.git(["add", "--all"]);
    let said = diff(&world, &["--staged"]);
    assert!(said.starts_with("secrets/\\u{1b}[31m\\u{a}x.yaml\n  file added\n"), "{said:?}");
    assert!(!said.contains('\u{1b}'));
    // Not UTF-8: git has it, and no header can name it.
    let odd = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"secrets/\xff.yaml");
    fs::copy(world.path(FILE), world.repo().join(odd)).expect("a copy");
    world.git(["add", "--all"]);
    let said = diff(&world, &["--staged"]);
    assert!(said.contains("secrets/\u{fffd}.yaml\n  file added\n"), "{said}");
    assert!(said.contains("  stands elsewhere than its header says: secrets/db.yaml\n"), "{said}");
}

#[test]
fn what_is_no_revision_and_no_file_is_one_clear_error() {
    let world = World::with_db();
    let gone = "hint: write paths that are gone behind `--`: `secret diff -- PATH`";
    for argument in ["nosuch", "HEAD~9", "HEAD..nosuch", "\u{1b}[31m"] {
        let shown = argument.replace('\u{1b}', "\\u{1b}");
        world.refuses(["diff", argument], 1, &format!("error: {shown} is neither a commit nor a file\n{gone}"));
    }
    world.refuses(
        ["diff", "nosuch", "--", FILE],
        1,
        "error: nosuch is no commit of this repository\nhint: name a branch, a tag or the beginning of a commit's name",
    );
    world.refuses(["diff", "HEAD..HEAD", "HEAD"], 2, "error: give two revisions, or one range");
    world.refuses(["diff", "--staged", "HEAD", "HEAD"], 2, "error: --staged compares the index with one revision");
    world.write("HEAD", "x");
    world.refuses(
        ["diff", "HEAD"],
        2,
        "error: HEAD is both a revision and a file\nhint: write paths behind `--`: `secret diff REV -- PATH`",
    );
    assert_eq!(diff(&world, &["HEAD", "--", FILE]), "");
}

#[test]
fn repositories_of_all_kinds_are_compared_or_refused_clearly() {
    // Before the first commit.
    let world = World::empty();
    let _ = world.secret(["init", "--name", "alice"]).success();
    world.write(FILE, DB);
    let _ = world.secret(["encrypt", FILE]).success();
    world.git(["add", "--all"]);
    assert!(diff(&world, &["--staged"]).starts_with("secrets/db.yaml\n  file added\n"));
    assert_eq!(diff(&world, &[]), "");
    world.refuses(
        ["diff", "HEAD", "HEAD"],
        1,
        "error: HEAD is neither a commit nor a file\nhint: write paths that are gone behind `--`: `secret diff -- PATH`",
    );
    world.commit("first");
    world.git(["checkout", "--quiet", "--detach"]);
    set(&world, "db.port", "1");
    assert_eq!(diff(&world, &["HEAD"]), "secrets/db.yaml\n  db.port changed\n");
    // No repository, and one without a work tree.
    let outside = world.folder().join("outside");
    fs::create_dir(&outside).expect("a folder");
    let outside = outside.display().to_string();
    world.refuses(
        ["-C", &outside, "diff"],
        1,
        "error: there is no git repository around [WORLD]/outside\nhint: go into a repository, or say which with -C",
    );
    world.git(["init", "--quiet", "--bare", &outside]);
    world.refuses(
        ["-C", &outside, "diff"],
        1,
        "error: [WORLD]/outside is a git repository without a work tree\n\
         hint: run it in a work tree: `git worktree add FOLDER`, or a clone",
    );
    // A shallow clone.
    world.commit("second");
    world.git(["branch", "--force", "main"]);
    let url = format!("file://{}", world.repo().display());
    world.git(["clone", "--quiet", "--depth=1", "--branch=main", &url, "../clone"]);
    let clone = world.folder().join("clone").display().to_string();
    world.refuses(
        ["-C", &clone, "diff", "HEAD~1"],
        1,
        "error: HEAD~1 is neither a commit nor a file\n\
         hint: the history of this clone was cut off: `git fetch --unshallow` brings the rest",
    );
}
