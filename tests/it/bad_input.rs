//! What is refused, in which words, with which exit code; and that nothing changes by it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::world::{CAUTION, DB, World};

const FILE: &str = "secrets/db.yaml";
const BY_COMMANDS: &str = "hint: encrypted files are changed with `secret edit`, `secret set` and `secret unset`; \
                           `git log -p` shows who changed this one";
const FROM_HISTORY: &str = "hint: take the file from git's history; headers are changed with `secret meta` and \
                            `secret rekey`, never by hand";
const NOT_BY_HAND: &str = "hint: readers and metadata are changed with `secret rekey` and `secret meta`, never by hand";

#[test]
fn a_stranger_is_told_who_can_read_the_file() {
    let world = World::with_db();
    let (eve, _) = world.keygen("eve");
    for command in
        [["decrypt", FILE].as_slice(), &["get", FILE, "db.user"], &["unset", FILE, "db.user"], &["edit", FILE]]
    {
        world.refuses(
            [&["-i", &eve], command].concat(),
            4,
            "error: cannot open secrets/db.yaml: none of your identities opens it\n\
             hint: it can be read by alice\n\
             hint: ask one of them to run `secret member add` and `secret rekey` for you, or name another identity with \
             --identity FILE",
        );
    }
}

#[test]
fn who_has_no_identity_is_told_how_to_get_one() {
    let world = World::with_db();
    world.refuses_with(
        ["decrypt", FILE],
        "",
        &[("HOME", "/nonexistent")],
        4,
        "error: cannot open secrets/db.yaml: there is no identity\n\
         hint: it can be read by alice\n\
         hint: make an identity with `secret keygen`, or name one with --identity FILE",
    );
}

#[test]
fn an_identity_file_that_is_not_there_is_named() {
    World::with_db().refuses(
        ["-i", "/nonexistent", "decrypt", FILE],
        4,
        "error: cannot open secrets/db.yaml: identity /nonexistent: cannot be read: No such file or directory (os error 2)",
    );
}

#[test]
fn a_file_that_is_not_encrypted_is_refused_by_every_command_that_reads_values() {
    let world = World::with_db();
    world.write("secrets/plain.yaml", DB);
    for command in [
        ["decrypt", "secrets/plain.yaml"].as_slice(),
        &["decrypt", "--in-place", "secrets/plain.yaml"],
        &["edit", "secrets/plain.yaml"],
        &["get", "secrets/plain.yaml", "db.user"],
        &["set", "secrets/plain.yaml", "db.user", "--stdin", "--allow-empty"],
        &["unset", "secrets/plain.yaml", "db.user"],
        &["info", "secrets/plain.yaml"],
        &["who", "secrets/plain.yaml"],
        &["ls", "secrets/plain.yaml"],
        &["meta", "secrets/plain.yaml", "--owner", "alice"],
        &["mv", "secrets/plain.yaml", "secrets/other.yaml"],
        &["rekey", "secrets/plain.yaml"],
    ] {
        world.refuses(
            command,
            1,
            "error: secrets/plain.yaml is not encrypted\nhint: encrypt it with `secret encrypt secrets/plain.yaml`",
        );
    }
}

#[test]
fn what_is_encrypted_is_not_encrypted_again() {
    World::with_db().refuses(
        ["encrypt", FILE],
        1,
        "error: secrets/db.yaml is encrypted already\nhint: change it with `secret edit secrets/db.yaml`",
    );
}

#[test]
fn a_half_encrypted_file_is_not_authentic() {
    let world = World::with_db();
    let line = world.line_of(FILE, "  port:");
    let port = world.read(FILE).lines().nth(line - 1).expect("a line").to_owned();
    world.tamper(FILE, &port, "  port: 5433");
    world.refuses(
        ["decrypt", FILE],
        5,
        &format!(
            "error: secrets/db.yaml: line {line}: `db.port` is not encrypted, though the header says it must be\n\
             hint: take the file from git's history and make the change with `secret edit` or `secret set`"
        ),
    );
}

#[test]
fn tokens_without_their_header_are_half_encrypted() {
    let world = World::with_db();
    let text = world.read(FILE);
    let (_, body) = text.split_once("# secret/v1 end\n").expect("a header");
    world.write(FILE, body);
    for command in ["decrypt", "encrypt"] {
        let outcome = world.secret([command, FILE]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "{outcome:#?}");
        assert!(outcome.stderr.starts_with("error: secrets/db.yaml: line 2: "), "{outcome:#?}");
    }
}

