//! Merging three versions of a file, as git's merge driver: by lines where that is good, else by key path.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Error, Unencrypted, Workspace};
use crate::document::path::Component;
use crate::envelope::native::{
    Conflict, Decisions, EncryptedFile, Header, MAX_ENCRYPTED, Merge, Merged, OpenError, Opened, OpenedVersions,
    ReadError,
};
use crate::fs::{self, Expect, Mode, Root, Snapshot};
use crate::git::merge_lines;
use crate::workspace::Target;

/// The files that git hands to a merge driver.
pub struct MergeRequest<'p> {
    /// The common ancestor; empty where there is none.
    pub base: &'p Path,
    /// The one side, where the result is written to.
    pub ours: &'p Path,
    /// The other side.
    pub theirs: &'p Path,
    /// What the file is called in the repository.
    pub path: &'p str,
    /// How long the markers of conflicts are.
    pub marker_size: u16,
}

/// How a merge of files ended.
pub enum MergeResult {
    /// The result is written.
    Clean {
        /// The readers whom the side with the older data key added: they do not read the result.
        left_out: Vec<String>,
        /// The readers whom ours did not have.
        added: Vec<String>,
    },
    /// What is written has markers in it, or is ours.
    Conflicts {
        /// What people have to decide; perhaps more than that where no identity opens the file.
        conflicts: Vec<Conflict>,
        /// Why nothing could be opened.
        unopened: Option<Box<Error>>,
    },
}

/// An encrypted side of a merge.
pub(super) struct Version {
    pub bytes: Zeroizing<Vec<u8>>,
    pub file: EncryptedFile,
}

impl Workspace<'_> {
    /// Merges three files into the second one.
    ///
    /// # Errors
    /// When a side is not encrypted, damaged or not authentic. Then the second file is as it was.
    pub fn merge(&self, request: &MergeRequest<'_>) -> Result<MergeResult, Error> {
        let [base, ours, theirs] = [request.base, request.ours, request.theirs].map(|path| {
            let path = self.env.current_dir().join(path);
            let within = self.within_for(&path);
            fs::read(&path, within, MAX_ENCRYPTED).map_err(Error::from)
        });
        let (base, ours, theirs) = (base?, ours?, theirs?);
        let place = self.env.current_dir().join(request.ours);
        let output = Output { workspace: self, snapshot: Snapshot::of(&ours), place };
        if *ours == *theirs || (*base == *theirs && !base.is_empty()) {
            return Ok(MergeResult::clean());
        }
        let name = |side: &str| format!("{} ({side})", request.path);
        let parsed = (EncryptedFile::parse(&ours), EncryptedFile::parse(&theirs));
        if let (Err(ReadError::NotEncrypted), Err(ReadError::NotEncrypted)) = parsed {
            return output.merge_plaintext(&base, &ours, &theirs, request);
        }
        let ours = Version { file: of_side(parsed.0, &name("ours"))?, bytes: ours };
        let theirs = Version { file: of_side(parsed.1, &name("theirs"))?, bytes: theirs };
        for (version, side) in [(&ours, "ours"), (&theirs, "theirs")] {
            version.file.check().map_err(|source| Error::NotAuthentic { path: name(side), source })?;
        }
        let base_file = EncryptedFile::parse(&base).ok().filter(|file| file.check().is_ok());
        let lines = merge_lines(&base, &ours.bytes, &theirs.bytes, request.marker_size);
        if let Some(lines) = lines.as_ref().filter(|lines| lines.is_clean)
            && is_sound(&lines.content, &ours.file, &theirs.file)
        {
            output.write(&lines.content)?;
            return Ok(MergeResult::clean_with(&ours, &lines.content, Vec::new()));
        }
        let decisions = Decisions::default();
        let merge = Merge {
            base: base_file.as_ref(),
            ours: &ours.file,
            theirs: &theirs.file,
            decisions: &decisions,
            marker_size: usize::from(request.marker_size),
        };
        if let Some(file) = merge.without_key() {
            output.write(&file)?;
            return Ok(MergeResult::clean_with(&ours, &file, Vec::new()));
        }
        let (merged, unopened) = match self.open_versions(request.path, &merge) {
            Ok(opened) => (self.merge_opened(request.path, &merge, &opened)?, None),
            Err(error @ (Error::Unwrap { .. } | Error::Identity(_))) => (merge.guess(), Some(Box::new(error))),
            Err(error) => return Err(error),
        };
        match merged {
            Merged::Clean { file, left_out } => {
                output.write(&file)?;
                Ok(MergeResult::clean_with(&ours, &file, left_out))
            }
            Merged::Conflicts { conflicts, marked } => {
                let is_opaque = ours.file.items().is_none();
                let by_lines = || match lines {
                    _ if is_opaque => None,
                    Some(lines) if !lines.is_clean => Some(lines.content),
                    _ => Some(mark_all(&ours.bytes, &theirs.bytes, usize::from(request.marker_size))),
                };
                if let Some(marked) = marked.or_else(by_lines) {
                    output.write(&marked)?;
                }
                Ok(MergeResult::Conflicts { conflicts, unopened })
            }
        }
    }

    /// Merges opened versions, and wraps the data key anew where that is needed.
    pub(super) fn merge_opened(&self, path: &str, merge: &Merge<'_>, opened: &OpenedVersions) -> Result<Merged, Error> {
        let target = Target { shown: path.to_owned(), path: PathBuf::from(path), recorded: None };
        merge.with_keys(opened, |header: &Header, secrets| self.wrap(&target, header, secrets))
    }

    /// Opens the versions of a merge. Without the common ancestor it goes, too: then what differs is a conflict.
    pub(super) fn open_versions(&self, path: &str, merge: &Merge<'_>) -> Result<OpenedVersions, Error> {
        let ours = self.open_file(&format!("{path} (ours)"), merge.ours)?;
        let theirs = self.open_file(&format!("{path} (theirs)"), merge.theirs)?;
        let base = merge.base.and_then(|base| self.open_base(path, base, [&ours, &theirs]));
        Ok(OpenedVersions { base, ours, theirs })
    }

    /// Opens the common ancestor, with the data key of a side if it has the same one.
    fn open_base(&self, path: &str, base: &EncryptedFile, sides: [&Opened; 2]) -> Option<Opened> {
        let header = base.header();
        let same = sides.into_iter().filter(|side| side.header.generation == header.generation);
        let open = |side: &Opened| -> Result<Opened, OpenError> { base.open(&side.secrets.payload(header)) };
        same.map(open).find_map(Result::ok).or_else(|| self.open_file(path, base).ok())
    }

    fn within_for(&self, path: &Path) -> Option<&Root> {
        self.within().filter(|root| path.starts_with(root.path()))
    }
}

