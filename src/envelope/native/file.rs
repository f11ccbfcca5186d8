//! An encrypted file: taken apart, and what it says without a key.

use std::collections::HashMap;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::carrier::{self, Body, CarrierError};
use super::header::{Header, HeaderError, HeaderMac, Mode, SignedHeader};
use super::opening::{DocumentOpening, OpenError, span_of};
use super::parallel::free;
use super::payload::FileSecrets;
use super::place;
use super::recipe;
use super::survey::SealedPlace;
use super::token::{BodyStamp, Token};
use crate::crypto::{self, AssociatedData, FileId, LeafId};
use crate::document::{self, Document, EventKind, Extent, Format, Item, Source, Span, SyntaxError};

/// An encrypted file, taken apart but not yet believed.
pub struct EncryptedFile {
    signed: SignedHeader,
    content: Content,
}

enum Content {
    Document(DocumentContent),
    Opaque { body: Vec<u8> },
}

/// A document with tokens in it.
struct DocumentContent {
    text: Source,
    document: Document,
    /// How many lines the header takes.
    lines_before: usize,
}

impl Drop for DocumentContent {
    fn drop(&mut self) {
        let document = std::mem::take(&mut self.document);
        free(document.items.len(), document);
    }
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
    /// The items of the plaintext of a structured file.
    pub items: Option<Document>,
    /// The same with its tree, when somebody has asked for it.
    pub(super) document: OnceLock<Option<Document>>,
    /// The sealed leaves, in document order.
    pub values: Vec<OpenedToken>,
    /// The sealed comments, in document order.
    pub comments: Vec<OpenedToken>,
    /// The body of an opaque file as it stood there.
    pub body: Option<OpenedBody>,
}

impl Opened {
    /// Returns the parsed plaintext of a structured file. Most that open a large one do not need its tree.
    pub fn document(&self) -> Option<&Document> {
        let items = self.items.as_ref()?;
        if !items.roots.is_empty() {
            return Some(items);
        }
        let parse = || document::parse(self.header.format, str::from_utf8(&self.plaintext).ok()?).ok();
        self.document.get_or_init(parse).as_ref()
    }
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
    /// There are so many patterns for so many keys that comparing them would take too long.
    #[error("the header has too many cleartext patterns for so many keys")]
    TooManyPatterns,
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

impl EncryptedFile {
    /// Takes a file apart.
    ///
    /// # Errors
    /// When it is not encrypted, damaged beyond reading, or holds a merge conflict.
    pub fn parse(file: &[u8]) -> Result<Self, ReadError> {
        Self::parse_to(file, Extent::Items)
    }

    /// Takes a file apart, with as much of its document as is wanted; see [`Self::parse`].
    pub(super) fn parse_to(file: &[u8], extent: Extent) -> Result<Self, ReadError> {
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
            Body::Text(text) => match document::parse_source(format, &text, extent) {
                Ok(document) if reserved_member(format, &document, &text).is_some() => {
                    return Err(CarrierError::Misplaced { line: carried.lines_before + 1 }.into());
                }
                Ok(document) if !header.can_match(&document) => return Err(ReadError::TooManyPatterns),
                Ok(document) => {
                    Content::Document(DocumentContent { document, text, lines_before: carried.lines_before })
                }
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

    /// Tells whether the header is that of another file, its MAC included.
    pub fn has_header_of(&self, other: &Self) -> bool {
        self.signed == other.signed
    }

    /// Returns the header with its MAC.
    pub(super) fn signed(&self) -> &SignedHeader {
        &self.signed
    }

    /// Returns the document's text with tokens for values; `None` for an opaque file.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Document(content) => Some(&content.text),
            Content::Opaque { .. } => None,
        }
    }

    /// Returns the body of an opaque file.
    pub(super) fn opaque_body(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Document(_) => None,
            Content::Opaque { body } => Some(body),
        }
    }

    /// Counts the values, sealed and in clear. Of an opaque file nothing can be counted.
    pub fn counts(&self) -> Counts {
        let Content::Document(DocumentContent { document, .. }) = &self.content else {
            return Counts { encrypted: None, clear: 0 };
        };
        let encrypted = document.leaves().filter(|leaf| self.header().seals(&leaf.path)).count();
        Counts { encrypted: Some(encrypted), clear: document.leaves().count() - encrypted }
    }

    /// Returns the items of the document with tokens for values; `None` for an opaque file.
    pub fn items(&self) -> Option<&Document> {
        match &self.content {
            Content::Document(content) => Some(&content.document),
            Content::Opaque { .. } => None,
        }
    }

