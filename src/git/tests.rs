//! What git knows, compared with what the git program was told.

use std::fs as std_fs;
use std::os::unix::fs::symlink;

use super::fixture::World;
use super::*;

const LIMIT: usize = 1 << 20;

fn text(file: Option<Zeroizing<Vec<u8>>>) -> Option<String> {
    file.map(|bytes| String::from_utf8(bytes.to_vec()).expect("UTF-8"))
}

fn head(repository: &Repository, path: &str) -> Option<String> {
    text(repository.head_file(Path::new(path), LIMIT).expect("HEAD is readable"))
}

fn index(repository: &Repository, path: &str) -> Option<String> {
    text(repository.index_file(Path::new(path), LIMIT).expect("the index is readable"))
}

fn paths(repository: &Repository) -> Vec<String> {
    let files = repository.index_files().expect("the index is readable");
    files.into_iter().map(|file| file.path.into_os_string().into_string().expect("UTF-8")).collect()
}

#[test]
fn a_repository_is_found_from_every_folder_in_it() {
    let world = World::new();
    std_fs::create_dir_all(world.path("a/b c")).expect("folders");
    for folder in ["", "a", "a/b c"] {
        assert_eq!(world.open(folder).root(), world.root());
    }
}

#[test]
fn outside_of_git_there_is_no_repository() {
    let world = World::new();
    let outside = world.root().parent().expect("a folder");
    assert!(Repository::discover(outside).expect("nothing is wrong").is_none());
    std_fs::create_dir_all(outside.join("other/.git")).expect("a folder that git passes by");
    assert!(Repository::discover(&outside.join("other")).expect("nothing is wrong").is_none());
}

#[test]
fn a_bare_repository_is_refused_also_one_that_was_committed_as_files() {
    let world = World::new();
    world.git(&["init", "--quiet", "--bare", "embedded"]);
    // So it would pass for a repository with a work tree of the attacker's choice.
    world.git(&["--git-dir=embedded", "config", "core.bare", "false"]);
    world.git(&["--git-dir=embedded", "config", "core.worktree", ".."]);
    for folder in ["embedded", "embedded/refs", ".git", ".git/objects"] {
        let found = Repository::discover(&world.path(folder));
        assert!(matches!(found, Err(GitError::Bare { .. })), "{folder}");
    }
    world.git(&["config", "core.bare", "true"]);
    assert!(matches!(Repository::discover(world.root()), Err(GitError::Bare { .. })));
}

#[test]
fn head_and_index_are_told_apart() {
    let world = World::new();
    let empty = world.open("");
    assert_eq!((head(&empty, "a b/c"), index(&empty, "a b/c"), paths(&empty).len()), (None, None, 0));
    world.commit(&[("a b/c", "committed"), ("d", "d")]);
    world.write("a b/c", "staged");
    world.git(&["add", "."]);
    world.write("a b/c", "in the work tree");
    world.git(&["rm", "--quiet", "--cached", "d"]);
    let repository = world.open("");
    assert_eq!(head(&repository, "a b/c").as_deref(), Some("committed"));
    assert_eq!(index(&repository, "a b/c").as_deref(), Some("staged"));
    assert_eq!((head(&repository, "d").as_deref(), index(&repository, "d")), (Some("d"), None));
    for path in ["none", "a b/none", "d/deeper"] {
        assert_eq!((head(&repository, path), index(&repository, path)), (None, None), "{path}");
    }
    assert_eq!(paths(&repository), ["a b/c"]);
}

