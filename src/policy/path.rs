//! Which files a rule is for: a pattern of repository paths.
//!
//! Paths are relative to the root, with `/`, compared byte by byte (case matters), and matched as a whole:
//!
//! | pattern | matches |
//! |---|---|
//! | `*` | any characters within one name, also none, also a leading dot |
//! | `?` | one character within a name |
//! | `**` | alone between slashes: any number of folders, also none; at the end: everything below |
//! | `{a,b}` | either |
//! | `[a-z]`, `[!a]` | one character of (not of) a set |
//!
//! A literal `*`, `?`, `[` or `{` is written `[*]`, `[?]`, `[[]`, `[{]`. What would silently never match (a leading
//! slash, `..`, a backslash) is refused.

use std::fmt;
use std::str::FromStr;

use super::glob::{Glob, GlobError};

/// A pattern of paths; prints as it was written.
#[derive(Clone, Debug)]
pub struct PathPattern {
    text: String,
    glob: Glob,
}

/// Why a text is no pattern of paths.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// It has a backslash.
    #[error("write / between folders, and [*] for a literal *; \\ is neither")]
    Backslash,
    /// A set of characters has a slash in it.
    #[error(
        "a set such as [a-z] is for characters of a name: no `/`, no range across it, and in [!a-z] no `]` and no `-` at the end"
    )]
    Set,
    /// A step is empty, `.` or `..`.
    #[error("a path is relative to the root, without empty steps, `.` and `..`; secrets/** is all below secrets")]
    Step,
    /// `**` has something beside it.
    #[error("`**` stands alone between slashes, as in secrets/**/db.yaml; within a name write `*`")]
    Stars,
    /// A bracket or brace is not closed, a range runs backwards, and the like.
    #[error("not a path pattern: {0}")]
    Syntax(GlobError),
    /// It has more than `MAX_PATTERN` bytes.
    #[error("a path pattern has at most {MAX_PATTERN} bytes")]
    TooLong,
}

/// How long a pattern may be; it bounds the work of compiling it.
const MAX_PATTERN: usize = 512;

impl PathPattern {
    /// Tells whether a path, relative to the root and with `/`, is meant.
    pub fn matches(&self, path: &str) -> bool {
        self.glob.matches(path)
    }

    /// Tells whether paths below a folder (without a slash at its end) can match; when in doubt, they can.
    pub fn can_match_below(&self, folder: &str) -> bool {
        let literal = &self.text[..self.text.find(['*', '?', '[', '{']).unwrap_or(self.text.len())];
        let (shorter, longer) = if folder.len() < literal.len() { (folder, literal) } else { (literal, folder) };
        // Below `a/b` matches `a/b/c*`, and whatever begins with what stands before the star of `a/b*`.
        longer.starts_with(shorter) && (folder.len() >= literal.len() || literal[folder.len()..].starts_with('/'))
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, PathPatternError> {
        if text.len() > MAX_PATTERN {
            return Err(PathPatternError::TooLong);
        }
        if text.contains('\\') {
            return Err(PathPatternError::Backslash);
        }
        for step in text.split('/') {
            match step {
                "" | "." | ".." => return Err(PathPatternError::Step),
                "**" => {}
                step if step.contains("**") => return Err(PathPatternError::Stars),
                _ => {}
            }
        }
        refuse_slash_in_sets(text)?;
        let glob = Glob::new(text).map_err(PathPatternError::Syntax)?;
        Ok(Self { text: text.to_owned(), glob })
    }
}

/// Refuses a set that names the slash, which is no character of a name, or that other programs read differently.
fn refuse_slash_in_sets(text: &str) -> Result<(), PathPatternError> {
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let is_negated = rest[open + 1..].starts_with(['!', '^']);
        let set = &rest[open + 1 + usize::from(is_negated)..];
        // A bracket in the first place is one of the characters.
        let Some((end, _)) = set.char_indices().skip(1).find(|(_, character)| *character == ']') else { break };
        let (content, after) = set.split_at(end);
        let characters: Vec<char> = content.chars().collect();
        let spans_slash = |range: &[char]| range[1] == '-' && (range[0]..=range[2]).contains(&'/');
        let is_ambiguous = is_negated && (content.starts_with(']') || content.ends_with('-'));
        if content.contains('/') || is_ambiguous || characters.windows(3).any(spans_slash) {
            return Err(PathPatternError::Set);
        }
        rest = &after[1..];
    }
    Ok(())
}

