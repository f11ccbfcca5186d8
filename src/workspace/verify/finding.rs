//! What `verify` reports: each finding has a stable code, a place, an owner, and the facts that its message needs.

use std::fmt;

use super::policy_change::Gain;
use crate::git::ObjectId;
use crate::keys::PrivateKeyKind;

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, relative to the root; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// The line in it, from 1, where one is to blame.
    pub line: Option<usize>,
    /// Who answers for it: for the values that it is about, else for the file, by its header or else by its rule.
    pub owner: Option<String>,
    /// The commit that has it so; none where only one state was looked at.
    pub commit: Option<ObjectId>,
    /// How bad it is.
    pub level: Level,
    /// What it is.
    pub problem: Problem,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Somebody should know.
    Warning,
    /// The check says no.
    Error,
}

/// What can be wrong. The codes are for programs, and do not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The name of a governed file is not UTF-8.
    #[error("its name is not UTF-8, so no header can name it and nothing of it was checked")]
    BadName,
    /// The header is not one that this program writes.
    #[error("the header is broken: {0}")]
    BrokenHeader(String),
    /// The document is broken otherwise.
    #[error("the file is broken: {0}")]
    BrokenStructure(String),
    /// A token was moved, removed, duplicated, renamed or inserted.
    #[error("{0}")]
    BrokenToken(String),
    /// Git left both sides of a merge.
    #[error("git left a merge conflict here")]
    Conflict,
    /// One file id at two paths.
    #[error("it is a copy of {other}: the two share one key")]
    Copy {
        /// The other path.
        other: String,
    },
    /// It was encrypted, and is not any more.
    #[error("it was encrypted, and is in plaintext now")]
    Decrypted,
    /// A member whose time is over.
    #[error("the membership of {member} ended on {day}, and the policy still names them")]
    ExpiredMember {
        /// The member.
        member: String,
        /// The last day.
        day: jiff::civil::Date,
    },
    /// Former readers know values of the file.
    #[error(
        "{} known to {}{}",
        values(*count, keys),
        members.join(", "),
        if *are_gone { ", who can no longer read the file" } else { "" }
    )]
    Exposed {
        /// How many values.
        count: usize,
        /// The first of them.
        keys: Vec<String>,
        /// Who knows them.
        members: Vec<String>,
        /// Whether none of them reads the file with another key.
        are_gone: bool,
        /// Who answers for them, where the header says so.
        owner: Option<String>,
    },
    /// The header names readers whom the policy does not.
    #[error("it can be read by {}, whom {policy} does not name", who.join(", "))]
    ExtraReader {
        /// Members, and keys of members.
        who: Vec<String>,
        /// Which policy.
        policy: String,
    },
    /// A header field has a value that it cannot have.
    #[error("`{field}` in its header is {value:?}, which is none")]
    MetadataMalformed {
        /// The field.
        field: String,
        /// What stands there.
        value: String,
    },
    /// A header says something of values that are not in its document.
    #[error("its header speaks of {}, which {} not in it", named(*count, keys), if *count == 1 { "is" } else { "are" })]
    MetadataLeft {
        /// How many keys.
        count: usize,
        /// The first of them.
        keys: Vec<String>,
    },
    /// A header lacks what the rule demands.
    #[error("its header lacks {}, which its rule demands", fields.join(" and "))]
    MetadataMissing {
        /// The fields.
        fields: Vec<&'static str>,
    },
    /// The policy names readers whom the header does not.
    #[error("it cannot be read by {}, whom {policy} names", who.join(", "))]
    MissingReader {
        /// Members, and keys of members.
        who: Vec<String>,
        /// Which policy.
        policy: String,
        /// The members among them whose time is over: to them no file is encrypted any more.
        expired: Vec<String>,
    },
    /// It stands elsewhere than its header says.
    #[error("it was encrypted as {recorded}")]
    Moved {
        /// The path in its header.
        recorded: String,
    },
    /// The header went back to a lower revision or generation.
    #[error("its header went back from {there} to {here}")]
    OlderHeader {
        /// What it has.
        here: String,
        /// What it had.
        there: String,
    },
    /// Values went back to older ciphertexts.
    #[error("{} back to an older ciphertext", went(*count, keys))]
    OlderValue {
        /// How many values.
        count: usize,
        /// The first of them.
        keys: Vec<String>,
    },
    /// Another file stands at the path.
    #[error("another file stands here than before: its file id changed")]
    OtherFile,
    /// Values are due.
    #[error("{} overdue since {since}", values(*count, keys))]
    Overdue {
        /// How many values.
        count: usize,
        /// The first of them.
        keys: Vec<String>,
        /// The earliest day.
        since: jiff::civil::Date,
        /// Who answers for them, where the header says so.
        owner: Option<String>,
    },
    /// A governed file that nobody encrypted.
    #[error("it is not encrypted, though a rule ({rule}) is for it")]
    Plaintext {
        /// The pattern of its rule.
        rule: String,
    },
    /// The policy has mistakes.
    #[error("{0}")]
    PolicyInvalid(String),
    /// A policy at another place than the root.
    #[error("it is a second policy; only the one at the root of the repository counts")]
    PolicyNested,
    /// The policy is gone.
    #[error("the policy was removed: no file would be governed any more")]
    PolicyRemoved,
    /// The policy names more readers, or seals less.
    #[error("{0}")]
    PolicyWidens(Gain),
    /// A private key.
    #[error("{0} stands here")]
    PrivateKey(PrivateKeyKind),
    /// The header lets more stand in clear than the rule.
    #[error("it does not seal {what}, as its rule demands")]
    SealsLess {
        /// What is in clear.
        what: String,
    },
    /// A governed path is a symlink.
    #[error("it is a symlink, and what it leads to is not checked")]
    Symlink,
    /// Something could not be checked.
    #[error("not checked: {0}")]
    Unchecked(String),
    /// It is encrypted, and no rule is for it.
    #[error("it is encrypted, but no rule is for it: nothing says who may read it")]
    Ungoverned,
    /// Something is in clear that the header wants sealed.
    #[error("`{key}` is not encrypted, though the header says it must be")]
    Unsealed {
        /// Which leaf; for a comment what it stands before.
        key: String,
    },
    /// A header does not say of values what the rule demands.
    #[error("its header does not say the {} of {}, which its rule demands", fields.join(" and "), named(*count, keys))]
    ValuesUnsaid {
        /// How many values.
        count: usize,
        /// The first of them.
        keys: Vec<String>,
        /// The fields.
        fields: Vec<&'static str>,
    },
    /// The wrapped key is not for the recipients in the header.
    #[error("its data key is not wrapped to exactly the recipients in its header")]
    WrappedKey,
}

