//! Where commits and the index differ: whole folders are passed by that have one name on both sides.

use std::cmp::Ordering;

use super::index::{Index, IndexEntry};
use super::store::Store;
use super::{EntryKind, GitError, ObjectId, Repository, Tree, TreeEntry};

/// A path at which sides differ. Folders are not named themselves, only what is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The path, as git spells it.
    pub path: Vec<u8>,
    /// What was there, on each of the former sides (the parents of a merge).
    pub old: Vec<Option<(EntryKind, ObjectId)>>,
    /// What is there.
    pub new: Option<(EntryKind, ObjectId)>,
}

/// Which differences are looked for below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Where the folder differs from all former sides.
    All,
    /// Where the folder differs from one of them, and is equal to another.
    Some,
}

impl Repository {
    /// Compares a tree with former ones; none of them: all of it is new.
    ///
    /// `enter` tells whether to look into a folder, by its path.
    ///
    /// # Errors
    /// When a tree cannot be read.
    pub fn changed(
        &self,
        old: &[ObjectId],
        new: ObjectId,
        enter: impl Fn(&[u8], Sides) -> bool,
    ) -> Result<Vec<Changed>, GitError> {
        changed_in(self.store()?, old, new, enter)
    }

    /// Compares the index with a commit; without one all of it is new. What a merge has left undecided is passed by.
    ///
    /// # Errors
    /// When the index or a tree cannot be read.
    pub fn changed_in_index(&self, commit: Option<ObjectId>) -> Result<Vec<Changed>, GitError> {
        let index = self.index()?;
        let store = self.store()?;
        let mut changed = Vec::new();
        let tree = commit.map(|commit| store.commit(commit)).transpose()?.map(|commit| commit.tree);
        // Deep folders are as deep as paths in the index are long, which git bounds.
        let mut comparison = IndexComparison { store, index, at: 0, changed: &mut changed };
        comparison.folder(&mut Vec::new(), tree, 0)?;
        Ok(changed)
    }
}

/// Compares a tree with former ones; see [`Repository::changed`].
pub(super) fn changed_in(
    store: &dyn Store,
    old: &[ObjectId],
    new: ObjectId,
    enter: impl Fn(&[u8], Sides) -> bool,
) -> Result<Vec<Changed>, GitError> {
    let mut old: Vec<Option<ObjectId>> = old.iter().copied().map(Some).collect();
    if old.is_empty() {
        old.push(None);
    }
    let mut changed = Vec::new();
    // An explicit stack: folders of other people's making may be deep.
    let mut folders = vec![(Vec::new(), old, Some(new))];
    while let Some((path, old, new)) = folders.pop() {
        let tree = |id: Option<ObjectId>| id.map_or_else(|| Ok(Tree::empty()), |id| store.tree(id));
        let trees: Vec<Tree> = old.iter().chain([&new]).map(|id| tree(*id)).collect::<Result<_, _>>()?;
        let mut sides: Vec<_> = trees.iter().map(|tree| tree.entries().peekable()).collect();
        loop {
            let heads: Vec<Option<TreeEntry<'_>>> = sides.iter_mut().map(|side| side.peek().copied()).collect();
            let Some(first) = heads.iter().flatten().copied().min_by(|one, other| order(one, other)) else { break };
            let is_first = |entry: &TreeEntry<'_>| order(entry, &first) == Ordering::Equal;
            let mut found = Vec::with_capacity(sides.len());
            for (side, head) in sides.iter_mut().zip(heads) {
                let own = head.filter(is_first);
                if own.is_some() {
                    side.next();
                }
                found.push(own.map(|entry| (entry.kind, entry.id)));
            }
            let new = found.pop().expect("the new side is the last one");
            if found.iter().all(|old| *old == new) {
                continue;
            }
            let path = join(&path, first.name);
            if first.kind == EntryKind::Folder {
                let which = if found.contains(&new) { Sides::Some } else { Sides::All };
                if enter(&path, which) {
                    let id = |entry: Option<(EntryKind, ObjectId)>| entry.map(|(_, id)| id);
                    folders.push((path, found.into_iter().map(id).collect(), id(new)));
                }
            } else {
                changed.push(Changed { path, old: found, new });
            }
        }
    }
    changed.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(changed)
}

