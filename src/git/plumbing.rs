//! Git's data as the git program tells of it, where libgit2 does not know the format.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::index::Index;
use super::store::{Commits, Store};
use super::{GitError, ObjectId, ObjectKind, Unsupported};
use crate::fs;
use crate::process::{GitAnswer, GitObject, GitObjects, GitProgram, ProcessError};

/// A repository that git reads for us.
pub(super) struct Plumbing {
    program: GitProgram,
    root: PathBuf,
    /// What libgit2 does not know.
    what: Unsupported,
    is_shallow: bool,
    objects: RefCell<Option<GitObjects>>,
}

impl Plumbing {
    /// Asks git whether it reads this repository, and whether it has found the same one.
    pub(super) fn start(program: &GitProgram, root: &Path, error: GitError) -> Result<Self, GitError> {
        let GitError::Unsupported { what, .. } = error else { return Err(error) };
        let (program, root) = (program.clone(), root.to_path_buf());
        let mut plumbing = Self { program, root, what, is_shallow: false, objects: RefCell::new(None) };
        let answer = plumbing.ask(&["rev-parse", "--is-shallow-repository", "--show-toplevel"], None)?;
        let answer = plumbing.expect(answer)?;
        let (is_shallow, top) = answer.split_once('\n').ok_or_else(|| plumbing.said("nothing"))?;
        if fs::real_path(Path::new(top.trim_end_matches('\n')))? != plumbing.root {
            return Err(GitError::Outside { path: PathBuf::from(top), root: plumbing.root });
        }
        plumbing.is_shallow = is_shallow == "true";
        Ok(plumbing)
    }

    /// Tells whether a path is excluded from being added.
    pub(super) fn is_ignored(&self, path: &Path) -> Result<bool, GitError> {
        let Some(path) = path.to_str() else { return Ok(false) };
        // A colon at the beginning would have a meaning of its own.
        let answer = self.ask(&["check-ignore", "--quiet", "--no-index", "--", &format!("./{path}")], None)?;
        if answer.code == Some(1) { Ok(false) } else { self.expect(answer).map(|_| true) }
    }

    fn ask(&self, arguments: &[&str], index: Option<&Path>) -> Result<GitAnswer, GitError> {
        self.program.ask(arguments, index).map_err(|source| self.cannot_run(source))
    }

    /// Demands success, and returns what git printed.
    fn expect(&self, answer: GitAnswer) -> Result<String, GitError> {
        let complaint = String::from_utf8_lossy(&answer.stderr);
        match answer.code {
            Some(0) => Ok(String::from_utf8_lossy(&answer.stdout).into_owned()),
            _ if complaint.contains("dubious ownership") => Err(GitError::ForeignOwned { root: self.root.clone() }),
            _ if complaint.contains("must be run in a work tree") => Err(GitError::Bare { path: self.root.clone() }),
            _ => Err(self.said(complaint.lines().next().unwrap_or("nothing"))),
        }
    }

    fn said(&self, said: &str) -> GitError {
        GitError::Answer { root: self.root.clone(), said: said.to_owned(), what: self.what }
    }

    fn cannot_run(&self, source: ProcessError) -> GitError {
        GitError::NoProgram { root: self.root.clone(), source, what: self.what }
    }

    fn ids(&self, answer: GitAnswer) -> Result<Vec<ObjectId>, GitError> {
        let text = self.expect(answer)?;
        let ids = text.lines().map(|line| ObjectId::from_hex(line.as_bytes()));
        ids.collect::<Option<Vec<_>>>().ok_or_else(|| self.said("what is no name of an object"))
    }

    /// Returns the name that git prints; `None` where it exits with 1, as it does for "there is none".
    fn one_id(&self, arguments: &[&str]) -> Result<Option<ObjectId>, GitError> {
        let answer = self.ask(arguments, None)?;
        if answer.code == Some(1) { Ok(None) } else { Ok(self.ids(answer)?.last().copied()) }
    }

    fn read(&self, id: ObjectId, limit: usize) -> Result<GitObject, GitError> {
        let mut objects = self.objects.borrow_mut();
        let reader = match &mut *objects {
            Some(reader) => reader,
            none => none.insert(self.program.objects().map_err(|source| self.cannot_run(source))?),
        };
        let read = reader.read(&id.to_string(), limit);
        // One that lost its place must not answer the next question.
        read.map_err(|error| {
            *objects = None;
            self.said(&format!("no object: {error}"))
        })
    }
}

