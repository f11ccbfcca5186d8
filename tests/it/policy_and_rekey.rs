//! Readers are never widened silently: the policy proposes, and only `rekey` and the first `encrypt` follow it.

use std::fs;

use secret::env::Env;
use secret::envelope::native::{EncryptedFile, Header, OpenError, seal};
use secret::keys::{Identities, Recipient, wrap};
use secret::ui::Ui;

use crate::world::{DB, Outcome, World};

const FILE: &str = "secrets/db.yaml";
const CONSENT: &str =
    "hint: answer at a terminal; or commit the policy and give --yes, or name each new reader with --add NAME";

/// The usual repository, in which the committed policy names bob, too, and the file is encrypted to both.
fn shared() -> (World, String) {
    let world = World::with_db();
    let key = world.joins("bob");
    world.commit("bob joins");
    world.secret(["rekey", "--yes"]).success();
    world.commit("rekey");
    (world, key)
}

/// Takes bob out of the policy by hand.
fn drop_bob(world: &World) {
    let policy = world.read(".secret.toml");
    let kept: Vec<&str> = policy.lines().filter(|line| !line.starts_with("bob = ")).collect();
    world.write(".secret.toml", kept.join("\n").replace(", \"bob\"", "") + "\n");
}

/// Whoever writes here must first see to it that the file has no other readers than the policy names.
fn writes(world: &World) -> Vec<Vec<String>> {
    world.write("changed.yaml", DB.replace("5432", "1"));
    let commands: [&[&str]; 5] = [
        &["unset", FILE, "db.port"],
        &["set", FILE, "db.port", "--from-file", "changed.yaml"],
        &["edit", FILE, "--from", "changed.yaml"],
        &["meta", FILE, "--owner", "eve"],
        &["mv", FILE, "secrets/moved.yaml"],
    ];
    commands.iter().map(|command| command.iter().map(|word| (*word).to_owned()).collect()).collect()
}

#[test]
fn adding_a_reader_changes_the_header_only() {
    let world = World::with_db();
    let key = world.joins("bob");
    world.commit("bob joins");
    let before = world.read(FILE);
    let rekeyed = world.secret(["rekey", FILE, "--yes"]).success();
    assert_eq!(rekeyed.stderr, "secrets/db.yaml: readers alice, bob\n  adds bob\nrekeyed 1 file\n");
    let after = world.read(FILE);
    let body = |text: &str| text.split_once("# secret/v1 end\n").expect("a header").1.to_owned();
    assert_eq!(body(&before), body(&after));
    assert!(after.contains("# generation = 1\n# revision = 2\n"));
    assert_eq!(world.secret(["-i", &key, "decrypt", FILE]).success().stdout, DB);
}

#[test]
fn files_are_named_as_somebody_in_this_folder_would_write_them() {
    let world = World::with_db();
    world.joins("bob");
    world.commit("bob joins");
    fs::create_dir(world.path("docs")).expect("a folder");
    let rekeyed = world.secret(["-C", "docs", "rekey", "--yes"]).success();
    assert_eq!(rekeyed.stderr, "../secrets/db.yaml: readers alice, bob\n  adds bob\nrekeyed 1 file\n");
    let rekeyed = world.secret(["-C", "secrets", "rekey", "--new-key", "--yes"]).success();
    assert_eq!(rekeyed.stderr, "db.yaml: readers alice, bob\n  makes a new data key\nrekeyed 1 file\n");
}

