//! `secret git merge` as git's merge driver, in real repositories: merges, rebases, cherry-picks.

use std::path::Path;

use crate::repositories::FORMATS;
use crate::world::{DB, World};

pub const FILE: &str = "secrets/db.yaml";

impl World {
    /// Has git merge with the driver, as an installation would.
    pub fn with_driver(self) -> Self {
        let driver = format!("'{}' git merge %O %A %B --path %P --marker-size %L", env!("CARGO_BIN_EXE_secret"));
        self.git(["config", "merge.secret.driver", &driver]);
        self.write(".gitattributes", "secrets/** merge=secret -text\n");
        self.commit("the driver");
        self
    }

    /// Does something on a new branch, and something else on the old one, and commits both.
    pub fn with_branches(self, theirs: impl Fn(&Self), ours: impl Fn(&Self)) -> Self {
        self.git(["checkout", "--quiet", "-b", "side"]);
        theirs(&self);
        self.commit("theirs");
        self.git(["checkout", "--quiet", "main"]);
        ours(&self);
        self.commit("ours");
        self
    }

    /// Leaves a merge with a conflict about `db.password`, made by stock git.
    pub fn with_conflict(self) -> Self {
        let world = self.with_branches(
            |world| world.set("db.password", "canary theirs"),
            |world| world.set("db.password", "canary ours"),
        );
        assert_eq!(world.try_git(&["merge", "--quiet", "side"]).code, 1);
        world
    }

    pub fn set(&self, key: &str, value: &str) {
        self.secret_with(["set", FILE, key, "--stdin"], value, &[]).success();
    }

    pub fn plaintext(&self) -> String {
        self.secret(["decrypt", FILE]).success().stdout
    }
}

/// A world in which a variable keeps every identity away.
const NOBODY: [(&str, &str); 1] = [("SECRET_IDENTITY_FILE", "/nonexistent")];

#[test]
fn neighbours_changed_on_two_branches_merge_without_any_identity() {
    let world = World::with_db()
        .with_driver()
        .with_branches(|world| world.set("db.password", "theirs"), |world| world.set("db.user", "ours"));
    let conflicts = world.copy();
    conflicts.git(["config", "--unset", "merge.secret.driver"]);
    assert_eq!(conflicts.try_git(&["merge", "--quiet", "side"]).code, 1, "stock git takes neighbours for a conflict");

    let lines = |revision: &str| world.git(["show", &format!("{revision}:{FILE}")]);
    let (ours, theirs) = (lines("main"), lines("side"));
    let outcome = world.try_git_with(&["merge", "--quiet", "side"], &NOBODY);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(world.plaintext(), "db:\n  user: ours # canary comment\n  password: \"theirs\"\n  port: 5432\n");
    let merged = world.read(FILE);
    assert!(merged.lines().all(|line| ours.contains(line) || theirs.contains(line)), "ciphertext is copied\n{merged}");
}

#[test]
fn the_driver_that_the_installation_sets_merges_and_its_conflicts_are_settled_in_repositories_of_every_format() {
    let folder = Path::new(env!("CARGO_BIN_EXE_secret")).parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").expect("there is one"));
    let installed = [("PATH", path.as_str())];
    for format in FORMATS {
        let world = World::of_format(format);
        world.secret(["git", "install"]).success();
        world.commit("installed");
        let world = world.with_branches(
            |world| {
                world.set("db.password", "theirs");
                world.commit("no conflict yet");
                world.set("db.port", "1");
            },
            |world| {
                world.set("db.user", "ours");
                world.commit("no conflict yet");
                world.set("db.port", "2");
            },
        );
        let merge = |revision| world.try_git_with(&["merge", "--quiet", revision], &installed);
        let clean = merge("side~1");
        assert_eq!((clean.code, clean.stderr.as_str()), (0, ""), "{format}");
        assert_eq!(
            world.plaintext(),
            "db:\n  user: ours # canary comment\n  password: \"theirs\"\n  port: '2'\n",
            "{format}"
        );
        let conflict = merge("side");
        assert_eq!(
            (conflict.code, conflict.stderr.as_str()),
            (
                1,
                "error: secrets/db.yaml: 1 conflict\n  db.port: changed on both sides\n\
                 hint: settle it with `secret resolve secrets/db.yaml`, then `git add secrets/db.yaml`\n"
            ),
            "{format}"
        );
        // Without the versions in the index there would be none to take the other side's value from.
        world.write(FILE, world.git(["show", &format!(":2:{FILE}")]));
        world.secret(["resolve", FILE, "--theirs", "db.port"]).success();
        world.git(["add", FILE]);
        let commit = world.try_git_with(&["commit", "--quiet", "--no-edit"], &installed);
        assert_eq!((commit.code, commit.stderr.as_str()), (0, ""), "{format}: the hook finds nothing");
        assert_eq!(world.secret(["get", FILE, "db.port"]).success().stdout, "1", "{format}");
    }
}

