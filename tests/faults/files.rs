//! All files of a world, for a comparison with what they were; and what may not be among them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::world::World;

/// Every file, folder and link of a world by its path in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Files(BTreeMap<String, File>);

#[derive(Clone, PartialEq, Eq)]
pub struct File {
    pub is_folder: bool,
    pub mode: u32,
    pub content: Vec<u8>,
}

impl Files {
    pub fn of(world: &World) -> Self {
        let root = root(world);
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                let metadata = fs::symlink_metadata(&path).expect("it is there");
                let content = if metadata.is_file() { fs::read(&path).expect("a file") } else { Vec::new() };
                let name = path.strip_prefix(&root).expect("it is in the world").display().to_string();
                let mode = metadata.permissions().mode() & 0o7777;
                files.insert(name, File { is_folder: metadata.is_dir(), mode, content });
                folders.extend(metadata.is_dir().then_some(path));
            }
        }
        Self(files)
    }

    pub fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }

    /// Returns the files that count: what a killed process may leave for the next one to remove does not, and neither
    /// do drafts and empty folders, which git does not see.
    pub fn essential(&self) -> BTreeMap<&str, &[u8]> {
        let counts = |path: &str| !is_leftover(path) && !path.starts_with(DRAFTS);
        let files = self.0.iter().filter(|(path, file)| !file.is_folder && counts(path));
        files.map(|(path, file)| (path.as_str(), file.content.as_slice())).collect()
    }

    /// Returns the essential files that differ.
    pub fn changes(&self, before: &Self) -> Vec<String> {
        let (old, new) = (before.essential(), self.essential());
        let mut paths: Vec<&str> =
            old.keys().chain(new.keys()).copied().filter(|path| old.get(path) != new.get(path)).collect();
        paths.sort_unstable();
        paths.dedup();
        paths.into_iter().map(str::to_owned).collect()
    }

    /// Returns unfinished files and folders with plaintext for an editor.
    pub fn leftovers(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).filter(|path| is_leftover(path)).collect()
    }

    pub fn drafts(&self) -> Vec<&str> {
        let files = self.0.iter().filter(|(path, file)| path.contains("/drafts/") && !file.is_folder);
        files.map(|(path, _)| path.as_str()).collect()
    }

    /// Returns the new and changed files in which one of these texts stands, by name or content.
    pub fn new_with_any(&self, texts: &[&str], before: &Self) -> Vec<&str> {
        let has = |content: &[u8], text: &str| content.windows(text.len()).any(|window| window == text.as_bytes());
        let found = self.0.iter().filter(|(path, file)| {
            before.get(path) != Some(file) && texts.iter().any(|text| path.contains(text) || has(&file.content, text))
        });
        found.map(|(path, _)| path.as_str()).collect()
    }
}

/// Tells whether this is a new file that did not get its name yet, the journal of a rekey, or in the private folder of an
/// editor.
pub fn is_leftover(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_unfinished = name.strip_prefix(".secret-").is_some_and(|rest| rest.strip_suffix(".tmp").is_some());
    is_unfinished || name == "secret-journal" || path.split('/').any(|part| part.starts_with("secret-edit-"))
}

/// Tells whether one of an editor's folders of this process is in the system's memory folder, outside of the world.
pub fn is_left_in_memory(process: u32) -> bool {
    let start = format!("secret-edit-{process}-");
    let entries = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(&start))
}

/// Returns the folder with everything of a world.
pub fn root(world: &World) -> PathBuf {
    world.home().parent().map(Path::to_path_buf).expect("the home is in the world")
}

/// Drafts, and the mark that the editor has run.
const DRAFTS: &str = "home/.cache/secret/";
