//! Git's data as libgit2 reads it: in this process, without any program.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode, IndexEntryExtendedFlag, ObjectType, Oid, Sort};
use zeroize::Zeroizing;

use super::error::is_damage;
use super::index::Index;
use super::store::{Commits, Store};
use super::{GitError, ObjectId, ObjectKind, Unsupported};
use crate::fs;

/// A repository that libgit2 has opened.
pub(super) struct Libgit2 {
    pub(super) inner: git2::Repository,
    root: PathBuf,
}

impl Libgit2 {
    pub(super) fn new(inner: git2::Repository, root: &Path) -> Self {
        Self { inner, root: root.to_path_buf() }
    }

    pub(super) fn open(root: &Path) -> Result<Self, GitError> {
        let inner = git2::Repository::open(root).map_err(|error| GitError::of(root, error))?;
        Ok(Self::new(inner, root))
    }

    pub(super) fn refused(&self, error: git2::Error) -> GitError {
        if error.code() == ErrorCode::NotFound && error.class() == ErrorClass::Odb {
            if self.is_partial() {
                return self.unsupported(Unsupported::PartialClone);
            }
            // Of a walk only the words say which object it was.
            let mut words = error.message().split(|byte: char| !byte.is_ascii_hexdigit());
            if let Some(id) = words.find_map(|word| ObjectId::from_hex(word.as_bytes())) {
                return self.lacks(id);
            }
        }
        GitError::of(&self.root, error)
    }

    fn lacks(&self, id: ObjectId) -> GitError {
        GitError::MissingObject { id, root: self.root.clone(), is_shallow: self.inner.is_shallow() }
    }

    fn unsupported(&self, what: Unsupported) -> GitError {
        GitError::Unsupported { what, root: self.root.clone() }
    }

    /// Tells whether objects that are missing here are fetched by git when it needs them.
    fn is_partial(&self) -> bool {
        let Ok(config) = self.inner.config() else { return false };
        let has = |pattern| config.entries(Some(pattern)).is_ok_and(|mut entries| entries.next().is_some());
        has(r"^extensions\.partialclone$") || has(r"^remote\..*\.promisor$")
    }

    fn oid(&self, id: ObjectId) -> Result<Oid, GitError> {
        id.oid().ok_or_else(|| self.unsupported(Unsupported::ObjectFormat))
    }

    fn missing(&self, id: ObjectId, error: git2::Error) -> GitError {
        match error.code() {
            ErrorCode::NotFound if self.is_partial() => self.unsupported(Unsupported::PartialClone),
            ErrorCode::NotFound => self.lacks(id),
            _ if is_damage(&error) => self.broken(id),
            _ => self.refused(error),
        }
    }

    /// Refuses an index that is empty only because libgit2 may not look at its file: that it takes for none.
    fn refuse_unseen(&self, index: &git2::Index) -> Result<(), GitError> {
        let Some(path) = index.path() else { return Ok(()) };
        if fs::kind(path)?.is_none() {
            return Ok(());
        }
        // The signature, the version, and the number of entries (gitformat-index).
        match fs::read_top(path, None, 12)?.get(8..) {
            None | Some([0, 0, 0, 0]) => Ok(()),
            Some(_) => Err(self.refused(git2::Error::from_str("its index cannot be read"))),
        }
    }
}

