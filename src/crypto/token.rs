//! Sealing and opening of one leaf (docs/format.md section 6).

use hkdf::Hkdf;
use hmac::Mac;
use secrecy::{ExposeSecret, SecretBox};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::keys::hmac_sha256;
use super::{Ciphertext, FileKeys, NotAuthentic, aead, is_padded_length, padded_length, padding, random};

/// Length of a token's salt in bytes: the leaf's id and 16 bytes more.
pub const SALT_BYTES: usize = 24;
/// Length of the authentication tag in bytes.
pub const TAG_BYTES: usize = 16;
/// Length of the unkeyed checksum in bytes.
pub const CHECKSUM_BYTES: usize = 4;

/// The identity of a leaf within its file, kept over changes of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeafId(pub [u8; 8]);

/// The SHA-256 of the encoding of everything that a ciphertext is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssociatedData(pub [u8; 32]);

/// Which key seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Comments.
    Comment,
    /// Values.
    Leaf,
    /// Recipes of values, which stand in the header.
    Recipe,
}

/// A sealed leaf: the content of a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Id and hedged randomness.
    pub salt: [u8; SALT_BYTES],
    /// Ciphertext of the padded text, and tag.
    pub ciphertext: Ciphertext,
    /// What can be checked without a key.
    pub checksum: [u8; CHECKSUM_BYTES],
}

impl LeafId {
    /// Draws a new id.
    pub fn generate() -> Self {
        Self(random())
    }
}

impl std::fmt::Display for LeafId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl AssociatedData {
    /// Hashes the encoding.
    pub fn of(encoding: &[u8]) -> Self {
        Self(Sha256::digest(encoding).into())
    }
}

impl Sealed {
    /// Returns the leaf's id.
    pub fn id(&self) -> LeafId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.salt[..8]);
        LeafId(id)
    }

    /// Takes apart a salt, a ciphertext with its tag, and a checksum; `None` when no text is that long, sealed.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let padded = bytes.len().checked_sub(SALT_BYTES + TAG_BYTES + CHECKSUM_BYTES)?;
        if !is_padded_length(padded) {
            return None;
        }
        let (salt, rest) = bytes.split_first_chunk()?;
        let (ciphertext, checksum) = rest.split_last_chunk()?;
        Some(Self { salt: *salt, ciphertext: ciphertext.into(), checksum: *checksum })
    }

    /// Returns what [`Self::from_bytes`] takes apart.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.salt[..], &self.ciphertext, &self.checksum].concat()
    }

    /// Tells whether the unkeyed checksum matches this place. Anybody can make one that does.
    pub fn is_intact(&self, associated_data: AssociatedData) -> bool {
        bool::from(checksum(associated_data, &self.salt, &self.ciphertext).ct_eq(&self.checksum))
    }
}

/// Seals a text for one place.
pub fn seal(keys: &FileKeys, family: Family, id: LeafId, associated_data: AssociatedData, text: &[u8]) -> Sealed {
    let mut bytes = Vec::new();
    seal_into(keys, family, id, associated_data, text, &mut bytes);
    Sealed::from_bytes(&bytes).expect("a sealed text has a padded length")
}

/// Seals a text for one place, and appends it in the form that [`Sealed::from_bytes`] reads.
pub fn seal_into(
    keys: &FileKeys,
    family: Family,
    id: LeafId,
    associated_data: AssociatedData,
    text: &[u8],
    buffer: &mut Vec<u8>,
) {
    // The text stands in the buffer until it is encrypted there: growing meanwhile would leave a copy behind.
    buffer.reserve(SALT_BYTES + padded_length(text.len()) + TAG_BYTES + CHECKSUM_BYTES);
    let start = buffer.len();
    let content = start + SALT_BYTES;
    buffer.resize(content, 0);
    padding::pad_into(text, buffer);
    let salt = hedged_salt(keys, id, random(), associated_data, &buffer[content..]);
    buffer[start..content].copy_from_slice(&salt);
    let tag = aead::seal(&key(keys, family, &salt), &associated_data.0, &mut buffer[content..]);
    buffer.extend_from_slice(&tag);
    let checksum = checksum(associated_data, &salt, &buffer[content..]);
    buffer.extend_from_slice(&checksum);
}

/// Opens a text that was sealed for this place.
///
/// # Errors
/// When the checksum, the tag or the padding is wrong.
pub fn open(
    keys: &FileKeys,
    family: Family,
    associated_data: AssociatedData,
    sealed: &Sealed,
) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
    let mut text = Zeroizing::new(Vec::with_capacity(sealed.ciphertext.len()));
    open_into(keys, family, associated_data, sealed, &mut text)?;
    Ok(text)
}

