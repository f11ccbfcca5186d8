//! Members' recipients and the user's identities: wrapping a data key and unwrapping it again, through age.
//!
//! Knows nothing of documents or policies. Nothing in here starts a program (age plugins are refused), and no
//! message ever shows what stands in an identity, or text of age's own.

mod age_file;
mod identities;
mod identity;
#[cfg(test)]
mod interop;
mod keygen;
mod prompt;
mod recipient;
mod source;
mod stanzas;

pub use age_file::{MAX_WRAPPED, Malformed, WrapError, canonical, wrap, wrap_text};
pub use identities::{Identities, Known, UnwrapError};
pub use identity::{IdentityError, IdentityProblem};
pub use keygen::{KeygenError, NewIdentity, generate};
pub use prompt::{Prompt, PromptError};
pub(crate) use recipient::holds_private_key;
pub use recipient::{Recipient, RecipientError, RecipientKind};
pub use source::Origin;
pub use stanzas::{Stanza, StanzaKind, Stanzas};
