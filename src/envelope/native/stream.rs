//! Sealing and opening of contents that are never held in memory as a whole.
//!
//! Reading, the cipher and writing go on side by side, each with a run of chunks of its own; the cipher takes all cores.
//! What is handed on is authentic chunk by chunk, in order; that it is whole is known only at the end. So whoever
//! hands a content to somebody else opens it twice, or keeps it out of sight until the end.

use std::io::{self, Read, Write};

use rayon::join;
use zeroize::Zeroizing;

use super::pump::{Batch, RUN_CHUNKS, fill, pump};
use crate::crypto::{
    AssociatedData, BodyChecksum, BodyCipher, BodyHedge, CHECKSUM_BYTES, CHUNK_BYTES, DataKey, FileId, FileKeys,
    LeafId, NotAuthentic, Run, SALT_BYTES, SEALED_CHUNK_BYTES, content_length_by_end, padded_length_of, padding_of,
    random,
};

/// Bytes that can be read from any place, and more than once.
pub trait Stored: Sync {
    /// Returns how many there are.
    fn length(&self) -> u64;
    /// Reads them from here to their end.
    fn reader(&self, from: u64) -> Box<dyn Read + Send + '_>;
}

/// A plaintext that can be read more than once.
pub trait Content: Sync {
    /// Reads it from its beginning. The first reading to the end checks all that can be checked of it.
    fn reader(&self, is_first: bool) -> Box<dyn Read + Send + '_>;
}

/// A plaintext as it is stored.
pub struct Plain<S>(pub S);

/// A sealed body as it is stored, with the key to it.
pub struct SealedBody<S> {
    stored: S,
    /// Where the chunks begin.
    at: u64,
    /// How long they are, without the checksum.
    length: u64,
    associated_data: AssociatedData,
    salt: [u8; SALT_BYTES],
    cipher: BodyCipher,
}

/// The checksum of a body whose chunks were authenticated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Checksum([u8; CHECKSUM_BYTES]);

/// What tells a body that was just sealed from every other one: under its salt, and so under the key of its chunks,
/// nothing else was ever sealed.
#[derive(Clone, Copy)]
pub struct Receipt {
    salt: [u8; SALT_BYTES],
    content_length: u64,
    checksum: Checksum,
}

/// Why a content could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// What was opened is not what it is compared with.
    #[error("the encrypted form does not open to the same bytes")]
    Different,
    /// A chunk is changed, missing, moved or added.
    #[error("the encrypted content was changed or cut off")]
    NotAuthentic,
    /// The source could not be read.
    #[error("cannot read")]
    Read(#[source] io::Error),
    /// The result could not be written.
    #[error("cannot write")]
    Write(#[source] io::Error),
}

impl<S: Stored + ?Sized> Stored for &S {
    fn length(&self) -> u64 {
        (**self).length()
    }

    fn reader(&self, from: u64) -> Box<dyn Read + Send + '_> {
        (**self).reader(from)
    }
}

impl<S: Stored> Content for Plain<S> {
    fn reader(&self, _is_first: bool) -> Box<dyn Read + Send + '_> {
        self.0.reader(0)
    }
}

impl<S: Stored> Content for SealedBody<S> {
    fn reader(&self, is_first: bool) -> Box<dyn Read + Send + '_> {
        Box::new(self.content_reader(is_first))
    }
}

impl Stored for Zeroizing<Vec<u8>> {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn reader(&self, from: u64) -> Box<dyn Read + Send + '_> {
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(self.len());
        Box::new(&self[from..])
    }
}

/// Seals a content: calls `begin` with the salt, then hands it the chunks and the checksum.
pub fn seal_content<W: Write + Send>(
    keys: &FileKeys,
    id: LeafId,
    associated_data: AssociatedData,
    content: &dyn Content,
    begin: impl FnOnce([u8; SALT_BYTES]) -> Result<W, StreamError>,
) -> Result<Receipt, StreamError> {
    let salt = draw_salt(keys, id, associated_data, content)?;
    seal_chunks(keys, associated_data, salt, &mut content.reader(false), &mut begin(salt)?)
}

