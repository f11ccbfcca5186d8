//! `secret get`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::{Error, View, key_paths, lookup, similar_keys};

/// Print one value, exactly as it is
///
/// A value is printed without a line end, but for a terminal. Lists and maps are printed as JSON.
#[derive(Args)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
#[command(after_help = EXAMPLES)]
pub struct GetArgs {
    /// The encrypted file
    file: PathBuf,
    /// The key: db.users[0].password, "a.b".c
    key: String,
    /// Print JSON also for one value
    #[arg(long)]
    json: bool,
    /// Accept a file at another path than it was encrypted for
    #[arg(long)]
    at_any_path: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret get secrets/db.yaml db.password
  secret get secrets/db.yaml db --json
  secret get secrets/app.env API_TOKEN";

pub fn run(arguments: &GetArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    workspace.refuse_large(&target)?;
    let file = workspace.open(target, arguments.at_any_path)?;
    let shown = || file.target.shown.clone();
    let document = file.opened.document().ok_or_else(|| Error::NoKeys { path: shown() })?;
    let format = file.opened.header.format;
    let path = lookup(document, format, &arguments.key).map_err(CommandError::usage)?;
    let text = str::from_utf8(&file.opened.plaintext).expect("a document that was parsed is UTF-8");
    let view = View::of(document, format, text);
    let Some((node, index)) = view.find(&path) else {
        let keys = key_paths(document);
        let similar = similar_keys(&arguments.key, keys.iter().map(String::as_str));
        return Err(Error::KeyNotFound { path: shown(), key: arguments.key.clone(), similar }.into());
    };
    match view.leaf(node) {
        Some(leaf) if !arguments.json => Ok(context.ui.reveal(leaf.value.as_bytes())?),
        _ => {
            let json = view.json(node, index).map_err(|error| CommandError::failed(format!("{}: {error}", shown())))?;
            Ok(context.ui.reveal_json(&json)?)
        }
    }
}
