//! What `doctor` looks at: the user's set-up and the workspace. Nothing is changed, nobody asked, no value read.
//!
//! Findings are facts; what is good, what is not, and what to do about it is said by the command.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::{Error, Inspected, State, Workspace};
use crate::env::Env;
use crate::envelope::native::Header;
use crate::fs::{self, Access, ExistingScratch, Kind, Reach, ScratchFolder, Storage};
use crate::git::Attribute;
use crate::keys::{AllowedPlugin, Identities, IdentityError, Known, Origin, Recipient, SettingsError};
use crate::policy::Policy;
use crate::process::{self, Editor, ProcessError};

/// What was found of the user's set-up.
pub struct SetUp {
    /// The identity files, or why one that was named cannot be used.
    pub identities: Result<Vec<Known>, IdentityError>,
    /// A default identity file that cannot be used.
    pub broken: Option<IdentityError>,
    /// The identity files, and the folder of the user's own ones, that others can read or change.
    pub exposed: Vec<Exposed>,
    /// Where the user's own identities belong.
    pub identity_folder: Option<PathBuf>,
    /// Whether this process cannot be dumped.
    pub is_hardened: bool,
    /// Where `edit` puts its plaintext.
    pub scratch: Option<(PathBuf, Storage)>,
    /// The folders of `edit` that are there.
    pub existing: Vec<ExistingScratch>,
    /// Where drafts are kept, and how many there are.
    pub drafts: Option<(PathBuf, usize)>,
    /// The editor.
    pub editor: Result<Editor, ProcessError>,
    /// The age plugins that the user's settings allow.
    pub plugins: Result<Vec<AllowedPlugin>, SettingsError>,
}

/// A private path that is not private.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// The path.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Who can do what with it.
    pub access: Access,
}

impl SetUp {
    /// Looks at it.
    pub fn examine(env: &Env, identities: &Identities<'_>) -> Self {
        let known = identities.known().map(<[Known]>::to_vec);
        let identity_folder = env.config_dir().map(|folder| folder.join("secret"));
        let mut exposed = Vec::new();
        for identity in known.iter().flatten() {
            if let Origin::File(path) = &identity.origin {
                // Of a pipe, as `--identity <(…)` gives one, nothing stays.
                let is_file =
                    fs::real_path(path).and_then(|path| fs::kind(&path)).is_ok_and(|kind| kind == Some(Kind::File));
                exposed.extend(exposure(path, false).filter(|_| is_file));
            }
        }
        exposed.extend(identity_folder.as_ref().and_then(|folder| exposure(folder, true)));
        let drafts = env.cache_dir().map(|cache| cache.join("secret").join("drafts")).and_then(|folder| {
            let count = fs::walk(&folder, |_| false).ok()?.len();
            Some((folder, count))
        });
        Self {
            broken: identities.broken().ok().flatten().cloned(),
            identities: known,
            exposed,
            identity_folder,
            is_hardened: process::is_hardened(),
            scratch: ScratchFolder::best_place(env),
            existing: ScratchFolder::existing(env),
            drafts,
            editor: Editor::choose(env),
            plugins: identities.allowed_plugins(),
        }
    }
}

/// What was found of a workspace with a sound policy.
#[derive(Default)]
pub struct Examination {
    /// The members to whom the user's identities belong.
    pub members: Vec<String>,
    /// Whether there is an identity whose recipient is not known without its passphrase.
    pub has_unknown_recipient: bool,
    /// The path patterns of the rules whose files the user reads, and of the others.
    pub readable: Vec<String>,
    /// The path patterns of the other rules.
    pub unreadable: Vec<String>,
    /// How many governed files are encrypted.
    pub encrypted: usize,
    /// Governed files that have marks of encryption and cannot be read.
    pub broken: Vec<String>,
    /// Governed files in plaintext that git would commit.
    pub plaintext: Vec<String>,
    /// Governed files in plaintext that git has already.
    pub tracked_plaintext: Vec<String>,
    /// Governed files in plaintext that git ignores.
    pub ignored_plaintext: Vec<String>,
    /// How many files name the user as a reader, and an identity without a passphrase opens them.
    pub opened: usize,
    /// Files that name the user as a reader, and no identity opens them.
    pub unopened: Vec<String>,
    /// Files that somebody can read whom the policy does not name.
    pub surplus: Vec<String>,
    /// Other files that `rekey` would change.
    pub drifted: Vec<String>,
    /// Files whose line ends git may change, with the pattern that would keep it from that.
    pub converted: Vec<(String, String)>,
    /// Diff drivers whose texts git keeps.
    pub caching_drivers: Vec<String>,
    /// Whether git records how conflicts were settled.
    pub has_rerere: bool,
    /// The latest day that a header or the last commit has.
    pub latest_day: Option<Date>,
}

