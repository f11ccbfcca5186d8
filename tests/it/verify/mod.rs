//! `secret verify`: what it finds in the work tree, the index, a commit and a range of commits, without any identity.

mod history;
mod hostile;

use std::fs;

use secret::env::Env;
use secret::keys::Identities;
use secret::ui::Ui;
use secret::workspace::{Finding, VerifyRequest, Workspace};
use serde_json::Value;

use crate::repositories::FORMATS;
use crate::world::{Outcome, World};

const DB: &str = "secrets/db.yaml";

impl World {
    /// Verifies as somebody without any identity, and without a readable configuration.
    fn verify(&self, arguments: &[&str]) -> Outcome {
        let nobody = [("HOME", "/nonexistent"), ("XDG_CONFIG_HOME", "/nonexistent")];
        self.secret_with([&["verify"], arguments].concat(), "", &nobody)
    }

    /// Returns the findings as `level code file line`, and demands the exit code that fits them.
    #[track_caller]
    fn found(&self, arguments: &[&str]) -> Vec<String> {
        let before = self.listing();
        let outcome = self.verify(&[arguments, &["--json"]].concat());
        assert_eq!(self.listing(), before, "verify changed something");
        assert!(!outcome.stdout.contains("canary"), "{outcome:#?}");
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:#?}"));
        let findings = report["findings"].as_array().expect("a list");
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let line = |finding: &Value| {
            ["level", "code", "file", "line"].map(|field| text(&finding[field])).join(" ").replace(" null", "")
        };
        let has_errors = findings.iter().any(|finding| finding["level"] == "error");
        assert_eq!(outcome.code, if has_errors { 3 } else { 0 }, "{outcome:#?}");
        findings.iter().map(line).collect()
    }

    fn stage(&self) {
        self.git(["add", "--all"]);
    }
}

/// Does the same to the work tree, the index and a commit: all of them must find the same.
#[track_caller]
fn everywhere(change: impl Fn(&World), expected: &[&str]) {
    everywhere_at(|world| (change(world), String::new()).1, expected);
}

/// As [`everywhere`]; `change` returns the line that stands in place of `@`.
#[track_caller]
fn everywhere_at(change: impl Fn(&World) -> String, expected: &[&str]) {
    let world = World::with_db().with_file("secrets/other.yaml", "a: b\n");
    world.git(["tag", "base"]);
    let line = change(&world);
    let expected: Vec<String> = expected.iter().map(|finding| finding.replace('@', &line)).collect();
    assert_eq!(world.found(&[]), expected, "in the work tree");
    world.stage();
    assert_eq!(world.found(&["--staged"]), expected, "in the index");
    world.commit("change");
    assert_eq!(world.found(&["--rev", "HEAD"]), expected, "in a commit");
    let in_range = world.found(&["--base", "base"]);
    for finding in &expected {
        assert!(in_range.contains(finding), "in the range: {in_range:#?}");
    }
    // What the index and the work tree say now is another matter.
    world.git(["rm", "--quiet", "-r", "--cached", "secrets"]);
    assert_eq!(world.found(&["--rev", "HEAD"]), expected, "in the same commit");
}

#[test]
fn what_is_well_is_consistent_and_nothing_is_said_to_be_authentic() {
    let world = World::with_db();
    let said = |outcome: Outcome| (outcome.code, outcome.stdout, outcome.stderr);
    let consistent = |text: &str| (0, String::new(), format!("{text}\n"));
    assert_eq!(said(world.verify(&[])), consistent("consistent: 1 file"));
    assert_eq!(said(world.verify(&[DB])), consistent("consistent: 1 file"));
    assert_eq!(said(world.verify(&["--staged"])), consistent("consistent: 0 files"));
    assert_eq!(said(world.verify(&["--rev", "HEAD"])), consistent("consistent: 1 file"));
    world.secret_with(["set", DB, "db.port", "--stdin"], "1", &[]).success();
    world.commit("change");
    let by_base = "consistent: 1 file in 1 commit, by the policy of HEAD~1";
    assert_eq!(said(world.verify(&["--base", "HEAD~1"])), consistent(by_base));
}

#[test]
fn a_value_in_clear_is_found_with_its_line_owner_and_what_to_do() {
    let world = World::with_db();
    world.secret(["meta", DB, "--owner", "payments"]).success();
    world.write(DB, world.read(DB) + "late: canary-1\nlater: canary-2\n");
    let outcome = world.verify(&[]);
    let line = world.line_of(DB, "late:");
    let advice = "    replace the value if anybody else has seen it; take the file from git's history, and make the change with `secret set`";
    let expected = format!(
        "{DB}:{line}: error: `late` is not encrypted, though the header says it must be [unsealed, owner payments]\n{advice}\n\
         {DB}:{}: error: `later` is not encrypted, though the header says it must be [unsealed, owner payments]\n{advice}\n",
        line + 1
    );
    assert_eq!(
        (outcome.code, outcome.stdout, outcome.stderr),
        (3, expected, "error: 2 findings (1 file)\n".to_owned())
    );
}

