//! Where the pieces of a node stand: its tag and anchor, its brackets, its entries.

use super::Editor;
use crate::document::json::brackets::Brackets;
use crate::document::yaml::gap_end;
use crate::document::{Content, EventKind, Item, Node, Span, lines};

/// What a node consists of.
pub(super) struct Parts {
    pub(super) tag: Option<Span>,
    /// Behind the last of tag and anchor.
    pub(super) behind_properties: Option<usize>,
    pub(super) content: Span,
    /// Whether it stands between brackets. (A bracket at the start of a block collection is that of its first key.)
    pub(super) is_bracketed: bool,
}

/// How a list or map is written.
pub(super) enum Structure<'a> {
    Block,
    Brackets(Brackets<'a>),
    /// A map of one entry without brackets in a flow sequence.
    Pair,
}

impl<'a> Editor<'a> {
    /// Returns an entry or item, from its key, dash or `?` to the end of its value.
    pub(super) fn entry(&self, container: &Node, index: usize) -> Span {
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

    pub(super) fn structure(&self, container: &Node, above: &[(&Node, usize)]) -> Structure<'a> {
        let parts = self.parts(container);
        if parts.is_bracketed {
            let entries = (0..length(container)).map(|index| self.entry(container, index)).collect();
            return Structure::Brackets(Brackets { text: self.text, span: parts.content, entries });
        }
        if self.is_in_flow(above) { Structure::Pair } else { Structure::Block }
    }

    pub(super) fn is_in_flow(&self, above: &[(&Node, usize)]) -> bool {
        above.iter().any(|(container, _)| self.parts(container).is_bracketed)
    }

    /// Returns a line end with the indentation of the entries of a block collection.
    pub(super) fn line_end_in(&self, container: &Node) -> String {
        let start = self.parts(container).content.start;
        let column = self.text[lines::start_of_line(self.text, start)..start].chars().count();
        lines::line_end(self.text).to_owned() + &" ".repeat(column)
    }

    /// Finds the events of a node.
    pub(super) fn parts(&self, node: &Node) -> Parts {
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
}

/// Returns how many items or entries a node has.
pub(super) fn length(node: &Node) -> usize {
    match &node.content {
        Content::List(items) => items.len(),
        Content::Map(entries) => entries.len(),
        Content::Alias(_) | Content::Leaf(_) | Content::Null => 0,
    }
}

/// Returns an item of a list or the value of an entry of a map.
pub(super) fn child(container: &Node, index: usize) -> &Node {
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

pub(super) fn start(item: &Item) -> usize {
    match item {
        Item::Event(event) => event.span.start,
        Item::Leaf(leaf) => leaf.span.start,
        Item::Comment(comment) => comment.span.start,
    }
}
