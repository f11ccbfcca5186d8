//! A world for one test: a temporary repository, keys, an environment that knows nothing of the developer's.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with a git repository in `repo` and a home in `home`; removed at the end.
pub struct World {
    folder: tempfile::TempDir,
}

/// A plaintext with a comment and three kinds of values. Whatever may not leak has `canary` in it.
pub const DB: &str = "db:\n  user: admin # canary comment\n  password: \"canary-hunter2\"\n  port: 5432\n";

/// What a program left behind: everything a test may want to compare.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    /// A repository without a policy, and nobody has an identity.
    pub fn empty() -> Self {
        let world = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        for name in ["repo", "home", "run"] {
            fs::create_dir(world.folder.path().join(name)).expect("a new folder");
        }
        world.git(["init", "--quiet", "--initial-branch=main"]);
        world
    }

    /// A repository with a committed policy whose only member is `alice`, who runs the commands.
    pub fn new() -> Self {
        let world = Self::empty();
        world.secret(["init", "--name", "alice", "--no-git"]).success();
        world.commit("policy");
        world
    }

    /// Adds an encrypted file to the work tree, and commits it.
    pub fn with_file(self, path: &str, plaintext: &str) -> Self {
        self.write(path, plaintext);
        self.secret(["encrypt", path]).success();
        self.commit(path);
        self
    }

    /// The usual repository of a test: [`DB`] is committed as `secrets/db.yaml`.
    pub fn with_db() -> Self {
        Self::new().with_file("secrets/db.yaml", DB)
    }

    /// A world that is the same as this one, and goes on by itself.
    pub fn copy(&self) -> Self {
        let copy = tempfile::tempdir().expect("a temporary folder");
        let from = self.folder.path().join(".");
        let status = Command::new("cp").arg("-a").arg(from).arg(copy.path()).status();
        assert!(status.expect("cp runs").success());
        Self { folder: copy }
    }

    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("repo")
    }

    /// The folder that holds all of the world: repository, home and what else a test puts there.
    pub fn folder(&self) -> PathBuf {
        fs::canonicalize(self.folder.path()).expect("the folder is there")
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.repo().join(path)
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders");
        fs::write(path, content).expect("a written file");
    }

    #[track_caller]
    pub fn read(&self, path: &str) -> String {
        String::from_utf8(self.read_bytes(path)).expect("the file is text")
    }

    #[track_caller]
    pub fn read_bytes(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Changes a file by hand, as an attacker or a clumsy person would.
    #[track_caller]
    pub fn tamper(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{path} has no {from:?}:\n{text}");
        self.write(path, text.replacen(from, to, 1));
    }

    /// Runs the program as alice.
    #[must_use]
    pub fn secret<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Outcome {
        self.secret_with(arguments, "", &[])
    }

    /// Runs the program with standard input and more variables.
    #[must_use]
    pub fn secret_with<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        stdin: &str,
        variables: &[(&str, &str)],
    ) -> Outcome {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_secret")));
        command.args(arguments).envs(variables.iter().copied());
        run(&mut command, stdin.as_bytes())
    }

    /// Runs the program as alice; it must fail with this exit code and message, change nothing and show no plaintext.
    #[track_caller]
    pub fn refuses<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>, code: i32, stderr: &str) {
        self.refuses_with(arguments, "", &[], code, stderr);
    }

    /// As [`Self::refuses`], with standard input and more variables.
    #[track_caller]
    pub fn refuses_with<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        stdin: &str,
        variables: &[(&str, &str)],
        code: i32,
        stderr: &str,
    ) {
        let before = self.listing();
        let outcome = self.secret_with(arguments, stdin, variables);
        assert!(!outcome.stderr.contains("canary"), "plaintext in {outcome:#?}");
        Outcome { stderr: self.filter(&outcome.stderr), ..outcome }.fails(code, stderr);
        assert_eq!(self.listing(), before, "a refused command changed something");
    }

    /// Runs the program at a terminal where somebody answers prompts: pairs of a text to wait for and keys to press.
    /// Returns the exit code and all that the terminal showed.
    pub fn at_terminal(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        answers: &[(&str, &str)],
    ) -> (i32, String) {
        let mut command = self.command(Path::new("python3"));
        command.args(["-c", include_str!("terminal.py")]).envs(variables.iter().copied()).env("NO_COLOR", "1");
        command.args(answers.iter().flat_map(|(prompt, answer)| [prompt, answer]));
        command.args(["--", env!("CARGO_BIN_EXE_secret")]).args(arguments);
        let outcome = run(&mut command, b"");
        assert_eq!(outcome.stderr, "", "the terminal itself failed");
        (outcome.code, self.filter(&outcome.stdout.replace("\r\n", "\n")))
    }

    /// Returns every file, folder and link of the repository but git's own, with mode and content.
    pub fn listing(&self) -> BTreeMap<PathBuf, (u32, String)> {
        use std::os::unix::fs::PermissionsExt as _;
        let mut found = BTreeMap::new();
        let mut folders = vec![self.repo()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.ends_with(".git") {
                    continue;
                }
                let metadata = fs::symlink_metadata(&path).expect("it is there");
                let content = match metadata.file_type() {
                    kind if kind.is_symlink() => {
                        fs::read_link(&path).expect("a link").into_os_string().into_encoded_bytes()
                    }
                    kind if kind.is_file() => fs::read(&path).expect("a file"),
                    kind => {
                        folders.extend(kind.is_dir().then(|| path.clone()));
                        Vec::new()
                    }
                };
                let content = content.escape_ascii().to_string();
                found.insert(path, (metadata.permissions().mode(), content));
            }
        }
        found
    }

    /// Returns the number of the first line that begins so, for messages about it.
    #[track_caller]
    pub fn line_of(&self, path: &str, start: &str) -> usize {
        1 + self.read(path).lines().position(|line| line.starts_with(start)).expect("the line is there")
    }

    /// Writes a shell script that edits the file `$1`, and returns what `EDITOR` has to be.
    pub fn editor(&self, script: &str) -> String {
        let path = self.home().join("editor.sh");
        fs::write(&path, script).expect("a written file");
        format!("/bin/sh {}", path.display())
    }

    /// Returns the SHA-256 of a file, in hexadecimal digits.
    pub fn sha256(&self, path: &str) -> String {
        use sha2::Digest as _;
        sha2::Sha256::digest(self.read_bytes(path)).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Runs git; it must succeed.
    #[track_caller]
    pub fn git<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        let outcome = run(self.command(Path::new("git")).args(arguments), b"");
        assert_eq!(outcome.code, 0, "{outcome:#?}");
        outcome.stdout
    }

    /// Runs git as [`Self::git`] does, whatever comes of it.
    pub fn try_git(&self, arguments: &[&str]) -> Outcome {
        self.try_git_with(arguments, &[])
    }

    /// Runs git, whatever comes of it, with more variables.
    pub fn try_git_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
        run(self.command(Path::new("git")).args(arguments).envs(variables.iter().copied()), b"")
    }

    pub fn commit(&self, message: &str) {
        self.git(["add", "--all"]);
        self.git(["commit", "--quiet", "--message", message]);
    }

    /// Makes an identity in the home folder and returns its file and its recipient.
    pub fn keygen(&self, name: &str) -> (String, String) {
        let file = self.home().join(format!("{name}.key")).display().to_string();
        let outcome = self.secret(["keygen", "-o", &file]).success();
        (file, outcome.stdout.trim().to_owned())
    }

    /// Lets somebody of the group `team` into the policy and returns the identity file.
    #[track_caller]
    pub fn joins(&self, name: &str) -> String {
        let (file, recipient) = self.keygen(name);
        self.secret(["member", "add", name, &recipient, "--group", "team"]).success();
        file
    }

    /// A command in the repository, with an environment made of nothing but what stands here.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.repo())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("XDG_RUNTIME_DIR", self.folder.path().join("run"))
            .env("LANG", "C.UTF-8")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "Alice")
            .env("GIT_AUTHOR_EMAIL", "alice@example.com")
            .env("GIT_COMMITTER_NAME", "Alice")
            .env("GIT_COMMITTER_EMAIL", "alice@example.com");
        command
    }

    /// Replaces what differs from run to run in an output: the world's folder, days and keys.
    pub fn filter(&self, text: &str) -> String {
        let folder = fs::canonicalize(self.folder.path()).expect("the folder is there");
        let text = text.replace(&folder.display().to_string(), "[WORLD]");
        let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
        text.replace(&today, "[TODAY]")
    }
}

impl Outcome {
    /// Demands success.
    #[track_caller]
    pub fn success(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// Demands an exit code, nothing on stdout, and the whole of stderr.
    #[track_caller]
    pub fn fails(self, code: i32, stderr: &str) {
        assert_eq!((self.code, self.stdout.as_str(), self.stderr.trim_end()), (code, "", stderr.trim()), "{self:#?}");
    }
}

/// What `edit` says before it runs an editor that is a script.
pub const CAUTION: &str = "warning: secret does not know how to keep this editor from leaving backups or swap files\n";

/// Runs a prepared command to its end.
pub fn run(command: &mut Command, stdin: &[u8]) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
    // A program that does not read its input closes the pipe early.
    let _ = child.stdin.take().expect("it is piped").write_all(stdin);
    let output = child.wait_with_output().expect("it ends");
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
