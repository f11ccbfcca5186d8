//! `secret decrypt`.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use clap::Args;

use super::decrypt_large::LargeFiles;
use super::{CommandError, Context};
use crate::envelope::native::{EncryptedFile, Header, MAX_ENCRYPTED, ReadError};
use crate::fs::{self, Expect, Mode, Root, Snapshot};
use crate::workspace::{OpenFile, Target};

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
    pub(super) files: Vec<PathBuf>,
    /// Write the plaintext to this file, readable by you alone
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["output_dir", "in_place"])]
    pub(super) output: Option<PathBuf>,
    /// Write all plaintexts to this folder, under their paths in the repository
    #[arg(long, value_name = "DIR", conflicts_with = "in_place")]
    pub(super) output_dir: Option<PathBuf>,
    /// Replace the encrypted files by their plaintexts
    #[arg(long)]
    pub(super) in_place: bool,
    /// Accept a file at another path than it was encrypted for
    #[arg(long)]
    pub(super) at_any_path: bool,
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
    let mut paths = Vec::new();
    let mut large = LargeFiles::default();
    let mut errors = Vec::new();
    for file in &arguments.files {
        match large.take(file, &arguments, context) {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                errors.push(error);
                continue;
            }
        }
        match open(file, &arguments, context) {
            Ok(file_opened) => {
                opened.push(file_opened);
                paths.push(file.clone());
            }
            Err(error) => errors.push(error),
        }
    }
    CommandError::worst(errors, context.ui)?;
    let mut places = Vec::new();
    for file in opened.iter().filter(|_| arguments.output_dir.is_some()) {
        places.push((path_below(&file.target, &file.opened.header)?, file.target.shown.clone()));
    }
    let large = large.prepare(&arguments, places, context)?;
    match (&arguments.output, &arguments.output_dir) {
        _ if arguments.in_place => replace(&paths, &opened, context)?,
        (Some(output), _) => opened.iter().try_for_each(|file| write_to(output, file, context))?,
        (None, Some(folder)) => write_below(folder, &opened, context)?,
        (None, None) => opened.iter().try_for_each(|file| context.ui.reveal(&file.opened.plaintext))?,
    }
    large.write(context)
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
fn write_to(output: &Path, file: &OpenFile, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(output)?;
    let target = workspace.target(output)?;
    workspace.refuse_links(&target)?;
    Output::new(target.path, file, workspace.within())?.write(workspace.within())
}

/// Writes plaintexts below a folder.
fn write_below(folder: &Path, files: &[OpenFile], context: &Context<'_>) -> Result<(), CommandError> {
    let paths = files.iter().map(|file| Ok((path_below(&file.target, &file.opened.header)?, file)));
    let paths = refuse_twice(paths.collect::<Result<Vec<_>, CommandError>>()?)?;
    let root = output_folder(folder, context)?;
    let mut outputs = Vec::new();
    for (path, file) in paths {
        root.refuse_links(&path)?;
        outputs.push(Output::new(root.path().join(path), file, Some(&root))?);
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
pub(super) fn output_folder(folder: &Path, context: &Context<'_>) -> Result<Root, CommandError> {
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
    fn new(path: PathBuf, file: &'f OpenFile, within: Option<&Root>) -> Result<Self, CommandError> {
        let plaintext = &file.opened.plaintext;
        if fs::kind(&path)?.is_none() {
            return Ok(Self { path, plaintext, former: None });
        }
        let content = fs::read(&path, within, MAX_ENCRYPTED)?;
        match EncryptedFile::parse(&content) {
            // Tokens whose header is gone are of no use to anybody.
            Err(ReadError::NotEncrypted | ReadError::TokensWithoutHeader { .. }) => {
                Ok(Self { path, plaintext, former: Some(Snapshot::of(&content)) })
            }
            _ => Err(not_overwritten(&path)),
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
            return Err(both_written(one, other, &place));
        }
        known.insert(place, file);
    }
    Ok(known)
}

pub(super) fn both_written(one: &str, other: &str, place: &Path) -> CommandError {
    CommandError::failed(format!("{one} and {other} would both be written to {}", place.display()))
        .hint("decrypt them one by one, with -o FILE")
}

pub(super) fn not_overwritten(path: &Path) -> CommandError {
    CommandError::failed(format!("{} is an encrypted file; it is not overwritten", path.display()))
        .hint("write elsewhere, or decrypt it with --in-place")
}

/// Returns the path of a file below the output folder: that in its header.
///
/// Everybody can write a header. Where the file does not stand at its path, nothing vouches for that: then it may not
/// name what programs look for at the top of a folder, as shells do for `.profile`.
pub(super) fn path_below(target: &Target, header: &Header) -> Result<PathBuf, CommandError> {
    let (shown, recorded) = (&target.shown, &header.path);
    let path = Path::new(recorded);
    let is_name = |part| matches!(part, Component::Normal(name) if !name.eq_ignore_ascii_case(".git"));
    let is_vouched_for = target.recorded.as_ref() == Some(recorded) || !recorded.starts_with('.');
    if path.file_name().is_some() && path.components().all(is_name) && is_vouched_for {
        return Ok(path.to_path_buf());
    }
    Err(CommandError::failed(format!("{shown} was encrypted as {recorded}: no plaintext is written to such a path"))
        .hint("name the place yourself, with -o FILE"))
}
