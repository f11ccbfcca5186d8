//! Age plugins: started only when the user's own settings allow them by name, and bounded in what they can do then.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::world::{DB, World};

const FILE: &str = "secrets/db.yaml";
static PYTHON: OnceLock<String> = OnceLock::new();
/// The shared key of the toy plugin's recipients and identities.
const KEY: [u8; 16] = *b"toy canary key 1";

/// A world in which the toy plugin is installed in `home/bin`, allowed in the settings or not.
struct Plugged(World);

impl Plugged {
    fn new() -> Self {
        let world = Self::installed(World::new());
        world.allow("toy = true");
        world
    }

    fn installed(world: World) -> Self {
        install(&world.home().join("bin/age-plugin-toy"));
        fs::write(world.home().join("toy.key"), format!("{}\n", identity("toy", &KEY))).expect("a file");
        Self(world)
    }

    /// Writes the settings: lines of the table `[plugins]`.
    fn allow(&self, lines: &str) {
        self.configure(&format!("[plugins]\n{lines}\n"));
    }

    fn configure(&self, text: &str) {
        let path = self.settings();
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("a file");
    }

    fn settings(&self) -> PathBuf {
        self.0.home().join(".config/secret/config.toml")
    }

    /// Adds the toy's recipient to the policy as `token`, and a file that alice and it can read.
    fn with_member(self) -> Self {
        self.0.secret(["member", "add", "token", &recipient("toy", &KEY), "--group", "team"]).success();
        self.0.write(FILE, DB);
        self.0.commit("token");
        self
    }

    fn with_file(self) -> Self {
        let world = self.with_member();
        world.run(&["encrypt", FILE], "").success();
        world.0.commit("file");
        world
    }

    fn run(&self, arguments: &[&str], mode: &str) -> crate::world::Outcome {
        self.0.secret_with(arguments, "", &self.variables(mode))
    }

    /// Runs a command that must fail and change nothing.
    #[track_caller]
    fn refuses(&self, arguments: &[&str], mode: &str, code: i32, stderr: &str) {
        self.0.refuses_with(arguments, "", &self.variables(mode), code, stderr);
    }

    fn variables<'a>(&self, mode: &'a str) -> [(&'static str, &'a str); 5] {
        // Leaked for the length of a test: a world's variables are borrowed.
        let leak = |text: String| -> &'static str { text.leak() };
        let path = std::env::var("PATH").unwrap_or_default();
        [
            ("PATH", leak(format!("{}:{path}", self.0.home().join("bin").display()))),
            ("TOY_LOG", leak(self.log().display().to_string())),
            ("TOY_MODE", mode),
            ("AGEDEBUG", "plugin"),
            ("SECRET_IDENTITY", ""),
        ]
    }

    fn log(&self) -> PathBuf {
        self.0.home().join("toy.log")
    }

    /// Returns what was started since the last time, a line each.
    fn started(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let _ = fs::remove_file(self.log());
        log.lines().map(str::to_owned).collect()
    }

    /// Takes the identity of alice away.
    fn only_toy(&self) -> Vec<String> {
        vec!["-i".to_owned(), self.0.home().join("toy.key").display().to_string()]
    }

    fn opens_with_toy(&self, mode: &str) -> crate::world::Outcome {
        let identity = self.only_toy();
        self.run(&[&identity[0], &identity[1], "decrypt", FILE], mode)
    }

    #[track_caller]
    fn refuses_with_toy(&self, mode: &str, code: i32, stderr: &str) {
        let identity = self.only_toy();
        self.refuses(&[&identity[0], &identity[1], "decrypt", FILE], mode, code, stderr);
    }
}

const WRAPPING: &str = "--age-plugin=recipient-v1 in / with []";
const UNWRAPPING: &str = "--age-plugin=identity-v1 in / with []";

#[test]
fn a_file_is_encrypted_to_a_plugin_and_opened_with_it() {
    let world = Plugged::new().with_member();
    world.run(&["encrypt", FILE], "").success();
    assert_eq!(world.started(), [WRAPPING]);
    assert_eq!(world.run(&["decrypt", FILE], "").success().stdout, DB);
    assert_eq!(world.started(), Vec::<String>::new(), "alice's own identity opens it");
    assert_eq!(world.opens_with_toy("").success().stdout, DB);
    assert_eq!(world.started(), [UNWRAPPING]);
    let info = world.run(&["who", FILE], "").success();
    assert_eq!(info.stdout, "alice\ntoken\n");
}