#[test]
fn a_governed_plaintext_is_found_and_one_that_was_encrypted_is_told_apart() {
    everywhere(|world| world.write("secrets/new.yaml", "a: canary\n"), &["error plaintext secrets/new.yaml"]);
    let world = World::with_db();
    world.write(DB, "db: canary\n");
    assert_eq!(world.found(&[]), [format!("error decrypted {DB}")]);
    world.stage();
    assert_eq!(world.found(&["--staged"]), [format!("error decrypted {DB}")]);
    world.git(["commit", "--quiet", "--no-verify", "--message", "forced"]);
    assert_eq!(world.found(&["--base", "HEAD~1"]), [format!("error decrypted {DB}")]);
}

#[test]
fn broken_structure_is_found_by_line() {
    let line = |world: &World, start: &str| world.line_of(DB, start).to_string();
    let key = |world: &World| {
        world.tamper(DB, "  password:", "  passwort:");
        line(world, "  passwort:")
    };
    everywhere_at(key, &[&format!("error broken-token {DB} @")]);
    let header = |world: &World| world.tamper(DB, "# revision = 1", "# revision = 01");
    everywhere_at(|world| (header(world), line(world, "# revision")).1, &[&format!("error broken-header {DB} @")]);
    let conflict = |world: &World| world.write(DB, format!("<<<<<<< HEAD\n{}=======\n>>>>>>> x\n", world.read(DB)));
    everywhere(conflict, &[&format!("error conflict {DB} 1")]);
    let syntax = |world: &World| {
        world.write(DB, world.read(DB) + "a: [\n");
        world.read(DB).lines().count().to_string()
    };
    everywhere_at(syntax, &[&format!("error broken-structure {DB} @")]);
}

#[test]
fn what_a_killed_command_left_in_the_index_is_called_that() {
    let world = World::with_db();
    let left = "secrets/.secret-999999-0123456789abcdef.tmp";
    world.write(left, world.read(DB));
    world.git(["add", "--all"]);
    let advice = format!(
        "    an interrupted command left it; `git rm --cached -- {left}`, and the next one that writes there removes it"
    );
    let found = world.verify(&["--staged"]);
    assert_eq!((found.code, found.stdout.matches(&advice).count()), (3, 2), "{found:#?}");
    world.git(["rm", "--quiet", "--cached", "--", left]);
    assert_eq!(world.found(&["--staged"]), Vec::<String>::new());
    world.set_value(DB, "db.user", "canary-other");
    assert!(!world.path(left).exists());
}

#[test]
fn a_moved_file_and_a_copy_are_found() {
    everywhere(|world| world.git(["mv", DB, "secrets/moved.yaml"]).clear(), &["error moved secrets/moved.yaml"]);
    let world = World::with_db();
    world.write("secrets/copy.yaml", world.read(DB));
    let expected = ["error copy secrets/copy.yaml", "error moved secrets/copy.yaml"].map(str::to_owned);
    assert_eq!(world.found(&[]), [&expected[..], &[format!("error copy {DB}")]].concat());
    world.stage();
    assert_eq!(world.found(&["--staged"]), expected);
    world.commit("copy");
    assert_eq!(world.found(&["--base", "HEAD~1"]), expected);
}

#[test]
fn readers_are_compared_with_the_policy() {
    let world = World::with_db();
    let (_, bob) = world.keygen("bob");
    let without_bob = world.read(".secret.toml");
    world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
    let widens = "warning policy-widens .secret.toml".to_owned();
    assert_eq!(world.found(&[]), [widens.clone(), format!("error missing-reader {DB}")]);
    world.stage();
    let line = world.line_of(".secret.toml", "path =");
    assert_eq!(world.found(&["--staged"]), [format!("{widens} {line}"), format!("warning missing-reader {DB}")]);
    world.commit("bob");
    world.secret(["rekey", "--yes"]).success();
    assert_eq!(world.found(&[]), Vec::<String>::new());
    world.commit("rekey");
    world.write(".secret.toml", &without_bob);
    assert_eq!(world.found(&[]), [format!("error extra-reader {DB}")]);
    world.commit("no bob");
    world.secret(["rekey", "--yes"]).success();
    // Nothing was replaced since Bob knew it: a warning, unless it is to be strict.
    let line = world.line_of(DB, "  user:");
    assert_eq!(world.found(&[]), [format!("warning exposed {DB} {line}")]);
    assert_eq!(world.found(&["--strict"]), [format!("error exposed {DB} {line}")]);
}

