//! `secret edit` with scripts as editors, at a terminal and without one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::world::{CAUTION, DB, Outcome, World};

const FILE: &str = "secrets/db.yaml";
const SCISSORS: &str = "# ------------------------ >8 ------------------------ plaintext below\n";
const FIELDS: &str = "## These fields stand in clear in the header; an empty one is left out.\n";

/// Edits a file with a script.
fn edit(world: &World, path: &str, script: &str) -> Outcome {
    world.secret_with(["edit", path], "", &[("EDITOR", &world.editor(script))])
}

/// Returns the drafts that were kept.
fn drafts(world: &World) -> Vec<PathBuf> {
    let folder = fs::read_dir(world.home().join(".cache/secret/drafts"));
    folder.into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect()
}

/// Returns what is left in the place where editors get their plaintext.
fn left_behind(world: &World) -> Vec<PathBuf> {
    let places = [world.home().parent().expect("the world").join("run"), world.home().join(".cache/secret")];
    let entries = places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten();
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().contains("secret-edit-")).collect()
}

#[test]
fn the_editor_shows_the_header_the_scissors_and_the_plaintext() {
    let world = World::with_db();
    world.secret(["meta", FILE, "--owner", "payments", "--tag", "tier=1"]).success();
    let shown = world.home().join("shown");
    let outcome =
        edit(&world, FILE, &format!("cat \"$1\" > '{}'; sed -i 's/hunter2/hunter3/' \"$1\"", shown.display()));
    assert_eq!(outcome.success().stderr, format!("{CAUTION}saved secrets/db.yaml\n"));
    assert_eq!(
        fs::read_to_string(shown).expect("the editor ran"),
        format!(
            "## path = \"secrets/db.yaml\"\n## readers = [\"alice\"]\n{FIELDS}# owner = \"payments\"\n# purpose = \"\"\n# rotate_every = \"\"\n\
             # rotation_due = \"\"\n# tags.tier = \"1\"\n{SCISSORS}{DB}"
        )
    );
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB.replace("hunter2", "hunter3"));
    assert!(left_behind(&world).is_empty());
}

#[test]
fn a_changed_value_changes_its_line_and_that_of_the_next_token_at_most() {
    let world = World::with_db();
    let before = world.read(FILE);
    edit(&world, FILE, "sed -i 's/admin/root/' \"$1\"").success();
    let after = world.read(FILE);
    let changed: Vec<&str> =
        before.lines().zip(after.lines()).filter(|(before, after)| before != after).map(|(before, _)| before).collect();
    assert_eq!(before.lines().count(), after.lines().count());
    assert!(changed.len() <= 2 && changed[0].starts_with("  user: "), "{changed:#?}");
}

#[test]
fn without_a_change_the_file_is_not_touched() {
    let world = World::with_db();
    let modified = || fs::metadata(world.path(FILE)).and_then(|file| file.modified()).expect("the file is there");
    let (before, when) = (world.listing(), modified());
    for script in ["exit 0", "touch \"$1\"", "cp \"$1\" \"$1.new\" && mv \"$1.new\" \"$1\""] {
        assert_eq!(edit(&world, FILE, script).success().stderr, format!("{CAUTION}nothing was changed\n"));
    }
    assert_eq!((world.listing(), modified()), (before, when));
}

#[test]
fn header_fields_can_be_edited() {
    let world = World::with_db();
    let script = "sed -i -e 's/# owner = \"\"/# owner = \"ops\"/' -e 's/# rotation_due = \"\"/# rotation_due = \"2099-01-31\"/' \
                  -e 's/^# purpose.*/&\\n# tags.tier = \"1\"/' \"$1\"";
    edit(&world, FILE, script).success();
    let info = world.secret(["info", FILE]).success().stdout;
    for line in ["owner         ops\n", "rotation due  2099-01-31\n", "tag tier      1\n", "header revision 2\n"] {
        assert!(info.contains(line), "{line}{info}");
    }
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
    edit(&world, FILE, "sed -i 's/\"ops\"/\"\"/' \"$1\"").success();
    assert!(!world.secret(["info", FILE]).success().stdout.contains("owner"));
}

