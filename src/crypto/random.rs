//! Random bytes: from the operating system only. Nothing in the environment or a repository can change them.

use rand_core::{OsRng, RngCore};

/// Returns `N` fresh random bytes.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}
