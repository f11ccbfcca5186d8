//! The versions that files have had in the commits that HEAD comes from.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::store::{Commits, Store};
use super::{EntryKind, GitError, ObjectId, Repository};

/// One content that a file has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastFile {
    /// The file's path.
    pub path: PathBuf,
    /// A commit that has this content there: the last one, if the clocks of those who committed were right.
    pub commit: ObjectId,
    /// The content, for [`Repository::content`].
    pub content: ObjectId,
}

/// The versions of some files, the last one first; in a shallow clone those that it has.
///
/// Each folder's state is looked at once, however many commits share it, and for all files together. So the walk
/// costs little more than reading the commits, and memory grows with the changes to those folders only.
pub struct History<'r> {
    store: &'r dyn Store,
    walk: Option<Commits<'r>>,
    wanted: Wanted,
    /// Which objects have been met at which path.
    seen: HashSet<(usize, ObjectId)>,
    found: VecDeque<PastFile>,
}

impl<'r> History<'r> {
    pub(super) fn new<'p>(
        repository: &'r Repository,
        start: Option<ObjectId>,
        paths: impl IntoIterator<Item = &'p Path>,
    ) -> Result<Self, GitError> {
        let mut wanted = Wanted::default();
        let mut count = 0;
        for path in paths {
            wanted.insert(path, &mut count);
        }
        let store = repository.store()?;
        let walk = start.map(|start| store.ancestors(start)).transpose()?;
        Ok(Self { store, walk, wanted, seen: HashSet::new(), found: VecDeque::new() })
    }

    /// Reads one more commit, `false` after the last.
    fn step(&mut self) -> Result<bool, GitError> {
        let Some(commit) = self.walk.as_mut().and_then(Iterator::next).transpose()? else { return Ok(false) };
        // An explicit stack: the paths are the caller's, and may be deep.
        let mut folders = vec![(&self.wanted, self.store.commit(commit)?.tree)];
        while let Some((wanted, id)) = folders.pop() {
            if !self.seen.insert((wanted.number, id)) {
                continue;
            }
            let tree = self.store.tree(id)?;
            for (name, wanted) in &wanted.inside {
                let Some(entry) = tree.find(name) else { continue };
                if entry.kind == EntryKind::Folder {
                    folders.push((wanted, entry.id));
                } else if let Some(path) = &wanted.path
                    && entry.kind == EntryKind::File
                    && self.seen.insert((wanted.number, entry.id))
                {
                    self.found.push_back(PastFile { path: path.clone(), commit, content: entry.id });
                }
            }
        }
        Ok(true)
    }
}

impl Iterator for History<'_> {
    type Item = Result<PastFile, GitError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.found.is_empty() {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // What comes after a commit that cannot be read is not known: the error is the last item.
                    self.walk = None;
                    return Some(Err(error));
                }
            }
        }
        self.found.pop_front().map(Ok)
    }
}

/// The paths looked for, as a tree like git's own.
#[derive(Default)]
struct Wanted {
    /// Stands for the path in [`History::seen`].
    number: usize,
    /// The path, where it is one of those looked for itself.
    path: Option<PathBuf>,
    inside: BTreeMap<Vec<u8>, Wanted>,
}

