//! `secret edit`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use zeroize::Zeroizing;

use super::consent::ConsentArgs;
use super::encrypt::{tell, write};
use super::meta::MetadataArgs;
use super::{CommandError, Context};
use crate::document::Format;
use crate::envelope::native::{Header, MAX_ENCRYPTED};
use crate::fs::{self, Expect, ScratchFolder, Storage};
use crate::process::Editor;
use crate::workspace::{CreationRequest, EditBuffer, Edited, Error, OpenFile, Saved, Target, Workspace};

/// Edit an encrypted file in your editor
///
/// The editor shows the metadata of the header, a scissors line, and the plaintext, in a private folder in memory.
/// Leave without a change and the file stays untouched. A new file starts from the rule for its path. What cannot be
/// saved is shown again with the error on top; if you give up, it is kept as a draft that only you can open.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct EditArgs {
    /// The encrypted file, or a new one
    file: PathBuf,
    /// Take the plaintext from this file instead of an editor
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The format of a new file [default: by name]
    #[arg(long)]
    format: Option<Format>,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    metadata: MetadataArgs,
}

pub const EXAMPLES: &str = "\
Examples:
  secret edit secrets/db.yaml
  secret edit secrets/db.yaml --from changed.yaml
  EDITOR=nano secret edit secrets/app.env";

pub fn run(arguments: EditArgs, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(&arguments.file)?;
    let target = workspace.target(&arguments.file)?;
    arguments.consent.check(&workspace)?;
    let session = match fs::kind(&target.path)? {
        None => Session { subject: Subject::New { target }, arguments: &arguments, workspace: &workspace, context },
        Some(_) => {
            workspace.refuse_to_edit_large(&target)?;
            let file = workspace.open(target, false)?;
            // What may not be written is refused before anybody types.
            workspace.check_writable(&file)?;
            Session { subject: Subject::Old(Box::new(file)), arguments: &arguments, workspace: &workspace, context }
        }
    };
    match &arguments.from {
        Some(from) => session.take_from(from),
        None => session.run_editor(),
    }
}

/// One edit of one file.
struct Session<'s> {
    subject: Subject,
    arguments: &'s EditArgs,
    workspace: &'s Workspace<'s>,
    context: &'s Context<'s>,
}

enum Subject {
    New { target: Target },
    Old(Box<OpenFile>),
}

