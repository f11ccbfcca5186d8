//! What is said when a killed process had left several files half replaced.

use super::CommandError;
use crate::fs::Recovery;
use crate::ui::Ui;
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
            let files = if files == 1 { "1 file is".to_owned() } else { format!("{files} files are") };
            ui.warn(&format!("a rekey that was interrupted is finished: {files} replaced"));
            Ok(())
        }
        Some(Recovery::Finished { files, left }) => {
            let left: Vec<String> = left.iter().map(|path| format!("  {}", path.display())).collect();
            let count = left.len();
            let what = format!(
                "a rekey that was interrupted is finished for {files} of {} files; {count} changed meanwhile, and {} as it is",
                files + count,
                if count == 1 { "is left" } else { "each is left" }
            );
            Err(CommandError::failed(what).more(left).hint("look at what changed, then run `secret rekey`"))
        }
    }
}
