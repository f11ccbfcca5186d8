//! What is checked before an encrypted file is written again, so that no write gives secrets to somebody who should
//! not have them (property P4).

use std::collections::BTreeMap;
use std::path::Path;

use super::ancestry::Versions;
use super::{Error, OpenFile, Target, Workspace};
use crate::crypto::FileId;
use crate::envelope::native::{Comments, FileSecrets, Header, Mode};
use crate::keys::Recipient;
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

    /// Returns the readers whom the committed policy does not name for this file with these recipients: a change of
    /// the policy that nobody has reviewed yet may have named them. Empty where no policy is committed.
    pub(super) fn unreviewed(&self, target: &Target, readers: &Readers<'_>) -> Result<Vec<String>, Error> {
        let (Some(head), Some(recorded)) = (self.head_policy()?, &target.recorded) else { return Ok(Vec::new()) };
        let reviewed = head.readers_of(recorded);
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
