//! The tree of a TOML document while it is read, and the rules by which headers and dotted keys may add to it.
//!
//! A table is defined once: by a header, by dotted keys or between braces. A header may pass through every table
//! but one between braces; dotted keys may only add to tables that have no header.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::document::path::Component;
use crate::document::{Content, Entry, Node, Span};

/// The root table.
pub(super) const ROOT: usize = 0;

/// One part of a dotted key or of a header.
pub(super) struct Key<'t> {
    pub(super) name: Cow<'t, str>,
    pub(super) span: Span,
}

impl Key<'_> {
    pub(super) fn component(&self) -> Component {
        Component::key(self.name.as_ref())
    }
}

/// What stands at a place of the tree.
pub(super) enum Holds {
    Array(Vec<usize>),
    /// The place of the leaf among the document's items.
    Leaf(usize),
    Table(Origin, Vec<usize>),
    /// The tables of `[[…]]`.
    Tables(Vec<usize>),
}

/// What has defined a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Dotted,
    Header,
    /// Nothing yet: it was passed on the way to another.
    Implicit,
    Inline,
}

/// The key is in use; its first occurrence.
pub(super) struct Taken(pub(super) Span);

/// All places of the tree, numbered.
pub(super) struct Tables<'t> {
    places: Vec<Place>,
    /// The place under each key of each table: one map for all tables, as most have a few keys only.
    children: HashMap<(usize, Cow<'t, str>), usize>,
}

struct Place {
    name: String,
    key_span: Span,
    span: Span,
    holds: Holds,
}

impl<'t> Tables<'t> {
    /// Builds an empty root table for a text of this length.
    pub(super) fn new(length: usize) -> Self {
        let holds = Holds::Table(Origin::Header, Vec::new());
        let root = Place { name: String::new(), key_span: Span::new(0, 0), span: Span::new(0, length), holds };
        Self { places: vec![root], children: HashMap::new() }
    }

    /// Finds or adds a table on the way of a header.
    pub(super) fn pass(&mut self, table: usize, key: &Key<'t>) -> Result<usize, Taken> {
        let Some(child) = self.child(table, key) else {
            return Ok(self.add_table(table, key, key.span, Origin::Implicit));
        };
        match self.places[child].holds {
            Holds::Table(Origin::Dotted | Origin::Header | Origin::Implicit, _) | Holds::Tables(_) => Ok(child),
            Holds::Array(_) | Holds::Leaf(_) | Holds::Table(Origin::Inline, _) => Err(self.taken(child)),
        }
    }

    /// Finds or adds a table on the way of a dotted key.
    pub(super) fn extend(&mut self, table: usize, key: &Key<'t>) -> Result<usize, Taken> {
        let Some(child) = self.child(table, key) else {
            return Ok(self.add_table(table, key, key.span, Origin::Dotted));
        };
        match self.places[child].holds {
            Holds::Table(Origin::Dotted, _) => Ok(child),
            Holds::Table(Origin::Implicit, _) => Ok(self.redefine(child, key, key.span, Origin::Dotted)),
            _ => Err(self.taken(child)),
        }
    }

    /// Defines the table of a header.
    pub(super) fn define(&mut self, table: usize, key: &Key<'t>, span: Span) -> Result<usize, Taken> {
        let Some(child) = self.child(table, key) else {
            return Ok(self.add_table(table, key, span, Origin::Header));
        };
        match self.places[child].holds {
            Holds::Table(Origin::Implicit, _) => Ok(self.redefine(child, key, span, Origin::Header)),
            _ => Err(self.taken(child)),
        }
    }

    /// Adds a table to an array of tables, and returns the array.
    pub(super) fn append(&mut self, table: usize, key: &Key<'t>, span: Span) -> Result<usize, Taken> {
        let array = match self.child(table, key) {
            Some(child) => child,
            None => self.add_child(table, key, span, Holds::Tables(Vec::new())),
        };
        let item = self.places.len();
        let Holds::Tables(items) = &mut self.places[array].holds else { return Err(self.taken(array)) };
        items.push(item);
        self.add_item(span, Holds::Table(Origin::Header, Vec::new()));
        Ok(array)
    }

