//! Whether a file follows from what git's history has of it: no older header comes back, and no stranger's key.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Error, Standing, Target, Workspace};
use crate::envelope::native::{EncryptedFile, FileSecrets, Header, MAX_ENCRYPTED, OPAQUE_TOP, OpaqueTop, peek_file_id};
use crate::git::{GitError, ObjectId, Repository};
use crate::keys::UnwrapError;

/// What git's history has of some files.
#[derive(Default)]
pub(super) struct Versions {
    /// All contents with a commit of each, the last one first.
    all: HashMap<PathBuf, Vec<(ObjectId, ObjectId)>>,
    /// The contents that HEAD has.
    committed: HashMap<PathBuf, ObjectId>,
}

impl Versions {
    /// Walks git's history once for all of the files.
    pub(super) fn of(workspace: &Workspace<'_>, targets: &[Target]) -> Result<Self, Error> {
        let Some(repository) = &workspace.repository else { return Ok(Self::default()) };
        let paths = targets.iter().filter_map(|target| target.recorded.as_deref()).map(Path::new);
        let head = repository.head()?;
        let mut versions = Self::default();
        for past in repository.history(paths)? {
            let past = past?;
            if Some(past.commit) == head {
                versions.committed.insert(past.path.clone(), past.content);
            }
            versions.all.entry(past.path).or_default().push((past.commit, past.content));
        }
        Ok(versions)
    }
}

/// A file in git's history, as far as it has to be read.
enum Past {
    Document(EncryptedFile),
    Opaque(OpaqueTop),
}

impl Past {
    fn header(&self) -> &Header {
        match self {
            Self::Document(file) => file.header(),
            Self::Opaque(top) => top.header(),
        }
    }
}

