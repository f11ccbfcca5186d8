//! Listing the files of a folder tree.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::lock::is_temporary;
use super::{FsError, Kind, Step};

/// Returns the regular files below a folder by their paths relative to it, sorted.
///
/// Enters no folder for whose relative path `enter` returns `false`, no `.git`, and no symlink; symlinks are not
/// listed either, nor new files of ours that a killed process could not finish: the next writer removes them.
pub fn walk(top: &Path, enter: impl FnMut(&Path) -> bool) -> Result<Vec<PathBuf>, FsError> {
    let listed = walk_with_links(top, enter)?.into_iter();
    Ok(listed.filter(|(_, kind)| *kind == Kind::File).map(|(path, _)| path).collect())
}

/// As [`walk`], and with the symlinks, which are not followed.
pub fn walk_with_links(top: &Path, mut enter: impl FnMut(&Path) -> bool) -> Result<Vec<(PathBuf, Kind)>, FsError> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = top.join(&folder);
        let refused = |source| FsError::io(Step::List, &path, source);
        let names = match entries_in(rustix::fs::CWD, path.as_os_str()) {
            // Whoever works beside us may remove what was just listed.
            Err(Errno::NOENT) if !folder.as_os_str().is_empty() => continue,
            names => names.map_err(refused)?,
        };
        for (name, kind) in names {
            let path = folder.join(&name);
            // Most file systems say in the list what stands there.
            let kind = match kind {
                Some(kind) => Some(kind),
                None => super::kind(&top.join(&path))?,
            };
            match kind {
                Some(kind @ (Kind::File | Kind::Symlink)) if !is_temporary(&name) => files.push((path, kind)),
                Some(Kind::Folder) if name != ".git" && enter(&path) => folders.push(path),
                _ => {}
            }
        }
    }
    files.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(files)
}

/// Returns the names of what is in a folder.
pub(super) fn names_in(parent: impl AsFd, name: &OsStr) -> rustix::io::Result<Vec<OsString>> {
    Ok(entries_in(parent, name)?.into_iter().map(|(name, _)| name).collect())
}

/// Returns the names of what is in a folder, and what each is, as far as the file system tells. The standard library's
/// own listing panics when the system refuses to close the folder.
fn entries_in(parent: impl AsFd, name: &OsStr) -> rustix::io::Result<Vec<(OsString, Option<Kind>)>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::io::retry_on_intr(|| rustix::fs::openat(&parent, name, flags, Mode::empty()))?;
    let mut names = Vec::new();
    for entry in Dir::new(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        let kind = match entry.file_type() {
            FileType::RegularFile => Some(Kind::File),
            FileType::Directory => Some(Kind::Folder),
            FileType::Symlink => Some(Kind::Symlink),
            _ => None,
        };
        if name != "." && name != ".." {
            names.push((name, kind));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_are_listed_sorted_without_git_links_and_what_is_not_entered() {
        let world = tempfile::tempdir().expect("a temporary folder");
        for file in [
            "b",
            "a/z",
            "a.b",
            "a/c/d",
            ".git/config",
            "sub/.git/config",
            "sub/x",
            "skipped/x",
            ".github/x",
            UNFINISHED,
        ] {
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

    const UNFINISHED: &str = "a/.secret-1-0123456789abcdef.tmp";

    #[test]
    fn a_missing_top_folder_is_an_error() {
        let world = tempfile::tempdir().expect("a temporary folder");
        assert!(matches!(walk(&world.path().join("none"), |_| true), Err(FsError::Missing { .. })));
    }
}
