//! `secret completions`.

use clap::Args;
use clap_complete::Shell;

use super::{CommandError, Context};

/// Print a script that completes this command line in a shell
///
/// Have the shell read it at its start: see the examples, or put it where the shell looks for such scripts. It is made
/// from the command line alone, and completes commands, options and names of files.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub const EXAMPLES: &str = "\
Examples:
  secret completions bash > ~/.secret-completion.bash && echo '. ~/.secret-completion.bash' >> ~/.bashrc
  secret completions fish > ~/secret.fish
  secret completions zsh > ~/_secret";

pub fn run(arguments: &CompletionsArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "secret", &mut script);
    Ok(context.ui.print_text(&String::from_utf8_lossy(&script))?)
}
