//! The variables that the values of a file make: their names, and which of them may be handed on.

use std::collections::HashMap;
use std::ffi::OsStr;

use super::dangerous::is_dangerous;
use super::encrypted::encrypted_by;
use super::error::{DeployError, Place};
use crate::document::path::Component;
use crate::document::{Format, KeyPath};
use crate::process::is_identity;
use crate::workspace::similar_keys;
use crate::workspace::value::Value;

/// What the user wants of names.
#[derive(Default)]
pub struct Naming {
    /// Only these keys or names, with what is below them; all where there is none.
    pub only: Vec<String>,
    /// Not these keys or names, nor what is below them.
    pub except: Vec<String>,
    /// What all names begin with.
    pub prefix: String,
    /// Dangerous names that may be set.
    pub allow: Vec<String>,
    /// Whether `.` and `-`, which no variable can have, may stay in a name, as in the keys of a Kubernetes Secret.
    pub is_for_kubernetes: bool,
}

/// A value with the name by which it is handed on.
pub struct Variable<'a> {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub place: Place,
    /// The value, as `get` prints it. `None` for a bare key of dotenv: the environment's own value.
    pub value: Option<&'a str>,
}

/// The variables of all files.
pub struct Variables<'a> {
    naming: &'a Naming,
    only: Vec<Choice<'a>>,
    except: Vec<Choice<'a>>,
    found: Vec<Variable<'a>>,
    /// Which of the variables has a name.
    names: HashMap<String, usize>,
    /// Names and places that are never handed on.
    identities: Vec<(String, Place)>,
    /// All keys there are, for what a misspelled one may mean.
    keys: Vec<String>,
    bytes: usize,
}

/// A key that the user named, and whether it meant something.
struct Choice<'a> {
    text: &'a str,
    /// In flat formats a key may have dots in it.
    whole: KeyPath,
    path: Option<KeyPath>,
    is_used: bool,
}

impl<'a> Variables<'a> {
    pub(super) fn collect(naming: &'a Naming) -> Self {
        let choices = |texts: &'a [String]| texts.iter().map(|text| Choice::of(text)).collect();
        Self {
            naming,
            only: choices(&naming.only),
            except: choices(&naming.except),
            found: Vec::new(),
            names: HashMap::new(),
            identities: Vec::new(),
            keys: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds the values of a file, which is named as the user wrote it.
    pub(super) fn add(&mut self, file: (&str, Format), value: &Value<'a>) -> Result<(), DeployError> {
        match value {
            // A file without anything in it.
            Value::Null => Ok(()),
            Value::Map(members) if members.is_empty() => Ok(()),
            value => self.walk(file, value, &mut KeyPath::default()),
        }
    }

    /// Refuses keys that the user named and no file has.
    pub(super) fn finish(self) -> Result<Self, DeployError> {
        let only = self.only.iter().map(|choice| ("--only", choice));
        let except = self.except.iter().map(|choice| ("--except", choice));
        match only.chain(except).find(|(_, choice)| !choice.is_used) {
            Some((option, choice)) => Err(DeployError::Unmatched {
                option,
                key: choice.text.to_owned(),
                similar: similar_keys(choice.text, self.keys.iter().map(String::as_str)),
            }),
            None => Ok(self),
        }
    }

    /// Returns the variables in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Variable<'a>> {
        self.found.iter()
    }

    /// Returns what is never handed on: variables that programs read identities from, ours and those of SOPS.
    pub fn identities(&self) -> &[(String, Place)] {
        &self.identities
    }

    fn walk(&mut self, file: (&str, Format), value: &Value<'a>, path: &mut KeyPath) -> Result<(), DeployError> {
        match value {
            Value::List(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    path.0.push(Component::Item(index));
                    self.walk(file, item, path)?;
                    path.0.pop();
                }
                Ok(())
            }
            Value::Map(members) if !members.is_empty() => {
                for member in members {
                    path.0.push(member.key.clone());
                    self.walk(file, &member.value, path)?;
                    path.0.pop();
                }
                Ok(())
            }
            value => self.add_one(file, value, path),
        }
    }

