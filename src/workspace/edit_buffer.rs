//! What an editor shows: the editable header fields, a scissors line, the plaintext; and reading it back.
//!
//! Lines above the scissors begin with `#` in every format: `##` explains, `# name = "value"` is a field.

use zeroize::Zeroizing;

use super::MetadataChange;
use crate::envelope::native::{Field, FieldValue, Header, Metadata, ValueMetadata, toml_text};

/// The text for the editor.
pub struct EditBuffer {
    /// All of it.
    pub text: Zeroizing<String>,
    /// Whether the plaintext ended without a line end. Many editors add one.
    lacks_final_newline: bool,
}

/// What came back from the editor.
pub struct Edited {
    /// The header fields.
    pub metadata: MetadataChange,
    /// The plaintext.
    pub plaintext: Zeroizing<Vec<u8>>,
}

/// An edited text that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BufferError {
    /// A line above the scissors is none of ours.
    #[error("line {line}: above the scissors line stand only `## …` and `# field = \"value\"`")]
    NotField {
        /// The line, from 1.
        line: usize,
    },
    /// The scissors line is gone.
    #[error("the scissors line is missing: it says where the plaintext begins")]
    NoScissors,
    /// The text is not UTF-8.
    #[error("the text is not UTF-8")]
    NotText,
    /// A field that there is not.
    #[error(
        "line {line}: there is no field `{name}`; \
         the fields are owner, purpose, rotate_every, rotation_due, tags.NAME, values.KEY"
    )]
    UnknownField {
        /// The line, from 1.
        line: usize,
        /// Its name.
        name: String,
    },
}

impl EditBuffer {
    /// Composes the text. `error` stands on top of it: why the last attempt could not be saved.
    pub fn compose(header: &Header, metadata: &Metadata, plaintext: &str, error: Option<&str>) -> Self {
        let newline = if plaintext.contains("\r\n") { "\r\n" } else { "\n" };
        let (bom, rest) = plaintext.split_at(if plaintext.starts_with(BOM) { BOM.len() } else { 0 });
        let mut lines = Vec::new();
        if let Some(error) = error {
            lines.extend(error.lines().map(|line| format!("## error: {line}")));
            lines.push("## Nothing was saved yet. Save to try again; leave without a change to give up.".to_owned());
        }
        // The header's own spelling keeps every text on one line, whoever wrote it.
        let shown = |mark: &str, field: Field| format!("{mark} {}", toml_text(&[field]).trim_end());
        let readers = header.recipients.keys().cloned().map(FieldValue::Text).collect();
        lines.push(shown("##", Field::new("path", FieldValue::Text(header.path.clone()))));
        lines.push(shown("##", Field::new("readers", FieldValue::List(readers))));
        lines.push("## These fields stand in clear in the header; an empty one is left out.".to_owned());
        let fields = [
            ("owner", metadata.owner.clone()),
            ("purpose", metadata.purpose.clone()),
            ("rotate_every", metadata.rotate_every.clone()),
            ("rotation_due", metadata.rotation_due.map(|day| day.to_string())),
        ];
        for (name, text) in fields {
            lines.push(shown("#", Field::new(name, FieldValue::Text(text.unwrap_or_default()))));
        }
        for (name, tag) in &metadata.tags {
            lines.push(shown("#", Field::with_subname("tags", name, FieldValue::Text(tag.clone()))));
        }
        for (key, value) in &metadata.values {
            lines.push(shown("#", Field::with_subname("values", key, value.to_field())));
        }
        lines.push(SCISSORS.to_owned());
        let top: String = lines.into_iter().map(|line| line + newline).collect();
        let mut text = Zeroizing::new(String::with_capacity(top.len() + plaintext.len()));
        text.push_str(bom);
        text.push_str(&top);
        text.push_str(rest);
        Self { text, lacks_final_newline: !rest.is_empty() && !rest.ends_with(['\n', '\r']) }
    }

    /// Reads what the editor left.
    ///
    /// # Errors
    /// When the scissors line is gone, or something above it is no field.
    pub fn read(&self, edited: &[u8]) -> Result<Edited, BufferError> {
        let edited = str::from_utf8(edited).map_err(|_| BufferError::NotText)?;
        let (bom, edited) = edited.split_at(if edited.starts_with(BOM) { BOM.len() } else { 0 });
        if !edited.lines().any(|line| line == SCISSORS) {
            return Err(BufferError::NoScissors);
        }
        let mut metadata = MetadataChange::default();
        let mut rest = edited;
        let mut line_number = 0;
        loop {
            let (line, behind) = rest.split_once('\n').unwrap_or((rest, ""));
            line_number += 1;
            rest = behind;
            let line = line.trim_end_matches('\r');
            if line == SCISSORS {
                break;
            }
            if !line.starts_with("##") && !line.trim().is_empty() {
                read_field(line, line_number, &mut metadata)?;
            }
        }
        if self.lacks_final_newline {
            rest = rest.strip_suffix("\r\n").or_else(|| rest.strip_suffix('\n')).unwrap_or(rest);
        }
        let mut plaintext = Zeroizing::new(Vec::with_capacity(bom.len() + rest.len()));
        plaintext.extend_from_slice(bom.as_bytes());
        plaintext.extend_from_slice(rest.as_bytes());
        Ok(Edited { metadata, plaintext })
    }
}

