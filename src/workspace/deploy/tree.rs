//! Whole documents: the values of one file, or of several side by side, in another format with their types.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::encrypted::encrypted_by;
use super::error::{DeployError, Place};
use crate::document::path::{Component, KeyKind};
use crate::document::{KeyPath, Leaf, ScalarKind};
use crate::workspace::spell::{self, Float};
use crate::workspace::value::{Member, Value};

/// A format with types and nesting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeFormat {
    /// RFC 8259.
    Json,
    /// TOML 1.0.
    Toml,
    /// YAML, the same for readers of 1.1 and 1.2.
    Yaml,
}

/// Spells the values of files, each named as the user wrote it, as one document.
pub(super) fn spell(files: Vec<(&str, Value<'_>)>, format: TreeFormat) -> Result<Zeroizing<String>, DeployError> {
    for (file, value) in &files {
        Check { format, file, path: KeyPath::default() }.value(value)?;
    }
    let value = merge(files)?;
    Ok(match (format, &value) {
        (TreeFormat::Json, value) => {
            let mut text = spell::Buffer::default();
            text.push(&spell::json(value));
            text.push("\n");
            text.into_text()
        }
        (TreeFormat::Toml, Value::Map(members)) => spell::toml(members),
        (TreeFormat::Toml, _) => spell::toml(&[]),
        (TreeFormat::Yaml, value) => spell::yaml(value),
    })
}

/// Puts the top keys of several files side by side.
fn merge<'a>(mut files: Vec<(&str, Value<'a>)>) -> Result<Value<'a>, DeployError> {
    if files.len() == 1 {
        return Ok(files.remove(0).1);
    }
    let mut merged: Vec<Member<'a>> = Vec::new();
    let mut places: HashMap<String, Place> = HashMap::new();
    for (file, value) in files {
        let shown = || file.to_owned();
        let members = match value {
            Value::Map(members) => members,
            Value::Null => continue,
            value => {
                let place = Place { file: shown(), key: KeyPath::default() };
                return Err(DeployError::Unholdable {
                    place,
                    format: "one document of several files",
                    what: value.kind(),
                });
            }
        };
        for member in members {
            let place = Place { file: shown(), key: KeyPath(vec![member.key.clone()]) };
            if let Some(one) = places.insert(member.name.to_string(), place.clone()) {
                return Err(DeployError::Collision { name: member.name.into_owned(), one, other: place });
            }
            merged.push(member);
        }
    }
    Ok(Value::Map(merged))
}

/// Looks for what a format cannot hold.
struct Check<'f> {
    format: TreeFormat,
    file: &'f str,
    path: KeyPath,
}

impl Check<'_> {
    fn value(&mut self, value: &Value<'_>) -> Result<(), DeployError> {
        match value {
            Value::Null if self.format == TreeFormat::Toml && !self.path.0.is_empty() => self.refuse("null"),
            Value::Null => Ok(()),
            Value::Scalar(_) | Value::List(_) if self.format == TreeFormat::Toml && self.path.0.is_empty() => {
                self.refuse("a document that is no map")
            }
            Value::Scalar(leaf) => self.leaf(leaf),
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.path.0.push(Component::Item(index));
                    self.value(item)?;
                    self.path.0.pop();
                }
                Ok(())
            }
            Value::Map(members) => {
                for member in members {
                    self.path.0.push(member.key.clone());
                    if let Some(what) = self.refused_key(member.key) {
                        return self.refuse(what);
                    }
                    self.value(&member.value)?;
                    self.path.0.pop();
                }
                Ok(())
            }
        }
    }

    fn refused_key(&self, key: &Component) -> Option<&'static str> {
        let Component::Key { kind, occurrence, .. } = key else { return None };
        match kind {
            _ if *occurrence > 0 => Some("a key twice"),
            KeyKind::Complex => Some("a key that is a list, a map or an alias"),
            KeyKind::Other if self.format != TreeFormat::Yaml => Some("a key that is no text"),
            KeyKind::Other if spell::yaml_key(key).is_none() => {
                Some("a key that readers of YAML 1.1 and 1.2 take for different ones")
            }
            KeyKind::Other | KeyKind::String => None,
        }
    }

    fn leaf(&self, leaf: &Leaf) -> Result<(), DeployError> {
        let value = leaf.value.as_str();
        if let Some(by) = encrypted_by(value) {
            return Err(DeployError::Encrypted { place: self.place(), by });
        }
        let what = match leaf.kind {
            ScalarKind::String => None,
            ScalarKind::Boolean if ["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)) => None,
            ScalarKind::Boolean => Some("a boolean that is neither true nor false"),
            ScalarKind::Integer => {
                let number = spell::integer(value).and_then(|text| text.parse::<i128>().ok());
                let least = i128::from(i64::MIN);
                let most = i128::from(if self.format == TreeFormat::Toml { i64::MAX as u64 } else { u64::MAX });
                let is_in_range = number.is_some_and(|number| (least..=most).contains(&number));
                if is_in_range { None } else { Some("a whole number of more than 64 bits") }
            }
            ScalarKind::Float => match spell::float(value) {
                None => Some("such a number"),
                Some(Float::Infinite { .. } | Float::NotANumber) if self.format == TreeFormat::Json => {
                    Some("infinity, or what is no number")
                }
                Some(_) => None,
            },
            ScalarKind::Timestamp if self.format != TreeFormat::Toml => Some("a date or time"),
            ScalarKind::Timestamp => None,
        };
        what.map_or(Ok(()), |what| self.refuse(what))
    }

    fn refuse(&self, what: &'static str) -> Result<(), DeployError> {
        Err(DeployError::Unholdable { place: self.place(), format: self.format.title(), what })
    }

    fn place(&self) -> Place {
        Place { file: self.file.to_owned(), key: self.path.clone() }
    }
}

impl TreeFormat {
    fn title(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        }
    }
}