impl fmt::Display for PathPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl PartialEq for PathPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for PathPattern {}

#[cfg(test)]
mod below {
    use super::PathPattern;

    #[test]
    fn folders_below_which_nothing_matches_are_known() {
        let can = |pattern: &str, folder: &str| pattern.parse::<PathPattern>().expect(pattern).can_match_below(folder);
        for (pattern, folder) in [
            ("secrets/**", "secrets"),
            ("secrets/**", "secrets/a"),
            ("a/b*/c", "a/bc"),
            ("a/b*/c", "a"),
            ("**/x", "y"),
            ("a/b/c", "a/b"),
        ] {
            assert!(can(pattern, folder), "{pattern} {folder}");
        }
        for (pattern, folder) in
            [("secrets/**", "src"), ("secrets/**", "sec"), ("a/b*/c", "a/c"), ("a/b/c", "a/b/d"), ("a/b", "b")]
        {
            assert!(!can(pattern, folder), "{pattern} {folder}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{PathPattern, PathPatternError};

    #[test]
    fn a_pattern_means_what_the_table_says() {
        for (pattern, path, expected) in [
            ("secrets/**", "secrets/a.yaml", true),
            ("secrets/**", "secrets/prod/.hidden/a.yaml", true),
            ("secrets/**", "secrets", false),
            ("secrets/**", "Secrets/a.yaml", false),
            ("secrets/**", "old/secrets/a.yaml", false),
            ("**/secrets/**", "old/secrets/a.yaml", true),
            ("**/secrets/**", "secrets/a.yaml", true),
            ("secrets/*.yaml", "secrets/a.yaml", true),
            ("secrets/*.yaml", "secrets/prod/a.yaml", false),
            ("secrets/*.yaml", "secrets/.yaml", true),
            ("secrets/**/db.yaml", "secrets/db.yaml", true),
            ("secrets/**/db.yaml", "secrets/a/b/db.yaml", true),
            ("secrets/?.yaml", "secrets/a.yaml", true),
            ("secrets/?.yaml", "secrets//.yaml", false),
            ("secrets?a.yaml", "secrets/a.yaml", false),
            ("secrets[!x]a.yaml", "secrets/a.yaml", false),
            ("secrets[!x-z]a.yaml", "secrets-a.yaml", true),
            ("[]a].env", "].env", true),
            ("[a-].env", "-.env", true),
            ("{dev,prod}.env", "prod.env", true),
            ("{dev,prod}.env", "test.env", false),
            ("[a-c].env", "b.env", true),
            ("[!a-c].env", "b.env", false),
            ("[*].env", "*.env", true),
            ("[*].env", "a.env", false),
            ("**", "a/b", true),
            (".env", "a/.env", false),
        ] {
            let compiled: PathPattern = pattern.parse().expect(pattern);
            assert_eq!(compiled.matches(path), expected, "{pattern} {path}");
            assert_eq!(compiled.to_string(), pattern);
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for text in ["", "/secrets/**", "secrets/", "./secrets/**", "../secrets/**", "secrets//a"] {
            assert_eq!(text.parse::<PathPattern>(), Err(PathPatternError::Step), "{text:?}");
        }
        assert_eq!("secrets\\**".parse::<PathPattern>(), Err(PathPatternError::Backslash));
        assert_eq!("secrets/**.yaml".parse::<PathPattern>(), Err(PathPatternError::Stars));
        for text in ["secrets[+-9]a.yaml", "a[/]b", "a[!/]b", "a[!x-]b", "a[^]x]b"] {
            assert_eq!(text.parse::<PathPattern>(), Err(PathPatternError::Set), "{text:?}");
        }
        assert_eq!("a".repeat(513).parse::<PathPattern>(), Err(PathPatternError::TooLong));
        for text in ["[a", "{a", "a}", "[z-a]"] {
            assert!(matches!(text.parse::<PathPattern>(), Err(PathPatternError::Syntax(_))), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_pattern_panic(text in "[a/*?{},!\\[\\]-]{0,40}", path in ".{0,40}") {
            if let Ok(pattern) = text.parse::<PathPattern>() {
                let _ = pattern.matches(&path);
                assert!(text.contains('/') || text == "**" || !pattern.matches(&format!("a{path}/a")));
            }
        }
    }
}
