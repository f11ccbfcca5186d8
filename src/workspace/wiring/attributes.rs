//! `.gitattributes`: what git is told of the governed files.

use crate::policy::Policy;

/// Returns a line for the files of each rule. Their bytes are kept as they are, and our drivers show and merge them.
pub fn lines(policy: &Policy) -> String {
    let patterns = policy.rules.iter().flat_map(|rule| alternatives(rule.path.as_str()));
    patterns.map(|pattern| format!("{} -text diff=secret merge=secret\n", spelled(&pattern))).collect()
}

/// Spells a pattern as git reads it: from the root, and between quotes where it has blanks or quotes.
pub fn spelled(pattern: &str) -> String {
    let rooted = format!("/{pattern}");
    if rooted.contains([' ', '"', '\t']) { format!("{rooted:?}") } else { rooted }
}

/// Returns the patterns that together mean what one with `{a,b}` means: git knows no braces.
pub fn alternatives(pattern: &str) -> Vec<String> {
    let mut all = vec![pattern.to_owned()];
    // Each round spells out the first braces that are left in each.
    while all.iter().any(|pattern| first_braces(pattern).is_some()) {
        all = all.iter().flat_map(|pattern| spelled_out(pattern)).collect();
        // A policy is somebody else's: its braces could stand for more patterns than there is memory.
        if all.len() > MAX_ALTERNATIVES {
            return vec![without_braces(pattern)];
        }
    }
    all
}

/// Spells out the first braces of a pattern.
fn spelled_out(pattern: &str) -> Vec<String> {
    match first_braces(pattern) {
        Some((before, choices, behind)) => choices.iter().map(|choice| format!("{before}{choice}{behind}")).collect(),
        None => vec![pattern.to_owned()],
    }
}

/// Puts `*` in the place of all braces: that means more files than the rule, which does no harm here.
fn without_braces(pattern: &str) -> String {
    let mut rest = pattern;
    let mut all = String::new();
    while let Some((before, _, behind)) = first_braces(rest) {
        all.extend([before, "*"]);
        rest = behind;
    }
    all + rest
}

/// Splits a pattern at its first braces that are not in brackets.
fn first_braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let (mut depth, mut open, mut is_set) = (0, 0, false);
    let mut starts = Vec::new();
    for (at, character) in pattern.char_indices() {
        match character {
            '[' => is_set = true,
            ']' => is_set = false,
            _ if is_set => {}
            '{' => {
                depth += 1;
                if depth == 1 {
                    open = at;
                    starts.push(at + 1);
                }
            }
            ',' if depth == 1 => starts.push(at + 1),
            '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    starts.push(at + 1);
                    let choices = starts.windows(2).map(|pair| &pattern[pair[0]..pair[1] - 1]).collect();
                    return Some((&pattern[..open], choices, &pattern[at + 1..]));
                }
            }
            _ => {}
        }
    }
    None
}

/// How many lines a rule may become.
const MAX_ALTERNATIVES: usize = 64;

#[cfg(test)]
mod tests {
    use super::{alternatives, lines, spelled};
    use crate::policy::Policy;

    #[test]
    fn braces_are_spelled_out() {
        assert_eq!(alternatives("secrets/**"), ["secrets/**"]);
        assert_eq!(alternatives("a/{b,c}/{d,}x"), ["a/b/dx", "a/b/x", "a/c/dx", "a/c/x"]);
        assert_eq!(alternatives("{a,{b,c}}"), ["a", "b", "c"]);
        assert_eq!(alternatives("[{]a,b}"), ["[{]a,b}"]);
        assert_eq!(alternatives(&"{a,b}c".repeat(100)), ["*c".repeat(100)], "bounded");
    }

    #[test]
    fn a_pattern_begins_at_the_root() {
        assert_eq!(spelled("*.env"), "/*.env");
        assert_eq!(spelled("a b/**"), "\"/a b/**\"");
        let policy = "version = 1\n[members]\n[[rules]]\npath = \"s/*.{yaml,env}\"\nreaders = []\n";
        let policy = Policy::parse(policy, ".secret.toml");
        if let Ok(policy) = policy {
            assert_eq!(lines(&policy).lines().count(), 2);
        }
    }
}
