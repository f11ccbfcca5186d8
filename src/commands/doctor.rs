//! `secret doctor`: what was found, whether that is good, and what to do about it.

use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use super::{CommandError, Context};
use crate::fs::{Access, Pending, Reach, Storage};
use crate::keys::AllowedPlugin;
use crate::ui::count;
use crate::workspace::{Error, Examination, Exposed, SetUp, Workspace};

/// Check your set-up and this repository, and say what to do
///
/// Looks at your identities, your editor and the places for plaintext; at the policy, the governed files and git's
/// settings. Changes nothing, asks nothing, starts no program but git, and shows no value. Exits with 3 if a check fails;
/// a warning is no failure. It does not say that files are authentic: `secret decrypt` does, of what it opens.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret doctor
  secret doctor --json";

pub fn run(arguments: &DoctorArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let mut report = Report::default();
    report.set_up(&SetUp::examine(context.env, context.identities));
    match context.workspace(".".as_ref()) {
        Ok(workspace) => report.workspace(&workspace, context.env.today()),
        Err(error) => report.error("repository", &error),
    }
    let failed = report.checks.iter().filter(|check| check.state == State::Fail).count();
    if arguments.json {
        context.ui.print_json(&report.json())?;
    } else {
        context.ui.print_table(&report.rows())?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(CommandError::no(format!("{} failed", count(failed, "check")))),
    }
}

/// All checks, in the order of the report.
#[derive(Default)]
struct Report {
    checks: Vec<Check>,
}

/// One line of the report.
struct Check {
    name: &'static str,
    state: State,
    found: String,
    advice: Option<String>,
    files: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fail,
    Ok,
    Warn,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Ok => "ok",
            Self::Warn => "warn",
        }
    }
}

impl Report {
    fn add(&mut self, state: State, name: &'static str, found: impl Into<String>, advice: Option<String>) {
        self.checks.push(Check { name, state, found: found.into(), advice, files: Vec::new() });
    }

    fn ok(&mut self, name: &'static str, found: impl Into<String>) {
        self.add(State::Ok, name, found, None);
    }

    fn warn(&mut self, name: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(State::Warn, name, found, Some(advice.into()));
    }

    fn fail(&mut self, name: &'static str, found: impl Into<String>, advice: impl Into<String>) {
        self.add(State::Fail, name, found, Some(advice.into()));
    }

    fn error(&mut self, name: &'static str, error: &CommandError) {
        let (found, advice) = error.in_lines();
        self.add(State::Fail, name, found, advice);
    }

    /// Adds a check of files, where there are any.
    fn files(&mut self, state: State, name: &'static str, files: &[String], found: &str, advice: impl Into<String>) {
        if files.is_empty() {
            return;
        }
        let shown = files.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
        let more = if files.len() > SHOWN { format!(" and {} more", files.len() - SHOWN) } else { String::new() };
        let found = format!("{found}: {shown}{more}");
        self.checks.push(Check { name, state, found, advice: Some(advice.into()), files: files.to_vec() });
    }

    fn set_up(&mut self, found: &SetUp) {
        self.identities(found);
        self.exposed(found);
        match found.is_hardened {
            true => self.ok("memory", "this process leaves no core dump and cannot be traced"),
            false => self.warn(
                "memory",
                "the system does not protect this process against being dumped",
                "allow prctl and setrlimit where secret runs, for example in the container's seccomp profile",
            ),
        }
        match &found.scratch {
            Some((place, Storage::Memory)) => {
                self.ok("edit", format!("plaintext is edited in memory, in {}", place.display()));
            }
            Some((place, Storage::Disk)) => self.warn(
                "edit",
                format!("plaintext would be edited on disk, in {}", place.display()),
                "log in so that XDG_RUNTIME_DIR is set, or mount a tmpfs as /dev/shm",
            ),
            None => self.fail(
                "edit",
                "there is no place for the plaintext that an editor shows",
                "set XDG_RUNTIME_DIR, XDG_CACHE_HOME or HOME",
            ),
        }
        self.editor(found);
        self.plugins(found);
        self.left_behind(found);
    }