#[test]
fn what_is_no_file_is_an_error() {
    let world = World::new();
    world.write("folder/file", "x");
    symlink("folder/file", world.path("link")).expect("a link");
    world.git(&["add", "."]);
    world.git(&["commit", "--quiet", "--message", "x"]);
    let repository = world.open("");
    for (path, kind) in [("link", EntryKind::Symlink), ("folder", EntryKind::Folder), ("", EntryKind::Folder)] {
        let found = repository.head_file(Path::new(path), LIMIT);
        assert!(matches!(found, Err(GitError::NotFile { kind: found, .. }) if found == kind), "{path}");
    }
    let indexed = repository.index_file(Path::new("link"), LIMIT);
    assert!(matches!(indexed, Err(GitError::NotFile { kind: EntryKind::Symlink, .. })));
    let kinds: Vec<_> = repository.index_files().expect("an index").iter().map(|file| file.kind).collect();
    assert_eq!(kinds, [EntryKind::File, EntryKind::Symlink]);
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    let world = World::new();
    world.commit(&[("file", "12345")]);
    let repository = world.open("");
    assert!(repository.head_file(Path::new("file"), 5).is_ok());
    assert!(matches!(repository.head_file(Path::new("file"), 4), Err(GitError::TooLarge { limit: 4, .. })));
}

#[test]
fn an_undecided_merge_is_visible_and_has_no_file_in_the_index() {
    let world = World::new();
    world.commit(&[("file", "base"), ("other", "x")]);
    world.git(&["checkout", "--quiet", "-b", "theirs"]);
    world.commit(&[("file", "theirs")]);
    world.git(&["checkout", "--quiet", "main"]);
    world.commit(&[("file", "ours")]);
    assert!(!world.try_git(&["merge", "--quiet", "theirs"]));
    let repository = world.open("");
    assert_eq!(index(&repository, "file"), None);
    let files = repository.index_files().expect("an index");
    let conflicted: Vec<_> = files.iter().map(|file| (file.path.to_str(), file.is_conflicted)).collect();
    assert_eq!(conflicted, [(Some("file"), true), (Some("other"), false)]);
}

#[test]
fn an_announced_file_is_not_in_the_index() {
    let world = World::new();
    world.write("new", "plaintext");
    world.git(&["add", "--intent-to-add", "new"]);
    let repository = world.open("");
    assert_eq!((index(&repository, "new"), paths(&repository).len()), (None, 0));
}

#[test]
fn index_version_4_is_read() {
    let world = World::new();
    world.commit(&[("secrets/a", "a"), ("secrets/b c", "b")]);
    world.git(&["update-index", "--index-version", "4"]);
    let repository = world.open("");
    assert_eq!(paths(&repository), ["secrets/a", "secrets/b c"]);
    assert_eq!(index(&repository, "secrets/b c").as_deref(), Some("b"));
}

#[test]
fn another_index_file_is_read_instead() {
    let world = World::new();
    world.commit(&[("file", "old")]);
    std_fs::copy(world.path(".git/index"), world.path("other-index")).expect("a copy");
    world.commit(&[("file", "new")]);
    let repository = world.open("").with_index_file(world.path("other-index"));
    assert_eq!(index(&repository, "file").as_deref(), Some("old"));
}

#[test]
fn a_linked_work_tree_has_a_root_head_and_index_of_its_own() {
    let world = World::new();
    world.commit(&[("file", "main")]);
    world.git(&["worktree", "add", "--quiet", "-b", "linked", "../linked tree"]);
    let linked = world.beside("linked tree");
    std_fs::write(linked.join("file"), "linked").expect("a file");
    world.git_in(&linked, &["commit", "--quiet", "--all", "--message", "x"]);
    let repository = Repository::discover(&linked).expect("nothing is wrong").expect("a repository");
    assert_eq!(repository.root(), linked);
    assert_eq!(repository.relative(&linked.join("file")).expect("inside"), Path::new("file"));
    assert_eq!(
        (head(&repository, "file").as_deref(), index(&repository, "file").as_deref()),
        (Some("linked"), Some("linked"))
    );
    assert_eq!(head(&world.open(""), "file").as_deref(), Some("main"));
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let (outer, inner) = (World::new(), World::new());
    inner.commit(&[("file", "inner")]);
    let url = inner.root().to_str().expect("UTF-8");
    outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, "sub module"]);
    let repository = outer.open("sub module");
    assert_eq!(repository.root(), outer.path("sub module"));
    assert_eq!(head(&repository, "file").as_deref(), Some("inner"));
    let files = outer.open("").index_files().expect("an index");
    let submodule = files.iter().find(|file| file.path == Path::new("sub module")).expect("it is listed");
    assert_eq!(submodule.kind, EntryKind::Submodule);
}

