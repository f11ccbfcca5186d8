//! Setting and removing one value of YAML text; every other byte stays.

use std::collections::HashSet;

use serde_json::Value;
use zeroize::Zeroizing;

use super::{block, gap_end, spell};
use crate::document::edit::{EditError, NewValue};
use crate::document::json::brackets::{Brackets, Change, behind_line, concat, indentation};
use crate::document::json::spelling::Spelling;
use crate::document::path::Component;
use crate::document::{Content, Document, EventKind, Item, KeyPath, Node, Span, Style, lines, splice};

/// Replaces the value at `path`, or adds it; missing parents are added too.
///
/// A new entry is a line of its own in a block collection, and stands between the brackets of a flow collection. A
/// value that has an anchor keeps it, so its aliases change with it; an alias is replaced itself. A tag stays where
/// it fits the new value.
pub(crate) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let editor = Editor { text, document, path };
    let (root, steps) = editor.root()?;
    let Some(root) = root else {
        editor.demand_addable(0, steps)?;
        return editor.begin(steps, value);
    };
    let (site, missing) = editor.find(root, steps)?;
    editor.demand_addable(length(site.node), missing)?;
    let changes = match (&site.node.content, missing) {
        (_, []) => editor.replace(&site, value)?,
        (Content::Null, _) => editor.nest(&site, missing, value)?,
        _ => editor.add(&site, missing, value)?,
    };
    Ok(apply(text, changes))
}

/// Removes what stands at `path`, with its key or dash.
pub(crate) fn unset(text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let editor = Editor { text, document, path };
    let (root, steps) = editor.root()?;
    let (site, missing) = match root {
        Some(root) => editor.find(root, steps)?,
        None => return Err(EditError::NotFound(path.clone())),
    };
    if !missing.is_empty() {
        return Err(EditError::NotFound(path.clone()));
    }
    let Some((&(container, index), above)) = site.above.split_last() else {
        return Err(editor.entangled("a whole document cannot be removed"));
    };
    let entry = editor.entry(container, index);
    if editor.has_alias_behind(entry) {
        return Err(editor.entangled("an alias refers to it"));
    }
    let changes = match editor.structure(container, above) {
        Structure::Brackets(brackets) => {
            brackets.remove(index).into_iter().map(|span| (span, Zeroizing::default())).collect()
        }
        Structure::Pair => vec![(entry, concat(&["{}"]))],
        Structure::Block if length(container) == 1 => editor.empty(container, above.last().copied(), entry),
        Structure::Block => vec![(editor.lines_of(container, index, entry), Zeroizing::default())],
    };
    Ok(apply(text, changes))
}

/// A text, and the place in it that is to be changed.
struct Editor<'a> {
    text: &'a str,
    document: &'a Document,
    path: &'a KeyPath,
}

/// A node, and how it is reached.
struct Site<'a> {
    node: &'a Node,
    /// The containers from the root on, and which of their children leads to the node.
    above: Vec<(&'a Node, usize)>,
}

/// What a node consists of.
struct Parts {
    tag: Option<Span>,
    /// Behind the last of tag and anchor.
    behind_properties: Option<usize>,
    content: Span,
    /// Whether it stands between brackets. (A bracket at the start of a block collection is that of its first key.)
    is_bracketed: bool,
}

/// How a list or map is written.
enum Structure<'a> {
    Block,
    Brackets(Brackets<'a>),
    /// A map of one entry without brackets in a flow sequence.
    Pair,
}

impl<'a> Editor<'a> {
    /// Returns the root that the path begins at, if there is one yet, and the steps from there.
    fn root(&self) -> Result<(Option<&'a Node>, &'a [Component]), EditError> {
        let roots = &self.document.roots;
        match self.path.0.as_slice() {
            [Component::Document(number), steps @ ..] => match roots.get(*number) {
                Some(root) => Ok((Some(root), steps)),
                None => Err(EditError::NotFound(self.path.clone())),
            },
            steps => Ok((roots.first(), steps)),
        }
    }