    fn plugins(&mut self, found: &SetUp) {
        let plugins = match &found.plugins {
            Ok(plugins) => plugins,
            Err(error) => return self.error("settings", &error.clone().into()),
        };
        for AllowedPlugin { name, program } in plugins {
            match program {
                Ok(program) => self.ok("plugin", format!("age-plugin-{name} is {}", program.display())),
                Err(error) => self.error("plugin", &error.clone().into()),
            }
        }
    }

    fn identities(&mut self, found: &SetUp) {
        match &found.identities {
            Err(error) => self.error("identity", &Error::from(error.clone()).into()),
            Ok(known) if known.is_empty() && found.broken.is_none() => {
                self.fail(
                    "identity",
                    "you have no identity",
                    "make one with `secret keygen`, or name a file with --identity",
                );
            }
            Ok(known) => {
                for identity in known {
                    let recipients: Vec<&str> =
                        identity.recipients.iter().map(crate::keys::Recipient::as_str).collect();
                    let recipients = match recipients.as_slice() {
                        [] => "its recipient is not known without the passphrase".to_owned(),
                        recipients => recipients.join(", "),
                    };
                    let lock = if identity.is_locked { "; needs a passphrase" } else { "" };
                    self.ok("identity", format!("{}: {recipients}{lock}", identity.origin));
                }
            }
        }
        if let Some(error) = &found.broken {
            self.warn("identity", error.to_string(), "mend or remove it; it is passed over while others open a file");
        }
    }

    fn exposed(&mut self, found: &SetUp) {
        for Exposed { path, is_folder, access } in &found.exposed {
            let path = path.display();
            let mode = if *is_folder { "go-w" } else { "go-rwx" };
            if access.is_foreign {
                let advice = format!("put it into the hands of your user: `chown` {path}");
                self.fail("modes", format!("{path} belongs to another user, who can replace it"), advice);
            } else {
                self.fail(
                    "modes",
                    format!("{path} {}", reach(*is_folder, *access)),
                    format!("run `chmod {mode} {path}`"),
                );
            }
        }
        match &found.identity_folder {
            None => self.warn("modes", "no configuration folder was found", "set HOME or XDG_CONFIG_HOME"),
            Some(_) if found.exposed.is_empty() => self.ok("modes", "nobody else can read or replace your identities"),
            Some(_) => {}
        }
    }

    fn editor(&mut self, found: &SetUp) {
        match &found.editor {
            Ok(editor) => match editor.caution() {
                None => self.ok("editor", editor.program().display().to_string()),
                Some(caution) => self.warn(
                    "editor",
                    format!("{}: {caution}", editor.program().display()),
                    "vim, neovim, nano and emacs are known: set EDITOR to one of them",
                ),
            },
            Err(error @ crate::process::ProcessError::NoEditor) => {
                self.warn("editor", error.to_string(), "set EDITOR, where you want to use `secret edit`");
            }
            Err(error) => self.fail("editor", error.to_string(), "set EDITOR to an installed program"),
        }
    }

    fn left_behind(&mut self, found: &SetUp) {
        let abandoned: Vec<String> = found
            .existing
            .iter()
            .filter(|folder| folder.is_abandoned)
            .map(|folder| folder.path.display().to_string())
            .collect();
        match found.existing.len() - abandoned.len() {
            0 => {}
            1 => self.ok("leftovers", "1 other `secret edit` runs"),
            running => self.ok("leftovers", format!("{running} other `secret edit` run")),
        }
        if !abandoned.is_empty() {
            let found = format!("plaintext of a killed edit cannot be removed: {}", abandoned.join(", "));
            self.fail("leftovers", found, "remove it by hand");
        }
        if let Some((folder, drafts)) = found.drafts.as_ref().filter(|(_, drafts)| *drafts > 0) {
            self.warn(
                "leftovers",
                format!("{} in {}, encrypted to you", count(*drafts, "draft"), folder.display()),
                "read them with `age -d -i IDENTITY FILE`, and remove what you do not need",
            );
        }
    }

    /// Says that a rekey was interrupted, or goes on.
    fn pending(&mut self, workspace: &Workspace<'_>) {
        let advice = "run `secret rekey`: any command that writes here does it";
        match workspace.pending() {
            Ok(None) => {}
            Ok(Some(Pending::Running)) => self.ok("rekey", "somebody is rekeying here at the moment"),
            Ok(Some(Pending::Incomplete)) => {
                self.warn("rekey", "one was interrupted before it had replaced anything; it will be undone", advice);
            }
            Ok(Some(Pending::Complete(files))) => {
                let files = count(files, "file");
                self.fail(
                    "rekey",
                    format!("one was interrupted while it replaced {files}; it will be finished"),
                    advice,
                );
            }
            Err(error) => self.error("rekey", &error.into()),
        }
    }

