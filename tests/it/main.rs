//! The tests of the whole: the library's rules, the binary's words, stories in real repositories.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests are programs of their own, and say what they skip"
)]

mod attacks;
mod bad_input;
mod bytes;
mod corpus;
mod dependencies;
mod docs;
mod edit;
mod encrypt_decrypt;
mod events;
mod generate;
mod help;
mod known_attacks;
mod large;
mod laws;
mod layers;
mod limits;
mod merge;
mod policy_and_rekey;
mod readers;
mod recover;
mod stories;
mod streaming;
mod tamper;
mod values;
mod vectors;
mod world;
mod writing;
