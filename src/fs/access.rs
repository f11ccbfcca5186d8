//! Who else than the user can read or write a file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{FsError, Step};

/// What the owner and mode of a file or folder let others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Whether it belongs to somebody else than the user and root.
    pub is_foreign: bool,
    /// Who can read it.
    pub read: Reach,
    /// Who can change it.
    pub write: Reach,
}

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// The owner alone.
    Owner,
    /// The owner and a group.
    Group,
    /// Every user of the machine.
    Everybody,
}

/// Tells who can read and write what a path leads to, symlinks followed.
pub fn access(path: &Path) -> Result<Access, FsError> {
    let metadata = fs::metadata(path).map_err(|source| FsError::io(Step::Open, path, source))?;
    let (mode, owner) = (metadata.mode(), metadata.uid());
    let reach = |permission: u32| match () {
        () if mode & permission != 0 => Reach::Everybody,
        () if mode & (permission << 3) != 0 => Reach::Group,
        () => Reach::Owner,
    };
    let is_foreign = owner != 0 && owner != rustix::process::geteuid().as_raw();
    Ok(Access { is_foreign, read: reach(0o4), write: reach(0o2) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_mode_tells_who_can_read_and_write() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = world.path().join("file");
        fs::write(&path, "").expect("a file");
        let cases = [
            (0o600, Reach::Owner, Reach::Owner),
            (0o640, Reach::Group, Reach::Owner),
            (0o622, Reach::Owner, Reach::Everybody),
            (0o664, Reach::Everybody, Reach::Group),
        ];
        for (mode, read, write) in cases {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            assert_eq!(access(&path).expect("it is there"), Access { is_foreign: false, read, write }, "{mode:o}");
        }
    }
}
