//! Escaping of text that could steer a terminal or deceive the eye: control characters, direction marks, invisible ones.

use std::fmt::{self, Display, Formatter};

/// A text that is shown with every character that is not plainly visible spelled out. No copy of it is made.
pub struct Escaped<'a> {
    text: &'a str,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A whole JSON text: it means the same as before.
    Json,
    /// A part of a line: line feeds and tabs are spelled out too, so that it can't be taken for several parts.
    Line,
    /// Lines.
    Text,
}

impl<'a> Escaped<'a> {
    /// Shows a JSON text that a parser reads as before.
    pub fn json(text: &'a str) -> Self {
        Self { text, form: Form::Json }
    }

    /// Shows one line, whatever is in it.
    pub fn line(text: &'a str) -> Self {
        Self { text, form: Form::Line }
    }

    /// Shows lines; line feeds and tabs stay.
    pub fn text(text: &'a str) -> Self {
        Self { text, form: Form::Text }
    }
}

impl Display for Escaped<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let is_escaped = |character: char| match character {
            '\n' | '\t' => self.form == Form::Line,
            _ => is_deceptive(character),
        };
        let mut rest = self.text;
        while let Some((index, character)) = rest.char_indices().find(|(_, character)| is_escaped(*character)) {
            out.write_str(&rest[..index])?;
            if self.form == Form::Json {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                write!(out, "{}", character.escape_unicode())?;
            }
            rest = &rest[index + character.len_utf8()..];
        }
        out.write_str(rest)
    }
}

/// Tells whether a line is shown as it is.
pub fn is_plain(line: &str) -> bool {
    !line.contains(|character| character != '\t' && is_deceptive(character))
}

fn is_deceptive(character: char) -> bool {
    match character {
        // Soft hyphen, Arabic letter mark, zero-width and direction marks, line separators, direction overrides and
        // isolates, byte order mark, interlinear marks, tags.
        '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        // C0 and C1.
        _ => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{Escaped, is_deceptive};

    fn text(text: &str) -> String {
        Escaped::text(text).to_string()
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(text("a\u{1b}]52;c;Zm9v\u{7}b"), "a\\u{1b}]52;c;Zm9v\\u{7}b");
        assert_eq!(text("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(text("a\rb"), "a\\u{d}b");
    }

    #[test]
    fn direction_marks_do_not_deceive() {
        assert_eq!(text("prod\u{202e}dorp"), "prod\\u{202e}dorp");
    }

    #[test]
    fn ordinary_text_stays() {
        assert_eq!(text("größe\tпароль\n密码"), "größe\tпароль\n密码");
    }

    #[test]
    fn a_line_stays_one() {
        assert_eq!(Escaped::line("a\nhint:\tb").to_string(), "a\\u{a}hint:\\u{9}b");
    }

    proptest! {
        #[test]
        fn escaped_json_means_the_same(value in "[a\u{9b}\u{202e}\u{e0041}\n\"\\\\]{0,9}") {
            let json = serde_json::json!([value]).to_string();
            let shown = Escaped::json(&json).to_string();
            prop_assert!(!shown.contains(is_deceptive), "{shown:?}");
            prop_assert_eq!(serde_json::from_str::<[String; 1]>(&shown).expect("it is JSON"), [value]);
        }
    }
}
