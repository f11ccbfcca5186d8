//! The user's identities: which are asked, and in which order.
//!
//! Nothing is read before it is needed, and no passphrase is asked for while a key without one opens the file, or
//! for a key that cannot. What was read or unlocked once serves for the rest of the process.

use std::path::PathBuf;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use zeroize::Zeroizing;

use super::age_file::{self, WrapError};
use super::identity::{Found, IdentityError, Ready};
use super::keyring::{Keyring, Known, Slot};
use super::plugin::{AllowedPlugin, PluginError, Plugins};
use super::settings::SettingsError;
use super::source::{Source, default_sources};
use super::unwrap::{PluginsTried, UnwrapError, open};
use super::{Prompt, PromptError, Recipient, StanzaKind, Stanzas};
use crate::env::Env;

/// The identities at hand. Can be shared by threads.
pub struct Identities<'a> {
    sources: Vec<Source>,
    prompt: &'a dyn Prompt,
    plugins: Plugins<'a>,
    /// Held while a person is asked, so that no two questions mix.
    asking: Mutex<()>,
    keyring: OnceLock<Result<Keyring, IdentityError>>,
}

impl<'a> Identities<'a> {
    /// Notes where identities are to be found; nothing is read yet.
    ///
    /// The files of `explicit` (`--identity`) alone when there are any. Else all of: `SECRET_IDENTITY` (the text of
    /// a key), `SECRET_IDENTITY_FILE`, `secret/identities.txt` in the user's configuration, `SOPS_AGE_KEY`,
    /// `SOPS_AGE_KEY_FILE`, `sops/age/keys.txt`, `~/.ssh/id_ed25519`. A file that somebody named must be there and
    /// sound; a default one may be missing, and matters when it is broken only if nothing else opens a file.
    pub fn discover(env: &Env, explicit: &[PathBuf], prompt: &'a dyn Prompt) -> Self {
        let mut sources: Vec<Source> = explicit.iter().map(|path| Source::named(env, path)).collect();
        if sources.is_empty() {
            sources = default_sources(env);
        }
        let plugins = Plugins::new(env, prompt);
        Self { sources, prompt, plugins, asking: Mutex::new(()), keyring: OnceLock::new() }
    }

