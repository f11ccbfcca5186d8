//! Tests against other implementations: `age`, `age-keygen` and `ssh-keygen` where they are installed, and the
//! public vectors for age readers (C2SP/CCTV).

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use age::DecryptError;
use age::secrecy::{ExposeSecret, SecretString};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::date;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::age_file::{dearmor, open_with_passphrase};
use super::identities::tests::Answer;
use super::{Identities, Recipient, UnwrapError, generate, wrap};
use crate::env::Env;

/// Runs a program and returns what it prints, or `None` when it is not installed.
#[track_caller]
fn run(program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    let child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        child => child.expect("the program starts"),
    };
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

fn env(home: &Path) -> Env {
    Env::new(home.to_owned(), date(2026, 11, 22), [("HOME".into(), home.into())])
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary folder with a plain name")
}

#[test]
fn age_opens_what_we_wrap_and_we_open_what_age_wraps() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (dir.path().join("ours.txt"), dir.path().join("theirs.txt"));
    let new = generate(date(2026, 11, 22), None).expect("no passphrase");
    fs::write(&ours, new.text.expose_secret()).expect("a file");
    let wrapped = wrap(&[&new.recipient], b"data key").expect("wraps");
    let Some(opened) = run("age", &["-d", "-i", text(&ours)], wrapped.as_bytes()) else { return };
    assert_eq!(opened, b"data key");

    let Some(_) = run("age-keygen", &["-o", text(&theirs)], b"") else { return };
    let nobody = Answer::nobody();
    let identities = Identities::discover(&env(dir.path()), std::slice::from_ref(&theirs), &nobody);
    let recipient = identities.recipients().expect("reads")[0].to_string();
    let armored = run("age", &["-a", "-r", &recipient, "-r", new.recipient.as_str()], b"their key").expect("installed");
    let armored = String::from_utf8(armored).expect("armor is text");
    assert_eq!(*identities.unwrap(&armored).expect("opens"), b"their key");
    assert!(super::canonical(&armored));
    let both: [Recipient; 2] = [recipient.parse().expect("valid"), new.recipient];
    assert!(super::Stanzas::parse(&armored).expect("reads").fit(&[&both[0], &both[1]]));
}

#[test]
fn ssh_keys_open_what_is_wrapped_for_them() {
    for (kind, bits) in [("ed25519", "256"), ("rsa", "2048")] {
        let dir = tempfile::tempdir().expect("a folder");
        let key = dir.path().join(".ssh/id_ed25519");
        fs::create_dir(dir.path().join(".ssh")).expect("a folder");
        let Some(_) = run("ssh-keygen", &["-q", "-t", kind, "-b", bits, "-N", "", "-f", text(&key)], b"") else {
            return;
        };
        let public = fs::read_to_string(key.with_extension("pub")).expect("the public key");
        let recipient: Recipient = public.parse().expect("a public key of ssh-keygen");
        let nobody = Answer::nobody();
        let identities = Identities::discover(&env(dir.path()), &[], &nobody);
        let wrapped = wrap(&[&recipient], b"data key").expect("wraps");
        assert_eq!(*identities.unwrap(&wrapped).expect("opens"), b"data key");
        assert_eq!(identities.recipients().expect("reads"), [&recipient]);

        let Some(opened) = run("age", &["-d", "-i", text(&key)], wrapped.as_bytes()) else { return };
        assert_eq!(opened, b"data key");
        let armored = run("age", &["-a", "-r", public.trim()], b"their key").expect("installed");
        assert_eq!(*identities.unwrap(str::from_utf8(&armored).expect("armor")).expect("opens"), b"their key");
    }
}

#[test]
fn the_passphrase_of_an_ssh_key_is_asked_only_when_a_stanza_names_the_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let key = dir.path().join("key");
    let Some(_) = run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "horse", "-f", text(&key)], b"") else { return };
    let recipient: Recipient = fs::read_to_string(key.with_extension("pub")).expect("a file").parse().expect("valid");
    let stranger: Recipient = super::recipient::tests::ED25519.parse().expect("valid");
    let answer = Answer::new("horse");
    let identities = Identities::discover(&env(dir.path()), std::slice::from_ref(&key), &answer);

    assert_eq!(identities.recipients().expect("the public part is in clear"), [&recipient]);
    let error = identities.unwrap(&wrap(&[&stranger], b"data key").expect("wraps")).expect_err("another key");
    assert!(matches!(error, UnwrapError::NoMatch { tried: 1, .. }));
    assert_eq!(answer.asked(), 0);
    let wrapped = wrap(&[&stranger, &recipient], b"data key").expect("wraps");
    assert_eq!(*identities.unwrap(&wrapped).expect("opens"), b"data key");
    assert_eq!(*identities.unwrap(&wrapped).expect("opens"), b"data key");
    assert_eq!(answer.asked(), 1);

    let wrong = Answer::new("donkey");
    let identities = Identities::discover(&env(dir.path()), &[key], &wrong);
    assert!(matches!(identities.unwrap(&wrapped), Err(UnwrapError::WrongPassphrase { .. })));
}

