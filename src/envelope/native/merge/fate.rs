//! What becomes of each token: whose version of it is taken, whether it goes, or whether people must decide.

use std::collections::{HashMap, HashSet};

use super::side::{Side, TokenAt};
use super::{Choice, Conflict, ConflictKind, Decisions};
use crate::crypto::LeafId;
use crate::document::KeyPath;
use crate::document::path::Component;

/// The versions of a document that are merged.
pub(super) struct Three<'f> {
    /// The common ancestor; empty where there is none that can be read.
    pub base: Side<'f>,
    pub ours: Side<'f>,
    pub theirs: Side<'f>,
    /// The source texts by the ids of their tokens, where somebody has opened the files.
    pub sources: Option<Sources<'f>>,
    /// Without source texts: takes each token that was sealed again for one with another content.
    pub assumes_changes: bool,
}

/// What the tokens hold.
pub(super) struct Sources<'f> {
    pub base: HashMap<LeafId, &'f str>,
    pub ours: HashMap<LeafId, &'f str>,
    pub theirs: HashMap<LeafId, &'f str>,
}

/// Only a key tells whether a token has another content, or was only sealed again.
#[derive(Debug)]
pub(super) struct NeedsKey;

/// What becomes of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It goes.
    Absent,
    /// Nobody has decided yet.
    Open,
    /// It stays, as this side has it.
    Present(Choice),
}

/// What becomes of all tokens.
#[derive(Default)]
pub(super) struct Fates {
    by_id: HashMap<LeafId, Fate>,
    /// The ids of values that both sides have added under the same key, each with the other one.
    twins: HashMap<LeafId, LeafId>,
    pub conflicts: Vec<Conflict>,
}

