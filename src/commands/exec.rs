//! `secret exec`.

#![allow(clippy::doc_markdown, reason = "doc comments are help texts here")]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::deploy::{self, NamingArgs};
use super::error::code_of;
use super::{CommandError, Context};
use crate::process::{Launch, ProcessError};

/// Run a program with the values of encrypted files as variables
///
/// A value of a dotenv file has its key as its name, any other its key path in capitals: db.users[0].name becomes
/// DB_USERS_0_NAME, and so does - or . become _. Two values of one name are refused; a value wins over the variable
/// that was there. Nothing is run before all of every file was authenticated.
///
/// The program is run as given, without a shell. Its exit code is the command's, 128 and its number for a signal, 126
/// when it cannot be run, 127 when it is not found. It gets no identities, and no variable that decides what programs
/// run or load, as PATH or LD_PRELOAD, unless --allow names it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ExecArgs {
    /// The encrypted files
    #[arg(short, long = "file", required = true, num_args = 1.., value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    naming: NamingArgs,
    /// Of the environment hand on only HOME, LANG, LC_*, LOGNAME, PATH, SHELL, TERM, TMPDIR, TZ and USER
    #[arg(long)]
    clean_env: bool,
    /// Accept a file at another path than it was encrypted for
    #[arg(long)]
    at_any_path: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub const EXAMPLES: &str = "\
Examples:
  secret exec -f secrets/db.yaml -- printenv DB_USER
  secret exec -f secrets/db.yaml secrets/app.env -- sh -c 'test -n \"$DB_PASSWORD\"'
  secret exec -f secrets/db.yaml --only db.user --prefix APP_ --clean-env -- env";

pub fn run(arguments: &ExecArgs, context: &Context<'_>) -> Result<u8, CommandError> {
    let naming = arguments.naming.naming(false)?;
    let deployment = deploy::open(&arguments.files, arguments.at_any_path, context)?;
    let variables = deployment.variables(&naming)?;
    let (program, program_arguments) = arguments.command.split_first().expect("clap demands one");
    let launch = Launch {
        program,
        arguments: program_arguments,
        variables: variables.environment()?,
        is_clean: arguments.clean_env,
    };
    deploy::warn_of_identities(&variables, context.ui);
    let ended = launch.run(context.env).map_err(|error| match error {
        error @ ProcessError::TooLarge { .. } => {
            let length = |value: Option<&str>| value.unwrap_or_default().len();
            let largest = variables.iter().max_by_key(|variable| length(variable.value));
            let said = largest
                .map(|largest| format!("the largest value, {}, has {} bytes", largest.place, length(largest.value)));
            said.into_iter().fold(CommandError::from(error), CommandError::hint)
        }
        error => error.into(),
    })?;
    Ok(code_of(ended))
}
