//! The user's own settings, `secret/config.toml` in the configuration folder: which age plugins may be started.
//!
//! No repository has a say in them: a file that stands in the repository one works in, or that others can write to,
//! is refused.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml_edit::{Document, Item, TableLike, Value};

use super::plugin::PluginName;
use crate::env::Env;
use crate::fs::{self, FsError};
use crate::process::is_in_repository;

/// The settings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// The allowed plugins, and their programs where the settings name them.
    pub(super) plugins: BTreeMap<PluginName, Option<PathBuf>>,
}

/// Settings that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{problem}", place(path, *line))]
pub struct SettingsError {
    /// The file.
    pub path: PathBuf,
    /// The line of the mistake, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub problem: SettingsProblem,
}

/// What can be wrong with settings.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SettingsProblem {
    /// They stand in the repository.
    #[error("stands in the repository, and a repository has no say in which programs run")]
    InRepository,
    /// A plugin's name that no plugin can have.
    #[error("{0:?} is no name of an age plugin")]
    Name(String),
    /// They cannot be read.
    #[error(transparent)]
    Read(Arc<FsError>),
    /// A program by a path that depends on the working directory.
    #[error("the program of the plugin {0} is not given by an absolute path")]
    Relative(String),
    /// No TOML.
    #[error("{0}")]
    Syntax(String),
    /// A key that means nothing.
    #[error("unknown key {0:?}: there is only the table [plugins]")]
    UnknownKey(String),
    /// A value that means nothing.
    #[error("the plugin {0} is neither `true` nor the path of a program")]
    Value(String),
    /// `plugins` is no table.
    #[error("plugins is not a table")]
    WrongType,
}

impl Settings {
    /// Reads the settings; there are none where there is no file.
    ///
    /// # Errors
    /// Names the file, and the line of a mistake.
    pub(super) fn read(env: &Env) -> Result<Self, SettingsError> {
        let Some(path) = Self::path(env) else { return Ok(Self::default()) };
        let refused = |problem| SettingsError { path: path.clone(), line: None, problem };
        let unreadable = |error| refused(SettingsProblem::Read(Arc::new(error)));
        if fs::kind(&path).map_err(unreadable)?.is_none() {
            return Ok(Self::default());
        }
        if is_in_repository(env, &path) {
            return Err(refused(SettingsProblem::InRepository));
        }
        let bytes = fs::read_own(&path, MAX_SETTINGS).map_err(unreadable)?;
        let text = str::from_utf8(&bytes).map_err(|_| refused(SettingsProblem::Syntax("not UTF-8 text".to_owned())))?;
        Self::parse(text).map_err(|(at, problem)| {
            let line = 1 + text.bytes().take(at.start).filter(|byte| *byte == b'\n').count();
            SettingsError { path: path.clone(), line: Some(line), problem }
        })
    }

    /// Returns where the settings stand.
    pub(super) fn path(env: &Env) -> Option<PathBuf> {
        Some(env.config_dir()?.join("secret").join("config.toml"))
    }

    fn parse(text: &str) -> Result<Self, (Range<usize>, SettingsProblem)> {
        let document = Document::parse(text).map_err(|error| {
            (error.span().unwrap_or_default(), SettingsProblem::Syntax(error.message().replace('\n', "; ")))
        })?;
        let mut settings = Self::default();
        for (key, item) in document.as_table() {
            let at = span_of(document.as_table(), key);
            match item.as_table_like().filter(|_| key == "plugins") {
                Some(table) => settings.read_plugins(table)?,
                None if key == "plugins" => return Err((at, SettingsProblem::WrongType)),
                None => return Err((at, SettingsProblem::UnknownKey(key.to_owned()))),
            }
        }
        Ok(settings)
    }

    fn read_plugins(&mut self, table: &dyn TableLike) -> Result<(), (Range<usize>, SettingsProblem)> {
        for (key, item) in table.iter() {
            let refused = |problem: fn(String) -> SettingsProblem| Err((span_of(table, key), problem(key.to_owned())));
            let Some(name) = PluginName::new(key) else { return refused(SettingsProblem::Name) };
            let program = match item {
                Item::Value(Value::Boolean(allowed)) if *allowed.value() => None,
                Item::Value(Value::String(path)) => {
                    let path = PathBuf::from(path.value());
                    if !path.is_absolute() {
                        return refused(SettingsProblem::Relative);
                    }
                    Some(path)
                }
                _ => return refused(SettingsProblem::Value),
            };
            self.plugins.insert(name, program);
        }
        Ok(())
    }
}

fn place(path: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{}:{line}: ", path.display()),
        None => format!("{}: ", path.display()),
    }
}

fn span_of(table: &dyn TableLike, key: &str) -> Range<usize> {
    table.key(key).and_then(toml_edit::Key::span).unwrap_or_default()
}

/// How large the settings may be.
const MAX_SETTINGS: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PluginName, Settings};

    fn refusal(text: &str) -> String {
        let (at, problem) = Settings::parse(text).expect_err(text);
        format!("{}: {problem}", 1 + text[..at.start].matches('\n').count())
    }

    #[test]
    fn plugins_are_allowed_by_name_or_by_their_program() {
        let text = "# mine\n[plugins]\nyubikey = true\n\"a.b\" = \"/opt/age-plugin-a.b\"\n";
        let settings = Settings::parse(text).expect("valid");
        let plugins: Vec<_> =
            settings.plugins.iter().map(|(name, program)| (name.as_str(), program.as_deref())).collect();
        assert_eq!(plugins, [("a.b", Some(Path::new("/opt/age-plugin-a.b"))), ("yubikey", None)]);
        assert_eq!(Settings::parse("").expect("valid"), Settings::default());
        assert!(PluginName::new("yubikey").is_some());
    }

    #[test]
    fn whatever_else_stands_there_is_refused_with_its_line() {
        for (text, error) in [
            ("a = 1", "1: unknown key \"a\": there is only the table [plugins]"),
            ("\n[plugin]\nx = true", "2: unknown key \"plugin\": there is only the table [plugins]"),
            ("plugins = [\"x\"]", "1: plugins is not a table"),
            ("plugins = true", "1: plugins is not a table"),
            ("[[plugins]]\nx = true", "1: plugins is not a table"),
            ("[plugins]\nx = false", "2: the plugin x is neither `true` nor the path of a program"),
            ("[plugins]\nx = 1", "2: the plugin x is neither `true` nor the path of a program"),
            ("[plugins]\nx = [\"/bin/x\"]", "2: the plugin x is neither `true` nor the path of a program"),
            ("[plugins]\na.b = true", "2: the plugin a is neither `true` nor the path of a program"),
            ("[plugins]\n\nx = \"bin/x\"", "3: the program of the plugin x is not given by an absolute path"),
            ("[plugins]\nx = \"~/x\"", "2: the program of the plugin x is not given by an absolute path"),
            ("[plugins]\nx = \"\"", "2: the program of the plugin x is not given by an absolute path"),
            ("[plugins]\n\"../x\" = true", "2: \"../x\" is no name of an age plugin"),
            ("[plugins]\n\"*\" = true", "2: \"*\" is no name of an age plugin"),
            ("[plugins]\n\"\" = true", "2: \"\" is no name of an age plugin"),
            ("[plugins]\nYubiKey = true", "2: \"YubiKey\" is no name of an age plugin"),
        ] {
            assert_eq!(refusal(text), error);
        }
        for text in ["[plugins]\nx = true\nx = true", "[plugins", "[plugins]\nx = tru", "[plugins]\n[plugins]\n"] {
            assert!(Settings::parse(text).is_err(), "{text}");
        }
    }
}
