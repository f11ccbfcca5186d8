//! What encrypted files there are, and what can be said of them without an identity.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::guard::refuse_copies;
use super::open::refuse_other_path;
use super::{Error, Inspected, STREAM_ABOVE, Target, Workspace, each_on_all_cores, key_paths};
use crate::envelope::native::{EncryptedFile, Header, MAX_ENCRYPTED, OPAQUE_TOP, OpaqueTop, ReadError, peek_file_id};
use crate::fs::{self, Kind, Root, Source};
use crate::policy::{Drift, drift};

/// What a path holds.
pub enum Listed {
    /// A folder: the governed files in it, each with its state.
    Files(Vec<(String, State)>),
    /// An encrypted file: its keys.
    Keys(Vec<String>),
}

/// A file, and whether it was named.
pub(super) type Wanted = (Target, bool);

/// The state of a governed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It cannot be read as an encrypted file, though it has marks of one.
    Broken,
    /// It is encrypted.
    Encrypted,
    /// It is not encrypted.
    Plaintext,
}

impl State {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Encrypted => "encrypted",
            Self::Plaintext => "plaintext",
        }
    }
}

impl Workspace<'_> {
    /// Lists the governed files of a folder, or the keys of an encrypted file.
    ///
    /// # Errors
    /// When something cannot be read.
    pub fn list(&self, path: &Path) -> Result<Listed, Error> {
        let absolute = self.env.current_dir().join(path);
        if fs::kind(&fs::real_path(&absolute)?)? == Some(Kind::Folder) {
            let files = self.governed_files(path)?;
            let states = files.into_iter().map(|(target, state)| (target.shown, state));
            return Ok(Listed::Files(states.collect()));
        }
        let target = self.target(path)?;
        self.refuse_large(&target)?;
        let (stored, file) = self.read_encrypted(target)?;
        match file.document() {
            Some(document) => Ok(Listed::Keys(key_paths(&document))),
            None => Err(Error::NoKeys { path: stored.target.shown }),
        }
    }

    /// Returns the encrypted files among paths (folders are searched), or of the whole workspace.
    ///
    /// # Errors
    /// When a path does not exist, or one that is named is not encrypted.
    pub fn encrypted_files(&self, paths: &[PathBuf]) -> Result<Vec<Target>, Error> {
        let encrypted = |folder: &Path| -> Result<Vec<Target>, Error> {
            let files = self.governed_files(folder)?.into_iter();
            Ok(files.filter(|(_, state)| *state != State::Plaintext).map(|(target, _)| target).collect())
        };
        Ok(self.named_or_below(paths, encrypted)?.into_iter().map(|(target, _)| target).collect())
    }

    /// Returns the files below a folder that some rule is for and that are not encrypted.
    ///
    /// # Errors
    /// When something cannot be read, or no rule is for any file there.
    pub fn plaintext_files(&self, folder: &Path) -> Result<Vec<Target>, Error> {
        let files = self.governed_files(folder)?;
        if files.is_empty() {
            let rules = self.required_policy()?.rules.iter().map(|rule| rule.path.as_str().to_owned()).collect();
            return Err(Error::NotGoverned { path: format!("{}/", folder.display()), rules });
        }
        Ok(files.into_iter().filter(|(_, state)| *state != State::Encrypted).map(|(target, _)| target).collect())
    }

    /// Compares the readers of a file with its rule. Outside of a workspace there is nothing to compare with.
    ///
    /// # Errors
    /// When the policy has mistakes, or no rule is for the file.
    pub fn drift(&self, target: &Target, header: &Header) -> Result<Drift, Error> {
        match self.policy()? {
            Some(policy) => Ok(drift(&header.recipients, &policy.readers(self.rule(target)?))),
            None => Ok(Drift::default()),
        }
    }

    /// Tells of each encrypted file whether `rekey` would leave it as it is, as far as that can be told without a key.
    ///
    /// # Errors
    /// When the index, the policy or a file cannot be read. A file that `rekey` would refuse, as it was moved or copied,
    /// has an error of its own.
    pub fn are_in_line(&self, targets: &[Target]) -> Result<Vec<Result<bool, Error>>, Error> {
        let ids = self.file_ids()?;
        self.each_apart(targets, |workspace, target| {
            let Inspected { target, header, .. } = workspace.inspect(target.clone())?;
            refuse_other_path(&target, &header)?;
            refuse_copies(&target, &header, &ids)?;
            workspace.is_in_line(&target, &header)
        })
    }

    /// Tells whether `rekey` would leave a file as it is.
    ///
    /// # Errors
    /// As [`Self::drift`].
    pub(super) fn is_in_line(&self, target: &Target, header: &Header) -> Result<bool, Error> {
        Ok(self.after_rekey(header, self.rule(target)?)? == *header)
    }

    /// Returns the files that are named, and those that some rule is for below folders; of the whole workspace, where no
    /// path is given, also encrypted files that no rule is for. Tells which were named; and for a report, which has to
    /// name them, the files that a rule is for and no header can name (from the root, as far as that can be spelled).
    pub(super) fn named_or_governed(&self, paths: &[PathBuf]) -> Result<(Vec<Wanted>, Vec<String>), Error> {
        let unnameable = RefCell::new(BTreeSet::new());
        let mut found = self.named_or_below(paths, |folder| {
            let (governed, apart) = self.governed_and_unnameable(folder)?;
            unnameable.borrow_mut().extend(apart);
            Ok(governed)
        })?;
        if paths.is_empty() {
            found.extend(self.ungoverned()?.into_iter().map(|target| (target, false)));
        }
        Ok((each_once(found), unnameable.into_inner().into_iter().collect()))
    }

    /// Returns the files that are named, and those that `below` finds in folders (none: the whole workspace), each once and
    /// in the order of their paths; tells which were named.
    fn named_or_below(
        &self,
        paths: &[PathBuf],
        below: impl Fn(&Path) -> Result<Vec<Target>, Error>,
    ) -> Result<Vec<(Target, bool)>, Error> {
        let everything = [self.folder().to_path_buf()];
        let paths = if paths.is_empty() { &everything[..] } else { paths };
        let mut targets = Vec::new();
        for path in paths {
            let absolute = fs::real_path(&self.env.current_dir().join(path))?;
            if fs::kind(&absolute)? == Some(Kind::Folder) {
                if let Some(root) = self.root().filter(|root| !absolute.starts_with(root)) {
                    return Err(Error::Outside { path: path.display().to_string(), root: root.to_path_buf() });
                }
                targets.extend(below(path)?.into_iter().map(|target| (target, false)));
            } else {
                targets.push((self.target(path)?, true));
            }
        }
        Ok(each_once(targets))
    }

    /// Returns the repositories of their own below these folders (none: the whole workspace) in which some rule would
    /// be for files, from the root of the workspace: they are passed by.
    ///
    /// # Errors
    /// When a folder cannot be listed.
    pub fn other_repositories(&self, paths: &[PathBuf]) -> Result<Vec<String>, Error> {
        let (policy, root) = (self.required_policy()?, self.folder());
        let everything = [root.to_path_buf()];
        let paths = if paths.is_empty() { &everything[..] } else { paths };
        let mut others = BTreeSet::new();
        for path in paths {
            let top = fs::real_path(&self.env.current_dir().join(path))?;
            if fs::kind(&top)? != Some(Kind::Folder) {
                continue;
            }
            fs::walk(&top, |below| {
                let folder = top.join(below);
                let recorded = folder.strip_prefix(root).unwrap_or(&folder).to_string_lossy().into_owned();
                let is_other = is_other_repository(&folder);
                let can_govern = policy.can_govern_below(&recorded);
                if is_other && can_govern {
                    others.insert(recorded);
                }
                can_govern && !is_other
            })?;
        }
        Ok(others.into_iter().collect())
    }

    /// Returns the files below a folder that some rule is for, in the order of their paths, each with its state.
    pub(super) fn governed_files(&self, folder: &Path) -> Result<Vec<(Target, State)>, Error> {
        let governed = self.governed(folder)?;
        let within = self.within();
        let states = each_on_all_cores(&governed, |target| state(target, within).unwrap_or(State::Broken));
        Ok(governed.into_iter().zip(states).collect())
    }

    /// As [`Self::governed_and_unnameable`]; what no header can name is an error, for it would be passed by else.
    fn governed(&self, folder: &Path) -> Result<Vec<Target>, Error> {
        let (governed, unnameable) = self.governed_and_unnameable(folder)?;
        match unnameable.first() {
            Some(recorded) => Err(Error::PathNotUtf8 { path: self.from_here(recorded) }),
            None => Ok(governed),
        }
    }

    fn governed_and_unnameable(&self, folder: &Path) -> Result<(Vec<Target>, Vec<String>), Error> {
        let policy = self.required_policy()?;
        let absolute = fs::real_path(&self.env.current_dir().join(folder))?;
        let (mut governed, mut unnameable) = (Vec::new(), Vec::new());
        for relative in fs::walk(&absolute, |below| !is_other_repository(&absolute.join(below)))? {
            let below_root = absolute.join(&relative);
            let path = if folder == Path::new(".") { relative } else { folder.join(relative) };
            let mut target = match self.target(&path) {
                Ok(target) => target,
                Err(Error::PathNotUtf8 { .. }) => {
                    let recorded = self.root().and_then(|root| below_root.strip_prefix(root).ok());
                    let recorded = recorded.unwrap_or(&below_root).to_string_lossy().into_owned();
                    unnameable.extend(policy.rule_for(&recorded).is_some().then_some(recorded));
                    continue;
                }
                Err(_) => continue,
            };
            let Some(recorded) = &target.recorded else { continue };
            if policy.rule_for(recorded).is_some() {
                if self.root() == Some(folder) {
                    // Nobody has written this path: it is all of the repository that was meant.
                    target.shown = self.from_here(recorded);
                }
                governed.push(target);
            }
        }
        Ok((governed, unnameable))
    }
}

