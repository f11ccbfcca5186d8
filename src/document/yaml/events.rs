//! What granit reports, a node at a time, with spans that are places in the text.

use granit_parser::{Event as Parsed, ScalarStyle};

use super::schema::Tag;
use super::{Parser, problem};
use crate::document::{Span, SyntaxError};

/// A node as granit reports it.
pub(super) struct Opening<'t> {
    pub(super) event: Parsed<'t>,
    /// Of the content; granit's notion of it.
    pub(super) span: Span,
    /// The column at which granit sees the content.
    pub(super) column: usize,
    pub(super) tag: Option<(Span, Tag)>,
    pub(super) anchor: Option<(Span, String)>,
}

impl Opening<'_> {
    /// Tells whether nothing is spelled but, perhaps, a tag and an anchor.
    pub(super) fn is_implicit(&self) -> bool {
        matches!(self.event, Parsed::Scalar(_, ScalarStyle::Plain, ..)) && self.span.is_empty()
    }

    /// Tells whether nothing at all is spelled.
    pub(super) fn is_unspelled(&self) -> bool {
        self.is_implicit() && self.tag.is_none() && self.anchor.is_none()
    }

    /// Returns where the first character of the node stands. For a block scalar and an indentless sequence it is
    /// somewhere behind.
    pub(super) fn start(&self) -> usize {
        let properties = [self.tag.as_ref().map(|tag| tag.0.start), self.anchor.as_ref().map(|anchor| anchor.0.start)];
        properties.into_iter().flatten().fold(self.span.start, usize::min)
    }
}

impl<'t> Parser<'t> {
    pub(super) fn opening(&mut self) -> Result<Opening<'t>, SyntaxError> {
        match self.opening_or_end()? {
            Some(opening) => Ok(opening),
            None => Err(self.torn()),
        }
    }

    /// Returns the next node, or none where a list or map ends.
    pub(super) fn opening_or_end(&mut self) -> Result<Option<Opening<'t>>, SyntaxError> {
        let (event, marks) = self.next()?;
        let (anchor, tag) = match &event {
            Parsed::Scalar(_, _, anchor, tag)
            | Parsed::SequenceStart(_, anchor, tag)
            | Parsed::MappingStart(_, anchor, tag) => (*anchor, tag.as_deref()),
            Parsed::Alias(_) => (0, None),
            Parsed::SequenceEnd | Parsed::MappingEnd => return Ok(None),
            _ => return Err(self.torn()),
        };
        let tag = match tag {
            Some(tag) => Some((self.span(marks.tag_span().ok_or_else(|| self.torn())?)?, Tag::of(tag))),
            None => None,
        };
        let anchor = if anchor > 0 {
            let (Parsed::Anchor(_, name), marks) = self.next()? else { return Err(self.torn()) };
            Some((self.span(marks)?, name.into_owned()))
        } else {
            None
        };
        Ok(Some(Opening { span: self.span(marks)?, column: marks.start.col(), event, tag, anchor }))
    }

    pub(super) fn next(&mut self) -> Result<(Parsed<'t>, granit_parser::Span), SyntaxError> {
        match self.events.next() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(problem::syntax_error(self.text, &error)),
            None => Err(self.torn()),
        }
    }

    fn span(&self, marks: granit_parser::Span) -> Result<Span, SyntaxError> {
        let range = marks.byte_range().filter(|range| self.text.get(range.clone()).is_some());
        range.map(|range| Span::new(range.start, range.end)).ok_or_else(|| self.torn())
    }
}
