//! Holding back the signals that ask this process to end, while there is something that must not be lost with it.
//!
//! A program that runs meanwhile gets what was sent to this process alone; what a terminal sends has reached it already.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rustix::process::Pid;
use signal_hook::SigId;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::{Handle, SignalsInfo};

use super::ProcessError;
use super::attend::{ignored_signals, is_for_program, send};

/// The signals that are held back, until this is dropped. Those that were ignored before are ignored still.
pub struct Interrupts {
    /// The last that came: set by the handler itself, so that it is known before a wait that it has ended returns.
    came: Arc<AtomicUsize>,
    running: Arc<Mutex<Option<Pid>>>,
    flags: Vec<SigId>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Interrupts {
    /// Begins to hold them back; `program` is named where the system refuses.
    ///
    /// # Errors
    /// When the system would not tell of signals.
    pub fn hold(program: &OsStr) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Attend { program: PathBuf::from(program), source };
        let ignored = ignored_signals();
        let held: Vec<i32> = HELD.into_iter().filter(|signal| !ignored.contains(signal)).collect();
        let came = Arc::new(AtomicUsize::new(0));
        let flag = |signal: &i32| {
            signal_hook::flag::register_usize(*signal, Arc::clone(&came), signal.cast_unsigned() as usize)
        };
        let flags: Vec<SigId> = held.iter().map(flag).collect::<Result<_, _>>().map_err(failed)?;
        let mut signals = SignalsInfo::<WithOrigin>::new(&held).map_err(failed)?;
        let handle = signals.handle();
        let running = Arc::new(Mutex::new(None));
        let told = Arc::clone(&running);
        let tell = move || {
            for origin in signals.forever().filter(is_for_program) {
                if let Some(program) = *lock(&told) {
                    send(program, origin.signal);
                }
            }
        };
        let thread = std::thread::Builder::new().name("interrupts".to_owned()).spawn(tell).map_err(failed)?;
        Ok(Self { came, running, flags, handle, thread: Some(thread) })
    }

    /// Returns the signal that came, if one has.
    pub fn came(&self) -> Option<i32> {
        i32::try_from(self.came.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
    }

    /// Names the program that is to get them, as long as its number is its own.
    pub(super) fn hand_to(&self, program: Option<Pid>) {
        let mut running = lock(&self.running);
        *running = program;
        // Before it was there it got nothing from anybody.
        if let (Some(program), Some(signal)) = (program, self.came()) {
            send(program, signal);
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.handle.close();
        for flag in self.flags.drain(..) {
            signal_hook::low_level::unregister(flag);
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock(running: &Mutex<Option<Pid>>) -> MutexGuard<'_, Option<Pid>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those that end a process which does not know them, and that people and systems send for that.
const HELD: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];
