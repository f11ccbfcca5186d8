//! Two versions of a file compared without a key: what is said is what was done, and nothing else.

use std::collections::BTreeSet;

use secret::document::{self, Format};
use secret::envelope::native::{
    Change, Exposure, How, Metadata, Opened, Outline, Part, Recipients, Subject, ValueMetadata, compare, seal,
};

use crate::generate::{File, Sample, cases, day, random};
use crate::laws::{change, open};

/// Seals the first text on the first day, and the second over it on a later one.
fn versions(file: &File, format: Format, before: &str, after: &str) -> [Outline; 2] {
    let old = file.seal(before.as_bytes(), None, 1).expect("it can be sealed");
    let opened = open(file, &old);
    let new = file.seal(after.as_bytes(), Some(&opened), 5).expect("it can be sealed");
    [Outline::of(&old, format), Outline::of(&new, format)]
}

fn said(changes: &[Change]) -> Vec<String> {
    let text = |part: &Part| match part {
        Part::Name(text) | Part::Word(text) => text.clone(),
    };
    changes.iter().map(|change| change.parts().iter().map(text).collect()).collect()
}

#[track_caller]
fn check(format: Format, before: &str, after: &str, expected: &[&str]) {
    let file = File::new(&Sample::of(format, before));
    let [old, new] = versions(&file, format, before, after);
    assert_eq!(said(&compare(&old, &new, None)), expected);
}

#[test]
fn keys_are_changed_added_removed_renamed_and_moved() {
    let base = "a: 1\nb: 2 # note\nc: 3\nd: [x, y, z]\n";
    check(Format::Yaml, base, base, &[]);
    check(Format::Yaml, base, &base.replace('2', "9"), &["b changed"]);
    check(Format::Yaml, base, &base.replace("note", "other"), &["comment before c changed"]);
    // Of what stands behind something new it can't be told on the same day whether it changed.
    check(Format::Yaml, base, &base.replace("c: 3", "new: 7\nc: 3"), &["new added", "c sealed again, perhaps changed"]);
    check(Format::Yaml, base, &base.replace("a: 1\n", ""), &["b sealed again, perhaps changed", "a removed"]);
    check(Format::Yaml, base, &base.replace("a:", "z:"), &["a renamed to z", "z sealed again, perhaps changed"]);
    check(
        Format::Yaml,
        base,
        &base.replace("[x, y, z]", "[new, x, y, z]"),
        &["d[0] added", "d[1] sealed again, perhaps changed"],
    );
    check(
        Format::Yaml,
        base,
        &base.replace("d: [x, y, z]", "d: ~"),
        &["c sealed again, perhaps changed", "d added", "d[0] removed", "d[1] removed", "d[2] removed"],
    );
    let moved = "c: 3\na: 1\nb: 2\n";
    let file = File::new(&Sample::of(Format::Yaml, "a: 1\nb: 2\nc: 3\n"));
    let [old, new] = versions(&file, Format::Yaml, "a: 1\nb: 2\nc: 3\n", moved);
    let lines = said(&compare(&old, &new, None));
    assert!(lines.contains(&"c moved".to_owned()) && !lines.iter().any(|line| line.contains("removed")), "{lines:?}");
}

#[test]
fn a_value_that_was_sealed_again_is_told_from_one_that_changed_by_its_day() {
    let file = File::new(&Sample::of(Format::Dotenv, ""));
    let first = open(&file, &file.seal(b"A=1\nB=2\nC=3\n", None, 1).expect("sealed"));
    let second = file.seal(b"A=9\nB=2\nC=3\n", Some(&first), 3).expect("sealed");
    let third = file.seal(b"A=9\nNEW=1\nB=2\nC=4\n", Some(&open(&file, &second)), 5).expect("sealed");
    let [second, third] = [second, third].map(|file| Outline::of(&file, Format::Dotenv));
    // B was replaced on day 1, before A was on day 3.
    assert_eq!(said(&compare(&second, &third, None)), ["NEW added", "B sealed again", "C changed"]);
}

