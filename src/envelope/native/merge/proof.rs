//! What a woven document must be, whatever way it was woven: exactly the keys that the sides together ask for.
//!
//! Lines say nothing about structure: a line that is put into another container means another key. So the result is
//! parsed, and each key of it compared with those of the sides.

use std::collections::HashMap;

use super::fate::{Fates, Three};
use super::side::{Side, TokenAt};
use crate::crypto::LeafId;
use crate::document::path::Component;
use crate::document::{Item, KeyPath, Leaf};
use crate::envelope::native::opening::span_of;
use crate::envelope::native::place::encode_path;

/// Tells whether a key is not as both sides together ask for.
pub(super) fn misplaced(three: &Three<'_>, fates: &Fates, merged: &Side<'_>) -> bool {
    let mut expected = fates.present();
    let proof = Proof::new(three, merged);
    // A token that stands there twice is not expected any more the second time.
    let is_right = |token: &TokenAt| expected.remove(&token.id) && (!token.is_value || proof.is_at_its_place(token));
    let are_right = merged.tokens.iter().all(is_right);
    !are_right || !expected.is_empty() || has_clear_difference(three, merged)
}

struct Proof<'p, 'f> {
    three: &'p Three<'f>,
    merged: &'p Side<'p>,
    /// For each side, by the encoded path of a container: a value in it that the merged document has too.
    siblings: [HashMap<Vec<u8>, LeafId>; 2],
}

impl<'p, 'f> Proof<'p, 'f> {
    fn new(three: &'p Three<'f>, merged: &'p Side<'p>) -> Self {
        let siblings = [&three.ours, &three.theirs].map(|side| {
            let both = side.tokens.iter().filter(|token| token.is_value && three.base.token(token.id).is_some());
            let both = both.filter(|token| merged.token(token.id).is_some());
            both.map(|token| (parent(side, token), token.id)).collect()
        });
        Self { three, merged, siblings }
    }

    /// Tells whether a value stands under the key that the sides ask for.
    fn is_at_its_place(&self, token: &TokenAt) -> bool {
        let three = self.three;
        let at = |side: &Side<'_>| side.token(token.id).map(|token| path(side, token));
        let here = path(self.merged, token);
        match (at(&three.base), at(&three.ours), at(&three.theirs)) {
            (_, Some(ours), Some(theirs)) if ours == theirs => here == ours || self.follows_container(token),
            (Some(base), Some(ours), Some(theirs)) => {
                (base == ours && here == theirs) || (base == theirs && here == ours) || self.follows_container(token)
            }
            (_, Some(only), None) | (_, None, Some(only)) => here == only || self.follows_container(token),
            _ => false,
        }
    }

    /// Tells whether the container of a value was renamed by one side, and the value is in it under its name.
    fn follows_container(&self, token: &TokenAt) -> bool {
        let merged = self.merged;
        let sides = [&self.three.ours, &self.three.theirs].into_iter().zip(&self.siblings);
        let mut sides = sides.filter_map(|(side, siblings)| Some((side, siblings, side.token(token.id)?)));
        sides.any(|(side, siblings, own)| {
            let sibling = siblings.get(&parent(side, own)).and_then(|sibling| merged.token(*sibling));
            sibling.is_some_and(|sibling| parent(merged, sibling) == parent(merged, token))
                && last(side, own) == last(merged, token)
        })
    }
}

/// Compares the values in clear that have a key of their own.
fn has_clear_difference(three: &Three<'_>, merged: &Side<'_>) -> bool {
    let [base, ours, theirs, here] = [&three.base, &three.ours, &three.theirs, merged].map(clear);
    let mut keys: Vec<&KeyPath> = ours.keys().chain(theirs.keys()).chain(here.keys()).copied().collect();
    keys.sort();
    keys.dedup();
    let differs = |key: &KeyPath| {
        let [base, ours, theirs, here] = [&base, &ours, &theirs, &here].map(|side| side.get(key));
        let is_as_asked = if ours == theirs || theirs == base { here == ours } else { here == theirs && ours == base };
        !is_as_asked
    };
    keys.into_iter().any(differs)
}

/// Returns the source texts of the values in clear by their keys; items of lists have none that stays.
fn clear<'s>(side: &'s Side<'_>) -> HashMap<&'s KeyPath, &'s str> {
    let mut tokens = side.tokens.iter().map(|token| token.item).peekable();
    let mut clear = HashMap::new();
    for (index, item) in side.document.items.iter().enumerate() {
        let is_token = tokens.next_if_eq(&index).is_some();
        if let Item::Leaf(Leaf { path, .. }) = item
            && !is_token
            && !path.0.iter().any(|step| matches!(step, Component::Item(_)))
        {
            clear.insert(path, span_of(item).of(side.text));
        }
    }
    clear
}

fn path(side: &Side<'_>, token: &TokenAt) -> Vec<u8> {
    side.path(token).map(encode_path).unwrap_or_default()
}

fn parent(side: &Side<'_>, token: &TokenAt) -> Vec<u8> {
    let steps = side.path(token).and_then(|path| path.0.split_last()).map(|(_, parent)| parent.to_vec());
    encode_path(&KeyPath(steps.unwrap_or_default()))
}

fn last(side: &Side<'_>, token: &TokenAt) -> Vec<u8> {
    let step = side.path(token).and_then(|path| path.0.last().cloned());
    encode_path(&KeyPath(step.into_iter().collect()))
}
