//! Working out what somebody knows.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::civil::Date;

use super::past::{History, Version, each_marks};
use super::present::Present;
use super::{Fate, Knowledge, KnownValue, KnownVersion, Moment, Reader, Unreach, Unreached, Unrecorded};
use crate::crypto::{FileId, LeafId};
use crate::envelope::native::Exposure;
use crate::fs::{self, Kind};
use crate::git::{EntryKind, ObjectId};
use crate::keys::Recipient;
use crate::policy::{PathPattern, Policy, is_always_plain};
use crate::workspace::lifecycle::{COMPROMISED, Examined};
use crate::workspace::{Error, ValueLife, Workspace};

impl Workspace<'_> {
    /// Works out what somebody could ever read, and what of it still holds. No identity is used.
    ///
    /// Looked at are all commits that branches, tags, the stash and HEAD of this clone lead to, and the work tree.
    ///
    /// # Errors
    /// When there is no repository, it cannot be read, or nobody was ever called so.
    pub fn knowledge(&self, reader: Reader) -> Result<Knowledge, Error> {
        let repository = self.required_repository()?;
        let history = History::read(repository)?;
        let present = self.present(history.versions().map(|version| version.path).collect())?;
        let policy = self.policy()?;
        let keys = Keys::of(&reader, &history, &present, policy)?;

        let readable = Readable::find(&reader, &keys, &history, &present);
        let mut found = Found::default();
        let mut unread: Vec<_> = history.unread().chain(present.unread.iter().cloned()).collect();
        let mut versions: HashMap<ObjectId, Vec<Version<'_>>> = HashMap::new();
        for version in history.versions().filter(|version| readable.has(version.head.file_id, version.head.generation))
        {
            versions.entry(version.content).or_default().push(version);
        }
        let mut contents: Vec<ObjectId> = versions.keys().copied().collect();
        contents.sort_unstable();
        each_marks(repository, &contents, |content, marks| match marks {
            Ok(marks) => versions[&content].iter().for_each(|version| found.note(version, &marks)),
            Err(why) => unread.extend(versions[&content].iter().map(|version| super::Unread {
                file: version.path.clone(),
                commit: Some(version.first),
                why: why.clone(),
            })),
        })?;
        for (path, file) in present.files.iter().filter(|(_, file)| readable.has_file(file)) {
            found.note_present(path, file);
        }

        let by_rule = |path: &str| policy.and_then(|policy| policy.owner_of(path)).map(str::to_owned);
        let mut values = found.values(&present, &readable, by_rule);
        values.sort_by(|one, other| {
            // Without an owner last; within a file as it stands there.
            (one.1.owner.is_none(), &one.1.owner, &one.1.file, one.0).cmp(&(
                other.1.owner.is_none(),
                &other.1.owner,
                &other.1.file,
                other.0,
            ))
        });
        // Each pattern once, whatever the number of policies.
        let rules = policy.into_iter().chain(history.policies()).flat_map(|policy| &policy.rules);
        let patterns: BTreeMap<&str, &PathPattern> = rules.map(|rule| (rule.path.as_str(), &rule.path)).collect();
        let governs = |path: &str| !is_always_plain(path) && patterns.values().any(|pattern| pattern.matches(path));
        let mut judged: HashMap<String, bool> = HashMap::new();
        let mut plaintexts: BTreeMap<String, Moment> = BTreeMap::new();
        for (path, first) in history.plaintexts() {
            if *judged.entry(path.clone()).or_insert_with(|| governs(&path)) {
                let known = plaintexts.entry(path).or_insert(first);
                *known = (*known).min(first);
            }
        }
        let name = reader.name().to_owned();
        let is_granted = |path: &str| policy.is_some_and(|policy| grants(policy, path, &keys, &reader));
        Ok(Knowledge {
            open_files: present
                .files
                .iter()
                .filter(|(_, file)| keys.open(&file.header.recipients))
                .map(path_of)
                .collect(),
            unreached: self.unreached(&history, &present, &keys, &is_granted)?,
            unrecorded: unrecorded(&present, &keys, &readable),
            granted_files: present.files.iter().filter(|(path, _)| is_granted(path)).map(path_of).collect(),
            partly_clear: found.partly_clear.into_iter().collect(),
            plaintexts: plaintexts.into_iter().collect(),
            commits: history.commits(),
            is_cut: history.is_cut(),
            recipients: keys.recipients.into_iter().collect(),
            other_names: keys.names.into_iter().filter(|known| *known != name).collect(),
            values: values.into_iter().map(|(_, value)| value).collect(),
            unread,
            reader,
        })
    }

    /// Returns the files that a reader opens by HEAD, or by the policy, and that are not among the encrypted files of the
    /// work tree: it is sparse, or somebody removed, decrypted or broke them.
    fn unreached(
        &self,
        history: &History,
        present: &Present,
        keys: &Keys,
        is_granted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<Unreached>, Error> {
        let broken: BTreeMap<&str, &str> =
            present.unread.iter().map(|unread| (unread.file.as_str(), unread.why.as_str())).collect();
        let mut unreached: BTreeMap<String, Unreach> = BTreeMap::new();
        for (file, why) in broken.iter().filter(|(file, _)| is_granted(file)) {
            unreached.insert((*file).to_owned(), Unreach::Unreadable((*why).to_owned()));
        }
        let repository = self.required_repository()?;
        if let Some(head) = repository.head()? {
            let (paths, ids): (HashSet<&str>, HashSet<FileId>) =
                present.files.iter().map(|(path, file)| (path.as_str(), file.header.file_id)).unzip();
            for entry in repository.changed(&[], repository.commit(head)?.tree, |_, _| true)? {
                let Some((EntryKind::File, content)) = entry.new else { continue };
                let path = String::from_utf8_lossy(&entry.path).into_owned();
                let Some(head) = history.head_of(content).filter(|head| keys.open(&head.recipients)) else { continue };
                // One that was moved is there.
                if !paths.contains(path.as_str()) && !ids.contains(&head.file_id) {
                    let why = match broken.get(path.as_str()) {
                        Some(why) => Unreach::Unreadable((*why).to_owned()),
                        None if self.stands_in_work_tree(&path)? => Unreach::Plaintext,
                        None => Unreach::Missing,
                    };
                    unreached.insert(path, why);
                }
            }
        }
        Ok(unreached.into_iter().map(|(file, why)| Unreached { file, why }).collect())
    }

    fn stands_in_work_tree(&self, path: &str) -> Result<bool, Error> {
        let Some(root) = self.within() else { return Ok(false) };
        Ok(fs::kind(&root.path().join(path))? == Some(Kind::File))
    }
}

