//! Spelling new values so that every reader takes them as what they are.

use serde_json::Value;
use zeroize::Zeroizing;

use super::block;
use super::schema::{Resolved, resolve_plain};
use crate::document::edit::{EditError, NewValue};
use crate::document::json::spelling::Spelling;
use crate::document::path::Component;
use crate::document::{Format, Leaf, ScalarKind, Style};

/// Returns the value if it is a text.
pub(super) fn text(value: NewValue<'_>) -> Option<&str> {
    match value {
        NewValue::Text(text) => Some(text),
        NewValue::Json(value) => value.as_str(),
    }
}

/// Adds a value on one line. `style` is how a text is to be quoted, if that is possible.
pub(super) fn inline(out: &mut Spelling, value: NewValue<'_>, style: Style, in_flow: bool) {
    match value {
        NewValue::Text(text) => out.push(&quote(text, style, in_flow)),
        NewValue::Json(Value::String(text)) => out.push(&quote(text, style, in_flow)),
        NewValue::Json(Value::Array(values)) => {
            out.push("[");
            for (index, value) in values.iter().enumerate() {
                out.push(if index > 0 { ", " } else { "" });
                inline(out, NewValue::Json(value), Style::Plain, true);
            }
            out.push("]");
        }
        NewValue::Json(Value::Object(entries)) => {
            out.push("{");
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push(if index > 0 { ", " } else { "" });
                out.push(&quote(key, Style::Plain, true));
                out.push(": ");
                inline(out, NewValue::Json(value), Style::Plain, true);
            }
            out.push("}");
        }
        NewValue::Json(value @ (Value::Null | Value::Bool(_) | Value::Number(_))) => {
            out.push(&Zeroizing::new(value.to_string()));
        }
    }
}

/// Adds an entry of a flow collection: a value below the keys and items that lead to it.
pub(super) fn flow_entry(out: &mut Spelling, steps: &[Component], value: NewValue<'_>) -> Result<(), EditError> {
    let Some((step, below)) = steps.split_first() else {
        inline(out, value, Style::Plain, true);
        return Ok(());
    };
    if let Component::Key { name, .. } = step {
        out.push(&spell_key(name, true)?);
        out.push(": ");
    }
    flow_container(out, below, value)
}

/// Adds a value in the flow collections that lead to it.
pub(super) fn flow_container(out: &mut Spelling, steps: &[Component], value: NewValue<'_>) -> Result<(), EditError> {
    let (open, close) = match steps.first() {
        None => ("", ""),
        Some(Component::Key { .. }) => ("{", "}"),
        Some(_) => ("[", "]"),
    };
    out.push(open);
    flow_entry(out, steps, value)?;
    out.push(close);
    Ok(())
}

/// Adds a value below the keys and items that lead to it, on lines of their own from the second on.
///
/// `line_end` ends a line and begins the next one with the indentation of the first.
pub(super) fn block_entry(
    out: &mut Spelling,
    steps: &[Component],
    value: NewValue<'_>,
    line_end: &str,
) -> Result<(), EditError> {
    let Some((step, below)) = steps.split_first() else {
        inline(out, value, Style::Plain, false);
        return Ok(());
    };
    let inner_line_end = line_end.to_owned() + INDENTATION;
    if let Component::Key { name, .. } = step {
        out.push(&spell_key(name, false)?);
        out.push(if below.is_empty() { ": " } else { ":" });
        out.push(if below.is_empty() { "" } else { &inner_line_end });
    } else {
        out.push("- ");
    }
    block_entry(out, below, value, &inner_line_end)
}

/// By how much a new block collection is indented.
pub(super) const INDENTATION: &str = "  ";

