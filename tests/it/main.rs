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
mod canary;
mod clean_git;
mod compare;
mod corpus;
mod dependencies;
mod diff;
mod docs;
mod doctor;
mod drill;
mod due;
mod edit;
mod editors;
mod encrypt_decrypt;
mod events;
mod exec;
mod export;
mod fuzz;
#[path = "../fuzz/targets.rs"]
mod fuzz_targets;
mod generate;
mod header_fields;
mod help;
mod history;
mod host;
mod hostile;
mod journal;
mod known_attacks;
mod large;
mod laws;
mod layers;
mod leaks;
mod limits;
mod merge;
mod no_programs;
mod offboard;
mod owners;
mod people;
mod plugins;
mod policy_and_rekey;
mod readers;
mod recipes;
mod recover;
mod repositories;
mod rotate;
mod scenes;
mod secret_types;
mod shells;
mod status;
mod stories;
mod streaming;
mod tamper;
mod textconv;
mod trace;
mod trees;
mod values;
mod vectors;
mod verify;
mod wiring;
mod world;
mod writing;
