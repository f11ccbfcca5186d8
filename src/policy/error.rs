//! What can be wrong with a policy, and where.

use std::fmt;

use super::{PathPatternError, PeriodError};
use crate::document::KeyPathError;
use crate::generate::RecipeError;
use crate::keys::RecipientError;

/// All mistakes of one policy: a private key first, then in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyErrors {
    /// The policy, as the caller names it.
    pub file: String,
    /// At least one mistake.
    pub errors: Vec<PolicyError>,
}

/// A mistake and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: PolicyProblem,
}

/// The kinds of mistakes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// Two fields of a rule that exclude each other.
    #[error("`{field}` contradicts `{with}`: such a file is sealed as a whole")]
    Contradiction {
        /// The field that has no meaning.
        field: &'static str,
        /// The field that takes it.
        with: &'static str,
    },
    /// A day that is none.
    #[error("`{field}` is a day, as 2027-01-31, not {value:?}")]
    Day {
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
    },
    /// A group that contains itself.
    #[error("group {} contains itself: {}", .path[0], way(.path))]
    GroupCycle {
        /// From the group to itself.
        path: Vec<String>,
    },
    /// A pattern of keys that cannot be read.
    #[error("not a key pattern: {0}")]
    KeyPattern(#[from] KeyPathError),
    /// A field that must be there is not.
    #[error("`{field}` is missing in {place}")]
    Missing {
        /// The field.
        field: &'static str,
        /// What it belongs to.
        place: String,
    },
    /// A name that members and groups cannot have.
    #[error(
        "{name:?} is no name: use at most 64 letters, digits and `.`, `_`, `@`, `-`, and begin with a letter or digit"
    )]
    Name {
        /// What stands there.
        name: String,
    },
    /// A version that this program does not know.
    #[error("made by a newer version of secret (policy version {found}; this one knows version 1)")]
    NewerVersion {
        /// The version of the policy.
        found: i64,
    },
    /// A rule that nobody could read the files of.
    #[error("the rule has no readers")]
    NoReaders,
    /// A member without a key.
    #[error("member {member} has no recipients")]
    NoRecipients {
        /// The member.
        member: String,
    },
    /// A pattern of paths that cannot be read.
    #[error(transparent)]
    Path(#[from] PathPatternError),
    /// A period that cannot be read.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// A private key, anywhere in the text.
    #[error(
        "URGENT: a private key stands in this policy. Whoever can read the repository has it, in its history too: \
         make a new key, replace this one everywhere, and rotate what it could open"
    )]
    PrivateKey,
    /// A recipe that cannot be read.
    #[error("not a recipe: {0}")]
    Recipe(#[from] RecipeError),
    /// A recipient that cannot be used.
    #[error("member {member}: {source}")]
    Recipient {
        /// The member it stands at.
        member: String,
        /// What is wrong with it.
        #[source]
        source: RecipientError,
    },
    /// A pattern that a rule above has already.
    #[error("a rule for this path stands in line {line} already, and the first match decides")]
    RepeatedPath {
        /// The line of the first one.
        line: usize,
    },
    /// A recipient that stands twice, for one member or two.
    #[error("this recipient stands at member {first} already")]
    RepeatedRecipient {
        /// The member where it stands first.
        first: String,
    },
    /// One name for a member and a group.
    #[error("{name} is the name of a member already, so no group can have it")]
    SameName {
        /// The name.
        name: String,
    },
    /// Not TOML.
    #[error("not TOML: {message}")]
    Syntax {
        /// What the parser says; nothing of the text.
        message: String,
    },
    /// More than [`super::MAX_POLICY`] bytes.
    #[error("a policy has at most {} KiB", super::MAX_POLICY >> 10)]
    TooLarge,
    /// A field that means nothing here.
    #[error("unknown key {key:?} in {place}{}", did_you_mean(.suggestion.as_deref()))]
    UnknownKey {
        /// The field.
        key: String,
        /// What it stands in.
        place: String,
        /// The field that may be meant.
        suggestion: Option<String>,
    },
    /// A name that is neither a member nor a group.
    #[error("there is no member or group {name:?}{}", did_you_mean(.suggestion.as_deref()))]
    UnknownName {
        /// The name.
        name: String,
        /// The name that may be meant.
        suggestion: Option<String>,
    },
    /// A value that is none of those that a field can have.
    #[error("`{field}` cannot be {value:?}{}", .suggestion.as_deref().map_or_else(|| one_of(.choices), |word| did_you_mean(Some(word))))]
    UnknownValue {
        /// The field.
        field: &'static str,
        /// What stands there.
        value: String,
        /// The value that may be meant.
        suggestion: Option<String>,
        /// The values there are.
        choices: Vec<&'static str>,
    },
    /// A version that never was.
    #[error("policy version {found} does not exist; write version = 1")]
    Version {
        /// What stands there.
        found: i64,
    },
    /// A value of another type than the field has.
    #[error("{field} is {expected}, not {found}")]
    WrongType {
        /// The field.
        field: String,
        /// The type it has.
        expected: &'static str,
        /// The type that stands there.
        found: &'static str,
    },
}

impl PolicyErrors {
    /// Returns the message of each mistake, with its place.
    pub fn lines(&self) -> Vec<String> {
        let line = |error: &PolicyError| format!("{}:{}:{}: {}", self.file, error.line, error.column, error.problem);
        self.errors.iter().map(line).collect()
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.lines().join("\n"))
    }
}

/// Shows the way from a group to itself; of a long one both ends.
fn way(path: &[String]) -> String {
    match path {
        [first @ .., before, last] if first.len() > 6 => format!("{} > … > {before} > {last}", first[..4].join(" > ")),
        path => path.join(" > "),
    }
}

fn one_of(choices: &[&str]) -> String {
    format!("; it is one of {}", choices.join(", "))
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |word| format!("; did you mean {word:?}?"))
}
