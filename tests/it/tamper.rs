//! Somebody without any key changes files: everything that changes what a file means is refused.

use std::collections::HashSet;
use std::time::Instant;

use secret::document::{Document, Format, Item, Span};
use secret::envelope::native::{Opened, OpenedToken};

use crate::generate::{File, Random, Sample, body_start, cases, random};
use crate::laws::{change, open, seal, text};
use crate::readers::{readings, typed_tree};

#[test]
fn no_dotenv_file_can_be_changed_without_the_key() {
    tamper_with_many(Format::Dotenv);
}

#[test]
fn no_ini_file_can_be_changed_without_the_key() {
    tamper_with_many(Format::Ini);
}

#[test]
fn no_json_file_can_be_changed_without_the_key() {
    tamper_with_many(Format::Json);
}

#[test]
fn no_toml_file_can_be_changed_without_the_key() {
    tamper_with_many(Format::Toml);
}

#[test]
fn no_yaml_file_can_be_changed_without_the_key() {
    tamper_with_many(Format::Yaml);
}

fn tamper_with_many(format: Format) {
    let mut random = random(format.name());
    let (wanted, start) = (cases(6000), Instant::now());
    let (mut tried, mut opened, mut conceded) = (0, 0, 0);
    let mut let_through = Vec::new();
    while tried < wanted {
        let target = Target::draw(&mut random, format);
        for _ in 0..40 {
            let tampered = target.tamper(&mut random);
            if tampered == target.file {
                continue;
            }
            tried += 1;
            match target.judge(tampered.as_bytes()) {
                Verdict::Refused => {}
                Verdict::SameMeaning => opened += 1,
                Verdict::OlderTokens => conceded += 1,
                Verdict::LetThrough(reason) => let_through.push((reason, target.show(&tampered))),
            }
        }
    }
    println!(
        "{format}: {tried} tamperings, {} refused, {opened} opened with the same meaning, {conceded} with older tokens, {} let through, in {:.1?}",
        tried - opened - conceded - let_through.len(),
        let_through.len(),
        start.elapsed()
    );
    if let Some((reason, example)) = let_through.iter().min_by_key(|(_, example)| example.len()) {
        panic!("{} let through, the shortest: {reason}\n{example}", let_through.len());
    }
}

pub enum Verdict {
    Refused,
    /// Opens, and means the same.
    SameMeaning,
    /// Opens to a document that the file alone cannot tell from an honest one: each token and all that it binds was
    /// written by somebody with this data key (docs/threat-model.md).
    OlderTokens,
    LetThrough(&'static str),
}

/// A file under attack, and all that the attacker finds elsewhere.
pub struct Target {
    pub keys: File,
    pub file: String,
    pub plaintext: String,
    current: HashSet<String>,
    /// What each token that was ever sealed with this data key binds.
    history: HashSet<Segment>,
    /// Tokens of this revision, of older ones and of other files.
    pub foreign: Vec<String>,
    /// Lines of this revision, of older ones and of other files.
    pub lines: Vec<String>,
    pub opened: Opened,
}

/// A value with what its token binds: the id of the token before it, and every item between the two.
type Segment = (Option<[u8; 8]>, Vec<String>, Option<[u8; 8]>);

impl Target {
    /// Draws a file with two older revisions, and another file of the same readers.
    fn draw(random: &mut Random, format: Format) -> Self {
        let sample = Sample::draw(random, format);
        Self::with_history(random, &sample)
    }

    /// A file with two older revisions, and another file of the same readers.
    pub fn with_history(random: &mut Random, sample: &Sample) -> Self {
        let keys = File::new(sample);
        let mut files = vec![seal(&keys, sample, &sample.text, None, 1)];
        let mut revisions = vec![open(&keys, &files[0])];
        let mut current = sample.clone();
        for today in 2..4 {
            if let Some((_, changed)) = change(random, &current) {
                let Ok(file) = keys.seal(changed.as_bytes(), revisions.last(), today) else { continue };
                current.text = changed;
                revisions.push(open(&keys, &file));
                files.push(file);
            }
        }
        let other = seal(&File::new(sample), sample, &sample.text, None, 1);
        Self::new(keys, revisions, files, &[other])
    }

