//! The only spawner of programs: absolute paths, no identities in the environment, and no dump of this process.
//!
//! Which programs run is the user's to say, by the command line and the environment; nothing in a repository names one.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the one place that starts programs")]

mod attend;
mod editor;
mod git;
mod interrupts;
mod launch;
mod plugin;
mod words;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub use attend::Ended;
pub use editor::Editor;
pub use git::{GitAnswer, GitObject, GitObjects, GitProgram};
pub use interrupts::Interrupts;
pub use launch::{Launch, Spoken, is_identity};
pub use plugin::{PluginProcess, find_plugin, is_in_repository};

use crate::env::Env;
use crate::fs;

/// A program that could not be found or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The system would not tell of signals, or of what became of the program.
    #[error("cannot attend to {}", program.display())]
    Attend {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The editor ended without success: what it left is not to be taken.
    #[error("the editor {} failed: {status}", program.display())]
    EditorFailed {
        /// The editor.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// The program ended without success.
    #[error("{} failed: {status}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// How it ended.
        status: ExitStatus,
    },
    /// The system would not protect this process against being dumped.
    #[error("cannot protect the memory of this process")]
    Harden {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program stands in the repository, whose content is somebody else's.
    #[error("{} stands in the repository, and nothing in a repository is run", program.display())]
    InRepository {
        /// The program.
        program: PathBuf,
    },
    /// Somebody wanted this process to end while the program ran.
    #[error("interrupted while {} ran", program.display())]
    Interrupted {
        /// The program.
        program: PathBuf,
        /// The signal.
        signal: i32,
    },
    /// No editor is set, and none that is known is installed.
    #[error("no editor found: VISUAL and EDITOR are not set")]
    NoEditor,
    /// The program's file is none that this user may execute.
    #[error("{} is not executable", program.display())]
    NotExecutable {
        /// The file.
        program: PathBuf,
    },
    /// No absolute folder of PATH has the program.
    #[error("program {} not found", name.display())]
    NotFound {
        /// Its name.
        name: OsString,
    },
    /// The program is given by a path relative to the working directory, where a repository could have put it.
    #[error("program {} is given by a relative path", name.display())]
    Relative {
        /// The path.
        name: OsString,
    },
    /// The system would not start the program.
    #[error("cannot run {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The arguments and variables are more than the system hands to a program.
    #[error("cannot run {}: its arguments and its environment are larger than the system allows", program.display())]
    TooLarge {
        /// The program.
        program: PathBuf,
    },
    /// The program wrote more than a value can have.
    #[error("{} wrote more than {limit} bytes", program.display())]
    TooMuch {
        /// The program.
        program: PathBuf,
        /// How many it may write.
        limit: usize,
    },
    /// A quote is opened and not closed, or a backslash stands at the end.
    #[error("{variable} has an open quote")]
    Unbalanced {
        /// The environment variable.
        variable: &'static str,
    },
}

/// Keeps this process from leaving its memory in a core dump, and from being read by other processes of the user.
///
/// Called once, before any secret is read. Programs that we start are dumpable as before.
pub fn harden() -> Result<(), ProcessError> {
    let refused = |source: rustix::io::Errno| ProcessError::Harden { source: source.into() };
    let old = getrlimit(Resource::Core);
    // The hard limit stays: an ordinary user could not raise it again for a child.
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: old.maximum }).map_err(refused)?;
    let _ = CORE_LIMIT.set(old);
    // The limit does not bind a core pattern that is a pipe (systemd-coredump, apport); this does. It also keeps
    // debuggers and `/proc/PID/mem` of the same user away.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).map_err(refused)?;
    Ok(())
}

/// Tells whether [`harden`] took effect.
pub fn is_hardened() -> bool {
    #[cfg(target_os = "linux")]
    if !matches!(rustix::process::dumpable_behavior(), Ok(rustix::process::DumpableBehavior::NotDumpable)) {
        return false;
    }
    getrlimit(Resource::Core).current == Some(0)
}

