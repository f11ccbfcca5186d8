//! The laws of sealing, on generated documents: every byte comes back, and an honest change stays local.

use std::collections::{HashMap, HashSet};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secret::document::edit::NewValue;
use secret::document::path::Component;
use secret::document::{self, Document, EventKind, Format, Item, Span};
use secret::envelope::native::Opened;

use crate::generate::{File, Random, STRUCTURED, Sample, WORDS, body_start, cases, day, random};

#[test]
fn every_byte_of_a_document_comes_back_and_sealing_again_changes_nothing() {
    for format in STRUCTURED {
        let mut random = random("round trip");
        let count = cases(1000);
        let mut values = 0;
        for _ in 0..count {
            let sample = Sample::draw(&mut random, format);
            let file = File::new(&sample);
            let sealed = seal(&file, &sample, &sample.text, None, 1);
            let opened = open(&file, &sealed);
            assert_eq!(text(&opened), sample.text);
            let again = seal(&file, &sample, &sample.text, Some(&opened), 2);
            assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&sealed), "{sample:?}");
            values += opened.values.len();
        }
        println!("{format}: {count} documents with {values} values came back byte for byte");
    }
}

#[test]
fn every_byte_of_an_opaque_file_comes_back() {
    let mut random = random("opaque");
    let count = cases(1000);
    for index in 0..count {
        let length = match index % 50 {
            0 => 65_500 + random.below(100),
            1 => random.below(200_000),
            _ => random.below(400),
        };
        let content: Vec<u8> = (0..length).map(|_| random.next().to_le_bytes()[0]).collect();
        let file = File::new(&Sample::of(Format::Opaque, ""));
        let sealed = file.seal(&content, None, 1).expect("any bytes can be sealed");
        let opened = file.open(&sealed).expect("it opens");
        assert!(*opened.plaintext == content);
        assert!(file.seal(&content, Some(&opened), 2).expect("the same") == sealed);
    }
    println!("opaque: {count} files came back byte for byte");
}

#[test]
fn an_honest_change_touches_its_own_lines_and_the_next_token() {
    for format in STRUCTURED {
        let mut random = random("change");
        let count = cases(1000);
        let mut done: HashMap<&str, usize> = HashMap::new();
        for _ in 0..count {
            let sample = Sample::draw(&mut random, format);
            let file = File::new(&sample);
            let sealed = seal(&file, &sample, &sample.text, None, 1);
            let before = open(&file, &sealed);
            let Some((name, changed)) = change(&mut random, &sample) else { continue };
            let resealed = match file.seal(changed.as_bytes(), Some(&before), 2) {
                Ok(resealed) => resealed,
                Err(error) => panic!("{name}: {error}\n{sample:?}\n{changed}"),
            };
            let after = open(&file, &resealed);
            assert_eq!(text(&after), changed);
            if !Comparison::new(&sealed, &before, &resealed, &after).check(name, &sample) {
                continue;
            }
            *done.entry(name).or_default() += 1;
        }
        let mut done: Vec<_> = done.into_iter().collect();
        done.sort_unstable();
        println!("{format}: {count} documents, changes {done:?}");
        assert!(done.iter().map(|(_, count)| count).sum::<usize>() * 10 > count * 7, "too few changes could be made");
    }
}

