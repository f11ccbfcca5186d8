//! Documents that are too deep, too large, or made to explode: refused or handled in linear time, never a panic.

use std::time::{Duration, Instant};

use secret::document::{Format, MAX_VALUES, Problem};
use secret::envelope::native::{EncryptedFile, ReadError, SealError};

use crate::generate::{File, Sample, body_start, cases};
use crate::laws::open;

#[test]
fn two_hundred_levels_are_refused() {
    let yaml_block: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    let deep = [
        (Format::Json, format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200))),
        (Format::Json, format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200))),
        (Format::Yaml, yaml_block + &" ".repeat(200) + "x: y\n"),
        (Format::Yaml, format!("a: {}{}\n", "[".repeat(200), "]".repeat(200))),
        (Format::Yaml, format!("{}x\n", "- ".repeat(200))),
        (Format::Toml, format!("a = {}{}\n", "[".repeat(200), "]".repeat(200))),
        (Format::Toml, format!("{} = 1\n", ["a"; 200].join("."))),
        (Format::Toml, format!("[{}]\nx = 1\n", ["a"; 200].join("."))),
    ];
    for (format, text) in deep {
        let result = File::new(&Sample::of(format, &text)).seal(text.as_bytes(), None, 1);
        assert!(
            matches!(&result, Err(SealError::Syntax(error)) if matches!(error.problem, Problem::TooDeep)),
            "{format} {:?}: {text}",
            result.err()
        );
    }
    // Far deeper ones must not overflow the stack either.
    for (format, text) in [
        (Format::Json, "{\"a\":".repeat(100_000)),
        (Format::Yaml, "[".repeat(100_000)),
        (Format::Yaml, "- ".repeat(100_000)),
        (Format::Toml, format!("a = {}", "[".repeat(100_000))),
    ] {
        assert!(File::new(&Sample::of(format, "")).seal(text.as_bytes(), None, 1).is_err());
    }
}

#[test]
fn a_yaml_bomb_is_a_document_of_a_few_lines() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 9].join(", "));
    }
    let file = File::new(&Sample::of(Format::Yaml, &bomb));
    let sealed = file.seal(bomb.as_bytes(), None, 1).expect("aliases are not expanded");
    let opened = open(&file, &sealed);
    assert!(opened.plaintext.as_slice() == bomb.as_bytes() && opened.values.len() == 9);
}

#[test]
fn sixteen_mebibytes_are_the_most() {
    let limit = 16 << 20;
    // Without optimisation a value of the whole length takes half a minute.
    let length = if is_longer_run() { limit - 3 } else { 1 << 20 };
    let text = format!("A={}\n{}", "x".repeat(length), " ".repeat(limit - length - 3));
    let file = File::new(&Sample::of(Format::Dotenv, ""));
    let start = Instant::now();
    let sealed = file.seal(text.as_bytes(), None, 1).expect("it is just small enough");
    assert!(*open(&file, &sealed).plaintext == text.as_bytes());
    println!("{} bytes, one value of {length}: {:.1?}", text.len(), start.elapsed());
    let Err(SealError::Syntax(error)) = file.seal((text + " ").as_bytes(), None, 1) else { panic!("it is too large") };
    assert!(matches!(error.problem, Problem::TooLarge));
}

#[test]
fn no_document_has_more_values_than_can_be_opened_in_bounded_work() {
    let texts: [Kind; 5] = [
        ("empty values", Format::Dotenv, |count| (0..count).map(|index| format!("K{index}=\n")).collect()),
        ("repeats", Format::Ini, |count| "k=1\n".repeat(count)),
        ("a list", Format::Json, |count| format!("{{\"a\":[{}]}}", vec!["1"; count].join(","))),
        ("a list", Format::Toml, |count| format!("a = [{}]\n", vec!["1"; count].join(","))),
        ("comments and items", Format::Yaml, |count| {
            "#\u{e9}\n".repeat(count / 2) + &"- 1\n".repeat(count - count / 2)
        }),
    ];
    for (name, format, text) in texts {
        assert!(secret::document::parse(format, &text(MAX_VALUES)).is_ok(), "{format}");
        let error = secret::document::parse(format, &text(MAX_VALUES + 1)).err().expect("it has one too many");
        assert!(matches!(error.problem, Problem::TooManyValues), "{format}, {name}: {error}");
    }
}

