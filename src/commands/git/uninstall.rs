//! `secret git uninstall`.

use clap::Args;

use crate::commands::{CommandError, Context};

/// Take away what `secret git install` set up, and nothing else
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct UninstallArgs {}

pub const EXAMPLES: &str = "\
Examples:
  secret git uninstall";

pub fn run(_: &UninstallArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let done = context.workspace(".".as_ref())?.unwire()?;
    let ui = context.ui;
    if let Some(path) = &done.hook {
        ui.note(&format!("took the check out of the hook {}", path.display()));
    }
    if done.drivers {
        ui.note("took the drivers out of this clone's configuration");
    }
    if let Some(path) = &done.attributes {
        ui.note(&format!("took our lines out of {}: commit that, if it was committed", path.display()));
    }
    if done.hook.is_none() && !done.drivers && done.attributes.is_none() {
        ui.note("nothing was set up");
    }
    Ok(())
}
