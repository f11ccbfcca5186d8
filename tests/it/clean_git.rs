//! Whatever a user does with git, no plaintext gets below `.git`: not into objects, not into the files around them.
//! Each workflow runs in a repository of its own that `secret git install` has set up, as somebody who can read.

use std::fs;
use std::path::{Path, PathBuf};

use crate::canary::Canaries;
use crate::world::{World, run};

/// What git shows to somebody who can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// Values.
    Plaintext,
    /// None: it prints ciphertext, or nothing of the content.
    NoValue,
}
use Shows::{NoValue, Plaintext};

/// A name, what is shown, and the commands. `put KEY VALUE` sets a value, `both` changes the password on two branches,
/// `apart` changes two values on two branches; `$NEW` and `$THEIRS` are values.
const WORKFLOWS: [(&str, Shows, &str); 50] = [
    ("diff", Plaintext, "put db.password $NEW; git diff"),
    ("diff --cached", Plaintext, "put db.password $NEW; git add .; git diff --cached"),
    ("diff of words", Plaintext, "put db.password $NEW; git diff --word-diff"),
    ("diff --ext-diff", Plaintext, "put db.password $NEW; git diff --ext-diff HEAD"),
    ("diff of commits", Plaintext, "git diff HEAD~1 HEAD"),
    ("diff in a pager", Plaintext, "put db.password $NEW; GIT_PAGER='sed p' git --paginate diff"),
    ("diff by an alias", Plaintext, "put db.password $NEW; git config alias.d diff; git d"),
    ("diff --no-textconv", NoValue, "put db.password $NEW; git diff --no-textconv"),
    (
        "diff --binary",
        NoValue,
        "put db.password $NEW; git diff --binary --no-textconv > ../patch; git apply -R ../patch",
    ),
    ("log -p", Plaintext, "git log -p"),
    ("log -S", Plaintext, "git log -S\"$OLD\" -p --all"),
    ("log -G", Plaintext, "git log -G\"$OLD\" -p"),
    ("log -L", NoValue, "git log -L1,3:secrets/db.yaml"),
    ("show", Plaintext, "git show"),
    ("show --textconv", Plaintext, "git show --textconv HEAD:secrets/db.yaml"),
    ("show of a blob", NoValue, "git show HEAD:secrets/db.yaml"),
    ("cat-file --textconv", Plaintext, "git cat-file --textconv HEAD:secrets/db.yaml"),
    ("cat-file --filters", NoValue, "git cat-file --filters HEAD:secrets/db.yaml"),
    ("blame", Plaintext, "git blame secrets/db.yaml"),
    ("annotate", Plaintext, "git annotate secrets/db.yaml"),
    ("grep --textconv", Plaintext, "git grep --textconv \"$OLD\" HEAD"),
    ("grep", NoValue, "git grep --cached secret-v1 > /dev/null"),
    ("whatchanged", Plaintext, "git log --raw -p --no-merges"),
    ("reflog -p", Plaintext, "put db.password $NEW; git commit -qam x; git reflog -p"),
    (
        "range-diff",
        NoValue,
        "put db.password $NEW; git commit -qam x; git commit -q --amend -m y; git range-diff HEAD~2 HEAD@{1} HEAD > /dev/null",
    ),
    (
        "format-patch and am",
        NoValue,
        "put db.password $NEW; git commit -qam x; git format-patch -q -o ../patches HEAD~1; git reset -q --hard HEAD~1; git am -q ../patches/*",
    ),
    ("archive", NoValue, "git archive --output=../all.tar HEAD"),
    ("bundle", NoValue, "git bundle create --quiet ../all.bundle --all; git clone -q ../all.bundle ../unbundled"),
    ("stash", NoValue, "put db.password $NEW; git stash -q; git stash pop -q"),
    ("stash show -p", NoValue, "put db.password $NEW; git stash -q; git stash show -p"),
    ("stash -p", NoValue, "put db.password $NEW; yes | git stash -p > /dev/null; git stash pop -q"),
    ("stash --include-untracked", NoValue, "cp secrets/db.yaml secrets/copy.yaml; git stash -q -u; git stash apply -q"),
    ("add -p", NoValue, "put db.password $NEW; yes | git add -p > /dev/null; git commit -qm x"),
    ("commit -p", NoValue, "put db.password $NEW; yes | git commit -p -m x > /dev/null"),
    ("commit -a", NoValue, "put db.password $NEW; git commit -qam x; git commit -q --amend --no-edit"),
    ("commit --verbose", NoValue, "put db.password $NEW; GIT_EDITOR='sed -i 1ix' git commit -q -a --verbose --verbose"),
    (
        "commit.verbose",
        NoValue,
        "git config commit.verbose true; put db.password $NEW; GIT_EDITOR='sed -i 1ix' git commit -q -a; GIT_EDITOR='sed -i 1iy' git commit -q --amend",
    ),
    ("commit that is given up", NoValue, "put db.password $NEW; GIT_EDITOR=false git commit -q -a -v || true"),
    ("merge", NoValue, "apart; git merge -q --no-edit side"),
    (
        "merge with a conflict",
        NoValue,
        "both; git merge -q side || true; git diff --no-textconv --check > /dev/null || true",
    ),
    (
        "diff of a conflict",
        Plaintext,
        "both; git merge -q side || true; git diff --ours; git checkout --theirs secrets/db.yaml; git add .; git commit -qm x",
    ),
    (
        "resolve",
        NoValue,
        "both; git merge -q side || true; secret resolve --quiet secrets/db.yaml --all-theirs; git commit -qam merged",
    ),
    (
        "rerere",
        NoValue,
        "git config rerere.enabled true; both; git merge -q side || true; secret resolve --quiet secrets/db.yaml --all-theirs; git commit -qam merged; git reset -q --hard HEAD~1; git merge -q side || true; git rerere diff",
    ),
    ("rebase", NoValue, "apart; git rebase -q side"),
    (
        "rebase with a conflict",
        NoValue,
        "both; git rebase -q side || true; git checkout -q --theirs secrets/db.yaml; git add .; GIT_EDITOR=true git rebase --continue > /dev/null",
    ),
    (
        "rebase -i with an edit",
        NoValue,
        "apart; GIT_SEQUENCE_EDITOR='sed -i s/^pick/edit/' git rebase -q -i HEAD~1 2> /dev/null; git config commit.verbose true; GIT_EDITOR='sed -i 1ix' git commit -q --amend; git rebase --continue > /dev/null 2>&1",
    ),
    ("cherry-pick", NoValue, "apart; git cherry-pick side > /dev/null"),
    ("revert", NoValue, "git config commit.verbose true; GIT_EDITOR='sed -i 1ix' git revert -e HEAD > /dev/null"),
    (
        "worktree",
        Plaintext,
        "git worktree add -q ../other -b other; cd ../other; put db.password $NEW; git diff; git commit -qam x",
    ),
    (
        "gc, repack and fsck",
        NoValue,
        "put db.password $NEW; git commit -qam x; git gc -q --aggressive --prune=now; git fsck --full 2> /dev/null; git repack -qad",
    ),
];

