//! Sealing and opening of an opaque body: chunks whose place and end are bound (docs/format.md section 8).
//!
//! The chunks are the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and
//! its Nonce-Reuse Misuse-Resistance", 2015), as age uses it. A body need not be in memory: what is here works on a run
//! of chunks at a time, each run on all cores.

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Tag};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::token::{CHECKSUM_MARK, derive_key, hedged_salt};
use super::{
    AssociatedData, CHECKSUM_BYTES, FileKeys, LeafId, NotAuthentic, SALT_BYTES, TAG_BYTES, is_padded_length, padding,
};

/// Length of a chunk's plaintext in bytes; that of the last one may be less, but not nothing.
pub const CHUNK_BYTES: usize = 64 << 10;
/// Length of a sealed chunk in bytes.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// The cipher of one body. Its key follows from the salt, so it seals one content and no other.
pub struct BodyCipher {
    cipher: ChaCha20Poly1305,
    associated_data: AssociatedData,
}

/// The unkeyed checksum of a body, taken run by run.
pub struct BodyChecksum(Sha256);

/// What the salt of a body depends on besides randomness: all of its content.
pub struct BodyHedge {
    cipher: ChaCha20Poly1305,
    next: u64,
    hash: Sha256,
}

/// A run of chunks within a body.
#[derive(Clone, Copy)]
pub struct Run {
    /// The number of its first chunk.
    pub first: u64,
    /// Whether its last chunk is that of the body.
    pub is_end: bool,
}

impl BodyCipher {
    /// Derives the cipher of the body with this salt.
    pub fn new(keys: &FileKeys, associated_data: AssociatedData, salt: &[u8; SALT_BYTES]) -> Self {
        Self {
            cipher: ChaCha20Poly1305::new((&*derive_key(&keys.body, salt, b"secret/v1 body")).into()),
            associated_data,
        }
    }

    /// Seals a run of padded content. All chunks but that at the end are whole.
    pub fn seal(&self, run: Run, padded: &[u8], sealed: &mut Vec<u8>) {
        let chunks = padded.len().div_ceil(CHUNK_BYTES);
        sealed.clear();
        sealed.resize(padded.len() + chunks * TAG_BYTES, 0);
        let pairs = padded.par_chunks(CHUNK_BYTES).zip(sealed.par_chunks_mut(SEALED_CHUNK_BYTES));
        pairs.enumerate().for_each(|(index, (chunk, sealed))| {
            let (text, tag) = sealed.split_at_mut(chunk.len());
            text.copy_from_slice(chunk);
            let made = self
                .cipher
                .encrypt_in_place_detached(&run.nonce(index, chunks).into(), &self.associated_data.0, text)
                .expect("a chunk is far below the cipher's limit of 256 GiB");
            tag.copy_from_slice(&made);
        });
    }

    /// Opens a run of sealed chunks. All chunks but that at the end are whole.
    ///
    /// # Errors
    /// When a chunk is changed, or was sealed for another place. Then `padded` is empty.
    pub fn open(&self, run: Run, sealed: &[u8], padded: &mut Vec<u8>) -> Result<(), NotAuthentic> {
        let chunks = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
        padded.clear();
        padded.resize(sealed.len().checked_sub(chunks * TAG_BYTES).ok_or(NotAuthentic)?, 0);
        let is_short = chunks != padded.len().div_ceil(CHUNK_BYTES);
        let pairs = sealed.par_chunks(SEALED_CHUNK_BYTES).zip(padded.par_chunks_mut(CHUNK_BYTES));
        let opened = pairs.enumerate().try_for_each(|(index, (sealed, text))| {
            let (chunk, tag) = sealed.split_at_checked(text.len()).ok_or(NotAuthentic)?;
            text.copy_from_slice(chunk);
            let tag = <[u8; TAG_BYTES]>::try_from(tag).map_err(|_| NotAuthentic)?;
            let nonce = run.nonce(index, chunks).into();
            self.cipher
                .decrypt_in_place_detached(&nonce, &self.associated_data.0, text, &Tag::from(tag))
                .map_err(|_| NotAuthentic)
        });
        if is_short || opened.is_err() {
            zeroize::Zeroize::zeroize(padded);
            return Err(NotAuthentic);
        }
        Ok(())
    }
}

impl BodyChecksum {
    /// Starts the checksum of the body with this salt.
    pub fn new(associated_data: AssociatedData, salt: &[u8; SALT_BYTES]) -> Self {
        Self(Sha256::new().chain_update(CHECKSUM_MARK).chain_update(associated_data.0).chain_update(salt))
    }

    /// Takes more sealed chunks.
    pub fn update(&mut self, sealed: &[u8]) {
        self.0.update(sealed);
    }

