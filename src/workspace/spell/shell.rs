//! Lines that a POSIX shell takes with `eval` or `.`.

use zeroize::Zeroizing;

use super::Buffer;

/// Spells variables as `export` commands. Between single quotes a shell expands nothing.
pub fn shell<'v>(variables: impl Iterator<Item = (&'v str, &'v str)>) -> Zeroizing<String> {
    let mut out = Buffer::default();
    for (name, value) in variables {
        out.push("export ");
        out.push(name);
        out.push("='");
        for (index, part) in value.split('\'').enumerate() {
            out.push(if index == 0 { "" } else { r"'\''" });
            out.push(part);
        }
        out.push("'\n");
    }
    out.into_text()
}

/// Tells whether shells keep a variable of this name for themselves: setting it fails, or does something else.
pub fn is_owned_by_shells(name: &str) -> bool {
    OWNED.contains(&name)
}

/// Of bash and zsh, without those that are refused everywhere.
const OWNED: [&str; 22] = [
    "_",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EGID",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "ERRNO",
    "EUID",
    "FUNCNAME",
    "GID",
    "GROUPS",
    "HISTCMD",
    "LINENO",
    "PIPESTATUS",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
    "UID",
    "USERNAME",
    "argv",
    "status",
];