    /// A file that was never changed, and nothing else.
    pub fn of(sample: &Sample) -> Self {
        let keys = File::new(sample);
        let file = seal(&keys, sample, &sample.text, None, 1);
        let opened = open(&keys, &file);
        Self::new(keys, vec![opened], vec![file], &[])
    }

    fn new(keys: File, mut revisions: Vec<Opened>, files: Vec<Vec<u8>>, others: &[Vec<u8>]) -> Self {
        let history = revisions.iter().flat_map(segments).collect();
        let opened = revisions.pop().expect("there is one");
        let [files, others] = [&files, others]
            .map(|files| files.iter().map(|file| String::from_utf8_lossy(file).into_owned()).collect::<Vec<_>>());
        let file = files.last().expect("one for each revision").clone();
        let all = || files.iter().chain(&others);
        Self {
            plaintext: text(&opened),
            current: tokens(&file).into_iter().map(|range| file[range].to_owned()).collect(),
            foreign: all().flat_map(|text| tokens(text).into_iter().map(|range| text[range].to_owned())).collect(),
            lines: all().flat_map(|text| text[body_start(text)..].split_inclusive('\n').map(str::to_owned)).collect(),
            keys,
            file,
            history,
            opened,
        }
    }

    pub fn judge(&self, file: &[u8]) -> Verdict {
        let Ok(opened) = self.keys.open(file) else { return Verdict::Refused };
        let format = self.keys.header.format;
        let found = text(&opened);
        let is_current =
            opened.values.iter().chain(&opened.comments).all(|opened| self.current.contains(&opened.token.to_string()));
        if !is_current {
            let is_conceded = segments(&opened).iter().all(|segment| self.history.contains(segment));
            return if is_conceded { Verdict::OlderTokens } else { Verdict::LetThrough("older tokens in a new order") };
        }
        let (before, after) = (document(&self.opened), document(&opened));
        if typed_tree(before, &self.plaintext) != typed_tree(after, &found) {
            return Verdict::LetThrough("the program reads it differently");
        }
        if sealed_comments(&self.opened) != sealed_comments(&opened) {
            return Verdict::LetThrough("a sealed comment changed");
        }
        // Readers of lines other than the program know no lone CR.
        let has_returns = before.leaves().any(|leaf| leaf.layout.trail.of(&self.plaintext).ends_with('\r'));
        if has_returns {
            return Verdict::SameMeaning;
        }
        // A reader that refuses it (a tab, for libyaml) is not misled.
        for (before, after) in readings(format, &self.plaintext).iter().zip(readings(format, &found)) {
            if after.is_some() && before.is_some() && *before != after {
                return Verdict::LetThrough("another reader reads it differently");
            }
        }
        Verdict::SameMeaning
    }

    pub fn show(&self, tampered: &str) -> String {
        let opened = self.keys.open(tampered.as_bytes()).map(|opened| text(&opened));
        format!(
            "{:?}\n{}\n--- tampered\n{tampered}\n--- plaintext\n{:?}\n--- opened\n{opened:?}",
            self.keys.header.comments, self.file, self.plaintext
        )
    }

    /// Changes the file in one to three ways.
    fn tamper(&self, random: &mut Random) -> String {
        let start = body_start(&self.file);
        let (header, body) = self.file.split_at(start);
        let mut body = body.to_owned();
        for _ in 0..=random.below(3) {
            body = self.tamper_once(random, body);
        }
        match random.below(60) {
            0 => format!("\u{feff}{header}{body}"),
            1 => format!("{}{body}", header.replace("\r\n", "\n").trim_start_matches('\u{feff}')),
            2 => format!("{}{body}", header.replace("\r\n", "\n").replace('\n', "\r\n")),
            3 => format!("\n{header}{body}"),
            _ => format!("{header}{body}"),
        }
    }

