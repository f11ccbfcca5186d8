//! New folders, and files that only their owner may read.

use std::fs;
use std::io;
use std::path::{Component, Path};

use rustix::fs::Mode as RawMode;
use rustix::io::Errno;

use super::place::{open_folder, open_folder_at};
use super::{Expect, FsError, Mode, Root, Step, real_path, replace};

/// Creates a file with mode 0600, never over an old one.
pub fn create_private(path: &Path, content: &[u8]) -> Result<(), FsError> {
    replace(path, None, content, Expect::Absent, Mode::Private)
}

/// Creates a folder and those above it that are missing, for the owner only (0700); existing ones stay as they are.
pub fn create_private_folder(path: &Path, within: Option<&Root>) -> Result<(), FsError> {
    create_folders(path, within, 0o700)
}

/// Creates a folder and those above it that are missing, never outside of the root.
pub fn create_folder(path: &Path, within: Option<&Root>) -> Result<(), FsError> {
    create_folders(path, within, 0o777)
}

fn create_folders(path: &Path, within: Option<&Root>, mode: u32) -> Result<(), FsError> {
    let exists = |path: &&Path| fs::symlink_metadata(path).is_ok();
    let existing = path.ancestors().find(exists).ok_or_else(|| FsError::Missing { path: path.to_path_buf() })?;
    let mut folder = open_folder(&real_path(existing)?, within, path)?;
    let missing = path.strip_prefix(existing).unwrap_or(Path::new(""));
    for component in missing.components() {
        let refused = |source: io::Error| FsError::io(Step::Create, path, source);
        // `..` behind a folder that is not there yet means nothing.
        let Component::Normal(name) = component else { return Err(FsError::Missing { path: path.to_path_buf() }) };
        let make = || rustix::fs::mkdirat(&folder, name, RawMode::from_raw_mode(mode));
        match rustix::io::retry_on_intr(make) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(source) => return Err(refused(source.into())),
        }
        folder = open_folder_at(&folder, name, path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    #[test]
    fn a_private_file_in_a_private_folder_is_its_owners_only() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let folder = world.path().join("secret/deeper");
        let file = folder.join("identities.txt");
        create_private_folder(&folder, None).expect("folders");
        create_private_folder(&folder, None).expect("they are there");
        create_private(&file, b"key").expect("a file");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").mode() & 0o777;
        assert_eq!([mode(&folder), mode(&world.path().join("secret")), mode(&file)], [0o700, 0o700, 0o600]);
    }

    #[test]
    fn a_private_file_is_never_made_over_an_old_one() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let file = world.path().join("identities.txt");
        create_private(&file, b"old").expect("a file");
        assert!(matches!(create_private(&file, b"new"), Err(FsError::Exists { .. })));
        assert_eq!(fs::read(&file).expect("a file"), b"old");
    }

    #[test]
    fn no_folder_is_made_outside_of_the_root_or_in_a_file() {
        let world = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(world.path().join("repo")).expect("a folder");
        fs::write(world.path().join("repo/file"), "").expect("a file");
        symlink("..", world.path().join("repo/up")).expect("a link");
        let root = Root::open(&world.path().join("repo")).expect("a root");
        let create = |path: &str| create_folder(&world.path().join("repo").join(path), Some(&root));
        for path in ["up/new", "../new", "../new/deeper"] {
            assert!(matches!(create(path), Err(FsError::Outside { .. })), "{path}");
        }
        for path in ["file", "file/new", "new/../../new"] {
            assert!(create(path).is_err(), "{path}");
        }
        create("a/b/c").expect("folders");
        assert!(world.path().join("repo/a/b/c").is_dir());
        assert!(!world.path().join("new").exists());
    }
}
