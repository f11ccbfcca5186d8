//! Rotating values: by prompt, recipe and program, at once and in two steps; and what headers say of single values.

use std::path::Path;

use secret::document::{Format, KeyPath};
use secret::envelope::native::{Opened, seal, seal_moved};
use serde_json::{Value, json};

use crate::generate::{File, Sample, day};
use crate::laws::open;
use crate::world::{DB, World, run};

const FILE: &str = "secrets/db.yaml";
const KEY: &str = "db.password";

fn get(world: &World, key: &str) -> String {
    world.secret(["get", FILE, key]).success().stdout
}

fn info(world: &World) -> Value {
    serde_json::from_str(&world.secret(["info", FILE, "--json"]).success().stdout).expect("JSON")
}

/// Writes a program into the world's home. By another process: were it open for writing here, another test could not
/// start a program at that moment.
fn program(world: &World, script: &str) -> String {
    let path = world.home().join("program");
    let mut write = world.command(Path::new("sh"));
    write.args(["-c", "cat > \"$0\" && chmod +x \"$0\""]).arg(&path);
    assert_eq!(run(&mut write, format!("#!/bin/sh\n{script}\n").as_bytes()).code, 0);
    path.display().to_string()
}

fn rotate<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["rotate", FILE, KEY], arguments].concat()
}

#[test]
fn a_new_value_is_made_by_a_recipe_which_is_kept_for_the_next_time() {
    let world = World::with_db();
    let first = world.secret(rotate(&["--generate", "password:40,symbols,lower", "--keep-recipe"])).success();
    assert_eq!(
        (first.stdout.as_str(), first.stderr.as_str()),
        (
            "",
            "rotated db.password in secrets/db.yaml\n\
         234 bits of entropy (password:40,lower,symbols)\n\
         next: commit secrets/db.yaml and deploy it; the old value stays in git's history\n",
        )
    );
    let made = get(&world, KEY);
    assert!(made.len() == 40 && !made.contains("canary"), "{made}");
    assert!(made.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_punctuation()), "{made}");
    assert_eq!(info(&world)["said_of_values"], json!({KEY: {"generate": "password:40,lower,symbols"}}));

    let before = world.read(FILE);
    world.secret(rotate(&["--generate"])).success();
    let again = get(&world, KEY);
    assert!(again.len() == 40 && again != made);
    let differ = |line: &(&str, &str)| line.0 != line.1;
    let after = world.read(FILE);
    let changed: Vec<&str> = before.lines().zip(after.lines()).filter(differ).map(|(line, _)| line).collect();
    assert!(
        changed.len() <= 2 && changed.iter().all(|line| line.starts_with("  p")),
        "no line of the header: {changed:?}"
    );
}

#[test]
fn the_policy_keeps_recipes_by_key_and_what_the_header_keeps_comes_first() {
    let world = World::with_db();
    world.refuses(
        rotate(&["--generate"]),
        1,
        "error: there is no recipe for db.password in secrets/db.yaml\n\
         hint: name one: `secret rotate secrets/db.yaml db.password --generate password:32`; \
         --keep-recipe keeps it for the next time",
    );
    let rule = "generate = { \"*.password\" = \"hex:16\", \"**\" = \"words:6\" }\n";
    world.write(".secret.toml", world.read(".secret.toml") + rule);
    world.secret(rotate(&["--generate"])).success();
    assert_eq!(get(&world, KEY).len(), 32);
    world.secret(["rotate", FILE, "db.user", "--generate"]).success();
    assert!(get(&world, "db.user").matches('-').count() >= 5);
    world.secret(["meta", FILE, KEY, "--generate", "hex:20"]).success();
    world.secret(rotate(&["--generate"])).success();
    assert_eq!(get(&world, KEY).len(), 40);
    // A recipe is all that a policy can name: there is none that runs anything, and none too weak to be one.
    let policy = world.read(".secret.toml");
    for (recipe, said) in [
        ("exec:./evil", "no value is made by this; there are age, base64:N"),
        ("hex:4", "32 bits of entropy are too few: at least 64 are needed"),
    ] {
        world.write(".secret.toml", policy.replace("hex:16", recipe));
        let refused = world.secret(rotate(&["--generate"]));
        assert!(refused.code == 1 && refused.stderr.contains(said), "{refused:#?}");
    }
}

#[test]
fn a_new_value_comes_from_standard_input_or_is_asked_for_twice() {
    let world = World::with_db();
    world.secret_with(rotate(&["--stdin"]), "canary next\n", &[]).success();
    assert_eq!(get(&world, KEY), "canary next");
    let answers = [
        ("new value of db.password", "canary typed\r"),
        ("again", "canary mistyped\r"),
        ("new value of db.password", "canary typed\r"),
        ("again", "canary typed\r"),
    ];
    let (code, screen) = world.at_terminal(&rotate(&[]), &[], &answers);
    assert!(code == 0 && screen.contains("rotated db.password") && !screen.contains("canary"), "{screen}");
    assert_eq!(get(&world, KEY), "canary typed");
    world.refuses(
        rotate(&[]),
        1,
        "error: there is no terminal to ask at\n\
         hint: give the value with --stdin, or have it made with --generate RECIPE",
    );
}

