//! Sections of `key = value`: the lines of Python's `configparser`, which is the strictest about indentation, and
//! nothing that a reader of plain lines takes differently without an error.
//!
//! * `[section]` on a line of its own; a comment may follow. Its name is the text between the brackets as it stands.
//! * `key = value` or `key: value`, whichever sign comes first. A key is the text before it, a value the text behind
//!   it, blanks at both ends cut. Quotes, backslashes, `;` and `#` in a value stand for themselves.
//! * A line without such a sign is a key without a value (`skip-networking`), a null.
//! * `;` and `#` begin a comment at the start of a line.
//! * A line continues the value above it when it is *indented deeper than that value's key* and no comment or blank
//!   line. Its indentation and blanks at its end are cut, the lines are joined by LF.
//! * A line that is indented deeper than the last key with a value, behind a blank line or a comment, is refused:
//!   for some it still continues the value, for others it is a key. Without this rule, an attacker could turn keys
//!   into parts of a value by indenting them.
//! * Keys and sections may stand several times; equal ones of the same map are told apart by their occurrence.
//!
//! A leaf runs from the first character of the value to the last of its last line; where the value's first line is
//! empty and others follow, from the first line end. The blanks on both sides of it belong to the separator and the
//! leaf's layout.

mod edit;

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::path::{Component, KeyKind};
use super::{
    Content, Document, Entry, Event, EventKind, Item, KeyPath, Layout, Leaf, MAX_ITEMS, MAX_PATH_BYTES, Node, Problem,
    ScalarKind, Span, Style, SyntaxError, lines,
};

pub(crate) use edit::{set, unset};

/// The characters that begin a comment.
const COMMENT_SIGNS: [char; 2] = [';', '#'];
/// The characters that part a key from its value.
const SEPARATORS: [char; 2] = ['=', ':'];

/// Parses an INI document.
pub(crate) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let position = lines::start_of_text(text)?;
    let mut parser = Parser { text, position, ..Parser::default() };
    while parser.position < text.len() {
        if parser.items.len() > MAX_ITEMS {
            return Err(parser.error(parser.position, Problem::TooManyItems));
        }
        parser.line()?;
    }
    let Parser { position, items, entries, line_ends, .. } = parser;
    let span = match (entries.first(), entries.last()) {
        (Some(first), Some(last)) => Span::new(first.key_span.start, last.node.span.end),
        _ => Span::new(position, position),
    };
    let document = Document { items, roots: vec![Node { span, content: Content::Map(entries), anchor: None }] };
    line_ends.check(text, &document)?;
    Ok(document)
}

/// Returns the value that a source text spells. It depends on nothing around it.
fn decode(source: &str) -> Zeroizing<String> {
    let mut value = Zeroizing::new(String::with_capacity(source.len()));
    for (index, line) in lines::split(source).enumerate() {
        if index > 0 {
            value.push('\n');
        }
        value.push_str(line.trim_matches(lines::BLANKS));
    }
    value
}

/// A cursor over the text, and what was found so far.
#[derive(Default)]
struct Parser<'a> {
    text: &'a str,
    position: usize,
    items: Vec<Item>,
    entries: Vec<Entry>,
    /// How often each name stands at the root, as a key or a section.
    root_names: HashMap<&'a str, usize>,
    /// The section that the next key belongs to.
    section: Option<Section<'a>>,
    /// How long the paths of all leaves are together.
    path_bytes: usize,
    /// How deep the last key is indented, if it has a value that a deeper line would continue.
    value_indent: Option<usize>,
    line_ends: lines::Met,
}

/// The section that is being read; its entries stand in the last entry of the root.
struct Section<'a> {
    path: KeyPath,
    names: HashMap<&'a str, usize>,
}

