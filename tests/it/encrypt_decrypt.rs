//! `encrypt` and `decrypt`: in place, to other places, from standard input, and back again.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::world::{DB, World};

const FILE: &str = "secrets/db.yaml";

#[test]
fn an_unchanged_file_that_was_decrypted_in_place_is_what_it_was() {
    let world = World::with_db();
    let before = world.read_bytes(FILE);
    let decrypted = world.secret(["decrypt", "--in-place", FILE]).success();
    assert_eq!(
        decrypted.stderr,
        "secrets/db.yaml is in plaintext now; `secret encrypt secrets/db.yaml` makes it what it was\n"
    );
    assert_eq!(world.read(FILE), DB);
    assert_eq!(fs::metadata(world.path(FILE)).expect("the file").permissions().mode() & 0o777, 0o600);
    let encrypted = world.secret(["encrypt", FILE]).success();
    assert_eq!(encrypted.stderr, "encrypted secrets/db.yaml with the key it has in the index; readers: alice\n");
    assert_eq!(world.read_bytes(FILE), before);
    assert_eq!(world.git(["status", "--porcelain"]), "");
}

#[test]
fn of_a_changed_file_the_other_tokens_are_those_of_git() {
    let world = World::with_db();
    let before = world.read(FILE);
    world.secret(["decrypt", "--in-place", FILE]).success();
    world.tamper(FILE, "admin", "root");
    world.secret(["encrypt", FILE]).success();
    let after = world.read(FILE);
    let same = before.lines().filter(|line| after.contains(line)).count();
    assert!(before.lines().count() - same <= 2, "{before}{after}");
    assert!(after.contains(before.lines().last().expect("the port")));
    world.secret(["decrypt", "--in-place", FILE]).success();
    world.git(["rm", "--quiet", "--cached", FILE]);
    let head = world.secret(["encrypt", FILE]).success();
    assert_eq!(head.stderr, "encrypted secrets/db.yaml with the key it has in HEAD; readers: alice\n");
}

#[test]
fn a_fresh_file_has_another_key_and_id() {
    let world = World::with_db();
    let id = |world: &World| world.read(FILE).lines().nth(2).expect("a file id").to_owned();
    let before = id(&world);
    world.secret(["decrypt", "--in-place", FILE]).success();
    let outcome = world.secret(["encrypt", "--fresh", FILE]).success();
    assert_eq!(outcome.stderr, "encrypted secrets/db.yaml; readers: alice\n");
    assert_ne!(id(&world), before);
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
}

#[test]
fn output_leaves_the_plaintext_and_never_overwrites_another_one() {
    let world = World::new();
    world.write("plain.yaml", DB);
    world.secret(["encrypt", "plain.yaml", "-o", FILE]).success();
    assert_eq!(world.read("plain.yaml"), DB);
    assert_eq!(world.secret(["decrypt", FILE]).success().stdout, DB);
    world.secret(["encrypt", "plain.yaml", "-o", FILE]).success();
    world.write("secrets/other.yaml", "canary: other\n");
    world.refuses(
        ["encrypt", "plain.yaml", "-o", "secrets/other.yaml"],
        1,
        "error: secrets/other.yaml exists and is not an encrypted file\nhint: remove it first, or write elsewhere with -o",
    );
}

#[test]
fn of_a_folder_everything_that_a_rule_is_for_is_encrypted() {
    let world = World::new();
    world.write("secrets/a.env", "A=canary-1\n");
    world.secret(["encrypt", "secrets/a.env"]).success();
    let before = world.read_bytes("secrets/a.env");
    world.write("secrets/deep/b c.yaml", "b: canary-2\n");
    world.write("secrets/deep/d.env", "D=canary-3\n");
    let encrypted = world.secret(["encrypt", "secrets"]).success();
    assert_eq!(
        encrypted.stderr,
        "encrypted secrets/deep/b c.yaml; readers: alice\nencrypted secrets/deep/d.env; readers: alice\n"
    );
    assert_eq!(world.read_bytes("secrets/a.env"), before);
    assert_eq!(world.secret(["get", "secrets/deep/b c.yaml", "b"]).success().stdout, "canary-2");

    let again = world.secret(["encrypt", "secrets"]).success();
    assert_eq!(again.stderr, "all files in secrets that a rule is for are encrypted\n");
}

