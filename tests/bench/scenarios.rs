//! The scenarios: what is run, and what the project wants to reach.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Sizes;
use super::library::race_with_bare_age;
use super::measure::{Contestant, Program, race};
use super::peers::Peers;
use super::table::{Row, Table, Target, Timed, Unit};
use super::world::{World, flat_json, small_yaml, yaml};

type Scenario = fn(&Sizes, &Path, &Peers, &mut Table);

/// All scenarios, by name.
pub const ALL: [(&str, Scenario); 14] = [
    ("size", size),
    ("small", small_file),
    ("recipients", recipients),
    ("library", library),
    ("yaml", yaml_document),
    ("scaling", scaling),
    ("files", many_files),
    ("large", large_file),
    ("verify", super::verify::tree),
    ("hook", super::verify::hook),
    ("range", super::verify::range),
    ("rekey", super::rekey::removal),
    ("offboard", super::offboard::plan),
    // Last, because the peer takes so long.
    ("json", json_document),
];

fn size(_: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let bytes = std::fs::metadata(secret).map(|file| file.len()).map_err(|error| error.to_string());
    table.add(&Row {
        scenario: "size of the program".to_owned(),
        ours: bytes.map(megabytes),
        peer: "10 MB".to_owned(),
        theirs: Ok(10.0),
        unit: Unit::Megabytes,
        target: Target::AtMost(1.0),
    });
}

fn small_file(sizes: &Sizes, secret: &Path, peers: &Peers, table: &mut Table) {
    let world = World::new(secret);
    let text = small_yaml();
    world.write("secrets/small.yaml", text.as_bytes());
    let sops = sops_encrypt(&world, peers, "secrets/small.yaml", "small.sops.yaml").and_then(|encrypt| encrypt.run());
    world.secret(&["encrypt", "--quiet", "secrets/small.yaml"]).run().expect("it is encrypted");
    world.write_age("small.age", text.as_bytes());
    let identity = world.identity().display().to_string();
    let decrypt = ["-d", "-i", &identity, "small.age"];
    let contestants = [
        (
            "an empty Rust program",
            empty_program(&world, secret).map(|program| world.program(&program, &[])),
            Target::AtMost(1.6),
        ),
        ("rage", peers.rage.clone().map(|rage| world.program(&rage, &decrypt)), Target::Faster(1.0)),
        ("age", peers.age.clone().map(|age| world.program(&age, &decrypt)), Target::Faster(1.0)),
        ("sops", sops.and_then(|_| sops_decrypt(&world, peers, "small.sops.yaml")), Target::Faster(10.0)),
    ];
    // One by one: a larger program would take our place in the processor's caches each time.
    for (peer, theirs, target) in contestants {
        let ours = Ok(world.secret(&["decrypt", "secrets/small.yaml"]));
        let times = race_programs(sizes.rounds, vec![ours, theirs]);
        table.times("one small YAML file out", &times[0], peer, &times[1], target);
    }
}

/// Thirty readers, of whom the user is the last one.
fn recipients(sizes: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let (one, thirty) = (World::new(secret), World::new(secret));
    let mut policy = std::fs::read_to_string(thirty.path("repo/.secret.toml")).expect("a policy");
    let mut members = String::from("[members]\n");
    let mut names = String::from("team = [\"zoe\"");
    for index in 1..30 {
        let _ = writeln!(members, "m{index:02} = \"{}\"", age::x25519::Identity::generate().to_public());
        let _ = write!(names, ", \"m{index:02}\"");
    }
    policy = policy.replace("[members]\n", &members).replace("team = [\"zoe\"", &names);
    thirty.write(".secret.toml", policy.as_bytes());
    for world in [&one, &thirty] {
        world.write("secrets/small.yaml", small_yaml().as_bytes());
        world.secret(&["encrypt", "--quiet", "secrets/small.yaml"]).run().expect("it is encrypted");
    }
    let readers = std::fs::read_to_string(thirty.path("repo/secrets/small.yaml")).expect("a file");
    assert_eq!(readers.matches("= \"age1").count() + readers.matches("= [\"age1").count(), 30, "{readers}");
    let decrypt = |world: &World| Ok(world.secret(&["decrypt", "secrets/small.yaml"]));
    let times = race_programs(sizes.rounds, vec![decrypt(&thirty), decrypt(&one)]);
    table.times("30 readers, one small file out", &times[0], "1 reader", &times[1], Target::AtMost(1.05));
}

fn library(sizes: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let world = World::new(secret);
    let paths: Vec<String> = (0..sizes.files).map(|index| format!("secrets/{index:04}.yaml")).collect();
    let files = encrypted_files(&world, &paths);
    let [ours, bare] = race_with_bare_age(sizes.slow_rounds, &files, &world.identity());
    let each = |time: Timed| time.map(|time| time / u32::try_from(files.len()).expect("few files"));
    table.times("the cryptography of one file", &each(ours), "age's bare unwrap", &each(bare), Target::AtMost(3.0));
}

