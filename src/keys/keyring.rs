//! What was read from all places where identities are looked for.

use std::ops::Range;
use std::sync::OnceLock;

use super::identity::{Found, IdentityError, Locked, Ready};
use super::plugin::PluginIdentity;
use super::source::{Source, recipients_beside};
use super::unwrap::UnwrapError;
use super::{Origin, Recipient};

/// What can be said of one identity file without a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where it is.
    pub origin: Origin,
    /// The recipients that belong to its identities; none where only its passphrase would tell.
    pub recipients: Vec<Recipient>,
    /// Whether it is protected by a passphrase.
    pub is_locked: bool,
}

/// What was read from all sources.
#[derive(Default)]
pub(super) struct Keyring {
    pub(super) ready: Vec<Ready>,
    pub(super) locked: Vec<Slot>,
    pub(super) plugins: Vec<PluginIdentity>,
    files: Vec<IdentityFile>,
    known: OnceLock<Vec<Known>>,
    unsupported: usize,
    /// The first default file that is there and cannot be used.
    pub(super) broken: Option<IdentityError>,
}

/// What of a keyring comes from one file.
struct IdentityFile {
    origin: Origin,
    ready: Range<usize>,
    locked: Option<usize>,
    plugins: usize,
    plugin_recipients: Vec<Recipient>,
}

/// An identity file that is protected by a passphrase.
pub(super) struct Slot {
    pub(super) origin: Origin,
    pub(super) locked: Locked,
    pub(super) unlocked: OnceLock<Result<Found, UnwrapError>>,
}

impl Keyring {
    pub(super) fn read(sources: &[Source]) -> Result<Self, IdentityError> {
        let mut keyring = Self::default();
        for source in sources {
            match source.read() {
                Ok(found) => keyring.add(&source.origin, found),
                Err(problem) if source.is_named => {
                    return Err(IdentityError { origin: source.origin.clone(), problem });
                }
                Err(problem) if problem.is_missing() => {}
                Err(problem) => {
                    keyring.broken.get_or_insert(IdentityError { origin: source.origin.clone(), problem });
                }
            }
        }
        Ok(keyring)
    }

    fn add(&mut self, origin: &Origin, found: Found) {
        let ready = self.ready.len()..self.ready.len() + found.ready.len();
        let locked = found.locked.map(|locked| {
            self.locked.push(Slot { origin: origin.clone(), locked, unlocked: OnceLock::new() });
            self.locked.len() - 1
        });
        let plugins = found.plugins.len();
        let plugin_recipients = found.plugin_recipients;
        self.files.push(IdentityFile { origin: origin.clone(), ready, locked, plugins, plugin_recipients });
        self.ready.extend(found.ready);
        self.plugins.extend(found.plugins);
        self.unsupported += found.unsupported;
    }

    /// Nobody needs this to open a file, so it is found out when it is asked for.
    pub(super) fn known(&self) -> &[Known] {
        self.known.get_or_init(|| self.files.iter().map(|file| self.known_of(file)).collect())
    }

    fn known_of(&self, file: &IdentityFile) -> Known {
        let origin = &file.origin;
        let mut recipients: Vec<_> =
            self.ready[file.ready.clone()].iter().map(|ready| ready.recipient().clone()).collect();
        if file.plugins > file.plugin_recipients.len() {
            recipients.extend(recipients_beside(origin).into_iter().filter(|recipient| recipient.plugin().is_some()));
        }
        recipients.extend(file.plugin_recipients.iter().cloned());
        if let Some(slot) = file.locked.map(|locked| &self.locked[locked]) {
            match slot.locked.recipient() {
                Some(recipient) => recipients.push(recipient.clone()),
                None => recipients.extend(recipients_beside(origin)),
            }
        }
        Known { origin: origin.clone(), recipients, is_locked: file.locked.is_some() }
    }

    pub(super) fn no_match(&self) -> UnwrapError {
        let tried = self.ready.len() + self.locked.len() + self.plugins.len();
        match &self.broken {
            Some(broken) => broken.clone().into(),
            None if tried + self.unsupported == 0 => UnwrapError::NoIdentity,
            None => UnwrapError::NoMatch { tried, unsupported: self.unsupported },
        }
    }
}
