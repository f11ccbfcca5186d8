//! JSON as RFC 8259 defines it: no comments, no trailing commas, and an object as the root.
//!
//! Numbers keep their spelling, whatever their size. A lone surrogate (`"\ud800"`) is legal grammar: it stays in
//! the source text, and the value has U+FFFD in its place.

pub(in crate::document) mod brackets;
#[cfg(test)]
mod conformance;
mod edit;
#[cfg(test)]
pub(in crate::document) mod laws;
pub(in crate::document) mod spelling;
pub(in crate::document) mod walk;

use std::collections::HashMap;
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::path::Component;
use super::value::Source;
use super::{
    Content, Document, Entry, Event, EventKind, Extent, Item, KeyPath, Layout, Leaf, MAX_DEPTH, MAX_ITEMS,
    MAX_PATH_BYTES, Node, Problem, ScalarKind, Span, Style, SyntaxError, Value, position,
};

pub(crate) use edit::{set, unset};

/// Reads a document.
///
/// # Errors
/// When the text is no JSON, holds a key twice in one object, or passes a limit; [`Problem::RootNotMap`] when it is
/// sound JSON with something else than an object as its root.
pub(crate) fn parse_source(source: &Source, extent: Extent) -> Result<Document, SyntaxError> {
    let text: &str = source;
    let mut parser = Parser::new(source, extent);
    parser.skip_blanks();
    let start = parser.position;
    let root = parser.value()?;
    parser.skip_blanks();
    if parser.position < text.len() {
        return Err(parser.invalid("nothing may follow the root object"));
    }
    if !matches!(root.content, Content::Map(_)) {
        return Err(SyntaxError::at(text, start, Problem::RootNotMap));
    }
    let roots = if extent == Extent::Tree { vec![root] } else { Vec::new() };
    Ok(Document { items: parser.items, roots })
}

/// Reads a text of a test.
#[cfg(test)]
fn parse(text: &str) -> Result<Document, SyntaxError> {
    parse_source(&text.into(), Extent::Tree)
}

/// A cursor over the text, and what it has read so far.
struct Parser<'t> {
    text: &'t str,
    source: &'t Source,
    extent: Extent,
    position: usize,
    items: Vec<Item>,
    path: KeyPath,
    path_bytes: usize,
}

impl<'t> Parser<'t> {
    fn new(source: &'t Source, extent: Extent) -> Self {
        let text: &str = source;
        let position = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        // A key and its value for each comma, and brackets. Where commas stand in values, room is set aside that is not
        // used; but no more than the text takes.
        let commas = text.bytes().filter(|byte| *byte == b',').count();
        let items = Vec::with_capacity((commas * 2 + 8).min(MAX_ITEMS));
        Self { text, source, extent, position, items, path: KeyPath::default(), path_bytes: 0 }
    }

