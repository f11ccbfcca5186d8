//! What a parser says of a document: its events, leaves and comments in document order, and the tree they form.
//!
//! The list of items is what sealing works on (docs/format.md, "Events"); the tree is what typed views and
//! edits of single values work on. Both come out of one parse, because two parsers that disagree are a hole.

use super::{KeyPath, Span, Value};
use crate::document::path::Component;

/// A parsed document.
#[derive(Default)]
pub struct Document {
    /// Every event, leaf and comment, in the order of the text.
    pub items: Vec<Item>,
    /// The root of each document of the stream: exactly one, but for YAML streams (none, one or many), and where only
    /// [`Extent::Items`] was asked for (any number).
    pub roots: Vec<Node>,
}

/// What is wanted of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The items. A parser that is faster without a tree leaves it out.
    Items,
    /// The items and the tree.
    Tree,
}

/// One piece of a document.
pub enum Item {
    /// Structure: it is never sealed, and bound into the frame of the next token.
    Event(Event),
    /// A scalar that can be sealed.
    Leaf(Leaf),
    /// The text of a comment.
    Comment(Comment),
}

/// A piece of structure, and the source text that spells it.
///
/// The source text is part of what is authenticated, so a span covers exactly the characters that carry
/// meaning: no blanks around them, no comments, no line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is.
    pub kind: EventKind,
    /// Where its spelling stands; empty where nothing is spelled (an implicit document start).
    pub span: Span,
}

/// The kinds of events. The numbers are part of the file format (docs/format.md, "Events").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EventKind {
    /// YAML: a directive line, without its line end and trailing comment.
    Directive = 1,
    /// YAML: `---`, or empty where the document begins without it.
    DocumentStart = 2,
    /// YAML: `...`, or empty where the document ends without it.
    DocumentEnd = 3,
    /// A map begins: `{`, or empty for a block mapping.
    MapOpen = 4,
    /// A map ends: empty, always.
    MapClose = 5,
    /// A list begins: `[`, or empty for a block sequence.
    ListOpen = 6,
    /// A list ends: empty, always.
    ListClose = 7,
    /// YAML: a tag as it is spelled; it belongs to the node that follows.
    Tag = 8,
    /// YAML: an anchor with its `&`; it belongs to the node that follows.
    Anchor = 9,
    /// YAML: an alias with its `*`.
    Alias = 10,
    /// A key in its source spelling, quotes included.
    Key = 11,
    /// YAML: a key that is no scalar begins: empty; the key's own events follow.
    KeyOpen = 12,
    /// YAML: a key that is no scalar ends: empty.
    KeyClose = 13,
    /// A scalar in clear, in its source text: made of a leaf by sealing, never by a parser for a leaf that stands
    /// as a value; parsers use it for scalars inside of a key that is no scalar.
    Scalar = 14,
    /// A null in its source text, which may be empty. Of a bare key in dotenv and INI: what stands behind it, through the
    /// line end or the sign of a comment.
    Null = 15,
    /// dotenv: the word `export` before a key, with the blanks behind it.
    Export = 16,
    /// The character between key and value; in dotenv and INI with the blanks around it, which a shell would read
    /// differently.
    Separator = 17,
    /// TOML: `[` or `[[`, which begin a table; the table's keys follow as [`EventKind::Key`].
    Table = 18,
    /// INI: the text between the brackets of a section header, as it stands.
    Section = 19,
}

/// A scalar: what is sealed.
pub struct Leaf {
    /// Its address.
    pub path: KeyPath,
    /// Its *source text* with quotes and block indicators: what a token replaces. Empty where the value is the
    /// empty text and nothing is spelled (dotenv, INI).
    pub span: Span,
    /// How it is spelled.
    pub style: Style,
    /// What type it has.
    pub kind: ScalarKind,
    /// The value as a program reads it: quotes, escapes and folding resolved for a string, the source text for
    /// the other kinds.
    pub value: Value,
    /// On what the meaning of the source text depends. Known for every leaf of a YAML document, as a token that stands
    /// for a block scalar looks like any plain scalar.
    pub layout: Layout,
}

/// The surroundings that the meaning of a source text depends on.
///
/// In YAML a block scalar depends on `indent` and `line_end`, in dotenv and INI every value on `trail`: readers differ
/// on blanks behind a value and on carriage returns. What a format does not need is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// 0 at the root, else one more than the column (from 0) at which the innermost block collection stands.
    pub indent: u32,
    /// Whether a line end follows the line on which the source text ends.
    pub line_end: bool,
    /// What stands behind the source text, through the line end or the sign of a comment that is a [`Comment`].
    pub trail: Span,
}

/// The spelling of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Between backticks (dotenv).
    Backtick,
    /// Between double quotes; in TOML a basic string.
    DoubleQuoted,
    /// A YAML block scalar `>`.
    Folded,
    /// A YAML block scalar `|`.
    Literal,
    /// A TOML string between `"""`.
    MultiLineBasic,
    /// A TOML string between `'''`.
    MultiLineLiteral,
    /// Without any marks.
    Plain,
    /// Between single quotes; in TOML a literal string.
    SingleQuoted,
}

impl Style {
    /// Tells whether the meaning of the source text depends on the indentation around it.
    pub fn is_block(self) -> bool {
        matches!(self, Self::Folded | Self::Literal)
    }
}

/// The type of a scalar, by the rules of its format (YAML: the core schema of 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarKind {
    /// `true` or `false`.
    Boolean,
    /// A number with a fraction or an exponent, infinity, not-a-number.
    Float,
    /// A whole number of any size.
    Integer,
    /// Text. Everything in dotenv and INI.
    String,
    /// TOML: a date, a time or both.
    Timestamp,
}

/// A comment that has more than blanks in it; one without is not reported.
#[derive(Clone, Copy, Debug)]
pub struct Comment {
    /// The text behind the comment sign up to the line end, leading blanks included, the line end not.
    pub span: Span,
}

/// A node of the tree.
pub struct Node {
    /// From the first to behind the last character that belongs to the node: quotes and brackets included, YAML's
    /// tag and anchor too. For a block collection from its first key or dash to the end of its last node.
    pub span: Span,
    /// What it is.
    pub content: Content,
    /// YAML: the name of its anchor, without `&`.
    pub anchor: Option<String>,
}

/// What a node holds.
pub enum Content {
    /// The same as the node with this anchor, without `*`.
    Alias(String),
    /// The leaf `document.items[index]`.
    Leaf(usize),
    /// Nodes in order.
    List(Vec<Node>),
    /// Nodes with keys, in order.
    Map(Vec<Entry>),
    /// Nothing.
    Null,
}

/// A key with its node.
pub struct Entry {
    /// The key as it stands in key paths.
    pub key: Component,
    /// The key in the text (TOML: the last part of a dotted key or table header).
    pub key_span: Span,
    /// Its value.
    pub node: Node,
}

impl Document {
    /// Returns the leaves in document order.
    pub fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        self.items.iter().filter_map(|item| match item {
            Item::Leaf(leaf) => Some(leaf),
            Item::Event(_) | Item::Comment(_) => None,
        })
    }

    /// Returns the leaf that a tree node refers to.
    pub fn leaf(&self, index: usize) -> &Leaf {
        match &self.items[index] {
            Item::Leaf(leaf) => leaf,
            Item::Event(_) | Item::Comment(_) => unreachable!("Content::Leaf holds the index of a leaf"),
        }
    }
}
