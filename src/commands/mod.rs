//! The command line: one file a command, whose doc comments are its help.
//!
//! A command reads its arguments, asks what must be asked, calls verbs of [`crate::workspace`] and shows the result.

#![allow(rustdoc::broken_intra_doc_links, reason = "doc comments are help texts here, and brackets are key paths")]

mod access;
mod annotation;
mod approve;
mod changes;
mod completions;
mod compromised;
mod consent;
mod decrypt;
mod decrypt_large;
mod decrypt_tree;
mod deploy;
mod diff;
mod doctor;
mod drill;
mod due;
mod edit;
mod encrypt;
mod error;
mod exec;
mod export;
mod generate;
mod get;
mod git;
mod group;
mod hint;
mod info;
mod init;
mod keygen;
mod lean;
mod log;
mod ls;
mod man;
mod member;
mod meta;
mod mv;
mod offboard;
mod owners;
mod recipients;
mod recovered;
mod rekey;
mod request;
mod resolve;
mod rollback;
mod rotate;
mod set;
mod show;
mod status;
mod unset;
mod verify;
mod who;
mod whoami;
mod whole;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand};
use zeroize::Zeroizing;

pub use error::CommandError;

use crate::env::Env;
use crate::fs::Source;
use crate::keys::Identities;
use crate::process::ProcessError;
use crate::ui::Ui;
use crate::workspace::{Target, Workspace};

/// Keep a team's secrets in git, encrypted value by value
///
/// Secret files are encrypted to the people and machines that the policy (.secret.toml) names as their readers, and
/// stay valid YAML, JSON, TOML, dotenv or INI files that merge. Values go to stdout, everything else to stderr.
#[derive(Parser)]
#[command(name = "secret", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Global {
    /// Work as if started in this folder
    #[arg(short = 'C', value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    /// Use the identities of this file and no others (can be repeated)
    #[arg(long = "identity", short = 'i', value_name = "FILE", global = true)]
    identities: Vec<PathBuf>,
    /// Say nothing but warnings and errors, also not who can read what is written
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    Access(access::AccessArgs),
    Approve(approve::ApproveArgs),
    Completions(completions::CompletionsArgs),
    Compromised(compromised::CompromisedArgs),
    Decrypt(decrypt::DecryptArgs),
    Diff(diff::DiffArgs),
    Doctor(doctor::DoctorArgs),
    Drill(drill::DrillArgs),
    Due(due::DueArgs),
    Edit(edit::EditArgs),
    Encrypt(encrypt::EncryptArgs),
    Exec(exec::ExecArgs),
    Export(export::ExportArgs),
    Generate(generate::GenerateArgs),
    Get(get::GetArgs),
    Git(git::GitArgs),
    Group(group::GroupArgs),
    Info(info::InfoArgs),
    Init(init::InitArgs),
    Keygen(keygen::KeygenArgs),
    Log(log::LogArgs),
    Ls(ls::LsArgs),
    Man(man::ManArgs),
    Member(member::MemberArgs),
    Meta(meta::MetaArgs),
    Mv(mv::MvArgs),
    Offboard(offboard::OffboardArgs),
    Owners(owners::OwnersArgs),
    Rekey(rekey::RekeyArgs),
    Request(request::RequestArgs),
    Resolve(resolve::ResolveArgs),
    Rollback(rollback::RollbackArgs),
    Rotate(rotate::RotateArgs),
    Set(set::SetArgs),
    Show(show::ShowArgs),
    Status(status::StatusArgs),
    Unset(unset::UnsetArgs),
    Verify(verify::VerifyArgs),
    Who(who::WhoArgs),
    Whoami(whoami::WhoamiArgs),
}

impl Command {
    /// Tells whether the command may write files of a workspace. Unless it is known not to, it may.
    fn writes(&self) -> bool {
        match self {
            Self::Access(_)
            | Self::Completions(_)
            | Self::Diff(_)
            | Self::Doctor(_)
            | Self::Drill(_)
            | Self::Due(_)
            | Self::Exec(_)
            | Self::Export(_)
            | Self::Get(_)
            | Self::Git(_)
            | Self::Info(_)
            | Self::Keygen(_)
            | Self::Log(_)
            | Self::Ls(_)
            | Self::Man(_)
            | Self::Show(_)
            | Self::Status(_)
            | Self::Verify(_)
            | Self::Who(_)
            | Self::Whoami(_) => false,
            Self::Compromised(arguments) => arguments.writes(),
            Self::Decrypt(arguments) => arguments.writes(),
            Self::Group(arguments) => arguments.writes(),
            Self::Member(arguments) => arguments.writes(),
            Self::Offboard(arguments) => arguments.writes(),
            Self::Owners(arguments) => arguments.writes(),
            Self::Rekey(arguments) => arguments.writes(),
            Self::Resolve(arguments) => arguments.writes(),
            _ => true,
        }
    }
}

/// What every command gets.
struct Context<'a> {
    env: &'a Env,
    ui: &'a Ui,
    /// Shared by all workspaces of the process, so that a passphrase is asked for once.
    identities: &'a Identities<'a>,
    /// Whether the command may write files of a workspace.
    writes: bool,
}

