//! Maps, and their keys: of which kind each is, how it is called, and which may stand twice.

use std::collections::HashMap;

use granit_parser::Event as Parsed;

use super::events::Opening;
use super::scalar::Scalar;
use super::schema::Resolved;
use super::{BYTE_ORDER_MARK, Parser, Structure, block, stands_alone};
use crate::document::path::{Component, KeyKind};
use crate::document::{Content, Entry, EventKind, Item, Problem, ScalarKind, Span, SyntaxError, position};

/// The keys of a map: how often each was seen, and where first.
type Keys = HashMap<(KeyKind, String), (usize, usize)>;

impl<'t> Parser<'t> {
    pub(super) fn map(&mut self, structure: Structure) -> Result<Content, SyntaxError> {
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
    pub(super) fn is_indented_by(&self, position: usize, column: usize) -> bool {
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
    /// a [`Layout`](crate::document::Layout).
    pub(super) fn demand_fixed(&self, scalar: &Scalar) -> Result<(), SyntaxError> {
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
}

#[cfg(test)]
mod tests {
    use crate::document::Problem;
    use crate::document::yaml::fixture::{items, problem};
    use crate::document::yaml::parse;

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
}
