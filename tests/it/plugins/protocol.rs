//! Plugins that do not follow the protocol, in what they say and in how much of it.

use super::{FILE, Plugged, UNWRAPPING, WRAPPING};
use crate::world::DB;

#[test]
fn a_plugin_that_does_not_follow_the_protocol_is_found_out_when_it_wraps() {
    let world = Plugged::new().with_member();
    let cases = [
        ("garbage", "age-plugin-toy does not follow the plugin protocol"),
        ("binary", "age-plugin-toy does not follow the plugin protocol"),
        ("no-words", "age-plugin-toy does not follow the plugin protocol"),
        ("two-blanks", "age-plugin-toy does not follow the plugin protocol"),
        ("spare-bits", "age-plugin-toy does not follow the plugin protocol"),
        ("padding", "age-plugin-toy does not follow the plugin protocol"),
        ("long-line", "age-plugin-toy does not follow the plugin protocol"),
        ("confirm-badly", "age-plugin-toy does not follow the plugin protocol"),
        ("endless-line", "age-plugin-toy writes too much"),
        ("endless-lines", "age-plugin-toy writes too much"),
        ("endless-unknown", "age-plugin-toy writes too much"),
        ("long-arguments", "age-plugin-toy writes too much"),
        ("huge-stanza", "age-plugin-toy writes too much"),
        ("exits", "age-plugin-toy ended before it was done"),
        ("exits-with-failure", "age-plugin-toy ended before it was done"),
        ("half-a-command", "age-plugin-toy ended before it was done"),
        ("wrong-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("negative-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("plus-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("no-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("no-arguments", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("no-stanza", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("two-stanzas", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("labels-twice", "age-plugin-toy contradicts itself about what its stanza may be combined with"),
        ("label-twice", "age-plugin-toy contradicts itself about what its stanza may be combined with"),
        ("error", "age-plugin-toy failed: the token is gone\\u{1b}[31m\\u{a}error: no"),
        (
            "labels",
            "these recipients cannot be used together\n\
             hint: one of them is a plugin's that wants no others beside it; give the readers recipients of one kind",
        ),
    ];
    for (mode, error) in cases {
        world.refuses(&["encrypt", FILE], mode, 1, &format!("error: {FILE}: {error}"));
        assert_eq!(world.started(), [WRAPPING], "{mode}");
    }
    println!("{} ways to break the protocol when wrapping: all refused", cases.len());
}

#[test]
fn a_stanza_that_poses_as_one_of_ages_own_is_refused() {
    let world = Plugged::new().with_member();
    for tag in ["X25519", "scrypt", "ssh-ed25519", "ssh-rsa", "a-grease"] {
        let variables = [&world.variables("")[..], &[("TOY_TAG", tag)]].concat();
        world.0.refuses_with(
            ["encrypt", FILE],
            "",
            &variables,
            1,
            "error: secrets/db.yaml: age-plugin-toy returned a stanza that no plugin may make",
        );
    }
}

#[test]
fn a_plugin_that_does_not_follow_the_protocol_is_found_out_when_it_unwraps() {
    let world = Plugged::new().with_file();
    world.started();
    let cases = [
        ("garbage", "age-plugin-toy does not follow the plugin protocol"),
        ("binary", "age-plugin-toy does not follow the plugin protocol"),
        ("no-words", "age-plugin-toy does not follow the plugin protocol"),
        ("spare-bits", "age-plugin-toy does not follow the plugin protocol"),
        ("long-line", "age-plugin-toy does not follow the plugin protocol"),
        ("endless-line", "age-plugin-toy writes too much"),
        ("endless-lines", "age-plugin-toy writes too much"),
        ("endless-unknown", "age-plugin-toy writes too much"),
        ("exits", "age-plugin-toy ended before it was done"),
        ("exits-with-failure", "age-plugin-toy ended before it was done"),
        ("half-a-command", "age-plugin-toy ended before it was done"),
        ("short-key", "age-plugin-toy returned something that is not the key it was asked for"),
        ("long-key", "age-plugin-toy returned something that is not the key it was asked for"),
        ("two-keys", "age-plugin-toy returned something that is not the key it was asked for"),
        ("key-of-wrong-file", "age-plugin-toy returned something that is not the key it was asked for"),
    ];
    for (mode, error) in cases {
        world.refuses_with_toy(mode, 4, &format!("error: cannot open {FILE}: {error}"));
        assert_eq!(world.started(), [UNWRAPPING], "{mode}");
    }
    world.refuses_with_toy(
        "other-key",
        5,
        &format!("error: cannot open {FILE}: the wrapped key is not authentic\nhint: take the file from git's history"),
    );
    println!("{} ways to break the protocol when unwrapping: all refused", cases.len() + 1);
    for mode in ["fails-after-done", "unknown", ""] {
        assert_eq!(world.opens_with_toy(mode).success().stdout, DB, "{mode}");
    }
}

#[test]
fn a_flood_of_messages_ends() {
    let world = Plugged::new().with_file();
    let outcome = world.opens_with_toy("endless-messages");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (4, ""));
    assert!(outcome.stderr.len() < 300_000 && outcome.stderr.ends_with("age-plugin-toy writes too much\n"));
}

#[test]
fn what_a_plugin_says_is_escaped() {
    let world = Plugged::new().with_file();
    let outcome = world.opens_with_toy("message").success();
    assert_eq!(outcome.stdout, DB);
    assert_eq!(outcome.stderr, "age-plugin-toy: touch\\u{1b}[31m\\u{a}\\u{202e}me\n");
}

#[test]
fn without_a_terminal_a_plugins_question_is_an_error() {
    let world = Plugged::new().with_file();
    for mode in ["secret", "public", "confirm"] {
        world.refuses_with_toy(
            mode,
            4,
            "error: cannot open secrets/db.yaml: age-plugin-toy asks a question, and there is no terminal to ask it at\n\
             hint: run it at a terminal",
        );
    }
}

#[test]
fn at_a_terminal_a_plugins_questions_are_answered() {
    let world = Plugged::new().with_file();
    let identity = world.only_toy();
    let ask = |mode: &str, prompt: &str, answer: &str| {
        let arguments = [&identity[0], &identity[1], "get", FILE, "db.user"];
        world.0.at_terminal(&arguments, &world.variables(mode), &[(prompt, answer)])
    };
    let (code, screen) = ask("secret", "age-plugin-toy: PIN please", "1234\r");
    assert_eq!((code, screen.as_str()), (0, "age-plugin-toy: PIN please: [hidden]\nadmin\n"));
    let (code, screen) = ask("secret", "age-plugin-toy: PIN please", "9999\r");
    assert!(
        code == 4 && screen.ends_with("error: cannot open secrets/db.yaml: age-plugin-toy failed: wrong PIN\n"),
        "{screen}"
    );
    let (code, screen) = ask("public", "age-plugin-toy: Your slot", "9a\r");
    assert!(code == 0 && screen.ends_with("admin\n"), "{screen}");
    let question = "age-plugin-toy: Touch\\u{1b}[31m it? (yes: Do it, no: Leave it)";
    let (code, screen) = ask("confirm", question, "y");
    assert!(code == 0 && screen.ends_with("admin\n"), "{screen}");
    let (code, screen) = ask("confirm", question, "n");
    assert!(code == 4 && screen.ends_with("age-plugin-toy failed: the answer was no\n"), "{screen}");
}
