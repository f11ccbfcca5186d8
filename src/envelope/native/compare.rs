//! Comparing two versions of a file without a key.
//!
//! A token is fresh whenever its value changes, but also when a neighbour is added or renamed, and under a new data key.
//! Which of the two it was is told by what it says in clear: its day and generation are those of the last change of the
//! value, and what it is bound to changes only with its surroundings. All of this is the word of who wrote the versions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;

use super::change::{Change, How, Subject};
use super::header::{Header, Metadata};
use super::outline::{Held, Outline, OutlinedComment, OutlinedValue, TokenMark};
use super::place;
use super::reuse::{Candidate, Origin, comment_origins, origins};
use super::values::{SaidOfValues, ValueMetadata};
use crate::crypto::LeafId;
use crate::document::{KeyPath, ScalarKind};

/// Returns what differs between two versions. No value was changed before the day `since`, as far as one is known.
///
/// Nothing is returned where only blanks, or the spelling of keys, differ.
pub fn compare(old: &Outline, new: &Outline, since: Option<Date>) -> Vec<Change> {
    let mut changes = Vec::new();
    if new.is_absent {
        return vec![Change::new(Subject::File, How::Removed)];
    }
    // Of what cannot be read nothing is known; why not is said by the caller.
    match (old.is_unreadable(), new.is_unreadable()) {
        (_, true) => return changes,
        (true, false) => return vec![Change::new(Subject::File, How::Mended)],
        (false, false) => {}
    }
    if old.is_absent {
        changes.push(Change::new(Subject::File, How::Added));
        if new.header.is_none() && new.problem.is_none() {
            changes.push(Change::new(Subject::File, How::InClear));
        }
    }
    let is_other = match (&old.header, &new.header) {
        (Some(old), Some(new)) => old.file_id != new.file_id,
        _ => false,
    };
    if is_other {
        changes.push(Change::new(Subject::File, How::Replaced));
    }
    let is_turned = old.header.is_some() != new.header.is_some();
    if is_turned && !old.is_absent && old.problem.is_none() && new.problem.is_none() {
        changes.push(Change::new(Subject::File, if new.header.is_some() { How::Encrypted } else { How::Cleared }));
    }
    match (&old.header, &new.header) {
        (Some(old), Some(new)) => compare_headers(old, new, &mut changes),
        (None, Some(new)) => {
            changes.extend(new.recipients.keys().map(|name| Change::new(Subject::Reader(name.clone()), How::Added)));
            compare_metadata(&Metadata::default(), &new.metadata, &mut changes);
        }
        _ => {}
    }
    let comparison = Comparison {
        is_comparable: !is_other && !is_turned,
        is_turned,
        has_new_key: generation(old) != generation(new),
        new_generation: generation(new).filter(|new| generation(old).is_some_and(|old| old < *new)),
        since: since.into_iter().chain(old.latest_day()).max(),
    };
    comparison.values(&old.values, &new.values, &mut changes);
    comparison.comments(&old.comments, &new.comments, &mut changes);
    let is_same_body = match (old.body, new.body) {
        (Some(old), Some(new)) => old == new,
        // A plaintext that cannot be parsed has a body, and its former or later version keys.
        (one, other) => one.is_none() && other.is_none(),
    };
    if !is_same_body && comparison.is_comparable && !old.is_absent {
        let stamps = (old.body.and_then(|body| body.stamp), new.body.and_then(|body| body.stamp));
        let how = match stamps {
            (Some(old), Some(new)) if (new.generation, new.day) < (old.generation, old.day) => How::PutBack,
            (Some(old), Some(new))
                if comparison.has_new_key && (new.generation, new.day) == (old.generation, old.day) =>
            {
                How::SealedAgain
            }
            _ => How::Changed,
        };
        changes.push(Change::new(Subject::Content, how));
    }
    if old.markup != new.markup && comparison.is_comparable && is_same_body && !old.is_absent {
        changes.push(Change::new(Subject::Structure, How::Changed));
    }
    changes
}

fn generation(outline: &Outline) -> Option<u32> {
    outline.header.as_ref().map(|header| header.generation)
}

