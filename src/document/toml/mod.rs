//! TOML 1.1: every event, leaf and comment, and the tree into which headers and dotted keys join them.
//!
//! `toml_parser` reads the grammar; which table may be defined and extended where is checked in [`tables`]. Numbers
//! of any size are taken, as nothing here computes with them: their source text is their value.
//!
//! Events: a header is [`EventKind::Table`], its keys, and a [`EventKind::Separator`] for the closing `]` or `]]`,
//! without which `[a]` with `b.c = 1` would look like `[a.b]` with `c = 1`. An entry is its keys, a separator `=` and
//! the value. In the tree, the span of a table that has no braces is that of its header; of a table without a header,
//! that of the key which first names it; of an array of tables, that of its first header.

mod edit;
mod spelling;
mod tables;

use std::borrow::Cow;

use toml_parser::decoder::{Encoding, ScalarKind as Decoded};
use toml_parser::parser::{Event as Token, EventKind as TokenKind, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ParseError, Raw, Source};
use zeroize::Zeroizing;

use super::path::Component;
use super::{
    Comment, Document, Event, EventKind, Item, KeyPath, Layout, Leaf, MAX_DEPTH, MAX_ITEMS, MAX_PATH_BYTES, Problem,
    ScalarKind, Span, Style, SyntaxError, position,
};
use tables::{Holds, Key, ROOT, Tables, Taken};

pub(crate) use edit::{set, unset};

/// Reads a document.
///
/// # Errors
/// When the text is no TOML, defines a key twice, or passes a limit.
pub(crate) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let tokens = tokens(text)?;
    let mut reader = Reader {
        source: Source::new(text),
        tokens: tokens.into_iter(),
        items: Vec::new(),
        path: KeyPath::default(),
        path_bytes: 0,
        section: ROOT,
        tables: Tables::new(text.len()),
    };
    while let Some(token) = reader.tokens.next() {
        match token.kind() {
            TokenKind::Comment => reader.comment(token)?,
            TokenKind::StdTableOpen | TokenKind::ArrayTableOpen => reader.header(token)?,
            TokenKind::SimpleKey => reader.entry(token, reader.section)?,
            _ => return Err(reader.misplaced(token)),
        }
    }
    Ok(Document { roots: vec![reader.tables.into_tree()], items: reader.items })
}

/// Reads the grammar, and returns all tokens that carry meaning. Nothing is decoded yet.
fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let source = Source::new(text);
    let mut tokens = Vec::new();
    let mut failure = None;
    let mut keep = |token: Token| {
        use TokenKind::{KeySep, Newline, ValueSep, Whitespace};
        if !matches!(token.kind(), KeySep | Newline | ValueSep | Whitespace) {
            tokens.push(token);
        }
    };
    let mut valid = ValidateWhitespace::new(&mut keep, source);
    let limit = u32::try_from(MAX_DEPTH).unwrap_or(u32::MAX);
    parse_document(&source.lex().into_vec(), &mut RecursionGuard::new(&mut valid, limit), &mut failure);
    check(text, failure)?;
    Ok(tokens)
}

/// Turns what `toml_parser` reports into an error.
fn check(text: &str, failure: Option<ParseError>) -> Result<(), SyntaxError> {
    let Some(failure) = failure else { return Ok(()) };
    let problem = match failure.description() {
        TOO_DEEP => Problem::TooDeep,
        // The description borrows from the error: only texts known here may outlive it, and none can hold a value.
        reason => Problem::Invalid(REASONS.iter().find(|known| **known == reason).unwrap_or(&"this is no TOML")),
    };
    let span = failure.unexpected().or(failure.context()).unwrap_or_default();
    Err(SyntaxError::at(text, span.start(), problem))
}

/// A cursor over the tokens, and what it has read so far.
struct Reader<'t> {
    source: Source<'t>,
    tokens: std::vec::IntoIter<Token>,
    items: Vec<Item>,
    /// The path of what is being read; between entries, of the table whose section this is.
    path: KeyPath,
    path_bytes: usize,
    section: usize,
    tables: Tables<'t>,
}

impl<'t> Reader<'t> {
    /// Reads `[a.b]` or `[[a.b]]`.
    fn header(&mut self, open: Token) -> Result<(), SyntaxError> {
        self.event(EventKind::Table, span_of(open))?;
        let first = self.next()?;
        let (parents, last, close) = self.keys(first)?;
        let span = Span::new(open.span().start(), close.end);
        self.path.0.clear();
        self.section = ROOT;
        for key in parents {
            self.step(key.component(), key.span)?;
            let found = self.tables.pass(self.section, &key);
            self.section = self.or_duplicate(&key, found)?;
            self.step_into_last_table(key.span)?;
        }
        self.step(last.component(), last.span)?;
        if open.kind() == TokenKind::ArrayTableOpen {
            let found = self.tables.append(self.section, &last, span);
            self.section = self.or_duplicate(&last, found)?;
            self.step_into_last_table(last.span)
        } else {
            let found = self.tables.define(self.section, &last, span);
            self.section = self.or_duplicate(&last, found)?;
            Ok(())
        }
    }

