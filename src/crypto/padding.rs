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

/// Returns the length of the padding of a content, which begins with the mark: all else of it is zeros.
pub fn padding_of(content: u64) -> u64 {
    let content = usize::try_from(content).expect("no file is longer than the address space of this machine");
    (padded_length(content) - content) as u64
}

/// Returns how long the content is whose padding ends with these bytes; `None` where all of them are zeros.
///
/// `end` stands behind `before` bytes and is followed by nothing but zeros.
///
/// # Errors
/// As `content_length`.
pub fn content_length_by_end(before: u64, end: &[u8], padded: u64) -> Result<Option<u64>, NotAuthentic> {
    let Some(last) = end.iter().rposition(|byte| *byte != 0) else { return Ok(None) };
    let length = before + last as u64;
    if end[last] == MARK && length + padding_of(length) == padded { Ok(Some(length)) } else { Err(NotAuthentic) }
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

/// What follows the content.
const MARK: u8 = 0x80;
const SMALL_BUCKETS: [usize; 4] = [32, 64, 128, 256];

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

    use super::{content_length, content_length_by_end, is_padded_length, pad, padded_length};

    /// Bytes of which most look like padding.
    fn deceptive() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![4 => Just(0), 2 => Just(0x80), 1 => any::<u8>()];
        proptest::collection::vec(byte, 0..700)
    }

    fn length_by_pieces(padded: &[u8], piece: usize) -> Result<u64, super::NotAuthentic> {
        let mut end = padded.len();
        while end > 0 {
            let start = (end - 1) / piece * piece;
            let length = content_length_by_end(start as u64, &padded[start..end], padded.len() as u64)?;
            if let Some(length) = length {
                return Ok(length);
            }
            end = start;
        }
        Err(super::NotAuthentic)
    }

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
        fn piece_by_piece_from_the_end_it_is_found_as_in_one(content in deceptive(), piece in 1..300_usize) {
            let in_one = content_length(&content).map(|length| length as u64);
            assert_eq!(length_by_pieces(&content, piece), in_one);
            assert_eq!(length_by_pieces(&pad(&content), piece), Ok(content.len() as u64));
        }

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
