//! The report as a page for a browser: what a person would rather look at than read.

use super::attention::{Attention, Sort, attention};
use super::formats;
use super::page_calendar::calendar;
use super::page_history::history;
use super::page_matrix::matrix;
use crate::commands::whole::ALL;
use crate::ui::count;
use crate::ui::html::{self, Html};
use crate::workspace::{FileState, FileStatus, ReaderHistory, Status, ValueCounts, ValueLife, ValueState};

/// Returns the page.
pub(super) fn page(status: &Status, readers: Option<&ReaderHistory>) -> String {
    let found = attention(status);
    html::page(&format!("Secrets of {}", status.name), STYLE, |body| {
        body.element("header", &[("class", "top")], |header| {
            header.words("p", &[("class", "kicker")], "secret status");
            header.words("h1", &[], &status.name);
            header.element("p", &[("class", "lead")], |lead| {
                lead.text(&verdict(status));
            });
            header.element("nav", &[("aria-label", "Sections")], |nav| {
                for (id, title) in SECTIONS {
                    nav.link_to(id, title);
                }
            });
        });
        body.element("main", &[], |main| {
            figures(main, status);
            section(main, "attention", |main| needs_attention(main, &found));
            section(main, "calendar", |main| calendar(main, status));
            section(main, "access", |main| matrix(main, status));
            section(main, "exposed", |main| exposed(main, status));
            section(main, "readers", |main| history(main, status, readers));
            section(main, "owners", |main| owners(main, status));
            section(main, "files", |main| files(main, status));
        });
        body.element("footer", &[], |footer| {
            footer.element("p", &[], |p| {
                p.text(&format!(
                    "As of {}. Told from what policy, files and commits say of themselves, without any key; that they \
                     are authentic only an identity can tell. No value is in this page.",
                    status.today
                ));
            });
        });
    })
}

/// The sections, with their titles.
const SECTIONS: [(&str, &str); 7] = [
    ("attention", "Needs attention"),
    ("calendar", "Due calendar"),
    ("access", "Access"),
    ("exposed", "Exposed values"),
    ("readers", "History of readers"),
    ("owners", "Owners"),
    ("files", "Files"),
];

fn section(main: &mut Html, id: &'static str, content: impl FnOnce(&mut Html)) {
    let title = SECTIONS.iter().find(|(section, _)| *section == id).map_or("", |(_, title)| title);
    main.element("section", &[("id", id)], |section| {
        section.words("h2", &[], title);
        content(section);
    });
}

/// Says in a sentence how it stands.
fn verdict(status: &Status) -> String {
    let all = format!(
        "{} in {}, read by {}",
        count(ValueCounts::of(&status.values).sealed, "value"),
        count(status.files.len(), "file"),
        count(status.members.len(), "member")
    );
    let is_urgent =
        |file: &&FileStatus| file.state != FileState::InLine || file.values.exposed + file.values.overdue > 0;
    match status.files.iter().filter(is_urgent).count() {
        0 if !status.expired.is_empty() => {
            format!("{all}. The time of {} is over.", count(status.expired.len(), "member"))
        }
        0 => format!("{all}. Nothing has to be done now."),
        1 => format!("{all}. One file needs attention."),
        count => format!("{all}. {count} files need attention."),
    }
}

