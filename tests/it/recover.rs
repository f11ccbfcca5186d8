//! docs/recover.py, the second reader, restores what the program encrypts: nobody is locked in.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::vectors::{self, Vector};
use crate::world::World;

#[test]
fn the_script_restores_freshly_encrypted_files_of_every_format() {
    if !is_python_ready() || !is_age_ready() {
        return;
    }
    let files: [(&str, &[u8]); 7] = [
        ("secrets/a.yaml", "\u{feff}# why\r\na: 1 # é\r\nb: |\r\n  x\r\n  y\r\nc: [p, \"q\"]".as_bytes()),
        ("secrets/b.json", b"{\"a\": 1, \"b\": {\"c\": \"x\\u00e9\"}, \"n\": null}"),
        ("secrets/c.toml", b"a = 1\n# why\n[b]\nc = \"\"\"x\ny\"\"\"\n"),
        ("secrets/d.env", b"export A=1 #c\nB = x  \n"),
        ("secrets/e.ini", b"[s]\r\n; no\r\nk = v"),
        ("secrets/f.bin", b"\0\xff\r\n"),
        ("secrets/g.yaml", b""),
    ];
    let world = World::new();
    for (path, plaintext) in files {
        world.write(path, plaintext);
        world.secret(["encrypt", path]).success();
        assert_ne!(world.read_bytes(path), plaintext, "{path}");
    }

    let identity = world.home().join(".config/secret/identities.txt");
    for (path, plaintext) in files {
        let restored = restore_with_age(&world.path(path), &identity, &world.home());
        assert_eq!(restored, plaintext, "{path}");
    }
}

#[test]
fn the_script_restores_every_valid_vector() {
    if !is_python_ready() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let vectors = vectors_of(&["opens"]);
    let payloads: Vec<PathBuf> = if is_age_ready() {
        let files: Vec<Vec<PathBuf>> = vectors.iter().map(|vector| vec![vector.folder.join("encrypted")]).collect();
        let wrapped = recover_batch(&files).into_iter().map(|wrapped| wrapped.expect("it has a wrapped key"));
        wrapped
            .enumerate()
            .map(|(index, wrapped)| unwrap_with_age(&wrapped, &vectors::identity_file(), folder.path(), index))
            .collect()
    } else {
        vectors.iter().enumerate().map(|(index, vector)| write_payload(vector, folder.path(), index)).collect()
    };

    let pairs = vectors.iter().zip(payloads).map(|(vector, payload)| vec![vector.folder.join("encrypted"), payload]);
    let restored = recover_batch(&pairs.collect::<Vec<_>>());

    for (vector, restored) in vectors.iter().zip(restored) {
        assert!(restored == Ok(vector.plaintext()), "{}: {restored:?}", vector.name);
    }
}

#[test]
fn the_script_refuses_what_it_can_tell() {
    if !is_python_ready() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let vectors =
        vectors_of(&["body", "digest", "mac", "newer version", "not encrypted", "payload", "tokens without header"]);
    let by_structure = [
        "invalid/digest-null-added",
        "invalid/digest-null-respelled",
        "invalid/digest-flipped",
        "invalid/table-removed",
        "invalid/only-comments-removed",
    ];
    let arguments = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| vec![vector.folder.join("encrypted"), write_payload(vector, folder.path(), index)]);
    let outcomes = recover_batch(&arguments.collect::<Vec<_>>());
    for (vector, outcome) in vectors.iter().zip(outcomes) {
        // The script has no parser, so it cannot compute the digest of a document.
        assert_eq!(outcome.is_ok(), by_structure.contains(&vector.name.as_str()), "{}: {outcome:?}", vector.name);
    }
}

#[test]
fn a_refusal_writes_one_line_and_no_plaintext() {
    if !is_python_ready() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, message) in [
        ("invalid/mac-flipped", "recover.py: the header's MAC is wrong: the header was changed\n"),
        ("invalid/path-changed", "recover.py: the header's MAC is wrong: the header was changed\n"),
        ("invalid/payload-of-another-file", "recover.py: the payload belongs to another file\n"),
        ("invalid/token-twice", "recover.py: two tokens have the same id\n"),
        ("invalid/not-encrypted", "recover.py: this is no file that secret encrypted\n"),
    ] {
        let vector = vector(name);
        let output = recover([vector.folder.join("encrypted"), write_payload(&vector, folder.path(), 0)]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout, stderr), (Some(1), Vec::new(), message.to_owned()), "{name}");
    }
}

