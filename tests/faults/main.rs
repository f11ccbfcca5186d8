//! The fault campaign: commands that are killed, stopped or refused something by the system at each of their system
//! calls, and many of them at once. A test target of its own, because it takes minutes.
//!
//! `cargo test --test faults` tries a sample; `SECRET_FAULTS=all cargo test --release --test faults -- --nocapture`
//! tries every call. docs/testing.md says what the counts mean.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests are programs of their own, and say what they skip"
)]

mod campaign;
mod commands;
mod files;
mod refusals;
mod strace;
mod writers;

#[allow(dead_code, reason = "shared with the tests of the whole, which use all of it")]
#[path = "../it/world.rs"]
mod world;
