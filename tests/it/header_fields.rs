//! The header, field by field: changed, removed, repeated, moved, spelled in another way, or taken from another file, it
//! is refused.

use secret::document::Format;
use secret::envelope::native::{KeptRecipe, Mode, Recipients, ValueMetadata};

use crate::bytes::{is_whole, samples};
use crate::generate::{File, Sample, body_start, day, random};
use crate::laws::open;

#[test]
fn no_field_of_a_header_can_be_changed_without_the_key() {
    let mut random = random("header fields");
    let mut samples = samples(&mut random);
    samples.push(Sample::of(Format::Opaque, "any bytes"));
    let mut tried = 0;
    for sample in &samples {
        let target = HeaderTarget::new(sample);
        // Which part of them also depends on the file, so that by default each kind of change meets some.
        let (first, step) = if is_whole() { (0, 1) } else { (tried % 11, 11) };
        for (change, fields) in target.changes().into_iter().skip(first).step_by(step) {
            tried += 1;
            let changed = target.join(&fields);
            assert!(target.file.open(changed.as_bytes()).is_err(), "{change}:\n{changed}");
        }
    }
    println!("{tried} changed headers of {} files, all refused", samples.len());
    assert!(tried > 2_000);
}

#[test]
fn line_ends_of_a_header_mean_nothing() {
    // They are not authenticated (docs/format.md section 3), so that checkouts that change them break nothing.
    for (format, text) in [(Format::Yaml, "a: 1\n"), (Format::Toml, "a = 1\n"), (Format::Dotenv, "A=1\n")] {
        let target = HeaderTarget::new(&Sample::of(format, text));
        let (header, body) = target.sealed.split_at(body_start(&target.sealed));
        let changed = header.replace('\n', "\r\n") + body;
        let opened = open(&target.file, changed.as_bytes());
        assert_eq!(opened.plaintext.as_slice(), text.as_bytes());
        assert_eq!(opened.header, open(&target.file, target.sealed.as_bytes()).header);
    }
}

/// A file with everything in its header, an older header of it, and another file of the same readers.
struct HeaderTarget {
    file: File,
    sealed: String,
    carrier: Format,
    fields: Vec<String>,
    /// Fields of the older header, of the other file, and none that this header has.
    foreign: Vec<String>,
}

impl HeaderTarget {
    fn new(sample: &Sample) -> Self {
        let members = (0..if is_whole() { 30 } else { 3 })
            .map(|index| (format!("member{index}"), vec![format!("age1recipient{index}"); 1 + index % 2]));
        let text = sample.text.as_bytes();
        let mut file = Self::with_everything(File::with_readers(sample, members.collect()), "payments", text);
        let other =
            File::with_readers(sample, Recipients::from([("mallory".to_owned(), vec!["age1mallory".to_owned()])]));
        let other = Self::with_everything(other, "mallory", text);
        let older = file.seal(text, None, 1).expect("it can be sealed");
        let former = open(&file, &older);
        file.header.metadata.purpose = Some("another".to_owned());
        let sealed = file.seal(text, Some(&former), 2).expect("it can be sealed");
        let print = |file: Vec<u8>| String::from_utf8_lossy(&file).into_owned();
        let sealed = print(sealed);
        let carrier = sample.format;
        let fields = split(carrier, &sealed);
        let foreign = [print(older), print(other.seal(text, None, 3).expect("it can be sealed"))];
        let foreign =
            foreign.iter().flat_map(|file| split(carrier, file)).filter(|field| !fields.contains(field)).collect();
        Self { file, sealed, carrier, fields, foreign }
    }

    fn with_everything(mut file: File, owner: &str, text: &[u8]) -> File {
        let metadata = &mut file.header.metadata;
        metadata.owner = Some(owner.to_owned());
        metadata.purpose = Some("orders, \"quoted\"".to_owned());
        metadata.rotate_every = Some("90d".to_owned());
        metadata.rotation_due = Some(day(30));
        metadata.tags = [("team", "a"), ("zone", "b")].map(|(name, tag)| (name.to_owned(), tag.to_owned())).into();
        if file.header.mode == Mode::Values {
            let links = vec!["https://example.com/1".to_owned(), "runbook".to_owned()];
            let generate = Some(KeptRecipe::Clear("hex:32".to_owned()));
            let value = ValueMetadata { owner: Some(owner.to_owned()), links, generate, ..ValueMetadata::default() };
            metadata.values =
                [("a.b[1]", value.clone()), ("z", value)].map(|(key, value)| (key.to_owned(), value)).into();
            // Only who opens the file can seal a recipe for it.
            let opened = open(&file, &file.seal(text, None, 1).expect("it can be sealed"));
            let recipe = opened.seal_recipe("a.b[1]", "password:32", day(1));
            let value = file.header.metadata.values.get_mut("a.b[1]").expect("it is there");
            value.generate = Some(KeptRecipe::Sealed(recipe));
        }
        file
    }

    /// Returns the file with another header.
    fn join(&self, fields: &[String]) -> String {
        let body = &self.sealed[body_start(&self.sealed)..];
        let newline = if self.sealed[..body_start(&self.sealed)].contains("\r\n") { "\r\n" } else { "\n" };
        let bom = if self.sealed.starts_with('\u{feff}') { "\u{feff}" } else { "" };
        if self.carrier == Format::Json {
            let start = self.sealed.find("\"version\"").expect("the first field") - 4;
            let members = fields.iter().map(|field| format!("    {field}")).collect::<Vec<_>>();
            let close = if self.sealed[..body_start(&self.sealed)].ends_with(',') { "  }," } else { "  }" };
            return format!("{}{}{newline}{close}{body}", &self.sealed[..start], members.join(&format!(",{newline}")));
        }
        let prefix = prefix(self.carrier);
        let word = if self.carrier == Format::Opaque { "opaque" } else { "begin" };
        let lines = fields.iter().flat_map(|field| field.split('\n')).map(|line| format!("{prefix}{line}{newline}"));
        format!(
            "{bom}{prefix}secret/v1 {word}{newline}{}{prefix}secret/v1 end{newline}{body}",
            lines.collect::<String>()
        )
    }

