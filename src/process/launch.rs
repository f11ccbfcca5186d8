//! Starting the program that the user names, with more variables: found as a shell finds it, waited for to its end.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use zeroize::Zeroizing;

use super::attend::{Ended, attend};
use super::{Interrupts, ProcessError, command, executable, spawn};
use crate::env::Env;
use crate::fs;

/// A program to be started, and what it is given.
pub struct Launch<'a> {
    /// Its name, or a path to it.
    pub program: &'a OsStr,
    /// Its arguments, as they are.
    pub arguments: &'a [OsString],
    /// Variables that take the place of those in the environment; without a value: the environment's own.
    pub variables: Vec<(&'a str, Option<&'a str>)>,
    /// Whether of the environment only what programs need to work at all is handed on.
    pub is_clean: bool,
}

/// What a program wrote, and how it ended.
pub struct Spoken {
    /// What it wrote.
    pub output: Zeroizing<Vec<u8>>,
    /// Why that is not what it was to write: it failed, or was interrupted.
    pub failure: Option<ProcessError>,
}

impl Launch<'_> {
    /// Starts the program and waits for its end.
    ///
    /// # Errors
    /// When it is not found, or does not start.
    pub fn run(self, env: &Env) -> Result<Ended, ProcessError> {
        attend(&mut self.prepare(env)?)
    }

    /// Finds the program, and does not start it.
    ///
    /// # Errors
    /// When it is not found, or not executable.
    pub fn check(&self, env: &Env) -> Result<(), ProcessError> {
        self.find(env).map(drop)
    }

    /// Starts the program, hands it a secret on its standard input, and returns what it writes to its standard output:
    /// at most `limit` bytes. Its messages go to this process's stderr. Whatever it leaves running is not waited for.
    /// With `interrupts` what it wrote is returned also when somebody ends it.
    ///
    /// # Errors
    /// When it is not found, does not start, or writes more.
    pub fn converse(
        self,
        env: &Env,
        input: &[u8],
        limit: usize,
        interrupts: Option<&Interrupts>,
    ) -> Result<Spoken, ProcessError> {
        let mut command = self.prepare(env)?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let program = || PathBuf::from(self.program);
        let failed = |source| ProcessError::Attend { program: program(), source };
        let interrupted = |signal| ProcessError::Interrupted { program: program(), signal };
        if let Some(signal) = interrupts.and_then(Interrupts::came) {
            return Err(interrupted(signal));
        }
        let mut child = spawn(&mut command)?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        // What the program leaves running may hold its output open for ever: so this pipe tells when it has ended itself.
        let (over, alive) = io::pipe().map_err(failed)?;
        let pid = Pid::from_child(&child);
        interrupts.inspect(|interrupts| interrupts.hand_to(Some(pid)));
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                let ended = || waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).err();
                // It is left to be waited for, so that its number stays its own.
                while ended() == Some(Errno::INTR) {}
                drop(alive);
            });
            // One that does not read its input shows that by what it writes, or by how it ends.
            scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input)));
            let output = stdout.map(|stdout| read_bounded(stdout, &over, limit)).transpose();
            if !matches!(&output, Ok(output) if output.as_ref().is_none_or(|output| output.len() <= limit)) {
                // Else it would wait for us to read on.
                let _ = child.kill();
            }
            output
        });
        interrupts.inspect(|interrupts| interrupts.hand_to(None));
        let status = child.wait().map_err(failed)?;
        let output = output.map_err(failed)?.unwrap_or_default();
        if output.len() > limit {
            return Err(ProcessError::TooMuch { program: program(), limit });
        }
        let failed = || (!status.success()).then(|| ProcessError::Failed { program: program(), status });
        let failure = interrupts.and_then(Interrupts::came).map(interrupted).or_else(failed);
        Ok(Spoken { output, failure })
    }

    /// Prepares the program with its arguments and environment.
    fn prepare(&self, env: &Env) -> Result<Command, ProcessError> {
        let path = self.find(env)?;
        let mut command = command(env, &path);
        command.arg0(self.program).args(self.arguments);
        if self.is_clean {
            command.env_clear();
        }
        for (name, value) in env.variables() {
            let is_kept =
                |name: &OsStr| is_basic(name) || self.variables.iter().any(|(own, _)| name == OsStr::new(own));
            if self.is_clean && is_kept(name) && !is_identity(name) {
                command.env(name, value);
            }
        }
        for (name, value) in self.variables.iter().filter(|(name, _)| !is_identity(OsStr::new(name))) {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(folder) = env.given_dir() {
            command.current_dir(folder);
        }
        Ok(command)
    }

    /// Finds the program: a path as seen from the working directory, a name in the absolute folders of PATH.
    ///
    /// The user names it, so a path may be relative, other than for what we start by ourselves. PATH is that of the
    /// environment, whatever the program is given.
    fn find(&self, env: &Env) -> Result<PathBuf, ProcessError> {
        if self.program.as_bytes().contains(&b'/') {
            return executable(env.current_dir().join(self.program));
        }
        let folders = std::env::split_paths(env.var("PATH").unwrap_or_default());
        let absolute = folders.filter(|folder| folder.is_absolute() && !self.program.is_empty());
        let candidates: Vec<PathBuf> = absolute.map(|folder| folder.join(self.program)).collect();
        if let Some(program) = candidates.iter().find(|candidate| fs::is_executable(candidate)) {
            return Ok(program.clone());
        }
        let is_file = |path: &&PathBuf| matches!(fs::kind(path), Ok(Some(fs::Kind::File)));
        match candidates.iter().find(is_file) {
            Some(program) => Err(ProcessError::NotExecutable { program: program.clone() }),
            None => Err(ProcessError::NotFound { name: self.program.to_owned() }),
        }
    }
}

