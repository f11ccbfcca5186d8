//! The fields that everything in a policy is made of, and what is wrong with one.

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::civil::Date;
use toml_edit::{Item, Key, TableLike};

use super::super::closest::closest;
use super::super::error::{PolicyError, PolicyProblem};
use super::{Located, MAX_ERRORS, Reader, is_name, parse_day};
use crate::document::position;
use crate::keys::holds_private_key;

impl Reader<'_> {
    /// Returns the entries of a table whose keys are names of members or groups.
    pub(super) fn named<'i>(&mut self, item: &'i Item, field: &str) -> Vec<(Located<String>, &'i Item)> {
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
    pub(super) fn known(&mut self, names: Vec<Located<String>>, known: &BTreeSet<&str>) -> Vec<String> {
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

    pub(super) fn check_keys(&mut self, table: &dyn TableLike, place: &str, known: &[&str]) {
        for (key, item) in table.iter().filter(|(key, _)| !known.contains(key)) {
            let at = table.key(key).and_then(Key::span).unwrap_or_else(|| span(item));
            let suggestion = closest(key, known.iter().copied());
            self.report(at, PolicyProblem::UnknownKey { key: excerpt(key), place: place.to_owned(), suggestion });
        }
    }

    pub(super) fn text_field(&mut self, table: &dyn TableLike, field: &'static str) -> Option<Located<String>> {
        let item = table.get(field)?;
        let text = item.as_str().map(|text| Located { value: text.to_owned(), span: span(item) });
        if text.is_none() {
            self.wrong_type(item, &format!("`{field}`"), "a text");
        }
        text
    }

    /// Returns the texts of a list, or one text that stands alone; `None` when something else stands there.
    pub(super) fn one_or_more(
        &mut self,
        item: &Item,
        field: &str,
        expected: &'static str,
    ) -> Option<Vec<Located<String>>> {
        match item.as_str() {
            Some(text) => Some(vec![Located { value: text.to_owned(), span: span(item) }]),
            None => self.texts(item, field, expected),
        }
    }

    /// Returns the texts of a list; `None` when something else stands there.
    pub(super) fn texts(&mut self, item: &Item, field: &str, expected: &'static str) -> Option<Vec<Located<String>>> {
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

    pub(super) fn day(&mut self, table: &dyn TableLike, field: &'static str) -> Option<Date> {
        let text = self.text_field(table, field)?;
        let day = parse_day(&text.value);
        if day.is_none() {
            self.report(text.span, PolicyProblem::Day { field, value: excerpt(&text.value) });
        }
        day
    }

    pub(super) fn choice<T>(
        &mut self,
        table: &dyn TableLike,
        field: &'static str,
        read: impl Fn(&str) -> Option<T>,
        choices: &[&'static str],
    ) -> Option<T> {
        let text = self.text_field(table, field)?;
        self.one_of(&text, field, read, choices)
    }

    pub(super) fn one_of<T>(
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

    pub(super) fn parsed<T: std::str::FromStr<Err: Into<PolicyProblem>>>(
        &mut self,
        text: &Located<String>,
    ) -> Option<T> {
        text.value.parse().map_err(|error: T::Err| self.report(text.span.clone(), error.into())).ok()
    }

    pub(super) fn wrong_type(&mut self, item: &Item, field: &str, expected: &'static str) {
        self.report(
            span(item),
            PolicyProblem::WrongType { field: field.to_owned(), expected, found: type_name(item.type_name()) },
        );
    }

    pub(super) fn report(&mut self, span: Range<usize>, problem: PolicyProblem) {
        if !self.is_full() {
            // Escapes can hide a private key from the search by lines; here it would be shown.
            let problem = if holds_private_key(&problem.to_string()) { PolicyProblem::PrivateKey } else { problem };
            let (line, column) = position(self.text, span.start);
            self.found.push(PolicyError { line, column, problem });
        }
    }

    /// Tells whether enough has been found: suggestions cost time, and nobody reads on.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MAX_ERRORS
    }
}

/// Returns as much of a text as a message can show.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns what people call a type of TOML.
pub(super) fn type_name(name: &str) -> &'static str {
    match name {
        "array" | "array of tables" => "a list",
        "boolean" => "true or false",
        "datetime" => "a date",
        "float" | "integer" => "a number",
        "string" => "a text",
        _ => "a table",
    }
}

pub(super) fn span(item: &Item) -> Range<usize> {
    item.span().unwrap_or_default()
}

const MAX_EXCERPT: usize = 80;
