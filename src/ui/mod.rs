//! The terminal: the only part that prints and asks.
//!
//! Values go to stdout, everything else to stderr. Text that somebody else wrote (key names, paths, metadata) could steer
//! a terminal or pose as a line of ours. So what is said is one line a call, and escaped as a whole here.

#![allow(clippy::disallowed_methods, reason = "this is the one place that prints")]

mod count;
mod escaped;
mod hidden;
pub mod html;
mod progress;
mod table;

use std::io::{self, IsTerminal, Write};

use dialoguer::theme::SimpleTheme;
use secrecy::{ExposeSecret, SecretString};

use crate::keys::{Prompt, PromptError};

pub use count::count;
use escaped::Escaped;
use hidden::ask_hidden;
pub use progress::Progress;
pub use table::table;

/// Has a panic say where it happened, and nothing else: its own message may quote a text, and texts are secret here.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        to_stderr("error: ", &format!("a mistake in secret itself, at {place}"));
        to_stderr("hint: ", "report this place, what you ran and `secret --version`; no secret is in this message");
    }));
}

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
        let Ok(text) = str::from_utf8(value) else {
            self.note(&format!("{} bytes that are not text; send them to a file with -o or >", value.len()));
            return Ok(());
        };
        write!(stdout, "{}", Escaped::text(text))?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// Writes the lines of a text for a reader of lines: what is not plainly visible is escaped, also where that is no
    /// terminal, as whoever asked shows it on one.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn reveal_lines(&self, text: &[u8]) -> io::Result<()> {
        let text = str::from_utf8(text).map_err(io::Error::other)?;
        let mut stdout = io::stdout().lock();
        if text.lines().all(escaped::is_plain) {
            stdout.write_all(text.as_bytes())?;
            return stdout.flush();
        }
        for line in text.split_inclusive('\n') {
            let (line, end) = match line.strip_suffix('\n') {
                Some(line) => line.strip_suffix('\r').map_or((line, "\n"), |line| (line, "\r\n")),
                None => (line, ""),
            };
            write!(stdout, "{}{end}", Escaped::text(line))?;
        }
        stdout.flush()
    }

    /// Writes a secret value that comes piece by piece to stdout, exactly. It is too long for a terminal: there only
    /// that is said.
    ///
    /// # Errors
    /// What `give` says, and when stdout cannot be written.
    pub fn reveal_stream<E>(
        &self,
        give: impl FnOnce(&mut (dyn FnMut(&[u8]) -> io::Result<()> + Send)) -> Result<io::Result<()>, E>,
    ) -> Result<io::Result<()>, E> {
        if io::stdout().is_terminal() {
            self.note("the content is too long for a terminal; send it to a file with -o or >");
            return Ok(Ok(()));
        }
        give(&mut |piece| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(piece)?;
            stdout.flush()
        })
    }

    /// Writes secret values as JSON; on a terminal it is spelled without control characters, and means the same.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn reveal_json(&self, json: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        if stdout.is_terminal() {
            writeln!(stdout, "{}", Escaped::json(json))?;
        } else {
            writeln!(stdout, "{json}")?;
        }
        stdout.flush()
    }

    /// Writes one line of data that holds no secret to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print(&self, line: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", Escaped::line(line))?;
        stdout.flush()
    }

    /// Writes lines of data that hold no secret to stdout, as they are.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print_text(&self, text: &str) -> io::Result<()> {
        self.reveal(text.as_bytes())
    }

    /// Writes rows of data that hold no secret to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print_table<const N: usize>(&self, rows: &[[String; N]]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(table(rows).as_bytes())?;
        stdout.flush()
    }

    /// Writes data that holds no secret as JSON to stdout.
    ///
    /// # Errors
    /// When stdout cannot be written.
    pub fn print_json(&self, value: &serde_json::Value) -> io::Result<()> {
        self.reveal_json(&serde_json::to_string_pretty(value).map_err(io::Error::other)?)
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

    /// Tells more of what failed.
    pub fn more(&self, text: &str) {
        to_stderr("", text);
    }

    /// Tells what to do next.
    pub fn hint(&self, text: &str) {
        to_stderr(&self.colored("hint: ", "36"), text);
    }

    /// Shows how far a long work is, on a terminal: so many of `total` files are `done`.
    pub fn progress(&self, done: &'static str, total: usize) -> Progress {
        Progress::new(done, total, !self.is_quiet && io::stderr().is_terminal())
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
        self.at_terminal()?;
        dialoguer::Confirm::with_theme(&SimpleTheme)
            .with_prompt(Escaped::line(question).to_string())
            .default(false)
            .interact()
            .map_err(|dialoguer::Error::IO(error)| prompt_error(error))
    }

    /// Asks for a new secret, twice, without showing it.
    ///
    /// # Errors
    /// Without a terminal.
    pub fn new_secret(&self, prompt: &str) -> Result<SecretString, PromptError> {
        self.at_terminal()?;
        loop {
            let secret = ask_hidden(&Escaped::line(prompt).to_string())?;
            if ask_hidden("again")?.expose_secret() == secret.expose_secret() {
                return Ok(secret);
            }
            to_stderr("", "they differ; once more");
        }
    }

    fn at_terminal(&self) -> Result<(), PromptError> {
        if self.has_terminal() { Ok(()) } else { Err(PromptError::NoTerminal) }
    }

    fn colored(&self, text: &str, color: &str) -> String {
        if self.has_color { format!("\u{1b}[{color}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Prompt for Ui {
    fn passphrase(&self, prompt: &str) -> Result<SecretString, PromptError> {
        self.at_terminal()?;
        ask_hidden(&Escaped::line(prompt).to_string())
    }

    fn answer(&self, prompt: &str) -> Result<String, PromptError> {
        self.at_terminal()?;
        dialoguer::Input::with_theme(&SimpleTheme)
            .with_prompt(Escaped::line(prompt).to_string())
            .allow_empty(true)
            .interact_text()
            .map_err(|dialoguer::Error::IO(error)| prompt_error(error))
    }

    fn confirm(&self, question: &str) -> Result<bool, PromptError> {
        Ui::confirm(self, question)
    }

    fn message(&self, text: &str) {
        to_stderr("", text);
    }
}

/// Returns a text as a part of a line: what is not plainly visible is spelled out.
pub fn one_line(text: &str) -> String {
    Escaped::line(text).to_string()
}

/// Appends one line to a text that is printed later: whatever is in it, it is one.
pub fn push_line(text: &mut String, line: &str) {
    use std::fmt::Write as _;
    let _ = writeln!(text, "{}", Escaped::line(line));
}

/// Writes one line. Whether anybody can read it does not decide whether a command works.
fn to_stderr(label: &str, text: &str) {
    let _ = io::stderr().write_all(format!("{label}{}\n", Escaped::line(text)).as_bytes());
}

fn prompt_error(error: io::Error) -> PromptError {
    if error.kind() == io::ErrorKind::Interrupted { PromptError::Interrupted } else { PromptError::Io(error) }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    /// Runs in a process of its own, so that the other tests keep their messages.
    #[test]
    fn a_panic_names_its_place_and_not_the_text_that_it_is_about() {
        const CHILD: &str = "SECRET_TEST_PANIC";
        let text = std::env::var(CHILD).unwrap_or_default();
        if !text.is_empty() {
            super::quiet_panics();
            // Quotes all of the text by itself.
            let _ = &text[1000..];
        }
        let child = Command::new(std::env::current_exe().expect("this program"))
            .args(["ui::tests::a_panic_names_its_place_and_not_the_text_that_it_is_about", "--exact", "--nocapture"])
            .envs([(CHILD, "canary-hunter2"), ("RUST_BACKTRACE", "full")])
            .output()
            .expect("the test runs");
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(said.contains("error: a mistake in secret itself, at src/ui/mod.rs:"), "{said}");
        assert!(!child.status.success() && !said.contains("canary"), "{said}");
        assert!(!String::from_utf8_lossy(&child.stdout).contains("canary"));
    }
}
