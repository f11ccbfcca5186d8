//! Random documents of every format, the same for the same seed: nested, odd, commented, valid.

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

    fn dotenv(&mut self) {
        for _ in 0..self.random.below(9) {
            self.filler("", &["#", " #"]);
            let name = self.name().replace('-', "_");
            self.put_either(&["", "", "", "export ", "  ", "export\t"]);
            self.put(&name);
            if self.random.chance(8) {
                self.put("\n");
                continue;
            }
            self.put_either(&["=", "=", "=", " = ", "= ", " ="]);
            let word = self.word();
            match self.random.below(9) {
                0 => {}
                1 => _ = write!(self.out, "'{}'", word.replace('\'', "")),
                2 => _ = write!(self.out, "\"{} \\\"x\\\" \\$y\\n\"", word.replace(['"', '\\'], "")),
                3 => _ = write!(self.out, "`{}`", word.replace('`', "")),
                4 => self.put("\"line one\nK=\"".trim_end_matches('"')),
                5 => self.put("'{\n  # no comment\n}'"),
                _ => self.put(word),
            }
            if self.out.ends_with("K=") {
                self.put("2\"");
            }
            self.put_either(&["\n", "\n", "\n", " \n", " # note\n", "\t#note\n", " # \n"]);
        }
        self.filler("", &["#"]);
    }

    fn ini(&mut self) {
        let mut names: Vec<String> = Vec::new();
        for _ in 0..self.random.below(12) {
            self.filler("", &["#", ";"]);
            if self.random.chance(25) {
                let section = self.either(&["db", "db", "a.b", "remote \"origin\"", " x ", "public_s", "Ünï"]);
                let behind = self.either(&["", "", " ", " ; note"]);
                let _ = writeln!(self.out, "[{section}]{behind}");
                continue;
            }
            let fresh = self.name();
            let name = if self.random.chance(15) && !names.is_empty() {
                names[self.random.below(names.len())].clone()
            } else {
                fresh
            };
            names.push(name.clone());
            let indent = self.either(&["", "", "", "", " ", "\t"]);
            self.put(indent);
            self.put(&name);
            if self.random.chance(10) {
                self.put("\n");
                continue;
            }
            self.put_either(&["=", " = ", ": ", "=  ", " =\t"]);
            let word = self.word();
            match self.random.below(8) {
                0 => {}
                1 => _ = write!(self.out, "\"{word}\""),
                2 => _ = write!(self.out, "{word}\n{indent}  more = {word}\n{indent}\t[third]"),
                3 => _ = write!(self.out, "\n{indent} item1\n{indent}  item2"),
                4 => _ = write!(self.out, "{word} ; no comment # either"),
                _ => self.put(word),
            }
            self.put_either(&["\n", "\n", "\n", " \n", "\t \n"]);
        }
        self.filler("", &["#", ";"]);
    }

    fn json(&mut self) {
        self.put_either(&["", "", "", " ", "\n"]);
        let style = self.random.below(3);
        self.json_map(0, style);
        self.put_either(&["\n", "\n", "", " \n\n"]);
    }

    fn json_blank(&mut self, depth: usize, style: usize) {
        match style {
            0 => _ = write!(self.out, "\n{}", "  ".repeat(depth)),
            1 => {}
            _ => self.put_either(&["", " ", "\n", "\t", "\n\n   "]),
        }
    }

    fn json_map(&mut self, depth: usize, style: usize) {
        self.put("{");
        let count = self.random.below(5);
        for index in 0..count {
            self.json_blank(depth + 1, style);
            let name = self.name();
            let name = if self.random.chance(20) { format!("\\u0061 {name}.\\\"\\/") } else { name };
            let _ = write!(self.out, "\"{name}\"");
            self.put_either(if style == 2 { &[":", " : ", ": ", ":\n"] } else { &[": "] });
            self.json_value(depth + 1, style);
            if index + 1 < count {
                self.put_either(if style == 2 { &[",", " ,"] } else { &[","] });
            }
        }
        if count > 0 {
            self.json_blank(depth, style);
        }
        self.put("}");
    }

    fn json_value(&mut self, depth: usize, style: usize) {
        match self.random.below(if depth > 4 { 8 } else { 12 }) {
            0 => self.put_either(&["null", "{}", "[]", "[[]]", "[{}]", "{ }", "[ ]"]),
            1 => self.put_either(&["true", "false"]),
            2 | 3 => self.put_either(&[
                "0",
                "-0",
                "1e400",
                "1E+2",
                "0.10",
                "123456789012345678901234567890",
                "-1.5e-7",
                "5432",
            ]),
            4..8 => {
                let word = self.word().replace('\\', "\\\\");
                let extra = self.either(&["", "", "\\n", "\\u00e9", "\\ud83d\\ude00", " ", "{}", "#", "\\\""]);
                let _ = write!(self.out, "\"{word}{extra}\"");
            }
            8 | 9 => self.json_map(depth, style),
            _ => {
                self.put("[");
                let count = 1 + self.random.below(3);
                for index in 0..count {
                    self.json_blank(depth + 1, style);
                    self.json_value(depth + 1, style);
                    if index + 1 < count {
                        self.put(",");
                    }
                }
                self.json_blank(depth, style);
                self.put("]");
            }
        }
    }

    fn toml(&mut self) {
        self.toml_lines();
        for _ in 0..self.random.below(4) {
            let name = self.name();
            match self.random.below(6) {
                0 => _ = writeln!(self.out, "[{name}.sub]"),
                1 => _ = writeln!(self.out, "[ {name} . \"q u\" ] # note"),
                2 => {
                    for _ in 0..=self.random.below(3) {
                        let _ = writeln!(self.out, "[[{name}]]");
                        self.toml_lines();
                        if self.random.chance(30) {
                            let _ = writeln!(self.out, "[{name}.inner]");
                            self.toml_lines();
                        }
                    }
                    continue;
                }
                3 => {
                    let _ = writeln!(self.out, "[{name}]");
                    self.toml_lines();
                    let _ = writeln!(self.out, "[{name}.\"deep\".er]");
                }
                _ => _ = writeln!(self.out, "[{name}]"),
            }
            self.toml_lines();
        }
        self.filler("", &["#"]);
    }

    fn toml_lines(&mut self) {
        for _ in 0..self.random.below(4) {
            self.filler(" ", &["#"]);
            let name = self.name();
            let key = match self.random.below(6) {
                0 => format!("{name}.x"),
                1 => format!("\"{name} q\""),
                2 => format!("'{name}'. y"),
                _ => name,
            };
            self.put_either(&["", "", "", "  "]);
            self.put(&key);
            self.put_either(&[" = ", " = ", "=", "\t=  "]);
            self.toml_value(0);
            self.put_either(&["\n", "\n", "\n", " # note\n", " \n"]);
        }
    }

    fn toml_value(&mut self, depth: usize) {
        let word = self.word();
        match self.random.below(if depth > 2 { 9 } else { 13 }) {
            0 => self.put_either(&["true", "false", "inf", "-nan", "+1.5e3", "0.0", "1_000.5"]),
            1 => self.put_either(&["0", "-17", "0xDEAD_beef", "0o755", "0b1", "1_000", "99999999999999999999999"]),
            2 => self.put_either(&[
                "2026-11-22",
                "2026-11-22T01:02:03Z",
                "2026-11-22 01:02:03.5",
                "07:32:00",
                "1979-05-27T00:32:00-07:00",
            ]),
            3 => _ = write!(self.out, "'{}'", word.replace('\'', "")),
            4 => _ = write!(self.out, "\"\"\"\n{}\n  \"two\" # no\n\"\"\"", word.replace('\\', "")),
            5 => _ = write!(self.out, "'''{}\n''x'''", word.replace('\'', "")),
            6..9 => _ = write!(self.out, "\"{}\\t\\u00e9\"", word.replace('\\', "\\\\")),
            9 => self.put_either(&["[]", "{}", "[[]]", "[{}]", "[ ]"]),
            10 => {
                self.put("{ ");
                let count = 1 + self.random.below(3);
                for index in 0..count {
                    let name = self.name();
                    let _ = write!(self.out, "{name} = ");
                    self.toml_value(depth + 1);
                    self.put(if index + 1 < count { ", " } else { " }" });
                }
            }
            _ => {
                let is_long = self.random.chance(40);
                self.put(if is_long { "[\n" } else { "[" });
                let count = 1 + self.random.below(3);
                for index in 0..count {
                    self.toml_value(depth + 1);
                    self.put(if index + 1 < count || is_long { "," } else { "" });
                    self.put_either(if is_long { &["\n", " # note\n", "\n# note\n"] } else { &[""] });
                }
                self.put("]");
            }
        }
    }

    fn yaml(&mut self) {
        let count = if self.random.chance(70) { 1 } else { 1 + self.random.below(3) };
        let has_directive = self.random.chance(8);
        self.filler("", &["#"]);
        if has_directive {
            self.put_either(&["%YAML 1.2\n", "%TAG !e! tag:example.com,2026:\n", "%YAML 1.2 # note\n"]);
        }
        for index in 0..count {
            self.anchors.clear();
            if index > 0 || has_directive || self.random.chance(20) {
                self.put_either(&["---\n", "---\n", "--- # note\n"]);
            }
            match self.random.below(12) {
                0 => self.yaml_list(0, 0),
                1 => {
                    self.yaml_flow(0, 0);
                    self.put("\n");
                }
                2 => {
                    let scalar = self.yaml_scalar(false);
                    self.put(&scalar);
                    self.put("\n");
                }
                3 if count > 1 => {}
                _ => self.yaml_map(0, 0),
            }
            if self.random.chance(10) {
                self.put_either(&["...\n", "... # note\n"]);
            }
        }
        self.filler("", &["#"]);
    }

    fn yaml_map(&mut self, indent: usize, depth: usize) {
        let pad = " ".repeat(indent);
        for index in 0..=self.random.below(4) {
            if index > 0 || indent == 0 {
                self.filler(&pad, &["#"]);
                self.put(&pad);
            }
            let name = self.name();
            match self.random.below(14) {
                0 => _ = write!(self.out, "\"{name} \\x41\":"),
                1 => _ = write!(self.out, "'{name}''s':"),
                2 => _ = write!(self.out, "{}:", self.names),
                3 => _ = write!(self.out, "? {name}\n{pad}:"),
                4 => _ = write!(self.out, "? [{name}, {{a: b}}]\n{pad}:"),
                5 => _ = write!(self.out, "&k{name} {name} :"),
                6 => _ = write!(self.out, "!!str {name}:"),
                7 => _ = write!(self.out, "{name} with blanks:"),
                _ => _ = write!(self.out, "{name}:"),
            }
            self.yaml_value(indent, depth);
        }
    }

    fn yaml_list(&mut self, indent: usize, depth: usize) {
        let pad = " ".repeat(indent);
        for index in 0..=self.random.below(3) {
            if index > 0 {
                self.filler(&pad, &["#"]);
            }
            self.put(&pad);
            self.put("-");
            match self.random.below(8) {
                0 if depth < 4 => {
                    self.put(" ");
                    self.yaml_map(indent + 2, depth + 1);
                }
                1 if depth < 4 => {
                    self.put(" - ");
                    let scalar = self.yaml_scalar(false);
                    let _ = writeln!(self.out, "{scalar}\n{pad}  - x");
                }
                _ => self.yaml_value(indent, depth),
            }
        }
    }

    /// Writes a value behind `:` or `-`, and its line end.
    fn yaml_value(&mut self, indent: usize, depth: usize) {
        let step = 1 + self.random.below(4);
        let deeper = " ".repeat(indent + step);
        let properties = self.yaml_properties();
        let choice = self.random.below(if depth > 3 { 15 } else { 20 });
        match choice {
            0 => self.put(properties.trim_end()),
            1 if !self.anchors.is_empty() => {
                let alias = self.anchors[self.random.below(self.anchors.len())].clone();
                let _ = write!(self.out, " *{alias}");
            }
            2 | 3 => {
                let (indicator, chomp) = (self.either(&["|", ">"]), self.either(&["", "-", "+"]));
                let number =
                    if self.random.chance(25) { (1 + self.random.below(step)).to_string() } else { String::new() };
                let order =
                    if self.random.chance(50) { format!("{number}{chomp}") } else { format!("{chomp}{number}") };
                let comment = self.either(&["", "", " # note"]);
                let _ = writeln!(self.out, " {properties}{indicator}{order}{comment}");
                if self.random.chance(25) {
                    self.put("\n");
                }
                for index in 0..=self.random.below(3) {
                    let more = if index > 0 { self.either(&["", "", "  ", "\t"]) } else { "" };
                    let word = self.either(&["key: value", "# no comment", "hunter2", "- x", "'quote"]);
                    let _ = writeln!(self.out, "{deeper}{more}{word}");
                    if self.random.chance(15) {
                        self.put("\n");
                    }
                }
                return;
            }
            4 => _ = write!(self.out, " {properties}\"two\n{deeper}lines \\\n{deeper}  # joined\""),
            5 => _ = write!(self.out, " {properties}'two\n\n{deeper}lines'"),
            6 => _ = write!(self.out, " {properties}plain text\n{deeper}goes on\n{deeper} here"),
            7 => {
                self.put(" ");
                self.put(&properties);
                self.yaml_flow(indent + 1, depth + 1);
            }
            8..15 => {
                let scalar = self.yaml_scalar(false);
                let _ = write!(self.out, " {properties}{scalar}");
            }
            15..18 => {
                let properties =
                    if properties.is_empty() { String::new() } else { format!(" {}", properties.trim_end()) };
                self.put(&properties);
                self.put_either(&["\n", "\n", " # note\n"]);
                self.put(&deeper);
                self.yaml_map(indent + step, depth + 1);
                return;
            }
            _ => {
                self.put_either(&["\n", "\n", " # note\n"]);
                self.yaml_list(indent + step, depth + 1);
                return;
            }
        }
        self.put_either(&["\n", "\n", "\n", " \n", " # note\n", "\t# note\n"]);
    }

    fn yaml_properties(&mut self) -> String {
        let mut properties = String::new();
        if self.random.chance(8) {
            properties.push_str(self.either(&["!!str ", "!local ", "! ", "!<tag:yaml.org,2002:str> "]));
        }
        if self.random.chance(8) {
            self.names += 1;
            let anchor = format!("a{}", self.names);
            properties = if self.random.chance(50) {
                format!("&{anchor} {properties}")
            } else {
                format!("{properties}&{anchor} ")
            };
            self.anchors.push(anchor);
        }
        properties
    }

    fn yaml_scalar(&mut self, is_in_flow: bool) -> String {
        let word = self.word();
        match self.random.below(8) {
            0 => format!("'{}'", word.replace('\'', "''")),
            1 | 2 => format!("\"{}\"", word.replace('\\', "\\\\")),
            3 => self.either(&["null", "~", "true", "5432", "''", "\"\"", "-1.5", ".inf"]).to_owned(),
            _ if is_in_flow => word.replace([',', '`'], "_"),
            _ => word.replace('`', "_"),
        }
    }

    fn yaml_flow(&mut self, indent: usize, depth: usize) {
        let is_map = self.random.chance(50);
        self.put(if is_map { "{" } else { "[" });
        let count = self.random.below(4);
        for index in 0..count {
            if self.random.chance(20) {
                let _ = write!(self.out, "{}\n{}", self.random.pick(&["", " # note"]), " ".repeat(indent + 1));
            }
            if is_map {
                let name = self.name();
                let _ = write!(self.out, "{name}");
                if self.random.chance(10) {
                    self.put(if index + 1 < count { ", " } else { "" });
                    continue;
                }
                self.put(": ");
            } else if self.random.chance(10) {
                self.put("one: ");
            }
            match self.random.below(6) {
                0 if depth < 4 => self.yaml_flow(indent + 1, depth + 1),
                1 => self.put_either(&["{}", "[]", "null"]),
                _ => {
                    let scalar = self.yaml_scalar(true);
                    let properties = self.yaml_properties();
                    self.put(&properties);
                    self.put(&scalar);
                }
            }
            self.put_either(if index + 1 < count { &[", "] } else { &["", "", " ", ", "] });
        }
        self.put(if is_map { "}" } else { "]" });
    }
}
