//! The age file around a data key: armor, wrapping, and opening with keys that are at hand.

use std::io::{self, BufRead, Read, Write};
use std::iter;

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, EncryptError, Encryptor, scrypt};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::plugin::{Plugins, Reader, plugin_error};
use super::{PluginError, Recipient};

/// How large an armored wrapped data key may be. It has room for more than a thousand recipients, and keeps the
/// time that age needs for a hostile header (which grows with the square of its length) below a second.
pub const MAX_WRAPPED: usize = 256 << 10;
/// The work factor of scrypt that we write: `age`'s own, about a second and 256 MiB.
pub(super) const WORK_FACTOR: u8 = 18;
/// The highest work factor of scrypt that we read.
pub(super) const MAX_WORK_FACTOR: u8 = 22;

const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const END: &str = "-----END AGE ENCRYPTED FILE-----";
const COLUMNS: usize = 64;

/// A text that is no age file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed age file")]
pub struct Malformed;

/// Why a data key cannot be wrapped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WrapError {
    /// There is nobody to encrypt to.
    #[error("there are no recipients")]
    NoRecipients,
    /// age refuses these recipients together.
    #[error("these recipients cannot be used together")]
    Incompatible,
    /// A plugin that one of the recipients takes cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The result would be larger than [`MAX_WRAPPED`].
    #[error("there are too many recipients")]
    TooManyRecipients,
}

/// Encrypts `payload` to the recipients: a standard age file, armored, in lines that end with a line feed.
///
/// The stanzas stand in the order of the recipients; age's grease stanza follows them.
///
/// # Errors
/// When there are no recipients or too many, or one of them takes a plugin; see [`super::Identities::wrap`].
pub fn wrap(recipients: &[&Recipient], payload: &[u8]) -> Result<String, WrapError> {
    wrap_with(recipients, payload, None)
}

/// Encrypts `payload` to the recipients as [`wrap`] does, with the help of plugins.
pub(super) fn wrap_with(
    recipients: &[&Recipient],
    payload: &[u8],
    plugins: Option<&Plugins<'_>>,
) -> Result<String, WrapError> {
    let armored = wrap_text_with(recipients, payload, plugins)?;
    if armored.len() > MAX_WRAPPED { Err(WrapError::TooManyRecipients) } else { Ok(armored) }
}

/// Encrypts a text of any length to the recipients, as [`wrap_with`] does.
pub(super) fn wrap_text_with(
    recipients: &[&Recipient],
    text: &[u8],
    plugins: Option<&Plugins<'_>>,
) -> Result<String, WrapError> {
    // Nothing is started when one of several plugins cannot be.
    for name in recipients.iter().filter_map(|recipient| recipient.plugin()) {
        plugins.map(|plugins| plugins.program(name)).transpose()?;
    }
    let readers: Vec<Reader<'_>> = recipients.iter().map(|recipient| Reader { recipient, plugins }).collect();
    let encryptor = Encryptor::with_recipients(readers.iter().map(|reader| reader as &dyn age::Recipient));
    let encryptor = encryptor.map_err(|error| match error {
        EncryptError::MissingRecipients => WrapError::NoRecipients,
        EncryptError::Io(error) => plugin_error(error).map_or(WrapError::Incompatible, WrapError::Plugin),
        _ => WrapError::Incompatible,
    })?;
    Ok(armor(&encrypt(encryptor, text)))
}

/// Encrypts `payload` with a passphrase; armored, too.
pub(super) fn wrap_with_passphrase(passphrase: SecretString, payload: &[u8]) -> String {
    let mut recipient = scrypt::Recipient::new(passphrase);
    recipient.set_work_factor(WORK_FACTOR);
    let encryptor = Encryptor::with_recipients(iter::once(&recipient as &dyn age::Recipient))
        .expect("one passphrase alone is a valid set of recipients");
    armor(&encrypt(encryptor, payload))
}

/// Tells whether an armored age file is spelled in the one canonical way, as [`wrap`] does: no blanks around it,
/// lines of 64 columns that end with a line feed, padding and spare bits as RFC 4648 wants them.
pub fn canonical(armored: &str) -> bool {
    unarmor(armored).is_ok_and(|binary| armor(&binary) == armored)
}

/// Returns the bytes of an armored age file, in any spelling that age itself reads.
pub(super) fn unarmor(armored: &str) -> Result<Vec<u8>, Malformed> {
    if armored.len() > MAX_WRAPPED || !armored.trim_ascii_start().starts_with(BEGIN) {
        return Err(Malformed);
    }
    dearmor(armored.as_bytes())
}

/// Returns the bytes of an age file that may be armored or binary, and may be large: the user's own.
pub(super) fn dearmor(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
    let trimmed = bytes.trim_ascii_start();
    // Blanks may stand before armor (C2SP age, "ASCII armor"), which the crate does not know; not before binary.
    let bytes = if trimmed.starts_with(BEGIN.as_bytes()) { trimmed } else { bytes };
    let mut binary = Vec::with_capacity(bytes.len());
    ArmoredReader::new(bytes).read_to_end(&mut binary).map_err(|_| Malformed)?;
    Ok(binary)
}

/// Tells whether a file is (meant to be) an age file.
pub(super) fn is_age_file(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.trim_ascii_start().starts_with(BEGIN.as_bytes())
}