/// Opens a text that was sealed for this place, and appends it. There must be room for the ciphertext: a buffer that
/// grows would leave a copy of what is in it behind.
///
/// # Errors
/// As [`open`]; then nothing is appended.
pub fn open_into(
    keys: &FileKeys,
    family: Family,
    associated_data: AssociatedData,
    sealed: &Sealed,
    texts: &mut Zeroizing<Vec<u8>>,
) -> Result<(), NotAuthentic> {
    let length = sealed.ciphertext.len().checked_sub(TAG_BYTES).ok_or(NotAuthentic)?;
    if !is_padded_length(length) || !sealed.is_intact(associated_data) {
        return Err(NotAuthentic);
    }
    let start = texts.len();
    assert!(texts.capacity() - start >= length, "the caller reserves room");
    let (ciphertext, tag) = sealed.ciphertext.split_at(length);
    texts.extend_from_slice(ciphertext);
    let opened = aead::open(&key(keys, family, &sealed.salt), &associated_data.0, &mut texts[start..], tag);
    let content = opened.and_then(|()| padding::content_length(&texts[start..]));
    texts.truncate(start + content.unwrap_or_default());
    content.map(|_| ())
}

/// Returns the id and 16 bytes that depend on fresh randomness, the place and the text: where the random generator
/// repeats itself, only the same text at the same place gets the same salt, which shows equality and no more.
pub(super) fn hedged_salt(
    keys: &FileKeys,
    id: LeafId,
    random: [u8; 32],
    associated_data: AssociatedData,
    text: &[u8],
) -> [u8; SALT_BYTES] {
    let hedge = hmac_sha256(&keys.salt)
        .chain_update(id.0)
        .chain_update(random)
        .chain_update(associated_data.0)
        .chain_update(text)
        .finalize()
        .into_bytes();
    let mut salt = [0; SALT_BYTES];
    salt[..8].copy_from_slice(&id.0);
    salt[8..].copy_from_slice(&hedge[..16]);
    salt
}

fn checksum(associated_data: AssociatedData, salt: &[u8], ciphertext: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let hash = Sha256::new()
        .chain_update(CHECKSUM_MARK)
        .chain_update(associated_data.0)
        .chain_update(salt)
        .chain_update(ciphertext)
        .finalize();
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&hash[..CHECKSUM_BYTES]);
    checksum
}

/// Returns the key for one salt, which seals one text.
fn key(keys: &FileKeys, family: Family, salt: &[u8; SALT_BYTES]) -> Zeroizing<[u8; 32]> {
    let key = match family {
        Family::Comment => &keys.comment,
        Family::Leaf => &keys.leaf,
        Family::Recipe => &keys.recipe,
    };
    derive_key(key, salt, b"secret/v1 token")
}

pub(super) fn derive_key(key: &SecretBox<[u8; 32]>, salt: &[u8], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), key.expose_secret())
        .expand(info, &mut *derived)
        .expect("32 bytes are within HKDF's limit of 255 hashes");
    derived
}

/// What the text begins with of which the checksum is the hash.
pub(super) const CHECKSUM_MARK: &[u8] = b"secret/v1 checksum";

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use super::{AssociatedData, Family, LeafId, open, seal};
    use crate::crypto::{ContinuitySecret, DataKey, FileKeys, NotAuthentic};

    fn keys() -> FileKeys {
        DataKey::from_bytes(&[7; 32]).derive(ContinuitySecret::from_bytes(&[9; 32]).file_id())
    }

    #[test]
    fn what_is_sealed_in_one_family_does_not_open_in_another() {
        let place = AssociatedData::of(b"place");
        let families = [Family::Comment, Family::Leaf, Family::Recipe];
        for family in families {
            let sealed = seal(&keys(), family, LeafId::generate(), place, b"hunter2");
            for other in families.into_iter().filter(|other| *other != family) {
                assert_eq!(open(&keys(), other, place, &sealed).map(|_| ()), Err(NotAuthentic));
            }
        }
    }

    #[test]
    fn equal_texts_share_no_ciphertext() {
        let place = AssociatedData::of(b"place");
        let id = LeafId::generate();
        let first = seal(&keys(), Family::Leaf, id, place, b"hunter2");
        let second = seal(&keys(), Family::Leaf, id, place, b"hunter2");
        for window in first.ciphertext.windows(8) {
            assert!(!second.ciphertext.windows(8).any(|other| other == window));
        }
    }

    proptest! {
        #[test]
        fn a_text_opens_at_its_place_and_at_no_other(text: Vec<u8>, other in any::<[u8; 4]>()) {
            let place = AssociatedData::of(b"place");
            let sealed = seal(&keys(), Family::Leaf, LeafId([1; 8]), place, &text);
            prop_assert_eq!(open(&keys(), Family::Leaf, place, &sealed).map(|text| text.to_vec()), Ok(text));
            prop_assert!(open(&keys(), Family::Leaf, AssociatedData::of(&other), &sealed).is_err());
        }

        #[test]
        fn no_flipped_bit_opens(text in "[a-z]{0,80}", position: usize, bit in 0..8u8) {
            let place = AssociatedData::of(b"place");
            let mut sealed = seal(&keys(), Family::Leaf, LeafId([1; 8]), place, text.as_bytes());
            let length = sealed.ciphertext.len();
            let position = position % (length + sealed.salt.len());
            if position < length { sealed.ciphertext[position] ^= 1 << bit } else { sealed.salt[position - length] ^= 1 << bit }
            // The checksum is repaired as an attacker would.
            sealed.checksum = super::checksum(place, &sealed.salt, &sealed.ciphertext);
            prop_assert!(open(&keys(), Family::Leaf, place, &sealed).is_err());
        }
    }
}
