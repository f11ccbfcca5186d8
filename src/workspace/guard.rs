//! What is checked before an encrypted file is written again, so that no write gives secrets to somebody who should
//! not have them (property P4).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::{Error, OpenFile, Target, Workspace};
use crate::crypto::FileId;
use crate::envelope::native::{
    Comments, EncryptedFile, FileSecrets, Header, MAX_ENCRYPTED, Mode, OPAQUE_TOP, OpaqueTop, peek_file_id,
};
use crate::git::{GitError, ObjectId, Repository};
use crate::keys::{Recipient, UnwrapError};
use crate::policy::{FILE_NAME, Member, Readers, Rule, drift};

/// A file that was opened, as far as the checks before a write need to know it.
pub trait Standing {
    /// Returns which file it is.
    fn target(&self) -> &Target;
    /// Returns its authenticated header.
    fn header(&self) -> &Header;
    /// Returns its keys.
    fn secrets(&self) -> &FileSecrets;
    /// Tells whether it is known to be the same as these bytes.
    fn is(&self, blob: &[u8]) -> bool;
}

impl Standing for OpenFile {
    fn target(&self) -> &Target {
        &self.target
    }

    fn header(&self) -> &Header {
        &self.opened.header
    }

    fn secrets(&self) -> &FileSecrets {
        &self.opened.secrets
    }