    fn value(&mut self) -> Result<Node, SyntaxError> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => {
                let span = self.string()?;
                let value = match self.inside(span).contains('\\') {
                    true => decode(self.inside(span)).into(),
                    false => self.source.value(Span::new(span.start + 1, span.end - 1)),
                };
                self.leaf(span, Style::DoubleQuoted, ScalarKind::String, value)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.boolean("true"),
            Some(b'f') => self.boolean("false"),
            Some(b'n') => {
                let span = self.word("null")?;
                self.event(EventKind::Null, span)?;
                Ok(Node { span, content: Content::Null, anchor: None })
            }
            _ => Err(self.invalid("a value is expected")),
        }
    }

    fn object(&mut self) -> Result<Node, SyntaxError> {
        let start = self.open(EventKind::MapOpen)?;
        let mut entries = Vec::new();
        let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
        while self.has_next(seen.is_empty(), b'}')? {
            let (key_span, name) = self.key()?;
            match seen.entry(Arc::clone(&name)) {
                Occupied(first) => {
                    let (first_line, _) = position(self.text, *first.get());
                    return Err(SyntaxError::at(self.text, key_span.start, Problem::DuplicateKey { first_line }));
                }
                Vacant(place) => place.insert(key_span.start),
            };
            let (node, key) = self.child(Component::key(name))?;
            if self.extent == Extent::Tree {
                entries.push(Entry { key, key_span, node });
            }
        }
        self.close(EventKind::MapClose, start, Content::Map(entries))
    }

    fn list(&mut self) -> Result<Node, SyntaxError> {
        let start = self.open(EventKind::ListOpen)?;
        let mut nodes = Vec::new();
        let mut length = 0;
        while self.has_next(length == 0, b']')? {
            let (node, _) = self.child(Component::Item(length))?;
            length += 1;
            if self.extent == Extent::Tree {
                nodes.push(node);
            }
        }
        self.close(EventKind::ListClose, start, Content::List(nodes))
    }

    /// Reads the opening bracket of a container, and returns where it stands.
    fn open(&mut self, kind: EventKind) -> Result<usize, SyntaxError> {
        let start = self.position;
        // A container stands in as many others as its path has steps.
        if self.path.0.len() == MAX_DEPTH {
            return Err(self.error(Problem::TooDeep));
        }
        self.position += 1;
        self.event(kind, Span::new(start, self.position))?;
        Ok(start)
    }

    /// Reads what stands between two entries; tells whether one more follows before the `closing` bracket.
    fn has_next(&mut self, is_first: bool, closing: u8) -> Result<bool, SyntaxError> {
        self.skip_blanks();
        if self.peek() == Some(closing) {
            return Ok(false);
        }
        if !is_first {
            if !self.take(b',') {
                return Err(self.invalid("a comma or the closing bracket is expected"));
            }
            self.skip_blanks();
        }
        Ok(true)
    }

    fn close(&mut self, kind: EventKind, start: usize, content: Content) -> Result<Node, SyntaxError> {
        self.event(kind, Span::new(self.position, self.position))?;
        self.position += 1;
        Ok(Node { span: Span::new(start, self.position), content, anchor: None })
    }

    /// Reads a value one step further down; returns the step, too.
    fn child(&mut self, step: Component) -> Result<(Node, Component), SyntaxError> {
        self.path.0.push(step);
        let node = self.value()?;
        let step = self.path.0.pop().expect("a value leaves the path as it was");
        Ok((node, step))
    }

    /// Reads a key and all up to its value.
    fn key(&mut self) -> Result<(Span, Arc<str>), SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.invalid("a key in double quotes is expected"));
        }
        let span = self.string()?;
        self.event(EventKind::Key, span)?;
        self.skip_blanks();
        if !self.take(b':') {
            return Err(self.invalid("a colon is expected behind the key"));
        }
        self.skip_blanks();
        let inside = self.inside(span);
        Ok((span, if inside.contains('\\') { decode(inside).as_str().into() } else { inside.into() }))
    }

    /// Reads a string without decoding it; the span has the quotes.
    fn string(&mut self) -> Result<Span, SyntaxError> {
        let start = self.position;
        self.position += 1;
        loop {
            match self.next() {
                Some(b'"') => return Ok(Span::new(start, self.position)),
                Some(b'\\') => match self.next() {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                    Some(b'u') => {
                        for _ in 0..4 {
                            if !self.next().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                                return Err(self.invalid_before("four hexadecimal digits are expected behind \\u"));
                            }
                        }
                    }
                    _ => return Err(self.invalid_before("there is no such escape")),
                },
                Some(0..=0x1f) => return Err(self.invalid_before("a control character in a string must be escaped")),
                Some(_) => {}
                None => return Err(SyntaxError::at(self.text, start, Problem::Invalid("this string is not closed"))),
            }
        }
    }

    fn number(&mut self) -> Result<Node, SyntaxError> {
        let start = self.position;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        let mut kind = ScalarKind::Integer;
        if self.take(b'.') {
            kind = ScalarKind::Float;
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            kind = ScalarKind::Float;
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        self.plain(Span::new(start, self.position), kind)
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let start = self.position;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.position += 1;
        }
        if self.position == start { Err(self.invalid("a digit is expected")) } else { Ok(()) }
    }

    fn boolean(&mut self, word: &str) -> Result<Node, SyntaxError> {
        let span = self.word(word)?;
        self.plain(span, ScalarKind::Boolean)
    }

    fn word(&mut self, word: &str) -> Result<Span, SyntaxError> {
        let start = self.position;
        if !self.text[start..].starts_with(word) {
            return Err(self.invalid("a value is expected"));
        }
        self.position += word.len();
        Ok(Span::new(start, self.position))
    }

    /// Takes a leaf whose value is its source text.
    fn plain(&mut self, span: Span, kind: ScalarKind) -> Result<Node, SyntaxError> {
        self.leaf(span, Style::Plain, kind, self.source.value(span))
    }

    fn leaf(&mut self, span: Span, style: Style, kind: ScalarKind, value: Value) -> Result<Node, SyntaxError> {
        self.path_bytes += self.path.byte_length();
        if self.path_bytes > MAX_PATH_BYTES {
            return Err(self.error(Problem::KeysTooLong));
        }
        let node = Node { span, content: Content::Leaf(self.items.len()), anchor: None };
        let path = self.path.clone();
        self.push(Item::Leaf(Leaf { path, span, style, kind, value, layout: Layout::default() }))?;
        Ok(node)
    }

    fn event(&mut self, kind: EventKind, span: Span) -> Result<(), SyntaxError> {
        self.push(Item::Event(Event { kind, span }))
    }

    fn push(&mut self, item: Item) -> Result<(), SyntaxError> {
        if self.items.len() == MAX_ITEMS {
            return Err(self.error(Problem::TooManyItems));
        }
        self.items.push(item);
        Ok(())
    }

    /// Returns what stands between the quotes of a string.
    fn inside(&self, string: Span) -> &'t str {
        &self.text[string.start + 1..string.end - 1]
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.position += 1;
        Some(byte)
    }

    fn take(&mut self, expected: u8) -> bool {
        let found = self.peek() == Some(expected);
        self.position += usize::from(found);
        found
    }

    fn invalid(&self, reason: &'static str) -> SyntaxError {
        self.error(Problem::Invalid(reason))
    }

    /// Builds an error for the byte that was read last.
    fn invalid_before(&self, reason: &'static str) -> SyntaxError {
        SyntaxError::at(self.text, self.position - 1, Problem::Invalid(reason))
    }

    fn error(&self, problem: Problem) -> SyntaxError {
        SyntaxError::at(self.text, self.position, problem)
    }
}

