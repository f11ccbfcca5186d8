//! What `exec` and `export` have in common: opening all files, and what the user wants of names.

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context};
use crate::ui::Ui;
use crate::workspace::deploy::{DeployError, Deployment, Naming, Variables, is_name};

/// Which values are handed on, under which names.
#[derive(Args)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
pub struct NamingArgs {
    /// Hand on this key or name only, with what is below it (can be repeated)
    #[arg(long, value_name = "KEY")]
    only: Vec<String>,
    /// Do not hand on this key or name, nor what is below it (can be repeated)
    #[arg(long, value_name = "KEY")]
    except: Vec<String>,
    /// Begin all names with this
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Set this variable although it decides what programs run or load (can be repeated)
    #[arg(long, value_name = "NAME")]
    allow: Vec<String>,
}

impl NamingArgs {
    /// Tells whether the user wants anything.
    pub fn is_default(&self) -> bool {
        self.only.is_empty() && self.except.is_empty() && self.prefix.is_empty() && self.allow.is_empty()
    }

    /// Returns what the user wants.
    ///
    /// # Errors
    /// When no name can begin with the prefix.
    pub fn naming(&self, is_for_kubernetes: bool) -> Result<Naming, CommandError> {
        if !self.prefix.is_empty() && !is_name(&self.prefix) {
            return Err(CommandError::usage(format!("--prefix {}: no name can begin with that", self.prefix)));
        }
        Ok(Naming {
            only: self.only.clone(),
            except: self.except.clone(),
            prefix: self.prefix.clone(),
            allow: self.allow.clone(),
            is_for_kubernetes,
        })
    }
}

/// Opens all files, each in its own workspace. Nothing is handed on before the last one is authentic.
pub fn open(files: &[PathBuf], at_any_path: bool, context: &Context<'_>) -> Result<Deployment, CommandError> {
    let (mut opened, mut errors) = (Vec::new(), Vec::new());
    for file in files {
        let open = || {
            let workspace = context.workspace(file)?;
            let target = workspace.target(file)?;
            // A file that is sealed as a whole has no values; a large one is not read to find that.
            if workspace.stored_opaque(&target)?.is_some() {
                return Err(DeployError::Opaque { file: target.shown }.into());
            }
            Ok(workspace.open(target, at_any_path)?)
        };
        match open() {
            Ok(file) => opened.push(file),
            Err(error) => errors.push(error),
        }
    }
    CommandError::worst(errors, context.ui)?;
    Ok(Deployment::of(opened))
}

/// Says which values are left out whatever the user wants.
pub fn warn_of_identities(variables: &Variables<'_>, ui: &Ui) {
    for (name, place) in variables.identities() {
        ui.warn(&format!("{place} is left out: no program gets {name}, which opens secrets"));
    }
}
