//! Rotating values: new ones in place of the old ones, at once or in two steps for credentials that overlap.
//!
//! In two steps the current value stays where it is, with a copy of it in `KEY_previous`, and the new one waits in
//! `KEY_pending`; days and generations go with the values, so that what a former reader knows stays known as such.

use std::collections::HashSet;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::metadata::{kept_recipe, value_path};
use super::save::Rewritten;
use super::{Error, Keeping, OpenFile, Saved, Target, Workspace, key_paths};
use crate::document::edit::{EditError, NewValue};
use crate::document::path::{Component, KeyKind};
use crate::document::{self, Document, Format, KeyPath, Leaf, ScalarKind};
use crate::envelope::native::KeptRecipe;
use crate::generate::Recipe;

/// What a rotation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationStep {
    /// Ends a rotation in two steps as if it had not begun.
    Abort,
    /// Puts the new value beside the current one.
    Begin,
    /// Puts the pending value in the place of the current one.
    Finish,
    /// Puts a new value in the place of the current one.
    Replace,
}

/// A rotation that may be done, as far as can be told before there are new values.
pub struct Rotation {
    /// The file.
    pub file: OpenFile,
    /// What it does.
    pub step: RotationStep,
    /// The values, each once, in the order in which they were named.
    pub turns: Vec<Turn>,
}

/// One value of a rotation.
pub struct Turn {
    /// Its key, as key paths are written.
    pub key: String,
    /// The current value.
    pub old: Zeroizing<String>,
    /// The value that waits, where a rotation has begun.
    pub pending: Option<Zeroizing<String>>,
    path: KeyPath,
}

impl Workspace<'_> {
    /// Opens a file to rotate values of it. What may not be written is refused before any new value is made.
    ///
    /// # Errors
    /// When the file cannot be opened or written, a key names no value or stands in clear, or the step is not the next.
    pub fn open_rotation(&self, target: Target, keys: &[String], step: RotationStep) -> Result<Rotation, Error> {
        self.refuse_large(&target)?;
        let file = self.open(target, false)?;
        self.check_writable(&file)?;
        let mut turns: Vec<Turn> = Vec::new();
        for key in keys {
            let turn = turn(&file, key, step)?;
            if !turns.iter().any(|known| known.path == turn.path) {
                turns.push(turn);
            }
        }
        Ok(Rotation { file, step, turns })
    }

    /// Returns the recipe that is kept for a value: in the header, sealed or in clear, else in the rule for the file.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn kept_recipe(&self, rotation: &Rotation, turn: &Turn) -> Result<Recipe, Error> {
        let file = &rotation.file;
        let metadata = &file.opened.header.metadata;
        let kept = metadata.value(&turn.path).and_then(|said| said.generate.as_ref());
        if let Some(recipe) = kept.and_then(KeptRecipe::clear) {
            return Ok(recipe.parse::<Recipe>()?);
        }
        if let Some(recipe) = file.opened.sealed_recipe(&turn.key) {
            return Ok(recipe.parse::<Recipe>()?);
        }
        let rule = if self.policy()?.is_some() { Some(self.rule(&file.target)?) } else { None };
        let recipe = rule.and_then(|rule| rule.recipe(&turn.path)).cloned();
        recipe.ok_or_else(|| Error::NoRecipe { path: file.target.shown.clone(), key: turn.key.clone() })
    }

    /// Does a rotation: all values of it, or none. `new` has the new value of each turn, where the step asks for one,
    /// and `kept` is the recipe that the header shall keep for them, and how.
    ///
    /// # Errors
    /// When a new value is missing, a value stays what it is, was changed meanwhile, cannot be written, or the file must
    /// not be.
    pub fn rotate(
        &self,
        rotation: &Rotation,
        new: &[Zeroizing<String>],
        kept: Option<(&Recipe, Keeping)>,
    ) -> Result<Saved, Error> {
        let acts = rotation.acts(new)?;
        self.update_moving(rotation.file.target.clone(), |file| {
            let mut edit = Rewriting::of(file);
            for (known, act) in &acts {
                let turn = turn(file, &known.key, rotation.step)?;
                if turn.old != known.old || turn.pending != known.pending {
                    let path = file.target.shown.clone();
                    return Err(Error::ChangedMeanwhile { path, key: known.key.clone() });
                }
                edit.take(&turn, act)?;
            }
            let mut header = file.opened.header.clone();
            if let Some((recipe, keeping)) = kept {
                for Turn { key, .. } in &rotation.turns {
                    let recipe = kept_recipe(file, key, recipe, keeping, self.env.today());
                    header.metadata.values.entry(key.clone()).or_default().generate = Some(recipe);
                }
            }
            Ok(Rewritten { plaintext: document::into_bytes(edit.text), header, moved: edit.moved })
        })
    }
}

