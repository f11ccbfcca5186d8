//! Age plugins: programs that wrap and unwrap for keys we do not have, such as those in a security token.
//!
//! A recipient or an identity only names a plugin. It is started when, and only when, a key has to be wrapped or
//! unwrapped with it, and the user's own settings allow it by name.

mod conversation;
mod name;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use age::{DecryptError, EncryptError};
use age_core::format::{FileKey, Stanza};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use conversation::{Command, Conversation};
pub use name::PluginName;

use super::settings::{Settings, SettingsError};
use super::stanzas::StanzaKind;
use super::{Prompt, Recipient};
use crate::env::Env;
use crate::process::{PluginProcess, ProcessError, find_plugin};

/// What is needed to start the plugins that the user allows. Nothing is read before it is needed.
pub(super) struct Plugins<'a> {
    env: Env,
    prompt: &'a dyn Prompt,
    settings: OnceLock<Result<Settings, SettingsError>>,
    /// Held while a plugin works: two would ask for one token, or at one terminal.
    working: Mutex<()>,
}

/// An identity that only its plugin understands.
pub(super) struct PluginIdentity {
    pub(super) plugin: PluginName,
    pub(super) text: Zeroizing<String>,
}

/// A plugin that the user's settings allow.
#[derive(Debug)]
pub struct AllowedPlugin {
    /// Its name.
    pub name: PluginName,
    /// The program that would be started, or why none would.
    pub program: Result<PathBuf, PluginError>,
}

/// Why a plugin did not do what it is for. Texts of the plugin are its own words, and not to be trusted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PluginError {
    /// The person broke off at a question of the plugin.
    #[error("interrupted")]
    Interrupted,
    /// The plugin asked a question, and there is nobody to answer it.
    #[error("age-plugin-{name} asks a question, and there is no terminal to ask it at")]
    NoTerminal {
        /// The plugin.
        name: PluginName,
    },
    /// The user's settings do not name the plugin.
    #[error("the age plugin {name} is not allowed: only your own settings can have it started")]
    NotAllowed {
        /// The plugin.
        name: PluginName,
        /// Where it would be allowed; there is no configuration folder otherwise.
        settings: Option<PathBuf>,
    },
    /// There is no program to start.
    #[error("cannot start the age plugin {name}: {source}")]
    Program {
        /// The plugin.
        name: PluginName,
        /// Why.
        source: Arc<ProcessError>,
    },
    /// The terminal failed when it was to ask a question of the plugin.
    #[error("cannot ask what age-plugin-{name} wants to know")]
    Prompt {
        /// The plugin.
        name: PluginName,
        /// What failed.
        #[source]
        source: Arc<io::Error>,
    },
    /// The plugin does not do as the protocol says.
    #[error("age-plugin-{name} {breach}")]
    Protocol {
        /// The plugin.
        name: PluginName,
        /// What it did.
        breach: Breach,
    },
    /// The plugin reports a failure in its own words.
    #[error("age-plugin-{name} failed: {text}")]
    Reported {
        /// The plugin.
        name: PluginName,
        /// Its words.
        text: String,
    },
    /// The user's settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// How a plugin does not do as the protocol says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// It ended, or closed its output, before it was done.
    #[error("ended before it was done")]
    Ended,
    /// A file key of a wrong length or for a file that it was not asked about, or a second one.
    #[error("returned something that is not the key it was asked for")]
    FileKey,
    /// A stanza that stands for another kind of recipient or cannot stand in a header.
    #[error("returned a stanza that no plugin may make")]
    ForeignStanza,
    /// Labels given twice.
    #[error("contradicts itself about what its stanza may be combined with")]
    Labels,
    /// Something that is no command.
    #[error("does not follow the plugin protocol")]
    Malformed,
    /// Several stanzas for one recipient, none, or one for a file that it was not asked about.
    #[error("did not return exactly one stanza for one recipient")]
    StanzaCount,
    /// More than a plugin may write.
    #[error("writes too much")]
    TooMuch,
}

impl<'a> Plugins<'a> {
    pub(super) fn new(env: &Env, prompt: &'a dyn Prompt) -> Self {
        Self { env: env.clone(), prompt, settings: OnceLock::new(), working: Mutex::new(()) }
    }

    /// Returns the plugins that are allowed, in the order of their names.
    pub(super) fn allowed(&self) -> Result<Vec<AllowedPlugin>, SettingsError> {
        let names = self.settings().map_err(Clone::clone)?.plugins.keys();
        Ok(names.map(|name| AllowedPlugin { name: name.clone(), program: self.program(name) }).collect())
    }

    /// Returns the program of a plugin, if it is allowed.
    pub(super) fn program(&self, name: &PluginName) -> Result<PathBuf, PluginError> {
        let settings = self.settings().map_err(Clone::clone)?;
        let Some(given) = settings.plugins.get(name) else {
            return Err(PluginError::NotAllowed { name: name.clone(), settings: Settings::path(&self.env) });
        };
        find_plugin(&self.env, name.as_str(), given.as_deref())
            .map_err(|source| PluginError::Program { name: name.clone(), source: source.into() })
    }

