//! Opening a structured document: what is checked without a key, then every token, then the result
//! (docs/format.md section 6, "Opening").

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use super::file::{Opened, OpenedToken};
use super::header::{Comments, Header, HeaderMac};
use super::parallel::{each, in_parts};
use super::payload::{FileSecrets, Mismatch};
use super::pieces::{Part, Pieces};
use super::place::{self, Places};
use super::token::{Token, TokenError, TokenKind};
use crate::crypto::{self, AssociatedData, Family, LeafId};
use crate::document::{self, Document, Extent, Format, Item, KeyPath, Leaf, Span, into_bytes, into_text, splice};

/// Opening a structured document.
pub(super) struct DocumentOpening<'a> {
    pub(super) header: &'a Header,
    pub(super) mac: HeaderMac,
    pub(super) text: &'a str,
    pub(super) document: &'a Document,
    pub(super) lines_before: usize,
}

/// The tokens of a document, read and put in relation to their places.
pub(super) struct Tokens {
    pub(super) values: Vec<OpenedToken>,
    pub(super) comments: Vec<OpenedToken>,
    comment_ids: Vec<LeafId>,
    places: Places,
}

/// The tokens of a document, and what they hold, not yet compared with the result.
struct Restored {
    values: Vec<OpenedToken>,
    comments: Vec<OpenedToken>,
    sources: Pieces<Zeroizing<String>>,
    plaintext: Zeroizing<String>,
}

