//! Who answers for the encrypted files, and taking that over from `CODEOWNERS`.

use std::path::{Path, PathBuf};

use super::ancestry::Versions;
use super::rekey::Replacement;
use super::save::seal_error;
use super::{AnyFile, Error, MetadataChange, Standing, Target, Workspace, each_on_all_cores};
use crate::crypto::FileId;
use crate::envelope::native::{Header, seal};
use crate::fs::{self, Journal, Kind};
use crate::policy::{CODEOWNERS, CodeOwners, MAX_CODEOWNERS};

/// Who answers for an encrypted file; by its header, which nobody has authenticated.
#[derive(Debug)]
pub struct OwnedFile {
    /// The file.
    pub target: Target,
    /// Who answers for it; where its header names nobody, by its rule.
    pub owner: Option<String>,
    /// The keys of values with an owner of their own, each with that.
    pub values: Vec<(String, String)>,
}

/// What an import of owners does.
#[derive(Debug)]
pub struct OwnerImport {
    /// The file `CODEOWNERS`, from the root where it was found there.
    pub source: String,
    /// The files that get another owner.
    pub changes: Vec<OwnerChange>,
    /// The files that have another owner already, and keep it.
    pub kept: Vec<OwnerChange>,
    /// How many files have the owner already.
    pub alike: usize,
    /// How many files no line is for, or one that names nobody: they keep what they have.
    pub unnamed: usize,
    /// Files of which nothing can be said.
    pub errors: Vec<Error>,
}

/// A file and two owners.
#[derive(Debug)]
pub struct OwnerChange {
    /// The file.
    pub target: Target,
    /// Who answers for it.
    pub before: Option<String>,
    /// Who does by `CODEOWNERS`.
    pub after: String,
}