/// The recipients of a reader, and the names that they were ever given.
struct Keys {
    recipients: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Keys {
    fn of(reader: &Reader, history: &History, present: &Present, policy: Option<&Policy>) -> Result<Self, Error> {
        let mut named: HashMap<&str, BTreeSet<&str>> = HashMap::new();
        let is_meant = |member: &str, recipient: &str| match reader {
            Reader::Member(wanted) => wanted == member,
            Reader::Recipient(wanted) => wanted == recipient,
        };
        let policies = || policy.into_iter().chain(history.policies());
        for (member, entry) in policies().flat_map(|policy| &policy.members) {
            for recipient in entry.recipients.iter().map(Recipient::as_str) {
                named.entry(recipient).or_default().insert(member);
            }
        }
        let versions: Vec<Version<'_>> = history.versions().collect();
        let past = versions.iter().map(|version| &version.head.recipients);
        let headers = past.chain(present.files.iter().map(|(_, file)| &file.header.recipients));
        for (member, recipients) in headers.flatten() {
            for recipient in recipients {
                named.entry(recipient).or_default().insert(member);
            }
        }
        let mut keys = Self { recipients: BTreeSet::new(), names: BTreeSet::new() };
        for (recipient, members) in &named {
            if members.iter().any(|member| is_meant(member, recipient)) {
                keys.recipients.insert((*recipient).to_owned());
                keys.names.extend(members.iter().map(|member| (*member).to_owned()));
            }
        }
        // Of somebody who left before a history that was cut off begins, the headers still have the name.
        let mut former = present.files.iter().flat_map(|(_, file)| &file.header.exposed);
        if matches!(reader, Reader::Member(name) if former.any(|exposure| exposure.member == *name)) {
            keys.names.insert(reader.name().to_owned());
        } else if keys.recipients.is_empty() {
            return Err(Error::UnknownReader { name: reader.name().to_owned(), is_cut: history.is_cut() });
        }
        Ok(keys)
    }

    /// Tells whether they open a file with these readers.
    fn open(&self, recipients: &BTreeMap<String, Vec<String>>) -> bool {
        recipients.values().flatten().any(|recipient| self.recipients.contains(recipient))
    }
}

/// The data keys that the reader has: of each file, by their generations.
struct Readable {
    generations: HashSet<(FileId, u32)>,
    /// The last of each file.
    last: HashMap<FileId, u32>,
}

impl Readable {
    fn find(reader: &Reader, keys: &Keys, history: &History, present: &Present) -> Self {
        let mut readable = Self { generations: HashSet::new(), last: HashMap::new() };
        for version in history.versions().filter(|version| keys.open(&version.head.recipients)) {
            readable.add(version.head.file_id, version.head.generation);
        }
        for (_, file) in &present.files {
            let header = &file.header;
            if keys.open(&header.recipients) {
                readable.add(header.file_id, header.generation);
            }
            // A history that was cut off does not show them any more; the header does, if not by which key.
            let is_told = matches!(reader, Reader::Member(_)) || history.is_cut();
            for exposure in header.exposed.iter().filter(|exposure| is_told && keys.names.contains(&exposure.member)) {
                readable.add(header.file_id, exposure.generation);
            }
        }
        readable
    }

