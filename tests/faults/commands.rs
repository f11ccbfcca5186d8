//! The commands that write, each in its world; and what "old or new" means for it.

use std::fs;

use crate::campaign::{State, Subject, expect, run};
use crate::files::{self, Files};
use crate::world::{DB, World};

const DB_FILE: &str = "secrets/db.yaml";
const IN_WORLD: &str = "repo/secrets/db.yaml";

#[test]
fn encrypt() {
    run(&Encrypt);
}

#[test]
fn set() {
    run(&Set);
}

#[test]
fn rotate() {
    run(&Rotate);
}

#[test]
fn edit() {
    run(&Edit);
}

#[test]
fn rekey() {
    run(&Rekey);
}

#[test]
fn decrypt_in_place() {
    run(&DecryptInPlace);
}

#[test]
fn meta() {
    run(&Meta);
}

#[test]
fn mv() {
    run(&Mv);
}

#[test]
fn init() {
    run(&Init);
}

/// The file is the plaintext as it was, or opens to it.
struct Encrypt;

impl Subject for Encrypt {
    fn name(&self) -> &'static str {
        "encrypt"
    }

    fn world(&self) -> World {
        let world = World::with_db();
        world.write("secrets/new.yaml", DB);
        world
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["encrypt", "secrets/new.yaml"]
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        only(before, now, &["repo/secrets/new.yaml"])?;
        opens_to(world, "secrets/new.yaml", DB)
    }

    fn go_on(&self, world: &World) -> Result<(), String> {
        let again = world.secret(self.arguments());
        match again.code {
            0 => Ok(()),
            _ => expect(again, 1, "error: secrets/new.yaml is encrypted already\nhint: "),
        }
    }

    fn may_be_plaintext(&self, path: &str) -> bool {
        path == "repo/secrets/new.yaml"
    }
}

/// The file is byte by byte what it was, or opens to the text with the new value.
struct Set;

impl Subject for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn world(&self) -> World {
        World::with_db()
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["set", DB_FILE, "db.password", "--stdin"]
    }

    fn stdin(&self) -> &'static str {
        "canary-hunter3"
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        only(before, now, &[IN_WORLD])?;
        opens_to(world, DB_FILE, &DB.replace("hunter2", "hunter3"))
    }
}

/// As `set`, but for what comes after it.
struct Rotate;

impl Subject for Rotate {
    fn name(&self) -> &'static str {
        "rotate"
    }

    fn world(&self) -> World {
        World::with_db()
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["rotate", DB_FILE, "db.password", "--stdin"]
    }

    fn stdin(&self) -> &'static str {
        "canary-hunter3"
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        only(before, now, &[IN_WORLD])?;
        opens_to(world, DB_FILE, &DB.replace("hunter2", "hunter3"))
    }

    /// Once it is done, doing it again is refused: the value would stay what it is.
    fn go_on(&self, world: &World) -> Result<(), String> {
        let is_done = world.secret(["get", DB_FILE, "db.password"]).stdout == self.stdin();
        let outcome = world.secret_with(self.arguments(), self.stdin(), &[]);
        if is_done { expect(outcome, 1, "error: the new value of db.password") } else { expect(outcome, 0, "") }
    }
}

/// As `set`; what was typed and not saved is a draft. An editor that runs changes the text and writes a file of its own.
struct Edit;

impl Subject for Edit {
    fn name(&self) -> &'static str {
        "edit"
    }

    fn world(&self) -> World {
        let world = World::with_db();
        world.editor(
            "sed -i 's/hunter2/hunter3/' \"$1\"; cp \"$1\" \"$TMPDIR/copy\"; : > \"$(dirname \"$0\")/.cache/secret/edited\"",
        );
        fs::create_dir_all(world.home().join(".cache/secret")).expect("folders");
        world
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["edit", DB_FILE]
    }

    fn variables(&self, world: &World) -> Vec<(String, String)> {
        vec![("EDITOR".to_owned(), format!("/bin/sh {}", world.home().join("editor.sh").display()))]
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        only(before, now, &[IN_WORLD])?;
        opens_to(world, DB_FILE, &DB.replace("hunter2", "hunter3"))
    }

    /// What was typed and not saved is a draft, or it is said why there is none.
    fn failure(&self, world: &World, now: &Files, stderr: &str, state: State) -> Result<(), String> {
        if state != State::Old || now.get("home/.cache/secret/edited").is_none() {
            return Ok(());
        }
        match now.drafts()[..] {
            [draft] if stderr.contains("what you typed is kept") => {
                let mut age = world.command("age".as_ref());
                age.args(["-d", "-i"]).arg(files::root(world).join(IDENTITY)).arg(files::root(world).join(draft));
                match age.output() {
                    Ok(opened) if !String::from_utf8_lossy(&opened.stdout).contains("hunter3") => {
                        Err(format!("the draft is not what was typed: {opened:?}"))
                    }
                    // Without age, that the draft is there has to do.
                    _ => Ok(()),
                }
            }
            [] if stderr.contains("what you typed could not be kept") => Ok(()),
            _ => Err("what was typed is lost without a word".to_owned()),
        }
    }

    fn signals(&self) -> &'static [&'static str] {
        &["HUP", "INT", "TERM"]
    }
}

