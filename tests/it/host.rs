//! What others on the same machine see of a running command: nothing, also when it crashes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::canary::Canaries;
use crate::world::World;

/// A command that has its secrets in memory and waits: `edit`, whose editor does nothing until a file is there.
struct Waiting {
    world: World,
    canaries: Canaries,
    child: Child,
    editor: u32,
    scratch: PathBuf,
    /// Where the program is.
    tools: tempfile::TempDir,
    /// Who runs it; `None` for whoever runs the tests.
    user: Option<u32>,
}

impl Waiting {
    /// Starts it, as a user of its own where that is possible, with an identity in a variable.
    fn start(shell_before: &str) -> Option<Self> {
        let mut canaries = Canaries::default();
        let (value, comment) = (canaries.plant("Value"), canaries.plant("Comment"));
        let world = World::new().with_file("secrets/db.yaml", &format!("a: {value} # {comment}\n"));
        let identities = world.home().join(".config/secret/identities.txt");
        let identity = fs::read_to_string(&identities).expect("an identity");
        let key = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).expect("a key").to_owned();
        fs::remove_file(identities).expect("it is there");
        canaries.watch("Key", &key["AGE-SECRET-KEY-1".len()..]);
        let editor = world.editor(&format!(
            "cd '{0}' && pwd > /dev/null && echo \"$$ $1\" > waiting.new && mv waiting.new waiting; \
             while [ ! -e '{0}/go' ]; do sleep 0.02; done",
            world.home().display()
        ));
        // Where anybody may run it: the build folder may be another's.
        let tools = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(tools.path(), fs::Permissions::from_mode(0o755)).expect("a mode");
        let program = tools.path().join("secret");
        fs::copy(env!("CARGO_BIN_EXE_secret"), &program).expect("a copy");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        let mut command = world.command(Path::new("/bin/sh"));
        command.args(["-c", &format!("{shell_before} exec \"$0\" edit secrets/db.yaml")]).arg(&program);
        command.env("EDITOR", editor).env("SECRET_IDENTITY", key).stdin(Stdio::null()).stderr(Stdio::null());
        let user = rustix::process::geteuid().is_root().then_some(USER);
        if let Some(user) = user {
            let chown = Command::new("chown").args(["-R", &user.to_string()]).arg(world.folder()).status();
            assert!(chown.expect("chown runs").success());
            command.uid(user).gid(user);
        }
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                eprintln!("skipped: another user cannot run programs here: {error}");
                return None;
            }
        };
        let waiting = world.home().join("waiting");
        let start = Instant::now();
        let said = loop {
            match fs::read_to_string(&waiting) {
                Ok(said) => break said,
                _ if start.elapsed() > Duration::from_secs(60) => panic!("the editor does not start"),
                _ => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let (editor, file) = said.trim().split_once(' ').expect("two words");
        let scratch = Path::new(file).parent().expect("a folder").to_path_buf();
        Some(Self { world, canaries, editor: editor.parse().expect("a number"), child, scratch, tools, user })
    }

    /// Tries to read a file as another user; returns what could be read.
    fn read_as(user: Option<u32>, path: &Path) -> Option<Vec<u8>> {
        // `mem` is read where something is: at its start is nothing.
        let script = "case $1 in */mem) r=$(head -n1 \"${1%mem}maps\") && a=$((0x${r%%-*})) && \
                      dd if=\"$1\" bs=4096 skip=$((a / 4096)) count=1 2>/dev/null;; \
                      */fd) ls -l \"$1\";; *) cat \"$1\";; esac";
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script, "sh"]).arg(path).stdin(Stdio::null()).stderr(Stdio::null());
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let output = command.output().expect("a shell");
        (output.status.success() && !output.stdout.is_empty()).then_some(output.stdout)
    }

    fn end(mut self) {
        fs::write(self.world.home().join("go"), "").expect("a file");
        assert!(self.child.wait().expect("it ends").success());
    }
}

