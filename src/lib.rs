//! `secret` keeps a team's secrets in git, encrypted value by value to the people and machines that may read them.
//!
//! The layers, from the bottom up; each imports only what stands above it here (docs/architecture.md).

#![forbid(unsafe_code)]

pub mod env;
pub mod fs;
pub mod process;
pub mod document;
pub mod crypto;
pub mod keys;
pub mod envelope;
pub mod policy;
pub mod git;
pub mod workspace;
pub mod ui;
pub mod commands;

/// Runs the program with the arguments and environment of this process and returns its exit code.
pub fn main() -> u8 {
    let env = match env::Env::from_process() {
        Ok(env) => env,
        Err(error) => return commands::without_environment(&error),
    };
    commands::run(env.arguments(), &env)
}
