//! The pre-commit hook: where git looks for it, and what of it is ours.

use std::path::{Path, PathBuf};

use super::block::{self, Position};
use super::{WiringError, shell_quoted};
use crate::fs::{self, Expect, FolderLock, Kind, Mode, Snapshot};

/// Where a hook stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookPlace {
    /// The file.
    pub path: PathBuf,
    /// Whether husky runs it, as lines of a shell.
    pub is_husky: bool,
}

/// How the hook was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookSetUp {
    /// There was a hook that is no shell script: ours runs it afterwards.
    Chained,
    /// There was a shell script: our lines are its first ones.
    Extended,
    /// There was none.
    New,
}

impl HookPlace {
    /// Finds the hook in git's folder of hooks.
    pub fn in_folder(folder: &Path) -> Self {
        // husky sets `core.hooksPath` to `.husky/_`, whose files run those of `.husky`.
        let is_husky = folder.file_name().is_some_and(|name| name == "_")
            && folder.parent().and_then(Path::file_name).is_some_and(|name| name == ".husky");
        let folder = if is_husky { folder.parent().unwrap_or(folder) } else { folder };
        Self { path: folder.join(NAME), is_husky }
    }

    /// Puts our lines into the hook; whatever it did before, it does afterwards.
    ///
    /// # Errors
    /// When the hook is one that git does not run, or cannot be read or written.
    pub fn install(&self, program: &Path) -> Result<HookSetUp, WiringError> {
        let lines = lines(program);
        fs::create_folder(self.path.parent().unwrap_or(&self.path), None)?;
        // The hook itself may be a link to somewhere else.
        let lock = FolderLock::acquire([self.chained().as_path()], None)?;
        if fs::kind(&self.path)?.is_none() {
            let start = if self.is_husky { "" } else { SHEBANG };
            let text = block::put(start, &lines, Position::End);
            lock.replace(&self.path, text.as_bytes(), Expect::Absent, Mode::New(0o777))?;
            return Ok(HookSetUp::New);
        }
        if !self.is_husky && !fs::is_executable(&self.path) {
            return Err(WiringError::InactiveHook { path: self.path.clone() });
        }
        let chained = self.chained();
        if fs::kind(&self.path)? == Some(Kind::File)
            && let Ok(text) = String::from_utf8(fs::read(&self.path, None, MAX_HOOK)?.to_vec())
            && (self.is_husky || is_shell(&text))
        {
            let snapshot = Snapshot::of(text.as_bytes());
            let is_chaining = fs::kind(&chained)?.is_some() && block::take(&text).as_deref() == Some(SHEBANG);
            let lines = if is_chaining { lines + CHAIN } else { lines };
            let position = if text.starts_with("#!") { Position::BehindFirstLine } else { Position::Start };
            let with = block::put(&text, &lines, position);
            if with != text {
                lock.replace(&self.path, with.as_bytes(), Expect::Unchanged(&snapshot), Mode::KeepOr(0o777))?;
            }
            return Ok(if is_chaining { HookSetUp::Chained } else { HookSetUp::Extended });
        }
        // A link or a program is not ours to change.
        lock.rename(&self.path, &chained)?;
        let text = block::put(SHEBANG, &(lines + CHAIN), Position::End);
        lock.replace(&self.path, text.as_bytes(), Expect::Absent, Mode::New(0o777))?;
        Ok(HookSetUp::Chained)
    }

    /// Takes our lines out of the hook, and the hook away where nothing else is left of it.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn uninstall(&self) -> Result<bool, WiringError> {
        if fs::kind(&self.path)? != Some(Kind::File) {
            return Ok(false);
        }
        let lock = FolderLock::acquire([self.path.as_path()], None)?;
        let bytes = fs::read(&self.path, None, MAX_HOOK)?;
        let snapshot = Snapshot::of(&bytes);
        let Some(rest) = std::str::from_utf8(&bytes).ok().and_then(block::take) else { return Ok(false) };
        let chained = self.chained();
        if !rest.is_empty() && rest != SHEBANG {
            lock.replace(&self.path, rest.as_bytes(), Expect::Unchanged(&snapshot), Mode::KeepOr(0o777))?;
            return Ok(true);
        }
        lock.remove(&self.path, Expect::Unchanged(&snapshot))?;
        if fs::kind(&chained)?.is_some() {
            lock.rename(&chained, &self.path)?;
        }
        Ok(true)
    }

    /// Tells whether our lines are in the hook.
    pub fn is_installed(&self) -> bool {
        let bytes = fs::read(&self.path, None, MAX_HOOK).ok();
        let text = bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.is_some_and(|text| block::take(text).is_some()) && (self.is_husky || fs::is_executable(&self.path))
    }

    fn chained(&self) -> PathBuf {
        self.path.with_file_name(CHAINED)
    }
}

/// What the hook does. A commit that cannot be checked is not made.
fn lines(program: &Path) -> String {
    let installed = shell_quoted(&program.to_string_lossy());
    format!(
        "secret_program=$(command -v secret) || secret_program={installed}\n\
         if [ ! -x \"$secret_program\" ]; then\n\
         \x20   echo \"error: secret is not installed, so this commit cannot be checked\" >&2\n\
         \x20   echo \"hint: install it; \\`git commit --no-verify\\` leaves the check to others\" >&2\n\
         \x20   exit 1\n\
         fi\n\
         \"$secret_program\" --quiet verify --staged || exit $?\n"
    )
}

/// Tells whether a script is one of a shell that understands our lines.
fn is_shell(text: &str) -> bool {
    let Some(line) = text.strip_prefix("#!").and_then(|text| text.lines().next()) else { return false };
    let mut words = line.split_ascii_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let interpreter = match words.next() {
        Some("env") => words.find(|word| !word.starts_with('-')),
        first => first,
    };
    interpreter.is_some_and(|name| ["ash", "bash", "dash", "ksh", "mksh", "sh", "zsh"].contains(&name))
}

const NAME: &str = "pre-commit";
/// What a hook is called that is no shell script, while ours takes its place.
const CHAINED: &str = "pre-commit.before-secret";
const CHAIN: &str = "exec \"$(dirname \"$0\")/pre-commit.before-secret\" \"$@\"\n";
const SHEBANG: &str = "#!/bin/sh\n";
/// A larger file is no hook.
const MAX_HOOK: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::is_shell;

    #[test]
    fn our_lines_go_into_scripts_of_shells_only() {
        for script in ["#!/bin/sh\n", "#! /usr/bin/env bash\nset -e\n", "#!/usr/bin/env -S zsh -f\n", "#!/bin/dash"] {
            assert!(is_shell(script), "{script}");
        }
        for script in ["", "echo\n", "#!/usr/bin/env python3\n", "#!/usr/bin/fish\n", "#!\n", "\u{7f}ELF"] {
            assert!(!is_shell(script), "{script}");
        }
    }
}
