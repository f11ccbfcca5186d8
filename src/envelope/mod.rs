//! Where documents and cryptography meet: encrypted files.

pub mod native;
