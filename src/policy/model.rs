//! What a policy says, once it has been found sound.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;

use crate::document::{Format, KeyPath, KeyPattern};
use crate::envelope::native::{Comments, Mode};
use crate::generate::Recipe;
use crate::keys::Recipient;

use super::place::is_always_plain;
use super::{PathPattern, Period, PolicyErrors, read};

/// A whole policy. Its names are consistent: every reader and group member exists, and no group contains itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Members by name.
    pub members: BTreeMap<String, Member>,
    /// Groups by name: the members and groups in them, as written.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
}

/// The members who read a file, by name: sorted, each once.
pub type Readers<'a> = BTreeMap<&'a str, &'a Member>;

/// A person or machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The public keys, at least one, in the order of the policy.
    pub recipients: Vec<Recipient>,
    /// What sort of member.
    pub kind: MemberKind,
    /// The last day of the membership, where it has one.
    pub expires: Option<Date>,
}

impl Member {
    /// Returns a member without an end.
    pub fn new(recipients: Vec<Recipient>, kind: MemberKind) -> Self {
        Self { recipients, kind, expires: None }
    }

    /// Tells whether the membership is over.
    pub fn is_expired(&self, today: Date) -> bool {
        self.expires.is_some_and(|last| last < today)
    }
}

/// The sorts of members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemberKind {
    /// A key in a safe, for when all others are lost.
    BreakGlass,
    /// A deployment, a CI system.
    Machine,
    /// Somebody.
    #[default]
    Person,
}

/// Who reads the files of a path pattern, and what such files must tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Which files.
    pub path: PathPattern,
    /// The members and groups that read them, as written.
    pub readers: Vec<String>,
    /// The owner of new files.
    pub owner: Option<String>,
    /// How often values of new files are replaced.
    pub rotate_every: Option<Period>,
    /// The recipes of new values, by key; the first match decides.
    pub generate: Vec<(KeyPattern, Recipe)>,
    /// What a header must tell.
    pub require: Vec<Requirement>,
    /// What a header must tell of each sealed value.
    pub require_values: Vec<ValueRequirement>,
    /// Which leaves stay in clear.
    pub cleartext: Vec<KeyPattern>,
    /// What is sealed.
    pub mode: Mode,
    /// Which comments are sealed.
    pub comments: Comments,
    /// The format, where it is not to be told from the name.
    pub format: Option<Format>,
}

/// A header field that a rule can demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// Who answers for the values.
    Owner,
    /// What they are for.
    Purpose,
    /// How often they are replaced.
    RotateEvery,
    /// By when they must be replaced.
    RotationDue,
}

/// What a rule can demand to be said of each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueRequirement {
    /// What it is for.
    Description,
    /// Where more stands about it.
    Links,
    /// Who answers for it.
    Owner,
    /// How often it is replaced.
    RotateEvery,
    /// By when it must be replaced.
    RotationDue,
}

impl Policy {
    /// Reads a policy. `file` names it in errors.
    ///
    /// # Errors
    /// Names every mistake with its place; see [`super::PolicyProblem`].
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyErrors> {
        read::read(text, file)
    }

    /// Returns the rule for a file: the first whose pattern matches its path (relative to the root, with `/`).
    ///
    /// The policy itself, requests to join it, and git's own files (`.gitattributes`, `.gitignore`, `.gitmodules`) are
    /// never governed: they have to be read before anything is decrypted.
    pub fn rule_for(&self, path: &str) -> Option<&Rule> {
        if is_always_plain(path) { None } else { self.rules.iter().find(|rule| rule.path.matches(path)) }
    }

