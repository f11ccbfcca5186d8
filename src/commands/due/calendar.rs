//! A calendar of what is due (iCalendar, RFC 5545).

use jiff::civil::Date;

use super::formats::{name, why};
use crate::ui::one_line;
use crate::workspace::{ValueLife, ValueState};

/// Returns a calendar: an event of a whole day for each value that has a day, or is exposed.
///
/// An event keeps its name over the life of the value, so that a calendar that is read again changes it.
pub(super) fn calendar(values: &[ValueLife], today: Date) -> String {
    let mut lines = Lines::default();
    for (property, value) in
        [("BEGIN", "VCALENDAR"), ("VERSION", "2.0"), ("PRODID", "-//secret//secret due//EN"), ("CALSCALE", "GREGORIAN")]
    {
        lines.push(property, value);
    }
    for value in values {
        // What a former reader knows has been due since he left.
        let day = match value.state {
            ValueState::Exposed => value.exposed_since.or(value.due),
            _ => value.due,
        };
        let Some(day) = day else { continue };
        lines.push("BEGIN", "VEVENT");
        lines.push("UID", &format!("{}-{}@secret", value.file_id, value.id));
        lines.push("DTSTAMP", &format!("{}T000000Z", digits(today)));
        lines.push("DTSTART;VALUE=DATE", &digits(day));
        lines.push("SUMMARY", &text(&format!("replace {} in {}", name(value), value.file)));
        let owner = value.owner.as_ref().map(|owner| format!(", owner {owner}")).unwrap_or_default();
        lines.push("DESCRIPTION", &text(&format!("{}: {}{owner}", value.state.name(), why(value))));
        lines.push("CATEGORIES", &text(value.state.name()));
        // It blocks nobody's day.
        lines.push("TRANSP", "TRANSPARENT");
        lines.push("END", "VEVENT");
    }
    lines.push("END", "VCALENDAR");
    lines.text
}

/// Spells a day as a calendar does (RFC 5545 section 3.3.4).
fn digits(day: Date) -> String {
    day.to_string().replace('-', "")
}

/// Spells a text (RFC 5545 section 3.3.11); what is not plainly visible is spelled out before.
fn text(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        if matches!(character, '\\' | ';' | ',') {
            spelled.push('\\');
        }
        spelled.push(character);
    }
    spelled
}

/// Lines of a calendar.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    /// Appends a line, folded where it is longer than a line may be (RFC 5545 section 3.1), between characters.
    fn push(&mut self, property: &str, value: &str) {
        let mut length = 0;
        for character in property.chars().chain([':']).chain(value.chars()) {
            if length + character.len_utf8() > MAX_LINE {
                self.text.push_str("\r\n ");
                length = 1;
            }
            self.text.push(character);
            length += character.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

/// In octets, without the line end.
const MAX_LINE: usize = 75;

#[cfg(test)]
mod tests {
    use super::{Lines, text};

    #[test]
    fn a_long_line_is_folded_between_characters() {
        let mut lines = Lines::default();
        lines.push("SUMMARY", &"\u{e4}".repeat(100));
        let folded: Vec<&str> = lines.text.split_terminator("\r\n").collect();
        assert!(folded.iter().all(|line| line.len() <= 75) && folded.len() == 3, "{folded:?}");
        assert!(folded[1..].iter().all(|line| line.starts_with(' ')));
        assert_eq!(lines.text.replace("\r\n ", ""), format!("SUMMARY:{}\r\n", "\u{e4}".repeat(100)));
    }

    #[test]
    fn a_name_cannot_end_its_line() {
        assert_eq!(text("a;b,c\\d\r\nEND:VEVENT"), "a\\;b\\,c\\\\d\\\\u{d}\\\\u{a}END:VEVENT");
    }
}
