//! Plaintext that cannot be sealed value by value, or not at all.

use super::FILE;
use crate::world::{CAUTION, DB, World};

/// Demands that a plaintext is refused, with the place and the mistake, and what to do.
#[track_caller]
fn refuses_to_encrypt(world: &World, name: &str, text: &str, problem: &str) {
    let path = format!("secrets/{name}");
    world.write(&path, text);
    world.refuses(
        ["encrypt", &path],
        1,
        &format!("error: {path} is not valid {problem}\nhint: correct it, or seal it as a whole with --format opaque"),
    );
}

#[test]
fn a_yaml_bomb_is_sealed_but_not_expanded() {
    let world = World::new();
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (before, name) in "abcdefgh".chars().zip("bcdefghi".chars()) {
        bomb += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", "));
    }
    let world = world.with_file("secrets/bomb.yaml", &bomb);
    assert_eq!(world.secret(["decrypt", "secrets/bomb.yaml"]).success().stdout, bomb);
    world.refuses(
        ["get", "secrets/bomb.yaml", "i"],
        1,
        "error: secrets/bomb.yaml: its aliases expand to more than 1048576 values",
    );
}

#[test]
fn two_hundred_levels_are_too_deep_for_keys_and_fit_an_opaque_file() {
    let world = World::new();
    let deep = [
        ("deep.yaml", format!("{}{}\n", "[".repeat(200), "]".repeat(200)), "YAML: line 1, column 130"),
        ("deep.json", format!("{}1{}\n", "{\"a\":".repeat(200), "}".repeat(200)), "JSON: line 1, column 641"),
        ("deep.toml", format!("a = {}{}\n", "[".repeat(200), "]".repeat(200)), "TOML: line 1, column 133"),
    ];
    for (name, text, place) in deep {
        let path = format!("secrets/{name}");
        world.write(&path, &text);
        world.refuses(
            ["encrypt", &path],
            1,
            &format!(
                "error: {path} is not valid {place}: nested deeper than 128 levels\n\
                 hint: seal it as a whole with --format opaque"
            ),
        );
        world.secret(["encrypt", "--format", "opaque", &path]).success();
        assert_eq!(world.secret(["decrypt", &path]).success().stdout, text);
    }
}

#[test]
fn a_nul_byte_is_named_with_its_place() {
    let world = World::new();
    let cases = [
        ("nul.yaml", "a: \"x\0y\"\n", "YAML: line 1, column 6: a NUL character cannot stand in YAML"),
        ("nul.env", "A=x\0y\n", "dotenv: line 1, column 4: a NUL character"),
    ];
    for (name, text, problem) in cases {
        refuses_to_encrypt(&world, name, text, problem);
    }
}

#[test]
fn bytes_that_are_not_utf8_are_sealed_as_a_whole() {
    let world = World::new();
    world.write("secrets/latin1.yaml", b"name: J\xf6rg canary\n");
    let outcome = world.secret(["encrypt", "secrets/latin1.yaml"]).success();
    assert_eq!(
        outcome.stderr,
        "encrypted secrets/latin1.yaml; readers: alice\n\
         secrets/latin1.yaml is sealed as a whole: it is not UTF-8 text\n"
    );
    assert!(!String::from_utf8_lossy(&world.read_bytes("secrets/latin1.yaml")).contains("canary"));
    world.secret(["decrypt", "--in-place", "secrets/latin1.yaml"]).success();
    assert_eq!(world.read_bytes("secrets/latin1.yaml"), b"name: J\xf6rg canary\n");
    world.write("secrets/value", b"\xff");
    let world = world.with_file(FILE, DB);
    world.refuses(
        ["set", FILE, "db.user", "--from-file", "secrets/value"],
        1,
        "error: the value is not UTF-8 text\nhint: encrypt it as a file of its own, or encode it (base64)",
    );
}

#[test]
fn an_opaque_file_has_no_keys_and_no_text_for_an_editor() {
    let world = World::new();
    world.write("secrets/key.bin", b"\xff\xfe");
    world.secret(["encrypt", "secrets/key.bin"]).success();
    for command in
        [["get", "secrets/key.bin", "a"].as_slice(), &["ls", "secrets/key.bin"], &["unset", "secrets/key.bin", "a"]]
    {
        world.refuses(
            command,
            1,
            "error: secrets/key.bin is encrypted as a whole: it has no keys\n\
             hint: read all of it with `secret decrypt secrets/key.bin`",
        );
    }
    world.refuses_with(
        ["edit", "secrets/key.bin"],
        "",
        &[("EDITOR", &world.editor("exit 0"))],
        1,
        &format!(
            "{CAUTION}error: the plaintext is not UTF-8 text, which an editor could damage\n\
             hint: decrypt it with -o FILE, change that, and give it with --from FILE"
        ),
    );
}

#[test]
fn duplicate_keys_and_broken_syntax_are_refused_with_their_place() {
    let world = World::new();
    let cases = [
        (
            "a.json",
            "{\"a\": \"canary\",\n \"a\": 2}\n",
            "JSON: line 2, column 2: this key stands here already in line 1",
        ),
        ("a.yaml", "a: canary\na: 2\n", "YAML: line 2, column 1: this key stands here already in line 1"),
        ("b.yaml", "a: [canary\n", "YAML: line 1, column 4: this bracket is never closed"),
    ];
    for (name, text, problem) in cases {
        refuses_to_encrypt(&world, name, text, problem);
    }
}

#[test]
fn a_conflict_in_a_plaintext_is_not_sealed_as_a_value() {
    let world = World::new();
    world.write("secrets/a.yaml", "<<<<<<< HEAD\ncanary\n=======\nother\n>>>>>>> branch\n");
    world.refuses(
        ["encrypt", "secrets/a.yaml"],
        1,
        "error: secrets/a.yaml: line 1: git left a conflict here\n\
         hint: settle it with `secret resolve secrets/a.yaml`, or take one side with `git checkout --ours -- secrets/a.yaml`",
    );
    world.secret(["encrypt", "--format", "opaque", "secrets/a.yaml"]).success();
}
