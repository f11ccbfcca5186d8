//! Keeping what was typed and could not be saved: sealed to the user's own recipients, never in plaintext.

use std::path::PathBuf;

use super::{Error, Target, Workspace};
use crate::crypto::random;
use crate::fs;
use crate::keys::Recipient;

impl Workspace<'_> {
    /// Seals a text to the user's own recipients, else to the readers of the file, and keeps it in the cache folder as
    /// an armored age file, which `age -d` opens. `None` when there is nobody to seal it to, or no place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_draft(&self, target: &Target, readers: &[String], text: &[u8]) -> Result<Option<PathBuf>, Error> {
        let own = self.identities.recipients().unwrap_or_default();
        // What takes no plugin comes first: nothing should have to work for a text to be kept.
        let native: Vec<&Recipient> = own.iter().filter(|own| own.plugin().is_none()).copied().collect();
        let readers: Vec<Recipient> = readers.iter().filter_map(|reader| reader.parse().ok()).collect();
        let readers: Vec<&Recipient> = readers.iter().filter(|reader| reader.plugin().is_none()).collect();
        let Some(cache) = self.env.cache_dir() else { return Ok(None) };
        let choices = [native, own, readers].into_iter().filter(|choice| !choice.is_empty());
        let mut sealed = choices.map(|choice| self.identities.wrap_text(&choice, text));
        let sealed = match sealed.find(Result::is_ok) {
            Some(sealed) => sealed.map_err(|source| Error::Wrap { path: target.shown.clone(), source })?,
            None => return Ok(None),
        };
        let folder = cache.join("secret").join("drafts");
        fs::create_private_folder(&folder, None)?;
        let name = target.path.file_name().unwrap_or_default().to_string_lossy();
        let end = (0..=name.len().min(LONGEST_NAME)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
        let number: String = random::<4>().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = folder.join(format!("{}-{}-{number}.age", &name[..end], self.env.today()));
        fs::create_private(&path, sealed.as_bytes())?;
        Ok(Some(path))
    }
}

/// How many bytes of the file's name stand in that of its draft: file systems take names of 255 bytes, and those that
/// encrypt names fewer.
const LONGEST_NAME: usize = 100;
