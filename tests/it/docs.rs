//! The documentation is true: what it shows is run, what it says of the command line is generated, its links lead on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use secret::document::{KeyPath, KeyPattern};
use secret::policy::{PathPattern, Policy};

use crate::world::World;

#[test]
fn commands_md_is_what_the_help_says() {
    const BEGIN: &str = "<!-- What follows is generated: UPDATE_DOCS=1 cargo test commands_md -->\n";
    let path = root().join("docs/commands.md");
    let text = fs::read_to_string(&path).expect("docs/commands.md");
    let (written, shown) = text.split_once(BEGIN).expect("the line that begins the generated part");
    let mut generated = String::new();
    let mut command = secret::commands::command().term_width(100);
    command.build();
    reference(&mut command, &mut generated);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{written}{BEGIN}{generated}")).expect("a written file");
    } else {
        let first = shown.lines().zip(generated.lines()).find(|(shown, generated)| shown != generated);
        assert!(shown == generated, "run UPDATE_DOCS=1 cargo test commands_md; the first difference is {first:?}");
    }
}

#[test]
fn what_the_readme_shows_is_so() {
    check_transcripts("README.md");
}

#[test]
fn what_the_policy_guide_shows_is_so() {
    check_transcripts("docs/policy.md");
}

#[test]
fn what_the_guide_to_members_shows_is_so() {
    check_transcripts("docs/members.md");
}

#[test]
fn what_the_guide_to_history_shows_is_so() {
    check_transcripts("docs/history.md");
}

#[test]
fn the_guide_to_status_and_drills_does_what_it_says() {
    check_transcripts("docs/status.md");
}

#[test]
fn what_the_guide_to_rotation_shows_is_so() {
    check_transcripts("docs/rotation.md");
}

#[test]
fn what_the_guide_to_offboarding_shows_is_so() {
    check_transcripts("docs/offboarding.md");
}

#[test]
fn the_readmes_set_up_commands_are_those_that_ci_runs() {
    let readme = read("README.md");
    let set_up = blocks(&readme, "sh").next().expect("a block of set-up commands");
    assert_eq!(set_up.lines().collect::<Vec<_>>(), ["bash examples/quickstart.sh", "cargo test"]);
    let ci = read(".ci/run");
    assert!(set_up.lines().all(|command| ci.contains(command)), "{set_up}");
}

#[test]
fn the_quickstart_runs_to_its_end() {
    let told = example("quickstart.sh");
    for line in ["(exit 4)", "(exit 5)", "(exit 1)", "Done: 4 commits, and no plaintext in any of them."] {
        assert!(told.lines().any(|shown| shown == line), "{line} is missing in\n{told}");
    }
}

#[test]
fn the_story_of_a_team_runs_to_its_end() {
    let told = example("team.sh");
    for line in [
        "CONFLICT (content): Merge conflict in secrets/db.yaml",
        "  db.password: changed on both sides",
        "db.password  changed on both sides",
        "canary-password-of-alice",
        "error: 1 finding (1 file)",
        "error: 1 finding (1 file in 1 commit, by the policy of origin/main)",
        "(exit 3)",
        "Done: 10 commits on main.",
    ] {
        assert!(told.lines().any(|shown| shown == line), "{line} is missing in\n{told}");
    }
}

/// Runs an example with this build, and returns what it tells.
fn example(name: &str) -> String {
    let output = World::empty()
        .command(Path::new("bash"))
        .arg(root().join("examples").join(name))
        .env("SECRET", env!("CARGO_BIN_EXE_secret"))
        .output()
        .expect("bash is there");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout.into_owned()
}

#[test]
fn the_policies_of_the_guide_are_sound() {
    let guide = read("docs/policy.md");
    let mut count = 0;
    for block in blocks(&guide, "toml") {
        let policy = match block.starts_with("version = 1") {
            true => block.clone(),
            false => format!("{MEMBERS}\n{block}"),
        };
        if let Err(errors) = Policy::parse(&policy, ".secret.toml") {
            panic!("{errors}\n{block}");
        }
        count += 1;
    }
    assert!(count >= 3, "{count} policies");
}

#[test]
fn the_mistakes_of_the_guide_are_reported_as_it_says() {
    let guide = read("docs/policy.md");
    let rows = table(&guide, "| wrong | what is said |");
    assert!(rows.len() > 5, "{rows:?}");
    for [wrong, said] in rows {
        let Err(errors) =
            Policy::parse(&format!("{MEMBERS}\n[[rules]]\n{}\n", wrong.replace("; ", "\n")), ".secret.toml")
        else {
            panic!("{wrong} is accepted");
        };
        assert_eq!(
            errors.errors.iter().map(|error| error.problem.to_string()).collect::<Vec<_>>().join("; "),
            said,
            "{wrong}"
        );
    }
}

