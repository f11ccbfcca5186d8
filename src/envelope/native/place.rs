//! The place of each leaf: the encoding of everything that its token is bound to (docs/format.md sections 5 and 6).
//!
//! The chain in short: a value's place holds its key path, the id of the value token before it, and every event and
//! sealed comment between the two. So each adjacency is bound exactly once, by the later line.

use std::ops::Range;

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::day;
use super::header::{BodyDigest, VERSION};
use super::token::{Stamp, TokenKind};
use crate::crypto::{AssociatedData, FileId, LeafId};
use crate::document::path::Component;
use crate::document::{Document, EventKind, Format, Item, KeyPath, Layout, Leaf};

/// The places of a document's sealed leaves and comments, in document order.
pub struct Places {
    /// The sealed leaves.
    pub values: Vec<ValuePlace>,
    /// The indexes of the sealed comments in the document's items.
    pub comments: Vec<usize>,
    /// The encoded key paths and line layouts of the values.
    encodings: Vec<u8>,
    /// The encoded events: the frames one after the other, then the tail.
    events: Vec<u8>,
}

/// Where a value stands.
pub struct ValuePlace {
    /// The index of the leaf in the document's items.
    pub item: usize,
    path: Part,
    block_layout: [u8; 5],
    line_layout: Option<Part>,
    events: Part,
    comments: Part,
}

/// A range in one of the lists of [`Places`], in few bytes.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
}

