//! The private folder in which an editor gets its plaintext: in memory where there is such a place, and gone with us.
//!
//! It is removed when its value is dropped and on SIGHUP, SIGINT, SIGQUIT and SIGTERM. What a killed process left is
//! removed at the next start: each folder is locked by its process, and the system ends that lock with the process.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Access, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use zeroize::Zeroizing;

use super::lock::is_unsupported;
use super::place::open_folder_at;
use super::walk::names_in;
use super::{FsError, Root, Step, create_private_folder, is_running, random_name, read};
use crate::env::Env;

/// A private folder (0700) of this process.
#[derive(Debug)]
pub struct ScratchFolder {
    root: Root,
    storage: Storage,
    /// Held open for its lock, which tells other processes that the folder is in use.
    _lock: File,
}

/// What a scratch folder is stored on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A disk, in the user's cache folder: what is removed there may be recovered.
    Disk,
    /// Memory, though the system may swap it out.
    Memory,
}

impl ScratchFolder {
    /// Creates a folder in the first place that takes it: `$XDG_RUNTIME_DIR`, `/dev/shm`, the user's cache folder.
    ///
    /// Removes those that killed processes left behind. From the first call on this process dies of the four signals
    /// only after its scratch folders are removed.
    pub fn create(env: &Env) -> Result<Self, FsError> {
        Self::sweep(env);
        let mut refused = FsError::NoPrivatePlace;
        for (place, storage) in places(env) {
            match Self::create_in(&place, storage) {
                Ok(folder) => return Ok(folder),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Removes the scratch folders that killed processes of this user left behind; called at each start.
    pub fn sweep(env: &Env) {
        for (place, _) in places(env) {
            sweep_place(&place);
        }
    }

    /// Returns where a folder would be created, as far as that can be told without creating one.
    pub fn best_place(env: &Env) -> Option<(PathBuf, Storage)> {
        let may_write = |place: &Path| rustix::fs::access(place, Access::WRITE_OK | Access::EXEC_OK).is_ok();
        places(env).into_iter().find(|(place, storage)| *storage == Storage::Disk || may_write(place))
    }

    /// Returns the folders of this user that there are: in use by an `edit`, or left by a killed one.
    pub fn existing(env: &Env) -> Vec<ExistingScratch> {
        let mut found = Vec::new();
        for (place, _) in places(env) {
            visit(&place, |folder| found.push(folder));
        }
        found
    }

    /// Tells what the folder is stored on.
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// Creates a file in the folder (0600) and returns its path.
    pub fn write(&self, name: &OsStr, content: &[u8]) -> Result<PathBuf, FsError> {
        let path = self.file(name)?;
        let refused = |source| FsError::io(Step::Write, &path, source);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(refused)?;
        file.write_all(content).map_err(refused)?;
        Ok(path)
    }

    /// Reads a file of the folder, of at most `limit` bytes; editors may have put another one in its place.
    pub fn read(&self, name: &OsStr, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
        read(&self.file(name)?, Some(&self.root), limit)
    }

    /// Keeps SIGINT and SIGQUIT from ending this process while the returned value lives.
    ///
    /// A terminal sends them to everything that runs in it: they are meant for the editor, and must not take the
    /// folder away from under it.
    pub fn hold_interrupts(&self) -> HeldInterrupts {
        HELD.fetch_add(1, Ordering::SeqCst);
        HeldInterrupts(())
    }

    fn create_in(place: &Path, storage: Storage) -> Result<Self, FsError> {
        watch_signals().map_err(|source| FsError::io(Step::Watch, place, source))?;
        if storage == Storage::Disk {
            create_private_folder(place, None)?;
        }
        // Also held by the signal thread while it removes: no folder can come to be behind its back.
        let mut live = live();
        loop {
            let path = place.join(format!("{PREFIX}{}-{}", std::process::id(), random_name()));
            let created = DirBuilder::new().mode(0o700).create(&path);
            created.map_err(|source| FsError::io(Step::Create, &path, source))?;
            match take(&path) {
                Ok(Some((root, lock))) => {
                    live.insert(root.path().to_path_buf());
                    return Ok(Self { root, storage, _lock: lock });
                }
                Ok(None) => {}
                Err(error) => {
                    remove(&path);
                    return Err(error);
                }
            }
        }
    }

    fn file(&self, name: &OsStr) -> Result<PathBuf, FsError> {
        let path = self.path().join(name);
        if path.parent() == Some(self.path()) && path.file_name() == Some(name) {
            Ok(path)
        } else {
            Err(FsError::Outside { path, root: self.path().to_path_buf() })
        }
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // Until it is gone the signal thread waits, or the process could end with the folder half removed.
        let mut live = live();
        remove(self.path());
        live.remove(self.path());
    }
}

/// A scratch folder that some process of this user made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExistingScratch {
    /// Its path.
    pub path: PathBuf,
    /// Whether its process is gone, so that nothing in it is of use any more.
    pub is_abandoned: bool,
}

/// While it lives, SIGINT and SIGQUIT are left to the editor.
pub struct HeldInterrupts(());

impl Drop for HeldInterrupts {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Returns where scratch folders may stand, the best first.
fn places(env: &Env) -> Vec<(PathBuf, Storage)> {
    // A variable that stayed behind after `su` names another user's folder.
    let runtime = env.runtime_dir().filter(|path| is_ours_alone(path));
    let memory = runtime.into_iter().chain([PathBuf::from("/dev/shm")]).filter(|path| is_in_memory(path));
    let disk = env.cache_dir().map(|path| path.join("secret"));
    memory.map(|path| (path, Storage::Memory)).chain(disk.map(|path| (path, Storage::Disk))).collect()
}

fn is_ours_alone(folder: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    fs::metadata(folder).is_ok_and(|metadata| metadata.uid() == user && metadata.mode() & 0o022 == 0)
}

#[cfg(target_os = "linux")]
fn is_in_memory(folder: &Path) -> bool {
    /// `TMPFS_MAGIC` of linux/magic.h.
    const TMPFS: rustix::fs::FsWord = 0x0102_1994;
    rustix::fs::statfs(folder).is_ok_and(|system| system.f_type == TMPFS)
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_folder: &Path) -> bool {
    false
}

/// Opens and locks a folder that was just made; `None` where a sweep came first, before the lock.
fn take(path: &Path) -> Result<Option<(Root, File)>, FsError> {
    let lock = match open_folder_at(rustix::fs::CWD, path.as_os_str(), path) {
        Err(FsError::Missing { .. }) => return Ok(None),
        lock => lock?,
    };
    match try_lock(&lock) {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) if !is_unsupported(&error) => {
            return Err(FsError::io(Step::Lock, path, error));
        }
        _ => {}
    }
    match Root::open(path) {
        Err(FsError::Missing { .. }) => Ok(None),
        root => Ok(Some((root?, lock))),
    }
}

fn try_lock(folder: &File) -> Result<(), TryLockError> {
    loop {
        match folder.try_lock() {
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Removes the folders in one place whose processes are gone. What cannot be removed is left for the next time.
fn sweep_place(place: &Path) {
    visit(place, |folder| {
        if folder.is_abandoned {
            remove(&folder.path);
        }
    });
}

/// Visits the scratch folders of this user in one place. An abandoned one is locked meanwhile: nobody takes it for new.
fn visit(place: &Path, mut visitor: impl FnMut(ExistingScratch)) {
    let user = rustix::process::geteuid().as_raw();
    for name in names_in(rustix::fs::CWD, place.as_os_str()).unwrap_or_default() {
        let Some(owner) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let process = owner.split('-').next().and_then(|process| process.parse().ok());
        let path = place.join(&name);
        let Ok(folder) = open_folder_at(rustix::fs::CWD, path.as_os_str(), &path) else { continue };
        if !folder.metadata().is_ok_and(|metadata| metadata.uid() == user) {
            continue;
        }
        let is_abandoned = match try_lock(&folder) {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            // Without locks there is only the number of the process, which another one may have by now: then it stays.
            Err(TryLockError::Error(_)) => process.is_some_and(|process| !is_running(process)),
        };
        visitor(ExistingScratch { path, is_abandoned });
    }
}

/// Removes a folder with all that is in it, also when an editor still writes there, or the system refuses a step once.
fn remove(folder: &Path) {
    for _ in 0..ATTEMPTS {
        if matches!(remove_below(rustix::fs::CWD, folder.as_os_str()), Ok(()) | Err(Errno::NOENT)) {
            return;
        }
    }
}

/// Removes a folder, and of what is in it as much as the system lets; a link is removed, and not followed.
///
/// The standard library's own function stops at the first file that cannot be removed, and panics when a folder cannot
/// be closed.
fn remove_below(parent: impl AsFd, name: &OsStr) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(&parent, name, flags, Mode::empty())?;
    for entry in names_in(&folder, OsStr::new("."))? {
        // Whether all of it is gone is told by the folder, which can be removed or not.
        if let Err(Errno::ISDIR | Errno::PERM) = rustix::fs::unlinkat(&folder, &entry, AtFlags::empty()) {
            let _ = remove_below(&folder, &entry);
        }
    }
    rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR)
}

/// Starts the thread that removes the scratch folders on a signal and then lets it do what it does by default.
fn watch_signals() -> io::Result<()> {
    static WATCHED: Mutex<bool> = Mutex::new(false);
    let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if *watched {
        return Ok(());
    }
    // A pipe and no pair of sockets: this program opens none.
    let (mut wake, waker) = io::pipe()?;
    let mut signals = Vec::new();
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
        // The actions of a signal run in the order of their registration: when the thread wakes, the flag is set.
        let caught = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal, Arc::clone(&caught))?;
        signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        signals.push((signal, caught));
    }
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        while wake.read(&mut [0]).is_ok() {
            for (signal, caught) in &signals {
                if caught.swap(false, Ordering::SeqCst) && !is_held(*signal) {
                    let live = live();
                    live.iter().for_each(|folder| remove(folder));
                    // Does not return: each of the four ends the process.
                    let _ = signal_hook::low_level::emulate_default_handler(*signal);
                }
            }
        }
    })?;
    *watched = true;
    Ok(())
}

