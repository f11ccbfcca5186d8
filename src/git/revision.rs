//! Commits: found by what a user calls them, and what they say of themselves.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use git2::{ErrorCode, Oid};
use jiff::civil::Date;

use super::{EntryKind, GitError, ObjectId, Repository};

/// What a commit says of itself. Everybody can write into it what they like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its name.
    pub id: ObjectId,
    /// Who made the change.
    pub author: String,
    /// Their address.
    pub email: String,
    /// When, in seconds since 1970.
    pub time: i64,
    /// The first line of its message.
    pub subject: String,
}

impl CommitInfo {
    /// Returns the UTC day of the change.
    pub fn day(&self) -> Option<Date> {
        day(self.time)
    }
}

impl Repository {
    /// Returns the commit that a user means: a branch, a tag, `HEAD~2`, the beginning of a name. `None` where nothing is
    /// called so.
    ///
    /// # Errors
    /// When it could be several, or the repository cannot be read.
    pub fn commit(&self, revision: &str) -> Result<Option<ObjectId>, GitError> {
        let found = self.inner()?.revparse_single(revision).and_then(|object| object.peel_to_commit());
        match found {
            Ok(commit) => Ok(Some(ObjectId(commit.id()))),
            Err(error) if error.code() == ErrorCode::Ambiguous => Err(self.refused(error)),
            // libgit2 says of `v1^{tree}`, of an unborn HEAD and of a reflog that is too short that they are no commit.
            Err(error) => match error.code() {
                ErrorCode::NotFound
                | ErrorCode::InvalidSpec
                | ErrorCode::Peel
                | ErrorCode::UnbornBranch
                | ErrorCode::GenericError => Ok(None),
                _ => Err(self.refused(error)),
            },
        }
    }

    /// Returns the commit that HEAD names, `None` before the first one.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn head_commit(&self) -> Result<Option<ObjectId>, GitError> {
        Ok(self.head()?.map(ObjectId))
    }

    /// Returns the last commit that both come from; `None` where they have nothing in common.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, GitError> {
        match self.inner()?.merge_base(one.0, other.0) {
            Ok(base) => Ok(Some(ObjectId(base))),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Tells whether a commit is HEAD, or HEAD comes from it.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn is_in_history(&self, commit: ObjectId) -> Result<bool, GitError> {
        let Some(head) = self.head()? else { return Ok(false) };
        Ok(head == commit.0
            || self.inner()?.graph_descendant_of(head, commit.0).map_err(|error| self.refused(error))?)
    }

    /// Returns what a commit has at a path.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn entry_in(&self, commit: ObjectId, path: &Path) -> Result<Option<(EntryKind, ObjectId)>, GitError> {
        let tree = self.inner()?.find_commit(commit.0).map_err(|error| self.refused(error))?.tree_id();
        self.entry_below(tree, path)
    }

    /// Returns what a tree has at a path.
    pub(super) fn entry_below(&self, tree: Oid, path: &Path) -> Result<Option<(EntryKind, ObjectId)>, GitError> {
        let (mut id, mut kind) = (tree, EntryKind::Folder);
        for name in path {
            if kind != EntryKind::Folder {
                return Ok(None);
            }
            let tree = self.inner()?.find_tree(id).map_err(|error| self.refused(error))?;
            let Some(entry) = tree.get_name_bytes(name.as_bytes()) else { return Ok(None) };
            (id, kind) = (entry.id(), EntryKind::of(entry.filemode_raw().cast_unsigned()));
        }
        Ok(Some((kind, ObjectId(id))))
    }

    /// Returns what a commit says of itself.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn commit_info(&self, id: ObjectId) -> Result<CommitInfo, GitError> {
        let commit = self.inner()?.find_commit(id.0).map_err(|error| self.refused(error))?;
        let author = commit.author();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let message = commit.message_bytes().split(|byte| *byte == b'\n');
        let subject = message.map(text).find(|line| !line.is_empty()).unwrap_or_default();
        Ok(CommitInfo {
            id,
            author: text(author.name_bytes()),
            email: text(author.email_bytes()),
            time: author.when().seconds(),
            subject,
        })
    }
}

/// Returns the UTC day of a time.
pub(super) fn day(seconds: i64) -> Option<Date> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;

    #[test]
    fn a_commit_is_found_by_all_its_names() {
        let world = World::new();
        assert_eq!(world.open("").commit("HEAD").expect("readable"), None);
        world.commit(&[("a", "1")]);
        world.git(&["tag", "--annotate", "--message", "x", "v1"]);
        world.commit(&[("a", "2")]);
        let repository = world.open("");
        let name = world.said(&["rev-parse", "HEAD~1"]);
        for revision in ["HEAD~1", "HEAD^", "v1", "main~1", "@~1", &name, &name[..12], "main@{1}"] {
            let found = repository.commit(revision).expect("readable").map(|commit| commit.to_string());
            assert_eq!(found.as_ref(), Some(&name), "{revision}");
        }
        for revision in ["none", "", "HEAD~9", "HEAD:a", "HEAD^{tree}", "-v", "..", "main@{99}", "@{u}", "\u{1b}"] {
            assert_eq!(repository.commit(revision).expect("readable"), None, "{revision}");
        }
    }

    #[test]
    fn what_a_commit_says_is_read_whatever_it_is() {
        let world = World::new();
        world.write("a", "x");
        world.git(&["add", "."]);
        world.git(&["-c", "user.name=x", "commit", "--quiet", "--message", "\n\n subject \u{1b}[31m\n\nbody"]);
        let repository = world.open("");
        let head = repository.head_commit().expect("readable").expect("a commit");
        let info = repository.commit_info(head).expect("readable");
        assert_eq!((info.subject.as_str(), info.email.as_str()), ("subject \u{1b}[31m", "x@example.org"));
        assert!(info.day().is_some() && repository.is_in_history(head).expect("readable"));
    }
}
