//! YAML 1.2: parsing with exact spans, and edits of single values.
//!
//! The grammar is granit-parser's; this parser walks along the text beside it. Whatever stands between two items
//! must be blank, a comment or the indicator that belongs there, so nothing that has a meaning escapes the events.

mod block;
mod edit;
mod events;
#[cfg(test)]
mod fixture;
mod gap;
mod keys;
#[cfg(test)]
mod laws;
mod problem;
mod scalar;
mod schema;
mod simple;
mod spell;

use granit_parser::{Event as Parsed, StructureStyle};

pub(crate) use edit::{set, unset};

use super::path::Component;
use super::{
    Content, Document, Event, EventKind, Extent, Item, MAX_DEPTH, MAX_ITEMS, MAX_PATH_BYTES, Node, Problem, Source,
    Span, SyntaxError,
};
use events::Opening;
use gap::gap_end;

/// Parses a stream of YAML documents.
///
/// Strict where readers differ: equal keys in one map are refused (but for empty keys and `<<`), and so are block
/// scalars in keys whose meaning depends on the indentation around them.
pub(crate) fn parse_source(source: &Source, extent: Extent) -> Result<Document, SyntaxError> {
    match simple::parse(source, extent) {
        Some(document) => Ok(document),
        None => parse_any(source),
    }
}

/// Parses a text of a test.
#[cfg(test)]
fn parse(text: &str) -> Result<Document, SyntaxError> {
    parse_source(&text.into(), Extent::Tree)
}

/// Parses by the whole grammar.
fn parse_any(text: &str) -> Result<Document, SyntaxError> {
    if let Some(offset) = text.find('\0') {
        return Err(SyntaxError::at(text, offset, Problem::Invalid("a NUL character cannot stand in YAML")));
    }
    let options = granit_parser::options! {
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
    };
    Parser {
        text,
        events: granit_parser::Parser::new_from_str_with_options(text, options),
        cursor: 0,
        gap: Span::new(0, gap_end(text, 0)),
        last_break: text.rfind(['\n', '\r']),
        document: Document::default(),
        path: Vec::new(),
        path_bytes: 0,
        depth: 0,
        indent: 0,
        is_in_brackets: false,
        open_keys: 0,
    }
    .stream()
}

/// granit's events, and how far the text is accounted for by items.
struct Parser<'t> {
    text: &'t str,
    events: granit_parser::Parser<'t, granit_parser::StrInput<'t>>,
    /// Behind the last item or indicator.
    cursor: usize,
    /// The blanks and comments that were looked over last, so that looking twice costs nothing.
    gap: Span,
    /// Where the last line of the text ends, if it has more than one.
    last_break: Option<usize>,
    document: Document,
    path: Vec<Component>,
    /// How long the key paths of all leaves and the keys of all maps are together.
    path_bytes: usize,
    depth: usize,
    /// [`Layout::indent`](crate::document::Layout::indent) at this place.
    indent: u32,
    is_in_brackets: bool,
    /// How many keys that are no scalars are open here.
    open_keys: usize,
}

/// How a list or map is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Structure {
    /// By indentation.
    Block {
        /// Where its dashes or keys stand.
        column: usize,
    },
    /// Between brackets.
    Brackets,
    /// A map of one entry without brackets, as an item of a flow sequence.
    Pair,
}

impl<'t> Parser<'t> {
    fn stream(mut self) -> Result<Document, SyntaxError> {
        loop {
            match self.next()? {
                (Parsed::StreamStart, _) => {}
                (Parsed::StreamEnd, _) => break,
                (Parsed::DocumentStart(is_explicit, _), _) => self.one_document(is_explicit)?,
                _ => return Err(self.torn()),
            }
        }
        self.prologue()?;
        if self.cursor == self.text.len() { Ok(self.document) } else { Err(self.torn()) }
    }

