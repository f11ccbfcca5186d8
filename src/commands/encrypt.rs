//! `secret encrypt`.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use zeroize::Zeroizing;

use super::consent::ConsentArgs;
use super::meta::MetadataArgs;
use super::{CommandError, Context};
use crate::document::Format;
use crate::envelope::native::MAX_ENCRYPTED;
use crate::fs::{self, Expect, Mode, Snapshot};
use crate::workspace::{
    Creation, CreationRequest, LargeContent, LargeRequest, STREAM_ABOVE, Source, StoredOpaque, Target, Workspace,
};

/// Encrypt files in place, to the readers that the policy names
///
/// Each value and comment is sealed by itself; the rest of the file stays as it is. What is written was opened again
/// and compared with the plaintext first. Where git has an encrypted form of the file (it was decrypted in place),
/// its key and the tokens of unchanged values are taken up again.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct EncryptArgs {
    /// The plaintext files, or folders: the files below that some rule is for; `-` is standard input, with --path
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the encrypted file here, and leave the plaintext as it is
    #[arg(short, long, value_name = "FILE", conflicts_with = "path")]
    output: Option<PathBuf>,
    /// The path in the repository that standard input is encrypted for
    #[arg(long, value_name = "PATH")]
    path: Option<PathBuf>,
    /// The format: dotenv, ini, json, opaque, toml, yaml [default: by name]
    #[arg(long)]
    format: Option<Format>,
    /// Start a new file, although git has an encrypted form of it
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    metadata: MetadataArgs,
}

pub const EXAMPLES: &str = "\
Examples:
  secret encrypt secrets/plain.env
  secret encrypt secrets
  secret encrypt secrets/plain.env --owner payments --rotate-every 90d
  secret encrypt secrets/plain.env -o secrets/sealed.env
  secret encrypt - --path secrets/new.env < secrets/plain.env";

pub fn run(arguments: EncryptArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    if arguments.files.len() > 1 && (arguments.output.is_some() || arguments.files.iter().any(is_stdin)) {
        return Err(CommandError::usage("-o and standard input take one file"));
    }
    if arguments.files.iter().any(is_stdin) != arguments.path.is_some() {
        return Err(CommandError::usage("--path says what standard input (-) is encrypted for"));
    }
    let mut errors = Vec::new();
    for path in &arguments.files {
        match files(path, &arguments, context) {
            Ok(files) => errors.extend(files.iter().filter_map(|file| encrypt(file, &arguments, context).err())),
            Err(error) => errors.push(error),
        }
    }
    CommandError::worst(errors, context.ui)
}

/// Returns the files that an argument names.
fn files(path: &Path, arguments: &EncryptArgs, context: &Context<'_>) -> Result<Vec<PathBuf>, CommandError> {
    let is_folder = path.as_os_str() != "-" && fs::leads_to_folder(&context.env.current_dir().join(path));
    if !is_folder || arguments.output.is_some() {
        return Ok(vec![path.to_path_buf()]);
    }
    let files = context.workspace(path)?.plaintext_files(path)?;
    if files.is_empty() {
        context.ui.note(&format!("all files in {} that a rule is for are encrypted", path.display()));
    }
    Ok(files.into_iter().map(|target| PathBuf::from(target.shown)).collect())
}

fn encrypt(file: &Path, arguments: &EncryptArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let source = if file.as_os_str() == "-" { None } else { Some(file) };
    let recorded = arguments.path.as_deref().or(arguments.output.as_deref()).unwrap_or(file);
    let workspace = context.workspace(recorded)?;
    let target = workspace.target(recorded)?;
    let (creation, former) = match read_large(source, &workspace, &target, arguments, context)? {
        Read::Large(content) => {
            let is_in_place = source.is_some() && arguments.output.is_none();
            let former = if is_in_place { Former::Source(Arc::clone(&content)) } else { Former::Other };
            let request = LargeRequest {
                target: target.clone(),
                content,
                format: arguments.format,
                metadata: arguments.metadata.change(),
                is_fresh: arguments.fresh,
            };
            (workspace.create_large(request)?, former)
        }
        Read::Small(plaintext, former) => {
            // A failed command in front of a pipe must not become a secret that is empty.
            let is_nothing = source.is_none() && plaintext.is_empty();
            let request = CreationRequest {
                target: target.clone(),
                plaintext,
                format: arguments.format,
                metadata: arguments.metadata.change(),
                is_fresh: arguments.fresh,
            };
            let creation = workspace.create(request)?;
            if is_nothing {
                return Err(CommandError::failed("nothing came from standard input")
                    .hint("an empty file is encrypted by its name, not from standard input"));
            }
            (creation, former)
        }
    };
    arguments.consent.check(&workspace)?;
    arguments.consent.agree_to_unreviewed(&target.shown, &creation.unreviewed, context)?;
    // A file that git knows was made private by `decrypt --in-place`; encrypted it needs not be.
    let mode = if creation.resumed.is_some() { Mode::New(0o666) } else { Mode::KeepOr(0o666) };
    match former.expect() {
        Some(expect) => workspace.write_creation(&target, &creation, expect, mode)?,
        None => {
            let former = expect_new(&workspace, &target)?;
            write(&workspace, &target, &creation, former.expect().unwrap_or(Expect::Absent))?;
        }
    }
    tell(&target, &creation, context);
    Ok(())
}

/// What is read to be encrypted.
enum Read {
    /// It is in memory.
    Small(Zeroizing<Vec<u8>>, Former),
    /// It is read piece by piece.
    Large(Arc<LargeContent>),
}

