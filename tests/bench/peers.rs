//! The programs that we are compared with, and the machine that it happens on.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::table::NOT_INSTALLED;

/// Where the peers are, as far as they are there.
pub struct Peers {
    pub age: Result<PathBuf, String>,
    pub rage: Result<PathBuf, String>,
    pub sops: Result<PathBuf, String>,
}

impl Peers {
    /// Looks in the folders of `SECRET_PEERS` (as `PATH`), then in `PATH`.
    pub fn find() -> Self {
        let find = |name: &str| {
            let paths = ["SECRET_PEERS", "PATH"].iter().filter_map(std::env::var_os);
            let folders: Vec<PathBuf> =
                paths.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>()).collect();
            let found = folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file());
            found.ok_or_else(|| format!("{name}{NOT_INSTALLED}"))
        };
        Self { age: find("age"), rage: find("rage"), sops: find("sops") }
    }

    /// Prints the machine, and the version of everything that takes part.
    pub fn describe(&self, secret: &Path) {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let cpuinfo = read("/proc/cpuinfo");
        let model =
            cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        println!("* machine: {}, {cores} cores", model.unwrap_or(std::env::consts::ARCH));
        println!("* system: {} {}", std::env::consts::OS, read("/proc/sys/kernel/osrelease").trim());
        println!("* load when it began: {}", read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "));
        println!("* {}", version(secret, &["--version"]));
        println!("* {}", version(Path::new("rustc"), &["--version"]));
        let peers = [
            ("sops", &self.sops, ["--disable-version-check", "--version"].as_slice()),
            ("age", &self.age, &["--version"]),
            ("rage", &self.rage, &["--version"]),
        ];
        for (name, peer, arguments) in peers {
            match peer {
                Ok(program) => println!("* {name}: {}", version(program, arguments)),
                Err(missing) => println!("* {missing}: its rows are left open"),
            }
        }
        println!();
    }
}

fn version(program: &Path, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned(),
        Err(error) => format!("{}: {error}", program.display()),
    }
}
