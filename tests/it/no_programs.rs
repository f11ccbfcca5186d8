//! Nothing in a repository starts a program: whatever git's configuration, attributes and hooks, the policy, the files'
//! headers and the work tree name, commands start what the user asked for, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::leaks::{all, in_outcome, in_trace};
use crate::scenes::{ENV, Stage, YAML, scenes};
use crate::trace::{traced, tracer};
use crate::world::{World, run};

/// Settings of git whose value is a program, or leads to one; `RUN` is the program.
const SETTINGS: [(&str, &str); 41] = [
    ("alias.cat-file", "!RUN"),
    ("alias.secret", "!RUN"),
    ("browser.evil.cmd", "RUN"),
    ("core.alternateRefsCommand", "RUN"),
    ("core.askPass", "RUN"),
    ("core.editor", "RUN"),
    ("core.fsmonitor", "RUN"),
    ("core.gitProxy", "RUN"),
    ("core.hooksPath", "HOOKS"),
    ("core.pager", "RUN"),
    ("core.sshCommand", "RUN"),
    ("credential.helper", "!RUN"),
    ("diff.evil.command", "RUN"),
    ("diff.evil.textconv", "RUN"),
    ("diff.external", "RUN"),
    ("diff.tool", "evil"),
    ("difftool.evil.cmd", "RUN"),
    ("filter.evil.clean", "RUN"),
    ("filter.evil.process", "RUN"),
    ("filter.evil.required", "true"),
    ("filter.evil.smudge", "RUN"),
    ("gpg.program", "RUN"),
    ("gpg.ssh.defaultKeyCommand", "RUN"),
    ("gpg.ssh.program", "RUN"),
    ("guitool.evil.cmd", "RUN"),
    ("include.path", "../evil.config"),
    ("interactive.diffFilter", "RUN"),
    ("man.evil.cmd", "RUN"),
    ("merge.evil.driver", "RUN"),
    ("mergetool.evil.cmd", "RUN"),
    ("pager.cat-file", "RUN"),
    ("receive.procReceiveRefs", "refs"),
    ("remote.origin.receivepack", "RUN"),
    ("remote.origin.uploadpack", "RUN"),
    ("remote.origin.url", "ext::RUN"),
    ("remote.origin.vcs", "evil"),
    ("sequence.editor", "RUN"),
    ("submodule.evil.update", "!RUN"),
    ("tar.evil.command", "RUN"),
    ("trailer.evil.command", "RUN"),
    ("uploadpack.packObjectsHook", "RUN"),
];

/// All that git runs by itself.
const HOOKS: [&str; 28] = [
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "p4-prepare-changelist",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
];

/// Programs that somebody could mean, as files of the work tree, where `PATH` leads first.
const NAMESAKES: [&str; 24] = [
    "age",
    "age-keygen",
    "age-plugin-evil",
    "bash",
    "cat",
    "code",
    "diff",
    "editor",
    "emacs",
    "git",
    "gpg",
    "less",
    "more",
    "nano",
    "nvim",
    "pinentry",
    "rm",
    "sed",
    "sh",
    "ssh",
    "vi",
    "vim",
    "xdg-open",
    "which",
];

/// Texts of files, policy and headers that somebody could take for commands; `RUN` is the program.
const TEXTS: [&str; 6] = ["$(RUN)", "`RUN`", "!RUN", "|RUN", ";RUN;", "\"; RUN #"];

