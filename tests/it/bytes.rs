//! Every change of a kind, made to small files one after the other: each byte, each cut, each line and each token in each
//! other place. Refused, or the same meaning.
//!
//! `SECRET_CASES` of 10,000 and more adds the larger files, and generated ones.

use secret::document::Format;
use secret::envelope::native::Comments;

use crate::generate::{File, Random, STRUCTURED, Sample, body_start, cases, random};
use crate::tamper::{Target, Verdict, tokens, visible};

const FILES: [(Format, &str); 12] = [
    (Format::Dotenv, "# old: hunter1\nexport A='one'\nB = two # note\nC=\n"),
    (Format::Dotenv, "\u{feff}A=\"x\r\ny\"\r\nB=`z`"),
    (Format::Ini, "; note\ntop = 1\n[a]\nk = v\n  more\n[a]\nk: w\nbare\n"),
    (Format::Ini, "[s]\r\na=1\r\n[t]\r\n"),
    (Format::Json, "{\n  \"a\": {\"b\": [1, \"x\", null, {}]},\n  \"public\": true\n}\n"),
    (Format::Json, "{\"a\":\"\\u00e9\"}"),
    (Format::Toml, "a.b = 'x' # note\n[[t]]\nn = 1\n[[t]]\nn = [1979-05-27, {x = \"\"\"\ny\"\"\"}]\n"),
    (Format::Toml, "\u{feff}[x]\r\n[y]\r\nz = 0x1F\r\n"),
    (Format::Yaml, "# note\na: &x one\nb:\n  - two\n  - *x\n  - {c: !t three}\npublic: 5432\n"),
    (Format::Yaml, "%YAML 1.2\n---\na: |+\n  text\n\n   more\nb: >-\n  folded\n...\n---\n- x\n"),
    (Format::Yaml, "? [k, 1]\r: 'v'\r? z\r: \"two\r  lines\"\r"),
    (Format::Yaml, "a: {}\nb: ~\nc: []\n"),
];

/// Larger ones: what people keep in such files.
const LARGER: [(Format, &str, Comments); 12] = [
    (
        Format::Dotenv,
        "# production\nexport DATABASE_URL=\"postgres://app:hunter2@db:5432/app\"\nAPI_KEY='sk_live_x' # rotate\nKEY=\"-----BEGIN\nx\n-----END\"\npublic_NAME=app\nEMPTY=\nBARE\n",
        Comments::Sealed,
    ),
    (Format::Dotenv, "\u{feff}# a\r\nA=1\r\n# vim: set et:\r\nB=`x y`\r\n", Comments::Modelines),
    (
        Format::Ini,
        "; note\n[DEFAULT]\nuser = admin\npassword: hunter2\n    second line\n\n[public]\nport=5432\n[db]\nport=1\n[db]\nport=2\nbare\n",
        Comments::Clear,
    ),
    (Format::Ini, "[a b]\r\nk = v\r\n; x\r\n[c]\r\nk2 = v2\r\n", Comments::Sealed),
    (
        Format::Json,
        "{\n  \"db\": {\n    \"user\": \"admin\",\n    \"ports\": [5432, 5433],\n    \"tls\": {\"on\": true, \"ca\": null}\n  },\n  \"public\": {\"name\": \"x\"},\n  \"l\": [[], {}, [{\"a\": 1.50}]]\n}\n",
        Comments::Sealed,
    ),
    (Format::Json, "\u{feff}{\r\n\t\"a\": \"\\ud83d\\ude00\",\r\n\t\"b\": -0\r\n}", Comments::Sealed),
    (
        Format::Toml,
        "title = \"x\" # note\n[db]\nuser = 'admin'\nports = [\n  1, # one\n  2,\n]\n[db.tls]\non = true\n[[servers]]\nip = \"10.0.0.1\"\n[[servers]]\nip = '''10\n.0'''\nat = 2026-11-22T01:02:03Z\n[public]\nx.y = 1\n",
        Comments::Sealed,
    ),
    (Format::Toml, "# a\r\na = 1\r\n# vim: set et:\r\n[b]\r\nc = \"\"\r\n", Comments::Modelines),
    (
        Format::Yaml,
        "# note\napiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  labels: {app: x}\nstringData:\n  password: hunter2 # old: hunter1\n  cert: |\n    -----BEGIN\n    x\n    -----END\n  list:\n    - one\n    - 'two'\n    - \"three\"\npublic: 5432\n",
        Comments::Sealed,
    ),
    (
        Format::Yaml,
        "%TAG !e! tag:example.com,2026:\n---\nbase: &base\n  a: 1\n  b: !e!x two\nnext:\n  <<: *base\n  c: &c [x, y, {z: *base}]\n---\n? - k\n: v\n---\nplain\n...\n",
        Comments::Sealed,
    ),
    (Format::Yaml, "a: 1 # clear\n# and this\nb:\n- x\n-  - y\n   - z\n", Comments::Clear),
    (Format::Yaml, "\u{feff}a: >+\r\n  folded\r\n\r\n  text\r\nb: 'q'\r\n", Comments::Sealed),
];

