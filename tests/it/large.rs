//! Files that are not held in memory, by the real program: each command that writes or reads them.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::generate::cases;
use crate::world::World;

/// More than is held in memory.
const LARGE: usize = (1 << 20) + 1;
const MIB: usize = 1 << 20;
const PATH: &str = "secrets/disk.img";

/// What became of a run with files for input and output.
struct Run {
    code: i32,
    stderr: String,
    /// The most memory that the program had, in KiB.
    memory: u64,
}

/// A world with a large encrypted file, which is committed.
fn with_large_file() -> World {
    let world = World::new();
    world.write(PATH, pattern(LARGE));
    world.secret(["encrypt", PATH]).success();
    world.commit("large");
    world
}

#[test]
fn a_large_file_makes_its_way_through_every_command() {
    let world = World::new();
    let mut content = pattern(LARGE + 70_000);
    world.write(PATH, &content);
    let said = world.secret(["encrypt", PATH, "--owner", "ops"]).success();
    assert_eq!(said.stderr, "encrypted secrets/disk.img; readers: alice\n");
    assert_eq!(decrypted(&world, PATH), content);
    world.commit("large");
    let first = world.read_bytes(PATH);

    world.secret(["decrypt", "--in-place", PATH]).success();
    assert_eq!(world.read_bytes(PATH), content);
    assert_eq!(mode_of(&world.path(PATH)), 0o600);
    let said = world.secret(["encrypt", PATH]).success();
    assert_eq!(said.stderr, "encrypted secrets/disk.img with the key it has in the index; readers: alice\n");
    assert!(world.read_bytes(PATH) == first, "what is unchanged is the same file again");
    assert_eq!(mode_of(&world.path(PATH)), 0o644);

    world.secret(["meta", PATH, "--owner", "payments", "--tag", "tier=1"]).success();
    assert_eq!(body_of(&world, PATH), body_in(&first), "only the header is new");
    world.secret(["mv", PATH, "secrets/deeper/disk.img"]).success();
    assert!(!world.path(PATH).exists());
    let moved = "secrets/deeper/disk.img";
    assert_eq!(body_of(&world, moved), body_in(&first));
    let info = world.secret(["info", moved]).success().stdout;
    assert!(info.contains("payments") && info.contains("generation 1, header revision 3"), "{info}");

    let key = world.joins("bob");
    world.secret(["rekey", "--add", "bob"]).success();
    assert_eq!(body_of(&world, moved), body_in(&first), "another reader needs no other body");
    let as_bob = run(&world, &["--identity", &key, "decrypt", moved], None);
    assert!(as_bob.0.code == 0 && as_bob.1 == content);
    world.commit("bob");
    let policy = world.read(".secret.toml");
    let without_bob: String =
        policy.lines().filter(|line| !line.starts_with("bob = ")).map(|line| format!("{line}\n")).collect();
    world.write(".secret.toml", without_bob.replace(", \"bob\"", ""));
    world.secret(["rekey"]).success();
    let resealed = body_of(&world, moved);
    assert!(resealed != body_in(&first) && resealed.len() == body_in(&first).len());
    assert_eq!(run(&world, &["--identity", &key, "decrypt", moved], None).0.code, 4);
    assert_eq!(decrypted(&world, moved), content);
    assert_eq!(world.secret(["rekey", "--check"]).success().stdout, "");
    assert!(world.secret(["who", moved]).success().stdout.contains("bob"), "as a former reader");
    assert!(world.secret(["ls", "secrets"]).success().stdout.contains("secrets/deeper/disk.img"));

    // A new content keeps the file's id and key.
    content[MIB] ^= 1;
    fs::write(world.home().join("new.img"), &content).expect("a file");
    let new = world.home().join("new.img").display().to_string();
    let said = world.secret(["encrypt", &new, "-o", moved]).success();
    assert!(said.stderr.contains("with the key it has in the file it replaces"), "{}", said.stderr);
    assert_eq!(decrypted(&world, moved), content);
    assert_eq!(names(&world.path("secrets/deeper")), ["disk.img"], "nothing else is left");
}

#[test]
fn lengths_around_the_borders_come_back() {
    let world = World::new();
    for length in [MIB, LARGE, MIB + 65_536] {
        let content = pattern(length);
        world.write(PATH, &content);
        world.secret(["encrypt", "--fresh", PATH]).success();
        assert!(decrypted(&world, PATH) == content, "{length}");
        let out = world.home().join("out").display().to_string();
        for _ in 0..2 {
            world.secret(["decrypt", PATH, "-o", &out]).success();
            assert!(fs::read(&out).expect("a file") == content, "{length}");
        }
    }
}

