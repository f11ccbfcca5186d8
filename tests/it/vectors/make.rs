//! Makes the vectors again, which is needed only when the format changes: the valid ones here, with test keys that
//! follow from their names; those that this program refuses to write in fixtures/vectors/generate.py, out of these.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::process::Command;

use jiff::civil::{Date, date};
use secret::crypto::{ContinuitySecret, DataKey};
use secret::document::Format;
use secret::envelope::native::{
    Comments, EncryptedFile, Exposure, FileSecrets, Header, KeptRecipe, Metadata, Mode, SaidOfValues, ValueMetadata,
    seal,
};
use secret::keys::{Recipient, wrap};
use sha2::{Digest, Sha256};

/// Set this variable to make the vectors again.
pub const UPDATE: &str = "UPDATE_VECTORS";

/// Makes all vectors.
pub fn all() {
    let folder = super::vectors_folder();
    for group in ["valid", "invalid"] {
        let _ = fs::remove_dir_all(folder.join(group));
    }
    plain_cases();
    opaque_cases();
    header_cases();
    value_cases();
    recipe_cases();
    edited_cases();
    let status = Command::new("python3").arg(folder.join("generate.py")).status().expect("python3 is installed");
    assert!(status.success(), "generate.py failed");
}

/// A valid vector before it is written.
struct Case<'a> {
    name: &'a str,
    about: &'a str,
    header: Header,
    secrets: (ContinuitySecret, DataKey),
    link: [u8; 32],
}

impl<'a> Case<'a> {
    fn new(name: &'a str, about: &'a str, format: Format) -> Self {
        let continuity = ContinuitySecret::from_bytes(&test_key(name, "continuity secret"));
        let header = Header {
            file_id: continuity.file_id(),
            path: format!("secrets/{name}"),
            format,
            mode: if format == Format::Opaque { Mode::Opaque } else { Mode::Values },
            generation: 1,
            revision: 1,
            metadata: Metadata::default(),
            created: DAY,
            comments: Comments::Sealed,
            cleartext: Vec::new(),
            recipients: BTreeMap::from([("alice".to_owned(), vec![recipient().to_string()])]),
            exposed: Vec::new(),
            body: None,
            wrapped_key: String::new(),
        };
        Self {
            name,
            about,
            header,
            secrets: (continuity, DataKey::from_bytes(&test_key(name, "data key 1"))),
            link: [0; 32],
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Header)) -> Self {
        change(&mut self.header);
        self
    }

    fn next_generation(&mut self) {
        self.header.generation += 1;
        self.header.revision += 1;
        let label = format!("data key {}", self.header.generation);
        let next = DataKey::from_bytes(&test_key(self.name, &label));
        self.link = self.secrets.1.derive(self.header.file_id).link(self.header.generation, &next);
        self.secrets.1 = next;
    }

    /// Returns the plaintext of the age file, as docs/format.md section 4 has it.
    fn payload(&self) -> Vec<u8> {
        let parts: [&[u8]; 7] = [
            b"secret/v1\n",
            &1_u32.to_be_bytes(),
            self.secrets.0.expose(),
            &self.header.generation.to_be_bytes(),
            self.secrets.1.expose(),
            &self.link,
            &self.header.recipients_digest(),
        ];
        parts.concat()
    }