#[test]
fn a_conflict_that_git_left_is_named_with_its_line() {
    let world = World::with_db();
    world.git(["checkout", "--quiet", "-b", "branch"]);
    world.secret_with(["set", FILE, "db.port", "--stdin"], "1", &[]).success();
    world.commit("theirs");
    world.git(["checkout", "--quiet", "main"]);
    world.secret_with(["set", FILE, "db.port", "--stdin"], "2", &[]).success();
    world.commit("ours");
    let mut merge = world.command("git".as_ref());
    assert!(!merge.args(["merge", "--quiet", "branch"]).output().expect("git runs").status.success());
    let line = world.line_of(FILE, "<<<<<<< ");
    let said = format!(
        "error: secrets/db.yaml: line {line}: git left a conflict here\n\
         hint: settle it with `secret resolve secrets/db.yaml`, or take one side with `git checkout --ours -- secrets/db.yaml`"
    );
    for command in
        [["decrypt", FILE].as_slice(), &["edit", FILE], &["info", FILE], &["encrypt", FILE], &["rekey", FILE]]
    {
        world.refuses(command, 1, &said);
    }
}

#[test]
fn a_flipped_byte_of_a_token_is_found() {
    let world = World::with_db();
    let line = world.line_of(FILE, "  password:");
    let text = world.read(FILE);
    let token = text.lines().nth(line - 1).and_then(|line| line.split(' ').next_back()).expect("a token");
    for at in [40, token.len() / 2, token.len() - 20] {
        let flipped = if &token[at..=at] == "A" { "B" } else { "A" };
        world.write(FILE, text.replace(token, &format!("{}{flipped}{}", &token[..at], &token[at + 1..])));
        world.refuses(
            ["decrypt", FILE],
            5,
            &format!(
                "error: secrets/db.yaml: line {line}: the encrypted value of `db.password` was changed, moved, or stands \
                 beside something that was added, removed or renamed\n{BY_COMMANDS}"
            ),
        );
    }
}

#[test]
fn a_truncated_file_is_not_authentic_wherever_it_ends() {
    let world = World::with_db();
    let bytes = world.read_bytes(FILE);
    let header = world.read(FILE).find("# secret/v1 end").expect("a header");
    world.write(FILE, &bytes[..header / 2]);
    world.refuses(
        ["decrypt", FILE],
        5,
        &format!("error: secrets/db.yaml: the header has no end: the file is cut off\n{FROM_HISTORY}"),
    );
    let line = world_line(&bytes, b"  port:");
    world.write(FILE, &bytes[..bytes.len() - 10]);
    world.refuses(
        ["decrypt", FILE],
        5,
        &format!("error: secrets/db.yaml: line {line}: the encrypted value of `db.port` is damaged\n{BY_COMMANDS}"),
    );
    for end in (header + 16..bytes.len() - 1).step_by(7) {
        world.write(FILE, &bytes[..end]);
        let outcome = world.secret(["decrypt", FILE]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "cut at {end}: {outcome:#?}");
    }
}

fn world_line(bytes: &[u8], start: &[u8]) -> usize {
    1 + bytes.split(|byte| *byte == b'\n').position(|line| line.starts_with(start)).expect("the line is there")
}

#[test]
fn a_header_edited_by_hand_is_refused() {
    let cases = [
        (
            "# created = ",
            "# owner = \"eve\"\n# created = ",
            "the header was changed by somebody without the data key",
            NOT_BY_HAND,
        ),
        (
            "# generation = 1",
            "# generation = 2",
            "the wrapped key belongs to another generation of the data key",
            NOT_BY_HAND,
        ),
        (
            "# generation",
            "# genration",
            "the header is not as secret wrote it: field `genration` is unknown",
            FROM_HISTORY,
        ),
        (
            "# mode = \"values\"",
            "# mode = \"values\" ",
            "line 6: this is not how secret writes the header",
            FROM_HISTORY,
        ),
        (
            "# recipients.alice",
            "# recipients.aaron = [\"age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa\"]\n# recipients.alice",
            "the wrapped key belongs to another list of readers",
            NOT_BY_HAND,
        ),
    ];
    for (from, to, problem, hint) in cases {
        let world = World::with_db();
        world.tamper(FILE, from, to);
        world.refuses(["decrypt", FILE], 5, &format!("error: secrets/db.yaml: {problem}\n{hint}"));
        world.refuses(["unset", FILE, "db.port"], 5, &format!("error: secrets/db.yaml: {problem}\n{hint}"));
    }
}