impl Store for Plumbing {
    fn head(&self) -> Result<Option<ObjectId>, GitError> {
        // Without `^{commit}`: a commit that is missing must not pass for one that was never made.
        self.one_id(&["rev-parse", "--verify", "--quiet", "HEAD"])
    }

    fn resolve(&self, revision: &str) -> Result<Option<ObjectId>, GitError> {
        let commit = format!("{revision}^{{commit}}");
        let answer = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit], None)?;
        Ok(if answer.code == Some(0) { self.ids(answer)?.last().copied() } else { None })
    }

    fn object(&self, id: ObjectId, kind: ObjectKind, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        let wanted = match kind {
            ObjectKind::Blob => "blob",
            ObjectKind::Commit => "commit",
            ObjectKind::Tree => "tree",
        };
        match self.read(id, limit)? {
            GitObject::Missing => {
                Err(GitError::MissingObject { id, root: self.root.clone(), is_shallow: self.is_shallow })
            }
            GitObject::Present(kind, content) if kind == wanted => Ok(content),
            GitObject::TooLarge(kind) if kind == wanted => Err(GitError::TooLarge { id, limit }),
            GitObject::Present(..) | GitObject::TooLarge(_) => Err(self.broken(id)),
        }
    }

    fn top(&self, id: ObjectId, top: usize, limit: usize) -> Result<Zeroizing<Vec<u8>>, GitError> {
        let mut content = self.object(id, ObjectKind::Blob, limit)?;
        content.truncate(top);
        Ok(content)
    }

    fn ancestors(&self, of: ObjectId) -> Result<Commits<'_>, GitError> {
        let answer = self.ask(&["rev-list", "--end-of-options", &of.to_string()], None)?;
        Ok(Box::new(self.ids(answer)?.into_iter().map(Ok)))
    }

    fn all_commits(&self) -> Result<Commits<'_>, GitError> {
        let arguments: &[&str] = match self.head()? {
            Some(_) => &["rev-list", "--date-order", "--all", "HEAD"],
            None => &["rev-list", "--date-order", "--all"],
        };
        let answer = self.ask(arguments, None)?;
        Ok(Box::new(self.ids(answer)?.into_iter().map(Ok)))
    }

    fn range(&self, after: ObjectId, to: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        let range = format!("{after}..{to}");
        let answer = self.ask(&["rev-list", "--topo-order", "--reverse", "--end-of-options", &range], None)?;
        self.ids(answer)
    }

    fn merge_base(&self, one: ObjectId, other: ObjectId) -> Result<Option<ObjectId>, GitError> {
        self.one_id(&["merge-base", &one.to_string(), &other.to_string()])
    }

    fn index(&self, file: Option<&Path>) -> Result<Index, GitError> {
        let answer = self.ask(&["ls-files", "--stage", "-z", "--full-name"], file)?;
        let listed = answer.stdout.clone();
        self.expect(answer)?;
        let mut index = Index::default();
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let (mode, id, stage, path) = index_entry(entry).ok_or_else(|| self.said("what is no list of files"))?;
            // Git does not tell files that are only announced (`git add -N`) from empty ones; neither has a content.
            if !EMPTY.contains(&id.to_string().as_str()) {
                index.push(path, mode, id, stage);
            }
        }
        Ok(index)
    }

    fn is_shallow(&self) -> Result<bool, GitError> {
        Ok(self.is_shallow)
    }

    fn shallow_file(&self) -> Result<PathBuf, GitError> {
        let answer = self.ask(&["rev-parse", "--git-path", "shallow"], None)?;
        Ok(self.root.join(self.expect(answer)?.trim_end_matches('\n')))
    }

    fn broken(&self, id: ObjectId) -> GitError {
        GitError::BrokenObject { id, root: self.root.clone() }
    }
}

/// Reads `mode SP id SP stage TAB path`.
fn index_entry(entry: &[u8]) -> Option<(u32, ObjectId, u8, &[u8])> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let mut words = str::from_utf8(&entry[..tab]).ok()?.split(' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let id = ObjectId::from_hex(words.next()?.as_bytes())?;
    let stage = words.next()?.parse().ok()?;
    Some((mode, id, stage, &entry[tab + 1..]))
}

/// The names of the empty file.
const EMPTY: [&str; 2] =
    ["e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"];