#[test]
fn a_plugin_reader_can_write_and_be_removed() {
    let world = Plugged::new().with_file();
    let identity = world.only_toy();
    let set = [&identity[0], &identity[1], "set", FILE, "db.user", "--stdin"];
    world.0.secret_with(set, "root\n", &world.variables("")).success();
    assert_eq!(world.run(&["get", FILE, "db.user"], "").success().stdout, "root");
    world.0.commit("changed");
    world.0.tamper(".secret.toml", ", \"token\"", "");
    world.0.commit("token leaves");
    let _ = world.started();
    world.run(&["rekey", "--yes"], "").success();
    assert_eq!(world.started(), Vec::<String>::new(), "nobody left takes a plugin");
    world.refuses_with_toy(
        "",
        4,
        "error: cannot open secrets/db.yaml: none of your identities opens it\n\
         hint: it can be read by alice\n\
         hint: ask one of them to run `secret member add` and `secret rekey` for you, or name another identity with \
         --identity FILE",
    );
}

#[test]
fn age_itself_opens_the_wrapped_key_with_the_same_plugin() {
    if Command::new("age").arg("--version").output().is_err() {
        eprintln!("skipped: no age");
        return;
    }
    let world = Plugged::new().with_file();
    let header = world.0.read(FILE);
    let wrapped: String = header
        .lines()
        .map(|line| line.trim_start_matches("# "))
        .skip_while(|line| !line.starts_with("wrapped_key"))
        .skip(1)
        .take_while(|line| *line != "\"\"\"")
        .flat_map(|line| [line, "\n"])
        .collect();
    let file = world.0.home().join("wrapped.age");
    fs::write(&file, wrapped).expect("a file");
    let mut age = world.0.command(Path::new("age"));
    age.envs(world.variables("")).args(["-d", "-i"]).arg(world.0.home().join("toy.key")).arg(file);
    let output = age.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && output.stdout.starts_with(b"secret/v1\n") && output.stdout.len() == 146,
        "{said}"
    );
}

#[test]
fn what_is_no_use_of_the_key_starts_nothing() {
    let world = Plugged::new().with_file();
    world.started();
    for command in [
        vec!["who", FILE],
        vec!["info", FILE],
        vec!["ls"],
        vec!["ls", FILE],
        vec!["whoami"],
        vec!["init"],
        vec!["rekey", "--check"],
        vec!["rekey", "--dry-run"],
        vec!["member", "list"],
        vec!["decrypt", FILE],
        vec!["get", FILE, "db.user"],
        vec!["meta", FILE, "--owner", "alice"],
        vec!["unset", FILE, "db.port"],
        vec!["mv", FILE, "secrets/moved.yaml"],
        vec!["member", "add", "other", &recipient("other", &KEY)],
    ] {
        world.run(&command, "").success();
        assert_eq!(world.started(), Vec::<String>::new(), "{command:?}");
    }
}

#[test]
fn without_being_allowed_a_plugin_is_not_started_and_the_error_says_what_to_do() {
    let world = Plugged::installed(World::new()).with_member();
    let not_allowed = "the age plugin toy is not allowed: only your own settings can have it started";
    let hint = "hint: if you trust it, write `toy = true` under [plugins] in [WORLD]/home/.config/secret/config.toml";
    world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {not_allowed}\n{hint}"));
    for text in ["", "[plugins]\n", "[plugins]\nyubikey = true\n"] {
        world.configure(text);
        world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {not_allowed}\n{hint}"));
    }
    assert_eq!(world.started(), Vec::<String>::new());

    world.allow("toy = true");
    world.run(&["encrypt", FILE], "").success();
    world.started();
    fs::remove_file(world.settings()).expect("it is there");
    world.refuses_with_toy("", 4, &format!("error: cannot open {FILE}: {not_allowed}\n{hint}"));
    assert_eq!(world.run(&["decrypt", FILE], "").success().stdout, DB, "alice needs no plugin");
    assert_eq!(world.started(), Vec::<String>::new());
}

