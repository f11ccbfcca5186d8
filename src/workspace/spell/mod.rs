//! Spelling values in the formats that other programs read. What a format cannot hold was refused before
//! ([`super::deploy`]), but for JSON, which `get` also shows of values that it has no type for.

mod buffer;
mod dotenv;
mod json;
mod kubernetes;
mod number;
mod shell;
mod toml;
mod yaml;

use std::fmt::Write as _;

use crate::document::{Leaf, ScalarKind};

pub use buffer::Buffer;
pub use dotenv::dotenv;
pub use json::json;
pub use kubernetes::{SecretNames, kubernetes};
pub use number::{Float, float, integer};
pub use shell::{is_owned_by_shells, shell};
pub use toml::toml;
pub use yaml::{yaml, yaml_key};

/// Writes a text in double quotes, with the escapes that JSON, TOML and YAML have in common; `is_escaped` tells which
/// characters else are written by their number.
fn write_quoted(out: &mut Buffer, text: &str, is_escaped: fn(char) -> bool) {
    out.push("\"");
    for character in text.chars() {
        match character {
            '"' => out.push("\\\""),
            '\\' => out.push("\\\\"),
            '\n' => out.push("\\n"),
            '\r' => out.push("\\r"),
            '\t' => out.push("\\t"),
            character if is_escaped(character) => {
                let code = u32::from(character);
                let _ = if code > 0xffff { write!(out, "\\U{code:08x}") } else { write!(out, "\\u{code:04x}") };
            }
            character => out.push_character(character),
        }
    }
    out.push("\"");
}

/// Writes a truth value or a number as TOML and YAML do, who differ in the words for what is not finite; tells whether
/// it is one that they can write.
fn write_plain(out: &mut Buffer, leaf: &Leaf, infinity: &str, not_a_number: &str) -> bool {
    let value = leaf.value.as_str();
    match leaf.kind {
        ScalarKind::Boolean => out.push(if value.eq_ignore_ascii_case("true") { "true" } else { "false" }),
        ScalarKind::Float => match float(value) {
            Some(Float::Finite(number)) => out.push(&number),
            Some(Float::Infinite { is_negative }) => {
                out.push(if is_negative { "-" } else { "" });
                out.push(infinity);
            }
            Some(Float::NotANumber) => out.push(not_a_number),
            None => return false,
        },
        ScalarKind::Integer => match integer(value) {
            Some(number) => out.push(&number),
            None => return false,
        },
        ScalarKind::String | ScalarKind::Timestamp => return false,
    }
    true
}