#[test]
fn the_value_that_was_there_is_no_new_one() {
    let world = World::with_db();
    let said = "error: the new value of db.password in secrets/db.yaml is the one that it has\n\
                hint: nothing was changed; a rotation is over only when the value is another one";
    world.refuses_with(rotate(&["--stdin"]), "canary-hunter2\n", &[], 1, said);
    world.refuses_with(rotate(&["--begin", "--stdin"]), "canary-hunter2", &[], 1, said);
    world.refuses(rotate(&["--exec", "cat"]), 1, said);
    world.refuses_with(rotate(&["--stdin"]), "", &[], 1, "error: the value is empty");
    let (code, screen) = world.at_terminal(
        &rotate(&[]),
        &[],
        &[("new value of db.password", "canary-hunter2\r"), ("again", "canary-hunter2\r")],
    );
    assert!(code == 1 && screen.contains("is the one that it has") && !screen.contains("canary"), "{screen}");
}

#[test]
fn a_program_makes_the_new_value_out_of_the_old_one_and_another_one_tries_it() {
    let world = World::with_db();
    let seen = world.home().join("seen").display().to_string();
    let change =
        program(&world, &format!("cat > '{seen}'; env >> '{seen}'; echo \"$0 $*\" >> '{seen}'; echo canary-made"));
    let key = std::fs::read_to_string(world.home().join(".config/secret/identities.txt")).expect("an identity");
    let variables = [("SECRET_IDENTITY", key.as_str()), ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "x"), ("KEPT", "yes")];
    let outcome = world.secret_with(rotate(&["--exec", &change, "--test", "cat"]), "", &variables).success();
    assert!(outcome.stdout.is_empty() && !outcome.stderr.contains("canary"), "{outcome:#?}");
    assert_eq!(get(&world, KEY), "canary-made");
    let seen = std::fs::read_to_string(&seen).expect("the program ran");
    assert!(seen.starts_with("canary-hunter2") && seen.contains("KEPT=yes\n"), "{seen}");
    assert!(!seen.contains("AGE-SECRET-KEY") && !seen.contains("SECRET_IDENTITY") && !seen.contains("SOPS"), "{seen}");
    assert!(!seen.contains("program canary") && seen.ends_with("program \n"), "no argument: {seen}");

    world.refuses(
        rotate(&["--generate", "hex:16", "--test", "false"]),
        1,
        "error: false failed: exit status: 1\nhint: secrets/db.yaml is as it was: the test of the new value says no",
    );
    let test = program(&world, "test \"$(cat)\" = canary-tried");
    world.secret_with(rotate(&["--stdin", "--test", &test]), "canary-tried", &[]).success();
}

#[test]
fn a_program_that_fails_changes_nothing() {
    let world = World::with_db();
    for (script, said) in [
        ("echo canary-half; exit 3", "[P] failed: exit status: 3"),
        ("kill -9 $$", "[P] failed: signal: 9 (SIGKILL)"),
        ("exit 0", "[P] wrote no value"),
        ("echo", "[P] wrote no value"),
        (
            "cat",
            "the new value of db.password in secrets/db.yaml is the one that it has\n\
                 hint: nothing was changed; a rotation is over only when the value is another one",
        ),
        ("yes canary", "[P] wrote more than 16777216 bytes"),
    ] {
        let program = program(&world, script);
        world.refuses(
            rotate(&["--exec", &program]),
            1,
            &format!("error: {}", said.replace("[P]", "[WORLD]/home/program")),
        );
    }
    assert!(!world.home().join(".cache/secret/drafts").exists(), "nothing was made that could be in use");
    // What stands in the repository is run only when the command line says so by a path.
    world.write("tool", "#!/bin/sh\ntouch ran; echo x\n");
    world.refuses(rotate(&["--exec", "tool"]), 1, "error: program tool not found");
    world.refuses(rotate(&["--exec", "./tool"]), 1, "error: [WORLD]/repo/./tool is not executable");
}

/// Opens the only draft that there is, and removes it.
fn take_draft(world: &World) -> Vec<u8> {
    let drafts = world.home().join(".cache/secret/drafts");
    let draft = std::fs::read_dir(drafts).expect("drafts").next().expect("a draft").expect("an entry").path();
    let identity = std::fs::read_to_string(world.home().join(".config/secret/identities.txt")).expect("an identity");
    let identity: age::x25519::Identity = identity.lines().last().expect("a key").parse().expect("an age identity");
    let armored = std::fs::read(&draft).expect("the draft");
    assert!(!String::from_utf8_lossy(&armored).contains("canary"));
    let opened = age::decrypt(&identity, &armored).expect("it opens");
    std::fs::remove_file(draft).expect("a draft");
    opened
}

#[test]
fn what_a_program_made_that_is_no_value_is_kept_too() {
    let world = World::with_db();
    for (script, said, made) in [
        ("head -c 1100000 /dev/zero", "wrote more than 1048576 bytes", vec![0; 1_100_000]),
        ("printf '\\377\\376'", "wrote what is not UTF-8 text", vec![0xFF, 0xFE]),
    ] {
        let before = world.listing();
        let refused = world.secret(rotate(&["--exec", &program(&world, script)]));
        let shown = world.filter(&refused.stderr);
        let said = format!(
            "error: [WORLD]/home/program {said}\n\
             hint: what the program made may be in use already; it is kept, encrypted to you: `age -d -i IDENTITY "
        );
        assert!(refused.code == 1 && shown.starts_with(&said), "{shown}");
        assert_eq!(world.listing(), before);
        assert_eq!(take_draft(&world), [b"db.password = ", made.as_slice(), b"\n"].concat());
    }
}

