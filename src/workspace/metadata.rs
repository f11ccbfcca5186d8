//! Changing and checking what a header says of its file and of single values.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Error, OpenFile, Saved, Target, Workspace, lookup};
use crate::document::{self, Format, KeyPath};
use crate::envelope::native::{
    Header, KeptRecipe, Metadata, SaidOfValues, SealedRecipe, ValueMetadata, is_written_key,
};
use crate::generate::Recipe;
use crate::policy::{Period, Requirement, Rule};

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
    /// What is said of single values, in place of what was said.
    pub values: SaidOfValues,
    /// Whether a day that is past may be set.
    pub allows_past: bool,
}

/// A change of what is said of one value: what is `None` stays, what is empty is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueChange {
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Where more stands about it.
    pub links: Option<Vec<String>>,
    /// How often it is replaced.
    pub rotate_every: Option<String>,
    /// By when it must be replaced.
    pub rotation_due: Option<String>,
    /// Of which recipe the next one is made, in clear.
    pub generate: Option<String>,
    /// Of which recipe the next one is made, sealed.
    pub sealed_recipe: Option<SealedRecipe>,
    /// Whether a day that is past may be set.
    pub allows_past: bool,
}

/// How a header keeps a recipe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeping {
    /// Sealed if the one before is, so that nobody unseals one by naming the next; else in clear.
    #[default]
    AsBefore,
    /// In clear.
    Clear,
    /// Sealed: only who opens the file reads it.
    Sealed,
}

impl MetadataChange {
    /// Returns the metadata after the change.
    ///
    /// # Errors
    /// When a value is not what its field holds.
    pub fn apply(&self, metadata: &Metadata, today: Date) -> Result<Metadata, Error> {
        let mut changed = metadata.clone();
        set_text(self.owner.as_deref(), &mut changed.owner);
        set_text(self.purpose.as_deref(), &mut changed.purpose);
        set_period(self.rotate_every.as_deref(), &mut changed.rotate_every)?;
        set_day(self.rotation_due.as_deref(), &mut changed.rotation_due, today, self.allows_past)?;
        for (name, tag) in &self.tags {
            if tag.is_empty() {
                changed.tags.remove(name);
            } else if is_tag_name(name) {
                changed.tags.insert(name.clone(), tag.clone());
            } else {
                return Err(Error::MetadataValue {
                    field: "tags",
                    value: name.clone(),
                    expected: "a tag's name has letters, digits, `_` and `-`".to_owned(),
                });
            }
        }
        for (key, value) in &self.values {
            if !is_written_key(key) {
                let expected = "write the key as `secret ls FILE` prints it".to_owned();
                return Err(Error::MetadataValue { field: "values", value: key.clone(), expected });
            }
            let former = changed.values.remove(key).unwrap_or_default();
            let value = ValueChange::replacing(value, self.allows_past).apply(&former, today)?;
            if !value.is_empty() {
                changed.values.insert(key.clone(), value);
            }
        }
        Ok(changed)
    }
}

impl ValueChange {
    /// Returns the change that leaves exactly this.
    fn replacing(value: &ValueMetadata, allows_past: bool) -> Self {
        let text = |text: &Option<String>| Some(text.clone().unwrap_or_default());
        Self {
            owner: text(&value.owner),
            description: text(&value.description),
            links: Some(value.links.clone()),
            rotate_every: text(&value.rotate_every),
            rotation_due: text(&value.rotation_due.map(|day| day.to_string())),
            generate: text(&value.generate.as_ref().and_then(KeptRecipe::clear).map(str::to_owned)),
            sealed_recipe: value.generate.as_ref().and_then(KeptRecipe::sealed).cloned(),
            allows_past,
        }
    }

    /// Returns what is said after the change.
    ///
    /// # Errors
    /// When a text is not what its field holds.
    pub fn apply(&self, value: &ValueMetadata, today: Date) -> Result<ValueMetadata, Error> {
        let mut changed = value.clone();
        set_text(self.owner.as_deref(), &mut changed.owner);
        set_text(self.description.as_deref(), &mut changed.description);
        if let Some(links) = &self.links {
            let links = links.iter().map(|link| link.trim().to_owned()).filter(|link| !link.is_empty());
            changed.links = links.collect();
        }
        set_period(self.rotate_every.as_deref(), &mut changed.rotate_every)?;
        set_day(self.rotation_due.as_deref(), &mut changed.rotation_due, today, self.allows_past)?;
        match (&self.sealed_recipe, self.generate.as_deref().map(str::trim)) {
            (Some(recipe), _) => changed.generate = Some(KeptRecipe::Sealed(recipe.clone())),
            (None, None) => {}
            (None, Some("")) => changed.generate = None,
            // What stands there already may be a later version's recipe.
            (None, recipe) if recipe == value.generate.as_ref().and_then(KeptRecipe::clear) => {}
            (None, Some(recipe)) => {
                changed.generate = Some(KeptRecipe::Clear(recipe.parse::<Recipe>()?.to_string()));
            }
        }
        Ok(changed)
    }
}

