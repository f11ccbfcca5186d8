//! Spelling values in the formats that other programs read. What a format cannot hold was refused before
//! ([`super::deploy`]), but for JSON, which `get` also shows of values that it has no type for.

mod buffer;
mod dotenv;
mod json;
mod kubernetes;
mod number;
mod shell;
mod toml;
mod yaml;

pub use buffer::Buffer;
pub use dotenv::dotenv;
pub use json::json;
pub use kubernetes::{SecretNames, kubernetes};
pub use number::{Float, float, integer};
pub use shell::{is_owned_by_shells, shell};
pub use toml::toml;
pub use yaml::{yaml, yaml_key};
