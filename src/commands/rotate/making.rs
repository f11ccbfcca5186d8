//! The new values of a rotation: made, tried and saved, all of them or none; and kept where they cannot be saved.

use std::ffi::OsStr;

use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::super::encrypt::read_stdin;
use super::super::hint::quote;
use super::super::set::drop_line_end;
use super::super::{CommandError, Context};
use super::RotateArgs;
use crate::document;
use crate::generate::Recipe;
use crate::process::{Interrupts, Launch, ProcessError, Spoken};
use crate::workspace::{Error, Keeping, Rotation, RotationStep, Turn, Workspace};

/// A new value, and how it was made, as far as that may be told.
pub struct New {
    value: Zeroizing<String>,
    pub recipe: Option<Recipe>,
    pub public: Option<String>,
}

/// A rotation whose new values are being made.
pub struct Making<'r> {
    arguments: &'r RotateArgs,
    given: Option<Recipe>,
    rotation: &'r Rotation,
    workspace: &'r Workspace<'r>,
    context: &'r Context<'r>,
    /// What a program has made must not be lost because somebody ends this one.
    interrupts: Option<Interrupts>,
    /// What was made, in the order of the keys.
    new: Vec<New>,
    /// What a program wrote for the next key that is no value, or before it failed.
    odd: Option<Zeroizing<Vec<u8>>>,
}

impl<'r> Making<'r> {
    /// Makes sure that the programs can be run: what cannot be asked afterwards must not be found out when a new value is in
    /// use already.
    pub fn prepare(
        arguments: &'r RotateArgs,
        given: Option<Recipe>,
        rotation: &'r Rotation,
        workspace: &'r Workspace<'r>,
        context: &'r Context<'r>,
    ) -> Result<Self, CommandError> {
        for program in arguments.exec.iter().chain(&arguments.test) {
            launch(program).check(context.env).map_err(cannot_run)?;
        }
        let interrupts = arguments.exec.as_ref().map(|program| Interrupts::hold(program)).transpose();
        let interrupts = interrupts.map_err(cannot_run)?;
        Ok(Self { arguments, given, rotation, workspace, context, interrupts, new: Vec::new(), odd: None })
    }

    /// Makes all new values before anything is written, tries them, and saves them. What a program has made is kept where that
    /// fails.
    pub fn save(&mut self) -> Result<(), CommandError> {
        let as_it_was = format!("{} is as it was; ", self.rotation.file.target.shown);
        self.make_all().and_then(|()| self.try_all()).map_err(|error| self.keep(error, &as_it_was))?;
        let values: Vec<Zeroizing<String>> = self.new.iter().map(|new| new.value.clone()).collect();
        let saved = self.workspace.rotate(self.rotation, &values, self.given.as_ref().zip(self.arguments.keep_recipe));
        saved.map(drop).map_err(|error| self.keep(error.into(), ""))
    }

    /// Returns what was made, in the order of the keys; nothing where the step makes nothing.
    pub fn made(&self) -> &[New] {
        &self.new
    }

    fn make_all(&mut self) -> Result<(), CommandError> {
        if matches!(self.rotation.step, RotationStep::Begin | RotationStep::Replace) {
            for turn in &self.rotation.turns {
                let made = self.make(turn)?;
                turn.check_new(&self.rotation.file, &made.value)?;
                self.new.push(made);
            }
        }
        Ok(())
    }

    /// Makes the new value of one key.
    fn make(&mut self, turn: &Turn) -> Result<New, CommandError> {
        let plain = |value| New { value, recipe: None, public: None };
        if self.arguments.generate.is_some() {
            return self.generate(turn);
        }
        if let Some(program) = &self.arguments.exec {
            return self.ask(program, turn).map(plain);
        }
        if self.arguments.stdin {
            return Ok(plain(text(read_stdin()?, || CommandError::failed("the value is empty"))?));
        }
        let typed = self.context.ui.new_secret(&format!("new value of {}", turn.key)).map_err(|error| {
            CommandError::from(error).hint("give the value with --stdin, or have it made with --generate RECIPE")
        })?;
        Ok(plain(Zeroizing::new(typed.expose_secret().to_owned())))
    }

    fn generate(&self, turn: &Turn) -> Result<New, CommandError> {
        let (rotation, given) = (self.rotation, self.given.as_ref());
        let recipe = given.map_or_else(|| self.workspace.kept_recipe(rotation, turn), |recipe| Ok(recipe.clone()))?;
        let generated = recipe.generate();
        // Logs are read by more people than the file: nothing is said there of a recipe that is sealed.
        let is_sealed = match (given, self.arguments.keep_recipe) {
            (_, Some(Keeping::Sealed)) => true,
            (None, _) | (_, Some(Keeping::AsBefore)) => rotation.has_sealed_recipe(turn),
            (Some(_), _) => false,
        };
        let recipe = Some(recipe).filter(|_| !is_sealed);
        Ok(New { value: generated.value, recipe, public: generated.public })
    }

