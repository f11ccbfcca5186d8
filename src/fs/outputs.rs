//! Writing many private files below one folder: all places are looked at first, then all files are written without a
//! name, and only when all of them are complete do they get their names.
//!
//! What is written can be made again from what it came from: so nothing is flushed to the storage or read back, as
//! [`super::replace()`] does for files that cannot.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::fs::AtFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::lock::temporary_name;
use super::place::{Place, open_folder_at};
use super::replace::{check, create, create_unnamed, give_name, open_unnamed, rename, rename_to_absent};
use super::{Expect, FolderLock, FsError, Identity, Kind, Root, Snapshot, Source, Step};

/// The places of new private files below a root; their folders are locked.
pub struct Outputs<'r> {
    places: Vec<Output>,
    has_unnamed: AtomicU8,
    _lock: FolderLock<'r>,
}

/// One place.
struct Output {
    place: Place,
    /// The file that stands there, which may be replaced.
    former: Option<Former>,
}

/// A file that may be replaced, and how it is known again.
enum Former {
    /// By what it holds.
    Small(Snapshot),
    /// By what the system says of it: it is too large to be read.
    Large(Identity),
}

impl<'r> Outputs<'r> {
    /// Looks at what stands at these places (paths relative to the root), then makes the folders that are missing.
    ///
    /// `may_replace` is asked about every file that is there, and gets its content, or the first `limit` bytes of that. A
    /// symlink is refused wherever it stands.
    ///
    /// # Errors
    /// When a place cannot be written, or `may_replace` says so. No folder was made then.
    pub fn at<E: From<FsError>>(
        root: &'r Root,
        paths: &[PathBuf],
        limit: usize,
        mut may_replace: impl FnMut(&Path, &[u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut folders: BTreeMap<&Path, Option<Arc<File>>> = BTreeMap::new();
        let mut known: Vec<PathBuf> = Vec::new();
        for path in paths {
            let folder = path.parent().unwrap_or(Path::new(""));
            if !folders.contains_key(folder) {
                root.refuse_links(folder)?;
                let opened = open_below(root, folder, false)?;
                // A name that nothing has: it is the folder that is locked.
                known.extend(opened.is_some().then(|| root.path().join(folder).join(temporary_name())));
                folders.insert(folder, opened);
            }
        }
        let lock = FolderLock::acquire(known.iter().map(PathBuf::as_path), Some(root))?;
        let mut formers = Vec::with_capacity(paths.len());
        for path in paths {
            let folder = folders.get(path.parent().unwrap_or(Path::new(""))).cloned().flatten();
            formers.push(match folder {
                None => None,
                Some(folder) => match former(root, path, folder)? {
                    None => None,
                    Some(place) => {
                        let standing = Source::of(place.open()?, place.path)?;
                        let content: Zeroizing<Vec<u8>> = standing.top(limit)?;
                        may_replace(standing.path(), &content)?;
                        // What was read may have grown since its length was taken.
                        let is_whole = standing.length() == content.len() as u64 && standing.length() < limit as u64;
                        Some(if is_whole {
                            Former::Small(Snapshot::of(&content))
                        } else {
                            Former::Large(standing.identity())
                        })
                    }
                },
            });
        }
        for (path, folder) in &mut folders {
            if folder.is_none() {
                *folder = open_below(root, path, true)?;
            }
        }
        let places = paths.iter().zip(formers).map(|(path, former)| {
            let folder = folders.get(path.parent().unwrap_or(Path::new(""))).cloned().flatten();
            let folder = folder.ok_or_else(|| FsError::Missing { path: root.path().join(path) })?;
            Ok(Output { place: place(root, path, folder), former })
        });
        let places = places.collect::<Result<Vec<_>, FsError>>()?;
        Ok(Self { places, has_unnamed: AtomicU8::new(UNKNOWN), _lock: lock })
    }

    /// Writes the content of the place with this index, without giving it its name.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn stage(&self, index: usize, content: &[u8]) -> Result<StagedOutput<'_>, FsError> {
        self.stage_by(index, |file| Ok(file.write_all(content)))
    }

    /// Has `write` write the content of the place with this index, which does not get its name by that.
    ///
    /// # Errors
    /// When the system refuses, or `write` says so. Nothing is left then.
    pub fn stage_by<E: From<FsError>>(
        &self,
        index: usize,
        write: impl FnOnce(&mut (dyn Write + Send)) -> Result<io::Result<()>, E>,
    ) -> Result<StagedOutput<'_>, E> {
        let output = &self.places[index];
        let place = &output.place;
        let refused = |step| move |source: io::Error| FsError::io(step, &place.path, source);
        let mut staged = StagedOutput { output, file: None, name: None };
        let unnamed = match self.has_unnamed.load(Ordering::Relaxed) {
            YES => Some(open_unnamed(&place.folder, 0o600).map_err(|source| refused(Step::Create)(source.into()))?),
            NO => None,
            _ => create_unnamed(&place.folder, 0o600),
        };
        self.has_unnamed.store(if unnamed.is_some() { YES } else { NO }, Ordering::Relaxed);
        let mut file = match unnamed {
            Some(file) => file,
            None => create(place, staged.name.insert(temporary_name()), 0o600)?,
        };
        write(&mut file)?.map_err(refused(Step::Write))?;
        staged.file = Some(file);
        Ok(staged)
    }
}