#[test]
fn paths_are_relative_to_the_root_and_links_in_the_work_tree_are_not_followed() {
    let world = World::new();
    world.write("secrets/prod/db", "x");
    symlink("secrets/prod", world.path("link")).expect("a link");
    symlink(".", world.path("self")).expect("a link");
    symlink(world.root(), world.beside("to-root")).expect("a link");
    symlink(world.path("secrets"), world.beside("to-secrets")).expect("a link");
    let repository = world.open("");
    let cases = [
        (world.path("secrets/prod/db"), "secrets/prod/db"),
        (world.path("secrets/./new/file"), "secrets/new/file"),
        (world.path("link/db"), "link/db"),
        (world.path("self/secrets/prod/db"), "self/secrets/prod/db"),
        (world.path("link/../prod/db"), "secrets/prod/db"),
        (world.beside("to-root/secrets/prod/db"), "secrets/prod/db"),
        (world.beside("to-root/link/db"), "link/db"),
        (world.beside("to-secrets/db"), "secrets/db"),
        (world.root().to_path_buf(), ""),
    ];
    for (path, relative) in cases {
        assert_eq!(repository.relative(&path).expect("inside"), Path::new(relative), "{}", path.display());
    }
    for path in [world.beside("x"), world.path("../x"), PathBuf::from("/"), world.beside("repository-2/x")] {
        assert!(repository.relative(&path).is_err(), "{}", path.display());
    }
}

#[test]
fn ignored_paths_are_known() {
    let world = World::new();
    world.write(".gitignore", "*.plain\n/build/\n");
    let repository = world.open("");
    let ignored = |path: &str| repository.is_ignored(Path::new(path)).expect("rules");
    assert_eq!(["a/x.plain", "build/x", "x.yaml"].map(ignored), [true, true, false]);
}

#[test]
fn formats_that_libgit2_does_not_know_are_named() {
    let unsupported = |error: Option<GitError>| match error {
        Some(GitError::Unsupported { what, .. }) => Some(what),
        _ => None,
    };
    let read = |settings: &str| {
        let world = World::new();
        let written = std_fs::read_to_string(world.path(".git/config")).expect("a configuration");
        world.write(".git/config", &written.replace("repositoryformatversion = 0\n", settings));
        let found = Repository::discover(world.root()).map(|found| found.expect("a repository"));
        unsupported(found.and_then(|found| found.head()).err())
    };
    let extension = |setting: &str| format!("repositoryformatversion = 1\n[extensions]\n{setting}\n[core]\n");
    assert_eq!(read(&extension("objectFormat = sha256")), Some(Unsupported::ObjectFormat));
    assert_eq!(read(&extension("refStorage = reftable")), Some(Unsupported::References));
    assert_eq!(read(&extension("unheardOf = true")), Some(Unsupported::Extension));
    assert_eq!(read("repositoryformatversion = 9\n"), Some(Unsupported::Extension));
    for arguments in OTHER_INDEXES {
        let world = World::new();
        world.commit(&[("a/file", "x"), ("b/file", "x")]);
        world.git(arguments);
        let repository = world.open("");
        assert_eq!(head(&repository, "a/file").as_deref(), Some("x"));
        assert_eq!(unsupported(repository.index_files().err()), Some(Unsupported::Index));
    }
}

