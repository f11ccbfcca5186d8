//! One file id at two paths: who may read one would read the other with the same key.

use std::collections::HashMap;

use super::finding::{Finding, Level, Problem};
use crate::crypto::FileId;
use crate::envelope::native::Header;
use crate::git::ObjectId;

/// The ids of the files of one state.
#[derive(Default)]
pub(super) struct Copies {
    paths: HashMap<FileId, Vec<String>>,
}

impl Copies {
    pub(super) fn add(&mut self, id: FileId, path: &str) {
        let paths = self.paths.entry(id).or_default();
        if !paths.iter().any(|known| known == path) {
            paths.push(path.to_owned());
        }
    }

    /// Tells whether some id stands at several paths.
    pub(super) fn has_any(&self) -> bool {
        self.paths.values().any(|paths| paths.len() > 1)
    }

    /// Says of a file whether another one has its id.
    pub(super) fn finding(&self, path: &str, header: &Header, commit: Option<ObjectId>) -> Option<Finding> {
        let other = self.paths.get(&header.file_id)?.iter().find(|other| *other != path)?.clone();
        let owner = header.metadata.owner.clone();
        let problem = Problem::Copy { other };
        Some(Finding { path: path.to_owned(), line: None, owner, commit, level: Level::Error, problem })
    }
}