    /// Follows the path as far as there are nodes.
    fn find(&self, root: &'a Node, steps: &'a [Component]) -> Result<(Site<'a>, &'a [Component]), EditError> {
        let mut site = Site { node: root, above: Vec::new() };
        for (position, step) in steps.iter().enumerate() {
            let index = match (&site.node.content, step) {
                (Content::Alias(_), _) => return Err(self.entangled("it stands behind an alias")),
                (Content::Map(entries), Component::Key { .. }) => {
                    entries.iter().position(|entry| step.addresses(&entry.key))
                }
                (Content::List(items), Component::Item(item)) => (*item < items.len()).then_some(*item),
                (Content::Null, _) => None,
                _ => {
                    let length = self.path.0.len() - steps.len() + position;
                    return Err(EditError::NotAContainer(KeyPath(self.path.0[..length].to_vec())));
                }
            };
            let Some(index) = index else { return Ok((site, &steps[position..])) };
            site.above.push((site.node, index));
            site.node = child(site.node, index);
        }
        Ok((site, &[]))
    }

    /// Refuses steps that no new entry can have: an item behind the end, the second of equal keys.
    fn demand_addable(&self, mut length: usize, missing: &[Component]) -> Result<(), EditError> {
        for step in missing {
            match step {
                Component::Key { occurrence: 0, .. } => {}
                Component::Item(item) if *item == length => {}
                Component::Item(_) => return Err(EditError::BehindEnd { length }),
                Component::Key { .. } | Component::Document(_) => return Err(EditError::NotFound(self.path.clone())),
            }
            length = 0;
        }
        Ok(())
    }

    /// Begins the first document, behind the comments.
    fn begin(&self, steps: &[Component], value: NewValue<'_>) -> Result<Zeroizing<String>, EditError> {
        let line_end = lines::line_end(self.text);
        let mut new = Spelling::default();
        new.push(self.text);
        let is_line_begun = lines::start_of_line(self.text, self.text.len()) < self.text.len();
        new.push(if is_line_begun { line_end } else { "" });
        spell::block_entry(&mut new, steps, value, line_end)?;
        new.push(line_end);
        Ok(new.finish())
    }

    /// Puts a value in the place of another one, of a null or of an empty container.
    fn replace(&self, site: &Site<'_>, value: NewValue<'_>) -> Result<Vec<Change>, EditError> {
        if length(site.node) > 0 {
            return Err(EditError::NotAValue(self.path.clone()));
        }
        let parts = self.parts(site.node);
        let mut new = Spelling::default();
        new.push(&self.introduction(site, &parts));
        if let Content::Leaf(index) = site.node.content {
            let leaf = self.document.leaf(index);
            let source = leaf.span.of(self.text);
            let literal = spell::text(value)
                .filter(|_| leaf.style.is_block())
                .and_then(|text| spell::literal(text, leaf, source, lines::line_end(self.text)));
            if let Some(literal) = literal {
                new.push(&literal);
            } else {
                spell::inline(&mut new, value, leaf.style, self.is_in_flow(&site.above));
                new.push(if leaf.style.is_block() { block::header_comment(source) } else { "" });
            }
        } else {
            spell::inline(&mut new, value, Style::Plain, self.is_in_flow(&site.above));
        }
        let mut changes = self.without_tag(&parts, |tag| fits(tag, value));
        changes.push((parts.content, new.finish()));
        Ok(changes)
    }

    /// Puts new containers with a value in the place of a null.
    fn nest(&self, site: &Site<'_>, missing: &[Component], value: NewValue<'_>) -> Result<Vec<Change>, EditError> {
        let parts = self.parts(site.node);
        let introduction = self.introduction(site, &parts);
        let mut changes = self.without_tag(&parts, |_| false);
        let mut new = Spelling::default();
        if self.is_in_flow(&site.above) {
            new.push(&introduction);
            spell::flow_container(&mut new, missing, value)?;
            changes.push((parts.content, new.finish()));
            return Ok(changes);
        }
        let line_end = match site.above.last() {
            Some((container, _)) => self.line_end_in(container) + spell::INDENTATION,
            None => lines::line_end(self.text).to_owned(),
        };
        let spelled = parts.content;
        let end = lines::end_of_line(self.text, spelled.end);
        if spelled.is_empty() {
            new.push(introduction.trim_end_matches(' '));
        } else {
            let tag = changes.pop_if(|(tag, _)| tag.end == spelled.start);
            let start = tag.map_or(spelled.start, |(tag, _)| tag.start);
            let start = self.text[..start].trim_end_matches(lines::BLANKS).len();
            changes.push((Span::new(start, spelled.end), Zeroizing::default()));
        }
        new.push(&line_end);
        spell::block_entry(&mut new, missing, value, &line_end)?;
        changes.push((Span::new(end, end), new.finish()));
        Ok(changes)
    }

