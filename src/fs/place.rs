//! Where a file really is: symlinks are resolved once, and never out of a root.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{FsError, Step};

/// A folder that no path may leave: the work tree of a repository.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    folder: File,
    /// Where it is noted which files are to be replaced in one step.
    journal: Option<PathBuf>,
}

impl Root {
    /// Opens a folder as root.
    pub fn open(path: &Path) -> Result<Self, FsError> {
        Self::open_real(&super::real_path(path)?)
    }

    /// Opens a folder as root, whose path has no symlinks.
    pub fn open_real(path: &Path) -> Result<Self, FsError> {
        let folder = open_folder_at(rustix::fs::CWD, path.as_os_str(), path)?;
        Ok(Self { path: path.to_path_buf(), folder, journal: None })
    }

    /// Names the file in which it is noted which files are to be replaced in one step.
    #[must_use]
    pub fn with_journal(self, path: PathBuf) -> Self {
        Self { journal: Some(path), ..self }
    }

    /// Returns the file that [`Self::with_journal`] named.
    pub fn journal(&self) -> Option<&Path> {
        self.journal.as_deref()
    }

    /// Returns its path, without symlinks.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the open folder once more.
    pub(super) fn handle(&self) -> Result<File, FsError> {
        self.folder.try_clone().map_err(|source| FsError::io(Step::Open, &self.path, source))
    }

    /// Refuses a path below the root that is, or stands behind, a symlink, also where that leads to another place in
    /// the root. It need not exist.
    pub fn refuse_links(&self, below: &Path) -> Result<(), FsError> {
        let mut path = self.path.clone();
        for name in below {
            path.push(name);
            match super::kind(&path)? {
                None => break,
                Some(Kind::Symlink) => {
                    let leads_out = super::real_path(&path).is_ok_and(|real| !real.starts_with(&self.path));
                    let root = self.path.clone();
                    return Err(if leads_out { FsError::Outside { path, root } } else { FsError::Link { path } });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A device, or what this system knows besides.
    Device,
    /// A named pipe.
    Fifo,
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A socket.
    Socket,
    /// A symlink.
    Symlink,
}

impl Kind {
    pub(super) fn of(kind: fs::FileType) -> Self {
        match () {
            () if kind.is_file() => Self::File,
            () if kind.is_dir() => Self::Folder,
            () if kind.is_symlink() => Self::Symlink,
            () if kind.is_fifo() => Self::Fifo,
            () if kind.is_socket() => Self::Socket,
            () => Self::Device,
        }
    }

    fn of_stat(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Folder,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            _ => Self::Device,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Device => "device",
            Self::Fifo => "named pipe",
            Self::File => "file",
            Self::Folder => "folder",
            Self::Socket => "socket",
            Self::Symlink => "symlink",
        })
    }
}

/// A file's own folder, held open, and its name there: what a path means once all symlinks are followed.
///
/// All that happens to the file goes through the open folder and follows no further link, so whoever swaps a folder
/// or file for a symlink meanwhile gains nothing.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) folder: Arc<File>,
    pub(super) name: OsString,
    /// The path without symlinks, for comparing and for messages.
    pub(super) path: PathBuf,
}

impl Place {
    /// Follows `path`; the file need not exist, its folder must.
    pub(super) fn find(path: &Path, within: Option<&Root>) -> Result<Self, FsError> {
        let real = match fs::canonicalize(path) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => real_path_of_missing(path)?,
            result => result.map_err(|source| FsError::io(Step::Open, path, source))?,
        };
        let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(FsError::NotFile { kind: Kind::Folder, path: real });
        };
        let folder = open_folder(folder, within, path)?;
        Ok(Self { folder: Arc::new(folder), name: name.to_owned(), path: real })
    }

    /// Follows the folder of `path`, but not a symlink that stands there itself.
    pub(super) fn find_in_folder(path: &Path, within: Option<&Root>) -> Result<Self, FsError> {
        let real = real_path_of_missing(path)?;
        let folder = open_folder(real.parent().unwrap_or(&real), within, path)?;
        Ok(Self { folder: Arc::new(folder), name: real.file_name().unwrap_or_default().to_owned(), path: real })
    }

    /// Returns what the system knows of the file, `None` where there is none; anything but a file is an error.
    pub(super) fn stat(&self) -> Result<Option<Stat>, FsError> {
        let stat = || rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW);
        match rustix::io::retry_on_intr(stat) {
            Ok(stat) => match Kind::of_stat(&stat) {
                Kind::File => Ok(Some(stat)),
                kind => Err(FsError::NotFile { kind, path: self.path.clone() }),
            },
            Err(Errno::NOENT) => Ok(None),
            Err(source) => Err(FsError::io(Step::Open, &self.path, source)),
        }
    }

    /// Opens the file for reading. Does not wait for the other end of a fifo, and wakes no device.
    pub(super) fn open(&self) -> Result<File, FsError> {
        let refused = |source: io::Error| FsError::io(Step::Open, &self.path, source);
        if self.stat()?.is_none() {
            return Err(FsError::Missing { path: self.path.clone() });
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&self.folder, &self.name, flags, Mode::empty());
        let file = File::from(rustix::io::retry_on_intr(open).map_err(|source| refused(source.into()))?);
        // The name may mean something else by now than it did for `stat`.
        match Kind::of(file.metadata().map_err(refused)?.file_type()) {
            Kind::File => Ok(file),
            kind => Err(FsError::NotFile { kind, path: self.path.clone() }),
        }
    }
}

