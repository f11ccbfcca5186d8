//! `secret resolve`: each conflict is settled by options or at a terminal, and nothing is written before all are.

use super::driver::FILE;
use crate::world::World;

/// A merge with three conflicts, with or without the driver.
fn conflicted(has_driver: bool) -> World {
    let world = World::with_db();
    let world = if has_driver { world.with_driver() } else { world };
    let world = world.with_branches(
        |world| {
            world.set("db.password", "canary theirs");
            world.set("db.user", "bert");
            world.set("db.added", "canary by theirs");
        },
        |world| {
            world.set("db.password", "canary ours");
            world.secret(["unset", FILE, "db.user"]).success();
            world.set("db.added", "canary by ours");
        },
    );
    assert_eq!(world.try_git(&["merge", "--quiet", "side"]).code, 1);
    world
}

#[test]
fn the_conflicts_are_listed_without_values() {
    let outcome = conflicted(true).secret(["resolve", FILE, "--list"]).success();
    assert_eq!(
        outcome.stdout,
        "db.password  changed on both sides\n\
         db.user      removed by ours, changed by theirs\n\
         db.added     added on both sides, with different values\n"
    );
    let json = conflicted(true).secret(["resolve", FILE, "--list", "--json"]).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["conflicts"][1], serde_json::json!({ "key": "db.user", "kind": "removed-by-ours" }));
}

#[test]
fn each_key_takes_the_side_that_an_option_names() {
    for has_driver in [true, false] {
        let world = conflicted(has_driver);
        let outcome = world.secret(["resolve", FILE, "--ours", "db.password", "--theirs", "db.user", "--all-ours"]);
        assert_eq!(outcome.success().stderr, "settled secrets/db.yaml\nnext: `git add` it, and go on with the merge\n");
        assert_eq!(
            world.plaintext(),
            "db:\n  user: bert # canary comment\n  password: \"canary ours\"\n  port: 5432\n  added: canary by ours\n"
        );
        world.commit("merged");
        world.set("db.password", "as always");
    }
}

#[test]
fn one_key_names_all_that_is_below_it_and_a_removal_can_be_taken() {
    let world = conflicted(true);
    world.secret(["resolve", FILE, "--ours", "db"]).success();
    assert_eq!(world.plaintext(), "db:\n  password: \"canary ours\"\n  port: 5432\n  added: canary by ours\n");
}

#[test]
fn a_new_value_comes_from_standard_input() {
    let world = conflicted(true);
    let arguments = ["resolve", FILE, "--stdin", "db.password", "--all-theirs"];
    world.secret_with(arguments, "canary third\n", &[]).success();
    assert_eq!(
        world.plaintext(),
        "db:\n  user: bert # canary comment\n  password: \"canary third\"\n  port: 5432\n  added: canary by theirs\n"
    );
}

#[test]
fn what_is_not_decided_keeps_all_from_being_written() {
    let world = conflicted(true);
    world.refuses(
        ["resolve", FILE, "--ours", "db.password"],
        1,
        "error: secrets/db.yaml: 2 conflicts\n  \
         db.user: removed by ours, changed by theirs\n  \
         db.added: added on both sides, with different values\n\
         hint: decide with --ours KEY, --theirs KEY, --stdin KEY, --all-ours or --all-theirs, or at a terminal",
    );
    world.refuses(
        ["resolve", FILE, "--ours", "db.port", "--all-theirs"],
        2,
        "error: there is no conflict about db.port\nhint: `secret resolve FILE --list` lists the conflicts",
    );
}

#[test]
fn at_a_terminal_each_conflict_is_asked_about() {
    let world = conflicted(true);
    let (code, shown) = world.at_terminal(
        &["resolve", FILE],
        &[],
        &[
            ("db.password: changed on both sides", "s\r"),
            ("canary theirs", "e\r"),
            ("new value of db.password", "canary third\r"),
            ("again", "canary third\r"),
            ("db.user: removed by ours", "t\r"),
            ("db.added: added on both sides", "o\r"),
        ],
    );
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("ours:\r\ncanary ours") || shown.contains("ours:\ncanary ours"), "{shown}");
    assert_eq!(
        world.plaintext(),
        "db:\n  user: bert # canary comment\n  password: \"canary third\"\n  port: 5432\n  added: canary by ours\n"
    );
}

#[test]
fn markers_are_enough_where_the_index_has_nothing_to_choose_from() {
    let world = World::with_db().with_conflict();
    world.git(["add", FILE]);
    world.secret(["resolve", FILE, "--all-theirs"]).success();
    assert!(world.plaintext().contains("canary theirs"));
}

#[test]
fn a_file_without_a_conflict_is_refused() {
    World::with_db().refuses(
        ["resolve", FILE],
        1,
        "error: secrets/db.yaml has no conflict: git's index has no versions of it to choose from, and there are no markers in it",
    );
}

#[test]
fn a_removed_side_is_settled_by_git() {
    let world = World::with_db()
        .with_driver()
        .with_branches(|world| world.set("db.password", "theirs"), |world| drop(world.git(["rm", "--quiet", FILE])));
    assert_eq!(world.try_git(&["merge", "--quiet", "side"]).code, 1);
    world.refuses(
        ["resolve", FILE],
        1,
        "error: secrets/db.yaml was removed by ours, and changed by the other side\n\
         hint: `git add secrets/db.yaml` keeps it, `git rm secrets/db.yaml` removes it",
    );
}

#[test]
fn only_who_reads_the_file_can_settle_it() {
    let world = conflicted(true);
    let (stranger, _) = world.keygen("stranger");
    let outcome = world.secret(["-i", &stranger, "resolve", FILE, "--all-ours"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    assert!(world.read(FILE).contains("<<<<<<< "));
}
