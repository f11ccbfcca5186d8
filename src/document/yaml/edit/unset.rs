//! What goes with an entry that is removed.

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::Editor;
use super::place::start;
use crate::document::json::brackets::{Change, behind_line, concat, indentation};
use crate::document::yaml::gap_end;
use crate::document::{Content, EventKind, Item, Node, Span, lines};

impl Editor<'_> {
    /// Leaves an empty container in the place of the only entry of a block collection.
    pub(super) fn empty(&self, container: &Node, above: Option<(&Node, usize)>, entry: Span) -> Vec<Change> {
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
    pub(super) fn lines_of(&self, container: &Node, index: usize, entry: Span) -> Span {
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
    pub(super) fn has_alias_behind(&self, removed: Span) -> bool {
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
}

#[cfg(test)]
mod tests {
    use crate::document::yaml::edit::fixture::removed;

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
}
