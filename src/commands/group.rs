//! `secret group`.

use clap::{Args, Subcommand};

use super::{CommandError, Context};

/// Add groups to the policy, remove and list them
#[derive(Args)]
pub struct GroupArgs {
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Subcommand)]
enum GroupCommand {
    Add(AddArgs),
    List(ListArgs),
    Remove(RemoveArgs),
}

/// Add a group of members, or members to one there is
#[derive(Args)]
#[command(after_help = ADD_EXAMPLES)]
struct AddArgs {
    /// The group's name
    group: String,
    /// Members and groups
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
}

/// Remove members from a group, or a group as a whole
///
/// This changes the policy alone; `secret rekey` then makes new data keys for the files that somebody no longer reads.
#[derive(Args)]
#[command(after_help = REMOVE_EXAMPLES)]
struct RemoveArgs {
    /// The group's name
    group: String,
    /// Members and groups [default: the group itself, also out of other groups and all rules]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

/// List the groups and who is in them
#[derive(Args)]
#[command(after_help = LIST_EXAMPLES)]
struct ListArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const ADD_EXAMPLES: &str = "\
Examples:
  secret group add payments alice";

pub const REMOVE_EXAMPLES: &str = "\
Examples:
  secret group remove payments bob
  secret group remove payments";

pub const LIST_EXAMPLES: &str = "\
Examples:
  secret group list";

impl GroupArgs {
    /// Tells whether the policy may be written.
    pub fn writes(&self) -> bool {
        !matches!(self.command, GroupCommand::List(_))
    }
}

pub fn run(arguments: GroupArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(".".as_ref())?;
    match arguments.command {
        GroupCommand::Add(arguments) => {
            workspace.add_to_group(&arguments.group, &arguments.names)?;
            context.ui.note(&format!("added {} to {}", arguments.names.join(", "), arguments.group));
            context.ui.note("next: commit the policy, then `secret rekey` brings the files in line");
            Ok(())
        }
        GroupCommand::Remove(RemoveArgs { group, names }) => {
            workspace.remove_from_group(&group, &names)?;
            context.ui.note(&match names.as_slice() {
                [] => format!("removed group {group}"),
                names => format!("removed {} from {group}", names.join(", ")),
            });
            context.ui.note("next: commit the policy, then `secret rekey` brings the files in line");
            Ok(())
        }
        GroupCommand::List(arguments) => {
            let policy = workspace.required_policy()?;
            if arguments.json {
                return Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "groups": policy.groups }))?);
            }
            let rows: Vec<[String; 2]> =
                policy.groups.iter().map(|(name, members)| [name.clone(), members.join(", ")]).collect();
            Ok(context.ui.print_table(&rows)?)
        }
    }
}
