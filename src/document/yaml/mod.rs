//! YAML 1.2: parsing with exact spans, and edits of single values.
//!
//! The grammar is granit-parser's; this parser walks along the text beside it. Whatever stands between two items
//! must be blank, a comment or the indicator that belongs there, so nothing that has a meaning escapes the events.

mod block;
mod edit;
mod problem;
mod schema;
mod simple;
mod spell;

use std::collections::HashMap;
use std::mem;

use granit_parser::{Event as Parsed, ScalarStyle, StructureStyle};
use zeroize::Zeroizing;

pub(crate) use edit::{set, unset};

use super::path::{Component, KeyKind};
use super::{
    Comment, Content, Document, Entry, Event, EventKind, Extent, Item, KeyPath, Layout, Leaf, MAX_DEPTH, MAX_ITEMS,
    MAX_PATH_BYTES, Node, Problem, ScalarKind, Source, Span, Style, SyntaxError, position,
};
use schema::{Resolved, Tag};

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
    /// [`Layout::indent`] at this place.
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

/// The keys of a map: how often each was seen, and where first.
type Keys = HashMap<(KeyKind, String), (usize, usize)>;

/// A node as granit reports it.
struct Opening<'t> {
    event: Parsed<'t>,
    /// Of the content; granit's notion of it.
    span: Span,
    /// The column at which granit sees the content.
    column: usize,
    tag: Option<(Span, Tag)>,
    anchor: Option<(Span, String)>,
}

/// A scalar that has been walked over.
struct Scalar {
    span: Span,
    style: Style,
    value: Zeroizing<String>,
    resolved: Resolved,
}