/// A walk through the index and a commit's folders side by side.
struct IndexComparison<'a> {
    store: &'a dyn Store,
    index: &'a Index,
    at: usize,
    changed: &'a mut Vec<Changed>,
}

impl<'a> IndexComparison<'a> {
    fn folder(&mut self, path: &mut Vec<u8>, tree: Option<ObjectId>, depth: usize) -> Result<(), GitError> {
        let tree = tree.map_or_else(|| Ok(Tree::empty()), |id| self.store.tree(id))?;
        if depth > MAX_DEPTH {
            return Err(self.store.broken(ObjectId::from_bytes(&[0; 20]).expect("20 bytes")));
        }
        let mut entries = tree.entries().peekable();
        loop {
            let own = self.next_below(path);
            let name = own.map(|entry| {
                let rest = &entry.path[path.len()..];
                let slash = rest.iter().position(|byte| *byte == b'/');
                (&rest[..slash.unwrap_or(rest.len())], slash.is_some(), entry)
            });
            let head = entries.peek().copied();
            let relation = match (&name, &head) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((name, is_folder, _)), Some(head)) => {
                    order_names((name, *is_folder), (head.name, head.kind == EntryKind::Folder))
                }
            };
            let old = head.filter(|_| relation != Ordering::Less);
            if old.is_some() {
                entries.next();
            }
            let new = name.filter(|_| relation != Ordering::Greater);
            let length = path.len();
            match (new, old) {
                (Some((name, true, _)), old) => {
                    path.extend_from_slice(name);
                    path.push(b'/');
                    self.folder(path, old.map(|old| old.id), depth + 1)?;
                }
                (None, Some(old)) if old.kind == EntryKind::Folder => {
                    path.extend_from_slice(old.name);
                    path.push(b'/');
                    self.folder(path, Some(old.id), depth + 1)?;
                }
                (new, old) => {
                    if new.is_some() {
                        self.at += 1;
                    }
                    let (old, new) = (old.map(|old| (old.kind, old.id)), new.map(|(_, _, new)| (new.kind, new.id)));
                    if old != new {
                        let name = name.filter(|_| new.is_some()).map(|(name, _, _)| name);
                        path.extend_from_slice(name.or(head.map(|head| head.name)).unwrap_or_default());
                        self.changed.push(Changed { path: path.clone(), old: vec![old], new });
                    }
                }
            }
            path.truncate(length);
        }
    }

    /// Returns the next entry, where it is below a folder.
    fn next_below(&mut self, folder: &[u8]) -> Option<IndexEntry<'a>> {
        let index = self.index;
        while index.get(self.at).is_some_and(|entry| entry.is_conflicted) {
            self.at += 1;
        }
        index.get(self.at).filter(|entry| entry.path.starts_with(folder))
    }
}

/// Git's order in trees.
fn order(one: &TreeEntry<'_>, other: &TreeEntry<'_>) -> Ordering {
    order_names((one.name, one.kind == EntryKind::Folder), (other.name, other.kind == EntryKind::Folder))
}

