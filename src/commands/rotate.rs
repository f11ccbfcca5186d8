//! `secret rotate`.

#![allow(clippy::doc_markdown, reason = "doc comments are help texts here")]

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::encrypt::read_stdin;
use super::generate::{bits, parse_recipe, tell};
use super::hint::quote;
use super::set::drop_line_end;
use super::{CommandError, Context};
use crate::document;
use crate::generate::Recipe;
use crate::process::{Launch, ProcessError};
use crate::workspace::{Error, Keeping, Rotation, RotationStep, Saved, Turn, Workspace};

/// Replace a value by a new one
///
/// The new value is asked for, read from standard input, made by a recipe, or by a program of yours. The line of the
/// value, and its day, change; the old value stays readable in git's history to those who could read it.
///
/// For credentials that must overlap: --begin leaves the value as it is, with a copy in KEY_previous, and puts the new one
/// into KEY_pending; when everybody accepts both, --finish puts the pending value in its place and removes both.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RotateArgs {
    /// The encrypted file
    file: PathBuf,
    /// The keys of the values: db.users[0].password, "a.b".c
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    /// Read the new value from standard input; one final line end of a single line is dropped
    #[arg(long, group = "source")]
    stdin: bool,
    /// Make the new value by a recipe (see `secret generate`) [default: the one that is kept for it]
    #[arg(long, value_name = "RECIPE", num_args = 0..=1, default_missing_value = "", group = "source")]
    generate: Option<String>,
    /// Keep the recipe in the header, for the next time: `clear`, `sealed` (only who opens the file reads it), or
    /// `as-before` (sealed if the one before is, else in clear) [default: as-before]
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "as-before",
        hide_possible_values = true,
        requires = "generate"
    )]
    keep_recipe: Option<Kept>,
    /// Run this program with the old value on its standard input, and take the new one from its standard output
    #[arg(long, value_name = "PROGRAM", group = "source")]
    exec: Option<OsString>,
    /// Run this program with the new value on its standard input; only if it succeeds the value is kept
    #[arg(long, value_name = "PROGRAM", conflicts_with = "abort")]
    test: Option<OsString>,
    #[command(flatten)]
    steps: StepArgs,
    /// Print JSON, without values
    #[arg(long)]
    json: bool,
}

/// How a recipe is kept.
#[derive(Clone, Copy, ValueEnum)]
enum Kept {
    AsBefore,
    Clear,
    Sealed,
}