/// Returns a block literal for a text of several lines in the place of the block scalar `old`, or none if only
/// double quotes can hold the text.
pub(super) fn literal(text: &str, old: &Leaf, old_source: &str, line_end: &str) -> Option<Zeroizing<String>> {
    let content = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = content.split('\n');
    let is_possible = text.contains('\n')
        && content.chars().all(|character| matches!(character, '\n' | '\t') || is_printable(character))
        && content.split('\n').all(|line| line.is_empty() || !line.trim_matches([' ', '\t']).is_empty())
        && !content.is_empty()
        && !content.ends_with('\n');
    if !is_possible {
        return None;
    }
    let parent = (old.layout.indent as usize).saturating_sub(1);
    let column = block::column(old_source).filter(|column| *column > parent).unwrap_or(parent + INDENTATION.len());
    let begins_with_blank = lines.find(|line| !line.is_empty()).is_some_and(|line| line.starts_with([' ', '\t']));

    let mut out = Spelling::default();
    out.push("|");
    if begins_with_blank {
        let indicator = u32::try_from(column - parent).ok().and_then(|indent| char::from_digit(indent, 10))?;
        out.push(indicator.encode_utf8(&mut [0; 4]));
    }
    if content.len() == text.len() {
        out.push("-");
    }
    out.push(block::header_comment(old_source));
    let indentation = " ".repeat(column);
    for line in content.split('\n') {
        out.push(line_end);
        out.push(if line.is_empty() { "" } else { &indentation });
        out.push(line);
    }
    if content.len() != text.len() && !old.layout.line_end {
        out.push(line_end);
    }
    Some(out.finish())
}

fn spell_key(name: &str, in_flow: bool) -> Result<Zeroizing<String>, EditError> {
    let key = quote(name, Style::Plain, in_flow);
    if key.chars().count() > LONGEST_KEY {
        return Err(EditError::Unspellable { format: Format::Yaml, what: "a key of more than 1024 characters" });
    }
    Ok(key)
}

/// The limit for keys without `?` (YAML 1.2.2, section 7.4).
const LONGEST_KEY: usize = 1024;

/// Spells a text on one line.
fn quote(text: &str, style: Style, in_flow: bool) -> Zeroizing<String> {
    let mut quoted = Zeroizing::new(String::with_capacity(LONGEST_ESCAPE * text.len() + 2));
    let is_printable = text.chars().all(is_printable);
    match style {
        Style::Plain | Style::Literal | Style::Folded if is_plain(text, in_flow) => quoted.push_str(text),
        Style::DoubleQuoted => escape(&mut quoted, text),
        _ if !is_printable => escape(&mut quoted, text),
        _ => {
            quoted.push('\'');
            for (index, piece) in text.split('\'').enumerate() {
                quoted.push_str(if index > 0 { "''" } else { "" });
                quoted.push_str(piece);
            }
            quoted.push('\'');
        }
    }
    quoted
}

/// How many bytes the spelling of one byte takes at most: `\x01`.
const LONGEST_ESCAPE: usize = 4;

fn escape(quoted: &mut String, text: &str) {
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0' => quoted.push_str("\\0"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            _ if is_printable(character) => quoted.push(character),
            _ => {
                let code = u32::from(character);
                let (letter, digits) = if code < 0x100 { ('x', 2) } else { ('u', 4) };
                quoted.extend(['\\', letter]);
                let digit = |place: u32| char::from_digit((code >> (4 * place)) & 0xf, 16).unwrap_or('0');
                quoted.extend((0..digits).rev().map(digit));
            }
        }
    }
    quoted.push('"');
}

/// Tells whether a character can stand unescaped on a line for readers of every version of YAML: no control, no
/// line end of YAML 1.1, no byte order mark, nothing outside of `c-printable`.
fn is_printable(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Tells whether every reader takes `text` without quotes as this text.
///
/// Stricter than YAML 1.2: what begins with a digit, sign or dot may be a number, a date or a time in YAML 1.1.
fn is_plain(text: &str, in_flow: bool) -> bool {
    let is_word = text.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '/'));
    let has_indicator = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']);
    is_word
        && !has_indicator
        && !(in_flow && text.contains([',', '[', ']', '{', '}', ':', '?']))
        && text.chars().all(is_printable)
        && resolve_plain(text) == Resolved::Scalar(ScalarKind::String)
        && !WORDS_OF_YAML_1_1.iter().any(|word| text.eq_ignore_ascii_case(word))
}

const WORDS_OF_YAML_1_1: [&str; 9] = ["false", "n", "no", "null", "off", "on", "true", "y", "yes"];
