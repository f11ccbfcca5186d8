//! Requests to become a member: leaving one, reading one, removing it.

use std::path::{Path, PathBuf};

use super::{Error, NewMember, Workspace};
use crate::fs::{self, Expect, Kind, Mode, Snapshot};
use crate::policy::{MAX_REQUEST, Member, Policy, REQUESTS, Request};

/// A request as it stands in the repository.
pub struct StoredRequest {
    /// What it says; it is a stranger's word.
    pub request: Request,
    /// Its path from the root.
    pub shown: String,
    path: PathBuf,
    snapshot: Snapshot,
}

impl Workspace<'_> {
    /// Leaves a request in the work tree, for a pull request; returns its path from the root.
    ///
    /// # Errors
    /// When somebody has this name, or asks for it already, or one of the keys belongs to a member.
    pub fn leave_request(&self, request: &Request) -> Result<String, Error> {
        // The same checks as when it is approved: better now than in the review.
        self.with_member(&NewMember {
            name: request.name.clone(),
            member: Member::new(request.recipients.clone(), request.kind),
            groups: Vec::new(),
        })?;
        let shown = shown(&request.name);
        let path = self.request_path(&shown)?;
        if let Some(folder) = path.parent() {
            fs::create_folder(folder, self.within())?;
        }
        let text = request.to_text();
        fs::replace(&path, self.within(), text.as_bytes(), Expect::Absent, Mode::KeepOr(0o666))?;
        Ok(shown)
    }

    /// Reads the request of a newcomer.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn request(&self, name: &str) -> Result<StoredRequest, Error> {
        let shown = shown(name);
        let path = self.request_path(&shown)?;
        if fs::kind(&path)? != Some(Kind::File) {
            return Err(Error::NoRequest { name: name.to_owned(), others: self.requests()? });
        }
        let bytes = fs::read(&path, self.within(), MAX_REQUEST)?;
        let request = Request::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|source| Error::Request { path: shown.clone(), source })?;
        if request.name != name {
            return Err(Error::RequestOfAnother { path: shown, name: request.name });
        }
        Ok(StoredRequest { request, shown, path, snapshot: Snapshot::of(&bytes) })
    }

    /// Returns the names for which there are requests, sorted; of no more than a hundred.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn requests(&self) -> Result<Vec<String>, Error> {
        let folder = self.folder().join(REQUESTS);
        if fs::kind(&folder)? != Some(Kind::Folder) {
            return Ok(Vec::new());
        }
        let names = fs::walk(&folder, |_| false)?.into_iter();
        let names = names.filter_map(|path| path.to_str()?.strip_suffix(".toml").map(str::to_owned));
        Ok(names.take(MAX_LISTED).collect())
    }

    /// Removes a request that was approved, if it is still what was approved.
    ///
    /// # Errors
    /// When it was changed meanwhile, or cannot be removed.
    pub fn remove_request(&self, stored: &StoredRequest) -> Result<(), Error> {
        Ok(fs::remove(&stored.path, self.within(), Expect::Unchanged(&stored.snapshot))?)
    }

    /// Returns the path patterns of the rules whose files a member reads by a policy.
    pub fn rules_read_by(policy: &Policy, name: &str) -> Vec<String> {
        let reads = policy.rules.iter().filter(|rule| policy.readers(rule).contains_key(name));
        reads.map(|rule| rule.path.to_string()).collect()
    }

    fn request_path(&self, shown: &str) -> Result<PathBuf, Error> {
        self.required_policy()?;
        if let Some(root) = self.within() {
            root.refuse_links(Path::new(shown))?;
        }
        Ok(self.folder().join(shown))
    }
}

/// Returns the path of a request from the root. The name has been found to be one.
fn shown(name: &str) -> String {
    format!("{REQUESTS}/{name}.toml")
}

const MAX_LISTED: usize = 100;
