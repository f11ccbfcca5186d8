//! The stanzas of an age file, read without any key: how many readers it has, and of which kinds.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;

use super::age_file::{self, Malformed};
use super::{Recipient, RecipientKind};

/// The stanzas of one age file, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanzas(Vec<Stanza>);

/// One stanza: the wrapped key for one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// Its kind.
    pub kind: StanzaKind,
    /// The four bytes that name the reader's key; SSH stanzas have them.
    pub tag: Option<[u8; 4]>,
}

/// The kinds of stanzas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StanzaKind {
    /// A random stanza that age adds, so that readers stay used to unknown ones.
    Grease,
    /// Any other kind (a plugin's, a post-quantum one).
    Other,
    /// For this kind of recipient.
    Recipient(RecipientKind),
    /// For whoever knows a passphrase.
    Scrypt,
}

impl Stanzas {
    /// Reads the header of an armored age file.
    ///
    /// # Errors
    /// When it is no age file, or larger than [`super::MAX_WRAPPED`].
    pub fn parse(armored: &str) -> Result<Self, Malformed> {
        Self::of_binary(&age_file::unarmor(armored)?)
    }

    /// Reads the header of a binary age file.
    pub(super) fn of_binary(binary: &[u8]) -> Result<Self, Malformed> {
        // age's own reader is the judge of what is well-formed: two parsers that disagree would be a hole.
        age_file::decryptor(binary).map_err(|_| Malformed)?;
        Self::of_lines(binary)
    }

    /// Reads the header of a binary age file that age's own reader is given, too. It refuses what that one tolerates: a
    /// stanza whose body has no last line.
    pub(super) fn of_lines(binary: &[u8]) -> Result<Self, Malformed> {
        let mut lines =
            binary.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).map_err(|_| Malformed));
        if lines.next() != Some(Ok("age-encryption.org/v1")) {
            return Err(Malformed);
        }
        let mut stanzas = Vec::new();
        loop {
            let line = lines.next().ok_or(Malformed)??;
            if line.starts_with("--- ") {
                return Ok(Self(stanzas));
            }
            stanzas.push(Stanza::of_line(line.strip_prefix("-> ").ok_or(Malformed)?));
            // The body: full lines, and one that is shorter, also when it is empty.
            loop {
                let body = lines.next().ok_or(Malformed)??;
                if !body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte)) {
                    return Err(Malformed);
                }
                if body.len() < 64 {
                    break;
                }
            }
        }
    }

    /// Returns the stanzas in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Stanza> {
        self.0.iter()
    }

    /// Returns how many stanzas of a kind there are.
    pub fn count(&self, kind: StanzaKind) -> usize {
        self.0.iter().filter(|stanza| stanza.kind == kind).count()
    }

    /// Tells whether this is what [`super::wrap`] makes for these recipients, as far as can be seen without a key:
    /// one stanza for each, of its kind, in their order, with its tag; and at most one stanza of grease behind.
    pub fn fit(&self, recipients: &[&Recipient]) -> bool {
        let Some((own, rest)) = self.0.split_at_checked(recipients.len()) else { return false };
        let is_rest = matches!(rest, [] | [Stanza { kind: StanzaKind::Grease, .. }]);
        is_rest && own.iter().zip(recipients).all(|(stanza, recipient)| stanza.may_be_for(recipient))
    }
}

impl Stanza {
    /// Tells whether the stanza may be for this recipient. An SSH stanza names its key, others only their kind.
    pub fn may_be_for(&self, recipient: &Recipient) -> bool {
        let kind = match recipient.kind() {
            // A plugin chooses the name of its stanzas.
            RecipientKind::Plugin => StanzaKind::Other,
            kind => StanzaKind::Recipient(kind),
        };
        self.kind == kind && self.tag == recipient.tag()
    }

    fn of_line(line: &str) -> Self {
        let mut words = line.split(' ');
        let kind = StanzaKind::of_name(words.next().unwrap_or_default());
        let is_ssh = matches!(kind, StanzaKind::Recipient(RecipientKind::SshEd25519 | RecipientKind::SshRsa));
        let tag =
            words.next().filter(|_| is_ssh).and_then(|word| BASE64_STANDARD_NO_PAD.decode(word).ok()?.try_into().ok());
        Self { kind, tag }
    }
}

impl StanzaKind {
    /// Returns the kind of the stanzas with a name.
    pub(super) fn of_name(name: &str) -> Self {
        match name {
            "X25519" => Self::Recipient(RecipientKind::X25519),
            "scrypt" => Self::Scrypt,
            "ssh-ed25519" => Self::Recipient(RecipientKind::SshEd25519),
            "ssh-rsa" => Self::Recipient(RecipientKind::SshRsa),
            name if name.ends_with("-grease") => Self::Grease,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{StanzaKind, Stanzas};
    use crate::keys::recipient::tests::{AGE, ED25519, RSA};
    use crate::keys::{Malformed, Recipient, RecipientKind, wrap};

    #[test]
    fn the_readers_can_be_counted_without_a_key() {
        let [age, ed25519, rsa] = [AGE, ED25519, RSA].map(|text| text.parse::<Recipient>().expect("valid"));
        let other: Recipient = age::x25519::Identity::generate().to_public().to_string().parse().expect("valid");
        let stanzas = Stanzas::parse(&wrap(&[&rsa, &age, &ed25519], b"payload").expect("wraps")).expect("reads");

        assert_eq!(stanzas.count(StanzaKind::Recipient(RecipientKind::X25519)), 1);
        assert_eq!(stanzas.count(StanzaKind::Grease), 1);
        assert!(stanzas.fit(&[&rsa, &age, &ed25519]));
        assert!(stanzas.fit(&[&rsa, &other, &ed25519]), "an X25519 stanza does not name its key");
        assert!(!stanzas.fit(&[&rsa, &ed25519, &age]), "the order names the stanza");
        assert!(!stanzas.fit(&[&rsa, &age]), "one reader more than named");
        assert!(!stanzas.fit(&[&rsa, &age, &ed25519, &other]), "one reader less than named");
    }

    #[test]
    fn an_ssh_stanza_for_another_key_is_noticed() {
        let [ed25519, rsa] = [ED25519, RSA].map(|text| text.parse::<Recipient>().expect("valid"));
        let stanzas = Stanzas::parse(&wrap(&[&ed25519], b"payload").expect("wraps")).expect("reads");
        let stranger = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGO";
        assert!(!stranger.parse().is_ok_and(|stranger: Recipient| stanzas.fit(&[&stranger])));
        assert!(!stanzas.fit(&[&rsa]));
    }

    #[test]
    fn what_is_no_age_file_is_refused() {
        for text in ["", "-----BEGIN AGE ENCRYPTED FILE-----\n", "age-encryption.org/v1\n--- AAAA\n", "password"] {
            assert_eq!(Stanzas::parse(text), Err(Malformed));
        }
    }
}
