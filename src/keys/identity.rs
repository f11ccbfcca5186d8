//! What an identity file holds: keys that are ready, keys behind a passphrase or a plugin, and kinds we cannot use.
//!
//! One file is either lines of `AGE-SECRET-KEY-1…` and `AGE-PLUGIN-NAME-1…` with `#` comments, or one SSH private key, or an age file
//! encrypted with a passphrase that holds such lines. Errors name the file and line, never what stands there.

use std::sync::{Arc, LazyLock};

use age::DecryptError;
use age::secrecy::SecretString;
use age_core::format::{FileKey, Stanza};

use zeroize::Zeroizing;

use super::age_file;
use super::plugin::{PluginIdentity, PluginName};
use super::stanzas::{StanzaKind, Stanzas};
use super::unwrap::UnwrapError;
use super::{Origin, Recipient, RecipientKind};

/// An identity file, or a variable in its place, that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("identity {origin}: {problem}")]
pub struct IdentityError {
    /// Where the identity comes from.
    pub origin: Origin,
    /// What is wrong with it.
    #[source]
    pub problem: IdentityProblem,
}

/// What can be wrong with an identity file.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IdentityProblem {
    /// It is an age file that cannot be read.
    #[error("a damaged age file")]
    Damaged,
    /// Nothing but comments.
    #[error("holds no identity")]
    Empty,
    /// A line that is no identity.
    #[error("line {0} is no identity")]
    Line(usize),
    /// An age file for other recipients, not for a passphrase.
    #[error("an age file that is not encrypted with a passphrase")]
    NoPassphrase,
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[source] Arc<std::io::Error>),
    /// Looks like an SSH private key, but is none.
    #[error("not an SSH private key in OpenSSH's format")]
    SshKey,
    /// Identities of kinds that are not supported, and no others.
    #[error("holds only {0}")]
    Unsupported(&'static str),
}

impl IdentityProblem {
    /// Tells whether there simply is no such file.
    pub(super) fn is_missing(&self) -> bool {
        use std::io::ErrorKind::{NotADirectory, NotFound};
        matches!(self, Self::Read(error) if matches!(error.kind(), NotFound | NotADirectory))
    }
}

/// What stands in one identity file.
#[derive(Default)]
pub(super) struct Found {
    pub(super) ready: Vec<Ready>,
    pub(super) locked: Option<Locked>,
    pub(super) plugins: Vec<PluginIdentity>,
    /// What comments say is the recipient of a plugin's identity; that takes the plugin to find out otherwise.
    pub(super) plugin_recipients: Vec<Recipient>,
    /// How many identities there are that we cannot use.
    pub(super) unsupported: usize,
}

/// An identity that can be used at once.
pub(super) struct Ready {
    /// Computed when it is asked for: that costs a third of opening a file.
    recipient: LazyLock<Recipient, Box<dyn FnOnce() -> Recipient + Send + Sync>>,
    key: Box<dyn age::Identity + Send + Sync>,
}

/// Identities behind a passphrase.
pub(super) enum Locked {
    /// A binary age file with a scrypt stanza.
    AgeFile(Vec<u8>),
    /// An encrypted OpenSSH key; its public part is in clear.
    Ssh { recipient: Recipient, key: Box<age::ssh::EncryptedKey> },
}

/// An identity, and which stanza is for it, if the order of the readers is that of the stanzas.
pub(super) struct Expecting<'k> {
    ready: &'k Ready,
    stanza: usize,
}

impl age::Identity for Expecting<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.ready.key.unwrap_stanza(stanza)
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        let expected = stanzas.get(self.stanza).and_then(|stanza| self.unwrap_stanza(stanza));
        expected.or_else(|| self.ready.key.unwrap_stanzas(stanzas))
    }
}

impl Ready {
    pub(super) fn as_age(&self) -> &dyn age::Identity {
        self.key.as_ref()
    }

    /// Returns the recipient that belongs to the identity.
    pub(super) fn recipient(&self) -> &Recipient {
        &self.recipient
    }

