//! What somebody knows, for people and for other programs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::commands::changes::code;
use crate::commands::whole::ALL;
use crate::ui::count;
use crate::workspace::{Fate, Knowledge, KnownValue, Moment, Reader, ValueLife};

/// Our own format.
pub fn json(knowledge: &Knowledge) -> Value {
    let first = |first: &Option<Moment>| first.map(|first| first.commit.to_string());
    let values = knowledge.values.iter().map(|value| {
        let versions = value.versions.iter().map(|version| {
            json!({
                "since": version.since.to_string(), "generation": version.generation, "file": version.file,
                "key": version.key, "commit": first(&version.first),
            })
        });
        json!({
            "file": value.file, "key": value.key, "owner": value.owner, "state": value.fate.name(),
            "since": value.since.to_string(), "file_id": value.file_id.to_string(), "id": value.id.to_string(),
            "versions": versions.collect::<Vec<_>>(),
        })
    });
    let plaintexts = knowledge.plaintexts.iter();
    let unread = knowledge.unread.iter();
    json!({
        "version": 1, "reader": knowledge.reader.name(), "recipients": knowledge.recipients,
        "other_names": knowledge.other_names, "commits": knowledge.commits, "is_cut_off": knowledge.is_cut,
        "values": values.collect::<Vec<_>>(), "open_files": knowledge.open_files,
        "absent_files": knowledge.unreached.iter().map(|file| &file.file).collect::<Vec<_>>(), "granted_files": knowledge.granted_files, "partly_clear": knowledge.partly_clear,
        "plaintexts": plaintexts.map(|(file, at)| json!({ "file": file, "commit": at.commit.to_string() }))
            .collect::<Vec<_>>(),
        "unread": unread.map(|unread| json!({
            "file": unread.file, "commit": first(&unread.commit), "reason": unread.why,
        })).collect::<Vec<_>>(),
    })
}

/// Lines for people. Each is escaped where it is printed.
pub fn text(knowledge: &Knowledge) -> Vec<String> {
    let mut lines = vec![summary(knowledge)];
    for (owner, values) in by_owner(knowledge, Fate::Current) {
        lines.push(String::new());
        let owner = owner.map_or_else(|| "without an owner".to_owned(), |owner| format!("owner {owner}"));
        lines.push(format!("{owner}: {} to replace", count(values.len(), "value")));
        push_values(&mut lines, &values, |value| format!("set {}", value.since));
    }
    let removed: Vec<&KnownValue> = with(knowledge, Fate::Removed).collect();
    if !removed.is_empty() {
        lines.push(String::new());
        lines.push(format!(
            "in no file any more: {}; withdraw them where they are used still",
            count(removed.len(), "value")
        ));
        push_values(&mut lines, &removed, |value| format!("last set {}", value.since));
    }
    let replaced: Vec<&KnownValue> = with(knowledge, Fate::Replaced).collect();
    if !replaced.is_empty() {
        lines.push(String::new());
        lines.push(format!("replaced since: {}", count(replaced.len(), "value")));
        push_values(&mut lines, &replaced, |value| format!("on {}", value.since));
    }
    lines.push(String::new());
    lines.extend(limits(knowledge, str::to_owned));
    lines
}

/// A list with boxes to tick, for an issue.
pub fn markdown(knowledge: &Knowledge) -> String {
    let mut text = format!("## Off-boarding {}\n\n", code(knowledge.reader.name()));
    text.push_str(&format!("{}.\n", counts(knowledge)));
    let item = |value: &KnownValue, mark: &str, when: &str| {
        let key = value.key.as_deref().map_or_else(|| ALL.to_owned(), code);
        format!("- {mark}{} {key}, {when} {}\n", code(&value.file), value.since)
    };
    for (owner, values) in by_owner(knowledge, Fate::Current) {
        let owner = owner.map_or_else(|| "Without an owner".to_owned(), |owner| format!("Owner {}", code(owner)));
        text.push_str(&format!("\n### {owner}: {} to replace\n\n", count(values.len(), "value")));
        text.extend(values.iter().map(|value| item(value, "[ ] ", "set")));
    }
    for (fate, heading, mark, when) in [
        (Fate::Removed, "In no file any more: withdraw where they are used still", "[ ] ", "last set"),
        (Fate::Replaced, "Replaced since", "", "on"),
    ] {
        let values: Vec<&KnownValue> = with(knowledge, fate).collect();
        if !values.is_empty() {
            text.push_str(&format!("\n### {heading}\n\n"));
            text.extend(values.iter().map(|value| item(value, mark, when)));
        }
    }
    text.push_str("\n### What this cannot do\n\n");
    text.extend(limits(knowledge, code).iter().map(|line| format!("- {line}\n")));
    text
}

/// The values of files that got out, for programs.
pub fn values_json(values: &[ValueLife]) -> Value {
    let values = values.iter().map(
        |value| json!({ "file": value.file, "key": value.key, "owner": value.owner, "since": value.since.to_string() }),
    );
    json!({ "version": 1, "values": values.collect::<Vec<_>>() })
}