/// Reads to the end, until there is no more and `over` is closed, or one byte further than the limit.
fn read_bounded(mut stream: impl Read + AsFd, over: &impl AsFd, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    // With room for all of it, so that it never moves and leaves a copy behind.
    let mut bytes = Zeroizing::new(vec![0; limit + 1]);
    let mut length = 0;
    let mut is_over = false;
    while length < bytes.len() {
        let (mut fds, now) =
            ([PollFd::new(&stream, PollFlags::IN), PollFd::new(over, PollFlags::IN)], Timespec::default());
        match poll(if is_over { &mut fds[..1] } else { &mut fds[..] }, is_over.then_some(&now)) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let [output, end] = fds.map(|fd| !fd.revents().is_empty());
        if !output {
            // What it wrote before its end is looked for once more.
            if is_over {
                break;
            }
            is_over = end;
            continue;
        }
        match stream.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Tells whether a variable holds, names or makes an identity, ours or of SOPS. No program gets such a one.
pub fn is_identity(name: &OsStr) -> bool {
    IDENTITY_VARIABLES.iter().any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
}

/// Tells whether a variable is one that programs need to find other programs, the user and the terminal.
fn is_basic(name: &OsStr) -> bool {
    let is_of_locale = name.as_bytes().starts_with(b"LC_");
    is_of_locale || BASIC_VARIABLES.iter().any(|basic| name == OsStr::new(basic))
}

/// What the names of such variables begin with: `…_FILE`, `…_CMD` and whatever may come belong to them.
const IDENTITY_VARIABLES: [&str; 3] = ["SECRET_IDENTITY", "SOPS_AGE_KEY", "SOPS_AGE_SSH_PRIVATE_KEY"];

/// What a clean environment has, beside the locale.
const BASIC_VARIABLES: [&str; 9] = ["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn find(program: &str, path: &str) -> Result<PathBuf, ProcessError> {
        let variables = [("PATH".into(), path.into())];
        let env = Env::new("/usr".into(), jiff::civil::date(2026, 1, 1), variables);
        Launch { program: OsStr::new(program), arguments: &[], variables: Vec::new(), is_clean: false }.find(&env)
    }

    #[test]
    fn the_program_is_found_as_a_shell_finds_it() {
        assert_eq!(find("sh", "/nonexistent:/bin").expect("found"), Path::new("/bin/sh"));
        assert_eq!(find("./bin/env", "").expect("found"), Path::new("/usr/./bin/env"));
        assert_eq!(find("/bin/sh", "").expect("found"), Path::new("/bin/sh"));
        for (program, path) in [("sh", "bin:."), ("sh", ""), ("", "/bin"), ("./none", "/bin"), ("none", "/bin")] {
            assert!(matches!(find(program, path), Err(ProcessError::NotFound { .. })), "{program}");
        }
        assert!(matches!(find("passwd", "/etc"), Err(ProcessError::NotExecutable { .. })));
        assert!(matches!(find("./bin", "/etc"), Err(ProcessError::NotExecutable { .. })));
    }
}
