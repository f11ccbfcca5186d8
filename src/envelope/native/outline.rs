//! What one version of a file says without a key, in a form that two versions can be compared by.
//!
//! Nothing of it is authenticated, and no value is in it: of what stands in clear only a digest.

use std::collections::HashMap;

use jiff::civil::Date;
use sha2::{Digest as _, Sha256};

use super::file::{EncryptedFile, Opened, ReadError};
use super::header::Header;
use super::opaque::OpaqueTop;
use super::opening::{OpenError, span_of, token_text};
use super::token::{BodyStamp, Stamp, Token};
use crate::crypto::{AssociatedData, LeafId};
use crate::document::path::Component;
use crate::document::{self, Content, Document, EventKind, Extent, Format, Item, KeyPath, Node, SyntaxError};

/// One version of a file, without a key.
pub struct Outline {
    /// Whether there is no file at all.
    pub is_absent: bool,
    /// Its header; `None` for a plaintext, and for what cannot be read.
    pub header: Option<Header>,
    /// What is wrong with it.
    pub problem: Option<OutlineProblem>,
    /// Its values, in document order.
    pub values: Vec<OutlinedValue>,
    /// Its comments, in document order.
    pub comments: Vec<OutlinedComment>,
    /// Its content, where it has no keys.
    pub body: Option<BodyMark>,
    /// Tags, anchors and directives.
    pub(super) markup: [u8; 32],
}

/// Why a version has no outline, or none that can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum OutlineProblem {
    /// A value was changed by hand, or git merged what does not fit together.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is no encrypted file that can be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is a plaintext that cannot be parsed.
    #[error("it is not valid {}: {source}", format.title())]
    Syntax {
        /// The format that it should have.
        format: Format,
        /// What is wrong.
        #[source]
        source: SyntaxError,
    },
}

/// A value, a null or an empty container.
pub struct OutlinedValue {
    /// Where it stands.
    pub path: KeyPath,
    /// What stands there.
    pub held: Held,
}

/// What stands at the end of a key path.
#[derive(Clone, PartialEq, Eq)]
pub enum Held {
    /// A reference to another value.
    Alias(String),
    /// A value in clear.
    Clear(Exact),
    /// A list without items.
    EmptyList,
    /// A map without keys.
    EmptyMap,
    /// Nothing.
    Null,
    /// A token.
    Sealed(TokenMark),
}

/// A token, as far as versions are compared by it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenMark {
    /// The leaf's name over its life.
    pub id: LeafId,
    /// What it says in clear.
    pub stamp: Stamp,
    /// The digest of all of it: it is fresh whenever something is sealed.
    pub digest: [u8; 32],
    /// The length of the ciphertext.
    pub length: usize,
    /// What it is bound to, where that could be told.
    pub associated_data: Option<AssociatedData>,
    /// What it holds, where the file was opened.
    pub exact: Option<Exact>,
}

/// A value that is known, as far as it is compared. Only its digests are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    /// Of its spelling.
    pub source: [u8; 32],
    /// Of its type and value.
    pub value: [u8; 32],
}

/// A comment.
pub struct OutlinedComment {
    /// The value behind it.
    pub before: Option<KeyPath>,
    /// Its text: a token, or the digest of what stands in clear.
    pub held: Held,
}

/// The content of a file without keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BodyMark {
    /// When it was sealed.
    pub stamp: Option<BodyStamp>,
    /// What is known of its bytes; of a large file it is the salt, which is fresh for every content.
    pub digest: [u8; 32],
}

impl Outline {
    /// Outlines a file; `format` is that of a plaintext.
    pub fn of(file: &[u8], format: Format) -> Self {
        match EncryptedFile::parse_to(file, Extent::Tree) {
            Ok(encrypted) => encrypted.outline(),
            Err(ReadError::NotEncrypted) => Self::of_plaintext(file, format),
            Err(error) => Self { problem: Some(error.into()), ..Self::empty() },
        }
    }