    fn one_document(&mut self, is_explicit: bool) -> Result<(), SyntaxError> {
        self.prologue()?;
        let start = self.cursor;
        if is_explicit {
            self.expect("---")?;
        }
        self.event(EventKind::DocumentStart, Span::new(start, self.cursor))?;

        let number = self.document.roots.len();
        if number > 0 {
            self.path.push(Component::Document(number));
        }
        let opening = self.opening()?;
        let root = self.node(opening)?;
        self.document.roots.push(root);
        if number > 0 {
            self.path.pop();
        }

        let (Parsed::DocumentEnd, span) = self.next()? else { return Err(self.torn()) };
        if !span.is_empty() {
            self.skip_gap()?;
        }
        let start = self.cursor;
        if !span.is_empty() {
            self.expect("...")?;
        }
        self.event(EventKind::DocumentEnd, Span::new(start, self.cursor))
    }

    /// Walks over what may stand before a document: byte order marks, directives, ends of no document.
    fn prologue(&mut self) -> Result<(), SyntaxError> {
        loop {
            self.skip_gap()?;
            let rest = &self.text[self.cursor..];
            if rest.starts_with('%') {
                let line = rest.split(['\n', '\r']).next().unwrap_or(rest);
                let text = line.find(" #").or_else(|| line.find("\t#")).map_or(line, |comment| &line[..comment]);
                let text = text.trim_end_matches([' ', '\t']);
                let span = Span::new(self.cursor, self.cursor + text.len());
                self.event(EventKind::Directive, span)?;
                self.cursor = span.end;
            } else if rest.starts_with(BYTE_ORDER_MARK) {
                if self.cursor > 0 {
                    // YAML 1.2 allows it before each document; to a reader of YAML 1.1 it begins a plain scalar.
                    let problem = "a byte order mark can only stand at the start of the text";
                    return Err(self.error(Problem::Invalid(problem)));
                }
                self.cursor = BYTE_ORDER_MARK.len();
            } else if rest.starts_with("...") && self.is_indented_by(self.cursor, 0) && stands_alone(rest, 3) {
                self.cursor += "...".len();
            } else {
                return Ok(());
            }
        }
    }

    fn node(&mut self, mut opening: Opening<'t>) -> Result<Node, SyntaxError> {
        let properties = self.properties(&opening)?;
        let is_implicit = opening.is_implicit();
        if !is_implicit {
            self.skip_gap()?;
        }
        let start = properties.unwrap_or(self.cursor);
        let content = match opening.event {
            Parsed::Scalar(..) => self.scalar_node(&mut opening)?,
            Parsed::Alias(_) => {
                self.expect_at(opening.span)?;
                self.event(EventKind::Alias, opening.span)?;
                Content::Alias(self.text[opening.span.start + 1..opening.span.end].to_owned())
            }
            Parsed::SequenceStart(style, ..) => self.nested(&opening, style, Self::list)?,
            Parsed::MappingStart(style, ..) => self.nested(&opening, style, Self::map)?,
            _ => return Err(self.torn()),
        };
        Ok(Node { span: Span::new(start, self.cursor), content, anchor: opening.anchor.map(|(_, name)| name) })
    }

    /// Walks over the tag and the anchor of a node, in the order of the text; returns where the first one begins.
    fn properties(&mut self, opening: &Opening<'_>) -> Result<Option<usize>, SyntaxError> {
        let tag = opening.tag.as_ref().map(|(span, _)| (EventKind::Tag, *span));
        let anchor = opening.anchor.as_ref().map(|(span, _)| (EventKind::Anchor, *span));
        let mut properties = [tag, anchor];
        properties.sort_by_key(|property| property.map(|(_, span)| span.start));
        let mut start = None;
        for (kind, span) in properties.into_iter().flatten() {
            self.skip_gap()?;
            self.expect_at(span)?;
            self.event(kind, span)?;
            start = start.or(Some(span.start));
        }
        Ok(start)
    }