    /// Reads the document with tokens for values again, with its tree; `None` for an opaque file.
    pub fn document(&self) -> Option<Document> {
        match &self.content {
            Content::Document(content) => {
                document::parse_source(self.header().format, &content.text, Extent::Tree).ok()
            }
            Content::Opaque { .. } => None,
        }
    }

    /// Checks all that can be checked without a key: that every leaf is what the header says, and that no token was
    /// damaged, moved, added or removed by somebody who did not mend the checksums. It proves nothing against an attacker.
    ///
    /// # Errors
    /// When something is broken.
    pub fn check(&self) -> Result<(), OpenError> {
        recipe::check(self.header())?;
        match &self.content {
            Content::Document(content) => self.opening(content).check(),
            Content::Opaque { body } => {
                let (stamp, chunks) = BodyStamp::split(body).ok_or(OpenError::Body)?;
                let associated_data = place::of_body(self.header().file_id, stamp.day, stamp.generation);
                let is_possible = stamp.generation <= self.header().generation && self.header().body.is_none();
                let is_intact = crypto::is_body_intact(associated_data, &stamp.salt, chunks);
                if is_possible && is_intact { Ok(()) } else { Err(OpenError::Body) }
            }
        }
    }

    /// Checks what [`Self::check`] checks, and returns what is sealed.
    ///
    /// # Errors
    /// All leaves and comments that are in clear and must not be; else the first thing that is broken.
    pub fn survey(&self) -> Result<Vec<SealedPlace>, Vec<OpenError>> {
        match &self.content {
            Content::Document(content) => {
                recipe::check(self.header()).map_err(|error| vec![error])?;
                self.opening(content).survey()
            }
            Content::Opaque { body } => {
                self.check().map_err(|error| vec![error])?;
                Ok(BodyStamp::split(body).iter().map(|(stamp, _)| SealedPlace::of_body(stamp)).collect())
            }
        }
    }

    /// Returns the line and the name of what is sealed at a place; nothing of an opaque file.
    pub fn locate(&self, place: &SealedPlace) -> Option<(usize, String)> {
        let Content::Document(content) = &self.content else { return None };
        let opening = self.opening(content);
        Some((opening.line(place.item), opening.key(place.item)))
    }

    /// Returns the lines and the key paths of sealed values, which come in document order; nothing of an opaque file.
    pub fn locate_leaves(&self, places: &[SealedPlace]) -> Vec<(usize, String)> {
        let Content::Document(content) = &self.content else { return Vec::new() };
        let (mut line, mut at) = (content.lines_before + 1, 0);
        let located = places.iter().map_while(|place| match &content.document.items[place.item] {
            Item::Leaf(leaf) => {
                let start = leaf.span.start.max(at);
                line += content.text[at..start].matches('\n').count();
                at = start;
                Some((line, leaf.path.to_string()))
            }
            Item::Comment(_) | Item::Event(_) => None,
        });
        located.collect()
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
        self.verify_header(&secrets)?;
        match &self.content {
            Content::Document(content) => self.opening(content).open(secrets),
            Content::Opaque { body } => self.open_body(secrets, body),
        }
    }

    /// Tells whether the file opens to exactly this plaintext; `document` is what was parsed of it, if it has keys.
    pub(super) fn opens_to(&self, payload: &[u8], plaintext: &[u8], document: Option<&Document>) -> bool {
        let Ok(secrets) = FileSecrets::from_payload(payload, self.header()) else { return false };
        if self.verify_header(&secrets).is_err() {
            return false;
        }
        match (&self.content, document, str::from_utf8(plaintext)) {
            (Content::Document(content), Some(document), Ok(text)) => {
                self.opening(content).opens_to(&secrets, text, document)
            }
            (Content::Opaque { body }, None, _) => {
                self.open_body(secrets, body).is_ok_and(|opened| opened.plaintext.as_slice() == plaintext)
            }
            _ => false,
        }
    }

    /// Returns the text and the items of a structured file.
    pub(super) fn text_and_document(&self) -> Option<(&str, &Document)> {
        match &self.content {
            Content::Document(content) => Some((&content.text, &content.document)),
            Content::Opaque { .. } => None,
        }
    }

    /// Returns what each value's token is bound to where it stands.
    ///
    /// # Errors
    /// When something stands where it cannot stand.
    pub(super) fn bound_tokens(&self) -> Result<HashMap<LeafId, AssociatedData>, OpenError> {
        match &self.content {
            Content::Document(content) => self.opening(content).bound(),
            Content::Opaque { .. } => Ok(HashMap::new()),
        }
    }

