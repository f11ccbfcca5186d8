//! Where the header stands in a file of each format, and taking it off again (docs/format.md section 2).

use std::fmt::Write;

use zeroize::Zeroizing;

use super::field::{Field, toml_text};
use crate::document::{Format, Source};

/// How a file carries its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Comment lines that begin with `# `.
    Hash,
    /// The first member of the root object.
    Json,
    /// Lines without a prefix, then a raw body.
    Opaque,
    /// Comment lines that begin with `; `.
    Semicolon,
}

/// A file, taken apart.
pub struct Carried<'a> {
    /// How the header was carried.
    pub carrier: Carrier,
    /// The header's fields.
    pub fields: Vec<Field>,
    /// The rest.
    pub body: Body<'a>,
    /// How many lines of the file stand before the body's first (JSON: second) line.
    pub lines_before: usize,
}

/// What is left of a file without its header.
pub enum Body<'a> {
    /// The raw body of an opaque file.
    Bytes(&'a [u8]),
    /// The document of a structured file.
    Text(Source),
}

/// Why a file that has marks of a header has none that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CarrierError {
    /// The header is longer than any that this program writes.
    #[error("the header is larger than {} KiB", MAX_HEADER_BYTES >> 10)]
    HeaderTooLarge,
    /// The header does not stand at the top.
    #[error("line {line}: a header stands here, not at the top of the file")]
    Misplaced {
        /// The line, from 1.
        line: usize,
    },
    /// Another version of the format.
    #[error("format version {version} is newer than this program")]
    NewerVersion {
        /// The version.
        version: u32,
    },
    /// A line of the header is not spelled as this program writes it.
    #[error("line {line}: this is not how secret writes the header")]
    NotCanonical {
        /// The line, from 1.
        line: usize,
    },
    /// The file is not UTF-8 although its header is that of a structured file.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// The header has no end.
    #[error("the header has no end: the file is cut off")]
    Truncated,
}

impl Carrier {
    /// Returns the carrier of a format.
    pub fn of(format: Format) -> Self {
        match format {
            Format::Dotenv | Format::Toml | Format::Yaml => Self::Hash,
            Format::Ini => Self::Semicolon,
            Format::Json => Self::Json,
            Format::Opaque => Self::Opaque,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Hash => "# ",
            Self::Json => JSON_FIELD_INDENT,
            Self::Opaque => "",
            Self::Semicolon => "; ",
        }
    }
}

/// Takes the header off; `None` when the file has none.
///
/// # Errors
/// When there are marks of a header, but not one header at the top in this program's spelling.
pub fn split(file: &[u8]) -> Result<Option<Carried<'_>>, CarrierError> {
    if let Some(marked) = behind_mark(file) {
        return split_opaque(file, marked).map(Some);
    }
    let Ok(text) = str::from_utf8(file) else {
        let top = &file[if file.starts_with(BOM.as_bytes()) { BOM.len() } else { 0 }..];
        let is_marked = [Carrier::Hash, Carrier::Semicolon]
            .iter()
            .any(|carrier| top.strip_prefix(carrier.prefix().as_bytes()).and_then(behind_mark).is_some());
        return if is_marked { Err(CarrierError::NotText) } else { Ok(None) };
    };
    let top = text.strip_prefix(BOM).unwrap_or(text);
    for carrier in [Carrier::Hash, Carrier::Semicolon] {
        let prefix = carrier.prefix();
        if top.strip_prefix(prefix).and_then(|top| behind_mark(top.as_bytes())).is_some() {
            return split_comments(text, carrier, &top[prefix.len() + MARK.len()..]).map(Some);
        }
    }
    if let Some(brace) = opening_brace(text)
        && text[brace + 1..].trim_start_matches(JSON_BLANKS).starts_with(JSON_KEY)
    {
        return split_json(text, brace).map(Some);
    }
    refuse_second_header(text, 0)?;
    Ok(None)
}

/// Tells whether a file begins as an opaque one, of whatever version.
pub fn is_opaque(top: &[u8]) -> bool {
    behind_mark(top).is_some()
}