    /// Walks through a list or map, one level deeper.
    fn nested(
        &mut self,
        opening: &Opening<'t>,
        style: StructureStyle,
        walk: fn(&mut Self, Structure) -> Result<Content, SyntaxError>,
    ) -> Result<Content, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(Problem::TooDeep));
        }
        let (outer_indent, was_in_brackets) = (self.indent, self.is_in_brackets);
        let structure = match style {
            StructureStyle::Flow if matches!(opening.span.of(self.text), "[" | "{") => {
                self.is_in_brackets = true;
                Structure::Brackets
            }
            StructureStyle::Flow => Structure::Pair,
            StructureStyle::Block => {
                // granit has no token for the start of a sequence that stands in the column of its key, and reports
                // the first item in its place.
                let is_indentless = opening.span.start != self.cursor;
                if is_indentless && matches!(opening.event, Parsed::MappingStart(..)) {
                    return Err(self.torn());
                }
                let column = if is_indentless { (outer_indent as usize).saturating_sub(1) } else { opening.column };
                self.indent = u32::try_from(column + 1).unwrap_or(u32::MAX);
                Structure::Block { column }
            }
        };
        self.depth += 1;
        let content = walk(self, structure)?;
        self.depth -= 1;
        (self.indent, self.is_in_brackets) = (outer_indent, was_in_brackets);
        Ok(content)
    }

    fn list(&mut self, structure: Structure) -> Result<Content, SyntaxError> {
        self.open(EventKind::ListOpen, structure)?;
        let mut nodes = Vec::new();
        while let Some(opening) = self.opening_or_end()? {
            if let Structure::Block { .. } = structure {
                self.skip_gap()?;
                self.expect("-")?;
            } else if !nodes.is_empty() {
                self.skip_gap()?;
                self.expect(",")?;
            }
            self.path.push(Component::Item(nodes.len()));
            nodes.push(self.node(opening)?);
            self.path.pop();
        }
        self.close(EventKind::ListClose, structure)?;
        Ok(Content::List(nodes))
    }

    fn open(&mut self, kind: EventKind, structure: Structure) -> Result<(), SyntaxError> {
        let start = self.cursor;
        if structure == Structure::Brackets {
            self.cursor += 1;
        }
        self.event(kind, Span::new(start, self.cursor))
    }

    fn close(&mut self, kind: EventKind, structure: Structure) -> Result<(), SyntaxError> {
        if structure == Structure::Brackets {
            self.skip_gap()?;
            if self.take(",") {
                self.skip_gap()?;
            }
            self.expect(if kind == EventKind::ListClose { "]" } else { "}" })?;
        }
        self.event(kind, Span::new(self.cursor, self.cursor))
    }

    /// Counts the length of a key or key path.
    fn count_path(&mut self, bytes: usize) -> Result<(), SyntaxError> {
        self.path_bytes += bytes;
        if self.path_bytes > MAX_PATH_BYTES { Err(self.error(Problem::KeysTooLong)) } else { Ok(()) }
    }

    fn event(&mut self, kind: EventKind, span: Span) -> Result<(), SyntaxError> {
        self.push(Item::Event(Event { kind, span }))
    }

    fn push(&mut self, item: Item) -> Result<(), SyntaxError> {
        if self.document.items.len() == MAX_ITEMS {
            return Err(self.error(Problem::TooManyItems));
        }
        self.document.items.push(item);
        Ok(())
    }

    fn expect(&mut self, indicator: &str) -> Result<(), SyntaxError> {
        if self.take(indicator) { Ok(()) } else { Err(self.torn()) }
    }

    fn take(&mut self, indicator: &str) -> bool {
        let is_there = self.text[self.cursor..].starts_with(indicator);
        if is_there {
            self.cursor += indicator.len();
        }
        is_there
    }

    fn expect_at(&mut self, span: Span) -> Result<(), SyntaxError> {
        if self.cursor != span.start {
            return Err(self.torn());
        }
        self.cursor = span.end;
        Ok(())
    }

    /// Returns the error for a text that granit and this walk see differently.
    fn torn(&self) -> SyntaxError {
        self.error(Problem::Invalid("this cannot be read in one way only"))
    }

    fn error(&self, problem: Problem) -> SyntaxError {
        SyntaxError::at(self.text, self.cursor, problem)
    }
}

/// Tells whether a blank, a line end or nothing follows the first `length` bytes.
fn stands_alone(text: &str, length: usize) -> bool {
    text.len() == length || text[length..].starts_with([' ', '\t', '\n', '\r'])
}

