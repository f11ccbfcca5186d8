//! A tree for tests, and what a killed process leaves in it.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::lock::temporary_name;
use super::super::{Root, Snapshot};
use super::recover::{Recovery, recover};
use super::text::{FIRST_LINE, hexadecimal};

pub const OLD: [&str; 3] = ["old 1", "old 2", "old 3"];
pub const NEW: [&str; 3] = ["new 1", "new 2", "new 3"];
pub const PATHS: [&str; 3] = ["a/one", "a/two", "b/three"];

/// A tree of three files, with something outside of it, and a place for a journal.
pub struct World {
    pub folder: tempfile::TempDir,
    pub root: Arc<Root>,
}

impl World {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let top = folder.path().canonicalize().expect("a folder");
        for (path, text) in PATHS.iter().zip(OLD) {
            fs::create_dir_all(top.join("tree").join(path).parent().expect("a folder")).expect("folders");
            fs::write(top.join("tree").join(path), text).expect("a file");
        }
        fs::write(top.join("outside"), "outside").expect("a file");
        let root = Root::open(&top.join("tree")).expect("a root").with_journal(top.join("journal")).into();
        Self { folder, root }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// What a process leaves that is killed when it has renamed these files.
    pub fn killed_after(&self, renamed: &[usize]) -> String {
        let mut text = format!("{FIRST_LINE}folder \"a\"\nfolder \"b\"\n");
        for (index, path) in PATHS.iter().enumerate() {
            let name = temporary_name();
            let target = self.path(path);
            let written = if renamed.contains(&index) { target.clone() } else { target.with_file_name(&name) };
            fs::write(written, NEW[index]).expect("a file");
            let [old, new] = [OLD, NEW].map(|texts| Snapshot::of(texts[index].as_bytes()).hexadecimal());
            let _ = writeln!(text, "file {old} {new} {name} \"{path}\"");
        }
        closed(text)
    }

    pub fn texts(&self) -> [String; 3] {
        PATHS.map(|path| fs::read_to_string(self.path(path)).expect("a file"))
    }

    /// Recovers. A program that a test beside this one is just starting has copies of our locks until it runs.
    pub fn settle(&self) -> Option<Recovery> {
        loop {
            let recovery = recover(&self.root).expect("it is settled");
            if recovery.is_some() || !self.journal().exists() {
                return recovery;
            }
            std::thread::yield_now();
        }
    }

    /// Demands that nothing but the files is left.
    pub fn assert_clean(&self) {
        let names = |folder: &str| {
            let entries = fs::read_dir(self.path(folder)).expect("a folder");
            let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
            names.sort();
            names
        };
        assert_eq!((names("a"), names("b")), (vec!["one".into(), "two".into()], vec!["three".into()]));
        assert!(!self.journal().exists());
    }
}

pub type Act = fn(&World);

/// Completes a journal by its last line.
pub fn closed(mut text: String) -> String {
    let digest = hexadecimal(&Sha256::digest(text.as_bytes()));
    let _ = writeln!(text, "end {digest}");
    text
}

pub fn finished(files: &[&str], left: &[&str]) -> Recovery {
    let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
    Recovery::Finished { files: paths(files), left: paths(left) }
}
