//! Off-boarding: the plan against an oracle that opens every revision with the leaver's key, the removal, leaked keys.

mod names;
mod oracle;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use secret::envelope::native::EncryptedFile;
use serde_json::Value;

use crate::world::{DB, World};
use oracle::Hoard;

const FILE: &str = "secrets/db.yaml";

/// A value in one of its states: file id, value id, day, generation.
type Instance = (String, String, String, u64);
/// A value over its life.
type Place = (String, String);

impl World {
    #[track_caller]
    fn plan(&self, name: &str) -> Value {
        let before = self.listing();
        let nobody = [("HOME", "/nonexistent"), ("XDG_CONFIG_HOME", "/nonexistent")];
        let outcome = self.secret_with(["offboard", name, "--plan", "--json"], "", &nobody).success();
        assert_eq!(self.listing(), before, "a plan changed something");
        assert!(!outcome.stdout.contains("canary"), "{outcome:#?}");
        serde_json::from_str(&outcome.stdout).expect("JSON")
    }

    /// Returns `state file key` of all values of a plan.
    #[track_caller]
    fn fates(&self, name: &str) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let values = self.plan(name)["values"].as_array().expect("a list").clone();
        values.iter().map(|value| ["state", "file", "key"].map(|field| text(&value[field])).join(" ")).collect()
    }

    /// A team whose members all read [`FILE`]; returns the identity file of each by name.
    fn team(names: &[&str]) -> (Self, BTreeMap<String, String>) {
        let world = Self::new();
        let mut keys = BTreeMap::new();
        for name in names {
            keys.insert((*name).to_owned(), world.joins(name));
        }
        world.commit("the team");
        let world = world.with_file(FILE, DB);
        (world, keys)
    }
}

/// Every revision of every file that git has, and the work tree.
fn revisions(world: &World) -> Vec<Vec<u8>> {
    let mut blobs = BTreeSet::new();
    for commit in world.git(["rev-list", "--all"]).lines() {
        let listed = world.git(["ls-tree", "-r", commit]);
        blobs.extend(listed.lines().filter(|line| line.contains("secrets/")).map(|line| line[12..52].to_owned()));
    }
    let mut texts: Vec<Vec<u8>> = blobs.iter().map(|blob| world.git(["cat-file", "blob", blob]).into_bytes()).collect();
    texts.extend(present(world).into_values());
    texts
}

fn present(world: &World) -> BTreeMap<String, Vec<u8>> {
    let listed = world.git(["ls-files", "--", "secrets"]);
    listed.lines().map(|path| (path.to_owned(), world.read_bytes(path))).collect()
}

#[track_caller]
fn run(world: &World, arguments: &[&str], stdin: &str) {
    let _ = world.secret_with(arguments, stdin, &[]).success();
}

#[test]
fn a_removal_says_what_it_does_and_what_it_cannot() {
    let (world, _) = World::team(&["bob"]);
    world.set_value(FILE, "db.user", "canary-other");
    world.commit("a new user");
    let ask = "error: bob leaves the policy; 1 file to rekey; nobody has agreed to that\nhint: answer at a terminal, or give --yes";
    let before = world.listing();
    let asked = world.secret(["member", "remove", "bob"]);
    assert_eq!((asked.code, asked.stderr.trim_end()), (1, ask));
    assert_eq!(world.listing(), before, "nobody agreed");
    let done = world.secret(["offboard", "bob", "--yes"]).success();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(
        done.stdout.replace(&today.to_string(), "[TODAY]"),
        "bob: could read 3 values in 1 file: 3 to replace, 0 in no file any more, 0 replaced since; by 4 commits of all branches and tags, and the work tree\n\
         \nwithout an owner: 3 values to replace\n  secrets/db.yaml\n    db.user, set [TODAY]\n    db.password, set [TODAY]\n    db.port, set [TODAY]\n\
         \nThe old values stay readable in git's history and in every clone; nothing takes them back. Replace them where they are used.\n\
         What was handed on outside of these files (deployments, exports, copies under another file id) is not known here. \
         Other branches keep their own readers until they are merged or rekeyed, too.\n"
    );
    assert!(done.stderr.contains("no tool takes it back"), "{done:#?}");
    assert_eq!(world.states(), ["db.user", "db.password", "db.port"].map(|key| format!("{FILE} {key} exposed bob")));
    // The policy went along; a warning of verify becomes an error when it is strict.
    assert!(!world.read(".secret.toml").contains("bob"));
    world.commit("bob leaves");
    let _ = world.secret(["verify"]).success();
    assert_eq!(world.secret(["verify", "--strict"]).code, 3);
    // Again there is nothing to do.
    let again = world.secret(["offboard", "bob", "--yes"]).success();
    assert!(again.stderr.contains("nothing to take out"), "{again:#?}");
    world.refuses(["offboard", "nobody", "--plan"], 1, "error: no file and no policy, now or in git's history, names nobody\nhint: `secret member list` shows the members, `secret who FILE` the readers");
}

