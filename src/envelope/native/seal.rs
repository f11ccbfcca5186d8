//! Writing an encrypted file: a new one, or one that takes up the tokens of what it replaces.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::carrier::{self, Carrier};
use super::file::{EncryptedFile, Opened, OpenedToken};
use super::follow::follow;
use super::header::{BodyDigest, Header, HeaderMac, Mode, SignedHeader};
use super::known::Known;
use super::opening::{breaks_line_somewhere, span_of};
use super::parallel::in_parts;
use super::payload::FileSecrets;
use super::pieces::{Part, Pieces};
use super::place::{self, Places};
use super::recipe;
use super::reuse::{Candidate, Origin, comment_origins, origins};
use super::token::{BodyStamp, Stamp, Token, TokenKind};
use super::values::SaidOfValues;
use crate::crypto::{self, Family, FileKeys, LeafId, random};
use crate::document::{self, Document, Extent, Format, Item, KeyPath, Leaf, Problem, ScalarKind, SyntaxError, splice};

/// A plaintext that cannot be sealed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// A comment that stays in clear has a character that some readers take for a line end.
    #[error("line {line}: this comment has a control character or line separator in it and would stay in clear")]
    UnsafeComment {
        /// The line in the plaintext, from 1.
        line: usize,
    },
    /// A value or comment is an encrypted one from elsewhere.
    #[error("line {line}: an encrypted value stands here; it cannot be encrypted again")]
    AlreadyToken {
        /// The line in the plaintext, from 1.
        line: usize,
    },
    /// The plaintext holds something that would be taken for a header.
    #[error("line {line}: this would be taken for the header of an encrypted file")]
    LooksLikeHeader {
        /// The line in the plaintext, from 1.
        line: usize,
    },
    /// A header is to keep a sealed recipe that was sealed for another file.
    #[error("the sealed recipe of `{key}` was not sealed for a value of this file")]
    ForeignRecipe {
        /// The key at which it stands.
        key: String,
    },
    /// The plaintext is not UTF-8 although its format is text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// What was written does not open to what was read. Nothing is lost: it is never put into a file.
    #[error("the encrypted form does not open to the same bytes; please report this")]
    RoundTrip,
    /// The plaintext cannot be parsed.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// There are so many patterns for so many keys that comparing them would take too long.
    #[error("there are too many cleartext patterns for so many keys")]
    TooManyPatterns,
}

/// Seals a plaintext under a header, and opens the result again before it is returned.
///
/// The header's `wrapped_key` must hold the payload of `secrets`. With `previous`, the tokens of unchanged leaves are
/// taken up (if the data key is the same), values keep their days, and the revision grows by one if any other field
/// of the header differs.
///
/// # Errors
/// When the plaintext cannot be parsed, or is not plain.
pub fn seal(
    plaintext: &[u8],
    header: Header,
    secrets: &FileSecrets,
    previous: Option<&Opened>,
    today: Date,
) -> Result<Vec<u8>, SealError> {
    write(plaintext, &Sealing { header: &header, secrets, previous, restored: None, moved: &[], today })
}

/// Seals a plaintext in which values stand that stood elsewhere in `previous`: each pair is a new key path and the one
/// whose day and generation its value brings along, if it is the same value. See [`seal()`].
///
/// # Errors
/// As [`seal()`].
pub fn seal_moved(
    plaintext: &[u8],
    header: Header,
    secrets: &FileSecrets,
    previous: &Opened,
    moved: &[(KeyPath, KeyPath)],
    today: Date,
) -> Result<Vec<u8>, SealError> {
    write(plaintext, &Sealing { header: &header, secrets, previous: Some(previous), restored: None, moved, today })
}

/// Seals a plaintext with values that are put back: they keep the day and the generation that they had in `restored`, so
/// that one which a former reader knows stays known as such. See [`seal()`].
///
/// # Errors
/// As [`seal()`].
pub fn seal_restored(
    plaintext: &[u8],
    header: Header,
    secrets: &FileSecrets,
    previous: Option<&Opened>,
    restored: Option<&Opened>,
    today: Date,
) -> Result<Vec<u8>, SealError> {
    write(plaintext, &Sealing { header: &header, secrets, previous, restored, moved: &[], today })
}

