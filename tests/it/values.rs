//! `get`, `set`, `unset`, `ls`, `info`, `who`, `whoami`, `meta`, `mv`, `member list` and `group list`.

use serde_json::{Value, json};

use crate::world::{DB, Outcome, World};

const FILE: &str = "secrets/db.yaml";

#[track_caller]
fn set(world: &World, path: &str, key: &str, value: &str, options: &[&str]) -> Outcome {
    world.secret_with([&["set", path, key, "--stdin"], options].concat(), value, &[]).success()
}

#[track_caller]
fn get(world: &World, path: &str, key: &str) -> String {
    world.secret(["get", path, key]).success().stdout
}

#[track_caller]
fn decrypt(world: &World, path: &str) -> String {
    world.secret(["decrypt", path]).success().stdout
}

#[track_caller]
fn as_json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.success().stdout).expect("it is JSON")
}

fn recipient(world: &World) -> String {
    let identities = as_json(world.secret(["whoami", "--json"]));
    identities["identities"][0]["recipient"].as_str().expect("a recipient").to_owned()
}

#[test]
fn get_prints_exact_bytes_and_subtrees_as_json() {
    let world = World::new().with_file(
        FILE,
        "db:\n  pass: \"a\\tb\"\n  users: [{name: ann, ok: true}, {name: bob, n: 0x10}]\n  none: ~\n\"a.b\":\n  c: |\n    two\n    lines\n",
    );
    for (key, value) in [
        ("db.pass", "a\tb"),
        ("db.users[1].name", "bob"),
        ("[\"db\"][\"pass\"]", "a\tb"),
        ("\"a.b\".c", "two\nlines\n"),
        ("db.none", "null\n"),
        ("db.users[0]", "{\n  \"name\": \"ann\",\n  \"ok\": true\n}\n"),
        ("db.users[1]", "{\n  \"name\": \"bob\",\n  \"n\": 16\n}\n"),
    ] {
        assert_eq!(get(&world, FILE, key), value, "{key}");
    }
    assert_eq!(world.secret(["get", FILE, "db.pass", "--json"]).success().stdout, "\"a\\tb\"\n");
    assert_eq!(
        as_json(world.secret(["get", FILE, "db", "--json"])),
        json!({"pass": "a\tb", "users": [{"name": "ann", "ok": true}, {"name": "bob", "n": 16}], "none": null})
    );
}

#[test]
fn a_key_that_is_not_there_is_an_error_with_what_may_be_meant() {
    let world = World::with_db();
    for command in ["get", "unset"] {
        world.refuses(
            [command, FILE, "db.pasword"],
            1,
            "error: secrets/db.yaml has no key db.pasword\nhint: did you mean db.password?",
        );
        world.refuses(
            [command, FILE, "nothing.like.it"],
            1,
            "error: secrets/db.yaml has no key nothing.like.it\nhint: `secret ls secrets/db.yaml` lists its keys",
        );
    }
}

#[test]
fn set_changes_one_value_and_says_so() {
    let world = World::with_db();
    let before = world.read(FILE);
    assert_eq!(set(&world, FILE, "db.password", "new\n", &[]).stderr, "set db.password in secrets/db.yaml\n");
    assert_eq!(decrypt(&world, FILE), DB.replace("canary-hunter2", "new"));
    let after = world.read(FILE);
    let changed: Vec<usize> = before
        .lines()
        .zip(after.lines())
        .enumerate()
        .filter(|(_, (old, new))| old != new)
        .map(|(at, _)| at + 1)
        .collect();
    let line = world.line_of(FILE, "  password:");
    assert!(changed.contains(&line) && changed.iter().all(|at| [line, line + 1].contains(at)), "{changed:?}");
    let again = set(&world, FILE, "db.password", "new\n", &[]);
    assert_eq!(again.stderr, "db.password in secrets/db.yaml has this value already\n");
    assert_eq!(world.read(FILE), after);
}

#[test]
fn set_takes_text_as_text_and_json_as_what_it_is() {
    let world = World::new().with_file(FILE, "a: 1\nlist:\n  - x\n");
    set(&world, FILE, "a", "true", &[]);
    set(&world, FILE, "b", "true", &["--json"]);
    set(&world, FILE, "list[1]", "00", &[]);
    set(&world, FILE, "deep.er", "{\"k\": [1, null]}", &["--json"]);
    let expected = json!({"a": "true", "b": true, "list": ["x", "00"], "deep": {"er": {"k": [1, null]}}});
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(as_json(world.secret(["get", FILE, key, "--json"])), *value, "{}", decrypt(&world, FILE));
    }
}

