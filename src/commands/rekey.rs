//! `secret rekey`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::consent::{ConsentArgs, agree};
use super::{CommandError, Context};
use crate::fs::Journal;
use crate::process;
use crate::ui::count;
use crate::workspace::{Error, ReaderChange, RekeyPlan, RekeyPlans, RekeyPreview, Target, Unopened, Workspace};

/// Bring files in line with the policy: who reads them, and what they seal
///
/// All files or none are written. Adding a reader changes the header only. When a reader is gone, the file gets a new
/// data key and every value is sealed again; what the former reader knew stays readable in git's history, so replace
/// those values. If the process is killed, the next command that writes finishes what it had begun, or undoes it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct RekeyArgs {
    /// Encrypted files or folders [default: all of the repository]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; exit with 3 if a file is not in line; needs no identity
    #[arg(long, conflicts_with_all = ["dry_run", "yes", "partial"])]
    check: bool,
    /// Show who would gain and lose what, and change nothing
    ///
    /// Files that no identity opens are judged by their headers, which nobody has authenticated then.
    #[arg(long)]
    dry_run: bool,
    /// Print what --dry-run shows as JSON
    #[arg(long, requires = "dry_run")]
    json: bool,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    terms: RekeyTerms,
}

/// What a rekey may do besides.
#[derive(Args, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct RekeyTerms {
    /// Agree to values becoming clear
    #[arg(long)]
    pub allow_cleartext: bool,
    /// Make a new data key in any case, also where it is not known who made the last one
    #[arg(long)]
    pub new_key: bool,
    /// Rekey what your identities open, though others must do the rest; exits with 4 then
    #[arg(long)]
    pub partial: bool,
    /// Agree to lock yourself out of files that the policy no longer lets you read
    #[arg(long)]
    pub without_me: bool,
    /// Whether the rekey is a part of another command, which has none of these options
    #[arg(skip)]
    pub is_part: bool,
}

impl RekeyTerms {
    /// Returns the terms of a rekey that is a part of another command.
    pub fn of_part() -> Self {
        Self { is_part: true, ..Self::default() }
    }
}

pub const EXAMPLES: &str = "\
Examples:
  secret rekey --check
  secret rekey --dry-run
  secret rekey secrets/db.yaml --yes";

impl RekeyArgs {
    /// Tells whether files may be written.
    pub fn writes(&self) -> bool {
        !self.check && !self.dry_run
    }
}

pub fn run(arguments: RekeyArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let start = arguments.paths.first().cloned().unwrap_or_else(|| ".".into());
    let workspace = context.workspace(&start)?;
    arguments.consent.check(&workspace)?;
    if arguments.check {
        return check(&workspace, &workspace.encrypted_files(&arguments.paths)?, context);
    }
    if arguments.dry_run {
        let targets = workspace.encrypted_files(&arguments.paths)?;
        let plans = plan(&workspace, &targets, arguments.terms.new_key, context)?;
        return show(plans, targets.len(), arguments.json, context);
    }
    // Before anything is read: of two that rekey at once one does, and the other is told so at once.
    let journal = workspace.begin_rekey()?;
    bring_in_line(&workspace, journal, &arguments.paths, &arguments.consent, &arguments.terms, context)
}

/// Brings files in line with the policy, or with the proposed one, which is written in the same step.
///
/// # Errors
/// When a file cannot be rekeyed, or nobody agrees. Then nothing is written; but with `partial` only what others have to
/// do is not.
pub fn bring_in_line(
    workspace: &Workspace<'_>,
    journal: Journal,
    paths: &[PathBuf],
    consent: &ConsentArgs,
    terms: &RekeyTerms,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let ui = context.ui;
    let targets = workspace.encrypted_files(paths)?;
    let RekeyPlans { plans, unopened, errors } = plan(workspace, &targets, terms.new_key, context)?;
    // All or nothing: a file that cannot be rekeyed keeps the others from being.
    CommandError::worst(errors.into_iter().map(CommandError::from).collect(), ui)?;
    if !unopened.is_empty() && !terms.partial {
        return Err(for_others(unopened, "nothing was rekeyed", terms));
    }
    if plans.is_empty() && unopened.is_empty() && !workspace.has_proposed() {
        warn_of_expired(workspace, &targets, &plans, context)?;
        ui.note(&format!("{} in line with the policy", are(targets.len())));
        return Ok(());
    }
    tell_together(&plans, context);
    refuse_to_lock_out(&plans, terms)?;
    warn_of_expired(workspace, &targets, &plans, context)?;
    agree_to(&plans, consent, terms, context)?;
    if !plans.is_empty() || workspace.has_proposed() {
        let progress = ui.progress("written", plans.len());
        workspace.rekey(journal, &plans, &|| progress.step())?;
        drop(progress);
        ui.note(&format!("rekeyed {}", count(plans.len(), "file")));
    }
    if unopened.is_empty() { Ok(()) } else { Err(for_others(unopened, "these are left as they were", terms)) }
}

