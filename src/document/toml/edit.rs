//! Setting and removing one value of a TOML document.
//!
//! A new key goes to the end of the section of its table, or behind the other dotted keys of its table; a new key
//! below a new top-level table begins a section at the end; an object behind the last item of an array of tables
//! begins a section `[[…]]`. All else that is new below a table is spelled with dotted keys and between brackets.

use zeroize::Zeroizing;

use super::layout::{Layout, Shape, is_header, last_end, last_start, start_of};
use super::spelling::{dotted, spell, spell_below, spell_entry, unspellable};
use crate::document::edit::{EditError, NewValue};
use crate::document::json::brackets::{Brackets, Change, behind_line, concat, line_indentation};
use crate::document::json::spelling::Spelling;
use crate::document::json::walk::walk;
use crate::document::path::Component;
use crate::document::{Content, Document, KeyPath, Node, Span, lines, splice};

/// Replaces the value at `path`, or adds it; missing parents are added too.
pub(crate) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let layout = Layout { text, document };
    let nodes = walk(document, path)?;
    let missing = &path.0[nodes.len() - 1..];
    let changes = if missing.is_empty() {
        vec![layout.replace(nodes[nodes.len() - 1], path, value)?]
    } else {
        layout.add(&nodes, path, missing, value)?
    };
    Ok(splice(text, changes.iter().map(|(span, new)| (*span, new.as_str()))))
}

/// Removes what stands at `path`, with its key; of a table, all its sections and dotted keys.
pub(crate) fn unset(text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let layout = Layout { text, document };
    let not_found = || EditError::NotFound(path.clone());
    let nodes = walk(document, path).map_err(|_| not_found())?;
    let [parents @ .., node] = nodes.as_slice() else { return Err(not_found()) };
    if parents.is_empty() || parents.len() < path.0.len() {
        return Err(not_found());
    }
    let removed = if let Some(container) = layout.innermost_brackets(parents) {
        let ends: Vec<_> = layout.values(node).into_iter().map(|value| value.end).collect();
        let [end] = ends[..] else {
            let reason = "several dotted keys of an inline table make it up";
            return Err(EditError::Entangled { path: path.clone(), reason });
        };
        let index = container.entries.iter().position(|entry| entry.end == end).ok_or_else(not_found)?;
        container.remove(index)
    } else {
        let mut lines = Vec::new();
        layout.lines_of(node, &mut lines);
        merge(lines)
    };
    Ok(splice(text, removed.into_iter().map(|span| (span, ""))))
}

impl<'a> Layout<'a> {
    /// Spells a value anew that there is already.
    fn replace(&self, node: &Node, path: &KeyPath, value: NewValue<'_>) -> Result<Change, EditError> {
        let mut new = Spelling::default();
        match (&node.content, self.shape(node)) {
            (Content::Leaf(index), _) => {
                let leaf = self.document.leaf(*index);
                spell(&mut new, value, leaf.style, leaf.span.of(self.text))?;
            }
            (Content::List(items), Some(Shape::Array)) if items.is_empty() => spell_below(&mut new, &[], value)?,
            (Content::Map(entries), Some(Shape::Inline)) if entries.is_empty() && !path.0.is_empty() => {
                spell_below(&mut new, &[], value)?;
            }
            _ => return Err(EditError::NotAValue(path.clone())),
        }
        Ok((node.span, new.finish()))
    }

