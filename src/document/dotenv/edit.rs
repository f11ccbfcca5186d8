//! Setting and removing one variable of a dotenv document.

use zeroize::Zeroizing;

use super::is_key;
use crate::document::edit::{EditError, NewValue};
use crate::document::path::Component;
use crate::document::{Content, Document, Entry, EventKind, Format, Item, KeyPath, Span, Style, lines, splice};

/// Sets a variable, or adds it as the last line.
pub(crate) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let value = value.text(Format::Dotenv)?;
    if let Some(entry) = find(document, path) {
        return Ok(match entry.node.content {
            Content::Leaf(index) => {
                let leaf = document.leaf(index);
                splice(text, [(leaf.span, spell(&value, leaf.style)?.as_str())])
            }
            _ => splice(text, [(entry.node.span, "="), (entry.node.span, &spell(&value, Style::Plain)?)]),
        });
    }
    let export = if is_exporting(document) { "export " } else { "" };
    let end = Span::new(text.len(), text.len());
    let line_end = lines::line_end_of(text, document);
    let start = lines::missing_line_end(text, text.len(), line_end);
    let spelled = spell(&value, Style::Plain)?;
    Ok(splice(text, [start, export, new_key(document, path)?, "=", &spelled, line_end].map(|piece| (end, piece))))
}

/// Removes a variable with its lines.
pub(crate) fn unset(text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let entry = find(document, path).ok_or_else(|| EditError::NotFound(path.clone()))?;
    Ok(splice(text, [(lines::of_entry(text, entry), "")]))
}

fn find<'a>(document: &'a Document, path: &KeyPath) -> Option<&'a Entry> {
    let [key] = path.0.as_slice() else { return None };
    lines::root(document).iter().find(|entry| entry.key == *key)
}

/// Returns the name of a variable that can be added.
fn new_key<'a>(document: &Document, path: &'a KeyPath) -> Result<&'a str, EditError> {
    let unspellable = |what| Err(EditError::Unspellable { format: Format::Dotenv, what });
    match path.0.as_slice() {
        [Component::Key { name, occurrence: 0, .. }] if is_key(name) => Ok(name),
        [Component::Key { occurrence: 0, .. }] => {
            unspellable("a key that is not a letter or `_`, then letters, digits, `_`, `.` and `-`")
        }
        [Component::Key { .. }] => unspellable("the same key twice"),
        [first, _, ..] if lines::root(document).iter().any(|entry| entry.key == *first) => {
            Err(EditError::NotAContainer(KeyPath(vec![first.clone()])))
        }
        _ => unspellable("lists or nested keys"),
    }
}

/// Tells whether every line has the word `export`.
fn is_exporting(document: &Document) -> bool {
    let count =
        |kind| document.items.iter().filter(|item| matches!(item, Item::Event(event) if event.kind == kind)).count();
    let exported = count(EventKind::Export);
    exported > 0 && exported == count(EventKind::Key)
}

/// Spells a value in the style it had, or the first of plain, single and double quotes that can hold it.
fn spell(value: &str, old_style: Style) -> Result<Zeroizing<String>, EditError> {
    let style = [old_style, Style::Plain, Style::SingleQuoted, Style::DoubleQuoted]
        .into_iter()
        .find(|style| can_hold(*style, value))
        .ok_or(EditError::Unspellable { format: Format::Dotenv, what: "this text" })?;
    let quote = match style {
        Style::Backtick => "`",
        Style::DoubleQuoted => "\"",
        Style::SingleQuoted => "'",
        _ => "",
    };
    // Large enough for every character escaped: growing would leave copies of the value behind.
    let mut spelled = Zeroizing::new(String::with_capacity(2 * (value.len() + quote.len())));
    spelled.push_str(quote);
    for character in value.chars() {
        match character {
            '\r' => spelled.push_str("\\r"),
            '"' | '$' | '\\' if style == Style::DoubleQuoted => spelled.extend(['\\', character]),
            _ => spelled.push(character),
        }
    }
    spelled.push_str(quote);
    Ok(spelled)
}