#[test]
fn metadata_and_due_dates_are_checked() {
    let world = World::with_db();
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", policy.clone() + "require = [\"owner\", \"rotation_due\"]\n");
    assert_eq!(world.found(&[]), [format!("error metadata-missing {DB}")]);
    world.write(".secret.toml", policy);
    world.secret(["meta", DB, "--rotation-due", "2020-01-01", "--allow-past"]).success();
    // Replaced after that day: nothing is due.
    assert_eq!(world.found(&[]), Vec::<String>::new());
    world.secret(["meta", DB, "--rotation-due", "2098-12-31", "--rotate-every", "90d"]).success();
    let line = world.line_of(DB, "  user:");
    let overdue = |line: usize, since: &str| {
        format!("Warning {DB}:{line} `db.user`, `db.password`, `db.port` are overdue since {since}")
    };
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(found_on(&world, today.saturating_add(jiff::Span::new().days(90))), Vec::<String>::new());
    let due = today.saturating_add(jiff::Span::new().days(90)).to_string();
    assert_eq!(found_on(&world, today.saturating_add(jiff::Span::new().days(91))), [overdue(line, &due)]);
    world.secret(["meta", DB, "--rotate-every", ""]).success();
    assert_eq!(found_on(&world, jiff::civil::date(2098, 12, 31)), Vec::<String>::new());
    assert_eq!(found_on(&world, jiff::civil::date(2099, 1, 1)), [overdue(world.line_of(DB, "  user:"), "2098-12-31")]);
}

/// Verifies the work tree as if it were another day.
fn found_on(world: &World, today: jiff::civil::Date) -> Vec<String> {
    let env = Env::new(world.repo(), today, [("HOME".into(), "/nonexistent".into())]);
    let ui = Ui::plain();
    let identities = Identities::discover(&env, &[], &ui);
    let workspace = Workspace::around(&env, ".".as_ref(), &identities).expect("a workspace");
    let report = workspace.verify(&VerifyRequest::default()).expect("a report");
    let said = |finding: &Finding| {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{:?} {}{line} {}", finding.level, finding.path, finding.problem)
    };
    report.findings.iter().map(said).collect()
}

#[test]
fn private_keys_are_found_in_all_that_a_change_brings() {
    let world = World::with_db();
    let (key, _) = world.keygen("bob");
    world.git(["tag", "base"]);
    world.write("notes.txt", format!("see below\n{}", fs::read_to_string(&key).expect("a key")));
    world.write("src/lib.rs", "starts_with(\"AGE-SECRET-KEY-1\")\n");
    world.stage();
    assert_eq!(world.found(&["--staged"]), ["error private-key notes.txt 4"]);
    assert_eq!(world.found(&["--staged", "src"]), Vec::<String>::new());
    world.commit("key");
    world.git(["rm", "--quiet", "notes.txt"]);
    world.commit("key removed: history still has it");
    assert_eq!(world.found(&["--base", "base"]), ["error private-key notes.txt 4"]);
    let said = world.verify(&["--base", "base"]);
    assert!(!said.stdout.contains("AGE-SECRET-KEY") && !said.stderr.contains("AGE-SECRET-KEY"), "{said:#?}");
}

#[test]
fn the_index_is_read_and_never_the_work_tree() {
    let world = World::with_db();
    let encrypted = world.read(DB);
    world.write(DB, "db: canary\n");
    world.stage();
    world.write(DB, &encrypted);
    assert_eq!(world.found(&["--staged"]), [format!("error decrypted {DB}")]);
    assert_eq!(world.found(&[]), Vec::<String>::new());
    world.stage();
    world.write(DB, "db: canary\n");
    assert_eq!(world.found(&["--staged"]), Vec::<String>::new());
    // What a hook of `git commit -a` is told to look at.
    let index = world.path(".git/other-index").display().to_string();
    let git = [("GIT_INDEX_FILE", index.as_str())];
    fs::copy(world.path(".git/index"), &index).expect("a copy");
    let mut add = world.command("git".as_ref());
    assert!(add.args(["add", "--all"]).envs(git).status().expect("git runs").success());
    assert_eq!(world.secret_with(["verify", "--staged"], "", &git).code, 3);
    assert_eq!(world.verify(&["--staged"]).code, 0);
}

