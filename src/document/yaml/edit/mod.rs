//! Setting and removing one value of YAML text; every other byte stays.

#[cfg(test)]
mod fixture;
mod place;
mod set;
mod unset;

use zeroize::Zeroizing;

use crate::document::edit::{EditError, NewValue};
use crate::document::json::brackets::{Change, concat};
use crate::document::path::Component;
use crate::document::{Content, Document, KeyPath, Node, splice};
use place::{Structure, child, length};

/// Replaces the value at `path`, or adds it; missing parents are added too.
///
/// A new entry is a line of its own in a block collection, and stands between the brackets of a flow collection. A
/// value that has an anchor keeps it, so its aliases change with it; an alias is replaced itself. A tag stays where
/// it fits the new value.
pub(crate) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let editor = Editor { text, document, path };
    let (root, steps) = editor.root()?;
    let Some(root) = root else {
        editor.demand_addable(0, steps)?;
        return editor.begin(steps, value);
    };
    let (site, missing) = editor.find(root, steps)?;
    editor.demand_addable(length(site.node), missing)?;
    let changes = match (&site.node.content, missing) {
        (_, []) => editor.replace(&site, value)?,
        (Content::Null, _) => editor.nest(&site, missing, value)?,
        _ => editor.add(&site, missing, value)?,
    };
    Ok(apply(text, changes))
}

/// Removes what stands at `path`, with its key or dash.
pub(crate) fn unset(text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let editor = Editor { text, document, path };
    let (root, steps) = editor.root()?;
    let (site, missing) = match root {
        Some(root) => editor.find(root, steps)?,
        None => return Err(EditError::NotFound(path.clone())),
    };
    if !missing.is_empty() {
        return Err(EditError::NotFound(path.clone()));
    }
    let Some((&(container, index), above)) = site.above.split_last() else {
        return Err(editor.entangled("a whole document cannot be removed"));
    };
    let entry = editor.entry(container, index);
    if editor.has_alias_behind(entry) {
        return Err(editor.entangled("an alias refers to it"));
    }
    let changes = match editor.structure(container, above) {
        Structure::Brackets(brackets) => {
            brackets.remove(index).into_iter().map(|span| (span, Zeroizing::default())).collect()
        }
        Structure::Pair => vec![(entry, concat(&["{}"]))],
        Structure::Block if length(container) == 1 => editor.empty(container, above.last().copied(), entry),
        Structure::Block => vec![(editor.lines_of(container, index, entry), Zeroizing::default())],
    };
    Ok(apply(text, changes))
}

/// A text, and the place in it that is to be changed.
struct Editor<'a> {
    text: &'a str,
    document: &'a Document,
    path: &'a KeyPath,
}

/// A node, and how it is reached.
struct Site<'a> {
    node: &'a Node,
    /// The containers from the root on, and which of their children leads to the node.
    above: Vec<(&'a Node, usize)>,
}

impl<'a> Editor<'a> {
    /// Returns the root that the path begins at, if there is one yet, and the steps from there.
    fn root(&self) -> Result<(Option<&'a Node>, &'a [Component]), EditError> {
        let roots = &self.document.roots;
        match self.path.0.as_slice() {
            [Component::Document(number), steps @ ..] => match roots.get(*number) {
                Some(root) => Ok((Some(root), steps)),
                None => Err(EditError::NotFound(self.path.clone())),
            },
            steps => Ok((roots.first(), steps)),
        }
    }

    /// Follows the path as far as there are nodes.
    fn find(&self, root: &'a Node, steps: &'a [Component]) -> Result<(Site<'a>, &'a [Component]), EditError> {
        let mut site = Site { node: root, above: Vec::new() };
        for (position, step) in steps.iter().enumerate() {
            let index = match (&site.node.content, step) {
                (Content::Alias(_), _) => return Err(self.entangled("it stands behind an alias")),
                (Content::Map(entries), Component::Key { .. }) => {
                    entries.iter().position(|entry| step.addresses(&entry.key))
                }
                (Content::List(items), Component::Item(item)) => (*item < items.len()).then_some(*item),
                (Content::Null, _) => None,
                _ => {
                    let length = self.path.0.len() - steps.len() + position;
                    return Err(EditError::NotAContainer(KeyPath(self.path.0[..length].to_vec())));
                }
            };
            let Some(index) = index else { return Ok((site, &steps[position..])) };
            site.above.push((site.node, index));
            site.node = child(site.node, index);
        }
        Ok((site, &[]))
    }

    /// Refuses steps that no new entry can have: an item behind the end, the second of equal keys.
    fn demand_addable(&self, mut length: usize, missing: &[Component]) -> Result<(), EditError> {
        for step in missing {
            match step {
                Component::Key { occurrence: 0, .. } => {}
                Component::Item(item) if *item == length => {}
                Component::Item(_) => return Err(EditError::BehindEnd { length }),
                Component::Key { .. } | Component::Document(_) => return Err(EditError::NotFound(self.path.clone())),
            }
            length = 0;
        }
        Ok(())
    }

    fn entangled(&self, reason: &'static str) -> EditError {
        EditError::Entangled { path: self.path.clone(), reason }
    }
}

