//! `secret init`.

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::{create_identity, default_identity_path};

/// Set up a repository: a policy with you as the first member
///
/// Makes an identity for you if you have none, writes .secret.toml, and sets git up as `secret git install` does. Where a
/// policy is there already it stays as it is, and you get the line that a member has to run to let you in.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct InitArgs {
    /// Your name in the policy [default: your user name]
    #[arg(long)]
    name: Option<String>,
    /// Do not set up git: no hook, no drivers, no attributes
    #[arg(long)]
    no_git: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret init
  secret init --name alice";

pub fn run(arguments: InitArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let InitArgs { name, no_git } = arguments;
    let workspace = context.workspace(".".as_ref())?;
    let own =
        workspace.identities().recipients().map_err(crate::workspace::Error::from)?.first().map(|own| (*own).clone());
    let recipient = match own {
        Some(recipient) => recipient,
        None => {
            let (path, recipient) = create_identity(context.env, None, None)?;
            context.ui.note(&format!("made an identity in {}: keep a copy of it in a safe place", path.display()));
            recipient
        }
    };
    let name = name.unwrap_or_else(|| user_name(context));
    let initialized = workspace.init(&name, recipient)?;
    let ui = context.ui;
    if initialized.is_new {
        ui.note(&format!("wrote {} with {name} as the first member", initialized.policy.display()));
        ui.note("next: commit it, then encrypt a file with `secret encrypt secrets/…` or `secret edit secrets/…`");
    } else if let Some(member) = initialized.member {
        ui.note(&format!("{} is there already, and you are {member} in it", initialized.policy.display()));
    } else {
        ui.note(&format!("{} is there already; send this line to a member of it:", initialized.policy.display()));
        ui.print(&format!("secret member add {name} {:?}", initialized.recipient.as_str()))?;
    }
    if !no_git && context.workspace(".".as_ref())?.is_shallow().is_some() {
        // The policy as it was written, in a workspace of its own.
        super::git::wire(&context.workspace(".".as_ref())?, true, context)?;
    }
    if default_identity_path(context.env).is_none() {
        ui.warn("no configuration folder was found: set HOME or XDG_CONFIG_HOME");
    }
    Ok(())
}

/// Returns the user's name, as far as it can be one in a policy.
fn user_name(context: &Context<'_>) -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| context.env.var(name)?.to_str());
    let name: String = user
        .unwrap_or_default()
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() || "._@-".contains(character) { character } else { '-' })
        .skip_while(|character| !character.is_ascii_alphanumeric())
        .collect();
    if name.is_empty() { "me".to_owned() } else { name }
}