const OTHER_INDEXES: [&[&str]; 2] =
    [&["update-index", "--split-index"], &["sparse-checkout", "set", "--cone", "--sparse-index", "a"]];

/// An environment with git in it, and a home without settings.
fn programs(world: &World) -> Env {
    let variables =
        [("PATH", std::env::var_os("PATH").expect("there is git")), ("HOME", world.beside("home").into_os_string())];
    let variables = variables.into_iter().map(|(name, value)| (name.into(), value));
    Env::new(world.root().to_path_buf(), jiff::civil::date(2026, 1, 1), variables)
}

/// Does the same in any repository, and says what was read of it.
fn read_all(world: &World) -> Vec<String> {
    let repository = world.open("").with_programs(&programs(world));
    let head_id = repository.head().expect("HEAD").expect("a commit");
    let named = |name: &str| repository.commit_named(name).map_err(|error| error.to_string());
    let first = named("HEAD~2").expect("a commit");
    let tree = |id: ObjectId| repository.commit(id).expect("a commit").tree;
    let changed = repository.changed(&[tree(first)], tree(head_id), |_, _| true).expect("trees");
    let staged = repository.changed_in_index(Some(head_id)).expect("an index");
    let ids: Vec<ObjectId> = staged.iter().filter_map(|changed| Some(changed.new?.1)).collect();
    let contents = repository
        .each_content(&ids, LIMIT, |_, content| text(Some(content.expect("a content"))).expect("text"))
        .expect("a store");
    let past = repository.history([Path::new("a/file")]).expect("a history").count();
    let spelled =
        |changed: &Changed| format!("{:?} {:?}", String::from_utf8_lossy(&changed.path), changed.new.map(|new| new.0));
    let mut said: Vec<String> = changed.iter().chain(&staged).map(spelled).collect();
    said.extend(contents);
    said.push(format!(
        "{past} {} {}",
        repository.range(first, head_id).expect("a range").len(),
        repository.is_shallow()
    ));
    said.push(format!("{:?} {:?}", head(&repository, "a/file"), index(&repository, "b/new\nline")));
    said.push(format!("{:?}", repository.merge_base(first, head_id).expect("a base") == Some(first)));
    said.push(format!("{:?}", paths(&repository)));
    said.push(format!("{:?}", named("no such").is_err() && named("--all").is_err() && named("HEAD:a/file").is_err()));
    said.push(format!("{:?}", ["x.plain", "x"].map(|path| repository.is_ignored(Path::new(path)).expect("rules"))));
    said
}

/// Three commits, and something staged.
fn fill(world: &World) {
    world.commit(&[("a/file", "1"), ("b/file", "x"), (".gitignore", "*.plain\n")]);
    world.commit(&[("a/file", "2"), ("b/- \u{e4}", "x")]);
    world.git(&["rm", "--quiet", "b/file"]);
    world.commit(&[("a/file", "3")]);
    world.write("a/file", "4");
    world.write("b/new\nline", "text");
    world.git(&["add", "--all"]);
}

#[test]
fn formats_that_libgit2_does_not_know_are_read_by_git_with_the_same_result() {
    let usual = World::new();
    fill(&usual);
    let expected = read_all(&usual);
    assert!(expected.contains(&"3 2 false".to_owned()), "{expected:#?}");
    for format in ["--object-format=sha256", "--ref-format=reftable"] {
        let world = World::with_format(format);
        fill(&world);
        assert_eq!(read_all(&world), expected, "{format}");
    }
    for arguments in OTHER_INDEXES {
        let world = World::new();
        fill(&world);
        world.git(arguments);
        assert_eq!(read_all(&world), expected, "{arguments:?}");
    }
}

