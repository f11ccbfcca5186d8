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
    random, tag,
};

/// Length of a chunk's plaintext in bytes; that of the last one may be less, but not nothing.
pub const CHUNK_BYTES: usize = 64 << 10;
/// Length of a sealed chunk in bytes.
pub const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;

/// The cipher of one body. Its key follows from the salt, so it seals one content and no other.
pub struct BodyCipher {
    cipher: ChaCha20Poly1305,
    key: Zeroizing<[u8; 32]>,
    associated_data: AssociatedData,
}

/// The unkeyed checksum of a body, taken run by run.
pub struct BodyChecksum(Sha256);

/// What the salt of a body depends on besides randomness: all of its content.
pub struct BodyHedge {
    key: Zeroizing<[u8; 32]>,
    random: Zeroizing<[u8; 32]>,
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
        let key = derive_key(&keys.body, salt, b"secret/v1 body");
        Self { cipher: ChaCha20Poly1305::new((&*key).into()), key, associated_data }
    }

    /// Seals a run of chunks where they stand: each is followed by room for its tag. All but that at the end are whole.
    pub fn seal(&self, run: Run, chunks: &mut [u8]) {
        let count = chunks.len().div_ceil(SEALED_CHUNK_BYTES);
        chunks.par_chunks_mut(SEALED_CHUNK_BYTES).enumerate().for_each(|(index, chunk)| {
            let (text, tag) = chunk.split_at_mut(chunk.len() - TAG_BYTES);
            let made = self
                .cipher
                .encrypt_in_place_detached(&run.nonce(index, count).into(), &self.associated_data.0, text)
                .expect("a chunk is far below the cipher's limit of 256 GiB");
            tag.copy_from_slice(&made);
        });
    }

    /// Tells whether [`Self::open`] would open a run of sealed chunks, in a third of the time.
    ///
    /// # Errors
    /// When it would not.
    pub fn authenticate(&self, run: Run, sealed: &[u8]) -> Result<(), NotAuthentic> {
        let count = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
        let chunks = sealed.par_chunks(SEALED_CHUNK_BYTES).enumerate();
        let is_authentic = |(index, chunk): (usize, &[u8])| {
            let (text, tag) = chunk.split_last_chunk().filter(|(text, _)| !text.is_empty())?;
            let nonce = run.nonce(index, count);
            tag::is_authentic(&self.key, nonce, &self.associated_data.0, text, tag).then_some(())
        };
        chunks.map(is_authentic).collect::<Option<()>>().ok_or(NotAuthentic)
    }

    /// Opens a run of sealed chunks. All chunks but that at the end are whole.
    ///
    /// # Errors
    /// When a chunk is changed, or was sealed for another place. Then `padded` is empty.
    pub fn open(&self, run: Run, sealed: &[u8], padded: &mut Vec<u8>) -> Result<(), NotAuthentic> {
        let chunks = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
        // What stands there from another run is written over.
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
        Self::with(keys, random())
    }

    fn with(keys: &FileKeys, random: [u8; 32]) -> Self {
        // The hashes are only used within the salt's HMAC: nobody sees one, so all are made with one key.
        let key = derive_key(&keys.salt, &random, b"secret/v1 body hedge");
        Self { key, random: Zeroizing::new(random), hash: Sha256::new() }
    }

    /// Takes more content. All chunks but that at the end are whole.
    pub fn update(&mut self, content: &[u8]) {
        let tags = content.par_chunks(CHUNK_BYTES).map(|chunk| tag::hash(&self.key, chunk));
        for tag in tags.collect::<Vec<_>>() {
            self.hash.update(tag);
        }
    }

    /// Draws the salt of the body.
    pub fn salt(self, keys: &FileKeys, id: LeafId, associated_data: AssociatedData) -> [u8; SALT_BYTES] {
        hedged_salt(keys, id, *self.random, associated_data, &self.hash.finalize())
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
    let mut sealed = with_room_for_tags(&padding::pad(content));
    BodyCipher::new(keys, associated_data, &salt).seal(Run { first: 0, is_end: true }, &mut sealed);
    let mut checksum = BodyChecksum::new(associated_data, &salt);
    checksum.update(&sealed);
    sealed.extend_from_slice(&checksum.finish());
    (salt, sealed)
}

