//! Stock `git merge-file` on encrypted files: what merges, opens, and to what the plaintexts merge to.

mod by_key;
mod driver;
mod rates;
mod resolving;
mod tree;

use std::path::Path;
use std::process::Command;

use secret::document::{self, Format};

use crate::generate::{File, Random, Sample, cases, random};
use crate::laws::{open, text};
use tree::Tree;

#[test]
fn two_edits_of_different_keys_merge_cleanly() {
    let base = "# database\nhost: db1\nuser: app\npassword: hunter2\n\nmail:\n  user: robot\n  # rotated in May\n  password: hunter3\n";
    let ours = base.replace("hunter2", "changed by ours");
    let theirs = base.replace("hunter3", "changed by theirs").replace("in May", "in June");
    let merged = ours.replace("hunter3", "changed by theirs").replace("in May", "in June");
    let file = File::new(&Sample::of(Format::Yaml, base));
    let [base, ours, theirs] = seal_branches(&file, [base, &ours, &theirs]);
    let (is_clean, ciphertext) = merge([&base, &ours, &theirs]);
    assert!(is_clean, "{ciphertext}");
    assert_eq!(text(&open(&file, ciphertext.as_bytes())), merged);
}

#[test]
fn keys_added_in_different_places_merge_cleanly() {
    let base = "[a]\none = 1\ntwo = 2\nthree = 3\n\n[b]\nfour = 4\nfive = 5\nsix = 6\n";
    let ours = base.replace("two = 2\n", "two = 2\nadded = \"by ours\"\n");
    let theirs = base.replace("five = 5\n", "").replace("six = 6\n", "six = 6\nadded = \"by theirs\"\n");
    let file = File::new(&Sample::of(Format::Toml, base));
    let merged = merge([base, &ours, &theirs]);
    let [base, ours, theirs] = seal_branches(&file, [base, &ours, &theirs]);
    let (is_clean, ciphertext) = merge([&base, &ours, &theirs]);
    assert!(is_clean && merged.0, "{ciphertext}");
    assert_eq!(text(&open(&file, ciphertext.as_bytes())), merged.1);
}

#[test]
fn a_container_that_one_branch_renames_and_the_other_adds_to_is_refused_and_never_misread() {
    // The new value is bound to the old name (docs/format.md section 10).
    let base = "[one]\na = 1\nb = 2\nc = 3\nd = 4\n";
    let ours = base.replace("[one]", "[two]");
    let theirs = base.replace("c = 3\n", "c = 3\nadded = 5\n");
    let file = File::new(&Sample::of(Format::Toml, base));
    let [base, ours, theirs] = seal_branches(&file, [base, &ours, &theirs]);
    let (is_clean, ciphertext) = merge([&base, &ours, &theirs]);
    assert!(file.open(ciphertext.as_bytes()).is_err(), "clean: {is_clean}\n{ciphertext}");
}

#[test]
fn every_clean_merge_opens_to_the_merged_plaintext() {
    let mut random = random("merge");
    for (leaves, edits) in [(12, 1), (60, 1), (60, 3), (150, 3)] {
        let mut tally = Tally::default();
        for index in 0..cases(60) {
            let format = [Format::Dotenv, Format::Ini, Format::Json, Format::Toml, Format::Yaml][index % 5];
            tally.add(&mut random, format, leaves, edits);
        }
        println!("{leaves} leaves, {edits} edits a branch: {tally:?}");
        assert!(tally.opened > tally.merges / 2);
    }
}

/// What happened to pairs of branches.
#[derive(Debug, Default)]
struct Tally {
    merges: usize,
    plaintext_conflicts: usize,
    ciphertext_conflicts: usize,
    /// Of those with a clean merge of the plaintexts.
    extra_conflicts: usize,
    opened: usize,
    /// Clean in both, but the merged plaintext is no document: a key that both added.
    invalid: usize,
    /// Clean, and refused: one branch renamed a container, the other added to it (docs/format.md section 10).
    conceded: usize,
}

impl Tally {
    fn add(&mut self, random: &mut Random, format: Format, leaves: usize, edits: usize) {
        let base = Tree::draw(random, leaves);
        let [ours, theirs] = [0, 1].map(|_| {
            let mut branch = base.clone();
            (0..edits).for_each(|_| branch.edit(random, format, tree::ALL));
            branch
        });
        let plaintexts = [&base, &ours, &theirs].map(|tree| tree.write(format));
        if plaintexts[1..].contains(&plaintexts[0]) {
            return;
        }
        self.merges += 1;
        let (plaintext_is_clean, merged) = merge(plaintexts.each_ref().map(String::as_str));
        let file = File::new(&Sample::of(format, &plaintexts[0]));
        let sealed = seal_branches(&file, plaintexts.each_ref().map(String::as_str));
        let (ciphertext_is_clean, ciphertext) = merge(sealed.each_ref().map(String::as_str));
        self.plaintext_conflicts += usize::from(!plaintext_is_clean);
        self.ciphertext_conflicts += usize::from(!ciphertext_is_clean);
        self.extra_conflicts += usize::from(plaintext_is_clean && !ciphertext_is_clean);
        if !ciphertext_is_clean {
            // Conflict markers never open.
            assert!(file.open(ciphertext.as_bytes()).is_err());
            return;
        }
        let show = || {
            format!(
                "{format}\n{}\n--- ours\n{}\n--- theirs\n{}\n--- merged {plaintext_is_clean}\n{merged}",
                plaintexts[0], plaintexts[1], plaintexts[2]
            )
        };
        match file.open(ciphertext.as_bytes()) {
            Ok(opened) => {
                self.opened += 1;
                if plaintext_is_clean {
                    assert_eq!(text(&opened), merged, "{}", show());
                }
            }
            Err(_) if plaintext_is_clean && document::parse(format, &merged).is_err() => self.invalid += 1,
            Err(_) if ours.renames_what_grew(&theirs, &base) || theirs.renames_what_grew(&ours, &base) => {
                self.conceded += 1;
            }
            Err(error) => panic!("a clean merge does not open: {error}\n{}\n{ciphertext}", show()),
        }
    }
}

/// Seals a base, and two branches that both begin with it.
pub fn seal_branches(file: &File, [base, ours, theirs]: [&str; 3]) -> [String; 3] {
    let sealed = file.seal(base.as_bytes(), None, 1).expect("it can be sealed");
    let opened = open(file, &sealed);
    let branch =
        |text: &str| file.seal(text.as_bytes(), Some(&opened), 2).unwrap_or_else(|error| panic!("{error}\n{text}"));
    [sealed, branch(ours), branch(theirs)].map(|file| String::from_utf8(file).expect("text"))
}

/// Runs `git merge-file`; tells whether the merge is clean.
pub fn merge([base, ours, theirs]: [&str; 3]) -> (bool, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a written file");
        path
    };
    let paths = [write("ours", ours), write("base", base), write("theirs", theirs)];
    let output = Command::new("git")
        .args(["merge-file", "--stdout"])
        .args(paths.iter().map(AsRef::<Path>::as_ref))
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(folder.path())
        .output()
        .expect("git runs");
    assert!(output.status.code().is_some_and(|code| code < 128), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), String::from_utf8(output.stdout).expect("text"))
}