    /// Returns each change with a name.
    fn changes(&self) -> Vec<(String, Vec<String>)> {
        assert_eq!(self.join(&self.fields), self.sealed, "the header can be taken apart and put together");
        let mut changes = Vec::new();
        let mut push = |change: String, fields: Vec<String>| {
            if fields != self.fields {
                changes.push((change, fields));
            }
        };
        for (index, field) in self.fields.iter().enumerate() {
            let with = |text: &str| {
                let mut fields = self.fields.clone();
                text.clone_into(&mut fields[index]);
                fields
            };
            let mut without = self.fields.clone();
            without.remove(index);
            push(format!("{field} removed"), without.clone());
            for place in 0..=without.len() {
                let mut moved = without.clone();
                moved.insert(place, field.clone());
                push(format!("{field} moved to {place}"), moved);
                let mut doubled = self.fields.clone();
                doubled.insert(place, field.clone());
                push(format!("{field} repeated at {place}"), doubled);
            }
            for foreign in &self.foreign {
                push(format!("{foreign} in place of {field}"), with(foreign));
            }
            for (spelling, changed) in spellings(field) {
                push(format!("{field} {spelling}"), with(&changed));
            }
        }
        for foreign in &self.foreign {
            for place in 0..=self.fields.len() {
                let mut added = self.fields.clone();
                added.insert(place, foreign.clone());
                push(format!("{foreign} added at {place}"), added);
            }
        }
        push("no field".to_owned(), Vec::new());
        push("backwards".to_owned(), self.fields.iter().rev().cloned().collect());
        changes
    }
}

/// Returns a field with other values, and with the same one in other spellings.
fn spellings(field: &str) -> Vec<(String, String)> {
    let mut changed = Vec::new();
    let mut push = |name: &str, text: String| changed.push((name.to_owned(), text));
    let replaced = |from: &str, to: &str| field.replacen(from, to, 1);
    push("with blanks", format!(" {field}"));
    push("with a blank behind", format!("{field} "));
    push("with a comment", format!("{field} # x"));
    push("as another field", format!("x{field}"));
    push("in capitals", field.to_uppercase());
    push("without blanks", replaced(" = ", "=").replacen(": ", ":", 1));
    push("with more blanks", replaced(" = ", "  = ").replacen(": ", ":  ", 1));
    push("with a tab", replaced(" = ", "\t= ").replacen(": ", ":\t", 1));
    push("in single quotes", field.replace('"', "'"));
    push("with an escape", replaced("a", "\\u0061"));
    push("with an empty list", format!("{}[]", &field[..field.find(['=', ':']).unwrap_or_default() + 2]));
    push("with an empty text", format!("{}\"\"", &field[..field.find(['=', ':']).unwrap_or_default() + 2]));
    push("with a comma", replaced("]", ",]"));
    push("with a trailing line", format!("{field}\nx = 1"));
    push("with a blank line", format!("{field}\n"));
    for (from, to) in [
        ("1", "01"),
        ("1", "+1"),
        ("1", "1_0"),
        ("1", "0x1"),
        ("1", "2"),
        ("1", "4294967297"),
        (", ", ","),
        ("2026", "2027"),
        ("-11-", "-13-"),
    ] {
        push(&format!("with {to} for {from}"), replaced(from, to));
    }
    // Each character of the value, but those of the armor, which bytes.rs changes.
    if !field.contains("BEGIN AGE") {
        for (at, character) in field.char_indices() {
            let other = if character == 'x' { 'y' } else { 'x' };
            let behind = at + character.len_utf8();
            push("with another character", format!("{}{other}{}", &field[..at], &field[behind..]));
            push("with a character less", format!("{}{}", &field[..at], &field[behind..]));
            push("with a character more", format!("{}{character}{}", &field[..at], &field[at..]));
        }
    }
    changed
}

fn prefix(carrier: Format) -> &'static str {
    match carrier {
        Format::Dotenv | Format::Toml | Format::Yaml => "# ",
        Format::Ini => "; ",
        Format::Json => "    ",
        Format::Opaque => "",
    }
}

/// Takes a header apart into its fields, without prefixes, line ends and commas.
fn split(carrier: Format, file: &str) -> Vec<String> {
    if carrier == Format::Json {
        let start = file.find("\"version\"").expect("the first field") - 4;
        let lines = file[start..body_start(file)].lines().take_while(|line| line.starts_with("    "));
        return lines.map(|line| line[4..].trim_end_matches(',').to_owned()).collect();
    }
    let mut fields: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in file.lines().skip(1).map(|line| line.strip_prefix(prefix(carrier)).unwrap_or(line)) {
        if line == "secret/v1 end" {
            break;
        }
        if is_open {
            let field = fields.last_mut().expect("it has a first line");
            field.push('\n');
            field.push_str(line);
            is_open = line != "\"\"\"";
        } else {
            fields.push(line.to_owned());
            is_open = line.ends_with("\"\"\"");
        }
    }
    fields
}
