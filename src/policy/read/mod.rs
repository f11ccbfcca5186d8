//! Reading a policy: every mistake is found, with its place and, where one can guess it, what was meant.

mod fields;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use toml_edit::{Document, Item, TableLike};

use fields::span;

use super::error::{PolicyError, PolicyErrors, PolicyProblem};
use super::{MAX_POLICY, Member, MemberKind, Policy};
use crate::keys::{Recipient, RecipientError, holds_private_key};

/// A piece of the text, and the bytes where it stands.
struct Located<T> {
    value: T,
    span: Range<usize>,
}

/// Collects what is wrong.
struct Reader<'t> {
    text: &'t str,
    found: Vec<PolicyError>,
}

pub(super) fn read(text: &str, file: &str) -> Result<Policy, PolicyErrors> {
    let mut reader = Reader { text, found: Vec::new() };
    let policy = reader.policy();
    if reader.found.is_empty() {
        return Ok(policy);
    }
    reader.found.sort_by_key(|error| (error.problem != PolicyProblem::PrivateKey, error.line, error.column));
    Err(PolicyErrors { file: file.to_owned(), errors: reader.found })
}

/// Tells whether a text can be the name of a member or group.
pub fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._@-".contains(c))
}

/// Reads a day of the calendar, in the one spelling `YYYY-MM-DD`.
pub(super) fn parse_day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|day| day.to_string() == text)
}

impl Reader<'_> {
    fn policy(&mut self) -> Policy {
        let mut policy = Policy::default();
        if self.text.len() > MAX_POLICY {
            self.report(0..0, PolicyProblem::TooLarge);
            return policy;
        }
        // Before anything else, so that no other message can repeat a private key; also one in a comment.
        self.private_keys();
        if !self.found.is_empty() {
            return policy;
        }
        let document = match Document::parse(self.text) {
            Ok(document) => document,
            Err(error) => {
                let at = error.span().unwrap_or_default();
                self.report(at, PolicyProblem::Syntax { message: error.message().to_owned() });
                return policy;
            }
        };
        let root = document.as_table();
        if !self.version(root) {
            return policy;
        }
        self.check_keys(root, "the policy", &["version", "members", "groups", "rules"]);
        if let Some(members) = root.get("members") {
            policy.members = self.members(members);
        }
        if let Some(groups) = root.get("groups") {
            policy.groups = self.groups(groups, &policy);
        }
        if let Some(rules) = root.get("rules") {
            self.rules(rules, &mut policy);
        }
        policy
    }

    fn private_keys(&mut self) {
        let mut start = 0;
        for line in self.text.split_inclusive('\n') {
            if holds_private_key(line) {
                let blanks = line.len() - line.trim_start().len();
                self.report(start + blanks..start + line.len(), PolicyProblem::PrivateKey);
            }
            start += line.len();
        }
    }

    /// Tells whether the rest can be read: a newer version may mean anything.
    fn version(&mut self, root: &dyn TableLike) -> bool {
        let Some(item) = root.get("version") else {
            self.report(0..0, PolicyProblem::Missing { field: "version", place: "the policy".to_owned() });
            return true;
        };
        match item.as_integer() {
            Some(1) => return true,
            Some(found) if found > 1 => self.report(span(item), PolicyProblem::NewerVersion { found }),
            Some(found) => self.report(span(item), PolicyProblem::Version { found }),
            None => self.wrong_type(item, "`version`", "a number"),
        }
        false
    }

    fn members(&mut self, item: &Item) -> BTreeMap<String, Member> {
        let mut members = BTreeMap::new();
        let mut owners: BTreeMap<Recipient, String> = BTreeMap::new();
        for (name, item) in self.named(item, "members") {
            let place = format!("member {}", name.value);
            let (mut kind, mut expires) = (MemberKind::default(), None);
            let texts = match item.as_table_like() {
                None => self.one_or_more(item, &place, "a recipient, a list of them, or a table"),
                Some(table) => {
                    self.check_keys(table, &place, &["recipients", "kind", "expires"]);
                    let kinds = MemberKind::ALL.map(MemberKind::name);
                    kind = self.choice(table, "kind", MemberKind::from_name, &kinds).unwrap_or_default();
                    expires = self.day(table, "expires");
                    if let Some(item) = table.get("recipients") {
                        self.one_or_more(item, "`recipients`", "a recipient or a list of them")
                    } else {
                        self.report(name.span.clone(), PolicyProblem::Missing { field: "recipients", place });
                        None
                    }
                }
            };
            if texts.as_ref().is_some_and(Vec::is_empty) {
                self.report(name.span.clone(), PolicyProblem::NoRecipients { member: name.value.clone() });
            }
            let mut recipients = Vec::new();
            for text in texts.unwrap_or_default() {
                match text.value.parse::<Recipient>() {
                    Err(RecipientError::PrivateKey) => self.report(text.span, PolicyProblem::PrivateKey),
                    Err(source) => {
                        self.report(text.span, PolicyProblem::Recipient { member: name.value.clone(), source });
                    }
                    Ok(recipient) => {
                        if let Some(first) = owners.get(&recipient) {
                            self.report(text.span, PolicyProblem::RepeatedRecipient { first: first.clone() });
                        }
                        owners.entry(recipient.clone()).or_insert_with(|| name.value.clone());
                        recipients.push(recipient);
                    }
                }
            }
            members.insert(name.value, Member { recipients, kind, expires });
        }
        members
    }

    fn groups(&mut self, item: &Item, policy: &Policy) -> BTreeMap<String, Vec<String>> {
        let groups = self.named(item, "groups");
        let mut known: BTreeSet<&str> = policy.members.keys().map(String::as_str).collect();
        for (name, _) in &groups {
            if policy.members.contains_key(&name.value) {
                self.report(name.span.clone(), PolicyProblem::SameName { name: name.value.clone() });
            }
        }
        known.extend(groups.iter().map(|(name, _)| name.value.as_str()));
        let mut contents = BTreeMap::new();
        for (name, item) in &groups {
            let names = self.texts(item, &format!("group {}", name.value), "a list of members and groups");
            contents.insert(name.value.clone(), self.known(names.unwrap_or_default(), &known));
        }
        if let Some(path) = cycle(&contents) {
            let at = groups.iter().find(|(name, _)| name.value == path[0]).map(|(name, _)| name.span.clone());
            self.report(at.unwrap_or_default(), PolicyProblem::GroupCycle { path });
        }
        contents
    }
}

