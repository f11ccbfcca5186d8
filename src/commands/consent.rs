//! Agreeing to what gives somebody access (property P4): at a terminal, or by options that say to whom.

use clap::Args;

use super::{CommandError, Context};
use crate::workspace::{Error, Workspace};

/// How a user agrees in advance.
#[derive(Args)]
pub struct ConsentArgs {
    /// Ask nothing: agree to readers whom the committed policy names, and to no others
    #[arg(long, short)]
    pub yes: bool,
    /// Agree to this reader (can be repeated)
    #[arg(long = "add", value_name = "NAME")]
    pub add: Vec<String>,
}

impl ConsentArgs {
    /// Refuses names that the policy does not have: they would agree to nothing.
    ///
    /// # Errors
    /// When there is such a name.
    pub fn check(&self, workspace: &Workspace<'_>) -> Result<(), CommandError> {
        if self.add.is_empty() {
            return Ok(());
        }
        let policy = workspace.required_policy()?;
        match self.add.iter().find(|name| policy.member(name).is_none()) {
            Some(name) => Err(CommandError::usage(format!("--add {name}: the policy has no such member"))
                .hint("`secret member list` shows the members")),
            None => Ok(()),
        }
    }

    /// Tells whether the options agree to a reader whom the committed policy names.
    pub fn includes(&self, reader: &str) -> bool {
        self.yes || self.add.iter().any(|name| name == reader)
    }

    /// Demands agreement to readers whom the committed policy does not name. `--yes` is none: in a script it must not
    /// agree to what a change of the policy brought in meanwhile.
    ///
    /// # Errors
    /// When nobody agrees.
    pub fn agree_to_unreviewed(
        &self,
        shown: &str,
        unreviewed: &[String],
        context: &Context<'_>,
    ) -> Result<(), CommandError> {
        let new: Vec<&str> = unreviewed.iter().filter(|name| !self.add.contains(name)).map(String::as_str).collect();
        if new.is_empty() {
            return Ok(());
        }
        let question = format!("the committed policy does not name {} as a reader", new.join(", "));
        if self.yes {
            return Err(Error::Consent { path: shown.to_owned(), question }.into());
        }
        agree(shown, question, "Encrypt to them?", context)
    }
}

/// Asks at a terminal; without one nobody agrees.
///
/// # Errors
/// When the answer is no.
pub fn agree(shown: &str, statement: String, question: &str, context: &Context<'_>) -> Result<(), CommandError> {
    let ui = context.ui;
    if ui.has_terminal() && ui.confirm(&format!("{shown}: {statement}. {question}"))? {
        return Ok(());
    }
    Err(Error::Consent { path: shown.to_owned(), question: statement }.into())
}
