//! Replacing several files in one step, also when the process is killed in the midst of it.
//!
//! Complete new files lie beside the old ones; then the journal names each of them, with the digests of the old and the
//! new content, and is flushed; then they are renamed; then the journal is removed. A process that ends before the journal
//! is complete has changed nothing. After that whoever writes next ([`recover`]) does the rest.
//!
//! The journal is written in place: what is locked is the file itself, which is there only while it is needed. Whether it
//! is complete tells its last line, a digest of the others. What it says is believed only as far as it agrees with what
//! lies there: no path leaves the root, no link is followed, and only bytes with the recorded digest are moved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::lock::{Folder, is_temporary, is_unsupported, temporary_name};
use super::place::{Place, open_folder_at};
use super::read::read_at_most;
use super::replace::{check, give_name, rename};
use super::{Expect, FolderLock, FsError, Root, Snapshot, Staged, Step};

/// The right to replace several files of a root, which one process at a time has.
pub struct Journal<'r> {
    root: &'r Root,
    path: PathBuf,
    file: File,
    /// Whether it stays when this process ends.
    is_kept: bool,
}

/// A new file that has been flushed, with the digests by which it and the one that it replaces are known again.
pub struct Prepared<'l> {
    staged: Staged<'l>,
    old: Snapshot,
    new: Snapshot,
}

/// What was done about a journal that a killed process has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It was complete, and what was still to be replaced is. Paths are relative to the root.
    Finished {
        /// The files that are new now, then or before.
        files: Vec<PathBuf>,
        /// Those that were changed meanwhile, or are gone: they are left as they are.
        left: Vec<PathBuf>,
    },
    /// Nothing had been replaced. What had been prepared is removed.
    Undone,
}

/// A journal that waits for the next command that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// It will be finished: so many files are to be replaced.
    Complete(usize),
    /// It will be undone.
    Incomplete,
    /// A process is at it.
    Running,
}

/// Why a journal cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalProblem {
    /// A line that is none of ours.
    #[error("line {0} makes no sense")]
    Line(usize),
    /// A path that is not one of a file below the root.
    #[error("line {0} names a path that it may not")]
    Path(usize),
    /// It says one path twice.
    #[error("line {0} repeats a path")]
    Repeated(usize),
}

/// What a journal says.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Complete(Vec<Entry>),
    Incomplete { folders: Vec<PathBuf> },
}

/// One file of a journal.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    path: PathBuf,
    staged: String,
    old: String,
    new: String,
}

impl<'r> Journal<'r> {
    /// Takes the right to replace several files of the root; `None` where it has no place for a journal.
    ///
    /// # Errors
    /// [`FsError::Busy`] when another process has it, [`FsError::Unfinished`] when one was killed in the midst of it.
    pub fn begin(root: &'r Root) -> Result<Option<Self>, FsError> {
        let Some(path) = root.journal() else { return Ok(None) };
        let file = loop {
            let file = open(path, OFlags::CREATE | OFlags::RDWR)?;
            if let Some(file) = locked(file, path)? {
                break file;
            }
        };
        let length = file.metadata().map_err(|source| FsError::io(Step::Read, path, source))?.len();
        if length > 0 {
            return Err(FsError::Unfinished { path: path.to_path_buf() });
        }
        Ok(Some(Self { root, path: path.to_path_buf(), file, is_kept: false }))
    }