#[test]
fn standard_input_of_any_length_is_encrypted() {
    let world = World::new();
    for length in [MIB, LARGE] {
        let content = pattern(length);
        let source = world.home().join("source");
        fs::write(&source, &content).expect("a file");
        let (outcome, _) = run(&world, &["encrypt", "-", "--path", PATH], Some(&source));
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        assert!(decrypted(&world, PATH) == content, "{length}");
        assert_eq!(names(&world.path("secrets")), ["disk.img"]);
    }
}

#[test]
fn no_byte_comes_out_when_the_last_chunk_is_changed() {
    let world = World::new();
    world.write(PATH, pattern(LARGE + 4096));
    world.secret(["encrypt", PATH]).success();
    let length = fs::metadata(world.path(PATH)).expect("a file").len();
    let out = world.home().join("out").display().to_string();
    let folder = world.home().join("folder").display().to_string();
    let sealed = world.read_bytes(PATH);
    let mut tried = 0;
    for place in [length - 1, length - 5] {
        let file = File::options().write(true).open(world.path(PATH)).expect("a file");
        let index = usize::try_from(place).expect("a place");
        file.write_all_at(&[sealed[index] ^ 1], place).expect("a byte");
        let listing = names(&world.path("secrets"));
        for arguments in [
            vec!["decrypt", PATH],
            vec!["decrypt", PATH, "-o", &out],
            vec!["decrypt", PATH, "--output-dir", &folder],
            vec!["decrypt", PATH, "--in-place"],
            vec!["meta", PATH, "--owner", "me"],
            vec!["mv", PATH, "secrets/other.img"],
            vec!["rekey", PATH, "--new-key", "--yes"],
        ] {
            let (outcome, stdout) = run(&world, &arguments, None);
            assert_eq!((outcome.code, stdout.len()), (5, 0), "{arguments:?}: {}", outcome.stderr);
            let expected = "error: secrets/disk.img: the encrypted content was changed or cut off\n\
                            hint: take the file from git's history\n";
            // `rekey` tells its plan first.
            assert!(outcome.stderr.ends_with(expected), "{arguments:?}: {}", outcome.stderr);
            assert!(!Path::new(&out).exists() && !world.path("secrets/other.img").exists(), "{arguments:?}");
            assert_eq!(names(&world.path("secrets")), listing, "{arguments:?}");
            tried += 1;
        }
        file.write_all_at(&sealed[index..=index], place).expect("a byte");
    }
    assert!(names(Path::new(&folder)).iter().all(|name| name != "disk.img"));
    assert!(world.read_bytes(PATH) == sealed, "the file is as it was");
    println!("{tried} refusals, 0 bytes of plaintext");
}

#[test]
fn of_several_files_none_is_written_when_one_is_not_authentic() {
    let world = World::new().with_file("secrets/a.yaml", "a: canary\n");
    for name in ["one", "two"] {
        let path = format!("secrets/{name}.img");
        world.write(&path, pattern(LARGE));
        world.secret(["encrypt", &path]).success();
    }
    let files = ["secrets/one.img", "secrets/a.yaml", "secrets/two.img"];
    let folder = world.home().join("out");
    let arguments = ["decrypt", "--output-dir", folder.to_str().expect("UTF-8")].into_iter().chain(files);
    world.secret(arguments.clone()).success();
    assert!(fs::read(folder.join("secrets/two.img")).expect("a file") == pattern(LARGE));
    assert_eq!(fs::read_to_string(folder.join("secrets/a.yaml")).expect("a file"), "a: canary\n");
    fs::remove_dir_all(&folder).expect("a folder");

    let mut changed = world.read_bytes("secrets/two.img");
    let last = changed.len() - 5;
    changed[last] ^= 1;
    world.write("secrets/two.img", &changed);
    assert_eq!(world.secret(arguments).code, 5);
    assert!(!folder.join("secrets").exists());
    let outcome = world.secret(["decrypt", "secrets/one.img", "secrets/one.img", "--in-place"]);
    assert!(outcome.stderr.contains("would both be written to"), "{}", outcome.stderr);
}

