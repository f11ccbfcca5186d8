//! One version of an encrypted document: its lines, and the tokens in them, known by their ids.
//!
//! An id stays with a leaf while its value, its key and its neighbours change. So lines of two versions are told to be the
//! same one without any key, also when their tokens were sealed again.

use std::collections::HashMap;
use std::ops::Range;

use super::super::opening::{span_of, token_text};
use super::super::token::Token;
use crate::crypto::LeafId;
use crate::document::{Document, Format, Item, KeyPath, Span};

/// A version, taken apart.
pub(super) struct Side<'f> {
    pub text: &'f str,
    pub document: &'f Document,
    pub tokens: Vec<TokenAt>,
    pub lines: Vec<Line>,
    ids: HashMap<LeafId, usize>,
}

/// A token where it stands.
pub(super) struct TokenAt {
    /// The index of its leaf or comment in the document's items.
    pub item: usize,
    pub id: LeafId,
    pub is_value: bool,
    /// The quotes included.
    span: Span,
}

/// A line without its end.
pub(super) struct Line {
    pub span: Span,
    /// Its tokens.
    pub tokens: Range<usize>,
    /// Its text, with the id of each token in place of it: what changes only when a person changed the line.
    pub shape: String,
    pub end: LineEnd,
}

/// How a line ends.
#[derive(Clone, Copy)]
pub(super) struct LineEnd {
    /// JSON: the comma behind an entry, which depends on whether another one follows.
    pub has_comma: bool,
    /// Blanks and the line end itself.
    pub span: Span,
}

impl<'f> Side<'f> {
    /// Takes a document with tokens apart.
    pub fn new(format: Format, text: &'f str, document: &'f Document) -> Self {
        let tokens = tokens(format, text, document);
        let ids = tokens.iter().enumerate().map(|(index, token)| (token.id, index)).collect();
        let lines = lines(text, &tokens, format == Format::Json);
        Self { text, document, tokens, lines, ids }
    }

    /// Returns the token with an id.
    pub fn token(&self, id: LeafId) -> Option<&TokenAt> {
        self.ids.get(&id).map(|index| &self.tokens[*index])
    }

    /// Returns a token as it is spelled, quotes included.
    pub fn spelling(&self, token: &TokenAt) -> &'f str {
        token.span.of(self.text)
    }

    /// Returns the key path of a value's token.
    pub fn path(&self, token: &TokenAt) -> Option<&'f KeyPath> {
        match &self.document.items[token.item] {
            Item::Leaf(leaf) => Some(&leaf.path),
            Item::Comment(_) | Item::Event(_) => None,
        }
    }

    /// Returns the line that a token stands in.
    pub fn line_of(&self, token: &TokenAt) -> usize {
        self.lines.partition_point(|line| line.end.span.end <= token.span.start)
    }

    /// Returns the tokens of a line.
    pub fn tokens_of(&self, line: usize) -> &[TokenAt] {
        &self.tokens[self.lines[line].tokens.clone()]
    }

    /// Returns what people call a token: its key, or the one that a comment stands before.
    pub fn name(&self, token: &TokenAt) -> String {
        match self.path(token) {
            Some(path) => path.to_string(),
            None => format!("comment before {}", next_key(self.document.items[token.item..].iter())),
        }
    }

    /// Returns what people call a line: its key, or the next one.
    pub fn line_name(&self, line: usize) -> String {
        let tokens = self.tokens_of(line);
        if let Some(token) = tokens.iter().find(|token| token.is_value).or(tokens.first()) {
            return self.name(token);
        }
        let start = self.lines[line].span.start;
        let items = &self.document.items;
        next_key(items[items.partition_point(|item| span_of(item).start < start)..].iter())
    }

    /// Returns a line's text, each token spelled as `spell` says.
    pub fn write(&self, line: usize, spell: impl Fn(&TokenAt) -> String) -> String {
        let span = self.lines[line].span;
        let mut out = String::with_capacity(span.end - span.start);
        let mut position = span.start;
        for token in self.tokens_of(line) {
            out.push_str(&self.text[position..token.span.start]);
            out.push_str(&spell(token));
            position = token.span.end;
        }
        out.push_str(&self.text[position..span.end]);
        out
    }
}

fn next_key<'i>(items: impl Iterator<Item = &'i Item>) -> String {
    let path = items
        .take(MAX_SEARCH)
        .find_map(|item| if let Item::Leaf(leaf) = item { Some(leaf.path.to_string()) } else { None });
    path.unwrap_or_else(|| "the end".to_owned())
}

/// Returns the tokens of a document, in its order.
pub(super) fn tokens(format: Format, text: &str, document: &Document) -> Vec<TokenAt> {
    let at = |(index, item): (usize, &Item)| {
        if matches!(item, Item::Event(_)) {
            return None;
        }
        let token = Token::parse(token_text(format, text, item)).ok().flatten()?;
        Some(TokenAt {
            item: index,
            id: token.sealed.id(),
            is_value: matches!(item, Item::Leaf(_)),
            span: span_of(item),
        })
    };
    document.items.iter().enumerate().filter_map(at).collect()
}

fn lines(text: &str, tokens: &[TokenAt], has_commas: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut start, mut token) = (0, 0);
    for line in text.split_inclusive('\n') {
        let whole = Span::new(start, start + line.len());
        start = whole.end;
        let content = line.trim_end_matches(['\n', '\r']);
        let trimmed = content.trim_end_matches([' ', '\t']);
        let entry = if has_commas { trimmed.strip_suffix(',') } else { None };
        let content = entry.unwrap_or(content);
        let span = Span::new(whole.start, whole.start + content.len());
        let first = token;
        while tokens.get(token).is_some_and(|token| token.span.start < whole.end) {
            token += 1;
        }
        let end =
            LineEnd { has_comma: entry.is_some(), span: Span::new(span.end + usize::from(entry.is_some()), whole.end) };
        lines.push(Line { shape: shape(text, span, &tokens[first..token]), span, tokens: first..token, end });
    }
    lines
}

fn shape(text: &str, span: Span, tokens: &[TokenAt]) -> String {
    let mut shape = String::with_capacity(span.end - span.start);
    let mut position = span.start;
    for token in tokens {
        shape.push_str(&text[position..token.span.start]);
        // No text of a document has a NUL in it.
        shape.push('\0');
        token.id.0.iter().for_each(|byte| shape.push(char::from(*byte)));
        position = token.span.end;
    }
    shape.push_str(&text[position..span.end]);
    shape
}

/// How many items behind a comment or a line are looked at to name it.
const MAX_SEARCH: usize = 1000;
