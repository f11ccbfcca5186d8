//! How a failed command ends: its message, its hints and its exit code. Exit codes are given here and nowhere else.

use std::io;

use super::hint::{hints_of, plugin_hint, quote, settings_hint, unwrap_hint};
use crate::document::{self};
use crate::envelope::native::{CarrierError, ReadError};
use crate::fs::FsError;
use crate::keys::{PluginError, PromptError, SettingsError, UnwrapError};
use crate::policy::edit::EditError;
use crate::process::{Ended, ProcessError};
use crate::ui::Ui;
use crate::workspace::deploy::DeployError;
use crate::workspace::{Error, HistoryError, NewIdentityError};

/// A command that failed.
#[derive(Debug)]
pub struct CommandError {
    exit: Exit,
    error: anyhow::Error,
    /// More of what failed, each a line.
    more: Vec<String>,
    hints: Vec<String>,
    /// Whether another text would help.
    is_in_text: bool,
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:#}", self.error)
    }
}

/// Why a command ended; the numbers are documented in docs/commands.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// Whoever read our output stopped reading: nothing is wrong.
    BrokenPipe = 0,
    /// It failed.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The check says no.
    No = 3,
    /// No identity opens the file.
    NoIdentity = 4,
    /// The file is not authentic.
    NotAuthentic = 5,
    /// The program that `exec` was to run cannot be run; as shells do.
    CannotRun = 126,
    /// There is no such program; as shells do.
    NoProgram = 127,
    /// The terminal went away; as shells do, 128 and the number of the signal.
    HungUp = 129,
    /// Ctrl-C was pressed.
    Interrupted = 130,
    /// Ctrl-\ was pressed.
    Quit = 131,
    /// Somebody ended it.
    Terminated = 143,
}

impl Exit {
    fn of_signal(signal: i32) -> Self {
        match signal {
            1 => Self::HungUp,
            3 => Self::Quit,
            15 => Self::Terminated,
            _ => Self::Interrupted,
        }
    }
}

impl CommandError {
    /// Builds a failure with a message of the command's own.
    pub fn failed(message: impl std::fmt::Display) -> Self {
        let error = anyhow::anyhow!("{message}");
        Self { exit: Exit::Failed, error, more: Vec::new(), hints: Vec::new(), is_in_text: false }
    }

    /// Builds a failure of arguments that exclude each other.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, ..Self::failed(message) }
    }

    /// Builds a failure because no identity at hand opens what must be opened.
    pub fn not_for_you(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::NoIdentity, ..Self::failed(message) }
    }

    /// Builds a failure because a file is not what its readers wrote.
    pub fn not_authentic(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::NotAuthentic, ..Self::failed(message) }
    }

    /// Builds the end of a check that found something.
    pub fn no(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::No, ..Self::failed(message) }
    }

    /// Builds the failure of an identity that the user named.
    pub fn identity(error: &UnwrapError) -> Self {
        let hints = unwrap_hint(error, &[]);
        Self { exit: Exit::NoIdentity, hints, ..Self::failed(error) }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds more of what failed, each a line.
    #[must_use]
    pub fn more(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.more.extend(lines);
        self
    }

    /// Tells whether the user can do something about it in the editor.
    pub fn can_be_corrected(&self) -> bool {
        self.is_in_text
    }

    /// Returns what failed and what to do next, each in one line, for a command that lists failures.
    pub fn in_lines(&self) -> (String, Option<String>) {
        let lines: Vec<String> = [format!("{:#}", self.error)].into_iter().chain(self.more.iter().cloned()).collect();
        (lines.join("; "), (!self.hints.is_empty()).then(|| self.hints.join("; ")))
    }

    /// Says what failed and returns the exit code.
    pub fn report(&self, ui: &Ui) -> u8 {
        if self.exit != Exit::BrokenPipe {
            ui.error(&format!("{:#}", self.error));
            self.more.iter().for_each(|line| ui.more(line));
            self.hints.iter().for_each(|hint| ui.hint(hint));
        }
        self.exit as u8
    }

    /// Returns the failure of several files: all were reported, the worst code counts.
    pub fn worst(errors: Vec<Self>, ui: &Ui) -> Result<(), Self> {
        // 5 is worse than 4, and 4 than 1.
        let Some(worst) = errors.iter().map(|error| error.exit).max() else { return Ok(()) };
        if let [_] = errors.as_slice() {
            return errors.into_iter().next().map_or(Ok(()), Err);
        }
        let count = errors.len();
        for error in errors {
            error.report(ui);
        }
        Err(Self { exit: worst, ..Self::failed(format!("{count} files failed")) })
    }
}

/// Returns the exit code of a program that was run for the user; as shells do for one that a signal has ended.
pub fn code_of(ended: Ended) -> u8 {
    let code = match ended {
        Ended::Exited(code) => code,
        Ended::Killed(signal) => 128 + signal,
    };
    u8::try_from(code & 255).expect("of 256 values")
}

/// Shows what clap says, help included, and returns the exit code.
pub fn usage(error: &clap::Error) -> u8 {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage as u8 } else { 0 }
}

/// Says that the working directory cannot be read, and returns the exit code.
pub fn without_environment(error: &io::Error) -> u8 {
    let ui = Ui::plain();
    ui.error(&format!("cannot find out the working directory: {error}"));
    Exit::Failed as u8
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let exit = exit_of(&error);
        let hints = hints_of(&error);
        // The causes are in the messages already.
        let is_in_text = matches!(
            error,
            Error::Syntax { .. }
                | Error::Seal { .. }
                | Error::MetadataMissing { .. }
                | Error::MetadataValue { .. }
                | Error::Recipe(_)
                | Error::PastDay { .. }
        );
        let mut messages = messages(&error).into_iter();
        let first = messages.next().unwrap_or_default();
        Self { exit, more: messages.collect(), hints, is_in_text, ..Self::failed(first) }
    }
}

