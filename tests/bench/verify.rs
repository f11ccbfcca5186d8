//! `verify`: a whole work tree, the hook in a large repository, a long range of commits.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Sizes;
use super::measure::{Contestant, Program, race};
use super::peers::Peers;
use super::table::{Row, Table, Target, Timed, Unit};
use super::world::{World, small_yaml};

/// All secret files of a work tree.
pub fn tree(sizes: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let world = World::new(secret);
    encrypted(&world, sizes.verified);
    let times = run(sizes.slow_rounds, vec![world.secret(&["verify", "--quiet"])]);
    table.add(&Row {
        scenario: format!("verify of {} files", sizes.verified),
        ours: seconds(&times[0]),
        peer: "2 s".to_owned(),
        theirs: Ok(2.0),
        unit: Unit::Seconds,
        target: Target::AtMost(1.0),
    });
}

/// The hook on a commit of ten files in a repository of many.
pub fn hook(sizes: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let world = World::new(secret);
    for index in 0..sizes.tracked {
        world.write(
            &format!("src/{:03}/{:02}/{index}.txt", index / 1000, index / 40 % 25),
            index.to_string().as_bytes(),
        );
    }
    let paths = encrypted(&world, sizes.governed);
    git(&world, &["add", "--all"]);
    git(&world, &["commit", "--quiet", "--message", "all"]);
    git(&world, &["gc", "--quiet"]);
    let changed: Vec<&String> = paths.iter().take(5).collect();
    for path in &changed {
        world.secret(&["meta", "--quiet", path, "--owner", "ops"]).run().expect("it is changed");
    }
    for index in 0..5 {
        world.write(&format!("src/000/00/{index}.txt"), b"changed");
    }
    git(&world, &["add", "--all"]);
    git(&world, &["status", "--short"]);
    let status =
        world.program(Path::new("git"), &["status", "--short"]).env("GIT_CONFIG_GLOBAL", Path::new("/dev/null"));
    let times = run(sizes.slow_rounds.max(5), vec![world.secret(&["verify", "--staged", "--quiet"]), status]);
    let name = format!("verify --staged of 10 files among {}", sizes.tracked + sizes.governed);
    let allowed = times[1].clone().map(|status| status + Duration::from_millis(60));
    table.times(&name, &times[0], "git status", &times[1], Target::Open);
    table.times(&name, &times[0], "git status and 60 ms", &allowed, Target::AtMost(1.0));
}

/// Ranges of commits, one ten times as long as the other.
pub fn range(sizes: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let world = World::new(secret);
    let paths = encrypted(&world, sizes.commits);
    git(&world, &["add", ".secret.toml"]);
    git(&world, &["commit", "--quiet", "--message", "policy"]);
    let mut stream: Vec<u8> = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let content = std::fs::read(world.path("repo").join(path)).expect("a file");
        let from = if index == 0 { "from refs/heads/main^0\n" } else { "" };
        let mut head = String::new();
        let _ = write!(
            head,
            "commit refs/heads/main\ncommitter A <a@example.com> {} +0000\ndata 1\nx\n{from}",
            1_700_000_000 + index
        );
        let _ = write!(head, "M 100644 inline {path}\ndata {}\n", content.len());
        stream.extend_from_slice(head.as_bytes());
        stream.extend_from_slice(&content);
        stream.push(b'\n');
    }
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet", "--force"]).current_dir(world.path("repo")).stdin(Stdio::piped());
    let mut import = import.spawn().expect("git is there");
    import.stdin.take().expect("it is piped").write_all(&stream).expect("it reads");
    assert!(import.wait().expect("it ends").success());
    let verify = |commits: usize| world.secret(&["verify", "--quiet", "--base", &format!("HEAD~{commits}")]);
    let (long, short) = (sizes.commits, (sizes.commits / 10).max(1));
    let times = run(sizes.slow_rounds, vec![verify(long), verify(short)]);
    table.times(
        &format!("verify --base over {long} commits"),
        &times[0],
        &format!("{short} commits"),
        &times[1],
        Target::AtMost(12.0),
    );
    let log = ["--no-pager", "log", "--oneline", "--", paths[0].as_str()];
    let log = world.program(Path::new("git"), &log).env("GIT_CONFIG_GLOBAL", Path::new("/dev/null"));
    let times = run(sizes.slow_rounds, vec![world.secret(&["log", &paths[0]]), log]);
    table.times(&format!("log of a file over {long} commits"), &times[0], "git log", &times[1], Target::Open);
}

/// Adds encrypted files, and returns their paths.
pub fn encrypted(world: &World, count: usize) -> Vec<String> {
    let paths: Vec<String> = (0..count).map(|index| format!("secrets/{:03}/{index:05}.yaml", index / 100)).collect();
    for paths in paths.chunks(500) {
        let mut arguments = vec!["encrypt", "--quiet"];
        for path in paths {
            world.write(path, small_yaml().as_bytes());
            arguments.push(path);
        }
        world.secret(&arguments).run().expect("they are encrypted");
    }
    paths
}

pub(super) fn git(world: &World, arguments: &[&str]) {
    let mut command = Command::new("git");
    let names = [("GIT_AUTHOR_NAME", "A"), ("GIT_AUTHOR_EMAIL", "a@example.com"), ("GIT_COMMITTER_NAME", "A")];
    // A collection of its own in the background would take turns with ours.
    command.args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]).args(arguments);
    command.current_dir(world.path("repo")).envs(names).env("GIT_COMMITTER_EMAIL", "a@example.com");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").stdout(Stdio::null());
    assert!(command.status().expect("git is there").success(), "git {arguments:?}");
}

pub fn run(rounds: usize, programs: Vec<Program>) -> Vec<Timed> {
    let contestants = programs.into_iter().map(|program| Box::new(move || program.run()) as Contestant<'static>);
    race(rounds, contestants.collect())
}

pub fn seconds(time: &Timed) -> Result<f64, String> {
    time.as_ref().map(Duration::as_secs_f64).map_err(Clone::clone)
}
