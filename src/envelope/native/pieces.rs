//! Many short texts that take the place of items of a document, in few buffers.

/// Texts in document order; `B` is a `String`, or one that is wiped.
pub struct Pieces<B> {
    buffers: Vec<B>,
    pieces: Vec<Piece>,
}

struct Piece {
    /// The index of the item that it replaces.
    item: u32,
    buffer: u32,
    /// Where it stands in its buffer.
    start: u32,
    end: u32,
}

/// One buffer that is being filled.
pub struct Part<B> {
    /// The texts, one behind the other.
    pub buffer: B,
    /// For each its item, and where it ends in the buffer.
    pub ends: Vec<(usize, usize)>,
}

impl<B: AsRef<str>> Pieces<B> {
    pub fn new(count: usize) -> Self {
        Self { buffers: Vec::new(), pieces: Vec::with_capacity(count) }
    }

    /// Appends the texts of a buffer.
    pub fn push(&mut self, Part { buffer, ends }: Part<B>) {
        let number = narrow(self.buffers.len());
        let mut start = 0;
        for (item, end) in ends {
            let end = narrow(end);
            self.pieces.push(Piece { item: narrow(item), buffer: number, start, end });
            start = end;
        }
        self.buffers.push(buffer);
    }

    /// Puts the texts in document order.
    pub fn sort(&mut self) {
        self.pieces.sort_by_key(|piece| piece.item);
    }

    /// Returns the texts with the indexes of their items.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &str)> + Clone {
        self.iter_from(0)
    }

    /// Returns the texts from an item on, with the indexes of their items.
    pub fn iter_from(&self, item: usize) -> impl Iterator<Item = (usize, &str)> + Clone {
        let first = self.pieces.partition_point(|piece| (piece.item as usize) < item);
        self.pieces[first..].iter().map(|piece| (piece.item as usize, self.text(piece)))
    }

    fn text(&self, piece: &Piece) -> &str {
        &self.buffers[piece.buffer as usize].as_ref()[piece.start as usize..piece.end as usize]
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("documents are far below 4 GiB")
}
