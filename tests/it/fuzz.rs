//! Random bytes, and what becomes of good documents when a few of them change: no target of `tests/fuzz/targets.rs`
//! panics. The same for the same seed; `cargo fuzz` goes deeper (docs/testing.md).

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use secret::document::Format;

use crate::corpus;
use crate::fuzz_targets::{TARGETS, Target};
use crate::generate::{Random, Sample, cases, random};
use crate::tamper::{LINES, PIECES};

#[test]
fn no_bytes_break_a_target() {
    let only = std::env::var("SECRET_FUZZ").ok();
    for (name, target) in TARGETS.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        let mut campaign = Campaign { name, target: *target, accepted: 0, tried: 0 };
        let mut random = random(name);
        let mut pool = seeds(name, &mut random);
        let honest = pool.len();
        for seed in &pool {
            campaign.try_input(seed);
        }
        for _ in 0..cases(if name.parse::<Format>().is_ok() { 300 } else { 1500 }) {
            let mut input = pool[random.below(pool.len())].clone();
            for _ in 0..=random.below(4) {
                mutate(&mut random, &mut input, &pool);
            }
            if input.len() <= 4096 && campaign.try_input(&input) && !pool.contains(&input) {
                // What was accepted is a better place to go on from; the seeds stay.
                if pool.len() < 2 * honest + 200 {
                    pool.push(input);
                } else {
                    let place = honest + random.below(pool.len() - honest);
                    pool[place] = input;
                }
            }
        }
        println!("{name}: {} inputs, {} accepted, of {honest} seeds", campaign.tried, campaign.accepted);
        assert!(campaign.accepted * 200 > campaign.tried, "{name} accepts hardly anything: the seeds are wrong");
    }
}

/// What broke a target once: each file in `fixtures/fuzz/TARGET` holds for good.
/// The program for cargo-fuzz is not built with the tests: what it takes from them must be where it looks.
#[test]
fn the_program_for_cargo_fuzz_has_all_its_parts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let text = fs::read_to_string(folder.join("main.rs")).expect("the program");
    let places: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]")).collect();
    assert!(!places.is_empty());
    for place in places {
        assert!(folder.join(place).is_file(), "there is no {place}");
    }
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest");
    let binaries: BTreeSet<&str> =
        manifest.split("[[bin]]").skip(1).filter_map(|binary| binary.split('"').nth(1)).collect();
    assert_eq!(binaries, TARGETS.iter().map(|(name, _)| *name).collect());
}

#[test]
fn what_broke_a_target_once_does_not_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
    for (name, target) in TARGETS {
        let mut campaign = Campaign { name, target, accepted: 0, tried: 0 };
        for path in files(&folder.join(name)) {
            campaign.try_input(&fs::read(path).expect("it can be read"));
        }
    }
}

/// Seeds for `cargo fuzz`, where `SECRET_FUZZ_SEEDS` names a folder for them.
#[test]
fn seeds_can_be_written_for_coverage_guided_fuzzing() {
    let Some(folder) = std::env::var_os("SECRET_FUZZ_SEEDS").map(PathBuf::from) else { return };
    for (name, _) in TARGETS {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        for (index, seed) in seeds(name, &mut random(name)).iter().enumerate() {
            fs::write(folder.join(format!("seed-{index:04}")), seed).expect("a file");
        }
    }
}

struct Campaign<'a> {
    name: &'a str,
    target: Target,
    accepted: usize,
    tried: usize,
}

impl Campaign<'_> {
    fn try_input(&mut self, input: &[u8]) -> bool {
        self.tried += 1;
        let accepted = catch_unwind(AssertUnwindSafe(|| (self.target)(input)));
        let accepted = accepted.unwrap_or_else(|_| {
            panic!("{} breaks; keep it in fixtures/fuzz/{}: b\"{}\"", self.name, self.name, input.escape_ascii())
        });
        self.accepted += usize::from(accepted);
        accepted
    }
}

/// Good inputs of a target: generated documents, the vectors of the format, the public suites where they are.
fn seeds(target: &str, random: &mut Random) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vectors =
        || files(&root.join("fixtures/vectors")).into_iter().map(|path| fs::read(path).expect("it can be read"));
    let small = |bytes: &Vec<u8>| bytes.len() <= 3000;
    let texts = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    match target {
        "file" => {
            vectors().filter(|bytes| bytes.windows(8).any(|window| window == b"secret/v")).filter(small).collect()
        }
        "header" => vectors().filter_map(|bytes| header_lines(&String::from_utf8(bytes).ok()?)).collect(),
        "token" => vectors()
            .filter_map(|bytes| String::from_utf8(bytes).ok())
            .flat_map(|text| tokens(&text))
            .filter(small)
            .take(300)
            .collect(),
        "policy" => {
            let mut policies: Vec<Vec<u8>> = files(&root.join("fixtures/policy"))
                .into_iter()
                .filter(|path| path.extension().is_some_and(|end| end == "toml"))
                .map(|path| fs::read(path).expect("it can be read"))
                .collect();
            // Mostly good ones: a change of a wrong one is wrong too.
            policies.extend(texts(&POLICIES.repeat(50)));
            policies
        }
        "key_path" => texts(&KEY_PATHS),
        "recipient" => texts(&KEYS),
        _ => {
            let format = target.strip_prefix("edit_").unwrap_or(target);
            let format: Format = format.parse().expect("the other targets have the names of formats");
            let mut documents: Vec<Vec<u8>> = (0..80).map(|_| Sample::draw(random, format).text.into_bytes()).collect();
            documents.extend(texts(&SOPS));
            documents.extend(corpus::documents(format));
            documents.retain(small);
            if target.starts_with("edit_") {
                for (index, document) in documents.iter_mut().enumerate() {
                    let line = format!("{index} {}\n", random.pick(&crate::generate::WORDS));
                    document.splice(0..0, line.into_bytes());
                }
            }
            documents
        }
    }
}

