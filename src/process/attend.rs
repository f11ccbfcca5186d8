//! Waiting for a program that was started for the user, in a way that it need not know of us: signals, job control and
//! its end are as if a shell had started it.
//!
//! The program stays in our process group, so the terminal is its own as it was ours. What the terminal sends (Ctrl-C,
//! Ctrl-Z) has reached the whole group, and is not sent on; what somebody sends to this process alone is.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, WaitOptions, getpid, getsid, kill_process, waitpid};
use signal_hook::consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::{Cause, Origin};

use super::{ProcessError, spawn};
use crate::fs;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// Starts a prepared program and waits for its end.
pub(super) fn attend(command: &mut Command) -> Result<Ended, ProcessError> {
    let program = PathBuf::from(command.get_program());
    let failed = |source| ProcessError::Attend { program: program.clone(), source };
    // A signal that was ignored when we came (`nohup`) is ignored by the program too, unless a handler of ours is there
    // when it starts. All others are caught before: of those we would die, and leave the program behind.
    let ignored = ignored_signals();
    let mut signals = SignalsInfo::<WithOrigin>::new([SIGCHLD]).map_err(failed)?;
    let (later, now): (Vec<i32>, Vec<i32>) = SENT_ON.iter().partition(|signal| ignored.contains(signal));
    now.iter().try_for_each(|signal| signals.add_signal(*signal)).map_err(failed)?;
    let child = spawn(command)?;
    let child = Pid::from_raw(child.id().cast_signed()).expect("a process has a number that is not zero");
    // Whatever comes from here on, the program is not left behind: an error would do that, so it is done without.
    let _ = later.iter().try_for_each(|signal| signals.add_signal(*signal));
    // Before it was there it got nothing from the terminal.
    signals.pending().filter(|origin| origin.signal != SIGCHLD).for_each(|origin| send(child, origin.signal));
    loop {
        if let Some(ended) = look(child).map_err(failed)? {
            return Ok(ended);
        }
        // All is sent on before one looks: else a program that SIGCONT is about to wake would seem to have stopped.
        signals.wait().filter(is_for_program).for_each(|origin| send(child, origin.signal));
    }
}

/// Tells how the program ended, if it has. Stops with it if it has stopped, so that a shell notices.
fn look(child: Pid) -> io::Result<Option<Ended>> {
    loop {
        let status = match waitpid(Some(child), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(None) => return Ok(None),
            Ok(Some((_, status))) => status,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        if let Some(code) = status.exit_status() {
            return Ok(Some(Ended::Exited(code)));
        }
        if let Some(signal) = status.terminating_signal() {
            return Ok(Some(Ended::Killed(signal)));
        }
        // Of the signals that stop, this one is not caught here, and has no effect where no shell could wake us. It
        // stops this thread, and with it all, before it returns; the SIGCONT that ends the stop is then sent on.
        let _ = signal_hook::low_level::raise(SIGTTOU);
    }
}

/// Tells whether the program has not got a signal that reached this process.
pub(super) fn is_for_program(origin: &Origin) -> bool {
    let is_from_terminal = matches!(origin.cause, Cause::Kernel);
    match origin.signal {
        SIGCHLD => false,
        SIGINT | SIGQUIT | SIGTSTP => !is_from_terminal,
        // A terminal that goes away tells the leader of its session alone.
        SIGHUP => !is_from_terminal || getsid(None) == Ok(getpid()),
        _ => true,
    }
}

pub(super) fn send(child: Pid, signal: i32) {
    // It may have ended; until `look` has seen that, its number is nobody else's.
    if let Some(signal) = Signal::from_named_raw(signal) {
        let _ = kill_process(child, signal);
    }
}

/// Returns the signals that this process was told to ignore. Where the system does not say, it is taken for all of those
/// that are sent on: then there is a moment in which they would find this process without a handler.
pub(super) fn ignored_signals() -> BTreeSet<i32> {
    let status = fs::read_named(Path::new("/proc/self/status"), 1 << 20).unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    let is_ignored = |signal: &i32| mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1);
    SENT_ON.into_iter().filter(is_ignored).collect()
}

/// What is caught here and, unless the program has got it too, sent on.
const SENT_ON: [i32; 8] = [SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2];