/// Sorts files by their paths, each once. Who names a file and its folder has named the file.
fn each_once(mut targets: Vec<(Target, bool)>) -> Vec<(Target, bool)> {
    // Where there is no workspace, a file has no other path than where it is.
    let place = |target: &Target| (target.recorded.clone(), target.recorded.is_none().then(|| target.path.clone()));
    targets.sort_by_cached_key(|(target, is_named)| (place(target), !is_named));
    targets.dedup_by(|(one, _), (other, _)| place(one) == place(other));
    targets
}

/// Tells whether a folder is a repository of its own (a submodule): it has a policy of its own.
pub(super) fn is_other_repository(folder: &Path) -> bool {
    fs::kind(&folder.join(".git")).is_ok_and(|kind| kind.is_some())
}

/// Tells in which state a file is. Of what is too large for memory only the top is looked at.
fn state(target: &Target, within: Option<&Root>) -> Result<State, Error> {
    let source = Source::open(&target.path, within)?;
    if source.length() > STREAM_ABOVE {
        let top = source.top(OPAQUE_TOP)?;
        match OpaqueTop::parse(&top) {
            Ok(Some(_)) => return Ok(State::Encrypted),
            Ok(None) if source.length() > MAX_ENCRYPTED as u64 && peek_file_id(&top).is_none() => {
                return Ok(State::Plaintext);
            }
            Ok(None) => {}
            Err(_) => return Ok(State::Broken),
        }
    }
    Ok(match EncryptedFile::parse(&source.content(MAX_ENCRYPTED)?) {
        Ok(_) => State::Encrypted,
        Err(ReadError::NotEncrypted) => State::Plaintext,
        Err(_) => State::Broken,
    })
}
