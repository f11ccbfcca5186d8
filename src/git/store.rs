//! What is asked of git's data, whoever answers: libgit2, or the git program where libgit2 does not know the format.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::index::Index;
use super::{Commit, GitError, ObjectId, ObjectKind, Tree};

/// Commits one after the other.
pub(super) type Commits<'s> = Box<dyn Iterator<Item = Result<ObjectId, GitError>> + 's>;

/// Reads objects, references and the index of one repository. Changes nothing, and fetches nothing.
pub(super) trait Store {
    /// Returns the commit that HEAD names, `None` before the first one.
    fn head(&self) -> Result<Option<ObjectId>, GitError>;

    /// Returns the commit that a revision names.
    fn resolve(&self, revision: &str) -> Result<Option<ObjectId>, GitError>;

    /// Reads an object of at most `limit` bytes.
    fn object(&self, id: ObjectId, kind: ObjectKind, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError>;

    /// Reads the beginning of a file's content: `top` bytes, and if the rest has to be unpacked for that, only where the
    /// whole has at most `limit`.
    fn top(&self, id: ObjectId, top: usize, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError>;

    /// Returns the commits that a commit comes from, itself included, the last one first.
    fn ancestors(&self, of: ObjectId) -> Result<Commits<'_>, GitError>;

    /// Returns all commits that any reference or HEAD leads to, children before parents.
    fn all_commits(&self) -> Result<Commits<'_>, GitError>;

    /// Returns the commits that one commit comes from and the other does not, parents before children.
    fn range(&self, after: ObjectId, to: ObjectId) -> Result<Vec<ObjectId>, GitError>;

    /// Returns a commit that both come from, the best one.
    fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, GitError>;

    /// Reads the index, or the one in another file.
    fn index(&self, file: Option<&Path>) -> Result<Index, GitError>;

    /// Tells whether the history was cut off when the repository was cloned.
    fn is_shallow(&self) -> Result<bool, GitError>;

    /// Returns the file that names the commits at which a history was cut off.
    fn shallow_file(&self) -> Result<PathBuf, GitError>;

    /// Says that an object is not what its name promised.
    fn broken(&self, id: ObjectId) -> GitError;

    /// Reads a commit.
    fn commit(&self, id: ObjectId) -> Result<Commit, GitError> {
        Commit::parse(&self.commit_bytes(id)?).ok_or_else(|| self.broken(id))
    }

    /// Reads a commit as it is stored.
    fn commit_bytes(&self, id: ObjectId) -> Result<Zeroizing<Vec<u8>>, GitError> {
        self.object(id, ObjectKind::Commit, MAX_COMMIT)
    }

    /// Reads a folder.
    fn tree(&self, id: ObjectId) -> Result<Tree, GitError> {
        let content = self.object(id, ObjectKind::Tree, MAX_TREE)?;
        Tree::parse(content, id.as_bytes().len()).ok_or_else(|| self.broken(id))
    }
}

const MAX_COMMIT: usize = 16 << 20;
const MAX_TREE: usize = 256 << 20;