    /// Returns the checksum.
    pub fn finish(self) -> [u8; CHECKSUM_BYTES] {
        let mut checksum = [0; CHECKSUM_BYTES];
        checksum.copy_from_slice(&self.0.finalize()[..CHECKSUM_BYTES]);
        checksum
    }
}

impl BodyHedge {
    /// Starts with the keys of the file that will hold the content.
    pub fn new(keys: &FileKeys) -> Self {
        // Only the tags are used, and only within the salt's HMAC, so the salt of this derivation can be constant.
        Self {
            cipher: ChaCha20Poly1305::new((&*derive_key(&keys.salt, &[0; SALT_BYTES], b"secret/v1 body hedge")).into()),
            next: 0,
            hash: Sha256::new(),
        }
    }

    /// Takes more content. All chunks but that at the end are whole.
    pub fn update(&mut self, content: &[u8]) {
        let run = Run { first: self.next, is_end: false };
        let tags = content.par_chunks(CHUNK_BYTES).enumerate().map(|(index, chunk)| {
            self.cipher
                .encrypt_in_place_detached(&run.nonce(index, 0).into(), chunk, &mut [])
                .expect("a chunk is far below the cipher's limit of 256 GiB")
        });
        let tags: Vec<Tag> = tags.collect();
        self.next += tags.len() as u64;
        for tag in tags {
            self.hash.update(tag);
        }
    }

    /// Draws the salt of the body.
    pub fn salt(self, keys: &FileKeys, id: LeafId, associated_data: AssociatedData) -> [u8; SALT_BYTES] {
        hedged_salt(keys, id, associated_data, &self.hash.finalize())
    }
}

impl Run {
    /// Returns the nonce of a chunk: its number binds its place, the flag binds the end.
    fn nonce(self, index: usize, chunks: usize) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&(self.first + index as u64).to_be_bytes());
        nonce[11] = u8::from(self.is_end && index + 1 == chunks);
        nonce
    }
}

/// Returns how long the padded content is that these chunks hold, if they can be those of a body.
pub fn padded_length_of(sealed: u64) -> Option<u64> {
    // No file is longer, and the next bucket of no larger number is one.
    let sealed = Some(sealed).filter(|sealed| *sealed <= i64::MAX.cast_unsigned())?;
    let chunks = sealed.div_ceil(SEALED_CHUNK_BYTES as u64);
    let padded = sealed.checked_sub(chunks * TAG_BYTES as u64)?;
    let is_body = padded.div_ceil(CHUNK_BYTES as u64) == chunks && is_padded_length(usize::try_from(padded).ok()?);
    is_body.then_some(padded)
}

/// Seals a content that is in memory. Returns the salt, and the chunks followed by the checksum.
pub fn seal_body(
    keys: &FileKeys,
    id: LeafId,
    associated_data: AssociatedData,
    content: &[u8],
) -> ([u8; SALT_BYTES], Vec<u8>) {
    let mut hedge = BodyHedge::new(keys);
    hedge.update(content);
    let salt = hedge.salt(keys, id, associated_data);
    let mut sealed = Vec::new();
    let all = Run { first: 0, is_end: true };
    BodyCipher::new(keys, associated_data, &salt).seal(all, &padding::pad(content), &mut sealed);
    let mut checksum = BodyChecksum::new(associated_data, &salt);
    checksum.update(&sealed);
    sealed.extend_from_slice(&checksum.finish());
    (salt, sealed)
}

/// Opens a body that is in memory.
///
/// # Errors
/// When a chunk is changed, missing, moved or added, or the padding or checksum is wrong.
pub fn open_body(
    keys: &FileKeys,
    associated_data: AssociatedData,
    salt: &[u8; SALT_BYTES],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, NotAuthentic> {
    let sealed = intact_chunks(associated_data, salt, sealed).ok_or(NotAuthentic)?;
    padded_length_of(sealed.len() as u64).ok_or(NotAuthentic)?;
    let mut padded = Zeroizing::new(Vec::new());
    let all = Run { first: 0, is_end: true };
    BodyCipher::new(keys, associated_data, salt).open(all, sealed, &mut padded)?;
    let content = padding::content_length(&padded)?;
    padded.truncate(content);
    Ok(padded)
}

/// Tells whether the unkeyed checksum of a body matches. Anybody can make one that does.
pub fn is_body_intact(associated_data: AssociatedData, salt: &[u8; SALT_BYTES], sealed: &[u8]) -> bool {
    intact_chunks(associated_data, salt, sealed).is_some()
}

/// Returns the chunks without the checksum, if that matches.
fn intact_chunks<'s>(associated_data: AssociatedData, salt: &[u8; SALT_BYTES], sealed: &'s [u8]) -> Option<&'s [u8]> {
    let (chunks, stated) = sealed.split_at_checked(sealed.len().checked_sub(CHECKSUM_BYTES)?)?;
    let mut checksum = BodyChecksum::new(associated_data, salt);
    checksum.update(chunks);
    (stated == checksum.finish()).then_some(chunks)
}

