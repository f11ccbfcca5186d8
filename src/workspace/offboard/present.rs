//! The encrypted files of the work tree, as far as it matters who knows what is in them.

use std::collections::BTreeSet;
use std::path::Path;

use super::Unread;
use crate::fs::{self, Kind};
use crate::workspace::lifecycle::{Examined, SOON, examine};
use crate::workspace::{Error, Target, Workspace, each_on_all_cores};

/// The files of the work tree.
#[derive(Default)]
pub(in crate::workspace) struct Present {
    /// The encrypted ones, sorted by path.
    pub(in crate::workspace) files: Vec<(String, Examined)>,
    /// Those that cannot be read.
    pub(in crate::workspace) unread: Vec<Unread>,
}

impl Workspace<'_> {
    /// Looks at every encrypted file: those that a rule is for, those that git tracks without one, and those of the paths
    /// where some commit has one.
    pub(in crate::workspace) fn present(&self, committed: BTreeSet<String>) -> Result<Present, Error> {
        let (targets, unnameable) = match self.policy()? {
            Some(_) => self.named_or_governed(&[])?,
            None => Default::default(),
        };
        let mut targets: Vec<Target> = targets.into_iter().map(|(target, _)| target).collect();
        let mut known: BTreeSet<String> = targets.iter().filter_map(|target| target.recorded.clone()).collect();
        if let Some(root) = self.within() {
            for path in committed {
                let place = root.path().join(&path);
                // A link is no file of the repository.
                let is_file = root.refuse_links(Path::new(&path)).is_ok() && fs::kind(&place)? == Some(Kind::File);
                if is_file && known.insert(path.clone()) {
                    targets.push(self.target_below(root, path));
                }
            }
        }
        targets.sort_by(|one, other| one.recorded.cmp(&other.recorded));
        let (within, today) = (self.within(), self.env.today());
        let examined = each_on_all_cores(&targets, |target| examine(target, false, within, today, SOON));
        let mut present = Present::default();
        for (target, examined) in targets.into_iter().zip(examined) {
            let path = target.recorded.unwrap_or(target.shown);
            match examined {
                Ok(Some(file)) => present.files.push((path, file)),
                Ok(None) => {}
                Err(error) => present.unread.push(Unread { file: path, commit: None, why: error.to_string() }),
            }
        }
        present.unread.extend(unnameable.into_iter().map(|path| {
            let why = "its name is not UTF-8, so no header can name it: rename it".to_owned();
            Unread { file: path, commit: None, why }
        }));
        Ok(present)
    }
}