    /// Returns the index and the place of the last table, if `place` is an array of tables.
    pub(super) fn last_of(&self, place: usize) -> Option<(usize, usize)> {
        match &self.places[place].holds {
            Holds::Tables(items) => items.last().map(|last| (items.len() - 1, *last)),
            _ => None,
        }
    }

    /// Checks that a table does not hold a key.
    pub(super) fn vacant(&self, table: usize, key: &Key<'t>) -> Result<(), Taken> {
        self.child(table, key).map_or(Ok(()), |child| Err(self.taken(child)))
    }

    /// Adds a value under a key that is vacant.
    pub(super) fn add(&mut self, table: usize, key: &Key<'t>, span: Span, holds: Holds) {
        self.add_child(table, key, span, holds);
    }

    /// Adds an item of an array, and returns its place.
    pub(super) fn add_item(&mut self, span: Span, holds: Holds) -> usize {
        self.places.push(Place { name: String::new(), key_span: span, span, holds });
        self.places.len() - 1
    }

    /// Begins a table between braces, and returns a place to which entries can be added.
    pub(super) fn open_inline(&mut self) -> usize {
        self.add_item(Span::new(0, 0), Holds::Table(Origin::Inline, Vec::new()))
    }

    /// Ends a table between braces, and returns what it holds.
    pub(super) fn close_inline(&mut self, place: usize) -> Holds {
        std::mem::replace(&mut self.places[place].holds, Holds::Array(Vec::new()))
    }

    /// Returns the root node with all below it.
    pub(super) fn into_tree(mut self) -> Node {
        self.node(ROOT)
    }

    /// Takes a node out; as deep as a key path is long, which is bounded.
    fn node(&mut self, place: usize) -> Node {
        let Place { span, holds, .. } = &mut self.places[place];
        let span = *span;
        let content = match std::mem::replace(holds, Holds::Leaf(0)) {
            Holds::Array(items) | Holds::Tables(items) => {
                Content::List(items.into_iter().map(|item| self.node(item)).collect())
            }
            Holds::Leaf(item) => Content::Leaf(item),
            Holds::Table(_, children) => Content::Map(children.into_iter().map(|child| self.entry(child)).collect()),
        };
        Node { span, content, anchor: None }
    }

    fn entry(&mut self, place: usize) -> Entry {
        let Place { name, key_span, .. } = &mut self.places[place];
        let (key, key_span) = (Component::key(std::mem::take(name)), *key_span);
        Entry { key, key_span, node: self.node(place) }
    }

    fn child(&self, table: usize, key: &Key<'t>) -> Option<usize> {
        self.children.get(&(table, key.name.clone())).copied()
    }

    fn add_table(&mut self, table: usize, key: &Key<'t>, span: Span, origin: Origin) -> usize {
        self.add_child(table, key, span, Holds::Table(origin, Vec::new()))
    }

    fn add_child(&mut self, table: usize, key: &Key<'t>, span: Span, holds: Holds) -> usize {
        let child = self.places.len();
        self.places.push(Place { name: key.name.clone().into_owned(), key_span: key.span, span, holds });
        self.children.insert((table, key.name.clone()), child);
        if let Holds::Table(_, children) = &mut self.places[table].holds {
            children.push(child);
        }
        child
    }

    fn redefine(&mut self, child: usize, key: &Key<'t>, table_span: Span, as_origin: Origin) -> usize {
        let Place { key_span, span, holds, .. } = &mut self.places[child];
        (*key_span, *span) = (key.span, table_span);
        if let Holds::Table(origin, _) = holds {
            *origin = as_origin;
        }
        child
    }

    fn taken(&self, place: usize) -> Taken {
        Taken(self.places[place].key_span)
    }
}