#[test]
fn a_test_that_cannot_be_run_is_found_before_a_new_value_is_made() {
    let world = World::with_db();
    world.write("tool", "no program");
    let change = program(&world, "touch \"$HOME/made\"; echo canary-new");
    for (test, said) in [("nothing", "program nothing not found"), ("./tool", "[WORLD]/repo/./tool is not executable")]
    {
        world.refuses(rotate(&["--exec", &change, "--test", test]), 1, &format!("error: {said}"));
    }
    assert!(!world.home().join("made").exists());
}

#[test]
fn a_program_that_leaves_another_one_running_is_not_waited_for() {
    let world = World::with_db();
    let fifo = world.home().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    // It holds standard output open until somebody writes, which nobody does before the rotation is over.
    let change = program(&world, "echo canary-new; (exec 2>/dev/null; read line < \"$HOME/fifo\") & exit 0");
    world.secret(rotate(&["--exec", &change])).success();
    assert_eq!(get(&world, KEY), "canary-new");
    std::fs::write(fifo, "go\n").expect("somebody reads");
}

#[test]
fn what_a_program_made_is_kept_where_it_cannot_be_saved() {
    let world = World::with_db();
    let set = format!(
        "printf canary-other | '{}' -C '{}' set {FILE} {KEY} --stdin >/dev/null 2>&1; echo canary-made",
        env!("CARGO_BIN_EXE_secret"),
        world.repo().display()
    );
    let refused = world.secret(rotate(&["--exec", &program(&world, &set)]));
    let shown = world.filter(&refused.stderr);
    assert!(refused.code == 1 && !shown.contains("canary"), "{shown}");
    assert!(shown.starts_with("error: db.password in secrets/db.yaml was changed meanwhile\n"), "{shown}");
    assert!(shown.contains("what the program made may be in use already; it is kept, encrypted to you"), "{shown}");
    assert_eq!(get(&world, KEY), "canary-other", "the other change stays");
    let opened = take_draft(&world);
    assert_eq!(String::from_utf8_lossy(&opened), "db.password = canary-made\n");
    // A change of another value meanwhile is in nobody's way.
    let set = set.replace(KEY, "db.user").replace("canary-made", "canary-again");
    world.secret(rotate(&["--exec", &program(&world, &set)])).success();
    assert_eq!((get(&world, KEY).as_str(), get(&world, "db.user").as_str()), ("canary-again", "canary-other"));
}

#[test]
fn several_values_are_rotated_all_or_none() {
    let world = World::with_db();
    world.refuses_with(
        ["rotate", FILE, KEY, "db.user", "--stdin"],
        "x",
        &[],
        2,
        "error: --stdin has one value, and several keys are named",
    );
    let change = program(&world, "read old; test \"$old\" != admin && echo canary-new");
    let refused = world.secret(["rotate", FILE, KEY, "db.user", "--exec", &change]);
    assert!(refused.code == 1 && get(&world, KEY) == "canary-hunter2", "{refused:#?}");
    let outcome = world.secret(["rotate", FILE, KEY, "db.user", KEY, "--generate", "hex:16", "--json"]).success();
    let made =
        |key: &str| json!({"key": key, "step": "replaced", "recipe": "hex:16", "entropy": 128, "public_key": null});
    assert_eq!(
        serde_json::from_str::<Value>(&outcome.stdout).expect("JSON"),
        json!({"version": 1, "file": FILE, "values": [made(KEY), made("db.user")]})
    );
    assert_eq!((outcome.stderr.as_str(), get(&world, "db.user").len()), ("", 32));
}

