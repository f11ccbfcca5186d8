//! The commits that changed one file, followed through renames.
//!
//! Git has no renames; whether a file that is gone and one that is new are the same is asked of the caller, who knows
//! what is in them.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::index::spelled;
use super::object::path_of;
use super::store::Store;
use super::{Commit, EntryKind, GitError, ObjectId, Repository};
use crate::fs;

/// A commit that changed a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCommit {
    /// The commit.
    pub commit: ObjectId,
    /// What the file is called there.
    pub path: PathBuf,
    /// What stands there; `None` where the commit removed it.
    pub content: Option<ObjectId>,
    /// Where the file went, when it is another path's now.
    pub moved_to: Option<PathBuf>,
    /// What each of its parents had: of a merge several. None for a first commit, and where the history was cut off.
    pub formers: Vec<Former>,
    /// Whether the history was cut off here: what was before is not known.
    pub is_cut: bool,
}

/// What a parent of a commit had of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// What the file was called.
    pub path: PathBuf,
    /// What stood there.
    pub content: Option<ObjectId>,
}

/// Walks from a commit to its ancestors, and finds those that changed a file. Each commit is read once.
pub struct FileLog<'r, I> {
    repository: &'r Repository,
    store: &'r dyn Store,
    /// Tells which file a content is a version of.
    identify: I,
    /// By which names the file was known.
    paths: Vec<PathBuf>,
    /// Commits to be read, the last one first, with what the file is called in them.
    waiting: BinaryHeap<(i64, u64, ObjectId)>,
    wanted: HashMap<ObjectId, Vec<usize>>,
    read: HashSet<(ObjectId, usize)>,
    commits: HashMap<ObjectId, Rc<Commit>>,
    entries: HashMap<(usize, usize, ObjectId), Option<(EntryKind, ObjectId)>>,
    /// Where the history was cut off.
    cut: HashSet<ObjectId>,
    count: u64,
}

impl Repository {
    /// Returns the commits that changed a file, from this commit back. `identify` tells which file a content is a
    /// version of; so renames are followed.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn file_log<I: FnMut(ObjectId) -> Option<[u8; 16]>>(
        &self,
        from: ObjectId,
        path: &Path,
        identify: I,
    ) -> Result<FileLog<'_, I>, GitError> {
        let mut log = FileLog {
            repository: self,
            store: self.store()?,
            identify,
            paths: vec![path.to_path_buf()],
            waiting: BinaryHeap::new(),
            wanted: HashMap::new(),
            read: HashSet::new(),
            commits: HashMap::new(),
            entries: HashMap::new(),
            cut: self.cut_off()?,
            count: 0,
        };
        log.want(from, 0)?;
        Ok(log)
    }

    /// Returns the commits at which the history of a shallow clone ends.
    pub(super) fn cut_off(&self) -> Result<HashSet<ObjectId>, GitError> {
        if !self.is_shallow() {
            return Ok(HashSet::new());
        }
        let text = fs::read(&self.store()?.shallow_file()?, None, MAX_SHALLOW)?;
        Ok(text.split(|byte| *byte == b'\n').filter_map(|line| ObjectId::from_hex(line.trim_ascii())).collect())
    }
}

