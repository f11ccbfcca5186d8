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
#[cfg(test)]
mod laws;
mod layout;
mod spelling;
mod tables;
mod words;

use std::borrow::Cow;

use toml_parser::decoder::{Encoding, ScalarKind as Decoded};
use toml_parser::parser::{Event as Token, EventKind as TokenKind};
use toml_parser::{Raw, Source};
use zeroize::Zeroizing;

use super::path::Component;
use super::{
    Comment, Document, Event, EventKind, Item, KeyPath, Layout, Leaf, MAX_DEPTH, MAX_ITEMS, MAX_PATH_BYTES, Problem,
    ScalarKind, Span, Style, SyntaxError, position,
};
use tables::{Holds, Key, ROOT, Tables, Taken};

pub(crate) use edit::{set, unset};
use words::{check, tokens};

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
        self.tables.add(parent, &last, span, value);
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
                TokenKind::ArrayClose => {
                    return Ok((self.close(EventKind::ListClose, open, token)?, Holds::Array(nodes)));
                }
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
        let leaf = Leaf { path: self.path.clone(), span, style, kind, value: value.into(), layout: Layout::default() };
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fmt::Write;

    use super::laws::to_value;
    use super::parse;
    use crate::document::json::laws::assert_tokens_stand_in;
    use crate::document::{Item, MAX_DEPTH, Problem};

    fn items(text: &str) -> Vec<String> {
        let document = parse(text).unwrap();
        let item = |item: &Item| match item {
            Item::Event(event) => format!("{:?} {}", event.kind, event.span.of(text)),
            Item::Leaf(leaf) => {
                format!("{} {:?} {:?} {} = {}", leaf.path, leaf.kind, leaf.style, leaf.span.of(text), &*leaf.value)
            }
            Item::Comment(comment) => format!("Comment {}", comment.span.of(text)),
        };
        document.items.iter().map(item).collect()
    }

    #[test]
    fn every_piece_is_reported_in_order() {
        let text = "\u{feff}# x\r\n#  \r\n[ a . \"b\\u0063\" ] #y\r\n'd'.e = [ 1, # z\r\n {f = {}, g.h = '''\r\nx''',} ]\r\n[[t]]\r\nw = 1979-05-27 07:32:00Z\r\n[[t]]\r\n";
        assert_eq!(
            items(text),
            [
                "Comment  x",
                "Table [",
                "Key a",
                "Key \"b\\u0063\"",
                "Separator ]",
                "Comment y",
                "Key 'd'",
                "Key e",
                "Separator =",
                "ListOpen [",
                "a.bc.d.e[0] Integer Plain 1 = 1",
                "Comment  z",
                "MapOpen {",
                "Key f",
                "Separator =",
                "MapOpen {",
                "MapClose ",
                "Key g",
                "Key h",
                "Separator =",
                "a.bc.d.e[1].g.h String MultiLineLiteral '''\r\nx''' = x",
                "MapClose ",
                "ListClose ",
                "Table [[",
                "Key t",
                "Separator ]]",
                "Key w",
                "Separator =",
                "t[0].w Timestamp Plain 1979-05-27 07:32:00Z = 1979-05-27 07:32:00Z",
                "Table [[",
                "Key t",
                "Separator ]]",
            ]
        );
    }

    #[test]
    fn a_header_never_has_the_events_of_a_dotted_key() {
        assert_ne!(items("[a]\nb.c = 1"), items("[a.b]\nc = 1"));
    }

    #[test]
    fn numbers_of_any_size_are_taken_as_they_are_spelled() {
        for number in ["99999999999999999999999", "-0", "0xffff_ffff_ffff_ffff_ffff", "1e999", "-nan", "+1_0.0_1e-0_1"]
        {
            let document = parse(&format!("a = {number}")).unwrap();
            assert_eq!(&*document.leaf(2).value, number);
        }
        for wrong in ["0x", "1__0", "01", "1.", "+0x1", "1979-13-01", "25:00:00", "1e", "_1", "0b2", "nan1", "True"] {
            assert!(parse(&format!("a = {wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tables_are_joined_where_they_belong() {
        let document = parse("[a.b]\nx = 1\n[[a.c]]\n[a.c.d]\ny = 2\n[a]\ne.f = 3\n").unwrap();
        let value = to_value(&document, &document.roots[0]);
        assert_eq!(value, toml::from_str("a = {b = {x = 1}, c = [{d = {y = 2}}], e = {f = 3}}").unwrap());
    }

    #[test]
    fn what_is_defined_twice_is_refused_with_both_lines() {
        for (text, line, column, first_line) in [
            ("a = 1\n\"a\" = 2", 2, 1, 1),
            ("[a]\nb = 1\n[a.b]", 3, 4, 2),
            ("[a]\n[b]\n[a]", 3, 2, 1),
            ("a.b = 1\n[a]", 2, 2, 1),
            ("a = {}\na.b = 1", 2, 1, 1),
            ("a = []\n[[a]]", 2, 3, 1),
            ("[a.b]\n[a]\nb.c = 1", 3, 1, 1),
            ("[[a]]\n[a]", 2, 2, 1),
            ("[a.b]\n[a]\nb.c.d = 1", 3, 1, 1),
            ("x = {a.b = 1, a = 2}", 1, 15, 1),
            ("[a.b.c]\n[a]\nb.x = 1\n[a.b]", 4, 4, 3),
        ] {
            let error = parse(text).err().unwrap();
            assert_eq!((error.line, error.column), (line, column), "{text}");
            assert_eq!(error.problem, Problem::DuplicateKey { first_line }, "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let array = |depth: usize| format!("a = {}{}", "[".repeat(depth), "]".repeat(depth));
        let dotted = |depth: usize| format!("{}a = 1", "a.".repeat(depth - 1));
        assert!(parse(&array(MAX_DEPTH - 1)).is_ok());
        assert!(parse(&dotted(MAX_DEPTH)).is_ok());
        let inline = "a = ".to_owned() + &"{a = ".repeat(1 << 18);
        let header = format!("[{}a]", "a.".repeat(MAX_DEPTH));
        for text in [array(MAX_DEPTH), array(1 << 18), dotted(MAX_DEPTH + 1), dotted(1 << 18), inline, header] {
            assert!(matches!(parse(&text).err().unwrap().problem, Problem::TooDeep), "{}", &text[..20]);
        }
    }

    #[test]
    fn many_entries_take_linear_time() {
        let documents: [fn(usize) -> String; 6] = [
            |count| (0..count).fold(String::new(), |text, i| text + &format!("key{i} = \"value{i}\" # {i}\n")),
            |count| (0..count).fold(String::new(), |text, i| text + &format!("[a.table{i}]\n")),
            |count| "[[a.b]]\nx.y = 1\n".repeat(count),
            |count| (0..count).fold("a = {".to_owned(), |text, i| text + &format!("k.b{i} = 1,")) + "}",
            |count| format!("a = [{}]", "'x',".repeat(count)),
            |count| "a = \"\"\" [ '\n".repeat(count),
        ];
        for document in documents {
            let time = |count: usize| {
                let text = document(count);
                let start = std::time::Instant::now();
                let _ = parse(&text);
                start.elapsed()
            };
            time(10_000);
            let (small, large) = (time(10_000), time(100_000));
            assert!(large < small * 60, "10 times as much took {large:?}, not {small:?}: {}", document(1));
        }
    }

    #[test]
    fn comments_may_stand_wherever_line_ends_may() {
        let mut text = String::from("a = [ # 0\n");
        for index in 1..4 {
            write!(text, "{index} # {index}\n, # {index}\n").unwrap();
        }
        text += "] # 4\nb = { # 5\n a = 1, # 6\n }";
        assert_tokens_stand_in(parse, &text, |index| index % 3 > 0);
        assert_tokens_stand_in(parse, &text, |_| true);
    }
}
