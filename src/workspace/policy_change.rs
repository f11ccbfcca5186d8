//! Changing the policy: at once, or together with the files that it is about.

use super::{Error, Workspace};
use crate::fs::{self, Expect, Mode, Snapshot};
use crate::policy::{self, FILE_NAME, Policy};

/// A policy that is not written yet.
pub struct PolicyChange {
    pub(super) text: String,
    pub(super) policy: Policy,
    /// The policy that it was made from.
    pub(super) snapshot: Snapshot,
}

impl PolicyChange {
    /// Returns what the new policy says.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl Workspace<'_> {
    /// Returns the policy without a member: he is gone from the members, all groups and all rules. Writes nothing.
    ///
    /// # Errors
    /// When there is no such member, or a rule would be left without readers.
    pub fn without_member(&self, name: &str) -> Result<PolicyChange, Error> {
        let change = self.change_policy(|text, _| Ok(policy::edit::remove_member(&text, name)?))?;
        self.refuse_out_of_time(name, &change)?;
        Ok(change)
    }

    /// Refuses a removal that leaves a rule only readers whose time is over: nobody could encrypt for it any more.
    pub(super) fn refuse_out_of_time(&self, removed: &str, change: &PolicyChange) -> Result<(), Error> {
        let today = self.env.today();
        let in_time = |policy: &Policy, path: &str| {
            let rule = policy.rules.iter().find(|rule| rule.path.as_str() == path);
            rule.is_some_and(|rule| policy.readers(rule).values().any(|member| !member.is_expired(today)))
        };
        let before = self.required_policy()?;
        let paths = change.policy.rules.iter().map(|rule| rule.path.as_str());
        let rules: Vec<String> =
            paths.filter(|path| in_time(before, path) && !in_time(&change.policy, path)).map(str::to_owned).collect();
        if rules.is_empty() { Ok(()) } else { Err(Error::LastInTime { member: removed.to_owned(), rules }) }
    }

    /// Makes a changed policy; writes nothing.
    pub(super) fn change_policy(
        &self,
        edit: impl FnOnce(String, &Policy) -> Result<String, Error>,
    ) -> Result<PolicyChange, Error> {
        let policy = self.required_policy()?;
        let text = self.policy_text()?.unwrap_or_default();
        let snapshot = Snapshot::of(text.as_bytes());
        let text = edit(text, policy)?;
        let policy = Policy::parse(&text, FILE_NAME)?;
        Ok(PolicyChange { text, policy, snapshot })
    }

    /// Acts from now on as if this were the policy. It is written by [`Self::rekey`], in one step with the files, or by
    /// [`Self::write_proposed`].
    pub fn propose(&mut self, change: PolicyChange) {
        self.policy = Some(change.policy.clone()).into();
        self.proposed = Some(change);
    }

    /// Tells whether a policy is proposed.
    pub fn has_proposed(&self) -> bool {
        self.proposed.is_some()
    }

    /// Writes the proposed policy, if there is one.
    ///
    /// # Errors
    /// When the policy was changed meanwhile, or cannot be written.
    pub fn write_proposed(&mut self) -> Result<(), Error> {
        match self.proposed.take() {
            Some(change) => self.write_policy(&change),
            None => Ok(()),
        }
    }

    /// Changes the policy at once.
    pub(super) fn edit_policy(&self, edit: impl FnOnce(String, &Policy) -> Result<String, Error>) -> Result<(), Error> {
        self.write_policy(&self.change_policy(edit)?)
    }

    pub(super) fn write_policy(&self, change: &PolicyChange) -> Result<(), Error> {
        let path = self.folder().join(FILE_NAME);
        let expect = Expect::Unchanged(&change.snapshot);
        Ok(fs::replace(&path, self.within(), change.text.as_bytes(), expect, Mode::KeepOr(0o666))?)
    }
}
