//! Listing the files of a folder tree.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FsError, Kind, Step};

/// Returns the regular files below a folder by their paths relative to it, sorted.
///
/// Enters no folder for whose relative path `enter` returns `false`, no `.git`, and no symlink; symlinks are not
/// listed either.
pub fn walk(top: &Path, mut enter: impl FnMut(&Path) -> bool) -> Result<Vec<PathBuf>, FsError> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = top.join(&folder);
        let refused = |source| FsError::io(Step::List, &path, source);
        let entries = match fs::read_dir(&path) {
            // Whoever works beside us may remove what was just listed.
            Err(source) if source.kind() == io::ErrorKind::NotFound && !folder.as_os_str().is_empty() => continue,
            entries => entries.map_err(refused)?,
        };
        for entry in entries {
            let entry = entry.map_err(refused)?;
            let name = folder.join(entry.file_name());
            match Kind::of(entry.file_type().map_err(refused)?) {
                Kind::File => files.push(name),
                Kind::Folder if entry.file_name() != ".git" && enter(&name) => folders.push(name),
                _ => {}
            }
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_are_listed_sorted_without_git_links_and_what_is_not_entered() {
        let world = tempfile::tempdir().expect("a temporary folder");
        for file in ["b", "a/z", "a.b", "a/c/d", ".git/config", "sub/.git/config", "sub/x", "skipped/x", ".github/x"] {
            let path = world.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            fs::write(path, "").expect("a file");
        }
        symlink("a", world.path().join("folder-link")).expect("a link");
        symlink("b", world.path().join("file-link")).expect("a link");
        let files = walk(world.path(), |folder| folder != Path::new("skipped")).expect("a tree");
        let expected = [".github/x", "a/c/d", "a/z", "a.b", "b", "sub/x"];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    fn a_missing_top_folder_is_an_error() {
        let world = tempfile::tempdir().expect("a temporary folder");
        assert!(matches!(walk(&world.path().join("none"), |_| true), Err(FsError::Missing { .. })));
    }
}
