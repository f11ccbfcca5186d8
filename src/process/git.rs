//! The git program, for what libgit2 cannot read: it answers questions, changes nothing, fetches nothing, and runs no
//! program that a repository names.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use zeroize::Zeroizing;

use super::{ProcessError, find_program, spawn};
use crate::env::Env;
use crate::fs;

/// Git, asked about one work tree.
#[derive(Clone)]
pub struct GitProgram {
    env: Env,
    root: PathBuf,
}

/// What git answered.
pub struct GitAnswer {
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it complained about.
    pub stderr: Vec<u8>,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
}

/// A git that reads one object after the other. Killed when it is dropped.
pub struct GitObjects {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// An object, or why there is none.
pub enum GitObject {
    /// The repository does not have it.
    Missing,
    /// Its sort and its content.
    Present(String, Zeroizing<Vec<u8>>),
    /// Its sort; it is larger than wanted.
    TooLarge(String),
}

impl GitProgram {
    /// Nothing is started yet.
    pub fn new(env: &Env, root: &Path) -> Self {
        Self { env: env.clone(), root: root.to_path_buf() }
    }

    /// Asks a question, and waits for the whole answer. `index` names another index file.
    ///
    /// # Errors
    /// When there is no git, or it does not start.
    pub fn ask(&self, arguments: &[&str], index: Option<&Path>) -> Result<GitAnswer, ProcessError> {
        let mut command = self.command(arguments)?;
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let program = PathBuf::from(command.get_program());
        let output = spawn(&mut command)?.wait_with_output();
        let output = output.map_err(|source| ProcessError::Spawn { program, source })?;
        Ok(GitAnswer { stdout: output.stdout, stderr: output.stderr, code: output.status.code() })
    }

    /// Starts a git that reads objects.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn objects(&self) -> Result<GitObjects, ProcessError> {
        let mut command = self.command(&["cat-file", "--batch"])?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = spawn(&mut command)?;
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).expect("both are piped");
        Ok(GitObjects { child, stdin, stdout: BufReader::new(stdout) })
    }

    fn command(&self, arguments: &[&str]) -> Result<Command, ProcessError> {
        let program = find_program(&self.env, OsStr::new("git"))?;
        let real = fs::real_path(&program).unwrap_or_else(|_| program.clone());
        if [&program, &real].iter().any(|program| program.starts_with(&self.root)) {
            return Err(ProcessError::InRepository { program });
        }
        let mut command = Command::new(&program);
        command.env_clear().current_dir(&self.root);
        // `safe.directory` stands in the user's configuration.
        for name in ["HOME", "XDG_CONFIG_HOME"] {
            if let Some(value) = self.env.var(name) {
                command.env(name, value);
            }
        }
        let folders = std::env::split_paths(self.env.var("PATH").unwrap_or_default());
        if let Ok(path) = std::env::join_paths(folders.filter(|folder| folder.is_absolute())) {
            command.env("PATH", path);
        }
        command.envs(ENVIRONMENT);
        // Git must not find another repository than the one that was found.
        command.env("GIT_CEILING_DIRECTORIES", self.root.parent().unwrap_or(&self.root));
        command.arg("--no-pager");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(arguments);
        Ok(command)
    }
}

impl GitObjects {
    /// Reads an object of at most `limit` bytes.
    ///
    /// # Errors
    /// When git does not answer as it should.
    pub fn read(&mut self, id: &str, limit: usize) -> io::Result<GitObject> {
        writeln!(self.stdin, "{id}")?;
        self.stdin.flush()?;
        let mut line = String::new();
        self.stdout.by_ref().take(MAX_LINE).read_line(&mut line)?;
        let words: Vec<&str> = line.trim_end().split(' ').collect();
        let invalid = || io::Error::from(io::ErrorKind::InvalidData);
        let (kind, length) = match words[..] {
            [_, "missing"] => return Ok(GitObject::Missing),
            [_, kind, length] => (kind.to_owned(), length.parse::<u64>().map_err(|_| invalid())?),
            _ => return Err(invalid()),
        };
        if length > limit as u64 {
            io::copy(&mut self.stdout.by_ref().take(length + 1), &mut io::sink())?;
            return Ok(GitObject::TooLarge(kind));
        }
        let mut content = Zeroizing::new(vec![0; usize::try_from(length).map_err(|_| invalid())?]);
        self.stdout.read_exact(&mut content)?;
        self.stdout.read_exact(&mut [0])?;
        Ok(GitObject::Present(kind, content))
    }
}

impl Drop for GitObjects {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What git finds in its environment: no locks, no questions, no network, no replaced objects, words in English.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
];

/// Overrides of settings that name programs which a question could start.
const SETTINGS: [&str; 4] =
    ["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.sshCommand=false", "core.askPass=false"];

/// The first line of an answer: a name, a sort, a length.
const MAX_LINE: u64 = 1 << 12;
