//! Git's configuration of this clone: the drivers that show and merge encrypted files.

use super::WiringError;
use crate::process::GitProgram;

/// What is set. Where `secret` is not installed, or a version without these drivers, git shows and merges what stands in
/// the file.
const SETTINGS: [(&str, &str); 5] = [
    ("merge.secret.name", "encrypted files, key by key"),
    (
        "merge.secret.driver",
        "merge_secret() { if secret git merge --help >/dev/null 2>&1; \
         then secret git merge \"$1\" \"$2\" \"$3\" --path=\"$5\" --marker-size=\"$4\"; \
         else git merge-file --marker-size=\"$4\" \"$2\" \"$1\" \"$3\"; fi; }; merge_secret %O %A %B %L %P",
    ),
    // Of several merge bases git makes one; a conflict there must not become ciphertext with marks in it.
    ("merge.secret.recursive", "binary"),
    (
        "diff.secret.textconv",
        "show_secret() { if secret git textconv --help >/dev/null 2>&1; then secret git textconv \"$1\"; else cat \"$1\"; fi; }; show_secret",
    ),
    // What it caches would stand among git's objects, in plaintext.
    ("diff.secret.cachetextconv", "false"),
];

/// Sets the drivers for this clone.
///
/// # Errors
/// When git cannot be run, or cannot write its configuration.
pub fn install(git: &GitProgram) -> Result<(), WiringError> {
    for (name, value) in SETTINGS {
        let answer = git.ask(&["config", "--local", "--replace-all", name, value], None)?;
        if answer.code != Some(0) {
            return Err(WiringError::Git { said: String::from_utf8_lossy(&answer.stderr).trim_end().to_owned() });
        }
    }
    Ok(())
}

/// Takes the drivers away; tells whether there were any.
///
/// # Errors
/// As [`install`].
pub fn uninstall(git: &GitProgram) -> Result<bool, WiringError> {
    let mut was_set = false;
    for (name, _) in SETTINGS {
        let answer = git.ask(&["config", "--local", "--unset-all", name], None)?;
        match answer.code {
            Some(0) => was_set = true,
            // It was not set.
            Some(5) => {}
            _ => return Err(WiringError::Git { said: String::from_utf8_lossy(&answer.stderr).trim_end().to_owned() }),
        }
    }
    Ok(was_set)
}

/// Tells whether the drivers are set as we set them.
///
/// # Errors
/// When git cannot be run.
pub fn are_installed(git: &GitProgram) -> Result<bool, WiringError> {
    for (name, value) in SETTINGS {
        let answer = git.ask(&["config", "--local", "--get", name], None)?;
        if answer.stdout.strip_suffix(b"\n") != Some(value.as_bytes()) {
            return Ok(false);
        }
    }
    Ok(true)
}
