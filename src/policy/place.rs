//! Where the policy stands: one file, at the root of the repository.

use std::path::{Path, PathBuf};

use super::read::is_name;

/// The name of the policy's file.
pub const FILE_NAME: &str = ".secret.toml";

/// The folder at the root in which those who want to join leave their public keys.
pub const REQUESTS: &str = ".secret.requests";

/// Tells whether a file is never encrypted, whatever a rule says: it has to be read before anything is decrypted.
pub fn is_always_plain(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [FILE_NAME, ".gitattributes", ".gitignore", ".gitmodules"].contains(&name) || is_request(path)
}

/// Tells whether a path is that of a request, which holds public keys.
fn is_request(path: &str) -> bool {
    let name = path.strip_prefix(REQUESTS).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(".toml"));
    name.is_some_and(is_name)
}

/// Returns those of a repository's paths (relative to its root, with `/`) that are a policy at a wrong place.
///
/// One in a folder could change who reads what below it without anybody looking there. One at the root in another
/// case is refused too: a file system that ignores case would take it for the policy.
pub fn misplaced<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let is_policy = |path: &str| path.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(FILE_NAME));
    paths.into_iter().filter(|path| is_policy(path) && *path != FILE_NAME).collect()
}

/// Returns where a policy may stand for a folder outside of any repository, nearest first: the first that is there counts.
pub fn candidates(folder: &Path) -> impl Iterator<Item = PathBuf> {
    folder.ancestors().map(|folder| folder.join(FILE_NAME))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{candidates, misplaced};

    #[test]
    fn only_the_root_has_a_policy() {
        let paths = [".secret.toml", "a/.secret.toml", "a/b.toml", ".SECRET.toml", "a/.Secret.Toml", "x.secret.toml"];
        assert_eq!(misplaced(paths), ["a/.secret.toml", ".SECRET.toml", "a/.Secret.Toml"]);
    }

    #[test]
    fn outside_of_git_the_nearest_upwards_counts() {
        let found: Vec<PathBuf> = candidates(Path::new("/a/b")).collect();
        assert_eq!(found, ["/a/b/.secret.toml", "/a/.secret.toml", "/.secret.toml"].map(PathBuf::from));
    }
}