    /// Adds an entry to a list or map.
    fn add(&self, site: &Site<'_>, missing: &[Component], value: NewValue<'_>) -> Result<Vec<Change>, EditError> {
        let mut new = Spelling::default();
        match self.structure(site.node, &site.above) {
            Structure::Brackets(brackets) => {
                spell::flow_entry(&mut new, missing, value)?;
                let entry = new.finish();
                Ok(match brackets.entries.last() {
                    Some(last) => brackets.append(*last, &entry, ", "),
                    None => vec![brackets.fill(&[&entry])],
                })
            }
            Structure::Pair => {
                new.push(", ");
                spell::flow_entry(&mut new, missing, value)?;
                new.push("}");
                let Span { start, end } = site.node.span;
                Ok(vec![(Span::new(start, start), concat(&["{"])), (Span::new(end, end), new.finish())])
            }
            Structure::Block => {
                let line_end = self.line_end_in(site.node);
                let end = lines::end_of_line(self.text, site.node.span.end);
                new.push(&line_end);
                spell::block_entry(&mut new, missing, value, &line_end)?;
                Ok(vec![(Span::new(end, end), new.finish())])
            }
        }
    }

    /// Returns what must stand before a value in the place of a null for which nothing is spelled: a blank, or a colon
    /// where there is none.
    fn introduction(&self, site: &Site<'_>, parts: &Parts) -> String {
        if !parts.content.is_empty() {
            return String::new();
        }
        match site.above.last() {
            Some((container @ Node { content: Content::Map(entries), .. }, index))
                if entries[*index].key_span.end == parts.content.start =>
            {
                if !self.is_in_flow(&site.above) {
                    self.line_end_in(container) + ": "
                } else if entries[*index].key_span.is_empty() {
                    " : ".to_owned() // Behind a `?`.
                } else {
                    ": ".to_owned()
                }
            }
            _ => " ".to_owned(),
        }
    }

    /// Returns the change that removes a tag, unless the new value keeps it.
    fn without_tag(&self, parts: &Parts, is_kept: impl Fn(&str) -> bool) -> Vec<Change> {
        let Some(tag) = parts.tag.filter(|tag| !is_kept(tag.of(self.text))) else { return Vec::new() };
        let behind = lines::skip_blanks(self.text, tag.end);
        let span = if tag.end < behind && behind <= parts.content.start && !parts.content.is_empty() {
            Span::new(tag.start, behind)
        } else {
            Span::new(self.text[..tag.start].trim_end_matches(lines::BLANKS).len(), tag.end)
        };
        vec![(span, Zeroizing::default())]
    }

    /// Leaves an empty container in the place of the only entry of a block collection.
    fn empty(&self, container: &Node, above: Option<(&Node, usize)>, entry: Span) -> Vec<Change> {
        let braces = if let Content::List(_) = container.content { "[]" } else { "{}" };
        let end = lines::end_of_line(self.text, entry.end);
        match self.parts(container).behind_properties.or_else(|| above.and_then(|above| self.behind_indicator(above))) {
            Some(position) if indentation(self.text, entry.start).is_some() => {
                vec![
                    (Span::new(position, position), concat(&[" ", braces])),
                    (self.whole_lines(entry), Zeroizing::default()),
                ]
            }
            _ => vec![(Span::new(entry.start, end), concat(&[braces]))],
        }
    }

    /// Returns where the colon or dash before a child ends.
    fn behind_indicator(&self, (container, index): (&Node, usize)) -> Option<usize> {
        let start = match &container.content {
            Content::Map(entries) => gap_end(self.text, entries[index].key_span.end),
            _ => self.entry(container, index).start,
        };
        self.text[start..].starts_with([':', '-']).then_some(start + 1)
    }

    /// Returns what to remove so that one of several entries of a block collection is gone.
    fn lines_of(&self, container: &Node, index: usize, entry: Span) -> Span {
        if indentation(self.text, entry.start).is_some() {
            return self.whole_lines(entry);
        }
        // It is the first one and stands behind a dash: the next one moves there, or stays below its comments.
        let end = lines::end_of_line(self.text, entry.end);
        let next = self.entry(container, index + 1).start;
        if self.text[end..next].contains('#') {
            Span::new(self.text[..entry.start].trim_end_matches(lines::BLANKS).len(), end)
        } else {
            Span::new(entry.start, next)
        }
    }

