//! Benchmarks: `secret` and its peers side by side in one run, as a table of ratios (docs/performance.md).
//!
//! `cargo peers` runs all with the static release; without `--bench`, as `cargo test` starts it, tiny sizes show that the
//! benchmark itself works. Nothing fails by time: the table says what was reached. Words choose scenarios.

#![allow(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs,
    reason = "a program of its own, for the people who work on this one"
)]

mod library;
mod measure;
mod offboard;
mod peers;
mod rekey;
mod scenarios;
mod table;
mod verify;
mod world;

use std::path::PathBuf;

use peers::Peers;
use table::Table;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    if has("--list") {
        // A test runner asks for the names of tests: there are none.
        return;
    }
    let is_quick = !has("--bench") || has("--quick");
    let sizes = if is_quick { Sizes::QUICK } else { Sizes::FULL };
    let words: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let secret = std::env::var_os("SECRET").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_secret")), PathBuf::from);
    let peers = Peers::find();
    peers.describe(&secret);
    let mut table = Table::begin();
    for (name, scenario) in scenarios::ALL {
        if words.is_empty() || words.iter().any(|word| name.contains(word.as_str())) {
            scenario(&sizes, &secret, &peers, &mut table);
        }
    }
    println!("\n{} reached, {} missed, {} not measured", table.reached, table.missed, table.unmeasured);
    // A benchmark that cannot run is broken; one that is slow is not.
    if is_quick && !table.broken.is_empty() {
        eprintln!("{}", table.broken.join("\n"));
        std::process::exit(1);
    }
}

/// How much of everything.
pub struct Sizes {
    /// How often contestants take turns: for one small file, and for what takes longer.
    pub rounds: usize,
    pub slow_rounds: usize,
    /// Values of the documents.
    pub values: usize,
    /// Files in one run, and how many of them the loop of the slowest peer takes.
    pub files: usize,
    pub sops_files: usize,
    /// Bytes of the large file.
    pub large: u64,
    /// Secret files of a work tree that is verified whole.
    pub verified: usize,
    /// Files of the repository with a hook: others, and secret ones.
    pub tracked: usize,
    pub governed: usize,
    /// Commits of the long range.
    pub commits: usize,
    /// Files that are rekeyed in one run, their readers afterwards, and how many of them the loop of the peer takes.
    pub rekeyed: usize,
    pub readers: usize,
    pub sops_rekeyed: usize,
}

impl Sizes {
    const FULL: Self = Self {
        rounds: 40,
        slow_rounds: 3,
        values: 10_000,
        files: 1_000,
        sops_files: 100,
        large: 1_000_000_000,
        verified: 10_000,
        tracked: 99_000,
        governed: 1_000,
        commits: 10_000,
        rekeyed: 1_000,
        readers: 30,
        sops_rekeyed: 20,
    };
    const QUICK: Self = Self {
        rounds: 1,
        slow_rounds: 1,
        values: 20,
        files: 3,
        sops_files: 1,
        large: 100_000,
        verified: 3,
        tracked: 20,
        governed: 10,
        commits: 10,
        rekeyed: 3,
        readers: 3,
        sops_rekeyed: 1,
    };
}
