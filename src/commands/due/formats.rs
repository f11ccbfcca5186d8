//! What is due, for people and for other programs.

use serde_json::{Value, json};

use crate::commands::annotation::annotation;
use crate::commands::changes::code;
use crate::commands::whole::ALL;
use crate::workspace::{ValueLife, ValueState};

/// Our own format: all values.
pub(super) fn json(values: &[ValueLife]) -> Value {
    let value = |value: &ValueLife| {
        json!({
            "file": value.file, "key": value.key, "owner": value.owner, "state": value.state.name(),
            "due": value.due.map(|day| day.to_string()), "since": value.since.to_string(),
            "former_readers": value.former_readers,
        })
    };
    json!({ "version": 1, "values": values.iter().map(value).collect::<Vec<_>>() })
}

/// A line for people, who call the file so.
pub(super) fn row(value: &ValueLife, file: String) -> [String; 5] {
    let owner = value.owner.as_ref().map(|owner| format!("owner {owner}")).unwrap_or_default();
    [value.state.name().to_owned(), file, name(value).to_owned(), why(value), owner]
}

/// A table.
pub(super) fn markdown(values: &[&ValueLife]) -> String {
    if values.is_empty() {
        return "Nothing is due.\n".to_owned();
    }
    let mut text = "| state | file | key | why | owner |\n|---|---|---|---|---|\n".to_owned();
    for value in values {
        let owner = value.owner.as_deref().map(code).unwrap_or_default();
        let key = value.key.as_deref().map_or_else(|| ALL.to_owned(), code);
        let why = match value.state {
            ValueState::Exposed => {
                format!("known to {}", value.known_to(code).join(", "))
            }
            _ => days(value),
        };
        text.push_str(&format!("| {} | {} | {key} | {why} | {owner} |\n", value.state.name(), code(&value.file)));
    }
    text
}

/// Workflow commands of GitHub, a line each.
pub(super) fn github(values: &[&ValueLife]) -> Vec<String> {
    let line = |value: &&ValueLife| {
        let level = if value.state.is_urgent() { "error" } else { "warning" };
        let owner = value.owner.as_ref().map(|owner| format!(" (owner {owner})")).unwrap_or_default();
        let text = format!("{}: {} is {}: {}{owner}", value.file, name(value), value.state.name(), why(value));
        annotation(level, &value.file, value.line, value.state.name(), &text)
    };
    values.iter().map(line).collect()
}

/// Names a value within its file.
pub(super) fn name(value: &ValueLife) -> &str {
    value.key.as_deref().unwrap_or(ALL)
}

/// Says why it is listed.
pub(super) fn why(value: &ValueLife) -> String {
    match value.state {
        ValueState::Exposed => {
            format!("known to {}", value.known_to(str::to_owned).join(", "))
        }
        _ => days(value),
    }
}

fn days(value: &ValueLife) -> String {
    let since = value.since;
    value.due.map_or_else(|| format!("since {since}"), |due| format!("due {due}, set {since}"))
}
