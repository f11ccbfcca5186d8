//! The policy, `.secret.toml`: members, groups, and rules that say who reads which files and what those must tell.
//!
//! Pure: text in, text or findings out. Who holds the file and writes it is the caller's business.

mod closest;
mod codeowners;
mod drift;
pub mod edit;
mod error;
mod first;
mod glob;
mod model;
mod path;
mod period;
mod place;
mod read;
mod request;

pub use codeowners::{CODEOWNERS, CodeOwners, CodeOwnersError, CodeOwnersProblem, MAX_CODEOWNERS};
pub use drift::{ChangedReader, Drift, drift};
pub use error::{PolicyError, PolicyErrors, PolicyProblem};
pub use first::first_policy;
pub use model::{Member, MemberKind, Policy, Readers, Requirement, Rule, ValueRequirement};
pub use path::{PathPattern, PathPatternError};
pub use period::{Period, PeriodError};
pub use place::{FILE_NAME, REQUESTS, candidates, is_always_plain, misplaced};
pub use read::is_name;
pub use request::{MAX_REQUEST, Request, RequestError};

/// Reads a day as the policy has it: `YYYY-MM-DD`.
pub fn parse_day(text: &str) -> Option<jiff::civil::Date> {
    read::parse_day(text)
}

/// How large a policy may be.
pub const MAX_POLICY: usize = 512 << 10;
