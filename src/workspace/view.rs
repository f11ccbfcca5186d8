//! Typed views of a decrypted document: finding a node by its key path, and spelling a subtree as JSON.
//!
//! They work on the tree that the parser of the spans made, so that no second parser can see another document.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use zeroize::Zeroizing;

use crate::document::path::Component;
use crate::document::{Content, Document, Entry, Format, KeyPath, KeyPathError, Leaf, Node, ScalarKind};

/// Reads a key as the user wrote it. In flat formats a key may have dots in it.
///
/// # Errors
/// When it is no key path.
pub fn lookup(document: &Document, format: Format, text: &str) -> Result<KeyPath, KeyPathError> {
    let whole = KeyPath(vec![Component::key(text)]);
    if matches!(format, Format::Dotenv) || document.leaves().any(|leaf| whole.addresses(&leaf.path)) {
        return Ok(whole);
    }
    KeyPath::parse(text)
}

/// Returns the key paths of all values, nulls and empty containers included, in document order.
pub fn key_paths(document: &Document) -> Vec<String> {
    let mut paths = Vec::new();
    for (index, root) in document.roots.iter().enumerate() {
        let start = if index == 0 { KeyPath::default() } else { KeyPath(vec![Component::Document(index)]) };
        collect_paths(root, &start, &mut paths);
    }
    paths
}

fn collect_paths(node: &Node, path: &KeyPath, paths: &mut Vec<String>) {
    match &node.content {
        Content::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                collect_paths(item, &path.child(Component::Item(index)), paths);
            }
        }
        Content::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                collect_paths(&entry.node, &path.child(entry.key.clone()), paths);
            }
        }
        _ => paths.push(path.to_string()),
    }
}

/// A document with its aliases resolved.
pub struct View<'a> {
    document: &'a Document,
    /// Per document of the stream: the nodes by anchor. A later anchor of the same name counts for later aliases; as
    /// few documents do that, it is refused by [`View::of`].
    anchors: Vec<HashMap<&'a str, &'a Node>>,
}

/// Why there is no typed view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// Aliases would make more nodes than a document may have.
    #[error("its aliases expand to more than {MAX_NODES} values")]
    TooManyNodes,
    /// An alias refers to an anchor that is set twice, or to none.
    #[error("an alias refers to an anchor that is set twice, or contains itself")]
    Ambiguous,
}

impl<'a> View<'a> {
    /// Notes the anchors of a document.
    ///
    /// # Errors
    /// When an anchor that is used is set twice in one document.
    pub fn of(document: &'a Document) -> Self {
        let mut anchors = Vec::new();
        for root in &document.roots {
            let mut found = HashMap::new();
            collect_anchors(root, &mut found);
            anchors.push(found.into_iter().filter_map(|(name, node)| Some((name, node?))).collect());
        }
        Self { document, anchors }
    }

    /// Returns the node at a path, and the number of its document.
    pub fn find(&self, path: &KeyPath) -> Option<(&'a Node, usize)> {
        let (index, components) = match path.0.first() {
            Some(Component::Document(index)) => (*index, &path.0[1..]),
            _ => (0, &path.0[..]),
        };
        let mut node = self.resolve(self.document.roots.get(index)?, index).ok()?;
        for component in components {
            let child = match (&node.content, component) {
                (Content::List(items), Component::Item(item)) => items.get(*item)?,
                (Content::Map(entries), Component::Key { name, occurrence, .. }) => {
                    let is_meant = |entry: &&Entry| {
                        matches!(&entry.key,
                        Component::Key { name: own, occurrence: own_occurrence, .. } if own == name && own_occurrence == occurrence)
                    };
                    &entries.iter().find(is_meant)?.node
                }
                _ => return None,
            };
            node = self.resolve(child, index).ok()?;
        }
        Some((node, index))
    }

    /// Returns the leaf that a node is.
    pub fn leaf(&self, node: &Node) -> Option<&'a Leaf> {
        match node.content {
            Content::Leaf(index) => Some(self.document.leaf(index)),
            _ => None,
        }
    }

    /// Spells a node as JSON, with aliases and merge keys resolved.
    ///
    /// # Errors
    /// When that is not possible within bounds.
    pub fn json(&self, node: &'a Node, document: usize) -> Result<Zeroizing<String>, ViewError> {
        let mut writer = JsonWriter { view: self, index: document, nodes: 0, out: Zeroizing::new(String::new()) };
        writer.node(node, 0)?;
        Ok(writer.out)
    }

    /// Follows aliases to the node that they mean.
    fn resolve(&self, node: &'a Node, document: usize) -> Result<&'a Node, ViewError> {
        let mut node = node;
        for _ in 0..MAX_ALIASES {
            match &node.content {
                Content::Alias(name) => {
                    node = self.anchors[document].get(name.as_str()).ok_or(ViewError::Ambiguous)?;
                }
                _ => return Ok(node),
            }
        }
        Err(ViewError::Ambiguous)
    }
}