impl<I: FnMut(ObjectId) -> Option<[u8; 16]>> FileLog<'_, I> {
    /// Reads on until the commit that changed the file before those that were returned; `None` at the end.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn next_change(&mut self) -> Result<Option<FileCommit>, GitError> {
        while let Some((_, _, commit)) = self.waiting.pop() {
            let paths = self.wanted.remove(&commit).unwrap_or_default();
            for path in paths {
                if let Some(found) = self.step(commit, path)? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Returns what the file is called in a commit; `None` where that is not among the ancestors, or has no such file.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn path_in(&mut self, commit: ObjectId) -> Result<Option<PathBuf>, GitError> {
        loop {
            let is_next = self.waiting.peek().is_some_and(|(_, _, next)| *next == commit);
            if is_next {
                let paths = self.wanted.get(&commit).cloned().unwrap_or_default();
                for path in paths {
                    let path = self.paths[path].clone();
                    if matches!(self.repository.entry_at(commit, &path)?, Some((EntryKind::File, _))) {
                        return Ok(Some(path));
                    }
                }
                return Ok(None);
            }
            let Some((_, _, next)) = self.waiting.pop() else { return Ok(None) };
            for path in self.wanted.remove(&next).unwrap_or_default() {
                self.step(next, path)?;
            }
        }
    }

    fn step(&mut self, id: ObjectId, path: usize) -> Result<Option<FileCommit>, GitError> {
        if !self.read.insert((id, path)) {
            return Ok(None);
        }
        let commit = self.commit(id)?;
        let content = self.file(path, commit.tree)?;
        let is_cut = self.cut.contains(&id);
        let mut formers = Vec::new();
        let mut moved_to = None;
        if !is_cut {
            for parent in commit.parents.iter().copied() {
                let tree = self.commit(parent)?.tree;
                let mut former = (path, self.file(path, tree)?);
                match (content, former.1) {
                    (Some(content), None) => {
                        if let Some((from, content)) = self.counterpart(tree, commit.tree, content)? {
                            former = (from, Some(content));
                        }
                    }
                    (None, Some(content)) => {
                        let to = self.counterpart(commit.tree, tree, content)?;
                        moved_to = moved_to.or(to.map(|(to, _)| self.paths[to].clone()));
                    }
                    _ => {}
                }
                self.want(parent, former.0)?;
                formers.push(former);
            }
        }
        let is_same = formers.contains(&(path, content)) || (formers.is_empty() && content.is_none());
        if is_same {
            return Ok(None);
        }
        let formers = formers.into_iter().map(|(path, content)| Former { path: self.paths[path].clone(), content });
        Ok(Some(FileCommit {
            commit: id,
            formers: formers.collect(),
            path: self.paths[path].clone(),
            content,
            moved_to,
            is_cut,
        }))
    }

    /// Finds the same file among those that one tree has and the other has not.
    fn counterpart(
        &mut self,
        from: ObjectId,
        to: ObjectId,
        content: ObjectId,
    ) -> Result<Option<(usize, ObjectId)>, GitError> {
        let Some(identity) = (self.identify)(content) else { return Ok(None) };
        let changed = self.repository.changed(&[from], to, |_, _| true)?;
        for gone in changed.into_iter().filter(|changed| changed.new.is_none()).take(MAX_CANDIDATES) {
            if let Some(Some((EntryKind::File, content))) = gone.old.first().copied()
                && (self.identify)(content) == Some(identity)
            {
                return Ok(Some((self.number(path_of(&gone.path)), content)));
            }
        }
        Ok(None)
    }

    fn number(&mut self, path: PathBuf) -> usize {
        self.paths.iter().position(|known| *known == path).unwrap_or_else(|| {
            self.paths.push(path);
            self.paths.len() - 1
        })
    }

    /// Reads a commit, each only once.
    fn commit(&mut self, id: ObjectId) -> Result<Rc<Commit>, GitError> {
        if let Some(commit) = self.commits.get(&id) {
            return Ok(Rc::clone(commit));
        }
        let commit = Rc::new(self.store.commit(id)?);
        self.commits.insert(id, Rc::clone(&commit));
        Ok(commit)
    }

    /// Has a commit read later, with the name that the file has there.
    fn want(&mut self, id: ObjectId, path: usize) -> Result<(), GitError> {
        if self.read.contains(&(id, path)) {
            return Ok(());
        }
        if !self.wanted.contains_key(&id) {
            let time = self.commit(id)?.seconds;
            self.count += 1;
            // Of the same second the one that was found first: it is the newer one.
            self.waiting.push((time, u64::MAX - self.count, id));
        }
        let wanted = self.wanted.entry(id).or_default();
        if !wanted.contains(&path) {
            wanted.push(path);
        }
        Ok(())
    }

    /// Returns the regular file that a tree has at a path. Each folder's state is looked at once.
    fn file(&mut self, path: usize, tree: ObjectId) -> Result<Option<ObjectId>, GitError> {
        let (mut id, mut kind) = (tree, EntryKind::Folder);
        for depth in 0..self.paths[path].components().count() {
            if kind != EntryKind::Folder {
                return Ok(None);
            }
            let found = match self.entries.get(&(path, depth, id)) {
                Some(found) => *found,
                None => {
                    let tree = self.store.tree(id)?;
                    let name = Path::new(self.paths[path].iter().nth(depth).unwrap_or_default());
                    let found = tree.find(spelled(name)).map(|entry| (entry.kind, entry.id));
                    self.entries.insert((path, depth, id), found);
                    found
                }
            };
            let Some(found) = found else { return Ok(None) };
            (kind, id) = found;
        }
        Ok((kind == EntryKind::File).then_some(id))
    }
}

/// How many files of one commit are looked at to find where a file came from.
const MAX_CANDIDATES: usize = 10_000;
/// A shallow clone has a line for each commit at which it ends.
const MAX_SHALLOW: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;

    /// Tells which file a content is of: by its first line.
    fn log(repository: &Repository, path: &str) -> Vec<String> {
        let identify = |id: ObjectId| {
            let content = repository.content(id, 999).expect("a file");
            let mut identity = [0; 16];
            let line = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
            identity[..line.len()].copy_from_slice(line);
            Some(identity)
        };
        let text = |id: Option<ObjectId>| match id {
            Some(id) => String::from_utf8_lossy(&repository.content(id, 999).expect("a file")).replace('\n', "."),
            None => "-".to_owned(),
        };
        let head = repository.head().expect("readable").expect("a commit");
        let mut log = repository.file_log(head, Path::new(path), identify).expect("readable");
        let mut found = Vec::new();
        while let Some(commit) = log.next_change().expect("readable") {
            let former =
                commit.formers.iter().map(|former| format!("{}={}", former.path.display(), text(former.content)));
            let to = commit.moved_to.iter().map(|to| format!(">{}", to.display()));
            let cut = commit.is_cut.then(|| "cut".to_owned());
            let parts: Vec<String> = former.chain(to).chain(cut).collect();
            found.push(format!("{}={} [{}]", commit.path.display(), text(commit.content), parts.join(" ")));
        }
        found
    }

    #[test]
    fn a_file_is_followed_to_where_it_came_from() {
        let world = World::new();
        world.commit(&[("s/old", "id\n1"), ("other", "x\n1")]);
        world.commit(&[("other", "x\n2")]);
        world.commit(&[("s/old", "id\n2")]);
        world.git(&["mv", "s/old", "new"]);
        world.commit(&[("new", "id\n3")]);
        world.commit(&[("new", "id\n4")]);
        let repository = world.open("");
        assert_eq!(
            log(&repository, "new"),
            ["new=id.4 [new=id.3]", "new=id.3 [s/old=id.2]", "s/old=id.2 [s/old=id.1]", "s/old=id.1 []"]
        );
        assert_eq!(log(&repository, "s/old")[0], "s/old=- [s/old=id.2 >new]");
        assert_eq!(log(&repository, "none"), [""; 0]);
    }

    #[test]
    fn a_file_that_was_removed_and_made_again_has_both_lives() {
        let world = World::new();
        world.commit(&[("file", "a\n1")]);
        world.git(&["rm", "--quiet", "file"]);
        world.git(&["commit", "--quiet", "--message", "x"]);
        world.commit(&[("file", "b\n1")]);
        let expected = ["file=b.1 [file=-]", "file=- [file=a.1]", "file=a.1 []"];
        assert_eq!(log(&world.open(""), "file"), expected);
    }

    #[test]
    fn a_merge_counts_where_it_is_like_none_of_its_sides() {
        let world = World::new();
        world.commit(&[("file", "id\na\n\nb\n")]);
        world.git(&["checkout", "--quiet", "-b", "side"]);
        world.commit(&[("file", "id\na\n\nB\n")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("file", "id\nA\n\nb\n")]);
        world.git(&["merge", "--quiet", "--no-edit", "side"]);
        let found = log(&world.open(""), "file");
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(found[0], "file=id.A..B. [file=id.A..b. file=id.a..B.]");
        world.git(&["checkout", "--quiet", "-b", "more"]);
        world.commit(&[("file", "id\nc\n")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("other", "x")]);
        world.git(&["merge", "--quiet", "--no-edit", "more"]);
        assert_eq!(log(&world.open(""), "file").len(), 5, "a merge that takes one side changes nothing itself");
    }

    #[test]
    fn where_a_history_was_cut_off_is_said() {
        let world = World::new();
        for content in ["id\n1", "id\n2", "id\n3"] {
            world.commit(&[("file", content)]);
        }
        let url = format!("file://{}", world.root().display());
        world.git(&["clone", "--quiet", "--depth=2", &url, "../clone"]);
        let clone = Repository::discover(&world.beside("clone")).expect("nothing is wrong").expect("a repository");
        assert_eq!(log(&clone, "file"), ["file=id.3 [file=id.2]", "file=id.2 [cut]"]);
    }
}
