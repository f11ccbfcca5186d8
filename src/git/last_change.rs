//! The last commit that changed each of some files: one walk back from HEAD for all, which ends when all are found.

use std::collections::{BinaryHeap, HashMap, HashSet};

use jiff::civil::Date;

use super::changes::changed_in;
use super::revision::day;
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

impl LastChange {
    /// Returns the UTC day.
    pub fn day(&self) -> Option<Date> {
        day(self.seconds)
    }
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
        let folders: HashSet<&[u8]> = paths.iter().copied().flat_map(folders_of).collect();
        // Each path goes from a commit to the parent that has the same there: clocks decide only what is read first.
        let top = store.commit(head)?;
        let all = changed_in(store, &[], top.tree, |folder, _| folders.contains(folder))?;
        let committed = all.iter().filter_map(|entry| paths.get(entry.path.as_slice()).copied()).collect();
        let mut wanted: HashMap<ObjectId, HashSet<&[u8]>> = HashMap::from([(head, committed)]);
        let mut waiting = BinaryHeap::from([(top.seconds, head)]);
        while let Some((seconds, id)) = waiting.pop() {
            let Some(mut here) = wanted.remove(&id).filter(|paths| !paths.is_empty()) else { continue };
            let commit = store.commit(id)?;
            let is_cut = cut.contains(&id);
            // Where the history was cut off, the commit names parents that are not there: all of it counts as new.
            let parents = if is_cut { &[][..] } else { &commit.parents };
            let mut trees = Vec::with_capacity(parents.len());
            let mut passed: Vec<HashSet<&[u8]>> = vec![HashSet::new(); parents.len()];
            let mut times = Vec::with_capacity(parents.len());
            for parent in parents {
                let parent = store.commit(*parent)?;
                trees.push(parent.tree);
                times.push(parent.seconds);
            }
            for changed in changed_in(store, &trees, commit.tree, |folder, _| folders.contains(folder))? {
                let Some(path) = here.take(changed.path.as_slice()) else { continue };
                match changed.old.iter().position(|old| *old == changed.new) {
                    Some(same) if same < passed.len() => _ = passed[same].insert(path),
                    _ => _ = found.insert(changed.path, LastChange { commit: id, seconds, is_cut }),
                }
            }
            // What no parent has in another way the first one has in the same.
            if let Some(first) = passed.first_mut() {
                if first.is_empty() {
                    *first = here;
                } else {
                    first.extend(here);
                }
            }
            for ((parent, seconds), paths) in parents.iter().zip(times).zip(passed) {
                if !paths.is_empty() {
                    wanted.entry(*parent).or_default().extend(paths);
                    waiting.push((seconds, *parent));
                }
            }
        }
        Ok(found)
    }
}

/// Returns the folders above a path, each without a slash at its end.
fn folders_of(path: &[u8]) -> impl Iterator<Item = &[u8]> {
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
