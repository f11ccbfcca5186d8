//! What somebody could ever read, and what of it still holds: from git's history, without a key.
//!
//! Who can open one version of a file has its data key, and with it every version of the file under that key: also those
//! from before they were let in. So a version counts as read when its header names a recipient of theirs, or when it has
//! the generation of one that does. Headers in history are not authenticated; what one of them says too much is listed
//! too much.

mod past;
mod plan;
mod present;
mod readers;
mod removal;

use jiff::civil::Date;

pub use readers::{ReaderHistory, ReaderSpan, SpanEnd};
pub(in crate::workspace) use removal::FormerReader;

use crate::crypto::{FileId, LeafId};

/// Whose knowledge is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A member, with all recipients that the policy or a file has ever had under this name.
    Member(String),
    /// One recipient.
    Recipient(String),
}

/// All that a reader could ever read.
#[derive(Debug)]
pub struct Knowledge {
    /// Who.
    pub reader: Reader,
    /// Their recipients; sorted.
    pub recipients: Vec<String>,
    /// Other names under which files or policies have these recipients; sorted.
    pub other_names: Vec<String>,
    /// The values; by owner (those without one last), file, and place in it.
    pub values: Vec<KnownValue>,
    /// The files that the reader can open now.
    pub open_files: Vec<String>,
    /// The files that the reader opens by the last commit, or by the policy, and that no rekey here reaches.
    pub unreached: Vec<Unreached>,
    /// The files whose header names the reader neither as one of today nor as a former one, and of which they had a data
    /// key all the same: on another branch, or before a merge.
    pub unrecorded: Vec<Unrecorded>,
    /// The files that the policy of the work tree gives to the reader.
    pub granted_files: Vec<String>,
    /// Files of which somewhere in history values stood in clear beside sealed ones.
    pub partly_clear: Vec<String>,
    /// Governed files that stood in plaintext in some commit, with the first one.
    pub plaintexts: Vec<(String, Moment)>,
    /// What could not be read, and may hold more.
    pub unread: Vec<Unread>,
    /// How many commits were looked at.
    pub commits: usize,
    /// Whether the history of this clone was cut off.
    pub is_cut: bool,
}

/// A value that the reader could read in some version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownValue {
    /// The file's name over its life.
    pub file_id: FileId,
    /// The value's name over its life.
    pub id: LeafId,
    /// The file as it is called today, or was last.
    pub file: String,
    /// Its key path there; `None` for a file that is sealed as a whole.
    pub key: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What became of it.
    pub fate: Fate,
    /// The last day on which it was replaced, as far as the reader's knowledge or the work tree tells.
    pub since: Date,
    /// What of it the reader could read; the oldest first.
    pub versions: Vec<KnownVersion>,
}

/// What became of a value that somebody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It stands there as they know it.
    Current,
    /// It is no longer in any file; where it was used it may hold still.
    Removed,
    /// Another value stands there, which they cannot know.
    Replaced,
}

/// One of the values that stood at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownVersion {
    /// The UTC day on which it was set.
    pub since: Date,
    /// The data key's number on that day.
    pub generation: u32,
    /// The file as it was called.
    pub file: String,
    /// Its key path then.
    pub key: Option<String>,
    /// The first commit that shows it; `None` for what stands in the work tree only.
    pub first: Option<Moment>,
}

/// A commit and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Its place among all commits, the first one first.
    pub place: usize,
    /// Its time, in seconds since 1970.
    pub seconds: i64,
    /// Its name.
    pub commit: crate::git::ObjectId,
}

/// A file that no rekey reaches as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// The file.
    pub file: String,
    /// Why.
    pub why: Unreach,
}

/// Why no rekey reaches a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreach {
    /// It is not in the work tree.
    Missing,
    /// It stands there in plaintext.
    Plaintext,
    /// It cannot be read.
    Unreadable(String),
}

/// A file of which a reader had a data key that its header knows nothing of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// The file.
    pub file: String,
    /// Its name over its life.
    pub file_id: FileId,
    /// The number of the last data key that they had.
    pub generation: u32,
}

/// A version that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The file.
    pub file: String,
    /// A commit that has it so; `None` for the work tree.
    pub commit: Option<Moment>,
    /// Why.
    pub why: String,
}

impl Fate {
    /// Returns the word for it, which does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Removed => "removed",
            Self::Replaced => "replaced",
        }
    }
}

impl Reader {
    /// Returns what they are called.
    pub fn name(&self) -> &str {
        match self {
            Self::Member(name) | Self::Recipient(name) => name,
        }
    }
}

impl Moment {
    /// Returns the UTC day.
    pub fn day(&self) -> Option<Date> {
        let time = jiff::Timestamp::from_second(self.seconds).ok()?;
        Some(time.to_zoned(jiff::tz::TimeZone::UTC).date())
    }
}

impl Knowledge {
    /// Returns the values that must be replaced: as far as can be told, the reader knows them as they stand there.
    pub fn to_replace(&self) -> impl Iterator<Item = &KnownValue> {
        self.values.iter().filter(|value| value.fate == Fate::Current)
    }

    /// Returns the files whose headers must change when the reader leaves.
    pub fn affected_files(&self) -> Vec<String> {
        let mut files = self.open_files.clone();
        files.extend(self.unrecorded.iter().map(|unrecorded| unrecorded.file.clone()));
        files.sort_unstable();
        files
    }
}