#[test]
fn a_field_that_there_is_not_is_named_and_what_was_typed_is_kept() {
    let world = World::with_db();
    let before = world.listing();
    let outcome = edit(&world, FILE, "sed -i -e 's/# owner/# ovner/' -e 's/hunter2/hunter3/' \"$1\"");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
    let said = "error: secrets/db.yaml: line 4: there is no field `ovner`; \
                the fields are owner, purpose, rotate_every, rotation_due, tags.NAME, values.KEY\n";
    assert!(outcome.stderr.starts_with(&format!("{CAUTION}{said}")), "{outcome:#?}");
    assert_eq!((world.listing(), drafts(&world).len()), (before, 1));
}

#[test]
fn what_does_not_parse_comes_back_with_the_error_on_top() {
    let world = World::with_db();
    let second = world.home().join("second");
    let script = format!(
        "if [ -e '{0}' ]; then exit 9; elif [ -e '{0}.first' ]; then cp \"$1\" '{0}'; sed -i 's/canary\\[/mended/' \"$1\"; \
         else : > '{0}.first'; sed -i 's/\"canary-hunter2\"/[canary[/' \"$1\"; fi",
        second.display()
    );
    let (code, screen) = world.at_terminal(&["edit", FILE], &[("EDITOR", &world.editor(&script))], &[]);
    let shown = fs::read_to_string(&second).expect("the editor was called again");
    let (top, rest) = shown.split_once('\n').expect("lines");
    assert!(top.starts_with("## error: secrets/db.yaml is not valid YAML: line "), "{top}");
    assert!(
        rest.starts_with("## Nothing was saved yet. Save to try again; leave without a change to give up.\n## path = \"secrets/db.yaml\"\n## readers = [\"alice\"]\n"),
        "{rest}"
    );
    // It was mended by half: `[mended` is still an open bracket, and the third call breaks off.
    assert_eq!(code, 1, "{screen}");
    assert!(!screen.contains("canary"), "{screen}");
}

#[test]
fn a_mistake_that_is_mended_is_saved() {
    let world = World::with_db();
    let again = world.home().join("again");
    let script = format!(
        "if [ -e '{0}' ]; then sed -i 's/\\[canary/\"canary/; s/unclosed/closed\"/' \"$1\"; \
         else : > '{0}'; sed -i 's/\"canary-hunter2\"/[canary unclosed/' \"$1\"; fi",
        again.display()
    );
    let (code, screen) = world.at_terminal(&["edit", FILE], &[("EDITOR", &world.editor(&script))], &[]);
    assert_eq!((code, screen), (0, format!("{CAUTION}saved secrets/db.yaml\n")));
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB.replace("canary-hunter2", "canary closed"));
    assert!(drafts(&world).is_empty() && left_behind(&world).is_empty());
}

#[test]
fn who_gives_up_has_a_draft_that_age_opens() {
    let world = World::with_db();
    let again = world.home().join("again");
    let script = format!("[ -e '{0}' ] || {{ : > '{0}'; echo 'draft: [canary' >> \"$1\"; }}", again.display());
    let before = world.listing();
    let (code, screen) = world.at_terminal(&["edit", FILE], &[("EDITOR", &world.editor(&script))], &[]);
    assert_eq!((code, world.listing()), (1, before), "{screen}");
    let [draft] = &drafts(&world)[..] else { panic!("one draft: {screen}") };
    assert!(screen.contains(&world.filter(&draft.display().to_string())), "{screen}");
    let sealed = fs::read_to_string(draft).expect("the draft");
    assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----") && !sealed.contains("canary"));
    let identity = world.home().join(".config/secret/identities.txt");
    let Ok(age) = world.command("age".as_ref()).arg("-d").arg("-i").arg(identity).arg(draft).output() else {
        eprintln!("skipped: age is not installed");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&age.stdout), format!("{DB}draft: [canary\n"));
}

