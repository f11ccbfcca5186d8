//! The report for people at a terminal, for a comment, and for other programs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::attention::{Sort, attention};
use super::output::MARKDOWN_START;
use crate::commands::changes::code;
use crate::policy::MemberKind;
use crate::ui::count;
use crate::ui::{push_line, table};
use crate::workspace::{FileState, FileStatus, Status, ValueCounts, ValueLife};

/// Our own format.
pub(super) fn json(status: &Status) -> Value {
    let counts = ValueCounts::of(&status.values);
    let by_state: serde_json::Map<String, Value> =
        FileState::ALL.iter().map(|state| (word(*state), status.files_in(*state).into())).collect();
    let members: Vec<Value> = status
        .members
        .iter()
        .map(|(name, kind)| {
            let reads = status.files.iter().filter(|file| file.readers.contains(name)).count();
            json!({ "name": name, "kind": kind.map(MemberKind::name), "files": reads, "expired": status.expired.get(name).map(ToString::to_string) })
        })
        .collect();
    json!({
        "version": 1, "repository": status.name, "today": status.today.to_string(),
        "files": status.files.iter().map(file_json).collect::<Vec<_>>(),
        "members": members,
        "summary": { "files": status.files.len(), "by_state": by_state, "values": counts_json(counts) },
    })
}

/// Lines: a summary, then what needs attention, then the files.
pub(super) fn text(status: &Status) -> String {
    let mut text = String::new();
    for line in summary(status) {
        push_line(&mut text, &line);
    }
    let attention = attention(status);
    if !attention.is_empty() {
        text.push_str("\nneeds attention\n");
        let rows: Vec<[String; 3]> = attention
            .iter()
            .map(|one| [format!("  {}", one.sort.name()), one.place.clone(), one.what.clone()])
            .collect();
        text.push_str(&table(&rows));
        for sort in Sort::ALL.iter().filter(|sort| attention.iter().any(|one| one.sort == **sort)) {
            let hint = format!("  {}: {}", sort.name(), sort.remedy());
            push_line(&mut text, &hint);
        }
    }
    if !status.files.is_empty() {
        text.push_str("\nfiles\n");
        let mut rows =
            vec![["  state", "file", "owner", "readers", "values", "next due", "last change"].map(str::to_owned)];
        rows.extend(status.files.iter().map(|file| {
            let [state, path, rest @ ..] = cells(file);
            let [owner, readers, values, due, change] = rest;
            [format!("  {state}"), path, owner, readers, values, due, change]
        }));
        text.push_str(&table(&rows));
    }
    text
}

/// Tables for an issue or a comment; names in them are code, in which nothing is a link, a mention or a column.
pub(super) fn markdown(status: &Status) -> String {
    let mut text = format!("{MARKDOWN_START}{}\n\n", status.today);
    for line in summary(status) {
        push_line(&mut text, &format!("* {line}"));
    }
    let attention = attention(status);
    if !attention.is_empty() {
        text.push_str("\n| needs attention | where | what |\n|---|---|---|\n");
        for one in &attention {
            text.push_str(&format!("| {} | {} | {} |\n", one.sort.name(), code(&one.place), code(&one.what)));
        }
    }
    if !status.files.is_empty() {
        text.push_str("\n| state | file | owner | readers | values | next due | last change |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for file in &status.files {
            let [state, path, owner, readers, values, due, change] = cells(file);
            let quoted = |text: String| if text == NONE { text } else { code(&text) };
            let [path, owner, readers] = [path, owner, readers].map(quoted);
            text.push_str(&format!("| {state} | {path} | {owner} | {readers} | {values} | {due} | {change} |\n"));
        }
    }
    text
}

/// Returns the lines that say how all of it stands.
pub(super) fn summary(status: &Status) -> Vec<String> {
    let counts = ValueCounts::of(&status.values);
    let in_state = |state| status.files_in(state);
    vec![
        format!(
            "{}: {} in line, {} drift, {} plaintext, {} broken",
            count(status.files.len(), "file"),
            in_state(FileState::InLine),
            in_state(FileState::Drift),
            in_state(FileState::Plaintext),
            in_state(FileState::Broken),
        ),
        format!(
            "{}: {} exposed, {} overdue, {} due soon",
            count(counts.sealed, "value"),
            counts.exposed,
            counts.overdue,
            counts.due_soon,
        ),
        format!("{}, {}", count(status.members.len(), "member"), count(owners(status).len(), "owner")),
    ]
}

