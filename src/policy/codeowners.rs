//! `CODEOWNERS`: who answers for which files, as GitHub reads it.
//!
//! The last line whose pattern matches counts; one without owners says that nobody is asked. Patterns:
//!
//! | pattern | matches |
//! |---|---|
//! | `*.yaml`, `secrets`, `secrets/` | at any depth, as it has no slash but the last |
//! | `/secrets`, `a/secrets` | from the root only |
//! | `secrets/` | all below folders of that name |
//! | `secrets` | the file, or all below the folder |
//! | `secrets/*` | what lies in the folder itself |
//! | `*`, `?` | any characters, one character of a name |
//! | `**` | alone between slashes: any number of folders |
//!
//! What GitHub does not take (`!`, `[ ]`, `\#`) is refused, and so are the sections of GitLab, in which one file has owners
//! of several lines: an owner that is left out unseen would be worse than none. Matching has no backtracking that
//! grows: a hostile file costs as much as its length.

/// The lines of a file `CODEOWNERS`.
#[derive(Clone, Debug, Default)]
pub struct CodeOwners {
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    pattern: Pattern,
    /// The owners, with a blank between them.
    owners: Option<String>,
}

/// Why a file is not taken for `CODEOWNERS`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct CodeOwnersError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: CodeOwnersProblem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeOwnersProblem {
    /// A control character.
    #[error("it has a control character")]
    Control,
    /// A backslash that stands before nothing, or before `#`.
    #[error("GitHub takes no `\\#`, and none takes a backslash at the end of a pattern")]
    Escape,
    /// `!`.
    #[error("GitHub takes no pattern with `!`; a later line without owners takes files out")]
    Negation,
    /// Bytes that are no UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// What stands after the pattern is none. It is not repeated: it may be anything.
    #[error("an owner is @NAME, @ORGANISATION/TEAM or an e-mail address")]
    Owner,
    /// More than a header should hold.
    #[error("the owners of one line have at most {MAX_OWNERS} bytes")]
    Owners,
    /// A pattern of more than `MAX_PATTERN` bytes.
    #[error("a pattern has at most {MAX_PATTERN} bytes")]
    Pattern,
    /// `[Section]`.
    #[error(
        "sections are GitLab's, and a file may have owners in several of them: this command follows GitHub's rules"
    )]
    Section,
    /// `[a-z]`.
    #[error("GitHub takes no pattern with `[` or `]`")]
    Set,
}

/// How large the file may be: GitHub ignores a larger one.
pub const MAX_CODEOWNERS: usize = 3 << 20;
/// Where the file stands: the first one counts.
pub const CODEOWNERS: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];
/// How long the owners of a line may be.
const MAX_OWNERS: usize = 1000;
/// How long a pattern may be.
const MAX_PATTERN: usize = 1000;

impl CodeOwners {
    /// Reads the file.
    ///
    /// # Errors
    /// Names the first line that would be understood otherwise on GitHub.
    pub fn parse(bytes: &[u8]) -> Result<Self, CodeOwnersError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut lines = Vec::new();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let line = str::from_utf8(line).map_err(|_| CodeOwnersProblem::NotUtf8).and_then(Line::parse);
            lines.extend(line.map_err(|problem| CodeOwnersError { line: index + 1, problem })?);
        }
        Ok(Self { lines })
    }

    /// Returns who answers for a file, by its path from the root: `None` when no line is for it, `Some(None)` when the line
    /// names nobody.
    pub fn owners_of(&self, path: &str) -> Option<Option<&str>> {
        let steps: Vec<&str> = path.split('/').collect();
        self.lines.iter().rev().find(|line| line.pattern.matches(&steps)).map(|line| line.owners.as_deref())
    }
}

