//! A lock on folders, so that of two writers each sees what the other wrote.
//!
//! The lock is the system's own on the open folder: it leaves no file behind and ends with the process, however that
//! ends. It binds only other processes of ours; against editors and git stands the comparison before replacing.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use super::journal::needed;
use super::place::Place;
use super::{FsError, Root, Step, is_running};

/// Locked folders, for reading files there and replacing them with nobody writing in between.
#[derive(Debug)]
pub struct FolderLock<'r> {
    folders: Vec<Folder>,
    within: Option<&'r Root>,
}

/// One locked folder.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) handle: Arc<File>,
    pub(super) path: PathBuf,
    /// Device and inode: the folder whatever its path.
    identity: (u64, u64),
}

impl<'r> FolderLock<'r> {
    /// Locks the folders of these files; waits some seconds for other writers.
    ///
    /// Symlinks are followed first, so it is the folder in which the file will be replaced. Files in several folders
    /// have to be given in one call: that takes the locks in one order everywhere, and so nobody waits in a circle.
    pub fn acquire<'p>(files: impl IntoIterator<Item = &'p Path>, within: Option<&'r Root>) -> Result<Self, FsError> {
        let mut folders = Vec::new();
        for file in files {
            let folder = Folder::of(Place::find(file, within)?)?;
            // At once: a process may have no more than some hundred folders open.
            if folders.iter().all(|known: &Folder| known.identity != folder.identity) {
                folders.push(folder);
            }
        }
        folders.sort_by_key(|folder| folder.identity);
        let deadline = Instant::now() + PATIENCE;
        let locked: Vec<bool> = folders.iter().map(|folder| folder.lock(deadline)).collect::<Result<_, _>>()?;
        // Where it cannot be told which of them a journal needs, they stay.
        if let Some(needed) = within.map_or_else(|| Some(BTreeSet::new()), needed) {
            folders.iter().zip(locked).for_each(|(folder, locked)| folder.sweep(locked, &needed));
        }
        Ok(Self { folders, within })
    }

    /// Returns the locked folders.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(|folder| folder.path.as_path())
    }

    /// Finds a file whose folder is locked. Its symlinks may have changed since: then it counts as changed.
    pub(super) fn place(&self, path: &Path) -> Result<(&Folder, Place), FsError> {
        let place = Place::find(path, self.within)?;
        let identity = identity(&place.folder, &place.path)?;
        let folder = self.folders.iter().find(|folder| folder.identity == identity);
        let folder = folder.ok_or_else(|| FsError::Changed { path: path.to_path_buf() })?;
        Ok((folder, Place { folder: Arc::clone(&folder.handle), ..place }))
    }
}

impl Folder {
    fn of(place: Place) -> Result<Self, FsError> {
        let path = place.path.parent().unwrap_or(&place.path).to_path_buf();
        Ok(Self { identity: identity(&place.folder, &path)?, handle: place.folder, path })
    }

    /// Waits for the lock. Returns `false` where the file system has none, as NFS for folders: there the comparison
    /// before replacing has to do.
    fn lock(&self, deadline: Instant) -> Result<bool, FsError> {
        let refused = |error| FsError::io(Step::Lock, &self.path, error);
        let locked = match self.handle.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                // A thread waits in the system's queue, so that everybody has his turn. Its copy of the handle is the
                // same lock; if nobody waits for it any more when its turn comes, it ends, and so does the lock.
                let (copy, (done, outcome)) = (self.handle.try_clone().map_err(refused)?, mpsc::channel());
                std::thread::spawn(move || done.send(copy.lock()));
                let patience = deadline.saturating_duration_since(Instant::now());
                outcome.recv_timeout(patience).map_err(|_| FsError::Locked { folder: self.path.clone() })?
            }
        };
        match locked {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.lock(deadline),
            Err(error) if is_unsupported(&error) => Ok(false),
            Err(error) => Err(refused(error)),
        }
    }

    /// Removes the new files that killed processes could not finish. What cannot be removed stays: it does no harm.
    ///
    /// A process makes such files only while it holds the lock, so whoever holds it now knows that none is in use, also
    /// by a process in another container, whose number means nothing here.
    fn sweep(&self, locked: bool, needed: &BTreeSet<String>) {
        let Ok(entries) = rustix::fs::Dir::read_from(&self.handle) else { return };
        for entry in entries.flatten() {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let Some(process) = name.to_str().filter(|name| !needed.contains(*name)).and_then(temporary_owner) else {
                continue;
            };
            let is_mine = process == std::process::id();
            let abandoned =
                if locked { is_mine || !is_running(process) } else { !is_running(process) && self.is_old(name) };
            if abandoned {
                let _ = rustix::fs::unlinkat(&self.handle, name, AtFlags::empty());
            }
        }
    }

    fn is_old(&self, name: &OsStr) -> bool {
        let modified = std::fs::symlink_metadata(self.path.join(name)).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|time| SystemTime::now().duration_since(time).is_ok_and(|age| age > IN_DOUBT))
    }

    /// Has the storage keep which files there are.
    pub(super) fn sync(&self) -> Result<(), FsError> {
        match self.handle.sync_all() {
            Err(error) if !is_unsupported(&error) => Err(FsError::io(Step::Sync, &self.path, error)),
            _ => Ok(()),
        }
    }
}