    /// Goes on to the last table if the section is an array of them.
    fn step_into_last_table(&mut self, span: Span) -> Result<(), SyntaxError> {
        if let Some((index, table)) = self.tables.last_of(self.section) {
            self.step(Component::Item(index), span)?;
            self.section = table;
        }
        Ok(())
    }

    /// Reads `a.b = value` into `table`.
    fn entry(&mut self, first: Token, table: usize) -> Result<(), SyntaxError> {
        let depth = self.path.0.len();
        let (parents, last, _) = self.keys(first)?;
        let mut parent = table;
        for key in parents {
            self.step(key.component(), key.span)?;
            let found = self.tables.extend(parent, &key);
            parent = self.or_duplicate(&key, found)?;
        }
        self.step(last.component(), last.span)?;
        let vacant = self.tables.vacant(parent, &last);
        self.or_duplicate(&last, vacant)?;
        let token = self.next()?;
        let (span, value) = self.value(token)?;
        self.tables.add(parent, last, span, value);
        self.path.0.truncate(depth);
        Ok(())
    }

    /// Reads keys and what ends them, `=` or the end of a header; returns all but the last, the last, and the end.
    fn keys(&mut self, first: Token) -> Result<(Vec<Key<'t>>, Key<'t>, Span), SyntaxError> {
        let mut parents = Vec::new();
        let mut last = self.key(first)?;
        loop {
            let token = self.next()?;
            match token.kind() {
                TokenKind::SimpleKey => parents.push(std::mem::replace(&mut last, self.key(token)?)),
                TokenKind::KeyValSep | TokenKind::StdTableClose | TokenKind::ArrayTableClose => {
                    self.event(EventKind::Separator, span_of(token))?;
                    return Ok((parents, last, span_of(token)));
                }
                _ => return Err(self.misplaced(token)),
            }
        }
    }

