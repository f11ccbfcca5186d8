//! Many files in one call: a folder is decrypted whole, all or none, on all cores.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::world::{DB, Outcome, World};

const FILE: &str = "secrets/db.yaml";

/// A world with this many encrypted files in several folders; each holds a value of its own.
fn forest(count: usize) -> World {
    let world = World::new();
    let paths: Vec<String> = (0..count).map(path).collect();
    for (index, path) in paths.iter().enumerate() {
        world.write(path, content(index));
    }
    world.secret(["-q", "encrypt"].into_iter().chain(paths.iter().map(String::as_str))).success();
    world.commit("a forest");
    world
}

fn path(index: usize) -> String {
    format!("secrets/team-{}/app-{index:03}.yaml", index % 3)
}

fn content(index: usize) -> String {
    format!("name: app-{index} # canary\npassword: canary-{index}\n")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_is_decrypted_whole() {
    let world = forest(40);
    let out = world.home().join("out");
    let outcome = world.secret(["decrypt", "secrets", "--output-dir", &out.display().to_string()]).success();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    assert_eq!(files(&out).len(), 40);
    for index in 0..40 {
        assert_eq!(fs::read_to_string(out.join(path(index))).expect("a plaintext"), content(index));
    }
    // Over its own outputs, from within the folder, and by another name of it.
    world.secret(["-C", "secrets", "decrypt", ".", "--output-dir", &out.display().to_string()]).success();
    let other = world.home().join("link");
    symlink(world.path("secrets"), &other).expect("a link");
    let other = other.display().to_string();
    world.secret(["decrypt", &other, "--output-dir", &out.display().to_string()]).success();
    assert_eq!(files(&out).len(), 40);
}

#[test]
fn one_forged_file_in_the_midst_keeps_all_others_from_being_written() {
    let world = forest(30);
    world.tamper(&path(17), "# generation = 1", "# generation = 2");
    let forged = path(17);
    world.refuses(
        ["decrypt", "secrets", "--output-dir", "out"],
        5,
        &format!(
            "error: {forged}: the wrapped key belongs to another generation of the data key\n\
             hint: readers and metadata are changed with `secret rekey` and `secret meta`, never by hand\n\
             hint: `git checkout HEAD -- {forged}` takes it back; if it is committed like that, `git log -- {forged}` \
             shows since when: `git checkout COMMIT~ -- {forged}`"
        ),
    );
    assert!(!world.path("out").exists());
}

#[test]
fn of_a_folder_every_failure_is_told_and_the_worst_one_counts() {
    let world = forest(9);
    // 1: a conflict. 4: for somebody else. 5: forged.
    let text = world.read(&path(0));
    world.write(&path(0), format!("<<<<<<< ours\n{text}=======\n{text}>>>>>>> theirs\n"));
    let refused = |code: i32, count: &str| {
        let outcome = world.secret(["decrypt", "secrets", "--output-dir", "out"]);
        assert_eq!(outcome.code, code, "{outcome:#?}");
        assert!(outcome.stderr.ends_with(count), "{outcome:#?}");
        assert!(!outcome.stderr.contains("canary") && !world.path("out").exists(), "{outcome:#?}");
    };
    refused(1, "or take one side with `git checkout --ours -- secrets/team-0/app-000.yaml`\n");
    let (stranger, _) = world.keygen("stranger");
    let outcome = world.secret(["-i", &stranger, "decrypt", "secrets", "--output-dir", "out"]);
    assert_eq!(outcome.code, 4, "{outcome:#?}");
    assert!(outcome.stderr.ends_with("error: 9 files failed\n"), "{outcome:#?}");
    world.tamper(&path(4), "# generation = 1", "# generation = 2");
    refused(5, "error: 2 files failed\n");
}

#[test]
fn what_is_not_encrypted_is_left_out_of_a_folder_unless_a_rule_is_for_it() {
    let world = World::with_db();
    world.write("public/readme", "for everybody\n");
    world.write("public/two", "x\n");
    symlink("../secrets/db.yaml", world.path("public/link.yaml")).expect("a link");
    let outcome = world.secret(["decrypt", "secrets", "public", "--output-dir", "run"]).success();
    assert_eq!(outcome.stderr, "left out 2 files that are not encrypted: public/readme, …\n");
    assert_eq!(files(&world.path("run")), [world.path("run/secrets/db.yaml")]);

    // The plaintexts of the last time stand in the folder, and are not read.
    let outcome = world.secret(["decrypt", ".", "--output-dir", "run"]).success();
    assert_eq!(outcome.stderr, "left out 3 files that are not encrypted: .secret.toml, …\n");
    assert_eq!(world.read("run/secrets/db.yaml"), DB);

    world.write("secrets/plain.yaml", DB);
    for arguments in [["decrypt", "secrets", "--output-dir", "run"], ["decrypt", ".", "--output-dir", "run"]] {
        world.refuses(
            arguments,
            1,
            "error: secrets/plain.yaml is not encrypted\nhint: encrypt it with `secret encrypt secrets/plain.yaml`",
        );
    }
    world.refuses(["decrypt", "public", "--output-dir", "other"], 1, "error: there is no encrypted file to decrypt");
    world.refuses(
        ["decrypt", "secrets"],
        1,
        "error: [WORLD]/repo/secrets is a folder, not a file\nhint: name a file in it\nhint: or decrypt all of it with --output-dir DIR",
    );
}

#[test]
fn two_repositories_and_a_file_outside_of_any_are_decrypted_in_one_call_each_by_its_own_rules() {
    let world = World::with_db();
    let other = world.home().join("other");
    fs::create_dir_all(other.join("secrets")).expect("folders");
    let other = other.display().to_string();
    let outside = world.home().join("loose.yaml");
    world.git(["init", "--quiet", "--initial-branch=main", &other]);
    world.secret(["-C", &other, "init", "--name", "alice", "--no-git"]).success();
    fs::write(format!("{other}/secrets/app.yaml"), "a: canary-app\n").expect("a file");
    fs::write(format!("{other}/secrets/loose.yaml"), "a: canary-loose\n").expect("a file");
    world.secret(["-C", &other, "-q", "encrypt", "secrets/app.yaml", "secrets/loose.yaml"]).success();
    fs::rename(format!("{other}/secrets/loose.yaml"), &outside).expect("a move");
    let outside = outside.display().to_string();

    let all = ["decrypt", "secrets", &other, &outside, "--output-dir", "run"];
    assert_eq!(
        world.secret(all).success().stderr,
        "left out ../home/other/.secret.toml, which is not encrypted\n".replace("../home/other", &other)
    );
    let written = [FILE, "secrets/app.yaml", "secrets/loose.yaml"].map(|path| world.read(&format!("run/{path}")));
    assert_eq!(written, [DB, "a: canary-app\n", "a: canary-loose\n"]);

    // In its own repository each file has to stand where it belongs, wherever the first one stands.
    fs::rename(format!("{other}/secrets/app.yaml"), format!("{other}/moved.yaml")).expect("a move");
    let Outcome { code, stderr, .. } = world.secret(all);
    assert_eq!(code, 5, "{stderr}");
    assert!(stderr.contains("/moved.yaml was encrypted as secrets/app.yaml"), "{stderr}");
    // A repository in a repository is one of its own, also when the outer one was met first.
    fs::rename(&other, world.path("nested")).expect("a move");
    let Outcome { code, stderr, .. } = world.secret(["decrypt", "secrets", "nested", "--output-dir", "run"]);
    assert_eq!(code, 5, "{stderr}");
    assert!(stderr.contains("nested/moved.yaml was encrypted as secrets/app.yaml"), "{stderr}");
    fs::rename(world.path("nested/moved.yaml"), world.path("nested/secrets/app.yaml")).expect("a move");
    world.secret(["decrypt", "secrets", "nested", "--output-dir", "run"]).success();
}

#[test]
fn a_passphrase_is_asked_for_once_for_many_files_that_are_opened_at_the_same_time() {
    let world = forest(8);
    let key = world.home().join("locked.key").display().to_string();
    let passphrase = "correct horse\r";
    let questions = [("passphrase for the new identity", passphrase), ("again", passphrase)];
    let (code, screen) = world.at_terminal(&["keygen", "--passphrase", "-o", &key], &[], &questions);
    assert_eq!(code, 0, "{screen}");
    let recipient = screen.lines().last().expect("the recipient");
    world.secret(["member", "add", "carol", recipient, "--group", "team"]).success();
    world.commit("carol");
    world.secret(["-q", "rekey", "--yes"]).success();
    let decrypt = ["-i", &key, "decrypt", "secrets", "--output-dir", "run"];
    let (code, screen) = world.at_terminal(&decrypt, &[], &[("passphrase for ", passphrase)]);
    assert_eq!((code, screen.matches("[hidden]").count()), (0, 1), "{screen}");
    assert_eq!(files(&world.path("run")).len(), 8);
}

#[test]
fn where_the_system_allows_few_open_files_a_tree_is_written_in_parts() {
    let world = forest(60);
    let mut command = world.command(Path::new("/bin/sh"));
    command.args(["-c", "ulimit -n 340 && exec \"$0\" decrypt secrets --output-dir run", env!("CARGO_BIN_EXE_secret")]);
    let output = command.output().expect("a shell");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for index in 0..60 {
        assert_eq!(world.read(&format!("run/{}", path(index))), content(index));
    }
}

#[test]
fn plaintexts_that_are_too_large_to_be_held_together_are_opened_twice() {
    let world = World::new();
    let size = 9 << 20;
    for name in ["a", "b"] {
        world.write(&format!("secrets/{name}.bin"), [&[0xff], name.repeat(size).as_bytes()].concat());
    }
    world.secret(["-q", "encrypt", "secrets/a.bin", "secrets/b.bin"]).success();
    world.secret(["decrypt", "secrets", "--output-dir", "run"]).success();
    for name in ["a", "b"] {
        let plaintext = world.read_bytes(&format!("run/secrets/{name}.bin"));
        assert!(plaintext.len() == size + 1 && plaintext[1..].iter().all(|byte| *byte == name.as_bytes()[0]));
    }
}

#[test]
fn a_link_in_the_repository_does_not_choose_which_folder_is_decrypted() {
    let world = World::with_db();
    let outside = world.home().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::copy(world.path(FILE), outside.join("db.yaml")).expect("a copy");
    symlink(&outside, world.path("out")).expect("a link");
    symlink("secrets", world.path("alias")).expect("a link");
    world.refuses(
        ["decrypt", "out", "--output-dir", "run"],
        1,
        "error: [WORLD]/repo/out leads out of [WORLD]/repo\n\
         hint: nothing is read or written outside of the repository",
    );
    let outcome = world.secret(["decrypt", "alias", "--output-dir", "run"]);
    assert_eq!((outcome.code, world.path("run").exists()), (5, false), "{outcome:#?}");
}
