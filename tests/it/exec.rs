//! `secret exec`: what the program gets, and that it need not know of us.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::{DB, World};

const SECRET: &str = env!("CARGO_BIN_EXE_secret");

/// A world with two files that go together.
fn world() -> World {
    World::with_db().with_file("secrets/app.env", "TOKEN='canary $(id)'\nlower=x\n")
}

#[test]
fn the_program_gets_the_values_as_variables_and_its_arguments_as_they_are() {
    let world = world();
    let script = "printf '%s\\n' \"$DB_USER\" \"$DB_PASSWORD\" \"$DB_PORT\" \"$TOKEN\" \"$lower\" \"$0\" \"$@\"";
    let command = ["exec", "-f", "secrets/db.yaml", "secrets/app.env", "--", "sh", "-c", script];
    let outcome = world.secret(command.iter().chain(&["-f", "$(id)", "--", "a b", ""])).success();
    assert_eq!(outcome.stdout, "admin\ncanary-hunter2\n5432\ncanary $(id)\nx\n-f\n$(id)\n--\na b\n\n");
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_value_wins_over_the_environment_and_a_bare_key_takes_it() {
    let world = World::new().with_file("secrets/app.env", "A=file\nB\n");
    let variables = [("A", "environment"), ("B", "environment"), ("C", "environment")];
    let printed = |options: &[&str]| {
        let command = [&["exec", "-f", "secrets/app.env"], options, &["--", "sh", "-c", "echo \"$A $B $C\""]].concat();
        world.secret_with(command, "", &variables).success().stdout
    };
    assert_eq!(printed(&[]), "file environment environment\n");
    assert_eq!(printed(&["--clean-env"]), "file environment \n");
}

#[test]
fn a_clean_environment_has_what_programs_cannot_do_without_and_the_values() {
    let world = world();
    let outcome = world
        .secret_with(
            ["exec", "-f", "secrets/app.env", "--clean-env", "--", "env"],
            "",
            &[("LC_ALL", "C"), ("OTHER", "x"), ("SECRET_IDENTITY_FILE", "")],
        )
        .success();
    let mut names: Vec<&str> = outcome.stdout.lines().map(|line| line.split('=').next().unwrap_or_default()).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LANG", "LC_ALL", "PATH", "TOKEN", "lower"]);
}

#[test]
fn identities_reach_no_program_even_if_a_file_sets_them() {
    let world = World::new().with_file("secrets/app.env", "SOPS_AGE_KEY=canary\nSECRET_IDENTITY_X=canary\nOK=1\n");
    let variables = [("SOPS_AGE_KEY_CMD", "touch ran"), ("SECRET_IDENTITY_FOO", "canary")];
    for options in [&[][..], &["--allow", "SOPS_AGE_KEY"], &["--clean-env"]] {
        let command = [&["exec", "-f", "secrets/app.env"], options, &["--", "env"]].concat();
        let outcome = world.secret_with(command, "", &variables).success();
        assert!(outcome.stdout.contains("OK=1"), "{outcome:#?}");
        assert!(!outcome.stdout.contains("SOPS_") && !outcome.stdout.contains("SECRET_IDENTITY"), "{outcome:#?}");
        assert_eq!(
            outcome.stderr,
            "warning: SOPS_AGE_KEY of secrets/app.env is left out: no program gets SOPS_AGE_KEY, which opens secrets\n\
             warning: SECRET_IDENTITY_X of secrets/app.env is left out: no program gets SECRET_IDENTITY_X, which opens secrets\n"
        );
    }
}

#[test]
fn nothing_runs_before_every_file_is_authentic() {
    let world = world();
    world.tamper("secrets/app.env", "lower=", "upper=");
    let outcome = world.secret(["exec", "-f", "secrets/db.yaml", "secrets/app.env", "--", "touch", "ran"]);
    assert_eq!((outcome.code, world.path("ran").exists()), (5, false), "{outcome:#?}");

    let world = self::world();
    fs::copy(world.path("secrets/db.yaml"), world.path("secrets/prod.yaml")).expect("a copy");
    let command = ["exec", "-f", "secrets/prod.yaml", "--", "touch", "ran"];
    let outcome = world.secret(command);
    assert_eq!((outcome.code, world.path("ran").exists()), (5, false), "{outcome:#?}");
    world.secret([&command[..3], &["--at-any-path"], &command[3..]].concat()).success();
    assert!(world.path("ran").exists());
}

#[test]
fn what_must_not_be_handed_on_is_named_by_its_key_and_nothing_runs() {
    let sops = "a: ENC[AES256_GCM,data:canary,iv:x,tag:y,type:str]\n";
    let world = world()
        .with_file("secrets/path.yaml", "path: canary\n")
        .with_file("secrets/sops.yaml", sops)
        .with_file("secrets/other.yaml", "db:\n  user: canary\nnul: \"canary\\0\"\n");
    for (files, said) in [
        (
            &["secrets/path.yaml"][..],
            "error: path of secrets/path.yaml would set PATH, which decides what programs run or load\n\
             hint: rename it or leave it out with --except KEY; if that is what you want, add --allow PATH",
        ),
        (
            &["secrets/sops.yaml"],
            "error: a of secrets/sops.yaml is still encrypted (sops)\n\
             hint: decrypt it with the program that encrypted it, and set the result with `secret set`",
        ),
        (
            &["secrets/db.yaml", "secrets/other.yaml"],
            "error: db.user of secrets/db.yaml and db.user of secrets/other.yaml would both be DB_USER\n\
             hint: leave one out with --except KEY, or rename it",
        ),
        (
            &["secrets/other.yaml"],
            "error: nul of secrets/other.yaml has a NUL character, which no variable can hold\n\
             hint: leave it out with --except KEY",
        ),
    ] {
        world.refuses([&["exec", "-f"], files, &["--", "touch", "ran"]].concat(), 1, said);
    }
    let allowed = ["exec", "-f", "secrets/path.yaml", "--allow", "PATH", "--", "/bin/sh", "-c", "echo $PATH"];
    assert_eq!(world.secret(allowed).success().stdout, "canary\n");
}

#[test]
fn the_exit_code_is_that_of_the_program_as_a_shell_gives_it() {
    let world = world();
    fs::write(world.path("not-executable"), "#!/bin/sh\n").expect("a file");
    for (name, text) in [("a-script", "#!/bin/sh\nexit 3\n"), ("no-shebang", "exit 3\n"), ("bad", "#!/nonexistent\n")] {
        fs::write(world.path(name), text).expect("a file");
        fs::set_permissions(world.path(name), Permissions::from_mode(0o755)).expect("a mode");
    }
    for (command, code, said) in [
        (&["true"][..], 0, ""),
        (&["sh", "-c", "exit 255"], 255, ""),
        (&["./a-script"], 3, ""),
        (&["sh", "-c", "kill -9 $$"], 137, ""),
        (&["sh", "-c", "kill -TERM $$"], 143, ""),
        (&["sh", "-c", "kill -INT $$"], 130, ""),
        (&["no-such-program"], 127, "error: program no-such-program not found\n"),
        (&["./none"], 127, "error: program [WORLD]/repo/./none not found\n"),
        (&["a-script"], 127, "error: program a-script not found\n"),
        (&["./not-executable"], 126, "error: [WORLD]/repo/./not-executable is not executable\n"),
        (&["./secrets"], 126, "error: [WORLD]/repo/./secrets is not executable\n"),
        (
            &["./no-shebang"],
            126,
            "error: cannot run [WORLD]/repo/./no-shebang: Exec format error (os error 8)\n\
             hint: a script begins with the program that runs it, as `#!/bin/sh`\n",
        ),
        (&["./bad"], 126, "error: cannot run [WORLD]/repo/./bad: No such file or directory (os error 2)\n"),
    ] {
        let outcome = world.secret([&["exec", "-f", "secrets/db.yaml", "--"], command].concat());
        assert_eq!((outcome.code, world.filter(&outcome.stderr).as_str()), (code, said), "{command:?}");
    }
    assert_eq!(world.secret(["exec", "-f", "secrets/db.yaml"]).code, 2);
    assert_eq!(world.secret(["exec", "--", "true"]).code, 2);
}

#[test]
fn the_program_runs_in_the_folder_that_the_user_names() {
    let world = world();
    let outcome = world.secret(["-C", "secrets", "exec", "-f", "db.yaml", "--", "pwd"]).success();
    assert_eq!(world.filter(&outcome.stdout), "[WORLD]/repo/secrets\n");
}

#[test]
fn more_than_the_system_hands_to_a_program_is_an_error_that_names_the_largest_value() {
    let world = World::new().with_file("secrets/a.yaml", &format!("small: x\nlarge: {}\n", "canary".repeat(50_000)));
    world.refuses(
        ["exec", "-f", "secrets/a.yaml", "--", "/bin/true"],
        126,
        "error: cannot run /bin/true: its arguments and its environment are larger than the system allows\n\
         hint: hand less to it with --only KEY, or large values as files with `secret get`\n\
         hint: the largest value, large of secrets/a.yaml, has 300000 bytes",
    );
}

#[test]
fn streams_pass_through() {
    let world = world();
    let command = ["exec", "-f", "secrets/db.yaml", "--", "sh", "-c", "cat; echo err >&2"];
    let outcome = world.secret_with(command, "from stdin\n", &[]);
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("from stdin\n", "err\n"));
}

