//! The public conformance suites: every valid document comes back byte for byte, every invalid one is refused.

use std::path::{Path, PathBuf};

use secret::document::Format;
use secret::envelope::native::SealError;

use crate::generate::{File, Sample};
use crate::laws::open;

#[test]
fn every_valid_document_of_the_suites_comes_back_byte_for_byte() {
    let Some(folder) = folder() else { return };
    let mut counts = Vec::new();
    for (format, name) in [(Format::Yaml, "yaml/valid"), (Format::Toml, "toml/valid"), (Format::Json, "json")] {
        let (mut count, mut opaque) = (0, 0);
        for (name, content) in files(&folder.join(name)) {
            let is_valid = format != Format::Json || name.starts_with("y_");
            // A root that is no map, and keys that stand twice, are sealed as a whole.
            let is_whole = format == Format::Json && (!starts_with_brace(&content) || name.contains("duplicated_key"));
            if !is_valid {
                continue;
            }
            let result = round_trip(format, &content);
            assert_eq!(result.is_err(), is_whole, "{name}: {result:?}");
            if is_whole {
                round_trip(Format::Opaque, &content).expect("any bytes can be sealed as a whole");
                opaque += 1;
            }
            count += 1;
        }
        counts.push((format.name(), count, opaque));
    }
    println!("round trips (format, documents, of those as a whole): {counts:?}");
    assert_eq!(counts.iter().map(|(_, count, _)| *count).collect::<Vec<_>>(), [308, 220, 95]);
}

#[test]
fn every_invalid_document_of_the_suites_is_refused() {
    let Some(folder) = folder() else { return };
    let mut counts = Vec::new();
    for (format, name) in [(Format::Yaml, "yaml/invalid"), (Format::Toml, "toml/invalid"), (Format::Json, "json")] {
        let mut count = 0;
        for (name, content) in files(&folder.join(name)) {
            let (is_invalid, is_either) = (format != Format::Json || name.starts_with("n_"), name.starts_with("i_"));
            if is_invalid || is_either {
                let result = round_trip(format, &content);
                assert!(result.is_err() || is_either, "{name}");
                round_trip(Format::Opaque, &content).expect("any bytes can be sealed as a whole");
                count += 1;
            }
        }
        counts.push((format.name(), count));
    }
    println!("refused, or JSON that may be either: {counts:?}");
    assert_eq!(counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [94, 492, 188 + 35]);
}

/// Returns the documents of a format's suite, valid and invalid; none where it is not there.
pub fn documents(format: Format) -> Vec<Vec<u8>> {
    let Some(folder) = folder().map(|folder| folder.join(format.name())).filter(|folder| folder.is_dir()) else {
        return Vec::new();
    };
    files(&folder).into_iter().map(|(_, content)| content).collect()
}

fn round_trip(format: Format, content: &[u8]) -> Result<(), SealError> {
    let sample = Sample::of(format, "");
    let file = File::new(&sample);
    let sealed = file.seal(content, None, 1)?;
    assert!(open(&file, &sealed).plaintext.as_slice() == content);
    Ok(())
}

fn starts_with_brace(content: &[u8]) -> bool {
    content.trim_ascii_start().starts_with(b"{")
}

fn folder() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
    let folder = PathBuf::from(std::env::var_os("SECRET_CORPUS").unwrap_or_else(|| default.into()));
    if !folder.is_dir() {
        println!("skipped: the conformance suites are not there; SECRET_CORPUS names their folder");
        return None;
    }
    Some(folder)
}

/// Returns the documents below a folder, with their names.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if [".json", ".toml", ".yaml"].iter().any(|extension| name.ends_with(extension)) {
            files.push((name, std::fs::read(&path).expect("it can be read")));
        }
    }
    files.sort();
    files
}
