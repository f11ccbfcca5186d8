//! Files of any size: read piece by piece from any place, and written piece by piece without a name until they are whole.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::fs::{AtFlags, Stat};
use zeroize::Zeroizing;

use super::lock::temporary_name;
use super::place::Place;
use super::read::read_at_most;
use super::replace::{adopt, create, create_unnamed};
use super::{Expect, FolderLock, FsError, Mode, Root, Staged, Step};

/// An open file that is read from any place, and what the system said of it when it was opened.
#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
    state: Identity,
}

/// What the system says of a file: the same only for the same file, if nobody has written to it in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Source {
    /// Opens a regular file. Follows symlinks, with a root only inside of it; a fifo or device is refused without
    /// waiting for it.
    pub fn open(path: &Path, within: Option<&Root>) -> Result<Self, FsError> {
        let place = Place::find(path, within)?;
        let file = place.open()?;
        Self::of(file, place.path)
    }

    pub(super) fn of(file: File, path: PathBuf) -> Result<Self, FsError> {
        let state = Identity::of(&file).map_err(|source| FsError::io(Step::Read, &path, source))?;
        Ok(Self { file, path, state })
    }

    /// Returns how long it was when it was opened.
    pub fn length(&self) -> u64 {
        self.state.length
    }

    /// Returns where it is, without symlinks.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what the system said of it when it was opened.
    pub fn identity(&self) -> Identity {
        self.state
    }

    /// Tells whether this is the same file, whatever was written to it since.
    pub fn is_file_of(&self, other: &Self) -> bool {
        (self.state.device, self.state.inode) == (other.state.device, other.state.inode)
    }

    /// Reads all of it: at most `limit` bytes.
    pub fn content(&self, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
        let expected = usize::try_from(self.length()).unwrap_or(usize::MAX);
        let content = if expected > limit { Ok(None) } else { read_at_most(self.reader(0), expected, limit) };
        let content = content.map_err(|source| self.cannot_read(source))?;
        content.ok_or_else(|| FsError::TooLarge { path: self.path.clone(), limit })
    }

    /// Reads from here to the end.
    pub fn reader(&self, from: u64) -> impl Read + Send + '_ {
        SourceReader { file: &self.file, at: from }
    }

    /// Reads at most `limit` bytes from the beginning.
    pub fn top(&self, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
        let expected = usize::try_from(self.length()).unwrap_or(usize::MAX).min(limit);
        let mut top = Zeroizing::new(Vec::with_capacity(expected.saturating_add(1)));
        let read = self.reader(0).take(expected as u64).read_to_end(&mut top);
        read.map_err(|source| self.cannot_read(source)).map(|_| top)
    }

    /// Says which file could not be read.
    pub fn cannot_read(&self, source: io::Error) -> FsError {
        FsError::io(Step::Read, &self.path, source)
    }

    /// Refuses a file that somebody has written to since it was opened.
    pub fn check_unchanged(&self) -> Result<(), FsError> {
        match Identity::of(&self.file) {
            Ok(state) if state == self.state => Ok(()),
            Ok(_) => Err(FsError::Changed { path: self.path.clone() }),
            Err(source) => Err(self.cannot_read(source)),
        }
    }
}

impl Identity {
    /// Takes the identity of an open file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

/// Reads an open file without moving the place at which others read it.
struct SourceReader<'f> {
    file: &'f File,
    at: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A new file that is being written beside the one it will replace. It has no name where the system can do without, so
/// that nothing is left of it when the process is killed.
pub struct Draft<'l> {
    staged: Staged<'l>,
    file: File,
    old: Option<Stat>,
    mode: Mode,
    has_name: bool,
    /// What the storage said of the pieces that it was given early: the system tells of a failure only once.
    early: Mutex<Option<io::Error>>,
}

