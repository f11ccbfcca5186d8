//! Planning the rekey of many files: git is walked once for all of them, and the files are opened on all cores.

use super::ancestry::Versions;
use super::rekey::Circumstances;
use super::{Error, RekeyPlan, RekeyPreview, Target, Workspace};
use crate::keys::UnwrapError;

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
        let planned: Vec<Result<Planned, Error>> = self.each_apart(targets, plan)?;
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
                let Some(preview) = self.preview_rekey(target, &header, common.makes_key)? else {
                    return Ok(Planned::Nothing);
                };
                let policy = self.required_policy()?;
                let members = header.recipients.keys().filter(|name| policy.member(name).is_some());
                // Nobody asks who is about to be removed, unless there is nobody else.
                let (staying, leaving): (Vec<String>, Vec<String>) =
                    members.cloned().partition(|name| preview.readers.contains(name));
                let readers = if staying.is_empty() { leaving } else { staying };
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
