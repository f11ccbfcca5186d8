//! `secret set`.

use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::encrypt::read_stdin;
use super::{CommandError, Context};
use crate::document::{self, edit::NewValue};
use crate::workspace::{Error, Saved, lookup};

/// Set one value, which is asked for
///
/// The value is never an argument: those are seen by others and kept in your shell's history. A key that is not there
/// is added at the end of its map; NAME[n] with n the length of a list adds an item.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct SetArgs {
    /// The encrypted file
    file: PathBuf,
    /// The key: db.users[0].password, "a.b".c
    key: String,
    /// Read the value from standard input; one final line end of a single line is dropped
    #[arg(long, conflicts_with = "from_file")]
    stdin: bool,
    /// Read the value from a file, every byte of it
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// Accept an empty value, from standard input or a file
    #[arg(long)]
    allow_empty: bool,
    /// The value is JSON: a number, true, null, a list, a map
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  openssl rand -hex 16 | secret set secrets/db.yaml db.password --stdin
  echo 5433 | secret set secrets/db.yaml db.port --stdin --json
  secret set secrets/app.env TLS_KEY --from-file key.pem";

pub fn run(arguments: SetArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    let value = read_value(&arguments, context)?;
    let json = match arguments.json {
        // The message of the parser would show a part of the value.
        true => Some(serde_json::from_str(&value).map_err(|error| {
            CommandError::failed(format!("the value is not JSON (line {}, column {})", error.line(), error.column()))
        })?),
        false => None,
    };
    let new = json.as_ref().map_or(NewValue::Text(&value), NewValue::Json);
    let shown = target.shown.clone();
    workspace.refuse_large(&target)?;
    let saved = workspace.update(target, |file| {
        let header = file.opened.header.clone();
        let document = file.opened.document().ok_or_else(|| Error::NoKeys { path: shown.clone() })?;
        let text = str::from_utf8(&file.opened.plaintext).expect("a document that was parsed is UTF-8");
        let failed = |source| Error::Edit { path: shown.clone(), source };
        let path = lookup(document, header.format, &arguments.key).map_err(|error| failed(error.into()))?;
        let text = document::set(header.format, text, document, &path, new).map_err(failed)?;
        Ok((document::into_bytes(text), header))
    })?;
    context.ui.note(&match saved {
        Saved::Changed => format!("set {} in {shown}", arguments.key),
        Saved::Unchanged => format!("{} in {shown} has this value already", arguments.key),
    });
    Ok(())
}

fn read_value(arguments: &SetArgs, context: &Context<'_>) -> Result<Zeroizing<String>, CommandError> {
    let mut bytes = match &arguments.from_file {
        Some(file) => context.read_plaintext(file)?,
        None if arguments.stdin => read_stdin()?,
        None => {
            let value = context
                .ui
                .new_secret(&format!("new value of {}", arguments.key))
                .map_err(|error| CommandError::from(error).hint("give the value with --stdin or --from-file FILE"))?;
            Zeroizing::new(value.expose_secret().as_bytes().to_vec())
        }
    };
    // Nothing at all is also what a program leaves that should have written the value and failed.
    if bytes.is_empty() && !arguments.allow_empty {
        return Err(CommandError::failed("the value is empty")
            .hint("see whether the program that writes it works; if it shall be empty, add --allow-empty"));
    }
    if arguments.stdin {
        drop_line_end(&mut bytes);
    }
    document::into_text(bytes).ok_or_else(|| {
        CommandError::failed("the value is not UTF-8 text")
            .hint("encrypt it as a file of its own, or encode it (base64)")
    })
}

/// Drops the line end of a single line, as `echo` writes it.
pub(super) fn drop_line_end(bytes: &mut Zeroizing<Vec<u8>>) {
    let line_end = if bytes.ends_with(b"\r\n") { 2 } else { usize::from(bytes.ends_with(b"\n")) };
    let line = bytes.len() - line_end;
    if !bytes[..line].contains(&b'\n') {
        bytes.truncate(line);
    }
}
