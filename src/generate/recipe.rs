//! Reading and printing recipes: `password:32,lower,digits,exclude=0O`, `hex:32`, `words:6`, `uuid`, `ssh-ed25519`.

use std::fmt;
use std::str::FromStr;

use super::{Class, Password};

/// How a random value is made. Prints in the one spelling that it is kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipe {
    /// An age identity.
    Age,
    /// Random bytes in base64 with padding (RFC 4648 section 4).
    Base64 {
        /// How many.
        bytes: u16,
    },
    /// Random bytes in base64url without padding (RFC 4648 section 5).
    Base64Url {
        /// How many.
        bytes: u16,
    },
    /// Random bytes in lower-case hexadecimal digits.
    Hex {
        /// How many.
        bytes: u16,
    },
    /// Characters of some classes.
    Password(Password),
    /// A private SSH key of type ed25519, as OpenSSH writes it.
    SshEd25519,
    /// A UUID of version 4.
    Uuid,
    /// Words of a list of 7776.
    Words {
        /// How many.
        count: u16,
    },
}

/// Why a text is no recipe. It is not repeated: somebody may have written the new value itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecipeError {
    /// A class that there is not.
    #[error("there is no such class; the classes are lower, upper, digits and symbols, and exclude=… stands last")]
    Class,
    /// All characters of a class are excluded.
    #[error("all of `{0}` is excluded")]
    ClassExcluded(&'static str),
    /// A class stands there twice.
    #[error("class `{0}` stands there twice")]
    ClassTwice(&'static str),
    /// A character is excluded that is of no class at all. One of a class that is not named is let be: who excludes `0O1l`
    /// everywhere need not know which of them each recipe could make.
    #[error("{0:?} cannot be excluded: no password has it")]
    Excluded(char),
    /// A character is excluded twice.
    #[error("{0:?} is excluded twice")]
    ExcludedTwice(char),
    /// What stands behind the name is no number that can be.
    #[error("write {name}:N with N from 1 to {most}")]
    Number {
        /// The recipe.
        name: &'static str,
        /// The largest number.
        most: u16,
    },
    /// The recipe has no number or options.
    #[error("`{0}` stands alone")]
    StandsAlone(&'static str),
    /// Nothing is made by this name.
    #[error(
        "no value is made by this; there are age, base64:N, base64url:N, hex:N, password:N, ssh-ed25519, uuid and words:N"
    )]
    Unknown,
    /// Too few values are possible.
    #[error("{bits} bits of entropy are too few: at least {MIN_BITS} are needed")]
    Weak {
        /// The entropy.
        bits: u32,
        /// A recipe of the same kind that is strong enough. Without what the weak one excludes.
        stronger: String,
    },
}

impl FromStr for Recipe {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name, Some(rest)),
            None => (text, None),
        };
        let alone = |name, recipe| if rest.is_none() { Ok(recipe) } else { Err(RecipeError::StandsAlone(name)) };
        let number = |name, most| number(rest.unwrap_or_default(), name, most);
        let recipe = match name {
            "age" => alone("age", Self::Age)?,
            "base64" => Self::Base64 { bytes: number("base64", MAX_BYTES)? },
            "base64url" => Self::Base64Url { bytes: number("base64url", MAX_BYTES)? },
            "hex" => Self::Hex { bytes: number("hex", MAX_BYTES)? },
            "password" => Self::Password(password(rest.unwrap_or_default())?),
            "ssh-ed25519" => alone("ssh-ed25519", Self::SshEd25519)?,
            "uuid" => alone("uuid", Self::Uuid)?,
            "words" => Self::Words { count: number("words", MAX_WORDS)? },
            _ => return Err(RecipeError::Unknown),
        };
        let entropy = recipe.entropy();
        if entropy < f64::from(MIN_BITS) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is below 64")]
            return Err(RecipeError::Weak { bits: entropy as u32, stronger: recipe.stronger().to_string() });
        }
        Ok(recipe)
    }
}

impl Recipe {
    /// Returns a recipe of the same kind that nobody has to think about.
    fn stronger(&self) -> Self {
        match self {
            Self::Age => Self::Age,
            Self::Base64 { .. } => Self::Base64 { bytes: 32 },
            Self::Base64Url { .. } => Self::Base64Url { bytes: 32 },
            Self::Hex { .. } => Self::Hex { bytes: 32 },
            Self::Password(Password { classes, .. }) => {
                Self::Password(Password { length: 32, classes: classes.clone(), excluded: String::new() })
            }
            Self::SshEd25519 => Self::SshEd25519,
            Self::Uuid => Self::Uuid,
            Self::Words { .. } => Self::Words { count: 6 },
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Age => out.write_str("age"),
            Self::Base64 { bytes } => write!(out, "base64:{bytes}"),
            Self::Base64Url { bytes } => write!(out, "base64url:{bytes}"),
            Self::Hex { bytes } => write!(out, "hex:{bytes}"),
            Self::Password(password) => {
                write!(out, "password:{}", password.length)?;
                password.classes.iter().try_for_each(|class| write!(out, ",{}", class.name()))?;
                if password.excluded.is_empty() { Ok(()) } else { write!(out, ",exclude={}", password.excluded) }
            }
            Self::SshEd25519 => out.write_str("ssh-ed25519"),
            Self::Uuid => out.write_str("uuid"),
            Self::Words { count } => write!(out, "words:{count}"),
        }
    }
}