/// The steps of a rotation in two.
#[derive(Args)]
struct StepArgs {
    /// First step of two: put the new value beside the current one
    #[arg(long, group = "step")]
    begin: bool,
    /// Second step: put the pending value in the place of the current one
    #[arg(long, group = "step", conflicts_with_all = ["source", "keep_recipe"])]
    finish: bool,
    /// Remove the pending value: the current one stays
    #[arg(long, group = "step", conflicts_with_all = ["source", "keep_recipe"])]
    abort: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret rotate secrets/db.yaml db.password --generate password:32 --keep-recipe
  openssl rand -hex 16 | secret rotate secrets/db.yaml db.password --stdin --test can-log-in
  secret rotate secrets/db.yaml db.password --begin --generate hex:32";

/// A new value, and how it was made, as far as that may be told.
struct New {
    value: Zeroizing<String>,
    recipe: Option<Recipe>,
    public: Option<String>,
}

pub fn run(arguments: &RotateArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let step = match (arguments.steps.begin, arguments.steps.finish, arguments.steps.abort) {
        (true, ..) => RotationStep::Begin,
        (_, true, _) => RotationStep::Finish,
        (.., true) => RotationStep::Abort,
        _ => RotationStep::Replace,
    };
    if arguments.stdin && arguments.keys.len() > 1 {
        return Err(CommandError::usage("--stdin has one value, and several keys are named"));
    }
    let given = match &arguments.generate {
        Some(recipe) if !recipe.is_empty() => Some(parse_recipe(recipe)?),
        _ => None,
    };
    if arguments.keep_recipe.is_some() && given.is_none() {
        return Err(CommandError::usage("--keep-recipe keeps the recipe that --generate names"));
    }
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    let rotation = workspace.open_rotation(target, &arguments.keys, step)?;
    // What cannot be asked afterwards must not be found out when the new value is in use already.
    for program in arguments.exec.iter().chain(&arguments.test) {
        launch(program).check(context.env).map_err(Error::from)?;
    }
    let (mut new, mut odd) = (Vec::new(), None);
    match make_and_save(arguments, given.as_ref(), &rotation, &workspace, context, &mut new, &mut odd) {
        Ok(Saved::Changed | Saved::Unchanged) => report(arguments, &rotation, &new, context),
        Err(error) if arguments.exec.is_some() && !(new.is_empty() && odd.is_none()) => {
            Err(keep(&rotation, &new, odd.as_ref(), &workspace, error))
        }
        Err(error) => Err(error),
    }
}

/// Makes all new values before anything is written. What was made stands in `new`, and what a program wrote that is no
/// value in `odd`, whatever comes after.
fn make_and_save(
    arguments: &RotateArgs,
    given: Option<&Recipe>,
    rotation: &Rotation,
    workspace: &Workspace<'_>,
    context: &Context<'_>,
    new: &mut Vec<New>,
    odd: &mut Option<Zeroizing<Vec<u8>>>,
) -> Result<Saved, CommandError> {
    let makes = matches!(rotation.step, RotationStep::Begin | RotationStep::Replace);
    for turn in &rotation.turns {
        if makes {
            let made = make(arguments, given, rotation, turn, workspace, context, odd)?;
            turn.check_new(&rotation.file, &made.value)?;
            new.push(made);
        }
    }
    for (index, turn) in rotation.turns.iter().enumerate() {
        let value = new.get(index).map(|new| &new.value).or(turn.pending.as_ref());
        if let (Some(program), Some(value)) = (&arguments.test, value) {
            // What it prints is nobody's business: its messages go to stderr.
            converse(program, value, context).map_err(|error| match error {
                error @ ProcessError::Failed { .. } => CommandError::from(Error::from(error))
                    .hint(format!("{} is as it was: the test of the new value says no", rotation.file.target.shown)),
                error => Error::from(error).into(),
            })?;
        }
    }
    let values: Vec<Zeroizing<String>> = new.iter().map(|new| new.value.clone()).collect();
    Ok(workspace.rotate(rotation, &values, given.zip(keeping(arguments)))?)
}

/// Returns how the recipe is to be kept, if it is.
fn keeping(arguments: &RotateArgs) -> Option<Keeping> {
    arguments.keep_recipe.map(|kept| match kept {
        Kept::AsBefore => Keeping::AsBefore,
        Kept::Clear => Keeping::Clear,
        Kept::Sealed => Keeping::Sealed,
    })
}

/// Makes the new value of one key.
fn make(
    arguments: &RotateArgs,
    given: Option<&Recipe>,
    rotation: &Rotation,
    turn: &Turn,
    workspace: &Workspace<'_>,
    context: &Context<'_>,
    odd: &mut Option<Zeroizing<Vec<u8>>>,
) -> Result<New, CommandError> {
    let plain = |value| New { value, recipe: None, public: None };
    if arguments.generate.is_some() {
        let recipe = given.map_or_else(|| workspace.kept_recipe(rotation, turn), |recipe| Ok(recipe.clone()))?;
        let generated = recipe.generate();
        // Logs are read by more people than the file: nothing is said there of a recipe that is sealed.
        let is_sealed = match (given, keeping(arguments)) {
            (_, Some(Keeping::Sealed)) => true,
            (None, _) | (_, Some(Keeping::AsBefore)) => rotation.has_sealed_recipe(turn),
            (Some(_), _) => false,
        };
        let recipe = Some(recipe).filter(|_| !is_sealed);
        return Ok(New { value: generated.value, recipe, public: generated.public });
    }
    if let Some(program) = &arguments.exec {
        let written = converse(program, &turn.old, context).map_err(Error::from)?;
        if written.len() > MAX_VALUE || str::from_utf8(&written).is_err() {
            let wrote = format!("{} wrote", program.display());
            let is_long = written.len() > MAX_VALUE;
            *odd = Some(written);
            return Err(CommandError::failed(if is_long {
                format!("{wrote} more than {MAX_VALUE} bytes")
            } else {
                format!("{wrote} what is not UTF-8 text")
            }));
        }
        return Ok(plain(text(written, &format!("{} wrote no value", program.display()))?));
    }
    if arguments.stdin {
        return Ok(plain(text(read_stdin()?, "the value is empty")?));
    }
    let typed = context.ui.new_secret(&format!("new value of {}", turn.key)).map_err(|error| {
        CommandError::from(error).hint("give the value with --stdin, or have it made with --generate RECIPE")
    })?;
    Ok(plain(Zeroizing::new(typed.expose_secret().to_owned())))
}

/// Runs a program that the command line names, with a value on its standard input.
fn converse(program: &OsStr, value: &str, context: &Context<'_>) -> Result<Zeroizing<Vec<u8>>, ProcessError> {
    launch(program).converse(context.env, value.as_bytes(), MAX_KEPT)
}

fn launch(program: &OsStr) -> Launch<'_> {
    Launch { program, arguments: &[], variables: Vec::new(), is_clean: false }
}

