//! Reading the command lines that scripts run for every value, without the other commands.
//!
//! To build all commands with their options and help takes longer than to decrypt a small file. Whatever is not read
//! here, mistakes and `--help` included, is read again with all of them: so there is one meaning and one set of messages.

use std::ffi::OsString;

use clap::{Args, FromArgMatches};

use super::{Cli, Command, Global};

/// Reads a command line whose command is one of these; `None` for all others, and where anything is wrong with it.
pub(super) fn parse(arguments: &[OsString]) -> Option<Cli> {
    // Where a name stands as the value of an option, the command line does not fit and is read with all commands.
    arguments.iter().skip(1).find_map(|argument| match argument.to_str()? {
        "decrypt" => Some(parse_as(arguments, "decrypt", Command::Decrypt)),
        "get" => Some(parse_as(arguments, "get", Command::Get)),
        _ => None,
    })?
}

fn parse_as<A: Args>(arguments: &[OsString], name: &'static str, command: fn(A) -> Command) -> Option<Cli> {
    let only = A::augment_args(clap::Command::new(name));
    let whole = Global::augment_args(clap::Command::new("secret").disable_help_subcommand(true)).subcommand(only);
    let matches = whole.try_get_matches_from(arguments).ok()?;
    let (_, options) = matches.subcommand()?;
    let command = command(A::from_arg_matches(options).ok()?);
    Some(Cli { global: Global::from_arg_matches(&matches).ok()?, command })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn read(line: &str) -> (Option<Cli>, Result<Cli, clap::Error>) {
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        (parse(&arguments), Cli::try_parse_from(&arguments))
    }

    #[test]
    fn what_is_read_without_the_other_commands_is_read_as_with_them() {
        for line in [
            "secret decrypt a b --output-dir out",
            "secret -C decrypt decrypt a -o b -q",
            "secret get a b --json -i key -i other",
            "secret --quiet -i key decrypt --in-place --at-any-path a",
        ] {
            let (Some(lean), Ok(full)) = read(line) else { panic!("{line}") };
            let (one, other) = (&lean.global, &full.global);
            assert_eq!(
                (&one.directory, &one.identities, one.quiet),
                (&other.directory, &other.identities, other.quiet),
                "{line}"
            );
            match (&lean.command, &full.command) {
                (Command::Decrypt(one), Command::Decrypt(other)) => assert_eq!(one, other, "{line}"),
                (Command::Get(one), Command::Get(other)) => assert_eq!(one, other, "{line}"),
                _ => panic!("{line}"),
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_left_to_the_reading_with_all_commands() {
        for line in [
            "secret decrypt",
            "secret decrypt --help",
            "secret decrypt a --no-such-option",
            "secret decrypt a -o b --in-place",
            "secret edit decrypt",
            "secret -C get ls",
            "secret ls",
            "secret --version",
            "secret",
        ] {
            assert!(read(line).0.is_none(), "{line}");
        }
        assert!(matches!(read("secret edit get").1.expect("a command line").command, Command::Edit(_)));
    }
}