/// Notes each anchor; `None` for one that is set twice.
fn collect_anchors<'a>(node: &'a Node, anchors: &mut HashMap<&'a str, Option<&'a Node>>) {
    if let Some(anchor) = &node.anchor {
        anchors.entry(anchor).and_modify(|node| *node = None).or_insert(Some(node));
    }
    match &node.content {
        Content::List(items) => items.iter().for_each(|item| collect_anchors(item, anchors)),
        Content::Map(entries) => entries.iter().for_each(|entry| collect_anchors(&entry.node, anchors)),
        Content::Alias(_) | Content::Leaf(_) | Content::Null => {}
    }
}

struct JsonWriter<'v, 'a> {
    view: &'v View<'a>,
    index: usize,
    nodes: usize,
    out: Zeroizing<String>,
}

impl<'a> JsonWriter<'_, 'a> {
    fn node(&mut self, node: &'a Node, depth: usize) -> Result<(), ViewError> {
        self.nodes += 1;
        // An alias of something around it nests without end: the depth bounds that, the count bounds the rest.
        if self.nodes > MAX_NODES || self.out.len() > MAX_BYTES || depth > crate::document::MAX_DEPTH {
            return Err(ViewError::TooManyNodes);
        }
        let node = self.view.resolve(node, self.index)?;
        match &node.content {
            Content::Alias(_) | Content::Null => self.out.push_str("null"),
            Content::Leaf(index) => write_scalar(&mut self.out, self.view.document.leaf(*index)),
            Content::List(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    self.separate(index, depth + 1);
                    self.node(item, depth + 1)?;
                }
                self.close(items.is_empty(), depth, ']');
            }
            Content::Map(entries) => {
                let entries = self.merged(entries)?;
                self.out.push('{');
                for (index, (key, node)) in entries.iter().enumerate() {
                    self.separate(index, depth + 1);
                    write_text(&mut self.out, key);
                    self.out.push_str(": ");
                    self.node(node, depth + 1)?;
                }
                self.close(entries.is_empty(), depth, '}');
            }
        }
        Ok(())
    }

    /// Returns the entries of a map with those of its merge keys (`<<`), which count less than its own.
    fn merged(&self, entries: &'a [Entry]) -> Result<Vec<(String, &'a Node)>, ViewError> {
        let mut merged: Vec<(String, &Node)> = Vec::new();
        let mut bases = Vec::new();
        for entry in entries {
            let Component::Key { name, occurrence, .. } = &entry.key else { continue };
            if name == "<<" {
                let base = self.view.resolve(&entry.node, self.index)?;
                match &base.content {
                    Content::List(items) => bases.extend(items.iter().map(|item| self.view.resolve(item, self.index))),
                    _ => bases.push(Ok(base)),
                }
            } else {
                let name = if *occurrence > 0 { format!("{name}#{}", occurrence + 1) } else { name.clone() };
                merged.push((name, &entry.node));
            }
        }
        let mut names: HashSet<String> =
            if bases.is_empty() { HashSet::new() } else { merged.iter().map(|(name, _)| name.clone()).collect() };
        for base in bases {
            let Content::Map(entries) = &base?.content else { return Err(ViewError::Ambiguous) };
            for entry in entries {
                if let Component::Key { name, .. } = &entry.key
                    && names.insert(name.clone())
                {
                    merged.push((name.clone(), &entry.node));
                }
            }
        }
        Ok(merged)
    }

    fn separate(&mut self, index: usize, depth: usize) {
        self.out.push_str(if index == 0 { "\n" } else { ",\n" });
        self.out.extend(std::iter::repeat_n("  ", depth));
    }

    fn close(&mut self, is_empty: bool, depth: usize, bracket: char) {
        if !is_empty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
        self.out.push(bracket);
    }
}

fn write_scalar(out: &mut String, leaf: &Leaf) {
    let value = leaf.value.as_str();
    match leaf.kind {
        ScalarKind::Boolean => out.push_str(if value.eq_ignore_ascii_case("true") { "true" } else { "false" }),
        ScalarKind::Float if is_json_number(value) => out.push_str(value),
        ScalarKind::Integer => match integer(value) {
            Some(number) => out.push_str(&number),
            None => write_text(out, value),
        },
        ScalarKind::Float | ScalarKind::String | ScalarKind::Timestamp => write_text(out, value),
    }
}

/// Returns a whole number in decimal; hexadecimal, octal and binary ones up to 128 bits.
fn integer(text: &str) -> Option<String> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return u128::from_str_radix(digits, radix).ok().map(|number| format!("{sign}{number}"));
        }
    }
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| format!("{sign}{digits}"))
}

fn is_json_number(text: &str) -> bool {
    serde_json::from_str::<serde_json::Number>(text).is_ok()
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
}

/// How many nodes a typed view may have, aliases expanded.
const MAX_NODES: usize = 1 << 20;
/// How long its JSON may be.
const MAX_BYTES: usize = 64 << 20;
/// How many aliases may lead to one another.
const MAX_ALIASES: usize = 16;
