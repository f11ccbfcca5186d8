//! Key patterns: which leaves a rule leaves in clear.
//!
//! `apiVersion` is one key, `metadata.**` a key and all below it, `users[*].id` a key in every item of a list,
//! `**.name` a key at any depth, `public_*` every key that begins so. Quotes are as in key paths. A pattern applies to
//! each document of a stream. What it does not match exactly is sealed.

use std::fmt;
use std::str::FromStr;

use super::path::Component;
use super::{KeyPath, KeyPathError};

/// A pattern of key paths; it prints as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPattern {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Any number of steps, also none.
    AnyDepth,
    /// `[*]`: any item of a list.
    AnyItem,
    /// `[3]`: one item of a list.
    Item(usize),
    /// A key; for one without quotes each `*` stands for any characters, and `*` alone for an item too.
    Key { name: String, is_quoted: bool },
}

impl KeyPattern {
    /// Returns how many steps it has: what matching one key costs grows with them.
    pub fn length(&self) -> usize {
        self.steps.len()
    }

    /// Tells whether the leaf at this path is meant.
    pub fn matches(&self, path: &KeyPath) -> bool {
        let components: Vec<&Component> =
            path.0.iter().filter(|component| !matches!(component, Component::Document(_))).collect();
        // Linear in steps times components, whatever the pattern: `**` is tried by moving a window, not by recursion.
        let mut reachable = vec![false; components.len() + 1];
        reachable[0] = true;
        for step in &self.steps {
            let mut next = vec![false; components.len() + 1];
            for (index, _) in reachable.iter().enumerate().filter(|(_, is_reachable)| **is_reachable) {
                if *step == Step::AnyDepth {
                    next[index..].fill(true);
                    break;
                }
                if components.get(index).is_some_and(|component| step.matches(component)) {
                    next[index + 1] = true;
                }
            }
            reachable = next;
        }
        reachable[components.len()]
    }
}

impl Step {
    fn matches(&self, component: &Component) -> bool {
        match (self, component) {
            (Self::AnyItem, Component::Item(_)) => true,
            (Self::Item(wanted), Component::Item(item)) => wanted == item,
            (Self::Key { name, is_quoted: false }, Component::Item(_)) => name == "*",
            (Self::Key { name: pattern, is_quoted: false }, Component::Key { name, .. }) => {
                matches_wildcards(pattern, name)
            }
            (Self::Key { name: wanted, is_quoted: true }, Component::Key { name, .. }) => **wanted == **name,
            _ => false,
        }
    }
}

impl fmt::Display for KeyPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl FromStr for KeyPattern {
    type Err = KeyPathError;

    fn from_str(text: &str) -> Result<Self, KeyPathError> {
        // `[*]` is the only spelling that a key path does not have.
        let marked = text.replace("[*]", ITEM_MARK);
        let mut steps = Vec::new();
        let mut position = 0;
        for part in split_steps(&marked) {
            let path = KeyPath::parse(part).map_err(|_| KeyPathError::Unreadable { position: position + 1 })?;
            let is_quoted = part.starts_with(['"', '\'', '[']);
            for component in path.0 {
                steps.push(match component {
                    Component::Document(_) => return Err(KeyPathError::Unreadable { position: position + 1 }),
                    Component::Item(ANY_ITEM) => Step::AnyItem,
                    Component::Item(item) => Step::Item(item),
                    Component::Key { name, .. } if &*name == "**" && !is_quoted => Step::AnyDepth,
                    Component::Key { name, .. } => Step::Key { name: name.to_string(), is_quoted },
                });
            }
            position += part.chars().count() + 1;
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

/// Splits at the dots that are not within quotes.
fn split_steps(text: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    text.split(move |character| {
        match quote {
            Some(open) if open == character => quote = None,
            None if matches!(character, '"' | '\'') => quote = Some(character),
            _ => {}
        }
        character == '.' && quote.is_none()
    })
}

/// Matches a name against a pattern in which `*` stands for any characters; linear but for backing up to the last `*`.
fn matches_wildcards(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(index) = rest.find(part) else { return false };
        rest = &rest[index + part.len()..];
    }
    rest.ends_with(last)
}

const ANY_ITEM: usize = usize::MAX;
const ITEM_MARK: &str = "[18446744073709551615]";

#[cfg(test)]
mod tests {
    use super::KeyPattern;
    use crate::document::KeyPath;

    fn matches(pattern: &str, path: &str) -> bool {
        let pattern: KeyPattern = pattern.parse().expect("the pattern is well-formed");
        pattern.matches(&KeyPath::parse(path).expect("the path is well-formed"))
    }

    #[test]
    fn a_pattern_means_exactly_what_it_says() {
        let cases = [
            ("apiVersion", "apiVersion", true),
            ("apiVersion", "spec.apiVersion", false),
            ("metadata", "metadata.name", false),
            ("metadata.**", "metadata.name", true),
            ("metadata.**", "metadata.labels[0].app", true),
            ("metadata.**", "metadata", true),
            ("metadata.**", "metadata2.name", false),
            ("**.name", "a.b[3].name", true),
            ("**.name", "name", true),
            ("users[*].id", "users[7].id", true),
            ("users[*].id", "users.x.id", false),
            ("users.*.id", "users[7].id", true),
            ("users[1].id", "users[2].id", false),
            ("public_*", "public_key", true),
            ("*_unencrypted", "a.b_unencrypted", false),
            ("**.*_unencrypted", "a.b_unencrypted", true),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("\"*\"", "x", false),
            ("\"a.b\".c", "\"a.b\".c", true),
            ("kind", "@2.kind", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn unreadable_patterns_are_refused() {
        for text in ["", "a..b", "a.", "[", "@2.a", "a[x]", "\"a"] {
            assert!(text.parse::<KeyPattern>().is_err(), "{text:?}");
        }
    }
}
