//! Rotations in two steps: a value beside the one that is still in use.

use super::*;

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
    let refused = copy.secret(rotate(&["--finish"]));
    assert!(refused.code == 1 && refused.stderr.contains("was changed since its rotation began"), "{refused:#?}");
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
fn a_key_of_ones_own_that_ends_as_those_of_rotations_is_none_of_them() {
    let world =
        World::new().with_file("secrets/a.env", "JOB=6\nJOB_pending=5\nTOKEN=canary-1\nTOKEN_previous=canary-0\n");
    let rotate = |key: &'static str, option: &'static str| ["rotate", "secrets/a.env", key, option, "--generate=uuid"];
    let step = |key: &'static str, step: &'static str| ["rotate", "secrets/a.env", key, step];
    for (key, own, missing) in [("JOB", "JOB_pending", "JOB_previous"), ("TOKEN", "TOKEN_previous", "TOKEN_pending")] {
        let hint = format!(
            "hint: rotate it in one step, without --begin; if {own} is left of a rotation, `secret get secrets/a.env {own}` shows it, \
             `secret unset secrets/a.env {own}` removes it"
        );
        world.refuses(
            rotate(key, "--begin"),
            1,
            &format!("error: {own} stands in secrets/a.env already: a rotation of {key} in two steps has no place there\n{hint}"),
        );
        for end in ["--finish", "--abort"] {
            world.refuses(
                step(key, end),
                1,
                &format!("error: no rotation of {key} in secrets/a.env has begun: there is no {missing}\n{hint}"),
            );
        }
        world.secret(rotate(key, "--quiet")).success();
        assert_eq!(world.secret(["get", "secrets/a.env", key]).success().stdout.len(), 36);
    }
    let after = world.secret(["decrypt", "secrets/a.env"]).success().stdout;
    assert!(after.contains("\nJOB_pending=5\n") && after.ends_with("\nTOKEN_previous=canary-0\n"), "{after}");
}

#[test]
fn out_of_half_a_rotation_its_hints_lead() {
    for (removed, left) in [("_pending", "_previous"), ("_previous", "_pending")] {
        let world = World::with_db();
        world.secret(rotate(&["--begin", "--generate", "hex:16"])).success();
        world.secret(["unset", FILE, &format!("{KEY}{removed}")]).success();
        let advice = format!("`secret unset secrets/db.yaml {KEY}{left}` removes it");
        for step in [&["--begin", "--generate", "hex:16"][..], &["--finish"], &["--abort"]] {
            let refused = world.secret(rotate(step));
            assert!(refused.code == 1 && refused.stderr.contains(&advice), "{step:?}: {refused:#?}");
        }
        world.secret(["unset", FILE, &format!("{KEY}{left}")]).success();
        for step in [&["--begin", "--generate", "hex:16"][..], &["--finish"]] {
            world.secret(rotate(step)).success();
        }
        assert_eq!(get(&world, KEY).len(), 32);
    }
}

#[test]
fn a_value_that_was_changed_in_between_loses_no_pending_one_to_a_hint() {
    for (key, text) in [("a key", "a key: canary-old\n"), ("port", "port: 5432\n")] {
        let world = World::new().with_file("secrets/a b.yaml", text);
        let rotate = |step: &'static str| ["rotate", "secrets/a b.yaml", key, step];
        let set = |value| world.secret_with(["set", "secrets/a b.yaml", key, "--stdin"], value, &[]).success();
        let begin = ["rotate", "secrets/a b.yaml", key, "--begin", "--stdin"];
        world.secret_with(begin, "canary-new", &[]).success();
        set("canary-between");
        let refused = world.secret(rotate("--finish"));
        let is_odd = key.contains(' ');
        let written = |end: &str| if is_odd { format!("'\"{key}{end}\"'") } else { format!("{key}{end}") };
        let [quoted, previous, pending] = ["", "_previous", "_pending"].map(written);
        let shown = quoted.trim_matches('\'');
        assert_eq!(
            refused.stderr,
            format!(
                "error: {shown} in secrets/a b.yaml was changed since its rotation began\n\
                 hint: `secret get 'secrets/a b.yaml' {pending}` shows the value that waits; to take it all the same, put the former one back \
                 with `secret get 'secrets/a b.yaml' {previous} | secret set 'secrets/a b.yaml' {quoted} --stdin`, then --finish; to drop it, \
                 `secret rotate 'secrets/a b.yaml' {quoted} --abort`\n"
            )
        );
        // As the hint says, to the letter.
        let commands: Vec<&str> = refused.stderr.split('`').skip(1).step_by(2).collect();
        let by_shell = |line: &str| {
            let program = env!("CARGO_BIN_EXE_secret");
            let mut shell = world.command(Path::new("sh"));
            shell.args(["-c", &format!("set -e; secret() {{ '{program}' \"$@\"; }}; {line}")]);
            run(&mut shell, b"").success().stdout
        };
        assert_eq!(by_shell(commands[0]), "canary-new");
        let copy = world.copy();
        by_shell(commands[1]);
        world.secret(rotate("--finish")).success();
        assert_eq!(world.secret(["get", "secrets/a b.yaml", key]).success().stdout, "canary-new");
        copy.secret(rotate("--abort")).success();
        assert_eq!(copy.secret(["get", "secrets/a b.yaml", key]).success().stdout, "canary-between");
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
    world.joins("bob");
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