impl Problem {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadName => "bad-name",
            Self::BrokenHeader(_) => "broken-header",
            Self::BrokenStructure(_) => "broken-structure",
            Self::BrokenToken(_) => "broken-token",
            Self::Conflict => "conflict",
            Self::Copy { .. } => "copy",
            Self::Decrypted => "decrypted",
            Self::ExpiredMember { .. } => "expired-member",
            Self::Exposed { .. } => "exposed",
            Self::ExtraReader { .. } => "extra-reader",
            Self::MetadataLeft { .. } => "metadata-left",
            Self::MetadataMalformed { .. } => "metadata-malformed",
            Self::MetadataMissing { .. } | Self::ValuesUnsaid { .. } => "metadata-missing",
            Self::MissingReader { .. } => "missing-reader",
            Self::Moved { .. } => "moved",
            Self::OlderHeader { .. } => "older-header",
            Self::OlderValue { .. } => "older-value",
            Self::OtherFile => "other-file",
            Self::Overdue { .. } => "overdue",
            Self::Plaintext { .. } => "plaintext",
            Self::PolicyInvalid(_) => "policy-invalid",
            Self::PolicyNested => "policy-nested",
            Self::PolicyRemoved => "policy-removed",
            Self::PolicyWidens(_) => "policy-widens",
            Self::PrivateKey(_) => "private-key",
            Self::SealsLess { .. } => "seals-less",
            Self::Symlink => "symlink",
            Self::Unchecked(_) => "unchecked",
            Self::Ungoverned => "ungoverned",
            Self::Unsealed { .. } => "unsealed",
            Self::WrappedKey => "wrapped-key",
        }
    }

    /// Returns who answers for the values that it is about, where the header says so.
    pub(super) fn owner(&self) -> Option<&str> {
        match self {
            Self::Exposed { owner, .. } | Self::Overdue { owner, .. } => owner.as_deref(),
            _ => None,
        }
    }

    /// Returns how bad it is by itself.
    pub(super) fn level(&self) -> Level {
        match self {
            Self::ExpiredMember { .. }
            | Self::Exposed { .. }
            | Self::MetadataLeft { .. }
            | Self::Overdue { .. }
            | Self::Unchecked(_)
            | Self::Ungoverned => Level::Warning,
            _ => Level::Error,
        }
    }

    /// Tells whether history keeps the harm, whatever later commits do: somebody who should not can read something.
    pub(super) fn lasts(&self) -> bool {
        matches!(
            self,
            Self::Decrypted
                | Self::ExtraReader { .. }
                | Self::Plaintext { .. }
                | Self::PrivateKey(_)
                | Self::SealsLess { .. }
                | Self::Unsealed { .. }
        )
    }
}

impl Level {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Names values: `` `a` is ``, `` `a`, `b` and 3 more are ``.
fn values(count: usize, keys: &[String]) -> String {
    format!("{} {}", named(count, keys), if count == 1 { "is" } else { "are" })
}

fn went(count: usize, keys: &[String]) -> String {
    format!("{} went", named(count, keys))
}

fn named(count: usize, keys: &[String]) -> String {
    let shown = keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>();
    match count.saturating_sub(keys.len()) {
        0 if shown.is_empty() => "it".to_owned(),
        more if shown.is_empty() => format!("{more} values"),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// How many values are named.
pub(super) const NAMED: usize = 3;