/// Seals a content that is read to its end, then writes the checksum.
fn seal_chunks(
    keys: &FileKeys,
    associated_data: AssociatedData,
    salt: [u8; SALT_BYTES],
    content: &mut (dyn Read + Send + '_),
    sink: &mut (impl Write + Send),
) -> Result<Receipt, StreamError> {
    let cipher = BodyCipher::new(keys, associated_data, &salt);
    let mut checksum = BodyChecksum::new(associated_data, &salt);
    let mut padded = Padded { content, length: 0, padding: None };
    pump(
        |batch| batch.read_with_room_for_tags(&mut padded),
        |run, batch| {
            cipher.seal(run, &mut batch.input);
            Ok(())
        },
        |batch| checksum.update(&batch.input),
        |batch| sink.write_all(&batch.input).map_err(StreamError::Write),
    )?;
    let checksum = checksum.finish();
    sink.write_all(&checksum).map_err(StreamError::Write)?;
    Ok(Receipt { salt, content_length: padded.length, checksum: Checksum(checksum) })
}

/// Draws the salt: it depends on all of the content, which is read for that.
fn draw_salt(
    keys: &FileKeys,
    id: LeafId,
    associated_data: AssociatedData,
    content: &dyn Content,
) -> Result<[u8; SALT_BYTES], StreamError> {
    let mut hedge = BodyHedge::new(keys);
    let mut content = content.reader(true);
    let take = |_: Run, batch: &mut Batch| {
        hedge.update(&batch.input);
        Ok(())
    };
    pump(|batch| batch.read(&mut content, CHUNK_BYTES), take, |_| {}, |_| Ok(()))?;
    Ok(hedge.salt(keys, id, associated_data))
}

/// A key under which a content is put aside that can be read only once: drawn for it, and never stored.
pub struct SpoolKey {
    keys: FileKeys,
    salt: [u8; SALT_BYTES],
    associated_data: AssociatedData,
}

impl SpoolKey {
    /// Draws a key.
    pub fn generate() -> Self {
        let keys = DataKey::generate(0, &random()).derive(FileId(random()));
        Self { keys, salt: random(), associated_data: AssociatedData::of(b"secret/v1 spool") }
    }

    /// Seals a content that is read to its end.
    ///
    /// # Errors
    /// When it cannot be read, or not be put aside.
    pub fn seal(&self, content: &mut (dyn Read + Send), sink: &mut (impl Write + Send)) -> Result<(), StreamError> {
        seal_chunks(&self.keys, self.associated_data, self.salt, content, sink).map(|_| ())
    }

    /// Returns what was put aside; `None` when it was cut off.
    pub fn into_body<S: Stored>(self, stored: S) -> Option<SealedBody<S>> {
        SealedBody::new(stored, 0, &self.keys, self.associated_data, self.salt)
    }
}

impl<S: Stored> SealedBody<S> {
    /// Finds the chunks; `None` where there can be none of this length.
    pub fn new(
        stored: S,
        at: u64,
        keys: &FileKeys,
        associated_data: AssociatedData,
        salt: [u8; SALT_BYTES],
    ) -> Option<Self> {
        let length = stored.length().checked_sub(at)?.checked_sub(CHECKSUM_BYTES as u64)?;
        padded_length_of(length)?;
        let cipher = BodyCipher::new(keys, associated_data, &salt);
        Some(Self { stored, at, length, associated_data, salt, cipher })
    }

    /// Returns how long the chunks are, without the checksum.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Opens all of it, and hands the content on piece by piece. With `known`, the checksum of an earlier opening, it
    /// is not computed again.
    ///
    /// # Errors
    /// When a chunk is not authentic: then all that was handed on is, but it is not the whole content.
    pub fn open(
        &self,
        known: Option<Checksum>,
        mut emit: impl FnMut(&[u8]) -> Result<(), StreamError> + Send,
    ) -> Result<Checksum, StreamError> {
        let mut rest = self.content_length()?;
        let open = |run, batch: &mut Batch| self.cipher.open(run, &batch.input, &mut batch.output);
        self.pass(known, open, |batch| {
            let padded = &batch.output;
            let content = &padded[..usize::try_from(rest).unwrap_or(usize::MAX).min(padded.len())];
            rest -= content.len() as u64;
            if content.is_empty() { Ok(()) } else { emit(content) }
        })
    }

    /// Authenticates all of it, and opens no more than it takes to find its end. With `known` as in [`Self::open`].
    ///
    /// # Errors
    /// When a chunk is not authentic, or the padding is not as it must be: when [`Self::open`] fails, and only then.
    pub fn authenticate(&self, known: Option<Checksum>) -> Result<Checksum, StreamError> {
        self.authenticate_and(known, |_| Ok(()))
    }

    /// Copies it as it is, and authenticates it meanwhile: at the end it is known whether what was copied is authentic.
    ///
    /// # Errors
    /// As [`Self::authenticate`], and when the copy cannot be written.
    pub fn carry(&self, sink: &mut (impl Write + Send)) -> Result<Checksum, StreamError> {
        let checksum = self.authenticate_and(None, |sealed| sink.write_all(sealed).map_err(StreamError::Write))?;
        sink.write_all(&checksum.0).map_err(StreamError::Write)?;
        Ok(checksum)
    }

    /// Tells whether this is, to the last bit, what was sealed when this receipt was given.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn is_as_sealed(&self, receipt: &Receipt) -> Result<bool, StreamError> {
        if self.salt != receipt.salt {
            return Ok(false);
        }
        let length = self.content_length();
        match length.and_then(|length| Ok((length, self.authenticate(Some(receipt.checksum))?))) {
            Ok((length, _)) => Ok(length == receipt.content_length),
            Err(StreamError::NotAuthentic) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Tells whether it holds exactly this content.
    ///
    /// # Errors
    /// When a chunk is not authentic, or something cannot be read.
    pub fn holds(&self, known: Option<Checksum>, content: &dyn Content) -> Result<bool, StreamError> {
        let mut content = content.reader(false);
        let mut expected = Zeroizing::new(vec![0; RUN_CHUNKS * CHUNK_BYTES]);
        let opened = self.open(known, |piece| {
            let length = fill(&mut content, &mut expected[..piece.len()]).map_err(read_error)?;
            if expected[..length] == *piece { Ok(()) } else { Err(StreamError::Different) }
        });
        match opened {
            Err(StreamError::Different) => Ok(false),
            Err(error) => Err(error),
            Ok(_) => Ok(fill(&mut content, &mut [0]).map_err(read_error)? == 0),
        }
    }

    /// Tells whether a file ends with exactly these chunks and their checksum.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn is_end_of(&self, file: &dyn Stored) -> Result<bool, StreamError> {
        let length = self.length + CHECKSUM_BYTES as u64;
        let Some(start) = file.length().checked_sub(length) else { return Ok(false) };
        let (mut one, mut other) = (self.stored.reader(self.at).take(length), file.reader(start));
        let [mut first, mut second] = std::array::from_fn(|_| vec![0; CHUNK_BYTES]);
        loop {
            let count = fill(&mut one, &mut first).map_err(StreamError::Read)?;
            if count != fill(&mut other, &mut second).map_err(StreamError::Read)? || first[..count] != second[..count] {
                return Ok(false);
            }
            if count == 0 {
                return Ok(true);
            }
        }
    }

    fn authenticate_and(
        &self,
        known: Option<Checksum>,
        mut emit: impl FnMut(&[u8]) -> Result<(), StreamError> + Send,
    ) -> Result<Checksum, StreamError> {
        self.content_length()?;
        let authenticate = |run, batch: &mut Batch| self.cipher.authenticate(run, &batch.input);
        self.pass(known, authenticate, |batch| emit(&batch.input))
    }

    /// Takes the chunks one run after the other, authenticates them by `work`, and hands them on.
    fn pass(
        &self,
        known: Option<Checksum>,
        mut work: impl FnMut(Run, &mut Batch) -> Result<(), NotAuthentic> + Send,
        emit: impl FnMut(&Batch) -> Result<(), StreamError> + Send,
    ) -> Result<Checksum, StreamError> {
        let mut chunks = self.stored.reader(self.at).take(self.length);
        let mut rest = self.length;
        let mut checksum = known.is_none().then(|| BodyChecksum::new(self.associated_data, &self.salt));
        pump(
            |batch| batch.read(&mut chunks, SEALED_CHUNK_BYTES),
            |run, batch| {
                rest = rest.saturating_sub(batch.input.len() as u64);
                work(run, batch).map_err(|_| StreamError::NotAuthentic)
            },
            |batch| checksum.iter_mut().for_each(|checksum| checksum.update(&batch.input)),
            emit,
        )?;
        // Cut off since its length was taken.
        if rest > 0 {
            return Err(StreamError::NotAuthentic);
        }
        let found = known.or_else(|| checksum.map(|checksum| Checksum(checksum.finish())));
        let stated = Checksum(self.stated_checksum().map_err(read_error)?);
        found.filter(|found| *found == stated).ok_or(StreamError::NotAuthentic)
    }

    /// Opens the last chunks, as many as it takes to find where the padding begins.
    ///
    /// # Errors
    /// When they are not authentic, or not padded as they must be: one content has one padded form.
    fn content_length(&self) -> Result<u64, StreamError> {
        let run_bytes = (RUN_CHUNKS * SEALED_CHUNK_BYTES) as u64;
        let padded_length = padded_length_of(self.length).ok_or(StreamError::NotAuthentic)?;
        let (mut sealed, mut padded) = (Vec::new(), Zeroizing::new(Vec::new()));
        for index in (0..self.length.div_ceil(run_bytes)).rev() {
            let start = index * run_bytes;
            let length = run_bytes.min(self.length - start);
            sealed.clear();
            let mut source = self.stored.reader(self.at + start).take(length);
            source.read_to_end(&mut sealed).map_err(StreamError::Read)?;
            let first = index * RUN_CHUNKS as u64;
            let run = Run { first, is_end: start + length == self.length };
            let opened = self.cipher.open(run, &sealed, &mut padded);
            if sealed.len() as u64 != length || opened.is_err() {
                return Err(StreamError::NotAuthentic);
            }
            let found = content_length_by_end(first * CHUNK_BYTES as u64, &padded, padded_length);
            if let Some(content) = found.map_err(|_| StreamError::NotAuthentic)? {
                return Ok(content);
            }
        }
        Err(StreamError::NotAuthentic)
    }

    fn stated_checksum(&self) -> io::Result<[u8; CHECKSUM_BYTES]> {
        let mut stated = [0; CHECKSUM_BYTES];
        match fill(&mut self.stored.reader(self.at + self.length), &mut stated)? {
            CHECKSUM_BYTES => Ok(stated),
            _ => Err(not_authentic()),
        }
    }

    fn content_reader(&self, checks: bool) -> ContentReader<'_, S> {
        ContentReader {
            body: self,
            chunks: self.stored.reader(self.at),
            unread: self.length,
            ungiven: None,
            next: 0,
            checksum: checks.then(|| BodyChecksum::new(self.associated_data, &self.salt)),
            sealed: Vec::new(),
            padded: Zeroizing::new(Vec::new()),
            given: 0,
        }
    }
}

