//! Why git's data could not be read.

use std::fmt;
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode};

use super::{EntryKind, ObjectId};
use crate::fs::FsError;
use crate::process::ProcessError;

/// A repository, or something in it, that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// A repository without a work tree, or a folder inside of `.git`.
    #[error("{} is a git repository without a work tree", path.display())]
    Bare {
        /// The folder.
        path: PathBuf,
    },
    /// An object is of another sort than it must be, or says what none can say.
    #[error("object {id} of the git repository {} is broken", root.display())]
    BrokenObject {
        /// The object.
        id: ObjectId,
        /// The repository's folder.
        root: PathBuf,
    },
    /// The repository belongs to another user, who could have made it to harm this one.
    #[error("the git repository {} belongs to another user", root.display())]
    ForeignOwned {
        /// Its folder.
        root: PathBuf,
    },
    /// A folder could not be looked at.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Git's data is damaged, or not readable for another reason.
    #[error("cannot read the git repository {}: {said}", root.display())]
    Git {
        /// Its folder.
        root: PathBuf,
        /// What libgit2 said, without its numbers.
        said: String,
        /// Whether an object is damaged, and libgit2 does not say which.
        is_damaged: bool,
    },
    /// The repository names an object that it does not have.
    #[error("the git repository {} lacks object {id}", root.display())]
    MissingObject {
        /// The object.
        id: ObjectId,
        /// The repository's folder.
        root: PathBuf,
        /// Whether the history of this clone was cut off.
        is_shallow: bool,
    },
    /// In git, something else than a file stands at this path.
    #[error("{} is a {kind} in git, not a file", path.display())]
    NotFile {
        /// What stands there.
        kind: EntryKind,
        /// The path, relative to the root.
        path: PathBuf,
    },
    /// The git program, which was asked as libgit2 does not know the format, could not answer.
    #[error("the git repository {} uses {what}; git, which could read that, said: {said}", root.display())]
    Answer {
        /// Its folder.
        root: PathBuf,
        /// What it said.
        said: String,
        /// What libgit2 does not know.
        what: Unsupported,
    },
    /// The git program is needed, as libgit2 does not know the format, and cannot be run.
    #[error("the git repository {} uses {what}, which only the git program can read", root.display())]
    NoProgram {
        /// Its folder.
        root: PathBuf,
        /// Why it cannot be run.
        #[source]
        source: ProcessError,
        /// What libgit2 does not know.
        what: Unsupported,
    },
    /// A path that is not in the work tree.
    #[error("{} is outside of the git repository {}", path.display(), root.display())]
    Outside {
        /// The path.
        path: PathBuf,
        /// The repository's folder.
        root: PathBuf,
    },
    /// A file in git that is larger than the caller takes.
    #[error("git object {id} is larger than {limit} bytes")]
    TooLarge {
        /// The file's content.
        id: ObjectId,
        /// The most bytes it may have.
        limit: usize,
    },
    /// A revision that names no commit.
    #[error("{revision:?} names no commit of the git repository {}", root.display())]
    UnknownRevision {
        /// What was given.
        revision: String,
        /// The repository's folder.
        root: PathBuf,
    },
    /// The repository has a format that libgit2 does not know.
    #[error("the git repository {} uses {what}, which secret cannot read yet", root.display())]
    Unsupported {
        /// What it uses.
        what: Unsupported,
        /// Its folder.
        root: PathBuf,
    },
}

/// A format of git's that libgit2 does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// Another extension of the repository format.
    Extension,
    /// A split or sparse index.
    Index,
    /// Another hash than SHA-1.
    ObjectFormat,
    /// Objects that are still to be fetched.
    PartialClone,
    /// References in another form than files.
    References,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Extension => "an extension of the repository format",
            Self::Index => "a split or sparse index",
            Self::ObjectFormat => "SHA-256 object names",
            Self::PartialClone => "objects that are not here (partial clone)",
            Self::References => "reftable references",
        })
    }
}

/// Tells whether libgit2 could not read an object that is there.
pub(super) fn is_damage(error: &git2::Error) -> bool {
    let is_of_objects =
        matches!(error.class(), ErrorClass::Object | ErrorClass::Odb | ErrorClass::Tree | ErrorClass::Zlib);
    is_of_objects && error.code() != ErrorCode::NotFound
}

impl GitError {
    /// Tells apart what libgit2 refuses; for formats it has no code, only these words of repository.c and index.c.
    pub(super) fn of(root: &Path, source: git2::Error) -> Self {
        let root = root.to_path_buf();
        let says = |words: &str| source.message().contains(words);
        let what = match () {
            () if source.code() == ErrorCode::Owner => return Self::ForeignOwned { root },
            () if says("unknown object format") || says("extensions.objectformat") => Unsupported::ObjectFormat,
            () if says("extensions.refstorage") => Unsupported::References,
            () if says("unsupported mandatory extension") => Unsupported::Index,
            () if says("unsupported extension name") || says("unsupported repository version") => {
                Unsupported::Extension
            }
            () => {
                let is_damaged = is_damage(&source);
                return Self::Git { root, said: source.message().to_owned(), is_damaged };
            }
        };
        Self::Unsupported { what, root }
    }
}
