//! Reading an encrypted file: what it says without a key, and opening it (docs/format.md section 6, "Opening").

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::carrier::{self, Body, CarrierError};
use super::header::{Comments, Header, HeaderError, HeaderMac, Mode, SignedHeader};
use super::parallel::each;
use super::payload::{FileSecrets, Mismatch};
use super::place::{self, Places};
use super::token::{BodyStamp, Token, TokenError, TokenKind};
use crate::crypto::{self, AssociatedData, Family, FileId, LeafId};
use crate::document::path::Component;
use crate::document::{self, Content as Tree, Document, Entry, Format, Item, KeyPath, Leaf, Span, SyntaxError, splice};

/// An encrypted file, taken apart but not yet believed.
pub struct EncryptedFile {
    signed: SignedHeader,
    content: Content,
}

enum Content {
    Document { text: String, document: Document, lines_before: usize },
    Opaque { body: Vec<u8> },
}

/// An encrypted file whose every part was authenticated, with its plaintext.
pub struct Opened {
    /// The authenticated header.
    pub header: Header,
    /// What authenticates it.
    pub mac: HeaderMac,
    /// The keys of the file.
    pub secrets: FileSecrets,
    /// The plaintext, byte for byte.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The parsed plaintext of a structured file.
    pub document: Option<Document>,
    /// The sealed leaves, in document order.
    pub values: Vec<OpenedToken>,
    /// The sealed comments, in document order.
    pub comments: Vec<OpenedToken>,
    /// The body of an opaque file as it stood there.
    pub body: Option<OpenedBody>,
}

/// A token that was opened.
pub struct OpenedToken {
    /// The index of its leaf or comment in the items of the plaintext's document.
    pub item: usize,
    /// The token.
    pub token: Token,
    /// What it is bound to.
    pub associated_data: AssociatedData,
}

/// How many values a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// The sealed ones; `None` where the file is sealed as a whole.
    pub encrypted: Option<usize>,
    /// Those in clear.
    pub clear: usize,
}