/// Reads the content of a sealed body, to seal or compare it. What it gives is not for anybody's eyes: only its end
/// tells that it is whole.
struct ContentReader<'b, S> {
    body: &'b SealedBody<S>,
    chunks: Box<dyn Read + Send + 'b>,
    /// How much of the chunks was not read yet.
    unread: u64,
    /// How much of the content was not given yet.
    ungiven: Option<u64>,
    next: u64,
    checksum: Option<BodyChecksum>,
    sealed: Vec<u8>,
    padded: Zeroizing<Vec<u8>>,
    /// How much of `padded` was given.
    given: usize,
}

impl<S: Stored> ContentReader<'_, S> {
    /// Opens the next run of chunks.
    fn open_run(&mut self) -> io::Result<()> {
        let length = usize::try_from(self.unread).unwrap_or(usize::MAX).min(RUN_CHUNKS * SEALED_CHUNK_BYTES);
        self.sealed.resize(length, 0);
        if fill(&mut self.chunks, &mut self.sealed)? < length {
            return Err(not_authentic());
        }
        self.unread -= length as u64;
        let run = Run { first: self.next, is_end: self.unread == 0 };
        self.next += RUN_CHUNKS as u64;
        self.given = 0;
        let (sealed, padded, checksum) = (&self.sealed, &mut self.padded, &mut self.checksum);
        let hash = || checksum.iter_mut().for_each(|checksum| checksum.update(sealed));
        join(hash, || self.body.cipher.open(run, sealed, padded)).1.map_err(|_| not_authentic())
    }

    /// Checks, once all of the content was given, what stands behind it.
    fn finish(&mut self) -> io::Result<()> {
        while self.unread > 0 {
            self.open_run()?;
        }
        self.given = self.padded.len();
        let Some(checksum) = self.checksum.take() else { return Ok(()) };
        if checksum.finish() == self.body.stated_checksum()? { Ok(()) } else { Err(not_authentic()) }
    }
}