/// Tells whether a value reads back from this style. Without quotes it must also be one that no reader splits,
/// expands or takes for something else.
fn can_hold(style: Style, value: &str) -> bool {
    match style {
        Style::Backtick => !value.contains(['`', '\r']),
        Style::DoubleQuoted => true,
        Style::SingleQuoted => !value.contains(['\'', '\r']),
        _ => value.chars().all(|c| c.is_alphanumeric() || "_./:@%+,=-".contains(c)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use proptest::sample::Index;
    use serde_json::json;

    use super::super::{parse, tests::document};
    use crate::document::edit::{EditError, NewValue};
    use crate::document::{self, Format, KeyPath};

    fn path(text: &str) -> KeyPath {
        KeyPath::parse(text).expect("a path")
    }

    fn set(text: &str, key: &str, value: NewValue<'_>) -> Result<String, EditError> {
        let document = parse(text).expect("valid");
        document::set(Format::Dotenv, text, &document, &path(key), value).map(|text| text.to_string())
    }

    #[track_caller]
    fn assert_set(text: &str, key: &str, value: &str, expected: &str) {
        assert_eq!(set(text, key, NewValue::Text(value)).as_deref(), Ok(expected));
    }

    #[track_caller]
    fn assert_unset(text: &str, key: &str, expected: &str) {
        let document = parse(text).expect("valid");
        assert_eq!(super::unset(text, &document, &path(key)).expect("there").as_str(), expected);
    }

    #[test]
    fn a_value_keeps_its_quotes_and_comment() {
        assert_set("A=1 # c\nB=2", "A", "x", "A=x # c\nB=2");
        assert_set("A = 'it' # c\n", "A", "x y", "A = 'x y' # c\n");
        assert_set("A=\"it\"\n", "A", "a\"\\$`\nb\r", "A=\"a\\\"\\\\\\$`\nb\\r\"\n");
        assert_set("A=`it`\n", "A", "'\"", "A=`'\"`\n");
        assert_set("A='it'\n", "A", "", "A=''\n");
    }

    #[test]
    fn a_value_gets_quotes_when_readers_would_dispute_it_without() {
        assert_set("A=1\n", "A", "a b", "A='a b'\n");
        assert_set("A=1\n", "A", "$HOME", "A='$HOME'\n");
        assert_set("A=1\n", "A", "#", "A='#'\n");
        assert_set("A=1\n", "A", "it's", "A=\"it's\"\n");
        assert_set("A='1'\n", "A", "'", "A=\"'\"\n");
        assert_set("A=`1`\n", "A", "`", "A='`'\n");
        assert_set("A=1\n", "A", "a\nb", "A='a\nb'\n");
        assert_set("A= 1 # c", "A", "", "A=  # c");
        assert_set("A=  # c", "A", "é=/+", "A=é=/+  # c");
    }

    #[test]
    fn a_null_gets_a_value() {
        assert_set("export A # c\n", "A", "x", "export A=x # c\n");
    }

    #[test]
    fn a_new_key_is_the_last_line() {
        assert_set("", "A", "x", "A=x\n");
        assert_set("\u{feff}", "A", "x", "\u{feff}A=x\n");
        assert_set("# c\r\nA=1", "B", "x", "# c\r\nA=1\r\nB=x\r\n");
        assert_set("A=1\rB=2\r", "C", "x", "A=1\rB=2\rC=x\r");
        assert_set("export A=1\nexport B\n", "C", "x y", "export A=1\nexport B\nexport C='x y'\n");
        assert_set("export A=1\nB=2\n", "C", "x", "export A=1\nB=2\nC=x\n");
    }

    #[test]
    fn json_scalars_are_written_as_text() {
        for (value, expected) in
            [(json!(8080), "8080"), (json!(true), "true"), (json!(-1.5), "-1.5"), (json!("x"), "x")]
        {
            assert_eq!(set("A=1", "A", NewValue::Json(&value)), Ok(format!("A={expected}")));
        }
        for (value, what) in [(json!(null), "null"), (json!([]), "lists"), (json!({}), "maps as values")] {
            let unspellable = EditError::Unspellable { format: Format::Dotenv, what };
            assert_eq!(set("A=1", "A", NewValue::Json(&value)), Err(unspellable));
        }
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        let error = |key, value| set("A=1", key, NewValue::Text(value)).expect_err("refused");
        assert_eq!(error("A.b", "x"), EditError::NotAContainer(path("A")));
        for (key, value) in
            [("A", "\0"), ("B.c", "x"), ("1A", "x"), ("[0]", "x"), ("A[0].b", "x"), ("A#2", "x"), ("B#2", "x")]
        {
            assert!(matches!(error(key, value), EditError::Unspellable { .. } | EditError::NotAContainer(_)), "{key}");
        }
    }

    #[test]
    fn unset_removes_the_lines_of_a_key() {
        assert_unset("# a\nA=1 # b\nB=2\n", "A", "# a\nB=2\n");
        assert_unset("\u{feff}  export A='1\n2' # b\r\nB", "A", "\u{feff}B");
        assert_unset("A=1\r\nB", "B", "A=1\r\n");
        let document = parse("A=1").expect("valid");
        assert_eq!(super::unset("A=1", &document, &path("B")).err(), Some(EditError::NotFound(path("B"))));
        assert_eq!(super::unset("A=1", &document, &path("A.b")).err(), Some(EditError::NotFound(path("A.b"))));
    }

    proptest! {
        #[test]
        fn any_text_reads_back_and_nothing_else_changes(
            text in document(),
            value in prop_oneof![".*", "[a'\"`$\\\\\r\n# ]{0,6}", Just(String::new())].prop_map(|value| value.replace('\0', "")),
            index: Index,
        ) {
            let parsed = parse(&text).expect("valid");
            let leaves: Vec<_> = parsed.leaves().collect();
            let leaf = leaves.get(index.index(leaves.len() + 1));
            let key = leaf.map_or(path("NEW"), |leaf| leaf.path.clone());
            let changed = document::set(Format::Dotenv, &text, &parsed, &key, NewValue::Text(&value)).expect("dotenv holds any text");
            match leaf {
                Some(leaf) => {
                    prop_assert!(changed.starts_with(&text[..leaf.span.start]));
                    prop_assert!(changed.ends_with(&text[leaf.span.end..]));
                }
                None => prop_assert!(changed.starts_with(&text)),
            }
            let again = parse(&changed).expect("valid");
            let removed = document::unset(Format::Dotenv, &changed, &again, &key).expect("there");
            prop_assert_eq!(parse(&removed).expect("valid").leaves().count(), again.leaves().count() - 1);
        }
    }
}
