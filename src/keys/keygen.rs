//! Making a new identity.

use age::secrecy::{ExposeSecret, SecretString};
use jiff::civil::Date;

use super::Recipient;
use super::age_file::wrap_with_passphrase;

/// A new identity: the text of its file, and the recipient to hand over.
pub struct NewIdentity {
    /// The public key.
    pub recipient: Recipient,
    /// The whole text of the identity file.
    pub text: SecretString,
}

/// Why there is no new identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeygenError {
    /// The passphrase is empty.
    #[error("the passphrase is empty")]
    EmptyPassphrase,
}

/// Makes a new X25519 identity in the layout of `age-keygen`: two comments (day and public key), then the key.
///
/// With a passphrase, that text is encrypted: an armored age file that `age -d -i` and `age -d` read too. Nothing
/// stands before it, because age refuses a file with a comment before its armor; so the recipient of a protected
/// identity is written to `FILE.pub` beside it by the caller, where [`super::Identities::known`] looks for it.
///
/// # Errors
/// When the passphrase is empty.
pub fn generate(today: Date, passphrase: Option<SecretString>) -> Result<NewIdentity, KeygenError> {
    let identity = age::x25519::Identity::generate();
    let recipient = Recipient::from_x25519(identity.to_public());
    let comments = format!("# created: {today}\n# public key: {recipient}\n");
    // `concat` allocates what it needs at once, so that no copy of the key stays behind.
    let text = SecretString::from([&comments, identity.to_string().expose_secret(), "\n"].concat());
    let text = match passphrase {
        None => text,
        Some(passphrase) if passphrase.expose_secret().is_empty() => return Err(KeygenError::EmptyPassphrase),
        Some(passphrase) => wrap_with_passphrase(passphrase, text.expose_secret().as_bytes()).into(),
    };
    Ok(NewIdentity { recipient, text })
}

#[cfg(test)]
mod tests {
    use age::secrecy::{ExposeSecret, SecretString};
    use jiff::civil::date;

    use super::{KeygenError, generate};

    #[test]
    fn the_layout_is_that_of_age_keygen() {
        let new = generate(date(2026, 11, 22), None).expect("no passphrase, no error");
        let lines: Vec<_> = new.text.expose_secret().lines().collect();
        assert_eq!(lines[..2], ["# created: 2026-11-22".to_owned(), format!("# public key: {}", new.recipient)]);
        assert!(lines[2].starts_with("AGE-SECRET-KEY-1") && lines.len() == 3);
    }

    #[test]
    fn a_protected_identity_shows_no_key() {
        let new = generate(date(2026, 11, 22), Some(SecretString::from("horse"))).expect("a passphrase");
        assert!(new.text.expose_secret().starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
        assert!(!new.text.expose_secret().contains("AGE-SECRET-KEY"));
    }

    #[test]
    fn an_empty_passphrase_is_refused() {
        let refused = generate(date(2026, 11, 22), Some(SecretString::from(""))).err();
        assert_eq!(refused, Some(KeygenError::EmptyPassphrase));
    }
}