    fn tamper_once(&self, random: &mut Random, mut body: String) -> String {
        match random.below(18) {
            0..5 => self.tamper_with_lines(random, &body),
            5..10 => self.tamper_with_tokens(random, body),
            10 => {
                body.truncate(random.offset(&body));
                body
            }
            11 => match random.below(5) {
                0 => body.replace("\r\n", "\n").replace('\n', "\r\n"),
                1 => body.replace("\r\n", "\n"),
                2 => body.replace("\r\n", "\n").replace('\n', "\r"),
                3 => body.trim_end_matches(['\r', '\n']).to_owned(),
                _ => body + random.pick(&["\n", "\r\n", "\r", " ", "\n\n", "\n  \n"]),
            },
            12 | 13 => {
                // Replaces one character of the structure.
                let offsets: Vec<usize> =
                    body.char_indices().filter(|(_, c)| !c.is_ascii_alphanumeric()).map(|(offset, _)| offset).collect();
                let Some(offset) = offsets.get(random.below(offsets.len())) else { return body };
                let end = offset + body[*offset..].chars().next().map_or(0, char::len_utf8);
                let with = random.pick(&PIECES);
                body.replace_range(*offset..end, if random.chance(40) { "" } else { with });
                body
            }
            _ => {
                let offset = random.offset(&body);
                // Mostly beside a token or at the edge of a line: in the middle of a token everything is refused.
                let edges: Vec<usize> = tokens(&body)
                    .into_iter()
                    .flat_map(|range| [range.start, range.end])
                    .chain(line_starts(&body))
                    .collect();
                let offset =
                    if random.chance(85) { *edges.get(random.below(edges.len())).unwrap_or(&offset) } else { offset };
                body.insert_str(offset, random.pick(&PIECES));
                body
            }
        }
    }

    fn tamper_with_lines(&self, random: &mut Random, body: &str) -> String {
        let end = if body.contains('\n') { '\n' } else { '\r' };
        let mut lines: Vec<String> = body.split_inclusive(end).map(str::to_owned).collect();
        let (one, other) = (random.below(lines.len()), random.below(lines.len()));
        if lines.is_empty() {
            return self.lines.get(random.below(self.lines.len())).cloned().unwrap_or_default();
        }
        match random.below(12) {
            0 => lines.swap(one, other),
            1 => {
                let line = lines.remove(one);
                lines.insert(random.below(lines.len() + 1), line);
            }
            2 => lines.insert(other, lines[one].clone()),
            3 => _ = lines.remove(one),
            4 => _ = lines.drain(one.min(other)..one.max(other)),
            5 => {
                // Indents lines, or the reverse.
                let indent = random.pick(&[" ", "  ", "    ", "\t"]);
                let (first, last) = (one.min(other), if random.chance(60) { one.min(other) } else { one.max(other) });
                let is_deeper = random.chance(50);
                for line in &mut lines[first..=last] {
                    *line = if is_deeper {
                        format!("{indent}{line}")
                    } else {
                        line.strip_prefix(indent).unwrap_or(line).to_owned()
                    };
                }
            }
            6 => {
                lines[one]
                    .insert_str(0, random.pick(&["# ", ";", "#\n", "- ", "? ", "x: ", "export ", "--- ", "\"\n"]));
            }
            7 => lines.insert(one, self.lines.get(random.below(self.lines.len())).cloned().unwrap_or_default()),
            8 => {
                lines[one] = lines[one].trim_end().to_owned()
                    + random.pick(&["", " ", "\n", "\r\n", "\r", " \n", "\t\n", " #\n", " # \n", ",\n", " \\\n"]);
            }
            9 => lines.insert(one, random.pick(&LINES).to_owned()),
            10 => {
                // Indents a block, so that it stays one.
                let indent_of = |line: &String| line.len() - line.trim_start_matches(' ').len();
                let indent = indent_of(&lines[one]);
                let end = lines[one..].iter().position(|line| indent_of(line) < indent);
                let end = end.map_or(lines.len(), |length| one + length);
                let is_deeper = random.chance(50);
                for line in &mut lines[one..end] {
                    *line =
                        if is_deeper { format!(" {line}") } else { line.strip_prefix(' ').unwrap_or(line).to_owned() };
                }
            }
            _ => {
                let block: Vec<String> = lines.drain(one.min(other)..one.max(other)).collect();
                let at = random.below(lines.len() + 1);
                lines.splice(at..at, block);
            }
        }
        lines.concat()
    }

