//! A new SSH key of type ed25519 (RFC 8032), in the private key format of OpenSSH (PROTOCOL.key), without a passphrase.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use curve25519_dalek::EdwardsPoint;
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::crypto::random;

/// Returns the file of a new private key, and the line of the public key.
pub(super) fn generate() -> (Zeroizing<String>, String) {
    let seed = Zeroizing::new(random::<32>());
    let public = public_key(&seed);
    let mut blob = Vec::with_capacity(64);
    push_text(&mut blob, KIND);
    push_text(&mut blob, &public);
    (private_file(&seed, &public, &blob, random()), format!("ssh-ed25519 {}", STANDARD.encode(&blob)))
}

fn public_key(seed: &[u8; 32]) -> [u8; 32] {
    let mut scalar = Zeroizing::new([0; 32]);
    let hash = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
    scalar.copy_from_slice(&hash[..32]);
    EdwardsPoint::mul_base_clamped(*scalar).compress().to_bytes()
}

fn private_file(seed: &[u8; 32], public: &[u8; 32], blob: &[u8], check: [u8; 4]) -> Zeroizing<String> {
    // With room for all of it, so that nothing moves and leaves a copy of the key behind.
    let mut private = Zeroizing::new(Vec::with_capacity(256));
    private.extend_from_slice(&[check, check].concat());
    push_text(&mut private, KIND);
    push_text(&mut private, public);
    let pair = Zeroizing::new([seed.as_slice(), public].concat());
    push_text(&mut private, &pair);
    push_text(&mut private, b"");
    for byte in 1.. {
        if private.len().is_multiple_of(BLOCK) {
            break;
        }
        private.push(byte);
    }

    let mut file = Zeroizing::new(Vec::with_capacity(512));
    file.extend_from_slice(b"openssh-key-v1\0");
    push_text(&mut file, b"none");
    push_text(&mut file, b"none");
    push_text(&mut file, b"");
    file.extend_from_slice(&1_u32.to_be_bytes());
    push_text(&mut file, blob);
    push_text(&mut file, &private);

    let mut encoded = Zeroizing::new(String::with_capacity(1024));
    STANDARD.encode_string(&*file, &mut encoded);
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push_str("-----BEGIN OPENSSH PRIVATE KEY-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = behind;
    }
    text.push_str("-----END OPENSSH PRIVATE KEY-----\n");
    text
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&u32::try_from(text.len()).expect("a key is short").to_be_bytes());
    out.extend_from_slice(text);
}

const KIND: &[u8] = b"ssh-ed25519";
/// Private parts are padded to this.
const BLOCK: usize = 8;
/// How long OpenSSH makes the lines of its armor.
const LINE: usize = 70;

#[cfg(test)]
mod tests {
    use super::{generate, public_key};

    #[test]
    fn the_public_key_is_that_of_the_standard() {
        let bytes = |hex: &str| -> [u8; 32] {
            let bytes: Vec<u8> =
                (0..32).map(|index| u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).expect("hex")).collect();
            bytes.try_into().expect("32 bytes")
        };
        // RFC 8032, 7.1, tests 1 and 2.
        for (seed, public) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            ),
        ] {
            assert_eq!(public_key(&bytes(seed)), bytes(public));
        }
    }

    #[test]
    fn the_key_opens_what_is_encrypted_to_the_public_key() {
        let (private, public) = generate();
        let recipient: age::ssh::Recipient = public.parse().expect("a recipient");
        let identity = age::ssh::Identity::from_buffer(private.as_bytes(), None).expect("an identity");
        let sealed = age::encrypt(&recipient, b"hello").expect("it is encrypted");
        assert_eq!(age::decrypt(&identity, &sealed).expect("it opens"), b"hello");
    }
}