    /// Returns the identity as one that tries first the stanza of its own recipient, where that is one of several
    /// readers.
    pub(super) fn among(&self, readers: &[&str]) -> Option<Expecting<'_>> {
        if readers.len() < 2 {
            return None;
        }
        let stanza = readers.iter().position(|reader| *reader == self.recipient.as_str())?;
        Some(Expecting { ready: self, stanza })
    }

    fn x25519(key: age::x25519::Identity) -> Self {
        let same = key.clone();
        let recipient = LazyLock::new(Box::new(move || Recipient::from_x25519(same.to_public())) as Box<_>);
        Self { recipient, key: Box::new(key) }
    }

    fn ssh(key: age::ssh::Identity, recipient: Recipient) -> Self {
        Self { recipient: LazyLock::new(Box::new(move || recipient)), key: Box::new(key) }
    }
}

impl Found {
    /// Reads the content of an identity file.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, IdentityProblem> {
        if age_file::is_age_file(bytes) {
            let binary = age_file::dearmor(bytes).map_err(|_| IdentityProblem::Damaged)?;
            let stanzas = Stanzas::of_binary(&binary).map_err(|_| IdentityProblem::Damaged)?;
            return if stanzas.count(StanzaKind::Scrypt) == 1 {
                Ok(Self { locked: Some(Locked::AgeFile(binary)), ..Self::default() })
            } else {
                Err(IdentityProblem::NoPassphrase)
            };
        }
        if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            return Self::parse_ssh(bytes.trim_ascii_start());
        }
        Self::parse_lines(bytes)
    }

    fn parse_lines(bytes: &[u8]) -> Result<Self, IdentityProblem> {
        let mut found = Self::default();
        let mut noted = None;
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = str::from_utf8(line).map_err(|_| IdentityProblem::Line(index + 1))?.trim();
            if line.is_empty() || line.starts_with('#') {
                noted = noted_recipient(line).or(noted);
                continue;
            }
            let noted: Option<Recipient> = noted.take();
            if line.starts_with("AGE-PLUGIN-") {
                let plugin = PluginName::of_identity(line).ok_or(IdentityProblem::Line(index + 1))?;
                found.plugin_recipients.extend(noted.filter(|recipient| recipient.plugin() == Some(&plugin)));
                found.plugins.push(PluginIdentity { plugin, text: Zeroizing::new(line.to_owned()) });
            } else if line.starts_with("AGE-SECRET-KEY-PQ-") {
                found.unsupported += 1;
            } else {
                found.ready.push(Ready::x25519(line.parse().map_err(|_| IdentityProblem::Line(index + 1))?));
            }
        }
        match (found.ready.len() + found.plugins.len(), found.unsupported) {
            (0, 0) => Err(IdentityProblem::Empty),
            (0, _) => Err(IdentityProblem::Unsupported("post-quantum identities, which are not supported")),
            _ => Ok(found),
        }
    }

    fn parse_ssh(bytes: &[u8]) -> Result<Self, IdentityProblem> {
        use age::ssh::{Identity, UnsupportedKey};
        if bytes.len() > MAX_SSH_KEY {
            return Err(IdentityProblem::SshKey);
        }
        let identity = Identity::from_buffer(bytes, None).map_err(|_| IdentityProblem::SshKey)?;
        if let Identity::Unsupported(kind) = &identity {
            return Err(IdentityProblem::Unsupported(match kind {
                UnsupportedKey::EncryptedPem => {
                    "an SSH key in the old PEM encryption; `ssh-keygen -p -f FILE` renews it"
                }
                UnsupportedKey::EncryptedSsh(_) => "an SSH key whose encryption is not supported",
                UnsupportedKey::Hardware(_) => "an SSH key that stays in a security key, which age cannot use",
                UnsupportedKey::Type(_) => "an SSH key of a kind that age cannot use (only ed25519 and rsa)",
            }));
        }
        let recipient = age::ssh::Recipient::try_from(identity.clone()).map_err(|_| IdentityProblem::SshKey)?;
        let recipient = Recipient::from_ssh(recipient);
        Ok(match identity {
            Identity::Encrypted(key) => {
                Self { locked: Some(Locked::Ssh { recipient, key: Box::new(key) }), ..Self::default() }
            }
            key => Self { ready: vec![Ready::ssh(key, recipient)], ..Self::default() },
        })
    }
}

