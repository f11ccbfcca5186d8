//! Setting and removing one value of a TOML document.
//!
//! A new key goes to the end of the section of its table, or behind the other dotted keys of its table; a new key
//! below a new top-level table begins a section at the end; an object behind the last item of an array of tables
//! begins a section `[[…]]`. All else that is new below a table is spelled with dotted keys and between brackets.

use zeroize::Zeroizing;

use super::spelling::{dotted, spell, spell_below, spell_entry, unspellable};
use crate::document::edit::{EditError, NewValue};
use crate::document::json::brackets::{Brackets, Change, behind_line, concat, line_indentation};
use crate::document::json::spelling::Spelling;
use crate::document::json::walk::walk;
use crate::document::path::Component;
use crate::document::{Content, Document, EventKind, Item, KeyPath, Node, Span, lines, splice};

/// Replaces the value at `path`, or adds it; missing parents are added too.
pub(crate) fn set(
    text: &str,
    document: &Document,
    path: &KeyPath,
    value: NewValue<'_>,
) -> Result<Zeroizing<String>, EditError> {
    let editor = Editor { text, document };
    let nodes = walk(document, path)?;
    let missing = &path.0[nodes.len() - 1..];
    let changes = if missing.is_empty() {
        vec![editor.replace(nodes[nodes.len() - 1], path, value)?]
    } else {
        editor.add(&nodes, path, missing, value)?
    };
    Ok(splice(text, changes.iter().map(|(span, new)| (*span, new.as_str()))))
}

/// Removes what stands at `path`, with its key; of a table, all its sections and dotted keys.
pub(crate) fn unset(text: &str, document: &Document, path: &KeyPath) -> Result<Zeroizing<String>, EditError> {
    let editor = Editor { text, document };
    let not_found = || EditError::NotFound(path.clone());
    let nodes = walk(document, path).map_err(|_| not_found())?;
    let [parents @ .., node] = nodes.as_slice() else { return Err(not_found()) };
    if parents.is_empty() || parents.len() < path.0.len() {
        return Err(not_found());
    }
    let removed = if let Some(container) = editor.innermost_brackets(parents) {
        let ends: Vec<_> = editor.values(node).into_iter().map(|value| value.end).collect();
        let [end] = ends[..] else {
            let reason = "several dotted keys of an inline table make it up";
            return Err(EditError::Entangled { path: path.clone(), reason });
        };
        let index = container.entries.iter().position(|entry| entry.end == end).ok_or_else(not_found)?;
        container.remove(index)
    } else {
        let mut lines = Vec::new();
        editor.lines_of(node, &mut lines);
        merge(lines)
    };
    Ok(splice(text, removed.into_iter().map(|span| (span, ""))))
}

/// How a list or map is spelled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    /// A table that dotted keys define.
    Dotted,
    Header,
    /// A table that headers of tables below it name.
    Implicit,
    Inline,
    /// An array of tables.
    Tables,
}

/// A document to change.
struct Editor<'a> {
    text: &'a str,
    document: &'a Document,
}

