//! Names of plugins that pose as paths, options or other names.

use std::fs;
use std::os::unix::fs::symlink;

use super::{FILE, KEY, Plugged, identity, recipient};

/// 200 names, in recipients and identities with right checksums, wherever a repository or a user can write them.
#[test]
fn hostile_names_start_nothing() {
    let world = Plugged::new().with_file();
    world.started();
    let names = hostile_names();
    assert_eq!(names.len(), 200);
    // A canary for each name, wherever a careless client would look for its program.
    for name in &names {
        for folder in ["", "bin"] {
            for base in [world.0.home(), world.0.repo()] {
                let name = format!("age-plugin-{name}");
                let path = base.join(folder).join(name.trim_start_matches('/'));
                if !name.contains('\0') && name.len() < 200 && !path.exists() {
                    let _ = fs::create_dir_all(path.parent().expect("a folder"));
                    let _ = symlink(world.0.home().join("bin/age-plugin-toy"), path);
                }
            }
        }
    }
    let path = format!(
        ".::bin:{}:{}:{}",
        world.0.repo().display(),
        world.0.repo().join("bin").display(),
        world.variables("")[0].1
    );
    let variables = [&world.variables("")[..], &[("PATH", path.as_str())]].concat();
    let policy = world.0.read(".secret.toml");
    let file = world.0.read(FILE);
    let alice = world.0.secret(["whoami"]).success().stdout;
    let alice = alice.split_whitespace().next().expect("a recipient").to_owned();
    let key = world.0.home().join("hostile.key");
    let (mut started, mut accepted) = (0, 0);
    for name in &names {
        let (recipient, identity) = (recipient(name, &KEY), identity(name, &KEY));
        let run = |arguments: &[&str]| world.0.secret_with(arguments, "canary\n", &variables);

        let added = run(&["member", "add", "eve", &recipient, "--group", "team"]);
        accepted += u32::from(added.code == 0);
        world.0.write(".secret.toml", &policy);

        world.0.write(".secret.toml", policy.replacen(&alice, &recipient.replace(['"', '\\', '\n'], "_"), 1));
        world.0.write("secrets/new.yaml", "a: canary\n");
        let encrypted = run(&["encrypt", "secrets/new.yaml"]);
        assert_ne!(encrypted.code, 0, "{name:?}");
        assert_ne!(run(&["rekey", "--yes"]).code, 0, "{name:?}");
        world.0.write(".secret.toml", &policy);
        fs::remove_file(world.0.path("secrets/new.yaml")).expect("it is there");

        world.0.write(FILE, file.replacen(&alice, &recipient.replace(['"', '\\', '\n'], "_"), 1));
        for command in [&["decrypt", FILE][..], &["who", FILE], &["set", FILE, "db.user", "--stdin"]] {
            let outcome = run(command);
            assert!(outcome.code == 5 || command[0] == "who", "{name:?}: {outcome:?}");
        }
        world.0.write(FILE, &file);

        fs::write(&key, format!("{identity}\n")).expect("a file");
        let opened = run(&["-i", &key.display().to_string(), "decrypt", FILE]);
        assert!(opened.code == 4 && opened.stdout.is_empty(), "{name:?}: {opened:?}");
        started += world.started().len();
    }
    println!(
        "{} hostile names in recipients, identities, policies and headers: {started} programs started, {accepted} names taken as text",
        names.len()
    );
    assert_eq!(started, 0);
}

/// The same names in the settings: each makes them wrong as a whole, or allows what it names and nothing else.
#[test]
fn hostile_names_in_the_settings_start_nothing() {
    let world = Plugged::new().with_member();
    let mut refused = 0;
    for name in hostile_names() {
        let key = name.chars().map(|character| format!("\\u{:04X}", character as u32)).collect::<String>();
        world.allow(&format!("\"{key}\" = true"));
        let outcome = world.run(&["encrypt", FILE], "");
        assert_eq!(outcome.code, 1, "{name:?}: {outcome:?}");
        refused += u32::from(outcome.stderr.contains("is no name of an age plugin"));
    }
    assert_eq!(world.started(), Vec::<String>::new());
    println!("200 hostile names in the settings: {refused} refused as names");
    assert!(refused > 100, "{refused}");
}

/// Names that no repository may make anything of: paths, options, shell words, and names that only look familiar.
fn hostile_names() -> Vec<String> {
    let fixed = [
        "..",
        ".",
        "...",
        "../toy",
        "../../toy",
        "/toy",
        "./toy",
        "toy/",
        "toy/../toy",
        "//toy",
        "~/toy",
        "toy;id",
        "toy|id",
        "toy&id",
        "$(id)",
        "`id`",
        "${home}",
        "toy>x",
        "toy<x",
        "toy'",
        "\"toy\"",
        "toy\\x",
        "*",
        "?",
        "[a]",
        "{a,b}",
        "!toy",
        "#toy",
        "%toy",
        "@toy",
        "toy=1",
        "--help",
        "-x",
        "-",
        "--",
        "-toy",
        "toy-",
        "_toy",
        "+toy",
        ".toy",
        "toy:",
        ":toy",
        "toy,",
        "toy^",
        "toy~",
        "(toy)",
        "toy2",
        "toyy",
        "ttoy",
        "to",
        "t",
        "toy.",
        "toy.exe",
        "toy.sh",
        "toy.py",
        "yubikey",
        "tpm",
        "se",
        "fido2-hmac",
        "sss",
        "sh",
        "bash",
        "python3",
        "env",
        "git",
        "nc",
        "curl",
        "\u{7f}",
        "x25519",
        "scrypt",
        "ssh-rsa",
        "a-grease",
        "plugin",
        "age-plugin-toy",
        "age",
        "1",
        "11",
        "1toy",
        "toy1",
        "t1oy",
    ];
    let mut names: Vec<String> = fixed.map(str::to_owned).to_vec();
    names.extend((3..40).map(|depth| format!("{}toy", "../".repeat(depth))));
    names.extend((0..30).map(|length| format!("toy{}", "y".repeat(1 + length * 3))));
    names.extend("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".chars().map(|symbol| format!("{symbol}toy{symbol}")));
    names.extend((0..).map(|number| format!("tool{number}")).take(200 - names.len()));
    names
}