impl Locked {
    /// Returns the recipient, where it can be told without the passphrase.
    pub(super) fn recipient(&self) -> Option<&Recipient> {
        match self {
            Self::AgeFile(_) => None,
            Self::Ssh { recipient, .. } => Some(recipient),
        }
    }

    /// Tells whether it is worth asking for the passphrase to open a file with these stanzas.
    pub(super) fn may_open(&self, stanzas: &Stanzas) -> bool {
        match self {
            Self::AgeFile(_) => {
                let kinds = [StanzaKind::Recipient(RecipientKind::X25519), StanzaKind::Other];
                kinds.iter().any(|kind| stanzas.count(*kind) > 0)
            }
            Self::Ssh { recipient, .. } => stanzas.iter().any(|stanza| stanza.may_be_for(recipient)),
        }
    }

    /// Opens it with a passphrase.
    pub(super) fn unlock(&self, origin: &Origin, passphrase: SecretString) -> Result<Found, UnwrapError> {
        match self {
            Self::AgeFile(binary) => {
                let text = age_file::open_with_passphrase(binary, passphrase);
                let text = text.map_err(|error| unlock_error(origin, &error))?;
                // Strictly lines: a file in a file in a file would ask for ever.
                let found = Found::parse_lines(&text);
                Ok(found.map_err(|problem| IdentityError { origin: origin.clone(), problem })?)
            }
            Self::Ssh { recipient, key } => {
                let key = key.decrypt(passphrase).map_err(|error| unlock_error(origin, &error))?;
                let key = Ready::ssh(age::ssh::Identity::from(key), recipient.clone());
                Ok(Found { ready: vec![key], ..Found::default() })
            }
        }
    }
}

/// Returns the recipient of a plugin that a comment names, as plugins write it: `# Recipient: age1…`.
fn noted_recipient(comment: &str) -> Option<Recipient> {
    let recipient: Recipient = comment.rsplit_once(':')?.1.parse().ok()?;
    recipient.plugin().is_some().then_some(recipient)
}

/// Names what age says when a passphrase does not open an identity.
fn unlock_error(origin: &Origin, error: &DecryptError) -> UnwrapError {
    let origin = origin.clone();
    match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => UnwrapError::WrongPassphrase { origin },
        DecryptError::ExcessiveWork { required, .. } => UnwrapError::ExcessiveWork { origin, work_factor: *required },
        _ => IdentityError { origin, problem: IdentityProblem::Damaged }.into(),
    }
}

