//! `secret export`: what it writes is read back by programs that share no code with it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::world::{DB, World};

/// Values that somebody could hope to do something with, and those that formats are known to lose.
const HOSTILE: [&str; 58] = [
    "",
    " ",
    " x ",
    "$(touch pwned)",
    "`touch pwned`",
    "${PATH}",
    "$PATH",
    "'; touch pwned; '",
    "\"; touch pwned; \"",
    "it's",
    "'",
    "''",
    "\"",
    "'\"'\"'",
    "\\",
    "a\\",
    "\\\\",
    "\\'",
    "\\n",
    "a\nb",
    "a\n\n",
    "\n",
    "\r",
    "a\r\nb",
    "\t",
    "-n",
    "-rf",
    "--help",
    "#",
    "a #b",
    "#b",
    "!",
    "!!",
    "\u{1b}[31mred\u{1b}]0;x\u{7}",
    "\u{1}\u{7f}",
    "\u{85}",
    "a\u{2028}b\u{2029}c",
    "\u{feff}",
    "\u{feff}x\u{feff}",
    "é 日本 🙂",
    "\u{fffe}\u{ffff}",
    "no",
    "Yes",
    "on",
    "null",
    "~",
    "true",
    "1e3",
    "0x10",
    "0o17",
    "010",
    "1_000",
    "12:30:45",
    "2001-01-01",
    "=",
    "<<",
    "*a",
    "a: b",
];

/// Which readers are asked about a format.
const READERS: [(&str, &[&str]); 6] = [
    ("dotenv", &["node", "python-dotenv", "sh dotenv", "bash dotenv"]),
    ("json", &["json"]),
    ("k8s", &["kubernetes"]),
    ("shell", &["sh", "sh eval", "bash", "bash eval"]),
    ("toml", &["tomllib"]),
    ("yaml", &["yaml 1.1", "yaml 1.2"]),
];

#[test]
fn hostile_values_come_back_from_every_format() {
    let Some(answers) = Answers::of(&[HOSTILE.iter().map(|value| (*value).to_owned()).collect()]) else { return };
    answers.check();
    // Where python and a shell do not agree, nothing is written; all others are.
    let refused = ["${PATH}", "'\"'\"'", "\\", "a\\", "\\\\", "\\'", "\r", "a\r\nb"];
    assert_eq!(answers.refused("dotenv"), refused.len());
}

#[test]
fn arbitrary_values_come_back_from_every_format() {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let piece = prop_oneof![
        4 => "\\PC{0,8}",
        2 => "[\\\\'\"`$!#{}()\\[\\]&*<>=:;,~%@|?^ -]{1,6}",
        2 => any::<char>().prop_filter("a variable cannot hold it", |c| *c != '\0').prop_map(String::from),
        1 => "[ \t\r\n]{1,3}",
        1 => "[0-9._:eExo+-]{1,8}",
    ];
    let value = prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat());
    let documents = prop::collection::vec(prop::collection::vec(value, 100), 3);
    let documents = documents.new_tree(&mut runner).expect("values").current();
    let Some(answers) = Answers::of(&documents) else { return };
    answers.check();
    println!(
        "{} values came back from {} formats, {} were refused as dotenv",
        300,
        READERS.len(),
        answers.refused("dotenv")
    );
}

#[test]
fn types_and_nesting_come_back_from_documents() {
    const TEXT: &str = "int: 0x1F\nneg: -08\nbig: 9223372036854775807\nfloat: [1e3, .5, 5., -1.5E-3, 1.10]\n\
                        bool: [True, false]\nmap: {\"no\": {x: 1}, \"a b\": {}, \"\": [], \"<<\": y, \"1\": z}\nlist: [[1], [{a: b}]]\n\
                        base: &b {k: v}\nmerged: {<<: *b, l: w}\ntext: |\n  two\n  lines\n";
    let world = World::new().with_file("secrets/a.yaml", TEXT);
    let expected = json!({
        "int": 31, "neg": -8, "big": i64::MAX, "float": [1000.0, 0.5, 5.0, -0.0015, 1.1], "bool": [true, false],
        "map": {"no": {"x": 1}, "a b": {}, "": [], "<<": "y", "1": "z"}, "list": [[1], [{"a": "b"}]],
        "base": {"k": "v"}, "merged": {"k": "v", "l": "w"}, "text": "two\nlines\n",
    });
    for (format, readers) in READERS.iter().filter(|(format, _)| ["json", "toml", "yaml"].contains(format)) {
        let text = world.secret(["export", "secrets/a.yaml", "--format", format]).success().stdout;
        for reader in *readers {
            let Some(answer) = ask(&[(reader, &text)]) else { return };
            assert_eq!(numbers(answer[0].clone()), numbers(expected.clone()), "{reader}\n{text}");
        }
    }
}

