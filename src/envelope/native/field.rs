//! The spelling of header fields: one field a line, in TOML and in JSON (docs/format.md section 3).
//!
//! The grammar is so small that one reader serves both; that a field has one spelling is checked by printing again.

use std::fmt::Write;

/// The value of a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// Lines of text, each with a line feed; in TOML between `"""`.
    Block(String),
    /// Values between brackets.
    List(Vec<FieldValue>),
    /// A number.
    Number(u32),
    /// Named values between braces, in the order in which they stand there.
    Table(Vec<(String, FieldValue)>),
    /// Characters between quotes.
    Text(String),
}

/// A named header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The part before the dot, or the whole name.
    pub name: String,
    /// The part behind the dot of `recipients.NAME`, `tags.NAME` and `values.KEY`.
    pub subname: Option<String>,
    /// The value.
    pub value: FieldValue,
}

impl Field {
    /// Builds a field with a simple name.
    pub fn new(name: &str, value: FieldValue) -> Self {
        Self { name: name.to_owned(), subname: None, value }
    }

    /// Builds a field `name.subname`.
    pub fn with_subname(name: &str, subname: &str, value: FieldValue) -> Self {
        Self { name: name.to_owned(), subname: Some(subname.to_owned()), value }
    }

    /// Appends the TOML lines, each with a line feed.
    pub fn write_toml(&self, out: &mut String) {
        out.push_str(&self.name);
        if let Some(subname) = &self.subname {
            out.push('.');
            if is_bare(subname) { out.push_str(subname) } else { write_text(out, subname) }
        }
        out.push_str(" = ");
        if let FieldValue::Block(block) = &self.value {
            out.extend([BLOCK_QUOTE, "\n", block, BLOCK_QUOTE]);
        } else {
            write_value(out, &self.value, Syntax::Toml);
        }
        out.push('\n');
    }

    /// Returns the JSON member `"name": value`.
    pub fn json_member(&self) -> String {
        let mut name = self.name.clone();
        if let Some(subname) = &self.subname {
            name.push('.');
            name.push_str(subname);
        }
        let mut member = String::new();
        write_text(&mut member, &name);
        member.push_str(": ");
        if let FieldValue::Block(block) = &self.value {
            let _ = write!(member, "\"{}\"", block.replace('\n', "\\n"));
        } else {
            write_value(&mut member, &self.value, Syntax::Json);
        }
        member
    }

    /// Reads TOML lines. The error is the index of the line that is no field, or one in another spelling.
    pub fn from_toml_lines(lines: &[&str]) -> Result<Vec<Self>, usize> {
        let mut fields = Vec::new();
        let mut spelled = String::new();
        let mut index = 0;
        while index < lines.len() {
            let start = index;
            let (name, subname, value) = split_toml(lines[index]).ok_or(start)?;
            let value = if value == BLOCK_QUOTE {
                let length = lines[index + 1..].iter().position(|line| *line == BLOCK_QUOTE).ok_or(start)?;
                let block = lines[index + 1..=index + length].iter().flat_map(|line| [line, "\n"]).collect();
                index += length + 1;
                FieldValue::Block(block_of(block).ok_or(start)?)
            } else {
                whole_value(value, Syntax::Toml).ok_or(start)?
            };
            index += 1;
            let field = Self { name: name.to_owned(), subname, value };
            spelled.clear();
            field.write_toml(&mut spelled);
            if !spelled.split_terminator('\n').eq(lines[start..index].iter().copied()) {
                return Err(start);
            }
            fields.push(field);
        }
        Ok(fields)
    }

    /// Reads JSON members, each without the comma behind it. The error is the index of the line that is no field, or one
    /// in another spelling.
    pub fn from_json_members(lines: &[&str]) -> Result<Vec<Self>, usize> {
        lines.iter().enumerate().map(|(index, line)| Self::from_json_member(line).ok_or(index)).collect()
    }