/// Each of the three files is byte by byte what it was, or opens to the same text under a new key without bob. Whoever
/// writes next, whatever it is, finishes or undoes what was begun: then all three are old, or all are new.
struct Rekey;

const REKEYED: [&str; 3] = ["secrets/a/one.env", "secrets/b/two.json", "secrets/db.yaml"];

impl Subject for Rekey {
    fn name(&self) -> &'static str {
        "rekey"
    }

    fn world(&self) -> World {
        let world = World::new();
        let (_, bob) = world.keygen("bob");
        world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
        world.commit("bob joins");
        let world = world
            .with_file(REKEYED[0], "ONE=canary-1\n")
            .with_file(REKEYED[1], "{\"two\": \"canary-2\"}\n")
            .with_file(REKEYED[2], DB);
        fs::remove_file(world.home().join("bob.key")).expect("bob keeps it elsewhere");
        let policy = world.read(".secret.toml");
        let without: Vec<&str> = policy.lines().filter(|line| !line.starts_with("bob = ")).collect();
        world.write(".secret.toml", without.join("\n").replace(", \"bob\"", "") + "\n");
        world.commit("bob leaves");
        world
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["rekey", "--yes"]
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        only(before, now, &REKEYED.map(|path| format!("repo/{path}")).each_ref().map(String::as_str))?;
        let changed = now.changes(before);
        let texts = ["ONE=canary-1\n", "{\"two\": \"canary-2\"}\n", DB];
        for (path, text) in REKEYED.iter().zip(texts) {
            if changed.contains(&format!("repo/{path}")) {
                opens_to(world, path, text)?;
                let info = world.secret(["info", path]);
                if info.code != 0 || !info.stdout.contains("alice") || !info.stdout.contains("generation 2") {
                    return Err(format!("{info:#?}"));
                }
            }
        }
        Ok(if changed.len() == REKEYED.len() { State::New } else { State::Between })
    }

    /// Where the system does not say whether the storage keeps what was done.
    fn may_be_left(&self, path: &str) -> bool {
        path == "repo/.git/secret-journal"
    }

    fn go_on(&self, world: &World) -> Result<(), String> {
        let texts = || REKEYED.map(|path| world.read(path));
        // Who only reads is not kept from it, and leaves what was begun to others.
        let before = texts();
        for path in REKEYED {
            expect(world.secret(["who", path]), 0, "")?;
        }
        expect(world.secret(["ls"]), 0, "")?;
        if before != texts() {
            return Err("a command that reads has written".to_owned());
        }
        expect(world.secret(["group", "add", "others", "alice"]), 0, "")?;
        let generations = texts().map(|text| text.contains("generation = 2") || text.contains("\"generation\": 2"));
        if generations.iter().any(|is_new| *is_new != generations[0]) {
            return Err(format!("some are old and some are new: {generations:?}"));
        }
        if world.path(".git/secret-journal").exists() {
            return Err("the journal is still there".to_owned());
        }
        expect(world.secret(["group", "remove", "others"]), 0, "")?;
        expect(world.secret(self.arguments()), 0, "")?;
        expect(world.secret(["rekey", "--check"]), 0, "")
    }
}

/// Each of the two files is byte by byte what it was, or the plaintext, which nobody else may read.
struct DecryptInPlace;

const DECRYPTED: [(&str, &str); 2] = [(DB_FILE, DB), ("secrets/app.env", "APP=canary\n")];

impl Subject for DecryptInPlace {
    fn name(&self) -> &'static str {
        "decrypt --in-place"
    }

    fn world(&self) -> World {
        DECRYPTED.iter().fold(World::new(), |world, (path, text)| world.with_file(path, text))
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["decrypt", "--in-place", DECRYPTED[0].0, DECRYPTED[1].0]
    }

    fn state(&self, _world: &World, before: &Files, now: &Files) -> Result<State, String> {
        let changed = now.changes(before);
        for path in &changed {
            let expected = DECRYPTED.iter().find(|(name, _)| format!("repo/{name}") == *path);
            let found = now.get(path).map(|file| (file.content.as_slice(), file.mode));
            if expected.is_none() || expected.map(|(_, text)| (text.as_bytes(), 0o600)) != found {
                return Err(path.clone());
            }
        }
        Ok(if changed.len() == DECRYPTED.len() { State::New } else { State::Between })
    }

    /// What is in plaintext already is refused, and the others are decrypted without it.
    fn go_on(&self, world: &World) -> Result<(), String> {
        for (path, text) in DECRYPTED {
            let outcome = world.secret(["decrypt", "--in-place", path]);
            if world.read(path) != *text || outcome.code != 0 {
                expect(outcome, 1, &format!("error: {path} is not encrypted\nhint: "))?;
            }
        }
        Ok(())
    }

    fn may_be_plaintext(&self, path: &str) -> bool {
        DECRYPTED.iter().any(|(name, _)| path.strip_prefix("repo/") == Some(name))
    }
}

