//! `secret log`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::changes::{line, rows, to_json};
use super::{CommandError, Context};
use crate::workspace::{Log, LogEntry, SHORT_NAME};

/// Show who changed which keys, readers and metadata of a file, and when
///
/// Needs no identity and shows no values. Renames of the file, and of the key, are followed. What commits and files say
/// of themselves is not authenticated.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct LogArgs {
    /// The file; it may be gone
    file: PathBuf,
    /// Only this key, and what is below it
    key: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret log secrets/db.yaml
  secret log secrets/db.yaml db.password
  secret log secrets/db.yaml --json";

pub fn run(arguments: &LogArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let log = workspace.log(&arguments.file, arguments.key.as_deref())?;
    if arguments.json {
        context.ui.print_json(&as_json(&arguments.file.display().to_string(), &log))?;
    } else {
        for entry in &log.entries {
            print(entry, context)?;
        }
    }
    if log.is_cut {
        context
            .ui
            .warn("the history of this clone was cut off: who made the file, and what changed before, is not in it");
        context.ui.hint("`git fetch --unshallow` brings the rest");
    }
    Ok(())
}

fn print(entry: &LogEntry, context: &Context<'_>) -> Result<(), CommandError> {
    let commit = &entry.commit;
    let name = commit.id.to_string();
    let day = commit.day().map_or_else(|| "(no day)".to_owned(), |day| day.to_string());
    let short = name.get(..SHORT_NAME).unwrap_or(&name);
    context.ui.print(&format!("{short} {day} {} <{}> {}", commit.author, commit.email, commit.subject))?;
    for row in rows(&entry.changes) {
        context.ui.print(&format!("  {}", line(&row)))?;
    }
    if entry.is_cut {
        context.ui.print("  file is there already; what was before is not in this clone")?;
    }
    Ok(())
}

fn as_json(file: &str, log: &Log) -> serde_json::Value {
    let commits: Vec<serde_json::Value> = log
        .entries
        .iter()
        .map(|entry| {
            let LogEntry { commit, path, changes, is_cut } = entry;
            json!({
                "commit": commit.id.to_string(), "author": commit.author, "email": commit.email, "time": commit.time,
                "subject": commit.subject, "path": path, "is_cut_off": is_cut,
                "changes": changes.iter().map(to_json).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "version": 1, "file": file, "is_cut_off": log.is_cut, "commits": commits })
}