#[test]
fn large_files_of_a_folder_are_decrypted_with_the_others_all_or_none() {
    let world = World::new().with_file("secrets/a.yaml", "a: canary\n");
    for name in ["one.img", "deeper/two.img"] {
        world.write(&format!("secrets/{name}"), pattern(LARGE));
        world.secret(["encrypt", &format!("secrets/{name}")]).success();
    }
    let out = world.home().join("out");
    let arguments = ["decrypt", "secrets", "--output-dir", out.to_str().expect("UTF-8")];
    // The second time plaintexts of the same size stand there.
    for _ in 0..2 {
        world.secret(arguments).success();
        assert_eq!(names(&out.join("secrets")), ["a.yaml", "deeper", "one.img"]);
        assert!(fs::read(out.join("secrets/one.img")).expect("a file") == pattern(LARGE));
        assert!(fs::read(out.join("secrets/deeper/two.img")).expect("a file") == pattern(LARGE));
        assert_eq!(mode_of(&out.join("secrets/one.img")), 0o600);
        fs::write(out.join("secrets/one.img"), vec![b'x'; 2 * LARGE]).expect("a file");
    }
    fs::remove_file(out.join("secrets/a.yaml")).expect("a file");
    let sealed = world.read_bytes("secrets/deeper/two.img");
    let mut changed = sealed.clone();
    *changed.last_mut().expect("a byte") ^= 1;
    world.write("secrets/deeper/two.img", &changed);
    assert_eq!(world.secret(arguments).code, 5);
    assert_eq!(names(&out.join("secrets")), ["deeper", "one.img"]);
    world.write("secrets/deeper/two.img", &sealed);

    // An encrypted file keeps its place, and two plaintexts have not the same one.
    fs::copy(world.path("secrets/one.img"), out.join("secrets/one.img")).expect("a file");
    let outcome = world.secret(arguments);
    assert!(outcome.code == 1 && outcome.stderr.contains("is an encrypted file; it is not overwritten"), "{outcome:?}");
    assert_eq!(names(&out.join("secrets")), ["deeper", "one.img"]);
    let twice = ["decrypt", "secrets/one.img", "secrets", "--output-dir", arguments[3]];
    let outcome = world.secret(twice);
    assert!(outcome.code == 1 && outcome.stderr.contains("would both be written to"), "{outcome:?}");
}

#[test]
fn a_move_of_a_large_file_that_was_cut_off_is_finished_by_the_next_one() {
    let world = with_large_file();
    let old = world.read_bytes(PATH);
    let to = "secrets/other.img";
    world.secret(["mv", PATH, to]).success();
    let new = world.read_bytes(to);
    // As a process that was killed between its two steps leaves it.
    world.write(PATH, &old);
    let said = world.secret(["mv", PATH, to]).success().stderr;
    assert_eq!(said, "moved secrets/disk.img to secrets/other.img\n");
    assert!(!world.path(PATH).exists() && world.read_bytes(to) == new);

    // What is not the same stays: a damaged body, another content.
    world.write(PATH, &old);
    let mut damaged = new.clone();
    let place = damaged.len() - 5;
    damaged[place] ^= 1;
    let cut = new[..new.len() - 1].to_vec();
    for standing in [damaged, cut, old.clone(), b"plain".to_vec()] {
        world.write(to, &standing);
        let outcome = world.secret(["mv", PATH, to]);
        assert!(outcome.code == 1 && outcome.stderr.contains("secrets/other.img"), "{outcome:?}");
        assert!(world.read_bytes(PATH) == old && world.read_bytes(to) == standing);
    }
}

#[test]
fn doctor_looks_at_the_top_of_a_large_file_only() {
    let world = with_large_file();
    let file = File::options().write(true).open(world.path(PATH)).expect("a file");
    file.set_len(1 << 40).expect("a length");
    let (outcome, stdout) = run(&world, &["doctor"], None);
    let said = format!("{}{}", String::from_utf8_lossy(&stdout), outcome.stderr);
    assert!(said.contains("1 governed file, all encrypted"), "{said}");
    assert!(outcome.memory < LIMIT, "{} KiB", outcome.memory);
}

