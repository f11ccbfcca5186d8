//! Passphrases of words. The list and its licence: words.md.

use std::sync::LazyLock;

use zeroize::Zeroizing;

use super::uniform;

/// Makes a passphrase: that many words, joined by `-`.
pub(super) fn generate(count: u16) -> Zeroizing<String> {
    let mut phrase = Zeroizing::new(String::with_capacity(usize::from(count) * (LONGEST + 1)));
    for index in 0..count {
        if index > 0 {
            phrase.push('-');
        }
        phrase.push_str(WORDS[uniform::below(WORDS.len())]);
    }
    phrase
}

/// Returns the entropy in bits.
pub(super) fn entropy(count: u16) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "the list is short")]
    let words = WORDS.len() as f64;
    f64::from(count) * words.log2()
}

static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| include_str!("words.txt").lines().collect());

const LONGEST: usize = 9;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{LONGEST, WORDS, generate};

    #[test]
    fn the_list_has_a_word_for_each_throw_of_five_dice() {
        assert_eq!(WORDS.len(), 6_usize.pow(5));
        assert_eq!(WORDS.iter().collect::<HashSet<_>>().len(), WORDS.len(), "no word stands there twice");
        for word in WORDS.iter() {
            assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{word}");
            assert!((3..=LONGEST).contains(&word.len()), "{word}");
        }
    }

    #[test]
    fn no_two_lists_of_words_make_one_phrase() {
        // Where the first part of a word with a hyphen is no word itself, a phrase can be read in one way only.
        let words: HashSet<&str> = WORDS.iter().copied().collect();
        let firsts: Vec<&str> = words.iter().filter_map(|word| Some(word.split_once('-')?.0)).collect();
        assert_eq!(firsts.len(), 4);
        assert!(firsts.iter().all(|first| !words.contains(first)));
    }

    #[test]
    fn a_phrase_has_as_many_words_as_were_asked_for() {
        let longer: usize = (0..100).map(|_| generate(6).matches('-').count()).sum();
        assert!((500..560).contains(&longer), "a few words have a hyphen of their own: {longer}");
    }
}
