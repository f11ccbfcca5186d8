//! What the two ends of a range say: whose policy decides, what its change opens, and what the last commit makes of it all.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::copies::Copies;
use super::finding::{Finding, Level, Problem};
use super::judge::Judge;
use super::policies::{Stored, of_policy, widened};
use super::store::{Wanted, examine, want};
use super::{VerifyReport, VerifyRequest};
use crate::envelope::native::peek_file_id;
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

    pub(super) fn judge<'p>(&'p self, accepted: &'p [String]) -> Judge<'p> {
        Judge {
            own: self.to_policy.as_ref().map(|stored| &stored.policy),
            base: self.base_policy.as_ref().map(|stored| (&stored.policy, self.base_name)),
            accepted,
        }
    }
}

impl Workspace<'_> {
    /// Compares what was found with the last commit: what later commits put right is a warning, unless the harm is done.
    pub(super) fn finish_range(
        &self,
        ends: &Ends<'_>,
        judge: &Judge<'_>,
        fresh: &BTreeMap<Vec<u8>, ObjectId>,
        request: &VerifyRequest,
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        let repository = ends.repository;
        let tree = repository.commit(ends.to)?.tree;
        // Policies count at any place, so nothing is passed by; but without one there is nothing to compare.
        if judge.own.is_none() && judge.base.is_none() {
            return Ok(());
        }
        let files = repository.changed(&[], tree, |_, _| true)?;
        let files: Vec<(&[u8], ObjectId)> = files
            .iter()
            .filter_map(|file| file.new.filter(|(kind, _)| *kind == EntryKind::File).map(|(_, id)| (&*file.path, id)))
            .collect();
        report.nested_policies(files.iter().filter_map(|(path, _)| str::from_utf8(path).ok()));
        let governed: HashMap<&[u8], ObjectId> =
            files.iter().copied().filter(|(path, _)| judge.rule(&String::from_utf8_lossy(path)).is_some()).collect();
        self.lower_what_was_mended(ends, report)?;
        let fresh: Vec<&Vec<u8>> =
            fresh.iter().filter(|(path, id)| governed.get(path.as_slice()) == Some(id)).map(|(path, _)| path).collect();
        let policy_changes = self.policy_changes(ends, &files, &request.accepted);
        let is_policy_changed =
            !matches!((&ends.base_policy, &ends.to_policy), (Some(base), Some(to)) if base.policy == to.policy);
        report.add(policy_changes);
        if fresh.is_empty() && !is_policy_changed {
            return Ok(());
        }
        let mut wanted = Wanted::new();
        governed.values().for_each(|id| want(&mut wanted, *id, self.search()));
        if !is_policy_changed {
            // Only ids are wanted.
            let ids: Vec<(&[u8], ObjectId)> = governed.iter().map(|(path, id)| (*path, *id)).collect();
            let contents: Vec<ObjectId> = ids.iter().map(|(_, id)| *id).collect();
            let limit = crate::envelope::native::MAX_ENCRYPTED;
            let found = repository.each_content(&contents, limit, |_, content| peek_file_id(&content.ok()?))?;
            let mut copies = Copies::default();
            for ((path, _), id) in ids.iter().zip(&found) {
                id.iter().for_each(|id| copies.add(*id, &String::from_utf8_lossy(path)));
            }
            wanted.retain(|id, _| fresh.iter().any(|path| governed[path.as_slice()] == *id));
            let contents = examine(repository, &wanted)?;
            for path in fresh {
                if let Some(header) = contents[&governed[path.as_slice()]].header_of() {
                    report.add(copies.finding(&String::from_utf8_lossy(path), header, None));
                }
            }
            return Ok(());
        }
        let contents = examine(repository, &wanted)?;
        let mut copies = Copies::default();
        for (path, id) in &governed {
            if let Some(header) = contents[id].header_of() {
                copies.add(header.file_id, &String::from_utf8_lossy(path));
            }
        }
        // What the new policy demands of files that nobody changed.
        let own = Judge { base: None, ..*judge };
        for (path, id) in &governed {
            let content = &contents[id];
            let found = own.findings(path, content, || false, None).into_iter();
            let is_known = |finding: &Finding, report: &VerifyReport| {
                report.findings.iter().any(|known| {
                    known.path == finding.path
                        && known.level == Level::Error
                        && known.problem.code() == finding.problem.code()
                })
            };
            let found: Vec<Finding> = found.filter(by_policy).filter(|finding| !is_known(finding, report)).collect();
            report.add(found);
            if fresh.iter().any(|fresh| fresh.as_slice() == *path)
                && let Some(header) = content.header_of()
            {
                report.add(copies.finding(&String::from_utf8_lossy(path), header, None));
            }
        }
        Ok(())
    }

    /// Tells what the change of the policy opens, compared with the base and with where the two parted: what only the
    /// base has taken back meanwhile is not opened by the change.
    fn policy_changes(&self, ends: &Ends<'_>, files: &[(&[u8], ObjectId)], accepted: &[String]) -> Vec<Finding> {
        let (Some(base), Some(to)) = (&ends.base_policy, &ends.to_policy) else { return Vec::new() };
        let paths = || files.iter().filter_map(|(path, _)| str::from_utf8(path).ok());
        let mut found = widened(&base.policy, to, paths(), accepted, Level::Error);
        if let Some(fork) = &ends.fork_policy {
            let since_fork = widened(&fork.policy, to, paths(), accepted, Level::Error);
            found.retain(|finding| since_fork.contains(finding));
        }
        found
    }

    /// A finding in a commit whose file is another one at the end is a warning, unless history keeps the harm.
    fn lower_what_was_mended(&self, ends: &Ends<'_>, report: &mut VerifyReport) -> Result<(), Error> {
        let mut last: HashMap<String, Vec<usize>> = HashMap::new();
        for (number, finding) in report.findings.iter().enumerate() {
            if finding.commit.is_some() && finding.level == Level::Error && !finding.problem.lasts() {
                last.entry(finding.path.clone()).or_default().push(number);
            }
        }
        for (path, numbers) in last {
            let at_end = ends.repository.entry_at(ends.to, Path::new(&path))?;
            for number in numbers {
                let finding = &mut report.findings[number];
                let Some(commit) = finding.commit else { continue };
                if ends.repository.entry_at(commit, Path::new(&path))? != at_end {
                    finding.level = Level::Warning;
                }
            }
        }
        Ok(())
    }
}

/// Tells whether a finding depends on the policy, not on the file alone.
fn by_policy(finding: &Finding) -> bool {
    matches!(
        finding.problem,
        Problem::ExtraReader { .. }
            | Problem::MetadataMissing { .. }
            | Problem::MissingReader { .. }
            | Problem::Plaintext { .. }
            | Problem::SealsLess { .. }
    )
}