#[test]
fn removing_a_reader_makes_a_new_key_and_seals_every_value_again() {
    let (world, key) = shared();
    let before = world.read(FILE);
    drop_bob(&world);
    world.commit("bob leaves");
    let rekeyed = world.secret(["rekey", FILE]).success();
    assert_eq!(
        rekeyed.stderr,
        "secrets/db.yaml: readers alice\n  removes bob: new data key; the values they knew should be replaced\n\
         rekeyed 1 file\n"
    );
    let after = world.read(FILE);
    assert!(after.contains("# generation = 2\n# revision = 3\n"), "{after}");
    let tokens = |text: &str| -> Vec<String> {
        text.split_whitespace()
            .map(|word| word.trim_start_matches('#'))
            .filter(|word| word.starts_with("secret-v1."))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!((tokens(&before).len(), tokens(&after).len()), (4, 4));
    assert!(tokens(&after).iter().all(|token| !tokens(&before).contains(token)));
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
    let refused = world.secret(["-i", &key, "decrypt", FILE]);
    assert_eq!((refused.code, refused.stdout.as_str()), (4, ""));
    assert_eq!(
        world.filter(&world.secret(["who", FILE]).success().stdout),
        "alice\nbob    no longer, since [TODAY]; knew generation 1\n"
    );

    // What bob still has of the old file does not fit the new one, nor any token of it.
    let env = Env::new(world.repo(), jiff::civil::date(2026, 1, 1), []);
    let ui = Ui::plain();
    let identities = Identities::discover(&env, &[key.into()], &ui);
    let old = EncryptedFile::parse(before.as_bytes()).expect("it is encrypted");
    let payload = identities.unwrap(&old.header().wrapped_key).expect("bob read it");
    let secrets = old.open(&payload).expect("it was authentic").secrets;
    let new = EncryptedFile::parse(after.as_bytes()).expect("it is encrypted");
    assert!(matches!(new.open(&payload).err(), Some(OpenError::Mismatch(_))));
    assert!(matches!(new.open_with(secrets).err(), Some(OpenError::HeaderMac)));
}

#[test]
fn values_keep_their_day_and_generation_when_only_the_key_changes() {
    let (world, _) = shared();
    let stamps = || -> Vec<String> {
        let text = world.read(FILE);
        let tokens = text.split_whitespace().filter(|word| word.starts_with("secret-v1.v."));
        tokens.map(|token| token.split('.').skip(2).take(2).collect::<Vec<_>>().join(".")).collect()
    };
    let before = stamps();
    drop_bob(&world);
    world.secret(["rekey"]).success();
    assert_eq!(stamps(), before);
    world.secret_with(["set", FILE, "db.user", "--stdin"], "new", &[]).success();
    assert!(stamps()[0].ends_with(".2") && stamps()[1].ends_with(".1"), "{:?}", stamps());
}

#[test]
fn a_member_with_a_changed_key_is_a_removed_reader() {
    let (world, old_key) = shared();
    let (new_key, bob) = world.keygen("new-bob");
    let old = fs::read_to_string(&old_key).expect("an identity");
    let old = old.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key");
    world.tamper(".secret.toml", old, &bob);
    world.refuses(
        ["unset", FILE, "db.port"],
        5,
        "error: secrets/db.yaml can still be read by an old key of bob, whom the policy no longer names\n\
         hint: run `secret rekey secrets/db.yaml`: it makes a new data key",
    );
    world.commit("bob has a new key");
    let rekeyed = world.secret(["rekey", "--yes", FILE]).success();
    assert_eq!(
        rekeyed.stderr,
        "secrets/db.yaml: readers alice, bob\n  adds bob (other key)\n  \
         removes bob (other key): new data key; the values they knew should be replaced\nrekeyed 1 file\n"
    );
    assert_eq!(world.secret(["-i", &new_key, "decrypt", FILE]).success().stdout, DB);
    assert_eq!(world.secret(["-i", &old_key, "decrypt", FILE]).code, 4);
}

#[test]
fn check_and_dry_run_change_nothing() {
    let world = World::with_db();
    let check = world.secret(["rekey", "--check"]);
    assert_eq!(check, Outcome { code: 0, stdout: String::new(), stderr: String::new() });
    world.joins("bob");
    let before = world.listing();
    let check = world.secret(["rekey", "--check", FILE]);
    let said = "error: 1 file is not in line with the policy\nhint: run `secret rekey`\n".to_owned();
    assert_eq!(check, Outcome { code: 3, stdout: "secrets/db.yaml\n".to_owned(), stderr: said });
    assert_eq!(world.secret(["rekey", "--check"]), check);
    // Without an identity, too: a pipeline has none.
    assert_eq!(world.secret_with(["rekey", "--check"], "", &[("HOME", "/nonexistent")]).code, 3);
    let dry = world.secret(["rekey", "--dry-run", FILE]).success();
    assert_eq!(dry.stderr, "secrets/db.yaml: readers alice, bob\n  adds bob\n");
    assert_eq!(world.listing(), before);
}

#[test]
fn a_reader_whom_only_the_work_trees_policy_names_needs_more_than_yes() {
    let world = World::with_db();
    world.joins("eve");
    let said = "secrets/db.yaml: readers alice, eve\n  adds eve\n\
                error: secrets/db.yaml: the committed policy does not name eve as a reader; nobody has agreed to that\n";
    for command in [["rekey", FILE].as_slice(), &["rekey", FILE, "--yes"], &["rekey", FILE, "--add", "alice"]] {
        world.refuses(command, 1, &format!("{said}{CONSENT}"));
    }
    world.write("secrets/new.yaml", DB);
    world.write("plain.yaml", DB);
    for command in [
        ["encrypt", "secrets/new.yaml"].as_slice(),
        &["encrypt", "secrets/new.yaml", "--yes"],
        &["encrypt", "plain.yaml", "-o", "secrets/other.yaml", "--yes"],
        &["edit", "secrets/other.yaml", "--from", "plain.yaml", "--yes"],
    ] {
        let path = if command.contains(&"plain.yaml") { "secrets/other.yaml" } else { "secrets/new.yaml" };
        world.refuses(
            command,
            1,
            &format!("error: {path}: the committed policy does not name eve as a reader; nobody has agreed to that\n{CONSENT}"),
        );
    }
    world.refuses(
        ["encrypt", "secrets/new.yaml", "--add", "eva"],
        2,
        "error: --add eva: the policy has no such member\nhint: `secret member list` shows the members",
    );
    world.secret(["encrypt", "secrets/new.yaml", "--add", "eve"]).success();
    world.secret(["rekey", FILE, "--add", "eve"]).success();
    assert_eq!(world.secret(["who", FILE]).success().stdout, "alice\neve\n");
}

#[test]
fn a_committed_readers_key_that_was_swapped_in_the_work_tree_is_not_reviewed() {
    let (world, old_key) = shared();
    let (_, eve) = world.keygen("eve");
    let old = fs::read_to_string(old_key).expect("an identity");
    let old = old.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key");
    world.tamper(".secret.toml", old, &eve);
    world.refuses(
        ["rekey", FILE, "--yes"],
        1,
        &format!(
            "secrets/db.yaml: readers alice, bob\n  adds bob (other key)\n  removes bob (other key): new data key; the values \
             they knew should be replaced\n\
             error: secrets/db.yaml: the committed policy does not name bob as a reader; nobody has agreed to that\n{CONSENT}"
        ),
    );
}

#[test]
fn at_a_terminal_the_answer_decides() {
    let world = World::with_db();
    world.joins("bob");
    world.commit("bob");
    let before = world.listing();
    let question = "bob will be able to read it. Go on?";
    let (code, screen) = world.at_terminal(&["rekey", FILE], &[], &[(question, "n")]);
    assert_eq!((code, world.listing()), (1, before), "{screen}");
    let (code, screen) = world.at_terminal(&["rekey", FILE], &[], &[(question, "y")]);
    assert_eq!(code, 0, "{screen}");
    assert_eq!(world.secret(["who", FILE]).success().stdout, "alice\nbob\n");
}

#[test]
fn who_leaves_the_policy_while_a_question_is_open_is_not_let_in() {
    let world = World::with_db();
    world.joins("bob");
    world.commit("bob");
    let file = world.read(FILE);
    let meanwhile = "sed -i '/^bob = /d; s/, \"bob\"//' .secret.toml!!y";
    let (code, screen) =
        world.at_terminal(&["rekey", FILE], &[], &[("bob will be able to read it. Go on?", meanwhile)]);
    assert_eq!(code, 1, "{screen}");
    assert!(screen.contains(".secret.toml was changed meanwhile"), "{screen}");
    assert!(!world.read(".secret.toml").contains("bob"));
    assert_eq!(world.read(FILE), file);
}

#[test]
fn nobody_is_taken_out_while_somebody_rekeys() {
    let world = World::with_db();
    world.joins("bob");
    world.commit("bob");
    let removal = format!("'{}' member remove bob --yes 2> refused || true!!y", env!("CARGO_BIN_EXE_secret"));
    let (code, screen) = world.at_terminal(&["rekey", FILE], &[], &[("bob will be able to read it. Go on?", &removal)]);
    assert_eq!(code, 0, "{screen}");
    assert!(world.read("refused").starts_with("error: another secret is rekeying here: "), "{}", world.read("refused"));
    // Nothing says that bob is out while he reads.
    assert_eq!(world.secret(["who", FILE]).success().stdout, "alice\nbob\n");
    assert!(world.read(".secret.toml").contains("bob"));
}

#[test]
fn many_files_that_change_alike_are_told_together() {
    let mut world = World::with_db();
    for number in 0..12 {
        world = world.with_file(&format!("secrets/{number}.env"), "A=canary\n");
    }
    world.joins("bob");
    world.commit("bob");
    let dry = world.secret(["rekey", "--dry-run"]).success();
    assert_eq!(dry.stderr.matches("  adds bob\n").count(), 13, "file by file: {dry:#?}");
    let rekeyed = world.secret(["rekey", "--yes"]).success();
    assert_eq!(rekeyed.stderr, "secrets/0.env and 12 more files: readers alice, bob\n  adds bob\nrekeyed 13 files\n");
}

#[test]
fn a_file_that_is_named_twice_is_rekeyed_once() {
    let (world, _) = shared();
    drop_bob(&world);
    world.commit("bob leaves");
    let rekeyed = world.secret(["rekey", FILE, "secrets", "./secrets/../secrets"]).success();
    assert!(rekeyed.stderr.ends_with("rekeyed 1 file\n"), "{rekeyed:#?}");
    assert_eq!(rekeyed.stderr.matches("removes bob").count(), 1, "{rekeyed:#?}");
}

#[test]
fn a_folder_of_another_repository_is_refused() {
    let world = World::with_db();
    world.git(["init", "--quiet", "../other"]);
    fs::create_dir(world.path("../other/secrets")).expect("a folder");
    world.write("../other/secrets/a.yaml", world.read(FILE));
    let root = world.repo().canonicalize().expect("a path").display().to_string();
    let refused = format!(
        "error: ../other/secrets is not in {}\nhint: run it once for each repository, or with -C DIR",
        world.filter(&root)
    );
    for command in
        [["rekey", "--check"].as_slice(), &["rekey", "--yes"], &["due"], &["drill"], &["status"], &["owners"]]
    {
        let command: Vec<&str> = command.iter().copied().chain(["secrets", "../other/secrets"]).collect();
        world.refuses(&command, 1, &refused);
    }
}

#[test]
fn a_move_by_git_alone_is_told_when_it_is_to_be_made_again() {
    let world = World::with_db();
    world.git(["mv", FILE, "secrets/moved.yaml"]);
    let refused = world.secret(["mv", FILE, "secrets/moved.yaml"]);
    assert!(refused.stderr.starts_with("error: secrets/moved.yaml was encrypted as secrets/db.yaml"), "{refused:#?}");
    assert!(
        refused.stderr.contains("put it back with `mv -n secrets/moved.yaml secrets/db.yaml` and run `secret mv secrets/db.yaml secrets/moved.yaml`"),
        "{refused:#?}"
    );
    fs::rename(world.path("secrets/moved.yaml"), world.path(FILE)).expect("it is moved");
    world.secret(["mv", FILE, "secrets/moved.yaml"]).success();
    assert_eq!(world.secret(["decrypt", "secrets/moved.yaml"]).success().stdout, DB);
}

#[test]
fn what_rekey_would_refuse_is_not_in_line() {
    let world = World::with_db();
    world.git(["mv", FILE, "secrets/moved.yaml"]);
    let moved = "error: secrets/moved.yaml was encrypted as secrets/db.yaml";
    for command in [["rekey", "--check"].as_slice(), &["rekey", "--dry-run"], &["rekey", "--yes"]] {
        let refused = world.secret(command);
        assert_eq!((refused.code, refused.stderr.starts_with(moved)), (5, true), "{command:?}: {refused:#?}");
    }
    world.write(FILE, world.read("secrets/moved.yaml"));
    world.git(["add", "--all"]);
    assert_eq!(world.secret(["rekey", "--check"]).code, 5);
}

#[test]
fn nothing_is_written_while_somebody_reads_whom_the_policy_does_not_name() {
    let (world, _) = shared();
    drop_bob(&world);
    for command in writes(&world) {
        world.refuses(
            &command,
            5,
            "error: secrets/db.yaml can still be read by bob, whom the policy no longer names\n\
             hint: run `secret rekey secrets/db.yaml`: it makes a new data key",
        );
    }
    world.secret(["decrypt", "--in-place", FILE]).success();
    let encrypted = world.secret(["encrypt", FILE]).success();
    assert!(encrypted.stderr.contains("with a new key, as bob no longer reads it; readers: alice\n"), "{encrypted:#?}");
    assert!(!world.read(FILE).contains("recipients.bob"));
}

#[test]
fn a_header_that_was_put_back_is_refused() {
    let (world, _) = shared();
    world.git(["checkout", "--quiet", "HEAD~2", "--", FILE]);
    // Alone in the old header, as in a policy that bob has left: only history tells.
    drop_bob(&world);
    for command in writes(&world) {
        world.refuses(
            &command,
            5,
            "error: secrets/db.yaml has header revision 1 of generation 1, but git's history has revision 2 of generation 1: \
             the file was put back\n\
             hint: take the newest one: `git checkout HEAD -- secrets/db.yaml`",
        );
    }
    assert_eq!(world.secret(["rekey", FILE]).code, 5);
}

#[test]
fn without_a_policy_history_still_counts() {
    let (world, _) = shared();
    let old = world.read(FILE);
    drop_bob(&world);
    world.secret(["rekey"]).success();
    world.commit("bob leaves");
    // A change that puts bob back by the old file, and takes away the policy that does not name him.
    world.write(FILE, old);
    fs::remove_file(world.path(".secret.toml")).expect("a policy");
    world.refuses(
        ["unset", FILE, "db.port"],
        5,
        "error: secrets/db.yaml has header revision 2 of generation 1, but git's history has revision 3 of generation 2: \
         the file was put back\n\
         hint: take the newest one: `git checkout HEAD -- secrets/db.yaml`",
    );
}

#[test]
fn an_older_generation_is_refused_also_after_a_removal() {
    let (world, _) = shared();
    let old = world.read(FILE);
    drop_bob(&world);
    world.secret(["rekey"]).success();
    world.commit("bob leaves");
    world.write(FILE, old);
    for command in [["rekey", FILE].as_slice(), &["rekey", FILE, "--yes"]] {
        world.refuses(
            command,
            5,
            "error: secrets/db.yaml has header revision 2 of generation 1, but git's history has revision 3 of generation 2: \
             the file was put back\n\
             hint: take the newest one: `git checkout HEAD -- secrets/db.yaml`",
        );
    }
}

#[test]
fn a_copied_file_shares_a_key_and_neither_is_written() {
    let world = World::with_db();
    fs::copy(world.path(FILE), world.path("secrets/copy.yaml")).expect("a copy");
    world.git(["add", "--all"]);
    world.refuses(
        ["unset", FILE, "db.port"],
        5,
        "error: secrets/db.yaml and secrets/copy.yaml are copies of one encrypted file: they share one key\n\
         hint: give the copy a key of its own: `secret decrypt --in-place --at-any-path secrets/copy.yaml`, then \
         `secret encrypt --fresh secrets/copy.yaml`; if secrets/db.yaml is the copy, do it there",
    );
    world.refuses(
        ["unset", "secrets/copy.yaml", "db.port"],
        5,
        "error: secrets/copy.yaml was encrypted as secrets/db.yaml: here it could be another environment's secrets\n\
         hint: if it was moved on purpose, put it back with `mv -n secrets/copy.yaml secrets/db.yaml` and run \
         `secret mv secrets/db.yaml secrets/copy.yaml`; to read it here all the same: `secret decrypt --at-any-path \
         secrets/copy.yaml`",
    );
    let verified = world.secret(["verify"]);
    let advice = "    give the copy a key of its own: `secret decrypt --in-place --at-any-path secrets/copy.yaml`, then \
                  `secret encrypt --fresh secrets/copy.yaml`\n";
    assert_eq!((verified.code, verified.stdout.matches(advice).count()), (3, 3), "{verified:#?}");
    // As the hints say.
    world.secret(["decrypt", "--in-place", "--at-any-path", "secrets/copy.yaml"]).success();
    world.secret(["encrypt", "--fresh", "secrets/copy.yaml"]).success();
    world.secret(["unset", FILE, "db.port"]).success();
    world.secret(["unset", "secrets/copy.yaml", "db.port"]).success();
    world.secret(["verify"]).success();
}

#[test]
fn a_value_becomes_clear_only_when_somebody_agrees() {
    let world = World::with_db();
    world.tamper(".secret.toml", "readers = [\"team\"]\n", "readers = [\"team\"]\ncleartext = [\"db.user\"]\n");
    world.commit("cleartext");
    let said = "secrets/db.yaml: readers alice\n  makes a new data key\n  in clear from now on: db.user, later keys like db.user\n";
    world.refuses(
        ["rekey", FILE, "--yes"],
        1,
        &format!(
            "{said}error: secrets/db.yaml: db.user, later keys like db.user will stand in clear; nobody has agreed to that\nhint: answer at a terminal, or give --allow-cleartext"
        ),
    );
    assert_eq!(world.secret(["rekey", FILE, "--allow-cleartext"]).success().stderr, format!("{said}rekeyed 1 file\n"));
    assert!(world.read(FILE).contains("\n  user: admin #"));
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
}

#[test]
fn set_follows_the_header_and_not_a_changed_policy() {
    let world = World::with_db();
    world.joins("bob");
    world.tamper(".secret.toml", "readers = [\"team\"]\n", "readers = [\"team\"]\ncleartext = [\"**\"]\n");
    world.commit("policy");
    world.secret_with(["set", FILE, "db.user", "--stdin"], "canary", &[]).success();
    assert!(!world.read(FILE).contains("canary"));
    assert_eq!(world.secret(["info", FILE]).success().stdout.lines().nth(2), Some("readers   alice"));
}

#[test]
fn mistakes_in_the_policy_stop_every_write_with_their_place() {
    let world = World::with_db();
    world.tamper(".secret.toml", "readers = [\"team\"]", "readers = [\"taem\"]");
    let line = world.line_of(".secret.toml", "readers");
    for command in [["unset", FILE, "db.port"].as_slice(), &["rekey", FILE], &["encrypt", "secrets/new.yaml"]] {
        world.write("secrets/new.yaml", DB);
        world.refuses(
            command,
            1,
            &format!("error: .secret.toml:{line}:12: there is no member or group \"taem\"; did you mean \"team\"?"),
        );
    }
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
}

#[test]
fn a_second_policy_in_a_folder_is_refused() {
    let world = World::with_db();
    world.write("secrets/.secret.toml", world.read(".secret.toml"));
    world.git(["add", "--all"]);
    let outcome = world.secret(["unset", FILE, "db.port"]);
    assert_eq!(
        outcome.stderr,
        "error: secrets/.secret.toml is a second policy; only the one at the root of the repository counts\n\
         hint: move its rules into .secret.toml at the root, and remove secrets/.secret.toml\n"
    );
}

/// Makes a later generation of a file out of what a former reader still knows.
fn forge(world: &World, known: &str, key: &str, generation: u32) -> String {
    let env = Env::new(world.repo(), jiff::civil::date(2026, 1, 1), []);
    let ui = Ui::plain();
    let identities = Identities::discover(&env, &[key.into()], &ui);
    let file = EncryptedFile::parse(known.as_bytes()).expect("it is encrypted");
    let payload = identities.unwrap(&file.header().wrapped_key).expect("bob read it");
    let opened = file.open(&payload).expect("it was authentic");
    let mut header = Header { generation, revision: 9, ..opened.header.clone() };
    header.recipients.remove("bob");
    let secrets = opened.secrets.with_new_data_key(&header);
    let readers: Vec<Recipient> =
        header.recipients.values().flatten().map(|reader| reader.parse().expect("a reader")).collect();
    header.wrapped_key = wrap(&readers.iter().collect::<Vec<_>>(), &secrets.payload(&header)).expect("it wraps");
    let forged = DB.replace("canary", "forged");
    let bytes = seal(forged.as_bytes(), header, &secrets, None, env.today()).expect("it seals");
    String::from_utf8(bytes).expect("YAML is text")
}

#[test]
fn a_former_reader_cannot_make_the_next_generation() {
    let (world, bob_key) = shared();
    let known = world.read(FILE);
    drop_bob(&world);
    world.secret(["rekey"]).success();
    world.commit("bob leaves");
    for generation in [3, 4, 9] {
        world.write(FILE, forge(&world, &known, &bob_key, generation));
        for command in writes(&world) {
            world.refuses(
                &command,
                5,
                "error: secrets/db.yaml: its data key does not follow from the one in git's history: it was not made by a reader\n\
                 hint: a former reader could have made it. If it was rekeyed twice in one commit by somebody you trust, \
                 `secret rekey --new-key secrets/db.yaml` makes a key of your own",
            );
        }
    }
}

/// Three files: two that alice reads, and one that bob alone does; and carol, who is to join both groups.
fn of_two_teams() -> (World, String) {
    let world = World::new();
    let (bobs, bob) = world.keygen("bob");
    world.secret(["member", "add", "bob", &bob, "--group", "ops"]).success();
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", format!("{policy}\n[[rules]]\npath = \"ops/**\"\nreaders = [\"ops\"]\n"));
    world.commit("two teams");
    let world = world.with_file(FILE, DB).with_file("secrets/app.env", "APP=1\n").with_file("ops/host.env", "HOST=1\n");
    let (_, carol) = world.keygen("carol");
    world.secret(["member", "add", "carol", &carol, "--group", "ops", "--group", "team"]).success();
    world.commit("carol joins");
    (world, bobs)
}

