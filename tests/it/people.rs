//! Members and groups as they come, change and end; and requests to join, which are a stranger's word.

use std::fs;
use std::os::unix::fs::symlink;

use crate::world::{DB, World};

const FILE: &str = "secrets/db.yaml";
const CAROL: &str = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";
const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
const NEXT: &str = "next: commit the policy, then `secret rekey` lets them read\n";

#[test]
fn a_member_is_added_from_files_with_kind_and_last_day() {
    let world = World::new();
    world.write("carol.txt", format!("# Carol's keys\n\n{CAROL}\n"));
    world.write("carol.pub", format!("{SSH} carol@laptop\n"));
    let command = [
        "member",
        "add",
        "carol",
        "--from",
        "carol.txt",
        "--from",
        "carol.pub",
        "--kind",
        "machine",
        "--expires",
        "2999-12-31",
        "--group",
        "team",
    ];
    assert_eq!(world.secret(command).success().stderr, format!("added carol to the policy and to team\n{NEXT}"));
    let line =
        format!("carol = {{ recipients = [\"{CAROL}\", \"{SSH}\"], kind = \"machine\", expires = \"2999-12-31\" }}\n");
    assert!(world.read(".secret.toml").contains(&line), "{}", world.read(".secret.toml"));
    let list = world.secret(["member", "list"]).success().stdout;
    let rows: Vec<&str> = list.lines().collect();
    assert!(rows[0].starts_with("alice  person   team  -                 age1"), "{list}");
    assert_eq!(
        rows[1..],
        [
            format!("carol  machine  team  until 2999-12-31  {CAROL}"),
            format!("carol  machine  team  until 2999-12-31  {SSH}"),
        ]
    );
    let json: serde_json::Value =
        serde_json::from_str(&world.secret(["member", "list", "--json"]).success().stdout).expect("JSON");
    let expected = serde_json::json!({
        "name": "carol", "kind": "machine", "expires": "2999-12-31", "expired": false, "groups": ["team"],
        "recipients": [CAROL, SSH],
    });
    assert_eq!((json["version"].as_u64(), &json["members"][1]), (Some(1), &expected));
}

#[test]
fn what_makes_no_sense_as_a_member_is_refused_and_changes_nothing() {
    let world = World::new();
    let alice = world.secret(["member", "list", "--json"]).success().stdout;
    let alice = alice.split('"').find(|text| text.starts_with("age1")).expect("a recipient").to_owned();
    world.write("private.txt", "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n");
    world.write("empty.txt", "# nothing\n");
    world.write("typo.txt", format!("# one line too few\n{}\n", &CAROL[..40]));
    let hint = "hint: give the file with the public keys: one recipient a line, or the .pub file of an ssh key";
    let cases: [(&[&str], i32, String); 9] = [
        (
            &["alice", CAROL],
            1,
            "error: there is a member or group alice already\nhint: another key of the same member is added with \
             --another-key; others need a name of their own"
                .to_owned(),
        ),
        (
            &["bob", &alice],
            1,
            format!(
                "error: {alice} belongs to alice already\n\
                 hint: one key belongs to one member; `secret member list` shows whose it is"
            ),
        ),
        (&["bob", CAROL, CAROL], 1, format!("error: {CAROL} was given twice\nhint: give each public key once")),
        (
            &["bob", CAROL, "--expires", "2020-01-01"],
            2,
            "error: 2020-01-01 is past: nobody could be let in\nhint: give a day to come, or end a membership with \
             `secret member remove NAME`"
                .to_owned(),
        ),
        (
            &["bob"],
            2,
            "error: there is no public key to add\nhint: give one that begins with age1 or ssh-ed25519, or a file of \
             them with --from FILE"
                .to_owned(),
        ),
        (
            &["bob", "--from", "private.txt"],
            1,
            format!(
                "error: private.txt:1: this is a private key, not a recipient: whoever can read this text has it, so \
                 replace that key now\n{hint}"
            ),
        ),
        (&["bob", "--from", "empty.txt"], 1, "error: empty.txt has no public key in it".to_owned()),
        (
            &["bob", "--from", "typo.txt"],
            1,
            format!("error: typo.txt:2: not a recipient: it is misspelt or cut off\n{hint}"),
        ),
        (
            &["eve", CAROL, "--another-key"],
            1,
            "error: there is no member \"eve\"\nhint: `secret member list` shows the members".to_owned(),
        ),
    ];
    for (arguments, code, said) in cases {
        world.refuses([&["member", "add"], arguments].concat(), code, &said);
    }
    world.secret(["member", "add", "alice", CAROL, "--another-key"]).success();
    assert!(world.read(".secret.toml").contains(&format!("alice = [\"{alice}\", \"{CAROL}\"]\n")));
}