/// What the encrypted file takes the place of.
enum Former {
    /// Nothing, or what is not known yet.
    Other,
    /// A file that was read.
    Snapshot(Snapshot),
    /// The plaintext itself.
    Source(Arc<LargeContent>),
    /// A large encrypted file.
    Stored(Box<StoredOpaque>),
}

impl Former {
    fn expect(&self) -> Option<Expect<'_>> {
        match self {
            Self::Other => None,
            Self::Snapshot(snapshot) => Some(Expect::Unchanged(snapshot)),
            Self::Source(content) => content.source().map(|source| Expect::Same(source.identity())),
            Self::Stored(stored) => Some(Expect::Same(stored.source.identity())),
        }
    }
}

/// Reads the plaintext, or only opens it, if it is one that need not be in memory.
fn read_large(
    source: Option<&Path>,
    workspace: &Workspace<'_>,
    target: &Target,
    arguments: &EncryptArgs,
    context: &Context<'_>,
) -> Result<Read, CommandError> {
    let is_large = |length| workspace.is_large(target, arguments.format, length);
    match source {
        Some(_) if arguments.output.is_none() => {
            workspace.refuse_links(target)?;
            let source = fs::Source::open(&target.path, workspace.within())?;
            if is_large(source.length())? {
                return Ok(Read::Large(Arc::new(LargeContent::File(source))));
            }
            let stored = workspace.read(target.clone())?;
            Ok(Read::Small(stored.bytes, Former::Snapshot(stored.snapshot)))
        }
        Some(path) => {
            let source = context.plaintext_source(path)?;
            if is_large(source.length())? {
                return Ok(Read::Large(Arc::new(LargeContent::File(source))));
            }
            Ok(Read::Small(context.read_plaintext(path)?, Former::Other))
        }
        None => {
            let limit = usize::try_from(STREAM_ABOVE).unwrap_or(MAX_ENCRYPTED) + 1;
            let begin = read_input(std::io::stdin().take(limit as u64), limit)?;
            if !is_large(begin.len() as u64)? {
                let whole = begin.as_slice().chain(std::io::stdin());
                return Ok(Read::Small(read_input(whole, MAX_ENCRYPTED)?, Former::Other));
            }
            let content = workspace.spool(target, begin, std::io::stdin())?.map_err(|error| cannot_read(&error))?;
            Ok(Read::Large(Arc::new(content)))
        }
    }
}

/// Lets an output file be new, or one that is encrypted already; a plaintext is not overwritten.
fn expect_new(workspace: &Workspace<'_>, target: &Target) -> Result<Former, CommandError> {
    if fs::kind(&target.path)?.is_none() {
        return Ok(Former::Other);
    }
    let standing = match workspace.stored_opaque(target) {
        Ok(Some(stored)) => Ok(Former::Stored(Box::new(stored))),
        Ok(None) => workspace.read_encrypted(target.clone()).map(|(stored, _)| Former::Snapshot(stored.snapshot)),
        Err(error) => Err(error),
    };
    standing.map_err(|_| {
        CommandError::failed(format!("{} exists and is not an encrypted file", target.shown))
            .hint("remove it first, or write elsewhere with -o")
    })
}

pub(super) fn write(
    workspace: &Workspace<'_>,
    target: &Target,
    creation: &Creation,
    expect: Expect<'_>,
) -> Result<(), CommandError> {
    Ok(workspace.write_creation(target, creation, expect, Mode::KeepOr(0o666))?)
}

pub(super) fn tell(target: &Target, creation: &Creation, context: &Context<'_>) {
    let ui = context.ui;
    let readers = creation.header.recipients.keys().cloned().collect::<Vec<_>>().join(", ");
    match creation.resumed {
        None => ui.note(&format!("encrypted {}; readers: {readers}", target.shown)),
        Some(_) if !creation.removed.is_empty() => {
            let removed = creation.removed.join(", ");
            let read = if creation.removed.len() == 1 { "reads" } else { "read" };
            ui.note(&format!(
                "encrypted {} with a new key, as {removed} no longer {read} it; readers: {readers}",
                target.shown
            ));
        }
        Some(source) => {
            let place = match source {
                Source::Head => "HEAD",
                Source::Index => "the index",
                Source::WorkTree => "the file it replaces",
            };
            ui.note(&format!("encrypted {} with the key it has in {place}; readers: {readers}", target.shown));
        }
    }
    if let Some(reason) = creation.opaque_because {
        ui.note(&format!("{} is sealed as a whole: {reason}", target.shown));
    }
    if creation.locks_out_user {
        ui.warn(&format!("you are not among the readers of {}", target.shown));
    }
    if creation.is_plaintext_in_history {
        ui.warn(&format!(
            "{} stands in git's history in plaintext: whoever has the repository can read it; replace its values",
            target.shown
        ));
    }
}

/// Reads standard input to its end.
pub(super) fn read_stdin() -> Result<Zeroizing<Vec<u8>>, CommandError> {
    read_input(std::io::stdin(), MAX_ENCRYPTED)
}

fn read_input(input: impl io::Read, limit: usize) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let read = fs::read_at_most(input, 0, limit).map_err(|error| cannot_read(&error))?;
    read.ok_or_else(|| CommandError::failed(format!("standard input has more than {} MiB", limit >> 20)))
}

fn cannot_read(error: &io::Error) -> CommandError {
    CommandError::failed(format!("cannot read standard input: {error}"))
}
