//! `secret resolve`.

use std::path::PathBuf;

use clap::Args;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use super::encrypt::read_stdin;
use super::git::merge::{conflict_error, conflict_list, tell_left_out, words};
use super::set::drop_line_end;
use super::{CommandError, Context};
use crate::document;
use crate::envelope::native::{Choice, Conflict, ConflictKind, Decisions};
use crate::keys::Prompt;
use crate::workspace::{ConflictedFile, Workspace};

/// Settle the conflicts that a merge has left in an encrypted file
///
/// For each key take ours, theirs, or a new value: asked for at a terminal, or given by options. Everything else is
/// merged by key, and sealed to the readers whom no side has removed. In a rebase, ours is the branch that you rebase
/// onto. Nothing is written before all is decided.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct ResolveArgs {
    /// The file with the conflict
    file: PathBuf,
    /// Take ours for this key, and what is below it (can be repeated)
    #[arg(long, value_name = "KEY")]
    ours: Vec<String>,
    /// Take theirs for this key, and what is below it (can be repeated)
    #[arg(long, value_name = "KEY")]
    theirs: Vec<String>,
    /// Read a new value for this key from standard input
    #[arg(long, value_name = "KEY")]
    stdin: Option<String>,
    /// Take ours for all other keys in conflict
    #[arg(long, conflicts_with = "all_theirs")]
    all_ours: bool,
    /// Take theirs for all other keys in conflict
    #[arg(long)]
    all_theirs: bool,
    /// Only list the conflicts
    #[arg(long, conflicts_with_all = ["ours", "theirs", "stdin", "all_ours", "all_theirs"])]
    list: bool,
    /// With --list: print JSON
    #[arg(long, requires = "list")]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret resolve secrets/db.yaml --list
  secret resolve secrets/db.yaml --ours db.password --all-theirs
  openssl rand -hex 16 | secret resolve secrets/db.yaml --stdin db.password";

impl ResolveArgs {
    /// Tells whether the file may be written.
    pub fn writes(&self) -> bool {
        !self.list
    }
}

pub fn run(arguments: &ResolveArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    let shown = target.shown.clone();
    let file = workspace.conflicted(target)?;
    let conflicts = file.conflicts(&workspace)?;
    if arguments.list {
        return list(&conflicts, arguments.json, context);
    }
    let is_about_keys =
        |conflict: &Conflict| matches!(conflict.kind, ConflictKind::BothRekeyed | ConflictKind::OtherFile);
    if conflicts.iter().any(is_about_keys) {
        return Err(conflict_error(&shown, &conflicts, false));
    }
    let mut resolving = Resolving { conflicts: &conflicts, decisions: Decisions::default(), values: Vec::new() };
    resolving.read(arguments)?;
    if context.ui.has_terminal() {
        resolving.ask(&file, context)?;
    }
    let Resolving { decisions, values, .. } = resolving;
    settle(&workspace, &file, &decisions, &values, context)
}

fn settle(
    workspace: &Workspace<'_>,
    file: &ConflictedFile,
    decisions: &Decisions,
    values: &[(String, Zeroizing<String>)],
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let shown = &file.target.shown;
    match workspace.settle(file, decisions, values)? {
        Ok(settled) => {
            tell_left_out(shown, &settled.left_out, context);
            if !settled.surplus.is_empty() {
                context.ui.warn(&format!(
                    "{shown} can still be read by {}, whom the policy does not name; run `secret rekey` when the merge is committed",
                    settled.surplus.join(", ")
                ));
            }
            context.ui.note(&format!("settled {shown}"));
            context.ui.note("next: `git add` it, and go on with the merge");
            Ok(())
        }
        Err(left) => Err(conflict_list(shown, &left)
            .hint("decide with --ours KEY, --theirs KEY, --stdin KEY, --all-ours or --all-theirs, or at a terminal")),
    }
}

fn list(conflicts: &[Conflict], json: bool, context: &Context<'_>) -> Result<(), CommandError> {
    if json {
        let conflicts: Vec<_> = conflicts
            .iter()
            .map(|conflict| serde_json::json!({ "key": conflict.name, "kind": code(conflict.kind) }))
            .collect();
        return Ok(context.ui.print_json(&serde_json::json!({ "version": 1, "conflicts": conflicts }))?);
    }
    let rows: Vec<[String; 2]> =
        conflicts.iter().map(|conflict| [conflict.name.clone(), words(conflict.kind).to_owned()]).collect();
    Ok(context.ui.print_table(&rows)?)
}

/// What is decided so far.
struct Resolving<'c> {
    conflicts: &'c [Conflict],
    decisions: Decisions,
    values: Vec<(String, Zeroizing<String>)>,
}

