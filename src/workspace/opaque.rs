//! Opaque files that are not held in memory: opening them, and handing their content on once it is authentic.

use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::open::refuse_other_path;
use super::{Error, OpenFile, Opener, Standing, Target, Workspace};
use crate::envelope::native::{
    Checksum, FileSecrets, Header, OPAQUE_TOP, OpaqueFile, OpaqueTop, OpenError, Plain, SealError, SealedBody, Stored,
    StreamError,
};
use crate::fs::{Draft, Expect, FolderLock, FsError, Identity, Mode, Root, Source, commit};

/// An opaque file of which only the top was read: nothing of it is authenticated.
pub struct StoredOpaque {
    /// Which file.
    pub target: Target,
    /// The open file.
    pub source: Source,
    pub(super) top: OpaqueTop,
}

/// An opaque file whose header is authentic; its body is authenticated whenever it is read.
pub struct OpenOpaque {
    /// Which file.
    pub target: Target,
    /// Its header.
    pub opened: OpaqueFile,
    pub(super) bytes: Bytes,
}

/// Where the bytes of an opaque file are.
pub(super) enum Bytes {
    /// In git, too large to be taken out.
    Elsewhere,
    File(Source),
    Memory(Zeroizing<Vec<u8>>),
}

/// An encrypted file that was opened: all of it, or of a large opaque one the header.
pub enum AnyFile {
    /// It is in memory, and all of it is authentic.
    Whole(Box<OpenFile>),
    /// Its header is authentic.
    Large(Box<OpenOpaque>),
}

/// An opaque file that was authenticated to its last chunk.
pub struct VerifiedOpaque {
    file: OpenOpaque,
    checksum: Checksum,
}

/// What is kept of an opaque file that was authenticated to its last chunk, to know it again.
#[derive(Clone, Copy)]
pub struct Seen {
    identity: Identity,
    checksum: Checksum,
}

impl Workspace<'_> {
    /// Reads the top of an opaque file that is too large for memory; `None` for every other file.
    ///
    /// # Errors
    /// When it cannot be read, or has no header although it begins like one.
    pub fn stored_opaque(&self, target: &Target) -> Result<Option<StoredOpaque>, Error> {
        let source = self.opener().source(target, None)?;
        Ok(large_top(target, &source)?.map(|top| StoredOpaque { target: target.clone(), source, top }))
    }

    /// Authenticates the header of an opaque file.
    ///
    /// # Errors
    /// When no identity opens it, it is not authentic, or (unless `at_any_path`) it stands elsewhere in the repository
    /// than its header says.
    pub fn open_opaque(&self, stored: StoredOpaque, at_any_path: bool) -> Result<OpenOpaque, Error> {
        self.opener().open_opaque(stored, at_any_path)
    }

    pub(super) fn open_top(&self, target: Target, top: &OpaqueTop, bytes: Bytes) -> Result<OpenOpaque, Error> {
        self.opener().open_top(target, top, bytes)
    }
}

impl Opener<'_> {
    /// Authenticates the header of an opaque file; see [`Workspace::open_opaque`].
    pub(super) fn open_opaque(&self, stored: StoredOpaque, at_any_path: bool) -> Result<OpenOpaque, Error> {
        let StoredOpaque { target, source, top } = stored;
        let file = self.open_top(target, &top, Bytes::File(source))?;
        if !at_any_path {
            refuse_other_path(&file.target, &file.opened.header)?;
        }
        Ok(file)
    }

    fn open_top(&self, target: Target, top: &OpaqueTop, bytes: Bytes) -> Result<OpenOpaque, Error> {
        let payload = self.unwrap(&target.shown, top.header())?;
        let not_authentic = |source| Error::NotAuthentic { path: target.shown.clone(), source };
        let opened = top.open(&payload).map_err(not_authentic)?;
        Ok(OpenOpaque { target, opened, bytes })
    }
}