/// A complete file that waits for its name; dropped without [`publish`](Self::publish), it is gone.
pub struct StagedOutput<'o> {
    output: &'o Output,
    file: Option<File>,
    /// Its name until then, where the system has no files without one.
    name: Option<String>,
}

impl StagedOutput<'_> {
    /// Puts files in place. What is to be replaced must still be what was there, or none of them is.
    ///
    /// # Errors
    /// When something else stands at a place by now, or the system refuses.
    pub fn publish(staged: Vec<Self>) -> Result<(), FsError> {
        let replaced = staged.iter().filter_map(|new| Some((&new.output.place, new.output.former.as_ref()?)));
        replaced.into_iter().try_for_each(|(place, former)| former.check(place))?;
        staged.into_iter().try_for_each(Self::publish_one)
    }

    fn publish_one(mut self) -> Result<(), FsError> {
        let Place { folder, name, path } = &self.output.place;
        let is_new = self.output.former.is_none();
        let published = match (&self.file, &mut self.name) {
            // One step, which fails if something stands there.
            (Some(file), None) if is_new => give_name(file, folder, name),
            (Some(file), unnamed @ None) => {
                let temporary = unnamed.insert(temporary_name());
                give_name(file, folder, temporary.as_str()).and_then(|()| rename(folder, temporary, name))
            }
            (_, Some(temporary)) if is_new => rename_to_absent(folder, temporary, name),
            (_, Some(temporary)) => rename(folder, temporary, name),
            (None, None) => Ok(()),
        };
        match published {
            Err(Errno::EXIST) => Err(FsError::Exists { path: path.clone() }),
            Err(source) => Err(FsError::io(Step::Replace, path, source)),
            Ok(()) => {
                self.name = None;
                Ok(())
            }
        }
    }
}

impl Drop for StagedOutput<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            let _ = rustix::fs::unlinkat(&self.output.place.folder, name, AtFlags::empty());
        }
    }
}

impl Former {
    /// Refuses a place where something else stands by now.
    fn check(&self, place: &Place) -> Result<(), FsError> {
        match self {
            Self::Small(snapshot) => check(place, Expect::Unchanged(snapshot)),
            Self::Large(identity) => check(place, Expect::Same(*identity)),
        }
    }
}

/// Opens a folder below the root without following a link; `None` where it is missing and is not to be made.
fn open_below(root: &Root, folder: &Path, makes: bool) -> Result<Option<Arc<File>>, FsError> {
    let path = root.path().join(folder);
    let mut opened = root.handle()?;
    for name in folder {
        if makes {
            match rustix::fs::mkdirat(&opened, name, rustix::fs::Mode::from_raw_mode(0o700)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(source) => return Err(FsError::io(Step::Create, &path, source)),
            }
        }
        opened = match open_folder_at(&opened, name, &path) {
            Err(FsError::Missing { .. }) if !makes => return Ok(None),
            opened => opened?,
        };
    }
    Ok(Some(Arc::new(opened)))
}

fn place(root: &Root, path: &Path, folder: Arc<File>) -> Place {
    Place { folder, name: path.file_name().unwrap_or_default().to_owned(), path: root.path().join(path) }
}

/// Returns the place if a regular file is there.
fn former(root: &Root, path: &Path, folder: Arc<File>) -> Result<Option<Place>, FsError> {
    let place = place(root, path, folder);
    match place.stat() {
        Ok(found) => Ok(found.map(|_| place)),
        Err(FsError::NotFile { kind: Kind::Symlink, .. }) => {
            // Says where it leads.
            root.refuse_links(path)?;
            Err(FsError::Changed { path: place.path })
        }
        Err(error) => Err(error),
    }
}