    /// Opens a wrapped data key (an armored age file).
    ///
    /// Identities that need no passphrase are tried first, then those unlocked before. Plugins are started then where
    /// the file has stanzas that age itself does not know. After that a passphrase is asked for, once per process and
    /// file; a wrong one ends the search. What a plugin cannot do matters only when nothing else opens the file.
    ///
    /// # Errors
    /// See [`UnwrapError`]. None of its messages shows key or payload.
    pub fn unwrap(&self, armored: &str) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        self.unwrap_for(&[], armored)
    }

    /// Opens a wrapped data key whose readers are known, as [`Self::unwrap`] does.
    ///
    /// A stanza does not name its reader, and each try costs as much as opening the file; but [`super::wrap`] writes
    /// them in the order of the readers. Where that is not so, or the readers are made up, all are tried.
    ///
    /// # Errors
    /// As [`Self::unwrap`].
    pub fn unwrap_for(&self, readers: &[&str], armored: &str) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        let binary = age_file::unarmor(armored)?;
        let stanzas = Stanzas::of_lines(&binary)?;
        let keyring = self.keyring()?;
        let open = |ready: &[Ready]| open(&binary, readers, ready);

        if let Some(payload) = open(&keyring.ready)? {
            return Ok(payload);
        }
        let candidates = || keyring.locked.iter().filter(|slot| slot.locked.may_open(&stanzas));
        let unlocked: Vec<&Found> = candidates().filter_map(|slot| slot.unlocked.get()?.as_ref().ok()).collect();
        for found in &unlocked {
            if let Some(payload) = open(&found.ready)? {
                return Ok(payload);
            }
        }
        let at_hand: Vec<_> = keyring.plugins.iter().chain(unlocked.iter().flat_map(|found| &found.plugins)).collect();
        let mut plugins = PluginsTried { plugins: &self.plugins, binary: &binary, failure: None };
        let has_foreign = stanzas.count(StanzaKind::Other) > 0;
        if has_foreign && let Some(payload) = plugins.open(&at_hand)? {
            return Ok(payload);
        }
        for slot in candidates() {
            let found = self.unlock(slot)?;
            if let Some(payload) = open(&found.ready)? {
                return Ok(payload);
            }
            let is_new = !unlocked.iter().any(|known| ptr::eq(*known, found));
            let own: Vec<_> = found.plugins.iter().filter(|_| is_new).collect();
            if let Some(payload) = plugins.open(&own)? {
                return Ok(payload);
            }
        }
        // Some plugins open stanzas of age's own kinds: their keys are elsewhere.
        if !has_foreign && let Some(payload) = plugins.open(&at_hand)? {
            return Ok(payload);
        }
        match plugins.failure {
            // That it is not allowed says nothing where it would hardly have helped.
            Some(PluginError::NotAllowed { .. }) if !has_foreign => Err(keyring.no_match()),
            Some(failure) => Err(failure.into()),
            None => Err(keyring.no_match()),
        }
    }

    /// Encrypts a data key's payload to the recipients as [`super::wrap`] does, with the help of the plugins that the
    /// user's settings allow.
    ///
    /// # Errors
    /// When there are no recipients or too many, or a plugin cannot be used.
    pub fn wrap(&self, recipients: &[&Recipient], payload: &[u8]) -> Result<String, WrapError> {
        age_file::wrap_with(recipients, payload, Some(&self.plugins))
    }

    /// Encrypts a text of any length to the recipients, as [`Identities::wrap`] does.
    ///
    /// # Errors
    /// When there are no recipients, or a plugin cannot be used.
    pub fn wrap_text(&self, recipients: &[&Recipient], text: &[u8]) -> Result<String, WrapError> {
        age_file::wrap_text_with(recipients, text, Some(&self.plugins))
    }

    /// Returns the plugins that the user's settings allow, with the program that each would start.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn allowed_plugins(&self) -> Result<Vec<AllowedPlugin>, SettingsError> {
        self.plugins.allowed()
    }

    /// Tells whether an identity opens a wrapped data key that needs no passphrase; nobody is asked.
    ///
    /// # Errors
    /// When it is no age file, or not authentic, or an identity that somebody named cannot be used.
    pub fn opens_unasked(&self, armored: &str) -> Result<bool, UnwrapError> {
        let binary = age_file::unarmor(armored)?;
        Ok(open(&binary, &[], &self.keyring()?.ready)?.is_some())
    }

    /// Opens a wrapped data key with the identities that need no passphrase and no plugin; `None` when none of them does.
    /// Nobody is asked, and no program started.
    ///
    /// # Errors
    /// As [`Self::opens_unasked`].
    pub fn unwrap_unasked(&self, readers: &[&str], armored: &str) -> Result<Option<Zeroizing<Vec<u8>>>, UnwrapError> {
        let binary = age_file::unarmor(armored)?;
        open(&binary, readers, &self.keyring()?.ready)
    }

    /// Returns the first identity of a default place that is there and cannot be used.
    ///
    /// # Errors
    /// When an identity that somebody named cannot be used.
    pub fn broken(&self) -> Result<Option<&IdentityError>, IdentityError> {
        Ok(self.keyring()?.broken.as_ref())
    }

    /// Returns what can be said of each identity file without a passphrase, in the order of the search.
    ///
    /// The recipients of an encrypted age identity file come from the file with `.pub` behind its name, if any.
    ///
    /// # Errors
    /// When an identity that somebody named cannot be used.
    pub fn known(&self) -> Result<&[Known], IdentityError> {
        Ok(self.keyring()?.known())
    }

    /// Returns the recipients of all identities, as far as they can be told without a passphrase.
    ///
    /// # Errors
    /// When an identity that somebody named cannot be used.
    pub fn recipients(&self) -> Result<Vec<&Recipient>, IdentityError> {
        let mut recipients: Vec<_> = self.known()?.iter().flat_map(|known| &known.recipients).collect();
        recipients.sort_unstable();
        recipients.dedup();
        Ok(recipients)
    }

    /// Opens a wrapped data key, whose readers are known, with the identity of one recipient and no other: to prove that
    /// this one does.
    ///
    /// Identities behind a passphrase count where [`Self::unlock_all`] has unlocked them; those of plugins do not.
    ///
    /// # Errors
    /// As [`Self::unwrap`].
    pub fn unwrap_as(
        &self,
        recipient: &Recipient,
        readers: &[&str],
        armored: &str,
    ) -> Result<Zeroizing<Vec<u8>>, UnwrapError> {
        let binary = age_file::unarmor(armored)?;
        let own = self.ready()?.into_iter().find(|ready| ready.recipient() == recipient);
        let Some(own) = own else { return Err(UnwrapError::NoIdentity) };
        let opened = open(&binary, readers, std::slice::from_ref(own))?;
        opened.ok_or(UnwrapError::NoMatch { tried: 1, unsupported: 0 })
    }

    /// Returns the recipients as which [`Self::unwrap_as`] can open; sorted.
    ///
    /// # Errors
    /// When an identity that somebody named cannot be used.
    pub fn ready_recipients(&self) -> Result<Vec<&Recipient>, IdentityError> {
        let mut recipients: Vec<_> = self.ready()?.into_iter().map(Ready::recipient).collect();
        recipients.sort_unstable();
        recipients.dedup();
        Ok(recipients)
    }

    /// Asks for the passphrases of all identities that need one.
    ///
    /// # Errors
    /// When there is nobody to ask, or a passphrase is wrong.
    pub fn unlock_all(&self) -> Result<(), UnwrapError> {
        self.keyring()?.locked.iter().try_for_each(|slot| self.unlock(slot).map(|_| ()))
    }

    /// Returns the identities that need no passphrase, or need it no more.
    fn ready(&self) -> Result<Vec<&Ready>, IdentityError> {
        let keyring = self.keyring()?;
        let unlocked = keyring.locked.iter().filter_map(|slot| slot.unlocked.get()?.as_ref().ok());
        Ok(keyring.ready.iter().chain(unlocked.flat_map(|found| &found.ready)).collect())
    }

    fn keyring(&self) -> Result<&Keyring, IdentityError> {
        self.keyring.get_or_init(|| Keyring::read(&self.sources)).as_ref().map_err(Clone::clone)
    }

    /// Unlocks an identity file, or says again what happened when it was tried first.
    fn unlock<'k>(&self, slot: &'k Slot) -> Result<&'k Found, UnwrapError> {
        let unlocked = slot.unlocked.get_or_init(|| {
            let origin = || slot.origin.clone();
            let _one_at_a_time = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            let passphrase = self.prompt.passphrase(&format!("passphrase for {}", slot.origin));
            let passphrase = passphrase.map_err(|error| match error {
                PromptError::Interrupted => UnwrapError::Interrupted,
                PromptError::Io(source) => UnwrapError::Prompt { origin: origin(), source: Arc::new(source) },
                PromptError::NoTerminal => UnwrapError::NoTerminal { origin: origin() },
            })?;
            slot.locked.unlock(&slot.origin, passphrase)
        });
        unlocked.as_ref().map_err(Clone::clone)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use age::secrecy::{ExposeSecret, SecretString};
    use jiff::civil::date;
    use tempfile::TempDir;

    use super::{Identities, UnwrapError};
    use crate::env::Env;
    use crate::keys::Origin;
    use crate::keys::identity::IdentityProblem;
    use crate::keys::{Prompt, PromptError, Recipient, generate, wrap};

    /// Answers each question with the same passphrase, if it has one, and counts the questions.
    pub(crate) struct Answer(pub Option<&'static str>, pub AtomicUsize);

    impl Answer {
        pub(crate) fn new(passphrase: &'static str) -> Self {
            Self(Some(passphrase), AtomicUsize::new(0))
        }

        pub(crate) fn nobody() -> Self {
            Self(None, AtomicUsize::new(0))
        }

        pub(crate) fn asked(&self) -> usize {
            self.1.load(Ordering::SeqCst)
        }
    }

    impl Prompt for Answer {
        fn passphrase(&self, _: &str) -> Result<SecretString, PromptError> {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.map(SecretString::from).ok_or(PromptError::NoTerminal)
        }
    }

    struct World {
        dir: TempDir,
        variables: Vec<(OsString, OsString)>,
    }

    impl World {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("a temporary folder");
            let home = dir.path().as_os_str().to_owned();
            Self { dir, variables: vec![("HOME".into(), home)] }
        }

        fn with(mut self, name: &str, value: &str) -> Self {
            self.variables.push((name.into(), value.into()));
            self
        }

        fn file(&self, name: &str, content: &str) -> PathBuf {
            let path = self.dir.path().join(name);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(&path, content).expect("a file");
            path
        }

        fn env(&self) -> Env {
            Env::new(self.dir.path().to_owned(), date(2026, 11, 22), self.variables.clone())
        }
    }

    /// A new identity: its file's text and its recipient.
    fn identity(passphrase: Option<&str>) -> (String, Recipient) {
        let new =
            generate(date(2026, 11, 22), passphrase.map(SecretString::from)).expect("a passphrase that is not empty");
        (new.text.expose_secret().to_owned(), new.recipient)
    }

    fn wrapped(recipient: &Recipient) -> String {
        wrap(&[recipient], b"data key").expect("wraps")
    }

    fn is_send_and_sync<T: Send + Sync>() {}

    #[test]
    fn each_place_is_looked_at() {
        for name in [".config/secret/identities.txt", ".config/sops/age/keys.txt"] {
            let (text, recipient) = identity(None);
            let world = World::new();
            world.file(name, &text);
            let nobody = Answer::nobody();
            let identities = Identities::discover(&world.env(), &[], &nobody);
            assert_eq!(*identities.unwrap(&wrapped(&recipient)).expect(name), b"data key");
        }
        for name in ["SECRET_IDENTITY", "SOPS_AGE_KEY"] {
            let (text, recipient) = identity(None);
            let world = World::new().with(name, &format!("# mine\n{text}"));
            let nobody = Answer::nobody();
            let identities = Identities::discover(&world.env(), &[], &nobody);
            assert_eq!(*identities.unwrap(&wrapped(&recipient)).expect(name), b"data key");
        }
        for name in ["SECRET_IDENTITY_FILE", "SOPS_AGE_KEY_FILE"] {
            let (text, recipient) = identity(None);
            let world = World::new().with(name, "key.txt");
            world.file("key.txt", &text);
            let nobody = Answer::nobody();
            let identities = Identities::discover(&world.env(), &[], &nobody);
            assert_eq!(*identities.unwrap(&wrapped(&recipient)).expect(name), b"data key");
        }
        is_send_and_sync::<Identities<'_>>();
    }

    #[test]
    fn an_identity_given_as_an_option_is_the_only_one() {
        let ((first, reader), (second, other)) = (identity(None), identity(None));
        let world = World::new().with("SECRET_IDENTITY", &first);
        let path = world.file("other.txt", &second);
        let nobody = Answer::nobody();
        let identities = Identities::discover(&world.env(), &[path], &nobody);
        assert_eq!(identities.recipients().expect("reads"), [&other]);
        let error = identities.unwrap(&wrapped(&reader)).expect_err("not among the readers");
        assert!(matches!(error, UnwrapError::NoMatch { tried: 1, unsupported: 0 }));
    }

    #[test]
    fn without_any_identity_the_error_says_so() {
        let (world, nobody) = (World::new(), Answer::nobody());
        let identities = Identities::discover(&world.env(), &[], &nobody);
        let error = identities.unwrap(&wrapped(&identity(None).1)).expect_err("no identity");
        assert!(matches!(error, UnwrapError::NoIdentity));
    }

    #[test]
    fn a_named_file_must_be_there() {
        let world = World::new().with("SECRET_IDENTITY_FILE", "missing.txt").with("SECRET_IDENTITY", &identity(None).0);
        let nobody = Answer::nobody();
        let error = Identities::discover(&world.env(), &[], &nobody).known().expect_err("a missing file");
        assert_eq!(error.origin, Origin::File(world.dir.path().join("missing.txt")));
        assert!(matches!(error.problem, IdentityProblem::Read(_)));
    }

    #[test]
    fn a_broken_default_file_matters_only_when_nothing_else_opens() {
        let ((text, recipient), other) = (identity(None), identity(None).1);
        let world = World::new().with("SECRET_IDENTITY", &text);
        world.file(".config/sops/age/keys.txt", "# old\npassword\n");
        let nobody = Answer::nobody();
        let identities = Identities::discover(&world.env(), &[], &nobody);
        assert_eq!(*identities.unwrap(&wrapped(&recipient)).expect("opens"), b"data key");
        let message = identities.unwrap(&wrapped(&other)).expect_err("not among the readers").to_string();
        assert!(message.ends_with("keys.txt: line 2 is no identity"), "{message}");
    }

    #[test]
    fn no_passphrase_is_asked_while_a_key_without_one_opens_the_file() {
        let ((locked, _), (text, recipient)) = (identity(Some("horse")), identity(None));
        let world = World::new();
        world.file(".config/secret/identities.txt", &locked);
        world.file(".config/sops/age/keys.txt", &text);
        let answer = Answer::new("horse");
        let identities = Identities::discover(&world.env(), &[], &answer);
        assert_eq!(*identities.unwrap(&wrapped(&recipient)).expect("opens"), b"data key");
        assert_eq!(answer.asked(), 0);
    }

    #[test]
    fn a_passphrase_is_asked_once_for_many_files_and_threads() {
        let (locked, recipient) = identity(Some("horse"));
        let world = World::new().with("SECRET_IDENTITY_FILE", ".config/secret/identities.txt");
        world.file(".config/secret/identities.txt", &locked);
        let answer = Answer::new("horse");
        let identities = Identities::discover(&world.env(), &[], &answer);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(*identities.unwrap(&wrapped(&recipient)).expect("opens"), b"data key"));
            }
        });
        assert_eq!(answer.asked(), 1);
    }

    #[test]
    fn a_wrong_passphrase_is_asked_for_once_too_and_names_the_file() {
        let (locked, recipient) = identity(Some("horse"));
        let world = World::new();
        let path = world.file("mine.txt", &locked);
        let answer = Answer::new("donkey");
        let identities = Identities::discover(&world.env(), std::slice::from_ref(&path), &answer);
        for _ in 0..2 {
            let error = identities.unwrap(&wrapped(&recipient)).expect_err("a wrong passphrase");
            assert!(matches!(error, UnwrapError::WrongPassphrase { origin } if origin == Origin::File(path.clone())));
        }
        assert_eq!(answer.asked(), 1);
    }

    #[test]
    fn without_a_terminal_the_error_names_the_file() {
        let (locked, recipient) = identity(Some("horse"));
        let world = World::new();
        let path = world.file("mine.txt", &locked);
        let nobody = Answer::nobody();
        let identities = Identities::discover(&world.env(), std::slice::from_ref(&path), &nobody);
        let error = identities.unwrap(&wrapped(&recipient)).expect_err("nobody to ask");
        assert!(matches!(error, UnwrapError::NoTerminal { origin } if origin == Origin::File(path)));
    }

    #[test]
    fn the_recipient_of_a_locked_file_is_known_from_the_pub_file_beside() {
        let (locked, recipient) = identity(Some("horse"));
        let world = World::new();
        let path = world.file("mine.txt", &locked);
        world.file("mine.txt.pub", &format!("# me\n{recipient}\n"));
        let answer = Answer::new("horse");
        let identities = Identities::discover(&world.env(), &[path], &answer);
        assert_eq!(identities.recipients().expect("reads"), [&recipient]);
        assert!(identities.known().expect("reads")[0].is_locked);
        assert_eq!(answer.asked(), 0);
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        let world = World::new();
        let path = world.file("large.txt", "");
        fs::File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_len((16 << 20) + 1))
            .expect("a sparse file");
        let nobody = Answer::nobody();
        let error = Identities::discover(&world.env(), &[path], &nobody).known().expect_err("too large");
        assert!(
            matches!(error.problem, IdentityProblem::Read(error) if error.kind() == std::io::ErrorKind::FileTooLarge)
        );
    }

    #[test]
    fn what_is_no_age_file_is_malformed() {
        let world = World::new().with("SECRET_IDENTITY", &identity(None).0);
        let nobody = Answer::nobody();
        let identities = Identities::discover(&world.env(), &[], &nobody);
        assert!(matches!(identities.unwrap("password"), Err(UnwrapError::Malformed(_))));
    }
}
