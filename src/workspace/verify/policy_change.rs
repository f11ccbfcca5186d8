//! Who gains what by a change of the policy, and what would be sealed less.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::super::guard::strictness;
use crate::envelope::native::Mode;
use crate::policy::{Policy, Readers, Rule};

/// One thing that a change of the policy opens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gain {
    /// The pattern of the rule.
    pub rule: String,
    /// What it is.
    pub what: Gained,
    /// How many files there are of it now.
    pub files: usize,
}

/// What is gained.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gained {
    /// Something would stand in clear.
    Clear(String),
    /// A key of a member who could read before with others.
    Key(String),
    /// A member can read what they could not.
    Reader(String),
    /// No rule is for it any more.
    Ungoverned,
}

impl Gain {
    /// Returns the member who gains.
    pub fn member(&self) -> Option<&str> {
        match &self.what {
            Gained::Key(member) | Gained::Reader(member) => Some(member),
            Gained::Clear(_) | Gained::Ungoverned => None,
        }
    }
}

impl fmt::Display for Gain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = &self.rule;
        match &self.what {
            Gained::Clear(what) => write!(out, "the new policy no longer seals {what} of {rule}")?,
            Gained::Key(member) => write!(out, "the new policy lets another key of {member} read {rule}")?,
            Gained::Reader(member) => write!(out, "the new policy lets {member} read {rule}")?,
            Gained::Ungoverned => write!(out, "the new policy has no rule for what was under {rule}")?,
        }
        match self.files {
            1 => write!(out, " (1 file)"),
            files => write!(out, " ({files} files)"),
        }
    }
}

/// Compares two policies, for the files that there are and for those that may come.
pub(super) fn gains<'f>(old: &Policy, new: &Policy, files: impl Iterator<Item = &'f str>) -> Vec<Gain> {
    let mut counts: BTreeMap<(String, Gained), usize> = BTreeMap::new();
    // What is gained depends on the two rules alone: it is looked up once for each pair of them.
    let mut pairs: BTreeMap<(Option<usize>, Option<usize>), Vec<Gained>> = BTreeMap::new();
    let number = |policy: &Policy, path: &str| {
        policy.rule_for(path).and_then(|rule| policy.rules.iter().position(|own| std::ptr::eq(own, rule)))
    };
    let samples: BTreeSet<String> = new.rules.iter().map(|rule| sample(rule.path.as_str())).collect();
    let files = files.map(|path| (path, 1)).chain(samples.iter().map(|path| (path.as_str(), 0)));
    for (path, count) in files {
        let (before, after) = (number(old, path), number(new, path));
        let Some(before_rule) = before.map(|before| &old.rules[before]) else { continue };
        let after_rule = after.map(|after| &new.rules[after]);
        let gained = pairs.entry((before, after)).or_insert_with(|| compare(old, before_rule, new, after_rule));
        let pattern = after_rule.unwrap_or(before_rule).path.as_str();
        for gained in gained.iter() {
            *counts.entry((pattern.to_owned(), gained.clone())).or_default() += count;
        }
    }
    counts.into_iter().map(|((rule, what), files)| Gain { rule, what, files }).collect()
}

fn compare(old: &Policy, before: &Rule, new: &Policy, after: Option<&Rule>) -> Vec<Gained> {
    let Some(after) = after else { return vec![Gained::Ungoverned] };
    let (readers, had): (Readers<'_>, Readers<'_>) = (new.readers(after), old.readers(before));
    let mut gained: Vec<Gained> = readers
        .iter()
        .filter_map(|(name, member)| match had.get(name) {
            None => Some(Gained::Reader((*name).to_owned())),
            Some(former) if member.recipients.iter().any(|key| !former.recipients.contains(key)) => {
                Some(Gained::Key((*name).to_owned()))
            }
            Some(_) => None,
        })
        .collect();
    if before.mode == Mode::Opaque && after.mode != Mode::Opaque {
        gained.push(Gained::Clear("the structure".to_owned()));
    }
    if after.mode != Mode::Opaque {
        if strictness(after.comments) < strictness(before.comments) {
            gained.push(Gained::Clear("all comments".to_owned()));
        }
        let cleared = after.cleartext.iter().filter(|pattern| !before.cleartext.contains(pattern));
        gained.extend(cleared.map(|pattern| Gained::Clear(format!("`{pattern}`"))));
    }
    gained
}

