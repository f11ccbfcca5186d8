//! What a file must be by the policy: readers, metadata, what is sealed, the path.

use jiff::civil::Date;

use super::content::{Content, State};
use super::finding::{Finding, Level, Problem};
use crate::envelope::native::Header;
use crate::git::ObjectId;
use crate::policy::{Drift, Policy, Rule, drift};
use crate::workspace::guard::seals_less;
use crate::workspace::metadata::missing;
use crate::workspace::required::{Lacking, demanded};

/// The policies that a state is measured by.
#[derive(Clone, Copy)]
pub(super) struct Judge<'p> {
    /// The policy of the state itself.
    pub(super) own: Option<&'p Policy>,
    /// The policy of what the change starts from, which decides what it may do; and its name.
    pub(super) base: Option<(&'p Policy, &'p str)>,
    /// Members whose gains were agreed to.
    pub(super) accepted: &'p [String],
    /// The day on which memberships are over or not.
    pub(super) today: Date,
}

impl<'p> Judge<'p> {
    /// Returns the rule for a path: the base's, else the state's own.
    pub(super) fn rule(&self, path: &str) -> Option<&'p Rule> {
        let base = self.base.and_then(|(policy, _)| policy.rule_for(path));
        base.or_else(|| self.own?.rule_for(path))
    }

    /// Tells whether some rule can be for what is in a folder.
    pub(super) fn can_govern_below(&self, folder: &str) -> bool {
        let policies = self.own.into_iter().chain(self.base.map(|(policy, _)| policy));
        policies.into_iter().any(|policy| policy.can_govern_below(folder))
    }

    /// Says what is wrong with a content at a path. `was_encrypted` tells whether the state before had it encrypted.
    pub(super) fn findings(
        &self,
        path: &[u8],
        content: &Content,
        was_encrypted: impl FnOnce() -> bool,
        commit: Option<ObjectId>,
    ) -> Vec<Finding> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let rule = self.rule(&shown);
        let header = content.header_of();
        let owner = header.and_then(|header| header.metadata.owner.clone()).or_else(|| rule?.owner.clone());
        let mut problems: Vec<(Option<usize>, Problem)> = content.problems.clone();
        if let Some(rule) = rule {
            match &content.state {
                _ if str::from_utf8(path).is_err() => problems.push((None, Problem::BadName)),
                State::Encrypted(encrypted) => {
                    self.header(&shown, rule, &encrypted.header, &mut problems);
                    let unsaid = encrypted.lacking.iter().filter_map(|(fields, Lacking { count, keys })| {
                        let fields = Some(demanded(rule, fields)).filter(|fields| !fields.is_empty())?;
                        Some((None, Problem::ValuesUnsaid { count: *count, keys: keys.clone(), fields }))
                    });
                    problems.extend(unsaid);
                }
                State::Plaintext if was_encrypted() => problems.push((None, Problem::Decrypted)),
                State::Plaintext => {
                    problems.push((None, Problem::Plaintext { rule: rule.path.as_str().to_owned() }));
                }
                State::Broken | State::Unknown => {}
            }
        } else if header.is_some() {
            problems.push((None, Problem::Ungoverned));
        }
        let finding = |(line, problem): (Option<usize>, Problem)| Finding {
            path: shown.clone(),
            line,
            owner: problem.owner().map(str::to_owned).or_else(|| owner.clone()),
            commit,
            level: problem.level(),
            problem,
        };
        problems.into_iter().map(finding).collect()
    }

    /// Says that something stands at a governed path that is no file.
    pub(super) fn symlink(&self, path: &[u8], commit: Option<ObjectId>) -> Option<Finding> {
        let shown = String::from_utf8_lossy(path).into_owned();
        let owner = self.rule(&shown)?.owner.clone();
        Some(Finding { path: shown, line: None, owner, commit, level: Level::Error, problem: Problem::Symlink })
    }

    fn header(&self, path: &str, rule: &Rule, header: &Header, problems: &mut Vec<(Option<usize>, Problem)>) {
        let mut add = |problem| problems.push((None, problem));
        if header.path != path {
            add(Problem::Moved { recorded: header.path.clone() });
        }
        if let Some(what) = seals_less(header, rule) {
            add(Problem::SealsLess { what });
        }
        let fields = missing(rule, &header.metadata);
        if !fields.is_empty() {
            add(Problem::MetadataMissing { fields });
        }
        let drift_from =
            |policy: &Policy| policy.rule_for(path).map(|rule| drift(&header.recipients, &policy.readers(rule)));
        let own = self.own.and_then(drift_from);
        let base = self.base.and_then(|(policy, name)| Some((drift_from(policy)?, name)));
        if let Some((base, name)) = &base {
            let who = self.not_accepted(surplus(base), own.as_ref());
            if !who.is_empty() {
                add(Problem::ExtraReader { who, policy: format!("the policy of {name}") });
            }
        }
        // Whom the change removes from the policy must be gone; whom it adds must be there.
        let policy = if base.is_some() { "the new policy" } else { "the policy" };
        let known = base.as_ref().map(|(base, _)| surplus(base)).unwrap_or_default();
        let own = own.or_else(|| base.map(|(base, _)| base)).unwrap_or_default();
        let who: Vec<String> = surplus(&own).into_iter().filter(|who| !known.contains(who)).collect();
        if !who.is_empty() {
            add(Problem::ExtraReader { who, policy: policy.to_owned() });
        }
        let who = lacking(&own);
        if !who.is_empty() {
            let expired = who.iter().map(|who| name_of(who)).filter(|name| self.is_expired(name));
            let expired = expired.map(str::to_owned).collect();
            add(Problem::MissingReader { who, policy: policy.to_owned(), expired });
        }
    }

    /// Tells whether a member's time is over, so that no file is encrypted to them any more.
    fn is_expired(&self, name: &str) -> bool {
        let policy = self.own.or(self.base.map(|(policy, _)| policy));
        policy.and_then(|policy| policy.member(name)).is_some_and(|member| member.is_expired(self.today))
    }

    /// Leaves out those whose gain was agreed to, and whom the state's own policy names.
    fn not_accepted(&self, who: Vec<String>, own: Option<&Drift>) -> Vec<String> {
        let unnamed = own.map(surplus).unwrap_or_default();
        let is_accepted = |who: &String| {
            let name = name_of(who);
            own.is_some() && !unnamed.contains(who) && self.accepted.iter().any(|accepted| accepted == name)
        };
        who.into_iter().filter(|who| !is_accepted(who)).collect()
    }
}

fn surplus(drift: &Drift) -> Vec<String> {
    let changed = drift.changed.iter().filter(|reader| !reader.surplus.is_empty());
    drift.surplus.iter().cloned().chain(changed.map(|reader| format!("{OTHER_KEY}{}", reader.name))).collect()
}

fn lacking(drift: &Drift) -> Vec<String> {
    let changed = drift.changed.iter().filter(|reader| !reader.missing.is_empty());
    drift.missing.iter().cloned().chain(changed.map(|reader| format!("{OTHER_KEY}{}", reader.name))).collect()
}

/// Returns the member of whom something is said.
fn name_of(who: &str) -> &str {
    who.strip_prefix(OTHER_KEY).unwrap_or(who)
}

const OTHER_KEY: &str = "another key of ";
