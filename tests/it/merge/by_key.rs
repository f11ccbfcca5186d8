//! The merge by key path, on random documents: it leaves true conflicts and no others, and loses no side's changes.

use secret::document::path::Component;
use secret::document::{Document, Format};
use secret::envelope::native::{Decisions, EncryptedFile, Merge, Merged, Opened, OpenedVersions};

use super::tree::{ALL, Tree, Values};
use super::{merge, seal_branches};
use crate::generate::{File, Random, STRUCTURED, Sample, cases, random};
use crate::laws::{open, text};

#[test]
fn only_what_both_sides_changed_is_a_conflict() {
    let mut random = random("by key");
    for (leaves, edits) in [(6, 2), (12, 1), (12, 3), (60, 3), (60, 8)] {
        let mut tally = Tally::default();
        for index in 0..cases(60) {
            tally.add(&mut random, STRUCTURED[index % 5], leaves, edits);
        }
        println!("{leaves} leaves, {edits} edits a branch: {tally:?}");
        assert!(tally.clean > tally.merges / 3);
    }
}

#[derive(Debug, Default)]
struct Tally {
    merges: usize,
    stock_conflicts: usize,
    clean: usize,
    without_key: usize,
    true_conflicts: usize,
    /// A conflict although no key is in one: lines around keys.
    other_conflicts: usize,
    /// Of the clean ones: tokens that are those of a side, and all.
    kept: usize,
    tokens: usize,
}

impl Tally {
    fn add(&mut self, random: &mut Random, format: Format, leaves: usize, edits: usize) {
        let base = Tree::draw(random, leaves);
        let [ours, theirs] = [0, 1].map(|_| {
            let mut branch = base.clone();
            (0..edits).for_each(|_| branch.edit(random, format, ALL));
            branch
        });
        let plain = [&base, &ours, &theirs].map(|tree| tree.write(format));
        if plain[1..].contains(&plain[0]) {
            return;
        }
        self.merges += 1;
        let expected = base.merge(&ours, &theirs, format);
        let file = File::new(&Sample::of(format, &plain[0]));
        let sealed = seal_branches(&file, plain.each_ref().map(String::as_str));
        let (stock_is_clean, _) = merge(sealed.each_ref().map(String::as_str));
        self.stock_conflicts += usize::from(!stock_is_clean);
        let outcome = by_key(&file, &sealed);
        let show = || format!("{format}\n{}\n--- ours\n{}\n--- theirs\n{}", plain[0], plain[1], plain[2]);
        match outcome {
            Outcome::Clean { merged, needed_key } => {
                let opened = file.open(&merged).unwrap_or_else(|error| panic!("{error}\n{}", show()));
                let Some(expected) = expected else {
                    panic!("a true conflict was merged\n{}\n--- merged\n{}", show(), text(&opened))
                };
                assert_eq!(values(&opened, format), expected, "{}\n--- merged\n{}", show(), text(&opened));
                let (is_clean, by_lines) = merge(plain.each_ref().map(String::as_str));
                let by_lines = is_clean.then_some(by_lines);
                if let Some(by_lines) = by_lines.filter(|text| secret::document::parse(format, text).is_ok()) {
                    assert_eq!(text(&opened), by_lines, "{}", show());
                }
                self.clean += 1;
                self.without_key += usize::from(!needed_key);
                for token in opened.values.iter().chain(&opened.comments) {
                    let token = token.token.to_string();
                    self.tokens += 1;
                    self.kept += usize::from(sealed[1].contains(&token) || sealed[2].contains(&token));
                }
            }
            Outcome::Conflict(names) => {
                assert!(!names.is_empty(), "{}", show());
                if expected.is_some() {
                    self.other_conflicts += 1;
                } else {
                    self.true_conflicts += 1;
                }
            }
        }
    }
}

pub enum Outcome {
    Clean { merged: Vec<u8>, needed_key: bool },
    Conflict(Vec<String>),
}

/// Merges as the driver does where git's own merge does not do.
pub fn by_key(file: &File, sealed: &[String; 3]) -> Outcome {
    let [base, ours, theirs] =
        sealed.each_ref().map(|file| EncryptedFile::parse(file.as_bytes()).expect("it is encrypted"));
    let decisions = Decisions::default();
    let merge = Merge { base: Some(&base), ours: &ours, theirs: &theirs, decisions: &decisions, marker_size: 7 };
    if let Some(merged) = merge.without_key() {
        return Outcome::Clean { merged, needed_key: false };
    }
    let [base, ours, theirs] = sealed.each_ref().map(|sealed| open(file, sealed.as_bytes()));
    let opened = OpenedVersions { base: Some(base), ours, theirs };
    match merge.with_keys(&opened, |_, _| Err("no reader changed")) {
        Ok(Merged::Clean { file, .. }) => Outcome::Clean { merged: file, needed_key: true },
        Ok(Merged::Conflicts { conflicts, marked }) => {
            if let Some(marked) = marked {
                assert!(file.open(&marked).is_err());
            }
            Outcome::Conflict(conflicts.into_iter().map(|conflict| format!("{conflict:?}")).collect())
        }
        Err(error) => panic!("{error}"),
    }
}

pub fn values(opened: &Opened, format: Format) -> Values {
    let leaves = opened.items.iter().flat_map(Document::leaves);
    let name = |component: &Component| match component {
        Component::Key { name, .. } => name.to_string(),
        other => panic!("{other:?}"),
    };
    leaves
        .map(|leaf| {
            let (last, container) = leaf.path.0.split_last().expect("a key");
            let container = if format == Format::Dotenv { String::new() } else { name(&container[0]) };
            ((container, name(last)), leaf.value.to_string())
        })
        .collect()
}
