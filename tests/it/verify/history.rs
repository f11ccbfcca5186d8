//! `secret verify` of a range of commits: merges, the policy of the base, clones that lack something.

use std::fs;

use super::DB;
use crate::world::World;

#[test]
fn what_history_shows_is_found_in_a_range() {
    let world = World::with_db();
    let first = world.read(DB);
    let set = |value: &str| {
        world.secret_with(["set", DB, "db.password", "--stdin"], value, &[]).success();
        world.commit(value);
    };
    set("second");
    world.git(["tag", "base"]);
    let line = world.line_of(DB, "  password:");
    // From before the range, and from within.
    world.write(DB, &first);
    world.commit("back");
    assert_eq!(world.found(&["--base", "base"]), [format!("error older-value {DB} {line}")]);
    world.git(["reset", "--quiet", "--hard", "base"]);
    set("third");
    let third = world.read(DB);
    set("fourth");
    assert_eq!(world.found(&["--base", "base"]), Vec::<String>::new());
    world.write(DB, &third);
    world.commit("back");
    assert_eq!(world.found(&["--base", "base"]), [format!("error older-value {DB} {line}")]);
    set("fifth");
    // Mended: it is said, and no reason to refuse.
    assert_eq!(world.found(&["--base", "base"]), [format!("warning older-value {DB} {line}")]);

    world.git(["reset", "--quiet", "--hard", "base"]);
    let before = world.read(DB);
    world.secret(["meta", DB, "--owner", "ops"]).success();
    world.commit("owner");
    world.write(DB, &before);
    world.commit("no owner");
    assert_eq!(world.found(&["--base", "base"]), [format!("error older-header {DB}")]);
    assert_eq!(world.found(&["--base", "HEAD~1"]), [format!("error older-header {DB}")]);

    world.git(["reset", "--quiet", "--hard", "base"]);
    fs::remove_file(world.path(DB)).expect("a file");
    world.write(DB, "db: 1\n");
    world.secret(["encrypt", DB, "--fresh"]).success();
    world.commit("another file");
    assert_eq!(world.found(&["--base", "base"]), [format!("error other-file {DB}")]);
}

#[test]
fn merges_are_checked_and_one_that_drops_a_newer_value_is_found() {
    let world = World::with_db().with_file("secrets/other.yaml", "a: b\n");
    world.git(["tag", "base"]);
    world.git(["checkout", "--quiet", "-b", "side"]);
    world.secret_with(["set", DB, "db.password", "--stdin"], "new", &[]).success();
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    world.secret_with(["set", "secrets/other.yaml", "a", "--stdin"], "new", &[]).success();
    world.commit("main");
    world.git(["merge", "--quiet", "--no-edit", "side"]);
    assert_eq!(world.found(&["--base", "base"]), Vec::<String>::new());
    assert_eq!(world.found(&["--base", "HEAD~1"]), Vec::<String>::new());
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    world.git(["merge", "--quiet", "--no-edit", "--strategy=ours", "side"]);
    let line = world.line_of(DB, "  password:");
    assert_eq!(world.found(&["--base", "base"]), [format!("error older-value {DB} {line}")]);
    // An evil merge brings what neither side has.
    world.git(["reset", "--quiet", "--hard", "HEAD~1"]);
    world.git(["merge", "--quiet", "--no-commit", "--no-ff", "side"]);
    world.write(DB, "db: canary\n");
    world.commit("evil");
    assert_eq!(world.found(&["--base", "base"]), [format!("error decrypted {DB}")]);
}

