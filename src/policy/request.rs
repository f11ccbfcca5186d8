//! A request to become a member: a small file that a newcomer adds to the repository.
//!
//! Everybody who can open a pull request can write one, so it is read strictly and decides nothing: the groups in it are
//! a wish that is shown, and its name is taken only as a new one.

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item, Value};

use super::MemberKind;
use super::read::is_name;
use crate::keys::{Recipient, RecipientError, holds_private_key};

/// Who wants to become a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The name.
    pub name: String,
    /// The public keys, at least one.
    pub recipients: Vec<Recipient>,
    /// What sort of member.
    pub kind: MemberKind,
    /// The groups that are wished for.
    pub groups: Vec<String>,
}

/// Why a request cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A field is missing, or is not what it must be.
    #[error("`{field}` must be {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A private key.
    #[error(
        "URGENT: a private key stands in this request. Whoever can read the repository has it, in its history too: make \
         a new key"
    )]
    PrivateKey,
    /// A recipient that cannot be used.
    #[error(transparent)]
    Recipient(RecipientError),
    /// A recipient that stands twice.
    #[error("a recipient stands in it twice")]
    RepeatedRecipient,
    /// Not TOML.
    #[error("not TOML")]
    Syntax,
    /// More than [`MAX_REQUEST`] bytes.
    #[error("a request has at most {} KiB", MAX_REQUEST >> 10)]
    TooLarge,
    /// A field that means nothing here.
    #[error("unknown key {0:?}")]
    UnknownKey(String),
}

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// When it is not exactly what [`Self::to_text`] writes, but for blanks and comments.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        if text.len() > MAX_REQUEST {
            return Err(RequestError::TooLarge);
        }
        // Before anything else, so that no message can repeat a private key.
        if holds_private_key(text) {
            return Err(RequestError::PrivateKey);
        }
        let document: DocumentMut = text.parse().map_err(|_| RequestError::Syntax)?;
        if let Some((key, _)) = document.iter().find(|(key, _)| !FIELDS.contains(key)) {
            return Err(RequestError::UnknownKey(key.chars().take(MAX_SHOWN).collect()));
        }
        if document.get("version").and_then(Item::as_integer) != Some(1) {
            return Err(RequestError::Field { field: "version", expected: "1" });
        }
        let name = document.get("name").and_then(Item::as_str).filter(|name| is_name(name));
        let name = name.ok_or(RequestError::Field { field: "name", expected: NAME })?.to_owned();
        let kind = match document.get("kind").map(Item::as_str) {
            None => MemberKind::default(),
            Some(kind) => kind
                .and_then(MemberKind::from_name)
                .ok_or(RequestError::Field { field: "kind", expected: "person, machine or break-glass" })?,
        };
        let mut recipients = Vec::new();
        for text in texts(document.get("recipients")).unwrap_or_default() {
            recipients.push(text.parse::<Recipient>().map_err(|error| match error {
                RecipientError::PrivateKey => RequestError::PrivateKey,
                error => RequestError::Recipient(error),
            })?);
        }
        if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
            return Err(RequestError::Field { field: "recipients", expected: "a list of 1 to 16 public keys" });
        }
        if recipients.iter().collect::<BTreeSet<_>>().len() != recipients.len() {
            return Err(RequestError::RepeatedRecipient);
        }
        let groups = document.get("groups").map_or(Some(Vec::new()), |item| texts(Some(item)));
        let groups = groups
            .filter(|groups| groups.len() <= MAX_GROUPS && groups.iter().all(|group| is_name(group)))
            .ok_or(RequestError::Field { field: "groups", expected: "a list of at most 32 names of groups" })?;
        Ok(Self { name, recipients, kind, groups })
    }

    /// Returns the text of the request.
    pub fn to_text(&self) -> String {
        let list = |texts: Vec<&str>| Value::from(texts.into_iter().collect::<toml_edit::Array>()).to_string();
        let mut text = format!("version = 1\nname = {}\n", Value::from(self.name.as_str()));
        text.push_str(&format!("kind = {}\n", Value::from(self.kind.name())));
        let recipients = self.recipients.iter().map(Recipient::as_str).collect();
        text.push_str(&format!("recipients = {}\n", list(recipients)));
        if !self.groups.is_empty() {
            let groups = self.groups.iter().map(String::as_str).collect();
            text.push_str(&format!("groups = {} # a wish: who approves decides\n", list(groups)));
        }
        text
    }
}

