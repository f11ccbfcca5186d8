//! Recipes of values that are kept sealed in the header: who opens the file goes by them, nobody else sees them.

use secret::document::Format;
use secret::envelope::native::{EncryptedFile, KeptRecipe, Opened, SealError, seal};
use serde_json::{Value, json};

use crate::generate::{File, Sample, day};
use crate::laws::open;
use crate::world::World;

const FILE: &str = "secrets/db.yaml";
const KEY: &str = "db.password";
const RECIPE: &str = "password:40,lower,symbols";

fn rotate<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["rotate", FILE, KEY], arguments].concat()
}

fn said(world: &World) -> Value {
    let info = world.secret(["info", FILE, "--json"]).success().stdout;
    serde_json::from_str::<Value>(&info).expect("JSON")["said_of_values"].clone()
}

/// Rotates by the recipe that is kept, and tells whether that is the one of these tests.
fn repeats(world: &World, key: &str) -> bool {
    world.secret(["rotate", FILE, key, "--generate"]).success();
    let made = world.secret(["get", FILE, key]).success().stdout;
    made.trim_end_matches('\n').len() == 40
        && made.trim_end().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_punctuation())
}

fn with_sealed_recipe() -> World {
    let world = World::with_db();
    world.secret(rotate(&["--generate", RECIPE, "--keep-recipe=sealed"])).success();
    world
}