#[test]
fn a_key_added_beside_a_changed_one_is_sealed_again_to_the_same_readers() {
    let world = World::with_db().with_driver().with_branches(
        |world| world.set("db.port", "1"),
        |world| {
            world.write("plain", DB.replace("  port", "  host: added\n  port"));
            world.secret(["edit", FILE, "--from", "plain"]).success();
            std::fs::remove_file(world.path("plain")).expect("it is there");
        },
    );
    let before = world.read(FILE);
    let without = world.copy().try_git_with(&["merge", "--quiet", "side"], &NOBODY);
    assert_eq!(without.code, 1);
    assert!(without.stderr.contains("no identity opens the file"), "{without:#?}");

    world.git(["merge", "--quiet", "side"]);
    assert!(world.plaintext().contains("  host: added\n  port: '1'\n"), "{}", world.plaintext());
    let merged = world.read(FILE);
    let changed = merged.lines().filter(|line| !before.contains(line)).count();
    assert_eq!(changed, 1, "only the token behind the new one is another\n{merged}");
}

#[test]
fn a_conflict_names_its_keys_and_stands_as_ciphertext_between_markers() {
    let world = World::with_db().with_driver().with_branches(
        |world| {
            world.set("db.password", "canary theirs");
            world.secret(["unset", FILE, "db.port"]).success();
        },
        |world| {
            world.set("db.password", "canary ours");
            world.set("db.port", "6543");
        },
    );
    let outcome = world.try_git(&["merge", "--quiet", "side"]);
    assert_eq!(
        outcome.stderr,
        "error: secrets/db.yaml: 2 conflicts\n  \
         db.password: changed on both sides\n  \
         db.port: removed by theirs, changed by ours\n\
         hint: settle it with `secret resolve secrets/db.yaml`, then `git add secrets/db.yaml`\n"
    );
    let marked = world.read(FILE);
    let body: Vec<&str> = marked.lines().skip_while(|line| *line != "db:").collect();
    let short: Vec<&str> = body.iter().map(|line| line.split("secret-v1").next().unwrap_or_default()).collect();
    assert_eq!(
        short,
        [
            "db:",
            "  user: ",
            "<<<<<<< ours: db.password",
            "  password: ",
            "=======",
            "  password: ",
            ">>>>>>> theirs: db.password",
            "<<<<<<< ours: db.port",
            "  port: ",
            "=======",
            ">>>>>>> theirs: db.port",
        ]
    );
    assert!(!marked.contains("canary"));
    world.refuses(
        ["decrypt", FILE],
        1,
        &format!(
            "error: secrets/db.yaml: line {}: git left a conflict here\n\
             hint: settle it with `secret resolve secrets/db.yaml`, or take one side with `git checkout --ours -- secrets/db.yaml`",
            world.line_of(FILE, "<<<<<<< ")
        ),
    );
}

#[test]
fn metadata_of_both_sides_is_merged_by_field() {
    let world = World::with_db().with_driver().with_branches(
        |world| {
            world.secret(["meta", FILE, "--owner", "ops", "--tag", "a=1"]).success();
            world.set("db.port", "1");
        },
        |world| drop(world.secret(["meta", FILE, "--purpose", "tests", "--tag", "b=2"]).success()),
    );
    world.git(["merge", "--quiet", "side"]);
    let info = world.secret(["info", FILE, "--json"]).success().stdout;
    for part in ["\"owner\": \"ops\"", "\"purpose\": \"tests\"", "\"a\": \"1\"", "\"b\": \"2\"", "\"revision\": 3"] {
        assert!(info.contains(part), "{part}\n{info}");
    }
    assert_eq!(world.secret(["get", FILE, "db.port"]).success().stdout, "1");
    world.set("db.port", "2");
}

