//! The file that a journal is: opened without following a link, locked, read within a limit, removed for good.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::super::lock::is_unsupported;
use super::super::read::read_at_most;
use super::super::{FsError, Kind, Step};

/// Opens the journal itself; a link is not followed.
pub(super) fn open(path: &Path, flags: OFlags) -> Result<File, FsError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(rustix::fs::CWD, path, flags, rustix::fs::Mode::from_raw_mode(0o600));
    let step = if flags.contains(OFlags::CREATE) { Step::Create } else { Step::Open };
    let file: File = match rustix::io::retry_on_intr(open) {
        Err(Errno::LOOP) => return Err(FsError::Link { path: path.to_path_buf() }),
        file => file.map(OwnedFd::into).map_err(|source| FsError::io(step, path, source))?,
    };
    let metadata = file.metadata().map_err(|source| FsError::io(Step::Open, path, source))?;
    if !metadata.is_file() {
        return Err(FsError::NotFile { kind: Kind::of(metadata.file_type()), path: path.to_path_buf() });
    }
    Ok(file)
}

/// Locks the journal; `None` when it was removed meanwhile. Where there are no locks, as on some network file systems,
/// it has to do without.
pub(super) fn locked(file: File, path: &Path) -> Result<Option<File>, FsError> {
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => return Err(FsError::Busy { path: path.to_path_buf() }),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) if is_unsupported(&error) => break,
            Err(TryLockError::Error(error)) => return Err(FsError::io(Step::Lock, path, error)),
        }
    }
    let refused = |source| FsError::io(Step::Open, path, source);
    let ours = file.metadata().map_err(refused)?;
    match std::fs::symlink_metadata(path) {
        Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => Ok(Some(file)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused(error)),
    }
}

pub(super) fn read_all(mut file: &File, path: &Path) -> Result<Vec<u8>, FsError> {
    use std::io::{Seek as _, SeekFrom};
    let refused = |source| FsError::io(Step::Read, path, source);
    file.seek(SeekFrom::Start(0)).map_err(refused)?;
    let expected = usize::try_from(file.metadata().map_err(refused)?.len()).unwrap_or(usize::MAX);
    let bytes =
        if expected > MAX_JOURNAL { None } else { read_at_most(file, expected, MAX_JOURNAL).map_err(refused)? };
    // It holds no secret, so an unwiped copy does no harm.
    bytes.map(|bytes| bytes.to_vec()).ok_or_else(|| FsError::TooLarge { path: path.to_path_buf(), limit: MAX_JOURNAL })
}

pub(super) fn remove(path: &Path) -> Result<(), FsError> {
    rustix::io::retry_on_intr(|| rustix::fs::unlink(path)).map_err(|source| FsError::io(Step::Remove, path, source))?;
    sync_folder_of(path)
}

pub(super) fn sync_folder_of(path: &Path) -> Result<(), FsError> {
    let folder = path.parent().unwrap_or(path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(rustix::fs::CWD, folder, flags, rustix::fs::Mode::empty());
    let handle: File =
        rustix::io::retry_on_intr(open).map(OwnedFd::into).map_err(|error| FsError::io(Step::Open, folder, error))?;
    sync(&handle, folder)
}

pub(super) fn sync(folder: &File, path: &Path) -> Result<(), FsError> {
    match folder.sync_all() {
        Err(error) if !is_unsupported(&error) => Err(FsError::io(Step::Sync, path, error)),
        _ => Ok(()),
    }
}

/// Room for a hundred thousand files.
const MAX_JOURNAL: usize = 64 << 20;
