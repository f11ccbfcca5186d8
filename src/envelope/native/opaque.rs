//! Opaque files of any size: the header is read and written, the body streams past (docs/format.md section 8).

use std::io::{Read as _, Write};

use jiff::civil::Date;

use super::carrier::{self, Body, Carrier};
use super::file::ReadError;
use super::header::{Header, HeaderMac, Mode, SignedHeader};
use super::opening::OpenError;
use super::payload::FileSecrets;
use super::place;
use super::seal::sign;
use super::stream::{Checksum, Content, Receipt, SealedBody, Stored, StreamError, seal_content};
use super::survey::SealedPlace;
use super::token::BodyStamp;
use crate::crypto::{AssociatedData, BodyChecksum, CHECKSUM_BYTES, LeafId};

/// The top of an opaque file, not yet believed.
pub struct OpaqueTop {
    signed: SignedHeader,
    stamp: Option<BodyStamp>,
    /// Where the chunks begin.
    chunks_at: u64,
}

/// An opaque file whose header was authenticated; of its body nothing was read yet.
pub struct OpaqueFile {
    /// The authenticated header.
    pub header: Header,
    /// What authenticates it.
    pub mac: HeaderMac,
    /// The keys of the file.
    pub secrets: FileSecrets,
    /// The first line of the body.
    pub stamp: BodyStamp,
    chunks_at: u64,
}

/// What is written as a new body.
pub struct NewBody {
    /// The UTC day on which the content was last replaced.
    pub day: Date,
    /// The data key's number on that day.
    pub generation: u32,
    /// The id of the content, kept when it is replaced.
    pub id: LeafId,
}

/// How much of the beginning of a file [`OpaqueTop::parse`] needs at most.
pub const OPAQUE_TOP: usize = carrier::MAX_HEADER_BYTES + 256;

impl OpaqueTop {
    /// Reads the beginning of a file; `None` when it is not that of an opaque one.
    ///
    /// # Errors
    /// When it has the first line of one, but no header that can be read.
    pub fn parse(top: &[u8]) -> Result<Option<Self>, ReadError> {
        if !carrier::is_opaque(top) {
            return Ok(None);
        }
        let Some(carried) = carrier::split(top)? else { return Ok(None) };
        let Body::Bytes(body) = carried.body else { return Ok(None) };
        let signed = SignedHeader::from_fields(&carried.fields)?;
        if signed.header.mode != Mode::Opaque || carried.carrier != Carrier::Opaque {
            return Err(ReadError::WrongCarrier(signed.header.format));
        }
        let (stamp, rest) = BodyStamp::split(body).map_or((None, body), |(stamp, rest)| (Some(stamp), rest));
        Ok(Some(Self { signed, stamp, chunks_at: (top.len() - rest.len()) as u64 }))
    }

    /// Returns what the header says, which is not authenticated yet.
    pub fn header(&self) -> &Header {
        &self.signed.header
    }

    /// Compares the checksum with the body, which `file` reads from a place in the file on: all that can be checked without
    /// a key, and of a body of any size.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_intact<R: std::io::Read>(&self, file: impl FnOnce(u64) -> R) -> std::io::Result<bool> {
        let header = self.header();
        let Some(stamp) = self.stamp.filter(|stamp| stamp.generation <= header.generation && header.body.is_none())
        else {
            return Ok(false);
        };
        let associated_data = place::of_body(header.file_id, stamp.day, stamp.generation);
        let mut checksum = BodyChecksum::new(associated_data, &stamp.salt);
        let mut file = file(self.chunks_at);
        // The last bytes read so far may be the checksum.
        let (mut buffer, mut held) = (vec![0; 64 << 10], 0);
        loop {
            let count = file.read(&mut buffer[held..])?;
            let length = held + count;
            if count == 0 {
                return Ok(buffer[..length] == checksum.finish());
            }
            let end = length.saturating_sub(CHECKSUM_BYTES);
            checksum.update(&buffer[..end]);
            buffer.copy_within(end..length, 0);
            held = length - end;
        }
    }

    /// Returns what is sealed: the body as a whole.
    pub fn sealed(&self) -> Option<SealedPlace> {
        self.stamp.as_ref().map(SealedPlace::of_body)
    }

    /// Authenticates the header with what its age file holds.
    ///
    /// # Errors
    /// When it is not as somebody with the data key wrote it.
    pub fn open(&self, payload: &[u8]) -> Result<OpaqueFile, OpenError> {
        let header = self.signed.header.clone();
        let secrets = FileSecrets::from_payload(payload, &header)?;
        let mac = self.signed.mac();
        self.signed.verify(secrets.keys(), false).map_err(|_| OpenError::HeaderMac)?;
        let stamp = self.stamp.filter(|stamp| stamp.generation <= header.generation && header.body.is_none());
        Ok(OpaqueFile { header, mac, secrets, stamp: stamp.ok_or(OpenError::Body)?, chunks_at: self.chunks_at })
    }
}

