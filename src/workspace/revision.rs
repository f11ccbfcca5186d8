//! `FILE@REV`: a version of a file that git has, and opening it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::log::identity;
use super::opaque::Bytes;
use super::versions::{Content, MAX_IN_GIT, blob};
use super::{Error, HistoryError, Target, VerifiedOpaque, Workspace};
use crate::envelope::native::{EncryptedFile, Opened, ReadError};
use crate::git::{CommitInfo, EntryKind, GitError, ObjectId};

/// A version of a file that a commit has.
pub struct AtRevision {
    /// The file as the user wrote it.
    pub file: PathBuf,
    /// The version as it is called in messages: `secrets/db.yaml@HEAD~1`.
    pub shown: String,
    /// The commit.
    pub commit: CommitInfo,
    /// What the file is called there, from the root of the repository.
    pub path: PathBuf,
    /// Whether that is what the user wrote.
    pub is_moved: bool,
    content: ObjectId,
}

/// A version that was opened.
pub enum OpenVersion {
    /// An opaque file that is authentic to its last chunk.
    Large(Box<VerifiedOpaque>),
    /// All of it.
    Whole(Box<Opened>),
}

impl Workspace<'_> {
    /// Finds the version that a user means by `FILE@REV`. Both may have an `@` in them: the last one that leaves a commit
    /// with such a file decides. A file that had another path then is found by following it from HEAD.
    ///
    /// # Errors
    /// When there is no such commit, or it has no such file.
    pub fn at_revision(&self, text: &OsStr) -> Result<AtRevision, Error> {
        let repository = self.required_repository()?;
        let mut commits = Vec::new();
        let splits = text.as_bytes().iter().enumerate().filter(|(_, byte)| **byte == b'@').map(|(index, _)| index);
        let mut last = None;
        for index in splits.collect::<Vec<_>>().into_iter().rev() {
            let (file, revision) = (&text.as_bytes()[..index], &text.as_bytes()[index + 1..]);
            let file = Path::new(OsStr::from_bytes(file));
            if file.as_os_str().is_empty() || revision.is_empty() {
                continue;
            }
            let Ok(revision) = str::from_utf8(revision) else { continue };
            last.get_or_insert_with(|| revision.to_owned());
            if let Some(commit) = self.commit_named(revision)? {
                let path = self.in_repository(file)?;
                match repository.entry_at(commit, &path)? {
                    Some((EntryKind::File, content)) => {
                        return self.version(file, revision, commit, path, content);
                    }
                    Some((kind, _)) => return Err(GitError::NotFile { kind, path: file.to_path_buf() }.into()),
                    None => commits.push((file.to_path_buf(), revision.to_owned(), commit, path)),
                }
            }
        }
        let Some((file, revision, ..)) = commits.first().cloned() else {
            return match last {
                Some(revision) => Err(self.required_commit(&revision).map_or_else(
                    |error| error,
                    |_| Error::from(HistoryError::NoRevision { text: text.to_string_lossy().into_owned() }),
                )),
                None => Err(HistoryError::NoRevision { text: text.to_string_lossy().into_owned() }.into()),
            };
        };
        let head = self.required_commit("HEAD")?;
        for (file, revision, commit, path) in commits {
            let found = repository.file_log(head, &path, |id| identity(repository, id))?.path_in(commit)?;
            if let Some(found) = found
                && let Some((EntryKind::File, content)) = repository.entry_at(commit, &found)?
            {
                return self.version(&file, &revision, commit, found, content);
            }
        }
        Err(HistoryError::NotInCommit { path: file.display().to_string(), revision }.into())
    }

    fn version(
        &self,
        file: &Path,
        revision: &str,
        commit: ObjectId,
        path: PathBuf,
        content: ObjectId,
    ) -> Result<AtRevision, Error> {
        Ok(AtRevision {
            shown: format!("{}@{revision}", file.display()),
            commit: self.required_repository()?.commit_info(commit)?,
            is_moved: self.in_repository(file)? != path,
            file: file.to_path_buf(),
            path,
            content,
        })
    }

    /// Opens a version.
    ///
    /// # Errors
    /// When it is not encrypted, no identity opens it, it is not authentic, or (unless `at_any_path`) it stood elsewhere
    /// than its header says.
    pub fn open_at(&self, version: &AtRevision, at_any_path: bool) -> Result<OpenVersion, Error> {
        let repository = self.required_repository()?;
        let target = Target {
            shown: version.shown.clone(),
            path: version.path.clone(),
            recorded: Some(version.path.to_string_lossy().into_owned()),
        };
        let too_large = || Error::from(HistoryError::TooLargeInGit { path: version.shown.clone() });
        match blob(repository, version.content)? {
            Content::Bytes(bytes) => {
                if matches!(EncryptedFile::parse(&bytes), Err(ReadError::NotEncrypted)) {
                    return Err(HistoryError::PlaintextInHistory { path: version.shown.clone() }.into());
                }
                Ok(OpenVersion::Whole(Box::new(self.open_target(&target, &bytes, at_any_path)?)))
            }
            Content::Top(top) => {
                let bytes = repository.content(version.content, MAX_IN_GIT).map_err(|error| match error {
                    GitError::TooLarge { .. } => too_large(),
                    error => error.into(),
                })?;
                let file = self.open_top(target.clone(), &top, Bytes::Memory(bytes))?;
                if !at_any_path {
                    super::open::refuse_other_path(&target, &file.opened.header)?;
                }
                Ok(OpenVersion::Large(Box::new(file.verify()?)))
            }
            Content::Other(_) | Content::Unread(_) => Err(too_large()),
        }
    }
}