impl Line {
    /// Reads a line; `None` for one that says nothing.
    fn parse(text: &str) -> Result<Option<Self>, CodeOwnersProblem> {
        let text = text.strip_suffix('\r').unwrap_or(text).trim_matches([' ', '\t']);
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        if text.contains(|character: char| character.is_control() && character != '\t') {
            return Err(CodeOwnersProblem::Control);
        }
        if text.starts_with(['[', '^']) && text.contains('[') {
            return Err(CodeOwnersProblem::Section);
        }
        let (pattern, rest) = Pattern::read(text)?;
        let owners: Vec<&str> =
            rest.split([' ', '\t']).filter(|word| !word.is_empty()).take_while(|word| !word.starts_with('#')).collect();
        if !owners.iter().all(|word| is_owner(word)) {
            return Err(CodeOwnersProblem::Owner);
        }
        let owners = owners.join(" ");
        if owners.len() > MAX_OWNERS {
            return Err(CodeOwnersProblem::Owners);
        }
        Ok(Some(Self { pattern, owners: Some(owners).filter(|owners| !owners.is_empty()) }))
    }
}

/// Tells whether a word is somebody: `@name`, `@organisation/team`, `name@example.com`. No other text gets into headers
/// from here.
fn is_owner(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_graphic()) && word.contains('@') && !word.ends_with('@')
}

/// A pattern of paths.
#[derive(Clone, Debug)]
struct Pattern {
    steps: Vec<Step>,
    /// Whether what lies below a folder that matches matches, too.
    is_deep: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// `**`: any number of folders.
    Folders,
    Name(Vec<Part>),
}

/// A part of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Any,
    Character(char),
    One,
}

impl Pattern {
    /// Reads the pattern at the beginning of a line; returns the rest of it.
    fn read(text: &str) -> Result<(Self, &str), CodeOwnersProblem> {
        let mut names = vec![Vec::new()];
        let mut characters = text.char_indices();
        let mut end = text.len();
        while let Some((index, character)) = characters.next() {
            let part = match character {
                ' ' | '\t' => {
                    end = index;
                    break;
                }
                '!' if index == 0 => return Err(CodeOwnersProblem::Negation),
                '[' | ']' => return Err(CodeOwnersProblem::Set),
                '\\' => match characters.next() {
                    Some((1, '#')) | None => return Err(CodeOwnersProblem::Escape),
                    Some((_, escaped)) => Part::Character(escaped),
                },
                '/' => {
                    names.push(Vec::new());
                    continue;
                }
                '*' => Part::Any,
                '?' => Part::One,
                other => Part::Character(other),
            };
            names.last_mut().expect("it begins with one").push(part);
        }
        if end > MAX_PATTERN {
            return Err(CodeOwnersProblem::Pattern);
        }
        Ok((Self::of(names), &text[end..]))
    }

    /// Builds it from what stands between the slashes.
    fn of(mut names: Vec<Vec<Part>>) -> Self {
        let ends_in_slash = names.len() > 1 && names.last().is_some_and(Vec::is_empty);
        if ends_in_slash {
            names.pop();
        }
        let is_anchored = names.len() > 1 || names[0].is_empty();
        if names.len() > 1 && names[0].is_empty() {
            names.remove(0);
        }
        // Only what lies in the folder itself: `secrets/*`.
        let is_flat = !ends_in_slash && names.len() > 1 && names.last().is_some_and(|name| *name == [Part::Any]);
        let is_flat = is_flat || (!ends_in_slash && is_anchored && names.len() == 1 && names[0] == [Part::Any]);
        let mut steps: Vec<Step> = Vec::new();
        if !is_anchored {
            steps.push(Step::Folders);
        }
        for name in names {
            let is_folders = name == [Part::Any, Part::Any];
            // Several of them are as one.
            if !is_folders {
                steps.push(Step::Name(name));
            } else if steps.last() != Some(&Step::Folders) {
                steps.push(Step::Folders);
            }
        }
        if ends_in_slash {
            // Something must lie in the folder.
            steps.push(Step::Folders);
            steps.push(Step::Name(vec![Part::Any]));
        } else if steps.last() == Some(&Step::Folders) {
            steps.push(Step::Name(vec![Part::Any]));
        }
        Self { steps, is_deep: !is_flat && !ends_in_slash }
    }

