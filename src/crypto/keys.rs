//! The keys of one file and how they follow from its data key. Each is a type of its own, so that none stands in for another.

use std::fmt;
use std::str::FromStr;

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{NotAuthentic, random};

/// Length of a header's MAC in bytes.
pub const MAC_BYTES: usize = 32;
/// Length of the proof that a data key follows another one, in bytes.
pub const LINK_BYTES: usize = 32;

/// The random symmetric key of one file and generation: 32 bytes.
pub struct DataKey(SecretBox<[u8; 32]>);

/// The secret that stays with a file over all its data keys: 32 bytes. The file id follows from it, so whoever
/// never read a file cannot make another one with the same id.
pub struct ContinuitySecret(SecretBox<[u8; 32]>);

/// The public name of one file over its whole life: 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub [u8; 16]);

/// The keys that are derived from one data key.
pub struct FileKeys {
    header_mac: SecretBox<[u8; 32]>,
    link: SecretBox<[u8; 32]>,
    pub(super) leaf: SecretBox<[u8; 32]>,
    pub(super) comment: SecretBox<[u8; 32]>,
    pub(super) recipe: SecretBox<[u8; 32]>,
    pub(super) salt: SecretBox<[u8; 32]>,
    pub(super) body: SecretBox<[u8; 32]>,
}

impl DataKey {
    /// Draws a new key for a generation and a set of readers.
    ///
    /// Both go into the key, so that two clones of one machine whose random generators repeat each other, and which
    /// remove different readers, do not end up with one key.
    pub fn generate(generation: u32, recipients_digest: &[u8; 32]) -> Self {
        let drawn = Zeroizing::new(random::<32>());
        let extracted = Hkdf::<Sha256>::new(None, &*drawn);
        Self(SecretBox::init_with_mut(|key: &mut [u8; 32]| {
            extracted
                .expand_multi_info(&[b"secret/v1 data key", &generation.to_be_bytes(), recipients_digest], key)
                .expect("32 bytes are within HKDF's limit of 255 hashes");
        }))
    }

    /// Takes a key that was unwrapped.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SecretBox::init_with_mut(|key: &mut [u8; 32]| key.copy_from_slice(bytes)))
    }

    /// Returns the bytes, to be wrapped.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// Derives the keys of the file with this id.
    pub fn derive(&self, file_id: FileId) -> FileKeys {
        // The file id as salt separates files even if two ever had one data key (a cloned machine's generator).
        let extracted = Hkdf::<Sha256>::new(Some(&file_id.0), self.expose());
        let key = |label: &str| {
            SecretBox::init_with_mut(|key: &mut [u8; 32]| {
                extracted
                    .expand_multi_info(&[b"secret/v1 ", label.as_bytes()], key)
                    .expect("32 bytes are within HKDF's limit of 255 hashes");
            })
        };
        FileKeys {
            header_mac: key("header mac"),
            link: key("link"),
            leaf: key("leaf"),
            comment: key("comment"),
            recipe: key("recipe"),
            salt: key("salt"),
            body: key("body"),
        }
    }
}

impl ContinuitySecret {
    /// Draws the secret of a new file.
    pub fn generate() -> Self {
        Self(SecretBox::init_with_mut(|secret: &mut [u8; 32]| *secret = random()))
    }

    /// Takes a secret that was unwrapped.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(SecretBox::init_with_mut(|secret: &mut [u8; 32]| secret.copy_from_slice(bytes)))
    }

    /// Returns the bytes, to be wrapped.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// Returns the id of the file.
    pub fn file_id(&self) -> FileId {
        let mut id = [0; 16];
        Hkdf::<Sha256>::new(None, self.expose())
            .expand(b"secret/v1 file id", &mut id)
            .expect("16 bytes are within HKDF's limit of 255 hashes");
        FileId(id)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl FromStr for FileId {
    type Err = NotAFileId;

    fn from_str(text: &str) -> Result<Self, NotAFileId> {
        let digits = text.as_bytes();
        if digits.len() != 32 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NotAFileId);
        }
        let mut id = [0; 16];
        for (byte, digits) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = str::from_utf8(digits).map_err(|_| NotAFileId)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| NotAFileId)?;
        }
        Ok(Self(id))
    }
}

/// A text that is not 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a file id")]
pub struct NotAFileId;

impl FileKeys {
    /// Returns what proves that whoever made the next data key had this one.
    pub fn link(&self, generation: u32, next: &DataKey) -> [u8; LINK_BYTES] {
        let link = hmac_sha256(&self.link).chain_update(generation.to_be_bytes()).chain_update(next.expose());
        link.finalize().into_bytes().into()
    }

    /// Returns the MAC of a header's text.
    pub fn header_mac(&self, text: &[u8]) -> [u8; MAC_BYTES] {
        self.header_hmac(text).finalize().into_bytes().into()
    }

    /// Checks the MAC of a header's text, in constant time.
    ///
    /// # Errors
    /// When it does not match.
    pub fn verify_header_mac(&self, text: &[u8], mac: &[u8; MAC_BYTES]) -> Result<(), NotAuthentic> {
        self.header_hmac(text).verify_slice(mac).map_err(|_| NotAuthentic)
    }

    fn header_hmac(&self, text: &[u8]) -> Hmac<Sha256> {
        hmac_sha256(&self.header_mac).chain_update(text)
    }
}

/// Starts an HMAC-SHA-256.
pub(super) fn hmac_sha256(key: &SecretBox<[u8; 32]>) -> Hmac<Sha256> {
    <Hmac<Sha256> as Mac>::new_from_slice(key.expose_secret()).expect("HMAC takes keys of any length")
}
