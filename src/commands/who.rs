//! `secret who`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::{Inspected, former_reader};

/// Show who can read a file, and where that differs from the policy
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct WhoArgs {
    /// The encrypted file
    file: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret who secrets/db.yaml";

pub fn run(arguments: &WhoArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let Inspected { target, header, .. } = workspace.inspect(workspace.target(&arguments.file)?)?;
    let drift = workspace.drift(&target, &header)?;
    let is_changed = |name: &str| drift.changed.iter().any(|reader| reader.name == name);
    let state = |name: &String| {
        if drift.surplus.contains(name) {
            "no longer in the policy"
        } else if is_changed(name) {
            "with other keys than in the policy"
        } else {
            ""
        }
    };
    let former: Vec<&str> = header.exposed.iter().map(|exposure| exposure.member.as_str()).collect();
    if arguments.json {
        return Ok(context.ui.print_json(&serde_json::json!({
            "version": 1, "readers": header.recipients,
            "surplus": drift.surplus, "missing": drift.missing,
            "changed": drift.changed.iter().map(|reader| &reader.name).collect::<Vec<_>>(), "former_readers": former,
        }))?);
    }
    let mut rows: Vec<[String; 2]> =
        header.recipients.keys().map(|name| [name.clone(), state(name).to_owned()]).collect();
    rows.extend(drift.missing.iter().map(|name| [name.clone(), "cannot yet; the policy names them".to_owned()]));
    rows.extend(header.exposed.iter().map(|exposure| {
        let reads_on = header.recipients.contains_key(&exposure.member);
        let who = former_reader(&exposure.member, reads_on, str::to_owned);
        [who, format!("no longer, since {}; knew generation {}", exposure.day, exposure.generation)]
    }));
    context.ui.print_table(&rows)?;
    if !drift.is_empty() {
        context.ui.hint("`secret rekey` brings the file in line with the policy");
    }
    Ok(())
}
