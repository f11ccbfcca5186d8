//! Who somebody is: other names, other keys, other branches, and days on which a membership ends.

use super::*;

/// Whom no header of today names, but who had its data key on another branch.
#[test]
fn a_reader_of_another_branch_is_recorded_and_loses_the_key() {
    let (world, _) = World::team(&["bob"]);
    let (_, dave) = world.keygen("dave");
    world.git(["checkout", "--quiet", "-b", "feature"]);
    world.secret(["member", "add", "dave", &dave, "--group", "team"]).success();
    world.commit("dave joins");
    world.secret(["rekey", "--yes"]).success();
    world.commit("dave reads");
    world.git(["checkout", "--quiet", "-"]);
    let generation = |world: &World| world.secret(["info", FILE]).success().stdout;
    assert!(generation(&world).contains("generation 1"));
    let done = world.secret(["offboard", "dave", "--yes"]).success();
    assert!(done.stderr.contains("rekeyed 1 file"), "{done:#?}");
    assert!(generation(&world).contains("generation 2"));
    let exposed = ["db.user", "db.password", "db.port"].map(|key| format!("{FILE} {key} exposed dave"));
    assert_eq!(world.states(), exposed);
    let again = world.secret(["offboard", "dave", "--yes"]).success();
    assert!(again.stderr.contains("nothing to take out"), "{again:#?}");

    // Who had an older key only is recorded, and needs no new one.
    world.commit("dave is known");
    let (world, _) = World::team(&["bob"]);
    world.git(["checkout", "--quiet", "-b", "feature"]);
    world.secret(["member", "add", "dave", &dave, "--group", "team"]).success();
    world.commit("dave joins");
    world.secret(["rekey", "--yes"]).success();
    world.commit("dave reads");
    world.git(["checkout", "--quiet", "-"]);
    world.secret(["member", "remove", "bob", "--yes"]).success();
    world.commit("bob leaves");
    world.secret(["offboard", "dave", "--yes"]).success();
    assert!(generation(&world).contains("generation 2"));
    assert_eq!(
        world.states(),
        ["db.user", "db.password", "db.port"].map(|key| format!("{FILE} {key} exposed bob+dave"))
    );
}

#[test]
fn a_former_reader_is_known_by_the_header_where_history_is_cut_off() {
    let (world, _) = World::team(&["bob"]);
    run(&world, &["member", "remove", "bob", "--yes"], "");
    world.commit("bob leaves");
    // Who may read nothing now is no stranger.
    let access = world.secret(["access", "bob"]).success();
    let former = "bob may read nothing now; `secret access bob --history` lists what they could read\n";
    assert_eq!((access.stdout.as_str(), access.stderr.as_str()), ("", former));
    let json: Value = serde_json::from_str(&world.secret(["access", "bob", "--json"]).success().stdout).expect("JSON");
    assert_eq!((json["files"].as_array().map(Vec::len), json["is_former"].as_bool()), (Some(0), Some(true)));
    let url = format!("file://{}", world.repo().display());
    world.git(["clone", "--quiet", "--depth=1", &url, "../cut"]);
    let access = world.secret(["-C", "../cut", "access", "bob"]).success();
    assert_eq!(access.stderr, former);
    let plan = world.secret(["-C", "../cut", "offboard", "bob", "--plan"]).success().stdout;
    assert!(plan.starts_with("bob: could read 3 values in 1 file: 3 to replace,"), "{plan}");
    assert!(plan.contains("\nThe history of this clone was cut off: "), "{plan}");
    for command in [["access", "zed"].as_slice(), &["access", "zed", "--history"], &["offboard", "zed", "--plan"]] {
        let refused = world.secret([&["-C", "../cut"], command].concat());
        let message = "error: no file and no policy names zed, now or in what this clone has of git's history\n\
                       hint: the history of this clone was cut off: `git fetch --unshallow` brings the rest";
        refused.fails(1, message);
        world.refuses(
            command,
            1,
            "error: no file and no policy, now or in git's history, names zed\n\
             hint: `secret member list` shows the members, `secret who FILE` the readers",
        );
    }
}

#[test]
fn before_the_first_commit_a_former_reader_is_known_by_the_header() {
    let (world, _) = World::team(&["bob"]);
    run(&world, &["member", "remove", "bob", "--yes"], "");
    std::fs::remove_dir_all(world.path(".git")).expect("a repository");
    world.git(["init", "--quiet"]);
    assert_eq!(world.fates("bob"), ["db.user", "db.password", "db.port"].map(|key| format!("current {FILE} {key}")));
    assert!(world.secret(["access", "bob"]).success().stderr.starts_with("bob may read nothing now; "));
}

/// Gives a member another name in the policy, by hand.
fn rename(world: &World, from: &str, to: &str) {
    let policy = world.read(".secret.toml");
    world.write(
        ".secret.toml",
        policy
            .replace(&format!("{from} = "), &format!("{to} = "))
            .replace(&format!("\"{from}\""), &format!("\"{to}\"")),
    );
    world.commit("another name");
}

#[test]
fn who_gets_another_name_is_no_former_reader() {
    let (world, keys) = World::team(&["bob"]);
    rename(&world, "bob", "robert");
    run(&world, &["rekey", "--yes"], "");
    assert_eq!(world.secret(["who", FILE]).success().stdout, "alice\nrobert\n");
    assert_eq!(world.states(), ["db.user", "db.password", "db.port"].map(|key| format!("{FILE} {key} up-to-date")));
    assert_eq!(world.secret(["-i", &keys["bob"], "decrypt", FILE]).success().stdout, DB);
    world.commit("rekey");
    // Who leaves under the new name is one.
    run(&world, &["member", "remove", "robert", "--yes"], "");
    assert_eq!(world.states()[0], format!("{FILE} db.user exposed robert"));
    assert_ne!(world.secret(["-i", &keys["bob"], "decrypt", FILE]).code, 0);
}

