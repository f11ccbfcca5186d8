//! `secret request`.

use clap::Args;

use super::recipients::{RecipientArgs, parse_kind};
use super::{CommandError, Context};
use crate::keys::Recipient;
use crate::policy::edit::EditError;
use crate::policy::{MemberKind, Request, is_name};
use crate::workspace::Error;

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
        let own = workspace.identities().recipients().map_err(Error::from)?;
        recipients = own.into_iter().cloned().collect();
    }
    if recipients.is_empty() {
        return Err(CommandError::failed("you have no identity whose public key could be left")
            .hint("make one with `secret keygen`, or give a public key, or a file of them with --from FILE"));
    }
    for recipient in &recipients {
        context.ui.note(&format!("public key: {}", Recipient::as_str(recipient)));
    }
    if !is_name(&name) {
        return Err(Error::from(EditError::Name { name }).into());
    }
    let request = Request { name: name.clone(), recipients, kind, groups };
    // What could not be read again is not written.
    if let Err(error) = Request::parse(&request.to_text()) {
        return Err(CommandError::usage(error));
    }
    let path = workspace.leave_request(&request).map_err(|error| match error {
        // Who asks cannot add a key to a member: a member does.
        Error::PolicyEdit(EditError::Taken { .. }) => CommandError::failed(error).hint(format!(
            "if it is you, a member adds your other key: `secret member add {name} PUBLIC-KEY --another-key`; else ask \
             under another name"
        )),
        error => error.into(),
    })?;
    context.ui.note(&format!("wrote {path}"));
    context.ui.note(&format!("next: commit it and open a pull request; a member runs `secret approve {name}`"));
    Ok(())
}
