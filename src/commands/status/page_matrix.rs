//! Who reads what: members beside each other, files below each other; by folders where there are many.

use std::collections::BTreeMap;

use super::page::{nothing, pill, scroll};
use crate::ui::html::Html;
use crate::workspace::{FileState, FileStatus, Status};

/// What a member has of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    None,
    /// The policy lets them in, the file not yet.
    Pending,
    Reads,
    /// The file lets them in, the policy no longer.
    Surplus,
}

/// Writes the table.
pub(super) fn matrix(main: &mut Html, status: &Status) {
    if status.files.is_empty() || status.members.is_empty() {
        return nothing(main, "There is nothing to read, or nobody to read it.");
    }
    let by_folder = folders(status);
    let is_summed = status.files.len() > MAX_ROWS;
    legend(main, is_summed);
    scroll(main, "Who reads what", |scroll| {
        let class = if status.members.len() > MAX_FLAT { "matrix steep" } else { "matrix" };
        scroll.element("table", &[("class", class)], |table| {
            members(table, status, is_summed);
            for (folder, files) in &by_folder {
                table.element("tbody", &[], |body| {
                    if is_summed {
                        summed(body, status, folder, files);
                        return;
                    }
                    body.element("tr", &[("class", "group")], |row| {
                        let columns = (status.members.len() + 1).to_string();
                        row.element("th", &[("scope", "rowgroup"), ("colspan", &columns)], |cell| {
                            cell.element("span", &[("class", "sticky")], |cell| cell.path(folder));
                        });
                    });
                    for file in files {
                        row_of(body, status, file);
                    }
                });
            }
        });
    });
}

fn members(table: &mut Html, status: &Status, is_summed: bool) {
    table.element("thead", &[], |head| {
        head.element("tr", &[], |row| {
            row.words("th", &[("scope", "col"), ("class", "corner")], if is_summed { "Folder" } else { "File" });
            for (name, kind) in &status.members {
                row.element("th", &[("scope", "col")], |cell| {
                    cell.element("span", &[("class", "member")], |cell| {
                        cell.words("span", &[("class", "name")], name);
                        let kind = kind.map_or("not a member", |kind| kind.name());
                        if kind != "person" {
                            cell.text(" ");
                            cell.words("small", &[], kind);
                        }
                    });
                });
            }
        });
    });
}

fn row_of(body: &mut Html, status: &Status, file: &FileStatus) {
    body.element("tr", &[], |row| {
        let name = file.file.rsplit('/').next().unwrap_or(&file.file);
        row.words("th", &[("scope", "row")], name);
        if file.state == FileState::Plaintext || is_unread(file) {
            let columns = status.members.len().to_string();
            row.element("td", &[("colspan", &columns), ("class", "whole")], |cell| {
                let (word, text) = match file.state {
                    FileState::Plaintext => ("plaintext", " read by everybody who has the repository"),
                    _ => ("broken", " nobody can tell who reads it"),
                };
                pill(cell, word);
                cell.text(text);
            });
            return;
        }
        for member in status.members.keys() {
            let (class, mark, word) = match access(file, member) {
                Access::None => ("no", "·", "no"),
                Access::Pending => ("pending", "+", "not yet"),
                Access::Reads => ("reads", "●", "reads"),
                Access::Surplus => ("surplus", "!", "still"),
            };
            row.element("td", &[("class", class)], |cell| {
                cell.words("span", &[("aria-hidden", "true")], mark);
                cell.words("span", &[("class", "spoken")], word);
            });
        }
    });
}

fn summed(body: &mut Html, status: &Status, folder: &str, files: &[&FileStatus]) {
    body.element("tr", &[], |row| {
        row.element("th", &[("scope", "row"), ("class", "path")], |cell| cell.path(folder));
        for member in status.members.keys() {
            let count = |wanted| files.iter().filter(|file| access(file, member) == wanted).count();
            let (reads, surplus, pending) = (count(Access::Reads), count(Access::Surplus), count(Access::Pending));
            let class = match (reads + surplus, surplus + pending) {
                (_, 1..) => "surplus",
                (0, _) => "no",
                (all, _) if all == files.len() => "reads",
                _ => "some",
            };
            row.element("td", &[("class", class)], |cell| {
                if class == "no" {
                    cell.words("span", &[("aria-hidden", "true")], "·");
                    cell.words("span", &[("class", "spoken")], "none");
                    return;
                }
                cell.text(&format!("{}/{}", reads + surplus, files.len()));
                if surplus > 0 {
                    cell.words("small", &[], &format!(" !{surplus}"));
                }
                if pending > 0 {
                    cell.words("small", &[], &format!(" +{pending}"));
                }
            });
        }
    });
}

fn legend(main: &mut Html, is_summed: bool) {
    let marks: &[(&'static str, &str, &str)] = if is_summed {
        &[
            ("reads", "n/n", "reads all files of the folder"),
            ("some", "n/m", "reads some"),
            ("surplus", "!n", "reads n though the policy no longer says so"),
            ("surplus", "+n", "is to read n and cannot yet"),
        ]
    } else {
        &[
            ("reads", "●", "reads"),
            ("pending", "+", "not yet: the policy says so, the file does not"),
            ("surplus", "!", "still: the file says so, the policy no longer does"),
        ]
    };
    main.element("ul", &[("class", "legend")], |list| {
        for (class, mark, text) in marks {
            list.element("li", &[], |item| {
                item.words("span", &[("class", class), ("aria-hidden", "true")], mark);
                item.text(" ");
                item.text(text);
            });
        }
    });
}

fn access(file: &FileStatus, member: &str) -> Access {
    let is_named = |names: &[String]| names.iter().any(|name| name == member);
    if file.state == FileState::Plaintext || is_unread(file) {
        return Access::None;
    }
    match (is_named(&file.readers), is_named(&file.granted)) {
        (false, false) => Access::None,
        (false, true) => Access::Pending,
        (true, false) => Access::Surplus,
        (true, true) => Access::Reads,
    }
}

/// Tells whether not even the header can be read.
fn is_unread(file: &FileStatus) -> bool {
    file.state == FileState::Broken && file.readers.is_empty()
}

/// Returns the files by folder.
fn folders(status: &Status) -> BTreeMap<&str, Vec<&FileStatus>> {
    let mut folders: BTreeMap<&str, Vec<&FileStatus>> = BTreeMap::new();
    for file in &status.files {
        let folder = file.file.rsplit_once('/').map_or("./", |(folder, _)| &file.file[..=folder.len()]);
        folders.entry(folder).or_default().push(file);
    }
    folders
}

/// How many files have a row each.
const MAX_ROWS: usize = 80;
/// How many members' names stand beside each other.
const MAX_FLAT: usize = 8;
