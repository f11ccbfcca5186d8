//! One difference between two versions of a file, and the words for it. No value is in it.

use crate::crypto::LeafId;
use crate::document::KeyPath;

/// One difference between two versions of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What differs.
    pub of: Subject,
    /// How.
    pub how: How,
    /// What was there: a former key, or what the header said.
    pub from: Option<String>,
    /// What is there now.
    pub to: Option<String>,
    /// The id of the value, where it has one.
    pub id: Option<LeafId>,
    /// Where the value stood before.
    pub old_key: Option<KeyPath>,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A comment, by the key behind it; `None` behind the last one.
    Comment(Option<KeyPath>),
    /// The content of a file without keys.
    Content,
    /// The data key, by its generations.
    DataKey,
    /// A field of the header.
    Field(String),
    /// The file as a whole.
    File,
    /// Somebody who could read it.
    FormerReader(String),
    /// The header as a whole.
    Header,
    /// A value, by its key.
    Key(KeyPath),
    /// The path that the header names.
    Path,
    /// Somebody who can read it.
    Reader(String),
    /// Tags, anchors and directives.
    Structure,
}

/// How it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// It is new.
    Added,
    /// Git left both sides of a merge in it, or it is damaged.
    Broken,
    /// It changed.
    Changed,
    /// It was encrypted, and is in clear.
    Cleared,
    /// It was in clear, and is encrypted.
    Encrypted,
    /// It is in clear from the first.
    InClear,
    /// Only blanks or the spelling of keys changed.
    Layout,
    /// It was sealed again, and perhaps changed on the day on which it was changed before: that cannot be told without an
    /// identity.
    MaybeChanged,
    /// It could not be read, and now it can.
    Mended,
    /// It stands elsewhere.
    Moved,
    /// It has an older state.
    PutBack,
    /// It is gone.
    Removed,
    /// It has another key.
    Renamed,
    /// Another one stands in its place.
    Replaced,
    /// It was sealed again, as its surroundings or the data key changed; by its day it is the same.
    SealedAgain,
    /// It means the same, and is spelled in another way. Only who opens both versions can tell.
    Spelled,
    /// Nobody can tell without an identity.
    Unknown,
}

/// A piece of a change's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// What somebody else wrote: it is escaped or quoted as the output demands.
    Name(String),
    /// Our words.
    Word(String),
}

impl Change {
    /// Returns a change without more to say.
    pub fn new(of: Subject, how: How) -> Self {
        Self { of, how, from: None, to: None, id: None, old_key: None }
    }

    /// Returns what two versions of a field hold, if that differs.
    pub fn of_field(name: impl Into<String>, from: Option<String>, to: Option<String>) -> Option<Self> {
        let how = match (&from, &to) {
            (from, to) if from == to => return None,
            (None, _) => How::Added,
            (_, None) => How::Removed,
            _ => How::Changed,
        };
        Some(Self { from, to, ..Self::new(Subject::Field(name.into()), how) })
    }