    /// Outlines an opaque file of which only the top was read.
    pub fn of_top(top: &OpaqueTop) -> Self {
        let stamp = top.stamp();
        let digest = stamp.map_or([0; 32], |stamp| digest(stamp.to_string().as_bytes()));
        let problem = stamp.is_none().then_some(OutlineProblem::Open(OpenError::Body));
        let body = Some(BodyMark { stamp, digest });
        Self { header: Some(top.header().clone()), problem, body, ..Self::empty() }
    }

    /// Outlines a file that is not read: it is known by a digest or name of its content only.
    pub fn of_unread(content: &[u8]) -> Self {
        Self { body: Some(BodyMark { stamp: None, digest: digest(content) }), ..Self::empty() }
    }

    /// Returns the outline of no file.
    pub fn absent() -> Self {
        Self { is_absent: true, ..Self::empty() }
    }

    fn empty() -> Self {
        Self {
            is_absent: false,
            header: None,
            problem: None,
            values: Vec::new(),
            comments: Vec::new(),
            body: None,
            markup: [0; 32],
        }
    }

    /// Tells whether nothing is known of it: it is neither an encrypted file nor a plaintext that can be read.
    pub fn is_unreadable(&self) -> bool {
        self.header.is_none() && self.problem.is_some()
    }

    /// Returns the last day that the version speaks of: it is not older.
    pub fn latest_day(&self) -> Option<Date> {
        let header = self.header.iter();
        let header =
            header.flat_map(|header| header.exposed.iter().map(|exposure| exposure.day).chain([header.created]));
        let held = self.values.iter().map(|value| &value.held).chain(self.comments.iter().map(|comment| &comment.held));
        let stamps = held.filter_map(|held| Some(held.token()?.stamp.day));
        header.chain(stamps).chain(self.body.and_then(|body| Some(body.stamp?.day))).max()
    }

    fn of_plaintext(file: &[u8], format: Format) -> Self {
        let body = Some(BodyMark { stamp: None, digest: digest(file) });
        let (true, Ok(text)) = (format.is_structured(), str::from_utf8(file)) else {
            return Self { body, ..Self::empty() };
        };
        if text.len() > document::MAX_BYTES {
            return Self { body, ..Self::empty() };
        }
        match document::parse(format, text) {
            Ok(document) => Self::of_document(text, &document, |item| Held::Clear(exact(text, item))),
            Err(source) => Self { body, problem: Some(OutlineProblem::Syntax { format, source }), ..Self::empty() },
        }
    }

    fn of_document(text: &str, document: &Document, held: impl Fn(&Item) -> Held) -> Self {
        let mut values = Vec::new();
        for (index, root) in document.roots.iter().enumerate() {
            let start = if index == 0 { KeyPath::default() } else { KeyPath(vec![Component::Document(index)]) };
            collect(document, root, &start, &held, &mut values);
        }
        let mut comments: Vec<OutlinedComment> = Vec::new();
        let mut waiting = 0;
        let mut markup = Sha256::new();
        for item in &document.items {
            match item {
                Item::Comment(_) => comments.push(OutlinedComment { before: None, held: held(item) }),
                Item::Event(event) => {
                    let is_markup = matches!(
                        event.kind,
                        EventKind::Anchor | EventKind::Directive | EventKind::Export | EventKind::Tag
                    );
                    if is_markup {
                        markup.update([event.kind as u8]);
                        markup.update(digest(event.span.of(text).as_bytes()));
                    }
                }
                Item::Leaf(leaf) => {
                    comments[waiting..].iter_mut().for_each(|comment| comment.before = Some(leaf.path.clone()));
                    waiting = comments.len();
                }
            }
        }
        Self { values, comments, markup: markup.finalize().into(), ..Self::empty() }
    }
}

