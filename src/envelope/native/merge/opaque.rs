//! Merging files that are sealed as a whole: one side's content, whichever was changed.

use super::{Choice, Conflict, ConflictKind, Merge, OpenedVersions, Plan};
use crate::crypto::{self, LeafId};
use crate::envelope::native::carrier;
use crate::envelope::native::header::{Header, SignedHeader};
use crate::envelope::native::place;
use crate::envelope::native::token::BodyStamp;

/// What a conflict about the content is named by.
pub(super) const NAME: &str = "the content";

/// Merges files of which one side has the content of their ancestor, byte for byte.
pub(super) fn without_key(merge: &Merge<'_>, plan: &Plan, kept: &SignedHeader) -> Option<Vec<u8>> {
    let (ours, theirs) = (merge.ours.opaque_body()?, merge.theirs.opaque_body()?);
    let old = merge.base.and_then(|base| base.opaque_body());
    let (choice, body) = if ours == theirs || old == Some(theirs) {
        (Choice::Ours, ours)
    } else if old == Some(ours) {
        (Choice::Theirs, theirs)
    } else {
        return None;
    };
    // A body under the older key must be sealed again.
    (plan.is_one_key || choice == plan.key_of || ours == theirs).then(|| carrier::join_opaque(&kept.fields(), body))
}

/// Merges opened files.
pub(super) fn with_keys(merge: &Merge<'_>, plan: &Plan, opened: &OpenedVersions) -> Result<Vec<u8>, Conflict> {
    let conflict = || Conflict { name: NAME.to_owned(), kind: ConflictKind::BothChanged };
    let (ours, theirs) = (&opened.ours.plaintext, &opened.theirs.plaintext);
    let old = opened.base.as_ref().map(|base| &base.plaintext);
    let is_old =
        |choice: Choice| match (merge.base.and_then(|base| base.opaque_body()), merge.file(choice).opaque_body()) {
            (Some(base), Some(body)) if base == body => true,
            _ => old == Some(&opened.of(choice).plaintext),
        };
    let choice = if ours == theirs {
        plan.key_of
    } else if is_old(Choice::Theirs) {
        Choice::Ours
    } else if is_old(Choice::Ours) {
        Choice::Theirs
    } else {
        merge.decisions.of(NAME).ok_or_else(conflict)?
    };
    let signed = sign(merge, plan, opened, plan.header.clone(), false);
    let chosen = opened.of(choice);
    let body = chosen.body.as_ref().ok_or_else(conflict)?;
    if plan.is_one_key || choice == plan.key_of {
        return Ok(carrier::join_opaque(&signed.fields(), &body.bytes));
    }
    let BodyStamp { day, generation, salt } = body.stamp;
    let mut id = [0; 8];
    id.copy_from_slice(&salt[..8]);
    let secrets = &opened.of(plan.key_of).secrets;
    let associated_data = place::of_body(plan.header.file_id, day, generation);
    let (salt, chunks) = crypto::seal_body(secrets.keys(), LeafId(id), associated_data, &chosen.plaintext);
    let body = [BodyStamp { day, generation, salt }.to_string().as_bytes(), &chunks].concat();
    Ok(carrier::join_opaque(&signed.fields(), &body))
}

/// Signs the merged header; where it says what one side's said, it is that one.
pub(super) fn sign(
    merge: &Merge<'_>,
    plan: &Plan,
    opened: &OpenedVersions,
    mut header: Header,
    has_bom: bool,
) -> SignedHeader {
    if let Some(kept) = plan.kept.map(|kept| merge.signed(kept))
        && kept.header == header
        && kept.verify(opened.of(plan.key_of).secrets.keys(), has_bom).is_ok()
    {
        return kept.clone();
    }
    let revisions = [Choice::Ours, Choice::Theirs].map(|choice| merge.signed(choice).header.revision);
    header.revision = revisions[0].max(revisions[1]).saturating_add(1);
    header.sign(opened.of(plan.key_of).secrets.keys(), has_bom, None)
}