/// The numbers at the top.
fn figures(main: &mut Html, status: &Status) {
    let counts = ValueCounts::of(&status.values);
    let in_state = |state| status.files_in(state);
    let figures: [(usize, &str, &'static str); 7] = [
        (in_state(FileState::InLine), "files in line", "good"),
        (in_state(FileState::Drift), "files drift", "warn"),
        (in_state(FileState::Plaintext), "files in plaintext", "bad"),
        (in_state(FileState::Broken), "files broken", "bad"),
        (counts.exposed, "values exposed", "bad"),
        (counts.overdue, "values overdue", "bad"),
        (counts.due_soon, "values due soon", "warn"),
    ];
    main.element("dl", &[("class", "figures")], |list| {
        for (count, label, class) in figures {
            let class = if count == 0 { "none" } else { class };
            list.element("div", &[("class", class)], |figure| {
                figure.words("dt", &[], label);
                figure.words("dd", &[], &count.to_string());
            });
        }
    });
    shares(main, status);
}

/// The files by state as one bar; the same is said in the numbers.
fn shares(main: &mut Html, status: &Status) {
    let total = status.files.len();
    if total == 0 {
        return;
    }
    main.element(
        "svg",
        &[("class", "shares"), ("viewBox", "0 0 1000 10"), ("preserveAspectRatio", "none"), ("aria-hidden", "true")],
        |svg| {
            let mut start = 0;
            for (state, class) in [
                (FileState::InLine, "good"),
                (FileState::Drift, "warn"),
                (FileState::Plaintext, "bad"),
                (FileState::Broken, "worse"),
            ] {
                let end = start + status.files_in(state);
                let (x, width) = (start * 1000 / total, (end - start) * 1000 / total);
                start = end;
                if width > 0 {
                    let (x, width) = (x.to_string(), width.saturating_sub(2).max(2).to_string());
                    svg.element(
                        "rect",
                        &[("class", class), ("x", &x), ("y", "0"), ("width", &width), ("height", "10")],
                        |_| {},
                    );
                }
            }
        },
    );
}

fn needs_attention(main: &mut Html, found: &[Attention]) {
    if found.is_empty() {
        return nothing(main, "Nothing. All files are encrypted as the policy says, and no value is due.");
    }
    scroll(main, "What needs attention", |scroll| {
        scroll.element("table", &[("class", "list")], |table| {
            head(table, &["State", "Where", "What is so", "Owner"]);
            table.element("tbody", &[], |body| {
                for one in found {
                    body.element("tr", &[], |row| {
                        row.element("td", &[], |cell| pill(cell, one.sort.name()));
                        row.element("th", &[("scope", "row"), ("class", "path")], |cell| cell.path(&one.place));
                        row.words("td", &[("class", "wide")], &one.what);
                        row.words("td", &[], one.owner.as_deref().unwrap_or(DASH));
                    });
                }
            });
        });
    });
    main.element("ul", &[("class", "remedies")], |list| {
        for sort in Sort::ALL.iter().filter(|sort| found.iter().any(|one| one.sort == **sort)) {
            list.element("li", &[], |item| {
                pill(item, sort.name());
                item.text(" ");
                for (index, part) in sort.remedy().split('`').enumerate() {
                    if index % 2 == 1 { item.words("code", &[], part) } else { item.text(part) }
                }
            });
        }
    });
}

fn exposed(main: &mut Html, status: &Status) {
    let values: Vec<_> = status.values.iter().filter(|value| value.state == ValueState::Exposed).collect();
    if values.is_empty() {
        return nothing(main, "No former reader knows a value that still holds.");
    }
    main.words(
        "p",
        &[("class", "note")],
        "Each of these stays exposed until the value itself has changed. Old values stay readable in git's history.",
    );
    scroll(main, "Exposed values", |scroll| {
        scroll.element("table", &[("class", "list")], |table| {
            head(table, &["File", "Values", "Known to", "Since", "Owner"]);
            table.element("tbody", &[], |body| {
                for values in values.chunk_by(|one, other| is_told_alike(one, other)) {
                    let first = values[0];
                    body.element("tr", &[], |row| {
                        row.element("th", &[("scope", "row"), ("class", "path")], |cell| cell.path(&first.file));
                        row.element("td", &[("class", "keys")], |cell| {
                            for value in values {
                                cell.words("code", &[], value.key.as_deref().unwrap_or(ALL));
                                cell.text(" ");
                            }
                        });
                        row.words("td", &[], &first.known_to(str::to_owned).join(", "));
                        let since = first.exposed_since.map_or_else(|| DASH.to_owned(), |day| day.to_string());
                        row.words("td", &[("class", "day")], &since);
                        row.words("td", &[], first.owner.as_deref().unwrap_or(DASH));
                    });
                }
            });
        });
    });
}

/// Tells whether two exposed values have one line.
fn is_told_alike(one: &ValueLife, other: &ValueLife) -> bool {
    (&one.file, &one.former_readers, one.exposed_since, &one.owner)
        == (&other.file, &other.former_readers, other.exposed_since, &other.owner)
}

fn owners(main: &mut Html, status: &Status) {
    let owners = formats::owners(status);
    let without = status.files.iter().filter(|file| file.owner.is_none()).count();
    if owners.is_empty() {
        return nothing(main, "No file names its owner; `secret meta FILE --owner NAME` says who answers for one.");
    }
    scroll(main, "Owners", |scroll| {
        scroll.element("table", &[("class", "list")], |table| {
            head(table, &["Owner", "Files", "Sealed values", "Exposed", "Overdue", "Due soon"]);
            table.element("tbody", &[], |body| {
                for (owner, owned) in owners {
                    let ValueCounts { sealed, exposed, overdue, due_soon, .. } =
                        ValueCounts::of(owned.values.iter().copied());
                    let counts = [owned.files.len(), sealed, exposed, overdue, due_soon];
                    body.element("tr", &[], |row| {
                        row.words("th", &[("scope", "row")], owner);
                        for (index, count) in counts.into_iter().enumerate() {
                            let class = match (index, count) {
                                (_, 0) => "number zero",
                                (2 | 3, _) => "number bad",
                                (4, _) => "number warn",
                                _ => "number",
                            };
                            row.words("td", &[("class", class)], &count.to_string());
                        }
                    });
                }
            });
        });
    });
    if without > 0 {
        main.words("p", &[("class", "note")], &format!("{} without an owner.", count(without, "file")));
    }
}

fn files(main: &mut Html, status: &Status) {
    if status.files.is_empty() {
        return nothing(main, "No file is governed by a rule of the policy.");
    }
    scroll(main, "Files", |scroll| {
        scroll.element("table", &[("class", "list")], |table| {
            head(table, &["State", "File", "Owner", "Readers", "Values", "Next due", "Last change"]);
            table.element("tbody", &[], |body| {
                for file in &status.files {
                    let [state, _, owner, readers, values, due, change] =
                        formats::cells(file).map(|text| if text == formats::NONE { DASH.to_owned() } else { text });
                    body.element("tr", &[], |row| {
                        row.element("td", &[], |cell| pill(cell, &state));
                        row.element("th", &[("scope", "row"), ("class", "path")], |cell| {
                            cell.path(&file.file);
                            if let Some(purpose) = &file.purpose {
                                cell.words("span", &[("class", "purpose")], purpose);
                            }
                        });
                        row.words("td", &[], &owner);
                        row.words("td", &[("class", "wide")], &readers);
                        row.words("td", &[], &values);
                        row.words("td", &[("class", "day")], &due);
                        row.words("td", &[("class", "day")], &change);
                    });
                }
            });
        });
    });
}

/// Writes the head of a table.
pub(super) fn head(table: &mut Html, titles: &[&str]) {
    table.element("thead", &[], |head| {
        head.element("tr", &[], |row| {
            for title in titles {
                let is_number = NUMBERS.contains(title);
                let class = if is_number { "number" } else { "text" };
                row.words("th", &[("scope", "col"), ("class", class)], title);
            }
        });
    });
}

/// Writes a box in which what is wide scrolls by itself; a keyboard can scroll it too.
pub(super) fn scroll(main: &mut Html, label: &str, content: impl FnOnce(&mut Html)) {
    main.element("div", &[("class", "scroll"), ("tabindex", "0"), ("role", "region"), ("aria-label", label)], content);
}

/// Writes a state as a word with a mark, which is not told by its colour alone.
pub(super) fn pill(cell: &mut Html, word: &str) {
    let (class, mark) = match word {
        "broken" => ("pill worse", "✕"),
        "plaintext" => ("pill bad", "◆"),
        "exposed" => ("pill bad", "◉"),
        "overdue" => ("pill bad", "▲"),
        "expired" => ("pill bad", "⧗"),
        "drift" => ("pill warn", "≠"),
        "due soon" => ("pill warn", "◔"),
        "former" => ("pill bad", "○"),
        "in-line" => ("pill good", "✓"),
        _ => ("pill plain", "•"),
    };
    cell.element("span", &[("class", class)], |pill| {
        pill.words("span", &[("aria-hidden", "true")], mark);
        pill.text(" ");
        pill.text(word);
    });
}

/// Says that there is nothing to show.
pub(super) fn nothing(main: &mut Html, text: &str) {
    main.words("p", &[("class", "nothing")], text);
}

pub(super) const DASH: &str = "–";
const NUMBERS: [&str; 5] = ["Files", "Sealed values", "Exposed", "Overdue", "Due soon"];
const STYLE: &str = include_str!("page.css");
