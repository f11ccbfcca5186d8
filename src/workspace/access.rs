//! What a member may read now: by the headers of the files, and by the policy where that differs.

use std::collections::BTreeSet;

use super::{Error, Workspace};
use crate::keys::Recipient;

/// What a member may read.
#[derive(Debug, Default)]
pub struct Access {
    /// Files, sorted by path.
    pub files: Vec<AccessedFile>,
    /// Files that cannot be read, with the reason.
    pub unread: Vec<(String, String)>,
    /// Whether the policy, or a file as a reader, has the name.
    pub is_named: bool,
    /// Whether a file says that somebody of the name read it once.
    pub is_former: bool,
}

/// A file that a member reads, or is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessedFile {
    /// The file, from the root of the workspace.
    pub file: String,
    /// Whether header and policy agree.
    pub granted: Granted,
    /// The key paths of its sealed values; none of a file that is sealed as a whole.
    pub keys: Vec<String>,
}

/// Who lets a member read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Header and policy.
    Both,
    /// The header alone: the next rekey takes it away.
    HeaderOnly,
    /// The policy alone: the next rekey gives it.
    PolicyOnly,
    /// Header and policy, but with keys that the policy does not have: the next rekey gives it to those that it has.
    OtherKeys,
}

impl Granted {
    /// Returns the word for it, which does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "reads",
            Self::HeaderOnly => "surplus",
            Self::PolicyOnly => "pending",
            Self::OtherKeys => "other-keys",
        }
    }
}

impl Workspace<'_> {
    /// Tells whether a file records a former reader of this name.
    ///
    /// # Errors
    /// As [`Self::access`].
    pub fn has_former_reader(&self, name: &str) -> Result<bool, Error> {
        let present = self.present(BTreeSet::new())?;
        Ok(present.files.iter().any(|(_, file)| file.header.has_former_reader(name)))
    }

    /// Returns what a member may read. No identity is used, and nothing is authenticated.
    ///
    /// Somebody whom neither the policy nor a file names may read nothing: [`Self::knowledge`] tells whether they could.
    ///
    /// # Errors
    /// When the policy or a folder cannot be read.
    pub fn access(&self, name: &str) -> Result<Access, Error> {
        let policy = self.required_policy()?;
        let member = policy.member(name);
        let own: BTreeSet<&str> = member.iter().flat_map(|member| &member.recipients).map(Recipient::as_str).collect();
        let present = self.present(BTreeSet::new())?;
        let mut access = Access { is_named: member.is_some(), ..Access::default() };
        for (path, file) in &present.files {
            let recipients = &file.header.recipients;
            access.is_former |= file.header.has_former_reader(name);
            access.is_named |= recipients.contains_key(name);
            // Also under another name: it is the key that opens.
            let opens = recipients.values().flatten().any(|text| own.contains(text.as_str()));
            let is_granted = policy.readers_of(path).contains_key(name);
            let granted = match (opens, recipients.contains_key(name), is_granted) {
                (true, _, true) => Granted::Both,
                (false, true, true) => Granted::OtherKeys,
                (true, _, false) | (false, true, false) => Granted::HeaderOnly,
                (false, false, true) => Granted::PolicyOnly,
                (false, false, false) => continue,
            };
            let keys = file.values.iter().filter_map(|value| value.key.clone()).collect();
            access.files.push(AccessedFile { file: path.clone(), granted, keys });
        }
        access.unread = present.unread.into_iter().map(|unread| (unread.file, unread.why)).collect();
        Ok(access)
    }
}
