//! What is said of a value stays with it: also when its key is renamed, or items are put before it in its list.

use std::collections::{HashMap, HashSet};

use super::file::Opened;
use super::header::Header;
use super::place;
use super::reuse::{Candidate, Origin, origins};
use super::values::SaidOfValues;
use crate::document::{Document, Leaf};

/// Returns what a header says of single values when it stands over a new document.
///
/// What the file said already goes where its value went, and is dropped with it; a value is the same one by the rule by
/// which it keeps its id. What the file did not say yet is about the new document, and wins.
pub(super) fn follow(header: &Header, previous: Option<&Opened>, document: &Document, text: &str) -> SaidOfValues {
    let wanted = &header.metadata.values;
    let Some((opened, old)) = previous.and_then(|opened| Some((opened, opened.items.as_ref()?))) else {
        return wanted.clone();
    };
    let known = &opened.header.metadata.values;
    if !wanted.keys().any(|key| known.contains_key(key)) {
        return wanted.clone();
    }
    let (old_keys, new_keys) = (keys(old), keys(document));
    let moved = moved(opened, old, header, document, text);
    let (following, mut values): (SaidOfValues, SaidOfValues) =
        wanted.clone().into_iter().partition(|(key, _)| known.contains_key(key) && old_keys.contains(key));
    for (key, value) in following {
        let target = match moved.get(&key) {
            Some(target) => target.clone(),
            // Sealed on one side and clear on the other, a value has no id to know it by.
            None if new_keys.contains(&key) => key,
            None => continue,
        };
        values.entry(target).or_insert(value);
    }
    values
}

/// Returns the new key of each old one whose value is still there.
fn moved(opened: &Opened, old: &Document, header: &Header, new: &Document, text: &str) -> HashMap<String, String> {
    let Ok(old_text) = str::from_utf8(&opened.plaintext) else { return HashMap::new() };
    let mut moved = HashMap::new();
    for is_sealed in [true, false] {
        let old: Vec<(&Leaf, Vec<u8>)> = of_kind(old, &opened.header, is_sealed);
        let new: Vec<(&Leaf, Vec<u8>)> = of_kind(new, header, is_sealed);
        let found = origins(&candidates(&old, old_text), &candidates(&new, text));
        for ((leaf, _), origin) in new.iter().zip(found) {
            if let Origin::Kept(index) = origin {
                moved.insert(old[index].0.path.to_string(), leaf.path.to_string());
            }
        }
    }
    moved
}

fn of_kind<'d>(document: &'d Document, header: &Header, is_sealed: bool) -> Vec<(&'d Leaf, Vec<u8>)> {
    let leaves = document.leaves().filter(|leaf| header.seals(&leaf.path) == is_sealed);
    leaves.map(|leaf| (leaf, place::encode_path(&leaf.path))).collect()
}

fn candidates<'a>(leaves: &'a [(&'a Leaf, Vec<u8>)], text: &'a str) -> Vec<Candidate<'a>> {
    let candidate = |(leaf, path): &'a (&'a Leaf, Vec<u8>)| Candidate {
        path,
        source: leaf.span.of(text),
        value: (leaf.kind, &leaf.value),
    };
    leaves.iter().map(candidate).collect()
}

fn keys(document: &Document) -> HashSet<String> {
    document.leaves().map(|leaf| leaf.path.to_string()).collect()
}