/// Seals a plaintext, and opens the result again.
fn write(plaintext: &[u8], sealing: &Sealing<'_>) -> Result<Vec<u8>, SealError> {
    let Sealing { header, secrets, .. } = sealing;
    debug_assert_eq!(header.file_id, secrets.file_id(), "the caller made the header for these secrets");
    let (file, document) = match header.mode {
        Mode::Opaque => (sealing.opaque(plaintext), None),
        Mode::Values => {
            let text = str::from_utf8(plaintext).map_err(|_| SealError::NotText)?;
            let document = sealing.parse(text)?;
            (sealing.document(text, &document)?, Some(document))
        }
    };
    let payload = secrets.payload(header);
    match EncryptedFile::parse(&file) {
        Ok(sealed) if sealed.opens_to(&payload, plaintext, document.as_ref()) => Ok(file),
        _ => Err(SealError::RoundTrip),
    }
}

struct Sealing<'a> {
    header: &'a Header,
    secrets: &'a FileSecrets,
    previous: Option<&'a Opened>,
    restored: Option<&'a Opened>,
    /// New key paths, and the old ones that their values come from.
    moved: &'a [(KeyPath, KeyPath)],
    today: Date,
}

impl Sealing<'_> {
    fn opaque(&self, plaintext: &[u8]) -> Vec<u8> {
        let previous = self.previous.filter(|previous| previous.header.mode == Mode::Opaque);
        let body = previous.and_then(|previous| Some((previous, previous.body.as_ref()?)));
        let is_unchanged = |previous: &Opened| previous.plaintext.as_slice() == plaintext;
        let body = match body {
            Some((previous, body)) if self.keeps_tokens() && is_unchanged(previous) => body.bytes.clone(),
            _ => {
                let (day, generation, id) = match body {
                    Some((previous, body)) => {
                        let mut id = [0; 8];
                        id.copy_from_slice(&body.stamp.salt[..8]);
                        let restored = self.restored.filter(|restored| is_unchanged(restored));
                        let restored = restored.and_then(|restored| restored.body.as_ref());
                        let (day, generation) = match restored {
                            _ if is_unchanged(previous) => (body.stamp.day, body.stamp.generation),
                            Some(restored) => (restored.stamp.day, restored.stamp.generation),
                            None => (self.today, self.header.generation),
                        };
                        (day, generation, LeafId(id))
                    }
                    None => {
                        let (day, generation) = self.oldest_value().unwrap_or((self.today, self.header.generation));
                        (day, generation, LeafId::generate())
                    }
                };
                let associated_data = place::of_body(self.header.file_id, day, generation);
                let (salt, chunks) = crypto::seal_body(self.secrets.keys(), id, associated_data, plaintext);
                [BodyStamp { day, generation, salt }.to_string().as_bytes(), &chunks].concat()
            }
        };
        let signed = self.sign(None, false, SaidOfValues::new());
        carrier::join_opaque(&signed.fields(), &body)
    }

    /// Returns since when the values of a file stand there that is sealed as a whole from now on: sealing it in another
    /// way makes nobody forget them, so all of it is as old, and as well known, as the oldest.
    fn oldest_value(&self) -> Option<(Date, u32)> {
        let stamps = || self.previous.into_iter().flat_map(|previous| &previous.values).map(|value| value.token.stamp);
        Some((stamps().map(|stamp| stamp.day).min()?, stamps().map(|stamp| stamp.generation).min()?))
    }

    /// Parses a plaintext and refuses what only looks like one.
    fn parse(&self, text: &str) -> Result<Document, SealError> {
        if text.len() > document::MAX_BYTES {
            return Err(SyntaxError { line: 1, column: 1, problem: Problem::TooLarge }.into());
        }
        let document = document::parse_text(self.header.format, text, Extent::Items)?;
        if !self.header.can_match(&document) {
            return Err(SealError::TooManyPatterns);
        }
        if let Some(span) = super::file::reserved_member(self.header.format, &document, text) {
            return Err(SealError::LooksLikeHeader { line: document::position(text, span.start).0 });
        }
        refuse_tokens(&document, text)?;
        self.refuse_unsafe_comments(&document, text)?;
        Ok(document)
    }

    fn document(&self, text: &str, document: &Document) -> Result<Vec<u8>, SealError> {
        let places = Places::of(
            self.header.format,
            document,
            text,
            |leaf| self.header.seals(&leaf.path),
            |comment| self.header.comments.seals(comment),
        );
        let mut tokens = Pieces::new(places.values.len() + places.comments.len());
        let (comments, comment_ids) = self.seal_comments(document, text, &places);
        tokens.push(comments);
        self.seal_values(document, text, &places, &comment_ids).into_iter().for_each(|part| tokens.push(part));
        if !places.comments.is_empty() {
            tokens.sort();
        }
        let mut body = splice(text, tokens.iter().map(|(item, token)| (span_of(&document.items[item]), token)));
        let body_lines = text.contains(carrier::MARK).then(|| body.matches('\n').count());
        let digest = places.values.is_empty().then(|| {
            let former = self.previous.and_then(|previous| previous.header.body);
            let kept = former.filter(|former| places.body_digest(former.salt, &comment_ids) == *former);
            kept.unwrap_or_else(|| places.body_digest(random(), &comment_ids))
        });
        let mut values = follow(self.header, self.previous, document, text);
        let former: Vec<_> =
            self.previous.iter().map(|former| (&former.secrets, &former.header.metadata.values)).collect();
        recipe::reseal(&mut values, self.secrets, &former).map_err(|key| SealError::ForeignRecipe { key })?;
        let signed = self.sign(digest, text.starts_with(carrier::BOM), values);
        let file = carrier::join_text(Carrier::of(self.header.format), &signed.fields(), std::mem::take(&mut *body));
        // Splitting takes time; nothing can be misplaced where nothing in the plaintext looks like a header's mark.
        let Some(body_lines) = body_lines else { return Ok(file.into_bytes()) };
        match carrier::split(file.as_bytes()) {
            Err(carrier::CarrierError::Misplaced { line }) => {
                let lines = file.matches('\n').count() - body_lines;
                Err(SealError::LooksLikeHeader { line: line - lines })
            }
            _ => Ok(file.into_bytes()),
        }
    }

    fn refuse_unsafe_comments(&self, document: &Document, text: &str) -> Result<(), SealError> {
        let is_unsafe = |item: &&Item| match item {
            Item::Comment(comment) => {
                let comment = comment.span.of(text);
                !self.header.comments.seals(comment) && comment.contains(breaks_line_somewhere)
            }
            Item::Event(_) | Item::Leaf(_) => false,
        };
        match document.items.iter().find(is_unsafe) {
            Some(item) => Err(SealError::UnsafeComment { line: document::position(text, span_of(item).start).0 }),
            None => Ok(()),
        }
    }

    fn seal_values(&self, document: &Document, text: &str, places: &Places, comments: &[LeafId]) -> Vec<Part<String>> {
        let leaves: Vec<&Leaf> = places.values.iter().map(|place| document.leaf(place.item)).collect();
        let new: Vec<Candidate<'_>> =
            leaves.iter().enumerate().map(|(index, leaf)| candidate(leaf, text, places.path(index))).collect();
        let former = self.former_values();
        let old: Vec<Candidate<'_>> =
            former.iter().map(|former| candidate(former.leaf, former.text, &former.path)).collect();

        let restored_values = self.restored.map(values_of).unwrap_or_default();
        let mut restored = HashMap::new();
        for value in &restored_values {
            let stamp = value.opened.token.stamp;
            let known = restored.entry((value.path.as_slice(), (value.leaf.kind, value.leaf.value.as_str())));
            let oldest = known.or_insert((stamp.day, stamp.generation));
            if stamp.generation < oldest.1 {
                *oldest = (stamp.day, stamp.generation);
            }
        }
        let moved: HashMap<&KeyPath, usize> = self
            .moved
            .iter()
            .filter_map(|(to, from)| Some((to, former.iter().position(|former| former.leaf.path == *from)?)))
            .collect();
        let ages = former.iter().map(|former| former.opened.token.stamp).map(|stamp| (stamp.day, stamp.generation));
        let former_document = self.former_document().map(|(opened, document, _)| (opened, document));
        let known = Known::of(self.header, old.iter().copied().zip(ages), former_document, self.today);
        let mut used = self.former_ids();
        used.reserve(new.len());
        let identified = origins(&old, &new).into_iter().map(|origin| match origin {
            Origin::Kept(original) => (Some(original), former[original].opened.token.sealed.id()),
            Origin::Copied(original) => (Some(original), fresh_id(&mut used)),
            Origin::New => (None, fresh_id(&mut used)),
        });
        let identified: Vec<(Option<usize>, LeafId)> = identified.collect();
        let seal = |index: usize, scratch: &mut Scratch, token: &mut String| {
            let (original, id) = identified[index];
            // Another spelling of the same value is the same secret: its age does not change.
            let sources = [moved.get(&leaves[index].path).copied(), original];
            let dated = sources.into_iter().flatten().find(|source| old[*source].value == new[index].value);
            let dated = dated.map(|original| {
                let stamp = former[original].opened.token.stamp;
                (stamp.day, stamp.generation)
            });
            let dated = dated.or_else(|| restored.get(&(new[index].path, new[index].value)).copied());
            let dated = dated.or_else(|| known.age(&leaves[index].path, new[index].value));
            let (day, generation) = dated.unwrap_or((self.today, self.header.generation));
            let kind = if leaves[index].style.is_block() { TokenKind::Block } else { TokenKind::Value };
            let stamp = Stamp { kind, day, generation };
            let previous = index.checked_sub(1).map(|previous| identified[previous].1);
            let associated_data =
                places.of_value(index, self.header.file_id, &stamp, previous, comments, &mut scratch.encoding);
            let kept = original.filter(|original| {
                let opened = former[*original].opened;
                self.keeps_tokens()
                    && opened.token.sealed.id() == id
                    && opened.associated_data == associated_data
                    && old[*original].source == new[index].source
            });
            match kept {
                Some(original) => {
                    let Token { stamp, sealed } = &former[original].opened.token;
                    self.spell(stamp, &sealed.to_bytes(), token);
                }
                None => {
                    let source = new[index].source.as_bytes();
                    scratch.sealed.clear();
                    let sealed = &mut scratch.sealed;
                    crypto::seal_into(self.secrets.keys(), Family::Leaf, id, associated_data, source, sealed);
                    self.spell(&stamp, sealed, token);
                }
            }
        };
        in_parts(new.len(), |part| {
            let mut scratch = Scratch::default();
            let mut ends = Vec::with_capacity(part.len());
            let mut buffer = String::with_capacity(part.len() * USUAL_TOKEN);
            for index in part {
                seal(index, &mut scratch, &mut buffer);
                ends.push((places.values[index].item, buffer.len()));
            }
            Part { buffer, ends }
        })
    }

    /// Seals the comments; returns their tokens and ids. A changed comment is told by the leaf behind it and keeps its
    /// id, so that the next value's token stays.
    fn seal_comments(&self, document: &Document, text: &str, places: &Places) -> (Part<String>, Vec<LeafId>) {
        let new_paths = next_paths(document, &places.comments);
        let new = comment_candidates(document, text, &places.comments, &new_paths);
        let former = self.former_document().map(|(previous, document, text)| {
            let items: Vec<usize> = previous.comments.iter().map(|opened| opened.item).collect();
            (next_paths(document, &items), items, document, text)
        });
        let old =
            former.as_ref().map(|(paths, items, document, text)| comment_candidates(document, text, items, paths));
        let old = old.unwrap_or_default();
        let former_tokens = self.previous.map_or(&[][..], |previous| &previous.comments);

        let mut used = self.former_ids();
        let mut tokens = Part { buffer: String::new(), ends: Vec::with_capacity(new.len()) };
        let mut ids = Vec::with_capacity(new.len());
        for (index, origin) in comment_origins(&old, &new).into_iter().enumerate() {
            let (original, id) = match origin {
                Origin::Kept(original) => (Some(original), former_tokens[original].token.sealed.id()),
                Origin::Copied(_) | Origin::New => (None, fresh_id(&mut used)),
            };
            let unchanged = original.filter(|original| old[*original].source == new[index].source);
            let stamp = unchanged.map_or(
                Stamp { kind: TokenKind::Comment, day: self.today, generation: self.header.generation },
                |original| former_tokens[original].token.stamp,
            );
            let token = match unchanged {
                Some(original) if self.keeps_tokens() => former_tokens[original].token.clone(),
                _ => {
                    let associated_data = place::of_comment(self.header.file_id, &stamp);
                    let comment = new[index].source.as_bytes();
                    let sealed = crypto::seal(self.secrets.keys(), Family::Comment, id, associated_data, comment);
                    Token { stamp, sealed }
                }
            };
            ids.push(id);
            token.stamp.push_token(&token.sealed.to_bytes(), &mut tokens.buffer);
            tokens.ends.push((places.comments[index], tokens.buffer.len()));
        }
        (tokens, ids)
    }

    /// Appends a token as it stands in a document.
    fn spell(&self, stamp: &Stamp, sealed: &[u8], out: &mut String) {
        let quote = match self.header.format {
            Format::Json | Format::Toml => "\"",
            Format::Dotenv | Format::Ini | Format::Opaque | Format::Yaml => "",
        };
        out.push_str(quote);
        stamp.push_token(sealed, out);
        out.push_str(quote);
    }

    fn former_values(&self) -> Vec<Former<'_>> {
        self.previous.map(values_of).unwrap_or_default()
    }

    /// Returns the document that is replaced, when it was sealed value by value.
    fn former_document(&self) -> Option<(&Opened, &Document, &str)> {
        document_of(self.previous?)
    }

    fn former_ids(&self) -> HashSet<LeafId> {
        let tokens = self.previous.iter().flat_map(|previous| previous.values.iter().chain(&previous.comments));
        tokens.map(|opened| opened.token.sealed.id()).collect()
    }

    /// Tells whether tokens of the former file are good in the new one.
    fn keeps_tokens(&self) -> bool {
        self.previous.is_some_and(|previous| previous.header.generation == self.header.generation)
    }

    /// Returns the header as it is printed: with the digest, and a new revision if it says anything new.
    fn sign(&self, body: Option<BodyDigest>, has_bom: bool, values: SaidOfValues) -> SignedHeader {
        let previous = self.previous.map(|previous| (&previous.header, previous.mac));
        let mut header = Header { body, ..self.header.clone() };
        header.metadata.values = values;
        sign(header, self.secrets.keys(), has_bom, previous)
    }
}