#[test]
fn no_process_of_any_user_can_read_what_a_command_holds() {
    let Some(waiting) = Waiting::start("") else { return };
    let folder = PathBuf::from(format!("/proc/{}", waiting.child.id()));
    // Its own user: what is kept from him is kept from every other one. Root alone can look.
    for user in waiting.user.into_iter().map(Some).chain([waiting.user.map(|_| NOBODY)]) {
        for name in ["environ", "mem", "maps", "smaps", "fd", "auxv", "stack", "syscall", "io"] {
            assert_eq!(Waiting::read_as(user, &folder.join(name)), None, "{name}, user {user:?}");
        }
        let command_line = Waiting::read_as(user, &folder.join("cmdline")).expect("everybody can see it");
        assert!(waiting.canaries.leaks_in(&command_line).is_empty());
    }
    if waiting.user.is_some() {
        // The editor is a program like any other; but no other user can look into it, or at its file.
        let editor = PathBuf::from(format!("/proc/{}", waiting.editor));
        for path in ["environ", "mem", "maps", "fd"].map(|name| editor.join(name)) {
            assert_eq!(Waiting::read_as(Some(NOBODY), &path), None, "{}", path.display());
        }
        assert_eq!(Waiting::read_as(Some(NOBODY), &waiting.scratch.join("db.yaml")), None);
        assert!(Waiting::read_as(waiting.user, &waiting.scratch.join("db.yaml")).is_some(), "the test reads nothing");
        assert!(Waiting::read_as(waiting.user, &editor.join("environ")).is_some(), "the test reads nothing");
    }
    // The identity, which was a variable, did not reach the editor. As whoever runs the tests, root or the user.
    let environment = fs::read(format!("/proc/{}/environ", waiting.editor)).expect("the editor's variables");
    assert!(environment.starts_with(b"EDITOR=") || environment.contains(&0), "no variables");
    assert!(waiting.canaries.leaks_in(&environment).is_empty());
    waiting.end();
}

#[test]
fn a_crash_leaves_no_core_file() {
    for signal in ["ABRT", "SEGV", "TRAP"] {
        let Some(mut waiting) = Waiting::start("ulimit -c unlimited 2>/dev/null;") else { return };
        let start = Instant::now();
        let status = loop {
            // The handler that Rust has for SIGSEGV takes the first one that comes from outside for a mistake.
            kill(signal, waiting.child.id());
            match waiting.child.try_wait().expect("it is our child") {
                Some(status) => break status,
                None => std::thread::sleep(Duration::from_millis(10)),
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{signal} does not end it");
        };
        assert!(status.signal().is_some() && !status.core_dumped(), "{signal}: {status}");
        kill("KILL", waiting.editor);
        // The next command removes what the crash left in the place of editors.
        let mut command = waiting.world.command(&waiting.tools.path().join("secret"));
        if let Some(user) = waiting.user {
            command.uid(user).gid(user);
        }
        assert!(command.arg("ls").stdout(Stdio::null()).status().expect("it runs").success());
        assert!(!waiting.scratch.exists(), "{signal}: the plaintext is still there");
        assert!(waiting.canaries.leaks_below(&waiting.world.folder()).is_empty(), "{signal}");
        assert_eq!(waiting.canaries.leaks_in_memory(), Vec::<PathBuf>::new(), "{signal}");
    }
    // Other programs do leave one here, if the system is set so: the limit alone is not what keeps it away.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "ulimit -c unlimited; kill -SEGV $$"]).current_dir(folder.path()).stderr(Stdio::null());
    let dumped = command.status().expect("a shell").core_dumped();
    println!(
        "host: 3 crashes, 0 core files; another program {} here",
        if dumped { "leaves one" } else { "leaves none, too," }
    );
}

fn kill(signal: &str, process: u32) {
    let status = Command::new("kill").args(["-s", signal, &process.to_string()]).status();
    assert!(status.expect("kill runs").success());
}

/// Users who need not have a name.
const USER: u32 = 54321;
const NOBODY: u32 = 65534;
