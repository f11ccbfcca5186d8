//! `secret owners`: who answers for files, also taken over from CODEOWNERS.

use serde_json::{Value, json};

use crate::world::{Outcome, World};

const NOBODY: [(&str, &str); 2] = [("HOME", "/nonexistent"), ("XDG_CONFIG_HOME", "/nonexistent")];
const IMPORT: [&str; 2] = ["owners", "--from-codeowners"];
const OWNERS: &str = "\
# who is asked for reviews
*                 @acme/all
/secrets/         @acme/platform
secrets/db.*      @acme/payments  dba@example.com # both
/secrets/free/
";

impl World {
    /// Three files and one below a folder of its own; one of them has an owner.
    fn with_owners(code_owners: &str) -> Self {
        let world = Self::new();
        for path in ["secrets/a.env", "secrets/db.env", "secrets/free/c.env", "secrets/owned.env"] {
            world.write(path, "TOKEN=canary\n");
        }
        world.secret(["encrypt", "secrets/owned.env", "--owner", "ops"]).success();
        world.secret(["encrypt", "secrets/a.env", "secrets/db.env", "secrets/free/c.env"]).success();
        world.write(".github/CODEOWNERS", code_owners);
        world.commit("files");
        world
    }

    /// Runs it as somebody without any identity; nothing is changed.
    #[track_caller]
    fn reads_owners(&self, arguments: &[&str]) -> Outcome {
        let before = self.listing();
        let outcome = self.secret_with([&["owners"], arguments].concat(), "", &NOBODY).success();
        assert_eq!(self.listing(), before, "it changed something");
        outcome
    }

    fn owners(&self) -> String {
        self.reads_owners(&[]).stdout
    }
}

#[test]
fn owners_are_taken_over_where_there_is_none() {
    let world = World::with_owners(OWNERS);
    let readers = |path: &str| world.secret(["who", path]).success().stdout;
    let before = readers("secrets/db.env");
    let planned = world.reads_owners(&["--from-codeowners", "--dry-run"]);
    let lines = "\
secrets/a.env: - -> @acme/platform
secrets/db.env: - -> @acme/payments dba@example.com
secrets/owned.env: keeps ops; --overwrite sets @acme/platform
";
    let rest = "the owner of 2 files by .github/CODEOWNERS; 1 with another; 1 that it names nobody for\n";
    assert_eq!((planned.stdout.as_str(), planned.stderr), ("", format!("{lines}would set {rest}")));

    let done = world.secret(IMPORT).success();
    assert_eq!((done.stdout.as_str(), done.stderr), ("", format!("{lines}set {rest}")));
    let shown = "\
secrets/a.env       @acme/platform
secrets/db.env      @acme/payments dba@example.com
secrets/free/c.env  -
secrets/owned.env   ops
";
    assert_eq!(world.owners(), shown);
    // Nothing else has changed: all opens as before, to the same people.
    assert_eq!(readers("secrets/db.env"), before);
    assert_eq!(world.secret(["get", "secrets/db.env", "TOKEN"]).success().stdout.trim_end(), "canary");
    world.commit("owners");
    world.secret(["verify", "--strict"]).success();
    // A second time there is nothing to do.
    let tree = world.listing();
    let again = world.secret(IMPORT).success();
    assert!(again.stderr.ends_with("set the owner of 0 files by .github/CODEOWNERS; 1 with another; 2 with the same; 1 that it names nobody for\n"), "{again:#?}");
    assert_eq!(world.listing(), tree);
}