#[test]
fn whom_nobody_can_replace_is_not_taken_out() {
    let (world, keys) = World::team(&["bob"]);
    world.refuses(
        ["member", "remove", "alice", "--yes"],
        1,
        "error: alice is you: who takes himself out leaves files behind that he cannot write any more\nhint: ask another member to run `secret member remove alice`",
    );
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", policy + "\n[[rules]]\npath = \"own/**\"\nreaders = [\"bob\"]\n");
    world.refuses(
        ["member", "remove", "bob", "--yes"],
        1,
        "error: bob is the last reader of own/**\nhint: name another reader in these rules first, or remove the rules and their files",
    );
    // A file that alice cannot open keeps all others, and the policy, as they are.
    let policy = world.read(".secret.toml");
    world.write(
        ".secret.toml",
        policy
            .replace("readers = [\"bob\"]", "readers = [\"bob\", \"dora\"]")
            .replace("[groups]", &format!("dora = \"{}\"\n\n[groups]", world.keygen("dora").1)),
    );
    world.write("own/x.env", "A=canary\n");
    let _ = world.secret(["-i", &keys["bob"], "encrypt", "--add", "dora", "--add", "bob", "own/x.env"]).success();
    world.commit("a file of bob's and dora's");
    let before = world.listing();
    let refused = world.secret(["member", "remove", "bob", "--yes"]);
    assert_eq!(refused.code, 4, "{refused:#?}");
    assert!(refused.stderr.contains("own/x.env"), "{refused:#?}");
    assert_eq!(world.listing(), before, "half of it was done");
}

#[test]
fn who_joined_late_reads_what_was_sealed_with_the_same_key_before() {
    let world = World::with_db();
    world.set_value(FILE, "db.password", "canary-two");
    world.commit("before bob");
    let key = world.joins("bob");
    world.commit("bob joins");
    run(&world, &["rekey", "--yes"], "");
    world.commit("rekey");
    let plan = world.plan("bob");
    let versions = |key: &str| {
        let values = plan["values"].as_array().expect("a list");
        values.iter().find(|value| value["key"] == key).expect("a value")["versions"].as_array().expect("a list").len()
    };
    // Set twice on one day with one key: one state. What counts is that the first commit is that of the first version.
    assert_eq!(versions("db.password"), 1);
    let first = plan["values"][1]["versions"][0]["commit"].as_str().expect("a commit").to_owned();
    assert_eq!(first, world.git(["log", "--reverse", "--format=%H", "--", FILE]).lines().next().expect("a commit"));
    let texts = revisions(&world);
    let hoard = Hoard::of(&world, &key, &texts);
    assert!(texts.iter().all(|text| hoard.open(&EncryptedFile::parse(text).expect("a file")).is_some()));
}

