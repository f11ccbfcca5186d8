//! `secret member`.

use clap::{Args, Subcommand};

use super::consent::ConsentArgs;
use super::offboard::{self, OutputArgs};
use super::{CommandError, Context};
use crate::keys::Recipient;
use crate::policy::MemberKind;
use crate::workspace::NewMember;

/// Add members to the policy, and list them
#[derive(Args)]
pub struct MemberArgs {
    #[command(subcommand)]
    command: MemberCommand,
}

#[derive(Subcommand)]
enum MemberCommand {
    Add(AddArgs),
    List(ListArgs),
    Remove(RemoveArgs),
}

/// Add a member, or another key of one
///
/// This changes the policy alone; `secret rekey` then lets the member read.
#[derive(Args)]
#[command(after_help = ADD_EXAMPLES)]
struct AddArgs {
    /// The member's name
    name: String,
    /// Public keys: age1…, "ssh-ed25519 AAAA…"
    #[arg(required = true, value_name = "RECIPIENT")]
    recipients: Vec<String>,
    /// A group to join (can be repeated)
    #[arg(long = "group", short, value_name = "GROUP")]
    groups: Vec<String>,
    /// What sort of member: person, machine, break-glass
    #[arg(long, default_value = "person", value_parser = parse_kind)]
    kind: MemberKind,
}

/// Take a member out of the policy and of every file, and list what they could read
///
/// What `secret offboard NAME` does. Every file that the member reads gets a new data key in the same step, and records
/// the former reader: what they knew stays due until it is replaced.
#[derive(Args)]
#[command(after_help = REMOVE_EXAMPLES)]
struct RemoveArgs {
    /// The member's name
    name: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    consent: ConsentArgs,
}

/// List the members and their keys
#[derive(Args)]
#[command(after_help = LIST_EXAMPLES)]
struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const ADD_EXAMPLES: &str = "\
Examples:
  secret member add bob age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa --group team";

pub const LIST_EXAMPLES: &str = "\
Examples:
  secret member list
  secret member list --json";

pub const REMOVE_EXAMPLES: &str = "\
Examples:
  secret member remove bob
  secret member remove bob --yes --format markdown > offboarding.md";

pub fn run(arguments: MemberArgs, context: &Context<'_>) -> Result<(), CommandError> {
    match arguments.command {
        MemberCommand::Add(arguments) => add(arguments, context),
        MemberCommand::List(arguments) => list(&arguments, context),
        MemberCommand::Remove(arguments) => {
            offboard::remove(&arguments.name, &arguments.output, &arguments.consent, context)
        }
    }
}

fn add(arguments: AddArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let AddArgs { name, recipients, groups, kind } = arguments;
    let recipients: Result<Vec<Recipient>, _> = recipients.iter().map(|text| text.parse()).collect();
    let recipients = recipients.map_err(|error: crate::keys::RecipientError| CommandError::failed(error))?;
    let workspace = context.workspace(".".as_ref())?;
    let in_groups = if groups.is_empty() { String::new() } else { format!(" and to {}", groups.join(", ")) };
    workspace.add_member(&NewMember { name: name.clone(), recipients, kind, groups })?;
    context.ui.note(&format!("added {name} to the policy{in_groups}"));
    context.ui.note("next: commit the policy, then `secret rekey` lets them read");
    Ok(())
}

fn list(arguments: &ListArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(".".as_ref())?;
    let policy = workspace.required_policy()?;
    if arguments.json {
        let members: Vec<serde_json::Value> = policy
            .members
            .iter()
            .map(|(name, member)| {
                let recipients: Vec<&str> = member.recipients.iter().map(Recipient::as_str).collect();
                serde_json::json!({ "name": name, "kind": member.kind.name(), "recipients": recipients })
            })
            .collect();
        return Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "members": members }))?);
    }
    let rows = policy.members.iter().flat_map(|(name, member)| {
        member.recipients.iter().map(|recipient| [name.clone(), member.kind.to_string(), recipient.to_string()])
    });
    Ok(context.ui.print_table(&rows.collect::<Vec<_>>())?)
}

fn parse_kind(text: &str) -> Result<MemberKind, &'static str> {
    MemberKind::from_name(text).ok_or("a member is a person, a machine or break-glass")
}
