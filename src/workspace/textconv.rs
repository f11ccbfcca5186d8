//! What git shows of a file in `git diff`, `git log -p` and `git show`: its plaintext for who can open it, else a view
//! without values in which every change shows.
//!
//! Nothing here fails, asks, or starts a program: git would show nothing at all. The file may be one that git has
//! written into a temporary folder, so it is opened wherever it stands.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::STREAM_ABOVE;
use crate::document::MAX_BYTES;
use crate::env::{Env, StartedBy};
use crate::envelope::native::{
    EncryptedFile, Header, Held, MAX_ENCRYPTED, OPAQUE_TOP, OpaqueTop, Opened, Outline, ReadError, TokenMark,
};
use crate::fs::{FsError, Source};
use crate::git::keeps_converted_texts;
use crate::keys::Identities;

/// What is shown of a file.
pub struct TextView {
    /// What is said of the file: its header, and why no values are shown.
    pub about: Vec<String>,
    /// Its content.
    pub content: ViewContent,
    /// What the user should know.
    pub warning: Option<String>,
}

/// What is shown of a file's content.
pub enum ViewContent {
    /// A line for each value, without it.
    Lines(Vec<String>),
    /// The text itself.
    Text(Zeroizing<Vec<u8>>),
}

/// Looks at a file as git's diff driver.
pub fn text_view(env: &Env, identities: &Identities<'_>, path: &Path) -> TextView {
    let mut view = TextView { about: Vec::new(), content: ViewContent::Lines(Vec::new()), warning: None };
    match read(&env.current_dir().join(path)) {
        Ok(Found::Bytes(bytes)) => match EncryptedFile::parse(&bytes) {
            Ok(file) => view.show(&file, env, identities),
            Err(ReadError::NotEncrypted) => view.show_plaintext(bytes),
            Err(error) => view.show_broken(&error, &bytes),
        },
        Ok(Found::Top(top)) => {
            view.describe(top.header());
            let outline = Outline::of_top(&top);
            view.content = ViewContent::Lines(listing(&outline));
        }
        Ok(Found::TooLarge(length)) => view.say(&format!("{length} bytes in clear, too many to be shown")),
        Err(error) => view.say(&error.to_string()),
    }
    view
}

enum Found {
    Bytes(Zeroizing<Vec<u8>>),
    TooLarge(u64),
    Top(Box<OpaqueTop>),
}

fn read(path: &Path) -> Result<Found, FsError> {
    let source = Source::open(path, None)?;
    if source.length() > STREAM_ABOVE {
        match OpaqueTop::parse(&source.top(OPAQUE_TOP)?) {
            Ok(Some(top)) => return Ok(Found::Top(Box::new(top))),
            _ if source.length() > MAX_ENCRYPTED as u64 => return Ok(Found::TooLarge(source.length())),
            _ => {}
        }
    }
    Ok(Found::Bytes(source.content(MAX_ENCRYPTED)?))
}

impl TextView {
    fn show(&mut self, file: &EncryptedFile, env: &Env, identities: &Identities<'_>) {
        self.describe(file.header());
        match opened(file, env, identities) {
            Ok(opened) if is_text(&opened.plaintext) => {
                self.content = ViewContent::Text(opened.plaintext);
            }
            Ok(opened) => {
                self.say(&format!("{} bytes that are not text", opened.plaintext.len()));
                self.content = ViewContent::Lines(listing(&file.outline()));
            }
            Err(withheld) => {
                self.say(&format!("no values: {}", withheld.reason));
                self.warning = withheld.warning;
                let outline = file.outline();
                outline.problem.iter().for_each(|problem| self.say(&problem.to_string()));
                self.content = ViewContent::Lines(listing(&outline));
            }
        }
    }

    fn show_plaintext(&mut self, bytes: Zeroizing<Vec<u8>>) {
        if bytes.len() > MAX_BYTES {
            self.say(&format!("{} bytes in clear, too many to be shown", bytes.len()));
        } else if is_text(&bytes) {
            self.content = ViewContent::Text(bytes);
        } else {
            let mark = short(&Sha256::digest(&*bytes));
            self.say(&format!("{} bytes in clear that are not text, {mark}", bytes.len()));
        }
    }

    /// Shows the lines of a file that cannot be read, with short forms of what is encrypted in it.
    fn show_broken(&mut self, error: &ReadError, bytes: &[u8]) {
        self.say(&error.to_string());
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_BYTES)]);
        self.content = ViewContent::Lines(text.lines().map(without_tokens).collect());
    }

    fn describe(&mut self, header: &Header) {
        let metadata = &header.metadata;
        let mut field = |name: &str, value: Option<&str>| {
            self.about.extend(value.map(|value| format!("secret: {name} {value}")));
        };
        field("path", Some(&header.path));
        field("owner", metadata.owner.as_deref());
        field("purpose", metadata.purpose.as_deref());
        field("rotate_every", metadata.rotate_every.as_deref());
        field("rotation_due", metadata.rotation_due.map(|day| day.to_string()).as_deref());
        for (name, tag) in &metadata.tags {
            field(&format!("tags.{name}"), Some(tag));
        }
        for (key, value) in &metadata.values {
            for (name, text) in value.fields() {
                field(&format!("values.{key}.{name}"), Some(&text));
            }
        }
        for (name, recipients) in &header.recipients {
            field("reader", Some(&format!("{name} {}", recipients.join(" "))));
        }
        for exposure in &header.exposed {
            let until = format!("{} until generation {}, {}", exposure.member, exposure.generation, exposure.day);
            field("former reader", Some(&until));
        }
        for pattern in &header.cleartext {
            field("cleartext", Some(&pattern.to_string()));
        }
        field("file id", Some(&header.file_id.to_string()));
        field("data key", Some(&format!("generation {}", header.generation)));
    }

    fn say(&mut self, what: &str) {
        self.about.push(format!("secret: {what}"));
    }
}

