//! What differs between two states of the repository, file by file and key by key.
//!
//! Needs no identity. With one, values are compared by what they hold, and can be shown: only those of versions that
//! are authentic as a whole.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::open::{parse_encrypted, refuse_other_path};
use super::versions::Content;
use super::{Error, HistoryError, Target, Unencrypted, Workspace, each_on_all_cores};
use crate::crypto::FileId;
use crate::document::{Document, KeyPath, Leaf};
use crate::envelope::native::{Change, EncryptedFile, How, Opened, Outline, OutlineProblem, Subject, compare};
use crate::git::{Difference, EntryKind, FileVersion, GitError, ObjectId, Side};

/// Which states are compared, and how.
pub struct DiffRequest {
    /// The state before.
    pub old: Side,
    /// The state after.
    pub new: Side,
    /// The files and folders that are asked for, as the user wrote them; none: everything.
    pub paths: Vec<PathBuf>,
    /// Whether encrypted versions are opened, and their values shown.
    pub shows_values: bool,
    /// Whether a version is opened that stands elsewhere than its header says.
    pub at_any_path: bool,
}

/// What differs in one file.
pub struct FileDiff {
    /// The file, as somebody in this folder would write it.
    pub path: String,
    /// What it was called before, where that was something else.
    pub old_path: Option<String>,
    /// What differs.
    pub changes: Vec<Change>,
    /// The values before and after of changes that have some, by the index of the change.
    pub values: HashMap<usize, [Option<Zeroizing<String>>; 2]>,
    /// Why the new version cannot be trusted, or a version not be opened.
    pub errors: Vec<Error>,
}

/// A path at which something differs, with both versions outlined.
struct Pair {
    old: Option<(PathBuf, FileVersion)>,
    new: Option<(PathBuf, FileVersion)>,
    is_conflicted: bool,
    outlines: [Outline; 2],
}