#[test]
fn set_keeps_every_byte_but_one_final_line_end_of_a_single_line() {
    let world = World::with_db();
    for (typed, value) in
        [("x\n", "x"), ("x\r\n", "x"), ("x", "x"), ("x\n\n", "x\n\n"), ("x\ny\n", "x\ny\n"), ("\n", ""), (" x ", " x ")]
    {
        set(&world, FILE, "db.user", typed, &[]);
        assert_eq!(get(&world, FILE, "db.user"), value, "{typed:?}");
    }
    world.write("value", "x\n");
    world.secret(["set", FILE, "db.user", "--from-file", "value"]).success();
    assert_eq!(get(&world, FILE, "db.user"), "x\n");
}

#[test]
fn a_value_becomes_empty_only_when_that_is_meant() {
    let world = World::with_db();
    world.write("empty", "");
    let hint = "error: the value is empty\n\
                hint: see whether the program that writes it works; if it shall be empty, add --allow-empty";
    world.refuses(["set", FILE, "db.user", "--stdin"], 1, hint);
    world.refuses(["set", FILE, "db.user", "--from-file", "empty"], 1, hint);
    world.secret(["set", FILE, "db.user", "--stdin", "--allow-empty"]).success();
    assert_eq!(get(&world, FILE, "db.user"), "");
}

#[test]
fn set_refuses_what_is_no_json_without_showing_it() {
    let world = World::with_db();
    world.refuses_with(
        ["set", FILE, "db.user", "--stdin", "--json"],
        "{canary",
        &[],
        1,
        "error: the value is not JSON (line 1, column 2)",
    );
}

#[test]
fn set_asks_at_a_terminal_and_shows_nothing() {
    let world = World::with_db();
    let answers = [("new value of db.user", "canary one\r"), ("again", "canary one\r")];
    let (code, screen) = world.at_terminal(&["set", FILE, "db.user"], &[], &answers);
    assert!(
        code == 0 && screen.ends_with("set db.user in secrets/db.yaml\n") && !screen.contains("canary"),
        "{screen}"
    );
    assert_eq!(get(&world, FILE, "db.user"), "canary one");
}

#[test]
fn a_key_can_be_added_and_removed_in_every_format_without_another_byte_changed() {
    for (name, text) in [
        ("a.yaml", "# c\na: 1\nb: {c: 2}\n"),
        ("a.json", "{\n  \"a\": 1,\n  \"b\": {\"c\": 2}\n}\n"),
        ("a.toml", "# c\na = 1\n\n[b]\nc = 2\n"),
        ("a.env", "# c\nexport a=1\nb='2'\n"),
        ("a.ini", "; c\na = 1\n\n[b]\nc = 2\n"),
    ] {
        let path = format!("secrets/{name}");
        let world = World::new().with_file(&path, text);
        set(&world, &path, "added", "canary", &[]);
        assert_eq!(get(&world, &path, "added"), "canary");
        assert!(!world.read(&path).contains("canary"));
        let outcome = world.secret(["unset", &path, "added"]).success();
        assert_eq!(outcome.stderr, format!("removed added from {path}\n"));
        assert_eq!(decrypt(&world, &path), text);
    }
}

#[test]
fn ls_shows_files_and_keys_without_an_identity() {
    let world = World::with_db().with_file("secrets/app.env", "TOKEN=canary\n");
    world.write("secrets/plain.yaml", DB);
    world.write("README", "no rule is for this");
    let nobody = [("HOME", "/nonexistent")];
    assert_eq!(
        world.secret_with(["ls"], "", &nobody).success().stdout,
        "secrets/app.env\nsecrets/db.yaml\nsecrets/plain.yaml  plaintext\n"
    );
    assert_eq!(world.secret_with(["ls", FILE], "", &nobody).success().stdout, "db.user\ndb.password\ndb.port\n");
    assert_eq!(
        as_json(world.secret_with(["ls", "--json"], "", &nobody)),
        json!({"version": 1, "files": [
            {"file": "secrets/app.env", "state": "encrypted"},
            {"file": "secrets/db.yaml", "state": "encrypted"},
            {"file": "secrets/plain.yaml", "state": "plaintext"},
        ]})
    );
    assert_eq!(
        as_json(world.secret_with(["ls", FILE, "--json"], "", &nobody)),
        json!({"version": 1, "keys": ["db.user", "db.password", "db.port"]})
    );
}

