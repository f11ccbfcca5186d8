//! Repositories for tests, made by the git program, which sees no configuration but theirs.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Repository;

/// A temporary folder with a repository in it.
pub(super) struct World {
    folder: tempfile::TempDir,
    root: PathBuf,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_format("--object-format=sha1")
    }

    /// A repository that `git init` made with one more argument.
    pub(super) fn with_format(format: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let top = folder.path().canonicalize().expect("a folder");
        for name in ["home", "repository"] {
            std::fs::create_dir(top.join(name)).expect("a folder");
        }
        let world = Self { folder, root: top.join("repository") };
        world.git(&["init", "--quiet", "--initial-branch=main", format]);
        world
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Returns a path in the repository.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns a path beside the repository.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.root.parent().expect("a folder").join(path)
    }

    pub(super) fn open(&self, folder: &str) -> Repository {
        Repository::discover(&self.path(folder)).expect("nothing is wrong").expect("a repository")
    }

    pub(super) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, content).expect("a file");
    }

    /// Writes files and commits everything.
    pub(super) fn commit(&self, files: &[(&str, &str)]) {
        for (path, content) in files {
            self.write(path, content);
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "x"]);
    }

    pub(super) fn git(&self, arguments: &[&str]) {
        self.git_in(&self.root, arguments);
    }

    pub(super) fn git_in(&self, folder: &Path, arguments: &[&str]) {
        let output = self.run(folder, arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(super) fn try_git(&self, arguments: &[&str]) -> bool {
        self.run(&self.root, arguments).status.success()
    }

    /// Returns what git prints.
    pub(super) fn said(&self, arguments: &[&str]) -> String {
        String::from_utf8(self.run(&self.root, arguments).stdout).expect("UTF-8").trim().to_owned()
    }

    fn run(&self, folder: &Path, arguments: &[&str]) -> Output {
        Command::new("git")
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "x")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "x@example.org")))
            .output()
            .expect("git runs")
    }
}