impl<'a> Editor<'a> {
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
            None => return Err(EditError::NotAContainer(KeyPath(path.0[..parents.len()].to_vec()))),
            Some(Shape::Array) => {
                spell_below(&mut entry, &missing[1..], value)?;
                return Ok(add_in(&self.brackets(node), &["", &entry.finish(), ""]));
            }
            Some(Shape::Inline) => {
                spell_entry(&mut entry, missing, value)?;
                return Ok(add_in(&self.brackets(node), &[" ", &entry.finish(), " "]));
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
                    spell_entry(&mut section, &[Component::key(key)], NewValue::Json(value))?;
                }
            }
            _ => return Err(unspellable("anything but tables in an array of tables")),
        }
        // Sections below the last table belong to it: the new one stands behind them all.
        let end = tables.last().map_or(node.span.end, |table| self.last_section(table));
        Ok(self.section_behind(self.end_of_section(end), &concat(&[indentation, &section.finish()])))
    }

    /// Returns where the last section begins that belongs to a table.
    fn last_section(&self, node: &Node) -> usize {
        let below = match &node.content {
            Content::Map(entries) => entries.iter().map(|entry| self.last_section(&entry.node)).max(),
            Content::List(nodes) => nodes.iter().map(|node| self.last_section(node)).max(),
            Content::Alias(_) | Content::Leaf(_) | Content::Null => None,
        };
        below.unwrap_or(0).max(node.span.start)
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

    /// Returns a section from its header to its last entry, with the blank lines that part it from the next.
    fn section(&self, header: usize) -> Span {
        let mut start = lines::start_of_line(self.text, header);
        let mut end = behind_line(self.text, self.end_of_section(header));
        while end < self.text.len() && is_blank(&self.text[end..lines::end_of_line(self.text, end)]) {
            end = behind_line(self.text, end);
        }
        while end == self.text.len()
            && let Some(line) = self.line_before(start)
            && is_blank(line.of(self.text))
        {
            start = line.start;
        }
        Span::new(start, end)
    }

    /// Returns the end of the last entry, or of the header, of the section in which an event stands at `offset`.
    fn end_of_section(&self, offset: usize) -> usize {
        let first = self.index_of(offset);
        let rest = self.document.items.get(first + 1..).unwrap_or_default();
        last_end(rest).max(self.document.items.get(first).map_or(offset, end_of))
    }

    /// Returns where the first key of the section stands that begins at `header`; there, if it has none.
    fn first_key(&self, header: usize) -> usize {
        let mut section = self.document.items[self.index_of(header)..].iter();
        if section.clone().next().is_some_and(is_header) {
            section.by_ref().find(|item| is_event(item, EventKind::Separator));
        }
        match section.find(|item| is_event(item, EventKind::Key) || is_header(item)) {
            Some(item) if !is_header(item) => start_of(item),
            _ => header,
        }
    }

    /// Returns the end of the last line that is not blank; where the text begins if there is none.
    fn end_of_text(&self) -> usize {
        let mut line = Span::new(lines::start_of_line(self.text, self.text.len()), self.text.len());
        while is_blank(line.of(self.text)) {
            match self.line_before(line.start) {
                Some(before) => line = before,
                None => return line.start,
            }
        }
        line.end
    }

    /// Returns the line before the one that begins at `start`, without its line end.
    fn line_before(&self, start: usize) -> Option<Span> {
        let before = &self.text[..start];
        let end = before.strip_suffix("\r\n").or(before.strip_suffix(lines::LINE_ENDS))?.len();
        Some(Span::new(lines::start_of_line(self.text, end), end))
    }

    /// Returns the innermost of `parents` that stands between brackets.
    fn innermost_brackets(&self, parents: &[&Node]) -> Option<Brackets<'a>> {
        let mut inner = parents.iter().skip(1).rev();
        let node = inner.find(|node| matches!(self.shape(node), Some(Shape::Array | Shape::Inline)))?;
        Some(self.brackets(node))
    }

    /// Returns an array or inline table with its entries.
    fn brackets(&self, node: &Node) -> Brackets<'a> {
        let entries = match &node.content {
            Content::List(items) => items.iter().map(|item| item.span).collect(),
            Content::Map(entries) => {
                let mut values: Vec<_> = entries.iter().flat_map(|entry| self.values(&entry.node)).collect();
                values.sort();
                let entry = |value: Span| Span::new(self.keys_before(value.start).start, value.end);
                values.into_iter().map(entry).collect()
            }
            Content::Alias(_) | Content::Leaf(_) | Content::Null => Vec::new(),
        };
        Brackets { text: self.text, span: node.span, entries }
    }

    /// Returns the values that stand behind a `=` and make up a node, without those in sections of their own.
    fn values(&self, node: &Node) -> Vec<Span> {
        match (&node.content, self.shape(node)) {
            (_, Some(Shape::Header | Shape::Tables)) => Vec::new(),
            (Content::Map(entries), Some(Shape::Dotted | Shape::Implicit)) => {
                entries.iter().flat_map(|entry| self.values(&entry.node)).collect()
            }
            _ => vec![node.span],
        }
    }

    /// Returns the dotted key of the value at `value`.
    fn keys_before(&self, value: usize) -> Span {
        // Between keys and value there is the separator.
        let keys = &self.document.items[..self.index_of(value).saturating_sub(1)];
        keys.last().map_or(Span::new(value, value), |last| self.keys_to(Span::new(start_of(last), start_of(last))))
    }

    /// Returns a dotted key from its first part to `part`.
    fn keys_to(&self, part: Span) -> Span {
        let parents = self.document.items[..self.index_of(part.start)].iter().rev().take_while(|item| is_event(item, EventKind::Key));
        Span::new(parents.last().map_or(part.start, start_of), part.end)
    }

    /// Returns the index of the first item that begins at `offset` or behind.
    fn index_of(&self, offset: usize) -> usize {
        self.document.items.partition_point(|item| start_of(item) < offset)
    }

    /// Tells how a list or map is spelled; `None` for a scalar. Not for the root.
    fn shape(&self, node: &Node) -> Option<Shape> {
        let source = node.span.of(self.text);
        match &node.content {
            Content::Map(_) if source.starts_with('{') => Some(Shape::Inline),
            Content::Map(_) if source.starts_with('[') => Some(Shape::Header),
            Content::Map(_) => {
                let first = self.index_of(self.keys_to(node.span).start);
                let is_in_header = first.checked_sub(1).is_some_and(|before| is_header(&self.document.items[before]));
                Some(if is_in_header { Shape::Implicit } else { Shape::Dotted })
            }
            Content::List(items) => {
                let is_table = |item: &Node| self.shape(item) == Some(Shape::Header);
                Some(if items.first().is_some_and(is_table) { Shape::Tables } else { Shape::Array })
            }
            Content::Alias(_) | Content::Leaf(_) | Content::Null => None,
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

fn is_blank(line: &str) -> bool {
    line.trim_matches(lines::BLANKS).is_empty()
}

/// Returns the end of the last of `items` before the next header, comments aside; 0 if there is none.
fn last_end(items: &[Item]) -> usize {
    let section = items.iter().take_while(|item| !is_header(item));
    section.filter(|item| !matches!(item, Item::Comment(_))).last().map_or(0, end_of)
}

fn is_header(item: &Item) -> bool {
    is_event(item, EventKind::Table)
}

fn is_event(item: &Item, kind: EventKind) -> bool {
    matches!(item, Item::Event(event) if event.kind == kind)
}

fn start_of(item: &Item) -> usize {
    match item {
        Item::Comment(comment) => comment.span.start,
        Item::Event(event) => event.span.start,
        Item::Leaf(leaf) => leaf.span.start,
    }
}

fn end_of(item: &Item) -> usize {
    match item {
        Item::Comment(comment) => comment.span.end,
        // The event of a closing bracket is empty.
        Item::Event(event) if matches!(event.kind, EventKind::ListClose | EventKind::MapClose) => event.span.end + 1,
        Item::Event(event) => event.span.end,
        Item::Leaf(leaf) => leaf.span.end,
    }
}
