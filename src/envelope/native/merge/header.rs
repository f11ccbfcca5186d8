//! Merges two headers field by field. Who was removed on one side does not come back, and the newer data key stays.

use std::collections::BTreeSet;

use super::fate::NeedsKey;
use super::{Choice, Conflict, ConflictKind, Decisions};
use crate::envelope::native::header::{Header, Metadata, Recipients, SignedHeader};
use crate::envelope::native::payload::FileSecrets;
use crate::envelope::native::recipe::KeptRecipe;
use crate::envelope::native::values::{SaidOfValues, ValueMetadata};

/// The header of the merged file.
pub(super) struct Plan {
    /// What it says; the wrapped key is empty where it has to be wrapped anew.
    pub header: Header,
    /// Whose header it is, to the last byte, if nothing of it has to change.
    pub kept: Option<Choice>,
    /// Whose data key the file has.
    pub key_of: Choice,
    /// Whether both sides have that data key.
    pub is_one_key: bool,
    /// The readers whom the side with the older data key added: they do not read the file.
    pub left_out: Vec<String>,
    /// What nobody has decided.
    pub conflicts: Vec<Conflict>,
}

/// Headers that cannot be merged at all.
pub(super) enum Apart {
    /// Only a key tells whether they can.
    NeedsKey,
    /// Both sides made a new data key; or one of them a former reader made.
    BothRekeyed,
    /// They are of two files.
    OtherFile,
    /// The newer data key does not follow from the older one.
    UnknownKey,
}

/// How the data keys of the sides are related.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    One,
    Newer(Choice),
}

/// Merges the headers; `secrets` are those of both sides, where somebody has opened them.
pub(super) fn plan(
    base: Option<&SignedHeader>,
    ours: &SignedHeader,
    theirs: &SignedHeader,
    secrets: Option<[&FileSecrets; 2]>,
    decisions: &Decisions,
) -> Result<Plan, Apart> {
    let old = base.map(|base| &base.header).filter(|base| base.file_id == ours.header.file_id);
    if ours.header.file_id != theirs.header.file_id {
        return Err(Apart::OtherFile);
    }
    let keys = relation(old, &ours.header, &theirs.header, secrets)?;
    let kept = match keys {
        Keys::One if ours == theirs || base == Some(theirs) => Some(Choice::Ours),
        Keys::One if base == Some(ours) => Some(Choice::Theirs),
        Keys::Newer(newer) if base == Some(of(newer.other(), ours, theirs)) => Some(newer),
        Keys::Newer(_) | Keys::One => None,
    };
    let key_of = match (keys, kept) {
        (Keys::Newer(newer), _) => newer,
        (Keys::One, Some(kept)) => kept,
        (Keys::One, None) => Choice::Ours,
    };
    let (our_header, their_header) = (&ours.header, &theirs.header);
    let mut merging = Merging { old, ours: our_header, theirs: their_header, decisions, conflicts: Vec::new() };
    let key_header = &of(key_of, ours, theirs).header;
    let mut header = key_header.clone();
    header.path = merging.field("path", |header| header.path.clone());
    header.created = merging.field("created", |header| header.created);
    header.metadata = merging.metadata();
    // Of two that are the same, the one under the data key of the result needs not be sealed again.
    for (key, value) in &mut header.metadata.values {
        let current = key_header.metadata.values.get(key).and_then(|value| value.generate.as_ref());
        if current.is_some() && SameRecipe(value.generate.as_ref()) == SameRecipe(current) {
            value.generate = current.cloned();
        }
    }
    let mut left_out = Vec::new();
    match keys {
        Keys::One => {
            (header.format, header.mode) = merging.field("format", |header| (header.format, header.mode));
            header.comments = merging.field("comments", |header| header.comments);
            header.cleartext = merging.field("cleartext", |header| header.cleartext.clone());
            header.exposed = merging.field("exposed", |header| header.exposed.clone());
            header.recipients = merging.recipients();
        }
        Keys::Newer(newer) => {
            let older = &of(newer.other(), ours, theirs).header;
            let known = |member: &&String| old.is_some_and(|old| old.recipients.contains_key(*member));
            let added = |member: &&String| !known(member) && !key_header.recipients.contains_key(*member);
            left_out = older.recipients.keys().filter(added).cloned().collect();
        }
    }
    // The side with this very set of readers has the key wrapped to them.
    let wrapped = [key_of, key_of.other()]
        .into_iter()
        .map(|choice| &of(choice, ours, theirs).header)
        .find(|side| side.generation == header.generation && side.recipients == header.recipients);
    header.wrapped_key = wrapped.map_or_else(String::new, |side| side.wrapped_key.clone());
    Ok(Plan { header, kept, key_of, is_one_key: keys == Keys::One, left_out, conflicts: merging.conflicts })
}

fn of<'h>(choice: Choice, ours: &'h SignedHeader, theirs: &'h SignedHeader) -> &'h SignedHeader {
    match choice {
        Choice::Ours => ours,
        Choice::Theirs => theirs,
    }
}