/// Memory that serves for one value after the other.
#[derive(Default)]
struct Scratch {
    encoding: Vec<u8>,
    sealed: Vec<u8>,
}

/// Signs a header as it is printed: with a new revision if it says anything new.
pub(super) fn sign(
    mut header: Header,
    keys: &FileKeys,
    has_bom: bool,
    previous: Option<(&Header, HeaderMac)>,
) -> SignedHeader {
    let Some((previous, mac)) = previous else {
        header.revision = 1;
        return header.sign(keys, has_bom, None);
    };
    header.revision = previous.revision;
    if header != *previous {
        header.revision = header.revision.saturating_add(1);
    }
    header.sign(keys, has_bom, Some(mac))
}

/// A leaf of the file that is replaced.
struct Former<'a> {
    opened: &'a OpenedToken,
    leaf: &'a Leaf,
    text: &'a str,
    path: Vec<u8>,
}

fn document_of(opened: &Opened) -> Option<(&Opened, &Document, &str)> {
    let text = str::from_utf8(&opened.plaintext).ok()?;
    Some((opened, opened.items.as_ref()?, text))
}

fn values_of(opened: &Opened) -> Vec<Former<'_>> {
    let Some((opened, document, text)) = document_of(opened) else { return Vec::new() };
    let values = opened.values.iter().map(|opened| (opened, document.leaf(opened.item)));
    values.map(|(opened, leaf)| Former { opened, leaf, text, path: place::encode_path(&leaf.path) }).collect()
}

