//! What the two ends of a range say: whose policy decides, what its change opens, and what the last commit makes of it all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use super::copies::Copies;
use super::finding::{Finding, Level, Problem};
use super::judge::Judge;
use super::policies::{Stored, of_policy, widened};
use super::store::{Wanted, examine, want};
use super::{Search, VerifyReport};
use crate::envelope::native::{MAX_ENCRYPTED, peek_file_id};
use crate::git::{EntryKind, ObjectId, Repository};
use crate::workspace::{Error, Workspace};

/// The two ends of a range, with their policies.
pub(super) struct Ends<'r> {
    repository: &'r Repository,
    base_name: &'r str,
    base_policy: Option<Stored>,
    /// The policy of the commit where the two parted.
    fork_policy: Option<Stored>,
    to: ObjectId,
    to_policy: Option<Stored>,
}

impl<'r> Ends<'r> {
    pub(super) fn read(
        repository: &'r Repository,
        (base_name, base): (&'r str, ObjectId),
        (to_name, to): (&str, ObjectId),
        report: &mut VerifyReport,
    ) -> Result<Self, Error> {
        let base_policy = Stored::of_commit(repository, base, base_name)?;
        let fork = repository.merge_base(base, to)?.filter(|fork| *fork != base);
        // Its mistakes are nobody's any more.
        let fork_policy = fork.and_then(|fork| Stored::of_commit(repository, fork, base_name).ok().flatten());
        let to_policy = match (Stored::of_commit(repository, to, to_name), &base_policy) {
            (Err(Error::Policy(errors)), Some(_)) => {
                report.add(errors.errors.iter().map(|error| {
                    of_policy(Some(error.line), Level::Error, Problem::PolicyInvalid(error.problem.to_string()))
                }));
                None
            }
            (Ok(None), Some(_)) => {
                report.add([of_policy(None, Level::Error, Problem::PolicyRemoved)]);
                None
            }
            (policy, _) => policy?,
        };
        match (&base_policy, &to_policy) {
            (Some(_), _) => report.judged_by = Some(base_name.to_owned()),
            (None, Some(_)) => {
                report.judged_by = Some(to_name.to_owned());
                report.notes.push(format!("{base_name} has no policy: judged by that of {to_name}"));
            }
            (None, None) => report.notes.push("there is no policy: only private keys were looked for".to_owned()),
        }
        Ok(Self { repository, base_name, base_policy, fork_policy, to, to_policy })
    }

    pub(super) fn judge<'p>(&'p self, accepted: &'p [String], today: jiff::civil::Date) -> Judge<'p> {
        Judge {
            own: self.to_policy.as_ref().map(|stored| &stored.policy),
            base: self.base_policy.as_ref().map(|stored| (&stored.policy, self.base_name)),
            accepted,
            today,
        }
    }
}

/// The governed files of the last commit of a range.
struct Last<'f> {
    repository: &'f Repository,
    governed: HashMap<&'f [u8], ObjectId>,
}

impl Workspace<'_> {
    /// Compares what was found with the last commit: what later commits put right is a warning, unless the harm is done.
    pub(super) fn finish_range(
        &self,
        ends: &Ends<'_>,
        judge: &Judge<'_>,
        fresh: &BTreeMap<Vec<u8>, ObjectId>,
        accepted: &[String],
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        let repository = ends.repository;
        if judge.own.is_none() && judge.base.is_none() {
            return Ok(());
        }
        // A second policy counts at any place, so nothing is passed by.
        let files = repository.changed(&[], repository.commit(ends.to)?.tree, |_, _| true)?;
        let files: Vec<(&[u8], ObjectId)> = files
            .iter()
            .filter_map(|file| file.new.filter(|(kind, _)| *kind == EntryKind::File).map(|(_, id)| (&*file.path, id)))
            .collect();
        let names: Vec<&str> = files.iter().filter_map(|(path, _)| str::from_utf8(path).ok()).collect();
        report.nested_policies(names.iter().copied());
        let is_governed = |path: &[u8]| judge.rule(&String::from_utf8_lossy(path)).is_some();
        let governed = files.into_iter().filter(|(path, _)| is_governed(path)).collect();
        let last = Last { repository, governed };
        lower_what_was_mended(ends, report)?;
        report.add(policy_changes(ends, &names, accepted));
        let fresh = fresh.iter().filter(|(path, id)| last.governed.get(path.as_slice()) == Some(id));
        last.report_copies(&fresh.map(|(path, _)| path.as_slice()).collect::<Vec<_>>(), self.search(), report)?;
        let is_same = |base: &Stored, to: &Stored| base.policy == to.policy;
        if !matches!((&ends.base_policy, &ends.to_policy), (Some(base), Some(to)) if is_same(base, to)) {
            last.judge_all(&Judge { base: None, ..*judge }, self.search(), report)?;
        }
        Ok(())
    }
}

