//! A byte range of a document, and replacing such ranges.

use zeroize::Zeroizing;

/// A byte range `start..end` of one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// Builds the range `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end, "a span runs forward");
        Self { start, end }
    }

    /// Returns the text that stands in this range.
    pub fn of(self, text: &str) -> &str {
        &text[self.start..self.end]
    }

    /// Returns the range `by` bytes further on.
    #[must_use]
    pub fn shifted(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }

    /// Tells whether the range holds no byte.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// Returns `text` with each span replaced; every byte outside of the spans stays.
///
/// The replacements are in ascending order and do not overlap. The result is wiped when dropped, and its
/// buffer is allocated once, so that no copy of a plaintext is left behind by growing.
pub fn splice<'a>(
    text: &str,
    replacements: impl IntoIterator<Item = (Span, &'a str), IntoIter: Clone>,
) -> Zeroizing<String> {
    let replacements = replacements.into_iter();
    let length =
        replacements.clone().fold(text.len(), |length, (span, new)| length + new.len() - (span.end - span.start));
    let mut result = Zeroizing::new(String::with_capacity(length));
    let mut position = 0;
    for (span, new) in replacements {
        result.push_str(&text[position..span.start]);
        result.push_str(new);
        position = span.end;
    }
    result.push_str(&text[position..]);
    debug_assert_eq!(result.len(), length, "the replacements are in order and apart");
    result
}
