//! Bringing one file's readers, and what it seals, in line with the policy.

use std::collections::BTreeSet;

use super::guard::{recipients, refuse_copies, strictness};
use super::save::{WRITE_MODE, seal_error};
use super::{Error, OpenFile, Target, Workspace};
use crate::crypto::FileId;
use crate::document::{Document, Format, Leaf};
use crate::envelope::native::{Comments, Exposure, Header, Mode, Opened, seal};
use crate::fs::{Expect, FolderLock, Snapshot, commit};
use crate::policy::Rule;

/// What a rekey of one file does; nothing is written yet.
pub struct RekeyPlan {
    /// The file.
    pub target: Target,
    /// Who reads it afterwards.
    pub readers: Vec<String>,
    /// Who is added or gets another key, with the reason for asking.
    pub added: Vec<ReaderChange>,
    /// Who is removed, or loses a key.
    pub removed: Vec<ReaderChange>,
    /// The keys whose values become clear.
    pub cleared: Vec<String>,
    /// Added readers whom the committed policy does not name.
    pub unreviewed: Vec<String>,
    /// Whether there is a new data key, and every value is sealed again.
    pub has_new_key: bool,
    bytes: Vec<u8>,
    snapshot: Snapshot,
}

/// A member whose access changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderChange {
    /// The member.
    pub member: String,
    /// Whether the member reads the file both before and afterwards, with other keys.
    pub is_key_change: bool,
}

impl Workspace<'_> {
    /// Plans the rekey of an opened file; `None` when it is in line with the policy. With `makes_key` it gets a new data
    /// key in any case, and the old one may be of unknown origin. `ids` are [`Self::file_ids`], for all files of a call.
    ///
    /// # Errors
    /// When no rule is for the file, or it was put back to an older state.
    pub fn plan_rekey(
        &self,
        file: OpenFile,
        makes_key: bool,
        ids: &[(FileId, String)],
    ) -> Result<Option<RekeyPlan>, Error> {
        self.check_history(&file, makes_key)?;
        refuse_copies(&file.target, &file.opened.header, ids)?;
        let rule = self.rule(&file.target)?;
        let readers = self.required_policy()?.readers(rule);
        let before = &file.opened.header;
        let mut header = Header { recipients: recipients(&readers), ..before.clone() };
        adopt_sealing(&mut header, rule);

        let lost = |member: &String| {
            let after = header.recipients.get(member);
            before.recipients[member].iter().any(|old| after.is_none_or(|after| !after.contains(old)))
        };
        let removed: Vec<ReaderChange> = before
            .recipients
            .keys()
            .filter(|member| lost(member))
            .map(|member| ReaderChange {
                member: member.clone(),
                is_key_change: header.recipients.contains_key(member),
            })
            .collect();
        let gained = |member: &String| {
            let old = before.recipients.get(member);
            header.recipients[member].iter().any(|new| old.is_none_or(|old| !old.contains(new)))
        };
        let added: Vec<ReaderChange> = header
            .recipients
            .keys()
            .filter(|member| gained(member))
            .map(|member| ReaderChange {
                member: member.clone(),
                is_key_change: before.recipients.contains_key(member),
            })
            .collect();
        let is_resealed =
            (header.mode, header.comments, &header.cleartext) != (before.mode, before.comments, &before.cleartext);
        if header == *before && !makes_key {
            return Ok(None);
        }

        let has_new_key = makes_key || !removed.is_empty() || is_resealed;
        let renewed;
        let secrets = if has_new_key {
            if !makes_key {
                self.check_committed(&file)?;
            }
            header.generation = header.generation.saturating_add(1);
            header.exposed.extend(removed.iter().map(|reader| Exposure {
                member: reader.member.clone(),
                generation: before.generation,
                day: self.env.today(),
            }));
            renewed = file.opened.secrets.with_new_data_key(&header);
            &renewed
        } else {
            &file.opened.secrets
        };
        header.wrapped_key = self.wrap(&file.target, &header, secrets)?;
        let cleared = cleared(&file.opened, &header);
        let all_unreviewed = self.unreviewed(&file.target, &readers)?;
        let unreviewed =
            all_unreviewed.into_iter().filter(|name| added.iter().any(|added| added.member == *name)).collect();
        let bytes = seal(&file.opened.plaintext, header.clone(), secrets, Some(&file.opened), self.env.today())
            .map_err(|source| seal_error(&file.target, header.format, source))?;
        Ok(Some(RekeyPlan {
            readers: header.recipients.keys().cloned().collect(),
            target: file.target,
            added,
            removed,
            cleared,
            unreviewed,
            has_new_key,
            bytes,
            snapshot: file.snapshot,
        }))
    }

    /// Writes what was planned: all files, or none when one of them was changed meanwhile or cannot be written.
    ///
    /// # Errors
    /// Names the file that stood in the way.
    pub fn rekey(&self, plans: &[RekeyPlan]) -> Result<(), Error> {
        let lock = FolderLock::acquire(plans.iter().map(|plan| plan.target.path.as_path()), self.within())?;
        let mut staged = Vec::with_capacity(plans.len());
        for RekeyPlan { target, bytes, snapshot, .. } in plans {
            staged.push(lock.stage(&target.path, bytes, Expect::Unchanged(snapshot), WRITE_MODE)?);
        }
        Ok(commit(staged)?)
    }
}

/// Takes over from the rule what is sealed. The format stays: it is how the plaintext is written.
fn adopt_sealing(header: &mut Header, rule: &Rule) {
    if header.format == Format::Opaque {
        return;
    }
    if rule.mode == Mode::Opaque {
        header.mode = Mode::Opaque;
        header.format = Format::Opaque;
        header.comments = Comments::default();
        header.cleartext.clear();
        header.body = None;
    } else {
        header.comments = rule.comments;
        header.cleartext.clone_from(&rule.cleartext);
    }
}

/// Returns what is sealed now and will be in clear: keys, patterns for keys to come, comments.
fn cleared(opened: &Opened, header: &Header) -> Vec<String> {
    if header.mode == Mode::Opaque {
        return Vec::new();
    }
    let before = &opened.header;
    let becomes_clear = |leaf: &&Leaf| before.seals(&leaf.path) && !header.seals(&leaf.path);
    let leaves = opened.document.iter().flat_map(Document::leaves);
    let mut cleared: BTreeSet<String> = leaves.filter(becomes_clear).map(|leaf| leaf.path.to_string()).collect();
    let patterns = header.cleartext.iter().filter(|pattern| !before.cleartext.contains(pattern));
    cleared.extend(patterns.map(|pattern| format!("later keys like {pattern}")));
    if strictness(header.comments) < strictness(before.comments) {
        cleared.insert("comments".to_owned());
    }
    cleared.into_iter().collect()
}
