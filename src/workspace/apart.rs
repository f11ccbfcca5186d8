//! Work on many files that needs a workspace: on all cores, in each thread with one of its own.

use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Error, FormerReader, Workspace};
use crate::env::Env;
use crate::keys::Identities;
use crate::policy::Policy;

/// What each thread needs for a workspace of its own: git is read by one thread at a time.
struct Seed<'a> {
    env: &'a Env,
    identities: &'a Identities<'a>,
    root: PathBuf,
    policy: Policy,
    head_policy: Option<Policy>,
    exposes_all: bool,
    former_reader: Option<Arc<FormerReader>>,
}

impl Seed<'_> {
    fn workspace(&self) -> Result<Workspace<'_>, Error> {
        let mut workspace = Workspace::in_folder(self.env, &self.root, self.identities)?;
        workspace.policy = Some(self.policy.clone()).into();
        workspace.head_policy = self.head_policy.clone().into();
        workspace.exposes_all = self.exposes_all;
        workspace.former_reader.clone_from(&self.former_reader);
        Ok(workspace)
    }
}

impl Workspace<'_> {
    /// Does the same with each item, and returns what came of each in their order.
    ///
    /// # Errors
    /// When git or the policy cannot be read.
    pub(super) fn each_apart<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&Workspace<'_>, &T) -> R + Sync,
    ) -> Result<Vec<R>, Error> {
        if items.len() < MIN_PARALLEL {
            return Ok(items.iter().map(|item| work(self, item)).collect());
        }
        let seed = Seed {
            env: self.env,
            identities: self.identities,
            root: self.folder().to_path_buf(),
            policy: self.required_policy()?.clone(),
            head_policy: self.head_policy()?.cloned(),
            exposes_all: self.exposes_all,
            former_reader: self.former_reader.clone(),
        };
        let size = items.len().div_ceil(rayon::current_num_threads() * PARTS).max(1);
        let parts = items.par_chunks(size).map(|part| {
            let workspace = seed.workspace()?;
            Ok(part.iter().map(|item| work(&workspace, item)).collect())
        });
        Ok(parts.collect::<Result<Vec<Vec<_>>, Error>>()?.into_iter().flatten().collect())
    }
}

/// Fewer are done by one thread.
const MIN_PARALLEL: usize = 4;
/// Into how many parts the work of each core is cut, so that none waits long for the last one.
const PARTS: usize = 4;
