//! A recipient: the public key that one encrypts to, read from text that a person or a repository wrote.
//!
//! Strict, because the text may come from a pull request: one spelling per key, no key that gives no secrecy,
//! and no bytes that make the libraries behind it panic. Reading a plugin's recipient starts nothing.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use age::{EncryptError, Recipient as _};
use age_core::format::{FileKey, Stanza};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::PluginName;

/// A public key. Equal, ordered and hashed by its canonical text, which [`fmt::Display`] gives.
#[derive(Clone)]
pub struct Recipient {
    text: String,
    key: Key,
}

#[derive(Clone)]
enum Key {
    /// Only its plugin knows what it means.
    Plugin(PluginName),
    Ssh(age::ssh::Recipient),
    X25519(age::x25519::Recipient),
}

/// The kinds of recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecipientKind {
    /// `age1NAME1…`, of the age plugin NAME
    Plugin,
    /// `ssh-ed25519 AAAA…`
    SshEd25519,
    /// `ssh-rsa AAAA…`
    SshRsa,
    /// `age1…`
    X25519,
}

/// Why a text is no recipient. Never repeats the text, which may be a private key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// It begins like a recipient, but its checksum or its encoding is wrong.
    #[error("not a recipient: it is misspelt or cut off")]
    Misspelt,
    /// `age1pq1…`.
    #[error("post-quantum recipients (age1pq1…) are not supported yet")]
    PostQuantum,
    /// A private key stands where its public key belongs.
    #[error("this is a private key, not a recipient: whoever can read this text has it, so replace that key now")]
    PrivateKey,
    /// An RSA key of more than 4096 bits, which age does not encrypt to.
    #[error("RSA keys of more than 4096 bits are not supported")]
    RsaTooLarge,
    /// No kind of recipient begins like this.
    #[error("not a recipient: those begin with age1, ssh-ed25519 or ssh-rsa")]
    Unknown,
    /// An SSH key of a kind that nobody can encrypt to with age.
    #[error("SSH keys of kind {kind} cannot be encrypted to; use ssh-ed25519 or age1…")]
    UnsupportedSsh {
        /// The kind, as the key names it.
        kind: String,
    },
    /// A point on the curve with which everybody would share the secret.
    #[error("not a recipient: this key would keep nothing secret")]
    Unusable,
    /// An RSA key of less than 2048 bits.
    #[error("RSA keys of less than 2048 bits are too weak")]
    WeakRsa,
}

impl Recipient {
    /// Returns which kind of key it is.
    pub fn kind(&self) -> RecipientKind {
        match &self.key {
            Key::Ssh(age::ssh::Recipient::SshEd25519(..)) => RecipientKind::SshEd25519,
            Key::Ssh(age::ssh::Recipient::SshRsa(..)) => RecipientKind::SshRsa,
            Key::Plugin(_) => RecipientKind::Plugin,
            Key::X25519(_) => RecipientKind::X25519,
        }
    }

    /// Returns the canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the four bytes by which a stanza names this key, where its kind has them.
    pub fn tag(&self) -> Option<[u8; 4]> {
        match &self.key {
            Key::Ssh(age::ssh::Recipient::SshEd25519(blob, _) | age::ssh::Recipient::SshRsa(blob, _)) => {
                let hash = Sha256::digest(blob);
                Some([hash[0], hash[1], hash[2], hash[3]])
            }
            Key::Plugin(_) | Key::X25519(_) => None,
        }
    }

    /// Returns the plugin that it takes to encrypt to this recipient, if it takes one.
    pub fn plugin(&self) -> Option<&PluginName> {
        match &self.key {
            Key::Plugin(name) => Some(name),
            Key::Ssh(_) | Key::X25519(_) => None,
        }
    }

    /// Wraps a file key to a recipient that takes no plugin.
    pub(super) fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        match &self.key {
            Key::Plugin(_) => Err(EncryptError::MissingRecipients),
            Key::Ssh(key) => key.wrap_file_key(file_key),
            Key::X25519(key) => key.wrap_file_key(file_key),
        }
    }

    pub(super) fn from_x25519(key: age::x25519::Recipient) -> Self {
        Self { text: key.to_string(), key: Key::X25519(key) }
    }

    pub(super) fn from_ssh(key: age::ssh::Recipient) -> Self {
        Self { text: key.to_string(), key: Key::Ssh(key) }
    }
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        if holds_private_key(text) {
            return Err(RecipientError::PrivateKey);
        }
        let text = text.trim();
        if text.contains(['\n', '\r']) {
            return Err(RecipientError::Unknown);
        }
        match text.split_whitespace().collect::<Vec<_>>()[..] {
            [key] if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("age1")) => parse_age(key),
            [kind, blob, ..] => parse_ssh(kind, blob),
            [kind] if kind.starts_with("ssh-") => Err(RecipientError::Misspelt),
            _ => Err(RecipientError::Unknown),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Recipient({self})")
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Recipient {}