impl Parser<'_> {
    /// Reads one line, and those that continue it.
    fn line(&mut self) -> Result<(), SyntaxError> {
        let indent = self.skip_blanks();
        let rest = &self.text[self.position..];
        if rest.starts_with(COMMENT_SIGNS) {
            self.comment();
        } else if !rest.is_empty() && !rest.starts_with(lines::LINE_ENDS) {
            if self.value_indent.is_some_and(|value_indent| indent > value_indent) {
                return Err(self.invalid(
                    self.position,
                    "a line behind a blank line or comment that is indented deeper than the key above",
                ));
            }
            if rest.starts_with('[') {
                self.section()?;
            } else {
                self.assignment(indent)?;
            }
        }
        self.position = self.line_ends.next_line(self.text, lines::end_of_line(self.text, self.position));
        Ok(())
    }

    fn section(&mut self) -> Result<(), SyntaxError> {
        let open = self.position;
        let line = &self.text[open..lines::end_of_line(self.text, open)];
        let Some(close) = line.find(']') else {
            return Err(self.invalid(open, "a section header without its closing bracket"));
        };
        // Some readers take the last bracket of the line for the closing one, even in a comment.
        if let Some(second) = line[close + 1..].find(']') {
            return Err(self.invalid(open + close + 1 + second, "a second closing bracket in a section header"));
        }
        let name = Span::new(open + 1, open + close);
        if lines::trimmed(self.text, name.start, name.end).is_empty() {
            return Err(self.invalid(name.start, "a section without a name"));
        }
        self.event(EventKind::Section, name);
        self.position = name.end + 1;
        let node_span = Span::new(self.position, self.position);
        self.skip_blanks();
        if self.text[self.position..].starts_with(COMMENT_SIGNS) {
            self.comment();
        } else if self.position < open + line.len() {
            return Err(self.invalid(self.position, "text behind a section header"));
        }
        let key = component(&mut self.root_names, name.of(self.text));
        self.section = Some(Section { path: KeyPath(vec![key.clone()]), names: HashMap::new() });
        self.value_indent = None;
        let node = Node { span: node_span, content: Content::Map(Vec::new()), anchor: None };
        self.entries.push(Entry { key, key_span: name, node });
        Ok(())
    }

    /// Reads a key and its value, whose key line is indented by `indent`.
    fn assignment(&mut self, indent: usize) -> Result<(), SyntaxError> {
        let start = self.position;
        let line = &self.text[start..lines::end_of_line(self.text, start)];
        let separator = line.find(SEPARATORS);
        let key = lines::trimmed(self.text, start, start + separator.unwrap_or(line.len()));
        let name = key.of(self.text);
        if name.is_empty() {
            return Err(self.invalid(start, "no key before the separator"));
        }
        if separator.is_none() && name.starts_with("-----") {
            return Err(self.invalid(start, "a line of a PEM block that is not indented, and so no part of the value"));
        }
        self.event(EventKind::Key, key);
        let (component, path) = match &mut self.section {
            None => {
                let component = component(&mut self.root_names, name);
                (component.clone(), KeyPath(vec![component]))
            }
            Some(section) => {
                let component = component(&mut section.names, name);
                let path = section.path.child(component.clone());
                (component, path)
            }
        };
        let node = if let Some(length) = separator {
            self.position = start + length + 1;
            self.path_bytes += path.byte_length();
            if self.path_bytes > MAX_PATH_BYTES {
                return Err(self.error(start, Problem::KeysTooLong));
            }
            self.value(indent, key, path)
        } else {
            self.value_indent = None;
            // Behind a bare key, too, some readers take a blank or a carriage return for a part of it.
            self.event(EventKind::Null, lines::trail(self.text, key.end, self.position));
            let span = Span::new(key.end, key.end);
            Node { span, content: Content::Null, anchor: None }
        };
        self.add(Entry { key: component, key_span: key, node });
        Ok(())
    }

    /// Reads a value from behind its separator.
    fn value(&mut self, indent: usize, key: Span, path: KeyPath) -> Node {
        self.skip_blanks();
        let start = self.position;
        self.position = lines::end_of_line(self.text, start);
        let mut span = lines::trimmed(self.text, start, self.position);
        while let Some(content) = self.continuation(indent) {
            self.line_ends.next_line(self.text, self.position);
            self.position = lines::end_of_line(self.text, content);
            span.end = lines::trimmed(self.text, content, self.position).end;
        }
        self.value_indent = Some(indent);
        self.event(EventKind::Separator, Span::new(key.end, span.start));
        let layout = Layout { trail: lines::trail(self.text, span.end, self.position), ..Layout::default() };
        let value = decode(span.of(self.text)).into();
        self.items.push(Item::Leaf(Leaf { path, span, style: Style::Plain, kind: ScalarKind::String, value, layout }));
        Node { span, content: Content::Leaf(self.items.len() - 1), anchor: None }
    }

    /// Returns where the text of the next line begins, if that line continues a value whose key is indented by
    /// `indent`.
    fn continuation(&self, indent: usize) -> Option<usize> {
        let line = lines::next_line(self.text, self.position);
        let content = lines::skip_blanks(self.text, line);
        let rest = &self.text[content..];
        let is_text = !rest.is_empty() && !rest.starts_with(lines::LINE_ENDS) && !rest.starts_with(COMMENT_SIGNS);
        (is_text && content - line > indent).then_some(content)
    }

    fn comment(&mut self) {
        self.items.extend(lines::comment(self.text, self.position).map(Item::Comment));
    }

    /// Adds an entry to the current section.
    fn add(&mut self, entry: Entry) {
        if self.section.is_none() {
            self.entries.push(entry);
        } else if let Some(Entry { node: Node { span, content: Content::Map(entries), .. }, .. }) =
            self.entries.last_mut()
        {
            span.start = if entries.is_empty() { entry.key_span.start } else { span.start };
            span.end = entry.node.span.end;
            entries.push(entry);
        }
    }

    fn event(&mut self, kind: EventKind, span: Span) {
        self.items.push(Item::Event(Event { kind, span }));
    }

    /// Returns how many there were.
    fn skip_blanks(&mut self) -> usize {
        let start = self.position;
        self.position = lines::skip_blanks(self.text, start);
        self.position - start
    }

    fn invalid(&self, position: usize, problem: &'static str) -> SyntaxError {
        self.error(position, Problem::Invalid(problem))
    }

    fn error(&self, position: usize, problem: Problem) -> SyntaxError {
        SyntaxError::at(self.text, position, problem)
    }
}

