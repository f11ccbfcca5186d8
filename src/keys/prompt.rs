//! How a person is asked. The terminal's answer to it stands in the user interface.

use secrecy::SecretString;

/// Asks a person.
pub trait Prompt: Send + Sync {
    /// Asks for a passphrase without showing what is typed. `prompt` names what it is for, in the user's words.
    ///
    /// # Errors
    /// When nobody can be asked, or the person breaks off.
    fn passphrase(&self, prompt: &str) -> Result<SecretString, PromptError>;

    /// Asks for something that is no secret, and shows what is typed.
    ///
    /// # Errors
    /// When nobody can be asked, or the person breaks off.
    fn answer(&self, _prompt: &str) -> Result<String, PromptError> {
        Err(PromptError::NoTerminal)
    }

    /// Asks a question that is answered by yes or no.
    ///
    /// # Errors
    /// When nobody can be asked, or the person breaks off.
    fn confirm(&self, _question: &str) -> Result<bool, PromptError> {
        Err(PromptError::NoTerminal)
    }

    /// Shows what a plugin says, such as that a token waits to be touched.
    fn message(&self, _text: &str) {}
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
