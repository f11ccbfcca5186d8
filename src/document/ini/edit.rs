//! Setting and removing one key of an INI document.

use zeroize::Zeroizing;

use super::{COMMENT_SIGNS, SEPARATORS};
use crate::document::edit::{EditError, NewValue};
use crate::document::path::Component;
use crate::document::{Content, Document, Entry, Format, KeyPath, Span, lines, splice};

/// How much deeper than its key a new continuation line is indented.
const INDENT: &str = "    ";

/// Sets a key, or adds it at the end of its section; a missing section is added at the end.
pub(crate) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let value = value.text(Format::Ini)?;
    let root = lines::root(document);
    let (section, entries, key) = match path.0.as_slice() {
        [] => return Err(EditError::NotAValue(path.clone())),
        [key] => (None, root, key),
        [section, key, deeper @ ..] => {
            let entry = root.iter().find(|entry| entry.key == *section);
            let entries = match entry.map(|entry| &entry.node.content) {
                None => &[],
                Some(Content::Map(entries)) => entries.as_slice(),
                Some(_) => return Err(EditError::NotAContainer(KeyPath(vec![section.clone()]))),
            };
            if !deeper.is_empty() {
                return Err(if entries.iter().any(|entry| entry.key == *key) {
                    EditError::NotAContainer(KeyPath(vec![section.clone(), key.clone()]))
                } else {
                    unspellable("keys below the keys of a section")
                });
            }
            (Some((section, entry)), entries, key)
        }
    };
    if let Some(entry) = entries.iter().find(|entry| entry.key == *key) {
        return replace(text, document, entry, path, &value);
    }
    let key = new_name(entries, key)?;
    if key.starts_with('[') || key.starts_with(COMMENT_SIGNS) || key.contains(SEPARATORS) || has_outer_blanks(key) {
        return Err(unspellable("a key that begins like a section or a comment, or has `=`, `:` or blanks around it"));
    }
    // The header line of a new section, then the new line itself; both in front of `position`.
    let (header, position) = match section {
        None => (None, end_of_root_keys(text, root)),
        Some((section, None)) => {
            let name = new_name(root, section)?;
            if name.contains(']') || name.trim_matches(lines::BLANKS).is_empty() {
                return Err(unspellable("a section without a name or with `]` in it"));
            }
            (Some(name), text.len())
        }
        Some((_, Some(section))) => (None, lines::of_entry(text, entries.last().unwrap_or(section)).end),
    };
    let line_end = lines::line_end_of(text, document);
    let sibling = entries.iter().rfind(|entry| !matches!(entry.node.content, Content::Map(_)));
    let indent = sibling.map_or("", |sibling| indent_of(text, sibling));
    // A deeper line behind the new one would become a part of its value: a bare key or a header had none to continue.
    let indent = deeper_line_behind(text, position, indent).unwrap_or(indent);
    let spelled = spell(&value, indent, INDENT, line_end)?;
    let header = match header {
        Some(name) => [if has_blank_end(text) { "" } else { line_end }, "[", name, "]", line_end],
        None => [""; 5],
    };
    let line = [indent, key, separator(text, root, entries), &spelled, line_end];
    let pieces = [lines::missing_line_end(text, position, line_end)].into_iter().chain(header).chain(line);
    Ok(splice(text, pieces.map(|piece| (Span::new(position, position), piece)).collect::<Vec<_>>()))
}

/// Removes a key with its lines, or a section from its header to its last key.
pub(crate) fn unset(text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let root = lines::root(document);
    let entry = match path.0.as_slice() {
        [key] => root.iter().find(|entry| entry.key == *key),
        [section, key] => {
            root.iter().find(|entry| entry.key == *section).and_then(|section| match &section.node.content {
                Content::Map(entries) => entries.iter().find(|entry| entry.key == *key),
                _ => None,
            })
        }
        _ => None,
    };
    let entry = entry.ok_or_else(|| EditError::NotFound(path.clone()))?;
    Ok(splice(text, [(lines::of_entry(text, entry), "")]))
}

