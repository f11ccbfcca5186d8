//! `secret get`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::envelope::native::Opened;
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
    reveal(&file.opened, &file.target.shown, &arguments.key, arguments.json, context)
}

/// Prints one value of a file that was opened; `shown` is what messages call it.
pub(super) fn reveal(
    opened: &Opened,
    shown: &str,
    key: &str,
    as_json: bool,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let document = opened.document().ok_or_else(|| Error::NoKeys { path: shown.to_owned() })?;
    let format = opened.header.format;
    let path = lookup(document, format, key).map_err(CommandError::usage)?;
    let text = str::from_utf8(&opened.plaintext).expect("a document that was parsed is UTF-8");
    let view = View::of(document, format, text);
    let Some((node, index)) = view.find(&path) else {
        let keys = key_paths(document);
        let similar = similar_keys(key, keys.iter().map(String::as_str));
        return Err(Error::KeyNotFound { path: shown.to_owned(), key: key.to_owned(), similar }.into());
    };
    match view.leaf(node) {
        Some(leaf) if !as_json => Ok(context.ui.reveal(leaf.value.as_bytes())?),
        _ => {
            let json = view.json(node, index).map_err(|error| CommandError::failed(format!("{shown}: {error}")))?;
            Ok(context.ui.reveal_json(&json)?)
        }
    }
}