#[test]
fn a_token_that_was_moved_says_from_where() {
    let world = World::with_db();
    let text = world.read(FILE);
    let token = |key: &str| text.split_once(key).and_then(|(_, rest)| rest.split([' ', '\n']).next()).expect("a token");
    let (user, password) = (token("user: "), token("password: "));
    world.write(FILE, text.replace(user, "@").replace(password, user).replace('@', password));
    let line = world.line_of(FILE, "  user:");
    world.refuses(
        ["decrypt", FILE],
        5,
        &format!(
            "error: secrets/db.yaml: line {line}: the encrypted value of `db.user` was changed: it was sealed for \
             `db.password`\n{BY_COMMANDS}"
        ),
    );
}

#[test]
fn a_token_from_another_file_is_refused() {
    let world = World::with_db().with_file("secrets/other.yaml", DB);
    let password = |path: &str| {
        let text = world.read(path);
        text.lines().find(|line| line.starts_with("  password:")).expect("the line is there").to_owned()
    };
    world.tamper(FILE, &password(FILE), &password("secrets/other.yaml"));
    let line = world.line_of(FILE, "  password:");
    world.refuses(
        ["decrypt", FILE],
        5,
        &format!(
            "error: secrets/db.yaml: line {line}: the encrypted value of `db.password` was changed, moved, or stands beside \
             something that was added, removed or renamed\n{BY_COMMANDS}"
        ),
    );
}

#[test]
fn a_token_that_stands_twice_is_named() {
    let world = World::with_db();
    let text = world.read(FILE);
    let (_, password) = text.split_once("password: ").expect("the key is there");
    world.write(FILE, format!("{text}copy: {}\n", password.lines().next().expect("a token")));
    let line = world.line_of(FILE, "copy:");
    world.refuses(
        ["decrypt", FILE],
        5,
        &format!(
            "error: secrets/db.yaml: line {line}: the encrypted value of `copy` stands in the file twice\n{BY_COMMANDS}"
        ),
    );
}

#[test]
fn a_key_that_was_renamed_deleted_or_added_is_noticed() {
    let world = World::with_db();
    let text = world.read(FILE);
    let port = text.lines().find(|line| line.starts_with("  port")).expect("the line is there");
    for changed in
        [text.replace("  password:", "  pass:"), text.replace(&format!("{port}\n"), ""), text.replace("db:", "dc:")]
    {
        world.write(FILE, changed);
        let outcome = world.secret(["decrypt", FILE]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "{outcome:#?}");
    }
    world.write(FILE, format!("{text}empty: {{}}\n"));
    assert_eq!(world.secret(["decrypt", FILE]).code, 5);
}

