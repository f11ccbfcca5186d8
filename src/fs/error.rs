//! Why the file system refused, on which path and in which step. Never shows what a file holds.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::{JournalProblem, Kind};

/// A file or folder that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FsError {
    /// Another process replaces several files in one step.
    #[error("another secret is rekeying here: {} is in use", path.display())]
    Busy {
        /// The journal.
        path: PathBuf,
    },
    /// The file is no longer what the caller had read.
    #[error("{} was changed meanwhile", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Something stands where a new file should be created.
    #[error("{} exists already", path.display())]
    Exists {
        /// What exists.
        path: PathBuf,
    },
    /// The system refused a step.
    #[error("cannot {step} {}", path.display())]
    Io {
        /// What was tried.
        step: Step,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A journal that cannot be used.
    #[error("{}: {problem}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        problem: JournalProblem,
    },
    /// A symlink where none is followed.
    #[error("{} is a symlink, which is not followed here", path.display())]
    Link {
        /// The symlink.
        path: PathBuf,
    },
    /// Another process held the lock on a folder for longer than one waits.
    #[error("another secret is writing in {}", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// Nothing stands at this path.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// There is neither a folder in memory nor a cache folder.
    #[error("no place for a private folder: set XDG_RUNTIME_DIR, XDG_CACHE_HOME or HOME")]
    NoPrivatePlace,
    /// A folder, fifo, socket, device, or a symlink that leads nowhere, where a file is needed.
    #[error("{} is a {kind}, not a file", path.display())]
    NotFile {
        /// What stands there.
        kind: Kind,
        /// The path.
        path: PathBuf,
    },
    /// A file of settings that somebody else can change.
    #[error("{} can be changed by other users", path.display())]
    NotOwn {
        /// The file.
        path: PathBuf,
    },
    /// A symlink or `..` leads out of the folder that the command works in.
    #[error("{} leads out of {}", path.display(), root.display())]
    Outside {
        /// The path as given.
        path: PathBuf,
        /// The folder it has to stay in.
        root: PathBuf,
    },
    /// The user may not do this.
    #[error("no permission to {step} {}", path.display())]
    Permission {
        /// What was tried.
        step: Step,
        /// With which file or folder.
        path: PathBuf,
    },
    /// The storage gave back other bytes than were written.
    #[error("what was written beside {} reads back differently", path.display())]
    ReadBack {
        /// The file that should have been replaced.
        path: PathBuf,
    },
    /// Several files were to be replaced, and only some were.
    #[error("some files are replaced, and others are not yet: {} says which", path.display())]
    Unfinished {
        /// The journal.
        path: PathBuf,
    },
    /// The file is larger than the caller takes.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most bytes it may have.
        limit: usize,
    },
}

impl FsError {
    /// Builds the error for a refused step; the common refusals have a variant of their own.
    pub(super) fn io(step: Step, path: &Path, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.to_path_buf(), source.into());
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::PermissionDenied => Self::Permission { step, path },
            _ => Self::Io { step, path, source },
        }
    }
}

/// What was tried when the system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Create a file or folder.
    Create,
    /// Find out what is in a folder.
    List,
    /// Lock a folder.
    Lock,
    /// Open a file or folder.
    Open,
    /// Give a new file its mode.
    Protect,
    /// Read a file.
    Read,
    /// Remove a file or folder.
    Remove,
    /// Put a finished new file in the place of the old one.
    Replace,
    /// Have the storage keep what was written.
    Sync,
    /// Be told of signals, to remove private files before the process ends.
    Watch,
    /// Write a new file.
    Write,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Lock => "lock",
            Self::Open => "open",
            Self::Protect => "set the mode of",
            Self::Read => "read",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Sync => "flush to disk",
            Self::Watch => "watch signals for",
            Self::Write => "write",
        })
    }
}