impl Opening<'_> {
    /// Tells whether nothing is spelled but, perhaps, a tag and an anchor.
    fn is_implicit(&self) -> bool {
        matches!(self.event, Parsed::Scalar(_, ScalarStyle::Plain, ..)) && self.span.is_empty()
    }

    /// Tells whether nothing at all is spelled.
    fn is_unspelled(&self) -> bool {
        self.is_implicit() && self.tag.is_none() && self.anchor.is_none()
    }

    /// Returns where the first character of the node stands. For a block scalar and an indentless sequence it is
    /// somewhere behind.
    fn start(&self) -> usize {
        let properties = [self.tag.as_ref().map(|tag| tag.0.start), self.anchor.as_ref().map(|anchor| anchor.0.start)];
        properties.into_iter().flatten().fold(self.span.start, usize::min)
    }
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

    fn scalar_node(&mut self, opening: &mut Opening<'_>) -> Result<Content, SyntaxError> {
        let scalar = self.scalar(opening)?;
        let Resolved::Scalar(kind) = scalar.resolved else {
            self.event(EventKind::Null, scalar.span)?;
            return Ok(Content::Null);
        };
        if self.open_keys > 0 {
            self.demand_fixed(&scalar)?;
            self.event(EventKind::Scalar, scalar.span)?;
            return Ok(Content::Null);
        }
        let path = KeyPath(self.path.clone());
        self.count_path(path.byte_length())?;
        let leaf = Leaf {
            path,
            span: scalar.span,
            style: scalar.style,
            kind,
            value: scalar.value.into(),
            layout: Layout { indent: self.indent, line_end: self.has_line_end(scalar.span), ..Layout::default() },
        };
        self.push(Item::Leaf(leaf))?;
        Ok(Content::Leaf(self.document.items.len() - 1))
    }

    /// Walks over the content of a scalar.
    fn scalar(&mut self, opening: &mut Opening<'_>) -> Result<Scalar, SyntaxError> {
        if opening.is_implicit() {
            let span = Span::new(self.cursor, self.cursor);
            return Ok(Scalar { span, style: Style::Plain, value: Zeroizing::default(), resolved: Resolved::Null });
        }
        let Parsed::Scalar(value, style, ..) = &mut opening.event else { return Err(self.torn()) };
        // Taken, not copied: what granit has decoded is wiped with it.
        let value = Zeroizing::new(mem::take(value).into_owned());
        let tag = opening.tag.as_ref().map(|(_, tag)| *tag);
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let span = if style.is_block() {
            block::span(self.text, self.cursor, opening.span, opening.column).ok_or_else(|| self.torn())?
        } else {
            opening.span
        };
        self.expect_at(span)?;
        if !style.is_block() {
            self.demand_indented_lines(span, style)?;
        }
        let source = span.of(self.text);
        let resolved = schema::resolve(source, style, tag);
        let is_text = resolved == Resolved::Scalar(ScalarKind::String);
        let value = if is_text { value } else { Zeroizing::new(source.to_owned()) };
        Ok(Scalar { span, style, value, resolved })
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

    fn map(&mut self, structure: Structure) -> Result<Content, SyntaxError> {
        self.open(EventKind::MapOpen, structure)?;
        let mut keys = Keys::new();
        let mut entries = Vec::new();
        while let Some(opening) = self.opening_or_end()? {
            if structure == Structure::Brackets && !entries.is_empty() {
                self.skip_gap()?;
                self.expect(",")?;
            }
            let is_explicit = self.question_mark(&opening)?;
            let (key, key_span) = self.key(opening, &mut keys)?;
            let opening = self.opening()?;
            self.colon(&opening, structure, is_explicit)?;
            self.path.push(key.clone());
            let node = self.node(opening)?;
            self.path.pop();
            entries.push(Entry { key, key_span, node });
        }
        self.close(EventKind::MapClose, structure)?;
        Ok(Content::Map(entries))
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

    /// Walks over the `?` before a key, if there is one.
    fn question_mark(&mut self, key: &Opening<'_>) -> Result<bool, SyntaxError> {
        let start = self.gap_end();
        let is_indicator = key.start() > start || key.is_unspelled();
        let is_explicit = is_indicator && self.text[start..].starts_with('?');
        self.skip_gap()?;
        if is_explicit {
            self.cursor += 1;
        }
        Ok(is_explicit)
    }

    /// Walks over the `:` before a value; none needs to stand before a null.
    fn colon(&mut self, value: &Opening<'_>, structure: Structure, is_explicit: bool) -> Result<(), SyntaxError> {
        let start = self.gap_end();
        let belongs_here = self.text[start..].starts_with(':')
            && match structure {
                // `? ? a` and then `: b`: the colon may be that of an outer map.
                Structure::Block { column } if is_explicit => {
                    stands_alone(&self.text[start..], 1) && self.is_indented_by(start, column)
                }
                _ => true,
            };
        if belongs_here {
            self.skip_gap()?;
            self.cursor += 1;
            return Ok(());
        }
        if value.is_unspelled() { Ok(()) } else { Err(self.torn()) }
    }

    /// Tells whether exactly `column` spaces stand between the start of the line and `position`.
    fn is_indented_by(&self, position: usize, column: usize) -> bool {
        let Some(start) = position.checked_sub(column) else { return false };
        let (before, blanks) = self.text.as_bytes()[..position].split_at(start);
        let is_line_start =
            matches!(before.last(), None | Some(b'\n' | b'\r')) || before.ends_with(BYTE_ORDER_MARK.as_bytes());
        is_line_start && blanks.iter().all(|byte| *byte == b' ')
    }

    fn key(&mut self, mut opening: Opening<'t>, keys: &mut Keys) -> Result<(Component, Span), SyntaxError> {
        let (kind, name, span, is_repeatable) = if let Parsed::Scalar(..) = opening.event {
            self.properties(&opening)?;
            if !opening.is_implicit() {
                self.skip_gap()?;
            }
            let key = self.scalar(&mut opening)?;
            self.demand_fixed(&key)?;
            self.event(EventKind::Key, key.span)?;
            let source = key.span.of(self.text);
            let is_merge = source == "<<" && opening.tag.is_none();
            let is_repeatable = is_merge || opening.is_implicit();
            match key.resolved {
                Resolved::Scalar(ScalarKind::String) => {
                    (KeyKind::String, key.value.to_string(), key.span, is_repeatable)
                }
                _ => (KeyKind::Other, source.to_owned(), key.span, is_repeatable),
            }
        } else {
            self.skip_gap()?;
            let start = self.cursor;
            let first_item = self.document.items.len();
            self.event(EventKind::KeyOpen, Span::new(start, start))?;
            self.open_keys += 1;
            self.node(opening)?;
            self.open_keys -= 1;
            self.event(EventKind::KeyClose, Span::new(self.cursor, self.cursor))?;
            let span = Span::new(start, self.cursor);
            (KeyKind::Complex, self.without_comments(span, first_item), span, false)
        };
        self.count_path(name.len())?;
        let (seen, first) = keys.entry((kind, name.clone())).or_insert((0, span.start));
        if *seen > 0 && !is_repeatable {
            let (first_line, _) = position(self.text, *first);
            return Err(SyntaxError::at(self.text, span.start, Problem::DuplicateKey { first_line }));
        }
        let occurrence = *seen;
        *seen += 1;
        Ok((Component::Key { kind, name: name.into(), occurrence }, span))
    }

    /// Returns the source text of a key without the text of its comments, as that is replaced when they are sealed.
    fn without_comments(&self, span: Span, first_item: usize) -> String {
        let mut name = String::new();
        let mut position = span.start;
        for item in &self.document.items[first_item..] {
            if let Item::Comment(comment) = item {
                name.push_str(&self.text[position..comment.span.start]);
                position = comment.span.end;
            }
        }
        name.push_str(&self.text[position..span.end]);
        name
    }

    /// Refuses a block scalar inside of a key whose source text alone does not tell its value: only leaves carry
    /// a [`Layout`].
    fn demand_fixed(&self, scalar: &Scalar) -> Result<(), SyntaxError> {
        if !scalar.style.is_block() {
            return Ok(());
        }
        let problem = if block::has_indentation_indicator(scalar.span.of(self.text)) {
            "a block scalar with an indentation indicator cannot stand in a key"
        } else if !self.has_line_end(scalar.span) {
            "a block scalar in a key needs a line end"
        } else {
            return Ok(());
        };
        Err(SyntaxError::at(self.text, scalar.span.start, Problem::Invalid(problem)))
    }

    /// Tells whether a line end follows the line on which `span` ends.
    fn has_line_end(&self, span: Span) -> bool {
        self.last_break.is_some_and(|last| last >= span.end)
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

    /// Walks over blanks, line ends and comments, and reports the comments.
    fn skip_gap(&mut self) -> Result<(), SyntaxError> {
        let end = self.gap_end();
        while let Some(sign) = self.text[self.cursor..end].find('#') {
            let start = self.cursor + sign + 1;
            let length = self.text[start..end].find(['\n', '\r']).unwrap_or(end - start);
            let span = Span::new(start, start + length);
            if let Some(offset) = span.of(self.text).find(['\u{85}', '\u{2028}', '\u{2029}']) {
                // To a reader of YAML 1.1 a line ends there, and what follows is no comment.
                let problem = "this character cannot stand in a comment, as YAML 1.1 ends a line at it";
                return Err(SyntaxError::at(self.text, start + offset, Problem::Invalid(problem)));
            }
            if !span.of(self.text).trim_matches([' ', '\t']).is_empty() {
                self.push(Item::Comment(Comment { span }))?;
            }
            self.cursor = span.end;
        }
        self.demand_indented(Span::new(self.cursor, end))?;
        self.cursor = end;
        Ok(())
    }

    /// Refuses a line that begins behind `gap` and is indented too little between brackets, or by tabs.
    ///
    /// It must be indented deeper than the block collection around it. A closing bracket may stand in the column of that
    /// collection too: YAML forbids it, but every common reader takes it, and many people write it.
    fn demand_indented(&self, gap: Span) -> Result<(), SyntaxError> {
        let Some(line_end) = gap.of(self.text).rfind(['\n', '\r']) else { return Ok(()) };
        let blanks = &self.text[gap.start + line_end + 1..gap.end];
        let is_by_spaces = blanks.bytes().all(|byte| byte == b' ');
        let rest = &self.text[gap.end..];
        let demanded = match self.indent as usize {
            _ if rest.is_empty() || is_by_spaces && !self.is_in_brackets => 0,
            indent if is_by_spaces && rest.starts_with([']', '}']) => indent.saturating_sub(1),
            indent => indent,
        };
        if spaces(blanks) < demanded { Err(self.wrongly_indented(gap.end)) } else { Ok(()) }
    }

    /// Refuses a scalar with a line that is not indented deeper than the block collection around it.
    fn demand_indented_lines(&self, span: Span, style: Style) -> Result<(), SyntaxError> {
        // Only in a plain scalar may a line of nothing but blanks begin with a tab.
        let blanks: &[char] = if style == Style::Plain { &[' ', '\t'] } else { &[' '] };
        let mut lines = span.of(self.text).split(['\n', '\r']).skip(1);
        let is_indented =
            |line: &str| spaces(line) >= self.indent as usize || line.trim_start_matches(blanks).is_empty();
        if lines.all(is_indented) { Ok(()) } else { Err(self.wrongly_indented(span.start)) }
    }

    fn wrongly_indented(&self, offset: usize) -> SyntaxError {
        SyntaxError::at(self.text, offset, Problem::Invalid("the indentation does not fit"))
    }

    /// Returns where the blanks, line ends and comments behind the cursor end.
    fn gap_end(&mut self) -> usize {
        if self.gap.start != self.cursor {
            self.gap = Span::new(self.cursor, gap_end(self.text, self.cursor));
        }
        self.gap.end
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

    fn opening(&mut self) -> Result<Opening<'t>, SyntaxError> {
        match self.opening_or_end()? {
            Some(opening) => Ok(opening),
            None => Err(self.torn()),
        }
    }

    /// Returns the next node, or none where a list or map ends.
    fn opening_or_end(&mut self) -> Result<Option<Opening<'t>>, SyntaxError> {
        let (event, marks) = self.next()?;
        let (anchor, tag) = match &event {
            Parsed::Scalar(_, _, anchor, tag)
            | Parsed::SequenceStart(_, anchor, tag)
            | Parsed::MappingStart(_, anchor, tag) => (*anchor, tag.as_deref()),
            Parsed::Alias(_) => (0, None),
            Parsed::SequenceEnd | Parsed::MappingEnd => return Ok(None),
            _ => return Err(self.torn()),
        };
        let tag = match tag {
            Some(tag) => Some((self.span(marks.tag_span().ok_or_else(|| self.torn())?)?, Tag::of(tag))),
            None => None,
        };
        let anchor = if anchor > 0 {
            let (Parsed::Anchor(_, name), marks) = self.next()? else { return Err(self.torn()) };
            Some((self.span(marks)?, name.into_owned()))
        } else {
            None
        };
        Ok(Some(Opening { span: self.span(marks)?, column: marks.start.col(), event, tag, anchor }))
    }

    fn next(&mut self) -> Result<(Parsed<'t>, granit_parser::Span), SyntaxError> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(problem::syntax_error(self.text, &error)),
            None => Err(self.torn()),
        }
    }

    fn span(&self, marks: granit_parser::Span) -> Result<Span, SyntaxError> {
        let range = marks.byte_range().filter(|range| self.text.get(range.clone()).is_some());
        range.map(|range| Span::new(range.start, range.end)).ok_or_else(|| self.torn())
    }

    /// Returns the error for a text that granit and this walk see differently.
    fn torn(&self) -> SyntaxError {
        self.error(Problem::Invalid("this cannot be read in one way only"))
    }

    fn error(&self, problem: Problem) -> SyntaxError {
        SyntaxError::at(self.text, self.cursor, problem)
    }
}

