//! Dependencies keep to what docs/dependencies.md says: each has a reason, a licence on the list, and nothing speaks to a network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn each_dependency_is_explained_licensed_and_offline() {
    let packages = packages();
    let direct: BTreeSet<String> =
        packages.values().filter(|package| package.is_direct).map(|p| p.name.clone()).collect();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages.values().filter(|package| package.is_linked) {
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    let duplicates: BTreeSet<String> =
        versions.iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| (*name).to_owned()).collect();

    let explained: BTreeSet<String> = rows("At run time").into_iter().chain(rows("For tests")).collect();
    assert_eq!(explained, direct, "the tables of direct dependencies in docs/dependencies.md");
    assert_eq!(rows("Duplicates").into_iter().collect::<BTreeSet<_>>(), duplicates, "docs/dependencies.md, Duplicates");

    let unlicensed: Vec<String> = packages
        .values()
        .filter(|package| !is_accepted(&package.licence))
        .map(|package| format!("{} {}: {}", package.name, package.version, package.licence))
        .collect();
    assert_eq!(unlicensed, Vec::<String>::new(), "licences");

    let online: Vec<&str> = packages
        .values()
        .map(|package| package.name.as_str())
        .filter(|name| NETWORK.iter().any(|word| name.contains(word)))
        .collect();
    assert_eq!(online, Vec::<&str>::new(), "crates of a network stack");

    let linked = packages.values().filter(|package| package.is_linked).count();
    println!("{linked} crates are linked or build what is linked, {} are for tests only", packages.len() - linked);
    for name in &duplicates {
        println!("duplicate: {name} {}", versions[name.as_str()].iter().copied().collect::<Vec<_>>().join(", "));
    }
}

#[test]
fn libgit2_is_built_without_https_and_ssh() {
    let libgit2 = git2::Version::get();
    assert!(!libgit2.https() && !libgit2.ssh() && libgit2.vendored());
}

#[test]
fn licence_expressions_are_understood() {
    for accepted in ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
        assert!(is_accepted(accepted), "{accepted}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND AGPL-3.0", "MITX"] {
        assert!(!is_accepted(refused), "{refused}");
    }
}

/// A crate that some build of ours compiles on this platform.
struct Package {
    name: String,
    version: String,
    licence: String,
    /// Whether our own manifest names it.
    is_direct: bool,
    /// Whether the program needs it, and not only the tests.
    is_linked: bool,
}

/// Asks cargo for all crates of this platform, without the network: they are there, for they were built.
fn packages() -> BTreeMap<String, Package> {
    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .output()
            .expect("cargo is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("cargo writes UTF-8")
    };
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo names its platform");
    let metadata = cargo(&["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform", host]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();

    let root = text(&metadata["resolve"]["root"]);
    let nodes: BTreeMap<String, &Value> =
        list(&metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), node)).collect();
    let below = |id: &str, with_tests: bool| -> Vec<String> {
        let is_wanted = |dependency: &&Value| {
            list(&dependency["dep_kinds"]).iter().any(|kind| with_tests || kind["kind"].as_str() != Some("dev"))
        };
        list(&nodes[id]["deps"]).iter().filter(is_wanted).map(|dependency| text(&dependency["pkg"])).collect()
    };
    let direct = below(&root, true);
    let mut linked = BTreeSet::new();
    let mut pending = below(&root, false);
    while let Some(id) = pending.pop() {
        if linked.insert(id.clone()) {
            pending.extend(below(&id, false));
        }
    }
    let others = list(&metadata["packages"]).iter().filter(|package| text(&package["id"]) != root);
    others
        .map(|package| {
            let id = text(&package["id"]);
            let found = Package {
                name: text(&package["name"]),
                version: text(&package["version"]),
                licence: text(&package["license"]),
                is_direct: direct.contains(&id),
                is_linked: linked.contains(&id),
            };
            (id, found)
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Tells whether a licence expression leaves us a choice of accepted licences alone.
fn is_accepted(expression: &str) -> bool {
    expression.split(" AND ").all(|part| {
        let part = part.trim_matches(['(', ')']).replace('/', " OR ");
        part.split(" OR ").any(|licence| LICENCES.contains(&licence.trim()))
    })
}

/// Returns the first column of the table below a heading of docs/dependencies.md.
fn rows(heading: &str) -> Vec<String> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dependencies.md")).expect("text");
    let section =
        text.split("\n## ").find(|section| section.starts_with(&format!("{heading}\n"))).expect("the section");
    section.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())).collect()
}

/// Those that docs/dependencies.md names.
const LICENCES: [&str; 10] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Parts of the names of crates that speak TLS, HTTP or SSH, or bring the means to.
const NETWORK: [&str; 12] = [
    "curl-sys",
    "http",
    "hyper",
    "libssh",
    "native-tls",
    "openssl",
    "reqwest",
    "rustls",
    "schannel",
    "ssh2",
    "tokio",
    "ureq",
];
