//! A drill: whether every member can open what they should, really where their identity is at hand, else by headers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{AnyFile, Error, Target, Workspace, each_on_all_cores};
use crate::envelope::native::Header;
use crate::keys::Recipient;
use crate::policy::{MemberKind, Policy};

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

impl Workspace<'_> {
    /// Drills all members. With the identities at hand files are really opened, on all cores; no value is handed on.
    ///
    /// # Errors
    /// When there is no policy, a path does not exist or is not encrypted, or an identity that somebody named cannot be
    /// used.
    pub fn drill(&self, paths: &[PathBuf]) -> Result<Drill, Error> {
        let policy = self.required_policy()?;
        let mut drill = Drill::default();
        let mut files = Vec::new();
        for target in self.encrypted_files(paths)? {
            let file = target.name().to_owned();
            match self.inspect(target.clone()) {
                Ok(inspected) => files.push(Examined { file, target, header: inspected.header }),
                Err(error) => drill.unread.push((file, error)),
            }
        }
        drill.files = files.len() + drill.unread.len();
        let ready: BTreeSet<&Recipient> = self.identities.ready_recipients()?.into_iter().collect();

        let mut trials: Vec<(usize, String, &Recipient)> = Vec::new();
        for (at, examined) in files.iter().enumerate() {
            for (name, kind) in members(policy, examined) {
                let member = drill.members.entry(name.to_owned()).or_default();
                member.kind = kind;
                let own = examined.header.recipients.get(name);
                let should = should(policy, examined, name);
                if !should && own.is_none() {
                    continue;
                }
                member.should += 1;
                let recipients = own.map(Vec::as_slice).unwrap_or_default();
                let at_hand: Vec<&Recipient> =
                    ready.iter().copied().filter(|ready| recipients.iter().any(|own| own == ready.as_str())).collect();
                let by_policy: Vec<&str> = policy.member(name).map(texts).unwrap_or_default();
                match own {
                    None => member.failures.push((examined.file.clone(), Failure::NotReader)),
                    Some(own) if should && by_policy.iter().any(|text| !own.iter().any(|own| own == text)) => {
                        member.failures.push((examined.file.clone(), Failure::OtherRecipients));
                    }
                    Some(_) if at_hand.is_empty() => member.can += 1,
                    Some(_) => trials.extend(at_hand.into_iter().map(|recipient| (at, name.to_owned(), recipient))),
                }
            }
        }
        for member in
            policy.members.iter().filter(|(_, member)| member.recipients.iter().any(|own| ready.contains(own)))
        {
            drill.members.entry(member.0.clone()).or_default().how = Drilled::Opened;
        }

        let opener = self.opener();
        let opened = each_on_all_cores(&trials, |(at, _, recipient)| {
            match opener.only_as(recipient).open_any(files[*at].target.clone(), None, false)? {
                AnyFile::Whole(_) => Ok(()),
                AnyFile::Large(file) => file.verify().map(|_| ()),
            }
        });
        // Of several identities of a member each must open the file.
        let mut refused: BTreeMap<(usize, String), Option<Error>> = BTreeMap::new();
        for ((at, name, _), result) in trials.into_iter().zip(opened) {
            let known = refused.entry((at, name)).or_default();
            if known.is_none() {
                *known = result.err();
            }
        }
        for ((at, name), error) in refused {
            let member = drill.members.entry(name).or_default();
            member.how = Drilled::Opened;
            match error {
                None => member.can += 1,
                Some(error) => member.failures.push((files[at].file.clone(), Failure::Refused(error))),
            }
        }
        for member in drill.members.values_mut() {
            member.failures.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        drill.note_last_resorts(policy, &files);
        Ok(drill)
    }
}

impl Drill {
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

/// Returns who is to be drilled with a file: all members, and readers whom the policy does not name.
fn members<'e>(
    policy: &'e Policy,
    examined: &'e Examined,
) -> impl Iterator<Item = (&'e str, Option<MemberKind>)> + use<'e> {
    let known = policy.members.iter().map(|(name, member)| (name.as_str(), Some(member.kind)));
    let others = examined.header.recipients.keys().filter(|name| policy.member(name).is_none());
    known.chain(others.map(|name| (name.as_str(), None)))
}

/// Tells whether the policy gives a file to a member.
fn should(policy: &Policy, examined: &Examined, name: &str) -> bool {
    policy.rule_for(&examined.file).is_some_and(|rule| policy.readers(rule).contains_key(name))
}

fn texts(member: &crate::policy::Member) -> Vec<&str> {
    member.recipients.iter().map(Recipient::as_str).collect()
}
