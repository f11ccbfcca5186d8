//! Strikes one command at each of its system calls, and judges what is left every time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::files::{self, Files};
use crate::strace::{self, Call, Fault};
use crate::world::{Outcome, World};

/// A command under fire.
pub trait Subject: Sync {
    /// The name that its counts are printed with.
    fn name(&self) -> &'static str;

    /// Makes the world in which it is run.
    fn world(&self) -> World;

    fn arguments(&self) -> &'static [&'static str];

    fn stdin(&self) -> &'static str {
        ""
    }

    fn variables(&self, _world: &World) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Judges the files of a world in which some differ from before: this is what "old or new" means for the command.
    ///
    /// # Errors
    /// What is neither old nor new.
    fn state(&self, world: &World, before: &Files, now: &Files) -> Result<State, String>;

    /// Does what a user would do next, and checks that it works: by default the same command again.
    ///
    /// # Errors
    /// What did not work.
    fn go_on(&self, world: &World) -> Result<(), String> {
        let variables = self.variables(world);
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        expect(world.secret_with(self.arguments(), self.stdin(), &variables), 0, "")
    }

    /// Tells whether a file may be in plaintext.
    fn may_be_plaintext(&self, _path: &str) -> bool {
        false
    }

    /// Tells whether a file may be left for the next command when the system refuses something.
    fn may_be_left(&self, _path: &str) -> bool {
        false
    }

    /// Judges a failure that the command could report.
    ///
    /// # Errors
    /// What it should have done or said besides.
    fn failure(&self, _world: &World, _now: &Files, _stderr: &str, _state: State) -> Result<(), String> {
        Ok(())
    }

    /// Signals that are sent, too.
    fn signals(&self) -> &'static [&'static str] {
        &[]
    }

    /// Tells whether the command must fail and change nothing, whatever happens.
    fn is_refused(&self) -> bool {
        false
    }
}

/// What a fault left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Old,
    /// Of several files, each old or new.
    Between,
    New,
}

/// Runs the campaign against a command, prints the counts, and fails with everything that went wrong.
pub fn run(subject: &dyn Subject) {
    if !strace::is_there() {
        return;
    }
    if std::path::Path::new("/dev/shm").is_dir() {
        // Where editors get their plaintext must be in memory, and a world has that place in it.
        let _ = tempfile::env::override_temp_dir("/dev/shm".as_ref());
    }
    let world = subject.world();
    std::fs::create_dir_all(files::root(&world).join("tmp")).expect("a folder");
    // Samples for everybody, which would only be copied again and again.
    std::fs::remove_dir_all(world.path(".git/hooks")).expect("git makes them");
    let before = Files::of(&world);
    let (clean, calls) = {
        let world = world.copy();
        let variables = subject.variables(&world);
        let (clean, calls) = strace::calls(&world, subject.arguments(), subject.stdin(), &variables);
        assert_eq!(clean.code == 0, !subject.is_refused(), "{clean:#?}");
        (Outcome { stderr: world.filter(&clean.stderr), ..clean }, calls)
    };
    let whole = std::env::var("SECRET_FAULTS").is_ok_and(|which| which == "all");
    let cases = cases(subject, &calls, whole);
    let campaign = Campaign { subject, world: &world, before: &before, clean: &clean };
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(Counts::default()));
    // Each of them mostly waits, for processes that wait for each other.
    let workers = 2 * std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let mut own = None;
                while let Some((call, fault)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let world = own.take().unwrap_or_else(|| campaign.world.copy());
                    let verdict = campaign.strike(&world, call, *fault);
                    // A world that is as it was serves again.
                    own = verdict.is_untouched.then_some(world);
                    counts.lock().expect("no worker panics").add(call, *fault, verdict);
                }
            });
        }
    });
    let counts = counts.into_inner().expect("no worker panics");
    println!("{}", counts.summary(subject.name(), calls.len(), whole));
    // How many calls there are varies a little, with what other programs keep in memory folders.
    assert!(counts.unreached * 10 <= cases.len(), "{} of {} were not reached", counts.unreached, cases.len());
    assert!(counts.wrong.is_empty(), "{}: {} wrong\n{}", subject.name(), counts.wrong.len(), counts.wrong.join("\n"));
}

struct Campaign<'c> {
    subject: &'c dyn Subject,
    world: &'c World,
    before: &'c Files,
    clean: &'c Outcome,
}

/// What a fault did.
struct Verdict {
    is_hit: bool,
    is_untouched: bool,
    outcome: Outcome,
    state: State,
    /// Plaintext that lay about until the next command: of an editor, or in a private file without its name.
    is_plaintext_left: bool,
    wrong: Vec<String>,
}