    fn tamper_with_tokens(&self, random: &mut Random, mut body: String) -> String {
        let ranges = tokens(&body);
        if ranges.is_empty() {
            return body;
        }
        let (one, other) = (ranges[random.below(ranges.len())].clone(), ranges[random.below(ranges.len())].clone());
        let (one, other) = if one.start <= other.start { (one, other) } else { (other, one) };
        let token = body[one.clone()].to_owned();
        match random.below(9) {
            0 if one != other => {
                let second = body[other.clone()].to_owned();
                body.replace_range(other, &token);
                body.replace_range(one, &second);
            }
            1 => body.replace_range(other, &token),
            2..5 => body.replace_range(one, &self.foreign[random.below(self.foreign.len())]),
            5 => body.replace_range(
                one,
                random.pick(&["", "x", "\"x\"", "null", "{}", "[]", "*a1", "secret-v2.x", "''", "|\n   x"]),
            ),
            6 => {
                let (before, behind) = WRAPPINGS[random.below(WRAPPINGS.len())];
                body.replace_range(one, &format!("{before}{token}{behind}"));
            }
            7 => {
                // Changes what the token says in clear.
                let changes = [
                    (".v.", ".b."),
                    (".b.", ".v."),
                    (".v.", ".c."),
                    (".c.", ".v."),
                    ("-11-0", "-12-0"),
                    (".1.", ".2."),
                ];
                let (from, to) = changes[random.below(changes.len())];
                body.replace_range(one, &token.replacen(from, to, 1));
            }
            _ => {
                let offset = one.start + random.below(token.len());
                body.replace_range(offset..=offset, random.pick(&["A", "_", "-", "", "0", "."]));
            }
        }
        body
    }
}

fn document(opened: &Opened) -> &Document {
    opened.document().expect("it is structured")
}

/// Returns the texts of the sealed comments, in their order.
fn sealed_comments(opened: &Opened) -> Vec<String> {
    let (text, items) = (text(opened), &document(opened).items);
    let comment = |opened: &OpenedToken| match &items[opened.item] {
        Item::Comment(comment) => comment.span.of(&text).to_owned(),
        Item::Event(_) | Item::Leaf(_) => panic!("no comment"),
    };
    opened.comments.iter().map(comment).collect()
}

/// Returns the letters and digits outside of comments in clear. Of signs some can be left out without another meaning, as a
/// comma behind the last item of a list, or YAML's `:` in front of nothing.
pub fn visible(opened: &Opened) -> String {
    let (text, items) = (text(opened), document(opened).items.iter().enumerate());
    let sealed: Vec<usize> = opened.comments.iter().map(|opened| opened.item).collect();
    let clear: Vec<Span> = items
        .filter_map(|(index, item)| match item {
            Item::Comment(comment) if !sealed.contains(&index) => Some(comment.span),
            _ => None,
        })
        .collect();
    let is_kept = |(index, character): &(usize, char)| {
        character.is_alphanumeric() && !clear.iter().any(|span| (span.start..span.end).contains(index))
    };
    text.char_indices().filter(is_kept).map(|(_, character)| character).collect()
}

/// Returns what each value's token binds, and what stands behind the last one.
fn segments(opened: &Opened) -> Vec<Segment> {
    let text = text(opened);
    let mut segments = Vec::new();
    let (mut previous, mut items) = (None, Vec::new());
    let mut values = opened.values.iter().peekable();
    let sealed_comments: Vec<usize> = opened.comments.iter().map(|opened| opened.item).collect();
    for (index, item) in document(opened).items.iter().enumerate() {
        match item {
            Item::Event(event) => items.push(format!("{:?} {:?}", event.kind, event.span.of(&text))),
            Item::Comment(_) => {
                items.extend(sealed_comments.binary_search(&index).is_ok().then(|| "comment".to_owned()));
            }
            Item::Leaf(leaf) => {
                items.push(format!("{:?}", leaf.span.of(&text)));
                if let Some(value) = values.next_if(|value| value.item == index) {
                    let id = value.token.sealed.id().0;
                    // Where a comment stands among events cannot be told.
                    items.sort_by_key(|item| item == "comment");
                    segments.push((previous, std::mem::take(&mut items), Some(id)));
                    previous = Some(id);
                }
            }
        }
    }
    items.sort_by_key(|item| item == "comment");
    segments.push((previous, items, None));
    segments
}

/// Returns where the tokens stand in a text.
pub fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let starts = text.match_indices("secret-v1.").map(|(start, _)| start);
    starts
        .map(|start| start..text[start..].find(|c| !is_token(c)).map_or(text.len(), |length| start + length))
        .collect()
}

