//! Who changed which keys, readers and metadata of a file, and when: from git's history, without a key.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::versions::blob;
use super::{Error, HistoryError, Workspace, each_on_all_cores};
use crate::crypto::LeafId;
use crate::document::KeyPath;
use crate::document::path::Component;
use crate::envelope::native::{Change, Held, How, Outline, PEEK, Subject, compare, peek_file_id};
use crate::git::{CommitInfo, FileCommit, ObjectId, Repository};

/// The history of a file.
pub struct Log {
    /// The commits that changed it, the last one first.
    pub entries: Vec<LogEntry>,
    /// Whether the file was there already where the history of this clone begins.
    pub is_cut: bool,
}

/// A commit that changed a file.
pub struct LogEntry {
    /// The commit.
    pub commit: CommitInfo,
    /// What the file is called there, from the root of the repository.
    pub path: String,
    /// What it changed.
    pub changes: Vec<Change>,
    /// Whether what was before is not in this clone.
    pub is_cut: bool,
}

impl Workspace<'_> {
    /// Returns the history of a file, or of one key of it and what is below, through renames of both.
    ///
    /// Each version is parsed once, and only so many are held in memory as have to be compared with others.
    ///
    /// # Errors
    /// When no commit has the file, or the repository cannot be read.
    pub fn log(&self, file: &Path, key: Option<&str>) -> Result<Log, Error> {
        let repository = self.required_repository()?;
        let path = self.in_repository(file)?;
        let head = self.required_commit("HEAD")?;
        let commits = file_commits(repository, head, &path)?;
        if commits.is_empty() {
            let is_shallow = repository.is_shallow();
            return Err(HistoryError::NeverCommitted { path: file.display().to_string(), is_shallow }.into());
        }
        let mut reading = Reading::new(self, repository, &commits);
        let mut past = Past::default();
        let mut entries = Vec::with_capacity(commits.len());
        // The oldest first: what is put back was there before.
        for (index, commit) in commits.iter().enumerate().rev() {
            reading.load(&commits[..=index])?;
            let mut changes = reading.changes(commit);
            past.note(index, commit, &commits, &reading, &mut changes);
            if index == 0 || commit.formers.len() < 2 || !changes.is_empty() {
                let commit_info = repository.commit_info(commit.commit)?;
                let path = commit.path.to_string_lossy().into_owned();
                entries.push(LogEntry { commit: commit_info, path, changes, is_cut: commit.is_cut });
            }
            if index > 0 {
                reading.release(commit);
            }
        }
        let is_cut = commits.iter().any(|commit| commit.is_cut && commit.content.is_some());
        entries.retain(|entry| !entry.changes.is_empty() || entry.is_cut);
        entries.reverse();
        if let Some(key) = key {
            let key = WantedKey::new(key, commits[0].content.and_then(|id| reading.outlines.get(&id)))?;
            for entry in &mut entries {
                entry.changes.retain(|change| key.is_meant(change) && change.how != How::SealedAgain);
            }
            entries.retain(|entry| !entry.changes.is_empty());
            if entries.is_empty() {
                let path = file.display().to_string();
                return Err(HistoryError::NoSuchKeyEver { path, key: key.text, is_cut }.into());
            }
        }
        Ok(Log { entries, is_cut })
    }
}

/// Returns the commits that changed a file, the last one first.
pub(super) fn file_commits(repository: &Repository, from: ObjectId, path: &Path) -> Result<Vec<FileCommit>, Error> {
    let mut log = repository.file_log(from, path, |id| identity(repository, id))?;
    let mut commits = Vec::new();
    while let Some(commit) = log.next_change()? {
        commits.push(commit);
    }
    Ok(commits)
}

/// Tells which file a content is a version of.
pub(super) fn identity(repository: &Repository, content: ObjectId) -> Option<[u8; 16]> {
    let top = repository.content_top(content, PEEK, MAX_PEEKED).ok()?;
    peek_file_id(&top).map(|id| id.0)
}

/// The versions that are needed now and later.
struct Reading<'w, 'a> {
    workspace: &'w Workspace<'a>,
    repository: &'w Repository,
    outlines: HashMap<ObjectId, Outline>,
    /// How many comparisons need a version still.
    needed: HashMap<ObjectId, usize>,
    absent: Outline,
}

