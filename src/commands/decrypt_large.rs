//! `secret decrypt` of an opaque file that is not held in memory, alone.
//!
//! To a file the plaintext is written where nobody sees it until the last chunk was authenticated. To a pipe the file is
//! read twice: nothing is written before the first reading has authenticated all of it.

use std::path::Path;

use super::decrypt::refuse_encrypted_top;
use super::{CommandError, Context};
use crate::envelope::native::OPAQUE_TOP;
use crate::fs::{self, Expect, Source};
use crate::workspace::OpenOpaque;

/// Writes the content to stdout.
pub fn reveal(file: OpenOpaque, context: &Context<'_>) -> Result<(), CommandError> {
    let verified = file.verify()?;
    Ok(context.ui.reveal_stream(|emit| verified.reveal(emit))??)
}

/// Writes the content to a file that the user names; there only a plaintext may stand, in a regular file.
pub fn write_to(output: &Path, file: &OpenOpaque, context: &Context<'_>) -> Result<(), CommandError> {
    let workspace = context.workspace(output)?;
    let target = workspace.target(output)?;
    workspace.refuse_links(&target)?;
    let expect = match fs::kind(&target.path)? {
        None => Expect::Absent,
        Some(_) => {
            let former = Source::open(&target.path, workspace.within())?;
            refuse_encrypted_top(&target.path, &former.top(OPAQUE_TOP)?)?;
            Expect::Same(former.identity())
        }
    };
    Ok(file.write_content(&target.path, workspace.within(), expect)?)
}
