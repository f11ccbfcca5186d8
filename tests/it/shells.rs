//! Completions in real shells, and manual pages by real formatters.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::world::World;

/// Runs a script in a shell in the world's repository; `None`, said aloud, where the shell is not installed.
fn shell(world: &World, program: &str, arguments: &[&str]) -> Option<String> {
    let output = world.command(Path::new(program)).args(arguments).stdin(Stdio::null()).output();
    let Ok(output) = output else {
        eprintln!("skipped: {program} is not installed");
        return None;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{program}: {stderr}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

/// Writes the script of a shell into the home folder and returns its path.
fn script(world: &World, name: &str) -> String {
    let outcome = world.secret(["completions", name]).success();
    assert!(outcome.stderr.is_empty() && outcome.stdout.len() > 1000);
    let path = world.home().join(format!("_{name}"));
    std::fs::write(&path, outcome.stdout).expect("a file");
    path.display().to_string()
}

#[test]
fn bash_completes_commands_options_and_files() {
    let world = World::with_db();
    let script = script(&world, "bash");
    // What bash does when somebody presses the tabulator behind these words.
    let complete = |words: &[&str]| {
        let line = format!(
            ". '{script}'; COMP_WORDS=({}); COMP_CWORD={}; COMP_LINE='{}'; COMP_POINT=${{#COMP_LINE}}; \
             _secret secret \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; echo \"${{COMPREPLY[*]}}\"",
            words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
            words.len() - 1,
            words.join(" "),
        );
        shell(&world, "bash", &["--norc", "-c", &line]).expect("bash is there")
    };
    assert_eq!(complete(&["secret", "doc"]), "doctor\n");
    assert_eq!(complete(&["secret", "enc"]), "encrypt\n");
    assert_eq!(complete(&["secret", "member", "a"]), "add\n");
    assert_eq!(complete(&["secret", "rekey", "--che"]), "--check\n");
    assert_eq!(complete(&["secret", "decrypt", "--output-d"]), "--output-dir\n");
    assert_eq!(complete(&["secret", "completions", "z"]), "zsh\n");
    assert_eq!(complete(&["secret", "encrypt", "-o", "secrets/d"]), "secrets/db.yaml\n");
}

#[test]
fn fish_completes_commands_and_options() {
    let world = World::with_db();
    let script = script(&world, "fish");
    let complete = |line: &str| {
        let said = shell(&world, "fish", &["--no-config", "-c", &format!("source '{script}'; complete -C '{line}'")])?;
        Some(said.lines().map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect::<Vec<_>>())
    };
    let Some(found) = complete("secret doc") else { return };
    assert_eq!(found, ["doctor"]);
    assert_eq!(complete("secret member a").expect("fish is there"), ["add"]);
    assert_eq!(complete("secret rekey --che").expect("fish is there"), ["--check"]);
}

#[test]
fn zsh_knows_every_command() {
    let world = World::with_db();
    let script = script(&world, "zsh");
    let load = format!(
        "autoload -Uz compinit && compinit -u -D && source '{script}' && print ${{_comps[secret]}} && _secret_commands"
    );
    // Outside of a completion `_describe` has nothing to write to: here it lists what it is given.
    let load =
        load.replace("_secret_commands", "_describe() { print -l -- ${(P)${@[-2]}} } && _secret_commands commands");
    let Some(found) = shell(&world, "zsh", &["-f", "-c", &load]) else { return };
    assert!(found.starts_with("_secret\n"), "{found}");
    for command in secret::commands::command().get_subcommands() {
        let name = command.get_name();
        assert!(found.lines().any(|line| line.starts_with(&format!("{name}:"))), "{name} is not in {found}");
    }
}

#[test]
fn scripts_for_the_other_shells_name_every_command() {
    let world = World::empty();
    for shell in ["elvish", "powershell"] {
        let script = world.secret(["completions", shell]).success().stdout;
        for command in secret::commands::command().get_subcommands() {
            assert!(
                script.contains(&format!("'{}'", command.get_name()))
                    || script.contains(&format!(" {} ", command.get_name())),
                "{shell}: {}",
                command.get_name()
            );
        }
    }
}

#[test]
fn an_unknown_shell_is_refused_with_those_there_are() {
    let world = World::empty();
    let outcome = world.secret(["completions", "tcsh"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""));
    assert!(outcome.stderr.contains("[possible values: bash, elvish, fish, powershell, zsh]"), "{outcome:#?}");
}

#[test]
fn every_manual_page_is_in_the_folder_and_without_fault() {
    let world = World::empty();
    let outcome = world.secret(["man", "--output-dir", "pages/man1"]).success();
    assert_eq!(outcome.stdout, "");
    let mut names: Vec<String> = std::fs::read_dir(world.path("pages/man1"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    for name in ["secret.1", "secret-edit.1", "secret-member.1", "secret-member-add.1"] {
        assert!(names.iter().any(|page| page == name), "{name} is not in {names:?}");
    }
    assert!(outcome.stderr.starts_with(&format!("wrote {} pages to ", names.len())), "{outcome:#?}");
    for name in &names {
        let page = world.read(&format!("pages/man1/{name}"));
        assert!(page.is_ascii(), "{name}");
        if name != "secret.1" && !page.contains("SH SUBCOMMANDS") {
            assert!(page.contains("\n.SH EXAMPLES\n.nf\nsecret ") || page.contains("\n.SH EXAMPLES\n.nf\n"), "{name}");
        }
        check(&world, name);
    }
}

/// Has what formatters there are say what is wrong with a page.
fn check(world: &World, name: &str) {
    let path = format!("pages/man1/{name}");
    for (program, arguments) in [
        ("mandoc", ["-T", "lint", "-W", "error", &path].as_slice()),
        ("groff", &["-man", "-ww", "-T", "utf8", "-z", &path]),
    ] {
        match world.command(Path::new(program)).args(arguments).output() {
            Err(_) => eprintln!("skipped: {program} is not installed"),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success() && said.is_empty(), "{program} {name}: {said}");
            }
        }
    }
}

#[test]
fn a_manual_page_shows_usage_options_and_examples_as_they_are_typed() {
    let world = World::empty();
    let page = world.secret(["man", "member", "add"]).success().stdout;
    std::fs::write(world.path("page.1"), page).expect("a file");
    let rendered = Command::new("groff").args(["-man", "-T", "ascii", "-P-c"]).arg(world.path("page.1")).output();
    let Ok(rendered) = rendered else { return eprintln!("skipped: groff is not installed") };
    // Bold is a character printed over itself.
    let mut text = String::new();
    for character in String::from_utf8_lossy(&rendered.stdout).chars() {
        match character {
            '\u{8}' => text.truncate(text.len() - 1),
            _ => text.push(character),
        }
    }
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(one_line.contains("SYNOPSIS secret member add [OPTIONS] <NAME> [RECIPIENT]..."), "{text}");
    assert!(one_line.contains("--group <GROUP>"), "{text}");
    let help = secret::commands::command();
    let add = help.find_subcommand("member").and_then(|member| member.find_subcommand("add")).expect("a command");
    let examples = add.get_after_help().expect("examples").to_string();
    for example in examples.lines().skip(1) {
        assert!(text.lines().any(|line| line.trim() == example.trim()), "{example} is not in {text}");
    }
}

#[test]
fn a_page_of_no_command_is_refused() {
    World::empty().refuses(
        ["man", "nonsense"],
        2,
        "error: there is no command `nonsense`\nhint: `secret --help` lists the commands\n",
    );
}
