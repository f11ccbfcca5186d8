//! When what is due: a leaf for each month, and before them what is past.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;

use super::page::nothing;
use crate::ui::count;
use crate::ui::html::Html;
use crate::workspace::{Status, ValueState};

/// Files with the number of their values that are due on a day.
type Days<'s> = BTreeMap<Date, BTreeMap<&'s str, usize>>;

/// Writes it.
pub(super) fn calendar(main: &mut Html, status: &Status) {
    let mut past = Days::new();
    let mut months: BTreeMap<(i16, i8), Days<'_>> = BTreeMap::new();
    let mut without = 0;
    for value in &status.values {
        let Some(due) = value.due else {
            without += 1;
            continue;
        };
        let is_past = value.state == ValueState::Overdue || due < status.today;
        let days = if is_past { &mut past } else { months.entry((due.year(), due.month())).or_default() };
        *days.entry(due).or_default().entry(&value.file).or_default() += 1;
    }
    if past.is_empty() && months.is_empty() {
        return nothing(main, "No value has a day by which it must be replaced.");
    }
    main.element("div", &[("class", "months")], |grid| {
        if !past.is_empty() {
            grid.element("article", &[("class", "month past")], |leaf| {
                leaf.words("h3", &[], "Overdue");
                entries(leaf, &past, true);
            });
        }
        for ((year, month), days) in months.iter().take(MAX_MONTHS) {
            grid.element("article", &[("class", "month")], |leaf| {
                leaf.words("h3", &[], &format!("{} {year}", name_of(*month)));
                sheet(leaf, days, status.today);
                entries(leaf, days, false);
            });
        }
    });
    let later: usize = months.values().skip(MAX_MONTHS).flat_map(BTreeMap::values).flat_map(BTreeMap::values).sum();
    let mut notes = Vec::new();
    if later > 0 {
        notes.push(format!("{} due later than these {MAX_MONTHS} months.", count(later, "value")));
    }
    if without > 0 {
        notes.push(format!("{} without any day.", count(without, "value")));
    }
    if !notes.is_empty() {
        main.words("p", &[("class", "note")], &notes.join(" "));
    }
}

/// Writes the days of a month, as they hang on walls; read out is the list below it.
fn sheet(leaf: &mut Html, days: &Days<'_>, today: Date) {
    let Some(first) = days.keys().next().map(|day| day.first_of_month()) else { return };
    leaf.element("table", &[("class", "sheet"), ("aria-hidden", "true")], |table| {
        table.element("tbody", &[], |body| {
            body.element("tr", &[], |row| {
                for day in ["M", "T", "W", "T", "F", "S", "S"] {
                    row.words("th", &[], day);
                }
            });
            let before = i64::from(first.weekday().to_monday_zero_offset());
            // `None` behind the last day that there is.
            let mut next = first.checked_sub(before.days()).ok();
            while next.is_some_and(|day| day <= first.last_of_month()) {
                body.element("tr", &[], |row| {
                    for _ in 0..7 {
                        let shown = next.filter(|day| day.month() == first.month() && day.year() == first.year());
                        let class = match shown {
                            None => "other",
                            Some(day) if days.contains_key(&day) => "due",
                            Some(day) if day == today => "today",
                            Some(_) => "day",
                        };
                        row.words(
                            "td",
                            &[("class", class)],
                            &shown.map(|day| day.day().to_string()).unwrap_or_default(),
                        );
                        next = next.and_then(|day| day.tomorrow().ok());
                    }
                });
            }
        });
    });
}

fn entries(leaf: &mut Html, days: &Days<'_>, has_year: bool) {
    let entries: Vec<(Date, &str, usize)> =
        days.iter().flat_map(|(day, files)| files.iter().map(|(file, count)| (*day, *file, *count))).collect();
    let list = |leaf: &mut Html, entries: &[(Date, &str, usize)]| {
        leaf.element("ul", &[("class", "entries")], |list| {
            for (day, file, values) in entries {
                list.element("li", &[], |item| {
                    let shown = if has_year { day.to_string() } else { day.day().to_string() };
                    item.words("time", &[("datetime", &day.to_string())], &shown);
                    item.element("span", &[("class", "path")], |item| item.path(file));
                    item.words("span", &[("class", "count")], &count(*values, "value"));
                });
            }
        });
    };
    let shown = entries.len().min(MAX_ENTRIES);
    list(leaf, &entries[..shown]);
    if entries.len() > shown {
        leaf.element("details", &[], |details| {
            details.words("summary", &[], &format!("{} more", entries.len() - shown));
            list(details, &entries[shown..]);
        });
    }
}

fn name_of(month: i8) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|month| MONTHS.get(month)).copied().unwrap_or_default()
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const MAX_MONTHS: usize = 12;
const MAX_ENTRIES: usize = 6;