impl FolderLock<'_> {
    /// Begins a new file in a locked folder.
    pub fn draft<'l>(&'l self, path: &Path, expect: Expect<'l>, mode: Mode) -> Result<Draft<'l>, FsError> {
        let (folder, place) = self.place(path)?;
        let old = place.stat()?;
        let creation_mode = match (mode, &old) {
            (Mode::KeepOr(new), None) | (Mode::New(new), _) => new,
            _ => 0o600,
        };
        let staged = Staged { folder, place, name: temporary_name(), unnamed: None, expect };
        let unnamed = create_unnamed(&staged.place.folder, creation_mode);
        let has_name = unnamed.is_none();
        let file = unnamed.map_or_else(|| create(&staged.place, &staged.name, creation_mode), Ok)?;
        Ok(Draft { staged, file, old, mode, has_name, early: Mutex::new(None) })
    }
}

impl<'l> Draft<'l> {
    /// Has `work` write at the end of what was written. Of a long text the storage takes in the beginning meanwhile, so
    /// that [`Self::sync`] has little left to wait for.
    pub fn write<T>(&self, work: impl FnOnce(&mut (dyn Write + Send)) -> T) -> T {
        let (more, pieces) = sync_channel(0);
        thread::scope(|scope| {
            scope.spawn(move || {
                for () in pieces {
                    if let Err(error) = self.file.sync_data() {
                        *self.early() = Some(error);
                        return;
                    }
                }
            });
            work(&mut EarlyWriter { file: &self.file, since: 0, more })
        })
    }

    /// Says that the file could not be written.
    pub fn cannot_write(&self, source: io::Error) -> FsError {
        FsError::io(Step::Write, self.staged.path(), source)
    }

    /// Says that it reads back differently.
    pub fn is_different(&self) -> FsError {
        FsError::ReadBack { path: self.staged.path().to_path_buf() }
    }

    /// Returns what was written, to read it back.
    pub fn source(&self) -> Result<Source, FsError> {
        let refused = |source| FsError::io(Step::Read, self.staged.path(), source);
        Source::of(self.file.try_clone().map_err(refused)?, self.staged.path().to_path_buf())
    }

    /// Has the storage keep what was written.
    pub fn sync(&self) -> Result<(), FsError> {
        let early = self.early().take().map_or(Ok(()), Err);
        early.and_then(|()| self.file.sync_all()).map_err(|source| FsError::io(Step::Sync, self.staged.path(), source))
    }

    fn early(&self) -> MutexGuard<'_, Option<io::Error>> {
        self.early.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives it its mode and owner; after that it is ready to be committed, if it was synced.
    pub fn finish(mut self) -> Result<Staged<'l>, FsError> {
        if let Some(old) = &self.old {
            adopt(&self.file, old, self.mode)
                .map_err(|source| FsError::io(Step::Protect, self.staged.path(), source))?;
        }
        self.staged.unnamed = if self.has_name { None } else { Some(self.file) };
        Ok(self.staged)
    }
}

/// Tells another thread from time to time that there is something for the storage.
struct EarlyWriter<'d> {
    file: &'d File,
    /// How much was written since.
    since: usize,
    more: SyncSender<()>,
}

