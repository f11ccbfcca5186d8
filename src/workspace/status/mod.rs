//! The whole repository at a glance, without an identity: files by state, their readers, what is due, who was let in.
//!
//! All of it is what files, policy and commits say of themselves in clear; that it is authentic only an identity can
//! tell.

mod files;

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{ValueLife, ValueState};
use crate::envelope::native::Exposure;
use crate::git::LastChange;
use crate::policy::{Drift, MemberKind};

/// A repository at a glance.
#[derive(Debug)]
pub struct Status {
    /// What the folder of the workspace is called.
    pub name: String,
    /// The day of which this is told.
    pub today: Date,
    /// The governed files, sorted by path.
    pub files: Vec<FileStatus>,
    /// The sealed values, file by file and in document order.
    pub values: Vec<ValueLife>,
    /// The members of the policy, and readers whom only files name (those have no kind); by name.
    pub members: BTreeMap<String, Option<MemberKind>>,
    /// The members of the policy whose time is over, each with its last day.
    pub expired: BTreeMap<String, Date>,
}

/// What is said of a governed file.
#[derive(Debug)]
pub struct FileStatus {
    /// The file, from the root of the workspace.
    pub file: String,
    /// In which state it is.
    pub state: FileState,
    /// Why it is broken.
    pub why: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Who can open it, by its header; sorted.
    pub readers: Vec<String>,
    /// Who is to read it, by the policy; sorted.
    pub granted: Vec<String>,
    /// The readers as the rule writes them, groups as such.
    pub rule_readers: Vec<String>,
    /// Where header and policy disagree about readers.
    pub drift: Drift,
    /// The former readers of its header.
    pub exposed: Vec<Exposure>,
    /// Its values.
    pub values: ValueCounts,
    /// The last commit that changed it; `None` where that is not known.
    pub last_change: Option<LastChange>,
}

/// The states of governed files, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileState {
    /// It has marks of an encrypted file and cannot be read as one, or was encrypted for another path.
    Broken,
    /// It is not encrypted.
    Plaintext,
    /// It is encrypted, and not as the policy says.
    Drift,
    /// It is encrypted as the policy says.
    InLine,
}

/// Sealed values by their states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValueCounts {
    /// All of them.
    pub sealed: usize,
    /// Those that a former reader knows.
    pub exposed: usize,
    /// Those that had to be replaced by now, of the others.
    pub overdue: usize,
    /// Those that have to be replaced soon, of the others.
    pub due_soon: usize,
    /// The first day on which one of them is due.
    pub next_due: Option<Date>,
}

impl FileState {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::Broken, Self::Plaintext, Self::Drift, Self::InLine];

    /// Returns the word for it, which does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Drift => "drift",
            Self::InLine => "in-line",
            Self::Plaintext => "plaintext",
        }
    }
}

impl ValueCounts {
    /// Counts values.
    pub fn of<'v>(values: impl IntoIterator<Item = &'v ValueLife>) -> Self {
        let mut counts = Self::default();
        for value in values {
            counts.sealed += 1;
            match value.state {
                ValueState::DueSoon => counts.due_soon += 1,
                ValueState::Exposed => counts.exposed += 1,
                ValueState::Overdue => counts.overdue += 1,
                ValueState::UpToDate => {}
            }
            counts.next_due = counts.next_due.into_iter().chain(value.due).min();
        }
        counts
    }
}

impl Status {
    /// Returns how many files are in a state.
    pub fn files_in(&self, state: FileState) -> usize {
        self.files.iter().filter(|file| file.state == state).count()
    }

    /// Returns the values of a file.
    pub fn values_of<'s>(&'s self, file: &'s str) -> impl Iterator<Item = &'s ValueLife> {
        let start = self.values.partition_point(|value| value.file.as_str() < file);
        self.values[start..].iter().take_while(move |value| value.file == file)
    }
}
