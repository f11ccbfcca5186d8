//! A Kubernetes Secret: a manifest whose values are base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Buffer;
use super::yaml::write_text;

/// What the Secret is called.
pub struct SecretNames<'n> {
    /// `metadata.name`.
    pub name: &'n str,
    /// `metadata.namespace`.
    pub namespace: Option<&'n str>,
}

impl SecretNames<'_> {
    /// Tells which of the names Kubernetes would refuse.
    pub fn refused(&self) -> Option<&str> {
        let is_label = |label: &str| {
            let is_inner =
                |character: char| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-';
            !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(is_inner)
        };
        if self.name.len() > 253 || !self.name.split('.').all(is_label) {
            return Some(self.name);
        }
        self.namespace.filter(|namespace| namespace.len() > 63 || !is_label(namespace))
    }
}

/// Spells a Secret.
pub fn kubernetes<'v>(names: &SecretNames<'_>, values: impl Iterator<Item = (&'v str, &'v str)>) -> Zeroizing<String> {
    let mut out = Buffer::default();
    out.push("apiVersion: v1\nkind: Secret\nmetadata:\n  name: ");
    write_text(&mut out, names.name);
    if let Some(namespace) = names.namespace {
        out.push("\n  namespace: ");
        write_text(&mut out, namespace);
    }
    out.push("\ntype: Opaque\ndata:");
    let mut values = values.peekable();
    out.push(if values.peek().is_none() { " {}" } else { "" });
    for (name, value) in values {
        out.push("\n  ");
        write_text(&mut out, name);
        out.push(": ");
        let encoded = Zeroizing::new(STANDARD.encode(value));
        write_text(&mut out, &encoded);
    }
    out.push("\n");
    out.into_text()
}