#[test]
fn keys_that_are_made_show_their_public_part() {
    let world = World::with_db();
    for (recipe, public, begins) in [
        ("ssh-ed25519", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----\n"),
        ("age", "age1", "AGE-SECRET-KEY-1"),
    ] {
        let outcome = world.secret(rotate(&["--generate", recipe])).success();
        assert!(outcome.stderr.contains(&format!("\npublic key: {public}")), "{outcome:#?}");
        assert!(get(&world, KEY).starts_with(begins));
        let printed = world.secret(["generate", recipe]).success();
        assert!(
            printed.stdout.starts_with(begins) && printed.stderr.contains(public) && !printed.stderr.contains(begins)
        );
    }
    assert_eq!(
        world.secret(["generate", "hex:4"]).stderr,
        "error: not a recipe: 32 bits of entropy are too few: at least 64 are needed\n\
         hint: ask for more of it; a short value that must be so is set with `secret set`\n"
    );
    assert_eq!(world.secret(["generate", "hex:4"]).code, 2);
}

#[test]
fn two_steps_keep_both_values_in_every_format_and_leave_nothing_behind() {
    for (name, key, text) in [
        ("a.yaml", "a.key", "# c\na:\n  key: \"canary\" # why\n  z: 1\nb: {c: 2}\n"),
        ("a.json", "a.key", "{\n  \"a\": {\"key\": \"canary\", \"z\": 1},\n  \"b\": 2\n}\n"),
        ("a.toml", "a.key", "# c\n[a]\nkey = 'canary'\nz = 1\n\n[b]\nc = 2\n"),
        ("a.env", "KEY", "# c\nexport KEY='canary'\nZ=1\n"),
        ("a.ini", "a.key", "[a]\nkey = canary\nz = 1\n\n[b]\nc = 2\n"),
        ("b.yaml", "port", "port: 5432\nz: 1\n"),
    ] {
        let path = format!("secrets/{name}");
        let world = World::new().with_file(&path, text);
        let value = |key: &str| world.secret(["get", &path, key]).success().stdout;
        let current = value(key);
        let step = |arguments: &[&str]| world.secret([&["rotate", &path, key], arguments].concat()).success();
        step(&["--begin", "--generate", "hex:16"]);
        let pending = value(&format!("{key}_pending"));
        assert_eq!((value(key), value(&format!("{key}_previous"))), (current.clone(), current.clone()), "{name}");
        assert_eq!(pending.len(), 32, "{name}");
        step(&["--abort"]);
        assert_eq!(world.secret(["decrypt", &path]).success().stdout, text, "{name}");
        step(&["--begin", "--generate", "hex:16"]);
        let pending = value(&format!("{key}_pending"));
        step(&["--finish"]);
        assert_eq!(value(key), pending, "{name}");
        let after = world.secret(["decrypt", &path]).success().stdout;
        assert!(!after.contains("pending") && !after.contains("previous"), "{after}");
        let number = if name == "b.yaml" { "5432" } else { "canary" };
        let differ = |line: &(&str, &str)| line.0 != line.1;
        let changed: Vec<(&str, &str)> = text.lines().zip(after.lines()).filter(differ).collect();
        assert!(changed.len() == 1 && changed[0].0.contains(number), "{name}: {changed:?}");
        assert_eq!(world.secret(["verify"]).code, 0, "{name}");
    }
}

#[test]
fn the_steps_of_a_rotation_come_in_order() {
    let world = World::with_db();
    for step in ["--finish", "--abort"] {
        world.refuses(
            rotate(&[step]),
            1,
            "error: no rotation of db.password in secrets/db.yaml has begun: there is no db.password_pending\n\
             hint: `secret rotate secrets/db.yaml db.password --begin` puts a new value beside the current one",
        );
    }
    let begun = world.secret_with(rotate(&["--begin", "--stdin"]), "canary-new", &[]).success();
    assert_eq!(
        begun.stderr,
        "db.password_pending in secrets/db.yaml has the new value; db.password is as it was\n\
         next: commit secrets/db.yaml and deploy it, so that both values are accepted; \
         then `secret rotate secrets/db.yaml db.password --finish`\n"
    );
    for arguments in [&["--begin", "--generate", "hex:16"][..], &["--generate", "hex:16"], &["--stdin"]] {
        world.refuses_with(
            rotate(arguments),
            "x",
            &[],
            1,
            "error: db.password_pending stands in secrets/db.yaml already: a rotation of db.password has begun\n\
             hint: `secret rotate secrets/db.yaml db.password --finish` puts the pending value in its place, --abort removes it",
        );
    }
    // The pending value is tried before it is taken.
    world.refuses(
        rotate(&["--finish", "--test", "false"]),
        1,
        "error: false failed: exit status: 1\nhint: secrets/db.yaml is as it was: the test of the new value says no",
    );
    let copy = world.copy();
    copy.secret_with(["set", FILE, KEY, "--stdin"], "canary-between", &[]).success();
    copy.refuses(
        rotate(&["--finish"]),
        1,
        "error: db.password in secrets/db.yaml was changed since its rotation began\n\
         hint: if the pending value is the right one all the same, `secret rotate --abort` and set it; nothing was changed",
    );
    let test = program(&world, "test \"$(cat)\" = canary-new");
    let finished = world.secret(rotate(&["--finish", "--test", &test])).success();
    assert_eq!(
        finished.stderr,
        "db.password in secrets/db.yaml has the new value\n\
         next: commit secrets/db.yaml and deploy it, then let nothing accept the old value any more\n"
    );
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB.replace("canary-hunter2", "canary-new"));
    for clash in [
        &["--begin", "--finish"][..],
        &["--finish", "--stdin"],
        &["--stdin", "--generate"],
        &["--abort", "--test", "x"],
    ] {
        assert_eq!(world.secret(rotate(clash)).code, 2, "{clash:?}");
    }
}

#[test]
fn values_that_can_have_none_beside_them_are_named() {
    let world = World::new()
        .with_file("secrets/list.yaml", "l:\n  - canary-a\n1: canary-b\n")
        .with_file("secrets/one.yaml", "canary\n");
    for (file, key, reason) in [
        ("secrets/list.yaml", "l[0]", "it is an item of a list"),
        ("secrets/list.yaml", "1", "its key is no text"),
        ("secrets/one.yaml", "@1", "it is the whole document"),
    ] {
        world.refuses(
            ["rotate", file, key, "--begin", "--generate", "hex:16"],
            1,
            &format!("error: {key} in {file} can have no value beside it: {reason}\nhint: rotate it in one step, without --begin"),
        );
        world.secret(["rotate", file, key, "--generate", "hex:16"]).success();
        assert_eq!(world.secret(["get", file, key]).success().stdout.len(), 32);
    }
}

#[test]
fn no_secret_is_put_where_it_would_stand_in_clear() {
    let world = World::new();
    world.write(".secret.toml", world.read(".secret.toml") + "cleartext = [\"host\", \"**.*_pending\"]\n");
    let world = world.with_file(FILE, "host: example.com\ndb:\n  password: canary\n");
    let said = |key: &str| {
        format!(
            "error: {key} in secrets/db.yaml stands in clear, as its header says: no secret belongs there\n\
             hint: `cleartext` in the rule decides what stands in clear; `secret rekey secrets/db.yaml` adopts a change of it"
        )
    };
    world.refuses(["rotate", FILE, "host", "--generate", "hex:16"], 1, &said("host"));
    world.refuses(rotate(&["--begin", "--generate", "hex:16"]), 1, &said("db.password_pending"));
    world.refuses(["rotate", FILE, "db", "--generate", "hex:16"], 1, "error: db in secrets/db.yaml holds keys or items, not one value\nhint: name one value; `secret ls secrets/db.yaml` lists them");
    world.refuses(
        ["rotate", FILE, "db.pasword", "--generate", "hex:16"],
        1,
        "error: secrets/db.yaml has no key db.pasword\nhint: did you mean db.password?",
    );
}

