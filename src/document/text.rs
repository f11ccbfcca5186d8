//! Plaintext bytes as text, and back, without a copy that nobody wipes.

use zeroize::Zeroizing;

/// Takes UTF-8 bytes for text; `None`, and the bytes wiped, when they are none.
pub fn into_text(mut bytes: Zeroizing<Vec<u8>>) -> Option<Zeroizing<String>> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            None
        }
    }
}

/// Takes a text for bytes.
pub fn into_bytes(mut text: Zeroizing<String>) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}
