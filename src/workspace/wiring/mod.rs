//! Making git understand encrypted files, in this clone: hook, drivers, attributes. All of it can be taken away again.

mod attributes;
mod block;
mod drivers;
mod hook;

use std::path::{Path, PathBuf};

use self::block::Position;
pub use self::hook::{HookPlace, HookSetUp};
use super::{Error, Workspace};
use crate::fs::{self, Expect, FsError, Mode, Snapshot};
use crate::process::{GitProgram, ProcessError};

/// What was set up.
pub struct Wiring {
    /// Where the hook is, and how it was set up.
    pub hook: Option<(PathBuf, HookSetUp)>,
    /// The file of attributes, if it was changed.
    pub attributes: Option<PathBuf>,
}

/// What was taken away.
#[derive(Default)]
pub struct Unwiring {
    /// Our lines in the hook.
    pub hook: Option<PathBuf>,
    /// The drivers.
    pub drivers: bool,
    /// Our lines in the file of attributes.
    pub attributes: Option<PathBuf>,
}

/// What of the wiring is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WiringState {
    /// The hook.
    pub has_hook: bool,
    /// The drivers.
    pub has_drivers: bool,
    /// The attributes, as the policy has its rules now.
    pub has_attributes: bool,
}

/// Why git could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// A file cannot be read or written.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Git would not do it.
    #[error("git: {said}")]
    Git {
        /// What it said.
        said: String,
    },
    /// There is a hook that git does not run.
    #[error("{} is there, but not executable: git does not run it", path.display())]
    InactiveHook {
        /// The hook.
        path: PathBuf,
    },
    /// There is no repository.
    #[error("this is no git repository")]
    NoRepository,
    /// Git cannot be run.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The folder of hooks serves other repositories too.
    #[error("{} has the hooks of all your repositories (core.hooksPath)", folder.display())]
    SharedHooks {
        /// The folder.
        folder: PathBuf,
    },
}

impl Workspace<'_> {
    /// Sets up hook, drivers and attributes; what is there already is renewed.
    ///
    /// # Errors
    /// When something of it cannot be done. The hook comes first: nothing else is changed when it fails.
    pub fn wire(&self, with_hook: bool) -> Result<Wiring, Error> {
        let (git, root) = self.git_program()?;
        let policy = self.required_policy()?;
        let program = self.env.program().unwrap_or_else(|| PathBuf::from("secret"));
        let hook = if with_hook {
            let place = hook_place(&git, &root)?;
            Some((place.path.clone(), place.install(&program)?))
        } else {
            None
        };
        drivers::install(&git)?;
        let attributes = self.change_attributes(&root, |text| {
            Some(block::put(text, &attributes::lines(policy), Position::End)).filter(|with| with != text)
        })?;
        Ok(Wiring { hook, attributes })
    }

    /// Takes away what [`Self::wire`] set up, and nothing else.
    ///
    /// # Errors
    /// When something of it cannot be done.
    pub fn unwire(&self) -> Result<Unwiring, Error> {
        let (git, root) = self.git_program()?;
        let hook = match hook_place(&git, &root) {
            // Ours cannot be there.
            Err(WiringError::SharedHooks { .. }) => None,
            place => {
                let place = place?;
                place.uninstall()?.then_some(place.path)
            }
        };
        let drivers = drivers::uninstall(&git)?;
        let attributes = self.change_attributes(&root, block::take)?;
        Ok(Unwiring { hook, drivers, attributes })
    }

    /// Tells what of the wiring is there; `None` outside of git.
    ///
    /// # Errors
    /// When git cannot be run.
    pub fn wiring(&self) -> Result<Option<WiringState>, Error> {
        if self.repository.is_none() {
            return Ok(None);
        }
        let (git, root) = self.git_program()?;
        let has_hook = match hook_place(&git, &root) {
            Err(WiringError::SharedHooks { folder }) => HookPlace::in_folder(&folder).is_installed(),
            place => place?.is_installed(),
        };
        let text = self.attributes_text(&root)?;
        let expected = block::put(&text, &attributes::lines(self.required_policy()?), Position::End);
        Ok(Some(WiringState { has_hook, has_drivers: drivers::are_installed(&git)?, has_attributes: expected == text }))
    }

    fn git_program(&self) -> Result<(GitProgram, PathBuf), WiringError> {
        let root = self.repository.as_ref().ok_or(WiringError::NoRepository)?.root().to_path_buf();
        Ok((GitProgram::new(self.env, &root), root))
    }

    fn attributes_text(&self, root: &Path) -> Result<String, WiringError> {
        let path = root.join(ATTRIBUTES);
        if fs::kind(&path)?.is_none() {
            return Ok(String::new());
        }
        let bytes = fs::read(&path, self.within(), MAX_ATTRIBUTES)?;
        // Git reads bytes; ours are ASCII, and all others stay as they are only in UTF-8.
        String::from_utf8(bytes.to_vec())
            .map_err(|_| WiringError::Git { said: format!("{ATTRIBUTES} is not UTF-8: write the lines yourself") })
    }

    fn change_attributes(
        &self,
        root: &Path,
        change: impl FnOnce(&str) -> Option<String>,
    ) -> Result<Option<PathBuf>, WiringError> {
        let path = root.join(ATTRIBUTES);
        let text = self.attributes_text(root)?;
        let Some(changed) = change(&text) else { return Ok(None) };
        let snapshot = Snapshot::of(text.as_bytes());
        let is_there = fs::kind(&path)?.is_some();
        let expect = if is_there { Expect::Unchanged(&snapshot) } else { Expect::Absent };
        if changed.is_empty() {
            fs::remove(&path, self.within(), expect)?;
        } else {
            fs::replace(&path, self.within(), changed.as_bytes(), expect, Mode::KeepOr(0o666))?;
        }
        Ok(Some(path))
    }
}

/// Finds the hook where git looks for it, also where `core.hooksPath` says another folder than git's own.
fn hook_place(git: &GitProgram, root: &Path) -> Result<HookPlace, WiringError> {
    let answer = git.ask(&["config", "--show-scope", "--type=path", "--get-all", "core.hooksPath"], None)?;
    let text = String::from_utf8_lossy(&answer.stdout);
    // The last one counts; what we set ourselves for this question does not.
    let configured = text.lines().filter_map(|line| line.split_once('\t')).rfind(|(scope, _)| *scope != "command");
    if let Some((scope, folder)) = configured {
        let folder = root.join(folder);
        let is_own = matches!(scope, "local" | "worktree") || folder.starts_with(root);
        return if is_own { Ok(HookPlace::in_folder(&folder)) } else { Err(WiringError::SharedHooks { folder }) };
    }
    let answer = git.ask(&["rev-parse", "--git-common-dir"], None)?;
    let folder = String::from_utf8_lossy(&answer.stdout);
    match answer.code {
        Some(0) => Ok(HookPlace::in_folder(&root.join(folder.trim_end_matches('\n')).join("hooks"))),
        _ => Err(WiringError::Git { said: String::from_utf8_lossy(&answer.stderr).trim_end().to_owned() }),
    }
}

/// Quotes a text for a shell.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

const ATTRIBUTES: &str = ".gitattributes";
/// A larger file is somebody's mistake.
const MAX_ATTRIBUTES: usize = 4 << 20;
