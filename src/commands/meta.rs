//! `secret meta`.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;

use super::generate::parse_recipe;
use super::{CommandError, Context};
use crate::document::KeyPath;
use crate::envelope::native::Header;
use crate::ui::count;
use crate::workspace::{Keeping, LifecycleRequest, MetadataChange, SOON, Saved, ValueChange, ValueLife};

/// Change what the header says of a file, or of one value
///
/// Metadata stands in clear in the header (a recipe also sealed), authenticated; what is said of a value stays with it when its key is
/// renamed, and goes with it. An empty text removes a field.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct MetaArgs {
    /// The encrypted file
    file: PathBuf,
    /// The key of one value: db.users[0].password, "a.b".c [default: the whole file]
    key: Option<String>,
    #[command(flatten)]
    metadata: MetadataArgs,
    /// What one value is for
    #[arg(long, value_name = "TEXT", requires = "key")]
    description: Option<String>,
    /// Where more stands about one value, in place of what was said (can be repeated)
    #[arg(long = "link", value_name = "LINK", requires = "key")]
    links: Vec<String>,
    /// The recipe of which `secret rotate` makes the next value: password:32, hex:32, words:6
    #[arg(long, value_name = "RECIPE", requires = "key")]
    generate: Option<String>,
    /// Keep the recipe sealed: only who opens the file reads it (one that is sealed already stays so)
    #[arg(long, requires = "generate")]
    seal_recipe: bool,
    /// Remove all that is said of one value, also of one that is not in the file any more
    #[arg(long, requires = "key", conflicts_with_all = [
        "description", "links", "generate", "owner", "rotate_every", "rotation_due"
    ])]
    remove: bool,
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
    /// The day by which all values of that time must be replaced: 2027-01-31; what is replaced after it is not due by it
    #[arg(long, value_name = "DAY")]
    rotation_due: Option<String>,
    /// Accept a day that is past: what was last replaced on that day or before is overdue at once, nothing else
    #[arg(long, requires = "rotation_due")]
    allow_past: bool,
    /// A label (can be repeated)
    #[arg(long = "tag", value_name = "NAME=TEXT", value_parser = parse_tag)]
    tags: Vec<(String, String)>,
}

pub const EXAMPLES: &str = "\
Examples:
  secret meta secrets/db.yaml --owner payments --purpose \"the main database\"
  secret meta secrets/db.yaml --rotate-every 90d --tag tier=1
  secret meta secrets/db.yaml --owner \"\"
  secret meta secrets/db.yaml db.password --remove
  secret meta secrets/db.yaml db.password --owner dba --rotate-every 30d --generate password:32";

impl MetadataArgs {
    /// Returns what is to change.
    pub fn change(&self) -> MetadataChange {
        MetadataChange {
            owner: self.owner.clone(),
            purpose: self.purpose.clone(),
            rotate_every: self.rotate_every.clone(),
            rotation_due: self.rotation_due.clone(),
            tags: self.tags.iter().cloned().collect(),
            values: std::collections::BTreeMap::default(),
            allows_past: self.allow_past,
        }
    }

    /// Says how many values a day that is past makes overdue, as that may be none. The header is written already: what
    /// cannot be found out is not said.
    fn tell_overdue(&self, file: &Path, key: Option<&str>, context: &Context<'_>) {
        let day: Option<Date> = self.rotation_due.as_ref().and_then(|day| day.trim().parse().ok());
        let Some(day) = day.filter(|day| *day < context.env.today()) else { return };
        let request = LifecycleRequest { paths: vec![file.to_owned()], soon: SOON };
        let Some(found) = context.workspace(file).ok().and_then(|workspace| workspace.lifecycle(&request).ok()) else {
            return;
        };
        let key = key.map(|key| KeyPath::parse(key).map_or_else(|_| key.to_owned(), |path| path.to_string()));
        let meant: Vec<&ValueLife> = found.values.iter().filter(|value| key.is_none() || value.key == key).collect();
        let is_overdue = |value: &&&ValueLife| value.since <= day && value.due.is_some_and(|due| due <= day);
        let overdue = meant.iter().filter(is_overdue).count();
        match (overdue, meant.as_slice()) {
            (_, []) => {}
            (0, _) => context.ui.note(&format!("nothing is overdue by that day: all was replaced after {day}")),
            (overdue, meant) => context.ui.note(&format!(
                "overdue by that day: {overdue} of {}, last replaced on {day} or before",
                count(meant.len(), "value")
            )),
        }
    }
}