impl PartialOrd for Recipient {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Recipient {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Recipient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl RecipientKind {
    /// Returns the name that age gives the kind in its stanzas.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::SshEd25519 => "ssh-ed25519",
            Self::SshRsa => "ssh-rsa",
            Self::X25519 => "X25519",
        }
    }
}

impl fmt::Display for RecipientKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Tells whether some private key stands in the text, in any case and with anything around it.
pub(crate) fn holds_private_key(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    // The last one is how the inside of an OpenSSH private key begins, in base64.
    ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY-----", "PUTTY-USER-KEY-FILE", "B3BLBNNZAC1RZXKTDJ"]
        .iter()
        .any(|mark| upper.contains(mark))
}

fn parse_age(text: &str) -> Result<Recipient, RecipientError> {
    let text = text.to_ascii_lowercase();
    if text.starts_with("age1pq1") {
        return Err(RecipientError::PostQuantum);
    }
    // The checksum covers the prefix: a typing error in an X25519 recipient makes no plugin's of it.
    if let Some(plugin) = PluginName::of_recipient(&text) {
        return Ok(Recipient { text, key: Key::Plugin(plugin) });
    }
    let key: age::x25519::Recipient = text.parse().map_err(|_| RecipientError::Misspelt)?;
    let bytes = bech32_bytes(&text).ok_or(RecipientError::Misspelt)?;
    if is_degenerate(&bytes) {
        return Err(RecipientError::Unusable);
    }
    Ok(Recipient::from_x25519(key))
}

fn parse_ssh(kind: &str, blob: &str) -> Result<Recipient, RecipientError> {
    let is_kind = kind.len() <= 64 && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"-@.".contains(&b));
    if is_kind && ["ecdsa-", "sk-", "ssh-dss", "webauthn-"].iter().any(|start| kind.starts_with(start)) {
        return Err(RecipientError::UnsupportedSsh { kind: kind.to_owned() });
    }
    if !["ssh-ed25519", "ssh-rsa"].contains(&kind) {
        return Err(RecipientError::Unknown);
    }
    if !BASE64_STANDARD.decode(blob).is_ok_and(|blob| is_ssh_key(kind, &blob)) {
        return Err(RecipientError::Misspelt);
    }
    let text = format!("{kind} {blob}");
    let key = text.parse().map_err(|error| match error {
        age::ssh::ParseRecipientKeyError::RsaModulusTooLarge => RecipientError::RsaTooLarge,
        age::ssh::ParseRecipientKeyError::RsaModulusTooSmall => RecipientError::WeakRsa,
        _ => RecipientError::Misspelt,
    })?;
    if matches!(&key, age::ssh::Recipient::SshEd25519(_, point) if point.is_small_order()) {
        return Err(RecipientError::Unusable);
    }
    let recipient = Recipient::from_ssh(key);
    if recipient.text == text { Ok(recipient) } else { Err(RecipientError::Misspelt) }
}

/// Tells whether the bytes are exactly the fields of such a key (RFC 4253, section 6.6; RFC 8709, section 4).
///
/// The numbers of an RSA key must not be zero: age 0.12.1 reads past the end of a zero number, and panics.
fn is_ssh_key(kind: &str, mut blob: &[u8]) -> bool {
    let mut fields = Vec::new();
    while let Some((length, rest)) = blob.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((field, rest)) = rest.split_at_checked(length) else { return false };
        fields.push(field);
        blob = rest;
    }
    let numbers = match (kind, &fields[..]) {
        ("ssh-ed25519", [name, numbers @ ..]) if *name == kind.as_bytes() && numbers.len() == 1 => numbers,
        ("ssh-rsa", [name, numbers @ ..]) if *name == kind.as_bytes() && numbers.len() == 2 => numbers,
        _ => return false,
    };
    blob.is_empty() && numbers.iter().all(|number| number.iter().any(|byte| *byte != 0))
}

/// Returns the bytes of a bech32 text that has been found valid.
fn bech32_bytes(text: &str) -> Option<[u8; 32]> {
    let data = text.get("age1".len()..X25519_LENGTH - "checks".len())?;
    let mut bytes = Vec::with_capacity(33);
    let (mut buffer, mut bits) = (0u32, 0);
    for symbol in data.bytes() {
        let value = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".iter().position(|known| *known == symbol)?;
        buffer = (buffer << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).ok()?);
        }
    }
    bytes.try_into().ok()
}

