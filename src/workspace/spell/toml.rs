//! TOML 1.0: scalars and lists first, then a table for each map.

use zeroize::Zeroizing;

use super::{Buffer, write_plain, write_quoted};
use crate::document::{Leaf, ScalarKind};
use crate::workspace::value::{Member, Value};

/// Spells the members of a map as a TOML document.
pub fn toml(members: &[Member<'_>]) -> Zeroizing<String> {
    let mut out = Buffer::default();
    write_table(&mut out, members, &mut Vec::new());
    out.into_text()
}

fn write_table<'m>(out: &mut Buffer, members: &'m [Member<'_>], path: &mut Vec<&'m str>) {
    for member in members {
        if !matches!(member.value, Value::Map(_)) {
            write_key(out, &member.name);
            out.push(" = ");
            write_inline(out, &member.value);
            out.push("\n");
        }
    }
    for member in members {
        if let Value::Map(inner) = &member.value {
            path.push(&member.name);
            out.push(if out.is_empty() { "[" } else { "\n[" });
            for (index, name) in path.iter().enumerate() {
                out.push(if index == 0 { "" } else { "." });
                write_key(out, name);
            }
            out.push("]\n");
            write_table(out, inner, path);
            path.pop();
        }
    }
}

fn write_inline(out: &mut Buffer, value: &Value<'_>) {
    match value {
        // Refused before: TOML has no null.
        Value::Null => {}
        Value::Scalar(leaf) => write_scalar(out, leaf),
        Value::List(items) => {
            out.push("[");
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { "" } else { ", " });
                write_inline(out, item);
            }
            out.push("]");
        }
        Value::Map(members) => {
            out.push("{");
            for (index, member) in members.iter().enumerate() {
                out.push(if index == 0 { " " } else { ", " });
                write_key(out, &member.name);
                out.push(" = ");
                write_inline(out, &member.value);
            }
            out.push(if members.is_empty() { "}" } else { " }" });
        }
    }
}

fn write_scalar(out: &mut Buffer, leaf: &Leaf) {
    match leaf.kind {
        ScalarKind::Timestamp => write_timestamp(out, &leaf.value),
        _ if write_plain(out, leaf, "inf", "nan") => {}
        _ => write_text(out, &leaf.value),
    }
}

/// Writes a date or time as TOML 1.0 wants it: capital letters, and seconds, which 1.1 lets one leave out.
fn write_timestamp(out: &mut Buffer, text: &str) {
    let text = Zeroizing::new(text.to_ascii_uppercase());
    match text.find(':') {
        Some(hour_end) if text.as_bytes().get(hour_end + 3) != Some(&b':') => {
            let (time, rest) = text.split_at(hour_end + 3);
            out.push(time);
            out.push(":00");
            out.push(rest);
        }
        _ => out.push(&text),
    }
}

fn write_key(out: &mut Buffer, name: &str) {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if !name.is_empty() && name.chars().all(is_bare) { out.push(name) } else { write_text(out, name) }
}

fn write_text(out: &mut Buffer, text: &str) {
    write_quoted(out, text, char::is_control);
}
