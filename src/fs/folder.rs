//! A folder held open, so that of many files in it each costs only its own opening.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::place::Place;
use super::read::read_place;
use super::{FsError, Kind, Root, Source, read};

/// A folder that files are read from; can be shared by threads.
pub struct OpenFolder {
    /// The folder's own place, with a name in it that is not used.
    place: Place,
}

impl OpenFolder {
    /// Opens the folder of a file; follows symlinks as [`read()`] does.
    pub fn of(file: &Path, within: Option<&Root>) -> Result<Self, FsError> {
        Place::find_in_folder(file, within).map(|place| Self { place })
    }

    /// Reads a regular file of at most `limit` bytes, as [`read()`] does; `path` is where the file is.
    pub fn read(&self, path: &Path, within: Option<&Root>, limit: usize) -> Result<Zeroizing<Vec<u8>>, FsError> {
        match read_place(&self.place_of(path), limit) {
            // Where the link leads has to be found out first.
            Err(FsError::NotFile { kind: Kind::Symlink, .. }) => read(path, within, limit),
            content => content,
        }
    }

    /// Opens a regular file, as [`Source::open`] does; `path` is where the file is.
    pub fn source(&self, path: &Path, within: Option<&Root>) -> Result<Source, FsError> {
        let place = self.place_of(path);
        match place.open() {
            Err(FsError::NotFile { kind: Kind::Symlink, .. }) => Source::open(path, within),
            file => Source::of(file?, place.path),
        }
    }

    fn place_of(&self, path: &Path) -> Place {
        let name = path.file_name().unwrap_or(OsStr::new(""));
        let folder = self.place.path.parent().unwrap_or(&self.place.path);
        Place { folder: Arc::clone(&self.place.folder), name: name.to_owned(), path: folder.join(name) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_of_an_open_folder_are_read_as_by_their_paths() {
        let world = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| world.path().join("repo").join(name);
        fs::create_dir_all(path("folder")).expect("folders");
        fs::write(world.path().join("outside"), "outside").expect("a file");
        fs::write(path("folder/file"), "12345").expect("a file");
        symlink("file", path("folder/link")).expect("a link");
        symlink("../../outside", path("folder/out")).expect("a link");
        let root = Root::open(&path("")).expect("a root");
        let folder = OpenFolder::of(&path("folder/missing"), Some(&root)).expect("the folder is there");
        let read = |name: &str, limit| folder.read(&path(name), Some(&root), limit);
        assert_eq!(**read("folder/file", 5).expect("a file"), *b"12345");
        assert_eq!(**read("folder/link", 5).expect("a link in the root"), *b"12345");
        let source = |name: &str| folder.source(&path(name), Some(&root));
        for name in ["folder/file", "folder/link"] {
            let source = source(name).expect("a file");
            assert_eq!((source.length(), &**source.content(5).expect("it reads")), (5, b"12345".as_slice()));
            assert!(matches!(source.content(4), Err(FsError::TooLarge { .. })));
        }
        assert!(matches!(source("folder/missing"), Err(FsError::Missing { .. })));
        assert!(matches!(source("folder/out"), Err(FsError::Outside { .. })));
        assert!(matches!(read("folder/file", 4), Err(FsError::TooLarge { .. })));
        assert!(matches!(read("folder/missing", 5), Err(FsError::Missing { .. })));
        assert!(matches!(read("folder/out", 9), Err(FsError::Outside { .. })));
        assert!(matches!(OpenFolder::of(&world.path().join("outside"), Some(&root)), Err(FsError::Outside { .. })));
    }
}