#[test]
fn what_others_must_rekey_is_listed_with_who_can_and_nothing_is_half_done() {
    let (world, bobs) = of_two_teams();
    let said = "error: cannot open ops/host.env: none of your identities opens it; nothing was rekeyed\n\
                hint: bob can: ask bob to run `secret rekey ops/host.env`\n\
                hint: --partial rekeys what you can open; or name another identity with --identity FILE\n";
    let before = world.listing();
    let refused = world.secret(["rekey", "--yes"]);
    assert_eq!((refused.code, world.listing()), (4, before), "{refused:#?}");
    assert!(refused.stderr.ends_with(said), "{refused:#?}");
    let partial = world.secret(["rekey", "--yes", "--partial"]);
    assert_eq!(partial.code, 4, "{partial:#?}");
    assert!(partial.stderr.contains("rekeyed 2 files\nerror: cannot open ops/host.env: "), "{partial:#?}");
    assert!(partial.stderr.contains("; these are left as they were\nhint: bob can: ask"), "{partial:#?}");
    assert_eq!(world.secret(["rekey", "--check"]).stdout, "ops/host.env\n");
    world.commit("what alice can");
    let rest = world.secret(["-i", &bobs, "rekey", "--yes"]).success();
    assert_eq!(rest.stderr, "ops/host.env: readers bob, carol\n  adds carol\nrekeyed 1 file\n");
    world.secret(["rekey", "--check"]).success();
}