    /// Widens a span to whole lines, with the line end behind them.
    fn whole_lines(&self, span: Span) -> Span {
        Span::new(lines::start_of_line(self.text, span.start), behind_line(self.text, span.end))
    }

    /// Tells whether an alias behind `removed` refers to an anchor in it.
    fn has_alias_behind(&self, removed: Span) -> bool {
        let first = self.document.items.partition_point(|item| start(item) < removed.start);
        let events = self.document.items[first..].iter().filter_map(|item| match item {
            Item::Event(event) => Some(event),
            Item::Leaf(_) | Item::Comment(_) => None,
        });
        let name = |span: Span| &span.of(self.text)[1..];
        let mut anchors = HashSet::new();
        for event in events {
            match event.kind {
                EventKind::Anchor if event.span.start < removed.end => drop(anchors.insert(name(event.span))),
                EventKind::Alias if event.span.start >= removed.end && anchors.contains(name(event.span)) => {
                    return true;
                }
                EventKind::DocumentEnd => return false,
                _ => {}
            }
        }
        false
    }

    /// Returns an entry or item, from its key, dash or `?` to the end of its value.
    fn entry(&self, container: &Node, index: usize) -> Span {
        let from = if index > 0 {
            child(container, index - 1).span.end
        } else {
            let parts = self.parts(container);
            parts.content.start + usize::from(parts.is_bracketed)
        };
        let start = gap_end(self.text, from);
        let start =
            if index > 0 && self.text[start..].starts_with(',') { gap_end(self.text, start + 1) } else { start };
        Span::new(start, child(container, index).span.end)
    }

    fn structure(&self, container: &Node, above: &[(&Node, usize)]) -> Structure<'a> {
        let parts = self.parts(container);
        if parts.is_bracketed {
            let entries = (0..length(container)).map(|index| self.entry(container, index)).collect();
            return Structure::Brackets(Brackets { text: self.text, span: parts.content, entries });
        }
        if self.is_in_flow(above) { Structure::Pair } else { Structure::Block }
    }

    fn is_in_flow(&self, above: &[(&Node, usize)]) -> bool {
        above.iter().any(|(container, _)| self.parts(container).is_bracketed)
    }

    /// Returns a line end with the indentation of the entries of a block collection.
    fn line_end_in(&self, container: &Node) -> String {
        let start = self.parts(container).content.start;
        let column = self.text[lines::start_of_line(self.text, start)..start].chars().count();
        lines::line_end(self.text).to_owned() + &" ".repeat(column)
    }

    /// Finds the events of a node.
    fn parts(&self, node: &Node) -> Parts {
        let mut parts = Parts { tag: None, behind_properties: None, content: node.span, is_bracketed: false };
        let first = self.document.items.partition_point(|item| start(item) < node.span.start);
        for item in &self.document.items[first..] {
            match (item, &node.content) {
                (Item::Event(event), _) if matches!(event.kind, EventKind::Tag | EventKind::Anchor) => {
                    parts.behind_properties = Some(event.span.end);
                    if event.kind == EventKind::Tag {
                        parts.tag = Some(event.span);
                    }
                }
                (Item::Event(event), content) if is_opened_by(content, event.kind) => {
                    parts.content.start = event.span.start;
                    parts.is_bracketed = matches!(event.span.of(self.text), "[" | "{");
                    break;
                }
                (Item::Leaf(leaf), Content::Leaf(_)) => {
                    parts.content.start = leaf.span.start;
                    break;
                }
                _ => {}
            }
        }
        parts
    }

    fn entangled(&self, reason: &'static str) -> EditError {
        EditError::Entangled { path: self.path.clone(), reason }
    }
}

fn apply(text: &str, mut changes: Vec<Change>) -> Zeroizing<String> {
    changes.sort_by_key(|(span, _)| *span);
    splice(text, changes.iter().map(|(span, new)| (*span, new.as_str())))
}

/// Tells whether a tag fits a new value: `!!str` any text, a tag of the application's own any scalar.
fn fits(tag: &str, value: NewValue<'_>) -> bool {
    match tag {
        "!!str" | "!" => spell::text(value).is_some(),
        _ => !matches!(value, NewValue::Json(Value::Array(_) | Value::Object(_))) && !tag[1..].contains(['!', '<']),
    }
}

