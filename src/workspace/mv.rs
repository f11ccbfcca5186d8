//! Moving an encrypted file together with the path in its header.

use super::opaque_write::carry;
use super::save::{WRITE_MODE, seal_error};
use super::{Error, OpenFile, OpenOpaque, Standing, Target, Workspace};
use crate::envelope::native::{Header, seal};
use crate::fs::{Expect, FolderLock, FsError, Snapshot, Source, commit, create_folder, kind};
use crate::policy::drift;

impl Workspace<'_> {
    /// Moves a file. Its readers stay, so the rule for the new path must name all of them.
    ///
    /// # Errors
    /// When something stands at the new path, no rule is for it, or its rule does not name a reader.
    pub fn mv(&self, from: Target, to: Target) -> Result<(), Error> {
        if kind(&to.path)?.is_some() {
            return self.finish_move(from, &to);
        }
        let recorded = to.recorded.clone().ok_or_else(|| self.no_policy())?;
        if let Some(stored) = self.stored_opaque(&from)? {
            return self.mv_opaque(&self.open_opaque(stored, true)?, &to, recorded);
        }
        let file = self.open(from, true)?;
        let header = self.moved_header(&file, &to, recorded)?;
        let format = header.format;
        let bytes = seal(&file.opened.plaintext, header, &file.opened.secrets, Some(&file.opened), self.env.today())
            .map_err(|source| seal_error(&to, format, source))?;
        let lock = self.lock_for_move(&file.target, &to)?;
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

    /// Moves a file that is not held in memory.
    fn mv_opaque(&self, file: &OpenOpaque, to: &Target, recorded: String) -> Result<(), Error> {
        let header = self.moved_header(file, to, recorded)?;
        let lock = self.lock_for_move(&file.target, to)?;
        let is_unchanged = Expect::Same(file.source()?.identity());
        lock.expect(&file.target.path, is_unchanged)?;
        let draft = lock.draft(&to.path, Expect::Absent, WRITE_MODE)?;
        let written = draft.source()?;
        let staged = carry(draft, &header, file)?;
        lock.expect(&file.target.path, is_unchanged)?;
        // In the same order as above, and for the same reason.
        let moved = commit(vec![staged]).and_then(|()| lock.remove(&file.target.path, is_unchanged));
        moved.inspect_err(|_| {
            if lock.expect(&file.target.path, is_unchanged).is_ok()
                && let Ok(new) = Source::open(&to.path, self.within())
                && new.is_file_of(&written)
            {
                let _ = lock.remove(&to.path, Expect::Same(new.identity()));
            }
        })?;
        Ok(())
    }

    fn lock_for_move(&self, from: &Target, to: &Target) -> Result<FolderLock<'_>, Error> {
        if let Some(folder) = to.path.parent() {
            create_folder(folder, self.within())?;
        }
        Ok(FolderLock::acquire([from.path.as_path(), to.path.as_path()], self.within())?)
    }

    /// Removes the old file of a move that was cut off when the new one was there already.
    ///
    /// # Errors
    /// When what stands at the new path is not the same file: nothing is overwritten, and nothing lost.
    fn finish_move(&self, from: Target, to: &Target) -> Result<(), Error> {
        let exists = || Error::from(FsError::Exists { path: to.path.clone() });
        if kind(&from.path)?.is_none() {
            // Git or a file manager has moved it, and its header says still where it was.
            let header = self.inspect(to.clone()).map_err(|_| exists())?.header;
            let is_this = from.recorded.as_ref() == Some(&header.path);
            return Err(if is_this {
                other_path(to, header.path)
            } else {
                FsError::Missing { path: from.path }.into()
            });
        }
        let lock = FolderLock::acquire([from.path.as_path(), to.path.as_path()], self.within())?;
        if let Some(stored) = self.stored_opaque(&from)? {
            let old = self.open_opaque(stored, false)?;
            let new = self.stored_opaque(to).ok().flatten().ok_or_else(exists)?;
            let new = self.open_opaque(new, false).map_err(|_| exists())?;
            if !is_moved_opaque(&old, &new)? {
                return Err(exists());
            }
            lock.expect(&to.path, Expect::Same(new.source()?.identity()))?;
            return Ok(lock.remove(&old.target.path, Expect::Same(old.source()?.identity()))?);
        }
        let old = self.open(from, false)?;
        let new = self.open(to.clone(), false).map_err(|_| exists())?;
        if !is_moved(&old, &new) {
            return Err(exists());
        }
        lock.expect(&to.path, Expect::Unchanged(&new.snapshot))?;
        Ok(lock.remove(&old.target.path, Expect::Unchanged(&old.snapshot))?)
    }

    /// Returns the header of a file at its new path, if it may go there. The file stands at the path in its header, or git
    /// or a file manager has moved it to its new path already.
    fn moved_header(&self, file: &impl Standing, to: &Target, recorded: String) -> Result<Header, Error> {
        let header = file.header();
        let is_known = [file.target().recorded.as_deref(), Some(&recorded)].contains(&Some(header.path.as_str()));
        if !is_known {
            return Err(other_path(file.target(), header.path.clone()));
        }
        self.check_writable(file)?;
        let rule = self.rule(to)?;
        let drift = drift(&header.recipients, &self.required_policy()?.readers(rule));
        if drift.has_surplus() {
            return Err(Error::Drifted { path: to.shown.clone(), drift });
        }
        Self::check_metadata(to, rule, &header.metadata)?;
        Ok(Header { path: recorded, ..header.clone() })
    }
}

fn other_path(target: &Target, recorded: String) -> Error {
    Error::AtOtherPath { path: target.shown.clone(), recorded }
}

/// Tells whether a file is what `mv` makes of another one: the same plaintext, id, key, readers and metadata, at its new
/// place. Both are authentic.
fn is_moved(old: &OpenFile, new: &OpenFile) -> bool {
    is_moved_header(&old.opened.header, &new.opened.header) && new.opened.plaintext == old.opened.plaintext
}

/// As [`is_moved`], of files that are not held in memory: their bodies are the same to the byte, and authentic.
fn is_moved_opaque(old: &OpenOpaque, new: &OpenOpaque) -> Result<bool, Error> {
    Ok(is_moved_header(&old.opened.header, &new.opened.header)
        && old.opened.stamp == new.opened.stamp
        && new.is_whole_with_body_of(old)?)
}

fn is_moved_header(before: &Header, after: &Header) -> bool {
    // The digest of a body without tokens has a salt of its own.
    let same = Header { path: before.path.clone(), revision: before.revision, body: before.body, ..after.clone() };
    after.revision > before.revision && same == *before
}
