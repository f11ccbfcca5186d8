//! `secret git`: what git itself runs.

pub(super) mod merge;

use clap::{Args, Subcommand};

use super::{CommandError, Context};

/// What git runs to understand encrypted files
#[derive(Args)]
pub struct GitArgs {
    #[command(subcommand)]
    command: GitCommand,
}

#[derive(Subcommand)]
enum GitCommand {
    Merge(merge::MergeArgs),
}

pub fn run(arguments: &GitArgs, context: &Context<'_>) -> Result<(), CommandError> {
    match &arguments.command {
        GitCommand::Merge(arguments) => merge::run(arguments, context),
    }
}
