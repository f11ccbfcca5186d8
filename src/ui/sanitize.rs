//! Escaping of text that could steer a terminal or deceive the eye: control characters, direction marks, invisible ones.

use std::fmt::Write;

/// Returns the text with every character that is not plainly visible spelled out; line ends and tabs stay.
pub fn sanitize(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if is_deceptive(character) {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    safe
}

fn is_deceptive(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        // C0 and C1 controls, soft hyphen, Arabic letter mark, zero-width and direction marks, line separators,
        // direction overrides and isolates, byte order mark, interlinear marks, tags.
        '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::sanitize;

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert_eq!(sanitize("a\u{1b}]52;c;Zm9v\u{7}b"), "a\\u{1b}]52;c;Zm9v\\u{7}b");
        assert_eq!(sanitize("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(sanitize("a\rb"), "a\\u{d}b");
    }

    #[test]
    fn direction_marks_do_not_deceive() {
        assert_eq!(sanitize("prod\u{202e}dorp"), "prod\\u{202e}dorp");
    }

    #[test]
    fn ordinary_text_stays() {
        assert_eq!(sanitize("größe\tпароль\n密码"), "größe\tпароль\n密码");
    }
}