#[test]
fn a_recipe_is_kept_sealed_and_repeated_and_no_output_tells_it() {
    let world = World::with_db();
    let first = world.secret(rotate(&["--generate", RECIPE, "--keep-recipe=sealed"])).success();
    let rotated = "rotated db.password in secrets/db.yaml\n\
                   next: commit secrets/db.yaml and deploy it; the old value stays in git's history\n";
    assert_eq!((first.stdout.as_str(), first.stderr.as_str()), ("", rotated));
    let line = world.read(FILE).lines().find(|line| line.contains("generate_sealed")).map(str::to_owned);
    let line = line.expect("the header has it");
    assert!(line.starts_with("# values.\"db.password\" = { generate_sealed = \"secret-v1.r.2"), "{line}");
    assert!(!world.read(FILE).contains("password:40"));
    assert_eq!(said(&world), json!({KEY: {"generate": "(sealed)"}}));
    assert!(world.secret(["info", FILE]).success().stdout.contains("db.password  generate (sealed)\n"));

    let before = world.read(FILE);
    assert_eq!(world.secret(rotate(&["--generate"])).success().stderr, rotated);
    assert!(world.read(FILE).contains(&line), "the header stays as it is");
    assert_ne!(world.read(FILE), before);
    assert!(repeats(&world, KEY));
    let json = world.secret(rotate(&["--generate", "--json"])).success().stdout;
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["values"][0]["recipe"], &json["values"][0]["entropy"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_sealed_recipe_stays_sealed_until_somebody_wants_it_in_clear() {
    let world = with_sealed_recipe();
    let sealed = json!({KEY: {"generate": "(sealed)"}});
    // Another recipe takes its place: sealed, too, though nobody says so again.
    assert!(!world.secret(rotate(&["--generate", "hex:32", "--keep-recipe"])).success().stderr.contains("hex"));
    assert_eq!(said(&world), sealed);
    world.secret(["meta", FILE, KEY, "--generate", RECIPE]).success();
    assert_eq!(said(&world), sealed);
    assert!(repeats(&world, KEY));
    let again = world.secret(["meta", FILE, KEY, "--generate", RECIPE, "--seal-recipe"]).success().stderr;
    assert_eq!(again, "the header of secrets/db.yaml says so of db.password already\n");
    world.secret(rotate(&["--generate", "hex:20", "--keep-recipe=clear"])).success();
    assert_eq!(said(&world), json!({KEY: {"generate": "hex:20"}}));
    world.secret(["meta", FILE, KEY, "--generate", "hex:20", "--seal-recipe"]).success();
    assert_eq!(said(&world), sealed);
    world.secret(["meta", FILE, KEY, "--generate", ""]).success();
    assert_eq!(said(&world), json!({}));
    for (arguments, said) in [
        (["--stdin", "--keep-recipe=sealed"], "--keep-recipe keeps the recipe that --generate names"),
        (["--generate", "--keep-recipe=sealed"], "--keep-recipe keeps the recipe that --generate names"),
        (["--generate=hex:32", "--keep-recipe=hidden"], "invalid value 'hidden' for '--keep-recipe"),
    ] {
        let refused = world.secret_with(rotate(&arguments), "canary", &[]);
        assert!(refused.code == 2 && refused.stderr.contains(said), "{refused:#?}");
    }
}

#[test]
fn a_sealed_recipe_stays_with_its_value() {
    let world = with_sealed_recipe();
    world.secret(["meta", FILE, KEY, "--owner", "dba"]).success();
    let said_of = |key: &str| json!({key: {"owner": "dba", "generate": "(sealed)"}});
    let rename = world.editor("sed -i 's/  password:/  secret:/' \"$1\"");
    world.secret_with(["edit", FILE], "", &[("EDITOR", &rename)]).success();
    assert_eq!(said(&world), said_of("db.secret"));
    world.commit("renamed");
    world.secret(["mv", FILE, "secrets/moved.yaml"]).success();
    world.secret(["mv", "secrets/moved.yaml", FILE]).success();
    assert!(repeats(&world, "db.secret"));
    world.commit("moved");
    world.secret(["rekey", "--new-key", "--yes"]).success();
    assert_eq!(said(&world), said_of("db.secret"));
    let diff = world.secret(["diff"]).success().stdout;
    assert!(!diff.contains("generate"), "sealed again, the recipe is the same: {diff}");
    assert!(repeats(&world, "db.secret"));
    world.commit("rekeyed");
    world.secret(["meta", FILE, "db.secret", "--generate", "hex:32"]).success();
    let diff = world.secret(["diff"]).success().stdout;
    assert!(diff.contains("values.db.secret.generate: (sealed, id "), "another recipe is another one: {diff}");
    world.secret(["verify"]).success();
    world.secret(["unset", FILE, "db.secret"]).success();
    assert_eq!(said(&world), json!({}));
}

#[test]
fn without_the_key_nobody_moves_a_sealed_recipe() {
    let world = with_sealed_recipe();
    world.secret(["meta", FILE, "db.user", "--generate", "words:9", "--seal-recipe"]).success();
    let file = world.read(FILE);
    let tokens: Vec<&str> = file.split('"').filter(|text| text.starts_with("secret-v1.r.")).collect();
    let [one, other] = tokens[..] else { panic!("two recipes: {tokens:?}") };
    for (tampered, said) in [
        (file.replace(one, "\0").replace(other, one).replace('\0', other), "the sealed recipe of `db.password`"),
        (file.replace(other, one), "the sealed recipe of `db.user`"),
        (file.replace(one, &one[..one.len() - 1]), "field `values` has an impossible value"),
    ] {
        world.write(FILE, tampered);
        let verified = world.secret(["verify"]);
        assert!(verified.code == 3 && verified.stdout.contains(said), "without a key: {verified:#?}");
        let refused = world.secret(rotate(&["--generate"]));
        assert!(refused.code != 0 && refused.stdout.is_empty(), "{refused:#?}");
    }
    world.write(FILE, &file);
    world.secret(["decrypt", FILE]).success();
}

#[test]
fn the_merge_driver_takes_a_sealed_recipe_along_under_a_new_data_key() {
    let world = with_sealed_recipe();
    world.commit("sealed");
    let base = world.read_bytes(FILE);
    world.write("base.yaml", &base);
    let merge = |ours: &str, theirs: &str| world.secret(["git", "merge", "base.yaml", ours, theirs, "--path", FILE]);
    world.secret(["rekey", "--new-key", "--yes"]).success();
    world.write("rekeyed.yaml", world.read_bytes(FILE));
    world.write(FILE, &base);
    world.secret(["meta", FILE, "db.user", "--generate", RECIPE, "--seal-recipe"]).success();
    world.secret(["meta", FILE, KEY, "--generate", "hex:32"]).success();
    world.write("changed.yaml", world.read_bytes(FILE));
    for (ours, theirs) in [("rekeyed.yaml", "changed.yaml"), ("changed.yaml", "rekeyed.yaml")] {
        world.write("ours.yaml", world.read_bytes(ours));
        merge("ours.yaml", theirs).success();
        world.write(FILE, world.read_bytes("ours.yaml"));
        assert_eq!(said(&world), json!({KEY: {"generate": "(sealed)"}, "db.user": {"generate": "(sealed)"}}));
        world.secret(["verify"]).success();
        assert!(repeats(&world, "db.user"), "{ours}");
        world.secret(rotate(&["--generate"])).success();
        assert_eq!(world.secret(["get", FILE, KEY]).success().stdout.trim_end().len(), 64, "{ours}");
    }
    // Two recipes for one value are for people to decide.
    world.write(FILE, &base);
    world.secret(["meta", FILE, KEY, "--generate", "words:9"]).success();
    world.write("ours.yaml", world.read_bytes(FILE));
    let conflict = merge("ours.yaml", "changed.yaml");
    assert!(conflict.code == 1 && conflict.stderr.contains("header:values.db.password.generate"), "{conflict:#?}");
    assert_eq!(world.read_bytes("base.yaml"), base);
}

#[test]
fn plain_git_merges_values_beside_a_sealed_recipe() {
    let world = World::with_db();
    world.git(["checkout", "--quiet", "-b", "other"]);
    world.secret(["meta", FILE, KEY, "--generate", RECIPE, "--seal-recipe"]).success();
    world.commit("a recipe");
    world.git(["checkout", "--quiet", "-"]);
    world.secret_with(["set", FILE, "db.port", "--stdin"], "5433", &[]).success();
    world.commit("a port");
    world.git(["-c", "merge.secret.driver=", "merge", "--quiet", "--no-edit", "other"]);
    world.secret(["verify"]).success();
    assert!(repeats(&world, KEY));
    assert!(world.secret(["get", FILE, "db.port"]).success().stdout.contains("5433"));
}

fn header_with(file: &File, opened: &Opened, key: &str, recipe: &KeptRecipe) -> secret::envelope::native::Header {
    let mut header = opened.header.clone();
    header.metadata.values.entry(key.to_owned()).or_default().generate = Some(recipe.clone());
    assert_eq!(header.file_id, file.header.file_id);
    header
}

#[test]
fn a_sealed_recipe_is_good_for_one_key_of_one_file_and_one_data_key() {
    let sample = Sample::of(Format::Yaml, "a: 1\nb: 2\nc:\n  - x\n  - y\n");
    let text = sample.text.as_bytes();
    let keys = ["a", "b", "c[0]", "c[1]"];
    let (one, other) = (File::new(&sample), File::new(&sample));
    let [opened, foreign] = [&one, &other].map(|file| open(file, &file.seal(text, None, 1).expect("it can be sealed")));
    let sealed = |opened: &Opened, key: &str| KeptRecipe::Sealed(opened.seal_recipe(key, "hex:32", day(1)));
    let write = |header| seal(text, header, &opened.secrets, Some(&opened), day(2));
    for key in keys {
        for at in keys {
            let own = write(header_with(&one, &opened, at, &sealed(&opened, key)));
            match own {
                Ok(file) => {
                    assert_eq!(key, at);
                    let file = EncryptedFile::parse(&file).expect("it is one");
                    let read = file.open(&opened.secrets.payload(file.header())).expect("it opens");
                    assert_eq!(read.sealed_recipe(at).as_deref().map(String::as_str), Some("hex:32"));
                }
                Err(error) => assert!(key != at && matches!(error, SealError::ForeignRecipe { .. }), "{error}"),
            }
            let other = write(header_with(&one, &opened, at, &sealed(&foreign, key)));
            assert_eq!(other, Err(SealError::ForeignRecipe { key: at.to_owned() }), "of another file");
        }
    }
    let mut next = header_with(&one, &opened, "a", &sealed(&opened, "a"));
    next.generation += 1;
    let renewed = opened.secrets.with_new_data_key(&next);
    let lost = seal(text, next, &renewed, None, day(2));
    assert_eq!(lost, Err(SealError::ForeignRecipe { key: "a".to_owned() }), "of the data key before");
}
