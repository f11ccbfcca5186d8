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
                && values
                    .iter()
                    .zip(items)
                    .all(|(value, item)| reads_back(format, document, item, NewValue::Json(value)))
        }
        (Value::Object(values), Content::Map(entries)) => {
            let reads_back = |Entry { key, node, .. }: &Entry| match key {
                Component::Key { name, occurrence: 0, .. } => {
                    values.get(&**name).is_some_and(|value| reads_back(format, document, node, NewValue::Json(value)))
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
            leaf.kind != ScalarKind::String
                && serde_json::from_str::<Value>(&leaf.value).is_ok_and(|found| found == *json)
        }
        _ => false,
    }
}

fn is_text(document: &Document, node: &Node, text: &str) -> bool {
    let Content::Leaf(index) = node.content else { return false };
    let leaf = document.leaf(index);
    leaf.kind == ScalarKind::String && *leaf.value == *text
}

fn entangled(path: &KeyPath, reason: &'static str) -> EditError {
    EditError::Entangled { path: path.clone(), reason }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{is_set, is_unset, moved_up};
    use crate::document::edit::{EditError, NewValue};
    use crate::document::{Format, KeyPath, parse, set, unset};

    fn path(text: &str) -> KeyPath {
        KeyPath::parse(text).expect("a path")
    }

    fn checked_set(format: Format, before: &str, after: &str, key: &str, value: NewValue<'_>) -> Result<(), EditError> {
        let document = parse(format, before).expect("valid");
        is_set(format, (before, &document), after, &path(key), value)
    }

    fn checked_unset(format: Format, before: &str, after: &str, key: &str) -> Result<(), EditError> {
        let document = parse(format, before).expect("valid");
        is_unset(format, (before, &document), after, &path(key))
    }

    fn entangled(key: &str, reason: &'static str) -> Result<(), EditError> {
        Err(EditError::Entangled { path: path(key), reason })
    }

    const OTHER: &str = "another value would change with it";
    const SPELLING: &str = "the value would not read back";
    const UNREADABLE: &str = "the document could not be read any more";

    #[test]
    fn a_set_value_must_read_back_beside_unchanged_ones() {
        let check = |after, value| checked_set(Format::Dotenv, "A=1\nB=2", after, "A", NewValue::Text(value));
        assert_eq!(check("A='x'\nB=2", "x"), Ok(()));
        assert_eq!(check("A=y\nB=2", "x"), entangled("A", SPELLING));
        assert_eq!(check("A\nB=2", "x"), entangled("A", SPELLING));
        assert_eq!(check("A=x\nB='2'", "x"), entangled("A", OTHER), "the same value in another source text");
        assert_eq!(check("B=2\nA=x\nC=3", "x"), entangled("A", OTHER));
        assert_eq!(check("A=x", "x"), entangled("A", OTHER));
        assert_eq!(check("A='x\nB=2", "x"), entangled("A", UNREADABLE));
    }

    #[test]
    fn a_removed_value_must_be_gone_and_no_other() {
        let check = |after| checked_unset(Format::Ini, "a=1\na=2\n[s]\na=3\n[s]\na=4\n", after, "a");
        assert_eq!(check("a=2\n[s]\na=3\n[s]\na=4\n"), Ok(()));
        assert_eq!(check("a=1\n[s]\na=3\n[s]\na=4\n"), entangled("a", OTHER));
        assert_eq!(check("a=1\na=2\n[s]\na=3\n[s]\na=4\n"), entangled("a", OTHER));
        assert_eq!(check("a=2\n[s]\na=3\na=4\n"), entangled("a", OTHER));
        assert_eq!(check("[s"), entangled("a", UNREADABLE));
    }

    #[test]
    fn what_stands_behind_a_removed_item_moves_up() {
        for (leaf, removed, expected) in [
            ("a[2].b", "a[1]", "a[1].b"),
            ("a[0].b", "a[1]", "a[0].b"),
            ("b[2]", "a[1]", "b[2]"),
            ("s#3.k", "s#2", "s#2.k"),
            ("s.k#2", "s.k", "s.k"),
            ("s.k#2", "t.k", "s.k#2"),
            ("s", "s.k", "s"),
        ] {
            assert_eq!(moved_up(path(leaf), &path(removed)), path(expected), "{leaf} without {removed}");
        }
    }

    #[test]
    fn json_reads_back_with_its_type() {
        let check = |after, value: Value| checked_set(Format::Json, r#"{"b": 2}"#, after, "a", NewValue::Json(&value));
        assert_eq!(check(r#"{"b": 2, "a": {"x": [1, true, null, "t"]}}"#, json!({"x": [1, true, null, "t"]})), Ok(()));
        assert_eq!(check(r#"{"b": 2, "a": "1"}"#, json!(1)), entangled("a", SPELLING));
        assert_eq!(check(r#"{"b": 2, "a": 1}"#, json!("1")), entangled("a", SPELLING));
        assert_eq!(check(r#"{"b": 2, "a": {"x": 1, "y": 2}}"#, json!({"x": 1})), entangled("a", SPELLING));
        assert_eq!(check(r#"{"b": 2, "a": [1]}"#, json!([1, 2])), entangled("a", SPELLING));
        assert_eq!(check(r#"{"b": 2}"#, json!(1)), entangled("a", SPELLING));
    }

    #[test]
    fn an_opaque_document_has_no_keys() {
        let document = parse(Format::Dotenv, "").expect("valid");
        let unspellable = Some(EditError::Unspellable { format: Format::Opaque, what: "keys" });
        assert_eq!(set(Format::Opaque, "", &document, &path("a"), NewValue::Text("x")).err(), unspellable);
        assert_eq!(unset(Format::Opaque, "", &document, &path("a")).err(), unspellable);
        assert!(parse(Format::Opaque, "").is_err());
    }
}
