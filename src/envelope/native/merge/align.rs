//! Which line of a version is which line of the common ancestor.
//!
//! Lines that stand once on both sides are paired first, as many as keep their order; what stands often, only between
//! those. So the work is bounded by the number of lines, whoever made them.

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

impl Mark {
    fn is_plain(&self) -> bool {
        matches!(self, Self::Text(text) if !text.trim().is_empty())
    }
}

impl Alignment {
    /// Aligns a version with its ancestor.
    pub fn new(base: &Side<'_>, side: &Side<'_>) -> Self {
        let marks = |of: &Side<'_>| -> Vec<Mark> {
            (0..of.lines.len()).map(|line| mark(of, line, |id| base.token(id).is_some())).collect()
        };
        let (old, new) = (marks(base), marks(side));
        let mut alignment = Self { kept: vec![None; old.len()], added: vec![Vec::new(); old.len() + 1] };
        let (mut old_from, mut new_from) = (0, 0);
        for (old_line, new_line) in common(&old, &new).into_iter().chain([(old.len(), new.len())]) {
            alignment.fill(&old, &new, (old_from, old_line), (new_from, new_line));
            if old_line < old.len() {
                alignment.kept[old_line] = Some(new_line);
            }
            (old_from, new_from) = (old_line + 1, new_line + 1);
        }
        alignment
    }

    /// Sorts out the lines between two that both versions have. A line without a token that took the place of another
    /// one is that one, changed: a container that was renamed, a comment in clear.
    fn fill(&mut self, old: &[Mark], new: &[Mark], old_range: (usize, usize), new_range: (usize, usize)) {
        let plain = |marks: &[Mark], (from, to): (usize, usize)| -> Vec<usize> {
            (from..to).filter(|index| marks[*index].is_plain()).collect()
        };
        let (old_plain, new_plain) = (plain(old, old_range), plain(new, new_range));
        let mut pairs = if old_plain.len() == new_plain.len() { old_plain.into_iter() } else { Vec::new().into_iter() };
        let mut gap = old_range.0;
        for (line, mark) in (new_range.0..).zip(&new[new_range.0..new_range.1]) {
            match mark.is_plain().then(|| pairs.next()).flatten() {
                Some(old) => {
                    self.kept[old] = Some(line);
                    gap = old + 1;
                }
                None => self.added[gap].push(line),
            }
        }
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

/// Pairs equal marks, in the order of both lists.
pub(super) fn common(old: &[Mark], new: &[Mark]) -> Vec<(usize, usize)> {
    let places = |marks: &[Mark]| -> HashMap<Mark, Vec<usize>> {
        let mut places: HashMap<Mark, Vec<usize>> = HashMap::new();
        for (index, mark) in marks.iter().enumerate() {
            places.entry(mark.clone()).or_default().push(index);
        }
        places
    };
    let (old_places, new_places) = (places(old), places(new));
    let is_single = |mark: &Mark| old_places[mark].len() == 1 && new_places.get(mark).is_some_and(|new| new.len() == 1);
    let single: Vec<(usize, usize)> = old
        .iter()
        .enumerate()
        .filter(|(_, mark)| is_single(mark))
        .map(|(index, mark)| (index, new_places[mark][0]))
        .collect();
    let mut pairs = Vec::with_capacity(single.len());
    let (mut old_from, mut new_from) = (0, 0);
    for (old_line, new_line) in longest_in_order(&single).into_iter().chain([(old.len(), new.len())]) {
        // What stands once is paired already, or was moved.
        let repeated = |marks: &[Mark], from: usize, to: usize| -> Vec<usize> {
            let is_repeated = |index: &usize| {
                let mark = &marks[*index];
                old_places.contains_key(mark) && new_places.contains_key(mark) && !is_single(mark)
            };
            (from..to).filter(is_repeated).collect()
        };
        let (old_rest, new_rest) = (repeated(old, old_from, old_line), repeated(new, new_from, new_line));
        pair_repeated(old, new, &old_rest, &new_rest, &mut pairs);
        if old_line < old.len() {
            pairs.push((old_line, new_line));
        }
        (old_from, new_from) = (old_line + 1, new_line + 1);
    }
    pairs
}

/// Pairs equal marks among a few of both lists.
fn pair_repeated(old: &[Mark], new: &[Mark], old_rest: &[usize], new_rest: &[usize], pairs: &mut Vec<(usize, usize)>) {
    if old_rest.len().max(new_rest.len()) > MAX_DIFF {
        let both = old_rest.iter().zip(new_rest);
        pairs.extend(both.take_while(|(one, other)| old[**one] == new[**other]).map(|(one, other)| (*one, *other)));
        return;
    }
    let mut numbers: HashMap<&Mark, usize> = HashMap::new();
    let mut number = |mark| {
        let next = numbers.len();
        *numbers.entry(mark).or_insert(next)
    };
    let old_numbers: Vec<usize> = old_rest.iter().map(|index| number(&old[*index])).collect();
    let new_numbers: Vec<usize> = new_rest.iter().map(|index| number(&new[*index])).collect();
    for operation in capture_diff_slices(Algorithm::Myers, &old_numbers, &new_numbers) {
        if let DiffOp::Equal { old_index, new_index, len } = operation {
            pairs.extend((0..len).map(|offset| (old_rest[old_index + offset], new_rest[new_index + offset])));
        }
    }
}

/// Returns the most pairs, of those sorted by their first number, that ascend in the second one, too.
fn longest_in_order(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length the pair that ends the best row of it, and for each pair the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, (_, second)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *second);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length < ends.len() { ends[length] = index } else { ends.push(index) }
    }
    let mut row = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(index) = next {
        row.push(pairs[index]);
        next = before[index];
    }
    row.reverse();
    row
}

/// Above this many repeated lines in one place no diff is made, which may take quadratic time.
const MAX_DIFF: usize = 1000;

#[cfg(test)]
mod tests {
    use super::{Mark, common, longest_in_order};

    fn pairs(old: &str, new: &str) -> Vec<(usize, usize)> {
        let marks = |text: &str| -> Vec<Mark> { text.chars().map(|letter| Mark::Text(letter.to_string())).collect() };
        common(&marks(old), &marks(new))
    }

    #[test]
    fn equal_lines_are_paired_in_order() {
        assert_eq!(pairs("a.b.c", "a.x.b.c"), [(0, 0), (1, 1), (2, 4), (3, 5), (4, 6)]);
        assert_eq!(pairs("abc", "cab"), [(0, 1), (1, 2)]);
        assert_eq!(pairs("", "abc"), []);
        assert_eq!(pairs("..", "."), [(0, 0)]);
    }

    #[test]
    fn the_work_is_bounded_whatever_the_order() {
        let marks = |numbers: &mut dyn Iterator<Item = usize>| -> Vec<Mark> {
            numbers.map(|number| Mark::Text(number.to_string())).collect()
        };
        let (up, down) = (marks(&mut (0..100_000)), marks(&mut (0..100_000).rev()));
        assert_eq!(common(&up, &down).len(), 1);
        let blanks = vec![Mark::Text(String::new()); 100_000];
        assert_eq!(common(&blanks, &blanks[1..]).len(), 99_999);
        let other = marks(&mut (100_000..200_000));
        assert_eq!(common(&up, &other), []);
        assert_eq!(longest_in_order(&[(0, 3), (1, 1), (2, 2), (3, 0)]), [(1, 1), (2, 2)]);
    }
}
