//! A rekey that was interrupted: finished or undone by the next command that writes, and by no other.

use std::fs;

use crate::world::World;

const ONE: &str = "secrets/one.env";
const TWO: &str = "secrets/deeper/two.json";

/// Two files that bob reads, and a committed policy that he is no longer in.
fn left_by_bob() -> World {
    let world = World::new();
    world.joins("bob");
    world.commit("bob joins");
    let world = world.with_file(ONE, "ONE=1\n").with_file(TWO, "{\"two\": 2}\n");
    let policy = world.read(".secret.toml");
    let kept: Vec<&str> = policy.lines().filter(|line| !line.starts_with("bob = ")).collect();
    world.write(".secret.toml", kept.join("\n").replace(", \"bob\"", "") + "\n");
    world.commit("bob leaves");
    world
}

/// Leaves what a process leaves that is killed when it has replaced the first of two files: the journal says which bytes
/// belong where.
fn interrupted() -> World {
    let world = left_by_bob();
    let rekeyed = world.copy();
    rekeyed.secret(["rekey"]).success();
    let name = ".secret-4194304-0123456789abcdef.tmp";
    let line = |path: &str, name: &str| {
        let [old, new] = [&world, &rekeyed].map(|world| world.sha256(path));
        format!("file {old} {new} {name} \"{path}\"\n")
    };
    let policy = world.sha256(".secret.toml");
    let text = format!(
        "secret journal 1\nfolder \"secrets\"\nfolder \"secrets/deeper\"\nneeds {policy} {policy} \".secret.toml\"\n{}{}",
        line(ONE, ".secret-4194304-fedcba9876543210.tmp"),
        line(TWO, name)
    );
    world.write("digest", &text);
    let end = format!("end {}\n", world.sha256("digest"));
    fs::remove_file(world.path("digest")).expect("a file");
    world.write(ONE, rekeyed.read(ONE));
    world.write(&format!("secrets/deeper/{name}"), rekeyed.read(TWO));
    world.write(".git/secret-journal", text + &end);
    world
}

const FINISHED: &str = "warning: a rekey that was interrupted is finished: 2 files are replaced: secrets/one.env, \
                        secrets/deeper/two.json\n";

/// Another branch may have the very same files, and a policy that lets nobody new in.
#[test]
fn under_another_policy_the_rest_is_given_up() {
    let world = interrupted();
    let two = world.read(TWO);
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", policy.clone() + "\n# another one\n");
    world.secret_with(["set", TWO, "two", "--stdin"], "3", &[]).fails(
        1,
        "error: a rekey was interrupted, and .secret.toml is another one since: 1 file left as it is; what it had written \
         already stands in these\n  secrets/one.env\nhint: look at them: `git checkout` takes them back, `secret rekey` brings \
         them in line with the policy",
    );
    assert_eq!(world.read(TWO), two);
    assert!(!world.path(".git/secret-journal").exists());
    assert_eq!(fs::read_dir(world.path("secrets/deeper")).expect("a folder").count(), 1);
    world.secret(["rekey"]).success();
    assert!(!world.read(TWO).contains("recipients.bob"));

    // Taken back before anything else is done, it is as if nothing had been begun.
    let world = interrupted();
    world.git(["checkout", "--quiet", "."]);
    world.write(".secret.toml", policy + "\n# another one\n");
    let set = world.secret_with(["group", "add", "others", "alice"], "", &[]).success();
    assert!(
        set.stderr.starts_with(
            "warning: a rekey was interrupted, and .secret.toml is another one since: 2 files left as they are\n"
        ),
        "{}",
        set.stderr
    );
}

#[test]
fn any_command_that_writes_finishes_it_and_says_so() {
    let commands: [&[&str]; 5] = [
        &["rekey"],
        &["set", ONE, "ONE", "--stdin"],
        &["meta", TWO, "--owner", "ops"],
        &["group", "add", "others", "alice"],
        &["decrypt", "--in-place", ONE],
    ];
    for command in commands {
        let world = interrupted();
        let done = world.secret_with(command, "new", &[]).success();
        assert!(done.stderr.starts_with(FINISHED), "{command:?}: {done:#?}");
        assert!(world.read(TWO).contains("\"generation\": 2"), "{command:?}");
        assert!(!world.path(".git/secret-journal").exists());
        assert_eq!(world.secret(["decrypt", TWO]).success().stdout, "{\"two\": 2}\n");
        let again = world.secret(["rekey"]).success();
        assert!(!again.stderr.contains("interrupted"), "{again:#?}");
    }
}