fn compare_headers(old: &Header, new: &Header, changes: &mut Vec<Change>) {
    if old.path != new.path {
        let (from, to) = (Some(old.path.clone()), Some(new.path.clone()));
        changes.push(Change { from, to, ..Change::new(Subject::Path, How::Moved) });
    }
    let names: BTreeSet<&String> = old.recipients.keys().chain(new.recipients.keys()).collect();
    for name in names {
        let how = match (old.recipients.get(name), new.recipients.get(name)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => How::Changed,
            (None, _) => How::Added,
            (_, None) => How::Removed,
        };
        changes.push(Change::new(Subject::Reader(name.clone()), how));
    }
    for (list, others, how) in [(&new.exposed, &old.exposed, How::Added), (&old.exposed, &new.exposed, How::Removed)] {
        for exposure in list.iter().filter(|exposure| !others.contains(exposure)) {
            let to = Some(exposure.generation.to_string());
            changes.push(Change { to, ..Change::new(Subject::FormerReader(exposure.member.clone()), how) });
        }
    }
    if old.file_id == new.file_id {
        let count = |of, name: fn(&Header) -> u32, forth| {
            let how = if name(new) < name(old) { How::PutBack } else { forth };
            let (from, to) = (Some(name(old).to_string()), Some(name(new).to_string()));
            Change { from, to, ..Change::new(of, how) }
        };
        if old.generation != new.generation {
            changes.push(count(Subject::DataKey, |header| header.generation, How::Replaced));
        } else if new.revision < old.revision {
            changes.push(count(Subject::Header, |header| header.revision, How::Changed));
        }
    }
    compare_metadata(&old.metadata, &new.metadata, changes);
    let mut field = |name: &str, from: Option<String>, to: Option<String>| {
        changes.extend(Change::of_field(name, from, to));
    };
    let text = |text: &str| Some(text.to_owned());
    field("format", text(old.format.name()), text(new.format.name()));
    field("mode", text(old.mode.name()), text(new.mode.name()));
    field("comments", text(old.comments.name()), text(new.comments.name()));
    let patterns = |header: &Header| {
        let patterns: Vec<String> = header.cleartext.iter().map(ToString::to_string).collect();
        (!patterns.is_empty()).then(|| patterns.join(", "))
    };
    field("cleartext", patterns(old), patterns(new));
    field("created", text(&old.created.to_string()), text(&new.created.to_string()));
}

fn compare_metadata(was: &Metadata, is: &Metadata, changes: &mut Vec<Change>) {
    let mut field = |name: &str, from: Option<String>, to: Option<String>| {
        changes.extend(Change::of_field(name, from, to));
    };
    field("owner", was.owner.clone(), is.owner.clone());
    field("purpose", was.purpose.clone(), is.purpose.clone());
    field("rotate_every", was.rotate_every.clone(), is.rotate_every.clone());
    let day = |day: Option<Date>| day.map(|day| day.to_string());
    field("rotation_due", day(was.rotation_due), day(is.rotation_due));
    let names: BTreeSet<&String> = was.tags.keys().chain(is.tags.keys()).collect();
    for name in names {
        field(&format!("tags.{name}"), was.tags.get(name).cloned(), is.tags.get(name).cloned());
    }
    let keys: BTreeSet<&String> = was.values.keys().chain(is.values.keys()).collect();
    for key in keys {
        let said = |values: &SaidOfValues| -> BTreeMap<&str, String> {
            let mut fields: BTreeMap<&str, String> =
                values.get(key).map(ValueMetadata::fields).unwrap_or_default().into_iter().collect();
            // Two sealed recipes differ by their ids: one that a new data key had sealed again is the same.
            let sealed = values.get(key).and_then(|value| value.generate.as_ref()?.sealed());
            fields.extend(sealed.map(|recipe| ("generate", format!("(sealed, id {})", recipe.id()))));
            fields
        };
        let (mut was, mut is) = (said(&was.values), said(&is.values));
        let names: BTreeSet<&str> = was.keys().chain(is.keys()).copied().collect();
        for name in names {
            field(&format!("values.{key}.{name}"), was.remove(name), is.remove(name));
        }
    }
}

/// What decides how a token that differs is understood.
struct Comparison {
    /// Whether tokens of both versions can be compared at all.
    is_comparable: bool,
    /// Whether one is encrypted and the other is not.
    is_turned: bool,
    /// Whether the data keys differ: then all tokens do.
    has_new_key: bool,
    /// The generation of the new data key.
    new_generation: Option<u32>,
    /// The first day on which something can have changed.
    since: Option<Date>,
}