#[test]
fn a_key_under_another_name_is_the_same_reader() {
    let (world, _) = World::team(&["bob"]);
    let renamed = world.read(".secret.toml").replace("bob", "robert");
    world.write(".secret.toml", renamed);
    world.commit("bob is robert now");
    assert_eq!(world.fates("robert").len(), 3);
    let plan = world.plan("robert");
    assert_eq!(plan["other_names"], serde_json::json!(["bob"]));
    let removed = world.secret(["member", "remove", "robert", "--yes"]).success();
    assert!(removed.stdout.starts_with("robert (also known as bob): "), "{removed:#?}");
    assert!(!world.read(FILE).contains("recipients.bob"));
}

#[test]
fn what_a_clone_lacks_and_what_stood_in_clear_is_said() {
    let world = World::new();
    world.write("secrets/plain.env", "A=canary-plain\n");
    world.commit("oops");
    run(&world, &["encrypt", "--quiet", "secrets/plain.env"], "");
    world.joins("bob");
    world.commit("encrypted, and bob");
    run(&world, &["rekey", "--yes"], "");
    world.commit("rekey");
    let plan = world.plan("bob");
    assert_eq!(plan["plaintexts"][0]["file"], "secrets/plain.env");
    let text = world.secret(["offboard", "bob", "--plan"]).success().stdout;
    assert!(
        text.contains("In plaintext, and so known to whoever has the repository, stood secrets/plain.env ("),
        "{text}"
    );
    world.git(["clone", "--quiet", "--depth=1", &format!("file://{}", world.repo().display()), "../clone"]);
    let cut = world.secret(["-C", "../clone", "offboard", "bob", "--plan"]).success().stdout;
    assert!(cut.contains("1 value in 1 file: 1 to replace") && cut.contains("was cut off"), "{cut}");
    let markdown = world.secret(["offboard", "bob", "--plan", "--format", "markdown"]).success().stdout;
    assert!(
        markdown.starts_with("## Off-boarding `bob`\n") && markdown.contains("- [ ] `secrets/plain.env` `A`, set 2"),
        "{markdown}"
    );
}

/// What a rekey cannot reach would keep its reader: so nobody is taken out of the policy and half of the files.
#[test]
fn what_no_rekey_reaches_keeps_a_removal_from_being_done() {
    let (world, _) = World::team(&["bob"]);
    let other = "secrets/other.env";
    let world = world.with_file(other, "A=canary\nB=canary-too\n");
    let intact = world.read(other);
    let restore = "`git checkout HEAD -- FILE` brings back what is broken or missing; commit first what is to be gone";
    let cut = intact[..intact.len() / 2].to_owned();
    let forged =
        intact.lines().filter(|line| !line.starts_with("# recipients.bob")).collect::<Vec<_>>().join("\n") + "\n";
    let states: [(Option<String>, i32, &str, &str); 3] = [
        (None, 1, "not in this work tree", restore),
        (
            Some("A=canary\nB=changed\n".to_owned()),
            1,
            "in plaintext",
            "`secret encrypt FILE` first what is in plaintext",
        ),
        (Some(cut), 5, "", restore),
    ];
    let policy = world.read(".secret.toml");
    for (content, code, why, hint) in states {
        match &content {
            None => fs::remove_file(world.path(other)).expect("a file"),
            Some(content) => world.write(other, content),
        }
        let before = world.listing();
        for command in [["member", "remove", "bob", "--yes"].as_slice(), &["offboard", "bob", "--yes"]] {
            let refused = world.secret(command);
            assert_eq!((refused.code, refused.stdout.as_str()), (code, ""), "{refused:#?}");
            let said = "error: bob reads 1 file that cannot be rekeyed as it is here; nothing was changed\n";
            assert!(refused.stderr.starts_with(&format!("{said}  {other}: {why}")), "{refused:#?}");
            assert!(refused.stderr.ends_with(&format!("\nhint: {hint}\n")), "{refused:#?}");
        }
        assert_eq!(world.listing(), before);
        assert_eq!(world.read(".secret.toml"), policy);
    }
    // A reader who was struck out by hand is found by what the last commit says.
    world.write(other, forged);
    assert_eq!(world.secret(["member", "remove", "bob", "--yes"]).code, 5);
    assert_eq!(world.read(".secret.toml"), policy);

    // A moved file is there; and what was encrypted again is.
    world.write(other, "A=canary\nB=changed\n");
    world.secret(["encrypt", other]).success();
    world.secret(["mv", other, "secrets/moved.env"]).success();
    world.secret(["member", "remove", "bob", "--yes"]).success();
    assert!(!world.read("secrets/moved.env").contains("recipients.bob"));
    assert!(world.states().contains(&"secrets/moved.env A exposed bob".to_owned()), "{:?}", world.states());
}

