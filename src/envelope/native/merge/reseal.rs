//! Sealing a merged document: a token stays where it is bound to what it was bound to; else its text is sealed again,
//! with the day and generation of its last change.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::fate::{Fate, Fates, Three};
use super::opaque::sign;
use super::side::{Side, tokens};
use super::{Choice, Merge, OpenedVersions, Plan, proof};
use crate::crypto::{self, Family, LeafId, random};
use crate::document::{self, Document, Extent, Format, Item, splice};
use crate::envelope::native::carrier::{self, Carrier};
use crate::envelope::native::file::{EncryptedFile, Opened, OpenedToken};
use crate::envelope::native::opening::span_of;
use crate::envelope::native::place::{self, Places};
use crate::envelope::native::recipe;
use crate::envelope::native::token::{Stamp, Token, TokenKind};

/// A merge that everything is decided of.
pub(super) struct Resealing<'r, 'f> {
    pub merge: &'r Merge<'f>,
    pub plan: &'r Plan,
    pub three: &'r Three<'f>,
    pub fates: &'r Fates,
    pub opened: &'r OpenedVersions,
}

/// A merged plaintext, and which token each item of it was.
struct Plain {
    text: Zeroizing<String>,
    document: Document,
    /// By the index of the item.
    origins: HashMap<usize, (LeafId, Choice)>,
}

impl Resealing<'_, '_> {
    /// Seals a woven document, if it is one, with all keys as both sides ask for.
    pub fn file(&self, format: Format, woven: &str) -> Result<Vec<u8>, ()> {
        let document = document::parse_text(format, woven, Extent::Items).map_err(drop)?;
        let merged = Side::new(format, woven, &document);
        if proof::misplaced(self.three, self.fates, &merged) {
            return Err(());
        }
        let choice = |id: LeafId| if let Fate::Present(choice) = self.fates.of(id) { Some(choice) } else { None };
        self.seal(format, woven, &document, choice).ok_or(())
    }

    /// Seals the document of one side.
    pub fn whole(&self, format: Format, choice: Choice) -> Option<Vec<u8>> {
        let side = self.three.side(choice);
        self.seal(format, side.text, side.document, |_| Some(choice))
    }

