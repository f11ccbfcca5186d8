//! Which files differ between two states: commits, the index, the work tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::{Delta, DiffDelta, DiffFile, DiffOptions, IndexEntryExtendedFlag, Tree};

use super::{EntryKind, GitError, ObjectId, Repository};

/// A state of all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// That of a commit.
    Commit(ObjectId),
    /// No files: what is there before the first commit.
    Nothing,
    /// What the next commit will have.
    Index,
    /// The files that git knows, as they stand there.
    WorkTree,
}

/// A path at which two states differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The path, relative to the root.
    pub path: PathBuf,
    /// What was there.
    pub old: Option<FileVersion>,
    /// What is there now.
    pub new: Option<FileVersion>,
    /// Whether a merge has left several versions of it to choose from.
    pub is_conflicted: bool,
}

/// What one state has at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileVersion {
    /// What it is.
    pub kind: EntryKind,
    /// Its content; `None` for what stands in the work tree.
    pub content: Option<ObjectId>,
}

impl Repository {
    /// Returns the paths at which two states differ, in order. With paths only those that are one of them or below one.
    ///
    /// # Errors
    /// When the repository cannot be read, or two states are asked for that are not compared in this order.
    pub fn differences(&self, old: Side, new: Side, paths: &[PathBuf]) -> Result<Vec<Difference>, GitError> {
        let refused = |error| self.refused(error);
        let inner = self.inner()?;
        let mut options = DiffOptions::new();
        options.include_typechange(true).ignore_submodules(true).skip_binary_check(true).disable_pathspec_match(true);
        for path in paths.iter().filter(|path| !path.as_os_str().is_empty()) {
            options.pathspec(path.as_os_str().as_bytes());
        }
        let tree = |side: Side| -> Result<Option<Tree<'_>>, GitError> {
            match side {
                Side::Commit(id) => {
                    Ok(Some(inner.find_commit(id.0).and_then(|commit| commit.tree()).map_err(refused)?))
                }
                _ => Ok(None),
            }
        };
        let (old_tree, new_tree) = (tree(old)?, tree(new)?);
        let options = Some(&mut options);
        let diff = match (old, new) {
            (Side::Index, _) => inner.diff_index_to_workdir(Some(self.index()?), options),
            (_, Side::Index) => inner.diff_tree_to_index(old_tree.as_ref(), Some(self.index()?), options),
            (_, Side::WorkTree) => inner.diff_tree_to_workdir_with_index(old_tree.as_ref(), options),
            _ => inner.diff_tree_to_tree(old_tree.as_ref(), new_tree.as_ref(), options),
        };
        let diff = diff.map_err(refused)?;
        let in_work_tree = new == Side::WorkTree;
        let differences = diff.deltas().filter_map(|delta| difference(&delta, in_work_tree));
        let mut differences: Vec<Difference> = differences.collect();
        if in_work_tree {
            let index = self.index()?;
            // A sparse checkout leaves files out; they are not gone.
            let is_left_out = |path: &Path| {
                let entry = index.get_path(path, 0);
                entry.is_some_and(|entry| entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0)
            };
            differences.retain(|difference| difference.new.is_some() || !is_left_out(&difference.path));
        }
        differences.sort_by(|one, other| one.path.cmp(&other.path));
        // Of a file with several versions to choose from libgit2 tells more than once.
        differences.dedup_by(|later, earlier| {
            let is_same = later.path == earlier.path;
            if is_same {
                earlier.is_conflicted |= later.is_conflicted;
            }
            is_same
        });
        Ok(differences)
    }
}

fn difference(delta: &DiffDelta<'_>, in_work_tree: bool) -> Option<Difference> {
    let is_conflicted = delta.status() == Delta::Conflicted;
    let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes())?;
    let version = |file: DiffFile<'_>, in_work_tree: bool| {
        file.exists().then(|| FileVersion {
            kind: EntryKind::of(file.mode().into()),
            content: (!in_work_tree).then(|| ObjectId(file.id())),
        })
    };
    let difference = Difference {
        path: Path::new(OsStr::from_bytes(path)).to_path_buf(),
        old: version(delta.old_file(), false),
        new: version(delta.new_file(), in_work_tree),
        is_conflicted,
    };
    let is_seen = matches!(
        delta.status(),
        Delta::Added | Delta::Conflicted | Delta::Deleted | Delta::Modified | Delta::Typechange
    );
    // A folder or submodule in the place of a file is no file.
    is_seen.then_some(difference)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;

    fn paths(repository: &Repository, old: Side, new: Side, paths: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let found = repository.differences(old, new, &paths).expect("readable");
        found
            .iter()
            .map(|difference| {
                let sign = match (&difference.old, &difference.new) {
                    _ if difference.is_conflicted => '!',
                    (None, _) => '+',
                    (_, None) => '-',
                    _ => '~',
                };
                format!("{sign}{}", difference.path.display())
            })
            .collect()
    }

    #[test]
    fn states_are_compared_as_git_diff_does() {
        let world = World::new();
        world.commit(&[("a/x", "1"), ("a/y", "1"), ("b", "1")]);
        world.write("a/x", "22");
        world.git(&["add", "a/x"]);
        world.write("b", "22");
        world.write("untracked", "1");
        std::fs::remove_file(world.path("a/y")).expect("a file");
        let repository = world.open("");
        let head = Side::Commit(repository.head_commit().expect("readable").expect("a commit"));
        assert_eq!(paths(&repository, Side::Index, Side::WorkTree, &[]), ["-a/y", "~b"]);
        assert_eq!(paths(&repository, head, Side::Index, &[]), ["~a/x"]);
        assert_eq!(paths(&repository, head, Side::WorkTree, &[]), ["~a/x", "-a/y", "~b"]);
        assert_eq!(paths(&repository, head, Side::WorkTree, &["a"]), ["~a/x", "-a/y"]);
        assert_eq!(paths(&repository, Side::Nothing, head, &[]), ["+a/x", "+a/y", "+b"]);
        assert_eq!(paths(&repository, head, head, &[]), [""; 0]);
        // Patterns are none here: a file may be named so.
        assert_eq!(paths(&repository, head, Side::WorkTree, &["a/*"]), [""; 0]);
    }

    #[test]
    fn what_a_sparse_checkout_leaves_out_is_not_gone() {
        let world = World::new();
        world.commit(&[("a/x", "1"), ("b/x", "1"), ("b/y", "1")]);
        world.git(&["sparse-checkout", "set", "--cone", "a"]);
        std::fs::remove_file(world.path("a/x")).expect("a file");
        let repository = world.open("");
        let head = Side::Commit(repository.head_commit().expect("readable").expect("a commit"));
        assert!(!world.path("b/x").exists());
        assert_eq!(paths(&repository, Side::Index, Side::WorkTree, &[]), ["-a/x"]);
        assert_eq!(paths(&repository, head, Side::WorkTree, &[]), ["-a/x"]);
    }

    #[test]
    fn a_file_with_a_merge_to_settle_is_named_once() {
        let world = World::new();
        world.commit(&[("file", "base")]);
        world.git(&["checkout", "--quiet", "-b", "theirs"]);
        world.commit(&[("file", "theirs")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("file", "ours")]);
        assert!(!world.try_git(&["merge", "--quiet", "theirs"]));
        let repository = world.open("");
        let head = Side::Commit(repository.head_commit().expect("readable").expect("a commit"));
        assert_eq!(paths(&repository, Side::Index, Side::WorkTree, &[]), ["!file"]);
        assert_eq!(paths(&repository, head, Side::Index, &[]), ["!file"]);
    }
}
