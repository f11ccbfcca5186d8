//! `secret git merge`.

use std::path::PathBuf;

use clap::Args;

use crate::commands::hint::quote;
use crate::commands::{CommandError, Context};
use crate::envelope::native::{Conflict, ConflictKind};
use crate::ui::count;
use crate::workspace::{MergeRequest, MergeResult};

/// Merge three versions of an encrypted file, as git's merge driver
///
/// The result is written to OURS. What git's own merge by lines gets right is taken as it is, and untouched ciphertext is
/// never sealed again. An identity is needed only where neighbours of a changed key must be, or where nothing else tells
/// whether both sides changed a value. A conflict stands as ciphertext between markers, and `secret resolve` settles it.
/// Git runs it for files with the attribute merge=secret.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct MergeArgs {
    /// The common ancestor (%O); empty where there is none
    base: PathBuf,
    /// Our version (%A), and where the result is written to
    ours: PathBuf,
    /// Their version (%B)
    theirs: PathBuf,
    /// What the file is called in the repository (%P)
    #[arg(long, value_name = "PATH")]
    path: String,
    /// How many characters a marker of a conflict has (%L)
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(7..=1000))]
    marker_size: u16,
}

pub const EXAMPLES: &str = "\
Examples:
  git config merge.secret.driver 'secret git merge %O %A %B --path %P --marker-size %L'";

pub fn run(arguments: &MergeArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.ours)?;
    let request = MergeRequest {
        base: &arguments.base,
        ours: &arguments.ours,
        theirs: &arguments.theirs,
        path: &arguments.path,
        marker_size: arguments.marker_size,
    };
    let path = &arguments.path;
    match workspace.merge(&request)? {
        MergeResult::Clean { left_out, added } => {
            if !added.is_empty() {
                context.ui.note(&format!("{path}: theirs brings in {} as readers", added.join(", ")));
            }
            tell_left_out(path, &left_out, context);
            Ok(())
        }
        MergeResult::Conflicts { conflicts, unopened } => Err(conflict_error(path, &conflicts, unopened.is_some())),
    }
}

/// Says who does not read a merged file although one side wanted it.
pub fn tell_left_out(path: &str, left_out: &[String], context: &Context<'_>) {
    if !left_out.is_empty() {
        context.ui.warn(&format!(
            "{path}: {} was added under the data key that the other side replaced, and cannot read it; \
             `secret rekey` adds who is in the policy",
            left_out.join(", ")
        ));
    }
}

/// Lists what people have to decide.
pub fn conflict_list(path: &str, conflicts: &[Conflict]) -> CommandError {
    CommandError::failed(format!("{path}: {}", count(conflicts.len(), "conflict")))
        .more(conflicts.iter().map(|conflict| format!("  {}: {}", conflict.name, words(conflict.kind))))
}

/// Lists what people have to decide, and says how.
pub fn conflict_error(path: &str, conflicts: &[Conflict], is_guess: bool) -> CommandError {
    let error = conflict_list(path, conflicts);
    if conflicts.iter().any(|conflict| conflict.kind == ConflictKind::UnknownKey) {
        error
            .hint("merge the commit first that made the next data key; if there is none, a former reader made this one")
    } else if conflicts.iter().any(|conflict| conflict.kind.is_about_data_keys()) {
        error
            .hint(format!(
                "take your side with `git checkout --ours -- {0}`, then run `secret rekey {0}`: it takes out whom the merged \
                 policy no longer names; then set what the other side changed",
                quote(path)
            ))
            .hint(format!(
                "then commit, run `secret rekey --new-key {}`, commit, and once more: only a key behind one that nobody else made is beyond doubt",
                quote(path)
            ))
    } else if is_guess {
        error.hint(format!(
            "no identity opens the file, so there may be fewer; somebody who reads it runs `secret resolve {}`",
            quote(path)
        ))
    } else {
        error.hint(format!("settle it with `secret resolve {0}`, then `git add {0}`", quote(path)))
    }
}

/// Says what the sides did.
pub fn words(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::BothAdded => "added on both sides, with different values",
        ConflictKind::BothChanged => "changed on both sides",
        ConflictKind::BothRekeyed => "both sides made a new data key, and nobody can tell which one to trust",
        ConflictKind::Line => "the line around it was changed on both sides",
        ConflictKind::OtherFile => "the sides are two files, with keys of their own",
        ConflictKind::RemovedByOurs => "removed by ours, changed by theirs",
        ConflictKind::RemovedByTheirs => "removed by theirs, changed by ours",
        ConflictKind::UnknownKey => "the newer data key does not follow from the other side's",
        ConflictKind::Structure => {
            "the changes of both sides do not fit together; one side's is to be taken as a whole"
        }
    }
}