#[test]
fn clear_values_nulls_and_empty_containers_are_compared_too() {
    let sample = Sample { cleartext: vec!["clear.**"], ..Sample::of(Format::Yaml, "") };
    let file = File::new(&sample);
    let old = file.seal(b"clear: {a: 1, b: x}\nn: ~\ne: []\nm: {}\nz: 1\n", None, 1).expect("sealed");
    let opened = open(&file, &old);
    let new = file.seal(b"clear: {a: 2, b: x}\nn: []\ne: []\nm: ~\nz: 1\n", Some(&opened), 1).expect("sealed");
    let [old, new] = [old, new].map(|file| Outline::of(&file, Format::Yaml));
    let changes = compare(&old, &new, None);
    assert_eq!(said(&changes), ["clear.a changed", "n changed", "m changed", "z sealed again, perhaps changed"]);
}

#[test]
fn readers_metadata_path_and_data_key_are_told() {
    let sample = Sample::of(Format::Toml, "a = 1\n");
    let file = File::new(&sample);
    let old = file.seal(b"a = 1\nb = 2\n", None, 1).expect("sealed");
    let opened = open(&file, &old);
    let mut header = file.header.clone();
    header.path = "secrets/other".to_owned();
    header.generation = 2;
    header.metadata = Metadata {
        owner: Some("payments".to_owned()),
        tags: [("tier".to_owned(), "1".to_owned())].into(),
        values: [(
            "a".to_owned(),
            ValueMetadata { links: vec!["x".to_owned(), "y".to_owned()], ..ValueMetadata::default() },
        )]
        .into(),
        ..Metadata::default()
    };
    header.recipients = Recipients::from([("bob".to_owned(), vec!["age1bob".to_owned()])]);
    header.exposed.push(Exposure { member: "alice".to_owned(), generation: 1, day: day(4) });
    let secrets = file.secrets.with_new_data_key(&header);
    let new = seal(b"a = 1\nb = 3\n", header, &secrets, Some(&opened), day(4)).expect("sealed");
    let [old, new] = [old, new].map(|file| Outline::of(&file, Format::Toml));
    let forth = [
        "moved: secrets/file -> secrets/other",
        "reader alice removed",
        "reader bob added",
        "former reader alice added (until generation 1)",
        "new data key (generation 1 -> 2)",
        "owner: (none) -> payments",
        "tags.tier: (none) -> 1",
        "values.a.links: (none) -> x, y",
        "a sealed again",
        "b changed",
    ];
    assert_eq!(said(&compare(&old, &new, None)), forth);
    let back = said(&compare(&new, &old, None));
    for line in ["data key put back to an older state (generation 2 -> 1)", "b put back to an older state"] {
        assert!(back.iter().any(|said| said == line), "{line}: {back:?}");
    }
}

#[test]
fn plaintexts_and_another_file_are_told_apart() {
    let [one, other] = [0, 1].map(|_| File::new(&Sample::of(Format::Dotenv, "")));
    let sealed = [&one, &other].map(|file| file.seal(b"A=1\nB=2\n", None, 1).expect("sealed"));
    let [one, other] = sealed.map(|file| Outline::of(&file, Format::Dotenv));
    let plain = |text: &str| Outline::of(text.as_bytes(), Format::Dotenv);
    let unknown = ["A", "B"].map(|key| format!("{key} cannot be compared without opening it"));
    let replaced = said(&compare(&one, &other, None));
    assert_eq!(replaced, [vec!["file replaced by another one (other file id)".to_owned()], unknown.to_vec()].concat());
    assert_eq!(said(&compare(&plain("A=1\nC=2\n"), &plain("A=3\nC=2\nD=1\n"), None)), ["A changed", "D added"]);
    assert_eq!(said(&compare(&one, &plain("A=9\nD=1\n"), None)), ["file is in clear now", "D added", "B removed"]);
    assert_eq!(said(&compare(&plain("A=9\n"), &one, None)), ["file is encrypted now", "reader alice added", "B added"]);
    assert_eq!(said(&compare(&Outline::absent(), &one, None))[..2], ["file added", "reader alice added"]);
    assert_eq!(said(&compare(&one, &Outline::absent(), None)), ["file removed"]);
}

