//! The only reader of the process: working directory, variables, clock and user folders.
//!
//! Everything else gets an [`Env`] value, so that a test builds a world instead of changing its own process.

mod ancestry;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

pub use self::ancestry::StartedBy;

/// What the process was started with: read once, then passed around. Copies share it.
#[derive(Clone)]
pub struct Env {
    arguments: Arc<[OsString]>,
    variables: Arc<BTreeMap<OsString, OsString>>,
    current_dir: PathBuf,
    /// Whether `-C` gave that folder, and the process itself is in another one.
    is_dir_given: bool,
    today: Date,
}

impl Env {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// When the working directory no longer exists or may not be read.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the process")]
    pub fn from_process() -> std::io::Result<Self> {
        Ok(Self {
            arguments: std::env::args_os().collect(),
            variables: Arc::new(std::env::vars_os().collect()),
            current_dir: std::env::current_dir()?,
            is_dir_given: false,
            today: jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date(),
        })
    }

    /// Builds an environment by hand: a folder, a UTC day and variables.
    pub fn new(current_dir: PathBuf, today: Date, variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self {
            arguments: Arc::default(),
            variables: Arc::new(variables.into_iter().collect()),
            current_dir,
            is_dir_given: true,
            today,
        }
    }

    /// Returns the same environment in another folder, as `-C DIR` asks for.
    #[must_use]
    pub fn in_dir(&self, dir: &Path) -> Self {
        Self { current_dir: self.current_dir.join(dir), is_dir_given: true, ..self.clone() }
    }

    /// Returns the arguments of the process, its name first.
    pub fn arguments(&self) -> Vec<OsString> {
        self.arguments.to_vec()
    }

    /// Returns the working directory, absolute.
    pub fn current_dir(&self) -> &Path {
        &self.current_dir
    }

    /// Returns the working directory when the process itself is in another one.
    pub fn given_dir(&self) -> Option<&Path> {
        self.is_dir_given.then_some(&*self.current_dir)
    }

    /// Returns the UTC day on which the process started.
    pub fn today(&self) -> Date {
        self.today
    }

    /// Returns a variable that is set and not empty.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Returns all variables in the order of their names, for a child process.
    pub fn variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// Returns the user's home folder.
    pub fn home(&self) -> Option<PathBuf> {
        self.absolute("HOME").or_else(|| self.absolute("USERPROFILE"))
    }

    /// Returns the folder of the user's configuration files: `$XDG_CONFIG_HOME`, else `~/.config`.
    pub fn config_dir(&self) -> Option<PathBuf> {
        self.absolute("XDG_CONFIG_HOME").or_else(|| Some(self.home()?.join(".config")))
    }

    /// Returns the folder of the user's caches: `$XDG_CACHE_HOME`, else `~/.cache`.
    pub fn cache_dir(&self) -> Option<PathBuf> {
        self.absolute("XDG_CACHE_HOME").or_else(|| Some(self.home()?.join(".cache")))
    }

    /// Returns the folder of the user's running programs, where the system gives one.
    pub fn runtime_dir(&self) -> Option<PathBuf> {
        self.absolute("XDG_RUNTIME_DIR")
    }

    /// Returns where this program is, as the system says.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the process")]
    pub fn program(&self) -> Option<PathBuf> {
        std::env::current_exe().ok()
    }

    /// Returns which command of git has started this process.
    pub fn started_by(&self) -> StartedBy {
        ancestry::started_by()
    }

    /// Returns a folder variable; the XDG specification says to ignore relative ones.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        self.var(name).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}
