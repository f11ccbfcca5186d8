//! `secret git`: what git itself calls.

mod textconv;

use clap::{Args, Subcommand};

use super::{CommandError, Context};

/// What git calls: its diff driver
#[derive(Args)]
pub struct GitArgs {
    #[command(subcommand)]
    command: GitCommand,
}

#[derive(Subcommand)]
enum GitCommand {
    Textconv(textconv::TextconvArgs),
}

pub fn run(arguments: GitArgs, context: &Context<'_>) -> Result<(), CommandError> {
    match arguments.command {
        GitCommand::Textconv(arguments) => textconv::run(&arguments, context),
    }
}
