//! Random documents of every format, the same for the same seed: nested, odd, commented, valid.

mod dotenv;
mod ini;
mod json;
mod toml;
mod yaml;

use std::fmt::Write;

use secret::document::{self, Format};
use secret::envelope::native::{
    Comments, EncryptedFile, FileSecrets, Header, Metadata, Mode, Opened, Recipients, SealError, seal,
};

/// The structured formats.
pub const STRUCTURED: [Format; 5] = [Format::Dotenv, Format::Ini, Format::Json, Format::Toml, Format::Yaml];

/// Returns how many cases to run: `SECRET_CASES` stands for 1,000 and scales every number of cases.
pub fn cases(default: usize) -> usize {
    let scale: usize = std::env::var("SECRET_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1000);
    (default * scale).div_ceil(1000)
}

/// Returns a source of randomness for one test: `SECRET_SEED` gives other documents.
pub fn random(test: &str) -> Random {
    let seed: u64 = std::env::var("SECRET_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    Random(test.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

/// Numbers that look random: splitmix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).expect("below a usize")
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// Returns an offset at which the text can be cut.
    pub fn offset(&mut self, text: &str) -> usize {
        let offset = self.below(text.len() + 1);
        (0..=offset).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or_default()
    }
}

/// A document, and what of it stays in clear.
#[derive(Clone, Debug)]
pub struct Sample {
    pub format: Format,
    pub text: String,
    pub cleartext: Vec<&'static str>,
    pub comments: Comments,
}

impl Sample {
    /// Draws a document that its format's parser reads.
    pub fn draw(random: &mut Random, format: Format) -> Self {
        for _ in 0..100 {
            let text = Writer::new(random).document(format);
            if document::parse(format, &text).is_ok() {
                let cleartext = if random.chance(35) { vec!["**.public*.**"] } else { Vec::new() };
                let comments = match random.below(8) {
                    0 => Comments::Clear,
                    1 => Comments::Modelines,
                    _ => Comments::Sealed,
                };
                return Self { format, text, cleartext, comments };
            }
        }
        panic!("the generator of {format} makes hardly anything valid");
    }

    /// A document in which everything is sealed.
    pub fn of(format: Format, text: &str) -> Self {
        Self { format, text: text.to_owned(), cleartext: Vec::new(), comments: Comments::Sealed }
    }
}

/// One file's keys and header.
pub struct File {
    pub secrets: FileSecrets,
    pub header: Header,
}

impl File {
    pub fn new(sample: &Sample) -> Self {
        Self::with_readers(sample, Recipients::from([("alice".to_owned(), vec!["age1alice".to_owned()])]))
    }

    pub fn with_readers(sample: &Sample, recipients: Recipients) -> Self {
        let secrets = FileSecrets::generate(&recipients);
        let header = Header {
            file_id: secrets.file_id(),
            path: "secrets/file".to_owned(),
            format: sample.format,
            mode: if sample.format == Format::Opaque { Mode::Opaque } else { Mode::Values },
            generation: 1,
            revision: 1,
            metadata: Metadata::default(),
            created: day(1),
            comments: sample.comments,
            cleartext: sample.cleartext.iter().map(|pattern| pattern.parse().expect("a pattern")).collect(),
            recipients,
            exposed: Vec::new(),
            body: None,
            wrapped_key: "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n".to_owned(),
        };
        Self { secrets, header }
    }

    pub fn seal(&self, text: &[u8], previous: Option<&Opened>, today: i8) -> Result<Vec<u8>, SealError> {
        seal(text, self.header.clone(), &self.secrets, previous, day(today))
    }

    /// Opens a file with what its readers unwrap.
    pub fn open(&self, file: &[u8]) -> Result<Opened, String> {
        let file = EncryptedFile::parse(file).map_err(|error| error.to_string())?;
        file.open(&self.secrets.payload(&self.header)).map_err(|error| error.to_string())
    }
}

/// A day of the month in which all tests play.
pub fn day(day: i8) -> jiff::civil::Date {
    jiff::civil::date(2026, 11, day)
}

/// Returns the offset at which the body begins: behind the header.
pub fn body_start(file: &str) -> usize {
    let behind = |mark: &str| file.find(mark).map(|start| start + mark.len());
    if let Some(end) = behind("\"$secret\": {").and(behind("\n  }")) {
        return end + usize::from(file[end..].starts_with(','));
    }
    let end = behind("secret/v1 end").expect("the file has a header");
    file[end..].find('\n').map_or(file.len(), |line_end| end + line_end + 1)
}

/// Values that some reader, or we, might take for something else.
pub const WORDS: [&str; 30] = [
    "hunter2",
    "true",
    "no",
    "5432",
    "-1",
    "0x1F",
    "1e3",
    ".5",
    "1_000",
    "007",
    "2026-11-22",
    "12:30:45",
    "a b",
    "a#b",
    "it's",
    "a:b",
    "http://x:1/?a=b&c",
    "ünïcödé",
    "日本",
    "$HOME",
    "$(id)",
    "`id`",
    "a\\nb",
    "x=y",
    "<<",
    "a,b",
    "v1.2.3-rc_1",
    "p@ss!w0rd%",
    "secret",
    "/",
];

/// Writes one document.
struct Writer<'a> {
    random: &'a mut Random,
    out: String,
    names: usize,
    anchors: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(random: &'a mut Random) -> Self {
        Self { random, out: String::new(), names: 0, anchors: Vec::new() }
    }

    fn document(mut self, format: Format) -> String {
        match format {
            Format::Dotenv => self.dotenv(),
            Format::Ini => self.ini(),
            Format::Json => self.json(),
            Format::Opaque => unreachable!("an opaque document has no syntax"),
            Format::Toml => self.toml(),
            Format::Yaml => self.yaml(),
        }
        let Self { random, out: mut text, .. } = self;
        let mut parts = text.split("note");
        let first = parts.next().unwrap_or_default().to_owned();
        text = parts.enumerate().fold(first, |text, (index, part)| format!("{text}note{index}{part}"));
        if random.chance(15) {
            text.truncate(text.trim_end_matches('\n').len());
        }
        match random.below(10) {
            0 | 1 => text = text.replace('\n', "\r\n"),
            2 if format != Format::Toml => text = text.replace('\n', "\r"),
            _ => {}
        }
        if random.chance(8) {
            text.insert(0, '\u{feff}');
        }
        text
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn either(&mut self, choices: &[&'static str]) -> &'static str {
        self.random.pick(choices)
    }

    fn put_either(&mut self, choices: &[&'static str]) {
        let text = self.either(choices);
        self.put(text);
    }

    fn name(&mut self) -> String {
        self.names += 1;
        let stem = self.either(&["key", "public_", "db-", "K", "x_", "token"]);
        format!("{stem}{}", self.names)
    }

    fn word(&mut self) -> &'static str {
        self.either(&WORDS)
    }

    fn comment_text(&mut self) -> &'static str {
        self.either(&[
            " old: hunter1",
            "note",
            " a = \"b\"",
            "# twice",
            "!x",
            " vim: set et:",
            " \t",
            "",
            " tab\there",
            " [x]",
            " 'open",
            " ünï",
            " - a: b",
        ])
    }

    /// Writes lines that say nothing: blank ones and comments.
    fn filler(&mut self, indent: &str, signs: &[&'static str]) {
        while self.random.chance(18) {
            if self.random.chance(40) {
                self.put_either(&["\n", "  \n", "\n\n"]);
            } else {
                let (sign, text) = (self.either(signs), self.comment_text());
                let mark = if text.trim().is_empty() { "" } else { " note" };
                let _ = writeln!(self.out, "{indent}{sign}{text}{mark}");
            }
        }
    }
}
