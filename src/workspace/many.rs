//! Many files in one call: each repository is opened once, each folder is resolved once, the work is done on all cores.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::{AnyFile, Error, Opener, StoredFile, Target, Workspace, start_folder};
use crate::env::Env;
use crate::fs::{self, FsError, Kind, OpenFolder};
use crate::git::Repository;
use crate::keys::Identities;

/// The workspaces around the files of one call.
pub struct Workspaces<'a> {
    env: &'a Env,
    identities: &'a Identities<'a>,
    opened: Vec<Workspace<'a>>,
    /// Which workspace the files of a folder are in, by the folder as it was written.
    folders: BTreeMap<PathBuf, Folder>,
    /// Which repository a folder belongs to, by the folder's real path.
    repositories: BTreeMap<PathBuf, usize>,
}

/// A folder that files were found in.
struct Folder {
    workspace: usize,
    /// What its files are called in headers, up to their names; `None` outside of any workspace.
    recorded: Option<String>,
    open: Option<Arc<OpenFolder>>,
}

/// A file that was found, and how to read it.
pub struct Found {
    /// Which file.
    pub target: Target,
    workspace: usize,
    folder: Option<Arc<OpenFolder>>,
}

impl<'a> Workspaces<'a> {
    /// Nothing is opened yet.
    pub fn new(env: &'a Env, identities: &'a Identities<'a>) -> Self {
        Self { env, identities, opened: Vec::new(), folders: BTreeMap::new(), repositories: BTreeMap::new() }
    }

    /// Finds a file, which need not exist.
    ///
    /// # Errors
    /// As [`Workspace::around`] and [`Workspace::target`].
    pub fn find(&mut self, path: &Path) -> Result<Found, Error> {
        let absolute = self.absolute(path);
        let name = absolute.file_name().and_then(OsStr::to_str);
        let (Some(name), Some(folder)) = (name, absolute.parent()) else {
            // A name that is not UTF-8, or `..`: rare, and an error in most cases.
            let workspace = self.around(&absolute)?;
            return Ok(Found { target: self.opened[workspace].target(path)?, workspace, folder: None });
        };
        if !self.folders.contains_key(folder) {
            let opened = self.open_folder(path, &absolute)?;
            self.folders.insert(folder.to_path_buf(), opened);
        }
        let Folder { workspace, recorded, open } = &self.folders[folder];
        let recorded = recorded.as_ref().map(|folder| format!("{folder}{name}"));
        let target = Target { shown: path.display().to_string(), path: absolute, recorded };
        Ok(Found { target, workspace: *workspace, folder: open.clone() })
    }

    /// Finds the files below a folder, sorted; symlinks, `.git` and the folder `except` are left out.
    ///
    /// # Errors
    /// When it cannot be listed, or leads out of its repository.
    pub fn find_below(&mut self, folder: &Path, except: Option<&Path>) -> Result<Vec<Found>, Error> {
        let top = self.absolute(folder);
        let real = fs::real_path(&top)?;
        // A link in a repository must not choose what is listed.
        let workspace = self.around(&top.join("file"))?;
        if let Some(root) = self.opened[workspace].root().filter(|root| !real.starts_with(root)) {
            return Err(FsError::Outside { path: top, root: root.to_path_buf() }.into());
        }
        let files = fs::walk(&top, |below| except.is_none_or(|except| real.join(below) != except))?;
        let shown = |file: PathBuf| if folder == Path::new(".") { file } else { folder.join(file) };
        files.into_iter().map(|file| self.find(&shown(file))).collect()
    }

    /// Returns where a path is.
    pub fn absolute(&self, path: &Path) -> PathBuf {
        self.env.current_dir().join(path)
    }

    /// Tells whether a path names a folder.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub fn is_folder(&self, path: &Path) -> Result<bool, Error> {
        let absolute = self.absolute(path);
        Ok(match fs::kind(&absolute)? {
            Some(Kind::Symlink) => fs::leads_to_folder(&absolute),
            kind => kind == Some(Kind::Folder),
        })
    }

    /// Returns the workspace that a file was found in.
    pub fn of(&self, found: &Found) -> &Workspace<'a> {
        &self.opened[found.workspace]
    }

    /// Returns what opens files of each workspace; unlike the workspaces it can be shared by threads.
    pub fn openers(&self) -> Vec<Opener<'_>> {
        self.opened.iter().map(Workspace::opener).collect()
    }

    fn open_folder(&mut self, path: &Path, absolute: &Path) -> Result<Folder, Error> {
        let workspace = self.around(absolute)?;
        let found = &self.opened[workspace];
        let target = found.target(path)?;
        let recorded = target.recorded.map(|path| path.rfind('/').map_or("", |slash| &path[..=slash]).to_owned());
        // A process can have so many folders open at a time; and where one cannot be opened, reading says so.
        let has_room = self.folders.len() < MAX_OPEN_FOLDERS;
        let open = has_room.then(|| OpenFolder::of(absolute, found.within()).ok()).flatten().map(Arc::new);
        Ok(Folder { workspace, recorded, open })
    }

    /// Returns the workspace around a path, as [`Workspace::around`] finds it.
    fn around(&mut self, path: &Path) -> Result<usize, Error> {
        let start = fs::real_path(&start_folder(path)?)?;
        let mut passed = Vec::new();
        for folder in start.ancestors().take_while(|_| !self.repositories.is_empty()) {
            if let Some(workspace) = self.repositories.get(folder).copied() {
                self.repositories.extend(passed.into_iter().map(|folder| (folder, workspace)));
                return Ok(workspace);
            }
            if Repository::may_be_at(folder)? {
                break;
            }
            passed.push(folder.to_path_buf());
        }
        let workspace = Workspace::in_folder(self.env, &start, self.identities)?;
        let number = self.opened.len();
        if let (Some(_), Some(root)) = (&workspace.repository, workspace.root()) {
            let inside = start.ancestors().take_while(|folder| folder.starts_with(root));
            self.repositories.extend(inside.map(|folder| (folder.to_path_buf(), number)));
        }
        self.opened.push(workspace);
        Ok(number)
    }
}

impl Found {
    /// Opens the file; `openers` are those of the workspaces that found it.
    ///
    /// # Errors
    /// As [`Workspace::open`].
    pub fn open(&self, openers: &[Opener<'_>], at_any_path: bool) -> Result<AnyFile, Error> {
        openers[self.workspace].open_any(self.target.clone(), self.folder.as_deref(), at_any_path)
    }

    /// Reads the file, encrypted or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, openers: &[Opener<'_>]) -> Result<StoredFile, Error> {
        openers[self.workspace].read(self.target.clone(), self.folder.as_deref())
    }
}

/// Returns what `work` makes of each item, in their order. Few are done one by one: threads cost more than they. (Handing
/// indexes to one `dyn Fn` instead makes the program larger, by 280 KB.)
pub fn each_on_all_cores<'t, T: Sync, R: Send>(items: &'t [T], work: impl Fn(&'t T) -> R + Send + Sync) -> Vec<R> {
    if items.len() < MIN_PARALLEL { items.iter().map(work).collect() } else { items.par_iter().map(work).collect() }
}

const MAX_OPEN_FOLDERS: usize = 256;
/// Opening a small file takes some tenths of a millisecond, starting the threads about as long.
const MIN_PARALLEL: usize = 4;