impl DocumentOpening<'_> {
    /// Opens every token and returns the plaintext, if it is exactly what was sealed.
    pub(super) fn open(&self, secrets: FileSecrets) -> Result<Opened, OpenError> {
        let Restored { values, comments, sources, plaintext } = self.restore(&secrets)?;
        let items = document::parse_text(self.header.format, &plaintext, Extent::Items)
            .map_err(|error| OpenError::Changed { line: error.line + self.lines_before, key: String::new() })?;
        self.compare(&plaintext, &items, &sources)?;
        Ok(Opened {
            header: self.header.clone(),
            mac: self.mac,
            secrets,
            plaintext: into_bytes(plaintext),
            items: Some(items),
            document: OnceLock::new(),
            values,
            comments,
            body: None,
        })
    }

    /// Tells whether the file opens to exactly this plaintext, which was parsed already.
    pub(super) fn opens_to(&self, secrets: &FileSecrets, plaintext: &str, document: &Document) -> bool {
        self.restore(secrets).is_ok_and(|restored| {
            *restored.plaintext == plaintext && self.compare(plaintext, document, &restored.sources).is_ok()
        })
    }

    /// Opens every token and puts the source texts in place.
    fn restore(&self, secrets: &FileSecrets) -> Result<Restored, OpenError> {
        let tokens = self.tokens()?;
        let mut sources = Pieces::new(tokens.values.len() + tokens.comments.len());
        for (opened, family) in [(&tokens.values, Family::Leaf), (&tokens.comments, Family::Comment)] {
            for part in in_parts(opened.len(), |part| open_part(secrets, family, &opened[part])) {
                // What can be said without a key of where a token was sealed for says more.
                sources.push(
                    part.map_err(|item| self.check_intact(&tokens).err().unwrap_or_else(|| self.forged(item, None)))?,
                );
            }
        }
        if !tokens.comments.is_empty() {
            sources.sort();
        }
        let plaintext = splice(self.text, sources.iter().map(|(item, source)| (self.span(item), source)));
        Ok(Restored { values: tokens.values, comments: tokens.comments, sources, plaintext })
    }

    /// Checks all that can be checked without a key.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        self.check_intact(&self.tokens()?)
    }

    /// Returns what each value's token is bound to where it stands.
    pub(super) fn bound(&self) -> Result<HashMap<LeafId, AssociatedData>, OpenError> {
        let values = self.tokens()?.values;
        Ok(values.into_iter().map(|opened| (opened.token.sealed.id(), opened.associated_data)).collect())
    }

    /// Reads the tokens of values and of comments, and refuses what stands where it cannot stand.
    pub(super) fn tokens(&self) -> Result<Tokens, OpenError> {
        let header = self.header;
        let places = Places::of(
            header.format,
            self.document,
            self.text,
            |leaf| header.seals(&leaf.path),
            |comment| header.comments.seals(comment) || Token::is_likely(comment),
        );
        let comments = self.comment_tokens(&places)?;
        let comment_ids: Vec<LeafId> = comments.iter().map(|opened| opened.token.sealed.id()).collect();
        let values = self.value_tokens(&places, &comment_ids)?;
        self.check_clear_comments()?;
        self.check_clear_leaves()?;
        self.check_ids(&values, &comments)?;
        match (header.body, values.is_empty()) {
            (None, false) => {}
            (Some(body), true) if places.body_digest(body.salt, &comment_ids) == body => {}
            _ => return Err(OpenError::Digest),
        }
        Ok(Tokens { values, comments, comment_ids, places })
    }

    /// Compares the checksums with the places.
    pub(super) fn check_intact(
        &self,
        Tokens { values, comments, comment_ids, places }: &Tokens,
    ) -> Result<(), OpenError> {
        let broken = |opened: &[OpenedToken]| {
            let is_intact = |index: usize| opened[index].token.sealed.is_intact(opened[index].associated_data);
            each(opened.len(), is_intact).into_iter().position(|is_intact| !is_intact)
        };
        if let Some(index) = broken(values) {
            return Err(self.explain(places, values, comment_ids, index));
        }
        match broken(comments) {
            Some(index) => Err(self.forged(comments[index].item, None)),
            None => Ok(()),
        }
    }

    fn value_tokens(&self, places: &Places, comments: &[LeafId]) -> Result<Vec<OpenedToken>, OpenError> {
        // Only the first that is wrong is told, as it takes a look at all of the text before it to name its line.
        let first_wrong = AtomicUsize::new(usize::MAX);
        let read = each(places.values.len(), |index| {
            if index > first_wrong.load(Ordering::Relaxed) {
                return None;
            }
            let token = self.value_token(places.values[index].item);
            if token.is_err() {
                first_wrong.fetch_min(index, Ordering::Relaxed);
            }
            Some(token)
        });
        let mut opened = read.into_iter().flatten().collect::<Result<Vec<OpenedToken>, OpenError>>()?;
        let bound = in_parts(opened.len(), |part| {
            let mut encoding = Vec::new();
            let bound = part.map(|index| {
                let previous = index.checked_sub(1).map(|previous| opened[previous].token.sealed.id());
                let stamp = &opened[index].token.stamp;
                places.of_value(index, self.header.file_id, stamp, previous, comments, &mut encoding)
            });
            bound.collect::<Vec<_>>()
        });
        for (opened, bound) in opened.iter_mut().zip(bound.into_iter().flatten()) {
            opened.associated_data = bound;
        }
        Ok(opened)
    }

    fn value_token(&self, item: usize) -> Result<OpenedToken, OpenError> {
        match self.token(item)? {
            None => Err(self.half_encrypted(item)),
            Some(token) if token.stamp.kind == TokenKind::Comment => Err(self.misplaced(item, Misplacement::OtherKind)),
            // What it is bound to depends on the token before it, and follows.
            Some(token) => Ok(OpenedToken { item, token, associated_data: AssociatedData([0; 32]) }),
        }
    }

    fn comment_tokens(&self, places: &Places) -> Result<Vec<OpenedToken>, OpenError> {
        let mut tokens = Vec::with_capacity(places.comments.len());
        for item in places.comments.iter().copied() {
            let token = self.token(item)?.ok_or_else(|| self.half_encrypted(item))?;
            if self.header.comments == Comments::Clear {
                return Err(self.misplaced(item, Misplacement::ClearPlace));
            }
            if token.stamp.kind != TokenKind::Comment {
                return Err(self.misplaced(item, Misplacement::OtherKind));
            }
            let associated_data = place::of_comment(self.header.file_id, &token.stamp);
            tokens.push(OpenedToken { item, token, associated_data });
        }
        Ok(tokens)
    }

    /// Reads the token at an item; `None` when something else stands there.
    fn token(&self, item: usize) -> Result<Option<Token>, OpenError> {
        let token = Token::parse(token_text(self.header.format, self.text, &self.document.items[item]));
        let token = token.map_err(|error| self.misplaced(item, Misplacement::Token(error)))?;
        match &token {
            Some(token) if token.stamp.generation > self.header.generation => {
                Err(self.misplaced(item, Misplacement::NewerKey))
            }
            _ => Ok(token),
        }
    }

    fn check_clear_leaves(&self) -> Result<(), OpenError> {
        if self.header.cleartext.is_empty() {
            return Ok(());
        }
        for (index, item) in self.document.items.iter().enumerate() {
            if let Item::Leaf(leaf) = item
                && !self.header.seals(&leaf.path)
                && Token::is_likely(&leaf.value)
            {
                return Err(self.misplaced(index, Misplacement::ClearPlace));
            }
        }
        Ok(())
    }

    /// Refuses a comment in clear with a character that ends a line for some readers: what follows it would be a value
    /// to them, and it is bound by nothing.
    fn check_clear_comments(&self) -> Result<(), OpenError> {
        let breaks_line = |item: &Item| match item {
            Item::Comment(comment) => comment.span.of(self.text).contains(breaks_line_somewhere),
            Item::Event(_) | Item::Leaf(_) => false,
        };
        match self.document.items.iter().position(breaks_line) {
            Some(item) => Err(self.half_encrypted(item)),
            None => Ok(()),
        }
    }

    fn check_ids(&self, values: &[OpenedToken], comments: &[OpenedToken]) -> Result<(), OpenError> {
        let ids = values.iter().chain(comments).map(|opened| u64::from_ne_bytes(opened.token.sealed.id().0));
        let mut sorted: Vec<u64> = ids.collect();
        sorted.sort_unstable();
        if sorted.windows(2).all(|pair| pair[0] != pair[1]) {
            return Ok(());
        }
        let mut ids: HashSet<LeafId> = HashSet::new();
        match values.iter().chain(comments).find(|opened| !ids.insert(opened.token.sealed.id())) {
            Some(duplicate) => Err(self.misplaced(duplicate.item, Misplacement::Duplicate)),
            None => Ok(()),
        }
    }

    /// Demands that the parsed plaintext has the same items as the encrypted document, each source text exactly where it
    /// was put: a text like `a, b` must not become two items of a list.
    fn compare(
        &self,
        plaintext: &str,
        document: &Document,
        sources: &Pieces<Zeroizing<String>>,
    ) -> Result<(), OpenError> {
        let shorter = self.document.items.len().min(document.items.len());
        let differs = in_parts(shorter, |mut part| {
            let mut sources = sources.iter_from(part.start).peekable();
            part.find(|index| {
                let (sealed, opened) = (&self.document.items[*index], &document.items[*index]);
                let source = sources.next_if(|(item, _)| item == index);
                let expected = source.map_or_else(|| span_of(sealed).of(self.text), |(_, source)| source);
                !is_same(sealed, opened) || span_of(opened).of(plaintext) != expected
            })
        });
        let differs = differs
            .into_iter()
            .flatten()
            .next()
            .or_else(|| (self.document.items.len() != document.items.len()).then(|| shorter.saturating_sub(1)));
        match differs {
            Some(item) => Err(OpenError::Changed { line: self.line(item), key: self.key(item) }),
            None => Ok(()),
        }
    }

    /// Says of a token that does not fit its place where it was sealed for, if that place is in the file.
    fn explain(&self, places: &Places, values: &[OpenedToken], comments: &[LeafId], broken: usize) -> OpenError {
        let token = &values[broken].token;
        if token.sealed.ciphertext.len().saturating_mul(values.len()) > MAX_SEARCH {
            return self.forged(values[broken].item, None);
        }
        let id_at = |index: usize| values[index].token.sealed.id();
        let mut encoding = Vec::new();
        let from = (0..places.values.len()).filter(|index| *index != broken).find(|index| {
            let before = index.checked_sub(1).map(id_at);
            // Where two neighbours were swapped, the token before the old place is the one that was moved here.
            [before, Some(id_at(*index)), Some(id_at(broken)), broken.checked_sub(1).map(id_at)].into_iter().any(
                |previous| {
                    token.sealed.is_intact(places.of_value(
                        *index,
                        self.header.file_id,
                        &token.stamp,
                        previous,
                        comments,
                        &mut encoding,
                    ))
                },
            )
        });
        self.forged(values[broken].item, from.map(|index| self.key(places.values[index].item)))
    }

    fn forged(&self, item: usize, from: Option<String>) -> OpenError {
        OpenError::Forged { line: self.line(item), key: self.key(item), from }
    }

    pub(super) fn half_encrypted(&self, item: usize) -> OpenError {
        OpenError::HalfEncrypted { line: self.line(item), key: self.key(item) }
    }

    fn misplaced(&self, item: usize, problem: Misplacement) -> OpenError {
        OpenError::Misplaced { line: self.line(item), key: self.key(item), problem }
    }

    fn span(&self, item: usize) -> Span {
        span_of(&self.document.items[item])
    }

    pub(super) fn line(&self, item: usize) -> usize {
        document::position(self.text, self.span(item).start).0 + self.lines_before
    }

    /// Returns the key path of a leaf; for anything else that of the next leaf.
    pub(super) fn key(&self, item: usize) -> String {
        let is_comment = matches!(self.document.items[item], Item::Comment(_));
        let next = self.document.items[item..].iter().find_map(|item| match item {
            Item::Leaf(Leaf { path, .. }) => Some(path),
            Item::Comment(_) | Item::Event(_) => None,
        });
        let key = next.map_or_else(|| "the end".to_owned(), KeyPath::to_string);
        if is_comment { format!("comment before {key}") } else { key }
    }
}

