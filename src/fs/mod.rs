//! The only part that touches files: bounded reading, atomic replacing under a lock, private files and folders.
//!
//! Paths are absolute; where a [`Root`] is given, no symlink leads out of it. Knows nothing of git, formats or keys.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the one place that touches files")]

mod access;
mod error;
#[cfg(test)]
mod fixture;
mod folder;
mod journal;
mod lock;
mod outputs;
mod place;
mod private;
mod read;
mod replace;
mod scratch;
mod stream;
#[cfg(test)]
mod unprivileged;
mod walk;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use access::{Access, Reach, access};
pub use error::{FsError, Step};
pub use folder::OpenFolder;
pub use journal::{Journal, JournalProblem, Needs, Pending, Prepared, Recovery, pending, recover};
pub use lock::{FolderLock, is_temporary};
pub use outputs::{Outputs, StagedOutput};
pub use place::{Kind, Root};
pub use private::{create_folder, create_private, create_private_folder};
pub use read::{Snapshot, read, read_at_most, read_named, read_own, read_top};
pub use replace::{Expect, Mode, Staged, commit, remove, replace};
pub use scratch::{ExistingScratch, HeldInterrupts, ScratchFolder, Storage};
pub use stream::{Draft, Identity, Source, Spool};
pub use walk::{walk, walk_with_links};

/// Tells what stands at a path, without following a symlink there; `None` where nothing does.
pub fn kind(path: &Path) -> Result<Option<Kind>, FsError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(Kind::of(metadata.file_type()))),
        Err(source) if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(source) => Err(FsError::io(Step::Open, path, source)),
    }
}

/// Tells whether a path is a folder, or a symlink that leads to one.
pub fn leads_to_folder(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Tells whether a path is a folder, not a symlink to one, that belongs to this user.
pub fn is_own_folder(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == user)
}

/// Returns the path without symlinks, `.` and `..`; all of it has to exist.
pub fn real_path(path: &Path) -> Result<PathBuf, FsError> {
    std::fs::canonicalize(path).map_err(|source| FsError::io(Step::Open, path, source))
}

/// Tells whether a path names a regular file that this user may execute; follows symlinks.
pub fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// Tells whether a process runs; one of another user counts, and so does one that ended but was not waited for.
fn is_running(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    process.is_some_and(|process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH))
}

/// Returns 16 hexadecimal digits that nobody can foresee, for the name of a temporary file or folder.
fn random_name() -> String {
    format!("{:016x}", rand_core::RngCore::next_u64(&mut rand_core::OsRng))
}
