//! Adding and changing members and groups of the policy.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Error, PolicyChange, Target, Workspace};
use crate::keys::Recipient;
use crate::policy::{Policy, edit};

/// A member to add to the policy.
pub struct NewMember {
    /// The name.
    pub name: String,
    /// The keys and the rest.
    pub member: crate::policy::Member,
    /// The groups to join. Those that are not there are made.
    pub groups: Vec<String>,
}

impl Workspace<'_> {
    /// Makes a policy with a new member. Writes nothing.
    ///
    /// # Errors
    /// When there is a member or group of this name, or the policy would have a mistake.
    pub fn with_member(&self, new: &NewMember) -> Result<PolicyChange, Error> {
        self.change_policy(|text, policy| {
            let text = edit::add_member(&text, &new.name, &new.member)?;
            join(text, policy, &new.name, &new.groups)
        })
    }

    /// Makes a policy with more keys for a member who is there already, and perhaps in more groups. Writes nothing.
    ///
    /// # Errors
    /// When there is no such member, or the policy would have a mistake.
    pub fn with_recipients(
        &self,
        name: &str,
        recipients: &[Recipient],
        groups: &[String],
    ) -> Result<PolicyChange, Error> {
        self.change_policy(|text, policy| {
            let text = edit::add_recipients(&text, name, recipients)?;
            join(text, policy, name, groups)
        })
    }

    /// Changes the last day of a membership, or takes it away.
    ///
    /// # Errors
    /// When there is no such member.
    pub fn set_expires(&self, name: &str, expires: Option<Date>) -> Result<(), Error> {
        self.edit_policy(|text, _| Ok(edit::set_expires(&text, name, expires)?))
    }

    /// Adds a group of members, or members to one there is.
    ///
    /// # Errors
    /// When the policy would have a mistake.
    pub fn add_to_group(&self, group: &str, names: &[String]) -> Result<(), Error> {
        self.edit_policy(|mut text, policy| {
            if !policy.groups.contains_key(group) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                return Ok(edit::add_group(&text, group, &names)?);
            }
            for name in names {
                text = edit::add_to_group(&text, group, name)?;
            }
            Ok(text)
        })
    }

    /// Removes members from a group; without any, the group itself.
    ///
    /// # Errors
    /// When one is not in it, or a rule would be left without readers.
    pub fn remove_from_group(&self, group: &str, names: &[String]) -> Result<(), Error> {
        let change = self.change_policy(|mut text, _| {
            if names.is_empty() {
                return Ok(edit::remove_group(&text, group)?);
            }
            for name in names {
                text = edit::remove_from_group(&text, group, name)?;
            }
            Ok(text)
        })?;
        self.refuse_out_of_time(names.first().map_or(group, String::as_str), &change)?;
        self.write_policy(&change)
    }

    /// Returns the members whose time is over and whom the rules of some files name as readers, each with the last day.
    ///
    /// # Errors
    /// When no rule is for one of the files.
    pub fn expired_readers(&self, targets: &[Target]) -> Result<BTreeMap<String, Date>, Error> {
        let (policy, today) = (self.required_policy()?, self.env.today());
        let mut expired = BTreeMap::new();
        if policy.members.values().any(|member| member.is_expired(today)) {
            for target in targets {
                let readers = policy.readers(self.rule(target)?).into_iter();
                let late = readers.filter(|(_, member)| member.is_expired(today));
                expired.extend(late.filter_map(|(name, member)| Some((name.to_owned(), member.expires?))));
            }
        }
        Ok(expired)
    }
}

fn join(mut text: String, policy: &Policy, name: &str, groups: &[String]) -> Result<String, Error> {
    for group in groups {
        text = match policy.groups.get(group) {
            Some(_) => edit::add_to_group(&text, group, name)?,
            None => edit::add_group(&text, group, &[name])?,
        };
    }
    Ok(text)
}
