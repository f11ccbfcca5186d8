//! What can go wrong with a file of a workspace. Exit codes and hints are given by the command layer.

use super::HistoryError;
use crate::document::SyntaxError;
use crate::document::edit::EditError;
use crate::envelope::native::{OpenError, ReadError, SealError};
use crate::fs::FsError;
use crate::git::GitError;
use crate::keys::{IdentityError, RecipientError, UnwrapError, WrapError};
use crate::policy::{Drift, PolicyErrors};
use crate::process::ProcessError;

/// A verb that failed. Paths are as the user wrote them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is encrypted already.
    #[error("{path} is encrypted already")]
    AlreadyEncrypted {
        /// The file.
        path: String,
    },
    /// The file stands elsewhere than its header says.
    #[error("{path} was encrypted as {recorded}: here it could be another environment's secrets")]
    AtOtherPath {
        /// The file.
        path: String,
        /// The path in its header.
        recorded: String,
    },
    /// A file `CODEOWNERS` that is read otherwise elsewhere.
    #[error("{path}: {source}")]
    CodeOwners {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: crate::policy::CodeOwnersError,
    },
    /// There is no file `CODEOWNERS`.
    #[error("there is no CODEOWNERS in {}", root.display())]
    NoCodeOwners {
        /// The root of the workspace.
        root: std::path::PathBuf,
    },
    /// Git could not be set up.
    #[error(transparent)]
    Wiring(#[from] super::WiringError),
    /// Readers would be added, and nobody agreed.
    #[error("{path}: {question}; nobody has agreed to that")]
    Consent {
        /// The file.
        path: String,
        /// What would happen.
        question: String,
    },
    /// Values would become clear, and nobody agreed.
    #[error("{path}: {} will stand in clear; nobody has agreed to that", keys.join(", "))]
    ConsentToClear {
        /// The file.
        path: String,
        /// What would stand in clear.
        keys: Vec<String>,
        /// Whether the rekey is a part of another command.
        is_part: bool,
    },
    /// A document cannot be changed as asked.
    #[error("{path}: {source}")]
    Edit {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: EditError,
    },
    /// What was typed above the scissors line cannot be read.
    #[error("{path}: {source}")]
    EditBuffer {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: super::edit_buffer::BufferError,
    },
    /// The header names readers whom the policy does not.
    #[error("{path} can still be read by {}, whom the policy no longer names", drift.surplus_in_words())]
    Drifted {
        /// The file.
        path: String,
        /// The difference.
        drift: Drift,
    },
    /// A member whose time is over would be let in.
    #[error("{path}: the membership of {member} ended on {day}, so no file is encrypted to them any more")]
    Expired {
        /// The file.
        path: String,
        /// The member.
        member: String,
        /// The last day.
        day: jiff::civil::Date,
    },
    /// The file system refused.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Git refused.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A version cannot be had from git's history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// An identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The file is a plaintext.
    #[error("{path} is not encrypted{}", if *what == Unencrypted::Age { " by secret" } else { "" })]
    NotEncrypted {
        /// The file.
        path: String,
        /// What it is instead.
        what: Unencrypted,
    },
    /// There is no such key.
    #[error("{path} has no key {key}")]
    KeyNotFound {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// The keys that are most like it.
        similar: Vec<String>,
    },
    /// What stands for a key is none.
    #[error("{key}: {source}")]
    KeyPath {
        /// What the user wrote.
        key: String,
        /// Why.
        #[source]
        source: crate::document::KeyPathError,
    },
    /// A value would come back that somebody knows who should not.
    #[error("{path}: {} known to {}, who must not know what is used today", known(keys), readers.join(", "))]
    KnownToFormerReader {
        /// The version.
        path: String,
        /// The keys of the values.
        keys: Vec<String>,
        /// The former readers.
        readers: Vec<String>,
    },
    /// Metadata that the rule demands is not given.
    #[error("{path}{} lacks {}, which its rule demands", key.iter().map(|key| format!(": {key}")).collect::<String>(), fields.join(" and "))]
    MetadataMissing {
        /// The file.
        path: String,
        /// The key, where it is about one value.
        key: Option<String>,
        /// The fields.
        fields: Vec<&'static str>,
    },
    /// A metadata field has a value it can't have.
    #[error("`{field}` cannot be {value:?}: {expected}")]
    MetadataValue {
        /// The field.
        field: &'static str,
        /// What was given.
        value: String,
        /// What it must look like.
        expected: String,
    },
    /// A day by which something must be done is past.
    #[error("`rotation_due` cannot be {day}: that day is past")]
    PastDay {
        /// The day.
        day: jiff::civil::Date,
    },
    /// A value was changed while a new one was made for it.
    #[error("{key} in {path} was changed meanwhile")]
    ChangedMeanwhile {
        /// The file.
        path: String,
        /// The key.
        key: String,
    },
    /// A value was changed between the two steps of its rotation.
    #[error("{key} in {path} was changed since its rotation began")]
    ChangedSinceBegin {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// The key of the copy that was made when the rotation began.
        previous: String,
        /// The key of the pending value.
        pending: String,
    },
    /// A secret would stand in clear.
    #[error("{key} in {path} stands in clear, as its header says: no secret belongs there")]
    InClear {
        /// The file.
        path: String,
        /// The key.
        key: String,
    },
    /// There is nothing to rotate.
    #[error("no rotation of {key} in {path} has begun: there is no {missing}")]
    NoRotation {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// The key of a value that would be there.
        missing: String,
        /// The key that is there without it: left of a rotation, or a key of its own.
        left: Option<String>,
    },
    /// A text is no recipe; it may be a value that stands at the wrong place, and is not repeated.
    #[error("not a recipe: {0}")]
    Recipe(#[from] crate::generate::RecipeError),
    /// A rotation was given fewer new values than it has keys.
    #[error("there is no new value for {key} in {path}")]
    NoNewValue {
        /// The file.
        path: String,
        /// The key.
        key: String,
    },
    /// There is no recipe for a value.
    #[error("there is no recipe for {key} in {path}")]
    NoRecipe {
        /// The file.
        path: String,
        /// The key.
        key: String,
    },
    /// A value cannot have another one beside it.
    #[error("{key} in {path} can have no value beside it: {reason}")]
    NoSibling {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// Why not.
        reason: &'static str,
    },
    /// A rotation in two steps is under way.
    #[error("{pending} stands in {path} already: a rotation of {key} has begun")]
    RotationBegun {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// The key of the pending value.
        pending: String,
    },
    /// One of the keys that a rotation in two steps would need is taken.
    #[error("{sibling} stands in {path} already: a rotation of {key} in two steps has no place there")]
    SiblingTaken {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// The key that is there.
        sibling: String,
    },
    /// A value would stay what it is.
    #[error("the new value of {key} in {path} is the one that it has")]
    SameValue {
        /// The file.
        path: String,
        /// The key.
        key: String,
    },
    /// A key of several values stands where one value is meant.
    #[error("{key} in {path} holds keys or items, not one value")]
    NotOneValue {
        /// The file.
        path: String,
        /// The key.
        key: String,
    },
    /// There is no repository.
    #[error("there is no git repository around {}", folder.display())]
    NoRepository {
        /// Where it was looked for.
        folder: std::path::PathBuf,
    },
    /// Two plaintexts that cannot be merged.
    #[error("{path} is not encrypted on any side, and conflicts")]
    MergePlaintext {
        /// The file.
        path: String,
    },
    /// A file that is in no conflict is to be resolved.
    #[error("{path} has no conflict: git's index has no versions of it to choose from, and there are no markers in it")]
    NoConflict {
        /// The file.
        path: String,
    },
    /// One side of a conflict has no such file.
    #[error("{path} was removed by {by}, and changed by the other side")]
    RemovedBySide {
        /// The file.
        path: String,
        /// The side.
        by: &'static str,
    },
    /// There is no request of this name.
    #[error("there is no request of {name:?}")]
    NoRequest {
        /// The name.
        name: String,
        /// Of whom there are requests.
        others: Vec<String>,
    },
    /// A request cannot be used.
    #[error("{path}: {source}")]
    Request {
        /// The request.
        path: String,
        /// Why.
        #[source]
        source: crate::policy::RequestError,
    },
    /// A request is for another name than its file.
    #[error("{path} asks for another name: {name}")]
    RequestOfAnother {
        /// The request.
        path: String,
        /// The name in it.
        name: String,
    },
    /// There is no policy.
    #[error("there is no policy (.secret.toml) in {}", root.display())]
    NoPolicy {
        /// Where it was looked for.
        root: std::path::PathBuf,
    },
    /// What the user named is in no workspace.
    #[error("{} is outside of any repository, and there is no policy (.secret.toml) for it", folder.display())]
    NoWorkspace {
        /// The folder of what was named.
        folder: std::path::PathBuf,
    },
    /// A policy stands in a folder.
    #[error("{path} is a second policy; only the one at the root of the repository counts")]
    NestedPolicy {
        /// The other policy.
        path: String,
    },
    /// A header with the same number was written by somebody else.
    #[error("{path}: its data key does not follow from the one in git's history: it was not made by a reader")]
    NotAFollower {
        /// The file.
        path: String,
    },
    /// The file is not authentic.
    #[error("{path}: {source}")]
    NotAuthentic {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        source: OpenError,
    },
    /// The format has no keys.
    #[error("{path} is encrypted as a whole: it has no keys")]
    NoKeys {
        /// The file.
        path: String,
    },
    /// No rule of the policy is for this file.
    #[error("no rule of the policy is for {path}")]
    NotGoverned {
        /// The file.
        path: String,
        /// The patterns of the rules there are.
        rules: Vec<String>,
    },
    /// The file is outside of the repository.
    #[error("{path} is not in {}", root.display())]
    Outside {
        /// The file.
        path: String,
        /// The repository.
        root: std::path::PathBuf,
    },
    /// The path is not UTF-8.
    #[error("the name of {path} is not UTF-8, so no header can name it")]
    PathNotUtf8 {
        /// The file.
        path: String,
    },
    /// Git has a former form that is too large to be taken out of it.
    #[error("what git has of {path} is too large to be taken up again")]
    LargeInGit {
        /// The file.
        path: String,
    },
    /// The policy has mistakes.
    #[error(transparent)]
    Policy(#[from] PolicyErrors),
    /// An edit of the policy is refused.
    #[error(transparent)]
    PolicyEdit(#[from] crate::policy::edit::EditError),
    /// A program failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The file cannot be read as an encrypted one.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A recipient in a header or policy is none.
    #[error("{path}: {source}")]
    Recipient {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: RecipientError,
    },
    /// History knows a newer header.
    #[error("{path} has header {here}, but git's history has {there}: the file was put back")]
    RolledBack {
        /// The file.
        path: String,
        /// Generation and revision of the file.
        here: String,
        /// Generation and revision in history: the newest ones.
        there: String,
        /// A commit that has them, as git knows it.
        newest: String,
    },
    /// Something stands in clear that the rule wants sealed.
    #[error("{path} does not seal {what}, as the policy demands")]
    SealsLess {
        /// The file.
        path: String,
        /// What is not sealed.
        what: String,
    },
    /// An opaque file is too large to be edited in memory.
    #[error("{path} is too large to be edited")]
    TooLargeToEdit {
        /// The file.
        path: String,
    },
    /// Nobody was ever called so.
    #[error(
        "no file and no policy{} names {name}{}",
        if *is_cut { "" } else { ", now or in git's history," },
        if *is_cut { ", now or in what this clone has of git's history" } else { "" }
    )]
    UnknownReader {
        /// The member or recipient.
        name: String,
        /// Whether the history of this clone was cut off.
        is_cut: bool,
    },
    /// Nobody else whose time is not over reads the files of a rule.
    #[error("{member} is the last reader of {} whose time is not over", rules.join(", "))]
    LastInTime {
        /// Who is to be removed.
        member: String,
        /// The patterns of the rules.
        rules: Vec<String>,
    },
    /// A member's only key is to be removed, and nobody else reads what the member reads.
    #[error("this is the only key of {member}, the last reader of {}", rules.join(", "))]
    LastKey {
        /// The member.
        member: String,
        /// The path patterns of the rules.
        rules: Vec<String>,
    },
    /// Whoever runs the command has no other key.
    #[error("this is your own key, and you have no other that the policy names")]
    RemovesOwnKey {
        /// The member whose it is.
        name: String,
    },
    /// Whoever runs the command is the member to be removed.
    #[error("{name} is you: who takes himself out leaves files behind that he cannot write any more")]
    RemovesSelf {
        /// The member.
        name: String,
    },
    /// A new data key is asked for before the last one is committed.
    #[error("{path} has a new data key that is not committed yet")]
    UncommittedKey {
        /// The file.
        path: String,
    },
    /// The plaintext cannot be sealed.
    #[error("{path}: {source}")]
    Seal {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: SealError,
    },
    /// The text cannot be parsed.
    #[error("{path} is not valid {}: {source}", format.title())]
    Syntax {
        /// The file.
        path: String,
        /// The format it was taken for.
        format: crate::document::Format,
        /// What is wrong.
        #[source]
        source: SyntaxError,
    },
    /// One file id stands at two paths.
    #[error("{path} and {other} are copies of one encrypted file: they share one key")]
    TwoPaths {
        /// The file.
        path: String,
        /// The other.
        other: String,
    },
    /// A merge has left several versions of a file to choose from.
    #[error("{path}: git left several versions of it to choose from")]
    Unmerged {
        /// The file.
        path: String,
    },
    /// No identity opens the file.
    #[error("cannot open {path}: {source}")]
    Unwrap {
        /// The file.
        path: String,
        /// The members who can.
        readers: Vec<String>,
        /// Why not.
        #[source]
        source: UnwrapError,
    },
    /// The data key cannot be wrapped.
    #[error("{path}: {source}")]
    Wrap {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: WrapError,
    },
}

/// What a file is that is not encrypted, as far as it matters what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unencrypted {
    /// A file of age itself.
    Age,
    /// A plaintext that a rule is for.
    Governed,
    /// A plaintext that no rule is for.
    NotGoverned,
    /// A file that is in no workspace.
    Outside,
    /// The policy.
    Policy,
    /// A version of a file that git has.
    Version,
}

fn known(keys: &[String]) -> String {
    const SHOWN: usize = 10;
    let more = keys.len().saturating_sub(SHOWN);
    let mut shown = keys.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 {
        shown.push_str(&format!(" and {more} more"));
    }
    format!("{shown} {}", if keys.len() == 1 { "is" } else { "are" })
}
