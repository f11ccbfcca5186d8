//! The index: what the next commit will hold.

use std::path::{Path, PathBuf};

use super::object::path_of;
use super::{EntryKind, ObjectId};

/// All entries of an index, sorted by path, then by stage.
#[derive(Default)]
pub struct Index {
    /// The paths one behind the other: there may be hundreds of thousands.
    paths: Vec<u8>,
    entries: Vec<Stored>,
}

struct Stored {
    path: std::ops::Range<usize>,
    kind: EntryKind,
    id: ObjectId,
    /// 0, or which version of a conflict.
    stage: u8,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry<'i> {
    /// Its path from the root, with `/`; not all are UTF-8.
    pub path: &'i [u8],
    /// What it is.
    pub kind: EntryKind,
    /// What it holds.
    pub id: ObjectId,
    /// Whether it is one of several versions that a merge has left to choose from.
    pub is_conflicted: bool,
}

/// One file that the index has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedFile {
    /// Its path; not all are UTF-8.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Whether a merge has left several versions of it to choose from; then there is none in the index proper.
    pub is_conflicted: bool,
}

impl Index {
    pub(super) fn push(&mut self, path: &[u8], mode: u32, id: ObjectId, stage: u8) {
        let start = self.paths.len();
        self.paths.extend_from_slice(path);
        self.entries.push(Stored { path: start..self.paths.len(), kind: EntryKind::of(mode), id, stage });
    }

    /// Returns the entries in their order; those only announced by `git add -N` are none.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = IndexEntry<'_>> {
        self.entries.iter().map(|entry| self.entry(entry))
    }

    /// Returns an entry by its number.
    pub(super) fn get(&self, index: usize) -> Option<IndexEntry<'_>> {
        self.entries.get(index).map(|entry| self.entry(entry))
    }

    /// Returns the entry of a path, where a merge has not left several.
    pub fn find(&self, path: &[u8]) -> Option<IndexEntry<'_>> {
        let found = self.entries.binary_search_by(|entry| self.paths[entry.path.clone()].cmp(path)).ok()?;
        self.get(found).filter(|entry| !entry.is_conflicted)
    }

    /// Returns one of the versions that a merge has left of a path: 1 is the ancestor's, 2 ours, 3 theirs.
    pub(super) fn find_stage(&self, path: &[u8], stage: u8) -> Option<IndexEntry<'_>> {
        let order = |entry: &Stored| (&self.paths[entry.path.clone()], entry.stage).cmp(&(path, stage));
        self.get(self.entries.binary_search_by(order).ok()?)
    }

    /// Returns the paths, each once.
    pub(super) fn files(&self) -> Vec<IndexedFile> {
        let mut files: Vec<IndexedFile> = self
            .entries()
            .map(|entry| IndexedFile {
                path: path_of(entry.path),
                kind: entry.kind,
                is_conflicted: entry.is_conflicted,
            })
            .collect();
        // The versions that a merge has left follow each other.
        files.dedup_by(|later, earlier| later.path == earlier.path);
        files
    }

    fn entry(&self, stored: &Stored) -> IndexEntry<'_> {
        IndexEntry {
            path: &self.paths[stored.path.clone()],
            kind: stored.kind,
            id: stored.id,
            is_conflicted: stored.stage != 0,
        }
    }
}

/// Returns a path as git spells it.
pub(super) fn spelled(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes()
}