#[test]
fn what_only_some_formats_have_comes_back_from_those() {
    let key = "k".repeat(2000);
    let yaml = format!("none: ~\ninf: [.inf, -.INF, .nan]\n7: x\ntrue: y\n? \"{key}\"\n: {{z: w}}\n");
    let world = World::new()
        .with_file("secrets/a.yaml", &yaml)
        .with_file("secrets/t.toml", "day = 2026-01-01\nat = 2026-01-01t10:20z\ntime = 07:32\n");
    let export = |file: &str, format: &str| world.secret(["export", file, "--format", format]).success().stdout;
    let (yaml, toml) = (export("secrets/a.yaml", "yaml"), export("secrets/t.toml", "toml"));
    let Some(answers) = ask(&[("yaml 1.1", &yaml), ("yaml 1.2", &yaml), ("tomllib", &toml)]) else { return };
    for answer in &answers[..2] {
        let expected = json!({"none": null, "inf": ["float inf", "float -inf", "float nan"], "int 7": "x", "bool True": "y", key.as_str(): {"z": "w"}});
        assert_eq!(*answer, expected);
    }
    let expected =
        json!({"day": "date 2026-01-01", "at": "datetime 2026-01-01 10:20:00+00:00", "time": "time 07:32:00"});
    assert_eq!(answers[2], expected);
}

#[test]
fn the_formats_look_like_this() {
    let world = World::with_db().with_file("secrets/app.env", "TOKEN='a b'\n");
    for (arguments, expected) in [
        (&["--format", "dotenv"][..], "DB_USER=admin\nDB_PASSWORD=canary-hunter2\nDB_PORT=5432\nTOKEN='a b'\n"),
        (
            &["--format", "shell", "--except", "db.port", "--prefix", "X_"],
            "export X_DB_USER='admin'\nexport X_DB_PASSWORD='canary-hunter2'\nexport X_TOKEN='a b'\n",
        ),
        (
            &["--format", "json"],
            "{\n  \"db\": {\n    \"user\": \"admin\",\n    \"password\": \"canary-hunter2\",\n    \"port\": 5432\n  },\n  \"TOKEN\": \"a b\"\n}\n",
        ),
        (
            &["--format", "toml"],
            "TOKEN = \"a b\"\n\n[db]\nuser = \"admin\"\npassword = \"canary-hunter2\"\nport = 5432\n",
        ),
        (
            &["--format", "yaml"],
            "db:\n  user: \"admin\"\n  password: \"canary-hunter2\"\n  port: 5432\nTOKEN: \"a b\"\n",
        ),
        (
            &["--format", "k8s", "--name", "app.v1", "--namespace", "prod", "--only", "TOKEN"],
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: \"app.v1\"\n  namespace: \"prod\"\ntype: Opaque\ndata:\n  \"TOKEN\": \"YSBi\"\n",
        ),
    ] {
        let outcome = world.secret([&["export", "secrets/db.yaml", "secrets/app.env"], arguments].concat()).success();
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), (expected, ""));
    }
}

