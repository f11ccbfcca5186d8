//! Replacing a file as a whole: whoever reads it, and whatever happens meanwhile, finds the old content or the new.
//!
//! The steps are in the order that makes this so: under the lock on the folder, a new file beside the old one is
//! written, flushed, read back and compared; the old one is compared with what the caller had read; then the new one is
//! renamed over it, and the folder flushed. Before the rename every error leaves the old file as it was, and nothing else.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
use rustix::fs::RenameFlags;
use rustix::fs::{AtFlags, OFlags, Stat};
use rustix::io::Errno;

use super::lock::{Folder, is_unsupported, temporary_name};
use super::place::Place;
use super::read::holds;
use super::{FolderLock, FsError, Identity, Root, Snapshot, Step};

/// What has to stand at a path for it to be replaced.
#[derive(Clone, Copy)]
pub enum Expect<'s> {
    /// Nothing: a new file is made.
    Absent,
    /// Any file, or none.
    Anything,
    /// The file that had this identity when it was opened: for files that are too large to be read once more.
    Same(Identity),
    /// A file with the content of this snapshot.
    Unchanged(&'s Snapshot),
}

/// Who may read the new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Who could read the old one; for a new file these permission bits, less the user's umask.
    KeepOr(u32),
    /// Whoever these permission bits name, less the user's umask, whatever the old one allowed.
    New(u32),
    /// Only its owner (0600), whatever the old one allowed: for plaintext and identities.
    Private,
}

/// Replaces a file, or creates it. A symlink stays; the file that it leads to is replaced.
pub fn replace(
    path: &Path,
    within: Option<&Root>,
    content: &[u8],
    expect: Expect<'_>,
    mode: Mode,
) -> Result<(), FsError> {
    FolderLock::acquire([path], within)?.replace(path, content, expect, mode)
}

/// Removes a file. A symlink stays; the file that it leads to is removed.
pub fn remove(path: &Path, within: Option<&Root>, expect: Expect<'_>) -> Result<(), FsError> {
    FolderLock::acquire([path], within)?.remove(path, expect)
}

impl FolderLock<'_> {
    /// Replaces a file in a locked folder, or creates it.
    pub fn replace(&self, path: &Path, content: &[u8], expect: Expect<'_>, mode: Mode) -> Result<(), FsError> {
        commit(vec![self.stage(path, content, expect, mode)?])
    }

    /// Compares a file in a locked folder with what the caller expects.
    pub fn expect(&self, path: &Path, expect: Expect<'_>) -> Result<(), FsError> {
        check(&self.place(path)?.1, expect)
    }

    /// Removes a file in a locked folder.
    pub fn remove(&self, path: &Path, expect: Expect<'_>) -> Result<(), FsError> {
        let (folder, place) = self.place(path)?;
        check(&place, expect)?;
        rustix::io::retry_on_intr(|| rustix::fs::unlinkat(&place.folder, &place.name, AtFlags::empty()))
            .map_err(|source| FsError::io(Step::Remove, &place.path, source))?;
        folder.sync()
    }

    /// Gives a file, or a symlink, of a locked folder another name there, which nothing has. Both names are UTF-8.
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), FsError> {
        let (_, Place { folder, name, path }) = self.place(to)?;
        let old = from.file_name().and_then(OsStr::to_str).filter(|_| from.parent() == to.parent());
        let old = old.ok_or_else(|| FsError::Missing { path: from.to_path_buf() })?;
        let refused = |source| FsError::io(Step::Replace, &path, source);
        if rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(FsError::Exists { path });
        }
        rename_to_absent(&folder, old, &name).map_err(refused)
    }

    /// Prepares the replacement of a file in a locked folder: all that can fail for want of space or permission.
    pub fn stage<'l>(
        &'l self,
        path: &Path,
        content: &[u8],
        expect: Expect<'l>,
        mode: Mode,
    ) -> Result<Staged<'l>, FsError> {
        let (folder, place) = self.place(path)?;
        let old = place.stat()?;
        let creation_mode = match (mode, &old) {
            (Mode::KeepOr(new), None) | (Mode::New(new), _) => new,
            _ => 0o600,
        };
        let mut staged = Staged { folder, place, name: temporary_name(), unnamed: None, expect };
        let unnamed = if mode == Mode::Private { create_unnamed(&staged.place.folder, 0o600) } else { None };
        let is_unnamed = unnamed.is_some();
        let mut file = unnamed.map_or_else(|| create(&staged.place, &staged.name, creation_mode), Ok)?;
        let path = staged.path();
        let refused = |step| move |source: io::Error| FsError::io(step, path, source);
        file.write_all(content).map_err(refused(Step::Write))?;
        if let Some(old) = old {
            adopt(&file, &old, mode).map_err(refused(Step::Protect))?;
        }
        file.sync_all().map_err(refused(Step::Sync))?;
        file.rewind().map_err(refused(Step::Read))?;
        if !holds(&file, content).map_err(refused(Step::Read))? {
            return Err(FsError::ReadBack { path: path.to_path_buf() });
        }
        staged.unnamed = is_unnamed.then_some(file);
        Ok(staged)
    }
}

