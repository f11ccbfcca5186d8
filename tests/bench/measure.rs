//! Running programs and taking their time: contestants take turns, so that what disturbs the machine hits all alike.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command line that can be run again and again.
#[derive(Clone)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    folder: PathBuf,
    stdout: Option<PathBuf>,
    /// Removed before each run, outside of the time that counts.
    removed: Vec<PathBuf>,
}

impl Program {
    /// Prepares a program with arguments, in a folder, with an environment of what is given and nothing else.
    pub fn new(program: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let path = ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default());
        Self {
            path: program.to_path_buf(),
            arguments,
            variables: vec![path],
            folder: folder.to_path_buf(),
            stdout: None,
            removed: Vec::new(),
        }
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &Path) -> Self {
        self.variables.push((name.to_owned(), value.display().to_string()));
        self
    }

    /// Sends what it prints to a file.
    pub fn to(mut self, path: &Path) -> Self {
        self.stdout = Some(path.to_path_buf());
        self.removing(path)
    }

    /// Removes a file or folder before each run.
    pub fn removing(mut self, path: &Path) -> Self {
        self.removed.push(path.to_path_buf());
        self
    }

    /// Runs it once.
    pub fn run(&self) -> Result<Duration, String> {
        let mut command = self.command(&self.path);
        command.args(&self.arguments);
        let start = Instant::now();
        let output = command.output().map_err(|error| format!("{}: {error}", self.path.display()))?;
        let took = start.elapsed();
        if output.status.success() { Ok(took) } else { Err(self.failure(&output.stderr)) }
    }

    /// Runs it once and returns its time and the most memory it had, in KiB, as the system counted it.
    pub fn run_with_memory(&self) -> Result<(Duration, u64), String> {
        // The standard library does not tell what `wait4` does; python3 is what the tests need anyway.
        const SCRIPT: &str = "import resource, subprocess, sys, time\nstart = time.monotonic()\n\
            code = subprocess.call(sys.argv[2:], stdout=open(sys.argv[1], 'wb'))\ntook = time.monotonic() - start\n\
            print(took, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\nsys.exit(code)";
        let mut command = self.command(Path::new("python3"));
        command.args(["-c", SCRIPT]).arg(self.stdout.as_deref().unwrap_or(Path::new("/dev/null")));
        command.arg(&self.path).args(&self.arguments).stdout(Stdio::piped());
        let output = command.output().map_err(|error| format!("python3: {error}"))?;
        if !output.status.success() {
            return Err(self.failure(&output.stderr));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let (took, memory) = text.trim().split_once(' ').ok_or("python3 said nothing")?;
        match (took.parse(), memory.parse()) {
            (Ok(seconds), Ok(memory)) => Ok((Duration::from_secs_f64(seconds), memory)),
            _ => Err(format!("python3 said {text}")),
        }
    }

    fn command(&self, program: &Path) -> Command {
        for path in &self.removed {
            let _ = std::fs::remove_file(path);
            let _ = std::fs::remove_dir_all(path);
        }
        let mut command = Command::new(program);
        command.env_clear().envs(self.variables.iter().cloned()).current_dir(&self.folder).stdin(Stdio::null());
        match &self.stdout {
            Some(path) => command.stdout(File::create(path).expect("a file for the output")),
            None => command.stdout(Stdio::null()),
        };
        command
    }

    fn failure(&self, stderr: &[u8]) -> String {
        let said = String::from_utf8_lossy(stderr);
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{name}: {}", said.lines().next().unwrap_or("failed without a word"))
    }
}

/// Something that takes time.
pub type Contestant<'a> = Box<dyn FnMut() -> Result<Duration, String> + 'a>;

/// Lets contestants take turns and returns the best time of each: what a run needs when nothing disturbs it.
pub fn race(rounds: usize, mut contestants: Vec<Contestant<'_>>) -> Vec<Result<Duration, String>> {
    let mut best: Vec<Result<Duration, String>> = contestants.iter().map(|_| Ok(Duration::MAX)).collect();
    for _ in 0..rounds {
        for (contestant, best) in contestants.iter_mut().zip(&mut best) {
            if let Ok(so_far) = best {
                *best = contestant().map(|took| took.min(*so_far));
            }
        }
    }
    best
}
