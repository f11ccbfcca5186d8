//! `secret rekey`.

use std::path::PathBuf;

use clap::Args;

use super::consent::{ConsentArgs, ask};
use super::{CommandError, Context};
use crate::process;
use crate::workspace::{ReaderChange, RekeyPlan, Workspace, each_on_all_cores};

/// Bring files in line with the policy: who reads them, and what they seal
///
/// Adding a reader changes the header only. When a reader is gone, the file gets a new data key and every value is
/// sealed again; what the former reader knew stays readable in git's history, so replace those values.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct RekeyArgs {
    /// Encrypted files or folders [default: all of the repository]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; exit with 3 if a file is not in line
    #[arg(long, conflicts_with_all = ["dry_run", "yes"])]
    check: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: ConsentArgs,
    /// Agree to values becoming clear
    #[arg(long)]
    allow_cleartext: bool,
    /// Make a new data key in any case, also where it is not known who made the last one
    #[arg(long)]
    new_key: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret rekey --check
  secret rekey --dry-run
  secret rekey secrets/db.yaml --yes";

pub fn run(arguments: RekeyArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let start = arguments.paths.first().cloned().unwrap_or_else(|| ".".into());
    let workspace = context.workspace(&start)?;
    arguments.consent.check(&workspace)?;
    let targets = workspace.encrypted_files(&arguments.paths)?;
    if arguments.check {
        return check(&workspace, targets, context);
    }
    let mut plans = Vec::new();
    let mut errors = Vec::new();
    let count = targets.len();
    let ids = if targets.is_empty() { Vec::new() } else { workspace.file_ids()? };
    let opener = workspace.opener();
    // Each large file stays open, and so does what takes its place until it has its name.
    process::allow_open_files(2 * targets.len());
    // In parts, so that not all plaintexts are held at the same time.
    for part in targets.chunks(OPENED_AT_ONCE) {
        for opened in each_on_all_cores(part, |target| opener.open_any(target.clone(), None, false)) {
            match opened.and_then(|file| workspace.plan_rekey(file, arguments.new_key, &ids)) {
                Ok(plan) => plans.extend(plan),
                Err(error) => errors.push(error.into()),
            }
        }
    }
    // All or nothing: a file that cannot be rekeyed keeps the others from being.
    CommandError::worst(errors, context.ui)?;
    if plans.is_empty() {
        context.ui.note(&match count {
            1 => "1 file is in line with the policy".to_owned(),
            count => format!("{count} files are in line with the policy"),
        });
        return Ok(());
    }
    for plan in &plans {
        tell(plan, context);
    }
    if arguments.dry_run {
        return Ok(());
    }
    plans.iter().try_for_each(|plan| agree(plan, &arguments.consent, arguments.allow_cleartext, context))?;
    workspace.rekey(&plans)?;
    context.ui.note(&match plans.len() {
        1 => "rekeyed 1 file".to_owned(),
        count => format!("rekeyed {count} files"),
    });
    Ok(())
}

fn check(
    workspace: &Workspace<'_>,
    targets: Vec<crate::workspace::Target>,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let mut drifted = 0;
    for target in targets {
        let file = workspace.inspect(target)?;
        if !workspace.is_in_line(&file.target, &file.header)? {
            // The answer stands, whether or not anybody reads the list.
            let _ = context.ui.print(&file.target.shown);
            drifted += 1;
        }
    }
    match drifted {
        0 => Ok(()),
        1 => Err(CommandError::no("1 file is not in line with the policy").hint("run `secret rekey`")),
        count => {
            Err(CommandError::no(format!("{count} files are not in line with the policy")).hint("run `secret rekey`"))
        }
    }
}

/// Says what a rekey does.
pub(super) fn tell(plan: &RekeyPlan, context: &Context<'_>) {
    let ui = context.ui;
    let shown = &plan.target.shown;
    ui.note(&format!("{shown}: readers {}", plan.readers.join(", ")));
    let list = |changes: &[ReaderChange]| {
        let names = changes.iter().map(|change| {
            if change.is_key_change { format!("{} (other key)", change.member) } else { change.member.clone() }
        });
        names.collect::<Vec<_>>().join(", ")
    };
    if !plan.added.is_empty() {
        ui.note(&format!("  adds {}", list(&plan.added)));
    }
    if !plan.removed.is_empty() {
        ui.note(&format!("  removes {}: new data key; the values they knew should be replaced", list(&plan.removed)));
    } else if plan.has_new_key {
        ui.note("  makes a new data key");
    }
    if !plan.cleared.is_empty() {
        ui.note(&format!("  in clear from now on: {}", plan.cleared.join(", ")));
    }
}

/// Asks when somebody is added or a value becomes clear.
pub(super) fn agree(
    plan: &RekeyPlan,
    consent: &ConsentArgs,
    allows_cleartext: bool,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    consent.agree_to_unreviewed(&plan.target, &plan.unreviewed, context)?;
    let is_agreed = |change: &&ReaderChange| consent.includes(&change.member);
    let added: Vec<&str> = plan
        .added
        .iter()
        .filter(|change| !is_agreed(change) && !plan.unreviewed.contains(&change.member))
        .map(|change| change.member.as_str())
        .collect();
    if !added.is_empty() {
        ask(&plan.target, format!("{} will be able to read it", added.join(", ")), "Go on?", context)?;
    }
    if !plan.cleared.is_empty() && !allows_cleartext {
        let statement = format!("{} will stand in clear (--allow-cleartext)", plan.cleared.join(", "));
        ask(&plan.target, statement, "Go on?", context)?;
    }
    Ok(())
}

const OPENED_AT_ONCE: usize = 64;
