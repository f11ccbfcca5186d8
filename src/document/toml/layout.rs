//! Where the sections, keys and values of a TOML document stand.

use crate::document::json::brackets::{Brackets, behind_line};
use crate::document::{Content, Document, EventKind, Item, Node, Span, lines};

/// How a list or map is spelled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
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

/// A document with its text.
pub(super) struct Layout<'a> {
    pub(super) text: &'a str,
    pub(super) document: &'a Document,
}

impl<'a> Layout<'a> {
    /// Tells how a list or map is spelled; `None` for a scalar. Not for the root.
    pub(super) fn shape(&self, node: &Node) -> Option<Shape> {
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

    /// Returns a section from its header to its last entry, with the blank lines that part it from the next.
    pub(super) fn section(&self, header: usize) -> Span {
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
    pub(super) fn end_of_section(&self, offset: usize) -> usize {
        let first = self.index_of(offset);
        let rest = self.document.items.get(first + 1..).unwrap_or_default();
        last_end(rest).max(self.document.items.get(first).map_or(offset, end_of))
    }

    /// Returns where the first key of the section stands that begins at `header`; there, if it has none.
    pub(super) fn first_key(&self, header: usize) -> usize {
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
    pub(super) fn end_of_text(&self) -> usize {
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
    pub(super) fn line_before(&self, start: usize) -> Option<Span> {
        let before = &self.text[..start];
        let end = before.strip_suffix("\r\n").or(before.strip_suffix(lines::LINE_ENDS))?.len();
        Some(Span::new(lines::start_of_line(self.text, end), end))
    }

    /// Returns the innermost of `parents` that stands between brackets.
    pub(super) fn innermost_brackets(&self, parents: &[&Node]) -> Option<Brackets<'a>> {
        let mut inner = parents.iter().skip(1).rev();
        let node = inner.find(|node| matches!(self.shape(node), Some(Shape::Array | Shape::Inline)))?;
        Some(self.brackets(node))
    }

    /// Returns an array or inline table with its entries.
    pub(super) fn brackets(&self, node: &Node) -> Brackets<'a> {
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
    pub(super) fn values(&self, node: &Node) -> Vec<Span> {
        match (&node.content, self.shape(node)) {
            (_, Some(Shape::Header | Shape::Tables)) => Vec::new(),
            (Content::Map(entries), Some(Shape::Dotted | Shape::Implicit)) => {
                entries.iter().flat_map(|entry| self.values(&entry.node)).collect()
            }
            _ => vec![node.span],
        }
    }

    /// Returns the dotted key of the value at `value`.
    pub(super) fn keys_before(&self, value: usize) -> Span {
        // Between keys and value there is the separator.
        let keys = &self.document.items[..self.index_of(value).saturating_sub(1)];
        keys.last().map_or(Span::new(value, value), |last| self.keys_to(Span::new(start_of(last), start_of(last))))
    }

    /// Returns a dotted key from its first part to `part`.
    pub(super) fn keys_to(&self, part: Span) -> Span {
        let parents = self.document.items[..self.index_of(part.start)]
            .iter()
            .rev()
            .take_while(|item| is_event(item, EventKind::Key));
        Span::new(parents.last().map_or(part.start, start_of), part.end)
    }

    /// Returns the index of the first item that begins at `offset` or behind.
    fn index_of(&self, offset: usize) -> usize {
        self.document.items.partition_point(|item| start_of(item) < offset)
    }
}

/// Returns where the last node begins that is, or is below, a node.
pub(super) fn last_start(node: &Node) -> usize {
    let below = match &node.content {
        Content::Map(entries) => entries.iter().map(|entry| last_start(&entry.node)).max(),
        Content::List(nodes) => nodes.iter().map(last_start).max(),
        Content::Alias(_) | Content::Leaf(_) | Content::Null => None,
    };
    below.unwrap_or(0).max(node.span.start)
}

fn is_blank(line: &str) -> bool {
    line.trim_matches(lines::BLANKS).is_empty()
}

/// Returns the end of the last of `items` before the next header, comments aside; 0 if there is none.
pub(super) fn last_end(items: &[Item]) -> usize {
    let section = items.iter().take_while(|item| !is_header(item));
    section.filter(|item| !matches!(item, Item::Comment(_))).last().map_or(0, end_of)
}

pub(super) fn is_header(item: &Item) -> bool {
    is_event(item, EventKind::Table)
}

fn is_event(item: &Item, kind: EventKind) -> bool {
    matches!(item, Item::Event(event) if event.kind == kind)
}

pub(super) fn start_of(item: &Item) -> usize {
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
