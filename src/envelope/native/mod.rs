//! The native format: docs/format.md is its specification.

mod carrier;
mod change;
mod compare;
mod day;
mod field;
mod file;
mod follow;
mod header;
mod known;
mod merge;
mod opaque;
mod opening;
mod outline;
mod parallel;
mod payload;
mod pieces;
mod place;
mod pump;
mod recipe;
mod reuse;
mod seal;
mod stream;
mod survey;
mod token;
mod values;

pub use carrier::CarrierError;
pub use change::{Change, How, Part, Subject};
pub use compare::compare;
pub use field::{Field, FieldValue, toml_text};
pub use file::{
    Counts, EncryptedFile, MAX_ENCRYPTED, Opened, OpenedBody, OpenedToken, PEEK, ReadError, conflict, peek_file_id,
    peek_header,
};
pub use header::{
    BodyDigest, Comments, Exposure, Header, HeaderError, Metadata, Mode, Recipients, SignedHeader, VERSION,
};
pub use merge::{Choice, Conflict, ConflictKind, Decisions, Merge, Merged, OpenedVersions};
pub use opaque::{NewBody, OPAQUE_TOP, OpaqueFile, OpaqueTop, carried_to, carry_opaque, is_as_sealed, seal_opaque};
pub use opening::{Misplacement, OpenError};
pub use outline::{BodyMark, Exact, Held, Outline, OutlineProblem, OutlinedComment, OutlinedValue, TokenMark};
pub use payload::{FileSecrets, Mismatch, PAYLOAD_BYTES};
pub use pump::RUN_CHUNKS;
pub use recipe::{KeptRecipe, SealedRecipe};
pub use seal::{SealError, seal, seal_moved, seal_restored};
pub use stream::{Checksum, Content, Plain, Receipt, SealedBody, SpoolKey, Stored, StreamError};
pub use survey::{Marks, SealedMark, SealedPlace};
pub use token::{BodyStamp, Stamp, Token, TokenError, TokenKind, is_like_token};
pub use values::{SaidOfValues, ValueMetadata, is_written_key};