#[test]
fn the_script_lists_values_with_their_lines() {
    if !is_python_ready() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let vector = vector("valid/yaml-swap");
    let file = vector.folder.join("encrypted");

    let payload = write_payload(&vector, folder.path(), 0);
    let listed = succeeded(&recover([OsStr::new("--values"), file.as_os_str(), payload.as_os_str()]));

    let text = String::from_utf8(vector.encrypted()).expect("it is text");
    let first = text.lines().position(|line| line.starts_with("name: ")).expect("the key is in clear") + 1;
    let expected: Vec<String> = [(0, "alice"), (2, "one"), (3, "two"), (5, "value")]
        .map(|(line, value)| format!("{}\t{value}\n", first + line))
        .into();
    assert_eq!(String::from_utf8(listed).expect("it is text"), expected.concat());
}

/// Goes the way of the manual: wrapped key out, `age -d`, plaintext out.
fn restore_with_age(file: &Path, identity: &Path, folder: &Path) -> Vec<u8> {
    let payload = unwrap_with_age(&succeeded(&recover([file])), identity, folder, 0);
    succeeded(&recover([file, &payload]))
}

fn unwrap_with_age(wrapped: &[u8], identity: &Path, folder: &Path, number: usize) -> PathBuf {
    let file = folder.join(format!("{number}.age"));
    fs::write(&file, wrapped).expect("a written file");
    let payload = folder.join(number.to_string());
    fs::write(
        &payload,
        succeeded(&Command::new("age").args(["-d", "-i"]).args([identity, &file]).output().expect("age runs")),
    )
    .expect("a written file");
    payload
}

/// Runs the script with each list of arguments, in one process because starting Python takes most of the time.
fn recover_batch(arguments: &[Vec<PathBuf>]) -> Vec<Result<Vec<u8>, String>> {
    let lists: Vec<Vec<String>> =
        arguments.iter().map(|list| list.iter().map(|path| path.display().to_string()).collect()).collect();
    let lists = serde_json::to_string(&lists).expect("texts are JSON");
    let mut command = Command::new("python3");
    command.args(["-B", "-c", BATCH, concat!(env!("CARGO_MANIFEST_DIR"), "/docs"), &lists]);
    let output = succeeded(&command.output().expect("python3 runs"));
    let lines: Vec<Result<String, String>> = serde_json::from_slice(&output).expect("the batch writes JSON");
    let unhex = |line: Result<String, String>| line.map(|line| vectors::unhex(&line));
    lines.into_iter().map(unhex).collect()
}

const BATCH: &str = r#"
import json, sys
sys.path.insert(0, sys.argv[1])
import recover
def outcome(arguments):
    try:
        return {"Ok": recover.main(arguments).hex()}
    except (SystemExit, *recover.EXPECTED) as error:
        return {"Err": str(error)}
print(json.dumps([outcome(arguments) for arguments in json.loads(sys.argv[2])]))
"#;

fn recover<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/recover.py");
    Command::new("python3").args(["-B", script]).args(arguments).output().expect("python3 runs")
}

#[track_caller]
fn succeeded(output: &Output) -> Vec<u8> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.clone()
}

fn write_payload(vector: &Vector, folder: &Path, number: usize) -> PathBuf {
    let payload = folder.join(number.to_string());
    fs::write(&payload, &vector.payload).expect("a written file");
    payload
}

fn vector(name: &str) -> Vector {
    vectors::all().into_iter().find(|vector| vector.name == name).expect("there is such a vector")
}

fn vectors_of(classes: &[&str]) -> Vec<Vector> {
    let mut vectors = vectors::all();
    vectors.retain(|vector| classes.contains(&vector.outcome.as_str()));
    vectors
}

fn is_python_ready() -> bool {
    is_ready("python3", &["-c", "import cryptography, tomllib"], "python3 with the package cryptography")
}

fn is_age_ready() -> bool {
    is_ready("age", &["--version"], "age")
}

/// Tells whether a program is there; on a machine that builds releases it must be.
#[expect(clippy::print_stderr, reason = "who runs the tests must see what did not run")]
fn is_ready(program: &str, arguments: &[&str], name: &str) -> bool {
    let is_ready = Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
    assert!(is_ready || std::env::var_os("CI").is_none(), "{name} is missing");
    if !is_ready {
        eprintln!("skipped: {name} is missing");
    }
    is_ready
}
