//! The plan against an oracle that opens every revision with each data key the leaver ever had.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use jiff::civil::date;
use secret::env::Env;
use secret::envelope::native::{EncryptedFile, FileSecrets};
use secret::keys::Identities;
use secret::ui::Ui;
use serde_json::Value;

use super::{Instance, Place, present, revisions, run};
use crate::world::World;

/// All that somebody has who kept every key that his identity ever opened.
pub(super) struct Hoard {
    /// The payloads of age files, with the file that each was in; one for each data key.
    keys: Vec<(Vec<u8>, EncryptedFile)>,
}

impl Hoard {
    pub(super) fn of(world: &World, identity: &str, revisions: &[Vec<u8>]) -> Self {
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
    pub(super) fn open(&self, file: &EncryptedFile) -> Option<Vec<(Instance, String)>> {
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