/// An opaque body that was opened.
pub struct OpenedBody {
    /// Its first line.
    pub stamp: BodyStamp,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Why a file is no encrypted file that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The header cannot be taken off.
    #[error(transparent)]
    Carrier(#[from] CarrierError),
    /// Git left both sides of a merge in the file.
    #[error("line {line}: git left a conflict here")]
    Conflict {
        /// The line of the first marker, from 1.
        line: usize,
    },
    /// The fields are no header.
    #[error("the header is not as secret wrote it: {0}")]
    Header(#[from] HeaderError),
    /// The file has no header, and no tokens.
    #[error("the file is not encrypted")]
    NotEncrypted,
    /// The document cannot be parsed any more.
    #[error("the encrypted document is broken: {0}")]
    Syntax(SyntaxError),
    /// The file has tokens but no header.
    #[error("line {line}: an encrypted value stands here, but the file has no header")]
    TokensWithoutHeader {
        /// The line of the first token, from 1.
        line: usize,
    },
    /// The format in the header is not that of its carrier.
    #[error("the header says `{0}`, but does not stand where it stands in that format")]
    WrongCarrier(Format),
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

/// Reads the file id out of the top of an encrypted file, without checking anything else of it.
///
/// Looks only where it stands in a header, so that a text which quotes one is not taken for a file.
pub fn peek_file_id(top: &[u8]) -> Option<FileId> {
    let top = top.strip_prefix(carrier::BOM.as_bytes()).unwrap_or(top);
    let mut lines = top.trim_ascii_start().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.next()?;
    let mark: &[u8] = match first {
        b"{" if lines.next()? == b"\"$secret\": {" => b"\"file_id\": \"",
        _ if first.windows(9).any(|window| window == b"secret/v1") => b"file_id = \"",
        _ => return None,
    };
    lines.next()?;
    let line = lines.next()?;
    let start = line.windows(mark.len()).position(|window| window == mark)? + mark.len();
    str::from_utf8(line.get(start..start + 32)?).ok()?.parse().ok()
}

fn moved(from: Option<&String>) -> String {
    match from {
        Some(from) => format!(": it was sealed for `{from}`"),
        None => ", moved, or stands beside something that was added, removed or renamed".to_owned(),
    }
}

impl EncryptedFile {
    /// Takes a file apart.
    ///
    /// # Errors
    /// When it is not encrypted, damaged beyond reading, or holds a merge conflict.
    pub fn parse(file: &[u8]) -> Result<Self, ReadError> {
        let carried = match carrier::split(file) {
            Ok(Some(carried)) => carried,
            Ok(None) => return Err(refuse_plaintext(file)),
            Err(error) => return Err(conflict(file).unwrap_or(error.into())),
        };
        let signed = SignedHeader::from_fields(&carried.fields);
        let signed = signed.map_err(|error| conflict(file).unwrap_or(error.into()))?;
        let header = &signed.header;
        let format = if header.mode == Mode::Opaque { Format::Opaque } else { header.format };
        if carrier::Carrier::of(format) != carried.carrier {
            return Err(ReadError::WrongCarrier(format));
        }
        // To the INI parser a marker is a key without a value.
        if format == Format::Ini
            && let Some(conflict) = conflict(file)
        {
            return Err(conflict);
        }
        let content = match carried.body {
            Body::Bytes(body) => Content::Opaque { body: body.to_vec() },
            Body::Text(text) => match document::parse(format, &text) {
                Ok(document) if reserved_member(format, &document).is_some() => {
                    return Err(CarrierError::Misplaced { line: carried.lines_before + 1 }.into());
                }
                Ok(document) => Content::Document { document, text, lines_before: carried.lines_before },
                Err(error) => {
                    let error = SyntaxError { line: error.line + carried.lines_before, ..error };
                    return Err(conflict(file).unwrap_or(ReadError::Syntax(error)));
                }
            },
        };
        Ok(Self { signed, content })
    }

    /// Returns what the header says, which is not authenticated yet.
    pub fn header(&self) -> &Header {
        &self.signed.header
    }

    /// Counts the values, sealed and in clear. Of an opaque file nothing can be counted.
    pub fn counts(&self) -> Counts {
        let Content::Document { document, .. } = &self.content else { return Counts { encrypted: None, clear: 0 } };
        let encrypted = document.leaves().filter(|leaf| self.header().seals(&leaf.path)).count();
        Counts { encrypted: Some(encrypted), clear: document.leaves().count() - encrypted }
    }

    /// Returns the document with tokens for values; `None` for an opaque file.
    pub fn document(&self) -> Option<&Document> {
        match &self.content {
            Content::Document { document, .. } => Some(document),
            Content::Opaque { .. } => None,
        }
    }

    /// Checks all that can be checked without a key: that every leaf is what the header says, and that no token was
    /// damaged, moved, added or removed by somebody who did not mend the checksums. It proves nothing against an attacker.
    ///
    /// # Errors
    /// When something is broken.
    pub fn check(&self) -> Result<(), OpenError> {
        match &self.content {
            Content::Document { text, document, lines_before } => {
                let (header, mac) = (self.header(), self.signed.mac());
                DocumentOpening { header, mac, text, document, lines_before: *lines_before }.check().map(|_| ())
            }
            Content::Opaque { body } => {
                let (stamp, chunks) = BodyStamp::split(body).ok_or(OpenError::Body)?;
                let associated_data = place::of_body(self.header().file_id, stamp.day, stamp.generation);
                let is_intact = crypto::is_body_intact(associated_data, &stamp.salt, chunks);
                if is_intact { Ok(()) } else { Err(OpenError::Body) }
            }
        }
    }

    /// Opens the file with what its age file holds.
    ///
    /// # Errors
    /// When anything in the file is not as somebody with the data key wrote it. Then no plaintext is handed out.
    pub fn open(&self, payload: &[u8]) -> Result<Opened, OpenError> {
        let secrets = FileSecrets::from_payload(payload, self.header())?;
        self.open_with(secrets)
    }

    /// Opens the file with its secrets; see [`Self::open`].
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(&self, secrets: FileSecrets) -> Result<Opened, OpenError> {
        let has_bom = matches!(&self.content, Content::Document { text, .. } if text.starts_with(carrier::BOM));
        self.signed.verify(secrets.keys(), has_bom).map_err(|_| OpenError::HeaderMac)?;
        match &self.content {
            Content::Document { text, document, lines_before } => DocumentOpening {
                header: self.header(),
                mac: self.signed.mac(),
                text,
                document,
                lines_before: *lines_before,
            }
            .open(secrets),
            Content::Opaque { body } => self.open_body(secrets, body),
        }
    }

    fn open_body(&self, secrets: FileSecrets, body: &[u8]) -> Result<Opened, OpenError> {
        let header = self.header();
        let (stamp, chunks) = BodyStamp::split(body).ok_or(OpenError::Body)?;
        if stamp.generation > header.generation || header.body.is_some() {
            return Err(OpenError::Body);
        }
        let associated_data = place::of_body(header.file_id, stamp.day, stamp.generation);
        let plaintext = crypto::open_body(secrets.keys(), associated_data, &stamp.salt, chunks);
        Ok(Opened {
            header: header.clone(),
            mac: self.signed.mac(),
            secrets,
            plaintext: plaintext.map_err(|_| OpenError::Body)?,
            document: None,
            values: Vec::new(),
            comments: Vec::new(),
            body: Some(OpenedBody { stamp, bytes: body.to_vec() }),
        })
    }
}

/// Opening a structured document.
struct DocumentOpening<'a> {
    header: &'a Header,
    mac: HeaderMac,
    text: &'a str,
    document: &'a Document,
    lines_before: usize,
}

impl DocumentOpening<'_> {
    fn open(&self, secrets: FileSecrets) -> Result<Opened, OpenError> {
        let (values, comments) = self.check()?;
        let mut sources: Vec<(Span, Zeroizing<String>)> = Vec::with_capacity(values.len() + comments.len());
        for (tokens, family) in [(&values, Family::Leaf), (&comments, Family::Comment)] {
            let opened = each(tokens.len(), |index| {
                let OpenedToken { item, token, associated_data } = &tokens[index];
                let source = crypto::open(secrets.keys(), family, *associated_data, &token.sealed).ok();
                let source = source.and_then(into_text).ok_or_else(|| self.forged(*item, None))?;
                Ok::<_, OpenError>((self.span(*item), source))
            });
            for source in opened {
                sources.push(source?);
            }
        }
        sources.sort_by_key(|(span, _)| *span);
        let plaintext = splice(self.text, sources.iter().map(|(span, source)| (*span, source.as_str())));
        let document = self.check_result(&plaintext, &sources)?;
        let mut plaintext = plaintext;
        let plaintext = Zeroizing::new(std::mem::take(&mut *plaintext).into_bytes());
        Ok(Opened {
            header: self.header.clone(),
            mac: self.mac,
            secrets,
            plaintext,
            document: Some(document),
            values,
            comments,
            body: None,
        })
    }

    /// Checks all that can be checked without a key, and returns the tokens of values and of comments.
    fn check(&self) -> Result<(Vec<OpenedToken>, Vec<OpenedToken>), OpenError> {
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
        match values.iter().position(|opened| !opened.token.sealed.is_intact(opened.associated_data)) {
            Some(index) => Err(self.explain(&places, &values, &comment_ids, index)),
            None => Ok((values, comments)),
        }
    }

    fn value_tokens(&self, places: &Places, comments: &[LeafId]) -> Result<Vec<OpenedToken>, OpenError> {
        let read = each(places.values.len(), |index| {
            let item = places.values[index].item;
            match self.token(item)? {
                None => Err(self.half_encrypted(item)),
                Some(token) if token.stamp.kind == TokenKind::Comment => {
                    Err(self.misplaced(item, Misplacement::OtherKind))
                }
                Some(token) => Ok(token),
            }
        });
        let tokens = read.into_iter().collect::<Result<Vec<Token>, OpenError>>()?;
        let bound = each(tokens.len(), |index| {
            let previous = index.checked_sub(1).map(|previous| tokens[previous].sealed.id());
            places.of_value(index, self.header.file_id, &tokens[index].stamp, previous, comments)
        });
        let opened = tokens.into_iter().zip(bound).zip(&places.values);
        Ok(opened
            .map(|((token, associated_data), place)| OpenedToken { item: place.item, token, associated_data })
            .collect())
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
        let mut ids: HashSet<LeafId> = HashSet::with_capacity(values.len() + comments.len());
        match values.iter().chain(comments).find(|opened| !ids.insert(opened.token.sealed.id())) {
            Some(duplicate) => Err(self.misplaced(duplicate.item, Misplacement::Duplicate)),
            None => Ok(()),
        }
    }

    /// Parses the plaintext and demands that it has the same items as the encrypted document, each source text
    /// exactly where it was put: a text like `a, b` must not become two items of a list.
    fn check_result(&self, plaintext: &str, sources: &[(Span, Zeroizing<String>)]) -> Result<Document, OpenError> {
        let document = document::parse(self.header.format, plaintext)
            .map_err(|error| OpenError::Changed { line: error.line + self.lines_before, key: String::new() })?;
        let mut sources = sources.iter();
        let mut next = sources.next();
        let mut pairs = self.document.items.iter().zip(&document.items).enumerate();
        let differs = pairs.find(|(_, (sealed, opened))| {
            let sealed_span = span_of(sealed);
            let expected = match next {
                Some((span, source)) if *span == sealed_span => {
                    let source = source.as_str();
                    next = sources.next();
                    source
                }
                _ => sealed_span.of(self.text),
            };
            !is_same(sealed, opened) || span_of(opened).of(plaintext) != expected
        });
        let differs = differs.map(|(index, _)| index).or_else(|| {
            let shorter = self.document.items.len().min(document.items.len());
            (self.document.items.len() != document.items.len()).then(|| shorter.saturating_sub(1))
        });
        match differs {
            Some(item) => Err(OpenError::Changed { line: self.line(item), key: self.key(item) }),
            None => Ok(document),
        }
    }

    /// Says of a token that does not fit its place where it was sealed for, if that place is in the file.
    fn explain(&self, places: &Places, values: &[OpenedToken], comments: &[LeafId], broken: usize) -> OpenError {
        let token = &values[broken].token;
        if token.sealed.ciphertext.len().saturating_mul(values.len()) > MAX_SEARCH {
            return self.forged(values[broken].item, None);
        }
        let id_at = |index: usize| values[index].token.sealed.id();
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
                    ))
                },
            )
        });
        self.forged(values[broken].item, from.map(|index| self.key(places.values[index].item)))
    }

    fn forged(&self, item: usize, from: Option<String>) -> OpenError {
        OpenError::Forged { line: self.line(item), key: self.key(item), from }
    }

    fn half_encrypted(&self, item: usize) -> OpenError {
        OpenError::HalfEncrypted { line: self.line(item), key: self.key(item) }
    }

    fn misplaced(&self, item: usize, problem: Misplacement) -> OpenError {
        OpenError::Misplaced { line: self.line(item), key: self.key(item), problem }
    }

    fn span(&self, item: usize) -> Span {
        span_of(&self.document.items[item])
    }

    fn line(&self, item: usize) -> usize {
        document::position(self.text, self.span(item).start).0 + self.lines_before
    }

    /// Returns the key path of a leaf; for anything else that of the next leaf.
    fn key(&self, item: usize) -> String {
        let is_comment = matches!(self.document.items[item], Item::Comment(_));
        let next = self.document.items[item..].iter().find_map(|item| match item {
            Item::Leaf(Leaf { path, .. }) => Some(path),
            Item::Comment(_) | Item::Event(_) => None,
        });
        let key = next.map_or_else(|| "the end".to_owned(), KeyPath::to_string);
        if is_comment { format!("comment before {key}") } else { key }
    }
}

