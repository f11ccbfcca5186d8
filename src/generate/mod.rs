//! Random values by a recipe: uniform over all that the recipe allows, from the operating system's random generator.
//!
//! Knows no files and no keys of ours: what is made here is somebody's secret, and printed or stored by others.

mod password;
mod recipe;
mod ssh;
mod uniform;
mod words;

pub use password::{Class, Password};
pub use recipe::{MIN_BITS, Recipe, RecipeError};

use age::secrecy::ExposeSecret as _;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::crypto::random;

/// A random value, and what may be known of it.
pub struct Generated {
    /// The value.
    pub value: Zeroizing<String>,
    /// The public key that belongs to it, in the spelling in which it is handed over.
    pub public: Option<String>,
}

impl Recipe {
    /// Makes a value.
    pub fn generate(&self) -> Generated {
        let (value, public) = match self {
            Self::Age => {
                let identity = age::x25519::Identity::generate();
                let value = Zeroizing::new(identity.to_string().expose_secret().to_owned());
                (value, Some(identity.to_public().to_string()))
            }
            Self::Base64 { bytes } => (base64_of(&STANDARD, *bytes), None),
            Self::Base64Url { bytes } => (base64_of(&URL_SAFE_NO_PAD, *bytes), None),
            Self::Hex { bytes } => (hex(&uniform::bytes(*bytes)), None),
            Self::Password(password) => (password.generate(), None),
            Self::SshEd25519 => {
                let (value, public) = ssh::generate();
                (value, Some(public))
            }
            Self::Uuid => (uuid(), None),
            Self::Words { count } => (words::generate(*count), None),
        };
        Generated { value, public }
    }

    /// Returns the entropy in bits: the logarithm of the number of values, which are all equally likely.
    pub fn entropy(&self) -> f64 {
        match self {
            Self::Age | Self::SshEd25519 => 256.0,
            Self::Base64 { bytes } | Self::Base64Url { bytes } | Self::Hex { bytes } => f64::from(*bytes) * 8.0,
            Self::Password(password) => password.entropy(),
            // Of its 128 bits six say which sort of UUID it is.
            Self::Uuid => 122.0,
            Self::Words { count } => words::entropy(*count),
        }
    }
}

fn base64_of(engine: &impl Engine, bytes: u16) -> Zeroizing<String> {
    let bytes = uniform::bytes(bytes);
    // With room for all of it, so that it never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len().div_ceil(3) * 4));
    engine.encode_string(&*bytes, &mut text);
    text
}

fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default()));
    }
    text
}

/// Makes a UUID of version 4 (RFC 9562).
fn uuid() -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(random::<16>());
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex(&*bytes);
    let mut text = Zeroizing::new(String::with_capacity(36));
    for (index, part) in [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().enumerate() {
        if index > 0 {
            text.push('-');
        }
        text.push_str(&digits[part]);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    use super::Recipe;

    type Form = fn(&str) -> bool;

    fn made(recipe: &str) -> String {
        recipe.parse::<Recipe>().expect(recipe).generate().value.to_string()
    }

    #[test]
    fn each_recipe_makes_values_of_its_form_and_never_one_twice() {
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let forms: [(&str, Form); 6] = [
            ("hex:32", |text| text.len() == 64),
            ("base64:32", |text| STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32)),
            ("base64url:33", |text| URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 33)),
            ("uuid", |text| text.len() == 36 && &text[14..15] == "4" && "89ab".contains(&text[19..20])),
            ("words:6", |text| text.len() >= 6 * 3 + 5),
            ("password:20", |text| text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())),
        ];
        for (recipe, has_form) in forms {
            let values: HashSet<String> = (0..200).map(|_| made(recipe)).collect();
            assert_eq!(values.len(), 200, "{recipe}");
            assert!(values.iter().all(|value| has_form(value)), "{recipe}");
        }
        assert!(is_hex(&made("hex:32")) && is_hex(&made("uuid").replace('-', "")));
    }

    #[test]
    fn an_age_identity_belongs_to_the_recipient_that_is_shown() {
        let generated = Recipe::Age.generate();
        let identity: age::x25519::Identity = generated.value.parse().expect("an identity");
        assert_eq!(generated.public, Some(identity.to_public().to_string()));
    }

    #[test]
    fn the_bits_of_bytes_are_fair() {
        // 256,000 bits of each place: a fair coin is further than six deviations from the half once in 500 million.
        let values: Vec<Vec<u8>> =
            (0..256_000 / 8).map(|_| STANDARD.decode(made("base64:8")).expect("base64")).collect();
        for bit in 0..64 {
            let ones = values.iter().filter(|value| value[bit / 8] >> (bit % 8) & 1 == 1).count();
            let mean = values.len() / 2;
            assert!(ones.abs_diff(mean) < 6 * 90, "bit {bit}: {ones} of {}", values.len());
        }
    }
}
