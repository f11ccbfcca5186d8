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
}

impl Granted {
    /// Returns the word for it, which does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Both => "reads",
            Self::HeaderOnly => "surplus",
            Self::PolicyOnly => "pending",
        }
    }
}

impl Workspace<'_> {
    /// Returns what a member may read. No identity is used, and nothing is authenticated.
    ///
    /// # Errors
    /// When neither the policy nor a file names the member.
    pub fn access(&self, name: &str) -> Result<Access, Error> {
        let policy = self.required_policy()?;
        let member = policy.member(name);
        let own: BTreeSet<&str> = member.iter().flat_map(|member| &member.recipients).map(Recipient::as_str).collect();
        let present = self.present(BTreeSet::new())?;
        let mut access = Access::default();
        let mut is_named = member.is_some();
        for (path, file) in &present.files {
            let recipients = &file.header.recipients;
            is_named |= recipients.contains_key(name);
            // Also under another name: it is the key that opens.
            let is_reader =
                recipients.contains_key(name) || recipients.values().flatten().any(|text| own.contains(text.as_str()));
            let rule = policy.rule_for(path);
            let is_granted = rule.is_some_and(|rule| policy.readers(rule).contains_key(name));
            let granted = match (is_reader, is_granted) {
                (true, true) => Granted::Both,
                (true, false) => Granted::HeaderOnly,
                (false, true) => Granted::PolicyOnly,
                (false, false) => continue,
            };
            let keys = file.values.iter().filter_map(|value| value.key.clone()).collect();
            access.files.push(AccessedFile { file: path.clone(), granted, keys });
        }
        if !is_named {
            return Err(Error::UnknownReader { name: name.to_owned() });
        }
        access.unread = present.unread.into_iter().map(|unread| (unread.file, unread.why)).collect();
        Ok(access)
    }
}
