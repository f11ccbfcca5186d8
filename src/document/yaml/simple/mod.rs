//! The part of YAML that most files of secrets are written in, read line by line in one pass.
//!
//! One document of block maps and lists whose keys are plain words and whose values stand on the line of their key or
//! dash. What is not surely of this kind is left to the whole grammar, errors too, so this reader says what that one
//! says or nothing; the laws compare the two. It is there for speed (docs/performance.md).

mod scalar;

use std::collections::HashSet;

use scalar::is_printable;

use super::schema::{self, Resolved};
use crate::document::path::{Component, KeyKind};
use crate::document::{
    Comment, Content, Document, Entry, Event, EventKind, Extent, Item, KeyPath, Layout, Leaf, MAX_DEPTH, MAX_ITEMS,
    MAX_PATH_BYTES, Node, ScalarKind, Source, Span, Style,
};

/// Parses a text; `None` when that takes more than this reader knows.
pub(super) fn parse(source: &Source, extent: Extent) -> Option<Document> {
    let text: &str = source;
    if !text.is_ascii() && text.chars().any(is_special) {
        return None;
    }
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    let mut document = Document::default();
    // A key and its value on each line, and a list or map on some.
    document.items.reserve((lines * 2 + lines / 4).min(MAX_ITEMS));
    let reader = Reader {
        text,
        source,
        extent,
        bytes: text.as_bytes(),
        last_break: text.rfind('\n'),
        line: Span::default(),
        cursor: 0,
        comments: Vec::new(),
        open: Vec::new(),
        path: Vec::new(),
        path_bytes: 0,
        document,
    };
    reader.document()
}

struct Reader<'t> {
    text: &'t str,
    source: &'t Source,
    extent: Extent,
    bytes: &'t [u8],
    /// Where the last line of the text ends, if it has more than one.
    last_break: Option<usize>,
    /// The line that is read, without its end.
    line: Span,
    /// Behind the last item or indicator.
    cursor: usize,
    /// Comments behind the cursor that were not reported yet.
    comments: Vec<Span>,
    /// The lists and maps that have not ended.
    open: Vec<Collection<'t>>,
    path: Vec<Component>,
    path_bytes: usize,
    document: Document,
}

struct Collection<'t> {
    kind: Kind<'t>,
    /// Where its dashes or keys stand.
    column: usize,
    /// Where its first dash or key stands.
    start: usize,
    /// Whether the value of its last dash or key is still to come.
    is_waiting: bool,
}

enum Kind<'t> {
    List { nodes: Vec<Node>, length: usize },
    Map { entries: Vec<Entry>, seen: HashSet<&'t str>, key_span: Span },
}

