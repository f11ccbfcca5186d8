//! Moving an encrypted file together with the path in its header.

use super::opaque_write::carry;
use super::save::{WRITE_MODE, seal_error};
use super::{Error, OpenOpaque, Standing, Target, Workspace};
use crate::envelope::native::{Header, seal};
use crate::fs::{Expect, FolderLock, FsError, commit, create_folder, kind};
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
        if let Some(stored) = self.stored_opaque(&from)? {
            return self.mv_opaque(self.open_opaque(stored, true)?, &to, recorded);
        }
        let file = self.open(from, true)?;
        let header = self.moved_header(&file, &to, recorded)?;
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

    /// Moves a file that is not held in memory.
    fn mv_opaque(&self, file: OpenOpaque, to: &Target, recorded: String) -> Result<(), Error> {
        let header = self.moved_header(&file, to, recorded)?;
        if let Some(folder) = to.path.parent() {
            create_folder(folder, self.within())?;
        }
        let lock = FolderLock::acquire([file.target.path.as_path(), to.path.as_path()], self.within())?;
        let draft = lock.draft(&to.path, Expect::Absent, WRITE_MODE)?;
        let staged = carry(draft, &header, &file)?;
        file.source()?.check_unchanged()?;
        commit(vec![staged])?;
        lock.remove(&file.target.path, Expect::Same(file.source()?))?;
        Ok(())
    }

    /// Returns the header of a file at its new path, if it may go there. The file stands at the path in its header, or git
    /// or a file manager has moved it to its new path already.
    fn moved_header(&self, file: &impl Standing, to: &Target, recorded: String) -> Result<Header, Error> {
        let header = file.header();
        let is_known = [file.target().recorded.as_deref(), Some(&recorded)].contains(&Some(header.path.as_str()));
        if !is_known {
            return Err(Error::AtOtherPath { path: file.target().shown.clone(), recorded: header.path.clone() });
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