impl OpaqueFile {
    /// Finds the body in the file that this is the header of.
    ///
    /// # Errors
    /// When it cannot have one.
    pub fn body<S: Stored>(&self, stored: S) -> Result<SealedBody<S>, OpenError> {
        let (keys, salt) = (self.secrets.keys(), self.stamp.salt);
        SealedBody::new(stored, self.chunks_at, keys, self.associated_data(), salt).ok_or(OpenError::Body)
    }

    /// Returns what each chunk is bound to besides its place.
    pub fn associated_data(&self) -> AssociatedData {
        place::of_body(self.header.file_id, self.stamp.day, self.stamp.generation)
    }

    /// Returns the id of the content.
    pub fn content_id(&self) -> LeafId {
        let mut id = [0; 8];
        id.copy_from_slice(&self.stamp.salt[..8]);
        LeafId(id)
    }
}

/// Writes an encrypted file with a new body; see [`super::seal()`] for the header.
///
/// # Errors
/// When the content cannot be read, or the file not be written.
pub fn seal_opaque(
    header: &Header,
    secrets: &FileSecrets,
    previous: Option<(&Header, HeaderMac)>,
    body: &NewBody,
    content: &dyn Content,
    sink: &mut (impl Write + Send),
) -> Result<Receipt, StreamError> {
    let NewBody { day, generation, id } = *body;
    let associated_data = place::of_body(header.file_id, day, generation);
    seal_content(secrets.keys(), id, associated_data, content, |salt| {
        write_top(header, secrets, previous, BodyStamp { day, generation, salt }, sink)?;
        Ok(sink)
    })
}

/// Writes an encrypted file with the body that it had; the header says nothing else of that. The body is authenticated
/// on its way.
///
/// # Errors
/// When it is not authentic, or cannot be read or written.
pub fn carry_opaque<S: Stored>(
    header: &Header,
    previous: &OpaqueFile,
    body: &SealedBody<S>,
    sink: &mut (impl Write + Send),
) -> Result<Checksum, StreamError> {
    write_top(header, &previous.secrets, Some((&previous.header, previous.mac)), previous.stamp, sink)?;
    body.carry(sink)
}

/// Tells whether a file that was written opens with its own header, and its body is what was sealed.
///
/// # Errors
/// When it cannot be read.
pub fn is_as_sealed<S: Stored>(
    stored: S,
    header: &Header,
    secrets: &FileSecrets,
    receipt: &Receipt,
) -> Result<bool, StreamError> {
    match reopen(&stored, header, secrets)?.map(|file| file.body(&stored)) {
        Some(Ok(body)) => body.is_as_sealed(receipt),
        _ => Ok(false),
    }
}

/// Tells whether a file that was written opens with its own header, and has exactly this body.
///
/// # Errors
/// When something cannot be read.
pub fn carried_to<S: Stored>(
    stored: &dyn Stored,
    header: &Header,
    secrets: &FileSecrets,
    body: &SealedBody<S>,
) -> Result<bool, StreamError> {
    let is_whole = reopen(stored, header, secrets)?.is_some_and(|file| file.body(stored).is_ok());
    if is_whole { body.is_end_of(stored) } else { Ok(false) }
}

fn reopen(stored: &dyn Stored, header: &Header, secrets: &FileSecrets) -> Result<Option<OpaqueFile>, StreamError> {
    let mut top = Vec::new();
    stored.reader(0).take(OPAQUE_TOP as u64).read_to_end(&mut top).map_err(StreamError::Read)?;
    let file = OpaqueTop::parse(&top).ok().flatten();
    Ok(file.and_then(|file| file.open(&secrets.payload(header)).ok()))
}

fn write_top(
    header: &Header,
    secrets: &FileSecrets,
    previous: Option<(&Header, HeaderMac)>,
    stamp: BodyStamp,
    sink: &mut impl Write,
) -> Result<(), StreamError> {
    let signed = sign(header.clone(), secrets.keys(), false, previous);
    let top = carrier::join_opaque(&signed.fields(), stamp.to_string().as_bytes());
    sink.write_all(&top).map_err(StreamError::Write)
}
