//! Matching texts against patterns with `*`, `?`, `**`, sets and alternatives: what [`super::PathPattern`] is made of.
//!
//! A pattern becomes a small program whose states are followed all at once (K. Thompson, Regular Expression Search
//! Algorithm, 1968), so that the work is the length of the pattern times that of the path, whatever stands in them.

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Glob {
    program: Vec<Step>,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// A set runs backwards.
    #[error("the range {0}-{1} runs backwards")]
    BackwardRange(char, char),
    /// Alternatives in alternatives in alternatives …
    #[error("alternatives are nested too deeply")]
    TooDeep,
    /// A brace is not closed.
    #[error("`{{` without `}}`")]
    UnclosedAlternatives,
    /// A bracket is not closed.
    #[error("`[` without `]`")]
    UnclosedSet,
    /// A brace is closed that was never opened.
    #[error("`}}` without `{{`")]
    UnopenedAlternatives,
}

/// What is done in one state; where a character is taken, the next state follows.
#[derive(Clone, Debug)]
enum Step {
    /// Takes any character.
    Any,
    /// Takes any character but a slash.
    InName,
    /// Takes this character.
    Is(char),
    /// Takes a character but a slash that is in one of the ranges, or in none of them.
    Set { is_negated: bool, ranges: Vec<(char, char)> },
    /// Goes on in two states.
    Fork(usize, usize),
    /// Goes on in another state.
    Jump(usize),
    /// Has matched, if nothing is left.
    End,
}

impl Glob {
    /// Compiles a pattern. `**` must stand alone between slashes; two stars elsewhere mean what one means.
    ///
    /// # Errors
    /// When a set or an alternative is not closed, and the like.
    pub fn new(pattern: &str) -> Result<Self, GlobError> {
        let mut compiler = Compiler { rest: pattern, program: Vec::new() };
        compiler.sequence(0)?;
        if !compiler.rest.is_empty() {
            return Err(GlobError::UnopenedAlternatives);
        }
        compiler.program.push(Step::End);
        Ok(Self { program: compiler.program })
    }

    /// Tells whether all of a text matches.
    pub fn matches(&self, text: &str) -> bool {
        let mut states = States::new(self.program.len());
        states.enter(&self.program, 0);
        for character in text.chars() {
            let mut next = States::new(self.program.len());
            for state in states.entered {
                let is_taken = match &self.program[state] {
                    Step::Any => true,
                    Step::InName => character != '/',
                    Step::Is(expected) => character == *expected,
                    Step::Set { is_negated, ranges } => {
                        let is_in = ranges.iter().any(|(first, last)| (*first..=*last).contains(&character));
                        character != '/' && is_in != *is_negated
                    }
                    Step::Fork(..) | Step::Jump(_) | Step::End => false,
                };
                if is_taken {
                    next.enter(&self.program, state + 1);
                }
            }
            states = next;
        }
        states.entered.iter().any(|state| matches!(self.program[*state], Step::End))
    }
}

/// The states in which a match can be.
struct States {
    entered: Vec<usize>,
    is_entered: Vec<bool>,
}

impl States {
    fn new(count: usize) -> Self {
        Self { entered: Vec::new(), is_entered: vec![false; count] }
    }

    /// Enters a state, and those that follow without a character.
    fn enter(&mut self, program: &[Step], state: usize) {
        let mut pending = vec![state];
        while let Some(state) = pending.pop() {
            if std::mem::replace(&mut self.is_entered[state], true) {
                continue;
            }
            match program[state] {
                Step::Fork(one, other) => pending.extend([other, one]),
                Step::Jump(to) => pending.push(to),
                _ => self.entered.push(state),
            }
        }
    }
}

struct Compiler<'p> {
    rest: &'p str,
    program: Vec<Step>,
}