#[test]
fn limits_that_protect_us_do_not_bind_the_program() {
    let world = world();
    let output = world
        .command(Path::new("sh"))
        .args(["-c", "ulimit -S -c 7; exec \"$0\" exec -f secrets/db.yaml -- sh -c 'ulimit -c; cat /proc/self/limits >/dev/null && echo readable'"])
        .arg(SECRET)
        .output()
        .expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "7\nreadable\n");
}

#[test]
fn values_stand_in_no_argument() {
    let world = world();
    let script = "tr '\\0' ' ' < /proc/$PPID/cmdline; tr '\\0' ' ' < /proc/$$/cmdline";
    let outcome = world.secret(["exec", "-f", "secrets/db.yaml", "--", "sh", "-c", script]).success();
    assert!(outcome.stdout.contains("secrets/db.yaml") && !outcome.stdout.contains("canary"), "{outcome:#?}");
}

#[test]
fn a_signal_to_us_reaches_the_program_and_we_wait_for_it() {
    let world = world();
    for (signal, number) in [("HUP", 1), ("INT", 2), ("QUIT", 3), ("USR1", 10), ("USR2", 12), ("TERM", 15)] {
        // A shell runs a trap when its foreground command ends: here that is a read, which a signal ends.
        let script = format!("trap 'echo got; exit {number}' {signal}; echo $$; while :; do read line; done");
        let mut child = world
            .command(Path::new("python3"))
            .args(["-c", WITH_DEFAULT_SIGNALS, SECRET])
            .args(["exec", "-f", "secrets/db.yaml", "--", "bash", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut pid = String::new();
        said.read_line(&mut pid).expect("it says its number");
        kill(signal, &child.id().to_string());
        let mut rest = String::new();
        said.read_to_string(&mut rest).expect("it ends");
        let status = child.wait().expect("it ends");
        assert_eq!((rest.as_str(), status.code()), ("got\n", Some(number)), "{signal}");
        assert!(!Path::new("/proc").join(pid.trim()).exists(), "{signal} left the program behind");
    }
}

#[test]
fn a_program_that_dies_of_a_signal_to_us_is_not_left_behind() {
    let world = world();
    let mut child = world
        .command(Path::new(SECRET))
        .args(["exec", "-f", "secrets/db.yaml", "--", "sh", "-c", "echo $$; exec sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pid = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut pid).expect("it says its number");
    kill("TERM", &child.id().to_string());
    assert_eq!(child.wait().expect("it ends").code(), Some(128 + 15));
    assert!(!Path::new("/proc").join(pid.trim()).exists());
}

#[test]
fn what_was_ignored_before_us_stays_ignored() {
    let world = world();
    let script =
        "trap '' HUP INT; exec \"$0\" exec -f secrets/db.yaml -- sh -c 'kill -HUP $$; kill -INT $$; echo alive'";
    let output = world.command(Path::new("sh")).args(["-c", script]).arg(SECRET).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "alive\n");
}

#[test]
fn a_parent_that_ignores_the_end_of_children_does_not_confuse_us() {
    let world = world();
    let script =
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])";
    let status = world
        .command(Path::new("python3"))
        .args(["-c", script, SECRET, "exec", "-f", "secrets/db.yaml", "--", "sh", "-c", "exit 5"])
        .status();
    assert_eq!(status.expect("python3").code(), Some(5));
}

/// What runs at the terminal: it says that it is there, counts signals, reads a line.
const COUNTER: &str = "
import os, select, signal, sys
counts = {signal.SIGINT: 0, signal.SIGUSR1: 0}
# Not print, which a signal must not find at work.
def say(*words):
    os.write(1, (' '.join(map(str, words)) + '\\n').encode())
def count(number, frame):
    counts[number] += 1
    say(signal.Signals(number).name)
    if number == signal.SIGUSR1:
        say('counted', ' '.join(f'{signal.Signals(n).name}={c}' for n, c in counts.items()))
for number in counts:
    signal.signal(number, count)
# A signal that comes just before a read has begun would be handled only when a line has been read; this wakes us.
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)
assert all(os.isatty(stream) for stream in range(3))
assert os.tcgetpgrp(0) == os.getpgrp(), 'not in the foreground'
say('ready', os.getpid())
while 0 not in select.select([0, woken], [], [])[0]:
    os.read(woken, 1)