    /// Adds what is `missing` to the last of `nodes`.
    fn add(
        &self,
        nodes: &[&'a Node],
        path: &KeyPath,
        missing: &[Component],
        value: NewValue<'_>,
    ) -> Result<Vec<Change>, EditError> {
        let (node, parents) = (nodes[nodes.len() - 1], &nodes[..nodes.len() - 1]);
        let mut entry = Spelling::default();
        if parents.is_empty() {
            return Ok(vec![self.add_to_root(missing, value)?]);
        }
        match self.shape(node) {
            None => Err(EditError::NotAContainer(KeyPath(path.0[..parents.len()].to_vec()))),
            Some(Shape::Array) => {
                spell_below(&mut entry, &missing[1..], value)?;
                Ok(add_in(&self.brackets(node), &["", &entry.finish(), ""]))
            }
            Some(Shape::Inline) => {
                spell_entry(&mut entry, missing, value)?;
                Ok(add_in(&self.brackets(node), &[" ", &entry.finish(), " "]))
            }
            Some(Shape::Dotted) => {
                entry.push(self.keys_to(node.span).of(self.text));
                entry.push(".");
                spell_entry(&mut entry, missing, value)?;
                let entry = entry.finish();
                if let Some(container) = self.innermost_brackets(parents) {
                    return Ok(add_in(&container, &[" ", &entry, " "]));
                }
                let last = self.values(node).into_iter().max_by_key(|value| value.end).unwrap_or(node.span);
                Ok(vec![self.line_behind(last.end, self.keys_to(node.span).start, &entry)])
            }
            Some(Shape::Header) => {
                spell_entry(&mut entry, missing, value)?;
                Ok(vec![self.line_behind(
                    self.end_of_section(node.span.start),
                    self.first_key(node.span.start),
                    &entry.finish(),
                )])
            }
            Some(Shape::Implicit) => {
                spell_entry(&mut entry, missing, value)?;
                let header = dotted(&path.0[..parents.len()]);
                let section = concat(&["[", &header, "]", lines::line_end(self.text), &entry.finish()]);
                Ok(vec![self.section_behind(self.end_of_section(node.span.start), &section)])
            }
            Some(Shape::Tables) => Ok(vec![self.add_table(node, &missing[1..], value)?]),
        }
    }

    fn add_to_root(&self, missing: &[Component], value: NewValue<'_>) -> Result<Change, EditError> {
        let line_end = lines::line_end(self.text);
        let mut entry = Spelling::default();
        let keys = missing.iter().take_while(|step| matches!(step, Component::Key { .. })).count();
        if keys > 1 {
            entry.push(&concat(&["[", &dotted(&missing[..keys - 1]), "]", line_end]));
            spell_entry(&mut entry, &missing[keys - 1..], value)?;
            return Ok(self.section_behind(self.end_of_text(), &entry.finish()));
        }
        spell_entry(&mut entry, missing, value)?;
        let entry = entry.finish();
        let start = lines::byte_order_mark(self.text);
        let first_header = self.document.items.iter().position(is_header);
        match last_end(&self.document.items) {
            // Without entries in the root table: above the first header and its comments, or below all comments.
            0 => match first_header {
                Some(index) => {
                    let mut above = lines::start_of_line(self.text, start_of(&self.document.items[index]));
                    while let Some(line) = self.line_before(above)
                        && line.of(self.text).trim_start_matches(lines::BLANKS).starts_with('#')
                    {
                        above = line.start;
                    }
                    Ok((Span::new(above, above), concat(&[&entry, line_end, line_end])))
                }
                None if self.end_of_text() == start => Ok((Span::new(start, start), concat(&[&entry, line_end]))),
                None => Ok(self.line_behind(self.end_of_text(), self.end_of_text(), &entry)),
            },
            end => Ok(self.line_behind(end, self.first_key(start), &entry)),
        }
    }

    /// Adds a table behind the last of an array of tables.
    fn add_table(&self, node: &Node, missing: &[Component], value: NewValue<'_>) -> Result<Change, EditError> {
        let Content::List(tables) = &node.content else { unreachable!("an array of tables is a list") };
        let last = tables.last().map_or(node.span, |table| table.span);
        let line_end = lines::line_end(self.text);
        let indentation = line_indentation(self.text, last.start);
        let key_indentation = line_indentation(self.text, self.first_key(last.start));
        let mut section = Spelling::default();
        section.push(last.of(self.text));
        match (missing.first(), value) {
            (Some(Component::Key { .. }), _) => {
                section.push(&concat(&[line_end, key_indentation]));
                spell_entry(&mut section, missing, value)?;
            }
            (None, NewValue::Json(serde_json::Value::Object(entries))) => {
                for (key, value) in entries {
                    section.push(&concat(&[line_end, key_indentation]));
                    spell_entry(&mut section, &[Component::key(key.as_str())], NewValue::Json(value))?;
                }
            }
            _ => return Err(unspellable("anything but tables in an array of tables")),
        }
        // Sections below the last table belong to it: the new one stands behind them all.
        let end = tables.last().map_or(node.span.start, last_start);
        Ok(self.section_behind(self.end_of_section(end), &concat(&[indentation, &section.finish()])))
    }

    /// Adds a line below the one on which `end` stands, indented as the one on which `sibling` stands.
    fn line_behind(&self, end: usize, sibling: usize, entry: &str) -> Change {
        let end = lines::end_of_line(self.text, end);
        let line = concat(&[lines::line_end(self.text), line_indentation(self.text, sibling), entry]);
        (Span::new(end, end), line)
    }

    /// Adds a section below the line on which `end` stands.
    fn section_behind(&self, end: usize, section: &str) -> Change {
        let line_end = lines::line_end(self.text);
        let end = lines::end_of_line(self.text, end);
        let new = if self.text[..end].trim_start_matches('\u{feff}').is_empty() {
            concat(&[section, line_end])
        } else {
            concat(&[line_end, line_end, section])
        };
        (Span::new(end, end), new)
    }

    /// Collects the lines that make up a node outside of brackets.
    fn lines_of(&self, node: &Node, lines: &mut Vec<Span>) {
        match self.shape(node) {
            None | Some(Shape::Array | Shape::Inline) => {
                let start = lines::start_of_line(self.text, self.keys_before(node.span.start).start);
                lines.push(Span::new(start, behind_line(self.text, node.span.end)));
            }
            Some(shape) => {
                if shape == Shape::Header {
                    lines.push(self.section(node.span.start));
                }
                match &node.content {
                    Content::Map(entries) => entries.iter().for_each(|entry| self.lines_of(&entry.node, lines)),
                    Content::List(nodes) => nodes.iter().for_each(|node| self.lines_of(node, lines)),
                    Content::Alias(_) | Content::Leaf(_) | Content::Null => {}
                }
            }
        }
    }
}

/// Adds an entry between brackets; with blanks around it if it is the only one.
fn add_in(container: &Brackets<'_>, [before, entry, behind]: &[&str; 3]) -> Vec<Change> {
    match container.entries.last() {
        Some(&last) => container.append(last, entry, ", "),
        None => vec![container.fill(&[before, entry, behind])],
    }
}

/// Joins spans that overlap.
fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort();
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::{any, proptest};
    use serde_json::json;