    /// Tells whether both say the same.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.of, self.how, &self.from, &self.to) == (&other.of, other.how, &other.from, &other.to)
    }

    /// Returns the name of what differs, as far as it has one.
    pub fn name(&self) -> Option<String> {
        match &self.of {
            Subject::Comment(Some(key)) | Subject::Key(key) => Some(key.to_string()),
            Subject::Field(name) | Subject::FormerReader(name) | Subject::Reader(name) => Some(name.clone()),
            Subject::Comment(None)
            | Subject::Content
            | Subject::DataKey
            | Subject::File
            | Subject::Header
            | Subject::Path
            | Subject::Structure => None,
        }
    }

    /// Describes it: `db.password changed`, `reader bob added`, `owner: a -> b`.
    pub fn parts(&self) -> Vec<Part> {
        let word = |text: &str| Part::Word(text.to_owned());
        let name = |text: &str| Part::Name(text.to_owned());
        let how = || word(&format!(" {}", self.how.words()));
        let pair = || {
            let side = |text: &Option<String>| text.as_deref().map_or_else(|| word("(none)"), name);
            vec![side(&self.from), word(" -> "), side(&self.to)]
        };
        match &self.of {
            Subject::Comment(Some(key)) => vec![word("comment before "), name(&key.to_string()), how()],
            Subject::Comment(None) => vec![word("comment at the end"), how()],
            Subject::Content => vec![word("content"), how()],
            Subject::DataKey | Subject::Header => {
                let what =
                    if self.of == Subject::DataKey { ("data key", "generation") } else { ("header", "revision") };
                let is_new_key = self.of == Subject::DataKey && self.how == How::Replaced;
                let mut parts = if is_new_key { vec![word("new data key")] } else { vec![word(what.0), how()] };
                if let (Some(from), Some(to)) = (&self.from, &self.to) {
                    parts.push(word(&format!(" ({} {from} -> {to})", what.1)));
                }
                parts
            }
            Subject::Field(field) => [vec![name(field), word(": ")], pair()].concat(),
            Subject::File => {
                let mut parts = vec![word("file"), how()];
                parts.extend(self.to.iter().flat_map(|to| [word(": "), name(to)]));
                parts
            }
            Subject::FormerReader(reader) => {
                let mut parts = vec![word("former reader "), name(reader), how()];
                parts.extend(self.to.iter().map(|generation| word(&format!(" (until generation {generation})"))));
                parts
            }
            Subject::Key(key) if self.how == How::PutBack => {
                let mut parts = vec![name(&key.to_string()), how()];
                parts.extend(self.to.iter().map(|commit| word(&format!(" (that of {commit})"))));
                parts
            }
            Subject::Key(key) => match &self.from {
                Some(from) => vec![name(from), how(), word(" to "), name(&key.to_string())],
                None => vec![name(&key.to_string()), how()],
            },
            Subject::Path if self.how == How::Broken => {
                let recorded = self.to.as_deref().map_or_else(|| word("(none)"), name);
                vec![word("stands elsewhere than its header says: "), recorded]
            }
            Subject::Path => [vec![word("moved: ")], pair()].concat(),
            Subject::Reader(reader) if self.how == How::Changed => {
                vec![word("reader "), name(reader), word(" has other recipients")]
            }
            Subject::Reader(reader) => vec![word("reader "), name(reader), how()],
            Subject::Structure => vec![word("tags, anchors or directives"), how()],
        }
    }
}

impl Subject {
    /// Returns the word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Comment(_) => "comment",
            Self::Content => "content",
            Self::DataKey => "data-key",
            Self::Field(_) => "field",
            Self::File => "file",
            Self::FormerReader(_) => "former-reader",
            Self::Header => "header",
            Self::Key(_) => "key",
            Self::Path => "path",
            Self::Reader(_) => "reader",
            Self::Structure => "structure",
        }
    }
}

impl How {
    /// Returns the word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Broken => "broken",
            Self::Changed => "changed",
            Self::Cleared => "cleared",
            Self::Encrypted => "encrypted",
            Self::InClear => "in-clear",
            Self::Layout => "layout",
            Self::MaybeChanged => "maybe-changed",
            Self::Mended => "mended",
            Self::Moved => "moved",
            Self::PutBack => "put-back",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Replaced => "replaced",
            Self::SealedAgain => "sealed-again",
            Self::Spelled => "spelled",
            Self::Unknown => "unknown",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Broken => "broken",
            Self::Changed => "changed",
            Self::Cleared => "is in clear now",
            Self::Encrypted => "is encrypted now",
            Self::InClear => "is in clear",
            Self::Layout => "changed in layout only",
            Self::MaybeChanged => "sealed again, perhaps changed",
            Self::Mended => "can be read again",
            Self::Moved => "moved",
            Self::PutBack => "put back to an older state",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Replaced => "replaced by another one (other file id)",
            Self::SealedAgain => "sealed again",
            Self::Spelled => "spelled in another way",
            Self::Unknown => "cannot be compared without opening it",
        }
    }
}