impl Compiler<'_> {
    /// Compiles up to the end, or to what ends an alternative.
    fn sequence(&mut self, depth: usize) -> Result<(), GlobError> {
        while let Some(character) = self.rest.chars().next() {
            if character == '}' || (character == ',' && depth > 0) {
                return Ok(());
            }
            self.rest = &self.rest[character.len_utf8()..];
            match character {
                '*' => self.stars(),
                '?' => self.program.push(Step::InName),
                '[' => self.set()?,
                '{' => self.alternatives(depth + 1)?,
                character => self.program.push(Step::Is(character)),
            }
        }
        Ok(())
    }

    /// Behind the first star.
    fn stars(&mut self) {
        let Some(rest) = self.rest.strip_prefix('*') else { return self.repeat(Step::InName) };
        self.rest = rest;
        match rest.strip_prefix('/') {
            // Any folders with their slashes, or none of them.
            Some(rest) => {
                self.rest = rest;
                let fork = self.program.len();
                self.program.push(Step::End);
                self.repeat(Step::Any);
                self.program.push(Step::Is('/'));
                self.program[fork] = Step::Fork(fork + 1, self.program.len());
            }
            None => self.repeat(Step::Any),
        }
    }

    /// Any number of times.
    fn repeat(&mut self, step: Step) {
        let start = self.program.len();
        self.program.extend([Step::Fork(start + 1, start + 3), step, Step::Jump(start)]);
    }

    /// Behind `[`. A bracket or a hyphen in the first place, and a hyphen in the last, is one of the characters.
    fn set(&mut self) -> Result<(), GlobError> {
        let negated = self.rest.strip_prefix(['!', '^']);
        let is_negated = negated.is_some();
        self.rest = negated.unwrap_or(self.rest);
        let mut ranges: Vec<(char, char)> = Vec::new();
        let mut is_range = false;
        loop {
            let character = self.rest.chars().next().ok_or(GlobError::UnclosedSet)?;
            self.rest = &self.rest[character.len_utf8()..];
            match (character, ranges.last_mut()) {
                (']', Some(_)) => break,
                ('-', Some(_)) if !is_range => is_range = true,
                (last, Some(range)) if is_range => {
                    if last < range.0 {
                        return Err(GlobError::BackwardRange(range.0, last));
                    }
                    range.1 = last;
                    is_range = false;
                }
                (one, _) => ranges.push((one, one)),
            }
        }
        if is_range {
            ranges.push(('-', '-'));
        }
        self.program.push(Step::Set { is_negated, ranges });
        Ok(())
    }

    /// Behind `{`. Alternatives with nothing in them do not count.
    fn alternatives(&mut self, depth: usize) -> Result<(), GlobError> {
        if depth > MAX_DEPTH {
            return Err(GlobError::TooDeep);
        }
        let mut ends = Vec::new();
        let mut fork = None;
        loop {
            let start = self.program.len();
            self.program.push(Step::End);
            self.sequence(depth)?;
            if self.program.len() == start + 1 {
                self.program.truncate(start);
            } else {
                if let Some(before) = fork.replace(start) {
                    self.program[before] = Step::Fork(before + 1, start);
                }
                ends.push(self.program.len());
                self.program.push(Step::End);
            }
            let mut rest = self.rest.chars();
            let end = rest.next().ok_or(GlobError::UnclosedAlternatives)?;
            self.rest = rest.as_str();
            if end == '}' {
                break;
            }
        }
        // The last alternative has no other one beside it.
        if let Some(last) = fork {
            self.program[last] = Step::Jump(last + 1);
        }
        let after = self.program.len();
        for end in ends {
            self.program[end] = Step::Jump(after);
        }
        Ok(())
    }
}

/// How deep alternatives stand in each other at most.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use globset::GlobBuilder;
    use proptest::prelude::*;

    use super::{Glob, GlobError};

    #[test]
    fn what_is_not_closed_is_refused() {
        for (pattern, error) in [
            ("[a", GlobError::UnclosedSet),
            ("[]", GlobError::UnclosedSet),
            ("{a", GlobError::UnclosedAlternatives),
            ("{a,{b}", GlobError::UnclosedAlternatives),
            ("a}", GlobError::UnopenedAlternatives),
            ("[z-a]", GlobError::BackwardRange('z', 'a')),
        ] {
            assert_eq!(Glob::new(pattern).map(|_| ()), Err(error), "{pattern}");
        }
        assert_eq!(Glob::new(&"{".repeat(40)).map(|_| ()), Err(GlobError::TooDeep));
    }

    #[test]
    fn a_character_is_one_whatever_its_bytes() {
        let matches = |pattern: &str, text: &str| Glob::new(pattern).expect(pattern).matches(text);
        assert!(matches("?.env", "ä.env") && matches("[ä-ü].env", "ö.env") && !matches("[!ä].env", "ä.env"));
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let glob = Glob::new(&"{a*,*a}".repeat(70)).expect("a pattern");
        assert!(!glob.matches(&"a".repeat(4000).replace("aaaa", "aab/")));
    }

    /// Patterns in which two stars stand alone between slashes, as path patterns have them.
    fn patterns() -> impl Strategy<Value = String> {
        let name =
            "(a|b|\\.|\\*|\\?|\\{a,b\\}|\\{a,\\{b,ab\\}\\*\\}|\\{,b\\}|\\[ab\\]|\\[!a\\]|\\[a-b-\\]|\\[\\]b\\]){1,4}";
        let name = name.prop_filter("two stars in a name", |name: &String| !name.contains("**"));
        prop::collection::vec(prop_oneof![4 => name, 1 => Just("**".to_owned())], 1..4)
            .prop_map(|steps| steps.join("/"))
    }

    proptest! {
        #[test]
        fn it_matches_what_globset_matches(pattern in patterns(), paths in prop::collection::vec("[ab.\\]-]{1,4}(/[ab.-]{1,4}){0,3}", 20)) {
            // Of a set that is negated, a slash is no member here.
            let theirs = GlobBuilder::new(&pattern.replace("[!a]", "[!a/]")).literal_separator(true).backslash_escape(false).build();
            let theirs = theirs.expect("it is sound").compile_matcher();
            let ours = Glob::new(&pattern).expect("it is sound");
            for path in paths {
                prop_assert_eq!(ours.matches(&path), theirs.is_match(&path), "{} {}", pattern, path);
            }
        }
    }
}