/// Reads the top of an opaque file that is too large for memory; `None` for every other file.
pub(super) fn large_top(target: &Target, source: &Source) -> Result<Option<OpaqueTop>, Error> {
    if source.length() <= STREAM_ABOVE {
        return Ok(None);
    }
    let top = OpaqueTop::parse(&source.top(OPAQUE_TOP)?);
    top.map_err(|source| Error::Read { path: target.shown.clone(), source })
}

impl AnyFile {
    /// Returns which file it is.
    pub fn target(&self) -> &Target {
        match self {
            Self::Whole(file) => &file.target,
            Self::Large(file) => &file.target,
        }
    }
}

impl StoredOpaque {
    /// Returns what the header says, which is not authenticated.
    pub fn header(&self) -> &Header {
        self.top.header()
    }
}

impl OpenOpaque {
    /// Returns the file in the work tree that was opened.
    ///
    /// # Errors
    /// When it was not opened there.
    pub fn source(&self) -> Result<&Source, Error> {
        match &self.bytes {
            Bytes::File(source) => Ok(source),
            Bytes::Elsewhere | Bytes::Memory(_) => Err(FsError::Missing { path: self.target.path.clone() }.into()),
        }
    }

    /// Takes a file that was opened once more for the one that was authenticated.
    ///
    /// # Errors
    /// When it is another one, or was written to.
    pub fn known(self, seen: Seen) -> Result<VerifiedOpaque, Error> {
        if self.source()?.identity() == seen.identity {
            Ok(VerifiedOpaque { file: self, checksum: seen.checksum })
        } else {
            Err(FsError::Changed { path: self.target.path }.into())
        }
    }

    /// Hands on the content where nobody sees it: only the end tells that it is authentic.
    ///
    /// # Errors
    /// When it is not. What `emit` says is returned as it is.
    pub fn give_unseen(&self, emit: impl FnMut(&[u8]) -> io::Result<()> + Send) -> Result<io::Result<()>, Error> {
        self.give(None, emit)
    }

    fn give(
        &self,
        known: Option<Checksum>,
        mut emit: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> Result<io::Result<()>, Error> {
        let opened = self.body()?.open(known, |piece| emit(piece).map_err(StreamError::Write));
        match opened {
            Ok(_) => Ok(Ok(())),
            Err(StreamError::Write(error)) => Ok(Err(error)),
            Err(error) => Err(self.failed(error, None)),
        }
    }

    /// Authenticates all of it, and keeps nothing.
    ///
    /// # Errors
    /// When it is not authentic, or cannot be read.
    pub fn verify(self) -> Result<VerifiedOpaque, Error> {
        let checksum = self.body()?.authenticate(None).map_err(|error| self.failed(error, None))?;
        Ok(VerifiedOpaque { file: self, checksum })
    }

    /// Writes the content to a file, which appears when the last chunk was authenticated, and is read back if it takes
    /// the place of the encrypted one.
    ///
    /// # Errors
    /// When it is not authentic, or something else than expected stands there. Then nothing is left.
    pub fn write_content(&self, path: &Path, within: Option<&Root>, expect: Expect<'_>) -> Result<(), Error> {
        let lock = FolderLock::acquire([path], within)?;
        let draft = lock.draft(path, expect, Mode::Private)?;
        let body = self.body()?;
        let opened = draft.write(|sink| body.open(None, |piece| sink.write_all(piece).map_err(StreamError::Write)));
        let checksum = opened.map_err(|error| self.failed(error, Some(&draft)))?;
        let takes_its_place = matches!(expect, Expect::Same(_));
        let written = draft.source()?;
        beside_sync(&draft, || {
            if !takes_its_place
                || body.holds(Some(checksum), &Plain(&written)).map_err(|error| self.failed(error, None))?
            {
                return Ok(());
            }
            Err(draft.is_different().into())
        })?;
        Ok(commit(vec![draft.finish()?])?)
    }

    /// Tells whether it is authentic to its last chunk, and its body is byte for byte that of another file.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn is_whole_with_body_of(&self, other: &Self) -> Result<bool, Error> {
        let (Ok(body), Ok(stated)) = (self.body(), other.body()) else { return Ok(false) };
        match body.authenticate(None) {
            Ok(_) => {}
            Err(StreamError::NotAuthentic) => return Ok(false),
            Err(error) => return Err(self.failed(error, None)),
        }
        Ok(body.length() == stated.length()
            && body.is_end_of(&other.bytes).map_err(|error| self.failed(error, None))?)
    }

