//! Which line of a version is which line of the common ancestor.

use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::side::Side;
use crate::crypto::LeafId;

/// A version beside its ancestor.
pub(super) struct Alignment {
    /// For each line of the ancestor the version's.
    pub kept: Vec<Option<usize>>,
    /// The version's other lines, by the line of the ancestor that they stand before; at last those at the end.
    pub added: Vec<Vec<usize>>,
}

/// What a line is known by: the id of a token in it, else its text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    Text(String),
    Token(LeafId),
}

impl Alignment {
    /// Aligns a version with its ancestor; `is_known` says which ids the ancestor has.
    pub fn new(base: &Side<'_>, side: &Side<'_>) -> Self {
        let marks = |of: &Side<'_>| -> Vec<Mark> {
            (0..of.lines.len()).map(|line| mark(of, line, |id| base.token(id).is_some())).collect()
        };
        let (old, new) = (marks(base), marks(side));
        let mut alignment = Self { kept: vec![None; old.len()], added: vec![Vec::new(); old.len() + 1] };
        let (old_numbers, new_numbers) = numbers(&old, &new);
        for operation in capture_diff_slices(Algorithm::Patience, &old_numbers, &new_numbers) {
            match operation {
                DiffOp::Delete { .. } => {}
                DiffOp::Equal { old_index, new_index, len } => {
                    (0..len).for_each(|offset| alignment.kept[old_index + offset] = Some(new_index + offset));
                }
                DiffOp::Insert { old_index, new_index, new_len } => {
                    alignment.added[old_index].extend(new_index..new_index + new_len);
                }
                DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                    // A line without a token that took the place of another one is that one, changed: a container that
                    // was renamed, a comment in clear.
                    let plain = |marks: &[Mark], from: usize, length: usize| -> Vec<usize> {
                        let is_plain =
                            |index: &usize| matches!(&marks[*index], Mark::Text(text) if !text.trim().is_empty());
                        (from..from + length).filter(is_plain).collect()
                    };
                    let (old_plain, new_plain) = (plain(&old, old_index, old_len), plain(&new, new_index, new_len));
                    let pairs: HashMap<usize, usize> = if old_plain.len() == new_plain.len() {
                        new_plain.into_iter().zip(old_plain).collect()
                    } else {
                        HashMap::new()
                    };
                    let mut gap = old_index;
                    for line in new_index..new_index + new_len {
                        match pairs.get(&line) {
                            Some(old) => {
                                alignment.kept[*old] = Some(line);
                                gap = old + 1;
                            }
                            None => alignment.added[gap].push(line),
                        }
                    }
                }
            }
        }
        alignment
    }
}

/// Returns what a line is known by; a token that `is_preferred` goes before others.
pub(super) fn mark(side: &Side<'_>, line: usize, is_preferred: impl Fn(LeafId) -> bool) -> Mark {
    let tokens = side.tokens_of(line);
    match tokens.iter().find(|token| is_preferred(token.id)).or(tokens.first()) {
        Some(token) => Mark::Token(token.id),
        None => Mark::Text(side.lines[line].shape.clone()),
    }
}

/// Numbers the marks, equal ones alike.
pub(super) fn numbers(one: &[Mark], other: &[Mark]) -> (Vec<usize>, Vec<usize>) {
    let mut known: HashMap<Mark, usize> = HashMap::new();
    let mut number = |marks: &[Mark]| -> Vec<usize> {
        let mut numbers = Vec::with_capacity(marks.len());
        for mark in marks {
            let next = known.len();
            numbers.push(*known.entry(mark.clone()).or_insert(next));
        }
        numbers
    };
    (number(one), number(other))
}
