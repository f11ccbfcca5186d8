//! Taking somebody, or a key, out of the policy; and what must not be taken out. The files follow in a rekey.

use std::collections::HashMap;
use std::sync::Arc;

use super::Unrecorded;
use crate::crypto::FileId;
use crate::envelope::native::{Exposure, Header};
use crate::keys::Recipient;
use crate::policy::edit::{self, EditError};
use crate::workspace::{Error, PolicyChange, Workspace};

/// Somebody who had data keys of files whose headers know nothing of that.
#[derive(Clone, Debug)]
pub(in crate::workspace) struct FormerReader {
    name: String,
    /// The number of the last data key, by file.
    last: HashMap<FileId, u32>,
}

impl Workspace<'_> {
    /// Refuses to take out whoever runs the command: nobody would be left here who can write the files.
    ///
    /// # Errors
    /// When an identity at hand is the member's.
    pub fn refuse_self(&self, name: &str) -> Result<(), Error> {
        let own = self.identities.recipients()?;
        let member = self.policy()?.and_then(|policy| policy.member(name));
        match member.filter(|member| member.recipients.iter().any(|recipient| own.contains(&recipient))) {
            Some(_) => Err(Error::RemovesSelf { name: name.to_owned() }),
            None => Ok(()),
        }
    }

    /// Returns the policy without a recipient, whose it is, and whether the member has no other and so leaves it; `None`
    /// when no member has it. Writes nothing.
    ///
    /// # Errors
    /// When a rule would be left without readers, or whoever runs the command has no other key of the policy.
    pub fn without_recipient(&self, recipient: &Recipient) -> Result<Option<(PolicyChange, String, bool)>, Error> {
        let policy = self.required_policy()?;
        let own = self.identities.recipients()?;
        let has_other = own.iter().any(|own| *own != recipient && policy.member_with(own).is_some());
        let Some((name, member)) = policy.member_with(recipient) else { return Ok(None) };
        if own.contains(&recipient) && !has_other {
            return Err(Error::RemovesOwnKey { name: name.to_owned() });
        }
        let is_last = member.recipients.len() == 1;
        let change = if is_last {
            self.without_member(name).map_err(|error| match error {
                Error::PolicyEdit(EditError::LastReader { member, rules }) => Error::LastKey { member, rules },
                error => error,
            })?
        } else {
            self.change_policy(|text, _| Ok(edit::remove_recipient(&text, name, recipient)?))?
        };
        Ok(Some((change, name.to_owned(), is_last)))
    }

    /// From now on each file that is planned gets a new data key, and all that it seals counts as known to strangers.
    pub fn expose_all(&mut self) {
        self.exposes_all = true;
    }

    /// From now on each of these files that is planned records that somebody had its data key, and gets a new one where
    /// that was today's.
    pub fn expose_to(&mut self, name: &str, files: &[Unrecorded]) {
        let last = files.iter().map(|file| (file.file_id, file.generation)).collect();
        self.former_reader = Some(Arc::new(FormerReader { name: name.to_owned(), last }));
    }

    /// Returns what is to be recorded in a header by [`Self::expose_to`].
    pub(in crate::workspace) fn unrecorded_exposure(&self, header: &Header) -> Option<Exposure> {
        let former = self.former_reader.as_ref()?;
        let generation = *former.last.get(&header.file_id)?;
        // Somebody may have recorded it since.
        let is_known = |known: &Exposure| known.member == former.name && known.generation >= generation;
        let is_new = generation <= header.generation && !header.exposed.iter().any(is_known);
        is_new.then(|| Exposure { member: former.name.clone(), generation, day: self.env.today() })
    }
}