    /// Notes in which folders new files will be made, so that they are removed if this process is killed.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn prepare(&self, lock: &FolderLock<'_>) -> Result<(), FsError> {
        let mut text = String::from(FIRST_LINE);
        for folder in lock.paths() {
            let _ = writeln!(text, "folder {}", self.spelled(folder)?);
        }
        self.append(&text)
    }

    /// Puts all of the new files in place. If the process is killed, all are old, or become new by [`recover`].
    ///
    /// # Errors
    /// When one of the old files was changed meanwhile, or the system refuses: then all are old. When it refuses in the
    /// midst of it, [`FsError::Unfinished`].
    pub fn commit(mut self, prepared: Vec<Prepared<'_>>) -> Result<(), FsError> {
        let known = self.file.metadata().map_err(|source| FsError::io(Step::Read, &self.path, source))?.len();
        let mut text = if known == 0 { String::from(FIRST_LINE) } else { String::new() };
        for Prepared { staged, old, new } in &prepared {
            check(&staged.place, staged.expect)?;
            let (old, new) = (old.hexadecimal(), new.hexadecimal());
            let _ = writeln!(text, "file {old} {new} {} {}", staged.name, self.spelled(&staged.place.path)?);
        }
        let folders = folders_of(&prepared);
        // Their names must be there before a journal that names them.
        folders.iter().try_for_each(|folder| folder.sync())?;
        let before = read_all(&self.file, &self.path)?;
        let digest = Sha256::new().chain_update(&before).chain_update(text.as_bytes()).finalize();
        let _ = writeln!(text, "end {}", hexadecimal(&digest));
        if let Err(error) = self.append(&text).and_then(|()| self.sync()) {
            return Err(self.undo(prepared, error));
        }
        let mut is_begun = false;
        for Prepared { staged, .. } in &prepared {
            match staged.publish() {
                Ok(()) => is_begun = true,
                Err(error) if !is_begun => return Err(self.undo(prepared, error)),
                // A system that refuses once may do it yet.
                Err(_) if (1..ATTEMPTS).any(|_| staged.publish().is_ok()) => {}
                Err(_) => return Err(self.leave(prepared)),
            }
        }
        // From here on all are new, and only whether the storage keeps that is in question.
        self.is_kept = true;
        folders.iter().try_for_each(|folder| folder.sync())?;
        drop(prepared);
        remove(&self.path)
    }

    /// Gives up before anything is replaced. The journal goes first: it must not name what is gone.
    fn undo(&mut self, prepared: Vec<Prepared<'_>>, error: FsError) -> FsError {
        if remove(&self.path).is_err() {
            return self.leave(prepared);
        }
        self.is_kept = true;
        error
    }

    /// Leaves the rest to whoever writes next.
    fn leave(&mut self, prepared: Vec<Prepared<'_>>) -> FsError {
        self.is_kept = true;
        for Prepared { staged, .. } in prepared {
            // Dropped, it would be removed.
            std::mem::forget(staged);
        }
        FsError::Unfinished { path: self.path.clone() }
    }

    fn append(&self, text: &str) -> Result<(), FsError> {
        (&self.file).write_all(text.as_bytes()).map_err(|source| FsError::io(Step::Write, &self.path, source))
    }

    fn sync(&self) -> Result<(), FsError> {
        self.file.sync_all().map_err(|source| FsError::io(Step::Sync, &self.path, source))?;
        sync_folder_of(&self.path)
    }

    /// Returns a path as the journal has it: relative to the root, in quotes.
    fn spelled(&self, path: &Path) -> Result<String, FsError> {
        let inside = path.strip_prefix(self.root.path()).ok().and_then(Path::to_str);
        let outside = || FsError::Outside { path: path.to_path_buf(), root: self.root.path().to_path_buf() };
        Ok(serde_json::Value::from(inside.ok_or_else(outside)?).to_string())
    }
}

impl Drop for Journal<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            let _ = remove(&self.path);
        }
    }
}

impl<'l> Staged<'l> {
    /// Makes the new file ready for a journal.
    ///
    /// # Errors
    /// When it, or the one that it replaces, cannot be read.
    pub fn prepare(mut self) -> Result<Prepared<'l>, FsError> {
        if let Some(file) = self.unnamed.take() {
            give_name(&file, &self.place.folder, self.name.as_str())
                .map_err(|source| FsError::io(Step::Create, &self.place.path, source))?;
        }
        let beside = Place { name: self.name.clone().into(), ..self.place.clone() };
        let new = digest_at(&beside)?;
        let old = match self.expect {
            Expect::Unchanged(snapshot) => snapshot.clone(),
            Expect::Absent | Expect::Anything | Expect::Same(_) => digest_at(&self.place)?,
        };
        Ok(Prepared { staged: self, old, new })
    }
}

