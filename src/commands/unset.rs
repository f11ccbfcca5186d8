//! `secret unset`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::document;
use crate::workspace::{Error, key_paths, lookup, similar_keys};

/// Remove one key, or all below it
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct UnsetArgs {
    /// The encrypted file
    file: PathBuf,
    /// The key: db.users[0].password, "a.b".c
    key: String,
}

pub const EXAMPLES: &str = "\
Examples:
  secret unset secrets/db.yaml db.port";

pub fn run(arguments: &UnsetArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    let shown = target.shown.clone();
    workspace.refuse_large(&target)?;
    workspace.update(target, |file| {
        let header = file.opened.header.clone();
        let document = file.opened.document().ok_or_else(|| Error::NoKeys { path: shown.clone() })?;
        let text = str::from_utf8(&file.opened.plaintext).expect("a document that was parsed is UTF-8");
        let failed = |source| Error::Edit { path: shown.clone(), source };
        let path = lookup(document, header.format, &arguments.key).map_err(|error| failed(error.into()))?;
        let unset = document::unset(header.format, text, document, &path).map_err(|source| match source {
            document::edit::EditError::NotFound(_) => {
                let keys = key_paths(document);
                let similar = similar_keys(&arguments.key, keys.iter().map(String::as_str));
                Error::KeyNotFound { path: shown.clone(), key: arguments.key.clone(), similar }
            }
            source => failed(source),
        });
        Ok((document::into_bytes(unset?), header))
    })?;
    context.ui.note(&format!("removed {} from {shown}", arguments.key));
    Ok(())
}
