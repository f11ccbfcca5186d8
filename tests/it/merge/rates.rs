//! Property P5, measured: how often branches conflict, in plaintext, as ciphertext with stock git, with the driver, and
//! as files of SOPS; by `git merge-file`, and by real merges, rebases and cherry-picks.
//!
//! Every clean merge must open, and to what the plaintexts are together: that is asserted, the rates are printed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use secret::document::{self, Format};
use secret::envelope::native::Recipients;
use secret::keys::{Recipient, wrap};

use super::by_key::{Outcome, by_key, values};
use super::tree::{ALL, Edit, SMALL, Tree, VALUES};
use super::{merge, seal_branches};
use crate::generate::{File, Random, STRUCTURED, Sample, cases, random};
use crate::laws::text;
use crate::world::{World, run};

/// The documents of the design: leaves, edits a branch.
const MODELS: [(usize, usize); 6] = [(12, 1), (12, 3), (60, 1), (60, 3), (150, 1), (150, 3)];

#[test]
fn the_rates_of_conflicts_by_lines() {
    let peer = Sops::find();
    println!(
        "{:<34} {:>6} {:>10} {:>14} {:>10} {:>8} {:>8}",
        "", "pairs", "plaintext", "stock, extra", "stock", "driver", "sops"
    );
    for (name, edits, most) in [
        ("all edits, containers of 1-9", ALL, 9),
        ("no container renamed, of 1-9", SMALL, 9),
        ("no container renamed, of 1-30", SMALL, 30),
        ("values only, containers of 1-9", VALUES, 9),
    ] {
        for (leaves, count) in MODELS {
            let mut random = random("rates");
            let (mut rates, mut for_peer) = (Rates::default(), Vec::new());
            for index in 0..cases(5) {
                let format = STRUCTURED[index % 5];
                let Some(pair) = Pair::draw(&mut random, format, leaves, count, edits, most) else { continue };
                rates.add(&pair);
                // It has no TOML, and reads these INI files in another way.
                let is_for_peer = matches!(format, Format::Dotenv | Format::Json | Format::Yaml);
                if edits == ALL && index < cases(2) && is_for_peer {
                    for_peer.push(pair);
                }
            }
            if let Some(peer) = &peer {
                rates.sops = for_peer.len() - peer.merge(&for_peer);
                rates.sops_pairs = for_peer.len();
            }
            println!("{:<34} {rates}", format!("{name}: {leaves}, {count}"));
        }
    }
}

#[test]
fn the_rates_of_conflicts_in_real_merges_rebases_and_cherry_picks() {
    println!("{:<22} {:>6} {:>22} {:>22} {:>22}", "", "pairs", "plaintext m/r/c", "stock m/r/c", "driver m/r/c");
    for (leaves, count) in MODELS {
        let mut random = random("real");
        let mut repository = Real::new();
        for index in 0..cases(1) {
            let pair = Pair::draw(&mut random, STRUCTURED[index % 5], leaves, count, ALL, 9);
            if let Some(pair) = pair {
                repository.add(&pair);
            }
        }
        let row = |counts: [usize; 3]| format!("{}/{}/{}", counts[0], counts[1], counts[2]);
        let [plain, stock, driver] = repository.conflicts.map(row);
        println!("{:<22} {:>6} {plain:>22} {stock:>22} {driver:>22}", format!("{leaves}, {count}"), repository.pairs);
    }
}

/// A document and two branches.
struct Pair {
    format: Format,
    trees: [Tree; 3],
    plain: [String; 3],
}

impl Pair {
    fn draw(
        random: &mut Random,
        format: Format,
        leaves: usize,
        count: usize,
        edits: &[Edit],
        most: usize,
    ) -> Option<Self> {
        let base = Tree::with_containers(random, leaves, most);
        let [ours, theirs] = [0, 1].map(|_| {
            let mut branch = base.clone();
            (0..count).for_each(|_| branch.edit(random, format, edits));
            branch
        });
        let plain = [&base, &ours, &theirs].map(|tree| tree.write(format));
        (!plain[1..].contains(&plain[0])).then_some(Self { format, trees: [base, ours, theirs], plain })
    }