#[test]
fn who_loses_a_key_with_the_old_name_is_a_former_reader() {
    let (world, keys) = World::team(&["bob"]);
    run(&world, &["member", "add", "bob", &world.keygen("second").1, "--another-key"], "");
    world.commit("bob has two keys");
    run(&world, &["rekey", "--yes"], "");
    world.commit("rekey");
    let first = fs::read_to_string(&keys["bob"]).expect("an identity");
    let first = first.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key").to_owned();
    world.tamper(".secret.toml", &format!("\"{first}\", "), "");
    rename(&world, "bob", "robert");
    run(&world, &["rekey", "--yes"], "");
    assert_eq!(world.states()[0], format!("{FILE} db.user exposed bob"));
    assert_ne!(world.secret(["-i", &keys["bob"], "decrypt", FILE]).code, 0);
}

#[test]
fn whom_the_header_knows_by_other_keys_reads_nothing_with_those_of_the_policy() {
    let (world, keys) = World::team(&["bob"]);
    let first = fs::read_to_string(&keys["bob"]).expect("an identity");
    let first = first.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key").to_owned();
    world.tamper(".secret.toml", &first, &world.keygen("new").1);
    let lines = "  db.user\n  db.password\n  db.port\n";
    assert_eq!(
        world.secret(["access", "bob"]).success().stdout,
        format!("{FILE}  (with other keys than in the policy; `secret rekey` lets in those of the policy)\n{lines}")
    );
    assert!(world.secret(["access", "bob", "--json"]).success().stdout.contains("\"other-keys\""));
}

#[test]
fn a_rule_keeps_a_reader_whose_time_is_not_over() {
    let (world, _) = World::team(&["bob", "erin"]);
    world.tamper(".secret.toml", "readers = [\"team\"]", "readers = [\"bob\", \"erin\"]");
    world.tamper(".secret.toml", "erin = \"", "erin = { expires = \"2020-01-31\", recipients = [\"");
    let line = world.read(".secret.toml").lines().find(|line| line.starts_with("erin")).expect("erin").to_owned();
    world.tamper(".secret.toml", &line, &format!("{line}] }}"));
    world.commit("erin was here for a month");
    let refused = "error: bob is the last reader of secrets/** whose time is not over\n\
                   hint: name another reader in these rules first, or give one more time: `secret member expires NAME DAY`";
    world.refuses(["member", "remove", "bob", "--yes"], 1, refused);
    world.tamper(".secret.toml", "readers = [\"bob\", \"erin\"]", "readers = [\"pair\", \"erin\"]");
    world.tamper(".secret.toml", "[groups]\n", "[groups]\npair = [\"bob\"]\n");
    world.refuses(["group", "remove", "pair", "bob"], 1, refused);
    run(&world, &["member", "expires", "erin", "2999-12-31"], "");
    run(&world, &["group", "remove", "pair", "bob"], "");
}

#[test]
fn whose_time_is_over_before_it_began_keeps_nobody_in() {
    let (world, keys) = World::team(&["dave"]);
    run(&world, &["member", "add", "zed", &world.keygen("zed").1, "--group", "team", "--expires", "2999-12-31"], "");
    world.tamper(".secret.toml", "2999-12-31", "2020-01-31");
    world.commit("zed was to come");
    let done = world.secret(["member", "remove", "dave", "--yes"]).success();
    let warning = "warning: the membership of zed ended on 2020-01-31, and they are not let in; \
                   `secret member remove zed` takes them out of the policy\n";
    assert!(done.stderr.contains(warning), "{done:#?}");
    assert!(done.stderr.contains("secrets/db.yaml: readers alice\n"), "{done:#?}");
    assert_ne!(world.secret(["-i", &keys["dave"], "decrypt", FILE]).code, 0);
    assert_eq!(world.secret(["get", FILE, "db.port"]).success().stdout, "5432");
    world.commit("dave leaves");
    // By itself he is refused as ever.
    assert!(world.secret(["rekey", "--yes"]).stderr.contains("zed"));
    assert_eq!(world.secret(["rekey", "--yes"]).code, 1);
}

#[test]
fn a_rekey_with_nothing_to_do_tells_of_those_whose_time_is_over() {
    let (world, _) = World::team(&["bob"]);
    run(&world, &["member", "expires", "bob", "2999-12-31"], "");
    world.tamper(".secret.toml", "2999-12-31", "2020-01-31");
    world.commit("bob was here for a month");
    assert_eq!(
        world.secret(["rekey"]).success().stderr,
        "warning: the membership of bob ended on 2020-01-31, and they still read files; `secret member remove bob` ends \
         that\n1 file is in line with the policy\n"
    );
}

#[test]
fn a_newcomer_with_the_name_of_a_former_reader_is_remarked() {
    let (world, _) = World::team(&["bob"]);
    run(&world, &["member", "remove", "bob", "--yes"], "");
    world.commit("bob leaves");
    let (_, other) = world.keygen("other");
    let added = world.secret(["member", "add", "bob", &other]).success();
    let warning = "warning: files record a former reader bob: unless this is the same person, take another name, or `due` and `access --history` mix up the two\n";
    assert_eq!(
        added.stderr,
        format!(
            "{warning}added bob to the policy\n\
             next: no rule lets bob read anything yet: name bob or a group of theirs in a rule, or `secret group add GROUP bob`\n"
        )
    );
    let carol = world.secret(["member", "add", "carol", &world.keygen("carol").1]).success();
    assert!(!carol.stderr.contains("warning"), "{carol:#?}");
}