/// Does the rest of what a killed process had begun; `None` where there is nothing to do, or somebody is at it.
///
/// # Errors
/// When the journal cannot be used, or the system refuses. Then it stays.
pub fn recover(root: &Root) -> Result<Option<Recovery>, FsError> {
    let Some(path) = root.journal() else { return Ok(None) };
    if super::kind(path)?.is_none() {
        return Ok(None);
    }
    let file = match open(path, OFlags::RDWR) {
        Err(FsError::Missing { .. }) => return Ok(None),
        file => file?,
    };
    let file = match locked(file, path) {
        // Gone, or in use.
        Ok(None) | Err(FsError::Busy { .. }) => return Ok(None),
        Ok(Some(file)) => file,
        Err(error) => return Err(error),
    };
    let recovery = match content(&file, path)? {
        Content::Complete(entries) => {
            let recovery = finish(root, entries)?;
            remove(path)?;
            Some(recovery)
        }
        Content::Incomplete { folders } => {
            remove(path)?;
            let is_begun = !folders.is_empty();
            let files: Vec<PathBuf> = folders.iter().map(|folder| root.path().join(folder).join("file")).collect();
            let there = files.iter().map(PathBuf::as_path).filter(|path| Place::find(path, Some(root)).is_ok());
            // Whoever locks a folder sweeps it.
            drop(FolderLock::acquire(there, Some(root))?);
            is_begun.then_some(Recovery::Undone)
        }
    };
    drop(file);
    Ok(recovery)
}

/// Tells what the next command that writes will do about a journal, without doing it.
///
/// # Errors
/// When it cannot be used.
pub fn pending(root: &Root) -> Result<Option<Pending>, FsError> {
    let Some(path) = root.journal() else { return Ok(None) };
    if super::kind(path)?.is_none() {
        return Ok(None);
    }
    let file = match open(path, OFlags::RDONLY) {
        Err(FsError::Missing { .. }) => return Ok(None),
        file => file?,
    };
    Ok(match locked(file, path) {
        Err(FsError::Busy { .. }) => Some(Pending::Running),
        Ok(None) => None,
        file => file?.map(|file| content(&file, path)).transpose()?.map(|content| match content {
            Content::Complete(entries) => Pending::Complete(entries.len()),
            Content::Incomplete { .. } => Pending::Incomplete,
        }),
    })
}

/// Returns the names of new files that a journal still needs, so that nobody sweeps them; `None` where that cannot be told.
pub(super) fn needed(root: &Root) -> Option<BTreeSet<String>> {
    let Some(path) = root.journal() else { return Some(BTreeSet::new()) };
    match super::kind(path) {
        Ok(None) => return Some(BTreeSet::new()),
        Ok(Some(_)) => {}
        Err(_) => return None,
    }
    let file = match open(path, OFlags::RDONLY) {
        Err(FsError::Missing { .. }) => return Some(BTreeSet::new()),
        file => file.ok()?,
    };
    match content(&file, path).ok()? {
        Content::Complete(entries) => Some(entries.into_iter().map(|entry| entry.staged).collect()),
        Content::Incomplete { .. } => Some(BTreeSet::new()),
    }
}

/// Replaces what is still to be replaced.
fn finish(root: &Root, entries: Vec<Entry>) -> Result<Recovery, FsError> {
    let mut folders: BTreeMap<PathBuf, Option<Arc<File>>> = BTreeMap::new();
    for entry in &entries {
        let folder = entry.path.parent().unwrap_or(Path::new(""));
        if !folders.contains_key(folder) {
            folders.insert(folder.to_path_buf(), folder_below(root, folder)?);
        }
    }
    let known: Vec<PathBuf> = folders
        .iter()
        .filter(|(_, handle)| handle.is_some())
        .map(|(folder, _)| root.path().join(folder).join(temporary_name()))
        .collect();
    let _lock = FolderLock::acquire(known.iter().map(PathBuf::as_path), Some(root))?;

    let (mut left, mut moves, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let folder = folders.get(entry.path.parent().unwrap_or(Path::new(""))).cloned().flatten();
        let (Some(folder), Some(name)) = (folder, entry.path.file_name()) else {
            left.push(entry.path);
            continue;
        };
        let place = Place { folder, name: name.to_owned(), path: root.path().join(&entry.path) };
        let beside = Place { name: entry.staged.clone().into(), ..place.clone() };
        let (found, staged) = (digest_if_file(&place)?, digest_if_file(&beside)?);
        let is_staged = staged.as_deref() == Some(&entry.new);
        match found {
            Some(found) if found == entry.new => files.push(entry.path),
            Some(found) if found == entry.old && is_staged => {
                moves.push((place, entry.staged));
                files.push(entry.path);
            }
            _ => {
                if is_staged {
                    let unlink = || rustix::fs::unlinkat(&beside.folder, &beside.name, AtFlags::empty());
                    let _ = rustix::io::retry_on_intr(unlink);
                }
                left.push(entry.path);
            }
        }
    }
    for (place, staged) in &moves {
        rename(&place.folder, staged, &place.name).map_err(|source| FsError::io(Step::Replace, &place.path, source))?;
    }
    for (folder, handle) in folders.iter().filter_map(|(folder, handle)| Some((folder, handle.as_ref()?))) {
        sync(handle, &root.path().join(folder))?;
    }
    Ok(Recovery::Finished { files, left })
}

