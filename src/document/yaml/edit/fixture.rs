//! Edits of a text by path, checked, for tests.

use super::{set, unset};
use crate::document::edit::{EditError, NewValue};
use crate::document::yaml::parse;
use crate::document::{Format, KeyPath, check};

pub fn set_text(text: &str, path: &str, value: &str) -> Result<String, EditError> {
    edited(text, path, NewValue::Text(value))
}

pub fn set_json(text: &str, path: &str, value: &serde_json::Value) -> Result<String, EditError> {
    edited(text, path, NewValue::Json(value))
}

fn edited(text: &str, path: &str, value: NewValue<'_>) -> Result<String, EditError> {
    let (document, path) = (parse(text).expect("valid"), KeyPath::parse(path).expect("a path"));
    let new = set(text, &document, &path, value)?;
    check::is_set(Format::Yaml, (text, &document), &new, &path, value)?;
    Ok(new.to_string())
}

pub fn removed(text: &str, path: &str) -> Result<String, EditError> {
    let (document, path) = (parse(text).expect("valid"), KeyPath::parse(path).expect("a path"));
    let new = unset(text, &document, &path)?;
    check::is_unset(Format::Yaml, (text, &document), &new, &path)?;
    Ok(new.to_string())
}
