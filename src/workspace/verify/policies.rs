//! The policy of a state of git's, and what a change of it means.

use std::path::Path;

use jiff::civil::Date;

use super::finding::{Finding, Level, Problem};
use super::policy_change::{Gain, gains};
use super::{Error, VerifyReport};
use crate::git::{ObjectId, Repository};
use crate::policy::{FILE_NAME, MAX_POLICY, Policy, misplaced};

/// A policy as it stands somewhere in git.
pub(super) struct Stored {
    pub(super) policy: Policy,
    text: String,
}

impl Stored {
    fn parse(bytes: &[u8], name: &str) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        Ok(Self { policy: Policy::parse(&text, name)?, text })
    }

    /// Returns the policy of a commit.
    pub(super) fn of_commit(repository: &Repository, commit: ObjectId, name: &str) -> Result<Option<Self>, Error> {
        let file = repository.file_at(commit, Path::new(FILE_NAME), MAX_POLICY)?;
        file.map(|bytes| Self::parse(&bytes, &format!("{name}:{FILE_NAME}"))).transpose()
    }

    /// Returns the policy that the next commit would have.
    pub(super) fn of_index(repository: &Repository) -> Result<Option<Self>, Error> {
        let file = repository.index_file(Path::new(FILE_NAME), MAX_POLICY)?;
        file.map(|bytes| Self::parse(&bytes, FILE_NAME)).transpose()
    }

    /// Returns the members whose time is over.
    pub(super) fn expired(&self, today: Date) -> Vec<Finding> {
        expired(&self.policy, &self.text, today)
    }

    /// Returns the line on which a rule's pattern stands.
    fn line_of(&self, pattern: &str) -> Option<usize> {
        let quoted = format!("\"{pattern}\"");
        self.text
            .lines()
            .position(|line| line.trim_start().starts_with("path") && line.contains(&quoted))
            .map(|at| at + 1)
    }
}

/// Returns what a change of the policy opens, but for members who were accepted.
pub(super) fn widened<'f>(
    old: &Policy,
    new: &Stored,
    files: impl Iterator<Item = &'f str>,
    accepted: &[String],
    level: Level,
) -> Vec<Finding> {
    let is_new = |gain: &Gain| gain.member().is_none_or(|member| !accepted.iter().any(|accepted| accepted == member));
    let gains = gains(old, &new.policy, files).into_iter().filter(is_new);
    gains.map(|gain| of_policy(new.line_of(&gain.rule), level, Problem::PolicyWidens(gain))).collect()
}

/// Returns the members whose time is over.
pub(super) fn expired(policy: &Policy, text: &str, today: Date) -> Vec<Finding> {
    let line_of = |name: &str| {
        let names = |line: &str| {
            let key = line.trim_start().trim_start_matches("members.").trim_start_matches("[members.");
            let rest = key.strip_prefix(name).or_else(|| key.strip_prefix(&format!("\"{name}\"")));
            rest.is_some_and(|rest| rest.trim_start().starts_with(['=', ']', '.']))
        };
        text.lines().position(names).map(|at| at + 1)
    };
    let expired = policy.members.iter().filter(|(_, member)| member.is_expired(today));
    expired
        .filter_map(|(name, member)| {
            let problem = Problem::ExpiredMember { member: name.clone(), day: member.expires? };
            Some(of_policy(line_of(name), problem.level(), problem))
        })
        .collect()
}

/// Returns a finding about the policy.
pub(super) fn of_policy(line: Option<usize>, level: Level, problem: Problem) -> Finding {
    Finding { path: FILE_NAME.to_owned(), line, owner: None, commit: None, level, problem }
}

impl VerifyReport {
    /// Reports policies at other places than the root.
    pub(super) fn nested_policies<'f>(&mut self, paths: impl Iterator<Item = &'f str>) {
        self.add(
            misplaced(paths)
                .into_iter()
                .map(|path| Finding { path: path.to_owned(), ..of_policy(None, Level::Error, Problem::PolicyNested) }),
        );
    }
}