    fn seal(
        &self,
        format: Format,
        text: &str,
        document: &Document,
        choice: impl Fn(LeafId) -> Option<Choice>,
    ) -> Option<Vec<u8>> {
        let plain = self.plain(format, text, document, choice)?;
        let header = &self.plan.header;
        let places = Places::of(
            format,
            &plain.document,
            &plain.text,
            |leaf| header.seals(&leaf.path),
            |comment| header.comments.seals(comment),
        );
        // What was sealed must not stand in clear, and what stands in clear was not sealed by anybody.
        if places.values.len() + places.comments.len() != plain.origins.len() {
            return None;
        }
        let secrets = &self.opened.of(self.plan.key_of).secrets;
        let former = [Choice::Ours, Choice::Theirs].map(|choice| opened_tokens(self.opened.of(choice)));
        let mut sealed: Vec<(usize, String)> = Vec::with_capacity(plain.origins.len());
        let mut comment_ids = Vec::with_capacity(places.comments.len());
        for item in &places.comments {
            let (id, chosen) = plain.origins.get(item)?;
            comment_ids.push(*id);
            let old = former[chosen.index()].get(id)?;
            let token = if self.is_under_key(*chosen) {
                old.token.clone()
            } else {
                let associated_data = place::of_comment(header.file_id, &old.token.stamp);
                let source = span_of(&plain.document.items[*item]).of(&plain.text);
                let comment = crypto::seal(secrets.keys(), Family::Comment, *id, associated_data, source.as_bytes());
                Token { stamp: old.token.stamp, sealed: comment }
            };
            sealed.push((*item, token.to_string()));
        }
        let (mut previous, mut encoding) = (None, Vec::new());
        for (index, value) in places.values.iter().enumerate() {
            let (id, chosen) = *plain.origins.get(&value.item)?;
            let source = span_of(&plain.document.items[value.item]).of(&plain.text);
            let is_block = matches!(&plain.document.items[value.item], Item::Leaf(leaf) if leaf.style.is_block());
            let kind = if is_block { TokenKind::Block } else { TokenKind::Value };
            let old = former[chosen.index()].get(&id)?;
            let mut bind =
                |stamp: &Stamp| places.of_value(index, header.file_id, stamp, previous, &comment_ids, &mut encoding);
            let mut kept = None;
            for choice in [chosen, chosen.other()] {
                if let Some(token) = former[choice.index()].get(&id)
                    && self.is_under_key(choice)
                    && token.source == source
                    && token.token.stamp.kind == kind
                    && bind(&token.token.stamp) == token.associated_data
                {
                    kept = kept.or(Some(token.token.clone()));
                }
            }
            let token = kept.unwrap_or_else(|| {
                let stamp = Stamp { kind, ..old.token.stamp };
                let associated_data = bind(&stamp);
                let value = crypto::seal(secrets.keys(), Family::Leaf, id, associated_data, source.as_bytes());
                Token { stamp, sealed: value }
            });
            previous = Some(id);
            let quote = if matches!(format, Format::Json | Format::Toml) { "\"" } else { "" };
            sealed.push((value.item, format!("{quote}{token}{quote}")));
        }
        sealed.sort_unstable_by_key(|(item, _)| *item);
        let pieces = sealed.iter().map(|(item, token)| (span_of(&plain.document.items[*item]), token.as_str()));
        let mut body = splice(&plain.text, pieces);
        let mut header = header.clone();
        header.body = places.values.is_empty().then(|| {
            let kept = header.body.filter(|former| places.body_digest(former.salt, &comment_ids) == *former);
            kept.unwrap_or_else(|| places.body_digest(random(), &comment_ids))
        });
        let former = [Choice::Ours, Choice::Theirs].map(|choice| self.opened.of(choice));
        let former = former.map(|side| (&side.secrets, &side.header.metadata.values));
        recipe::reseal(&mut header.metadata.values, secrets, &former).ok()?;
        let signed = sign(self.merge, self.plan, self.opened, header, plain.text.starts_with(carrier::BOM));
        let file = carrier::join_text(Carrier::of(format), &signed.fields(), std::mem::take(&mut *body)).into_bytes();
        let opened = EncryptedFile::parse(&file).ok()?.open(&secrets.payload(&signed.header)).ok()?;
        (opened.plaintext.as_slice() == plain.text.as_bytes()).then_some(file)
    }

    /// Puts the source texts in place of the tokens.
    fn plain(
        &self,
        format: Format,
        text: &str,
        document: &Document,
        choice: impl Fn(LeafId) -> Option<Choice>,
    ) -> Option<Plain> {
        let sources = self.three.sources.as_ref()?;
        let mut origins = HashMap::new();
        let mut pieces = Vec::new();
        for token in tokens(format, text, document) {
            let chosen = choice(token.id)?;
            let source = match chosen {
                Choice::Ours => sources.ours.get(&token.id)?,
                Choice::Theirs => sources.theirs.get(&token.id)?,
            };
            origins.insert(token.item, (token.id, chosen));
            pieces.push((span_of(&document.items[token.item]), *source));
        }
        let plain = splice(text, pieces.iter().copied());
        let parsed = document::parse_text(format, &plain, Extent::Items).ok()?;
        (parsed.items.len() == document.items.len()).then_some(Plain { text: plain, document: parsed, origins })
    }

    /// Tells whether a side's tokens are good under the data key of the result.
    fn is_under_key(&self, choice: Choice) -> bool {
        self.plan.is_one_key || choice == self.plan.key_of
    }
}

/// A token of a side, with what it holds.
struct FormerToken<'o> {
    token: &'o Token,
    associated_data: crypto::AssociatedData,
    source: &'o str,
}

fn opened_tokens(opened: &Opened) -> HashMap<LeafId, FormerToken<'_>> {
    let (Some(document), Ok(text)) = (&opened.items, str::from_utf8(&opened.plaintext)) else {
        return HashMap::new();
    };
    let former =
        |OpenedToken { item, token, associated_data }: &OpenedToken| (*item, token.sealed.id(), *associated_data);
    let tokens = opened.values.iter().chain(&opened.comments);
    tokens
        .map(|opened| {
            let (item, id, associated_data) = former(opened);
            let source = span_of(&document.items[item]).of(text);
            (id, FormerToken { token: &opened.token, associated_data, source })
        })
        .collect()
}

impl Choice {
    fn index(self) -> usize {
        match self {
            Self::Ours => 0,
            Self::Theirs => 1,
        }
    }
}