/// Returns the files under attack.
pub fn samples(random: &mut Random) -> Vec<Sample> {
    let of = |format, text, comments| Sample {
        cleartext: vec!["public*.**", "**.public_*"],
        comments,
        ..Sample::of(format, text)
    };
    let mut samples: Vec<Sample> = FILES.map(|(format, text)| of(format, text, Comments::Sealed)).into();
    if is_whole() {
        samples.extend(LARGER.map(|(format, text, comments)| of(format, text, comments)));
        for format in STRUCTURED {
            let drawn = (0..cases(1)).map(|_| Sample::draw(random, format));
            samples.extend(drawn.filter(|sample| sample.text.len() < 600));
        }
    }
    samples
}

/// Tells whether all of it is asked for.
pub fn is_whole() -> bool {
    cases(1) >= 10
}

/// What became of the changes.
#[derive(Default)]
struct Count {
    tried: usize,
    same: usize,
    conceded: usize,
}

impl Count {
    fn judge(&mut self, target: &Target, changed: &[u8], change: impl FnOnce() -> String) {
        if changed == target.file.as_bytes() {
            return;
        }
        self.tried += 1;
        match target.judge(changed) {
            Verdict::Refused => {}
            Verdict::SameMeaning => self.same += 1,
            Verdict::OlderTokens => self.conceded += 1,
            Verdict::LetThrough(reason) => {
                panic!("{}: {reason}: {}", change(), target.show(&String::from_utf8_lossy(changed)))
            }
        }
    }

    fn print(&self, what: &str) {
        let Self { tried, same, conceded } = self;
        let refused = tried - same - conceded;
        println!("{what}: {tried} changed files, {refused} refused, {same} the same meaning, {conceded} older tokens");
    }
}

#[test]
fn no_byte_of_a_file_can_be_changed_without_the_key() {
    let (mut tried, mut opened) = (0, 0);
    for sample in samples(&mut random("bytes")) {
        let target = Target::of(&sample);
        for (change, changed) in changes(target.file.as_bytes()) {
            tried += 1;
            opened += usize::from(is_same_meaning(&target, &changed, &change));
        }
    }
    println!("bytes: {tried} changed files, {} refused, {opened} the same meaning", tried - opened);
    assert!(tried > 50_000 && opened * 20 < tried);
}

#[test]
fn no_line_can_be_put_anywhere_else_without_the_key() {
    let mut random = random("lines");
    let mut count = Count::default();
    for sample in samples(&mut random) {
        let target = Target::with_history(&mut random, &sample);
        let end = if target.file.contains('\n') { '\n' } else { '\r' };
        let (header, body) = target.file.split_at(body_start(&target.file));
        let lines: Vec<&str> = body.split_inclusive(end).collect();
        let mut judge = |lines: &[&str], change: &str, one: usize, other: usize| {
            let changed = header.to_owned() + &lines.concat();
            count.judge(&target, changed.as_bytes(), || format!("line {one} {change} {other}"));
        };
        for (one, line) in lines.iter().enumerate() {
            let mut without = lines.clone();
            without.remove(one);
            judge(&without, "removed", one, one);
            for other in 0..lines.len() {
                let mut moved = without.clone();
                moved.insert(other, line);
                judge(&moved, "moved to", one, other);
                let mut doubled = lines.clone();
                doubled.insert(other, line);
                judge(&doubled, "repeated at", one, other);
                let mut swapped = lines.clone();
                swapped.swap(one, other);
                judge(&swapped, "swapped with", one, other);
            }
        }
        // Lines of older revisions and of another file, between all lines and in place of each.
        for (one, line) in target.lines.iter().enumerate() {
            for other in 0..=lines.len() {
                let mut added = lines.clone();
                added.insert(other, line);
                judge(&added, "of another file at", one, other);
                if other < lines.len() {
                    added.remove(other + 1);
                    judge(&added, "of another file in place of", one, other);
                }
            }
        }
    }
    count.print("lines");
    assert!(count.tried > 1_000 && count.same * 4 < count.tried);
}

