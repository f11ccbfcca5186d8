//! What the next commit would hold: index contents, never the work tree.
//!
//! What differs from HEAD is checked wholly. Of the rest only what the change can make wrong: one file id twice where an
//! id is new at its path, and everything where the policy changes.

use std::collections::HashSet;

use super::content::State;
use super::copies::Copies;
use super::finding::{Finding, Level, Problem};
use super::judge::Judge;
use super::policies::{Stored, of_policy, widened};
use super::store::{Wanted, examine, want};
use super::{Search, VerifyReport, VerifyRequest};
use crate::envelope::native::{Header, MAX_ENCRYPTED, PEEK, peek_file_id};
use crate::git::{Changed, EntryKind, ObjectId, Repository};
use crate::policy::FILE_NAME;
use crate::workspace::{Error, Workspace};

/// A file to be looked at.
struct Candidate<'i> {
    path: &'i [u8],
    id: ObjectId,
    /// What HEAD has there.
    old: Option<ObjectId>,
    is_governed: bool,
}

impl Workspace<'_> {
    pub(super) fn verify_staged(&self, request: &VerifyRequest) -> Result<VerifyReport, Error> {
        let other;
        let repository = match &request.index_file {
            None => self.required_repository()?,
            Some(file) => {
                // As a hook of `git commit -a` or `git commit FILE` is told.
                let found = Repository::discover(self.required_repository()?.root())?;
                let found = found.ok_or_else(|| self.no_repository())?.with_programs(self.env);
                other = found.with_index_file(self.env.current_dir().join(file));
                &other
            }
        };
        let selection = self.selection(&request.paths)?;
        let head = repository.head()?;
        let changed = repository.changed_in_index(head)?;
        let mut report = VerifyReport::default();
        let own = Stored::of_index(repository)?;
        let is_policy_changed = changed.iter().any(|changed| changed.path == FILE_NAME.as_bytes());
        let former = match head {
            Some(head) if is_policy_changed || own.is_none() => Stored::of_commit(repository, head, "HEAD")?,
            _ => None,
        };
        if let (Some(_), None) = (&former, &own) {
            report.add([of_policy(None, Level::Error, Problem::PolicyRemoved)]);
        }
        let policy = own.as_ref().or(former.as_ref()).map(|stored| &stored.policy);
        if policy.is_none() {
            report.notes.push("there is no policy: only private keys were looked for".to_owned());
        }
        let judge = Judge { own: policy, base: None, accepted: &request.accepted, today: self.today() };
        conflicts(repository, &judge, &mut report)?;
        let candidates = candidates(repository, &judge, &changed, is_policy_changed, &mut report)?;
        let candidates: Vec<Candidate<'_>> =
            candidates.into_iter().filter(|candidate| selection.has(candidate.path)).collect();
        self.check(repository, &judge, &candidates, &mut report)?;
        report.nested_policies(
            changed.iter().filter(|file| file.new.is_some()).filter_map(|file| str::from_utf8(&file.path).ok()),
        );
        if let (Some(former), Some(own)) = (&former, &own) {
            let paths = repository.index()?.entries().filter_map(|entry| str::from_utf8(entry.path).ok());
            report.add(widened(&former.policy, own, paths, &request.accepted, Level::Warning));
            // Whom a policy adds is let in once it is committed: by `rekey`, in the next commit.
            let added =
                report.findings.iter_mut().filter(|finding| matches!(finding.problem, Problem::MissingReader { .. }));
            added.for_each(|finding| finding.level = Level::Warning);
        }
        Ok(report)
    }

    fn check(
        &self,
        repository: &Repository,
        judge: &Judge<'_>,
        candidates: &[Candidate<'_>],
        report: &mut VerifyReport,
    ) -> Result<(), Error> {
        let mut wanted = Wanted::new();
        for Candidate { id, old, is_governed, .. } in candidates {
            let is_new = old.is_none_or(|old| old != *id);
            let search = Search { for_keys: is_new, for_structure: *is_governed, ..self.search() };
            want(&mut wanted, *id, search);
        }
        let contents = examine(repository, &wanted)?;
        // The ids that are new at their paths.
        let mut fresh: Vec<(&[u8], &Header)> = Vec::new();
        for Candidate { path, id, old, is_governed } in candidates {
            let content = &contents[id];
            let former = || {
                let old = old.filter(|old| old != id)?;
                let top = repository.content_top(old, PEEK, MAX_ENCRYPTED).ok()?;
                peek_file_id(&top)
            };
            let findings = judge.findings(path, content, || former().is_some(), None);
            if *is_governed {
                report.governed(findings);
            } else {
                report.add(findings);
            }
            if let State::Encrypted(encrypted) = &content.state
                && *is_governed
                && *old != Some(*id)
            {
                let header = &encrypted.header;
                if former() == Some(header.file_id) {
                    report.add(went_back(repository, path, *old, header)?);
                } else {
                    fresh.push((path, header));
                }
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        let copies = copies_in_index(repository, judge)?;
        report.add(
            fresh.iter().filter_map(|(path, header)| copies.finding(&String::from_utf8_lossy(path), header, None)),
        );
        Ok(())
    }
}

/// Reads the ids of all governed files of the index.
fn copies_in_index(repository: &Repository, judge: &Judge<'_>) -> Result<Copies, Error> {
    let is_governed = |path: &[u8]| judge.rule(&String::from_utf8_lossy(path)).is_some();
    let entries = repository.index()?.entries().filter(|entry| entry.kind == EntryKind::File);
    let (paths, ids): (Vec<&[u8]>, Vec<ObjectId>) =
        entries.filter(|entry| is_governed(entry.path)).map(|entry| (entry.path, entry.id)).unzip();
    let found = repository.each_content(&ids, MAX_ENCRYPTED, |_, content| peek_file_id(&content.ok()?))?;
    let mut copies = Copies::default();
    for (path, id) in paths.into_iter().zip(found) {
        if let Some(id) = id {
            copies.add(id, &String::from_utf8_lossy(path));
        }
    }
    Ok(copies)
}

/// Reports governed files that a merge has left undecided.
fn conflicts(repository: &Repository, judge: &Judge<'_>, report: &mut VerifyReport) -> Result<(), Error> {
    let undecided: HashSet<&[u8]> =
        repository.index()?.entries().filter(|entry| entry.is_conflicted).map(|entry| entry.path).collect();
    for path in undecided {
        let shown = String::from_utf8_lossy(path).into_owned();
        let Some(rule) = judge.rule(&shown) else { continue };
        let owner = rule.owner.clone();
        report.add([Finding {
            path: shown,
            line: None,
            owner,
            commit: None,
            level: Level::Error,
            problem: Problem::Conflict,
        }]);
    }
    Ok(())
}

/// Returns the files to be looked at: what changes, and where the policy does, all that it governs.
fn candidates<'i>(
    repository: &'i Repository,
    judge: &Judge<'_>,
    changed: &'i [Changed],
    is_policy_changed: bool,
    report: &mut VerifyReport,
) -> Result<Vec<Candidate<'i>>, Error> {
    let file =
        |entry: Option<(EntryKind, ObjectId)>| entry.filter(|(kind, _)| *kind == EntryKind::File).map(|(_, id)| id);
    let is_governed = |path: &[u8]| judge.rule(&String::from_utf8_lossy(path)).is_some();
    let mut candidates = Vec::new();
    for Changed { path, old, new } in changed {
        match new {
            Some((EntryKind::File, id)) => {
                let old = old.iter().copied().find_map(file);
                candidates.push(Candidate { path, id: *id, old, is_governed: is_governed(path) });
            }
            Some((EntryKind::Symlink, _)) => report.add(judge.symlink(path, None)),
            _ => {}
        }
    }
    if is_policy_changed {
        let known: HashSet<&[u8]> = changed.iter().map(|changed| changed.path.as_slice()).collect();
        let entries = repository.index()?.entries();
        let rest = entries.filter(|entry| entry.kind == EntryKind::File && !entry.is_conflicted);
        let rest = rest.filter(|entry| !known.contains(entry.path) && is_governed(entry.path));
        candidates.extend(rest.map(|entry| Candidate {
            path: entry.path,
            id: entry.id,
            old: Some(entry.id),
            is_governed: true,
        }));
    }
    Ok(candidates)
}

/// Compares a header with that of HEAD at the same path.
fn went_back(
    repository: &Repository,
    path: &[u8],
    old: Option<ObjectId>,
    header: &Header,
) -> Result<Option<Finding>, Error> {
    let mut wanted = Wanted::new();
    let Some(old) = old else { return Ok(None) };
    let search = Search { today: jiff::civil::Date::MIN, for_keys: false, for_structure: true, for_history: false };
    want(&mut wanted, old, search);
    let contents = examine(repository, &wanted)?;
    let Some(former) = contents[&old].header_of() else { return Ok(None) };
    Ok(super::lineage::older_header(former, header).map(|problem| Finding {
        path: String::from_utf8_lossy(path).into_owned(),
        line: None,
        owner: header.metadata.owner.clone(),
        commit: None,
        level: Level::Error,
        problem,
    }))
}
