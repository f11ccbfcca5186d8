//! `secret decrypt` of opaque files that are not held in memory.
//!
//! To a file the plaintext is written where nobody sees it until the last chunk was authenticated. To a pipe the file is
//! read twice: nothing is written before the first reading has authenticated all of it.

use std::path::{Path, PathBuf};

use super::decrypt::{DecryptArgs, both_written, not_overwritten, output_folder, path_below};
use super::{CommandError, Context};
use crate::envelope::native::{OPAQUE_TOP, OpaqueTop, peek_file_id};
use crate::fs::{self, Expect, Root, Source};
use crate::workspace::{OpenOpaque, VerifiedOpaque};

/// The large ones of the files to decrypt.
#[derive(Default)]
pub struct LargeFiles(Vec<(PathBuf, OpenOpaque)>);

/// Large files with the places of their plaintexts, each checked as far as it can be before the first is written.
pub struct LargeOutputs {
    files: Vec<Output>,
    /// The folder that everything is written to, if there is one.
    root: Option<Root>,
}

enum Output {
    /// A file by that name, or in the place of the encrypted one.
    File { content: Opened, place: Place },
    /// Standard output.
    Pipe(Box<VerifiedOpaque>),
}

/// A file that was authenticated already where others are written with it, so that all are or none.
enum Opened {
    Header(Box<OpenOpaque>),
    Whole(Box<VerifiedOpaque>),
}

enum Place {
    /// The encrypted file's own, in the workspace that the path is in.
    Own(PathBuf),
    /// Below the output folder.
    Below(PathBuf, Option<Source>),
    /// Where the user says.
    Named(PathBuf, Option<Source>),
}

impl LargeFiles {
    /// Opens a file if it is a large one; returns whether it is.
    pub fn take(&mut self, file: &Path, arguments: &DecryptArgs, context: &Context<'_>) -> Result<bool, CommandError> {
        let workspace = context.workspace(file)?;
        let target = workspace.target(file)?;
        if arguments.in_place {
            workspace.refuse_links(&target)?;
        }
        let Some(stored) = workspace.stored_opaque(&target)? else { return Ok(false) };
        self.0.push((file.to_path_buf(), workspace.open_opaque(stored, arguments.at_any_path)?));
        Ok(true)
    }

    /// Finds where the plaintexts go. `taken` are the places, and the names of the files, that other plaintexts go to.
    pub fn prepare(
        self,
        arguments: &DecryptArgs,
        mut taken: Vec<(PathBuf, String)>,
        context: &Context<'_>,
    ) -> Result<LargeOutputs, CommandError> {
        let mut outputs = LargeOutputs { files: Vec::new(), root: None };
        let is_only = arguments.files.len() == 1;
        let mut claim = |place: &Path, shown: &str| match taken.iter().find(|(known, _)| known == place) {
            Some((_, other)) => Err(both_written(other, shown, place)),
            None => {
                taken.push((place.to_path_buf(), shown.to_owned()));
                Ok(())
            }
        };
        for (path, file) in self.0 {
            let shown = file.target.shown.clone();
            let place = if arguments.in_place {
                claim(&fs::real_path(&file.target.path)?, &shown)?;
                Place::Own(path)
            } else if let Some(output) = &arguments.output {
                let workspace = context.workspace(output)?;
                let target = workspace.target(output)?;
                workspace.refuse_links(&target)?;
                Place::Named(output.clone(), plaintext_at(&target.path, workspace.within())?)
            } else if let Some(folder) = &arguments.output_dir {
                let below = path_below(&file.target, &file.opened.header)?;
                claim(&below, &shown)?;
                let root = match outputs.root.take() {
                    Some(root) => root,
                    None => output_folder(folder, context)?,
                };
                root.refuse_links(&below)?;
                let place = root.path().join(below);
                let former = plaintext_at(&place, Some(&root))?;
                outputs.root = Some(root);
                Place::Below(place, former)
            } else {
                outputs.files.push(Output::Pipe(Box::new(file.verify()?)));
                continue;
            };
            let content =
                if is_only { Opened::Header(Box::new(file)) } else { Opened::Whole(Box::new(file.verify()?)) };
            outputs.files.push(Output::File { content, place });
        }
        Ok(outputs)
    }
}

impl LargeOutputs {
    /// Writes the plaintexts.
    pub fn write(&self, context: &Context<'_>) -> Result<(), CommandError> {
        for output in &self.files {
            match output {
                Output::Pipe(file) => context.ui.reveal_stream(|emit| file.reveal(emit))??,
                Output::File { content, place } => {
                    let file = match content {
                        Opened::Header(file) => file,
                        Opened::Whole(file) => file.file(),
                    };
                    self.write_file(file, place, context)?;
                }
            }
        }
        Ok(())
    }

    fn write_file(&self, file: &OpenOpaque, place: &Place, context: &Context<'_>) -> Result<(), CommandError> {
        match place {
            Place::Own(path) => {
                let workspace = context.workspace(path)?;
                file.write_content(&file.target.path, workspace.within(), Expect::Same(file.source()?))?;
                context.ui.note(&format!(
                    "{0} is in plaintext now; `secret encrypt {0}` makes it what it was",
                    file.target.shown
                ));
            }
            Place::Named(path, former) => {
                let workspace = context.workspace(path)?;
                let expect = former.as_ref().map_or(Expect::Absent, Expect::Same);
                file.write_content(&workspace.target(path)?.path, workspace.within(), expect)?;
            }
            Place::Below(path, former) => {
                if let Some(folder) = path.parent() {
                    fs::create_private_folder(folder, self.root.as_ref())?;
                }
                let expect = former.as_ref().map_or(Expect::Absent, Expect::Same);
                file.write_content(path, self.root.as_ref(), expect)?;
            }
        }
        Ok(())
    }
}

/// Looks at what stands at an output's place: only a plaintext may, in a regular file.
fn plaintext_at(path: &Path, within: Option<&Root>) -> Result<Option<Source>, CommandError> {
    if fs::kind(path)?.is_none() {
        return Ok(None);
    }
    let former = Source::open(path, within)?;
    let top = former.top(OPAQUE_TOP)?;
    match OpaqueTop::parse(&top) {
        Ok(None) if peek_file_id(&top).is_none() => Ok(Some(former)),
        _ => Err(not_overwritten(path)),
    }
}