/// What somebody answers for.
#[derive(Default)]
pub(super) struct Owned<'s> {
    /// The files: those that are theirs, and those with a value that is.
    pub(super) files: BTreeSet<&'s str>,
    /// Their values.
    pub(super) values: Vec<&'s ValueLife>,
}

/// Returns the owners of files and of single values, each with what they answer for.
pub(super) fn owners(status: &Status) -> BTreeMap<&str, Owned<'_>> {
    let mut owners: BTreeMap<&str, Owned<'_>> = BTreeMap::new();
    for file in &status.files {
        if let Some(owner) = &file.owner {
            owners.entry(owner).or_default().files.insert(&file.file);
        }
    }
    for value in &status.values {
        if let Some(owner) = &value.owner {
            let owned = owners.entry(owner).or_default();
            owned.files.insert(&value.file);
            owned.values.push(value);
        }
    }
    owners
}

/// Returns what a table says of a file.
pub(super) fn cells(file: &FileStatus) -> [String; 7] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    [
        file.state.name().to_owned(),
        file.file.clone(),
        or_none(file.owner.clone()),
        readers(file),
        values(&file.values),
        or_none(file.values.next_due.map(|day| day.to_string())),
        or_none(file.last_change.and_then(|change| change.day()).map(|day| day.to_string())),
    ]
}

/// Names the readers, by the words of the rule where the file has just those.
pub(super) fn readers(file: &FileStatus) -> String {
    let is_by_rule = file.readers == file.granted && !file.rule_readers.is_empty();
    let names = if is_by_rule { &file.rule_readers } else { &file.readers };
    match names.len() {
        0 => NONE.to_owned(),
        length if length > SHOWN => format!("{}, +{}", names[..SHOWN].join(", "), length - SHOWN),
        _ => names.join(", "),
    }
}

fn values(counts: &ValueCounts) -> String {
    let part = |count: usize, word: &str| (count > 0).then(|| format!("{count} {word}"));
    let parts: Vec<String> =
        [part(counts.exposed, "exposed"), part(counts.overdue, "overdue"), part(counts.due_soon, "due soon")]
            .into_iter()
            .flatten()
            .collect();
    if parts.is_empty() { counts.sealed.to_string() } else { format!("{} ({})", counts.sealed, parts.join(", ")) }
}

fn file_json(file: &FileStatus) -> Value {
    let exposed: Vec<Value> = file
        .exposed
        .iter()
        .map(|former| json!({ "name": former.member, "generation": former.generation, "day": former.day.to_string() }))
        .collect();
    let changed: Vec<&str> = file.drift.changed.iter().map(|reader| reader.name.as_str()).collect();
    let change = file.last_change.map(|change| {
        json!({ "commit": change.commit.to_string(), "time": change.seconds, "day": change.day().map(|day| day.to_string()) })
    });
    json!({
        "file": file.file, "state": file.state.name(), "reason": file.why, "owner": file.owner, "purpose": file.purpose,
        "readers": file.readers, "granted": file.granted,
        "drift": { "surplus": file.drift.surplus, "missing": file.drift.missing, "other_keys": changed },
        "former_readers": exposed, "values": counts_json(file.values), "last_change": change,
    })
}

fn counts_json(counts: ValueCounts) -> Value {
    let ValueCounts { sealed, exposed, overdue, due_soon, next_due } = counts;
    json!({
        "sealed": sealed, "exposed": exposed, "overdue": overdue, "due_soon": due_soon,
        "next_due": next_due.map(|day| day.to_string()),
    })
}

fn word(state: FileState) -> String {
    state.name().replace('-', "_")
}

/// What stands where nothing is known.
pub(super) const NONE: &str = "-";
/// How many readers are named in a line.
const SHOWN: usize = 4;
