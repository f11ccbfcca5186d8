//! Numbers and bytes of which each is as likely as any other.

use zeroize::Zeroizing;

use crate::crypto::random;

/// Returns a number below `count`, which is at least 1: those that would make some likelier are drawn again.
pub(super) fn below(count: usize) -> usize {
    let count = u32::try_from(count).expect("alphabets and lists are short");
    // The numbers from here on are the incomplete last round.
    let fair = u32::MAX - u32::MAX % count;
    loop {
        let drawn = u32::from_le_bytes(random());
        if drawn < fair {
            return (drawn % count) as usize;
        }
    }
}

/// Returns random bytes.
pub(super) fn bytes(count: u16) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(count.into()));
    bytes.extend((0..count).map(|_| random::<1>()[0]));
    bytes
}

/// Tells how far counts are from equal: Pearson's chi-square over the deviations that are usual, as deviations of the
/// normal distribution (Wilson and Hilferty). Above 6 by chance: once in a thousand million.
#[cfg(test)]
pub(super) fn unevenness(counts: &[usize]) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "counts are small")]
    let float = |count: usize| count as f64;
    let mean = float(counts.iter().sum()) / float(counts.len());
    let chi: f64 = counts.iter().map(|count| (float(*count) - mean).powi(2) / mean).sum();
    let freedom = float(counts.len() - 1);
    let spread = 2.0 / (9.0 * freedom);
    ((chi / freedom).cbrt() - (1.0 - spread)) / spread.sqrt()
}

#[cfg(test)]
mod tests {
    use super::{below, unevenness};

    #[test]
    fn every_number_is_as_likely_as_any_other() {
        for count in [1, 2, 3, 10, 62, 94, 7776] {
            let mut counts = vec![0; count];
            (0..200 * count.max(50)).for_each(|_| counts[below(count)] += 1);
            assert!(counts.iter().all(|drawn| *drawn > 0), "{count}");
            assert!(count == 1 || unevenness(&counts) < 6.0, "{count}: {}", unevenness(&counts));
        }
    }

    #[test]
    fn what_is_uneven_is_seen() {
        // As a number modulo 94 would be that was drawn from 256 without drawing again.
        let counts: Vec<usize> = (0..94).map(|number| if number < 68 { 3_000 } else { 2_000 }).collect();
        assert!(unevenness(&counts) > 20.0);
        let fair: Vec<usize> = (0..94).map(|number| 3_000 + number % 2 * 10).collect();
        assert!(unevenness(&fair) < 6.0);
    }
}