/// Resolves the escapes of a string that has been found sound.
fn decode(inside: &str) -> Zeroizing<String> {
    // No escape is shorter than what it stands for: the buffer never grows, and leaves no copy behind.
    let mut value = Zeroizing::new(String::with_capacity(inside.len()));
    let mut rest = inside;
    while let Some(index) = rest.find('\\') {
        value.push_str(&rest[..index]);
        let escape = rest.as_bytes()[index + 1];
        rest = &rest[index + 2..];
        value.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, length) = code_point(rest);
                rest = &rest[length..];
                character
            }
            literal => char::from(literal),
        });
    }
    value.push_str(rest);
    value
}

/// Reads what follows `\u`: a character, or the two halves of one; returns how many bytes it took.
fn code_point(digits: &str) -> (char, usize) {
    let unit = |digits: &str| u16::from_str_radix(&digits[..4], 16).unwrap_or(0);
    let first = unit(digits);
    let second = digits[4..].strip_prefix("\\u").map(unit);
    match char::decode_utf16([Some(first), second].into_iter().flatten()).next() {
        Some(Ok(character)) => (character, if u32::from(character) > 0xffff { 10 } else { 4 }),
        _ => (char::REPLACEMENT_CHARACTER, 4),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fmt::Write;

    use super::{Item, Problem, parse};
    use crate::document::MAX_DEPTH;

    #[test]
    fn every_piece_is_reported_in_order() {
        let text = "\u{feff}{ \"a\\u0062\" : [ null, -1.5e3 ],\r\n\t\"c\": { } , \"d\": \"\\ud83d\\ude00\\ud800x\" }\n";
        let document = parse(text).unwrap();
        let seen: Vec<String> = (document.items.iter())
            .map(|item| match item {
                Item::Event(event) => format!("{:?} {}", event.kind, event.span.of(text)),
                Item::Leaf(leaf) => format!("{} {:?} {} = {}", leaf.path, leaf.kind, leaf.span.of(text), &*leaf.value),
                Item::Comment(_) => unreachable!("JSON has no comments"),
            })
            .collect();
        assert_eq!(
            seen,
            [
                "MapOpen {",
                "Key \"a\\u0062\"",
                "ListOpen [",
                "Null null",
                "ab[1] Float -1.5e3 = -1.5e3",
                "ListClose ",
                "Key \"c\"",
                "MapOpen {",
                "MapClose ",
                "Key \"d\"",
                "d String \"\\ud83d\\ude00\\ud800x\" = \u{1f600}\u{fffd}x",
                "MapClose ",
            ]
        );
        assert_eq!(document.roots[0].span.of(text), text.trim_matches(['\u{feff}', '\n']));
    }

    #[test]
    fn equal_keys_are_refused_however_they_are_spelled() {
        let error = parse("{\"ab\": 1,\n \"c\": {\"ab\": 2},\n \"a\\u0062\": 3}").err().unwrap();
        assert_eq!((error.line, error.column, error.problem), (3, 2, Problem::DuplicateKey { first_line: 1 }));
    }

    #[test]
    fn errors_tell_where_they_are() {
        for (text, line, column) in [
            ("", 1, 1),
            ("{\"a\": 01}", 1, 8),
            ("{\"ä\": tru}", 1, 7),
            ("{\n\"a\": \"x\ty\"}", 2, 8),
            ("{\"a\": \"\\x\"}", 1, 9),
            ("{\"a\": 1,}", 1, 9),
            ("{\"a\": 1} x", 1, 10),
            ("{\"a\": \"\\u12g4\"}", 1, 12),
            ("{\"a\": \"x", 1, 7),
        ] {
            let error = parse(text).err().unwrap();
            assert_eq!((error.line, error.column), (line, column), "{text}");
            assert!(matches!(error.problem, Problem::Invalid(_)), "{text}");
        }
    }

    #[test]
    fn only_an_object_is_a_root_and_only_sound_json_is_told_so() {
        assert_eq!(parse(" [1, 2]").err().unwrap().problem, Problem::RootNotMap);
        assert_eq!(parse("\"a\"").err().unwrap().problem, Problem::RootNotMap);
        assert!(matches!(parse("[1, 2").err().unwrap().problem, Problem::Invalid(_)));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{{\"a\": {}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
        assert!(parse(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(parse(&nested(MAX_DEPTH + 1)).err().unwrap().problem, Problem::TooDeep);
        assert_eq!(parse(&"[".repeat(1 << 20)).err().unwrap().problem, Problem::TooDeep);
    }

    #[test]
    fn one_long_key_above_many_values_is_refused() {
        let text = format!("{{\"{}\": [{}1]}}", "k".repeat(1 << 20), "1,".repeat(1 << 20));
        assert_eq!(parse(&text).err().unwrap().problem, Problem::KeysTooLong);
    }

    #[test]
    fn a_flat_object_of_many_keys_takes_linear_time() {
        let flat = |keys: usize| {
            let mut text = String::from("{\"first\": 0");
            for key in 0..keys {
                write!(text, ",\n\"key{key}\": \"value{key}\"").unwrap();
            }
            text + "}"
        };
        let time = |keys: usize| {
            let text = flat(keys);
            let start = std::time::Instant::now();
            assert_eq!(parse(&text).unwrap().leaves().count(), keys + 1);
            start.elapsed()
        };
        time(10_000);
        let (small, large) = (time(10_000), time(100_000));
        assert!(large < small * 60, "10 times as many keys took {large:?}, not {small:?}");
    }
}
