//! Doing the same for each of many values, on all cores.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// Returns what `work` makes of each index below `count`, in order. Few are done at once: threads cost more than they.
pub fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    if count < MIN_PARALLEL { (0..count).map(work).collect() } else { (0..count).into_par_iter().map(work).collect() }
}

/// Sealing takes some microseconds, starting the threads some hundred.
const MIN_PARALLEL: usize = 256;
