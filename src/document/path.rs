//! Key paths: the address of a leaf, as it is bound into a token and as people write it.
//!
//! Written form: `db.users[0].password`. A key that is not a plain word is quoted as in JSON: `"a.b".c`. The
//! second of equal keys is `key#2`, the second document of a stream begins with `@2`. The spelling of SOPS,
//! `["db"]["users"][0]`, is understood too.

use std::fmt;
use std::sync::Arc;

/// The address of a node in a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyPath(pub Vec<Component>);

/// One step of a key path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// A document of a YAML stream, counted from 0. The first document of a stream has no such component.
    Document(usize),
    /// An item of a list, counted from 0.
    Item(usize),
    /// A value under a key.
    Key {
        /// What sort of key.
        kind: KeyKind,
        /// The key, quotes and escapes resolved; for a complex key its source text.
        name: Arc<str>,
        /// How many equal keys stand before it in the same map (INI sections and keys, YAML's empty keys).
        occurrence: usize,
    },
}

/// The sort of a key. The numbers are part of the file format (docs/format.md, "Key paths").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum KeyKind {
    /// Text.
    String = 1,
    /// YAML: a plain scalar that is no text (`1`, `true`, `~`, nothing).
    Other = 2,
    /// YAML: a list, a map or an alias.
    Complex = 3,
}

impl Component {
    /// Returns the step to the only value under a text key.
    pub fn key(name: impl Into<Arc<str>>) -> Self {
        Self::Key { kind: KeyKind::String, name: name.into(), occurrence: 0 }
    }

    /// Tells whether a person who writes `self` means `other`: a key's sort does not matter.
    pub(crate) fn addresses(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Key { name, occurrence, .. }, Self::Key { name: other_name, occurrence: other_occurrence, .. }) => {
                name == other_name && occurrence == other_occurrence
            }
            _ => self == other,
        }
    }
}

impl KeyPath {
    /// Returns the path one step further down.
    #[must_use]
    pub fn child(&self, component: Component) -> Self {
        let mut components = Vec::with_capacity(self.0.len() + 1);
        components.extend_from_slice(&self.0);
        components.push(component);
        Self(components)
    }

    /// Tells whether a person who writes `self` means exactly `other`.
    pub fn addresses(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.contains(other)
    }

    /// Tells whether a person who writes `self` means `other` or something above it.
    pub fn contains(&self, other: &Self) -> bool {
        self.0.len() <= other.0.len() && self.0.iter().zip(&other.0).all(|(own, other)| own.addresses(other))
    }

    /// Returns how much memory the path takes; [`super::MAX_PATH_BYTES`] bounds the sum over a document.
    pub(crate) fn byte_length(&self) -> usize {
        let name = |step: &Component| if let Component::Key { name, .. } = step { name.len() } else { 0 };
        self.0.iter().map(|step| STEP_BYTES + name(step)).sum()
    }

    /// Reads the written form.
    ///
    /// # Errors
    /// When the text is empty, a quote or bracket is not closed, or a step is empty.
    pub fn parse(text: &str) -> Result<Self, KeyPathError> {
        Reader { text, position: 0 }.path()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            // The whole document: no text at all would not read back.
            return out.write_str("@1");
        }
        for (index, component) in self.0.iter().enumerate() {
            match component {
                Component::Document(document) => write!(out, "@{}", document + 1)?,
                Component::Item(item) => write!(out, "[{item}]")?,
                Component::Key { name, occurrence, .. } => {
                    if index > 0 {
                        out.write_str(".")?;
                    }
                    if is_plain(name) {
                        out.write_str(name)?;
                    } else {
                        write_quoted(out, name)?;
                    }
                    if *occurrence > 0 {
                        write!(out, "#{}", occurrence + 1)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Why a written key path is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyPathError {
    /// The text, or one step of it, is empty.
    #[error("a key path has no empty part (character {position})")]
    Empty {
        /// Where, counted from 1 in characters.
        position: usize,
    },
    /// A number is expected.
    #[error("a number is expected at character {position} of the key path")]
    Number {
        /// Where, counted from 1 in characters.
        position: usize,
    },
    /// A quote or bracket is not closed, or something stands behind it.
    #[error("the key path cannot be read from character {position} on")]
    Unreadable {
        /// Where, counted from 1 in characters.
        position: usize,
    },
}

/// Tells whether a key can be written without quotes.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('@')
        && !name.chars().any(|c| c.is_control() || c.is_whitespace() || ".[]\"'#\\".contains(c))
}

/// Writes a key as a JSON string.
fn write_quoted(out: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    out.write_str("\"")?;
    for character in name.chars() {
        match character {
            '"' | '\\' => write!(out, "\\{character}")?,
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c))?,
            c => write!(out, "{c}")?,
        }
    }
    out.write_str("\"")
}

/// A cursor over the written form.
struct Reader<'a> {
    text: &'a str,
    position: usize,
}

impl Reader<'_> {
    fn path(mut self) -> Result<KeyPath, KeyPathError> {
        let mut components = Vec::new();
        if self.take('@') {
            let document = self.number()?;
            if document == 0 {
                return Err(KeyPathError::Number { position: 2 });
            }
            if document > 1 {
                components.push(Component::Document(document - 1));
            }
            if self.position == self.text.len() {
                return Ok(KeyPath(components));
            }
            self.take('.');
        }
        let mut expects_key = true;
        loop {
            if self.take('[') {
                components.push(self.bracket()?);
            } else if expects_key {
                components.push(self.key()?);
            } else {
                return Err(self.unreadable());
            }
            if self.position == self.text.len() {
                return Ok(KeyPath(components));
            }
            expects_key = self.take('.');
        }
    }

