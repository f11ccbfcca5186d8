//! Opaque bodies that stream past: the same as in memory, and nothing whole comes of a changed one.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::Mutex;

use secret::crypto::{BodyChecksum, CHECKSUM_BYTES, CHUNK_BYTES, LeafId, SEALED_CHUNK_BYTES};
use secret::document::Format;
use secret::envelope::native::{
    Content, EncryptedFile, NewBody, OpaqueFile, OpaqueTop, Plain, RUN_CHUNKS, Receipt, Stored, StreamError,
    carried_to, carry_opaque, is_as_sealed, seal_opaque,
};
use zeroize::Zeroizing;

use crate::generate::{File, Sample, day};

/// How many chunks are worked on at once.
const RUN: usize = RUN_CHUNKS * CHUNK_BYTES;

#[test]
fn a_content_of_any_length_is_sealed_as_in_memory() {
    let file = opaque();
    let lengths = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, RUN - 1, RUN, RUN + 1, 2 * RUN + 70_000];
    let mut count = 0;
    for length in lengths {
        for content in [pattern(length), with_false_end(length)] {
            let streamed = seal(&file, &content);
            assert!(file.open(&streamed).expect("it opens in memory").plaintext.as_slice() == content, "{length}");
            let in_memory = file.seal(&content, None, 1).expect("any bytes can be sealed");
            assert_eq!(in_memory.len(), streamed.len());
            for sealed in [streamed, in_memory] {
                let (opened, result) = open(&file, &sealed);
                assert!(result.is_ok() && opened == content, "{length}");
            }
            count += 1;
        }
    }
    println!("{count} contents came back byte for byte");
}

#[test]
fn no_changed_chunk_is_opened() {
    let file = opaque();
    let content = pattern(2 * CHUNK_BYTES + 777);
    let sealed = seal(&file, &content);
    let start = chunks_start(&sealed);
    let chunks = start..sealed.len() - CHECKSUM_BYTES;
    let is_near_border = |index: &usize| (index - start) % SEALED_CHUNK_BYTES < 2 || index.is_multiple_of(19_973);
    let mut tried = 0;
    for index in chunks.clone().filter(is_near_border) {
        for change in ["flip", "zero", "set", "delete", "repeat"] {
            let mut changed = sealed.clone();
            match change {
                "flip" => changed[index] ^= 1 << (index % 8),
                "zero" => changed[index] = 0,
                "set" => changed[index] = 0xff,
                "delete" => _ = changed.remove(index),
                _ => changed.insert(index, changed[index]),
            }
            if changed != sealed {
                tried += refused(&file, changed, &content, &format!("{change} at {index}"));
            }
        }
    }
    println!("{tried} changed files, all refused, with and without a checksum that fits");
    assert!(tried > 100);
}

#[test]
fn chunks_are_bound_to_their_place_their_number_and_their_file() {
    let file = opaque();
    let content = pattern(3 * CHUNK_BYTES + 3);
    let sealed = seal(&file, &content);
    let other = seal(&file, &content);
    let start = chunks_start(&sealed);
    let (top, end) = (sealed[..start].to_vec(), sealed.len() - CHECKSUM_BYTES);
    let chunks: Vec<&[u8]> = sealed[start..end].chunks(SEALED_CHUNK_BYTES).collect();
    let others: Vec<&[u8]> = other[start..end].chunks(SEALED_CHUNK_BYTES).collect();
    let mut variants: Vec<Vec<&[u8]>> = Vec::new();
    for one in 0..chunks.len() {
        let mut dropped = chunks.clone();
        dropped.remove(one);
        let mut repeated = chunks.clone();
        repeated.insert(one, chunks[one]);
        let mut foreign = chunks.clone();
        foreign[one] = others[one];
        variants.extend([dropped, repeated, foreign, chunks[..one].to_vec()]);
        for two in one + 1..chunks.len() {
            let mut swapped = chunks.clone();
            swapped.swap(one, two);
            variants.push(swapped);
        }
    }
    let mut tried = 0;
    for (index, variant) in variants.into_iter().enumerate() {
        let changed = [&top, variant.concat().as_slice(), &[0; CHECKSUM_BYTES]].concat();
        tried += refused(&file, changed, &content, &format!("variant {index}"));
    }
    // Cut near each border, and in the middle.
    for border in (start..sealed.len()).step_by(SEALED_CHUNK_BYTES) {
        for cut in [0, 1, 15, 16, 17, SEALED_CHUNK_BYTES / 2, SEALED_CHUNK_BYTES - 1] {
            if let Some(changed) = sealed.get(..border + cut) {
                tried += refused(&file, changed.to_vec(), &content, &format!("cut at {border} + {cut}"));
            }
        }
    }
    println!("{tried} files with chunks moved, missing, foreign or cut off, all refused");
}