#[test]
fn a_value_that_waited_is_as_old_as_it_is() {
    let file = File::new(&Sample::of(Format::Yaml, "a: short\n"));
    let key = |key: &str| KeyPath::parse(key).expect("a key");
    let step = |text: &str, former: &Opened, moved: &[(&str, &str)], today| {
        let moved: Vec<(KeyPath, KeyPath)> = moved.iter().map(|(to, from)| (key(to), key(from))).collect();
        let sealed = seal_moved(text.as_bytes(), file.header.clone(), &file.secrets, former, &moved, today);
        open(&file, &sealed.expect("it is sealed"))
    };
    let days = |opened: &Opened| -> Vec<i8> { opened.values.iter().map(|value| value.token.stamp.day.day()).collect() };
    let sealed = seal(b"z: short\na: short\n", file.header.clone(), &file.secrets, None, day(1)).expect("sealed");
    let first = open(&file, &sealed);
    let both = step("z: short\na: changed\n", &first, &[], day(2));
    let begun =
        step("z: short\na: changed\na_previous: changed\na_pending: new\n", &both, &[("a_previous", "a")], day(3));
    let [one, two, three] = [day(1), day(2), day(3)].map(jiff::civil::Date::day);
    assert_eq!(days(&begun), [one, two, two, three]);
    // Five days later the pending value is as old as when it was made; and the id of the value stays its own.
    let finished = step("z: short\na: new\n", &begun, &[("a", "a_pending")], day(8));
    assert_eq!(days(&finished), [one, three]);
    let id = |opened: &Opened, index: usize| opened.values[index].token.sealed.id();
    assert_eq!(id(&finished, 1), id(&first, 1));
    // A pair that is not the same value brings nothing along.
    let other = step("z: short\na: other\n", &begun, &[("a", "a_pending")], day(9));
    assert_eq!(days(&other), [one, day(9).day()]);
}

#[test]
fn a_pending_value_that_a_leaver_could_read_is_known_to_him_when_it_is_taken() {
    let world = World::with_db();
    let (_, bob) = world.keygen("bob");
    world.secret(["member", "add", "bob", &bob, "--group", "team"]).success();
    world.commit("bob");
    world.secret(["rekey", "--yes"]).success();
    world.secret_with(rotate(&["--begin", "--stdin"]), "canary-new", &[]).success();
    world.commit("begun");
    let policy =
        world.read(".secret.toml").lines().filter(|line| !line.starts_with("bob ")).collect::<Vec<_>>().join("\n");
    world.write(".secret.toml", policy.replace(", \"bob\"", "") + "\n");
    world.secret(["rekey", "--yes"]).success();
    world.commit("bob left");
    world.secret(rotate(&["--finish"])).success();
    let line = world.read(FILE).lines().find(|line| line.starts_with("  password: ")).expect("the value").to_owned();
    let generation = line.split('.').nth(3).expect("a token").to_owned();
    assert_eq!(generation, "1", "bob knows it: {line}");
    let verified = world.secret(["verify", "--strict"]);
    assert!(verified.code == 3 && verified.stdout.contains("db.password"), "{verified:#?}");
}

#[test]
fn what_is_said_of_a_value_stays_with_it() {
    let world = World::with_db();
    let said = [
        "--owner",
        "dba",
        "--description",
        "the \"main\" one",
        "--link",
        "https://example.com/a",
        "--link",
        "b",
        "--rotate-every",
        "30d",
        "--rotation-due",
        "2099-01-31",
        "--generate",
        "password:32",
    ];
    let meta = |arguments: &[&str]| world.secret([&["meta", FILE, KEY], arguments].concat());
    assert_eq!(meta(&said).success().stderr, "changed what the header of secrets/db.yaml says of db.password\n");
    assert_eq!(meta(&said).success().stderr, "the header of secrets/db.yaml says so of db.password already\n");
    let all = json!({"owner": "dba", "description": "the \"main\" one", "links": ["https://example.com/a", "b"],
                     "rotate_every": "30d", "rotation_due": "2099-01-31", "generate": "password:32,lower,upper,digits"});
    assert_eq!((&info(&world)["said_of_values"], &info(&world)["revision"]), (&json!({KEY: all}), &json!(2)));
    let shown = world.secret(["info", FILE]).success().stdout;
    assert!(
        shown.contains(
            "db.password  owner dba, description the \"main\" one, links https://example.com/a, b, rotate every 30d, \
         rotation due 2099-01-31, generate password:32,lower,upper,digits\n"
        ),
        "{shown}"
    );
    let diff = world.secret(["diff"]).success().stdout;
    assert!(diff.contains("  values.db.password.owner: (none) -> dba\n"), "{diff}");

    // No changed value changes the header; a renamed key takes along what is said of it, a moved file keeps it.
    let rotated = world.secret_with(rotate(&["--stdin"]), "canary-3", &[]).success();
    assert_eq!(
        rotated.stderr,
        "rotated db.password in secrets/db.yaml\n\
         the header still wants it replaced by 2099-01-31; `secret meta secrets/db.yaml db.password --rotation-due DAY` sets the next day\n\
         next: commit secrets/db.yaml and deploy it; the old value stays in git's history\n"
    );
    assert_eq!(info(&world)["revision"], 2);
    let rename = world.editor("sed -i 's/  password:/  secret:/' \"$1\"");
    world.secret_with(["edit", FILE], "", &[("EDITOR", &rename)]).success();
    assert_eq!((&info(&world)["said_of_values"], &info(&world)["revision"]), (&json!({"db.secret": all}), &json!(3)));
    world.commit("renamed");
    world.secret(["mv", FILE, "secrets/moved.yaml"]).success();
    world.secret(["mv", "secrets/moved.yaml", FILE]).success();
    world.secret(["rekey", "--new-key", "--yes"]).success();
    assert_eq!(info(&world)["said_of_values"], json!({"db.secret": all}));
    world
        .secret(["meta", FILE, "db.secret", "--owner", "", "--link", "", "--rotation-due", "", "--generate", ""])
        .success();
    assert_eq!(
        info(&world)["said_of_values"],
        json!({"db.secret": {"description": "the \"main\" one", "rotate_every": "30d"}})
    );
    world.secret(["unset", FILE, "db.secret"]).success();
    assert_eq!(info(&world)["said_of_values"], json!({}));
    let log = world.secret(["log", FILE]).success().stdout;
    assert!(log.contains("values.db.secret.owner: (none) -> dba"), "{log}");
}

