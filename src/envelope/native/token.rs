//! The text of tokens (docs/format.md section 6): what stands in a document in place of a leaf.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;

use super::day;
use crate::crypto::{CHECKSUM_BYTES, SALT_BYTES, Sealed, TAG_BYTES, is_padded_length};

/// A sealed leaf, comment, or the first line of an opaque body.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What was sealed, when, and under which data key.
    pub stamp: Stamp,
    /// The ciphertext.
    pub sealed: Sealed,
}

/// What a token says in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What was sealed.
    pub kind: TokenKind,
    /// The UTC day on which the value was last replaced.
    pub day: Date,
    /// The data key's number on that day.
    pub generation: u32,
}

/// What a token stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A value whose source text is a YAML block scalar: its meaning depends on the indentation around it.
    Block,
    /// The text of a comment.
    Comment,
    /// A value.
    Value,
}

/// A text that begins like a token and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is damaged.
    #[error("is damaged")]
    Malformed,
    /// Another version of the format.
    #[error("is of a newer format version")]
    NewerVersion,
}

/// Tells whether a text begins as tokens of any version do.
pub fn is_like_token(text: &str) -> bool {
    Token::is_likely(text)
}

impl TokenKind {
    /// Returns the letter in the token.
    pub fn letter(self) -> char {
        match self {
            Self::Block => 'b',
            Self::Comment => 'c',
            Self::Value => 'v',
        }
    }
}

impl Stamp {
    fn print(&self) -> String {
        format!("{PREFIX}{}.{}.{}.", self.kind.letter(), self.day, self.generation)
    }
}

impl Token {
    /// Tells whether a text begins as tokens of any version do.
    pub fn is_likely(text: &str) -> bool {
        text.strip_prefix(ANY_VERSION)
            .is_some_and(|rest| rest.starts_with(|character: char| character.is_ascii_digit()))
    }

    /// Reads a token; `None` for a text that does not begin like one.
    ///
    /// # Errors
    /// When it begins like one and is none in the only spelling.
    pub fn parse(text: &str) -> Result<Option<Self>, TokenError> {
        if !Self::is_likely(text) {
            return Ok(None);
        }
        let rest = text.strip_prefix(PREFIX).ok_or(TokenError::NewerVersion)?;
        Self::parse_parts(rest).map(Some).ok_or(TokenError::Malformed)
    }

    fn parse_parts(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let kind = match parts.next()? {
            "b" => TokenKind::Block,
            "c" => TokenKind::Comment,
            "v" => TokenKind::Value,
            _ => return None,
        };
        let stamp = Stamp { kind, day: day::parse(parts.next()?)?, generation: parse_generation(parts.next()?)? };
        // The engine refuses unused bits that are not zero, so no two texts stand for the same bytes.
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let padded = bytes.len().checked_sub(SALT_BYTES + TAG_BYTES + CHECKSUM_BYTES)?;
        if !is_padded_length(padded) {
            return None;
        }
        let (salt, rest) = bytes.split_at(SALT_BYTES);
        let (ciphertext, checksum) = rest.split_at(padded + TAG_BYTES);
        let sealed = Sealed {
            salt: salt.try_into().ok()?,
            ciphertext: ciphertext.to_vec(),
            checksum: checksum.try_into().ok()?,
        };
        Some(Self { stamp, sealed })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.sealed.salt[..], &self.sealed.ciphertext, &self.sealed.checksum].concat();
        out.write_str(&self.stamp.print())?;
        out.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// The first line of an opaque body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyStamp {
    /// The UTC day on which the content was last replaced.
    pub day: Date,
    /// The data key's number on that day.
    pub generation: u32,
    /// The salt of the chunks.
    pub salt: [u8; SALT_BYTES],
}

impl BodyStamp {
    /// Splits a body into its first line and the chunks.
    pub fn split(body: &[u8]) -> Option<(Self, &[u8])> {
        let end = body.iter().take(MAX_STAMP_BYTES).position(|byte| *byte == b'\n')?;
        let line = str::from_utf8(&body[..end]).ok()?;
        let mut parts = line.strip_prefix(PREFIX)?.strip_prefix("o.")?.splitn(3, '.');
        let stamp = Self {
            day: day::parse(parts.next()?)?,
            generation: parse_generation(parts.next()?)?,
            salt: URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?,
        };
        Some((stamp, &body[end + 1..]))
    }
}

impl fmt::Display for BodyStamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{PREFIX}o.{}.{}.{}", self.day, self.generation, URL_SAFE_NO_PAD.encode(self.salt))
    }
}

fn parse_generation(text: &str) -> Option<u32> {
    text.parse().ok().filter(|generation: &u32| *generation > 0 && generation.to_string() == text)
}

const ANY_VERSION: &str = "secret-v";
const PREFIX: &str = "secret-v1.";
const MAX_STAMP_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{Stamp, Token, TokenError, TokenKind};
    use crate::crypto::Sealed;

    fn token() -> Token {
        let stamp = Stamp { kind: TokenKind::Value, day: jiff::civil::date(2026, 11, 22), generation: 3 };
        Token { stamp, sealed: Sealed { salt: [1; 24], ciphertext: vec![2; 48], checksum: [3; 4] } }
    }

    #[test]
    fn a_token_has_one_spelling() {
        let text = token().to_string();
        assert!(Token::parse(&text) == Ok(Some(token())));
        let variants = [
            text.replace(".3.", ".03."),
            text.replace(".3.", ".+3."),
            text.replace(".3.", ".0."),
            text.replace("2026-11-22", "20261122"),
            text.replace("2026-11-22", "2026-11-31"),
            text.replace(".v.", ".x."),
            format!("{text}A"),
            format!("{text}AAAA"),
            format!("{text}="),
            text[..text.len() - 4].to_owned(),
            format!("{}B", &text[..text.len() - 1]),
        ];
        for variant in variants {
            assert!(variant == text || Token::parse(&variant) == Err(TokenError::Malformed), "{variant}");
        }
        assert!(Token::parse(&text.replace("-v1", "-v2")) == Err(TokenError::NewerVersion));
        assert!(Token::parse(&format!(" {text}")) == Ok(None));
    }

    proptest! {
        #[test]
        fn what_reads_as_a_token_prints_the_same(text in "secret-v1\\.[bcv]\\.2026-[01][0-9]-[0-3][0-9]\\.[0-9]{1,3}\\.[A-Za-z0-9_-]{100,104}") {
            if let Ok(Some(token)) = Token::parse(&text) {
                prop_assert_eq!(token.to_string(), text);
            }
        }

        #[test]
        fn no_text_panics(text in "(secret-v1\\.)?.*") {
            prop_assert!(Token::parse(&text).is_err() || !text.starts_with("secret-v1."));
        }
    }
}
