//! The header of an encrypted file: its fields, in their order (docs/format.md section 3).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::field::{Field, FieldValue, WRAPPED_KEY, toml_text};
use super::values::{SaidOfValues, ValueMetadata, is_written_key};
use crate::crypto::{FileId, FileKeys, MAC_BYTES, NotAuthentic, random};
use crate::document::{Document, Format, KeyPath, KeyPattern};

/// What the header of a file says. It is true only after `SignedHeader::verify`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The file's name over its whole life.
    pub file_id: FileId,
    /// The path in the repository it was encrypted for, with `/`.
    pub path: String,
    /// The format of the plaintext.
    pub format: Format,
    /// Whether values are sealed or the whole file.
    pub mode: Mode,
    /// The number of the data key, from 1.
    pub generation: u32,
    /// The number of the header, from 1.
    pub revision: u32,
    /// What people say of the file.
    pub metadata: Metadata,
    /// The UTC day of the first encryption.
    pub created: Date,
    /// Which comments are sealed.
    pub comments: Comments,
    /// Which leaves stay in clear; none: every leaf is sealed.
    pub cleartext: Vec<KeyPattern>,
    /// The readers: member name, recipients in the policy's order.
    pub recipients: Recipients,
    /// The former readers, in the order in which they left.
    pub exposed: Vec<Exposure>,
    /// The digest of a document that has no value token.
    pub body: Option<BodyDigest>,
    /// The armored age file with the data key.
    pub wrapped_key: String,
}

/// Member names and their recipients, sorted by name.
pub type Recipients = BTreeMap<String, Vec<String>>;

/// The part of a header that people edit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Who answers for the values.
    pub owner: Option<String>,
    /// What they are for.
    pub purpose: Option<String>,
    /// How often they are replaced, as a period (`90d`).
    pub rotate_every: Option<String>,
    /// The day by which all of them must be replaced, when somebody set it.
    pub rotation_due: Option<Date>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// What is said of single values.
    pub values: SaidOfValues,
}

/// What is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The whole file.
    Opaque,
    /// Each value by itself.
    #[default]
    Values,
}

/// Which comments are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comments {
    /// None.
    Clear,
    /// All but those that editors and linters read (`vim:`, `-*-`, `yaml-language-server:`).
    Modelines,
    /// All.
    #[default]
    Sealed,
}

/// A reader who lost access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// The member's name.
    pub member: String,
    /// The last generation of the data key that he could read.
    pub generation: u32,
    /// The UTC day on which he lost access.
    pub day: Date,
}

/// What binds the events of a document without any value token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyDigest {
    /// Fresh for every digest, so that two branches never write the same line.
    pub salt: [u8; 16],
    /// SHA-256 over the salt and the events.
    pub digest: [u8; 32],
}

/// A header with the MAC that stood below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// The fields.
    pub header: Header,
    mac: HeaderMac,
}

/// What authenticates a header, and the byte order mark before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderMac {
    /// Fresh for every change, so that two branches never write the same line.
    salt: [u8; 16],
    mac: [u8; MAC_BYTES],
}

/// Why the fields are no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The spelling is not the one that this program writes.
    #[error("field `{name}` stands at another place, twice, or in another spelling than secret writes")]
    NotCanonical {
        /// The first field that differs.
        name: String,
    },
    /// A field that must be there is not.
    #[error("field `{name}` is missing")]
    Missing {
        /// The field.
        name: &'static str,
    },
    /// A field has a value it can't have.
    #[error("field `{name}` has an impossible value")]
    Value {
        /// The field.
        name: &'static str,
    },
    /// A field that this version does not know.
    #[error("field `{name}` is unknown")]
    Unknown {
        /// The field.
        name: String,
    },
}

impl Mode {
    /// Returns the spelling in headers and policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Values => "values",
        }
    }

    /// Reads the spelling in headers and policies.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Opaque, Self::Values].into_iter().find(|mode| mode.name() == name)
    }
}

impl Comments {
    /// Returns the spelling in headers and policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Modelines => "modelines",
            Self::Sealed => "sealed",
        }
    }

    /// Reads the spelling in headers and policies.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Clear, Self::Modelines, Self::Sealed].into_iter().find(|comments| comments.name() == name)
    }

    /// Tells whether a comment with this text is sealed.
    pub fn seals(self, text: &str) -> bool {
        match self {
            Self::Clear => false,
            Self::Modelines => !MODELINES.iter().any(|mark| text.contains(mark)),
            Self::Sealed => true,
        }
    }
}

