//! What one header says of the life of its values: `verify`, `due`, `status` and `offboard` ask here and nowhere else.

use jiff::civil::Date;

use super::ValueState;
use crate::envelope::native::{Exposure, Header};
use crate::policy::{Period, PeriodError};

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
    period: Option<Result<Period, PeriodError>>,
    today: Date,
}

impl<'h> Clock<'h> {
    /// Reads what the header demands.
    pub fn new(header: &'h Header, today: Date) -> Self {
        let period = header.metadata.rotate_every.as_deref().map(str::parse);
        Self { header, period, today }
    }

    /// Returns the text of a period that is none.
    pub fn malformed_period(&self) -> Option<&'h str> {
        self.header.metadata.rotate_every.as_deref().filter(|_| matches!(self.period, Some(Err(_))))
    }

    /// Returns what is demanded of a value: the one place where that is decided.
    pub fn terms(&self) -> Terms<'h> {
        let metadata = &self.header.metadata;
        Terms {
            owner: metadata.owner.as_deref(),
            rotate_every: self.period.and_then(Result::ok),
            rotation_due: metadata.rotation_due,
        }
    }

    /// Returns the last day on which a value that was last replaced on `since` may stand there.
    ///
    /// A day that somebody set is for the values of that time: what was replaced after it is not due by it.
    pub fn due(&self, since: Date) -> Option<Date> {
        let Terms { rotate_every, rotation_due, .. } = self.terms();
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
    pub fn state(&self, since: Date, generation: u32, soon: Period) -> ValueState {
        let due = self.due(since);
        match due {
            _ if self.former_readers(generation).next().is_some() => ValueState::Exposed,
            Some(due) if self.is_overdue(due) => ValueState::Overdue,
            Some(due) if due <= soon.due(self.today) => ValueState::DueSoon,
            _ => ValueState::UpToDate,
        }
    }
}
