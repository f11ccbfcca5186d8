//! The vectors in fixtures/vectors: files with their expected outcome, for this and any other implementation.
//!
//! fixtures/vectors/README.md describes them. When the format legitimately changes, `UPDATE_VECTORS=1` makes them again.

mod make;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secret::crypto::{self, AssociatedData, ContinuitySecret, DataKey, Family, FileId, LeafId, Sealed};
use secret::envelope::native::{CarrierError, EncryptedFile, OpenError, ReadError};

/// A file with what must become of it.
pub struct Vector {
    /// The folder's name, with `valid/` or `invalid/`.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// `opens`, or the class of the error.
    pub outcome: String,
    /// The plaintext of the age file.
    pub payload: Vec<u8>,
}

#[test]
fn every_vector_has_its_outcome() {
    if std::env::var_os(make::UPDATE).is_some() {
        make::all();
    }
    let vectors = all();
    let mut wrong = String::new();
    for vector in &vectors {
        let expected = match vector.outcome.as_str() {
            "opens" => Ok(vector.plaintext()),
            class => Err(class.to_owned()),
        };
        let outcome = outcome(&vector.encrypted(), &vector.payload);
        if outcome != expected {
            let _ = writeln!(wrong, "{}: {} instead of {}", vector.name, shown(&outcome), shown(&expected));
        }
    }
    assert_eq!(wrong, "", "of {} vectors", vectors.len());
    assert!(vectors.iter().filter(|vector| vector.outcome == "opens").count() >= 60, "valid vectors are missing");
    assert!(vectors.iter().filter(|vector| vector.outcome != "opens").count() >= 60, "invalid vectors are missing");
}

#[test]
fn the_primitives_are_those_of_the_specification() {
    let text = fs::read_to_string(vectors_folder().join("primitives.toml")).expect("the vectors are there");
    let table: toml::Table = text.parse().expect("they are TOML");
    let bytes = |name: &str| unhex(table[name].as_str().expect("a text"));
    let array = |name: &str| -> [u8; 32] { bytes(name).try_into().expect("32 bytes") };

    let file_id = ContinuitySecret::from_bytes(&array("continuity_secret")).file_id();
    assert_eq!(file_id.to_string(), table["file_id"].as_str().expect("a text"));
    let keys = DataKey::from_bytes(&array("data_key")).derive(file_id);
    assert_eq!(keys.header_mac(&bytes("mac_input"))[..], bytes("mac"));
    assert_eq!(keys.link(2, &DataKey::from_bytes(&array("next_data_key")))[..], bytes("link"));

    for (length, padded) in table["padded_lengths"].as_table().expect("a table") {
        let length: usize = length.parse().expect("a number");
        assert_eq!(
            i64::try_from(crypto::padded_length(length)),
            Ok(padded.as_integer().expect("a number")),
            "{length}"
        );
    }
    for token in table["tokens"].as_array().expect("tokens") {
        let bytes = |name: &str| unhex(token[name].as_str().expect("a text"));
        let associated_data = AssociatedData::of(&bytes("associated_data"));
        let sealed = Sealed {
            salt: bytes("salt").try_into().expect("24 bytes"),
            ciphertext: bytes("ciphertext_and_tag").as_slice().into(),
            checksum: bytes("checksum").try_into().expect("4 bytes"),
        };
        let family = if token["kind"].as_str() == Some("c") { Family::Comment } else { Family::Leaf };
        assert_eq!(sealed.id(), LeafId(bytes("id").try_into().expect("8 bytes")));
        let text = crypto::open(&keys, family, associated_data, &sealed).expect("the token is authentic");
        assert_eq!(text.as_slice(), token["text"].as_str().expect("a text").as_bytes());
    }
    let body = &table["body"];
    let bytes = |name: &str| unhex(body[name].as_str().expect("a text"));
    let associated_data = AssociatedData::of(&bytes("associated_data"));
    let salt = bytes("salt").try_into().expect("24 bytes");
    let text =
        crypto::open_body(&keys, associated_data, &salt, &bytes("chunks_and_checksum")).expect("it is authentic");
    assert_eq!(text.as_slice(), body["text"].as_str().expect("a text").as_bytes());
    assert_ne!(file_id, FileId([0; 16]));
}

#[test]
fn every_token_is_bound_to_the_events_that_were_written_by_hand() {
    let text = fs::read_to_string(vectors_folder().join("primitives.toml")).expect("the vectors are there");
    let table: toml::Table = text.parse().expect("they are TOML");
    for (name, places) in table["places"].as_table().expect("a table") {
        let file =
            fs::read_to_string(vectors_folder().join("valid").join(name).join("encrypted")).expect("it is there");
        let places = places.as_table().expect("a table");
        assert_eq!(places.len(), file.matches("secret-v1.").count(), "{name}");
        for (token, place) in places {
            let content = token.rsplit('.').next().expect("a token has parts");
            let content = URL_SAFE_NO_PAD.decode(content).expect("it is base64");
            let (salt, rest) = content.split_at(crypto::SALT_BYTES);
            let (ciphertext, checksum) = rest.split_at(rest.len() - crypto::CHECKSUM_BYTES);
            let sealed = Sealed {
                salt: salt.try_into().expect("24 bytes"),
                ciphertext: ciphertext.into(),
                checksum: checksum.try_into().expect("4 bytes"),
            };
            let place = AssociatedData::of(&unhex(place.as_str().expect("a text")));
            assert!(file.contains(token.as_str()) && sealed.is_intact(place), "{name}: {token}");
        }
    }
}

