//! What starts a plugin: the user's own settings, and nothing in a repository.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::{FILE, KEY, Plugged, WRAPPING, install, recipient};
use crate::world::{DB, World};

#[test]
fn what_is_no_use_of_the_key_starts_nothing() {
    let world = Plugged::new().with_file();
    world.started();
    for command in [
        vec!["who", FILE],
        vec!["info", FILE],
        vec!["ls"],
        vec!["ls", FILE],
        vec!["whoami"],
        vec!["init"],
        vec!["rekey", "--check"],
        vec!["rekey", "--dry-run"],
        vec!["member", "list"],
        vec!["decrypt", FILE],
        vec!["get", FILE, "db.user"],
        vec!["meta", FILE, "--owner", "alice"],
        vec!["unset", FILE, "db.port"],
        vec!["mv", FILE, "secrets/moved.yaml"],
        vec!["member", "add", "other", &recipient("other", &KEY)],
    ] {
        world.run(&command, "").success();
        assert_eq!(world.started(), Vec::<String>::new(), "{command:?}");
    }
}

#[test]
fn without_being_allowed_a_plugin_is_not_started_and_the_error_says_what_to_do() {
    let world = Plugged::installed(World::new()).with_member();
    let not_allowed = "the age plugin toy is not allowed: only your own settings can have it started";
    let hint = "hint: if you trust it, write `toy = true` under [plugins] in [WORLD]/home/.config/secret/config.toml";
    world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {not_allowed}\n{hint}"));
    for text in ["", "[plugins]\n", "[plugins]\nyubikey = true\n"] {
        world.configure(text);
        world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {not_allowed}\n{hint}"));
    }
    assert_eq!(world.started(), Vec::<String>::new());

    world.allow("toy = true");
    world.run(&["encrypt", FILE], "").success();
    world.started();
    fs::remove_file(world.settings()).expect("it is there");
    world.refuses_with_toy("", 4, &format!("error: cannot open {FILE}: {not_allowed}\n{hint}"));
    assert_eq!(world.run(&["decrypt", FILE], "").success().stdout, DB, "alice needs no plugin");
    assert_eq!(world.started(), Vec::<String>::new());
}

#[test]
fn a_name_with_a_point_is_quoted_in_the_hint() {
    let world = Plugged::installed(World::new());
    world.0.secret(["member", "add", "token", &recipient("a.b", &KEY), "--group", "team"]).success();
    world.0.write(FILE, DB);
    world.0.commit("token");
    let outcome = world.run(&["encrypt", FILE], "");
    assert!(outcome.stderr.contains("write `\"a.b\" = true` under [plugins]"), "{outcome:?}");
    world.allow("\"a.b\" = true");
    install(&world.0.home().join("bin/age-plugin-a.b"));
    world.run(&["encrypt", FILE], "").success();
}

#[test]
fn settings_with_a_mistake_start_nothing_and_name_the_line() {
    let world = Plugged::new().with_member();
    let file = "[WORLD]/home/.config/secret/config.toml";
    let write = "hint: write `NAME = true`, or `NAME = \"/absolute/path\"`, under [plugins]";
    for (text, error) in [
        (
            "# mine\nplugin = true\n",
            format!("{file}:2: unknown key \"plugin\": there is only the table [plugins]\n{write}"),
        ),
        (
            "[plugins]\ntoy = 1\n",
            format!("{file}:2: the plugin toy is neither `true` nor the path of a program\n{write}"),
        ),
        (
            "[plugins]\ntoy = true\n\"../toy\" = true\n",
            format!("{file}:3: \"../toy\" is no name of an age plugin\n{write}"),
        ),
        (
            "[plugins]\ntoy = \"bin/age-plugin-toy\"\n",
            format!("{file}:2: the program of the plugin toy is not given by an absolute path\n{write}"),
        ),
    ] {
        world.configure(text);
        world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {error}"));
    }
    for text in ["[plugins]\ntoy = true\ntoy = true\n", "[plugins\n", "\u{0}", "toy"] {
        world.configure(text);
        assert_eq!(world.run(&["encrypt", FILE], "").code, 1, "{text}");
    }
    fs::write(world.settings(), b"[plugins]\ntoy = true # \xff\n").expect("a file");
    world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {file}: not UTF-8 text"));
    world.configure(&format!("[plugins]\ntoy = true\n#{}\n", "x".repeat(70_000)));
    world.refuses(&["encrypt", FILE], "", 1, &format!("error: {FILE}: {file}: {file} is larger than 65536 bytes"));
    assert_eq!(world.started(), Vec::<String>::new());
}