/// Names a new file before it takes its place; the process that makes it stands in the name.
pub(super) fn temporary_name() -> String {
    format!("{PREFIX}{}-{}{SUFFIX}", std::process::id(), super::random_name())
}

/// Tells whether a file is a new one that has not taken its place yet.
pub fn is_temporary(name: &OsStr) -> bool {
    name.to_str().and_then(temporary_owner).is_some()
}

/// Returns the process that made a temporary file, `None` for every file that is not ours.
fn temporary_owner(name: &str) -> Option<u32> {
    let (process, random) = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.split_once('-')?;
    let is_random = random.len() == 16 && random.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_random { process.parse().ok() } else { None }
}

fn identity(folder: &File, path: &Path) -> Result<(u64, u64), FsError> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = folder.metadata().map_err(|source| FsError::io(Step::Open, path, source))?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Tells a file system that does not know an operation on folders from one that failed.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno
        .is_some_and(|errno| [Errno::BADF, Errno::INVAL, Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP].contains(&errno))
}

const PREFIX: &str = ".secret-";
const SUFFIX: &str = ".tmp";
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 30 });
/// Without a lock, how old a file of a process that seems gone has to be: clocks and process numbers may deceive.
const IN_DOUBT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn who_waits_too_long_is_told_where_the_other_writes() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let file = world.path().join("file");
        let _held = FolderLock::acquire([file.as_path()], None).expect("a lock");
        let error = FolderLock::acquire([file.as_path()], None).expect_err("it is held");
        let folder = fs::canonicalize(world.path()).expect("a folder");
        assert_eq!(error.to_string(), format!("another secret is writing in {}", folder.display()));
    }

    #[test]
    fn who_waits_gets_the_lock_when_it_is_given_back_and_keeps_it() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let file = world.path().join("file");
        let acquire = || FolderLock::acquire([file.as_path()], None);
        let first = acquire().expect("a lock");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(acquire);
            drop(first);
            let _second = waiting.join().expect("no panic").expect("a lock");
            assert!(matches!(acquire(), Err(FsError::Locked { .. })));
        });
        acquire().expect("whoever gave up waiting holds nothing");
    }

    #[test]
    fn the_lock_ends_with_its_value_and_leaves_nothing() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let file = world.path().join("file");
        for _ in 0..2 {
            drop(FolderLock::acquire([file.as_path()], None).expect("a lock"));
        }
        assert_eq!(fs::read_dir(world.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn one_folder_under_two_names_is_locked_once() {
        let world = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(world.path().join("folder")).expect("a folder");
        std::os::unix::fs::symlink("folder", world.path().join("link")).expect("a link");
        let files = [world.path().join("folder/a"), world.path().join("link/b"), world.path().join("c")];
        let lock = FolderLock::acquire(files.iter().map(PathBuf::as_path), None).expect("a lock");
        assert_eq!(lock.folders.len(), 2);
    }

    #[test]
    fn only_abandoned_files_of_ours_are_swept() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let mut ended = std::process::Command::new("true").spawn().expect("a process");
        ended.wait().expect("it ends");
        let name = |process: u32| format!(".secret-{process}-0123456789abcdef.tmp");
        let (gone, mine, running) = (name(ended.id()), name(std::process::id()), name(1));
        let others = [".secret.toml", ".secret-1-x.tmp", ".secret-x-0123456789abcdef.tmp", "file", &running];
        for file in others.iter().copied().chain([gone.as_str(), mine.as_str()]) {
            fs::write(world.path().join(file), "x").expect("a file");
        }
        drop(FolderLock::acquire([world.path().join("file").as_path()], None).expect("a lock"));
        let mut left: Vec<_> =
            fs::read_dir(world.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
        left.sort();
        let mut expected = others;
        expected.sort_unstable();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_temporary_file_of_a_gone_process_stays_while_it_is_young_and_no_lock_protects_it() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let mut ended = std::process::Command::new("true").spawn().expect("a process");
        ended.wait().expect("it ends");
        let path = world.path().join(format!(".secret-{}-0123456789abcdef.tmp", ended.id()));
        let file = fs::File::create(&path).expect("a file");
        let place = Place::find(&world.path().join("file"), None).expect("a place");
        let folder = Folder::of(place).expect("a folder");
        folder.sweep(false, &BTreeSet::new());
        assert!(path.exists());
        file.set_modified(SystemTime::now() - 2 * IN_DOUBT).expect("a time");
        folder.sweep(false, &BTreeSet::new());
        assert!(!path.exists());
    }
}
