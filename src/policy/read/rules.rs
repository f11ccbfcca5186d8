//! The rules of a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml_edit::{Item, Key, TableLike, Value};

use super::super::error::PolicyProblem;
use super::super::{Policy, Requirement, Rule, ValueRequirement};
use super::fields::{excerpt, span};
use super::{Located, Reader};
use crate::document::{Format, KeyPattern, position};
use crate::envelope::native::{Comments, Mode};
use crate::generate::Recipe;

impl Reader<'_> {
    pub(super) fn rules(&mut self, item: &Item, policy: &mut Policy) {
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

    pub(super) fn rule(&mut self, table: &dyn TableLike, at: Range<usize>, known: &BTreeSet<&str>) -> Option<Rule> {
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
    pub(super) fn contradictions(&mut self, table: &dyn TableLike, mode: Mode, format: Option<Format>) {
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
    pub(super) fn recipes(&mut self, item: &Item) -> Vec<(KeyPattern, Recipe)> {
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

    pub(super) fn requirements<T>(
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
}

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
