//! JSON (RFC 8259), indented.

use zeroize::Zeroizing;

use super::{Buffer, Float, float, integer, write_quoted};
use crate::document::{Leaf, ScalarKind};
use crate::workspace::value::Value;

/// Spells a value as JSON, without a final line end. What JSON has no type for is a text.
pub fn json(value: &Value<'_>) -> Zeroizing<String> {
    let mut out = Buffer::default();
    write_value(&mut out, value, 0);
    out.into_text()
}

/// Writes a text in double quotes.
pub(super) fn write_text(out: &mut Buffer, text: &str) {
    write_quoted(out, text, char::is_control);
}

fn write_value(out: &mut Buffer, value: &Value<'_>, depth: usize) {
    match value {
        Value::Null => out.push("null"),
        Value::Scalar(leaf) => write_scalar(out, leaf),
        Value::List(items) => {
            out.push("[");
            for (index, item) in items.iter().enumerate() {
                separate(out, index, depth + 1);
                write_value(out, item, depth + 1);
            }
            close(out, items.is_empty(), depth, "]");
        }
        Value::Map(members) => {
            out.push("{");
            for (index, member) in members.iter().enumerate() {
                separate(out, index, depth + 1);
                write_text(out, &member.name);
                out.push(": ");
                write_value(out, &member.value, depth + 1);
            }
            close(out, members.is_empty(), depth, "}");
        }
    }
}

fn separate(out: &mut Buffer, index: usize, depth: usize) {
    out.push(if index == 0 { "\n" } else { ",\n" });
    out.indent(depth);
}

fn close(out: &mut Buffer, is_empty: bool, depth: usize, bracket: &str) {
    if !is_empty {
        out.push("\n");
        out.indent(depth);
    }
    out.push(bracket);
}

fn write_scalar(out: &mut Buffer, leaf: &Leaf) {
    let value = leaf.value.as_str();
    let number = match leaf.kind {
        ScalarKind::Boolean => {
            return out.push(if value.eq_ignore_ascii_case("true") { "true" } else { "false" });
        }
        ScalarKind::Float if is_json_number(value) => return out.push(value),
        ScalarKind::Float => match float(value) {
            Some(Float::Finite(number)) => Some(number),
            _ => None,
        },
        ScalarKind::Integer => integer(value),
        ScalarKind::String | ScalarKind::Timestamp => None,
    };
    match number {
        Some(number) => out.push(&number),
        None => write_text(out, value),
    }
}

fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}