#[test]
fn no_byte_of_a_header_can_be_changed() {
    for name in ["header-all-fields", "header-all-fields-json", "ini-bom", "yaml-crlf"] {
        let vector = all().into_iter().find(|vector| vector.name == format!("valid/{name}")).expect("it is there");
        let file = vector.encrypted();
        let position =
            |text: &str| file.windows(text.len()).position(|window| window == text.as_bytes()).expect("it has it");
        // Blanks before the brace of a JSON document are no part of the header; of the armor one line is enough.
        let start = usize::from(name.ends_with("json"));
        let armor = position("-----BEGIN AGE") + 60..position("-----END AGE");
        let end = position("mac") + 70;
        for index in (start..end).filter(|index| !armor.contains(index)) {
            let byte = file[index];
            for changed in
                [vec![], vec![byte ^ 1], vec![byte ^ 0x20], vec![byte, byte], vec![b' ', byte], vec![b'+', byte]]
            {
                let changed = [&file[..index], &changed, &file[index + 1..]].concat();
                let is_refused = changed == file || outcome(&changed, &vector.payload).is_err();
                assert!(is_refused, "{name}: byte {index}, {:?}", char::from(byte));
            }
        }
    }
}

impl Vector {
    pub fn encrypted(&self) -> Vec<u8> {
        fs::read(self.folder.join("encrypted")).expect("the vector has a file")
    }

    pub fn plaintext(&self) -> Vec<u8> {
        fs::read(self.folder.join("plaintext")).expect("the vector has a plaintext")
    }
}

/// Reads all vectors, in the order of their names.
pub fn all() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for group in ["valid", "invalid"] {
        let folders = fs::read_dir(vectors_folder().join(group)).expect("the vectors are there");
        for folder in folders {
            let folder = folder.expect("it can be listed").path();
            let name = format!("{group}/{}", folder.file_name().expect("it has a name").display());
            let text = fs::read_to_string(folder.join("vector.toml")).unwrap_or_else(|error| panic!("{name}: {error}"));
            let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
            let field = |field: &str| table[field].as_str().unwrap_or_else(|| panic!("{name}: {field}")).to_owned();
            assert_ne!(field("about"), "", "{name}");
            vectors.push(Vector { outcome: field("outcome"), payload: unhex(&field("payload")), folder, name });
        }
    }
    vectors.sort_by(|one, other| one.name.cmp(&other.name));
    vectors
}

/// The test key to which all valid vectors are encrypted.
pub fn identity_file() -> PathBuf {
    vectors_folder().join("identity.txt")
}

fn vectors_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/vectors")
}

fn outcome(file: &[u8], payload: &[u8]) -> Result<Vec<u8>, String> {
    let file = EncryptedFile::parse(file).map_err(|error| read_class(&error).to_owned())?;
    let opened = file.open(payload).map_err(|error| open_class(&error).to_owned())?;
    Ok(opened.plaintext.to_vec())
}

fn read_class(error: &ReadError) -> &'static str {
    match error {
        ReadError::Carrier(CarrierError::NewerVersion { .. }) => "newer version",
        ReadError::Carrier(_) | ReadError::WrongCarrier(_) => "carrier",
        ReadError::Conflict { .. } => "conflict",
        ReadError::Header(_) => "header",
        ReadError::NotEncrypted => "not encrypted",
        ReadError::Syntax(_) | ReadError::TooManyPatterns => "syntax",
        ReadError::TokensWithoutHeader { .. } => "tokens without header",
    }
}

fn open_class(error: &OpenError) -> &'static str {
    match error {
        OpenError::Body => "body",
        OpenError::Changed { .. } => "changed",
        OpenError::Digest => "digest",
        OpenError::Forged { .. } => "forged",
        OpenError::HalfEncrypted { .. } => "half-encrypted",
        OpenError::HeaderMac => "mac",
        OpenError::Mismatch(_) => "payload",
        OpenError::Misplaced { .. } => "misplaced",
        OpenError::Recipe { .. } => "recipe",
    }
}

fn shown(outcome: &Result<Vec<u8>, String>) -> String {
    match outcome {
        Ok(plaintext) if plaintext.len() > 500 => format!("{} bytes", plaintext.len()),
        Ok(plaintext) => format!("{:?}", String::from_utf8_lossy(plaintext)),
        Err(class) => format!("`{class}`"),
    }
}

pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "hexadecimal digits come in pairs");
    let byte = |index: usize| u8::from_str_radix(&text[index..index + 2], 16).expect("two hexadecimal digits");
    (0..text.len()).step_by(2).map(byte).collect()
}
