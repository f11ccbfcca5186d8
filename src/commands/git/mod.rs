//! `secret git`: how git and this program know each other.

mod install;
pub(super) mod merge;
mod textconv;
mod uninstall;

pub(super) use install::wire;

use clap::{Args, Subcommand};

use super::{CommandError, Context};

/// Set git up to check, show and merge encrypted files
#[derive(Args)]
pub struct GitArgs {
    #[command(subcommand)]
    command: GitCommand,
}

#[derive(Subcommand)]
enum GitCommand {
    Install(install::InstallArgs),
    Merge(merge::MergeArgs),
    Textconv(textconv::TextconvArgs),
    Uninstall(uninstall::UninstallArgs),
}

pub fn run(arguments: GitArgs, context: &Context<'_>) -> Result<(), CommandError> {
    match arguments.command {
        GitCommand::Install(arguments) => install::run(&arguments, context),
        GitCommand::Merge(arguments) => merge::run(&arguments, context),
        GitCommand::Textconv(arguments) => textconv::run(&arguments, context),
        GitCommand::Uninstall(arguments) => uninstall::run(&arguments, context),
    }
}