impl Session<'_> {
    fn take_from(&self, from: &Path) -> Result<(), CommandError> {
        let plaintext = self.context.read_plaintext(from)?;
        self.save(&Edited { metadata: self.arguments.metadata.change(), plaintext })
    }

    fn run_editor(&self) -> Result<(), CommandError> {
        let ui = self.context.ui;
        if !ui.has_terminal() && self.context.env.var("VISUAL").or(self.context.env.var("EDITOR")).is_none() {
            return Err(CommandError::failed("there is no terminal for an editor")
                .hint("set EDITOR to a program that edits by itself, or give the plaintext with --from FILE"));
        }
        let editor = Editor::choose(self.context.env).map_err(Error::from)?;
        if let Some(caution) = editor.caution() {
            ui.warn(caution);
        }
        let mut error = None;
        let mut attempt = self.plaintext()?;
        let mut metadata =
            self.arguments.metadata.change().apply(&self.header()?.metadata, self.context.env.today())?;
        loop {
            let header = self.header()?;
            let buffer = EditBuffer::compose(&header, &metadata, &attempt, error.as_deref());
            let (edited, typed) = match self.edit(&editor, &buffer) {
                Ok(typed) => (buffer.read(&typed), typed),
                Err(failure) => return Err(failure),
            };
            let says_nothing_new = metadata == header.metadata || error.is_some();
            if *typed == *buffer.text.as_bytes() && says_nothing_new {
                return match error {
                    None if matches!(self.subject, Subject::New { .. }) => {
                        Err(CommandError::failed("nothing was typed: no file was made"))
                    }
                    None => {
                        ui.note("nothing was changed");
                        Ok(())
                    }
                    Some(error) => self.give_up(&attempt, CommandError::failed(error)),
                };
            }
            let failure = match edited {
                Ok(edited) => match self.save(&edited) {
                    Ok(()) => return Ok(()),
                    Err(failure) => {
                        metadata =
                            edited.metadata.apply(&header.metadata, self.context.env.today()).unwrap_or(metadata);
                        attempt = text(&edited.plaintext)?;
                        failure
                    }
                },
                Err(source) => {
                    // Above or below the scissors cannot be told apart any more: all of it is kept as it was typed.
                    let failure = Error::EditBuffer { path: self.target().shown.clone(), source }.into();
                    return self.give_up(&String::from_utf8_lossy(&typed), failure);
                }
            };
            // Nobody is there to correct it, and asking again would never end.
            if !ui.has_terminal() || !failure.can_be_corrected() {
                return self.give_up(&attempt, failure);
            }
            error = Some(failure.to_string());
        }
    }

    /// Runs the editor once and returns what it left.
    fn edit(&self, editor: &Editor, buffer: &EditBuffer) -> Result<Zeroizing<Vec<u8>>, CommandError> {
        let scratch = ScratchFolder::create(self.context.env)?;
        if scratch.storage() == Storage::Disk {
            self.context.ui.warn(&format!(
                "there is no folder in memory: the plaintext is on disk in {} while you edit",
                scratch.path().display()
            ));
        }
        let name = self.target().path.file_name().unwrap_or(OsStr::new("secret")).to_owned();
        let path = scratch.write(&name, buffer.text.as_bytes())?;
        let edited = editor.edit(self.context.env, &scratch, &path);
        let typed = scratch.read(&name, MAX_ENCRYPTED);
        match edited {
            Ok(()) => typed.map_err(|error| CommandError::from(error).hint(LOST)),
            Err(error) => {
                let failure = CommandError::from(Error::from(error));
                match typed {
                    Ok(typed) if *typed != *buffer.text.as_bytes() => {
                        self.give_up(&String::from_utf8_lossy(&typed), failure).map(|()| Zeroizing::new(Vec::new()))
                    }
                    Ok(_) => Err(failure),
                    Err(_) => Err(failure.hint(LOST)),
                }
            }
        }
    }

    /// Fails, and keeps what was typed.
    fn give_up(&self, typed: &str, failure: CommandError) -> Result<(), CommandError> {
        let readers: Vec<String> = self.header()?.recipients.into_values().flatten().collect();
        Err(match self.workspace.keep_draft(self.target(), &readers, typed.as_bytes()) {
            Ok(Some(path)) => failure
                .hint(format!("what you typed is kept, encrypted to you: `age -d -i IDENTITY {}`", path.display())),
            Ok(None) => failure.hint("what you typed could not be kept: there is no identity or no cache folder"),
            Err(error) => failure.hint(format!("what you typed could not be kept: {error}")),
        })
    }

    fn save(&self, edited: &Edited) -> Result<(), CommandError> {
        // While somebody typed, the policy may have changed: it is read anew.
        let workspace = self.context.workspace(&self.arguments.file)?;
        match &self.subject {
            Subject::Old(file) => self.save_old(file, edited, &workspace),
            Subject::New { target } => self.save_new(target, edited, &workspace),
        }
    }

    fn save_old(&self, file: &OpenFile, edited: &Edited, workspace: &Workspace<'_>) -> Result<(), CommandError> {
        let header = &file.opened.header;
        let metadata = edited.metadata.apply(&header.metadata, self.context.env.today())?;
        if metadata != header.metadata {
            workspace.check_required(&file.target, &metadata)?;
        }
        let header = Header { metadata, ..header.clone() };
        let saved = workspace.save(file, &edited.plaintext, header)?;
        self.context.ui.note(&match saved {
            Saved::Changed => format!("saved {}", file.target.shown),
            Saved::Unchanged => "nothing was changed".to_owned(),
        });
        Ok(())
    }

    fn save_new(&self, target: &Target, edited: &Edited, workspace: &Workspace<'_>) -> Result<(), CommandError> {
        let request = CreationRequest {
            target: target.clone(),
            plaintext: edited.plaintext.clone(),
            format: self.arguments.format,
            metadata: edited.metadata.clone(),
            is_fresh: false,
        };
        let creation = workspace.create(request)?;
        self.arguments.consent.agree_to_unreviewed(&target.shown, &creation.unreviewed, self.context)?;
        write(workspace, target, &creation, Expect::Absent)?;
        tell(target, &creation, self.context);
        Ok(())
    }

    fn target(&self) -> &Target {
        match &self.subject {
            Subject::New { target } => target,
            Subject::Old(file) => &file.target,
        }
    }

    /// Returns the header that the editor shows.
    fn header(&self) -> Result<Header, CommandError> {
        Ok(match &self.subject {
            Subject::New { target } => self.workspace.draft_header(target)?,
            Subject::Old(file) => file.opened.header.clone(),
        })
    }

    fn plaintext(&self) -> Result<Zeroizing<String>, CommandError> {
        match &self.subject {
            Subject::New { .. } => Ok(Zeroizing::new(String::new())),
            Subject::Old(file) => text(&file.opened.plaintext),
        }
    }
}

/// Said when the editor's file cannot be read back.
const LOST: &str = "what you typed could not be kept";

fn text(plaintext: &[u8]) -> Result<Zeroizing<String>, CommandError> {
    let text = str::from_utf8(plaintext).map_err(|_| {
        CommandError::failed("the plaintext is not UTF-8 text, which an editor could damage")
            .hint("decrypt it with -o FILE, change that, and give it with --from FILE")
    })?;
    Ok(Zeroizing::new(text.to_owned()))
}
