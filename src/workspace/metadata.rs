//! Changing and checking what a header says of its file.

use std::collections::BTreeMap;

use crate::envelope::native::Metadata;
use crate::policy::{Period, Requirement, Rule};

use super::Error;

/// A change of metadata: what is `None` stays, what is empty is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataChange {
    /// Who answers for the values.
    pub owner: Option<String>,
    /// What they are for.
    pub purpose: Option<String>,
    /// How often they are replaced.
    pub rotate_every: Option<String>,
    /// By when they must be replaced.
    pub rotation_due: Option<String>,
    /// Labels.
    pub tags: BTreeMap<String, String>,
}

impl MetadataChange {
    /// Returns the metadata after the change.
    ///
    /// # Errors
    /// When a value is not what its field holds.
    pub fn apply(&self, metadata: &Metadata) -> Result<Metadata, Error> {
        let mut changed = metadata.clone();
        let text = |new: &Option<String>, field: &mut Option<String>| {
            if let Some(new) = new {
                *field = Some(new.trim().to_owned()).filter(|new| !new.is_empty());
            }
        };
        text(&self.owner, &mut changed.owner);
        text(&self.purpose, &mut changed.purpose);
        text(&self.rotate_every, &mut changed.rotate_every);
        if let Some(period) = &changed.rotate_every {
            period.parse::<Period>().map_err(|_| Error::MetadataValue {
                field: "rotate_every",
                value: period.clone(),
                expected: "write for example 90d, 12w, 6mo or 1y",
            })?;
        }
        match self.rotation_due.as_deref().map(str::trim) {
            None => {}
            Some("") => changed.rotation_due = None,
            Some(day) => {
                changed.rotation_due = Some(day.parse().map_err(|_| Error::MetadataValue {
                    field: "rotation_due",
                    value: day.to_owned(),
                    expected: "write a day as 2027-01-31",
                })?);
            }
        }
        for (name, tag) in &self.tags {
            if tag.is_empty() {
                changed.tags.remove(name);
            } else if is_tag_name(name) {
                changed.tags.insert(name.clone(), tag.clone());
            } else {
                return Err(Error::MetadataValue {
                    field: "tags",
                    value: name.clone(),
                    expected: "a tag's name has letters, digits, `_` and `-`",
                });
            }
        }
        Ok(changed)
    }
}

/// Returns the fields that a rule demands and the metadata does not have.
pub(super) fn missing(rule: &Rule, metadata: &Metadata) -> Vec<&'static str> {
    let is_missing = |requirement: &Requirement| match requirement {
        Requirement::Owner => metadata.owner.is_none(),
        Requirement::Purpose => metadata.purpose.is_none(),
        Requirement::RotateEvery => metadata.rotate_every.is_none(),
        // A period gives each value its due date.
        Requirement::RotationDue => metadata.rotation_due.is_none() && metadata.rotate_every.is_none(),
    };
    rule.require.iter().filter(|requirement| is_missing(requirement)).map(|requirement| requirement.name()).collect()
}

/// Returns the metadata with which a file of a rule begins.
pub(super) fn defaults(rule: &Rule) -> Metadata {
    Metadata {
        owner: rule.owner.clone(),
        rotate_every: rule.rotate_every.map(|period| period.to_string()),
        ..Metadata::default()
    }
}

fn is_tag_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
