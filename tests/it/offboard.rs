//! Off-boarding: the plan against an oracle that opens every revision with the leaver's key, the removal, leaked keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jiff::civil::date;
use secret::env::Env;
use secret::envelope::native::{EncryptedFile, FileSecrets};
use secret::keys::Identities;
use secret::ui::Ui;
use serde_json::Value;

use crate::world::{DB, World};

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
            let (key, recipient) = world.keygen(name);
            let _ = world.secret(["member", "add", name, &recipient, "--group", "team"]).success();
            keys.insert((*name).to_owned(), key);
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

/// All that somebody has who kept every key that his identity ever opened.
struct Hoard {
    /// The payloads of age files, with the file that each was in; one for each data key.
    keys: Vec<(Vec<u8>, EncryptedFile)>,
}

impl Hoard {
    fn of(world: &World, identity: &str, revisions: &[Vec<u8>]) -> Self {
        let env = Env::new(world.repo(), date(2026, 1, 1), []);
        let ui = Ui::plain();
        let identities = Identities::discover(&env, &[identity.into()], &ui);
        let mut keys: Vec<(Vec<u8>, EncryptedFile)> = Vec::new();
        let mut seen = BTreeSet::new();
        for bytes in revisions {
            let file = EncryptedFile::parse(bytes).expect("an encrypted file");
            let header = file.header();
            if !seen.insert(header.wrapped_key.clone()) {
                continue;
            }
            let Ok(payload) = identities.unwrap(&header.wrapped_key) else { continue };
            let secrets = FileSecrets::from_payload(&payload, header).expect("it is of this file");
            let is_known = keys.iter().any(|(known, from)| {
                from.header().file_id == header.file_id
                    && FileSecrets::from_payload(known, from.header()).expect("again").has_data_key_of(&secrets)
            });
            if !is_known {
                keys.push((payload.to_vec(), file));
            }
        }
        Self { keys }
    }

    /// Opens a file with any of the keys: the values by place and state.
    fn open(&self, file: &EncryptedFile) -> Option<Vec<(Instance, String)>> {
        for (payload, from) in self.keys.iter().filter(|(_, from)| from.header().file_id == file.header().file_id) {
            let secrets = FileSecrets::from_payload(payload, from.header()).expect("as before");
            let Ok(opened) = file.open_with(secrets) else { continue };
            let document = opened.document().expect("a document");
            let values = opened.values.iter().map(|value| {
                let (token, leaf) = (&value.token, document.leaf(value.item));
                let (file, id) = (file.header().file_id.to_string(), token.sealed.id().to_string());
                let state = (file, id, token.stamp.day.to_string(), u64::from(token.stamp.generation));
                (state, leaf.value.as_str().to_owned())
            });
            return Some(values.collect());
        }
        None
    }
}

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % u64::try_from(count).expect("small")).expect("small")
    }
}

