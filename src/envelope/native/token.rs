//! The text of tokens (docs/format.md section 6): what stands in a document in place of a leaf.

use std::fmt::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;

use super::day;
use crate::crypto::{SALT_BYTES, Sealed};

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
    /// The recipe of a value's next one: it stands in the header, and nowhere else.
    Recipe,
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
            Self::Recipe => 'r',
            Self::Value => 'v',
        }
    }
}

impl Stamp {
    /// Appends the token with this stamp: `sealed` is what [`Sealed::from_bytes`] reads.
    pub fn push_token(&self, sealed: &[u8], out: &mut String) {
        let _ = write!(out, "{PREFIX}{}.", self.kind.letter());
        out.push_str(str::from_utf8(&day::print(self.day)).expect("digits are ASCII"));
        let _ = write!(out, ".{}.", self.generation);
        URL_SAFE_NO_PAD.encode_string(sealed, out);
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
        let token = Self::parse_parts(rest).filter(|token| token.stamp.kind != TokenKind::Recipe);
        token.map(Some).ok_or(TokenError::Malformed)
    }

    /// Reads the token of a recipe, in its only spelling.
    pub fn parse_recipe(text: &str) -> Option<Self> {
        Self::parse_parts(text.strip_prefix(PREFIX)?).filter(|token| token.stamp.kind == TokenKind::Recipe)
    }

    fn parse_parts(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let kind = match parts.next()? {
            "b" => TokenKind::Block,
            "c" => TokenKind::Comment,
            "r" => TokenKind::Recipe,
            "v" => TokenKind::Value,
            _ => return None,
        };
        let stamp = Stamp { kind, day: day::parse(parts.next()?)?, generation: parse_generation(parts.next()?)? };
        // The engine refuses unused bits that are not zero, so no two texts stand for the same bytes.
        let encoded = parts.next()?;
        let mut short = [0; USUAL_BYTES];
        let sealed = if base64::decoded_len_estimate(encoded.len()) <= short.len() {
            let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut short).ok()?;
            Sealed::from_bytes(&short[..length])?
        } else {
            Sealed::from_bytes(&URL_SAFE_NO_PAD.decode(encoded).ok()?)?
        };
        Some(Self { stamp, sealed })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.stamp.push_token(&self.sealed.to_bytes(), &mut text);
        out.write_str(&text)
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
    let is_canonical = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_canonical)
}

const ANY_VERSION: &str = "secret-v";
const PREFIX: &str = "secret-v1.";
const MAX_STAMP_BYTES: usize = 128;
/// Most tokens hold no more.
const USUAL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{Stamp, Token, TokenError, TokenKind};
    use crate::crypto::Sealed;

    fn token() -> Token {
        let stamp = Stamp { kind: TokenKind::Value, day: jiff::civil::date(2026, 11, 22), generation: 3 };
        Token { stamp, sealed: Sealed { salt: [1; 24], ciphertext: [2; 48][..].into(), checksum: [3; 4] } }
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
            // That of a recipe stands in no document.
            text.replace(".v.", ".r."),
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
