//! Replacing several files in one step, also when the process is killed in the midst of it.
//!
//! Complete new files lie beside the old ones; then the journal names each of them, with the digests of the old and the
//! new content, and is flushed; then they are renamed; then the journal is removed. A process that ends before the journal
//! is complete has changed nothing. After that whoever writes next ([`recover()`]) does the rest.
//!
//! The journal is written in place: what is locked is the file itself, which is there only while it is needed. Whether it
//! is complete tells its last line, a digest of the others. What it says is believed only as far as it agrees with what
//! lies there: no path leaves the root, no link is followed, and only bytes with the recorded digest are moved.

#[cfg(test)]
mod fixture;
mod recover;
mod storage;
mod text;

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use super::lock::Folder;
use super::place::Place;
use super::replace::{check, give_name};
use super::{Expect, FolderLock, FsError, Root, Snapshot, Staged, Step};
pub(super) use recover::needed;
pub use recover::{Pending, Recovery, pending, recover};
use storage::{locked, open, read_all, remove, sync_folder_of};
pub use text::JournalProblem;
use text::{FIRST_LINE, hexadecimal};

/// The right to replace several files of a root, which one process at a time has.
pub struct Journal {
    root: Arc<Root>,
    path: PathBuf,
    file: File,
    /// Whether it stays when this process ends.
    is_kept: bool,
}

/// The file that new files were made for, which is not replaced unless it is among them: the policy.
pub struct Needs<'n> {
    /// Where it is.
    pub path: &'n Path,
    /// What it must hold while the others are replaced.
    pub before: &'n Snapshot,
    /// What it holds afterwards.
    pub after: &'n Snapshot,
}

/// A new file that has been flushed, with the digests by which it and the one that it replaces are known again.
pub struct Prepared<'l> {
    staged: Staged<'l>,
    old: Snapshot,
    new: Snapshot,
}

impl Journal {
    /// Takes the right to replace several files of the root; `None` where it has no place for a journal.
    ///
    /// # Errors
    /// [`FsError::Busy`] when another process has it, [`FsError::Unfinished`] when one was killed in the midst of it.
    pub fn begin(root: &Arc<Root>) -> Result<Option<Self>, FsError> {
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
        Ok(Some(Self { root: Arc::clone(root), path: path.to_path_buf(), file, is_kept: false }))
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

    /// Puts all of the new files in place. If the process is killed, all are old, or become new by [`recover()`], unless
    /// what they need is another file by then.
    ///
    /// # Errors
    /// When one of the old files was changed meanwhile, or the system refuses: then all are old. When it refuses in the
    /// midst of it, [`FsError::Unfinished`].
    pub fn commit(mut self, prepared: Vec<Prepared<'_>>, needs: Option<&Needs<'_>>) -> Result<(), FsError> {
        let known = self.file.metadata().map_err(|source| FsError::io(Step::Read, &self.path, source))?.len();
        let mut text = if known == 0 { String::from(FIRST_LINE) } else { String::new() };
        if let Some(Needs { path, before, after }) = needs {
            check(&Place::find(path, Some(&self.root))?, Expect::Unchanged(before))?;
            let (before, after) = (before.hexadecimal(), after.hexadecimal());
            let _ = writeln!(text, "needs {before} {after} {}", self.spelled(path)?);
        }
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

impl Drop for Journal {
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

fn digest_at(place: &Place) -> Result<Snapshot, FsError> {
    Snapshot::of_file(place.open()?).map_err(|source| FsError::io(Step::Read, &place.path, source))
}

/// Returns the folders of new files, each once.
fn folders_of<'l>(prepared: &[Prepared<'l>]) -> Vec<&'l Folder> {
    let mut folders: Vec<&Folder> = prepared.iter().map(|prepared| prepared.staged.folder).collect();
    folders.sort_by_key(|folder| std::ptr::from_ref(*folder));
    folders.dedup_by_key(|folder| std::ptr::from_ref(*folder));
    folders
}

/// How often a last step is tried: what is left half done costs more than to try again.
const ATTEMPTS: usize = 3;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::Mode;
    use super::fixture::{NEW, OLD, PATHS, World, finished};
    use super::*;

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
        journal.commit(prepared.collect(), None).expect("all are replaced");
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
        assert!(matches!(journal.commit(prepared, None), Err(FsError::Changed { .. })));
        assert_eq!(world.texts(), ["old 1", "old 2", "somebody else's"]);
        world.assert_clean();
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