/// Puts a header on a document. `body` begins with its byte order mark, if it has one. It is moved within its buffer, as
/// the system hands out another one of megabytes at some cost.
pub fn join_text(carrier: Carrier, fields: &[Field], mut body: String) -> String {
    let newline = newline(&body);
    let mut header = String::with_capacity(2048);
    let at = if carrier == Carrier::Json {
        let brace = opening_brace(&body).expect("the root of a JSON document that parsed is an object");
        let _ = write!(header, "{newline}  {JSON_KEY}: {{{newline}");
        for (index, field) in fields.iter().enumerate() {
            let comma = if index + 1 < fields.len() { "," } else { "" };
            let _ = write!(header, "{JSON_FIELD_INDENT}{}{comma}{newline}", field.json_member());
        }
        header.push_str(if is_empty_object(&body[brace + 1..]) { JSON_CLOSE } else { JSON_CLOSE_COMMA });
        brace + 1
    } else {
        let prefix = carrier.prefix();
        let _ = write!(header, "{prefix}{MARK}1{BEGIN}{newline}");
        for line in toml_text(fields).split_terminator('\n') {
            header.extend([prefix, line, newline]);
        }
        let _ = write!(header, "{prefix}{MARK}1{END}{newline}");
        if body.starts_with(BOM) { BOM.len() } else { 0 }
    };
    body.insert_str(at, &header);
    body
}

/// Puts a header on a raw body.
pub fn join_opaque(fields: &[Field], body: &[u8]) -> Vec<u8> {
    let mut file = format!("{MARK}1{OPAQUE}\n");
    file.push_str(&toml_text(fields));
    let _ = writeln!(file, "{MARK}1{END}");
    [file.as_bytes(), body].concat()
}

fn split_opaque<'a>(file: &'a [u8], marked: &[u8]) -> Result<Carried<'a>, CarrierError> {
    let first_line = marked[..marked.len().min(32)].split(|byte| *byte == b'\n').next().unwrap_or_default();
    check_version(&String::from_utf8_lossy(first_line), OPAQUE)?;
    let end_line = format!("\n{MARK}1{END}\n");
    let search = &file[..file.len().min(MAX_HEADER_BYTES)];
    let end = find(search, end_line.as_bytes()).ok_or(if file.len() > MAX_HEADER_BYTES {
        CarrierError::HeaderTooLarge
    } else {
        CarrierError::Truncated
    })?;
    let header = str::from_utf8(&file[..end]).map_err(|_| CarrierError::NotCanonical { line: 1 })?;
    let lines: Vec<&str> = header.split('\n').skip(1).collect();
    let fields = Field::from_toml_lines(&lines).map_err(|index| CarrierError::NotCanonical { line: index + 2 })?;
    Ok(Carried {
        carrier: Carrier::Opaque,
        fields,
        lines_before: lines.len() + 2,
        body: Body::Bytes(&file[end + end_line.len()..]),
    })
}

fn split_comments<'a>(text: &'a str, carrier: Carrier, marked: &'a str) -> Result<Carried<'a>, CarrierError> {
    let first_line = marked.split('\n').next().unwrap_or_default();
    let newline = if first_line.ends_with('\r') { "\r\n" } else { "\n" };
    check_version(first_line.strip_suffix('\r').unwrap_or(first_line), BEGIN)?;
    let mut fields = Vec::new();
    let mut rest = split_line(marked, newline).ok_or(CarrierError::Truncated)?.1;
    let end_line = format!("{MARK}1{END}");
    loop {
        let (line, behind) = split_line(rest, newline).ok_or(CarrierError::Truncated)?;
        rest = behind;
        let number = fields.len() + 2;
        let field = line.strip_prefix(carrier.prefix()).ok_or(CarrierError::NotCanonical { line: number })?;
        if field == end_line {
            break;
        }
        if field.contains(['\r', '\n']) {
            return Err(CarrierError::NotCanonical { line: number });
        }
        if text.len() - rest.len() > MAX_HEADER_BYTES {
            return Err(CarrierError::HeaderTooLarge);
        }
        fields.push(field);
    }
    let lines_before = fields.len() + 2;
    refuse_second_header(rest, lines_before)?;
    let fields = Field::from_toml_lines(&fields).map_err(|index| CarrierError::NotCanonical { line: index + 2 })?;
    let bom = if text.starts_with(BOM) { BOM } else { "" };
    Ok(Carried { carrier, fields, lines_before, body: Body::Text(joined(bom, rest)) })
}