#[test]
fn a_large_file_has_no_keys_and_is_not_edited() {
    let world = with_large_file();
    let sealed = world.read_bytes(PATH);
    world.write(PATH, [sealed, vec![0; 16 * MIB]].concat());
    for arguments in [["get", PATH, "a"], ["unset", PATH, "a"]] {
        let outcome = world.secret(arguments);
        let expected = "error: secrets/disk.img is encrypted as a whole: it has no keys\n\
                        hint: read all of it with `secret decrypt secrets/disk.img`\n";
        assert_eq!((outcome.code, outcome.stderr.as_str()), (1, expected));
    }
    let outcome = world.secret(["edit", PATH]);
    let expected = "error: secrets/disk.img is too large to be edited\n\
                    hint: write its new content to a file, then `secret encrypt FILE -o secrets/disk.img`\n";
    assert_eq!((outcome.code, outcome.stderr.as_str()), (1, expected));
    // A second encryption, and what is too long for its format.
    let outcome = world.secret(["encrypt", PATH]);
    assert_eq!(
        (outcome.code, outcome.stderr.lines().next()),
        (1, Some("error: secrets/disk.img is encrypted already"))
    );
    world.write("secrets/a.yaml", "a: b\n".repeat(4 * MIB));
    let outcome = world.secret(["encrypt", "secrets/a.yaml"]);
    assert!(outcome.code == 1 && outcome.stderr.contains("seal it as a whole with --format opaque"), "{outcome:?}");
    if is_longer_run() {
        world.secret(["encrypt", "secrets/a.yaml", "--format", "opaque"]).success();
        world.write("secrets/b.yaml", [b"\xff".as_slice(), &pattern(17 * MIB)].concat());
        let outcome = world.secret(["encrypt", "secrets/b.yaml"]).success();
        assert!(outcome.stderr.contains("sealed as a whole: it is not UTF-8 text"), "{}", outcome.stderr);
    }
}

#[test]
fn a_hostile_length_costs_neither_time_nor_memory() {
    let world = with_large_file();
    let file = File::options().write(true).open(world.path(PATH)).expect("a file");
    // All zeros, and only in the directory: nothing of it is on the disk.
    file.set_len(1 << 40).expect("a length");
    drop(file);
    for (arguments, code) in [
        (vec!["info", PATH], 0),
        (vec!["who", PATH], 0),
        (vec!["ls"], 0),
        (vec!["rekey", "--check"], 0),
        (vec!["get", PATH, "a"], 1),
        (vec!["export", PATH, "--format", "json"], 1),
        (vec!["exec", "-f", PATH, "--", "true"], 1),
        (vec!["decrypt", PATH], 5),
        (vec!["decrypt", "secrets", "--output-dir", "out"], 5),
        (vec!["meta", PATH, "--owner", "x"], 5),
    ] {
        let (outcome, _) = run(&world, &arguments, None);
        assert_eq!(outcome.code, code, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.memory < LIMIT, "{arguments:?}: {} KiB", outcome.memory);
    }
}

#[test]
fn a_disk_that_is_full_leaves_the_old_file_and_nothing_else() {
    let world = World::new();
    world.write(PATH, pattern(2 * MIB));
    // The system ends no process for its file's length here, but refuses to write.
    let limited = |blocks: u32, arguments: &str| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec {} {arguments}", env!("CARGO_BIN_EXE_secret"));
        world.command(Path::new("bash")).args(["-c", &script]).output().expect("bash runs")
    };
    for blocks in [1, 1024, 2049] {
        let before = world.listing();
        let output = limited(blocks, "encrypt secrets/disk.img");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: cannot write "), "{said}");
        assert!(world.listing() == before);
    }
    world.secret(["encrypt", PATH]).success();
    let before = world.listing();
    let output = limited(1024, "decrypt --in-place secrets/disk.img");
    assert_eq!(output.status.code(), Some(1));
    assert!(world.listing() == before);
}