/// Lets this process hold about so many files open, if the system allows; returns how many it can.
///
/// The few that every process has come on top. The limit is for programs that choose by it how to wait for files, which
/// this one does not; it starts none after that.
pub fn allow_open_files(count: usize) -> usize {
    let old = getrlimit(Resource::Nofile);
    let limit = |limit: Option<u64>| limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let wanted = count.saturating_add(OWN_FILES).min(limit(old.maximum));
    let mut allowed = limit(old.current);
    if allowed < wanted {
        let new = Rlimit { current: Some(wanted as u64), maximum: old.maximum };
        if setrlimit(Resource::Nofile, new).is_ok() {
            allowed = wanted;
        }
    }
    allowed.saturating_sub(OWN_FILES)
}

/// Finds a program: an absolute path as it is, a name in the absolute folders of PATH.
///
/// Never in the working directory, whether PATH names that by `.`, by an empty entry, or the path is relative.
pub fn find_program(env: &Env, name: &OsStr) -> Result<PathBuf, ProcessError> {
    let path = Path::new(name);
    if path.is_absolute() {
        return executable(path.to_path_buf());
    }
    if name.as_bytes().contains(&b'/') {
        return Err(ProcessError::Relative { name: name.to_owned() });
    }
    std::env::split_paths(env.var("PATH").unwrap_or_default())
        .filter(|folder| folder.is_absolute() && !name.is_empty())
        .map(|folder| folder.join(name))
        .find(|program| fs::is_executable(program))
        .ok_or_else(|| ProcessError::NotFound { name: name.to_owned() })
}

/// Prepares to run a program with the user's environment, less what could open the user's secrets.
pub fn command(env: &Env, program: &Path) -> Command {
    debug_assert!(program.is_absolute(), "found by find_program");
    let mut command = Command::new(program);
    command.env_clear().envs(env.variables().filter(|(name, _)| !is_identity(name)));
    command
}

/// Starts a prepared program, dumpable as this process was before [`harden`].
pub fn spawn(command: &mut Command) -> Result<Child, ProcessError> {
    // Being dumpable comes back by itself with a new program; the limit is inherited, and so it is put back for the
    // moment. Meanwhile this process stays one that is not dumped.
    let own = CORE_LIMIT.get().map(|limit| (getrlimit(Resource::Core), limit));
    if let Some((_, limit)) = own {
        let _ = setrlimit(Resource::Core, *limit);
    }
    let spawned = command.spawn();
    if let Some((own, _)) = own {
        let _ = setrlimit(Resource::Core, own);
    }
    let program = || PathBuf::from(command.get_program());
    spawned.map_err(|source| match source.kind() {
        io::ErrorKind::ArgumentListTooLong => ProcessError::TooLarge { program: program() },
        _ => ProcessError::Spawn { program: program(), source },
    })
}

/// Runs a prepared program to its end, on this process's terminal.
pub fn run(command: &mut Command) -> Result<ExitStatus, ProcessError> {
    let waited = spawn(command)?.wait();
    waited.map_err(|source| ProcessError::Spawn { program: PathBuf::from(command.get_program()), source })
}

fn executable(program: PathBuf) -> Result<PathBuf, ProcessError> {
    match fs::kind(&program) {
        Ok(Some(_)) if fs::is_executable(&program) => Ok(program),
        Ok(None) => Err(ProcessError::NotFound { name: program.into() }),
        _ => Err(ProcessError::NotExecutable { program }),
    }
}

/// How many files a process has open besides: standard streams, folders of repositories, what is being read.
const OWN_FILES: usize = 320;

