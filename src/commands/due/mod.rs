//! `secret due`.

mod calendar;
mod formats;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CommandError, Context};
use crate::policy::Period;
use crate::ui::count;
use crate::workspace::{Lifecycle, LifecycleRequest, SOON, ValueLife, ValueState, Workspace};

/// List the values that must be replaced: overdue, due soon, or known to a former reader
///
/// Needs no identity and shows no value. A value is due when its period has passed since it was last replaced, or on the
/// day that the file's header names; it is exposed while a former reader knows it. Exits with 3 if one of them must be
/// replaced now.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct DueArgs {
    /// Only these files and folders [default: all of the repository]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How long before its day a value is due soon: 30d, 12w, 6mo, 1y
    #[arg(long, value_name = "PERIOD", default_value_t = SOON)]
    within: Period,
    /// Only what this member, group or other owner answers for
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Print JSON, with the values that are up to date
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print what another program reads
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// The formats of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Annotations of a workflow on GitHub
    Github,
    /// A calendar (iCalendar, RFC 5545) of all days on which something is due
    Ics,
    /// As --json
    Json,
    /// A table for an issue or a comment
    Markdown,
    /// Lines for people
    Text,
}

pub const EXAMPLES: &str = "\
Examples:
  secret due
  secret due --within 90d --owner payments
  secret due --format ics secrets > due.ics";

pub fn run(arguments: &DueArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let start = arguments.paths.first().cloned().unwrap_or_else(|| ".".into());
    let workspace = context.workspace(&start)?;
    let request = LifecycleRequest { paths: arguments.paths.clone(), soon: arguments.within };
    let Lifecycle { mut values, files, unexamined } = workspace.lifecycle(&request)?;
    for other in workspace.other_repositories(&arguments.paths)? {
        context.ui.note(&format!("{other} is a repository of its own, and was not looked at"));
    }
    if let Some(owner) = &arguments.owner {
        keep_owned(&mut values, owner, &workspace, context)?;
    }
    let mut listed: Vec<&ValueLife> = values.iter().filter(|value| value.state != ValueState::UpToDate).collect();
    // The worst first; within a state what was due first.
    listed.sort_by_key(|value| (std::cmp::Reverse(value.state), value.due.is_none(), value.due));
    let format = if arguments.json { Format::Json } else { arguments.format };
    match format {
        Format::Github => formats::github(&listed).iter().try_for_each(|line| context.ui.print(line))?,
        Format::Ics => context.ui.print_text(&calendar::calendar(&values, context.env.today()))?,
        Format::Json => context.ui.print_json(&formats::json(&values))?,
        Format::Markdown => context.ui.print_text(&formats::markdown(&listed))?,
        Format::Text => {
            let row = |value: &&ValueLife| formats::row(value, workspace.from_here(&value.file));
            context.ui.print_table(&listed.iter().map(row).collect::<Vec<_>>())?;
        }
    }
    let urgent = values.iter().filter(|value| value.state.is_urgent()).count();
    if unexamined.is_empty() {
        return conclude(urgent, listed.len() - urgent, values.len(), files, context);
    }
    // What cannot be read may hold what is due: that is worse than what is known to be.
    let errors = unexamined.into_iter().map(|unexamined| unexamined.error.into()).collect();
    CommandError::worst(errors, context.ui)
}

/// Keeps the values of an owner: of a member also those for which a group of theirs answers. A name that nobody has would
/// pass for peace of mind, so that is said.
fn keep_owned(
    values: &mut Vec<ValueLife>,
    owner: &str,
    workspace: &Workspace<'_>,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let policy = workspace.policy()?;
    let is_in =
        |group: &str| policy.and_then(|policy| policy.members_of(group)).is_some_and(|all| all.contains_key(owner));
    let is_named = policy.is_some_and(|policy| policy.member(owner).is_some() || policy.members_of(owner).is_some());
    let owners: BTreeSet<&str> = values.iter().filter_map(|value| value.owner.as_deref()).collect();
    if !is_named && !owners.contains(owner) {
        let known: Vec<&str> = owners.iter().copied().take(NAMED).collect();
        let known = match known.as_slice() {
            [] => String::new(),
            [one] => format!("; values have the owner {one}"),
            several => format!("; values have the owners {}", several.join(", ")),
        };
        context.ui.warn(&format!("nobody has the name {owner}, and no value has such an owner{known}"));
    }
    values.retain(|value| value.owner.as_deref().is_some_and(|known| known == owner || is_in(known)));
    Ok(())
}

/// How many owners a warning names.
const NAMED: usize = 10;

fn conclude(
    urgent: usize,
    soon: usize,
    values: usize,
    files: usize,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let looked_at = format!("{} in {}", count(values, "value"), count(files, "file"));
    let soon = if soon > 0 { format!(", and {soon} soon") } else { String::new() };
    if urgent > 0 {
        let what = count(urgent, "value");
        return Err(CommandError::no(format!("{what} must be replaced now{soon} ({looked_at})"))
            .hint("replace each where it is used, and here by `secret rotate FILE KEY`"));
    }
    let nothing = if soon.is_empty() { "nothing is due".to_owned() } else { format!("nothing is due now{soon}") };
    context.ui.note(&format!("{nothing} ({looked_at})"));
    Ok(())
}