impl Store for Libgit2 {
    fn head(&self) -> Result<Option<ObjectId>, GitError> {
        match self.inner.head().and_then(|head| head.peel_to_commit()) {
            Ok(commit) => Ok(Some(commit.id().into())),
            Err(error) if error.code() == ErrorCode::UnbornBranch => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn resolve(&self, revision: &str) -> Result<Option<ObjectId>, GitError> {
        match self.inner.revparse_single(revision).and_then(|object| object.peel_to_commit()) {
            Ok(commit) => Ok(Some(commit.id().into())),
            // An ambiguous or misspelt one names none; a hole in the store is another thing.
            Err(error) if error.class() == ErrorClass::Odb && error.code() != ErrorCode::NotFound => {
                Err(self.refused(error))
            }
            Err(_) => Ok(None),
        }
    }

    fn object(&self, id: ObjectId, kind: ObjectKind, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        let (oid, refused) = (self.oid(id)?, |error| self.missing(id, error));
        let objects = self.inner.odb().map_err(refused)?;
        // The length comes before the content: what is too large is not even unpacked.
        let (length, found) = objects.read_header(oid).map_err(refused)?;
        let wanted = match kind {
            ObjectKind::Blob => ObjectType::Blob,
            ObjectKind::Commit => ObjectType::Commit,
            ObjectKind::Tree => ObjectType::Tree,
        };
        if found != wanted {
            return Err(self.broken(id));
        }
        if length > limit {
            return Err(GitError::TooLarge { id, limit });
        }
        Ok(Zeroizing::new(objects.read(oid).map_err(refused)?.data().to_vec()))
    }

    fn top(&self, id: ObjectId, top: usize, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        // Of one that is cut off, libgit2's stream does not end; so what fits into memory is read as a whole.
        if let Ok(objects) = self.inner.odb()
            && objects.read_header(self.oid(id)?).is_ok_and(|(length, _)| length > STREAM_ABOVE)
            && let Ok((object, size, _)) = objects.reader(self.oid(id)?)
        {
            // No larger than it must be: all of it is wiped in the end.
            let mut content = Zeroizing::new(Vec::with_capacity(size.min(top)));
            if object.take(top as u64).read_to_end(&mut content).is_ok() {
                return Ok(content);
            }
        }
        let mut content = self.object(id, ObjectKind::Blob, limit)?;
        content.truncate(top);
        Ok(content)
    }

    fn ancestors(&self, of: ObjectId) -> Result<Commits<'_>, GitError> {
        let oid = self.oid(of)?;
        let walk = self.inner.revwalk().and_then(|mut walk| {
            walk.set_sorting(Sort::TIME)?;
            walk.push(oid)?;
            Ok(walk)
        });
        let walk = walk.map_err(|error| self.refused(error))?;
        Ok(Box::new(walk.map(|id| id.map(ObjectId::from).map_err(|error| self.refused(error)))))
    }

    fn all_commits(&self) -> Result<Commits<'_>, GitError> {
        let head = self.head()?;
        let walk = self.inner.revwalk().and_then(|mut walk| {
            // By time alone, of commits of one second the parent may come first.
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
            // What leads to no commit is passed by.
            walk.push_glob("refs/*")?;
            head.and_then(|head| head.oid()).map_or(Ok(()), |head| walk.push(head))?;
            Ok(walk)
        });
        let walk = walk.map_err(|error| self.refused(error))?;
        Ok(Box::new(walk.map(|id| id.map(ObjectId::from).map_err(|error| self.refused(error)))))
    }

    fn range(&self, after: ObjectId, to: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        let (after, to) = (self.oid(after)?, self.oid(to)?);
        let walk = self.inner.revwalk().and_then(|mut walk| {
            walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
            walk.push(to)?;
            walk.hide(after)?;
            walk.map(|id| id.map(ObjectId::from)).collect()
        });
        walk.map_err(|error| self.refused(error))
    }

    fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, GitError> {
        match self.inner.merge_base(self.oid(one)?, self.oid(other)?) {
            Ok(base) => Ok(Some(base.into())),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn index(&self, file: Option<&Path>) -> Result<Index, GitError> {
        let opened = match file {
            Some(file) => git2::Index::open(file),
            None => self.inner.index(),
        };
        let opened = opened.map_err(|error| self.refused(error))?;
        if opened.is_empty() {
            self.refuse_unseen(&opened)?;
        }
        let mut index = Index::default();
        for entry in opened.iter() {
            // Only announced (`git add -N`): it has no content yet.
            if !IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).is_intent_to_add() {
                let stage = u8::try_from((entry.flags >> STAGE_SHIFT) & 3).expect("two bits");
                index.push(&entry.path, entry.mode, entry.id.into(), stage);
            }
        }
        Ok(index)
    }

    fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.inner.is_shallow())
    }

    fn shallow_file(&self) -> Result<PathBuf, GitError> {
        Ok(self.inner.commondir().join("shallow"))
    }

    fn broken(&self, id: ObjectId) -> GitError {
        GitError::BrokenObject { id, root: self.root.clone() }
    }
}

/// How large an object is whose top is read without the rest.
const STREAM_ABOVE: usize = 1 << 20;

/// Where an index entry's flags have its stage: 0, or 1 to 3 in a merge (gitformat-index, "flags").
const STAGE_SHIFT: u16 = 12;
