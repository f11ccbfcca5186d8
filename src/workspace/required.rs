//! What a rule demands to be said of each sealed value, and of which values it is not said.

use std::collections::{BTreeMap, HashMap};

use super::rotate::beside_rotations;
use super::{Error, OpenFile, Workspace};
use crate::document::{Document, KeyPath, Leaf};
use crate::envelope::native::{EncryptedFile, Header, Metadata, ValueMetadata};
use crate::policy::{Rule, ValueRequirement};

/// The values of which the same is not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lacking {
    /// How many.
    pub count: usize,
    /// The keys of the first, as many as are wanted.
    pub keys: Vec<String>,
}

/// Returns the sealed values of a document by what is not said of them. What waits or stays behind in a rotation of two steps
/// is as the value beside it.
pub(super) fn lacking(header: &Header, document: &Document, named: usize) -> BTreeMap<Vec<ValueRequirement>, Lacking> {
    let mut lacking: BTreeMap<Vec<ValueRequirement>, Lacking> = BTreeMap::new();
    for leaf in of_their_own(header, document) {
        let fields = unsaid(&header.metadata, header.metadata.value(&leaf.path));
        if fields.is_empty() {
            continue;
        }
        let same = lacking.entry(fields).or_default();
        same.count += 1;
        if same.keys.len() < named {
            same.keys.push(leaf.path.to_string());
        }
    }
    lacking
}

/// Returns what a rule demands of those fields.
pub(super) fn demanded(rule: &Rule, fields: &[ValueRequirement]) -> Vec<&'static str> {
    rule.require_values.iter().filter(|field| fields.contains(field)).map(|field| field.name()).collect()
}

impl Workspace<'_> {
    /// Refuses a sealed new form of a file after which something that the rule demands is not said of a new value, or not any
    /// more of one that was there. What is said stands there with the keys as they are now.
    pub(super) fn check_values_of(&self, file: &OpenFile, sealed: &[u8]) -> Result<(), Error> {
        match EncryptedFile::parse(sealed) {
            Ok(after) => after.items().map_or(Ok(()), |items| self.check_values(file, after.header(), items, None)),
            Err(_) => Ok(()),
        }
    }

    /// As [`Self::check_values_of`], by a header and its document; of the value with this `key` everything must be said.
    pub(super) fn check_values(
        &self,
        file: &OpenFile,
        header: &Header,
        document: &Document,
        key: Option<&str>,
    ) -> Result<(), Error> {
        let rule = if self.policy()?.is_some() { self.rule(&file.target)? } else { return Ok(()) };
        if rule.require_values.is_empty() {
            return Ok(());
        }
        let known = file.opened.items.as_ref().map(|before| by_key(&file.opened.header, before)).unwrap_or_default();
        for leaf in of_their_own(header, document) {
            let shown = leaf.path.to_string();
            let mut fields = unsaid(&header.metadata, header.metadata.value(&leaf.path));
            if key != Some(&shown)
                && let Some(known) = known.get(&shown)
            {
                fields.retain(|field| !known.contains(field));
            }
            let fields = demanded(rule, &fields);
            if !fields.is_empty() {
                return Err(Error::MetadataMissing { path: file.target.shown.clone(), key: Some(shown), fields });
            }
        }
        Ok(())
    }
}

/// Returns the sealed values of a document, less those that are there for a rotation only.
fn of_their_own<'d>(header: &Header, document: &'d Document) -> impl Iterator<Item = &'d Leaf> {
    let exempt = beside_rotations(document);
    document.leaves().filter(move |leaf| header.seals(&leaf.path) && !exempt.contains(&leaf.path))
}

fn by_key(header: &Header, document: &Document) -> HashMap<String, Vec<ValueRequirement>> {
    let fields = |path: &KeyPath| unsaid(&header.metadata, header.metadata.value(path));
    document.leaves().map(|leaf| (leaf.path.to_string(), fields(&leaf.path))).collect()
}

/// Returns what is said neither of a value nor, where that counts for it, of its file.
fn unsaid(file: &Metadata, value: Option<&ValueMetadata>) -> Vec<ValueRequirement> {
    let is_said = |field: ValueRequirement| match field {
        ValueRequirement::Description => value.is_some_and(|value| value.description.is_some()),
        ValueRequirement::Links => value.is_some_and(|value| !value.links.is_empty()),
        ValueRequirement::Owner => value.is_some_and(|value| value.owner.is_some()) || file.owner.is_some(),
        ValueRequirement::RotateEvery => is_periodic(file, value),
        // A period gives the value its due date.
        ValueRequirement::RotationDue => {
            is_periodic(file, value)
                || value.is_some_and(|value| value.rotation_due.is_some())
                || file.rotation_due.is_some()
        }
    };
    ValueRequirement::ALL.into_iter().filter(|field| !is_said(*field)).collect()
}

fn is_periodic(file: &Metadata, value: Option<&ValueMetadata>) -> bool {
    value.is_some_and(|value| value.rotate_every.is_some()) || file.rotate_every.is_some()
}