/// Tells whether an X25519 key is spelled in another way than the canonical one, or is of low order.
///
/// With a low-order point the shared secret is zero whatever the other side does (RFC 7748, section 6.1), and
/// age 0.12.1 panics when it meets one. The list is that of section 7 of draft-irtf-cfrg-safecurves and of libsodium.
fn is_degenerate(bytes: &[u8; 32]) -> bool {
    const ORDER_EIGHT: [[u8; 32]; 2] = [
        [
            0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
            0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
        ],
        [
            0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
            0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
        ],
    ];
    let is_zero_or_one = bytes[0] <= 1 && bytes[1..].iter().all(|byte| *byte == 0);
    // The field is of order p = 2^255 - 19: from p - 1 on (order two) nothing is a canonical point of high order.
    let is_at_the_end = bytes[0] >= 0xec && bytes[1..31].iter().all(|byte| *byte == 0xff) && bytes[31] == 0x7f;
    is_zero_or_one || is_at_the_end || bytes[31] > 0x7f || ORDER_EIGHT.contains(bytes)
}

/// The length of an X25519 recipient: `age1`, 52 characters of key, 6 of checksum.
const X25519_LENGTH: usize = 62;

#[cfg(test)]
pub(super) mod tests {
    use std::iter;

    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use proptest::prelude::proptest;

    use super::{PluginName, Recipient, RecipientError, RecipientKind, bech32_bytes, is_degenerate};

    pub(crate) const AGE: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    pub(crate) const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
    pub(crate) const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDE7nIXTGNuaRBN9toI/wNALuQec8mvlt0iJ7o3OaD2UvoKHJ7S8rmIn4FiQDUed/Vac3OhUibei1k+TBmm16u2Rj3klgWZOIDgi8d4vXKI5N3YBhxr3jsQ+kz1c+iZ4z/tTtz306+4K46XViVMWwyyg9j82Jn41mOAy9vdeDIfQ5fLeaGqn5KwlT61GNkZ+ozWK/ZNlQIlNCcoXxhJULIs9XrtczWyVBAea1nlDo0WHODePxoJjmsNHrpQXn5mf9O83xs10qfTUjnRUt48jRmedFy4tcra3QGmSTQ3KZne+wXXSb0cIpXLGvZjQSPHgG1hc4r3uBpiSzvesGLv79XL";

    fn refusal(text: &str) -> RecipientError {
        text.parse::<Recipient>().expect_err(text)
    }

    fn ssh(kind: &str, numbers: &[&[u8]]) -> String {
        let mut blob = Vec::new();
        for field in iter::once(&kind.as_bytes()).chain(numbers) {
            blob.extend_from_slice(&u32::try_from(field.len()).expect("short").to_be_bytes());
            blob.extend_from_slice(field);
        }
        format!("{kind} {}", BASE64_STANDARD.encode(blob))
    }

    #[test]
    fn every_kind_has_one_canonical_text() {
        for (text, kind) in
            [(AGE, RecipientKind::X25519), (ED25519, RecipientKind::SshEd25519), (RSA, RecipientKind::SshRsa)]
        {
            let recipient: Recipient = text.parse().expect("valid");
            assert_eq!((recipient.to_string().as_str(), recipient.kind()), (text, kind));
            assert_eq!(format!("  {text}\n").parse(), Ok(recipient));
        }
    }

    #[test]
    fn the_comment_of_an_ssh_key_is_dropped() {
        let recipient: Recipient = format!("{ED25519}  alice@work laptop").parse().expect("valid");
        assert_eq!(recipient.to_string(), ED25519);
        assert_eq!(ED25519.parse(), Ok(recipient));
    }