impl Resolving<'_> {
    /// Takes over what the options say.
    fn read(&mut self, arguments: &ResolveArgs) -> Result<(), CommandError> {
        let ours = arguments.ours.iter().map(|key| (key, Choice::Ours));
        let theirs = arguments.theirs.iter().map(|key| (key, Choice::Theirs));
        for (key, choice) in ours.chain(theirs) {
            self.known(key)?;
            self.decisions.keys.push((key.clone(), choice));
        }
        if let Some(key) = &arguments.stdin {
            let conflict = self.known(key)?;
            if conflict.name != *key {
                return Err(CommandError::usage(format!("--stdin {key}: name one value")));
            }
            let name = conflict.name.clone();
            let kind = conflict.kind;
            let mut value = read_stdin()?;
            if value.is_empty() {
                return Err(
                    CommandError::failed("the value is empty").hint("see whether the program that writes it works")
                );
            }
            drop_line_end(&mut value);
            let value =
                document::into_text(value).ok_or_else(|| CommandError::failed("the value is not UTF-8 text"))?;
            self.replace(name, kind, value);
        }
        self.decisions.rest = match (arguments.all_ours, arguments.all_theirs) {
            (true, _) => Some(Choice::Ours),
            (_, true) => Some(Choice::Theirs),
            _ => None,
        };
        Ok(())
    }

    /// Finds a conflict that a key means.
    fn known(&self, key: &str) -> Result<&Conflict, CommandError> {
        self.conflicts.iter().find(|conflict| Decisions::means(key, &conflict.name)).ok_or_else(|| {
            CommandError::usage(format!("there is no conflict about {key}"))
                .hint("`secret resolve FILE --list` lists the conflicts")
        })
    }

    /// Has a new value take the place of both.
    fn replace(&mut self, name: String, kind: ConflictKind, value: Zeroizing<String>) {
        let keeper = if kind == ConflictKind::RemovedByOurs { Choice::Theirs } else { Choice::Ours };
        self.decisions.keys.push((name.clone(), keeper));
        self.values.push((name, value));
    }

    /// Asks about what no option has decided.
    fn ask(&mut self, file: &ConflictedFile, context: &Context<'_>) -> Result<(), CommandError> {
        for conflict in self.conflicts {
            if self.decisions.of(&conflict.name).is_none() {
                self.ask_one(conflict, file, context)?;
            }
        }
        Ok(())
    }

    fn ask_one(
        &mut self,
        conflict: &Conflict,
        file: &ConflictedFile,
        context: &Context<'_>,
    ) -> Result<(), CommandError> {
        let name = &conflict.name;
        let values = [Choice::Ours, Choice::Theirs].map(|choice| file.value(choice, name));
        let has_value = values.iter().any(Option::is_some);
        let more = if has_value { ", (s)how the values, (e)nter a new one" } else { "" };
        let question = format!("{name}: {}. Take (o)urs, (t)heirs{more}, or (q)uit", words(conflict.kind));
        loop {
            match context.ui.answer(&question)?.trim() {
                "o" | "ours" => self.decisions.keys.push((name.clone(), Choice::Ours)),
                "t" | "theirs" => self.decisions.keys.push((name.clone(), Choice::Theirs)),
                "s" | "show" if has_value => {
                    for (side, value) in ["ours", "theirs"].into_iter().zip(&values) {
                        context.ui.note(&format!("{side}:"));
                        match value {
                            Some(value) => context.ui.reveal(value.as_bytes())?,
                            None => context.ui.note("(removed)"),
                        }
                    }
                    continue;
                }
                "e" | "enter" if has_value => {
                    let value = context.ui.new_secret(&format!("new value of {name}"))?;
                    self.replace(name.clone(), conflict.kind, Zeroizing::new(value.expose_secret().to_owned()));
                }
                "q" | "quit" => return Err(CommandError::failed("nothing was written: not all is decided")),
                _ => continue,
            }
            return Ok(());
        }
    }
}

/// Returns the name of a kind in JSON.
fn code(kind: ConflictKind) -> &'static str {
    match kind {
        ConflictKind::BothAdded => "both-added",
        ConflictKind::BothChanged => "both-changed",
        ConflictKind::BothRekeyed => "both-rekeyed",
        ConflictKind::Line => "line",
        ConflictKind::OtherFile => "other-file",
        ConflictKind::RemovedByOurs => "removed-by-ours",
        ConflictKind::RemovedByTheirs => "removed-by-theirs",
        ConflictKind::Structure => "structure",
        ConflictKind::UnknownKey => "unknown-key",
    }
}