#[test]
fn commands_that_read_go_on_and_touch_nothing() {
    let world = interrupted();
    let before = world.listing();
    for command in [
        ["decrypt", ONE].as_slice(),
        &["decrypt", TWO],
        &["get", ONE, "ONE"],
        &["who", TWO],
        &["ls"],
        &["member", "list"],
        &["group", "list"],
        &["rekey", "--dry-run"],
        &["status"],
        &["status", "--format", "html", "-o", "../report.html"],
        &["drill"],
    ] {
        world.secret(command).success();
        assert_eq!(world.listing(), before, "{command:?}");
    }
    assert_eq!(world.secret(["rekey", "--check"]).code, 3);
    assert_eq!(world.secret(["verify"]).code, 3);
    assert_eq!(world.secret(["resolve", ONE, "--list"]).code, 1);
    assert_eq!(world.listing(), before);
    let doctor = world.secret(["doctor"]);
    let said = "one was interrupted while it replaced 2 files; it will be finished";
    assert!(doctor.code == 3 && doctor.stdout.contains(said), "{doctor:#?}");
    assert_eq!(world.listing(), before);
}

#[test]
fn a_file_that_was_changed_meanwhile_is_left_and_the_way_on_is_said() {
    let world = interrupted();
    world.write(TWO, "somebody else's");
    let refused = world.secret(["meta", ONE, "--owner", "ops"]);
    assert_eq!(
        (refused.code, refused.stderr.as_str()),
        (
            1,
            "error: a rekey that was interrupted is finished for 1 of 2 files; 1 changed meanwhile, and is left as it is\n  \
             secrets/deeper/two.json\nhint: look at what changed, then run `secret rekey`\n"
        )
    );
    assert_eq!(world.read(TWO), "somebody else's");
    world.git(["checkout", "--quiet", "--", TWO]);
    world.secret(["rekey"]).success();
    world.secret(["rekey", "--check"]).success();
}

#[test]
fn in_a_linked_work_tree_the_journal_is_its_own() {
    let world = left_by_bob();
    world.git(["worktree", "add", "--quiet", "../linked", "HEAD"]);
    let linked = world.path("../linked");
    let journal = world.path(".git/worktrees/linked/secret-journal");
    fs::write(&journal, "secret journal 1\nfolder \"secrets\"\n").expect("a journal");
    let main = world.secret(["rekey"]).success();
    assert!(!main.stderr.contains("interrupted"), "{main:#?}");
    let there = world.secret(["-C", linked.to_str().expect("UTF-8"), "rekey"]).success();
    let undone = "warning: a rekey was interrupted before it had replaced anything; what it had prepared is removed\n";
    assert!(there.stderr.starts_with(undone) && there.stderr.ends_with("rekeyed 2 files\n"), "{there:#?}");
    assert!(!journal.exists());
}

#[test]
fn outside_of_git_the_journal_stands_beside_the_policy() {
    let world = left_by_bob();
    fs::remove_dir_all(world.path(".git")).expect("git's folder");
    world.write(".secret-journal", "secret journal 1\nfolder \"secrets\"\n");
    world.write("secrets/.secret-4194304-0123456789abcdef.tmp", "new");
    world.secret(["group", "add", "others", "alice"]).success();
    assert!(!world.path("secrets/.secret-4194304-0123456789abcdef.tmp").exists());
    world.secret(["rekey"]).success();
    world.secret(["rekey", "--check"]).success();
    assert!(!world.path(".secret-journal").exists());
}

#[test]
fn a_journal_that_leads_out_of_the_repository_stops_writers_and_moves_nothing() {
    let world = left_by_bob();
    let digest = "0".repeat(64);
    let text =
        format!("secret journal 1\nfile {digest} {digest} .secret-4194304-0123456789abcdef.tmp \"../home/.bashrc\"\n");
    world.write("digest", &text);
    let end = format!("end {}\n", world.sha256("digest"));
    fs::remove_file(world.path("digest")).expect("a file");
    world.write(".git/secret-journal", text + &end);
    let before = world.listing();
    let refused = world.secret(["rekey"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("/.git/secret-journal: line 2 names a path that it may not\nhint: look at it;"),
        "{refused:#?}"
    );
    assert_eq!(world.listing(), before);
}
