//! The recipe of a value's next one, as a header keeps it: in clear, or sealed for its file and key (docs/format.md
//! section 6).

use std::fmt;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::file::Opened;
use super::header::Header;
use super::opening::OpenError;
use super::payload::FileSecrets;
use super::place;
use super::token::{Stamp, Token, TokenKind};
use super::values::SaidOfValues;
use crate::crypto::{self, Family, FileId, LeafId, NotAuthentic};

/// The recipe of a value's next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptRecipe {
    /// Everybody reads it.
    Clear(String),
    /// Who opens the file reads it.
    Sealed(SealedRecipe),
}

/// A recipe that is sealed for one file and key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRecipe(Token);

impl KeptRecipe {
    /// Returns the recipe if it stands in clear.
    pub fn clear(&self) -> Option<&str> {
        if let Self::Clear(recipe) = self { Some(recipe) } else { None }
    }

    /// Returns the recipe if it is sealed.
    pub fn sealed(&self) -> Option<&SealedRecipe> {
        if let Self::Sealed(recipe) = self { Some(recipe) } else { None }
    }
}

impl SealedRecipe {
    /// Reads it in its only spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Token::parse_recipe(text).map(Self)
    }

    /// Returns the id: it stays when the same recipe is sealed again, and a new recipe gets another one.
    pub fn id(&self) -> LeafId {
        self.0.sealed.id()
    }

    fn seal(secrets: &FileSecrets, key: &str, id: LeafId, stamp: Stamp, recipe: &str) -> Self {
        let associated_data = place::of_recipe(secrets.file_id(), &stamp, key);
        Self(Token {
            stamp,
            sealed: crypto::seal(secrets.keys(), Family::Recipe, id, associated_data, recipe.as_bytes()),
        })
    }

    /// Opens it as what the header of this file keeps for a key.
    fn open(&self, secrets: &FileSecrets, key: &str) -> Result<Zeroizing<String>, NotAuthentic> {
        let associated_data = place::of_recipe(secrets.file_id(), &self.0.stamp, key);
        let recipe = crypto::open(secrets.keys(), Family::Recipe, associated_data, &self.0.sealed)?;
        crate::document::into_text(recipe).filter(|recipe| !recipe.is_empty()).ok_or(NotAuthentic)
    }

    fn is_intact(&self, file_id: FileId, key: &str) -> bool {
        self.0.sealed.is_intact(place::of_recipe(file_id, &self.0.stamp, key))
    }
}

impl fmt::Debug for SealedRecipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for SealedRecipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Opened {
    /// Returns the recipe that the header keeps sealed for a value.
    pub fn sealed_recipe(&self, key: &str) -> Option<Zeroizing<String>> {
        let recipe = self.header.metadata.values.get(key)?.generate.as_ref()?.sealed()?;
        recipe.open(&self.secrets, key).ok()
    }

    /// Seals a recipe for a value of this file.
    pub fn seal_recipe(&self, key: &str, recipe: &str, today: Date) -> SealedRecipe {
        let stamp = Stamp { kind: TokenKind::Recipe, day: today, generation: self.header.generation };
        SealedRecipe::seal(&self.secrets, key, LeafId::generate(), stamp, recipe)
    }
}

/// Checks the sealed recipes of a header as far as it can be done without a key.
pub(super) fn check(header: &Header) -> Result<(), OpenError> {
    let is_broken = |key: &str, recipe: &SealedRecipe| {
        recipe.0.stamp.generation > header.generation || !recipe.is_intact(header.file_id, key)
    };
    refuse(header, is_broken)
}

/// Opens the sealed recipes of a header: each must have been sealed for its file and key.
pub(super) fn verify(header: &Header, secrets: &FileSecrets) -> Result<(), OpenError> {
    let is_foreign = |key: &str, recipe: &SealedRecipe| {
        recipe.0.stamp.generation > header.generation || recipe.open(secrets, key).is_err()
    };
    refuse(header, is_foreign)
}

fn refuse(header: &Header, is_wrong: impl Fn(&str, &SealedRecipe) -> bool) -> Result<(), OpenError> {
    match sealed(&header.metadata.values).find(|(key, recipe)| is_wrong(key, recipe)) {
        Some((key, _)) => Err(OpenError::Recipe { key: key.to_owned() }),
        None => Ok(()),
    }
}

/// Seals the recipes of a header that is to be written again where its data key, or the key of a value, is another one.
/// `former` are headers in which they stood, with the secrets of their files; else the key is returned whose recipe is of
/// none of them.
pub(super) fn reseal(
    values: &mut SaidOfValues,
    secrets: &FileSecrets,
    former: &[(&FileSecrets, &SaidOfValues)],
) -> Result<(), String> {
    for (key, value) in values {
        let Some(KeptRecipe::Sealed(recipe)) = &mut value.generate else { continue };
        if recipe.open(secrets, key).is_ok() {
            continue;
        }
        let opened = former.iter().find_map(|(secrets, values)| {
            let (known, _) = sealed(values).find(|(_, known)| *known == recipe)?;
            recipe.open(secrets, known).ok()
        });
        let opened = opened.ok_or_else(|| key.clone())?;
        *recipe = SealedRecipe::seal(secrets, key, recipe.id(), recipe.0.stamp, &opened);
    }
    Ok(())
}

fn sealed(values: &SaidOfValues) -> impl Iterator<Item = (&str, &SealedRecipe)> {
    values.iter().filter_map(|(key, value)| Some((key.as_str(), value.generate.as_ref()?.sealed()?)))
}
