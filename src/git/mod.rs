//! What git knows of the files of a work tree, read through libgit2: HEAD, the index, the history.
//!
//! Only reads, and runs no program: no filter, hook, pager or monitor that a configuration names. Which repository it
//! is depends on the folder alone; `GIT_DIR` and its like are not obeyed. Knows nothing of secrets.

#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests make repositories"))]

mod error;
#[cfg(test)]
mod fixture;
mod history;
mod merge_file;
mod plain;
mod settings;
mod stages;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::fmt;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use git2::{ErrorClass, ErrorCode, FileMode, IndexEntryExtendedFlag, Oid};
use zeroize::Zeroizing;

pub use error::{GitError, Unsupported};
pub use history::{History, PastFile};
pub use merge_file::{MergedLines, merge_lines};
pub use settings::Attribute;
pub use stages::Stages;

use crate::fs;

/// A repository with a work tree. Paths inside of it are relative to its root, with `/`.
pub struct Repository {
    /// Opened when something is read of it.
    inner: OnceCell<git2::Repository>,
    root: PathBuf,
    index_file: Option<PathBuf>,
    index: OnceCell<git2::Index>,
}

/// The name of an object: the hash of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Oid);

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// One file that the index has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedFile {
    /// Its path; not all are UTF-8.
    pub path: PathBuf,
    /// What it is.
    pub kind: EntryKind,
    /// Whether a merge has left several versions of it to choose from; then there is none in the index proper.
    pub is_conflicted: bool,
}

/// What git can have at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file, executable or not.
    File,
    /// A folder.
    Folder,
    /// A commit of another repository.
    Submodule,
    /// A symlink.
    Symlink,
}

impl EntryKind {
    fn of(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o040_000 => Self::Folder,
            0o120_000 => Self::Symlink,
            0o160_000 => Self::Submodule,
            _ => Self::File,
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Submodule => "submodule",
            Self::Symlink => "symlink",
        })
    }
}

impl Repository {
    /// Opens the repository that a folder is in, `None` where there is none.
    ///
    /// # Errors
    /// When the repository belongs to another user and `safe.directory` does not name it, when it has no work tree,
    /// and when libgit2 does not understand its format.
    pub fn discover(start: &Path) -> Result<Option<Self>, GitError> {
        for folder in fs::real_path(start)?.ancestors() {
            if fs::kind(&folder.join(".git"))?.is_some() {
                if plain::is_plain(folder)? {
                    return Ok(Some(Self::at(folder.to_path_buf(), OnceCell::new())));
                }
                match git2::Repository::open(folder) {
                    // Git, too, passes by a `.git` that is no repository. What looks like one and cannot be read must
                    // not be passed by: its history and policy count.
                    Err(error) if error.code() == ErrorCode::NotFound && !looks_bare(&folder.join(".git"))? => {}
                    opened => return Self::with_work_tree(opened, folder).map(Some),
                }
            } else if looks_bare(folder)? {
                // Files that somebody committed can look like a repository, with a configuration of their choice.
                // Only a folder named `.git` cannot be committed; so nothing else is opened.
                return Err(GitError::Bare { path: folder.to_path_buf() });
            }
        }
        Ok(None)
    }

    /// Tells whether the search for a repository ends at this folder, with one or with an error.
    ///
    /// # Errors
    /// When the folder cannot be looked at.
    pub fn may_be_at(folder: &Path) -> Result<bool, GitError> {
        Ok(fs::kind(&folder.join(".git"))?.is_some() || looks_bare(folder)?)
    }

    /// Reads another index file, as `GIT_INDEX_FILE` names one to the hooks of `git commit -a` and `git commit FILE`.
    #[must_use]
    pub fn with_index_file(self, file: PathBuf) -> Self {
        Self { index_file: Some(file), index: OnceCell::new(), ..self }
    }

    /// Returns the root of the work tree, without symlinks.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Tells whether the history was cut off when the repository was cloned: what is missing proves nothing then.
    pub fn is_shallow(&self) -> bool {
        self.inner().is_ok_and(git2::Repository::is_shallow)
    }

