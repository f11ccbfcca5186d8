//! What several people, a deploy machine and a stranger live through with one repository.

use std::fs;

use crate::world::{DB, World};

const FILE: &str = "secrets/prod/db.yaml";

#[test]
fn a_team_shares_secrets_with_a_deploy_machine_and_nobody_else() {
    // Alice sets up, and encrypts a first file.
    let world = World::empty();
    let init = world.secret(["init", "--name", "alice"]).success();
    assert_eq!(
        world.filter(&init.stderr),
        "made an identity in [WORLD]/home/.config/secret/identities.txt: keep a copy of it in a safe place\n\
         wrote [WORLD]/repo/.secret.toml with alice as the first member\n\
         next: commit it, then encrypt a file with `secret encrypt secrets/…` or `secret edit secrets/…`\n\
         the hook [WORLD]/repo/.git/hooks/pre-commit runs `secret verify --staged`\n\
         git shows and merges encrypted files with the drivers of this clone's configuration\n\
         wrote [WORLD]/repo/.gitattributes: commit it, it is for everybody\n"
    );
    world.commit("policy");
    world.write(FILE, DB);
    world.secret(["encrypt", FILE]).success();
    world.commit("first secrets");

    // Bob comes: he runs `init`, and Alice the line that he sends.
    let (bob, _) = world.keygen("bob");
    let line = world.secret(["-i", &bob, "init", "--name", "bob"]).success().stdout;
    let words: Vec<String> = line.split_whitespace().skip(1).map(|word| word.trim_matches('"').to_owned()).collect();
    assert_eq!(world.secret(["-i", &bob, "decrypt", FILE]).code, 4);
    world.secret(words.iter().map(String::as_str).chain(["--group", "team"])).success();

    // And a machine, which reads production alone.
    let (machine, recipient) = world.keygen("machine");
    world.secret(["member", "add", "deploy", &recipient, "--kind", "machine"]).success();
    world.tamper(
        ".secret.toml",
        "[[rules]]",
        "[[rules]]\npath = \"secrets/prod/**\"\nreaders = [\"team\", \"deploy\"]\nowner = \"payments\"\n\n[[rules]]",
    );
    world.commit("bob and the machine");
    assert_eq!(world.secret(["rekey", "--check"]).code, 3);
    world.secret(["rekey", "--yes"]).success();
    assert_eq!(world.secret(["rekey", "--check"]).code, 0);
    world.write("secrets/dev.env", "TOKEN=canary-dev\n");
    world.secret(["-i", &bob, "encrypt", "secrets/dev.env"]).success();
    world.commit("everybody reads");
    assert_eq!(world.secret(["who", FILE]).success().stdout, "alice\nbob\ndeploy\n");

    // Bob edits; the machine deploys, from a variable and without a home.
    let edited = world.editor("sed -i 's/5432/6432/' \"$1\"");
    world.secret_with(["-i", &bob, "edit", FILE], "", &[("EDITOR", &edited)]).success();
    world.commit("another port");
    let identity = fs::read_to_string(machine).expect("the identity");
    let deploy = [("HOME", "/nonexistent"), ("SECRET_IDENTITY", identity.as_str())];
    let deployed = world.secret_with(["decrypt", FILE], "", &deploy).success();
    assert_eq!((deployed.stdout, deployed.stderr), (DB.replace("5432", "6432"), String::new()));
    assert_eq!(world.secret_with(["get", FILE, "db.port"], "", &deploy).success().stdout, "6432");
    world.refuses_with(
        ["decrypt", "secrets/dev.env"],
        "",
        &deploy,
        4,
        "error: cannot open secrets/dev.env: none of your identities opens it\n\
         hint: it can be read by alice, bob\n\
         hint: ask one of them to run `secret member add` and `secret rekey` for you, or name another identity with \
         --identity FILE",
    );

    // A stranger has the repository, and reads nothing.
    let (eve, _) = world.keygen("eve");
    for file in [FILE, "secrets/dev.env"] {
        let outcome = world.secret(["-i", &eve, "decrypt", file]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (4, ""), "{outcome:#?}");
    }
    assert!(!world.git(["log", "--patch", "--all"]).contains("canary"));
}

#[test]
fn two_branches_that_change_different_values_merge_with_stock_git() {
    let lines = |one: &str, other: &str| -> String {
        (0..20)
            .map(|at| {
                format!(
                    "key_{at}: {}\n",
                    match at {
                        3 => one,
                        16 => other,
                        _ => "same",
                    }
                )
            })
            .collect()
    };
    let world = World::new().with_file("secrets/app.yaml", &lines("one", "other"));
    world.git(["checkout", "--quiet", "-b", "branch"]);
    world.secret_with(["set", "secrets/app.yaml", "key_3", "--stdin"], "theirs", &[]).success();
    world.commit("theirs");
    world.git(["checkout", "--quiet", "main"]);
    world.secret_with(["set", "secrets/app.yaml", "key_16", "--stdin"], "ours", &[]).success();
    world.commit("ours");
    world.git(["merge", "--quiet", "--no-edit", "branch"]);
    assert_eq!(world.secret(["decrypt", "secrets/app.yaml"]).success().stdout, lines("theirs", "ours"));
}

#[test]
fn people_with_ssh_keys_need_no_other_identity() {
    let world = World::with_db();
    let folder = world.home().join(".ssh");
    fs::create_dir(&folder).expect("a folder");
    let key = folder.join("id_ed25519");
    let made = world
        .command("ssh-keygen".as_ref())
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f"])
        .arg(&key)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: ssh-keygen is not installed");
        return;
    }
    let public = fs::read_to_string(key.with_extension("pub")).expect("a public key");
    world.secret(["member", "add", "bob", public.trim(), "--group", "team"]).success();
    world.commit("bob");
    world.secret(["rekey", "--yes"]).success();
    // Without alice's identity, only the key in ~/.ssh is found.
    fs::remove_file(world.home().join(".config/secret/identities.txt")).expect("it was there");
    assert_eq!(world.secret(["decrypt", "secrets/db.yaml"]).success().stdout, DB);
}