say('got', sys.stdin.readline())
sys.exit(7)
";

#[test]
fn ctrl_c_reaches_the_program_once_and_the_terminal_is_its_own() {
    assert_eq!(at_job("interrupt", &["python3", "-c", COUNTER]), "counted SIGINT=1 SIGUSR1=1\ngot a line\ncode 7\n");
}

#[test]
fn ctrl_z_stops_both_and_a_shell_brings_them_back() {
    assert_eq!(at_job("stop", &["python3", "-c", COUNTER]), "after Ctrl-Z T T\ngot a line\ncode 7\n");
}

#[test]
fn a_program_that_stops_itself_stops_us_so_that_a_shell_notices() {
    let script = "echo ready $$; while read line; do echo got $line; done; exit 4";
    let round = "stopped T T\ngot a line\n";
    assert_eq!(at_job("stop itself", &["sh", "-c", script]), format!("{}code 4\n", round.repeat(3)));
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let script = "trap 'echo hung up > hung-up; exit 9' HUP; echo ready $$; while :; do read line || sleep 0.01; done";
    assert_eq!(at_job("hang up", &["bash", "-c", script]), "code 9\n");
}

/// Runs a scenario of job.py around `secret exec`.
#[track_caller]
fn at_job(scenario: &str, command: &[&str]) -> String {
    let world = World::new().with_file("secrets/db.yaml", DB);
    let output = world
        .command(Path::new("python3"))
        .args(["-c", include_str!("job.py"), scenario, SECRET, "exec", "-f", "secrets/db.yaml", "--"])
        .args(command)
        .stdin(Stdio::null())
        .output()
        .expect("python3 starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Becomes a program that no signal is ignored for, as it would be below `nohup` and in the background of a shell.
pub const WITH_DEFAULT_SIGNALS: &str = "import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])";

fn kill(signal: &str, pid: &str) {
    let status = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, pid]).status();
    assert!(status.expect("a shell").success());
}
