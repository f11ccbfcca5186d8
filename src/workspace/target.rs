//! A file that a command is about: as the user wrote it, where it is, and what headers call it.

use std::path::{Path, PathBuf};

use super::{Error, Workspace};
use crate::fs::{self, Root};

/// A file, which need not exist yet.
#[derive(Clone, Debug)]
pub struct Target {
    /// As the user wrote it.
    pub shown: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its path from the root of the workspace, with `/`; `None` outside of any.
    pub recorded: Option<String>,
}

impl Target {
    /// Returns what headers and the policy call it; outside of a workspace what the user wrote.
    pub fn name(&self) -> &str {
        self.recorded.as_deref().unwrap_or(&self.shown)
    }
}

impl Workspace<'_> {
    /// Finds a file.
    ///
    /// # Errors
    /// When it is outside of the workspace, in a folder that does not exist, or its path is not UTF-8.
    pub fn target(&self, path: &Path) -> Result<Target, Error> {
        let shown = path.display().to_string();
        let absolute = self.env.current_dir().join(path);
        // A link inside of the repository is a path of its own: who can commit one must not be able to pass one file
        // off as another.
        let relative = match (&self.repository, &self.root) {
            (Some(repository), _) => repository.relative(&absolute)?,
            (None, Some(root)) => {
                let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else {
                    return Err(fs::FsError::Missing { path: absolute }.into());
                };
                let outside = || Error::Outside { path: shown.clone(), root: root.path().to_path_buf() };
                real_folder(folder)?.join(name).strip_prefix(root.path()).map_err(|_| outside())?.to_path_buf()
            }
            (None, None) => return Ok(Target { shown, path: absolute, recorded: None }),
        };
        let recorded = relative.to_str().ok_or_else(|| Error::PathNotUtf8 { path: shown.clone() })?;
        let recorded = if std::path::MAIN_SEPARATOR == '/' { recorded.to_owned() } else { recorded.replace('\\', "/") };
        Ok(Target { shown, path: absolute, recorded: Some(recorded) })
    }

    /// Returns the file with this path from the root.
    pub(super) fn target_below(&self, root: &Root, recorded: String) -> Target {
        Target { shown: self.from_here(&recorded), path: root.path().join(&recorded), recorded: Some(recorded) }
    }

    /// Returns a path from the root as somebody in the working directory would write it; where that is not below the
    /// root (a link leads there), as it is.
    pub fn from_here(&self, recorded: &str) -> String {
        let here = self.root().and_then(|root| self.env.current_dir().strip_prefix(root).ok());
        let Some(here) = here else { return recorded.to_owned() };
        let (here, path): (Vec<_>, Vec<_>) = (here.iter().collect(), Path::new(recorded).iter().collect());
        let common = here.iter().zip(&path).take_while(|(one, other)| one == other).count();
        let up = std::iter::repeat_n(std::ffi::OsStr::new(".."), here.len() - common);
        let path: std::path::PathBuf = up.chain(path[common..].iter().copied()).collect();
        path.display().to_string()
    }

    /// Returns the folder that reading and writing must not leave.
    pub fn within(&self) -> Option<&Root> {
        self.root.as_deref()
    }
}

/// Resolves the part of a path that exists; the rest is taken as it is, without `..`.
fn real_folder(folder: &Path) -> Result<PathBuf, Error> {
    let mut missing = Vec::new();
    for ancestor in folder.ancestors() {
        if let Ok(real) = fs::real_path(ancestor) {
            return Ok(missing.into_iter().rev().fold(real, |path: PathBuf, name| path.join(name)));
        }
        match ancestor.file_name() {
            Some(name) => missing.push(name.to_owned()),
            None => break,
        }
    }
    Err(fs::FsError::Missing { path: folder.to_path_buf() }.into())
}