#[test]
fn metadata_that_both_sides_changed_is_a_conflict_in_the_header() {
    let world = World::with_db().with_driver().with_branches(
        |world| drop(world.secret(["meta", FILE, "--owner", "ops"]).success()),
        |world| drop(world.secret(["meta", FILE, "--owner", "dev"]).success()),
    );
    let outcome = world.try_git(&["merge", "--quiet", "side"]);
    assert!(outcome.stderr.contains("1 conflict\n  header:owner: changed on both sides\n"), "{outcome:#?}");
    world.secret(["resolve", FILE, "--theirs", "header:owner"]).success();
    assert!(world.secret(["info", FILE]).success().stdout.contains("owner     ops"));
}

#[test]
fn who_was_removed_on_one_side_does_not_come_back() {
    for is_ours in [true, false] {
        let world = World::with_db();
        let bob = world.joins("bob");
        world.secret(["rekey", "--yes", "--add", "bob"]).success();
        let world = world.with_driver();
        let remove = |world: &World| {
            let policy = world.read(".secret.toml");
            world.write(".secret.toml", policy.replace("\"alice\", \"bob\"", "\"alice\""));
            world.secret(["rekey", "--yes"]).success();
        };
        let change = |world: &World| {
            world.set("db.password", "canary not for bob");
            world.secret(["meta", FILE, "--owner", "ops"]).success();
        };
        let world = if is_ours { world.with_branches(change, remove) } else { world.with_branches(remove, change) };
        assert_eq!(world.copy().secret(["-i", &bob, "get", FILE, "db.port"]).code, if is_ours { 4 } else { 0 });

        let outcome = world.try_git(&["merge", "--quiet", "side"]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
        let info = world.secret(["info", FILE]).success().stdout;
        let info: Vec<&str> = info.split_whitespace().collect();
        let info = info.join(" ");
        assert!(info.contains("readers alice owner ops ") && info.contains("generation 2"), "{info}");
        assert_eq!(world.secret(["get", FILE, "db.password"]).success().stdout, "canary not for bob");
        assert_eq!(world.secret(["-i", &bob, "get", FILE, "db.password"]).code, 4);
        world.set("db.password", "as always");
    }
}

#[test]
fn a_reader_added_beside_a_new_data_key_is_left_out_and_it_is_said() {
    let world = World::with_db();
    let (carol, recipient) = world.keygen("carol");
    let world = world.with_driver().with_branches(
        |world| {
            world.secret(["member", "add", "carol", &recipient, "--group", "team"]).success();
            world.secret(["rekey", "--yes", "--add", "carol"]).success();
        },
        |world| drop(world.secret(["rekey", "--new-key", "--yes"]).success()),
    );
    let outcome = world.try_git(&["merge", "--quiet", "side"]);
    assert_eq!(outcome.code, 0, "{outcome:#?}");
    assert_eq!(
        outcome.stderr,
        "warning: secrets/db.yaml: carol was added under the data key that the other side replaced, and cannot read it; \
         `secret rekey` adds who is in the policy\n"
    );
    assert_eq!(world.secret(["-i", &carol, "get", FILE, "db.port"]).code, 4);
    world.secret(["rekey", "--yes", "--add", "carol"]).success();
    assert_eq!(world.secret(["-i", &carol, "get", FILE, "db.port"]).code, 0);
}

#[test]
fn two_new_data_keys_are_never_merged() {
    let rekey = |world: &World| drop(world.secret(["rekey", "--new-key", "--yes"]).success());
    let world = World::with_db().with_driver().with_branches(rekey, rekey);
    let ours = world.read(FILE);
    let outcome = world.try_git(&["merge", "--quiet", "side"]);
    assert_eq!(outcome.code, 1);
    let said = "error: secrets/db.yaml: 1 conflict\n  \
                header:generation: both sides made a new data key, and nobody can tell which one to trust\n\
                hint: take your side with `git checkout --ours -- secrets/db.yaml`, then run `secret rekey \
                secrets/db.yaml`: it takes out whom the merged policy no longer names; then set what the other side changed\n\
                hint: then commit, run `secret rekey --new-key secrets/db.yaml`, commit, and once more: \
                only a key behind one that nobody else made is beyond doubt\n";
    assert_eq!(outcome.stderr, said);
    assert!(world.read(FILE).contains("<<<<<<< "));
    world.refuses(["resolve", FILE, "--all-ours"], 1, said);
    // The way that the hints show.
    world.git(["checkout", "--ours", "--", FILE]);
    assert_eq!(world.read(FILE), ours);
    world.secret(["rekey", FILE]).success();
    world.set("db.user", "theirs");
    world.commit("merged");
    for _ in 0..2 {
        world.secret(["rekey", "--new-key", FILE, "--yes"]).success();
        world.commit("rekeyed");
    }
    world.set("db.port", "1");
}

#[test]
fn two_removals_are_merged_as_the_hints_show_and_the_hook_lets_each_step_pass() {
    let world = World::with_db().with_driver();
    world.joins("bob");
    let carol = world.keygen("carol").1;
    world.secret(["member", "add", "carol", &carol, "--group", "team"]).success();
    world.commit("both");
    world.secret(["rekey", "--yes"]).success();
    world.commit("rekey");
    let remove =
        |name: &'static str| move |world: &World| drop(world.secret(["member", "remove", name, "--yes"]).success());
    let world = world.with_branches(remove("bob"), remove("carol"));
    assert_eq!(world.try_git(&["merge", "--quiet", "side"]).code, 1);
    let policy = world.git(["show", "main:.secret.toml"]).replace(", \"bob\"", "");
    let lines: Vec<&str> = policy.lines().filter(|line| !line.starts_with("bob")).collect();
    world.write(".secret.toml", lines.join("\n") + "\n");
    let commit = |message: &str| {
        world.git(["add", "--all"]);
        world.secret(["verify", "--staged"]).success();
        world.commit(message);
    };
    world.git(["checkout", "--ours", "--", FILE]);
    world.git(["add", "--all"]);
    assert_eq!(world.secret(["verify", "--staged"]).code, 3, "bob still reads our side's file");
    world.secret(["rekey", FILE]).success();
    world.set("db.user", "theirs");
    commit("merged");
    for _ in 0..2 {
        world.secret(["rekey", "--new-key", FILE]).success();
        commit("rekeyed");
    }
    let who = world.secret(["who", FILE]).success().stdout;
    assert_eq!(who.lines().filter(|line| !line.contains("no longer")).collect::<Vec<_>>(), ["alice"]);
}

#[test]
fn a_side_in_plaintext_is_never_taken() {
    let world = World::with_db().with_driver().with_branches(
        |world| world.set("db.port", "1"),
        |world| drop(world.secret(["decrypt", "--in-place", FILE]).success()),
    );
    let plaintext = world.read(FILE);
    let outcome = world.try_git(&["merge", "--quiet", "side"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stderr.contains("error: secrets/db.yaml (ours) is not encrypted"), "{outcome:#?}");
    assert_eq!(world.read(FILE), plaintext);
}

#[test]
fn a_rebase_and_a_cherry_pick_merge_by_key() {
    let world = World::with_db().with_driver().with_branches(
        |world| {
            world.set("db.password", "theirs");
            world.commit("one");
            world.set("db.added", "theirs");
        },
        |world| world.set("db.user", "ours"),
    );
    let expected = "db:\n  user: ours # canary comment\n  password: \"theirs\"\n  port: 5432\n  added: theirs\n";
    let rebased = world.copy();
    rebased.git(["rebase", "--quiet", "main", "side"]);
    assert_eq!(rebased.plaintext(), expected);
    let picked = world.copy();
    picked.git(["cherry-pick", "main..side"]);
    assert_eq!(picked.plaintext(), expected);
}

#[test]
fn every_format_merges_with_the_driver() {
    let files = [
        ("secrets/app.env", "A=one\nB=two\nC=three\n", "B", "A", "A=ours\nB=theirs\nC=three\n"),
        ("secrets/app.ini", "[s]\na = one\nb = two\n", "s.b", "s.a", "[s]\na = ours\nb = theirs\n"),
        ("secrets/app.toml", "a = \"one\"\nb = \"two\"\n", "b", "a", "a = \"ours\"\nb = \"theirs\"\n"),
        ("secrets/app.json", "{\"a\": \"one\", \"b\": \"two\"}\n", "b", "a", "{\"a\": \"ours\", \"b\": \"theirs\"}\n"),
        ("secrets/app.yaml", "a: one\nb: two\n", "b", "a", "a: ours\nb: theirs\n"),
    ];
    let world = files.iter().fold(World::new(), |world, file| world.with_file(file.0, file.1)).with_driver();
    let set = |world: &World, file: &str, key: &str, value: &str| {
        world.secret_with(["set", file, key, "--stdin"], value, &[]).success();
    };
    let world = world.with_branches(
        |world| files.iter().for_each(|(file, _, key, ..)| set(world, file, key, "theirs")),
        |world| files.iter().for_each(|(file, _, _, key, _)| set(world, file, key, "ours")),
    );
    world.git(["merge", "--quiet", "side"]);
    for (file, .., merged) in files {
        assert_eq!(world.secret(["decrypt", file]).success().stdout, merged, "{file}");
    }
}

#[test]
fn a_key_that_both_sides_add_at_two_places_is_a_conflict_also_where_the_format_has_it_twice() {
    const INI: &str = "secrets/app.ini";
    let plaintext = |key: &str| format!("[s]\n{key}a = 1\nb = 2\nc = 3\nd = 4\ne = 5\nf = 6\n");
    let edit = |world: &World, plaintext: &str| {
        world.write("plain", plaintext);
        world.secret(["edit", INI, "--from", "plain"]).success();
        std::fs::remove_file(world.path("plain")).expect("it is there");
    };
    let world = World::new().with_file(INI, &plaintext("")).with_driver().with_branches(
        |world| edit(world, &(plaintext("") + "new = theirs\n")),
        |world| edit(world, &plaintext("new = ours\n")),
    );
    let outcome = world.try_git(&["merge", "--quiet", "side"]);
    assert!(
        outcome.stderr.contains("1 conflict\n  s.new: added on both sides, with different values\n"),
        "{outcome:#?}"
    );
    world.secret(["resolve", INI, "--theirs", "s.new"]).success();
    assert_eq!(world.secret(["decrypt", INI]).success().stdout, plaintext("") + "new = theirs\n");
}

#[test]
fn an_opaque_file_is_a_conflict_unless_one_side_left_its_content() {
    const BLOB: &str = "secrets/key.bin";
    let replace = |world: &World, content: &str| {
        world.write("plain", content);
        world.secret(["encrypt", "plain", "-o", BLOB]).success();
        std::fs::remove_file(world.path("plain")).expect("it is there");
    };
    let start = || World::new().with_file(BLOB, "\0first").with_driver();
    let meta = |world: &World| drop(world.secret(["meta", BLOB, "--owner", "ops"]).success());
    let world = start().with_branches(|world| replace(world, "\0theirs"), meta);
    let outcome = world.try_git_with(&["merge", "--quiet", "side"], &NOBODY);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""));
    assert_eq!(world.secret(["decrypt", BLOB]).success().stdout, "\0theirs");
    assert!(world.secret(["info", BLOB]).success().stdout.contains("owner     ops"));

    let rekey = |world: &World| drop(world.secret(["rekey", "--new-key", "--yes"]).success());
    let world = start().with_branches(|world| replace(world, "\0theirs"), rekey);
    world.git(["merge", "--quiet", "side"]);
    assert_eq!(world.secret(["decrypt", BLOB]).success().stdout, "\0theirs");

    let world = start().with_branches(|world| replace(world, "\0theirs"), |world| replace(world, "\0ours"));
    let ours = world.read_bytes(BLOB);
    let outcome = world.try_git(&["merge", "--quiet", "side"]);
    assert!(outcome.stderr.contains("1 conflict\n  the content: changed on both sides\n"), "{outcome:#?}");
    assert_eq!(world.read_bytes(BLOB), ours);
    world.secret(["resolve", BLOB, "--all-theirs"]).success();
    assert_eq!(world.secret(["decrypt", BLOB]).success().stdout, "\0theirs");
}