impl Workspace<'_> {
    /// Tells whether a user who writes this means a commit.
    ///
    /// # Errors
    /// When there is no repository, or it cannot be read.
    pub fn commit_named(&self, revision: &str) -> Result<Option<ObjectId>, Error> {
        match self.required_repository()?.commit_named(revision) {
            Ok(commit) => Ok(Some(commit)),
            Err(GitError::UnknownRevision { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the commit that a user names.
    ///
    /// # Errors
    /// When nothing is called so.
    pub fn commit(&self, revision: &str) -> Result<ObjectId, Error> {
        self.required_commit(revision)
    }

    /// Returns the last commit that both come from.
    ///
    /// # Errors
    /// When they have nothing in common.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<ObjectId, Error> {
        let (from, to) = (self.required_commit(one)?, self.required_commit(other)?);
        self.required_repository()?.merge_base(from, to)?.ok_or_else(|| {
            Error::from(HistoryError::NoMergeBase {
                one: one.to_owned(),
                other: other.to_owned(),
                is_shallow: self.is_shallow() == Some(true),
            })
        })
    }

    /// Returns the state of the last commit, or of nothing before the first.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn head_side(&self) -> Result<Side, Error> {
        Ok(self.required_repository()?.head()?.map_or(Side::Nothing, Side::Commit))
    }

    /// Tells whether a path is there: in the work tree, in the index, or in the last commit, also as a folder.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn is_known_path(&self, path: &Path) -> Result<bool, Error> {
        if crate::fs::kind(&self.env.current_dir().join(path))?.is_some() {
            return Ok(true);
        }
        let Ok(relative) = self.in_repository(path) else { return Ok(false) };
        let repository = self.required_repository()?;
        if repository.index_files()?.iter().any(|file| file.path.starts_with(&relative)) {
            return Ok(true);
        }
        match repository.head()? {
            Some(head) => Ok(repository.entry_at(head, &relative)?.is_some()),
            None => Ok(false),
        }
    }

    /// Compares two states: the files that a rule is for, those that are encrypted, and those that are asked for by
    /// name.
    ///
    /// # Errors
    /// When the repository, the policy or a file cannot be read.
    pub fn diff(&self, request: &DiffRequest) -> Result<Vec<FileDiff>, Error> {
        let repository = self.required_repository()?;
        let paths: Vec<PathBuf> =
            request.paths.iter().map(|path| self.in_repository(path)).collect::<Result<_, Error>>()?;
        let mut differences = Vec::new();
        for difference in repository.differences(request.old, request.new, &paths)? {
            if self.is_of_interest(&difference, &paths)? {
                differences.push(difference);
            }
        }
        let since = match request.old {
            Side::Commit(commit) => repository.commit_info(commit)?.day(),
            _ => repository.head()?.map(|head| repository.commit_info(head)).transpose()?.and_then(|head| head.day()),
        };
        // Only what is new or gone can be the other half of a move, and has to be kept.
        let (mut diffs, mut alone) = (Vec::new(), Vec::new());
        for part in differences.chunks(AT_ONCE) {
            for mut pair in self.outlined(part)? {
                match pair.is_conflicted || pair.old.is_some() == pair.new.is_some() {
                    true => diffs.push(self.file_diff(&mut pair, request, since)?),
                    false => alone.push(pair),
                }
            }
        }
        join_moved(&mut alone);
        for pair in &mut alone {
            diffs.push(self.file_diff(pair, request, since)?);
        }
        diffs.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(diffs)
    }

    fn is_of_interest(&self, difference: &Difference, paths: &[PathBuf]) -> Result<bool, Error> {
        let policy = self.policy()?;
        let is_governed = |path: &str| policy.is_some_and(|policy| policy.rule_for(path).is_some());
        if difference.path.to_str().is_some_and(is_governed) || paths.contains(&difference.path) {
            return Ok(true);
        }
        // What is still to be merged has no version of its own but that in the work tree.
        let in_work_tree = FileVersion { kind: EntryKind::File, content: None };
        let is_there = || crate::fs::kind(&self.root().unwrap_or(Path::new("")).join(&difference.path));
        let versions = match difference.is_conflicted {
            true => [is_there()?.map(|_| in_work_tree), None],
            false => [difference.old, difference.new],
        };
        for version in versions.into_iter().flatten() {
            if self.looks_encrypted(&difference.path, version)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads and outlines both versions of some files.
    fn outlined(&self, differences: &[Difference]) -> Result<Vec<Pair>, Error> {
        let mut contents = Vec::with_capacity(differences.len());
        for Difference { path, old, new, is_conflicted } in differences {
            if *is_conflicted {
                contents.push((self.plaintext_format(path), None, None));
                continue;
            }
            let content = |version: &Option<FileVersion>| match version {
                Some(version) => self.content(path, *version).map(Some),
                None => Ok(None),
            };
            contents.push((self.plaintext_format(path), content(old)?, content(new)?));
        }
        let outlines = each_on_all_cores(&contents, |(format, old, new)| {
            let outline = |content: &Option<Content>, format| match content {
                Some(content) => content.outline(format),
                None => Outline::absent(),
            };
            let mut outlines = [outline(old, *format), outline(new, *format)];
            // A plaintext has the format that the header of its other version says.
            let headers = outlines.each_ref().map(|outline| outline.header.as_ref().map(|header| header.format));
            match headers {
                [Some(known), None] if known != *format && new.is_some() => outlines[1] = outline(new, known),
                [None, Some(known)] if known != *format && old.is_some() => outlines[0] = outline(old, known),
                _ => {}
            }
            outlines
        });
        let pair = |(difference, outlines): (&Difference, [Outline; 2])| {
            let version = |version: Option<FileVersion>| version.map(|version| (difference.path.clone(), version));
            let (old, new) = (version(difference.old), version(difference.new));
            Pair { old, new, is_conflicted: difference.is_conflicted, outlines }
        };
        Ok(differences.iter().zip(outlines).map(pair).collect())
    }

    fn file_diff(
        &self,
        pair: &mut Pair,
        request: &DiffRequest,
        since: Option<jiff::civil::Date>,
    ) -> Result<FileDiff, Error> {
        let path = pair.new.as_ref().or(pair.old.as_ref()).map(|(path, _)| path.clone()).unwrap_or_default();
        let old_path = pair.old.as_ref().map(|(path, _)| path).filter(|old| **old != path && pair.new.is_some());
        let mut diff = FileDiff {
            path: self.shown(&path),
            old_path: old_path.map(|path| self.shown(path)),
            changes: Vec::new(),
            values: HashMap::new(),
            errors: Vec::new(),
        };
        if pair.is_conflicted {
            let to = Some("git left several versions of it to choose from".to_owned());
            diff.changes.push(Change { to, ..Change::new(Subject::File, How::Broken) });
            diff.errors.push(Error::Unmerged { path: diff.path.clone() });
            return Ok(diff);
        }
        let opened = if request.shows_values { self.open_both(pair, request, &mut diff)? } else { [None, None] };
        if pair.outlines.iter().zip(&opened).all(|(outline, opened)| outline.header.is_none() || opened.is_some()) {
            for (outline, opened) in pair.outlines.iter_mut().zip(&opened) {
                if let Some(opened) = opened {
                    outline.learn(opened);
                }
            }
        }
        self.describe(pair, since, &mut diff);
        let [old, new] = opened.each_ref().map(|opened| Values::of(opened.as_ref()));
        let values = diff.changes.iter().enumerate();
        diff.values = values.filter_map(|(index, change)| Some((index, values_of(change, &old, &new)?))).collect();
        Ok(diff)
    }

    /// Lists what differs, without a key.
    fn describe(&self, pair: &Pair, since: Option<jiff::civil::Date>, diff: &mut FileDiff) {
        let [old, new] = &pair.outlines;
        diff.changes = compare(old, new, since);
        let is_file = |version: &Option<(PathBuf, FileVersion)>| {
            version.as_ref().is_none_or(|(_, version)| version.kind == EntryKind::File)
        };
        let broken = |to: String| Change { to: Some(to), ..Change::new(Subject::File, How::Broken) };
        if let Some((_, version)) = pair.new.as_ref().filter(|_| !is_file(&pair.new)) {
            diff.changes = vec![broken(format!("it is a {} now", version.kind))];
        }
        if let Some(problem) = &old.problem {
            diff.changes.push(broken(format!("before: {problem}")));
        }
        if let Some(problem) = &new.problem {
            diff.changes.push(broken(problem.to_string()));
        }
        // Only what is read again is known to be a mistake of now.
        if let (Some(problem), Some((path, version))) = (&new.problem, &pair.new) {
            diff.errors.extend(self.error_of(problem, path, *version));
        }
        if let (Some(header), Some((path, _))) = (&new.header, &pair.new)
            && path.to_str() != Some(&header.path)
        {
            let to = Some(header.path.clone());
            diff.changes.push(Change { to, ..Change::new(Subject::Path, How::Broken) });
        }
        if diff.changes.is_empty() {
            diff.changes.push(Change::new(Subject::File, How::Layout));
        }
    }

    /// Returns the error that another command would give for a version.
    fn error_of(&self, problem: &OutlineProblem, path: &Path, version: FileVersion) -> Option<Error> {
        let shown = self.shown(path);
        if let OutlineProblem::Syntax { .. } = problem {
            return None;
        }
        let Ok(Content::Bytes(bytes)) = self.content(path, version) else { return None };
        match EncryptedFile::parse(&bytes) {
            Ok(file) => file.check().err().map(|source| Error::NotAuthentic { path: shown, source }),
            Err(source) => Some(Error::Read { path: shown, source }),
        }
    }

    /// Opens both versions, as far as they are encrypted and an identity opens them.
    fn open_both(&self, pair: &Pair, request: &DiffRequest, diff: &mut FileDiff) -> Result<[Option<Opened>; 2], Error> {
        let mut opened = [None, None];
        for ((version, outline), opened) in [&pair.old, &pair.new].into_iter().zip(&pair.outlines).zip(&mut opened) {
            let (Some((path, version)), Some(_)) = (version, &outline.header) else { continue };
            let Content::Bytes(bytes) = self.content(path, *version)? else { continue };
            match self.open_version(path, &bytes, request.at_any_path) {
                Ok(version) => *opened = Some(version),
                Err(error) => diff.errors.push(error),
            }
        }
        Ok(opened)
    }

    /// Opens a version of a file that stood at a path of the repository.
    fn open_version(&self, path: &Path, bytes: &[u8], at_any_path: bool) -> Result<Opened, Error> {
        let recorded = Some(path.to_string_lossy().into_owned());
        self.open_target(&Target { shown: self.shown(path), path: path.to_path_buf(), recorded }, bytes, at_any_path)
    }

    /// Opens the bytes of a file as if they stood at a place.
    pub(super) fn open_target(&self, target: &Target, bytes: &[u8], at_any_path: bool) -> Result<Opened, Error> {
        let file = parse_encrypted(&target.shown, bytes, || Unencrypted::Version)?;
        let opened = self.open_file(&target.shown, &file)?;
        if !at_any_path {
            refuse_other_path(target, &opened.header)?;
        }
        Ok(opened)
    }
}

/// Joins what is gone at one path and new at another when both are the same file by their ids.
fn join_moved(pairs: &mut Vec<Pair>) {
    let id = |outline: &Outline| outline.header.as_ref().map(|header| header.file_id);
    let mut gone: HashMap<FileId, usize> = HashMap::new();
    for (index, pair) in pairs.iter().enumerate().filter(|(_, pair)| pair.new.is_none()) {
        gone.extend(id(&pair.outlines[0]).map(|id| (id, index)));
    }
    let mut taken = Vec::new();
    for index in 0..pairs.len() {
        if pairs[index].old.is_none()
            && let Some(former) = id(&pairs[index].outlines[1]).and_then(|id| gone.remove(&id))
        {
            let old = pairs[former].old.take();
            let outline = std::mem::replace(&mut pairs[former].outlines[0], Outline::absent());
            pairs[index].old = old;
            pairs[index].outlines[0] = outline;
            taken.push(former);
        }
    }
    taken.sort_unstable();
    taken.into_iter().rev().for_each(|index| _ = pairs.remove(index));
}

/// The values of a version that was opened, by their keys.
struct Values<'o>(HashMap<&'o KeyPath, &'o Leaf>);

impl<'o> Values<'o> {
    fn of(opened: Option<&'o Opened>) -> Self {
        let leaves = opened.and_then(|opened| opened.document()).into_iter().flat_map(Document::leaves);
        Self(leaves.map(|leaf| (&leaf.path, leaf)).collect())
    }

    fn value(&self, key: &KeyPath) -> Option<Zeroizing<String>> {
        self.0.get(key).map(|leaf| Zeroizing::new(leaf.value.as_str().to_owned()))
    }
}

/// Returns what a value was and is.
fn values_of(change: &Change, old: &Values<'_>, new: &Values<'_>) -> Option<[Option<Zeroizing<String>>; 2]> {
    let Subject::Key(key) = &change.of else { return None };
    if matches!(change.how, How::Moved | How::Renamed | How::SealedAgain) {
        return None;
    }
    let was = change.old_key.as_ref().and_then(|key| old.value(key));
    let is = if change.how == How::Removed { None } else { new.value(key) };
    (was.is_some() || is.is_some()).then_some([was, is])
}

/// How many files are held in memory at a time.
const AT_ONCE: usize = 256;
