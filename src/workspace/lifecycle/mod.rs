//! The life of sealed values, without a key: since when each of them stands there, when it is due, who answers for it,
//! and which former readers know it.
//!
//! All of it is what files say of themselves in clear; that it is authentic only an identity can tell.

mod clock;
mod files;

use jiff::civil::Date;

pub(super) use clock::Clock;
pub use clock::Terms;
pub(super) use files::{Examined, examine};
pub use files::{Lifecycle, LifecycleRequest, Unexamined};

use crate::crypto::{FileId, LeafId};
use crate::policy::Period;

/// A sealed value, or the content of a file that is sealed as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueLife {
    /// The file, from the root of the workspace.
    pub file: String,
    /// The file's name over its life.
    pub file_id: FileId,
    /// Its key path; `None` where the file is sealed as a whole.
    pub key: Option<String>,
    /// The line that it stands on, from 1.
    pub line: Option<usize>,
    /// Its name over its life, also when the key or the file is renamed.
    pub id: LeafId,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The UTC day on which it was last replaced.
    pub since: Date,
    /// The data key's number on that day.
    pub generation: u32,
    /// The last day on which it may stand there.
    pub due: Option<Date>,
    /// What has to be done about it.
    pub state: ValueState,
    /// The former readers who know it; sorted.
    pub former_readers: Vec<String>,
    /// Those of them who read the file still, with another key: it is the key that left.
    pub reading_on: Vec<String>,
    /// The day on which the first of them left.
    pub exposed_since: Option<Date>,
}

/// What has to be done about a value. The worst of what is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueState {
    /// Nothing.
    UpToDate,
    /// It has to be replaced soon.
    DueSoon,
    /// It had to be replaced by now.
    Overdue,
    /// A former reader knows it, or it got out in another way.
    Exposed,
}

impl ValueState {
    /// Returns the word for it, which does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::DueSoon => "due-soon",
            Self::Exposed => "exposed",
            Self::Overdue => "overdue",
            Self::UpToDate => "up-to-date",
        }
    }

    /// Tells whether the value has to be replaced now.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Exposed | Self::Overdue)
    }
}

/// How long before its day a value is due soon, where nobody says otherwise.
pub const SOON: Period = Period::days(30);

/// What `exposed` of a header has in place of a former reader, where the file itself got out: no member
/// can be called so.
pub const COMPROMISED: &str = "(compromised)";

/// Returns how a former reader is called in messages; `name` quotes what somebody else wrote. Who reads on has lost a key.
pub fn former_reader(member: &str, reads_on: bool, name: impl Fn(&str) -> String) -> String {
    match member {
        COMPROMISED => "strangers (compromised)".to_owned(),
        member if reads_on => format!("a former key of {}", name(member)),
        member => name(member),
    }
}

impl ValueLife {
    /// Names all who know it though they should not; `name` quotes what somebody else wrote.
    pub fn known_to(&self, name: impl Fn(&str) -> String) -> Vec<String> {
        let named = |member: &String| former_reader(member, self.reading_on.contains(member), &name);
        self.former_readers.iter().map(named).collect()
    }
}