const PRELUDE: &str = r#"
set -eu
put() { printf '%s' "$2" | secret set --quiet secrets/db.yaml "$1" --stdin; }
change() { git checkout -q "$1"; put "$2" "$3"; git commit -qam "$2 on $1"; }
both() { git branch side; change side db.password "$THEIRS"; change main db.password "$NEW"; }
apart() { git branch side; change side db.host "$THEIRS"; change main db.password "$NEW"; }
"#;

#[test]
fn no_workflow_brings_plaintext_into_git() {
    let mut canaries = Canaries::default();
    let values = ["OLD", "NEW", "THEIRS"].map(|name| (name, canaries.plant(&name.to_lowercase())));
    let world = World::with_db();
    let folder = Path::new(env!("CARGO_BIN_EXE_secret")).parent().expect("it has a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").expect("there is one"));
    let shell = |world: &World, script: &str| {
        let mut command = world.command(Path::new("sh"));
        command.env("PATH", &path).envs(values.clone()).env("GIT_PAGER", "cat");
        run(command.args(["-c", &format!("{PRELUDE}{script}")]), b"")
    };
    let begin = "secret git install --quiet; put db.password \"$OLD\"; git add .; git commit -qm begin
                 printf 'TOKEN=%s\\n' \"$OLD\" | secret encrypt --quiet - --path secrets/app.env
                 put db.host \"$OLD-host\"; git add .; git commit -qm more";
    let begun = shell(&world, begin);
    assert_eq!(begun.code, 0, "{begun:#?}");

    let (mut wrong, mut objects) = (Vec::new(), 0);
    for (name, shows, script) in WORKFLOWS {
        let world = world.copy();
        let outcome = shell(&world, script);
        if outcome.code != 0 {
            wrong.push(format!("{name} fails: {outcome:#?}"));
        }
        if canaries.leaks_in(outcome.stdout.as_bytes()).is_empty() == (shows == Plaintext) {
            wrong.push(format!("{name} should show {shows:?}"));
        }
        if !canaries.leaks_in(outcome.stderr.as_bytes()).is_empty() {
            wrong.push(format!("{name} says a value on stderr"));
        }
        // All of it: work trees, clones, patches, and `.git` with its objects in whatever form.
        wrong.extend(canaries.leaks_below(&world.folder()).into_iter().map(|leak| format!("{name}: {leak:?}")));
        for repository in repositories(&world.folder()) {
            let folder = repository.display().to_string();
            let content = world.git(["-C", &folder, "cat-file", "--batch-all-objects", "--batch", "--unordered"]);
            objects += content.matches("\nblob ").count() + content.matches(" blob ").count();
            let leaks = canaries.leaks_in(content.as_bytes());
            if !leaks.is_empty() {
                wrong.push(format!("{name}: an object of {folder}: {leaks:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "{}", wrong.join("\n"));
    assert!(objects > WORKFLOWS.len() * 5, "only {objects} blobs were looked at");
    println!("{} workflows, {objects} blobs, no plaintext", WORKFLOWS.len());
}

/// Returns git's folders below this one.
fn repositories(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let folders = entries.filter(|path| path.is_dir() && !path.is_symlink());
    folders
        .flat_map(|path| {
            if path.join("HEAD").exists() && path.join("objects").exists() { vec![path] } else { repositories(&path) }
        })
        .collect()
}