#[test]
fn path_patterns_match_as_the_guide_says() {
    let guide = read("docs/policy.md");
    let rows = table(&guide, "| path pattern | matches | does not match |");
    assert!(rows.len() > 5, "{rows:?}");
    for [pattern, matching, other] in rows {
        let pattern: PathPattern = pattern.parse().unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for (path, is_meant) in examples(&matching, &other) {
            assert_eq!(pattern.matches(path), is_meant, "{pattern} and {path}");
        }
    }
}

#[test]
fn key_patterns_match_as_the_guide_says() {
    let guide = read("docs/policy.md");
    let rows = table(&guide, "| key pattern | matches | does not match |");
    assert!(rows.len() > 5, "{rows:?}");
    for [pattern, matching, other] in rows {
        let pattern: KeyPattern = pattern.parse().unwrap_or_else(|error| panic!("{pattern}: {error}"));
        for (key, is_meant) in examples(&matching, &other) {
            let path = KeyPath::parse(key).unwrap_or_else(|error| panic!("{key}: {error}"));
            assert_eq!(pattern.matches(&path), is_meant, "{pattern} and {key}");
        }
    }
}

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let mut broken = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).expect("text");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            let is_there = match anchor {
                "" => file.exists(),
                anchor => fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !is_there {
                broken.push(format!("{}: {target}", path.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn sources_that_documents_name_are_there() {
    let mut gone = Vec::new();
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        let named =
            text.split('`').skip(1).step_by(2).filter(|name| name.starts_with("src/") || name.starts_with("tests/"));
        gone.extend(
            named.filter(|name| !root().join(name).exists()).map(|name| format!("{}: {name}", document.display())),
        );
    }
    assert!(gone.is_empty(), "{gone:#?}");
}

#[test]
fn documents_use_the_words_of_the_glossary_and_do_not_boast() {
    let words = [
        "pubkey",
        "public-key recipient",
        "master key",
        "frontmatter",
        "updatekeys",
        "military",
        "unbreakable",
        "bulletproof",
        "100% secure",
        "state of the art",
        "state-of-the-art",
        "blazing",
        "revolutionary",
    ];
    let mut found = Vec::new();
    for path in documents() {
        for (index, line) in fs::read_to_string(&path).expect("text").lines().enumerate() {
            let line = line.to_lowercase();
            found.extend(
                words
                    .iter()
                    .filter(|word| line.contains(*word))
                    .map(|word| format!("{}:{}: {word}", path.display(), index + 1)),
            );
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // In pieces, because this file is read too.
    let words = [concat!("/wo", "rk/"), concat!("/ro", "ot/."), concat!("/home", "/runner")];
    let mut found = Vec::new();
    for path in text_files() {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for (index, line) in text.lines().enumerate().filter(|(_, line)| words.iter().any(|word| line.contains(word))) {
            found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

/// Writes the help of a command and of those below it.
fn reference(command: &mut clap::Command, out: &mut String) {
    let name = command.get_bin_name().unwrap_or("secret").to_owned();
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(out, "\n## {name}\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names.iter().filter(|name| *name != "help") {
        reference(command.find_subcommand_mut(name).expect("it was listed"), out);
    }
}

/// Runs the console blocks of a document, from the first to the last in one shell, and compares all that they show.
///
/// `$ ` begins a command, `> ` goes on with it; the lines below are its output on both streams, in which `…` stands for
/// any characters of a line, and alone for any lines. A command whose output has an `error:` must fail, any other must
/// succeed.
#[track_caller]
fn check_transcripts(document: &str) {
    let text = read(document);
    let steps: Vec<Step> = blocks(&text, "console").flat_map(|block| Step::parse_all(&block)).collect();
    assert!(!steps.is_empty(), "{document} shows nothing");
    let world = World::empty();
    let output = run_steps(&world, &steps);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut results = shown.split(MARK);
    for step in &steps {
        let result = results.next().unwrap_or_default();
        let (output, code) =
            result.rsplit_once('\n').unwrap_or_else(|| panic!("{} did not run:\n{shown}", step.command));
        let is_refused = step.output.iter().any(|line| line.starts_with("error:"));
        let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
        assert!(
            are_like(&step.output, &lines) && (code != "0") == is_refused,
            "{document}: $ {}\nexpected:\n{}\nfound (exit {code}):\n{output}",
            step.command,
            step.output.join("\n"),
        );
    }
}

/// A command that a document shows, and its output.
struct Step {
    command: String,
    output: Vec<String>,
}

impl Step {
    fn parse_all(block: &str) -> Vec<Self> {
        let mut steps: Vec<Self> = Vec::new();
        for line in block.lines() {
            match (line.strip_prefix("$ "), line.strip_prefix("> ").or((line == ">").then_some("")), steps.last_mut()) {
                (Some(command), _, _) => steps.push(Self { command: command.to_owned(), output: Vec::new() }),
                (None, Some(more), Some(step)) if step.output.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                (_, _, Some(step)) => step.output.push(line.to_owned()),
                (_, _, None) => panic!("a console block begins with a command: {block}"),
            }
        }
        steps
    }
}

/// Runs commands in one bash, in the world's repository, with the program in PATH and an editor that edits by itself.
fn run_steps(world: &World, steps: &[Step]) -> Output {
    let programs = world.home().join("bin");
    fs::create_dir_all(&programs).expect("a folder");
    // Under the name of an editor whose switches are known; the file is its last argument.
    let editor = programs.join("nano");
    fs::write(&editor, "#!/bin/sh\nfor file; do :; done\nsed -i 's/port: 5432/port: 5433/' \"$file\"\n")
        .expect("a script");
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).expect("a mode");
    let program = Path::new(env!("CARGO_BIN_EXE_secret"));
    let path = format!(
        "{}:{}:{}",
        programs.display(),
        program.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut script = String::from("exec 2>&1 </dev/null; set -o pipefail; true\n");
    for step in steps {
        let _ = write!(script, "{}\ncode=$?; printf '\\n%s{MARK}' $code; (exit $code)\n", step.command);
    }
    let mut command: Command = world.command(Path::new("bash"));
    command.arg("-c").arg(script).env("PATH", path).env("EDITOR", "nano");
    command.output().expect("bash is there")
}

/// Tells whether lines are as expected, where `…` alone stands for any of them.
fn are_like(expected: &[String], lines: &[&str]) -> bool {
    match (expected.split_first(), lines.split_first()) {
        (None, _) => lines.is_empty(),
        (Some((first, rest)), _) if first == "…" => {
            (0..=lines.len()).any(|skipped| are_like(rest, &lines[skipped..]))
        }
        (Some((first, rest)), Some((line, more))) => is_like(first, line) && are_like(rest, more),
        (Some(_), None) => false,
    }
}

/// Tells whether a line is as expected, where `…` stands for any characters.
fn is_like(expected: &str, line: &str) -> bool {
    let mut parts = expected.trim_end().split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Returns the contents of the fenced blocks of a language.
fn blocks<'t>(text: &'t str, language: &'t str) -> impl Iterator<Item = String> + 't {
    let fence = format!("```{language}");
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        lines.find(|line| *line == fence)?;
        Some(lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect())
    })
}

/// Returns the rows of the table with this header line, each cell without its outer backquotes.
fn table<const COLUMNS: usize>(text: &str, header: &str) -> Vec<[String; COLUMNS]> {
    let rows = text.lines().skip_while(|line| *line != header).skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        // A bar within a cell is written \|.
        let row = row.replace("\\|", "\u{1}");
        let cells: Vec<String> =
            row.trim_matches('|').split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect();
        let cells: [String; COLUMNS] = cells.try_into().expect("as many cells as columns");
        cells.map(|cell| match cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')) {
            Some(content) if !content.contains('`') => content.to_owned(),
            _ => cell,
        })
    })
    .collect()
}

/// Returns what stands between backquotes in two cells, with whether it stands in the first.
fn examples<'t>(matching: &'t str, other: &'t str) -> Vec<(&'t str, bool)> {
    let quoted = |cell: &'t str, is_meant| {
        let is_quoted = cell.contains('`');
        cell.split('`')
            .skip(usize::from(is_quoted))
            .step_by(2)
            .filter(|text| !text.is_empty())
            .map(move |text| (text, is_meant))
    };
    quoted(matching, true).chain(quoted(other, false)).collect()
}

/// Returns what the headings of a document are linked by.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut in_block = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        in_block ^= line.starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !in_block) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            anchors.insert(
                heading
                    .chars()
                    .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                    .map(|c| if c == ' ' { '-' } else { c })
                    .collect(),
            );
        }
    }
    anchors
}

fn documents() -> Vec<PathBuf> {
    text_files().into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}

/// Returns the files of the repository, without what is built and what git keeps.
fn text_files() -> Vec<PathBuf> {
    let mut pending = vec![root().to_path_buf()];
    let mut files = Vec::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that can be read") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                let is_built = folder == root() && ["target", ".git"].iter().any(|name| path.ends_with(name));
                pending.extend(Some(path).filter(|_| !is_built));
            } else if !path.ends_with(".git") {
                // In a linked work tree it is a file, which names the repository.
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Ends the output of a command.
const MARK: &str = "\u{1}\n";

/// What the rules of the guide's examples refer to.
const MEMBERS: &str = r#"version = 1
[members]
alice = "age1v9fx4hgqmygv320wg5m6766tww2kdv6xhrr7rpzhtm3fnd9h8cpqs0uhuj"
bob = "age1q6cm0hluhg66stgrfmsd9mw6tf07n8tsd0zhavg4ycwwn96dlyrshlhfzz"
deploy-prod = { recipients = ["age1460g98wd2wqkhqurgqzmd4gt56476gzshak6phqrvhcegezg9amqxnd4wc"], kind = "machine" }
[groups]
team = ["alice", "bob"]
"#;
