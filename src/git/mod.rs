//! What git knows of the files of a work tree: HEAD, the index, the history.
//!
//! Only reads, and runs no program that a configuration names: no filter, hook, pager or monitor. libgit2 reads it;
//! where that does not know the format (SHA-256, reftable, split or sparse index) git itself is asked, if the caller
//! has said where programs are ([`Repository::with_programs`]). Which repository it is depends on the folder alone;
//! `GIT_DIR` and its like are not obeyed. Knows nothing of secrets.

#![cfg_attr(test, allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests make repositories"))]

mod blobs;
mod changes;
mod converted;
mod differences;
mod discover;
mod error;
mod file_log;
#[cfg(test)]
mod fixture;
mod history;
mod index;
mod libgit2;
mod merge_file;
mod object;
mod past;
mod plain;
mod plumbing;
mod revision;
mod settings;
mod stages;
mod store;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use changes::{Changed, Sides};
pub use converted::keeps_converted_texts;
pub use differences::{Difference, FileVersion, Side};
pub use error::{GitError, Unsupported};
pub use file_log::{FileCommit, FileLog, Former};
pub use history::{History, PastFile};
pub use index::{Index, IndexEntry, IndexedFile};
pub use merge_file::{MergedLines, merge_lines};
pub use object::{Commit, EntryKind, ObjectId, ObjectKind, Tree, TreeEntry};
pub use past::{Past, PastVersion};
pub use revision::CommitInfo;
pub use settings::Attribute;
pub use stages::Stages;

use crate::env::Env;
use crate::fs;
use crate::process::GitProgram;
use index::spelled;
use libgit2::Libgit2;
use plumbing::Plumbing;
use store::Store;

/// A repository with a work tree. Paths inside of it are relative to its root, with `/`.
pub struct Repository {
    root: PathBuf,
    index_file: Option<PathBuf>,
    index: OnceCell<Index>,
    /// Opened when something is read of it.
    libgit2: OnceCell<Libgit2>,
    /// Why libgit2 cannot open it.
    unsupported: Option<Unsupported>,
    program: Option<GitProgram>,
    plumbing: OnceCell<Plumbing>,
}

impl Repository {
    fn at(root: PathBuf, unsupported: Option<Unsupported>) -> Self {
        Self {
            root,
            index_file: None,
            index: OnceCell::new(),
            libgit2: OnceCell::new(),
            unsupported,
            program: None,
            plumbing: OnceCell::new(),
        }
    }

    /// Lets the git program of this environment read what libgit2 cannot.
    #[must_use]
    pub fn with_programs(self, env: &Env) -> Self {
        Self { program: Some(GitProgram::new(env, &self.root)), ..self }
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
        self.store().and_then(Store::is_shallow).unwrap_or(false)
    }