fn candidate<'a>(leaf: &'a Leaf, text: &'a str, path: &'a [u8]) -> Candidate<'a> {
    Candidate { path, source: leaf.span.of(text), value: (leaf.kind, &leaf.value) }
}

/// Returns for each comment the encoded path of the leaf behind it; empty at the end.
fn next_paths(document: &Document, comments: &[usize]) -> Vec<Vec<u8>> {
    let mut leaves = document.items.iter().enumerate().filter_map(|(index, item)| match item {
        Item::Leaf(leaf) => Some((index, leaf)),
        Item::Comment(_) | Item::Event(_) => None,
    });
    let mut next = leaves.next();
    let mut paths = Vec::with_capacity(comments.len());
    for comment in comments {
        while next.is_some_and(|(index, _)| index < *comment) {
            next = leaves.next();
        }
        paths.push(next.map_or_else(Vec::new, |(_, leaf)| place::encode_path(&leaf.path)));
    }
    paths
}

fn comment_candidates<'a>(
    document: &Document,
    text: &'a str,
    comments: &[usize],
    paths: &'a [Vec<u8>],
) -> Vec<Candidate<'a>> {
    let sources = comments.iter().map(|item| span_of(&document.items[*item]).of(text));
    sources.zip(paths).map(|(source, path)| Candidate { path, source, value: (ScalarKind::String, source) }).collect()
}

/// Draws an id that no leaf of the file has.
fn fresh_id(ids: &mut HashSet<LeafId>) -> LeafId {
    loop {
        let id = LeafId::generate();
        if ids.insert(id) {
            return id;
        }
    }
}

/// Refuses a plaintext that has encrypted values in it: they would be sealed a second time.
fn refuse_tokens(document: &Document, text: &str) -> Result<(), SealError> {
    let is_token = |item: &&Item| match item {
        Item::Comment(comment) => Token::is_likely(comment.span.of(text)),
        Item::Event(_) => false,
        Item::Leaf(leaf) => Token::is_likely(&leaf.value),
    };
    match document.items.iter().find(is_token) {
        Some(item) => Err(SealError::AlreadyToken { line: document::position(text, span_of(item).start).0 }),
        None => Ok(()),
    }
}

/// The length of the token of a short value, about.
const USUAL_TOKEN: usize = 160;
