//! `secret decrypt`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::{CommandError, Context};
use crate::envelope::native::{EncryptedFile, MAX_ENCRYPTED, ReadError};
use crate::fs::{self, Expect, Mode, Root, Snapshot};
use crate::workspace::OpenFile;

/// Decrypt one file to stdout, or several to a folder
///
/// Nothing is written before all of a file was authenticated. A file that stands elsewhere in the repository than it
/// was encrypted for is refused, so that staging is never deployed as production. A plaintext takes the place of
/// another plaintext, but never of an encrypted file or a link.
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
    // All or nothing: the first file is written when the last one is authentic.
    let mut opened = Vec::new();
    let mut errors = Vec::new();
    for file in &arguments.files {
        match open(file, &arguments, context) {
            Ok(file) => opened.push(file),
            Err(error) => errors.push(error),
        }
    }
    CommandError::worst(errors, context.ui)?;
    match (&arguments.output, &arguments.output_dir) {
        _ if arguments.in_place => replace(&arguments.files, &opened, context),
        (Some(output), _) => opened.iter().try_for_each(|file| write_to(output, &file.opened.plaintext, context)),
        (None, Some(folder)) => write_below(folder, &opened, context),
        (None, None) => Ok(opened.iter().try_for_each(|file| context.ui.reveal(&file.opened.plaintext))?),
    }
}

/// Opens a file in its own workspace: where another one stands does not decide what is checked of it.
fn open(file: &Path, arguments: &DecryptArgs, context: &Context<'_>) -> Result<OpenFile, CommandError> {
    let workspace = context.workspace(file)?;
    let target = workspace.target(file)?;
    if arguments.in_place {
        workspace.refuse_links(&target)?;
    }
    Ok(workspace.open(target, arguments.at_any_path)?)
}

/// Puts plaintexts in the place of their files.
fn replace(paths: &[PathBuf], files: &[OpenFile], context: &Context<'_>) -> Result<(), CommandError> {
    let places = files.iter().map(|file| Ok((fs::real_path(&file.target.path)?, file)));
    refuse_twice(places.collect::<Result<Vec<_>, CommandError>>()?)?;
    for (path, OpenFile { target, snapshot, opened, .. }) in paths.iter().zip(files) {
        let workspace = context.workspace(path)?;
        workspace.write_new(target, &opened.plaintext, Expect::Unchanged(snapshot), Mode::Private)?;
        context.ui.note(&format!("{0} is in plaintext now; `secret encrypt {0}` makes it what it was", target.shown));
    }
    Ok(())
}

/// Writes a plaintext to a file that the user names.
pub(super) fn write_to(output: &Path, plaintext: &[u8], context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(output)?;
    let target = workspace.target(output)?;
    workspace.refuse_links(&target)?;
    Output::new(target.path, plaintext, workspace.within())?.write(workspace.within())
}

/// Writes plaintexts below a folder.
fn write_below(folder: &Path, files: &[OpenFile], context: &Context<'_>) -> Result<(), CommandError> {
    let paths = files.iter().map(|file| Ok((path_below(file)?, file)));
    let paths = refuse_twice(paths.collect::<Result<Vec<_>, CommandError>>()?)?;
    let root = output_folder(folder, context)?;
    let mut outputs = Vec::new();
    for (path, file) in paths {
        root.refuse_links(&path)?;
        outputs.push(Output::new(root.path().join(path), &file.opened.plaintext, Some(&root))?);
    }
    for output in outputs {
        if let Some(folder) = output.path.parent() {
            fs::create_private_folder(folder, Some(&root))?;
        }
        output.write(Some(&root))?;
    }
    Ok(())
}

/// Opens the output folder, which is made if it is missing.
fn output_folder(folder: &Path, context: &Context<'_>) -> Result<Root, CommandError> {
    let workspace = context.workspace(folder)?;
    let target = workspace.target(folder)?;
    if workspace.root().is_some() {
        workspace.refuse_links(&target)?;
    }
    fs::create_private_folder(&target.path, workspace.within())?;
    Ok(Root::open(&target.path)?)
}

/// A plaintext on its way to a file.
struct Output<'f> {
    path: PathBuf,
    plaintext: &'f [u8],
    /// The plaintext that stands there.
    former: Option<Snapshot>,
}

impl<'f> Output<'f> {
    /// Looks at what stands at the output's place: only a plaintext may, in a regular file.
    fn new(path: PathBuf, plaintext: &'f [u8], within: Option<&Root>) -> Result<Self, CommandError> {
        if fs::kind(&path)?.is_none() {
            return Ok(Self { path, plaintext, former: None });
        }
        let content = fs::read(&path, within, MAX_ENCRYPTED)?;
        match EncryptedFile::parse(&content) {
            // Tokens whose header is gone are of no use to anybody.
            Err(ReadError::NotEncrypted | ReadError::TokensWithoutHeader { .. }) => {
                Ok(Self { path, plaintext, former: Some(Snapshot::of(&content)) })
            }
            _ => Err(CommandError::failed(format!("{} is an encrypted file; it is not overwritten", path.display()))
                .hint("write elsewhere, or decrypt it with --in-place")),
        }
    }

    /// Writes the plaintext; refused if something else stands there by now.
    fn write(&self, within: Option<&Root>) -> Result<(), CommandError> {
        let expect = self.former.as_ref().map_or(Expect::Absent, Expect::Unchanged);
        Ok(fs::replace(&self.path, within, self.plaintext, expect, Mode::Private)?)
    }
}

/// Refuses two plaintexts for one place, of which the second would silently win.
fn refuse_twice(places: Vec<(PathBuf, &OpenFile)>) -> Result<BTreeMap<PathBuf, &OpenFile>, CommandError> {
    let mut known: BTreeMap<PathBuf, &OpenFile> = BTreeMap::new();
    for (place, file) in places {
        if let Some(other) = known.get(&place) {
            let (one, other) = (&other.target.shown, &file.target.shown);
            return Err(CommandError::failed(format!(
                "{one} and {other} would both be written to {}",
                place.display()
            ))
            .hint("decrypt them one by one, with -o FILE"));
        }
        known.insert(place, file);
    }
    Ok(known)
}

/// Returns the path of a file below the output folder: that in its header.
///
/// Everybody can write a header. Where the file does not stand at its path, nothing vouches for that: then it may not
/// name what programs look for at the top of a folder, as shells do for `.profile`.
fn path_below(file: &OpenFile) -> Result<PathBuf, CommandError> {
    let (shown, recorded) = (&file.target.shown, &file.opened.header.path);
    let path = Path::new(recorded);
    let is_name = |part| matches!(part, Component::Normal(name) if !name.eq_ignore_ascii_case(".git"));
    let is_vouched_for = file.target.recorded.as_ref() == Some(recorded) || !recorded.starts_with('.');
    if path.file_name().is_some() && path.components().all(is_name) && is_vouched_for {
        return Ok(path.to_path_buf());
    }
    Err(CommandError::failed(format!("{shown} was encrypted as {recorded}: no plaintext is written to such a path"))
        .hint("name the place yourself, with -o FILE"))
}
