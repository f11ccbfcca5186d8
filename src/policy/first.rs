//! The policy that `init` writes.

use super::FILE_NAME;
use super::edit::key;
use crate::keys::Recipient;

/// Returns the first policy of a repository: its first member, a group with this member in it, one rule.
///
/// `name` must be a member's name; [`super::Policy::parse`] tells.
pub fn first_policy(name: &str, recipient: &Recipient) -> String {
    format!(
        r#"# {FILE_NAME}: who may read which secrets. The first rule whose path matches decides; what no rule matches is not
# encrypted. A change takes effect in a file with `secret rekey`, which shows the readers before and after.

version = 1

# People and machines, each with one recipient or a list: public keys, nothing secret.
# Others run `secret whoami` and send you the line; `secret member add NAME RECIPIENT` puts it here.
[members]
{} = "{recipient}"

# Sets of members; a group may contain groups.
[groups]
team = ["{name}"]

# A rule may also say owner, rotate_every ("90d"), require (["owner", "purpose"]), cleartext (["apiVersion"]).
[[rules]]
path = "secrets/**"
readers = ["team"]
"#,
        key(name)
    )
}