#[test]
fn a_value_is_as_old_as_its_last_change() {
    let versions = [
        // The plaintext, and the day of each value and comment in it.
        ("a: one\nb: two\n", vec![1, 1]),
        ("a: 'one'\nb: |\n  two\n", vec![1, 2]),
        ("a: \"one\"\nb: |\n  two\n", vec![1, 2]),
        ("renamed: \"one\"\nb: |\n  two\n", vec![1, 2]),
        ("renamed: 1\nb: |\n  two\n", vec![5, 2]),
        ("renamed: '1'\nb: |\n  two\n", vec![6, 2]),
        ("renamed: one\nb: |\n  two\nc: three # note\n", vec![7, 2, 7, 7]),
        ("b: |\n  two\nrenamed: one\nc: three # note 2\n", vec![2, 7, 7, 8]),
    ];
    let sample = Sample::of(Format::Yaml, versions[0].0);
    let file = File::new(&sample);
    let mut previous: Option<Opened> = None;
    for (today, (version, days)) in (1..).zip(versions) {
        let sealed = file.seal(version.as_bytes(), previous.as_ref(), today).expect("it can be sealed");
        let opened = open(&file, &sealed);
        let stamps: Vec<_> =
            opened.values.iter().chain(&opened.comments).map(|opened| opened.token.stamp.day).collect();
        assert_eq!(stamps, days.into_iter().map(day).collect::<Vec<_>>(), "day {today}: {version}");
        previous = Some(opened);
    }
}

#[test]
fn a_new_data_key_seals_everything_again_and_keeps_the_days() {
    let sample = Sample::of(Format::Yaml, "# note\na: one\nb: two\n");
    let file = File::new(&sample);
    let before = open(&file, &seal(&file, &sample, &sample.text, None, 1));
    let mut header = file.header.clone();
    header.generation = 2;
    let rekeyed = File { secrets: file.secrets.with_new_data_key(&header), header };
    let after = open(&rekeyed, &seal(&rekeyed, &sample, "# note\na: one\nb: three\n", Some(&before), 2));
    let stamps: Vec<_> = after
        .values
        .iter()
        .chain(&after.comments)
        .map(|opened| (opened.token.stamp.day, opened.token.stamp.generation))
        .collect();
    assert_eq!(stamps, [(day(1), 1), (day(2), 2), (day(1), 1)]);
    let old: HashSet<String> =
        before.values.iter().chain(&before.comments).map(|opened| opened.token.to_string()).collect();
    assert!(after.values.iter().chain(&after.comments).all(|opened| !old.contains(&opened.token.to_string())));
}

