//! Texts that may stand nowhere but where a command was asked for them, found however they are spelled.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Secret texts of one world, with all their spellings.
///
/// They are looked for by their pieces of eight bytes, because a leak may be cut short, broken by lines, or encoded.
#[derive(Default)]
pub struct Canaries {
    /// What is looked for, by its first bytes.
    needles: HashMap<[u8; PIECE], Vec<Needle>>,
    /// The first two bytes of what is looked for, to pass over everything else quickly.
    starts: HashSet<[u8; 2]>,
}

/// Bytes to look for, the name of their secret, and how they spell it.
type Needle = (Vec<u8>, String, &'static str);

impl Canaries {
    /// Makes a text that no other run of any test has: letters and digits, so that it is a plain scalar of every
    /// format. Its name stands in front, is no secret, and says which one leaked.
    pub fn plant(&mut self, name: &str) -> String {
        let mut random = [0; 12];
        fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random)).expect("randomness");
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.watch(name, &secret);
        format!("{name}Z{secret}")
    }

    /// Looks for a secret that is there already.
    pub fn watch(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= PIECE, "too short to be looked for: {secret}");
        let pieces = (0..=secret.len() - PIECE).step_by(PIECE).map(|at| &secret.as_bytes()[at..at + PIECE]);
        for (needle, spelling) in pieces.flat_map(spellings) {
            self.starts.insert([needle[0], needle[1]]);
            let start = needle[..PIECE].try_into().expect("no spelling is shorter than the bytes");
            self.needles.entry(start).or_default().push((needle, name.to_owned(), spelling));
        }
    }

    /// Returns what stands in the bytes, and how it is spelled, without showing it.
    pub fn leaks_in(&self, bytes: &[u8]) -> BTreeSet<String> {
        let mut leaks = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(PIECE - 1) {
            if !self.starts.contains(&bytes[at..at + 2]) {
                continue;
            }
            for (needle, name, spelling) in self.needles.get(&bytes[at..at + PIECE]).into_iter().flatten() {
                if bytes[at..].starts_with(needle) {
                    leaks.insert(format!("{name} as {spelling}"));
                }
            }
        }
        leaks
    }

    /// Returns the files below a folder that have a canary in content, name or link target, each with what was found.
    /// Git's objects are compressed: `git cat-file` shows what is in them.
    pub fn leaks_below(&self, folder: &Path) -> BTreeMap<PathBuf, BTreeSet<String>> {
        let mut leaks = BTreeMap::new();
        // What vanishes meanwhile is not there; what cannot be read is.
        let is_gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let mut pending = vec![folder.to_path_buf()];
        while let Some(path) = pending.pop() {
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let read = match metadata.file_type() {
                kind if kind.is_dir() => fs::read_dir(&path).map(|entries| {
                    pending.extend(entries.map(|entry| entry.expect("an entry").path()));
                    Vec::new()
                }),
                kind if kind.is_symlink() => {
                    fs::read_link(&path).map(|target| target.into_os_string().into_encoded_bytes())
                }
                kind if kind.is_file() => fs::read(&path),
                // Sockets and pipes hold nothing.
                _ => Ok(Vec::new()),
            };
            let content = match read {
                Ok(content) => content,
                Err(error) if is_gone(&error) => continue,
                Err(error) => panic!("{}: {error}", path.display()),
            };
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let found = self.leaks_in(&[name, b"\n", &content].concat());
            if !found.is_empty() {
                leaks.insert(path.strip_prefix(folder).expect("it is below").to_path_buf(), found);
            }
        }
        leaks
    }

    /// Returns the scratch folders in shared memory that hold a canary.
    pub fn leaks_in_memory(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
        let is_ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("secret-edit-");
        let folders = entries.filter(is_ours).map(|entry| entry.path());
        folders.filter(|folder| !self.leaks_below(folder).is_empty()).collect()
    }
}