impl<'w, 'a> Reading<'w, 'a> {
    fn new(workspace: &'w Workspace<'a>, repository: &'w Repository, commits: &[FileCommit]) -> Self {
        let mut needed: HashMap<ObjectId, usize> = HashMap::new();
        for id in commits.iter().flat_map(contents) {
            *needed.entry(id).or_default() += 1;
        }
        Self { workspace, repository, outlines: HashMap::new(), needed, absent: Outline::absent() }
    }

    /// Reads what the last of these commits needs, and for as long as there is room what those before it need.
    fn load(&mut self, commits: &[FileCommit]) -> Result<(), Error> {
        let Some(next) = commits.last() else { return Ok(()) };
        if contents(next).all(|id| self.outlines.contains_key(&id)) {
            return Ok(());
        }
        let (mut loaded, mut ids, mut room) = (Vec::new(), HashSet::new(), MAX_LOADED);
        for commit in commits.iter().rev().take(AT_ONCE) {
            for (id, path) in contents(commit).zip(paths(commit)) {
                if self.outlines.contains_key(&id) || !ids.insert(id) {
                    continue;
                }
                let content = blob(self.repository, id)?;
                room = room.saturating_sub(content.length());
                loaded.push((id, self.workspace.plaintext_format(path), content));
            }
            if room == 0 {
                break;
            }
        }
        let outlines = each_on_all_cores(&loaded, |(_, format, content)| content.outline(*format));
        self.outlines.extend(loaded.into_iter().map(|(id, _, _)| id).zip(outlines));
        Ok(())
    }

    /// Forgets what only this commit needed.
    fn release(&mut self, commit: &FileCommit) {
        for id in contents(commit) {
            if let Some(count) = self.needed.get_mut(&id) {
                *count -= 1;
                if *count == 0 {
                    self.outlines.remove(&id);
                }
            }
        }
    }

    fn outline(&self, content: Option<ObjectId>) -> &Outline {
        content.and_then(|id| self.outlines.get(&id)).unwrap_or(&self.absent)
    }

    /// Returns what a commit changed: of a merge what is as in none of its parents.
    fn changes(&self, commit: &FileCommit) -> Vec<Change> {
        let new = self.outline(commit.content);
        if commit.is_cut {
            return Vec::new();
        }
        let Some((first, others)) = commit.formers.split_first() else { return compare(&self.absent, new, None) };
        let mut changes = self.since(first.content, &first.path, commit);
        for former in others {
            let other = self.since(former.content, &former.path, commit);
            changes.retain(|change| other.iter().any(|other| other.of == change.of));
        }
        if changes.is_empty() && others.is_empty() {
            changes.push(Change::new(Subject::File, How::Layout));
        }
        changes
    }

    fn since(&self, former: Option<ObjectId>, path: &Path, commit: &FileCommit) -> Vec<Change> {
        let (old, new) = (self.outline(former), self.outline(commit.content));
        let moved = |to: &Path| {
            let (from, to) = (path.to_string_lossy().into_owned(), to.to_string_lossy().into_owned());
            Change { from: Some(from), to: Some(to), ..Change::new(Subject::Path, How::Moved) }
        };
        if let (None, Some(to)) = (commit.content, &commit.moved_to) {
            return vec![moved(to)];
        }
        let mut changes = compare(old, new, None);
        let is_said = |change: &Change| change.of == Subject::Path;
        if former.is_some() && path != commit.path && !changes.iter().any(is_said) {
            changes.push(moved(&commit.path));
        }
        let problem = |outline: &Outline| outline.problem.as_ref().map(ToString::to_string);
        if let Some(to) = problem(new).filter(|to| problem(old).as_ref() != Some(to)) {
            changes.push(Change { to: Some(to), ..Change::new(Subject::File, How::Broken) });
        }
        changes
    }
}

/// What was in the versions that were looked at.
#[derive(Default)]
struct Past {
    /// In which commit a token, or the content of a file without keys, was first.
    first: HashMap<[u8; 32], usize>,
    /// What was replaced or removed.
    gone: HashSet<[u8; 32]>,
}

