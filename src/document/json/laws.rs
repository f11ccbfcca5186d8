//! For tests: what must hold for every document of a format in which quoted tokens stand for leaves.

use super::walk::walk;
use crate::document::edit::{EditError, NewValue};
use crate::document::path::Component;
use crate::document::{Document, Item, KeyPath, SyntaxError, splice};

/// Asserts that tokens can stand for the `chosen` leaves and comments, and that putting them back restores the text.
pub(in crate::document) fn assert_tokens_stand_in(
    parse: fn(&str) -> Result<Document, SyntaxError>,
    text: &str,
    chosen: impl Fn(usize) -> bool,
) {
    let document = parse(text).expect("only valid documents are given");
    let token = |index: usize| format!("secret-v1.{index}{}", "_A-z.".repeat(24));
    let sealed: Vec<_> = (document.items.iter().enumerate())
        .filter(|(index, _)| chosen(*index))
        .filter_map(|(index, item)| match item {
            Item::Event(_) => None,
            Item::Leaf(leaf) => Some((leaf.span, format!("\"{}\"", token(index)))),
            Item::Comment(comment) => Some((comment.span, token(index))),
        })
        .collect();
    let encrypted = splice(text, sealed.iter().map(|(span, token)| (*span, token.as_str())));
    let parsed = parse(&encrypted).unwrap_or_else(|error| panic!("{error}: {text:?} became {:?}", *encrypted));

    assert_eq!(parsed.items.len(), document.items.len(), "{text:?}");
    let mut restored = Vec::new();
    let mut tokens = sealed.iter();
    for (index, (new, old)) in parsed.items.iter().zip(&document.items).enumerate() {
        let (new_span, old_span) = match (new, old) {
            (Item::Event(new), Item::Event(old)) => {
                assert_eq!((new.kind, new.span.of(&encrypted)), (old.kind, old.span.of(text)), "{text:?}");
                continue;
            }
            (Item::Leaf(new), Item::Leaf(old)) => {
                assert_eq!(new.path, old.path, "{text:?}");
                (new.span, old.span)
            }
            (Item::Comment(new), Item::Comment(old)) => (new.span, old.span),
            _ => panic!("item {index} changed its kind: {text:?}"),
        };
        if chosen(index) {
            assert_eq!(tokens.next().map(|(_, token)| token.as_str()), Some(new_span.of(&encrypted)), "{text:?}");
            restored.push((new_span, old_span.of(text)));
        } else {
            assert_eq!(new_span.of(&encrypted), old_span.of(text), "{text:?}");
        }
    }
    assert_eq!(*splice(&encrypted, restored), text);
}

/// The signature of a format's `set`.
pub(in crate::document) type Set =
    fn(&str, &Document, &KeyPath, NewValue<'_>) -> Result<zeroize::Zeroizing<String>, EditError>;

/// Sets a text, and asserts that it reads back and that every other leaf and comment stays as it was.
pub(in crate::document) fn assert_only_this_is_set(
    parse: fn(&str) -> Result<Document, SyntaxError>,
    set: Set,
    text: &str,
    path: &KeyPath,
    value: &str,
) {
    let before = parse(text).expect("only valid documents are given");
    let Ok(changed) = set(text, &before, path, NewValue::Text(value)) else { return };
    let after = parse(&changed).unwrap_or_else(|error| panic!("{error}: {text:?} became {:?}", *changed));
    let leaf = after.leaves().find(|leaf| leaf.path == *path).expect("what was set is there");
    assert_eq!(&*leaf.value, value, "{text:?} became {:?}", *changed);
    assert_eq!(others(&after, &changed, path), others(&before, text, path), "{text:?} became {:?}", *changed);
    let nodes = walk(&before, path).expect("what could be set can be found");
    if nodes.len() > path.0.len() {
        let old = nodes[nodes.len() - 1].span;
        assert_eq!(*changed, *splice(text, [(old, leaf.span.of(&changed))]));
    } else {
        let mut rest = changed.chars();
        let is_kept = |old: char| old.is_whitespace() || rest.any(|new| new == old);
        assert!(text.chars().all(is_kept), "{text:?} became {:?}", *changed);
    }
}

/// Asserts that all leaves and comments of `changed` are those of `text` without what stood at `path`.
pub(in crate::document) fn assert_only_this_is_gone(
    parse: fn(&str) -> Result<Document, SyntaxError>,
    text: &str,
    changed: &str,
    path: &KeyPath,
) {
    let before = parse(text).expect("only valid documents are given");
    let after = parse(changed).unwrap_or_else(|error| panic!("{error}: {text:?} became {changed:?}"));
    let (mut left, _) = others(&before, text, path);
    let nothing = KeyPath(vec![Component::Document(1)]);
    let (mut found, _) = others(&after, changed, &nothing);
    if let Some(Component::Item(_)) = path.0.last() {
        // Items behind the removed one have moved up: only the order and the source texts can be compared.
        for (path, _) in left.iter_mut().chain(&mut found) {
            path.0.clear();
        }
    }
    assert_eq!(left, found, "{text:?} became {changed:?}");
}

type Others = (Vec<(KeyPath, String)>, Vec<String>);

/// Returns all leaves but those at or below `path`, and all comments, in document order.
fn others(document: &Document, text: &str, path: &KeyPath) -> Others {
    let leaves = document.leaves().filter(|leaf| !path.contains(&leaf.path));
    let leaves = leaves.map(|leaf| (leaf.path.clone(), leaf.span.of(text).to_owned())).collect();
    let comments = document.items.iter().filter_map(|item| match item {
        Item::Comment(comment) => Some(comment.span.of(text).to_owned()),
        Item::Event(_) | Item::Leaf(_) => None,
    });
    (leaves, comments.collect())
}
