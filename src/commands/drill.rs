//! `secret drill`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{CommandError, Context};
use crate::keys::Identities;
use crate::policy::MemberKind;
use crate::ui::count;
use crate::workspace::{Drill, Drilled, DrilledMember, Failure, Workspace};

/// Prove that members, machines and break-glass keys can open what they should
///
/// With the identities at hand every file that they are for is really opened, each identity by itself; no value is
/// shown. Of members without an identity here only the headers can be compared with the policy. Exits with 3 when
/// something that should be opened cannot be, or when the policy has break-glass members and none of them can open a
/// file.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct DrillArgs {
    /// Only these files and folders [default: all of the repository]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Open with this identity file and no other; asks for its passphrase
    #[arg(long = "as", value_name = "IDENTITY-FILE")]
    identity: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret drill
  secret drill --as ~/.config/secret/identities.txt
  secret drill secrets/prod --json";

pub fn run(arguments: &DrillArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let start = arguments.paths.first().cloned().unwrap_or_else(|| ".".into());
    let given = arguments.identity.as_slice();
    let own;
    let identities = if given.is_empty() {
        context.identities
    } else {
        own = Identities::discover(context.env, given, context.ui);
        own.unlock_all().map_err(|error| CommandError::identity(&error))?;
        &own
    };
    let workspace = Workspace::around(context.env, &start, identities)?;
    let drill = workspace.drill(&arguments.paths)?;
    if arguments.json {
        context.ui.print_json(&as_json(&drill))?;
    } else {
        print(&drill, context)?;
    }
    if !given.is_empty() && drill.members.values().all(|member| member.how == Drilled::ByHeaders) {
        return Err(CommandError::no("the identity belongs to no member and no reader")
            .hint("`secret member list` shows whose recipients there are"));
    }
    conclude(&drill, context)
}

fn print(drill: &Drill, context: &Context<'_>) -> Result<(), CommandError> {
    let rows: Vec<[String; 4]> = drill
        .members
        .iter()
        .map(|(name, member)| {
            let how = match member.how {
                Drilled::ByHeaders => "could, by the headers",
                Drilled::Opened => "opened",
            };
            let kind = member.kind.map_or("not a member", |kind| kind.name());
            [
                name.clone(),
                kind.to_owned(),
                format!("{} of {}", member.can, count(member.should, "file")),
                how.to_owned(),
            ]
        })
        .collect();
    context.ui.print_table(&rows)?;
    for (name, member) in &drill.members {
        for (file, failure) in &member.failures {
            context.ui.print(&format!("{name} cannot open {file}: {}", why(failure)))?;
        }
    }
    for (file, error) in &drill.unread {
        let error = error.to_string();
        let why = error.strip_prefix(file.as_str()).and_then(|why| why.strip_prefix(": ")).unwrap_or(&error);
        context.ui.print(&format!("nobody can open {file}: {why}"))?;
    }
    for file in &drill.beyond_break_glass {
        context.ui.print(&format!("no break-glass member can open {file}"))?;
    }
    for (file, name) in &drill.single_reader {
        context.ui.print(&format!("only {name} can open {file}"))?;
    }
    Ok(())
}

fn conclude(drill: &Drill, context: &Context<'_>) -> Result<(), CommandError> {
    let failed: usize = drill.members.values().map(|member| member.failures.len()).sum();
    if drill.is_passed() {
        context.ui.note(&format!("all that should be opened can be ({})", count(drill.files, "file")));
        return Ok(());
    }
    let mut parts = Vec::new();
    if failed > 0 {
        parts.push(format!("{} failed", count(failed, "opening")));
    }
    if !drill.unread.is_empty() {
        parts.push(format!("{} cannot be read", count(drill.unread.len(), "file")));
    }
    if !drill.beyond_break_glass.is_empty() {
        parts.push(format!("{} beyond every break-glass key", count(drill.beyond_break_glass.len(), "file")));
    }
    Err(CommandError::no(parts.join(", "))
        .hint("`secret rekey` lets in whom the policy names; `secret verify` says more of what is broken"))
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::NotReader => "the policy lets them in, the file does not yet".to_owned(),
        Failure::OtherRecipients => "it is for other recipients than the policy names".to_owned(),
        Failure::Refused(error) => error.to_string(),
    }
}

fn as_json(drill: &Drill) -> Value {
    let member = |(name, member): (&String, &DrilledMember)| {
        let failures: Vec<Value> =
            member.failures.iter().map(|(file, failure)| json!({ "file": file, "reason": why(failure) })).collect();
        let how = match member.how {
            Drilled::ByHeaders => "headers",
            Drilled::Opened => "opened",
        };
        json!({
            "name": name, "kind": member.kind.map(MemberKind::name), "checked": how, "should": member.should,
            "can": member.can, "failures": failures,
        })
    };
    let single: Vec<Value> =
        drill.single_reader.iter().map(|(file, name)| json!({ "file": file, "reader": name })).collect();
    let unread: Vec<Value> =
        drill.unread.iter().map(|(file, error)| json!({ "file": file, "reason": error.to_string() })).collect();
    json!({
        "version": 1, "files": drill.files, "passed": drill.is_passed(),
        "members": drill.members.iter().map(member).collect::<Vec<_>>(),
        "beyond_break_glass": drill.beyond_break_glass, "single_reader": single, "unread": unread,
    })
}
