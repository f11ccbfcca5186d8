//! dotenv lines that a POSIX shell, node and python-dotenv all read as the same value.
//!
//! They do not agree on much: backslashes, `${…}`, and quotes within quotes are taken differently. What has no spelling
//! on which they agree is refused.

use zeroize::Zeroizing;

use super::Buffer;

/// Spells variables as `NAME=value`.
///
/// # Errors
/// The index of a variable that has no spelling.
pub fn dotenv<'v>(variables: impl Iterator<Item = (&'v str, &'v str)>) -> Result<Zeroizing<String>, usize> {
    let mut out = Buffer::default();
    for (index, (name, value)) in variables.enumerate() {
        let quote = quote_for(value).ok_or(index)?;
        for part in [name, "=", quote, value, quote, "\n"] {
            out.push(part);
        }
    }
    Ok(out.into_text())
}

/// Returns the quotes between which all readers take a value as it is.
fn quote_for(value: &str) -> Option<&'static str> {
    if value.contains(['\0', '\r']) || value.contains("${") {
        return None;
    }
    // Without quotes, so that `docker --env-file`, which takes quotes for a part of the value, reads it too.
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_./:@%+,=-".contains(character);
    if value.chars().all(is_plain) {
        return Some("");
    }
    if !value.contains('\'') {
        // python-dotenv knows two escapes here, `\\` and `\'`; nobody else knows any.
        return (!value.contains(r"\\") && !value.ends_with('\\')).then_some("'");
    }
    (!value.contains(['"', '\\', '$', '`'])).then_some("\"")
}

#[cfg(test)]
mod tests {
    use super::dotenv;

    #[test]
    fn values_are_quoted_only_where_that_is_needed() {
        for (value, spelled) in [
            ("", "A=\n"),
            ("https://u:p@h/x?y", "A='https://u:p@h/x?y'\n"),
            ("plain-1.2", "A=plain-1.2\n"),
            ("$(id) `id` \"x\" \\n #", "A='$(id) `id` \"x\" \\n #'\n"),
            ("it's", "A=\"it's\"\n"),
            ("two\nlines", "A='two\nlines'\n"),
        ] {
            assert_eq!(dotenv([("A", value)].into_iter()).as_deref().map(String::as_str), Ok(spelled), "{value}");
        }
    }

    #[test]
    fn what_readers_take_differently_is_refused() {
        for value in ["a\0", "a\rb", "${A}", "a\\\\b", "a b\\", "'\"", "'\\", "'$", "'`"] {
            assert_eq!(dotenv([("A", "x"), ("B", value)].into_iter()), Err(1), "{value:?}");
        }
    }
}
