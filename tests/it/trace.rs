//! Runs the program under strace: which programs it starts, whether it opens sockets, where it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::world::{Outcome, World, run};

/// What a traced program did.
pub struct Trace {
    pub outcome: Outcome,
    /// Every program that was started, in order; the first is the one that was asked for.
    pub programs: Vec<PathBuf>,
    /// The system calls that make or reach a socket.
    pub sockets: Vec<String>,
    /// Those that make or use a pair without a name, whose both ends stay in the process: by it, signals wake
    /// `exec` and `rotate --exec`.
    pub pairs: Vec<String>,
    /// Files that were opened for writing, and what was made, renamed and linked.
    pub written: BTreeSet<PathBuf>,
    /// Arguments and environment of every program but the first, and all names of files.
    pub text: String,
}

/// Runs a program of the world and traces it and all that it starts. `None`, and a word about it, without strace.
pub fn traced<A: AsRef<OsStr>>(
    world: &World,
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    stdin: &str,
    variables: &[(String, String)],
) -> Option<Trace> {
    let tracer = tracer()?;
    let output = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut command = world.command(Path::new(tracer[0]));
    command.args(&tracer[1..]).args(OPTIONS).arg(output.path()).arg(program).args(arguments);
    let outcome = run(command.envs(variables.iter().map(|(name, value)| (name, value))), stdin.as_bytes());
    let log = String::from_utf8_lossy(&fs::read(output.path()).expect("the trace")).into_owned();
    Some(Trace::read(&log, outcome))
}

impl Trace {
    pub fn read(log: &str, outcome: Outcome) -> Self {
        let mut trace = Self {
            outcome,
            programs: Vec::new(),
            sockets: Vec::new(),
            pairs: Vec::new(),
            written: BTreeSet::new(),
            text: String::new(),
        };
        for call in calls(log) {
            let name = call.split('(').next().unwrap_or_default();
            let failed = call.rsplit(" = ").next().is_some_and(|result| result.starts_with('-'));
            match name {
                "execve" | "execveat" if !failed => {
                    trace.programs.push(call.split('"').nth(1).unwrap_or_default().into());
                    if trace.programs.len() == 1 {
                        continue;
                    }
                }
                "socketpair" if call.contains("AF_UNIX") && call.contains("SOCK_CLOEXEC") => {
                    trace.pairs.push(call.clone());
                }
                "socket" | "socketpair" | "connect" | "bind" | "listen" | "accept" | "accept4" => {
                    trace.sockets.push(call.clone());
                }
                // Whether a descriptor is a socket is found out so; this one is none.
                "sendto" if call.ends_with("ENOTSOCK (Socket operation on non-socket)") => {}
                // Without an address: to the other end of what was connected, or of a pair.
                "sendto" if call.contains("\"X\", 1, MSG_DONTWAIT, NULL, 0)") => trace.pairs.push(call.clone()),
                "recvfrom" if call.contains("NULL, NULL)") || call.contains("MSG_DONTWAIT, NULL") => {
                    trace.pairs.push(call.clone());
                }
                "sendto" | "sendmsg" | "sendmmsg" | "recvfrom" | "recvmsg" | "recvmmsg" => {
                    trace.sockets.push(call.clone());
                }
                "open" | "openat" | "openat2" | "creat" if !failed => {
                    let is_written = ["creat(", "O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|mark| call.contains(mark));
                    let opened = call.rsplit_once('<').map(|(_, path)| absolute(path.trim_end_matches('>')));
                    trace.written.extend(opened.filter(|_| is_written));
                }
                _ if MAKING.iter().any(|making| name.starts_with(making)) && !failed => {
                    let named = call
                        .split('"')
                        .skip(1)
                        .step_by(2)
                        .chain(call.split('<').skip(1).filter_map(|rest| rest.split('>').next()));
                    trace.written.extend(named.filter(|path| path.starts_with('/')).map(absolute));
                }
                _ => {}
            }
            trace.text.push_str(&call);
            trace.text.push('\n');
        }
        trace
    }

    /// Returns the calls without the variables of the programs that were started.
    pub fn text_without_variables(&self) -> String {
        let without = |call: &str| match call.split_once("], [") {
            Some((start, _)) if call.starts_with("execve") => start.to_owned(),
            _ => call.to_owned(),
        };
        self.text.lines().map(without).collect::<Vec<_>>().join("\n")
    }

    /// Returns what was written anywhere but in these folders and on devices that keep nothing.
    pub fn written_outside(&self, folders: &[&Path]) -> Vec<&PathBuf> {
        let is_known = |path: &Path| {
            folders.iter().any(|folder| path.starts_with(folder))
                || ["/dev/null", "/dev/tty", "/dev/ptmx"].iter().any(|device| path == Path::new(device))
                || ["/dev/pts", "/proc", "/dev/shm/secret-edit-"]
                    .iter()
                    .any(|start| path.display().to_string().starts_with(start))
        };
        self.written.iter().filter(|path| !is_known(path)).collect()
    }
}

/// Returns the calls of a log, each whole: of several threads, one call's end may stand behind another call.
fn calls(log: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, String> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(process, start.to_owned());
        } else if let Some((_, end)) = call.strip_prefix("<... ").and_then(|call| call.split_once(" resumed>")) {
            calls.push(begun.remove(process).unwrap_or_default() + end);
        } else {
            calls.push(call.to_owned());
        }
    }
    calls.extend(begun.into_values());
    calls
}

fn absolute(path: &str) -> PathBuf {
    PathBuf::from(path.trim_end_matches("(deleted)").trim_end())
}

/// Returns how strace is called, if it is there and sees what a protected process does.
///
/// Our program cannot be traced by its own user, so strace has to be root, or root of a namespace of its own.
pub fn tracer() -> Option<&'static [&'static str]> {
    static TRACER: OnceLock<Option<&'static [&'static str]>> = OnceLock::new();
    let found = *TRACER.get_or_init(|| {
        let works = |tracer: &[&str]| {
            let output = tempfile::NamedTempFile::new().expect("a temporary file");
            let mut command = Command::new(tracer[0]);
            command.args(&tracer[1..]).args(OPTIONS).arg(output.path());
            command.args([env!("CARGO_BIN_EXE_secret"), "ls", "/nonexistent"]).env_clear().stdin(Stdio::null());
            command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", "/nonexistent");
            command.output().is_ok() && fs::read_to_string(output.path()).is_ok_and(|log| log.contains("\"/dev/shm\""))
        };
        [&["strace"][..], &["unshare", "--user", "--map-root-user", "strace"]].into_iter().find(|tracer| works(tracer))
    });
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "strace is missing, or is not allowed to trace");
        eprintln!("skipped: strace is missing, or is not allowed to trace");
    }
    found
}

const MAKING: [&str; 5] = ["mkdir", "mknod", "rename", "link", "symlink"];
pub const OPTIONS: [&str; 12] = [
    "--seccomp-bpf",
    "-f",
    "-qq",
    "-v",
    "-y",
    "-s",
    "65536",
    "-e",
    "signal=none",
    "-e",
    "trace=execve,execveat,%network,open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,\
     link,linkat,symlink,symlinkat",
    "-o",
];
