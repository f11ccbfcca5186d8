//! What must be refused is refused under fire, too: a check that cannot be made is not a check that was passed.

use crate::campaign::{State, Subject, run};
use crate::files::Files;
use crate::world::{DB, World};

const FILE: &str = "secrets/db.yaml";
const SET: &[&str] = &["set", FILE, "db.password", "--stdin"];

#[test]
fn a_header_that_was_put_back_stays_refused() {
    run(&Refused {
        name: "refused: rolled back",
        arguments: SET,
        world: || {
            let world = World::with_db();
            let old = world.read(FILE);
            world.secret(["meta", FILE, "--owner", "payments"]).success();
            world.commit("an owner");
            world.write(FILE, old);
            world
        },
    });
}

#[test]
fn a_former_reader_stays_refused() {
    run(&Refused {
        name: "refused: former reader",
        arguments: SET,
        world: || {
            let world = World::new();
            let (_, bob) = world.keygen("bob");
            world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
            world.commit("bob joins");
            let world = world.with_file(FILE, DB);
            let policy = world.read(".secret.toml");
            let without: Vec<&str> = policy.lines().filter(|line| !line.starts_with("bob = ")).collect();
            world.write(".secret.toml", without.join("\n").replace(", \"bob\"", "") + "\n");
            world
        },
    });
}

#[test]
fn a_copy_stays_refused() {
    run(&Refused {
        name: "refused: copy",
        arguments: SET,
        world: || {
            let world = World::with_db();
            world.write("secrets/copy.yaml", world.read(FILE));
            world.commit("a copy");
            world
        },
    });
}

#[test]
fn a_file_at_another_path_stays_refused() {
    run(&Refused {
        name: "refused: other path",
        arguments: &["decrypt", "secrets/prod.yaml"],
        world: || {
            let world = World::with_db();
            world.write("secrets/prod.yaml", world.read(FILE));
            world.commit("staging as production");
            world
        },
    });
}

/// A command that must fail, show no plaintext and change nothing.
struct Refused {
    name: &'static str,
    arguments: &'static [&'static str],
    world: fn() -> World,
}

impl Subject for Refused {
    fn name(&self) -> &'static str {
        self.name
    }

    fn world(&self) -> World {
        (self.world)()
    }

    fn arguments(&self) -> &'static [&'static str] {
        self.arguments
    }

    fn stdin(&self) -> &'static str {
        "canary-hunter3"
    }

    fn state(&self, _world: &World, before: &Files, now: &Files) -> Result<State, String> {
        Err(format!("changed: {:?}", now.changes(before)))
    }

    fn is_refused(&self) -> bool {
        true
    }
}
