//! Reading a file or stream whole, up to a limit, into memory that is wiped; and what was read, for a later compare.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::place::Place;
use super::{FsError, Root, Step};

/// Reads a regular file of at most `limit` bytes.
///
/// Follows symlinks, with a root only inside of it. A fifo or device is refused without waiting for it.
pub fn read(path: &Path, within: Option<&Root>, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
    read_place(&Place::find(path, within)?, limit)
}

/// Reads the regular file at a place; see [`read`].
pub(super) fn read_place(place: &Place, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
    let file = place.open()?;
    let refused = |source| FsError::io(Step::Read, &place.path, source);
    let expected = usize::try_from(file.metadata().map_err(refused)?.len()).unwrap_or(usize::MAX);
    let content = if expected > limit { None } else { read_at_most(file, expected, limit).map_err(refused)? };
    content.ok_or_else(|| FsError::TooLarge { path: place.path.clone(), limit })
}

/// Reads a regular file of at most `limit` bytes that decides what this user's programs do; follows symlinks.
///
/// # Errors
/// Also when it belongs to another user but root, or others may write to it.
pub fn read_own(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
    let place = Place::find(path, None)?;
    let file = place.open()?;
    let refused = |source| FsError::io(Step::Read, &place.path, source);
    let metadata = file.metadata().map_err(refused)?;
    let is_own = [0, rustix::process::geteuid().as_raw()].contains(&metadata.uid());
    if !is_own || metadata.mode() & 0o022 != 0 {
        return Err(FsError::NotOwn { path: place.path.clone() });
    }
    let expected = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    let content = read_at_most(file, expected, limit).map_err(refused)?;
    content.ok_or_else(|| FsError::TooLarge { path: place.path.clone(), limit })
}

/// Reads a file that the user names, of at most `limit` bytes; also from a pipe, as `--identity <(…)` gives one.
///
/// # Errors
/// What the system says, or [`io::ErrorKind::FileTooLarge`].
pub fn read_named(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = File::open(path)?;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    read_at_most(file, expected, limit)?.ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

/// Reads the beginning of a regular file: at most `limit` bytes.
///
/// Follows symlinks as [`read`] does.
pub fn read_top(path: &Path, within: Option<&Root>, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
    let place = Place::find(path, within)?;
    let mut top = Zeroizing::new(Vec::with_capacity(limit));
    place
        .open()?
        .take(limit as u64)
        .read_to_end(&mut top)
        .map_err(|source| FsError::io(Step::Read, &place.path, source))?;
    Ok(top)
}

/// Reads a stream to its end, `None` when that is more than `limit` bytes.
///
/// `expected` is a guess of the length; a right one saves copying. No unwiped copy is left behind in any case.
pub fn read_at_most(mut source: impl Read, expected: usize, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // One byte more than expected: there the end shows without growing.
    let mut buffer = Zeroizing::new(vec![0; expected.min(limit).saturating_add(1)]);
    let mut length = 0;
    loop {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length > limit {
            return Ok(None);
        }
        if length == buffer.len() {
            let mut larger = Zeroizing::new(vec![0; length.saturating_mul(2).max(CHUNK).min(limit.saturating_add(1))]);
            larger[..length].copy_from_slice(&buffer);
            buffer = larger;
        }
    }
    buffer.truncate(length);
    Ok(Some(buffer))
}

/// What a file held when it was read: its SHA-256, so that only the same content counts as unchanged.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot([u8; 32]);

impl Snapshot {
    /// Takes the snapshot of what was read.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// Returns the digest.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes the snapshot of what an open file holds from here to its end.
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let mut hash = Sha256::new();
        in_chunks(file, |chunk| hash.update(chunk))?;
        Ok(Self(hash.finalize().into()))
    }
}

/// Tells whether a source gives exactly these bytes.
pub(super) fn holds(source: impl Read, mut expected: &[u8]) -> io::Result<bool> {
    let mut same = true;
    in_chunks(source, |chunk| match expected.split_at_checked(chunk.len()) {
        Some((head, rest)) if head == chunk => expected = rest,
        _ => same = false,
    })?;
    Ok(same && expected.is_empty())
}

/// Hands a source on piece by piece, through memory that is wiped.
fn in_chunks(mut source: impl Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut buffer = Zeroizing::new(vec![0; CHUNK]);
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

const CHUNK: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::super::Kind;
    use super::super::unprivileged::as_ordinary_user;
    use super::*;

    /// Gives at most a few bytes a call, and is interrupted before each of them.
    struct Trickle<'a> {
        rest: &'a [u8],
        step: usize,
        interrupted: bool,
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = self.step.min(self.rest.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.rest[..count]);
            self.rest = &self.rest[count..];
            Ok(count)
        }
    }

    proptest! {
        #[test]
        fn a_stream_is_read_whole_or_is_too_large(
            content in proptest::collection::vec(any::<u8>(), 0..300),
            step in 1..50_usize, expected in 0..400_usize, limit in 0..400_usize,
        ) {
            let source = || Trickle { rest: &content, step, interrupted: false };
            let read = read_at_most(source(), expected, limit).expect("nothing fails");
            prop_assert_eq!(read.as_ref().map(|bytes| bytes.as_slice()), (content.len() <= limit).then_some(content.as_slice()));
            prop_assert!(holds(source(), &content).expect("nothing fails"));
        }

        #[test]
        fn another_content_is_not_what_is_held(content in any::<Vec<u8>>(), other in any::<Vec<u8>>()) {
            prop_assert_eq!(holds(content.as_slice(), &other).expect("nothing fails"), content == other);
        }
    }

    #[test]
    fn a_file_at_the_limit_is_read_and_one_beyond_it_is_refused() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = world.path().join("file");
        fs::write(&path, "12345").expect("a file");
        assert_eq!(**read(&path, None, 5).expect("a file"), *b"12345");
        assert!(matches!(read(&path, None, 4), Err(FsError::TooLarge { limit: 4, .. })));
    }

    #[test]
    fn what_is_missing_or_no_file_is_named() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let missing = world.path().join("missing");
        assert!(matches!(read(&missing, None, 9), Err(FsError::Missing { path }) if path.ends_with("missing")));
        assert!(matches!(read(&missing.join("deeper"), None, 9), Err(FsError::Missing { .. })));
        for folder in [world.path(), Path::new("/")] {
            assert!(matches!(read(folder, None, 9), Err(FsError::NotFile { kind: Kind::Folder, .. })));
        }
        assert!(matches!(read(Path::new("/dev/null"), None, 9), Err(FsError::NotFile { kind: Kind::Device, .. })));
    }

    #[test]
    fn a_fifo_does_not_block() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = world.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo runs");
        assert!(made.success());
        let start = Instant::now();
        assert!(matches!(read(&path, None, 9), Err(FsError::NotFile { kind: Kind::Fifo, .. })));
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_file_without_permission_is_named() {
        as_ordinary_user("fs::read::tests::a_file_without_permission_is_named", || {
            let world = tempfile::tempdir().expect("a temporary folder");
            let path = world.path().join("file");
            fs::write(&path, "x").expect("a file");
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("a mode");
            assert!(matches!(read(&path, None, 9), Err(FsError::Permission { step: Step::Open, .. })));
        });
    }
}
