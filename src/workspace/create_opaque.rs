//! The first encryption of a file that is too large for memory, and taking up again what it was before.

use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::create::{NewFile, file_name};
use super::guard::recipients;
use super::metadata::defaults;
use super::opaque::{Bytes, OpenOpaque};
use super::opaque_write::{NewKind, is_unchanged};
use super::open::refuse_other_path;
use super::{Creation, Error, LargeContent, MetadataChange, NewOpaque, STREAM_ABOVE, Source, Target, Workspace};
use crate::crypto::LeafId;
use crate::document::{self, Format, Problem, SyntaxError};
use crate::envelope::native::{
    Content as _, EncryptedFile, FileSecrets, Header, MAX_ENCRYPTED, Mode, NewBody, OPAQUE_TOP, OpaqueTop, peek_file_id,
};
use crate::fs::{self, FsError};
use crate::git::GitError;
use crate::policy::Rule;

/// What is to be encrypted; see [`super::CreationRequest`].
pub struct LargeRequest {
    /// The path for which it is encrypted.
    pub target: Target,
    /// The plaintext.
    pub content: Arc<LargeContent>,
    /// The format, when the user names one.
    pub format: Option<Format>,
    /// What the header shall say.
    pub metadata: MetadataChange,
    /// Whether to start a new file although git has an encrypted form of it.
    pub is_fresh: bool,
}

impl Workspace<'_> {
    /// Tells whether a plaintext of this length is sealed as a whole without being held in memory: if that is its
    /// format, or it is too long for any other.
    ///
    /// # Errors
    /// When no rule is for the file, or the policy has mistakes.
    pub fn is_large(&self, target: &Target, format: Option<Format>, length: u64) -> Result<bool, Error> {
        if length <= STREAM_ABOVE {
            return Ok(false);
        }
        let (format, _) = self.intended_format(target, format)?;
        Ok(format == Format::Opaque || length > document::MAX_BYTES as u64)
    }

    /// Prepares the encryption of a large plaintext for the readers that the policy names; nothing is written.
    ///
    /// # Errors
    /// As [`Workspace::create`].
    pub fn create_large(&self, request: LargeRequest) -> Result<Creation, Error> {
        let LargeRequest { target, content, .. } = &request;
        let rule = self.rule(target)?;
        let (format, is_named) = self.intended_format(target, request.format)?;
        refuse_encrypted(target, content)?;
        let former = if request.is_fresh { None } else { self.former_opaque(target, format)? };
        if let Some((source, file)) = former {
            return self.resume_opaque(request, source, file, rule);
        }
        let opaque_because = match format {
            Format::Opaque => None,
            // What is too long for a document of its format is a mistake, unless it can be none at all.
            _ if is_named || is_text(target, content)? => return Err(too_large(target, format)),
            _ => Some("it is not UTF-8 text"),
        };
        let readers = self.required_policy()?.readers(rule);
        let metadata = request.metadata.apply(&defaults(rule), self.env.today())?;
        Self::check_metadata(target, rule, &metadata)?;
        let names = recipients(&readers);
        let secrets = FileSecrets::generate(&names);
        let header = self.new_header(target, rule, Format::Opaque, metadata, names, &secrets)?;
        let body = NewBody { day: self.env.today(), generation: 1, id: LeafId::generate() };
        let content = Arc::clone(content);
        let file = NewOpaque { header: header.clone(), content, kind: NewKind::New(secrets, body) };
        self.new_creation(target, NewFile::Opaque(Box::new(file)), header, &readers, opaque_because)
    }

    /// Encrypts as the file was before: the same id, key, readers and header, an unchanged body as it was.
    fn resume_opaque(
        &self,
        request: LargeRequest,
        source: Source,
        file: OpenOpaque,
        rule: &Rule,
    ) -> Result<Creation, Error> {
        self.check_writable(&file)?;
        let metadata = request.metadata.apply(&file.opened.header.metadata, self.env.today())?;
        Self::check_metadata(&file.target, rule, &metadata)?;
        let header = Header { metadata, ..file.opened.header.clone() };
        let kind = if is_unchanged(&file, &request.content)? {
            NewKind::Carried(Box::new(file))
        } else {
            let body = NewBody { day: self.env.today(), generation: header.generation, id: file.opened.content_id() };
            NewKind::Replaced(Box::new(file), body)
        };
        let new = NewOpaque { header: header.clone(), content: request.content, kind };
        Ok(Creation::resumed(NewFile::Opaque(Box::new(new)), header, source))
    }

    /// Finds the encrypted form of a file where the result will stand, in the index or in HEAD, and opens its header.
    fn former_opaque(&self, target: &Target, format: Format) -> Result<Option<(Source, OpenOpaque)>, Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &target.recorded) else { return Ok(None) };
        if let Some(file) = self.standing_opaque(target, format)? {
            refuse_other_path(target, &file.opened.header)?;
            return Ok(Some((Source::WorkTree, file)));
        }
        let [committed, indexed] = repository.file_ids(Path::new(recorded))?;
        for (source, id) in [(Source::Index, indexed), (Source::Head, committed)] {
            let Some(id) = id else { continue };
            let top = match repository.content_top(id, OPAQUE_TOP, MAX_ENCRYPTED) {
                Err(GitError::TooLarge { .. }) => return Err(Error::LargeInGit { path: target.shown.clone() }),
                top => top?,
            };
            let Ok(top) = OpaqueTop::parse(&top) else { continue };
            let bytes = match (&top, repository.content(id, MAX_ENCRYPTED)) {
                (_, Ok(bytes)) => Bytes::Memory(bytes),
                (Some(_), Err(GitError::TooLarge { .. })) => Bytes::Elsewhere,
                (None, Err(GitError::TooLarge { .. })) => continue,
                (_, Err(error)) => return Err(error.into()),
            };
            let file = match (top, &bytes) {
                (Some(top), _) => self.open_top(target.clone(), &top, bytes)?,
                (None, Bytes::Memory(bytes)) if is_document(bytes) => return Err(too_large(target, format)),
                (None, _) => continue,
            };
            refuse_other_path(target, &file.opened.header)?;
            return Ok(Some((source, file)));
        }
        Ok(None)
    }

    /// Opens the encrypted file that will be written over; a plaintext stands there when it is encrypted in place.
    fn standing_opaque(&self, target: &Target, format: Format) -> Result<Option<OpenOpaque>, Error> {
        if fs::kind(&target.path)? != Some(fs::Kind::File) {
            return Ok(None);
        }
        let standing = fs::Source::open(&target.path, self.within())?;
        let top = standing.top(OPAQUE_TOP)?;
        let Ok(Some(parsed)) = OpaqueTop::parse(&top) else {
            return if peek_file_id(&top).is_some() { Err(too_large(target, format)) } else { Ok(None) };
        };
        self.open_top(target.clone(), &parsed, Bytes::File(standing)).map(Some)
    }

    /// Returns the format that a new file has by option, rule or name, and whether that is more than its name.
    fn intended_format(&self, target: &Target, format: Option<Format>) -> Result<(Format, bool), Error> {
        let rule = self.rule(target)?;
        let named = if rule.mode == Mode::Opaque { Some(Format::Opaque) } else { format.or(rule.format) };
        Ok((named.unwrap_or_else(|| Format::of_file_name(file_name(target))), named.is_some()))
    }
}

