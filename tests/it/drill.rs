//! `secret drill`: what really opens, what only could by the headers, and what is lost with one key.

use serde_json::{Value, json};

use crate::world::{DB, World};

impl World {
    /// Alice and a break-glass key read all files; its identity is in the file that is returned.
    fn with_recovery() -> (Self, String) {
        let world = Self::new();
        let (file, recovery) = world.keygen("recovery");
        let add = ["member", "add", "recovery", &recovery, "--group", "team", "--kind", "break-glass"];
        world.secret(add).success();
        world.commit("recovery");
        let world = world.with_file("secrets/db.yaml", DB).with_file("secrets/app.env", "A=canary\n");
        (world, file)
    }
}

#[test]
fn every_identity_at_hand_opens_what_it_should() {
    let (world, recovery) = World::with_recovery();
    let outcome = world.secret(["drill"]).success();
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        (
            "\
alice     person       2 of 2 files  opened
recovery  break-glass  2 of 2 files  could, by the headers
",
            "all that should be opened can be (2 files)\n"
        )
    );
    let outcome = world.secret(["drill", "--as", &recovery, "--json"]).success();
    let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    assert_eq!(
        report["members"],
        json!([
            { "name": "alice", "kind": "person", "checked": "headers", "should": 2, "can": 2, "failures": [] },
            { "name": "recovery", "kind": "break-glass", "checked": "opened", "should": 2, "can": 2, "failures": [] },
        ])
    );
}

#[test]
fn a_file_that_only_claims_to_be_for_the_break_glass_key_is_found() {
    let (world, recovery) = World::with_recovery();
    // Alice writes the header by hand: it names the recovery key, but the data key is wrapped for her alone.
    let wrapped = |world: &World| {
        let text = world.read("secrets/db.yaml");
        let start = text.find("-----BEGIN AGE").expect("a wrapped key");
        text[start..text.find("-----END AGE").expect("its end")].to_owned()
    };
    let own = {
        let other = world.copy();
        let policy = other.read(".secret.toml").replace("\"recovery\"]", "]").replace(", ]", "]");
        other.write(".secret.toml", policy);
        other.secret(["rekey", "--yes"]).success();
        wrapped(&other)
    };
    let theirs = wrapped(&world);
    world.tamper("secrets/db.yaml", &theirs, &own);
    let outcome = world.secret(["drill", "--as", &recovery]);
    assert_eq!(outcome.code, 3, "{outcome:#?}");
    assert!(outcome.stdout.contains("recovery  break-glass  1 of 2 files  opened\n"), "{outcome:#?}");
    assert!(
        outcome.stdout.contains("recovery cannot open secrets/db.yaml: cannot open secrets/db.yaml: "),
        "{outcome:#?}"
    );
    assert!(outcome.stdout.contains("no break-glass member can open secrets/db.yaml\n"), "{outcome:#?}");
    assert!(!outcome.stdout.contains("canary") && !outcome.stderr.contains("canary"));
}

#[test]
fn large_files_are_authenticated_to_their_end() {
    let (world, recovery) = World::with_recovery();
    // More than is held in memory.
    world.write("secrets/disk.img", vec![b'c'; (1 << 20) + 70_000]);
    world.secret(["encrypt", "--quiet", "secrets/disk.img"]).success();
    let outcome = world.secret(["drill", "--as", &recovery]).success();
    assert_eq!(
        outcome.stdout,
        "\
alice     person       3 of 3 files  could, by the headers
recovery  break-glass  3 of 3 files  opened
"
    );
    let sealed = world.read_bytes("secrets/disk.img");
    let mut changed = sealed.clone();
    let near_the_end = changed.len() - 1000;
    changed[near_the_end] ^= 1;
    for broken in [changed, sealed[..sealed.len() - 70_000].to_vec()] {
        world.write("secrets/disk.img", broken);
        let before = world.listing();
        let outcome = world.secret(["drill", "--as", &recovery]);
        assert_eq!(outcome.code, 3, "{outcome:#?}");
        assert!(outcome.stdout.contains("recovery  break-glass  2 of 3 files  opened\n"), "{outcome:#?}");
        assert!(outcome.stdout.contains("recovery cannot open secrets/disk.img: "), "{outcome:#?}");
        assert!(outcome.stdout.contains("no break-glass member can open secrets/disk.img\n"), "{outcome:#?}");
        assert_eq!(world.listing(), before);
    }
}

