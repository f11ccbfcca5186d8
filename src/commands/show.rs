//! `secret show`.

use std::ffi::OsString;
use std::path::Path;

use clap::Args;

use super::{CommandError, Context, get};
use crate::workspace::{AtRevision, Error, HistoryError, OpenVersion};

/// Print a file, or one value, as it was in a commit
///
/// Needs an identity that was among the readers then. A file that had another path then is found by following it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowArgs {
    /// The file, and the commit: secrets/db.yaml@HEAD~1
    #[arg(value_name = "FILE@REV")]
    version: OsString,
    /// The key: db.users[0].password, "a.b".c
    key: Option<String>,
    /// Print JSON also for one value
    #[arg(long, requires = "key")]
    json: bool,
    /// Accept a file that stood at another path than it was encrypted for
    #[arg(long)]
    at_any_path: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret show secrets/db.yaml@HEAD~1
  secret show secrets/db.yaml@v1.2 db.password";

pub fn run(arguments: &ShowArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(Path::new(&arguments.version))?;
    let version = workspace.at_revision(&arguments.version)?;
    note_path(&version, context);
    let no_keys = || Error::from(HistoryError::NoKeysInVersion { path: version.shown.clone() });
    match (workspace.open_at(&version, arguments.at_any_path)?, &arguments.key) {
        (OpenVersion::Whole(opened), Some(_)) if opened.items.is_none() => Err(no_keys().into()),
        (OpenVersion::Whole(opened), Some(key)) => get::reveal(&opened, &version.shown, key, arguments.json, context),
        (OpenVersion::Whole(opened), None) => Ok(context.ui.reveal(&opened.plaintext)?),
        (OpenVersion::Large(_), Some(_)) => Err(no_keys().into()),
        (OpenVersion::Large(file), None) => Ok(context.ui.reveal_stream(|emit| file.reveal(emit))??),
    }
}

/// Says what a file was called then, where that was something else.
pub(super) fn note_path(version: &AtRevision, context: &Context<'_>) {
    if version.is_moved {
        context.ui.note(&format!("{} was {}", version.shown, version.path.display()));
    }
}
