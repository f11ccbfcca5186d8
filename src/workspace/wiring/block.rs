//! Lines of ours in a file that belongs to somebody else: put in, renewed, and taken out again without a trace.

/// Where our lines stand in a file that has none of them yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Behind the first line.
    BehindFirstLine,
    /// At the end.
    End,
    /// At the beginning.
    Start,
}

/// Puts lines between our marks. What stood between them is replaced where it stands; else they come to `position`.
/// `lines` is empty or ends with a line feed.
pub fn put(text: &str, lines: &str, position: Position) -> String {
    let (at, rest) = match find(text) {
        Some((start, end)) => (start, [&text[..start], &text[end..]].concat()),
        None => (
            match position {
                Position::BehindFirstLine => text.find('\n').map_or(text.len(), |feed| feed + 1),
                Position::End => text.len(),
                Position::Start => 0,
            },
            text.to_owned(),
        ),
    };
    let (before, behind) = rest.split_at(at);
    let is_open = !before.is_empty() && !before.ends_with('\n');
    let begin = if is_open { format!("\n{BEGIN_BEHIND_OPEN_LINE}") } else { BEGIN.to_owned() };
    format!("{before}{begin}\n{lines}{END}\n{behind}")
}

/// Takes our lines out; `None` when there are none.
pub fn take(text: &str) -> Option<String> {
    let (start, end) = find(text)?;
    Some([&text[..start], &text[end..]].concat())
}

/// Finds our lines with their marks, and the line feed before them if it came with them.
fn find(text: &str) -> Option<(usize, usize)> {
    let mut start = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        match line.trim_end_matches('\n') {
            BEGIN => start = Some(at),
            BEGIN_BEHIND_OPEN_LINE => start = Some(at - 1),
            END if start.is_some() => return start.map(|start| (start, at + line.len())),
            _ => {}
        }
        at += line.len();
    }
    None
}

const BEGIN: &str = "# >>> secret git install >>>";
/// The line feed before it is ours.
const BEGIN_BEHIND_OPEN_LINE: &str = "# >>> secret git install, behind a line without an end >>>";
const END: &str = "# <<< secret git install <<<";

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

    use super::{Position, put, take};

    fn position() -> impl Strategy<Value = Position> {
        prop_oneof![
            proptest::strategy::Just(Position::BehindFirstLine),
            proptest::strategy::Just(Position::End),
            proptest::strategy::Just(Position::Start)
        ]
    }

    #[test]
    fn lines_are_renewed_where_they_stand() {
        let first = put("a\nb", "x\n", Position::BehindFirstLine);
        assert_eq!(first, "a\n# >>> secret git install >>>\nx\n# <<< secret git install <<<\nb");
        let second = put(&first, "y\n", Position::End);
        assert_eq!(second, "a\n# >>> secret git install >>>\ny\n# <<< secret git install <<<\nb");
        assert_eq!(take(&second).as_deref(), Some("a\nb"));
        assert_eq!(take("a\nb"), None);
    }

    proptest! {
        #[test]
        fn what_was_put_in_is_taken_out_without_a_trace(
            text in "(a|#|\n|\r\n){0,12}",
            lines in "([a-z]{0,3}\n){0,3}",
            place in position(),
            again in any::<bool>(),
        ) {
            let mut with = put(&text, &lines, place);
            if again {
                with = put(&with, "other\n", place);
            }
            prop_assert_eq!(take(&with), Some(text));
        }
    }
}
