//! Runs of chunks on their way: they are read, worked on and handed on side by side, each in a buffer of its own.

use std::io::{self, Read};

use rayon::join;
use zeroize::Zeroizing;

use super::stream::{StreamError, read_error};
use crate::crypto::{CHUNK_BYTES, Run, SEALED_CHUNK_BYTES, TAG_BYTES};

/// A run of chunks on its way.
#[derive(Default)]
pub(super) struct Batch {
    /// What was read; work may change it.
    pub input: Zeroizing<Vec<u8>>,
    /// What became of it, where it needs another place.
    pub output: Zeroizing<Vec<u8>>,
}

impl Batch {
    /// Reads a run of chunks as they stand; fewer only at the end.
    pub(super) fn read(&mut self, source: &mut (impl Read + ?Sized), chunk_bytes: usize) -> Result<(), StreamError> {
        self.input.resize(RUN_CHUNKS * chunk_bytes, 0);
        let read = fill(source, &mut self.input);
        self.input.truncate(*read.as_ref().unwrap_or(&0));
        read.map(|_| ()).map_err(read_error)
    }

    /// Reads a run of chunks, each to a place with room for its tag behind it; fewer only at the end.
    pub(super) fn read_with_room_for_tags(&mut self, source: &mut (impl Read + ?Sized)) -> Result<(), StreamError> {
        self.input.resize(RUN_CHUNKS * SEALED_CHUNK_BYTES, 0);
        let mut end = 0;
        for chunk in self.input.chunks_mut(SEALED_CHUNK_BYTES) {
            let read = fill(source, &mut chunk[..CHUNK_BYTES]).map_err(read_error)?;
            if read > 0 {
                end += read + TAG_BYTES;
            }
            if read < CHUNK_BYTES {
                break;
            }
        }
        self.input.truncate(end);
        Ok(())
    }
}

/// Takes runs of chunks from `read` until it brings none, works on them, and hands them on in order. While one is worked
/// on, the next but one is read and the one before hashed and handed on. A run gets there only after the work on it has
/// succeeded.
pub(super) fn pump(
    mut read: impl FnMut(&mut Batch) -> Result<(), StreamError> + Send,
    mut work: impl FnMut(Run, &mut Batch) -> Result<(), StreamError> + Send,
    mut hash: impl FnMut(&Batch) + Send,
    mut hand_on: impl FnMut(&Batch) -> Result<(), StreamError> + Send,
) -> Result<(), StreamError> {
    // As one task of the pool: from outside each `join` would wake it up and wait for it.
    rayon::scope(|_| {
        let [mut done, mut ready, mut ahead, mut spare] = std::array::from_fn(|_| Batch::default());
        read(&mut ready)?;
        read(&mut ahead)?;
        let mut first = 0;
        while !ready.input.is_empty() {
            let run = Run { first, is_end: ahead.input.is_empty() };
            first += RUN_CHUNKS as u64;
            let has_done = !done.input.is_empty();
            let move_on = || {
                let handed_on = if has_done { hand_on(&done) } else { Ok(()) };
                (handed_on, if run.is_end { Ok(()) } else { read(&mut spare) })
            };
            // What cannot be divided begins first; the work, which is divided by chunks, takes whatever core is left.
            let ((), ((handed_on, read), worked)) = join(
                || {
                    if has_done {
                        hash(&done);
                    }
                },
                || join(move_on, || work(run, &mut ready)),
            );
            handed_on.and(worked).and(read)?;
            if run.is_end {
                spare.input.clear();
            }
            std::mem::swap(&mut done, &mut ready);
            std::mem::swap(&mut ready, &mut ahead);
            std::mem::swap(&mut ahead, &mut spare);
        }
        if done.input.is_empty() { Ok(()) } else { join(|| hash(&done), || hand_on(&done)).1 }
    })
}

/// Fills a buffer; returns how much of it, which is less only at the end of the source.
pub(super) fn fill(source: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// How many chunks are read, sealed or written at once: 2 MiB, of which a reader, a writer and the cipher have some each.
/// Fewer where the cipher is not optimised: they take as long, and tests of several runs are as short.
pub const RUN_CHUNKS: usize = if cfg!(debug_assertions) { 4 } else { 32 };