#[test]
fn a_newer_format_version_asks_for_a_newer_program() {
    let world = World::with_db();
    world.tamper(FILE, "# secret/v1 begin", "# secret/v2 begin");
    world.tamper(FILE, "# secret/v1 end", "# secret/v2 end");
    for command in [["decrypt", FILE].as_slice(), &["encrypt", FILE], &["edit", FILE]] {
        world.refuses(
            command,
            1,
            "error: secrets/db.yaml: format version 2 is newer than this program\nhint: install a newer `secret`",
        );
    }
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
        let path = format!("secrets/{name}");
        world.write(&path, text);
        world.refuses(
            ["encrypt", &path],
            1,
            &format!(
                "error: {path} is not valid {problem}\nhint: correct it, or seal it as a whole with --format opaque"
            ),
        );
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
fn a_folder_and_a_missing_file_are_named() {
    let world = World::with_db();
    let is_folder = "error: [WORLD]/repo/secrets is a folder, not a file\nhint: name a file in it";
    for command in [["edit", "secrets"].as_slice(), &["get", "secrets", "a"]] {
        world.refuses(command, 1, is_folder);
    }
    let hint = "hint: or decrypt all of it with --output-dir DIR";
    world.refuses(["decrypt", "secrets"], 1, &format!("{is_folder}\n{hint}"));
    let missing = "secrets/none.yaml";
    for command in [
        ["encrypt", missing].as_slice(),
        &["decrypt", missing],
        &["get", missing, "a"],
        &["set", missing, "a", "--stdin", "--allow-empty"],
        &["unset", missing, "a"],
        &["info", missing],
        &["who", missing],
        &["ls", missing],
        &["meta", missing, "--owner", "a"],
        &["mv", missing, "secrets/other.yaml"],
        &["rekey", missing],
    ] {
        world.refuses(command, 1, "error: [WORLD]/repo/secrets/none.yaml does not exist");
    }
}

#[test]
fn a_file_that_no_rule_governs_is_not_encrypted_by_guess() {
    let world = World::with_db();
    world.write("app/db.yaml", DB);
    let said = |path: &str| {
        format!(
            "error: no rule of the policy is for {path}\n\
             hint: the rules are for secrets/**; add one for {path} to .secret.toml"
        )
    };
    world.refuses(["encrypt", "app/db.yaml"], 1, &said("app/db.yaml"));
    world.refuses(["encrypt", "-", "--path", "app/new.yaml"], 1, &said("app/new.yaml"));
    world.refuses(["edit", "app/new.yaml", "--from", "app/db.yaml"], 1, &said("app/new.yaml"));
    world.refuses(["mv", FILE, "other/folder/db.yaml"], 1, &said("other/folder/db.yaml"));
}

#[test]
fn a_read_only_folder_is_refused_in_words() {
    const NOBODY: u32 = 65534;
    let world = World::with_db();
    let mut command = world.command(env!("CARGO_BIN_EXE_secret").as_ref());
    fs::set_permissions(world.path("secrets"), fs::Permissions::from_mode(0o555)).expect("a mode");
    if rustix::process::geteuid().is_root() {
        // Root writes everywhere: everything is given to somebody else, who tries it.
        let folder = world.repo().parent().expect("the world").to_path_buf();
        let chown = Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(&folder).status().expect("chown runs");
        assert!(chown.success());
        command.uid(NOBODY);
    }
    let listing = world.listing();
    let output = command.args(["unset", FILE, "db.port"]).output();
    let Ok(output) = output else {
        eprintln!("skipped: an ordinary user cannot run this program where it stands");
        return;
    };
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert_eq!(
        world.filter(&String::from_utf8_lossy(&output.stderr)),
        "error: no permission to create [WORLD]/repo/secrets/db.yaml\n"
    );
    assert_eq!(world.listing(), listing);
    fs::set_permissions(world.path("secrets"), fs::Permissions::from_mode(0o755)).expect("a mode");
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let world = World::with_db();
    world.refuses(
        ["set", FILE, "db.user"],
        1,
        "error: there is no terminal to ask at\nhint: give the value with --stdin or --from-file FILE",
    );
    world.refuses(["keygen", "--passphrase", "-o", "new.key"], 1, "error: there is no terminal to ask at");
    world.refuses(
        ["edit", FILE],
        1,
        "error: there is no terminal for an editor\n\
         hint: set EDITOR to a program that edits by itself, or give the plaintext with --from FILE",
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
        let path = format!("secrets/{name}");
        world.write(&path, text);
        world.refuses(
            ["encrypt", &path],
            1,
            &format!(
                "error: {path} is not valid {problem}\nhint: correct it, or seal it as a whole with --format opaque"
            ),
        );
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

#[test]
fn links_that_lead_out_of_the_repository_are_not_followed() {
    let world = World::with_db();
    let outside = world.home().join("outside.yaml");
    fs::write(&outside, DB).expect("a written file");
    symlink(&outside, world.path("secrets/link.yaml")).expect("a link");
    let said = "error: [WORLD]/repo/secrets/link.yaml leads out of [WORLD]/repo\n\
                hint: nothing is read or written outside of the repository";
    for command in ["encrypt", "decrypt", "edit", "info"] {
        world.refuses([command, "secrets/link.yaml"], 1, said);
    }
    assert_eq!(fs::read_to_string(&outside).expect("the file"), DB);
    symlink(world.home(), world.path("secrets/folder")).expect("a link");
    for command in [["encrypt", "secrets/folder/outside.yaml"], ["decrypt", "secrets/folder/outside.yaml"]] {
        let outcome = world.secret(command);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    }
    world.refuses(["mv", FILE, "secrets/folder/db.yaml"], 1, "error: [WORLD]/repo/secrets/folder leads out of [WORLD]/repo\nhint: nothing is read or written outside of the repository");
    assert_eq!(fs::read_to_string(&outside).expect("the file"), DB);
}

#[test]
fn a_committed_link_cannot_pass_staging_off_as_production() {
    let world = World::new().with_file("secrets/staging/db.yaml", DB);
    symlink("staging", world.path("secrets/prod")).expect("a link");
    world.commit("link");
    world.refuses(
        ["decrypt", "secrets/prod/db.yaml"],
        5,
        "error: secrets/prod/db.yaml was encrypted as secrets/staging/db.yaml: here it could be another environment's secrets\n\
         hint: if it was moved on purpose, put it back and run `secret mv secrets/staging/db.yaml secrets/prod/db.yaml`; \
         to read it here all the same, add --at-any-path",
    );
    let read = world.secret(["decrypt", "--at-any-path", "secrets/prod/db.yaml"]).success();
    assert_eq!(read.stdout, DB);
}

#[test]
fn of_several_files_the_worst_failure_counts() {
    let world = World::with_db().with_file("secrets/forged.yaml", DB);
    world.tamper("secrets/forged.yaml", "# generation = 1", "# generation = 2");
    world.write("secrets/plain.yaml", DB);
    world.refuses(
        ["decrypt", FILE, "secrets/plain.yaml", "secrets/forged.yaml", "--output-dir", "out"],
        5,
        &format!(
            "error: secrets/plain.yaml is not encrypted\n\
             hint: encrypt it with `secret encrypt secrets/plain.yaml`\n\
             error: secrets/forged.yaml: the wrapped key belongs to another generation of the data key\n\
             {NOT_BY_HAND}\n\
             error: 2 files failed"
        ),
    );
}

#[test]
fn arguments_that_make_no_sense_end_with_2() {
    let world = World::with_db();
    let cases: [(&[&str], &str); 6] = [
        (&["decrypt", FILE, FILE], "error: several files need --output-dir DIR"),
        (&["encrypt", "-"], "error: --path says what standard input (-) is encrypted for"),
        (&["encrypt", FILE, FILE, "-o", "x"], "error: -o and standard input take one file"),
        (&["meta", FILE], "error: nothing to change; `secret info` shows the header"),
        (&["get", FILE, "db..user"], "error: a key path has no empty part (character 4)"),
        (
            &["nope"],
            "error: unrecognized subcommand 'nope'\n\nUsage: secret [OPTIONS] <COMMAND>\n\nFor more information, try '--help'.",
        ),
    ];
    for (command, said) in cases {
        world.refuses(command, 2, said);
    }
}

#[test]
fn hostile_file_names_are_only_names() {
    let world = World::new();
    let names =
        ["-dash.yaml", "two words.yaml", "it's \"quoted\".yaml", "line\nend.yaml", "größe.yaml", "esc\u{1b}[31m.yaml"];
    for name in names {
        let path = format!("secrets/{name}");
        world.write(&path, DB);
        let outcome = world.secret(["encrypt", &path]).success();
        let shown = path.replace('\u{1b}', "\\u{1b}").replace('\n', "\\u{a}");
        assert_eq!(outcome.stderr, format!("encrypted {shown}; readers: alice\n"));
        assert_eq!(world.secret(["decrypt", &path]).success().stdout, DB);
        let quoted = format!("'{}'", shown.replace('\'', r"'\''"));
        let quoted = if name == "-dash.yaml" { shown.clone() } else { quoted };
        world.refuses(
            ["encrypt", &path],
            1,
            &format!("error: {shown} is encrypted already\nhint: change it with `secret edit {quoted}`"),
        );
    }
    let in_folder = |arguments: &[&str]| world.secret([&["-C", "secrets"], arguments].concat());
    assert_eq!(in_folder(&["decrypt", "--", "-dash.yaml"]).success().stdout, DB);
    assert_eq!(in_folder(&["decrypt", "./-dash.yaml"]).success().stdout, DB);
    assert_eq!(in_folder(&["decrypt", "-dash.yaml"]).code, 2);
}