#[test]
fn a_killed_command_leaves_the_old_file_and_nothing_else() {
    let world = World::new();
    world.write(PATH, pattern(4 * MIB));
    let before = fs::metadata(world.path(PATH)).expect("a file").len();
    let mut child =
        world.command(Path::new(env!("CARGO_BIN_EXE_secret"))).args(["encrypt", PATH]).spawn().expect("it runs");
    // As soon as it has opened something in the folder, it may be at any step.
    let opened = || {
        let descriptors = fs::read_dir(format!("/proc/{}/fd", child.id())).into_iter().flatten().flatten();
        descriptors
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .any(|path| path.to_string_lossy().contains("deleted"))
    };
    while !opened() && fs::metadata(world.path(PATH)).expect("a file").len() == before {
        std::thread::yield_now();
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(names(&world.path("secrets")), ["disk.img"]);
    assert_eq!(fs::metadata(world.path(PATH)).expect("a file").len(), before);
    assert!(world.read_bytes(PATH) == pattern(4 * MIB));
}

#[test]
fn memory_does_not_grow_with_the_file() {
    // In an unoptimised build the cipher takes a second for some megabytes.
    let sizes = if is_longer_run() { [64 * MIB, 1024 * MIB] } else { [LARGE, 6 * MIB] };
    let [small, large] = sizes.map(memory_each_way);
    for ((name, small), (_, large)) in small.iter().zip(&large) {
        println!("{name}: {} MiB for {} MiB, {} MiB for {}", small >> 10, sizes[0] / MIB, large >> 10, sizes[1] / MIB);
        assert!(*large < LIMIT, "{name} needs {large} KiB");
        assert!(*large < small + 6 * 1024, "{name} needs {small} KiB, then {large} KiB");
    }
}

/// Takes a file of this size through the commands and back, and tells how much memory each had.
fn memory_each_way(size: usize) -> Vec<(&'static str, u64)> {
    let world = World::new();
    let path = world.path(PATH);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let mut file = File::create(&path).expect("a file");
    // Not all zeros, and not on the disk as a whole.
    for place in (0..size).step_by(MIB) {
        file.seek(SeekFrom::Start(place as u64)).expect("a place");
        file.write_all(&pattern(4000)).expect("it is written");
    }
    file.set_len(size as u64).expect("a length");
    let mut told = Vec::new();
    let mut measure = |name: &'static str, arguments: &[&str], stdin: Option<&Path>| {
        let (outcome, _) = run_to(&world, arguments, stdin, &world.home().join("stdout"));
        assert_eq!(outcome.code, 0, "{name}: {}", outcome.stderr);
        told.push((name, outcome.memory));
    };
    let source = world.home().join("source");
    fs::copy(&path, &source).expect("a copy");
    measure("encrypt", &["encrypt", PATH], None);
    measure("decrypt to a pipe", &["decrypt", PATH], None);
    assert!(is_same(&world.home().join("stdout"), &source));
    if !is_longer_run() {
        return told;
    }
    measure("meta", &["meta", PATH, "--owner", "x"], None);
    measure("rekey", &["rekey", PATH, "--new-key", "--yes"], None);
    measure("encrypt a pipe", &["encrypt", "-", "--path", "secrets/other.img"], Some(&source));
    measure("decrypt in place", &["decrypt", PATH, "--in-place"], None);
    assert!(is_same(&path, &source));
    told
}

fn is_longer_run() -> bool {
    cases(1) >= 10
}

/// 64 MB, in KiB.
const LIMIT: u64 = 62_500;

fn pattern(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn body_in(file: &[u8]) -> &[u8] {
    let end = b"secret/v1 end\n";
    let start = file.windows(end.len()).position(|window| window == end).expect("a header");
    &file[start + end.len()..]
}

fn body_of(world: &World, path: &str) -> Vec<u8> {
    body_in(&world.read_bytes(path)).to_vec()
}

#[track_caller]
fn decrypted(world: &World, path: &str) -> Vec<u8> {
    let (outcome, content) = run(world, &["decrypt", path], None);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    content
}

fn run(world: &World, arguments: &[&str], stdin: Option<&Path>) -> (Run, Vec<u8>) {
    let output = world.home().join("stdout");
    let (outcome, output) = run_to(world, arguments, stdin, &output);
    (outcome, fs::read(output).expect("the output"))
}

/// Runs the program with files for standard input and output, and asks the system how much memory it had.
fn run_to(world: &World, arguments: &[&str], stdin: Option<&Path>, output: &Path) -> (Run, PathBuf) {
    const SCRIPT: &str = "import os, subprocess, sys\n\
        command = subprocess.Popen(sys.argv[3:], stdin=open(sys.argv[1]), stdout=open(sys.argv[2], 'w'))\n\
        _, status, usage = os.wait4(command.pid, 0)\n\
        print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)";
    let mut command = world.command(Path::new("python3"));
    command.args(["-c", SCRIPT]).arg(stdin.unwrap_or(Path::new("/dev/null"))).arg(output);
    let outcome = command.arg(env!("CARGO_BIN_EXE_secret")).args(arguments).output().expect("python runs");
    let said = String::from_utf8_lossy(&outcome.stdout);
    let (code, memory) = said.trim().split_once(' ').unwrap_or_else(|| panic!("{outcome:?}"));
    let stderr = String::from_utf8_lossy(&outcome.stderr).into_owned();
    let parsed = Run { code: code.parse().expect("a code"), stderr, memory: memory.parse().expect("a number") };
    (parsed, output.to_path_buf())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let [mut one, mut other] = [one, other].map(|path| File::open(path).expect("a file"));
    let [mut first, mut second] = std::array::from_fn(|_| vec![0; MIB]);
    loop {
        let count = one.read(&mut first).expect("it reads");
        if count == 0 {
            return other.read(&mut second).expect("it reads") == 0;
        }
        if other.read_exact(&mut second[..count]).is_err() || first[..count] != second[..count] {
            return false;
        }
    }
}
