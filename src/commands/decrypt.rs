//! `secret decrypt`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::decrypt_tree::{self, refuse_twice};
use super::{CommandError, Context, decrypt_large, recovered};
use crate::envelope::native::{EncryptedFile, MAX_ENCRYPTED, OPAQUE_TOP, OpaqueTop, ReadError, peek_file_id};
use crate::fs::{self, Expect, FsError, Kind, Mode, Root, Snapshot};
use crate::process;
use crate::workspace::{AnyFile, Found, Workspaces, each_on_all_cores};

/// Decrypt one file to stdout, or a whole tree to a folder
///
/// Nothing is written before all files were authenticated. A file that stands elsewhere in the repository than it was
/// encrypted for is refused, so that staging is never deployed as production. A plaintext takes the place of another
/// plaintext, but never of an encrypted file or a link. Of a folder all encrypted files are decrypted; what is not
/// encrypted is left out, unless a rule of the policy is for it: then it is refused.
#[derive(Args)]
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
#[command(after_help = EXAMPLES)]
pub struct DecryptArgs {
    /// The encrypted files, or with --output-dir folders of them
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
  secret decrypt secrets/db.yaml secrets/app.env --output-dir run
  secret decrypt secrets/prod --output-dir run";

impl DecryptArgs {
    /// Tells whether encrypted files may be replaced.
    pub fn writes(&self) -> bool {
        self.in_place
    }
}

pub fn run(arguments: DecryptArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let mut workspaces = Workspaces::new(context.env, context.identities);
    if let Some(folder) = &arguments.output_dir {
        return decrypt_tree::run(folder, &arguments, &mut workspaces, context);
    }
    if arguments.files.len() > 1 && !arguments.in_place {
        return Err(CommandError::usage("several files need --output-dir DIR"));
    }
    // All or nothing: the first file is written when the last one is authentic.
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for path in &arguments.files {
        match find(path, &arguments, &mut workspaces, context) {
            Ok(file) => found.push(file),
            Err(error) => errors.push(error),
        }
    }
    // Large ones stay open.
    process::allow_open_files(found.len());
    let openers = workspaces.openers();
    let mut files = Vec::new();
    for result in each_on_all_cores(&found, |file| file.open(&openers, arguments.at_any_path)) {
        let checked = match result {
            // One by one: each takes all cores.
            Ok(AnyFile::Large(file)) if arguments.files.len() > 1 => {
                file.verify().map(|file| AnyFile::Large(Box::new(file.into_file())))
            }
            result => result,
        };
        match checked {
            Ok(file) => files.push(file),
            Err(error) => errors.push(error.into()),
        }
    }
    CommandError::worst(errors, context.ui)?;
    if arguments.in_place {
        return replace(&workspaces, &found, &files, context);
    }
    for file in files {
        match (file, &arguments.output) {
            (AnyFile::Whole(file), Some(output)) => write_to(output, &file.opened.plaintext, context)?,
            (AnyFile::Whole(file), None) => context.ui.reveal(&file.opened.plaintext)?,
            (AnyFile::Large(file), Some(output)) => decrypt_large::write_to(output, &file, context)?,
            (AnyFile::Large(file), None) => decrypt_large::reveal(*file, context)?,
        }
    }
    Ok(())
}

/// Finds a file in its own workspace: where another one stands does not decide what is checked of it.
fn find(
    path: &Path,
    arguments: &DecryptArgs,
    workspaces: &mut Workspaces<'_>,
    context: &Context<'_>,
) -> Result<Found, CommandError> {
    if workspaces.is_folder(path)? {
        let error = FsError::NotFile { kind: Kind::Folder, path: fs::real_path(&workspaces.absolute(path))? };
        return Err(CommandError::from(error).hint("or decrypt all of it with --output-dir DIR"));
    }
    let found = workspaces.find(path)?;
    if arguments.in_place {
        recovered::recover(workspaces.of(&found), context.ui)?;
        workspaces.of(&found).refuse_links(&found.target)?;
    }
    Ok(found)
}

/// Puts plaintexts in the place of their files.
fn replace(
    workspaces: &Workspaces<'_>,
    found: &[Found],
    files: &[AnyFile],
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let places = files.iter().map(|file| Ok((fs::real_path(&file.target().path)?, file.target())));
    refuse_twice(places.collect::<Result<Vec<_>, CommandError>>()?)?;
    for (found, file) in found.iter().zip(files) {
        let workspace = workspaces.of(found);
        match file {
            AnyFile::Whole(file) => {
                let expect = Expect::Unchanged(&file.snapshot);
                workspace.write_new(&file.target, &file.opened.plaintext, expect, Mode::Private)?;
            }
            AnyFile::Large(file) => {
                let expect = Expect::Same(file.source()?.identity());
                file.write_content(&file.target.path, workspace.within(), expect)?;
            }
        }
        let shown = &file.target().shown;
        context.ui.note(&format!("{shown} is in plaintext now; `secret encrypt {shown}` makes it what it was"));
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
        refuse_encrypted(&path, &content)?;
        Ok(Self { path, plaintext, former: Some(Snapshot::of(&content)) })
    }

    /// Writes the plaintext; refused if something else stands there by now.
    fn write(&self, within: Option<&Root>) -> Result<(), CommandError> {
        let expect = self.former.as_ref().map_or(Expect::Absent, Expect::Unchanged);
        Ok(fs::replace(&self.path, within, self.plaintext, expect, Mode::Private)?)
    }
}

/// Refuses to write over an encrypted file.
pub(super) fn refuse_encrypted(path: &Path, content: &[u8]) -> Result<(), CommandError> {
    match EncryptedFile::parse(content) {
        // Tokens whose header is gone are of no use to anybody.
        Err(ReadError::NotEncrypted | ReadError::TokensWithoutHeader { .. }) => Ok(()),
        _ => Err(not_overwritten(path)),
    }
}

/// Refuses to write over an encrypted file of which at most the first [`OPAQUE_TOP`] bytes were read.
pub(super) fn refuse_encrypted_top(path: &Path, top: &[u8]) -> Result<(), CommandError> {
    if top.len() < OPAQUE_TOP {
        return refuse_encrypted(path, top);
    }
    // Blanks may stand before a JSON document.
    match OpaqueTop::parse(top) {
        Ok(None) if peek_file_id(top).is_none() && !top.iter().all(u8::is_ascii_whitespace) => Ok(()),
        _ => Err(not_overwritten(path)),
    }
}

fn not_overwritten(path: &Path) -> CommandError {
    CommandError::failed(format!("{} is an encrypted file; it is not overwritten", path.display()))
        .hint("write elsewhere, or decrypt it with --in-place")
}
