//! `secret meta`.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::envelope::native::Header;
use crate::workspace::{MetadataChange, Saved};

/// Change what the header says of a file
///
/// Metadata stands in clear in the header, authenticated. An empty value removes a field.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct MetaArgs {
    /// The encrypted file
    file: PathBuf,
    #[command(flatten)]
    metadata: MetadataArgs,
}

/// The fields of a header that people write.
#[derive(Args)]
pub struct MetadataArgs {
    /// Who answers for the values
    #[arg(long)]
    owner: Option<String>,
    /// What the values are for
    #[arg(long)]
    purpose: Option<String>,
    /// How often values are replaced: 90d, 12w, 6mo, 1y
    #[arg(long, value_name = "PERIOD")]
    rotate_every: Option<String>,
    /// The day by which all values must be replaced: 2027-01-31
    #[arg(long, value_name = "DAY")]
    rotation_due: Option<String>,
    /// A label (can be repeated)
    #[arg(long = "tag", value_name = "NAME=TEXT", value_parser = parse_tag)]
    tags: Vec<(String, String)>,
}

pub const EXAMPLES: &str = "\
Examples:
  secret meta secrets/db.yaml --owner payments --purpose \"the main database\"
  secret meta secrets/db.yaml --rotate-every 90d --tag tier=1
  secret meta secrets/db.yaml --owner \"\"";

impl MetadataArgs {
    /// Returns what is to change.
    pub fn change(&self) -> MetadataChange {
        MetadataChange {
            owner: self.owner.clone(),
            purpose: self.purpose.clone(),
            rotate_every: self.rotate_every.clone(),
            rotation_due: self.rotation_due.clone(),
            tags: self.tags.iter().cloned().collect(),
        }
    }
}

pub fn run(arguments: MetaArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let change = arguments.metadata.change();
    if change == MetadataChange::default() {
        return Err(CommandError::usage("nothing to change; `secret info` shows the header"));
    }
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    let shown = target.shown.clone();
    let saved = workspace.update_header(target, |target, header| {
        let metadata = change.apply(&header.metadata)?;
        workspace.check_required(target, &metadata)?;
        Ok(Header { metadata, ..header.clone() })
    })?;
    context.ui.note(&match saved {
        Saved::Changed => format!("changed the header of {shown}"),
        Saved::Unchanged => format!("the header of {shown} says so already"),
    });
    Ok(())
}

fn parse_tag(text: &str) -> Result<(String, String), &'static str> {
    let (name, tag) = text.split_once('=').ok_or("write NAME=TEXT")?;
    Ok((name.to_owned(), tag.to_owned()))
}
