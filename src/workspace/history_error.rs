//! Why a version of a file cannot be had from git's history. Exit codes and hints are given by the command layer.

use crate::document::Format;

/// A version that is not to be had. Paths are as the user wrote them.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// No commit has the file.
    #[error("no commit has {path}")]
    NeverCommitted {
        /// The file.
        path: String,
        /// Whether the history was cut off.
        is_shallow: bool,
    },
    /// Nothing in the repository is called so.
    #[error("{revision} is no commit of this repository")]
    NoCommit {
        /// What the user wrote.
        revision: String,
        /// Whether there is any commit.
        has_commits: bool,
        /// Whether the history was cut off.
        is_shallow: bool,
    },
    /// A version has no keys.
    #[error("{path} is encrypted as a whole: it has no keys")]
    NoKeysInVersion {
        /// The version.
        path: String,
    },
    /// Two commits have nothing in common.
    #[error("{one} and {other} have no commit in common")]
    NoMergeBase {
        /// The one.
        one: String,
        /// The other.
        other: String,
        /// Whether the history was cut off.
        is_shallow: bool,
    },
    /// What the user wrote names no commit.
    #[error("{text} names no commit")]
    NoRevision {
        /// What they wrote.
        text: String,
    },
    /// No commit changed the key.
    #[error("no commit changed {key} in {path}")]
    NoSuchKeyEver {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// Whether the history was cut off.
        is_cut: bool,
    },
    /// A commit does not have the file.
    #[error("{revision} has no {path}")]
    NotInCommit {
        /// The file.
        path: String,
        /// What the user calls the commit.
        revision: String,
    },
    /// A version belongs to another file.
    #[error("{path} is another file than {other}: they have different file ids")]
    OtherFile {
        /// The version.
        path: String,
        /// The file of today.
        other: String,
    },
    /// A version has another format.
    #[error("{path} was {}, and the file is {} today", then.title(), now.title())]
    OtherFormat {
        /// The version.
        path: String,
        /// Its format.
        then: Format,
        /// The format of today.
        now: Format,
    },
    /// A version in git's history is not encrypted.
    #[error("{path} is not encrypted")]
    PlaintextInHistory {
        /// The version.
        path: String,
    },
    /// A version in git is too large to be taken out of it.
    #[error("{path} is too large to be taken out of git's objects")]
    TooLargeInGit {
        /// The version.
        path: String,
    },
}
