//! The life of all sealed values in the work tree.

use std::path::PathBuf;

use jiff::civil::Date;

use super::{Clock, ValueLife};
use crate::envelope::native::{
    EncryptedFile, Header, MAX_ENCRYPTED, OPAQUE_TOP, OpaqueTop, ReadError, SealedPlace, peek_file_id,
};
use crate::fs::{Root, Source};
use crate::policy::Period;
use crate::workspace::open::what_is;
use crate::workspace::{Error, STREAM_ABOVE, Target, Workspace, each_on_all_cores};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct LifecycleRequest {
    /// Files and folders; none: all of the workspace.
    pub paths: Vec<PathBuf>,
    /// How long before its day a value is due soon.
    pub soon: Period,
}

/// The sealed values of some files.
#[derive(Debug, Default)]
pub struct Lifecycle {
    /// The values, file by file (sorted) and in document order.
    pub values: Vec<ValueLife>,
    /// How many encrypted files were looked at.
    pub files: usize,
    /// Files of which nothing can be said.
    pub unexamined: Vec<Unexamined>,
}

/// An encrypted file that is broken or cannot be read.
#[derive(Debug)]
pub struct Unexamined {
    /// The file, from the root of the workspace.
    pub file: String,
    /// Why.
    pub error: Error,
}

impl Workspace<'_> {
    /// Returns the life of every sealed value. No identity is used, and nothing is authenticated.
    ///
    /// # Errors
    /// When a path does not exist, one that is named is not encrypted, or there is no policy to tell which files are
    /// meant.
    pub fn lifecycle(&self, request: &LifecycleRequest) -> Result<Lifecycle, Error> {
        let (targets, unnameable) = self.named_or_governed(&request.paths)?;
        let (within, today) = (self.within(), self.env.today());
        let examined =
            each_on_all_cores(&targets, |(target, is_named)| examine(target, *is_named, within, today, request.soon));
        let mut found = Lifecycle::default();
        for ((target, _), values) in targets.iter().zip(examined) {
            let file = target.name().to_owned();
            match values {
                Ok(None) => {}
                Ok(Some(Examined { mut values, .. })) => {
                    found.files += 1;
                    let by_rule = self.policy()?.and_then(|policy| policy.owner_of(&file)).map(str::to_owned);
                    for value in &mut values {
                        value.file.clone_from(&file);
                        value.owner = value.owner.take().or_else(|| by_rule.clone());
                    }
                    found.values.append(&mut values);
                }
                Err(error) => found.unexamined.push(Unexamined { file, error }),
            }
        }
        found.unexamined.extend(
            unnameable
                .into_iter()
                .map(|path| Unexamined { error: Error::PathNotUtf8 { path: path.clone() }, file: path }),
        );
        Ok(found)
    }
}

/// A file that was looked at.
pub(in crate::workspace) struct Examined {
    pub(in crate::workspace) header: Header,
    pub(in crate::workspace) values: Vec<ValueLife>,
    pub(in crate::workspace) has_clear: bool,
}

/// Looks at a file; `None` for a plaintext, unless it was named.
pub(in crate::workspace) fn examine(
    target: &Target,
    is_named: bool,
    within: Option<&Root>,
    today: Date,
    soon: Period,
) -> Result<Option<Examined>, Error> {
    let path = || target.shown.clone();
    let source = Source::open(&target.path, within)?;
    if source.length() > STREAM_ABOVE {
        let top = source.top(OPAQUE_TOP)?;
        let large = OpaqueTop::parse(&top).map_err(|source| Error::Read { path: path(), source })?;
        if let Some(large) = large {
            let places: Vec<SealedPlace> = large.sealed().into_iter().collect();
            let values = lives(large.header(), &places, &[], today, soon);
            return Ok(Some(Examined { header: large.header().clone(), values, has_clear: false }));
        }
        if source.length() > MAX_ENCRYPTED as u64 && peek_file_id(&top).is_none() && !is_named {
            return Ok(None);
        }
    }
    let content = source.content(MAX_ENCRYPTED)?;
    match EncryptedFile::parse(&content) {
        Ok(file) => {
            let places = file
                .survey()
                .map_err(|mut errors| Error::NotAuthentic { path: path(), source: errors.swap_remove(0) })?;
            let values = lives(file.header(), &places, &file.locate_leaves(&places), today, soon);
            Ok(Some(Examined { header: file.header().clone(), values, has_clear: file.counts().clear > 0 }))
        }
        Err(ReadError::NotEncrypted) if is_named => {
            Err(Error::NotEncrypted { path: path(), what: what_is(target, within, &content) })
        }
        Err(ReadError::NotEncrypted) => Ok(None),
        Err(source) => Err(Error::Read { path: path(), source }),
    }
}

/// Returns the lives of what a file seals. `located` has the line and the key of each value before the comments; a file
/// that is sealed as a whole has none.
fn lives(
    header: &Header,
    places: &[SealedPlace],
    located: &[(usize, String)],
    today: Date,
    soon: Period,
) -> Vec<ValueLife> {
    let clock = Clock::new(header, today);
    let life = |(index, place): (usize, &SealedPlace)| {
        let (since, generation) = place.stamp?;
        let key = located.get(index).map(|(_, key)| key.clone());
        let mut former_readers: Vec<String> =
            clock.former_readers(generation).map(|exposure| exposure.member.clone()).collect();
        former_readers.sort();
        former_readers.dedup();
        Some(ValueLife {
            file: header.path.clone(),
            file_id: header.file_id,
            line: located.get(index).map(|(line, _)| *line),
            id: place.id,
            owner: clock.terms(key.as_deref()).owner.map(str::to_owned),
            since,
            generation,
            due: clock.due(key.as_deref(), since),
            state: clock.state(key.as_deref(), since, generation, soon),
            reading_on: former_readers.iter().filter(|name| header.recipients.contains_key(*name)).cloned().collect(),
            former_readers,
            exposed_since: clock.former_readers(generation).map(|exposure| exposure.day).min(),
            key,
        })
    };
    places.iter().enumerate().filter_map(life).collect()
}
