//! Several writers, and what a write leaves behind.

use std::process::Stdio;

use crate::world::{DB, World};

const FILE: &str = "secrets/app.env";

#[test]
fn sixteen_writers_lose_no_update() {
    let world = World::new().with_file(FILE, "FIRST=canary\n");
    let start = |number: usize| {
        world.write(&format!("value-{number}"), format!("canary {number}"));
        let mut command = world.command(env!("CARGO_BIN_EXE_secret").as_ref());
        command.args(["set", FILE, &format!("KEY_{number}"), "--from-file", &format!("value-{number}")]);
        command.stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let writers: Vec<_> = (0..16).map(start).collect();
    for writer in writers {
        let output = writer.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    for number in 0..16 {
        assert_eq!(world.secret(["get", FILE, &format!("KEY_{number}")]).success().stdout, format!("canary {number}"));
    }
    assert_eq!(world.secret(["get", FILE, "FIRST"]).success().stdout, "canary");
}

#[test]
fn a_change_during_an_edit_is_not_overwritten() {
    let world = World::with_db();
    let program = env!("CARGO_BIN_EXE_secret");
    let meanwhile = format!(
        "sed -i 's/hunter2/hunter3/' \"$1\"; printf 1 | '{program}' -C '{}' set secrets/db.yaml db.port --stdin",
        world.repo().display()
    );
    let outcome = world.secret_with(["edit", "secrets/db.yaml"], "", &[("EDITOR", &world.editor(&meanwhile))]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    let said = world.filter(&outcome.stderr);
    assert!(
        said.contains(
            "error: [WORLD]/repo/secrets/db.yaml was changed meanwhile\n\
             hint: look at what changed, and run the command again\n\
             hint: what you typed is kept, encrypted to you: "
        ),
        "{said}"
    );
    assert_eq!(world.secret(["get", "secrets/db.yaml", "db.port"]).success().stdout, "1");
    assert_eq!(world.secret(["get", "secrets/db.yaml", "db.password"]).success().stdout, "canary-hunter2");
}

#[test]
fn a_write_leaves_nothing_but_the_file() {
    let world = World::with_db();
    let before: Vec<_> = world.listing().into_keys().collect();
    world.secret(["unset", "secrets/db.yaml", "db.port"]).success();
    world.secret(["meta", "secrets/db.yaml", "--owner", "ops"]).success();
    world.secret(["decrypt", "--in-place", "secrets/db.yaml"]).success();
    world.secret(["encrypt", "secrets/db.yaml"]).success();
    world.secret(["mv", "secrets/db.yaml", "secrets/other.yaml"]).success();
    world.secret(["mv", "secrets/other.yaml", "secrets/db.yaml"]).success();
    assert_eq!(world.listing().into_keys().collect::<Vec<_>>(), before);
    // Git sees no other files either, such as locks.
    world.git(["checkout", "--quiet", "--", "."]);
    assert_eq!(world.git(["status", "--porcelain", "--ignored"]), "");
}

#[test]
fn a_writer_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let world = World::new().with_file("secrets/big.yaml", &big());
    let mut killed = 0;
    for delay in (0..60).step_by(3) {
        let mut command = world.command(env!("CARGO_BIN_EXE_secret").as_ref());
        command.args(["set", "secrets/big.yaml", "key_7", "--stdin"]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let typed =
            child.stdin.take().map(|mut stdin| std::io::Write::write_all(&mut stdin, format!("{delay}").as_bytes()));
        assert!(typed.is_some_and(|typed| typed.is_ok()));
        std::thread::sleep(std::time::Duration::from_millis(delay));
        child.kill().expect("it can be killed");
        killed += u32::from(!child.wait().expect("it ends").success());
        let value = world.secret(["get", "secrets/big.yaml", "key_7"]).success().stdout;
        assert!(value == "canary" || value.parse::<u64>().is_ok_and(|value| value <= delay), "{value}");
    }
    assert!(killed > 0, "no write was interrupted");
    assert!(!world.listing().values().any(|(_, content)| content.contains("canary")));
}

fn big() -> String {
    (0..500).map(|number| format!("key_{number}: canary\n")).collect()
}

#[test]
fn a_folder_of_the_path_is_made_and_the_file_is_found_from_anywhere() {
    let world = World::new();
    world.write("plain.yaml", DB);
    world.secret(["encrypt", "plain.yaml", "-o", "secrets/a/b/c.yaml"]).success();
    assert_eq!(world.secret(["-C", "secrets/a", "decrypt", "b/c.yaml"]).success().stdout, DB);
    assert_eq!(world.secret(["-C", "secrets/a/b", "decrypt", "../../a/b/c.yaml"]).success().stdout, DB);
    let path = world.path("secrets/a/b/c.yaml").display().to_string();
    assert_eq!(world.secret(["-C", "/", "decrypt", &path]).success().stdout, DB);
    assert_eq!(world.secret(["-C", "secrets", "ls"]).success().stdout, "a/b/c.yaml\n");
}

#[test]
fn a_move_that_was_cut_off_is_finished_by_the_next_one() {
    let world = World::with_db();
    world.secret(["mv", "secrets/db.yaml", "secrets/other.yaml"]).success();
    // As if it had been killed before it removed the old file.
    world.git(["checkout", "--quiet", "--", "secrets/db.yaml"]);
    world.secret(["mv", "secrets/db.yaml", "secrets/other.yaml"]).success();
    assert!(!world.path("secrets/db.yaml").exists());
    assert_eq!(world.secret(["decrypt", "secrets/other.yaml"]).success().stdout, DB);
}

#[test]
fn a_move_onto_another_file_removes_neither() {
    let world = World::with_db();
    world.secret(["mv", "secrets/db.yaml", "secrets/other.yaml"]).success();
    world.git(["checkout", "--quiet", "--", "secrets/db.yaml"]);
    // The same file at first, but one of them was changed since.
    world.secret_with(["set", "secrets/db.yaml", "db.port", "--stdin"], "1", &[]).success();
    let exists = "error: [WORLD]/repo/secrets/other.yaml exists already";
    world.refuses(["mv", "secrets/db.yaml", "secrets/other.yaml"], 1, exists);
    world.write("secrets/other.yaml", "plain: text\n");
    world.refuses(["mv", "secrets/db.yaml", "secrets/other.yaml"], 1, exists);
}

#[test]
fn what_a_killed_process_could_not_finish_is_no_file_of_the_policy() {
    let world = World::with_db();
    world.write("secrets/.secret-1-0123456789abcdef.tmp", world.read_bytes("secrets/db.yaml"));
    world.secret(["rekey", "--check"]).success();
    assert_eq!(world.secret(["ls"]).success().stdout, "secrets/db.yaml\n");
}