impl Campaign<'_> {
    fn strike(&self, world: &World, call: &Call, fault: Fault) -> Verdict {
        let Self { subject, before, clean, .. } = self;
        let variables = subject.variables(world);
        let struck = strace::strike(world, call, fault, subject.arguments(), subject.stdin(), &variables);
        let now = Files::of(world);
        let mut wrong = Vec::new();
        let mut demand = |is_right: bool, what: &dyn Fn() -> String| {
            if !is_right {
                wrong.push(what());
            }
        };
        let changes = now.changes(before);
        let state = if changes.is_empty() { Ok(State::Old) } else { subject.state(world, before, &now) };
        demand(state.is_ok(), &|| format!("neither old nor new: {}", state.as_ref().err().unwrap_or(&String::new())));
        let state = state.unwrap_or(State::Between);

        let said = Outcome { stderr: world.filter(&struck.outcome.stderr), ..struck.outcome };
        let is_killed = matches!(fault, Fault::Kill | Fault::Stop(_)) && struck.is_hit && said.code == -1;
        if !is_killed {
            match said.code {
                0 if subject.is_refused() => demand(false, &|| "what must be refused was done".to_owned()),
                // Optional things may be missing, but nothing else may be said or done than without them.
                0 => {
                    demand(state == State::New, &|| format!("success, but the state is {state:?}"));
                    demand(said.stderr == clean.stderr || is_told_more(&said.stderr, &clean.stderr), &|| {
                        "another success".to_owned()
                    });
                }
                1..=5 => demand(is_named(&said.stderr) || is_stderr_struck(call, fault), &|| {
                    "the error does not say what it is about".to_owned()
                }),
                code => demand(false, &|| format!("ended with {code}")),
            }
            if fault == Fault::Error("EINTR") && is_retried(&call.name) {
                // Libgit2 opens and reads files by itself, and asks for them again no more.
                let is_libgit2s = said.stderr.contains("cannot read the git repository");
                demand(said.code == clean.code || is_libgit2s, &|| {
                    "an interrupted call was not tried again".to_owned()
                });
            }
            if said.code != 0 && !matches!(fault, Fault::ErrorFrom(_)) && !is_stderr_struck(call, fault) {
                let explained = subject.failure(world, &now, &said.stderr, state);
                demand(explained.is_ok(), &|| explained.clone().err().unwrap_or_default());
            }
            let left: Vec<&str> = now.leftovers().into_iter().filter(|path| !subject.may_be_left(path)).collect();
            demand(left.is_empty(), &|| format!("left behind: {left:?}"));
        }
        if subject.is_refused() {
            demand(state == State::Old, &|| "what must be refused was done".to_owned());
        }
        demand(!said.stderr.contains("panicked"), &|| "a panic".to_owned());
        let shows = |text: &str| CANARIES.iter().any(|canary| text.contains(canary));
        demand(!shows(&said.stderr) && !shows(&said.stdout), &|| "plaintext is shown".to_owned());
        demand(!files::is_left_in_memory(struck.process) || fault == Fault::Kill, &|| {
            "a folder in /dev/shm".to_owned()
        });

        let plaintext = now.new_with_any(&CANARIES, before).into_iter().filter(|path| !subject.may_be_plaintext(path));
        let (left, leaked): (Vec<&str>, Vec<&str>) = plaintext.partition(|path| files::is_leftover(path));
        demand(leaked.is_empty(), &|| format!("plaintext in {leaked:?}"));
        // Only who is killed at once cannot clean up, and then nobody else may read it.
        demand(left.is_empty() || fault == Fault::Kill, &|| format!("plaintext left in {left:?}"));
        let is_private = |path: &&str| now.get(path).is_some_and(|file| matches!(file.mode, 0o600 | 0o700));
        demand(left.iter().all(is_private), &|| format!("not private: {left:?}"));

        let is_untouched = now == **before;
        let is_done = said.code == 0 && state == State::New && now.leftovers().is_empty();
        // What is as before goes on as before, and after a plain success there is nothing to mend.
        if !is_untouched && !is_done && wrong.is_empty() {
            if let Err(error) = subject.go_on(world) {
                wrong.push(format!("the next command (from {state:?}): {error}"));
            } else {
                let after = Files::of(world);
                let mut demand = |is_right: bool, what: String| wrong.extend((!is_right).then_some(what));
                demand(after.leftovers().is_empty(), format!("not swept: {:?}", after.leftovers()));
                match subject.state(world, before, &after) {
                    Ok(State::New) => {}
                    other => demand(false, format!("the next command led to {other:?}")),
                }
                let plaintext = after.new_with_any(&CANARIES, before);
                let leaked: Vec<_> = plaintext.into_iter().filter(|path| !subject.may_be_plaintext(path)).collect();
                demand(leaked.is_empty(), format!("plaintext after the next command in {leaked:?}"));
            }
        }
        let is_plaintext_left = !left.is_empty();
        Verdict { is_hit: struck.is_hit, is_untouched, outcome: said, state, is_plaintext_left, wrong }
    }
}

