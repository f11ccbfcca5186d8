//! The ciphertext of a token. Most values are short, and so many that each in memory of its own would take long.

use std::ops::{Deref, DerefMut};

use super::TAG_BYTES;

/// A ciphertext with its tag.
#[derive(Clone)]
pub struct Ciphertext(Content);

#[derive(Clone)]
enum Content {
    Long(Vec<u8>),
    Short { length: u8, bytes: [u8; SHORT] },
}

impl From<&[u8]> for Ciphertext {
    fn from(ciphertext: &[u8]) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..ciphertext.len()), u8::try_from(ciphertext.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(ciphertext);
                Self(Content::Short { length, bytes })
            }
            _ => Self(Content::Long(ciphertext.to_vec())),
        }
    }
}

impl Deref for Ciphertext {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Content::Long(bytes) => bytes,
            Content::Short { length, bytes } => &bytes[..usize::from(*length)],
        }
    }
}

impl DerefMut for Ciphertext {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Content::Long(bytes) => bytes,
            Content::Short { length, bytes } => &mut bytes[..usize::from(*length)],
        }
    }
}

impl PartialEq for Ciphertext {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Ciphertext {}

/// That of a value of at most 31 bytes.
const SHORT: usize = 32 + TAG_BYTES;

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{Ciphertext, SHORT};

    proptest! {
        #[test]
        fn it_holds_what_was_put_in(length in 0..2 * SHORT) {
            let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut ciphertext = Ciphertext::from(&bytes[..]);
            prop_assert_eq!(&*ciphertext, &bytes[..]);
            ciphertext.fill(7);
            prop_assert_eq!(&*ciphertext, &vec![7; length][..]);
        }
    }
}
