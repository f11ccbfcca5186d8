//! `secret offboard`, and what `member remove` and `compromised` share with it.

pub mod formats;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::consent::ConsentArgs;
use super::rekey::RekeyTerms;
use super::{CommandError, Context};
use crate::fs::Journal;
use crate::ui::count;
use crate::workspace::{Knowledge, Reader, Unreach, Unreached, ValueLife, Workspace};

/// Take a member out, and list every value that they could ever read
///
/// With --plan it only lists: from git's history, without any key, each value of each version that the member's keys
/// open, and whether it was replaced since. Without, it then does what `secret member remove` does: the member leaves the
/// policy, and every file that they read gets a new data key in the same step. The old values stay readable in history:
/// replace them where they are used. Until then they are exposed, as `secret due` tells.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct OffboardArgs {
    /// The member
    name: String,
    /// Only list what the member could read; needs no identity and changes nothing
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    consent: ConsentArgs,
}

/// How the list is printed.
#[derive(Args)]
pub struct OutputArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How the list is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// The formats of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As --json
    Json,
    /// A list with boxes to tick, for an issue
    Markdown,
    /// Lines for people
    Text,
}

pub const EXAMPLES: &str = "\
Examples:
  secret offboard bob --plan
  secret offboard bob --plan --format markdown > offboarding.md
  secret offboard bob --yes";

impl OffboardArgs {
    /// Tells whether policy and files may be written.
    pub fn writes(&self) -> bool {
        !self.plan
    }
}

pub fn run(arguments: &OffboardArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let OffboardArgs { name, plan, output, consent } = arguments;
    if *plan {
        let workspace = context.workspace(".".as_ref())?;
        return output.print(&workspace.knowledge(Reader::Member(name.clone()))?, context);
    }
    remove(name, output, consent, context)
}

impl OutputArgs {
    /// Prints what somebody knows.
    pub fn print(&self, knowledge: &Knowledge, context: &Context<'_>) -> Result<(), CommandError> {
        let ui = context.ui;
        match if self.json { Format::Json } else { self.format } {
            Format::Json => ui.print_json(&formats::json(knowledge))?,
            Format::Markdown => ui.print_text(&formats::markdown(knowledge))?,
            Format::Text => formats::text(knowledge).iter().try_for_each(|line| ui.print(line))?,
        }
        Ok(())
    }
}

impl OutputArgs {
    /// Prints the values of files that got out.
    pub fn print_values(&self, values: &[ValueLife], context: &Context<'_>) -> Result<(), CommandError> {
        let ui = context.ui;
        match if self.json { Format::Json } else { self.format } {
            Format::Json => ui.print_json(&formats::values_json(values))?,
            Format::Markdown => ui.print_text(&formats::values_markdown(values))?,
            Format::Text => formats::values_text(values).iter().try_for_each(|line| ui.print(line))?,
        }
        Ok(())
    }
}

/// Takes a member out of the policy and of all files.
pub fn remove(
    name: &str,
    output: &OutputArgs,
    consent: &ConsentArgs,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let mut workspace = context.workspace(".".as_ref())?;
    consent.check(&workspace)?;
    // Before anything is read: whoever lets somebody in or takes somebody out waits until this is done.
    let journal = workspace.begin_rekey()?;
    workspace.refuse_self(name)?;
    // Whatever would keep the removal from being done is said before anything is printed. Who left the policy by hand is
    // still to be taken out of the files.
    let is_member = workspace.required_policy()?.member(name).is_some();
    let change = is_member.then(|| workspace.without_member(name)).transpose()?;
    let knowledge = workspace.knowledge(Reader::Member(name.to_owned()))?;
    refuse_unreached(&knowledge)?;
    let affected = knowledge.affected_files();
    if !is_member && affected.is_empty() {
        output.print(&knowledge, context)?;
        context.ui.note(&format!("{name} is in no policy and no file any more: nothing to take out"));
        return Ok(());
    }
    if let Some(change) = change {
        workspace.propose(change);
    }
    workspace.expose_to(name, &knowledge.unrecorded);
    output.print(&knowledge, context)?;
    let what = if is_member { format!("{name} leaves the policy; ") } else { String::new() };
    agree(&format!("{what}{} to rekey", count(affected.len(), "file")), consent, context)?;
    rekey(&mut workspace, journal, &affected, consent, context)?;
    if is_member {
        context.ui.note(&format!("removed {name} from the policy"));
    }
    advise(knowledge.to_replace().count(), context);
    Ok(())
}

/// Refuses to take somebody out of some of their files only.
pub fn refuse_unreached(knowledge: &Knowledge) -> Result<(), CommandError> {
    if knowledge.unreached.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{} reads {} that cannot be rekeyed as it is here; nothing was changed",
        knowledge.reader.name(),
        count(knowledge.unreached.len(), "file")
    );
    let has = |is: fn(&Unreach) -> bool| knowledge.unreached.iter().any(|file| is(&file.why));
    let is_broken = has(|why| matches!(why, Unreach::Unreadable(_)));
    let error = if is_broken { CommandError::not_authentic(what) } else { CommandError::failed(what) };
    let mut error = error.more(knowledge.unreached.iter().map(|Unreached { file, why }| match why {
        Unreach::Missing => format!("  {file}: not in this work tree"),
        Unreach::Plaintext => format!("  {file}: in plaintext"),
        Unreach::Unreadable(why) => format!("  {file}: {why}"),
    }));
    if has(|why| *why == Unreach::Plaintext) {
        error = error.hint("`secret encrypt FILE` first what is in plaintext");
    }
    if is_broken || has(|why| *why == Unreach::Missing) {
        error = error
            .hint("`git checkout HEAD -- FILE` brings back what is broken or missing; commit first what is to be gone");
    }
    Err(error)
}

/// Rekeys files, by their paths from the root, and writes the proposed policy: in one step.
pub fn rekey(
    workspace: &mut Workspace<'_>,
    journal: Journal,
    files: &[String],
    consent: &ConsentArgs,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    if files.is_empty() {
        return Ok(workspace.write_proposed()?);
    }
    let here = context.env.current_dir();
    let root = workspace.root().unwrap_or(here);
    let path = |file: &String| {
        let path = root.join(file);
        path.strip_prefix(here).map(PathBuf::from).unwrap_or(path)
    };
    let files: Vec<PathBuf> = files.iter().map(path).collect();
    super::rekey::bring_in_line(workspace, journal, &files, consent, &RekeyTerms::of_part(), context)
}

/// Asks once for all of it.
pub fn agree(statement: &str, consent: &ConsentArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let ui = context.ui;
    if consent.yes || (ui.has_terminal() && ui.confirm(&format!("{statement}. Go on?"))?) {
        return Ok(());
    }
    let hint = "answer at a terminal, or give --yes";
    Err(CommandError::failed(format!("{statement}; nobody has agreed to that")).hint(hint))
}

/// Says what is left to do.
pub fn advise(count: usize, context: &Context<'_>) {
    context
        .ui
        .note("what was readable before stays readable in git's history and in every clone: no tool takes it back");
    context.ui.note(&match count {
        0 => "next: commit".to_owned(),
        1 => "next: commit, then replace 1 value where it is used; `secret due` tells whether it is done".to_owned(),
        count => {
            format!("next: commit, then replace {count} values where they are used; `secret due` lists what is left")
        }
    });
}
