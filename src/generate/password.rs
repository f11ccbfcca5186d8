//! Passwords: each character from one of the classes that were asked for, and at least one of each class.
//!
//! Candidates are drawn uniformly over all texts of the alphabet, and one that lacks a class is drawn again as a whole.
//! So every text that the recipe allows is as likely as any other; to put the missing class somewhere would not be.

use zeroize::{Zeroize as _, Zeroizing};

use super::uniform;

/// What a password is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// How many characters it has.
    pub(super) length: u16,
    /// What they are of, at least one; sorted, each once.
    pub(super) classes: Vec<Class>,
    /// Characters of the classes that it has not, in the order in which they were written.
    pub(super) excluded: String,
}

/// A sort of characters; no two share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// `a` to `z`.
    Lower,
    /// `A` to `Z`.
    Upper,
    /// `0` to `9`.
    Digits,
    /// What else of ASCII is visible.
    Symbols,
}

impl Class {
    /// All classes, in the order in which recipes print.
    pub const ALL: [Self; 4] = [Self::Lower, Self::Upper, Self::Digits, Self::Symbols];
    /// The classes of a recipe that names none: nothing that a shell, a URL or a configuration file could mistake.
    pub const USUAL: [Self; 3] = [Self::Lower, Self::Upper, Self::Digits];

    /// Returns the name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::Digits => "digits",
            Self::Symbols => "symbols",
        }
    }

    /// Tells whether a character is of this class.
    pub fn has(self, character: char) -> bool {
        match self {
            Self::Lower => character.is_ascii_lowercase(),
            Self::Upper => character.is_ascii_uppercase(),
            Self::Digits => character.is_ascii_digit(),
            Self::Symbols => character.is_ascii_punctuation(),
        }
    }
}

impl Password {
    /// Makes a password.
    pub(super) fn generate(&self) -> Zeroizing<String> {
        let alphabet = self.alphabet();
        let mut candidate = Zeroizing::new(String::with_capacity(self.length.into()));
        loop {
            for _ in 0..self.length {
                candidate.push(alphabet[uniform::below(alphabet.len())]);
            }
            if self.classes.iter().all(|class| candidate.contains(|character| class.has(character))) {
                return candidate;
            }
            candidate.zeroize();
        }
    }

    /// Returns the entropy in bits, of the texts that have a character of each class.
    pub(super) fn entropy(&self) -> f64 {
        let sizes: Vec<usize> = self.classes.iter().map(|class| self.characters(*class).len()).collect();
        #[allow(clippy::cast_precision_loss, reason = "an alphabet is small")]
        let all = sizes.iter().sum::<usize>() as f64;
        // Of all texts, which share has every class: by inclusion and exclusion over the classes that are missing.
        let share: f64 = (0..1_u32 << sizes.len())
            .map(|missing| {
                let without: usize =
                    (0..sizes.len()).filter(|class| missing >> class & 1 == 1).map(|class| sizes[class]).sum();
                #[allow(clippy::cast_precision_loss, reason = "an alphabet is small")]
                let share = ((all - without as f64) / all).powi(self.length.into());
                if missing.count_ones() % 2 == 0 { share } else { -share }
            })
            .sum();
        if share <= 0.0 { 0.0 } else { f64::from(self.length) * all.log2() + share.log2() }
    }

    /// Returns the characters of one class that are not excluded.
    pub(super) fn characters(&self, class: Class) -> Vec<char> {
        let is_left = |character: &char| class.has(*character) && !self.excluded.contains(*character);
        ('!'..='~').filter(is_left).collect()
    }

    fn alphabet(&self) -> Vec<char> {
        self.classes.iter().flat_map(|class| self.characters(*class)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::uniform::unevenness;
    use super::{Class, Password};

    fn password(length: u16, classes: &[Class], excluded: &str) -> Password {
        Password { length, classes: classes.to_vec(), excluded: excluded.to_owned() }
    }

    #[test]
    fn every_visible_character_is_of_one_class() {
        for character in '\0'..='\u{ff}' {
            let classes = Class::ALL.into_iter().filter(|class| class.has(character)).count();
            assert_eq!(classes, usize::from(('!'..='~').contains(&character)), "{character:?}");
        }
    }

    #[test]
    fn every_class_appears_in_every_password_and_nothing_that_is_excluded() {
        // So short that one of the classes would be missing in most of them by chance.
        let recipe = password(4, &Class::ALL, "0O1l\"'`,");
        for _ in 0..3_000 {
            let made = recipe.generate();
            assert!(made.len() == 4 && !made.contains(['0', 'O', '1', 'l', '"', '\'', '`', ',']));
            for class in Class::ALL {
                assert!(made.contains(|character| class.has(character)), "{} is missing", class.name());
            }
        }
    }

    #[test]
    fn every_allowed_password_is_as_likely_as_any_other() {
        // All that are allowed are counted: three characters out of `a`, `b`, `0`, `1`, `2`, with both classes.
        let recipe = password(3, &[Class::Lower, Class::Digits], "cdefghijklmnopqrstuvwxyz3456789");
        let mut counts: HashMap<String, usize> = HashMap::new();
        for _ in 0..90 * 500 {
            *counts.entry(recipe.generate().to_string()).or_default() += 1;
        }
        assert_eq!(counts.len(), 5 * 5 * 5 - 2 * 2 * 2 - 3 * 3 * 3);
        assert!((recipe.entropy() - 90_f64.log2()).abs() < 1e-9);
        let counts: Vec<usize> = counts.into_values().collect();
        assert!(unevenness(&counts) < 6.0, "{}", unevenness(&counts));
    }

    #[test]
    fn every_character_is_as_likely_as_any_other_at_every_place() {
        // That each class must appear makes the smaller one likelier: at this length, by less than can be measured here.
        let recipe = password(24, &[Class::Lower, Class::Upper, Class::Symbols], "");
        let alphabet = recipe.alphabet();
        let mut counts = vec![vec![0; alphabet.len()]; 24];
        for _ in 0..100 * alphabet.len() {
            for (place, character) in recipe.generate().chars().enumerate() {
                counts[place][alphabet.iter().position(|known| *known == character).expect("it is allowed")] += 1;
            }
        }
        for (place, counts) in counts.iter().enumerate() {
            assert!(unevenness(counts) < 6.0, "place {place}: {}", unevenness(counts));
        }
    }

    #[test]
    fn the_entropy_is_that_of_what_is_allowed() {
        let near = |password: Password, bits: f64| (password.entropy() - bits).abs() < 0.01;
        assert!(near(password(16, &[Class::Digits], ""), 16.0 * 10_f64.log2()));
        assert!(near(password(2, &[Class::Lower, Class::Digits], ""), (2.0 * 26.0 * 10.0_f64).log2()));
        assert!(password(1, &[Class::Lower, Class::Digits], "").entropy() < 0.01, "no text has both");
        assert!(password(32, &Class::ALL, "").entropy() < 32.0 * 94_f64.log2());
    }
}
