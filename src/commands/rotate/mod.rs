//! `secret rotate`.

#![allow(clippy::doc_markdown, reason = "doc comments are help texts here")]

mod making;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use self::making::{Making, New};
use super::generate::{bits, parse_recipe, tell};
use super::hint::quote;
use super::{CommandError, Context};
use crate::workspace::{Keeping, Rotation, RotationStep};

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
        value_parser = parse_keeping,
        requires = "generate"
    )]
    keep_recipe: Option<Keeping>,
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
    let mut making = Making::prepare(arguments, given, &rotation, &workspace, context)?;
    making.save()?;
    report(arguments, &rotation, making.made(), context)
}

/// Reads how a recipe is kept.
fn parse_keeping(text: &str) -> Result<Keeping, &'static str> {
    match text {
        "as-before" => Ok(Keeping::AsBefore),
        "clear" => Ok(Keeping::Clear),
        "sealed" => Ok(Keeping::Sealed),
        _ => Err("a recipe is kept clear, sealed or as-before"),
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
