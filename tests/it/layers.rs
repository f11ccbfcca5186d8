//! The architecture (docs/architecture.md), held by reading the sources: which layer imports which, and how files are.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each layer with those that it may import: what stands above it, less what is none of its business.
const LAYERS: [(&str, &[&str]); 13] = [
    ("env", &[]),
    ("fs", &["env"]),
    ("process", &["env", "fs"]),
    ("document", &[]),
    ("crypto", &[]),
    ("generate", &["crypto"]),
    ("keys", &["env", "fs", "process", "crypto"]),
    ("envelope", &["document", "crypto", "keys"]),
    ("policy", &["document", "generate", "keys", "envelope"]),
    ("git", &["env", "fs", "process"]),
    ("workspace", &["env", "fs", "process", "document", "crypto", "generate", "keys", "envelope", "policy", "git"]),
    ("ui", &["env", "keys"]),
    (
        "commands",
        &[
            "env",
            "fs",
            "process",
            "document",
            "crypto",
            "generate",
            "keys",
            "envelope",
            "policy",
            "git",
            "workspace",
            "ui",
        ],
    ),
];

/// A file of src.
pub struct Source {
    path: String,
    text: String,
}

#[test]
fn a_layer_imports_only_what_stands_above_it() {
    let mut wrong = Vec::new();
    for source in product_sources() {
        let layer = source.layer();
        if ["lib", "main"].contains(&layer) {
            continue;
        }
        let (_, allowed) = *LAYERS.iter().find(|(name, _)| *name == layer).unwrap_or_else(|| {
            panic!("{} belongs to no layer", source.path);
        });
        let forbidden = |import: &&str| *import != layer && !allowed.contains(import);
        wrong.extend(source.imports().into_iter().filter(forbidden).map(|import| format!("{}: {import}", source.path)));
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_library_has_these_layers_and_no_other() {
    let lib = product_sources().into_iter().find(|source| source.path == "src/lib.rs").expect("it is there");
    let declared: BTreeSet<&str> =
        lib.text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, BTreeSet::from(LAYERS.map(|(name, _)| name)));
}

#[test]
fn every_file_says_first_what_it_is_for() {
    let silent: Vec<String> = sources("src")
        .into_iter()
        .chain(sources("tests"))
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path)
        .collect();
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn no_file_is_longer_than_800_lines_before_its_tests() {
    let long: Vec<String> = sources("src")
        .into_iter()
        .map(|source| (source.path.clone(), source.without_tests().lines().count()))
        .filter(|(_, lines)| *lines > 800)
        .map(|(path, lines)| format!("{path}: {lines}"))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn nothing_is_left_for_later() {
    // In two pieces, because this file is read too.
    let words = [
        concat!("to", "do!"),
        concat!("db", "g!("),
        concat!("unimpl", "emented!"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
    ];
    let mut found = Vec::new();
    for source in sources("src").into_iter().chain(sources("tests")).chain(sources("examples")) {
        for (index, line) in source.text.lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_imports_of_a_text_are_found_however_they_are_spelled() {
    let text = "
//! Explains [`crate::ui`], which is no import.
use crate::{document::Format, keys::{Recipient, wrap}};
use crate::fs;
fn f() -> crate::env::Env { crate::workspace::open() } // not crate::git

#[cfg(test)]
mod tests {
    use crate::commands;
}
";
    let source = Source { path: "src/a/b.rs".to_owned(), text: text.to_owned() };
    assert_eq!(Vec::from_iter(source.imports()), ["document", "env", "fs", "keys", "workspace"]);
}

impl Source {
    /// Returns the top folder or file below src.
    fn layer(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the part before the test module, which stands last.
    pub fn without_tests(&self) -> &str {
        self.text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default()
    }

    /// Returns the layers whose names stand behind `crate::`, in code.
    fn imports(&self) -> BTreeSet<&str> {
        let mut imports = BTreeSet::new();
        for line in self.without_tests().lines() {
            let code = line.split("//").next().unwrap_or_default();
            for path in code.split("crate::").skip(1) {
                match path.strip_prefix('{') {
                    None => imports.extend(path.split(|c: char| !is_in_name(c)).next()),
                    Some(group) => imports.extend(first_names(group)),
                }
            }
        }
        imports
    }
}

/// Returns the first name of each path in a group of imports, groups within it left out.
fn first_names(group: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.extend(group[start..at].trim().split(|c: char| !is_in_name(c)).next());
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

fn is_in_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Returns the files of src that are part of the product: without those that a `#[cfg(test)]` brings in.
pub fn product_sources() -> Vec<Source> {
    let all = sources("src");
    let mut test_support = BTreeSet::new();
    for source in &all {
        let lines: Vec<&str> = source.text.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]") {
            let module = pair[1].trim().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
            if let Some(name) = module.strip_prefix("mod ").and_then(|module| module.strip_suffix(';')) {
                let folder = source.path.trim_end_matches("mod.rs").trim_end_matches(".rs").trim_end_matches('/');
                test_support.insert(format!("{folder}/{name}.rs"));
            }
        }
    }
    all.into_iter().filter(|source| !test_support.contains(&source.path)).collect()
}

/// Returns the Rust files and scripts below a folder of the repository, in the order of their paths.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pending = vec![root.join(folder)];
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).expect("a folder that can be read") {
            let path = entry.expect("an entry").path();
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => pending.push(path),
                Some("rs" | "sh") => drop(paths.insert(path)),
                _ => {}
            }
        }
    }
    let read = |path: PathBuf| Source {
        text: fs::read_to_string(&path).expect("text"),
        path: path.strip_prefix(root).expect("it is below").display().to_string(),
    };
    paths.into_iter().map(read).collect()
}