    use super::super::laws::document;
    use super::super::parse;
    use super::{set, unset};
    use crate::document::edit::{EditError, NewValue};
    use crate::document::json::laws::{assert_only_this_is_gone, assert_only_this_is_set};
    use crate::document::{Format, KeyPath, ScalarKind};

    fn set_in(text: &str, path: &str, value: NewValue<'_>) -> Result<String, EditError> {
        let path = KeyPath::parse(path).unwrap();
        let changed = set(text, &parse(text).unwrap(), &path, value)?;
        assert!(parse(&changed).is_ok(), "{text:?} became {:?}", *changed);
        Ok(changed.to_string())
    }

    fn unset_in(text: &str, path: &str) -> Result<String, EditError> {
        unset(text, &parse(text).unwrap(), &KeyPath::parse(path).unwrap()).map(|text| text.to_string())
    }

    #[test]
    fn only_the_value_is_replaced_and_keeps_its_quotes_where_they_can_hold_it() {
        for (old, new, expected) in [
            ("1 # c", "x", "\"x\" # c"),
            ("'a'", "x\\", "'x\\'"),
            ("'a'", "it's", "\"it's\""),
            ("'a'", "x\ny", "\"x\\ny\""),
            ("\"a\"", "\u{7f}", "\"\\u007f\""),
            ("'''\na'''", "\nx''y", "'''\n\nx''y'''"),
            ("'''a'''", "\nx", "'''\n\nx'''"),
            ("'''a'''", "x'", "\"x'\""),
            ("\"\"\"a\"\"\"", "\"x\"\"\\\n\r", "\"\"\"\"x\\\"\"\\\\\n\\r\"\"\""),
            ("[]", "x", "\"x\""),
            ("{}", "x", "\"x\""),
        ] {
            let text = format!("a = {old}\n");
            assert_eq!(set_in(&text, "a", NewValue::Text(new)).unwrap(), format!("a = {expected}\n"), "{old} {new}");
        }
    }

