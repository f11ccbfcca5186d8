//! Every commit of a range, merge commits too: what each changes is checked, and compared with what was there before.
//!
//! Linear: commits are compared with their parents folder by folder, and each content is examined once, however many
//! commits and paths have it. What is examined is forgotten when no later commit is compared with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::content::{Content, Encrypted, Search, State};
use super::finding::{Finding, Level, NAMED, Problem};
use super::judge::Judge;
use super::lineage::{Lineage, ValueId, older_header};
use super::range_report::Ends;
use super::store::{Wanted, examine, want};
use super::{Selection, VerifyReport, VerifyRequest};
use crate::crypto::FileId;
use crate::git::{Changed, EntryKind, GitError, ObjectId, Repository, Sides};
use crate::workspace::{Error, Workspace};

/// One path that one commit changes.
pub(super) struct Step {
    pub(super) commit: ObjectId,
    pub(super) path: Vec<u8>,
    /// The files on the former sides.
    pub(super) old: Vec<Option<ObjectId>>,
    pub(super) new: Option<ObjectId>,
    is_symlink: bool,
    pub(super) is_governed: bool,
}

/// A value that changed in the range, from one ciphertext to another: whether that is older, the history before the
/// range may know.
struct Candidate {
    step: usize,
    old: u64,
    new: u64,
}

/// What is kept while the commits pass by.
struct Walk<'a> {
    repository: &'a Repository,
    judge: Judge<'a>,
    contents: HashMap<ObjectId, Content>,
    lineage: Lineage,
    /// Files that were deleted, as they were: they may come back.
    deleted: HashMap<FileId, ObjectId>,
    seen: HashSet<(Vec<u8>, ObjectId)>,
    candidates: BTreeMap<ValueId, Vec<Candidate>>,
    /// Values that went back, by step.
    back: BTreeMap<usize, Vec<u64>>,
    /// Files whose id is new at their path, by path.
    fresh: BTreeMap<Vec<u8>, ObjectId>,
}

impl Workspace<'_> {
    pub(super) fn verify_range(&self, request: &VerifyRequest, base: &str, to: &str) -> Result<VerifyReport, Error> {
        let repository = self.required_repository()?;
        let (base_id, to_id) = (repository.commit_named(base)?, repository.commit_named(to)?);
        let mut report = VerifyReport { base: Some(base.to_owned()), ..VerifyReport::default() };
        let ends = Ends::read(repository, (base, base_id), (to, to_id), &mut report)?;
        let judge = ends.judge(&request.accepted, self.today());
        let commits = repository.range(base_id, to_id)?;
        report.commits = Some(commits.len());
        let selection = self.selection(&request.paths)?;
        let steps = steps(repository, &judge, &commits, &selection, &mut report)?;
        let mut walk = Walk {
            repository,
            judge,
            contents: HashMap::new(),
            lineage: Lineage::default(),
            deleted: HashMap::new(),
            seen: HashSet::new(),
            candidates: BTreeMap::new(),
            back: BTreeMap::new(),
            fresh: BTreeMap::new(),
        };
        walk.check(&steps, self.search(), &mut report)?;
        walk.compare_with_before(&steps, base_id, self.search())?;
        walk.report_values(&steps, &mut report)?;
        report.files =
            steps.iter().filter(|step| step.is_governed).map(|step| &step.path).collect::<HashSet<_>>().len();
        self.finish_range(&ends, &walk.judge, &walk.fresh, &request.accepted, &mut report)?;
        Ok(report)
    }
}

/// Lists what each commit changes.
fn steps(
    repository: &Repository,
    judge: &Judge<'_>,
    commits: &[ObjectId],
    selection: &Selection,
    report: &mut VerifyReport,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let mut cut = Vec::new();
    let is_shallow = repository.is_shallow();
    for id in commits {
        let commit = repository.commit(*id)?;
        let mut parents = Vec::with_capacity(commit.parents.len());
        for parent in &commit.parents {
            match repository.commit(*parent) {
                Ok(parent) => parents.push(parent.tree),
                Err(GitError::MissingObject { .. }) if is_shallow => {}
                Err(error) => return Err(error.into()),
            }
        }
        if parents.len() < commit.parents.len() {
            cut.push(*id);
        }
        if parents.is_empty() && !commit.parents.is_empty() {
            continue;
        }
        let governs_below = |path: &[u8]| judge.can_govern_below(&String::from_utf8_lossy(path));
        let changed =
            repository.changed(&parents, commit.tree, |path, sides| sides == Sides::All || governs_below(path))?;
        for Changed { path, old, new } in changed {
            let is_governed = judge.rule(&String::from_utf8_lossy(&path)).is_some();
            let file = |entry: &Option<(EntryKind, ObjectId)>| {
                entry.filter(|(kind, _)| *kind == EntryKind::File).map(|(_, id)| id)
            };
            let (before, now) = (old.iter().map(file).collect::<Vec<_>>(), file(&new));
            // What a merge takes over from one side is that side's; of what is governed it may be the older one.
            if selection.has(&path) && (is_governed || !before.contains(&now)) {
                let is_symlink = new.is_some_and(|(kind, _)| kind == EntryKind::Symlink) && !old.contains(&new);
                steps.push(Step { commit: *id, path, old: before, new: now, is_symlink, is_governed });
            }
        }
    }
    if let Some(first) = cut.first() {
        let why = format!(
            "this clone is shallow: what commit {} and {} others change, and what came before them, is not here",
            first.short(),
            cut.len() - 1
        );
        report.add([Finding {
            path: ".".to_owned(),
            line: None,
            owner: None,
            commit: Some(*first),
            level: Level::Warning,
            problem: Problem::Unchecked(why),
        }]);
    }
    Ok(steps)
}

