//! `secret` keeps a team's secrets in git, encrypted value by value to the people and machines that may read them.
//!
//! The modules are layers: each imports only what stands above it in `docs/architecture.md`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests build worlds of their own"))]

pub mod commands;
pub mod crypto;
pub mod document;
pub mod env;
pub mod envelope;
pub mod fs;
pub mod generate;
pub mod git;
pub mod keys;
pub mod policy;
pub mod process;
pub mod ui;
pub mod workspace;

/// Runs the program with the arguments and environment of this process and returns its exit code.
pub fn main() -> u8 {
    ui::quiet_panics();
    // Before any secret is read. Where the system refuses, a secret is still better read than not at all.
    let hardened = process::harden();
    match env::Env::from_process() {
        Ok(env) => commands::run(env.arguments(), &env, hardened.err().as_ref()),
        Err(error) => commands::without_environment(&error),
    }
}