#[test]
fn a_name_with_a_point_is_quoted_in_the_hint() {
    let world = Plugged::installed(World::new());
    world.0.secret(["member", "add", "token", &recipient("a.b", &KEY), "--group", "team"]).success();
    world.0.write(FILE, DB);
    world.0.commit("token");
    let outcome = world.run(&["encrypt", FILE], "");
    assert!(outcome.stderr.contains("write `\"a.b\" = true` under [plugins]"), "{outcome:?}");
    world.allow("\"a.b\" = true");
    install(&world.0.home().join("bin/age-plugin-a.b"));
    world.run(&["encrypt", FILE], "").success();
}

#[test]
fn settings_with_a_mistake_start_nothing_and_name_the_line() {
    let world = Plugged::new().with_member();
    let file = "[WORLD]/home/.config/secret/config.toml";
    let write = "hint: write `NAME = true`, or `NAME = \"/absolute/path\"`, under [plugins]";
    for (text, error) in [
        (
            "# mine\nplugin = true\n",
            format!("{file}:2: unknown key \"plugin\": there is only the table [plugins]\n{write}"),
        ),
        (
            "[plugins]\ntoy = 1\n",
            format!("{file}:2: the plugin toy is neither `true` nor the path of a program\n{write}"),
        ),
        (
            "[plugins]\ntoy = true\n\"../toy\" = true\n",
            format!("{file}:3: \"../toy\" is no name of an age plugin\n{write}"),
        ),
        (
            "[plugins]\ntoy = \"bin/age-plugin-toy\"\n",
            format!("{file}:2: the program of the plugin toy is not given by an absolute path\n{write}"),
        ),
    ] {
        world.configure(text);
        world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {error}"));
    }
    for text in ["[plugins]\ntoy = true\ntoy = true\n", "[plugins\n", "\u{0}", "toy"] {
        world.configure(text);
        assert_eq!(world.run(&["encrypt", FILE], "").code, 1, "{text}");
    }
    fs::write(world.settings(), b"[plugins]\ntoy = true # \xff\n").expect("a file");
    world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {file}: not UTF-8 text"));
    world.configure(&format!("[plugins]\ntoy = true\n#{}\n", "x".repeat(70_000)));
    world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {file}: {file} is larger than 65536 bytes"));
    assert_eq!(world.started(), Vec::<String>::new());
}

#[test]
fn the_settings_that_the_guide_shows_are_sound() {
    let world = Plugged::new().with_member();
    let guide = include_str!("../../docs/plugins.md");
    let shown = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    world.configure(&format!("{shown}toy = true\n"));
    world.run(&["encrypt", FILE], "").success();
    assert_eq!(world.started(), [WRAPPING]);
}

#[test]
fn settings_that_others_can_write_are_refused() {
    let world = Plugged::new().with_member();
    for mode in [0o666, 0o664, 0o602] {
        fs::set_permissions(world.settings(), PermissionsExt::from_mode(mode)).expect("a mode");
        world.refuses(
            &["encrypt", FILE],
            "",
            1,
            "error: secrets/db.yaml: [WORLD]/home/.config/secret/config.toml: \
             [WORLD]/home/.config/secret/config.toml can be changed by other users\n\
             hint: look at what stands there, and run `chmod go-w [WORLD]/home/.config/secret/config.toml`",
        );
    }
    assert_eq!(world.started(), Vec::<String>::new());
}