/// The values of files that got out, for an issue.
pub fn values_markdown(values: &[ValueLife]) -> String {
    let mut text = format!("## Compromised: {} to replace\n\n", count(values.len(), "value"));
    for value in values {
        let owner = value.owner.as_deref().map(|owner| format!(", owner {}", code(owner))).unwrap_or_default();
        let key = value.key.as_deref().map_or_else(|| ALL.to_owned(), code);
        text.push_str(&format!("- [ ] {} {key}, set {}{owner}\n", code(&value.file), value.since));
    }
    text
}

/// The values of files that got out, for people.
pub fn values_text(values: &[ValueLife]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut file = None;
    for value in values {
        if file != Some(&value.file) {
            lines.push(value.file.clone());
            file = Some(&value.file);
        }
        let owner = value.owner.as_ref().map(|owner| format!(", owner {owner}")).unwrap_or_default();
        lines.push(format!("  {}, set {}{owner}", value.key.as_deref().unwrap_or(ALL), value.since));
    }
    lines
}

/// Says in one line how much it is.
pub fn summary(knowledge: &Knowledge) -> String {
    let name = match &knowledge.reader {
        Reader::Member(name) => name.clone(),
        Reader::Recipient(recipient) => format!("the key of {recipient}"),
    };
    let also = match knowledge.other_names.as_slice() {
        [] => String::new(),
        names => format!(" (also known as {})", names.join(", ")),
    };
    format!("{name}{also}: {}", counts(knowledge))
}

fn counts(knowledge: &Knowledge) -> String {
    let known = |fate| with(knowledge, fate).count();
    let looked_at = format!("{} of all branches and tags, and the work tree", count(knowledge.commits, "commit"));
    let files: std::collections::BTreeSet<&str> = knowledge.values.iter().map(|value| value.file.as_str()).collect();
    format!(
        "could read {} in {}: {} to replace, {} in no file any more, {} replaced since; by {looked_at}",
        count(knowledge.values.len(), "value"),
        count(files.len(), "file"),
        known(Fate::Current),
        known(Fate::Removed),
        known(Fate::Replaced),
    )
}

/// Says plainly what is not known, and what no tool can do. `name` quotes what somebody else wrote.
fn limits(knowledge: &Knowledge, name: impl Fn(&str) -> String) -> Vec<String> {
    let mut lines = vec![
        "The old values stay readable in git's history and in every clone; nothing takes them back. Replace them where \
         they are used."
            .to_owned(),
        "What was handed on outside of these files (deployments, exports, copies under another file id) is not known \
         here. Other branches keep their own readers until they are merged or rekeyed, too."
            .to_owned(),
    ];
    if !knowledge.unreached.is_empty() {
        let files = listed(knowledge.unreached.iter().map(|file| name(&file.file)));
        lines.push(format!(
            "In the last commit, but missing, in plaintext or broken in this work tree, and so beyond any rekey here: {files}. \
             Restore or encrypt them first."
        ));
    }
    if !knowledge.partly_clear.is_empty() {
        let files = listed(knowledge.partly_clear.iter().map(|file| name(file)));
        lines.push(format!("Values in clear stand or stood in {files}: whoever has the repository knows them."));
    }
    if !knowledge.plaintexts.is_empty() {
        let file = |(file, at): &(String, Moment)| format!("{} ({})", name(file), at.commit.short());
        let files = listed(knowledge.plaintexts.iter().map(file));
        lines.push(format!("In plaintext, and so known to whoever has the repository, stood {files}."));
    }
    if knowledge.is_cut {
        lines.push(
            "The history of this clone was cut off: what was before is not listed. `git fetch --unshallow` brings it."
                .to_owned(),
        );
    }
    if !knowledge.unread.is_empty() {
        let file = |unread: &crate::workspace::Unread| match unread.commit {
            Some(at) => format!("{} ({})", name(&unread.file), at.commit.short()),
            None => name(&unread.file),
        };
        let files = listed(knowledge.unread.iter().map(file));
        lines.push(format!("Not read, and may hold more: {files}."));
    }
    lines
}

fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named = names.take(NAMED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn by_owner(knowledge: &Knowledge, fate: Fate) -> BTreeMap<Option<&str>, Vec<&KnownValue>> {
    let mut owners: BTreeMap<Option<&str>, Vec<&KnownValue>> = BTreeMap::new();
    for value in with(knowledge, fate) {
        owners.entry(value.owner.as_deref()).or_default().push(value);
    }
    owners
}

fn with(knowledge: &Knowledge, fate: Fate) -> impl Iterator<Item = &KnownValue> {
    knowledge.values.iter().filter(move |value| value.fate == fate)
}

/// Appends values below their files.
fn push_values(lines: &mut Vec<String>, values: &[&KnownValue], when: impl Fn(&KnownValue) -> String) {
    let mut file = None;
    for value in values {
        if file != Some(&value.file) {
            lines.push(format!("  {}", value.file));
            file = Some(&value.file);
        }
        lines.push(format!("    {}, {}", value.key.as_deref().unwrap_or(ALL), when(value)));
    }
}

/// How many files a sentence names.
const NAMED: usize = 20;