#[test]
fn with_overwrite_the_others_get_theirs_but_nobody_loses_one() {
    let world = World::with_owners("* @acme/all\n/secrets/db.env\n/secrets/a.env @acme/a\n");
    world.secret(["meta", "secrets/db.env", "--owner", "dba"]).success();
    world.secret(["meta", "secrets/a.env", "TOKEN", "--owner", "vendor"]).success();
    let done = world.secret(["owners", "--from-codeowners", "--overwrite", "secrets/owned.env", "secrets/db.env"]);
    assert_eq!(
        done.success().stderr,
        "secrets/owned.env: ops -> @acme/all\nset the owner of 1 file by .github/CODEOWNERS; 1 that it names nobody for\n"
    );
    world.secret(["owners", "--from-codeowners"]).success();
    let listed: Value = serde_json::from_str(&world.reads_owners(&["--json"]).stdout).expect("JSON");
    let file = |path: &str, owner: &str, values: Value| json!({ "file": path, "owner": owner, "values": values });
    assert_eq!(
        listed,
        json!({ "version": 1, "files": [
            file("secrets/a.env", "@acme/a", json!([{ "key": "TOKEN", "owner": "vendor" }])),
            file("secrets/db.env", "dba", json!([])),
            file("secrets/free/c.env", "@acme/all", json!([])),
            file("secrets/owned.env", "@acme/all", json!([])),
        ] })
    );
}

