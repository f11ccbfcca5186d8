//! Reading and opening the encrypted files of a workspace.

use zeroize::Zeroizing;

use super::opaque::large_top;
use super::{AnyFile, Error, StoredOpaque, Target, Unencrypted, Workspace};
use crate::envelope::native::{Counts, EncryptedFile, Header, MAX_ENCRYPTED, Opened, ReadError};
use crate::fs::{self, OpenFolder, Root, Snapshot, Source};
use crate::keys::{Identities, Recipient};
use crate::policy::{self, Policy};

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

/// Opens the files of one workspace; can be shared by threads.
#[derive(Clone, Copy)]
pub struct Opener<'w> {
    within: Option<&'w Root>,
    identities: &'w Identities<'w>,
    /// The recipient whose identity alone may open.
    only: Option<&'w Recipient>,
}

impl Workspace<'_> {
    /// Returns the part of the workspace that opens files.
    pub fn opener(&self) -> Opener<'_> {
        Opener { within: self.within(), identities: self.identities, only: None }
    }

    /// Reads a file, encrypted or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, target: Target) -> Result<StoredFile, Error> {
        self.opener().read(target, None)
    }

    /// Reads an encrypted file without opening it: nothing of it is authenticated.
    ///
    /// # Errors
    /// When it cannot be read, or is not encrypted.
    pub fn read_encrypted(&self, target: Target) -> Result<(StoredFile, EncryptedFile), Error> {
        let stored = self.read(target)?;
        let file = parse(&stored, self.within())?;
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
        self.opener().open(target, None, at_any_path)
    }

    /// Opens an encrypted file that was read; see [`Self::open`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_stored(&self, stored: StoredFile, at_any_path: bool) -> Result<OpenFile, Error> {
        self.opener().open_stored(stored, at_any_path)
    }

    /// Unwraps the data key of a file and opens it.
    pub(super) fn open_file(&self, shown: &str, file: &EncryptedFile) -> Result<Opened, Error> {
        self.opener().open_file(shown, file)
    }
}

impl<'w> Opener<'w> {
    /// Returns one that opens as this recipient, whatever other identities are at hand.
    pub(super) fn only_as(self, recipient: &'w Recipient) -> Self {
        Self { only: Some(recipient), ..self }
    }
}

impl Opener<'_> {
    /// Reads a file, out of its folder if that is open already.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, target: Target, folder: Option<&OpenFolder>) -> Result<StoredFile, Error> {
        let bytes = match folder {
            Some(folder) => folder.read(&target.path, self.within, MAX_ENCRYPTED)?,
            None => fs::read(&target.path, self.within, MAX_ENCRYPTED)?,
        };
        let snapshot = Snapshot::of(&bytes);
        Ok(StoredFile { target, bytes, snapshot })
    }

    /// Opens a file to read it, out of its folder if that is open already.
    pub(super) fn source(&self, target: &Target, folder: Option<&OpenFolder>) -> Result<Source, Error> {
        Ok(match folder {
            Some(folder) => folder.source(&target.path, self.within)?,
            None => Source::open(&target.path, self.within)?,
        })
    }

    /// Opens an encrypted file. Of a large opaque one only the header is read and authenticated.
    ///
    /// # Errors
    /// As [`Workspace::open`].
    pub fn open_any(&self, target: Target, folder: Option<&OpenFolder>, at_any_path: bool) -> Result<AnyFile, Error> {
        let source = self.source(&target, folder)?;
        if let Some(top) = large_top(&target, &source)? {
            let file = self.open_opaque(StoredOpaque { target, source, top }, at_any_path)?;
            return Ok(AnyFile::Large(Box::new(file)));
        }
        let bytes = source.content(MAX_ENCRYPTED)?;
        let snapshot = Snapshot::of(&bytes);
        Ok(AnyFile::Whole(Box::new(self.open_stored(StoredFile { target, bytes, snapshot }, at_any_path)?)))
    }

    /// Opens an encrypted file; see [`Workspace::open`].
    ///
    /// # Errors
    /// As [`Workspace::open`].
    pub fn open(&self, target: Target, folder: Option<&OpenFolder>, at_any_path: bool) -> Result<OpenFile, Error> {
        self.open_stored(self.read(target, folder)?, at_any_path)
    }

    fn open_stored(&self, stored: StoredFile, at_any_path: bool) -> Result<OpenFile, Error> {
        let file = parse(&stored, self.within)?;
        let opened = self.open_file(&stored.target.shown, &file)?;
        if !at_any_path {
            refuse_other_path(&stored.target, &opened.header)?;
        }
        let StoredFile { target, mut bytes, snapshot } = stored;
        Ok(OpenFile { target, encrypted: std::mem::take(&mut *bytes), snapshot, opened })
    }

    fn open_file(&self, shown: &str, file: &EncryptedFile) -> Result<Opened, Error> {
        let payload = self.unwrap(shown, file.header())?;
        file.open(&payload).map_err(|source| Error::NotAuthentic { path: shown.to_owned(), source })
    }

    /// Unwraps the data key of a file.
    pub(super) fn unwrap(&self, shown: &str, header: &Header) -> Result<Zeroizing<Vec<u8>>, Error> {
        let unwrapped = match self.only {
            Some(recipient) => self.identities.unwrap_as(recipient, &header.readers(), &header.wrapped_key),
            None => self.identities.unwrap_for(&header.readers(), &header.wrapped_key),
        };
        unwrapped.map_err(|source| Error::Unwrap {
            path: shown.to_owned(),
            readers: header.recipients.keys().cloned().collect(),
            source,
        })
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

fn parse(stored: &StoredFile, within: Option<&Root>) -> Result<EncryptedFile, Error> {
    let what = || what_is(&stored.target, within, &stored.bytes);
    parse_encrypted(&stored.target.shown, &stored.bytes, what)
}

/// Tells what a file is that is not encrypted.
pub(super) fn what_is(target: &Target, within: Option<&Root>, bytes: &[u8]) -> Unencrypted {
    let (Some(root), Some(recorded)) = (within, &target.recorded) else {
        return if is_of_age(bytes) { Unencrypted::Age } else { Unencrypted::Outside };
    };
    if recorded == policy::FILE_NAME {
        return Unencrypted::Policy;
    }
    // Read anew: whoever opens files may know nothing of policies, and this is the end of it.
    let text = fs::read(&root.path().join(policy::FILE_NAME), Some(root), policy::MAX_POLICY);
    let policy = text.ok().and_then(|text| Policy::parse(&String::from_utf8_lossy(&text), policy::FILE_NAME).ok());
    match policy {
        Some(policy) if policy.rule_for(recorded).is_some() => Unencrypted::Governed,
        _ if is_of_age(bytes) => Unencrypted::Age,
        _ => Unencrypted::NotGoverned,
    }
}

/// Tells whether a file begins as those of age do.
fn is_of_age(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/v1\n") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// Takes a file apart, which must be encrypted.
pub(super) fn parse_encrypted(
    shown: &str,
    bytes: &[u8],
    what: impl FnOnce() -> Unencrypted,
) -> Result<EncryptedFile, Error> {
    EncryptedFile::parse(bytes).map_err(|source| match source {
        ReadError::NotEncrypted => Error::NotEncrypted { path: shown.to_owned(), what: what() },
        source => Error::Read { path: shown.to_owned(), source },
    })
}

/// How large an opaque file may be that is edited.
const MAX_EDITED: u64 = 16 << 20;
