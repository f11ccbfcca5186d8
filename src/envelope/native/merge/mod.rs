//! The three-way merge of encrypted files, by key path.
//!
//! Untouched ciphertext is copied byte for byte. A key is needed only where a token must be sealed again, because its
//! neighbours changed, or where only the plaintexts tell whether both sides changed a value. What comes out is checked
//! like any file that is read, and opened where there is a key.

mod align;
mod fate;
mod header;
mod opaque;
mod proof;
mod reseal;
mod side;
mod weave;

use fate::{Sources, Three};
use header::{Apart, Plan, plan};
use side::Side;
use weave::{Markers, Woven, weave};

use super::carrier::{self, Carrier};
use super::file::{EncryptedFile, Opened, OpenedToken};
use super::header::{Header, SignedHeader};
use super::opening::span_of;
use super::payload::FileSecrets;
use crate::crypto::LeafId;
use crate::document::{self, Document, Extent, Format, KeyPath};

/// A side of a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The branch that is merged into; in a rebase the new base.
    Ours,
    /// The branch that is merged.
    Theirs,
}

/// Something that both sides changed, each in its own way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The key, the field of the header (`header:owner`), or what a comment or line stands before.
    pub name: String,
    /// What happened.
    pub kind: ConflictKind,
}

/// What the sides did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConflictKind {
    /// Both added it, with different values.
    BothAdded,
    /// Both changed it.
    BothChanged,
    /// Both made a new data key.
    BothRekeyed,
    /// Both changed the line around it: a key, a comment in clear, a container.
    Line,
    /// The sides are two files with keys of their own.
    OtherFile,
    /// Ours removed it, theirs changed it.
    RemovedByOurs,
    /// Theirs removed it, ours changed it.
    RemovedByTheirs,
    /// The changes fit on no document that has them all.
    Structure,
    /// The newer data key does not follow from the other side's.
    UnknownKey,
}

/// What people have decided about conflicts.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// By key: also for what stands below it.
    pub keys: Vec<(String, Choice)>,
    /// About everything else.
    pub rest: Option<Choice>,
}

/// The versions of a file that are to be merged.
pub struct Merge<'f> {
    /// The common ancestor, if there is one that can be read.
    pub base: Option<&'f EncryptedFile>,
    /// The one side.
    pub ours: &'f EncryptedFile,
    /// The other side.
    pub theirs: &'f EncryptedFile,
    /// What was decided already.
    pub decisions: &'f Decisions,
    /// How long the markers of conflicts are; git's own have 7 characters.
    pub marker_size: usize,
}

/// The same versions, opened.
pub struct OpenedVersions {
    /// The common ancestor, if somebody here can open it.
    pub base: Option<Opened>,
    /// The one side.
    pub ours: Opened,
    /// The other side.
    pub theirs: Opened,
}

/// What became of a merge.
pub enum Merged {
    /// All of both sides is in the file.
    Clean {
        /// The file.
        file: Vec<u8>,
        /// The readers whom one side added and the other's newer data key leaves out.
        left_out: Vec<String>,
    },
    /// People must decide.
    Conflicts {
        /// About what.
        conflicts: Vec<Conflict>,
        /// The file with ciphertext between markers; `None` where the whole of it is in conflict.
        marked: Option<Vec<u8>>,
    },
}

impl ConflictKind {
    /// Tells whether the files cannot be merged at all, whatever is decided about keys.
    pub fn is_about_data_keys(self) -> bool {
        matches!(self, Self::BothRekeyed | Self::OtherFile | Self::UnknownKey)
    }
}

impl Choice {
    /// Returns the other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }
}

impl Decisions {
    /// Returns what was decided about a conflict.
    pub fn of(&self, name: &str) -> Option<Choice> {
        self.named(name).or(self.rest)
    }

    /// Returns what was decided about a conflict by its name.
    fn named(&self, name: &str) -> Option<Choice> {
        let covers = |key: &str| {
            key == name
                || matches!((KeyPath::parse(key), KeyPath::parse(name)), (Ok(key), Ok(name)) if key.contains(&name))
        };
        self.keys.iter().rev().find(|(key, _)| covers(key)).map(|(_, choice)| *choice)
    }

    /// Tells whether a name that somebody gave means a conflict.
    pub fn means(key: &str, name: &str) -> bool {
        Self { keys: vec![(key.to_owned(), Choice::Ours)], rest: None }.of(name).is_some()
    }
}

