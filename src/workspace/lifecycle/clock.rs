//! What one header says of the life of its values: `verify`, `due`, `status` and `offboard` ask here and nowhere else.

use jiff::civil::Date;

use super::ValueState;
use crate::envelope::native::{Exposure, Header};
use crate::policy::Period;

/// What is demanded of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'h> {
    /// Who answers for it.
    pub owner: Option<&'h str>,
    /// How often it is replaced.
    pub rotate_every: Option<Period>,
    /// The day by which it must have been replaced.
    pub rotation_due: Option<Date>,
}

/// The header of a file on a day.
pub struct Clock<'h> {
    header: &'h Header,
    period: Option<Period>,
    today: Date,
}

impl<'h> Clock<'h> {
    /// Reads what the header demands.
    pub fn new(header: &'h Header, today: Date) -> Self {
        Self { header, period: period(header.metadata.rotate_every.as_deref()), today }
    }

    /// Returns the fields whose text is no period, with that.
    pub fn malformed_periods(&self) -> Vec<(String, &'h str)> {
        let metadata = &self.header.metadata;
        let of_values =
            metadata.values.iter().map(|(key, said)| (format!("values.{key}.rotate_every"), &said.rotate_every));
        let all = std::iter::once(("rotate_every".to_owned(), &metadata.rotate_every)).chain(of_values);
        let texts = all.filter_map(|(field, text)| Some((field, text.as_deref()?)));
        texts.filter(|(_, text)| text.parse::<Period>().is_err()).collect()
    }

    /// Tells whether something is said of single values, so that their keys need to be known.
    pub fn knows_values(&self) -> bool {
        !self.header.metadata.values.is_empty()
    }

    /// Returns what is demanded of a value: the one place where that is decided. What is not said of the value itself, by
    /// its key path in written form, is as for the file.
    pub fn terms(&self, key: Option<&str>) -> Terms<'h> {
        let metadata = &self.header.metadata;
        let said = key.and_then(|key| metadata.values.get(key));
        Terms {
            owner: said.and_then(|said| said.owner.as_deref()).or(metadata.owner.as_deref()),
            rotate_every: said.and_then(|said| period(said.rotate_every.as_deref())).or(self.period),
            rotation_due: said.and_then(|said| said.rotation_due).or(metadata.rotation_due),
        }
    }

    /// Returns the last day on which a value that was last replaced on `since` may stand there.
    ///
    /// A day that somebody set is for the values of that time: what was replaced after it is not due by it.
    pub fn due(&self, key: Option<&str>, since: Date) -> Option<Date> {
        let Terms { rotate_every, rotation_due, .. } = self.terms(key);
        let by_day = rotation_due.filter(|due| since <= *due);
        by_day.into_iter().chain(rotate_every.map(|period| period.due(since))).min()
    }

    /// Tells whether that day is past.
    pub fn is_overdue(&self, due: Date) -> bool {
        due < self.today
    }

    /// Returns the former readers who know a value of this generation, in the order of the header.
    pub fn former_readers(&self, generation: u32) -> impl Iterator<Item = &'h Exposure> {
        self.header.exposed.iter().filter(move |exposure| generation <= exposure.generation)
    }

    /// Tells what has to be done about a value.
    pub fn state(&self, key: Option<&str>, since: Date, generation: u32, soon: Period) -> ValueState {
        let due = self.due(key, since);
        match due {
            _ if self.former_readers(generation).next().is_some() => ValueState::Exposed,
            Some(due) if self.is_overdue(due) => ValueState::Overdue,
            Some(due) if due <= soon.due(self.today) => ValueState::DueSoon,
            _ => ValueState::UpToDate,
        }
    }
}

/// Reads a period; a text that is none demands nothing, which `verify` reports.
fn period(text: Option<&str>) -> Option<Period> {
    text.and_then(|text| text.parse().ok())
}
