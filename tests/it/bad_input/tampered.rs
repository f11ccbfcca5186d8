//! Encrypted files that somebody has changed, cut, moved or put together by hand.

use super::{BY_COMMANDS, FILE, FROM_HISTORY, NOT_BY_HAND};
use crate::world::{DB, World};

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
