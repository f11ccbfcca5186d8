//! Which git command has started this process, as far as the system tells.

use std::fs;

/// Who has started this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartedBy {
    /// This command of git: `diff`, `log`, `commit`.
    Git(String),
    /// Something else than git.
    Other,
    /// The system does not tell.
    Unknown,
}

/// Looks at the process that started this one, and at the one before, as git starts drivers through a shell.
pub(super) fn started_by() -> StartedBy {
    let mut process = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
    for _ in 0..NEAR {
        // Nobody is there any more, or it is the first process of all.
        let Some(id) = process.filter(|id| *id > 1) else { return StartedBy::Other };
        let Some((arguments, parent)) = look_at(id) else { return StartedBy::Unknown };
        if let Some(command) = git_command(&arguments) {
            return StartedBy::Git(command);
        }
        process = parent;
    }
    StartedBy::Other
}

/// Returns the arguments of a process and who started it. Linux tells it; elsewhere nothing is found.
#[expect(clippy::disallowed_methods, reason = "these are no files, but what the system says of processes")]
fn look_at(id: i32) -> Option<(Vec<String>, Option<i32>)> {
    let arguments = fs::read(format!("/proc/{id}/cmdline")).ok()?;
    let arguments = arguments.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    let status = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in parentheses, and may have blanks and parentheses in it.
    let parent = status.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok();
    Some((arguments.collect(), parent))
}

/// Returns which command of git these arguments run; `None` when they do not run git.
fn git_command(arguments: &[String]) -> Option<String> {
    let (program, options) = arguments.split_first()?;
    let program = program.rsplit('/').next()?;
    let program = program.strip_suffix(".exe").unwrap_or(program);
    if let Some(command) = program.strip_prefix("git-") {
        return Some(command.to_owned());
    }
    if program != "git" {
        return None;
    }
    let mut options = options.iter();
    while let Some(option) = options.next() {
        if WITH_VALUE.contains(&option.as_str()) {
            options.next();
        } else if !option.starts_with('-') {
            return Some(option.clone());
        }
    }
    Some(String::new())
}

/// How many processes may stand between git and this one: its shell, and a script around the program.
const NEAR: usize = 3;

/// The options of git itself whose value is the next argument.
const WITH_VALUE: [&str; 8] =
    ["-C", "-c", "--attr-source", "--config-env", "--git-dir", "--namespace", "--super-prefix", "--work-tree"];

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Option<String> {
        git_command(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_command_is_found_behind_the_options_of_git() {
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(command("git commit -v"), named("commit"));
        assert_eq!(command("/usr/bin/git -C log -c x=y --no-pager --git-dir=z diff --cached"), named("diff"));
        assert_eq!(command("/usr/lib/git-core/git-commit"), named("commit"));
        assert_eq!(command("git"), named(""));
        assert_eq!(command("sh -c git diff"), None);
        assert_eq!(command(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_arguments_and_the_parent_of_a_process_are_found() {
        let id = i32::try_from(std::process::id()).expect("a number");
        let (arguments, parent) = look_at(id).expect("it runs");
        assert_eq!(Some(arguments[0].as_str()), std::env::args().next().as_deref());
        assert_eq!(parent, rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get()));
    }
}