    fn from_json_member(line: &str) -> Option<Self> {
        let mut reader = Reader { rest: line, syntax: Syntax::Json };
        let name = reader.text()?;
        reader.take(": ")?;
        let (name, subname) = match name.split_once('.') {
            Some((name, subname)) => (name.to_owned(), Some(subname.to_owned())),
            None => (name, None),
        };
        let value = if name == WRAPPED_KEY {
            let block = reader.rest.strip_prefix('"')?.strip_suffix('"')?;
            FieldValue::Block(block_of(block.replace("\\n", "\n"))?)
        } else {
            whole_value(reader.rest, Syntax::Json)?
        };
        let field = Self { name, subname, value };
        (field.json_member() == line).then_some(field)
    }
}

/// Takes only what means the same in TOML and in JSON without any escape.
fn block_of(text: String) -> Option<String> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    let is_block = text.is_empty() || text.ends_with('\n');
    (is_block && text.split('\n').all(|line| line.bytes().all(is_plain))).then_some(text)
}

/// Returns the TOML lines of fields, each with a line feed.
pub fn toml_text(fields: &[Field]) -> String {
    let mut text = String::new();
    for field in fields {
        field.write_toml(&mut text);
    }
    text
}

/// The only field that is a block.
pub const WRAPPED_KEY: &str = "wrapped_key";

/// How named values in braces are spelled; all else is spelled alike.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syntax {
    Json,
    Toml,
}

fn whole_value(text: &str, syntax: Syntax) -> Option<FieldValue> {
    let mut reader = Reader { rest: text, syntax };
    let value = reader.value(0)?;
    reader.rest.is_empty().then_some(value)
}

/// Splits a TOML line into name, name behind the dot, and value. A name in quotes may hold what else ends it.
fn split_toml(line: &str) -> Option<(&str, Option<String>, &str)> {
    let (name, rest) = line.split_at(line.bytes().position(|byte| !is_of_name(byte))?);
    let Some(rest) = rest.strip_prefix('.') else { return Some((name, None, rest.strip_prefix(" = ")?)) };
    if rest.starts_with('"') {
        let mut reader = Reader { rest, syntax: Syntax::Toml };
        let subname = reader.text()?;
        return Some((name, Some(subname), reader.rest.strip_prefix(" = ")?));
    }
    let (subname, value) = rest.split_once(" = ")?;
    Some((name, Some(subname.to_owned()), value))
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'_'
}

fn write_value(out: &mut String, value: &FieldValue, syntax: Syntax) {
    match value {
        FieldValue::Block(_) => unreachable!("the callers spell blocks, which never stand in lists"),
        FieldValue::List(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_value(out, item, syntax);
            }
            out.push(']');
        }
        FieldValue::Number(number) => {
            let _ = write!(out, "{number}");
        }
        FieldValue::Table(members) => {
            let (open, is, close) = syntax.marks();
            out.push_str(open);
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                match syntax {
                    Syntax::Json => write_text(out, name),
                    Syntax::Toml => out.push_str(name),
                }
                out.push_str(is);
                write_value(out, value, syntax);
            }
            out.push_str(close);
        }
        FieldValue::Text(text) => write_text(out, text),
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let plain = plain_prefix(text);
    out.push_str(&text[..plain]);
    for character in text[plain..].chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
            out.push(character);
        } else if is_escaped(character) {
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out.push('"');
}

/// Returns how many bytes of a text, from its beginning, are ASCII that stands for itself between quotes: in almost all
/// texts, all of it.
fn plain_prefix(text: &str) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    text.bytes().position(|byte| !is_plain(&byte)).unwrap_or(text.len())
}