    fn seal(&mut self, plaintext: &[u8], previous: Option<&[u8]>, day: Date) -> Vec<u8> {
        let payload = self.payload();
        if previous.is_none() || self.header.wrapped_key.is_empty() {
            self.header.wrapped_key = wrap(&[&recipient()], &payload).expect("one recipient");
        }
        let secrets = FileSecrets::from_payload(&payload, &self.header).expect("the payload fits");
        let previous = previous.map(|file| {
            let file = EncryptedFile::parse(file).expect("it was just made");
            let opened = file.open(&former_payload(self, file.header()));
            opened.unwrap_or_else(|error| panic!("{}: {error}", self.name))
        });
        let sealed = seal(plaintext, self.header.clone(), &secrets, previous.as_ref(), day);
        sealed.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    fn write(mut self, plaintext: impl AsRef<[u8]>) {
        let file = self.seal(plaintext.as_ref(), None, DAY);
        self.write_file(plaintext.as_ref(), &file);
    }

    fn write_file(&self, plaintext: &[u8], file: &[u8]) {
        let folder = super::vectors_folder().join("valid").join(self.name);
        fs::create_dir_all(&folder).expect("a new folder");
        fs::write(folder.join("plaintext"), plaintext).expect("a file");
        fs::write(folder.join("encrypted"), file).expect("a file");
        let descriptor =
            format!("about = {:?}\noutcome = \"opens\"\npayload = \"{}\"\n", self.about, hex(&self.payload()));
        fs::write(folder.join("vector.toml"), descriptor).expect("a file");
    }
}

fn plain_cases() {
    use Format::{Dotenv, Ini, Json, Toml, Yaml};
    let long = "long: \"".to_owned() + &"x".repeat(1000) + "\"\n";
    let buckets: String = [1, 31, 32, 63, 64, 127, 128, 255, 256, 287, 288, 4095]
        .map(|length| format!("n{length}: {}\n", "x".repeat(length)))
        .concat();
    #[rustfmt::skip]
    let cases: [(&str, &str, Format, &str); 60] = [
        ("yaml-block", "maps and lists in block style, comments before and behind", Yaml, "# why\na: 1\nb:\n  c: two # note\n  d: [x, y]\nlist:\n  - one\n  - two\n"),
        ("yaml-bom", "a byte order mark stays first, and is authenticated", Yaml, "\u{feff}a: 1\n"),
        ("yaml-crlf", "the header takes the line end of the first line", Yaml, "# why\r\na: 1\r\nb: |\r\n  x\r\n  y\r\n"),
        ("yaml-lone-cr", "lone carriage returns end lines; the header has LF", Yaml, "a: 1\rb: 2\r"),
        ("yaml-no-final-newline", "nothing follows the last token", Yaml, "a: 1\nb: two"),
        ("yaml-empty", "an empty file has a digest", Yaml, ""),
        ("yaml-blank-lines", "blank lines are not authenticated, but stay", Yaml, "\n\n  \na: 1\n\n\n"),
        ("yaml-only-comments", "sealed comments without a value are in the digest", Yaml, "# one\n\n#two\n# \n"),
        ("yaml-only-nulls", "nulls and empty containers are events, so there is no token", Yaml, "a: ~\nb:\nc: {}\nd: []\ne: null\n"),
        ("yaml-documents", "a stream of several documents with directives and marks", Yaml, "%YAML 1.2\n---\na: 1\n...\n---\na: 2\n--- three\n"),
        ("yaml-anchors-tags", "anchors, aliases and tags are events", Yaml, "base: &base\n  key: !!str 1\nother:\n  <<: *base\n  again: &x value\n  alias: *x\n"),
        ("yaml-block-scalars", "literal and folded scalars with chomping and indentation indicators", Yaml, "a: |\n  one\n  two\nb: >-\n  folded\n  text\nc: |2\n    indented\nd: |+\n  kept\n\ne:\n  - |\n    in a list\n  - plain\n"),
        ("yaml-block-scalar-at-end", "a block scalar whose last line has no line end", Yaml, "a: |\n  one\n  two"),
        ("yaml-root-block-scalar", "a document that is one block scalar", Yaml, "--- |\n  one\n  two\n"),
        ("yaml-root-scalar", "a document that is one scalar has an empty key path", Yaml, "just text\n"),
        ("yaml-flow", "flow maps and lists over several lines", Yaml, "a: {b: 1, 'c': [2, \"three\", {d: 4}],\n  e: five}\n"),
        ("yaml-quotes", "quoted scalars with escapes, over several lines", Yaml, "a: \"x\\ty\\u00e9\\\"\"\nb: 'it''s'\nc: \"two\n  lines\"\nd: plain\n  over lines\n\"quoted key\": 'x'\n"),
        ("yaml-keys", "keys that are no text, and keys that are no scalars", Yaml, "1: one\ntrue: yes\n? [a, b]\n: list\n? {x: y}\n: map\n"),
        ("yaml-unicode", "characters of two to four bytes in keys, values and comments", Yaml, "# Prüfung\nschlüssel: wört\n\"🔑\": 秘密\n"),
        ("yaml-buckets", "values at the edges of the length buckets", Yaml, &buckets),
        ("yaml-long-value", "a value above the fixed buckets", Yaml, &long),
        ("yaml-equal-values", "equal values have different tokens", Yaml, "a: same\nb: same\nc: same\n"),
        ("json-nested", "objects, lists and every type of value", Json, "{\n  \"a\": 1,\n  \"b\": {\"c\": \"two\", \"d\": [true, false, null, -1.5e3]},\n  \"e\": {}\n}\n"),
        ("json-one-line", "the header makes a line of its own", Json, "{\"a\":1,\"b\":\"x\"}"),
        ("json-bom", "a byte order mark before the brace", Json, "\u{feff}{\"a\": 1}\n"),
        ("json-blanks-before", "blanks before the brace stay", Json, " \n\t{\"a\": 1}"),
        ("json-crlf", "the header takes the line end of the first line", Json, "{\r\n  \"a\": 1\r\n}\r\n"),
        ("json-lone-cr", "lone carriage returns are blanks; the header has LF", Json, "{\r\"a\": 1,\r\"b\": 2\r}\r"),
        ("json-empty-object", "an empty object has a digest, and no comma behind the header", Json, "{}"),
        ("json-empty-object-blanks", "the same with blanks in it", Json, "{ \n }\n"),
        ("json-nulls", "nulls are events", Json, "{\"a\": null, \"b\": []}\n"),
        ("json-escapes", "escapes stay as spelled, in keys too", Json, "{\"k\\u0065y\": \"x\\u00e9\\n\\\"\\\\\", \"🔑\": \"\\ud83d\\udd11\"}\n"),
        ("toml-tables", "tables, tables in lists, inline tables, dotted and quoted keys", Toml, "title = \"x\"\n\n[server]\nport = 8080 # note\n\"quoted key\" = 'literal'\na.b = 1\n\n[[users]]\nname = \"alice\"\n\n[[users]]\nname = \"bob\"\npoint = { x = 1, y = [2, 3] }\n"),
        ("toml-types", "every type of value", Toml, "a = 1979-05-27T07:32:00Z\nb = 0xff\nc = true\nd = -inf\ne = 1.5e3\nf = 07:32:00\n"),
        ("toml-multi-line", "strings over several lines", Toml, "a = \"\"\"\none\n\\\n  two\"\"\"\nb = '''\nthree\n'''\n"),
        ("toml-bom", "a byte order mark stays first", Toml, "\u{feff}a = 1\n"),
        ("toml-crlf", "the header takes the line end of the first line", Toml, "a = 1\r\n# why\r\nb = 2\r\n"),
        ("toml-no-final-newline", "nothing follows the last token", Toml, "a = 1\nb = \"two\""),
        ("toml-empty", "an empty file has a digest", Toml, ""),
        ("toml-only-comments", "sealed comments without a value", Toml, "# one\n# two\n"),
        ("toml-only-tables", "tables without a value", Toml, "[a]\n[[b]]\n[c.d]\nlist = []\n"),
        ("dotenv-plain", "the smallest file with a value", Dotenv, "A=x\n"),
        ("dotenv-forms", "export, quotes, comments, empty values", Dotenv, "# why\nexport A=1 # note\nB=\"two words\"\nC='single'\nD=\nE=x#y\n"),
        ("dotenv-blanks", "blanks around the sign and behind the value are authenticated", Dotenv, "A = x  \nexport  B= y\nC=z\t\n"),
        ("dotenv-bom", "a byte order mark stays first", Dotenv, "\u{feff}A=1\n"),
        ("dotenv-crlf", "carriage returns are authenticated, because shells read them", Dotenv, "A=1\r\n#x\r\nB=2\r\n"),
        ("dotenv-multi-line", "a quoted value over several lines, with what looks like a comment in it", Dotenv, "A=\"one\n# two\nB=3\"\nC='x\ny'\n"),
        ("dotenv-no-final-newline", "nothing follows the last token", Dotenv, "A=1\nB=2"),
        ("dotenv-empty", "an empty file has a digest", Dotenv, ""),
        ("dotenv-only-comments", "sealed comments without a value", Dotenv, "# one\n#two"),
        ("ini-sections", "sections, both separators, comments with both signs", Ini, "top = 0\n[a]\nk = v\nl: w\n; why\n# too\n[b \"c\"]\nk=v\n"),
        ("ini-bom", "a byte order mark stays first", Ini, "\u{feff}[a]\nk = v\n"),
        ("ini-continued", "a value over several lines, and a key without a value", Ini, "[a]\nk = one\n  two\nflag\n"),
        ("ini-crlf", "carriage returns are authenticated", Ini, "[a]\r\nk = v\r\n"),
        ("ini-no-final-newline", "nothing follows the last token", Ini, "[a]\nk = v"),
        ("ini-empty", "an empty file has a digest", Ini, ""),
        ("ini-only-comments", "sealed comments without a value", Ini, "; one\n# two\n"),
        ("ini-only-sections", "sections without a value have a digest", Ini, "[a]\n[b]\n"),
        ("yaml-swap", "small lists and maps, from which invalid vectors are made", Yaml, "# why\nname: alice\nlist:\n  - one\n  - two\nnested:\n  key: value # note\n"),
        ("toml-swap", "small tables, from which invalid vectors are made", Toml, "# why\na = 1\n[t]\nb = 2\nc = 3\n"),
    ];
    for (name, about, format, plaintext) in cases {
        Case::new(name, about, format).write(plaintext);
    }
}

fn opaque_cases() {
    let content = |length: usize| -> Vec<u8> { (0..=250_u8).cycle().take(length).collect() };
    for (name, about, length) in [
        ("opaque-0", "no content: only padding", 0),
        ("opaque-1", "one byte", 1),
        ("opaque-65535", "content and padding mark fill one chunk", 65_535),
        ("opaque-65536", "the mark begins a second chunk", 65_536),
        ("opaque-65537", "one byte and the mark in the second chunk", 65_537),
        ("opaque-131071", "two full chunks, and no third", 131_071),
    ] {
        Case::new(name, about, Format::Opaque).write(content(length));
    }
    Case::new("opaque-binary", "bytes that are no text, and look like line ends and headers", Format::Opaque)
        .write(b"\0\xff\xfe\r\n\nsecret/v1 end\n# secret/v1 begin\n");
}

fn header_cases() {
    let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a pattern")).collect();
    Case::new("header-all-fields", "every optional field, with escapes and characters of several bytes", Format::Yaml)
        .with(|header| {
            "secrets/a \"b\" \\ Prüfung\u{202e}.yaml".clone_into(&mut header.path);
            header.revision = 7;
            header.metadata = Metadata {
                owner: Some("payments\tteam".to_owned()),
                purpose: Some("🔑 of \"everything\"\u{7f}\u{2028}\u{feff}\n".to_owned()),
                rotate_every: Some("90d".to_owned()),
                rotation_due: Some(date(2027, 1, 31)),
                tags: BTreeMap::from([("a b.c", "x"), ("plain", ""), ("Prüfung", "ü")].map(|(name, tag)| (name.to_owned(), tag.to_owned()))),
                values: SaidOfValues::new(),
            };
            header.comments = Comments::Modelines;
            header.cleartext = patterns(&["apiVersion", "metadata.**", "\"a.b\""]);
            header.recipients = BTreeMap::from(["bob smith", "alice", "\"q\"", "Zoë"].map(|name| (name.to_owned(), vec![recipient().to_string()])));
        })
        .write("# vim: ft=yaml\n# sealed\napiVersion: v1\nmetadata:\n  name: clear\n  # between\nspec:\n  key: sealed\na.b: clear\n");
    Case::new("header-all-fields-json", "the same spelling in JSON", Format::Json)
        .with(|header| {
            "secrets/Prüfung\u{202e}.json".clone_into(&mut header.path);
            header.metadata.purpose = Some("\"x\" \\ \u{1}\u{7f}".to_owned());
            header.metadata.tags =
                BTreeMap::from([("a b.c".to_owned(), "x".to_owned()), ("x\"y".to_owned(), "z".to_owned())]);
            header.recipients.insert("bob smith".to_owned(), vec![recipient().to_string(), recipient().to_string()]);
            header.cleartext = patterns(&["users[*].id", "**.kind"]);
        })
        .write("{\"users\": [{\"id\": 1, \"kind\": \"x\", \"key\": \"y\"}], \"kind\": \"z\"}\n");
    Case::new("clear-comments", "comments stay as they are and are not authenticated", Format::Yaml)
        .with(|header| header.comments = Comments::Clear)
        .write("# clear\na: 1 # too\n");
    Case::new("clear-comments-toml", "the same in TOML", Format::Toml)
        .with(|header| header.comments = Comments::Clear)
        .write("# clear\na = 1 # too\n");
    Case::new("clear-modelines", "comments that programs read stay, the others are sealed", Format::Yaml)
        .with(|header| header.comments = Comments::Modelines)
        .write("# yaml-language-server: $schema=x\n# -*- mode: yaml -*-\n# sealed\na: 1\n# vim: sw=2\n");
    Case::new("clear-everything", "every value in clear: there is no token, so there is a digest", Format::Yaml)
        .with(|header| header.cleartext = patterns(&["**"]))
        .write("a: 1\nb: |\n  two\n# why\n");
    for (format, plaintext) in [
        (Format::Dotenv, "A=sealed\nPUBLIC=clear  \nB=sealed\n"),
        (Format::Ini, "[s]\nA = sealed\nPUBLIC = clear\n"),
        (Format::Json, "{\"A\": \"sealed\", \"PUBLIC\": \"clear\", \"B\": 1}\n"),
        (Format::Toml, "A = 'sealed'\nPUBLIC = 'clear'\n"),
        (Format::Yaml, "A: sealed\nPUBLIC: clear\nB:\n  - PUBLIC: |\n      clear\n"),
    ] {
        let name = format!("clear-values-{format}");
        Case::new(&name, "values in clear are events of the next token's frame", format)
            .with(|header| header.cleartext = patterns(&["**.PUBLIC"]))
            .write(plaintext);
    }
}

/// What is said of single values, with everything that has to be escaped.
fn said_of_values() -> SaidOfValues {
    let everything = ValueMetadata {
        owner: Some("payments".to_owned()),
        description: Some("the \"main\" password = { x }\u{202e}\n".to_owned()),
        links: ["https://example.com/a?b=[1], {2}", "\\ \""].map(str::to_owned).to_vec(),
        rotate_every: Some("30d".to_owned()),
        rotation_due: Some(date(2027, 1, 31)),
        generate: Some(KeptRecipe::Clear("password:32,lower,digits,exclude=0O".to_owned())),
    };
    let recipe = ValueMetadata { generate: Some(KeptRecipe::Clear("hex:32".to_owned())), ..ValueMetadata::default() };
    let links = ValueMetadata { links: vec!["runbook".to_owned()], ..ValueMetadata::default() };
    let keys = ["db.password", "\"a = b\".\"c.d\"", "users[0].key", "plain", "gone"];
    let said = [everything, recipe.clone(), links, recipe.clone(), recipe];
    keys.map(str::to_owned).into_iter().zip(said).collect()
}

fn value_cases() {
    let pairs = "the same in JSON";
    Case::new("values-said", "what is said of single values, one of which is gone", Format::Yaml)
        .with(|header| header.metadata.values = said_of_values())
        .write("db:\n  password: x\na = b:\n  c.d: y\nusers:\n  - key: z\nplain: 1\n");
    Case::new("values-said-json", pairs, Format::Json).with(|header| header.metadata.values = said_of_values()).write(
        "{\"db\": {\"password\": \"x\"}, \"a = b\": {\"c.d\": \"y\"}, \"users\": [{\"key\": \"z\"}], \"plain\": 1}\n",
    );
    let mut case = Case::new("values-followed", "what is said goes with its value when a key is renamed", Format::Yaml);
    case.header.metadata.values = said_of_values();
    let first = case.seal(b"db:\n  password: x\nplain: 1\nusers:\n  - key: z\n", None, DAY);
    let plaintext = b"db:\n  secret: x\nusers:\n  - key: new\n  - key: z\n";
    let second = case.seal(plaintext, Some(&first), LATER);
    case.write_file(plaintext, &second);
}

/// Seals a plaintext whose header keeps recipes sealed, one of them for a value that is gone.
fn with_sealed_recipes(case: &mut Case<'_>, plaintext: &[u8]) -> Vec<u8> {
    let plain = case.seal(plaintext, None, DAY);
    let opened = EncryptedFile::parse(&plain).expect("it was just made").open(&case.payload()).expect("with its key");
    let recipes = [
        ("db.password", "password:32,lower,digits,exclude=0O"),
        ("\"a = b\".\"c.d\"", "hex:32"),
        ("users[0].key", "hex:32"),
        ("gone", "words:6"),
    ];
    for (key, recipe) in recipes {
        let sealed = KeptRecipe::Sealed(opened.seal_recipe(key, recipe, DAY));
        case.header.metadata.values.entry(key.to_owned()).or_default().generate = Some(sealed);
    }
    case.header.metadata.values.entry("db.password".to_owned()).or_default().owner = Some("dba".to_owned());
    case.seal(plaintext, Some(&plain), DAY)
}

fn recipe_cases() {
    let yaml = "db:\n  password: x\na = b:\n  c.d: y\nusers:\n  - key: z\n";
    let json = "{\"db\": {\"password\": \"x\"}, \"a = b\": {\"c.d\": \"y\"}, \"users\": [{\"key\": \"z\"}]}\n";
    for (name, about, format, plaintext) in [
        ("recipes-sealed", "recipes that are sealed for their keys, one of which is gone", Format::Yaml, yaml),
        ("recipes-sealed-json", "the same in JSON", Format::Json, json),
    ] {
        let mut case = Case::new(name, about, format);
        let file = with_sealed_recipes(&mut case, plaintext.as_bytes());
        case.write_file(plaintext.as_bytes(), &file);
    }
    let about =
        "sealed recipes under a new data key, at the new keys of their values: each keeps day, generation and id";
    let mut case = Case::new("recipes-followed", about, Format::Yaml);
    let first = with_sealed_recipes(&mut case, yaml.as_bytes());
    case.next_generation();
    case.header.wrapped_key.clear();
    case.header.exposed = vec![Exposure { member: "bob".to_owned(), generation: 1, day: LATER }];
    let plaintext = b"db:\n  secret: x\na = b:\n  c.d: y\nusers:\n  - key: new\n  - key: z\n";
    let second = case.seal(plaintext, Some(&first), LATER);
    case.write_file(plaintext, &second);
}

fn edited_cases() {
    let mut case = Case::new("edited-value", "an edit keeps the other tokens, their days and ids", Format::Yaml);
    let first = case.seal(b"a: 1\nb: 2\nc: 3\n", None, DAY);
    let second = case.seal(b"a: 1\nb: new\nc: 3\nd: 4\n", Some(&first), LATER);
    case.write_file(b"a: 1\nb: new\nc: 3\nd: 4\n", &second);

    let mut case = Case::new(
        "generation-2",
        "a reader left: new data key, link, exposed; values keep day and generation",
        Format::Yaml,
    );
    let first = case.seal(b"a: 1\nb: 2 # x\n", None, DAY);
    case.next_generation();
    case.header.wrapped_key.clear();
    case.header.exposed = vec![
        Exposure { member: "bob".to_owned(), generation: 1, day: LATER },
        Exposure { member: "eve \"x\"".to_owned(), generation: 1, day: LATER },
    ];
    let second = case.seal(b"a: 1\nb: 3 # x\n", Some(&first), LATER);
    case.write_file(b"a: 1\nb: 3 # x\n", &second);

    let mut case =
        Case::new("generation-2-opaque", "the body keeps its day and generation under a new key", Format::Opaque);
    let first = case.seal(b"content", None, DAY);
    case.next_generation();
    case.header.wrapped_key.clear();
    let second = case.seal(b"content", Some(&first), LATER);
    case.write_file(b"content", &second);
}

/// Returns the payload of the file that a case had before its key became another.
fn former_payload(case: &Case<'_>, header: &Header) -> Vec<u8> {
    let mut former = Case::new(case.name, case.about, header.format);
    former.header.recipients.clone_from(&header.recipients);
    former.payload()
}

fn recipient() -> Recipient {
    let text = fs::read_to_string(super::identity_file()).expect("the test key is there");
    let line = text.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("it names its recipient");
    line.parse().expect("it is a recipient")
}

/// Returns a key that is no secret: it follows from the vector's name.
fn test_key(name: &str, label: &str) -> [u8; 32] {
    Sha256::digest(format!("test vector {name}: {label}")).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

const DAY: Date = date(2026, 1, 31);
const LATER: Date = date(2026, 11, 22);
