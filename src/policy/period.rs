//! How often a value is replaced: `90d`, `12w`, `6mo`, `1y`.

use std::fmt;
use std::str::FromStr;

use jiff::Span;
use jiff::civil::Date;

/// A number of days, weeks, months or years; prints as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    count: u16,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Days,
    Months,
    Weeks,
    Years,
}

/// A text that is no period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a period; write for example 90d, 12w, 6mo or 1y")]
pub struct PeriodError;

impl Period {
    /// Returns a period of some days.
    pub const fn days(count: u16) -> Self {
        Self { count, unit: Unit::Days }
    }

    /// Returns the day on which the period that begins on `day` ends.
    ///
    /// A month ends on its last day where the calendar has no such day (January 31 and one month: February 28).
    #[must_use]
    pub fn due(self, day: Date) -> Date {
        let count = i64::from(self.count);
        day.saturating_add(match self.unit {
            Unit::Days => Span::new().days(count),
            Unit::Months => Span::new().months(count),
            Unit::Weeks => Span::new().weeks(count),
            Unit::Years => Span::new().years(count),
        })
    }
}

impl Unit {
    const ALL: [Self; 4] = [Self::Days, Self::Weeks, Self::Months, Self::Years];

    fn name(self) -> &'static str {
        match self {
            Self::Days => "d",
            Self::Months => "mo",
            Self::Weeks => "w",
            Self::Years => "y",
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.count, self.unit.name())
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    /// Reads one to four digits without a leading zero, and a unit behind them.
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or(PeriodError)?);
        let unit = Unit::ALL.into_iter().find(|known| known.name() == unit).ok_or(PeriodError)?;
        if digits.len() > 4 || digits.starts_with('0') {
            return Err(PeriodError);
        }
        Ok(Self { count: digits.parse().map_err(|_| PeriodError)?, unit })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};
    use proptest::prelude::proptest;

    use super::{Period, PeriodError};

    fn due(period: &str, day: Date) -> Date {
        period.parse::<Period>().expect(period).due(day)
    }

    #[test]
    fn the_calendar_decides_how_long_a_period_is() {
        assert_eq!(due("90d", date(2026, 11, 22)), date(2027, 2, 20));
        assert_eq!(due("12w", date(2026, 11, 22)), date(2027, 2, 14));
        assert_eq!(due("1mo", date(2026, 1, 31)), date(2026, 2, 28));
        assert_eq!(due("6mo", date(2026, 8, 31)), date(2027, 2, 28));
        assert_eq!(due("1y", date(2028, 2, 29)), date(2029, 2, 28));
        assert_eq!(due("9999y", date(2026, 1, 1)), Date::MAX);
    }

    #[test]
    fn there_is_one_spelling() {
        for text in
            ["", "d", "90", "090d", "0d", "10000d", "1m", "90 d", "90D", "-1d", "+1d", "1.5y", "90d ", "٣d", "é"]
        {
            assert_eq!(text.parse::<Period>(), Err(PeriodError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_prints_the_same(text in "[0-9]{0,5}(d|w|mo|y|m)?") {
            if let Ok(period) = text.parse::<Period>() {
                assert_eq!(period.to_string(), text);
                assert!(period.due(date(2026, 11, 22)) > date(2026, 11, 22));
            }
        }
    }
}
