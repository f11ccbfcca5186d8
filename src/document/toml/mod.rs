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
mod layout;
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
    // They are all in memory at once, as long as a byte of text or more each: they must be few before the grammar is read.
    let lexed: Vec<_> = source.lex().take(MAX_LEXED + 1).collect();
    if let Some(beyond) = lexed.get(MAX_LEXED) {
        return Err(SyntaxError::at(text, beyond.span().start(), Problem::TooManyItems));
    }
    parse_document(&lexed, &mut RecursionGuard::new(&mut valid, limit), &mut failure);
    check(text, failure)?;
    Ok(tokens)
}

/// The most words, signs and blanks that are read: a dozen for each value of the largest document.
const MAX_LEXED: usize = 3 * MAX_ITEMS;

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
    "unclosed array",
    "unclosed array table",
    "unclosed inline table",
    "unclosed table",
    "unexpected key or value",
    "unexpected leading zero",
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fmt::Write;
    use std::path::{Path, PathBuf};

    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
    use toml::{Table, Value};

    use super::{MAX_LEXED, parse};
    use crate::document::json::laws::assert_tokens_stand_in;
    use crate::document::json::spelling::quote;
    use crate::document::path::Component;
    use crate::document::{Content, Document, Item, MAX_DEPTH, Node, Problem, Style};

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
    fn errors_tell_where_and_what_without_showing_the_text() {
        for (text, line, column, problem) in [
            ("a = hunter2", 1, 5, "string values must be quoted"),
            ("a = \"x\nb = 1", 1, 7, "invalid basic string"),
            ("a = 'x\\'y'", 1, 9, "unexpected key or value"),
            ("\n[a", 2, 3, "unclosed table"),
            ("a = ['x' 'y']", 1, 10, "missing comma between array elements"),
            ("a = 1\r b = 2", 2, 1, "carriage return must be followed by newline"),
            ("a = \"\\q\"", 1, 7, "missing escaped value"),
        ] {
            let error = parse(text).err().unwrap();
            assert_eq!((error.line, error.column, error.problem), (line, column, Problem::Invalid(problem)), "{text}");
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
    fn the_conformance_suite_is_taken_and_refused_as_it_says() {
        let Some(folder) = crate::document::corpus::suite("toml") else { return };
        let mut counts = [0; 2];
        for path in files_below(&folder.join("valid")) {
            let text = std::fs::read_to_string(&path).unwrap();
            for text in [text.clone(), text.replace("\r\n", "\n").replace('\n', "\r\n")] {
                let document = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let expected: Table = toml::from_str(&text).unwrap();
                assert_same(&to_value(&document, &document.roots[0]), &Value::Table(expected), &text);
                for chosen in [|_| true, |index| index % 2 == 0, |_| false] {
                    assert_tokens_stand_in(parse, &text, chosen);
                }
            }
            counts[0] += 1;
        }
        for path in files_below(&folder.join("invalid")) {
            if let Ok(text) = String::from_utf8(std::fs::read(&path).unwrap()) {
                assert!(parse(&text).is_err(), "{}", path.display());
                counts[1] += 1;
            }
        }
        assert!(counts[0] > 200 && counts[1] > 400, "{counts:?}");
    }

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files.extend(files_below(&path));
            } else if path.extension().is_some_and(|extension| extension == "toml") {
                files.push(path);
            }
        }
        files
    }

    /// Compares by the debug form, in which not-a-number equals itself.
    fn assert_same(found: &Value, expected: &Value, text: &str) {
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{text}");
    }

    /// Asserts that `toml` took only what it should have refused: dotted keys that add to a table of `[[…]]`.
    fn assert_is_known(problem: Problem, text: &str) {
        assert!(matches!(problem, Problem::DuplicateKey { .. }) && text.contains("[["), "{problem}: {text:?}");
    }

    /// Reads a document's tree as `toml` would.
    fn to_value(document: &Document, node: &Node) -> Value {
        match &node.content {
            Content::Alias(_) | Content::Null => unreachable!("TOML has neither"),
            Content::Leaf(index) => {
                let leaf = document.leaf(*index);
                match leaf.style {
                    Style::Plain => toml::from_str::<Table>(&format!("v = {}", &*leaf.value)).unwrap()["v"].clone(),
                    _ => Value::String(leaf.value.to_string()),
                }
            }
            Content::List(nodes) => Value::Array(nodes.iter().map(|node| to_value(document, node)).collect()),
            Content::Map(entries) => {
                let pairs = entries.iter().map(|entry| match &entry.key {
                    Component::Key { name, .. } => (name.to_string(), to_value(document, &entry.node)),
                    _ => unreachable!("a map holds keys"),
                });
                Value::Table(pairs.collect())
            }
        }
    }

    fn scalar() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            Just("0xDEAD_beef".to_owned()),
            Just("-1_0.5e+3".to_owned()),
            Just("1979-05-27 07:32:00.5-07:00".to_owned()),
            Just("07:32".to_owned()),
            any::<bool>().prop_map(|boolean| boolean.to_string()),
            any::<String>().prop_map(|text| quote(&text).to_string()),
            "'[ -&(-~\t€]{0,9}'",
            "'''[ -&(-~\n]{0,9}'?[a-z\r\n]'''".prop_map(|text| text.replace('\r', "\r\n")),
            "\"\"\"(\"{0,2}[ a-z#=\n]|\\\\[nt\"]|\\\\\n ){0,5}\"\"\"",
        ]
    }

    fn key() -> impl Strategy<Value = String> {
        let part = prop_oneof![4 => "[a-e]", 1 => "\"[ab .#]\"", 1 => "'[ab\\]]'"];
        vec((part, "\\.| \\. ?"), 1..4).prop_map(|parts| {
            let mut key = String::new();
            for (index, (part, dot)) in parts.iter().enumerate() {
                key = key + if index == 0 { "" } else { dot } + part;
            }
            key
        })
    }

    fn value() -> impl Strategy<Value = String> {
        scalar().prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                (vec(inner.clone(), 0..4), "|,|, |,\n  | # c\n,\n# \n", "(,|\n)?").prop_map(|(items, comma, end)| {
                    let comma = if comma.is_empty() { "," } else { &comma };
                    let end = if items.is_empty() { "" } else { &end };
                    format!("[{}{end}]", items.join(comma))
                }),
                vec((key(), inner), 0..4).prop_map(|entries| {
                    let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                    format!("{{{}}}", entries.join(", "))
                }),
            ]
        })
    }

    /// Documents of which many define something twice.
    pub(in crate::document::toml) fn document() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            6 => (key(), value(), "| |\t# c").prop_map(|(key, value, end)| format!("{key}= {value}{end}")),
            2 => key().prop_map(|key| format!("[{key}]")),
            1 => key().prop_map(|key| format!("  [[ {key} ]] # t")),
            1 => "#[ a-z=]{0,5}",
            1 => " ?",
        ];
        (vec(line, 0..12), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(lines, mark, crlf, end)| {
            let text = lines.join("\n") + if end { "\n" } else { "" };
            let text = if crlf { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
            (if mark { "\u{feff}" } else { "" }).to_owned() + &text
        })
    }

    proptest! {
        #[test]
        fn the_same_is_read_and_refused_as_by_toml(text in document()) {
            match (parse(&text), toml::from_str::<Table>(&text)) {
                (Ok(document), Ok(expected)) => {
                    assert_same(&to_value(&document, &document.roots[0]), &Value::Table(expected), &text);
                }
                (Ok(_), Err(error)) => panic!("{error}: {text:?}"),
                (Err(error), Ok(_)) => assert_is_known(error.problem, &text),
                (Err(_), Err(_)) => {}
            }
        }

        #[test]
        fn tokens_can_stand_for_any_leaves(text in document(), chosen: u64) {
            if parse(&text).is_ok() {
                for chosen in [0, u64::MAX, chosen] {
                    assert_tokens_stand_in(parse, &text, |index| chosen >> (index % 64) & 1 == 1);
                }
            }
        }

        #[test]
        fn what_toml_refuses_is_refused(text in document(), at: proptest::sample::Index, piece in "[\\PC\"'{}\\[\\]=,.:0-9\\\\u# \n\r]{0,3}", cut in 0usize..4) {
            let at = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.ceil_char_boundary((at + cut).min(text.len()));
            let mutated = format!("{}{piece}{}", &text[..at], &text[end..]);
            match (parse(&mutated), toml::from_str::<Table>(&mutated)) {
                (Ok(document), Ok(expected)) => {
                    assert_same(&to_value(&document, &document.roots[0]), &Value::Table(expected), &mutated);
                }
                (Ok(_), Err(error)) => {
                    let is_about_size = ["overflow", "large", "invalid type: integer"].map(|word| error.message().contains(word));
                    assert!(is_about_size.contains(&true), "{error}: {mutated:?}");
                }
                (Err(error), Ok(_)) => assert_is_known(error.problem, &mutated),
                (Err(_), Err(_)) => {}
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "([\\PC\"'{}\\[\\]=,.:0-9\\\\u# \n\r]|\"\"\"|'''|[a-c] = ){0,40}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn words_beyond_the_limit_are_refused_before_they_are_kept() {
        for text in ["a.".repeat(MAX_LEXED), "\n".repeat(MAX_LEXED + 1)] {
            assert_eq!(parse(&text).err().map(|error| error.problem), Some(Problem::TooManyItems));
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
