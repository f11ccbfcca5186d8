//! `secret ls`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::{Listed, State};

/// List encrypted files, or the keys of one
///
/// Shows no value, and needs no identity.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct LsArgs {
    /// A folder or an encrypted file
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret ls
  secret ls secrets/db.yaml";

pub fn run(arguments: &LsArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.path)?;
    match workspace.list(&arguments.path)? {
        Listed::Keys(keys) if arguments.json => {
            Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "keys": keys }))?)
        }
        Listed::Keys(keys) => Ok(context.ui.print_table(&keys.into_iter().map(|key| [key]).collect::<Vec<_>>())?),
        Listed::Files(files) if arguments.json => {
            let files: Vec<serde_json::Value> =
                files.iter().map(|(path, state)| serde_json::json!({ "file": path, "state": state.name() })).collect();
            Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "files": files }))?)
        }
        Listed::Files(files) => {
            let rows: Vec<[String; 2]> = files
                .into_iter()
                .map(|(path, state)| {
                    [path, if state == State::Encrypted { String::new() } else { state.name().to_owned() }]
                })
                .collect();
            Ok(context.ui.print_table(&rows)?)
        }
    }
}