#[test]
fn without_a_terminal_a_mistake_is_not_asked_about_again() {
    let world = World::with_db();
    let before = world.listing();
    let outcome = edit(&world, FILE, "echo 'x: [canary' >> \"$1\"");
    assert_eq!((outcome.code, world.listing()), (1, before));
    assert!(!outcome.stderr.contains("canary"), "{outcome:#?}");
    assert!(
        outcome.stderr.starts_with(&format!(
            "{CAUTION}error: secrets/db.yaml is not valid YAML: line 5, column 4: this bracket is never closed\n\
             hint: correct it, or seal it as a whole with --format opaque\n\
             hint: what you typed is kept, encrypted to you: `age -d -i IDENTITY "
        )),
        "{outcome:#?}"
    );
}

#[test]
fn a_failing_editor_changes_nothing_and_loses_nothing() {
    let world = World::with_db();
    let before = world.listing();
    let outcome = edit(&world, FILE, "exit 3");
    assert_eq!((outcome.code, world.listing()), (1, before.clone()));
    assert!(outcome.stderr.ends_with(" failed: exit status: 3\n"), "{outcome:#?}");
    assert!(drafts(&world).is_empty());
    let outcome = edit(&world, FILE, "echo 'typed: 1' >> \"$1\"; exit 3");
    assert_eq!((outcome.code, world.listing()), (1, before));
    assert!(outcome.stderr.contains("hint: what you typed is kept, encrypted to you"), "{outcome:#?}");
    assert_eq!(drafts(&world).len(), 1);
    assert!(left_behind(&world).is_empty());
}

#[test]
fn an_editor_that_cannot_be_found_is_named() {
    let world = World::with_db();
    let before = world.listing();
    for (editor, said) in [
        ("no-such-editor", "error: program no-such-editor not found\n"),
        ("./editor", "error: program ./editor is given by a relative path\n"),
        ("vi '", "error: EDITOR has an open quote\n"),
    ] {
        let outcome = world.secret_with(["edit", FILE], "", &[("EDITOR", editor)]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (1, said));
    }
    assert_eq!(world.listing(), before);
}

#[test]
fn from_takes_the_plaintext_of_a_file() {
    let world = World::with_db();
    world.write("changed.yaml", DB.replace("5432", "5433"));
    assert_eq!(world.secret(["edit", FILE, "--from", "changed.yaml"]).success().stderr, "saved secrets/db.yaml\n");
    assert_eq!(world.secret(["get", FILE, "db.port"]).success().stdout, "5433");
    assert_eq!(world.secret(["edit", FILE, "--from", "changed.yaml"]).success().stderr, "nothing was changed\n");
    let outcome = world.secret(["edit", "secrets/new.yaml", "--from", "changed.yaml"]).success();
    assert_eq!(outcome.stderr, "encrypted secrets/new.yaml; readers: alice\n");
}

/// A policy in which new files must name an owner and a purpose.
fn demanding() -> World {
    let world = World::with_db();
    let rule = "path = \"secrets/**\"\nreaders = [\"team\"]\n";
    world.tamper(
        ".secret.toml",
        rule,
        &format!("{rule}rotate_every = \"90d\"\nrequire = [\"owner\", \"purpose\", \"rotation_due\"]\n"),
    );
    world.commit("require metadata");
    world
}

#[test]
fn a_new_file_starts_from_its_rule() {
    let world = demanding();
    let shown = world.home().join("shown");
    let script = format!(
        "cp \"$1\" '{}'; sed -i -e 's/# owner = \"\"/# owner = \"ops\"/' -e 's/# purpose = \"\"/# purpose = \"tests\"/' \"$1\"; \
         echo 'a: 1' >> \"$1\"",
        shown.display()
    );
    let outcome = edit(&world, "secrets/deep/new.yaml", &script).success();
    assert_eq!(outcome.stderr, format!("{CAUTION}encrypted secrets/deep/new.yaml; readers: alice\n"));
    assert_eq!(
        fs::read_to_string(shown).expect("the editor ran"),
        format!(
            "## path = \"secrets/deep/new.yaml\"\n## readers = [\"alice\"]\n{FIELDS}# owner = \"\"\n# purpose = \"\"\n# rotate_every = \"90d\"\n\
             # rotation_due = \"\"\n{SCISSORS}"
        )
    );
    assert_eq!(world.secret(["decrypt", "secrets/deep/new.yaml"]).success().stdout, "a: 1\n");
}