/// Chooses what is tried: everything, or a sample with each call by name, and all that write.
fn cases(subject: &dyn Subject, calls: &[Call], whole: bool) -> Vec<(Call, Fault)> {
    let positions = calls.iter().enumerate().filter(|(_, call)| call.is_ours && is_write(call));
    let writes: Vec<usize> = positions.map(|(position, _)| position).collect();
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (position, call) in calls.iter().enumerate() {
        last.insert(&call.name, position);
    }
    let mut known = BTreeSet::new();
    let mut names = BTreeSet::new();
    let mut cases = Vec::new();
    for (position, call) in calls.iter().enumerate() {
        // Before the program runs there is nothing to kill. The same number in another thread is struck with it.
        if call.name == "execve" || !known.insert((&call.name, call.number)) {
            continue;
        }
        let is_first = call.is_ours && names.insert(&call.name);
        let is_near_write = call.is_ours && writes.iter().any(|write| write.abs_diff(position) <= 1);
        let is_sampled =
            is_first || is_near_write || call.is_ours && position % 40 == 0 || last[&*call.name] == position;
        if !(whole || is_sampled && call.is_ours) {
            continue;
        }
        cases.push((call.clone(), Fault::Kill));
        if !call.is_ours {
            continue;
        }
        for (number, signal) in subject.signals().iter().enumerate() {
            if whole || position % subject.signals().len() == number {
                cases.push((call.clone(), Fault::Stop(signal)));
            }
        }
        for (number, error) in errors(&call.name).iter().enumerate() {
            if whole || is_write(call) || position % errors(&call.name).len() == number {
                cases.push((call.clone(), Fault::Error(error)));
            }
        }
        if call.name == "write" {
            // A full disk stays full.
            cases.push((call.clone(), Fault::ErrorFrom("ENOSPC")));
        }
    }
    cases
}

/// Tells whether a call changes files, or waits for others who do.
fn is_write(call: &Call) -> bool {
    let writes = [
        "fchmod",
        "fchown",
        "fdatasync",
        "flock",
        "fsync",
        "ftruncate",
        "link",
        "linkat",
        "mkdir",
        "mkdirat",
        "rename",
        "renameat",
        "renameat2",
        "rmdir",
        "unlink",
        "unlinkat",
        "wait4",
        "waitid",
        "write",
    ];
    writes.contains(&call.name.as_str()) || call.shown.contains("O_CREAT") || call.shown.contains("O_TMPFILE")
}

/// Returns the errors with which a system call can be refused: for space and by a signal only what writes or waits.
/// None for calls that the system does not refuse, or whose failure is the C library's or the runtime's alone: memory,
/// threads, signals, numbers of processes and users.
fn errors(name: &str) -> &'static [&'static str] {
    match name {
        "chmod" | "fchmod" | "fchmodat" | "fchown" | "fdatasync" | "flock" | "fsync" | "ftruncate" | "link"
        | "linkat" | "mkdir" | "mkdirat" | "open" | "openat" | "openat2" | "pwrite64" | "rename" | "renameat"
        | "renameat2" | "rmdir" | "symlink" | "unlink" | "unlinkat" | "write" | "writev" => {
            &["EACCES", "EIO", "EINTR", "ENOSPC"]
        }
        "pread64" | "read" => &["EACCES", "EIO", "EINTR"],
        "access" | "chdir" | "faccessat" | "faccessat2" | "fcntl" | "fstat" | "fstatfs" | "getcwd" | "getdents64"
        | "ioctl" | "lseek" | "lstat" | "newfstatat" | "readlink" | "readlinkat" | "socketpair" | "stat" | "statfs"
        | "statx" => &["EACCES", "EIO"],
        "close" => &["EIO", "EINTR"],
        "getrandom" | "poll" | "wait4" | "waitid" => &["EINTR"],
        _ => &[],
    }
}