/// Opens a binary age file with the first of the identities that fits.
///
/// # Errors
/// As age gives them, for the caller to name; [`DecryptError::NoMatchingKeys`] is one of them.
pub(super) fn open<'a>(
    binary: &[u8],
    identities: impl Iterator<Item = &'a dyn age::Identity>,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut reader = decryptor(binary)?.decrypt(identities)?;
    // A payload is smaller than its file, so the buffer never moves and leaves no copy behind. What a stream
    // reader finds wrong comes as an I/O error, but can only mean a payload that was cut or changed.
    let mut payload = Zeroizing::new(Vec::with_capacity(binary.len() + 32));
    reader.read_to_end(&mut payload).map_err(|_| DecryptError::DecryptionFailed)?;
    Ok(payload)
}

/// Reads the header of a binary age file.
pub(super) fn decryptor(binary: &[u8]) -> Result<Decryptor<HeaderAtOnce<'_>>, DecryptError> {
    Decryptor::new_buffered(HeaderAtOnce { rest: binary, is_header_taken: false })
}

/// A binary age file that gives its whole header as its first line.
///
/// The crate asks for one line more until the header is complete, and reads all it has from the beginning each time: for
/// thirty readers that would take longer than to open the file.
pub(super) struct HeaderAtOnce<'a> {
    rest: &'a [u8],
    is_header_taken: bool,
}

impl Read for HeaderAtOnce<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.rest.read(buffer)
    }
}

impl BufRead for HeaderAtOnce<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Ok(self.rest)
    }

    fn consume(&mut self, amount: usize) {
        self.rest.consume(amount);
    }

    fn read_until(&mut self, end: u8, line: &mut Vec<u8>) -> io::Result<usize> {
        // The header ends with the first line of this beginning, whatever stands before it (C2SP age, "Header").
        const LAST_LINE: &[u8] = b"\n--- ";
        let start = if self.is_header_taken { None } else { self.rest.windows(5).position(|at| at == LAST_LINE) };
        self.is_header_taken = true;
        let skipped = start.map_or(0, |start| start + LAST_LINE.len());
        line.extend_from_slice(&self.rest[..skipped]);
        self.rest = &self.rest[skipped..];
        Ok(skipped + self.rest.read_until(end, line)?)
    }
}

/// Opens a binary age file with a passphrase.
pub(super) fn open_with_passphrase(
    binary: &[u8],
    passphrase: SecretString,
) -> Result<Zeroizing<Vec<u8>>, DecryptError> {
    let mut identity = scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    open(binary, iter::once(&identity as &dyn age::Identity))
}

fn encrypt(encryptor: Encryptor, payload: &[u8]) -> Vec<u8> {
    let write = || -> io::Result<Vec<u8>> {
        let mut writer = encryptor.wrap_output(Vec::new())?;
        writer.write_all(payload)?;
        writer.finish()
    };
    write().expect("a Vec takes whatever is written to it")
}

fn armor(binary: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(binary);
    let mut armored = String::with_capacity(encoded.len() * 66 / COLUMNS + 80);
    armored.push_str(BEGIN);
    for (index, symbol) in encoded.char_indices() {
        if index % COLUMNS == 0 {
            armored.push('\n');
        }
        armored.push(symbol);
    }
    armored.push('\n');
    armored.push_str(END);
    armored.push('\n');
    armored
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::{any, proptest};

    use super::{WrapError, armor, canonical, unarmor, wrap};
    use crate::keys::recipient::tests::{AGE, ED25519, RSA};
    use crate::keys::{PluginError, Recipient};

    #[test]
    fn what_is_wrapped_is_spelled_canonically() {
        let recipients: Vec<Recipient> = [AGE, ED25519, RSA].map(|text| text.parse().expect("valid")).into();
        let armored = wrap(&recipients.iter().collect::<Vec<_>>(), b"payload").expect("wraps");
        assert!(canonical(&armored));
        for other in [
            armored.replace('\n', "\r\n"),
            format!("\n{armored}"),
            format!("{armored}\n"),
            armored.trim_end().to_owned(),
            armored.replacen("\nYWdl", "\nYWdl\n", 1),
        ] {
            assert!(!canonical(&other));
        }
    }

    #[test]
    fn nobody_is_no_reader() {
        assert!(matches!(wrap(&[], b"payload"), Err(WrapError::NoRecipients)));
    }

    #[test]
    fn without_settings_no_plugin_is_started() {
        let recipient = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";
        let error = wrap(&[&recipient.parse().expect("valid")], b"payload").expect_err("a plugin's");
        assert!(matches!(error, WrapError::Plugin(PluginError::NotAllowed { settings: None, .. })));
    }

    #[test]
    fn more_recipients_than_can_be_read_again_are_refused() {
        let recipient: Recipient = RSA.parse().expect("valid");
        assert!(matches!(wrap(&vec![&recipient; 800], b"payload"), Err(WrapError::TooManyRecipients)));
    }

    proptest! {
        #[test]
        fn armor_reads_back(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
            let armored = armor(&bytes);
            assert_eq!(unarmor(&armored), Ok(bytes));
            assert!(canonical(&armored));
        }

        #[test]
        fn no_text_makes_reading_armor_panic(text in "(\\PC|\n|\r){0,200}") {
            let _ = unarmor(&text);
            let _ = unarmor(&format!("-----BEGIN AGE ENCRYPTED FILE-----\n{text}"));
        }
    }
}