fn apply(text: &str, mut changes: Vec<Change>) -> Zeroizing<String> {
    changes.sort_by_key(|(span, _)| *span);
    splice(text, changes.iter().map(|(span, new)| (*span, new.as_str())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_oneof, proptest};
    use serde_json::json;

    use super::fixture::{removed, set_text};
    use super::{set, unset};
    use crate::document::edit::{EditError, NewValue};
    use crate::document::path::Component;
    use crate::document::yaml::{laws, parse};
    use crate::document::{Content, Format, KeyPath, Node, check};

    #[test]
    fn what_cannot_be_edited_alone_is_refused() {
        let path = |path: &str| KeyPath::parse(path).expect("a path");
        let aliased = "a: &x {k: 1}\nb: *x\n";
        assert!(matches!(removed(aliased, "a"), Err(EditError::Entangled { .. })));
        assert!(matches!(set_text(aliased, "b.k", "x"), Err(EditError::Entangled { .. })));
        assert_eq!(removed(aliased, "b").as_deref(), Ok("a: &x {k: 1}\n"));
        assert_eq!(set_text(aliased, "a", "x"), Err(EditError::NotAValue(path("a"))));
        assert_eq!(set_text("a: 1\n", "a.b", "x"), Err(EditError::NotAContainer(path("a"))));
        assert_eq!(set_text("a: [1]\n", "a[2]", "x"), Err(EditError::BehindEnd { length: 1 }));
        assert_eq!(set_text("a:\n", "a[1]", "x"), Err(EditError::BehindEnd { length: 0 }));
        assert_eq!(set_text("a: 1\n", "b#2", "x"), Err(EditError::NotFound(path("b#2"))));
        assert_eq!(set_text("a: 1\n", "@2.b", "x"), Err(EditError::NotFound(path("@2.b"))));
        assert_eq!(removed("a: 1\n", "b"), Err(EditError::NotFound(path("b"))));
        assert!(matches!(set_text("a: 1\n", &"k".repeat(1025), "x"), Err(EditError::Unspellable { .. })));
    }

    /// Every path of the tree, and for each container the path of a new entry.
    fn paths(node: &Node, path: &KeyPath, found: &mut Vec<KeyPath>) {
        found.push(path.clone());
        match &node.content {
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    paths(item, &path.child(Component::Item(index)), found);
                }
                found.push(path.child(Component::Item(items.len())));
            }
            Content::Map(entries) => {
                for entry in entries {
                    paths(&entry.node, &path.child(entry.key.clone()), found);
                }
                found.push(path.child(Component::key("new key")));
            }
            Content::Null => found.push(path.child(Component::key("new")).child(Component::key("key"))),
            Content::Alias(_) | Content::Leaf(_) => {}
        }
    }

    /// Edits every place of a document; returns what would not come out right.
    fn edit_everywhere(text: &str, value: NewValue<'_>) -> Vec<String> {
        let document = parse(text).expect("valid");
        let mut found = Vec::new();
        for (number, root) in document.roots.iter().enumerate() {
            let path = if number == 0 { KeyPath::default() } else { KeyPath(vec![Component::Document(number)]) };
            paths(root, &path, &mut found);
        }
        let mut failures = Vec::new();
        for path in &found {
            if let Ok(new) = set(text, &document, path, value)
                && let Err(error) = check::is_set(Format::Yaml, (text, &document), &new, path, value)
            {
                failures.push(format!("set {path}: {error}: {text:?} became {:?}", *new));
            }
            if let Ok(new) = unset(text, &document, path)
                && let Err(error) = check::is_unset(Format::Yaml, (text, &document), &new, path)
            {
                failures.push(format!("unset {path}: {error}: {text:?} became {:?}", *new));
            }
        }
        failures
    }

    #[test]
    fn every_place_of_the_corpus_can_be_edited() {
        let list = json!([1, "two", {"three": null}]);
        let values = [NewValue::Text("x"), NewValue::Text("- a\n\n b: #\n"), NewValue::Json(&list)];
        let mut failures = Vec::new();
        for (_, text) in laws::corpus("valid") {
            for text in laws::variants(&text) {
                failures.extend(values.iter().flat_map(|value| edit_everywhere(&text, *value)));
            }
        }
        assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    }

    #[test]
    fn nearly_every_place_of_mutated_documents_can_be_edited() {
        // What is left are such things as a comment that becomes part of the block scalar above it.
        let mut failures = Vec::new();
        let mut random = laws::Random::new(3);
        let documents = laws::documents();
        if documents.is_empty() {
            return;
        }
        for number in 0..laws::mutations() {
            let text = random.mutate(&documents[number % documents.len()].1);
            if parse(&text).is_ok() {
                failures.extend(edit_everywhere(&text, NewValue::Text("x")));
            }
        }
        assert!(failures.len() < laws::mutations() / 100, "{}:\n{}", failures.len(), failures.join("\n"));
    }

    proptest! {
        #[test]
        fn any_text_reads_back_wherever_it_is_put(value in prop_oneof![
            any::<String>(),
            "[ \t\r\n:#'\"\\\\|>a-c0-9,\\[\\]{}&*!%@`?~.-]{0,12}",
            "[ \t\na-b]{0,12}",
        ]) {
            let document = "a: b\nc: 'd'\ne: \"f\"\ng: |\n  h\ni:\n- >\n\n  j\n- k: l\n  m: n\no: {p: q, r: [s, t: u]}\n";
            let failures = edit_everywhere(document, NewValue::Text(&value));
            assert!(failures.is_empty(), "{}", failures.join("\n"));
        }
    }
}
