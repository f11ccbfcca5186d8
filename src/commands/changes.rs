//! Changes as people and programs read them: lines, JSON, and Markdown that nobody's key name can break out of.

use serde_json::{Value, json};

use crate::envelope::native::{Change, How, Part, Subject};

/// Returns the lines for the changes of one file. Values that were only sealed again share one.
pub fn lines(changes: &[Change]) -> Vec<String> {
    rows(changes).iter().map(|parts| line(parts)).collect()
}

/// Returns what each change says; those that only say that something was sealed again are one.
pub fn rows(changes: &[Change]) -> Vec<Vec<Part>> {
    let is_noise = |change: &&Change| change.how == How::SealedAgain && matches!(change.of, Subject::Key(_));
    let mut rows: Vec<Vec<Part>> = changes.iter().filter(|change| !is_noise(change)).map(Change::parts).collect();
    let noise: Vec<&Change> = changes.iter().filter(is_noise).collect();
    match noise.as_slice() {
        [] => {}
        [one] => rows.push(vec![
            Part::Name(one.name().unwrap_or_default()),
            Part::Word(" sealed again, by its day unchanged".to_owned()),
        ]),
        several => {
            rows.push(vec![Part::Word(format!("{} values sealed again, by their days unchanged", several.len()))]);
        }
    }
    rows
}

/// Returns a change as one line; it is escaped where it is printed.
pub fn line(parts: &[Part]) -> String {
    let text = |part: &'_ Part| match part {
        Part::Name(text) | Part::Word(text) => text.clone(),
    };
    parts.iter().map(text).collect()
}

/// Returns a change for programs.
pub fn to_json(change: &Change) -> Value {
    let mut object = json!({ "subject": change.of.word(), "change": change.how.word() });
    let fields = [("name", change.name()), ("from", change.from.clone()), ("to", change.to.clone())];
    for (name, value) in fields {
        if let Some(value) = value {
            object[name] = value.into();
        }
    }
    object
}

/// Returns a change as the text of a cell of a Markdown table.
pub fn markdown(parts: &[Part]) -> String {
    let part = |part: &Part| match part {
        Part::Name(name) => code(name),
        Part::Word(word) => word.replace("->", "→"),
    };
    parts.iter().map(part).collect()
}

/// Quotes what somebody else wrote as Markdown code, in which there are no links, mentions or tags.
///
/// What would end the code, the cell or the line, or is not plainly visible, is spelled `\u{…}`, and the backslash too:
/// so none in the result stands before a character that it would escape.
pub fn code(text: &str) -> String {
    let mut quoted = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == MAX_NAME {
            quoted.push('…');
            break;
        }
        let is_plain = character == ' ' || !(matches!(character, '`' | '|' | '\\') || is_hidden(character));
        if is_plain {
            quoted.push(character);
        } else {
            quoted.extend(character.escape_unicode());
        }
    }
    // Code of blanks alone is none, and nothing at all would be two signs.
    if text.trim().is_empty() {
        return format!("`\"{text}\"`", text = quoted.trim_start_matches('`'));
    }
    quoted.push('`');
    quoted
}

fn is_hidden(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// How many characters of a name a comment shows.
const MAX_NAME: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::code;

    #[test]
    fn a_name_cannot_leave_its_code() {
        assert_eq!(code("db.password"), "`db.password`");
        assert_eq!(code("@team [x](http://y) #1 <img>"), "`@team [x](http://y) #1 <img>`");
        assert_eq!(code("a` | b\\|c\nd"), "`a\\u{60} \\u{7c} b\\u{5c}\\u{7c}c\\u{a}d`");
        assert_eq!(code("\u{202e}x\r"), "`\\u{202e}x\\u{d}`");
        assert_eq!(code(""), "`\"\"`");
        assert_eq!(code("  "), "`\"  \"`");
        assert_eq!(code(&"x".repeat(1000)).chars().count(), 203);
    }

    proptest! {
        #[test]
        fn every_name_is_one_piece_of_code_in_one_cell(name in ".*") {
            let code = code(&name);
            prop_assert!(code.len() > 2 && code.starts_with('`') && code.ends_with('`'));
            let inside = &code[1..code.len() - 1];
            prop_assert!(!inside.contains(['`', '|', '\n', '\r']));
            let is_spelled = inside.match_indices('\\').all(|(at, _)| inside[at..].starts_with("\\u{"));
            prop_assert!(is_spelled);
        }
    }
}