/// Who left the policy by hand while a file was decrypted is still recorded when it is encrypted again.
#[test]
fn a_file_in_plaintext_is_encrypted_without_those_who_have_left() {
    let (world, _) = World::team(&["bob"]);
    let plaintext = world.secret(["decrypt", FILE]).success().stdout;
    world.secret(["decrypt", "--in-place", FILE]).success();
    let policy = world.read(".secret.toml").replace(", \"bob\"", "");
    let kept: Vec<&str> = policy.lines().filter(|line| !line.starts_with("bob = ")).collect();
    world.write(".secret.toml", kept.join("\n") + "\n");
    let encrypted = world.secret(["encrypt", FILE]).success();
    assert_eq!(
        encrypted.stderr,
        "encrypted secrets/db.yaml with a new key, as bob no longer reads it; readers: alice\n"
    );
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, plaintext);
    assert_eq!(world.states(), ["db.user", "db.password", "db.port"].map(|key| format!("{FILE} {key} exposed bob")));
    assert_eq!(world.secret(["rekey", "--check"]).success().stdout, "");
}

/// What somebody can forge who may only write: no less is listed than what other commits show.
#[test]
fn forged_headers_and_hostile_names_make_the_plan_longer_and_nothing_else() {
    let (world, _) = World::team(&["bob"]);
    let honest = world.fates("bob");
    // Another file names bob's key under a name that would be a line, a link and an escape; one is broken.
    let recipient = world.plan("bob")["recipients"][0].as_str().expect("a recipient").to_owned();
    let eve = world.read(FILE).replace("# recipients.bob = ", "# recipients.\"b\\u001b[2Jx](http://y)\" = ");
    let eve =
        eve.replace(&world.read(FILE)[world.read(FILE).find("file_id = \"").expect("an id") + 11..][..8], "00000000");
    world.write("secrets/eve.yaml", eve);
    world.write("secrets/broken.yaml", world.read(FILE).replace("# created", "# creatid"));
    world.commit("eve was here");
    fs::remove_file(world.path("secrets/eve.yaml")).expect("a file");
    fs::remove_file(world.path("secrets/broken.yaml")).expect("a file");
    world.commit("and hides it");
    let forged = world.plan("bob");
    assert_eq!(forged["recipients"], serde_json::json!([recipient]));
    let fates = world.fates("bob");
    assert!(honest.iter().all(|line| fates.contains(line)), "{fates:?}");
    assert_eq!(forged["unread"][0]["file"], "secrets/broken.yaml");
    let text = world.secret(["offboard", "bob", "--plan"]).success().stdout;
    assert!(!text.contains('\u{1b}') && text.contains("Not read, and may hold more: secrets/broken.yaml"), "{text}");
}