fn plan(
    workspace: &Workspace<'_>,
    targets: &[Target],
    makes_key: bool,
    context: &Context<'_>,
) -> Result<RekeyPlans, CommandError> {
    // Each large file stays open, and so does what takes its place until it has its name.
    process::allow_open_files(2 * targets.len());
    let progress = context.ui.progress("examined", targets.len());
    Ok(workspace.plan_rekeys(targets, makes_key, &|| progress.step())?)
}

/// Lists the files that are not in line with the policy, or cannot be brought there as they lie.
fn check(workspace: &Workspace<'_>, targets: &[Target], context: &Context<'_>) -> Result<(), CommandError> {
    let (mut drifted, mut errors) = (0, Vec::new());
    for (target, is_in_line) in targets.iter().zip(workspace.are_in_line(targets)?) {
        match is_in_line {
            Ok(true) => {}
            Ok(false) => {
                // The answer stands, whether or not anybody reads the list.
                let _ = context.ui.print(&target.shown);
                drifted += 1;
            }
            Err(error) => errors.push(CommandError::from(error)),
        }
    }
    CommandError::worst(errors, context.ui)?;
    if drifted == 0 {
        return Ok(());
    }
    Err(CommandError::no(format!("{} not in line with the policy", are(drifted))).hint("run `secret rekey`"))
}

/// Shows what would be done.
fn show(plans: RekeyPlans, examined: usize, as_json: bool, context: &Context<'_>) -> Result<(), CommandError> {
    let RekeyPlans { plans, unopened, errors } = plans;
    if as_json {
        let opened = plans.iter().map(|plan| to_json(&plan.target, &plan.preview, &plan.cleared, None));
        let others = unopened
            .iter()
            .map(|file| to_json(&file.target, &file.preview, &file.preview.cleared, Some(&file.readers)));
        let files: Vec<Value> = opened.chain(others).collect();
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        context.ui.print_json(&json!({ "version": 1, "examined": examined, "files": files, "errors": errors }))?;
    } else {
        for plan in &plans {
            tell(&plan.target.shown, &plan.preview, &plan.cleared, context);
        }
        for file in &unopened {
            tell(&file.target.shown, &file.preview, &file.preview.cleared, context);
            context.ui.note(&format!("  not opened, so by its header alone; {}", who(file)));
        }
        if plans.is_empty() && unopened.is_empty() && errors.is_empty() {
            context.ui.note(&format!("{} in line with the policy", are(examined)));
        }
    }
    CommandError::worst(errors.into_iter().map(CommandError::from).collect(), context.ui)
}

/// Counts files, with the verb.
fn are(files: usize) -> String {
    format!("{} {}", count(files, "file"), if files == 1 { "is" } else { "are" })
}

fn to_json(target: &Target, preview: &RekeyPreview, cleared: &[String], by: Option<&[String]>) -> Value {
    let names = |changes: &[ReaderChange], is_key_change| -> Vec<String> {
        let changes = changes.iter().filter(|change| change.is_key_change == is_key_change);
        changes.map(|change| change.member.clone()).collect()
    };
    json!({
        "file": target.shown,
        "readers": preview.readers,
        "gain": names(&preview.added, false),
        "lose": names(&preview.removed, false),
        "gain_key": names(&preview.added, true),
        "lose_key": names(&preview.removed, true),
        "new_data_key": preview.has_new_key,
        "in_clear": cleared,
        "opened": by.is_none(),
        "can_be_rekeyed_by": by,
    })
}

