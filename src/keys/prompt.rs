//! How a passphrase is asked for. The terminal's answer to it stands in the user interface.

use secrecy::SecretString;

/// Asks a person for a secret.
pub trait Prompt: Send + Sync {
    /// Asks for a passphrase without showing what is typed. `prompt` names what it is for, in the user's words.
    ///
    /// # Errors
    /// When nobody can be asked, or the person breaks off.
    fn passphrase(&self, prompt: &str) -> Result<SecretString, PromptError>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The person broke off.
    #[error("interrupted")]
    Interrupted,
    /// The terminal failed.
    #[error("cannot read from the terminal")]
    Io(#[source] std::io::Error),
    /// There is no terminal to ask at.
    #[error("there is no terminal to ask at")]
    NoTerminal,
}