/// Finds a member of a JSON document that has the header's name.
pub(super) fn reserved_member(format: Format, document: &Document) -> Option<Span> {
    let Some(Tree::Map(entries)) = document.roots.first().map(|root| &root.content) else { return None };
    let is_reserved = |entry: &&Entry| matches!(&entry.key, Component::Key { name, .. } if name == "$secret");
    (format == Format::Json).then(|| entries.iter().find(is_reserved).map(|entry| entry.key_span)).flatten()
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

fn into_text(mut bytes: Zeroizing<Vec<u8>>) -> Option<Zeroizing<String>> {
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Some(Zeroizing::new(text)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            None
        }
    }
}

/// Says why a file without a header is not an encrypted one.
fn refuse_plaintext(file: &[u8]) -> ReadError {
    // `secret-v1.v.2026-…`: prose about tokens is none.
    let is_token = |token: &[u8]| {
        token.starts_with(TOKEN_MARK)
            && token[11] == b'.'
            && token[12..16].iter().all(u8::is_ascii_digit)
            && token[16] == b'-'
    };
    let first_token = file.windows(17).position(is_token);
    match first_token {
        Some(offset) => conflict(file).unwrap_or_else(|| ReadError::TokensWithoutHeader {
            line: file[..offset].split(|byte| *byte == b'\n').count(),
        }),
        None => ReadError::NotEncrypted,
    }
}

/// Finds the markers that git leaves in a file it could not merge.
pub fn conflict(file: &[u8]) -> Option<ReadError> {
    let mut lines = file.split(|byte| *byte == b'\n');
    let line = lines.position(|line| line.starts_with(b"<<<<<<< "))?;
    lines.any(|line| line.starts_with(b">>>>>>> ")).then_some(ReadError::Conflict { line: line + 1 })
}

/// How large an encrypted file may be.
pub const MAX_ENCRYPTED: usize = 256 << 20;
/// How many bytes are hashed, about, to find out where a token came from.
const MAX_SEARCH: usize = 16 << 20;
const TOKEN_MARK: &[u8] = b"secret-v1.";