#[test]
fn what_somebody_damaged_is_compared_as_far_as_it_goes() {
    let file = File::new(&Sample::of(Format::Dotenv, ""));
    let sealed = String::from_utf8(file.seal(b"A=1\nB=2\n", None, 1).expect("sealed")).expect("text");
    let renamed = Outline::of(sealed.replace("\nB=", "\nC=").as_bytes(), Format::Dotenv);
    let changes = compare(&Outline::of(sealed.as_bytes(), Format::Dotenv), &renamed, None);
    assert_eq!(said(&changes), ["B renamed to C"]);
    assert!(renamed.problem.is_some_and(|problem| problem.to_string().contains("was changed")));
    let conflict = Outline::of(format!("<<<<<<< a\n{sealed}=======\n>>>>>>> b\n").as_bytes(), Format::Dotenv);
    assert_eq!(
        conflict.problem.map(|problem| problem.to_string()).as_deref(),
        Some("line 1: git left a conflict here")
    );
}

/// What is certain is true, what was done is said, and with both versions open it is said exactly.
#[test]
fn random_edits_are_told_as_they_were() {
    let mut random = random("compare");
    let (mut tried, mut certain, mut possible) = (0, 0, 0);
    for index in 0..cases(300) {
        let format = [Format::Dotenv, Format::Ini, Format::Json, Format::Toml, Format::Yaml][index % 5];
        let sample = Sample::draw(&mut random, format);
        let file = File::new(&sample);
        let Some((_, after)) = change(&mut random, &sample) else { continue };
        let Ok(old) = file.seal(sample.text.as_bytes(), None, 1) else { continue };
        let before = open(&file, &old);
        let Ok(new) = file.seal(after.as_bytes(), Some(&before), 2) else { continue };
        let opened = open(&file, &new);
        let [mut one, mut other] = [&old, &new].map(|file| Outline::of(file, format));
        let changes = compare(&one, &other, None);
        assert_eq!(changes.is_empty() && old == new, old == new, "{format}\n{}\n---\n{after}", sample.text);
        one.learn(&before);
        other.learn(&opened);
        let exact = compare(&one, &other, None);
        let of = |changes: &[Change], hows: &[How]| -> BTreeSet<String> {
            let keys = changes.iter().filter(|change| hows.contains(&change.how));
            keys.filter_map(|change| matches!(change.of, Subject::Key(_)).then(|| change.name()).flatten()).collect()
        };
        tried += 1;
        for hows in [[How::Added, How::Removed], [How::Renamed, How::Moved]] {
            assert_eq!(of(&changes, &hows), of(&exact, &hows), "{format}\n{}\n---\n{after}", sample.text);
        }
        let really = of(&exact, &[How::Changed]);
        let surely = of(&changes, &[How::Changed]);
        let perhaps = of(&changes, &[How::Changed, How::MaybeChanged]);
        assert!(really.is_subset(&perhaps), "{format}: {really:?} {perhaps:?}\n{}\n---\n{after}", sample.text);
        let respelled = of(&exact, &[How::Changed, How::Spelled]);
        assert!(surely.is_subset(&respelled), "{format}: {surely:?} {respelled:?}\n{}\n---\n{after}", sample.text);
        check_values(&before, &opened, &exact);
        certain += surely.len();
        possible += perhaps.len() - surely.len();
    }
    println!("compare: {tried} pairs of versions; {certain} changes told for sure, {possible} as possible");
    assert!(tried > 100 && certain > possible / 10);
}

/// With both versions open a value is said to have changed exactly where it has.
fn check_values(before: &Opened, after: &Opened, changes: &[Change]) {
    let values = |opened: &Opened| -> Vec<(String, String)> {
        let document: &document::Document = opened.document().expect("it has keys");
        document.leaves().map(|leaf| (leaf.path.to_string(), format!("{:?}{}", leaf.kind, &*leaf.value))).collect()
    };
    let (was, is) = (values(before), values(after));
    let is_told = changes
        .iter()
        .any(|change| matches!(change.of, Subject::Key(_)) && !matches!(change.how, How::Spelled | How::SealedAgain));
    if was != is {
        assert!(is_told, "{:?}", said(changes));
    }
}
