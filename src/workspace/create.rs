//! The first encryption of a file, and taking up again what it was before it was decrypted in place.

use std::path::Path;

use zeroize::Zeroizing;

use super::ancestry::Versions;
use super::guard::recipients;
use super::metadata::{defaults, missing, refuse_unknown_values};
use super::open::refuse_other_path;
use super::rekey::{Change, Circumstances, cleared};
use super::save::seal_error;
use super::{Error, MetadataChange, NewOpaque, OpenFile, ReaderChange, Target, Workspace};
use crate::crypto::FileId;
use crate::document::{self, Format, Problem};
use crate::envelope::native::{
    Comments, EncryptedFile, FileSecrets, Header, MAX_ENCRYPTED, Metadata, Mode, OPAQUE_TOP, OpaqueTop, Opened,
    ReadError, Recipients, SaidOfValues, conflict, seal,
};
use crate::fs::{self, Expect, Snapshot};
use crate::keys::Recipient;
use crate::policy::{Readers, Rule};

/// What is to be encrypted.
pub struct CreationRequest {
    /// The path for which it is encrypted.
    pub target: Target,
    /// The plaintext.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The format, when the user names one.
    pub format: Option<Format>,
    /// What the header shall say.
    pub metadata: MetadataChange,
    /// Whether to start a new file although git has an encrypted form of it.
    pub is_fresh: bool,
}

/// What a new file holds.
pub enum NewFile {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A content that is sealed when it is written.
    Opaque(Box<NewOpaque>),
}

/// An encrypted file, ready to be written.
pub struct Creation {
    /// What it holds.
    pub file: NewFile,
    /// Its header.
    pub header: Header,
    /// Where the tokens were taken up from, if git had an encrypted form.
    pub resumed: Option<Source>,
    /// Who read that form and reads this one no more: it has a new data key.
    pub removed: Vec<String>,
    /// Readers whom the committed policy does not name for this path.
    pub unreviewed: Vec<String>,
    /// Why a file whose name is that of a structured format is sealed as a whole.
    pub opaque_because: Option<&'static str>,
    /// Whether git's history holds this path in plaintext.
    pub is_plaintext_in_history: bool,
    /// Whether none of the identities at hand can read it.
    pub locks_out_user: bool,
}

impl Creation {
    /// A file that was encrypted before: it gets no new reader, and nothing becomes clear, so there is nothing to say.
    pub(super) fn resumed(file: NewFile, header: Header, source: Source) -> Self {
        Self {
            file,
            header,
            resumed: Some(source),
            removed: Vec::new(),
            unreviewed: Vec::new(),
            opaque_because: None,
            is_plaintext_in_history: false,
            locks_out_user: false,
        }
    }
}

/// Where git has a former form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The commit that is checked out.
    Head,
    /// What was staged.
    Index,
    /// The file that is written over.
    WorkTree,
}