/// Reads a journal.
fn content(file: &File, path: &Path) -> Result<Content, FsError> {
    let bytes = read_all(file, path)?;
    parse(&bytes).map_err(|problem| FsError::Journal { path: path.to_path_buf(), problem })
}

fn parse(bytes: &[u8]) -> Result<Content, JournalProblem> {
    let text = String::from_utf8_lossy(bytes);
    let Some(body) = completed(&text) else { return Ok(Content::Incomplete { folders: folders_in(&text) }) };
    let (mut entries, mut paths, mut names) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (number, line) in body.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        if number == 1 || line.starts_with("folder ") {
            continue;
        }
        let fields = line.strip_prefix("file ").map(|rest| rest.splitn(4, ' ').collect::<Vec<_>>());
        let Some([old, new, staged, path]) = fields.as_deref() else { return Err(JournalProblem::Line(number)) };
        if !is_digest(old) || !is_digest(new) || !is_temporary(staged.as_ref()) {
            return Err(JournalProblem::Line(number));
        }
        let path = path_in(path).filter(|path| path.file_name().is_some()).ok_or(JournalProblem::Path(number))?;
        if !paths.insert(path.clone()) || !names.insert((*staged).to_owned()) {
            return Err(JournalProblem::Repeated(number));
        }
        let owned = |text: &str| text.to_owned();
        entries.push(Entry { path, staged: owned(staged), old: owned(old), new: owned(new) });
    }
    Ok(Content::Complete(entries))
}

/// Returns what stands before the last line, if that confirms it.
fn completed(text: &str) -> Option<&str> {
    let end = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (body, last) = text.split_at(end);
    let digest = last.strip_prefix("end ")?.strip_suffix('\n')?;
    (body.starts_with(FIRST_LINE) && hexadecimal(&Sha256::digest(body.as_bytes())) == digest).then_some(body)
}

/// Returns the folders that an incomplete journal names, as far as it may name them.
fn folders_in(text: &str) -> Vec<PathBuf> {
    let lines = text.split_inclusive('\n').filter_map(|line| line.strip_prefix("folder ")?.strip_suffix('\n'));
    lines.filter_map(path_in).collect()
}

/// Reads a path that leads to something below the root, and not into git's own folder.
fn path_in(quoted: &str) -> Option<PathBuf> {
    let path = PathBuf::from(serde_json::from_str::<String>(quoted).ok()?);
    let is_plain = |component: Component<'_>| match component {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        _ => false,
    };
    let is_canonical = path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
    (is_canonical && path.components().all(is_plain) && !path.to_string_lossy().contains('\0')).then_some(path)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Snapshot {
    fn hexadecimal(&self) -> String {
        hexadecimal(self.digest())
    }
}

fn digest_at(place: &Place) -> Result<Snapshot, FsError> {
    Snapshot::of_file(place.open()?).map_err(|source| FsError::io(Step::Read, &place.path, source))
}

