//! Padding to buckets, so that a ciphertext's length tells little (property P7).
//!
//! ISO/IEC 7816-4 makes the padded text self-delimiting; above 256 bytes the buckets are those of Padmé
//! (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019), which
//! add at most 12 %.

use zeroize::Zeroizing;

use super::NotAuthentic;

/// Returns the length to which a content of `length` bytes is padded.
pub fn padded_length(length: usize) -> usize {
    bucket(length + 1)
}

/// Tells whether some content is padded to exactly this length.
pub fn is_padded_length(length: usize) -> bool {
    length > 0 && bucket(length) == length
}

/// Returns the content, a 0x80, and zeros up to the padded length.
pub(super) fn pad(content: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity(padded_length(content.len()) + super::TAG_BYTES));
    pad_into(content, &mut padded);
    padded
}

/// Appends what [`pad`] returns.
pub(super) fn pad_into(content: &[u8], buffer: &mut Vec<u8>) {
    let end = buffer.len() + padded_length(content.len());
    buffer.extend_from_slice(content);
    buffer.push(MARK);
    buffer.resize(end, 0);
}

/// Returns the length of the content within a padded text.
///
/// # Errors
/// When the mark is missing or the text is padded further than needed: one content has one padded form.
pub(super) fn content_length(padded: &[u8]) -> Result<usize, NotAuthentic> {
    let length = padded.iter().rposition(|byte| *byte != 0).ok_or(NotAuthentic)?;
    if padded[length] == MARK && padded_length(length) == padded.len() { Ok(length) } else { Err(NotAuthentic) }
}

/// Returns the smallest bucket of at least `length` bytes.
fn bucket(length: usize) -> usize {
    if let Some(small) = SMALL_BUCKETS.into_iter().find(|small| length <= *small) {
        return small;
    }
    let exponent = length.ilog2();
    let significant = exponent.ilog2() + 1;
    length.next_multiple_of(1 << (exponent - significant))
}

const MARK: u8 = 0x80;
const SMALL_BUCKETS: [usize; 4] = [32, 64, 128, 256];

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{content_length, is_padded_length, pad, padded_length};

    #[test]
    fn buckets_are_those_of_the_specification() {
        let padded = [0, 31, 32, 63, 64, 127, 128, 255, 256, 271, 272, 1000, 100_000].map(padded_length);
        assert_eq!(padded, [32, 32, 64, 64, 128, 128, 256, 256, 272, 272, 288, 1024, 100_352]);
    }

    #[test]
    fn a_text_without_mark_or_with_needless_padding_is_refused() {
        assert!(content_length(&[0; 32]).is_err());
        assert!(content_length(&[1; 32]).is_err());
        let mut needless = pad(b"x").to_vec();
        needless.resize(64, 0);
        assert!(content_length(&needless).is_err());
    }

    proptest! {
        #[test]
        fn padding_is_undone(content: Vec<u8>) {
            let padded = pad(&content);
            assert!(is_padded_length(padded.len()));
            assert_eq!(content_length(&padded), Ok(content.len()));
        }

        #[test]
        fn padding_adds_at_most_an_eighth(length in 256usize..1 << 40, _any in any::<bool>()) {
            let padded = padded_length(length);
            assert!(padded > length && padded - length <= length / 8 + 1);
            assert!(is_padded_length(padded));
        }
    }
}
