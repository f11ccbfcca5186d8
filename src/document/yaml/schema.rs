//! The core schema of YAML 1.2.2 (section 10.3): which type a scalar has.

use crate::document::{ScalarKind, Style};

/// What a scalar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    Null,
    Scalar(ScalarKind),
}

/// What a tag says about a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Boolean,
    Float,
    Integer,
    Null,
    /// `!!str`, or the `!` that forbids resolution.
    String,
    Other,
}

impl Tag {
    pub(super) fn of(tag: &granit_parser::Tag) -> Self {
        match tag.core_suffix() {
            Some("bool") => Self::Boolean,
            Some("float") => Self::Float,
            Some("int") => Self::Integer,
            Some("null") => Self::Null,
            Some("str") => Self::String,
            None if tag.parts() == ("", "!") => Self::String,
            _ => Self::Other,
        }
    }
}

/// Resolves a scalar that is spelled `source`.
///
/// Only a plain scalar can be null, so that a token, which is plain and spells no null, stands for a scalar that
/// was none.
pub(super) fn resolve(source: &str, style: Style, tag: Option<Tag>) -> Resolved {
    let plain = if style == Style::Plain { resolve_plain(source) } else { Resolved::Scalar(ScalarKind::String) };
    match tag {
        Some(Tag::Boolean) => Resolved::Scalar(ScalarKind::Boolean),
        Some(Tag::Float) => Resolved::Scalar(ScalarKind::Float),
        Some(Tag::Integer) => Resolved::Scalar(ScalarKind::Integer),
        Some(Tag::String) => Resolved::Scalar(ScalarKind::String),
        None | Some(Tag::Null | Tag::Other) => plain,
    }
}

/// Resolves a plain scalar without a tag.
pub(super) fn resolve_plain(source: &str) -> Resolved {
    match source {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Resolved::Scalar(ScalarKind::Boolean),
        // Numbers begin with a digit or a point, behind a sign. Most texts are long, and none.
        _ if !without_sign(source).starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            Resolved::Scalar(ScalarKind::String)
        }
        _ if is_integer(source) => Resolved::Scalar(ScalarKind::Integer),
        _ if is_float(source) => Resolved::Scalar(ScalarKind::Float),
        _ => Resolved::Scalar(ScalarKind::String),
    }
}

fn is_integer(source: &str) -> bool {
    if let Some(digits) = source.strip_prefix("0o") {
        return is_made_of(digits, |byte| matches!(byte, b'0'..=b'7'));
    }
    if let Some(digits) = source.strip_prefix("0x") {
        return is_made_of(digits, u8::is_ascii_hexdigit);
    }
    is_digits(without_sign(source))
}

fn is_float(source: &str) -> bool {
    let number = without_sign(source);
    if matches!(number, ".inf" | ".Inf" | ".INF") || matches!(source, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (number, None),
    };
    let has_exponent = exponent.is_none_or(|exponent| is_digits(without_sign(exponent)));
    has_exponent
        && match number.split_once('.') {
            Some(("", fraction)) => is_digits(fraction),
            Some((whole, fraction)) => is_digits(whole) && (fraction.is_empty() || is_digits(fraction)),
            None => is_digits(number),
        }
}

fn without_sign(source: &str) -> &str {
    source.strip_prefix(['-', '+']).unwrap_or(source)
}

fn is_digits(text: &str) -> bool {
    is_made_of(text, u8::is_ascii_digit)
}

fn is_made_of(text: &str, is_allowed: fn(&u8) -> bool) -> bool {
    !text.is_empty() && text.as_bytes().iter().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::{Resolved, resolve_plain};
    use crate::document::ScalarKind;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        let cases = [
            (ScalarKind::Boolean, "true True TRUE false False FALSE"),
            (ScalarKind::Integer, "0 -1 +12 007 0o17 0xBeef 123456789012345678901234567890"),
            (ScalarKind::Float, "1. 1.5 -.5 +1e3 1.e-3 1E+2 .inf -.INF +.Inf .nan .NAN .NaN"),
            (ScalarKind::String, "tRUE yes on 1_000 0b1 0o8 0x -0x1 +0o7 1e . +. e1 -.nan 1.2.3 .infinity - 1:30 nULL"),
        ];
        for (kind, sources) in cases {
            for source in sources.split(' ') {
                assert_eq!(resolve_plain(source), Resolved::Scalar(kind), "{source}");
            }
        }
        for source in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(resolve_plain(source), Resolved::Null, "{source}");
        }
    }
}