impl Wanted {
    fn insert(&mut self, path: &Path, count: &mut usize) {
        let mut place = self;
        for name in path {
            place = place.inside.entry(name.as_bytes().to_vec()).or_insert_with(|| {
                *count += 1;
                Self { number: *count, ..Self::default() }
            });
        }
        place.path = Some(path.to_path_buf());
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;

    /// Returns the contents that the history of some paths yields.
    fn contents(repository: &Repository, paths: &[&str]) -> Vec<(String, String)> {
        let past = repository.history(paths.iter().map(Path::new)).expect("a history");
        let content = |id| String::from_utf8(repository.content(id, 999).expect("a file").to_vec()).expect("UTF-8");
        past.map(|file| file.expect("a readable history"))
            .map(|file| (file.path.to_str().expect("UTF-8").to_owned(), content(file.content)))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, content)| ((*path).to_owned(), (*content).to_owned())).collect()
    }

    #[test]
    fn each_content_comes_once_and_the_last_comes_first() {
        let world = World::new();
        for (content, other) in [("1", "a"), ("2", "b"), ("2", "c"), ("1", "d"), ("3", "d")] {
            world.commit(&[("x/y z/file", content), ("x/other", other)]);
        }
        let repository = world.open("");
        assert_eq!(
            contents(&repository, &["x/y z/file"]),
            pairs(&["3", "1", "2"].map(|content| ("x/y z/file", content)))
        );
        let both = contents(&repository, &["x/other", "x/y z/file"]);
        assert_eq!(both.len(), 7);
        assert!(both.contains(&("x/other".to_owned(), "a".to_owned())));
        assert_eq!(contents(&repository, &["none", "x", "x/other/deeper", ""]), []);
    }

    #[test]
    fn the_same_content_at_two_paths_comes_for_both() {
        let world = World::new();
        world.commit(&[("a/file", "same"), ("b/file", "same")]);
        let mut found = contents(&world.open(""), &["a/file", "b/file"]);
        found.sort();
        assert_eq!(found, pairs(&[("a/file", "same"), ("b/file", "same")]));
    }

    #[test]
    fn removed_files_and_merged_branches_are_in_the_history() {
        let world = World::new();
        world.commit(&[("file", "base")]);
        world.git(&["checkout", "--quiet", "-b", "side"]);
        world.commit(&[("file", "side")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("else", "x")]);
        world.git(&["merge", "--quiet", "--strategy=ours", "--message", "x", "side"]);
        world.git(&["rm", "--quiet", "file"]);
        world.git(&["commit", "--quiet", "--message", "x"]);
        let mut found = contents(&world.open(""), &["file"]);
        found.sort();
        assert_eq!(found, pairs(&[("file", "base"), ("file", "side")]));
    }

    #[test]
    fn links_and_folders_at_the_path_are_no_versions() {
        let world = World::new();
        world.commit(&[("file", "text")]);
        std::fs::remove_file(world.path("file")).expect("a file");
        std::os::unix::fs::symlink("target", world.path("file")).expect("a link");
        world.git(&["commit", "--quiet", "--all", "--message", "x"]);
        std::fs::remove_file(world.path("file")).expect("a link");
        world.commit(&[("file/inside", "x")]);
        assert_eq!(contents(&world.open(""), &["file"]), pairs(&[("file", "text")]));
    }

    #[test]
    fn before_the_first_commit_there_is_no_history() {
        let world = World::new();
        assert_eq!(contents(&world.open(""), &["file"]), []);
    }

    #[test]
    fn a_shallow_clone_gives_what_it_has() {
        let world = World::new();
        for content in ["1", "2", "3"] {
            world.commit(&[("file", content)]);
        }
        let url = format!("file://{}", world.root().display());
        world.git(&["clone", "--quiet", "--depth=2", &url, "../clone"]);
        let clone = Repository::discover(&world.beside("clone")).expect("nothing is wrong").expect("a repository");
        assert!(clone.is_shallow());
        assert!(!world.open("").is_shallow());
        assert_eq!(contents(&clone, &["file"]), pairs(&[("file", "3"), ("file", "2")]));
    }

    #[test]
    fn a_history_with_a_hole_ends_in_an_error() {
        let world = World::new();
        world.commit(&[("file", "1")]);
        let hole = world.said(&["rev-parse", "HEAD^{tree}"]);
        world.commit(&[("file", "2")]);
        std::fs::remove_file(world.path(&format!(".git/objects/{}/{}", &hole[..2], &hole[2..]))).expect("an object");
        let repository = world.open("");
        let mut history = repository.history([Path::new("file")]).expect("a history");
        assert!(history.next().expect("an item").is_ok());
        assert!(matches!(history.next(), Some(Err(GitError::MissingObject { .. }))));
        assert!(history.next().is_none());
    }
}