/// Refuses what begins as an encrypted file.
fn refuse_encrypted(target: &Target, content: &LargeContent) -> Result<(), Error> {
    let mut top = Zeroizing::new(Vec::with_capacity(OPAQUE_TOP));
    let read = content.reader(false).take(OPAQUE_TOP as u64).read_to_end(&mut top);
    if let (Err(error), Some(source)) = (read, content.source()) {
        return Err(source.cannot_read(error).into());
    }
    let path = target.shown.clone();
    match OpaqueTop::parse(&top) {
        Ok(Some(_)) => Err(Error::AlreadyEncrypted { path }),
        Ok(None) if peek_file_id(&top).is_some() => Err(Error::AlreadyEncrypted { path }),
        Ok(None) => Ok(()),
        Err(source) => Err(Error::Read { path, source }),
    }
}

fn is_document(bytes: &[u8]) -> bool {
    EncryptedFile::parse(bytes).is_ok()
}

/// Tells whether all of a content is UTF-8.
fn is_text(target: &Target, content: &LargeContent) -> Result<bool, Error> {
    let mut reader = content.reader(false);
    let mut buffer = Zeroizing::new(vec![0; PIECE]);
    let mut kept = 0;
    loop {
        let count = match reader.read(&mut buffer[kept..]) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(match content.source() {
                    Some(source) => source.cannot_read(error).into(),
                    None => FsError::ReadBack { path: target.path.clone() }.into(),
                });
            }
        };
        let length = kept + count;
        kept = match str::from_utf8(&buffer[..length]) {
            Ok(_) => 0,
            // A character may go on in the next piece.
            Err(error) if error.error_len().is_none() && count > 0 => length - error.valid_up_to(),
            Err(_) => return Ok(false),
        };
        if count == 0 {
            return Ok(true);
        }
        buffer.copy_within(length - kept..length, 0);
    }
}

fn too_large(target: &Target, format: Format) -> Error {
    let source = SyntaxError { line: 1, column: 1, problem: Problem::TooLarge };
    Error::Syntax { path: target.shown.clone(), format, source }
}

const PIECE: usize = 64 << 10;