#[test]
fn a_range_is_judged_by_the_policy_of_its_base() {
    let world = World::with_db();
    let (_, mallory) = world.keygen("mallory");
    world.git(["tag", "base"]);
    let without_mallory = world.read(".secret.toml");
    world.secret(["member", "add", "mallory", &mallory, "--group", "team"]).success();
    world.commit("policy");
    world.secret(["rekey", "--yes"]).success();
    world.commit("rekey");
    let line = world.line_of(".secret.toml", "path =");
    let gains = format!("error policy-widens .secret.toml {line}");
    assert_eq!(world.found(&["--base", "base"]), [gains, format!("error extra-reader {DB}")]);
    let said = world.verify(&["--base", "base"]);
    assert!(said.stdout.contains("the new policy lets mallory read secrets/** (1 file) [policy-widens]"), "{said:#?}");
    assert!(said.stdout.contains("it can be read by mallory, whom the policy of base does not name"), "{said:#?}");
    assert!(said.stderr.ends_with("(1 file in 2 commits, by the policy of base)\n"), "{said:#?}");
    assert_eq!(world.found(&["--base", "base", "--accept", "mallory"]), Vec::<String>::new());
    assert_eq!(world.found(&["--base", "base", "--accept", "alice"]).len(), 2);
    // The way back is no widening, and a rekey that was forgotten is said.
    world.git(["tag", "--force", "base"]);
    world.write(".secret.toml", &without_mallory);
    world.commit("removed");
    assert_eq!(world.found(&["--base", "base"]), [format!("error extra-reader {DB}")]);
    world.secret(["rekey", "--yes"]).success();
    world.commit("rekey");
    let line = world.line_of(DB, "  user:");
    assert_eq!(world.found(&["--base", "base"]), [format!("warning exposed {DB} {line}")]);
    // No policy, no checks: that must not pass.
    world.git(["rm", "--quiet", ".secret.toml"]);
    assert!(world.found(&["--staged"]).contains(&"error policy-removed .secret.toml".to_owned()));
    world.commit("no policy");
    assert!(world.found(&["--base", "base"]).contains(&"error policy-removed .secret.toml".to_owned()));
}