#[test]
fn the_vectors_for_age_readers_have_their_expected_outcome() {
    let Some(corpus) = crate::document::corpus::suite("age") else { return };
    let mut tried = 0;
    for entry in fs::read_dir(corpus).expect("it is a folder") {
        let path = entry.expect("an entry").path();
        let vector = Vector::read(&fs::read(&path).expect("a vector"));
        if path.file_name().is_some_and(|name| name.to_string_lossy().contains("hybrid")) || vector.is_compressed {
            continue;
        }
        tried += 1;
        assert_eq!(vector.outcome(), vector.expected(), "{}", path.display());
    }
    assert!(tried > 90, "only {tried} vectors");
}

/// A vector: a header of `name: value` lines, an empty line, the age file.
#[derive(Default)]
struct Vector {
    expect: String,
    payload: String,
    identity: String,
    passphrase: Option<String>,
    is_armored: bool,
    is_compressed: bool,
    file: Vec<u8>,
}

impl Vector {
    fn read(bytes: &[u8]) -> Self {
        let mut vector = Self::default();
        let end = bytes.windows(2).position(|pair| pair == b"\n\n").expect("an empty line");
        for line in str::from_utf8(&bytes[..end]).expect("a header is text").lines() {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            match name {
                "expect" => value.clone_into(&mut vector.expect),
                "payload" => value.clone_into(&mut vector.payload),
                "identity" => vector.identity.extend([value, "\n"]),
                "passphrase" => vector.passphrase = Some(value.to_owned()),
                "armored" => vector.is_armored = true,
                "compressed" => vector.is_compressed = true,
                _ => {}
            }
        }
        vector.file = bytes[end + 2..].to_vec();
        vector
    }

    /// What the vector wants, in our words.
    fn expected(&self) -> String {
        match self.expect.as_str() {
            "success" => format!("success {}", self.payload),
            "no match" => "no match".to_owned(),
            "HMAC failure" | "payload failure" => "not authentic".to_owned(),
            _ => "malformed".to_owned(),
        }
    }

    fn outcome(&self) -> String {
        let opened =
            self.passphrase.as_ref().map_or_else(|| self.open_with_identity(), |secret| self.open_with(secret));
        match opened {
            Ok(payload) => {
                format!("success {:x}", Sha256::digest(&*payload))
            }
            Err(class) => class.to_owned(),
        }
    }

    fn open_with(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let binary = if self.is_armored { dearmor(&self.file) } else { Ok(self.file.clone()) };
        let binary = binary.map_err(|_| "malformed")?;
        open_with_passphrase(&binary, SecretString::from(passphrase)).map_err(|error| match error {
            DecryptError::DecryptionFailed | DecryptError::NoMatchingKeys => "no match",
            DecryptError::InvalidMac => "not authentic",
            _ => "malformed",
        })
    }

    fn open_with_identity(&self) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let armored = if self.is_armored { self.file.clone() } else { armored(&self.file).into_bytes() };
        let armored = String::from_utf8(armored).map_err(|_| "malformed")?;
        let identity = if self.identity.is_empty() { generate_text() } else { self.identity.clone() };
        let variables = [("SECRET_IDENTITY".into(), identity.into())];
        let env = Env::new("/nonexistent".into(), date(2026, 11, 22), variables);
        let nobody = Answer::nobody();
        Identities::discover(&env, &[], &nobody).unwrap(&armored).map_err(|error| match error {
            UnwrapError::NotAuthentic => "not authentic",
            UnwrapError::NoMatch { .. } => "no match",
            UnwrapError::Malformed(_) => "malformed",
            _ => "another error",
        })
    }
}

fn generate_text() -> String {
    let new = generate(date(2026, 11, 22), None).expect("no passphrase");
    new.text.expose_secret().to_owned()
}

fn armored(binary: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(binary);
    let lines: Vec<_> = encoded.as_bytes().chunks(64).map(|line| str::from_utf8(line).expect("base64")).collect();
    format!("-----BEGIN AGE ENCRYPTED FILE-----\n{}\n-----END AGE ENCRYPTED FILE-----\n", lines.join("\n"))
}