fn password(text: &str) -> Result<Password, RecipeError> {
    // What is excluded may be a comma: it stands last and goes to the end.
    let (options, excluded) = match text.split_once(",exclude=") {
        Some((options, excluded)) => (options, excluded),
        None => (text, ""),
    };
    let (length, names) = match options.split_once(',') {
        Some((length, names)) => (length, Some(names)),
        None => (options, None),
    };
    let length = number(length, "password", MAX_LENGTH)?;
    let mut classes = Vec::new();
    for name in names.into_iter().flat_map(|names| names.split(',')) {
        let class = Class::ALL.into_iter().find(|class| class.name() == name);
        let class = class.ok_or(RecipeError::Class)?;
        if classes.contains(&class) {
            return Err(RecipeError::ClassTwice(class.name()));
        }
        classes.push(class);
    }
    if classes.is_empty() {
        classes.extend(Class::USUAL);
    }
    classes.sort_unstable();
    for (index, character) in excluded.char_indices() {
        if !Class::ALL.iter().any(|class| class.has(character)) {
            return Err(RecipeError::Excluded(character));
        }
        if excluded[..index].contains(character) {
            return Err(RecipeError::ExcludedTwice(character));
        }
    }
    if text.ends_with(",exclude=") {
        return Err(RecipeError::Class);
    }
    let password = Password { length, classes, excluded: excluded.to_owned() };
    match password.classes.iter().find(|class| password.characters(**class).is_empty()) {
        Some(class) => Err(RecipeError::ClassExcluded(class.name())),
        None => Ok(password),
    }
}

/// Reads a number from 1, in its one spelling.
fn number(text: &str, name: &'static str, most: u16) -> Result<u16, RecipeError> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let number = text.parse().ok().filter(|number| is_number && (1..=most).contains(number));
    number.ok_or(RecipeError::Number { name, most })
}

/// The least entropy of a recipe: guessing such a value by trying out takes a million million tries a second more than
/// half a year, and nothing that is made here has to be typed or remembered.
pub const MIN_BITS: u32 = 64;
const MAX_BYTES: u16 = 4096;
const MAX_LENGTH: u16 = 4096;
const MAX_WORDS: u16 = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{Recipe, RecipeError};

    fn refused(text: &str) -> String {
        text.parse::<Recipe>().expect_err(text).to_string()
    }

    #[test]
    fn a_recipe_prints_in_one_spelling() {
        for (text, printed) in [
            ("password:32", "password:32,lower,upper,digits"),
            ("password:32,symbols,lower", "password:32,lower,symbols"),
            ("password:25,digits,exclude=10", "password:25,digits,exclude=10"),
            ("password:40,lower,symbols,exclude=,\"l", "password:40,lower,symbols,exclude=,\"l"),
            // What no class of it has is excluded all the same.
            ("password:24,lower,digits,exclude=0O1l", "password:24,lower,digits,exclude=0O1l"),
            ("hex:32", "hex:32"),
            ("base64:32", "base64:32"),
            ("base64url:16", "base64url:16"),
            ("words:6", "words:6"),
            ("uuid", "uuid"),
            ("age", "age"),
            ("ssh-ed25519", "ssh-ed25519"),
        ] {
            let recipe: Recipe = text.parse().expect(text);
            assert_eq!(recipe.to_string(), printed);
            assert_eq!(printed.parse(), Ok(recipe));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (text, said) in [
            ("", "no value is made by this"),
            ("passwort:32", "no value is made by this"),
            ("hex", "write hex:N with N from 1 to 4096"),
            ("hex:", "write hex:N"),
            ("hex:032", "write hex:N"),
            ("hex:+32", "write hex:N"),
            ("hex:4097", "write hex:N"),
            ("hex:99999999", "write hex:N"),
            ("password:٣٢", "write password:N"),
            ("uuid:4", "`uuid` stands alone"),
            ("password:32,lowr", "there is no such class"),
            ("password:32,", "there is no such class"),
            ("password:32,lower,lower", "class `lower` stands there twice"),
            ("password:32,lower,exclude=a b", "' ' cannot be excluded: no password has it"),
            ("password:32,lower,exclude=é", "'é' cannot be excluded: no password has it"),
            ("password:32,lower,exclude=aa", "'a' is excluded twice"),
            ("password:32,lower,exclude=AA", "'A' is excluded twice"),
            ("password:32,lower,exclude=", "there is no such class"),
            ("password:32,lower,digits,exclude=0123456789", "all of `digits` is excluded"),
        ] {
            assert!(refused(text).starts_with(said), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn too_few_possibilities_are_refused_and_just_enough_are_not() {
        for (weak, enough) in [
            ("hex:7", "hex:8"),
            ("base64:7", "base64:8"),
            ("words:4", "words:5"),
            ("password:10", "password:11"),
            ("password:19,digits", "password:20,digits"),
            ("password:2,lower,upper,digits", "password:12,lower,upper,digits"),
            ("password:40,digits,exclude=12345678", "password:64,digits,exclude=12345678"),
        ] {
            let Err(RecipeError::Weak { bits: 0..64, stronger }) = weak.parse::<Recipe>() else { panic!("{weak}") };
            assert!(stronger.parse::<Recipe>().is_ok_and(|recipe| recipe.entropy() > 75.0), "{stronger}");
            assert!(enough.parse::<Recipe>().is_ok_and(|recipe| recipe.entropy() >= 64.0), "{enough}");
        }
        assert_eq!(refused("password:1"), "0 bits of entropy are too few: at least 64 are needed");
    }

    proptest! {
        #[test]
        fn whatever_is_read_prints_and_reads_back(text in "(password|hex|words|uuid|age|base64):?[0-9]{0,4}(,(lower|upper|digits|symbols)){0,4}(,exclude=.{0,5})?") {
            if let Ok(recipe) = text.parse::<Recipe>() {
                assert_eq!(recipe.to_string().parse(), Ok(recipe));
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<Recipe>();
        }
    }
}
