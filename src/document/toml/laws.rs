//! What holds for every text: it is read, or refused, as the crate `toml` and the conformance suite say.

use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use toml::{Table, Value};

use super::parse;
use crate::document::json::laws::assert_tokens_stand_in;
use crate::document::json::spelling::quote;
use crate::document::path::Component;
use crate::document::{Content, Document, Node, Problem, Style};

#[test]
fn the_conformance_suite_is_taken_and_refused_as_it_says() {
    let Some(folder) = crate::document::corpus::suite("toml") else { return };
    let mut counts = [0; 2];
    for path in files_below(&folder.join("valid")) {
        let text = std::fs::read_to_string(&path).expect("a file of the suite");
        for text in [text.clone(), text.replace("\r\n", "\n").replace('\n', "\r\n")] {
            let document = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let expected: Table = toml::from_str(&text).expect("it is valid");
            assert_same(&to_value(&document, &document.roots[0]), &Value::Table(expected), &text);
            for chosen in [|_| true, |index| index % 2 == 0, |_| false] {
                assert_tokens_stand_in(parse, &text, chosen);
            }
        }
        counts[0] += 1;
    }
    for path in files_below(&folder.join("invalid")) {
        if let Ok(text) = String::from_utf8(std::fs::read(&path).expect("a file of the suite")) {
            assert!(parse(&text).is_err(), "{}", path.display());
            counts[1] += 1;
        }
    }
    assert!(counts[0] > 200 && counts[1] > 400, "{counts:?}");
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in folder.read_dir().expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files
}

/// Compares by the debug form, in which not-a-number equals itself.
fn assert_same(found: &Value, expected: &Value, text: &str) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}");
}

/// Asserts that `toml` took only what it should have refused: dotted keys that add to a table of `[[…]]`.
fn assert_is_known(problem: Problem, text: &str) {
    assert!(matches!(problem, Problem::DuplicateKey { .. }) && text.contains("[["), "{problem}: {text:?}");
}

proptest! {
    #[test]
    fn the_same_is_read_and_refused_as_by_toml(text in document()) {
        match (parse(&text), toml::from_str::<Table>(&text)) {
            (Ok(document), Ok(expected)) => {
                assert_same(&to_value(&document, &document.roots[0]), &Value::Table(expected), &text);
            }
            (Ok(_), Err(error)) => panic!("{error}: {text:?}"),
            (Err(error), Ok(_)) => assert_is_known(error.problem, &text),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn tokens_can_stand_for_any_leaves(text in document(), chosen: u64) {
        if parse(&text).is_ok() {
            for chosen in [0, u64::MAX, chosen] {
                assert_tokens_stand_in(parse, &text, |index| chosen >> (index % 64) & 1 == 1);
            }
        }
    }

    #[test]
    fn what_toml_refuses_is_refused(text in document(), at: proptest::sample::Index, piece in "[\\PC\"'{}\\[\\]=,.:0-9\\\\u# \n\r]{0,3}", cut in 0usize..4) {
        let at = text.floor_char_boundary(at.index(text.len() + 1));
        let end = text.ceil_char_boundary((at + cut).min(text.len()));
        let mutated = format!("{}{piece}{}", &text[..at], &text[end..]);
        match (parse(&mutated), toml::from_str::<Table>(&mutated)) {
            (Ok(document), Ok(expected)) => {
                assert_same(&to_value(&document, &document.roots[0]), &Value::Table(expected), &mutated);
            }
            (Ok(_), Err(error)) => {
                let is_about_size = ["overflow", "large", "invalid type: integer"].map(|word| error.message().contains(word));
                assert!(is_about_size.contains(&true), "{error}: {mutated:?}");
            }
            (Err(error), Ok(_)) => assert_is_known(error.problem, &mutated),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "([\\PC\"'{}\\[\\]=,.:0-9\\\\u# \n\r]|\"\"\"|'''|[a-c] = ){0,40}") {
        let _ = parse(&text);
    }
}

/// Reads a document's tree as `toml` would.
pub(super) fn to_value(document: &Document, node: &Node) -> Value {
    match &node.content {
        Content::Alias(_) | Content::Null => unreachable!("TOML has neither"),
        Content::Leaf(index) => {
            let leaf = document.leaf(*index);
            match leaf.style {
                Style::Plain => {
                    toml::from_str::<Table>(&format!("v = {}", &*leaf.value)).expect("a value of TOML")["v"].clone()
                }
                _ => Value::String(leaf.value.to_string()),
            }
        }
        Content::List(nodes) => Value::Array(nodes.iter().map(|node| to_value(document, node)).collect()),
        Content::Map(entries) => {
            let pairs = entries.iter().map(|entry| match &entry.key {
                Component::Key { name, .. } => (name.to_string(), to_value(document, &entry.node)),
                _ => unreachable!("a map holds keys"),
            });
            Value::Table(pairs.collect())
        }
    }
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        Just("0xDEAD_beef".to_owned()),
        Just("-1_0.5e+3".to_owned()),
        Just("1979-05-27 07:32:00.5-07:00".to_owned()),
        Just("07:32".to_owned()),
        any::<bool>().prop_map(|boolean| boolean.to_string()),
        any::<String>().prop_map(|text| quote(&text).to_string()),
        "'[ -&(-~\t€]{0,9}'",
        "'''[ -&(-~\n]{0,9}'?[a-z\r\n]'''".prop_map(|text| text.replace('\r', "\r\n")),
        "\"\"\"(\"{0,2}[ a-z#=\n]|\\\\[nt\"]|\\\\\n ){0,5}\"\"\"",
    ]
}

fn key() -> impl Strategy<Value = String> {
    let part = prop_oneof![4 => "[a-e]", 1 => "\"[ab .#]\"", 1 => "'[ab\\]]'"];
    vec((part, "\\.| \\. ?"), 1..4).prop_map(|parts| {
        let mut key = String::new();
        for (index, (part, dot)) in parts.iter().enumerate() {
            key = key + if index == 0 { "" } else { dot } + part;
        }
        key
    })
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..4), "|,|, |,\n  | # c\n,\n# \n", "(,|\n)?").prop_map(|(items, comma, end)| {
                let comma = if comma.is_empty() { "," } else { &comma };
                let end = if items.is_empty() { "" } else { &end };
                format!("[{}{end}]", items.join(comma))
            }),
            vec((key(), inner), 0..4).prop_map(|entries| {
                let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                format!("{{{}}}", entries.join(", "))
            }),
        ]
    })
}

/// Documents of which many define something twice.
pub(super) fn document() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        6 => (key(), value(), "| |\t# c").prop_map(|(key, value, end)| format!("{key}= {value}{end}")),
        2 => key().prop_map(|key| format!("[{key}]")),
        1 => key().prop_map(|key| format!("  [[ {key} ]] # t")),
        1 => "#[ a-z=]{0,5}",
        1 => " ?",
    ];
    (vec(line, 0..12), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(lines, mark, crlf, end)| {
        let text = lines.join("\n") + if end { "\n" } else { "" };
        let text = if crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
        (if mark { "\u{feff}" } else { "" }).to_owned() + &text
    })
}
