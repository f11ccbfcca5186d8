//! Planning the rekey of many files: git is walked once for all of them, and the files are opened on all cores.

use rayon::prelude::*;

use super::guard::Versions;
use super::rekey::Circumstances;
use super::{Error, RekeyPlan, RekeyPreview, Target, Workspace};
use crate::env::Env;
use crate::keys::{Identities, UnwrapError};
use crate::policy::Policy;

/// What a rekey of many files does.
#[derive(Default)]
pub struct RekeyPlans {
    /// The files that change.
    pub plans: Vec<RekeyPlan>,
    /// The files that would change, and that no identity at hand opens.
    pub unopened: Vec<Unopened>,
    /// Why other files cannot be rekeyed.
    pub errors: Vec<Error>,
}

/// A file that no identity at hand opens.
pub struct Unopened {
    /// The file.
    pub target: Target,
    /// What would change, by its header, which nobody has authenticated.
    pub preview: RekeyPreview,
    /// The members of the policy who read it.
    pub readers: Vec<String>,
    /// Why it was not opened.
    pub error: Error,
}

enum Planned {
    Nothing,
    Plan(Box<RekeyPlan>),
    Unopened(Box<Unopened>),
}

/// What each thread needs for a workspace of its own: git is read by one thread at a time.
struct Seed<'a> {
    env: &'a Env,
    identities: &'a Identities<'a>,
    root: std::path::PathBuf,
    policy: Policy,
    head_policy: Option<Policy>,
    exposes_all: bool,
}

impl Seed<'_> {
    fn workspace(&self) -> Result<Workspace<'_>, Error> {
        let mut workspace = Workspace::in_folder(self.env, &self.root, self.identities)?;
        workspace.policy = Some(self.policy.clone()).into();
        workspace.head_policy = self.head_policy.clone().into();
        workspace.exposes_all = self.exposes_all;
        Ok(workspace)
    }
}

impl Workspace<'_> {
    /// Plans the rekey of files; nothing is written. With `makes_key` each gets a new data key in any case, and the old
    /// one may be of unknown origin. `step` is called for each file that is done.
    ///
    /// # Errors
    /// When git or the policy cannot be read. What is wrong with single files stands in the plans.
    pub fn plan_rekeys(
        &self,
        targets: &[Target],
        makes_key: bool,
        step: &(dyn Fn() + Sync),
    ) -> Result<RekeyPlans, Error> {
        if targets.is_empty() {
            return Ok(RekeyPlans::default());
        }
        let versions = Versions::of(self, targets)?;
        let common = Circumstances { makes_key, ids: self.file_ids()?, versions };
        let plan = |workspace: &Workspace<'_>, target: &Target| {
            let planned = workspace.plan_one(target, &common);
            step();
            planned
        };
        let planned: Vec<Result<Planned, Error>> = if targets.len() < MIN_PARALLEL {
            targets.iter().map(|target| plan(self, target)).collect()
        } else {
            let seed = Seed {
                env: self.env,
                identities: self.identities,
                root: self.root().unwrap_or(self.env.current_dir()).to_path_buf(),
                policy: self.required_policy()?.clone(),
                head_policy: self.head_policy()?.cloned(),
                exposes_all: self.exposes_all,
            };
            let size = targets.len().div_ceil(rayon::current_num_threads() * PARTS).max(1);
            let parts = targets.par_chunks(size).map(|part| {
                let workspace = seed.workspace()?;
                Ok(part.iter().map(|target| plan(&workspace, target)).collect())
            });
            parts.collect::<Result<Vec<Vec<_>>, Error>>()?.into_iter().flatten().collect()
        };
        let mut plans = RekeyPlans::default();
        for planned in planned {
            match planned {
                Ok(Planned::Nothing) => {}
                Ok(Planned::Plan(plan)) => plans.plans.push(*plan),
                Ok(Planned::Unopened(file)) => plans.unopened.push(*file),
                Err(error) => plans.errors.push(error),
            }
        }
        Ok(plans)
    }

    fn plan_one(&self, target: &Target, common: &Circumstances) -> Result<Planned, Error> {
        match self.opener().open_any(target.clone(), None, false) {
            Ok(file) => {
                Ok(self.plan_rekey(file, common)?.map_or(Planned::Nothing, |plan| Planned::Plan(Box::new(plan))))
            }
            Err(error) if is_not_for_us(&error) => {
                let header = self.inspect(target.clone())?.header;
                let Some(preview) = self.preview_rekey(target, &header, common.makes_key || self.exposes_all)? else {
                    return Ok(Planned::Nothing);
                };
                let policy = self.required_policy()?;
                let readers = header.recipients.keys().filter(|name| policy.member(name).is_some()).cloned().collect();
                Ok(Planned::Unopened(Box::new(Unopened { target: target.clone(), preview, readers, error })))
            }
            Err(error) => Err(error),
        }
    }
}

/// Tells whether a file was not opened because it is for others.
fn is_not_for_us(error: &Error) -> bool {
    matches!(error, Error::Unwrap { source: UnwrapError::NoIdentity | UnwrapError::NoMatch { .. }, .. })
}

/// Fewer are done by one thread.
const MIN_PARALLEL: usize = 4;
/// Into how many parts the work of each core is cut, so that none waits long for the last one.
const PARTS: usize = 4;
