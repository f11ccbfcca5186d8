//! The verbs of the program without a terminal: here the layers meet.
//!
//! A [`Workspace`] is the repository (or, outside of git, the folder of the nearest policy) that a command works in. What
//! a verb needs to know from a person it returns as a plan; asking is the command's business.

mod access;
mod ancestry;
mod apart;
mod create;
mod create_opaque;
pub mod deploy;
mod diagnose;
mod diff;
mod draft;
mod drill;
mod edit_buffer;
mod error;
mod examine;
mod guard;
mod history_error;
mod init;
mod lifecycle;
mod list;
mod log;
mod many;
mod members;
mod merge;
mod metadata;
mod mv;
mod offboard;
mod opaque;
mod opaque_write;
mod open;
mod owners;
mod policy_change;
mod rekey;
mod rekey_many;
mod request;
mod required;
mod resolve;
mod restore;
mod revision;
mod rollback;
mod rotate;
mod save;
pub mod spell;
mod status;
mod target;
mod textconv;
mod tracked;
mod value;
mod verify;
mod versions;
mod view;
mod wiring;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use access::{Access, AccessedFile, Granted};
pub use create::{Creation, CreationRequest, NewFile, Source};
pub use create_opaque::LargeRequest;
pub use diagnose::similar_keys;
pub use diff::{DiffRequest, FileDiff};
pub use drill::{Drill, Drilled, DrilledMember, Failure};
pub use edit_buffer::{BufferError, EditBuffer, Edited};
pub use error::{Error, Unencrypted};
pub use examine::{Examination, Exposed, SetUp};
pub use guard::Standing;
pub use history_error::HistoryError;
pub use init::{Initialized, NewIdentityError, create_identity, default_identity_path};
pub use lifecycle::{
    COMPROMISED, Lifecycle, LifecycleRequest, SOON, Terms, Unexamined, ValueLife, ValueState, former_reader,
};
pub use list::{Listed, State};
pub use log::{Log, LogEntry, SHORT_NAME};
pub use many::{Found, Workspaces, each_on_all_cores};
pub use members::NewMember;
pub use merge::{MergeRequest, MergeResult};
pub use metadata::{Keeping, MetadataChange, ValueChange};
use offboard::FormerReader;
pub use offboard::{
    Fate, Knowledge, KnownValue, KnownVersion, Moment, Reader, ReaderHistory, ReaderSpan, SpanEnd, Unreach, Unreached,
    Unread, Unrecorded,
};
pub use opaque::{AnyFile, OpenOpaque, STREAM_ABOVE, Seen, StoredOpaque, VerifiedOpaque};
pub use opaque_write::{LargeContent, NewOpaque};
pub use open::{Inspected, OpenFile, Opener, StoredFile};
pub use owners::{OwnedFile, OwnerChange, OwnerImport};
pub use policy_change::PolicyChange;
pub use rekey::{ReaderChange, RekeyPlan, RekeyPreview};
pub use rekey_many::{RekeyPlans, Unopened};
pub use request::StoredRequest;
pub use resolve::{ConflictedFile, Settled};
pub use revision::{AtRevision, OpenVersion};
pub use rollback::RolledBack;
pub use rotate::{Rotation, RotationStep, Turn};
pub use save::Saved;
pub use status::{FileState, FileStatus, Status, ValueCounts};
pub use target::Target;
pub use textconv::{TextView, ViewContent, text_view};
pub use value::{Member, Value};
pub use verify::{Finding, Gain, Gained, Level, Problem, VerifiedState, VerifyReport, VerifyRequest};
pub use view::{View, ViewError, key_paths, lookup};
pub use wiring::{HookSetUp, Unwiring, Wiring, WiringError, WiringState};

use crate::env::Env;
use crate::fs::{self, Pending, Recovery, Root, Snapshot};
use crate::git::Repository;
use crate::keys::Identities;
use crate::policy::{self, Policy};

/// The place a command works in, and whom it works for.
pub struct Workspace<'a> {
    env: &'a Env,
    root: Option<Arc<Root>>,
    /// The folder that it was looked for from.
    start: PathBuf,
    repository: Option<Repository>,
    identities: &'a Identities<'a>,
    policy: OnceCell<Option<Policy>>,
    /// What the policy's file held when it was read.
    policy_read: OnceCell<Snapshot>,
    /// What is to be the policy, and is not written yet.
    proposed: Option<PolicyChange>,
    /// Whether a rekey makes a new data key for every file, and records that what it seals got out.
    exposes_all: bool,
    /// Whose knowledge a rekey records in headers that do not name them.
    former_reader: Option<Arc<FormerReader>>,
    head_policy: OnceCell<Option<Policy>>,
}

impl<'a> Workspace<'a> {
    /// Finds the workspace around a path: the git repository, else the folder of the nearest policy upwards.
    ///
    /// # Errors
    /// When there is a repository that may not or cannot be read.
    pub fn around(env: &'a Env, path: &Path, identities: &'a Identities<'a>) -> Result<Self, Error> {
        Self::in_folder(env, &fs::real_path(&start_folder(&env.current_dir().join(path))?)?, identities)
    }