/// Opens some tokens; else returns the item of the first that cannot be.
fn open_part(secrets: &FileSecrets, family: Family, tokens: &[OpenedToken]) -> Result<Part<Zeroizing<String>>, usize> {
    let room = tokens.iter().map(|opened| opened.token.sealed.ciphertext.len()).sum();
    let mut buffer = Zeroizing::new(Vec::with_capacity(room));
    let mut ends = Vec::with_capacity(tokens.len());
    for OpenedToken { item, token, associated_data } in tokens {
        let start = buffer.len();
        crypto::open_into(secrets.keys(), family, *associated_data, &token.sealed, &mut buffer).map_err(|_| *item)?;
        str::from_utf8(&buffer[start..]).map_err(|_| *item)?;
        ends.push((*item, buffer.len()));
    }
    let buffer = into_text(buffer).expect("texts one behind the other are text");
    Ok(Part { buffer, ends })
}

/// Why a file is not authentic.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The body of an opaque file was changed or cut.
    #[error("the encrypted content was changed or cut off")]
    Body,
    /// The parsed plaintext is not what was sealed.
    #[error("line {line}: the document around `{key}` was changed, so that it would be read differently")]
    Changed {
        /// The line in the file, from 1.
        line: usize,
        /// The nearest key.
        key: String,
    },
    /// The structure of a document without any token was changed.
    #[error("the document was changed, or all its encrypted values were removed")]
    Digest,
    /// A token, or something around it, was changed.
    #[error("line {line}: the encrypted value of `{key}` was changed{}", moved(.from.as_ref()))]
    Forged {
        /// The line in the file, from 1.
        line: usize,
        /// Where it stands.
        key: String,
        /// The place it was sealed for, where that is known.
        from: Option<String>,
    },
    /// A leaf or comment that must be sealed is not.
    #[error("line {line}: `{key}` is not encrypted, though the header says it must be")]
    HalfEncrypted {
        /// The line in the file, from 1.
        line: usize,
        /// Which leaf; for a comment what it stands before.
        key: String,
    },
    /// The header was changed.
    #[error("the header was changed by somebody without the data key")]
    HeaderMac,
    /// The wrapped key belongs to another header.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// A sealed recipe in the header was not sealed for the key at which it stands.
    #[error("the sealed recipe of `{key}` was changed, or sealed for another value")]
    Recipe {
        /// The key.
        key: String,
    },
    /// A leaf that must be in clear is a token, or two tokens have one id.
    #[error("line {line}: the encrypted value of `{key}` {problem}")]
    Misplaced {
        /// The line in the file, from 1.
        line: usize,
        /// Where it stands.
        key: String,
        /// What is wrong.
        problem: Misplacement,
    },
}