    /// Reads what follows a `[`: an index, or a quoted key as SOPS spells it.
    fn bracket(&mut self) -> Result<Component, KeyPathError> {
        let component = match self.peek() {
            Some(quote @ ('"' | '\'')) => Component::key(self.quoted(quote)?),
            _ => Component::Item(self.number()?),
        };
        if self.take(']') { Ok(component) } else { Err(self.unreadable()) }
    }

    fn key(&mut self) -> Result<Component, KeyPathError> {
        let name = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => {
                let rest = &self.text[self.position..];
                let end = rest.find(['.', '[', ']', '#', '"', '\'']).unwrap_or(rest.len());
                if end == 0 {
                    return Err(KeyPathError::Empty { position: self.column() });
                }
                self.position += end;
                rest[..end].to_owned()
            }
        };
        let occurrence = if self.take('#') { self.number()?.saturating_sub(1) } else { 0 };
        Ok(Component::Key { kind: KeyKind::String, name: name.into(), occurrence })
    }

    fn quoted(&mut self, quote: char) -> Result<String, KeyPathError> {
        let opening = self.unreadable();
        self.take(quote);
        let mut name = String::new();
        while let Some(character) = self.next() {
            match character {
                c if c == quote => return Ok(name),
                '\\' if quote == '"' => match self.next() {
                    Some(c @ ('"' | '\\')) => name.push(c),
                    Some('u') => name.push(self.code_point().ok_or(opening)?),
                    _ => return Err(opening),
                },
                c => name.push(c),
            }
        }
        Err(opening)
    }

    fn code_point(&mut self) -> Option<char> {
        let digits = self.text.get(self.position..self.position + 4)?;
        self.position += 4;
        char::from_u32(u32::from_str_radix(digits, 16).ok()?)
    }

    fn number(&mut self) -> Result<usize, KeyPathError> {
        let rest = &self.text[self.position..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number = rest[..end].parse().map_err(|_| KeyPathError::Number { position: self.column() })?;
        self.position += end;
        Ok(number)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.position..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.position += character.len_utf8();
        Some(character)
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.position += expected.len_utf8();
        }
        found
    }

    fn unreadable(&self) -> KeyPathError {
        KeyPathError::Unreadable { position: self.column() }
    }

    fn column(&self) -> usize {
        self.text[..self.position].chars().count() + 1
    }
}

/// What a step counts besides its name. The limit is part of what documents are accepted: the number stays.
const STEP_BYTES: usize = 40;

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop_oneof, proptest};

    use super::{Component, KeyKind, KeyPath};

    #[test]
    fn the_spelling_of_sops_means_the_same() {
        assert_eq!(KeyPath::parse(r#"["db"]["users"][0]['a.b']"#), KeyPath::parse(r#"db.users[0]."a.b""#));
    }

    #[test]
    fn the_whole_document_has_a_path_that_reads_back() {
        assert_eq!(KeyPath::default().to_string(), "@1");
        assert_eq!(KeyPath::parse("@1"), Ok(KeyPath::default()));
    }

    #[test]
    fn unreadable_paths_are_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "a[\"b]", "a[0]b", "\"a", "a\"b\"", "a#", "@0.a", "a]"]
        {
            assert!(KeyPath::parse(text).is_err(), "{text:?}");
        }
    }

    fn component() -> impl Strategy<Value = Component> {
        prop_oneof![
            (".*", 0usize..3).prop_map(|(name, occurrence)| Component::Key {
                kind: KeyKind::String,
                name: name.into(),
                occurrence
            }),
            (0usize..1000).prop_map(Component::Item),
            Just(Component::key("password")),
        ]
    }

    proptest! {
        #[test]
        fn a_path_reads_back_as_it_was_written(components in proptest::collection::vec(component(), 1..6), document in 0usize..3) {
            let mut path = KeyPath(components);
            if document > 0 {
                path.0.insert(0, Component::Document(document));
            }
            assert_eq!(KeyPath::parse(&path.to_string()), Ok(path));
        }
    }
}