/// Tells whether a signal that arrives meanwhile may not make the call fail. Of `close` the system says that it may not be
/// tried again; looking at a path is interrupted by no system.
fn is_retried(name: &str) -> bool {
    let retried = [
        "fchmod",
        "fdatasync",
        "flock",
        "fsync",
        "getrandom",
        "linkat",
        "mkdirat",
        "openat",
        "poll",
        "read",
        "renameat",
        "renameat2",
        "wait4",
        "waitid",
        "write",
    ];
    retried.contains(&name)
}

/// Tells whether an error message begins as ours do, and names a file or stream.
fn is_named(stderr: &str) -> bool {
    let named = ["/", "[WORLD]", ".secret.toml", "standard input", "stdout", "working directory"];
    let message = stderr.lines().filter(|line| line.starts_with("error: ")).collect::<String>();
    !message.is_empty() && named.iter().any(|name| message.contains(name))
}

/// Nobody can say anything when that itself is what fails.
fn is_stderr_struck(call: &Call, fault: Fault) -> bool {
    call.name == "write" && (call.shown.starts_with("write(2") || matches!(fault, Fault::ErrorFrom(_)))
}

/// Tells whether a success says what it always says, and before it a warning, or less, where stderr itself was struck.
fn is_told_more(said: &str, clean: &str) -> bool {
    let lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("warning: ")).collect();
    let clean: Vec<&str> = clean.lines().filter(|line| !line.starts_with("warning: ")).collect();
    lines == clean || (lines.len() < clean.len() && lines.iter().all(|line| clean.contains(line)))
}

/// What may not be found: values, comments, what is typed, and identities.
const CANARIES: [&str; 2] = ["canary", "AGE-SECRET-KEY-1"];

#[derive(Default)]
struct Counts {
    /// By fault: how many were tried.
    tried: BTreeMap<Fault, usize>,
    /// By kind of fault and what came of it.
    outcomes: BTreeMap<(&'static str, String), usize>,
    unreached: usize,
    plaintext_left: usize,
    wrong: Vec<String>,
}

impl Counts {
    fn add(&mut self, call: &Call, fault: Fault, verdict: Verdict) {
        let Verdict { is_hit, outcome, state, is_plaintext_left, wrong, .. } = verdict;
        if !is_hit {
            self.unreached += 1;
        }
        *self.tried.entry(fault).or_default() += 1;
        self.plaintext_left += usize::from(is_plaintext_left);
        let kind = match fault {
            Fault::Error(_) | Fault::ErrorFrom(_) => "errors",
            Fault::Kill => "kills",
            Fault::Stop(_) => "signals",
        };
        let how = match outcome.code {
            0 => format!("success {state:?}"),
            -1 => format!("{state:?}"),
            _ => format!("failure {state:?}"),
        };
        *self.outcomes.entry((kind, how)).or_default() += 1;
        for what in wrong {
            let Call { name, number, shown, .. } = call;
            let code = outcome.code;
            let said = outcome.stderr.trim_end().replace('\n', "\n      ");
            self.wrong.push(format!("  {fault:?} at {name} {number}: {what}\n    {shown}\n    exit {code}: {said}"));
        }
    }

    fn summary(&self, name: &str, calls: usize, whole: bool) -> String {
        let mut text = format!("{name}: {calls} calls{}; ", if whole { "" } else { ", a sample" });
        let tried = self.tried.iter().map(|(fault, count)| match fault {
            Fault::Error(error) => format!("{error} {count}"),
            Fault::ErrorFrom(error) => format!("{error} from there on {count}"),
            Fault::Kill => format!("killed {count}"),
            Fault::Stop(signal) => format!("SIG{signal} {count}"),
        });
        text += &tried.collect::<Vec<_>>().join(", ");
        for kind in ["kills", "errors", "signals"] {
            let outcomes = self.outcomes.iter().filter(|((of, _), _)| *of == kind);
            let outcomes: Vec<String> = outcomes.map(|((_, how), count)| format!("{how} {count}")).collect();
            if !outcomes.is_empty() {
                let _ = write!(text, "\n  {kind}: {}", outcomes.join(", "));
            }
        }
        let Self { unreached, plaintext_left, wrong, .. } = self;
        let _ = write!(
            text,
            "\n  not reached {unreached}; private plaintext until the next command {plaintext_left}; wrong {}",
            wrong.len()
        );
        text
    }
}

/// Demands an exit code, and a message.
pub fn expect(outcome: Outcome, code: i32, stderr: &str) -> Result<(), String> {
    if outcome.code == code && outcome.stderr.contains(stderr) { Ok(()) } else { Err(format!("{outcome:#?}")) }
}