#[test]
fn without_files_the_members_are_named_as_what_they_are() {
    let world = World::new();
    world.joins("bob");
    assert_eq!(
        world.secret(["drill"]).success().stdout,
        "alice  person  0 of 0 files  opened\nbob    person  0 of 0 files  could, by the headers\n"
    );
}

#[test]
fn an_identity_behind_a_passphrase_is_drilled_when_it_is_named() {
    let (world, _) = World::with_recovery();
    let safe = world.home().join("safe.key").display().to_string();
    let passphrase = "correct horse\r";
    let questions = [("passphrase for the new identity", passphrase), ("again", passphrase)];
    let (code, screen) = world.at_terminal(&["keygen", "--passphrase", "-o", &safe], &[], &questions);
    assert_eq!(code, 0, "{screen}");
    let recipient = screen.lines().last().expect("the recipient");
    world.secret(["member", "add", "safe", recipient, "--group", "team", "--kind", "break-glass"]).success();
    world.commit("safe");
    world.secret(["--quiet", "rekey", "--yes"]).success();
    let (code, screen) = world.at_terminal(&["drill", "--as", &safe], &[], &[("passphrase for ", passphrase)]);
    // It is asked for once, for all files.
    assert_eq!((code, screen.matches("[hidden]").count()), (0, 1), "{screen}");
    assert!(screen.contains("safe      break-glass  2 of 2 files  opened\n"), "{screen}");
    assert!(screen.contains("recovery  break-glass  2 of 2 files  could, by the headers\n"), "{screen}");
    let (code, screen) = world.at_terminal(&["drill", "--as", &safe], &[], &[("passphrase for ", "wrong\r")]);
    assert_ne!(code, 0, "{screen}");
    assert!(screen.contains("wrong passphrase for [WORLD]/home/safe.key") && !screen.contains("opened"), "{screen}");
    // Without a terminal nobody is asked, and without --as it is not tried.
    let outcome = world.secret(["drill", "--as", &safe]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (4, ""), "{outcome:#?}");
    let outcome = world.secret_with(["-i", &safe, "drill"], "", &[]);
    assert!(outcome.stdout.contains("safe      break-glass  2 of 2 files  could, by the headers\n"), "{outcome:#?}");
}

#[test]
fn what_no_break_glass_member_and_what_only_one_person_opens_is_told() {
    let (world, _) = World::with_recovery();
    let rule = "[[rules]]\npath = \"secrets/own/**\"\nreaders = [\"alice\"]\n\n[[rules]]";
    world.tamper(".secret.toml", "[[rules]]", rule);
    world.commit("a rule of alice's");
    let world = world.with_file("secrets/own/key.env", "A=canary\n");
    let outcome = world.secret(["drill"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()),
        (
            3,
            "\
alice     person       3 of 3 files  opened
recovery  break-glass  2 of 2 files  could, by the headers
no break-glass member can open secrets/own/key.env
only alice can open secrets/own/key.env
",
            "\
error: 1 file beyond every break-glass key
hint: `secret rekey` lets in whom the policy names; `secret verify` says more of what is broken
"
        )
    );
}

#[test]
fn a_member_whom_the_files_do_not_know_yet_fails_by_the_headers() {
    let world = World::with_db();
    world.secret(["member", "add", "bob", &world.keygen("bob").1, "--group", "team"]).success();
    let outcome = world.secret(["drill"]);
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (
            3,
            "\
alice  person  1 of 1 file  opened
bob    person  0 of 1 file  could, by the headers
bob cannot open secrets/db.yaml: the policy lets them in, the file does not yet
only alice can open secrets/db.yaml
"
        )
    );
}

#[test]
fn an_identity_of_nobody_and_one_that_is_missing_are_refused() {
    let world = World::with_db();
    let (stranger, _) = world.keygen("stranger");
    let outcome = world.secret(["drill", "--as", &stranger]);
    assert_eq!(outcome.code, 3);
    assert!(outcome.stderr.contains("error: the identity belongs to no member and no reader\n"), "{outcome:#?}");
    let outcome = world.secret(["drill", "--as", "/nonexistent"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (4, ""), "{outcome:#?}");
}
