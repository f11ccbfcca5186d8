//! What is refused, in which words, with which exit code; and that nothing changes by it.

mod documents;
mod tampered;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::world::{DB, World};

const FILE: &str = "secrets/db.yaml";
const BY_COMMANDS: &str = "hint: encrypted files are changed with `secret edit`, `secret set` and `secret unset`; \
                           `git log -p` shows who changed this one";
const FROM_HISTORY: &str = "hint: take the file from git's history; headers are changed with `secret meta` and \
                            `secret rekey`, never by hand";
const NOT_BY_HAND: &str = "hint: readers and metadata are changed with `secret rekey` and `secret meta`, never by hand\n\
                           hint: `git checkout HEAD -- secrets/db.yaml` takes it back; if it is committed like that, \
                           `git log -- secrets/db.yaml` shows since when: `git checkout COMMIT~ -- secrets/db.yaml`";

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
             hint: ask alice to run `secret member add` and `secret rekey` for you, or name another identity with \
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
        "error: no permission to create [WORLD]/repo/secrets/db.yaml\n\
         hint: files are replaced, not changed: it takes the right to write in the folder [WORLD]/repo/secrets\n"
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
         hint: if it was moved on purpose, put it back with `mv -n secrets/prod/db.yaml secrets/staging/db.yaml` and run \
         `secret mv secrets/staging/db.yaml secrets/prod/db.yaml`; to read it here all the same: `secret decrypt \
         --at-any-path secrets/prod/db.yaml`",
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
             {}\n\
             error: 2 files failed",
            NOT_BY_HAND.replace("db.yaml", "forged.yaml")
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

#[test]
fn a_file_whose_name_is_not_utf_8_is_passed_by_nowhere() {
    use std::os::unix::ffi::OsStringExt as _;
    let world = World::with_db();
    let name = std::ffi::OsString::from_vec(b"secrets/bad\xff.env".to_vec());
    world.write("secrets/plain", "A=canary");
    fs::rename(world.path("secrets/plain"), world.repo().join(&name)).expect("a renamed file");
    let error = "error: the name of secrets/bad\u{fffd}.env is not UTF-8, so no header can name it\n\
                 hint: rename it: with `git mv` if git has it, else with `mv`";
    for command in [["encrypt", "secrets"].as_slice(), &["rekey", "--check"], &["rekey"], &["ls", "secrets"]] {
        world.refuses(command, 1, error);
    }
    let why = "its name is not UTF-8, so no header can name it";
    let status = world.secret(["status"]).success().stdout;
    assert!(status.contains("2 files: 1 in line, 0 drift, 0 plaintext, 1 broken\n"), "{status}");
    assert!(status.contains(why), "{status}");
    let due = world.secret(["due"]);
    assert!(due.code != 0 && due.stderr.contains(error), "{due:#?}");
    let leaves = world.secret(["offboard", "alice", "--plan"]);
    assert!(leaves.stdout.contains("Not read, and may hold more: secrets/bad\u{fffd}.env."), "{leaves:#?}");
    // As the hint says.
    fs::rename(world.repo().join(&name), world.path("secrets/good.env")).expect("a renamed file");
    world.secret(["encrypt", "secrets"]).success();
    world.secret(["rekey", "--check"]).success();
}

#[test]
fn a_file_outside_of_the_repository_is_said_to_be_that() {
    let world = World::with_db();
    let outside = world.folder().join("outside");
    fs::create_dir(&outside).expect("a new folder");
    fs::write(outside.join("a.yaml"), "a: canary\n").expect("a written file");
    let no_policy = "error: [WORLD]/outside is outside of any repository, and there is no policy (.secret.toml) for it\n\
                     hint: name files of a repository that has a policy";
    for command in ["encrypt", "rekey", "due", "status", "drill", "owners", "verify"] {
        world.refuses([command, "../outside/a.yaml"], 1, no_policy);
    }
    let plaintext = "error: ../outside/a.yaml is not encrypted\n\
                     hint: it is outside of any repository with a policy; name a file of one";
    for command in [
        ["who", "../outside/a.yaml"].as_slice(),
        &["get", "../outside/a.yaml", "a"],
        &["decrypt", "../outside/a.yaml"],
        &["rotate", "../outside/a.yaml", "a"],
        &["meta", "../outside/a.yaml", "--owner", "a"],
    ] {
        world.refuses(command, 1, plaintext);
    }
    let no_repository = "error: there is no git repository around [WORLD]/outside\n\
                         hint: go into a repository, or say which with -C";
    for command in [["log", "../outside/a.yaml"], ["show", "../outside/a.yaml@HEAD"]] {
        world.refuses(command, 1, no_repository);
    }
    world.refuses(
        ["rekey", FILE, "../outside/a.yaml"],
        1,
        "error: [WORLD]/outside/a.yaml is outside of the git repository [WORLD]/repo\n\
         hint: name files of this repository; others with -C DIR, once for each",
    );
    // From outside of the repository an absolute path is enough.
    let path = world.path(FILE).display().to_string();
    let outside = outside.display().to_string();
    let verified = world.secret(["-C", &outside, "verify", &path]).success();
    assert_eq!(verified.stderr, "consistent: 1 file\n");
    assert_eq!(
        world.secret(["-C", &outside, "verify", &path, "--rev", "HEAD"]).success().stderr,
        "consistent: 1 file\n"
    );
}

#[test]
fn encrypting_is_advised_only_where_a_rule_is_for_the_file() {
    let world = World::with_db();
    world.write("plain.yaml", DB);
    world.refuses(
        ["get", "plain.yaml", "db.user"],
        1,
        "error: plain.yaml is not encrypted\n\
         hint: no rule is for it: add one to .secret.toml, then `secret encrypt plain.yaml`; or name another file",
    );
    world.refuses(
        ["who", ".secret.toml"],
        1,
        "error: .secret.toml is not encrypted\n\
         hint: the policy stands in clear; name a file that one of its rules is for",
    );
    world.write("draft.age", "-----BEGIN AGE ENCRYPTED FILE-----\n");
    world.refuses(
        ["decrypt", "draft.age"],
        1,
        "error: draft.age is not encrypted by secret\n\
         hint: it is a file of age itself, as drafts of `secret edit` are: `age -d -i IDENTITY draft.age`",
    );
}