    #[test]
    fn new_keys_go_where_a_person_would_put_them() {
        for (text, path, expected) in [
            ("", "a", "a = \"x\"\n"),
            ("", "a.b.c", "[a.b]\nc = \"x\"\n"),
            ("\u{feff}# c\r\n", "a", "\u{feff}# c\r\na = \"x\"\r\n"),
            ("# c", "a.b", "# c\n\n[a]\nb = \"x\""),
            ("a = 1", "b", "a = 1\nb = \"x\""),
            ("a = 1 # c\r\n\r\n[t]\r\n", "\"b c\"", "a = 1 # c\r\n\"b c\" = \"x\"\r\n\r\n[t]\r\n"),
            ("# c\r\n\r\n# t\r\n[t]\r\n", "b", "# c\r\n\r\nb = \"x\"\r\n\r\n# t\r\n[t]\r\n"),
            ("[t]\n\n# u\n[u]\n", "t.a", "[t]\na = \"x\"\n\n# u\n[u]\n"),
            ("[t]\n  a = [\n 1 ] # c\n\n[u]\n", "t.b.c", "[t]\n  a = [\n 1 ] # c\n  b.c = \"x\"\n\n[u]\n"),
            ("a = 1\n\n", "u.b", "a = 1\n\n[u]\nb = \"x\"\n\n"),
            ("[a.b]\nx = 1\n\n[c]\n", "a.y", "[a.b]\nx = 1\n\n[a]\ny = \"x\"\n\n[c]\n"),
            ("a.b = 1\nz = 2\n", "a.c", "a.b = 1\na.c = \"x\"\nz = 2\n"),
            ("a . 'b'.c = 1\n", "a.b.d", "a . 'b'.c = 1\na . 'b'.d = \"x\"\n"),
            ("a = {}\n", "a.b", "a = { b = \"x\" }\n"),
            ("a = { b.c = 1 }\n", "a.b.d", "a = { b.c = 1, b.d = \"x\" }\n"),
            ("a = {b = 1}\n", "a.c[0].d", "a = {b = 1, c = [{ d = \"x\" }]}\n"),
            ("a = []\n", "a[0]", "a = [\"x\"]\n"),
            ("a = [\n  1, # one\n]\n", "a[1]", "a = [\n  1, # one\n  \"x\",\n]\n"),
            ("a = [\n  1 # one\n]\n", "a[1]", "a = [\n  1, # one\n  \"x\"\n]\n"),
            ("a = [ # none\n]\n", "a[0]", "a = [\"x\" # none\n]\n"),
            ("[[t]]\n  a = 1\n\n[u]\n", "t[1].a", "[[t]]\n  a = 1\n\n[[t]]\n  a = \"x\"\n\n[u]\n"),
            ("[[ t ]]\n[t.s]\nb = 1\n[u]\n", "t[1].a", "[[ t ]]\n[t.s]\nb = 1\n\n[[ t ]]\na = \"x\"\n[u]\n"),
            ("[[t]]\na = 1\n[[t]]\na = 2\n", "t[0].b", "[[t]]\na = 1\nb = \"x\"\n[[t]]\na = 2\n"),
            ("[[t]]\n[t.a.b]\n[[t]]\n", "t[0].a.c", "[[t]]\n[t.a.b]\n\n[t.a]\nc = \"x\"\n[[t]]\n"),
        ] {
            assert_eq!(set_in(text, path, NewValue::Text("x")).unwrap(), expected, "{text:?} {path}");
        }
    }

    #[test]
    fn json_values_keep_their_type() {
        let value = json!({"a b": [1, {"c": true}], "d": {}, "e": -0.5});
        let spelled = "{ \"a b\" = [1, { c = true }], d = {}, e = -0.5 }";
        assert_eq!(set_in("x = 1\n", "x", NewValue::Json(&value)).unwrap(), format!("x = {spelled}\n"));
        assert_eq!(
            set_in("[[x]]\ny = 1\n", "x[1]", NewValue::Json(&value)).unwrap(),
            "[[x]]\ny = 1\n\n[[x]]\n\"a b\" = [1, { c = true }]\nd = {}\ne = -0.5\n"
        );
        let text = set_in("", "x", NewValue::Json(&json!(u64::MAX))).unwrap();
        assert_eq!(parse(&text).unwrap().leaves().next().unwrap().kind, ScalarKind::Integer);
        let null = EditError::Unspellable { format: Format::Toml, what: "null" };
        assert_eq!(set_in("", "x", NewValue::Json(&json!([null]))), Err(null));
    }