#[test]
fn who_gains_and_loses_what_is_shown_without_any_identity() {
    let (world, _) = of_two_teams();
    let policy = world.read(".secret.toml").replace("ops = [\"bob\", \"carol\"]", "ops = [\"carol\"]");
    world.write(".secret.toml", policy);
    let before = world.listing();
    let nobody = [("HOME", "/nonexistent")];
    let shown = world.secret_with(["rekey", "--dry-run", "--json"], "", &nobody).success().stdout;
    let json: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let files = json["files"].as_array().expect("a list");
    let of = |name: &str| files.iter().find(|file| file["file"] == name).expect("it is listed");
    assert_eq!((json["version"].as_u64(), json["examined"].as_u64(), files.len()), (Some(1), Some(3), 3), "{shown}");
    assert_eq!(
        *of("ops/host.env"),
        serde_json::json!({
            "file": "ops/host.env", "readers": ["carol"], "gain": ["carol"], "lose": ["bob"], "gain_key": [],
            "lose_key": [], "new_data_key": true, "in_clear": [], "opened": false, "can_be_rekeyed_by": ["bob"],
        })
    );
    assert_eq!(of(FILE)["new_data_key"], false);
    let text = world.secret_with(["rekey", "--dry-run", "ops"], "", &nobody).success().stderr;
    assert_eq!(
        text,
        "ops/host.env: readers carol\n  adds carol\n  \
         removes bob: new data key; the values they knew should be replaced\n  \
         not opened, so by its header alone; bob can\n"
    );
    assert_eq!(world.listing(), before);
}