/// Returns the step to the next key of this name, and counts it.
fn component<'a>(names: &mut HashMap<&'a str, usize>, name: &'a str) -> Component {
    let count = names.entry(name).or_default();
    *count += 1;
    Component::Key { kind: KeyKind::String, name: name.into(), occurrence: *count - 1 }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
    use proptest::sample::Index;

    use super::parse;
    use crate::document::laws::{self, Part};
    use crate::document::{EventKind, Problem, lines};

    /// Returns the path and value of each leaf.
    fn values(text: &str) -> Vec<(String, String)> {
        let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
        document.leaves().map(|leaf| (leaf.path.to_string(), leaf.value.to_string())).collect()
    }

    #[track_caller]
    fn assert_values(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
        assert_eq!(values(text), expected);
    }

    #[track_caller]
    fn refused(text: &str) -> (usize, usize, &'static str) {
        match parse(text).err().unwrap_or_else(|| panic!("{text:?} parses")) {
            super::SyntaxError { line, column, problem: Problem::Invalid(what) } => (line, column, what),
            other => panic!("{other}"),
        }
    }

    /// Reads as Python's `configparser` does, with keys before sections and without values allowed.
    fn python(text: &str) -> Vec<String> {
        let (mut read, mut indent, mut continues) = (Vec::<String>::new(), 0, false);
        for line in lines::split(text.trim_start_matches('\u{feff}')) {
            let content = line.trim_matches(lines::BLANKS);
            let line_indent = line.len() - line.trim_start_matches(lines::BLANKS).len();
            match read.last_mut() {
                Some(value)
                    if continues
                        && !content.starts_with([';', '#'])
                        && (content.is_empty() || line_indent > indent) =>
                {
                    write!(value, "\n{content}").expect("a String takes everything");
                }
                _ if content.is_empty() || content.starts_with([';', '#']) => {}
                _ => {
                    indent = line_indent;
                    let section = content.strip_prefix('[').and_then(|rest| Some(&rest[..rest.rfind(']')?]));
                    let assignment = content.split_once(['=', ':']);
                    continues = section.is_none() && assignment.is_some();
                    read.push(match (section, assignment) {
                        (Some(name), _) => format!("[{name}]"),
                        (None, Some((key, value))) => format!(
                            "{}={}",
                            key.trim_end_matches(lines::BLANKS),
                            value.trim_start_matches(lines::BLANKS)
                        ),
                        (None, None) => content.to_owned(),
                    });
                }
            }
        }
        read.iter().map(|value| value.trim_end_matches('\n').to_owned()).collect()
    }

    /// Reads as those do who know no continuation and no line end but LF: each line on its own, blanks and comments gone.
    fn plain(text: &str) -> Vec<String> {
        let lines = text.trim_start_matches('\u{feff}').split('\n');
        let trimmed = lines.map(|line| line.trim_matches([' ', '\t', '\r']));
        let trimmed = trimmed.filter(|line| !line.is_empty() && !line.starts_with([';', '#']));
        let header_or_line = |line: &str| match line.split_once(']') {
            Some((header, _)) if header.starts_with('[') => header.to_owned(),
            _ => line.split_once(['=', ':']).map_or(line.to_owned(), |(key, value)| {
                format!("{}={}", key.trim_end_matches(lines::BLANKS), value.trim_start_matches(lines::BLANKS))
            }),
        };
        trimmed.map(header_or_line).collect()
    }

    #[test]
    fn a_document_is_read_into_its_parts() {
        let text = "\u{feff}root : 1\r\n; note \n#\n[ s]; x\n\tmy key= a ; b \nskip-networking ; x\n";
        let document = parse(text).expect("valid");
        let event = |kind, text: &str| Part::Event(kind, text.to_owned());
        let root = super::Component::key("root");
        let inner = vec![super::Component::key(" s"), super::Component::key("my key")];
        let expected = [
            event(EventKind::Key, "root"),
            event(EventKind::Separator, " : "),
            Part::Leaf(super::KeyPath(vec![root]), "1".to_owned(), "\r\n".to_owned()),
            Part::Comment(" note ".to_owned()),
            event(EventKind::Section, " s"),
            Part::Comment(" x".to_owned()),
            event(EventKind::Key, "my key"),
            event(EventKind::Separator, "= "),
            Part::Leaf(super::KeyPath(inner), "a ; b".to_owned(), " \n".to_owned()),
            event(EventKind::Key, "skip-networking ; x"),
            event(EventKind::Null, "\n"),
        ];
        assert_eq!(laws::parts(text, &document), expected);
    }

    #[test]
    fn repeated_names_are_told_apart() {
        let text = "k=1\nk=2\n[k]\nk=3\n[s]\nk=4\nk=5\n[s]\nk=6\n";
        assert_values(text, &[("k", "1"), ("k#2", "2"), ("k#3.k", "3"), ("s.k", "4"), ("s.k#2", "5"), ("s#2.k", "6")]);
    }

    #[test]
    fn a_value_is_the_trimmed_text_behind_the_first_separator() {
        assert_values("a = b = c : d\n", &[("a", "b = c : d")]);
        assert_values("a:b=c", &[("a", "b=c")]);
        assert_values("a = \"x\\n\" # y \t\r\n", &[("a", "\"x\\n\" # y")]);
        assert_values("a =  \nb=;\n", &[("a", ""), ("b", ";")]);
        assert_values("a = \u{a0}x\u{a0}\n", &[("a", "\u{a0}x\u{a0}")]);
    }

    #[test]
    fn only_lines_deeper_than_their_key_continue_a_value() {
        assert_values("[s]\n  a = 1\n  b = 2\n", &[("s.a", "1"), ("s.b", "2")]);
        assert_values("  a = 1\n   b = 2 \n\t\t\t[x]\r\n\n  c=3", &[("a", "1\nb = 2\n[x]"), ("c", "3")]);
        assert_values("a =\n  x\n  y\nb=", &[("a", "\nx\ny"), ("b", "")]);
        assert_values("skip\n  a = 1\n", &[("a", "1")]);
        assert_values("[s]\n  a = 1\n[t]\n    b = 2", &[("s.a", "1"), ("t.b", "2")]);
    }

    #[test]
    fn what_readers_dispute_is_refused_with_its_place() {
        let deeper = "a line behind a blank line or comment that is indented deeper than the key above";
        assert_eq!(refused("a = 1\n\n  b = 2"), (3, 3, deeper));
        assert_eq!(refused("a = 1\n  x\n ; c\n y\n"), (4, 2, deeper));
        assert_eq!(refused("a = 1\n\n [s]\n"), (3, 2, deeper));
        assert_eq!(refused("[s"), (1, 1, "a section header without its closing bracket"));
        assert_eq!(refused("[s] ; x]"), (1, 8, "a second closing bracket in a section header"));
        assert_eq!(refused("[ ]"), (1, 2, "a section without a name"));
        assert_eq!(refused("[s] x"), (1, 5, "text behind a section header"));
        assert_eq!(refused("\n = x"), (2, 2, "no key before the separator"));
        assert_eq!(refused("a = \0"), (1, 5, "a NUL character"));
    }

    #[test]
    fn a_key_that_is_not_indented_as_a_value_must_be_does_not_stay_in_clear() {
        let text = "key = -----BEGIN PRIVATE KEY-----\nMC4CAQAw\n-----END PRIVATE KEY-----\n";
        assert_eq!(refused(text), (3, 1, "a line of a PEM block that is not indented, and so no part of the value"));
        assert_eq!(values(&text.replace('\n', "\n ")).len(), 1);
    }

    #[test]
    fn moving_a_key_line_of_a_long_value_is_noticed() {
        let text = "a = 1\n  2\nb = 3\n";
        let document = parse(text).expect("valid");
        let sealed = laws::encrypted(text, &document, |_, _| true);
        assert_eq!(laws::decrypted(parse, text, &document, &format!(" {sealed}")), Some(format!(" {text}")));
        assert_eq!(laws::decrypted(parse, text, &document, &format!("  {sealed}")), None);
        assert_eq!(laws::decrypted(parse, text, &document, &sealed.replace("\nb", "\n b")), None);
        assert_eq!(laws::decrypted(parse, text, &document, &sealed.replace("\nb", "\n\n b")), None);
    }

    #[test]
    fn an_empty_file_and_one_of_comments_have_no_leaves() {
        for text in ["", "\u{feff}", "\n \r\n\r\n", "; a\n#b", "[s]"] {
            laws::hold(parse, text, |_| true);
            assert!(values(text).is_empty());
        }
    }

    pub(in crate::document::ini) fn document() -> impl Strategy<Value = String> {
        let value = prop_oneof!["[^\0\r\n]{0,8}", "[a-z;#=: \"'\\[\\]]{0,6}", Just(String::new())];
        let deeper = prop_oneof!["[^\0\r\n \t;#][^\0\r\n]{0,5}", "[a-z\\[=:][a-z=:; \\]]{0,5}"];
        let key = "[a-z\"'$][^\0\r\n=:]{0,3}|[a-c]";
        let assignment =
            (key, "[ \t]{0,2}[=:][ \t]{0,2}", value).prop_map(|(key, separator, value)| key + &separator + &value);
        let other = prop_oneof![
            "[ \t]{0,3}",
            "[ \t]{0,3}[;#][^\0\r\n]{0,6}",
            "\\[[^\0\r\n\\] \t]{1,3}\\]([ \t]{0,2}[;#][a-z ]{0,4})?",
            "\\[[a-c]\\]",
            "[a-c][a-c !.-]{0,2}",
        ];
        let line = prop_oneof![
            other.prop_map(|line| (line, false)),
            Just(("long =".to_owned(), true)),
            assignment.prop_map(|line| (line, true)),
        ];
        let continuation = ("[ \t]{1,3}", deeper);
        let continuations = proptest::collection::vec(continuation, 0..3);
        let line_end = prop_oneof![Just("\n"), Just("\r\n")];
        let line = (0usize..4, line, continuations, line_end);
        (any::<bool>(), 0..9, proptest::collection::vec(line, 0..9), any::<bool>()).prop_map(
            |(has_mark, returns, lines, has_end)| {
                let mut text = if has_mark { "\u{feff}".to_owned() } else { String::new() };
                if returns == 0 {
                    text += "first=\r[first]\r";
                }
                let mut value_indent = usize::MAX;
                let count = lines.len();
                for (index, (indent, (line, has_value), continuations, line_end)) in lines.into_iter().enumerate() {
                    let line_end = if returns == 0 { "\r" } else { line_end };
                    if !line.trim_start().is_empty() && !line.trim_start_matches(lines::BLANKS).starts_with([';', '#'])
                    {
                        // A line may not be deeper than the value before it.
                        let indent = indent.min(value_indent);
                        text.extend(std::iter::repeat_n(' ', indent));
                        value_indent = if has_value { indent } else { usize::MAX };
                    }
                    text += &line;
                    if has_value {
                        for (blanks, continuation) in continuations {
                            text += line_end;
                            text.extend(std::iter::repeat_n('\t', value_indent));
                            text += &blanks;
                            text += &continuation;
                        }
                    }
                    if has_end || index + 1 < count {
                        text += line_end;
                    }
                }
                text
            },
        )
    }

    proptest! {
        #[test]
        fn tokens_can_stand_in_for_values_and_comments(text in document(), subset in laws::subset()) {
            laws::hold(parse, &text, |index| laws::is_in(subset, index));
        }

        #[test]
        fn values_are_those_that_configparser_reads(text in document()) {
            let values: Vec<String> = values(&text).into_iter().map(|(_, value)| value).collect();
            let read = python(&text);
            let read = read.iter().filter(|line| !line.starts_with('[')).filter_map(|line| Some(line.split_once('=')?.1.to_owned()));
            prop_assert_eq!(values, read.collect::<Vec<_>>(), "{:?}", text);
        }

        #[test]
        fn nothing_outside_of_the_spans_changes_what_any_reader_sees(
            text in document(),
            changes in proptest::collection::vec((any::<Index>(), 0usize..4, added()), 1..4),
        ) {
            let document = parse(&text).expect("valid");
            let sealed = laws::encrypted(&text, &document, |_, _| true);
            let tampered = laws::tampered(&sealed, &parse(&sealed).expect("the first law"), &changes);
            if let Some(opened) = laws::decrypted(parse, &text, &document, &tampered) {
                prop_assert_eq!(python(&text), python(&opened), "{:?}", opened);
                if !text.contains("first=\r") {
                    prop_assert_eq!(plain(&text), plain(&opened), "{:?}", opened);
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*", position: Index, valid in document()) {
            let _ = parse(&text);
            let boundaries: Vec<usize> = valid.char_indices().map(|(offset, _)| offset).chain([valid.len()]).collect();
            let mut mutated = valid;
            mutated.insert_str(boundaries[position.index(boundaries.len())], &text);
            if parse(&mutated).is_ok() {
                laws::hold(parse, &mutated, |_| true);
            }
        }
    }

    fn added() -> impl Strategy<Value = &'static str> {
        const PIECES: [&str; 16] = [
            "", " ", "\t", "\n", "\r", "\r\n", "\n\n", "\n  ", "\n;\n ", "#", "; x]", ";\r", "\u{feff}", "\u{a0}", "]",
            "=",
        ];
        proptest::sample::select(PIECES.as_slice())
    }

    #[test]
    fn reading_takes_linear_time() {
        let many_keys = (0..20_000).fold(String::new(), |text, line| text + &format!("k{line} = v ; x\n"));
        let many_sections = many_keys.clone() + &"[s]\nk = v\n".repeat(20_000);
        for text in [
            many_keys,
            many_sections,
            "k =\n  v\n".repeat(20_000),
            format!("k =\n{}", "  v\n".repeat(40_000)),
            "[".repeat(1_000_000),
        ] {
            let start = std::time::Instant::now();
            let _ = parse(&text);
            assert!(start.elapsed().as_secs() < 20, "{}", &text[..20]);
        }
    }

    #[test]
    fn a_long_section_name_above_many_keys_is_refused() {
        let text = format!("[{}]\n{}", "s".repeat(1 << 20), "k=\n".repeat(600));
        assert_eq!(parse(&text).err().map(|error| error.problem), Some(Problem::KeysTooLong));
    }
}
