//! Who could read what from when till when: for each reader the times, as bars and in words.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::page::{nothing, pill};
use crate::ui::count;
use crate::ui::html::Html;
use crate::workspace::{ReaderHistory, ReaderSpan, SpanEnd, Status, Unread};

/// The times that are told together: those in files of one folder that ended on one day, and in one way.
type Group<'s> = (&'s str, Option<Date>, &'static str);

/// A file, and since when; `None` for what is not committed.
type Since<'s> = (&'s str, Option<Date>);

/// Names the versions that could not be read: their headers may name more readers.
fn not_read(main: &mut Html, unread: &[Unread]) {
    let files: BTreeSet<String> = unread
        .iter()
        .map(|unread| match unread.commit {
            Some(at) => format!("{} ({})", unread.file, at.commit.short()),
            None => unread.file.clone(),
        })
        .collect();
    let shown: Vec<&str> = files.iter().take(NAMED).map(String::as_str).collect();
    let more = files.len() - shown.len();
    if !shown.is_empty() {
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("Not read, and may name more readers: {}{more}.", shown.join(", "));
        main.words("p", &[("class", "note")], &text);
    }
}

/// Writes it.
pub(super) fn history(main: &mut Html, status: &Status, readers: Option<&ReaderHistory>) {
    let Some(readers) = readers else {
        return nothing(main, "Outside of git nothing is known of the past.");
    };
    not_read(main, &readers.unread);
    let mut members: BTreeMap<&str, BTreeMap<Group<'_>, Vec<Since<'_>>>> = BTreeMap::new();
    for span in &readers.spans {
        let (till, end) = ended(span);
        let folder = span.file.rfind('/').map_or("./", |slash| &span.file[..=slash]);
        let groups = members.entry(&span.member).or_default();
        groups.entry((folder, till, end)).or_default().push((&span.file, span.from.and_then(|from| from.day())));
    }
    let first = members.values().flat_map(BTreeMap::values).flatten().filter_map(|(_, from)| *from).min();
    let Some(first) = first else { return nothing(main, "No commit has an encrypted file yet.") };
    main.words(
        "p",
        &[("class", "note")],
        &format!(
            "By the headers of all files in {}, since {first}. Who reads a file has its data key, and with it every \
             version under that key.{}",
            count(readers.commits, "commit"),
            if readers.is_cut { " The history of this clone was cut off: what was before is not in it." } else { "" }
        ),
    );
    // Who left stands first: theirs is what has to be thought of.
    let mut sorted: Vec<_> = members.into_iter().collect();
    sorted.sort_by_key(|(name, groups)| (groups.keys().any(|(_, till, _)| till.is_none()), *name));
    main.element("div", &[("class", "people")], |list| {
        for (name, groups) in sorted {
            list.element("article", &[("class", "person")], |card| {
                title(card, status, name, &groups);
                card.element("ul", &[("class", "spans")], |spans| {
                    for (group, files) in groups {
                        spans.element("li", &[("class", "span")], |item| {
                            times(item, group, &files, first, status.today);
                        });
                    }
                });
            });
        }
    });
}

fn title(card: &mut Html, status: &Status, name: &str, groups: &BTreeMap<Group<'_>, Vec<Since<'_>>>) {
    let files = |is_now: bool| {
        groups.iter().filter(|((_, till, _), _)| till.is_none() == is_now).map(|(_, files)| files.len()).sum::<usize>()
    };
    let (reads, read) = (files(true), files(false));
    card.element("h3", &[], |title| {
        title.text(name);
        title.text(" ");
        match status.members.get(name).copied().flatten() {
            _ if reads == 0 => pill(title, "former"),
            Some(kind) => pill(title, kind.name()),
            None => {}
        }
        let mut parts = Vec::new();
        if reads > 0 {
            parts.push(format!("reads {}", count(reads, "file")));
        }
        if read > 0 {
            parts.push(format!("could read {} before", count(read, "file")));
        }
        title.text(" ");
        title.words("span", &[("class", "sum")], &parts.join(", "));
    });
}

fn times(item: &mut Html, (folder, till, end): Group<'_>, files: &[Since<'_>], first: Date, today: Date) {
    let from = files.iter().filter_map(|(_, from)| *from).min();
    let since = |from: Option<Date>| from.map_or_else(|| "not committed yet".to_owned(), |day| day.to_string());
    item.element("div", &[("class", "what")], |what| match files {
        [(file, _)] => what.element("span", &[("class", "path")], |what| what.path(file)),
        files => what.element("details", &[], |details| {
            details.element("summary", &[], |summary| {
                summary.element("span", &[("class", "path")], |summary| summary.path(folder));
                summary.text(&format!(" {}", count(files.len(), "file")));
            });
            details.element("ul", &[], |list| {
                for (file, from) in files {
                    list.element("li", &[], |item| {
                        item.words("span", &[("class", "path")], file.rsplit('/').next().unwrap_or(file));
                        item.words("small", &[], &format!(" since {}", since(*from)));
                    });
                }
            });
        }),
    });
    bar(item, from, till, first, today);
    let till = till.map_or_else(|| "today".to_owned(), |day| day.to_string());
    item.element("div", &[("class", "when")], |when| {
        when.text(&format!("{} – {till}", since(from)));
        if !end.is_empty() {
            when.text(" ");
            when.words("small", &[], end);
        }
    });
}

/// Draws the time in all of the time that there is; the words say the same.
fn bar(item: &mut Html, from: Option<Date>, till: Option<Date>, first: Date, today: Date) {
    let days = |day: Date| i64::from(first.until(day).map_or(0, |span| span.get_days())).max(0);
    let all = days(today).max(1);
    let place = |day: Date| (days(day) * 1000 / all).clamp(0, 1000);
    let start = place(from.unwrap_or(today)).min(1000 - MIN_BAR);
    let width = (place(till.unwrap_or(today)) - start).max(MIN_BAR);
    let (x, width) = (start.to_string(), width.to_string());
    let class = if till.is_some() { "ended" } else { "lasts" };
    item.element(
        "svg",
        &[("class", "bar"), ("viewBox", "0 0 1000 10"), ("preserveAspectRatio", "none"), ("aria-hidden", "true")],
        |svg| {
            let track = [("class", "track"), ("x", "0"), ("y", "4"), ("width", "1000"), ("height", "2")];
            svg.element("rect", &track, |_| {});
            let time = [("class", class), ("x", x.as_str()), ("y", "0"), ("width", width.as_str()), ("height", "10")];
            svg.element("rect", &time, |_| {});
        },
    );
}

/// Returns when a time ended, and what there is to say of that.
fn ended(span: &ReaderSpan) -> (Option<Date>, &'static str) {
    match span.till {
        None => (None, ""),
        Some(SpanEnd::Commit(end)) => (end.day(), ""),
        Some(SpanEnd::Gone(last)) => (last.day(), "or later, when the file was removed"),
        // It has not happened for anybody else yet.
        Some(SpanEnd::WorkTree) => (None, "till the work tree is committed"),
    }
}

/// What can be seen of a short time.
const MIN_BAR: i64 = 12;

/// How many versions that could not be read are named.
const NAMED: usize = 20;