fn line_starts(text: &str) -> Vec<usize> {
    let ends = text.match_indices(['\n', '\r']).map(|(end, _)| end);
    ends.flat_map(|end| [end, end + 1]).chain([0, text.len()]).collect()
}

/// Pieces that mean something in some format, or to some reader.
pub const PIECES: [&str; 74] = [
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "\n\n",
    "\u{b}",
    "\u{c}",
    "\u{0}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{200b}",
    "\u{202e}",
    "\u{7f}",
    "\u{1b}[2K",
    "#",
    " #",
    "# x",
    " # x",
    ";",
    "; x",
    "#\n",
    "\"",
    "'",
    "`",
    "\"\"\"",
    "'''",
    "[",
    "]",
    "{",
    "}",
    "[[",
    "]]",
    ",",
    ":",
    ": ",
    "=",
    " = ",
    ".",
    "-",
    "- ",
    "? ",
    "|",
    "|\n",
    ">-\n ",
    "&x ",
    "*x",
    "*a1",
    "!",
    "!!str ",
    "!!binary ",
    "!!null ",
    "!x ",
    "<<: ",
    "%",
    "@",
    "\\",
    "\\\n",
    "~",
    "null",
    "0",
    "a",
    "x: ",
    "x=",
    "---\n",
    "...\n",
    "--- ",
    "export ",
    "$",
    "\\u0020",
];

/// Lines that an attacker may add.
pub const LINES: [&str; 26] = [
    "x: y\n",
    "x: {}\n",
    "x: []\n",
    "x:\n",
    "x = 1\n",
    "x=\n",
    "x=y\n",
    "x\n",
    "- x\n",
    "-\n",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "%TAG ! tag:x,2000:\n",
    "# approved-by: security\n",
    "#\n",
    "; x\n",
    "[x]\n",
    "[[x]]\n",
    "[db]\n",
    "\"x\": 1,\n",
    "\"x\": {},\n",
    "<<: *a1\n",
    "? x\n",
    "  \t\n",
    "# secret/v1 end\n",
];

/// What an attacker may put around a token.
const WRAPPINGS: [(&str, &str); 20] = [
    ("[", "]"),
    ("{x: ", "}"),
    ("\"", "\""),
    ("'", "'"),
    ("\"\"\"", "\"\"\""),
    ("'''", "'''"),
    ("|\n  ", ""),
    (">-\n   ", ""),
    ("!!str ", ""),
    ("!x ", ""),
    ("&x ", ""),
    ("&x !!binary ", ""),
    ("\n  ", ""),
    ("\n", ""),
    ("", "\n  more"),
    ("- ", ""),
    ("x: ", ""),
    ("{\"x\": ", "}"),
    ("[ ", " , ]"),
    ("", " # x"),
];
