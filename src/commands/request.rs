//! `secret request`.

use clap::Args;

use super::recipients::{RecipientArgs, parse_kind};
use super::{CommandError, Context};
use crate::keys::Recipient;
use crate::policy::{MemberKind, Request};

/// Ask to become a member: leave your public key in the repository
///
/// Writes a small file that you commit and open a pull request with; `secret approve` takes it over. Nobody lets you read
/// anything by merging it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RequestArgs {
    /// The name you want to have
    name: String,
    /// Your public keys [default: those of your identities]
    #[command(flatten)]
    recipients: RecipientArgs,
    /// What sort of member: person, machine, break-glass
    #[arg(long, default_value = "person", value_parser = parse_kind)]
    kind: MemberKind,
    /// A group you wish to be in; who approves decides (can be repeated)
    #[arg(long = "group", short, value_name = "GROUP")]
    groups: Vec<String>,
}

pub const EXAMPLES: &str = "\
Examples:
  secret request carol --from carol.pub --group team";

pub fn run(arguments: RequestArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let RequestArgs { name, recipients, kind, groups } = arguments;
    let workspace = context.workspace(".".as_ref())?;
    let mut recipients = recipients.read(context)?;
    if recipients.is_empty() {
        let own = workspace.identities().recipients().map_err(crate::workspace::Error::from)?;
        recipients = own.into_iter().cloned().collect();
    }
    if recipients.is_empty() {
        return Err(CommandError::failed("you have no identity whose public key could be left")
            .hint("make one with `secret keygen`, or give a public key, or a file of them with --from FILE"));
    }
    for recipient in &recipients {
        context.ui.note(&format!("public key: {}", Recipient::as_str(recipient)));
    }
    let request = Request { name: name.clone(), recipients, kind, groups };
    // What could not be read again is not written.
    if let Err(error) = Request::parse(&request.to_text()) {
        return Err(CommandError::usage(error));
    }
    let path = workspace.leave_request(&request)?;
    context.ui.note(&format!("wrote {path}"));
    context.ui.note(&format!("next: commit it and open a pull request; a member runs `secret approve {name}`"));
    Ok(())
}
