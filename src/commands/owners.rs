//! `secret owners`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{CommandError, Context};
use crate::process;
use crate::ui::count;
use crate::workspace::{OwnedFile, OwnerImport};

/// List who answers for the encrypted files, or take that over from CODEOWNERS
///
/// An owner is a member, a group or any other text; it stands in clear in the header, and gives nobody access. Listing
/// needs no identity. With --from-codeowners files without an owner get the one that CODEOWNERS names, read as GitHub
/// reads it: the last line that matches counts, and several owners are set as they stand there. All files or none are
/// written.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::option_option, reason = "clap's way to say that an option may stand without its value")]
pub struct OwnersArgs {
    /// Encrypted files or folders [default: all of the repository]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Set the owners that this file names [default: .github/CODEOWNERS, CODEOWNERS, docs/CODEOWNERS or
    /// .gitlab/CODEOWNERS]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    from_codeowners: Option<Option<PathBuf>>,
    /// Also where a file has another owner
    #[arg(long, requires = "from_codeowners")]
    overwrite: bool,
    /// Show what would change, and change nothing; needs no identity
    #[arg(long, requires = "from_codeowners")]
    dry_run: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "from_codeowners")]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret owners
  secret owners --from-codeowners --dry-run
  secret owners --from-codeowners=.github/CODEOWNERS --overwrite secrets";

impl OwnersArgs {
    /// Tells whether files may be written.
    pub fn writes(&self) -> bool {
        self.from_codeowners.is_some() && !self.dry_run
    }
}

pub fn run(arguments: &OwnersArgs, context: &Context<'_>) -> Result<(), CommandError> {
    match &arguments.from_codeowners {
        Some(source) => import(arguments, source.as_ref(), context),
        None => list(arguments, context),
    }
}

fn list(arguments: &OwnersArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let start = arguments.paths.first().cloned().unwrap_or_else(|| ".".into());
    let workspace = context.workspace(&start)?;
    let (files, errors) = workspace.owners(&arguments.paths)?;
    if arguments.json {
        let files: Vec<Value> = files.iter().map(to_json).collect();
        context.ui.print_json(&json!({ "version": 1, "files": files }))?;
    } else {
        let mut rows = Vec::new();
        for OwnedFile { target, owner, values } in files {
            let file = target.recorded.map_or(target.shown, |file| workspace.from_here(&file));
            rows.push([file, shown(owner.as_deref()).to_owned()]);
            rows.extend(values.into_iter().map(|(key, owner)| [format!("  {key}"), owner]));
        }
        context.ui.print_table(&rows)?;
    }
    CommandError::worst(errors.into_iter().map(CommandError::from).collect(), context.ui)
}

fn to_json(file: &OwnedFile) -> Value {
    let values: Vec<Value> = file.values.iter().map(|(key, owner)| json!({ "key": key, "owner": owner })).collect();
    json!({ "file": file.target.shown, "owner": file.owner, "values": values })
}

fn import(arguments: &OwnersArgs, source: Option<&PathBuf>, context: &Context<'_>) -> Result<(), CommandError> {
    let start = arguments.paths.first().cloned().unwrap_or_else(|| ".".into());
    let workspace = context.workspace(&start)?;
    // Before anything is read: of two that write many files at once one does, and the other is told so at once.
    let journal = if arguments.dry_run { None } else { Some(workspace.begin_rekey()?) };
    let import = workspace.compare_owners(&arguments.paths, source.map(PathBuf::as_path), arguments.overwrite)?;
    let OwnerImport { source, changes, kept, alike, unnamed, errors } = import;
    CommandError::worst(errors.into_iter().map(CommandError::from).collect(), context.ui)?;
    for change in &changes {
        context.ui.note(&format!("{}: {} -> {}", change.target.shown, shown(change.before.as_deref()), change.after));
    }
    for keeps in &kept {
        let before = shown(keeps.before.as_deref());
        context.ui.note(&format!("{}: keeps {before}; --overwrite sets {}", keeps.target.shown, keeps.after));
    }
    if let Some(journal) = journal.filter(|_| !changes.is_empty()) {
        process::allow_open_files(2 * changes.len());
        workspace
            .set_owners(journal, &changes)
            .or_else(|errors| CommandError::worst(errors.into_iter().map(CommandError::from).collect(), context.ui))?;
    }
    let set = if arguments.dry_run { "would set" } else { "set" };
    let rest = [(kept.len(), "with another"), (alike, "with the same"), (unnamed, "that it names nobody for")];
    let rest = rest.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("; {count} {what}"));
    let rest: String = rest.collect();
    context.ui.note(&format!("{set} the owner of {} by {source}{rest}", count(changes.len(), "file")));
    Ok(())
}

fn shown(owner: Option<&str>) -> &str {
    owner.unwrap_or("-")
}