    /// Demands that a clean merge is what both branches are together.
    fn check(&self, file: &File, merged: &[u8], by_lines: Option<&String>) {
        let show = || format!("{}\n{}\n---\n{}\n---\n{}", self.format, self.plain[0], self.plain[1], self.plain[2]);
        let opened = file.open(merged).unwrap_or_else(|error| panic!("{error}\n{}", show()));
        match by_lines {
            Some(by_lines) => assert_eq!(text(&opened), *by_lines, "{}", show()),
            None => {
                let expected = self.trees[0].merge(&self.trees[1], &self.trees[2], self.format);
                assert_eq!(Some(values(&opened, self.format)), expected, "{}", show());
            }
        }
    }

    /// Tells whether stock git may merge cleanly what does not open: see docs/format.md section 10.
    fn is_conceded(&self) -> bool {
        let [base, ours, theirs] = &self.trees;
        ours.renames_what_grew(theirs, base) || theirs.renames_what_grew(ours, base)
    }
}

/// Conflicts of pairs, merged by lines.
#[derive(Default)]
struct Rates {
    pairs: usize,
    plain: usize,
    stock: usize,
    extra: usize,
    driver: usize,
    sops_pairs: usize,
    sops: usize,
}

impl Rates {
    fn add(&mut self, pair: &Pair) {
        self.pairs += 1;
        let (plain_is_clean, by_lines) = merge(pair.plain.each_ref().map(String::as_str));
        let by_lines = plain_is_clean.then_some(by_lines).filter(|text| document::parse(pair.format, text).is_ok());
        let file = File::new(&Sample::of(pair.format, &pair.plain[0]));
        let sealed = seal_branches(&file, pair.plain.each_ref().map(String::as_str));
        let (stock_is_clean, merged) = merge(sealed.each_ref().map(String::as_str));
        self.plain += usize::from(!plain_is_clean);
        self.stock += usize::from(!stock_is_clean);
        self.extra += usize::from(plain_is_clean && !stock_is_clean);
        if stock_is_clean && !pair.is_conceded() {
            pair.check(&file, merged.as_bytes(), by_lines.as_ref());
        }
        match by_key(&file, &sealed) {
            Outcome::Clean { merged, .. } => pair.check(&file, &merged, by_lines.as_ref()),
            Outcome::Conflict(_) => self.driver += 1,
        }
    }
}

impl std::fmt::Display for Rates {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |count: usize, of: usize| {
            let tenths = (1000 * count + of / 2).checked_div(of);
            tenths.map_or_else(|| "-".to_owned(), |tenths| format!("{}.{} %", tenths / 10, tenths % 10))
        };
        let [plain, extra, stock, driver] =
            [self.plain, self.extra, self.stock, self.driver].map(|count| percent(count, self.pairs));
        let sops = percent(self.sops, self.sops_pairs);
        write!(out, "{:>6} {plain:>10} {extra:>14} {stock:>10} {driver:>8} {sops:>8}", self.pairs)
    }
}

/// The peer, where there is one.
struct Sops {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Sops {
    /// Looks into the folders of `SECRET_PEERS`, then into those of `PATH`.
    fn find() -> Option<Self> {
        let folders = ["SECRET_PEERS", "PATH"].into_iter().filter_map(std::env::var_os);
        let folders: Vec<PathBuf> =
            folders.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>()).collect();
        let Some(program) = folders.into_iter().map(|folder| folder.join("sops")).find(|program| program.is_file())
        else {
            println!("sops is not installed: its column is empty");
            return None;
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = World::empty();
        let (key, recipient) = world.keygen("sops");
        fs::copy(key, folder.path().join("key")).expect("a copy");
        fs::write(folder.path().join("recipient"), recipient).expect("a written file");
        Some(Self { program, folder })
    }

    /// Encrypts documents, edits each of them twice, and returns how many pairs of edits git merges. All are encrypted
    /// first, then edited on one side, then on the other: its files hold the second of their last change.
    fn merge(&self, pairs: &[Pair]) -> usize {
        let name = |index: usize| {
            let format = pairs[index].format;
            format!("file{index}.{}", if format == Format::Dotenv { "env" } else { format.name() })
        };
        let recipient = fs::read_to_string(self.folder.path().join("recipient")).expect("it was written");
        let versions: Vec<Vec<String>> = (0..3)
            .map(|side| {
                let edit = |(index, pair): (usize, &Pair)| {
                    let path = self.folder.path().join(name(index));
                    if side == 0 {
                        fs::write(&path, &pair.plain[0]).expect("a written file");
                        self.run(&["encrypt", "--age", &recipient, "--in-place", &name(index)], None);
                        return fs::read_to_string(&path).expect("it is there");
                    }
                    let base = fs::read_to_string(&path).expect("it is there");
                    let edited = self.folder.path().join("edited");
                    fs::write(&edited, &pair.plain[side]).expect("a written file");
                    self.run(&["edit", &name(index)], Some(&edited));
                    let changed = fs::read_to_string(&path).expect("it is there");
                    fs::write(&path, base).expect("a written file");
                    changed
                };
                pairs.iter().enumerate().map(edit).collect()
            })
            .collect();
        (0..pairs.len()).filter(|index| merge([0, 1, 2].map(|side| versions[side][*index].as_str())).0).count()
    }