    #[test]
    fn what_is_removed_goes_with_its_lines_and_commas() {
        for (text, path, expected) in [
            ("# c\na = 1 # d\nb = 2\n", "a", "# c\nb = 2\n"),
            ("a = 1\r\nb = '''\r\n\r\n'''", "b", "a = 1\r\n"),
            ("a.b = 1\nc = 2\na.d.e = 3\n", "a", "c = 2\n"),
            ("a.b = 1\nc = 2\na.d = 3\n", "a.d", "a.b = 1\nc = 2\n"),
            ("x = 1\n\n# a\n[a] # c\ny = 1\n\n# b\n[b]\n", "a", "x = 1\n\n# a\n# b\n[b]\n"),
            ("x = 1\n\n[a.b]\ny = 1\n\n[c]\n\n[a]\nz = 1\n\n", "a", "x = 1\n\n[c]\n"),
            ("[[t]]\na = 1\n[t.u]\n[[t]]\na = 2\n", "t[0]", "[[t]]\na = 2\n"),
            ("[[t]]\na = 1\n\n[[t]]\na = 2\n", "t[1].a", "[[t]]\na = 1\n\n[[t]]\n"),
            ("[[t]]\na = 1\n[b]\n[[t]]\na = 2\n", "t", "[b]\n"),
            ("a = { b.c = 1, d = 2 }\n", "a.b", "a = { d = 2 }\n"),
            ("a = [1, [2], 3]\n", "a[1]", "a = [1, 3]\n"),
            ("a = [ 1 ]\n", "a[0]", "a = []\n"),
            ("a = [\n  1, # one\n  2, # two\n  3 # three\n]\n", "a[1]", "a = [\n  1, # one\n  3 # three\n]\n"),
            ("a = [\n  1, # one\n  2 # two\n]\n", "a[1]", "a = [\n  1 # one\n]\n"),
            ("a = [ 1, # one\n  2 ]\n", "a[1]", "a = [ 1 # one\n   ]\n"),
        ] {
            let changed = unset_in(text, path).unwrap();
            assert_eq!(changed, expected, "{text:?} {path}");
            assert!(parse(&changed).is_ok());
        }
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        let path = |text| KeyPath::parse(text).unwrap();
        let text = "a.b = 1\nl = [1]\nm = {x.y = 1, x.z = 2}\n[t]\n[[u]]\n";
        for (at, error) in [
            ("a", EditError::NotAValue(path("a"))),
            ("t", EditError::NotAValue(path("t"))),
            ("u", EditError::NotAValue(path("u"))),
            ("l", EditError::NotAValue(path("l"))),
            ("a.b.c", EditError::NotAContainer(path("a.b"))),
            ("t[0]", EditError::NotAContainer(path("t"))),
            ("u[2].a", EditError::BehindEnd { length: 1 }),
            ("l[2]", EditError::BehindEnd { length: 1 }),
        ] {
            assert_eq!(set_in(text, at, NewValue::Text("x")), Err(error), "{at}");
        }
        assert!(matches!(set_in(text, "u[1]", NewValue::Text("x")), Err(EditError::Unspellable { .. })));
        assert!(matches!(unset_in(text, "m.x"), Err(EditError::Entangled { .. })));
        for missing in ["c", "a.c", "l[1]", "a.b.c", "u[0].c", "@2.a"] {
            assert_eq!(unset_in(text, missing), Err(EditError::NotFound(path(missing))), "{missing}");
        }
    }

    proptest! {
        #[test]
        fn setting_changes_nothing_else(text in document(), at: proptest::sample::Index, up in 0usize..3, below in "([a-g]|\\[[0-2]\\]){0,2}", new in any::<String>()) {
            let Ok(parsed) = parse(&text) else { return Ok(()) };
            let leaves: Vec<_> = parsed.leaves().map(|leaf| leaf.path.clone()).collect();
            let mut path = if leaves.is_empty() { KeyPath::default() } else { leaves[at.index(leaves.len())].clone() };
            if let Ok(below) = KeyPath::parse(&below) {
                path.0.truncate(path.0.len().saturating_sub(up));
                path.0.extend(below.0);
            }
            assert_only_this_is_set(parse, set, &text, &path, &new);
        }

        #[test]
        fn removing_changes_nothing_else(text in document(), at: proptest::sample::Index, up in 0usize..3) {
            let Ok(parsed) = parse(&text) else { return Ok(()) };
            let leaves: Vec<_> = parsed.leaves().map(|leaf| leaf.path.clone()).collect();
            if leaves.is_empty() {
                return Ok(());
            }
            let mut path = leaves[at.index(leaves.len())].clone();
            path.0.truncate(path.0.len().saturating_sub(up).max(1));
            match unset(&text, &parsed, &path) {
                Ok(changed) => assert_only_this_is_gone(parse, &text, &changed, &path),
                Err(error) => assert!(matches!(error, EditError::Entangled { .. }), "{error}: {text:?}"),
            }
        }
    }
}