/// Three hundred commits of a team: values, keys and files come, change, move and go; readers too.
fn lived() -> (World, BTreeMap<String, String>) {
    let world = World::new();
    let mut keys = BTreeMap::new();
    let mut policy = "version = 1\n\n[members]\n".to_owned();
    let own = world.secret(["whoami"]).success().stdout;
    policy.push_str(&format!(
        "alice = \"{}\"\n",
        own.lines()
            .find_map(|line| line.split_whitespace().find(|word| word.starts_with("age1")))
            .expect("a recipient")
    ));
    for name in ["bob", "carol", "dave", "erin"] {
        let (key, recipient) = world.keygen(name);
        policy.push_str(&format!("{name} = \"{recipient}\"\n"));
        keys.insert(name.to_owned(), key);
    }
    // Bob reads a from the beginning, leaves b, joins c, and never sees d.
    let readers = |b: &str, c: &str| {
        format!(
            "\n[[rules]]\npath = \"secrets/a/**\"\nreaders = [\"alice\", \"bob\", \"carol\"]\nowner = \"payments\"\n\
             \n[[rules]]\npath = \"secrets/b/**\"\nreaders = [\"alice\", {b}\"dave\"]\n\
             \n[[rules]]\npath = \"secrets/c/**\"\nreaders = [\"alice\", {c}\"erin\"]\nowner = \"ops\"\n\
             \n[[rules]]\npath = \"secrets/**\"\nreaders = [\"alice\", \"erin\"]\n"
        )
    };
    let rule = |b: &str, c: &str| world.write(".secret.toml", policy.clone() + &readers(b, c));
    rule("\"bob\", ", "");
    world.commit("the team");
    let mut dice = Dice(5);
    let mut fresh = 0;
    let mut value = move || {
        fresh += 1;
        format!("canary-{fresh}")
    };
    let mut files: Vec<String> = Vec::new();
    let mut commits = 1;
    let commit = |message: &str, commits: &mut i32| {
        world.git(["add", "--all"]);
        world.git(["commit", "--quiet", "--allow-empty", "--message", message]);
        *commits += 1;
    };
    let add = |files: &mut Vec<String>, value: &mut dyn FnMut() -> String| {
        let number = files.len();
        let folder = ["a", "b", "c", "d"][number % 4];
        let path = format!("secrets/{folder}/{number}.env");
        world.write(&path, format!("A={}\nB={}\n# note\nC={}\n", value(), value(), value()));
        run(&world, &["encrypt", "--quiet", &path], "");
        files.push(path);
    };
    (0..36).for_each(|_| add(&mut files, &mut value));
    commit("files", &mut commits);
    while commits < 300 {
        let at = dice.below(files.len());
        let path = files[at].clone();
        // The days go by, faster than the commits.
        let today = date(2026, 1, 1).saturating_add(jiff::Span::new().days(commits));
        let act = |words: &[&str]| world.on(today, &[&["--quiet"], words].concat());
        let put = |path: &str, key: &str, value: &str| {
            fs::write(world.home().join("value"), value).expect("a written file");
            act(&["set", path, key, "--from-file", &world.home().join("value").display().to_string()]);
        };
        let text = world.read(&path);
        let keys = text.lines().filter(|line| !line.starts_with('#'));
        let present: Vec<&str> = keys.filter_map(|line| Some(line.split_once('=')?.0)).collect();
        let key = present.get(dice.below(present.len().max(1))).map_or("A", |key| key);
        match commits {
            40 | 80 | 120 | 160 => add(&mut files, &mut value),
            100 => {
                rule("", "");
                commit("bob leaves b", &mut commits);
                act(&["rekey", "--yes"]);
            }
            150 => {
                rule("", "\"bob\", ");
                commit("bob joins c", &mut commits);
                act(&["rekey", "--yes"]);
            }
            200 => act(&["rekey", "--yes", "--new-key", "secrets/a"]),
            220 => {
                // Another branch, of which nothing comes back.
                world.git(["checkout", "--quiet", "-b", "side"]);
                put(&path, "A", &value());
                commit("on a side", &mut commits);
                world.git(["checkout", "--quiet", "main"]);
            }
            _ => match dice.below(20) {
                0 => {
                    let to = path.replace(".env", "-x.env");
                    act(&["mv", &path, &to]);
                    files[at] = to;
                }
                1 => put(&path, &format!("N{commits}"), &value()),
                2 if present.len() > 1 => act(&["unset", &path, key]),
                3 => {
                    let text = world.secret(["decrypt", &path]).success().stdout;
                    world.write("new.env", text.replace(&format!("{key}="), &format!("{key}_{commits}=")));
                    act(&["edit", &path, "--from", "new.env"]);
                    fs::remove_file(world.path("new.env")).expect("a file");
                }
                4 => {
                    // The same value again is no new one.
                    let same = world.secret(["get", &path, key]).success().stdout;
                    put(&path, key, &same);
                }
                5 if files.len() > 36 => {
                    fs::remove_file(world.path(&path)).expect("a file");
                    files.remove(at);
                }
                _ => put(&path, key, &value()),
            },
        }
        commit("something", &mut commits);
    }
    (world, keys)
}

#[track_caller]
fn run(world: &World, arguments: &[&str], stdin: &str) {
    let _ = world.secret_with(arguments, stdin, &[]).success();
}

