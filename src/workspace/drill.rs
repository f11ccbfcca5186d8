//! A drill: whether every member can open what they should, really where their identity is at hand, else by headers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{AnyFile, Error, Opener, Target, Workspace, each_on_all_cores};
use crate::envelope::native::Header;
use crate::keys::Recipient;
use crate::policy::{Member, MemberKind, Policy};

/// What a drill found.
#[derive(Debug, Default)]
pub struct Drill {
    /// The members of the policy, and readers whom only files name, by name.
    pub members: BTreeMap<String, DrilledMember>,
    /// How many encrypted files there are.
    pub files: usize,
    /// Files that no break-glass member can open; none where the policy has no such member.
    pub beyond_break_glass: Vec<String>,
    /// Files whose only reader is one person, with the person.
    pub single_reader: Vec<(String, String)>,
    /// Files that cannot be read, whoever tries.
    pub unread: Vec<(String, Error)>,
}

/// What a member should open, and can.
#[derive(Debug, Default)]
pub struct DrilledMember {
    /// What sort of member; `None` of one whom the policy does not name.
    pub kind: Option<MemberKind>,
    /// Whether their identity is at hand.
    pub how: Drilled,
    /// How many files they should open.
    pub should: usize,
    /// How many they do open, or could by the headers.
    pub can: usize,
    /// What they cannot open.
    pub failures: Vec<(String, Failure)>,
}

/// How it was found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drilled {
    /// By the headers alone: there is no identity of theirs.
    #[default]
    ByHeaders,
    /// With their identity: unwrapped and authenticated.
    Opened,
}

/// Why a member does not open a file.
#[derive(Debug)]
pub enum Failure {
    /// The file is for other recipients of theirs than the policy names.
    OtherRecipients,
    /// It was tried.
    Refused(Error),
    /// The policy lets them in, and the file does not.
    NotReader,
}

/// A file and its header, which is not authenticated.
struct Examined {
    file: String,
    target: Target,
    header: Header,
}

/// An identity at hand, and a file that a member is to open with it.
struct Trial<'f> {
    file: &'f Examined,
    member: &'f str,
    recipient: &'f Recipient,
}

impl Workspace<'_> {
    /// Drills all members. With the identities at hand files are really opened, on all cores; no value is handed on.
    ///
    /// # Errors
    /// When there is no policy, a path does not exist or is not encrypted, or an identity that somebody named cannot be
    /// used.
    pub fn drill(&self, paths: &[PathBuf]) -> Result<Drill, Error> {
        let policy = self.required_policy()?;
        let ready: BTreeSet<&Recipient> = self.identities.ready_recipients()?.into_iter().collect();
        let member = |(name, member): (&String, &Member)| {
            let is_at_hand = member.recipients.iter().any(|own| ready.contains(own));
            let how = if is_at_hand { Drilled::Opened } else { Drilled::ByHeaders };
            (name.clone(), DrilledMember { kind: Some(member.kind), how, ..DrilledMember::default() })
        };
        let mut drill = Drill { members: policy.members.iter().map(member).collect(), ..Drill::default() };
        let mut files = Vec::new();
        for target in self.encrypted_files(paths)? {
            let file = target.name().to_owned();
            match self.inspect(target.clone()) {
                Ok(inspected) => files.push(Examined { file, target, header: inspected.header }),
                Err(error) => drill.unread.push((file, error)),
            }
        }
        drill.files = files.len() + drill.unread.len();
        let trials: Vec<Trial<'_>> = files.iter().flat_map(|file| drill.compare(policy, file, &ready)).collect();
        let opener = self.opener();
        drill.note_trials(&trials, each_on_all_cores(&trials, |trial| trial.open(opener)));
        drill.note_last_resorts(policy, &files);
        Ok(drill)
    }
}