#[test]
fn a_new_file_without_what_its_rule_demands_is_not_made() {
    let world = demanding();
    let before = world.listing();
    let outcome = edit(&world, "secrets/deep/new.yaml", "echo 'a: 1' >> \"$1\"");
    assert_eq!((outcome.code, world.listing()), (1, before.clone()));
    assert!(
        outcome.stderr.starts_with(&format!(
            "{CAUTION}error: secrets/deep/new.yaml lacks owner and purpose, which its rule demands\n"
        )),
        "{outcome:#?}"
    );
    assert_eq!(drafts(&world).len(), 1);
    let outcome = edit(&world, "secrets/deep/new.yaml", "exit 0");
    assert_eq!(
        (outcome.code, outcome.stderr.as_str(), world.listing()),
        (1, format!("{CAUTION}error: nothing was typed: no file was made\n").as_str(), before)
    );
}

#[test]
fn line_ends_and_their_lack_are_kept() {
    let cases = [
        ("crlf.yaml", "a: one\r\nb: two\r\n", "a: changed\r\nb: two\r\n"),
        ("bare.yaml", "a: one\nb: two", "a: changed\nb: two"),
        ("bom.yaml", "\u{feff}a: one\n", "\u{feff}a: changed\n"),
        ("crlf.env", "A=one\r\nB=two", "A=changed\r\nB=two"),
    ];
    for (name, before, after) in cases {
        let path = format!("secrets/{name}");
        let world = World::new().with_file(&path, before);
        edit(&world, &path, "sed -i 's/one/changed/' \"$1\"").success();
        assert_eq!(world.secret(["decrypt", &path]).success().stdout, after, "{name}");
        // Many editors add a final line end.
        edit(&world, &path, "[ -z \"$(tail -c1 \"$1\")\" ] || echo >> \"$1\"").success();
        assert_eq!(world.secret(["decrypt", &path]).success().stdout, after, "{name}");
    }
}

#[test]
fn the_editor_gets_no_identity_and_a_private_folder() {
    let world = World::with_db();
    let identity = fs::read_to_string(world.home().join(".config/secret/identities.txt")).expect("an identity");
    let key = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).expect("a key");
    let file = world.home().join("copy.txt");
    fs::write(&file, &identity).expect("a copy");
    let file = file.display().to_string();
    let said = world.home().join("said");
    let script = format!("{{ env; pwd; stat -c %a . \"$1\"; }} > '{}'", said.display());
    let variables =
        [("EDITOR", world.editor(&script)), ("SECRET_IDENTITY", key.to_owned()), ("SOPS_AGE_KEY", key.to_owned())]
            .into_iter()
            .chain([("SECRET_IDENTITY_FILE", file.clone()), ("SOPS_AGE_KEY_FILE", file)])
            .collect::<Vec<_>>();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.secret_with(["edit", FILE], "", &variables).success();
    let said = fs::read_to_string(said).expect("the editor ran");
    for name in ["SECRET_IDENTITY", "SOPS_AGE_KEY", "AGE-SECRET-KEY"] {
        assert!(!said.contains(name), "{name} reached the editor");
    }
    assert!(said.contains("GIT_AUTHOR_NAME=Alice\n") && said.ends_with("\n700\n600\n"), "{said}");
    assert!(!said.lines().any(|line| line == world.repo().display().to_string()), "{said}");
}