impl Rotation {
    /// Tells whether the header keeps the recipe of a value sealed.
    pub fn has_sealed_recipe(&self, turn: &Turn) -> bool {
        self.file.opened.sealed_recipe(&turn.key).is_some()
    }

    /// Returns the values for which somebody has set a day by which they must be replaced. No rotation changes it: only a
    /// person knows the next one.
    pub fn dates(&self) -> Vec<(&Turn, Date)> {
        let metadata = &self.file.opened.header.metadata;
        let own = |turn: &Turn| metadata.value(&turn.path).and_then(|said| said.rotation_due);
        let date = |turn| own(turn).or(metadata.rotation_due);
        self.turns.iter().filter_map(|turn| Some((turn, date(turn)?))).collect()
    }
}

impl Rotation {
    /// Returns what is done to each value, with the new one where it takes one.
    fn acts<'r>(&'r self, new: &'r [Zeroizing<String>]) -> Result<Vec<(&'r Turn, Act<'r>)>, Error> {
        let mut new = new.iter();
        let mut act = |turn: &'r Turn| {
            let mut next = || {
                let missing = || Error::NoNewValue { path: self.file.target.shown.clone(), key: turn.key.clone() };
                new.next().ok_or_else(missing)
            };
            let act = match self.step {
                RotationStep::Abort => Act::Abort,
                RotationStep::Begin => Act::Begin(next()?),
                RotationStep::Finish => Act::Finish,
                RotationStep::Replace => Act::Replace(next()?),
            };
            Ok((turn, act))
        };
        self.turns.iter().map(&mut act).collect()
    }
}

impl Turn {
    /// Refuses a new value that is the current one.
    ///
    /// # Errors
    /// When it is.
    pub fn check_new(&self, file: &OpenFile, new: &str) -> Result<(), Error> {
        if *self.old == new {
            return Err(Error::SameValue { path: file.target.shown.clone(), key: self.key.clone() });
        }
        Ok(())
    }
}