/// Where the result goes.
struct Output<'w> {
    workspace: &'w Workspace<'w>,
    snapshot: Snapshot,
    place: PathBuf,
}

impl Output<'_> {
    fn write(&self, content: &[u8]) -> Result<(), Error> {
        let within = self.workspace.within_for(&self.place);
        Ok(fs::replace(&self.place, within, content, Expect::Unchanged(&self.snapshot), Mode::KeepOr(0o666))?)
    }

    /// Merges what nobody has encrypted, as git would.
    fn merge_plaintext(
        &self,
        base: &[u8],
        ours: &[u8],
        theirs: &[u8],
        request: &MergeRequest<'_>,
    ) -> Result<MergeResult, Error> {
        let lines = merge_lines(base, ours, theirs, request.marker_size);
        if let Some(lines) = &lines {
            self.write(&lines.content)?;
        }
        match lines.filter(|lines| lines.is_clean) {
            Some(_) => Ok(MergeResult::clean()),
            None => Err(Error::MergePlaintext { path: request.path.to_owned() }),
        }
    }
}

impl MergeResult {
    fn clean() -> Self {
        Self::Clean { left_out: Vec::new(), added: Vec::new() }
    }

    fn clean_with(ours: &Version, merged: &[u8], left_out: Vec<String>) -> Self {
        let known = &ours.file.header().recipients;
        let merged = EncryptedFile::parse(merged).map(|merged| merged.header().recipients.clone()).unwrap_or_default();
        Self::Clean { added: merged.into_keys().filter(|name| !known.contains_key(name)).collect(), left_out }
    }
}

/// Tells whether a merge by lines is a file as one of the sides could have written it: with one header of theirs, of the
/// newer data key, and nothing moved away from its neighbours.
fn is_sound(merged: &[u8], ours: &EncryptedFile, theirs: &EncryptedFile) -> bool {
    let Ok(merged) = EncryptedFile::parse(merged) else { return false };
    let newest = ours.header().generation.max(theirs.header().generation);
    merged.header().generation == newest
        && (merged.has_header_of(ours) || merged.has_header_of(theirs))
        && ours.header().file_id == theirs.header().file_id
        && repeated_keys(&merged) <= repeated_keys(ours).max(repeated_keys(theirs))
        && merged.check().is_ok()
}

/// Counts the values under a key that stands there before, which some formats allow: one that both sides added is none
/// that anybody wants twice.
fn repeated_keys(file: &EncryptedFile) -> usize {
    let is_repeated = |step: &Component| matches!(step, Component::Key { occurrence: 1.., .. });
    file.items().map_or(0, |document| document.leaves().filter(|leaf| leaf.path.0.iter().any(is_repeated)).count())
}

fn of_side(parsed: Result<EncryptedFile, ReadError>, path: &str) -> Result<EncryptedFile, Error> {
    parsed.map_err(|source| match source {
        ReadError::NotEncrypted => Error::NotEncrypted { path: path.to_owned(), what: Unencrypted::Version },
        source => Error::Read { path: path.to_owned(), source },
    })
}

/// Marks both files as a whole.
fn mark_all(ours: &[u8], theirs: &[u8], size: usize) -> Vec<u8> {
    let mut marked = Vec::with_capacity(ours.len() + theirs.len() + 64);
    let mut mark = |sign: &str, label: &str, content: &[u8]| {
        marked.extend_from_slice(format!("{}{label}\n", sign.repeat(size)).as_bytes());
        marked.extend_from_slice(content);
        if !content.is_empty() && !content.ends_with(b"\n") {
            marked.push(b'\n');
        }
    };
    mark("<", " ours", ours);
    mark("=", "", theirs);
    mark(">", " theirs", b"");
    marked
}
