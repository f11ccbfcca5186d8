//! Rotating values: by prompt, recipe and program, at once and in two steps, and what headers say of single values.

mod interrupted;
mod metadata;
mod steps;

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
    let nothing = "hint: secrets/db.yaml is as it was: the program wrote no new value";
    let no_value =
        "hint: secrets/db.yaml is as it was; a program of --exec writes the new value to its standard output";
    for (script, said) in [
        ("exit 3", &*format!("[P] failed: exit status: 3\n{nothing}")),
        ("echo; exit 3", &*format!("[P] failed: exit status: 3\n{nothing}")),
        ("kill -9 $$", &*format!("[P] failed: signal: 9 (SIGKILL)\n{nothing}")),
        ("exit 0", &*format!("[P] wrote no value\n{no_value}")),
        ("echo", &*format!("[P] wrote no value\n{no_value}")),
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
}

#[test]
fn a_program_that_cannot_be_run_is_named_with_what_can() {
    let world = World::with_db();
    let not_found = |name: &str| {
        format!(
            "error: program {name} not found\n\
             hint: name a program in PATH, or its path as ./new-value; it is given no arguments: for those, name a script"
        )
    };
    // What stands in the repository is run only when the command line says so by a path.
    world.write("tool", "#!/bin/sh\ntouch ran; echo x\n");
    world.write("no script", "echo canary-new\n");
    for option in ["--exec", "--test"] {
        let run = |program: &'static str| match option {
            "--exec" => rotate(&["--exec", program]),
            _ => rotate(&["--generate", "hex:16", "--test", program]),
        };
        world.refuses(run("tool"), 1, &not_found("tool"));
        world.refuses(run("/bin/echo hi"), 1, &not_found("/bin/echo hi"));
        let executable = "hint: make it executable: `chmod +x [WORLD]/repo/./tool`";
        world.refuses(run("./tool"), 1, &format!("error: [WORLD]/repo/./tool is not executable\n{executable}"));
    }
    let status = world.command(Path::new("chmod")).args(["+x", "no script"]).status();
    assert!(status.expect("chmod runs").success());
    world.refuses(
        rotate(&["--exec", "./no script"]),
        1,
        "error: cannot run [WORLD]/repo/./no script: Exec format error (os error 8)\n\
         hint: a script begins with the program that runs it, as `#!/bin/sh`",
    );
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
             hint: secrets/db.yaml is as it was; what the program made may be in use already; it is kept, encrypted to you: \
             `age -d -i IDENTITY "
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
        let refused = world.secret(rotate(&["--exec", &change, "--test", test]));
        let shown = world.filter(&refused.stderr);
        assert!(refused.code == 1 && shown.starts_with(&format!("error: {said}\nhint: ")), "{shown}");
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
    assert_eq!(take_draft(&world), b"db.password = canary-new\n", "the one that was made");
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
}

#[test]
fn a_recipe_that_is_too_weak_is_refused_alike_wherever_it_is_named() {
    let world = World::with_db();
    for (recipe, bits, stronger) in [
        ("hex:4", 32, "hex:32"),
        ("words:2", 25, "words:6"),
        ("password:8,digits,exclude=0O", 25, "password:32,digits"),
    ] {
        let said = format!(
            "error: not a recipe: {bits} bits of entropy are too few: at least 64 are needed\n\
             hint: {stronger} is strong enough; a short value that must be so is set with `secret set`"
        );
        world.refuses(["generate", recipe], 2, &said);
        world.refuses(rotate(&["--generate", recipe]), 2, &said);
        world.refuses(["meta", FILE, KEY, "--generate", recipe], 2, &said);
        world.secret(rotate(&["--generate", stronger])).success();
        let line = format!("sed -i 's/^# owner.*/# values.\"db.port\" = {{ generate = \"{recipe}\" }}/' \"$1\"");
        let edited = world.secret_with(["edit", FILE], "", &[("EDITOR", &world.editor(&line))]);
        assert!(edited.code == 1 && edited.stderr.contains(&said), "{edited:#?}");
    }
}

#[test]
fn every_recipe_that_the_guide_shows_makes_values_of_so_many_bits() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rotation.md");
    let page = std::fs::read_to_string(page).expect("the guide");
    let table = page.split("| recipe | makes | bits |\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let world = World::with_db();
    let mut shown = 0;
    for row in table.expect("the table of recipes").lines().skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [recipes, _, bits] = cells[..] else { panic!("three columns: {row}") };
        for recipe in recipes.split('`').skip(1).step_by(2) {
            let made = world.secret(rotate(&["--generate", recipe, "--keep-recipe"])).success();
            assert!(made.stderr.contains(&format!("\n{bits} bits of entropy (")), "{recipe}: {made:#?}");
            // What was kept is read again.
            let again = world.secret(rotate(&["--generate"])).success();
            assert!(again.stderr.contains(&format!("\n{bits} bits of entropy (")), "{recipe}: {again:#?}");
            shown += 1;
        }
    }
    assert_eq!(shown, 10, "all of them were found");
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
