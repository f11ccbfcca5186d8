//! What git was told to do with files: attributes, and settings that make copies of what it shows.

use std::collections::BTreeSet;
use std::path::Path;

use git2::{AttrCheckFlags, AttrValue, ErrorCode};
use jiff::civil::Date;

use super::{GitError, Repository};
use crate::fs;

/// What an attribute says of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// It is set: `name`.
    Set,
    /// It is unset: `-name`.
    Unset,
    /// Nothing is said of it.
    Unspecified,
    /// It has a value: `name=value`.
    Value(String),
}

impl Repository {
    /// Tells whether `.gitignore` and its like exclude a path from being added.
    pub fn is_ignored(&self, path: &Path) -> Result<bool, GitError> {
        if self.unsupported.is_some() {
            return self.plumbed()?.is_ignored(path);
        }
        self.inner()?.is_path_ignored(path).map_err(|error| self.refused(error))
    }

    /// Returns what an attribute says of a path, by the files of attributes in the work tree and the index, and the
    /// user's own.
    pub fn attribute(&self, path: &Path, name: &str) -> Result<Attribute, GitError> {
        let value = self.inner()?.get_attr_bytes(path, name, AttrCheckFlags::FILE_THEN_INDEX);
        let value = value.map_err(|error| self.refused(error))?;
        Ok(match AttrValue::from_bytes(value) {
            AttrValue::True => Attribute::Set,
            AttrValue::False => Attribute::Unset,
            AttrValue::Unspecified => Attribute::Unspecified,
            AttrValue::Bytes(value) => Attribute::Value(String::from_utf8_lossy(value).into_owned()),
            AttrValue::String(value) => Attribute::Value(value.to_owned()),
        })
    }

    /// Returns the diff drivers whose converted texts git keeps (`diff.NAME.cachetextconv`), or has kept, in its
    /// object store: there plaintext would stay, and be pushed with the notes.
    pub fn caching_drivers(&self) -> Result<BTreeSet<String>, GitError> {
        let refused = |error| self.refused(error);
        let mut drivers = BTreeSet::new();
        let config = self.inner()?.config().map_err(refused)?;
        let mut entries = config.entries(Some(r"^diff\..*\.cachetextconv$")).map_err(refused)?;
        while let Some(entry) = entries.next() {
            let name = String::from_utf8_lossy(entry.map_err(refused)?.name_bytes()).into_owned();
            if config.get_bool(&name).map_err(refused)? {
                drivers.extend(
                    name.strip_prefix("diff.").and_then(|name| name.strip_suffix(".cachetextconv")).map(str::to_owned),
                );
            }
        }
        for name in self.inner()?.references_glob("refs/notes/textconv/*").map_err(refused)?.names() {
            drivers.extend(name.map_err(refused)?.strip_prefix("refs/notes/textconv/").map(str::to_owned));
        }
        Ok(drivers)
    }

    /// Tells whether git records how conflicts were settled (`rerere`), with the text of both sides.
    pub fn records_resolutions(&self) -> Result<bool, GitError> {
        let config = self.inner()?.config().map_err(|error| self.refused(error))?;
        match config.get_bool("rerere.enabled") {
            Ok(is_enabled) => Ok(is_enabled),
            // Not set: then a folder of recordings turns it on.
            Err(error) if error.code() == ErrorCode::NotFound => {
                Ok(fs::kind(&self.inner()?.commondir().join("rr-cache"))?.is_some())
            }
            Err(error) => Err(self.refused(error)),
        }
    }

    /// Returns the UTC day of the commit that is checked out.
    pub fn head_day(&self) -> Result<Option<Date>, GitError> {
        let Some(commit) = self.head()? else { return Ok(None) };
        let seconds = self.commit(commit)?.seconds;
        let time = jiff::Timestamp::from_second(seconds).ok();
        Ok(time.map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::*;

    #[test]
    fn attributes_are_read_from_the_work_tree() {
        let world = World::new();
        world.write(".gitattributes", "a/** -text diff=secret\nb text\n");
        let repository = world.open("");
        let attribute = |path: &str, name| repository.attribute(Path::new(path), name).expect("attributes");
        assert_eq!(attribute("a/b/c", "text"), Attribute::Unset);
        assert_eq!(attribute("a/b/c", "diff"), Attribute::Value("secret".to_owned()));
        assert_eq!(attribute("b", "text"), Attribute::Set);
        assert_eq!(attribute("c", "text"), Attribute::Unspecified);
    }

    #[test]
    fn drivers_that_keep_texts_are_known_by_setting_and_by_what_they_kept() {
        let world = World::new();
        world.commit(&[("file", "x")]);
        assert!(world.open("").caching_drivers().expect("settings").is_empty());
        world.git(&["config", "diff.one.cachetextconv", "true"]);
        world.git(&["config", "diff.two.cachetextconv", "false"]);
        world.git(&["update-ref", "refs/notes/textconv/three", "HEAD"]);
        let drivers = world.open("").caching_drivers().expect("settings");
        assert_eq!(Vec::from_iter(drivers), ["one", "three"]);
    }

    #[test]
    fn rerere_is_on_by_setting_or_by_its_folder() {
        let world = World::new();
        let is_on = || world.open("").records_resolutions().expect("settings");
        assert!(!is_on());
        world.write(".git/rr-cache/x/preimage", "");
        assert!(is_on());
        world.git(&["config", "rerere.enabled", "false"]);
        assert!(!is_on());
        world.git(&["config", "rerere.enabled", "true"]);
        assert!(is_on());
    }
}
