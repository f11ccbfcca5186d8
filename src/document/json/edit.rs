//! Setting and removing one value of a JSON document, in the layout of what stands around it.

use serde_json::Value;
use zeroize::Zeroizing;

use super::brackets::{Brackets, concat, line_indentation};
use super::spelling::{Spelling, quote};
use super::walk::walk;
use crate::document::edit::{EditError, NewValue};
use crate::document::path::Component;
use crate::document::{Content, Document, KeyPath, Node, Span, lines, splice};

/// Replaces the value at `path`, or adds it; missing parents are added too.
pub(crate) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let nodes = walk(document, path)?;
    let layout = Layout::of(text, &nodes);
    let (node, missing) = (nodes[nodes.len() - 1], &path.0[nodes.len() - 1..]);
    let Some((step, below)) = missing.split_first() else {
        if path.0.is_empty() || !is_empty(node) {
            return Err(EditError::NotAValue(path.clone()));
        }
        let mut new = Spelling::default();
        layout.spell(&mut new, &[], value, line_indentation(text, node.span.start))?;
        return Ok(splice(text, [(node.span, new.finish().as_str())]));
    };

    let container = brackets(text, node);
    let own_indentation = line_indentation(text, node.span.start);
    let default_indentation = own_indentation.to_owned() + layout.unit;
    let mut entry = Spelling::default();
    if let Component::Key { name, .. } = step {
        entry.push(&quote(name));
        entry.push(layout.colon);
    }
    layout.spell(&mut entry, below, value, container.indentation().unwrap_or(&default_indentation))?;
    let entry = entry.finish();
    let changes = if let Some(&last) = container.entries.last() {
        container.append(last, &entry, layout.comma)
    } else {
        let (before, behind) = layout.around(&default_indentation, own_indentation);
        vec![container.fill(&[&before, &entry, &behind])]
    };
    Ok(splice(text, changes.iter().map(|(span, new)| (*span, new.as_str()))))
}

/// Removes what stands at `path`, with its key.
pub(crate) fn unset(text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let not_found = || EditError::NotFound(path.clone());
    let nodes = walk(document, path).map_err(|_| not_found())?;
    let [.., parent, node] = nodes[..] else { return Err(not_found()) };
    if nodes.len() <= path.0.len() {
        return Err(not_found());
    }
    let container = brackets(text, parent);
    let index = container.entries.iter().position(|entry| entry.end == node.span.end).ok_or_else(not_found)?;
    Ok(splice(text, container.remove(index).into_iter().map(|span| (span, ""))))
}

/// How the document spells what stands between values.
struct Layout<'t> {
    /// Between key and value.
    colon: &'t str,
    /// Between two entries on one line.
    comma: &'t str,
    /// The line end, where entries have lines of their own.
    line_end: Option<&'t str>,
    /// What one level is indented by.
    unit: &'t str,
}

impl<'t> Layout<'t> {
    /// Finds how entries of the last of `nodes`, or of what takes its place, are to be spelled.
    fn of(text: &'t str, nodes: &[&Node]) -> Self {
        let root = brackets(text, nodes[0]);
        let is_compact = match &nodes[0].content {
            Content::Map(entries) => entries
                .iter()
                .take(1)
                .any(|first| text.as_bytes().get(first.key_span.end..first.node.span.start) == Some(b":")),
            _ => false,
        };
        // An empty container is laid out as the one around it; an empty document gets a line for each entry.
        let innermost = nodes.iter().rev().map(|node| brackets(text, node)).find(|node| !node.entries.is_empty());
        let has_lines = innermost.is_none_or(|node| node.indentation().is_some());
        Self {
            colon: if is_compact { ":" } else { ": " },
            comma: if is_compact { "," } else { ", " },
            line_end: has_lines.then(|| lines::line_end(text)),
            unit: root.indentation().filter(|unit| !unit.is_empty()).unwrap_or("  "),
        }
    }

