//! What other tools let somebody do who has no key, row by row: here it is refused, or said to be conceded.

use secret::document::Format;
use secret::envelope::native::{EncryptedFile, FileSecrets};

use crate::generate::{File, Sample, day};
use crate::laws::{open, text};

const PLAINTEXT: &str = "\
public:
  db1: one
  port: \"5432\"
  off: x
admin:
  password: hunter2
  flag: \"True\"
list:
  - first
  - second
";

struct World {
    file: File,
    sealed: String,
}

fn world() -> World {
    let sample = Sample { cleartext: vec!["public.**"], ..Sample::of(Format::Yaml, PLAINTEXT) };
    let file = File::new(&sample);
    let sealed = String::from_utf8(file.seal(PLAINTEXT.as_bytes(), None, 1).expect("it can be sealed")).expect("text");
    World { file, sealed }
}

impl World {
    /// Demands that a change is refused, and returns why.
    #[track_caller]
    fn refuses(&self, from: &str, to: &str) -> String {
        assert!(self.sealed.contains(from), "{}", self.sealed);
        self.refuses_file(&self.sealed.replacen(from, to, 1))
    }

    #[track_caller]
    fn refuses_file(&self, tampered: &str) -> String {
        assert!(tampered != self.sealed);
        self.file.open(tampered.as_bytes()).err().unwrap_or_else(|| panic!("this opens:\n{tampered}"))
    }

    /// Returns the token behind a key.
    fn token(&self, key: &str) -> String {
        let line = self.sealed.lines().find(|line| line.contains(key)).expect("the key is there");
        line[line.find("secret-v1").expect("it is sealed")..].to_owned()
    }
}

#[test]
fn a_cleartext_key_cannot_be_renamed() {
    world().refuses("db1:", "db2:");
}

#[test]
fn bytes_cannot_be_moved_between_neighbouring_cleartext_values() {
    world().refuses("one\n  port: \"5432\"", "one5\n  port: \"432\"");
}

#[test]
fn a_cleartext_scalar_cannot_become_a_map() {
    world().refuses("off: x", "off: {x: x}");
}

#[test]
fn a_cleartext_text_cannot_become_a_number() {
    world().refuses("\"5432\"", "5432");
}

#[test]
fn no_key_can_be_added_with_an_empty_value() {
    for value in ["", " \"\"", " {}", " []", " x"] {
        world().refuses("admin:\n", &format!("admin:\n  added:{value}\n"));
    }
}

#[test]
fn no_null_can_be_added() {
    world().refuses("admin:\n", "added: null\nadmin:\n");
    world().refuses("list:\n", "list:\n  - ~\n");
}

#[test]
fn no_comment_can_be_added() {
    let reason = world().refuses("admin:\n", "# approved-by: security\nadmin:\n");
    assert!(reason.contains("not encrypted"), "{reason}");
}

#[test]
fn an_encrypted_value_cannot_be_given_another_type() {
    let world = world();
    let token = world.token("flag:");
    for value in [
        format!("!!bool {token}"),
        format!("\"{token}\""),
        format!("[{token}]"),
        token.replace(".v.", ".b."),
        token.replace(".v.", ".bool."),
    ] {
        world.refuses(&token, &value);
    }
}

#[test]
fn a_key_below_another_is_not_the_key_with_both_names() {
    let world = world();
    let token = world.token("password:");
    world.refuses(&format!("admin:\n  password: {token}\n"), &format!("\"admin:password\": {token}\nadmin:\n"));
    world.refuses(&format!("admin:\n  password: {token}\n"), &format!("admin.password: {token}\nadmin:\n"));
}

#[test]
fn what_is_sealed_cannot_be_changed_in_the_header() {
    world().refuses("cleartext = [\"public.**\"]", "cleartext = [\"**\"]");
    world().refuses("# cleartext = [\"public.**\"]\n", "");
    world().refuses("# cleartext", "# comments = \"clear\"\n# cleartext");
}

#[test]
fn values_cannot_be_swapped_or_dropped() {
    let world = world();
    let [first, second] = [0, 1].map(|index| {
        world.sealed.lines().filter(|line| line.starts_with("  - ")).nth(index).expect("an item").to_owned()
    });
    world.refuses(&format!("{first}\n{second}"), &format!("{second}\n{first}"));
    world.refuses(&format!("{first}\n"), "");
    world.refuses(&format!("{second}\n"), "");
    let (password, flag) = (world.token("password:"), world.token("flag:"));
    let swapped = world.sealed.replace(&password, "@").replace(&flag, &password).replace('@', &flag);
    let reason = world.refuses_file(&swapped);
    assert!(reason.contains("admin.password") && reason.contains("admin.flag"), "{reason}");
    world.refuses(&format!("  password: {password}\n"), "");
}

#[test]
fn no_recipient_can_be_added_to_the_header() {
    world().refuses("# recipients.alice", "# recipients.aaron = [\"age1stranger\"]\n# recipients.alice");
    world().refuses("[\"age1alice\"]", "[\"age1alice\", \"age1stranger\"]");
    world().refuses("age1alice", "age1stranger");
    // Nor can the wrapped key be replaced by another of the same data key: whom it is wrapped to is authenticated.
    world().refuses("YWdl", "YWdm");
}

