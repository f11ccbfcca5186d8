//! `secret man`: manual pages, made from the same words as the help.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use clap_mangen::Man;

use super::{CommandError, Context};
use crate::fs::{self, Expect, Mode};

/// Print a manual page, or write all of them to a folder
///
/// Pages are named `secret.1`, `secret-edit.1`, `secret-member-add.1`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ManArgs {
    /// The command whose page is wanted [default: the whole program's]
    #[arg(value_name = "COMMAND", conflicts_with = "output_dir")]
    command: Vec<String>,
    /// Write the pages of all commands to this folder
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
}

pub const EXAMPLES: &str = "\
Examples:
  secret man > secret.1
  secret man member add > secret-member-add.1
  secret man --output-dir man1";

pub fn run(arguments: &ManArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let mut top = super::command();
    top.build();
    let Some(folder) = &arguments.output_dir else {
        let command = arguments.command.iter().try_fold(&top, |command, name| {
            command.find_subcommand(name).ok_or_else(|| {
                CommandError::usage(format!("there is no command `{}`", arguments.command.join(" ")))
                    .hint("`secret --help` lists the commands")
            })
        })?;
        return Ok(context.ui.print_text(&page(command)?)?);
    };
    let folder = context.env.current_dir().join(folder);
    fs::create_folder(&folder, None)?;
    let mut pending = vec![&top];
    let mut count = 0;
    while let Some(command) = pending.pop() {
        let path = folder.join(format!("{}.1", name(command)));
        fs::replace(&path, None, page(command)?.as_bytes(), Expect::Anything, Mode::KeepOr(0o644))?;
        pending.extend(command.get_subcommands());
        count += 1;
    }
    context.ui.note(&format!("wrote {count} pages to {}", folder.display()));
    Ok(())
}

/// Returns the name of a command's page: `secret-member-add`.
fn name(command: &clap::Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

/// Returns a page: the sections that clap's generator makes, but for the title, which would have no place for the date
/// that it lacks, the synopsis, which would lack the names of values, and the examples, whose lines would run together.
fn page(command: &clap::Command) -> io::Result<String> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    writeln!(page, ".TH {} 1 \"\" \"secret {}\" \"\"", verbatim(name(command)), env!("CARGO_PKG_VERSION"))?;
    man.render_name_section(&mut page)?;
    let usage = command.clone().render_usage().to_string();
    writeln!(page, ".SH SYNOPSIS\n{}", verbatim(usage.trim_start_matches("Usage:").trim()))?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(examples) = command.get_after_help() {
        writeln!(page, ".SH EXAMPLES\n.nf")?;
        for line in examples.to_string().lines().skip(1) {
            writeln!(page, "{}", verbatim(line.trim_start()))?;
        }
        writeln!(page, ".fi")?;
    }
    Ok(ascii(&String::from_utf8_lossy(&page)))
}

/// Returns a page that every roff reads, whatever it takes the encoding to be.
fn ascii(page: &str) -> String {
    let mut text = String::with_capacity(page.len());
    for character in page.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            text.push_str(&format!("\\[u{:04X}]", u32::from(character)));
        }
    }
    text
}

/// Returns a line as roff shows it unchanged: no escape, no request at its beginning, every `-` a hyphen to copy.
fn verbatim(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\(aq").replace('`', "\\(ga");
    if line.starts_with('.') { format!("\\&{line}") } else { line }
}

#[cfg(test)]
mod tests {
    use super::{ascii, verbatim};

    #[test]
    fn a_line_is_no_request_and_no_escape() {
        assert_eq!(verbatim(".SH 'a\\nb' --x `y`"), "\\&.SH \\(aqa\\enb\\(aq \\-\\-x \\(gay\\(ga");
    }

    #[test]
    fn a_page_is_ascii() {
        assert_eq!(ascii("secrets/…"), "secrets/\\[u2026]");
    }
}
