//! The help: complete, in order, and every example in it works as it stands there.

use std::path::Path;
use std::process::Command;

use clap::Command as Cli;

use crate::world::{DB, World};

/// Returns every command that does something, with its words: `member add`.
pub fn commands() -> Vec<(String, Cli)> {
    let mut found = Vec::new();
    let mut waiting: Vec<(String, Cli)> = secret::commands::command()
        .get_subcommands()
        .map(|command| (command.get_name().to_owned(), command.clone()))
        .collect();
    while let Some((name, command)) = waiting.pop() {
        if command.has_subcommands() {
            waiting
                .extend(command.get_subcommands().map(|inner| (format!("{name} {}", inner.get_name()), inner.clone())));
        } else {
            found.push((name, command));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// Returns the command lines in a command's help.
fn examples(command: &Cli) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines = help.strip_prefix("Examples:\n").unwrap_or_default();
    lines.lines().map(|line| line.trim().to_owned()).collect()
}

/// The world that the examples speak of, with an editor and a random generator that answer by themselves.
fn prepared() -> World {
    let world = World::new().with_file("secrets/db.yaml", DB).with_file("secrets/app.env", "API_TOKEN=canary\n");
    let world = world.with_file("secrets/prod/db.yaml", DB);
    world.git(["tag", "v1.2"]);
    world.git(["update-ref", "refs/remotes/origin/main", "HEAD~1"]);
    world.write("secrets/plain.env", "A=1\n");
    world.write(".gitignore", "secrets/plain.env\n");
    world.write("changed.yaml", DB.replace("5432", "5433"));
    world.write(
        "carol.pub",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN carol@laptop\n",
    );
    world.write("key.pem", "-----BEGIN CERTIFICATE-----\n");
    // Written by another process: were they open for writing here, another test could not start them at that moment.
    let install = "mkdir \"$0\" && cd \"$0\" && ln -s \"$1\" secret && \
                   printf '#!/bin/sh\\nfor last; do :; done\\necho \"# new\" >> \"$last\"\\n' > nano && \
                   printf '#!/bin/sh\\necho 00112233\\n' > openssl && \
                   printf '#!/bin/sh\\ncat > /dev/null\\n' > can-log-in && chmod +x nano openssl can-log-in";
    let tools = world.home().join("tools");
    let installed = Command::new("sh").args(["-c", install]).arg(tools).arg(env!("CARGO_BIN_EXE_secret")).status();
    assert!(installed.expect("a shell").success());
    world
}

/// Has carol ask, or be there already, and bob be in a group, where examples are about that.
fn arrive(world: &World, command: &str) {
    let commands: &[&[&str]] = match command {
        "approve" => &[&["request", "carol", "--from", "carol.pub"]],
        "group remove" => &[
            &["member", "add", "bob", "--from", "carol.pub", "--group", "payments"],
            &["group", "add", "payments", "alice"],
        ],
        "member expires" => &[&["member", "add", "carol", "--from", "carol.pub"]],
        _ => &[],
    };
    for command in commands {
        world.secret(*command).success();
    }
}

/// Runs a line as somebody would type it.
fn run(world: &World, line: &str) -> std::process::Output {
    let path = format!("{}:{}", world.home().join("tools").display(), std::env::var("PATH").expect("a PATH"));
    world.command(Path::new("sh")).args(["-c", line]).env("PATH", path).env("EDITOR", "nano").output().expect("a shell")
}

#[test]
fn every_command_has_examples_that_begin_with_itself() {
    for (name, command) in commands() {
        let examples = examples(&command);
        assert!(!examples.is_empty(), "{name} has no examples");
        for example in examples {
            assert!(example.contains(&format!("secret {name}")), "{name}: {example}");
        }
    }
}

#[test]
fn every_example_works() {
    let prepared = prepared();
    for (name, command) in commands() {
        for example in examples(&command) {
            let world = prepared.copy();
            let world = if name == "resolve" { world.with_conflict() } else { world };
            if ["access", "compromised", "member remove", "offboard"].contains(&name.as_str()) {
                let _ = world.secret(["member", "add", "bob", BOB, "--group", "team"]).success();
                let _ = world.secret(["rekey", "--add", "bob"]).success();
                world.commit("bob reads, too");
            }
            if name == "owners" {
                world.write(".github/CODEOWNERS", "* @acme/platform\n");
            }
            arrive(&world, &name);
            let output = run(&world, &example);
            assert!(
                output.status.success(),
                "{example}\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn subcommands_are_sorted_by_name() {
    let sorted = |command: &Cli| command.get_subcommands().map(Cli::get_name).is_sorted();
    let top = secret::commands::command();
    assert!(sorted(&top));
    assert!(top.get_subcommands().all(sorted));
}

#[test]
fn every_argument_and_command_is_explained_in_the_same_style() {
    for (name, command) in commands() {
        let about = command.get_about().expect("a command says what it does").to_string();
        assert!(!about.ends_with('.') && about.starts_with(char::is_uppercase), "{name}: {about}");
        for argument in command.get_arguments() {
            let help =
                argument.get_help().unwrap_or_else(|| panic!("{name}: {} has no help", argument.get_id())).to_string();
            assert!(
                !help.ends_with('.') && help.starts_with(char::is_uppercase),
                "{name}: {}: {help}",
                argument.get_id()
            );
        }
    }
}

#[test]
fn help_goes_to_stdout_and_fits_a_terminal() {
    let world = World::empty();
    for (name, _) in commands() {
        let words: Vec<&str> = name.split(' ').chain(["--help"]).collect();
        let outcome = world.secret(words).success();
        assert_eq!(outcome.stderr, "");
        for line in outcome.stdout.lines().filter(|line| !line.contains("age1")) {
            assert!(line.chars().count() <= 100, "{name}: {line}");
        }
    }
    assert_eq!(world.secret(["--version"]).success().stdout, concat!("secret ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// The recipient of the examples.
const BOB: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
