//! Where a report may be written: to a new file, or in place of an earlier report. A slip of the hand must not cost a
//! private key, a secret, or what git itself reads.

use std::path::Path;

use crate::commands::{CommandError, Context};
use crate::envelope::native::MAX_ENCRYPTED;
use crate::fs::{self, Expect, Mode, Snapshot};
use crate::policy::FILE_NAME;

/// Writes a report to a file that the user names.
///
/// # Errors
/// When the place is for something else, or a file that is no report stands there. It is as it was, then.
pub(super) fn write(output: &Path, text: &str, context: &Context<'_>) -> Result<(), CommandError> {
    if is_gits(output) {
        let shown = output.display();
        return Err(CommandError::failed(format!("{shown} is no place for a report: git itself reads it"))
            .hint("name another file"));
    }
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
            if !is_report(&former) {
                let shown = &target.shown;
                return Err(CommandError::failed(format!(
                    "{shown} is no report of `secret status`, and is not replaced"
                ))
                .hint("name another file, or remove this one first"));
            }
            Some(Snapshot::of(&former))
        }
    };
    let expect = former.as_ref().map_or(Expect::Absent, Expect::Unchanged);
    Ok(fs::replace(&target.path, workspace.within(), text.as_bytes(), expect, Mode::KeepOr(0o666))?)
}

/// Tells whether git takes a file for its own; without regard to case, as some file systems look for it.
fn is_gits(path: &Path) -> bool {
    let is = |name: &std::ffi::OsStr, own: &str| name.eq_ignore_ascii_case(own);
    path.iter().any(|name| is(name, ".git"))
        || path.file_name().is_some_and(|name| GITS.iter().any(|own| is(name, own)))
}

/// Tells whether a file is what this command writes, in any of its formats, or has nothing in it that could be lost.
fn is_report(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    text.is_empty()
        || text.starts_with("<!DOCTYPE html>") && text.contains(PAGE_MARK)
        || text.starts_with(MARKDOWN_START)
        || is_text_report(text)
        || is_json_report(content)
}

/// The first line counts the files by their states.
fn is_text_report(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default();
    let counted = line.split_once(' ').filter(|(count, _)| count.bytes().all(|byte| byte.is_ascii_digit()));
    counted.is_some_and(|(_, rest)| {
        rest.strip_prefix("file").map(|rest| rest.trim_start_matches('s')).is_some_and(|rest| {
            rest.starts_with(": ") && [" in line, ", " drift, ", " broken"].iter().all(|word| rest.contains(word))
        })
    })
}

fn is_json_report(content: &[u8]) -> bool {
    content.starts_with(b"{")
        && serde_json::from_slice::<serde_json::Value>(content).is_ok_and(|report| {
            ["version", "repository", "today", "members", "summary"].iter().all(|field| report.get(field).is_some())
        })
}

/// What the page has in it, whatever the repository is called; names are escaped.
const PAGE_MARK: &str = "<p class=\"kicker\">secret status</p>";
/// How the tables for a comment begin.
pub(super) const MARKDOWN_START: &str = "## Secrets on ";
const GITS: [&str; 4] = [".gitattributes", ".gitignore", ".gitmodules", ".mailmap"];