impl Reader<'_> {
    fn document(mut self) -> Option<Document> {
        let mut next = 0;
        while next < self.text.len() {
            let end = self.text[next..].find('\n').map_or(self.text.len(), |length| next + length);
            let line = &self.text[next..end];
            self.line =
                Span::new(next, next + line.strip_suffix('\r').filter(|_| end < self.text.len()).unwrap_or(line).len());
            next = end + 1;
            self.read_line()?;
        }
        self.end()
    }

    fn read_line(&mut self) -> Option<()> {
        let start = self.skip_spaces(self.line.start);
        let content = &self.text[start..self.line.end];
        if content.is_empty() {
            return Some(());
        }
        if content.starts_with('#') {
            return self.comment(start);
        }
        if content == "---" && start == self.line.start && self.document.items.is_empty() {
            self.report_comments()?;
            self.cursor = self.line.end;
            return self.event(EventKind::DocumentStart, Span::new(start, self.cursor));
        }
        self.settle(start)?;
        self.entries(start)
    }

    /// Ends the collections that a line with this first character does not continue, and begins the one it begins.
    fn settle(&mut self, start: usize) -> Option<()> {
        let column = start - self.line.start;
        let is_dash = self.is_dash(start);
        let Some(top) = self.open.last() else { return self.begin(start, column, is_dash) };
        if top.is_waiting {
            // A list may stand in the column of its key.
            let is_nested = column > top.column || column == top.column && is_dash && !top.is_list();
            if is_nested {
                return self.begin(start, column, is_dash);
            }
            let nothing = Span::new(self.cursor, self.cursor);
            self.event(EventKind::Null, nothing)?;
            self.finish(Node { span: nothing, content: Content::Null, anchor: None })?;
        }
        while let Some(top) = self.open.last() {
            if top.column < column {
                return None;
            }
            if top.column == column && top.is_list() == is_dash {
                return Some(());
            }
            if top.column == column && !top.is_list() {
                return None;
            }
            self.close()?;
        }
        None
    }

    /// Begins a list or map with the dash or key at `start`.
    fn begin(&mut self, start: usize, column: usize, is_list: bool) -> Option<()> {
        if self.open.len() == MAX_DEPTH {
            return None;
        }
        self.report_comments()?;
        self.cursor = start;
        let here = Span::new(start, start);
        if self.document.items.iter().all(|item| matches!(item, Item::Comment(_))) {
            self.event(EventKind::DocumentStart, here)?;
        }
        self.event(if is_list { EventKind::ListOpen } else { EventKind::MapOpen }, here)?;
        let kind = if is_list {
            Kind::List { nodes: Vec::new(), length: 0 }
        } else {
            Kind::Map { entries: Vec::new(), seen: HashSet::new(), key_span: here }
        };
        self.open.push(Collection { kind, column, start, is_waiting: false });
        Some(())
    }

    /// Reads the dashes and the key from `start` on, and the value behind them if it stands on this line.
    fn entries(&mut self, mut start: usize) -> Option<()> {
        loop {
            let value = if self.is_dash(start) { self.dash(start)? } else { self.key(start)? };
            if value == self.line.end {
                return Some(());
            }
            if self.bytes[value] == b'#' {
                return self.comment(value);
            }
            let is_in_list = self.open.last()?.is_list();
            if !is_in_list || !(self.is_dash(value) || self.key_end(value).is_some()) {
                return self.scalar(value);
            }
            self.begin(value, value - self.line.start, self.is_dash(value))?;
            start = value;
        }
    }

    /// Reads a dash; returns where what follows it begins.
    fn dash(&mut self, start: usize) -> Option<usize> {
        self.report_comments()?;
        let Collection { kind: Kind::List { length, .. }, is_waiting, .. } = self.open.last_mut()? else {
            return None;
        };
        *is_waiting = true;
        self.path.push(Component::Item(*length));
        *length += 1;
        self.cursor = start + 1;
        Some(self.skip_spaces(self.cursor))
    }

    /// Reads a key and its colon; returns where what follows them begins.
    fn key(&mut self, start: usize) -> Option<usize> {
        let span = Span::new(start, self.key_end(start)?);
        self.report_comments()?;
        self.event(EventKind::Key, span)?;
        let name = span.of(self.text);
        let Collection { kind: Kind::Map { seen, key_span, .. }, is_waiting, .. } = self.open.last_mut()? else {
            return None;
        };
        if !seen.insert(name) {
            return None;
        }
        *key_span = span;
        *is_waiting = true;
        let kind = match schema::resolve_plain(name) {
            Resolved::Scalar(ScalarKind::String) => KeyKind::String,
            Resolved::Null | Resolved::Scalar(_) => KeyKind::Other,
        };
        self.count_path(name.len())?;
        self.path.push(Component::Key { kind, name: name.into(), occurrence: 0 });
        self.cursor = span.end + 1;
        Some(self.skip_spaces(self.cursor))
    }

    /// Returns where the key at `start` ends, if a key with its colon stands there.
    fn key_end(&self, start: usize) -> Option<usize> {
        let rest = &self.bytes[start..self.line.end];
        let length = rest.iter().position(|byte| !is_in_key(*byte))?;
        let is_key = (1..=MAX_KEY).contains(&length)
            && (rest[0].is_ascii_alphanumeric() || rest[0] == b'_')
            && rest[length] == b':'
            && matches!(rest.get(length + 1), None | Some(b' '));
        is_key.then_some(start + length)
    }

    /// Reads a value on the line of its key or dash, and the comment behind it.
    fn scalar(&mut self, start: usize) -> Option<()> {
        let (end, style) = match self.bytes[start] {
            b'"' => (self.double_quoted_end(start)?, Style::DoubleQuoted),
            b'\'' => (self.single_quoted_end(start)?, Style::SingleQuoted),
            _ => (self.plain_end(start)?, Style::Plain),
        };
        let behind = self.skip_spaces(end);
        if behind < self.line.end {
            if behind == end || self.bytes[behind] != b'#' {
                return None;
            }
            self.comment(behind)?;
        }
        let span = Span::new(start, end);
        let source = span.of(self.text);
        self.cursor = end;
        let content = match schema::resolve(source, style, None) {
            Resolved::Null => {
                self.event(EventKind::Null, span)?;
                Content::Null
            }
            Resolved::Scalar(kind) => {
                let path = KeyPath(self.path.clone());
                self.count_path(path.byte_length())?;
                let indent = u32::try_from(self.open.last()?.column + 1).ok()?;
                let line_end = self.last_break.is_some_and(|last| last >= end);
                let layout = Layout { indent, line_end, ..Layout::default() };
                let value = self.value(span, style)?;
                self.push(Item::Leaf(Leaf { path, span, style, kind, value, layout }))?;
                Content::Leaf(self.document.items.len() - 1)
            }
        };
        self.finish(Node { span, content, anchor: None })
    }

    /// Takes note of the comment whose sign stands at `sign`.
    fn comment(&mut self, sign: usize) -> Option<()> {
        let span = Span::new(sign + 1, self.line.end);
        let text = span.of(self.text);
        if !text.bytes().all(is_printable) {
            return None;
        }
        if !text.trim_matches(' ').is_empty() {
            self.comments.push(span);
        }
        Some(())
    }

    fn report_comments(&mut self) -> Option<()> {
        for span in std::mem::take(&mut self.comments) {
            self.push(Item::Comment(Comment { span }))?;
        }
        Some(())
    }

    /// Ends the innermost collection.
    fn close(&mut self) -> Option<()> {
        let Collection { kind, start, .. } = self.open.pop()?;
        let here = Span::new(self.cursor, self.cursor);
        let (event, content) = match kind {
            Kind::List { nodes, .. } => (EventKind::ListClose, Content::List(nodes)),
            Kind::Map { entries, .. } => (EventKind::MapClose, Content::Map(entries)),
        };
        self.event(event, here)?;
        self.finish(Node { span: Span::new(start, self.cursor), content, anchor: None })
    }

    /// Puts a complete node where it belongs, if there is a tree.
    fn finish(&mut self, node: Node) -> Option<()> {
        let has_tree = self.extent == Extent::Tree;
        let Some(top) = self.open.last_mut() else {
            self.document.roots.extend(has_tree.then_some(node));
            return Some(());
        };
        let key = self.path.pop()?;
        top.is_waiting = false;
        match &mut top.kind {
            _ if !has_tree => {}
            Kind::List { nodes, .. } => nodes.push(node),
            Kind::Map { entries, key_span, .. } => entries.push(Entry { key, key_span: *key_span, node }),
        }
        Some(())
    }

    fn end(mut self) -> Option<Document> {
        if self.open.last()?.is_waiting {
            let nothing = Span::new(self.cursor, self.cursor);
            self.event(EventKind::Null, nothing)?;
            self.finish(Node { span: nothing, content: Content::Null, anchor: None })?;
        }
        while !self.open.is_empty() {
            self.close()?;
        }
        self.event(EventKind::DocumentEnd, Span::new(self.cursor, self.cursor))?;
        self.report_comments()?;
        Some(self.document)
    }

    fn event(&mut self, kind: EventKind, span: Span) -> Option<()> {
        self.push(Item::Event(Event { kind, span }))
    }

    fn push(&mut self, item: Item) -> Option<()> {
        let has_room = self.document.items.len() < MAX_ITEMS;
        has_room.then(|| self.document.items.push(item))
    }

    fn count_path(&mut self, bytes: usize) -> Option<()> {
        self.path_bytes += bytes;
        (self.path_bytes <= MAX_PATH_BYTES).then_some(())
    }

    fn is_dash(&self, position: usize) -> bool {
        self.line_byte(position) == Some(b'-') && matches!(self.line_byte(position + 1), None | Some(b' '))
    }

    /// Returns the byte at a place, if that is within the line.
    fn line_byte(&self, position: usize) -> Option<u8> {
        self.bytes[..self.line.end].get(position).copied()
    }

    fn skip_spaces(&self, start: usize) -> usize {
        let spaces = self.bytes[start..self.line.end].iter().take_while(|byte| **byte == b' ').count();
        start + spaces
    }
}

