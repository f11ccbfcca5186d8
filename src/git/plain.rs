//! Recognising the usual repository without libgit2, whose start and reading of configuration take longer than
//! decrypting a small file.
//!
//! Whatever is not exactly as `git init` and everyday work leave it, is left to libgit2. So this can only say "yes, and
//! its work tree is this folder", never "no".

use std::path::Path;

use super::GitError;
use crate::fs::{self, Kind};

/// Tells whether a folder is the work tree of a repository of this user in `.git`, with nothing unusual in its
/// configuration.
pub(super) fn is_plain(folder: &Path) -> Result<bool, GitError> {
    let git = folder.join(".git");
    let is = |name: &str, kind: Option<Kind>| Ok::<_, GitError>(fs::kind(&git.join(name))? == kind);
    // What belongs to somebody else needs `safe.directory`, which stands in the user's configuration.
    Ok(fs::is_own_folder(folder)
        && fs::is_own_folder(&git)
        && is("HEAD", Some(Kind::File))?
        && is("objects", Some(Kind::Folder))?
        && is("refs", Some(Kind::Folder))?
        && is("commondir", None)?
        && fs::read_named(&git.join("config"), MAX_CONFIG).is_ok_and(|config| is_usual(&config)))
}

/// Tells whether a configuration says nothing of the format, the work tree, or of other files to read.
fn is_usual(config: &[u8]) -> bool {
    let config = String::from_utf8_lossy(config).to_lowercase();
    config.lines().map(str::trim).all(|line| {
        ["bare = false", "repositoryformatversion = 0"].contains(&line)
            || !["bare", "extensions", "include", "repositoryformatversion", "worktree"]
                .iter()
                .any(|word| line.contains(word))
    })
}

/// A larger one is read by libgit2.
const MAX_CONFIG: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_configuration_that_says_nothing_of_the_work_tree_is_usual() {
        let start = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n";
        assert!(is_usual(start.as_bytes()));
        assert!(is_usual(format!("{start}[remote \"origin\"]\n\turl = git@host:repo.git\n").as_bytes()));
        for unusual in [
            "\tbare\n",
            "[core] bare = true\n",
            "\tBare=false\n",
            "\tworkTree = ..\n",
            "[include]\n\tpath = other\n",
            "[includeIf \"gitdir:/\"]\n\tpath = other\n",
            "[extensions]\n\tobjectformat = sha256\n",
            "\trepositoryformatversion = 1\n",
        ] {
            assert!(!is_usual(format!("{start}{unusual}").as_bytes()), "{unusual}");
        }
    }
}
