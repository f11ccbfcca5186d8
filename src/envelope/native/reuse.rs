//! Which leaf of a changed document was which leaf before, so that an unchanged value keeps its token and a value
//! that was renamed or copied keeps the day on which it was replaced.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// What is compared of a leaf.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// Its key path without indexes.
    pub path: &'a [u8],
    /// Its spelling.
    pub source: &'a str,
    /// Its type and value.
    pub value: (crate::document::ScalarKind, &'a str),
}

/// What a leaf was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its value stands elsewhere in the old document, at this index, too.
    Copied(usize),
    /// It is the old leaf with this index, under its key or another one.
    Kept(usize),
    /// It is new.
    New,
}

/// Returns for each new leaf what it was. Each old leaf is kept at most once.
pub fn origins(old: &[Candidate<'_>], new: &[Candidate<'_>]) -> Vec<Origin> {
    if old.is_empty() {
        return vec![Origin::New; new.len()];
    }
    let mut matching = Matching { old, new, origins: vec![Origin::New; new.len()], is_used: vec![false; old.len()] };
    matching.match_paths();
    matching.match_renamed();
    matching.match_copies();
    matching.origins
}

/// Returns for each new comment what it was. One that is unchanged is the same comment wherever it stands: its path is
/// that of the leaf behind it, which comes and goes.
pub fn comment_origins(old: &[Candidate<'_>], new: &[Candidate<'_>]) -> Vec<Origin> {
    let mut matching = Matching { old, new, origins: vec![Origin::New; new.len()], is_used: vec![false; old.len()] };
    matching.match_unchanged();
    matching.match_renamed();
    matching.match_paths();
    matching.origins
}

struct Matching<'a> {
    old: &'a [Candidate<'a>],
    new: &'a [Candidate<'a>],
    origins: Vec<Origin>,
    is_used: Vec<bool>,
}

impl<'a> Matching<'a> {
    /// Pairs what is left over and has the same path. Where several have it (list items), equal neighbours decide.
    fn match_paths(&mut self) {
        let (old, new) = self.left_over();
        let mut groups: HashMap<&[u8], (Vec<usize>, Vec<usize>)> = HashMap::new();
        for index in old {
            groups.entry(self.old[index].path).or_default().0.push(index);
        }
        for index in new {
            groups.entry(self.new[index].path).or_default().1.push(index);
        }
        for (old, new) in groups.into_values() {
            self.match_group(&old, &new, true);
        }
    }

    /// Pairs what has the same spelling and stands in the same order.
    fn match_unchanged(&mut self) {
        let (old, new) = self.left_over();
        self.match_group(&old, &new, false);
    }

    /// Returns what has no partner yet.
    fn left_over(&self) -> (Vec<usize>, Vec<usize>) {
        let old = (0..self.old.len()).filter(|index| !self.is_used[*index]).collect();
        let new = (0..self.new.len()).filter(|index| self.origins[*index] == Origin::New).collect();
        (old, new)
    }