#[test]
fn a_value_put_back_has_another_token_than_before() {
    let sample = Sample::of(Format::Json, r#"{"a": "one", "b": "two"}"#);
    let file = File::new(&sample);
    let mut previous: Option<Opened> = None;
    let mut seen = HashSet::new();
    for today in 1..20 {
        let text = if today % 2 == 0 { sample.text.replace("one", "uno") } else { sample.text.clone() };
        let opened = open(&file, &file.seal(text.as_bytes(), previous.as_ref(), today).expect("it can be sealed"));
        assert!(seen.insert(opened.values[0].token.to_string()));
        assert_eq!(opened.values[0].token.stamp.day, day(today));
        assert_eq!(opened.values[1].token.stamp.day, day(1));
        previous = Some(opened);
    }
}

#[test]
fn equal_values_share_no_ciphertext_in_or_across_files() {
    let mut windows: HashMap<[u8; 8], usize> = HashMap::new();
    let count = cases(400);
    let mut tokens = 0;
    for file in 0..3 {
        let plaintext: String = (0..count).map(|index| format!("K{index}=hunter2 # hunter2\n")).collect();
        let sample = Sample::of(Format::Dotenv, &plaintext);
        let keys = File::new(&sample);
        let opened = open(&keys, &seal(&keys, &sample, &plaintext, None, 1));
        for token in opened.values.iter().chain(&opened.comments) {
            let token = token.token.to_string();
            let bytes = URL_SAFE_NO_PAD.decode(token.rsplit('.').next().expect("it has dots")).expect("base64");
            tokens += 1;
            for window in bytes.windows(8) {
                let window = window.try_into().expect("eight bytes");
                let first = windows.insert(window, tokens);
                assert!(
                    first.is_none_or(|first| first == tokens),
                    "file {file}: {token} shares {window:?} with token {first:?}"
                );
            }
        }
    }
    println!("{tokens} tokens of one value share no 8 bytes");
}

#[test]
fn the_length_of_a_token_tells_only_a_bucket() {
    let plaintext: String = (0..2100).map(|length| format!("K{length}={}\n", "x".repeat(length))).collect();
    let sample = Sample::of(Format::Dotenv, &plaintext);
    let file = File::new(&sample);
    let opened = open(&file, &seal(&file, &sample, &plaintext, None, 1));
    let mut lengths: HashMap<usize, (usize, usize)> = HashMap::new();
    for (length, value) in opened.values.iter().enumerate() {
        let range = lengths.entry(value.token.to_string().len()).or_insert((length, length));
        *range = (range.0.min(length), range.1.max(length));
    }
    let mut buckets: Vec<(usize, usize)> = lengths.into_values().collect();
    buckets.sort_unstable();
    assert_eq!(buckets[..4], [(0, 31), (32, 63), (64, 127), (128, 255)]);
    assert!(buckets[4..].iter().all(|(start, end)| end - start >= 15 && (end - start) * 9 <= *end), "{buckets:?}");
    assert!(buckets.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{buckets:?}");
}

/// Makes one honest change; returns its name and the new text.
pub fn change(random: &mut Random, sample: &Sample) -> Option<(&'static str, String)> {
    let Sample { format, text, .. } = sample;
    let document = document::parse(*format, text).expect("the sample is valid");
    for _ in 0..12 {
        let (name, changed) = match random.below(6) {
            0 => ("value set", set_value(random, *format, text, &document)),
            1 => ("key added", add_key(random, *format, text, &document)),
            2 => ("key removed", remove(random, *format, text, &document)),
            3 => ("comment changed", change_comment(random, text, &document)),
            4 => ("key renamed", rename(random, text, &document)),
            _ => ("line removed or moved", change_line(random, text)),
        };
        let Some(changed) = changed.filter(|changed| changed != text) else { continue };
        if document::parse(*format, &changed).is_ok() {
            return Some((name, changed));
        }
    }
    None
}

fn set_value(random: &mut Random, format: Format, text: &str, document: &Document) -> Option<String> {
    let leaves: Vec<_> = document.leaves().collect();
    let leaf = leaves.get(random.below(leaves.len()))?;
    let value = format!("{}{}", random.pick(&WORDS), random.pick(&["", " ", "\n", "x"]));
    document::set(format, text, document, &leaf.path, NewValue::Text(&value)).ok().map(|text| text.to_string())
}

fn add_key(random: &mut Random, format: Format, text: &str, document: &Document) -> Option<String> {
    let leaves: Vec<_> = document.leaves().collect();
    let mut path = leaves.get(random.below(leaves.len()))?.path.clone();
    let key = match path.0.pop()? {
        Component::Item(item) => Component::Item(item + 1),
        _ => Component::key(format!("added{}", random.below(1000))),
    };
    let value = random.pick(&WORDS);
    document::set(format, text, document, &path.child(key), NewValue::Text(value)).ok().map(|text| text.to_string())
}

fn remove(random: &mut Random, format: Format, text: &str, document: &Document) -> Option<String> {
    let leaves: Vec<_> = document.leaves().collect();
    let mut path = leaves.get(random.below(leaves.len()))?.path.clone();
    path.0.truncate(1 + random.below(path.0.len()));
    document::unset(format, text, document, &path).ok().map(|text| text.to_string())
}

fn change_comment(random: &mut Random, text: &str, document: &Document) -> Option<String> {
    let comments: Vec<Span> = document
        .items
        .iter()
        .filter_map(|item| if let Item::Comment(comment) = item { Some(comment.span) } else { None })
        .collect();
    let span = comments.get(random.below(comments.len()))?;
    Some(replace(text, *span, random.pick(&[" new", "new: comment", " x # y"])))
}

fn rename(random: &mut Random, text: &str, document: &Document) -> Option<String> {
    let keys: Vec<Span> = document
        .items
        .iter()
        .filter_map(|item| match item {
            Item::Event(event) if event.kind == EventKind::Key => Some(event.span),
            _ => None,
        })
        .collect();
    let span = keys.get(random.below(keys.len()))?;
    let key = span.of(text);
    let end = key.len() - usize::from(key.ends_with(['"', '\'']));
    Some(replace(text, *span, &format!("{}_new{}", &key[..end], &key[end..])))
}

/// Removes a line, or moves it.
fn change_line(random: &mut Random, text: &str) -> Option<String> {
    let (bom, text) = text.split_at(if text.starts_with('\u{feff}') { 3 } else { 0 });
    let mut lines: Vec<&str> = text.split_inclusive(if text.contains('\n') { '\n' } else { '\r' }).collect();
    let index = random.below(lines.len());
    let line = *lines.get(index)?;
    lines.remove(index);
    if random.chance(40) {
        lines.insert(random.below(lines.len() + 1), line);
    }
    Some(bom.to_owned() + &lines.concat())
}

fn replace(text: &str, span: Span, with: &str) -> String {
    [&text[..span.start], with, &text[span.end..]].concat()
}

/// A file before and after a change.
struct Comparison<'a> {
    headers: [&'a [u8]; 2],
    before: Vec<Bound>,
    after: Vec<Bound>,
}

/// An item of a plaintext, with the token that stands for it.
struct Bound {
    /// Kind, key path without indexes, source text, and the layout it depends on.
    shape: String,
    /// Key path and source text of a leaf.
    leaf: Option<String>,
    token: Option<String>,
    is_value: bool,
    value: Option<String>,
    day: Option<jiff::civil::Date>,
}

impl<'a> Comparison<'a> {
    fn new(sealed: &'a [u8], before: &Opened, resealed: &'a [u8], after: &Opened) -> Self {
        let header = |file: &'a [u8]| &file[..body_start(str::from_utf8(file).expect("text"))];
        Self { headers: [header(sealed), header(resealed)], before: bound(before), after: bound(after) }
    }

    /// Demands that nothing but what had to changed; `false` when that cannot be told.
    fn check(&self, name: &str, sample: &Sample) -> bool {
        let (before, after) = (&self.before, &self.after);
        let context = || {
            let list = |items: &[Bound]| {
                items.iter().map(|item| format!("{} {:?}\n", item.shape, item.token)).collect::<String>()
            };
            format!("{name}: {sample:?}\nbefore\n{}after\n{}", list(before), list(after))
        };
        let shortest = before.len().min(after.len());
        let start = (0..shortest).take_while(|index| before[*index].shape == after[*index].shape).count();
        let end = (0..shortest - start)
            .take_while(|index| before[before.len() - 1 - index].shape == after[after.len() - 1 - index].shape)
            .count();
        let changed = (&before[start..before.len() - end], &after[start..after.len() - end]);
        // Of equal values under one key (repeated in INI, or items of a list) either may be the one that stayed.
        let leaves: HashSet<&String> =
            changed.0.iter().chain(changed.1).filter_map(|item| item.leaf.as_ref()).collect();
        let mut unchanged = before[..start].iter().chain(&before[before.len() - end..]);
        if unchanged.any(|item| item.leaf.as_ref().is_some_and(|leaf| leaves.contains(leaf))) {
            return false;
        }
        // What may differ: the changed items; the next value's token, which binds them; and at the end of the document
        // the last value's token before them, which binds, or bound, everything behind it.
        let behind = &after[after.len() - end..];
        let next = behind.iter().position(|item| item.is_value);
        let last = if next.is_none() { after[..start].iter().rposition(|item| item.is_value) } else { None };
        for index in 0..start {
            assert!(
                before[index].token == after[index].token || Some(index) == last,
                "item {index} before the change\n{}",
                context()
            );
            assert!(before[index].day == after[index].day, "item {index} before the change was stamped\n{}", context());
        }
        for index in 0..end {
            let (old, new) = (&before[before.len() - end + index], &after[after.len() - end + index]);
            assert!(old.token == new.token || Some(index) == next, "item {index} behind the change\n{}", context());
            assert!(old.day == new.day, "item {index} behind the change was stamped\n{}", context());
        }
        if let ([old], [new]) = changed
            && let (Some(old_token), Some(new_token)) = (&old.token, &new.token)
        {
            // One leaf or comment with another text: it keeps its id, so that nothing else changes.
            assert!(old_token != new_token, "{}", context());
            assert!(
                behind.iter().zip(&before[before.len() - end..]).all(|(new, old)| new.token == old.token),
                "{}",
                context()
            );
            let expected = if old.value == new.value { day(1) } else { day(2) };
            assert_eq!(new.day, Some(expected), "{}", context());
        }
        let has_values = |items: &[Bound]| items.iter().any(|item| item.is_value);
        if has_values(before) && has_values(after) {
            // Its line ends are those of the first line; blanks may stand before it.
            let headers = self.headers.map(|header| {
                String::from_utf8_lossy(header).replace('\r', "").trim_matches(['\u{feff}', ' ', '\n', ',']).to_owned()
            });
            assert_eq!(headers[0], headers[1], "the header changed\n{}", context());
        }
        true
    }
}

fn bound(opened: &Opened) -> Vec<Bound> {
    let text = text(opened);
    let document = opened.document().expect("it is structured");
    let tokens: HashMap<usize, _> =
        opened.values.iter().chain(&opened.comments).map(|opened| (opened.item, opened)).collect();
    let items = document.items.iter().enumerate().map(|(index, item)| {
        let token = tokens.get(&index);
        let mut leaf_key = None;
        let (shape, value) = match item {
            Item::Comment(comment) => {
                (format!("comment {:?}", comment.span.of(&text)), Some(comment.span.of(&text).to_owned()))
            }
            Item::Event(event) => (format!("{:?} {:?}", event.kind, event.span.of(&text)), None),
            Item::Leaf(leaf) => {
                let path: Vec<_> = leaf
                    .path
                    .0
                    .iter()
                    .map(|step| match step {
                        Component::Document(_) => "@".to_owned(),
                        Component::Item(_) => "[]".to_owned(),
                        Component::Key { kind, name, .. } => format!("{kind:?} {name:?}"),
                    })
                    .collect();
                leaf_key = Some(format!("{path:?} {:?}", leaf.span.of(&text)));
                let layout = match opened.header.format {
                    Format::Dotenv | Format::Ini => format!("{:?}", leaf.layout.trail.of(&text)),
                    Format::Yaml if leaf.style.is_block() => {
                        format!("{:?}", (leaf.layout.indent, leaf.layout.line_end))
                    }
                    _ => String::new(),
                };
                (
                    format!("leaf {path:?} {:?} {layout}", leaf.span.of(&text)),
                    Some(format!("{:?} {:?}", leaf.kind, leaf.value.as_str())),
                )
            }
        };
        Bound {
            leaf: leaf_key,
            shape,
            token: token.map(|opened| opened.token.to_string()),
            is_value: token.is_some() && matches!(item, Item::Leaf(_)),
            value,
            day: token.map(|opened| opened.token.stamp.day),
        }
    });
    items.collect()
}

#[track_caller]
pub fn seal(file: &File, sample: &Sample, text: &str, previous: Option<&Opened>, today: i8) -> Vec<u8> {
    file.seal(text.as_bytes(), previous, today).unwrap_or_else(|error| panic!("{error}: {text:?}\n{sample:?}"))
}

#[track_caller]
pub fn open(file: &File, sealed: &[u8]) -> Opened {
    file.open(sealed).unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(sealed)))
}

pub fn text(opened: &Opened) -> String {
    String::from_utf8(opened.plaintext.to_vec()).expect("a structured document is text")
}
