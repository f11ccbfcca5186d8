//! Versions of files: from commits, the index and the work tree, as bytes and as outlines.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Error, HistoryError, STREAM_ABOVE, Workspace};
use crate::document::Format;
use crate::envelope::native::{MAX_ENCRYPTED, OPAQUE_TOP, OpaqueTop, Outline, PEEK, peek_file_id};
use crate::fs::{FsError, Source};
use crate::git::{EntryKind, FileVersion, GitError, ObjectId, Repository};

/// What a version of a file holds, as far as it is held in memory.
pub(super) enum Content {
    /// All of it.
    Bytes(Zeroizing<Vec<u8>>),
    /// Nothing that is a file.
    Other(EntryKind),
    /// An opaque file that is too large for memory.
    Top(Box<OpaqueTop>),
    /// Too large to be read, and no encrypted file; by what tells it from others.
    Unread(Vec<u8>),
}

impl Workspace<'_> {
    /// Returns the commit that a user names.
    ///
    /// # Errors
    /// When nothing is called so, or there is no repository.
    pub(super) fn required_commit(&self, revision: &str) -> Result<ObjectId, Error> {
        let repository = self.required_repository()?;
        if let Some(commit) = self.commit_named(revision)? {
            return Ok(commit);
        }
        let has_commits = repository.head()?.is_some();
        Err(HistoryError::NoCommit { revision: revision.to_owned(), has_commits, is_shallow: repository.is_shallow() }
            .into())
    }

    /// Returns a path as git names it, relative to the root.
    ///
    /// # Errors
    /// When it is outside of the repository.
    pub(super) fn in_repository(&self, path: &Path) -> Result<PathBuf, Error> {
        Ok(self.required_repository()?.relative(&self.env.current_dir().join(path))?)
    }

    /// Returns a path of the repository as somebody in this folder would write it.
    pub(super) fn shown(&self, path: &Path) -> String {
        let absolute = self.root().map(|root| root.join(path));
        let here = absolute.as_ref().and_then(|absolute| absolute.strip_prefix(self.env.current_dir()).ok());
        here.unwrap_or(path).display().to_string()
    }

    /// Reads a version of a file.
    pub(super) fn content(&self, path: &Path, version: FileVersion) -> Result<Content, Error> {
        match (version.kind, version.content) {
            (EntryKind::File, Some(id)) => blob(self.required_repository()?, id),
            (EntryKind::File, None) => self.work_tree_file(path),
            (kind, _) => Ok(Content::Other(kind)),
        }
    }

    /// Returns the format that the plaintext of a file has, by its rule (as far as there is a policy that can be read)
    /// and name.
    pub(super) fn plaintext_format(&self, path: &Path) -> Format {
        let policy = self.policy().ok().flatten();
        let rule = path.to_str().and_then(|path| policy?.rule_for(path));
        let by_name = || Format::of_file_name(&path.file_name().unwrap_or_default().to_string_lossy());
        rule.and_then(|rule| rule.format).unwrap_or_else(by_name)
    }

    /// Tells whether a version of a file begins as an encrypted file does.
    pub(super) fn looks_encrypted(&self, path: &Path, version: FileVersion) -> Result<bool, Error> {
        let top = match (version.kind, version.content) {
            (EntryKind::File, Some(id)) => match self.required_repository()?.content_top(id, PEEK, MAX_ENCRYPTED) {
                Err(GitError::TooLarge { .. }) => return Ok(false),
                top => top?,
            },
            (EntryKind::File, None) => self.source_in_work_tree(path)?.top(PEEK)?,
            _ => return Ok(false),
        };
        Ok(peek_file_id(&top).is_some())
    }

    fn work_tree_file(&self, path: &Path) -> Result<Content, Error> {
        let source = self.source_in_work_tree(path)?;
        if source.length() > STREAM_ABOVE {
            if let Ok(Some(top)) = OpaqueTop::parse(&source.top(OPAQUE_TOP)?) {
                return Ok(Content::Top(Box::new(top)));
            }
            if source.length() > MAX_ENCRYPTED as u64 {
                return Ok(Content::Unread(format!("{:?}", source.identity()).into_bytes()));
            }
        }
        Ok(Content::Bytes(source.content(MAX_ENCRYPTED)?))
    }

    fn source_in_work_tree(&self, path: &Path) -> Result<Source, Error> {
        let root = self.within().ok_or_else(|| FsError::Missing { path: path.to_path_buf() })?;
        root.refuse_links(path)?;
        Ok(Source::open(&root.path().join(path), Some(root))?)
    }
}

/// Reads a version of a file that git has.
pub(super) fn blob(repository: &Repository, id: ObjectId) -> Result<Content, Error> {
    let limit = usize::try_from(STREAM_ABOVE).expect("a megabyte");
    match repository.content(id, limit) {
        Err(GitError::TooLarge { .. }) => {}
        content => return Ok(Content::Bytes(content?)),
    }
    let unread = || Content::Unread(id.to_string().into_bytes());
    match repository.content_top(id, OPAQUE_TOP, MAX_IN_GIT) {
        Err(GitError::TooLarge { .. }) => return Ok(unread()),
        top => {
            if let Ok(Some(top)) = OpaqueTop::parse(&top?) {
                return Ok(Content::Top(Box::new(top)));
            }
        }
    }
    match repository.content(id, MAX_ENCRYPTED) {
        Err(GitError::TooLarge { .. }) => Ok(unread()),
        content => Ok(Content::Bytes(content?)),
    }
}

impl Content {
    /// Returns how many bytes are held in memory.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Other(_) | Self::Top(_) | Self::Unread(_) => 0,
        }
    }

    /// Outlines it; `format` is that of a plaintext.
    pub(super) fn outline(&self, format: Format) -> Outline {
        match self {
            Self::Bytes(bytes) => Outline::of(bytes, format),
            Self::Other(kind) => Outline::of_unread(kind.to_string().as_bytes()),
            Self::Top(top) => Outline::of_top(top),
            Self::Unread(content) => Outline::of_unread(content),
        }
    }
}

/// How large an object may be that is unpacked for its beginning.
pub(super) const MAX_IN_GIT: usize = 256 << 20;
