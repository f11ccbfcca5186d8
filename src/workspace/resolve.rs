//! Settling the conflicts of a merge, key by key.

use std::path::Path;

use zeroize::Zeroizing;

use super::merge::Version;
use super::save::{WRITE_MODE, seal_error};
use super::{Error, StoredFile, Target, Unencrypted, Workspace, lookup};
use crate::document::edit::NewValue;
use crate::document::{self, Document};
use crate::envelope::native::{
    Choice, Conflict, Decisions, EncryptedFile, MAX_ENCRYPTED, Merge, Merged, Opened, OpenedVersions, ReadError,
    conflict, seal,
};
use crate::fs::{self, Expect, Snapshot};
use crate::policy::drift;

/// A file with a conflict, and its versions, opened.
pub struct ConflictedFile {
    /// Which file.
    pub target: Target,
    snapshot: Snapshot,
    base: Option<Version>,
    ours: Version,
    theirs: Version,
    opened: OpenedVersions,
}

/// A file whose conflicts are settled.
pub struct Settled {
    /// The readers whom the side with the older data key added: they do not read it.
    pub left_out: Vec<String>,
    /// Who can read it though the policy does not name them.
    pub surplus: Vec<String>,
}

impl Workspace<'_> {
    /// Finds the versions of a file that git left to choose from, and opens them.
    ///
    /// # Errors
    /// When there is no conflict, a version is missing or damaged, or no identity opens it.
    pub fn conflicted(&self, target: Target) -> Result<ConflictedFile, Error> {
        self.refuse_links(&target)?;
        let stored = self.read(target)?;
        let [base, ours, theirs] = match self.stages(&stored.target)? {
            Some(versions) => versions,
            None => marked_versions(&stored)?,
        };
        let shown = |side: &str| format!("{} ({side})", stored.target.shown);
        let missing = |by| Error::RemovedBySide { path: stored.target.shown.clone(), by };
        let ours = version(ours.ok_or_else(|| missing("ours"))?, &shown("ours"))?;
        let theirs = version(theirs.ok_or_else(|| missing("theirs"))?, &shown("theirs"))?;
        let base = base.and_then(|base| version(base, "").ok()).filter(|base| base.file.check().is_ok());
        let decisions = Decisions::default();
        let merge = merge(base.as_ref(), &ours, &theirs, &decisions);
        let opened = self.open_versions(&stored.target.shown, &merge)?;
        let StoredFile { target, snapshot, .. } = stored;
        Ok(ConflictedFile { target, snapshot, base, ours, theirs, opened })
    }

    /// Merges the versions of a file as was decided, sets some values to new ones, and writes the result; returns the
    /// conflicts that are left, if any are: then nothing is written.
    ///
    /// # Errors
    /// When a new value cannot be set, or the file was changed meanwhile.
    pub fn settle(
        &self,
        file: &ConflictedFile,
        decisions: &Decisions,
        values: &[(String, Zeroizing<String>)],
    ) -> Result<Result<Settled, Vec<Conflict>>, Error> {
        let path = &file.target.shown;
        let merge = merge(file.base.as_ref(), &file.ours, &file.theirs, decisions);
        let (mut content, left_out) = match self.merge_opened(path, &merge, &file.opened)? {
            Merged::Clean { file, left_out } => (file, left_out),
            Merged::Conflicts { conflicts, .. } => return Ok(Err(conflicts)),
        };
        let merged = self.open_merged(file, &content)?;
        let mut surplus = Vec::new();
        if let Some(policy) = self.policy()?
            && let Ok(rule) = self.rule(&file.target)
        {
            let drift = drift(&merged.header.recipients, &policy.readers(rule));
            if drift.has_surplus() {
                // A value that is new must not go to them; the others they can read already.
                if !values.is_empty() {
                    return Err(Error::Drifted { path: path.clone(), drift });
                }
                surplus = merged.header.recipients.keys().cloned().collect();
                surplus.retain(|name| !policy.readers(rule).contains_key(name.as_str()));
            }
        }
        if !values.is_empty() {
            content = self.with_values(&file.target, &merged, values)?;
        }
        fs::replace(&file.target.path, self.within(), &content, Expect::Unchanged(&file.snapshot), WRITE_MODE)?;
        Ok(Ok(Settled { left_out, surplus }))
    }

    fn open_merged(&self, file: &ConflictedFile, content: &[u8]) -> Result<Opened, Error> {
        let path = || file.target.shown.clone();
        let merged = EncryptedFile::parse(content).map_err(|source| Error::Read { path: path(), source })?;
        self.open_file(&path(), &merged)
    }

    fn with_values(
        &self,
        target: &Target,
        merged: &Opened,
        values: &[(String, Zeroizing<String>)],
    ) -> Result<Vec<u8>, Error> {
        let path = || target.shown.clone();
        let header = merged.header.clone();
        let no_keys = || Error::NoKeys { path: path() };
        let text = str::from_utf8(&merged.plaintext).map_err(|_| no_keys())?;
        let mut text = Zeroizing::new(text.to_owned());
        for (key, value) in values {
            let failed = |source| Error::Edit { path: path(), source };
            let document = document::parse(header.format, &text).map_err(|_| no_keys())?;
            let key = lookup(&document, header.format, key).map_err(|error| failed(error.into()))?;
            text = document::set(header.format, &text, &document, &key, NewValue::Text(value)).map_err(failed)?;
        }
        let format = header.format;
        seal(text.as_bytes(), header, &merged.secrets, Some(merged), self.env.today())
            .map_err(|source| seal_error(target, format, source))
    }

    /// Returns the versions that git's index has of a file in conflict.
    fn stages(&self, target: &Target) -> Result<Option<Versions>, Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &target.recorded) else { return Ok(None) };
        let Some(stages) = repository.stages(Path::new(recorded))? else { return Ok(None) };
        let content = |id: Option<_>| id.map(|id| repository.content(id, MAX_ENCRYPTED)).transpose();
        Ok(Some([content(stages.base)?, content(stages.ours)?, content(stages.theirs)?]))
    }
}

