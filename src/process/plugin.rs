//! An age plugin as a running program: bytes go in, bytes come out. What they mean is the caller's to know.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use zeroize::Zeroizing;

use super::{ProcessError, command, find_program, spawn};
use crate::env::Env;
use crate::fs;

/// A plugin that was started. It is killed when the value is dropped before [`PluginProcess::finish`].
pub struct PluginProcess {
    child: Child,
    /// To the thread that writes to it: a plugin that does not read must not keep us from reading.
    input: Option<Sender<Zeroizing<Vec<u8>>>>,
    output: Option<ChildStdout>,
}

/// Finds the program of a plugin as [`find_program`] does, and refuses one that stands in the repository around the
/// working directory: PATH may name a folder of it, and its content is somebody else's.
pub fn find_plugin(env: &Env, name: &str, given: Option<&Path>) -> Result<PathBuf, ProcessError> {
    let program = match given {
        Some(path) => find_program(env, path.as_os_str())?,
        None => find_program(env, format!("age-plugin-{name}").as_ref())?,
    };
    if is_in_repository(env, &program) {
        return Err(ProcessError::InRepository { program });
    }
    Ok(program)
}

/// Tells whether a file stands in the repository that the working directory belongs to, by its path or by what its
/// path leads to.
pub fn is_in_repository(env: &Env, file: &Path) -> bool {
    // Nobody can tell what is around a folder that is no longer there.
    let Ok(folder) = fs::real_path(env.current_dir()) else { return true };
    let Some(root) = repository_around(&folder) else { return false };
    let files = [fs::real_path(file).ok(), Some(file.to_path_buf())];
    files.iter().flatten().any(|file| file.starts_with(&root))
}

impl PluginProcess {
    /// Starts a plugin in one of its state machines.
    ///
    /// It works in the root folder, not in the repository; what it says beside the protocol is dropped.
    pub fn start(env: &Env, program: &Path, state_machine: &str) -> Result<Self, ProcessError> {
        let mut command = command(env, program);
        command.arg(format!("--age-plugin={state_machine}")).current_dir("/");
        // Go's and Rust's clients would make it print what it is told, the file key with it.
        command.env_remove("AGEDEBUG");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = spawn(&mut command)?;
        let (input, messages) = channel::<Zeroizing<Vec<u8>>>();
        if let Some(mut stdin) = child.stdin.take() {
            // A plugin that closes its input early is found out by what it does not answer.
            thread::spawn(move || messages.iter().try_for_each(|message| stdin.write_all(&message)));
        }
        let output = child.stdout.take();
        Ok(Self { child, input: Some(input), output })
    }

    /// Writes to the plugin; never waits for it.
    pub fn send(&self, message: Zeroizing<Vec<u8>>) {
        // The thread is gone only when the plugin reads no longer, which its answers will show.
        self.input.as_ref().map(|input| input.send(message));
    }

    /// Reads what the plugin wrote, as [`io::Read::read`]; waits for it.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(output) = &mut self.output else { return Ok(0) };
        loop {
            match output.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Takes leave of a plugin that has said that it is done, and waits for its end: its pipes are closed and, as the
    /// reference client does, it is told to end, so that it can let go of its device.
    pub fn finish(mut self) {
        self.input = None;
        self.output = None;
        if let Some(process) = Pid::from_raw(self.child.id().cast_signed()) {
            let _ = kill_process(process, Signal::INT);
        }
        let _ = self.child.wait();
    }
}

impl Drop for PluginProcess {
    fn drop(&mut self) {
        // Nothing happens to one that was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the folder of the repository that a folder belongs to, with those that it is a submodule of; without git,
/// that of the policy.
fn repository_around(folder: &Path) -> Option<PathBuf> {
    let mut found = None;
    for folder in folder.ancestors() {
        let git = folder.join(".git");
        if stands(&git) {
            found = Some(folder.to_path_buf());
            if !is_submodule(&git) {
                break;
            }
        }
    }
    let has_policy = |folder: &&Path| stands(&folder.join(".secret.toml"));
    found.or_else(|| folder.ancestors().find(has_policy).map(Path::to_path_buf))
}

fn stands(path: &Path) -> bool {
    fs::kind(path).is_ok_and(|kind| kind.is_some())
}

/// Tells whether git's files are those of a submodule: then they stand below the repository that it is part of.
fn is_submodule(git: &Path) -> bool {
    let text = fs::read(git, None, 4096).unwrap_or_default();
    String::from_utf8_lossy(&text).contains("/modules/")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_repository_around_a_folder_is_found_through_links_and_submodules() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let root = fs::real_path(world.path()).expect("it is there");
        for folder in ["home/.git", "home/repo/.git", "home/repo/sub/deep", "home/tree", "plain/below"] {
            std::fs::create_dir_all(root.join(folder)).expect("folders");
        }
        let git = |folder: &str, text: &str| std::fs::write(root.join(folder).join(".git"), text).expect("a file");
        git("home/repo/sub", "gitdir: ../.git/modules/sub\n");
        git("home/tree", "gitdir: /elsewhere/.git/worktrees/tree\n");
        std::fs::write(root.join("plain/.secret.toml"), "").expect("a file");
        symlink(root.join("home/repo/sub/deep"), root.join("link")).expect("a link");
        let is_in = |folder: &str, file: &str| {
            let env = Env::new(root.join(folder), jiff::civil::date(2026, 1, 1), []);
            is_in_repository(&env, &root.join(file))
        };
        for folder in ["home/repo", "home/repo/sub", "home/repo/sub/deep", "link", "home/repo/sub/../../repo"] {
            assert!(is_in(folder, "home/repo/bin/x"), "{folder}");
            assert!(is_in(folder, "home/repo/sub/x"), "{folder}");
            assert!(!is_in(folder, "home/bin/x"), "{folder}");
            assert!(!is_in(folder, "home/repository/x"), "{folder}");
        }
        assert!(is_in("home/tree", "home/tree/x") && !is_in("home/tree", "home/x"));
        assert!(is_in("home", "home/x") && is_in("home", "home/repo/x"));
        assert!(is_in("plain/below", "plain/x") && !is_in("plain/below", "x"));
        assert!(is_in("gone", "x"), "nobody can tell");
        assert!(!is_in("", "plain/x"), "no repository is around it");
    }
}
