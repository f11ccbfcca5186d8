//! What one commit holds.

use super::copies::Copies;
use super::judge::Judge;
use super::policies::Stored;
use super::store::{Wanted, examine, want};
use super::{VerifyReport, VerifyRequest};
use crate::git::EntryKind;
use crate::workspace::{Error, Workspace};

impl Workspace<'_> {
    pub(super) fn verify_tree(&self, request: &VerifyRequest, revision: &str) -> Result<VerifyReport, Error> {
        let repository = self.required_repository()?;
        let commit = repository.commit_named(revision)?;
        let root = repository.root().to_path_buf();
        let policy = Stored::of_commit(repository, commit, revision)?.ok_or(Error::NoPolicy { root })?;
        let judge = Judge { own: Some(&policy.policy), base: None, accepted: &request.accepted, today: self.today() };
        let selection = self.selection(&request.paths)?;
        let files = repository.changed(&[], repository.commit(commit)?.tree, |_, _| true)?;
        let mut report = VerifyReport::default();
        report.add(policy.expired(self.today()));
        report.nested_policies(files.iter().filter_map(|file| str::from_utf8(&file.path).ok()));
        let mut governed = Vec::new();
        let mut wanted = Wanted::new();
        for file in &files {
            if !selection.has(&file.path) || judge.rule(&String::from_utf8_lossy(&file.path)).is_none() {
                continue;
            }
            match file.new {
                Some((EntryKind::File, id)) => {
                    want(&mut wanted, id, self.search());
                    governed.push((&file.path, id));
                }
                Some((EntryKind::Symlink, _)) => report.add(judge.symlink(&file.path, None)),
                _ => {}
            }
        }
        let contents = examine(repository, &wanted)?;
        let mut copies = Copies::default();
        for (path, id) in &governed {
            if let Some(header) = contents[id].header_of() {
                copies.add(header.file_id, &String::from_utf8_lossy(path));
            }
        }
        for (path, id) in governed {
            let content = &contents[&id];
            report.governed(judge.findings(path, content, || false, None));
            if let Some(header) = content.header_of() {
                report.add(copies.finding(&String::from_utf8_lossy(path), header, None));
            }
        }
        Ok(report)
    }
}