    #[test]
    fn a_private_key_is_named_and_never_repeated() {
        let secret = "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        for text in [
            format!("AGE-SECRET-KEY-1{secret}"),
            format!("age-secret-key-1{}", secret.to_lowercase()),
            format!("  \"AGE-SECRET-KEY-PQ-1{secret}\""),
            format!("AGE-PLUGIN-YUBIKEY-1{secret}"),
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{secret}"),
            format!("b3BlbnNzaC1rZXktdjEAAAAA{secret}"),
        ] {
            let error = refusal(&text);
            assert_eq!(error, RecipientError::PrivateKey, "{text}");
            assert!(!format!("{error} {error:?}").to_uppercase().contains(secret));
        }
    }

    #[test]
    fn what_cannot_be_encrypted_to_is_told_apart() {
        let pq = format!("age1pq1{}", "q".repeat(1900));
        assert_eq!(refusal(&pq), RecipientError::PostQuantum);
        let plugin = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";
        assert_eq!(refusal(&plugin.replace("q2w7", "q2w8")), RecipientError::Misspelt);
        assert_eq!(refusal(&plugin[..50]), RecipientError::Misspelt);
        let kind = "sk-ssh-ed25519@openssh.com".to_owned();
        assert_eq!(refusal(&format!("{kind} AAAAGnNr")), RecipientError::UnsupportedSsh { kind });
        let kind = "ecdsa-sha2-nistp256".to_owned();
        assert_eq!(refusal(&format!("{kind} AAAA")), RecipientError::UnsupportedSsh { kind });
        assert_eq!(refusal(&AGE.replace('t', "v")), RecipientError::Misspelt);
        assert_eq!(refusal(&AGE.replace("rx", "1x")), RecipientError::Misspelt);
        assert_eq!(refusal(&AGE[..40]), RecipientError::Misspelt);
        assert_eq!(refusal("ssh-ed25519"), RecipientError::Misspelt);
        assert_eq!(refusal(&format!("{ED25519}AAAA")), RecipientError::Misspelt);
        assert_eq!(refusal(""), RecipientError::Unknown);
        assert_eq!(refusal("alice"), RecipientError::Unknown);
        assert_eq!(refusal(&format!("command=\"x\" {ED25519}")), RecipientError::Unknown);
        assert_eq!(refusal(&format!("{ED25519}\n{RSA}")), RecipientError::Unknown);
    }

    #[test]
    fn the_recipient_of_a_plugin_names_it() {
        let text = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";
        let recipient: Recipient = text.to_uppercase().parse().expect("valid");
        assert_eq!((recipient.as_str(), recipient.kind(), recipient.tag()), (text, RecipientKind::Plugin, None));
        assert_eq!(recipient.plugin().map(PluginName::as_str), Some("yubikey"));
    }

    #[test]
    fn weak_and_malformed_rsa_keys_are_refused() {
        let exponent: &[u8] = &[1, 0, 1];
        let modulus = |bytes: usize| [vec![0, 0x80], vec![1; bytes - 1]].concat();
        assert_eq!(refusal(&ssh("ssh-rsa", &[exponent, &modulus(128)])), RecipientError::WeakRsa);
        assert_eq!(refusal(&ssh("ssh-rsa", &[exponent, &modulus(1024)])), RecipientError::RsaTooLarge);
        for numbers in [&[&[0][..], &modulus(256)][..], &[exponent, &[0, 0]], &[exponent], &[&[], exponent]] {
            assert_eq!(refusal(&ssh("ssh-rsa", numbers)), RecipientError::Misspelt);
        }
        let even = [vec![0, 0x80], vec![2; 255]].concat();
        assert_eq!(refusal(&ssh("ssh-rsa", &[exponent, &even])), RecipientError::Misspelt);
    }

    #[test]
    fn points_of_low_order_are_refused() {
        // Zero, a point of order eight, p - 1: age would panic, or encrypt with a secret that everybody knows.
        for text in [
            "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z",
            "age1ur4h5lpmgxu2u9jku0a0r87ydtdqnr0tnsetrlvxvgz3vh6fhqqqzyt4v9",
            "age1anlllllllllllllllllllllllllllllllllllllllllllllllals4n2t7m",
        ] {
            assert_eq!(refusal(text), RecipientError::Unusable);
        }
        let one: Vec<u8> = iter::once(1).chain([0; 31]).collect();
        assert_eq!(refusal(&ssh("ssh-ed25519", &[&one])), RecipientError::Unusable);
        assert!(is_degenerate(&[0xff; 32]), "not the canonical spelling");
        assert!(!is_degenerate(&bech32_bytes(AGE).expect("valid")));
    }

    #[test]
    fn the_order_is_that_of_the_text() {
        let mut all: Vec<Recipient> = [RSA, ED25519, AGE].map(|text| text.parse().expect("valid")).into();
        all.sort();
        assert_eq!(all.iter().map(Recipient::as_str).collect::<Vec<_>>(), [AGE, ED25519, RSA]);
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,80}", cut in 0usize..80) {
            let _ = text.parse::<Recipient>();
            for valid in [AGE, ED25519, RSA] {
                let mut mutated: String = valid.chars().take(cut).collect();
                mutated.push_str(&text);
                let _ = mutated.parse::<Recipient>();
            }
        }

        #[test]
        fn no_ssh_key_makes_parsing_panic(numbers in proptest::collection::vec(proptest::collection::vec(0u8..3, 0..40), 0..4)) {
            let numbers: Vec<&[u8]> = numbers.iter().map(Vec::as_slice).collect();
            for kind in ["ssh-rsa", "ssh-ed25519"] {
                let _ = ssh(kind, &numbers).parse::<Recipient>();
            }
        }
    }
}
