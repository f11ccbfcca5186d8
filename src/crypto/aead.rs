//! ChaCha20-Poly1305 (RFC 8439) for one text under a key of its own, so that the nonce can be constant.
//!
//! Values are short and many. The AEAD that seals bodies is the fastest for long texts, but on processors with AVX2 its
//! authenticator takes longer to set up than all the rest of sealing a password; so short texts have another one.

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Tag};
use orion::hazardous::aead::chacha20poly1305 as short;
use zeroize::Zeroizing;

use super::{NotAuthentic, TAG_BYTES};

/// Encrypts a text in place and returns the tag over it and `associated_data`.
pub(super) fn seal(key: &Zeroizing<[u8; 32]>, associated_data: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
    if text.len() > MAX_SHORT {
        let tag =
            ChaCha20Poly1305::new((&**key).into()).encrypt_in_place_detached(&NONCE.into(), associated_data, text);
        return tag.expect("the text is far below the cipher's limit of 256 GiB").into();
    }
    let (key, nonce) = short_key(key);
    let tag = short::ChaCha20Poly1305::seal_inplace(&key, &nonce, Some(associated_data), text)
        .expect("the text is far below the cipher's limit of 256 GiB");
    let mut bytes = [0; TAG_BYTES];
    bytes.copy_from_slice(tag.unprotected_as_ref());
    bytes
}

/// Decrypts a text in place.
///
/// # Errors
/// When the tag is not that of this text, key and associated data. What stands in `text` then is no plaintext.
pub(super) fn open(
    key: &Zeroizing<[u8; 32]>,
    associated_data: &[u8],
    text: &mut [u8],
    tag: &[u8],
) -> Result<(), NotAuthentic> {
    let tag: &[u8; TAG_BYTES] = tag.try_into().map_err(|_| NotAuthentic)?;
    if text.len() > MAX_SHORT {
        return ChaCha20Poly1305::new((&**key).into())
            .decrypt_in_place_detached(&NONCE.into(), associated_data, text, Tag::from_slice(tag))
            .map_err(|_| NotAuthentic);
    }
    let (key, nonce) = short_key(key);
    let tag = short::Tag::try_from(tag).map_err(|_| NotAuthentic)?;
    short::ChaCha20Poly1305::open_inplace(&key, &nonce, &tag, Some(associated_data), text).map_err(|_| NotAuthentic)
}

fn short_key(key: &Zeroizing<[u8; 32]>) -> (short::SecretKey, short::Nonce) {
    (short::SecretKey::try_from(&**key).expect("a key has 32 bytes"), short::Nonce::from(NONCE))
}

const NONCE: [u8; 12] = [0; 12];
/// Up to this length, in bytes, the setup costs more than the bytes.
const MAX_SHORT: usize = 512;

#[cfg(test)]
mod tests {
    use chacha20poly1305::aead::AeadInPlace;
    use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
    use zeroize::Zeroizing;

    use super::{MAX_SHORT, NONCE, open, seal};

    proptest! {
        #[test]
        fn both_make_the_same_of_any_text(key in any::<[u8; 32]>(), place: Vec<u8>, length in 0..2 * MAX_SHORT) {
            let key = Zeroizing::new(key);
            let text: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut sealed = text.clone();
            let tag = seal(&key, &place, &mut sealed);

            let mut expected = text.clone();
            let cipher = ChaCha20Poly1305::new((&*key).into());
            let expected_tag = cipher.encrypt_in_place_detached(&NONCE.into(), &place, &mut expected).unwrap();
            prop_assert_eq!(&sealed, &expected);
            prop_assert_eq!(tag.as_slice(), expected_tag.as_slice());

            let mut opened = sealed.clone();
            prop_assert!(open(&key, &place, &mut opened, &tag).is_ok());
            prop_assert_eq!(opened, text);
        }

        #[test]
        fn neither_opens_what_was_changed(length in 1..2 * MAX_SHORT, position: usize, bit in 0..8u8, in_tag: bool) {
            let key = Zeroizing::new([7; 32]);
            let mut sealed = vec![1; length];
            let mut tag = seal(&key, b"place", &mut sealed);
            let changed = if in_tag { &mut tag[position % 16] } else { &mut sealed[position % length] };
            *changed ^= 1 << bit;
            prop_assert!(open(&key, b"place", &mut sealed.clone(), &tag).is_err());
        }
    }
}
