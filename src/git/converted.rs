//! Whether git, when it shows a converted text, keeps it: `diff.NAME.cachetextconv` has it write every text into its
//! object store, from where it would be pushed with the notes.
//!
//! Git reads more than its files for that: variables, and what `git -c` leaves in one. What cannot be read is an error.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::Config;

use super::{GitError, Repository};
use crate::env::Env;
use crate::fs::{self, Kind};

/// Tells whether git may keep the texts that a conversion prints which it started in this folder.
///
/// # Errors
/// When its settings cannot be read.
pub fn keeps_converted_texts(folder: &Path, env: &Env) -> Result<bool, GitError> {
    if env.variables().any(|(name, value)| is_setting(name, value)) {
        return Ok(true);
    }
    let named = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"].into_iter().filter_map(|name| env.var(name));
    let mut files: Vec<PathBuf> = named.map(PathBuf::from).collect();
    files.extend(env.var("GIT_DIR").map(|folder_of_git| folder.join(folder_of_git).join("config")));
    match Repository::discover(&fs::real_path(folder)?) {
        Ok(Some(repository)) => match repository.inner() {
            Ok(inner) => {
                let found = inner.config().and_then(|config| has_caching_driver(&config));
                if found.map_err(|error| repository.refused(error))? {
                    return Ok(true);
                }
            }
            Err(GitError::Unsupported { root, .. }) => files.push(root.join(".git/config")),
            Err(error) => return Err(error),
        },
        Ok(None) if files.is_empty() => return Ok(false),
        Ok(None) => {}
        Err(GitError::Bare { path }) => files.push(path.join("config")),
        Err(GitError::Unsupported { root, .. }) => files.push(root.join(".git/config")),
        Err(error) => return Err(error),
    }
    // The user's own files, which count for every repository.
    files.extend(Config::find_global());
    files.extend(Config::find_xdg());
    files.extend(Config::find_system());
    // `/dev/null` stands for none.
    for file in files.iter().filter(|file| !matches!(fs::kind(file), Ok(None | Some(Kind::Device)))) {
        let found = Config::open(file).and_then(|config| has_caching_driver(&config));
        if found.map_err(|error| GitError::of(folder, error))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Tells whether a variable sets, or has git read from elsewhere, whether texts are kept.
fn is_setting(name: &OsStr, value: &OsStr) -> bool {
    let name = name.as_bytes();
    let value = String::from_utf8_lossy(value.as_bytes()).to_lowercase();
    (name == b"GIT_CONFIG_PARAMETERS" || name.starts_with(b"GIT_CONFIG_KEY_"))
        && ["cachetextconv", "include.path", "includeif."].iter().any(|setting| value.contains(setting))
}

/// Tells whether a diff driver keeps its texts which may be the one that asks: not one whose program is another.
fn has_caching_driver(config: &Config) -> Result<bool, git2::Error> {
    let mut entries = config.entries(Some(r"^diff\..*\.cachetextconv$"))?;
    while let Some(entry) = entries.next() {
        let name = String::from_utf8_lossy(entry?.name_bytes()).into_owned();
        if !config.get_bool(&name)? {
            continue;
        }
        let program = config.get_string(&name.replace("cachetextconv", "textconv"));
        if program.map_or(true, |program| program.to_lowercase().contains("secret")) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::super::fixture::World;
    use super::*;

    fn keeps(world: &World, variables: &[(&str, &str)]) -> bool {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let env = Env::new(world.root().to_path_buf(), jiff::civil::date(2026, 11, 22), variables);
        keeps_converted_texts(world.root(), &env).expect("readable settings")
    }

    #[test]
    fn every_way_to_have_texts_kept_is_seen() {
        let world = World::new();
        world.git(&["config", "diff.secret.textconv", "secret git textconv"]);
        assert!(!keeps(&world, &[]));
        world.git(&["config", "diff.pdf.textconv", "pdftotext"]);
        world.git(&["config", "diff.pdf.cachetextconv", "true"]);
        assert!(!keeps(&world, &[("GIT_CONFIG_PARAMETERS", "'user.name'='x'")]));
        assert!(keeps(&world, &[("GIT_CONFIG_PARAMETERS", "'diff.secret.cacheTextConv'='true'")]));
        assert!(keeps(&world, &[("GIT_CONFIG_KEY_0", "diff.secret.cachetextconv")]));
        world.write("global", "[diff \"secret\"]\n\tcachetextconv\n");
        let global = world.path("global").display().to_string();
        assert!(keeps(&world, &[("GIT_CONFIG_GLOBAL", &global)]));
        world.git(&["config", "diff.secret.cachetextconv", "yes"]);
        assert!(keeps(&world, &[]));
    }

    #[test]
    fn the_settings_of_repositories_that_libgit2_does_not_open_are_read() {
        let world = World::new();
        let folder = world.root().join("bare");
        world.git(&["init", "--quiet", "--bare", "bare"]);
        let env = Env::new(folder.clone(), jiff::civil::date(2026, 11, 22), []);
        assert!(!keeps_converted_texts(&folder, &env).expect("readable settings"));
        world.git(&["--git-dir=bare", "config", "diff.secret.cachetextconv", "true"]);
        assert!(keeps_converted_texts(&folder, &env).expect("readable settings"));
        world.git(&["init", "--quiet", "--object-format=sha256", "other"]);
        let other = world.root().join("other");
        assert!(!keeps_converted_texts(&other, &env).expect("readable settings"));
        world.git_in(&other, &["config", "diff.secret.cachetextconv", "true"]);
        assert!(keeps_converted_texts(&other, &env).expect("readable settings"));
    }
}