    fn verify_header(&self, secrets: &FileSecrets) -> Result<(), OpenError> {
        let has_bom = matches!(&self.content, Content::Document(content) if content.text.starts_with(carrier::BOM));
        self.signed.verify(secrets.keys(), has_bom).map_err(|_| OpenError::HeaderMac)?;
        recipe::verify(self.header(), secrets)
    }

    fn opening<'f>(&'f self, content: &'f DocumentContent) -> DocumentOpening<'f> {
        let DocumentContent { text, document, lines_before } = content;
        DocumentOpening { header: self.header(), mac: self.signed.mac(), text, document, lines_before: *lines_before }
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
            items: None,
            document: OnceLock::new(),
            values: Vec::new(),
            comments: Vec::new(),
            body: Some(OpenedBody { stamp, bytes: body.to_vec() }),
        })
    }
}

/// Reads the header of a file, and nothing of its document; `None` when it is not encrypted.
///
/// # Errors
/// When it has marks of a header that cannot be read.
pub fn peek_header(file: &[u8]) -> Result<Option<Header>, ReadError> {
    match carrier::split(file)? {
        Some(carried) => Ok(Some(SignedHeader::from_fields(&carried.fields)?.header)),
        None => Ok(None),
    }
}

/// How many bytes of a file are enough for [`peek_file_id`]: its first fields stand there.
pub const PEEK: usize = 8 << 10;

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

/// Finds a member of a JSON document that has the header's name.
pub(super) fn reserved_member(format: Format, document: &Document, text: &str) -> Option<Span> {
    let mut depth = 0;
    let mut is_reserved = |item: &Item| {
        let Item::Event(event) = item else { return false };
        match event.kind {
            EventKind::MapOpen | EventKind::ListOpen => depth += 1,
            EventKind::MapClose | EventKind::ListClose => depth -= 1,
            _ => {}
        }
        depth == 1 && event.kind == EventKind::Key && is_name_of_header(event.span.of(text))
    };
    let reserved = document.items.iter().find(|item| format == Format::Json && is_reserved(item));
    reserved.map(span_of)
}

/// Tells whether a JSON string says what the header's member is called; any character may be an escape.
fn is_name_of_header(string: &str) -> bool {
    string == "\"$secret\""
        || string.contains('\\') && serde_json::from_str(string).is_ok_and(|name: String| name == "$secret")
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
    let line = lines.position(|line| is_marker(line, b'<'))?;
    lines.any(|line| is_marker(line, b'>')).then_some(ReadError::Conflict { line: line + 1 })
}

/// Tells whether a line is a marker of a conflict; attributes can make them longer.
fn is_marker(line: &[u8], sign: u8) -> bool {
    let length = line.iter().take_while(|byte| **byte == sign).count();
    length >= 7 && line.get(length) == Some(&b' ')
}

/// How large an encrypted file may be. The most that becomes of a structured plaintext of the largest size are some 55 MiB:
/// values that just miss a padded length, as many as may be.
pub const MAX_ENCRYPTED: usize = 64 << 20;
const TOKEN_MARK: &[u8] = b"secret-v1.";

#[cfg(test)]
mod tests {
    use super::reserved_member;
    use crate::document::{Extent, Format, parse_text};

    #[test]
    fn a_member_of_the_root_with_the_name_of_the_header_is_found_however_it_is_spelled() {
        let found = |text: &str| {
            let document = parse_text(Format::Json, text, Extent::Items).expect("it is JSON");
            reserved_member(Format::Json, &document, text).map(|span| span.of(text).to_owned())
        };
        for name in [r#""$secret""#, r#""\u0024secret""#, r#""$s\u0065cret""#] {
            assert_eq!(found(&format!(r#"{{"a": [{{"b": 1}}], {name}: {{}}}}"#)).as_deref(), Some(name));
            assert_eq!(found(&format!(r#"{{"a": {{{name}: 1}}, "b": [{{{name}: 2}}]}}"#)), None, "not in the root");
        }
        assert_eq!(found(r#"{"secret": "$secret", "$secret2": 1, "\ud800$secret": 1}"#), None);
    }

    #[test]
    fn other_formats_have_no_such_member() {
        let text = "$secret: 1\n";
        let document = parse_text(Format::Yaml, text, Extent::Items).expect("it is YAML");
        assert!(reserved_member(Format::Yaml, &document, text).is_none());
    }
}