impl Comparison {
    fn values(&self, old: &[OutlinedValue], new: &[OutlinedValue], changes: &mut Vec<Change>) {
        let pairs = self.pairs(old, new);
        let mut is_kept = vec![false; old.len()];
        pairs.iter().flatten().for_each(|index| is_kept[*index] = true);
        let in_order = longest_increasing(&pairs);
        for (index, (value, pair)) in new.iter().zip(&pairs).enumerate() {
            let key = || Subject::Key(value.path.clone());
            let id = value.held.token().map(|token| token.id);
            let Some(former) = pair.map(|index| &old[index]) else {
                changes.push(Change { id, ..Change::new(key(), How::Added) });
                continue;
            };
            let from = Some(former.path.to_string());
            let old_key = Some(former.path.clone());
            if !is_same_key(&former.path, &value.path) {
                changes.push(Change { id, from, old_key: old_key.clone(), ..Change::new(key(), How::Renamed) });
            } else if !in_order[index] {
                let from = from.filter(|_| former.path != value.path);
                changes.push(Change { id, from, old_key: old_key.clone(), ..Change::new(key(), How::Moved) });
            }
            if let Some(how) = self.held(&former.held, &value.held) {
                changes.push(Change { id, old_key, ..Change::new(key(), how) });
            }
        }
        for (value, _) in old.iter().zip(is_kept).filter(|(_, is_kept)| !is_kept) {
            let id = value.held.token().map(|token| token.id);
            let old_key = Some(value.path.clone());
            changes.push(Change { id, old_key, ..Change::new(Subject::Key(value.path.clone()), How::Removed) });
        }
    }

    /// Returns for each new value which old one it is: by its id, else by its key, else by its spelling.
    fn pairs(&self, old: &[OutlinedValue], new: &[OutlinedValue]) -> Vec<Option<usize>> {
        let mut pairs = self.by_id(old.iter().map(|value| &value.held), new.iter().map(|value| &value.held));
        let rest = |count: usize, is_used: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..count).filter(|index| !is_used(*index)).collect()
        };
        let used: BTreeSet<usize> = pairs.iter().flatten().copied().collect();
        let old_rest = rest(old.len(), &|index| used.contains(&index));
        let new_rest = rest(new.len(), &|index| pairs[index].is_some());
        let keys = |side: &[OutlinedValue], indexes: &[usize]| -> Vec<(Vec<u8>, String)> {
            indexes.iter().map(|index| (place::encode_path(&side[*index].path), spelling(&side[*index].held))).collect()
        };
        let (old_keys, new_keys) = (keys(old, &old_rest), keys(new, &new_rest));
        for (index, origin) in origins(&candidates(&old_keys), &candidates(&new_keys)).into_iter().enumerate() {
            if let Origin::Kept(original) = origin {
                pairs[new_rest[index]] = Some(old_rest[original]);
            }
        }
        pairs
    }

    fn by_id<'h>(
        &self,
        old: impl Iterator<Item = &'h Held>,
        new: impl Iterator<Item = &'h Held>,
    ) -> Vec<Option<usize>> {
        let ids = old.enumerate().filter_map(|(index, held)| Some((held.token()?.id, index)));
        let mut ids: HashMap<LeafId, usize> = if self.is_comparable { ids.collect() } else { HashMap::new() };
        new.map(|held| ids.remove(&held.token()?.id)).collect()
    }

    fn comments(&self, old: &[OutlinedComment], new: &[OutlinedComment], changes: &mut Vec<Change>) {
        let mut pairs = self.by_id(old.iter().map(|comment| &comment.held), new.iter().map(|comment| &comment.held));
        let used: BTreeSet<usize> = pairs.iter().flatten().copied().collect();
        let old_rest: Vec<usize> = (0..old.len()).filter(|index| !used.contains(index)).collect();
        let new_rest: Vec<usize> = (0..new.len()).filter(|index| pairs[*index].is_none()).collect();
        let keys = |side: &[OutlinedComment], indexes: &[usize]| -> Vec<(Vec<u8>, String)> {
            let path = |comment: &OutlinedComment| comment.before.as_ref().map(place::encode_path).unwrap_or_default();
            indexes.iter().map(|index| (path(&side[*index]), spelling(&side[*index].held))).collect()
        };
        let (old_keys, new_keys) = (keys(old, &old_rest), keys(new, &new_rest));
        for (index, origin) in comment_origins(&candidates(&old_keys), &candidates(&new_keys)).into_iter().enumerate() {
            if let Origin::Kept(original) = origin {
                pairs[new_rest[index]] = Some(old_rest[original]);
            }
        }
        let mut is_kept = vec![false; old.len()];
        for (comment, pair) in new.iter().zip(&pairs) {
            let how = match pair.map(|index| (index, &old[index])) {
                None => Some(How::Added),
                Some((index, former)) => {
                    is_kept[index] = true;
                    self.held(&former.held, &comment.held)
                }
            };
            let id = comment.held.token().map(|token| token.id);
            changes.extend(how.map(|how| Change { id, ..Change::new(Subject::Comment(comment.before.clone()), how) }));
        }
        for (comment, _) in old.iter().zip(is_kept).filter(|(_, is_kept)| !is_kept) {
            changes.push(Change::new(Subject::Comment(comment.before.clone()), How::Removed));
        }
    }

    fn held(&self, old: &Held, new: &Held) -> Option<How> {
        if let (Some(was), Some(is)) = (old.exact(), new.exact()) {
            let is_turned = old.token().is_some() != new.token().is_some();
            return match () {
                () if was.value != is.value => Some(self.stamped(old, new).unwrap_or(How::Changed)),
                () if is_turned && !self.is_turned && old.token().is_some() => Some(How::Cleared),
                () if is_turned && !self.is_turned => Some(How::Encrypted),
                () if was.source != is.source => Some(How::Spelled),
                () => None,
            };
        }
        match (old, new) {
            (Held::Sealed(old), Held::Sealed(new)) => self.tokens(old, new),
            (old, new) if old == new => None,
            // Said once of the file.
            (Held::Sealed(_), Held::Clear(_)) | (Held::Clear(_), Held::Sealed(_)) if self.is_turned => None,
            (Held::Sealed(_), Held::Clear(_)) => Some(How::Cleared),
            (Held::Clear(_), Held::Sealed(_)) => Some(How::Encrypted),
            _ => Some(How::Changed),
        }
    }

    /// Tells whether what a value's tokens say in clear went back.
    fn stamped(&self, old: &Held, new: &Held) -> Option<How> {
        let (was, is) = (old.token()?.stamp, new.token()?.stamp);
        (self.is_comparable && (is.generation < was.generation || is.day < was.day)).then_some(How::PutBack)
    }

    /// Tells how a token differs, `None` where the value is the same for sure.
    fn tokens(&self, old: &TokenMark, new: &TokenMark) -> Option<How> {
        if old.digest == new.digest {
            return None;
        }
        if !self.is_comparable {
            return Some(How::Unknown);
        }
        let (was, is) = (old.stamp, new.stamp);
        if is.generation < was.generation || is.day < was.day {
            return Some(How::PutBack);
        }
        // A comment is bound to no surroundings: under one data key its token is fresh only for another text.
        let is_bound_alike = old.associated_data == new.associated_data
            && (old.associated_data.is_some() || is.kind == super::TokenKind::Comment);
        if (was.day, was.generation, was.kind) != (is.day, is.generation, is.kind)
            || old.length != new.length
            || old.id != new.id
            || (is_bound_alike && !self.has_new_key)
        {
            return Some(How::Changed);
        }
        // A value that changed has the day of its change, which is not before that of the old version; and the generation
        // of the data key.
        let is_old = self.since.is_some_and(|since| is.day < since)
            || self.new_generation.is_some_and(|new| is.generation < new);
        Some(if is_old { How::SealedAgain } else { How::MaybeChanged })
    }
}

