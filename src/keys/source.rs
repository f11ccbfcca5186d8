//! Where identities are looked for.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::Recipient;
use super::identity::{Found, IdentityProblem};
use crate::env::Env;
use crate::fs::read_named;

/// Where an identity comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// The text of an environment variable.
    Variable(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(out, "{}", path.display()),
            Self::Variable(name) => out.write_str(name),
        }
    }
}

/// A place to look at.
pub(super) struct Source {
    pub(super) origin: Origin,
    /// The content, where it is no file.
    text: Option<Zeroizing<Vec<u8>>>,
    /// Whether somebody named it, so that it must be there and sound.
    pub(super) is_named: bool,
}

impl Source {
    pub(super) fn named(env: &Env, path: &Path) -> Self {
        Self { origin: Origin::File(env.current_dir().join(path)), text: None, is_named: true }
    }

    fn default(path: PathBuf) -> Self {
        Self { origin: Origin::File(path), text: None, is_named: false }
    }

    /// Reads what stands there.
    pub(super) fn read(&self) -> Result<Found, IdentityProblem> {
        match (&self.text, &self.origin) {
            (Some(text), _) => Found::parse(text),
            (None, Origin::File(path)) => {
                let bytes =
                    read_named(path, MAX_IDENTITY_FILE).map_err(|error| IdentityProblem::Read(Arc::new(error)))?;
                Found::parse(&bytes)
            }
            (None, Origin::Variable(_)) => Err(IdentityProblem::Empty),
        }
    }
}

/// Returns where to look when nobody named a file, in the order of the search.
pub(super) fn default_sources(env: &Env) -> Vec<Source> {
    let text = |name: &'static str| {
        let value = env.var(name)?;
        let text = Some(Zeroizing::new(value.as_encoded_bytes().to_vec()));
        Some(Source { origin: Origin::Variable(name), text, is_named: true })
    };
    let file = |name| Some(Source::named(env, Path::new(env.var(name)?)));
    let in_config = |path: &str| Some(Source::default(env.config_dir()?.join(path)));
    let in_home = |path: &str| Some(Source::default(env.home()?.join(path)));
    // Where sops looks on a Mac that sets no XDG_CONFIG_HOME.
    let in_library = |path: &str| if cfg!(target_os = "macos") { in_home(path) } else { None };

    let mut sources: Vec<Source> = Vec::new();
    let found = [
        text("SECRET_IDENTITY"),
        file("SECRET_IDENTITY_FILE"),
        in_config("secret/identities.txt"),
        text("SOPS_AGE_KEY"),
        file("SOPS_AGE_KEY_FILE"),
        in_config("sops/age/keys.txt"),
        in_library("Library/Application Support/sops/age/keys.txt"),
        in_home(".ssh/id_ed25519"),
    ];
    for source in found.into_iter().flatten() {
        // The same file by variable and by default is read, and asks for its passphrase, once.
        match sources.iter_mut().find(|known| known.origin == source.origin) {
            Some(known) => known.is_named |= source.is_named,
            None => sources.push(source),
        }
    }
    sources
}

/// Reads the recipients that stand in `FILE.pub` beside an encrypted identity file; nothing when there are none.
pub(super) fn recipients_beside(origin: &Origin) -> Vec<Recipient> {
    let Origin::File(path) = origin else { return Vec::new() };
    let mut name = path.clone().into_os_string();
    name.push(".pub");
    let Ok(bytes) = read_named(Path::new(&name), MAX_IDENTITY_FILE) else { return Vec::new() };
    String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.parse().ok()).collect()
}

/// How large an identity file may be; age's own limit.
const MAX_IDENTITY_FILE: usize = 16 << 20;
