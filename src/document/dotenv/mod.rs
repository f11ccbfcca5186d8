//! Lines of `KEY=value`: the dialect that most readers of dotenv files share, and nothing that they dispute.
//!
//! * `KEY=value`, `export KEY=value` and a bare `KEY` (the environment's own value, a null); blanks around `=` are
//!   tolerated. A key is a letter or `_`, then letters, digits, `_`, `.` and `-`; it stands in a file once.
//! * `#` begins a comment at the start of a line and behind a blank: `a#b` is a value, `a #b` is `a` and a comment.
//! * A value without quotes runs to the end of its line or its comment, blanks at both ends cut, all else as it is.
//! * A value in `'…'`, `"…"` or a pair of backticks may span lines. Only blanks and a comment may follow. Each line
//!   end in it is read as LF. In double quotes `\n`, `\r`, `\t`, `\\`, `\"` and `\$` are resolved, any other
//!   backslash stays; in the other quotes all characters stand for themselves.
//! * Nothing is expanded: `$HOME` and `$(id)` are text. A backslash does not join lines.
//!
//! A leaf is the value with its quotes. An empty value is the empty span right behind `=`, where a token does not
//! touch the comment in `KEY= # comment`. The blanks on both sides of a value belong to the separator and the leaf's
//! layout, and so are authenticated: shells and docker take them for more than blanks.

mod edit;

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::path::Component;
use super::{
    Content, Document, Entry, Event, EventKind, Item, KeyPath, Layout, Leaf, MAX_ITEMS, Node, Problem, ScalarKind,
    Span, Style, SyntaxError, lines,
};

pub(crate) use edit::{set, unset};

/// Parses a dotenv document.
pub(crate) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let position = lines::start_of_text(text)?;
    let mut parser = Parser { text, position, ..Parser::default() };
    while parser.position < text.len() {
        if parser.items.len() > MAX_ITEMS {
            return Err(parser.error(Problem::TooManyItems));
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

/// Tells whether a text can be a key.
fn is_key(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && text.chars().all(is_key_character)
}

fn is_key_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
}

/// Returns the value that a source text spells. It depends on nothing around it.
fn decode(style: Style, source: &str) -> Zeroizing<String> {
    let mut value = Zeroizing::new(String::with_capacity(source.len()));
    if style == Style::Plain {
        value.push_str(source);
        return value;
    }
    let mut characters = source[1..source.len() - 1].chars().peekable();
    while let Some(character) = characters.next() {
        value.push(match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                '\n'
            }
            '\\' if style == Style::DoubleQuoted => {
                characters.next_if(|c| "nrt\\\"$".contains(*c)).map_or('\\', escaped)
            }
            other => other,
        });
    }
    value
}

/// Returns what a character behind a backslash stands for.
fn escaped(character: char) -> char {
    match character {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}

/// A cursor over the text, and what was found so far.
#[derive(Default)]
struct Parser<'a> {
    text: &'a str,
    position: usize,
    items: Vec<Item>,
    entries: Vec<Entry>,
    /// Where each key stands.
    keys: HashMap<&'a str, usize>,
    line_ends: lines::Met,
}

