//! Reading and opening the encrypted files of a workspace.

use zeroize::Zeroizing;

use super::{Error, Target, Workspace};
use crate::envelope::native::{Counts, EncryptedFile, Header, MAX_ENCRYPTED, Opened, ReadError};
use crate::fs::{self, Snapshot};

/// A file as it stands there.
pub struct StoredFile {
    /// Which file.
    pub target: Target,
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// What to compare with before it is replaced.
    pub snapshot: Snapshot,
}

/// What an encrypted file says without a key.
pub struct Inspected {
    /// Which file.
    pub target: Target,
    /// Its header, which is not authenticated.
    pub header: Header,
    /// How many values it has.
    pub counts: Counts,
}

/// An encrypted file that was opened.
pub struct OpenFile {
    /// Which file.
    pub target: Target,
    /// The encrypted file as it stands there.
    pub encrypted: Vec<u8>,
    /// What to compare with before it is replaced.
    pub snapshot: Snapshot,
    /// What is in it.
    pub opened: Opened,
}

impl Workspace<'_> {
    /// Reads a file, encrypted or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, target: Target) -> Result<StoredFile, Error> {
        let bytes = fs::read(&target.path, self.within(), MAX_ENCRYPTED)?;
        let snapshot = Snapshot::of(&bytes);
        Ok(StoredFile { target, bytes, snapshot })
    }

    /// Reads an encrypted file without opening it: nothing of it is authenticated.
    ///
    /// # Errors
    /// When it cannot be read, or is not encrypted.
    pub fn read_encrypted(&self, target: Target) -> Result<(StoredFile, EncryptedFile), Error> {
        let stored = self.read(target)?;
        let file = parse(&stored)?;
        Ok((stored, file))
    }

    /// Reads what an encrypted file says without a key: nothing of it is authenticated. Of a large opaque file only the
    /// top is read.
    ///
    /// # Errors
    /// As [`Self::read_encrypted`].
    pub fn inspect(&self, target: Target) -> Result<Inspected, Error> {
        if let Some(stored) = self.stored_opaque(&target)? {
            let counts = Counts { encrypted: None, clear: 0 };
            return Ok(Inspected { header: stored.header().clone(), target, counts });
        }
        let (stored, file) = self.read_encrypted(target)?;
        Ok(Inspected { target: stored.target, header: file.header().clone(), counts: file.counts() })
    }

    /// Refuses an opaque file that is too large for memory, where keys of it are asked for.
    ///
    /// # Errors
    /// When it is one, or cannot be read.
    pub fn refuse_large(&self, target: &Target) -> Result<(), Error> {
        match self.stored_opaque(target)? {
            Some(_) => Err(Error::NoKeys { path: target.shown.clone() }),
            None => Ok(()),
        }
    }

    /// Refuses an opaque file that is too large to be held in memory with its changed form.
    ///
    /// # Errors
    /// When it is one, or cannot be read.
    pub fn refuse_to_edit_large(&self, target: &Target) -> Result<(), Error> {
        match self.stored_opaque(target)? {
            Some(stored) if stored.source.length() > MAX_EDITED => {
                Err(Error::TooLargeToEdit { path: target.shown.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Opens an encrypted file.
    ///
    /// # Errors
    /// When it is not encrypted, no identity opens it, it is not authentic, or (unless `at_any_path`) it stands
    /// elsewhere in the repository than its header says.
    pub fn open(&self, target: Target, at_any_path: bool) -> Result<OpenFile, Error> {
        let stored = self.read(target)?;
        self.open_stored(stored, at_any_path)
    }

    /// Opens an encrypted file that was read; see [`Self::open`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_stored(&self, stored: StoredFile, at_any_path: bool) -> Result<OpenFile, Error> {
        let file = parse(&stored)?;
        let opened = self.open_file(&stored.target.shown, &file)?;
        if !at_any_path {
            refuse_other_path(&stored.target, &opened.header)?;
        }
        let StoredFile { target, bytes, snapshot } = stored;
        Ok(OpenFile { target, encrypted: bytes.to_vec(), snapshot, opened })
    }

    /// Unwraps the data key of a file and opens it.
    pub(super) fn open_file(&self, shown: &str, file: &EncryptedFile) -> Result<Opened, Error> {
        let header = file.header();
        let payload = self.identities.unwrap(&header.wrapped_key).map_err(|source| Error::Unwrap {
            path: shown.to_owned(),
            readers: header.recipients.keys().cloned().collect(),
            source,
        })?;
        file.open(&payload).map_err(|source| Error::NotAuthentic { path: shown.to_owned(), source })
    }
}

/// Refuses a file that stands elsewhere than it was encrypted for, so that staging is never deployed as production.
pub(super) fn refuse_other_path(target: &Target, header: &Header) -> Result<(), Error> {
    match &target.recorded {
        Some(recorded) if *recorded != header.path => {
            Err(Error::AtOtherPath { path: target.shown.clone(), recorded: header.path.clone() })
        }
        _ => Ok(()),
    }
}

fn parse(stored: &StoredFile) -> Result<EncryptedFile, Error> {
    let path = || stored.target.shown.clone();
    EncryptedFile::parse(&stored.bytes).map_err(|source| match source {
        ReadError::NotEncrypted => Error::NotEncrypted { path: path() },
        source => Error::Read { path: path(), source },
    })
}

/// How large an opaque file may be that is edited.
const MAX_EDITED: u64 = 16 << 20;
