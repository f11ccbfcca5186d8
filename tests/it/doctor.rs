//! `secret doctor`: a sound set-up passes, and each thing that is wrong is found, with what to do, and nothing is done.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::world::{Outcome, World};

/// A world where nothing is wrong: an editor that is known, and a git that is set up.
fn sound() -> World {
    let world = World::with_db();
    world.secret(["git", "install"]).success();
    world.commit("attributes");
    let editor = world.home().join("nano");
    fs::write(&editor, "#!/bin/sh\nexit 1\n").expect("a file");
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).expect("a mode");
    world
}

fn doctor(world: &World, options: &[&str]) -> Outcome {
    let editor = world.home().join("nano").display().to_string();
    let arguments: Vec<&str> = ["doctor"].iter().chain(options).copied().collect();
    world.secret_with(arguments, "", &[("EDITOR", &editor)])
}

/// Returns what doctor finds that is not in order: `fail files: …`, with what to do about it.
fn problems(world: &World) -> Vec<String> {
    let before = world.listing();
    let outcome = doctor(world, &["--json"]);
    assert_eq!(world.listing(), before, "doctor changed something");
    assert!(!outcome.stdout.contains("canary"), "plaintext in {outcome:#?}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"));
    assert_eq!(report["version"], 1);
    let text = |value: &Value| value.as_str().unwrap_or("nothing to do").to_owned();
    let checks = report["checks"].as_array().expect("a list").iter();
    // Whether a machine has storage in memory is none of these stories' business.
    let wrong = checks.filter(|check| check["state"] != "ok" && check["check"] != "edit");
    let problems: Vec<String> = wrong
        .map(|check| {
            let said = [&check["state"], &check["check"], &check["found"], &check["advice"]].map(text);
            world.filter(&format!("{} {}: {} -> {}", said[0], said[1], said[2], said[3]))
        })
        .collect();
    let failed = problems.iter().filter(|problem| problem.starts_with("fail")).count();
    let stderr = match failed {
        0 => String::new(),
        1 => "error: 1 check failed\n".to_owned(),
        count => format!("error: {count} checks failed\n"),
    };
    assert_eq!((outcome.code, outcome.stderr), (if failed == 0 { 0 } else { 3 }, stderr));
    problems
}

