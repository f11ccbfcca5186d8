//! The formats, and which one a file name means.

use std::fmt;
use std::str::FromStr;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Lines of `KEY=value`.
    Dotenv,
    /// Sections of `key = value`.
    Ini,
    /// RFC 8259.
    Json,
    /// Any bytes; sealed as one.
    Opaque,
    /// TOML 1.1.
    Toml,
    /// YAML 1.2.
    Yaml,
}

impl Format {
    /// All formats, in the order of their names.
    pub const ALL: [Self; 6] = [Self::Dotenv, Self::Ini, Self::Json, Self::Opaque, Self::Toml, Self::Yaml];

    /// Returns the format that a file name means; [`Format::Opaque`] for a name that means none.
    ///
    /// `.env`, `.env.prod`, `prod.env` and `.envrc`-like names without a known extension are dotenv.
    pub fn of_file_name(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        if name == ".env" || name.starts_with(".env.") {
            return Self::Dotenv;
        }
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("env") => Self::Dotenv,
            Some("cfg" | "ini") => Self::Ini,
            Some("json") => Self::Json,
            Some("toml") => Self::Toml,
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Opaque,
        }
    }

    /// Tells whether documents of this format have leaves, and so can be sealed value by value.
    pub fn is_structured(self) -> bool {
        self != Self::Opaque
    }

    /// Returns the name, as headers, `--format` and messages use it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Json => "json",
            Self::Opaque => "opaque",
            Self::Toml => "toml",
            Self::Yaml => "yaml",
        }
    }
}

impl Format {
    /// Returns the name as one writes it in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::Ini => "INI",
            Self::Json => "JSON",
            Self::Opaque => "opaque",
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or(UnknownFormat)
    }
}

/// A name that is no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a format; the formats are dotenv, ini, json, opaque, toml, yaml")]
pub struct UnknownFormat;
