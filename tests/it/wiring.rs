//! Git set up by `secret git install`: the hook stops plaintext in every kind of repository, and all of it goes away again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::repositories::FORMATS;
use crate::world::{World, run};

const STOPPED: &str = "secrets/new.yaml: error: it is not encrypted, though a rule (secrets/**) is for it [plaintext]\n    \
                       `secret encrypt secrets/new.yaml`, then `git add -- secrets/new.yaml`; or change the rule\n\
                       error: 1 finding (1 file)\n";

impl World {
    /// Writes a hook that leaves its name, and may be run.
    fn hook(&self, path: &str, script: &str) {
        self.write(path, script);
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// Returns what an installation may touch: all files of `.git` but objects and the index, and of the work tree.
    fn state(&self) -> BTreeMap<PathBuf, (u32, String)> {
        let mut found = self.listing();
        for folder in [".git/hooks", ".git"] {
            for entry in fs::read_dir(self.path(folder)).expect("a folder") {
                let path = entry.expect("an entry").path();
                let metadata = fs::symlink_metadata(&path).expect("it is there");
                let content = match () {
                    () if metadata.is_symlink() => fs::read_link(&path).expect("a link").display().to_string(),
                    () if metadata.is_file() => fs::read(&path).expect("a file").escape_ascii().to_string(),
                    () => continue,
                };
                found.insert(path, (metadata.permissions().mode(), content));
            }
        }
        found
    }

    /// Sets a repository up, has its hook stop plaintext, and takes it away again without a trace.
    #[track_caller]
    fn hook_comes_and_goes(&self, folder: &str) {
        let config = || fs::read(self.path(folder).join(".git/config")).ok();
        let before = config();
        self.secret(["-C", folder, "git", "install"]).success();
        self.stops_plaintext(folder, &["commit", "--all", "--message", "x"]);
        self.stops_plaintext(folder, &["--staged", "commit", "--message", "x"]);
        self.secret(["-C", folder, "git", "uninstall"]).success();
        assert_eq!(config(), before, "{folder}");
    }

    /// Commits a plaintext in the way of `commit`: the hook stops it; once it is encrypted, it passes.
    #[track_caller]
    fn stops_plaintext(&self, folder: &str, commit: &[&str]) {
        let git = |arguments: &[&str]| self.try_git(&[&["-C", folder], arguments].concat());
        let path = Path::new(folder).join("secrets/new.yaml").display().to_string();
        self.write(&path, "password: canary\n");
        assert_eq!(git(&["add", "--intent-to-add", "secrets/new.yaml"]).code, 0);
        if commit.contains(&"--staged") {
            git(&["add", "secrets/new.yaml"]);
        }
        let commit: Vec<&str> = commit.iter().copied().filter(|word| *word != "--staged").collect();
        let head = git(&["rev-parse", "HEAD"]).stdout;
        let stopped = git(&commit);
        assert_eq!((stopped.code, stopped.stderr.as_str()), (1, STOPPED), "{commit:?}: {stopped:#?}");
        assert_eq!(git(&["rev-parse", "HEAD"]).stdout, head);
        self.secret(["encrypt", &path]).success();
        if commit == ["commit", "--message", "x"] {
            git(&["add", "secrets/new.yaml"]);
        }
        let passed = git(&commit);
        assert_eq!(passed.code, 0, "{commit:?}: {passed:#?}");
        assert_ne!(git(&["rev-parse", "HEAD"]).stdout, head);
        git(&["rm", "--quiet", "--force", "secrets/new.yaml"]);
        assert_eq!(git(&["commit", "--quiet", "--message", "removed"]).code, 0);
    }
}

#[test]
fn plaintext_is_stopped_however_it_is_committed() {
    let world = World::with_db();
    let installed = world.secret(["git", "install"]).success();
    assert_eq!(
        world.filter(&installed.stderr),
        "the hook [WORLD]/repo/.git/hooks/pre-commit runs `secret verify --staged`\n\
         git shows and merges encrypted files with the drivers of this clone's configuration\n\
         wrote [WORLD]/repo/.gitattributes: commit it, it is for everybody\n"
    );
    assert_eq!(
        world.read(".gitattributes"),
        "# >>> secret git install >>>\n/secrets/** -text diff=secret merge=secret\n# <<< secret git install <<<\n"
    );
    world.commit("attributes");
    for commit in [
        &["--staged", "commit", "--message", "x"][..],
        &["commit", "--all", "--message", "x"],
        &["commit", "--message", "x", "secrets/new.yaml"],
        &["commit", "--message", "x", "--include", "secrets/new.yaml"],
    ] {
        world.stops_plaintext(".", commit);
    }
    // What is staged counts, and not what stands in the work tree.
    world.write("secrets/new.yaml", "password: canary\n");
    world.git(["add", "secrets"]);
    world.secret(["encrypt", "secrets/new.yaml"]).success();
    assert_eq!(world.try_git(&["commit", "--message", "x"]).stderr, STOPPED);
}

#[test]
fn the_hook_works_in_work_trees_partial_clones_and_submodules() {
    let world = World::with_db();
    world.secret(["git", "install"]).success();
    world.commit("attributes");
    world.git(["worktree", "add", "--quiet", "-b", "side", "../work tree"]);
    world.stops_plaintext("../work tree", &["commit", "--all", "--message", "x"]);

    let url = format!("file://{}", world.repo().display());
    world.git(["config", "uploadpack.allowFilter", "true"]);
    world.git(["clone", "--quiet", "--filter=blob:none", &url, "../partial repo"]);
    world.hook_comes_and_goes("../partial repo");

    world.git(["init", "--quiet", "../outer"]);
    let add = ["-c", "protocol.file.allow=always", "-C", "../outer", "submodule", "--quiet", "add"];
    world.git([&add[..], &[&url, "inner repo"]].concat());
    world.hook_comes_and_goes("../outer/inner repo");
}

#[test]
fn the_hook_works_in_repositories_of_every_format() {
    for format in FORMATS {
        let world = World::of_format(format);
        world.hook_comes_and_goes(".");
    }
}

#[test]
fn what_was_there_before_stays_and_comes_back() {
    let hook = ".git/hooks/pre-commit";
    for (name, prepare) in [
        ("nothing", (|_| {}) as fn(&World)),
        ("a shell script", |world| world.hook(".git/hooks/pre-commit", "#!/bin/sh\nset -e\necho was here\n")),
        ("one line", |world| world.hook(".git/hooks/pre-commit", "#!/usr/bin/env bash")),
        ("another language", |world| {
            world.hook(".git/hooks/pre-commit", "#!/usr/bin/env python3\nprint('was here')\n");
        }),
        ("a link", |world| {
            world.hook("check.sh", "#!/bin/sh\necho was here\n");
            symlink("../../check.sh", world.path(".git/hooks/pre-commit")).expect("a link");
        }),
        ("attributes", |world| world.write(".gitattributes", "*.png binary\n")),
        ("attributes without an end", |world| world.write(".gitattributes", "*.png binary\r\n*.jpg binary")),
        ("own drivers", |world| drop(world.git(["config", "diff.secret.xfuncname", "^[a-z]"]))),
        ("a hook's folder", |world| {
            world.hook("tools/hooks/pre-commit", "#!/bin/sh\necho was here\n");
            world.git(["config", "core.hooksPath", "tools/hooks"]);
        }),
    ] {
        let world = World::with_db();
        prepare(&world);
        let before = world.state();
        for _ in 0..2 {
            world.secret(["git", "install"]).success();
        }
        let path = if name == "a hook's folder" { "tools/hooks/pre-commit" } else { hook };
        assert_eq!(
            world.read(path).matches("--quiet verify --staged").count(),
            1,
            "{name}: once, also when it ran twice"
        );
        world.write("secrets/new.yaml", "password: canary\n");
        world.git(["add", "secrets"]);
        let stopped = world.try_git(&["commit", "--message", "x"]);
        assert_eq!((stopped.code, stopped.stderr.as_str()), (1, STOPPED), "{name}");
        world.git(["rm", "--quiet", "--cached", "secrets/new.yaml"]);
        fs::remove_file(world.path("secrets/new.yaml")).expect("it is there");
        let passed = world.try_git(&["commit", "--allow-empty", "--message", "x"]);
        assert_eq!(passed.code, 0, "{name}: {passed:#?}");
        let has_hook = before.values().any(|(_, content)| content.contains("was here"));
        assert_eq!((passed.stdout + &passed.stderr).contains("was here"), has_hook, "{name}");
        world.secret(["git", "uninstall"]).success();
        let mut after = world.state();
        let mut before = before;
        // What git writes when it commits.
        for own in ["COMMIT_EDITMSG", "index"] {
            before.remove(&world.path(".git").join(own));
            after.remove(&world.path(".git").join(own));
        }
        assert_eq!(after, before, "{name}");
        assert_eq!(world.secret(["git", "uninstall"]).success().stderr, "nothing was set up\n");
    }
}

#[test]
fn a_hook_that_was_there_still_decides() {
    for script in ["#!/bin/sh\necho no >&2; exit 7\n", "#!/usr/bin/env python3\nimport sys; sys.exit('no')\n"] {
        let world = World::with_db();
        world.hook(".git/hooks/pre-commit", script);
        world.secret(["git", "install"]).success();
        let stopped = world.try_git(&["commit", "--allow-empty", "--message", "x"]);
        assert_eq!((stopped.code, stopped.stderr.as_str()), (1, "no\n"), "{stopped:#?}");
    }
}

#[test]
fn husky_runs_the_check_from_its_own_file() {
    let world = World::with_db();
    // As husky 9 sets itself up.
    world.git(["config", "core.hooksPath", ".husky/_"]);
    world.hook(".husky/_/pre-commit", "#!/usr/bin/env sh\nsh -e \"$(dirname \"$0\")/../pre-commit\" \"$@\"\n");
    world.write(".husky/pre-commit", "echo was here\n");
    world.secret(["git", "install"]).success();
    assert!(world.read(".husky/pre-commit").ends_with("# <<< secret git install <<<\necho was here\n"));
    world.write("secrets/new.yaml", "password: canary\n");
    world.git(["add", "secrets"]);
    assert_eq!(world.try_git(&["commit", "--message", "x"]).stderr, STOPPED);
    world.secret(["git", "uninstall"]).success();
    assert_eq!(world.read(".husky/pre-commit"), "echo was here\n");
}

/// Returns a `PATH` on which there is no `secret`.
fn path_without_the_program() -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).filter(|folder| !folder.join("secret").exists());
    std::env::join_paths(folders).expect("they were a path")
}

