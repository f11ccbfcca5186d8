//! `secret` keeps a team's secrets in git, encrypted value by value to the people and machines that may read them.
//!
//! The layers, from the bottom up; each imports only what stands above it here (docs/architecture.md):

#![forbid(unsafe_code)]

pub mod document;
pub mod crypto;