/// A checkout whose folder is the home, as some CI systems have it, or a variable that leads into it.
#[test]
fn settings_in_the_repository_are_refused() {
    let world = Plugged::installed(World::new()).with_member();
    let allowed = "[plugins]\ntoy = true\n";
    world.0.write("home/.config/secret/config.toml", allowed);
    world.0.write(".config/secret/config.toml", allowed);
    world.0.write("config/secret/config.toml", allowed);
    let repo = world.0.repo().display().to_string();
    let link = world.0.home().join("link");
    symlink(&repo, &link).expect("a link");
    for (variable, folder) in [
        ("HOME", repo.clone()),
        ("HOME", format!("{repo}/home")),
        ("XDG_CONFIG_HOME", format!("{repo}/config")),
        ("XDG_CONFIG_HOME", format!("{}/config", link.display())),
        ("XDG_CONFIG_HOME", format!("{}/../repo/config", link.display())),
    ] {
        let variables = [&world.variables("")[..], &[(variable, folder.as_str())]].concat();
        let outcome = world.0.secret_with(["encrypt", FILE], "", &variables);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(
            outcome.stderr.contains("stands in the repository, and a repository has no say in which programs run"),
            "{outcome:?}"
        );
        let inside = world.path_in("secrets");
        let mut command = world.0.command(Path::new(env!("CARGO_BIN_EXE_secret")));
        command.current_dir(inside).envs(variables).args(["encrypt", "db.yaml"]);
        assert_eq!(command.output().expect("it runs").status.code(), Some(1), "also from a folder below");
    }
    assert_eq!(world.started(), Vec::<String>::new());
}

#[test]
fn a_program_is_taken_from_absolute_folders_outside_of_the_repository_only() {
    let world = Plugged::installed(World::new()).with_member();
    fs::remove_file(world.0.home().join("bin/age-plugin-toy")).expect("it is there");
    for folder in ["", "bin", "secrets"] {
        install(&world.0.path(folder).join("age-plugin-toy"));
    }
    world.allow("toy = true");
    let system = std::env::var("PATH").unwrap_or_default();
    let repo = world.0.repo().display().to_string();
    let not_found = "cannot start the age plugin toy: program age-plugin-toy not found";
    let inside = "stands in the repository, and nothing in a repository is run";
    symlink(world.0.path("bin"), world.0.home().join("bin2")).expect("a link");
    let linked = world.0.home().join("bin2").display().to_string();
    for (path, error) in [
        (format!("{system}:."), not_found),
        (format!(".:{system}"), not_found),
        (format!(":{system}:"), not_found),
        (format!("bin:{system}"), not_found),
        (format!("./bin:../repo/bin:{system}"), not_found),
        (format!("{repo}:{system}"), inside),
        (format!("{repo}/bin:{system}"), inside),
        (format!("{repo}/secrets/../bin:{system}"), inside),
        (format!("{linked}:{system}"), inside),
    ] {
        let variables = [&world.variables("")[..], &[("PATH", path.as_str())]].concat();
        let outcome = world.0.secret_with(["encrypt", FILE], "", &variables);
        assert!(outcome.code == 1 && outcome.stderr.contains(error), "{path}: {outcome:?}");
    }
    for program in [format!("{repo}/bin/age-plugin-toy"), format!("{linked}/age-plugin-toy")] {
        world.allow(&format!("toy = {program:?}"));
        let outcome = world.run(&["encrypt", FILE], "");
        assert!(outcome.code == 1 && outcome.stderr.contains(inside), "{program}: {outcome:?}");
    }
    assert_eq!(world.started(), Vec::<String>::new());

    install(&world.0.home().join("opt/plugin"));
    world.allow(&format!("toy = {:?}", world.0.home().join("opt/plugin")));
    world.run(&["encrypt", FILE], "").success();
    assert_eq!(world.started(), [WRAPPING]);
}

#[test]
fn identity_variables_do_not_reach_a_plugin() {
    let world = Plugged::new().with_member();
    let key = fs::read_to_string(world.0.home().join(".config/secret/identities.txt")).expect("alice's");
    let mut variables = world.variables("").to_vec();
    variables.extend([("SECRET_IDENTITY", key.as_str()), ("SOPS_AGE_KEY", &key)]);
    world.0.secret_with(["encrypt", FILE], "", &variables).success();
    assert_eq!(world.started(), [WRAPPING]);
}

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

