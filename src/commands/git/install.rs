//! `secret git install`.

use clap::Args;

use crate::commands::{CommandError, Context};
use crate::workspace::{HookSetUp, Workspace};

/// Set up hook, drivers and attributes in this clone
///
/// The pre-commit hook runs `secret verify --staged`, which needs no key; a hook that is there already runs after it.
/// The drivers let `git diff` show values to those who can open them, and let `git merge` merge key by key. The
/// attributes (.gitattributes, to be committed) say for which files: those of the policy's rules. Run it again when the
/// rules change. `secret git uninstall` takes exactly this away.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct InstallArgs {
    /// Set up no hook
    #[arg(long)]
    no_hook: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret git install
  secret git install --no-hook";

pub fn run(arguments: &InstallArgs, context: &Context<'_>) -> Result<(), CommandError> {
    wire(&context.workspace(".".as_ref())?, !arguments.no_hook, context)
}

/// Sets git up and says what was done.
pub fn wire(workspace: &Workspace<'_>, with_hook: bool, context: &Context<'_>) -> Result<(), CommandError> {
    let done = workspace.wire(with_hook)?;
    let ui = context.ui;
    if let Some((path, set_up)) = done.hook {
        let rest = match set_up {
            HookSetUp::Chained => ", and after that the hook that was there",
            HookSetUp::Extended => ", before all else that it does",
            HookSetUp::New => "",
        };
        ui.note(&format!("the hook {} runs `secret verify --staged`{rest}", path.display()));
    }
    ui.note("git shows and merges encrypted files with the drivers of this clone's configuration");
    if let Some(path) = done.attributes {
        ui.note(&format!("wrote {}: commit it, it is for everybody", path.display()));
    }
    Ok(())
}