impl Last<'_> {
    /// Reports files whose id is new at their paths, and stands elsewhere too.
    fn report_copies(&self, fresh: &[&[u8]], search: Search, report: &mut VerifyReport) -> Result<(), Error> {
        if fresh.is_empty() {
            return Ok(());
        }
        let (paths, ids): (Vec<&[u8]>, Vec<ObjectId>) = self.governed.iter().map(|(path, id)| (*path, *id)).unzip();
        let found = self.repository.each_content(&ids, MAX_ENCRYPTED, |_, content| peek_file_id(&content.ok()?))?;
        let mut copies = Copies::default();
        for (path, id) in paths.into_iter().zip(found) {
            if let Some(id) = id {
                copies.add(id, &String::from_utf8_lossy(path));
            }
        }
        let mut wanted = Wanted::new();
        for path in fresh {
            want(&mut wanted, self.governed[path], search);
        }
        // Without copies nothing has to be read twice.
        if !copies.has_any() {
            return Ok(());
        }
        let contents = examine(self.repository, &wanted)?;
        for path in fresh {
            if let Some(header) = contents[&self.governed[path]].header_of() {
                report.add(copies.finding(&String::from_utf8_lossy(path), header, None));
            }
        }
        Ok(())
    }

    /// Reports what a new policy demands of all files, also of those that nobody changed.
    fn judge_all(&self, judge: &Judge<'_>, search: Search, report: &mut VerifyReport) -> Result<(), Error> {
        let mut wanted = Wanted::new();
        for id in self.governed.values() {
            want(&mut wanted, *id, search);
        }
        let contents = examine(self.repository, &wanted)?;
        let key = |finding: &Finding| (finding.path.clone(), finding.problem.code());
        let errors = report.findings.iter().filter(|finding| finding.level == Level::Error);
        let known: HashSet<(String, &str)> = errors.map(key).collect();
        for (path, id) in &self.governed {
            let found = judge.findings(path, &contents[id], || false, None).into_iter();
            report.add(found.filter(|finding| is_by_policy(finding) && !known.contains(&key(finding))));
        }
        Ok(())
    }
}

/// Tells what the change of the policy opens, compared with the base and with where the two parted: what only the
/// base has taken back meanwhile is not opened by the change.
fn policy_changes(ends: &Ends<'_>, files: &[&str], accepted: &[String]) -> Vec<Finding> {
    let (Some(base), Some(to)) = (&ends.base_policy, &ends.to_policy) else { return Vec::new() };
    let since = |old: &Stored| widened(&old.policy, to, files.iter().copied(), accepted, Level::Error);
    let mut found = since(base);
    if let Some(fork) = &ends.fork_policy {
        let since_fork = since(fork);
        found.retain(|finding| since_fork.contains(finding));
    }
    found
}

/// A finding in a commit whose file is another one at the end is a warning, unless history keeps the harm.
fn lower_what_was_mended(ends: &Ends<'_>, report: &mut VerifyReport) -> Result<(), Error> {
    for finding in &mut report.findings {
        let Some(commit) = finding.commit.filter(|_| finding.level == Level::Error && !finding.problem.lasts()) else {
            continue;
        };
        let at = |commit: ObjectId| ends.repository.entry_at(commit, Path::new(&finding.path));
        if at(commit)? != at(ends.to)? {
            finding.level = Level::Warning;
        }
    }
    Ok(())
}

/// Tells whether a finding depends on the policy, not on the file alone.
fn is_by_policy(finding: &Finding) -> bool {
    matches!(
        finding.problem,
        Problem::ExtraReader { .. }
            | Problem::MetadataMissing { .. }
            | Problem::MissingReader { .. }
            | Problem::Plaintext { .. }
            | Problem::SealsLess { .. }
            | Problem::ValuesUnsaid { .. }
    )
}
