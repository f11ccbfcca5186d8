//! The primitives of the file format (docs/format.md sections 4, 6 and 8). Knows no formats and does no input or output.

mod aead;
mod body;
mod ciphertext;
mod keys;
mod padding;
mod random;
mod tag;
mod token;

pub use body::{
    BodyChecksum, BodyCipher, BodyHedge, CHUNK_BYTES, Run, SEALED_CHUNK_BYTES, is_body_intact, open_body,
    padded_length_of, seal_body,
};
pub use ciphertext::Ciphertext;
pub use keys::{ContinuitySecret, DataKey, FileId, FileKeys, LINK_BYTES, MAC_BYTES};
pub use padding::{content_length_by_end, is_padded_length, padded_length, padding_of};
pub use random::random;
pub use token::{
    AssociatedData, CHECKSUM_BYTES, Family, LeafId, SALT_BYTES, Sealed, TAG_BYTES, open, open_into, seal, seal_into,
};

/// A ciphertext that is not authentic: forged, damaged, or sealed for another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not authentic")]
pub struct NotAuthentic;
