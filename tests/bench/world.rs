//! A repository and a home for a scenario, and the documents that are encrypted there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::measure::Program;

/// A temporary repository whose only reader is the user.
pub struct World {
    folder: tempfile::TempDir,
    secret: PathBuf,
    /// The user's recipient.
    pub recipient: String,
}

impl World {
    pub fn new(secret: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // How a file came into memory decides how fast it starts; so all that is compared lies in one place.
        let copy = folder.path().join("secret");
        std::fs::copy(secret, &copy).expect("a copy of the program");
        let mut world = Self { folder, secret: copy, recipient: String::new() };
        for name in ["repo", "home"] {
            std::fs::create_dir(world.path(name)).expect("a folder");
        }
        let made = Command::new("git")
            .args(["init", "--quiet", "--initial-branch=main"])
            .current_dir(world.path("repo"))
            .status();
        assert!(made.expect("git is there").success());
        world.secret(&["init", "--quiet", "--name", "zoe", "--no-git"]).run().expect("a new policy");
        let identity = std::fs::read_to_string(world.identity()).expect("init made an identity");
        let key: age::x25519::Identity =
            identity.lines().find(|line| !line.starts_with('#')).expect("a key").parse().expect("a key");
        world.recipient = key.to_public().to_string();
        world
    }

    /// Returns a path below the world's folder; the repository is `repo`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Returns the user's identity file.
    pub fn identity(&self) -> PathBuf {
        self.path("home/.config/secret/identities.txt")
    }

    /// Writes a file of the repository and returns its path.
    pub fn write(&self, path: &str, content: &[u8]) -> PathBuf {
        let path = self.path("repo").join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, content).expect("a written file");
        path
    }

    /// Writes a plaintext encrypted by age and returns its path.
    pub fn write_age(&self, path: &str, plaintext: &[u8]) -> PathBuf {
        let recipient: age::x25519::Recipient = self.recipient.parse().expect("a recipient");
        self.write(path, &age::encrypt(&recipient, plaintext).expect("it can be encrypted"))
    }

    /// Prepares our program, in the repository.
    pub fn secret(&self, arguments: &[&str]) -> Program {
        Program::new(&self.secret, &self.path("repo"), arguments).env("HOME", &self.path("home"))
    }

    /// Prepares another program there.
    pub fn program(&self, program: &Path, arguments: &[&str]) -> Program {
        Program::new(program, &self.path("repo"), arguments)
            .env("HOME", &self.path("home"))
            .env("SOPS_AGE_KEY_FILE", &self.identity())
    }
}

/// Returns a small YAML document, as a service may have one.
pub fn small_yaml() -> String {
    let values = ["host: db.internal", "port: 5432", "user: app", "password: \"correct horse battery staple\""];
    format!("db:\n  {}\napi:\n  token: tok_4f1d9c0a77e2 # replace in May\n", values.join("\n  "))
}

/// Returns a YAML document with maps of a hundred values each.
pub fn yaml(values: usize) -> String {
    let mut text = String::new();
    for index in 0..values {
        if index % 100 == 0 {
            let _ = writeln!(text, "group{:04}:", index / 100);
        }
        let _ = writeln!(text, "  key{index:06}: {}", value(index));
    }
    text
}

/// Returns a JSON document of one object.
pub fn flat_json(values: usize) -> String {
    let members: Vec<String> = (0..values).map(|index| format!("  \"key{index:06}\": \"{}\"", value(index))).collect();
    format!("{{\n{}\n}}\n", members.join(",\n"))
}

/// Returns a value that differs from all others.
fn value(index: usize) -> String {
    format!("value-{:016x}", (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