    fn key(&mut self, token: Token) -> Result<Key<'t>, SyntaxError> {
        let mut name = Cow::Borrowed("");
        let mut failure = None;
        self.raw(token)?.decode_key(&mut name, &mut failure);
        check(self.source.input(), failure)?;
        let span = span_of(token);
        self.event(EventKind::Key, span)?;
        Ok(Key { name, span })
    }

    /// Reads a value; nests at most as deep as the grammar was allowed to.
    fn value(&mut self, token: Token) -> Result<(Span, Holds), SyntaxError> {
        match token.kind() {
            TokenKind::ArrayOpen => self.array(token),
            TokenKind::InlineTableOpen => self.inline_table(token),
            TokenKind::Scalar => Ok((span_of(token), Holds::Leaf(self.leaf(token)?))),
            _ => Err(self.misplaced(token)),
        }
    }

    fn array(&mut self, open: Token) -> Result<(Span, Holds), SyntaxError> {
        self.open(EventKind::ListOpen, open)?;
        let mut nodes = Vec::new();
        loop {
            let token = self.next()?;
            match token.kind() {
                TokenKind::ArrayClose => return Ok((self.close(EventKind::ListClose, open, token)?, Holds::Array(nodes))),
                TokenKind::Comment => self.comment(token)?,
                _ => {
                    self.path.0.push(Component::Item(nodes.len()));
                    let (span, value) = self.value(token)?;
                    nodes.push(self.tables.add_item(span, value));
                    self.path.0.pop();
                }
            }
        }
    }

    fn inline_table(&mut self, open: Token) -> Result<(Span, Holds), SyntaxError> {
        self.open(EventKind::MapOpen, open)?;
        let table = self.tables.open_inline();
        loop {
            let token = self.next()?;
            match token.kind() {
                TokenKind::InlineTableClose => {
                    return Ok((self.close(EventKind::MapClose, open, token)?, self.tables.close_inline(table)));
                }
                TokenKind::Comment => self.comment(token)?,
                TokenKind::SimpleKey => self.entry(token, table)?,
                _ => return Err(self.misplaced(token)),
            }
        }
    }

    fn open(&mut self, kind: EventKind, token: Token) -> Result<(), SyntaxError> {
        if self.path.0.len() == MAX_DEPTH {
            return Err(self.error(span_of(token), Problem::TooDeep));
        }
        self.event(kind, span_of(token))
    }

    fn close(&mut self, kind: EventKind, open: Token, close: Token) -> Result<Span, SyntaxError> {
        let span = Span::new(open.span().start(), close.span().end());
        self.event(kind, Span::new(close.span().start(), close.span().start()))?;
        Ok(span)
    }

    /// Takes a leaf, and returns its place among the items.
    fn leaf(&mut self, token: Token) -> Result<usize, SyntaxError> {
        let raw = self.raw(token)?;
        let span = span_of(token);
        // Nothing decodes to more bytes than it is spelled with: the buffer never grows, and leaves no copy behind.
        let mut value = Zeroizing::new(String::with_capacity(raw.len()));
        let mut failure = None;
        let decoded = raw.decode_scalar(&mut *value, &mut failure);
        check(self.source.input(), failure)?;
        let (kind, is_valid) = match decoded {
            Decoded::Boolean(_) => (ScalarKind::Boolean, true),
            Decoded::DateTime => (ScalarKind::Timestamp, value.parse::<::toml::value::Datetime>().is_ok()),
            Decoded::Float => (ScalarKind::Float, value.parse::<f64>().is_ok()),
            Decoded::Integer(radix) => {
                let digits = value.strip_prefix(['+', '-']).unwrap_or(&value);
                let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix.value()));
                (ScalarKind::Integer, is_number)
            }
            Decoded::String => (ScalarKind::String, true),
        };
        if !is_valid {
            return Err(self.error(span, Problem::Invalid("this is no value")));
        }
        if kind != ScalarKind::String {
            value.clear();
            value.push_str(raw.as_str());
        }
        let style = match token.encoding() {
            None => Style::Plain,
            Some(Encoding::BasicString) => Style::DoubleQuoted,
            Some(Encoding::LiteralString) => Style::SingleQuoted,
            Some(Encoding::MlBasicString) => Style::MultiLineBasic,
            Some(Encoding::MlLiteralString) => Style::MultiLineLiteral,
        };
        self.path_bytes += self.path.byte_length();
        if self.path_bytes > MAX_PATH_BYTES {
            return Err(self.error(span, Problem::KeysTooLong));
        }
        let leaf = Leaf { path: self.path.clone(), span, style, kind, value, layout: Layout::default() };
        self.push(Item::Leaf(leaf), span)?;
        Ok(self.items.len() - 1)
    }

    fn comment(&mut self, token: Token) -> Result<(), SyntaxError> {
        let span = Span::new(token.span().start() + 1, token.span().end());
        if span.of(self.source.input()).trim_matches([' ', '\t']).is_empty() {
            return Ok(());
        }
        self.push(Item::Comment(Comment { span }), span)
    }

    fn event(&mut self, kind: EventKind, span: Span) -> Result<(), SyntaxError> {
        self.push(Item::Event(Event { kind, span }), span)
    }

    fn push(&mut self, item: Item, span: Span) -> Result<(), SyntaxError> {
        if self.items.len() == MAX_ITEMS {
            return Err(self.error(span, Problem::TooManyItems));
        }
        self.items.push(item);
        Ok(())
    }

    /// Goes one step down the path.
    fn step(&mut self, component: Component, span: Span) -> Result<(), SyntaxError> {
        if self.path.0.len() == MAX_DEPTH {
            return Err(self.error(span, Problem::TooDeep));
        }
        self.path.0.push(component);
        Ok(())
    }

    fn next(&mut self) -> Result<Token, SyntaxError> {
        let end = self.source.input().len();
        self.tokens.next().ok_or_else(|| self.error(Span::new(end, end), Problem::Invalid("this is no TOML")))
    }

    fn raw(&self, token: Token) -> Result<Raw<'t>, SyntaxError> {
        self.source.get(token).ok_or_else(|| self.misplaced(token))
    }

    fn or_duplicate<T>(&self, key: &Key<'_>, found: Result<T, Taken>) -> Result<T, SyntaxError> {
        found.map_err(|Taken(first)| {
            let (first_line, _) = position(self.source.input(), first.start);
            self.error(key.span, Problem::DuplicateKey { first_line })
        })
    }

    fn misplaced(&self, token: Token) -> SyntaxError {
        self.error(span_of(token), Problem::Invalid("this is no TOML"))
    }

    fn error(&self, span: Span, problem: Problem) -> SyntaxError {
        SyntaxError::at(self.source.input(), span.start, problem)
    }
}

fn span_of(token: Token) -> Span {
    Span::new(token.span().start(), token.span().end())
}

/// What `toml_parser` says of nesting.
const TOO_DEEP: &str = "cannot recurse further; max recursion depth met";

/// What `toml_parser` says of texts that people write by mistake.
const REASONS: [&str; 31] = [
    "`_` may only go between digits",
    "carriage return must be followed by newline",
    "extra `=`",
    "extra comma in array",
    "extra comma in inline table",
    "integers with a radix cannot be signed",
    "invalid basic string",
    "invalid comment character",
    "invalid key-value pair",
    "invalid literal string",
    "invalid multi-line basic string",
    "invalid multi-line literal string",
    "invalid unquoted key",
    "key with no value",
    "missing array opening",
    "missing assignment between key-value pairs",
    "missing comma between array elements",
    "missing comma between key-value pairs",
    "missing escaped value",
    "missing inline table opening",
    "missing opening quote",
    "missing table open",
    "missing value for key",
    "radix must be lowercase",
    "string values must be quoted",
    "unclosed array table",
    "unclosed array",
    "unclosed inline table",
    "unclosed table",
    "unexpected key or value",
    "unexpected leading zero",
];