    fn workspace(&mut self, workspace: &Workspace<'_>, today: Date) {
        self.pending(workspace);
        let root = workspace.root().map(|root| root.display().to_string());
        match (root, workspace.is_shallow()) {
            (Some(root), Some(false)) => self.ok("repository", root),
            (Some(root), Some(true)) => self.warn(
                "repository",
                format!("{root} is a shallow clone: what was put back to an older state cannot be told"),
                "run `git fetch --unshallow` where you write secrets",
            ),
            (Some(root), None) => self.warn(
                "repository",
                format!("{root} is not in git: there is no history to compare with"),
                "run `git init`, where you mean to share secrets",
            ),
            (None, _) => {
                self.warn(
                    "repository",
                    "this is neither a git repository nor below a policy",
                    "run it in the repository, or with -C DIR",
                );
                return;
            }
        }
        // That there is none, or what is wrong with it, the next check says.
        if let Ok(Some(policy)) = workspace.policy() {
            self.ok(
                "policy",
                format!("{}, {}", count(policy.members.len(), "member"), count(policy.rules.len(), "rule")),
            );
        }
        match workspace.examine() {
            Ok(found) => {
                self.examination(&found, workspace.is_shallow().is_some(), today);
                self.wiring(workspace);
            }
            Err(error) => {
                let name = match error {
                    Error::Git(_) => "git",
                    Error::PathNotUtf8 { .. } => "files",
                    _ => "policy",
                };
                self.error(name, &error.into());
            }
        }
    }

    fn examination(&mut self, found: &Examination, is_in_git: bool, today: Date) {
        self.member(found);
        let is_clean = [&found.broken, &found.plaintext, &found.tracked_plaintext, &found.ignored_plaintext]
            .iter()
            .all(|files| files.is_empty());
        if is_clean {
            self.ok("files", format!("{}, all encrypted", count(found.encrypted, "governed file")));
        }
        let broken = "marked as encrypted, and unreadable";
        self.files(
            State::Fail,
            "files",
            &found.broken,
            broken,
            "run `secret info FILE` to see why; take it from git's history",
        );
        let tracked = "in plaintext, and in git";
        let advice =
            "run `secret encrypt FILE`, commit, and replace the values: what was committed stays in git's history";
        self.files(State::Fail, "files", &found.tracked_plaintext, tracked, advice);
        let plaintext = "in plaintext, and `git add` would take it";
        self.files(
            State::Fail,
            "files",
            &found.plaintext,
            plaintext,
            "run `secret encrypt FILE`, or add it to .gitignore",
        );
        let ignored = "in plaintext, though git ignores it";
        self.files(State::Warn, "files", &found.ignored_plaintext, ignored, "run `secret encrypt FILE`, or remove it");
        if found.opened > 0 {
            self.ok("opening", format!("your identity opens {}", count(found.opened, "file")));
        }
        let unopened = "not opened by your identity, which the header names";
        self.files(
            State::Fail,
            "opening",
            &found.unopened,
            unopened,
            "take it from git's history, or run `secret rekey --new-key FILE`",
        );
        let surplus = "readable by somebody whom the policy does not name";
        self.files(State::Fail, "drift", &found.surplus, surplus, "run `secret rekey`: it makes new data keys");
        let drifted = "not in line with the policy";
        self.files(State::Warn, "drift", &found.drifted, drifted, "run `secret rekey`");
        if found.surplus.is_empty() && found.drifted.is_empty() {
            self.ok("drift", "every file is in line with the policy");
        }
        if is_in_git {
            self.git(found);
        }
        match found.latest_day {
            // Days are in UTC, and clocks of others may be a little ahead.
            Some(day) if day > today.tomorrow().unwrap_or(today) => self.fail(
                "clock",
                format!("today is {today} here, and something was made on {day}"),
                "set the clock: days of replacement and due dates depend on it; or ask who committed it",
            ),
            _ => self.ok("clock", format!("today is {today} in UTC")),
        }
    }