    pub(super) fn body(&self) -> Result<SealedBody<&Bytes>, Error> {
        self.opened.body(&self.bytes).map_err(|source| Error::NotAuthentic { path: self.target.shown.clone(), source })
    }

    /// Says of which file an error is.
    pub(super) fn failed(&self, error: StreamError, draft: Option<&Draft<'_>>) -> Error {
        let path = self.target.shown.clone();
        match (error, draft, &self.bytes) {
            (StreamError::Write(error), Some(draft), _) => draft.cannot_write(error).into(),
            (StreamError::Read(error) | StreamError::Write(error), _, Bytes::File(source)) => {
                source.cannot_read(error).into()
            }
            (StreamError::Different, Some(draft), _) => draft.is_different().into(),
            (StreamError::Different, None, _) => Error::Seal { path, source: SealError::RoundTrip },
            _ => Error::NotAuthentic { path, source: OpenError::Body },
        }
    }
}

impl VerifiedOpaque {
    /// Hands on the content. Each piece was authenticated a second time just before, with the key of this one body and
    /// at its place, so it is a part of what was verified also if somebody writes to the file meanwhile: then it ends
    /// early, with an error.
    ///
    /// # Errors
    /// When that is so. What `emit` says is returned as it is.
    pub fn reveal(&self, emit: impl FnMut(&[u8]) -> io::Result<()> + Send) -> Result<io::Result<()>, Error> {
        self.file.give(Some(self.checksum), emit)
    }

    /// Closes the file.
    ///
    /// # Errors
    /// When it was not opened in the work tree.
    pub fn into_seen(self) -> Result<Seen, Error> {
        Ok(Seen { identity: self.file.source()?.identity(), checksum: self.checksum })
    }

    /// Returns the file, to read it once more.
    pub fn into_file(self) -> OpenOpaque {
        self.file
    }
}

impl Standing for OpenOpaque {
    fn target(&self) -> &Target {
        &self.target
    }

    fn header(&self) -> &Header {
        &self.opened.header
    }

    fn secrets(&self) -> &FileSecrets {
        &self.opened.secrets
    }

    fn is(&self, _blob: &[u8]) -> bool {
        false
    }
}

impl Stored for Source {
    fn length(&self) -> u64 {
        Source::length(self)
    }

    fn reader(&self, from: u64) -> Box<dyn Read + Send + '_> {
        Box::new(Source::reader(self, from))
    }
}

impl Stored for Bytes {
    fn length(&self) -> u64 {
        match self {
            Self::Elsewhere => 0,
            Self::File(source) => source.length(),
            Self::Memory(bytes) => bytes.length(),
        }
    }

    fn reader(&self, from: u64) -> Box<dyn Read + Send + '_> {
        match self {
            Self::Elsewhere => Box::new(io::empty()),
            Self::File(source) => Stored::reader(source, from),
            Self::Memory(bytes) => bytes.reader(from),
        }
    }
}

/// Does some work while the storage takes in what was written; both have to succeed.
pub(super) fn beside_sync(draft: &Draft<'_>, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let syncing = scope.spawn(|| draft.sync());
        work()?;
        Ok(syncing.join().expect("syncing does not panic")?)
    })
}

/// How many bytes an opaque file may have that is held in memory.
pub const STREAM_ABOVE: u64 = 1 << 20;