    fn add(&mut self, file: FileId, generation: u32) {
        self.generations.insert((file, generation));
        let last = self.last.entry(file).or_default();
        *last = generation.max(*last);
    }

    fn has(&self, file: FileId, generation: u32) -> bool {
        self.generations.contains(&(file, generation))
    }

    fn has_file(&self, file: &Examined) -> bool {
        self.has(file.header.file_id, file.header.generation)
    }

    /// Tells whether a value of the work tree is known: it was last replaced when the reader still had the key.
    fn knows(&self, file: &Examined, value: &ValueLife) -> bool {
        self.has_file(file) || self.last.get(&file.header.file_id).is_some_and(|last| value.generation <= *last)
    }
}

/// What the versions hold.
#[derive(Default)]
struct Found {
    values: HashMap<(FileId, LeafId), BTreeMap<(Date, u32), KnownVersion>>,
    owners: HashMap<FileId, (Option<Moment>, Option<String>)>,
    partly_clear: BTreeSet<String>,
}

impl Found {
    fn note(&mut self, version: &Version<'_>, marks: &crate::envelope::native::Marks) {
        let head = version.head;
        let owner = self.owners.entry(head.file_id).or_default();
        if owner.0 <= Some(version.first) {
            *owner = (Some(version.first), head.owner.clone());
        }
        if marks.clear > 0 {
            self.partly_clear.insert(version.path.clone());
        }
        for mark in &marks.values {
            let versions = self.values.entry((head.file_id, mark.id)).or_default();
            let known = versions.entry((mark.since, mark.generation)).or_insert_with(|| KnownVersion {
                since: mark.since,
                generation: mark.generation,
                file: version.path.clone(),
                key: mark.key.clone(),
                first: Some(version.first),
            });
            if Some(version.first) < known.first {
                known.first = Some(version.first);
                known.file.clone_from(&version.path);
                known.key.clone_from(&mark.key);
            }
        }
    }

