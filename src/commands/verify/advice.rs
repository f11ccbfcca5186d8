//! What to do about each finding of `verify`.

use std::path::Path;

use super::super::hint::{option_of, quote};
use crate::fs;
use crate::git::ObjectId;
use crate::workspace::{Finding, Gained, Problem, VerifyReport};

/// What else is known where a finding was made.
#[derive(Clone, Copy)]
pub(super) struct Circumstances<'r> {
    /// What the user calls the commit that a range is compared with.
    base: Option<&'r str>,
    /// Whether the file is a copy that stands elsewhere than its header says, and not the one that was copied.
    is_copy: bool,
}

impl<'r> Circumstances<'r> {
    /// Returns those of a finding of a report.
    pub(super) fn of(finding: &Finding, report: &'r VerifyReport) -> Self {
        let mut here = report.findings.iter().filter(|other| other.path == finding.path);
        let (mut is_moved, mut has_twin) = (false, false);
        here.by_ref().for_each(|other| match other.problem {
            Problem::Moved { .. } => is_moved = true,
            Problem::Copy { .. } => has_twin = true,
            _ => {}
        });
        Self { base: report.base.as_deref(), is_copy: is_moved && has_twin }
    }
}

/// Returns what to do, in one line.
pub(super) fn advice(finding: &Finding, Circumstances { base, is_copy }: Circumstances<'_>) -> String {
    let path = quote(&finding.path);
    if finding.commit.is_none() && Path::new(&finding.path).file_name().is_some_and(fs::is_temporary) {
        return format!(
            "an interrupted command left it; `git rm --cached -- {path}`, and the next one that writes there removes it"
        );
    }
    if let Some(advice) = finding.commit.and_then(|commit| of_commit(&finding.problem, &path, commit, base)) {
        return advice;
    }
    match &finding.problem {
        Problem::BadName => "rename it with `git mv`".to_owned(),
        Problem::BrokenHeader(_) => format!(
            "take it from git's history: `git log -- {path}`; headers are changed with `secret meta` and `secret rekey`"
        ),
        Problem::BrokenStructure(_) | Problem::BrokenToken(_) => format!(
            "take it from git's history: `git log -- {path}`; encrypted files are changed with `secret edit` and `secret set`"
        ),
        // It takes the sides from the markers where git's index has them no more.
        Problem::Conflict => format!("settle it with `secret resolve {path}`, then `git add -- {path}`"),
        Problem::Copy { .. } | Problem::Moved { .. } if is_copy => key_of_its_own(&path),
        Problem::Copy { other } => key_of_its_own(&quote(other)),
        Problem::Decrypted | Problem::Plaintext { .. } => {
            format!("`secret encrypt {path}`, then `git add -- {path}`; or change the rule")
        }
        Problem::ExpiredMember { member, .. } => format!(
            "`secret member remove {0}` ends it; `secret member expires {0} DAY` gives another day",
            quote(member)
        ),
        Problem::Exposed { .. } | Problem::Overdue { .. } => {
            format!("replace the values where they are used, then `secret rotate {path} KEY`")
        }
        Problem::ExtraReader { .. } => {
            format!(
                "`secret rekey {path}` takes them out; if it says that the header was changed by hand, `git checkout HEAD -- \
                 {path}` takes it back; or have the policy changed first, in a change of its own"
            )
        }
        Problem::MetadataLeft { keys, .. } => {
            let remove = keys.iter().map(|key| format!("`secret meta {path} {} --remove`", quote(key)));
            remove.collect::<Vec<_>>().join(", ")
        }
        Problem::MetadataMalformed { .. } | Problem::MetadataMissing { .. } => format!("`secret meta {path} --help`"),
        Problem::MissingReader { expired, .. } if !expired.is_empty() => {
            let ends = expired.iter().map(|member| format!("`secret member remove {}`", quote(member)));
            format!(
                "{} ends it (`secret member expires NAME DAY` gives another day); then `secret rekey {path}`",
                ends.collect::<Vec<_>>().join(", ")
            )
        }
        Problem::MissingReader { .. } => format!("`secret rekey {path}`"),
        Problem::Moved { recorded } => {
            let recorded = quote(recorded);
            format!("put it back with `mv -n {path} {recorded}`, and move it with `secret mv {recorded} {path}`")
        }
        Problem::OlderHeader { .. } | Problem::OlderValue { .. } => {
            format!("take the newest one, from before this change; `git log -p -- {path}` shows the others")
        }
        Problem::OtherFile => {
            "whoever wrote it had no key of the file before, or began anew with --fresh: ask them, and compare the values".to_owned()
        }
        Problem::PolicyInvalid(_) => "correct .secret.toml".to_owned(),
        Problem::PolicyNested => format!("move its rules into .secret.toml at the root, and remove {path}"),
        Problem::PolicyRemoved => "bring .secret.toml back".to_owned(),
        Problem::PolicyWidens(gain) => match &gain.what {
            Gained::Key(member) | Gained::Reader(member) => {
                format!("review who that is; when that is done, --accept {} lets it pass", quote(member))
            }
            Gained::Clear(_) | Gained::Ungoverned => "review whether that may stand in clear".to_owned(),
        },
        Problem::PrivateKey(_) => {
            format!("take it out: `git restore --staged -- {path}`; withdraw the key if anybody else has seen it")
        }
        Problem::SealsLess { .. } => format!("`secret rekey {path}` seals it"),
        Problem::Symlink => "replace it by the file itself".to_owned(),
        Problem::Unchecked(_) => "run it in a full clone: `git fetch --unshallow` brings what a shallow one lacks, `git clone` without --filter what \
             a partial one does; else `git fsck` lists what is missing"
                .to_owned(),
        Problem::Ungoverned => format!("add a rule for {path} to .secret.toml"),
        Problem::Unsealed { .. } => {
            "replace the value if anybody else has seen it; take the file from git's history, and make the change with `secret set`".to_owned()
        }
        Problem::ValuesUnsaid { keys, fields, .. } => {
            let options: Vec<String> = fields.iter().map(|field| format!("{} …", option_of(field))).collect();
            let key = keys.first().map(|key| quote(key)).unwrap_or_default();
            format!("`secret meta {path} {key} {}`", options.join(" "))
        }
        Problem::WrappedKey => {
            format!("take it from git's history: `git log -- {path}`, `git checkout COMMIT~ -- {path}`; then `secret rekey {path}`")
        },
    }
}

