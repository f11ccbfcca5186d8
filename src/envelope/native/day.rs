//! UTC days in their only spelling, `YYYY-MM-DD`.

use jiff::civil::Date;

/// Reads a day; other spellings of ISO 8601 are none.
pub fn parse(text: &str) -> Option<Date> {
    let day: Date = text.parse().ok()?;
    (day.to_string() == text).then_some(day)
}
