//! Poly1305 (RFC 8439) without its cipher: to verify the tag of a text that nobody wants to read, and as a keyed hash.
//!
//! An AEAD opens when its tag is right, and the tag is over the ciphertext. So whoever only has to know that a text
//! would open needs no more than the tag, which takes a third of the time.

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit as _, StreamCipher as _};
use poly1305::universal_hash::{KeyInit as _, UniversalHash as _};
use poly1305::{BLOCK_SIZE, Poly1305};
use zeroize::Zeroizing;

use super::TAG_BYTES;

/// Tells whether ChaCha20-Poly1305 would open this ciphertext, in constant time.
pub(super) fn is_authentic(
    key: &Zeroizing<[u8; 32]>,
    nonce: [u8; 12],
    associated_data: &[u8],
    ciphertext: &[u8],
    tag: &[u8; TAG_BYTES],
) -> bool {
    // The key of the tag is the beginning of the key stream; the text is encrypted with the next block and all after it.
    let mut once = Zeroizing::new([0; 32]);
    ChaCha20::new((&**key).into(), (&nonce).into()).apply_keystream(&mut *once);
    let mut mac = Poly1305::new((&*once).into());
    mac.update_padded(associated_data);
    mac.update_padded(ciphertext);
    let mut lengths = [0; BLOCK_SIZE];
    lengths[..8].copy_from_slice(&(associated_data.len() as u64).to_le_bytes());
    lengths[8..].copy_from_slice(&(ciphertext.len() as u64).to_le_bytes());
    mac.update(&[lengths.into()]);
    mac.verify(tag.into()).is_ok()
}

/// Returns Poly1305 of a text. As long as nobody learns what it returns, one key may be used for many texts: whoever has
/// not got the key finds no two texts of which it returns the same.
pub(super) fn hash(key: &Zeroizing<[u8; 32]>, text: &[u8]) -> [u8; TAG_BYTES] {
    let mut mac = Poly1305::new((&**key).into());
    // Whole blocks are taken several at once, which the function for texts of any length does not do.
    let (blocks, rest) = text.split_at(text.len() / BLOCK_SIZE * BLOCK_SIZE);
    mac.update_padded(blocks);
    mac.compute_unpadded(rest).into()
}

#[cfg(test)]
mod tests {
    use chacha20poly1305::aead::AeadInPlace;
    use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Tag};
    use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use zeroize::Zeroizing;

    use super::{hash, is_authentic};

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let digits: Vec<u8> = hexadecimal.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pairs = digits.chunks(2).map(|pair| str::from_utf8(pair).expect("ASCII"));
        pairs.map(|pair| u8::from_str_radix(pair, 16).expect("two digits")).collect()
    }

    fn array<const N: usize>(hexadecimal: &str) -> [u8; N] {
        bytes(hexadecimal).try_into().expect("as many bytes")
    }

    fn opens(key: [u8; 32], nonce: [u8; 12], associated_data: &[u8], ciphertext: &[u8], tag: [u8; 16]) -> bool {
        let cipher = ChaCha20Poly1305::new(&key.into());
        let mut text = ciphertext.to_vec();
        cipher.decrypt_in_place_detached(&nonce.into(), associated_data, &mut text, &Tag::from(tag)).is_ok()
    }

    #[test]
    fn the_ciphertext_of_rfc_8439_section_2_8_2_is_authentic_and_no_other_bit_is() {
        let key: [u8; 32] = std::array::from_fn(|index| 0x80 + u8::try_from(index).expect("below 32"));
        let nonce = array("07000000 4041424344454647");
        let associated_data = bytes("50515253c0c1c2c3c4c5c6c7");
        let ciphertext = bytes(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6 \
             3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36 \
             92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc \
             3ff4def08e4b7a9de576d26586cec64b6116",
        );
        let tag = array("1ae10b594f09e26a7e902ecbd0600691");
        let key = Zeroizing::new(key);
        assert!(is_authentic(&key, nonce, &associated_data, &ciphertext, &tag));
        for bit in 0..8 * ciphertext.len() {
            let mut changed = ciphertext.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_authentic(&key, nonce, &associated_data, &changed, &tag), "bit {bit}");
        }
        for bit in 0..8 * tag.len() {
            let mut changed = tag;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_authentic(&key, nonce, &associated_data, &ciphertext, &changed), "bit {bit} of the tag");
        }
    }

    #[test]
    fn the_hash_is_that_of_rfc_8439_section_2_5_2() {
        let key = Zeroizing::new(array("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b"));
        assert_eq!(hash(&key, b"Cryptographic Forum Research Group"), array("a8061dc1305136c6c22b8baf0c0127a9"));
    }

    /// Lengths around the borders of blocks, and of the several that are taken at once.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let length = prop_oneof![0..200_usize, Just(1 << 16), (1 << 16) - 70..(1 << 16) + 70_usize];
        (length, any::<u8>()).prop_map(|(length, first)| {
            std::iter::successors(Some(first), |byte| Some(byte.wrapping_mul(5).wrapping_add(3))).take(length).collect()
        })
    }

    proptest! {
        #[test]
        fn what_the_cipher_opens_is_authentic_and_nothing_else(
            key: [u8; 32],
            nonce: [u8; 12],
            place in proptest::collection::vec(any::<u8>(), 0..70),
            text in text(),
            position: usize,
            bit in 0..8u8,
            changed in 0..5_usize,
        ) {
            let mut ciphertext = text;
            let cipher = ChaCha20Poly1305::new(&key.into());
            let tag = cipher.encrypt_in_place_detached(&nonce.into(), &place, &mut ciphertext).expect("short");
            let mut parts = [ciphertext, tag.to_vec(), nonce.to_vec(), key.to_vec(), place];
            prop_assert!(opens_both(&parts));
            let part = &mut parts[changed];
            if part.is_empty() {
                part.push(0);
            } else {
                let position = position % part.len();
                part[position] ^= 1 << bit;
            }
            prop_assert!(!opens_both(&parts));
        }

        #[test]
        fn the_hash_is_poly1305_of_any_text(key: [u8; 32], text in text()) {
            let expected = poly1305::Poly1305::new((&key).into()).compute_unpadded(&text);
            prop_assert_eq!(hash(&Zeroizing::new(key), &text), <[u8; 16]>::from(expected));
        }
    }

    /// Tells whether a text opens, and demands that both say the same.
    fn opens_both([ciphertext, tag, nonce, key, place]: &[Vec<u8>; 5]) -> bool {
        let (tag, nonce) = (tag.as_slice().try_into().expect("16"), nonce.as_slice().try_into().expect("12"));
        let key: [u8; 32] = key.as_slice().try_into().expect("32");
        let opens = opens(key, nonce, place, ciphertext, tag);
        assert_eq!(is_authentic(&Zeroizing::new(key), nonce, place, ciphertext, &tag), opens);
        opens
    }
}