/// Tells whether a content is one of lines: to git, too, a NUL says that it is not.
fn is_text(content: &[u8]) -> bool {
    !content.contains(&0) && str::from_utf8(content).is_ok()
}

/// Why values are not shown.
struct Withheld {
    reason: String,
    warning: Option<String>,
}

fn opened(file: &EncryptedFile, env: &Env, identities: &Identities<'_>) -> Result<Opened, Withheld> {
    let withheld = |reason: String| Withheld { reason, warning: None };
    let header = file.header();
    let payload = match identities.unwrap_unasked(&header.readers(), &header.wrapped_key) {
        Ok(Some(payload)) => payload,
        Ok(None) => return Err(withheld("no identity without a passphrase opens it".to_owned())),
        Err(error) => return Err(withheld(error.to_string())),
    };
    if let Some(reason) = written_down(env) {
        return Err(withheld(reason));
    }
    // Only who could see values needs to know that git would keep them.
    let kept = match keeps_converted_texts(env.current_dir(), env) {
        Ok(false) => None,
        Ok(true) => Some("`cachetextconv` is set: git would keep the plaintext in its objects".to_owned()),
        Err(error) => Some(format!("whether git would keep the plaintext cannot be told: {error}")),
    };
    if let Some(reason) = kept {
        return Err(Withheld { warning: Some(reason.clone()), reason });
    }
    file.open(&payload).map_err(|error| withheld(error.to_string()))
}

/// Tells why the text would be kept by git, in a file, rather than be shown: `git commit --verbose` writes a diff below
/// the message, into `.git/COMMIT_EDITMSG`.
fn written_down(env: &Env) -> Option<String> {
    match env.started_by() {
        StartedBy::Git(command) if SHOWING.contains(&command.as_str()) => None,
        StartedBy::Git(command) => Some(format!("`git {command}` may write them into a file")),
        StartedBy::Other => None,
        // With a pager git shows.
        StartedBy::Unknown if env.var("GIT_PAGER_IN_USE").is_some() => None,
        StartedBy::Unknown => {
            Some("this system does not tell which command of git asks, and there is no pager".to_owned())
        }
    }
}

/// Returns a line for each value and comment. It is the same as long as the token is.
fn listing(outline: &Outline) -> Vec<String> {
    let mut comments = outline.comments.iter().peekable();
    let mut lines = Vec::new();
    for value in &outline.values {
        while let Some(comment) = comments.next_if(|comment| comment.before.as_ref() == Some(&value.path)) {
            lines.push(format!("# {}", held(&comment.held)));
        }
        lines.push(format!("{} = {}", value.path, held(&value.held)));
    }
    lines.extend(comments.map(|comment| format!("# {}", held(&comment.held))));
    lines.extend(outline.body.map(|body| match body.stamp {
        Some(stamp) => {
            format!("sealed as a whole, {} generation {} {}", stamp.day, stamp.generation, short(&body.digest))
        }
        None => format!("sealed as a whole, {}", short(&body.digest)),
    }));
    lines
}

fn held(held: &Held) -> String {
    match held {
        Held::Alias(name) => format!("*{name}"),
        Held::Clear(exact) => format!("in clear {}", short(&exact.source)),
        Held::EmptyList => "[]".to_owned(),
        Held::EmptyMap => "{}".to_owned(),
        Held::Null => "null".to_owned(),
        Held::Sealed(TokenMark { stamp, digest, .. }) => {
            format!("{} generation {} {}", stamp.day, stamp.generation, short(digest))
        }
    }
}

/// Returns a line in which each token has a short form.
fn without_tokens(line: &str) -> String {
    let mut short_line = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(TOKEN) {
        let is_part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let length = rest[start..].find(|character| !is_part(character)).unwrap_or(rest.len() - start);
        short_line.push_str(&rest[..start]);
        short_line.push_str(&format!("{TOKEN}{}", short(&Sha256::digest(&rest[start..start + length]))));
        rest = &rest[start + length..];
    }
    short_line.push_str(rest);
    short_line
}

/// Returns a short mark of a digest: two are different in all but one of four thousand million cases.
fn short(digest: &[u8]) -> String {
    let digits: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("#{digits}")
}

/// How tokens begin.
const TOKEN: &str = "secret-v1.";

/// The commands of git that print what they are told, and write it nowhere.
const SHOWING: [&str; 14] = [
    "annotate",
    "blame",
    "cat-file",
    "diff",
    "diff-files",
    "diff-index",
    "diff-pairs",
    "diff-tree",
    "grep",
    "log",
    "range-diff",
    "reflog",
    "show",
    "whatchanged",
];