/// A new file that lies complete beside the one it will replace; dropped without [`commit`], it is removed.
pub struct Staged<'l> {
    pub(super) folder: &'l Folder,
    pub(super) place: Place,
    pub(super) name: String,
    /// A file that does not have that name yet: of a process that is killed no plaintext is left.
    pub(super) unnamed: Option<File>,
    pub(super) expect: Expect<'l>,
}

/// Puts new files in place, all or none as far as a file system can promise it: every file is compared with what is
/// expected of it before the first is replaced.
pub fn commit(staged: Vec<Staged<'_>>) -> Result<(), FsError> {
    staged.iter().try_for_each(|new| check(&new.place, new.expect))?;
    let mut folders: Vec<&Folder> = staged.iter().map(|new| new.folder).collect();
    folders.sort_by_key(|folder| std::ptr::from_ref(*folder));
    folders.dedup_by_key(|folder| std::ptr::from_ref(*folder));
    staged.into_iter().try_for_each(|new| new.publish())?;
    folders.into_iter().try_for_each(Folder::sync)
}

impl Staged<'_> {
    /// Returns the file that will be replaced, without symlinks.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    pub(super) fn publish(&self) -> Result<(), FsError> {
        let Place { folder, name, path } = &self.place;
        let renamed = match (&self.unnamed, self.expect) {
            // In one step, so that there is no moment at which it lies about under another name.
            (Some(file), Expect::Absent) => give_name(file, folder, name),
            (Some(file), Expect::Anything | Expect::Same(_) | Expect::Unchanged(_)) => {
                give_name(file, folder, self.name.as_str())
                    .map_err(|source| FsError::io(Step::Create, path, source))?;
                rename(folder, &self.name, name)
            }
            (None, Expect::Absent) => rename_to_absent(folder, &self.name, name),
            (None, Expect::Anything | Expect::Same(_) | Expect::Unchanged(_)) => rename(folder, &self.name, name),
        };
        match renamed {
            Err(Errno::EXIST) => Err(FsError::Exists { path: path.clone() }),
            result => result.map_err(|source| FsError::io(Step::Replace, path, source)),
        }
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // After the rename this name is gone, and nobody else can have taken it: it holds 64 random bits.
        let unlink = || rustix::fs::unlinkat(&self.place.folder, &self.name, AtFlags::empty());
        let _ = rustix::io::retry_on_intr(unlink);
    }
}