/// Returns the digest of a file; `None` where there is none, or something else.
fn digest_if_file(place: &Place) -> Result<Option<String>, FsError> {
    match digest_at(place) {
        Ok(digest) => Ok(Some(digest.hexadecimal())),
        Err(FsError::Missing { .. } | FsError::NotFile { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a folder below the root without following a link; `None` where there is none.
fn folder_below(root: &Root, folder: &Path) -> Result<Option<Arc<File>>, FsError> {
    let path = root.path().join(folder);
    root.refuse_links(folder)?;
    let mut opened = root.handle()?;
    for name in folder {
        opened = match open_folder_at(&opened, name, &path) {
            Err(FsError::Missing { .. }) => return Ok(None),
            opened => opened?,
        };
    }
    Ok(Some(Arc::new(opened)))
}

/// Returns the folders of new files, each once.
fn folders_of<'l>(prepared: &[Prepared<'l>]) -> Vec<&'l Folder> {
    let mut folders: Vec<&Folder> = prepared.iter().map(|prepared| prepared.staged.folder).collect();
    folders.sort_by_key(|folder| std::ptr::from_ref(*folder));
    folders.dedup_by_key(|folder| std::ptr::from_ref(*folder));
    folders
}

/// Opens the journal itself; a link is not followed.
fn open(path: &Path, flags: OFlags) -> Result<File, FsError> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(rustix::fs::CWD, path, flags, rustix::fs::Mode::from_raw_mode(0o600));
    let step = if flags.contains(OFlags::CREATE) { Step::Create } else { Step::Open };
    let file: File = match rustix::io::retry_on_intr(open) {
        Err(Errno::LOOP) => return Err(FsError::Link { path: path.to_path_buf() }),
        file => file.map(OwnedFd::into).map_err(|source| FsError::io(step, path, source))?,
    };
    let metadata = file.metadata().map_err(|source| FsError::io(Step::Open, path, source))?;
    if !metadata.is_file() {
        return Err(FsError::NotFile { kind: super::Kind::of(metadata.file_type()), path: path.to_path_buf() });
    }
    Ok(file)
}