impl Outline {
    /// Takes in what the values and comments hold, so that they are compared by that.
    pub fn learn(&mut self, opened: &Opened) {
        let (Some(document), Ok(text)) = (&opened.items, str::from_utf8(&opened.plaintext)) else {
            if let Some(body) = &mut self.body {
                body.digest = digest(&opened.plaintext);
                body.stamp = None;
            }
            return;
        };
        let tokens = opened.values.iter().chain(&opened.comments);
        let known: HashMap<LeafId, Exact> =
            tokens.map(|token| (token.token.sealed.id(), exact(text, &document.items[token.item]))).collect();
        let values = self.values.iter_mut().map(|value| &mut value.held);
        for held in values.chain(self.comments.iter_mut().map(|comment| &mut comment.held)) {
            if let Held::Sealed(token) = held {
                token.exact = known.get(&token.id).copied();
            }
        }
    }
}

impl Held {
    /// Returns what is known of the value.
    pub fn exact(&self) -> Option<Exact> {
        match self {
            Self::Clear(exact) => Some(*exact),
            Self::Sealed(token) => token.exact,
            _ => None,
        }
    }

    /// Returns the token.
    pub fn token(&self) -> Option<&TokenMark> {
        if let Self::Sealed(token) = self { Some(token) } else { None }
    }
}

impl EncryptedFile {
    /// Returns what the file says without a key, for a comparison with another version.
    pub fn outline(&self) -> Outline {
        let header = Some(self.header().clone());
        let Some((text, items)) = self.text_and_document() else {
            let body = self.opaque_body().unwrap_or_default();
            let stamp = BodyStamp::split(body).map(|(stamp, _)| stamp);
            // The salt is fresh for every content, and so stands for it, whatever the size.
            let digest = stamp.map_or_else(|| digest(body), |stamp| digest(stamp.to_string().as_bytes()));
            let body = Some(BodyMark { stamp, digest });
            return Outline { header, body, problem: self.check().err().map(Into::into), ..Outline::empty() };
        };
        let (bound, problem) = match self.bound_tokens() {
            Ok(bound) => (bound, self.check().err()),
            Err(error) => (HashMap::new(), Some(error)),
        };
        let format = self.header().format;
        let with_tree = if items.roots.is_empty() { self.document() } else { None };
        let document = with_tree.as_ref().unwrap_or(items);
        let whole = text;
        let held = |item: &Item| {
            let text = token_text(format, text, item);
            match Token::parse(text) {
                Ok(Some(token)) => Held::Sealed(TokenMark {
                    id: token.sealed.id(),
                    stamp: token.stamp,
                    digest: digest(text.as_bytes()),
                    length: token.sealed.ciphertext.len(),
                    associated_data: bound.get(&token.sealed.id()).copied(),
                    exact: None,
                }),
                _ => Held::Clear(exact(whole, item)),
            }
        };
        let outline = Outline::of_document(text, document, held);
        Outline { header, problem: problem.map(Into::into), ..outline }
    }
}

/// Returns the values below a node, nulls and empty containers included.
fn collect(
    document: &Document,
    node: &Node,
    path: &KeyPath,
    held: &impl Fn(&Item) -> Held,
    values: &mut Vec<OutlinedValue>,
) {
    let held = match &node.content {
        Content::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                collect(document, item, &path.child(Component::Item(index)), held, values);
            }
            return;
        }
        Content::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                collect(document, &entry.node, &path.child(entry.key.clone()), held, values);
            }
            return;
        }
        Content::Alias(name) => Held::Alias(name.clone()),
        Content::Leaf(index) => held(&document.items[*index]),
        Content::List(_) => Held::EmptyList,
        Content::Map(_) => Held::EmptyMap,
        Content::Null => Held::Null,
    };
    values.push(OutlinedValue { path: path.clone(), held });
}

fn exact(text: &str, item: &Item) -> Exact {
    let source = digest(span_of(item).of(text).as_bytes());
    let value = match item {
        Item::Leaf(leaf) => {
            Sha256::new().chain_update([leaf.kind as u8]).chain_update(leaf.value.as_bytes()).finalize().into()
        }
        Item::Comment(_) | Item::Event(_) => source,
    };
    Exact { source, value }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
