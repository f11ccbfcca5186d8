//! `secret status`.

mod attention;
mod formats;
mod page;
mod page_calendar;
mod page_history;
mod page_matrix;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::decrypt::refuse_encrypted;
use super::{CommandError, Context};
use crate::envelope::native::MAX_ENCRYPTED;
use crate::fs::{self, Expect, Mode, Snapshot};
use crate::policy::{FILE_NAME, Period};
use crate::workspace::{ReaderHistory, SOON, Status, StatusRequest, Workspace};

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
    /// Write to this file
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
    let request = StatusRequest { paths: arguments.paths.clone(), soon: arguments.within };
    let status = workspace.status(&request)?;
    let text = match if arguments.json { Format::Json } else { arguments.format } {
        Format::Html => page::page(&status, history(&workspace, &status, arguments)?.as_ref()),
        Format::Json => format!("{:#}\n", formats::json(&status)),
        Format::Markdown => formats::markdown(&status),
        Format::Text => formats::text(&status),
    };
    match &arguments.output {
        Some(output) => write(output, &text, context),
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

/// Writes a report to a file that the user names, but not in place of an encrypted file, or of one that is to be.
fn write(output: &Path, text: &str, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(output)?;
    let target = workspace.target(output)?;
    workspace.refuse_links(&target)?;
    let policy = workspace.policy()?;
    let is_for_secrets =
        |path: &String| path == FILE_NAME || policy.is_some_and(|policy| policy.rule_for(path).is_some());
    if target.recorded.as_ref().is_some_and(is_for_secrets) {
        return Err(CommandError::failed(format!("{} is no place for a report: it is for secrets", target.shown))
            .hint("name a file outside of the rules' paths"));
    }
    let former = match fs::kind(&target.path)? {
        None => None,
        Some(_) => {
            let former = fs::read(&target.path, workspace.within(), MAX_ENCRYPTED)?;
            refuse_encrypted(&target.path, &former)?;
            Some(Snapshot::of(&former))
        }
    };
    let expect = former.as_ref().map_or(Expect::Absent, Expect::Unchanged);
    Ok(fs::replace(&target.path, workspace.within(), text.as_bytes(), expect, Mode::KeepOr(0o666))?)
}
