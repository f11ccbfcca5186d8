//! Reading the past: the headers of all encrypted files that any commit has, each content once, on all cores.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Moment, Unread};
use crate::crypto::FileId;
use crate::envelope::native::{
    EncryptedFile, Header, MAX_ENCRYPTED, Marks, OPAQUE_TOP, OpaqueTop, PEEK, SealedMark, peek_file_id, peek_header,
};
use crate::git::{GitError, ObjectId, Past, PastVersion, Repository};
use crate::policy::{FILE_NAME, Policy};
use crate::workspace::Error;
use crate::workspace::versions::MAX_IN_GIT;

/// What a content of git's is.
enum Content {
    /// It has marks of an encrypted file, and cannot be read as one.
    Broken(String),
    Encrypted(Box<Head>),
    Plaintext,
    Policy(Box<Policy>),
    /// It is not there, or too large.
    Unread(String),
}

/// What the header of a version says.
pub(super) struct Head {
    pub(super) file_id: FileId,
    pub(super) generation: u32,
    pub(super) owner: Option<String>,
    pub(super) recipients: BTreeMap<String, Vec<String>>,
}

/// A version of an encrypted file.
pub(super) struct Version<'p> {
    pub(super) path: String,
    pub(super) first: Moment,
    pub(super) content: ObjectId,
    pub(super) head: &'p Head,
}

/// All that the commits of this clone have.
pub(super) struct History {
    past: Past,
    contents: HashMap<ObjectId, Content>,
}

impl Head {
    fn of(header: Header) -> Self {
        let Header { file_id, generation, metadata, recipients, .. } = header;
        Self { file_id, generation, owner: metadata.owner, recipients }
    }
}

impl History {
    /// Reads it.
    pub(super) fn read(repository: &Repository) -> Result<Self, Error> {
        let past = repository.past()?;
        let is_policy = |version: &&PastVersion| version.path == FILE_NAME.as_bytes();
        let policies: HashSet<ObjectId> =
            past.versions.iter().filter(is_policy).map(|version| version.content).collect();
        let ids: BTreeSet<ObjectId> = past.versions.iter().map(|version| version.content).collect();
        let ids: Vec<ObjectId> = ids.into_iter().collect();
        let contents = repository.each_content(&ids, MAX_ENCRYPTED, |at, content| match content {
            Ok(bytes) if policies.contains(&ids[at]) => Ok(policy(&bytes)),
            Ok(bytes) => Ok(examine(&bytes)),
            Err(error) => Err(error),
        })?;
        let mut known = HashMap::with_capacity(ids.len());
        for (id, content) in ids.into_iter().zip(contents) {
            let content = match content {
                Ok(content) => content,
                Err(GitError::TooLarge { .. }) => large(repository, id),
                // Of a partial or damaged clone what is there is told, and what is not.
                Err(error) => Content::Unread(error.to_string()),
            };
            known.insert(id, content);
        }
        Ok(Self { past, contents: known })
    }

    pub(super) fn commits(&self) -> usize {
        self.past.commits
    }

    pub(super) fn is_cut(&self) -> bool {
        self.past.is_cut
    }

    /// Returns the versions of encrypted files, in the order of their paths and then of time.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version<'_>> {
        self.past.versions.iter().filter_map(|version| match &self.contents[&version.content] {
            Content::Encrypted(head) => {
                Some(Version { path: shown(version), first: moment(version), content: version.content, head })
            }
            _ => None,
        })
    }

    /// Returns what the header of a content says, where it is an encrypted file.
    pub(super) fn head_of(&self, content: ObjectId) -> Option<&Head> {
        match self.contents.get(&content) {
            Some(Content::Encrypted(head)) => Some(head),
            _ => None,
        }
    }

    /// Returns the policies that there have been.
    pub(super) fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.contents.values().filter_map(|content| match content {
            Content::Policy(policy) => Some(&**policy),
            _ => None,
        })
    }

    /// Returns the plaintexts that stood at paths.
    pub(super) fn plaintexts(&self) -> impl Iterator<Item = (String, Moment)> {
        let is_plaintext = |version: &&PastVersion| matches!(self.contents[&version.content], Content::Plaintext);
        self.past.versions.iter().filter(is_plaintext).map(|version| (shown(version), moment(version)))
    }

    /// Returns what could not be read.
    pub(super) fn unread(&self) -> impl Iterator<Item = Unread> {
        self.past.versions.iter().filter_map(|version| match &self.contents[&version.content] {
            Content::Broken(why) | Content::Unread(why) => {
                Some(Unread { file: shown(version), commit: Some(moment(version)), why: why.clone() })
            }
            _ => None,
        })
    }
}

/// Reads what some versions seal, and hands it on, in no certain order. What cannot be read is said.
pub(super) fn each_marks(
    repository: &Repository,
    contents: &[ObjectId],
    mut take: impl FnMut(ObjectId, Result<Marks, String>),
) -> Result<(), Error> {
    // In parts: the values of all versions of a large history would fill the memory.
    for part in contents.chunks(PART) {
        let marks = repository.each_content(part, MAX_ENCRYPTED, |_, content| match content {
            Ok(bytes) => Some(EncryptedFile::parse(&bytes).map(|file| file.marks()).map_err(|error| error.to_string())),
            Err(GitError::TooLarge { .. }) => None,
            Err(error) => Some(Err(error.to_string())),
        })?;
        for (id, marks) in part.iter().zip(marks) {
            let marks = marks.unwrap_or_else(|| large_marks(repository, *id));
            take(*id, marks);
        }
    }
    Ok(())
}

fn policy(bytes: &[u8]) -> Content {
    match Policy::parse(&String::from_utf8_lossy(bytes), FILE_NAME) {
        Ok(policy) => Content::Policy(Box::new(policy)),
        Err(error) => Content::Broken(error.to_string()),
    }
}

fn examine(bytes: &[u8]) -> Content {
    if peek_file_id(&bytes[..bytes.len().min(PEEK)]).is_none() {
        return Content::Plaintext;
    }
    match peek_header(bytes) {
        Ok(Some(header)) => Content::Encrypted(Box::new(Head::of(header))),
        Ok(None) => Content::Plaintext,
        Err(error) => Content::Broken(error.to_string()),
    }
}

/// Examines what is too large for memory by its top.
fn large(repository: &Repository, id: ObjectId) -> Content {
    match top(repository, id) {
        Ok(Some(top)) => Content::Encrypted(Box::new(Head::of(top.header().clone()))),
        Ok(None) => Content::Plaintext,
        Err(why) => Content::Unread(why),
    }
}

fn large_marks(repository: &Repository, id: ObjectId) -> Result<Marks, String> {
    let stamp = top(repository, id)?.and_then(|top| top.stamp());
    let values = stamp.iter().map(SealedMark::of_body).collect();
    Ok(Marks { values, ..Marks::default() })
}

fn top(repository: &Repository, id: ObjectId) -> Result<Option<OpaqueTop>, String> {
    let top = repository.content_top(id, OPAQUE_TOP, MAX_IN_GIT).map_err(|error| error.to_string())?;
    OpaqueTop::parse(&top).map_err(|error| error.to_string())
}

fn shown(version: &PastVersion) -> String {
    String::from_utf8_lossy(&version.path).into_owned()
}

fn moment(version: &PastVersion) -> Moment {
    Moment { place: version.place, seconds: version.seconds, commit: version.commit }
}

const PART: usize = 2048;