    fn run(&self, arguments: &[&str], edited: Option<&Path>) {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).args(arguments);
        command.env("SOPS_AGE_KEY_FILE", self.folder.path().join("key"));
        if let Some(edited) = edited {
            command.env("EDITOR", format!("cp {}", edited.display()));
        }
        let outcome = run(&mut command, b"");
        assert_eq!(outcome.code, 0, "{outcome:#?}");
    }
}

/// A repository in which pairs are merged.
struct Real {
    world: World,
    recipient: String,
    pairs: usize,
    /// In plaintext, with stock git, with the driver: in merges, rebases, cherry-picks.
    conflicts: [[usize; 3]; 3],
}

impl Real {
    fn new() -> Self {
        let world = World::new().with_driver();
        let whoami = world.secret(["whoami", "--json"]).success().stdout;
        let recipient = whoami.split('"').find(|text| text.starts_with("age1")).expect("a recipient").to_owned();
        world.write(".gitattributes", "driver/** merge=secret\n");
        world.commit("where it merges");
        Self { world, recipient, pairs: 0, conflicts: Default::default() }
    }

    fn add(&mut self, pair: &Pair) {
        self.pairs += 1;
        let readers = Recipients::from([("alice".to_owned(), vec![self.recipient.clone()])]);
        let mut file = File::with_readers(&Sample::of(pair.format, &pair.plain[0]), readers);
        let recipient: Recipient = self.recipient.parse().expect("a recipient");
        file.header.wrapped_key = wrap(&[&recipient], &file.secrets.payload(&file.header)).expect("it wraps");
        let sealed = seal_branches(&file, pair.plain.each_ref().map(String::as_str));
        let mut merged: Vec<Option<String>> = Vec::new();
        for (kind, (path, versions)) in
            [("plain/file", &pair.plain), ("stock/file", &sealed), ("driver/file", &sealed)].into_iter().enumerate()
        {
            for (way, _) in WAYS.iter().enumerate() {
                let result = self.merge(path, versions, way);
                self.conflicts[kind][way] += usize::from(result.is_none());
                merged.push(result);
            }
        }
        let by_lines = merged[0].clone().filter(|text| document::parse(pair.format, text).is_ok());
        for (index, result) in merged.iter().enumerate().skip(WAYS.len()) {
            if let Some(result) = result
                && (index >= 2 * WAYS.len() || !pair.is_conceded())
            {
                pair.check(&file, result.as_bytes(), by_lines.as_ref());
            }
        }
    }

    /// Commits a base and two branches, and merges them in one of the ways; `None` for a conflict.
    fn merge(&self, path: &str, versions: &[String; 3], way: usize) -> Option<String> {
        let world = &self.world;
        world.git(["checkout", "--quiet", "-B", "work", "main"]);
        let commit = |text: &str| {
            world.write(path, text);
            world.commit("work");
        };
        commit(&versions[0]);
        world.git(["checkout", "--quiet", "-B", "theirs"]);
        commit(&versions[2]);
        world.git(["checkout", "--quiet", "work"]);
        commit(&versions[1]);
        let (arguments, abort) = WAYS[way];
        let outcome = world.try_git(arguments);
        if outcome.code == 0 {
            return Some(world.read(path));
        }
        assert!(!world.read(path).is_empty());
        world.git(abort);
        None
    }
}

const WAYS: [(&[&str], &[&str]); 3] = [
    (&["merge", "--quiet", "theirs"], &["merge", "--abort"]),
    (&["rebase", "--quiet", "work", "theirs"], &["rebase", "--abort"]),
    (&["cherry-pick", "theirs"], &["cherry-pick", "--abort"]),
];