#[test]
fn no_scene_runs_what_a_repository_plants() {
    let stage = planted_stage();
    let scenes: Vec<_> = scenes(&stage).into_iter().filter(|scene| scene.code == 0 || scene.code == 5).collect();
    let is_traced = tracer().is_some();
    let wrong = all(&scenes, |scene| {
        let (world, mut variables) = scene.set(&stage);
        plant(&world);
        variables.push(("PATH".to_owned(), path_of(&world)));
        let mut wrong = if is_traced {
            let trace = traced(&world, env!("CARGO_BIN_EXE_secret"), &scene.arguments, &scene.stdin, &variables);
            let trace = trace.expect("there is a tracer");
            let programs = trace.programs.iter().filter(|program| program.starts_with(world.folder()));
            let wrong = programs.map(|program| format!("it started {}", program.display())).collect();
            [
                wrong,
                in_trace(&stage.canaries, scene, &world, &trace),
                in_outcome(&stage.canaries, scene, &trace.outcome),
            ]
            .concat()
        } else {
            let mut command = world.command(env!("CARGO_BIN_EXE_secret").as_ref());
            command.args(&scene.arguments).envs(variables);
            in_outcome(&stage.canaries, scene, &run(&mut command, scene.stdin.as_bytes()))
        };
        wrong.extend(ran(&world).into_iter().map(|name| format!("{name} has run")));
        wrong
    });
    assert_eq!(wrong, Vec::<String>::new());
    let plants = SETTINGS.len() + 1 + HOOKS.len() * 2 + NAMESAKES.len() * 2 + TEXTS.len() * 2;
    println!("programs: {} scenes in a repository with {plants} planted commands, 0 ran", scenes.len());
}

/// What is planted is able to run: else the rest would show nothing.
#[test]
fn what_is_planted_runs_when_git_is_asked() {
    let stage = planted_stage();
    let world = stage.world.copy();
    world.write("new.txt", "x");
    plant(&world);
    for arguments in [&["status"][..], &["add", "--all"], &["commit", "-m", "x"], &["secret"]] {
        run(world.command("git".as_ref()).args(arguments), b"");
    }
    // A filter that must work, and does not, keeps git from getting to its hooks.
    world.write(".git/config", world.read(".git/config").replace("[filter \"evil\"]", "[filter \"other\"]"));
    for arguments in [&["commit", "--all", "-m", "x"][..], &["diff", "HEAD~1"]] {
        run(world.command("git".as_ref()).args(arguments), b"");
    }
    run(world.command("git".as_ref()).arg("status").env("PATH", path_of(&world)), b"");
    let ran = ran(&world);
    for expected in ["core.fsmonitor", "filter.evil.process", "alias.secret", "hook-", "program-git"] {
        assert!(ran.iter().any(|name| name.starts_with(expected)), "{expected} did not run, but {ran:?}");
    }
}

#[test]
fn a_plugin_that_a_policy_names_is_not_run() {
    let stage = Stage::new();
    let world = stage.world.copy();
    let policy = world.read(".secret.toml");
    for text in [
        policy
            .replace("[members]\n", &format!("[members]\neve = \"{PLUGIN}\"\n"))
            .replace("team = [", "team = [\"eve\", "),
        format!("editor = \"age-plugin-evil\"\n{policy}"),
        format!("{policy}\n[plugins]\nevil = \"./age-plugin-evil\"\n"),
        format!("{policy}editor = \"age-plugin-evil\"\nkey_command = \"age-plugin-evil\"\n"),
    ] {
        assert_ne!(text, policy);
        world.write(".secret.toml", text);
        plant(&world);
        // In an absolute folder, too: that one has it installed does not mean that a repository may have it run.
        let path = format!("{}:{}", world.path("tools").display(), path_of(&world));
        for arguments in [
            &["rekey", "--yes", "--add", "eve"][..],
            &["encrypt", "-", "--path", "secrets/new.yaml", "--add", "eve"],
            &["decrypt", YAML],
            &["edit", ENV],
            &["who", YAML],
        ] {
            let variables = [("PATH", path.as_str()), ("EDITOR", "true")];
            let outcome = world.secret_with(arguments, "a: 1\n", &variables);
            assert_eq!(ran(&world), BTreeSet::new(), "{arguments:?}: {outcome:#?}");
        }
    }
    let outcome = world.secret_with(["member", "add", "eve", PLUGIN], "", &[("PATH", &path_of(&world))]);
    assert_ne!(outcome.code, 0);
    assert_eq!(ran(&world), BTreeSet::new());
}

#[test]
fn an_editor_is_never_taken_from_the_work_tree() {
    let stage = Stage::new();
    let world = stage.world.copy();
    plant(&world);
    for (editor, path) in
        [("nano", ".:"), ("vim", ""), ("nano", "./tools:tools:."), ("./nano", "."), ("tools/vim", ".")]
    {
        let outcome = world.secret_with(["edit", YAML], "", &[("EDITOR", editor), ("PATH", path)]);
        assert_eq!((outcome.code, ran(&world)), (1, BTreeSet::new()), "{editor}: {outcome:#?}");
        assert!(outcome.stderr.starts_with(&format!("error: program {editor} ")), "{outcome:#?}");
    }
}

