//! UTC days in their only spelling, `YYYY-MM-DD`.

use jiff::civil::Date;

/// Reads a day; other spellings of ISO 8601 are none.
pub fn parse(text: &str) -> Option<Date> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
    };
    let small = |digits: &[u8]| number(digits).and_then(|number| i8::try_from(number).ok());
    Date::new(number(&[y1, y2, y3, y4])?, small(&[m1, m2])?, small(&[d1, d2])?).ok()
}

/// Returns the spelling of a day. Each token has one: the general printer would take a large part of the time.
pub fn print(day: Date) -> [u8; 10] {
    let digit = |number: u16| b'0' + u8::try_from(number % 10).expect("a digit is below 10");
    // No clock goes back to before the year 0.
    let year = day.year().unsigned_abs();
    let [month, day] = [day.month(), day.day()].map(|number| u16::from(number.unsigned_abs()));
    [
        digit(year / 1000),
        digit(year / 100),
        digit(year / 10),
        digit(year),
        b'-',
        digit(month / 10),
        digit(month),
        b'-',
        digit(day / 10),
        digit(day),
    ]
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Date, date};

    use super::{parse, print};

    #[test]
    fn a_day_is_read_and_printed_as_everywhere() {
        let mut day = date(0, 1, 1);
        while day < date(9998, 1, 1) {
            let text = day.to_string();
            assert_eq!(parse(&text), Some(day));
            assert_eq!(print(day), text.as_bytes());
            day = day.saturating_add(jiff::Span::new().days(37));
        }
    }

    #[test]
    fn other_spellings_are_none() {
        for text in [
            "",
            "2026-11-31",
            "2026-02-29",
            "20261122",
            "2026-1-22",
            "2026-11-22 ",
            "+026-11-22",
            "2026-11-2a",
            "-000001-01-01",
            "2026-00-10",
            "2026-10-00",
            "2026-13-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
            let is_day = text.parse::<Date>().is_ok_and(|day| day.to_string() == text && day.year() >= 0);
            assert!(!is_day, "{text}");
        }
    }
}
