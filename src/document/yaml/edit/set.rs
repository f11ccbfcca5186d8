//! A value in the place of another one, or in a new place.

use serde_json::Value;
use zeroize::Zeroizing;

use super::place::{Parts, Structure, length};
use super::{Editor, Site};
use crate::document::edit::{EditError, NewValue};
use crate::document::json::brackets::{Change, concat};
use crate::document::json::spelling::Spelling;
use crate::document::path::Component;
use crate::document::yaml::{block, spell};
use crate::document::{Content, Node, Span, Style, lines};

impl Editor<'_> {
    /// Begins the first document, behind the comments.
    pub(super) fn begin(&self, steps: &[Component], value: NewValue<'_>) -> Result<Zeroizing<String>, EditError> {
        let line_end = lines::line_end(self.text);
        let mut new = Spelling::default();
        new.push(self.text);
        let is_line_begun = lines::start_of_line(self.text, self.text.len()) < self.text.len();
        new.push(if is_line_begun { line_end } else { "" });
        spell::block_entry(&mut new, steps, value, line_end)?;
        new.push(line_end);
        Ok(new.finish())
    }

    /// Puts a value in the place of another one, of a null or of an empty container.
    pub(super) fn replace(&self, site: &Site<'_>, value: NewValue<'_>) -> Result<Vec<Change>, EditError> {
        if length(site.node) > 0 {
            return Err(EditError::NotAValue(self.path.clone()));
        }
        let parts = self.parts(site.node);
        let mut new = Spelling::default();
        new.push(&self.introduction(site, &parts));
        if let Content::Leaf(index) = site.node.content {
            let leaf = self.document.leaf(index);
            let source = leaf.span.of(self.text);
            let literal = spell::text(value)
                .filter(|_| leaf.style.is_block())
                .and_then(|text| spell::literal(text, leaf, source, lines::line_end(self.text)));
            if let Some(literal) = literal {
                new.push(&literal);
            } else {
                spell::inline(&mut new, value, leaf.style, self.is_in_flow(&site.above));
                new.push(if leaf.style.is_block() { block::header_comment(source) } else { "" });
            }
        } else {
            spell::inline(&mut new, value, Style::Plain, self.is_in_flow(&site.above));
        }
        let mut changes = self.without_tag(&parts, |tag| fits(tag, value));
        changes.push((parts.content, new.finish()));
        Ok(changes)
    }

    /// Puts new containers with a value in the place of a null.
    pub(super) fn nest(
        &self,
        site: &Site<'_>,
        missing: &[Component],
        value: NewValue<'_>,
    ) -> Result<Vec<Change>, EditError> {
        let parts = self.parts(site.node);
        let introduction = self.introduction(site, &parts);
        let mut changes = self.without_tag(&parts, |_| false);
        let mut new = Spelling::default();
        if self.is_in_flow(&site.above) {
            new.push(&introduction);
            spell::flow_container(&mut new, missing, value)?;
            changes.push((parts.content, new.finish()));
            return Ok(changes);
        }
        let line_end = match site.above.last() {
            Some((container, _)) => self.line_end_in(container) + spell::INDENTATION,
            None => lines::line_end(self.text).to_owned(),
        };
        let spelled = parts.content;
        let end = lines::end_of_line(self.text, spelled.end);
        if spelled.is_empty() {
            new.push(introduction.trim_end_matches(' '));
        } else {
            let tag = changes.pop_if(|(tag, _)| tag.end == spelled.start);
            let start = tag.map_or(spelled.start, |(tag, _)| tag.start);
            let start = self.text[..start].trim_end_matches(lines::BLANKS).len();
            changes.push((Span::new(start, spelled.end), Zeroizing::default()));
        }
        new.push(&line_end);
        spell::block_entry(&mut new, missing, value, &line_end)?;
        changes.push((Span::new(end, end), new.finish()));
        Ok(changes)
    }

    /// Adds an entry to a list or map.
    pub(super) fn add(
        &self,
        site: &Site<'_>,
        missing: &[Component],
        value: NewValue<'_>,
    ) -> Result<Vec<Change>, EditError> {
        let mut new = Spelling::default();
        match self.structure(site.node, &site.above) {
            Structure::Brackets(brackets) => {
                spell::flow_entry(&mut new, missing, value)?;
                let entry = new.finish();
                Ok(match brackets.entries.last() {
                    Some(last) => brackets.append(*last, &entry, ", "),
                    None => vec![brackets.fill(&[&entry])],
                })
            }
            Structure::Pair => {
                new.push(", ");
                spell::flow_entry(&mut new, missing, value)?;
                new.push("}");
                let Span { start, end } = site.node.span;
                Ok(vec![(Span::new(start, start), concat(&["{"])), (Span::new(end, end), new.finish())])
            }
            Structure::Block => {
                let line_end = self.line_end_in(site.node);
                let end = lines::end_of_line(self.text, site.node.span.end);
                new.push(&line_end);
                spell::block_entry(&mut new, missing, value, &line_end)?;
                Ok(vec![(Span::new(end, end), new.finish())])
            }
        }
    }

    /// Returns what must stand before a value in the place of a null for which nothing is spelled: a blank, or a colon
    /// where there is none.
    fn introduction(&self, site: &Site<'_>, parts: &Parts) -> String {
        if !parts.content.is_empty() {
            return String::new();
        }
        match site.above.last() {
            Some((container @ Node { content: Content::Map(entries), .. }, index))
                if entries[*index].key_span.end == parts.content.start =>
            {
                if !self.is_in_flow(&site.above) {
                    self.line_end_in(container) + ": "
                } else if entries[*index].key_span.is_empty() {
                    " : ".to_owned() // Behind a `?`.
                } else {
                    ": ".to_owned()
                }
            }
            _ => " ".to_owned(),
        }
    }

    /// Returns the change that removes a tag, unless the new value keeps it.
    fn without_tag(&self, parts: &Parts, is_kept: impl Fn(&str) -> bool) -> Vec<Change> {
        let Some(tag) = parts.tag.filter(|tag| !is_kept(tag.of(self.text))) else { return Vec::new() };
        let behind = lines::skip_blanks(self.text, tag.end);
        let span = if tag.end < behind && behind <= parts.content.start && !parts.content.is_empty() {
            Span::new(tag.start, behind)
        } else {
            Span::new(self.text[..tag.start].trim_end_matches(lines::BLANKS).len(), tag.end)
        };
        vec![(span, Zeroizing::default())]
    }
}

