//! Handing secrets to programs: as variables with names of their own, or as a document in another format.
//!
//! Whatever cannot be handed on as it is, is an error that names its key: nothing is left out or changed in silence.

mod dangerous;
mod encrypted;
mod error;
mod tree;
mod variables;

pub use error::{DeployError, Place};
pub use tree::TreeFormat;
pub use variables::{Naming, Variable, Variables, is_name};

use zeroize::Zeroizing;

use super::OpenFile;
use super::spell::{self, SecretNames};
use super::value::Value;
use super::view::View;
use crate::document::KeyPath;

/// Files that were all opened, and so are all authentic.
pub struct Deployment {
    files: Vec<OpenFile>,
}

impl Deployment {
    /// Takes files in the order in which they are handed on.
    pub fn of(files: Vec<OpenFile>) -> Self {
        Self { files }
    }

    /// Returns the variables that the values of all files make.
    ///
    /// # Errors
    /// When a value has no name, two have the same, or one may not be handed on.
    pub fn variables<'a>(&'a self, naming: &'a Naming) -> Result<Variables<'a>, DeployError> {
        let mut variables = Variables::collect(naming);
        for (file, value) in self.values()? {
            variables.add(file, &value)?;
        }
        variables.finish()
    }

    /// Spells the values of all files as one document.
    ///
    /// # Errors
    /// When several files have the same key at their top, or the format cannot hold a value.
    pub fn document(&self, format: TreeFormat) -> Result<Zeroizing<String>, DeployError> {
        tree::spell(self.values()?, format)
    }

    fn values(&self) -> Result<Vec<(&OpenFile, Value<'_>)>, DeployError> {
        self.files.iter().map(|file| Ok((file, value_of(file)?))).collect()
    }
}

/// Returns what a file says, which must be one document.
fn value_of(file: &OpenFile) -> Result<Value<'_>, DeployError> {
    let shown = || file.target.shown.clone();
    let document = file.opened.document.as_ref().ok_or_else(|| DeployError::Opaque { file: shown() })?;
    let text = str::from_utf8(&file.opened.plaintext).expect("a document that was parsed is UTF-8");
    let view = View::of(document, file.opened.header.format, text);
    if view.documents() > 1 {
        return Err(DeployError::SeveralDocuments { file: shown() });
    }
    match view.find(&KeyPath::default()) {
        Some((root, index)) => view.value(root, index).map_err(|source| DeployError::View { file: shown(), source }),
        None => Ok(Value::Null),
    }
}

impl Variables<'_> {
    /// Spells the variables for dotenv readers.
    ///
    /// # Errors
    /// When they would not agree on a value.
    pub fn dotenv(&self) -> Result<Zeroizing<String>, DeployError> {
        let variables = self.with_values("dotenv")?;
        let spelled = spell::dotenv(variables.iter().map(|(variable, value)| (variable.name.as_str(), *value)));
        spelled.map_err(|index| DeployError::Unholdable {
            place: variables[index].0.place.clone(),
            format: "dotenv",
            what: "a value that its readers take for different ones",
        })
    }

    /// Spells the variables as commands for a shell.
    ///
    /// # Errors
    /// When a value has NUL, or a name is one that shells keep for themselves.
    pub fn shell(&self) -> Result<Zeroizing<String>, DeployError> {
        let variables = self.with_values("shell")?;
        for (variable, value) in &variables {
            refuse_nul(variable, value)?;
            if spell::is_owned_by_shells(&variable.name) {
                let what = "a variable that shells keep for themselves";
                return Err(DeployError::Unholdable { place: variable.place.clone(), format: "shell", what });
            }
        }
        Ok(spell::shell(variables.iter().map(|(variable, value)| (variable.name.as_str(), *value))))
    }

    /// Spells the variables as a Kubernetes Secret.
    ///
    /// # Errors
    /// When a name is no key of a Secret, or the values are more than one may hold.
    pub fn kubernetes(&self, names: &SecretNames<'_>) -> Result<Zeroizing<String>, DeployError> {
        let variables = self.with_values("a Kubernetes Secret")?;
        let mut bytes = 0;
        for (variable, value) in &variables {
            bytes += value.len();
            let what = match () {
                () if variable.name.len() > MAX_KUBERNETES_KEY => "a key of more than 253 characters",
                () if bytes > MAX_KUBERNETES_BYTES => "more than 1 MiB, and this value goes past that",
                () => continue,
            };
            return Err(DeployError::Unholdable {
                place: variable.place.clone(),
                format: "a Kubernetes Secret",
                what,
            });
        }
        Ok(spell::kubernetes(names, variables.iter().map(|(variable, value)| (variable.name.as_str(), *value))))
    }

    /// Returns the variables for a program's environment; those without a value are the environment's own.
    ///
    /// # Errors
    /// When a value has NUL.
    pub fn environment(&self) -> Result<Vec<(&str, Option<&str>)>, DeployError> {
        let variable = |variable: &Variable<'_>| refuse_nul(variable, variable.value.unwrap_or_default());
        self.iter().try_for_each(variable)?;
        Ok(self.iter().map(|variable| (variable.name.as_str(), variable.value)).collect())
    }

    /// Returns the variables, each with its value.
    fn with_values(&self, format: &'static str) -> Result<Vec<(&Variable<'_>, &str)>, DeployError> {
        let mut variables = Vec::new();
        for variable in self.iter() {
            let place = &variable.place;
            let what = "a variable that is the environment's own";
            let value = variable.value.ok_or_else(|| DeployError::Unholdable { place: place.clone(), format, what })?;
            variables.push((variable, value));
        }
        Ok(variables)
    }
}

fn refuse_nul(variable: &Variable<'_>, value: &str) -> Result<(), DeployError> {
    if value.contains('\0') { Err(DeployError::Nul { place: variable.place.clone() }) } else { Ok(()) }
}

/// What the API server takes as a key of a Secret, and as its values together.
const MAX_KUBERNETES_KEY: usize = 253;
const MAX_KUBERNETES_BYTES: usize = 1 << 20;