/// Finds out how the data keys are related. Two that do not follow from one another are never merged: nobody could tell
/// which of them a former reader made.
fn relation(
    old: Option<&Header>,
    ours: &Header,
    theirs: &Header,
    secrets: Option<[&FileSecrets; 2]>,
) -> Result<Keys, Apart> {
    let (newer, higher, lower) = match ours.generation.cmp(&theirs.generation) {
        std::cmp::Ordering::Equal => {
            let is_one = match secrets {
                Some([ours, theirs]) => ours.has_data_key_of(theirs),
                None if ours.wrapped_key == theirs.wrapped_key => true,
                None if old.is_some_and(|old| old.generation == ours.generation) => true,
                None => return Err(Apart::NeedsKey),
            };
            return if is_one { Ok(Keys::One) } else { Err(Apart::BothRekeyed) };
        }
        std::cmp::Ordering::Greater => (Choice::Ours, ours, theirs),
        std::cmp::Ordering::Less => (Choice::Theirs, theirs, ours),
    };
    let both_new = old.is_none_or(|old| lower.generation > old.generation);
    let is_next = higher.generation - lower.generation == 1;
    let Some([our_secrets, their_secrets]) = secrets else {
        return if both_new { Err(Apart::NeedsKey) } else { Ok(Keys::Newer(newer)) };
    };
    let (new, former) = if newer == Choice::Ours { (our_secrets, their_secrets) } else { (their_secrets, our_secrets) };
    // Where keys between are missing, nobody can tell who made the newer one; and nothing is sealed under one that a former
    // reader may have made.
    if is_next && new.follows(former, higher.generation) {
        return Ok(Keys::Newer(newer));
    }
    Err(if both_new { Apart::BothRekeyed } else { Apart::UnknownKey })
}

struct Merging<'h> {
    old: Option<&'h Header>,
    ours: &'h Header,
    theirs: &'h Header,
    decisions: &'h Decisions,
    conflicts: Vec<Conflict>,
}

impl<'h> Merging<'h> {
    fn field<T: PartialEq>(&mut self, name: &str, read: impl Fn(&'h Header) -> T) -> T {
        let (old, ours, theirs) = (self.old.map(&read), read(self.ours), read(self.theirs));
        if ours == theirs || old.as_ref() == Some(&theirs) {
            return ours;
        }
        if old.as_ref() == Some(&ours) {
            return theirs;
        }
        let name = format!("{HEADER_FIELD}{name}");
        match self.decisions.of(&name) {
            Some(Choice::Ours) => ours,
            Some(Choice::Theirs) => theirs,
            None => {
                self.conflicts.push(Conflict { name, kind: ConflictKind::BothChanged });
                ours
            }
        }
    }

    fn metadata(&mut self) -> Metadata {
        let mut metadata = Metadata {
            owner: self.field("owner", |header| header.metadata.owner.clone()),
            purpose: self.field("purpose", |header| header.metadata.purpose.clone()),
            rotate_every: self.field("rotate_every", |header| header.metadata.rotate_every.clone()),
            rotation_due: self.field("rotation_due", |header| header.metadata.rotation_due),
            ..Metadata::default()
        };
        let (ours, theirs) = (&self.ours.metadata.tags, &self.theirs.metadata.tags);
        let mut names: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let tag = self.field(&format!("tags.{name}"), |header| header.metadata.tags.get(name).cloned());
            metadata.tags.extend(tag.map(|tag| (name.clone(), tag)));
        }
        metadata.values = self.values();
        metadata
    }

    /// Merges what is said of single values: by key, and by field.
    fn values(&mut self) -> SaidOfValues {
        let (ours, theirs) = (&self.ours.metadata.values, &self.theirs.metadata.values);
        let keys: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let mut merged = SaidOfValues::new();
        for key in keys {
            let said = |header: &'h Header| header.metadata.values.get(key);
            let name = |field: &str| format!("values.{key}.{field}");
            let value = ValueMetadata {
                owner: self.field(&name("owner"), |header| said(header)?.owner.clone()),
                description: self.field(&name("description"), |header| said(header)?.description.clone()),
                links: self.field(&name("links"), |header| said(header).map_or(&[][..], |value| &value.links)).to_vec(),
                rotate_every: self.field(&name("rotate_every"), |header| said(header)?.rotate_every.clone()),
                rotation_due: self.field(&name("rotation_due"), |header| said(header)?.rotation_due),
                generate: self
                    .field(&name("generate"), |header| SameRecipe(said(header).and_then(|said| said.generate.as_ref())))
                    .0
                    .cloned(),
            };
            if !value.is_empty() {
                merged.insert(key.clone(), value);
            }
        }
        merged
    }

    /// Merges the readers under one data key. Who or what one side removed is removed, though a removal makes a new key.
    fn recipients(&mut self) -> Recipients {
        let mut names: Vec<&String> = self.ours.recipients.keys().chain(self.theirs.recipients.keys()).collect();
        names.sort();
        names.dedup();
        let mut merged = Recipients::new();
        for name in names {
            let read = |header: &'h Header| header.recipients.get(name);
            let list = match (self.old.and_then(read), read(self.ours), read(self.theirs)) {
                (_, Some(_), Some(_)) => {
                    self.field(&format!("recipients.{name}"), |header| header.recipients.get(name).cloned())
                }
                (None, added, None) | (None, None, added) if self.old.is_some() => added.cloned(),
                _ => None,
            };
            merged.extend(list.map(|list| (name.clone(), list)));
        }
        merged
    }
}

/// A recipe that is the same one also where a new data key had it sealed again.
#[derive(Clone, Copy)]
struct SameRecipe<'h>(Option<&'h KeptRecipe>);

impl PartialEq for SameRecipe<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Some(KeptRecipe::Sealed(one)), Some(KeptRecipe::Sealed(other))) => one.id() == other.id(),
            (one, other) => one == other,
        }
    }
}

impl From<NeedsKey> for Apart {
    fn from(_: NeedsKey) -> Self {
        Self::NeedsKey
    }
}

/// Before the name of a field, where keys and fields are named.
pub(super) const HEADER_FIELD: &str = "header:";