impl Workspace<'_> {
    /// Tells whether the workspace is a git repository, and whether its history was cut off.
    pub fn is_shallow(&self) -> Option<bool> {
        self.repository.as_ref().map(crate::git::Repository::is_shallow)
    }

    /// Looks at the policy, the governed files and git.
    ///
    /// # Errors
    /// When the policy has mistakes or is missing, or git refuses.
    pub fn examine(&self) -> Result<Examination, Error> {
        let policy = self.required_policy()?;
        let mut found = Examination::default();
        let own: Vec<&Recipient> = self.identities.recipients().unwrap_or_default();
        found.has_unknown_recipient =
            self.identities.known().is_ok_and(|known| known.iter().any(|identity| identity.recipients.is_empty()));
        found.name_member(policy, &own);
        if let Some(repository) = &self.repository {
            found.caching_drivers = repository.caching_drivers()?.into_iter().collect();
            found.has_rerere = repository.records_resolutions()?;
            found.latest_day = repository.head_day()?;
        }
        let root = self.folder().to_path_buf();
        for (target, state) in self.governed_files(&root)? {
            let recorded = target.name().to_owned();
            let shown = target.shown.clone();
            match state {
                State::Broken => found.broken.push(shown),
                State::Encrypted => {
                    let Inspected { target, header, .. } = self.inspect(target)?;
                    found.encrypted += 1;
                    found.note_days(&header);
                    if self.drift(&target, &header)?.has_surplus() {
                        found.surplus.push(shown.clone());
                    } else if !self.is_in_line(&target, &header)? {
                        found.drifted.push(shown.clone());
                    }
                    if header.recipients.values().flatten().any(|reader| own.iter().any(|own| own.as_str() == reader)) {
                        match self.identities.opens_unasked(&header.wrapped_key) {
                            Ok(true) => found.opened += 1,
                            // A passphrase may be all that is missing.
                            Ok(false) if self.has_locked_identity() => {}
                            _ => found.unopened.push(shown.clone()),
                        }
                    }
                    self.note_conversion(&recorded, &shown, &mut found)?;
                }
                State::Plaintext => self.note_plaintext(&recorded, shown, &mut found)?,
            }
        }
        Ok(found)
    }

    fn has_locked_identity(&self) -> bool {
        self.identities.known().is_ok_and(|known| known.iter().any(|identity| identity.is_locked))
    }

    fn note_plaintext(&self, recorded: &str, shown: String, found: &mut Examination) -> Result<(), Error> {
        let Some(repository) = &self.repository else {
            found.plaintext.push(shown);
            return Ok(());
        };
        let path = Path::new(recorded);
        let list =
            match () {
                // An encrypted file that was decrypted in place is not plaintext in git.
                () if repository.index_file(path, 0).is_ok_and(|file| file.is_none()) => {
                    if repository.is_ignored(path)? { &mut found.ignored_plaintext } else { &mut found.plaintext }
                }
                () if self.is_encrypted_in_index(path)? => &mut found.plaintext,
                () => &mut found.tracked_plaintext,
            };
        list.push(shown);
        Ok(())
    }

    fn note_conversion(&self, recorded: &str, shown: &str, found: &mut Examination) -> Result<(), Error> {
        let Some(repository) = &self.repository else { return Ok(()) };
        if repository.attribute(Path::new(recorded), "text")? != Attribute::Unset {
            let rule = self.policy()?.and_then(|policy| policy.rule_for(recorded));
            let pattern = rule.map_or(recorded, |rule| rule.path.as_str());
            found.converted.push((shown.to_owned(), attributes_pattern(pattern, recorded)));
        }
        Ok(())
    }
}

impl Examination {
    fn name_member(&mut self, policy: &Policy, own: &[&Recipient]) {
        self.members = own.iter().filter_map(|own| Some(policy.member_with(own)?.0.to_owned())).collect();
        self.members.sort_unstable();
        self.members.dedup();
        for rule in &policy.rules {
            let readers = policy.readers(rule);
            let list = match self.members.iter().any(|member| readers.contains_key(member.as_str())) {
                true => &mut self.readable,
                false => &mut self.unreadable,
            };
            list.push(rule.path.as_str().to_owned());
        }
    }

    fn note_days(&mut self, header: &Header) {
        let days = header.exposed.iter().map(|exposure| exposure.day).chain([header.created]);
        self.latest_day = self.latest_day.into_iter().chain(days).max();
    }
}

/// Returns the pattern of `.gitattributes` for the files of a rule; where that cannot say what the rule says, for the file.
fn attributes_pattern(rule: &str, path: &str) -> String {
    let pattern = if rule.contains(['{', '"', '#', '!', ' ']) { path } else { rule };
    // Without a slash a pattern is for files of this name in any folder.
    let pattern = if pattern.contains('/') { pattern.to_owned() } else { format!("/{pattern}") };
    if pattern.contains([' ', '"', '#', '!']) { format!("{pattern:?}") } else { pattern }
}

/// Returns a path that is there and not the user's alone.
fn exposure(path: &Path, is_folder: bool) -> Option<Exposed> {
    let access = fs::access(path).ok()?;
    let is_open = if is_folder { access.write > Reach::Owner } else { access.read.max(access.write) > Reach::Owner };
    (is_open || access.is_foreign).then(|| Exposed { path: path.to_path_buf(), is_folder, access })
}

#[cfg(test)]
mod tests {
    use super::attributes_pattern;

    #[test]
    fn a_rule_is_said_as_git_understands_it() {
        assert_eq!(attributes_pattern("secrets/**", "secrets/a"), "secrets/**");
        assert_eq!(attributes_pattern("*.env", "prod.env"), "/*.env");
        assert_eq!(attributes_pattern("s/{a,b}.env", "s/a.env"), "s/a.env");
        assert_eq!(attributes_pattern("s/**", "s/a b"), "s/**");
        assert_eq!(attributes_pattern("a b/**", "a b/c"), "\"a b/c\"");
    }
}
