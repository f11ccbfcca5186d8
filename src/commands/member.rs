//! `secret member`.

use clap::{Args, Subcommand};
use jiff::civil::Date;

use super::consent::ConsentArgs;
use super::offboard::{self, OutputArgs};
use super::recipients::{RecipientArgs, parse_kind, parse_last_day, refuse_past, warn_of_namesake};
use super::{CommandError, Context};
use crate::keys::Recipient;
use crate::policy::{Member, MemberKind, Policy};
use crate::workspace::{NewMember, Workspace};

/// Add members to the policy, change and list them
#[derive(Args)]
pub struct MemberArgs {
    #[command(subcommand)]
    command: MemberCommand,
}

#[derive(Subcommand)]
enum MemberCommand {
    Add(AddArgs),
    Expires(ExpiresArgs),
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
    #[command(flatten)]
    recipients: RecipientArgs,
    /// A group to join (can be repeated)
    #[arg(long = "group", short, value_name = "GROUP")]
    groups: Vec<String>,
    /// What sort of member: person, machine, break-glass
    #[arg(long, default_value = "person", value_parser = parse_kind)]
    kind: MemberKind,
    /// The last day of the membership
    ///
    /// After it nobody encrypts to the member anew, and `verify` says so; what they read already stays until they are
    /// removed.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_last_day)]
    expires: Option<Date>,
    /// Add the keys to the member who has this name already
    #[arg(long, conflicts_with_all = ["kind", "expires"])]
    another_key: bool,
}

/// Change the last day of a membership, or take it away
#[derive(Args)]
#[command(after_help = EXPIRES_EXAMPLES)]
struct ExpiresArgs {
    /// The member's name
    name: String,
    /// The last day, or `never`
    #[arg(value_name = "YYYY-MM-DD", value_parser = parse_end)]
    day: End,
}

/// The end of a membership.
#[derive(Clone, Copy)]
enum End {
    Day(Date),
    Never,
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
  secret member add bob age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa --group team
  secret member add carol --from carol.pub --expires 2030-12-31";

pub const EXPIRES_EXAMPLES: &str = "\
Examples:
  secret member expires carol 2031-12-31
  secret member expires carol never";

pub const LIST_EXAMPLES: &str = "\
Examples:
  secret member list
  secret member list --json";

pub const REMOVE_EXAMPLES: &str = "\
Examples:
  secret member remove bob --yes
  secret member remove bob --yes --format markdown > offboarding.md";

impl MemberArgs {
    /// Tells whether the policy may be written.
    pub fn writes(&self) -> bool {
        !matches!(self.command, MemberCommand::List(_))
    }
}

pub fn run(arguments: MemberArgs, context: &Context<'_>) -> Result<(), CommandError> {
    match arguments.command {
        MemberCommand::Add(arguments) => add(arguments, context),
        MemberCommand::Expires(arguments) => expires(&arguments, context),
        MemberCommand::List(arguments) => list(&arguments, context),
        MemberCommand::Remove(arguments) => {
            offboard::remove(&arguments.name, &arguments.output, &arguments.consent, context)
        }
    }
}

fn add(arguments: AddArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let AddArgs { name, recipients, groups, kind, expires, another_key } = arguments;
    let recipients = recipients.read(context)?;
    if recipients.is_empty() {
        return Err(CommandError::usage("there is no public key to add")
            .hint("give one that begins with age1 or ssh-ed25519, or a file of them with --from FILE"));
    }
    refuse_past(expires, context)?;
    let mut workspace = context.workspace(".".as_ref())?;
    let in_groups = if groups.is_empty() { String::new() } else { format!(" and to {}", groups.join(", ")) };
    let (change, what) = if another_key {
        let keys = if recipients.len() == 1 { "another key" } else { "more keys" };
        (workspace.with_recipients(&name, &recipients, &groups)?, format!("{keys} of {name}"))
    } else {
        let member = Member { expires, ..Member::new(recipients, kind) };
        let change = workspace.with_member(&NewMember { name: name.clone(), member, groups })?;
        warn_of_namesake(&name, &workspace, context);
        (change, name.clone())
    };
    let reads = !Workspace::rules_read_by(change.policy(), &name).is_empty();
    workspace.propose(change);
    workspace.write_proposed()?;
    context.ui.note(&format!("added {what} to the policy{in_groups}"));
    context.ui.note(&if reads { LET_IN.to_owned() } else { to_let_in(&name) });
    Ok(())
}

/// Says how somebody comes to read, whom no rule names yet.
pub fn to_let_in(name: &str) -> String {
    format!(
        "next: no rule lets {name} read anything yet: name {name} or a group of theirs in a rule, or `secret group add GROUP {name}`"
    )
}

fn expires(arguments: &ExpiresArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let ExpiresArgs { name, day } = arguments;
    let day = match day {
        End::Day(day) => Some(*day),
        End::Never => None,
    };
    refuse_past(day, context)?;
    context.workspace(".".as_ref())?.set_expires(name, day)?;
    let ends = day.map_or_else(|| "has no end any more".to_owned(), |day| format!("ends on {day}"));
    context.ui.note(&format!("the membership of {name} {ends}"));
    Ok(())
}

fn list(arguments: &ListArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(".".as_ref())?;
    let policy = workspace.required_policy()?;
    let today = context.env.today();
    if arguments.json {
        let members: Vec<serde_json::Value> = policy
            .members
            .iter()
            .map(|(name, member)| {
                let recipients: Vec<&str> = member.recipients.iter().map(Recipient::as_str).collect();
                serde_json::json!({
                    "name": name,
                    "kind": member.kind.name(),
                    "expires": member.expires.map(|day| day.to_string()),
                    "expired": member.is_expired(today),
                    "groups": groups_of(policy, name),
                    "recipients": recipients,
                })
            })
            .collect();
        return Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "members": members }))?);
    }
    let rows = policy.members.iter().flat_map(|(name, member)| {
        let groups = groups_of(policy, name);
        let groups = if groups.is_empty() { "-".to_owned() } else { groups.join(",") };
        let end = match member.expires {
            None => "-".to_owned(),
            Some(day) if member.is_expired(today) => format!("expired {day}"),
            Some(day) => format!("until {day}"),
        };
        member.recipients.iter().map(move |recipient| {
            [name.clone(), member.kind.to_string(), groups.clone(), end.clone(), recipient.to_string()]
        })
    });
    Ok(context.ui.print_table(&rows.collect::<Vec<_>>())?)
}

/// Returns the groups that a member is in, by whatever way.
fn groups_of<'p>(policy: &'p Policy, name: &str) -> Vec<&'p str> {
    let is_in = |group: &&String| policy.members_of(group).is_some_and(|members| members.contains_key(name));
    policy.groups.keys().filter(is_in).map(String::as_str).collect()
}

fn parse_end(text: &str) -> Result<End, &'static str> {
    if text == "never" { Ok(End::Never) } else { parse_last_day(text).map(End::Day) }
}

/// What is to be done when somebody has been named as a reader.
const LET_IN: &str = "next: commit the policy, then `secret rekey` lets them read";