const BYTE_ORDER_MARK: &str = "\u{feff}";

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::fixture::{items, items_of_map, problem};
    use super::parse;
    use crate::document::{Content, MAX_DEPTH, Problem};

    #[test]
    fn structure_is_events_in_the_order_of_the_text() {
        let text = "# top\n%YAML 1.2 # of the directive\n---\n# before\n&m !t # of the map\n&k key: # of the key\n  !!str # of the tag\n  &v x #\n...\n--- [*v , ? a : 1, [], ]\n"
            .replace("*v", "&v ~, *v");
        let expected = "# top|Directive %YAML 1.2|# of the directive|DocumentStart ---|# before|Anchor &m|Tag !t|# of the map|\
            MapOpen|Anchor &k|Key key|# of the key|Tag !!str|# of the tag|Anchor &v|key String \"x\" = \"x\"|MapClose|\
            DocumentEnd ...|DocumentStart ---|ListOpen [|Anchor &v|Null ~|Alias *v|MapOpen|Key a|\
            @2[2].a Integer \"1\" = \"1\"|MapClose|ListOpen [|ListClose|ListClose|DocumentEnd";
        assert_eq!(items(&text).join("|"), expected);
    }

    #[test]
    fn nulls_stand_behind_their_indicator() {
        let text = "a: # c\nb: &x\n? c\n: - # d\n  - ~\ne: {f, g: , \"h\":}\n";
        let expected = "Key a|Null|# c|Key b|Anchor &x|Null|Key c|ListOpen|Null|# d|Null ~|ListClose|\
            Key e|MapOpen {|Key f|Null|Key g|Null|Key \"h\"|Null|MapClose";
        assert_eq!(items_of_map(text).join("|"), expected);
    }

    #[test]
    fn the_tree_spans_its_nodes() {
        let text = "a: &x !t\n  b: 1\n  c: # c\nd: [1, {}, *x] # d\n";
        let document = parse(text).expect("valid");
        let Content::Map(entries) = &document.roots[0].content else { panic!("a map") };
        let spans: Vec<_> = entries.iter().map(|entry| (entry.key_span.of(text), entry.node.span.of(text))).collect();
        assert_eq!(spans, [("a", "&x !t\n  b: 1\n  c:"), ("d", "[1, {}, *x]")]);
        assert_eq!(entries[0].node.anchor.as_deref(), Some("x"));
        let Content::List(items) = &entries[1].node.content else { panic!("a list") };
        assert!(matches!(&items[2].content, Content::Alias(name) if name == "x"));
        assert!(matches!(&items[0].content, Content::Leaf(index) if &*document.leaf(*index).value == "1"));
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        let texts = [
            "? |1\n  x\n: y\n",
            "? - >2\n     x\n: y\n",
            "? |\n  x",
            "a: b # c\u{2028}d: e\n",
            "a: b\n---\n\u{feff}# c\n--- d\n",
            "a: b\0\n",
            "\u{feff}\u{feff}a: b\n",
        ];
        for text in texts {
            assert!(matches!(problem(text), Problem::Invalid(_)), "{text:?}");
        }
    }

    #[test]
    fn depth_and_the_length_of_all_paths_are_bounded() {
        for (open, close) in [("[", "]"), ("- ", ""), ("? ", ""), ("{a: ", "}")] {
            let nested = |depth: usize| format!("{}x{}", open.repeat(depth), close.repeat(depth));
            assert!(parse(&nested(MAX_DEPTH)).is_ok(), "{open}");
            assert_eq!(problem(&nested(MAX_DEPTH + 1)), Problem::TooDeep, "{open}");
            assert_eq!(problem(&open.repeat(100_000)), Problem::TooDeep, "{open}");
        }
        let text = format!("{}[{}]", format!("{{{}: ", "k".repeat(1000)).repeat(100), "1,".repeat(10_000));
        assert_eq!(problem(&text), Problem::KeysTooLong);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>(), dense in "[-?:,\\[\\]{}#&*!|>'\"%@ab~ \t\r\n.]{0,40}") {
            let _ = (parse(&text), parse(&dense));
        }
    }
}