/// Compares what stands there with what the caller expects.
pub(super) fn check(place: &Place, expect: Expect<'_>) -> Result<(), FsError> {
    let path = || place.path.clone();
    match expect {
        Expect::Anything => place.stat().map(|_| ()),
        Expect::Absent if place.stat()?.is_some() => Err(FsError::Exists { path: path() }),
        Expect::Absent => Ok(()),
        Expect::Same(identity) => match place.open() {
            Err(FsError::Missing { .. }) => Err(FsError::Changed { path: path() }),
            file => match Identity::of(&file?).map_err(|source| FsError::io(Step::Read, &place.path, source))? {
                found if found == identity => Ok(()),
                _ => Err(FsError::Changed { path: path() }),
            },
        },
        Expect::Unchanged(snapshot) => match place.open() {
            Err(FsError::Missing { .. }) => Err(FsError::Changed { path: path() }),
            file => match Snapshot::of_file(file?).map_err(|source| FsError::io(Step::Read, &place.path, source))? {
                found if found == *snapshot => Ok(()),
                _ => Err(FsError::Changed { path: path() }),
            },
        },
    }
}

/// Creates an empty file beside the one to be replaced.
pub(super) fn create(place: &Place, name: &str, mode: u32) -> Result<File, FsError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(&place.folder, name, flags, rustix::fs::Mode::from_raw_mode(mode));
    let file = rustix::io::retry_on_intr(open).map_err(|source| FsError::io(Step::Create, &place.path, source))?;
    Ok(OwnedFd::into(file))
}

/// Creates an empty file that has no name yet; `None` where the system or the file system cannot.
#[cfg(target_os = "linux")]
pub(super) fn create_unnamed(folder: &File, mode: u32) -> Option<File> {
    let file = open_unnamed(folder, mode).ok()?;
    // Not everywhere is there a /proc, through which it gets its name.
    let known = rustix::fs::stat(name_in_proc(&file)).ok()?;
    let metadata = file.metadata().ok()?;
    ((known.st_dev, known.st_ino) == (metadata.dev(), metadata.ino())).then_some(file)
}

/// Creates an empty file that has no name yet, where it is known that the system can.
#[cfg(target_os = "linux")]
pub(super) fn open_unnamed(folder: &File, mode: u32) -> rustix::io::Result<File> {
    let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(folder, ".", flags, rustix::fs::Mode::from_raw_mode(mode));
    rustix::io::retry_on_intr(open).map(OwnedFd::into)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn create_unnamed(_folder: &File, _mode: u32) -> Option<File> {
    None
}

#[cfg(not(target_os = "linux"))]
pub(super) fn open_unnamed(_folder: &File, _mode: u32) -> rustix::io::Result<File> {
    Err(Errno::OPNOTSUPP)
}

/// Gives a file without a name this one, which nobody has.
pub(super) fn give_name(file: &File, folder: &File, name: impl rustix::path::Arg) -> rustix::io::Result<()> {
    let from = name_in_proc(file);
    let name = name.into_c_str()?;
    rustix::io::retry_on_intr(|| rustix::fs::linkat(rustix::fs::CWD, &from, folder, &*name, AtFlags::SYMLINK_FOLLOW))
}

/// Returns the name under which the system knows an open file, open(2).
fn name_in_proc(file: &File) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Gives the new file the owner of the old one, where the user may, and its mode. In this order: a new owner costs bits.
pub(super) fn adopt(file: &File, old: &Stat, mode: Mode) -> io::Result<()> {
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.st_uid, old.st_gid) {
        // Both together only root may set; the group alone also its members. Otherwise the file becomes the writer's.
        let _ = std::os::unix::fs::fchown(file, Some(old.st_uid), Some(old.st_gid))
            .or_else(|_| std::os::unix::fs::fchown(file, None, Some(old.st_gid)));
    }
    match mode {
        Mode::KeepOr(_) => file.set_permissions(Permissions::from_mode(old.st_mode & 0o777)),
        Mode::New(_) | Mode::Private => Ok(()),
    }
}

pub(super) fn rename(folder: &File, from: &str, to: &OsStr) -> rustix::io::Result<()> {
    rustix::io::retry_on_intr(|| rustix::fs::renameat(folder, from, folder, to))
}

