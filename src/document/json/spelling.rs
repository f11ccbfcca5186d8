//! Spelling values anew, without leaving copies of them in memory.

use std::fmt::Write;

use zeroize::Zeroizing;

/// A text that is put together piece by piece; a buffer that has become too small is wiped.
#[derive(Default)]
pub(in crate::document) struct Spelling(Zeroizing<String>);

impl Spelling {
    /// Adds a piece.
    pub(in crate::document) fn push(&mut self, piece: &str) {
        let length = self.0.len() + piece.len();
        if length > self.0.capacity() {
            let mut larger = Zeroizing::new(String::with_capacity(2 * length));
            larger.push_str(&self.0);
            self.0 = larger;
        }
        self.0.push_str(piece);
    }

    /// Tells whether nothing has been added yet.
    pub(in crate::document) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text.
    pub(in crate::document) fn finish(self) -> Zeroizing<String> {
        self.0
    }
}

/// Puts text between double quotes, with escapes that JSON and TOML have in common.
pub(in crate::document) fn quote(text: &str) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(LONGEST_ESCAPE * text.len() + 2));
    quoted.push('"');
    for character in text.chars() {
        escape(&mut quoted, character);
    }
    quoted.push('"');
    quoted
}

/// Adds a character of a double-quoted string, escaped where JSON or TOML demands it.
pub(in crate::document) fn escape(quoted: &mut String, character: char) {
    match character {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\u{8}' => quoted.push_str("\\b"),
        '\t' => quoted.push_str("\\t"),
        '\n' => quoted.push_str("\\n"),
        '\u{c}' => quoted.push_str("\\f"),
        '\r' => quoted.push_str("\\r"),
        // TOML forbids U+007F in strings.
        '\0'..='\u{1f}' | '\u{7f}' => {
            write!(quoted, "\\u{:04x}", u32::from(character)).expect("a String takes all that is written");
        }
        _ => quoted.push(character),
    }
}

/// How many bytes the escape of one byte takes at most.
pub(in crate::document) const LONGEST_ESCAPE: usize = "\\u0000".len();