#[test]
fn a_folder_that_no_rule_is_for_is_not_passed_over_in_silence() {
    let world = World::new();
    world.write("docs/plain.env", "C=canary\n");
    world.refuses(
        ["encrypt", "docs"],
        1,
        "error: no rule of the policy is for docs/\nhint: the rules are for secrets/**; add one for docs/ to .secret.toml",
    );
    world.refuses(
        ["encrypt", "docs", "-o", "secrets/x.env"],
        1,
        "error: [WORLD]/repo/docs is a folder, not a file\nhint: name a file in it",
    );
}

#[test]
fn standard_input_is_encrypted_for_a_path() {
    let world = World::new();
    let outcome = world.secret_with(["encrypt", "-", "--path", "secrets/new/app.env"], "TOKEN=canary\n", &[]).success();
    assert_eq!(outcome.stderr, "encrypted secrets/new/app.env; readers: alice\n");
    assert_eq!(world.secret(["get", "secrets/new/app.env", "TOKEN"]).success().stdout, "canary");
}

#[test]
fn plaintext_in_history_is_warned_about() {
    let world = World::new();
    world.write(FILE, DB);
    world.commit("oh no");
    let outcome = world.secret(["encrypt", FILE]).success();
    assert_eq!(
        outcome.stderr,
        "encrypted secrets/db.yaml; readers: alice\n\
         warning: secrets/db.yaml stands in git's history in plaintext: whoever has the repository can read it; replace its values\n"
    );
}

#[test]
fn what_has_no_keys_is_sealed_as_a_whole() {
    let world = World::new();
    for (path, content, said) in [
        ("secrets/list.json", "[\"canary\"]", "secrets/list.json is sealed as a whole: its root is not an object\n"),
        ("secrets/id_rsa", "canary key", ""),
        ("secrets/empty.bin", "", ""),
    ] {
        world.write(path, content);
        let outcome = world.secret(["encrypt", path]).success();
        assert_eq!(outcome.stderr, format!("encrypted {path}; readers: alice\n{said}"));
        assert!(!String::from_utf8_lossy(&world.read_bytes(path)).contains("canary"));
        assert_eq!(world.secret(["decrypt", path]).success().stdout, content);
    }
}

#[test]
fn every_format_comes_back_byte_for_byte_and_hides_its_values() {
    let world = World::new();
    for (name, text) in [
        (
            "a.yaml",
            "%YAML 1.2\n---\n# canary\na: &x canary # canary\nb: *x\nc: |-\n  canary\n\n...\n---\nd: [canary, 'canary']\n",
        ),
        ("a.json", "{\"a\": \"canary\", \"b\": [1e400, null, {}],\r\n \"c\": 123456789012345678901234567890}"),
        ("a.toml", "a.b = 'canary' # canary\n[[t]]\nx = 1979-05-27\ny = \"\"\"\ncanary\"\"\"\n"),
        (".env.prod", "export A=canary\nB='canary\nline' # canary\n#canary\nC=\"$A\"\r\n"),
        ("a.ini", "; canary\n[s]\nkey = canary\nkey = canary\n"),
        ("empty.yaml", ""),
        ("comment.env", "# canary"),
        ("bom.yaml", "\u{feff}a: canary\r\n"),
    ] {
        let path = format!("secrets/{name}");
        world.write(&path, text);
        world.secret(["encrypt", &path]).success();
        assert!(!world.read(&path).contains("canary"), "{}", world.read(&path));
        assert_eq!(world.secret(["decrypt", &path]).success().stdout, text, "{name}");
    }
}

#[test]
fn several_files_are_decrypted_to_a_folder_all_or_none() {
    let world = World::with_db().with_file("secrets/deep/app.env", "TOKEN=canary\n");
    let out = world.home().join("out");
    let folder = out.display().to_string();
    world.secret(["decrypt", FILE, "secrets/deep/app.env", "--output-dir", &folder]).success();
    assert_eq!(fs::read_to_string(out.join(FILE)).expect("a plaintext"), DB);
    assert_eq!(fs::read_to_string(out.join("secrets/deep/app.env")).expect("a plaintext"), "TOKEN=canary\n");
    let mode = |path: &str| fs::metadata(out.join(path)).expect("it is there").permissions().mode() & 0o777;
    assert_eq!([mode(""), mode("secrets"), mode(FILE)], [0o700, 0o700, 0o600]);
    world.tamper("secrets/deep/app.env", "# generation = 1", "# generation = 2");
    let other = world.home().join("other");
    assert_eq!(
        world.secret(["decrypt", FILE, "secrets/deep/app.env", "--output-dir", &other.display().to_string()]).code,
        5
    );
    assert!(!other.exists());
    assert_eq!(world.secret(["decrypt", "--in-place", FILE, "secrets/deep/app.env"]).code, 5);
    assert!(world.read(FILE).contains("# secret/v1 begin"));
}

