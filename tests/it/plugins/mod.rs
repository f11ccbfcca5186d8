//! Age plugins: started only when the user's own settings allow them by name, and bounded in what they can do then.

mod names;
mod protocol;
mod settings;

use std::fs;
use std::os::unix::fs::PermissionsExt;
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
         hint: ask alice to run `secret member add` and `secret rekey` for you, or name another identity with \
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
fn identity_variables_do_not_reach_a_plugin() {
    let world = Plugged::new().with_member();
    let key = fs::read_to_string(world.0.home().join(".config/secret/identities.txt")).expect("alice's");
    let mut variables = world.variables("").to_vec();
    variables.extend([("SECRET_IDENTITY", key.as_str()), ("SOPS_AGE_KEY", &key)]);
    world.0.secret_with(["encrypt", FILE], "", &variables).success();
    assert_eq!(world.started(), [WRAPPING]);
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
    let script = include_str!("../plugin.py").replacen("/usr/bin/env python3", &format!("{python} -IS"), 1);
    fs::write(path, script).expect("a file");
    fs::set_permissions(path, PermissionsExt::from_mode(0o755)).expect("a mode");
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
