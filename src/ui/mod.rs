//! The terminal: the only part that prints and asks.
//!
//! Values go to stdout, everything else to stderr. Text that somebody else wrote (key names, paths, metadata) is
//! escaped before it meets a terminal.

#![allow(clippy::disallowed_methods, reason = "this is the one place that prints")]

mod sanitize;
mod table;

use std::io::{self, IsTerminal, Write};

use dialoguer::theme::SimpleTheme;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::keys::{Prompt, PromptError};

pub use sanitize::sanitize;
pub use table::table;

/// The three standard streams, and what the user wants to see on them.
pub struct Ui {
    is_quiet: bool,
    has_color: bool,
}

impl Ui {
    /// Looks at the streams of this process. `is_quiet` drops notes; warnings and errors stay.
    pub fn new(env: &crate::env::Env, is_quiet: bool) -> Self {
        let has_color =
            io::stderr().is_terminal() && env.var("NO_COLOR").is_none() && env.var("TERM") != Some("dumb".as_ref());
        Self { is_quiet, has_color }
    }

    /// Returns one that knows nothing of the user's wishes.
    pub fn plain() -> Self {
        Self { is_quiet: false, has_color: false }
    }

    /// Writes a secret value exactly as it is. On a terminal control characters are escaped and a line end is added.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn reveal(&self, value: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        if !stdout.is_terminal() {
            stdout.write_all(value)?;
            return stdout.flush();
        }
        let shown = match str::from_utf8(value) {
            Ok(text) => Zeroizing::new(sanitize(text)),
            Err(_) => {
                self.note(&format!("{} bytes that are not text; send them to a file with -o or >", value.len()));
                return Ok(());
            }
        };
        stdout.write_all(shown.as_bytes())?;
        if !shown.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// Writes lines of data that hold no secret to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        if stdout.is_terminal() {
            stdout.write_all(sanitize(text).as_bytes())?;
        } else {
            stdout.write_all(text.as_bytes())?;
        }
        if !text.is_empty() && !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// Writes a value as JSON to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print_json(&self, value: &serde_json::Value) -> io::Result<()> {
        let text = Zeroizing::new(serde_json::to_string_pretty(value).map_err(io::Error::other)?);
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.write_all(b"\n")?;
        stdout.flush()
    }

    /// Tells what was done.
    pub fn note(&self, text: &str) {
        if !self.is_quiet {
            to_stderr("", text);
        }
    }

    /// Tells what the user should know although it worked.
    pub fn warn(&self, text: &str) {
        to_stderr(&self.colored("warning: ", "33"), text);
    }

    /// Tells what failed.
    pub fn error(&self, text: &str) {
        to_stderr(&self.colored("error: ", "31"), text);
    }

    /// Tells what to do next.
    pub fn hint(&self, text: &str) {
        to_stderr(&self.colored("hint: ", "36"), text);
    }

    /// Tells whether questions can be asked.
    pub fn has_terminal(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks a question whose answer is no unless the user says yes.
    ///
    /// # Errors
    /// Without a terminal.
    pub fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        if !self.has_terminal() {
            return Err(PromptError::NoTerminal);
        }
        dialoguer::Confirm::with_theme(&SimpleTheme)
            .with_prompt(sanitize(question))
            .default(false)
            .interact()
            .map_err(|dialoguer::Error::IO(error)| prompt_error(error))
    }

    /// Asks for a new secret, twice, without showing it.
    ///
    /// # Errors
    /// Without a terminal.
    pub fn new_secret(&self, prompt: &str) -> Result<SecretString, PromptError> {
        if !self.has_terminal() {
            return Err(PromptError::NoTerminal);
        }
        dialoguer::Password::with_theme(&SimpleTheme)
            .with_prompt(sanitize(prompt))
            .with_confirmation("again", "they differ; once more")
            .interact()
            .map(SecretString::from)
            .map_err(|dialoguer::Error::IO(error)| prompt_error(error))
    }

    fn colored(&self, text: &str, color: &str) -> String {
        if self.has_color { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Prompt for Ui {
    fn passphrase(&self, prompt: &str) -> Result<SecretString, PromptError> {
        if !self.has_terminal() {
            return Err(PromptError::NoTerminal);
        }
        dialoguer::Password::with_theme(&SimpleTheme)
            .with_prompt(sanitize(prompt))
            .interact()
            .map(SecretString::from)
            .map_err(|dialoguer::Error::IO(error)| prompt_error(error))
    }
}

#[expect(clippy::print_stderr, reason = "the one place that writes to stderr")]
fn to_stderr(label: &str, text: &str) {
    eprintln!("{label}{}", sanitize(text));
}

fn prompt_error(error: io::Error) -> PromptError {
    if error.kind() == io::ErrorKind::Interrupted { PromptError::Interrupted } else { PromptError::Io(error) }
}