/// Looks at one value of a file that is to be rotated.
fn turn(file: &OpenFile, key: &str, step: RotationStep) -> Result<Turn, Error> {
    let shown = || file.target.shown.clone();
    let path = value_path(file, key)?;
    let document = file.opened.document().ok_or_else(|| Error::NoKeys { path: shown() })?;
    let key = path.to_string();
    let value = |path: &KeyPath| find(document, path).map(|leaf| Zeroizing::new(leaf.value.to_string()));
    let old =
        value(&path).ok_or_else(|| Error::KeyNotFound { path: shown(), key: key.clone(), similar: Vec::new() })?;
    if !file.opened.header.seals(&path) {
        return Err(Error::InClear { path: shown(), key });
    }
    let siblings = siblings(&path).map_err(|reason| Error::NoSibling { path: shown(), key: key.clone(), reason });
    let [previous, pending] = match (siblings, step) {
        (Ok(siblings), _) => siblings,
        // What can have no value beside it has none.
        (Err(_), RotationStep::Replace) => return Ok(Turn { key, old, pending: None, path }),
        (Err(error), _) => return Err(error),
    };
    let has_begun = has_begun([&previous, &pending], |sibling| find(document, sibling).is_some());
    let left = || [&pending, &previous].into_iter().find(|sibling| stands(document, sibling)).map(KeyPath::to_string);
    match step {
        RotationStep::Begin | RotationStep::Replace if has_begun => {
            return Err(Error::RotationBegun { path: shown(), key, pending: pending.to_string() });
        }
        RotationStep::Replace => {}
        RotationStep::Begin => {
            if let Some(sibling) = left() {
                return Err(Error::SiblingTaken { path: shown(), key, sibling });
            }
            // A pattern may leave them in clear although the value itself is sealed.
            if let Some(sibling) = [&pending, &previous].into_iter().find(|sibling| !file.opened.header.seals(sibling))
            {
                return Err(Error::InClear { path: shown(), key: sibling.to_string() });
            }
        }
        RotationStep::Finish | RotationStep::Abort if !has_begun => {
            let missing = if find(document, &pending).is_none() { &pending } else { &previous };
            return Err(Error::NoRotation { path: shown(), key, missing: missing.to_string(), left: left() });
        }
        RotationStep::Finish if find(document, &previous).is_none_or(|previous| *previous.value != *old) => {
            let (previous, pending) = (previous.to_string(), pending.to_string());
            return Err(Error::ChangedSinceBegin { path: shown(), key, previous, pending });
        }
        RotationStep::Finish | RotationStep::Abort => {}
    }
    Ok(Turn { key, old, pending: value(&pending), path })
}

/// Returns the key paths of `KEY_previous` and `KEY_pending`.
fn siblings(path: &KeyPath) -> Result<[KeyPath; 2], &'static str> {
    match path.0.split_last() {
        Some((Component::Key { kind: KeyKind::String, name, occurrence: 0 }, above)) => {
            let sibling = |end: &str| KeyPath(above.to_vec()).child(Component::key(format!("{name}{end}")));
            Ok([sibling(PREVIOUS), sibling(PENDING)])
        }
        Some((Component::Key { kind: KeyKind::String, .. }, _)) => Err("it is not the first with its key"),
        Some((Component::Key { .. }, _)) => Err("its key is no text"),
        Some((Component::Item(_), _)) => Err("it is an item of a list"),
        Some((Component::Document(_), _)) | None => Err("it is the whole document"),
    }
}

/// Tells whether a rotation in two steps has begun: the one place where that is decided. Both values are there since
/// `--begin`; one of them alone may be anything, and is nobody's to take or remove.
fn has_begun(siblings: [&KeyPath; 2], has_value: impl Fn(&KeyPath) -> bool) -> bool {
    siblings.into_iter().all(has_value)
}

/// Returns the key paths of the values that stand beside others for a rotation in two steps that has begun.
pub(super) fn beside_rotations(document: &Document) -> HashSet<KeyPath> {
    let current = |leaf: &Leaf| {
        let (last, above) = leaf.path.0.split_last()?;
        let Component::Key { kind: KeyKind::String, name, occurrence: 0 } = last else { return None };
        Some(KeyPath(above.to_vec()).child(Component::key(name.strip_suffix(PENDING)?)))
    };
    let current: Vec<KeyPath> = document.leaves().filter_map(current).collect();
    if current.is_empty() {
        return HashSet::new();
    }
    let standing: HashSet<&KeyPath> = document.leaves().map(|leaf| &leaf.path).collect();
    let current = current.iter().filter(|current| standing.contains(current));
    let begun = current.filter_map(|current| siblings(current).ok());
    begun.filter(|siblings| has_begun(siblings.each_ref(), |sibling| standing.contains(sibling))).flatten().collect()
}

fn find<'d>(document: &'d Document, path: &KeyPath) -> Option<&'d Leaf> {
    document.leaves().find(|leaf| path.addresses(&leaf.path))
}