/// Returns a group that contains itself: the names from it to itself.
///
/// Groups without groups in them that are still there are taken away until none is left; what stays lies on a cycle
/// or leads to one. No recursion: a policy may nest groups as deeply as it is long.
fn cycle(groups: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for (group, names) in groups {
        let children = names.iter().filter(|name| groups.contains_key(*name));
        open.insert(group, children.clone().count());
        for child in children {
            parents.entry(child).or_default().push(group);
        }
    }
    let mut done: Vec<&str> = open.iter().filter(|(_, count)| **count == 0).map(|(group, _)| *group).collect();
    while let Some(group) = done.pop() {
        open.remove(group);
        for parent in parents.get(group).into_iter().flatten() {
            let count = open.get_mut(parent)?;
            *count -= 1;
            if *count == 0 {
                done.push(parent);
            }
        }
    }
    let mut path: Vec<&str> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut name = *open.keys().next()?;
    loop {
        if let Some(start) = places.insert(name, path.len()) {
            path.push(name);
            return Some(path[start..].iter().map(|name| (*name).to_owned()).collect());
        }
        path.push(name);
        name = groups.get(name)?.iter().find(|name| open.contains_key(name.as_str()))?;
    }
}

const MAX_NAME: usize = 64;
const MAX_ERRORS: usize = 20;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, Instant};

    use proptest::prelude::proptest;

    use super::{Policy, cycle};
    use crate::document::{Format, KeyPath};
    use crate::envelope::native::{Comments, Mode};
    use crate::policy::{FILE_NAME, MemberKind, PolicyProblem, Requirement};

    const DESIGN: &str = r#"version = 1

[members]
alice = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa"
bob = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN bob@work"]
deploy-prod = { recipients = ["age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z"], kind = "machine" }

[groups]
payments = ["alice", "on-call"]
on-call = ["bob"]

[[rules]]
path = "secrets/prod/**"
readers = ["payments", "deploy-prod", "bob"]
owner = "payments"
rotate_every = "90d"
require = ["owner", "purpose", "rotation_due"]
cleartext = ["apiVersion", "metadata.**"]

[[rules]]
path = "certs/*"
readers = ["alice"]
mode = "opaque"