#[test]
fn a_sound_set_up_passes() {
    let world = sound();
    assert_eq!(problems(&world), Vec::<String>::new());
    let recipient = world.secret(["whoami"]).success().stdout.split(' ').next().expect("a recipient").to_owned();
    let outcome = doctor(&world, &[]).success();
    let shown = world.filter(&outcome.stdout.replace(&recipient, "[RECIPIENT]"));
    let lines: Vec<&str> = shown.lines().filter(|line| line.split_whitespace().nth(1) != Some("edit")).collect();
    assert!(lines.iter().all(|line| !line.starts_with(' ') || lines.len() == 12), "{shown}");
    let expected = "\
ok    identity    [WORLD]/home/.config/secret/identities.txt: [RECIPIENT]
ok    modes       nobody else can read or replace your identities
ok    memory      this process leaves no core dump and cannot be traced
ok    editor      [WORLD]/home/nano
ok    repository  [WORLD]/repo
ok    policy      1 member, 1 rule
ok    member      you are alice, and read secrets/**
ok    files       1 governed file, all encrypted
ok    opening     your identity opens 1 file
ok    drift       every file is in line with the policy
ok    line ends   git keeps the bytes of every encrypted file
ok    git cache   git keeps no converted texts
ok    clock       today is [TODAY] in UTC
ok    set-up      hook, drivers and attributes are set up in this clone";
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn who_has_nothing_is_told_how_to_begin() {
    let world = World::empty();
    fs::write(world.home().join("nano"), "#!/bin/sh\n").expect("a file");
    fs::set_permissions(world.home().join("nano"), fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_eq!(
        problems(&world),
        [
            "fail identity: you have no identity -> make one with `secret keygen`, or name a file with --identity",
            "fail policy: there is no policy (.secret.toml) in [WORLD]/repo -> run `secret init`, or bring the one \
             back that git's history has: `git log -- .secret.toml`",
        ]
    );
}

#[test]
fn outside_of_any_repository_the_set_up_alone_is_checked() {
    let world = sound();
    let outcome = doctor(&world, &["--json", "-C", &world.home().display().to_string()]).success();
    assert!(outcome.stdout.contains("neither a git repository nor below a policy"), "{outcome:#?}");
    assert!(!outcome.stdout.contains("\"drift\""), "{outcome:#?}");
}

#[test]
fn identities_that_others_can_read_or_replace_fail() {
    let world = sound();
    let folder = world.home().join(".config/secret");
    let mode = |name: &str, mode| {
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let path = "[WORLD]/home/.config/secret";
    mode("identities.txt", 0o604);
    let readable = format!(
        "fail modes: {path}/identities.txt can be read by every user -> run `chmod go-rwx {path}/identities.txt`"
    );
    assert_eq!(problems(&world), [readable]);
    mode("identities.txt", 0o600);
    mode("", 0o770);
    let replaceable = format!(
        "fail modes: {path}/ can be changed by its group: they can replace your identities -> run `chmod go-w {path}/`"
    );
    assert_eq!(problems(&world), [replaceable.replace("secret/ ", "secret ").replace("secret/`", "secret`")]);
}

#[test]
fn a_default_identity_that_is_broken_is_named_and_what_stands_in_it_is_not() {
    let world = sound();
    fs::create_dir(world.home().join(".ssh")).expect("a folder");
    fs::write(world.home().join(".ssh/id_ed25519"), "canary\n").expect("a file");
    assert_eq!(
        problems(&world),
        ["warn identity: identity [WORLD]/home/.ssh/id_ed25519: line 1 is no identity -> mend or remove it; it is \
          passed over while others open a file"]
    );
}

#[test]
fn a_passphrase_is_not_asked_for() {
    let world = sound();
    let key = world.home().join("locked.key").display().to_string();
    let age =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "passphrase", "-f", &key]).status();
    if !age.is_ok_and(|status| status.success()) {
        return eprintln!("skipped: there is no ssh-keygen");
    }
    let recipient = fs::read_to_string(format!("{key}.pub")).expect("a public key");
    let recipient = recipient.split(' ').take(2).collect::<Vec<_>>().join(" ");
    world.secret(["member", "add", "alice", &recipient, "--another-key"]).success();
    world.commit("another key");
    world.secret(["rekey", "--yes"]).success();
    let (code, screen) = world.at_terminal(&["doctor", "--identity", &key], &[], &[]);
    assert!(code == 0 && screen.contains("; needs a passphrase"), "{screen}");
    assert!(screen.contains("you are alice, and read secrets/**"), "{screen}");
}

#[test]
fn governed_files_in_plaintext_fail_unless_git_ignores_them() {
    let world = sound();
    world.write(".gitignore", "*.local\n");
    world.write("secrets/committed.yaml", "a: canary\n");
    world.git(["add", "--all"]);
    world.git(["commit", "--quiet", "--no-verify", "--message", "a mistake"]);
    world.write("secrets/new.yaml", "a: canary\n");
    world.write("secrets/own.local", "canary\n");
    world.secret(["decrypt", "--in-place", "secrets/db.yaml"]).success();
    assert_eq!(
        problems(&world),
        [
            "fail files: in plaintext, and in git: secrets/committed.yaml -> run \
             `secret encrypt FILE`, commit, and replace the values: what was committed stays in git's history",
            "fail files: in plaintext, and `git add` would take it: secrets/db.yaml, \
             secrets/new.yaml -> run `secret encrypt FILE`, or add it to .gitignore",
            "warn files: in plaintext, though git ignores it: secrets/own.local -> run \
             `secret encrypt FILE`, or remove it",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn a_file_that_cannot_be_read_fails() {
    let world = sound();
    world.tamper("secrets/db.yaml", "# revision = 1", "# revision = x");
    let problems = problems(&world);
    assert!(
        problems[0].starts_with("fail files: marked as encrypted, and unreadable: secrets/db.yaml"),
        "{problems:#?}"
    );
}

#[test]
fn who_is_no_member_is_told_and_what_a_member_does_not_read_is_said() {
    let world = sound();
    let (key, recipient) = world.keygen("bob");
    let as_bob = |world: &World| doctor(world, &["--identity", &key]);
    let outcome = as_bob(&world);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (3, "error: 1 check failed\n"), "{outcome:#?}");
    assert!(outcome.stdout.contains("fail  member      none of your recipients is in the policy\n"), "{outcome:#?}");
    world.secret(["member", "add", "bob", &recipient]).success();
    let outcome = as_bob(&world).success();
    let said = "warn  member      you are bob, and no rule names you as a reader\n";
    assert!(outcome.stdout.contains(said), "{outcome:#?}");
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", format!("{policy}\n[[rules]]\npath = \"bobs/**\"\nreaders = [\"bob\"]\n"));
    let outcome = as_bob(&world).success();
    assert!(
        outcome.stdout.contains("ok    member      you are bob, and read bobs/**; not secrets/**\n"),
        "{outcome:#?}"
    );
}

#[test]
fn a_former_reader_fails_and_a_missing_one_is_a_warning() {
    let world = sound();
    world.joins("bob");
    assert_eq!(problems(&world), ["warn drift: not in line with the policy: secrets/db.yaml -> run `secret rekey`"]);
    world.commit("bob");
    world.secret(["rekey", "--yes"]).success();
    world.git(["checkout", "--quiet", "HEAD^", "--", ".secret.toml"]);
    assert_eq!(
        problems(&world),
        ["fail drift: readable by somebody whom the policy does not name: secrets/db.yaml -> run `secret \
          rekey`: it makes new data keys"]
    );
}

#[test]
fn a_file_that_names_the_user_and_was_wrapped_to_another_fails() {
    let world = sound();
    let (_, recipient) = world.keygen("bob");
    world.secret(["member", "add", "bob", &recipient]).success();
    let policy = world.read(".secret.toml");
    world.write(".secret.toml", format!("{policy}\n[[rules]]\npath = \"bobs/**\"\nreaders = [\"bob\"]\n"));
    world.write("bobs/a.yaml", "a: canary\n");
    world.secret(["encrypt", "--yes", "--add", "bob", "bobs/a.yaml"]).success();
    let wrapped = |path: &str| {
        let text = world.read(path);
        let start = text.find("# -----BEGIN AGE").expect("a wrapped key");
        let end = text.find("# -----END AGE").expect("its end");
        text[start..end].to_owned()
    };
    world.tamper("secrets/db.yaml", &wrapped("secrets/db.yaml"), &wrapped("bobs/a.yaml"));
    let problems = problems(&world);
    let expected = "fail opening: not opened by your identity, which the header names: secrets/db.yaml";
    assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{problems:#?}");
}

#[test]
fn mistakes_in_the_policy_are_named() {
    let world = sound();
    world.tamper(".secret.toml", "readers = [\"team\"]", "readers = [\"taem\"]");
    let problems = problems(&world);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("fail policy: .secret.toml:") && problems[0].contains("taem"), "{problems:#?}");
}

#[test]
fn an_editor_that_cannot_be_run_fails() {
    let world = sound();
    for (editor, said) in [
        ("./editor", "fail  editor      program ./editor is given by a relative path\n"),
        ("no-such-editor", "fail  editor      program no-such-editor not found\n"),
        ("/bin/true", "warn  editor      /bin/true: secret does not know how to keep this editor"),
    ] {
        let outcome = world.secret_with(["doctor"], "", &[("EDITOR", editor)]);
        assert_eq!(outcome.code, if said.starts_with("fail") { 3 } else { 0 }, "{outcome:#?}");
        assert!(outcome.stdout.contains(said), "{editor}: {outcome:#?}");
    }
}

#[test]
fn an_allowed_plugin_that_is_not_there_fails_and_is_named() {
    let world = sound();
    let settings = world.home().join(".config/secret/config.toml");
    std::fs::write(&settings, "[plugins]\nmissing = true\n").expect("a file");
    let said = problems(&world);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("fail plugin: ") && said[0].contains("age-plugin-missing"), "{said:?}");

    let program = world.home().join("bin/age-plugin-missing");
    std::fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
    std::fs::write(&program, "#!/bin/sh\nexit 1\n").expect("a file");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
    std::fs::write(&settings, format!("[plugins]\nmissing = \"{}\"\n", program.display())).expect("a file");
    assert_eq!(problems(&world), Vec::<String>::new());

    std::fs::write(&settings, "[plugin]\nmissing = true\n").expect("a file");
    let said = problems(&world);
    assert!(matches!(said.as_slice(), [one] if one.starts_with("fail settings: ")), "{said:?}");
}

#[test]
fn a_draft_is_remembered() {
    let world = sound();
    let editor = world.editor("sed -i 's/5432/{broken/' \"$1\"");
    assert_eq!(world.secret_with(["edit", "secrets/db.yaml"], "", &[("EDITOR", &editor)]).code, 1);
    assert_eq!(
        problems(&world),
        [
            "warn leftovers: 1 draft in [WORLD]/home/.cache/secret/drafts, encrypted to you -> read them with `age -d -i \
          IDENTITY FILE`, and remove what you do not need"
        ]
    );
}

#[test]
fn git_settings_that_change_files_or_keep_plaintext_are_found() {
    let world = sound();
    world.write(".gitattributes", "");
    world.commit("no attributes");
    world.git(["config", "diff.secret.cachetextconv", "true"]);
    world.git(["config", "rerere.enabled", "true"]);
    assert_eq!(
        problems(&world),
        [
            "warn line ends: git may change line ends when it checks out: secrets/db.yaml -> add \
             `secrets/** -text` to .gitattributes",
            "fail git cache: git keeps the texts of the diff driver secret in its object store, plaintext too -> run \
             `git config --unset diff.secret.cachetextconv` and `git update-ref -d refs/notes/textconv/secret`",
            "warn rerere: git records settled conflicts, and may settle one by a value that is old by then -> look at \
             what it settles, or run `git config rerere.enabled false` here",
            "warn set-up: git diff and git merge do not know keys; .gitattributes does not name the files of the \
             policy's rules -> run `secret git install`",
        ]
        .map(str::to_owned)
    );
}

#[test]
fn a_repository_that_cannot_be_read_fails_and_the_set_up_is_checked_all_the_same() {
    let world = sound();
    let config = world.read(".git/config").replace("repositoryformatversion = 0", "repositoryformatversion = 9");
    world.write(".git/config", config);
    let problems = problems(&world);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("fail repository: the git repository [WORLD]/repo"), "{problems:#?}");
}

#[test]
fn a_clock_that_is_behind_the_history_fails() {
    let world = sound();
    let mut commit = world.command("git".as_ref());
    commit
        .args(["commit", "--quiet", "--allow-empty", "--message", "later"])
        .env("GIT_COMMITTER_DATE", "4000000000 +0000");
    assert!(commit.status().expect("git runs").success());
    assert_eq!(
        problems(&world),
        ["fail clock: today is [TODAY] here, and something was made on 2096-10-02 -> set the clock: days of \
          replacement and due dates depend on it; or ask who committed it"]
    );
}

#[test]
fn no_program_is_started() {
    let world = sound();
    let spied = world.home().join("spied");
    let spy = format!("touch '{}'", spied.display());
    for key in ["core.fsmonitor", "core.pager", "core.editor", "diff.secret.textconv", "filter.secret.clean"] {
        world.git(["config", key, &spy]);
    }
    world.write(".gitattributes", "* -text filter=secret diff=secret\n");
    let editor = world.editor(&spy);
    let _ = world.secret_with(["doctor"], "", &[("EDITOR", &editor), ("VISUAL", &editor)]);
    assert!(!spied.exists());
}
