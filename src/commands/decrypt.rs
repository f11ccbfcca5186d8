//! `secret decrypt`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{CommandError, Context};
use crate::envelope::native::{EncryptedFile, MAX_ENCRYPTED};
use crate::fs::{Expect, Mode, Root, create_private_folder, create_private_folder_in, kind, read};
use crate::workspace::{Error, OpenFile, Workspace};

/// Decrypt one file to stdout, or several to a folder
///
/// Nothing is written before all of a file was authenticated. A file that stands elsewhere in the repository than it
/// was encrypted for is refused, so that staging is never deployed as production.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct DecryptArgs {
    /// The encrypted files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the plaintext to this file, readable by you alone
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["output_dir", "in_place"])]
    output: Option<PathBuf>,
    /// Write all plaintexts to this folder, under their paths in the repository
    #[arg(long, value_name = "DIR", conflicts_with = "in_place")]
    output_dir: Option<PathBuf>,
    /// Replace the encrypted files by their plaintexts
    #[arg(long)]
    in_place: bool,
    /// Accept a file at another path than it was encrypted for
    #[arg(long)]
    at_any_path: bool,
}

pub const EXAMPLES: &str = "\
Examples:
  secret decrypt secrets/db.yaml
  secret decrypt secrets/db.yaml -o db.yaml
  secret decrypt secrets/db.yaml secrets/app.env --output-dir run";

pub fn run(arguments: DecryptArgs, context: &Context<'_>) -> Result<(), CommandError> {
    if arguments.files.len() > 1 && arguments.output_dir.is_none() && !arguments.in_place {
        return Err(CommandError::usage("several files need --output-dir DIR"));
    }
    let workspace = context.workspace(&arguments.files[0])?;
    // All or nothing: the first file is written when the last one is authentic.
    let mut opened = Vec::new();
    let mut errors = Vec::new();
    for file in &arguments.files {
        match workspace.target(file).and_then(|target| workspace.open(target, arguments.at_any_path)) {
            Ok(file) => opened.push(file),
            Err(error) => errors.push(error.into()),
        }
    }
    CommandError::worst(errors, context.ui)?;
    opened.iter().try_for_each(|file| publish(file, &arguments, &workspace, context))
}

fn publish(
    file: &OpenFile,
    arguments: &DecryptArgs,
    workspace: &Workspace<'_>,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let plaintext = &file.opened.plaintext;
    if arguments.in_place {
        workspace.write_new(&file.target, plaintext, Expect::Unchanged(&file.snapshot), Mode::Private)?;
        context
            .ui
            .note(&format!("{0} is in plaintext now; `secret encrypt {0}` makes it what it was", file.target.shown));
        return Ok(());
    }
    let output = match (&arguments.output, &arguments.output_dir) {
        (Some(output), _) => context.env.current_dir().join(output),
        (None, Some(folder)) => context.env.current_dir().join(folder).join(below(file)?),
        (None, None) => return Ok(context.ui.reveal(plaintext)?),
    };
    // A link in the repository may have been committed by somebody who wants to read along elsewhere.
    let root = match (&arguments.output_dir, workspace.root()) {
        (Some(folder), _) => {
            let folder = context.env.current_dir().join(folder);
            create_private_folder(&folder)?;
            Some(Root::open(&folder)?)
        }
        (None, Some(root)) if output.starts_with(root) => Some(Root::open(root)?),
        (None, _) => None,
    };
    if let (Some(_), Some(root), Some(folder)) = (&arguments.output_dir, &root, output.parent()) {
        create_private_folder_in(root, folder)?;
    }
    refuse_encrypted(&output, root.as_ref())?;
    crate::fs::replace(&output, root.as_ref(), plaintext, Expect::Anything, Mode::Private)?;
    Ok(())
}

/// Refuses to put a plaintext in the place of an encrypted file by another way than `--in-place`.
fn refuse_encrypted(output: &Path, root: Option<&Root>) -> Result<(), CommandError> {
    if kind(output)?.is_some() && EncryptedFile::parse(&read(output, root, MAX_ENCRYPTED)?).is_ok() {
        return Err(CommandError::failed(format!("{} is an encrypted file; it is not overwritten", output.display()))
            .hint("write elsewhere, or decrypt it with --in-place"));
    }
    Ok(())
}

/// Returns the path of a file below the output folder: that in its header, which somebody with the key wrote.
fn below(file: &OpenFile) -> Result<PathBuf, CommandError> {
    let path = Path::new(&file.opened.header.path);
    let is_name = |component| matches!(component, std::path::Component::Normal(_));
    if path.components().all(is_name) {
        return Ok(path.to_path_buf());
    }
    Err(Error::AtOtherPath { path: file.target.shown.clone(), recorded: file.opened.header.path.clone() }.into())
}
