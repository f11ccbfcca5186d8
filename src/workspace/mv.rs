//! Moving an encrypted file together with the path in its header.

use super::save::{WRITE_MODE, seal_error};
use super::{Error, OpenFile, Target, Workspace};
use crate::envelope::native::{Header, seal};
use crate::fs::{Expect, FolderLock, FsError, Snapshot, create_folder, kind};
use crate::policy::drift;

impl Workspace<'_> {
    /// Moves a file. Its readers stay, so the rule for the new path must name all of them.
    ///
    /// # Errors
    /// When something stands at the new path, no rule is for it, or its rule does not name a reader.
    pub fn mv(&self, from: Target, to: Target) -> Result<(), Error> {
        if kind(&to.path)?.is_some() {
            return self.finish_move(from, to);
        }
        let recorded =
            to.recorded.clone().ok_or_else(|| Error::NoPolicy { root: self.env.current_dir().to_path_buf() })?;
        let file = self.open_for_move(from, &recorded)?;
        let rule = self.rule(&to)?;
        let drift = drift(&file.opened.header.recipients, &self.required_policy()?.readers(rule));
        if drift.has_surplus() {
            return Err(Error::Drifted { path: to.shown, drift });
        }
        Self::check_metadata(&to, rule, &file.opened.header.metadata)?;
        let header = Header { path: recorded, ..file.opened.header.clone() };
        let format = header.format;
        let bytes = seal(&file.opened.plaintext, header, &file.opened.secrets, Some(&file.opened), self.env.today())
            .map_err(|source| seal_error(&to, format, source))?;
        if let Some(folder) = to.path.parent() {
            create_folder(folder, self.within())?;
        }
        let lock = FolderLock::acquire([file.target.path.as_path(), to.path.as_path()], self.within())?;
        let is_unchanged = Expect::Unchanged(&file.snapshot);
        lock.expect(&file.target.path, is_unchanged)?;
        // The new file first: who is killed between the two leaves both, and the next `mv` removes the old one.
        let moved = lock
            .replace(&to.path, &bytes, Expect::Absent, WRITE_MODE)
            .and_then(|()| lock.remove(&file.target.path, is_unchanged));
        moved.inspect_err(|_| {
            // As long as the old file stands, the new one can go: it is ours to the byte.
            if lock.expect(&file.target.path, is_unchanged).is_ok() {
                let _ = lock.remove(&to.path, Expect::Unchanged(&Snapshot::of(&bytes)));
            }
        })?;
        Ok(())
    }

    /// Removes the old file of a move that was cut off when the new one was there already.
    ///
    /// # Errors
    /// When what stands at the new path is not the same file: nothing is overwritten, and nothing lost.
    fn finish_move(&self, from: Target, to: Target) -> Result<(), Error> {
        let exists = || Error::from(FsError::Exists { path: to.path.clone() });
        let lock = FolderLock::acquire([from.path.as_path(), to.path.as_path()], self.within())?;
        let old = self.open(from, false)?;
        let new = self.open(to.clone(), false).map_err(|_| exists())?;
        if !is_moved(&old, &new) {
            return Err(exists());
        }
        lock.expect(&to.path, Expect::Unchanged(&new.snapshot))?;
        Ok(lock.remove(&old.target.path, Expect::Unchanged(&old.snapshot))?)
    }

    /// Opens a file at the path in its header, or one that git or a file manager has moved to its new path already.
    fn open_for_move(&self, from: Target, recorded: &str) -> Result<OpenFile, Error> {
        let file = self.open(from, true)?;
        let is_known =
            [file.target.recorded.as_deref(), Some(recorded)].contains(&Some(file.opened.header.path.as_str()));
        if !is_known {
            return Err(Error::AtOtherPath { path: file.target.shown, recorded: file.opened.header.path });
        }
        self.check_writable(&file)?;
        Ok(file)
    }
}

/// Tells whether a file is what `mv` makes of another one: the same plaintext, id, key, readers and metadata, at its new
/// place. Both are authentic.
fn is_moved(old: &OpenFile, new: &OpenFile) -> bool {
    let (before, after) = (&old.opened.header, &new.opened.header);
    // The digest of a body without tokens has a salt of its own.
    let same = Header { path: before.path.clone(), revision: before.revision, body: before.body, ..after.clone() };
    after.revision > before.revision && same == *before && new.opened.plaintext == old.opened.plaintext
}