impl Past {
    /// Marks what a commit put back, and takes in what it has.
    fn note(
        &mut self,
        index: usize,
        commit: &FileCommit,
        commits: &[FileCommit],
        reading: &Reading<'_, '_>,
        changes: &mut [Change],
    ) {
        let new = reading.outline(commit.content);
        let old = commit.formers.first().map(|former| reading.outline(former.content));
        let (now, before) = (tokens(new), old.map(tokens).unwrap_or_default());
        for change in changes.iter_mut() {
            let (is, was) = match (&change.of, change.id) {
                (Subject::Key(_) | Subject::Comment(_), Some(id)) => (now.get(&id).copied(), before.get(&id).copied()),
                (Subject::Content, _) => {
                    let digest = |outline: &Outline| outline.body.map(|body| body.digest);
                    (digest(new), old.and_then(digest))
                }
                _ => (None, None),
            };
            // A token may come from another branch, by a cherry-pick: it is put back where it was given up before.
            if let Some(is) = is.filter(|is| Some(*is) != was && self.gone.contains(is))
                && let Some(first) = self.first.get(&is)
            {
                change.how = How::PutBack;
                let name = commits[*first].commit.to_string();
                change.to = Some(name.get(..SHORT_NAME).unwrap_or(&name).to_owned());
            }
        }
        let body = new.body.map(|body| body.digest);
        let given_up = before.iter().filter(|(id, digest)| now.get(*id) != Some(digest)).map(|(_, digest)| *digest);
        self.gone.extend(given_up);
        self.gone.extend(old.and_then(|old| old.body).map(|body| body.digest).filter(|digest| Some(*digest) != body));
        for digest in now.into_values().chain(body) {
            self.first.entry(digest).or_insert(index);
        }
    }
}

/// The key that is asked for, by its name and by the ids that it has in the last version.
struct WantedKey {
    text: String,
    whole: KeyPath,
    path: Option<KeyPath>,
    ids: HashSet<LeafId>,
}

impl WantedKey {
    fn new(text: &str, last: Option<&Outline>) -> Result<Self, Error> {
        let whole = KeyPath(vec![Component::key(text)]);
        let path = KeyPath::parse(text);
        let mut wanted = Self { text: text.to_owned(), whole, path: path.clone().ok(), ids: HashSet::new() };
        let values = last.map(|last| last.values.as_slice()).unwrap_or_default();
        let named = values.iter().filter(|value| wanted.names(&value.path));
        wanted.ids = named.filter_map(|value| Some(value.held.token()?.id)).collect();
        let is_readable = path.is_ok() || !wanted.ids.is_empty();
        match path {
            Err(source) if !is_readable => Err(Error::KeyPath { key: text.to_owned(), source }),
            _ => Ok(wanted),
        }
    }

    fn names(&self, path: &KeyPath) -> bool {
        self.whole.addresses(path) || self.path.as_ref().is_some_and(|wanted| wanted.contains(path))
    }

    fn is_meant(&self, change: &Change) -> bool {
        match &change.of {
            Subject::Key(key) => {
                self.names(key)
                    || change.old_key.as_ref().is_some_and(|key| self.names(key))
                    || change.id.is_some_and(|id| self.ids.contains(&id))
            }
            _ => false,
        }
    }
}

/// Returns the versions that a commit is compared by.
fn contents(commit: &FileCommit) -> impl Iterator<Item = ObjectId> {
    commit.content.into_iter().chain(commit.formers.iter().filter_map(|former| former.content))
}

/// Returns what these versions are called.
fn paths(commit: &FileCommit) -> impl Iterator<Item = &Path> {
    let own = commit.content.map(|_| commit.path.as_path());
    own.into_iter()
        .chain(commit.formers.iter().filter(|former| former.content.is_some()).map(|former| former.path.as_path()))
}

/// Returns the tokens of a version by the ids of what they hold.
fn tokens(outline: &Outline) -> HashMap<LeafId, [u8; 32]> {
    let values = outline.values.iter().map(|value| &value.held);
    let held = values.chain(outline.comments.iter().map(|comment| &comment.held));
    held.filter_map(Held::token).map(|token| (token.id, token.digest)).collect()
}

/// How many commits are read ahead.
const AT_ONCE: usize = 256;
/// How many bytes of files are held in memory for that.
const MAX_LOADED: usize = 64 << 20;
/// How large an object may be that is unpacked for its beginning.
const MAX_PEEKED: usize = 64 << 20;
/// How many digits of a commit's name are said.
pub const SHORT_NAME: usize = 10;
