//! `rekey`: a reader leaves many files.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use age::Recipient as _;
use rayon::prelude::*;

use super::Sizes;
use super::measure::{Contestant, race};
use super::peers::Peers;
use super::table::{Table, Target, Timed};
use super::verify::git;
use super::world::{World, small_yaml};

/// All files get a new key and are sealed again, in one run; beside a loop of sops, and the public-key work alone.
pub fn removal(sizes: &Sizes, secret: &Path, peers: &Peers, table: &mut Table) {
    let world = World::new(secret);
    let others: Vec<age::x25519::Recipient> =
        (0..sizes.readers).map(|_| age::x25519::Identity::generate().to_public()).collect();
    let policy = std::fs::read_to_string(world.path("repo/.secret.toml")).expect("a policy");
    let with = |count: usize| {
        let (mut members, mut names) = (String::from("[members]\n"), String::from("team = [\"zoe\""));
        for (index, recipient) in others.iter().take(count).enumerate() {
            let _ = writeln!(members, "m{index:02} = \"{recipient}\"");
            let _ = write!(names, ", \"m{index:02}\"");
        }
        policy.replace("[members]\n", &members).replace("team = [\"zoe\"", &names)
    };
    world.write(".secret.toml", with(sizes.readers).as_bytes());
    let paths: Vec<String> = (0..sizes.rekeyed).map(|index| format!("secrets/{index:04}.yaml")).collect();
    for path in &paths {
        world.write(path, small_yaml().as_bytes());
        world.secret(&["encrypt", "--quiet", path]).run().expect("it is encrypted");
    }
    git(&world, &["add", "--all"]);
    git(&world, &["commit", "--quiet", "--message", "all"]);
    world.write(".secret.toml", with(sizes.readers - 1).as_bytes());
    git(&world, &["commit", "--quiet", "--all", "--message", "one leaves"]);
    let before: Vec<Vec<u8>> =
        paths.iter().map(|path| std::fs::read(world.path("repo").join(path)).expect("a file")).collect();

    let ours = || {
        for (path, content) in paths.iter().zip(&before) {
            world.write(path, content);
        }
        let took = world.secret(&["rekey", "--quiet", "--yes"]).run()?;
        world.secret(&["rekey", "--check"]).run()?;
        Ok(took)
    };
    let zoe: age::x25519::Recipient = world.recipient.parse().expect("a recipient");
    let readers: Vec<&age::x25519::Recipient> =
        others.iter().take(sizes.readers - 1).chain(std::iter::once(&zoe)).collect();
    let bare = || Ok(public_key_work(sizes.rekeyed, &readers, &world.identity()));
    let times = race(sizes.slow_rounds, vec![Box::new(ours) as Contestant<'_>, Box::new(bare)]);
    let name = format!("rekey of {} files of {} readers, one removed", sizes.rekeyed, sizes.readers);
    table.times(&name, &times[0], "the bare X25519 work, all cores", &times[1], Target::AtMost(2.0));

    let sops = sops_loop(sizes, &world, peers, &others);
    let factor = f64::from(u32::try_from(sizes.rekeyed).expect("few"))
        / f64::from(u32::try_from(sizes.sops_rekeyed).expect("few"));
    let peer = format!("a loop of sops ({} files, times {factor})", sizes.sops_rekeyed);
    table.times(&name, &times[0], &peer, &sops.map(|time| time.mul_f64(factor)), Target::Faster(40.0));
}

/// What cannot be saved: each file's key is unwrapped once, and wrapped to each of its readers.
fn public_key_work(files: usize, readers: &[&age::x25519::Recipient], identity: &Path) -> Duration {
    let key: age::x25519::Identity = std::fs::read_to_string(identity)
        .expect("the identity is there")
        .lines()
        .find_map(|line| line.parse().ok())
        .expect("a key");
    let wrap = |recipient: &age::x25519::Recipient| {
        let file_key = age_core::format::FileKey::new(Box::new([7; 16]));
        recipient.wrap_file_key(&file_key).expect("it is wrapped").0
    };
    let own = wrap(&key.to_public());
    let start = Instant::now();
    (0..files).into_par_iter().for_each(|_| {
        assert!(age::Identity::unwrap_stanza(&key, &own[0]).is_some_and(|opened| opened.is_ok()));
        for reader in readers {
            assert_eq!(wrap(reader).len(), 1);
        }
    });
    start.elapsed()
}

fn sops_loop(sizes: &Sizes, world: &World, peers: &Peers, others: &[age::x25519::Recipient]) -> Timed {
    let sops = peers.sops.clone()?;
    let config = |count: usize| {
        let others = others.iter().take(count).map(ToString::to_string);
        let all: Vec<String> = others.chain(std::iter::once(world.recipient.clone())).collect();
        format!("creation_rules:\n  - age: \"{}\"\n", all.join(","))
    };
    let mut sum = Duration::ZERO;
    for index in 0..sizes.sops_rekeyed {
        world.write(".sops.yaml", config(sizes.readers).as_bytes());
        let path = format!("sops/{index}.yaml");
        world.write(&path, small_yaml().as_bytes());
        let program = |arguments: &[&str]| world.program(&sops, &[&["--disable-version-check"], arguments].concat());
        program(&["-e", "-i", &path]).run()?;
        world.write(".sops.yaml", config(sizes.readers - 1).as_bytes());
        sum += program(&["updatekeys", "-y", &path]).run()?;
        sum += program(&["rotate", "-i", &path]).run()?;
    }
    Ok(sum)
}