#[test]
fn a_leaked_key_leaves_policy_and_files_and_what_it_opened_is_exposed() {
    let (world, keys) = World::team(&["bob"]);
    let (_, second) = world.keygen("second");
    let first = fs::read_to_string(&keys["bob"]).expect("an identity");
    let first = first.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key").to_owned();
    let _ = world.secret(["member", "add", "bob", &second, "--another-key"]).success();
    world.commit("bob has two keys");
    run(&world, &["rekey", "--yes"], "");
    world.commit("rekey");
    let plan = world.secret(["compromised", &first, "--plan", "--json"]).success().stdout;
    let plan: Value = serde_json::from_str(&plan).expect("JSON");
    assert_eq!((plan["values"].as_array().expect("a list").len(), &plan["reader"]), (3, &Value::from(first.as_str())));
    let done = world.secret(["compromised", &first, "--yes"]).success();
    assert!(done.stderr.contains("no file is encrypted to that key any more"), "{done:#?}");
    assert!(!world.read(FILE).contains(&first) && world.read(FILE).contains(&second));
    assert!(!world.read(".secret.toml").contains(&first) && world.read(".secret.toml").contains(&second));
    assert_eq!(world.states(), ["db.user", "db.password", "db.port"].map(|key| format!("{FILE} {key} exposed bob")));
    // Bob himself reads on: what left is a key.
    let known = "known to a former key of bob\n";
    assert!(world.due(&[]).stdout.contains(known), "{}", world.due(&[]).stdout);
    let verify = world.secret(["verify"]).stdout;
    assert!(verify.contains("`db.port` are known to a former key of bob [exposed]"), "{verify}");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    assert_eq!(
        world.secret(["who", FILE]).success().stdout,
        format!("alice\nbob\na former key of bob  no longer, since {today}; knew generation 1\n")
    );
    assert!(world.secret(["status"]).success().stdout.contains("3 values known to a former key of bob\n"));
    world.commit("the laptop was stolen");
    // The only other key: the member leaves with it.
    let done = world.secret(["compromised", &second, "--yes"]).success();
    assert!(!world.read(".secret.toml").contains("bob"), "{done:#?}");
    world.commit("the other one, too");
    let own = world.secret(["whoami"]).success().stdout;
    let own = own.split_whitespace().find(|word| word.starts_with("age1")).expect("a recipient").to_owned();
    world.refuses(
        ["compromised", &own, "--yes"],
        1,
        "error: this is your own key, and you have no other that the policy names\nhint: add a new key first: \
         `secret keygen`, `secret member add alice RECIPIENT --another-key`, commit, `secret rekey`; then take this one out",
    );
}

#[test]
fn the_values_of_a_leaked_file_are_exposed_until_they_change() {
    let world = World::with_db().with_file("secrets/other.env", "A=canary\n");
    let shown = world.secret(["compromised", FILE, "--plan"]).success();
    assert_eq!(
        world.filter(&shown.stdout),
        format!("{FILE}\n  db.user, set [TODAY]\n  db.password, set [TODAY]\n  db.port, set [TODAY]\n")
    );
    let done = world.secret(["compromised", FILE, "--yes"]).success();
    assert!(done.stderr.contains("replace 3 values"), "{done:#?}");
    assert_eq!(world.read(FILE).matches("(compromised)").count(), 1, "it is recorded once");
    let mut expected: Vec<String> =
        ["db.user", "db.password", "db.port"].iter().map(|key| format!("{FILE} {key} exposed (compromised)")).collect();
    expected.push("secrets/other.env A up-to-date".to_owned());
    assert_eq!(world.states(), expected);
    assert_eq!(
        world.due(&[]).stdout.lines().next(),
        Some("exposed  secrets/db.yaml  db.user      known to strangers (compromised)")
    );
    world.commit("it stood in a chat");
    world.set_value(FILE, "db.user", "canary-new");
    assert_eq!(world.states()[0], format!("{FILE} db.user up-to-date"));
    // No member can have that name, and a private key is not repeated.
    assert_eq!(world.secret(["member", "add", "(compromised)", &world.keygen("x").1]).code, 2);
    let (key, _) = world.keygen("leaked");
    let private = fs::read_to_string(key).expect("an identity");
    let private = private.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).expect("a key");
    let refused = world.secret(["compromised", private]);
    assert!(refused.code == 1 && !refused.stderr.contains(&private[20..]), "{refused:#?}");
    world.refuses(
        ["compromised", "alice"],
        2,
        "error: alice is a member: which key got out?\nhint: name the key, as `secret member list` shows it; `secret offboard` takes the member out",
    );
}

