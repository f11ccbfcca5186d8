//! Text and spans per format: what of a document is structure, a leaf or a comment, and where it stands.
//!
//! Knows no keys and no files. Every parser yields the same [`Document`], so that sealing, typed views and merges
//! are written once. Parsing is strict: what two readers could take differently is refused.

pub mod edit;
mod error;
mod format;
mod model;
pub mod path;
mod pattern;
mod span;

pub use error::{Problem, SyntaxError, position};
pub use format::{Format, UnknownFormat};
pub use model::{Comment, Content, Document, Entry, Event, EventKind, Item, Layout, Leaf, Node, ScalarKind, Style};
pub use path::{KeyPath, KeyPathError};
pub use pattern::KeyPattern;
pub use span::{Span, splice};

/// How deep containers may stand in each other.
pub const MAX_DEPTH: usize = 128;
/// How large a structured plaintext may be.
pub const MAX_BYTES: usize = 16 << 20;
/// How many events, leaves and comments a document may have.
pub const MAX_ITEMS: usize = 4 << 20;
/// How long the key paths of all leaves may be together: each leaf holds the whole of its own, so that one long key
/// above many values would cost their product.
pub const MAX_PATH_BYTES: usize = 512 << 20;