impl<'f> Three<'f> {
    pub fn side(&self, choice: Choice) -> &Side<'f> {
        match choice {
            Choice::Ours => &self.ours,
            Choice::Theirs => &self.theirs,
        }
    }

    /// Tells whether a side has another content than the ancestor has.
    fn is_changed(&self, choice: Choice, base: &TokenAt, token: &TokenAt) -> Result<bool, NeedsKey> {
        let side = self.side(choice);
        if self.base.spelling(base) == side.spelling(token) {
            return Ok(false);
        }
        let Some(sources) = &self.sources else { return self.guess() };
        let new = if choice == Choice::Ours { &sources.ours } else { &sources.theirs };
        Ok(sources.base.get(&base.id).is_none_or(|old| new.get(&token.id) != Some(old)))
    }

    fn is_same(&self, ours: &TokenAt, theirs: &TokenAt) -> Result<bool, NeedsKey> {
        if self.ours.spelling(ours) == self.theirs.spelling(theirs) {
            return Ok(true);
        }
        match &self.sources {
            Some(sources) => Ok(sources.ours.get(&ours.id) == sources.theirs.get(&theirs.id)),
            None => self.guess().map(|is_changed| !is_changed),
        }
    }

    fn guess(&self) -> Result<bool, NeedsKey> {
        if self.assumes_changes { Ok(true) } else { Err(NeedsKey) }
    }

    /// Finds out what becomes of each token. Where a data key is newer on one side, its tokens are `preferred`.
    pub fn fates(&self, decisions: &Decisions, preferred: Choice) -> Result<Fates, NeedsKey> {
        let mut fates = Fates::default();
        for ours in &self.ours.tokens {
            let fate = match (self.base.token(ours.id), self.theirs.token(ours.id)) {
                // What only one side touched is known without a key.
                (Some(base), Some(theirs)) if self.base.spelling(base) == self.theirs.spelling(theirs) => {
                    let is_touched = self.ours.spelling(ours) != self.base.spelling(base);
                    Fate::Present(if is_touched { Choice::Ours } else { preferred })
                }
                (Some(base), Some(_)) if self.base.spelling(base) == self.ours.spelling(ours) => {
                    Fate::Present(Choice::Theirs)
                }
                (_, Some(theirs)) if self.is_same(ours, theirs)? => Fate::Present(preferred),
                (Some(base), Some(theirs)) => {
                    match (self.is_changed(Choice::Ours, base, ours)?, self.is_changed(Choice::Theirs, base, theirs)?) {
                        (true, true) => fates.ask(self.ours.name(ours), ConflictKind::BothChanged, decisions),
                        (true, false) => Fate::Present(Choice::Ours),
                        (false, true) => Fate::Present(Choice::Theirs),
                        (false, false) => Fate::Present(preferred),
                    }
                }
                (None, Some(_)) => fates.ask(self.ours.name(ours), ConflictKind::BothChanged, decisions),
                (Some(base), None) => self.removed(&mut fates, Choice::Ours, base, ours, decisions)?,
                (None, None) => Fate::Present(Choice::Ours),
            };
            fates.by_id.insert(ours.id, fate);
        }
        for theirs in self.theirs.tokens.iter().filter(|theirs| self.ours.token(theirs.id).is_none()) {
            let fate = match self.base.token(theirs.id) {
                Some(base) => self.removed(&mut fates, Choice::Theirs, base, theirs, decisions)?,
                None => Fate::Present(Choice::Theirs),
            };
            fates.by_id.insert(theirs.id, fate);
        }
        self.match_twins(&mut fates, decisions)?;
        self.keep_whole_lines(&mut fates);
        Ok(fates)
    }

    /// Has a line that was decided to stay keep all of its tokens: the comment behind a value.
    fn keep_whole_lines(&self, fates: &mut Fates) {
        for keeper in [Choice::Ours, Choice::Theirs] {
            let (side, other) = (self.side(keeper), self.side(keeper.other()));
            let is_removed = |token: &TokenAt| self.base.token(token.id).is_some() && other.token(token.id).is_none();
            for line in 0..side.lines.len() {
                let removed = || side.tokens_of(line).iter().filter(|token| is_removed(token));
                if removed().any(|token| fates.of(token.id) == Fate::Present(keeper)) {
                    removed().for_each(|token| _ = fates.by_id.insert(token.id, Fate::Present(keeper)));
                }
            }
        }
    }

    /// Decides over a token that one side still has and the other one removed.
    fn removed(
        &self,
        fates: &mut Fates,
        keeper: Choice,
        base: &TokenAt,
        token: &TokenAt,
        decisions: &Decisions,
    ) -> Result<Fate, NeedsKey> {
        if !self.is_changed(keeper, base, token)? {
            return Ok(Fate::Absent);
        }
        let kind = match keeper {
            Choice::Ours => ConflictKind::RemovedByTheirs,
            Choice::Theirs => ConflictKind::RemovedByOurs,
        };
        Ok(match fates.ask(self.side(keeper).name(token), kind, decisions) {
            Fate::Present(choice) if choice != keeper => Fate::Absent,
            fate => fate,
        })
    }

    /// Finds the keys that both sides added.
    fn match_twins(&self, fates: &mut Fates, decisions: &Decisions) -> Result<(), NeedsKey> {
        let added = |side: &Side<'f>, other: &Side<'f>| -> HashMap<&'f KeyPath, usize> {
            let is_added = |token: &TokenAt| {
                token.is_value && self.base.token(token.id).is_none() && other.token(token.id).is_none()
            };
            let tokens = side.tokens.iter().enumerate().filter(|(_, token)| is_added(token));
            let paths = tokens.filter_map(|(index, token)| Some((side.path(token)?, index)));
            // Two items that are added to a list are two items.
            paths.filter(|(path, _)| !path.0.iter().any(|step| matches!(step, Component::Item(_)))).collect()
        };
        let ours = added(&self.ours, &self.theirs);
        let theirs = added(&self.theirs, &self.ours);
        let mut pairs: Vec<(usize, usize)> =
            theirs.into_iter().filter_map(|(path, index)| Some((*ours.get(path)?, index))).collect();
        pairs.sort_unstable();
        for (ours, theirs) in pairs {
            let (ours, theirs) = (&self.ours.tokens[ours], &self.theirs.tokens[theirs]);
            let fate = if self.is_same(ours, theirs)? {
                Fate::Present(Choice::Ours)
            } else {
                fates.ask(self.ours.name(ours), ConflictKind::BothAdded, decisions)
            };
            let (of_ours, of_theirs) = match fate {
                Fate::Present(Choice::Ours) => (fate, Fate::Absent),
                Fate::Present(Choice::Theirs) => (Fate::Absent, fate),
                fate => (fate, fate),
            };
            // The comment behind a value goes with it.
            let lines = [(&self.ours, &self.theirs, ours, of_ours), (&self.theirs, &self.ours, theirs, of_theirs)];
            for (side, other, token, fate) in lines {
                let mates = side.tokens_of(side.line_of(token)).iter();
                let is_new = |mate: &&TokenAt| {
                    !mate.is_value && self.base.token(mate.id).is_none() && other.token(mate.id).is_none()
                };
                if fate == Fate::Absent {
                    mates.filter(is_new).for_each(|mate| _ = fates.by_id.insert(mate.id, Fate::Absent));
                }
                fates.by_id.insert(token.id, fate);
            }
            fates.twins.insert(theirs.id, ours.id);
            fates.twins.insert(ours.id, theirs.id);
        }
        Ok(())
    }
}

impl Fates {
    pub fn of(&self, id: LeafId) -> Fate {
        self.by_id.get(&id).copied().unwrap_or(Fate::Absent)
    }

    /// Returns the id that the other side has under the same key, where both added it; else the same id.
    pub fn twin(&self, id: LeafId) -> LeafId {
        self.twins.get(&id).copied().unwrap_or(id)
    }

    /// Returns the ids of the tokens that stay.
    pub fn present(&self) -> HashSet<LeafId> {
        let is_present = |fate: &Fate| matches!(fate, Fate::Present(_));
        self.by_id.iter().filter(|(_, fate)| is_present(fate)).map(|(id, _)| *id).collect()
    }

    fn ask(&mut self, name: String, kind: ConflictKind, decisions: &Decisions) -> Fate {
        match decisions.of(&name) {
            Some(choice) => Fate::Present(choice),
            None => {
                self.conflicts.push(Conflict { name, kind });
                Fate::Open
            }
        }
    }
}
