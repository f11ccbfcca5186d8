//! `secret decrypt --output-dir`: many files in one process, all or none.
//!
//! First every file is opened, on all cores, and nothing is written. Then all places are looked at, then all plaintexts
//! are written without a name, and at last they get their names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use zeroize::Zeroizing;

use super::decrypt::{DecryptArgs, refuse_encrypted_top};
use super::{CommandError, Context};
use crate::envelope::native::{Header, OPAQUE_TOP};
use crate::fs::{self, FsError, Outputs, Root, Snapshot, StagedOutput};
use crate::process;
use crate::workspace::{
    AnyFile, Error, Found, OpenFile, OpenOpaque, Opener, Seen, Target, Workspaces, each_on_all_cores,
};

/// A plaintext on its way to the folder.
struct Plaintext<'f> {
    found: &'f Found,
    /// Where it goes, from the folder.
    path: PathBuf,
    content: Content,
}

enum Content {
    Held(Zeroizing<Vec<u8>>),
    /// All of them together are too large to be held: the file, as this was, is opened once more.
    Again(Snapshot),
    /// The file alone is too large to be held. It was authenticated to its end, and is opened once more.
    Large(Seen),
    /// The same, and it is the only file: nothing else waits for its being authentic. So that is found when it is
    /// written, before it gets its name.
    Only(Box<OpenOpaque>),
}

impl Content {
    fn is_large(&self) -> bool {
        matches!(self, Self::Large(_) | Self::Only(_))
    }
}

pub fn run(
    folder: &Path,
    arguments: &DecryptArgs,
    workspaces: &mut Workspaces<'_>,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    let mut errors = Vec::new();
    let found = find_all(folder, arguments, workspaces, context, &mut errors);
    let openers = workspaces.openers();
    let held = AtomicUsize::new(0);
    // A large file is not kept open, and comes later: it takes all cores.
    let results = each_on_all_cores(&found, |(file, _)| match file.open(&openers, arguments.at_any_path)? {
        AnyFile::Large(_) => Ok(None),
        AnyFile::Whole(opened) => {
            let path = path_below(&opened.target, &opened.opened.header)?;
            let OpenFile { snapshot, opened, .. } = *opened;
            let length = opened.plaintext.len();
            let is_held = held.fetch_add(length, Ordering::Relaxed).saturating_add(length) <= MAX_HELD;
            let content = if is_held { Content::Held(opened.plaintext) } else { Content::Again(snapshot) };
            Ok(Some(Plaintext { found: file, path, content }))
        }
    });
    let mut plaintexts = Vec::with_capacity(found.len());
    let mut left_out = Vec::new();
    for ((file, is_named), result) in found.iter().zip(results) {
        let result = match result {
            Ok(Some(plaintext)) => Ok(plaintext),
            Ok(None) => open_large(file, found.len() == 1, &openers, arguments).map_err(Failure::Other),
            Err(failure) => Err(failure),
        };
        match result {
            Ok(plaintext) => plaintexts.push(plaintext),
            Err(Failure::NotEncrypted(_)) if !is_named && !workspaces.of(file).is_governed(&file.target)? => {
                left_out.push(file.target.shown.as_str());
            }
            Err(Failure::NotEncrypted(error) | Failure::Other(error)) => errors.push(error),
        }
    }
    CommandError::worst(errors, context.ui)?;
    if plaintexts.is_empty() {
        return Err(CommandError::failed("there is no encrypted file to decrypt"));
    }
    tell_left_out(&left_out, context);
    write_below(folder, &plaintexts, &openers, arguments, context)
}

/// Opens a large file, and unless it is the only one, authenticates all of it.
fn open_large<'f>(
    found: &'f Found,
    is_only: bool,
    openers: &[Opener<'_>],
    arguments: &DecryptArgs,
) -> Result<Plaintext<'f>, CommandError> {
    let file = open_large_again(found, openers, arguments)?;
    let path = path_below(&file.target, &file.opened.header)?;
    let content = if is_only { Content::Only(file) } else { Content::Large(file.verify()?.into_seen()?) };
    Ok(Plaintext { found, path, content })
}

fn open_large_again(
    found: &Found,
    openers: &[Opener<'_>],
    arguments: &DecryptArgs,
) -> Result<Box<OpenOpaque>, CommandError> {
    match found.open(openers, arguments.at_any_path)? {
        AnyFile::Large(file) => Ok(file),
        AnyFile::Whole(file) => Err(FsError::Changed { path: file.target.path }.into()),
    }
}

/// Why a file was not opened.
enum Failure {
    NotEncrypted(CommandError),
    Other(CommandError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            error @ Error::NotEncrypted { .. } => Self::NotEncrypted(error.into()),
            error => Self::Other(error.into()),
        }
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::Other(error)
    }
}

