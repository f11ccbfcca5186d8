//! Bringing files' readers, and what they seal, in line with the policy.

use std::collections::BTreeSet;

use super::ancestry::Versions;
use super::guard::{recipients, refuse_copies, strictness};
use super::opaque_write::{carry, seal as write_sealed};
use super::save::{WRITE_MODE, seal_error};
use super::{AnyFile, COMPROMISED, Error, OpenFile, OpenOpaque, Standing, Target, Workspace, each_on_all_cores};
use crate::crypto::FileId;
use crate::document::{Document, Format, Leaf};
use crate::envelope::native::{BodyStamp, Comments, Exposure, FileSecrets, Header, Mode, NewBody, Opened, seal};
use crate::fs::{Draft, Expect, FolderLock, Journal, Needs, Prepared, Snapshot, Staged};
use crate::policy::{FILE_NAME, Readers, Rule};

/// What a rekey of one file does; nothing is written yet.
pub struct RekeyPlan {
    /// The file.
    pub target: Target,
    /// What changes.
    pub preview: RekeyPreview,
    /// The keys whose values become clear.
    pub cleared: Vec<String>,
    /// Added readers whom the committed policy does not name.
    pub unreviewed: Vec<String>,
    /// Whether whoever opened the file will no longer open it.
    pub drops_caller: bool,
    /// Newcomers of the policy who are not let in, as their time is over.
    pub left_out: Vec<String>,
    replacement: Replacement,
}

/// What a rekey changes in a header, as far as that can be told without a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RekeyPreview {
    /// Who reads the file afterwards.
    pub readers: Vec<String>,
    /// Who is added or gets another key, with the reason for asking.
    pub added: Vec<ReaderChange>,
    /// Who is removed, or loses a key.
    pub removed: Vec<ReaderChange>,
    /// Patterns of keys whose values become clear.
    pub cleared: Vec<String>,
    /// Whether there is a new data key, and every value is sealed again.
    pub has_new_key: bool,
}

/// What takes the place of a file.
pub(super) enum Replacement {
    Bytes(Vec<u8>, Snapshot),
    Opaque(Box<OpenOpaque>, Box<Header>, Option<FileSecrets>),
}

/// How a file gets in line with the policy.
pub(super) struct Change {
    pub(super) header: Header,
    /// The keys of the file, where they are new ones.
    pub(super) renewed: Option<FileSecrets>,
    pub(super) preview: RekeyPreview,
    pub(super) unreviewed: Vec<String>,
    pub(super) drops_caller: bool,
    pub(super) left_out: Vec<String>,
}

/// A member whose access changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderChange {
    /// The member.
    pub member: String,
    /// Whether the member reads the file both before and afterwards, with other keys.
    pub is_key_change: bool,
}

/// What is the same for all files of a rekey.
pub(super) struct Circumstances {
    /// A new data key is made in any case, and the old one may be of unknown origin.
    pub(super) makes_key: bool,
    /// The ids of all files, [`Workspace::file_ids`].
    pub(super) ids: Vec<(FileId, String)>,
    /// What git has of them.
    pub(super) versions: Versions,
}

