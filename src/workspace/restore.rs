//! Putting one key of a document back to what it was in an older one, with everything below it.

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::{Error, HistoryError, OpenFile, View, key_paths, lookup, similar_keys};
use crate::document::edit::{EditError, NewValue};
use crate::document::path::Component;
use crate::document::{self, Content, Document, Format, KeyPath, Leaf, Node, splice};
use crate::envelope::native::Opened;

/// Returns the plaintext of a file in which a key is as in an older version.
///
/// # Errors
/// When the older version has no such key, or it cannot be changed alone.
pub(super) fn restored(shown: &str, file: &OpenFile, old: &Opened, key: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let format = file.opened.header.format;
    let path = || file.target.shown.clone();
    let old_document =
        old.document().ok_or_else(|| Error::from(HistoryError::NoKeysInVersion { path: shown.to_owned() }))?;
    if file.opened.items.is_none() {
        return Err(Error::NoKeys { path: path() });
    }
    if old.header.format != format {
        return Err(HistoryError::OtherFormat { path: shown.to_owned(), then: old.header.format, now: format }.into());
    }
    let failed = |source: EditError| Error::Edit { path: path(), source };
    let wanted = lookup(old_document, format, key).map_err(|error| failed(error.into()))?;
    let old_text = str::from_utf8(&old.plaintext).expect("a document that was parsed is UTF-8");
    let old = Ends { text: old_text, document: old_document, format };
    let ends = old.below(&wanted);
    if ends.is_empty() {
        let keys = key_paths(old_document);
        let similar = similar_keys(key, keys.iter().map(String::as_str));
        return Err(Error::KeyNotFound { path: shown.to_owned(), key: key.to_owned(), similar });
    }
    let text = str::from_utf8(&file.opened.plaintext).expect("a document that was parsed is UTF-8");
    let mut restoring = Restoring { format, text: Zeroizing::new(text.to_owned()) };
    restoring.remove_others(&wanted, &ends).map_err(failed)?;
    for (path, node) in &ends {
        restoring.put(path, node, &old).map_err(failed)?;
    }
    Ok(document::into_bytes(restoring.text))
}

/// A document, by the ends of its tree: values, nulls, empty containers.
struct Ends<'d> {
    text: &'d str,
    document: &'d Document,
    format: Format,
}

impl<'d> Ends<'d> {
    fn below(&self, wanted: &KeyPath) -> Vec<(KeyPath, &'d Node)> {
        let mut ends = Vec::new();
        for (index, root) in self.document.roots.iter().enumerate() {
            let start = if index == 0 { KeyPath::default() } else { KeyPath(vec![Component::Document(index)]) };
            collect(root, &start, wanted, &mut ends);
        }
        ends
    }
}

fn collect<'d>(node: &'d Node, path: &KeyPath, wanted: &KeyPath, ends: &mut Vec<(KeyPath, &'d Node)>) {
    if !wanted.contains(path) && !path.contains(wanted) {
        return;
    }
    match &node.content {
        Content::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &path.child(Component::Item(index)), wanted, ends);
            }
        }
        Content::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                collect(&entry.node, &path.child(entry.key.clone()), wanted, ends);
            }
        }
        _ if wanted.contains(path) => ends.push((path.clone(), node)),
        _ => {}
    }
}

/// A text that is changed step by step; each is parsed and checked.
struct Restoring {
    format: Format,
    text: Zeroizing<String>,
}

impl Restoring {
    fn parse(&self) -> Result<Document, EditError> {
        // Each step was parsed when it was made.
        document::parse(self.format, &self.text).map_err(|_| unspellable(self.format))
    }

    /// Removes what the older version does not have below the key.
    fn remove_others(&mut self, wanted: &KeyPath, kept: &[(KeyPath, &Node)]) -> Result<(), EditError> {
        let kept: HashSet<&KeyPath> = kept.iter().map(|(path, _)| path).collect();
        let document = self.parse()?;
        let others: Vec<KeyPath> = Ends { text: &self.text, document: &document, format: self.format }
            .below(wanted)
            .into_iter()
            .map(|(path, _)| path)
            .filter(|path| !kept.contains(path))
            .collect();
        // From the end, so that the items of a list keep their numbers.
        for path in others.iter().rev() {
            let document = self.parse()?;
            self.text = document::unset(self.format, &self.text, &document, path)?;
        }
        Ok(())
    }

    /// Gives one key the value that it had.
    fn put(&mut self, path: &KeyPath, node: &Node, old: &Ends<'_>) -> Result<(), EditError> {
        let document = self.parse()?;
        let leaf = match &node.content {
            Content::Leaf(index) => old.document.leaf(*index),
            Content::Alias(_) => return Err(EditError::Entangled { path: path.clone(), reason: "it was an alias" }),
            Content::Null => return self.set(&document, path, &serde_json::Value::Null),
            Content::List(_) => return self.set(&document, path, &serde_json::json!([])),
            Content::Map(_) => return self.set(&document, path, &serde_json::json!({})),
        };
        if find(&document, path).is_some_and(|now| now.span.of(&self.text) == leaf.span.of(old.text)) {
            return Ok(());
        }
        // First in a spelling that fits here, then in its own where that fits, too.
        let view = View::of(old.document, old.format, old.text);
        let json = view.json(node, 0).ok().and_then(|json| serde_json::from_str(&json).ok());
        let value = match (leaf.kind, &json) {
            (
                document::ScalarKind::Boolean | document::ScalarKind::Float | document::ScalarKind::Integer,
                Some(json),
            ) => NewValue::Json(json),
            _ => NewValue::Text(&leaf.value),
        };
        let set = document::set(self.format, &self.text, &document, path, value)?;
        let after = document::parse(self.format, &set).map_err(|_| unspellable(self.format))?;
        let now = find(&after, path).ok_or_else(|| unspellable(self.format))?;
        if !leaf.style.is_block() && !now.style.is_block() {
            let respelled = splice(&set, [(now.span, leaf.span.of(old.text))]);
            if is_respelled(self.format, &set, &after, &respelled, path, leaf) {
                self.text = respelled;
                return Ok(());
            }
        }
        if (now.kind, &*now.value) != (leaf.kind, &*leaf.value) {
            return Err(unspellable(self.format));
        }
        self.text = set;
        Ok(())
    }

    fn set(&mut self, document: &Document, path: &KeyPath, value: &serde_json::Value) -> Result<(), EditError> {
        self.text = document::set(self.format, &self.text, document, path, NewValue::Json(value))?;
        Ok(())
    }
}

fn find<'d>(document: &'d Document, path: &KeyPath) -> Option<&'d Leaf> {
    document.leaves().find(|leaf| path.addresses(&leaf.path))
}

/// Tells whether a text has this leaf at the path in its own spelling, and every other as before.
fn is_respelled(format: Format, before: &str, document: &Document, text: &str, path: &KeyPath, leaf: &Leaf) -> bool {
    let Ok(after) = document::parse(format, text) else { return false };
    document.items.len() == after.items.len()
        && document.leaves().count() == after.leaves().count()
        && document.leaves().zip(after.leaves()).all(|(old, new)| {
            old.path == new.path
                && match path.addresses(&new.path) {
                    true => (new.kind, &*new.value) == (leaf.kind, &*leaf.value),
                    false => old.span.of(before) == new.span.of(text),
                }
        })
}

fn unspellable(format: Format) -> EditError {
    EditError::Unspellable { format, what: "the old value at this place" }
}