#[cfg(test)]
mod tests {
    use super::{
        BodyChecksum, BodyCipher, CHUNK_BYTES, Run, SEALED_CHUNK_BYTES, open_body, padded_length_of, seal_body,
    };
    use crate::crypto::{AssociatedData, CHECKSUM_BYTES, ContinuitySecret, DataKey, FileKeys, LeafId};

    fn keys() -> FileKeys {
        DataKey::from_bytes(&[7; 32]).derive(ContinuitySecret::from_bytes(&[9; 32]).file_id())
    }

    #[test]
    fn contents_around_the_chunk_size_round_trip() {
        let place = AssociatedData::of(b"place");
        for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5] {
            let content: Vec<u8> = (0..=250).cycle().take(length).collect();
            let (salt, sealed) = seal_body(&keys(), LeafId([1; 8]), place, &content);
            let opened = open_body(&keys(), place, &salt, &sealed).expect("it was sealed just now");
            assert!(*opened == content, "length {length}");
        }
    }

    #[test]
    fn dropped_swapped_and_cut_chunks_are_refused() {
        let place = AssociatedData::of(b"place");
        let (salt, sealed) = seal_body(&keys(), LeafId([1; 8]), place, &vec![5; 3 * CHUNK_BYTES]);
        let chunk = SEALED_CHUNK_BYTES;
        let body = &sealed[..sealed.len() - CHECKSUM_BYTES];
        let dropped = body[chunk..].to_vec();
        let swapped = [&body[chunk..2 * chunk], &body[..chunk], &body[2 * chunk..]].concat();
        let cut = body[..2 * chunk].to_vec();
        let empty = Vec::new();
        for mut forged in [dropped, swapped, cut, empty] {
            let mut checksum = BodyChecksum::new(place, &salt);
            checksum.update(&forged);
            forged.extend_from_slice(&checksum.finish());
            assert!(open_body(&keys(), place, &salt, &forged).is_err());
        }
    }

    #[test]
    fn chunks_sealed_in_two_runs_are_those_sealed_in_one() {
        let cipher = BodyCipher::new(&keys(), AssociatedData::of(b"place"), &[3; 24]);
        let padded = vec![5; 4 * CHUNK_BYTES + 9];
        let (mut whole, mut part, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        cipher.seal(Run { first: 0, is_end: true }, &padded, &mut whole);
        for (first, is_end, range) in [(0, false, 0..2 * CHUNK_BYTES), (2, true, 2 * CHUNK_BYTES..padded.len())] {
            cipher.seal(Run { first, is_end }, &padded[range], &mut part);
            parts.extend_from_slice(&part);
        }
        assert!(whole == parts);
    }

    #[test]
    fn a_run_opens_only_at_its_place_and_a_refused_one_leaves_nothing() {
        let cipher = BodyCipher::new(&keys(), AssociatedData::of(b"place"), &[3; 24]);
        let (mut sealed, mut opened) = (Vec::new(), Vec::new());
        cipher.seal(Run { first: 2, is_end: false }, &vec![5; 3 * CHUNK_BYTES], &mut sealed);
        assert!(cipher.open(Run { first: 2, is_end: false }, &sealed, &mut opened).is_ok());
        for (first, is_end) in [(1, false), (3, false), (2, true)] {
            assert!(cipher.open(Run { first, is_end }, &sealed, &mut opened).is_err());
            assert!(opened.is_empty());
        }
        for length in [1, 15, 16, SEALED_CHUNK_BYTES - 1, SEALED_CHUNK_BYTES + 1, SEALED_CHUNK_BYTES + 16] {
            assert!(cipher.open(Run { first: 2, is_end: false }, &sealed[..length], &mut opened).is_err(), "{length}");
            assert!(opened.is_empty());
        }
    }

    #[test]
    fn no_length_is_that_of_chunks_unless_some_content_makes_it() {
        for content in [0_usize, 31, 32, CHUNK_BYTES - 2, CHUNK_BYTES, 40 * CHUNK_BYTES] {
            let (_, sealed) = seal_body(&keys(), LeafId([1; 8]), AssociatedData::of(b"place"), &vec![0; content]);
            let chunks = (sealed.len() - CHECKSUM_BYTES) as u64;
            assert_eq!(padded_length_of(chunks), Some(crate::crypto::padded_length(content) as u64));
            assert_eq!([chunks - 1, chunks + 1].map(padded_length_of), [None, None]);
        }
        assert_eq!([0, 16, SEALED_CHUNK_BYTES as u64 + 16, u64::MAX].map(padded_length_of), [None; 4]);
    }
}