#[test]
fn a_body_is_carried_over_as_it_is_and_only_if_it_is_authentic() {
    let file = opaque();
    let content = pattern(RUN + 12345);
    let sealed = Zeroizing::new(seal(&file, &content));
    let previous = parse(&file, &sealed);
    let mut header = previous.header.clone();
    header.metadata.owner = Some("payments".to_owned());
    let mut written = Vec::new();
    let body = previous.body(&sealed).expect("a body");
    carry_opaque(&header, &previous, &body, &mut written).expect("it is authentic");
    let written = Zeroizing::new(written);
    let opened =
        EncryptedFile::parse(&written).expect("a file").open(&file.secrets.payload(&header)).expect("it opens");
    assert!(opened.plaintext.as_slice() == content);
    assert_eq!((opened.header.revision, opened.header.metadata.owner.as_deref()), (2, Some("payments")));
    assert!(carried_to(&written, &header, &file.secrets, &body).expect("it reads"));

    for index in [chunks_start(&sealed), sealed.len() / 2, sealed.len() - 5, sealed.len() - 1] {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        let body = previous.body(&changed).expect("a body");
        let carried = carry_opaque(&header, &previous, &body, &mut Vec::new());
        assert!(matches!(carried, Err(StreamError::NotAuthentic)), "{index}");
        // What the storage did to what was written shows as well.
        let mut damaged = written.clone();
        let end = damaged.len();
        damaged[end - (sealed.len() - index)] ^= 1;
        let body = previous.body(&sealed).expect("a body");
        assert!(!carried_to(&damaged, &header, &file.secrets, &body).expect("it reads"), "{index}");
    }
}

#[test]
fn what_the_storage_did_to_a_sealed_file_shows_at_every_place() {
    let file = opaque();
    let content = Zeroizing::new(pattern(RUN + 99));
    let mut written = Vec::new();
    let receipt = write(&file, &Plain(&content), &mut written).expect("it is sealed");
    let is_whole = |written: Vec<u8>| {
        is_as_sealed(Zeroizing::new(written), &file.header, &file.secrets, &receipt).expect("it reads")
    };
    assert!(is_whole(written.clone()));
    let start = chunks_start(&written);
    let end = written.len();
    // All of the header and the first line, borders of chunks, the padding, the checksum, and places in between.
    let borders = (start..end).step_by(SEALED_CHUNK_BYTES).flat_map(|border| border - 17..(border + 17).min(end));
    let places: Vec<usize> = (0..start).chain(borders).chain((start..end).step_by(9973)).chain(end - 40..end).collect();
    for place in &places {
        let mut damaged = written.clone();
        damaged[*place] ^= 1 << (place % 8);
        assert!(!is_whole(damaged), "a bit at {place}");
    }
    let without = |from: usize, to: usize| [&written[..from], &written[to..]].concat();
    let chunk = start..start + SEALED_CHUNK_BYTES;
    for damaged in [
        without(end - 1, end),
        without(chunk.start, chunk.end),
        without(start, end),
        [written.as_slice(), b"x"].concat(),
        [&written[..chunk.end], &written[chunk.start..]].concat(),
        [&written[..start], &vec![0; end - start]].concat(),
    ] {
        assert!(!is_whole(damaged));
    }
    println!("{} flipped bits, all found", places.len());
}

#[test]
fn another_body_under_the_same_keys_is_not_what_was_sealed() {
    let file = opaque();
    let content = Zeroizing::new(pattern(RUN + 99));
    let receipt = write(&file, &Plain(&content), &mut Vec::new()).expect("it is sealed");
    for other in [pattern(RUN + 98), content.to_vec()] {
        let stale = Zeroizing::new(seal(&file, &other));
        assert!(open(&file, &stale).1.is_ok(), "it is authentic");
        assert!(!is_as_sealed(&stale, &file.header, &file.secrets, &receipt).expect("it reads"));
    }
}