    fn add_one(
        &mut self,
        (file, format): (&str, Format),
        value: &Value<'a>,
        path: &KeyPath,
    ) -> Result<(), DeployError> {
        let name = self.name_of(format, path);
        self.bytes += name.len() + path.byte_length();
        if self.bytes > MAX_BYTES {
            return Err(DeployError::TooLarge { file: file.to_owned() });
        }
        if !self.is_wanted(&name, path) {
            return Ok(());
        }
        let place = Place { file: file.to_owned(), key: path.clone() };
        if !self.is_legal(&name) {
            return Err(DeployError::IllegalName { name, place });
        }
        if is_identity(OsStr::new(&name)) {
            self.identities.push((name, place));
            return Ok(());
        }
        if is_dangerous(&name) && !self.naming.allow.contains(&name) {
            return Err(DeployError::Dangerous { name, place });
        }
        if let Some(first) = self.names.insert(name.clone(), self.found.len()) {
            return Err(DeployError::Collision { name, one: self.found[first].place.clone(), other: place });
        }
        let value = match value {
            Value::Scalar(leaf) => Some(leaf.value.as_str()),
            Value::Null if format == Format::Dotenv => None,
            value => return Err(DeployError::NoValue { place, what: value.kind() }),
        };
        if let Some(by) = value.and_then(encrypted_by) {
            return Err(DeployError::Encrypted { place, by });
        }
        self.found.push(Variable { name, place, value });
        Ok(())
    }

    /// Tells whether the user wants a value, and notes of both lists what was of use.
    fn is_wanted(&mut self, name: &str, path: &KeyPath) -> bool {
        let is_meant = |choices: &mut [Choice<'_>]| {
            let mut is_meant = false;
            for choice in choices {
                let matches = choice.matches(name, path);
                choice.is_used |= matches;
                is_meant |= matches;
            }
            is_meant
        };
        let (is_only, is_excepted) = (is_meant(&mut self.only), is_meant(&mut self.except));
        if !self.only.is_empty() || !self.except.is_empty() {
            self.keys.push(path.to_string());
        }
        (is_only || self.only.is_empty()) && !is_excepted
    }

    /// Returns the name of a value: in dotenv its key, else its key path in capitals, joined by `_`.
    fn name_of(&self, format: Format, path: &KeyPath) -> String {
        let mut name = self.naming.prefix.clone();
        if let (Format::Dotenv, [Component::Key { name: key, .. }]) = (format, path.0.as_slice()) {
            name.push_str(key);
            return name;
        }
        for (index, component) in path.0.iter().enumerate() {
            if index > 0 {
                name.push('_');
            }
            match component {
                Component::Document(number) | Component::Item(number) => name.push_str(&number.to_string()),
                Component::Key { name: key, .. } => name.extend(key.chars().map(|character| match character {
                    '-' | '.' => '_',
                    other => other.to_ascii_uppercase(),
                })),
            }
        }
        name
    }

    fn is_legal(&self, name: &str) -> bool {
        if self.naming.is_for_kubernetes {
            let is_legal = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
            return !name.is_empty() && name != "." && !name.starts_with("..") && name.chars().all(is_legal);
        }
        is_name(name)
    }
}

/// Tells whether a variable can have this name.
pub fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
}

impl<'a> Choice<'a> {
    fn of(text: &'a str) -> Self {
        let whole = KeyPath(vec![Component::key(text)]);
        Self { text, whole, path: KeyPath::parse(text).ok(), is_used: false }
    }

    fn matches(&self, name: &str, path: &KeyPath) -> bool {
        name == self.text || self.whole.contains(path) || self.path.as_ref().is_some_and(|own| own.contains(path))
    }
}

/// How long all names and key paths may be together: a key stands in the path of each value below it.
const MAX_BYTES: usize = 64 << 20;