#[test]
fn the_settings_that_the_guide_shows_are_sound() {
    let world = Plugged::new().with_member();
    let guide = include_str!("../../../docs/plugins.md");
    let shown = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block");
    world.configure(&format!("{shown}toy = true\n"));
    world.run(&["encrypt", FILE], "").success();
    assert_eq!(world.started(), [WRAPPING]);
}

#[test]
fn settings_that_others_can_write_are_refused() {
    let world = Plugged::new().with_member();
    for mode in [0o666, 0o664, 0o602] {
        fs::set_permissions(world.settings(), PermissionsExt::from_mode(mode)).expect("a mode");
        world.refuses(
            &["encrypt", FILE],
            "",
            1,
            "error: secrets/db.yaml: [WORLD]/home/.config/secret/config.toml: \
             [WORLD]/home/.config/secret/config.toml can be changed by other users\n\
             hint: look at what stands there, and run `chmod go-w [WORLD]/home/.config/secret/config.toml`",
        );
    }
    assert_eq!(world.started(), Vec::<String>::new());
}

/// A checkout whose folder is the home, as some CI systems have it, or a variable that leads into it.
#[test]
fn settings_in_the_repository_are_refused() {
    let world = Plugged::installed(World::new()).with_member();
    let allowed = "[plugins]\ntoy = true\n";
    world.0.write("home/.config/secret/config.toml", allowed);
    world.0.write(".config/secret/config.toml", allowed);
    world.0.write("config/secret/config.toml", allowed);
    let repo = world.0.repo().display().to_string();
    let link = world.0.home().join("link");
    symlink(&repo, &link).expect("a link");
    for (variable, folder) in [
        ("HOME", repo.clone()),
        ("HOME", format!("{repo}/home")),
        ("XDG_CONFIG_HOME", format!("{repo}/config")),
        ("XDG_CONFIG_HOME", format!("{}/config", link.display())),
        ("XDG_CONFIG_HOME", format!("{}/../repo/config", link.display())),
    ] {
        let variables = [&world.variables("")[..], &[(variable, folder.as_str())]].concat();
        let outcome = world.0.secret_with(["encrypt", FILE], "", &variables);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        assert!(
            outcome.stderr.contains("stands in the repository, and a repository has no say in which programs run"),
            "{outcome:?}"
        );
        let inside = world.path_in("secrets");
        let mut command = world.0.command(Path::new(env!("CARGO_BIN_EXE_secret")));
        command.current_dir(inside).envs(variables).args(["encrypt", "db.yaml"]);
        assert_eq!(command.output().expect("it runs").status.code(), Some(1), "also from a folder below");
    }
    assert_eq!(world.started(), Vec::<String>::new());
}

#[test]
fn a_program_is_taken_from_absolute_folders_outside_of_the_repository_only() {
    let world = Plugged::installed(World::new()).with_member();
    fs::remove_file(world.0.home().join("bin/age-plugin-toy")).expect("it is there");
    for folder in ["", "bin", "secrets"] {
        install(&world.0.path(folder).join("age-plugin-toy"));
    }
    world.allow("toy = true");
    let system = std::env::var("PATH").unwrap_or_default();
    let repo = world.0.repo().display().to_string();
    let not_found = "cannot start the age plugin toy: program age-plugin-toy not found";
    let inside = "stands in the repository, and nothing in a repository is run";
    symlink(world.0.path("bin"), world.0.home().join("bin2")).expect("a link");
    let linked = world.0.home().join("bin2").display().to_string();
    for (path, error) in [
        (format!("{system}:."), not_found),
        (format!(".:{system}"), not_found),
        (format!(":{system}:"), not_found),
        (format!("bin:{system}"), not_found),
        (format!("./bin:../repo/bin:{system}"), not_found),
        (format!("{repo}:{system}"), inside),
        (format!("{repo}/bin:{system}"), inside),
        (format!("{repo}/secrets/../bin:{system}"), inside),
        (format!("{linked}:{system}"), inside),
    ] {
        let variables = [&world.variables("")[..], &[("PATH", path.as_str())]].concat();
        let outcome = world.0.secret_with(["encrypt", FILE], "", &variables);
        assert!(outcome.code == 1 && outcome.stderr.contains(error), "{path}: {outcome:?}");
    }
    for program in [format!("{repo}/bin/age-plugin-toy"), format!("{linked}/age-plugin-toy")] {
        world.allow(&format!("toy = {program:?}"));
        let outcome = world.run(&["encrypt", FILE], "");
        assert!(outcome.code == 1 && outcome.stderr.contains(inside), "{program}: {outcome:?}");
    }
    assert_eq!(world.started(), Vec::<String>::new());

    install(&world.0.home().join("opt/plugin"));
    world.allow(&format!("toy = {:?}", world.0.home().join("opt/plugin")));
    world.run(&["encrypt", FILE], "").success();
    assert_eq!(world.started(), [WRAPPING]);
}