#[test]
fn what_a_killed_editor_left_is_gone_at_the_next_start() {
    let world = World::with_db();
    let before = world.listing();
    for signal in ["KILL", "TERM"] {
        let ready = world.home().join("ready");
        let script = format!("echo $$ > '{}'; exec sleep 60", ready.display());
        let mut command = world.command(env!("CARGO_BIN_EXE_secret").as_ref());
        command.args(["edit", FILE]).env("EDITOR", world.editor(&script)).stderr(Stdio::null()).stdin(Stdio::null());
        let mut child: Child = command.spawn().expect("it starts");
        let start = Instant::now();
        let editor = loop {
            match fs::read_to_string(&ready) {
                Ok(editor) if editor.ends_with('\n') => break editor.trim().to_owned(),
                _ if start.elapsed() > Duration::from_secs(30) => panic!("the editor does not start"),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let kill = |signal: &str, process: &str| {
            let mut kill = world.command("kill".as_ref());
            assert!(kill.args(["-s", signal, process]).status().expect("kill runs").success());
        };
        kill(signal, &child.id().to_string());
        let status = child.wait().expect("it ends");
        assert!(!status.success());
        assert_eq!(left_behind(&world).len() + on_memory(child.id()), usize::from(signal == "KILL"), "{signal}");
        kill("KILL", &editor);
        world.secret(["ls"]).success();
        assert_eq!(left_behind(&world).len() + on_memory(child.id()), 0);
        fs::remove_file(ready).expect("the file is there");
    }
    assert_eq!(world.listing(), before);
}

/// Counts the scratch folders of a process in shared memory.
fn on_memory(process: u32) -> usize {
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let mark = format!("secret-edit-{process}-");
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&mark)).count()
}

#[test]
fn a_passphrase_is_asked_for_once_for_two_files() {
    let world = World::with_db().with_file("secrets/app.env", "TOKEN=canary\n");
    let key = world.home().join("locked.key").display().to_string();
    let (code, screen) = world.at_terminal(
        &["keygen", "--passphrase", "-o", &key],
        &[],
        &[("passphrase for the new identity", "correct horse\r"), ("again", "correct horse\r")],
    );
    assert_eq!(code, 0, "{screen}");
    let recipient = screen.lines().last().expect("the recipient");
    world.secret(["member", "add", "carol", recipient, "--group", "team"]).success();
    world.commit("carol");
    world.secret(["rekey", "--yes"]).success();
    let folder = world.home().join("out").display().to_string();
    let decrypt = ["-i", &key, "decrypt", FILE, "secrets/app.env", "--output-dir", &folder];
    let (code, screen) = world.at_terminal(&decrypt, &[], &[("passphrase for ", "correct horse\r")]);
    assert_eq!((code, screen.matches("[hidden]").count()), (0, 1), "{screen}");
    assert_eq!(fs::read_to_string(format!("{folder}/{FILE}")).expect("a plaintext"), DB);
    assert!(!screen.contains("correct horse"), "{screen}");

    let before = world.listing();
    let (code, screen) = world.at_terminal(&["-i", &key, "decrypt", FILE], &[], &[("passphrase for ", "wrong\r")]);
    assert_eq!((code, world.listing()), (4, before.clone()), "{screen}");
    assert!(
        screen.ends_with("error: cannot open secrets/db.yaml: wrong passphrase for [WORLD]/home/locked.key\n"),
        "{screen}"
    );
    world.refuses(
        ["-i", &key, "decrypt", FILE],
        4,
        "error: cannot open secrets/db.yaml: [WORLD]/home/locked.key needs a passphrase, and there is no terminal to ask for it\n\
         hint: run it at a terminal, or use an identity without a passphrase",
    );
}

#[test]
fn ctrl_c_at_a_passphrase_leaves_the_terminal_as_it_was() {
    let world = World::with_db();
    let key = world.home().join("locked.key").display().to_string();
    for (typed, signal) in [("\u{3}", 2), ("\u{1c}", 3)] {
        let mut command = world.command(Path::new("python3"));
        command.args(["-c", include_str!("interrupt.py"), typed, env!("CARGO_BIN_EXE_secret")]);
        command.args(["keygen", "--passphrase", "-o", &key]).env("NO_COLOR", "1");
        let output = command.output().expect("it runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!(
                "asked: True, ended: -{signal}, same modes: True, input left: False\n\
                 passphrase for the new identity: \n"
            ),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!Path::new(&key).exists());
    }
}