/// Changes an input in one way.
fn mutate(random: &mut Random, input: &mut Vec<u8>, pool: &[Vec<u8>]) {
    let at = random.below(input.len() + 1);
    let until = at + random.below((input.len() - at).min(20) + 1);
    match random.below(12) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.next().to_le_bytes()[0],
        2 => _ = input.drain(at..until),
        3 => {
            let piece = input[at..until].to_vec();
            input.splice(at..at, piece);
        }
        4 => input.truncate(at),
        5 => {
            // The end of another one.
            let other = &pool[random.below(pool.len())];
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        6 => {
            // Lines change places.
            let mut lines: Vec<Vec<u8>> = input.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            let (one, other) = (random.below(lines.len()), random.below(lines.len()));
            if !lines.is_empty() {
                lines.swap(one, other);
            }
            *input = lines.concat();
        }
        7 => _ = input.splice(at..at, random.pick(&LINES).bytes()),
        8 => {
            let digits = ["0", "1", "-1", "128", "4294967295", "4294967296", "18446744073709551616", "1e999"];
            input.splice(at..until, random.pick(&digits).bytes());
        }
        9 => _ = input.splice(at..until, random.pick(&PIECES).bytes()),
        _ => _ = input.splice(at..at, random.pick(&PIECES).bytes()),
    }
}

fn header_lines(file: &str) -> Option<Vec<u8>> {
    let lines: Vec<&str> = file.lines().skip(1).take_while(|line| !line.ends_with("secret/v1 end")).collect();
    let strip = |line: &&str| line.strip_prefix("# ").or(line.strip_prefix("; ")).unwrap_or(line).to_owned();
    lines
        .first()
        .is_some_and(|line| line.ends_with("version = 1"))
        .then(|| lines.iter().map(strip).collect::<Vec<_>>().join("\n").into_bytes())
}

fn tokens(text: &str) -> BTreeSet<Vec<u8>> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    text.split(|c| !is_token(c))
        .filter(|word| word.starts_with("secret-v1."))
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("it can be read").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

const SOPS: [&str; 6] = [
    "a: ENC[AES256_GCM,data:p673w==,iv:YY=,aad:UQ=,tag:A==,type:str]\nsops:\n    age:\n        - recipient: age1x\n          enc: |\n            -----BEGIN AGE ENCRYPTED FILE-----\n            YWdl\n            -----END AGE ENCRYPTED FILE-----\n    lastmodified: \"2026-11-22T00:00:00Z\"\n    mac: ENC[x]\n    version: 3.13.2\n",
    "{\n\t\"a\": \"ENC[AES256_GCM,data:p673w==,type:int]\",\n\t\"sops\": {\"age\": [{\"recipient\": \"age1x\", \"enc\": \"x\\n\"}], \"mac\": \"x\"}\n}",
    "A=ENC[AES256_GCM,data:x,iv:x=,aad:,tag:x==,type:str]\nsops_age__list_0__map_enc=-----BEGIN\\nx\\n\nsops_version=3.13.2\n",
    "[sops]\nage__list_0__map_enc = x\nversion = 3.13.2\n[a]\nb = ENC[AES256_GCM,data:x]\n",
    "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: {<<: *c, x: *c}\n",
    "x = \"ENC[a]\"\n[[a.b]]\nc.d = 1\n[a.b.e]\n",
];

const POLICIES: [&str; 3] = [
    "# policy\nversion = 1\n\n[members]\n# alice is the first\nalice = \"age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\" # note\n\n[groups] # sets\nteam = [\n  \"alice\", # me\n]\n\n# all\n[[rules]]\npath = \"secrets/**\"\nreaders = [\"team\"] # them\n",
    "version = 1\nmembers.alice = { recipients = [\"age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\"], kind = \"machine\" }\ngroups = { team = [\"alice\"], all = [\"team\"] }\nrules = [{ path = \"{a,b}/*.env\", readers = [\"all\", \"alice\"], cleartext = [\"public.**\"], rotate_every = \"90d\" }]\n",
    "version = 1\r\n[members]\r\n\"a.b\" = [\r\n  \"age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg\", # one\r\n]\r\n# two\r\n[[rules]]\r\npath = \"**\"\r\nreaders = [\"a.b\"]\r\nrequire = [\"owner\"]\r\nmode = \"opaque\"\r\n",
];

const KEY_PATHS: [&str; 14] = [
    "db.users[0].password\ndb.users[0].password",
    "\"a.b\".c\n\"a.b\".c",
    "[\"db\"]['password'][3]",
    "@2.kind\n@2.kind",
    "key#2.x\nkey#2",
    "metadata.**\nmetadata.a",
    "**.name\na.b.name",
    "users[*].id\nusers[7].id",
    "public_*\npublic_key",
    "a*b*c\na1b2b3c",
    "*aa\na",
    "\"\\u0041\\\"\".x\nA",
    "*a*ab\nxaab",
    "@1\n@1",
];

const KEYS: [&str; 12] = [
    "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGO alice@example.com",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGO",
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ== x",
    "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
    "age1pq1qqqq",
    "90d",
    "6mo",
    "secrets/{dev,prod}/[a-z]*.yaml",
    "secrets/**/x?.env",
    "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSBhCmIKLS0tIGMK\n-----END AGE ENCRYPTED FILE-----\n",
    "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ",
];
