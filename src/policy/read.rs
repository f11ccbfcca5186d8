//! Reading a policy: every mistake is found, with its place and, where one can guess it, what was meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::civil::Date;
use toml_edit::{Document, Item, Key, TableLike, Value};

use super::closest::closest;
use super::error::{PolicyError, PolicyErrors, PolicyProblem};
use super::{MAX_POLICY, Member, MemberKind, Policy, Requirement, Rule, ValueRequirement};
use crate::document::{Format, KeyPattern, position};
use crate::envelope::native::{Comments, Mode};
use crate::generate::Recipe;
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
pub(super) fn is_name(text: &str) -> bool {
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

    fn rules(&mut self, item: &Item, policy: &mut Policy) {
        let known: BTreeSet<String> = policy.members.keys().chain(policy.groups.keys()).cloned().collect();
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let mut paths: BTreeMap<String, usize> = BTreeMap::new();
        let rules: Vec<(&dyn TableLike, Range<usize>)> = match item {
            Item::ArrayOfTables(tables) => {
                tables.iter().map(|table| (table as &dyn TableLike, table.span().unwrap_or_default())).collect()
            }
            Item::Value(Value::Array(array)) if array.iter().all(Value::is_inline_table) => {
                let tables = array.iter().filter_map(Value::as_inline_table);
                tables.map(|table| (table as &dyn TableLike, table.span().unwrap_or_default())).collect()
            }
            _ => {
                self.wrong_type(item, "`rules`", "a list of tables, each headed [[rules]]");
                return;
            }
        };
        for (table, at) in rules {
            let Some(rule) = self.rule(table, at.clone(), &known) else { continue };
            if let Some(first) = paths.get(rule.path.as_str()).copied() {
                let (line, _) = position(self.text, first);
                self.report(table.get("path").map(span).unwrap_or_default(), PolicyProblem::RepeatedPath { line });
            }
            paths.entry(rule.path.to_string()).or_insert(at.start);
            if self.found.is_empty() && !policy.has_readers(&rule) {
                self.report(table.get("readers").map_or(at, span), PolicyProblem::NoReaders);
            }
            policy.rules.push(rule);
        }
    }

    fn rule(&mut self, table: &dyn TableLike, at: Range<usize>, known: &BTreeSet<&str>) -> Option<Rule> {
        self.check_keys(table, "a rule", &RULE_FIELDS);
        let missing = |field| PolicyProblem::Missing { field, place: "a rule".to_owned() };
        let readers = match table.get("readers") {
            None => {
                self.report(at.clone(), missing("readers"));
                Vec::new()
            }
            Some(item) => {
                let names = self.texts(item, "`readers`", "a list of members and groups");
                if names.as_ref().is_some_and(Vec::is_empty) {
                    self.report(span(item), PolicyProblem::NoReaders);
                }
                self.known(names.unwrap_or_default(), known)
            }
        };
        let format = self.choice(table, "format", |name| name.parse().ok(), &Format::ALL.map(Format::name));
        let modes = [Mode::Opaque, Mode::Values].map(Mode::name);
        let mode = self.choice(table, "mode", Mode::from_name, &modes);
        let mode = if format == Some(Format::Opaque) { mode.or(Some(Mode::Opaque)) } else { mode }.unwrap_or_default();
        let comments = [Comments::Clear, Comments::Modelines, Comments::Sealed].map(Comments::name);
        let comments = self.choice(table, "comments", Comments::from_name, &comments).unwrap_or_default();
        self.contradictions(table, mode, format);

        let owner = self.text_field(table, "owner").map(|text| text.value);
        let rotate_every = self.text_field(table, "rotate_every").and_then(|text| self.parsed(&text));
        let generate = table.get("generate").map(|item| self.recipes(item)).unwrap_or_default();
        let fields = Requirement::ALL.map(Requirement::name);
        let require = self.requirements(table, "require", Requirement::from_name, &fields);
        let fields = ValueRequirement::ALL.map(ValueRequirement::name);
        let require_values = self.requirements(table, "require_values", ValueRequirement::from_name, &fields);
        let cleartext =
            table.get("cleartext").and_then(|item| self.texts(item, "`cleartext`", "a list of key patterns"));
        let cleartext = cleartext.iter().flatten().filter_map(|text| self.parsed(text)).collect();
        if !table.contains_key("path") {
            self.report(at, missing("path"));
        }
        let path = self.text_field(table, "path").and_then(|text| self.parsed(&text))?;
        Some(Rule {
            path,
            readers,
            owner,
            rotate_every,
            generate,
            require,
            require_values,
            cleartext,
            mode,
            comments,
            format,
        })
    }

    /// Reports fields that mean nothing in a file that is sealed as a whole, and would silently be ignored.
    fn contradictions(&mut self, table: &dyn TableLike, mode: Mode, format: Option<Format>) {
        let is_opaque = format == Some(Format::Opaque);
        let (fields, with): (&[_], _) = match mode {
            Mode::Values if is_opaque => (&["mode"], "format = \"opaque\""),
            Mode::Values => (&[], ""),
            Mode::Opaque if is_opaque => {
                (&["cleartext", "comments", "generate", "require_values"], "format = \"opaque\"")
            }
            Mode::Opaque => (&["cleartext", "comments", "format", "generate", "require_values"], "mode = \"opaque\""),
        };
        for field in fields {
            if let Some(item) = table.get(field) {
                self.report(span(item), PolicyProblem::Contradiction { field, with });
            }
        }
    }

    /// Returns the recipes of a rule, in the order in which they stand there.
    fn recipes(&mut self, item: &Item) -> Vec<(KeyPattern, Recipe)> {
        let Some(table) = item.as_table_like() else {
            self.wrong_type(item, "`generate`", "a table of key patterns and recipes");
            return Vec::new();
        };
        let mut recipes = Vec::new();
        for (key, item) in table.iter() {
            let at = table.key(key).and_then(Key::span).unwrap_or_else(|| span(item));
            let pattern = self.parsed(&Located { value: key.to_owned(), span: at });
            let Some(text) = item.as_str() else {
                self.wrong_type(item, &format!("the recipe of {}", excerpt(key)), "a text");
                continue;
            };
            let recipe = self.parsed(&Located { value: text.to_owned(), span: span(item) });
            recipes.extend(pattern.zip(recipe));
        }
        recipes
    }

    fn requirements<T>(
        &mut self,
        table: &dyn TableLike,
        field: &'static str,
        read: impl Fn(&str) -> Option<T> + Copy,
        known: &[&'static str],
    ) -> Vec<T> {
        let names =
            table.get(field).and_then(|item| self.texts(item, &format!("`{field}`"), "a list of header fields"));
        names.iter().flatten().filter_map(|name| self.one_of(name, field, read, known)).collect()
    }

    /// Returns the entries of a table whose keys are names of members or groups.
    fn named<'i>(&mut self, item: &'i Item, field: &str) -> Vec<(Located<String>, &'i Item)> {
        let Some(table) = item.as_table_like() else {
            self.wrong_type(item, &format!("`{field}`"), "a table");
            return Vec::new();
        };
        let mut named = Vec::new();
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(Key::span).unwrap_or_else(|| span(item));
            if is_name(name) {
                named.push((Located { value: name.to_owned(), span }, item));
            } else {
                self.report(span, PolicyProblem::Name { name: excerpt(name) });
            }
        }
        named
    }

    /// Returns the names that exist, and reports the others.
    fn known(&mut self, names: Vec<Located<String>>, known: &BTreeSet<&str>) -> Vec<String> {
        let mut found = Vec::new();
        for name in names {
            if known.contains(name.value.as_str()) {
                found.push(name.value);
            } else if !self.is_full() {
                let suggestion = closest(&name.value, known.iter().copied());
                self.report(name.span, PolicyProblem::UnknownName { name: excerpt(&name.value), suggestion });
            }
        }
        found
    }

    fn check_keys(&mut self, table: &dyn TableLike, place: &str, known: &[&str]) {
        for (key, item) in table.iter().filter(|(key, _)| !known.contains(key)) {
            let at = table.key(key).and_then(Key::span).unwrap_or_else(|| span(item));
            let suggestion = closest(key, known.iter().copied());
            self.report(at, PolicyProblem::UnknownKey { key: excerpt(key), place: place.to_owned(), suggestion });
        }
    }

    fn text_field(&mut self, table: &dyn TableLike, field: &'static str) -> Option<Located<String>> {
        let item = table.get(field)?;
        let text = item.as_str().map(|text| Located { value: text.to_owned(), span: span(item) });
        if text.is_none() {
            self.wrong_type(item, &format!("`{field}`"), "a text");
        }
        text
    }

    /// Returns the texts of a list, or one text that stands alone; `None` when something else stands there.
    fn one_or_more(&mut self, item: &Item, field: &str, expected: &'static str) -> Option<Vec<Located<String>>> {
        match item.as_str() {
            Some(text) => Some(vec![Located { value: text.to_owned(), span: span(item) }]),
            None => self.texts(item, field, expected),
        }
    }

    /// Returns the texts of a list; `None` when something else stands there.
    fn texts(&mut self, item: &Item, field: &str, expected: &'static str) -> Option<Vec<Located<String>>> {
        let Some(array) = item.as_array() else {
            self.wrong_type(item, field, expected);
            return None;
        };
        let mut texts = Vec::new();
        for value in array {
            let span = value.span().unwrap_or_default();
            if let Some(text) = value.as_str() {
                texts.push(Located { value: text.to_owned(), span });
            } else {
                let (field, found) = (format!("an entry of {field}"), type_name(value.type_name()));
                self.report(span, PolicyProblem::WrongType { field, expected: "a text", found });
            }
        }
        (texts.len() == array.len()).then_some(texts)
    }

    fn day(&mut self, table: &dyn TableLike, field: &'static str) -> Option<Date> {
        let text = self.text_field(table, field)?;
        let day = parse_day(&text.value);
        if day.is_none() {
            self.report(text.span, PolicyProblem::Day { field, value: excerpt(&text.value) });
        }
        day
    }

    fn choice<T>(
        &mut self,
        table: &dyn TableLike,
        field: &'static str,
        read: impl Fn(&str) -> Option<T>,
        choices: &[&'static str],
    ) -> Option<T> {
        let text = self.text_field(table, field)?;
        self.one_of(&text, field, read, choices)
    }

    fn one_of<T>(
        &mut self,
        text: &Located<String>,
        field: &'static str,
        read: impl Fn(&str) -> Option<T>,
        choices: &[&'static str],
    ) -> Option<T> {
        let value = read(&text.value);
        if value.is_none() {
            let suggestion = closest(&text.value, choices.iter().copied());
            let (value, choices) = (excerpt(&text.value), choices.to_vec());
            self.report(text.span.clone(), PolicyProblem::UnknownValue { field, value, suggestion, choices });
        }
        value
    }

    fn parsed<T: std::str::FromStr<Err: Into<PolicyProblem>>>(&mut self, text: &Located<String>) -> Option<T> {
        text.value.parse().map_err(|error: T::Err| self.report(text.span.clone(), error.into())).ok()
    }

    fn wrong_type(&mut self, item: &Item, field: &str, expected: &'static str) {
        self.report(
            span(item),
            PolicyProblem::WrongType { field: field.to_owned(), expected, found: type_name(item.type_name()) },
        );
    }

    fn report(&mut self, span: Range<usize>, problem: PolicyProblem) {
        if !self.is_full() {
            // Escapes can hide a private key from the search by lines; here it would be shown.
            let problem = if holds_private_key(&problem.to_string()) { PolicyProblem::PrivateKey } else { problem };
            let (line, column) = position(self.text, span.start);
            self.found.push(PolicyError { line, column, problem });
        }
    }

    /// Tells whether enough has been found: suggestions cost time, and nobody reads on.
    fn is_full(&self) -> bool {
        self.found.len() >= MAX_ERRORS
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

/// Returns as much of a text as a message can show.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns what people call a type of TOML.
fn type_name(name: &str) -> &'static str {
    match name {
        "array" | "array of tables" => "a list",
        "boolean" => "true or false",
        "datetime" => "a date",
        "float" | "integer" => "a number",
        "string" => "a text",
        _ => "a table",
    }
}

fn span(item: &Item) -> Range<usize> {
    item.span().unwrap_or_default()
}

const MAX_NAME: usize = 64;
const MAX_EXCERPT: usize = 80;
const MAX_ERRORS: usize = 20;
const RULE_FIELDS: [&str; 11] = [
    "path",
    "readers",
    "owner",
    "rotate_every",
    "generate",
    "require",
    "require_values",
    "cleartext",
    "mode",
    "comments",
    "format",
];

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
