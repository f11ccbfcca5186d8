//! Changing one value of a document's text: what may be asked for, and what can go wrong.

use zeroize::Zeroizing;

use super::{Format, KeyPath};

/// A value to put into a document.
#[derive(Clone, Copy)]
pub enum NewValue<'a> {
    /// A JSON value: a number, a boolean, null, a text, a list or a map.
    Json(&'a serde_json::Value),
    /// Text, whatever it looks like.
    Text(&'a str),
}

impl NewValue<'_> {
    /// Returns the text that stands for this value in a `format` that knows nothing but text.
    pub(super) fn text(self, format: Format) -> Result<Zeroizing<String>, EditError> {
        use serde_json::Value;
        let unspellable = |what| Err(EditError::Unspellable { format, what });
        let text = match self {
            Self::Text(text) => text.to_owned(),
            Self::Json(Value::Array(_)) => return unspellable("lists"),
            Self::Json(Value::Bool(boolean)) => boolean.to_string(),
            Self::Json(Value::Null) => return unspellable("null"),
            Self::Json(Value::Number(number)) => number.to_string(),
            Self::Json(Value::Object(_)) => return unspellable("maps as values"),
            Self::Json(Value::String(text)) => text.clone(),
        };
        if text.contains('\0') { unspellable("a NUL character") } else { Ok(Zeroizing::new(text)) }
    }
}

/// Why a document cannot be changed as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no key path.
    #[error(transparent)]
    KeyPath(#[from] super::KeyPathError),
    /// The path leads through a node that has no such children.
    #[error("{0} holds a value, no keys below it")]
    NotAContainer(KeyPath),
    /// There is nothing at the path.
    #[error("there is no key {0}")]
    NotFound(KeyPath),
    /// The path names an item behind the end of a list.
    #[error("the list has {length} items, so the next one is [{length}]")]
    BehindEnd {
        /// How many items the list has.
        length: usize,
    },
    /// A list or map stands where one value is to be set.
    #[error("{0} holds keys or items, not one value")]
    NotAValue(KeyPath),
    /// The format has no way to spell this value at this place.
    #[error("{format} cannot hold {what}")]
    Unspellable {
        /// The format.
        format: Format,
        /// What it cannot hold.
        what: &'static str,
    },
    /// The key cannot be changed without changing something else too (an alias, a merge key, a complex key).
    #[error("{path} cannot be changed alone: {reason}")]
    Entangled {
        /// The key.
        path: KeyPath,
        /// Why.
        reason: &'static str,
    },
}
