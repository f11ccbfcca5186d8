//! Setting up: the first policy and the user's identity.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{Error, Workspace};
use crate::fs::{self, Expect, Mode, Root};
use crate::keys::{KeygenError, Recipient, generate};
use crate::policy::{FILE_NAME, Policy, first_policy};

/// What `init` found or made.
pub struct Initialized {
    /// The policy.
    pub policy: PathBuf,
    /// Whether the policy is new.
    pub is_new: bool,
    /// The user's recipient.
    pub recipient: Recipient,
    /// The member who has this recipient in the policy.
    pub member: Option<String>,
}

impl Workspace<'_> {
    /// Writes a first policy with one member; a policy that is there stays as it is.
    ///
    /// # Errors
    /// When the policy cannot be written, or the one that is there has mistakes.
    pub fn init(&self, name: &str, recipient: Recipient) -> Result<Initialized, Error> {
        let folder = self.folder().to_path_buf();
        let path = folder.join(FILE_NAME);
        if let Some(policy) = self.policy()? {
            let member = policy.member_with(&recipient).map(|(name, _)| name.to_owned());
            return Ok(Initialized { policy: path, is_new: false, recipient, member });
        }
        let text = first_policy(name, &recipient);
        Policy::parse(&text, FILE_NAME)?;
        fs::replace(&path, Some(&Root::open(&folder)?), text.as_bytes(), Expect::Absent, Mode::KeepOr(0o666))?;
        Ok(Initialized { policy: path, is_new: true, recipient, member: Some(name.to_owned()) })
    }

    /// Tells whether a file lies in a work tree where git would add it.
    pub fn may_be_committed(&self, path: &Path) -> bool {
        let Some(repository) = &self.repository else { return false };
        let relative = repository.relative(path);
        relative.is_ok_and(|relative| !repository.is_ignored(&relative).unwrap_or(false))
    }
}

/// Why there is no new identity.
#[derive(Debug, thiserror::Error)]
pub enum NewIdentityError {
    /// It cannot be written, or one is there.
    #[error(transparent)]
    Fs(#[from] fs::FsError),
    /// It cannot be made.
    #[error(transparent)]
    Keygen(#[from] KeygenError),
    /// There is no folder for it.
    #[error("no configuration folder: set HOME or XDG_CONFIG_HOME, or name a file with -o")]
    NoFolder,
}

/// Makes a new identity and writes it to a file of which nobody else can read anything; never over another one.
///
/// # Errors
/// See [`NewIdentityError`].
pub fn create_identity(
    env: &crate::env::Env,
    path: Option<&Path>,
    passphrase: Option<SecretString>,
) -> Result<(PathBuf, Recipient), NewIdentityError> {
    let path = match path {
        Some(path) => env.current_dir().join(path),
        None => default_identity_path(env).ok_or(NewIdentityError::NoFolder)?,
    };
    if fs::kind(&path)?.is_some() {
        return Err(fs::FsError::Exists { path }.into());
    }
    if let Some(folder) = path.parent() {
        fs::create_private_folder(folder, None)?;
    }
    let is_protected = passphrase.is_some();
    let new = generate(env.today(), passphrase)?;
    fs::create_private(&path, new.text.expose_secret().as_bytes())?;
    if is_protected {
        // An encrypted identity does not show its public key: it is kept beside it.
        let mut public = path.clone().into_os_string();
        public.push(".pub");
        let text = format!("{}\n", new.recipient);
        fs::replace(Path::new(&public), None, text.as_bytes(), Expect::Anything, Mode::KeepOr(0o644))?;
    }
    Ok((path, new.recipient))
}

/// Returns where the user's own identities stand.
pub fn default_identity_path(env: &crate::env::Env) -> Option<PathBuf> {
    Some(env.config_dir()?.join("secret").join("identities.txt"))
}