impl Workspace<'_> {
    /// Tells what a rekey would change in a header, which is not authenticated; `None` when it is in line with the policy.
    ///
    /// # Errors
    /// When no rule is for the file.
    pub(super) fn preview_rekey(
        &self,
        target: &Target,
        before: &Header,
        makes_key: bool,
    ) -> Result<Option<RekeyPreview>, Error> {
        let rule = self.rule(target)?;
        let after = self.after_rekey(before, rule)?;
        let (unrecorded, renews) = self.renewal(before, makes_key);
        Ok((renews || unrecorded.is_some() || after != *before).then(|| compare(before, &after, renews)))
    }

    /// Returns what a header does not record yet, and whether a new data key is made also where no reader is gone.
    fn renewal(&self, before: &Header, makes_key: bool) -> (Option<Exposure>, bool) {
        let unrecorded = self.unrecorded_exposure(before);
        let has_key = unrecorded.as_ref().is_some_and(|exposure| exposure.generation == before.generation);
        (unrecorded, makes_key || self.exposes_all || has_key)
    }

    /// Plans the rekey of an opened file; `None` when it is in line with the policy.
    pub(super) fn plan_rekey(&self, file: AnyFile, common: &Circumstances) -> Result<Option<RekeyPlan>, Error> {
        let file = match file {
            AnyFile::Whole(file) => file,
            AnyFile::Large(file) => {
                let Some(change) = self.plan_change(&*file, common)? else { return Ok(None) };
                return Ok(Some(change.plan(file.target.clone(), Vec::new(), |header, renewed| {
                    Replacement::Opaque(file, Box::new(header), renewed)
                })));
            }
        };
        let Some(change) = self.plan_change(&*file, common)? else { return Ok(None) };
        let cleared = cleared(&file.opened, &change.header);
        let header = &change.header;
        let secrets = change.renewed.as_ref().unwrap_or(&file.opened.secrets);
        let bytes = seal(&file.opened.plaintext, header.clone(), secrets, Some(&file.opened), self.env.today())
            .map_err(|source| seal_error(&file.target, header.format, source))?;
        let OpenFile { target, snapshot, .. } = *file;
        Ok(Some(change.plan(target, cleared, |_, _| Replacement::Bytes(bytes, snapshot))))
    }

    /// Compares the readers of a file, and what it seals, with the policy; `None` when there is nothing to do.
    pub(super) fn plan_change(&self, file: &impl Standing, common: &Circumstances) -> Result<Option<Change>, Error> {
        let makes_key = common.makes_key;
        self.check_versions(file, makes_key, &common.versions)?;
        refuse_copies(file.target(), file.header(), &common.ids)?;
        let rule = self.rule(file.target())?;
        let readers = self.required_policy()?.readers(rule);
        let before = file.header();
        let mut header = self.after_rekey(before, rule)?;
        let (unrecorded, renews) = self.renewal(before, makes_key);
        if header == *before && !renews && unrecorded.is_none() {
            return Ok(None);
        }
        let mut preview = compare(before, &header, renews);
        let left_out = self.out_of_time(&preview, &readers);
        if !left_out.is_empty() {
            header.recipients.retain(|name, _| !left_out.contains(name));
            preview = compare(before, &header, renews);
        }
        header.exposed.extend(unrecorded);
        let added = preview.added.iter().filter_map(|added| readers.get_key_value(added.member.as_str()));
        self.refuse_expired(file.target(), added.map(|(name, member)| (*name, *member)))?;
        let renewed = if preview.has_new_key {
            if !makes_key {
                self.check_committed(file, &common.versions)?;
            }
            header.generation = header.generation.saturating_add(1);
            header.exposed.extend(preview.removed.iter().map(|reader| Exposure {
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
        let drops_caller = !preview.removed.is_empty() && !self.opens_for_caller(&header)?;
        let all_unreviewed = self.unreviewed(file.target(), &readers)?;
        let unreviewed =
            all_unreviewed.into_iter().filter(|name| preview.added.iter().any(|added| added.member == *name)).collect();
        Ok(Some(Change { header, renewed, preview, unreviewed, drops_caller, left_out }))
    }

    /// Returns the newcomers whose time is over already, where somebody else is removed: that must not wait for them, so
    /// they are not let in. Nobody is left out where no other reader would be left.
    fn out_of_time(&self, changes: &RekeyPreview, readers: &Readers<'_>) -> Vec<String> {
        let is_late = |name: &str| readers.get(name).is_some_and(|member| member.is_expired(self.env.today()));
        let new = changes.added.iter().filter(|added| !added.is_key_change && is_late(&added.member));
        let late: Vec<String> = new.map(|added| added.member.clone()).collect();
        if changes.removed.is_empty() || late.len() == changes.readers.len() { Vec::new() } else { late }
    }

    /// Returns a header with the readers of its rule, and what that wants sealed.
    pub(super) fn after_rekey(&self, before: &Header, rule: &Rule) -> Result<Header, Error> {
        let readers = self.required_policy()?.readers(rule);
        let mut header = Header { recipients: recipients(&readers), ..before.clone() };
        adopt_sealing(&mut header, rule);
        Ok(header)
    }

    /// Tells whether one of the identities at hand opens a new header; as far as it is known whose they are, by that.
    fn opens_for_caller(&self, header: &Header) -> Result<bool, Error> {
        let known = self.identities.recipients()?;
        let names = |recipient: &&crate::keys::Recipient| {
            header.recipients.values().flatten().any(|text| text == recipient.as_str())
        };
        Ok(known.iter().any(names) || self.identities.unwrap_for(&header.readers(), &header.wrapped_key).is_ok())
    }

    /// Takes the right to rekey, which one process at a time has.
    ///
    /// # Errors
    /// When another process has it, or the policy has mistakes.
    pub fn begin_rekey(&self) -> Result<Journal, Error> {
        // What is planned from here on is planned by this policy.
        self.policy()?;
        let journal = self.root.as_ref().map(Journal::begin).transpose()?.flatten();
        journal.ok_or_else(|| self.no_policy())
    }

    /// Writes what was planned, and the proposed policy: all files, or none when one of them was changed meanwhile or
    /// cannot be written. If the process is killed, the next command that writes finishes or undoes it.
    ///
    /// # Errors
    /// Names the file that stood in the way.
    pub fn rekey(&self, journal: Journal, plans: &[RekeyPlan], step: &(dyn Fn() + Sync)) -> Result<(), Error> {
        let files: Vec<(&Target, &Replacement)> = plans.iter().map(|plan| (&plan.target, &plan.replacement)).collect();
        self.replace_all(journal, &files, step)
    }

    /// Replaces files, and the policy by the proposed one: all or none, as [`Self::rekey`] says.
    pub(super) fn replace_all(
        &self,
        journal: Journal,
        files: &[(&Target, &Replacement)],
        step: &(dyn Fn() + Sync),
    ) -> Result<(), Error> {
        let policy = self.folder().join(FILE_NAME);
        // Readers are let in by the policy that the files were planned by, and by no other that somebody writes or checks
        // out before all is done.
        let before = self.proposed.as_ref().map(|change| &change.snapshot).or(self.policy_read.get());
        let proposed = self.proposed.as_ref().map(|change| Snapshot::of(change.text.as_bytes()));
        let needs = before.map(|before| Needs { path: &policy, before, after: proposed.as_ref().unwrap_or(before) });
        let paths = files.iter().map(|(target, _)| target.path.as_path());
        let paths = paths.chain(needs.iter().map(|needs| needs.path));
        let lock = FolderLock::acquire(paths, self.within())?;
        journal.prepare(&lock)?;
        let prepared = each_on_all_cores(files, |(target, replacement)| {
            let prepared = prepare(&lock, target, replacement);
            step();
            prepared
        });
        let mut prepared = prepared.into_iter().collect::<Result<Vec<Prepared<'_>>, Error>>()?;
        if let Some(change) = &self.proposed {
            // The first to be replaced: a policy that names fewer readers than a file has keeps everybody from writing it.
            let staged =
                lock.stage(&policy, change.text.as_bytes(), Expect::Unchanged(&change.snapshot), WRITE_MODE)?;
            prepared.insert(0, staged.prepare()?);
        }
        Ok(journal.commit(prepared, needs.as_ref())?)
    }
}

/// Writes the new file beside the old one.
fn prepare<'l>(
    lock: &'l FolderLock<'_>,
    target: &'l Target,
    replacement: &'l Replacement,
) -> Result<Prepared<'l>, Error> {
    let staged = match replacement {
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
    };
    Ok(staged.prepare()?)
}

impl Change {
    fn plan(
        self,
        target: Target,
        cleared: Vec<String>,
        replacement: impl FnOnce(Header, Option<FileSecrets>) -> Replacement,
    ) -> RekeyPlan {
        let Self { header, renewed, preview, unreviewed, drops_caller, left_out } = self;
        let replacement = replacement(header, renewed);
        RekeyPlan { target, preview, cleared, unreviewed, drops_caller, left_out, replacement }
    }
}

/// Compares a header with what it will be.
fn compare(before: &Header, after: &Header, makes_key: bool) -> RekeyPreview {
    let change = |member: &String, is_key_change| ReaderChange { member: member.clone(), is_key_change };
    // Whoever has another name now, and the same keys, has lost nothing: it is the keys that open.
    let keys: BTreeSet<&String> = after.recipients.values().flatten().collect();
    let lost = |member: &String| before.recipients[member].iter().any(|old| !keys.contains(old));
    let removed = before.recipients.keys().filter(|member| lost(member));
    let removed: Vec<ReaderChange> =
        removed.map(|member| change(member, after.recipients.contains_key(member))).collect();
    let gained = |member: &String| {
        let old = before.recipients.get(member);
        after.recipients[member].iter().any(|new| old.is_none_or(|old| !old.contains(new)))
    };
    let added = after.recipients.keys().filter(|member| gained(member));
    let added = added.map(|member| change(member, before.recipients.contains_key(member))).collect();
    let is_resealed =
        (after.mode, after.comments, &after.cleartext) != (before.mode, before.comments, &before.cleartext);
    RekeyPreview {
        readers: after.recipients.keys().cloned().collect(),
        added,
        has_new_key: makes_key || !removed.is_empty() || is_resealed,
        removed,
        cleared: cleared_patterns(before, after),
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

/// Takes over from the rule what is sealed. A file that is sealed as a whole stays so: nothing tells its format.
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
pub(super) fn cleared(opened: &Opened, header: &Header) -> Vec<String> {
    if header.mode == Mode::Opaque {
        return Vec::new();
    }
    let before = &opened.header;
    let becomes_clear = |leaf: &&Leaf| before.seals(&leaf.path) && !header.seals(&leaf.path);
    let leaves = opened.items.iter().flat_map(Document::leaves);
    let mut cleared: BTreeSet<String> = leaves.filter(becomes_clear).map(|leaf| leaf.path.to_string()).collect();
    cleared.extend(cleared_patterns(before, header));
    cleared.into_iter().collect()
}

/// Returns what of that can be told without the plaintext.
fn cleared_patterns(before: &Header, header: &Header) -> Vec<String> {
    if header.mode == Mode::Opaque {
        return Vec::new();
    }
    let patterns = header.cleartext.iter().filter(|pattern| !before.cleartext.contains(pattern));
    let mut cleared: BTreeSet<String> = patterns.map(|pattern| format!("later keys like {pattern}")).collect();
    if strictness(header.comments) < strictness(before.comments) {
        cleared.insert("comments".to_owned());
    }
    cleared.into_iter().collect()
}