impl<S: Stored> Read for ContentReader<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ungiven = match self.ungiven {
            Some(ungiven) => ungiven,
            None => self.body.content_length().map_err(io_error)?,
        };
        if ungiven > 0 && self.given == self.padded.len() {
            self.open_run()?;
        }
        let content = &self.padded[self.given..];
        let count = buffer.len().min(content.len()).min(usize::try_from(ungiven).unwrap_or(usize::MAX));
        buffer[..count].copy_from_slice(&content[..count]);
        self.given += count;
        self.ungiven = Some(ungiven - count as u64);
        if ungiven == 0 {
            self.finish()?;
        }
        Ok(count)
    }
}

/// A content followed by its padding.
struct Padded<'c> {
    content: &'c mut (dyn Read + Send + 'c),
    length: u64,
    /// How much of the padding is left, once the content has ended; and whether its mark is.
    padding: Option<(u64, bool)>,
}

impl Read for Padded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.padding.is_none() {
            match self.content.read(buffer)? {
                0 if !buffer.is_empty() => self.padding = Some((padding_of(self.length), true)),
                count => {
                    self.length += count as u64;
                    return Ok(count);
                }
            }
        }
        let Some((rest, is_marked)) = &mut self.padding else { return Ok(0) };
        let count = usize::try_from(*rest).unwrap_or(usize::MAX).min(buffer.len());
        let padding = &mut buffer[..count];
        padding.fill(0);
        if std::mem::take(is_marked) && count > 0 {
            padding[0] = 0x80;
        }
        *rest -= count as u64;
        Ok(count)
    }
}

/// What a source that is itself a sealed body says when it is not authentic.
fn not_authentic() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, NotAuthentic)
}

fn io_error(error: StreamError) -> io::Error {
    match error {
        StreamError::Read(error) | StreamError::Write(error) => error,
        StreamError::Different | StreamError::NotAuthentic => not_authentic(),
    }
}

pub(super) fn read_error(error: io::Error) -> StreamError {
    if matches!(error.get_ref(), Some(error) if error.is::<NotAuthentic>()) {
        StreamError::NotAuthentic
    } else {
        StreamError::Read(error)
    }
}