impl ConflictedFile {
    /// Returns what has to be decided; with none the sides can be merged as they are.
    ///
    /// # Errors
    /// When the data key cannot be wrapped to the readers.
    pub fn conflicts(&self, workspace: &Workspace<'_>) -> Result<Vec<Conflict>, Error> {
        let decisions = Decisions::default();
        let merge = merge(self.base.as_ref(), &self.ours, &self.theirs, &decisions);
        Ok(match workspace.merge_opened(&self.target.shown, &merge, &self.opened)? {
            Merged::Clean { .. } => Vec::new(),
            Merged::Conflicts { conflicts, .. } => conflicts,
        })
    }

    /// Returns the value that a side has under a key, or `None` if it has no such single value.
    pub fn value(&self, choice: Choice, key: &str) -> Option<Zeroizing<String>> {
        let opened = self.side(choice);
        let leaf = opened.items.iter().flat_map(Document::leaves).find(|leaf| leaf.path.to_string() == key);
        leaf.map(|leaf| Zeroizing::new(leaf.value.to_string()))
    }

    fn side(&self, choice: Choice) -> &Opened {
        match choice {
            Choice::Ours => &self.opened.ours,
            Choice::Theirs => &self.opened.theirs,
        }
    }
}

/// The common ancestor, ours, theirs.
type Versions = [Option<Zeroizing<Vec<u8>>>; 3];

fn merge<'f>(base: Option<&'f Version>, ours: &'f Version, theirs: &'f Version, decisions: &'f Decisions) -> Merge<'f> {
    let base = base.map(|base| &base.file);
    Merge { base, ours: &ours.file, theirs: &theirs.file, decisions, marker_size: MARKER_SIZE }
}

fn version(bytes: Zeroizing<Vec<u8>>, path: &str) -> Result<Version, Error> {
    let file = EncryptedFile::parse(&bytes).map_err(|source| match source {
        ReadError::NotEncrypted => Error::NotEncrypted { path: path.to_owned(), what: Unencrypted::Version },
        source => Error::Read { path: path.to_owned(), source },
    })?;
    Ok(Version { bytes, file })
}

/// Takes both sides out of a file with markers in it.
fn marked_versions(stored: &StoredFile) -> Result<Versions, Error> {
    if conflict(&stored.bytes).is_none() {
        return Err(Error::NoConflict { path: stored.target.shown.clone() });
    }
    let mut versions: [Zeroizing<Vec<u8>>; 3] = Default::default();
    // Between markers the lines of one version, else of all.
    let mut within: Option<usize> = None;
    let mut has_base = false;
    for line in stored.bytes.split_inclusive(|byte| *byte == b'\n') {
        let is_mark = |sign: u8| {
            let length = line.iter().take_while(|byte| **byte == sign).count();
            length >= MARKER_SIZE && matches!(line.get(length), None | Some(b' ' | b'\n' | b'\r'))
        };
        match within {
            None if is_mark(b'<') => within = Some(OURS),
            Some(OURS) if is_mark(b'|') => (within, has_base) = (Some(BASE), true),
            Some(OURS | BASE) if is_mark(b'=') => within = Some(THEIRS),
            Some(THEIRS) if is_mark(b'>') => within = None,
            Some(version) => versions[version].extend_from_slice(line),
            None => versions.iter_mut().for_each(|version| version.extend_from_slice(line)),
        }
    }
    let [base, ours, theirs] = versions;
    Ok([has_base.then_some(base), Some(ours), Some(theirs)])
}

/// Git's own.
const MARKER_SIZE: usize = 7;
const BASE: usize = 0;
const OURS: usize = 1;
const THEIRS: usize = 2;
