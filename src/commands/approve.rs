//! `secret approve`.

use clap::Args;
use jiff::civil::Date;

use super::consent::ConsentArgs;
use super::member::to_let_in;
use super::recipients::{parse_kind, parse_last_day, refuse_past, warn_of_namesake};
use super::rekey::{RekeyTerms, bring_in_line};
use super::{CommandError, Context};
use crate::policy::{Member, MemberKind};
use crate::workspace::{NewMember, Workspace};

/// Take a newcomer into the policy who has left a request
///
/// Shows the keys and what they would read, asks, and removes the request. Its groups are a wish: only those that you
/// name with --group are joined. Make sure by another way that the keys are really theirs.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ApproveArgs {
    /// The name in the request
    name: String,
    /// A group to join (can be repeated) [default: none]
    #[arg(long = "group", short, value_name = "GROUP")]
    groups: Vec<String>,
    /// What sort of member, whatever the request says: person, machine, break-glass
    #[arg(long, value_parser = parse_kind)]
    kind: Option<MemberKind>,
    /// The last day of the membership
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_last_day)]
    expires: Option<Date>,
    /// Let them read at once: rekey in the same step
    #[arg(long)]
    rekey: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret approve carol --group team --yes
  secret approve carol --group team --expires 2030-12-31 --rekey --yes";

pub fn run(arguments: ApproveArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let ApproveArgs { name, groups, kind, expires, rekey, yes } = arguments;
    refuse_past(expires, context)?;
    let ui = context.ui;
    let mut workspace = context.workspace(".".as_ref())?;
    let stored = workspace.request(&name)?;
    let request = &stored.request;
    if let Some(unknown) =
        groups.iter().find(|group| workspace.required_policy().is_ok_and(|policy| !policy.groups.contains_key(*group)))
    {
        return Err(CommandError::usage(format!("there is no group {unknown:?}"))
            .hint("`secret group list` shows the groups, and who is in them"));
    }
    let kind = kind.unwrap_or(request.kind);
    let recipients = request.recipients.clone();
    let member = Member { expires, ..Member::new(recipients.clone(), kind) };
    let new = NewMember { name: name.clone(), member, groups: groups.clone() };
    let change = workspace.with_member(&new)?;
    let reads = Workspace::rules_read_by(change.policy(), &name);

    warn_of_namesake(&name, &workspace, context);
    ui.note(&format!("{name} ({kind}) asks to become a member, with"));
    for recipient in &recipients {
        ui.note(&format!("  {recipient}"));
    }
    let wished: Vec<&str> = request.groups.iter().map(String::as_str).collect();
    if wished != groups.iter().map(String::as_str).collect::<Vec<_>>() && !wished.is_empty() {
        ui.note(&format!("  and wishes to be in {}: only --group decides", wished.join(", ")));
    }
    ui.note(&match groups.as_slice() {
        [] => format!("{name} would be in no group"),
        groups => format!("{name} would be in {}", groups.join(", ")),
    });
    ui.note(&match reads.as_slice() {
        [] => format!("{name} would read nothing"),
        rules => format!("{name} would read {}", rules.join(", ")),
    });
    if !yes {
        if !ui.has_terminal() {
            return Err(CommandError::failed(format!("nobody has agreed to take {name} into the policy"))
                .hint("answer at a terminal, or give --yes"));
        }
        if !ui.confirm(&format!("Are these keys really those of {name}, and may they read that?"))? {
            return Err(CommandError::failed(format!("{name} was not taken into the policy")));
        }
    }
    workspace.propose(change);
    if rekey {
        // What was agreed to just now: this reader, and no other.
        let consent = ConsentArgs { yes: false, add: vec![name.clone()] };
        bring_in_line(&workspace, workspace.begin_rekey()?, &[], &consent, &RekeyTerms::of_part(), context)?;
    } else {
        workspace.write_proposed()?;
    }
    workspace.remove_request(&stored)?;
    ui.note(&format!("added {name} to the policy, and removed {}", stored.shown));
    if !rekey {
        ui.note(&match reads.as_slice() {
            [] => to_let_in(&name),
            _ => "next: commit both, then `secret rekey` lets them read".to_owned(),
        });
    }
    Ok(())
}