fn yaml_document(sizes: &Sizes, secret: &Path, peers: &Peers, table: &mut Table) {
    document(
        sizes,
        sizes.slow_rounds,
        secret,
        peers,
        table,
        ("YAML", "yaml", &yaml(sizes.values), Target::Faster(25.0)),
    );
}

fn json_document(sizes: &Sizes, secret: &Path, peers: &Peers, table: &mut Table) {
    let what = ("one flat JSON object", "json", flat_json(sizes.values).as_str().to_owned());
    document(sizes, 1, secret, peers, table, (what.0, what.1, &what.2, Target::Faster(100.0)));
}

/// A large document in and out.
fn document(
    sizes: &Sizes,
    rounds: usize,
    secret: &Path,
    peers: &Peers,
    table: &mut Table,
    (kind, extension, text, target): (&str, &str, &str, Target),
) {
    let world = World::new(secret);
    let [plain, sealed, sops] = ["plain", "secrets/sealed", "sops"].map(|name| format!("{name}.{extension}"));
    world.write(&plain, text.as_bytes());
    world.write("secrets/folder", b"");
    let name = |way: &str| format!("{} values in {kind}, {way}", sizes.values);
    let contestants = vec![Ok(encrypt(&world, &plain, &sealed)), sops_encrypt(&world, peers, &plain, &sops)];
    let times = race_programs(rounds, contestants);
    table.times(&name("in"), &times[0], "sops", &times[1], target);
    let was_encrypted = times[1].clone();
    let contestants = vec![
        Ok(world.secret(&["decrypt", &sealed]).to(&world.path("out"))),
        was_encrypted.and_then(|_| sops_decrypt(&world, peers, &sops)).map(|sops| sops.to(&world.path("sops-out"))),
    ];
    let times = race_programs(rounds, contestants);
    assert_eq!(std::fs::read_to_string(world.path("out")).expect("a plaintext"), text);
    table.times(&name("out"), &times[0], "sops", &times[1], target);
}

fn scaling(sizes: &Sizes, secret: &Path, _: &Peers, table: &mut Table) {
    let world = World::new(secret);
    world.write("small.yaml", yaml(sizes.values).as_bytes());
    world.write("large.yaml", yaml(sizes.values * 10).as_bytes());
    world.write("secrets/folder", b"");
    let programs =
        ["large", "small"].map(|name| Ok(encrypt(&world, &format!("{name}.yaml"), &format!("secrets/{name}.yaml"))));
    let times = race_programs(sizes.slow_rounds, programs.into());
    let name = |way: &str| format!("{} values in YAML, {way}", sizes.values * 10);
    let peer = format!("{} values", sizes.values);
    table.times(&name("in"), &times[0], &peer, &times[1], Target::AtMost(12.0));
    let programs = ["large", "small"].map(|name| Ok(world.secret(&["decrypt", &format!("secrets/{name}.yaml")])));
    let times = race_programs(sizes.slow_rounds, programs.into());
    table.times(&name("out"), &times[0], &peer, &times[1], Target::AtMost(12.0));
}

fn many_files(sizes: &Sizes, secret: &Path, peers: &Peers, table: &mut Table) {
    let world = World::new(secret);
    let paths: Vec<String> = (0..sizes.files).map(|index| format!("secrets/{index:04}.yaml")).collect();
    encrypted_files(&world, &paths);
    let out = world.path("out");
    let out_text = out.display().to_string();
    let mut arguments = vec!["decrypt", "--output-dir", &out_text];
    arguments.extend(paths.iter().map(String::as_str));
    let ours = race_programs(sizes.slow_rounds, vec![Ok(world.secret(&arguments).removing(&out))]).remove(0);
    let name = format!("{} files out in one run", sizes.files);

    let sops: Timed = (0..sizes.sops_files).try_fold(Duration::ZERO, |sum, index| {
        let (plain, sealed) = (format!("plain/{index}.yaml"), format!("sops/{index}.yaml"));
        world.write(&plain, small_yaml().as_bytes());
        std::fs::create_dir_all(world.path("repo/sops")).expect("a folder");
        sops_encrypt(&world, peers, &plain, &sealed)?.run()?;
        Ok(sum + sops_decrypt(&world, peers, &sealed)?.to(&world.path("sops-out")).run()?)
    });
    let factor =
        f64::from(u32::try_from(sizes.files).expect("few")) / f64::from(u32::try_from(sizes.sops_files).expect("few"));
    let peer = format!("a loop of sops ({} files, times {factor})", sizes.sops_files);
    table.times(&name, &ours, &peer, &sops.map(|time| time.mul_f64(factor)), Target::Faster(300.0));

    let identity = world.identity().display().to_string();
    let rage = peers.rage.clone().and_then(|rage| {
        (0..sizes.files).try_fold(Duration::ZERO, |sum, index| {
            let sealed = format!("age/{index}.age");
            world.write_age(&sealed, small_yaml().as_bytes());
            let program = world.program(&rage, &["-d", "-i", &identity, &sealed]);
            Ok(sum + program.to(&world.path("rage-out")).run()?)
        })
    });
    table.times(&name, &ours, "a loop of rage", &rage, Target::Faster(30.0));
}

