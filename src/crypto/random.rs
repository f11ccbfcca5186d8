//! Random bytes: from the operating system only. Nothing in the environment or a repository can change them.

use std::cell::RefCell;

use rand_core::{OsRng, RngCore};
use zeroize::{Zeroize, Zeroizing};

/// Returns `N` fresh random bytes, at most `DRAWN_BYTES`.
pub fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= DRAWN_BYTES) };
    DRAWN.with_borrow_mut(Drawn::take)
}

/// Bytes that the operating system gave and nobody has had yet. To ask for each salt alone costs more than sealing.
struct Drawn {
    bytes: Zeroizing<[u8; DRAWN_BYTES]>,
    used: usize,
}

impl Drawn {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        if self.used + N > DRAWN_BYTES {
            OsRng.fill_bytes(&mut *self.bytes);
            self.used = 0;
        }
        let taken = &mut self.bytes[self.used..self.used + N];
        self.used += N;
        let mut random = [0; N];
        random.copy_from_slice(taken);
        // A byte is handed out once, and not found in memory afterwards.
        taken.zeroize();
        random
    }
}

thread_local! {
    static DRAWN: RefCell<Drawn> =
        RefCell::new(Drawn { bytes: Zeroizing::new([0; DRAWN_BYTES]), used: DRAWN_BYTES });
}

const DRAWN_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::random;

    #[test]
    fn no_bytes_are_handed_out_twice() {
        let drawn = || (0..1_000).map(|_| random::<8>()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(drawn)).collect();
        let all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).chain(drawn()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 5_000);
        assert!(!all.contains(&[0; 8]));
    }
}