/// Says what a rekey does: once for many files that it does the same with. `--dry-run` tells file by file.
fn tell_together(plans: &[RekeyPlan], context: &Context<'_>) {
    let mut alike: Vec<Vec<&RekeyPlan>> = Vec::new();
    for plan in plans {
        let is_alike = |other: &&mut Vec<&RekeyPlan>| {
            other.first().is_some_and(|other| (&other.preview, &other.cleared) == (&plan.preview, &plan.cleared))
        };
        match alike.iter_mut().find(is_alike) {
            Some(group) => group.push(plan),
            None => alike.push(vec![plan]),
        }
    }
    for group in alike {
        let named = if group.len() > TOLD_APART { &group[..1] } else { &group[..] };
        let left = group.len() - named.len();
        for plan in named {
            tell(&several(&plan.target.shown, 1 + left), &plan.preview, &plan.cleared, context);
        }
    }
}

/// Says what a rekey does with a file, or with several.
fn tell(files: &str, preview: &RekeyPreview, cleared: &[String], context: &Context<'_>) {
    let ui = context.ui;
    ui.note(&format!("{files}: readers {}", preview.readers.join(", ")));
    let list = |changes: &[ReaderChange]| {
        let names = changes.iter().map(|change| {
            if change.is_key_change { format!("{} (other key)", change.member) } else { change.member.clone() }
        });
        names.collect::<Vec<_>>().join(", ")
    };
    if !preview.added.is_empty() {
        ui.note(&format!("  adds {}", list(&preview.added)));
    }
    if !preview.removed.is_empty() {
        let removed = list(&preview.removed);
        ui.note(&format!("  removes {removed}: new data key; the values they knew should be replaced"));
    } else if preview.has_new_key {
        ui.note("  makes a new data key");
    }
    if !cleared.is_empty() {
        ui.note(&format!("  in clear from now on: {}", cleared.join(", ")));
    }
}

/// Lists what others have to do.
fn for_others(unopened: Vec<Unopened>, what: &str, terms: &RekeyTerms) -> CommandError {
    let another = "or name another identity with --identity FILE";
    let count = unopened.len();
    if let [file] = unopened.as_slice() {
        let shown = file.target.shown.clone();
        let who = who(file);
        let whom = if file.readers.len() == 1 { file.readers[0].clone() } else { "one of them".to_owned() };
        let leaver = file.readers.is_empty().then(|| losing(file));
        let readers = file.preview.readers.join(", ");
        let error = unopened.into_iter().next().map(|file| CommandError::from(file.error));
        let message = error.map(|error| error.in_lines().0).unwrap_or_default();
        let error = CommandError::not_for_you(format!("{message}; {what}"));
        if let Some(leaver) = leaver {
            return only_who_leaves(error, &shown, &leaver, &readers, terms);
        }
        if terms.is_part {
            return error.hint(format!("{who}: ask {whom} to run this command, {another}"));
        }
        let error = error.hint(format!("{who}: ask {whom} to run `secret rekey {}`", super::hint::quote(&shown)));
        return match terms.partial {
            true => error.hint(another),
            false => error.hint(format!("--partial rekeys what you can open; {another}")),
        };
    }
    let has_leaver = unopened.iter().any(|file| file.readers.is_empty());
    let lines: Vec<String> = unopened.iter().map(|file| format!("  {}: {}", file.target.shown, who(file))).collect();
    let error =
        CommandError::not_for_you(format!("your identities do not open {count} of the files that must change; {what}"))
            .more(lines);
    let error = match has_leaver {
        true => error.hint(
            "where only who loses the file can, they run `secret rekey FILE` first; or `git rm` it, commit, and encrypt \
             new values after this command",
        ),
        false => error,
    };
    if terms.is_part {
        return error.hint(format!("ask somebody who opens all of them to run this command, {another}"));
    }
    let error = error.hint(format!("ask one of them to run `secret rekey`, {another}"));
    if terms.partial { error } else { error.hint("--partial rekeys what you can open") }
}

/// Says what to do about a file that nobody but who loses it can open.
fn only_who_leaves(error: CommandError, file: &str, leaver: &str, readers: &str, terms: &RekeyTerms) -> CommandError {
    let file = super::hint::quote(file);
    let error = if terms.is_part {
        error.hint(format!(
            "only {leaver} can: have {leaver} run `secret rekey {file}` first, which lets {readers} in, and one of those \
             run this command"
        ))
    } else {
        error.hint(format!(
            "only {leaver} can, whom the policy does not name for it any more: ask {leaver} to run `secret rekey {file} \
             --without-me`"
        ))
    };
    error.hint(format!(
        "without {leaver} nobody gets at its values: `git rm {file}`, commit, run this command again, and encrypt new values \
         with `secret encrypt {file}`"
    ))
}

