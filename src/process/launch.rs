//! Starting the program that the user names, with more variables: found as a shell finds it, waited for to its end.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;

use super::attend::{Ended, attend};
use super::{ProcessError, command, executable};
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

impl Launch<'_> {
    /// Starts the program and waits for its end.
    ///
    /// # Errors
    /// When it is not found, or does not start.
    pub fn run(self, env: &Env) -> Result<Ended, ProcessError> {
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
        attend(&mut command)
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
