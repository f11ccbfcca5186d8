//! What headers say of single values.

use super::*;

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
            "`rotation_due` cannot be 2020-01-01: that day is past\nhint: write a day from today on; with --allow-past, what was last replaced on that day or before is overdue at once",
        ),
        (
            &["--rotation-due", "2020-01-01"],
            1,
            "`rotation_due` cannot be 2020-01-01: that day is past\nhint: write a day from today on; with --allow-past, what was last replaced on that day or before is overdue at once",
        ),
        (
            &["db.port", "--generate", "canary"],
            2,
            "not a recipe: no value is made by this; there are age, base64:N, base64url:N, hex:N, password:N, \
             ssh-ed25519, uuid and words:N\nhint: `secret generate --help` has examples",
        ),
        (
            &["db.port", "--generate", "hex:1"],
            2,
            "not a recipe: 8 bits of entropy are too few: at least 64 are needed\n\
             hint: hex:32 is strong enough; a short value that must be so is set with `secret set`",
        ),
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
    // A key that only ends so is one as any other.
    let own = "echo '  password_pending: canary' >> \"$1\"";
    let refused = edit(own);
    assert!(refused.code == 1 && refused.stderr.contains("db.password_pending lacks description"), "{refused:#?}");
    // `set` cannot say anything of a value: it is found afterwards.
    world.secret_with(["set", FILE, "db.new", "--stdin"], "canary", &[]).success();
    assert!(verified().code == 3 && verified().stdout.contains("`db.new`"), "{:#?}", verified());
    // A value in clear is no secret.
    world.write(".secret.toml", policy + "cleartext = [\"db.new\"]\n");
    world.secret(["rekey", "--yes", "--allow-cleartext"]).success();
    assert!(!verified().stdout.contains("metadata-missing"), "{:#?}", verified());
}