#[test]
fn git_that_reads_for_us_runs_no_program_and_no_git_of_the_repository() {
    let world = World::with_format("--object-format=sha256");
    fill(&world);
    let canary = world.beside("canary");
    for key in PROGRAMS {
        world.git(&["config", key, &format!("touch '{}'", canary.display())]);
    }
    world.write("bin/git", &format!("#!/bin/sh\ntouch '{}'\n", canary.display()));
    std_fs::set_permissions(world.path("bin/git"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("a mode");
    read_all(&world);
    let path = world.path("bin").into_os_string();
    let env = Env::new(world.root().to_path_buf(), jiff::civil::date(2026, 1, 1), [("PATH".into(), path)]);
    let found = world.open("").with_programs(&env).head();
    assert!(matches!(found, Err(GitError::NoProgram { .. })), "{found:?}");
    assert!(!canary.exists());
}

#[test]
fn a_file_that_a_partial_clone_lacks_is_named_and_not_fetched() {
    let world = World::new();
    world.commit(&[("file", "old")]);
    world.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", world.root().display());
    world.git(&["clone", "--quiet", "--no-checkout", "--filter=blob:none", &url, "../clone"]);
    let clone = Repository::discover(&world.beside("clone")).expect("nothing is wrong").expect("a repository");
    let found = clone.head_file(Path::new("file"), LIMIT);
    assert!(matches!(found, Err(GitError::Unsupported { what: Unsupported::PartialClone, .. })));
}

#[test]
fn a_missing_object_is_an_error_and_not_a_missing_file() {
    let world = World::new();
    world.commit(&[("folder/file", "x")]);
    let id = world.said(&["rev-parse", "HEAD:folder/file"]);
    std_fs::remove_file(world.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))).expect("an object");
    let found = world.open("").head_file(Path::new("folder/file"), LIMIT);
    assert!(matches!(found, Err(GitError::MissingObject { .. })));
}

#[test]
fn a_repository_of_another_user_is_refused() {
    const CHILD: &str = "SECRET_TEST_OWNER";
    if let Some(folder) = std::env::var_os(CHILD) {
        let found = Repository::discover(Path::new(&folder));
        assert!(matches!(found, Err(GitError::ForeignOwned { .. })), "{:?}", found.err());
    } else if rustix::process::geteuid().is_root() {
        // Only root can give files away. In a process of its own, as libgit2 reads `safe.directory` from the home.
        let world = World::new();
        for path in ["", ".git"] {
            std::os::unix::fs::chown(world.path(path), Some(1234), Some(1234)).expect("root may");
        }
        let child = std::process::Command::new(std::env::current_exe().expect("this program"))
            .args(["git::tests::a_repository_of_another_user_is_refused", "--exact"])
            .env(CHILD, world.root())
            .env("HOME", world.beside("home"))
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .expect("the test runs");
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("1 passed"), "{said}");
    }
}

#[test]
fn no_program_that_the_configuration_names_is_run() {
    let world = World::new();
    world.write(".gitattributes", "* filter=spy diff=spy merge=spy\n");
    world.commit(&[("file", "x"), ("folder/file", "y")]);
    let canary = world.beside("canary");
    let spy = format!("touch '{}'", canary.display());
    for key in PROGRAMS {
        world.git(&["config", key, &spy]);
    }
    let repository = world.open("folder");
    head(&repository, "file");
    index(&repository, "file");
    paths(&repository);
    repository.is_ignored(Path::new("file")).expect("rules");
    assert_eq!(repository.history([Path::new("file")]).expect("a history").count(), 1);
    assert!(!canary.exists());
}

/// Settings that name programs.
const PROGRAMS: [&str; 17] = [
    "core.fsmonitor",
    "core.hooksPath",
    "core.pager",
    "core.editor",
    "core.sshCommand",
    "core.askPass",
    "filter.spy.clean",
    "filter.spy.smudge",
    "filter.spy.process",
    "diff.spy.textconv",
    "diff.spy.command",
    "diff.external",
    "merge.spy.driver",
    "credential.helper",
    "gpg.program",
    "alias.status",
    "uploadpack.packObjectsHook",
];