impl<'a> Context<'a> {
    /// Finds the workspace around a file that the command is about. Before a command that writes, what a killed process
    /// has left half done there is finished.
    fn workspace(&self, path: &Path) -> Result<Workspace<'a>, CommandError> {
        let workspace = Workspace::around(self.env, path, self.identities)?;
        if self.writes {
            recovered::recover(&workspace, self.ui)?;
        }
        Ok(workspace)
    }

    /// Reads a plaintext, which may lie anywhere; but in a repository it must not be behind a link, or who can commit
    /// one would choose which of the user's files is encrypted to him.
    fn read_plaintext(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, CommandError> {
        let (workspace, target) = self.plaintext(path)?;
        Ok(workspace.read(target)?.bytes)
    }

    /// Opens a plaintext, to be read piece by piece; see [`Self::read_plaintext`].
    fn plaintext_source(&self, path: &Path) -> Result<Source, CommandError> {
        let (workspace, target) = self.plaintext(path)?;
        Ok(Source::open(&target.path, workspace.within())?)
    }

    fn plaintext(&self, path: &Path) -> Result<(Workspace<'a>, Target), CommandError> {
        let workspace = self.workspace(path)?;
        let target = workspace.target(path)?;
        if workspace.root().is_some() {
            workspace.refuse_links(&target)?;
        }
        Ok((workspace, target))
    }
}

/// Runs the program with these arguments (the first is the program's name) and returns its exit code.
///
/// `unprotected` says why this process can be dumped, if it can.
pub fn run(arguments: impl IntoIterator<Item = OsString>, env: &Env, unprotected: Option<&ProcessError>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match lean::parse(&arguments).map_or_else(|| Cli::try_parse_from(&arguments), Ok) {
        Ok(cli) => cli,
        Err(error) => return error::usage(&error),
    };
    let env = match &cli.global.directory {
        Some(directory) => env.in_dir(directory),
        None => env.clone(),
    };
    let ui = Ui::new(&env, cli.global.quiet);
    if let Some(error) = unprotected {
        ui.warn(&format!("{error}"));
    }
    // Plaintext that a killed `edit` left in memory-backed storage is removed by whichever command comes next.
    crate::fs::ScratchFolder::sweep(&env);
    let identities = Identities::discover(&env, &cli.global.identities, &ui);
    let writes = cli.command.writes();
    let context = Context { env: &env, ui: &ui, identities: &identities, writes };
    match dispatch(cli.command, &context) {
        Ok(code) => code,
        Err(error) => error.report(&ui),
    }
}

/// Ends a process that could not even read its environment.
pub fn without_environment(error: &std::io::Error) -> u8 {
    error::without_environment(error)
}

/// Returns the whole command line, for help, documentation and completion.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Returns the exit code: that of the program, where one was run for the user.
fn dispatch(command: Command, context: &Context<'_>) -> Result<u8, CommandError> {
    match command {
        Command::Access(arguments) => access::run(&arguments, context),
        Command::Approve(arguments) => approve::run(arguments, context),
        Command::Completions(arguments) => completions::run(&arguments, context),
        Command::Compromised(arguments) => compromised::run(&arguments, context),
        Command::Decrypt(arguments) => decrypt::run(arguments, context),
        Command::Diff(arguments) => diff::run(&arguments, context),
        Command::Doctor(arguments) => doctor::run(&arguments, context),
        Command::Drill(arguments) => drill::run(&arguments, context),
        Command::Due(arguments) => due::run(&arguments, context),
        Command::Edit(arguments) => edit::run(arguments, context),
        Command::Encrypt(arguments) => encrypt::run(arguments, context),
        Command::Exec(arguments) => return exec::run(&arguments, context),
        Command::Export(arguments) => export::run(arguments, context),
        Command::Generate(arguments) => generate::run(&arguments, context),
        Command::Get(arguments) => get::run(&arguments, context),
        Command::Git(arguments) => git::run(arguments, context),
        Command::Group(arguments) => group::run(arguments, context),
        Command::Info(arguments) => info::run(&arguments, context),
        Command::Init(arguments) => init::run(arguments, context),
        Command::Keygen(arguments) => keygen::run(&arguments, context),
        Command::Log(arguments) => log::run(&arguments, context),
        Command::Ls(arguments) => ls::run(&arguments, context),
        Command::Man(arguments) => man::run(&arguments, context),
        Command::Member(arguments) => member::run(arguments, context),
        Command::Meta(arguments) => meta::run(arguments, context),
        Command::Mv(arguments) => mv::run(&arguments, context),
        Command::Offboard(arguments) => offboard::run(&arguments, context),
        Command::Owners(arguments) => owners::run(&arguments, context),
        Command::Rekey(arguments) => rekey::run(arguments, context),
        Command::Request(arguments) => request::run(arguments, context),
        Command::Resolve(arguments) => resolve::run(&arguments, context),
        Command::Rollback(arguments) => rollback::run(&arguments, context),
        Command::Rotate(arguments) => rotate::run(&arguments, context),
        Command::Set(arguments) => set::run(arguments, context),
        Command::Show(arguments) => show::run(&arguments, context),
        Command::Status(arguments) => status::run(&arguments, context),
        Command::Unset(arguments) => unset::run(&arguments, context),
        Command::Verify(arguments) => verify::run(arguments, context),
        Command::Who(arguments) => who::run(&arguments, context),
        Command::Whoami(arguments) => whoami::run(&arguments, context),
    }?;
    Ok(0)
}
