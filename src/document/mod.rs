//! Text and spans per format: what of a document is structure, a leaf or a comment, and where it stands.
//!
//! Knows no keys and no files. Every parser yields the same [`Document`], so that sealing, typed views and merges
//! are written once. Parsing is strict: what two readers could take differently is refused.

mod check;
#[cfg(test)]
pub(crate) mod corpus;
mod dotenv;
pub mod edit;
mod error;
mod format;
mod ini;
mod json;
#[cfg(test)]
mod laws;
mod lines;
mod model;
pub mod path;
mod pattern;
mod span;
mod text;
mod toml;
mod value;
mod yaml;

use zeroize::Zeroizing;

use edit::{EditError, NewValue};
pub use error::{Problem, SyntaxError, position};
pub use format::{Format, UnknownFormat};
pub use model::{
    Comment, Content, Document, Entry, Event, EventKind, Extent, Item, Layout, Leaf, Node, ScalarKind, Style,
};
pub use path::{KeyPath, KeyPathError};
pub use pattern::KeyPattern;
pub use span::{Span, splice};
pub use text::{into_bytes, into_text};
pub use value::{Source, Value};

/// How deep containers may stand in each other.
pub const MAX_DEPTH: usize = 128;
/// How large a structured plaintext may be.
pub const MAX_BYTES: usize = 16 << 20;
/// How many events, leaves and comments a document may have.
pub const MAX_ITEMS: usize = 1 << 19;
/// How many of them may be leaves and comments: what is sealed costs a token each, and some microseconds.
pub const MAX_VALUES: usize = 1 << 17;
/// How long the key paths of all leaves may be together: each leaf holds the whole of its own, so that one long key
/// above many values would cost their product.
pub const MAX_PATH_BYTES: usize = 64 << 20;

/// Parses a document.
///
/// # Errors
/// When the text is no document of its format, or the format is [`Format::Opaque`], which has no leaves. The size is
/// bounded by the caller: a plaintext has at most [`MAX_BYTES`], an encrypted document may have many times as much.
pub fn parse(format: Format, text: &str) -> Result<Document, SyntaxError> {
    parse_text(format, text, Extent::Tree)
}

/// Parses a document as [`parse`] does, as far as it is wanted.
///
/// # Errors
/// As [`parse`].
pub fn parse_text(format: Format, text: &str, extent: Extent) -> Result<Document, SyntaxError> {
    let document = match format {
        Format::Dotenv => dotenv::parse(text),
        Format::Ini => ini::parse(text),
        Format::Json | Format::Yaml => return parse_source(format, &text.into(), extent),
        Format::Opaque => Err(SyntaxError::at(text, 0, Problem::Invalid("an opaque document has no keys"))),
        Format::Toml => toml::parse(text),
    };
    with_bounded_values(text, document?)
}

/// Parses a document as [`parse_text`] does. Values that are spelled as they are share the text.
///
/// # Errors
/// As [`parse`].
pub fn parse_source(format: Format, source: &Source, extent: Extent) -> Result<Document, SyntaxError> {
    match format {
        Format::Json => with_bounded_values(source, json::parse_source(source, extent)?),
        Format::Yaml => with_bounded_values(source, yaml::parse_source(source, extent)?),
        Format::Dotenv | Format::Ini | Format::Opaque | Format::Toml => parse_text(format, source, extent),
    }
}

fn with_bounded_values(text: &str, document: Document) -> Result<Document, SyntaxError> {
    let mut values = document.items.iter().filter_map(|item| match item {
        Item::Comment(comment) => Some(comment.span),
        Item::Event(_) => None,
        Item::Leaf(leaf) => Some(leaf.span),
    });
    match values.nth(MAX_VALUES) {
        Some(first_beyond) => Err(SyntaxError::at(text, first_beyond.start, Problem::TooManyValues)),
        None => Ok(document),
    }
}

/// Sets one value, or adds it: `document` is what [`parse`] made of `text`.
///
/// Every byte that is no part of the value stays, but for what an added entry needs. The result is parsed again:
/// the value reads back, and every other leaf is the same.
pub fn set(
    format: Format,
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let result = match format {
        Format::Dotenv => dotenv::set(text, document, path, value),
        Format::Ini => ini::set(text, document, path, value),
        Format::Json => json::set(text, document, path, value),
        Format::Opaque => Err(EditError::Unspellable { format, what: "keys" }),
        Format::Toml => toml::set(text, document, path, value),
        Format::Yaml => yaml::set(text, document, path, value),
    }?;
    check::is_set(format, (text, document), &result, path, value)?;
    Ok(result)
}

/// Removes one value or everything below a key: `document` is what [`parse`] made of `text`.
///
/// The entry's own lines go with it. The result is parsed again: every other leaf is the same.
pub fn unset(format: Format, text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let result = match format {
        Format::Dotenv => dotenv::unset(text, document, path),
        Format::Ini => ini::unset(text, document, path),
        Format::Json => json::unset(text, document, path),
        Format::Opaque => Err(EditError::Unspellable { format, what: "keys" }),
        Format::Toml => toml::unset(text, document, path),
        Format::Yaml => yaml::unset(text, document, path),
    }?;
    check::is_unset(format, (text, document), &result, path)?;
    Ok(result)
}