#[test]
fn what_is_authentic_opens_and_nothing_else_is() {
    let file = opaque();
    for length in [0, CHUNK_BYTES, RUN - 1, 2 * RUN + 70_000] {
        let sealed = Zeroizing::new(seal(&file, &with_false_end(length)));
        let top = parse(&file, &sealed);
        let agree = |sealed: &Zeroizing<Vec<u8>>| {
            let Ok(body) = top.body(sealed) else { return false };
            let opens = body.open(None, |_| Ok(())).is_ok();
            assert_eq!(body.authenticate(None).is_ok(), opens);
            assert_eq!(body.carry(&mut Vec::new()).is_ok(), opens);
            opens
        };
        assert!(agree(&sealed));
        for place in (chunks_start(&sealed)..sealed.len()).step_by(39_989).chain([sealed.len() - 1]) {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(!agree(&changed), "{length}: {place}");
            mend_checksum(&file, &mut changed);
            assert!(!agree(&changed) || *changed == *sealed, "{length}: {place}, checksum mended");
        }
    }
}

#[test]
fn a_source_that_gives_little_is_interrupted_or_fails_is_read_or_named() {
    let file = opaque();
    let content = pattern(CHUNK_BYTES + 5000);
    let mut written = Vec::new();
    write(&file, &Halting { content: &content, fails_at: None }, &mut written).expect("it is sealed");
    assert!(open(&file, &written).0 == content);
    for fails_at in [0, 1, content.len() - 1, content.len()] {
        let mut sink = Vec::new();
        let failed = write(&file, &Halting { content: &content, fails_at: Some(fails_at) }, &mut sink);
        assert!(matches!(failed, Err(StreamError::Read(error)) if error.kind() == ErrorKind::Other), "{fails_at}");
    }
}

#[test]
fn a_full_disk_ends_the_writing() {
    let file = opaque();
    let content = Zeroizing::new(pattern(2 * RUN));
    let length = seal(&file, &content).len();
    for room in [0, 1, 2000, RUN, RUN + RUN / 2, length - 1] {
        let failed = write(&file, &Plain(&content), &mut Full { room });
        assert!(
            matches!(failed, Err(StreamError::Write(error)) if error.kind() == ErrorKind::StorageFull),
            "{room} bytes"
        );
    }
    assert!(write(&file, &Plain(&content), &mut Full { room: length }).is_ok());
}

#[test]
fn a_sealed_content_is_sealed_again_under_another_key() {
    let (file, other) = (opaque(), opaque());
    for length in [0, CHUNK_BYTES, RUN, RUN + 3] {
        for content in [pattern(length), with_false_end(length)] {
            let sealed = Zeroizing::new(seal(&file, &content));
            let mut resealed = Vec::new();
            let body = parse(&file, &sealed).body(&sealed).expect("a body");
            write(&other, &body, &mut resealed).expect("it is sealed");
            let (opened, result) = open(&other, &resealed);
            assert!(result.is_ok() && opened == content, "{length}");
            // Only what is authentic is sealed again.
            for index in [sealed.len() - 1, sealed.len() - 5, chunks_start(&sealed)] {
                let mut changed = sealed.clone();
                changed[index] ^= 1;
                let body = parse(&file, &sealed).body(&changed).expect("a body");
                let failed = write(&other, &body, &mut Vec::new());
                assert!(matches!(failed, Err(StreamError::NotAuthentic)), "{length}: {index}");
            }
        }
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_not_authentic() {
    let file = opaque();
    let sealed = seal(&file, &pattern(2 * RUN));
    let top = parse(&file, &Zeroizing::new(sealed.clone()));
    let shrinking = Shrinking { file: sealed.clone(), reads: Mutex::new(0) };
    let body = top.body(&shrinking).expect("a body");
    assert!(matches!(body.open(None, |_| Ok(())), Err(StreamError::NotAuthentic)));
}

/// A content that comes byte by byte almost, with interruptions, and may fail.
struct Halting<'c> {
    content: &'c [u8],
    fails_at: Option<usize>,
}

struct HaltingReader<'c> {
    content: &'c [u8],
    fails_at: Option<usize>,
    at: usize,
    turn: usize,
}

impl Content for Halting<'_> {
    fn reader(&self, _is_first: bool) -> Box<dyn Read + Send + '_> {
        Box::new(HaltingReader { content: self.content, fails_at: self.fails_at, at: 0, turn: 0 })
    }
}