/// Returns a path that a pattern matches, as a file to come.
fn sample(pattern: &str) -> String {
    let step = |step: &str| {
        let (mut out, mut rest) = (String::new(), step);
        while let Some(at) = rest.find(['*', '?', '[', '{']) {
            out.push_str(&rest[..at]);
            let (mark, behind) = rest[at..].split_at(1);
            rest = match mark {
                "[" => {
                    let end = behind.find(']').unwrap_or(behind.len());
                    out.extend(behind.trim_start_matches(['!', '^']).chars().next());
                    behind.get(end + 1..).unwrap_or_default()
                }
                "{" => {
                    let end = behind.find('}').unwrap_or(behind.len());
                    out.push_str(behind[..end].split(',').next().unwrap_or_default());
                    behind.get(end + 1..).unwrap_or_default()
                }
                "?" => {
                    out.push('x');
                    behind
                }
                _ => {
                    out.push_str(NEW);
                    behind.trim_start_matches('*')
                }
            };
        }
        out + rest
    };
    pattern.split('/').map(step).collect::<Vec<_>>().join("/")
}

/// A name that no file has.
const NEW: &str = "secret-sample";

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 2] = [
        "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
    ];

    fn policy(rules: &str, bob: &str) -> Policy {
        let text = format!("version = 1\n[members]\nalice = \"{}\"\nbob = {bob}\n{rules}", KEYS[0]);
        Policy::parse(&text, "p").expect("a policy")
    }

    fn said(old: &str, new: &str, files: &[&str]) -> Vec<String> {
        let bob = format!("\"{}\"", KEYS[1]);
        let found = gains(&policy(old, &bob), &policy(new, &bob), files.iter().copied());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn who_gains_what_is_told_by_rule_and_number_of_files() {
        let old = "[[rules]]\npath = \"a/**\"\nreaders = [\"alice\"]\n";
        let new = "[[rules]]\npath = \"a/b/**\"\nreaders = [\"bob\"]\n[[rules]]\npath = \"a/**\"\nreaders = [\"alice\", \"bob\"]\n";
        assert_eq!(
            said(old, new, &["a/b/c", "a/d", "a/e", "x"]),
            ["the new policy lets bob read a/** (2 files)", "the new policy lets bob read a/b/** (1 file)"]
        );
        assert_eq!(said(new, old, &["a/b/c", "a/d"]), ["the new policy lets alice read a/** (1 file)"]);
        assert_eq!(said(old, old, &["a/b/c"]), Vec::<String>::new());
    }

    #[test]
    fn what_would_stand_in_clear_is_told() {
        let old = "[[rules]]\npath = \"a/**\"\nreaders = [\"alice\"]\n";
        let new = format!("{old}cleartext = [\"kind\"]\ncomments = \"clear\"\n");
        assert_eq!(
            said(old, &new, &["a/b"]),
            [
                "the new policy no longer seals `kind` of a/** (1 file)",
                "the new policy no longer seals all comments of a/** (1 file)"
            ]
        );
        let none = "[[rules]]\npath = \"z\"\nreaders = [\"alice\"]\n";
        assert_eq!(said(old, none, &["a/b"]), ["the new policy has no rule for what was under a/** (1 file)"]);
    }

    #[test]
    fn samples_match_their_patterns() {
        for pattern in ["a/**", "**/x.yaml", "a/*.env", "a/{b,c}/d", "a/[x-z]?", "plain"] {
            let path: crate::policy::PathPattern = pattern.parse().expect("a pattern");
            assert!(path.matches(&sample(pattern)), "{pattern}: {}", sample(pattern));
        }
    }
}