#[test]
fn the_editor_shows_and_changes_what_is_said_of_values() {
    let world = World::with_db();
    world.secret(["meta", FILE, KEY, "--owner", "dba", "--link", "x"]).success();
    let shown = world.home().join("shown");
    let script = format!(
        "cp \"$1\" '{}'; sed -i 's/owner = \"dba\", links = .\"x\"./links = [\"y\", \"z\"]/' \"$1\"",
        shown.display()
    );
    world.secret_with(["edit", FILE], "", &[("EDITOR", &world.editor(&script))]).success();
    let shown = std::fs::read_to_string(shown).expect("the editor ran");
    assert!(shown.contains("\n# values.\"db.password\" = { owner = \"dba\", links = [\"x\"] }\n"), "{shown}");
    assert_eq!(info(&world)["said_of_values"], json!({KEY: {"links": ["y", "z"]}}));
    let edit = |script: &str| world.secret_with(["edit", FILE], "", &[("EDITOR", &world.editor(script))]);
    edit("sed -i 's/^# values.*/# values.\"db.port\" = { owner = \"ops\" }/' \"$1\"").success();
    assert_eq!(info(&world)["said_of_values"], json!({KEY: {"links": ["y", "z"]}, "db.port": {"owner": "ops"}}));
    edit("sed -i 's/^# values.\"db.port.*/# values.\"db.port\" = {}/' \"$1\"").success();
    assert_eq!(info(&world)["said_of_values"], json!({KEY: {"links": ["y", "z"]}}));
    for (line, said) in [
        ("values.\"db.pory\" = { owner = \"a\" }", "secrets/db.yaml has no key db.pory"),
        ("values.\"db.port\" = { colour = \"a\" }", "above the scissors line stand only"),
        ("values.\"db.port\" = { generate = \"hex:1\" }", "not a recipe: 8 bits of entropy are too few"),
        (
            "values.\"db.port\" = { rotation_due = \"2020-01-01\" }",
            "`rotation_due` cannot be 2020-01-01: that day is past",
        ),
        ("values.db.port = { owner = \"a\" }", "above the scissors line stand only"),
    ] {
        let before = world.read(FILE);
        let refused = edit(&format!("sed -i 's/^# owner.*/# {line}/' \"$1\""));
        assert!(refused.code == 1 && refused.stderr.contains(said), "{line}: {refused:#?}");
        assert_eq!(world.read(FILE), before);
    }
}

