//! Which ciphertext replaced which: salts are unique, so a value that is put back to an older one shows without a key.

use std::collections::{HashMap, HashSet};

use super::content::Encrypted;
use super::finding::Problem;
use crate::crypto::FileId;
use crate::envelope::native::Header;

/// A value of a file, by the file's id and its own.
pub(super) type ValueId = (FileId, u64);

/// What replaced what, as far as history was read.
#[derive(Default)]
pub(super) struct Lineage {
    replaced: HashMap<ValueId, Vec<(u64, u64)>>,
}

/// How two versions of a file differ.
#[derive(Default)]
pub(super) struct Compared {
    /// Values whose new ciphertext is known to be older.
    pub(super) back: Vec<u64>,
    /// Other values that changed: id, old and new ciphertext.
    pub(super) changed: Vec<(u64, u64, u64)>,
}

impl Lineage {
    /// Compares a version with the one before it. `learns` where one commit made the one from the other; of a merge both
    /// sides are older, and neither replaced the other.
    pub(super) fn step(&mut self, old: &Encrypted, new: &Encrypted, learns: bool) -> Compared {
        let mut compared = Compared::default();
        let mut former = old.sealed.iter().peekable();
        for (id, salt) in &new.sealed {
            while former.next_if(|(other, _)| other < id).is_some() {}
            let Some((_, before)) = former.next_if(|(other, _)| other == id) else { continue };
            if before == salt {
                continue;
            }
            let edges = self.replaced.entry((new.header.file_id, *id)).or_default();
            if reaches(edges, *salt, *before) {
                compared.back.push(*id);
                continue;
            }
            compared.changed.push((*id, *before, *salt));
            if learns && !edges.contains(&(*before, *salt)) {
                edges.push((*before, *salt));
            }
        }
        compared
    }
}

/// Tells whether one ciphertext was replaced by the other, over any number of steps.
fn reaches(edges: &[(u64, u64)], from: u64, to: u64) -> bool {
    // A ciphertext that is new replaced others, and was replaced by none: the usual case.
    if !edges.iter().any(|(old, _)| *old == from) {
        return false;
    }
    let mut next: HashMap<u64, Vec<u64>> = HashMap::new();
    for (old, new) in edges {
        next.entry(*old).or_default().push(*new);
    }
    let (mut seen, mut pending) = (HashSet::from([from]), vec![from]);
    while let Some(salt) = pending.pop() {
        if salt == to {
            return true;
        }
        pending.extend(next.get(&salt).into_iter().flatten().filter(|salt| seen.insert(**salt)));
    }
    false
}

/// Compares the numbers of two headers of one file.
pub(super) fn older_header(former: &Header, header: &Header) -> Option<Problem> {
    let age = |header: &Header| (header.generation, header.revision);
    let describe = |header: &Header| format!("revision {} of generation {}", header.revision, header.generation);
    let is_older = former.file_id == header.file_id && age(header) < age(former);
    is_older.then(|| Problem::OlderHeader { here: describe(header), there: describe(former) })
}

#[cfg(test)]
mod tests {
    use super::reaches;

    #[test]
    fn what_was_replaced_is_older_over_any_number_of_steps() {
        let edges = [(1, 2), (2, 3), (1, 4), (3, 1)];
        assert!(reaches(&edges, 1, 3) && reaches(&edges, 2, 1) && reaches(&edges, 2, 4));
        assert!(!reaches(&edges, 4, 1) && !reaches(&edges, 5, 1) && !reaches(&edges, 1, 5));
    }
}
