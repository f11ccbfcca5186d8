//! `secret compromised`.

use std::path::PathBuf;

use clap::Args;

use super::consent::ConsentArgs;
use super::offboard::{self, OutputArgs};
use super::{CommandError, Context};
use crate::keys::{Recipient, RecipientError};
use crate::ui::count;
use crate::workspace::{COMPROMISED, LifecycleRequest, Reader, SOON};

/// Take a leaked key out of everything, or mark files whose values got out
///
/// With a RECIPIENT: lists every value that its key could ever read, takes it out of the policy, and gives every file that
/// it opens a new data key in the same step. A member who has no other key leaves the policy. With FILEs: they get new
/// data keys, and every value in them counts as known to strangers. Both stay due until the values are replaced.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CompromisedArgs {
    /// One public key (age1…, "ssh-ed25519 AAAA…"), or encrypted files
    #[arg(required = true, value_name = "RECIPIENT|FILE")]
    what: Vec<String>,
    /// Only list the values; needs no identity and changes nothing
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    consent: ConsentArgs,
}

pub const EXAMPLES: &str = "\
Examples:
  secret compromised age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa --plan
  secret compromised secrets/db.yaml --yes";

impl CompromisedArgs {
    /// Tells whether policy and files may be written.
    pub fn writes(&self) -> bool {
        !self.plan
    }
}

pub fn run(arguments: &CompromisedArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let mut recipients: Vec<Recipient> = Vec::new();
    for text in &arguments.what {
        match text.parse() {
            Ok(recipient) => recipients.push(recipient),
            // Never to be repeated as the name of a file.
            Err(error @ (RecipientError::PrivateKey | RecipientError::Misspelt)) => {
                return Err(CommandError::failed(error).hint("name its public key; `secret whoami` shows your own"));
            }
            Err(_) => {}
        }
    }
    match (recipients.as_slice(), arguments.what.len()) {
        ([recipient], 1) => of_key(recipient, arguments, context),
        ([], _) => of_files(arguments, context),
        _ => Err(CommandError::usage("give one public key, or files")),
    }
}

/// A key got out.
fn of_key(recipient: &Recipient, arguments: &CompromisedArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let mut workspace = context.workspace(".".as_ref())?;
    arguments.consent.check(&workspace)?;
    let reader = || Reader::Recipient(recipient.to_string());
    if arguments.plan {
        return arguments.output.print(&workspace.knowledge(reader())?, context);
    }
    let journal = workspace.begin_rekey()?;
    let change = workspace.without_recipient(recipient)?;
    let knowledge = workspace.knowledge(reader())?;
    let mut what = Vec::new();
    if let Some((change, member, is_last)) = change {
        what.push(match is_last {
            true => format!("{member}, who has no other key, leaves the policy"),
            false => format!("the key leaves the policy, in which {member} has others"),
        });
        workspace.propose(change);
    }
    offboard::refuse_unreached(&knowledge)?;
    let affected = knowledge.affected_files();
    what.push(format!("{} to rekey", count(affected.len(), "file")));
    workspace.expose_to(COMPROMISED, &knowledge.unrecorded);
    arguments.output.print(&knowledge, context)?;
    offboard::agree(&what.join("; "), &arguments.consent, context)?;
    offboard::rekey(&mut workspace, journal, &affected, &arguments.consent, context)?;
    context.ui.note("no file is encrypted to that key any more");
    offboard::advise(knowledge.to_replace().count(), context);
    Ok(())
}

/// Files got out, with what they hold.
fn of_files(arguments: &CompromisedArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let paths: Vec<PathBuf> = arguments.what.iter().map(PathBuf::from).collect();
    let mut workspace = context.workspace(&paths[0])?;
    arguments.consent.check(&workspace)?;
    if let Some(name) = arguments.what.iter().find(|name| {
        let is_member = workspace.policy().ok().flatten().is_some_and(|policy| policy.member(name).is_some());
        is_member && workspace.encrypted_files(&[PathBuf::from(name)]).is_err()
    }) {
        return Err(CommandError::usage(format!("{name} is a member: which key got out?"))
            .hint("name the key, as `secret member list` shows it; `secret offboard` takes the member out"));
    }
    let life = workspace.lifecycle(&LifecycleRequest { paths: paths.clone(), soon: SOON })?;
    let errors = life.unexamined.into_iter().map(|unexamined| unexamined.error.into()).collect();
    CommandError::worst(errors, context.ui)?;
    let mut files: Vec<String> = life.values.iter().map(|value| value.file.clone()).collect();
    files.dedup();
    if arguments.plan {
        return arguments.output.print_values(&life.values, context);
    }
    let journal = workspace.begin_rekey()?;
    workspace.expose_all();
    arguments.output.print_values(&life.values, context)?;
    let (values, affected) = (count(life.values.len(), "value"), count(files.len(), "file"));
    offboard::agree(&format!("{values} of {affected} count as known to strangers"), &arguments.consent, context)?;
    offboard::rekey(&mut workspace, journal, &files, &arguments.consent, context)?;
    offboard::advise(life.values.len(), context);
    Ok(())
}