#[test]
fn one_file_is_decrypted_to_another_place_readable_by_its_owner_alone() {
    let world = World::with_db();
    let output = world.home().join("db.yaml");
    world.secret(["decrypt", FILE, "-o", &output.display().to_string()]).success();
    assert_eq!(fs::read_to_string(&output).expect("a plaintext"), DB);
    assert_eq!(fs::metadata(&output).expect("a plaintext").permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_plaintext_never_takes_the_place_of_an_encrypted_file_unasked() {
    let world = World::with_db().with_file("secrets/other.yaml", DB);
    for arguments in [["-o", FILE], ["-o", "secrets/other.yaml"], ["--output-dir", "."]] {
        let path = if arguments[1] == "." { FILE } else { arguments[1] };
        world.refuses(
            [&["decrypt", FILE], arguments.as_slice()].concat(),
            1,
            &format!(
                "error: [WORLD]/repo/{path} is an encrypted file; it is not overwritten\n\
                 hint: write elsewhere, or decrypt it with --in-place"
            ),
        );
    }
}

#[test]
fn a_plaintext_is_not_written_through_a_link_that_leads_out_of_the_repository() {
    let world = World::with_db();
    let outside = world.home().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("file"), "").expect("a file");
    fs::create_dir(world.path("run")).expect("a folder");
    symlink(&outside, world.path("run/secrets")).expect("a link");
    symlink(outside.join("file"), world.path("out.yaml")).expect("a link");
    for arguments in [["--output-dir", "run"], ["-o", "out.yaml"], ["-o", "run/secrets/new.yaml"]] {
        let outcome = world.secret([&["decrypt", FILE], arguments.as_slice()].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{outcome:#?}");
        assert!(outcome.stderr.contains(" leads out of "), "{outcome:#?}");
    }
    assert_eq!(fs::read(outside.join("file")).expect("the file"), b"");
    assert_eq!(fs::read_dir(&outside).expect("the folder").count(), 1);
}

#[test]
fn outside_of_a_repository_a_file_is_opened_wherever_it_stands() {
    let world = World::with_db();
    let copy = world.home().join("copy.yaml");
    fs::copy(world.path(FILE), &copy).expect("a copy");
    assert_eq!(world.secret(["decrypt", &copy.display().to_string()]).success().stdout, DB);
}

#[test]
fn cleartext_by_rule_stays_in_clear_and_is_authentic() {
    let world = World::new();
    world.tamper(
        ".secret.toml",
        "readers = [\"team\"]\n",
        "readers = [\"team\"]\ncleartext = [\"kind\", \"metadata.**\"]\n",
    );
    world.commit("cleartext");
    let text = "kind: Secret\nmetadata: {name: db}\ndata:\n  password: canary\n";
    let world = world.with_file(FILE, text);
    let stored = world.read(FILE);
    assert!(stored.contains("\nkind: Secret\nmetadata: {name: db}\n") && !stored.contains("canary"), "{stored}");
    world.tamper(FILE, "kind: Secret", "kind: ConfigMap");
    let line = world.line_of(FILE, "  password:");
    world.refuses(
        ["decrypt", FILE],
        5,
        &format!(
            "error: secrets/db.yaml: line {line}: the encrypted value of `data.password` was changed, moved, or stands beside \
             something that was added, removed or renamed\n\
             hint: encrypted files are changed with `secret edit`, `secret set` and `secret unset`; \
             `git log -p` shows who changed this one"
        ),
    );
}

#[test]
fn an_encrypted_file_keeps_its_mode() {
    let world = World::with_db();
    let mode = || fs::metadata(world.path(FILE)).expect("the file").permissions().mode() & 0o777;
    fs::set_permissions(world.path(FILE), fs::Permissions::from_mode(0o640)).expect("a mode");
    world.secret(["unset", FILE, "db.port"]).success();
    assert_eq!(mode(), 0o640);
}

#[test]
fn no_link_in_a_repository_chooses_what_is_read_or_where_a_plaintext_goes() {
    let world = World::with_db();
    let outside = world.home().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("key.yaml"), "canary: mine\n").expect("a file");
    fs::copy(world.path(FILE), outside.join("db.yaml")).expect("a copy");
    world.write("public/readme", "for everybody\n");
    symlink(&outside, world.path("out")).expect("a link");
    symlink("public", world.path("run")).expect("a link");
    symlink("public/readme", world.path("plain.yaml")).expect("a link");
    let copy = outside.join("db.yaml").display().to_string();
    let leads_out = |path: &str| {
        format!(
            "error: [WORLD]/repo/{path} leads out of [WORLD]/repo\nhint: nothing is read or written outside of the repository"
        )
    };
    let is_link = |path: &str| {
        format!(
            "error: [WORLD]/repo/{path} is a symlink, which is not followed here\nhint: name the file or folder itself"
        )
    };
    let cases: [(&[&str], String); 9] = [
        (&["decrypt", FILE, "-o", "out/new.yaml"], leads_out("out")),
        (&["decrypt", &copy, "-o", "out/new.yaml"], leads_out("out")),
        (&["decrypt", FILE, "--output-dir", "out"], leads_out("out")),
        (&["decrypt", &copy, "--output-dir", "run"], is_link("run")),
        (&["decrypt", FILE, "-o", "plain.yaml"], is_link("plain.yaml")),
        (&["encrypt", "out/key.yaml", "-o", "secrets/new.yaml"], leads_out("out")),
        (&["encrypt", "plain.yaml", "-o", "secrets/new.yaml"], is_link("plain.yaml")),
        (&["set", FILE, "db.user", "--from-file", "out/key.yaml"], leads_out("out")),
        (&["edit", FILE, "--from", "plain.yaml"], is_link("plain.yaml")),
    ];
    for (command, said) in cases {
        world.refuses(command, 1, &said);
    }
    assert_ne!(
        world.secret(["decrypt", "out/db.yaml"]).code,
        0,
        "a file outside is not taken for one of the repository"
    );
    assert_eq!(fs::read_dir(&outside).expect("the folder").count(), 2);
    // The user's own links, outside of a repository, and files there are as good as any.
    symlink("key.yaml", outside.join("link.yaml")).expect("a link");
    let link = outside.join("link.yaml").display().to_string();
    world.secret(["encrypt", &link, "-o", "secrets/new.yaml"]).success();
    assert_eq!(world.secret(["decrypt", "secrets/new.yaml"]).success().stdout, "canary: mine\n");
}

#[test]
fn a_plaintext_takes_the_place_of_a_plaintext_and_of_nothing_else() {
    let world = World::with_db();
    world.write("run/secrets/db.yaml", "db: older\n");
    world.secret(["decrypt", FILE, "--output-dir", "run"]).success();
    assert_eq!(world.read("run/secrets/db.yaml"), DB);
    fs::create_dir(world.path("folder")).expect("a folder");
    world.refuses(
        ["decrypt", FILE, "-o", "folder"],
        1,
        "error: [WORLD]/repo/folder is a folder, not a file\nhint: name a file in it",
    );
    world.refuses(
        ["decrypt", FILE, FILE, "--output-dir", "run"],
        1,
        "error: secrets/db.yaml and secrets/db.yaml would both be written to secrets/db.yaml\n\
         hint: decrypt them one by one, with -o FILE",
    );
    world.refuses(
        ["decrypt", "--in-place", FILE, "./secrets/db.yaml"],
        1,
        "error: secrets/db.yaml and ./secrets/db.yaml would both be written to [WORLD]/repo/secrets/db.yaml\n\
         hint: decrypt them one by one, with -o FILE",
    );
}

#[test]
fn a_header_names_no_hidden_place_at_the_top_unless_the_file_stands_there() {
    let world = World::new().with_file("secrets/.env", "A=canary\n");
    world.tamper(".secret.toml", "path = \"secrets/**\"", "path = \"**\"");
    world.commit("everything is secret");
    let world = world.with_file(".env", "A=canary\n");
    world.secret(["decrypt", ".env", "secrets/.env", "--output-dir", "run"]).success();
    assert_eq!((world.read("run/.env"), world.read("run/secrets/.env")), ("A=canary\n".into(), "A=canary\n".into()));
    let copy = world.home().join("copy");
    fs::copy(world.path(".env"), &copy).expect("a copy");
    let copy = copy.display().to_string();
    world.refuses(
        ["decrypt", &copy, "--output-dir", "run"],
        1,
        "error: [WORLD]/home/copy was encrypted as .env: no plaintext is written to such a path\n\
         hint: name the place yourself, with -o FILE",
    );
    world.secret(["decrypt", &copy, "-o", "run/.env"]).success();
}