pub fn run(arguments: MetaArgs, context: &Context<'_>) -> Result<(), CommandError> {
    if let Some(key) = &arguments.key {
        return change_value(&arguments, key, context);
    }
    let change = arguments.metadata.change();
    if change == MetadataChange::default() {
        return Err(nothing_to_change());
    }
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    let shown = target.shown.clone();
    let saved = workspace.update_header(target, |target, header| {
        let metadata = change.apply(&header.metadata, context.env.today())?;
        workspace.check_required(target, &metadata)?;
        Ok(Header { metadata, ..header.clone() })
    })?;
    context.ui.note(&match saved {
        Saved::Changed => format!("changed the header of {shown}"),
        Saved::Unchanged => format!("the header of {shown} says so already"),
    });
    arguments.metadata.tell_overdue(&arguments.file, None, context);
    Ok(())
}

fn change_value(arguments: &MetaArgs, key: &str, context: &Context<'_>) -> Result<(), CommandError> {
    let MetadataArgs { owner, purpose, rotate_every, rotation_due, allow_past, tags } = &arguments.metadata;
    if purpose.is_some() || !tags.is_empty() {
        return Err(CommandError::usage("--purpose and --tag are for whole files")
            .hint("say what one value is for with --description"));
    }
    // As for `generate` and `rotate`: what the command line says wrongly is said of the command line.
    if let Some(recipe) = arguments.generate.as_deref().map(str::trim).filter(|recipe| !recipe.is_empty()) {
        parse_recipe(recipe)?;
    }
    let nothing = || Some(String::new());
    let change = if arguments.remove {
        ValueChange {
            owner: nothing(),
            description: nothing(),
            links: Some(Vec::new()),
            rotate_every: nothing(),
            rotation_due: nothing(),
            generate: nothing(),
            ..ValueChange::default()
        }
    } else {
        ValueChange {
            owner: owner.clone(),
            description: arguments.description.clone(),
            links: Some(arguments.links.clone()).filter(|links| !links.is_empty()),
            rotate_every: rotate_every.clone(),
            rotation_due: rotation_due.clone(),
            generate: arguments.generate.clone(),
            sealed_recipe: None,
            allows_past: *allow_past,
        }
    };
    if change == ValueChange::default() {
        return Err(nothing_to_change());
    }
    let keeping = if arguments.seal_recipe { Keeping::Sealed } else { Keeping::AsBefore };
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    let shown = target.shown.clone();
    let saved = workspace.change_value_metadata(target, key, &change, keeping)?;
    context.ui.note(&match saved {
        Saved::Changed if arguments.remove => format!("the header of {shown} says nothing of {key} any more"),
        Saved::Unchanged if arguments.remove => format!("the header of {shown} says nothing of {key}"),
        Saved::Changed => format!("changed what the header of {shown} says of {key}"),
        Saved::Unchanged => format!("the header of {shown} says so of {key} already"),
    });
    arguments.metadata.tell_overdue(&arguments.file, Some(key), context);
    Ok(())
}

fn nothing_to_change() -> CommandError {
    CommandError::usage("nothing to change; `secret info` shows the header")
}

fn parse_tag(text: &str) -> Result<(String, String), &'static str> {
    let (name, tag) = text.split_once('=').ok_or("write NAME=TEXT")?;
    Ok((name.to_owned(), tag.to_owned()))
}