[[rules]]
path = "**"
readers = ["alice"]
comments = "clear"
format = "yaml"
"#;

    fn policy(text: &str) -> Policy {
        Policy::parse(text, FILE_NAME).expect("a sound policy")
    }

    #[test]
    fn the_policy_of_the_design_is_read() {
        let policy = policy(DESIGN);
        assert_eq!(policy.member("deploy-prod").map(|member| member.kind), Some(MemberKind::Machine));
        let rule = policy.rule_for("secrets/prod/db.yaml").expect("governed");
        assert_eq!(policy.readers(rule).into_keys().collect::<Vec<_>>(), ["alice", "bob", "deploy-prod"]);
        assert_eq!(
            (rule.owner.as_deref(), rule.rotate_every.map(|p| p.to_string())),
            (Some("payments"), Some("90d".to_owned()))
        );
        assert_eq!(rule.require, [Requirement::Owner, Requirement::Purpose, Requirement::RotationDue]);
        assert!(rule.cleartext[1].matches(&KeyPath::parse("metadata.name").expect("a path")));
        assert_eq!((rule.mode, rule.comments, rule.format), (Mode::Values, Comments::Sealed, None));
        let recipient = policy.members["bob"].recipients[0].clone();
        assert_eq!(policy.member_with(&recipient).map(|(name, _)| name), Some("bob"));
        assert_eq!(policy.members_of("payments").expect("a group").into_keys().collect::<Vec<_>>(), ["alice", "bob"]);
        assert!(policy.members_of("alice").is_none());
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let policy = policy(DESIGN);
        let rule = |path| policy.rule_for(path).map(|rule| rule.path.as_str());
        assert_eq!(rule("secrets/prod/a.yaml"), Some("secrets/prod/**"));
        assert_eq!(rule("certs/a.pem"), Some("certs/*"));
        assert_eq!(rule("certs/a/b.pem"), Some("**"));
        assert_eq!(policy.rule_for("a").and_then(|rule| rule.format), Some(Format::Yaml));
        for never in [".secret.toml", ".gitattributes", "a/.gitignore"] {
            assert_eq!(rule(never), None, "{never}");
        }
    }

    #[test]
    fn every_invalid_policy_has_its_exact_message() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policy/invalid");
        let mut count = 0;
        for entry in fs::read_dir(folder).expect("the corpus") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a policy");
            let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
            let message = Policy::parse(&text, FILE_NAME).expect_err("an invalid policy").to_string();
            assert_eq!(format!("{message}\n"), expected, "{}", path.display());
            count += 1;
        }
        assert!(count >= 25, "only {count} invalid policies");
    }

    #[test]
    fn a_private_key_is_found_wherever_it_stands_and_never_repeated() {
        let secret = "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        for text in [
            format!(
                "version = 1\nrules = [{{ path = \"AGE-SECRET-KE\\u0059-1{secret}\", readers = [\"AGE\\u002dSECRET-KEY-1{secret}\"] }}]\n"
            ),
            format!("version = 1\n[members]\nalice = \"AGE-SECRET-KEY-1{secret}\"\n"),
            format!("version = 1\n# AGE-SECRET-KEY-1{secret}\n"),
            format!("version = 1\n[groups]\nteam = [\"age-secret-key-1{secret}\"]\n"),
            format!("AGE-SECRET-KEY-1{secret}"),
            format!("version = 1\n[members]\nalice = \"AGE-SECRET-KE\\u0059-1{secret}\"\nbob = 1\n"),
        ] {
            let errors = Policy::parse(&text, FILE_NAME).expect_err("a private key");
            assert_eq!(errors.errors[0].problem, PolicyProblem::PrivateKey, "{text}");
            assert!(!format!("{errors} {errors:?}").to_uppercase().contains(secret));
        }
    }

    #[test]
    fn a_cycle_is_found_at_any_depth() {
        let mut groups: BTreeMap<String, Vec<String>> =
            (0..50_000).map(|index| (format!("g{index}"), vec![format!("g{}", index + 1)])).collect();
        assert_eq!(cycle(&groups), None);
        groups.insert("g50000".to_owned(), vec!["g0".to_owned(), "alice".to_owned()]);
        assert_eq!(cycle(&groups).map(|path| path.len()), Some(50_002));
    }

    #[test]
    fn a_hostile_policy_takes_bounded_time() {
        let many = |line: fn(usize) -> String| {
            (0..)
                .map(line)
                .scan(0, |size, line| {
                    *size += line.len();
                    (*size < 900_000).then_some(line)
                })
                .collect::<String>()
        };
        let start = Instant::now();
        for text in [
            format!("version = 1\n[groups]\n{}", many(|index| format!("g{index}=[\"g{}\"]\n", index + 1))),
            format!("version = 1\n{}", many(|index| format!("[[rules]]\npath=\"{index}\"\nreaders=[\"a\"]\n"))),
            format!("version = 1\n{}", many(|index| format!("k{index} = 1\n"))),
            format!("version = 1\nx = {}", "[".repeat(900_000)),
        ] {
            assert!(Policy::parse(&text, FILE_NAME).is_err());
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(cut in 0usize..900, text in "[\\PC\n]{0,30}") {
            let mut mutated: String = DESIGN.chars().take(cut).collect();
            mutated.push_str(&text);
            mutated.extend(DESIGN.chars().skip(cut + text.len()));
            let _ = Policy::parse(&mutated, FILE_NAME);
            let _ = Policy::parse(&text, FILE_NAME);
        }
    }
}