/// Returns a value that a program wrote; nothing at all is what one leaves that failed.
fn text(mut bytes: Zeroizing<Vec<u8>>, empty: &str) -> Result<Zeroizing<String>, CommandError> {
    drop_line_end(&mut bytes);
    if bytes.is_empty() {
        return Err(CommandError::failed(empty));
    }
    document::into_text(bytes).ok_or_else(|| CommandError::failed("the new value is not UTF-8 text"))
}

/// Keeps what a program has made: the service may know nothing else any more.
fn keep(
    rotation: &Rotation,
    new: &[New],
    odd: Option<&Zeroizing<Vec<u8>>>,
    workspace: &Workspace<'_>,
    failure: CommandError,
) -> CommandError {
    let header = &rotation.file.opened.header;
    let readers: Vec<String> = header.recipients.values().flatten().cloned().collect();
    let made = new.iter().map(|new| new.value.as_bytes()).chain(odd.map(|odd| odd.as_slice()));
    let lines: Vec<[&[u8]; 4]> =
        made.zip(&rotation.turns).map(|(value, turn)| [turn.key.as_bytes(), b" = ", value, b"\n"]).collect();
    // With room for all of it, so that it never moves and leaves a copy behind.
    let length = lines.iter().flatten().map(|part| part.len()).sum();
    let mut draft = Zeroizing::new(Vec::with_capacity(length));
    lines.iter().flatten().for_each(|part| draft.extend_from_slice(part));
    match workspace.keep_draft(&rotation.file.target, &readers, &draft) {
        Ok(Some(path)) => failure.hint(format!(
            "what the program made may be in use already; it is kept, encrypted to you: `age -d -i IDENTITY {}`",
            quote(&path.display().to_string())
        )),
        Ok(None) => failure.hint("what the program made could not be kept: there is no identity or no cache folder"),
        Err(error) => failure.hint(format!("what the program made could not be kept: {error}")),
    }
}

fn report(arguments: &RotateArgs, rotation: &Rotation, new: &[New], context: &Context<'_>) -> Result<(), CommandError> {
    let file = &rotation.file.target.shown;
    let word = match rotation.step {
        RotationStep::Abort => "aborted",
        RotationStep::Begin => "begun",
        RotationStep::Finish => "finished",
        RotationStep::Replace => "replaced",
    };
    if arguments.json {
        let values = rotation.turns.iter().enumerate().map(|(index, turn)| {
            let new = new.get(index);
            let recipe = new.and_then(|new| new.recipe.as_ref());
            serde_json::json!({
                "key": turn.key, "step": word, "recipe": recipe.map(ToString::to_string), "entropy": recipe.map(bits),
                "public_key": new.and_then(|new| new.public.as_ref()),
            })
        });
        let values: Vec<serde_json::Value> = values.collect();
        return Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "file": file, "values": values }))?);
    }
    for (index, turn) in rotation.turns.iter().enumerate() {
        let key = &turn.key;
        context.ui.note(&match rotation.step {
            RotationStep::Abort => format!("{key} in {file} stays what it is; the pending value is gone"),
            RotationStep::Begin => format!("{key}_pending in {file} has the new value; {key} is as it was"),
            RotationStep::Finish => format!("{key} in {file} has the new value"),
            RotationStep::Replace => format!("rotated {key} in {file}"),
        });
        if let Some(New { recipe, public, .. }) = new.get(index) {
            tell(recipe.as_ref(), public.as_deref(), context);
        }
    }
    if matches!(rotation.step, RotationStep::Finish | RotationStep::Replace) {
        let today = context.env.today();
        for (turn, day) in rotation.dates().into_iter().filter(|(_, day)| *day >= today) {
            let (file, key) = (quote(file), quote(&turn.key));
            context.ui.note(&format!(
                "the header still wants it replaced by {day}; `secret meta {file} {key} --rotation-due DAY` sets the next day"
            ));
        }
    }
    context.ui.note(&next(rotation));
    Ok(())
}

/// Says what is to be done next.
fn next(rotation: &Rotation) -> String {
    let file = quote(&rotation.file.target.shown);
    let keys: Vec<String> = rotation.turns.iter().map(|turn| quote(&turn.key)).collect();
    match rotation.step {
        RotationStep::Abort => format!("next: commit {file}"),
        RotationStep::Begin => format!(
            "next: commit {file} and deploy it, so that both values are accepted; then `secret rotate {file} {} --finish`",
            keys.join(" ")
        ),
        RotationStep::Finish => {
            format!("next: commit {file} and deploy it, then let nothing accept the old value any more")
        }
        RotationStep::Replace => format!("next: commit {file} and deploy it; the old value stays in git's history"),
    }
}

/// The most that a program may write for one value.
const MAX_VALUE: usize = 1 << 20;
/// How much of what is too much is kept: it may be in use already.
const MAX_KEPT: usize = 16 << 20;