#[test]
fn the_first_place_counts_and_another_file_can_be_named() {
    let world = World::with_owners("* @first\n");
    for (place, owner) in [("CODEOWNERS", "@second"), ("docs/CODEOWNERS", "@third"), (".gitlab/CODEOWNERS", "@last")] {
        world.write(place, format!("* {owner}\n"));
    }
    for (gone, source) in [
        ("", ".github/CODEOWNERS"),
        (".github/CODEOWNERS", "CODEOWNERS"),
        ("CODEOWNERS", "docs/CODEOWNERS"),
        ("docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
    ] {
        if !gone.is_empty() {
            std::fs::remove_file(world.path(gone)).expect("it is there");
        }
        let planned = world.reads_owners(&["--from-codeowners", "--dry-run", "secrets/a.env"]).stderr;
        assert!(planned.ends_with(&format!("would set the owner of 1 file by {source}\n")), "{planned}");
    }
    std::fs::write(world.folder().join("elsewhere"), "*.env @there\n").expect("a file");
    world.secret(["owners", "--from-codeowners=../elsewhere", "secrets/a.env"]).success();
    assert!(world.owners().starts_with("secrets/a.env       @there\n"));
    std::fs::remove_file(world.path(".gitlab/CODEOWNERS")).expect("it is there");
    world.refuses(
        IMPORT,
        1,
        "error: there is no CODEOWNERS in [WORLD]/repo
hint: looked at are .github/CODEOWNERS, CODEOWNERS, docs/CODEOWNERS, .gitlab/CODEOWNERS; name another file: \
         --from-codeowners=FILE",
    );
}

#[test]
fn a_file_that_others_must_write_keeps_all_from_being_written() {
    let world = World::with_owners(OWNERS);
    let bob = world.joins("bob");
    world.commit("bob");
    world.secret(["rekey", "secrets/db.env", "--yes"]).success();
    world.commit("bob reads one");
    let outcome = world.secret(["-i", &bob, "owners", "--from-codeowners"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    assert!(outcome.stderr.contains("secrets/a.env"), "{outcome:#?}");
    assert_eq!(world.git(["status", "--porcelain"]), "");
    // What he opens he may write.
    world.secret(["-i", &bob, "owners", "--from-codeowners", "secrets/db.env"]).success();
    // And a file that somebody changed by hand keeps all from being written, whoever runs it.
    world.tamper("secrets/a.env", "# recipients.alice", "# recipients.alica");
    let tree = world.listing();
    assert_eq!(world.secret(["owners", "--from-codeowners", "--overwrite"]).code, 5);
    assert_eq!(world.listing(), tree);
}

#[test]
fn many_files_are_set_all_or_none_and_named_in_their_order() {
    let world = World::new();
    let paths: Vec<String> = (10..50).map(|number| format!("secrets/{number}.env")).collect();
    for path in &paths {
        world.write(path, "A=canary\n");
    }
    let words: Vec<&str> = ["encrypt", "--quiet"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    world.secret(words).success();
    world.write("CODEOWNERS", "* @acme/all\n");
    world.commit("files");
    let whole = [21, 47].map(|number| world.read(&format!("secrets/{number}.env")));
    for number in [47, 21] {
        world.tamper(&format!("secrets/{number}.env"), "# recipients.alice", "# recipients.alica");
    }
    let before = world.listing();
    let outcome = world.secret(IMPORT);
    assert_eq!(outcome.code, 5, "{outcome:#?}");
    let refused: Vec<&str> = outcome.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(
        refused,
        [
            "error: secrets/21.env: the wrapped key belongs to another list of readers",
            "error: secrets/47.env: the wrapped key belongs to another list of readers",
            "error: 2 files failed",
        ]
    );
    assert_eq!(world.listing(), before, "some were written");
    for (number, text) in [21, 47].iter().zip(whole) {
        world.write(&format!("secrets/{number}.env"), text);
    }
    let done = world.secret(IMPORT).success();
    assert!(done.stderr.ends_with("set the owner of 40 files by CODEOWNERS\n"), "{done:#?}");
    let expected: String = paths.iter().map(|path| format!("{path}  @acme/all\n")).collect();
    assert_eq!(world.owners(), expected);
    world.secret(["verify"]).success();
}

#[test]
fn hostile_files_are_refused_and_change_nothing() {
    let correct = "hint: correct the line, or name another file: --from-codeowners=FILE";
    for (text, problem) in [
        (
            "* @a\n!secrets @b\n",
            "line 2: GitHub takes no pattern with `!`; a later line without owners takes files out",
        ),
        ("* @a\nsecrets/[ab].env @b\n", "line 2: GitHub takes no pattern with `[` or `]`"),
        ("* @a\0\n", "line 1: it has a control character"),
        ("* \u{1b}]0;x\u{7}@a\n", "line 1: it has a control character"),
        ("* @\u{202e}a\n", "line 1: an owner is @NAME, @ORGANISATION/TEAM or an e-mail address"),
        ("* @a\r# owner = \"x\"\n", "line 1: it has a control character"),
    ] {
        let world = World::with_owners(text);
        world.refuses(IMPORT, 1, &format!("error: .github/CODEOWNERS: {problem}\n{correct}"));
    }
    let world = World::with_owners("[Payments] @a\nsecrets/\n");
    world.refuses(
        IMPORT,
        1,
        "error: .github/CODEOWNERS: line 1: sections are GitLab's, and a file may have owners in several of them: this \
         command follows GitHub's rules
hint: write the lines that are for secrets into a file without sections, and name it: --from-codeowners=FILE",
    );
    world.write(".github/CODEOWNERS", "* @a\n".repeat(700_000));
    let outcome = world.secret(IMPORT);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("CODEOWNERS") && outcome.stderr.starts_with("error: "), "{outcome:#?}");
    // The most lines that there can be are no trouble.
    world.write(".github/CODEOWNERS", "? @a\n".repeat((3 << 20) / 5));
    assert!(world.secret(IMPORT).success().stderr.starts_with("set the owner of 0 files"));
}

#[cfg(unix)]
#[test]
fn a_link_in_the_repository_leads_to_nothing_outside() {
    let world = World::with_owners("");
    std::fs::write(world.folder().join("outside"), "* @outside\n").expect("a file");
    std::fs::remove_file(world.path(".github/CODEOWNERS")).expect("it is there");
    std::os::unix::fs::symlink(world.folder().join("outside"), world.path(".github/CODEOWNERS")).expect("a link");
    for arguments in [&IMPORT[..], &["owners", "--from-codeowners=.github/CODEOWNERS"]] {
        let outcome = world.secret(arguments);
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        assert!(!outcome.stderr.contains("@outside"), "{outcome:#?}");
    }
}