/// Tells whether a character could break a line, or change how a person sees one.
fn is_escaped(character: char) -> bool {
    matches!(character, '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

impl Syntax {
    /// Returns what stands around named values, and between a name and its value.
    fn marks(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Json => ("{", ": ", "}"),
            Self::Toml => ("{ ", " = ", " }"),
        }
    }
}

/// A cursor over one value.
struct Reader<'a> {
    rest: &'a str,
    syntax: Syntax,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<FieldValue> {
        match self.rest.bytes().next()? {
            b'"' => self.text().map(FieldValue::Text),
            b'[' if depth < MAX_DEPTH => self.list(depth),
            b'{' if depth == 0 => self.table(),
            _ => self.number().map(FieldValue::Number),
        }
    }

    fn list(&mut self, depth: usize) -> Option<FieldValue> {
        self.take("[")?;
        let mut items = Vec::new();
        if self.take("]").is_some() {
            return Some(FieldValue::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take("]").is_some() {
                return Some(FieldValue::List(items));
            }
            self.take(", ")?;
        }
    }

    /// Reads named values, at least one.
    fn table(&mut self) -> Option<FieldValue> {
        let (open, is, close) = self.syntax.marks();
        self.take(open)?;
        let mut members = Vec::new();
        loop {
            let name = match self.syntax {
                Syntax::Json => self.text()?,
                Syntax::Toml => {
                    let end = self.rest.bytes().position(|byte| !is_of_name(byte))?;
                    let (name, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    name.to_owned()
                }
            };
            // In both spellings, or one would read what the other cannot say.
            if name.is_empty() || !name.bytes().all(is_of_name) {
                return None;
            }
            self.take(is)?;
            members.push((name, self.value(1)?));
            if self.take(close).is_some() {
                return Some(FieldValue::Table(members));
            }
            self.take(", ")?;
        }
    }

    fn number(&mut self) -> Option<u32> {
        let end = self.rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(self.rest.len());
        let number = self.rest[..end].parse().ok()?;
        self.rest = &self.rest[end..];
        Some(number)
    }

    fn text(&mut self) -> Option<String> {
        self.take("\"")?;
        let plain = plain_prefix(self.rest);
        let mut text = self.rest[..plain].to_owned();
        self.rest = &self.rest[plain..];
        let mut characters = self.rest.char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[index + 1..];
                    return Some(text);
                }
                '\\' => match characters.next()?.1 {
                    escaped @ ('"' | '\\') => text.push(escaped),
                    'u' => {
                        let code = self.rest.get(index + 2..index + 6)?;
                        text.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
                        characters.nth(3);
                    }
                    _ => return None,
                },
                _ => text.push(character),
            }
        }
        None
    }

    fn take(&mut self, expected: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }
}