#[test]
fn nobody_locks_himself_out_by_yes_alone() {
    let (world, bobs) = shared();
    let policy = world.read(".secret.toml").replace("[\"alice\", \"bob\"]", "[\"alice\"]");
    world.write(".secret.toml", policy);
    world.commit("bob is not in the team any more");
    let said = "secrets/db.yaml: readers alice\n  removes bob: new data key; the values they knew should be replaced\n\
                error: secrets/db.yaml: you could not read it afterwards\n\
                hint: let another reader rekey; to lock yourself out all the same, add --without-me";
    world.refuses(["-i", &bobs, "rekey", "--yes"], 1, said);
    world.secret(["-i", &bobs, "rekey", "--yes", "--without-me"]).success();
    assert_eq!(world.secret(["-i", &bobs, "decrypt", FILE]).code, 4);
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
}

#[test]
fn a_question_about_many_files_is_asked_once() {
    let (world, _) = of_two_teams();
    let question = "secrets/app.env and 1 more file: carol will be able to read it. Go on?";
    let (code, screen) = world.at_terminal(&["rekey", "secrets"], &[], &[(question, "y")]);
    assert_eq!(code, 0, "{screen}");
    assert_eq!(world.secret(["rekey", "--check"]).stdout, "ops/host.env\n");
}