impl<'f> Trial<'f> {
    fn open(&self, opener: Opener<'f>) -> Result<(), Error> {
        match opener.only_as(self.recipient).open_any(self.file.target.clone(), None, false)? {
            AnyFile::Whole(_) => Ok(()),
            AnyFile::Large(file) => file.verify().map(|_| ()),
        }
    }
}

impl Drill {
    /// Compares the readers of a file with those of its rule; returns what is to be tried, as an identity for it is ready.
    fn compare<'f>(&mut self, policy: &Policy, file: &'f Examined, ready: &BTreeSet<&'f Recipient>) -> Vec<Trial<'f>> {
        let (should, readers) = (policy.readers_of(&file.file), &file.header.recipients);
        let names: BTreeSet<&str> = should.keys().copied().chain(readers.keys().map(String::as_str)).collect();
        let mut trials = Vec::new();
        for name in names {
            let drilled = self.members.entry(name.to_owned()).or_default();
            drilled.should += 1;
            let Some(own) = readers.get_key_value(name) else {
                drilled.failures.push((file.file.clone(), Failure::NotReader));
                continue;
            };
            let (member, own) = own;
            let has = |recipient: &Recipient| own.iter().any(|own| own == recipient.as_str());
            let by_policy = policy.member(name).map(|member| member.recipients.as_slice()).unwrap_or_default();
            if should.contains_key(name) && !by_policy.iter().all(has) {
                drilled.failures.push((file.file.clone(), Failure::OtherRecipients));
                continue;
            }
            let before = trials.len();
            let at_hand = ready.iter().copied().filter(|ready| has(ready));
            trials.extend(at_hand.map(|recipient| Trial { file, member, recipient }));
            drilled.can += usize::from(trials.len() == before);
        }
        trials
    }

    /// Notes which files were opened: of several identities of a member each must open the file.
    fn note_trials(&mut self, trials: &[Trial<'_>], results: Vec<Result<(), Error>>) {
        let mut opened: BTreeMap<(&str, &str), Result<(), Error>> = BTreeMap::new();
        for (trial, result) in trials.iter().zip(results) {
            let known = opened.entry((&trial.file.file, trial.member)).or_insert(Ok(()));
            if known.is_ok() {
                *known = result;
            }
        }
        for ((file, name), result) in opened {
            let drilled = self.members.entry(name.to_owned()).or_default();
            drilled.how = Drilled::Opened;
            match result {
                Ok(()) => drilled.can += 1,
                Err(error) => drilled.failures.push((file.to_owned(), Failure::Refused(error))),
            }
        }
        for member in self.members.values_mut() {
            member.failures.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
    }

    /// Notes what is lost with one key.
    fn note_last_resorts(&mut self, policy: &Policy, files: &[Examined]) {
        let has_break_glass = policy.members.values().any(|member| member.kind == MemberKind::BreakGlass);
        for examined in files {
            let readers = &examined.header.recipients;
            let opens = |name: &String| {
                policy.member(name).is_some_and(|member| member.kind == MemberKind::BreakGlass)
                    && self.members[name].failures.iter().all(|(file, _)| *file != examined.file)
            };
            if has_break_glass && !readers.keys().any(opens) {
                self.beyond_break_glass.push(examined.file.clone());
            }
            if let (1, Some(name)) = (readers.len(), readers.keys().next()) {
                let kind = policy.member(name).map(|member| member.kind);
                if kind.is_none_or(|kind| kind == MemberKind::Person) {
                    self.single_reader.push((examined.file.clone(), name.clone()));
                }
            }
        }
        if has_break_glass {
            self.beyond_break_glass.extend(self.unread.iter().map(|(file, _)| file.clone()));
            self.beyond_break_glass.sort();
        }
    }

    /// Tells whether everything that should be opened can be.
    pub fn is_passed(&self) -> bool {
        self.unread.is_empty()
            && self.beyond_break_glass.is_empty()
            && self.members.values().all(|member| member.failures.is_empty())
    }
}