    /// Spells a value, in containers for the steps that are `missing` on the way to it.
    fn spell(
        &self,
        out: &mut Spelling,
        missing: &[Component],
        value: NewValue<'_>,
        indentation: &str,
    ) -> Result<(), EditError> {
        let Some((step, below)) = missing.split_first() else {
            match value {
                NewValue::Text(text) => out.push(&quote(text)),
                NewValue::Json(value) => self.spell_json(out, value, indentation),
            }
            return Ok(());
        };
        let inner = indentation.to_owned() + self.unit;
        let (before, behind) = self.around(&inner, indentation);
        match step {
            Component::Key { name, .. } => {
                out.push(&concat(&["{", &before, &quote(name), self.colon]));
                self.spell(out, below, value, &inner)?;
                out.push(&concat(&[&behind, "}"]));
            }
            Component::Item(0) => {
                out.push(&concat(&["[", &before]));
                self.spell(out, below, value, &inner)?;
                out.push(&concat(&[&behind, "]"]));
            }
            Component::Item(_) | Component::Document(_) => return Err(EditError::BehindEnd { length: 0 }),
        }
        Ok(())
    }

    fn spell_json(&self, out: &mut Spelling, value: &Value, indentation: &str) {
        let inner = indentation.to_owned() + self.unit;
        let (before, behind) = self.around(&inner, indentation);
        let between = if self.line_end.is_some() { concat(&[",", &before]) } else { concat(&[self.comma]) };
        match value {
            Value::String(text) => out.push(&quote(text)),
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    out.push(if index == 0 { "[" } else { "" });
                    out.push(if index == 0 { &before } else { &between });
                    self.spell_json(out, item, &inner);
                }
                out.push(&concat(&[&behind, "]"]));
            }
            Value::Object(entries) if !entries.is_empty() => {
                for (index, (key, item)) in entries.iter().enumerate() {
                    out.push(if index == 0 { "{" } else { "" });
                    out.push(if index == 0 { &before } else { &between });
                    out.push(&concat(&[&quote(key), self.colon]));
                    self.spell_json(out, item, &inner);
                }
                out.push(&concat(&[&behind, "}"]));
            }
            scalar_or_empty => out.push(&Zeroizing::new(scalar_or_empty.to_string())),
        }
    }

    /// Returns what stands behind the opening and before the closing bracket of a container.
    fn around(&self, inner: &str, outer: &str) -> (String, String) {
        let line = |indentation: &str| self.line_end.map_or_else(String::new, |end| end.to_owned() + indentation);
        (line(inner), line(outer))
    }
}

/// Returns the container that a node is; one without entries for a scalar.
fn brackets<'t>(text: &'t str, node: &Node) -> Brackets<'t> {
    let entries = match &node.content {
        Content::Map(entries) => {
            entries.iter().map(|entry| Span::new(entry.key_span.start, entry.node.span.end)).collect()
        }
        Content::List(nodes) => nodes.iter().map(|node| node.span).collect(),
        Content::Alias(_) | Content::Leaf(_) | Content::Null => Vec::new(),
    };
    Brackets { text, span: node.span, entries }
}