#[test]
fn a_shallow_clone_says_what_could_not_be_checked() {
    let world = World::with_db();
    for value in ["1", "2", "3"] {
        world.secret_with(["set", DB, "db.port", "--stdin"], value, &[]).success();
        world.commit(value);
    }
    let url = format!("file://{}", world.repo().display());
    world.git(["clone", "--quiet", "--depth=2", &url, "../shallow"]);
    let said = world.verify(&["-C", "../shallow", "--base", "HEAD~1"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{said:#?}");
    let first = world.git(["rev-parse", "HEAD~3"]);
    let outcome = world.verify(&["-C", "../shallow", "--base", first.trim()]);
    let expected = format!(
        "error: {:?} names no commit of the git repository [WORLD]/shallow\n\
         hint: `git log --all --oneline` lists commits; a shallow clone has few: `git fetch --unshallow`\n",
        first.trim()
    );
    assert_eq!((outcome.code, world.filter(&outcome.stderr)), (1, expected));
    // A base that is no ancestor: the range goes to the end of what is here.
    let shallow = world.folder().join("shallow").display().to_string();
    world.git(["-C", &shallow, "fetch", "--quiet", "--depth=1", &url, first.trim()]);
    let found = world.found(&["-C", "../shallow", "--base", first.trim()]);
    assert_eq!(found, ["warning unchecked ."]);
    assert_eq!(world.found(&["-C", "../shallow", "--base", first.trim(), "--strict"]), ["error unchecked ."]);
}

#[test]
fn nothing_is_fetched_into_a_partial_clone() {
    let world = World::with_db();
    for value in ["1", "2"] {
        world.secret_with(["set", DB, "db.port", "--stdin"], value, &[]).success();
        world.commit(value);
    }
    world.git(["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", world.repo().display());
    world.git(["clone", "--quiet", "--filter=blob:none", &url, "../partial"]);
    let objects = || world.git(["-C", "../partial", "count-objects", "--verbose"]);
    let before = objects();
    assert_eq!(world.found(&["-C", "../partial", "--rev", "HEAD"]), Vec::<String>::new());
    assert_eq!(world.found(&["-C", "../partial", "--staged"]), Vec::<String>::new());
    let outcome = world.verify(&["-C", "../partial", "--rev", "HEAD~1"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert!(
        outcome.stdout.contains("warning: not checked: ") && outcome.stdout.contains("partial clone"),
        "{outcome:#?}"
    );
    assert_eq!(world.verify(&["-C", "../partial", "--rev", "HEAD~1", "--strict"]).code, 3);
    assert_eq!(objects(), before);
}

#[test]
fn a_plaintext_that_was_forced_in_is_caught_later_though_it_was_encrypted_after_that() {
    let world = World::with_db();
    world.git(["tag", "base"]);
    world.write("secrets/new.yaml", "a: canary\n");
    world.commit("forced");
    world.secret(["encrypt", "secrets/new.yaml"]).success();
    world.commit("encrypted");
    assert_eq!(world.found(&[]), Vec::<String>::new());
    assert_eq!(world.found(&["--base", "base"]), ["error plaintext secrets/new.yaml"]);
    let commit = world.git(["rev-parse", "HEAD~1"]);
    let said = world.verify(&["--base", "base"]).stdout;
    assert!(said.contains(&format!("[plaintext, commit {}]", &commit[..12])), "{said}");
}

#[test]
fn advice_for_a_reader_in_an_older_commit_helps_when_it_is_followed() {
    let world = World::with_db().with_driver();
    world.joins("bob");
    world.commit("bob");
    world.secret(["rekey", "--yes"]).success();
    world.commit("rekey");
    world.git(["checkout", "--quiet", "-b", "feat"]);
    world.set_value(DB, "db.user", "canary-new");
    world.commit("feat");
    world.git(["checkout", "--quiet", "main"]);
    world.secret(["member", "remove", "bob", "--yes"]).success();
    world.commit("bob leaves");
    world.git(["checkout", "--quiet", "feat"]);
    world.git(["merge", "--quiet", "--no-edit", "main"]);
    let advice = "    every commit counts, for history keeps it: `git rebase main` makes them anew, with the readers of \
                  main; if it is still so after that, `secret rekey secrets/db.yaml`, commit, and squash them with \
                  `git rebase -i main`; or have the policy changed first, in a change of its own\n";
    let found = world.verify(&["--base", "main"]);
    assert_eq!((found.code, found.stdout.matches("[extra-reader").count()), (3, 1), "{found:#?}");
    assert!(found.stdout.contains(advice), "{found:#?}");
    world.git(["rebase", "--quiet", "main"]);
    assert_eq!(world.found(&["--base", "main"]).iter().filter(|found| found.starts_with("error")).count(), 0);

    // A reader whom the change itself let in, and took out again, a rebase does not take out, but a squash does.
    world.joins("bea");
    world.secret(["rekey", "--add", "bea"]).success();
    world.commit("bea");
    world.secret(["member", "remove", "bea", "--yes"]).success();
    world.commit("bea leaves");
    let found = world.verify(&["--base", "main"]);
    assert!(found.code == 3 && found.stdout.contains(advice), "{found:#?}");
    world.git(["rebase", "--quiet", "main"]);
    assert_eq!(world.verify(&["--base", "main"]), found);
    let squash = [("GIT_SEQUENCE_EDITOR", "sed -i '2,$ s/^pick/squash/'"), ("GIT_EDITOR", "true")];
    let squashed = world.try_git_with(&["rebase", "--quiet", "-i", "main"], &squash);
    assert_eq!(squashed.code, 0, "{squashed:#?}");
    assert_eq!(world.found(&["--base", "main"]).iter().filter(|found| found.starts_with("error")).count(), 0);
}

#[test]
fn advice_for_a_conflict_that_was_committed_helps_when_it_is_followed() {
    let world = World::with_db();
    world.git(["tag", "base"]);
    world.git(["checkout", "--quiet", "-b", "side"]);
    world.set_value(DB, "db.user", "canary-side");
    world.commit("side");
    world.git(["checkout", "--quiet", "main"]);
    world.set_value(DB, "db.user", "canary-main");
    world.commit("main");
    let merge = world.try_git(&["merge", "--no-edit", "side"]);
    assert_eq!(merge.code, 1, "{merge:#?}");
    world.commit("with markers");
    let found = world.verify(&["--base", "base"]);
    let advice = "    settle it with `secret resolve secrets/db.yaml`, then `git add -- secrets/db.yaml`\n";
    assert!(found.code == 3 && found.stdout.contains(advice), "{found:#?}");
    world.secret(["resolve", DB, "--all-theirs"]).success();
    world.git(["add", "--", DB]);
    world.commit("settled");
    assert_eq!(world.found(&["--base", "base"]).iter().filter(|found| found.starts_with("error")).count(), 0);
}
