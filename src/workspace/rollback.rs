//! Putting back a value, or a whole file, to what it was in a commit: sealed again to the readers of today, with the
//! data key of today. Of the old version only the values are taken.

use std::collections::HashMap;

use super::restore::restored;
use super::save::{WRITE_MODE, seal_error};
use super::{AtRevision, Error, HistoryError, OpenFile, OpenVersion, Saved, Workspace};
use crate::document::{self, Document, KeyPath, Leaf};
use crate::envelope::native::{Opened, seal_restored};
use crate::fs::{Expect, FolderLock};

/// What a rollback did.
pub struct RolledBack {
    /// The keys whose values it changed, added or removed.
    pub keys: Vec<String>,
    /// Those of them that a former reader knows.
    pub exposed: Vec<String>,
    /// Whether anything was written.
    pub saved: Saved,
}

impl Workspace<'_> {
    /// Puts a file back to a version, or one key of it with all that is below.
    ///
    /// Readers, metadata, data key and what is sealed stay as they are. A value that is put back keeps the day and the
    /// generation that it had: it is as old, and as well known, as before.
    ///
    /// # Errors
    /// When one of the two cannot be opened, the version is not of this file, a value would come back that a former
    /// reader knows (unless `allows_exposed`), or the file must not be written. Then it is as it was.
    pub fn rollback(&self, version: &AtRevision, key: Option<&str>, allows_exposed: bool) -> Result<RolledBack, Error> {
        let target = self.target(&version.file)?;
        self.refuse_to_edit_large(&target)?;
        let old = match self.open_at(version, false)? {
            OpenVersion::Whole(old) => old,
            OpenVersion::Large(_) => return Err(Error::TooLargeToEdit { path: version.shown.clone() }),
        };
        let lock = FolderLock::acquire([target.path.as_path()], self.within())?;
        let file = self.open(target, false)?;
        self.refuse_stranger(version, &old, &file)?;
        let plaintext = match key {
            Some(key) => restored(&version.shown, &file, &old, key)?,
            None => old.plaintext.clone(),
        };
        let (keys, exposed) = changed(&file, &old, &plaintext)?;
        if !exposed.is_empty() && !allows_exposed {
            let readers = file.opened.header.exposed.iter().map(|exposure| exposure.member.clone()).collect();
            return Err(Error::KnownToFormerReader { path: version.shown.clone(), keys: exposed, readers });
        }
        self.check_writable(&file)?;
        let header = file.opened.header.clone();
        let format = header.format;
        let (secrets, today) = (&file.opened.secrets, self.env.today());
        let sealed = seal_restored(&plaintext, header, secrets, Some(&file.opened), Some(&old), today)
            .map_err(|source| seal_error(&file.target, format, source))?;
        if sealed == file.encrypted {
            return Ok(RolledBack { keys, exposed, saved: Saved::Unchanged });
        }
        lock.replace(&file.target.path, &sealed, Expect::Unchanged(&file.snapshot), WRITE_MODE)?;
        Ok(RolledBack { keys, exposed, saved: Saved::Changed })
    }

    /// Refuses a version of another file, and one that a former reader may have made: who had the data key of an earlier
    /// generation can make authentic files with it, and with one of his own that looks like the next.
    fn refuse_stranger(&self, version: &AtRevision, old: &Opened, file: &OpenFile) -> Result<(), Error> {
        let (then, now) = (&old.header, &file.opened.header);
        if then.file_id != now.file_id {
            return Err(
                HistoryError::OtherFile { path: version.shown.clone(), other: file.target.shown.clone() }.into()
            );
        }
        let is_known = match now.generation.checked_sub(then.generation) {
            None => false,
            Some(0) => file.opened.secrets.has_data_key_of(&old.secrets),
            Some(1) => file.opened.secrets.follows(&old.secrets, now.generation),
            // The keys between are not at hand; but what was committed here went through the checks of those who wrote.
            Some(_) => self.required_repository()?.is_in_history(version.commit.id)?,
        };
        if is_known { Ok(()) } else { Err(Error::NotAFollower { path: version.shown.clone() }) }
    }
}

/// Returns which keys a new plaintext changes, and which of them get a value that a former reader knows.
fn changed(file: &OpenFile, old: &Opened, plaintext: &[u8]) -> Result<(Vec<String>, Vec<String>), Error> {
    let header = &file.opened.header;
    let known_until = header.exposed.iter().map(|exposure| exposure.generation).max().unwrap_or(0);
    let Some(before) = file.opened.document() else {
        // A file without keys, or a version that has none.
        let is_changed = *file.opened.plaintext != *plaintext;
        let generations = old.body.iter().map(|body| body.stamp.generation);
        let oldest = generations.chain(old.values.iter().map(|value| value.token.stamp.generation)).min();
        let all = if is_changed { vec!["all of it".to_owned()] } else { Vec::new() };
        let is_exposed = is_changed && oldest.is_some_and(|generation| generation <= known_until);
        return Ok((all.clone(), if is_exposed { all } else { Vec::new() }));
    };
    let path = || file.target.shown.clone();
    let text = str::from_utf8(plaintext)
        .map_err(|_| Error::Seal { path: path(), source: crate::envelope::native::SealError::NotText })?;
    let after = document::parse(header.format, text).map_err(|source| Error::Syntax {
        path: path(),
        format: header.format,
        source,
    })?;
    let was = leaves(before);
    let is_same =
        |leaf: &Leaf| was.get(&leaf.path).is_some_and(|was| was.kind == leaf.kind && *was.value == *leaf.value);
    let mut keys = Vec::new();
    let mut new: Vec<&Leaf> = Vec::new();
    for leaf in after.leaves().filter(|leaf| !is_same(leaf)) {
        keys.push(leaf.path.to_string());
        new.push(leaf);
    }
    let is = leaves(&after);
    keys.extend(before.leaves().filter(|leaf| !is.contains_key(&leaf.path)).map(|leaf| leaf.path.to_string()));
    let generations = old.document().map(|document| generations(old, document)).unwrap_or_default();
    // What has no token of its own then, in a version that was sealed as a whole, is as old as that.
    let whole = old.body.as_ref().map(|body| body.stamp.generation);
    let exposed = new.iter().filter(|leaf| header.seals(&leaf.path)).filter(|leaf| {
        generations.get(&leaf.path).copied().or(whole).is_some_and(|generation| generation <= known_until)
    });
    let exposed = exposed.map(|leaf| leaf.path.to_string()).collect();
    Ok((keys, exposed))
}

fn leaves(document: &Document) -> HashMap<&KeyPath, &Leaf> {
    document.leaves().map(|leaf| (&leaf.path, leaf)).collect()
}

/// Returns the generation of each sealed value.
fn generations<'d>(opened: &Opened, document: &'d Document) -> HashMap<&'d KeyPath, u32> {
    let values = opened.values.iter();
    values.map(|value| (&document.leaf(value.item).path, value.token.stamp.generation)).collect()
}