fn split_json(text: &str, brace: usize) -> Result<Carried<'static>, CarrierError> {
    let first_line = 1 + text[..brace].matches('\n').count();
    let not_canonical = |line: usize| CarrierError::NotCanonical { line: first_line + line };
    let behind = &text[brace + 1..];
    let newline = if behind.starts_with("\r\n") { "\r\n" } else { "\n" };
    let mut rest = behind
        .strip_prefix(newline)
        .and_then(|rest| rest.strip_prefix("  "))
        .and_then(|rest| rest.strip_prefix(JSON_KEY))
        .and_then(|rest| rest.strip_prefix(": {"))
        .and_then(|rest| rest.strip_prefix(newline))
        .ok_or(not_canonical(1))?;
    let mut members = Vec::new();
    loop {
        if let Some(behind) = rest.strip_prefix(JSON_CLOSE) {
            rest = behind;
            break;
        }
        let number = members.len() + 2;
        let (line, behind) = split_line(rest, newline).ok_or(CarrierError::Truncated)?;
        rest = behind;
        let member = line.strip_prefix(JSON_FIELD_INDENT).ok_or(not_canonical(number))?;
        if text.len() - rest.len() > MAX_HEADER_BYTES {
            return Err(CarrierError::HeaderTooLarge);
        }
        if number == 2 {
            let version =
                member.strip_prefix("\"version\": ").and_then(|version| version.trim_end_matches(',').parse().ok());
            if let Some(version @ 2..) = version {
                return Err(CarrierError::NewerVersion { version });
            }
        }
        let is_last = rest.starts_with(JSON_CLOSE);
        let member = if is_last { Some(member) } else { member.strip_suffix(',') };
        members.push(member.ok_or(not_canonical(number))?);
    }
    let lines_before = members.len() + 2;
    let has_comma = rest.starts_with(',');
    rest = rest.strip_prefix(',').unwrap_or(rest);
    if has_comma == is_empty_object(rest) {
        return Err(not_canonical(lines_before));
    }
    let fields = Field::from_json_members(&members).map_err(|index| not_canonical(index + 2))?;
    let body = Body::Text(joined(&text[..=brace], rest));
    Ok(Carried { carrier: Carrier::Json, fields, body, lines_before })
}

/// Puts together what stands before the header and behind it.
fn joined(before: &str, behind: &str) -> Source {
    let mut text = Zeroizing::new(String::with_capacity(before.len() + behind.len()));
    text.push_str(before);
    text.push_str(behind);
    Source::new(text)
}

/// Splits a text behind its first line, which has to end with `newline`.
fn split_line<'t>(text: &'t str, newline: &str) -> Option<(&'t str, &'t str)> {
    // Searching for one character is faster, and nearly always finds it.
    let feed = text.find('\n')?;
    match text[..=feed].strip_suffix(newline) {
        Some(line) => Some((line, &text[feed + 1..])),
        None => text.split_once(newline),
    }
}

/// Returns what follows a header mark: a version number first.
fn behind_mark(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(MARK.as_bytes()).filter(|version| version.first().is_some_and(u8::is_ascii_digit))
}

/// Checks the text between the mark and the end of the first line.
fn check_version(line: &str, word: &str) -> Result<(), CarrierError> {
    let digits = line.find(|character: char| !character.is_ascii_digit()).unwrap_or(line.len());
    match line[..digits].parse() {
        Ok(1) if &line[digits..] == word => Ok(()),
        Ok(version @ 2..) => Err(CarrierError::NewerVersion { version }),
        _ => Err(CarrierError::NotCanonical { line: 1 }),
    }
}

/// Refuses header marks further down: a merge or a paste put them there.
fn refuse_second_header(text: &str, lines_before: usize) -> Result<(), CarrierError> {
    if !text.contains(MARK) {
        return Ok(());
    }
    let is_mark = |line: &str| {
        [Carrier::Hash, Carrier::Opaque, Carrier::Semicolon].iter().any(|carrier| {
            let mark = line
                .trim_start_matches(BOM)
                .strip_prefix(carrier.prefix())
                .and_then(|line| behind_mark(line.as_bytes()));
            mark.is_some_and(|mark| [BEGIN, END, OPAQUE].iter().any(|word| mark.ends_with(word.as_bytes())))
        })
    };
    match text.split(['\n', '\r']).position(is_mark) {
        Some(_) => {
            let line = text.split('\n').position(|line| line.split('\r').any(is_mark)).unwrap_or_default();
            Err(CarrierError::Misplaced { line: lines_before + line + 1 })
        }
        None => Ok(()),
    }
}

/// Returns the offset of the `{` with which the text begins.
fn opening_brace(text: &str) -> Option<usize> {
    let start = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let blanks = text[start..].find(|character| !JSON_BLANKS.contains(&character))?;
    text[start + blanks..].starts_with('{').then_some(start + blanks)
}

fn is_empty_object(behind_brace: &str) -> bool {
    behind_brace.trim_start_matches(JSON_BLANKS).starts_with('}')
}

/// Returns the end of the text's first line: LF if it has none or that is a lone CR.
fn newline(text: &str) -> &'static str {
    match text.find(['\r', '\n']) {
        Some(index) if text[index..].starts_with("\r\n") => "\r\n",
        _ => "\n",
    }
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