#[test]
fn metadata_of_values_that_makes_no_sense_is_refused() {
    let world = World::with_db().with_file("secrets/blob.bin", "\0canary");
    let meta = |arguments: &[&'static str]| [&["meta", FILE], arguments].concat();
    for (arguments, code, said) in [
        (&["db.password"][..], 2, "nothing to change; `secret info` shows the header"),
        (
            &["db", "--owner", "x"],
            1,
            "db in secrets/db.yaml holds keys or items, not one value\nhint: name one value; `secret ls secrets/db.yaml` lists them",
        ),
        (
            &["db.passwort", "--owner", "x"],
            1,
            "secrets/db.yaml has no key db.passwort\nhint: did you mean db.password?",
        ),
        (
            &["db.port", "--purpose", "x"],
            2,
            "--purpose and --tag are for whole files\nhint: say what one value is for with --description",
        ),
        (
            &["db.port", "--rotate-every", "soon"],
            1,
            "`rotate_every` cannot be \"soon\": write for example 90d, 12w, 6mo or 1y",
        ),
        (
            &["db.port", "--rotation-due", "2020-01-01"],
            1,
            "`rotation_due` cannot be 2020-01-01: that day is past\nhint: write a day from today on; if it shall be overdue at once, give it with --allow-past",
        ),
        (
            &["--rotation-due", "2020-01-01"],
            1,
            "`rotation_due` cannot be 2020-01-01: that day is past\nhint: write a day from today on; if it shall be overdue at once, give it with --allow-past",
        ),
        (
            &["db.port", "--generate", "canary"],
            1,
            "not a recipe: no value is made by this; there are age, base64:N, base64url:N, hex:N, password:N, \
             ssh-ed25519, uuid and words:N",
        ),
        (&["db.port", "--generate", "hex:1"], 1, "not a recipe: 8 bits of entropy are too few: at least 64 are needed"),
    ] {
        world.refuses(meta(arguments), code, &format!("error: {said}"));
    }
    world.refuses(
        ["meta", "secrets/blob.bin", "a", "--owner", "x"],
        1,
        "error: secrets/blob.bin is encrypted as a whole: it has no keys\n\
         hint: read all of it with `secret decrypt secrets/blob.bin`",
    );
    assert_eq!(world.secret(["meta", FILE, "--description", "x"]).code, 2, "files have a purpose");
    world.secret(["meta", FILE, "db.port", "--rotation-due", "2020-01-01", "--allow-past"]).success();
    // What is past already stays when something else is changed.
    world.secret(["meta", FILE, "db.port", "--owner", "x"]).success();
}

#[test]
fn the_merge_driver_merges_what_is_said_of_values_by_key_and_field() {
    let world = World::with_db();
    world.secret(["meta", FILE, KEY, "--owner", "dba"]).success();
    let base = world.read_bytes(FILE);
    let version = |name: &str, acts: &[&[&str]]| {
        world.write(FILE, &base);
        for act in acts {
            world.secret([&["meta", FILE], *act].concat()).success();
        }
        world.write(name, world.read_bytes(FILE));
    };
    let merge = || world.secret(["git", "merge", "base.yaml", "ours.yaml", "theirs.yaml", "--path", FILE]);
    world.write("base.yaml", &base);
    version("ours.yaml", &[&[KEY, "--description", "the main one"], &["db.port", "--owner", "net"]]);
    version("theirs.yaml", &[&[KEY, "--owner", "", "--rotate-every", "30d"], &["db.user", "--link", "x"]]);
    merge().success();
    world.write(FILE, world.read_bytes("ours.yaml"));
    assert_eq!(
        info(&world)["said_of_values"],
        json!({KEY: {"description": "the main one", "rotate_every": "30d"}, "db.port": {"owner": "net"}, "db.user": {"links": ["x"]}})
    );
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
    version("ours.yaml", &[&[KEY, "--owner", "one"]]);
    version("theirs.yaml", &[&[KEY, "--owner", "other"]]);
    let conflict = merge();
    assert!(conflict.code == 1 && conflict.stderr.contains("header:values.db.password.owner"), "{conflict:#?}");
}

#[test]
fn rotations_keep_to_what_every_write_keeps_to() {
    let world = World::with_db();
    // Nobody widens readers by a rotation, and nothing is made before that is known.
    let ran = world.home().join("ran");
    let change = program(&world, &format!("touch '{}'; echo canary-made", ran.display()));
    let duplicate = world.copy();
    duplicate.write("secrets/copy.yaml", duplicate.read_bytes(FILE));
    duplicate.git(["add", "--all"]);
    let refused = duplicate.secret(rotate(&["--exec", &change]));
    assert_eq!((refused.code, ran.exists()), (5, false), "{refused:#?}");
    world.tamper(FILE, "  port: secret", "  part: secret");
    assert_eq!(world.secret(rotate(&["--exec", &change])).code, 5);
    assert!(!ran.exists(), "no program sees a value that is not authentic");
}

#[test]
fn what_is_said_of_a_value_that_is_gone_is_found_and_removed() {
    let world = World::with_db();
    world.secret(["meta", FILE, "db.port", "--owner", "net"]).success();
    // What `unset` removes nothing is said of any more; only a merge by lines leaves something behind.
    world.commit("said");
    world.git(["checkout", "--quiet", "-b", "other"]);
    world.secret(["unset", FILE, KEY]).success();
    assert_eq!(info(&world)["said_of_values"], json!({"db.port": {"owner": "net"}}));
    world.commit("no password");
    world.git(["checkout", "--quiet", "main"]);
    world.secret(["meta", FILE, KEY, "--owner", "dba"]).success();
    world.secret(["meta", FILE, KEY, "--generate", "hex:32", "--seal-recipe"]).success();
    world.commit("an owner");
    world.secret(["verify", "--strict"]).success();
    world.git(["-c", "merge.secret.driver=", "merge", "--quiet", "--no-edit", "other"]);
    let found = "secrets/db.yaml: warning: its header speaks of `db.password`, which is not in it [metadata-left]\n    \
                 `secret meta secrets/db.yaml db.password --remove`\n";
    let verified = world.secret(["verify"]).success();
    assert!(verified.stdout.starts_with(found), "{verified:#?}");
    assert_eq!(world.secret(["verify", "--strict"]).code, 3);
    let remove = || world.secret(["meta", FILE, KEY, "--remove"]);
    assert_eq!(remove().success().stderr, "the header of secrets/db.yaml says nothing of db.password any more\n");
    assert_eq!(info(&world)["said_of_values"], json!({"db.port": {"owner": "net"}}));
    world.secret(["verify", "--strict"]).success();
    let gone = remove();
    assert!(gone.code == 1 && gone.stderr.contains("secrets/db.yaml has no key db.password"), "{gone:#?}");
    world.secret(["meta", FILE, "db.port", "--remove"]).success();
    assert_eq!(info(&world)["said_of_values"], json!({}));
    let nothing = world.secret(["meta", FILE, "db.port", "--remove"]).success().stderr;
    assert_eq!(nothing, "the header of secrets/db.yaml says nothing of db.port\n");
    assert_eq!(world.secret(["meta", FILE, "db.port", "--remove", "--owner", "x"]).code, 2);
    assert_eq!(world.secret(["meta", FILE, "--remove"]).code, 2, "a file is not forgotten");
}

#[test]
fn a_rule_demands_that_something_is_said_of_each_value() {
    let world = World::with_db();
    let policy = world.read(".secret.toml") + "require_values = [\"description\", \"owner\"]\n";
    world.write(".secret.toml", &policy);
    let verified = || world.secret(["verify"]);
    let found = "secrets/db.yaml: error: its header does not say the description and owner of `db.user`, `db.password`, \
                 `db.port`, which its rule demands [metadata-missing]\n    \
                 `secret meta secrets/db.yaml db.user --description … --owner …`\n";
    assert!(verified().code == 3 && verified().stdout.contains(found), "{:#?}", verified());
    // An owner of the file is one of its values; a description is each value's own.
    world.secret(["meta", FILE, "--owner", "dba"]).success();
    world.secret(["meta", FILE, "db.user", "--description", "who logs in"]).success();
    assert!(
        verified().stdout.contains("does not say the description of `db.password`, `db.port`,"),
        "{:#?}",
        verified()
    );
    world.refuses(
        ["meta", FILE, "db.port", "--link", "x"],
        1,
        "error: secrets/db.yaml: db.port lacks description, which its rule demands\n\
         hint: give --description …, or write it above the scissors line in `secret edit`",
    );
    for key in [KEY, "db.port"] {
        world.secret(["meta", FILE, key, "--description", "said"]).success();
    }
    world.secret(["verify"]).success();
    // What was said is not taken away, and a new value comes with it; a renamed one has it already.
    for arguments in [&["meta", FILE, KEY, "--remove"][..], &["meta", FILE, KEY, "--description", ""]] {
        assert!(world.secret(arguments).stderr.contains("db.password lacks description"));
    }
    let edit = |script: &str| world.secret_with(["edit", FILE], "", &[("EDITOR", &world.editor(script))]);
    let before = world.read(FILE);
    let refused = edit("echo '  token: canary' >> \"$1\"");
    assert!(refused.code == 1 && refused.stderr.contains("db.token lacks description"), "{refused:#?}");
    assert_eq!(world.read(FILE), before);
    let with = "echo '  token: canary' >> \"$1\"; sed -i 's/^# owner.*/&\\n# values.\"db.token\" = { description = \"x\" }/' \"$1\"";
    edit(with).success();
    edit("sed -i 's/  token:/  ticket:/' \"$1\"").success();
    // A rotation in two steps needs nothing to be said of what is there for it alone.
    world.secret(rotate(&["--begin", "--generate", "hex:16"])).success();
    world.secret(["verify"]).success();
    world.secret(rotate(&["--finish"])).success();
    // `set` cannot say anything of a value: it is found afterwards.
    world.secret_with(["set", FILE, "db.new", "--stdin"], "canary", &[]).success();
    assert!(verified().code == 3 && verified().stdout.contains("`db.new`"), "{:#?}", verified());
    // A value in clear is no secret.
    world.write(".secret.toml", policy + "cleartext = [\"db.new\"]\n");
    world.secret(["rekey", "--yes", "--allow-cleartext"]).success();
    assert!(!verified().stdout.contains("metadata-missing"), "{:#?}", verified());
}

#[test]
fn the_documented_program_makes_a_key_with_a_certificate() {
    let openssl = |world: &World, arguments: &[&str], stdin: &str| {
        let mut openssl = world.command(Path::new("openssl"));
        openssl.args(arguments);
        run(&mut openssl, stdin.as_bytes())
    };
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "openssl is installed in CI");
        return eprintln!("skipped: there is no openssl");
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rotation.md");
    let page = std::fs::read_to_string(page).expect("the guide");
    let script = page.split("```sh\n#!/bin/sh\n").nth(1).and_then(|rest| rest.split("```").next());
    let world = World::with_db();
    let script = program(&world, script.expect("the program in the guide"));
    world.secret(rotate(&["--exec", &script])).success();
    let first = get(&world, KEY);
    assert!(first.starts_with("-----BEGIN PRIVATE KEY-----\n"), "PKCS #8 comes first");
    world.write("../pair.pem", &first);
    let pair = world.path("../pair.pem").display().to_string();
    assert_eq!(openssl(&world, &["verify", "-CAfile", &pair, &pair], "").code, 0);
    let shown = openssl(&world, &["x509", "-noout", "-text"], &first).success().stdout;
    assert!(shown.contains("DNS:db.example") && shown.contains("ecdsa-with-SHA256"), "{shown}");
    let day = 24 * 60 * 60;
    for (days, code) in [(364, 0), (366, 1)] {
        let seconds = (days * day).to_string();
        assert_eq!(openssl(&world, &["x509", "-noout", "-checkend", &seconds], &first).code, code, "{days} days");
    }
    let public = |arguments: &[&str]| openssl(&world, arguments, &first).success().stdout;
    assert_eq!(public(&["pkey", "-pubout"]), public(&["x509", "-noout", "-pubkey"]), "they belong together");
    world.secret(rotate(&["--exec", &script])).success();
    assert_ne!(get(&world, KEY), first);
}
