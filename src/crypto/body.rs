//! Sealing and opening of an opaque body: chunks whose place and end are bound (docs/format.md section 8).
//!
//! The chunks are the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and
//! its Nonce-Reuse Misuse-Resistance", 2015), as age uses it.

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Tag};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::token::{checksum, derive_key, hedged_salt};
use super::{
    AssociatedData, CHECKSUM_BYTES, FileKeys, LeafId, NotAuthentic, SALT_BYTES, TAG_BYTES, is_padded_length, padding,
};

/// Seals a content of any length. Returns the salt, and the chunks followed by the checksum.
pub fn seal_body(
    keys: &FileKeys,
    id: LeafId,
    associated_data: AssociatedData,
    content: &[u8],
) -> ([u8; SALT_BYTES], Vec<u8>) {
    let salt = hedged_salt(keys, id, associated_data, &Sha256::digest(content));
    let cipher = ChaCha20Poly1305::new((&*derive_key(&keys.body, &salt, INFO)).into());
    let mut padded = padding::pad(content);
    let chunks = padded.len().div_ceil(CHUNK_BYTES);
    let mut sealed = Vec::with_capacity(padded.len() + chunks * TAG_BYTES + CHECKSUM_BYTES);
    for (index, chunk) in padded.chunks_mut(CHUNK_BYTES).enumerate() {
        let tag = cipher
            .encrypt_in_place_detached(&nonce(index, index + 1 == chunks).into(), &associated_data.0, chunk)
            .expect("a chunk is far below the cipher's limit of 256 GiB");
        sealed.extend_from_slice(chunk);
        sealed.extend_from_slice(&tag);
    }
    sealed.extend_from_slice(&checksum(associated_data, &salt, &sealed));
    (salt, sealed)
}

/// Opens what [`seal_body`] made.
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
    let cipher = ChaCha20Poly1305::new((&*derive_key(&keys.body, salt, INFO)).into());
    let chunks = sealed.len().div_ceil(CHUNK_BYTES + TAG_BYTES);
    let padded_length = sealed.len().checked_sub(chunks * TAG_BYTES).ok_or(NotAuthentic)?;
    if !is_padded_length(padded_length) {
        return Err(NotAuthentic);
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(padded_length));
    for (index, chunk) in sealed.chunks(CHUNK_BYTES + TAG_BYTES).enumerate() {
        open_chunk(&cipher, nonce(index, index + 1 == chunks), associated_data, chunk, &mut padded)?;
    }
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
    (stated == checksum(associated_data, salt, chunks)).then_some(chunks)
}

/// Opens one chunk and appends it to `content`, whose buffer is large enough.
fn open_chunk(
    cipher: &ChaCha20Poly1305,
    nonce: [u8; 12],
    associated_data: AssociatedData,
    chunk: &[u8],
    content: &mut Vec<u8>,
) -> Result<(), NotAuthentic> {
    let length = chunk.len().checked_sub(TAG_BYTES).filter(|length| *length > 0).ok_or(NotAuthentic)?;
    let start = content.len();
    content.extend_from_slice(&chunk[..length]);
    cipher
        .decrypt_in_place_detached(
            &nonce.into(),
            &associated_data.0,
            &mut content[start..],
            Tag::from_slice(&chunk[length..]),
        )
        .map_err(|_| NotAuthentic)
}

/// Returns the nonce of a chunk: its number binds its place, the flag binds the end.
fn nonce(index: usize, is_last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(index as u64).to_be_bytes());
    nonce[11] = u8::from(is_last);
    nonce
}

const CHUNK_BYTES: usize = 64 << 10;
const INFO: &[u8] = b"secret/v1 body";

#[cfg(test)]
mod tests {
    use super::{CHUNK_BYTES, open_body, seal_body};
    use crate::crypto::token::checksum;
    use crate::crypto::{AssociatedData, CHECKSUM_BYTES, ContinuitySecret, DataKey, FileKeys, LeafId, TAG_BYTES};

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
        let chunk = CHUNK_BYTES + TAG_BYTES;
        let body = &sealed[..sealed.len() - CHECKSUM_BYTES];
        let dropped = body[chunk..].to_vec();
        let swapped = [&body[chunk..2 * chunk], &body[..chunk], &body[2 * chunk..]].concat();
        let cut = body[..2 * chunk].to_vec();
        let empty = Vec::new();
        for mut forged in [dropped, swapped, cut, empty] {
            forged.extend_from_slice(&checksum(place, &salt, &forged));
            assert!(open_body(&keys(), place, &salt, &forged).is_err());
        }
    }
}
