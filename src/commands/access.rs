//! `secret access`.

use clap::Args;
use serde_json::json;

use super::hint::quote;
use super::offboard::formats;
use super::whole::ALL;
use super::{CommandError, Context};
use crate::workspace::{Access, Granted, Knowledge, Reader};

/// Show which files and keys a member may read
///
/// Needs no identity. By the headers of the files, and by the policy where that differs; with --history also what the
/// member could ever read, in any commit of this clone.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct AccessArgs {
    /// The member; with --history also a former one
    member: String,
    /// Also what they could ever read
    #[arg(long)]
    history: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret access bob
  secret access bob --history --json";

pub fn run(arguments: &AccessArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(".".as_ref())?;
    let reader = || Reader::Member(arguments.member.clone());
    let access = workspace.access(&arguments.member)?;
    // Whom nothing names now was a reader once, or is unknown.
    let knowledge = (arguments.history || !access.is_named && !access.is_former)
        .then(|| workspace.knowledge(reader()))
        .transpose()?;
    let history = knowledge.as_ref().filter(|_| arguments.history);
    if arguments.json {
        return Ok(context.ui.print_json(&as_json(&arguments.member, &access, history))?);
    }
    for file in &access.files {
        let standing = match file.granted {
            Granted::Both => "",
            Granted::HeaderOnly => "  (no longer in the policy; `secret rekey` takes it away)",
            Granted::PolicyOnly => "  (not yet; `secret rekey` lets them in)",
            Granted::OtherKeys => "  (with other keys than in the policy; `secret rekey` lets in those of the policy)",
        };
        context.ui.print(&format!("{}{standing}", file.file))?;
        let keys = if file.keys.is_empty() { &[ALL.to_owned()][..] } else { &file.keys[..] };
        keys.iter().try_for_each(|key| context.ui.print(&format!("  {key}")))?;
    }
    for (file, why) in &access.unread {
        context.ui.warn(&format!("{file} cannot be read, and may name them: {why}"));
    }
    let name = &arguments.member;
    match history {
        Some(history) => {
            if !access.files.is_empty() {
                context.ui.print("")?;
            }
            formats::text(history).iter().try_for_each(|line| context.ui.print(line))?;
        }
        None if !access.is_named => context.ui.note(&format!(
            "{name} may read nothing now; `secret access {} --history` lists what they could read",
            quote(name)
        )),
        None if access.files.is_empty() => context.ui.note(&format!("{name} may read nothing")),
        None => {}
    }
    Ok(())
}

fn as_json(member: &str, access: &Access, history: Option<&Knowledge>) -> serde_json::Value {
    let files: Vec<serde_json::Value> = access
        .files
        .iter()
        .map(|file| json!({ "file": file.file, "access": file.granted.name(), "keys": file.keys }))
        .collect();
    let unread: Vec<serde_json::Value> =
        access.unread.iter().map(|(file, why)| json!({ "file": file, "reason": why })).collect();
    json!({
        "version": 1, "member": member, "is_former": !access.is_named, "files": files, "unread": unread,
        "history": history.map(formats::json),
    })
}
