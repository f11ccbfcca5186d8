//! Typed views of a decrypted document: finding a node by its key path, and the values below it.
//!
//! They work on the tree that the parser of the spans made, so that no second parser can see another document.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use zeroize::Zeroizing;

use super::spell;
use super::value::{Member, Value};
use crate::document::path::Component;
use crate::document::{
    Content, Document, Entry, EventKind, Format, Item, KeyPath, KeyPathError, Leaf, MAX_DEPTH, Node,
};

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
    /// few documents do that, aliases of that name are refused.
    anchors: Vec<HashMap<&'a str, &'a Node>>,
    /// Where the keys stand that take in the entries of other maps.
    merge_keys: HashSet<usize>,
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
    /// What a merge key takes in has no keys.
    #[error("a merge key (`<<`) refers to something that is no map")]
    NotMergeable,
    /// JSON knows keys of one type only.
    #[error("two keys of one map are the same text in JSON")]
    SameKey,
}

impl<'a> View<'a> {
    /// Notes the anchors and merge keys of a document, which was parsed from `text`.
    pub fn of(document: &'a Document, format: Format, text: &str) -> Self {
        let mut anchors = Vec::new();
        for root in &document.roots {
            let mut found = HashMap::new();
            collect_anchors(root, &mut found);
            anchors.push(found.into_iter().filter_map(|(name, node)| Some((name, node?))).collect());
        }
        let merge_keys = if format == Format::Yaml { merge_keys(document, text) } else { HashSet::new() };
        Self { document, anchors, merge_keys }
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

    /// Returns what a node says, with aliases and merge keys resolved.
    ///
    /// # Errors
    /// When that is not possible within bounds.
    pub fn value(&self, node: &'a Node, document: usize) -> Result<Value<'a>, ViewError> {
        Expander { view: self, index: document, nodes: 0, bytes: 0 }.node(node, 0)
    }

    /// Spells a node as JSON.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn json(&self, node: &'a Node, document: usize) -> Result<Zeroizing<String>, ViewError> {
        Ok(spell::json(&self.value(node, document)?))
    }

    /// Returns how many documents the stream has.
    pub fn documents(&self) -> usize {
        self.document.roots.len()
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

/// Returns where merge keys start: `<<` without quotes and tag.
fn merge_keys(document: &Document, text: &str) -> HashSet<usize> {
    let mut found = HashSet::new();
    let mut is_tagged = false;
    for item in &document.items {
        match item {
            Item::Event(event) if event.kind == EventKind::Tag => is_tagged = true,
            Item::Event(event) if event.kind == EventKind::Anchor => {}
            Item::Comment(_) => {}
            Item::Event(event) if event.kind == EventKind::Key && !is_tagged && event.span.of(text) == "<<" => {
                found.insert(event.span.start);
            }
            Item::Event(_) | Item::Leaf(_) => is_tagged = false,
        }
    }
    found
}

/// Makes values of nodes, within bounds.
struct Expander<'v, 'a> {
    view: &'v View<'a>,
    index: usize,
    nodes: usize,
    bytes: usize,
}

/// The entries of a map and of those that it takes in.
#[derive(Default)]
struct Merged<'a> {
    entries: Vec<(Cow<'a, str>, &'a Entry)>,
    /// The names there are, and which of the maps had each last.
    names: HashMap<Cow<'a, str>, usize>,
    /// How many maps were looked at.
    maps: usize,
}

impl<'a> Expander<'_, 'a> {
    fn node(&mut self, node: &'a Node, depth: usize) -> Result<Value<'a>, ViewError> {
        self.count(1)?;
        // An alias of something around it nests without end: the depth bounds that, the count bounds the rest.
        if depth > MAX_DEPTH {
            return Err(ViewError::TooManyNodes);
        }
        let node = self.view.resolve(node, self.index)?;
        Ok(match &node.content {
            Content::Alias(_) | Content::Null => Value::Null,
            Content::Leaf(index) => {
                let leaf = self.view.document.leaf(*index);
                self.count_bytes(leaf.value.len())?;
                Value::Scalar(leaf)
            }
            Content::List(items) => {
                Value::List(items.iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Content::Map(entries) => {
                let mut merged = Merged::default();
                self.merge(entries, &mut merged, depth)?;
                let mut members = Vec::with_capacity(merged.entries.len());
                for (name, entry) in merged.entries {
                    self.count_bytes(name.len())?;
                    members.push(Member { key: &entry.key, name, value: self.node(&entry.node, depth + 1)? });
                }
                Value::Map(members)
            }
        })
    }

    /// Adds the entries of a map whose names are not there yet, then those of its merge keys.
    fn merge(&mut self, entries: &'a [Entry], merged: &mut Merged<'a>, depth: usize) -> Result<(), ViewError> {
        if depth > MAX_DEPTH {
            return Err(ViewError::TooManyNodes);
        }
        merged.maps += 1;
        let mut bases = Vec::new();
        for entry in entries {
            let Component::Key { name, occurrence, .. } = &entry.key else { continue };
            if self.view.merge_keys.contains(&entry.key_span.start) {
                bases.push(self.view.resolve(&entry.node, self.index)?);
                continue;
            }
            let name = match occurrence {
                0 => Cow::Borrowed(name.as_str()),
                _ => Cow::Owned(format!("{name}#{}", occurrence + 1)),
            };
            match merged.names.insert(name.clone(), merged.maps) {
                None => merged.entries.push((name, entry)),
                Some(map) if map == merged.maps => return Err(ViewError::SameKey),
                Some(_) => {}
            }
        }
        for base in bases {
            let maps = if let Content::List(maps) = &base.content { maps } else { std::slice::from_ref(base) };
            for map in maps {
                let Content::Map(entries) = &self.view.resolve(map, self.index)?.content else {
                    return Err(ViewError::NotMergeable);
                };
                self.count(1 + entries.iter().map(cost).sum::<usize>())?;
                self.merge(entries, merged, depth + 1)?;
            }
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize) -> Result<(), ViewError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES { Err(ViewError::TooManyNodes) } else { Ok(()) }
    }

    fn count_bytes(&mut self, bytes: usize) -> Result<(), ViewError> {
        self.bytes += bytes;
        if self.bytes > MAX_BYTES { Err(ViewError::TooManyNodes) } else { Ok(()) }
    }
}

/// Returns for how many nodes an entry counts that a map takes in: its name is compared, and need not be printed.
fn cost(entry: &Entry) -> usize {
    match &entry.key {
        Component::Key { name, .. } => 4 + name.len() / 16,
        _ => 4,
    }
}

/// How many nodes a typed view may have, aliases expanded.
const MAX_NODES: usize = 1 << 20;
/// How long its texts and keys may be together, aliases expanded.
const MAX_BYTES: usize = 64 << 20;
/// How many aliases may lead to one another.
const MAX_ALIASES: usize = 16;

#[cfg(test)]
mod tests {
    use super::{View, ViewError};
    use crate::document::{self, Format, KeyPath};

    fn json(format: Format, text: &str, path: &str) -> Result<serde_json::Value, ViewError> {
        let document = document::parse(format, text).expect("it is sound");
        let view = View::of(&document, format, text);
        let (node, index) = view.find(&KeyPath::parse(path).expect("a key path")).expect("it is there");
        view.json(node, index).map(|json| serde_json::from_str(&json).expect("it is JSON"))
    }

    #[test]
    fn a_merge_takes_in_what_its_maps_take_in() {
        let text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: [*b, {z: 3}], w: 4}\n";
        let expected = serde_json::json!({ "w": 4, "y": 2, "x": 1, "z": 3 });
        assert_eq!(json(Format::Yaml, text, "c"), Ok(expected));
    }

    #[test]
    fn only_yaml_has_merge_keys_and_only_without_quotes_and_tag() {
        let expected = Ok(serde_json::json!({ "<<": { "x": 1 } }));
        assert_eq!(json(Format::Yaml, "a: {\"<<\": {x: 1}}\n", "a"), expected);
        assert_eq!(json(Format::Yaml, "a: {!!str <<: {x: 1}}\n", "a"), expected);
        assert_eq!(json(Format::Json, "{\"a\": {\"<<\": {\"x\": 1}}}", "a"), expected);
        assert_eq!(json(Format::Toml, "[a.'<<']\nx = 1\n", "a"), expected);
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        assert_eq!(json(Format::Yaml, "a: {1: x, \"1\": y}\n", "a"), Err(ViewError::SameKey));
        assert_eq!(json(Format::Yaml, "a: {<<: {1: x, \"1\": y}}\n", "a"), Err(ViewError::SameKey));
        assert_eq!(json(Format::Yaml, "a: {<<: x}\n", "a"), Err(ViewError::NotMergeable));
        assert_eq!(json(Format::Yaml, "a: &a {<<: *a}\n", "a"), Err(ViewError::TooManyNodes));
    }

    #[test]
    fn numbers_are_spelled_as_json_spells_them() {
        let text = "a = [0x1F, 0b11, 1_000, +7, -8, 0o17, 0]\n";
        assert_eq!(json(Format::Toml, text, "a"), Ok(serde_json::json!([31, 3, 1000, 7, -8, 15, 0])));
        let text = "a: [007, 0x123456789012345678901234567890123]\n";
        assert_eq!(json(Format::Yaml, text, "a"), Ok(serde_json::json!([7, "0x123456789012345678901234567890123"])));
    }
}