#[test]
fn access_tells_headers_and_policy_apart() {
    let (world, _) = World::team(&["bob"]);
    let _ = world.secret(["member", "add", "carol", &world.keygen("carol").1, "--group", "team"]).success();
    let access = |name: &str| world.secret_with(["access", name], "", &[("HOME", "/nonexistent")]).success();
    let keys = "  db.user\n  db.password\n  db.port\n";
    assert_eq!(access("bob").stdout, format!("{FILE}\n{keys}"));
    assert_eq!(access("carol").stdout, format!("{FILE}  (not yet; `secret rekey` lets them in)\n{keys}"));
    world.write(".secret.toml", world.read(".secret.toml").replace(", \"bob\"", ""));
    assert_eq!(
        access("bob").stdout,
        format!("{FILE}  (no longer in the policy; `secret rekey` takes it away)\n{keys}")
    );
    world.commit("bob leaves the team");
    run(&world, &["rekey", "--yes"], "");
    let none = access("bob");
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "bob may read nothing\n"));
    world.commit("rekey");
    world.set_value(FILE, "db.user", "canary-new");
    let report = world.secret(["access", "bob", "--history", "--json"]).success().stdout;
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["files"], serde_json::json!([]));
    let states: Vec<&str> = report["history"]["values"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|value| value["state"].as_str())
        .collect();
    assert_eq!(states, ["replaced", "current", "current"]);
    world.refuses(["access", "eve"], 1, "error: no file and no policy, now or in git's history, names eve\nhint: `secret member list` shows the members, `secret who FILE` the readers");
}

#[test]
fn who_lacks_the_keys_is_told_who_can_remove_instead() {
    let (world, keys) = World::team(&["bob", "carol"]);
    let policy = world.read(".secret.toml");
    world.write(
        ".secret.toml",
        policy + "\n[[rules]]\npath = \"private/**\"\nreaders = [\"bob\", \"carol\", \"dave\"]\n",
    );
    let (_, dave) = world.keygen("dave");
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", policy.replacen("[members]\n", &format!("[members]\ndave = \"{dave}\"\n"), 1));
    world.commit("a rule without alice");
    let encrypt = |path: &str| {
        world.write(path, "A=canary\n");
        world.secret(["-i", &keys["bob"], "encrypt", path]).success();
        world.commit(path);
    };
    let refused = |hint: &str| {
        let before = world.listing();
        for words in [&["member", "remove", "bob", "--yes"][..], &["offboard", "bob", "--yes"]] {
            let outcome = world.secret(words);
            assert_eq!((outcome.code, world.listing() == before), (4, true), "{outcome:#?}");
            assert!(outcome.stderr.ends_with(hint) && !outcome.stderr.contains("--partial"), "{outcome:#?}");
        }
    };
    encrypt("private/a.env");
    refused(
        "hint: carol, dave can: ask one of them to run this command, or name another identity with --identity FILE\n",
    );
    encrypt("private/b.env");
    refused(
        "hint: ask somebody who opens all of them to run this command, or name another identity with --identity FILE\n",
    );
    world.secret(["-i", &keys["carol"], "member", "remove", "bob", "--yes"]).success();
}

#[test]
fn whose_key_only_another_branch_records_is_not_passed_over_by_somebody_who_cannot_open_the_file() {
    let (world, keys) = World::team(&["bob", "carol", "dave"]);
    let policy = world.read(".secret.toml");
    let rule = "\n[[rules]]\npath = \"private/**\"\nreaders = [\"alice\", \"carol\"]\n";
    world.write(".secret.toml", policy + rule);
    world.commit("a rule for two");
    world.write("private/a.env", "A=canary\n");
    run(&world, &["encrypt", "--yes", "private/a.env"], "");
    world.commit("a private file");
    world.git(["checkout", "--quiet", "-b", "feature"]);
    world.write(
        ".secret.toml",
        world.read(".secret.toml").replace("\"alice\", \"carol\"]", "\"alice\", \"bob\", \"carol\"]"),
    );
    world.commit("bob may read it");
    run(&world, &["rekey", "--yes"], "");
    world.commit("bob reads it");
    world.git(["checkout", "--quiet", "-"]);
    let before = world.listing();
    let refused = world.secret(["-i", &keys["dave"], "offboard", "bob", "--yes"]);
    assert_eq!((refused.code, world.listing() == before), (4, true), "{refused:#?}");
    assert!(refused.stderr.contains("private/a.env") && refused.stderr.contains("alice, carol can"), "{refused:#?}");
    run(&world, &["offboard", "bob", "--yes"], "");
    assert!(world.read("private/a.env").contains("bob"), "it is recorded");
    assert!(world.states().contains(&"private/a.env A exposed bob".to_owned()), "{:?}", world.states());
}