    /// Pairs equal neighbours, and with `pairs_changed` what stands between the same ones.
    fn match_group(&mut self, old: &[usize], new: &[usize], pairs_changed: bool) {
        if let ([old], [new]) = (old, new)
            && pairs_changed
        {
            self.keep(*old, *new);
            return;
        }
        let prefix = old.iter().zip(new).take_while(|(old, new)| self.is_unchanged(**old, **new)).count();
        let (old_rest, new_rest) = (&old[prefix..], &new[prefix..]);
        let both = old_rest.iter().rev().zip(new_rest.iter().rev());
        let suffix = both.take_while(|(old, new)| self.is_unchanged(**old, **new)).count();
        for (old, new) in old.iter().zip(new).take(prefix).chain(old.iter().rev().zip(new.iter().rev()).take(suffix)) {
            self.keep(*old, *new);
        }
        let old = &old_rest[..old_rest.len() - suffix];
        let new = &new_rest[..new_rest.len() - suffix];
        if old.len().max(new.len()) > MAX_DIFF {
            // A diff may take quadratic time; equal values in order are good enough for a list rewritten as a whole.
            self.match_equal(old, new, |candidate| candidate.source);
            return;
        }
        let sources = |side: &[Candidate<'_>], indexes: &[usize]| -> Vec<u64> {
            indexes.iter().map(|index| hash(side[*index].source)).collect()
        };
        let operations = capture_diff_slices(Algorithm::Myers, &sources(self.old, old), &sources(self.new, new));
        for operation in operations {
            match operation {
                DiffOp::Delete { .. } | DiffOp::Insert { .. } => {}
                DiffOp::Equal { old_index, new_index, len } => {
                    (0..len).for_each(|offset| self.keep(old[old_index + offset], new[new_index + offset]));
                }
                DiffOp::Replace { .. } if !pairs_changed => {}
                DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                    let pairs = old[old_index..old_index + old_len].iter().zip(&new[new_index..new_index + new_len]);
                    pairs.for_each(|(old, new)| self.keep(*old, *new));
                }
            }
        }
    }

    /// Pairs what is left over on both sides and has the same value: its key or place changed.
    fn match_renamed(&mut self) {
        let (old, new) = self.left_over();
        if !old.is_empty() && !new.is_empty() {
            self.match_equal(&old, &new, |candidate| candidate.value);
        }
    }

    /// A copy of a value is as old as the value. Short ones (`true`, `5432`) are equal by chance.
    fn match_copies(&mut self) {
        if !self.origins.contains(&Origin::New) {
            return;
        }
        let mut first: HashMap<_, usize> = HashMap::new();
        for (index, candidate) in self.old.iter().enumerate().filter(|(_, old)| old.value.1.len() >= MIN_COPY) {
            first.entry(candidate.value).or_insert(index);
        }
        for (origin, candidate) in self.origins.iter_mut().zip(self.new).filter(|(origin, _)| **origin == Origin::New) {
            if let Some(old) = first.get(&candidate.value) {
                *origin = Origin::Copied(*old);
            }
        }
    }

    fn match_equal<K: Hash + Eq>(&mut self, old: &[usize], new: &[usize], key: impl Fn(&Candidate<'a>) -> K) {
        let mut waiting: HashMap<K, VecDeque<usize>> = HashMap::new();
        for index in old {
            waiting.entry(key(&self.old[*index])).or_default().push_back(*index);
        }
        for index in new {
            if let Some(old) = waiting.get_mut(&key(&self.new[*index])).and_then(VecDeque::pop_front) {
                self.keep(old, *index);
            }
        }
    }

    fn is_unchanged(&self, old: usize, new: usize) -> bool {
        self.old[old].source == self.new[new].source
    }

    fn keep(&mut self, old: usize, new: usize) {
        self.origins[new] = Origin::Kept(old);
        self.is_used[old] = true;
    }
}

fn hash(text: &str) -> u64 {
    thread_local!(static STATE: RandomState = RandomState::new());
    STATE.with(|state| state.hash_one(text))
}

/// Above this many changed items of one list no diff is made.
const MAX_DIFF: usize = 2000;
/// The length in bytes from which equal values are taken for copies.
const MIN_COPY: usize = 8;

#[cfg(test)]
mod tests {
    use super::{Candidate, Origin, comment_origins, origins};
    use crate::document::ScalarKind;

    fn candidates<'a>(leaves: &'a [(&'a str, &'a str)]) -> Vec<Candidate<'a>> {
        let candidate = |(path, value): &(&'a str, &'a str)| Candidate {
            path: path.as_bytes(),
            source: value,
            value: (ScalarKind::String, value),
        };
        leaves.iter().map(candidate).collect()
    }

    fn check(old: &[(&str, &str)], new: &[(&str, &str)], expected: &[Origin]) {
        assert_eq!(origins(&candidates(old), &candidates(new)), expected);
    }

    #[test]
    fn a_changed_value_is_the_same_leaf() {
        check(&[("a", "1"), ("b", "2")], &[("a", "1"), ("b", "3")], &[Origin::Kept(0), Origin::Kept(1)]);
    }

    #[test]
    fn an_inserted_list_item_does_not_shift_the_others() {
        check(
            &[("l", "1"), ("l", "2"), ("l", "3")],
            &[("l", "0"), ("l", "1"), ("l", "x"), ("l", "3")],
            &[Origin::New, Origin::Kept(0), Origin::Kept(1), Origin::Kept(2)],
        );
    }

    #[test]
    fn an_unchanged_comment_stays_the_same_when_the_leaf_behind_it_goes() {
        let old = candidates(&[("b", " x"), ("c", " y"), ("", " z")]);
        let new = candidates(&[("c", " x"), ("", " z")]);
        assert_eq!(comment_origins(&old, &new), [Origin::Kept(0), Origin::Kept(2)]);
        let new = candidates(&[("b", " x"), ("c", " new"), ("", " z")]);
        assert_eq!(comment_origins(&old, &new), [Origin::Kept(0), Origin::Kept(1), Origin::Kept(2)]);
    }

    #[test]
    fn a_renamed_key_is_the_same_leaf() {
        check(&[("a", "1"), ("b", "2")], &[("a", "1"), ("c", "2")], &[Origin::Kept(0), Origin::Kept(1)]);
    }

    #[test]
    fn a_long_copy_is_as_old_as_its_original_and_a_short_one_is_new() {
        let old = [("a", "correct horse"), ("b", "true")];
        let new = [("a", "correct horse"), ("b", "true"), ("c", "correct horse"), ("d", "true")];
        check(&old, &new, &[Origin::Kept(0), Origin::Kept(1), Origin::Copied(0), Origin::New]);
    }
}