#[test]
fn groups_are_changed_and_never_left_without_sense() {
    let world = World::new();
    world.secret(["member", "add", "carol", CAROL, "--group", "team"]).success();
    world.secret(["group", "add", "ops", "team"]).success();
    world.refuses(
        ["group", "add", "team", "ops"],
        1,
        "error: group ops contains itself: ops > team > ops\n\
         hint: nothing was changed; `secret member list` and `secret group list` show what there is",
    );
    world.refuses(
        ["group", "add", "team", "alice"],
        1,
        "error: alice is in group team already\nhint: `secret group list` shows the groups, and who is in them",
    );
    world.secret(["group", "remove", "team", "carol"]).success();
    world.refuses(
        ["group", "remove", "team", "alice"],
        1,
        "error: alice is the last reader of secrets/**\n\
         hint: name another reader in these rules first, or remove the rules and their files",
    );
    world.refuses(
        ["group", "remove", "team"],
        1,
        "error: team is the last reader of secrets/**\n\
         hint: name another reader in these rules first, or remove the rules and their files",
    );
    world.refuses(
        ["group", "remove", "team", "carol"],
        1,
        "error: carol does not stand in group team\nhint: `secret group list` shows the groups, and who is in them",
    );
    world.refuses(
        ["group", "remove", "nobody"],
        1,
        "error: there is no group \"nobody\"\nhint: `secret group list` shows the groups, and who is in them",
    );
    assert_eq!(world.secret(["group", "remove", "ops"]).success().stderr.lines().next(), Some("removed group ops"));
    assert_eq!(world.secret(["group", "list"]).success().stdout, "team  alice\n");
}

/// The usual repository, whose policy has a member that does not read yet, and whose time is over.
fn with_expired(group: &str) -> World {
    let world = World::with_db();
    world.secret(["member", "add", "carol", CAROL, "--group", group, "--expires", "2999-12-31"]).success();
    world.tamper(".secret.toml", "2999-12-31", "2020-12-31");
    world.commit("carol");
    world
}