/// Renames in one step with the check that nothing is there; a file system that cannot has to trust the check before.
pub(super) fn rename_to_absent(folder: &File, from: &str, to: &OsStr) -> rustix::io::Result<()> {
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    match rustix::io::retry_on_intr(|| rustix::fs::renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE)) {
        Err(error) if is_unsupported(&error.into()) => {}
        result => return result,
    }
    rename(folder, from, to)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::super::fixture::names;
    use super::super::unprivileged::as_ordinary_user;
    use super::super::{Kind, read};
    use super::*;

    fn world() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").mode() & 0o7777
    }

    #[test]
    fn the_mode_of_the_old_file_is_kept() {
        let world = world();
        let path = world.path().join("file");
        fs::write(&path, "old").expect("a file");
        for mode in [0o640, 0o755, 0o400] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            replace(&path, None, b"new", Expect::Anything, Mode::KeepOr(0o644)).expect("a file");
            assert_eq!(mode_of(&path), mode);
        }
        assert_eq!(fs::read(&path).expect("a file"), b"new");
    }

    #[test]
    fn a_private_file_is_0600_whatever_was_there() {
        let world = world();
        let path = world.path().join("file");
        for _ in 0..2 {
            replace(&path, None, b"x", Expect::Anything, Mode::Private).expect("a file");
            assert_eq!(mode_of(&path), 0o600);
            fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("a mode");
        }
    }

    #[test]
    fn a_file_that_need_not_be_private_any_more_gets_the_mode_of_a_new_one() {
        let world = world();
        let path = world.path().join("file");
        fs::write(world.path().join("by-std"), "x").expect("a file");
        replace(&path, None, b"plain", Expect::Absent, Mode::Private).expect("a file");
        replace(&path, None, b"sealed", Expect::Anything, Mode::New(0o666)).expect("a file");
        assert_eq!(mode_of(&path), mode_of(&world.path().join("by-std")));
    }

    #[test]
    fn a_private_file_has_no_name_before_it_takes_its_place() {
        let world = world();
        let path = world.path().join("file");
        let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
        if create_unnamed(&File::open(world.path()).expect("a folder"), 0o600).is_some() {
            for content in ["first", "second"] {
                let before = names(world.path());
                let staged = lock.stage(&path, content.as_bytes(), Expect::Anything, Mode::Private).expect("a file");
                assert_eq!(names(world.path()), before);
                commit(vec![staged]).expect("it takes its place");
                assert_eq!(fs::read_to_string(&path).expect("a file"), content);
                assert_eq!((names(world.path()), mode_of(&path)), (vec!["file".to_owned()], 0o600));
            }
        }
    }

    #[test]
    fn a_new_file_gets_the_mode_that_any_program_would_give_it() {
        let world = world();
        fs::write(world.path().join("by-std"), "x").expect("a file");
        replace(&world.path().join("ours"), None, b"x", Expect::Absent, Mode::KeepOr(0o666)).expect("a file");
        assert_eq!(mode_of(&world.path().join("ours")), mode_of(&world.path().join("by-std")));
    }

    #[test]
    fn the_owner_of_the_old_file_is_kept_where_root_writes() {
        if rustix::process::geteuid().is_root() {
            let world = world();
            let path = world.path().join("file");
            fs::write(&path, "old").expect("a file");
            std::os::unix::fs::chown(&path, Some(1234), Some(2345)).expect("root may");
            fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("a mode");
            replace(&path, None, b"new", Expect::Anything, Mode::KeepOr(0o644)).expect("a file");
            let new = fs::metadata(&path).expect("a file");
            assert_eq!((new.uid(), new.gid(), mode_of(&path)), (1234, 2345, 0o640));
        }
    }

    #[test]
    fn what_changed_meanwhile_is_not_overwritten() {
        let world = world();
        let path = world.path().join("file");
        let snapshot = Snapshot::of(b"old");
        let try_replace = || replace(&path, None, b"mine", Expect::Unchanged(&snapshot), Mode::KeepOr(0o644));
        assert!(matches!(try_replace(), Err(FsError::Changed { .. })), "gone");
        fs::write(&path, "theirs").expect("a file");
        assert!(matches!(try_replace(), Err(FsError::Changed { .. })), "changed");
        assert_eq!(fs::read(&path).expect("a file"), b"theirs");
        fs::write(&path, "old").expect("a file");
        try_replace().expect("unchanged");
        assert_eq!(
            (fs::read(&path).expect("a file"), names(world.path())),
            (b"mine".to_vec(), vec!["file".to_owned()])
        );
    }

    #[test]
    fn a_file_that_should_be_absent_is_never_overwritten() {
        let world = world();
        let path = world.path().join("file");
        let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
        let staged = lock.stage(&path, b"new", Expect::Absent, Mode::Private).expect("a file");
        fs::write(&path, "old").expect("a file");
        assert!(matches!(staged.publish(), Err(FsError::Exists { .. })), "also when the check came too early");
        assert!(matches!(commit(vec![staged]), Err(FsError::Exists { .. })));
        assert_eq!((fs::read(&path).expect("a file"), names(world.path())), (b"old".to_vec(), vec!["file".to_owned()]));
    }

    #[test]
    fn of_several_files_none_is_replaced_when_one_has_changed() {
        let world = world();
        let paths = ["a", "b"].map(|name| world.path().join(name));
        let snapshot = Snapshot::of(b"old");
        for path in &paths {
            fs::write(path, "old").expect("a file");
        }
        let lock = FolderLock::acquire(paths.iter().map(PathBuf::as_path), None).expect("a lock");
        let stage = |path| lock.stage(path, b"new", Expect::Unchanged(&snapshot), Mode::KeepOr(0o644)).expect("a file");
        let staged = vec![stage(&paths[0]), stage(&paths[1])];
        fs::write(&paths[1], "theirs").expect("a file");
        assert!(matches!(commit(staged), Err(FsError::Changed { path }) if path.ends_with("b")));
        assert_eq!(fs::read(&paths[0]).expect("a file"), b"old");
        assert_eq!(names(world.path()), ["a", "b"]);
    }

    #[test]
    fn a_symlink_stays_and_its_file_is_replaced() {
        let world = world();
        let root = Root::open(world.path()).expect("a root");
        fs::create_dir(world.path().join("folder")).expect("a folder");
        fs::write(world.path().join("folder/file"), "old").expect("a file");
        symlink("folder/file", world.path().join("link")).expect("a link");
        replace(&world.path().join("link"), Some(&root), b"new", Expect::Anything, Mode::KeepOr(0o644))
            .expect("a file");
        assert_eq!(fs::read_link(world.path().join("link")).expect("a link"), Path::new("folder/file"));
        assert_eq!(fs::read(world.path().join("folder/file")).expect("a file"), b"new");
    }

    #[test]
    fn nothing_is_written_through_a_link_out_of_the_root_or_to_nowhere() {
        let world = world();
        fs::create_dir(world.path().join("repo")).expect("a folder");
        fs::write(world.path().join("outside"), "old").expect("a file");
        symlink("../outside", world.path().join("repo/out")).expect("a link");
        symlink("nowhere", world.path().join("repo/dangling")).expect("a link");
        let root = Root::open(&world.path().join("repo")).expect("a root");
        let write = |name: &str| {
            replace(&world.path().join("repo").join(name), Some(&root), b"new", Expect::Anything, Mode::Private)
        };
        assert!(matches!(write("out"), Err(FsError::Outside { .. })));
        assert!(matches!(write("dangling"), Err(FsError::NotFile { kind: Kind::Symlink, .. })));
        assert!(matches!(write("."), Err(FsError::Outside { .. })));
        assert_eq!(fs::read(world.path().join("outside")).expect("a file"), b"old");
        assert_eq!(names(&world.path().join("repo")), ["dangling", "out"]);
    }

    #[test]
    fn a_link_that_leads_elsewhere_since_the_lock_counts_as_changed() {
        let world = world();
        for folder in ["a", "b"] {
            fs::create_dir(world.path().join(folder)).expect("a folder");
        }
        symlink("a", world.path().join("link")).expect("a link");
        let path = world.path().join("link/file");
        let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
        fs::remove_file(world.path().join("link")).expect("a link");
        symlink("b", world.path().join("link")).expect("a link");
        assert!(matches!(lock.replace(&path, b"x", Expect::Anything, Mode::Private), Err(FsError::Changed { .. })));
    }

    #[test]
    fn a_failing_write_leaves_the_old_file_and_nothing_else() {
        as_ordinary_user("fs::replace::tests::a_failing_write_leaves_the_old_file_and_nothing_else", || {
            let world = world();
            let path = world.path().join("file");
            fs::write(&path, "old").expect("a file");
            fs::set_permissions(world.path(), Permissions::from_mode(0o555)).expect("a mode");
            let error = replace(&path, None, b"new", Expect::Anything, Mode::KeepOr(0o644)).expect_err("read-only");
            assert!(matches!(error, FsError::Permission { step: Step::Create, .. }));
            assert_eq!(
                (fs::read(&path).expect("a file"), names(world.path())),
                (b"old".to_vec(), vec!["file".to_owned()])
            );
            fs::set_permissions(world.path(), Permissions::from_mode(0o755)).expect("a mode");
        });
    }

    #[test]
    fn a_rename_that_fails_leaves_the_old_state_and_nothing_else() {
        let world = world();
        let path = world.path().join("file");
        let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
        let staged = lock.stage(&path, b"new", Expect::Anything, Mode::Private).expect("a file");
        fs::create_dir(&path).expect("a folder in the way");
        assert!(matches!(staged.publish(), Err(FsError::Io { step: Step::Replace, .. })));
        drop(staged);
        assert_eq!(names(world.path()), ["file"]);
    }

    #[test]
    fn two_threads_that_write_the_same_file_lose_no_update() {
        const UPDATES: usize = 50;
        let world = world();
        let path = world.path().join("counter");
        fs::write(&path, "0").expect("a file");
        let count = |content: &[u8]| std::str::from_utf8(content).expect("digits").parse::<usize>().expect("digits");
        // One thread locks around reading and writing, as commands do; the other compares and tries again, as `edit` does.
        let locking = || {
            for _ in 0..UPDATES {
                let lock = FolderLock::acquire([path.as_path()], None).expect("a lock");
                let next = count(&read(&path, None, 99).expect("a file")) + 1;
                lock.replace(&path, next.to_string().as_bytes(), Expect::Anything, Mode::KeepOr(0o644))
                    .expect("a file");
            }
        };
        let comparing = || {
            let mut done = 0;
            while done < UPDATES {
                let old = read(&path, None, 99).expect("always whole, never missing");
                let expect = Snapshot::of(&old);
                let next = (count(&old) + 1).to_string();
                match replace(&path, None, next.as_bytes(), Expect::Unchanged(&expect), Mode::KeepOr(0o644)) {
                    Ok(()) => done += 1,
                    Err(FsError::Changed { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(locking);
            scope.spawn(comparing);
        });
        assert_eq!(count(&fs::read(&path).expect("a file")), 2 * UPDATES);
    }

    #[test]
    fn a_file_is_removed_only_while_it_is_what_was_read() {
        let world = world();
        let path = world.path().join("file");
        fs::write(&path, "theirs").expect("a file");
        let expect = Snapshot::of(b"mine");
        assert!(matches!(remove(&path, None, Expect::Unchanged(&expect)), Err(FsError::Changed { .. })));
        remove(&path, None, Expect::Anything).expect("a file");
        assert!(matches!(remove(&path, None, Expect::Anything), Err(FsError::Missing { .. })));
    }
}
