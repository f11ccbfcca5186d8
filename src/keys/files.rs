//! Reading an identity file: the only access of this layer to the file system.

use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Reads a whole file of at most `limit` bytes.
///
/// # Errors
/// When it cannot be read, or with [`io::ErrorKind::FileTooLarge`].
//
// Integrator: point this at `crate::fs`, the project's bounded read; nothing else here touches files.
pub(super) fn read_file(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let file = std::fs::File::open(path)?;
    // One byte more than the file has, so that reading to the end never moves the buffer and leaves a copy behind.
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX).min(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.max(16 << 10) + 32));
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}
