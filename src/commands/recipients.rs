//! Public keys as users give them: as arguments, or in files.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::{CommandError, Context};
use crate::fs;
use crate::keys::Recipient;
use crate::policy::{MemberKind, parse_day};
use crate::workspace::Workspace;

/// Public keys.
#[derive(Args)]
pub struct RecipientArgs {
    /// Public keys: age1…, "ssh-ed25519 AAAA…"
    #[arg(value_name = "RECIPIENT")]
    recipients: Vec<String>,
    /// Take the public keys of a file, one a line: a list of recipients, or a .pub file of ssh (can be repeated)
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
}

impl RecipientArgs {
    /// Reads the keys; there may be none.
    ///
    /// # Errors
    /// When one is no public key, or a file cannot be read or has none.
    pub fn read(&self, context: &Context<'_>) -> Result<Vec<Recipient>, CommandError> {
        let mut recipients = Vec::new();
        for text in &self.recipients {
            recipients.push(text.parse().map_err(|error: crate::keys::RecipientError| CommandError::failed(error))?);
        }
        for path in &self.from {
            recipients.extend(read_file(path, context)?);
        }
        Ok(recipients)
    }
}

fn read_file(path: &PathBuf, context: &Context<'_>) -> Result<Vec<Recipient>, CommandError> {
    let shown = path.display();
    let bytes = fs::read_named(&context.env.current_dir().join(path), MAX_FILE)
        .map_err(|error| CommandError::failed(format!("cannot read {shown}: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| CommandError::failed(format!("{shown} is not text")))?;
    let mut recipients = Vec::new();
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The error never repeats the line, which may be a private key.
        let recipient = line.parse().map_err(|error: crate::keys::RecipientError| {
            CommandError::failed(format!("{shown}:{number}: {error}"))
                .hint("give the file with the public keys: one recipient a line, or the .pub file of an ssh key")
        })?;
        recipients.push(recipient);
    }
    if recipients.is_empty() {
        return Err(CommandError::failed(format!("{shown} has no public key in it")));
    }
    Ok(recipients)
}

/// Says where the name of a newcomer is that of a former reader: files tell people apart by their names.
pub fn warn_of_namesake(name: &str, workspace: &Workspace<'_>, context: &Context<'_>) {
    // What cannot be read is for the commands that need it to say.
    if workspace.has_former_reader(name).unwrap_or(false) {
        context.ui.warn(&format!(
            "files record a former reader {name}: unless this is the same person, take another name, or `due` and \
             `access --history` mix up the two"
        ));
    }
}

/// Reads a kind of member.
pub fn parse_kind(text: &str) -> Result<MemberKind, &'static str> {
    MemberKind::from_name(text).ok_or("a member is a person, a machine or break-glass")
}

/// Reads the last day of a membership.
pub fn parse_last_day(text: &str) -> Result<Date, &'static str> {
    parse_day(text).ok_or("a day is written as 2027-01-31")
}

/// Refuses a last day that is over.
///
/// # Errors
/// When it is.
pub fn refuse_past(expires: Option<Date>, context: &Context<'_>) -> Result<(), CommandError> {
    match expires {
        Some(day) if day < context.env.today() => {
            Err(CommandError::usage(format!("{day} is past: nobody could be let in"))
                .hint("give a day to come, or end a membership with `secret member remove NAME`"))
        }
        _ => Ok(()),
    }
}

const MAX_FILE: usize = 1 << 20;