impl Workspace<'_> {
    /// Changes what a header says of one value. A recipe is kept as `keeping` says.
    ///
    /// # Errors
    /// When there is no such value, the change makes no sense, or the file must not be written.
    pub fn change_value_metadata(
        &self,
        target: Target,
        key: &str,
        change: &ValueChange,
        keeping: Keeping,
    ) -> Result<Saved, Error> {
        self.refuse_large(&target)?;
        self.update(target, |file| {
            let key = said_key(file, key)?;
            let mut header = file.opened.header.clone();
            let values = &mut header.metadata.values;
            let mut change = change.clone();
            if let Some(recipe) = change.generate.as_deref().map(str::trim).filter(|recipe| !recipe.is_empty()) {
                let kept = kept_recipe(file, &key, &recipe.parse()?, keeping, self.env.today());
                change.sealed_recipe = kept.sealed().cloned();
            }
            let value = change.apply(&values.remove(&key).unwrap_or_default(), self.env.today())?;
            if !value.is_empty() {
                values.insert(key.clone(), value);
            }
            if let Some(document) = &file.opened.items {
                self.check_values(file, &header, document, Some(&key))?;
            }
            Ok((file.opened.plaintext.clone(), header))
        })
    }
}

/// Returns a recipe as the header of a file shall keep it for a value.
pub(super) fn kept_recipe(file: &OpenFile, key: &str, recipe: &Recipe, keeping: Keeping, today: Date) -> KeptRecipe {
    let opened = &file.opened;
    let known = opened.header.metadata.values.get(key).and_then(|said| said.generate.as_ref());
    let sealed = known.and_then(KeptRecipe::sealed);
    let recipe = recipe.to_string();
    match (keeping, sealed) {
        (Keeping::Clear, _) | (Keeping::AsBefore, None) => KeptRecipe::Clear(recipe),
        (_, Some(sealed)) if opened.sealed_recipe(key).is_some_and(|known| *known == recipe) => {
            KeptRecipe::Sealed(sealed.clone())
        }
        _ => KeptRecipe::Sealed(opened.seal_recipe(key, &recipe, today)),
    }
}

/// Returns the key under which a header speaks of a value; also of one that is gone, so that this can be removed.
fn said_key(file: &OpenFile, key: &str) -> Result<String, Error> {
    match value_path(file, key) {
        Ok(path) => Ok(path.to_string()),
        Err(error) => {
            let written = KeyPath::parse(key).map(|path| path.to_string()).unwrap_or_default();
            if file.opened.header.metadata.values.contains_key(&written) { Ok(written) } else { Err(error) }
        }
    }
}

/// Finds the value that a user names.
pub(super) fn value_path(file: &OpenFile, key: &str) -> Result<KeyPath, Error> {
    let path = || file.target.shown.clone();
    let document = file.opened.document().ok_or_else(|| Error::NoKeys { path: path() })?;
    let found = lookup(document, file.opened.header.format, key)
        .map_err(|source| Error::KeyPath { key: key.to_owned(), source })?;
    if let Some(leaf) = document.leaves().find(|leaf| found.addresses(&leaf.path)) {
        return Ok(leaf.path.clone());
    }
    if document.leaves().any(|leaf| found.contains(&leaf.path)) {
        return Err(Error::NotOneValue { path: path(), key: key.to_owned() });
    }
    let keys: Vec<String> = document.leaves().map(|leaf| leaf.path.to_string()).collect();
    let similar = super::similar_keys(key, keys.iter().map(String::as_str));
    Err(Error::KeyNotFound { path: path(), key: key.to_owned(), similar })
}

/// Refuses a header that begins to speak of values that are not in its document.
pub(super) fn refuse_unknown_values(
    target: &Target,
    header: &Header,
    before: &SaidOfValues,
    plaintext: &[u8],
) -> Result<(), Error> {
    let new: Vec<&String> = header.metadata.values.keys().filter(|key| !before.contains_key(*key)).collect();
    if new.is_empty() {
        return Ok(());
    }
    if header.format == Format::Opaque {
        return Err(Error::NoKeys { path: target.shown.clone() });
    }
    // A text that cannot be parsed is refused with a better message when it is sealed.
    let Some(document) = str::from_utf8(plaintext).ok().and_then(|text| document::parse(header.format, text).ok())
    else {
        return Ok(());
    };
    let keys: Vec<String> = document.leaves().map(|leaf| leaf.path.to_string()).collect();
    match new.into_iter().find(|key| !keys.contains(key)) {
        Some(key) => Err(Error::KeyNotFound {
            path: target.shown.clone(),
            key: key.clone(),
            similar: super::similar_keys(key, keys.iter().map(String::as_str)),
        }),
        None => Ok(()),
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

fn set_text(new: Option<&str>, field: &mut Option<String>) {
    if let Some(new) = new {
        *field = Some(new.trim().to_owned()).filter(|new| !new.is_empty());
    }
}

fn set_period(new: Option<&str>, field: &mut Option<String>) -> Result<(), Error> {
    set_text(new, field);
    if let Some(period) = field {
        period.parse::<Period>().map_err(|_| Error::MetadataValue {
            field: "rotate_every",
            value: period.clone(),
            expected: "write for example 90d, 12w, 6mo or 1y".to_owned(),
        })?;
    }
    Ok(())
}

fn set_day(new: Option<&str>, field: &mut Option<Date>, today: Date, allows_past: bool) -> Result<(), Error> {
    let day: Date = match new.map(str::trim) {
        None => return Ok(()),
        Some("") => {
            *field = None;
            return Ok(());
        }
        Some(day) => day.parse().map_err(|_| Error::MetadataValue {
            field: "rotation_due",
            value: day.to_owned(),
            expected: "write a day as 2027-01-31".to_owned(),
        })?,
    };
    if day < today && *field != Some(day) && !allows_past {
        return Err(Error::PastDay { day });
    }
    *field = Some(day);
    Ok(())
}

fn is_tag_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
