//! Finding the repository that a folder is in, and the place of paths in it.

use std::path::{Component, Path, PathBuf};

use git2::ErrorCode;

use super::libgit2::Libgit2;
use super::{GitError, Repository, Unsupported, plain};
use crate::fs;

impl Repository {
    /// Opens the repository that a folder is in, `None` where there is none. The folder's path has no symlinks.
    ///
    /// # Errors
    /// When the repository belongs to another user and `safe.directory` does not name it, and when it has no work tree.
    pub fn discover(start: &Path) -> Result<Option<Self>, GitError> {
        for folder in start.ancestors() {
            if fs::kind(&folder.join(".git"))?.is_some() {
                if plain::is_plain(folder)? {
                    return Ok(Some(Self::at(folder.to_path_buf(), None)));
                }
                match git2::Repository::open(folder) {
                    // Git, too, passes by a `.git` that is no repository. What looks like one and cannot be read must
                    // not be passed by: its history and policy count.
                    Err(error) if error.code() == ErrorCode::NotFound && !looks_bare(&folder.join(".git"))? => {}
                    Err(error) => return Self::of_another_format(folder, GitError::of(folder, error)).map(Some),
                    Ok(opened) => return Self::with_work_tree(opened, folder).map(Some),
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

    /// Returns git's own folder of this work tree: of a linked one, or of a submodule, the one that its `.git` names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn git_folder(&self) -> Result<PathBuf, GitError> {
        let path = self.root.join(".git");
        if fs::kind(&path)? != Some(fs::Kind::File) {
            return Ok(path);
        }
        let text = fs::read(&path, None, MAX_LINK)?;
        let text = String::from_utf8_lossy(&text);
        let named = text.strip_prefix("gitdir:").map(|named| self.root.join(named.trim()));
        Ok(named.unwrap_or(path))
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
        // The root's path has no symlinks, so no folder above it can be the root.
        if let Ok(relative) = path.strip_prefix(&self.root) {
            return Ok(relative.to_path_buf());
        }
        if let Some(root) = ancestors.iter().rev().find(is_root) {
            return path.strip_prefix(root).map(Path::to_path_buf).map_err(|_| outside());
        }
        // A link from outside that leads into the midst of the work tree.
        let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(outside)?;
        let real = fs::real_path(folder)?.join(name);
        real.strip_prefix(&self.root).map(Path::to_path_buf).map_err(|_| outside())
    }

    /// Takes a repository that libgit2 cannot open for its format; git itself may.
    fn of_another_format(folder: &Path, error: GitError) -> Result<Self, GitError> {
        let GitError::Unsupported { what, root } = error else { return Err(error) };
        // Nobody has looked at `safe.directory` yet.
        if !fs::is_own_folder(folder) {
            return Err(GitError::ForeignOwned { root });
        }
        match what {
            // Unknown to git too, as likely as not: who makes such a claim must say more than that.
            Unsupported::Extension => Err(GitError::Unsupported { what, root }),
            what => Ok(Self::at(root, Some(what))),
        }
    }

    fn with_work_tree(inner: git2::Repository, folder: &Path) -> Result<Self, GitError> {
        let work_tree = inner.workdir().ok_or_else(|| GitError::Bare { path: folder.to_path_buf() })?;
        let root = fs::real_path(work_tree)?;
        let found = Self::at(root, None);
        let _ = found.libgit2.set(Libgit2::new(inner, &found.root));
        Ok(found)
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

/// How long the name of a folder in a `.git` may be.
const MAX_LINK: usize = 64 << 10;