/// Finds the files that the arguments name, and those below the folders that they name; with each, whether it was named
/// itself.
fn find_all(
    folder: &Path,
    arguments: &DecryptArgs,
    workspaces: &mut Workspaces<'_>,
    context: &Context<'_>,
    errors: &mut Vec<CommandError>,
) -> Vec<(Found, bool)> {
    // What was written to it the last time is not read.
    let output = fs::real_path(&context.env.current_dir().join(folder)).ok();
    let mut all = Vec::new();
    for path in &arguments.files {
        let found = match workspaces.is_folder(path) {
            Ok(true) => workspaces
                .find_below(path, output.as_deref())
                .map(|files| all.extend(files.into_iter().map(|file| (file, false)))),
            Ok(false) => workspaces.find(path).map(|file| all.push((file, true))),
            Err(error) => Err(error),
        };
        errors.extend(found.err().map(CommandError::from));
    }
    all
}

fn tell_left_out(files: &[&str], context: &Context<'_>) {
    match files {
        [] => {}
        [file] => context.ui.note(&format!("left out {file}, which is not encrypted")),
        [first, ..] => context.ui.note(&format!("left out {} files that are not encrypted: {first}, …", files.len())),
    }
}

/// Writes plaintexts below a folder.
fn write_below(
    folder: &Path,
    plaintexts: &[Plaintext<'_>],
    openers: &[Opener<'_>],
    arguments: &DecryptArgs,
    context: &Context<'_>,
) -> Result<(), CommandError> {
    refuse_twice(plaintexts.iter().map(|new| (new.path.clone(), &new.found.target)).collect())?;
    let root = output_folder(folder, context)?;
    let paths: Vec<PathBuf> = plaintexts.iter().map(|new| new.path.clone()).collect();
    let folders: BTreeSet<Option<&Path>> = paths.iter().map(|path| path.parent()).collect();
    let most = process::allow_open_files(paths.len() + 2 * folders.len()).saturating_sub(2 * folders.len());
    let outputs = Outputs::at(&root, &paths, OPAQUE_TOP, refuse_encrypted_top)?;
    let indices: Vec<usize> = (0..plaintexts.len()).collect();
    // Every file is held open until it has its name. Only where the system allows so few are there several parts.
    for part in indices.chunks(most.max(1)) {
        let (large, small): (Vec<usize>, Vec<usize>) =
            part.iter().partition(|index| plaintexts[**index].content.is_large());
        let stage = |index: &usize| stage(&outputs, *index, &plaintexts[*index], openers, arguments);
        let mut staged = each_on_all_cores(&small, stage);
        // One by one: each takes all cores.
        staged.extend(large.iter().map(stage));
        StagedOutput::publish(staged.into_iter().collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(())
}

/// Writes a plaintext, without giving it its name.
fn stage<'o>(
    outputs: &'o Outputs<'_>,
    index: usize,
    new: &Plaintext<'_>,
    openers: &[Opener<'_>],
    arguments: &DecryptArgs,
) -> Result<StagedOutput<'o>, CommandError> {
    match &new.content {
        Content::Held(content) => Ok(outputs.stage(index, content)?),
        Content::Again(snapshot) => Ok(outputs.stage(index, &open_again(new.found, snapshot, openers, arguments)?)?),
        Content::Large(seen) => {
            let file = open_large_again(new.found, openers, arguments)?.known(*seen)?;
            outputs.stage_by(index, |output| Ok(file.reveal(|piece| output.write_all(piece))?))
        }
        Content::Only(file) => outputs.stage_by(index, |output| Ok(file.give_unseen(|piece| output.write_all(piece))?)),
    }
}

/// Opens a file that was opened before; it has to be the same.
fn open_again(
    found: &Found,
    snapshot: &Snapshot,
    openers: &[Opener<'_>],
    arguments: &DecryptArgs,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    match found.open(openers, arguments.at_any_path)? {
        AnyFile::Whole(again) if again.snapshot == *snapshot => Ok(again.opened.plaintext),
        again => Err(FsError::Changed { path: again.target().path.clone() }.into()),
    }
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

/// Refuses two plaintexts for one place, of which the second would silently win.
pub(super) fn refuse_twice(places: Vec<(PathBuf, &Target)>) -> Result<(), CommandError> {
    let mut known: BTreeMap<PathBuf, &Target> = BTreeMap::new();
    for (place, file) in places {
        if let Some(other) = known.get(&place) {
            let (one, other) = (&other.shown, &file.shown);
            return Err(CommandError::failed(format!(
                "{one} and {other} would both be written to {}",
                place.display()
            ))
            .hint("decrypt them one by one, with -o FILE"));
        }
        known.insert(place, file);
    }
    Ok(())
}

/// Returns the path of a file below the output folder: that in its header.
///
/// Everybody can write a header. Where the file does not stand at its path, nothing vouches for that: then it may not
/// name what programs look for at the top of a folder, as shells do for `.profile`.
fn path_below(target: &Target, header: &Header) -> Result<PathBuf, CommandError> {
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

/// How many bytes of plaintext are held in memory until every file is authentic.
const MAX_HELD: usize = 16 << 20;
