//! The versions of a file between which a merge has left the choice.

use std::path::Path;

use super::index::spelled;
use super::{EntryKind, GitError, ObjectId, Repository};

/// The versions of a file that could not be merged, for [`Repository::content`]. A side that removed it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages {
    /// The common ancestor, if there is one.
    pub base: Option<ObjectId>,
    /// What the branch that is merged into has.
    pub ours: Option<ObjectId>,
    /// What the branch that is merged has.
    pub theirs: Option<ObjectId>,
}

impl Repository {
    /// Returns the versions that a merge has left in the index; `None` where there is nothing to choose.
    pub fn stages(&self, path: &Path) -> Result<Option<Stages>, GitError> {
        let index = self.index()?;
        let stage = |number| {
            let entry = index.find_stage(spelled(path), number).filter(|entry| entry.kind == EntryKind::File);
            entry.map(|entry| entry.id)
        };
        let stages = Stages { base: stage(1), ours: stage(2), theirs: stage(3) };
        let is_conflicted = stages.base.is_some() || stages.ours.is_some() || stages.theirs.is_some();
        Ok(is_conflicted.then_some(stages))
    }
}
