//! Writing opaque files that are not held in memory: with a new header, a new key, or a new content.

use std::io::{self, Read};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::opaque::{Bytes, OpenOpaque, beside_sync};
use super::save::WRITE_MODE;
use super::{Error, Saved, Target, Workspace};
use crate::envelope::native::{
    Content, FileSecrets, Header, NewBody, Plain, SealedBody, SpoolKey, StreamError, carried_to, carry_opaque,
    is_as_sealed, seal_opaque,
};
use crate::fs::{Draft, Expect, FolderLock, FsError, Mode, Source, Spool, Staged, commit, create_folder};

/// A plaintext that is not held in memory.
pub enum LargeContent {
    /// A file.
    File(Source),
    /// What was read from a pipe: sealed, under a key that this process alone has.
    Spool(SealedBody<Source>),
}

/// A large opaque file that is to be written.
pub struct NewOpaque {
    pub(super) header: Header,
    pub(super) content: Arc<LargeContent>,
    pub(super) kind: NewKind,
}

pub(super) enum NewKind {
    /// What the file was before, with its content unchanged.
    Carried(Box<OpenOpaque>),
    /// A new content of a file that was there before.
    Replaced(Box<OpenOpaque>, NewBody),
    /// A new file.
    New(FileSecrets, NewBody),
}

impl LargeContent {
    /// Returns the file, if it is one.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::File(source) => Some(source),
            Self::Spool(_) => None,
        }
    }
}

impl Content for LargeContent {
    fn reader(&self, is_first: bool) -> Box<dyn Read + Send + '_> {
        match self {
            Self::File(source) => Box::new(source.reader(0)),
            Self::Spool(body) => body.reader(is_first),
        }
    }
}

impl Workspace<'_> {
    /// Puts the rest of a pipe aside, sealed, so that it can be read more than once. `begin` was read of it already.
    ///
    /// # Errors
    /// When it cannot be read or put aside.
    pub fn spool(
        &self,
        target: &Target,
        begin: Zeroizing<Vec<u8>>,
        rest: impl Read + Send,
    ) -> Result<Result<LargeContent, io::Error>, Error> {
        if let Some(folder) = target.path.parent() {
            create_folder(folder, self.within())?;
        }
        let spool = Spool::create(&target.path, self.within())?;
        let key = SpoolKey::generate();
        match key.seal(&mut begin.as_slice().chain(rest), &mut spool.writer()) {
            Ok(()) => {}
            Err(StreamError::Read(error)) => return Ok(Err(error)),
            Err(StreamError::Write(error)) => return Err(spool.cannot_write(error).into()),
            Err(StreamError::Different | StreamError::NotAuthentic) => unreachable!("nothing is opened here"),
        }
        let different = FsError::ReadBack { path: target.path.clone() };
        Ok(Ok(LargeContent::Spool(key.into_body(spool.into_source()?).ok_or(different)?)))
    }

    /// Writes a large opaque file, and reads it back: each chunk must be as it was sealed.
    ///
    /// # Errors
    /// When the content changed meanwhile, or the file cannot be written. Then it is as it was.
    pub(super) fn write_opaque(
        &self,
        target: &Target,
        file: &NewOpaque,
        expect: Expect<'_>,
        mode: Mode,
    ) -> Result<(), Error> {
        if let Some(folder) = target.path.parent() {
            create_folder(folder, self.within())?;
        }
        let lock = FolderLock::acquire([target.path.as_path()], self.within())?;
        let draft = lock.draft(&target.path, expect, mode)?;
        let header = &file.header;
        let staged = match &file.kind {
            NewKind::Carried(previous) => carry(draft, header, previous)?,
            NewKind::Replaced(previous, body) => {
                let secrets = &previous.opened.secrets;
                seal(draft, header, secrets, Some(previous), body, &*file.content, file.content.source())?
            }
            NewKind::New(secrets, body) => {
                seal(draft, header, secrets, None, body, &*file.content, file.content.source())?
            }
        };
        if let Some(source) = file.content.source() {
            source.check_unchanged()?;
        }
        Ok(commit(vec![staged])?)
    }

    /// Changes the header of a large opaque file and carries its body over; `None` for every other file.
    ///
    /// # Errors
    /// When the file is not authentic, must not be written, or the change fails. Then it is as it was.
    pub(super) fn update_opaque(
        &self,
        target: &Target,
        change: impl FnOnce(&Target, &Header) -> Result<Header, Error>,
    ) -> Result<Option<Saved>, Error> {
        let lock = FolderLock::acquire([target.path.as_path()], self.within())?;
        let Some(stored) = self.stored_opaque(target)? else { return Ok(None) };
        let file = self.open_opaque(stored, false)?;
        let header = change(&file.target, &file.opened.header)?;
        self.check_writable(&file)?;
        if header == file.opened.header {
            return Ok(Some(Saved::Unchanged));
        }
        let draft = lock.draft(&target.path, Expect::Same(file.source()?.identity()), WRITE_MODE)?;
        commit(vec![carry(draft, &header, &file)?])?;
        Ok(Some(Saved::Changed))
    }
}

/// Writes a file with another header and the body that it has.
pub(super) fn carry<'l>(draft: Draft<'l>, header: &Header, file: &OpenOpaque) -> Result<Staged<'l>, Error> {
    let body = file.body()?;
    let carried = draft.write(|mut sink| carry_opaque(header, &file.opened, &body, &mut sink));
    carried.map_err(|error| file.failed(error, Some(&draft)))?;
    let written = draft.source()?;
    beside_sync(&draft, || match carried_to(&written, header, &file.opened.secrets, &body) {
        Ok(true) => Ok(()),
        Ok(false) => Err(draft.is_different().into()),
        Err(error) => Err(file.failed(error, Some(&draft))),
    })?;
    Ok(draft.finish()?)
}

/// Writes a file with a new body.
pub(super) fn seal<'l>(
    draft: Draft<'l>,
    header: &Header,
    secrets: &FileSecrets,
    previous: Option<&OpenOpaque>,
    body: &NewBody,
    content: &dyn Content,
    source: Option<&Source>,
) -> Result<Staged<'l>, Error> {
    let failed = |error| match (error, source, previous) {
        (StreamError::Write(error), _, _) => draft.cannot_write(error).into(),
        (StreamError::Read(error), Some(source), _) => source.cannot_read(error).into(),
        (error, None, Some(previous)) => previous.failed(error, Some(&draft)),
        (_, _, _) => Error::from(draft.is_different()),
    };
    let former = previous.map(|file| (&file.opened.header, file.opened.mac));
    let sealed = draft.write(|mut sink| seal_opaque(header, secrets, former, body, content, &mut sink));
    let receipt = sealed.map_err(failed)?;
    let written = draft.source()?;
    beside_sync(&draft, || match is_as_sealed(&written, header, secrets, &receipt) {
        Ok(true) => Ok(()),
        Ok(false) => Err(draft.is_different().into()),
        Err(error) => Err(failed(error)),
    })?;
    Ok(draft.finish()?)
}

/// Tells whether a file that was there before holds this content.
pub(super) fn is_unchanged(file: &OpenOpaque, content: &LargeContent) -> Result<bool, Error> {
    if matches!(file.bytes, Bytes::Elsewhere) {
        return Ok(false);
    }
    let same = match content {
        LargeContent::File(source) => file.body()?.holds(None, &Plain(source)),
        LargeContent::Spool(_) => file.body()?.holds(None, content),
    };
    same.map_err(|error| file.failed(error, None))
}