    /// Has a program make a value out of the old one.
    fn ask(&mut self, program: &OsStr, turn: &Turn) -> Result<Zeroizing<String>, CommandError> {
        let Spoken { mut output, failure } = self.converse(program, &turn.old)?;
        let shown = &self.rotation.file.target.shown;
        let wrote = format!("{} wrote", program.display());
        let failure = match failure {
            Some(failure) => Some(CommandError::from(Error::from(failure))),
            None if output.len() > MAX_VALUE => {
                Some(CommandError::failed(format!("{wrote} more than {MAX_VALUE} bytes")))
            }
            None if str::from_utf8(&output).is_err() => {
                Some(CommandError::failed(format!("{wrote} what is not UTF-8 text")))
            }
            None => None,
        };
        if let Some(failure) = failure {
            // What is no text is kept to its last byte.
            if str::from_utf8(&output).is_ok() {
                drop_line_end(&mut output);
            }
            if output.is_empty() {
                return Err(failure.hint(format!("{shown} is as it was: the program wrote no new value")));
            }
            self.odd = Some(output);
            return Err(failure);
        }
        text(output, || {
            CommandError::failed(format!("{wrote} no value"))
                .hint(format!("{shown} is as it was; a program of --exec writes the new value to its standard output"))
        })
    }

    /// Has the values that are to be used next tried.
    fn try_all(&self) -> Result<(), CommandError> {
        let Some(program) = &self.arguments.test else { return self.refuse_if_interrupted() };
        for (index, turn) in self.rotation.turns.iter().enumerate() {
            let value = self.new.get(index).map(|new| &new.value).or(turn.pending.as_ref());
            let Some(value) = value else { continue };
            // What it prints is nobody's business: its messages go to stderr.
            if let Some(failure) = self.converse(program, value)?.failure {
                let is_no = matches!(failure, ProcessError::Failed { .. });
                let failure = CommandError::from(Error::from(failure));
                let shown = &self.rotation.file.target.shown;
                return Err(match is_no {
                    true => failure.hint(format!("{shown} is as it was: the test of the new value says no")),
                    false => failure,
                });
            }
        }
        self.refuse_if_interrupted()
    }

    /// Ends here what somebody has interrupted between two programs.
    fn refuse_if_interrupted(&self) -> Result<(), CommandError> {
        match (self.interrupts.as_ref().and_then(Interrupts::came), &self.arguments.exec) {
            (Some(signal), Some(program)) => {
                Err(Error::from(ProcessError::Interrupted { program: program.into(), signal }).into())
            }
            _ => Ok(()),
        }
    }

    /// Runs a program that the command line names, with a value on its standard input.
    fn converse(&self, program: &OsStr, value: &str) -> Result<Spoken, CommandError> {
        let spoken = launch(program).converse(self.context.env, value.as_bytes(), MAX_KEPT, self.interrupts.as_ref());
        spoken.map_err(cannot_run)
    }

    /// Keeps what a program has made: the service may know nothing else any more.
    fn keep(&self, failure: CommandError, as_it_was: &str) -> CommandError {
        if self.arguments.exec.is_none() || (self.new.is_empty() && self.odd.is_none()) {
            return failure;
        }
        let header = &self.rotation.file.opened.header;
        let readers: Vec<String> = header.recipients.values().flatten().cloned().collect();
        let odd = self.odd.iter().map(|odd| odd.as_slice());
        let made = self.new.iter().map(|new| new.value.as_bytes()).chain(odd);
        let lines: Vec<[&[u8]; 4]> =
            made.zip(&self.rotation.turns).map(|(value, turn)| [turn.key.as_bytes(), b" = ", value, b"\n"]).collect();
        // With room for all of it, so that it never moves and leaves a copy behind.
        let length = lines.iter().flatten().map(|part| part.len()).sum();
        let mut draft = Zeroizing::new(Vec::with_capacity(length));
        lines.iter().flatten().for_each(|part| draft.extend_from_slice(part));
        let lost = format!("{as_it_was}what the program made could not be kept");
        match self.workspace.keep_draft(&self.rotation.file.target, &readers, &draft) {
            Ok(Some(path)) => failure.hint(format!(
                "{as_it_was}what the program made may be in use already; it is kept, encrypted to you: `age -d -i IDENTITY {}`",
                quote(&path.display().to_string())
            )),
            Ok(None) => failure.hint(format!("{lost}: there is no identity or no cache folder")),
            Err(error) => failure.hint(format!("{lost}: {error}")),
        }
    }
}

fn launch(program: &OsStr) -> Launch<'_> {
    Launch { program, arguments: &[], variables: Vec::new(), is_clean: false }
}

/// Says what to do about a program that cannot be run.
fn cannot_run(error: ProcessError) -> CommandError {
    let hint = match &error {
        ProcessError::NotFound { .. } => {
            "name a program in PATH, or its path as ./new-value; it is given no arguments: for those, name a script"
                .to_owned()
        }
        ProcessError::NotExecutable { program } => {
            format!("make it executable: `chmod +x {}`", quote(&program.display().to_string()))
        }
        ProcessError::Spawn { .. } => "a script begins with the program that runs it, as `#!/bin/sh`".to_owned(),
        _ => return Error::from(error).into(),
    };
    CommandError::from(Error::from(error)).hint(hint)
}

/// Returns a value that was written; nothing at all is what a program leaves that failed.
fn text(
    mut bytes: Zeroizing<Vec<u8>>,
    empty: impl FnOnce() -> CommandError,
) -> Result<Zeroizing<String>, CommandError> {
    drop_line_end(&mut bytes);
    if bytes.is_empty() {
        return Err(empty());
    }
    document::into_text(bytes).ok_or_else(|| CommandError::failed("the new value is not UTF-8 text"))
}

/// The most that a program may write for one value.
const MAX_VALUE: usize = 1 << 20;
/// How much of what is too much is kept: it may be in use already.
const MAX_KEPT: usize = 16 << 20;