    fn is(&self, blob: &[u8]) -> bool {
        *blob == *self.encrypted
    }
}

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
    /// Returns the rule for a file, which must be governed.
    pub(super) fn rule(&self, target: &Target) -> Result<&Rule, Error> {
        let policy = self.required_policy()?;
        let recorded = target.name();
        policy.rule_for(recorded).ok_or_else(|| Error::NotGoverned {
            path: target.shown.clone(),
            rules: policy.rules.iter().map(|rule| rule.path.as_str().to_owned()).collect(),
        })
    }

    /// Tells whether a rule of the policy is for a file.
    ///
    /// # Errors
    /// When the policy has mistakes.
    pub fn is_governed(&self, target: &Target) -> Result<bool, Error> {
        let (Some(policy), Some(recorded)) = (self.policy()?, &target.recorded) else { return Ok(false) };
        Ok(policy.rule_for(recorded).is_some())
    }

    /// Refuses to write a file that somebody can read whom the policy no longer names, that seals less than its rule
    /// demands, that was put back to an older header, or whose id another file has too.
    ///
    /// # Errors
    /// When any of that is so.
    pub fn check_writable(&self, file: &impl Standing) -> Result<(), Error> {
        self.check_history(file, false)?;
        self.check_rule(file)?;
        self.check_copies(file.target(), file.header())
    }

    /// As [`Self::check_writable`], where git's history and the ids of files were read for many files at once.
    pub(super) fn check_writable_among(
        &self,
        file: &impl Standing,
        versions: &Versions,
        ids: &[(FileId, String)],
    ) -> Result<(), Error> {
        self.check_versions(file, false, versions)?;
        self.check_rule(file)?;
        refuse_copies(file.target(), file.header(), ids)
    }

    /// Refuses to write a file that is open to more people, or seals less, than the policy says.
    fn check_rule(&self, file: &impl Standing) -> Result<(), Error> {
        let header = file.header();
        if let Some(policy) = self.policy()? {
            let rule = self.rule(file.target())?;
            let drift = drift(&header.recipients, &policy.readers(rule));
            if drift.has_surplus() {
                return Err(Error::Drifted { path: file.target().shown.clone(), drift });
            }
            if let Some(what) = seals_less(header, rule) {
                return Err(Error::SealsLess { path: file.target().shown.clone(), what });
            }
        } else if self.had_policy()? {
            // Who removes the policy must not get rid of what it forbids.
            self.required_policy()?;
        }
        Ok(())
    }

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

    /// Refuses to let in a member whose time is over. Who reads a file already keeps it: a date takes nothing away.
    pub(super) fn refuse_expired<'m>(
        &self,
        target: &Target,
        added: impl IntoIterator<Item = (&'m str, &'m Member)>,
    ) -> Result<(), Error> {
        let mut expired = added.into_iter().filter(|(_, member)| member.is_expired(self.env.today()));
        match expired.next().and_then(|(name, member)| Some((name, member.expires?))) {
            Some((name, day)) => Err(Error::Expired { path: target.shown.clone(), member: name.to_owned(), day }),
            None => Ok(()),
        }
    }

    /// Refuses a file whose id another governed file has too: a copy shares the key, and the readers of one would be
    /// the readers of the other.
    pub(super) fn check_copies(&self, target: &Target, header: &Header) -> Result<(), Error> {
        refuse_copies(target, header, &self.file_ids()?)
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

    /// Returns the readers whom the committed policy does not name for this file with these recipients: a change of
    /// the policy that nobody has reviewed yet may have named them. Empty where no policy is committed.
    pub(super) fn unreviewed(&self, target: &Target, readers: &Readers<'_>) -> Result<Vec<String>, Error> {
        let (Some(head), Some(recorded)) = (self.head_policy()?, &target.recorded) else { return Ok(Vec::new()) };
        let reviewed = head.rule_for(recorded).map(|rule| head.readers(rule)).unwrap_or_default();
        let is_reviewed = |name: &str, recipients: &[Recipient]| {
            reviewed
                .get(name)
                .is_some_and(|member| recipients.iter().all(|recipient| member.recipients.contains(recipient)))
        };
        let new = readers.iter().filter(|(name, member)| !is_reviewed(name, &member.recipients));
        Ok(new.map(|(name, _)| (*name).to_owned()).collect())
    }

    /// Tells whether the repository has ever had a policy.
    fn had_policy(&self) -> Result<bool, Error> {
        let Some(repository) = &self.repository else { return Ok(false) };
        Ok(repository.history([Path::new(FILE_NAME)])?.next().transpose()?.is_some())
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

/// Refuses a file whose id one of the others has.
pub(super) fn refuse_copies(target: &Target, header: &Header, others: &[(FileId, String)]) -> Result<(), Error> {
    let is_copy =
        |(id, path): &&(FileId, String)| *id == header.file_id && Some(path.as_str()) != target.recorded.as_deref();
    match others.iter().find(is_copy) {
        Some((_, other)) => Err(Error::TwoPaths { path: target.shown.clone(), other: other.clone() }),
        None => Ok(()),
    }
}

/// Says what of a file is in clear that its rule wants sealed.
pub(super) fn seals_less(header: &Header, rule: &Rule) -> Option<String> {
    if header.mode == Mode::Opaque {
        return None;
    }
    if rule.mode == Mode::Opaque {
        return Some("it as a whole".to_owned());
    }
    if strictness(header.comments) < strictness(rule.comments) {
        return Some("its comments".to_owned());
    }
    let surplus = header.cleartext.iter().find(|pattern| !rule.cleartext.contains(pattern));
    surplus.map(|pattern| format!("`{pattern}`"))
}

/// Orders the ways to treat comments by how much they seal.
pub(super) fn strictness(comments: Comments) -> u8 {
    match comments {
        Comments::Clear => 0,
        Comments::Modelines => 1,
        Comments::Sealed => 2,
    }
}

/// Returns the readers as a header holds them.
pub(super) fn recipients(readers: &Readers<'_>) -> BTreeMap<String, Vec<String>> {
    let texts = |recipients: &[Recipient]| recipients.iter().map(|recipient| recipient.as_str().to_owned()).collect();
    readers.iter().map(|(name, member)| ((*name).to_owned(), texts(&member.recipients))).collect()
}

fn age(header: &Header) -> (u32, u32) {
    (header.generation, header.revision)
}

fn describe_age(header: &Header) -> String {
    format!("revision {} of generation {}", header.revision, header.generation)
}