    /// Finds the workspace that a folder is in, whose path has no symlinks.
    fn in_folder(env: &'a Env, start: &Path, identities: &'a Identities<'a>) -> Result<Self, Error> {
        let repository = Repository::discover(start)?.map(|repository| repository.with_programs(env));
        let root = match &repository {
            Some(repository) => {
                let journal = repository.git_folder()?.join("secret-journal");
                Some(Root::open_real(repository.root())?.with_journal(journal))
            }
            None => policy_folder(start)?
                .map(|folder| Ok::<_, Error>(Root::open_real(&folder)?.with_journal(folder.join(".secret-journal"))))
                .transpose()?,
        };
        Ok(Self {
            env,
            root: root.map(Arc::new),
            start: start.to_path_buf(),
            repository,
            identities,
            policy: OnceCell::new(),
            policy_read: OnceCell::new(),
            proposed: None,
            exposes_all: false,
            former_reader: None,
            head_policy: OnceCell::new(),
        })
    }

    /// Does the rest of what a process that was killed had begun to replace here; `None` where there is nothing to do.
    ///
    /// # Errors
    /// When it cannot be done, or the journal is not to be believed.
    pub fn recover(&self) -> Result<Option<Recovery>, Error> {
        Ok(self.within().map(fs::recover).transpose()?.flatten())
    }

    /// Tells what [`Self::recover`] would find.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn pending(&self) -> Result<Option<Pending>, Error> {
        Ok(self.within().map(fs::pending).transpose()?.flatten())
    }

    /// Returns the folder that paths in headers are relative to, when there is one.
    pub fn root(&self) -> Option<&Path> {
        self.within().map(Root::path)
    }

    /// Returns the folder that is worked in: the root, or the working directory where there is none.
    pub(crate) fn folder(&self) -> &Path {
        self.root().unwrap_or(self.env.current_dir())
    }

    /// Returns the identities at hand.
    pub fn identities(&self) -> &Identities<'a> {
        self.identities
    }

    /// Returns the policy of the work tree.
    ///
    /// # Errors
    /// When it has mistakes, or there is a second one in a folder.
    pub fn policy(&self) -> Result<Option<&Policy>, Error> {
        if self.policy.get().is_none() {
            let text = self.policy_text()?;
            let policy = text.as_deref().map(|text| Policy::parse(text, policy::FILE_NAME)).transpose()?;
            self.refuse_nested_policies()?;
            let _ = text.map(|text| self.policy_read.set(Snapshot::of(text.as_bytes())));
            let _ = self.policy.set(policy);
        }
        Ok(self.policy.get().and_then(Option::as_ref))
    }

    /// Returns the policy, which must be there.
    ///
    /// # Errors
    /// As [`Self::policy`], and when there is none.
    pub fn required_policy(&self) -> Result<&Policy, Error> {
        self.policy()?.ok_or_else(|| self.no_policy())
    }

    fn no_policy(&self) -> Error {
        let here = fs::real_path(self.env.current_dir());
        match self.root() {
            Some(root) => Error::NoPolicy { root: root.to_path_buf() },
            None if here.is_ok_and(|here| here == self.start) => Error::NoPolicy { root: self.start.clone() },
            None => Error::NoWorkspace { folder: self.start.clone() },
        }
    }

    /// Returns the text of the work tree's policy.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn policy_text(&self) -> Result<Option<String>, Error> {
        let Some(root) = &self.root else { return Ok(None) };
        let path = root.path().join(policy::FILE_NAME);
        if fs::kind(&path)?.is_none() {
            return Ok(None);
        }
        let bytes = fs::read(&path, Some(root), policy::MAX_POLICY)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Returns the policy of the commit that is checked out, when there is one that can be read.
    fn head_policy(&self) -> Result<Option<&Policy>, Error> {
        if self.head_policy.get().is_none() {
            let bytes = match &self.repository {
                Some(repository) => repository.head_file(Path::new(policy::FILE_NAME), policy::MAX_POLICY)?,
                None => None,
            };
            // A policy with mistakes names nobody: everybody in the work tree's one is new.
            let policy = bytes
                .map(|bytes| Policy::parse(&String::from_utf8_lossy(&bytes), policy::FILE_NAME).unwrap_or_default());
            let _ = self.head_policy.set(policy);
        }
        Ok(self.head_policy.get().and_then(Option::as_ref))
    }

    /// Returns the repository, which must be there.
    fn required_repository(&self) -> Result<&Repository, Error> {
        self.repository.as_ref().ok_or_else(|| self.no_repository())
    }

    fn no_repository(&self) -> Error {
        Error::NoRepository { folder: self.start.clone() }
    }

    fn refuse_nested_policies(&self) -> Result<(), Error> {
        let Some(repository) = &self.repository else { return Ok(()) };
        let files = repository.index_files()?;
        match policy::misplaced(files.iter().filter_map(|file| file.path.to_str())).first() {
            Some(path) => Err(Error::NestedPolicy { path: (*path).to_owned() }),
            None => Ok(()),
        }
    }
}

/// Returns the nearest folder upwards that exists, but none behind a symlink that stands in a repository: who can commit
/// one must not have a command work in another place than the user wrote.
fn start_folder(path: &Path) -> Result<PathBuf, Error> {
    let ancestors: Vec<&Path> = path.ancestors().collect();
    for pair in ancestors.windows(2).rev() {
        let (path, folder) = (pair[0], pair[1]);
        if fs::kind(path)? == Some(fs::Kind::Symlink) && Repository::discover(&fs::real_path(folder)?)?.is_some() {
            return Ok(folder.to_path_buf());
        }
    }
    Ok(ancestors.iter().find(|path| fs::leads_to_folder(path)).map_or(path, |folder| folder).to_path_buf())
}

fn policy_folder(start: &Path) -> Result<Option<PathBuf>, Error> {
    for candidate in policy::candidates(start) {
        if fs::kind(&candidate)? == Some(fs::Kind::File) {
            return Ok(candidate.parent().map(Path::to_path_buf));
        }
    }
    Ok(None)
}