const BLOCK_QUOTE: &str = "\"\"\"";
/// Lists stand in lists, and no deeper.
const MAX_DEPTH: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert_eq, prop_oneof, proptest};

    use super::{Field, FieldValue, toml_text};

    fn value() -> impl Strategy<Value = FieldValue> {
        let simple = || prop_oneof![any::<u32>().prop_map(FieldValue::Number), ".*".prop_map(FieldValue::Text)];
        prop_oneof![
            simple(),
            proptest::collection::vec(simple(), 0..4).prop_map(FieldValue::List),
            proptest::collection::vec(proptest::collection::vec(simple(), 0..3).prop_map(FieldValue::List), 0..3)
                .prop_map(FieldValue::List),
            proptest::collection::vec(
                (
                    "[a-z_]{1,9}",
                    prop_oneof![simple(), proptest::collection::vec(simple(), 0..3).prop_map(FieldValue::List)],
                ),
                1..4,
            )
            .prop_map(FieldValue::Table),
        ]
    }

    #[test]
    fn a_field_has_one_spelling() {
        for line in
            ["tags.a = \"\\u0061\"", "tags.a = \"\\u+07f\"", "tags.a = \"\u{202e}\"", "tags.\"a\" = 1", "tags.a = 01"]
        {
            assert_eq!(Field::from_toml_lines(&["version = 1", line]), Err(1), "{line}");
        }
        for line in ["\"tags.\\u0061\": 1", "\"tags.a\": 01", "\"tags.a\": [ 1]"] {
            assert_eq!(Field::from_json_members(&["\"version\": 1", line]), Err(1), "{line}");
        }
    }

    #[test]
    fn a_block_has_nothing_that_would_have_to_be_escaped() {
        let toml = |line: &str| Field::from_toml_lines(&["wrapped_key = \"\"\"", line, "\"\"\""]).map(|_| ());
        assert_eq!(toml("YWdl+/= -"), Ok(()));
        for line in ["a\\", "a\\n", "a\"", "\"\"\"a", "a\u{e9}", "a\tb", "a\u{7f}", "a\r"] {
            assert_eq!(toml(line), Err(0), "{line:?}");
        }
        let json = |text: &str| Field::from_json_members(&[&format!("\"wrapped_key\": \"{text}\"")]).map(|_| ());
        assert_eq!(json("YWdl\\nYWdl\\n"), Ok(()));
        for text in ["a", "a\\\\n", "a\\\\\\n", "a\\\"\\n", "a\u{e9}\\n", "a\\t\\n"] {
            assert_eq!(json(text), Err(0), "{text:?}");
        }
    }

    #[test]
    fn a_table_has_one_spelling_and_stands_at_the_top_only() {
        for value in [
            "{ }",
            "{}",
            "{a = 1}",
            "{ a = 1}",
            "{ a=1 }",
            "{ a = 1, }",
            "{ a = 1,b = 2 }",
            "{ \"a\" = 1 }",
            "{ a.b = 1 }",
            "{ A = 1 }",
            "{ a = { b = 1 } }",
            "[{ a = 1 }]",
            "{ a = [[[1]]] }",
            "{\"a\": 1}",
        ] {
            assert_eq!(Field::from_toml_lines(&[&format!("values.k = {value}")]), Err(0), "{value}");
        }
        for value in ["{}", "{ \"a\": 1 }", "{\"a\":1}", "{\"a b\": 1}", "{\"A\": 1}", "{\"a = 1, b\": 1}", "{ a = 1 }"]
        {
            assert_eq!(Field::from_json_members(&[&format!("\"values.k\": {value}")]), Err(0), "{value}");
        }
    }

    #[test]
    fn a_name_in_quotes_may_hold_what_else_ends_a_name() {
        let field = Field::with_subname("values", "\"a = b\".c", FieldValue::Number(1));
        let text = toml_text(std::slice::from_ref(&field));
        assert_eq!(text, "values.\"\\\"a = b\\\".c\" = 1\n");
        assert_eq!(Field::from_toml_lines(&[text.trim_end()]), Ok(vec![field]));
    }

    proptest! {
        #[test]
        fn a_field_reads_back_from_both_spellings(subname in "[A-Za-z0-9\"][A-Za-z0-9._@ =\"-]{0,8}", value in value()) {
            let field = Field::with_subname("tags", &subname, value);
            let text = toml_text(std::slice::from_ref(&field));
            let lines: Vec<&str> = text.split_terminator('\n').collect();
            prop_assert_eq!(Field::from_toml_lines(&lines), Ok(vec![field.clone()]));
            prop_assert_eq!(Field::from_json_members(&[&field.json_member()]), Ok(vec![field]));
        }

        #[test]
        fn the_spelling_is_json_and_toml(text in ".*") {
            let field = Field::new("owner", FieldValue::Text(text.clone()));
            let json: serde_json::Value = serde_json::from_str(&format!("{{{}}}", field.json_member())).expect("it is JSON");
            prop_assert_eq!(json["owner"].as_str(), Some(text.as_str()));
            let toml: toml::Table = toml_text(&[field]).parse().expect("it is TOML");
            prop_assert_eq!(toml["owner"].as_str(), Some(text.as_str()));
        }

        #[test]
        fn no_line_panics(line in ".*") {
            let _ = Field::from_toml_lines(&[&line]);
            let _ = Field::from_json_members(&[&line]);
        }
    }
}