/// What every mark of a header begins with.
pub const MARK: &str = "secret/v";
const BEGIN: &str = " begin";
const END: &str = " end";
const OPAQUE: &str = " opaque";
/// The byte order mark.
pub const BOM: &str = "\u{feff}";
const JSON_BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
const JSON_KEY: &str = "\"$secret\"";
const JSON_FIELD_INDENT: &str = "    ";
const JSON_CLOSE: &str = "  }";
const JSON_CLOSE_COMMA: &str = "  },";
/// A thousand members with three recipients each fit.
/// How long a header may be.
pub const MAX_HEADER_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{Body, Carrier, CarrierError, join_opaque, join_text, split};
    use crate::envelope::native::field::{Field, FieldValue};

    fn fields() -> Vec<Field> {
        vec![
            Field::new("version", FieldValue::Number(1)),
            Field::new("wrapped_key", FieldValue::Block("-----BEGIN\nabc\n".to_owned())),
            Field::new("mac", FieldValue::Text("x".to_owned())),
        ]
    }

    fn round_trip(carrier: Carrier, body: &str) {
        let file = join_text(carrier, &fields(), body.to_owned());
        let carried = split(file.as_bytes()).expect("it is readable").expect("it has a header");
        assert_eq!((carried.carrier, carried.fields), (carrier, fields()));
        let Body::Text(text) = carried.body else { panic!("{carrier:?} carries text") };
        assert_eq!(&*text, body);
    }

    #[test]
    fn a_header_comes_off_without_a_trace() {
        for body in ["", "a: b", "a: b\n", "\u{feff}a: b\r\nc: d\r\n", "\n\n", "a\rb\r", "# x\n"] {
            round_trip(Carrier::Hash, body);
            round_trip(Carrier::Semicolon, body);
        }
        for body in ["{}", "{ }\n", "{\"a\":1}", "\u{feff} \r\n{\r\n  \"a\": {}\r\n}", "{\n}", "{\n\n\"a\": 1\n}\n"] {
            round_trip(Carrier::Json, body);
        }
    }

    #[test]
    fn an_opaque_body_may_look_like_anything() {
        for body in [&b""[..], b"\nsecret/v1 end\n", b"\0\xff\r\n"] {
            let file = join_opaque(&fields(), body);
            let carried = split(&file).expect("it is readable").expect("it has a header");
            assert_eq!(carried.fields, fields());
            assert!(matches!(carried.body, Body::Bytes(bytes) if bytes == body));
        }
    }

    #[test]
    fn damaged_headers_are_refused() {
        let file = join_text(Carrier::Hash, &fields(), "a: b\n".to_owned());
        let cases = [
            (file.replace("v1 begin", "v2 begin"), CarrierError::NewerVersion { version: 2 }),
            (file.replace("v1 begin", "v1 bagin"), CarrierError::NotCanonical { line: 1 }),
            (file.replace("# mac", "#  mac"), CarrierError::NotCanonical { line: 7 }),
            (file.replace("# mac", "mac"), CarrierError::NotCanonical { line: 7 }),
            (file.replace("v1 end", "v1 END"), CarrierError::NotCanonical { line: 9 }),
            (format!("a: b\n{file}"), CarrierError::Misplaced { line: 2 }),
            (format!("{file}{file}"), CarrierError::Misplaced { line: 10 }),
            (file.replacen("begin\n", "begin\r\r\n", 1), CarrierError::NotCanonical { line: 1 }),
            (file[..60].to_owned(), CarrierError::Truncated),
            (file.replacen('\n', "\r\n", 1), CarrierError::Truncated),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text.as_bytes()).err(), Some(expected), "{text}");
        }
        let json = join_text(Carrier::Json, &fields(), "{\"a\":1}".to_owned());
        for text in [json.replace("},", "}"), json.replace("\n    \"mac", "\n   \"mac"), json.replace(": {\n", ":{\n")]
        {
            assert!(matches!(split(text.as_bytes()), Err(CarrierError::NotCanonical { .. })), "{text}");
        }
        assert_eq!(
            split(json.replace("\"version\": 1", "\"version\": 2").as_bytes()).err(),
            Some(CarrierError::NewerVersion { version: 2 })
        );
    }

    proptest! {
        #[test]
        fn any_document_keeps_every_byte(body in "(\u{feff})?[a-z:# \r\n{}\"]{0,40}") {
            let file = join_text(Carrier::Hash, &fields(), body.clone());
            let carried = split(file.as_bytes()).expect("it is readable").expect("it has a header");
            let Body::Text(text) = carried.body else { panic!("a comment carrier carries text") };
            prop_assert_eq!(&*text, body);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, mark in "(# |; |)secret/v1 (begin|opaque)\r?\n") {
            let _ = split(&bytes);
            let marked = [mark.as_bytes(), &bytes].concat();
            prop_assert!(split(&marked).is_err() || bytes.windows(3).any(|end| end == b"end"));
        }
    }
}
