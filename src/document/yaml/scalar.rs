//! Scalars: where they end, which type they have, and what becomes a leaf.

use std::mem;

use granit_parser::{Event as Parsed, ScalarStyle};
use zeroize::Zeroizing;

use super::events::Opening;
use super::schema::{self, Resolved};
use super::{Parser, block};
use crate::document::{Content, EventKind, Item, KeyPath, Layout, Leaf, ScalarKind, Span, Style, SyntaxError};

/// A scalar that has been walked over.
pub(super) struct Scalar {
    pub(super) span: Span,
    pub(super) style: Style,
    pub(super) value: Zeroizing<String>,
    pub(super) resolved: Resolved,
}

impl Parser<'_> {
    pub(super) fn scalar_node(&mut self, opening: &mut Opening<'_>) -> Result<Content, SyntaxError> {
        let scalar = self.scalar(opening)?;
        let Resolved::Scalar(kind) = scalar.resolved else {
            self.event(EventKind::Null, scalar.span)?;
            return Ok(Content::Null);
        };
        if self.open_keys > 0 {
            self.demand_fixed(&scalar)?;
            self.event(EventKind::Scalar, scalar.span)?;
            return Ok(Content::Null);
        }
        let path = KeyPath(self.path.clone());
        self.count_path(path.byte_length())?;
        let leaf = Leaf {
            path,
            span: scalar.span,
            style: scalar.style,
            kind,
            value: scalar.value.into(),
            layout: Layout { indent: self.indent, line_end: self.has_line_end(scalar.span), ..Layout::default() },
        };
        self.push(Item::Leaf(leaf))?;
        Ok(Content::Leaf(self.document.items.len() - 1))
    }

    /// Walks over the content of a scalar.
    pub(super) fn scalar(&mut self, opening: &mut Opening<'_>) -> Result<Scalar, SyntaxError> {
        if opening.is_implicit() {
            let span = Span::new(self.cursor, self.cursor);
            return Ok(Scalar { span, style: Style::Plain, value: Zeroizing::default(), resolved: Resolved::Null });
        }
        let Parsed::Scalar(value, style, ..) = &mut opening.event else { return Err(self.torn()) };
        // Taken, not copied: what granit has decoded is wiped with it.
        let value = Zeroizing::new(mem::take(value).into_owned());
        let tag = opening.tag.as_ref().map(|(_, tag)| *tag);
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let span = if style.is_block() {
            block::span(self.text, self.cursor, opening.span, opening.column).ok_or_else(|| self.torn())?
        } else {
            opening.span
        };
        self.expect_at(span)?;
        if !style.is_block() {
            self.demand_indented_lines(span, style)?;
        }
        let source = span.of(self.text);
        let resolved = schema::resolve(source, style, tag);
        let is_text = resolved == Resolved::Scalar(ScalarKind::String);
        let value = if is_text { value } else { Zeroizing::new(source.to_owned()) };
        Ok(Scalar { span, style, value, resolved })
    }

    /// Tells whether a line end follows the line on which `span` ends.
    pub(super) fn has_line_end(&self, span: Span) -> bool {
        self.last_break.is_some_and(|last| last >= span.end)
    }
}

#[cfg(test)]
mod tests {
    use crate::document::yaml::fixture::items;
    use crate::document::yaml::parse;
    use crate::document::{Layout, ScalarKind};

    #[test]
    fn scalars_are_typed_by_tag_then_by_the_core_schema() {
        use ScalarKind::{Boolean, Float, Integer, String};
        let text =
            "[1, '1', !!str 1, ! 1, !!int '1', !!float 1, !!bool x, !mine 1, !mine '1', !!str null, !!str , !!null x]";
        let document = parse(text).expect("valid");
        let expected = [Integer, String, String, String, Integer, Float, Boolean, Integer, String, String, String];
        assert_eq!(document.leaves().map(|leaf| leaf.kind).collect::<Vec<_>>(), expected);
        assert_eq!(items("\"a\\\n  \\tb\"")[1], "@1 String \"\\\"a\\\\\\n  \\\\tb\\\"\" = \"a\\tb\"");
    }

    #[test]
    fn a_block_scalar_ends_with_its_content() {
        let cases = [
            ("a: |\n  x\n  \n\nb:", "|\n  x"),
            ("a: | # c\n  x\n   \n\nb:", "| # c\n  x\n   "),
            ("a: |+\n  x\n\n  \nb:", "|+\n  x\n\n  "),
            ("a: |+\n  x\n\n # c\n\nb:", "|+\n  x\n"),
            ("a: >-\r\n\r\n  x\r\n\r\nb:", ">-\r\n\r\n  x"),
            ("a: |\n\n\nb:", "|"),
            ("a: |+\n\n\nb:", "|+\n\n"),
            ("a: |+\n", "|+"),
            ("a: |+\n  x\n ", "|+\n  x\n "),
            ("a: |\n  x", "|\n  x"),
            ("# |\na: # >\n - >-2 # |\n      #|\n", ">-2 # |\n      #|"),
            ("--- |1\n a\n...\n", "|1\n a"),
            ("a: |\r\r  x\r\rb:", "|\r\r  x"),
        ];
        for (text, source) in cases {
            let document = parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
            assert_eq!(document.leaves().next().map(|leaf| leaf.span.of(text)), Some(source), "{text:?}");
        }
    }

    #[test]
    fn a_leaf_knows_the_column_of_the_block_around_it_and_whether_its_line_ends() {
        let layouts = |text| parse(text).expect("valid").leaves().map(|leaf| leaf.layout).collect::<Vec<_>>();
        let layout = |indent, line_end| Layout { indent, line_end, ..Layout::default() };
        assert_eq!(layouts("x"), [layout(0, false)]);
        assert_eq!(layouts("\u{feff}é: x\nb:\n- [y]\n- - z\n"), [1, 1, 3].map(|indent| layout(indent, true)));
        assert_eq!(
            layouts("- ? a\n  : x\n- &k\n   - |\n     y\n- z"),
            [layout(3, true), layout(4, true), layout(1, false)]
        );
    }
}