/// Gives an entry another value.
fn replace(
    text: &str,
    document: &Document,
    entry: &Entry,
    path: &KeyPath,
    value: &str,
) -> Result<Zeroizing<String>, EditError> {
    let key_indent = indent_of(text, entry);
    let line_end = lines::line_end_of(text, document);
    let span = entry.node.span;
    match entry.node.content {
        Content::Leaf(_) => {
            let deeper = lines::split(span.of(text)).nth(1).map(|line| &line[..lines::skip_blanks(line, 0)]);
            let spelled = match deeper {
                Some(indent) => spell(value, "", indent, line_end)?,
                None => spell(value, key_indent, INDENT, line_end)?,
            };
            Ok(splice(text, [(span, spelled.as_str())]))
        }
        Content::Null => {
            if deeper_line_behind(text, lines::of_entry(text, entry).end, key_indent).is_some() {
                return Err(unspellable(
                    "a value for a bare key in front of a deeper line, which would become a part of it",
                ));
            }
            let spelled = spell(value, key_indent, INDENT, line_end)?;
            let separator = separator(text, lines::root(document), &[]);
            Ok(splice(text, [(span, separator), (span, &spelled)]))
        }
        _ => Err(EditError::NotAValue(path.clone())),
    }
}

/// Returns the blanks of the line that would continue a value, if one does: the first that is no comment, and deeper.
fn deeper_line_behind<'a>(text: &'a str, position: usize, indent: &str) -> Option<&'a str> {
    let lines = lines::split(&text[position..]).map(|line| (line, lines::skip_blanks(line, 0)));
    let mut lines = lines
        .into_iter()
        .filter(|(line, blanks)| !line[*blanks..].is_empty() && !line[*blanks..].starts_with(COMMENT_SIGNS));
    lines.next().filter(|(_, blanks)| *blanks > indent.len()).map(|(line, blanks)| &line[..blanks])
}

/// Returns the name of a key or section that can be added behind those that are there.
fn new_name<'a>(entries: &[Entry], component: &'a Component) -> Result<&'a str, EditError> {
    let Component::Key { name, occurrence, .. } = component else {
        return Err(unspellable("lists"));
    };
    let equal =
        entries.iter().filter(|entry| matches!(&entry.key, Component::Key { name: other, .. } if other == name));
    if *occurrence != equal.count() {
        return Err(unspellable("a repeated key without those before it"));
    }
    if name.is_empty() || name.contains(lines::LINE_ENDS) || name.contains('\0') {
        return Err(unspellable("an empty name, or one with a line end or NUL character"));
    }
    Ok(name)
}

/// Spells a value: one line, or one and its continuations.
fn spell(value: &str, key_indent: &str, deeper: &str, line_end: &str) -> Result<Zeroizing<String>, EditError> {
    if value.contains('\r') {
        return Err(unspellable("a carriage return"));
    }
    // Exactly as large as needed: growing would leave copies of the value behind.
    let line_start = line_end.len() + key_indent.len() + deeper.len();
    let mut spelled = Zeroizing::new(String::with_capacity(value.len() + value.matches('\n').count() * line_start));
    for (index, line) in value.split('\n').enumerate() {
        if has_outer_blanks(line) {
            return Err(unspellable("blanks at the start or end of a line"));
        }
        if index > 0 {
            if line.is_empty() || line.starts_with(COMMENT_SIGNS) {
                return Err(unspellable("an empty line, or a second line that begins like a comment"));
            }
            spelled.extend([line_end, key_indent, deeper]);
        }
        spelled.push_str(line);
    }
    Ok(spelled)
}

/// Returns how the document parts keys from values: as the last value of this section or the first of all does it.
fn separator<'a>(text: &'a str, root: &[Entry], siblings: &[Entry]) -> &'a str {
    let all = root.iter().flat_map(|entry| match &entry.node.content {
        Content::Map(entries) => entries.as_slice(),
        _ => std::slice::from_ref(entry),
    });
    let between = |entry: &Entry| {
        let span = entry.node.span;
        let has_text = matches!(entry.node.content, Content::Leaf(_))
            && !span.is_empty()
            && !span.of(text).starts_with(lines::LINE_ENDS);
        has_text.then(|| Span::new(entry.key_span.end, span.start).of(text))
    };
    siblings.iter().rev().chain(all).find_map(between).unwrap_or(" = ")
}