/// Tells whether anything stands at a path: a value, keys, or nothing that has a key.
fn stands(document: &Document, path: &KeyPath) -> bool {
    document.leaves().any(|leaf| path.contains(&leaf.path)) || key_paths(document).contains(&path.to_string())
}

/// What is done to one value.
enum Act<'n> {
    Abort,
    Begin(&'n Zeroizing<String>),
    Finish,
    Replace(&'n Zeroizing<String>),
}

/// A text that is changed value by value.
struct Rewriting<'f> {
    file: &'f OpenFile,
    format: Format,
    text: Zeroizing<String>,
    moved: Vec<(KeyPath, KeyPath)>,
}

impl<'f> Rewriting<'f> {
    fn of(file: &'f OpenFile) -> Self {
        let text = str::from_utf8(&file.opened.plaintext).expect("a document that was parsed is UTF-8");
        let text = Zeroizing::new(text.to_owned());
        Self { file, format: file.opened.header.format, text, moved: Vec::new() }
    }

    /// Changes one value and what stands beside it.
    fn take(&mut self, turn: &Turn, act: &Act<'_>) -> Result<(), Error> {
        let file = self.file;
        let siblings = || siblings(&turn.path).expect("`turn` has refused a value that can have none");
        let done = match act {
            Act::Abort => self.drop_siblings(siblings()),
            Act::Begin(new) => {
                turn.check_new(file, new)?;
                let [previous, pending] = siblings();
                self.copy(&turn.path, &previous).and_then(|()| self.set(&pending, new))
            }
            Act::Finish => {
                if let Some(pending) = &turn.pending {
                    turn.check_new(file, pending)?;
                }
                let [previous, pending] = siblings();
                self.copy(&pending, &turn.path).and_then(|()| self.drop_siblings([previous, pending]))
            }
            Act::Replace(new) => {
                turn.check_new(file, new)?;
                self.set(&turn.path, new)
            }
        };
        done.map_err(|source| Error::Edit { path: file.target.shown.clone(), source })
    }

    fn set(&mut self, path: &KeyPath, new: &str) -> Result<(), EditError> {
        let document = self.parse()?;
        self.text = document::set(self.format, &self.text, &document, path, NewValue::Text(new))?;
        Ok(())
    }

    /// Puts the value of one key under another, with its day and generation.
    fn copy(&mut self, from: &KeyPath, to: &KeyPath) -> Result<(), EditError> {
        let document = self.parse()?;
        let leaf = find(&document, from).ok_or_else(|| EditError::NotFound(from.clone()))?;
        let json = match leaf.kind {
            ScalarKind::Boolean | ScalarKind::Float | ScalarKind::Integer => serde_json::from_str(&leaf.value).ok(),
            _ => None,
        };
        let value = json.as_ref().map_or(NewValue::Text(&leaf.value), NewValue::Json);
        let text = document::set(self.format, &self.text, &document, to, value)?;
        let after = document::parse(self.format, &text).map_err(|_| self.unspellable())?;
        let copied = find(&after, to).ok_or_else(|| self.unspellable())?;
        if (copied.kind, &*copied.value) != (leaf.kind, &*leaf.value) {
            return Err(self.unspellable());
        }
        self.moved.push((copied.path.clone(), leaf.path.clone()));
        self.text = text;
        Ok(())
    }

    fn drop_siblings(&mut self, siblings: [KeyPath; 2]) -> Result<(), EditError> {
        for sibling in siblings {
            let document = self.parse()?;
            if stands(&document, &sibling) {
                self.text = document::unset(self.format, &self.text, &document, &sibling)?;
            }
        }
        Ok(())
    }

    fn parse(&self) -> Result<Document, EditError> {
        document::parse(self.format, &self.text).map_err(|_| self.unspellable())
    }

    fn unspellable(&self) -> EditError {
        EditError::Unspellable { format: self.format, what: "this value at this place" }
    }
}

const PREVIOUS: &str = "_previous";
const PENDING: &str = "_pending";
