//! What holds for every text: it is read, or refused, as `serde_json` and the conformance suite say.

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use serde_json::Value;

use super::laws::assert_tokens_stand_in;
use super::parse;
use crate::document::path::Component;
use crate::document::{Content, Document, EventKind, Item, Node, Problem, ScalarKind};
#[test]
fn the_conformance_suite_is_taken_and_refused_as_it_says() {
    let Some(folder) = crate::document::corpus::suite("json") else { return };
    let mut counts = [0; 3];
    for file in folder.read_dir().expect("a folder") {
        let path = file.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        let Ok(text) = String::from_utf8(std::fs::read(&path).expect("a file of the suite")) else {
            assert!(!name.starts_with("y_"), "{name}");
            continue;
        };
        let parsed = parse(&text);
        match (&name[..2], parsed) {
            ("y_", Err(error)) if name.starts_with("y_object_duplicated_key") => {
                assert_eq!(error.problem, Problem::DuplicateKey { first_line: 1 }, "{name}");
            }
            ("y_", Err(error)) => {
                assert_eq!(error.problem, Problem::RootNotMap, "{name}");
                assert!(!serde_json::from_str::<Value>(&text).expect("it is valid").is_object(), "{name}");
                counts[0] += 1;
            }
            ("y_", Ok(_)) => {
                for chosen in [|_| true, |index| index % 2 == 0, |_| false] {
                    assert_tokens_stand_in(parse, &text, chosen);
                }
                counts[1] += 1;
            }
            ("n_", Err(error)) => {
                assert_ne!(error.problem, Problem::RootNotMap, "{name}");
                counts[2] += 1;
            }
            ("n_", Ok(_)) => panic!("{name} was taken"),
            _ => {}
        }
    }
    assert!(counts.iter().all(|count| *count >= 10), "{counts:?}");
}

/// Reads a document's tree as serde would.
fn to_value(document: &Document, node: &Node) -> Value {
    match &node.content {
        Content::Alias(_) => unreachable!("JSON has no aliases"),
        Content::Leaf(index) => {
            let leaf = document.leaf(*index);
            match leaf.kind {
                ScalarKind::String => Value::String(leaf.value.to_string()),
                _ => serde_json::from_str(&leaf.value).expect("a scalar of JSON"),
            }
        }
        Content::List(nodes) => nodes.iter().map(|node| to_value(document, node)).collect(),
        Content::Map(entries) => {
            let pairs = entries.iter().map(|entry| match &entry.key {
                Component::Key { name, .. } => (name.to_string(), to_value(document, &entry.node)),
                _ => unreachable!("a map holds keys"),
            });
            pairs.collect()
        }
        Content::Null => Value::Null,
    }
}

pub(super) fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 8.0)),
        any::<String>().prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-d]|.*", inner, 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Valid documents in several layouts.
pub(super) fn document() -> impl Strategy<Value = String> {
    let root = proptest::collection::btree_map("[a-d]|.*", value(), 0..6);
    (root, 0..4).prop_map(|(root, layout)| {
        let value = Value::Object(root.into_iter().collect());
        match layout {
            0 => value.to_string(),
            1 => serde_json::to_string_pretty(&value).expect("JSON"),
            2 => serde_json::to_string_pretty(&value).expect("JSON").replace('\n', "\r\n") + "\r\n",
            _ => format!("\u{feff} {value:#} "),
        }
    })
}

proptest! {
    #[test]
    fn values_are_those_that_serde_reads(text in document()) {
        let parsed = parse(&text).expect("a valid document");
        let expected: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("a valid document");
        assert_eq!(to_value(&parsed, &parsed.roots[0]), expected);
    }

    #[test]
    fn tokens_can_stand_for_any_leaves(text in document(), chosen: u64) {
        for chosen in [0, u64::MAX, chosen] {
            assert_tokens_stand_in(parse, &text, |index| chosen >> (index % 64) & 1 == 1);
        }
    }

    #[test]
    fn what_serde_refuses_is_refused(text in document(), at: proptest::sample::Index, piece in "[\\PC\"{}\\[\\],:0-9\\\\u \n]{0,3}", cut in 0usize..4) {
        let at = text.floor_char_boundary(at.index(text.len() + 1));
        let end = text.ceil_char_boundary((at + cut).min(text.len()));
        let mutated = format!("{}{piece}{}", &text[..at], &text[end..]);
        let serde = serde_json::from_str::<Value>(mutated.strip_prefix('\u{feff}').unwrap_or(&mutated));
        match (parse(&mutated), serde) {
            (Ok(document), Ok(value)) => assert_eq!(to_value(&document, &document.roots[0]), value),
            (Ok(document), Err(error)) => {
                // What serde cannot represent is legal all the same.
                assert!(error.to_string().contains("out of range") || mutated.contains("\\u"), "{error}: {mutated:?}");
                assert!(matches!(document.items[0], Item::Event(event) if event.kind == EventKind::MapOpen));
            }
            (Err(error), Ok(value)) => assert!(
                matches!(error.problem, Problem::DuplicateKey { .. }) || !value.is_object(), "{error}: {mutated:?}"
            ),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".*") {
        let _ = parse(&text);
    }
}