/// Tells whether a tag fits a new value: `!!str` any text, a tag of the application's own any scalar.
fn fits(tag: &str, value: NewValue<'_>) -> bool {
    match tag {
        "!!str" | "!" => spell::text(value).is_some(),
        _ => !matches!(value, NewValue::Json(Value::Array(_) | Value::Object(_))) && !tag[1..].contains(['!', '<']),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::document::yaml::edit::fixture::{set_json, set_text};

    #[test]
    fn a_value_is_replaced_and_keeps_its_quotes_where_they_can_hold_the_new_one() {
        let cases = [
            ("a: old # c\n", "new", "a: new # c\n"),
            ("a: old", "5", "a: '5'"),
            ("a: 5\n", "yes", "a: 'yes'\n"),
            ("a: 'old'\r\nb: c\r\n", "it's", "a: 'it''s'\r\nb: c\r\n"),
            ("a: \"old\"\n", "n\"e\\w\u{7}", "a: \"n\\\"e\\\\w\\x07\"\n"),
            ("a: 'old'\n", "one\ntwo", "a: \"one\\ntwo\"\n"),
            ("a: old\n  line # c\nb: c", "x: y", "a: 'x: y' # c\nb: c"),
            ("{a: old, b: c}", "x, y", "{a: 'x, y', b: c}"),
            ("a: ~ # c\n", "x", "a: x # c\n"),
            ("a: # c\n", "x", "a: x # c\n"),
            ("a:\nb: c\n", "x", "a: x\nb: c\n"),
            ("{b: c, a}", "x", "{b: c, a: x}"),
            ("? a\n? b\n", "x", "? a\n: x\n? b\n"),
            ("b: &b 1\na: *b\n", "x", "b: &b 1\na: x\n"),
            ("a: &b old\nc: *b\n", "new", "a: &b new\nc: *b\n"),
            ("a: !!int 5\n", "new", "a: new\n"),
            ("a: !!str 5\n", "new", "a: !!str new\n"),
            ("a: !vault |\n  old\nb: c\n", "new", "a: !vault new\nb: c\n"),
            ("a: []\n", "new", "a: new\n"),
        ];
        for (text, value, expected) in cases {
            assert_eq!(set_text(text, "a", value).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn a_block_of_text_stays_one_where_it_can() {
        let cases = [
            ("a: | # c\n    old\nb: c\n", "x\ny\n", "a: | # c\n    x\n    y\nb: c\n"),
            ("a: >+\n  old\n\n\nb: c\n", "x\n\n  y", "a: |-\n  x\n\n    y\nb: c\n"),
            ("a:\n- |\n old", "x\ny\n", "a:\n- |\n x\n y\n"),
            ("a:\n- |-\n old", " x\ny", "a:\n- |1-\n  x\n y"),
            ("a: | # c\n  old\nb: c\n", "x", "a: x # c\nb: c\n"),
            ("a: |\n  old\nb: c\n", "x\n\n", "a: \"x\\n\\n\"\nb: c\n"),
            ("a: |\r\n  old\r\n", "x\r\ny\r\n", "a: \"x\\r\\ny\\r\\n\"\r\n"),
            ("a: |\r\n  old\r\n", "x\ny\n", "a: |\r\n  x\r\n  y\r\n"),
        ];
        for (text, value, expected) in cases {
            let path = if text.contains('-') && text.contains("a:\n") { "a[0]" } else { "a" };
            assert_eq!(set_text(text, path, value).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn json_keeps_its_type_and_containers_are_flow_collections() {
        let cases = [
            (json!(5), "a: 5\n"),
            (json!(1.5e30), "a: 1.5e+30\n"),
            (json!(true), "a: true\n"),
            (json!(null), "a: null\n"),
            (json!("5"), "a: \"5\"\n"),
            (json!(["x", 1, {"k": "a: b", "no": []}, "p,q"]), "a: [x, 1, {k: 'a: b', 'no': []}, 'p,q']\n"),
        ];
        for (value, expected) in cases {
            assert_eq!(set_json("a: \"old\"\n", "a", &value).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn a_new_key_stands_behind_its_siblings() {
        let cases = [
            ("a: 1 # c\n# d\n", "b", "a: 1 # c\nb: x\n# d\n"),
            ("a: 1", "b", "a: 1\nb: x"),
            (
                "a:\r\n    k: |\r\n      l\r\n\r\nz: 1\r\n",
                "a.b",
                "a:\r\n    k: |\r\n      l\r\n    b: x\r\n\r\nz: 1\r\n",
            ),
            ("- k: 1\n  l: 2\n- m\n", "[0].b", "- k: 1\n  l: 2\n  b: x\n- m\n"),
            ("a:\n- 1\n# c\n", "a[1]", "a:\n- 1\n- x\n# c\n"),
            ("a: {k: 1}\n", "a.b", "a: {k: 1, b: x}\n"),
            ("a: {k: 1,}\n", "a.b", "a: {k: 1, b: x,}\n"),
            ("a: {} # c\n", "a.b", "a: {b: x} # c\n"),
            ("a: [\n  k, # c\n  l # d\n ]\n", "a[2]", "a: [\n  k, # c\n  l, # d\n  x\n ]\n"),
            ("a: [\n  k,\n  l\n]\n", "a[2]", "a: [\n  k,\n  l,\n  x\n]\n"),
            ("a: [\n]\n", "a[0]", "a: [x]\n"),
            ("a: [{\n  k: 1\n}]\n", "a[0].b", "a: [{\n  k: 1,\n  b: x\n}]\n"),
            ("a: [\r  k, # c\r  l # d, e\r  , # f\r]\r", "a[2]", "a: [\r  k, # c\r  l, x # d, e\r  , # f\r]\r"),
            ("a: [\r  k # c\r]\r", "a[1]", "a: [\r  k, # c\r  x\r]\r"),
            ("[a: 1]", "[0].b", "[{a: 1, b: x}]"),
            ("a: 1\n", "b.c.d", "a: 1\nb:\n  c:\n    d: x\n"),
            ("a: 1\n", "b[0].c[0]", "a: 1\nb:\n  - c:\n      - x\n"),
            ("a: {}\n", "a.b[0].c", "a: {b: [{c: x}]}\n"),
            ("a: # c\nd: 1\n", "a.b", "a: # c\n  b: x\nd: 1\n"),
            ("a: ~ # c\nd: 1\n", "a.b", "a: # c\n  b: x\nd: 1\n"),
            ("a: !t ~ # c\n", "a.b", "a: # c\n  b: x\n"),
            ("a: &k !t ~\n", "a.b", "a: &k\n  b: x\n"),
            ("a: !t &k ~\n", "a.b", "a: &k\n  b: x\n"),
            ("- &k\n- 2\n", "[0].b", "- &k\n  b: x\n- 2\n"),
            ("", "b.c", "b:\n  c: x\n"),
            ("# c", "b", "# c\nb: x\n"),
            ("---\n", "b", "---\nb: x\n"),
            ("a: 1\n--- # c\nk: 1\n...\n", "@2.b", "a: 1\n--- # c\nk: 1\nb: x\n...\n"),
            ("a: &k {l: 1}\nm:\n  <<: *k\n", "m.l", "a: &k {l: 1}\nm:\n  <<: *k\n  l: x\n"),
            ("a: 1\n", "\"1: y\"", "a: 1\n'1: y': x\n"),
        ];
        for (text, path, expected) in cases {
            assert_eq!(set_text(text, path, "x").as_deref(), Ok(expected), "{text:?}");
        }
    }
}
