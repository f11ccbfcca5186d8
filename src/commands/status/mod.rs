//! `secret status`.

mod attention;
mod formats;
mod output;
mod page;
mod page_calendar;
mod page_history;
mod page_matrix;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CommandError, Context};
use crate::policy::Period;
use crate::workspace::{LifecycleRequest, ReaderHistory, SOON, Status, Workspace};

/// Show the whole repository at a glance: files, readers, what is due
///
/// Needs no identity and shows no value. It is a report and exits with 0 whatever it says; `secret verify` and `secret
/// due` are the checks. What files and commits say of themselves is not authenticated.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct StatusArgs {
    /// Only these files and folders [default: all of the repository]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How long before its day a value is due soon: 30d, 12w, 6mo, 1y
    #[arg(long, value_name = "PERIOD", default_value_t = SOON)]
    within: Period,
    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Print what another program reads, or a page
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// Write to this file: a new one, or an earlier report
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The formats of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A page for a browser, in one file, with who could read what and when
    Html,
    /// As --json
    Json,
    /// Tables for an issue or a comment
    Markdown,
    /// Lines for people
    Text,
}

pub const EXAMPLES: &str = "\
Examples:
  secret status
  secret status secrets/prod --within 90d
  secret status --format html -o status.html";

pub fn run(arguments: &StatusArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let start = arguments.paths.first().cloned().unwrap_or_else(|| ".".into());
    let workspace = context.workspace(&start)?;
    let request = LifecycleRequest { paths: arguments.paths.clone(), soon: arguments.within };
    let status = workspace.status(&request)?;
    for other in workspace.other_repositories(&arguments.paths)? {
        context.ui.note(&format!("{other} is a repository of its own, and was not looked at"));
    }
    let text = match if arguments.json { Format::Json } else { arguments.format } {
        Format::Html => page::page(&status, history(&workspace, &status, arguments)?.as_ref()),
        Format::Json => format!("{:#}\n", formats::json(&status)),
        Format::Markdown => formats::markdown(&status),
        Format::Text => formats::text(&status),
    };
    match &arguments.output {
        Some(file) => output::write(file, &text, context),
        None if arguments.json || arguments.format == Format::Json => {
            Ok(context.ui.print_json(&formats::json(&status))?)
        }
        None => Ok(context.ui.print_text(&text)?),
    }
}

/// Returns who could read what and when; nothing is known of it outside of git.
fn history(
    workspace: &Workspace<'_>,
    status: &Status,
    arguments: &StatusArgs,
) -> Result<Option<ReaderHistory>, CommandError> {
    let files: BTreeSet<&str> = status.files.iter().map(|file| file.file.as_str()).collect();
    // Of all of the repository, files that are gone are told too.
    let files = (!arguments.paths.is_empty()).then_some(&files);
    match workspace.reader_history(files) {
        Err(crate::workspace::Error::NoRepository { .. }) => Ok(None),
        history => Ok(Some(history?)),
    }
}
