//! What needs attention, the worst first: the part of a report that somebody acts upon.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::ui::count;
use crate::workspace::{FileState, FileStatus, Status, ValueState};

/// Something that has to be done about a file, about several of a folder, or about a member.
pub(super) struct Attention {
    /// How bad it is.
    pub(super) sort: Sort,
    /// The file, the folder or the member.
    pub(super) place: String,
    /// What is so.
    pub(super) what: String,
    /// Who answers for all of them.
    pub(super) owner: Option<String>,
}

/// What is so with one file.
struct Found<'s> {
    sort: Sort,
    file: &'s FileStatus,
    /// How many values it is about.
    values: usize,
    /// Who answers for all of them, or for the file.
    owner: Option<String>,
    /// What is so, without numbers.
    detail: String,
    /// The first of its days, and how that is told.
    day: Option<(&'static str, Date)>,
}

/// What can be wrong, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sort {
    Broken,
    Plaintext,
    Exposed,
    Overdue,
    Expired,
    Drift,
    DueSoon,
}

impl Sort {
    /// All of them, the worst first.
    pub(super) const ALL: [Self; 7] =
        [Self::Broken, Self::Plaintext, Self::Exposed, Self::Overdue, Self::Expired, Self::Drift, Self::DueSoon];

    /// Returns the word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Drift => "drift",
            Self::DueSoon => "due soon",
            Self::Expired => "expired",
            Self::Exposed => "exposed",
            Self::Overdue => "overdue",
            Self::Plaintext => "plaintext",
        }
    }

    /// Says what to do about it.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Broken => "`secret verify FILE` says more",
            Self::Drift => "`secret rekey` brings files in line with the policy",
            Self::DueSoon | Self::Exposed | Self::Overdue => {
                "replace each value where it is used, then `secret rotate FILE KEY`"
            }
            Self::Expired => "`secret member remove NAME` ends it; `secret member expires NAME DAY` gives another day",
            Self::Plaintext => "`secret encrypt FILE`, and replace what was committed in clear",
        }
    }
}

/// Returns all of it; what is so with many files of a folder is told once.
pub(super) fn attention(status: &Status) -> Vec<Attention> {
    let mut groups: BTreeMap<(Sort, &str, String), Vec<Found<'_>>> = BTreeMap::new();
    for found in status.files.iter().flat_map(|file| of_file(status, file)) {
        groups.entry((found.sort, folder_of(&found.file.file), found.detail.clone())).or_default().push(found);
    }
    let mut all = expired(status);
    for ((_, folder, _), group) in groups {
        if group.len() >= MANY {
            all.push(told(format!("{folder} ({})", count(group.len(), "file")), &group));
        } else {
            all.extend(group.chunks(1).map(|one| told(one[0].file.file.clone(), one)));
        }
    }
    all.sort_by(|one, other| (one.sort, &one.place).cmp(&(other.sort, &other.place)));
    all
}

fn told(place: String, group: &[Found<'_>]) -> Attention {
    let values: usize = group.iter().map(|found| found.values).sum();
    let day = group.iter().filter_map(|found| found.day).min_by_key(|(_, day)| *day);
    let mut parts = Vec::new();
    if values > 0 {
        parts.push(count(values, "value"));
    }
    if !group[0].detail.is_empty() {
        parts.push(group[0].detail.clone());
    }
    if let Some((word, day)) = day {
        parts.push(format!("{word} {day}"));
    }
    let owner = &group[0].owner;
    let is_common = group.iter().all(|found| found.owner == *owner);
    Attention { sort: group[0].sort, place, what: parts.join(" "), owner: owner.clone().filter(|_| is_common) }
}

fn of_file<'s>(status: &'s Status, file: &'s FileStatus) -> Vec<Found<'s>> {
    let mut all = Vec::new();
    // Of values those count who answer for them, if they agree.
    let owner_of = |sort| {
        let state = match sort {
            Sort::DueSoon => ValueState::DueSoon,
            Sort::Exposed => ValueState::Exposed,
            Sort::Overdue => ValueState::Overdue,
            _ => return file.owner.clone(),
        };
        let mut owners = status.values_of(&file.file).filter(|value| value.state == state).map(|value| &value.owner);
        let first = owners.next()?;
        owners.all(|owner| owner == first).then(|| first.clone())?
    };
    let mut push =
        |sort, values, detail, day| all.push(Found { sort, file, values, owner: owner_of(sort), detail, day });
    match file.state {
        FileState::Broken => {
            let why = file.why.as_deref().unwrap_or_default();
            let why = why.strip_prefix(file.file.as_str()).and_then(|why| why.strip_prefix(": ")).unwrap_or(why);
            push(Sort::Broken, 0, why.to_owned(), None);
        }
        FileState::Drift => push(Sort::Drift, 0, drift(file), None),
        FileState::InLine => {}
        FileState::Plaintext => push(Sort::Plaintext, 0, "not encrypted".to_owned(), None),
    }
    let counts = file.values;
    let of = |state| status.values_of(&file.file).filter(move |value| value.state == state);
    let first = |word, state| of(state).filter_map(|value| value.due).min().map(|day| (word, day));
    if counts.exposed > 0 {
        let mut names: Vec<String> = of(ValueState::Exposed).flat_map(|value| value.known_to(str::to_owned)).collect();
        names.sort_unstable();
        names.dedup();
        push(Sort::Exposed, counts.exposed, format!("known to {}", names.join(", ")), None);
    }
    if counts.overdue > 0 {
        push(Sort::Overdue, counts.overdue, String::new(), first("since", ValueState::Overdue));
    }
    if counts.due_soon > 0 {
        push(Sort::DueSoon, counts.due_soon, String::new(), first("by", ValueState::DueSoon));
    }
    all
}

/// Tells of members whose time is over: a date alone takes nothing away.
fn expired(status: &Status) -> Vec<Attention> {
    let told = status.expired.iter().map(|(name, day)| {
        let reads = status.files.iter().filter(|file| file.readers.contains(name)).count();
        let still = if reads > 0 { format!(", still reads {}", count(reads, "file")) } else { String::new() };
        let what = format!("membership ended on {day}{still}");
        Attention { sort: Sort::Expired, place: name.clone(), what, owner: None }
    });
    told.collect()
}

fn folder_of(file: &str) -> &str {
    file.rfind('/').map_or("./", |slash| &file[..=slash])
}

/// Says in what a file is not as the policy says.
fn drift(file: &FileStatus) -> String {
    let mut parts = Vec::new();
    if file.rule_readers.is_empty() {
        parts.push("no rule is for it".to_owned());
    }
    let list = |names: &[String]| names.join(", ");
    if !file.drift.surplus.is_empty() {
        parts.push(format!("still read by {}", list(&file.drift.surplus)));
    }
    if !file.drift.missing.is_empty() {
        parts.push(format!("not yet read by {}", list(&file.drift.missing)));
    }
    if !file.drift.changed.is_empty() {
        let names: Vec<&str> = file.drift.changed.iter().map(|reader| reader.name.as_str()).collect();
        parts.push(format!("other keys of {}", names.join(", ")));
    }
    if parts.is_empty() {
        parts.push("the rule seals it in another way".to_owned());
    }
    parts.join("; ")
}

/// How many files of a folder are told together.
const MANY: usize = 4;