#[test]
fn patterns_and_keys_cost_no_more_than_a_budget() {
    let text: String = (0..20_000).map(|index| format!("{}{index}: 1\n", "k".repeat(300))).collect();
    let mut file = File::new(&Sample::of(Format::Yaml, &text));
    file.header.cleartext = (0..2_000).map(|index| format!("a{index}.**").parse().expect("a pattern")).collect();
    let refused = file.seal(text.as_bytes(), None, 1);
    assert!(matches!(refused, Err(SealError::TooManyPatterns)), "{:?}", refused.err());

    // Nor when somebody puts many keys below such a header.
    let sealed = String::from_utf8(file.seal(b"a: 1\n", None, 1).expect("few keys")).expect("text");
    let hostile = sealed[..body_start(&sealed)].to_owned() + &text;
    let refused = EncryptedFile::parse(hostile.as_bytes()).err();
    assert!(matches!(refused, Some(ReadError::TooManyPatterns)), "{refused:?}");
}

#[test]
fn time_grows_with_the_number_of_values() {
    // Below the 131,072 values and comments that a document may have: some kinds have one of each a line.
    let large = if is_longer_run() { 60_000 } else { 3_000 };
    let kinds: [Kind; 6] = [
        ("flat JSON", Format::Json, |count| format!("{{{}}}", list(count, |index| format!("\"k{index}\": {index}")))),
        ("JSON list", Format::Json, |count| format!("{{\"l\": [{}]}}", list(count, |index| format!("\"v{index}\"")))),
        ("nested JSON", Format::Json, |count| {
            format!(
                "{{{}}}",
                list(count / 100, |outer| format!(
                    "\"m{outer}\": {{{}}}",
                    list(100, |index| format!("\"k{index}\": [{{\"x\": {index}}}]"))
                ))
            )
        }),
        ("flat YAML", Format::Yaml, |count| (0..count).map(|index| format!("k{index}: v{index} # note\n")).collect()),
        ("nested YAML", Format::Yaml, |count| {
            (0..count / 100)
                .map(|outer| {
                    format!(
                        "m{outer}:\n{}",
                        (0..100).map(|index| format!("  k{index}:\n    - x: {index}\n")).collect::<String>()
                    )
                })
                .collect()
        }),
        ("INI repeats", Format::Ini, |count| (0..count).map(|index| format!("[s]\nk = {index}\n")).collect()),
    ];
    for (name, format, document) in kinds {
        let small = measure(format, &document(large / 10));
        let big = measure(format, &document(large));
        let ratio = |index: usize| big[index].as_secs_f64() / small[index].as_secs_f64();
        println!(
            "{name}, {large} values: seal {:.1?} (×{:.0}), open {:.1?} (×{:.0}), change {:.1?} (×{:.0} for ten times as many)",
            big[0],
            ratio(0),
            big[1],
            ratio(1),
            big[2],
            ratio(2)
        );
    }
}

/// Tells whether `SECRET_CASES` asks for ten times as many cases as usual.
fn is_longer_run() -> bool {
    cases(1) >= 10
}

/// A name, its format, and a document with so many values.
type Kind = (&'static str, Format, fn(usize) -> String);

fn list(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",\n")
}

/// Measures sealing, opening, and sealing again with a value removed and another one changed.
fn measure(format: Format, text: &str) -> [Duration; 3] {
    let file = File::new(&Sample::of(format, text));
    let start = Instant::now();
    let sealed = file.seal(text.as_bytes(), None, 1).expect("it can be sealed");
    let seal = start.elapsed();
    let start = Instant::now();
    let opened = open(&file, &sealed);
    let open = start.elapsed();
    let changed = text.replacen("v7", "w7", 1).replacen("k5:", "q5:", 1);
    let start = Instant::now();
    file.seal(changed.as_bytes(), Some(&opened), 2).expect("it can be sealed");
    [seal, open, start.elapsed()]
}