fn read_field(line: &str, number: usize, metadata: &mut MetadataChange) -> Result<(), BufferError> {
    let not_field = BufferError::NotField { line: number };
    let line = line.strip_prefix('#').ok_or(not_field.clone())?;
    if line.trim_start().starts_with("values.") {
        let (key, value) = read_value_metadata(line).ok_or(not_field)?;
        metadata.values.insert(key, value);
        return Ok(());
    }
    let (name, value) = line.split_once('=').ok_or(not_field.clone())?;
    let name = name.trim();
    let value: toml_edit::Value = value.trim().parse().map_err(|_| not_field.clone())?;
    let value = value.as_str().ok_or(not_field)?.to_owned();
    match name {
        "owner" => metadata.owner = Some(value),
        "purpose" => metadata.purpose = Some(value),
        "rotate_every" => metadata.rotate_every = Some(value),
        "rotation_due" => metadata.rotation_due = Some(value),
        _ => match name.strip_prefix("tags.") {
            Some(tag) => drop(metadata.tags.insert(tag.to_owned(), value)),
            None => return Err(BufferError::UnknownField { line: number, name: name.to_owned() }),
        },
    }
    Ok(())
}

/// Reads a line of what is said of one value, as people write TOML; an empty table says nothing any more.
fn read_value_metadata(line: &str) -> Option<(String, ValueMetadata)> {
    let line: toml_edit::DocumentMut = line.trim().parse().ok()?;
    let (key, item) = line.get("values")?.as_table_like()?.iter().next()?;
    let text = |value: &toml_edit::Value| Some(FieldValue::Text(value.as_str()?.to_owned()));
    let mut members = Vec::new();
    for (name, value) in item.as_inline_table()? {
        let value = match value {
            toml_edit::Value::Array(items) => FieldValue::List(items.iter().map(text).collect::<Option<_>>()?),
            value => text(value)?,
        };
        // An empty text stands for a field that is left out, as everywhere above the scissors.
        if value != FieldValue::Text(String::new()) {
            members.push((name.to_owned(), value));
        }
    }
    let said = if members.is_empty() { ValueMetadata::default() } else { ValueMetadata::from_members(&members)? };
    Some((key.to_owned(), said))
}

const BOM: &str = "\u{feff}";
const SCISSORS: &str = "# ------------------------ >8 ------------------------ plaintext below";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{BufferError, EditBuffer, SCISSORS};
    use crate::crypto::FileId;
    use crate::document::Format;
    use crate::envelope::native::{Comments, Header, Metadata, Mode, ValueMetadata};

    fn header(metadata: Metadata) -> Header {
        Header {
            file_id: FileId([0; 16]),
            path: "secrets/a.yaml".to_owned(),
            format: Format::Yaml,
            mode: Mode::Values,
            generation: 1,
            revision: 1,
            metadata,
            created: jiff::civil::date(2026, 11, 22),
            comments: Comments::Sealed,
            cleartext: Vec::new(),
            recipients: BTreeMap::from([("alice".to_owned(), vec!["age1x".to_owned()])]),
            exposed: Vec::new(),
            body: None,
            wrapped_key: String::new(),
        }
    }

    proptest! {
        #[test]
        fn an_untouched_buffer_reads_back(plaintext in "(\u{feff})?[a-z#: =\r\n]{0,60}", owner in ".{0,20}", tag in ".{1,9}") {
            let tags = BTreeMap::from([("team".to_owned(), tag)]);
            let said = ValueMetadata {
                description: Some(owner.trim().to_owned()).filter(|text| !text.is_empty()),
                links: vec!["a = {b}".to_owned()],
                rotation_due: Some(jiff::civil::date(2020, 1, 1)),
                ..ValueMetadata::default()
            };
            let values = [("\"a = b\".c[0]".to_owned(), said.clone()), ("plain".to_owned(), said)].into();
            let owner = Some(owner.trim().to_owned()).filter(|owner| !owner.is_empty());
            let metadata = Metadata { owner, tags, values, ..Metadata::default() };
            let buffer = EditBuffer::compose(&header(metadata.clone()), &metadata, &plaintext, Some("it\nfailed"));
            let edited = buffer.read(buffer.text.as_bytes()).expect("nothing was changed");
            prop_assert_eq!(str::from_utf8(&edited.plaintext), Ok(plaintext.as_str()));
            let today = jiff::civil::date(2026, 11, 22);
            prop_assert!(edited.metadata.apply(&metadata, today).expect("the fields are sound") == metadata);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let metadata = Metadata::default();
            let _ = EditBuffer::compose(&header(metadata.clone()), &metadata, "a: 1\n", None).read(&bytes);
        }
    }

    #[test]
    fn nothing_in_a_header_is_a_line_of_its_own() {
        let tags = BTreeMap::from([(format!("a\n{SCISSORS}\nb"), "x".to_owned())]);
        let metadata = Metadata { tags, ..Metadata::default() };
        let mut header = header(metadata.clone());
        header.recipients = BTreeMap::from([(format!("alice\n{SCISSORS}\n"), vec!["age1x".to_owned()])]);
        let buffer = EditBuffer::compose(&header, &metadata, "a: 1\n", None);
        assert_eq!(buffer.text.lines().filter(|line| *line == SCISSORS).count(), 1);
    }

    #[test]
    fn a_final_line_end_that_the_editor_added_is_dropped() {
        let metadata = Metadata::default();
        let buffer = EditBuffer::compose(&header(metadata.clone()), &metadata, "a: 1", None);
        let edited = buffer.read(format!("{}\n", buffer.text.as_str()).as_bytes()).expect("it is sound");
        assert_eq!(edited.plaintext.as_slice(), b"a: 1");
    }

    #[test]
    fn a_missing_scissors_line_is_no_plaintext() {
        let metadata = Metadata::default();
        let buffer = EditBuffer::compose(&header(metadata.clone()), &metadata, "a: 1\n", None);
        let without = buffer.text.replace(SCISSORS, "##");
        assert_eq!(buffer.read(without.as_bytes()).err(), Some(BufferError::NoScissors));
        assert_eq!(buffer.read(b"").err(), Some(BufferError::NoScissors));
    }
}