/// Locks the journal; `None` when it was removed meanwhile. Where there are no locks, as on some network file systems,
/// it has to do without.
fn locked(file: File, path: &Path) -> Result<Option<File>, FsError> {
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

fn read_all(mut file: &File, path: &Path) -> Result<Vec<u8>, FsError> {
    use std::io::{Seek as _, SeekFrom};
    let refused = |source| FsError::io(Step::Read, path, source);
    file.seek(SeekFrom::Start(0)).map_err(refused)?;
    let expected = usize::try_from(file.metadata().map_err(refused)?.len()).unwrap_or(usize::MAX);
    let bytes =
        if expected > MAX_JOURNAL { None } else { read_at_most(file, expected, MAX_JOURNAL).map_err(refused)? };
    // It holds no secret, so an unwiped copy does no harm.
    bytes.map(|bytes| bytes.to_vec()).ok_or_else(|| FsError::TooLarge { path: path.to_path_buf(), limit: MAX_JOURNAL })
}

fn remove(path: &Path) -> Result<(), FsError> {
    rustix::io::retry_on_intr(|| rustix::fs::unlink(path)).map_err(|source| FsError::io(Step::Remove, path, source))?;
    sync_folder_of(path)
}

fn sync_folder_of(path: &Path) -> Result<(), FsError> {
    let folder = path.parent().unwrap_or(path);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(rustix::fs::CWD, folder, flags, rustix::fs::Mode::empty());
    let handle: File =
        rustix::io::retry_on_intr(open).map(OwnedFd::into).map_err(|error| FsError::io(Step::Open, folder, error))?;
    sync(&handle, folder)
}

fn sync(folder: &File, path: &Path) -> Result<(), FsError> {
    match folder.sync_all() {
        Err(error) if !is_unsupported(&error) => Err(FsError::io(Step::Sync, path, error)),
        _ => Ok(()),
    }
}

/// How often a last step is tried: what is left half done costs more than to try again.
const ATTEMPTS: usize = 3;
const FIRST_LINE: &str = "secret journal 1\n";
/// Room for a hundred thousand files.
const MAX_JOURNAL: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::Mode;
    use super::*;

    const OLD: [&str; 3] = ["old 1", "old 2", "old 3"];
    const NEW: [&str; 3] = ["new 1", "new 2", "new 3"];
    const PATHS: [&str; 3] = ["a/one", "a/two", "b/three"];

    struct World {
        folder: tempfile::TempDir,
        root: Root,
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let top = folder.path().canonicalize().expect("a folder");
            for (path, text) in PATHS.iter().zip(OLD) {
                fs::create_dir_all(top.join("tree").join(path).parent().expect("a folder")).expect("folders");
                fs::write(top.join("tree").join(path), text).expect("a file");
            }
            fs::write(top.join("outside"), "outside").expect("a file");
            let root = Root::open(&top.join("tree")).expect("a root").with_journal(top.join("journal"));
            Self { folder, root }
        }

        fn path(&self, path: &str) -> PathBuf {
            self.root.path().join(path)
        }

        fn journal(&self) -> PathBuf {
            self.folder.path().join("journal")
        }

        /// What a process leaves that is killed when it has renamed these files.
        fn killed_after(&self, renamed: &[usize]) -> String {
            let mut text = format!("{FIRST_LINE}folder \"a\"\nfolder \"b\"\n");
            for (index, path) in PATHS.iter().enumerate() {
                let name = temporary_name();
                let target = self.path(path);
                let written = if renamed.contains(&index) { target.clone() } else { target.with_file_name(&name) };
                fs::write(written, NEW[index]).expect("a file");
                let [old, new] = [OLD, NEW].map(|texts| Snapshot::of(texts[index].as_bytes()).hexadecimal());
                let _ = writeln!(text, "file {old} {new} {name} \"{path}\"");
            }
            closed(text)
        }

        fn texts(&self) -> [String; 3] {
            PATHS.map(|path| fs::read_to_string(self.path(path)).expect("a file"))
        }

        /// Recovers. A program that a test beside this one is just starting has copies of our locks until it runs.
        fn settle(&self) -> Option<Recovery> {
            loop {
                let recovery = recover(&self.root).expect("it is settled");
                if recovery.is_some() || !self.journal().exists() {
                    return recovery;
                }
                std::thread::yield_now();
            }
        }

        /// Demands that nothing but the files is left.
        fn assert_clean(&self) {
            let names = |folder: &str| {
                let entries = fs::read_dir(self.path(folder)).expect("a folder");
                let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
                names.sort();
                names
            };
            assert_eq!((names("a"), names("b")), (vec!["one".into(), "two".into()], vec!["three".into()]));
            assert!(!self.journal().exists());
        }
    }

    type Act = fn(&World);

    fn closed(mut text: String) -> String {
        let digest = hexadecimal(&Sha256::digest(text.as_bytes()));
        let _ = writeln!(text, "end {digest}");
        text
    }

    fn finished(files: &[&str], left: &[&str]) -> Recovery {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        Recovery::Finished { files: paths(files), left: paths(left) }
    }

    #[test]
    fn all_files_are_replaced_and_nothing_is_left() {
        let world = World::new();
        let journal = Journal::begin(&world.root).expect("nothing is wrong").expect("there is a place");
        let paths = PATHS.map(|path| world.path(path));
        let lock = FolderLock::acquire(paths.iter().map(PathBuf::as_path), Some(&world.root)).expect("a lock");
        journal.prepare(&lock).expect("it is noted");
        let snapshots = OLD.map(|text| Snapshot::of(text.as_bytes()));
        let prepared = paths.iter().zip(NEW).zip(&snapshots).map(|((path, text), snapshot)| {
            let expect = Expect::Unchanged(snapshot);
            let staged = lock.stage(path, text.as_bytes(), expect, Mode::KeepOr(0o666)).expect("it is written");
            staged.prepare().expect("it is ready")
        });
        journal.commit(prepared.collect()).expect("all are replaced");
        drop(lock);
        assert_eq!(world.texts(), NEW);
        world.assert_clean();
        assert_eq!(recover(&world.root).expect("nothing is wrong"), None);
    }

    #[test]
    fn when_one_of_the_old_files_was_changed_none_is_replaced() {
        let world = World::new();
        let journal = Journal::begin(&world.root).expect("nothing is wrong").expect("there is a place");
        let paths = PATHS.map(|path| world.path(path));
        let lock = FolderLock::acquire(paths.iter().map(PathBuf::as_path), Some(&world.root)).expect("a lock");
        let snapshots = OLD.map(|text| Snapshot::of(text.as_bytes()));
        let prepared: Vec<_> = (0..3)
            .map(|index| {
                let expect = Expect::Unchanged(&snapshots[index]);
                let staged = lock.stage(&paths[index], NEW[index].as_bytes(), expect, Mode::KeepOr(0o666));
                staged.and_then(Staged::prepare).expect("it is ready")
            })
            .collect();
        fs::write(&paths[2], "somebody else's").expect("a file");
        assert!(matches!(journal.commit(prepared), Err(FsError::Changed { .. })));
        assert_eq!(world.texts(), ["old 1", "old 2", "somebody else's"]);
        world.assert_clean();
    }

    #[test]
    fn whichever_files_were_renamed_before_the_kill_all_are_new_afterwards() {
        for subset in 0..8_usize {
            let world = World::new();
            let renamed: Vec<usize> = (0..3).filter(|index| subset >> index & 1 == 1).collect();
            fs::write(world.journal(), world.killed_after(&renamed)).expect("a journal");
            assert_eq!(pending(&world.root).expect("it is read"), Some(Pending::Complete(3)));
            assert_eq!(world.settle(), Some(finished(&PATHS, &[])), "{renamed:?}");
            assert_eq!(world.texts(), NEW);
            world.assert_clean();
        }
    }

    #[test]
    fn a_journal_that_was_cut_anywhere_is_undone() {
        let whole = World::new().killed_after(&[]).len();
        for length in 0..whole {
            let world = World::new();
            let text = world.killed_after(&[]);
            fs::write(world.journal(), &text[..length]).expect("a journal");
            assert_eq!(pending(&world.root).expect("it is read"), Some(Pending::Incomplete), "{length}");
            let recovery = world.settle();
            assert!(matches!(recovery, None | Some(Recovery::Undone)), "{length}: {recovery:?}");
            assert_eq!(world.texts(), OLD);
            // Before the folders are noted, nothing had been made in them.
            if text[..length].contains("\"b\"\n") {
                world.assert_clean();
            }
        }
    }

    #[test]
    fn other_writers_leave_alone_what_a_journal_needs() {
        let world = World::new();
        fs::write(world.journal(), world.killed_after(&[0])).expect("a journal");
        let paths = PATHS.map(|path| world.path(path));
        drop(FolderLock::acquire(paths.iter().map(PathBuf::as_path), Some(&world.root)).expect("a lock"));
        assert_eq!(recover(&world.root).expect("it is finished"), Some(finished(&PATHS, &[])));
        assert_eq!(world.texts(), NEW);
    }

    #[test]
    fn what_was_changed_removed_or_replaced_by_a_link_meanwhile_is_left_as_it_is() {
        let changes: [(&str, Act); 4] = [
            ("changed", |world| fs::write(world.path("a/two"), "somebody else's").expect("a file")),
            ("removed", |world| fs::remove_file(world.path("a/two")).expect("a file")),
            ("link", |world| {
                fs::remove_file(world.path("a/two")).expect("a file");
                symlink(world.folder.path().join("outside"), world.path("a/two")).expect("a link");
            }),
            ("no new one", |world| {
                for entry in fs::read_dir(world.path("a")).expect("a folder") {
                    let path = entry.expect("an entry").path();
                    if fs::read(&path).expect("a file") == b"new 2" {
                        fs::write(path, "not what was written").expect("a file");
                    }
                }
            }),
        ];
        for (name, change) in changes {
            let world = World::new();
            fs::write(world.journal(), world.killed_after(&[0])).expect("a journal");
            change(&world);
            let before = fs::read(world.path("a/two")).ok();
            assert_eq!(
                recover(&world.root).expect("the others are finished"),
                Some(finished(&["a/one", "b/three"], &["a/two"])),
                "{name}"
            );
            assert_eq!(fs::read(world.path("a/two")).ok(), before, "{name}");
            assert_eq!(fs::read(world.folder.path().join("outside")).expect("a file"), b"outside", "{name}");
            assert_eq!(fs::read_to_string(world.path("b/three")).expect("a file"), NEW[2], "{name}");
            assert!(!world.journal().exists(), "{name}");
        }
    }

    #[test]
    fn a_hostile_journal_moves_nothing() {
        let [old, new] = ["outside", "planted"].map(|text| Snapshot::of(text.as_bytes()).hexadecimal());
        let name = temporary_name();
        let lines = [
            format!("file {old} {new} {name} \"../outside\""),
            format!("file {old} {new} {name} \"/etc/passwd\""),
            format!("file {old} {new} {name} \"a/../../outside\""),
            format!("file {old} {new} {name} \"a/./one\""),
            format!("file {old} {new} {name} \"a//one\""),
            format!("file {old} {new} {name} \"\""),
            format!("file {old} {new} {name} \".git/config\""),
            format!("file {old} {new} {name} \"a/.GIT/config\""),
            format!("file {old} {new} {name} \"a\\u0000b\""),
            format!("file {old} {new} ../outside \"a/one\""),
            format!("file {old} {new} planted \"a/one\""),
            format!("file {old} {} {name} \"a/one\"", &new[1..]),
            format!("file {old} {} {name} \"a/one\"", new.to_uppercase()),
            format!("file {old} {new} {name} a/one"),
            format!("file {old} {new} {name}"),
            format!("file {old} {new} {name} \"a/one\"\nfile {old} {new} {name} \"a/two\""),
            format!("file {old} {new} {name} \"a/one\"\nfile {old} {new} {} \"a/one\"", temporary_name()),
            "run rm".to_owned(),
        ];
        for line in lines {
            let world = World::new();
            fs::write(world.path("a").join(&name), "planted").expect("a file");
            fs::write(world.path(&name), "planted").expect("a file");
            fs::write(world.journal(), closed(format!("{FIRST_LINE}{line}\n"))).expect("a journal");
            assert!(matches!(recover(&world.root), Err(FsError::Journal { .. })), "{line}");
            assert_eq!(world.texts(), OLD);
            assert_eq!(fs::read(world.folder.path().join("outside")).expect("a file"), b"outside");
            assert!(world.journal().exists(), "a person looks at it");
        }
    }

    #[test]
    fn no_folder_behind_a_link_is_entered() {
        let world = World::new();
        let text = world.killed_after(&[]);
        let moved = world.folder.path().join("moved");
        fs::rename(world.path("a"), &moved).expect("a move");
        symlink(&moved, world.path("a")).expect("a link");
        fs::write(world.journal(), text).expect("a journal");
        assert!(matches!(recover(&world.root), Err(FsError::Outside { .. })));
        assert_eq!(fs::read_to_string(moved.join("one")).expect("a file"), OLD[0]);
        // Undoing does not enter it, either.
        fs::write(world.journal(), format!("{FIRST_LINE}folder \"a\"\nfolder \"../moved\"\n")).expect("a journal");
        let count = || fs::read_dir(&moved).expect("a folder").count();
        let before = count();
        assert_eq!(recover(&world.root).expect("it is undone"), Some(Recovery::Undone));
        assert_eq!(count(), before);
    }

    #[test]
    fn a_journal_that_is_a_link_or_a_folder_is_refused() {
        let world = World::new();
        fs::write(world.folder.path().join("elsewhere"), world.killed_after(&[])).expect("a file");
        symlink(world.folder.path().join("elsewhere"), world.journal()).expect("a link");
        assert!(matches!(recover(&world.root), Err(FsError::Link { .. })));
        assert!(matches!(Journal::begin(&world.root), Err(FsError::Link { .. })));
        fs::remove_file(world.journal()).expect("a link");
        fs::create_dir(world.journal()).expect("a folder");
        assert!(recover(&world.root).is_err());
        assert_eq!(world.texts(), OLD);
    }

    #[test]
    fn one_process_at_a_time_has_the_right() {
        let world = World::new();
        let first = Journal::begin(&world.root).expect("nothing is wrong").expect("there is a place");
        assert!(matches!(Journal::begin(&world.root), Err(FsError::Busy { .. })));
        assert_eq!(pending(&world.root).expect("it is read"), Some(Pending::Running));
        assert_eq!(recover(&world.root).expect("it is left alone"), None);
        drop(first);
        assert!(!world.journal().exists());
        drop(Journal::begin(&world.root).expect("nothing is wrong"));
        fs::write(world.journal(), world.killed_after(&[1])).expect("a journal");
        assert!(matches!(Journal::begin(&world.root), Err(FsError::Unfinished { .. })));
        assert_eq!(world.settle(), Some(finished(&PATHS, &[])));
    }
}