/// A large binary: time and memory, each way.
fn large_file(sizes: &Sizes, secret: &Path, peers: &Peers, table: &mut Table) {
    let world = World::new(secret);
    let plain = world.write("large.bin", b"");
    fill(&plain, sizes.large);
    world.write("secrets/folder", b"");
    let size = format!("{} MB of binary", sizes.large as f64 / 1e6);
    let identity = world.identity().display().to_string();
    let out = world.path("out");
    let out_text = out.display().to_string();

    let ours_in = encrypt(&world, "large.bin", "secrets/large.bin");
    let ours_out = world.secret(&["decrypt", "secrets/large.bin", "-o", &out_text]).removing(&out);
    for (way, ours, arguments) in [
        ("in", &ours_in, ["-r", &world.recipient, "-o", "large.age", "large.bin"].as_slice()),
        ("out", &ours_out, &["-d", "-i", &identity, "-o", "rage-out", "large.age"]),
    ] {
        let made = world.path(if way == "in" { "repo/large.age" } else { "repo/rage-out" });
        let with = |program: &Result<PathBuf, String>| {
            program.clone().map(|program| world.program(&program, arguments).removing(&made))
        };
        let contestants = vec![Ok(ours.clone()), with(&peers.rage), with(&peers.age)];
        let times = race_programs(sizes.slow_rounds.min(2), contestants);
        table.times(&format!("{size}, {way}"), &times[0], "rage", &times[1], Target::Faster(1.0));
        table.times(&format!("{size}, {way}"), &times[0], "age", &times[2], Target::Open);
        table.add(&Row {
            scenario: format!("memory for {size}, {way}"),
            ours: ours.run_with_memory().map(|(_, kibibytes)| megabytes(kibibytes * 1024)),
            peer: "64 MB".to_owned(),
            theirs: Ok(64.0),
            unit: Unit::Megabytes,
            target: Target::AtMost(1.0),
        });
    }
}

/// Writes bytes that nothing compresses.
fn fill(path: &Path, bytes: u64) {
    use std::io::{Read as _, copy};
    let mut random = std::fs::File::open("/dev/urandom").expect("the system has one").take(bytes);
    copy(&mut random, &mut std::fs::File::create(path).expect("a file")).expect("a written file");
}

/// Encrypts files of our own and returns their bytes.
fn encrypted_files(world: &World, paths: &[String]) -> Vec<Vec<u8>> {
    let files: Vec<PathBuf> = paths.iter().map(|path| world.write(path, small_yaml().as_bytes())).collect();
    let mut arguments = vec!["encrypt", "--quiet"];
    arguments.extend(paths.iter().map(String::as_str));
    world.secret(&arguments).run().expect("they are encrypted");
    files.iter().map(|path| std::fs::read(path).expect("a file")).collect()
}

fn encrypt(world: &World, plain: &str, sealed: &str) -> Program {
    let program = world.secret(&["encrypt", "--quiet", plain, "-o", sealed]);
    program.removing(&world.path("repo").join(sealed))
}

fn sops_encrypt(world: &World, peers: &Peers, plain: &str, sealed: &str) -> Result<Program, String> {
    let sops = peers.sops.clone()?;
    let program = world.program(&sops, &["--disable-version-check", "-e", "--age", &world.recipient, plain]);
    Ok(program.to(&world.path("repo").join(sealed)))
}

fn sops_decrypt(world: &World, peers: &Peers, sealed: &str) -> Result<Program, String> {
    Ok(world.program(&peers.sops.clone()?, &["--disable-version-check", "-d", sealed]))
}

fn race_programs(rounds: usize, programs: Vec<Result<Program, String>>) -> Vec<Timed> {
    let contestants: Vec<Contestant<'_>> = programs
        .into_iter()
        .map(|program| Box::new(move || program.as_ref().map_err(Clone::clone)?.run()) as Contestant<'_>)
        .collect();
    race(rounds, contestants)
}

/// Builds a program that does nothing, linked as ours is.
fn empty_program(world: &World, secret: &Path) -> Result<PathBuf, String> {
    let source = world.write("empty.rs", b"fn main() {}\n");
    let program = world.path("empty");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition=2024", "-Copt-level=3", "-Cpanic=abort", "-Cstrip=symbols", "-o"]).arg(&program).arg(source);
    let ours = std::fs::read(secret).map_err(|error| error.to_string())?;
    // What is linked dynamically names its loader near the beginning.
    let head = &ours[..ours.len().min(8192)];
    if !head.windows(4).any(|bytes| bytes == b"/ld-") {
        rustc.arg("-Ctarget-feature=+crt-static");
    }
    let built = rustc.output().map_err(|error| format!("rustc: {error}"))?;
    if built.status.success() { Ok(program) } else { Err("rustc could not build it".to_owned()) }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
