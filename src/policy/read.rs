//! Reading a policy: every mistake is found, with its place and, where one can guess it, what was meant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml_edit::{Document, Item, Key, TableLike, Value};

use super::closest::closest;
use super::error::{PolicyError, PolicyErrors, PolicyProblem};
use super::{MAX_POLICY, Member, MemberKind, Policy, Requirement, Rule};
use crate::document::{Format, position};
use crate::envelope::native::{Comments, Mode};
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
    reader.found.sort_by_key(|error| (error.line, error.column));
    Err(PolicyErrors { file: file.to_owned(), errors: reader.found })
}

/// Tells whether a text can be the name of a member or group.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._@-".contains(c))
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
            None => self.wrong_type(item, "version", "a number"),
        }
        false
    }

    fn members(&mut self, item: &Item) -> BTreeMap<String, Member> {
        let mut members = BTreeMap::new();
        let mut owners: BTreeMap<Recipient, String> = BTreeMap::new();
        for (name, item) in self.named(item, "members") {
            let mut kind = MemberKind::default();
            let texts = match item.as_table_like() {
                None => self.texts(item, &format!("member {}", name.value), "a recipient, a list of them, or a table"),
                Some(table) => {
                    let place = format!("member {}", name.value);
                    self.check_keys(table, &place, &["recipients", "kind"]);
                    kind = self.choice(table, "kind", MemberKind::from_name, &MemberKind::ALL.map(MemberKind::name)).unwrap_or_default();
                    table.get("recipients").map_or_else(Vec::new, |item| self.texts(item, "`recipients`", "a recipient or a list of them"))
                }
            };
            if texts.is_empty() && !self.is_reported(&span(item)) {
                self.report(name.span.clone(), PolicyProblem::NoRecipients { member: name.value.clone() });
            }
            let mut recipients = Vec::new();
            for text in texts {
                match text.value.parse::<Recipient>() {
                    Err(RecipientError::PrivateKey) => self.report(text.span, PolicyProblem::PrivateKey),
                    Err(source) => self.report(text.span, PolicyProblem::Recipient { member: name.value.clone(), source }),
                    Ok(recipient) => {
                        if let Some(first) = owners.get(&recipient) {
                            self.report(text.span, PolicyProblem::RepeatedRecipient { first: first.clone() });
                        }
                        owners.entry(recipient.clone()).or_insert_with(|| name.value.clone());
                        recipients.push(recipient);
                    }
                }
            }
            members.insert(name.value, Member { recipients, kind });
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
            contents.insert(name.value.clone(), self.known(names, &known));
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
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let rules: Vec<(&dyn TableLike, Range<usize>)> = match item {
            Item::ArrayOfTables(tables) => tables.iter().map(|table| (table as &dyn TableLike, table.span().unwrap_or_default())).collect(),
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
            let (line, _) = position(self.text, at.start);
            if let Some(line) = lines.get(rule.path.as_str()).copied() {
                let at = table.get("path").map(span).unwrap_or_default();
                self.report(at, PolicyProblem::RepeatedPath { line });
            }
            lines.entry(rule.path.to_string()).or_insert(line);
            if self.found.is_empty() && policy.readers(&rule).is_empty() {
                self.report(table.get("readers").map(span).unwrap_or(at), PolicyProblem::NoReaders);
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
                if names.is_empty() && !self.is_reported(&span(item)) {
                    self.report(span(item), PolicyProblem::NoReaders);
                }
                self.known(names, known)
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
        let require = self.requirements(table);
        let cleartext = table.get("cleartext").map_or_else(Vec::new, |item| self.texts(item, "`cleartext`", "a list of key patterns"));
        let cleartext = cleartext.iter().filter_map(|text| self.parsed(text)).collect();
        if !table.contains_key("path") {
            self.report(at, missing("path"));
        }
        let path = self.text_field(table, "path").and_then(|text| self.parsed(&text))?;
        Some(Rule { path, readers, owner, rotate_every, require, cleartext, mode, comments, format })
    }

    /// Reports fields that mean nothing in a file that is sealed as a whole, and would silently be ignored.
    fn contradictions(&mut self, table: &dyn TableLike, mode: Mode, format: Option<Format>) {
        if mode != Mode::Opaque {
            if let (Some(Format::Opaque), Some(item)) = (format, table.get("mode")) {
                self.report(span(item), PolicyProblem::Contradiction { field: "format" });
            }
            return;
        }
        for field in ["cleartext", "comments", "format"] {
            if let Some(item) = table.get(field).filter(|_| field != "format" || format != Some(Format::Opaque)) {
                self.report(span(item), PolicyProblem::Contradiction { field });
            }
        }
    }

    fn requirements(&mut self, table: &dyn TableLike) -> Vec<Requirement> {
        let Some(item) = table.get("require") else { return Vec::new() };
        let names = self.texts(item, "`require`", "a list of header fields");
        names.into_iter().filter_map(|name| self.one_of(&name, "header field", Requirement::from_name, &Requirement::ALL.map(Requirement::name))).collect()
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
                self.report(span, PolicyProblem::Name { name: name.to_owned() });
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
                self.report(name.span, PolicyProblem::UnknownName { name: name.value, suggestion });
            }
        }
        found
    }

    fn check_keys(&mut self, table: &dyn TableLike, place: &str, known: &[&str]) {
        for (key, item) in table.iter().filter(|(key, _)| !known.contains(key)) {
            let at = table.key(key).and_then(Key::span).unwrap_or_else(|| span(item));
            let suggestion = closest(key, known.iter().copied());
            self.report(at, PolicyProblem::UnknownKey { key: key.to_owned(), place: place.to_owned(), suggestion });
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

    /// Returns the texts of a list; one text alone counts as a list of one.
    fn texts(&mut self, item: &Item, field: &str, expected: &'static str) -> Vec<Located<String>> {
        let located = |value: &Value| Some(Located { value: value.as_str()?.to_owned(), span: value.span().unwrap_or_default() });
        match item {
            Item::Value(Value::Array(array)) => {
                let mut texts = Vec::new();
                for value in array {
                    match located(value) {
                        Some(text) => texts.push(text),
                        None => self.report(
                            value.span().unwrap_or_default(),
                            PolicyProblem::WrongType { field: format!("an entry of {field}"), expected: "a text", found: value.type_name() },
                        ),
                    }
                }
                texts
            }
            Item::Value(value @ Value::String(_)) => located(value).into_iter().collect(),
            _ => {
                self.wrong_type(item, field, expected);
                Vec::new()
            }
        }
    }

    fn choice<T>(&mut self, table: &dyn TableLike, field: &'static str, read: impl Fn(&str) -> Option<T>, choices: &[&'static str]) -> Option<T> {
        let text = self.text_field(table, field)?;
        self.one_of(&text, field, read, choices)
    }

    fn one_of<T>(&mut self, text: &Located<String>, field: &'static str, read: impl Fn(&str) -> Option<T>, choices: &[&'static str]) -> Option<T> {
        let value = read(&text.value);
        if value.is_none() {
            let suggestion = closest(&text.value, choices.iter().copied());
            let (value, choices) = (text.value.clone(), choices.to_vec());
            self.report(text.span.clone(), PolicyProblem::UnknownValue { field, value, suggestion, choices });
        }
        value
    }

    fn parsed<T: std::str::FromStr<Err: Into<PolicyProblem>>>(&mut self, text: &Located<String>) -> Option<T> {
        text.value.parse().map_err(|error: T::Err| self.report(text.span.clone(), error.into())).ok()
    }

    fn wrong_type(&mut self, item: &Item, field: &str, expected: &'static str) {
        self.report(span(item), PolicyProblem::WrongType { field: field.to_owned(), expected, found: item.type_name() });
    }

    fn report(&mut self, span: Range<usize>, problem: PolicyProblem) {
        if !self.is_full() {
            let (line, column) = position(self.text, span.start);
            self.found.push(PolicyError { line, column, problem });
        }
    }

    /// Tells whether something has been reported at this place.
    fn is_reported(&self, span: &Range<usize>) -> bool {
        let (line, column) = position(self.text, span.start);
        self.found.iter().any(|error| (error.line, error.column) >= (line, column) && self.found.last() == Some(error))
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
    let mut path = vec![*open.keys().next()?];
    loop {
        let children = groups.get(*path.last()?)?;
        let next = children.iter().find(|name| open.contains_key(name.as_str()))?;
        if let Some(start) = path.iter().position(|name| name == next) {
            path.push(next);
            return Some(path[start..].iter().map(|name| (*name).to_owned()).collect());
        }
        path.push(next);
    }
}

fn span(item: &Item) -> Range<usize> {
    item.span().unwrap_or_default()
}

const MAX_NAME: usize = 64;
const MAX_ERRORS: usize = 50;
const RULE_FIELDS: [&str; 9] =
    ["path", "readers", "owner", "rotate_every", "require", "cleartext", "mode", "comments", "format"];