impl<'f> Merge<'f> {
    /// Merges what needs no key. Nothing in it is authenticated, as nothing in the sides was; but all of it is consistent.
    /// `None` when a key is needed, or people have to decide.
    pub fn without_key(&self) -> Option<Vec<u8>> {
        let plan = self.plan(None).ok().filter(|plan| plan.conflicts.is_empty())?;
        let kept = self.signed(plan.kept?);
        let file = match self.format()? {
            Format::Opaque => opaque::without_key(self, &plan, kept)?,
            format => {
                let three = self.three(None, false)?;
                let fates = three.fates(self.decisions, plan.key_of).ok()?;
                let Woven { text, conflicts } = weave(&three, &fates, self.decisions, format, self.markers());
                if !conflicts.is_empty() {
                    return None;
                }
                let document = document::parse_text(format, &text, Extent::Items).ok()?;
                let merged = Side::new(format, &text, &document);
                if proof::misplaced(&three, &fates, &merged) {
                    return None;
                }
                let newer = three.side(plan.key_of);
                // Of another data key: to be sealed again.
                let is_foreign = |token: &side::TokenAt| {
                    newer.token(token.id).map(|own| newer.spelling(own)) != Some(merged.spelling(token))
                };
                if !plan.is_one_key && merged.tokens.iter().any(is_foreign) {
                    return None;
                }
                join(format, kept, &text)?
            }
        };
        EncryptedFile::parse(&file).is_ok_and(|merged| merged.check().is_ok()).then_some(file)
    }

    /// Merges with the keys of both sides. `wrap` encrypts the data key to the readers of a header.
    ///
    /// # Errors
    /// What `wrap` says.
    pub fn with_keys<E>(
        &self,
        opened: &OpenedVersions,
        wrap: impl FnOnce(&Header, &FileSecrets) -> Result<String, E>,
    ) -> Result<Merged, E> {
        let mut plan = match self.plan(Some(opened)) {
            Ok(plan) => plan,
            Err(apart) => return Ok(Self::apart(&apart)),
        };
        let conflicts = std::mem::take(&mut plan.conflicts);
        let Some(format) = self.format() else { return Ok(Self::structure()) };
        if plan.header.wrapped_key.is_empty() && conflicts.is_empty() {
            plan.header.wrapped_key = wrap(&plan.header, &opened.of(plan.key_of).secrets)?;
        }
        let left_out = std::mem::take(&mut plan.left_out);
        if format == Format::Opaque {
            return Ok(match opaque::with_keys(self, &plan, opened) {
                Ok(file) if conflicts.is_empty() => Merged::Clean { file, left_out },
                Ok(_) => Merged::Conflicts { conflicts, marked: None },
                Err(conflict) => {
                    let conflicts = conflicts.into_iter().chain([conflict]).collect();
                    Merged::Conflicts { conflicts, marked: None }
                }
            });
        }
        let Some(three) = self.three(Some(opened), false) else { return Ok(Self::structure()) };
        let Ok(fates) = three.fates(self.decisions, plan.key_of) else { return Ok(Self::structure()) };
        let woven = weave(&three, &fates, self.decisions, format, self.markers());
        if !conflicts.is_empty() || !woven.conflicts.is_empty() {
            let marked = conflicts.is_empty().then(|| self.marked(format, &woven)).flatten();
            let conflicts = conflicts.into_iter().chain(woven.conflicts).collect();
            return Ok(Merged::Conflicts { conflicts, marked });
        }
        let resealing = reseal::Resealing { merge: self, plan: &plan, three: &three, fates: &fates, opened };
        Ok(match resealing.file(format, &woven.text) {
            Ok(file) => Merged::Clean { file, left_out },
            // Parts of the documents do not fit together. One as a whole drops what the other side did, so only who names
            // the document means that.
            Err(()) => match self.decisions.named(DOCUMENT).and_then(|choice| resealing.whole(format, choice)) {
                Some(file) => Merged::Clean { file, left_out },
                None => Self::structure(),
            },
        })
    }

    /// Says what people have to decide where no key is at hand: perhaps more than there is.
    pub fn guess(&self) -> Merged {
        let plan = match self.plan(None) {
            Ok(plan) => plan,
            Err(apart) => return Self::apart(&apart),
        };
        let Some(format) = self.format() else { return Self::structure() };
        let conflicts = plan.conflicts;
        if format == Format::Opaque {
            let conflict = Conflict { name: opaque::NAME.to_owned(), kind: ConflictKind::BothChanged };
            return Merged::Conflicts { conflicts: conflicts.into_iter().chain([conflict]).collect(), marked: None };
        }
        let Some(three) = self.three(None, true) else { return Self::structure() };
        let Ok(fates) = three.fates(self.decisions, plan.key_of) else { return Self::structure() };
        let woven = weave(&three, &fates, self.decisions, format, self.markers());
        let marked = conflicts.is_empty().then(|| self.marked(format, &woven)).flatten();
        Merged::Conflicts { conflicts: conflicts.into_iter().chain(woven.conflicts).collect(), marked }
    }