/// Tells whether two paths differ in indexes at most.
fn is_same_key(one: &KeyPath, other: &KeyPath) -> bool {
    one == other || place::encode_path(one) == place::encode_path(other)
}

fn spelling(held: &Held) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match held {
        Held::Alias(name) => format!("alias {name}"),
        Held::Clear(exact) => format!("clear {}", hex(&exact.source)),
        Held::EmptyList => "[]".to_owned(),
        Held::EmptyMap => "{}".to_owned(),
        Held::Null => "null".to_owned(),
        Held::Sealed(token) => format!("sealed {}", hex(&token.digest)),
    }
}

fn candidates(keys: &[(Vec<u8>, String)]) -> Vec<Candidate<'_>> {
    keys.iter()
        .map(|(path, spelling)| Candidate { path, source: spelling, value: (ScalarKind::String, spelling) })
        .collect()
}

/// Tells for each new value whether it is one of those that kept their order: as many as possible.
fn longest_increasing(pairs: &[Option<usize>]) -> Vec<bool> {
    // Patience sorting: the smallest last element of an increasing run of each length.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; pairs.len()];
    let at = |index: usize| pairs[index].unwrap_or_default();
    for (index, pair) in pairs.iter().enumerate() {
        let Some(pair) = pair else { continue };
        let length = ends.partition_point(|end| at(*end) < *pair);
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut is_in_order = vec![false; pairs.len()];
    let mut next = ends.last().copied();
    while let Some(index) = next {
        is_in_order[index] = true;
        next = before[index];
    }
    is_in_order
}