impl Write for EarlyWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.since += count;
        // While the storage is busy with the last piece, this one goes on growing.
        if self.since >= EARLY_BYTES && self.more.try_send(()).is_ok() {
            self.since = 0;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How much the storage is given at once, before the end. Less where tests are to get there.
const EARLY_BYTES: usize = if cfg!(debug_assertions) { 1 << 20 } else { 32 << 20 };

/// Bytes that are put aside in a folder for the length of one command, under no name. What is put aside is sealed by
/// the caller.
pub struct Spool {
    file: File,
    path: PathBuf,
}

impl Spool {
    /// Begins an empty one beside a file.
    pub fn create(path: &Path, within: Option<&Root>) -> Result<Self, FsError> {
        let place = Place::find(path, within)?;
        let file = if let Some(file) = create_unnamed(&place.folder, 0o600) {
            file
        } else {
            let name = temporary_name();
            let file = create(&place, &name, 0o600)?;
            rustix::fs::unlinkat(&place.folder, &name, AtFlags::empty())
                .map_err(|source| FsError::io(Step::Remove, &place.path, source))?;
            file
        };
        Ok(Self { file, path: place.path })
    }

    /// Writes at the end of what was written.
    pub fn writer(&self) -> impl Write + Send + '_ {
        &self.file
    }

    /// Says that it could not be written.
    pub fn cannot_write(&self, source: io::Error) -> FsError {
        FsError::io(Step::Write, &self.path, source)
    }

    /// Returns what was written.
    pub fn into_source(self) -> Result<Source, FsError> {
        Source::of(self.file, self.path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::commit;
    use super::super::fixture::names;
    use super::*;

    #[test]
    fn a_draft_has_no_name_before_it_takes_its_place_and_then_the_mode_of_the_old_file() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = world.path().join("file");
        fs::write(&path, "old").expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("a mode");
        let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
        let draft = lock.draft(&path, Expect::Anything, Mode::KeepOr(0o666)).expect("a draft");
        draft.write(|sink| sink.write_all(b"new")).expect("it is written");
        let mut read = String::new();
        draft.source().expect("a source").reader(1).read_to_string(&mut read).expect("it reads");
        assert_eq!((names(world.path()), read.as_str()), (vec!["file".to_owned()], "ew"));
        draft.sync().expect("it is kept");
        commit(vec![draft.finish().expect("it is whole")]).expect("it takes its place");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "new");
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o640);
        assert_eq!(names(world.path()), ["file"]);
    }

    #[test]
    fn what_the_storage_refused_early_is_not_forgotten_at_the_end() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = world.path().join("file");
        let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
        let draft = lock.draft(&path, Expect::Absent, Mode::Private).expect("a draft");
        let piece = vec![7; EARLY_BYTES];
        draft.write(|sink| sink.write_all(&piece).and_then(|()| sink.write_all(b"end"))).expect("it is written");
        assert_eq!(draft.source().expect("a source").length(), EARLY_BYTES as u64 + 3);
        // As the other thread notes it: the system itself would say nothing the second time.
        *draft.early() = Some(io::ErrorKind::StorageFull.into());
        let refused = draft.sync();
        assert!(matches!(refused, Err(FsError::Io { step: Step::Sync, .. })), "{refused:?}");
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_nothing() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = world.path().join("file");
        let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
        let draft = lock.draft(&path, Expect::Absent, Mode::Private).expect("a draft");
        draft.write(|sink| sink.write_all(b"new")).expect("it is written");
        drop(draft.finish().expect("it is whole"));
        assert_eq!(names(world.path()), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_written_to_or_replaced_is_not_the_source_any_more() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = world.path().join("file");
        let changes: [(&str, &dyn Fn()); 3] = [
            ("longer", &|| fs::write(&path, "longer than before").expect("a file")),
            ("same length", &|| {
                let file = fs::OpenOptions::new().write(true).open(&path).expect("a file");
                file.write_all_at(b"O", 0).expect("a byte");
                file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
            }),
            ("another file", &|| {
                fs::write(world.path().join("other"), "old").expect("a file");
                fs::rename(world.path().join("other"), &path).expect("a file");
            }),
        ];
        for (name, change) in changes {
            fs::write(&path, "old").expect("a file");
            let source = Source::open(&path, None).expect("a source");
            let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
            let replace = || {
                let draft = lock.draft(&path, Expect::Same(source.identity()), Mode::Private).expect("a draft");
                commit(vec![draft.finish().expect("it is whole")])
            };
            change();
            assert!(matches!(replace(), Err(FsError::Changed { .. })), "{name}");
        }
    }

    #[test]
    fn what_is_put_aside_has_no_name() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let spool = Spool::create(&world.path().join("file"), None).expect("a spool");
        spool.writer().write_all(b"sealed").expect("it is written");
        assert_eq!(names(world.path()), Vec::<String>::new());
        assert_eq!(**spool.into_source().expect("a source").top(9).expect("it reads"), *b"sealed");
    }
}