/// Returns the chunks as [`BodyCipher::seal`] takes them.
fn with_room_for_tags(padded: &[u8]) -> Vec<u8> {
    let chunks = padded.chunks(CHUNK_BYTES);
    let mut room = Vec::with_capacity(padded.len() + chunks.len() * TAG_BYTES + CHECKSUM_BYTES);
    for chunk in chunks {
        room.extend_from_slice(chunk);
        room.extend_from_slice(&[0; TAG_BYTES]);
    }
    room
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
        BodyChecksum, BodyCipher, BodyHedge, CHUNK_BYTES, Run, SEALED_CHUNK_BYTES, open_body, padded_length_of,
        seal_body, with_room_for_tags,
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
        let mut whole = with_room_for_tags(&padded);
        cipher.seal(Run { first: 0, is_end: true }, &mut whole);
        let mut parts = Vec::new();
        for (first, is_end, range) in [(0, false, 0..2 * CHUNK_BYTES), (2, true, 2 * CHUNK_BYTES..padded.len())] {
            let mut part = with_room_for_tags(&padded[range]);
            cipher.seal(Run { first, is_end }, &mut part);
            parts.extend_from_slice(&part);
        }
        assert!(whole == parts);
    }

    #[test]
    fn a_run_opens_only_at_its_place_and_a_refused_one_leaves_nothing() {
        let cipher = BodyCipher::new(&keys(), AssociatedData::of(b"place"), &[3; 24]);
        let (mut sealed, mut opened) = (with_room_for_tags(&vec![5; 3 * CHUNK_BYTES]), Vec::new());
        cipher.seal(Run { first: 2, is_end: false }, &mut sealed);
        let mut opens = |run, sealed: &[u8]| {
            let result = cipher.open(run, sealed, &mut opened);
            assert_eq!(cipher.authenticate(run, sealed), result, "both say the same");
            assert!(result.is_ok() || opened.is_empty());
            result.is_ok()
        };
        let right = Run { first: 2, is_end: false };
        assert!(opens(right, &sealed));
        for (first, is_end) in [(1, false), (3, false), (2, true)] {
            assert!(!opens(Run { first, is_end }, &sealed));
        }
        for length in [1, 15, 16, SEALED_CHUNK_BYTES - 1, SEALED_CHUNK_BYTES + 1, SEALED_CHUNK_BYTES + 16] {
            assert!(!opens(right, &sealed[..length]), "{length}");
        }
        for position in (0..sealed.len()).step_by(4999).chain([CHUNK_BYTES, SEALED_CHUNK_BYTES, sealed.len() - 1]) {
            sealed[position] ^= 1;
            assert!(!opens(right, &sealed), "{position}");
            sealed[position] ^= 1;
        }
    }

    #[test]
    fn with_the_same_randomness_only_the_same_content_has_the_same_salt() {
        let salt = |random: u8, pieces: &[&[u8]]| {
            let mut hedge = BodyHedge::with(&keys(), [random; 32]);
            for piece in pieces {
                hedge.update(piece);
            }
            hedge.salt(&keys(), LeafId([1; 8]), AssociatedData::of(b"place"))
        };
        let content = vec![5; 3 * CHUNK_BYTES + 7];
        let (begin, end) = content.split_at(2 * CHUNK_BYTES);
        let expected = salt(1, &[&content]);
        assert_eq!(salt(1, &[begin, end]), expected, "in two runs as in one");
        assert_ne!(salt(2, &[&content]), expected, "randomness alone makes another one");
        let mut others = vec![[content.as_slice(), &[0]].concat(), content[1..].to_vec(), Vec::new()];
        for position in (0..content.len()).step_by(9973).chain([CHUNK_BYTES - 1, CHUNK_BYTES, content.len() - 1]) {
            let mut other = content.clone();
            other[position] ^= 1;
            others.push(other);
        }
        let mut swapped = content.clone();
        swapped[..CHUNK_BYTES].fill(6);
        others.push(swapped.clone());
        swapped.rotate_left(CHUNK_BYTES);
        others.push(swapped);
        let salts: std::collections::HashSet<_> = others.iter().map(|other| salt(1, &[other])).collect();
        assert_eq!((salts.len(), salts.contains(&expected)), (others.len(), false));
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