/// The file is byte by byte what it was, or opens to the same text and names the owner.
struct Meta;

impl Subject for Meta {
    fn name(&self) -> &'static str {
        "meta"
    }

    fn world(&self) -> World {
        World::with_db()
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["meta", DB_FILE, "--owner", "payments"]
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        only(before, now, &[IN_WORLD])?;
        opens_to(world, DB_FILE, DB)?;
        if world.read(DB_FILE).contains("owner = \"payments\"") { Ok(State::New) } else { Err("no owner".to_owned()) }
    }
}

/// The file is at the old path, byte by byte what it was, or at the new one and says so; or at both, and the next `mv`
/// removes the old one.
struct Mv;

const MOVED: &str = "secrets/deeper/other.yaml";

impl Subject for Mv {
    fn name(&self) -> &'static str {
        "mv"
    }

    fn world(&self) -> World {
        World::with_db()
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["mv", DB_FILE, MOVED]
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        let moved = format!("repo/{MOVED}");
        only(before, now, &[IN_WORLD, &moved])?;
        if now.get(&moved).is_none() {
            return Err("it is nowhere".to_owned());
        }
        opens_to(world, MOVED, DB)?;
        match now.get(IN_WORLD) {
            None => Ok(State::New),
            old if old == before.get(IN_WORLD) => Ok(State::Between),
            _ => Err("the old file was changed".to_owned()),
        }
    }

    fn go_on(&self, world: &World) -> Result<(), String> {
        if world.path(DB_FILE).exists() {
            return expect(world.secret(self.arguments()), 0, "");
        }
        expect(world.secret(self.arguments()), 1, "error: ")?;
        expect(world.secret(["meta", MOVED, "--owner", "payments"]), 0, "")
    }
}

/// There is nothing, or an identity and no policy yet, or both; each whole.
struct Init;

const IDENTITY: &str = "home/.config/secret/identities.txt";

impl Subject for Init {
    fn name(&self) -> &'static str {
        "init"
    }

    fn world(&self) -> World {
        World::empty()
    }

    fn arguments(&self) -> &'static [&'static str] {
        &["init", "--name", "alice", "--no-git"]
    }

    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String> {
        only(before, now, &[IDENTITY, "repo/.secret.toml"])?;
        let identity = now.get(IDENTITY).ok_or("a policy without an identity")?;
        let own = world.secret(["whoami"]);
        if own.code != 0 || identity.mode != 0o600 {
            return Err(format!("mode {:o}, {own:#?}", identity.mode));
        }
        if now.get("repo/.secret.toml").is_none() {
            return Ok(State::Between);
        }
        let policy = world.read(".secret.toml");
        let recipient = own.stdout.split_whitespace().find(|word| word.starts_with("age1")).unwrap_or("none");
        if !policy.contains(&format!("alice = \"{recipient}\"")) || !policy.ends_with('\n') {
            return Err(format!("{recipient} is not alice in {policy}"));
        }
        Ok(State::New)
    }

    fn go_on(&self, world: &World) -> Result<(), String> {
        expect(world.secret(self.arguments()), 0, "")?;
        // It can be worked with.
        world.write("secrets/first.env", "A=1\n");
        expect(world.secret(["encrypt", "secrets/first.env"]), 0, "")?;
        opens_to(world, "secrets/first.env", "A=1\n")?;
        fs::remove_dir_all(world.path("secrets")).map_err(|error| error.to_string())
    }

    fn may_be_plaintext(&self, path: &str) -> bool {
        path == IDENTITY
    }
}

/// Demands that no other file has changed.
pub fn only(before: &Files, now: &Files, paths: &[&str]) -> Result<(), String> {
    match now.changes(before).into_iter().find(|path| !paths.contains(&path.as_str())) {
        Some(path) => Err(format!("{path} was changed")),
        None => Ok(()),
    }
}

/// Demands that a file verifies and opens to this text.
fn opens_to(world: &World, path: &str, text: &str) -> Result<State, String> {
    let outcome = world.secret(["decrypt", path]);
    if outcome.code == 0 && outcome.stdout == text { Ok(State::New) } else { Err(format!("{outcome:#?}")) }
}