    fn note_present(&mut self, path: &str, file: &Examined) {
        if file.has_clear {
            self.partly_clear.insert(path.to_owned());
        }
        for value in &file.values {
            let versions = self.values.entry((file.header.file_id, value.id)).or_default();
            versions.entry((value.since, value.generation)).or_insert_with(|| KnownVersion {
                since: value.since,
                generation: value.generation,
                file: path.to_owned(),
                key: value.key.clone(),
                first: None,
            });
        }
    }

    /// Compares what is known with the work tree. Each value has its place in its file.
    fn values(
        &mut self,
        present: &Present,
        readable: &Readable,
        by_rule: impl Fn(&str) -> Option<String>,
    ) -> Vec<(usize, KnownValue)> {
        let mut values = Vec::with_capacity(self.values.len());
        for (path, file) in &present.files {
            for (place, value) in file.values.iter().enumerate() {
                let versions = self.values.remove(&(file.header.file_id, value.id));
                let is_known = readable.knows(file, value);
                if versions.is_none() && !is_known {
                    continue;
                }
                let known = KnownValue {
                    file_id: file.header.file_id,
                    id: value.id,
                    file: path.clone(),
                    key: value.key.clone(),
                    owner: value.owner.clone().or_else(|| by_rule(path)),
                    fate: if is_known { Fate::Current } else { Fate::Replaced },
                    since: value.since,
                    versions: versions.into_iter().flat_map(BTreeMap::into_values).collect(),
                };
                values.push((place, known));
            }
        }
        let unread: HashSet<&str> = present.unread.iter().map(|unread| unread.file.as_str()).collect();
        for ((file_id, id), versions) in std::mem::take(&mut self.values) {
            let versions: Vec<KnownVersion> = versions.into_values().collect();
            // The last name that it had.
            let Some(last) = versions.iter().max_by_key(|version| (version.since, version.generation, version.first))
            else {
                continue;
            };
            let (file, key, since) = (last.file.clone(), last.key.clone(), last.since);
            let owner = self.owners.get(&file_id).and_then(|(_, owner)| owner.clone()).or_else(|| by_rule(&file));
            // Where its file cannot be read nobody can tell whether it is gone.
            let fate = if unread.contains(file.as_str()) { Fate::Current } else { Fate::Removed };
            values.push((usize::MAX, KnownValue { file_id, id, file, key, owner, fate, since, versions }));
        }
        values
    }
}

/// Returns the files of which the reader had a data key that their headers know nothing of.
fn unrecorded(present: &Present, keys: &Keys, readable: &Readable) -> Vec<Unrecorded> {
    let others = present.files.iter().filter(|(_, file)| !keys.open(&file.header.recipients));
    let unrecorded = others.filter_map(|(path, file)| {
        let header = &file.header;
        // What a forged header says is at most that they have today's key.
        let generation = (*readable.last.get(&header.file_id)?).min(header.generation);
        let is_recorded = |exposure: &Exposure| {
            exposure.generation >= generation
                && (exposure.member == COMPROMISED || keys.names.contains(&exposure.member))
        };
        let is_new = !header.exposed.iter().any(is_recorded);
        is_new.then(|| Unrecorded { file: path.clone(), file_id: header.file_id, generation })
    });
    unrecorded.collect()
}

/// Tells whether the policy lets the reader read a file.
fn grants(policy: &Policy, path: &str, keys: &Keys, reader: &Reader) -> bool {
    policy.readers_of(path).into_iter().any(|(name, member)| match reader {
        Reader::Member(wanted) => name == wanted,
        Reader::Recipient(_) => member.recipients.iter().any(|own| keys.recipients.contains(own.as_str())),
    })
}

fn path_of((path, _): &(String, Examined)) -> String {
    path.clone()
}
