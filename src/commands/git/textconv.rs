//! `secret git textconv`.

use std::path::PathBuf;

use clap::Args;

use crate::commands::{CommandError, Context};
use crate::workspace::{ViewContent, text_view};

/// Print a file as git shows it: in plaintext for who can open it, else without values
///
/// For `diff.secret.textconv`. Asks nothing, and ends well whatever the file is, so that `git log -p` goes on.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct TextconvArgs {
    /// The file, wherever git has put it
    file: PathBuf,
}

pub const EXAMPLES: &str = "\
Examples:
  git config diff.secret.textconv 'secret git textconv'
  secret git textconv secrets/db.yaml";

pub fn run(arguments: &TextconvArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let view = text_view(context.env, context.identities, &arguments.file);
    if let Some(warning) = &view.warning {
        context.ui.warn(warning);
        context.ui.hint("take `diff.NAME.cachetextconv` out of git's settings; values are not shown until then");
    }
    for line in &view.about {
        context.ui.print(line)?;
    }
    match &view.content {
        ViewContent::Lines(lines) => {
            if !lines.is_empty() && !view.about.is_empty() {
                context.ui.print("")?;
            }
            lines.iter().try_for_each(|line| context.ui.print(line))?;
        }
        ViewContent::Text(text) => {
            if !view.about.is_empty() {
                context.ui.print("")?;
            }
            context.ui.reveal_lines(text)?;
        }
    }
    Ok(())
}