    /// Wraps a file key to a recipient of a plugin, which is asked for exactly one stanza.
    pub(super) fn wrap(
        &self,
        name: &PluginName,
        recipient: &str,
        file_key: &FileKey,
    ) -> Result<(Stanza, HashSet<String>), PluginError> {
        let _one_at_a_time = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let plugin = self.start(name, "recipient-v1")?;
        plugin.send(["add-recipient", recipient], &[]);
        plugin.send(["wrap-file-key"], file_key.expose_secret());
        plugin.send(["extension-labels"], &[]);
        plugin.send(["done"], &[]);
        let breach = |breach| PluginError::Protocol { name: name.clone(), breach };

        let (mut stanza, mut labels, mut failure) = (None, None, None);
        plugin.listen(|command| {
            match command.kind.as_str() {
                "recipient-stanza" => {
                    let new = new_stanza(command).map_err(breach)?;
                    if stanza.replace(new).is_some() {
                        return Err(breach(Breach::StanzaCount));
                    }
                }
                "labels" => {
                    let set: HashSet<String> = command.arguments.iter().cloned().collect();
                    if set.len() != command.arguments.len() || labels.replace(set).is_some() {
                        return Err(breach(Breach::Labels));
                    }
                }
                "error" => _ = failure.get_or_insert_with(|| reported(name, command)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        Ok((stanza.ok_or_else(|| breach(Breach::StanzaCount))?, labels.unwrap_or_default()))
    }

    /// Unwraps a file key with identities of one plugin; `None` when they do not fit.
    fn unwrap(
        &self,
        name: &PluginName,
        identities: &[&PluginIdentity],
        stanzas: &[Stanza],
    ) -> Result<Option<FileKey>, PluginError> {
        let _one_at_a_time = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let plugin = self.start(name, "identity-v1")?;
        for identity in identities {
            plugin.send(["add-identity", identity.text.as_str()], &[]);
        }
        for stanza in stanzas {
            let words = ["recipient-stanza", "0", &stanza.tag].into_iter();
            plugin.send(words.chain(stanza.args.iter().map(String::as_str)), &stanza.body);
        }
        plugin.send(["done"], &[]);

        let (mut file_key, mut failure) = (None, None);
        plugin.listen(|command| {
            match command.kind.as_str() {
                "file-key" => {
                    let breach = || PluginError::Protocol { name: name.clone(), breach: Breach::FileKey };
                    let new = FileKey::try_init_with_mut(|key| {
                        let is_asked_for = command.arguments == ["0"] && command.body.len() == key.len();
                        if is_asked_for {
                            key.copy_from_slice(&command.body);
                        }
                        is_asked_for.then_some(()).ok_or_else(breach)
                    })?;
                    if file_key.replace(new).is_some() {
                        return Err(breach());
                    }
                }
                "error" => _ = failure.get_or_insert_with(|| reported(name, command)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        // One of several identities may have failed, and another one fit.
        match (file_key, failure) {
            (None, Some(failure)) => Err(failure),
            (file_key, _) => Ok(file_key),
        }
    }

    fn start<'n>(&'n self, name: &'n PluginName, state_machine: &str) -> Result<Conversation<'n>, PluginError> {
        let process = PluginProcess::start(&self.env, &self.program(name)?, state_machine)
            .map_err(|source| PluginError::Program { name: name.clone(), source: source.into() })?;
        Ok(Conversation::new(process, name, self.prompt))
    }

    fn settings(&self) -> Result<&Settings, &SettingsError> {
        self.settings.get_or_init(|| Settings::read(&self.env)).as_ref()
    }
}

/// The identities of one plugin, as age takes them.
pub(super) struct WithPlugin<'p> {
    pub(super) plugins: &'p Plugins<'p>,
    pub(super) name: &'p PluginName,
    pub(super) identities: Vec<&'p PluginIdentity>,
}

impl age::Identity for WithPlugin<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, DecryptError>> {
        let unwrapped = self.plugins.unwrap(self.name, &self.identities, stanzas);
        unwrapped.map_err(|error| DecryptError::Io(io::Error::other(error))).transpose()
    }
}

/// A recipient, as age takes it: one of a plugin is served by the plugin.
pub(super) struct Reader<'p> {
    pub(super) recipient: &'p Recipient,
    pub(super) plugins: Option<&'p Plugins<'p>>,
}

impl age::Recipient for Reader<'_> {
    fn wrap_file_key(&self, file_key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let Some(name) = self.recipient.plugin() else { return self.recipient.wrap_file_key(file_key) };
        let wrapped = match self.plugins {
            Some(plugins) => plugins.wrap(name, self.recipient.as_str(), file_key),
            None => Err(PluginError::NotAllowed { name: name.clone(), settings: None }),
        };
        let (stanza, labels) = wrapped.map_err(|error| EncryptError::Io(io::Error::other(error)))?;
        Ok((vec![stanza], labels))
    }
}

/// Takes out of an error of age's what a plugin did.
pub(super) fn plugin_error(error: io::Error) -> Option<PluginError> {
    Some(*error.into_inner()?.downcast().ok()?)
}

/// Makes a stanza of what a plugin returned. It may not look like one of age's own: readers are counted by kinds.
fn new_stanza(command: &Command) -> Result<Stanza, Breach> {
    match &command.arguments[..] {
        [file, tag, arguments @ ..] if file == "0" => {
            if StanzaKind::of_name(tag) != StanzaKind::Other {
                return Err(Breach::ForeignStanza);
            }
            Ok(Stanza { tag: tag.clone(), args: arguments.to_vec(), body: command.body.to_vec() })
        }
        _ => Err(Breach::StanzaCount),
    }
}

fn reported(name: &PluginName, command: &Command) -> PluginError {
    let text: String = String::from_utf8_lossy(&command.body).chars().take(MAX_REPORT).collect();
    PluginError::Reported { name: name.clone(), text }
}

/// How much of a plugin's own words is shown.
const MAX_REPORT: usize = 1000;