#[test]
fn info_shows_the_header() {
    let world = World::with_db();
    let file_id = as_json(world.secret(["info", FILE, "--json"]))["file_id"].as_str().expect("an id").to_owned();
    let info = world.secret(["info", FILE]).success().stdout;
    assert_eq!(
        world.filter(&info),
        format!(
            "path      secrets/db.yaml\nformat    yaml (values)\nreaders   alice\ncreated   [TODAY]\n\
             data key  generation 1, header revision 1\nvalues    3 encrypted, 0 in clear\nfile id   {file_id}\n"
        )
    );
    let meta = ["meta", FILE, "--owner", "ops", "--purpose", "tests", "--rotate-every", "90d", "--tag", "tier=1"];
    assert_eq!(world.secret(meta).success().stderr, "changed the header of secrets/db.yaml\n");
    assert_eq!(world.secret(meta).success().stderr, "the header of secrets/db.yaml says so already\n");
    let today = world.secret(["info", FILE, "--json"]);
    assert_eq!(
        serde_json::from_str::<Value>(&world.filter(&today.success().stdout)).expect("JSON"),
        json!({
            "version": 1, "file_id": file_id, "path": FILE, "format": "yaml", "mode": "values", "generation": 1,
            "revision": 2, "owner": "ops", "purpose": "tests", "created": "[TODAY]", "rotate_every": "90d",
            "rotation_due": null, "comments": "sealed", "cleartext": [], "tags": {"tier": "1"}, "said_of_values": {},
            "recipients": {"alice": [recipient(&world)]}, "exposed": [], "values": {"encrypted": 3, "clear": 0},
        })
    );
}

#[test]
fn metadata_that_makes_no_sense_is_refused() {
    let world = World::with_db();
    for (option, value, said) in [
        ("--rotate-every", "90", "`rotate_every` cannot be \"90\": write for example 90d, 12w, 6mo or 1y"),
        ("--rotation-due", "soon", "`rotation_due` cannot be \"soon\": write a day as 2027-01-31"),
        ("--tag", "a b=1", "`tags` cannot be \"a b\": a tag's name has letters, digits, `_` and `-`"),
    ] {
        world.refuses(["meta", FILE, option, value], 1, &format!("error: {said}"));
    }
}

#[test]
fn who_shows_readers_and_where_they_differ_from_the_policy() {
    let world = World::with_db();
    assert_eq!(world.secret(["who", FILE]).success().stdout, "alice\n");
    world.joins("bob");
    let outcome = world.secret(["who", FILE]).success();
    assert_eq!(outcome.stdout, "alice\nbob    cannot yet; the policy names them\n");
    assert_eq!(outcome.stderr, "hint: `secret rekey` brings the file in line with the policy\n");
    assert_eq!(
        as_json(world.secret(["who", FILE, "--json"])),
        json!({"version": 1, "readers": {"alice": [recipient(&world)]}, "surplus": [], "missing": ["bob"], "changed": [],
               "former_readers": []})
    );
}

#[test]
fn whoami_and_the_lists_show_names_and_keys() {
    let world = World::with_db();
    let alice = recipient(&world);
    let origin = world.home().join(".config/secret/identities.txt").display().to_string();
    assert_eq!(world.secret(["whoami"]).success().stdout, format!("{alice}  alice  {origin}\n"));
    assert_eq!(
        as_json(world.secret(["whoami", "--json"])),
        json!({"version": 1, "identities": [{"recipient": alice, "member": "alice", "origin": origin, "passphrase": false}]})
    );
    let (bob_key, bob) = world.keygen("bob");
    assert_eq!(
        world.secret(["-i", &bob_key, "whoami"]).success().stdout,
        format!("{bob}  not in the policy  {bob_key}\n")
    );
    let added = world.secret(["member", "add", "deploy", &bob, "--kind", "machine", "--group", "ci"]).success();
    assert_eq!(
        added.stderr,
        "added deploy to the policy and to ci\n\
         next: no rule lets deploy read anything yet: name deploy or a group of theirs in a rule, or `secret group add \
         GROUP deploy`\n"
    );
    assert_eq!(
        world.secret(["member", "list"]).success().stdout,
        format!("alice   person   team  -  {alice}\ndeploy  machine  ci    -  {bob}\n")
    );
    assert_eq!(
        as_json(world.secret(["member", "list", "--json"])),
        json!({"version": 1, "members": [
            {"name": "alice", "kind": "person", "expires": null, "expired": false, "groups": ["team"], "recipients": [alice]},
            {"name": "deploy", "kind": "machine", "expires": null, "expired": false, "groups": ["ci"], "recipients": [bob]},
        ]})
    );
    assert_eq!(world.secret(["group", "list"]).success().stdout, "ci    deploy\nteam  alice\n");
    assert_eq!(
        as_json(world.secret(["group", "list", "--json"])),
        json!({"version": 1, "groups": {"ci": ["deploy"], "team": ["alice"]}})
    );
    let added = world.secret(["group", "add", "payments", "alice", "ci"]).success();
    assert_eq!(
        added.stderr,
        "added alice, ci to payments\nnext: commit the policy, then `secret rekey` brings the files in line\n"
    );
}

