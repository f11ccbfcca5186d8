//! Moving an encrypted file together with the path in its header.

use super::save::{WRITE_MODE, seal_error};
use super::{Error, Target, Workspace};
use crate::envelope::native::{Header, seal};
use crate::fs::{Expect, FolderLock, FsError, create_folder, kind};
use crate::policy::drift;

impl Workspace<'_> {
    /// Moves a file. Its readers stay, so the rule for the new path must name all of them.
    ///
    /// # Errors
    /// When something stands at the new path, no rule is for it, or its rule does not name a reader.
    pub fn mv(&self, from: Target, to: Target) -> Result<(), Error> {
        if kind(&to.path)?.is_some() {
            return Err(FsError::Exists { path: to.path }.into());
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
        // The new file first: a crash between the two leaves both, and `mv` run again says so.
        lock.replace(&to.path, &bytes, Expect::Absent, WRITE_MODE)?;
        lock.remove(&file.target.path, Expect::Unchanged(&file.snapshot))?;
        Ok(())
    }

    /// Opens a file at the path in its header, or one that git or a file manager has moved to its new path already.
    fn open_for_move(&self, from: Target, recorded: &str) -> Result<super::OpenFile, Error> {
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