/// Compares names, those of folders as if they ended with `/`.
fn order_names((one, one_is_folder): (&[u8], bool), (other, other_is_folder): (&[u8], bool)) -> Ordering {
    let common = one.len().min(other.len());
    one[..common].cmp(&other[..common]).then_with(|| {
        let next = |name: &[u8], is_folder: bool| name.get(common).copied().or(is_folder.then_some(b'/'));
        next(one, one_is_folder).cmp(&next(other, other_is_folder)).then(one.len().cmp(&other.len()))
    })
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// Paths of the index have at most 4096 bytes in use, and each step takes two.
const MAX_DEPTH: usize = 2048;

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;

    /// Returns paths with a letter for what became of each: added, deleted, modified.
    fn letters(changed: &[Changed]) -> Vec<String> {
        let letter = |changed: &Changed| match (changed.old[0], changed.new) {
            (None, _) => 'A',
            (_, None) => 'D',
            _ => 'M',
        };
        changed
            .iter()
            .map(|changed| format!("{} {}", letter(changed), String::from_utf8_lossy(&changed.path)))
            .collect()
    }

    /// Returns what git says of the same.
    fn said(world: &World, arguments: &[&str]) -> Vec<String> {
        let said = world.said(&[&["-c", "core.quotePath=false"], arguments].concat());
        let mut lines: Vec<String> = said.lines().map(|line| line.replace('\t', " ").replacen('T', "M", 1)).collect();
        lines.sort_by(|one, other| one.as_bytes()[2..].cmp(&other.as_bytes()[2..]));
        lines
    }

    fn world() -> World {
        let world = World::new();
        world.commit(&[
            ("a/b", "1"),
            ("a.c", "1"),
            ("a0", "1"),
            ("same/deep/file", "1"),
            ("x", "1"),
            ("gone/y/z", "1"),
        ]);
        std::fs::remove_file(world.path("x")).expect("a file");
        std::fs::remove_dir_all(world.path("gone")).expect("a folder");
        std::fs::remove_dir_all(world.path("a")).expect("a folder");
        world.write("a", "a file where a folder was");
        world.write("x/in", "a folder where a file was");
        world.write("a0", "2");
        world.write("new/\u{e4} b", "1");
        world
    }

    #[test]
    fn trees_are_compared_as_git_does() {
        let world = world();
        world.git(&["add", "--all"]);
        world.git(&["commit", "--quiet", "--message", "x"]);
        let repository = world.open("");
        let tree =
            |revision: &str| repository.commit(repository.commit_named(revision).expect("one")).expect("one").tree;
        let changed = repository.changed(&[tree("HEAD~1")], tree("HEAD"), |_, _| true).expect("trees");
        assert_eq!(letters(&changed), said(&world, &["diff", "--no-renames", "--name-status", "HEAD~1", "HEAD"]));
        assert_eq!(changed.len(), 7);
        let all = repository.changed(&[], tree("HEAD"), |_, _| true).expect("trees");
        assert_eq!(all.len(), world.said(&["ls-files"]).lines().count());
        let none = repository.changed(&[tree("HEAD")], tree("HEAD"), |_, _| true).expect("trees");
        assert_eq!(none, []);
    }

    #[test]
    fn the_index_is_compared_as_git_does() {
        let world = world();
        world.git(&["add", "--all"]);
        let repository = world.open("");
        let head = repository.head().expect("HEAD");
        let changed = repository.changed_in_index(head).expect("an index");
        assert_eq!(letters(&changed), said(&world, &["diff", "--cached", "--no-renames", "--name-status"]));
        assert_eq!(changed.len(), 7);
        let all = repository.changed_in_index(None).expect("an index");
        assert_eq!(all.len(), world.said(&["ls-files"]).lines().count());
    }

    #[test]
    fn of_a_merge_each_parent_is_compared() {
        let world = World::new();
        world.commit(&[("a", "1"), ("b", "1"), ("f/c", "1")]);
        world.git(&["checkout", "--quiet", "-b", "side"]);
        world.commit(&[("f/c", "2")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("b", "2")]);
        world.git(&["merge", "--quiet", "--no-commit", "side"]);
        world.write("a", "evil");
        world.git(&["commit", "--quiet", "--all", "--message", "x"]);
        let repository = world.open("");
        let commit = |name: &str| repository.commit(repository.commit_named(name).expect("one")).expect("a commit");
        let merge = commit("HEAD");
        let parents: Vec<ObjectId> = ["HEAD^1", "HEAD^2"].map(|name| commit(name).tree).to_vec();
        let paths = |enter: bool| {
            let changed = repository.changed(&parents, merge.tree, |_, sides| enter || sides == Sides::All);
            let changed = changed.expect("trees").into_iter();
            changed.map(|changed| String::from_utf8(changed.path).expect("UTF-8")).collect::<Vec<_>>()
        };
        assert_eq!(
            (paths(true), paths(false)),
            (["a", "b", "f/c"].map(str::to_owned).to_vec(), ["a", "b"].map(str::to_owned).to_vec())
        );
        assert_eq!(
            repository
                .range(commit("HEAD~1").parents[0], repository.head().expect("x").expect("y"))
                .expect("a range")
                .len(),
            3
        );
    }
}