    fn matches(&self, path: &[&str]) -> bool {
        let (mut step, mut place) = (0, 0);
        // Where to go on when a name does not fit: after the last `**`, one folder further. An earlier one needs no other
        // try: the last one takes whatever it would have left.
        let mut again = None;
        loop {
            match self.steps.get(step) {
                None if place == path.len() || (self.is_deep && place > 0) => return true,
                Some(Step::Folders) => {
                    step += 1;
                    again = Some((step, place));
                    continue;
                }
                Some(Step::Name(name)) if place < path.len() && fits(name, path[place]) => {
                    (step, place) = (step + 1, place + 1);
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = again.filter(|(_, from)| *from < path.len()) else { return false };
            again = Some((after, from + 1));
            (step, place) = (after, from + 1);
        }
    }
}

/// Tells whether a name is as a pattern of one says.
fn fits(pattern: &[Part], name: &str) -> bool {
    // A step that is empty is no name: `a//b` matches nothing.
    if pattern.is_empty() {
        return false;
    }
    let mut rest = name.chars();
    let mut part = 0;
    let mut again: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        match pattern.get(part) {
            None if rest.as_str().is_empty() => return true,
            Some(Part::Any) => {
                part += 1;
                again = Some((part, rest.clone()));
                continue;
            }
            Some(Part::One) if !rest.as_str().is_empty() => {
                rest.next();
                part += 1;
                continue;
            }
            Some(Part::Character(character)) if rest.as_str().starts_with(*character) => {
                rest.next();
                part += 1;
                continue;
            }
            _ => {}
        }
        let Some((after, mut from)) = again else { return false };
        if from.next().is_none() {
            return false;
        }
        again = Some((after, from.clone()));
        (part, rest) = (after, from);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{CodeOwners, CodeOwnersError, CodeOwnersProblem as Problem};

    fn parse(text: &str) -> CodeOwners {
        CodeOwners::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn a_pattern_means_what_github_says() {
        for (pattern, path, expected) in [
            ("*", "a", true),
            ("*", "a/b/c", true),
            ("**", "a/b/c", true),
            ("*.yaml", "db.yaml", true),
            ("*.yaml", "a/b/db.yaml", true),
            ("*.yaml", "a/b/db.yml", false),
            ("*.yaml", "a.yaml/b", true),
            ("/*.yaml", "db.yaml", true),
            ("/*.yaml", "a/db.yaml", false),
            ("/*", "a", true),
            ("/*", "a/b", false),
            ("secrets", "secrets", true),
            ("secrets", "a/secrets", true),
            ("secrets", "a/secrets/b", true),
            ("secrets", "secretsa", false),
            ("secrets/", "secrets", false),
            ("secrets/", "secrets/a", true),
            ("secrets/", "secrets/a/b", true),
            ("secrets/", "x/secrets/a", true),
            ("/secrets/", "secrets/a/b", true),
            ("/secrets/", "x/secrets/a", false),
            ("/secrets", "secrets/a", true),
            ("/secrets", "x/secrets", false),
            ("a/secrets", "a/secrets/b", true),
            ("a/secrets", "x/a/secrets", false),
            ("a/secrets/", "a/secrets/b/c", true),
            ("secrets/*", "secrets/a", true),
            ("secrets/*", "secrets/a/b", false),
            ("secrets/*", "x/secrets/a", false),
            ("secrets/**", "secrets/a/b", true),
            ("secrets/**", "secrets", false),
            ("secrets/*/", "secrets/a/b", true),
            ("secrets/*/", "secrets/a", false),
            ("**/prod", "prod", true),
            ("**/prod", "a/b/prod/c", true),
            ("**/prod/", "a/prod", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/x/y/c", false),
            ("a/**/**/b/**/c", "a/b/x/b/y/c", true),
            ("a/**/b/*", "a/b/c/b/d", true),
            ("a/**/b/*", "a/b/c/d", false),
            ("a**b", "axxb", true),
            ("x/a**b", "x/a/b", false),
            ("?.env", "a.env", true),
            ("?.env", ".env", false),
            ("?.env", "ab.env", false),
            ("/a?b", "a/b", false),
            ("ä?.env", "äö.env", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("a\\ b", "a b", true),
            ("a\\ b", "a", false),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a#b", "a#b", true),
            ("Secrets/", "secrets/a", false),
            ("/", "a", false),
            ("//", "a", false),
            ("a//b", "a/b", false),
            (".env", "a/.env", true),
        ] {
            let owners = parse(&format!("{pattern} @x\n"));
            assert_eq!(owners.owners_of(path).is_some(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn the_last_line_that_matches_counts() {
        let owners = parse(
            "\u{feff}# who answers\n*  @acme/all\r\n\n/secrets/\t@acme/payments  ops@example.com # both\n/secrets/free/\n \
             /secrets/free/a.env @a#b #c",
        );
        for (path, expected) in [
            ("README.md", Some("@acme/all")),
            ("secrets/db.yaml", Some("@acme/payments ops@example.com")),
            ("secrets/free/b.env", None),
            ("secrets/free/a.env", Some("@a#b")),
        ] {
            assert_eq!(owners.owners_of(path), Some(expected), "{path}");
        }
        assert_eq!(parse("/a @x").owners_of("b"), None);
        assert_eq!(parse("").owners_of("b"), None);
    }

    #[test]
    fn what_github_reads_otherwise_is_refused() {
        for (text, line, problem) in [
            ("* @a\n!secrets @b", 2, Problem::Negation),
            ("[ab].env @b", 1, Problem::Section),
            ("a[ab].env @b", 1, Problem::Set),
            ("a] @b", 1, Problem::Set),
            ("[Payments] @b", 1, Problem::Section),
            ("\n\n^[Payments][2] @b", 3, Problem::Section),
            ("\\#a @b", 1, Problem::Escape),
            ("a\\", 1, Problem::Escape),
            ("* payments", 1, Problem::Owner),
            ("* @", 1, Problem::Owner),
            ("* a@", 1, Problem::Owner),
            ("* @a @\u{202e}b", 1, Problem::Owner),
            ("* @a\0", 1, Problem::Control),
            ("*\u{1b}[2J @a", 1, Problem::Control),
        ] {
            let refused = CodeOwners::parse(text.as_bytes()).expect_err(text);
            assert_eq!(refused, CodeOwnersError { line, problem }, "{text:?}");
        }
        assert_eq!(CodeOwners::parse(b"a @b\n\xff @b").expect_err("bytes").problem, Problem::NotUtf8);
        let long =
            |count: usize, text: &str| CodeOwners::parse(text.repeat(count).as_bytes()).expect_err("long").problem;
        assert_eq!(long(1001, "a"), Problem::Pattern);
        assert_eq!(
            CodeOwners::parse(format!("a{}", " @abc".repeat(300)).as_bytes()).expect_err("long").problem,
            Problem::Owners
        );
    }

    #[test]
    fn stars_cost_no_more_than_their_number() {
        let owners = parse(&format!("{}b @x\n/{}b @x", "a*".repeat(400), "**/a/".repeat(150)));
        assert_eq!(owners.owners_of(&"a".repeat(4000)), None);
        assert_eq!(owners.owners_of(&"a/".repeat(2000)), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a/*?\\\\ #@\\[!\n.]{0,60}", path in "[a/.]{0,20}") {
            if let Ok(owners) = CodeOwners::parse(text.as_bytes()) {
                let _ = owners.owners_of(&path);
            }
        }

        #[test]
        fn names_without_stars_match_themselves_and_what_lies_below(path in "[a-z]{1,4}(/[a-z]{1,4}){0,3}") {
            let owners = parse(&format!("/{path} @x"));
            assert!(owners.owners_of(&path).is_some() && owners.owners_of(&format!("{path}/z")).is_some());
            assert!(owners.owners_of(&format!("0/{path}")).is_none() && owners.owners_of(&format!("{path}0")).is_none());
        }
    }
}
