//! Every content that any file has had, in all commits that any reference of the repository leads to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSlice as _;

use super::changes::{Sides, changed_in};
use super::libgit2::Libgit2;
use super::store::Store;
use super::{EntryKind, GitError, ObjectId, Repository};

/// The past of a repository, as far as this clone has it.
#[derive(Debug, Default)]
pub struct Past {
    /// Each content at each path, sorted by path and then by time.
    pub versions: Vec<PastVersion>,
    /// How many commits there are.
    pub commits: usize,
    /// Whether the history was cut off when the repository was cloned.
    pub is_cut: bool,
}

/// A content that a file has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastVersion {
    /// The file's path, as git spells it.
    pub path: Vec<u8>,
    /// The content.
    pub content: ObjectId,
    /// The first commit that has it there, if the clocks of those who committed were right.
    pub commit: ObjectId,
    /// The place of that commit among all, the first one first: for those of the same second.
    pub place: usize,
    /// When that was made, in seconds since 1970.
    pub seconds: i64,
}

impl Repository {
    /// Reads the whole past: all commits that branches, tags, the stash and HEAD lead to. Each is compared with its
    /// parents, on all cores; folders that none of them changed are passed by.
    ///
    /// # Errors
    /// When a commit or a folder cannot be read.
    pub fn past(&self) -> Result<Past, GitError> {
        let store = self.store()?;
        let commits: Vec<ObjectId> = store.all_commits()?.collect::<Result<_, _>>()?;
        let cut = self.cut_off()?;
        let found = if self.unsupported.is_none() && commits.len() >= MIN_PARALLEL {
            let root = self.root();
            let part = |(number, commits): (usize, &[ObjectId])| -> Result<Vec<PastVersion>, GitError> {
                // libgit2's handles are one thread's each.
                let opened = Libgit2::open(root)?;
                versions(&opened, commits, number * PART, |commit| cut.contains(&commit))
            };
            commits.par_chunks(PART).enumerate().map(part).collect::<Result<Vec<_>, _>>()?.concat()
        } else {
            versions(store, &commits, 0, |commit| cut.contains(&commit))?
        };
        let mut first: HashMap<(Vec<u8>, ObjectId), PastVersion> = HashMap::with_capacity(found.len());
        for mut version in found {
            // The walk begins with the last commit, and has parents behind their children.
            version.place = commits.len() - version.place;
            match first.entry((version.path.clone(), version.content)) {
                Entry::Occupied(mut known) if version.place < known.get().place => drop(known.insert(version)),
                Entry::Occupied(_) => {}
                Entry::Vacant(new) => drop(new.insert(version)),
            }
        }
        let mut versions: Vec<PastVersion> = first.into_values().collect();
        versions.sort_unstable_by(|one, other| {
            (&one.path, one.place, one.content).cmp(&(&other.path, other.place, other.content))
        });
        Ok(Past { versions, commits: commits.len(), is_cut: self.is_shallow() })
    }
}

/// Returns what some commits have that none of their parents has.
fn versions(
    store: &dyn Store,
    commits: &[ObjectId],
    place: usize,
    is_cut: impl Fn(ObjectId) -> bool,
) -> Result<Vec<PastVersion>, GitError> {
    let mut found = Vec::new();
    let mut trees: HashMap<ObjectId, ObjectId> = HashMap::new();
    for (index, id) in commits.iter().enumerate() {
        let commit = store.commit(*id)?;
        let mut parents = Vec::with_capacity(commit.parents.len());
        // Where the history was cut off, the commit names parents that are not there: all of it counts as new.
        for parent in commit.parents.iter().filter(|_| !is_cut(*id)) {
            let tree = match trees.get(parent) {
                Some(tree) => *tree,
                None => store.commit(*parent)?.tree,
            };
            parents.push(tree);
        }
        trees.insert(*id, commit.tree);
        let changed = changed_in(store, &parents, commit.tree, |_, sides| sides == Sides::All)?;
        found.extend(changed.into_iter().filter(|changed| !changed.old.contains(&changed.new)).filter_map(|changed| {
            let Some((EntryKind::File, content)) = changed.new else { return None };
            Some(PastVersion {
                path: changed.path,
                content,
                commit: *id,
                place: place + index,
                seconds: commit.seconds,
            })
        }));
    }
    Ok(found)
}

impl PastVersion {
    /// Returns the path.
    pub fn path(&self) -> &Path {
        use std::os::unix::ffi::OsStrExt as _;
        Path::new(std::ffi::OsStr::from_bytes(&self.path))
    }
}

