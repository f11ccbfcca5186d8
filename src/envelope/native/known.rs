//! What former readers know of the values that are about to be sealed: who knew a text under one key knows it under
//! another one, too, and what stood in clear was known to everybody who had the file.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::file::Opened;
use super::header::Header;
use super::reuse::Candidate;
use crate::document::{Document, Item, KeyPath, ScalarKind};

/// The day on which a value was last replaced, and the number of its data key then.
type Age = (Date, u32);

/// The values of the file that is replaced, as far as a former reader knows them.
#[derive(Default)]
pub(super) struct Known<'f> {
    by_text: HashMap<&'f str, Age>,
    clear: HashSet<(&'f KeyPath, &'f str)>,
    /// What is given to a value that stood in clear: no former reader had an earlier key last.
    clear_age: Option<Age>,
}

impl<'f> Known<'f> {
    /// Collects them; `sealed` are the sealed values with the ages that their tokens say.
    pub(super) fn of(
        header: &Header,
        sealed: impl Iterator<Item = (Candidate<'f>, Age)>,
        former: Option<(&'f Opened, &'f Document)>,
        today: Date,
    ) -> Self {
        let Some(last) = header.exposed.iter().map(|exposure| exposure.generation).max() else {
            return Self::default();
        };
        let mut by_text: HashMap<&str, Age> = HashMap::new();
        for (Candidate { value: (kind, text), .. }, age) in sealed {
            if age.1 <= last && is_telling(kind, text) {
                let oldest = by_text.entry(text).or_insert(age);
                if age.1 < oldest.1 {
                    *oldest = age;
                }
            }
        }
        let first = header.exposed.iter().map(|exposure| exposure.generation).min();
        let mut clear = HashSet::new();
        if let Some((opened, document)) = former {
            let tokens: HashSet<usize> = opened.values.iter().map(|value| value.item).collect();
            for (index, item) in document.items.iter().enumerate() {
                if let Item::Leaf(leaf) = item
                    && !tokens.contains(&index)
                {
                    clear.insert((&leaf.path, &*leaf.value));
                }
            }
        }
        Self { by_text, clear, clear_age: first.map(|first| (today, first)) }
    }

    /// Returns the age of a value that is new at its place and that a former reader knows all the same.
    pub(super) fn age(&self, path: &KeyPath, (kind, text): (ScalarKind, &str)) -> Option<Age> {
        let stood_in_clear = || self.clear_age.filter(|_| self.clear.contains(&(path, text)));
        let by_text = || self.by_text.get(text).copied().filter(|_| is_telling(kind, text));
        by_text().or_else(stood_in_clear)
    }
}

/// Tells whether two values with this text are likely to be one secret: `true` and `5432` stand in many places.
fn is_telling(kind: ScalarKind, text: &str) -> bool {
    kind == ScalarKind::String && text.len() >= TELLING_BYTES
}

const TELLING_BYTES: usize = 8;