/// Returns what to do about what a commit of a range keeps, whatever later commits make of it.
fn of_commit(problem: &Problem, path: &str, commit: ObjectId, base: Option<&str>) -> Option<String> {
    Some(match problem {
        Problem::Decrypted | Problem::Plaintext { .. } => format!(
            "replace the values, for history keeps them; then {}, with the file as `secret encrypt {path}` makes it",
            rewrite(commit)
        ),
        // No later commit helps: each one counts, for history keeps the file as it was.
        Problem::ExtraReader { .. } => {
            let name = base.unwrap_or("BASE");
            let base = quote(name);
            format!(
                "every commit counts, for history keeps it: `git rebase {base}` makes them anew, with the readers of {name}; \
                 if it is still so after that, `secret rekey {path}`, commit, and squash them with `git rebase -i {base}`; \
                 or have the policy changed first, in a change of its own"
            )
        }
        Problem::PrivateKey(_) => {
            format!("withdraw the key, for history keeps it; then {}, without the key", rewrite(commit))
        }
        Problem::SealsLess { .. } => {
            let base = quote(base.unwrap_or("BASE"));
            format!(
                "`secret rekey {path}` seals it, then commit; what stood in clear history keeps: replace it, and squash \
                 the commits with `git rebase -i {base}`, if they are nobody else's yet"
            )
        }
        Problem::Unsealed { .. } => format!(
            "replace the value, for history keeps it; then {}, with the change made by `secret set`",
            rewrite(commit)
        ),
        _ => return None,
    })
}

/// How to part a copy from what it was copied from.
fn key_of_its_own(copy: &str) -> String {
    format!(
        "give the copy a key of its own: `secret decrypt --in-place --at-any-path {copy}`, then `secret encrypt --fresh {copy}`"
    )
}

/// How to make a commit anew, which history would keep else.
fn rewrite(commit: ObjectId) -> String {
    format!("rewrite the commit (`git rebase -i {}~`) if it is nobody else's yet", commit.short())
}
