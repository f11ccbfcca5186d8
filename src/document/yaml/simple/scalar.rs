//! Scalars on one line: where they end and what they say.

use granit_parser::Event as Parsed;
use zeroize::Zeroizing;

use super::Reader;
use crate::document::{Span, Style, Value};

impl Reader<'_> {
    /// Returns the value of a scalar on one line.
    pub(super) fn value(&self, span: Span, style: Style) -> Option<Value> {
        let source = span.of(self.text);
        match style {
            Style::DoubleQuoted if source.contains('\\') => Some(unescaped(source)?.into()),
            Style::SingleQuoted if source[1..source.len() - 1].contains('\'') => {
                Some(Zeroizing::new(source[1..source.len() - 1].replace("''", "'")).into())
            }
            Style::DoubleQuoted | Style::SingleQuoted => {
                Some(self.source.value(Span::new(span.start + 1, span.end - 1)))
            }
            _ => Some(self.source.value(span)),
        }
    }

    pub(super) fn double_quoted_end(&self, start: usize) -> Option<usize> {
        let rest = &self.bytes[start + 1..self.line.end];
        let mut position = start + 1 + rest.iter().position(|byte| !is_in_word(*byte))?;
        loop {
            match self.line_byte(position)? {
                b'"' => return Some(position + 1),
                b'\\' if self.line_byte(position + 1).is_some_and(is_printable) => position += 2,
                b'\\' => return None,
                byte if is_printable(byte) => position += 1,
                _ => return None,
            }
        }
    }

    pub(super) fn single_quoted_end(&self, start: usize) -> Option<usize> {
        let mut position = start + 1;
        loop {
            match self.line_byte(position)? {
                b'\'' if self.line_byte(position + 1) == Some(b'\'') => position += 2,
                b'\'' => return Some(position + 1),
                byte if is_printable(byte) => position += 1,
                _ => return None,
            }
        }
    }

    pub(super) fn plain_end(&self, start: usize) -> Option<usize> {
        let first = self.bytes[start];
        let begins = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || b"_./+$(;^=\\~".contains(&byte);
        let is_number = first == b'-' && self.line_byte(start + 1).is_some_and(|next| next.is_ascii_alphanumeric());
        if !begins(first) && !is_number {
            return None;
        }
        let rest = &self.bytes[start..self.line.end];
        // Most of a plain scalar is taken in one run.
        let run = start + rest.iter().position(|byte| !is_in_word(*byte)).unwrap_or(rest.len());
        let mut end = run;
        for position in run..self.line.end {
            match self.bytes[position] {
                b' ' => {}
                b'#' if self.bytes[position - 1] == b' ' => break,
                b':' if matches!(self.line_byte(position + 1), None | Some(b' ')) => return None,
                byte if is_printable(byte) => end = position + 1,
                _ => return None,
            }
        }
        Some(end)
    }
}

/// Returns the value of a scalar in double quotes.
fn unescaped(source: &str) -> Option<Zeroizing<String>> {
    // Escapes are the whole grammar's business.
    let mut events = granit_parser::Parser::new_from_str(source);
    let scalar = events.find_map(|event| match event {
        Ok((Parsed::Scalar(value, ..), _)) => Some(Some(value.into_owned())),
        Ok(_) => None,
        Err(_) => Some(None),
    });
    scalar.flatten().map(Zeroizing::new)
}

/// Tells whether a byte has no meaning of its own anywhere behind the first byte of a plain scalar.
fn is_in_word(byte: u8) -> bool {
    IN_WORD[usize::from(byte)]
}

/// Tells whether a byte is a printable character of ASCII or part of another one.
pub(super) fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | 0x80..)
}

/// Most bytes of a document are asked this, so that looking it up pays.
const IN_WORD: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-'..=b'/' | b'_' | b'+' | b'=');
        byte += 1;
    }
    table
};
