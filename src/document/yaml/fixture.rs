//! What the parser says of a text, for its tests.

use super::parse;
use crate::document::{Item, Problem};

/// The items of a document: events with their source text, leaves with path, source text and value.
pub fn items(text: &str) -> Vec<String> {
    let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    let item = |item: &Item| match item {
        Item::Event(event) => format!("{:?} {}", event.kind, event.span.of(text)).trim_end().to_owned(),
        Item::Leaf(leaf) => format!("{} {:?} {:?} = {:?}", leaf.path, leaf.kind, leaf.span.of(text), &*leaf.value),
        Item::Comment(comment) => format!("#{}", comment.span.of(text)),
    };
    document.items.iter().map(item).collect()
}

/// The items of a document that is one map, without what begins and ends it.
pub fn items_of_map(text: &str) -> Vec<String> {
    let items = items(text);
    assert_eq!([items[0].as_str(), &items[1]], ["DocumentStart", "MapOpen"]);
    items[2..items.len() - 2].to_vec()
}

pub fn problem(text: &str) -> Problem {
    parse(text).err().unwrap_or_else(|| panic!("{text:?} parses")).problem
}