/// To open a repository takes as long as to compare some commits.
const MIN_PARALLEL: usize = 64;
const PART: usize = 128;

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;

    /// Returns `path content` of all versions; demands the same of both ways to read a repository.
    fn versions(repository: &Repository) -> Vec<String> {
        let past = repository.past().expect("readable");
        let content = |id| String::from_utf8(repository.content(id, 999).expect("a file").to_vec()).expect("UTF-8");
        let line =
            |version: &PastVersion| format!("{} {}", String::from_utf8_lossy(&version.path), content(version.content));
        let mut lines: Vec<String> = past.versions.iter().map(line).collect();
        lines.sort();
        lines
    }

    #[test]
    fn all_commits_of_all_references_are_read_once() {
        let world = World::new();
        world.commit(&[("a/one", "1"), ("two", "1")]);
        world.commit(&[("a/one", "2")]);
        world.git(&["checkout", "--quiet", "-b", "side"]);
        world.commit(&[("a/one", "side")]);
        world.git(&["checkout", "--quiet", "--detach", "main"]);
        world.commit(&[("two", "detached")]);
        world.git(&["tag", "--annotate", "--message", "x", "kept"]);
        world.commit(&[("two", "head")]);
        let blob = world.said(&["rev-parse", "HEAD:two"]);
        world.git(&["tag", "of-a-blob", &blob]);
        let expected = ["a/one 1", "a/one 2", "a/one side", "two 1", "two detached", "two head"];
        assert_eq!(versions(&world.open("")), expected);
        assert_eq!(world.open("").past().expect("readable").commits, 5);
        world.git(&["checkout", "--quiet", "main"]);
        // What nothing leads to any more is gone for everybody who clones.
        assert_eq!(versions(&world.open("")), expected[..5]);
    }

    #[test]
    fn a_merge_has_what_none_of_its_sides_has_and_what_comes_back_comes_once() {
        let world = World::new();
        world.commit(&[("file", "a\n\nb\n"), ("gone", "1")]);
        world.git(&["checkout", "--quiet", "-b", "side"]);
        world.commit(&[("file", "a\n\nB\n")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("file", "A\n\nb\n")]);
        world.git(&["merge", "--quiet", "--no-edit", "side"]);
        world.git(&["rm", "--quiet", "gone"]);
        world.commit(&[("file", "a\n\nb\n")]);
        let expected = ["file A\n\nB\n", "file A\n\nb\n", "file a\n\nB\n", "file a\n\nb\n", "gone 1"];
        assert_eq!(versions(&world.open("")), expected);
        let first = world.said(&["rev-list", "--max-parents=0", "HEAD"]);
        let past = world.open("").past().expect("readable");
        assert!(past.versions.iter().any(|version| version.commit.to_string() == first && version.path == b"file"));
    }

    #[test]
    fn both_ways_to_read_a_repository_and_both_ways_to_walk_say_the_same() {
        let sha1 = World::new();
        let sha256 = World::with_format("--object-format=sha256");
        for number in 0..MIN_PARALLEL + 3 {
            let (name, content) = (format!("{}/file", number % 5), number.to_string());
            sha1.commit(&[(&name, &content)]);
            sha256.commit(&[(&name, &content)]);
        }
        let variables = [("PATH".into(), std::env::var_os("PATH").expect("PATH"))];
        let env = crate::env::Env::new(sha256.root().to_path_buf(), jiff::civil::date(2026, 1, 1), variables);
        let plumbed = sha256.open("").with_programs(&env);
        assert_eq!(versions(&sha1.open("")).len(), MIN_PARALLEL + 3);
        assert_eq!(versions(&sha1.open("")), versions(&plumbed));
    }

    #[test]
    fn a_shallow_clone_has_all_that_its_last_commit_has() {
        let world = World::new();
        world.commit(&[("old", "1")]);
        world.commit(&[("file", "1")]);
        world.commit(&[("file", "2")]);
        let url = format!("file://{}", world.root().display());
        world.git(&["clone", "--quiet", "--depth=2", &url, "../clone"]);
        let clone = Repository::discover(&world.beside("clone")).expect("nothing is wrong").expect("a repository");
        assert_eq!(versions(&clone), ["file 1", "file 2", "old 1"]);
        assert!(clone.past().expect("readable").is_cut);
    }

    #[test]
    fn before_the_first_commit_there_is_no_past() {
        assert!(World::new().open("").past().expect("readable").versions.is_empty());
    }
}