#[test]
fn a_request_to_join_is_no_plaintext_that_somebody_knows() {
    let (world, _) = World::team(&["bob"]);
    world.write(".secret.toml", world.read(".secret.toml").replace("secrets/**", "**"));
    world.commit("a rule for everything");
    let (carol, _) = world.keygen("carol");
    run(&world, &["-i", &carol, "request", "carol"], "");
    world.commit("carol asks");
    assert_eq!(world.plan("bob")["plaintexts"], serde_json::json!([]));
}

#[test]
fn who_alone_can_open_a_file_leaves_by_each_way_that_the_hints_show() {
    let (world, keys) = World::team(&["bob", "dave"]);
    let rules = |readers: &str| format!("\n[[rules]]\npath = \"only/**\"\nreaders = [{readers}]\n");
    world.write(".secret.toml", world.read(".secret.toml") + &rules("\"dave\""));
    world.commit("a rule");
    world.write("only/x.yaml", "a: canary\n");
    world.secret(["encrypt", "only/x.yaml"]).success();
    world.tamper(".secret.toml", "readers = [\"dave\"]", "readers = [\"dave\", \"bob\"]");
    world.commit("bob, too");
    let without = "hint: without dave nobody gets at its values: `git rm only/x.yaml`, commit, run this command again, and \
                   encrypt new values with `secret encrypt only/x.yaml`\n";
    let refused = world.secret(["offboard", "dave", "--yes"]);
    let said = "error: cannot open only/x.yaml: none of your identities opens it; nothing was rekeyed\n\
                hint: only dave can: have dave run `secret rekey only/x.yaml` first, which lets bob in, and one of those \
                run this command\n";
    assert_eq!((refused.code, refused.stderr), (4, format!("{said}{without}")));

    let by_dave = world.copy();
    by_dave.secret(["-i", &keys["dave"], "rekey", "only/x.yaml", "--yes"]).success();
    by_dave.commit("rekey");
    by_dave.secret(["-i", &keys["bob"], "offboard", "dave", "--yes"]).success();

    let by_hand = world.copy();
    let policy = by_hand.read(".secret.toml");
    let lines: Vec<String> =
        policy.lines().filter(|line| !line.starts_with("dave")).map(|line| line.replace("\"dave\", ", "")).collect();
    by_hand.write(".secret.toml", lines.join("\n").replace(", \"dave\"", ""));
    let said = "error: cannot open only/x.yaml: none of your identities opens it; nothing was rekeyed\n\
                hint: only dave can, whom the policy does not name for it any more: ask dave to run `secret rekey \
                only/x.yaml --without-me`\n";
    by_hand.refuses(["rekey", "only/x.yaml"], 4, &format!("{said}{without}"));
    by_hand.secret(["-i", &keys["dave"], "rekey", "only/x.yaml", "--without-me", "--yes"]).success();

    world.git(["rm", "--quiet", "only/x.yaml"]);
    world.commit("rm");
    world.secret(["offboard", "dave", "--yes"]).success();
    world.commit("dave leaves");
    world.write("only/x.yaml", "a: canary-new\n");
    world.secret(["encrypt", "only/x.yaml"]).success();
    assert_eq!(world.secret(["-i", &keys["bob"], "get", "only/x.yaml", "a"]).success().stdout, "canary-new");
}