fn is_held(signal: i32) -> bool {
    matches!(signal, SIGINT | SIGQUIT) && HELD.load(Ordering::SeqCst) > 0
}

/// Returns the scratch folders of this process, for it alone.
fn live() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

static HELD: AtomicUsize = AtomicUsize::new(0);
const PREFIX: &str = "secret-edit-";
const ATTEMPTS: usize = 100;

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    const CHILD: &str = "SECRET_TEST_SCRATCH";

    fn env_of(home: &Path) -> Env {
        let variables = [("HOME", home.as_os_str())].map(|(name, value)| (name.into(), OsString::from(value)));
        Env::new("/".into(), jiff::civil::date(2026, 1, 1), variables)
    }

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").mode() & 0o777
    }

    /// Starts this test program again; there the named test makes a scratch folder in `place` and waits.
    fn start(test: &str, place: &Path) -> (Child, PathBuf) {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([test, "--exact", "--nocapture"])
            .env(CHILD, place)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test runs");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let folder = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("FOLDER ").map(|(_, path)| path.into()));
        (child, folder.expect("the folder is named"))
    }

    /// Does nothing in the test itself, and in the child that it started waits for a signal with a scratch folder.
    #[expect(clippy::print_stdout, reason = "the parent reads it")]
    fn wait_if_child(editing: bool) {
        if let Some(place) = std::env::var_os(CHILD) {
            let folder = ScratchFolder::create_in(Path::new(&place), Storage::Disk).expect("a folder");
            folder.write(OsStr::new("file"), b"plaintext").expect("a file");
            let _held = editing.then(|| folder.hold_interrupts());
            println!("FOLDER {}", folder.path().display());
            std::thread::sleep(std::time::Duration::from_secs(60));
            std::process::exit(9);
        }
    }

    fn kill(child: &Child, signal: Signal) {
        let process = Pid::from_raw(child.id().try_into().expect("a process id")).expect("a process id");
        kill_process(process, signal).expect("it runs");
    }

    #[test]
    fn the_folder_and_its_files_are_private_and_gone_with_the_value() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = ScratchFolder::create(&env_of(home.path())).expect("a folder");
        let file = folder.write(OsStr::new("db.yaml"), b"a: b").expect("a file");
        assert_eq!((mode_of(folder.path()), mode_of(&file)), (0o700, 0o600));
        assert_eq!(**folder.read(OsStr::new("db.yaml"), 9).expect("a file"), *b"a: b");
        assert_eq!(folder.storage() == Storage::Memory, folder.path().starts_with("/dev/shm"));
        let path = folder.path().to_path_buf();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn without_memory_the_folder_stands_in_the_cache() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let cache = home.path().join(".cache/secret");
        assert_eq!(places(&env_of(home.path())).last(), Some(&(cache.clone(), Storage::Disk)));
        let folder = ScratchFolder::create_in(&cache, Storage::Disk).expect("a folder");
        assert_eq!((folder.storage(), mode_of(&cache), mode_of(folder.path())), (Storage::Disk, 0o700, 0o700));
    }

    #[test]
    fn a_runtime_folder_that_others_may_write_is_not_used() {
        let world = tempfile::tempdir_in("/dev/shm").expect("memory");
        let env = |dir: &Path| {
            let variables = [("XDG_RUNTIME_DIR".into(), OsString::from(dir))];
            Env::new("/".into(), jiff::civil::date(2026, 1, 1), variables)
        };
        assert_eq!(places(&env(world.path()))[0].0, world.path());
        fs::set_permissions(world.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("a mode");
        assert_eq!(places(&env(world.path()))[0].0, Path::new("/dev/shm"));
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let folder = ScratchFolder::create(&env_of(home.path())).expect("a folder");
        for name in ["", ".", "..", "../x", "/etc/x", "a/b", "x/"] {
            assert!(matches!(folder.write(OsStr::new(name), b""), Err(FsError::Outside { .. })), "{name}");
        }
    }

    #[test]
    fn a_signal_removes_the_folder_and_then_ends_the_process() {
        wait_if_child(false);
        let world = tempfile::tempdir().expect("a temporary folder");
        for signal in [Signal::HUP, Signal::INT, Signal::TERM] {
            let (mut child, folder) =
                start("fs::scratch::tests::a_signal_removes_the_folder_and_then_ends_the_process", world.path());
            assert!(folder.join("file").exists());
            kill(&child, signal);
            assert_eq!(child.wait().expect("it ends").signal(), Some(signal.as_raw()));
            assert!(!folder.exists());
        }
    }

    #[test]
    fn an_interrupt_is_left_to_the_editor_and_other_signals_are_not() {
        wait_if_child(true);
        let world = tempfile::tempdir().expect("a temporary folder");
        let (mut child, folder) =
            start("fs::scratch::tests::an_interrupt_is_left_to_the_editor_and_other_signals_are_not", world.path());
        kill(&child, Signal::INT);
        kill(&child, Signal::TERM);
        assert_eq!(child.wait().expect("it ends").signal(), Some(SIGTERM), "not SIGINT");
        assert!(!folder.exists());
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_in_use_is_not() {
        wait_if_child(false);
        let world = tempfile::tempdir().expect("a temporary folder");
        let start =
            || start("fs::scratch::tests::what_a_killed_process_left_is_swept_and_what_is_in_use_is_not", world.path());
        let ((mut killed, left), (mut running, used)) = (start(), start());
        kill(&killed, Signal::KILL);
        killed.wait().expect("it ends");
        assert!(left.join("file").exists());
        sweep_place(world.path());
        assert!(!left.exists());
        assert!(used.join("file").exists());
        kill(&running, Signal::TERM);
        running.wait().expect("it ends");
    }

    #[test]
    fn only_folders_of_ours_are_swept() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let target = world.path().join("target");
        fs::create_dir_all(target.join("deeper")).expect("folders");
        std::os::unix::fs::symlink(&target, world.path().join("secret-edit-1-link")).expect("a link");
        fs::write(world.path().join("secret-edit-1-file"), "").expect("a file");
        sweep_place(world.path());
        assert!(target.join("deeper").exists());
        assert!(world.path().join("secret-edit-1-file").exists());
    }
}
