//! What is found out of one content, wherever it stands: it is parsed once, however many paths and commits have it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::civil::Date;

use super::finding::{NAMED, Problem};
use crate::envelope::native::{
    CarrierError, EncryptedFile, Header, OpaqueTop, OpenError, PEEK, ReadError, SealedPlace, peek_file_id,
};
use crate::keys::{Recipient, Stanzas, private_keys};
use crate::policy::ValueRequirement;
use crate::workspace::lifecycle::{Clock, former_reader};
use crate::workspace::required::{Lacking, lacking};

/// A content, and what is wrong with it by itself.
pub(super) struct Content {
    pub(super) state: State,
    /// With the line of each.
    pub(super) problems: Vec<(Option<usize>, Problem)>,
}

/// What a content is.
pub(super) enum State {
    /// It has marks of an encrypted file, and cannot be read as one.
    Broken,
    /// It is encrypted.
    Encrypted(Box<Encrypted>),
    /// Not looked at: too large, or not there.
    Unknown,
    /// Anything else.
    Plaintext,
}

/// What an encrypted file says without a key.
pub(super) struct Encrypted {
    pub(super) header: Header,
    /// The values and comments by their ids, with what differs between any two ciphertexts; sorted.
    pub(super) sealed: Vec<(u64, u64)>,
    /// The sealed values by what is not said of them.
    pub(super) lacking: BTreeMap<Vec<ValueRequirement>, Lacking>,
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(super) struct Search {
    /// The day on which values are overdue or not.
    pub(super) today: Date,
    /// Whether private keys are looked for.
    pub(super) for_keys: bool,
    /// Whether the file is to be read as an encrypted one.
    pub(super) for_structure: bool,
    /// Whether the ids of all values are wanted.
    pub(super) for_history: bool,
}

impl Content {
    /// Examines a whole content.
    pub(super) fn of(bytes: &[u8], search: Search) -> Self {
        let mut content = Self { state: State::Plaintext, problems: Vec::new() };
        if search.for_keys {
            let found = private_keys(bytes).into_iter();
            content.problems.extend(found.map(|(line, kind)| (Some(line), Problem::PrivateKey(kind))));
        }
        if !search.for_structure && peek_file_id(&bytes[..bytes.len().min(PEEK)]).is_none() {
            return content;
        }
        match EncryptedFile::parse(bytes) {
            Ok(file) => content.encrypted(&file, search),
            Err(ReadError::NotEncrypted) => {}
            Err(error) => content.broken(&error),
        }
        content
    }

    /// Examines the top of a content that is too large for memory; `is_intact` reads the rest.
    pub(super) fn of_top(
        top: &[u8],
        search: Search,
        is_intact: impl FnOnce(&OpaqueTop) -> Result<Option<bool>, String>,
    ) -> Self {
        let mut content = Self { state: State::Unknown, problems: Vec::new() };
        let unchecked = |why: &str| (None, Problem::Unchecked(why.to_owned()));
        match OpaqueTop::parse(top) {
            Ok(Some(opaque)) => {
                let header = opaque.header().clone();
                let clock = Clock::new(&header, search.today);
                content.header(&header, &clock, opaque.sealed().as_slice(), &[], |_| None);
                match is_intact(&opaque) {
                    Ok(Some(true)) => {}
                    Ok(Some(false)) => content.open_error(&OpenError::Body),
                    Ok(None) => {
                        content.problems.push(unchecked("its content is too large; its header is as it must be"));
                    }
                    Err(why) => content.problems.push(unchecked(&why)),
                }
                let sealed = sealed(opaque.sealed().as_slice());
                content.state = State::Encrypted(Box::new(Encrypted { header, sealed, lacking: BTreeMap::new() }));
            }
            Ok(None) if peek_file_id(top).is_some() => {
                content.state = State::Broken;
                let why = "it is larger than any encrypted document".to_owned();
                content.problems.push((None, Problem::BrokenStructure(why)));
            }
            Ok(None) => content.state = State::Plaintext,
            Err(error) => content.broken(&error),
        }
        content
    }

    /// Says that there is nothing to examine.
    pub(super) fn unknown(why: String) -> Self {
        Self { state: State::Unknown, problems: vec![(None, Problem::Unchecked(why))] }
    }

    pub(super) fn header_of(&self) -> Option<&Header> {
        match &self.state {
            State::Encrypted(encrypted) => Some(&encrypted.header),
            _ => None,
        }
    }

    fn encrypted(&mut self, file: &EncryptedFile, search: Search) {
        let header = file.header().clone();
        let surveyed = file.survey();
        let places = surveyed.as_deref().unwrap_or_default();
        let clock = Clock::new(&header, search.today);
        // In document order, values before comments: so are the places.
        let keys = if clock.knows_values() { file.locate_leaves(places) } else { Vec::new() };
        self.header(&header, &clock, places, &keys, |place| file.locate(place));
        self.left_behind(file);
        let sealed = if search.for_history { sealed(places) } else { Vec::new() };
        for error in surveyed.err().unwrap_or_default() {
            self.open_error(&error);
        }
        let lacking = file.items().map(|document| lacking(&header, document, NAMED)).unwrap_or_default();
        self.state = State::Encrypted(Box::new(Encrypted { header, sealed, lacking }));
    }

    /// Says of which values the header speaks that are not in the document: a merge by lines leaves them behind.
    fn left_behind(&mut self, file: &EncryptedFile) {
        let values = &file.header().metadata.values;
        let Some(document) = file.items().filter(|_| !values.is_empty()) else { return };
        let keys: HashSet<String> = document.leaves().map(|leaf| leaf.path.to_string()).collect();
        let left: Vec<&String> = values.keys().filter(|key| !keys.contains(*key)).collect();
        if !left.is_empty() {
            let keys = left.iter().take(NAMED).copied().cloned().collect();
            self.problems.push((None, Problem::MetadataLeft { count: left.len(), keys }));
        }
    }

