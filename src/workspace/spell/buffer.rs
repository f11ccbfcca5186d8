//! A text that leaves no copy of itself behind when it grows.

use std::fmt::{self, Write};

use zeroize::Zeroizing;

/// A secret text that is being written.
#[derive(Default)]
pub struct Buffer {
    text: Zeroizing<String>,
}

impl Buffer {
    /// Adds a text.
    pub fn push(&mut self, more: &str) {
        let needed = self.text.len() + more.len();
        if needed > self.text.capacity() {
            let mut grown = Zeroizing::new(String::with_capacity(needed.max(2 * self.text.capacity())));
            grown.push_str(&self.text);
            self.text = grown;
        }
        self.text.push_str(more);
    }

    /// Adds a character.
    pub fn push_character(&mut self, character: char) {
        self.push(character.encode_utf8(&mut [0; 4]));
    }

    /// Adds blanks, two for each step.
    pub fn indent(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.push("  "));
    }

    /// Tells whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Returns the text.
    pub fn into_text(self) -> Zeroizing<String> {
        self.text
    }
}

impl Write for Buffer {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.push(more);
        Ok(())
    }
}
