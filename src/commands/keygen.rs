//! `secret keygen`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::create_identity;

/// Make a new identity, and print its recipient
///
/// The identity is written to your configuration folder (secret/identities.txt), or to a file of your choice; never
/// over another one. Whoever has this file reads what is encrypted to you: keep a copy in a safe place, and none in git.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct KeygenArgs {
    /// Write the identity to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Protect the identity with a passphrase, which is asked for
    #[arg(long)]
    passphrase: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret keygen -o deploy.key";

pub fn run(arguments: &KeygenArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let passphrase = match arguments.passphrase {
        true => Some(context.ui.new_secret("passphrase for the new identity")?),
        false => None,
    };
    let (path, recipient) = create_identity(context.env, arguments.output.as_deref(), passphrase)?;
    context.ui.note(&format!("made an identity in {}: keep a copy of it in a safe place", path.display()));
    if context.workspace(&path).is_ok_and(|workspace| workspace.may_be_committed(&path)) {
        context.ui.warn(&format!("{} is in a git repository and not ignored: never commit it", path.display()));
    }
    Ok(context.ui.print(recipient.as_str())?)
}
