//! The proof that an edit did what was asked and nothing else: the new text is parsed and compared with the old.

use serde_json::Value;

use super::edit::{EditError, NewValue};
use super::path::Component;
use super::{Content, Document, Entry, Format, KeyPath, Node, ScalarKind, parse};

/// Checks that the value at `path` reads back, and that every other leaf is the same.
pub(super) fn is_set(
    format: Format,
    before: (&str, &Document),
    after: &str,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<(), EditError> {
    let document = read(format, after, path)?;
    if !leaves_beside(before.0, before.1, path).eq(leaves_beside(after, &document, path)) {
        return Err(entangled(path, "another value would change with it"));
    }
    match node_at(&document, path) {
        Some(node) if reads_back(format, &document, node, value) => Ok(()),
        _ => Err(entangled(path, "the value would not read back")),
    }
}

/// Checks that what stood at `path` is gone, and that every other leaf is the same: items behind it move up, and so
/// do the repetitions of a key.
pub(super) fn is_unset(
    format: Format,
    before: (&str, &Document),
    after: &str,
    path: &KeyPath,
) -> Result<(), EditError> {
    let document = read(format, after, path)?;
    let expected = leaves_beside(before.0, before.1, path).map(|(leaf, source)| (moved_up(leaf, path), source));
    let found = document.leaves().map(|leaf| (leaf.path.clone(), leaf.span.of(after)));
    if expected.eq(found) { Ok(()) } else { Err(entangled(path, "another value would change with it")) }
}

fn read(format: Format, text: &str, path: &KeyPath) -> Result<Document, EditError> {
    parse(format, text).map_err(|_| entangled(path, "the document could not be read any more"))
}

/// Returns the path and source text of every leaf that is not at or below `path`.
fn leaves_beside<'a>(
    text: &'a str,
    document: &'a Document,
    path: &'a KeyPath,
) -> impl Iterator<Item = (KeyPath, &'a str)> {
    let beside = document.leaves().filter(|leaf| !path.contains(&leaf.path));
    beside.map(move |leaf| (leaf.path.clone(), leaf.span.of(text)))
}

/// Returns the path of a leaf after `removed` is gone.
fn moved_up(mut leaf: KeyPath, removed: &KeyPath) -> KeyPath {
    let Some((last, parent)) = removed.0.split_last() else { return leaf };
    if KeyPath(parent.to_vec()).contains(&leaf) {
        match (leaf.0.get_mut(parent.len()), last) {
            (Some(Component::Item(item)), Component::Item(gone)) if *item > *gone => *item -= 1,
            (
                Some(Component::Key { name, occurrence, .. }),
                Component::Key { name: gone, occurrence: gone_occurrence, .. },
            ) if name == gone && *occurrence > *gone_occurrence => *occurrence -= 1,
            _ => {}
        }
    }
    leaf
}

/// Returns the node that a person means by `path`.
fn node_at<'a>(document: &'a Document, path: &KeyPath) -> Option<&'a Node> {
    let (root, path) = match path.0.as_slice() {
        [Component::Document(root), path @ ..] => (*root, path),
        path => (0, path),
    };
    path.iter().try_fold(document.roots.get(root)?, |node, component| match (&node.content, component) {
        (Content::List(items), Component::Item(item)) => items.get(*item),
        (Content::Map(entries), _) => {
            entries.iter().find(|entry| component.addresses(&entry.key)).map(|entry| &entry.node)
        }
        _ => None,
    })
}

fn reads_back(format: Format, document: &Document, node: &Node, value: NewValue<'_>) -> bool {
    let json = match value {
        NewValue::Json(json) => json,
        NewValue::Text(text) => return is_text(document, node, text),
    };
    match (json, &node.content) {
        (Value::String(text), _) => is_text(document, node, text),
        (Value::Array(values), Content::List(items)) => {
            values.len() == items.len()
                && values.iter().zip(items).all(|(value, item)| reads_back(format, document, item, NewValue::Json(value)))
        }
        (Value::Object(values), Content::Map(entries)) => {
            let reads_back = |Entry { key, node, .. }: &Entry| match key {
                Component::Key { name, occurrence: 0, .. } => {
                    values.get(name).is_some_and(|value| reads_back(format, document, node, NewValue::Json(value)))
                }
                _ => false,
            };
            values.len() == entries.len() && entries.iter().all(reads_back)
        }
        (Value::Null, Content::Null) => true,
        (Value::Bool(_) | Value::Number(_), _) if matches!(format, Format::Dotenv | Format::Ini) => {
            is_text(document, node, &json.to_string())
        }
        (Value::Bool(_) | Value::Number(_), Content::Leaf(index)) => {
            let leaf = document.leaf(*index);
            leaf.kind != ScalarKind::String && serde_json::from_str::<Value>(&leaf.value).is_ok_and(|found| found == *json)
        }
        _ => false,
    }
}

fn is_text(document: &Document, node: &Node, text: &str) -> bool {
    let Content::Leaf(index) = node.content else { return false };
    let leaf = document.leaf(index);
    leaf.kind == ScalarKind::String && *leaf.value == text
}

fn entangled(path: &KeyPath, reason: &'static str) -> EditError {
    EditError::Entangled { path: path.clone(), reason }
}
