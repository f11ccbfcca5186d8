//! Spelling keys and values as TOML, in the style of what they replace where that can hold them.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::document::edit::{EditError, NewValue};
use crate::document::json::brackets::concat;
use crate::document::json::spelling::{LONGEST_ESCAPE, Spelling, escape, quote};
use crate::document::path::Component;
use crate::document::{Format, Style};

/// Spells an entry under the keys that `missing` begins with, as one dotted key; items behind them become arrays.
pub(super) fn spell_entry(out: &mut Spelling, missing: &[Component], value: NewValue<'_>) -> Result<(), EditError> {
    let keys = missing.iter().take_while(|step| matches!(step, Component::Key { .. })).count();
    out.push(&dotted(&missing[..keys]));
    out.push(" = ");
    spell_below(out, &missing[keys..], value)
}

/// Spells a value, in arrays and inline tables for the steps that are `missing` on the way to it.
pub(super) fn spell_below(out: &mut Spelling, missing: &[Component], value: NewValue<'_>) -> Result<(), EditError> {
    match missing.split_first() {
        None => return spell(out, value, Style::DoubleQuoted, ""),
        Some((Component::Key { .. }, _)) => {
            out.push("{ ");
            spell_entry(out, missing, value)?;
            out.push(" }");
        }
        Some((Component::Item(0), below)) => {
            out.push("[");
            spell_below(out, below, value)?;
            out.push("]");
        }
        Some((Component::Item(_) | Component::Document(_), _)) => return Err(EditError::BehindEnd { length: 0 }),
    }
    Ok(())
}

/// Spells a value; a text in the style of `old` if that can hold it.
pub(super) fn spell(out: &mut Spelling, value: NewValue<'_>, style: Style, old: &str) -> Result<(), EditError> {
    match value {
        NewValue::Text(text) => out.push(&spell_text(text, style, old)),
        NewValue::Json(Value::String(text)) => out.push(&spell_text(text, style, old)),
        NewValue::Json(Value::Null) => return Err(unspellable("null")),
        NewValue::Json(Value::Bool(boolean)) => out.push(if *boolean { "true" } else { "false" }),
        NewValue::Json(Value::Number(number)) => out.push(&Zeroizing::new(number.to_string())),
        NewValue::Json(Value::Array(items)) => {
            out.push("[");
            for (index, item) in items.iter().enumerate() {
                out.push(if index == 0 { "" } else { ", " });
                spell(out, NewValue::Json(item), Style::DoubleQuoted, "")?;
            }
            out.push("]");
        }
        NewValue::Json(Value::Object(entries)) if entries.is_empty() => out.push("{}"),
        NewValue::Json(Value::Object(entries)) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                out.push(if index == 0 { "{ " } else { ", " });
                spell_entry(out, &[Component::key(key.as_str())], NewValue::Json(value))?;
            }
            out.push(" }");
        }
    }
    Ok(())
}

/// Spells keys with dots between them.
pub(super) fn dotted(keys: &[Component]) -> Zeroizing<String> {
    let mut out = Spelling::default();
    for key in keys {
        if let Component::Key { name, .. } = key {
            out.push(if out.is_empty() { "" } else { "." });
            let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if is_bare { out.push(name) } else { out.push(&quote(name)) }
        }
    }
    out.finish()
}

/// Builds the error for what TOML cannot hold.
pub(super) fn unspellable(what: &'static str) -> EditError {
    EditError::Unspellable { format: Format::Toml, what }
}

fn spell_text(text: &str, style: Style, old: &str) -> Zeroizing<String> {
    // A line end right behind the opening quotes is no part of the value.
    let first_line_end = |quotes: &str| {
        let old = old.strip_prefix(quotes).unwrap_or("");
        match (old.starts_with("\r\n"), old.starts_with('\n') || text.starts_with('\n')) {
            (true, _) => "\r\n",
            (false, true) => "\n",
            (false, false) => "",
        }
    };
    let is_literal = |c: char| c == '\t' || !c.is_control() || c > '\u{7f}';
    match style {
        Style::SingleQuoted if text.chars().all(|c| is_literal(c) && c != '\'') => concat(&["'", text, "'"]),
        Style::MultiLineLiteral
            if text.chars().all(|c| is_literal(c) || c == '\n') && !text.contains("'''") && !text.ends_with('\'') =>
        {
            concat(&["'''", first_line_end("'''"), text, "'''"])
        }
        Style::MultiLineBasic => concat(&["\"\"\"", first_line_end("\"\"\""), &escape_lines(text), "\"\"\""]),
        _ => quote(text),
    }
}

/// Escapes what may not stand between `"""`.
fn escape_lines(text: &str) -> Zeroizing<String> {
    let mut escaped = Zeroizing::new(String::with_capacity(LONGEST_ESCAPE * text.len()));
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\t' | '\n' => escaped.push(character),
            // Neither two quotes in a row nor one at the end: they could close the string.
            '"' if characters.peek().is_some_and(|next| *next != '"') => escaped.push(character),
            _ => escape(&mut escaped, character),
        }
    }
    escaped
}
