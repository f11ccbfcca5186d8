//! `secret export`.

#![allow(clippy::doc_markdown, reason = "doc comments are help texts here")]

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::deploy::{self, NamingArgs};
use super::{CommandError, Context, decrypt};
use crate::workspace::deploy::TreeFormat;
use crate::workspace::spell::SecretNames;

/// Print the values of encrypted files in a format that another program reads
///
/// The formats dotenv, shell and k8s have one name for each value, as `secret exec`: db.user becomes DB_USER. The
/// formats json, toml and yaml keep types and nesting; of several files they have the top keys side by side.
///
/// What a format cannot hold is refused, and nothing is printed. Nothing is printed before all of every file was
/// authenticated.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// The encrypted files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format
    #[arg(short = 'F', long, value_enum)]
    format: ExportFormat,
    #[command(flatten)]
    naming: NamingArgs,
    /// The name of the Kubernetes Secret
    #[arg(long, value_name = "NAME", required_if_eq("format", "k8s"))]
    name: Option<String>,
    /// The namespace of the Kubernetes Secret
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Write to this file, readable by you alone
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Accept a file at another path than it was encrypted for
    #[arg(long)]
    at_any_path: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// NAME=value, as shells, node and python-dotenv read alike
    Dotenv,
    /// JSON
    Json,
    /// A Kubernetes Secret
    K8s,
    /// Commands for `eval` in a POSIX shell
    Shell,
    /// TOML 1.0
    Toml,
    /// YAML, the same for readers of 1.1 and 1.2
    Yaml,
}

pub const EXAMPLES: &str = "\
Examples:
  eval \"$(secret export secrets/db.yaml --format shell)\"
  secret export secrets/db.yaml secrets/app.env --format dotenv -o run.env
  secret export secrets/db.yaml --format json
  secret export secrets/app.env --format k8s --name app --namespace prod";

pub fn run(arguments: ExportArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let names = secret_names(&arguments)?;
    let tree = match arguments.format {
        ExportFormat::Json => Some(TreeFormat::Json),
        ExportFormat::Toml => Some(TreeFormat::Toml),
        ExportFormat::Yaml => Some(TreeFormat::Yaml),
        ExportFormat::Dotenv | ExportFormat::K8s | ExportFormat::Shell => None,
    };
    if tree.is_some() && !arguments.naming.is_default() {
        return Err(CommandError::usage("--only, --except, --prefix and --allow are for formats of names and values")
            .hint("`secret get FILE KEY --json` prints a part of a document"));
    }
    let naming = arguments.naming.naming(arguments.format == ExportFormat::K8s)?;
    let deployment = deploy::open(&arguments.files, arguments.at_any_path, context)?;
    let text = match tree {
        Some(format) => deployment.document(format)?,
        None => {
            let variables = deployment.variables(&naming)?;
            let text = match (arguments.format, &names) {
                (ExportFormat::K8s, Some(names)) => variables.kubernetes(names),
                (ExportFormat::Shell, _) => variables.shell(),
                _ => variables.dotenv(),
            }?;
            deploy::warn_of_identities(&variables, context.ui);
            text
        }
    };
    match &arguments.output {
        Some(output) => decrypt::write_to(output, text.as_bytes(), context),
        None => Ok(context.ui.reveal(text.as_bytes())?),
    }
}

/// Returns what the Secret is called; these options are for nothing else.
fn secret_names(arguments: &ExportArgs) -> Result<Option<SecretNames<'_>>, CommandError> {
    let is_secret = arguments.format == ExportFormat::K8s;
    if !is_secret && (arguments.name.is_some() || arguments.namespace.is_some()) {
        return Err(CommandError::usage("--name and --namespace are for --format k8s"));
    }
    let Some(name) = arguments.name.as_deref() else { return Ok(None) };
    let names = SecretNames { name, namespace: arguments.namespace.as_deref() };
    match names.refused() {
        Some(name) => Err(CommandError::usage(format!("{name:?} is no name that Kubernetes takes"))
            .hint("names have small letters, digits and `-` inside")),
        None => Ok(Some(names)),
    }
}
