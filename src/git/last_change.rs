//! The last commit that changed each of some files: one walk back from HEAD, which ends when all are found.

use std::collections::{HashMap, HashSet};

use super::changes::changed_in;
use super::{GitError, ObjectId, Repository};

/// The last commit that changed a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastChange {
    /// The commit.
    pub commit: ObjectId,
    /// When it was made, in seconds since 1970.
    pub seconds: i64,
    /// Whether the history was cut off here: the change may be older.
    pub is_cut: bool,
}

impl Repository {
    /// Returns the last commits that changed files, by their paths as git spells them. A merge has changed what none of
    /// its parents has. Files that HEAD's history does not have are left out.
    ///
    /// # Errors
    /// When a commit or a folder cannot be read.
    pub fn last_changes(&self, paths: &HashSet<&[u8]>) -> Result<HashMap<Vec<u8>, LastChange>, GitError> {
        let mut found = HashMap::new();
        let Some(head) = self.head()? else { return Ok(found) };
        let store = self.store()?;
        let cut = self.cut_off()?;
        let folders: HashSet<&[u8]> = paths.iter().flat_map(|path| folders_of(path)).collect();
        let mut trees: HashMap<ObjectId, ObjectId> = HashMap::new();
        for id in store.ancestors(head)? {
            if found.len() == paths.len() {
                break;
            }
            let id = id?;
            let commit = store.commit(id)?;
            let is_cut = cut.contains(&id);
            let mut parents = Vec::with_capacity(commit.parents.len());
            // Where the history was cut off, the commit names parents that are not there: all of it counts as new.
            for parent in commit.parents.iter().filter(|_| !is_cut) {
                let tree = match trees.get(parent) {
                    Some(tree) => *tree,
                    None => store.commit(*parent)?.tree,
                };
                trees.insert(*parent, tree);
                parents.push(tree);
            }
            for changed in changed_in(store, &parents, commit.tree, |folder, _| folders.contains(folder))? {
                if paths.contains(changed.path.as_slice()) && !changed.old.contains(&changed.new) {
                    let change = LastChange { commit: id, seconds: commit.seconds, is_cut };
                    found.entry(changed.path).or_insert(change);
                }
            }
        }
        Ok(found)
    }
}

/// Returns the folders above a path, each without a slash at its end.
fn folders_of<'p>(path: &'p [u8]) -> impl Iterator<Item = &'p [u8]> + use<'p> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| &path[..at])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::fixture::World;

    /// Demands of each path the commit that git itself names.
    fn compare(world: &World, paths: &[&str]) {
        let wanted: HashSet<&[u8]> = paths.iter().map(|path| path.as_bytes()).collect();
        let found = world.open("").last_changes(&wanted).expect("readable");
        for path in paths {
            let expected = world.said(&["log", "-1", "--format=%H", "--", path]);
            let change = found.get(path.as_bytes()).map(|change| change.commit.to_string()).unwrap_or_default();
            assert_eq!(change, expected, "{path}");
        }
    }

    #[test]
    fn the_last_commit_is_the_one_that_git_names_also_of_a_content_that_came_back() {
        let world = World::new();
        world.commit(&[("a/b/one", "1"), ("two", "1"), ("a/three", "1")]);
        world.commit(&[("a/b/one", "2")]);
        world.commit(&[("a/b/one", "1")]);
        world.commit(&[("two", "2")]);
        compare(&world, &["a/b/one", "two", "a/three", "none"]);
    }

    #[test]
    fn a_merge_changes_what_none_of_its_sides_has() {
        let world = World::new();
        world.commit(&[("file", "a\n\nb\n"), ("other", "1")]);
        world.git(&["checkout", "--quiet", "-b", "side"]);
        world.commit(&[("file", "a\n\nB\n"), ("other", "2")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("file", "A\n\nb\n")]);
        world.git(&["merge", "--quiet", "--no-edit", "side"]);
        compare(&world, &["file", "other"]);
    }

    #[test]
    fn before_the_first_commit_nothing_was_changed() {
        assert!(World::new().open("").last_changes(&HashSet::from([&b"a"[..]])).expect("readable").is_empty());
    }
}