#[test]
fn no_token_can_be_put_anywhere_else_without_the_key() {
    let mut random = random("tokens");
    let mut count = Count::default();
    for sample in samples(&mut random) {
        let target = Target::with_history(&mut random, &sample);
        let places = tokens(&target.file);
        for place in &places {
            for token in &target.foreign {
                let mut changed = target.file.clone();
                changed.replace_range(place.clone(), token);
                count.judge(&target, changed.as_bytes(), || format!("{token} at {place:?}"));
            }
            for other in places.iter().filter(|other| place.start < other.start) {
                let (one, two) = (&target.file[place.clone()], &target.file[other.clone()]);
                let mut changed = target.file.clone();
                changed.replace_range(other.clone(), one);
                changed.replace_range(place.clone(), two);
                count.judge(&target, changed.as_bytes(), || format!("{place:?} swapped with {other:?}"));
            }
        }
    }
    count.print("tokens");
    assert!(count.tried > 200);
}

#[test]
fn no_byte_of_an_opaque_file_can_be_changed_without_the_key() {
    let mut tried = 0;
    for content in ["", "-----BEGIN KEY-----\n\0\u{1}\n", "secret/v1 end\n"] {
        let file = File::new(&Sample::of(Format::Opaque, ""));
        let sealed = file.seal(content.as_bytes(), None, 1).expect("any bytes can be sealed");
        for (change, changed) in changes(&sealed) {
            tried += 1;
            assert!(file.open(&changed).is_err(), "{change} of {content:?}");
        }
    }
    println!("{tried} changed opaque files, all refused");
}

/// Returns a file with each byte changed in five ways, and cut at each byte.
fn changes(file: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    let change = move |index: usize, change: &str| {
        let mut changed = file.to_vec();
        match change {
            "flipped" => changed[index] ^= 1 << (index % 8),
            "zeroed" => changed[index] = 0,
            "set" => changed[index] = 0xff,
            "deleted" => _ = changed.remove(index),
            "doubled" => changed.insert(index, file[index]),
            _ => changed.truncate(index),
        }
        (format!("byte {index} {change}"), changed)
    };
    let kinds = ["flipped", "zeroed", "set", "deleted", "doubled", "and all behind it cut off"];
    let all = (0..file.len()).flat_map(move |index| kinds.map(|kind| change(index, kind)));
    all.filter(move |(_, changed)| changed != file)
}

fn is_same_meaning(target: &Target, changed: &[u8], change: &str) -> bool {
    match target.judge(changed) {
        Verdict::Refused => false,
        Verdict::SameMeaning => {
            let opened = target.keys.open(changed).expect("it opened");
            let is_alike = visible(&opened) == visible(&target.opened);
            assert!(is_alike, "{change}: {}", target.show(&String::from_utf8_lossy(changed)));
            true
        }
        Verdict::OlderTokens | Verdict::LetThrough(_) => {
            panic!("{change}: {}", target.show(&String::from_utf8_lossy(changed)))
        }
    }
}

#[test]
fn a_checksum_that_fits_does_not_make_a_changed_token_authentic() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest, Sha256};

    let sample = Sample::of(Format::Dotenv, "A=one\nB=two # note\n");
    let file = File::new(&sample);
    let sealed =
        String::from_utf8(file.seal(sample.text.as_bytes(), None, 1).expect("it can be sealed")).expect("text");
    let opened = file.open(sealed.as_bytes()).expect("it opens");
    for opened in opened.values.iter().chain(&opened.comments) {
        let token = opened.token.to_string();
        let (front, coded) = token.rsplit_once('.').expect("it has dots");
        let bytes = URL_SAFE_NO_PAD.decode(coded).expect("base64");
        for index in 0..bytes.len() - 4 {
            let mut changed = bytes[..bytes.len() - 4].to_vec();
            changed[index] ^= 1;
            let checksum = Sha256::new()
                .chain_update("secret/v1 checksum")
                .chain_update(opened.associated_data.0)
                .chain_update(&changed);
            changed.extend_from_slice(&checksum.finalize()[..4]);
            let forged = sealed.replace(&token, &format!("{front}.{}", URL_SAFE_NO_PAD.encode(changed)));
            assert!(forged != sealed && file.open(forged.as_bytes()).is_err(), "byte {index} of {token}");
        }
    }
}