impl Metadata {
    /// Returns what is said of the value at a key path, if anything is.
    pub fn value(&self, path: &KeyPath) -> Option<&ValueMetadata> {
        if self.values.is_empty() { None } else { self.values.get(&path.to_string()) }
    }
}

impl Header {
    /// Tells whether somebody of this name is recorded as a former reader.
    pub fn has_former_reader(&self, name: &str) -> bool {
        self.exposed.iter().any(|exposure| exposure.member == name)
    }

    /// Returns the header with its MAC, for a file with or without a byte order mark. `former` is what the file had
    /// before: it stays if nothing changed.
    pub fn sign(self, keys: &FileKeys, has_bom: bool, former: Option<HeaderMac>) -> SignedHeader {
        let text = toml_text(&self.fields());
        let make = |salt: [u8; 16]| HeaderMac { salt, mac: keys.header_mac(&mac_input(salt, has_bom, &text)) };
        let kept = former.filter(|former| make(former.salt) == *former);
        SignedHeader { mac: kept.unwrap_or_else(|| make(random())), header: self }
    }

    /// Returns the SHA-256 of the readers, as the wrapped key holds it.
    pub fn recipients_digest(&self) -> [u8; 32] {
        recipients_digest(&self.recipients)
    }

    /// Returns all recipients, in the order in which the data key is wrapped for them.
    pub fn readers(&self) -> Vec<&str> {
        self.recipients.values().flatten().map(String::as_str).collect()
    }

    /// Tells whether the leaf at this path is sealed.
    pub fn seals(&self, path: &KeyPath) -> bool {
        !self.cleartext.iter().any(|pattern| pattern.matches(path))
    }

    /// Tells whether comparing the patterns with all keys of a document is bounded work, in a file of anybody's.
    pub(super) fn can_match(&self, document: &Document) -> bool {
        let steps: usize = self.cleartext.iter().map(KeyPattern::length).sum();
        let keys = if steps == 0 { 0 } else { document.leaves().map(|leaf| leaf.path.byte_length()).sum::<usize>() };
        steps.saturating_mul(keys) <= MAX_MATCHING
    }

    fn fields(&self) -> Vec<Field> {
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let day = |day: Date| FieldValue::Text(day.to_string());
        let mut fields = vec![
            Field::new("version", FieldValue::Number(VERSION)),
            Field::new("file_id", text(&self.file_id.to_string())),
            Field::new("path", text(&self.path)),
            Field::new("format", text(self.format.name())),
            Field::new("mode", text(self.mode.name())),
            Field::new("generation", FieldValue::Number(self.generation)),
            Field::new("revision", FieldValue::Number(self.revision)),
        ];
        let metadata = &self.metadata;
        fields.extend(metadata.owner.iter().map(|owner| Field::new("owner", text(owner))));
        fields.extend(metadata.purpose.iter().map(|purpose| Field::new("purpose", text(purpose))));
        fields.push(Field::new("created", day(self.created)));
        fields.extend(metadata.rotate_every.iter().map(|period| Field::new("rotate_every", text(period))));
        fields.extend(metadata.rotation_due.map(|due| Field::new("rotation_due", day(due))));
        if self.comments != Comments::Sealed {
            fields.push(Field::new("comments", text(self.comments.name())));
        }
        if !self.cleartext.is_empty() {
            let patterns = self.cleartext.iter().map(|pattern| text(&pattern.to_string())).collect();
            fields.push(Field::new("cleartext", FieldValue::List(patterns)));
        }
        fields.extend(metadata.tags.iter().map(|(name, tag)| Field::with_subname("tags", name, text(tag))));
        let values = metadata.values.iter().map(|(key, value)| Field::with_subname("values", key, value.to_field()));
        fields.extend(values);
        fields.extend(recipient_fields(&self.recipients));
        if !self.exposed.is_empty() {
            let exposed = self.exposed.iter().map(|exposure| {
                FieldValue::List(vec![
                    text(&exposure.member),
                    FieldValue::Number(exposure.generation),
                    day(exposure.day),
                ])
            });
            fields.push(Field::new("exposed", FieldValue::List(exposed.collect())));
        }
        fields.extend(self.body.map(|body| Field::new("body", FieldValue::Text(print_pair(&body.salt, &body.digest)))));
        fields.push(Field::new(WRAPPED_KEY, FieldValue::Block(self.wrapped_key.clone())));
        fields
    }
}

