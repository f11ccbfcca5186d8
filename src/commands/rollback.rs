//! `secret rollback`.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::{SHORT_NAME, Saved};

/// Put a file, or one key, back to what it was in a commit
///
/// The values are sealed again, to the readers and with the data key of today. Readers, metadata and what is sealed stay
/// as they are; with KEY comments too. A value that is put back keeps its day and generation. One that a former reader
/// knows is refused.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RollbackArgs {
    /// The file, and the commit: secrets/db.yaml@HEAD~1
    #[arg(value_name = "FILE@REV")]
    version: OsString,
    /// Only this key, and what is below it
    key: Option<String>,
    /// Also put back values that a former reader knows; they stay marked as such
    #[arg(long)]
    allow_exposed: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret rollback secrets/db.yaml@HEAD~1
  secret rollback secrets/db.yaml@HEAD~1 db.password";

pub fn run(arguments: &RollbackArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(Path::new(&arguments.version))?;
    let version = workspace.at_revision(&arguments.version)?;
    super::show::note_path(&version, context);
    let done = workspace.rollback(&version, arguments.key.as_deref(), arguments.allow_exposed)?;
    let name = version.commit.id.to_string();
    let commit = name.get(..SHORT_NAME).unwrap_or(&name);
    let file = version.file.display();
    match done.saved {
        Saved::Unchanged => context.ui.note(&format!("{file} has these values already")),
        Saved::Changed if done.keys.is_empty() => {
            context.ui.note(&format!("rolled {file} back to {commit}: no value changed, but comments or layout"));
        }
        Saved::Changed => context.ui.note(&format!("rolled {file} back to {commit}: {}", done.keys.join(", "))),
    }
    if !done.exposed.is_empty() {
        context.ui.warn(&format!("known to a former reader: {}", done.exposed.join(", ")));
        context.ui.hint("set new values with `secret set` as soon as you can");
    }
    Ok(())
}