impl Workspace<'_> {
    /// Encrypts a plaintext for the readers that the policy names; nothing is written.
    ///
    /// # Errors
    /// When no rule is for the path, the plaintext is encrypted already or cannot be parsed, or metadata is missing.
    pub fn create(&self, request: CreationRequest) -> Result<Creation, Error> {
        let CreationRequest { target, plaintext, .. } = &request;
        let rule = self.rule(target)?;
        let is_opaque_by_rule = rule.mode == Mode::Opaque;
        let named = request.format.or(rule.format);
        let format = if is_opaque_by_rule {
            Format::Opaque
        } else {
            named.unwrap_or_else(|| Format::of_file_name(file_name(target)))
        };
        refuse_encrypted(target, plaintext, format)?;
        let former = if request.is_fresh { None } else { self.former(target, plaintext)? };
        if let Some((source, file)) = former {
            return self.resume(request, source, &file, rule);
        }
        let (format, opaque_because) = if named.is_some() { (format, None) } else { fit_format(format, plaintext) };
        let readers = self.required_policy()?.readers(rule);
        let metadata = request.metadata.apply(&defaults(rule), self.env.today())?;
        Self::check_metadata(target, rule, &metadata)?;
        let names = recipients(&readers);
        let secrets = FileSecrets::generate(&names);
        let header = self.new_header(target, rule, format, metadata, names, &secrets)?;
        refuse_unknown_values(target, &header, &SaidOfValues::new(), plaintext)?;
        let bytes = seal(plaintext, header.clone(), &secrets, None, self.env.today())
            .map_err(|source| seal_error(target, format, source))?;
        self.new_creation(target, NewFile::Bytes(bytes), header, &readers, opaque_because)
    }

    /// Says what is to be known of a new file before it is written.
    pub(super) fn new_creation(
        &self,
        target: &Target,
        file: NewFile,
        header: Header,
        readers: &Readers<'_>,
        opaque_because: Option<&'static str>,
    ) -> Result<Creation, Error> {
        self.refuse_expired(target, readers.iter().map(|(name, member)| (*name, *member)))?;
        Ok(Creation {
            file,
            unreviewed: self.unreviewed(target, readers)?,
            locks_out_user: self.is_locked_out(&header.recipients),
            header,
            resumed: None,
            removed: Vec::new(),
            opaque_because,
            is_plaintext_in_history: self.is_plaintext_in_history(target)?,
        })
    }

    /// Writes a file that was created.
    ///
    /// # Errors
    /// When something else than expected stands there, or it cannot be written.
    pub fn write_creation(
        &self,
        target: &Target,
        creation: &Creation,
        expect: Expect<'_>,
        mode: fs::Mode,
    ) -> Result<(), Error> {
        match &creation.file {
            NewFile::Bytes(bytes) => self.write_new(target, bytes, expect, mode),
            NewFile::Opaque(file) => self.write_opaque(target, file, expect, mode),
        }
    }

    /// Returns the header of a new file.
    pub(super) fn new_header(
        &self,
        target: &Target,
        rule: &Rule,
        format: Format,
        metadata: Metadata,
        recipients: Recipients,
        secrets: &FileSecrets,
    ) -> Result<Header, Error> {
        let mut header = Header {
            file_id: secrets.file_id(),
            path: target.name().to_owned(),
            format,
            mode: if format == Format::Opaque { Mode::Opaque } else { Mode::Values },
            generation: 1,
            revision: 1,
            metadata,
            created: self.env.today(),
            comments: if format == Format::Opaque { Comments::default() } else { rule.comments },
            cleartext: if format == Format::Opaque { Vec::new() } else { rule.cleartext.clone() },
            recipients,
            exposed: Vec::new(),
            body: None,
            wrapped_key: String::new(),
        };
        header.wrapped_key = self.wrap(target, &header, secrets)?;
        Ok(header)
    }

    /// Encrypts as the file was before: the same id, unchanged values with their tokens, and the same key and readers, unless
    /// one of those has left the policy since.
    fn resume(
        &self,
        request: CreationRequest,
        source: Source,
        file: &OpenFile,
        rule: &Rule,
    ) -> Result<Creation, Error> {
        let change = match self.check_writable(file) {
            Ok(()) => None,
            Err(error @ Error::Drifted { .. }) => Some(self.catch_up(file)?.ok_or(error)?),
            Err(error) => return Err(error),
        };
        let target = &file.target;
        let opened = &file.opened;
        let before = change.as_ref().map_or(&opened.header, |change| &change.header);
        let secrets = change.as_ref().and_then(|change| change.renewed.as_ref()).unwrap_or(&opened.secrets);
        let metadata = request.metadata.apply(&before.metadata, self.env.today())?;
        Self::check_metadata(target, rule, &metadata)?;
        let header = Header { metadata, ..before.clone() };
        let format = header.format;
        refuse_unknown_values(target, &header, &opened.header.metadata.values, &request.plaintext)?;
        let bytes = seal(&request.plaintext, header.clone(), secrets, Some(opened), self.env.today())
            .map_err(|source| seal_error(target, format, source))?;
        let mut creation = Creation::resumed(NewFile::Bytes(bytes), header, source);
        if let Some(Change { preview, unreviewed, .. }) = change {
            let removed = preview.removed.into_iter();
            creation.removed = removed
                .map(|ReaderChange { member, is_key_change }| match is_key_change {
                    true => format!("a former key of {member}"),
                    false => member,
                })
                .collect();
            creation.unreviewed = unreviewed;
        }
        Ok(creation)
    }

    /// Brings the former form of a file in line with the policy, as a rekey would if it stood in the work tree; `None` where
    /// somebody has to be asked more than whether the readers are right.
    fn catch_up(&self, file: &OpenFile) -> Result<Option<Change>, Error> {
        let versions = Versions::of(self, std::slice::from_ref(&file.target))?;
        let common = Circumstances { makes_key: false, ids: self.file_ids()?, versions };
        let change = self.plan_change(file, &common)?;
        Ok(change.filter(|change| !change.drops_caller && cleared(&file.opened, &change.header).is_empty()))
    }

    /// Finds the encrypted form of a file in the index or in HEAD, and opens it.
    fn former(&self, target: &Target, plaintext: &[u8]) -> Result<Option<(Source, OpenFile)>, Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &target.recorded) else { return Ok(None) };
        let path = Path::new(recorded);
        // What stands at the path itself comes first: it may have been changed since it was staged.
        let standing = match fs::kind(&target.path)? {
            Some(fs::Kind::File) => Some(fs::read(&target.path, self.within(), MAX_ENCRYPTED)?),
            _ => None,
        };
        let blobs = [
            (Source::WorkTree, standing),
            (Source::Index, repository.index_file(path, MAX_ENCRYPTED)?),
            (Source::Head, repository.head_file(path, MAX_ENCRYPTED)?),
        ];
        for (source, blob) in blobs {
            let Some(blob) = blob else { continue };
            let Ok(file) = EncryptedFile::parse(&blob) else { continue };
            let opened: Opened = self.open_file(&target.shown, &file)?;
            refuse_other_path(target, &opened.header)?;
            let snapshot = Snapshot::of(plaintext);
            return Ok(Some((source, OpenFile { target: target.clone(), encrypted: blob.to_vec(), snapshot, opened })));
        }
        Ok(None)
    }

    /// Returns what the header of a new file will say, as far as it is known before there is a plaintext.
    ///
    /// # Errors
    /// When no rule is for the file.
    pub fn draft_header(&self, target: &Target) -> Result<Header, Error> {
        let rule = self.rule(target)?;
        let format = rule.format.unwrap_or_else(|| Format::of_file_name(file_name(target)));
        Ok(Header {
            file_id: FileId([0; 16]),
            path: target.name().to_owned(),
            format,
            mode: rule.mode,
            generation: 1,
            revision: 1,
            metadata: defaults(rule),
            created: self.env.today(),
            comments: rule.comments,
            cleartext: rule.cleartext.clone(),
            recipients: recipients(&self.required_policy()?.readers(rule)),
            exposed: Vec::new(),
            body: None,
            wrapped_key: String::new(),
        })
    }

    /// Refuses metadata in which something is missing that the rule for a file demands.
    ///
    /// # Errors
    /// When something is missing, or the policy has mistakes.
    pub fn check_required(&self, target: &Target, metadata: &Metadata) -> Result<(), Error> {
        match self.policy()? {
            Some(_) => Self::check_metadata(target, self.rule(target)?, metadata),
            None => Ok(()),
        }
    }

    pub(super) fn check_metadata(target: &Target, rule: &Rule, metadata: &Metadata) -> Result<(), Error> {
        match missing(rule, metadata) {
            fields if fields.is_empty() => Ok(()),
            fields => Err(Error::MetadataMissing { path: target.shown.clone(), key: None, fields }),
        }
    }

    /// Tells whether the user has identities, and none of them is among the readers.
    pub(super) fn is_locked_out(&self, recipients: &Recipients) -> bool {
        let Ok(own) = self.identities.recipients() else { return false };
        let is_reader = |own: &&Recipient| recipients.values().flatten().any(|reader| reader == own.as_str());
        !own.is_empty() && !own.iter().any(is_reader)
    }

    pub(super) fn is_plaintext_in_history(&self, target: &Target) -> Result<bool, Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &target.recorded) else { return Ok(false) };
        for past in repository.history([Path::new(recorded)])? {
            let id = past?.content;
            let Ok(top) = repository.content_top(id, OPAQUE_TOP, MAX_ENCRYPTED) else { continue };
            if top.len() == OPAQUE_TOP && matches!(OpaqueTop::parse(&top), Ok(Some(_)) | Err(_)) {
                continue;
            }
            let Ok(blob) = repository.content(id, MAX_ENCRYPTED) else { continue };
            if matches!(EncryptedFile::parse(&blob), Err(ReadError::NotEncrypted)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Wraps the data key to the readers of a header.
    pub(super) fn wrap(&self, target: &Target, header: &Header, secrets: &FileSecrets) -> Result<String, Error> {
        let path = || target.shown.clone();
        let parsed: Result<Vec<Recipient>, _> = header.readers().into_iter().map(str::parse).collect();
        let parsed = parsed.map_err(|source| Error::Recipient { path: path(), source })?;
        let wrapped = self.identities.wrap(&parsed.iter().collect::<Vec<_>>(), &secrets.payload(header));
        wrapped.map_err(|source| Error::Wrap { path: path(), source })
    }
}

/// Refuses what is encrypted already, wholly or in part.
fn refuse_encrypted(target: &Target, plaintext: &[u8], format: Format) -> Result<(), Error> {
    let path = target.shown.clone();
    match EncryptedFile::parse(plaintext) {
        Ok(file) => match file.check() {
            Ok(()) => Err(Error::AlreadyEncrypted { path }),
            Err(source) => Err(Error::NotAuthentic { path, source }),
        },
        // A format that tolerates the markers would seal both sides as values.
        Err(ReadError::NotEncrypted) => match conflict(plaintext).filter(|_| format != Format::Opaque) {
            Some(source) => Err(Error::Read { path, source }),
            None => Ok(()),
        },
        // Any bytes may stand in a file that is sealed as a whole.
        Err(ReadError::TokensWithoutHeader { .. }) if format == Format::Opaque => Ok(()),
        Err(source) => Err(Error::Read { path, source }),
    }
}

/// Falls back to sealing as a whole where a file cannot be taken apart for a reason that is no mistake. Mistakes are
/// found when it is sealed.
fn fit_format(format: Format, plaintext: &[u8]) -> (Format, Option<&'static str>) {
    let Ok(text) = str::from_utf8(plaintext) else {
        let reason = (format != Format::Opaque).then_some("it is not UTF-8 text");
        return (Format::Opaque, reason);
    };
    // Only JSON documents have roots that cannot carry a header. What begins as an object has none of those.
    let is_object = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{');
    let is_root_map = format != Format::Json
        || is_object
        || document::parse(format, text).err().is_none_or(|error| error.problem != Problem::RootNotMap);
    if is_root_map { (format, None) } else { (Format::Opaque, Some("its root is not an object")) }
}

pub(super) fn file_name(target: &Target) -> &str {
    let path = target.name();
    path.rsplit('/').next().unwrap_or(path)
}
