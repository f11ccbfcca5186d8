//! Every byte of small files changed, and every file cut at every byte: refused, or the same meaning.

use secret::document::Format;

use crate::generate::{File, Sample};
use crate::tamper::{Target, Verdict};

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

#[test]
fn no_byte_of_a_file_can_be_changed_without_the_key() {
    let (mut tried, mut opened) = (0, 0);
    for (format, text) in FILES {
        let sample = Sample { cleartext: vec!["public"], ..Sample::of(format, text) };
        let target = Target::of(&sample);
        for (change, changed) in changes(target.file.as_bytes()) {
            tried += 1;
            opened += usize::from(is_same_meaning(&target, &changed, &change));
        }
    }
    println!("{tried} changed files, {} refused, {opened} opened with the same meaning", tried - opened);
    assert!(tried > 50_000 && opened * 20 < tried);
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
            let visible =
                |text: &[u8]| text.iter().copied().filter(|byte| !b" \t\r\n".contains(byte)).collect::<Vec<u8>>();
            let plaintext = visible(target.plaintext.as_bytes());
            let found = visible(&opened.plaintext);
            assert!(found == plaintext, "{change}: {}", target.show(&String::from_utf8_lossy(changed)));
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