/// Returns how many spaces a line begins with.
fn spaces(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// Tells whether a blank, a line end or nothing follows the first `length` bytes.
fn stands_alone(text: &str, length: usize) -> bool {
    text.len() == length || text[length..].starts_with([' ', '\t', '\n', '\r'])
}

/// Returns where the blanks, line ends and comments from `start` on end.
fn gap_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut position = start;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => position += 1,
            b'#' => position += text[position..].find(['\n', '\r']).unwrap_or(text.len() - position),
            _ => break,
        }
    }
    position
}

const BYTE_ORDER_MARK: &str = "\u{feff}";

#[cfg(test)]
mod laws;

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{laws, parse};
    use crate::document::{Content, Item, Layout, MAX_DEPTH, Problem, ScalarKind};

    /// The items of a document: events with their source text, leaves with path, source text and value.
    fn items(text: &str) -> Vec<String> {
        let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
        let item = |item: &Item| match item {
            Item::Event(event) => format!("{:?} {}", event.kind, event.span.of(text)).trim_end().to_owned(),
            Item::Leaf(leaf) => format!("{} {:?} {:?} = {:?}", leaf.path, leaf.kind, leaf.span.of(text), &*leaf.value),
            Item::Comment(comment) => format!("#{}", comment.span.of(text)),
        };
        document.items.iter().map(item).collect()
    }

    /// The items of a document that is one map, without what begins and ends it.
    fn items_of_map(text: &str) -> Vec<String> {
        let items = items(text);
        assert_eq!([items[0].as_str(), &items[1]], ["DocumentStart", "MapOpen"]);
        items[2..items.len() - 2].to_vec()
    }

    fn problem(text: &str) -> Problem {
        parse(text).err().unwrap_or_else(|| panic!("{text:?} parses")).problem
    }

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
    fn keys_have_their_kind_and_complex_keys_their_events() {
        let text = "\"a\\x62\": x\n12: x\n!!str 13: x\n: x\n? |  # c\n  block\n: x\n? - p # secret\n  - q: ~\n: x\n? &k {r: s}\n: x\n*k : x\n";
        let document = parse(text).expect("valid");
        let paths: Vec<_> = document.leaves().map(|leaf| format!("{:?}", leaf.path.0[0])).collect();
        let key = |kind: &str, name: &str| format!("Key {{ kind: {kind}, name: {name:?}, occurrence: 0 }}");
        let expected = [
            key("String", "ab"),
            key("Other", "12"),
            key("String", "13"),
            key("Other", ""),
            key("String", "block\n"),
            key("Complex", "- p #\n  - q: ~"),
            key("Complex", "&k {r: s}"),
            key("Complex", "*k"),
        ];
        assert_eq!(paths, expected);
        let keys: Vec<_> = items(text).into_iter().filter(|item| !item.contains("\"x\"")).collect();
        let expected = "DocumentStart|MapOpen|Key \"a\\x62\"|Key 12|Tag !!str|Key 13|Key|Key |  # c\n  block|\
            KeyOpen|ListOpen|Scalar p|# secret|MapOpen|Key q|Null ~|MapClose|ListClose|KeyClose|\
            KeyOpen|Anchor &k|MapOpen {|Key r|Scalar s|MapClose|KeyClose|KeyOpen|Alias *k|KeyClose|MapClose|DocumentEnd";
        assert_eq!(keys.join("|"), expected);
    }

    #[test]
    fn equal_keys_are_refused_but_for_empty_and_merge_keys() {
        for text in ["a: 1\n\n'a': 2\n", "? [a]\n\n? [a]\n", "1: a\n\n1: b\n", "<<: 1\n\n\"<<\": 2\n", "~:\n\n~:\n"] {
            let error = parse(text).err().expect("the second key is refused");
            assert_eq!((error.line, error.problem), (3, Problem::DuplicateKey { first_line: 1 }), "{text:?}");
        }
        assert_eq!(problem("{a: {b: 1, b: 2}}"), Problem::DuplicateKey { first_line: 1 });
        let paths = |text| parse(text).expect("valid").leaves().map(|leaf| leaf.path.to_string()).collect::<Vec<_>>();
        assert_eq!(paths(": 1\n: 2\n"), ["\"\"", "\"\"#2"]);
        assert_eq!(paths("<<: 1\n<<: 2\n1: 3\n'1': 4\n"), ["<<", "<<#2", "1", "1"]);
    }

    #[test]
    fn scalars_are_typed_by_tag_then_by_the_core_schema() {
        use ScalarKind::{Boolean, Float, Integer, String};
        let text =
            "[1, '1', !!str 1, ! 1, !!int '1', !!float 1, !!bool x, !mine 1, !mine '1', !!str null, !!str , !!null x]";
        let document = parse(text).expect("valid");
        let expected = [Integer, String, String, String, Integer, Float, Boolean, Integer, String, String, String];
        assert_eq!(document.leaves().map(|leaf| leaf.kind).collect::<Vec<_>>(), expected);
        assert_eq!(items("\"a\\\n  \\tb\"")[1], "@1 String \"\\\"a\\\\\\n  \\\\tb\\\"\" = \"a\\tb\"");
    }

    #[test]
    fn a_block_scalar_ends_with_its_content() {
        let cases = [
            ("a: |\n  x\n  \n\nb:", "|\n  x"),
            ("a: | # c\n  x\n   \n\nb:", "| # c\n  x\n   "),
            ("a: |+\n  x\n\n  \nb:", "|+\n  x\n\n  "),
            ("a: |+\n  x\n\n # c\n\nb:", "|+\n  x\n"),
            ("a: >-\r\n\r\n  x\r\n\r\nb:", ">-\r\n\r\n  x"),
            ("a: |\n\n\nb:", "|"),
            ("a: |+\n\n\nb:", "|+\n\n"),
            ("a: |+\n", "|+"),
            ("a: |+\n  x\n ", "|+\n  x\n "),
            ("a: |\n  x", "|\n  x"),
            ("# |\na: # >\n - >-2 # |\n      #|\n", ">-2 # |\n      #|"),
            ("--- |1\n a\n...\n", "|1\n a"),
            ("a: |\r\r  x\r\rb:", "|\r\r  x"),
        ];
        for (text, source) in cases {
            let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
            assert_eq!(document.leaves().next().map(|leaf| leaf.span.of(text)), Some(source), "{text:?}");
        }
    }

    #[test]
    fn a_leaf_knows_the_column_of_the_block_around_it_and_whether_its_line_ends() {
        let layouts = |text| parse(text).expect("valid").leaves().map(|leaf| leaf.layout).collect::<Vec<_>>();
        let layout = |indent, line_end| Layout { indent, line_end, ..Layout::default() };
        assert_eq!(layouts("x"), [layout(0, false)]);
        assert_eq!(layouts("\u{feff}é: x\nb:\n- [y]\n- - z\n"), [1, 1, 3].map(|indent| layout(indent, true)));
        assert_eq!(
            layouts("- ? a\n  : x\n- &k\n   - |\n     y\n- z"),
            [layout(3, true), layout(4, true), layout(1, false)]
        );
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
    fn a_closing_bracket_may_stand_in_the_column_of_the_collection_around_it() {
        let texts = [
            "a: [\n  1,\n  2\n]\nb: {\n  c: d,\n}\n",
            "- [\n  1\n]\n- - {a: [{\n    b: 1}\n  ]\n  }\n- c: [\n    1\n  ]\n",
            "a:\n- [\n]\n- 1\nb:\n  - {\n    c: [\n      1\n  ], d: 2\n  }\n",
            "a: [{\n  b: 1\n}, {\n  b: 2\n}]\n",
            "a: [\n# c\n  'x\n\n   y', # d\n\n  z\n  z\n# e\n\n]  # f\n",
            "? [\n  1\n]\n: {\n}\n? a\n: [\n  2\n]\n",
            "a:\r\n  [\r\n    1\r\n]\r\nb: [\r  1\r]\r",
            "[\n1,\n{\na: 'b\nc'\n}\n]\n",
            "--- [\n\t1\n\t]\n",
            "a: [\n \t1,\n \tb\n \tc\n \t]\n",
        ];
        for text in texts {
            assert_eq!(items(text), items(&laws::with_indented_brackets(text)), "{text:?}");
        }
    }

    #[test]
    fn what_else_stands_between_brackets_is_indented_deeper_than_the_collection_around_them() {
        let texts = [
            "a: [\n1\n]\n",
            "a: [1\n, 2]\n",
            "a: {b\n: 1}\n",
            "a: {? b\n: 1}\n",
            "a: {b:\n1}\n",
            "a: [\n[1]]\n",
            "a: [\n&x 1]\n",
            "a: [ &x\n1]\n",
            "a: [ !x\n1]\n",
            "a: [1\n2]\n",
            "a: [1\n\n2]\n",
            "a: ['1\n2']\n",
            "a: ['1\n']\n",
            "a: ['1\n]']\n",
            "a: [\"1\\\n2\"]\n",
            "a: ['1\n\t\n 2']\n",
            "a: [\n\t1]\n",
            "a: [1,\n\t2]\n",
            "a: [\n\t]\n",
            "a: [1,\n\t]\n",
            "a: [1\n\t2]\n",
            "a: [1, '2\n\t3']\n",
            "- a: [\n  1\n  ]\n",
            "- a: [\n]\n",
            "a:\n  b: [\n]\n",
            "a:\n  - b: {\n  }\n",
            "a: '1\n'\n",
            "a: \"1\\\n2\"\n",
            "?\t&x\n\ta\n: b\n",
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