    fn member(&mut self, found: &Examination) {
        if found.members.is_empty() {
            let text = "none of your recipients is in the policy";
            if found.has_unknown_recipient {
                self.warn("member", format!("{text}, as far as they are known"), "run `secret whoami`");
            } else {
                self.fail(
                    "member",
                    text,
                    "run `secret init`: it prints the line that lets you in, for a member to run",
                );
            }
            return;
        }
        let members = found.members.join(", ");
        let others = match found.unreadable.as_slice() {
            [] => String::new(),
            patterns => format!("; not {}", patterns.join(", ")),
        };
        match found.readable.as_slice() {
            [] => self.warn(
                "member",
                format!("you are {members}, and no rule names you as a reader"),
                "ask for a rule or group that does",
            ),
            patterns => self.ok("member", format!("you are {members}, and read {}{others}", patterns.join(", "))),
        }
    }

    fn git(&mut self, found: &Examination) {
        let (files, mut patterns): (Vec<String>, Vec<String>) = found.converted.iter().cloned().unzip();
        patterns.sort_unstable();
        patterns.dedup();
        let lines: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern} -text`")).collect();
        let advice = format!("add {} to .gitattributes", lines.join(" and "));
        self.files(State::Warn, "line ends", &files, "git may change line ends when it checks out", advice);
        if files.is_empty() {
            self.ok("line ends", "git keeps the bytes of every encrypted file");
        }
        if found.caching_drivers.is_empty() {
            self.ok("git cache", "git keeps no converted texts");
        } else {
            let drivers = found.caching_drivers.join(", ");
            self.fail(
                "git cache",
                format!("git keeps the texts of the diff driver {drivers} in its object store, plaintext too"),
                format!(
                    "run `git config --unset diff.{0}.cachetextconv` and `git update-ref -d refs/notes/textconv/{0}`",
                    found.caching_drivers[0]
                ),
            );
        }
        if found.has_rerere {
            self.warn(
                "rerere",
                "git records settled conflicts, and may settle one by a value that is old by then",
                "look at what it settles, or run `git config rerere.enabled false` here",
            );
        }
    }

    /// Says whether git knows of encrypted files in this clone. It works without, so that is never a failure.
    fn wiring(&mut self, workspace: &Workspace<'_>) {
        let state = match workspace.wiring() {
            Ok(Some(state)) => state,
            Ok(None) => return,
            Err(error) => {
                let (found, advice) = CommandError::from(error).in_lines();
                return self.add(State::Warn, "set-up", found, advice);
            }
        };
        let parts = [
            (state.has_hook, "no hook stops plaintext"),
            (state.has_drivers, "git diff and git merge do not know keys"),
            (state.has_attributes, ".gitattributes does not name the files of the policy's rules"),
        ];
        let missing: Vec<&str> = parts.iter().filter(|(is_there, _)| !is_there).map(|(_, what)| *what).collect();
        match missing.is_empty() {
            true => self.ok("set-up", "hook, drivers and attributes are set up in this clone"),
            false => self.warn("set-up", missing.join("; "), "run `secret git install`"),
        }
    }

    fn rows(&self) -> Vec<[String; 3]> {
        let mut rows = Vec::new();
        for check in &self.checks {
            rows.push([format!("{:4}", check.state.name()), check.name.to_owned(), check.found.clone()]);
            rows.extend(check.advice.iter().map(|advice| [String::new(), String::new(), format!("-> {advice}")]));
        }
        rows
    }

    fn json(&self) -> serde_json::Value {
        let checks = self.checks.iter().map(|check| {
            json!({
                "check": check.name, "state": check.state.name(), "found": check.found, "advice": check.advice,
                "files": check.files,
            })
        });
        json!({ "version": 1, "checks": checks.collect::<Vec<_>>() })
    }
}

fn reach(is_folder: bool, access: Access) -> &'static str {
    match (is_folder, access.write, access.read) {
        (true, Reach::Everybody, _) => "can be changed by every user: they can replace your identities",
        (true, ..) => "can be changed by its group: they can replace your identities",
        (false, _, Reach::Everybody) => "can be read by every user",
        (false, _, Reach::Group) => "can be read by its group",
        (false, ..) => "can be changed by others",
    }
}

/// How many files a line names.
const SHOWN: usize = 5;