impl Collection<'_> {
    fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List { .. })
    }
}

/// Tells whether a character outside of ASCII has a meaning, or none, to some reader of YAML.
fn is_special(character: char) -> bool {
    matches!(character, '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn is_in_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./-@$".contains(&byte)
}

/// YAML allows 1,024 characters.
const MAX_KEY: usize = 512;

#[cfg(test)]
mod tests {
    use super::super::laws::{Random, documents, mutations};
    use super::super::parse_any;
    use super::parse;
    use crate::document::{Content, Document, Event, Extent, Item, Node};

    /// Everything that a parser says of a document.
    fn said(document: &Document) -> Vec<String> {
        let item = |item: &Item| match item {
            Item::Event(Event { kind, span }) => format!("{kind:?} {span:?}"),
            Item::Comment(comment) => format!("{:?}", comment.span),
            Item::Leaf(leaf) => {
                let (path, value) = (&leaf.path, &*leaf.value);
                format!("{path:?} {:?} {:?} {:?} {value:?} {:?}", leaf.span, leaf.style, leaf.kind, leaf.layout)
            }
        };
        let mut said: Vec<String> = document.items.iter().map(item).collect();
        document.roots.iter().for_each(|root| say_node(root, &mut said));
        said
    }

    fn say_node(node: &Node, said: &mut Vec<String>) {
        let mut say = |what: String| said.push(format!("{:?} {:?} {what}", node.span, node.anchor));
        match &node.content {
            Content::Alias(name) => say(format!("alias {name}")),
            Content::Leaf(leaf) => say(format!("leaf {leaf}")),
            Content::Null => say("null".to_owned()),
            Content::List(nodes) => {
                say(format!("list of {}", nodes.len()));
                for node in nodes {
                    say_node(node, said);
                }
            }
            Content::Map(entries) => {
                say(format!("map of {}", entries.len()));
                for entry in entries {
                    said.push(format!("{:?} {:?}", entry.key, entry.key_span));
                    say_node(&entry.node, said);
                }
            }
        }
    }

    /// Tells whether this reader takes a text, and demands that it then says what the whole grammar says.
    fn agrees(text: &str) -> bool {
        let Some(document) = parse(&text.into(), Extent::Tree) else { return false };
        let mut without_tree = parse(&text.into(), Extent::Items).expect("the same is read");
        assert!(without_tree.roots.is_empty());
        let roots = parse(&text.into(), Extent::Tree).expect("it was read").roots;
        without_tree.roots = roots;
        assert_eq!(said(&without_tree), said(&document), "{text:?}");
        match parse_any(text) {
            Ok(expected) => assert_eq!(said(&document), said(&expected), "{text:?}"),
            Err(error) => panic!("the whole grammar refuses it: {error}: {text:?}"),
        }
        true
    }

    #[test]
    fn what_most_files_of_secrets_look_like_is_read() {
        let texts = [
            "db:\n  user: app\n  password: hunter2\n  port: 5432\n",
            "---\n# c\na: \"x\" # d\n\nlist:\n- 1\n- b: 'it''s'\n  c: null\n-\n  - deep\n  -\nempty:\n# end\n",
            "a:\r\n  b: http://x:80/#y\r\n  c: -1.5e3\r\nd: \"\\t\\u00e9\\\"\"\r\n",
            "- - - x\n    - y\n  - z\n-   k: v\n    l:\n    - m\n",
            "grüße: 1\n",
            "a: grüße 😀 # ü\n",
        ];
        let taken: Vec<bool> = texts.into_iter().map(agrees).collect();
        assert_eq!(taken, [true, true, true, true, false, true]);
    }

    #[test]
    fn what_takes_more_is_left_to_the_whole_grammar() {
        let texts = [
            "",
            "\n",
            "# only a comment\n",
            "x",
            "a: 1\na: 2\n",
            "a: b: c\n",
            "a: 1\n  b: 2\n",
            "a: x\n  y\n",
            "a: [1]\n",
            "a: |\n  x\n",
            "a: &x 1\n",
            "a: *x\n",
            "a: !t 1\n",
            "? a\n: b\n",
            "a: 1\n---\nb: 2\n",
            "a: 1\n...\n",
            "%YAML 1.2\n---\na: 1\n",
            "\u{feff}a: 1\n",
            "a:\tb\n",
            "a: 1\t\n",
            "a: \u{85}\n",
            "a: \u{2028}\n",
            "a: \0\n",
            "<<: 1\n",
            "a: @b\n",
            "a: `b\n",
            "a: \"b\n  c\"\n",
            "a: 'b\n",
            "a: \"b\"c\n",
            "a: b#c\n  # d\n  e\n",
            "- a\nb: c\n",
            "a: - b\n",
            "a:\n - b\n  - c\n",
            "a:\n  b: 1\n c: 2\n",
            "a: \"\\q\"\n",
            "a: \"\\\rn\"\n",
        ];
        for text in texts {
            assert!(parse(&text.into(), Extent::Tree).is_none(), "{text:?}");
        }
    }

    #[test]
    fn it_says_what_the_whole_grammar_says_of_every_document_and_mutation_that_it_takes() {
        let mut random = Random::new(7);
        let mut documents: Vec<String> = documents().into_iter().map(|(_, text)| text).collect();
        documents.retain(|text| agrees(text) || random.one_in(4));
        documents.extend((0..40).map(|_| random.lines()));
        let mut taken = 0;
        for number in 0..mutations() * 4 {
            let text = match number % 3 {
                0 => random.lines(),
                1 => random.mutate(&documents[number % documents.len()]),
                _ => {
                    let lines = random.lines();
                    random.mutate(&lines)
                }
            };
            taken += usize::from(agrees(&text));
        }
        assert!(taken > mutations() / 4, "only {taken} of {} texts were taken", mutations() * 4);
    }
}