#[test]
fn the_plan_is_what_the_leaver_can_open_and_after_the_removal_he_opens_nothing_new() {
    let (world, keys) = lived();
    let plan = world.plan("bob");
    let texts = revisions(&world);
    let hoard = Hoard::of(&world, &keys["bob"], &texts);

    // What he could ever read: each state of each value.
    let mut readable: BTreeSet<Instance> = BTreeSet::new();
    let mut plaintexts: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for text in &texts {
        for (state, plaintext) in hoard.open(&EncryptedFile::parse(text).expect("a file")).into_iter().flatten() {
            plaintexts.entry((state.0.clone(), state.1.clone())).or_default().insert(plaintext);
            readable.insert(state);
        }
    }
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let values = plan["values"].as_array().expect("a list");
    let planned: BTreeSet<Instance> = values
        .iter()
        .flat_map(|value| {
            let versions = value["versions"].as_array().expect("a list").iter();
            let of = (text(&value["file_id"]), text(&value["id"]));
            versions.map(move |version| {
                let generation = version["generation"].as_u64().expect("a number");
                (of.0.clone(), of.1.clone(), text(&version["since"]), generation)
            })
        })
        .collect();
    assert_eq!(planned, readable);
    assert!(readable.len() > 150, "{}", readable.len());

    // What of it still stands there, by the plaintexts that only the readers see.
    let env = Env::new(world.repo(), date(2026, 1, 1), [("HOME".into(), world.home().into())]);
    let ui = Ui::plain();
    let own = Identities::discover(&env, &[], &ui);
    let mut still: BTreeSet<Place> = BTreeSet::new();
    let mut now: BTreeSet<Place> = BTreeSet::new();
    for bytes in present(&world).into_values() {
        let file = EncryptedFile::parse(&bytes).expect("a file");
        let payload = own.unwrap(&file.header().wrapped_key).expect("alice reads all");
        let opened = file.open(&payload).expect("authentic");
        let document = opened.document().expect("a document");
        for value in &opened.values {
            let place = (file.header().file_id.to_string(), value.token.sealed.id().to_string());
            let plaintext = document.leaf(value.item).value.as_str();
            if plaintexts.get(&place).is_some_and(|known| known.contains(plaintext)) {
                still.insert(place.clone());
            }
            now.insert(place);
        }
    }
    let in_state = |state: &str| -> BTreeSet<Place> {
        let values = values.iter().filter(|value| value["state"] == state);
        values.map(|value| (text(&value["file_id"]), text(&value["id"]))).collect()
    };
    assert_eq!(in_state("current"), still);
    let gone: BTreeSet<Place> = plaintexts.keys().filter(|place| !now.contains(*place)).cloned().collect();
    assert_eq!(in_state("removed"), gone);
    let replaced: BTreeSet<Place> =
        plaintexts.keys().filter(|place| now.contains(*place) && !still.contains(*place)).cloned().collect();
    assert_eq!(in_state("replaced"), replaced);
    assert!(still.len() > 20 && !gone.is_empty() && !replaced.is_empty());

    // He leaves.
    let before = world.read(".secret.toml");
    let removed = world.secret(["member", "remove", "bob", "--yes", "--quiet"]).success();
    assert!(removed.stdout.contains("owner payments: "), "{}", removed.stdout);
    let kept: String = before.split_inclusive('\n').filter(|line| !line.starts_with("bob = ")).collect();
    assert_eq!(world.read(".secret.toml"), kept.replace("\"bob\", ", ""));
    world.commit("bob leaves");
    assert_eq!(world.states().iter().filter(|line| line.ends_with(" exposed bob")).count(), still.len());
    assert!(world.states().iter().all(|line| line.ends_with(" exposed bob") || line.ends_with(" up-to-date")));

    // What is written from now on, no key that he ever had opens.
    let exposed: Vec<String> = world.states().into_iter().filter(|line| line.ends_with(" exposed bob")).collect();
    let words = |line: &String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let same = words(&exposed[0]);
    let value = world.secret(["get", &same[0], &same[1]]).success().stdout;
    run(&world, &["set", &same[0], &same[1], "--stdin"], &value);
    assert!(world.states().contains(&exposed[0]), "the same value is known as before");
    for (number, line) in exposed.iter().enumerate() {
        let words = words(line);
        run(&world, &["set", "--quiet", &words[0], &words[1], "--stdin"], &format!("canary-after-{number}"));
    }
    for (path, bytes) in present(&world) {
        let file = EncryptedFile::parse(&bytes).expect("a file");
        assert!(Hoard::of(&world, &keys["bob"], std::slice::from_ref(&bytes)).keys.is_empty(), "{path}");
        let is_old = texts.contains(&bytes) && file.header().exposed.iter().all(|exposure| exposure.member != "bob");
        // What he never read, or was locked out of before, was not written again.
        assert!(is_old || hoard.open(&file).is_none(), "{path}");
        assert!(hoard.open(&file).is_none(), "{path}");
    }
    let due = world.due(&[]);
    assert_eq!((due.code, due.stdout.as_str()), (0, ""), "{due:#?}");
}

#[test]
fn a_removal_says_what_it_does_and_what_it_cannot() {
    let (world, _) = World::team(&["bob"]);
    world.set_value(FILE, "db.user", "canary-other");
    world.commit("a new user");
    let ask = "error: bob leaves the policy; 1 file get new data keys; nobody has agreed to that\nhint: answer at a terminal, or give --yes";
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
    let (key, bob) = world.keygen("bob");
    let _ = world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
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
    let (_, bob) = world.keygen("bob");
    let _ = world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
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

#[test]
fn a_file_that_is_not_in_the_work_tree_is_no_file_that_was_rekeyed() {
    let (world, _) = World::team(&["bob"]);
    let world = world.with_file("secrets/other.env", "A=canary\n");
    fs::remove_file(world.path("secrets/other.env")).expect("a file");
    let text = world.secret(["member", "remove", "bob", "--yes"]).success().stdout;
    assert!(text.contains("beyond any rekey here: secrets/other.env. Restore them first."), "{text}");
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
    assert_eq!(world.secret(["member", "add", "(compromised)", &world.keygen("x").1]).code, 1);
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
