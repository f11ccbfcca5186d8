//! Who could read which file from when till when: by the headers of all commits.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::past::History;
use super::{Moment, Unread};
use crate::crypto::FileId;
use crate::workspace::{Error, Workspace};

/// The readers of all files, in all commits of a clone.
#[derive(Debug)]
pub struct ReaderHistory {
    /// Sorted by member, then by file and time.
    pub spans: Vec<ReaderSpan>,
    /// How many commits were looked at.
    pub commits: usize,
    /// Whether the history of this clone was cut off.
    pub is_cut: bool,
    /// What could not be read, and may name more readers.
    pub unread: Vec<Unread>,
}

/// A time in which a member had the data key of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderSpan {
    /// The member.
    pub member: String,
    /// The file as it is called today, or was last.
    pub file: String,
    /// The first commit that lets them in; `None` for what stands in the work tree only.
    pub from: Option<Moment>,
    /// What ended it; `None` while it lasts.
    pub till: Option<SpanEnd>,
}

/// What ended a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanEnd {
    /// A commit with the next data key.
    Commit(Moment),
    /// The file stands in the work tree no more; the last commit that had another content of it.
    Gone(Moment),
    /// The work tree's data key, which no commit has yet.
    WorkTree,
}

/// The readers of one data key of a file.
#[derive(Default)]
struct Generation {
    first: Option<Moment>,
    readers: BTreeMap<String, Option<Moment>>,
}

/// What is known of a file over its life.
#[derive(Default)]
struct Life {
    generations: BTreeMap<u32, Generation>,
    last: Option<(Moment, String)>,
    present: Option<String>,
}

impl Workspace<'_> {
    /// Works out who could read which file and when. No identity is used. `files` are those that matter; all if `None`.
    ///
    /// A removal always makes a new data key, so a time ends with the data key of which no version names the member.
    ///
    /// # Errors
    /// When there is no repository, or it cannot be read.
    pub fn reader_history(&self, files: Option<&BTreeSet<&str>>) -> Result<ReaderHistory, Error> {
        let history = History::read(self.required_repository()?)?;
        let mut lives: HashMap<FileId, Life> = HashMap::new();
        for version in history.versions() {
            let life = lives.entry(version.head.file_id).or_default();
            let generation = life.generations.entry(version.head.generation).or_default();
            generation.first = earlier(generation.first, Some(version.first));
            for reader in version.head.recipients.keys() {
                let first = generation.readers.entry(reader.clone()).or_insert(Some(version.first));
                *first = earlier(*first, Some(version.first));
            }
            if life.last.as_ref().is_none_or(|(last, _)| *last < version.first) {
                life.last = Some((version.first, version.path));
            }
        }
        let present = self.present(history.versions().map(|version| version.path).collect())?;
        for (path, file) in &present.files {
            let life = lives.entry(file.header.file_id).or_default();
            life.present = Some(path.clone());
            let generation = life.generations.entry(file.header.generation).or_default();
            for reader in file.header.recipients.keys() {
                generation.readers.entry(reader.clone()).or_insert(None);
            }
        }
        // A file that cannot be read now has not gone.
        let unread: BTreeSet<&str> = present.unread.iter().map(|unread| unread.file.as_str()).collect();
        for life in lives.values_mut().filter(|life| life.present.is_none()) {
            life.present =
                life.last.as_ref().map(|(_, path)| path.clone()).filter(|path| unread.contains(path.as_str()));
        }
        let mut spans: Vec<ReaderSpan> = lives.values().flat_map(Life::spans).collect();
        spans.retain(|span| files.is_none_or(|files| files.contains(span.file.as_str())));
        spans.sort_by(|one, other| {
            (&one.member, &one.file, one.from.is_none(), one.from).cmp(&(
                &other.member,
                &other.file,
                other.from.is_none(),
                other.from,
            ))
        });
        let mut unread: Vec<Unread> = history.unread().chain(present.unread).collect();
        unread.retain(|unread| files.is_none_or(|files| files.contains(unread.file.as_str())));
        Ok(ReaderHistory { spans, commits: history.commits(), is_cut: history.is_cut(), unread })
    }
}

impl Life {
    fn spans(&self) -> Vec<ReaderSpan> {
        let Some(file) = self.present.as_ref().or(self.last.as_ref().map(|(_, path)| path)) else { return Vec::new() };
        let members: BTreeSet<&String> =
            self.generations.values().flat_map(|generation| generation.readers.keys()).collect();
        let mut spans = Vec::new();
        for member in members {
            let mut open: Option<Option<Moment>> = None;
            let mut push = |from: Option<Moment>, till: Option<SpanEnd>| {
                spans.push(ReaderSpan { member: member.clone(), file: file.clone(), from, till });
            };
            for generation in self.generations.values() {
                match (open, generation.readers.get(member)) {
                    (None, Some(first)) => open = Some(*first),
                    (Some(from), None) => {
                        push(from, Some(generation.first.map_or(SpanEnd::WorkTree, SpanEnd::Commit)));
                        open = None;
                    }
                    _ => {}
                }
            }
            let Some(from) = open else { continue };
            match (&self.present, self.last.as_ref()) {
                (None, Some((last, _))) => push(from, Some(SpanEnd::Gone(*last))),
                _ => push(from, None),
            }
        }
        spans
    }
}

/// Returns the earlier of two moments; one that is not committed is later than all.
fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    one.into_iter().chain(other).min()
}
