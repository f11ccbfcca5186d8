//! `secret diff`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;
use zeroize::Zeroizing;

use super::changes::{code, line, lines, markdown, rows, to_json};
use super::{CommandError, Context};
use crate::git::Side;
use crate::workspace::{DiffRequest, FileDiff, Workspace};

/// Show which keys, readers and metadata changed, without values and without an identity
///
/// Compares as `git diff` does: the work tree with the index; with one revision the work tree with that commit; with
/// two (or A..B) these commits; with A...B the second with the last commit that both come from. Files that git does not
/// know yet are not looked at.
#[derive(Args)]
#[command(after_help = EXAMPLES, override_usage = "secret diff [OPTIONS] [REV [REV]] [PATH]... [-- <PATH>...]")]
pub struct DiffArgs {
    /// Revisions, then files and folders [default: all files]
    #[arg(value_name = "REV|PATH")]
    arguments: Vec<OsString>,
    /// Files and folders
    #[arg(last = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Compare the index, which the next commit will have, with HEAD or the revision
    #[arg(long, visible_alias = "cached")]
    staged: bool,
    /// Open both versions, and show the values
    #[arg(long)]
    show: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: DiffFormat,
    /// Open a version that stands at another path than it was encrypted for
    #[arg(long, requires = "show")]
    at_any_path: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DiffFormat {
    /// An object with a "version" field
    Json,
    /// A table for a comment on a pull request
    Markdown,
    /// Lines
    Text,
}

pub const EXAMPLES: &str = "\
Examples:
  secret diff
  secret diff --staged
  secret diff HEAD~3 HEAD secrets/prod
  secret diff origin/main...HEAD --format markdown
  secret diff HEAD secrets/db.yaml --show";

pub fn run(arguments: &DiffArgs, context: &Context<'_>) -> Result<(), CommandError> {
    if arguments.show && arguments.format == DiffFormat::Markdown {
        return Err(CommandError::usage("values do not belong into a comment: --show goes with text and json"));
    }
    let workspace = context.workspace(".".as_ref())?;
    let (revisions, paths) = split(arguments, &workspace)?;
    let (old, new) = sides(arguments.staged, &revisions, &workspace)?;
    let request = DiffRequest { old, new, paths, shows_values: arguments.show, at_any_path: arguments.at_any_path };
    let files = workspace.diff(&request)?;
    match arguments.format {
        DiffFormat::Json => context.ui.reveal_json(&json_text(&files)?)?,
        DiffFormat::Markdown => context.ui.print_text(&comment(&files))?,
        DiffFormat::Text => context.ui.reveal(text(&files).as_bytes())?,
    }
    let errors = files.into_iter().flat_map(|file| file.errors).map(CommandError::from).collect();
    CommandError::worst(errors, context.ui)
}

/// Tells revisions from paths as git does: what names a commit, up to the first that does not; then what is there.
fn split(arguments: &DiffArgs, workspace: &Workspace<'_>) -> Result<(Vec<String>, Vec<PathBuf>), CommandError> {
    let (mut revisions, mut paths) = (Vec::new(), arguments.paths.clone());
    let has_marked_paths = !arguments.paths.is_empty();
    let mut found = Vec::new();
    for argument in &arguments.arguments {
        let path = PathBuf::from(argument);
        let shown = path.display();
        let names_commit = match argument.to_str() {
            Some(text) if found.is_empty() && revisions.len() < 2 => names_commit(text, workspace)?,
            _ => false,
        };
        if has_marked_paths && !names_commit {
            // The error says so.
            workspace.commit(&argument.to_string_lossy())?;
            return Err(CommandError::usage(format!("{shown} stands before `--`, and is no third revision")));
        }
        let is_path = !has_marked_paths && workspace.is_known_path(&path)?;
        match (names_commit, is_path) {
            (true, true) => {
                return Err(CommandError::usage(format!("{shown} is both a revision and a file"))
                    .hint("write paths behind `--`: `secret diff REV -- PATH`"));
            }
            (true, false) => revisions.push(argument.to_string_lossy().into_owned()),
            (false, true) => found.push(path),
            (false, false) => {
                let error = CommandError::failed(format!("{shown} is neither a commit nor a file"));
                return Err(match workspace.is_shallow() {
                    Some(true) => {
                        error.hint("the history of this clone was cut off: `git fetch --unshallow` brings the rest")
                    }
                    _ => error.hint("write paths that are gone behind `--`: `secret diff -- PATH`"),
                });
            }
        }
    }
    paths.extend(found);
    Ok((revisions, paths))
}

fn names_commit(text: &str, workspace: &Workspace<'_>) -> Result<bool, CommandError> {
    if let Some((one, other, _)) = range(text) {
        return Ok(workspace.commit_named(one)?.is_some() && workspace.commit_named(other)?.is_some());
    }
    Ok(workspace.commit_named(text)?.is_some())
}

/// Splits `A..B` and `A...B`; tells whether it is the second. An empty end is HEAD.
fn range(text: &str) -> Option<(&str, &str, bool)> {
    let (split, is_since_common) = match text.split_once("...") {
        Some(split) => (split, true),
        None => (text.split_once("..")?, false),
    };
    let or_head = |side: &'static str, text: &'_ str| if text.is_empty() { Some(side) } else { None };
    let one = or_head("HEAD", split.0).unwrap_or(split.0);
    let other = or_head("HEAD", split.1).unwrap_or(split.1);
    Some((one, other, is_since_common))
}

fn sides(is_staged: bool, revisions: &[String], workspace: &Workspace<'_>) -> Result<(Side, Side), CommandError> {
    let commit = |revision: &str| workspace.commit(revision).map(Side::Commit);
    let ranges: Vec<_> = revisions.iter().map(|revision| range(revision)).collect();
    match (revisions, ranges.as_slice()) {
        ([], _) if is_staged => Ok((workspace.head_side()?, Side::Index)),
        ([], _) => Ok((Side::Index, Side::WorkTree)),
        ([_], [Some(_)]) if is_staged => Err(CommandError::usage("--staged compares the index with one revision")),
        ([_], [Some((one, other, true))]) => Ok((Side::Commit(workspace.merge_base(one, other)?), commit(other)?)),
        ([_], [Some((one, other, false))]) => Ok((commit(one)?, commit(other)?)),
        ([one], _) => Ok((commit(one)?, if is_staged { Side::Index } else { Side::WorkTree })),
        ([one, other], [None, None]) if !is_staged => Ok((commit(one)?, commit(other)?)),
        _ if is_staged => Err(CommandError::usage("--staged compares the index with one revision")),
        _ => Err(CommandError::usage("give two revisions, or one range")),
    }
}

/// The name of a file, and what it was called before.
fn heading(file: &FileDiff) -> String {
    match &file.old_path {
        Some(old) => format!("{old} -> {}", file.path),
        None => file.path.clone(),
    }
}

/// Returns lines. Each is escaped as one, so that no name and no value can pose as another.
fn text(files: &[FileDiff]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(room(files)));
    let mut push = |indentation: &str, line: &str| {
        text.push_str(indentation);
        crate::ui::push_line(&mut text, line);
    };
    for file in files {
        push("", &heading(file));
        if file.values.is_empty() {
            for line in lines(&file.changes) {
                push("  ", &line);
            }
            continue;
        }
        for (index, change) in file.changes.iter().enumerate() {
            push("  ", &line(&change.parts()));
            let [old, new] = file.values.get(&index).map_or([None, None], |[old, new]| [old.as_ref(), new.as_ref()]);
            for (sign, value) in [("    - ", old), ("    + ", new)] {
                let Some(value) = value else { continue };
                // An empty text has one line, too.
                value.strip_suffix('\n').unwrap_or(value).split('\n').for_each(|line| push(sign, line));
            }
        }
    }
    text
}

