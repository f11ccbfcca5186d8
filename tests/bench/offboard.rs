//! `offboard --plan`: what a member could read in a long history of many files.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Sizes;
use super::peers::Peers;
use super::table::{Row, Table, Target, Unit};
use super::verify::{encrypted, git, run, seconds};
use super::world::World;

/// A repository whose every commit changes one of its files.
pub fn plan(sizes: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let world = World::new(secret);
    let paths = encrypted(&world, sizes.files);
    git(&world, &["add", "--all"]);
    git(&world, &["commit", "--quiet", "--message", "all"]);
    let commits = 5 * sizes.files;
    let files: Vec<String> = paths
        .iter()
        .map(|path| std::fs::read_to_string(world.path("repo").join(path)).expect("an encrypted file"))
        .collect();
    let mut stream = String::new();
    for index in 0..commits {
        // Another header is another content; nobody opens it here.
        let (path, file) = (&paths[index % paths.len()], &files[index % paths.len()]);
        let file = file.replacen("# revision = 1\n", &format!("# revision = {}\n", index + 2), 1);
        let from = if index == 0 { "from refs/heads/main^0\n" } else { "" };
        let _ = write!(
            stream,
            "commit refs/heads/main\ncommitter A <a@example.com> {} +0000\ndata 1\nx\n{from}M 100644 inline {path}\ndata {}\n{file}\n",
            1_700_000_000 + index,
            file.len(),
        );
    }
    let mut import = Command::new("git");
    import.args(["fast-import", "--quiet", "--force"]).current_dir(world.path("repo")).stdin(Stdio::piped());
    let mut import = import.spawn().expect("git is there");
    import.stdin.take().expect("it is piped").write_all(stream.as_bytes()).expect("it reads");
    assert!(import.wait().expect("it ends").success());
    let times = run(sizes.slow_rounds, vec![world.secret(&["offboard", "zoe", "--plan", "--json"])]);
    table.add(&Row {
        scenario: format!("offboard --plan over {} files and {commits} commits", sizes.files),
        ours: seconds(&times[0]),
        peer: "3 s".to_owned(),
        theirs: Ok(3.0),
        unit: Unit::Seconds,
        target: Target::AtMost(1.0),
    });
}