/// Tells whether a node holds no other nodes.
fn is_empty(node: &Node) -> bool {
    match &node.content {
        Content::Map(entries) => entries.is_empty(),
        Content::List(nodes) => nodes.is_empty(),
        Content::Alias(_) | Content::Leaf(_) | Content::Null => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::super::conformance::{document, value};
    use super::super::laws::{assert_only_this_is_gone, assert_only_this_is_set};
    use super::super::parse;
    use super::{set, unset};
    use crate::document::KeyPath;
    use crate::document::edit::{EditError, NewValue};

    fn set_in(text: &str, path: &str, value: NewValue<'_>) -> Result<String, EditError> {
        let path = KeyPath::parse(path).unwrap();
        set(text, &parse(text).unwrap(), &path, value).map(|text| text.to_string())
    }

    fn unset_in(text: &str, path: &str) -> Result<String, EditError> {
        unset(text, &parse(text).unwrap(), &KeyPath::parse(path).unwrap()).map(|text| text.to_string())
    }

    const PRETTY: &str = "{\r\n\t\"a\": {\r\n\t\t\"b\" : 1,\r\n\t\t\"c\": [\r\n\t\t\t2,\r\n\t\t\t3\r\n\t\t]\r\n\t},\r\n\r\n\t\"d\": [1, 2], \"e\": {}\r\n}";

    #[test]
    fn only_the_value_is_replaced() {
        assert_eq!(
            set_in(PRETTY, "a.b", NewValue::Text("x\"\u{1}")).unwrap(),
            PRETTY.replace(" 1,\r", " \"x\\\"\\u0001\",\r")
        );
        assert_eq!(set_in(PRETTY, "d[1]", NewValue::Json(&json!(null))).unwrap(), PRETTY.replace("2], ", "null], "));
        assert_eq!(set_in("{\"a\":null}", "a", NewValue::Text("")).unwrap(), "{\"a\":\"\"}");
    }

    #[test]
    fn new_entries_look_like_their_siblings() {
        for (text, path, expected) in [
            ("{}", "a", "{\n  \"a\": \"x\"\n}"),
            ("{}\n", "a.b", "{\n  \"a\": {\n    \"b\": \"x\"\n  }\n}\n"),
            ("{\"a\":1}", "b", "{\"a\":1,\"b\":\"x\"}"),
            ("{ \"a\": 1 }", "b[0].c", "{ \"a\": 1, \"b\": [{\"c\": \"x\"}] }"),
            ("{\"a\": []}", "a[0]", "{\"a\": [\"x\"]}"),
            ("{\n    \"a\": {}\n}\n", "a.b", "{\n    \"a\": {\n        \"b\": \"x\"\n    }\n}\n"),
            ("{\n    \"a\": [1, 2]\n}\n", "a[2]", "{\n    \"a\": [1, 2, \"x\"]\n}\n"),
            ("{\n \"a\": 1\n}\n", "b", "{\n \"a\": 1,\n \"b\": \"x\"\n}\n"),
            ("{\n  \"a\": 1\n, \"b\": 2 }", "c", "{\n  \"a\": 1\n, \"b\": 2, \"c\": \"x\" }"),
            ("\u{feff}{\"a\" : 1}", "\"\u{1}\"", "\u{feff}{\"a\" : 1, \"\\u0001\": \"x\"}"),
        ] {
            assert_eq!(set_in(text, path, NewValue::Text("x")).unwrap(), expected, "{text} {path}");
        }
        assert_eq!(
            set_in(PRETTY, "a.c[2]", NewValue::Text("x")).unwrap(),
            PRETTY.replace("3\r\n\t\t]", "3,\r\n\t\t\t\"x\"\r\n\t\t]")
        );
    }

    #[test]
    fn lists_and_maps_are_spelled_in_the_layout_of_their_place() {
        let value = json!({"x": [1, {}], "y": {"z": "\u{7f}"}});
        assert_eq!(
            set_in("{\n \"a\": 1\n}", "a", NewValue::Json(&value)).unwrap(),
            "{\n \"a\": {\n  \"x\": [\n   1,\n   {}\n  ],\n  \"y\": {\n   \"z\": \"\\u007f\"\n  }\n }\n}"
        );
        assert_eq!(
            set_in("{\"a\": 1}", "a", NewValue::Json(&value)).unwrap(),
            "{\"a\": {\"x\": [1, {}], \"y\": {\"z\": \"\\u007f\"}}}"
        );
    }

    #[test]
    fn entries_are_removed_with_their_commas_and_lines() {
        for (text, path, expected) in [
            ("{\"a\": 1}", "a", "{}"),
            ("{\n  \"a\": 1\n}\n", "a", "{}\n"),
            ("{\"a\": 1, \"b\": 2, \"c\": 3}", "a", "{\"b\": 2, \"c\": 3}"),
            ("{\"a\": 1, \"b\": 2, \"c\": 3}", "b", "{\"a\": 1, \"c\": 3}"),
            ("{\"a\": 1, \"b\": 2, \"c\": 3}", "c", "{\"a\": 1, \"b\": 2}"),
            ("{\n \"a\": 1,\n \"b\": 2\n}", "a", "{\n \"b\": 2\n}"),
            ("{\n \"a\": 1,\n\n \"b\": [\n  2\n ]\n}", "b", "{\n \"a\": 1\n\n}"),
            ("{\"a\": [1, [2], 3]}", "a[1]", "{\"a\": [1, 3]}"),
            ("{\n  \"a\": 1\n, \"b\": 2\n, \"c\": 3\n}", "b", "{\n  \"a\": 1\n, \"c\": 3\n}"),
        ] {
            assert_eq!(unset_in(text, path).unwrap(), expected, "{text} {path}");
        }
    }

    #[test]
    fn paths_that_lead_nowhere_are_told() {
        let path = |text| KeyPath::parse(text).unwrap();
        let text = "{\"a\": {\"b\": [1, 2]}}";
        assert_eq!(set_in(text, "a.b", NewValue::Text("x")), Err(EditError::NotAValue(path("a.b"))));
        assert_eq!(set_in(text, "a.b[3]", NewValue::Text("x")), Err(EditError::BehindEnd { length: 2 }));
        assert_eq!(set_in(text, "a.c[1]", NewValue::Text("x")), Err(EditError::BehindEnd { length: 0 }));
        assert_eq!(set_in(text, "a.b[0].c", NewValue::Text("x")), Err(EditError::NotAContainer(path("a.b[0]"))));
        assert_eq!(set_in(text, "a[0]", NewValue::Text("x")), Err(EditError::NotAContainer(path("a"))));
        for missing in ["c", "a.c", "a.b[2]", "a.b.c", "a.b[0].c", "@2.a"] {
            assert_eq!(unset_in(text, missing), Err(EditError::NotFound(path(missing))), "{missing}");
        }
    }

    proptest! {
        #[test]
        fn setting_changes_nothing_else(text in document(), at: proptest::sample::Index, below in "([a-d]|\\[[0-2]\\]){0,2}", new in any::<String>()) {
            let parsed = parse(&text).unwrap();
            let leaves: Vec<_> = parsed.leaves().map(|leaf| leaf.path.clone()).collect();
            let mut path = if leaves.is_empty() { KeyPath::default() } else { leaves[at.index(leaves.len())].clone() };
            if let Ok(below) = KeyPath::parse(&below) {
                path.0.pop();
                path.0.extend(below.0);
            }
            assert_only_this_is_set(parse, set, &text, &path, &new);
        }

        #[test]
        fn any_json_reads_back(text in document(), value in value()) {
            let changed = set_in(&text, "new", NewValue::Json(&value)).unwrap();
            let read: serde_json::Value = serde_json::from_str(changed.trim_start_matches('\u{feff}')).unwrap();
            assert_eq!(read["new"], value);
        }

        #[test]
        fn removing_changes_nothing_else(text in document(), at: proptest::sample::Index, up in 0usize..2) {
            let parsed = parse(&text).unwrap();
            let leaves: Vec<_> = parsed.leaves().map(|leaf| leaf.path.clone()).collect();
            if leaves.is_empty() {
                return Ok(());
            }
            let mut path = leaves[at.index(leaves.len())].clone();
            path.0.truncate(path.0.len().saturating_sub(up).max(1));
            let changed = unset(&text, &parsed, &path).unwrap();
            assert_only_this_is_gone(parse, &text, &changed, &path);
        }
    }
}
