//! Why values cannot be handed on. No message has a value in it.

use std::fmt;

use crate::document::KeyPath;
use crate::workspace::ViewError;

/// A key of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user wrote it.
    pub file: String,
    /// The key.
    pub key: KeyPath,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.0.as_slice() {
            [] => write!(out, "{}", self.file),
            _ => write!(out, "{} of {}", self.key, self.file),
        }
    }
}

/// Values that cannot be handed on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// Two values would have the same name.
    #[error("{one} and {other} would both be {name}")]
    Collision {
        /// The name.
        name: String,
        /// The first one.
        one: Place,
        /// The second one.
        other: Place,
    },
    /// A variable of this name makes programs run or load something.
    #[error("{place} would set {name}, which decides what programs run or load")]
    Dangerous {
        /// The name.
        name: String,
        /// Where it comes from.
        place: Place,
    },
    /// The value is encrypted a second time, and whoever gets it would take that for the secret.
    #[error("{place} is still encrypted ({by})")]
    Encrypted {
        /// The value.
        place: Place,
        /// With what.
        by: &'static str,
    },
    /// The name is none that a variable can have.
    #[error("{place} makes no name for a variable: {name:?}")]
    IllegalName {
        /// The name.
        name: String,
        /// Where it comes from.
        place: Place,
    },
    /// The value has a NUL character, with which values of variables end.
    #[error("{place} has a NUL character, which no variable can hold")]
    Nul {
        /// The value.
        place: Place,
    },
    /// There is nothing to hand on.
    #[error("{place} is {what}, and no variable can say so")]
    NoValue {
        /// Where.
        place: Place,
        /// What is there.
        what: &'static str,
    },
    /// The file has no keys.
    #[error("{file} has no keys: it was encrypted as a whole")]
    Opaque {
        /// The file.
        file: String,
    },
    /// The file is a stream of documents.
    #[error("{file} has several documents: their keys would be mixed up")]
    SeveralDocuments {
        /// The file.
        file: String,
    },
    /// Names and keys are too long together.
    #[error("{file} has more keys than can be handed on")]
    TooLarge {
        /// The file.
        file: String,
    },
    /// The format cannot hold it.
    #[error("{place}: {format} cannot hold {what}")]
    Unholdable {
        /// The value.
        place: Place,
        /// The format.
        format: &'static str,
        /// What it is.
        what: &'static str,
    },
    /// No value is meant by a key that the user named.
    #[error("{option} {key}: there is no such key")]
    Unmatched {
        /// The option.
        option: &'static str,
        /// The key.
        key: String,
        /// The keys that are most like it.
        similar: Vec<String>,
    },
    /// There is no typed view of the file.
    #[error("{file}: {source}")]
    View {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: ViewError,
    },
}
