//! For tests: where the public conformance suites stand, which are no part of this repository.

use std::path::{Path, PathBuf};

/// Returns the folder of a suite (`yaml`, `json`, `toml`, `age`), or says that a test is skipped.
#[expect(clippy::print_stderr, reason = "the test that asks would pass in silence otherwise")]
pub(crate) fn suite(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("SECRET_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
    };
    let suite = folder.join(name);
    if !suite.is_dir() {
        eprintln!("skipped: there is no conformance suite in {} (SECRET_CORPUS)", suite.display());
        return None;
    }
    Some(suite)
}