#[test]
fn of_two_that_rekey_at_once_one_is_told_so() {
    let (world, _) = shared();
    drop_bob(&world);
    let journal = fs::File::create(world.path(".git/secret-journal")).expect("a file");
    journal.lock().expect("a lock, as the other process has it");
    let path = world.path(".git/secret-journal");
    let refused = world.secret(["rekey", "--yes"]);
    assert_eq!(
        (refused.code, refused.stderr),
        (
            1,
            format!(
                "error: another secret is rekeying here: {} is in use\n\
                 hint: run the command again when the other one has ended\n",
                path.canonicalize().expect("a path").display()
            )
        )
    );
    // Others write meanwhile.
    world.secret(["group", "add", "others", "alice"]).success();
    // Not only closed: a program that another test is just starting has a copy of it until it runs.
    journal.unlock().expect("it is given back");
    world.secret(["rekey"]).success();
}

#[test]
fn of_a_removal_that_was_reverted_the_commit_with_the_newest_header_is_named() {
    let (world, _) = shared();
    world.secret(["member", "remove", "bob", "--yes"]).success();
    world.commit("bob leaves");
    let newest = world.git(["rev-parse", "HEAD"]).trim().to_owned();
    world.git(["revert", "--no-edit", "HEAD"]);
    let way = format!("git checkout {} -- {FILE}", &newest[..12]);
    let refused = format!(
        "error: secrets/db.yaml has header revision 2 of generation 1, but git's history has revision 3 of generation 2: \
         the file was put back\n\
         hint: take the newest one: `{way}`"
    );
    world.refuses(["unset", FILE, "db.port"], 5, &refused);
    let removal = world.secret(["member", "remove", "bob", "--yes"]);
    assert_eq!((removal.code, removal.stderr.trim_end()), (5, refused.as_str()));
    world.git(way.split(' ').skip(1));
    world.secret(["member", "remove", "bob", "--yes"]).success();
}

#[test]
fn what_stands_in_clear_by_a_committed_policy_is_agreed_to_by_its_own_option() {
    let (world, _) = shared();
    world.tamper(".secret.toml", "readers = [\"team\"]\n", "readers = [\"team\"]\ncleartext = [\"db.user\"]\n");
    world.commit("cleartext");
    let asked = world.secret(["rekey", "--yes"]);
    let hint = "\nhint: answer at a terminal, or give --allow-cleartext\n";
    assert!(asked.code == 1 && asked.stderr.ends_with(hint), "{asked:#?}");
    for command in [["member", "remove", "bob", "--yes"], ["offboard", "bob", "--yes", "--json"]] {
        let before = world.listing();
        let asked = world.secret(command);
        let hint = "\nhint: answer at a terminal, or run `secret rekey --allow-cleartext` and commit first\n";
        assert!(asked.code == 1 && asked.stderr.ends_with(hint), "{asked:#?}");
        assert_eq!(world.listing(), before);
    }
    world.secret(["rekey", "--allow-cleartext"]).success();
    world.commit("in clear");
    world.secret(["member", "remove", "bob", "--yes"]).success();
}
