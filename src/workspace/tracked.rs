//! Which of the files that git tracks are encrypted, with and without a rule.

use super::{Error, Target, Workspace, each_on_all_cores};
use crate::crypto::FileId;
use crate::envelope::native::{MAX_ENCRYPTED, PEEK, peek_file_id};
use crate::fs::{self, Root};
use crate::git::EntryKind;

/// A path of the index, and what the beginning of the file says: `None` where it is not encrypted.
type Peeked = (String, Result<Option<FileId>, Error>);

impl Workspace<'_> {
    /// Returns the file ids of all governed files of the index that are encrypted, with their paths.
    ///
    /// # Errors
    /// When the index, the policy or a file cannot be read.
    pub fn file_ids(&self) -> Result<Vec<(FileId, String)>, Error> {
        let policy = self.policy()?;
        let tracked = self.tracked(|path| policy.is_none_or(|policy| policy.rule_for(path).is_some()))?;
        let known = tracked.into_iter().map(|(path, id)| Ok(id?.map(|id| (id, path))));
        known.filter_map(Result::transpose).collect()
    }

    /// Returns the encrypted files of the index that no rule is for: a policy that forgets a file must not make its values
    /// forgotten. What cannot be read there is somebody else's business.
    pub(super) fn ungoverned(&self) -> Result<Vec<Target>, Error> {
        let (Some(root), Some(policy)) = (self.within(), self.policy()?) else { return Ok(Vec::new()) };
        let tracked = self.tracked(|path| policy.rule_for(path).is_none())?.into_iter();
        let encrypted = tracked.filter(|(_, id)| matches!(id, Ok(Some(_))));
        Ok(encrypted.map(|(path, _)| self.target_below(root, path)).collect())
    }

    /// Looks at the beginnings of the files of the index whose paths are wanted, on all cores.
    fn tracked(&self, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Peeked>, Error> {
        let (Some(repository), Some(root)) = (&self.repository, self.within()) else { return Ok(Vec::new()) };
        let files = repository.index_files()?.into_iter().filter(|file| file.kind == EntryKind::File);
        let paths = files.filter_map(|file| file.path.into_os_string().into_string().ok());
        let paths: Vec<String> = paths.filter(|path| is_wanted(path)).collect();
        let ids = each_on_all_cores(&paths, |path| file_id(root, path));
        Ok(paths.into_iter().zip(ids).collect())
    }
}

/// Reads the file id of a file of the work tree, `None` where it is missing or not encrypted.
fn file_id(root: &Root, path: &str) -> Result<Option<FileId>, Error> {
    let absolute = root.path().join(path);
    if fs::kind(&absolute)? != Some(fs::Kind::File) {
        return Ok(None);
    }
    let mut top = fs::read_top(&absolute, Some(root), PEEK)?;
    if top.len() == PEEK && top.iter().all(u8::is_ascii_whitespace) {
        // Blanks may stand before a JSON document; they must not hide a copy.
        top = fs::read(&absolute, Some(root), MAX_ENCRYPTED)?;
    }
    Ok(peek_file_id(&top))
}
