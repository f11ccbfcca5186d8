//! What a document says, as a tree of values: aliases and merge keys resolved, comments and layout left out.

use std::borrow::Cow;

use crate::document::Leaf;
use crate::document::path::Component;

/// A value of a document, on the texts of its leaves.
pub enum Value<'a> {
    /// Values in order.
    List(Vec<Value<'a>>),
    /// Values with keys, in order; no two have the same name.
    Map(Vec<Member<'a>>),
    /// Nothing.
    Null,
    /// A text, a number, a boolean or a date.
    Scalar(&'a Leaf),
}

/// A value with its key.
pub struct Member<'a> {
    /// The key as it stands in key paths.
    pub key: &'a Component,
    /// The key as a text: the second of equal keys is `key#2`.
    pub name: Cow<'a, str>,
    /// The value.
    pub value: Value<'a>,
}

impl Value<'_> {
    /// Says what of a value is there, without saying which.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::List(items) if items.is_empty() => "an empty list",
            Self::List(_) => "a list",
            Self::Map(members) if members.is_empty() => "an empty map",
            Self::Map(_) => "a map",
            Self::Null => "null",
            Self::Scalar(_) => "a single value",
        }
    }
}