/// How large an SSH private key may be: twice what RSA with 16384 bits needs.
const MAX_SSH_KEY: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use age::DecryptError;
    use age::secrecy::ExposeSecret;
    use age_core::format::{FileKey, Stanza};
    use proptest::prelude::{any, proptest};

    use super::{Found, IdentityProblem, Ready};
    use crate::keys::{Recipient, age_file, wrap};

    /// Counts the stanzas that it is tried on.
    struct Counting(age::x25519::Identity, Arc<AtomicUsize>);

    impl age::Identity for Counting {
        fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.unwrap_stanza(stanza)
        }
    }

    #[test]
    fn of_thirty_stanzas_only_that_of_the_reader_is_tried_and_all_where_the_order_is_another() {
        let keys: Vec<_> = (0..30).map(|_| age::x25519::Identity::generate()).collect();
        let recipients: Vec<_> = keys.iter().map(|key| Recipient::from_x25519(key.to_public())).collect();
        let armored = wrap(&recipients.iter().collect::<Vec<_>>(), b"data key").expect("wraps");
        let binary = age_file::unarmor(&armored).expect("armor");
        let mut readers: Vec<&str> = recipients.iter().map(Recipient::as_str).collect();
        let tries = |readers: &[&str]| {
            let count = Arc::new(AtomicUsize::new(0));
            let key = Box::new(Counting(keys[29].clone(), Arc::clone(&count)));
            let ready = Ready { key, ..Ready::x25519(keys[29].clone()) };
            let expecting = ready.among(readers).expect("it is one of them");
            let payload = age_file::open(&binary, std::iter::once(&expecting as &dyn age::Identity));
            assert_eq!(*payload.expect("it opens"), b"data key");
            count.load(Ordering::SeqCst)
        };
        assert_eq!(tries(&readers), 1);
        readers.reverse();
        assert_eq!(tries(&readers), 1 + 30);
    }

    fn key() -> String {
        age::x25519::Identity::generate().to_string().expose_secret().to_owned()
    }

    #[test]
    fn lines_comments_and_blanks_are_read() {
        let text = format!("# created: today\r\n{}\r\n\n  {}\n# end", key(), key());
        assert_eq!(Found::parse(text.as_bytes()).ok().map(|found| found.ready.len()), Some(2));
    }

    #[test]
    fn an_error_names_the_line_and_not_what_stands_there() {
        let secret = key().replace('1', "2");
        let text = format!("# comment\n\n{}\n{secret}\n", key());
        let problem = Found::parse(text.as_bytes()).err().expect("the last line is no identity");
        assert_eq!(problem.to_string(), "line 4 is no identity");
        assert!(!format!("{problem:?}").contains(&secret[20..]));
        let problem = Found::parse(b"\n\xff\n").err().expect("not UTF-8");
        assert_eq!(problem.to_string(), "line 2 is no identity");
    }

    #[test]
    fn unsupported_identities_are_passed_over_unless_there_are_no_others() {
        let text = format!("{}\nAGE-SECRET-KEY-PQ-1QQQ\n", key());
        assert_eq!(Found::parse(text.as_bytes()).ok().map(|found| found.unsupported), Some(1));
        assert!(matches!(Found::parse(b"AGE-SECRET-KEY-PQ-1QQQ"), Err(IdentityProblem::Unsupported(_))));
        assert!(matches!(Found::parse(b"# only a comment"), Err(IdentityProblem::Empty)));
    }

    #[test]
    fn the_recipient_of_a_plugin_identity_stands_in_the_comment_before_it() {
        let recipient = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";
        let read = |text: &str| {
            let found = Found::parse(text.as_bytes()).unwrap_or_else(|problem| panic!("{problem}"));
            (found.plugins.len(), found.plugin_recipients.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let (identity, other) = ("AGE-PLUGIN-YUBIKEY-18S3VSX", "AGE-PLUGIN-FOOBAR-1QVHULF");
        assert_eq!(read(&format!("#   Recipient: {recipient}\n# x\n{identity}")), (1, vec![recipient.to_owned()]));
        assert_eq!(read(&format!("# {recipient}\n{identity}")), (1, vec![]), "it is not said whose it is");
        assert_eq!(read(&format!("# Recipient: {recipient}\n{other}\n{identity}")), (2, vec![]));
        assert!(matches!(Found::parse(b"AGE-PLUGIN-YUBIKEY-1QQQ"), Err(IdentityProblem::Line(1))));
    }

    #[test]
    fn a_private_key_of_another_format_is_refused() {
        for text in [
            "-----BEGIN PRIVATE KEY-----\nMC4CAQ==\n-----END PRIVATE KEY-----\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n",
        ] {
            assert!(matches!(Found::parse(text.as_bytes()), Err(IdentityProblem::SshKey)));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), start in 0usize..4) {
            let start = ["", "age-encryption.org/v1\n-> scrypt ", "-----BEGIN AGE ENCRYPTED FILE-----\n", "-----BEGIN OPENSSH PRIVATE KEY-----\n"][start];
            let _ = Found::parse(&[start.as_bytes(), &bytes].concat());
        }
    }
}