/// Returns what is to be said, each a line.
fn messages(error: &Error) -> Vec<String> {
    match error {
        Error::Policy(errors) => errors.lines(),
        // Of a policy that is only proposed: its lines are nowhere to be seen.
        Error::PolicyEdit(EditError::Invalid(errors)) => {
            errors.errors.iter().map(|error| error.problem.to_string()).collect()
        }
        _ => vec![message(error)],
    }
}

/// Returns the message with the causes that it does not say itself.
fn message(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl From<DeployError> for CommandError {
    fn from(error: DeployError) -> Self {
        let hint = match &error {
            DeployError::Collision { .. } => "leave one out with --except KEY, or rename it".to_owned(),
            DeployError::Dangerous { name, .. } => {
                format!("rename it or leave it out with --except KEY; if that is what you want, add --allow {name}")
            }
            DeployError::Encrypted { .. } => {
                "decrypt it with the program that encrypted it, and set the result with `secret set`".to_owned()
            }
            DeployError::IllegalName { .. } => {
                "names have letters, digits and `_`, and begin with no digit; leave it out with --except KEY".to_owned()
            }
            DeployError::Nul { .. } | DeployError::NoValue { .. } => "leave it out with --except KEY".to_owned(),
            DeployError::Opaque { file } => format!("read all of it with `secret decrypt {}`", quote(file)),
            DeployError::SeveralDocuments { file } => {
                format!("`secret get {} @2` prints the second one", quote(file))
            }
            DeployError::Unholdable { format: "dotenv", .. } => {
                "use `secret exec`, or another --format: shell holds every text".to_owned()
            }
            DeployError::Unholdable { .. } => "use another --format".to_owned(),
            DeployError::Unmatched { similar, .. } if !similar.is_empty() => {
                format!("did you mean {}?", similar.join(" or "))
            }
            DeployError::Unmatched { .. } => "`secret ls FILE` lists the keys of a file".to_owned(),
            _ => return Self::failed(message(&error)),
        };
        Self::failed(message(&error)).hint(hint)
    }
}

impl From<FsError> for CommandError {
    fn from(error: FsError) -> Self {
        Error::from(error).into()
    }
}

impl From<NewIdentityError> for CommandError {
    fn from(error: NewIdentityError) -> Self {
        match error {
            NewIdentityError::Fs(FsError::Exists { path }) => {
                Self::failed(format!("{} exists already; an identity is never overwritten", path.display()))
                    .hint("run `secret whoami` to see it, or `secret keygen -o FILE` for another one")
            }
            error => Self::failed(message(&error)),
        }
    }
}

impl From<PluginError> for CommandError {
    fn from(error: PluginError) -> Self {
        Self { hints: plugin_hint(&error), ..Self::failed(message(&error)) }
    }
}

impl From<ProcessError> for CommandError {
    fn from(error: ProcessError) -> Self {
        let (exit, hint) = match &error {
            ProcessError::NotFound { .. } => (Exit::NoProgram, None),
            ProcessError::NotExecutable { .. } => (Exit::CannotRun, None),
            ProcessError::Spawn { source, .. }
                if source.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) =>
            {
                (Exit::CannotRun, Some("a script begins with the program that runs it, as `#!/bin/sh`"))
            }
            ProcessError::Spawn { .. } => (Exit::CannotRun, None),
            ProcessError::TooLarge { .. } => {
                (Exit::CannotRun, Some("hand less to it with --only KEY, or large values as files with `secret get`"))
            }
            _ => (Exit::Failed, None),
        };
        let failed = Self { exit, ..Self::failed(message(&error)) };
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}

impl From<PromptError> for CommandError {
    fn from(error: PromptError) -> Self {
        Self::failed(message(&error))
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        Self { hints: settings_hint(&error.path, &error.problem), ..Self::failed(message(&error)) }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        let exit = if error.kind() == io::ErrorKind::BrokenPipe { Exit::BrokenPipe } else { Exit::Failed };
        Self { exit, ..Self::failed(format!("cannot write to stdout: {error}")) }
    }
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::AtOtherPath { .. }
        | Error::Drifted { .. }
        | Error::NotAFollower { .. }
        | Error::NotAuthentic { .. }
        | Error::RolledBack { .. }
        | Error::SealsLess { .. }
        | Error::TwoPaths { .. } => Exit::NotAuthentic,
        Error::Read { source, .. } => match source {
            ReadError::Conflict { .. } => Exit::Failed,
            ReadError::Carrier(CarrierError::NewerVersion { .. }) => Exit::Failed,
            _ => Exit::NotAuthentic,
        },
        Error::Unwrap { source, .. } => match source {
            UnwrapError::Malformed(_) | UnwrapError::NotAuthentic => Exit::NotAuthentic,
            _ => Exit::NoIdentity,
        },
        Error::Identity(_) => Exit::NoIdentity,
        Error::Process(ProcessError::Interrupted { signal, .. }) => Exit::of_signal(*signal),
        Error::Edit { source: document::edit::EditError::KeyPath(_), .. }
        | Error::KeyPath { .. }
        | Error::PolicyEdit(EditError::Name { .. })
        | Error::History(HistoryError::NoRevision { .. }) => Exit::Usage,
        _ => Exit::Failed,
    }
}
