//! Which files differ between two states: commits, the index, the work tree.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use git2::{Delta, DiffDelta, DiffFile, DiffOptions, IndexEntryExtendedFlag};

use super::changes::Changed;
use super::index::spelled;
use super::object::path_of;
use super::{EntryKind, GitError, ObjectId, Repository, Unsupported};

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
    /// Work trees are compared by libgit2 alone; the rest in every repository.
    ///
    /// # Errors
    /// When the repository cannot be read, or two states are asked for that are not compared in this order.
    pub fn differences(&self, old: Side, new: Side, paths: &[PathBuf]) -> Result<Vec<Difference>, GitError> {
        match (old, new) {
            (_, Side::WorkTree) => self.differences_of_work_tree(old, paths),
            (Side::Index | Side::WorkTree, _) | (_, Side::Nothing) => {
                Err(self.refused(git2::Error::from_str("not compared in this order")))
            }
            (Side::Commit(commit), Side::Index) => self.differences_of_index(Some(commit), paths),
            (Side::Nothing, Side::Index) => self.differences_of_index(None, paths),
            (Side::Commit(_) | Side::Nothing, Side::Commit(new)) => {
                let may_hold = |folder: &[u8]| {
                    let folder = path_of(folder);
                    covers(paths, &folder) || paths.iter().any(|path| path.starts_with(&folder))
                };
                let old = match old {
                    Side::Commit(old) => vec![self.commit(old)?.tree],
                    _ => Vec::new(),
                };
                let changed = self.changed(&old, self.commit(new)?.tree, |folder, _| may_hold(folder))?;
                Ok(changed.iter().filter_map(|changed| named(changed, paths)).collect())
            }
        }
    }

    fn differences_of_index(&self, commit: Option<ObjectId>, paths: &[PathBuf]) -> Result<Vec<Difference>, GitError> {
        let files = self.index_files()?;
        let conflicted = files.into_iter().filter(|file| file.is_conflicted && covers(paths, &file.path));
        let mut differences: Vec<Difference> =
            conflicted.map(|file| Difference { path: file.path, old: None, new: None, is_conflicted: true }).collect();
        let undecided: HashSet<PathBuf> = differences.iter().map(|difference| difference.path.clone()).collect();
        let changed = self.changed_in_index(commit)?;
        let changed = changed.iter().filter_map(|changed| named(changed, paths));
        differences.extend(changed.filter(|difference| !undecided.contains(&difference.path)));
        differences.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(differences)
    }

    fn differences_of_work_tree(&self, old: Side, paths: &[PathBuf]) -> Result<Vec<Difference>, GitError> {
        let refused = |error| self.refused(error);
        let inner = self.inner()?;
        let mut options = DiffOptions::new();
        options.include_typechange(true).ignore_submodules(true).skip_binary_check(true).disable_pathspec_match(true);
        for path in paths.iter().filter(|path| !path.as_os_str().is_empty()) {
            options.pathspec(spelled(path));
        }
        let tree = match old {
            Side::Commit(id) => {
                let id = id.oid().ok_or_else(|| GitError::Unsupported {
                    what: Unsupported::ObjectFormat,
                    root: self.root.clone(),
                })?;
                Some(inner.find_commit(id).and_then(|commit| commit.tree()).map_err(refused)?)
            }
            _ => None,
        };
        let index = match &self.index_file {
            Some(file) => git2::Index::open(file),
            None => inner.index(),
        };
        let index = index.map_err(refused)?;
        let options = Some(&mut options);
        let diff = match old {
            Side::Index => inner.diff_index_to_workdir(Some(&index), options),
            _ => inner.diff_tree_to_workdir_with_index(tree.as_ref(), options),
        };
        let diff = diff.map_err(refused)?;
        let mut differences: Vec<Difference> = diff.deltas().filter_map(|delta| difference(&delta)).collect();
        // A sparse checkout leaves files out; they are not gone.
        let is_left_out = |path: &Path| {
            let entry = index.get_path(path, 0);
            entry.is_some_and(|entry| entry.flags_extended & IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0)
        };
        differences.retain(|difference| difference.new.is_some() || !is_left_out(&difference.path));
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

/// Tells whether a path is asked for: one of these, or below one. None of them: all are.
fn covers(paths: &[PathBuf], path: &Path) -> bool {
    paths.is_empty() || paths.iter().any(|asked| path.starts_with(asked))
}

/// Returns what differs at a path that is asked for. Submodules are none of our files.
fn named(changed: &Changed, paths: &[PathBuf]) -> Option<Difference> {
    let path = path_of(&changed.path);
    let version = |entry: Option<(EntryKind, ObjectId)>| {
        let entry = entry.filter(|(kind, _)| *kind != EntryKind::Submodule)?;
        Some(FileVersion { kind: entry.0, content: Some(entry.1) })
    };
    let (old, new) = (version(changed.old.first().copied().flatten()), version(changed.new));
    let is_seen = (old.is_some() || new.is_some()) && covers(paths, &path);
    is_seen.then_some(Difference { path, old, new, is_conflicted: false })
}

fn difference(delta: &DiffDelta<'_>) -> Option<Difference> {
    let is_conflicted = delta.status() == Delta::Conflicted;
    let path = delta.new_file().path_bytes().or(delta.old_file().path_bytes())?;
    let version = |file: DiffFile<'_>, in_work_tree: bool| {
        file.exists().then(|| FileVersion {
            kind: EntryKind::of(file.mode().into()),
            content: (!in_work_tree).then(|| file.id().into()),
        })
    };
    let difference = Difference {
        path: path_of(path),
        old: version(delta.old_file(), false),
        new: version(delta.new_file(), true),
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
        let head = Side::Commit(repository.head().expect("readable").expect("a commit"));
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
        let head = Side::Commit(repository.head().expect("readable").expect("a commit"));
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
        let head = Side::Commit(repository.head().expect("readable").expect("a commit"));
        assert_eq!(paths(&repository, Side::Index, Side::WorkTree, &[]), ["!file"]);
        assert_eq!(paths(&repository, head, Side::Index, &[]), ["!file"]);
    }
}
