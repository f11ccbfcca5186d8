//! What a file is called that is one value as a whole.

/// Stands where the key of a value would.
pub const ALL: &str = "(all of it)";