impl Read for HaltingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(3) {
            return Err(ErrorKind::Interrupted.into());
        }
        let end = self.fails_at.unwrap_or(self.content.len());
        let count = buffer.len().min(1 + self.turn % 977).min(end - self.at);
        if count == 0 && self.fails_at.is_some() {
            return Err(io::Error::other("the disk is broken"));
        }
        buffer[..count].copy_from_slice(&self.content[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// A disk with some room left.
struct Full {
    room: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.room);
        self.room -= count;
        if count == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(count) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that somebody cuts off after its end was read.
struct Shrinking {
    file: Vec<u8>,
    reads: Mutex<usize>,
}

impl Stored for Shrinking {
    fn length(&self) -> u64 {
        self.file.len() as u64
    }

    fn reader(&self, from: u64) -> Box<dyn Read + Send + '_> {
        let mut reads = self.reads.lock().expect("no panic");
        *reads += 1;
        let end = if *reads > 1 { self.file.len() - RUN } else { self.file.len() };
        Box::new(&self.file[usize::try_from(from).expect("a place").min(end)..end])
    }
}

fn opaque() -> File {
    File::new(&Sample::of(Format::Opaque, ""))
}

fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// A content that looks as if it ended long before it does.
fn with_false_end(length: usize) -> Vec<u8> {
    let mut content = vec![0; length];
    content.iter_mut().take(1).for_each(|byte| *byte = 0x80);
    content.iter_mut().rev().take(1).for_each(|byte| *byte = 0x80);
    content
}

fn write(file: &File, content: &dyn Content, sink: &mut (impl Write + Send)) -> Result<Receipt, StreamError> {
    let body = NewBody { day: day(1), generation: 1, id: LeafId([7; 8]) };
    seal_opaque(&file.header, &file.secrets, None, &body, content, sink)
}

fn seal(file: &File, content: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    write(file, &Plain(&Zeroizing::new(content.to_vec())), &mut sealed).expect("any bytes can be sealed");
    sealed
}

fn parse(file: &File, sealed: &[u8]) -> OpaqueFile {
    let top = OpaqueTop::parse(sealed).expect("a header").expect("an opaque file");
    top.open(&file.secrets.payload(&file.header)).expect("an authentic header")
}

/// Opens a file; returns what was handed on, and whether that is all.
fn open(file: &File, sealed: &[u8]) -> (Vec<u8>, Result<(), String>) {
    let sealed = Zeroizing::new(sealed.to_vec());
    let mut content = Vec::new();
    let top =
        OpaqueTop::parse(&sealed).ok().flatten().and_then(|top| top.open(&file.secrets.payload(&file.header)).ok());
    let Some(body) = top.and_then(|top| top.body(&sealed).ok()) else { return (content, Err("no body".to_owned())) };
    let result = body.open(None, |piece| {
        content.extend_from_slice(piece);
        Ok(())
    });
    (content, result.map(|_| ()).map_err(|error| error.to_string()))
}

/// Demands that a changed file is refused, as it is and with the checksum mended; returns how many were tried.
#[track_caller]
fn refused(file: &File, mut changed: Vec<u8>, content: &[u8], what: &str) -> usize {
    for mended in [false, true] {
        if mended {
            mend_checksum(file, &mut changed);
        }
        let (opened, result) = open(file, &changed);
        assert!(result.is_err(), "{what}, mended: {mended}");
        assert!(content.starts_with(&opened), "{what}: something else than the content was handed on");
    }
    2
}

/// Makes the checksum fit, as everybody can.
fn mend_checksum(file: &File, sealed: &mut [u8]) {
    let start = chunks_start(sealed);
    let Some(end) = sealed.len().checked_sub(CHECKSUM_BYTES).filter(|end| *end >= start) else { return };
    let Ok(Some(top)) = OpaqueTop::parse(sealed) else { return };
    let Ok(top) = top.open(&file.secrets.payload(&file.header)) else { return };
    let mut checksum = BodyChecksum::new(top.associated_data(), &top.stamp.salt);
    checksum.update(&sealed[start..end]);
    sealed[end..].copy_from_slice(&checksum.finish());
}

fn chunks_start(sealed: &[u8]) -> usize {
    let end = b"secret/v1 end\n";
    let body = sealed.windows(end.len()).position(|window| window == end).expect("a header") + end.len();
    body + sealed[body..].iter().position(|byte| *byte == b'\n').expect("a stamp") + 1
}
