//! `secret whoami`.

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::Error;

/// Show your recipients, and who you are in the policy
///
/// Hand a recipient to a member of the policy to be let in; it is a public key.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct WhoamiArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret whoami
  secret whoami --json";

pub fn run(arguments: &WhoamiArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(".".as_ref())?;
    let policy = workspace.policy()?;
    let known = workspace.identities().known().map_err(|error| Error::from(error.clone()))?;
    let mut rows = Vec::new();
    let mut identities = Vec::new();
    for identity in known {
        for recipient in &identity.recipients {
            let member = policy.and_then(|policy| policy.member_with(recipient)).map(|(name, _)| name.to_owned());
            identities.push(serde_json::json!({
                "recipient": recipient.as_str(), "member": member, "origin": identity.origin.to_string(),
                "passphrase": identity.is_locked,
            }));
            let member = member.unwrap_or_else(|| "not in the policy".to_owned());
            rows.push([recipient.as_str().to_owned(), member, identity.origin.to_string()]);
        }
        if identity.recipients.is_empty() {
            let why = if identity.is_locked { "is protected by a passphrase" } else { "takes a plugin" };
            context.ui.note(&format!("{} {why}, and its recipient is not known", identity.origin));
        }
    }
    if arguments.json {
        return Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "identities": identities }))?);
    }
    if known.is_empty() {
        return Err(CommandError::failed("you have no identity").hint("make one with `secret keygen`"));
    }
    Ok(context.ui.print_table(&rows)?)
}