/// Returns the ways in which programs spell bytes that they log, store or send.
fn spellings(piece: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let text = str::from_utf8(piece).expect("canaries are ASCII");
    let mut all = vec![(piece.to_vec(), "itself")];
    for before in 0..3 {
        // Characters that also hold bits of a neighbour differ from place to place.
        let padded = [vec![0; before], piece.to_vec(), vec![0; 2]].concat();
        let (from, to) = ((before * 8).div_ceil(6), (before + piece.len()) * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            all.push((encoded.as_bytes()[from..to].to_vec(), "base64"));
        }
    }
    let each = |write: &dyn Fn(u8) -> String, between: &str| {
        piece.iter().map(|byte| write(*byte)).collect::<Vec<_>>().join(between).into_bytes()
    };
    all.push((each(&|byte| format!("{byte:02x}"), ""), "hex"));
    all.push((each(&|byte| format!("{byte:02X}"), ""), "hex"));
    all.push((each(&|byte| format!("{byte:02x}"), " "), "a hex dump"));
    all.push((each(&|byte| format!("0x{byte:02x}"), ", "), "a hex list"));
    all.push((each(&|byte| byte.to_string(), ", "), "a debugged list"));
    all.push((each(&|byte| byte.to_string(), ","), "a JSON list"));
    all.push((each(&|byte| byte.to_string(), ",\n    "), "a debugged list of lines"));
    all.push((each(&|byte| format!("%{byte:02X}"), ""), "URL"));
    all.push((each(&|byte| format!("%{byte:02x}"), ""), "URL"));
    all.push((each(&|byte| format!("\\u{byte:04x}"), ""), "JSON escapes"));
    all.push((each(&|byte| format!("\\u{byte:04X}"), ""), "JSON escapes"));
    all.push((each(&|byte| format!("\\x{byte:02x}"), ""), "C escapes"));
    all.push((each(&|byte| format!("\\{byte:o}"), ""), "octal escapes"));
    all.push((text.encode_utf16().flat_map(u16::to_le_bytes).collect(), "UTF-16"));
    all.push((text.encode_utf16().flat_map(u16::to_be_bytes).collect(), "UTF-16"));
    all.push((text.bytes().rev().collect(), "itself, backwards"));
    all.push((text.to_uppercase().into_bytes(), "upper case"));
    all
}

const PIECE: usize = 8;

#[test]
fn a_canary_is_found_however_it_is_spelled() {
    let mut canaries = Canaries::default();
    let planted = canaries.plant("Found");
    let text = planted.as_str();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let spelled = [
        (format!("password: {text}\n"), "itself"),
        (text[6..22].to_owned(), "itself"),
        (format!("{:?}", text.as_bytes()), "a debugged list"),
        (format!("{:#?}", text.as_bytes()), "a debugged list of lines"),
        (hex(text.as_bytes()), "hex"),
        (hex(text.as_bytes()).to_uppercase(), "hex"),
        (text.bytes().map(|byte| format!("%{byte:02X}")).collect(), "URL"),
        (text.bytes().map(|byte| format!("\\u{byte:04x}")).collect(), "JSON escapes"),
        (STANDARD_NO_PAD.encode(text), "base64"),
        (STANDARD_NO_PAD.encode(format!("a{text}")), "base64"),
        (STANDARD_NO_PAD.encode(format!("ab{text}: x")), "base64"),
        (URL_SAFE_NO_PAD.encode(format!("{{\"a\": \"{text}\"}}")), "base64"),
    ];
    for (spelled, spelling) in spelled {
        let found = canaries.leaks_in(spelled.as_bytes());
        assert!(found.contains(&format!("Found as {spelling}")), "{spelled}: {found:?}");
    }
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(canaries.leaks_in(&wide), BTreeSet::from(["Found as UTF-16".to_owned()]));
    let other = Canaries::default().plant("Found");
    assert_eq!(canaries.leaks_in(other.as_bytes()), BTreeSet::new());
}

#[test]
fn a_canary_is_found_in_contents_names_and_links() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut canaries = Canaries::default();
    let (inner, text) = (folder.path().join("a/b"), canaries.plant("Found"));
    fs::create_dir_all(&inner).expect("folders");
    fs::write(inner.join("content"), format!("x{text}")).expect("a file");
    fs::write(inner.join(format!(".{text}.swp")), "").expect("a file");
    std::os::unix::fs::symlink(text, inner.join("link")).expect("a link");
    fs::write(inner.join("clean"), "nothing").expect("a file");
    assert_eq!(canaries.leaks_below(folder.path()).len(), 3);
}