    /// Returns a file as the last commit has it; `None` where that has none, or where there is no commit yet.
    pub fn head_file(&self, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, GitError> {
        match self.head()? {
            Some(head) => self.file_at(head, path, limit),
            None => Ok(None),
        }
    }

    /// Returns a file as a commit has it.
    pub fn file_at(&self, commit: ObjectId, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, GitError> {
        match self.entry_at(commit, path)? {
            Some((kind, id)) => self.file(path, kind, id, limit).map(Some),
            None => Ok(None),
        }
    }

    /// Returns what a commit has at a path.
    pub fn entry_at(&self, commit: ObjectId, path: &Path) -> Result<Option<(EntryKind, ObjectId)>, GitError> {
        let store = self.store()?;
        let mut id = store.commit(commit)?.tree;
        let mut kind = EntryKind::Folder;
        for name in path {
            if kind != EntryKind::Folder {
                return Ok(None);
            }
            let tree = store.tree(id)?;
            let Some(entry) = tree.find(spelled(Path::new(name))) else { return Ok(None) };
            (id, kind) = (entry.id, entry.kind);
        }
        Ok(Some((kind, id)))
    }

    /// Returns a file as the index has it, that is, as the next commit will; `None` where the index has none or a
    /// merge has left it undecided.
    pub fn index_file(&self, path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, GitError> {
        match self.index()?.find(spelled(path)) {
            Some(entry) => self.file(path, entry.kind, entry.id, limit).map(Some),
            None => Ok(None),
        }
    }

    /// Returns what HEAD and the index have at a path: nothing, unless it is a regular file.
    pub fn file_ids(&self, path: &Path) -> Result<[Option<ObjectId>; 2], GitError> {
        let committed = self.head()?.map(|head| self.entry_at(head, path)).transpose()?.flatten();
        let indexed = self.index()?.find(spelled(path)).map(|entry| (entry.kind, entry.id));
        Ok([committed, indexed].map(|entry| entry.filter(|(kind, _)| *kind == EntryKind::File).map(|(_, id)| id)))
    }

    /// Returns all files of the index, sorted by path; those only announced by `git add -N` are not in it.
    pub fn index_files(&self) -> Result<Vec<IndexedFile>, GitError> {
        Ok(self.index()?.files())
    }

    /// Returns the versions that these files have had in the commits that HEAD comes from, the last one first.
    ///
    /// Lazy: only as much of the history is read as is asked for. Each content of each path comes once.
    pub fn history<'p>(&self, paths: impl IntoIterator<Item = &'p Path>) -> Result<History<'_>, GitError> {
        History::new(self, self.head()?, paths)
    }

    /// As [`Self::history`], of the commits that another commit comes from.
    pub fn history_of<'p>(
        &self,
        commit: ObjectId,
        paths: impl IntoIterator<Item = &'p Path>,
    ) -> Result<History<'_>, GitError> {
        History::new(self, Some(commit), paths)
    }

    /// Returns the content of a file that an [`ObjectId`] names.
    pub fn content(&self, id: ObjectId, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        self.store()?.object(id, ObjectKind::Blob, limit)
    }

    /// Returns the beginning of a file, at most `top` bytes.
    ///
    /// A loose object is not unpacked further than that. One in a pack has to be unpacked whole, which is done up to
    /// `limit` bytes.
    pub fn content_top(&self, id: ObjectId, top: usize, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        self.store()?.top(id, top, limit)
    }

    /// Returns the commit that HEAD names, `None` before the first one.
    pub fn head(&self) -> Result<Option<ObjectId>, GitError> {
        self.store()?.head()
    }

    /// Returns the commit that a revision names (`main`, `HEAD~2`, a hash).
    ///
    /// # Errors
    /// When it names none, or what it names cannot be read.
    pub fn commit_named(&self, revision: &str) -> Result<ObjectId, GitError> {
        let unknown = || GitError::UnknownRevision { revision: revision.to_owned(), root: self.root.clone() };
        self.store()?.resolve(revision)?.ok_or_else(unknown)
    }

    /// Returns what a commit says.
    pub fn commit(&self, id: ObjectId) -> Result<Commit, GitError> {
        self.store()?.commit(id)
    }

    /// Returns a folder of a commit.
    pub fn tree(&self, id: ObjectId) -> Result<Tree, GitError> {
        self.store()?.tree(id)
    }

    /// Returns the commits of `after..to`, merge commits too, parents before children.
    pub fn range(&self, after: ObjectId, to: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        self.store()?.range(after, to)
    }

    /// Returns the best commit that both come from.
    pub fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, GitError> {
        self.store()?.merge_base(one, other)
    }

    /// Returns what the next commit will hold.
    pub fn index(&self) -> Result<&Index, GitError> {
        if self.index.get().is_none() {
            let file = self.index_file.as_deref();
            let index = match self.store()?.index(file) {
                // Only the index is of another format; the rest libgit2 has read.
                Err(error @ GitError::Unsupported { what: Unsupported::Index, .. }) => {
                    self.plumbing(error)?.index(file)?
                }
                index => index?,
            };
            // Set by nobody else meanwhile: a cell is one thread's.
            let _ = self.index.set(index);
        }
        Ok(self.index.get().expect("it was set above"))
    }

    fn file(&self, path: &Path, kind: EntryKind, id: ObjectId, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        match kind {
            EntryKind::File => self.content(id, limit),
            _ => Err(GitError::NotFile { kind, path: path.to_path_buf() }),
        }
    }

    /// Returns who reads objects and references.
    fn store(&self) -> Result<&dyn Store, GitError> {
        match self.unsupported {
            Some(_) => Ok(self.plumbed()?),
            None => Ok(self.opened()?),
        }
    }

    /// Returns the git program for a repository that libgit2 cannot open.
    fn plumbed(&self) -> Result<&Plumbing, GitError> {
        let what = self.unsupported.unwrap_or(Unsupported::Extension);
        self.plumbing(GitError::Unsupported { what, root: self.root.clone() })
    }

    /// Returns the git program; without one the error that it was to help against.
    fn plumbing(&self, error: GitError) -> Result<&Plumbing, GitError> {
        if self.plumbing.get().is_none() {
            let Some(program) = &self.program else { return Err(error) };
            let _ = self.plumbing.set(Plumbing::start(program, &self.root, error)?);
        }
        Ok(self.plumbing.get().expect("it was set above"))
    }

    /// Returns the repository as libgit2 reads it.
    fn inner(&self) -> Result<&git2::Repository, GitError> {
        Ok(&self.opened()?.inner)
    }

    fn opened(&self) -> Result<&Libgit2, GitError> {
        if self.libgit2.get().is_none() {
            if let Some(what) = self.unsupported {
                return Err(GitError::Unsupported { what, root: self.root.clone() });
            }
            let opened = Libgit2::open(&self.root)?;
            let work_tree = opened.inner.workdir().map(fs::real_path).transpose()?;
            // It was changed since it was found; or it was not as plain as it looked.
            if work_tree.as_deref() != Some(self.root.as_path()) {
                return Err(GitError::Outside { path: work_tree.unwrap_or_default(), root: self.root.clone() });
            }
            // Set by nobody else meanwhile: a cell is one thread's.
            let _ = self.libgit2.set(opened);
        }
        Ok(self.libgit2.get().expect("it was set above"))
    }

    fn refused(&self, error: git2::Error) -> GitError {
        match self.libgit2.get() {
            Some(opened) => opened.refused(error),
            None => GitError::of(&self.root, error),
        }
    }
}
