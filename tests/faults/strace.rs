//! System calls of a command, listed and struck by strace(1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files;
use crate::world::{Outcome, World, run};

/// One system call of a clean run.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    /// The how manyth of this name it is in its thread, from 1.
    pub number: usize,
    /// Whether our own code runs already, and not the loader or the runtime.
    pub is_ours: bool,
    /// With its arguments, as strace shows it.
    pub shown: String,
}

/// What happens to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The call fails with this error, and is not carried out.
    Error(&'static str),
    /// This call, and all later ones of its name, fail.
    ErrorFrom(&'static str),
    /// The process is killed instead of the call.
    Kill,
    /// The signal arrives with the call.
    Stop(&'static str),
}

/// How a command ended that was struck.
pub struct Struck {
    pub outcome: Outcome,
    /// Whether the call took place at all.
    pub is_hit: bool,
    /// The number of the process.
    pub process: u32,
}

/// Tells whether system calls can be traced here; says so where not. CI promises that they can.
pub fn is_there() -> bool {
    let tried = Command::new("strace").args(["-f", "-b", "execve", "-o", "/dev/null", "true"]).output();
    let is_there = cfg!(target_os = "linux") && tried.is_ok_and(|tried| tried.status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "CI needs a strace that works");
        eprintln!("skipped: there is no strace that works here");
    }
    is_there
}

/// Runs a command and returns its calls, those of all its threads, in order; programs that it starts are not followed.
pub fn calls(world: &World, arguments: &[&str], stdin: &str, variables: &[(String, String)]) -> (Outcome, Vec<Call>) {
    let (outcome, log) = strace(world, &[], arguments, stdin, variables);
    let mut counts: BTreeMap<(u32, String), usize> = BTreeMap::new();
    let mut is_ours = false;
    let calls = log.lines().filter_map(|line| {
        let (thread, shown) = line.split_once(' ')?;
        let shown = shown.trim_start();
        let (name, arguments) = shown.split_once('(')?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return None;
        }
        // The first thing that the program does by itself is to forbid core dumps.
        is_ours |= name == "prlimit64" && arguments.contains("RLIMIT_CORE");
        let number = counts.entry((thread.parse().ok()?, name.to_owned())).or_default();
        *number += 1;
        Some(Call { name: name.to_owned(), number: *number, is_ours, shown: shown.to_owned() })
    });
    let calls = calls.collect();
    (outcome, calls)
}

/// Runs a command that is struck at one call.
pub fn strike(
    world: &World,
    call: &Call,
    fault: Fault,
    arguments: &[&str],
    stdin: &str,
    variables: &[(String, String)],
) -> Struck {
    let Call { name, number, .. } = call;
    let (injection, sign) = match fault {
        Fault::Error(error) => (format!("{name}:error={error}:when={number}"), "(INJECTED)".to_owned()),
        Fault::ErrorFrom(error) => (format!("{name}:error={error}:when={number}+"), "(INJECTED)".to_owned()),
        Fault::Kill => (format!("{name}:signal=KILL:when={number}"), "+++ killed by SIGKILL".to_owned()),
        Fault::Stop(signal) => (format!("{name}:signal={signal}:when={number}"), format!("--- SIG{signal} ")),
    };
    let mut options = vec!["-e".to_owned(), format!("trace={name}"), "-e".to_owned(), format!("inject={injection}")];
    // Much faster; but it injects no signals, and no program could be started that is not followed.
    let is_error = matches!(fault, Fault::Error(_) | Fault::ErrorFrom(_));
    options.extend((is_error && variables.is_empty()).then(|| "--seccomp-bpf".to_owned()));
    let (outcome, log) = strace(world, &options, arguments, stdin, variables);
    let process = log.split_once(' ').and_then(|(process, _)| process.parse().ok()).unwrap_or(0);
    Struck { outcome, is_hit: log.contains(&sign), process }
}

fn strace(
    world: &World,
    options: &[String],
    arguments: &[&str],
    stdin: &str,
    variables: &[(String, String)],
) -> (Outcome, String) {
    // Beside the world, not in it: there it would count as one of its files.
    let mut log = files::root(world).into_os_string();
    log.push(".strace");
    let log = PathBuf::from(log);
    let mut command = world.command(Path::new("strace"));
    command.args(["-f", "-s", "0", "-o"]).arg(&log).args(options);
    if !variables.is_empty() {
        // The editor is a program of its own: none of its calls are counted or struck.
        command.args(["-b", "execve"]);
    }
    command.arg("--");
    command.arg(env!("CARGO_BIN_EXE_secret")).args(arguments);
    command.env("TMPDIR", files::root(world).join("tmp"));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let outcome = run(&mut command, stdin.as_bytes());
    let text = std::fs::read_to_string(&log).expect("strace wrote its log");
    std::fs::remove_file(&log).expect("it is ours");
    (outcome, text)
}
