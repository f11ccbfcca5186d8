//! Numbers of YAML, JSON and TOML in one spelling that all readers take for the same number.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::Buffer;

/// A number with a fraction, or none at all.
pub enum Float {
    /// Digits, a point, digits, and perhaps an exponent with its sign.
    Finite(Zeroizing<String>),
    /// More than any number, or less.
    Infinite {
        /// Whether it is less.
        is_negative: bool,
    },
    /// Not a number.
    NotANumber,
}

/// Spells a whole number in decimal; hexadecimal, octal and binary ones up to 128 bits. `None` for what is none.
pub fn integer(text: &str) -> Option<Zeroizing<String>> {
    let mut out = Buffer::default();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    out.push(sign);
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    if let Some((digits, radix)) =
        prefixes.iter().find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix)))
    {
        let mut digits = digits.chars().filter(|digit| *digit != '_');
        let number = digits.try_fold(0_u128, |number, digit| {
            number.checked_mul(u128::from(radix))?.checked_add(u128::from(digit.to_digit(radix)?))
        })?;
        let _ = write!(out, "{number}");
    } else {
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit() || digit == b'_') {
            return None;
        }
        let digits = digits.trim_start_matches(['0', '_']);
        out.push(if digits.is_empty() { "0" } else { "" });
        digits.split('_').for_each(|digits| out.push(digits));
    }
    Some(out.into_text())
}

/// Reads a number with a fraction. `None` for what is none, or more than a program can hold.
pub fn float(text: &str) -> Option<Float> {
    let (is_negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    match number.strip_prefix('.').unwrap_or(number).to_ascii_lowercase().as_str() {
        "inf" => return Some(Float::Infinite { is_negative }),
        "nan" => return Some(Float::NotANumber),
        _ => {}
    }
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (number, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| -> Option<Zeroizing<String>> {
        let digits: String = text.chars().filter(|character| *character != '_').collect();
        digits.bytes().all(|digit| digit.is_ascii_digit()).then_some(Zeroizing::new(digits))
    };
    let (whole, fraction) = (digits(whole)?, digits(fraction)?);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let or_zero = |digits: &str| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
    let mut out = Buffer::default();
    out.push(if is_negative { "-" } else { "" });
    out.push(&Zeroizing::new(or_zero(whole.trim_start_matches('0'))));
    out.push(".");
    out.push(&Zeroizing::new(or_zero(&fraction)));
    if let Some(exponent) = exponent {
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ("-", exponent),
            None => ("+", exponent.strip_prefix('+').unwrap_or(exponent)),
        };
        let exponent = digits(exponent).filter(|digits| !digits.is_empty())?;
        out.push("e");
        out.push(sign);
        out.push(&exponent);
    }
    let spelled = out.into_text();
    spelled.parse::<f64>().is_ok_and(f64::is_finite).then_some(Float::Finite(spelled))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> Option<String> {
        Some(match float(text)? {
            Float::Finite(text) => text.to_string(),
            Float::Infinite { is_negative } => format!("infinite {is_negative}"),
            Float::NotANumber => "none".to_owned(),
        })
    }

    #[test]
    fn whole_numbers_are_decimal_without_ornament() {
        for (text, expected) in [
            ("0x1F", "31"),
            ("0b11", "3"),
            ("0o17", "15"),
            ("1_000", "1000"),
            ("+7", "7"),
            ("-08", "-8"),
            ("0", "0"),
            ("000", "0"),
            ("99999999999999999999", "99999999999999999999"),
        ] {
            assert_eq!(integer(text).as_deref().map(String::as_str), Some(expected), "{text}");
        }
        for text in ["", "-", "abc", "1.0", "0xg", "0x123456789012345678901234567890123"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn other_numbers_have_digits_on_both_sides_and_a_sign_in_the_exponent() {
        for (text, expected) in [
            ("1.50", "1.50"),
            (".5", "0.5"),
            ("5.", "5.0"),
            ("+1e3", "1.0e+3"),
            ("-007.5E-07", "-7.5e-07"),
            ("1_0.0_1", "10.01"),
            (".inf", "infinite false"),
            ("-inf", "infinite true"),
            (".NaN", "none"),
            ("nan", "none"),
        ] {
            assert_eq!(spelled(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", ".", "e3", "1e", "1e999", "abc", "1.2.3", "0x1p3"] {
            assert_eq!(spelled(text), None, "{text}");
        }
    }
}
