//! Repositories of the formats that git has: other names of objects, other places for references, other indexes.

use std::fs;

use crate::world::World;

/// What git can be told when it makes a repository or writes its index.
pub const FORMATS: [&str; 6] = ["sha1", "sha256", "reftable", "split", "sparse", "v4"];

impl World {
    /// A world whose repository has one of [`FORMATS`], with the policy, an encrypted file and another one committed.
    pub fn of_format(format: &str) -> Self {
        let world = Self::with_db();
        fs::remove_dir_all(world.path(".git")).expect("it is there");
        let option = match format {
            "sha256" => "--object-format=sha256",
            "reftable" => "--ref-format=reftable",
            _ => "--object-format=sha1",
        };
        world.git(["init", "--quiet", "--initial-branch=main", option]);
        world.write("src/main", "x");
        world.commit("all");
        match format {
            "split" => drop(world.git(["update-index", "--split-index"])),
            "sparse" => drop(world.git(["sparse-checkout", "set", "--cone", "--sparse-index", "secrets"])),
            "v4" => drop(world.git(["update-index", "--index-version", "4"])),
            _ => {}
        }
        world
    }
}
