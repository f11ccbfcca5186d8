//! Splitting a command line of an environment variable into words: a shell's quotes, none of its expansions.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Returns the words; `None` when a quote is not closed or a backslash stands at the end.
///
/// Quotes and backslashes mean what POSIX XCU 2.2 says. `$`, `~`, `*` and `;` mean themselves.
pub(super) fn split(text: &OsStr) -> Option<Vec<OsString>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.as_bytes().iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (None, b' ' | b'\t' | b'\n') => words.extend(word.take()),
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                // An empty pair of quotes is a word, too.
                word.get_or_insert_default();
            }
            (Some(open), _) if byte == open => quote = None,
            (None, b'\\') => word.get_or_insert_default().push(bytes.next()?),
            (Some(b'"'), b'\\') => match bytes.next()? {
                escaped @ (b'$' | b'`' | b'"' | b'\\') => word.get_or_insert_default().push(escaped),
                other => word.get_or_insert_default().extend([b'\\', other]),
            },
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    quote.is_none().then(|| words.into_iter().map(OsString::from_vec).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_are_split_as_a_shell_does_without_expansion() {
        let cases: [(&str, &[&str]); 10] = [
            ("vim", &["vim"]),
            ("  code\t--wait \n", &["code", "--wait"]),
            ("'/Applications/My Editor' -f", &["/Applications/My Editor", "-f"]),
            (r"/opt/my\ editor", &["/opt/my editor"]),
            (r#"e "a 'b' \"c\" \\ \d $HOME""#, &["e", r#"a 'b' "c" \ \d $HOME"#]),
            (r"e 'a \' b", &["e", r"a \", "b"]),
            (r#"a"b c"'d e'f"#, &["ab cd ef"]),
            (r#"e "" ''"#, &["e", "", ""]),
            ("~/vi;rm *", &["~/vi;rm", "*"]),
            (" ", &[]),
        ];
        for (text, words) in cases {
            assert_eq!(split(OsStr::new(text)).expect(text), words.iter().map(OsString::from).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_left_open_is_refused() {
        for text in ["'", "vim \"-c", "vim \\", "'a\\'b'", "\"\\\""] {
            assert_eq!(split(OsStr::new(text)), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn single_quotes_keep_every_word(words in proptest::collection::vec("[^']*", 0..5)) {
            let text = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(split(OsStr::new(&text)), Some(words.iter().map(OsString::from).collect()));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
            split(OsStr::from_bytes(&bytes));
        }
    }
}