fn texts(item: Option<&Item>) -> Option<Vec<String>> {
    item?.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect()
}

const FIELDS: [&str; 5] = ["version", "name", "kind", "recipients", "groups"];
const NAME: &str = "a name: at most 64 letters, digits and `.`, `_`, `@`, `-`, beginning with a letter or digit";
/// How large a request may be.
pub const MAX_REQUEST: usize = 16 << 10;
const MAX_RECIPIENTS: usize = 16;
const MAX_GROUPS: usize = 32;
const MAX_SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAROL: &str = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

    fn request(groups: &[&str]) -> Request {
        let recipients = vec![CAROL.parse().expect("a recipient")];
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Request { name: "carol".to_owned(), recipients, kind: MemberKind::Machine, groups }
    }

    #[test]
    fn what_is_written_is_read() {
        for groups in [&[][..], &["team", "ops"]] {
            let request = request(groups);
            assert_eq!(Request::parse(&request.to_text()), Ok(request));
        }
    }

    #[test]
    fn whatever_is_not_a_request_is_refused() {
        let text = request(&[]).to_text();
        let field = |field, expected| RequestError::Field { field, expected };
        let recipients = field("recipients", "a list of 1 to 16 public keys");
        let cases = [
            (text.replace("version = 1", "version = 2"), field("version", "1")),
            (text.replace("carol", "car\\u001bol"), field("name", NAME)),
            (text.replace("carol", "../carol"), field("name", NAME)),
            (text.replace("carol", ""), field("name", NAME)),
            (text.replace("\"machine\"", "\"root\""), field("kind", "person, machine or break-glass")),
            (text.replace("\"machine\"", "1"), field("kind", "person, machine or break-glass")),
            (text.replace(&format!("[\"{CAROL}\"]"), "[]"), recipients.clone()),
            (text.replace(&format!("[\"{CAROL}\"]"), "[1]"), recipients.clone()),
            (text.replace(&format!("[\"{CAROL}\"]"), &format!("\"{CAROL}\"")), recipients),
            (
                text.replace(&format!("\"{CAROL}\""), &format!("\"{CAROL}\", \"{CAROL}\"")),
                RequestError::RepeatedRecipient,
            ),
            (text.replace(CAROL, &CAROL[..50]), RequestError::Recipient(RecipientError::Misspelt)),
            (format!("{text}expires = \"2030-01-01\"\n"), RequestError::UnknownKey("expires".to_owned())),
            (format!("{text}[rules]\n"), RequestError::UnknownKey("rules".to_owned())),
            (format!("{text}groups = [\"a b\"]\n"), field("groups", "a list of at most 32 names of groups")),
            (format!("{text}name = \"eve\"\n"), RequestError::Syntax),
            (format!("{text}# {}", "x".repeat(MAX_REQUEST)), RequestError::TooLarge),
        ];
        for (text, error) in cases {
            assert_eq!(Request::parse(&text), Err(error), "{text}");
        }
    }

    #[test]
    fn a_private_key_is_found_and_not_repeated() {
        let secret = "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
        for key in [format!("AGE-SECRET-KEY-1{secret}"), format!("AGE-SECRET-KE\\u0059-1{secret}")] {
            let error = Request::parse(&request(&[]).to_text().replace(CAROL, &key)).expect_err("a private key");
            assert_eq!(error, RequestError::PrivateKey);
            assert!(!format!("{error} {error:?}").contains(secret));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(cut in 0usize..200, text in "[\\PC\n]{0,40}") {
            let whole = request(&["team"]).to_text();
            let mut mutated: String = whole.chars().take(cut).collect();
            mutated.push_str(&text);
            mutated.extend(whole.chars().skip(cut));
            let _ = Request::parse(&mutated);
            let _ = Request::parse(&text);
        }
    }
}