/// Opens a folder given by a path without symlinks; `given` is what the caller named, for the message.
///
/// Below a root each component is opened from the one before it and may be no symlink. That is what `openat2` with
/// `RESOLVE_BENEATH` promises, on every system.
pub(super) fn open_folder(real: &Path, within: Option<&Root>, given: &Path) -> Result<File, FsError> {
    let Some(root) = within else { return open_folder_at(rustix::fs::CWD, real.as_os_str(), real) };
    let Ok(inside) = real.strip_prefix(&root.path) else {
        return Err(FsError::Outside { path: given.to_path_buf(), root: root.path.clone() });
    };
    inside.iter().try_fold(root.handle()?, |folder, name| open_folder_at(&folder, name, real))
}

/// Opens a folder by its name in another one; a symlink is refused.
pub(super) fn open_folder_at(parent: impl std::os::fd::AsFd, name: &OsStr, path: &Path) -> Result<File, FsError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(&parent, name, flags, Mode::empty());
    rustix::io::retry_on_intr(open).map(OwnedFd::into).map_err(|source| FsError::io(Step::Open, path, source))
}

/// Returns the path without symlinks of something that is not there, but whose folder is.
fn real_path_of_missing(path: &Path) -> Result<PathBuf, FsError> {
    let missing = || FsError::Missing { path: path.to_path_buf() };
    let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(missing)?;
    let folder = fs::canonicalize(folder).map_err(|source| FsError::io(Step::Open, folder, source))?;
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn world() -> (tempfile::TempDir, Root) {
        let world = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(world.path().join("repo/secrets")).expect("folders");
        fs::write(world.path().join("repo/secrets/a"), "a").expect("a file");
        fs::write(world.path().join("outside"), "outside").expect("a file");
        let root = Root::open(&world.path().join("repo")).expect("a root");
        (world, root)
    }

    fn find(root: &Root, path: &str) -> Result<PathBuf, FsError> {
        let path = root.path().join(path);
        Ok(Place::find(&path, Some(root))?.path.strip_prefix(root.path()).expect("inside").to_path_buf())
    }

    #[test]
    fn a_link_to_a_file_in_the_root_is_followed() {
        let (_world, root) = world();
        symlink("secrets/a", root.path().join("relative")).expect("a link");
        symlink(root.path().join("secrets/a"), root.path().join("absolute")).expect("a link");
        symlink("secrets", root.path().join("folder")).expect("a link");
        for path in ["relative", "absolute", "folder/a", "secrets/../folder/./a"] {
            assert_eq!(find(&root, path).expect(path), Path::new("secrets/a"));
        }
    }

    #[test]
    fn a_link_out_of_the_root_is_refused() {
        let (world, root) = world();
        symlink("../outside", root.path().join("file")).expect("a link");
        symlink("..", root.path().join("folder")).expect("a link");
        symlink("file", root.path().join("chain")).expect("a link");
        for path in ["file", "folder/outside", "chain", "folder/new", "../outside", "../repo2"] {
            assert!(matches!(find(&root, path), Err(FsError::Outside { .. })), "{path}");
        }
        let sibling = world.path().join("repo-other");
        fs::create_dir(&sibling).expect("a folder");
        assert!(matches!(Place::find(&sibling.join("x"), Some(&root)), Err(FsError::Outside { .. })));
    }

    #[test]
    fn where_no_link_is_followed_one_in_the_midst_of_a_path_is_refused_too() {
        let (_world, root) = world();
        symlink("secrets", root.path().join("folder")).expect("a link");
        symlink("..", root.path().join("up")).expect("a link");
        symlink("nowhere", root.path().join("secrets/dangling")).expect("a link");
        let refuse = |path: &str| root.refuse_links(Path::new(path));
        for path in ["", "secrets", "secrets/a", "secrets/new", "new/deeper"] {
            refuse(path).expect(path);
        }
        for path in ["folder", "folder/a", "folder/new/deeper", "secrets/dangling"] {
            assert!(matches!(refuse(path), Err(FsError::Link { .. })), "{path}");
        }
        assert!(matches!(refuse("up/outside"), Err(FsError::Outside { .. })));
    }

    #[test]
    fn a_folder_that_became_a_link_after_it_was_resolved_is_refused() {
        let (world, root) = world();
        fs::rename(root.path().join("secrets"), world.path().join("secrets")).expect("a move");
        symlink("../secrets", root.path().join("secrets")).expect("a link");
        assert!(open_folder(&root.path().join("secrets"), Some(&root), root.path()).is_err());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_no_file() {
        let (_world, root) = world();
        symlink("nowhere", root.path().join("link")).expect("a link");
        let place = Place::find(&root.path().join("link"), Some(&root)).expect("a place");
        assert!(matches!(place.stat(), Err(FsError::NotFile { kind: Kind::Symlink, .. })));
    }
}