    /// Returns the path of a file relative to the root, as git would name it. The file need not exist.
    ///
    /// Symlinks outside of the work tree are followed, to find the root. Those inside are not: for git, as for every
    /// rule and header, a file behind a link is not where the link's name says, and who can commit a link must not
    /// be able to pass one file off as another.
    pub fn relative(&self, path: &Path) -> Result<PathBuf, GitError> {
        let path = without_dots(path)?;
        let ancestors: Vec<&Path> = path.ancestors().collect();
        let is_root = |folder: &&&Path| fs::real_path(folder).is_ok_and(|real| real == self.root);
        let outside = || GitError::Outside { path: path.clone(), root: self.root.clone() };
        if let Some(root) = ancestors.iter().rev().find(is_root) {
            return path.strip_prefix(root).map(Path::to_path_buf).map_err(|_| outside());
        }
        // A link from outside that leads into the midst of the work tree.
        let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(outside)?;
        let real = fs::real_path(folder)?.join(name);
        real.strip_prefix(&self.root).map(Path::to_path_buf).map_err(|_| outside())
    }

    /// Returns a file as the last commit has it; `None` where that has none, or where there is no commit yet.
    pub fn head_file(&self, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, GitError> {
        match self.head_entry(path)? {
            Some((kind, id)) => self.file(path, kind, id, limit).map(Some),
            None => Ok(None),
        }
    }

    /// Returns what the last commit has at a path.
    fn head_entry(&self, path: &Path) -> Result<Option<(EntryKind, Oid)>, GitError> {
        let Some(commit) = self.head()? else { return Ok(None) };
        let mut id = self.inner()?.find_commit(commit).map_err(|error| self.refused(error))?.tree_id();
        let mut kind = EntryKind::Folder;
        for name in path {
            if kind != EntryKind::Folder {
                return Ok(None);
            }
            let tree = self.inner()?.find_tree(id).map_err(|error| self.refused(error))?;
            let Some(entry) = tree.get_name_bytes(name.as_bytes()) else { return Ok(None) };
            (id, kind) = (entry.id(), EntryKind::of(entry.filemode_raw().cast_unsigned()));
        }
        Ok(Some((kind, id)))
    }

    /// Returns a file as the index has it, that is, as the next commit will; `None` where the index has none or a
    /// merge has left it undecided.
    pub fn index_file(&self, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, GitError> {
        match self.index()?.get_path(path, 0) {
            Some(entry) if !is_intent(&entry) => self.file(path, EntryKind::of(entry.mode), entry.id, limit).map(Some),
            _ => Ok(None),
        }
    }

    /// Returns what HEAD and the index have at a path: nothing, unless it is a regular file.
    pub fn file_ids(&self, path: &Path) -> Result<[Option<ObjectId>; 2], GitError> {
        let committed = self.head_entry(path)?.filter(|(kind, _)| *kind == EntryKind::File);
        let indexed = self.index()?.get_path(path, 0);
        let indexed = indexed.filter(|entry| !is_intent(entry) && EntryKind::of(entry.mode) == EntryKind::File);
        Ok([committed.map(|(_, id)| ObjectId(id)), indexed.map(|entry| ObjectId(entry.id))])
    }

    /// Returns all files of the index, sorted by path; those only announced by `git add -N` are not in it.
    pub fn index_files(&self) -> Result<Vec<IndexedFile>, GitError> {
        let entries = self.index()?.iter().filter(|entry| !is_intent(entry)).map(|entry| IndexedFile {
            kind: EntryKind::of(entry.mode),
            is_conflicted: (entry.flags >> STAGE_SHIFT) & 3 != 0,
            path: OsString::from_vec(entry.path).into(),
        });
        let mut files: Vec<_> = entries.collect();
        // The versions that a merge has left follow each other.
        files.dedup_by(|later, earlier| later.path == earlier.path);
        Ok(files)
    }

    /// Returns the versions that these files have had in the commits that HEAD comes from, the last one first.
    ///
    /// Lazy: only as much of the history is read as is asked for. Each content of each path comes once.
    pub fn history<'p>(&self, paths: impl IntoIterator<Item = &'p Path>) -> Result<History<'_>, GitError> {
        History::new(self, paths)
    }

    /// Returns the content of a file that an [`ObjectId`] names.
    pub fn content(&self, id: ObjectId, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        let refused = |error: git2::Error| match error.code() {
            ErrorCode::NotFound if self.is_partial() => self.unsupported(Unsupported::PartialClone),
            ErrorCode::NotFound => GitError::MissingObject { id, root: self.root.clone() },
            _ => self.refused(error),
        };
        // The length comes before the content: what is too large is not even unpacked.
        let (length, _) = self.inner()?.odb().and_then(|objects| objects.read_header(id.0)).map_err(refused)?;
        if length > limit {
            return Err(GitError::TooLarge { id, limit });
        }
        Ok(Zeroizing::new(self.inner()?.find_blob(id.0).map_err(refused)?.content().to_vec()))
    }