impl SignedHeader {
    /// Returns the fields as they are printed.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = self.header.fields();
        fields.push(Field::new("mac", FieldValue::Text(print_pair(&self.mac.salt, &self.mac.mac))));
        fields
    }

    /// Reads fields in their only spelling.
    ///
    /// # Errors
    /// When a field is missing, unknown, impossible, or not where and how this program writes it.
    pub fn from_fields(fields: &[Field]) -> Result<Self, HeaderError> {
        let signed = Reading { fields }.signed_header()?;
        let canonical = signed.fields();
        match fields.iter().zip(&canonical).find(|(read, printed)| read != printed) {
            Some((read, _)) => Err(HeaderError::NotCanonical { name: read.name.clone() }),
            None if fields.len() != canonical.len() => Err(HeaderError::NotCanonical { name: "mac".to_owned() }),
            None => Ok(signed),
        }
    }

    /// Returns what authenticates the header.
    pub fn mac(&self) -> HeaderMac {
        self.mac
    }

    /// Checks the MAC.
    ///
    /// # Errors
    /// When somebody without the data key changed the header, or added or removed the byte order mark.
    pub fn verify(&self, keys: &FileKeys, has_bom: bool) -> Result<(), NotAuthentic> {
        let text = toml_text(&self.header.fields());
        keys.verify_header_mac(&mac_input(self.mac.salt, has_bom, &text), &self.mac.mac)
    }
}

/// Returns the SHA-256 of the lines that name the readers.
pub fn recipients_digest(recipients: &Recipients) -> [u8; 32] {
    Sha256::digest(toml_text(&recipient_fields(recipients))).into()
}

fn recipient_fields(recipients: &Recipients) -> Vec<Field> {
    recipients
        .iter()
        .map(|(member, recipients)| {
            let recipients = recipients.iter().cloned().map(FieldValue::Text).collect();
            Field::with_subname("recipients", member, FieldValue::List(recipients))
        })
        .collect()
}

fn mac_input(salt: [u8; 16], has_bom: bool, text: &str) -> Vec<u8> {
    let bom = if has_bom { "\u{feff}" } else { "" };
    [&salt, bom.as_bytes(), text.as_bytes()].concat()
}

fn print_pair(salt: &[u8], bytes: &[u8]) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(salt), URL_SAFE_NO_PAD.encode(bytes))
}

fn pair(value: &FieldValue) -> Option<([u8; 16], [u8; 32])> {
    let (salt, bytes) = text(value)?.split_once('.')?;
    Some((decode(salt)?, decode(bytes)?))
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// Fields that are being read.
struct Reading<'a> {
    fields: &'a [Field],
}

