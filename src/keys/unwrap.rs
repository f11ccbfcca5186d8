//! Opening one wrapped data key with identities that are at hand.

use std::io;
use std::iter;
use std::sync::Arc;

use age::DecryptError;
use zeroize::Zeroizing;

use super::Origin;
use super::age_file::{self, Malformed};
use super::identity::{Expecting, IdentityError, Ready};
use super::plugin::{PluginError, PluginIdentity, Plugins, WithPlugin, plugin_error};

/// Why no identity opens a wrapped data key.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UnwrapError {
    /// Opening the identity file would take too much time and memory.
    #[error(
        "the passphrase of {origin} takes too much work to check (2^{work_factor}; at most 2^{})",
        age_file::MAX_WORK_FACTOR
    )]
    ExcessiveWork {
        /// The identity file.
        origin: Origin,
        /// The logarithm of the work its header asks for.
        work_factor: u8,
    },
    /// An identity that was asked for, or might have been the right one, cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The person broke off at the question for the passphrase.
    #[error("interrupted")]
    Interrupted,
    /// It is no age file.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// There is no identity at all.
    #[error("there is no identity")]
    NoIdentity,
    /// None of the identities is among the readers.
    #[error("none of your identities opens it")]
    NoMatch {
        /// How many identities were tried.
        tried: usize,
        /// How many could not be, because their kind is not supported.
        unsupported: usize,
    },
    /// The identity file needs a passphrase, and there is nobody to ask.
    #[error("{origin} needs a passphrase, and there is no terminal to ask for it")]
    NoTerminal {
        /// The identity file.
        origin: Origin,
    },
    /// A stanza or the payload was changed by somebody who does not have the key.
    #[error("the wrapped key is not authentic")]
    NotAuthentic,
    /// A plugin that might have opened it cannot be used.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The terminal failed while a passphrase was asked for.
    #[error("cannot ask for the passphrase of {origin}")]
    Prompt {
        /// The identity file.
        origin: Origin,
        /// What failed.
        #[source]
        source: Arc<io::Error>,
    },
    /// The passphrase is wrong.
    #[error("wrong passphrase for {origin}")]
    WrongPassphrase {
        /// The identity file.
        origin: Origin,
    },
}

/// A file that plugins are asked to open, and the first failure of one.
pub(super) struct PluginsTried<'p> {
    pub(super) plugins: &'p Plugins<'p>,
    pub(super) binary: &'p [u8],
    pub(super) failure: Option<PluginError>,
}

impl PluginsTried<'_> {
    /// Asks the plugin of each of the identities, once for all that it has; one that breaks off ends the search.
    pub(super) fn open(&mut self, identities: &[&PluginIdentity]) -> Result<Option<Zeroizing<Vec<u8>>>, UnwrapError> {
        let mut names: Vec<_> = identities.iter().map(|identity| &identity.plugin).collect();
        names.dedup();
        for (index, name) in names.iter().enumerate() {
            if names[..index].contains(name) {
                continue;
            }
            let own = identities.iter().filter(|identity| identity.plugin == **name).copied().collect();
            let identity = WithPlugin { plugins: self.plugins, name, identities: own };
            match age_file::open(self.binary, iter::once(&identity as &dyn age::Identity)) {
                Err(DecryptError::Io(error)) => match plugin_error(error) {
                    Some(PluginError::Interrupted) => return Err(UnwrapError::Interrupted),
                    Some(failure) => _ = self.failure.get_or_insert(failure),
                    None => return Err(Malformed.into()),
                },
                result => match payload_of(result)? {
                    None => {}
                    opened => return Ok(opened),
                },
            }
        }
        Ok(None)
    }
}

/// Opens a binary age file with the first identity that fits; `None` when none does.
pub(super) fn open(
    binary: &[u8],
    readers: &[&str],
    identities: &[Ready],
) -> Result<Option<Zeroizing<Vec<u8>>>, UnwrapError> {
    let expecting: Vec<Expecting<'_>> = identities.iter().filter_map(|ready| ready.among(readers)).collect();
    let others = identities.iter().filter(|ready| ready.among(readers).is_none()).map(Ready::as_age);
    payload_of(age_file::open(binary, expecting.iter().map(|expecting| expecting as &dyn age::Identity).chain(others)))
}

/// Tells apart what opened, what did not fit, and what is wrong.
fn payload_of(result: Result<Zeroizing<Vec<u8>>, DecryptError>) -> Result<Option<Zeroizing<Vec<u8>>>, UnwrapError> {
    match result {
        Ok(payload) => Ok(Some(payload)),
        Err(DecryptError::NoMatchingKeys) => Ok(None),
        Err(DecryptError::DecryptionFailed | DecryptError::InvalidMac) => Err(UnwrapError::NotAuthentic),
        Err(_) => Err(Malformed.into()),
    }
}
