//! The name of an age plugin, as recipients, identities and settings have it. A name alone starts nothing.

use std::fmt;

use age_core::primitives::bech32_decode;

/// A name that a plugin can have: it is the end of a program's name, and never a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginName(String);

impl PluginName {
    /// Takes a name in lower case.
    pub fn new(name: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(|byte| is_plain(byte) || b"+-._".contains(&byte))
            && name.bytes().next().is_some_and(is_plain)
            && !name.ends_with('-');
        is_name.then(|| Self(name.to_owned()))
    }

    /// Returns the plugin that a recipient (`age1NAME1…`) names; `None` when its checksum or spelling is wrong. Only
    /// lower case is read.
    pub(crate) fn of_recipient(text: &str) -> Option<Self> {
        if text.contains(|character: char| character.is_ascii_uppercase()) {
            return None;
        }
        Self::new(prefix_of(text)?.strip_prefix("age1")?)
    }

    /// Returns the plugin that an identity (`AGE-PLUGIN-NAME-1…`) names; `None` when its checksum or spelling is wrong.
    /// Only upper case is read.
    pub(crate) fn of_identity(text: &str) -> Option<Self> {
        if text.contains(|character: char| character.is_ascii_lowercase()) {
            return None;
        }
        let prefix = prefix_of(text)?.to_ascii_lowercase();
        Self::new(prefix.strip_prefix("age-plugin-")?.strip_suffix('-')?)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PluginName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Returns what stands before the data of a bech32 text with a right checksum.
fn prefix_of(text: &str) -> Option<String> {
    if text.len() > MAX_TEXT {
        return None;
    }
    bech32_decode(text, |_| (), |_| Ok(()), |prefix, _| Ok(prefix.to_string())).ok()
}

/// Longer than the names of all plugins there are, and short enough for a file system.
const MAX_NAME: usize = 64;
/// More than a post-quantum public key needs.
const MAX_TEXT: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::PluginName;

    #[test]
    fn a_name_is_never_a_path_or_an_option() {
        for name in ["yubikey", "a", "se", "openpgp-card", "a.b_c+d", "0x", "a1b"] {
            assert_eq!(PluginName::new(name).expect(name).as_str(), name);
        }
        for name in ["", ".", "..", ".x", "-x", "_x", "+x", "x-", "../x", "a/b", "a b", "a\0", "A", "ä", "x\n", "x;y"]
        {
            assert_eq!(PluginName::new(name), None, "{name}");
        }
        assert_eq!(PluginName::new(&"x".repeat(65)), None);
    }

    #[test]
    fn recipients_and_identities_name_their_plugin() {
        let recipient = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";
        assert_eq!(PluginName::of_recipient(recipient).expect("valid").as_str(), "yubikey");
        assert_eq!(PluginName::of_identity("AGE-PLUGIN-FOOBAR-1QVHULF").expect("valid").as_str(), "foobar");
        for text in [
            &recipient.to_uppercase(),
            &recipient.replace("q2w7", "q2w8"),
            "age-plugin-foobar-1qvhulf",
            "AGE-PLUGIN-FOOBAR-1QVHULG",
            "AGE-PLUGIN-FOOBAR-",
            "age1",
            "",
        ] {
            assert_eq!((PluginName::of_recipient(text), PluginName::of_identity(text)), (None, None), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_a_name_panic(text in "(age1|AGE-PLUGIN-)?.{0,80}") {
            let _ = (PluginName::of_recipient(&text), PluginName::of_identity(&text), PluginName::new(&text));
        }
    }
}
