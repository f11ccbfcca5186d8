//! `secret group`.

use clap::{Args, Subcommand};

use super::{CommandError, Context};

/// Add groups to the policy, and list them
#[derive(Args)]
pub struct GroupArgs {
    #[command(subcommand)]
    command: GroupCommand,
}

#[derive(Subcommand)]
enum GroupCommand {
    Add(AddArgs),
    List(ListArgs),
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

pub const LIST_EXAMPLES: &str = "\
Examples:
  secret group list";

pub fn run(arguments: GroupArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(".".as_ref())?;
    match arguments.command {
        GroupCommand::Add(arguments) => {
            workspace.add_to_group(&arguments.group, &arguments.names)?;
            context.ui.note(&format!("added {} to {}", arguments.names.join(", "), arguments.group));
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