#[test]
fn a_moved_file_has_its_new_path_and_its_tokens() {
    let world = World::with_db();
    let before = world.read(FILE);
    let moved = "secrets/main/db.yaml";
    assert_eq!(world.secret(["mv", FILE, moved]).success().stderr, format!("moved {FILE} to {moved}\n"));
    assert!(!world.path(FILE).exists());
    assert_eq!(decrypt(&world, moved), DB);
    let tokens = |text: &str| text.split_once("# secret/v1 end\n").expect("a header").1.to_owned();
    assert_eq!(tokens(&before), tokens(&world.read(moved)));
    assert!(world.read(moved).contains("# path = \"secrets/main/db.yaml\"\n"));
}

#[test]
fn what_a_file_manager_moved_is_put_right_by_mv() {
    let world = World::with_db();
    std::fs::rename(world.path(FILE), world.path("secrets/moved.yaml")).expect("it moves");
    let hint = world.secret(["decrypt", "secrets/moved.yaml"]);
    assert_eq!(hint.code, 5);
    // As the hint says.
    std::fs::rename(world.path("secrets/moved.yaml"), world.path(FILE)).expect("it moves");
    world.secret(["mv", FILE, "secrets/moved.yaml"]).success();
    assert_eq!(decrypt(&world, "secrets/moved.yaml"), DB);
}

#[test]
fn mv_never_overwrites() {
    let world = World::with_db().with_file("secrets/other.yaml", DB);
    world.refuses(["mv", FILE, "secrets/other.yaml"], 1, "error: [WORLD]/repo/secrets/other.yaml exists already");
}

#[test]
fn quiet_says_nothing_when_all_is_well() {
    let world = World::with_db();
    world.write("secrets/new.yaml", DB);
    let silent = Outcome { code: 0, stdout: String::new(), stderr: String::new() };
    assert_eq!(world.secret(["--quiet", "encrypt", "secrets/new.yaml"]), silent);
    assert_eq!(world.secret(["unset", FILE, "db.port", "-q"]), silent);
    assert_eq!(world.secret(["-q", "rekey"]), silent);
}

#[test]
fn init_again_changes_nothing_and_tells_a_second_person_what_to_hand_over() {
    let world = World::with_db();
    let before = world.listing();
    let again = world.secret(["init", "--name", "alice", "--no-git"]).success();
    assert_eq!(world.filter(&again.stderr), "[WORLD]/repo/.secret.toml is there already, and you are alice in it\n");
    let (bob_key, bob) = world.keygen("bob");
    let second = world.secret(["-i", &bob_key, "init", "--name", "bob", "--no-git"]).success();
    assert_eq!(
        world.filter(&second.stderr),
        "[WORLD]/repo/.secret.toml is there already; send this line to a member of it:\n"
    );
    assert_eq!(second.stdout, format!("secret member add bob \"{bob}\"\n"));
    assert_eq!(world.listing(), before);
}

#[test]
fn keygen_prints_the_recipient_and_never_overwrites() {
    let world = World::new();
    let file = world.home().join("new.key");
    let path = file.display().to_string();
    let made = world.secret(["keygen", "-o", &path]).success();
    assert_eq!(
        world.filter(&made.stderr),
        "made an identity in [WORLD]/home/new.key: keep a copy of it in a safe place\n"
    );
    assert!(made.stdout.starts_with("age1") && made.stdout.lines().count() == 1, "{made:#?}");
    let before = std::fs::read(&file).expect("the identity");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("the identity").permissions());
    assert_eq!(mode & 0o777, 0o600);
    world.refuses(
        ["keygen", "-o", &path],
        1,
        "error: [WORLD]/home/new.key exists already; an identity is never overwritten\n\
         hint: run `secret whoami` to see it, or `secret keygen -o FILE` for another one",
    );
    assert_eq!(std::fs::read(&file).expect("the identity"), before);
}