impl Walk<'_> {
    /// Checks the steps, some at a time.
    fn check(&mut self, steps: &[Step], search: Search, report: &mut VerifyReport) -> Result<(), Error> {
        let mut last_use: HashMap<ObjectId, usize> = HashMap::new();
        for (number, step) in steps.iter().enumerate() {
            last_use.extend(step.old.iter().chain([&step.new]).flatten().map(|id| (*id, number)));
        }
        // Private keys are looked for where a content is new.
        let mut known: HashSet<ObjectId> = HashSet::new();
        let mut start = 0;
        for window in steps.chunks(WINDOW) {
            let mut wanted = Wanted::new();
            for step in window {
                let of_history = Search { for_structure: true, for_history: true, ..search };
                for old in step.old.iter().flatten().filter(|_| step.is_governed) {
                    if !self.contents.contains_key(old) {
                        want(&mut wanted, *old, of_history);
                    }
                }
                let Some(new) = step.new else { continue };
                let for_keys = !step.old.contains(&step.new) && known.insert(new);
                let base = if step.is_governed { of_history } else { search };
                let wanted_here = Search { for_keys, for_structure: step.is_governed, ..base };
                if for_keys || (step.is_governed && !self.contents.contains_key(&new)) {
                    want(&mut wanted, new, wanted_here);
                }
            }
            let examined = examine(self.repository, &wanted)?;
            self.contents.extend(examined);
            // What a commit deletes is known before it is found elsewhere in the same one.
            for (number, step) in window.iter().enumerate().map(|(at, step)| (start + at, step)) {
                self.delete(step);
                self.step(number, step, report);
            }
            start += window.len();
            let deleted: HashSet<ObjectId> = self.deleted.values().copied().collect();
            self.contents.retain(|id, _| deleted.contains(id) || last_use.get(id).is_some_and(|last| *last >= start));
        }
        Ok(())
    }

    fn delete(&mut self, step: &Step) {
        if step.new.is_none() && step.is_governed {
            for old in step.old.iter().flatten() {
                if let Some(header) = self.contents.get(old).and_then(Content::header_of) {
                    self.deleted.insert(header.file_id, *old);
                }
            }
        }
    }

    fn step(&mut self, number: usize, step: &Step, report: &mut VerifyReport) {
        if step.is_symlink {
            report.add(self.judge.symlink(&step.path, Some(step.commit)));
        }
        let Some(new) = step.new else { return };
        let Some(content) = self.contents.get(&new) else { return };
        let is_new = !step.old.contains(&step.new);
        if is_new && self.seen.insert((step.path.clone(), new)) {
            let was_encrypted = || {
                let mut old = step.old.iter().flatten().filter_map(|old| self.contents.get(old));
                old.any(|old| old.header_of().is_some())
            };
            report.add(self.judge.findings(&step.path, content, was_encrypted, Some(step.commit)));
        }
        if let (State::Encrypted(encrypted), true) = (&content.state, step.is_governed) {
            let former = former(&self.contents, &self.deleted, step, encrypted);
            let is_same = |former: &&&Encrypted| former.header.file_id == encrypted.header.file_id;
            let finding = |problem: Problem| Finding {
                path: String::from_utf8_lossy(&step.path).into_owned(),
                line: None,
                owner: encrypted.header.metadata.owner.clone(),
                commit: Some(step.commit),
                level: problem.level(),
                problem,
            };
            if !former.iter().any(|former| is_same(&former)) {
                self.fresh.insert(step.path.clone(), new);
                if !former.is_empty() {
                    report.add([finding(Problem::OtherFile)]);
                }
            }
            let newest = former.iter().filter(is_same).max_by_key(|old| (old.header.generation, old.header.revision));
            report.add(newest.and_then(|old| older_header(&old.header, &encrypted.header)).map(finding));
            let file = encrypted.header.file_id;
            let learns = former.len() == 1;
            for old in former.iter().filter(is_same) {
                let compared = self.lineage.step(old, encrypted, learns);
                self.back.entry(number).or_default().extend(compared.back);
                for (id, old, new) in compared.changed {
                    self.candidates.entry((file, id)).or_default().push(Candidate { step: number, old, new });
                }
            }
        }
    }

    /// Looks for the values that changed in the history before the range.
    fn compare_with_before(&mut self, steps: &[Step], base: ObjectId, search: Search) -> Result<(), Error> {
        let paths: HashSet<PathBuf> = self
            .candidates
            .values()
            .flatten()
            .filter_map(|candidate| Some(PathBuf::from(str::from_utf8(&steps[candidate.step].path).ok()?)))
            .collect();
        if paths.is_empty() {
            return Ok(());
        }
        // How recent each ciphertext is, 0 being the last one.
        let mut rank: HashMap<(ValueId, u64), usize> = HashMap::new();
        let mut history =
            self.repository.history_of(base, paths.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())?;
        let (mut number, mut seen) = (0, HashSet::new());
        loop {
            let past: Vec<ObjectId> =
                history.by_ref().take(WINDOW).map(|past| past.map(|past| past.content)).collect::<Result<_, _>>()?;
            if past.is_empty() {
                break;
            }
            let mut wanted = Wanted::new();
            for id in past.iter().filter(|id| seen.insert(**id)) {
                want(&mut wanted, *id, Search { for_structure: true, for_history: true, ..search });
            }
            let contents = examine(self.repository, &wanted)?;
            for id in past {
                number += 1;
                let Some(State::Encrypted(file)) = contents.get(&id).map(|content| &content.state) else { continue };
                for (value, salt) in &file.sealed {
                    let value = (file.header.file_id, *value);
                    if self.candidates.contains_key(&value) {
                        rank.entry((value, *salt)).or_insert(number);
                    }
                }
            }
        }
        for (value, candidates) in &self.candidates {
            for Candidate { step, old, new } in candidates {
                let rank = |salt: u64| rank.get(&(*value, salt)).copied();
                // What is known from before, and took the place of something later or not known then.
                if let Some(new) = rank(*new)
                    && rank(*old).is_none_or(|old| old < new)
                {
                    self.back.entry(*step).or_default().push(value.1);
                }
            }
        }
        Ok(())
    }

    /// Reports the values that went back, by their names.
    fn report_values(&self, steps: &[Step], report: &mut VerifyReport) -> Result<(), Error> {
        for (number, values) in self.back.iter().filter(|(_, values)| !values.is_empty()) {
            let step = &steps[*number];
            let Some(new) = step.new else { continue };
            let values: HashSet<u64> = values.iter().copied().collect();
            let bytes = self.repository.content(new, crate::envelope::native::MAX_ENCRYPTED)?;
            let Ok(file) = crate::envelope::native::EncryptedFile::parse(&bytes) else { continue };
            let number = |id: &[u8; 8]| u64::from_be_bytes(*id);
            let places = file.survey().unwrap_or_default().into_iter();
            let places: Vec<_> = places.filter(|place| values.contains(&number(&place.id.0))).collect();
            let located: Vec<(usize, String)> =
                places.iter().take(NAMED).filter_map(|place| file.locate(place)).collect();
            report.add([Finding {
                path: String::from_utf8_lossy(&step.path).into_owned(),
                line: located.first().map(|(line, _)| *line),
                owner: file.header().metadata.owner.clone(),
                commit: Some(step.commit),
                level: Level::Error,
                problem: Problem::OlderValue {
                    count: values.len(),
                    keys: located.into_iter().map(|(_, key)| key).collect(),
                },
            }]);
        }
        Ok(())
    }
}

/// Returns what a file is compared with: the former sides, or where there is none, the same file when it was deleted.
fn former<'c>(
    contents: &'c HashMap<ObjectId, Content>,
    deleted: &HashMap<FileId, ObjectId>,
    step: &Step,
    encrypted: &Encrypted,
) -> Vec<&'c Encrypted> {
    let encrypted_of = |id: &ObjectId| match &contents.get(id)?.state {
        State::Encrypted(encrypted) => Some(&**encrypted),
        _ => None,
    };
    if step.old.iter().any(Option::is_some) {
        return step.old.iter().flatten().filter_map(encrypted_of).collect();
    }
    deleted.get(&encrypted.header.file_id).and_then(encrypted_of).into_iter().collect()
}

/// How many steps are examined at a time.
const WINDOW: usize = 1024;