impl Workspace<'_> {
    /// Refuses a file that is older than what git's history knows of it, and (unless `accepts_key`) one whose data key
    /// does not come from the readers of the one before.
    pub(super) fn check_history(&self, file: &impl Standing, accepts_key: bool) -> Result<(), Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &file.target().recorded) else { return Ok(()) };
        let past = repository.history([Path::new(recorded)])?.map(|past| past.map(|past| (past.commit, past.content)));
        self.check_against(file, accepts_key, repository, past)
    }

    /// As [`Self::check_history`], where git's history was read for many files at once.
    pub(super) fn check_versions(
        &self,
        file: &impl Standing,
        accepts_key: bool,
        versions: &Versions,
    ) -> Result<(), Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &file.target().recorded) else { return Ok(()) };
        let past = versions.all.get(Path::new(recorded)).into_iter().flatten();
        self.check_against(file, accepts_key, repository, past.map(|past| Ok(*past)))
    }

    fn check_against(
        &self,
        file: &impl Standing,
        accepts_key: bool,
        repository: &Repository,
        versions: impl Iterator<Item = Result<(ObjectId, ObjectId), GitError>>,
    ) -> Result<(), Error> {
        let header = file.header();
        let mut lower: Vec<Past> = Vec::new();
        let mut newest: Option<(Past, ObjectId, ObjectId)> = None;
        for version in versions {
            let (commit, content) = version?;
            let skips = |blob: &[u8]| file.is(blob) || peek_file_id(blob) != Some(header.file_id);
            let Some(known) = read_past(repository, content, skips)? else { continue };
            let newest_age = age(newest.as_ref().map_or(header, |(newest, ..)| newest.header()));
            if age(known.header()) > newest_age && self.may_be_authentic(&known) {
                newest = Some((known, commit, content));
                continue;
            }
            if newest.is_some() {
                continue;
            }
            let is_same_wrap = known.header().wrapped_key == header.wrapped_key;
            if known.header().generation < header.generation {
                lower.push(known);
            } else if known.header().generation == header.generation
                && !is_same_wrap
                && !accepts_key
                && self.try_open(&known).is_some_and(|known| !known.has_data_key_of(file.secrets()))
            {
                return Err(Error::NotAFollower { path: file.target().shown.clone() });
            }
        }
        if let Some((newest, commit, content)) = newest {
            let recorded = file.target().recorded.as_deref().unwrap_or_default();
            let is_in_head = repository.file_ids(Path::new(recorded))?[0] == Some(content);
            return Err(Error::RolledBack {
                path: file.target().shown.clone(),
                here: describe_age(header),
                there: describe_age(newest.header()),
                newest: if is_in_head { "HEAD".to_owned() } else { commit.short() },
            });
        }
        if accepts_key || self.is_follower(file, &lower, repository) {
            return Ok(());
        }
        Err(Error::NotAFollower { path: file.target().shown.clone() })
    }

    /// Refuses a second new data key before the first is committed: history could not tell who made them.
    pub(super) fn check_committed(&self, file: &impl Standing, versions: &Versions) -> Result<(), Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &file.target().recorded) else { return Ok(()) };
        let Some(committed) = versions.committed.get(Path::new(recorded)) else { return Ok(()) };
        let header = file.header();
        // Who changed nothing since has no key that is not committed.
        match read_past(repository, *committed, |blob| file.is(blob))? {
            Some(head) if head.header().file_id == header.file_id && head.header().generation < header.generation => {
                Err(Error::UncommittedKey { path: file.target().shown.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Tells whether what the index has at a path is encrypted.
    pub(super) fn is_encrypted_in_index(&self, path: &Path) -> Result<bool, Error> {
        let Some(repository) = &self.repository else { return Ok(false) };
        let [_, Some(indexed)] = repository.file_ids(path)? else { return Ok(false) };
        Ok(read_past(repository, indexed, |_| false)?.is_some())
    }

    /// Tells whether the data key was made by somebody who had the one before, as far as that can be told.
    fn is_follower(&self, file: &impl Standing, lower: &[Past], repository: &Repository) -> bool {
        let generation = file.header().generation;
        let Some(newest) = lower.iter().map(|known| known.header().generation).max() else { return true };
        if newest + 1 != generation {
            // The key between was never committed, so nobody can tell; but a history that was cut off proves nothing.
            return repository.is_shallow();
        }
        let mut wraps: HashSet<&str> = HashSet::new();
        let former = lower.iter().filter(|known| known.header().generation == newest);
        let mut distinct = former.filter(|known| wraps.insert(&known.header().wrapped_key));
        // From all of them: who commits one of his own, and then one that follows from that, is no reader. Who joined
        // later cannot open the earlier keys, and then cannot tell.
        distinct.all(|former| self.try_open(former).is_none_or(|former| file.secrets().follows(&former, generation)))
    }

    /// Tells whether a file from history must be taken seriously: everybody can commit a header with high numbers.
    fn may_be_authentic(&self, file: &Past) -> bool {
        match self.identities.unwrap_for(&file.header().readers(), &file.header().wrapped_key) {
            Ok(payload) => open_past(file, &payload).is_some(),
            Err(UnwrapError::Malformed(_) | UnwrapError::NotAuthentic) => false,
            Err(_) => true,
        }
    }

    fn try_open(&self, file: &Past) -> Option<FileSecrets> {
        let payload = self.identities.unwrap_for(&file.header().readers(), &file.header().wrapped_key).ok()?;
        open_past(file, &payload)
    }
}

/// Reads a file from history; `None` for one that is skipped, and for what is no encrypted file. Of an opaque one
/// the top is enough, whatever its size.
fn read_past(repository: &Repository, id: ObjectId, skips: impl Fn(&[u8]) -> bool) -> Result<Option<Past>, Error> {
    let blob = match repository.content_top(id, OPAQUE_TOP, MAX_ENCRYPTED) {
        Ok(top) if top.len() < OPAQUE_TOP || skips(&top) => top,
        Ok(top) => match OpaqueTop::parse(&top) {
            Ok(Some(top)) => return Ok(Some(Past::Opaque(top))),
            Err(_) => return Ok(None),
            Ok(None) => match repository.content(id, MAX_ENCRYPTED) {
                Err(GitError::TooLarge { .. }) => return Ok(None),
                blob => blob?,
            },
        },
        Err(GitError::TooLarge { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if skips(&blob) {
        return Ok(None);
    }
    match OpaqueTop::parse(&blob) {
        Ok(Some(top)) => Ok(Some(Past::Opaque(top))),
        Ok(None) => Ok(EncryptedFile::parse(&blob).ok().map(Past::Document)),
        Err(_) => Ok(None),
    }
}

/// Returns the keys of a file from history, if it is authentic: of an opaque one its header, for that is what is
/// compared.
fn open_past(file: &Past, payload: &[u8]) -> Option<FileSecrets> {
    match file {
        Past::Document(file) => file.open(payload).ok().map(|opened| opened.secrets),
        Past::Opaque(top) => top.open(payload).ok().map(|opened| opened.secrets),
    }
}

fn age(header: &Header) -> (u32, u32) {
    (header.generation, header.revision)
}

fn describe_age(header: &Header) -> String {
    format!("revision {} of generation {}", header.revision, header.generation)
}
