//! Many short texts that take the place of items of a document, in few buffers.

use std::ops::Range;

use crate::document::Span;

/// Texts in document order; `B` is a `String`, or one that is wiped.
pub struct Pieces<B> {
    buffers: Vec<B>,
    pieces: Vec<Piece>,
}

struct Piece {
    item: usize,
    /// What it replaces.
    span: Span,
    buffer: usize,
    /// Where it stands in its buffer.
    range: Range<usize>,
}

/// One buffer that is being filled.
pub struct Part<B> {
    /// The texts, one behind the other.
    pub buffer: B,
    /// For each its item, the span it replaces, and where it ends in the buffer.
    pub ends: Vec<(usize, Span, usize)>,
}

impl<B: AsRef<str>> Pieces<B> {
    pub fn new(count: usize) -> Self {
        Self { buffers: Vec::new(), pieces: Vec::with_capacity(count) }
    }

    /// Appends the texts of a buffer.
    pub fn push(&mut self, Part { buffer, ends }: Part<B>) {
        let mut start = 0;
        for (item, span, end) in ends {
            self.pieces.push(Piece { item, span, buffer: self.buffers.len(), range: start..end });
            start = end;
        }
        self.buffers.push(buffer);
    }

    /// Puts the texts in document order.
    pub fn sort(&mut self) {
        self.pieces.sort_by_key(|piece| piece.item);
        debug_assert!(self.pieces.is_sorted_by_key(|piece| piece.span), "items are in the order of the text");
    }

    /// Returns what replaces which spans.
    pub fn replacements(&self) -> impl Iterator<Item = (Span, &str)> + Clone {
        self.pieces.iter().map(|piece| (piece.span, self.text(piece)))
    }

    /// Returns the texts from an item on, with the indexes of their items.
    pub fn from_item(&self, item: usize) -> impl Iterator<Item = (usize, &str)> {
        let first = self.pieces.partition_point(|piece| piece.item < item);
        self.pieces[first..].iter().map(|piece| (piece.item, self.text(piece)))
    }

    fn text(&self, piece: &Piece) -> &str {
        &self.buffers[piece.buffer].as_ref()[piece.range.clone()]
    }
}