    fn plan(&self, opened: Option<&OpenedVersions>) -> Result<Plan, Apart> {
        let secrets = opened.map(|opened| [&opened.ours.secrets, &opened.theirs.secrets]);
        plan(self.base.map(EncryptedFile::signed), self.ours.signed(), self.theirs.signed(), secrets, self.decisions)
    }

    fn apart(apart: &Apart) -> Merged {
        let kind = match apart {
            Apart::BothRekeyed | Apart::NeedsKey => ConflictKind::BothRekeyed,
            Apart::OtherFile => ConflictKind::OtherFile,
            Apart::UnknownKey => ConflictKind::UnknownKey,
        };
        let name = format!("{}generation", header::HEADER_FIELD);
        Merged::Conflicts { conflicts: vec![Conflict { name, kind }], marked: None }
    }

    fn structure() -> Merged {
        let conflict = Conflict { name: DOCUMENT.to_owned(), kind: ConflictKind::Structure };
        Merged::Conflicts { conflicts: vec![conflict], marked: None }
    }

    fn file(&self, choice: Choice) -> &'f EncryptedFile {
        match choice {
            Choice::Ours => self.ours,
            Choice::Theirs => self.theirs,
        }
    }

    fn signed(&self, choice: Choice) -> &'f SignedHeader {
        self.file(choice).signed()
    }

    /// Returns the format, if both sides have the same one.
    fn format(&self) -> Option<Format> {
        let [ours, theirs] = [self.ours, self.theirs].map(|file| file.header().format);
        (ours == theirs).then_some(ours)
    }

    fn markers(&self) -> Markers {
        Markers { size: self.marker_size }
    }

    fn three(&self, opened: Option<&'f OpenedVersions>, assumes_changes: bool) -> Option<Three<'f>> {
        let format = self.format()?;
        let side = |file: &'f EncryptedFile| Some(Side::new(format, file.text()?, file.items()?));
        let base = self.base.filter(|base| base.header().format == format);
        Some(Three {
            base: match base {
                Some(base) => side(base)?,
                None => Side::empty(),
            },
            ours: side(self.ours)?,
            theirs: side(self.theirs)?,
            sources: opened.map(|opened| Sources {
                base: opened.base.as_ref().map(sources).unwrap_or_default(),
                ours: sources(&opened.ours),
                theirs: sources(&opened.theirs),
            }),
            assumes_changes,
        })
    }

    /// Returns a file with markers in it. Its header is that of ours: it is merged when the conflicts are settled.
    fn marked(&self, format: Format, woven: &Woven) -> Option<Vec<u8>> {
        if woven.conflicts.is_empty() {
            return None;
        }
        join(format, self.ours.signed(), &woven.text)
    }
}

impl OpenedVersions {
    fn of(&self, choice: Choice) -> &Opened {
        match choice {
            Choice::Ours => &self.ours,
            Choice::Theirs => &self.theirs,
        }
    }
}

/// Returns what the tokens of a file hold.
fn sources(opened: &Opened) -> std::collections::HashMap<LeafId, &str> {
    let (Some(document), Ok(text)) = (&opened.items, str::from_utf8(&opened.plaintext)) else {
        return std::collections::HashMap::new();
    };
    let source = |token: &OpenedToken| (token.token.sealed.id(), span_of(&document.items[token.item]).of(text));
    opened.values.iter().chain(&opened.comments).map(source).collect()
}

/// Puts a header on a document; `None` where a JSON document is none any more.
fn join(format: Format, signed: &SignedHeader, text: &str) -> Option<Vec<u8>> {
    let begins_as_object = || text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('{');
    if format == Format::Json && !begins_as_object() {
        return None;
    }
    Some(carrier::join_text(Carrier::of(format), &signed.fields(), text.to_owned()).into_bytes())
}

/// What a conflict about all of a document is named by.
const DOCUMENT: &str = "the document";

impl Side<'_> {
    fn empty() -> Side<'static> {
        static NOTHING: std::sync::OnceLock<Document> = std::sync::OnceLock::new();
        Side::new(Format::Yaml, "", NOTHING.get_or_init(Document::default))
    }
}
