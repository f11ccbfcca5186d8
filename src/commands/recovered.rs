//! What is said when a killed process had left several files half replaced.

use std::path::PathBuf;

use super::CommandError;
use crate::fs::Recovery;
use crate::policy::FILE_NAME;
use crate::ui::{Ui, count};
use crate::workspace::Workspace;

/// Finishes or undoes what a killed process has left, and says so.
///
/// # Errors
/// When that cannot be done, or files were changed meanwhile: those are left as they are.
pub fn recover(workspace: &Workspace<'_>, ui: &Ui) -> Result<(), CommandError> {
    match workspace.recover()? {
        None => Ok(()),
        Some(Recovery::Undone) => {
            ui.warn("a rekey was interrupted before it had replaced anything; what it had prepared is removed");
            Ok(())
        }
        Some(Recovery::Finished { files, left }) if left.is_empty() => {
            let are = format!("{} {}", count(files.len(), "file"), if files.len() == 1 { "is" } else { "are" });
            let named = named(&files, workspace).join(", ");
            ui.warn(&format!("a rekey that was interrupted is finished: {are} replaced: {named}"));
            Ok(())
        }
        Some(Recovery::Abandoned { replaced, left }) => {
            let what = format!(
                "a rekey was interrupted, and {FILE_NAME} is another one since: {} left as {}",
                count(left.len(), "file"),
                if left.len() == 1 { "it is" } else { "they are" }
            );
            if replaced.is_empty() {
                ui.warn(&what);
                return Ok(());
            }
            let what = format!("{what}; what it had written already stands in these");
            let hint =
                "look at them: `git checkout` takes them back, `secret rekey` brings them in line with the policy";
            Err(CommandError::failed(what).more(lines(&replaced, workspace)).hint(hint))
        }
        Some(Recovery::Finished { files, left }) => {
            let count = left.len();
            let what = format!(
                "a rekey that was interrupted is finished for {} of {} files; {count} changed meanwhile, and {} as it is",
                files.len(),
                files.len() + count,
                if count == 1 { "is left" } else { "each is left" }
            );
            let hint = "look at what changed, then run `secret rekey`";
            Err(CommandError::failed(what).more(lines(&left, workspace)).hint(hint))
        }
    }
}

/// Names files, a line each; of many the first.
fn lines(files: &[PathBuf], workspace: &Workspace<'_>) -> Vec<String> {
    named(files, workspace).into_iter().map(|name| format!("  {name}")).collect()
}

/// Names files; of many the first.
fn named(files: &[PathBuf], workspace: &Workspace<'_>) -> Vec<String> {
    let mut names: Vec<String> =
        files.iter().take(SHOWN).map(|path| workspace.from_here(&path.to_string_lossy())).collect();
    let more = files.len().saturating_sub(SHOWN);
    names.extend((more > 0).then(|| format!("and {more} more")));
    names
}

const SHOWN: usize = 10;