#[test]
fn an_expired_member_is_found_and_let_into_nothing() {
    let world = with_expired("team");
    let line = world.line_of(".secret.toml", "carol = ");
    let verified = world.secret(["verify"]);
    let found = format!(
        ".secret.toml:{line}: warning: the membership of carol ended on 2020-12-31, and the policy still names them \
         [expired-member]\n    `secret member remove carol` ends it; `secret member expires carol DAY` gives another day\n"
    );
    assert!(verified.stdout.starts_with(&found), "{verified:#?}");
    assert_eq!(world.secret(["verify", "--strict"]).code, 3);
    let json = world.secret(["verify", "--rev", "HEAD", "--json"]).stdout;
    assert!(json.contains("\"code\": \"expired-member\""), "{json}");
    world.refuses(
        ["rekey", "--yes"],
        1,
        "error: secrets/db.yaml: the membership of carol ended on 2020-12-31, so no file is encrypted to them any more\n\
         hint: `secret member remove carol` ends it; `secret member expires carol DAY` gives another day",
    );
    world.write("secrets/new.yaml", DB);
    let refused = world.secret(["encrypt", "secrets/new.yaml", "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains("no file is encrypted to them any more"), "{refused:#?}");
    assert_eq!(world.read("secrets/new.yaml"), DB);
    world.secret(["member", "expires", "carol", "2998-01-01"]).success();
    world.secret(["rekey", "--yes"]).success();
    assert!(world.secret(["who", FILE]).success().stdout.contains("carol"));
}

#[test]
fn what_verify_advises_about_an_expired_member_who_does_not_read_is_accepted() {
    let world = with_expired("team");
    world.joins("bob");
    world.commit("bob");
    for (arguments, code) in [(&["verify"][..], 3), (&["verify", "--rev", "HEAD"], 3)] {
        let verified = world.secret(arguments);
        let found = "secrets/db.yaml: error: it cannot be read by bob, carol, whom the policy names [missing-reader]\n    \
                     `secret member remove carol` ends it (`secret member expires NAME DAY` gives another day); then \
                     `secret rekey secrets/db.yaml`\n";
        assert!(verified.code == code && verified.stdout.contains(found), "{verified:#?}");
    }
    world.secret(["member", "remove", "carol", "--yes"]).success();
    world.commit("carol is gone");
    world.secret(["rekey", FILE, "--yes"]).success();
    world.secret(["verify", "--strict"]).success();
    assert!(world.secret(["who", FILE]).success().stdout.contains("bob"));
}

#[test]
fn a_date_alone_takes_nothing_away_but_it_is_said() {
    let world = World::with_db();
    let (_, bob) = world.keygen("bob");
    for (name, key) in [("bob", bob.as_str()), ("carol", CAROL)] {
        world.secret(["member", "add", name, key, "--group", "team", "--expires", "2999-12-31"]).success();
    }
    world.commit("two join");
    world.secret(["rekey", "--yes"]).success();
    world.commit("rekey");
    let policy = world.read(".secret.toml").replace("carol = ", "#").replace("2999-12-31", "2020-12-31");
    let policy = policy.replace(", \"carol\"", "");
    world.write(".secret.toml", policy);
    world.commit("carol leaves, and bob's time is over");
    let rekeyed = world.secret(["rekey", "--yes"]).success();
    assert_eq!(
        rekeyed.stderr,
        "secrets/db.yaml: readers alice, bob\n  removes carol: new data key; the values they knew should be replaced\n\
         warning: the membership of bob ended on 2020-12-31, and they still read files; `secret member remove bob` ends \
         that\nrekeyed 1 file\n"
    );
}

#[test]
fn a_request_is_left_approved_and_lets_read() {
    let world = World::with_db();
    let (key, carol) = world.keygen("carol");
    let asked = world.secret(["-i", &key, "request", "carol", "--group", "team", "--kind", "machine"]).success();
    assert_eq!(
        asked.stderr,
        format!(
            "public key: {carol}\nwrote .secret.requests/carol.toml\n\
             next: commit it and open a pull request; a member runs `secret approve carol`\n"
        )
    );
    assert_eq!(
        world.read(".secret.requests/carol.toml"),
        format!(
            "version = 1\nname = \"carol\"\nkind = \"machine\"\nrecipients = [\"{carol}\"]\n\
             groups = [\"team\"] # a wish: who approves decides\n"
        )
    );
    world.commit("carol asks");
    let before = world.listing();
    // What nobody answers is not done, and a wish is none.
    let said = format!(
        "carol (machine) asks to become a member, with\n  {carol}\n  and wishes to be in team: only --group decides\n\
         carol would be in no group\ncarol would read nothing\n"
    );
    let hint = "error: nobody has agreed to take carol into the policy\nhint: answer at a terminal, or give --yes";
    world.refuses(["approve", "carol"], 1, &format!("{said}{hint}"));
    let question = "Are these keys really those of carol, and may they read that?";
    let (code, screen) = world.at_terminal(&["approve", "carol", "--group", "team"], &[], &[(question, "n")]);
    assert_eq!((code, world.listing()), (1, before), "{screen}");

    let (code, screen) =
        world.at_terminal(&["approve", "carol", "--group", "team", "--rekey"], &[], &[(question, "y")]);
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("carol would read secrets/**"), "{screen}");
    assert!(!world.path(".secret.requests/carol.toml").exists());
    assert!(world.read(".secret.toml").contains("kind = \"machine\""));
    assert_eq!(world.secret(["-i", &key, "decrypt", FILE]).success().stdout, DB);
}

#[test]
fn a_request_without_rekey_changes_the_policy_alone() {
    let world = World::with_db();
    world.secret(["request", "carol", CAROL]).success();
    let before = world.read(FILE);
    let approved = world.secret(["approve", "carol", "--group", "team", "--yes", "--expires", "2999-01-31"]).success();
    assert!(
        approved.stderr.ends_with(
            "added carol to the policy, and removed .secret.requests/carol.toml\n\
             next: commit both, then `secret rekey` lets them read\n"
        ),
        "{approved:#?}"
    );
    assert_eq!(world.read(FILE), before);
    assert!(world.read(".secret.toml").contains("expires = \"2999-01-31\""));
}

#[test]
fn a_request_that_was_tampered_with_or_lies_elsewhere_is_refused() {
    let world = World::with_db();
    world.secret(["request", "carol", CAROL]).success();
    let request = world.read(".secret.requests/carol.toml");
    let path = ".secret.requests/carol.toml";
    let hint = "hint: have its author make it again with `secret request NAME`";
    for (text, said) in [
        (request.replace("\"carol\"", "\"alice\""), format!("error: {path} asks for another name: alice\n{hint}")),
        (
            request.replace("\"carol\"", "\"car\\u001b[2Jol\""),
            format!(
                "error: {path}: `name` must be a name: at most 64 letters, digits and `.`, `_`, `@`, `-`, beginning with \
                 a letter or digit"
            ),
        ),
        (format!("{request}rules = [\"**\"]\n"), format!("error: {path}: unknown key \"rules\"")),
        (format!("{request}\u{1b}]0;title = 1\n"), format!("error: {path}: not TOML")),
        ("x".repeat(1 << 20), format!("error: {}/repo/{path} is larger than 16384 bytes", "[WORLD]")),
    ] {
        world.write(path, &text);
        world.refuses(["approve", "carol", "--yes"], 1, &said);
    }
    fs::remove_file(world.path(path)).expect("a file");
    world.write("elsewhere.toml", &request);
    symlink("../elsewhere.toml", world.path(path)).expect("a link");
    let refused = world.secret(["approve", "carol", "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains("is a symlink, which is not followed here"), "{refused:#?}");
    for name in ["../../elsewhere", "", "a/b"] {
        let refused = world.secret(["approve", name, "--yes"]);
        assert!(refused.code == 1 && refused.stderr.starts_with("error: "), "{refused:#?}");
    }
}

#[test]
fn a_request_cannot_take_a_name_or_a_key_that_somebody_has() {
    let world = World::with_db();
    world.refuses(
        ["request", "alice", CAROL],
        1,
        "public key: age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z\n\
         error: there is a member or group alice already\nhint: if it is you, a member adds your other key: `secret \
         member add alice PUBLIC-KEY --another-key`; else ask under another name",
    );
    let own = world.secret(["request", "carol"]);
    assert!(own.code == 1 && own.stderr.contains("belongs to alice already"), "{own:#?}");
    world.secret(["request", "carol", CAROL]).success();
    let again = world.secret(["request", "carol", SSH]);
    assert!(again.code == 1 && again.stderr.contains("carol.toml exists already"), "{again:#?}");
    world.refuses(
        ["approve", "carol", "--group", "nobody", "--yes"],
        2,
        "error: there is no group \"nobody\"\nhint: `secret group list` shows the groups, and who is in them",
    );
    world.refuses(
        ["approve", "dave", "--yes"],
        1,
        "error: there is no request of \"dave\"\nhint: there are requests of carol",
    );
    // Whoever adds the name first: the request cannot add a key to them.
    world.secret(["member", "add", "carol", SSH]).success();
    let refused = world.secret(["approve", "carol", "--yes"]);
    assert!(refused.code == 1 && refused.stderr.contains("there is a member or group carol already"), "{refused:#?}");
}

#[test]
fn a_request_is_no_plaintext_that_a_rule_wants_encrypted() {
    let world = World::with_db();
    world.tamper(".secret.toml", "\"secrets/**\"", "\"**\"");
    world.secret(["request", "carol", CAROL]).success();
    world.write(".secret.requests/carol.env", "TOKEN=plain\n");
    let verified = world.secret(["verify"]);
    assert!(!format!("{}{}", verified.stdout, verified.stderr).contains("carol.toml"), "{verified:#?}");
    assert!(format!("{}{}", verified.stdout, verified.stderr).contains("carol.env"), "{verified:#?}");
}

#[test]
fn names_and_groups_that_cannot_be_are_refused_alike_and_nothing_is_written() {
    let world = World::with_db();
    let no_name = "error: \"b b\" is no name: use at most 64 letters, digits and `.`, `_`, `@`, `-`, and begin with a \
                   letter or digit\nhint: write one as `alice` or `alice@example.com`";
    world.refuses(["member", "add", "b b", CAROL], 2, no_name);
    world.refuses(["request", "b b", CAROL], 2, &format!("public key: {CAROL}\n{no_name}"));
    let shared = "hint: members and groups share their names: take another one";
    world.refuses(["member", "add", "team", CAROL], 1, &format!("error: team is a group\n{shared}"));
    world.refuses(["group", "add", "alice", "alice"], 1, &format!("error: alice is a member\n{shared}"));
    world.refuses(
        ["group", "add", "g1", "alice", "alice"],
        1,
        "error: alice is in group g1 already\nhint: `secret group list` shows the groups, and who is in them",
    );
}
