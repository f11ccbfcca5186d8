//! What the cryptography of one file costs, beside the bare unwrapping of its key by age, in this process.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use secret::env::Env;
use secret::envelope::native::EncryptedFile;
use secret::keys::{Identities, Prompt, PromptError};

use super::measure::race;

/// Nobody to ask.
struct Silent;

impl Prompt for Silent {
    fn passphrase(&self, _prompt: &str) -> Result<secrecy::SecretString, PromptError> {
        Err(PromptError::NoTerminal)
    }
}

/// Opens files that are in memory, and unwraps their keys by age alone; returns the time of all files for each.
pub fn race_with_bare_age(rounds: usize, files: &[Vec<u8>], identity: &Path) -> [Result<Duration, String>; 2] {
    let env = Env::new("/".into(), jiff::civil::date(2026, 1, 1), []);
    let identities = Identities::discover(&env, &[identity.to_path_buf()], &Silent);
    let key: age::x25519::Identity = std::fs::read_to_string(identity)
        .expect("the identity is there")
        .lines()
        .find_map(|line| line.parse().ok())
        .expect("a key");
    let wrapped: Vec<String> = files
        .iter()
        .map(|file| EncryptedFile::parse(file).expect("it is encrypted").header().wrapped_key.clone())
        .collect();
    let ours = || {
        let start = Instant::now();
        for file in files {
            let file = EncryptedFile::parse(file).map_err(|error| error.to_string())?;
            let payload = identities.unwrap(&file.header().wrapped_key).map_err(|error| error.to_string())?;
            file.open(&payload).map_err(|error| error.to_string())?;
        }
        Ok(start.elapsed())
    };
    let bare = || {
        let start = Instant::now();
        for wrapped in &wrapped {
            let decryptor = age::Decryptor::new(age::armor::ArmoredReader::new(wrapped.as_bytes()));
            let mut reader = decryptor
                .and_then(|decryptor| decryptor.decrypt(std::iter::once(&key as &dyn age::Identity)))
                .map_err(|error| error.to_string())?;
            reader.read_to_end(&mut Vec::new()).map_err(|error| error.to_string())?;
        }
        Ok(start.elapsed())
    };
    let times = race(rounds, vec![Box::new(ours), Box::new(bare)]);
    times.try_into().expect("two contestants")
}
