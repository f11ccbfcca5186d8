//! What a leaf holds, as a program reads it.

use std::ops::Deref;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Span;

/// The value of a leaf: a text of its own, or a piece of one that many values share, as most values are spelled as they
/// are. It is wiped with the last value that stands in it.
pub struct Value {
    text: Arc<Zeroizing<String>>,
    start: u32,
    end: u32,
}

/// A document's text, of which values are pieces.
#[derive(Clone)]
pub struct Source(Arc<Zeroizing<String>>);

impl Source {
    /// Takes a text.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(Arc::new(text))
    }

    /// Returns the value that is spelled by these bytes of the text.
    pub(crate) fn value(&self, span: Span) -> Value {
        Value { text: Arc::clone(&self.0), start: offset(span.start), end: offset(span.end) }
    }
}

impl Deref for Source {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self::new(Zeroizing::new(text.to_owned()))
    }
}

impl Value {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.text[self.start as usize..self.end as usize]
    }
}

impl Deref for Value {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<Zeroizing<String>> for Value {
    fn from(text: Zeroizing<String>) -> Self {
        let end = offset(text.len());
        Self { text: Arc::new(text), start: 0, end }
    }
}

fn offset(offset: usize) -> u32 {
    u32::try_from(offset).expect("documents are far below 4 GiB")
}