#[test]
fn what_other_programs_read_has_all_findings() {
    let world = World::with_db();
    world.write("secrets/a&b <c>.yaml", "a: canary\n");
    let sarif: Value = serde_json::from_str(&world.verify(&["--format", "sarif"]).stdout).expect("JSON");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((sarif["version"].as_str(), result["ruleId"].as_str()), (Some("2.1.0"), Some("plaintext")));
    let place = &result["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(place["uri"], "secrets/a%26b%20%3Cc%3E.yaml");
    let junit = world.verify(&["--format", "junit"]).stdout;
    assert!(junit.contains("<testcase classname=\"secrets/a&amp;b &lt;c&gt;.yaml\" name=\"plaintext\">"), "{junit}");
    assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
    let github = world.verify(&["--format", "github"]).stdout;
    let expected = "::error file=secrets/a&b <c>.yaml,title=plaintext::secrets/a&b <c>.yaml: it is not encrypted";
    assert!(github.starts_with(expected), "{github}");
}

#[test]
fn ignored_and_ungoverned_files_are_left_alone_unless_they_are_named() {
    let world = World::with_db();
    world.write(".gitignore", "*.plain\n");
    world.write("secrets/scratch.plain", "a: canary\n");
    world.write("README.md", "text\n");
    world.write("moved.yaml", world.read(DB));
    assert_eq!(world.found(&[]), Vec::<String>::new());
    assert_eq!(world.found(&["secrets/scratch.plain"]), ["error plaintext secrets/scratch.plain"]);
    assert_eq!(world.found(&["moved.yaml"]), ["warning ungoverned moved.yaml"]);
    world.refuses(
        ["verify", "README.md"],
        1,
        "error: no rule of the policy is for README.md\nhint: the rules are for secrets/**; add one for README.md to .secret.toml",
    );
    world.refuses(["verify", "none"], 1, "error: [WORLD]/repo/none does not exist");
}

#[test]
fn where_there_is_nothing_to_verify_it_is_said_why() {
    let world = World::empty();
    world.refuses(
        ["verify"],
        1,
        "error: there is no policy (.secret.toml) in [WORLD]/repo\nhint: run `secret init`, or bring the one back that git's history has: `git log -- .secret.toml`",
    );
    // A hook in a repository that does not use secret yet.
    world.write("a", "b");
    world.stage();
    let outcome = world.verify(&["--staged"]);
    let expected = "there is no policy: only private keys were looked for\nconsistent: 0 files\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, expected));
    // No commit yet.
    world.refuses(
        ["verify", "--base", "HEAD"],
        1,
        "error: \"HEAD\" names no commit of the git repository [WORLD]/repo\nhint: `git log --all --oneline` lists commits; a shallow clone has few: `git fetch --unshallow`",
    );
    world.git(["init", "--quiet", "--bare", "../bare.git"]);
    world.refuses(
        ["-C", "../bare.git", "verify", "--rev", "HEAD"],
        1,
        "error: [WORLD]/bare.git is a git repository without a work tree\nhint: run it in a work tree: `git worktree add FOLDER`, or a clone",
    );
    world.refuses(
        ["-C", "..", "verify", "--staged"],
        1,
        "error: there is no git repository around [WORLD]\nhint: go into a repository, or say which with -C",
    );
    let usage = world.verify(&["--staged", "--rev", "HEAD"]);
    assert_eq!(usage.code, 2, "{usage:#?}");
}

#[test]
fn repositories_of_every_format_are_verified() {
    for format in FORMATS {
        let world = World::of_format(format);
        for state in [&[][..], &["--staged"], &["--rev", "HEAD"]] {
            assert_eq!(world.found(state), Vec::<String>::new(), "{format} {state:?}");
        }
        world.write("secrets/plain.yaml", "a: canary\n");
        world.git(["add", "secrets"]);
        assert_eq!(world.found(&["--staged"]), ["error plaintext secrets/plain.yaml"], "{format}");
        world.git(["commit", "--quiet", "--message", "x"]);
        assert_eq!(world.found(&["--base", "HEAD~1"]), ["error plaintext secrets/plain.yaml"], "{format}");
        assert_eq!(world.found(&["--rev", "HEAD"]), ["error plaintext secrets/plain.yaml"], "{format}");
    }
}

#[test]
fn every_code_is_documented_and_no_other() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("a file");
    let quoted =
        |text: &str, mark: char| -> Vec<String> { text.split(mark).skip(1).step_by(2).map(str::to_owned).collect() };
    let source = read("src/workspace/verify/finding.rs");
    let codes = source.split("fn code(&self)").nth(1).expect("it is there").split("\n    }\n").next().expect("its end");
    let documentation = read("docs/verify.md");
    let table = documentation.split("## Findings").nth(1).expect("it is there").split("\n## ").next().expect("its end");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let documented = rows.flat_map(|row| quoted(row.split('|').nth(1).expect("a column"), '`'));
    assert_eq!(documented.collect::<Vec<_>>(), quoted(codes, '"'));
}