impl Part {
    fn new(range: Range<usize>) -> Self {
        let narrow = |index| u32::try_from(index).expect("documents are far below 4 GiB");
        Self { start: narrow(range.start), end: narrow(range.end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl Places {
    /// Walks through a document whose leaves and comments are sealed where the two functions say so.
    pub fn of(
        format: Format,
        document: &Document,
        text: &str,
        seals_leaf: impl Fn(&Leaf) -> bool,
        seals_comment: impl Fn(&str) -> bool,
    ) -> Self {
        let mut places = Self { values: Vec::new(), comments: Vec::new(), encodings: Vec::new(), events: Vec::new() };
        // A block map has a key's event for each leaf.
        places.values.reserve(document.items.len() / 2);
        for (index, item) in document.items.iter().enumerate() {
            match item {
                Item::Comment(comment) if seals_comment(comment.span.of(text)) => places.comments.push(index),
                Item::Comment(_) => {}
                Item::Event(event) => push_field(&mut places.events, event.kind as u8, event.span.of(text).as_bytes()),
                Item::Leaf(leaf) => {
                    // Readers of these formats differ on blanks and carriage returns behind a value.
                    let line_layout =
                        matches!(format, Format::Dotenv | Format::Ini).then(|| leaf.layout.trail.of(text).as_bytes());
                    let block_layout = encode_layout(leaf.layout);
                    if seals_leaf(leaf) {
                        let (events, comments) = places.frame_starts();
                        let encodings = &mut places.encodings;
                        let start = encodings.len();
                        push_path(&leaf.path, encodings);
                        let path = Part::new(start..encodings.len());
                        let line_layout = line_layout.map(|layout| {
                            encodings.extend_from_slice(layout);
                            Part::new(path.range().end..encodings.len())
                        });
                        places.values.push(ValuePlace {
                            item: index,
                            path,
                            block_layout,
                            line_layout,
                            events: Part::new(events..places.events.len()),
                            comments: Part::new(comments..places.comments.len()),
                        });
                    } else {
                        push_field(&mut places.events, EventKind::Scalar as u8, leaf.span.of(text).as_bytes());
                        if leaf.style.is_block() {
                            push_field(&mut places.events, LAYOUT_EVENT, &block_layout);
                        } else if let Some(layout) = line_layout {
                            push_field(&mut places.events, LAYOUT_EVENT, layout);
                        }
                    }
                }
            }
        }
        places
    }

    /// Returns the encoded key path of the value at `index`.
    pub fn path(&self, index: usize) -> &[u8] {
        &self.encodings[self.values[index].path.range()]
    }

    /// Returns what the value at `index` is bound to, when the value token before it has the id `previous` and the
    /// sealed comments of the document have these ids. What is in `encoding` does not matter.
    pub fn of_value(
        &self,
        index: usize,
        file_id: FileId,
        stamp: &Stamp,
        previous: Option<LeafId>,
        comments: &[LeafId],
        encoding: &mut Vec<u8>,
    ) -> AssociatedData {
        let place = &self.values[index];
        encoding.clear();
        encode(file_id, stamp.kind.letter(), stamp.day, stamp.generation, encoding);
        push_field(encoding, 6, &self.encodings[place.path.range()]);
        push_field(encoding, 7, previous.as_ref().map_or(&[][..], |id| &id.0));
        self.push_frame(encoding, 8, place.events.range(), &comments[place.comments.range()]);
        if index + 1 == self.values.len() {
            push_field(encoding, 9, &self.tail(comments));
        }
        if stamp.kind == TokenKind::Block {
            push_field(encoding, 10, &place.block_layout);
        } else if let Some(layout) = &place.line_layout {
            push_field(encoding, 10, &self.encodings[layout.range()]);
        }
        AssociatedData::of(encoding)
    }

    /// Returns the digest that binds a document without any sealed leaf.
    pub fn body_digest(&self, salt: [u8; 16], comments: &[LeafId]) -> BodyDigest {
        let digest =
            Sha256::new().chain_update(b"secret/v1 body digest").chain_update(salt).chain_update(self.tail(comments));
        BodyDigest { salt, digest: digest.finalize().into() }
    }

    /// Returns everything behind the last sealed leaf.
    fn tail(&self, comments: &[LeafId]) -> Vec<u8> {
        let (events_start, comments_start) = self.frame_starts();
        let mut tail = Vec::new();
        self.push_events(&mut tail, events_start..self.events.len(), &comments[comments_start..]);
        tail
    }

    /// Returns where the frame behind the last sealed leaf begins.
    fn frame_starts(&self) -> (usize, usize) {
        self.values.last().map_or((0, 0), |last| (last.events.range().end, last.comments.range().end))
    }

    /// Appends a frame as a field.
    fn push_frame(&self, encoding: &mut Vec<u8>, tag: u8, events: Range<usize>, comments: &[LeafId]) {
        let start = encoding.len();
        push_field(encoding, tag, &[]);
        self.push_events(encoding, events, comments);
        let content = start + FIELD_HEAD_BYTES;
        let length = field_length(encoding.len() - content);
        encoding[content - length.len()..content].copy_from_slice(&length);
    }

    /// Appends the events, then the comments: where a comment stands among events that spell nothing cannot be said.
    fn push_events(&self, encoding: &mut Vec<u8>, events: Range<usize>, comments: &[LeafId]) {
        encoding.extend_from_slice(&self.events[events]);
        for id in comments {
            push_field(encoding, COMMENT_EVENT, &id.0);
        }
    }
}

/// Returns what a comment is bound to; its place is bound by the next value, through its id.
pub fn of_comment(file_id: FileId, stamp: &Stamp) -> AssociatedData {
    let mut encoding = Vec::new();
    encode(file_id, stamp.kind.letter(), stamp.day, stamp.generation, &mut encoding);
    AssociatedData::of(&encoding)
}

/// Returns what the sealed recipe of the value with this key, as the header writes it, is bound to.
pub fn of_recipe(file_id: FileId, stamp: &Stamp, key: &str) -> AssociatedData {
    let mut encoding = Vec::new();
    encode(file_id, stamp.kind.letter(), stamp.day, stamp.generation, &mut encoding);
    push_field(&mut encoding, 6, key.as_bytes());
    AssociatedData::of(&encoding)
}

/// Returns what the body of an opaque file is bound to.
pub fn of_body(file_id: FileId, day: Date, generation: u32) -> AssociatedData {
    let mut encoding = Vec::new();
    encode(file_id, 'o', day, generation, &mut encoding);
    AssociatedData::of(&encoding)
}

fn encode(file_id: FileId, kind: char, day: Date, generation: u32, encoding: &mut Vec<u8>) {
    push_field(encoding, 1, &VERSION.to_be_bytes());
    push_field(encoding, 2, &file_id.0);
    push_field(encoding, 3, kind.encode_utf8(&mut [0; 4]).as_bytes());
    push_field(encoding, 4, &day::print(day));
    push_field(encoding, 5, &generation.to_be_bytes());
}

/// Encodes a key path. Indexes and occurrences are left out: they would change in many later lines when an item is
/// added, and the chain binds the order anyway.
pub(super) fn encode_path(path: &KeyPath) -> Vec<u8> {
    let mut encoding = Vec::with_capacity(32 * path.0.len());
    push_path(path, &mut encoding);
    encoding
}

fn push_path(path: &KeyPath, encoding: &mut Vec<u8>) {
    for component in &path.0 {
        match component {
            Component::Document(_) => push_field(encoding, 5, &[]),
            Component::Item(_) => push_field(encoding, 4, &[]),
            Component::Key { kind, name, .. } => push_field(encoding, *kind as u8, name.as_bytes()),
        }
    }
}

fn encode_layout(layout: Layout) -> [u8; 5] {
    let [a, b, c, d] = layout.indent.to_be_bytes();
    [a, b, c, d, u8::from(layout.line_end)]
}

fn push_field(encoding: &mut Vec<u8>, tag: u8, content: &[u8]) {
    encoding.push(tag);
    encoding.extend_from_slice(&field_length(content.len()));
    encoding.extend_from_slice(content);
}

fn field_length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("documents are far below 4 GiB").to_be_bytes()
}

/// A tag and a length.
const FIELD_HEAD_BYTES: usize = 5;
/// Follows a scalar in clear whose meaning depends on its layout.
const LAYOUT_EVENT: u8 = 20;
/// Stands for a sealed comment.
const COMMENT_EVENT: u8 = 21;