/// Why a token cannot stand where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misplacement {
    /// The header says that this leaf is in clear.
    #[error("stands where the header wants a value in clear")]
    ClearPlace,
    /// Another token has the same id.
    #[error("stands in the file twice")]
    Duplicate,
    /// The generation is higher than the header's.
    #[error("is of a newer data key than the header")]
    NewerKey,
    /// A token of a comment stands for a value, or the reverse.
    #[error("is that of a comment, or the comment's that of a value")]
    OtherKind,
    /// The text is no token.
    #[error(transparent)]
    Token(#[from] TokenError),
}

fn moved(from: Option<&String>) -> String {
    match from {
        Some(from) => format!(": it was sealed for `{from}`"),
        None => ", moved, or stands beside something that was added, removed or renamed".to_owned(),
    }
}

/// Returns the text that is a token if the item is sealed: without the quotes that the format demands.
pub(super) fn token_text<'a>(format: Format, text: &'a str, item: &Item) -> &'a str {
    let source = span_of(item).of(text);
    match (item, format) {
        (Item::Leaf(_), Format::Json | Format::Toml) => {
            source.strip_prefix('"').and_then(|source| source.strip_suffix('"')).unwrap_or_default()
        }
        _ => source,
    }
}

pub(super) fn span_of(item: &Item) -> Span {
    match item {
        Item::Comment(comment) => comment.span,
        Item::Event(event) => event.span,
        Item::Leaf(leaf) => leaf.span,
    }
}

/// Tells whether two items are of one kind and, if they are leaves, at one path.
fn is_same(one: &Item, other: &Item) -> bool {
    match (one, other) {
        (Item::Comment(_), Item::Comment(_)) => true,
        (Item::Event(one), Item::Event(other)) => one.kind == other.kind,
        (Item::Leaf(one), Item::Leaf(other)) => one.path == other.path,
        _ => false,
    }
}

/// Tells whether a reader of some format or library takes this character for a line end, or does not show it.
pub(super) fn breaks_line_somewhere(character: char) -> bool {
    matches!(character, '\0'..='\x08' | '\x0a'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// How many bytes are hashed, about, to find out where a token came from.
const MAX_SEARCH: usize = 16 << 20;