#[test]
fn nothing_is_exported_before_all_is_authentic() {
    let world = World::with_db().with_file("secrets/app.env", "TOKEN=canary\nOTHER=x\n");
    world.tamper("secrets/app.env", "OTHER=", "ANOTHER=");
    let outcome = world.secret(["export", "secrets/db.yaml", "secrets/app.env", "--format", "json"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "{outcome:#?}");
    world.write("secrets/app.env", "TOKEN=canary\n");
    world.refuses(
        ["export", "secrets/db.yaml", "secrets/app.env", "--format", "json"],
        1,
        "error: secrets/app.env is not encrypted\nhint: encrypt it with `secret encrypt secrets/app.env`",
    );
}

#[test]
fn a_file_at_another_path_is_exported_only_when_that_is_asked_for() {
    let world = World::with_db();
    std::fs::copy(world.path("secrets/db.yaml"), world.path("secrets/prod.yaml")).expect("a copy");
    let outcome = world.secret(["export", "secrets/prod.yaml", "--format", "json"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (5, ""), "{outcome:#?}");
    world.secret(["export", "secrets/prod.yaml", "--format", "json", "--at-any-path"]).success();
}

#[test]
fn an_output_file_is_private_and_never_takes_the_place_of_an_encrypted_one_or_a_link() {
    let world = World::with_db();
    let export = |output: &str| ["export", "secrets/db.yaml", "-F", "json", "-o", output].map(str::to_owned);
    assert_eq!(world.secret(export("out.json")).success().stdout, "");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&world.path("out.json").metadata().expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(world.read("out.json").contains("canary-hunter2"));
    world.refuses(
        export("secrets/db.yaml"),
        1,
        "error: [WORLD]/repo/secrets/db.yaml is an encrypted file; it is not overwritten\n\
         hint: write elsewhere, or decrypt it with --in-place",
    );
    std::os::unix::fs::symlink(world.home().join("target"), world.path("link")).expect("a link");
    let outcome = world.secret(export("link"));
    assert_eq!(outcome.code, 1, "{outcome:#?}");
    assert!(!world.home().join("target").exists());
}

#[test]
fn options_that_make_no_sense_together_are_refused() {
    let world = World::with_db();
    for (arguments, said) in [
        (
            &["json", "--only", "db"][..],
            "error: --only, --except, --prefix and --allow are for formats of names and values\n\
             hint: `secret get FILE KEY --json` prints a part of a document",
        ),
        (&["shell", "--name", "x"], "error: --name and --namespace are for --format k8s"),
        (&["shell", "--prefix", "1"], "error: --prefix 1: no name can begin with that"),
        (
            &["k8s", "--name", "My_App"],
            "error: \"My_App\" is no name that Kubernetes takes\nhint: names have small letters, digits and `-` inside",
        ),
    ] {
        world.refuses([&["export", "secrets/db.yaml", "--format"], arguments].concat(), 2, said);
    }
    assert_eq!(world.secret(["export", "secrets/db.yaml", "--format", "k8s"]).code, 2);
}

#[test]
fn what_a_format_cannot_hold_is_named_by_its_key_and_never_shown() {
    let world = World::new()
        .with_file("secrets/a.yaml", "a:\n  none: ~\n  nul: \"canary\\0\"\n  mixed: \"canary'\\\"\"\n  uid: canary\n")
        .with_file("secrets/b.bin", "canary")
        .with_file("secrets/uid.env", "UID=canary\n");
    for (arguments, said) in [
        (
            &["secrets/a.yaml", "-F", "toml"][..],
            "error: a.none of secrets/a.yaml: TOML cannot hold null\nhint: use another --format",
        ),
        (
            &["secrets/a.yaml", "-F", "shell"],
            "error: a.none of secrets/a.yaml is null, and no variable can say so\nhint: leave it out with --except KEY",
        ),
        (
            &["secrets/a.yaml", "-F", "shell", "--except", "a.none"],
            "error: a.nul of secrets/a.yaml has a NUL character, which no variable can hold\n\
             hint: leave it out with --except KEY",
        ),
        (
            &["secrets/a.yaml", "-F", "dotenv", "--only", "a.mixed"],
            "error: a.mixed of secrets/a.yaml: dotenv cannot hold a value that its readers take for different ones\n\
             hint: use `secret exec`, or another --format: shell holds every text",
        ),
        (
            &["secrets/uid.env", "-F", "shell"],
            "error: UID of secrets/uid.env: shell cannot hold a variable that shells keep for themselves\n\
             hint: use another --format",
        ),
        (
            &["secrets/b.bin", "-F", "json"],
            "error: secrets/b.bin has no keys: it was encrypted as a whole\n\
             hint: read all of it with `secret decrypt secrets/b.bin`",
        ),
    ] {
        world.refuses([&["export"], arguments].concat(), 1, said);
    }
}

#[test]
fn control_characters_do_not_reach_a_terminal() {
    let world = World::new().with_file("secrets/a.env", "A='\u{1b}]0;x\u{7}'\n");
    let (code, screen) = world.at_terminal(&["export", "secrets/a.env", "-F", "shell"], &[], &[]);
    assert_eq!((code, screen.as_str()), (0, "export A='\\u{1b}]0;x\\u{7}'\n"));
    assert!(world.secret(["export", "secrets/a.env", "-F", "shell"]).success().stdout.contains('\u{1b}'));
}

#[test]
fn documents_hold_what_the_program_was_given() {
    // Another reader in this language; it reads the YAML of those who deploy.
    let world = World::new().with_file("secrets/db.yaml", DB);
    let yaml = world.secret(["export", "secrets/db.yaml", "-F", "yaml"]).success().stdout;
    let read: Value = serde_yaml::from_str(&yaml).expect("it is YAML");
    assert_eq!(read, json!({"db": {"user": "admin", "password": "canary-hunter2", "port": 5432}}));
}

/// What readers made of documents that the program exported.
struct Answers {
    documents: Vec<Vec<String>>,
    found: Vec<Answer>,
}

struct Answer {
    document: usize,
    format: &'static str,
    reader: &'static str,
    /// What was exported, by index: a format may have refused others.
    indexes: Vec<usize>,
    reading: Value,
}

impl Answers {
    /// Encrypts documents that have these values, exports them in every format and asks every reader.
    fn of(documents: &[Vec<String>]) -> Option<Self> {
        let (mut questions, mut found) = (Vec::new(), Vec::new());
        for (document, values) in documents.iter().enumerate() {
            let entries: serde_json::Map<String, Value> =
                values.iter().enumerate().map(|(index, value)| (name(index), json!(value))).collect();
            let world = World::new().with_file("secrets/v.json", &Value::Object(entries).to_string());
            for (format, readers) in READERS {
                let mut arguments = vec!["export", "secrets/v.json", "--format", format];
                arguments.extend(if format == "k8s" { &["--name", "x"][..] } else { &[] });
                let mut indexes: Vec<usize> = (0..values.len()).collect();
                let mut excepted: Vec<String> = Vec::new();
                let text = loop {
                    let more = excepted.iter().flat_map(|name| ["--except", name]);
                    let outcome = world.secret(arguments.iter().copied().chain(more));
                    if outcome.code == 0 {
                        break outcome.stdout;
                    }
                    // Only dotenv may refuse a text, and says which.
                    assert_eq!(format, "dotenv", "{outcome:#?}");
                    let refused = outcome.stderr.split(' ').nth(1).expect("a key").to_owned();
                    indexes.retain(|index| name(*index) != refused);
                    assert!(!excepted.contains(&refused), "{outcome:#?}");
                    excepted.push(refused);
                };
                for reader in readers {
                    questions.push((*reader, text.clone()));
                    let indexes = indexes.clone();
                    found.push(Answer { document, format, reader, indexes, reading: Value::Null });
                }
            }
        }
        let questions: Vec<(&str, &str)> = questions.iter().map(|(reader, text)| (*reader, text.as_str())).collect();
        for (answer, found) in ask(&questions)?.into_iter().zip(&mut found) {
            found.reading = answer;
        }
        Some(Self { documents: documents.to_vec(), found })
    }

    /// Demands that every value came back as it was.
    #[track_caller]
    fn check(&self) {
        for Answer { document, reader, indexes, reading: answer, .. } in &self.found {
            if answer.get("skipped").is_some() {
                eprintln!("skipped: {reader} is missing, or too old");
                continue;
            }
            let values = answer.get("data").unwrap_or(answer);
            let count = values.as_object().map(serde_json::Map::len);
            assert_eq!(count, Some(indexes.len()), "{reader}: {answer:.300}");
            for index in indexes {
                let expected = &self.documents[*document][*index];
                assert_eq!(values[name(*index)].as_str(), Some(expected.as_str()), "{reader}");
            }
        }
    }

    /// Returns how many values a format refused.
    fn refused(&self, format: &str) -> usize {
        let mut first = self.found.iter().filter(|answer| answer.format == format).collect::<Vec<_>>();
        first.dedup_by_key(|answer| answer.document);
        first.iter().map(|answer| self.documents[answer.document].len() - answer.indexes.len()).sum()
    }
}

fn name(index: usize) -> String {
    format!("K{index}")
}

/// Returns all numbers as floats, as far as they are the same number.
fn numbers(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(numbers).collect(),
        Value::Object(members) => members.into_iter().map(|(key, value)| (key, numbers(value))).collect(),
        other => other,
    }
}

/// Asks readers for what they make of texts; `None` where they are not installed.
fn ask(questions: &[(&str, &str)]) -> Option<Vec<Value>> {
    let has = Command::new("python3").args(["-c", "import dotenv, ruamel.yaml, tomllib, yaml"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "python3 with PyYAML, ruamel.yaml and python-dotenv is missing");
        eprintln!("skipped: python3 with PyYAML, ruamel.yaml and python-dotenv is missing");
        return None;
    }
    let mut child = Command::new("python3")
        .args(["-c", include_str!("readers.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 starts");
    let question = json!(questions).to_string();
    child.stdin.take().expect("it is piped").write_all(question.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).expect("it writes JSON"))
}
