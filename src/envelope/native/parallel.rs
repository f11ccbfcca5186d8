//! Doing the same for each of many values, on all cores.

use std::ops::Range;

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

/// Returns what `work` makes of each index below `count`, in order. Few are done at once: threads cost more than they.
pub fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    if count < MIN_PARALLEL { (0..count).map(work).collect() } else { (0..count).into_par_iter().map(work).collect() }
}

/// Returns what `work` makes of each part of the indexes below `count`, in order: so it can use one buffer for a whole
/// part. Memory that one thread takes and another gives back is dear.
pub fn in_parts<T: Send>(count: usize, work: impl Fn(Range<usize>) -> T + Send + Sync) -> Vec<T> {
    if count < MIN_PARALLEL {
        return vec![work(0..count)];
    }
    let part = |number: usize| work(number * PART..count.min((number + 1) * PART));
    (0..count.div_ceil(PART)).into_par_iter().with_max_len(1).map(part).collect()
}

/// Frees something that is made of `count` pieces and holds no secret. Many are freed by another thread, while this one
/// goes on; what is left when the program ends, the system frees at once.
pub fn free<T: Send + 'static>(count: usize, unneeded: T) {
    if count >= MIN_PARALLEL {
        rayon::spawn(move || drop(unneeded));
    }
}

/// Sealing takes some microseconds, starting the threads some hundred.
const MIN_PARALLEL: usize = 256;
/// How many values make a part: enough that handing it out costs nothing, and few enough that no core is idle.
const PART: usize = 512;