impl Workspace<'_> {
    /// Returns who answers for files; no paths: for all. No identity is used.
    ///
    /// # Errors
    /// When there is no policy, or a path does not exist. What is wrong with single files stands in the second list.
    pub fn owners(&self, paths: &[PathBuf]) -> Result<(Vec<OwnedFile>, Vec<Error>), Error> {
        self.required_policy()?;
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        for target in self.encrypted_files(paths)? {
            match self.inspect(target) {
                Ok(file) => files.push(self.owned(file.target, file.header)?),
                Err(error) => errors.push(error),
            }
        }
        Ok((files, errors))
    }

    fn owned(&self, target: Target, header: Header) -> Result<OwnedFile, Error> {
        let owner = self.owner_of(&target, &header)?;
        let values = header.metadata.values.into_iter();
        let values = values.filter_map(|(key, value)| Some((key, value.owner?))).collect();
        Ok(OwnedFile { target, owner, values })
    }

    /// Returns who answers for a file.
    fn owner_of(&self, target: &Target, header: &Header) -> Result<Option<String>, Error> {
        let by_rule = match (self.policy()?, &target.recorded) {
            (Some(policy), Some(recorded)) => policy.owner_of(recorded).map(str::to_owned),
            _ => None,
        };
        Ok(header.metadata.owner.clone().or(by_rule))
    }

    /// Compares the owners of files with a file `CODEOWNERS`, by default that of the repository. No identity is used, and
    /// nothing is written.
    ///
    /// # Errors
    /// When there is no such file, or it would be read otherwise elsewhere.
    pub fn compare_owners(
        &self,
        paths: &[PathBuf],
        source: Option<&Path>,
        overwrites: bool,
    ) -> Result<OwnerImport, Error> {
        let (source, code_owners) = self.code_owners(source)?;
        let (files, errors) = self.owners(paths)?;
        let mut import = OwnerImport { source, changes: Vec::new(), kept: Vec::new(), alike: 0, unnamed: 0, errors };
        let named = each_on_all_cores(&files, |file| {
            let path = file.target.name();
            code_owners.owners_of(path).flatten().map(str::to_owned)
        });
        for (OwnedFile { target, owner: before, .. }, after) in files.into_iter().zip(named) {
            let Some(after) = after else {
                import.unnamed += 1;
                continue;
            };
            let is_free = before.is_none() || overwrites;
            if before.as_ref() == Some(&after) {
                import.alike += 1;
            } else if is_free {
                import.changes.push(OwnerChange { target, before, after });
            } else {
                import.kept.push(OwnerChange { target, before, after });
            }
        }
        Ok(import)
    }

    /// Writes the owners that were planned into the headers: all, or none. Who reads the files stays as it is.
    ///
    /// # Errors
    /// Names the files that cannot be opened or must not be written.
    pub fn set_owners(&self, journal: Journal, changes: &[OwnerChange]) -> Result<(), Vec<Error>> {
        let one = |error| vec![error];
        let targets: Vec<Target> = changes.iter().map(|change| change.target.clone()).collect();
        let versions = Versions::of(self, &targets).map_err(one)?;
        let ids = self.file_ids().map_err(one)?;
        let seal = |workspace: &Workspace<'_>, change: &OwnerChange| {
            let file = workspace.opener().open_any(change.target.clone(), None, false)?;
            workspace.with_owner(file, change, &versions, &ids)
        };
        let sealed = self.each_apart(changes, seal).map_err(one)?;
        let mut errors = Vec::new();
        let mut files = Vec::new();
        for (change, replacement) in changes.iter().zip(sealed) {
            match replacement {
                Ok(replacement) => files.push((&change.target, replacement)),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let files: Vec<(&Target, &Replacement)> =
            files.iter().map(|(target, replacement)| (*target, replacement)).collect();
        self.replace_all(journal, &files, &|| ()).map_err(one)
    }

    /// Returns what takes the place of an opened file.
    fn with_owner(
        &self,
        file: AnyFile,
        change: &OwnerChange,
        versions: &Versions,
        ids: &[(FileId, String)],
    ) -> Result<Replacement, Error> {
        let new_header = |header: &Header| -> Result<Header, Error> {
            if self.owner_of(&change.target, header)? != change.before {
                return Err(fs::FsError::Changed { path: change.target.path.clone() }.into());
            }
            let owner = MetadataChange { owner: Some(change.after.clone()), ..MetadataChange::default() };
            let metadata = owner.apply(&header.metadata, self.env.today())?;
            self.check_required(&change.target, &metadata)?;
            Ok(Header { metadata, ..header.clone() })
        };
        match file {
            AnyFile::Whole(file) => {
                self.check_writable_among(&*file, versions, ids)?;
                let header = new_header(file.header())?;
                let (format, opened) = (header.format, &file.opened);
                let bytes = seal(&opened.plaintext, header, &opened.secrets, Some(opened), self.env.today())
                    .map_err(|source| seal_error(&file.target, format, source))?;
                Ok(Replacement::Bytes(bytes, file.snapshot))
            }
            AnyFile::Large(file) => {
                self.check_writable_among(&*file, versions, ids)?;
                let header = new_header(file.header())?;
                Ok(Replacement::Opaque(file, Box::new(header), None))
            }
        }
    }

    /// Reads a file `CODEOWNERS`, and returns how it is called.
    fn code_owners(&self, named: Option<&Path>) -> Result<(String, CodeOwners), Error> {
        let (shown, path) = match named {
            Some(path) => (path.display().to_string(), self.env.current_dir().join(path)),
            None => {
                let root = self.folder();
                let mut places = CODEOWNERS.iter().map(|place| (place, root.join(place)));
                let is_there = |path: &Path| Ok::<_, Error>(!matches!(fs::kind(path)?, None | Some(Kind::Folder)));
                let found = places.find_map(|(place, path)| match is_there(&path) {
                    Ok(false) => None,
                    Ok(true) => Some(Ok((place, path))),
                    Err(error) => Some(Err(error)),
                });
                let (place, path) =
                    found.transpose()?.ok_or_else(|| Error::NoCodeOwners { root: root.to_path_buf() })?;
                ((*place).to_owned(), path)
            }
        };
        // A link in the repository must not choose what is read, of which a message could tell.
        let folder = path.parent().map(fs::real_path).transpose()?;
        let within = self.within().filter(|root| folder.is_none_or(|folder| folder.starts_with(root.path())));
        let bytes = fs::read(&path, within, MAX_CODEOWNERS)?;
        let code_owners =
            CodeOwners::parse(&bytes).map_err(|source| Error::CodeOwners { path: shown.clone(), source })?;
        Ok((shown, code_owners))
    }
}