fn json_text(files: &[FileDiff]) -> Result<Zeroizing<String>, CommandError> {
    let mut text = Zeroizing::new(String::with_capacity(room(files)));
    text.push_str("{\n  \"version\": 1,\n  \"files\": [");
    for (number, file) in files.iter().enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        let mut object = json!({ "path": file.path });
        if let Some(old) = &file.old_path {
            object["old_path"] = old.as_str().into();
        }
        let head = object.to_string();
        text.push_str(&format!("    {},\n      \"changes\": [", head.strip_suffix('}').unwrap_or_default()));
        for (index, change) in file.changes.iter().enumerate() {
            text.push_str(if index == 0 { "\n        " } else { ",\n        " });
            let change = to_json(change).to_string();
            text.push_str(change.strip_suffix('}').unwrap_or_default());
            if let Some(values) = file.values.get(&index) {
                for (name, value) in ["old_value", "new_value"].iter().zip(values) {
                    if let Some(value) = value {
                        // Quoted into memory that is wiped.
                        let quoted = Zeroizing::new(
                            serde_json::to_string(value.as_str())
                                .map_err(|_| CommandError::failed("a value cannot be printed as JSON"))?,
                        );
                        text.push_str(&format!(",\"{name}\":"));
                        text.push_str(&quoted);
                    }
                }
            }
            text.push('}');
        }
        text.push_str("\n      ]}");
    }
    text.push_str(if files.is_empty() { "]\n}" } else { "\n  ]\n}" });
    Ok(text)
}

/// Returns how much memory the values take when all of them is escaped: a text that grows leaves copies behind.
fn room(files: &[FileDiff]) -> usize {
    let values = files.iter().flat_map(|file| file.values.values().flatten().flatten());
    let lines: usize = files.iter().map(|file| file.changes.len() + 1).sum();
    values.map(|value| 16 * value.len() + 64).sum::<usize>() + 1024 * lines
}

/// Returns a table for a comment on a pull request. Comments have a limit; what is beyond it is counted.
fn comment(files: &[FileDiff]) -> String {
    if files.is_empty() {
        return "No secret file changed.\n".to_owned();
    }
    let mut text = "| file | change |\n|---|---|\n".to_owned();
    let mut left_out = 0;
    for file in files {
        let name = match &file.old_path {
            Some(old) => format!("{} → {}", code(old), code(&file.path)),
            None => code(&file.path),
        };
        for row in rows(&file.changes) {
            let row = format!("| {name} | {} |\n", markdown(&row));
            if text.len() + row.len() > MAX_COMMENT {
                left_out += 1;
            } else {
                text.push_str(&row);
            }
        }
    }
    if left_out > 0 {
        text.push_str(&format!("\nand {left_out} more: `secret diff` lists them all.\n"));
    }
    text
}

/// Comments on pull requests have at most 65,536 characters.
const MAX_COMMENT: usize = 60_000;