    /// Returns the beginning of a file, at most `top` bytes.
    ///
    /// A loose object is not unpacked further than that. One in a pack has to be unpacked whole, which is done up to
    /// `limit` bytes.
    pub fn content_top(&self, id: ObjectId, top: usize, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        if let Ok(objects) = self.inner()?.odb()
            && let Ok((object, _, _)) = objects.reader(id.0)
        {
            let mut content = Zeroizing::new(Vec::with_capacity(top));
            if object.take(top as u64).read_to_end(&mut content).is_ok() {
                return Ok(content);
            }
        }
        let mut content = self.content(id, limit)?;
        content.truncate(top);
        Ok(content)
    }

    /// Tells whether `.gitignore` and its like exclude a path from being added.
    pub fn is_ignored(&self, path: &Path) -> Result<bool, GitError> {
        self.inner()?.is_path_ignored(path).map_err(|error| self.refused(error))
    }

    fn with_work_tree(opened: Result<git2::Repository, git2::Error>, folder: &Path) -> Result<Self, GitError> {
        let inner = opened.map_err(|error| GitError::of(folder, error))?;
        let work_tree = inner.workdir().ok_or_else(|| GitError::Bare { path: folder.to_path_buf() })?;
        let root = fs::real_path(work_tree)?;
        Ok(Self::at(root, OnceCell::from(inner)))
    }

    fn at(root: PathBuf, inner: OnceCell<git2::Repository>) -> Self {
        Self { inner, root, index_file: None, index: OnceCell::new() }
    }

    /// Returns the repository as libgit2 reads it.
    fn inner(&self) -> Result<&git2::Repository, GitError> {
        if self.inner.get().is_none() {
            let opened = git2::Repository::open(&self.root).map_err(|error| GitError::of(&self.root, error))?;
            let work_tree = opened.workdir().map(fs::real_path).transpose()?;
            // It was changed since it was found; or it was not as plain as it looked.
            if work_tree.as_deref() != Some(self.root.as_path()) {
                return Err(GitError::Outside { path: work_tree.unwrap_or_default(), root: self.root.clone() });
            }
            // Set by nobody else meanwhile: a cell is one thread's.
            let _ = self.inner.set(opened);
        }
        Ok(self.inner.get().expect("it was set above"))
    }