    /// Examines what a header says by itself, and with the days and data keys of the values.
    fn header(
        &mut self,
        header: &Header,
        clock: &Clock<'_>,
        places: &[SealedPlace],
        keys: &[(usize, String)],
        locate: impl Fn(&SealedPlace) -> Option<(usize, String)>,
    ) {
        let recipients: Result<Vec<Recipient>, _> = header.readers().iter().map(|text| text.parse()).collect();
        let is_wrapped = match (&recipients, Stanzas::parse(&header.wrapped_key)) {
            (Ok(recipients), Ok(stanzas)) => stanzas.fit(&recipients.iter().collect::<Vec<_>>()),
            _ => false,
        };
        if !is_wrapped {
            self.problems.push((None, Problem::WrappedKey));
        }
        for (field, text) in clock.malformed_periods() {
            self.problems.push((None, Problem::MetadataMalformed { field, value: text.to_owned() }));
        }
        let of_value = |index: usize| keys.get(index).map(|(_, key)| key.as_str());
        let stamped =
            || places.iter().enumerate().filter_map(|(index, place)| Some((of_value(index), place, place.stamp?)));
        let locate_all = |places: &[&SealedPlace]| -> (Option<usize>, Vec<String>) {
            let located: Vec<(usize, String)> = places.iter().take(NAMED).filter_map(|place| locate(place)).collect();
            (located.first().map(|(line, _)| *line), located.into_iter().map(|(_, key)| key).collect())
        };
        // Who answers for a value is told of it, and of no other's.
        let overdue = by_owner(stamped().filter_map(|(key, place, (since, _))| {
            let due = clock.due(key, since).filter(|due| clock.is_overdue(*due))?;
            Some((clock.terms(key).owner, (place, due)))
        }));
        for (owner, values) in overdue {
            let (line, keys) = locate_all(&values.iter().map(|(place, _)| *place).collect::<Vec<_>>());
            let Some(since) = values.iter().map(|(_, due)| *due).min() else { continue };
            let owner = owner.map(str::to_owned);
            self.problems.push((line, Problem::Overdue { count: values.len(), keys, since, owner }));
        }
        let exposed = by_owner(
            stamped()
                .filter(|(.., (_, generation))| clock.former_readers(*generation).next().is_some())
                .map(|(key, place, (_, generation))| (clock.terms(key).owner, (place, generation))),
        );
        for (owner, values) in exposed {
            let (line, keys) = locate_all(&values.iter().map(|(place, _)| *place).collect::<Vec<_>>());
            let Some(oldest) = values.iter().map(|(_, generation)| *generation).min() else { continue };
            let reads_on = |member: &String| header.recipients.contains_key(member);
            let members: BTreeSet<&String> = clock.former_readers(oldest).map(|exposure| &exposure.member).collect();
            let are_gone = !members.iter().any(|member| reads_on(member));
            let members = members.iter().map(|member| former_reader(member, reads_on(member), str::to_owned)).collect();
            let (count, owner) = (values.len(), owner.map(str::to_owned));
            self.problems.push((line, Problem::Exposed { count, keys, members, are_gone, owner }));
        }
    }

    fn open_error(&mut self, error: &OpenError) {
        let (line, text) = line_and_text(&error.to_string());
        let problem = match error {
            OpenError::HalfEncrypted { key, .. } => Problem::Unsealed { key: key.clone() },
            OpenError::Forged { .. } | OpenError::Misplaced { .. } => Problem::BrokenToken(text),
            OpenError::HeaderMac | OpenError::Mismatch(_) | OpenError::Recipe { .. } => Problem::BrokenHeader(text),
            OpenError::Body | OpenError::Changed { .. } | OpenError::Digest => Problem::BrokenStructure(text),
        };
        self.problems.push((line, problem));
    }

    fn broken(&mut self, error: &ReadError) {
        self.state = State::Broken;
        let (line, text) = line_and_text(&error.to_string());
        let problem = match error {
            ReadError::Carrier(CarrierError::NewerVersion { .. }) => Problem::BrokenHeader(text),
            ReadError::Carrier(_) | ReadError::Header(_) | ReadError::WrongCarrier(_) => Problem::BrokenHeader(text),
            ReadError::Conflict { .. } => Problem::Conflict,
            _ => Problem::BrokenStructure(text),
        };
        let line = if let ReadError::Syntax(error) = error { Some(error.line) } else { line };
        self.problems.push((line, problem));
    }
}

fn sealed(places: &[SealedPlace]) -> Vec<(u64, u64)> {
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes[..8].try_into().expect("8 bytes"));
    let mut sealed: Vec<(u64, u64)> = places.iter().map(|place| (number(&place.id.0), number(&place.salt))).collect();
    sealed.sort_unstable();
    sealed
}

/// Groups values by those who answer for them, in the order of the first of each.
fn by_owner<'o, T>(values: impl Iterator<Item = (Option<&'o str>, T)>) -> Vec<(Option<&'o str>, Vec<T>)> {
    let mut groups: Vec<(Option<&'o str>, Vec<T>)> = Vec::new();
    for (owner, value) in values {
        match groups.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, group)) => group.push(value),
            None => groups.push((owner, vec![value])),
        }
    }
    groups
}

/// Takes the line off the beginning of a message: it is shown with the file.
fn line_and_text(message: &str) -> (Option<usize>, String) {
    let split = message.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
    match split.and_then(|(line, text)| Some((line.parse().ok()?, text.to_owned()))) {
        Some((line, text)) => (Some(line), text),
        None => (None, message.to_owned()),
    }
}