impl Parser<'_> {
    /// Reads one line, or several where a quoted value spans them.
    fn line(&mut self) -> Result<(), SyntaxError> {
        self.skip_blanks();
        if !self.is_at_end() {
            self.assignment()?;
        }
        if self.peek() == Some(b'#') {
            self.items.extend(lines::comment(self.text, self.position).map(Item::Comment));
        }
        self.position = self.line_ends.next_line(self.text, lines::end_of_line(self.text, self.position));
        Ok(())
    }

    /// Reads up to the end of the line or its comment.
    fn assignment(&mut self) -> Result<(), SyntaxError> {
        let mut key = self.key()?;
        let has_blanks = self.skip_blanks();
        if key.of(self.text) == "export" && has_blanks && self.peek() != Some(b'=') && !self.is_at_end() {
            self.event(EventKind::Export, Span::new(key.start, self.position));
            key = self.key()?;
            self.skip_blanks();
        }
        if let Some(first) = self.keys.insert(key.of(self.text), key.start) {
            let duplicate =
                |offset, first_line| SyntaxError::at(self.text, offset, Problem::DuplicateKey { first_line });
            return Err(duplicate(key.start, duplicate(first, 0).line));
        }
        self.event(EventKind::Key, key);
        let node = if self.peek() == Some(b'=') {
            self.position += 1;
            self.value(key)?
        } else if self.is_at_end() && self.is_apart(key.end) {
            // Behind a bare key, too, some readers take a blank or a carriage return for a part of it.
            self.event(EventKind::Null, lines::trail(self.text, key.end, self.position));
            let span = Span::new(key.end, key.end);
            Node { span, content: Content::Null, anchor: None }
        } else {
            return Err(self.error(Problem::Invalid("a key is followed by `=`")));
        };
        self.entries.push(Entry { key: Component::key(key.of(self.text)), key_span: key, node });
        Ok(())
    }

    fn key(&mut self) -> Result<Span, SyntaxError> {
        let rest = &self.text[self.position..];
        let length = rest.find(|c| !is_key_character(c)).unwrap_or(rest.len());
        if !is_key(&rest[..length]) {
            return Err(
                self.error(Problem::Invalid("a key is a letter or `_`, then letters, digits, `_`, `.` and `-`"))
            );
        }
        self.position += length;
        Ok(Span::new(self.position - length, self.position))
    }

    /// Reads from behind the `=`.
    fn value(&mut self, key: Span) -> Result<Node, SyntaxError> {
        let start = self.position;
        self.skip_blanks();
        let (style, span) = match self.peek() {
            Some(b'\'') => (Style::SingleQuoted, self.quoted('\'')?),
            Some(b'"') => (Style::DoubleQuoted, self.quoted('"')?),
            Some(b'`') => (Style::Backtick, self.quoted('`')?),
            _ => (Style::Plain, self.plain(start)),
        };
        self.event(EventKind::Separator, Span::new(key.end, span.start));
        let value = decode(style, span.of(self.text)).into();
        let path = KeyPath(vec![Component::key(key.of(self.text))]);
        let layout = Layout { trail: lines::trail(self.text, span.end, self.position), ..Layout::default() };
        self.items.push(Item::Leaf(Leaf { path, span, style, kind: ScalarKind::String, value, layout }));
        Ok(Node { span, content: Content::Leaf(self.items.len() - 1), anchor: None })
    }

    /// Reads a value without quotes; `separator_end` is where an empty one stands.
    fn plain(&mut self, separator_end: usize) -> Span {
        let start = self.position;
        while !self.is_at_line_end() && (self.peek() != Some(b'#') || !self.is_behind_blank()) {
            self.position += 1;
        }
        let span = lines::trimmed(self.text, start, self.position);
        if span.is_empty() { Span::new(separator_end, separator_end) } else { span }
    }

    /// Reads a value in quotes, and the blanks behind it.
    fn quoted(&mut self, quote: char) -> Result<Span, SyntaxError> {
        let start = self.position;
        let mut is_escaped = false;
        let is_closing = |character: char| {
            let closes = character == quote && !is_escaped;
            is_escaped = character == '\\' && quote == '"' && !is_escaped;
            closes
        };
        let Some(length) = self.text[start + 1..].find(is_closing) else {
            return Err(self.error(Problem::Invalid("a quote that is never closed")));
        };
        let span = Span::new(start, start + 1 + length + 1);
        self.position = span.end;
        self.skip_blanks();
        if self.is_at_end() && self.is_apart(span.end) {
            Ok(span)
        } else {
            Err(self.error(Problem::Invalid("text behind the closing quote")))
        }
    }

    fn event(&mut self, kind: EventKind, span: Span) {
        self.items.push(Item::Event(Event { kind, span }));
    }

    /// Tells whether there were any.
    fn skip_blanks(&mut self) -> bool {
        let start = self.position;
        self.position = lines::skip_blanks(self.text, start);
        self.position > start
    }

    /// Tells whether a comment, if one begins here, is parted by a blank from what ends at `end`: a token in place
    /// of that must not swallow it.
    fn is_apart(&self, end: usize) -> bool {
        self.peek() != Some(b'#') || self.position > end
    }

    fn is_behind_blank(&self) -> bool {
        self.text[..self.position].ends_with(lines::BLANKS)
    }

    /// Tells whether nothing but a comment can follow on this line.
    fn is_at_end(&self) -> bool {
        self.is_at_line_end() || self.peek() == Some(b'#')
    }

    fn is_at_line_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\r' | b'\n'))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn error(&self, problem: Problem) -> SyntaxError {
        SyntaxError::at(self.text, self.position, problem)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
    use proptest::sample::Index;

    use super::parse;
    use crate::document::laws::{self, Part};
    use crate::document::{EventKind, KeyPath, Problem, Style};

    /// Returns key, style and value of each leaf.
    fn values(text: &str) -> Vec<(String, Style, String)> {
        let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
        document.leaves().map(|leaf| (leaf.path.to_string(), leaf.style, leaf.value.to_string())).collect()
    }

    fn value(text: &str) -> String {
        let [(_, _, value)] = values(text).try_into().expect("one leaf");
        value
    }

    /// Returns the variables as `docker run --env-file` reads them: lines end with LF, all behind `=` is the value. What
    /// ends a comment, which is part of that value for docker, does not count.
    fn docker(text: &str) -> Vec<&str> {
        let lines = text.trim_start_matches('\u{feff}').split('\n').map(str::trim_start);
        let variables = lines.filter(|line| line.split('#').next().is_some_and(|start| start.contains('=')));
        variables.map(|line| if line.contains('#') { line.trim_end_matches('\r') } else { line }).collect()
    }

    #[track_caller]
    fn refused(text: &str) -> (usize, usize, Problem) {
        let error = parse(text).err().unwrap_or_else(|| panic!("{text:?} parses"));
        (error.line, error.column, error.problem)
    }

    #[test]
    fn a_line_is_read_into_its_parts() {
        let text = "\u{feff} export\tA.b-1 = 'x' # note\r\nB\n#\nexport =  # \n";
        let document = parse(text).expect("valid");
        let event = |kind, text: &str| Part::Event(kind, text.to_owned());
        let leaf = |path, text: &str, trail: &str| {
            Part::Leaf(KeyPath(vec![super::Component::key(path)]), text.to_owned(), trail.to_owned())
        };
        let expected = [
            event(EventKind::Export, "export\t"),
            event(EventKind::Key, "A.b-1"),
            event(EventKind::Separator, " = "),
            leaf("A.b-1", "'x'", " #"),
            Part::Comment(" note".to_owned()),
            event(EventKind::Key, "B"),
            event(EventKind::Null, "\n"),
            event(EventKind::Key, "export"),
            event(EventKind::Separator, " ="),
            leaf("export", "", "  # \n"),
        ];
        assert_eq!(laws::parts(text, &document), expected);
    }

    #[test]
    fn export_is_a_prefix_only_before_a_key() {
        let events = |text| parse(text).expect("valid").items.len();
        assert_eq!(events("export"), 2, "a key and a null");
        assert_eq!(events("export # c"), 3, "the same and a comment");
        assert_eq!(events("export=1"), 3);
        assert_eq!(events("export A"), 3, "the prefix, a key and a null");
        assert_eq!(events("export export=1"), 4);
        assert_eq!(events("exporter=1"), 3);
    }

    #[test]
    fn a_value_without_quotes_ends_before_its_blanks_and_comment() {
        for (text, expected) in [
            ("A=v", "v"),
            ("A= v \t", "v"),
            ("A=v#x", "v#x"),
            ("A=v #x", "v"),
            ("A=v\t# x", "v"),
            ("A=#x", "#x"),
            ("A= #x", ""),
            ("A=  \r\n", ""),
            ("A=it's \"so\"", "it's \"so\""),
            ("A=$HOME\\n\\", "$HOME\\n\\"),
            ("A=\u{a0}v\u{a0}", "\u{a0}v\u{a0}"),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_hold_lines_and_double_quotes_resolve_escapes() {
        for (text, expected) in [
            (r"A='\n $x \'", r"\n $x \"),
            (r#"A=`"\n'`"#, r#""\n'"#),
            (r#"A="\n\r\t\\\"\$\x\a""#, "\n\r\t\\\"$\\x\\a"),
            ("A=\"a\nb\r\nc\rd\\\ne\"", "a\nb\nc\nd\\\ne"),
            ("A='a # b\nC=1' # c", "a # b\nC=1"),
            ("A=''", ""),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }

    #[test]
    fn an_empty_value_stands_where_a_token_keeps_clear_of_the_comment() {
        let text = "A=  # c";
        let document = parse(text).expect("valid");
        assert_eq!(document.leaves().next().expect("a leaf").span, super::Span::new(2, 2));
        assert_eq!(laws::encrypted(text, &document, |index, _| index == 2).split_once("  # ").expect("kept").1, "c");
    }

    #[test]
    fn what_readers_dispute_is_refused_with_its_place() {
        let key = Problem::Invalid("a key is a letter or `_`, then letters, digits, `_`, `.` and `-`");
        let equals = Problem::Invalid("a key is followed by `=`");
        let behind = Problem::Invalid("text behind the closing quote");
        assert_eq!(refused("A=1\r\nB=2\nA=3"), (3, 1, Problem::DuplicateKey { first_line: 1 }));
        assert_eq!(refused("A\nexport A='x'"), (2, 8, Problem::DuplicateKey { first_line: 1 }));
        assert_eq!(refused("=1"), (1, 1, key));
        assert_eq!(refused("A=1\n 1A=1"), (2, 2, key));
        assert_eq!(refused("\"A\"=1"), (1, 1, key));
        assert_eq!(refused("\u{feff}\u{feff}A=1"), (1, 2, key));
        assert_eq!(refused("A: 1"), (1, 2, equals));
        assert_eq!(refused("A B"), (1, 3, equals));
        assert_eq!(refused("A#c"), (1, 2, equals));
        assert_eq!(refused("A='x'y"), (1, 6, behind));
        assert_eq!(refused("A='x'# c"), (1, 6, behind));
        assert_eq!(refused("A=\"x\\\""), (1, 3, Problem::Invalid("a quote that is never closed")));
        assert_eq!(refused("A=\0"), (1, 3, Problem::Invalid("a NUL character")));
    }

    #[test]
    fn a_lone_carriage_return_ends_lines_where_it_is_authenticated_and_no_other_does() {
        let hides = Problem::Invalid("a carriage return that some readers take for no line end");
        assert_eq!(values("A=1\r# c\rB=2").len(), 2);
        assert_eq!(values("A='1\r2'\nB=2").len(), 2, "in quotes it is text");
        assert_eq!(refused("A=1\r# c\nB=2"), (1, 4, hides));
        assert_eq!(refused("#\rA=1"), (1, 2, hides));
        assert_eq!(refused("A=1 # c\rB=2"), (1, 8, hides));
    }

    #[test]
    fn an_empty_file_and_one_of_comments_have_no_leaves() {
        for text in ["", "\u{feff}", "\n \r\n\r\n", "# a\n#b"] {
            laws::hold(parse, text, |_| true);
            assert!(values(text).is_empty());
        }
    }

    pub(in crate::document::dotenv) fn document() -> impl Strategy<Value = String> {
        let comment = prop_oneof!["#[^\0\r\n]{0,8}", Just("#".to_owned())];
        let value = prop_oneof![
            "[^\0\r\n \t\"'`][^\0\r\n]{0,9}",
            "[a-z#= \"']{0,6}[a-z]".prop_map(|value| format!("v{value}")),
            "'[^\0']{0,9}'",
            "`[^\0`]{0,9}`",
            r#""([^\x00"\\]|\\[^\x00]){0,6}""#,
            "\"([ab\r\n]|\\\\[\\\\\"n\r\n]){0,5}\"",
            Just(String::new()),
        ];
        let behind = prop_oneof!["[ \t]{0,2}", "[ \t]{1,2}#[^\0\r\n]{0,6}"];
        let assignment =
            ("[ \t]{0,2}(export[ \t]{1,2})?", "[A-Za-z_][a-z.-]{0,2}", "[ \t]{0,2}=[ \t]{0,2}", value, behind.clone());
        let line = prop_oneof![
            1 => "[ \t]{0,3}".prop_map(|line| (line, String::new())),
            1 => ("[ \t]{0,3}", comment).prop_map(|(blanks, comment)| (blanks + &comment, String::new())),
            1 => ("[ \t]{0,2}(export[ \t]{1,2})?[a-c]", behind),
            4 => assignment.prop_map(|(before, key, equals, value, behind)| (before + &key, equals + &value + &behind)),
        ];
        let line_end = prop_oneof![Just("\n"), Just("\r\n")];
        (any::<bool>(), 0..9, proptest::collection::vec((line, line_end), 0..9), any::<bool>()).prop_map(
            |(has_mark, returns, lines, has_end)| {
                let mut text = if has_mark { "\u{feff}".to_owned() } else { String::new() };
                if returns == 0 {
                    text += "FIRST=\rSECOND=\r";
                }
                for (index, ((key, rest), line_end)) in lines.iter().enumerate() {
                    text += key;
                    // The number makes keys unlike.
                    if key.ends_with(|last: char| last.is_ascii_alphanumeric() || "_.-".contains(last))
                        && !key.contains('#')
                    {
                        text += &index.to_string();
                    }
                    text += rest;
                    if has_end || index + 1 < lines.len() {
                        text += if returns == 0 { "\r" } else { line_end };
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
        fn nothing_outside_of_the_spans_changes_what_any_reader_sees(
            text in document(),
            changes in proptest::collection::vec((any::<Index>(), 0usize..4, added()), 1..4),
        ) {
            let document = parse(&text).expect("valid");
            let sealed = laws::encrypted(&text, &document, |_, _| true);
            let tampered = laws::tampered(&sealed, &parse(&sealed).expect("the first law"), &changes);
            if let Some(opened) = laws::decrypted(parse, &text, &document, &tampered) {
                prop_assert_eq!(values(&text), values(&opened));
                if !text.contains("FIRST=\r") {
                    prop_assert_eq!(docker(&text), docker(&opened), "{:?} {:?}", text, opened);
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
        const PIECES: [&str; 20] = [
            "#\r", "# x\n", "", " ", "\t", "\n", "\r", "\r\n", "#", " #", "# x", "'", "\"", "`", "\\", "=", "export ",
            "\u{feff}", "\u{a0}", "X",
        ];
        proptest::sample::select(PIECES.as_slice())
    }

    #[test]
    fn reading_takes_linear_time() {
        let lines = (0..100_000).fold(String::new(), |text, line| text + &format!("K{line}=\"a\\\"b\" # c\n"));
        for text in [lines, "A='\n".repeat(100_000), " #".repeat(1_000_000), format!("A={}", " #".repeat(1_000_000))] {
            let start = std::time::Instant::now();
            let _ = parse(&text);
            assert!(start.elapsed().as_secs() < 20, "{}", &text[..20]);
        }
    }
}