#[test]
fn a_plugin_that_does_not_follow_the_protocol_is_found_out_when_it_wraps() {
    let world = Plugged::new().with_member();
    let cases = [
        ("garbage", "age-plugin-toy does not follow the plugin protocol"),
        ("binary", "age-plugin-toy does not follow the plugin protocol"),
        ("no-words", "age-plugin-toy does not follow the plugin protocol"),
        ("two-blanks", "age-plugin-toy does not follow the plugin protocol"),
        ("spare-bits", "age-plugin-toy does not follow the plugin protocol"),
        ("padding", "age-plugin-toy does not follow the plugin protocol"),
        ("long-line", "age-plugin-toy does not follow the plugin protocol"),
        ("confirm-badly", "age-plugin-toy does not follow the plugin protocol"),
        ("endless-line", "age-plugin-toy writes too much"),
        ("endless-lines", "age-plugin-toy writes too much"),
        ("endless-unknown", "age-plugin-toy writes too much"),
        ("long-arguments", "age-plugin-toy writes too much"),
        ("huge-stanza", "age-plugin-toy writes too much"),
        ("exits", "age-plugin-toy ended before it was done"),
        ("exits-with-failure", "age-plugin-toy ended before it was done"),
        ("half-a-command", "age-plugin-toy ended before it was done"),
        ("wrong-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("negative-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("plus-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("no-file", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("no-arguments", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("no-stanza", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("two-stanzas", "age-plugin-toy did not return exactly one stanza for one recipient"),
        ("labels-twice", "age-plugin-toy contradicts itself about what its stanza may be combined with"),
        ("label-twice", "age-plugin-toy contradicts itself about what its stanza may be combined with"),
        ("error", "age-plugin-toy failed: the token is gone\\u{1b}[31m\\u{a}error: no"),
        (
            "labels",
            "these recipients cannot be used together\n\
             hint: one of them is a plugin's that wants no others beside it; give the readers recipients of one kind",
        ),
    ];
    for (mode, error) in cases {
        world.refuses(&["encrypt", FILE], mode, 1, &format!("error: {FILE}: {error}"));
        assert_eq!(world.started(), [WRAPPING], "{mode}");
    }
    println!("{} ways to break the protocol when wrapping: all refused", cases.len());
}

#[test]
fn a_stanza_that_poses_as_one_of_ages_own_is_refused() {
    let world = Plugged::new().with_member();
    for tag in ["X25519", "scrypt", "ssh-ed25519", "ssh-rsa", "a-grease"] {
        let variables = [&world.variables("")[..], &[("TOY_TAG", tag)]].concat();
        world.0.refuses_with(
            ["encrypt", FILE],
            "",
            &variables,
            1,
            "error: secrets/db.yaml: age-plugin-toy returned a stanza that no plugin may make",
        );
    }
}

#[test]
fn a_plugin_that_does_not_follow_the_protocol_is_found_out_when_it_unwraps() {
    let world = Plugged::new().with_file();
    world.started();
    let cases = [
        ("garbage", "age-plugin-toy does not follow the plugin protocol"),
        ("binary", "age-plugin-toy does not follow the plugin protocol"),
        ("no-words", "age-plugin-toy does not follow the plugin protocol"),
        ("spare-bits", "age-plugin-toy does not follow the plugin protocol"),
        ("long-line", "age-plugin-toy does not follow the plugin protocol"),
        ("endless-line", "age-plugin-toy writes too much"),
        ("endless-lines", "age-plugin-toy writes too much"),
        ("endless-unknown", "age-plugin-toy writes too much"),
        ("exits", "age-plugin-toy ended before it was done"),
        ("exits-with-failure", "age-plugin-toy ended before it was done"),
        ("half-a-command", "age-plugin-toy ended before it was done"),
        ("short-key", "age-plugin-toy returned something that is not the key it was asked for"),
        ("long-key", "age-plugin-toy returned something that is not the key it was asked for"),
        ("two-keys", "age-plugin-toy returned something that is not the key it was asked for"),
        ("key-of-wrong-file", "age-plugin-toy returned something that is not the key it was asked for"),
    ];
    for (mode, error) in cases {
        world.refuses_with_toy(mode, 4, &format!("error: cannot open {FILE}: {error}"));
        assert_eq!(world.started(), [UNWRAPPING], "{mode}");
    }
    world.refuses_with_toy(
        "other-key",
        5,
        &format!("error: cannot open {FILE}: the wrapped key is not authentic\nhint: take the file from git's history"),
    );
    println!("{} ways to break the protocol when unwrapping: all refused", cases.len() + 1);
    for mode in ["fails-after-done", "unknown", ""] {
        assert_eq!(world.opens_with_toy(mode).success().stdout, DB, "{mode}");
    }
}

#[test]
fn a_flood_of_messages_ends() {
    let world = Plugged::new().with_file();
    let outcome = world.opens_with_toy("endless-messages");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (4, ""));
    assert!(outcome.stderr.len() < 300_000 && outcome.stderr.ends_with("age-plugin-toy writes too much\n"));
}

#[test]
fn what_a_plugin_says_is_escaped() {
    let world = Plugged::new().with_file();
    let outcome = world.opens_with_toy("message").success();
    assert_eq!(outcome.stdout, DB);
    assert_eq!(outcome.stderr, "age-plugin-toy: touch\\u{1b}[31m\\u{a}\\u{202e}me\n");
}

#[test]
fn without_a_terminal_a_plugins_question_is_an_error() {
    let world = Plugged::new().with_file();
    for mode in ["secret", "public", "confirm"] {
        world.refuses_with_toy(
            mode,
            4,
            "error: cannot open secrets/db.yaml: age-plugin-toy asks a question, and there is no terminal to ask it at\n\
             hint: run it at a terminal",
        );
    }
}

#[test]
fn at_a_terminal_a_plugins_questions_are_answered() {
    let world = Plugged::new().with_file();
    let identity = world.only_toy();
    let ask = |mode: &str, prompt: &str, answer: &str| {
        let arguments = [&identity[0], &identity[1], "get", FILE, "db.user"];
        world.0.at_terminal(&arguments, &world.variables(mode), &[(prompt, answer)])
    };
    let (code, screen) = ask("secret", "age-plugin-toy: PIN please", "1234\r");
    assert_eq!((code, screen.as_str()), (0, "age-plugin-toy: PIN please: [hidden]\nadmin\n"));
    let (code, screen) = ask("secret", "age-plugin-toy: PIN please", "9999\r");
    assert!(
        code == 4 && screen.ends_with("error: cannot open secrets/db.yaml: age-plugin-toy failed: wrong PIN\n"),
        "{screen}"
    );
    let (code, screen) = ask("public", "age-plugin-toy: Your slot", "9a\r");
    assert!(code == 0 && screen.ends_with("admin\n"), "{screen}");
    let question = "age-plugin-toy: Touch\\u{1b}[31m it? (yes: Do it, no: Leave it)";
    let (code, screen) = ask("confirm", question, "y");
    assert!(code == 0 && screen.ends_with("admin\n"), "{screen}");
    let (code, screen) = ask("confirm", question, "n");
    assert!(code == 4 && screen.ends_with("age-plugin-toy failed: the answer was no\n"), "{screen}");
}

#[test]
fn a_plugin_that_fails_does_not_keep_other_identities_from_opening() {
    let world = Plugged::new().with_file();
    let (locked, text) = (world.0.home().join("locked.key").display().to_string(), "correct horse\r");
    let asked = [("passphrase for the new identity", text), ("again", text)];
    let (code, screen) = world.0.at_terminal(&["keygen", "--passphrase", "-o", &locked], &[], &asked);
    assert_eq!(code, 0, "{screen}");
    let carol = screen.lines().last().expect("the recipient");
    world.0.secret(["member", "add", "carol", carol, "--group", "team"]).success();
    world.0.commit("carol");
    world.run(&["rekey", "--yes"], "").success();
    world.started();
    let toy = world.only_toy();
    let arguments = [&toy[0], &toy[1], "-i", &locked, "get", FILE, "db.user"];
    let (code, screen) =
        world.0.at_terminal(&arguments, &world.variables("exits"), &[("passphrase for ", "correct horse\r")]);
    assert!(code == 0 && screen.ends_with("admin\n"), "{screen}");
    assert_eq!(world.started(), [UNWRAPPING], "it was tried before a passphrase was asked for");
    let (code, screen) = world.0.at_terminal(&arguments, &world.variables(""), &[]);
    assert_eq!((code, screen.as_str()), (0, "admin\n"), "no passphrase is asked for where a plugin opens it");
}

#[test]
fn whoami_knows_a_plugins_recipient_from_the_comment_in_the_identity_file() {
    let world = Plugged::new();
    let recipient = recipient("toy", &KEY);
    let file = world.0.home().join("noted.key");
    fs::write(&file, format!("# created by age-plugin-toy\n#    Recipient: {recipient}\n{}\n", identity("toy", &KEY)))
        .expect("a file");
    let shown = world.run(&["-i", &file.display().to_string(), "whoami"], "").success().stdout;
    assert_eq!(world.0.filter(&shown), format!("{recipient}  not in the policy  [WORLD]/home/noted.key\n"));

    let bare = world.only_toy();
    let whoami = world.run(&[&bare[0], &bare[1], "whoami"], "").success();
    assert_eq!(
        (whoami.stdout.as_str(), world.0.filter(&whoami.stderr).as_str()),
        ("", "[WORLD]/home/toy.key takes a plugin, and its recipient is not known\n")
    );
    fs::write(world.0.home().join("toy.key.pub"), format!("{recipient}\n")).expect("a file");
    let shown = world.run(&[&bare[0], &bare[1], "whoami"], "").success().stdout;
    assert_eq!(world.0.filter(&shown), format!("{recipient}  not in the policy  [WORLD]/home/toy.key\n"));
    assert_eq!(world.started(), Vec::<String>::new());
}

#[test]
fn two_recipients_of_one_plugin_have_a_stanza_each() {
    let world = Plugged::new().with_member();
    let other = *b"toy canary key 2";
    world.0.secret(["member", "add", "spare", &recipient("toy", &other), "--group", "team"]).success();
    world.0.commit("spare");
    world.run(&["encrypt", FILE], "").success();
    assert_eq!(world.started(), [WRAPPING, WRAPPING]);
    let spare = world.0.home().join("spare.key");
    let wrong = identity("toy", b"of somebody else");
    fs::write(&spare, format!("{wrong}\n{}\n", identity("toy", &other))).expect("a file");
    let opened = world.run(&["-i", &spare.display().to_string(), "decrypt", FILE], "").success();
    assert_eq!((opened.stdout.as_str(), world.started()), (DB, vec![UNWRAPPING.to_owned()]));
}

impl Plugged {
    fn path_in(&self, folder: &str) -> PathBuf {
        self.0.path(folder)
    }
}

/// Returns the interpreter itself: what PATH has may be a script that takes longer than all of the plugin.
fn python() -> String {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    String::from_utf8(output.expect("python3 runs").stdout).expect("a path").trim().to_owned()
}

/// Writes the toy plugin to a path.
fn install(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
    let python = PYTHON.get_or_init(python);
    let script = include_str!("plugin.py").replacen("/usr/bin/env python3", &format!("{python} -IS"), 1);
    fs::write(path, script).expect("a file");
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("a mode");
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

fn recipient(plugin: &str, key: &[u8]) -> String {
    bech32(&format!("age1{plugin}"), key)
}

fn identity(plugin: &str, key: &[u8]) -> String {
    bech32(&format!("age-plugin-{plugin}-"), key).to_uppercase()
}

/// Spells bytes as bech32 (BIP 173), behind any prefix.
fn bech32(prefix: &str, bytes: &[u8]) -> String {
    let mut values = Vec::new();
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in bytes {
        buffer = (buffer << 8 | u32::from(*byte)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            values.push((buffer >> bits & 31) as u8);
        }
    }
    if bits > 0 {
        values.push((buffer << (5 - bits) & 31) as u8);
    }
    let spread = prefix.bytes().map(|byte| byte >> 5).chain([0]).chain(prefix.bytes().map(|byte| byte & 31));
    let checked: Vec<u8> = spread.chain(values.iter().copied()).chain([0; 6]).collect();
    let mut sum = 1u32;
    for value in checked {
        let top = sum >> 25;
        sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        for (bit, generator) in [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].iter().enumerate() {
            sum ^= if top >> bit & 1 == 1 { *generator } else { 0 };
        }
    }
    values.extend((0..6).map(|index| ((sum ^ 1) >> (5 * (5 - index)) & 31) as u8));
    let symbols = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let data: String = values.iter().map(|value| char::from(symbols[usize::from(*value)])).collect();
    format!("{prefix}1{data}")
}