/// Whether the system has files without a name: not tried yet, no, yes.
const UNKNOWN: u8 = 0;
const NO: u8 = 1;
const YES: u8 = 2;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn world() -> (tempfile::TempDir, Root) {
        let world = tempfile::tempdir().expect("a temporary folder");
        let root = Root::open(world.path()).expect("a root");
        (world, root)
    }

    fn at<'r>(root: &'r Root, paths: &[&str]) -> Result<Outputs<'r>, FsError> {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        Outputs::at(root, &paths, LIMIT, |_, _| Ok(()))
    }

    fn stage<'o>(outputs: &'o Outputs<'_>, contents: &[&str]) -> Vec<StagedOutput<'o>> {
        let contents = contents.iter().enumerate();
        contents.map(|(index, content)| outputs.stage(index, content.as_bytes()).expect("a file")).collect()
    }

    fn files(root: &Root) -> Vec<PathBuf> {
        super::super::walk(root.path(), |_| true).expect("a tree")
    }

    #[test]
    fn no_file_has_a_name_before_all_are_there_and_then_all_are_private() {
        let (_world, root) = world();
        fs::create_dir(root.path().join("a")).expect("a folder");
        fs::write(root.path().join("a/old"), "former").expect("a file");
        let outputs = at(&root, &["a/old", "a/new", "b/c/new"]).expect("places");
        let staged = stage(&outputs, &["1", "2", "3"]);
        if outputs.has_unnamed.load(Ordering::Relaxed) == YES {
            assert_eq!(files(&root), [PathBuf::from("a/old")]);
        }
        StagedOutput::publish(staged).expect("they take their places");
        assert_eq!(files(&root), ["a/new", "a/old", "b/c/new"].map(PathBuf::from));
        for (path, content) in [("a/old", "1"), ("a/new", "2"), ("b/c/new", "3")] {
            let path = root.path().join(path);
            assert_eq!(fs::read_to_string(&path).expect("a file"), content);
            assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(root.path().join("b")).expect("a folder").mode() & 0o777, 0o700);
    }

    #[test]
    fn where_the_system_has_no_files_without_a_name_they_come_and_go_alike() {
        let (_world, root) = world();
        fs::write(root.path().join("old"), "former").expect("a file");
        for is_published in [false, true] {
            let outputs = at(&root, &["old", "new"]).expect("places");
            outputs.has_unnamed.store(NO, Ordering::Relaxed);
            let staged = stage(&outputs, &["1", "2"]);
            assert_eq!(fs::read_dir(root.path()).expect("a folder").count(), 3);
            if is_published {
                StagedOutput::publish(staged).expect("they take their places");
                assert_eq!(files(&root), ["new", "old"].map(PathBuf::from));
                assert_eq!(fs::read_to_string(root.path().join("old")).expect("a file"), "1");
            } else {
                drop(staged);
                assert_eq!(files(&root), [PathBuf::from("old")]);
            }
        }
    }

    #[test]
    fn one_place_that_must_not_be_written_keeps_all_others_from_being() {
        let (world, root) = world();
        fs::create_dir_all(root.path().join("folder/deeper")).expect("folders");
        fs::write(root.path().join("file"), "x").expect("a file");
        symlink("folder", root.path().join("link")).expect("a link");
        symlink("/", root.path().join("out")).expect("a link");
        let before = files(&root);
        let refused = |path: &str| at(&root, &["new/file", path]).err().expect(path);
        assert!(matches!(refused("link"), FsError::Link { .. }));
        assert!(matches!(refused("link/file"), FsError::Link { .. }));
        assert!(matches!(refused("out"), FsError::Outside { .. }));
        assert!(matches!(refused("out/file"), FsError::Outside { .. }));
        assert!(matches!(refused("folder"), FsError::NotFile { kind: Kind::Folder, .. }));
        refused("file/deeper");
        let paths = ["new/file", "file"].map(PathBuf::from);
        let encrypted = |path: &Path, content: &[u8]| {
            assert_eq!(content, b"x");
            Err(FsError::Exists { path: path.to_path_buf() })
        };
        assert!(matches!(Outputs::at(&root, &paths, LIMIT, encrypted), Err(FsError::Exists { .. })));
        assert_eq!((files(&root), world.path().join("new").exists()), (before, false));
    }

    #[test]
    fn what_came_to_a_place_meanwhile_stays() {
        let (_world, root) = world();
        fs::write(root.path().join("old"), "former").expect("a file");
        let outputs = at(&root, &["first", "old"]).expect("places");
        let staged = stage(&outputs, &["1", "2"]);
        fs::write(root.path().join("old"), "changed").expect("a file");
        assert!(matches!(StagedOutput::publish(staged), Err(FsError::Changed { .. })));
        assert_eq!(files(&root), [PathBuf::from("old")]);
        let staged = stage(&outputs, &["1"]);
        fs::write(root.path().join("first"), "theirs").expect("a file");
        assert!(matches!(StagedOutput::publish(staged), Err(FsError::Exists { .. })));
        assert_eq!(fs::read_to_string(root.path().join("first")).expect("a file"), "theirs");
    }
}
