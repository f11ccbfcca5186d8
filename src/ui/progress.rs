//! How far a long work is, in one line of a terminal that is gone afterwards.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts what is done, on any thread; shows it when that takes long. Dropped, it removes its line.
pub struct Progress {
    done: &'static str,
    total: usize,
    count: AtomicUsize,
    is_shown: bool,
    /// When the line is written next, and whether there is one.
    next: Mutex<(Instant, bool)>,
}

impl Progress {
    pub(super) fn new(done: &'static str, total: usize, is_shown: bool) -> Self {
        let next = Mutex::new((Instant::now() + PATIENCE, false));
        Self { done, total, count: AtomicUsize::new(0), is_shown, next }
    }

    /// Counts one more.
    pub fn step(&self) {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.is_shown {
            return;
        }
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= next.0 {
            *next = (now + PACE, true);
            let _ = io::stderr().write_all(line(count, self.total, self.done).as_bytes());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.next.lock().unwrap_or_else(PoisonError::into_inner).1 {
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }
}

fn line(count: usize, total: usize, done: &str) -> String {
    format!("\r{count} of {total} files {done}\x1b[K")
}

/// What takes less time shows nothing.
const PATIENCE: Duration = Duration::from_secs(1);
const PACE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_work_shows_nothing_and_a_line_says_how_far_it_is() {
        let progress = Progress::new("written", 3, true);
        progress.step();
        assert!(!progress.next.lock().expect("no panic").1);
        assert_eq!(line(1, 3, "written"), "\r1 of 3 files written\x1b[K");
    }
}