/// Returns who reads a file today, and would not any more.
fn losing(file: &Unopened) -> String {
    let names = file.preview.removed.iter().filter(|change| !change.is_key_change);
    names.map(|change| change.member.clone()).collect::<Vec<_>>().join(", ")
}

/// Says who could rekey a file.
fn who(file: &Unopened) -> String {
    match file.readers.as_slice() {
        [] => format!("only {} can, who would not read it any more", losing(file)),
        readers => format!("{} can", readers.join(", ")),
    }
}

/// Refuses to take from whoever rekeys what he can read.
fn refuse_to_lock_out(plans: &[RekeyPlan], terms: &RekeyTerms) -> Result<(), CommandError> {
    let mut lost = plans.iter().filter(|plan| plan.drops_caller && !terms.without_me);
    let Some(first) = lost.next() else { return Ok(()) };
    let shown = several(&first.target.shown, lost.count() + 1);
    Err(CommandError::failed(format!("{shown}: you could not read it afterwards"))
        .hint("let another reader rekey; to lock yourself out all the same, add --without-me"))
}

/// Says whose time is over, and who reads on: a date alone takes nothing away.
fn warn_of_expired(
    workspace: &Workspace<'_>,
    targets: &[Target],
    plans: &[RekeyPlan],
    context: &Context<'_>,
) -> Result<(), CommandError> {
    for (name, day) in workspace.expired_readers(targets)? {
        let ended = format!("the membership of {name} ended on {day}, and they");
        context.ui.warn(&if plans.iter().any(|plan| plan.left_out.contains(&name)) {
            format!("{ended} are not let in; `secret member remove {name}` takes them out of the policy")
        } else {
            format!("{ended} still read files; `secret member remove {name}` ends that")
        });
    }
    Ok(())
}

/// Asks when somebody is added or a value becomes clear: once for all files.
fn agree_to(
    plans: &[RekeyPlan],
    consent: &ConsentArgs,
    terms: &RekeyTerms,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let mut unreviewed: BTreeSet<String> = BTreeSet::new();
    let mut shown = Vec::new();
    for plan in plans.iter().filter(|plan| !plan.unreviewed.is_empty()) {
        unreviewed.extend(plan.unreviewed.iter().cloned());
        shown.push(plan.target.shown.as_str());
    }
    if let Some(first) = shown.first() {
        let unreviewed: Vec<String> = unreviewed.into_iter().collect();
        consent.agree_to_unreviewed(&several(first, shown.len()), &unreviewed, context)?;
    }
    let (mut added, mut shown) = (BTreeSet::new(), Vec::new());
    for plan in plans {
        let new = plan.preview.added.iter().map(|change| change.member.as_str());
        let new: Vec<&str> =
            new.filter(|name| !consent.includes(name) && !plan.unreviewed.iter().any(|other| other == name)).collect();
        if !new.is_empty() {
            added.extend(new);
            shown.push(plan.target.shown.as_str());
        }
    }
    if let Some(first) = shown.first() {
        let names = added.into_iter().collect::<Vec<_>>().join(", ");
        agree(&several(first, shown.len()), format!("{names} will be able to read it"), "Go on?", context)?;
    }
    for plan in plans.iter().filter(|plan| !plan.cleared.is_empty() && !terms.allow_cleartext) {
        let (ui, shown) = (context.ui, &plan.target.shown);
        let question = format!("{shown}: {} will stand in clear. Go on?", plan.cleared.join(", "));
        if !(ui.has_terminal() && ui.confirm(&question)?) {
            let (path, keys, is_part) = (shown.clone(), plan.cleared.clone(), terms.is_part);
            return Err(Error::ConsentToClear { path, keys, is_part }.into());
        }
    }
    Ok(())
}

/// Names a file, or the first of many.
fn several(first: &str, number: usize) -> String {
    match number {
        1 => first.to_owned(),
        number => format!("{first} and {}", count(number - 1, "more file")),
    }
}

/// Of how many files that change alike each is told.
const TOLD_APART: usize = 10;
