//! Writing a changed file back, so that two writers never lose an update.

use std::path::Path;

use zeroize::Zeroizing;

use super::metadata::refuse_unknown_values;
use super::{Error, OpenFile, Target, Workspace};
use crate::document::{Format, KeyPath};
use crate::envelope::native::{Header, SealError, seal_moved};
use crate::fs::{self, Expect, FolderLock, FsError, Kind, Mode};

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// The file was replaced.
    Changed,
    /// Nothing differs: the file was not touched.
    Unchanged,
}

/// What becomes of a file.
pub(super) struct Rewritten {
    /// Its new plaintext.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// Its new header.
    pub header: Header,
    /// The key paths of values that stood elsewhere, each with the one where that was: they are as old as there.
    pub moved: Vec<(KeyPath, KeyPath)>,
}

impl Workspace<'_> {
    /// Opens a file, changes its plaintext or header, and writes it back while no other `secret` writes there.
    ///
    /// # Errors
    /// When the file cannot be opened, must not be written, or the change fails. Then it is as it was.
    pub fn update(
        &self,
        target: Target,
        change: impl FnOnce(&OpenFile) -> Result<(Zeroizing<Vec<u8>>, Header), Error>,
    ) -> Result<Saved, Error> {
        self.update_moving(target, |file| {
            let (plaintext, header) = change(file)?;
            Ok(Rewritten { plaintext, header, moved: Vec::new() })
        })
    }

    /// As [`Self::update`], where values may stand elsewhere than before.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub(super) fn update_moving(
        &self,
        target: Target,
        change: impl FnOnce(&OpenFile) -> Result<Rewritten, Error>,
    ) -> Result<Saved, Error> {
        let lock = FolderLock::acquire([target.path.as_path()], self.within())?;
        let file = self.open(target, false)?;
        let Rewritten { plaintext, header, moved } = change(&file)?;
        let sealed = self.reseal(&file, &plaintext, header, &moved)?;
        if sealed == file.encrypted {
            return Ok(Saved::Unchanged);
        }
        lock.replace(&file.target.path, &sealed, Expect::Unchanged(&file.snapshot), WRITE_MODE)?;
        Ok(Saved::Changed)
    }

    /// Changes the header of a file and leaves its content as it is, whatever its size.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub fn update_header(
        &self,
        target: Target,
        change: impl Fn(&Target, &Header) -> Result<Header, Error>,
    ) -> Result<Saved, Error> {
        match self.update_opaque(&target, &change)? {
            Some(saved) => Ok(saved),
            None => self
                .update(target, |file| Ok((file.opened.plaintext.clone(), change(&file.target, &file.opened.header)?))),
        }
    }

    /// Writes a file back that was opened before; refused if it was changed meanwhile.
    ///
    /// # Errors
    /// As [`Self::update`].
    pub fn save(&self, file: &OpenFile, plaintext: &[u8], header: Header) -> Result<Saved, Error> {
        let sealed = self.reseal(file, plaintext, header, &[])?;
        if sealed == file.encrypted {
            return Ok(Saved::Unchanged);
        }
        self.check_values_of(file, &sealed)?;
        fs::replace(&file.target.path, self.within(), &sealed, Expect::Unchanged(&file.snapshot), WRITE_MODE)?;
        Ok(Saved::Changed)
    }

    /// Writes bytes to a file of the workspace.
    ///
    /// # Errors
    /// When something else than expected stands there, or it cannot be written.
    pub fn write_new(&self, target: &Target, bytes: &[u8], expect: Expect<'_>, mode: Mode) -> Result<(), Error> {
        if let Some(folder) = target.path.parent() {
            fs::create_folder(folder, self.within())?;
        }
        Ok(fs::replace(&target.path, self.within(), bytes, expect, mode)?)
    }

    /// Refuses a file of the work tree that is, or stands behind, a symlink: who can commit one must not choose which
    /// plaintext is read, or where one is written.
    ///
    /// # Errors
    /// When there is a link, or the folders cannot be read.
    pub fn refuse_links(&self, target: &Target) -> Result<(), Error> {
        match (self.within(), &target.recorded) {
            (Some(root), Some(recorded)) => Ok(root.refuse_links(Path::new(recorded))?),
            _ if fs::kind(&target.path)? == Some(Kind::Symlink) => {
                Err(FsError::Link { path: target.path.clone() }.into())
            }
            _ => Ok(()),
        }
    }

    fn reseal(
        &self,
        file: &OpenFile,
        plaintext: &[u8],
        header: Header,
        moved: &[(KeyPath, KeyPath)],
    ) -> Result<Vec<u8>, Error> {
        self.check_writable(file)?;
        refuse_unknown_values(&file.target, &header, &file.opened.header.metadata.values, plaintext)?;
        let format = header.format;
        seal_moved(plaintext, header, &file.opened.secrets, &file.opened, moved, self.env.today())
            .map_err(|source| seal_error(&file.target, format, source))
    }
}

/// Names file and format of a failed seal.
pub(super) fn seal_error(target: &Target, format: Format, source: SealError) -> Error {
    let path = target.shown.clone();
    match source {
        SealError::Syntax(source) => Error::Syntax { path, format, source },
        source => Error::Seal { path, source },
    }
}

/// An encrypted file keeps the mode it has; a new one is readable like any file of a repository.
pub(super) const WRITE_MODE: Mode = Mode::KeepOr(0o666);
