//! What is checked before an encrypted file is written again, so that no write gives secrets to somebody who should
//! not have them (property P4).

use std::collections::BTreeMap;
use std::path::Path;

use super::{Error, OpenFile, Target, Workspace};
use crate::envelope::native::{EncryptedFile, Header, MAX_ENCRYPTED, peek_file_id};
use crate::fs;
use crate::keys::Recipient;
use crate::policy::{Readers, Rule, drift};

impl Workspace<'_> {
    /// Returns the rule for a file, which must be governed.
    pub(super) fn rule(&self, target: &Target) -> Result<&Rule, Error> {
        let policy = self.required_policy()?;
        let recorded = target.recorded.as_deref().unwrap_or(&target.shown);
        policy.rule_for(recorded).ok_or_else(|| Error::NotGoverned {
            path: target.shown.clone(),
            rules: policy.rules.iter().map(|rule| rule.path.as_str().to_owned()).collect(),
        })
    }

    /// Refuses to write a file that somebody can read whom the policy no longer names, that was put back to an older
    /// header, or whose id another file has too.
    ///
    /// # Errors
    /// When any of that is so.
    pub fn check_writable(&self, file: &OpenFile) -> Result<(), Error> {
        // Without a policy nobody says who may read, but what history knows still counts.
        let Some(policy) = self.policy()? else { return self.check_history(file) };
        let rule = self.rule(&file.target)?;
        let drift = drift(&file.opened.header.recipients, &policy.readers(rule));
        if drift.has_surplus() {
            return Err(Error::Drifted { path: file.target.shown.clone(), drift });
        }
        self.check_history(file)?;
        self.check_copies(&file.target, &file.opened.header)
    }

    /// Refuses a file that is older than what git's history knows of it, or whose data key no earlier reader made.
    pub(super) fn check_history(&self, file: &OpenFile) -> Result<(), Error> {
        let (Some(repository), Some(recorded)) = (&self.repository, &file.target.recorded) else { return Ok(()) };
        let header = &file.opened.header;
        let mut former: Option<EncryptedFile> = None;
        for past in repository.history([Path::new(recorded)])? {
            let Ok(blob) = repository.content(past?.content, MAX_ENCRYPTED) else { continue };
            if *blob == file.encrypted || peek_file_id(&blob) != Some(header.file_id) {
                continue;
            }
            let Ok(known) = EncryptedFile::parse(&blob) else { continue };
            if age(known.header()) > age(header) {
                return Err(Error::RolledBack {
                    path: file.target.shown.clone(),
                    here: describe_age(header),
                    there: describe_age(known.header()),
                });
            }
            if known.header().generation + 1 == header.generation
                && former.as_ref().is_none_or(|former| age(known.header()) > age(former.header()))
            {
                former = Some(known);
            }
        }
        if let Some(former) = former
            // Who joined later cannot open the earlier key, and then cannot tell.
            && let Ok(payload) = self.identities.unwrap(&former.header().wrapped_key)
            && let Ok(former) = former.open(&payload)
            && !file.opened.secrets.follows(&former.secrets, header.generation)
        {
            return Err(Error::NotAFollower { path: file.target.shown.clone() });
        }
        Ok(())
    }

    /// Refuses a file whose id another governed file has too: a copy shares the key, and the readers of one would be
    /// the readers of the other.
    pub(super) fn check_copies(&self, target: &Target, header: &Header) -> Result<(), Error> {
        let (Some(repository), Some(root), Some(policy)) = (&self.repository, self.within(), self.policy()?) else {
            return Ok(());
        };
        for file in repository.index_files()? {
            let Some(path) = file.path.to_str() else { continue };
            if Some(path) == target.recorded.as_deref() || policy.rule_for(path).is_none() {
                continue;
            }
            let Ok(top) = fs::read_top(&root.path().join(path), Some(root), PEEK_BYTES) else { continue };
            if peek_file_id(&top) == Some(header.file_id) {
                return Err(Error::TwoPaths { path: target.shown.clone(), other: path.to_owned() });
            }
        }
        Ok(())
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

/// Enough for the first fields of any header.
const PEEK_BYTES: usize = 8 << 10;
