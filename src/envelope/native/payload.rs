//! What the age file holds: the data key, and what it must belong to (docs/format.md section 4).

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::header::{Header, Recipients, VERSION, recipients_digest};
use crate::crypto::{ContinuitySecret, DataKey, FileId, FileKeys, LINK_BYTES};

/// The secrets of a file, and the keys that follow from them.
pub struct FileSecrets {
    continuity: ContinuitySecret,
    data_key: DataKey,
    link: [u8; LINK_BYTES],
    keys: FileKeys,
}

/// What the age file holds does not belong to the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the wrapped key belongs to another {0}")]
pub struct Mismatch(&'static str);

impl FileSecrets {
    /// Draws the secrets of a new file with these readers.
    pub fn generate(recipients: &Recipients) -> Self {
        let data_key = DataKey::generate(1, &recipients_digest(recipients));
        Self::new(ContinuitySecret::generate(), data_key, [0; LINK_BYTES])
    }

    /// Returns the same file with a new data key, of the generation and for the readers of `header`.
    #[must_use]
    pub fn with_new_data_key(&self, header: &Header) -> Self {
        let data_key = DataKey::generate(header.generation, &header.recipients_digest());
        let link = self.keys.link(header.generation, &data_key);
        Self::new(ContinuitySecret::from_bytes(self.continuity.expose()), data_key, link)
    }

    /// Tells whether this data key was made by somebody who had the one before it, `former`. Who lost access knows the
    /// continuity secret, and could otherwise make a file that looks like the next generation.
    pub fn follows(&self, former: &Self, generation: u32) -> bool {
        self.file_id() == former.file_id() && bool::from(self.link.ct_eq(&former.keys.link(generation, &self.data_key)))
    }

    /// Tells whether both have the same data key, in constant time.
    pub fn has_data_key_of(&self, other: &Self) -> bool {
        bool::from(self.data_key.expose().ct_eq(other.data_key.expose()))
    }

    fn new(continuity: ContinuitySecret, data_key: DataKey, link: [u8; LINK_BYTES]) -> Self {
        let keys = data_key.derive(continuity.file_id());
        Self { continuity, data_key, link, keys }
    }

    /// Returns the keys that seal and open.
    pub fn keys(&self) -> &FileKeys {
        &self.keys
    }

    /// Returns the id of the file.
    pub fn file_id(&self) -> FileId {
        self.continuity.file_id()
    }

    /// Returns the plaintext of the age file: [`PAYLOAD_BYTES`] bytes.
    pub fn payload(&self, header: &Header) -> Zeroizing<Vec<u8>> {
        let mut payload = Zeroizing::new(Vec::with_capacity(PAYLOAD_BYTES));
        payload.extend_from_slice(MAGIC);
        payload.extend_from_slice(&VERSION.to_be_bytes());
        payload.extend_from_slice(self.continuity.expose());
        payload.extend_from_slice(&header.generation.to_be_bytes());
        payload.extend_from_slice(self.data_key.expose());
        payload.extend_from_slice(&self.link);
        payload.extend_from_slice(&header.recipients_digest());
        debug_assert_eq!(payload.len(), PAYLOAD_BYTES, "the parts add up");
        payload
    }

    /// Reads the plaintext of the age file and compares it with the header.
    ///
    /// # Errors
    /// When it belongs to another file, version, generation or set of readers.
    pub fn from_payload(payload: &[u8], header: &Header) -> Result<Self, Mismatch> {
        let mut parts = Parts { rest: payload };
        if payload.len() != PAYLOAD_BYTES || parts.take::<10>() != *MAGIC {
            return Err(Mismatch("program"));
        }
        if parts.take() != VERSION.to_be_bytes() {
            return Err(Mismatch("format version"));
        }
        let continuity = ContinuitySecret::from_bytes(&Zeroizing::new(parts.take()));
        let generation = u32::from_be_bytes(parts.take());
        let data_key = DataKey::from_bytes(&Zeroizing::new(parts.take()));
        let link = parts.take();
        if continuity.file_id() != header.file_id {
            return Err(Mismatch("file"));
        }
        if generation != header.generation {
            return Err(Mismatch("generation of the data key"));
        }
        if !bool::from(parts.rest.ct_eq(&header.recipients_digest())) {
            return Err(Mismatch("list of readers"));
        }
        Ok(Self::new(continuity, data_key, link))
    }
}

/// A payload of the right length that is being read.
struct Parts<'a> {
    rest: &'a [u8],
}

impl Parts<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (part, rest) = self.rest.split_first_chunk().expect("the length of the payload was checked");
        self.rest = rest;
        *part
    }
}

const MAGIC: &[u8; 10] = b"secret/v1\n";
/// Length of the plaintext of the age file.
pub const PAYLOAD_BYTES: usize = 146;
