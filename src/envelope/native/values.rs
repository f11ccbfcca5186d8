//! What a header says of single values: one line a value, under its key path (docs/format.md section 3).

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::field::FieldValue;
use super::recipe::{KeptRecipe, SealedRecipe};
use crate::document::KeyPath;

/// What people say of single values, by key path in its written form, sorted by its bytes.
pub type SaidOfValues = BTreeMap<String, ValueMetadata>;

/// What people say of one value; what is not said is as for the whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueMetadata {
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Where more stands about it.
    pub links: Vec<String>,
    /// How often it is replaced, as a period (`90d`).
    pub rotate_every: Option<String>,
    /// The day by which it must be replaced.
    pub rotation_due: Option<Date>,
    /// The recipe of which the next value is made (`password:32`).
    pub generate: Option<KeptRecipe>,
}

impl ValueMetadata {
    /// Tells whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what is said, field by field: the name and the text for people. What is sealed is not told.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let fields = self.field_values().into_iter();
        fields
            .map(|(name, value)| match value {
                FieldValue::Text(_) if name == GENERATE_SEALED => ("generate", "(sealed)".to_owned()),
                FieldValue::Text(text) => (name, text),
                _ => (name, self.links.join(", ")),
            })
            .collect()
    }

    /// Returns the field of the header.
    pub fn to_field(&self) -> FieldValue {
        FieldValue::Table(self.field_values().into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Reads the field of a header.
    pub(super) fn from_field(field: &FieldValue) -> Option<Self> {
        if let FieldValue::Table(members) = field { Self::from_members(members) } else { None }
    }

    /// Reads named values, as a header or an editor has them. The order is checked by printing again.
    pub fn from_members(members: &[(String, FieldValue)]) -> Option<Self> {
        let mut metadata = Self::default();
        for (name, value) in members {
            match name.as_str() {
                "owner" => metadata.owner = Some(text(value)?),
                "description" => metadata.description = Some(text(value)?),
                "links" => {
                    let FieldValue::List(links) = value else { return None };
                    metadata.links = links.iter().map(text).collect::<Option<_>>()?;
                }
                "rotate_every" => metadata.rotate_every = Some(text(value)?),
                "rotation_due" => metadata.rotation_due = Some(super::day::parse(&text(value)?)?),
                "generate" => metadata.generate = Some(KeptRecipe::Clear(text(value)?)),
                // Who reads only one of two would go by another recipe than who reads the other.
                GENERATE_SEALED if metadata.generate.is_some() => return None,
                GENERATE_SEALED => {
                    metadata.generate = Some(KeptRecipe::Sealed(SealedRecipe::parse(&text(value)?)?));
                }
                _ => return None,
            }
        }
        Some(metadata).filter(|metadata| !metadata.is_empty())
    }

    fn field_values(&self) -> Vec<(&'static str, FieldValue)> {
        let text = |name, text: &Option<String>| text.clone().map(|text| (name, FieldValue::Text(text)));
        let recipe = self.generate.as_ref().map(|recipe| match recipe {
            KeptRecipe::Clear(recipe) => ("generate", FieldValue::Text(recipe.clone())),
            KeptRecipe::Sealed(recipe) => (GENERATE_SEALED, FieldValue::Text(recipe.to_string())),
        });
        let links = self.links.iter().cloned().map(FieldValue::Text).collect();
        let fields = [
            text("owner", &self.owner),
            text("description", &self.description),
            Some(("links", FieldValue::List(links))).filter(|_| !self.links.is_empty()),
            text("rotate_every", &self.rotate_every),
            text("rotation_due", &self.rotation_due.map(|day| day.to_string())),
            recipe,
        ];
        fields.into_iter().flatten().collect()
    }
}

/// Tells whether a text is a key path as this program writes it.
pub fn is_written_key(text: &str) -> bool {
    KeyPath::parse(text).is_ok_and(|path| path.to_string() == text)
}

/// Names the recipe that is kept sealed.
const GENERATE_SEALED: &str = "generate_sealed";

/// An empty text says nothing: it is left out.
fn text(value: &FieldValue) -> Option<String> {
    if let FieldValue::Text(text) = value { Some(text.clone()).filter(|text| !text.is_empty()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::is_written_key;

    #[test]
    fn a_key_has_one_written_form() {
        for key in ["a", "db.users[0].password", "\"a.b\".c", "key#2", "@2.a", "@1", "\"a = b\"", "schlüssel"] {
            assert!(is_written_key(key), "{key}");
        }
        for key in ["", "\"a\"", "[\"db\"][\"user\"]", "a.", "'a'", "a#1", "@1.a", "a..b", "a[01]"] {
            assert!(!is_written_key(key), "{key}");
        }
    }
}
