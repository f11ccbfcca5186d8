//! Taking somebody out of files: planned for all of them, and written with the policy.

use crate::crypto::FileId;
use crate::keys::Recipient;
use crate::policy::edit::{self, EditError};
use crate::process;
use crate::workspace::{Error, PolicyChange, RekeyPlan, Target, Workspace, each_on_all_cores};

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

    /// Plans the rekey of files, by their paths from the root, by the policy that was proposed. What is wrong with
    /// single files comes beside the plans.
    ///
    /// # Errors
    /// When git or the policy cannot be read.
    pub fn plan_all(&self, files: &[String]) -> Result<(Vec<RekeyPlan>, Vec<Error>), Error> {
        let root = self.root().unwrap_or(self.env.current_dir());
        let targets = files.iter().map(|file| Target {
            shown: file.clone(),
            path: root.join(file),
            recorded: Some(file.clone()),
        });
        let targets: Vec<Target> = targets.collect();
        let ids: Vec<(FileId, String)> = if targets.is_empty() { Vec::new() } else { self.file_ids()? };
        let (mut plans, mut errors) = (Vec::new(), Vec::new());
        let opener = self.opener();
        process::allow_open_files(2 * targets.len());
        for part in targets.chunks(OPENED_AT_ONCE) {
            for opened in each_on_all_cores(part, |target| opener.open_any(target.clone(), None, false)) {
                match opened.and_then(|file| self.plan_rekey(file, false, &ids)) {
                    Ok(plan) => plans.extend(plan),
                    Err(error) => errors.push(error),
                }
            }
        }
        Ok((plans, errors))
    }

    /// Writes the proposed policy, and what was planned for files.
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn write_all(&mut self, plans: &[RekeyPlan]) -> Result<(), Error> {
        // A policy that names fewer readers than a file keeps everybody from writing that; the other way round the next
        // rekey would let the member in again.
        self.write_proposed()?;
        self.rekey(plans)
    }

    /// From now on each file that is planned gets a new data key, and all that it seals counts as known to strangers.
    pub fn expose_all(&mut self) {
        self.exposes_all = true;
    }
}

const OPENED_AT_ONCE: usize = 64;
