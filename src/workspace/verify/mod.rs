//! `verify`: what git has, or would commit, is checked without any key: that it is encrypted, whole, where it belongs,
//! and readable by exactly those whom the policy names.
//!
//! Everything found is consistent or not; that it is authentic only an identity can tell.

mod content;
mod copies;
mod finding;
mod judge;
mod lineage;
mod policies;
mod policy_change;
mod range;
mod range_report;
mod staged;
mod store;
mod tree;
mod work_tree;

use std::path::PathBuf;

pub use finding::{Finding, Level, Problem};
pub use policy_change::{Gain, Gained};

use super::{Error, Workspace};
use content::Search;

/// What is to be verified.
#[derive(Clone, Debug, Default)]
pub struct VerifyRequest {
    /// What of it: files and folders; none: all.
    pub paths: Vec<PathBuf>,
    /// Which state.
    pub state: VerifiedState,
    /// Members who may gain what the change gives them.
    pub accepted: Vec<String>,
    /// Whether warnings are errors.
    pub is_strict: bool,
    /// The index file, where it is not the usual one.
    pub index_file: Option<PathBuf>,
}

/// A state, or many.
#[derive(Clone, Debug, Default)]
pub enum VerifiedState {
    /// Every commit of a range.
    Range {
        /// What it starts from; not itself a part of it.
        base: String,
        /// Its last commit.
        to: String,
    },
    /// What the next commit would hold.
    Staged,
    /// What one commit holds.
    Tree(String),
    /// The files as they are.
    #[default]
    WorkTree,
}

/// What was found.
#[derive(Debug, Default)]
pub struct VerifyReport {
    /// What is not as it must be; sorted by file and line.
    pub findings: Vec<Finding>,
    /// How many governed files were examined.
    pub files: usize,
    /// What the user calls the commit that a range begins after.
    pub base: Option<String>,
    /// How many commits, of a range.
    pub commits: Option<usize>,
    /// Whose policy decides, where it is not that of the state itself.
    pub judged_by: Option<String>,
    /// What the reader should know.
    pub notes: Vec<String>,
}

impl VerifyReport {
    /// Tells whether the check says no.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }

    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }
}

impl Workspace<'_> {
    /// Verifies a state. No identity is used.
    ///
    /// # Errors
    /// When something that must be read cannot be.
    pub fn verify(&self, request: &VerifyRequest) -> Result<VerifyReport, Error> {
        let mut report = match &request.state {
            VerifiedState::Range { base, to } => self.verify_range(request, base, to)?,
            VerifiedState::Staged => self.verify_staged(request)?,
            VerifiedState::Tree(revision) => self.verify_tree(request, revision)?,
            VerifiedState::WorkTree => self.verify_work_tree(request)?,
        };
        if request.is_strict {
            report.findings.iter_mut().for_each(|finding| finding.level = Level::Error);
        }
        report.findings.sort_by(|one, other| {
            (&one.path, one.line, one.problem.code()).cmp(&(&other.path, other.line, other.problem.code()))
        });
        report.findings.dedup();
        Ok(report)
    }

    fn today(&self) -> jiff::civil::Date {
        self.env.today()
    }

    fn search(&self) -> Search {
        Search { today: self.today(), for_keys: false, for_structure: true, for_history: false }
    }

    /// Returns which paths are asked for.
    fn selection(&self, paths: &[PathBuf]) -> Result<Selection, Error> {
        let recorded = paths.iter().map(|path| {
            let recorded = self.target(path)?.recorded.unwrap_or_default();
            Ok(recorded.trim_end_matches('/').to_owned())
        });
        Ok(Selection(recorded.collect::<Result<_, Error>>()?))
    }
}

/// Paths from the root: files, and folders with all that is in them. None: everything.
struct Selection(Vec<String>);

impl Selection {
    fn has(&self, path: &[u8]) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|selected| {
                let rest = path.strip_prefix(selected.as_bytes());
                rest.is_some_and(|rest| selected.is_empty() || rest.is_empty() || rest.starts_with(b"/"))
            })
    }
}