impl Reading<'_> {
    fn signed_header(&self) -> Result<SignedHeader, HeaderError> {
        if let Some(field) = self.fields.iter().find(|field| !KNOWN.contains(&field.name.as_str())) {
            return Err(HeaderError::Unknown { name: field.name.clone() });
        }
        if self.number("version")? != VERSION {
            return Err(HeaderError::Value { name: "version" });
        }
        let metadata = Metadata {
            owner: self.optional_text("owner")?,
            purpose: self.optional_text("purpose")?,
            rotate_every: self.optional_text("rotate_every")?,
            rotation_due: self.optional("rotation_due", date)?,
            tags: self
                .named("tags", |value| if let FieldValue::Text(text) = value { Some(text.clone()) } else { None })?,
            values: self.named("values", ValueMetadata::from_field)?,
        };
        if !metadata.values.keys().all(|key| is_written_key(key)) {
            return Err(HeaderError::Value { name: "values" });
        }
        let header = Header {
            file_id: self.required("file_id", |value| text(value)?.parse().ok())?,
            path: self.required("path", |value| Some(text(value)?.to_owned()))?,
            format: self.required("format", |value| text(value)?.parse().ok())?,
            mode: self.required("mode", |value| Mode::from_name(text(value)?))?,
            generation: self.counter("generation")?,
            revision: self.counter("revision")?,
            metadata,
            created: self.required("created", date)?,
            comments: self.optional("comments", |value| Comments::from_name(text(value)?))?.unwrap_or_default(),
            cleartext: self.optional("cleartext", patterns)?.unwrap_or_default(),
            recipients: self.named("recipients", texts)?,
            exposed: self.optional("exposed", exposures)?.unwrap_or_default(),
            body: self.optional("body", |value| pair(value).map(|(salt, digest)| BodyDigest { salt, digest }))?,
            wrapped_key: self.required(WRAPPED_KEY, |value| match value {
                FieldValue::Block(armor) => Some(armor.clone()),
                FieldValue::List(_) | FieldValue::Number(_) | FieldValue::Table(_) | FieldValue::Text(_) => None,
            })?,
        };
        if (header.mode == Mode::Values) == (header.format == Format::Opaque) {
            return Err(HeaderError::Value { name: "mode" });
        }
        if header.mode == Mode::Opaque && !header.metadata.values.is_empty() {
            return Err(HeaderError::Value { name: "values" });
        }
        if header.recipients.is_empty() {
            return Err(HeaderError::Missing { name: "recipients" });
        }
        Ok(SignedHeader {
            header,
            mac: self.required("mac", |value| pair(value).map(|(salt, mac)| HeaderMac { salt, mac }))?,
        })
    }

    fn find(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|field| field.name == name && field.subname.is_none()).map(|field| &field.value)
    }

    fn optional<T>(
        &self,
        name: &'static str,
        read: impl Fn(&FieldValue) -> Option<T>,
    ) -> Result<Option<T>, HeaderError> {
        self.find(name).map(|value| read(value).ok_or(HeaderError::Value { name })).transpose()
    }

    fn optional_text(&self, name: &'static str) -> Result<Option<String>, HeaderError> {
        self.optional(name, |value| Some(text(value)?.to_owned()))
    }

    fn required<T>(&self, name: &'static str, read: impl Fn(&FieldValue) -> Option<T>) -> Result<T, HeaderError> {
        self.optional(name, read)?.ok_or(HeaderError::Missing { name })
    }

    fn number(&self, name: &'static str) -> Result<u32, HeaderError> {
        self.required(name, number)
    }

    fn counter(&self, name: &'static str) -> Result<u32, HeaderError> {
        self.required(name, |value| number(value).filter(|number| *number > 0))
    }

    fn named<T>(
        &self,
        name: &'static str,
        read: impl Fn(&FieldValue) -> Option<T>,
    ) -> Result<BTreeMap<String, T>, HeaderError> {
        self.fields
            .iter()
            .filter(|field| field.name == name)
            .map(|field| Some((field.subname.clone().filter(|subname| !subname.is_empty())?, read(&field.value)?)))
            .collect::<Option<_>>()
            .ok_or(HeaderError::Value { name })
    }
}

fn text(value: &FieldValue) -> Option<&str> {
    if let FieldValue::Text(text) = value { Some(text) } else { None }
}

fn texts(value: &FieldValue) -> Option<Vec<String>> {
    let FieldValue::List(items) = value else { return None };
    items.iter().map(|item| text(item).map(str::to_owned)).collect::<Option<Vec<_>>>().filter(|texts| !texts.is_empty())
}

fn number(value: &FieldValue) -> Option<u32> {
    if let FieldValue::Number(number) = value { Some(*number) } else { None }
}

fn date(value: &FieldValue) -> Option<Date> {
    super::day::parse(text(value)?)
}

fn patterns(value: &FieldValue) -> Option<Vec<KeyPattern>> {
    texts(value)?.iter().map(|pattern| pattern.parse().ok()).collect()
}

fn exposures(value: &FieldValue) -> Option<Vec<Exposure>> {
    let FieldValue::List(items) = value else { return None };
    items
        .iter()
        .map(|item| match item {
            FieldValue::List(parts) => match parts.as_slice() {
                [FieldValue::Text(member), FieldValue::Number(generation), day] => {
                    Some(Exposure { member: member.clone(), generation: *generation, day: date(day)? })
                }
                _ => None,
            },
            FieldValue::Block(_) | FieldValue::Number(_) | FieldValue::Table(_) | FieldValue::Text(_) => None,
        })
        .collect()
}

/// The most that the steps of all patterns times the memory of all key paths may be: some hundred patterns over the keys of
/// the largest document.
const MAX_MATCHING: usize = 4 << 30;

/// The version of the format that this program writes.
pub const VERSION: u32 = 1;

const KNOWN: [&str; 21] = [
    "version",
    "file_id",
    "path",
    "format",
    "mode",
    "generation",
    "revision",
    "owner",
    "purpose",
    "created",
    "rotate_every",
    "rotation_due",
    "comments",
    "cleartext",
    "tags",
    "values",
    "recipients",
    "exposed",
    "body",
    WRAPPED_KEY,
    "mac",
];

/// What marks a comment that a program reads.
const MODELINES: [&str; 6] = [" vi:", " vim:", " ex:", "-*-", "yaml-language-server:", "yamllint "];
