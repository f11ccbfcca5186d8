//! Examining contents of git's object store, each once.

use std::collections::{BTreeMap, HashMap};

use super::content::{Content, Search};
use crate::envelope::native::{MAX_ENCRYPTED, OPAQUE_TOP};
use crate::git::{GitError, ObjectId, Repository};

/// What is looked for in each content.
pub(super) type Wanted = BTreeMap<ObjectId, Search>;

/// Adds a content to those wanted, or widens what is looked for in it.
pub(super) fn want(wanted: &mut Wanted, id: ObjectId, search: Search) {
    let known = wanted.entry(id).or_insert(search);
    known.for_keys |= search.for_keys;
    known.for_structure |= search.for_structure;
    known.for_history |= search.for_history;
}

/// Examines all that is wanted, on all cores.
pub(super) fn examine(repository: &Repository, wanted: &Wanted) -> Result<HashMap<ObjectId, Content>, GitError> {
    let (ids, searches): (Vec<ObjectId>, Vec<Search>) = wanted.iter().map(|(id, search)| (*id, *search)).unzip();
    let examined = repository.each_content(&ids, MAX_ENCRYPTED, |at, content| match content {
        Ok(bytes) => Ok(Content::of(&bytes, searches[at])),
        Err(error) => Err(error),
    })?;
    let mut found = HashMap::with_capacity(ids.len());
    for ((id, search), content) in ids.into_iter().zip(searches).zip(examined) {
        let content = match content {
            Ok(content) => content,
            Err(GitError::TooLarge { .. }) => match repository.content_top(id, OPAQUE_TOP, MAX_ENCRYPTED) {
                Ok(top) => Content::of_top(&top, search, |_| Ok(None)),
                Err(error @ GitError::TooLarge { .. }) => Content::unknown(error.to_string()),
                Err(error) => return Err(error),
            },
            // A partial clone; nothing is fetched.
            Err(error @ (GitError::MissingObject { .. } | GitError::Unsupported { .. })) => {
                Content::unknown(error.to_string())
            }
            Err(error) => return Err(error),
        };
        found.insert(id, content);
    }
    Ok(found)
}