    /// Returns the members who are to read a file; nobody where no rule is for it.
    pub fn readers_of(&self, path: &str) -> Readers<'_> {
        self.rule_for(path).map(|rule| self.readers(rule)).unwrap_or_default()
    }

    /// Returns who answers for a file whose header does not say so.
    pub fn owner_of(&self, path: &str) -> Option<&str> {
        self.rule_for(path)?.owner.as_deref()
    }

    /// Tells whether some rule can be for files below a folder; when in doubt, it can.
    pub fn can_govern_below(&self, folder: &str) -> bool {
        self.rules.iter().any(|rule| rule.path.can_match_below(folder))
    }

    /// Returns the members who read the files of a rule, those of its groups included.
    pub fn readers<'a>(&'a self, rule: &'a Rule) -> Readers<'a> {
        self.expand(rule.readers.iter().map(String::as_str)).collect()
    }

    /// Returns the members of a group, those of groups in it included; `None` when there is no such group.
    pub fn members_of(&self, group: &str) -> Option<Readers<'_>> {
        let (name, _) = self.groups.get_key_value(group)?;
        Some(self.expand([name.as_str()]).collect())
    }

    /// Returns a member by name.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.members.get(name)
    }

    /// Returns the member to whom a recipient belongs.
    pub fn member_with(&self, recipient: &Recipient) -> Option<(&str, &Member)> {
        let found = self.members.iter().find(|(_, member)| member.recipients.contains(recipient));
        found.map(|(name, member)| (name.as_str(), member))
    }

    /// Tells whether anybody reads the files of a rule; looks no further than to the first.
    pub(super) fn has_readers(&self, rule: &Rule) -> bool {
        self.expand(rule.readers.iter().map(String::as_str)).next().is_some()
    }

    /// Resolves names of members and groups; each group is visited once, however often it is named.
    fn expand<'a>(&'a self, names: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, &'a Member)> {
        let mut visited = BTreeSet::new();
        let mut pending: Vec<&str> = names.into_iter().collect();
        std::iter::from_fn(move || {
            while let Some(name) = pending.pop() {
                if let Some(member) = self.members.get(name) {
                    return Some((name, member));
                }
                if visited.insert(name) {
                    pending.extend(self.groups.get(name).into_iter().flatten().map(String::as_str));
                }
            }
            None
        })
    }
}

impl Rule {
    /// Returns the recipe of which the next value at a key path is made, where the rule has one.
    pub fn recipe(&self, path: &KeyPath) -> Option<&Recipe> {
        self.generate.iter().find(|(pattern, _)| pattern.matches(path)).map(|(_, recipe)| recipe)
    }

    /// Returns a rule that says no more than who reads what.
    pub fn new(path: PathPattern, readers: Vec<String>) -> Self {
        Self {
            path,
            readers,
            owner: None,
            rotate_every: None,
            generate: Vec::new(),
            require: Vec::new(),
            require_values: Vec::new(),
            cleartext: Vec::new(),
            mode: Mode::default(),
            comments: Comments::default(),
            format: None,
        }
    }
}

impl MemberKind {
    /// All kinds, in the order of their names.
    pub const ALL: [Self; 3] = [Self::BreakGlass, Self::Machine, Self::Person];

    /// Returns the spelling in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::BreakGlass => "break-glass",
            Self::Machine => "machine",
            Self::Person => "person",
        }
    }

    /// Reads the spelling in policies.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for MemberKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl Requirement {
    /// All fields, in the order of their names.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Purpose, Self::RotateEvery, Self::RotationDue];

    /// Returns the name of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Purpose => "purpose",
            Self::RotateEvery => "rotate_every",
            Self::RotationDue => "rotation_due",
        }
    }

    /// Reads the name of a field.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

impl ValueRequirement {
    /// All fields, in the order of their names.
    pub const ALL: [Self; 5] = [Self::Description, Self::Links, Self::Owner, Self::RotateEvery, Self::RotationDue];

    /// Returns the name of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Links => "links",
            Self::Owner => "owner",
            Self::RotateEvery => "rotate_every",
            Self::RotationDue => "rotation_due",
        }
    }

    /// Reads the name of a field.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }
}

impl fmt::Display for ValueRequirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
