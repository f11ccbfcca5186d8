//! `secret mv`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};

/// Move an encrypted file, together with the path in its header
///
/// Its readers stay; the rule for the new path must name them.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct MvArgs {
    /// The encrypted file
    from: PathBuf,
    /// Its new path
    to: PathBuf,
}

pub const EXAMPLES: &str = "\
Examples:
  secret mv secrets/db.yaml secrets/main/db.yaml";

pub fn run(arguments: &MvArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.from)?;
    let (from, to) = (workspace.target(&arguments.from)?, workspace.target(&arguments.to)?);
    let (shown_from, shown_to) = (from.shown.clone(), to.shown.clone());
    workspace.mv(from, to)?;
    context.ui.note(&format!("moved {shown_from} to {shown_to}"));
    Ok(())
}
