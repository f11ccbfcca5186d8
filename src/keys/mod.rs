//! Members' recipients and the user's identities: wrapping a data key and unwrapping it again, through age.
//!
//! Knows nothing of documents or policies. The only programs started from here are age plugins that the user's own
//! settings allow by name. No message ever shows what stands in an identity, or text of age's own.

mod age_file;
mod identities;
mod identity;
#[cfg(test)]
mod interop;
mod keygen;
mod keyring;
mod plugin;
mod private_key;
mod prompt;
mod recipient;
mod settings;
mod source;
mod stanzas;
mod unwrap;

pub use age_file::{MAX_WRAPPED, Malformed, WrapError, canonical, wrap};
pub use identities::Identities;
pub use identity::{IdentityError, IdentityProblem};
pub use keygen::{KeygenError, NewIdentity, generate};
pub use keyring::Known;
pub use plugin::{AllowedPlugin, Breach, PluginError, PluginName};
pub use private_key::{PrivateKeyKind, private_keys};
pub use prompt::{Prompt, PromptError};
pub(crate) use recipient::holds_private_key;
pub use recipient::{Recipient, RecipientError, RecipientKind};
pub use settings::{SettingsError, SettingsProblem};
pub use source::Origin;
pub use stanzas::{Stanza, StanzaKind, Stanzas};
pub use unwrap::UnwrapError;