    /// Returns the commit that HEAD names, `None` before the first one.
    fn head(&self) -> Result<Option<Oid>, GitError> {
        match self.inner()?.head().and_then(|head| head.peel_to_commit()) {
            Ok(commit) => Ok(Some(commit.id())),
            Err(error) if error.code() == ErrorCode::UnbornBranch => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn index(&self) -> Result<&git2::Index, GitError> {
        if self.index.get().is_none() {
            let opened = match &self.index_file {
                Some(file) => git2::Index::open(file),
                None => self.inner()?.index(),
            };
            let index = opened.map_err(|error| self.refused(error))?;
            if index.is_empty() {
                self.refuse_unseen(&index)?;
            }
            // Set by nobody else meanwhile: a cell is one thread's.
            let _ = self.index.set(index);
        }
        Ok(self.index.get().expect("it was set above"))
    }

    /// Refuses an index that is empty only because libgit2 may not look at its file: that it takes for none.
    fn refuse_unseen(&self, index: &git2::Index) -> Result<(), GitError> {
        let Some(path) = index.path() else { return Ok(()) };
        if fs::kind(path)?.is_none() {
            return Ok(());
        }
        // The signature, the version, and the number of entries (gitformat-index).
        match fs::read_top(path, None, 12)?.get(8..) {
            None | Some([0, 0, 0, 0]) => Ok(()),
            Some(_) => Err(self.refused(git2::Error::from_str("its index cannot be read"))),
        }
    }

    fn file(&self, path: &Path, kind: EntryKind, id: Oid, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        match kind {
            EntryKind::File => self.content(ObjectId(id), limit),
            _ => Err(GitError::NotFile { kind, path: path.to_path_buf() }),
        }
    }

    /// Tells whether objects that are missing here are fetched by git when it needs them.
    fn is_partial(&self) -> bool {
        let Some(Ok(config)) = self.inner.get().map(git2::Repository::config) else { return false };
        let has = |pattern| config.entries(Some(pattern)).is_ok_and(|mut entries| entries.next().is_some());
        has(r"^extensions\.partialclone$") || has(r"^remote\..*\.promisor$")
    }

    fn refused(&self, error: git2::Error) -> GitError {
        if error.code() == ErrorCode::NotFound && error.class() == ErrorClass::Odb && self.is_partial() {
            return self.unsupported(Unsupported::PartialClone);
        }
        GitError::of(&self.root, error)
    }

    fn unsupported(&self, what: Unsupported) -> GitError {
        GitError::Unsupported { what, root: self.root.clone() }
    }
}

/// Tells whether a folder looks like a repository without a work tree, by what git itself looks for.
fn looks_bare(folder: &Path) -> Result<bool, GitError> {
    let has = |name: &str| fs::kind(&folder.join(name)).map(|found| found.is_some());
    Ok(has("HEAD")? && has("objects")? && has("refs")?)
}

/// Returns a path without `..`, followed up to the last of them as the system does: behind a symlink, `..` is the
/// folder that it leads into.
fn without_dots(path: &Path) -> Result<PathBuf, GitError> {
    let components: Vec<Component<'_>> = path.components().collect();
    let last = components.iter().rposition(|component| *component == Component::ParentDir);
    let (followed, rest) = components.split_at(last.map_or(0, |last| last + 1));
    let start =
        if followed.is_empty() { PathBuf::new() } else { fs::real_path(&followed.iter().collect::<PathBuf>())? };
    Ok(start.join(rest.iter().collect::<PathBuf>()))
}

/// Tells whether a file is only announced (`git add -N`) and has no content yet.
fn is_intent(entry: &git2::IndexEntry) -> bool {
    IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_intent_to_add()
}

/// Tells whether a tree's entry is a regular file; old repositories have a third mode for that.
fn is_file(mode: i32) -> bool {
    [FileMode::Blob, FileMode::BlobExecutable, FileMode::BlobGroupWritable].iter().any(|file| i32::from(*file) == mode)
}

/// Where an index entry's flags have its stage: 0, or 1 to 3 in a merge (gitformat-index, "flags").
const STAGE_SHIFT: u16 = 12;

#[cfg(test)]
mod tests {
    use std::fs as std_fs;
    use std::os::unix::fs::symlink;

    use super::fixture::World;
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn text(file: Option<Zeroizing<Vec<u8>>>) -> Option<String> {
        file.map(|bytes| String::from_utf8(bytes.to_vec()).expect("UTF-8"))
    }

    fn head(repository: &Repository, path: &str) -> Option<String> {
        text(repository.head_file(Path::new(path), LIMIT).expect("HEAD is readable"))
    }

    fn index(repository: &Repository, path: &str) -> Option<String> {
        text(repository.index_file(Path::new(path), LIMIT).expect("the index is readable"))
    }

    fn paths(repository: &Repository) -> Vec<String> {
        let files = repository.index_files().expect("the index is readable");
        files.into_iter().map(|file| file.path.into_os_string().into_string().expect("UTF-8")).collect()
    }

    #[test]
    fn a_repository_is_found_from_every_folder_in_it() {
        let world = World::new();
        std_fs::create_dir_all(world.path("a/b c")).expect("folders");
        for folder in ["", "a", "a/b c"] {
            assert_eq!(world.open(folder).root(), world.root());
        }
    }

    #[test]
    fn outside_of_git_there_is_no_repository() {
        let world = World::new();
        let outside = world.root().parent().expect("a folder");
        assert!(Repository::discover(outside).expect("nothing is wrong").is_none());
        std_fs::create_dir_all(outside.join("other/.git")).expect("a folder that git passes by");
        assert!(Repository::discover(&outside.join("other")).expect("nothing is wrong").is_none());
    }

    #[test]
    fn a_bare_repository_is_refused_also_one_that_was_committed_as_files() {
        let world = World::new();
        world.git(&["init", "--quiet", "--bare", "embedded"]);
        // So it would pass for a repository with a work tree of the attacker's choice.
        world.git(&["--git-dir=embedded", "config", "core.bare", "false"]);
        world.git(&["--git-dir=embedded", "config", "core.worktree", ".."]);
        for folder in ["embedded", "embedded/refs", ".git", ".git/objects"] {
            let found = Repository::discover(&world.path(folder));
            assert!(matches!(found, Err(GitError::Bare { .. })), "{folder}");
        }
        world.git(&["config", "core.bare", "true"]);
        assert!(matches!(Repository::discover(world.root()), Err(GitError::Bare { .. })));
    }

    #[test]
    fn head_and_index_are_told_apart() {
        let world = World::new();
        let empty = world.open("");
        assert_eq!((head(&empty, "a b/c"), index(&empty, "a b/c"), paths(&empty).len()), (None, None, 0));
        world.commit(&[("a b/c", "committed"), ("d", "d")]);
        world.write("a b/c", "staged");
        world.git(&["add", "."]);
        world.write("a b/c", "in the work tree");
        world.git(&["rm", "--quiet", "--cached", "d"]);
        let repository = world.open("");
        assert_eq!(head(&repository, "a b/c").as_deref(), Some("committed"));
        assert_eq!(index(&repository, "a b/c").as_deref(), Some("staged"));
        assert_eq!((head(&repository, "d").as_deref(), index(&repository, "d")), (Some("d"), None));
        for path in ["none", "a b/none", "d/deeper"] {
            assert_eq!((head(&repository, path), index(&repository, path)), (None, None), "{path}");
        }
        assert_eq!(paths(&repository), ["a b/c"]);
    }

    #[test]
    fn what_is_no_file_is_an_error() {
        let world = World::new();
        world.write("folder/file", "x");
        symlink("folder/file", world.path("link")).expect("a link");
        world.git(&["add", "."]);
        world.git(&["commit", "--quiet", "--message", "x"]);
        let repository = world.open("");
        for (path, kind) in [("link", EntryKind::Symlink), ("folder", EntryKind::Folder), ("", EntryKind::Folder)] {
            let found = repository.head_file(Path::new(path), LIMIT);
            assert!(matches!(found, Err(GitError::NotFile { kind: found, .. }) if found == kind), "{path}");
        }
        let indexed = repository.index_file(Path::new("link"), LIMIT);
        assert!(matches!(indexed, Err(GitError::NotFile { kind: EntryKind::Symlink, .. })));
        let kinds: Vec<_> = repository.index_files().expect("an index").iter().map(|file| file.kind).collect();
        assert_eq!(kinds, [EntryKind::File, EntryKind::Symlink]);
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused() {
        let world = World::new();
        world.commit(&[("file", "12345")]);
        let repository = world.open("");
        assert!(repository.head_file(Path::new("file"), 5).is_ok());
        assert!(matches!(repository.head_file(Path::new("file"), 4), Err(GitError::TooLarge { limit: 4, .. })));
    }

    #[test]
    fn an_undecided_merge_is_visible_and_has_no_file_in_the_index() {
        let world = World::new();
        world.commit(&[("file", "base"), ("other", "x")]);
        world.git(&["checkout", "--quiet", "-b", "theirs"]);
        world.commit(&[("file", "theirs")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("file", "ours")]);
        assert!(!world.try_git(&["merge", "--quiet", "theirs"]));
        let repository = world.open("");
        assert_eq!(index(&repository, "file"), None);
        let files = repository.index_files().expect("an index");
        let conflicted: Vec<_> = files.iter().map(|file| (file.path.to_str(), file.is_conflicted)).collect();
        assert_eq!(conflicted, [(Some("file"), true), (Some("other"), false)]);
    }

    #[test]
    fn an_announced_file_is_not_in_the_index() {
        let world = World::new();
        world.write("new", "plaintext");
        world.git(&["add", "--intent-to-add", "new"]);
        let repository = world.open("");
        assert_eq!((index(&repository, "new"), paths(&repository).len()), (None, 0));
    }

    #[test]
    fn index_version_4_is_read() {
        let world = World::new();
        world.commit(&[("secrets/a", "a"), ("secrets/b c", "b")]);
        world.git(&["update-index", "--index-version", "4"]);
        let repository = world.open("");
        assert_eq!(paths(&repository), ["secrets/a", "secrets/b c"]);
        assert_eq!(index(&repository, "secrets/b c").as_deref(), Some("b"));
    }

    #[test]
    fn another_index_file_is_read_instead() {
        let world = World::new();
        world.commit(&[("file", "old")]);
        std_fs::copy(world.path(".git/index"), world.path("other-index")).expect("a copy");
        world.commit(&[("file", "new")]);
        let repository = world.open("").with_index_file(world.path("other-index"));
        assert_eq!(index(&repository, "file").as_deref(), Some("old"));
    }

    #[test]
    fn a_linked_work_tree_has_a_root_head_and_index_of_its_own() {
        let world = World::new();
        world.commit(&[("file", "main")]);
        world.git(&["worktree", "add", "--quiet", "-b", "linked", "../linked tree"]);
        let linked = world.beside("linked tree");
        std_fs::write(linked.join("file"), "linked").expect("a file");
        world.git_in(&linked, &["commit", "--quiet", "--all", "--message", "x"]);
        let repository = Repository::discover(&linked).expect("nothing is wrong").expect("a repository");
        assert_eq!(repository.root(), linked);
        assert_eq!(repository.relative(&linked.join("file")).expect("inside"), Path::new("file"));
        assert_eq!(
            (head(&repository, "file").as_deref(), index(&repository, "file").as_deref()),
            (Some("linked"), Some("linked"))
        );
        assert_eq!(head(&world.open(""), "file").as_deref(), Some("main"));
    }

    #[test]
    fn a_submodule_is_a_repository_of_its_own() {
        let (outer, inner) = (World::new(), World::new());
        inner.commit(&[("file", "inner")]);
        let url = inner.root().to_str().expect("UTF-8");
        outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "sub module"]);
        let repository = outer.open("sub module");
        assert_eq!(repository.root(), outer.path("sub module"));
        assert_eq!(head(&repository, "file").as_deref(), Some("inner"));
        let files = outer.open("").index_files().expect("an index");
        let submodule = files.iter().find(|file| file.path == Path::new("sub module")).expect("it is listed");
        assert_eq!(submodule.kind, EntryKind::Submodule);
    }

    #[test]
    fn paths_are_relative_to_the_root_and_links_in_the_work_tree_are_not_followed() {
        let world = World::new();
        world.write("secrets/prod/db", "x");
        symlink("secrets/prod", world.path("link")).expect("a link");
        symlink(".", world.path("self")).expect("a link");
        symlink(world.root(), world.beside("to-root")).expect("a link");
        symlink(world.path("secrets"), world.beside("to-secrets")).expect("a link");
        let repository = world.open("");
        let cases = [
            (world.path("secrets/prod/db"), "secrets/prod/db"),
            (world.path("secrets/./new/file"), "secrets/new/file"),
            (world.path("link/db"), "link/db"),
            (world.path("self/secrets/prod/db"), "self/secrets/prod/db"),
            (world.path("link/../prod/db"), "secrets/prod/db"),
            (world.beside("to-root/secrets/prod/db"), "secrets/prod/db"),
            (world.beside("to-root/link/db"), "link/db"),
            (world.beside("to-secrets/db"), "secrets/db"),
            (world.root().to_path_buf(), ""),
        ];
        for (path, relative) in cases {
            assert_eq!(repository.relative(&path).expect("inside"), Path::new(relative), "{}", path.display());
        }
        for path in [world.beside("x"), world.path("../x"), PathBuf::from("/"), world.beside("repository-2/x")] {
            assert!(repository.relative(&path).is_err(), "{}", path.display());
        }
    }

    #[test]
    fn ignored_paths_are_known() {
        let world = World::new();
        world.write(".gitignore", "*.plain\n/build/\n");
        let repository = world.open("");
        let ignored = |path: &str| repository.is_ignored(Path::new(path)).expect("rules");
        assert_eq!(["a/x.plain", "build/x", "x.yaml"].map(ignored), [true, true, false]);
    }

    #[test]
    fn formats_that_libgit2_does_not_know_are_named() {
        let unsupported = |error: Option<GitError>| match error {
            Some(GitError::Unsupported { what, .. }) => Some(what),
            _ => None,
        };
        let discover = |settings: &str| {
            let world = World::new();
            let written = std_fs::read_to_string(world.path(".git/config")).expect("a configuration");
            world.write(".git/config", &written.replace("repositoryformatversion = 0\n", settings));
            unsupported(Repository::discover(world.root()).err())
        };
        let extension = |setting: &str| format!("repositoryformatversion = 1\n[extensions]\n{setting}\n[core]\n");
        assert_eq!(discover(&extension("objectFormat = sha256")), Some(Unsupported::ObjectFormat));
        assert_eq!(discover(&extension("refStorage = reftable")), Some(Unsupported::References));
        assert_eq!(discover(&extension("unheardOf = true")), Some(Unsupported::Extension));
        assert_eq!(discover("repositoryformatversion = 9\n"), Some(Unsupported::Extension));
        let index = |commands: &[&[&str]]| {
            let world = World::new();
            world.commit(&[("a/file", "x"), ("b/file", "x")]);
            for arguments in commands {
                world.git(arguments);
            }
            let repository = world.open("");
            assert_eq!(head(&repository, "a/file").as_deref(), Some("x"));
            unsupported(repository.index_files().err())
        };
        assert_eq!(index(&[&["update-index", "--split-index"]]), Some(Unsupported::Index));
        assert_eq!(index(&[&["sparse-checkout", "set", "--cone", "--sparse-index", "a"]]), Some(Unsupported::Index));
    }

    #[test]
    fn a_file_that_a_partial_clone_lacks_is_named_and_not_fetched() {
        let world = World::new();
        world.commit(&[("file", "old")]);
        world.git(&["config", "uploadpack.allowFilter", "true"]);
        let url = format!("file://{}", world.root().display());
        world.git(&["clone", "--quiet", "--no-checkout", "--filter=blob:none", &url, "../clone"]);
        let clone = Repository::discover(&world.beside("clone")).expect("nothing is wrong").expect("a repository");
        let found = clone.head_file(Path::new("file"), LIMIT);
        assert!(matches!(found, Err(GitError::Unsupported { what: Unsupported::PartialClone, .. })));
    }

    #[test]
    fn a_missing_object_is_an_error_and_not_a_missing_file() {
        let world = World::new();
        world.commit(&[("folder/file", "x")]);
        let id = world.said(&["rev-parse", "HEAD:folder/file"]);
        std_fs::remove_file(world.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).expect("an object");
        let found = world.open("").head_file(Path::new("folder/file"), LIMIT);
        assert!(matches!(found, Err(GitError::MissingObject { .. })));
    }

    #[test]
    fn a_repository_of_another_user_is_refused() {
        const CHILD: &str = "SECRET_TEST_OWNER";
        if let Some(folder) = std::env::var_os(CHILD) {
            let found = Repository::discover(Path::new(&folder));
            assert!(matches!(found, Err(GitError::ForeignOwned { .. })), "{:?}", found.err());
        } else if rustix::process::geteuid().is_root() {
            // Only root can give files away. In a process of its own, as libgit2 reads `safe.directory` from the home.
            let world = World::new();
            for path in ["", ".git"] {
                std::os::unix::fs::chown(world.path(path), Some(1234), Some(1234)).expect("root may");
            }
            let child = std::process::Command::new(std::env::current_exe().expect("this program"))
                .args(["git::tests::a_repository_of_another_user_is_refused", "--exact"])
                .env(CHILD, world.root())
                .env("HOME", world.beside("home"))
                .env_remove("XDG_CONFIG_HOME")
                .output()
                .expect("the test runs");
            let said = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success() && said.contains("1 passed"), "{said}");
        }
    }

    #[test]
    fn no_program_that_the_configuration_names_is_run() {
        let world = World::new();
        world.write(".gitattributes", "* filter=spy diff=spy merge=spy\n");
        world.commit(&[("file", "x"), ("folder/file", "y")]);
        let canary = world.beside("canary");
        let spy = format!("touch '{}'", canary.display());
        for key in [
            "core.fsmonitor",
            "core.hooksPath",
            "core.pager",
            "core.editor",
            "core.sshCommand",
            "core.askPass",
            "filter.spy.clean",
            "filter.spy.smudge",
            "filter.spy.process",
            "diff.spy.textconv",
            "diff.spy.command",
            "diff.external",
            "merge.spy.driver",
            "credential.helper",
            "gpg.program",
            "alias.status",
            "uploadpack.packObjectsHook",
        ] {
            world.git(&["config", key, &spy]);
        }
        let repository = world.open("folder");
        head(&repository, "file");
        index(&repository, "file");
        paths(&repository);
        repository.is_ignored(Path::new("file")).expect("rules");
        assert_eq!(repository.history([Path::new("file")]).expect("a history").count(), 1);
        assert!(!canary.exists());
    }
}