/// A stage on which the committed policy, attributes and headers are full of commands.
fn planted_stage() -> Stage {
    let stage = Stage::new();
    let world = &stage.world;
    let texts = TEXTS.map(|text| text.replace("RUN", "touch ../ran/text"));
    let [owner, purpose, tag, ..] = &texts;
    world.secret(["meta", YAML, "--owner", owner, "--purpose", purpose, "--tag", &format!("editor={tag}")]).success();
    let policy = world.read(".secret.toml").replace("readers = ", &format!("owner = {owner:?}\nreaders = "));
    world.write(".secret.toml", policy);
    let keys: String = texts.iter().map(|text| format!("{text:?}: {text:?}\n")).collect();
    for path in ["secrets/plain.yaml", "secrets/$(touch ran).yaml", "secrets/|touch ran.yaml"] {
        world.write(path, format!("{keys}tagged: !!python/object/apply:os.system [touch ran]\n"));
        world.secret(["encrypt", path]).success();
    }
    world.write(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    world.write(".gitmodules", "[submodule \"evil\"]\n\tpath = evil\n\turl = ext::touch ran\n\tupdate = !touch ran\n");
    world.commit("planted");
    stage
}

/// Plants the rest, which git itself would run as soon as it is called.
fn plant(world: &World) {
    let folder = world.folder();
    fs::create_dir_all(folder.join("ran")).expect("a folder");
    let run = |name: &str| format!("touch {}/ran/{name}", folder.display());
    let mut config = world.read(".git/config");
    for (setting, value) in SETTINGS {
        let (section, key) = setting.rsplit_once('.').expect("a section");
        let section = match section.split_once('.') {
            Some((section, subsection)) => format!("{section} \"{subsection}\""),
            None => section.to_owned(),
        };
        let hooks = folder.join("repo/hooks").display().to_string();
        let value = value.replace("RUN", &run(setting)).replace("HOOKS", &hooks);
        config.push_str(&format!("[{section}]\n\t{key} = {value}\n"));
    }
    config.push_str("[includeIf \"gitdir:**\"]\n\tpath = ../evil.config\n");
    world.write(".git/config", config);
    world.write(
        "evil.config",
        format!(
            "[alias]\n\tincluded = !{0}\n[core]\n\tpreloadIndex = false\n[diff]\n\texternal = {0}\n",
            run("included")
        ),
    );
    world.write(".git/info/attributes", "* filter=evil diff=evil merge=evil\n");
    for hook in HOOKS {
        for place in [".git/hooks", "hooks"] {
            program(world, &format!("{place}/{hook}"), &run(&format!("hook-{hook}")));
        }
    }
    for name in NAMESAKES {
        for place in ["", "tools/"] {
            program(world, &format!("{place}{name}"), &run(&format!("program-{name}")));
        }
    }
}

fn program(world: &World, path: &str, command: &str) {
    world.write(path, format!("#!/bin/sh\n/usr/bin/env PATH=/usr/bin:/bin {command}\n"));
    fs::set_permissions(world.path(path), fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// A PATH as it must not be: the work tree first, in every spelling that is relative.
fn path_of(world: &World) -> String {
    let real = std::env::var("PATH").expect("a PATH");
    assert!(!real.split(':').any(|folder| Path::new(folder).starts_with(world.folder())));
    format!(".::tools:./tools:../repo/tools:{real}")
}

/// Returns what has run.
fn ran(world: &World) -> BTreeSet<String> {
    let mut ran: BTreeSet<String> = fs::read_dir(world.folder().join("ran"))
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    ran.extend(["ran", "secrets/ran"].iter().filter(|path| world.path(path).exists()).map(|path| (*path).to_owned()));
    ran
}

/// A well-formed recipient of the plugin `evil`.
const PLUGIN: &str = "age1evil1qpzry9x8gf2tvdw0s3jn54khce6mua7lqpzry9x8gf2tvdw0s3jqdpqvel";