/// Returns where the keys before all sections end.
fn end_of_root_keys(text: &str, root: &[Entry]) -> usize {
    let sections = root.iter().position(|entry| matches!(entry.node.content, Content::Map(_))).unwrap_or(root.len());
    match (root[..sections].last(), root.get(sections)) {
        (Some(key), _) => lines::of_entry(text, key).end,
        (None, Some(section)) => lines::start_of_line(text, section.key_span.start),
        (None, None) => text.len(),
    }
}

/// Returns the blanks before an entry's key.
fn indent_of<'a>(text: &'a str, entry: &Entry) -> &'a str {
    Span::new(lines::start_of_line(text, entry.key_span.start), entry.key_span.start).of(text)
}

/// Tells whether a section can be appended without a blank line before it.
fn has_blank_end(text: &str) -> bool {
    let trimmed = text.trim_end_matches(lines::BLANKS);
    let before = trimmed.strip_suffix("\r\n").or_else(|| trimmed.strip_suffix(lines::LINE_ENDS)).unwrap_or(trimmed);
    lines::start_of_line(before, before.len()) == before.len()
}

fn has_outer_blanks(text: &str) -> bool {
    text.trim_matches(lines::BLANKS) != text
}

fn unspellable(what: &'static str) -> EditError {
    EditError::Unspellable { format: Format::Ini, what }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use proptest::sample::Index;
    use serde_json::json;

    use super::super::{parse, tests::document};
    use crate::document::edit::{EditError, NewValue};
    use crate::document::path::Component;
    use crate::document::{self, Format, KeyPath};

    fn path(text: &str) -> KeyPath {
        KeyPath::parse(text).expect("a path")
    }

    fn set(text: &str, key: &str, value: NewValue<'_>) -> Result<String, EditError> {
        let document = parse(text).expect("valid");
        document::set(Format::Ini, text, &document, &path(key), value).map(|text| text.to_string())
    }

    fn unset(text: &str, key: &str) -> Result<String, EditError> {
        let document = parse(text).expect("valid");
        document::unset(Format::Ini, text, &document, &path(key)).map(|text| text.to_string())
    }

    #[track_caller]
    fn assert_set(text: &str, key: &str, value: &str, expected: &str) {
        assert_eq!(set(text, key, NewValue::Text(value)).as_deref(), Ok(expected));
    }

    #[test]
    fn a_value_is_replaced_where_it_stands() {
        assert_set("a = 1\n", "a", "x ; y", "a = x ; y\n");
        assert_set("[s]\r\n a: 1 \r\n", "s.a", "", "[s]\r\n a:  \r\n");
        assert_set("a =  ", "a", "x", "a =  x");
        assert_set("a=1\na=2\n", "a#2", "x", "a=1\na=x\n");
        assert_set("[s]\na=1\n[s]\na=2\n", "s#2.a", "x", "[s]\na=1\n[s]\na=x\n");
    }

    #[test]
    fn a_new_key_does_not_swallow_the_deeper_line_behind_it() {
        assert_set("[a]\nbare\n\t[b]\n", "a.new", "x", "[a]\nbare\n\tnew = x\n\t[b]\n");
        assert_set("[a]\n ; note\n\n  [b]\n  k = 1\n", "a.new", "x", "[a]\n  new = x\n ; note\n\n  [b]\n  k = 1\n");
    }

    #[test]
    fn a_bare_key_gets_no_value_that_would_swallow_the_line_behind_it() {
        assert_set("a\nm\n", "a", "x", "a = x\nm\n");
        assert_set("a\n# note\n", "a", "x", "a = x\n# note\n");
        for text in ["a\n  m", "a\n\n# note\n  m = 1\n", "[s]\na\n [t]\nk = 1\n"] {
            let path = if text.starts_with('[') { "s.a" } else { "a" };
            assert!(matches!(set(text, path, NewValue::Text("x")), Err(EditError::Unspellable { .. })), "{text:?}");
        }
    }

    #[test]
    fn lines_of_a_value_become_continuations() {
        assert_set(" a = 1\r\nb = 2", "a", "x\ny", " a = x\r\n     y\r\nb = 2");
        assert_set("a =\n\tx\nb=1\n", "a", "y\nz", "a =y\n\tz\nb=1\n");
        assert_set("a = 1\n", "a", "\nx", "a = \n    x\n");
        assert_set("a = 1\n  2\n", "a", "x", "a = x\n");
    }

    #[test]
    fn a_null_gets_a_value() {
        assert_set("a: 1\nskip \n", "skip", "x", "a: 1\nskip: x \n");
        assert_set("skip", "skip", "x", "skip = x");
    }

    #[test]
    fn a_new_key_ends_its_section() {
        assert_set("", "a", "x", "a = x\n");
        assert_set("\u{feff}; c", "a", "x", "\u{feff}; c\na = x\n");
        assert_set("[s]\na=1", "b", "x", "b=x\n[s]\na=1");
        assert_set("a=1\n\n[s]\n", "b", "x", "a=1\nb=x\n\n[s]\n");
        assert_set("[s]\r\n\ta : 1\r\n; c\r\n[t]\r\nb=1", "s.c", "x", "[s]\r\n\ta : 1\r\n\tc : x\r\n; c\r\n[t]\r\nb=1");
        assert_set("[s] ; c\n\n[t]\n", "s.a", "x", "[s] ; c\na = x\n\n[t]\n");
        assert_set("[s]\na =\n  1\n  2", "s.b", "x\ny", "[s]\na =\n  1\n  2\nb = x\n    y\n");
        assert_set("[s]\na=1\n", "s.a#2", "x", "[s]\na=1\na=x\n");
    }

    #[test]
    fn a_new_section_ends_the_document() {
        assert_set("", "s.a", "x", "[s]\na = x\n");
        assert_set("a=1", "s.a", "x", "a=1\n\n[s]\na=x\n");
        assert_set("[s]\r\na=1\r\n", "t.a", "x", "[s]\r\na=1\r\n\r\n[t]\r\na=x\r\n");
        assert_set("[s]\na=1\n\n", "s#2.a", "x", "[s]\na=1\n\n[s]\na=x\n");
    }

    #[test]
    fn json_scalars_are_written_as_text() {
        assert_eq!(set("a=1", "a", NewValue::Json(&json!(8080))).as_deref(), Ok("a=8080"));
        assert_eq!(set("a=1", "a", NewValue::Json(&json!(false))).as_deref(), Ok("a=false"));
        let unspellable = EditError::Unspellable { format: Format::Ini, what: "null" };
        assert_eq!(set("a=1", "a", NewValue::Json(&json!(null))), Err(unspellable));
    }

    #[test]
    fn what_the_format_cannot_hold_is_refused() {
        let error = |key, value| set("a=1\n[s]\nb=1\n", key, NewValue::Text(value)).expect_err("refused");
        for value in [" x", "x\t", "x\n", "x\n\ny", "x\n;y", "x\n#y", "x\n y", "x\ry", "\0"] {
            assert!(matches!(error("a", value), EditError::Unspellable { .. }), "{value:?}");
        }
        for key in [
            "\"\"", "\";\"", "\"#\"", "\"[x\"", "\"a=b\"", "\"a:b\"", "\" a\"", "\"]\".a", "\" \".a", "s[0]", "x.y.z",
            "a#3", "t#2.a",
        ] {
            assert!(matches!(error(key, "x"), EditError::Unspellable { .. }), "{key}");
        }
        assert_eq!(error("s", "x"), EditError::NotAValue(path("s")));
        assert_eq!(error("a.b", "x"), EditError::NotAContainer(path("a")));
        assert_eq!(error("s.b.c", "x"), EditError::NotAContainer(path("s.b")));
        assert!(matches!(error("s#2", "x"), EditError::Unspellable { .. } | EditError::Entangled { .. }));
    }

    #[test]
    fn unset_removes_lines_and_sections() {
        let text = "a=1\n; c\n[s]\n; d\n b = 1\n  2\n c\n; e\n[t]\nd=1";
        assert_eq!(unset(text, "a").as_deref(), Ok("; c\n[s]\n; d\n b = 1\n  2\n c\n; e\n[t]\nd=1"));
        assert_eq!(unset(text, "s.b").as_deref(), Ok("a=1\n; c\n[s]\n; d\n c\n; e\n[t]\nd=1"));
        assert_eq!(unset(text, "s").as_deref(), Ok("a=1\n; c\n; e\n[t]\nd=1"));
        assert_eq!(unset(text, "t.d").as_deref(), Ok("a=1\n; c\n[s]\n; d\n b = 1\n  2\n c\n; e\n[t]\n"));
        assert_eq!(unset("a=1\na=2\n", "a").as_deref(), Ok("a=2\n"));
        assert_eq!(unset("[s]\na=1\n[s]\nb=2\n", "s").as_deref(), Ok("[s]\nb=2\n"));
        for key in ["b", "s.d", "s.b.c", "a#2", "a.b"] {
            assert_eq!(unset(text, key), Err(EditError::NotFound(path(key))));
        }
    }

    #[test]
    fn an_edit_that_would_change_another_value_is_refused() {
        let entangled = |key| EditError::Entangled { path: path(key), reason: "another value would change with it" };
        assert_eq!(unset("a=1\nskip\n  b=2\n", "skip"), Err(entangled("skip")));
        assert_eq!(set("[a]\nb=1\n", "a#2", NewValue::Text("x")), Err(entangled("a#2")));
    }

    proptest! {
        #[test]
        fn a_value_reads_back_and_nothing_else_changes(
            text in document(),
            value in prop_oneof![".*", "[a;#=:\\[ ]{0,6}", "[a-c;]{0,3}(\n[a-c;=]{1,3}){1,3}"].prop_map(|value| value.replace('\0', "")),
            index: Index,
        ) {
            let parsed = parse(&text).expect("valid");
            let leaves: Vec<_> = parsed.leaves().collect();
            let leaf = leaves.get(index.index(leaves.len() + 1));
            let key = leaf.map_or(KeyPath(vec![Component::key("new"), Component::key("key")]), |leaf| leaf.path.clone());
            let changed = match document::set(Format::Ini, &text, &parsed, &key, NewValue::Text(&value)) {
                Ok(changed) => changed,
                Err(EditError::Unspellable { .. }) => {
                    let is_spellable = !value.contains(['\r', '\n']) && value.trim_matches([' ', '\t']) == value;
                    prop_assert!(!is_spellable, "{value:?}");
                    return Ok(());
                }
                Err(error) => panic!("{error}"),
            };
            match leaf {
                Some(leaf) => {
                    prop_assert!(changed.starts_with(&text[..leaf.span.start]));
                    prop_assert!(changed.ends_with(&text[leaf.span.end..]));
                }
                None => prop_assert!(changed.starts_with(&text)),
            }
            let again = parse(&changed).expect("valid");
            let removed = document::unset(Format::Ini, &changed, &again, &key);
            if let Ok(removed) = removed {
                prop_assert_eq!(parse(&removed).expect("valid").leaves().count(), again.leaves().count() - 1);
            } else {
                prop_assert!(matches!(removed, Err(EditError::Entangled { .. })), "refused for another reason");
            }
        }

        #[test]
        fn a_key_can_be_added_to_any_section(text in document(), index: Index) {
            let parsed = parse(&text).expect("valid");
            let entries = crate::document::lines::root(&parsed);
            let sections: Vec<_> = entries.iter().filter(|entry| matches!(entry.node.content, super::Content::Map(_))).collect();
            let section = sections.get(index.index(sections.len() + 1));
            let key = KeyPath(section.map(|section| section.key.clone()).into_iter().chain([Component::key("new")]).collect());
            match document::set(Format::Ini, &text, &parsed, &key, NewValue::Text("x")) {
                Ok(changed) => prop_assert_eq!(changed.len() > text.len(), true),
                // A header below the new key is indented deeper.
                Err(error) => prop_assert!(matches!(error, EditError::Entangled { .. }), "{error}"),
            }
        }
    }
}