/// Returns how many items or entries a node has.
fn length(node: &Node) -> usize {
    match &node.content {
        Content::List(items) => items.len(),
        Content::Map(entries) => entries.len(),
        Content::Alias(_) | Content::Leaf(_) | Content::Null => 0,
    }
}

/// Returns an item of a list or the value of an entry of a map.
fn child(container: &Node, index: usize) -> &Node {
    match &container.content {
        Content::List(items) => &items[index],
        Content::Map(entries) => &entries[index].node,
        Content::Alias(_) | Content::Leaf(_) | Content::Null => unreachable!("only lists and maps have children"),
    }
}

/// Tells whether an event of this kind begins such a node.
fn is_opened_by(content: &Content, kind: EventKind) -> bool {
    matches!(
        (content, kind),
        (Content::Alias(_), EventKind::Alias)
            | (Content::List(_), EventKind::ListOpen)
            | (Content::Map(_), EventKind::MapOpen)
            | (Content::Null, EventKind::Null)
    )
}

fn start(item: &Item) -> usize {
    match item {
        Item::Event(event) => event.span.start,
        Item::Leaf(leaf) => leaf.span.start,
        Item::Comment(comment) => comment.span.start,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_oneof, proptest};
    use serde_json::json;

    use super::{set, unset};
    use crate::document::edit::{EditError, NewValue};
    use crate::document::path::Component;
    use crate::document::yaml::{laws, parse};
    use crate::document::{Content, Format, KeyPath, Node, check};

    fn set_text(text: &str, path: &str, value: &str) -> Result<String, EditError> {
        edited(text, path, NewValue::Text(value))
    }

    fn set_json(text: &str, path: &str, value: &serde_json::Value) -> Result<String, EditError> {
        edited(text, path, NewValue::Json(value))
    }

    fn edited(text: &str, path: &str, value: NewValue<'_>) -> Result<String, EditError> {
        let (document, path) = (parse(text).expect("valid"), KeyPath::parse(path).expect("a path"));
        let new = set(text, &document, &path, value)?;
        check::is_set(Format::Yaml, (text, &document), &new, &path, value)?;
        Ok(new.to_string())
    }

    fn removed(text: &str, path: &str) -> Result<String, EditError> {
        let (document, path) = (parse(text).expect("valid"), KeyPath::parse(path).expect("a path"));
        let new = unset(text, &document, &path)?;
        check::is_unset(Format::Yaml, (text, &document), &new, &path)?;
        Ok(new.to_string())
    }

    #[test]
    fn a_value_is_replaced_and_keeps_its_quotes_where_they_can_hold_the_new_one() {
        let cases = [
            ("a: old # c\n", "new", "a: new # c\n"),
            ("a: old", "5", "a: '5'"),
            ("a: 5\n", "yes", "a: 'yes'\n"),
            ("a: 'old'\r\nb: c\r\n", "it's", "a: 'it''s'\r\nb: c\r\n"),
            ("a: \"old\"\n", "n\"e\\w\u{7}", "a: \"n\\\"e\\\\w\\x07\"\n"),
            ("a: 'old'\n", "one\ntwo", "a: \"one\\ntwo\"\n"),
            ("a: old\n  line # c\nb: c", "x: y", "a: 'x: y' # c\nb: c"),
            ("{a: old, b: c}", "x, y", "{a: 'x, y', b: c}"),
            ("a: ~ # c\n", "x", "a: x # c\n"),
            ("a: # c\n", "x", "a: x # c\n"),
            ("a:\nb: c\n", "x", "a: x\nb: c\n"),
            ("{b: c, a}", "x", "{b: c, a: x}"),
            ("? a\n? b\n", "x", "? a\n: x\n? b\n"),
            ("b: &b 1\na: *b\n", "x", "b: &b 1\na: x\n"),
            ("a: &b old\nc: *b\n", "new", "a: &b new\nc: *b\n"),
            ("a: !!int 5\n", "new", "a: new\n"),
            ("a: !!str 5\n", "new", "a: !!str new\n"),
            ("a: !vault |\n  old\nb: c\n", "new", "a: !vault new\nb: c\n"),
            ("a: []\n", "new", "a: new\n"),
        ];
        for (text, value, expected) in cases {
            assert_eq!(set_text(text, "a", value).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn a_block_of_text_stays_one_where_it_can() {
        let cases = [
            ("a: | # c\n    old\nb: c\n", "x\ny\n", "a: | # c\n    x\n    y\nb: c\n"),
            ("a: >+\n  old\n\n\nb: c\n", "x\n\n  y", "a: |-\n  x\n\n    y\nb: c\n"),
            ("a:\n- |\n old", "x\ny\n", "a:\n- |\n x\n y\n"),
            ("a:\n- |-\n old", " x\ny", "a:\n- |1-\n  x\n y"),
            ("a: | # c\n  old\nb: c\n", "x", "a: x # c\nb: c\n"),
            ("a: |\n  old\nb: c\n", "x\n\n", "a: \"x\\n\\n\"\nb: c\n"),
            ("a: |\r\n  old\r\n", "x\r\ny\r\n", "a: \"x\\r\\ny\\r\\n\"\r\n"),
            ("a: |\r\n  old\r\n", "x\ny\n", "a: |\r\n  x\r\n  y\r\n"),
        ];
        for (text, value, expected) in cases {
            let path = if text.contains('-') && text.contains("a:\n") { "a[0]" } else { "a" };
            assert_eq!(set_text(text, path, value).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn json_keeps_its_type_and_containers_are_flow_collections() {
        let cases = [
            (json!(5), "a: 5\n"),
            (json!(1.5e30), "a: 1.5e+30\n"),
            (json!(true), "a: true\n"),
            (json!(null), "a: null\n"),
            (json!("5"), "a: \"5\"\n"),
            (json!(["x", 1, {"k": "a: b", "no": []}, "p,q"]), "a: [x, 1, {k: 'a: b', 'no': []}, 'p,q']\n"),
        ];
        for (value, expected) in cases {
            assert_eq!(set_json("a: \"old\"\n", "a", &value).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_new_key_stands_behind_its_siblings() {
        let cases = [
            ("a: 1 # c\n# d\n", "b", "a: 1 # c\nb: x\n# d\n"),
            ("a: 1", "b", "a: 1\nb: x"),
            (
                "a:\r\n    k: |\r\n      l\r\n\r\nz: 1\r\n",
                "a.b",
                "a:\r\n    k: |\r\n      l\r\n    b: x\r\n\r\nz: 1\r\n",
            ),
            ("- k: 1\n  l: 2\n- m\n", "[0].b", "- k: 1\n  l: 2\n  b: x\n- m\n"),
            ("a:\n- 1\n# c\n", "a[1]", "a:\n- 1\n- x\n# c\n"),
            ("a: {k: 1}\n", "a.b", "a: {k: 1, b: x}\n"),
            ("a: {k: 1,}\n", "a.b", "a: {k: 1, b: x,}\n"),
            ("a: {} # c\n", "a.b", "a: {b: x} # c\n"),
            ("a: [\n  k, # c\n  l # d\n ]\n", "a[2]", "a: [\n  k, # c\n  l, # d\n  x\n ]\n"),
            ("a: [\n  k,\n  l\n]\n", "a[2]", "a: [\n  k,\n  l,\n  x\n]\n"),
            ("a: [\n]\n", "a[0]", "a: [x]\n"),
            ("a: [{\n  k: 1\n}]\n", "a[0].b", "a: [{\n  k: 1,\n  b: x\n}]\n"),
            ("a: [\r  k, # c\r  l # d, e\r  , # f\r]\r", "a[2]", "a: [\r  k, # c\r  l, x # d, e\r  , # f\r]\r"),
            ("a: [\r  k # c\r]\r", "a[1]", "a: [\r  k, # c\r  x\r]\r"),
            ("[a: 1]", "[0].b", "[{a: 1, b: x}]"),
            ("a: 1\n", "b.c.d", "a: 1\nb:\n  c:\n    d: x\n"),
            ("a: 1\n", "b[0].c[0]", "a: 1\nb:\n  - c:\n      - x\n"),
            ("a: {}\n", "a.b[0].c", "a: {b: [{c: x}]}\n"),
            ("a: # c\nd: 1\n", "a.b", "a: # c\n  b: x\nd: 1\n"),
            ("a: ~ # c\nd: 1\n", "a.b", "a: # c\n  b: x\nd: 1\n"),
            ("a: !t ~ # c\n", "a.b", "a: # c\n  b: x\n"),
            ("a: &k !t ~\n", "a.b", "a: &k\n  b: x\n"),
            ("a: !t &k ~\n", "a.b", "a: &k\n  b: x\n"),
            ("- &k\n- 2\n", "[0].b", "- &k\n  b: x\n- 2\n"),
            ("", "b.c", "b:\n  c: x\n"),
            ("# c", "b", "# c\nb: x\n"),
            ("---\n", "b", "---\nb: x\n"),
            ("a: 1\n--- # c\nk: 1\n...\n", "@2.b", "a: 1\n--- # c\nk: 1\nb: x\n...\n"),
            ("a: &k {l: 1}\nm:\n  <<: *k\n", "m.l", "a: &k {l: 1}\nm:\n  <<: *k\n  l: x\n"),
            ("a: 1\n", "\"1: y\"", "a: 1\n'1: y': x\n"),
        ];
        for (text, path, expected) in cases {
            assert_eq!(set_text(text, path, "x").as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn an_entry_is_removed_with_its_line() {
        let cases = [
            ("a: 1\n# c\nb: 2 # d\nc: 3\n", "b", "a: 1\n# c\nc: 3\n"),
            ("a: 1\nb: |\n  x\n", "b", "a: 1\n"),
            ("a: 1\r\nb: 2", "b", "a: 1\r\n"),
            ("a: 1\n\nb:\n  c: [1,\n    2]\n  # e\n  d: 4\n\nf: 1\n", "b", "a: 1\n\n\nf: 1\n"),
            ("- a: 1 # c\n  b: 2\n", "[0].a", "- b: 2\n"),
            ("- a: 1\n  # about b\n  b: 2\n", "[0].a", "-\n  # about b\n  b: 2\n"),
            ("- a: 1\n  b: 2\n", "[0].b", "- a: 1\n"),
            ("a:\n- 1\n- 2\n- 3\n", "a[1]", "a:\n- 1\n- 3\n"),
            ("a: # c\n  b: 1 # d\ne: 2\n", "a.b", "a: {} # c\ne: 2\n"),
            ("a: &x\n- 1\ne: 2\n", "a[0]", "a: &x []\ne: 2\n"),
            ("- - 1\n- 2\n", "[0][0]", "- []\n- 2\n"),
            ("a:\n  b: 1", "a.b", "a: {}\n"),
            ("# c\na: 1 # d\n", "a", "# c\n{}\n"),
            ("--- &x\na: 1\n", "a", "--- &x {}\n"),
            ("{a: 1, b: 2, c: 3}", "b", "{a: 1, c: 3}"),
            ("{a: 1, b: 2}", "b", "{a: 1}"),
            ("[ a ]", "[0]", "[]"),
            ("[\n  a, # c\n  b # d\n]\n", "[1]", "[\n  a # c\n]\n"),
            ("a: {\n  b: [\n    1\n  ],\n  c: 2\n}\n", "a.b", "a: {\n  c: 2\n}\n"),
            ("a: [\n  1\n]\n", "a[0]", "a: []\n"),
            ("a: [\r  b # c, d\r  , # e\r  f # g\r]\r", "a[0]", "a: [\r   # c, d\r   # e\r  f # g\r]\r"),
            ("a: [\r  b, # c\r  d # e\r]\r", "a[1]", "a: [\r  b # c\r]\r"),
            ("[a: 1, b]", "[0].a", "[{}, b]"),
            ("? a\n? [b]\n: 1\n? c\n", "\"[b]\"", "? a\n? c\n"),
            ("<<: 1\n<<: 2\n", "<<#2", "<<: 1\n"),
            ("a: 1\n---\nb: 2\nc: 3\n", "@2.b", "a: 1\n---\nc: 3\n"),
        ];
        for (text, path, expected) in cases {
            assert_eq!(removed(text, path).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_edited_alone_is_refused() {
        let path = |path: &str| KeyPath::parse(path).expect("a path");
        let aliased = "a: &x {k: 1}\nb: *x\n";
        assert!(matches!(removed(aliased, "a"), Err(EditError::Entangled { .. })));
        assert!(matches!(set_text(aliased, "b.k", "x"), Err(EditError::Entangled { .. })));
        assert_eq!(removed(aliased, "b").as_deref(), Ok("a: &x {k: 1}\n"));
        assert_eq!(set_text(aliased, "a", "x"), Err(EditError::NotAValue(path("a"))));
        assert_eq!(set_text("a: 1\n", "a.b", "x"), Err(EditError::NotAContainer(path("a"))));
        assert_eq!(set_text("a: [1]\n", "a[2]", "x"), Err(EditError::BehindEnd { length: 1 }));
        assert_eq!(set_text("a:\n", "a[1]", "x"), Err(EditError::BehindEnd { length: 0 }));
        assert_eq!(set_text("a: 1\n", "b#2", "x"), Err(EditError::NotFound(path("b#2"))));
        assert_eq!(set_text("a: 1\n", "@2.b", "x"), Err(EditError::NotFound(path("@2.b"))));
        assert_eq!(removed("a: 1\n", "b"), Err(EditError::NotFound(path("b"))));
        assert!(matches!(set_text("a: 1\n", &"k".repeat(1025), "x"), Err(EditError::Unspellable { .. })));
    }

    /// Every path of the tree, and for each container the path of a new entry.
    fn paths(node: &Node, path: &KeyPath, found: &mut Vec<KeyPath>) {
        found.push(path.clone());
        match &node.content {
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    paths(item, &path.child(Component::Item(index)), found);
                }
                found.push(path.child(Component::Item(items.len())));
            }
            Content::Map(entries) => {
                for entry in entries {
                    paths(&entry.node, &path.child(entry.key.clone()), found);
                }
                found.push(path.child(Component::key("new key")));
            }
            Content::Null => found.push(path.child(Component::key("new")).child(Component::key("key"))),
            Content::Alias(_) | Content::Leaf(_) => {}
        }
    }

    /// Edits every place of a document; returns what would not come out right.
    fn edit_everywhere(text: &str, value: NewValue<'_>) -> Vec<String> {
        let document = parse(text).expect("valid");
        let mut found = Vec::new();
        for (number, root) in document.roots.iter().enumerate() {
            let path = if number == 0 { KeyPath::default() } else { KeyPath(vec![Component::Document(number)]) };
            paths(root, &path, &mut found);
        }
        let mut failures = Vec::new();
        for path in &found {
            if let Ok(new) = set(text, &document, path, value)
                && let Err(error) = check::is_set(Format::Yaml, (text, &document), &new, path, value)
            {
                failures.push(format!("set {path}: {error}: {text:?} became {:?}", *new));
            }
            if let Ok(new) = unset(text, &document, path)
                && let Err(error) = check::is_unset(Format::Yaml, (text, &document), &new, path)
            {
                failures.push(format!("unset {path}: {error}: {text:?} became {:?}", *new));
            }
        }
        failures
    }

    #[test]
    fn every_place_of_the_corpus_can_be_edited() {
        let list = json!([1, "two", {"three": null}]);
        let values = [NewValue::Text("x"), NewValue::Text("- a\n\n b: #\n"), NewValue::Json(&list)];
        let mut failures = Vec::new();
        for (_, text) in laws::corpus("valid") {
            for text in laws::variants(&text) {
                failures.extend(values.iter().flat_map(|value| edit_everywhere(&text, *value)));
            }
        }
        assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    }

    #[test]
    fn nearly_every_place_of_mutated_documents_can_be_edited() {
        // What is left are such things as a comment that becomes part of the block scalar above it.
        let mut failures = Vec::new();
        let mut random = laws::Random::new(3);
        let documents = laws::documents();
        if documents.is_empty() {
            return;
        }
        for number in 0..laws::mutations() {
            let text = random.mutate(&documents[number % documents.len()].1);
            if parse(&text).is_ok() {
                failures.extend(edit_everywhere(&text, NewValue::Text("x")));
            }
        }
        assert!(failures.len() < laws::mutations() / 100, "{}:\n{}", failures.len(), failures.join("\n"));
    }

    proptest! {
        #[test]
        fn any_text_reads_back_wherever_it_is_put(value in prop_oneof![
            any::<String>(),
            "[ \t\r\n:#'\"\\\\|>a-c0-9,\\[\\]{}&*!%@`?~.-]{0,12}",
            "[ \t\na-b]{0,12}",
        ]) {
            let document = "a: b\nc: 'd'\ne: \"f\"\ng: |\n  h\ni:\n- >\n\n  j\n- k: l\n  m: n\no: {p: q, r: [s, t: u]}\n";
            let failures = edit_everywhere(document, NewValue::Text(&value));
            assert!(failures.is_empty(), "{}", failures.join("\n"));
        }
    }
}