#[test]
fn without_the_program_no_commit_is_made() {
    let world = World::with_db();
    world.secret(["git", "install"]).success();
    let program = env!("CARGO_BIN_EXE_secret");
    world.tamper(".git/hooks/pre-commit", program, "/nowhere/secret");
    let commit = ["commit", "--allow-empty", "--message", "x"];
    let path = path_without_the_program();
    let stopped = run(world.command(Path::new("git")).env("PATH", path).args(commit), b"");
    assert_eq!(
        (stopped.code, stopped.stderr.as_str()),
        (
            1,
            "error: secret is not installed, so this commit cannot be checked\n\
             hint: install it; `git commit --no-verify` leaves the check to others\n"
        )
    );
}

#[test]
fn without_the_program_git_shows_and_merges_what_stands_in_the_file() {
    const FILE: &str = "secrets/db.yaml";
    let world = World::with_db();
    world.secret(["git", "install"]).success();
    world.commit("installed");
    let put = |key: &str, value: &str| {
        world.secret_with(["set", FILE, key, "--stdin"], value, &[]).success();
        world.commit(key);
    };
    world.secret_with(["set", FILE, "other.key", "--stdin"], "x", &[]).success();
    world.commit("another container");
    world.git(["checkout", "--quiet", "-b", "side"]);
    put("other.key", "theirs");
    world.git(["checkout", "--quiet", "main"]);
    put("db.user", "ours");
    let path = path_without_the_program();
    let git = |arguments: &[&str]| run(world.command(Path::new("git")).env("PATH", &path).args(arguments), b"");

    let shown = git(&["--no-pager", "log", "-p", "-1"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    assert!(shown.stdout.contains("+  user: secret-v1.v."), "{}", shown.stdout);
    let merged = git(&["merge", "--quiet", "--no-verify", "--no-edit", "side"]);
    assert_eq!((merged.code, merged.stderr.as_str()), (0, ""));
    assert_eq!(world.secret(["get", FILE, "other.key"]).success().stdout, "theirs");
    assert_eq!(world.secret(["get", FILE, "db.user"]).success().stdout, "ours");

    // What lines cannot merge is git's own kind of conflict, and settled all the same.
    world.git(["checkout", "--quiet", "-b", "again", "HEAD~1"]);
    put("other.key", "mine");
    let conflict = git(&["merge", "--quiet", "--no-edit", "side"]);
    assert_eq!((conflict.code, conflict.stderr.as_str()), (1, ""), "{conflict:#?}");
    world.secret(["resolve", FILE, "--all-ours"]).success();
    assert_eq!(world.secret(["get", FILE, "other.key"]).success().stdout, "mine");
}

#[test]
fn what_cannot_be_set_up_is_said() {
    let world = World::with_db();
    world.write(".git/hooks/pre-commit", "#!/bin/sh\n");
    world.refuses(
        ["git", "install"],
        1,
        "error: [WORLD]/repo/.git/hooks/pre-commit is there, but not executable: git does not run it\n\
         hint: `chmod +x [WORLD]/repo/.git/hooks/pre-commit`, or remove it; then run `secret git install` again",
    );
    let world = World::with_db();
    fs::write(world.home().join(".gitconfig"), "[core]\n\thooksPath = ~/hooks\n").expect("a file");
    world.refuses(
        ["git", "install"],
        1,
        "error: [WORLD]/home/hooks has the hooks of all your repositories (core.hooksPath)\n\
         hint: add `secret verify --staged` to [WORLD]/home/hooks/pre-commit yourself, and run `secret git install \
         --no-hook` here; or give this repository its own hooks: `git config core.hooksPath .git/hooks`",
    );
    world.secret(["git", "install", "--no-hook"]).success();
    world.secret(["git", "uninstall"]).success();
    let outside = world.folder().join("outside").display().to_string();
    fs::create_dir(&outside).expect("a folder");
    world.refuses(
        ["-C", &outside, "git", "install"],
        1,
        "error: this is no git repository\nhint: run `git init` first",
    );
}

#[test]
fn braces_in_rules_are_spelled_out_for_git() {
    let world = World::new();
    let policy = world.read(".secret.toml").replace("secrets/**", "se {a,b}/*.{yaml,env}");
    world.write(".secret.toml", policy);
    world.commit("policy");
    world.secret(["git", "install"]).success();
    world.write("se b/x.env", "A=canary\n");
    world.secret(["encrypt", "se b/x.env"]).success();
    let attributes = world.git(["check-attr", "text", "diff", "merge", "--", "se b/x.env", "x.env"]);
    assert_eq!(
        attributes,
        "se b/x.env: text: unset\nse b/x.env: diff: secret\nse b/x.env: merge: secret\n\
         x.env: text: unspecified\nx.env: diff: unspecified\nx.env: merge: unspecified\n"
    );
}

#[test]
fn the_pre_commit_framework_runs_the_check() {
    let world = World::with_db();
    if world.try_program("pre-commit", &["--version"]).is_none() {
        eprintln!("skipped: pre-commit is not installed");
        return;
    }
    // What others name as `repo:` is this repository; only its list of hooks matters here.
    let hooks =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".pre-commit-hooks.yaml")).expect("a file");
    world.git(["init", "--quiet", "../hooks"]);
    world.write("../hooks/.pre-commit-hooks.yaml", hooks);
    world.git(["-C", "../hooks", "add", "--all"]);
    world.git(["-C", "../hooks", "commit", "--quiet", "--message", "x"]);
    let revision = world.git(["-C", "../hooks", "rev-parse", "HEAD"]);
    let url = world.folder().join("hooks").display().to_string();
    world.write(
        ".pre-commit-config.yaml",
        format!("repos:\n- repo: {url}\n  rev: {}\n  hooks:\n  - id: secret-verify-installed\n", revision.trim()),
    );
    world.commit("configuration");
    let folder = Path::new(env!("CARGO_BIN_EXE_secret")).parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").expect("there is one"));
    let git = |arguments: &[&str]| run(world.command(Path::new("git")).env("PATH", &path).args(arguments), b"");
    let installed = run(world.command(Path::new("pre-commit")).arg("install"), b"");
    assert_eq!(installed.code, 0, "{installed:#?}");
    world.write("secrets/new.yaml", "password: canary\n");
    world.git(["add", "secrets"]);
    let stopped = git(&["commit", "--message", "x"]);
    assert_eq!(stopped.code, 1, "{stopped:#?}");
    assert!((stopped.stdout + &stopped.stderr).contains("[plaintext]"));
    world.secret(["encrypt", "secrets/new.yaml"]).success();
    world.git(["add", "secrets"]);
    let passed = git(&["commit", "--message", "x"]);
    assert_eq!(passed.code, 0, "{passed:#?}");
}

impl World {
    /// Runs a program that may not be installed.
    fn try_program(&self, program: &str, arguments: &[&str]) -> Option<()> {
        self.command(Path::new(program))
            .args(arguments)
            .output()
            .ok()
            .filter(|output| output.status.success())
            .map(drop)
    }
}