#[test]
fn a_recipient_list_under_a_mac_of_its_own_needs_the_data_key() {
    // A former reader, or a stranger, makes the header anew with keys of his own.
    let World { file, sealed } = world();
    let mut header = file.header.clone();
    header.recipients.insert("stranger".to_owned(), vec!["age1stranger".to_owned()]);
    let stranger = File { secrets: FileSecrets::generate(&header.recipients), header: file.header.clone() };
    let own = String::from_utf8(seal_as(&stranger, PLAINTEXT)).expect("text");
    let start = crate::generate::body_start(&sealed);
    let mixed = own[..crate::generate::body_start(&own)].to_owned() + &sealed[start..];
    assert!(file.open(mixed.as_bytes()).is_err());
    assert!(stranger.open(mixed.as_bytes()).is_err());
}

#[test]
fn an_older_revision_put_back_is_conceded() {
    // The file alone cannot tell: history shows it (docs/threat-model.md).
    let World { file, sealed } = world();
    let before = open(&file, sealed.as_bytes());
    let changed = PLAINTEXT.replace("hunter2", "hunter3");
    let newer = file.seal(changed.as_bytes(), Some(&before), 2).expect("it can be sealed");
    assert_eq!(text(&open(&file, &newer)), changed);
    assert_eq!(text(&open(&file, sealed.as_bytes())), PLAINTEXT);
}

#[test]
fn an_older_value_put_back_alone_is_conceded() {
    let World { file, sealed } = world();
    let before = open(&file, sealed.as_bytes());
    let newer =
        file.seal(PLAINTEXT.replace("hunter2", "hunter3").as_bytes(), Some(&before), 2).expect("it can be sealed");
    let newer = World { sealed: String::from_utf8(newer).expect("text"), file };
    let old_token = sealed.lines().find_map(|line| line.split_once("password: ")).expect("the key is there").1;
    let put_back = newer.sealed.replace(&newer.token("password:"), old_token);
    assert_eq!(text(&open(&newer.file, put_back.as_bytes())), PLAINTEXT);
    // But not beside other neighbours than it ever had, nor after the data key was replaced.
    newer.refuses(&newer.token("flag:"), old_token);
    let mut header = newer.file.header.clone();
    header.generation = 2;
    let rekeyed = File { secrets: newer.file.secrets.with_new_data_key(&header), header };
    let rekeyed_file = rekeyed.seal(PLAINTEXT.as_bytes(), Some(&before), 3).expect("it can be sealed");
    let rekeyed = World { sealed: String::from_utf8(rekeyed_file).expect("text"), file: rekeyed };
    rekeyed.refuses(&rekeyed.token("password:"), old_token);
}

#[test]
fn a_file_made_by_a_stranger_for_the_same_readers_is_conceded() {
    // Recipients are public: whoever wants can encrypt to them. It has another file id, which history shows.
    let World { file, sealed } = world();
    let mut stranger = File { secrets: FileSecrets::generate(&file.header.recipients), header: file.header.clone() };
    stranger.header.file_id = stranger.secrets.file_id();
    let made = seal_as(&stranger, "admin: x\n");
    let payload = stranger.secrets.payload(&stranger.header);
    let opened = EncryptedFile::parse(&made).ok().and_then(|made| made.open(&payload).ok()).expect("it opens");
    assert!(opened.header.file_id != file.header.file_id && !sealed.contains(&opened.header.file_id.to_string()));
    // With the file's own id it does not open: that needs the continuity secret.
    let forged = String::from_utf8(made)
        .expect("text")
        .replace(&stranger.header.file_id.to_string(), &file.header.file_id.to_string());
    let forged = EncryptedFile::parse(forged.as_bytes()).expect("it is readable");
    assert!(forged.open(&payload).is_err() && forged.open(&file.secrets.payload(&file.header)).is_err());
}

#[test]
fn a_file_copied_over_another_path_says_where_it_belongs() {
    // The library opens it: the workspace compares the path, which cannot be changed without the key.
    let world = world();
    assert_eq!(open(&world.file, world.sealed.as_bytes()).header.path, "secrets/file");
    world.refuses("path = \"secrets/file\"", "path = \"secrets/prod\"");
}

#[test]
fn nothing_else_in_the_header_can_be_changed() {
    let world = world();
    world.refuses("generation = 1", "generation = 2");
    world.refuses("revision = 1", "revision = 2");
    world.refuses("created = \"2026-11-01\"", "created = \"2026-11-02\"");
    world.refuses("mode = \"values\"", "mode = \"opaque\"");
    world.refuses("format = \"yaml\"", "format = \"toml\"");
    world.refuses("# created", "# owner = \"mallory\"\n# created");
    world.refuses("version = 1", "version = 2");
}

fn seal_as(file: &File, plaintext: &str) -> Vec<u8> {
    let mut header = file.header.clone();
    header.file_id = file.secrets.file_id();
    secret::envelope::native::seal(plaintext.as_bytes(), header, &file.secrets, None, day(1)).expect("it can be sealed")
}
