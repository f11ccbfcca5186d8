//! What can be said of every sealed value without a key: where it stands, when it was sealed, whether it is as it was.

use super::file::{EncryptedFile, OpenedToken};
use super::opening::{DocumentOpening, OpenError, token_text};
use super::token::{BodyStamp, Stamp, Token};
use crate::crypto::{LeafId, SALT_BYTES};
use crate::document::Item;

/// A sealed value, comment or whole body, as it stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedPlace {
    /// The index of its leaf or comment in the items of the document; 0 for a body.
    pub item: usize,
    /// Its name over all changes of it.
    pub id: LeafId,
    /// What differs between any two ciphertexts: the salt without the id.
    pub salt: [u8; SALT_BYTES - 8],
    /// The day and data key of its last replacement; for a comment `None`.
    pub stamp: Option<(jiff::civil::Date, u32)>,
}

impl SealedPlace {
    fn new(item: usize, salt: &[u8; SALT_BYTES], stamp: Option<(jiff::civil::Date, u32)>) -> Self {
        let (mut id, mut rest) = ([0; 8], [0; SALT_BYTES - 8]);
        id.copy_from_slice(&salt[..8]);
        rest.copy_from_slice(&salt[8..]);
        Self { item, id: LeafId(id), salt: rest, stamp }
    }

    pub(super) fn of_body(stamp: &BodyStamp) -> Self {
        Self::new(0, &stamp.salt, Some((stamp.day, stamp.generation)))
    }
}

/// What a file says of its values by itself, whether or not that is as it was sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// The sealed values in document order, or the content that is sealed as a whole.
    pub values: Vec<SealedMark>,
    /// How many comments are sealed.
    pub comments: usize,
    /// How many values stand in clear.
    pub clear: usize,
}

/// A sealed value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedMark {
    /// Its name over all changes of it.
    pub id: LeafId,
    /// Its key path; `None` for a file that is sealed as a whole.
    pub key: Option<String>,
    /// The UTC day on which it was last replaced.
    pub since: jiff::civil::Date,
    /// The data key's number on that day.
    pub generation: u32,
}

impl SealedMark {
    /// Returns the mark of a file that is sealed as a whole.
    pub fn of_body(stamp: &BodyStamp) -> Self {
        let id = SealedPlace::of_body(stamp).id;
        Self { id, key: None, since: stamp.day, generation: stamp.generation }
    }
}

impl EncryptedFile {
    /// Returns what is sealed, also in a file that would not open: for what somebody with its key could have read.
    pub fn marks(&self) -> Marks {
        let mut marks = Marks::default();
        let Some((text, document)) = self.text_and_document() else {
            let stamp = self.opaque_body().and_then(BodyStamp::split);
            marks.values.extend(stamp.map(|(stamp, _)| SealedMark::of_body(&stamp)));
            return marks;
        };
        for item in &document.items {
            let token = Token::parse(token_text(self.header().format, text, item));
            match (item, token) {
                (Item::Leaf(leaf), Ok(Some(token))) => marks.values.push(SealedMark {
                    id: token.sealed.id(),
                    key: Some(leaf.path.to_string()),
                    since: token.stamp.day,
                    generation: token.stamp.generation,
                }),
                (Item::Leaf(_), Ok(None)) => marks.clear += 1,
                (Item::Comment(_), Ok(Some(_))) => marks.comments += 1,
                _ => {}
            }
        }
        marks
    }
}

impl DocumentOpening<'_> {
    /// Checks all that can be checked without a key; returns what is sealed, or all that is not and must be, or the
    /// first thing that is broken.
    pub(super) fn survey(&self) -> Result<Vec<SealedPlace>, Vec<OpenError>> {
        let unsealed = self.unsealed();
        if !unsealed.is_empty() {
            return Err(unsealed);
        }
        let tokens = self.tokens().map_err(|error| vec![error])?;
        self.check_intact(&tokens).map_err(|error| vec![error])?;
        let place = |opened: &OpenedToken, stamp: Option<Stamp>| {
            let stamp = stamp.map(|stamp| (stamp.day, stamp.generation));
            SealedPlace::new(opened.item, &opened.token.sealed.salt, stamp)
        };
        let values = tokens.values.iter().map(|opened| place(opened, Some(opened.token.stamp)));
        let comments = tokens.comments.iter().map(|opened| place(opened, None));
        Ok(values.chain(comments).collect())
    }

    /// Returns the leaves and comments in clear that the header wants sealed: each may be a secret.
    fn unsealed(&self) -> Vec<OpenError> {
        let header = self.header;
        let is_unsealed = |item: &Item| {
            let is_sealed = match item {
                Item::Leaf(leaf) => header.seals(&leaf.path),
                Item::Comment(comment) => header.comments.seals(comment.span.of(self.text)),
                Item::Event(_) => false,
            };
            is_sealed && !Token::is_likely(token_text(header.format, self.text, item))
        };
        let items = self.document.items.iter().enumerate();
        let unsealed = items.filter(|(_, item)| is_unsealed(item)).map(|(index, _)| self.half_encrypted(index));
        unsealed.take(MAX_UNSEALED).collect()
    }
}

/// How many are named; in a file of which nothing is sealed that is enough.
const MAX_UNSEALED: usize = 100;
