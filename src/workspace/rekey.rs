//! Bringing one file's readers, and what it seals, in line with the policy.

use std::collections::BTreeSet;

use super::guard::{recipients, refuse_copies, strictness};
use super::opaque_write::{carry, seal as write_sealed};
use super::save::{WRITE_MODE, seal_error};
use super::{AnyFile, COMPROMISED, Error, OpenFile, OpenOpaque, Standing, Target, Workspace};
use crate::crypto::FileId;
use crate::document::{Document, Format, Leaf};
use crate::envelope::native::{BodyStamp, Comments, Exposure, FileSecrets, Header, Mode, NewBody, Opened, seal};
use crate::fs::{Draft, Expect, FolderLock, Snapshot, Staged, commit};
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
    replacement: Replacement,
}

/// What takes the place of a file.
enum Replacement {
    Bytes(Vec<u8>, Snapshot),
    Opaque(Box<OpenOpaque>, Box<Header>, Option<FileSecrets>),
}

/// How a file gets in line with the policy.
struct Change {
    header: Header,
    /// The keys of the file, where they are new ones.
    renewed: Option<FileSecrets>,
    added: Vec<ReaderChange>,
    removed: Vec<ReaderChange>,
    unreviewed: Vec<String>,
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
        file: AnyFile,
        makes_key: bool,
        ids: &[(FileId, String)],
    ) -> Result<Option<RekeyPlan>, Error> {
        let file = match file {
            AnyFile::Whole(file) => file,
            AnyFile::Large(file) => {
                let Some(change) = self.plan_change(&*file, makes_key, ids)? else { return Ok(None) };
                return Ok(Some(change.plan(file.target.clone(), Vec::new(), |header, renewed| {
                    Replacement::Opaque(file, Box::new(header), renewed)
                })));
            }
        };
        let Some(change) = self.plan_change(&*file, makes_key, ids)? else { return Ok(None) };
        let cleared = cleared(&file.opened, &change.header);
        let header = &change.header;
        let secrets = change.renewed.as_ref().unwrap_or(&file.opened.secrets);
        let bytes = seal(&file.opened.plaintext, header.clone(), secrets, Some(&file.opened), self.env.today())
            .map_err(|source| seal_error(&file.target, header.format, source))?;
        let OpenFile { target, snapshot, .. } = *file;
        Ok(Some(change.plan(target, cleared, |_, _| Replacement::Bytes(bytes, snapshot))))
    }

    /// Compares the readers of a file, and what it seals, with the policy; `None` when there is nothing to do.
    fn plan_change(
        &self,
        file: &impl Standing,
        makes_key: bool,
        ids: &[(FileId, String)],
    ) -> Result<Option<Change>, Error> {
        self.check_history(file, makes_key)?;
        refuse_copies(file.target(), file.header(), ids)?;
        let rule = self.rule(file.target())?;
        let readers = self.required_policy()?.readers(rule);
        let before = file.header();
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
        if header == *before && !makes_key && !self.exposes_all {
            return Ok(None);
        }

        let has_new_key = makes_key || self.exposes_all || !removed.is_empty() || is_resealed;
        let renewed = if has_new_key {
            if !makes_key {
                self.check_committed(file)?;
            }
            header.generation = header.generation.saturating_add(1);
            header.exposed.extend(removed.iter().map(|reader| Exposure {
                member: reader.member.clone(),
                generation: before.generation,
                day: self.env.today(),
            }));
            if self.exposes_all {
                let (generation, day) = (before.generation, self.env.today());
                header.exposed.push(Exposure { member: COMPROMISED.to_owned(), generation, day });
            }
            Some(file.secrets().with_new_data_key(&header))
        } else {
            None
        };
        header.wrapped_key = self.wrap(file.target(), &header, renewed.as_ref().unwrap_or(file.secrets()))?;
        let all_unreviewed = self.unreviewed(file.target(), &readers)?;
        let unreviewed =
            all_unreviewed.into_iter().filter(|name| added.iter().any(|added| added.member == *name)).collect();
        Ok(Some(Change { header, renewed, added, removed, unreviewed }))
    }

    /// Writes what was planned: all files, or none when one of them was changed meanwhile or cannot be written.
    ///
    /// # Errors
    /// Names the file that stood in the way.
    pub fn rekey(&self, plans: &[RekeyPlan]) -> Result<(), Error> {
        let lock = FolderLock::acquire(plans.iter().map(|plan| plan.target.path.as_path()), self.within())?;
        let mut staged = Vec::with_capacity(plans.len());
        for RekeyPlan { target, replacement, .. } in plans {
            staged.push(match replacement {
                Replacement::Bytes(bytes, snapshot) => {
                    lock.stage(&target.path, bytes, Expect::Unchanged(snapshot), WRITE_MODE)?
                }
                Replacement::Opaque(file, header, renewed) => {
                    let draft = lock.draft(&target.path, Expect::Same(file.source()?.identity()), WRITE_MODE)?;
                    match renewed {
                        Some(secrets) => reseal(draft, header, secrets, file)?,
                        None => carry(draft, header, file)?,
                    }
                }
            });
        }
        Ok(commit(staged)?)
    }
}

impl Change {
    fn plan(
        self,
        target: Target,
        cleared: Vec<String>,
        replacement: impl FnOnce(Header, Option<FileSecrets>) -> Replacement,
    ) -> RekeyPlan {
        let Self { header, renewed, added, removed, unreviewed } = self;
        RekeyPlan {
            readers: header.recipients.keys().cloned().collect(),
            target,
            added,
            removed,
            cleared,
            unreviewed,
            has_new_key: renewed.is_some(),
            replacement: replacement(header, renewed),
        }
    }
}

/// Seals the content of a file again, under a new key.
fn reseal<'l>(
    draft: Draft<'l>,
    header: &Header,
    secrets: &FileSecrets,
    file: &OpenOpaque,
) -> Result<Staged<'l>, Error> {
    let BodyStamp { day, generation, .. } = file.opened.stamp;
    let body = NewBody { day, generation, id: file.opened.content_id() };
    write_sealed(draft, header, secrets, Some(file), &body, &file.body()?, None)
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
    let leaves = opened.items.iter().flat_map(Document::leaves);
    let mut cleared: BTreeSet<String> = leaves.filter(becomes_clear).map(|leaf| leaf.path.to_string()).collect();
    let patterns = header.cleartext.iter().filter(|pattern| !before.cleartext.contains(pattern));
    cleared.extend(patterns.map(|pattern| format!("later keys like {pattern}")));
    if strictness(header.comments) < strictness(before.comments) {
        cleared.insert("comments".to_owned());
    }
    cleared.into_iter().collect()
}