/// The limit for core dumps that this process was started with.
static CORE_LIMIT: OnceLock<Rlimit> = OnceLock::new();

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Stdio;

    use super::*;

    fn env_of(variables: &[(&str, &OsStr)]) -> Env {
        let variables = variables.iter().map(|(name, value)| (name.into(), OsString::from(value)));
        Env::new("/".into(), jiff::civil::date(2026, 1, 1), variables)
    }

    fn program(path: &Path, mode: u32) {
        std::fs::write(path, "#!/bin/sh\n").expect("a file");
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn a_program_is_found_in_absolute_folders_of_path_only() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let folders = ["first", "second"].map(|name| world.path().join(name));
        for folder in &folders {
            std::fs::create_dir(folder).expect("a folder");
        }
        program(&folders[0].join("tool"), 0o644);
        program(&folders[1].join("tool"), 0o755);
        std::fs::create_dir(folders[0].join("folder")).expect("a folder");
        let path = std::env::join_paths([Path::new("."), Path::new(""), &folders[0], &folders[1]]).expect("a path");
        let env = env_of(&[("PATH", &path)]);
        assert_eq!(find_program(&env, OsStr::new("tool")).expect("found"), folders[1].join("tool"));
        for name in ["folder", "none", "", "Cargo.toml"] {
            assert!(matches!(find_program(&env, OsStr::new(name)), Err(ProcessError::NotFound { .. })), "{name}");
        }
        for name in ["./tool", "second/tool", "../tool"] {
            assert!(matches!(find_program(&env, OsStr::new(name)), Err(ProcessError::Relative { .. })), "{name}");
        }
        let absolute = |name: &str| find_program(&env, folders[0].join(name).as_os_str());
        assert!(matches!(absolute("tool"), Err(ProcessError::NotExecutable { .. })));
        assert!(matches!(absolute("folder"), Err(ProcessError::NotExecutable { .. })));
        assert!(matches!(absolute("none"), Err(ProcessError::NotFound { .. })));
    }

    #[test]
    fn without_path_only_absolute_programs_are_found() {
        let env = env_of(&[]);
        assert!(matches!(find_program(&env, OsStr::new("sh")), Err(ProcessError::NotFound { .. })));
        assert_eq!(find_program(&env, OsStr::new("/bin/sh")).expect("found"), Path::new("/bin/sh"));
    }

    #[test]
    fn a_child_gets_the_environment_without_identities() {
        let names = [
            "SECRET_IDENTITY",
            "SECRET_IDENTITY_FILE",
            "SOPS_AGE_KEY",
            "SOPS_AGE_KEY_CMD",
            "SOPS_AGE_KEY_FILE",
            "SOPS_AGE_SSH_PRIVATE_KEY_CMD",
            "SOPS_AGE_SSH_PRIVATE_KEY_FILE",
            "KEPT",
        ];
        let env = env_of(&names.map(|name| (name, OsStr::new("value"))));
        let mut command = command(&env, Path::new("/usr/bin/env"));
        let output = spawn(command.stdout(Stdio::piped())).expect("it starts").wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "KEPT=value\n");
    }

    #[test]
    fn a_program_that_cannot_start_is_named() {
        let error = run(&mut command(&env_of(&[]), Path::new("/nonexistent/program"))).expect_err("it is not there");
        assert_eq!(error.to_string(), "cannot run /nonexistent/program");
    }

    /// Runs in a process of its own, so that the other tests stay dumpable.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_hardened_process_is_not_dumpable_and_its_children_are_as_before() {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        const CHILD: &str = "SECRET_TEST_HARDEN";
        if std::env::var_os(CHILD).is_none() {
            let test = "process::tests::a_hardened_process_is_not_dumpable_and_its_children_are_as_before";
            let child = Command::new("/bin/sh")
                .args(["-c", "ulimit -S -c 7 && exec \"$0\" \"$@\""])
                .arg(std::env::current_exe().expect("this program"))
                .args([test, "--exact"])
                .env(CHILD, "1")
                .output()
                .expect("the test runs");
            let said = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        assert!(!is_hardened());
        harden().expect("the system can do this");
        assert!(is_hardened());
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert!(matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable)));
        let mut shell = command(&env_of(&[]), Path::new("/bin/sh"));
        shell.args(["-c", "ulimit -c"]).stdout(Stdio::piped());
        let output = spawn(&mut shell).expect("it starts").wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "7\n");
        assert_eq!(getrlimit(Resource::Core).current, Some(0), "ours is as low as before");
    }
}
