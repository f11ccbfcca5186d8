//! YAML that readers of 1.1 and of 1.2 take for the same: texts in double quotes, numbers in decimal, no anchors.

use zeroize::Zeroizing;

use super::{Buffer, integer, write_plain, write_quoted};
use crate::document::Leaf;
use crate::document::path::{Component, KeyKind};
use crate::workspace::value::Value;

/// Spells a value as a YAML document.
pub fn yaml(value: &Value<'_>) -> Zeroizing<String> {
    let mut out = Buffer::default();
    if is_inline(value) {
        write_inline(&mut out, value);
        out.push("\n");
    } else {
        write_block(&mut out, value, 0);
    }
    out.into_text()
}

/// Spells a key; `None` for one that readers of YAML 1.1 and 1.2 take for different ones.
pub fn yaml_key(key: &Component) -> Option<Zeroizing<String>> {
    let mut out = Buffer::default();
    match key {
        Component::Key { kind: KeyKind::String, name, occurrence: 0 } if is_plain_key(name) => out.push(name),
        Component::Key { kind: KeyKind::String, name, occurrence: 0 } => write_text(&mut out, name),
        Component::Key { kind: KeyKind::Other, name, occurrence: 0 } if is_plain_scalar(name) => out.push(name),
        _ => return None,
    }
    Some(out.into_text())
}

/// Writes a text in double quotes. Whatever a reader could take for a line end, a mark of the byte order or nothing
/// printable is escaped.
pub(super) fn write_text(out: &mut Buffer, text: &str) {
    write_quoted(out, text, is_unprintable);
}

fn write_block(out: &mut Buffer, value: &Value<'_>, depth: usize) {
    match value {
        Value::List(items) => {
            for item in items {
                out.indent(depth);
                out.push("-");
                write_behind(out, item, depth);
            }
        }
        Value::Map(members) => {
            for member in members {
                out.indent(depth);
                let key = yaml_key(member.key).unwrap_or_default();
                if key.len() > MAX_SIMPLE_KEY {
                    out.push("? ");
                    out.push(&key);
                    out.push("\n");
                    out.indent(depth);
                } else {
                    out.push(&key);
                }
                out.push(":");
                write_behind(out, &member.value, depth);
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

/// Writes a value behind the sign that announces it, and the line's end.
fn write_behind(out: &mut Buffer, value: &Value<'_>, depth: usize) {
    if is_inline(value) {
        out.push(" ");
        write_inline(out, value);
        out.push("\n");
    } else {
        out.push("\n");
        write_block(out, value, depth + 1);
    }
}

fn is_inline(value: &Value<'_>) -> bool {
    match value {
        Value::List(items) => items.is_empty(),
        Value::Map(members) => members.is_empty(),
        Value::Null | Value::Scalar(_) => true,
    }
}

fn write_inline(out: &mut Buffer, value: &Value<'_>) {
    match value {
        Value::List(_) => out.push("[]"),
        Value::Map(_) => out.push("{}"),
        Value::Null => out.push("null"),
        Value::Scalar(leaf) => write_scalar(out, leaf),
    }
}

fn write_scalar(out: &mut Buffer, leaf: &Leaf) {
    if !write_plain(out, leaf, ".inf", ".nan") {
        write_text(out, &leaf.value);
    }
}

/// Tells whether a key is a word that no version of YAML takes for something else.
fn is_plain_key(name: &str) -> bool {
    let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
    let is_reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"]
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved));
    is_word && !is_reserved
}

/// Tells whether a plain scalar is a boolean, null or whole number in every version of YAML.
fn is_plain_scalar(name: &str) -> bool {
    matches!(name, "true" | "false" | "null")
        || integer(name).is_some_and(|canonical| *canonical == name && name.parse::<i64>().is_ok())
}

fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
        || u32::from(character) & 0xfffe == 0xfffe
}

/// A key behind which `:` may follow has at most 1024 characters.
const MAX_SIMPLE_KEY: usize = 1000;
