//! Types that hold secrets cannot show them: none has a derived `Debug`, `Display`, `Serialize` or the like. Held by
//! reading the sources: whatever has a field of such a type is one itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::layers::product_sources;

/// Types of libraries that hold secrets.
const SECRETS: [&str; 4] = ["Zeroizing", "SecretBox", "SecretSlice", "SecretString"];

/// Secrets in ordinary texts, which no field gives away: variables may be identities.
const KNOWN: [&str; 1] = ["Env"];

/// A `struct` or `enum` of the product.
struct Type {
    name: String,
    place: String,
    derives: BTreeSet<String>,
    /// The words of its fields' types.
    holds: BTreeSet<String>,
}

#[test]
fn no_type_that_holds_a_secret_can_be_shown() {
    let sources = product_sources();
    let mut types = Vec::new();
    let mut shown: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for source in &sources {
        types.extend(types_of(source.path(), source.without_tests()));
        for (of, what) in implementations(source.without_tests()) {
            shown.entry((source.path().to_owned(), of)).or_default().insert(what);
        }
    }
    let secret = secret_types(&types);
    for expected in ["DataKey", "FileKeys", "Env", "EditBuffer", "OpenFile", "Opened", "NewIdentity", "Document"] {
        let is_found = secret.iter().any(|(_, name)| name == expected);
        assert!(is_found, "{expected} is not seen to hold a secret: {secret:?}");
    }
    let mut wrong = Vec::new();
    for kind in types.iter().filter(|kind| secret.contains(&kind.id())) {
        let by_hand = shown.get(&kind.id()).into_iter().flatten();
        wrong.extend(
            kind.derives
                .iter()
                .chain(by_hand)
                .filter(|what| SHOWING.contains(&what.as_str()))
                .map(|what| format!("{}: {} for {}", kind.place, what, kind.name)),
        );
    }
    assert_eq!(wrong, Vec::<String>::new());
    println!("types: {} of {} hold secrets, 0 can be shown", secret.len(), types.len());
}

#[test]
fn types_are_found_however_they_are_spelled() {
    let text = "
/// A key.
#[derive(Clone, Debug)]
pub struct Key(Zeroizing<[u8; 32]>);
#[derive(Debug)]
enum Holder<'a> {
    /// Not a Zeroizing.
    Some { inner: &'a Key },
}
#[derive(
    Debug,
)]
pub(crate) struct Plain {
    text: String, // no Key
    #[serde(rename = \"Key\")]
    key: Named,
}
#[derive(Debug)]
enum Named {
    Key,
    /// A variant's name is no type.
    Holder(u8),
}
impl fmt::Display for Key {
}
impl<'a> std::fmt::Debug for Holder<'a> {}
";
    let types = types_of("a.rs", text);
    let names: Vec<String> = secret_types(&types).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["Holder", "Key"]);
    assert!(types.iter().all(|kind| kind.derives.contains("Debug")));
    let found: Vec<(String, String)> = implementations(text);
    assert_eq!(found, [("Key", "Display"), ("Holder", "Debug")].map(|(of, what)| (of.to_owned(), what.to_owned())));
}

impl Type {
    /// The file and the name: two files may have types of one name.
    fn id(&self) -> (String, String) {
        (self.place.clone(), self.name.clone())
    }
}

/// Returns the types that hold secrets, directly or in a field of another such type.
fn secret_types(types: &[Type]) -> BTreeSet<(String, String)> {
    let mut secret: BTreeSet<(String, String)> = BTreeSet::new();
    loop {
        // In its own file a name means the type that is declared there.
        let is_secret = |place: &str, word: &str| {
            let same = (place.to_owned(), word.to_owned());
            match types.iter().any(|kind| kind.id() == same) {
                true => secret.contains(&same),
                false => secret.iter().any(|(_, name)| name == word),
            }
        };
        let more: Vec<(String, String)> = types
            .iter()
            .filter(|kind| !secret.contains(&kind.id()))
            .filter(|kind| {
                KNOWN.contains(&kind.name.as_str())
                    || kind.holds.iter().any(|word| SECRETS.contains(&word.as_str()) || is_secret(&kind.place, word))
            })
            .map(Type::id)
            .collect();
        if more.is_empty() {
            return secret;
        }
        secret.extend(more);
    }
}

/// Returns the types that a text declares.
fn types_of(place: &str, text: &str) -> Vec<Type> {
    let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
    let mut types = Vec::new();
    let mut attributes = String::new();
    for (index, line) in code.iter().enumerate() {
        let item = line.trim_start();
        let item = item.strip_prefix("pub").map_or(item, |rest| rest.split_once(' ').map_or(rest, |(_, rest)| rest));
        let declared = ["struct ", "enum ", "union "].iter().find_map(|keyword| item.strip_prefix(keyword));
        match declared {
            Some(rest) => types.push(Type {
                name: words(rest).next().unwrap_or_default().to_owned(),
                place: place.to_owned(),
                derives: words(&attributes).map(str::to_owned).collect(),
                holds: types_in(&without_attributes(body(&code[index..].join("\n"))), item.starts_with("enum ")),
            }),
            None if line.trim().is_empty() || line.trim_start().starts_with("#[") => attributes.push_str(line),
            None if attributes.matches('(').count() > attributes.matches(')').count() => attributes.push_str(line),
            None => attributes.clear(),
        }
        if declared.is_some() {
            attributes.clear();
        }
    }
    types
}

/// Returns what stands between the name and the end of a declaration.
fn body(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '{' | '(' => depth += 1,
            '}' | ')' if depth == 1 => return text[..at].split_once(['{', '(']).map_or("", |(_, body)| body),
            '}' | ')' => depth -= 1,
            ';' if depth == 0 => return "",
            _ => {}
        }
    }
    ""
}

/// Returns the words of the types in a declaration: not the names of its fields and variants.
fn types_in(body: &str, is_enum: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut depth, mut is_first) = (0, true);
    let mut rest = body;
    while let Some(character) = rest.chars().next() {
        if character.is_ascii_alphabetic() || character == '_' {
            let word = words(rest).next().unwrap_or_default();
            rest = &rest[word.len()..];
            let behind = rest.trim_start();
            let is_field = behind.starts_with(':') && !behind.starts_with("::");
            let is_variant = is_enum && depth == 0 && is_first;
            is_first = false;
            if !is_field && !is_variant {
                found.insert(word.to_owned());
            }
            continue;
        }
        match character {
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' => depth -= 1,
            ',' if depth == 0 => is_first = true,
            _ => {}
        }
        rest = &rest[character.len_utf8()..];
    }
    found
}

/// Drops `#[…]`, whose texts are no types.
fn without_attributes(text: &str) -> String {
    let (mut kept, mut rest) = (String::new(), text);
    while let Some((before, attribute)) = rest.split_once("#[") {
        kept.push_str(before);
        let mut depth = 1;
        let end = attribute.char_indices().find(|(_, character)| {
            depth += i32::from(*character == '[') - i32::from(*character == ']');
            depth == 0
        });
        rest = end.map_or("", |(end, _)| &attribute[end + 1..]);
    }
    kept + rest
}

/// Returns the traits that are implemented by hand, each with its type: `("Key", "Debug")`.
fn implementations(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| line.starts_with("impl") && line.contains(" for "));
    lines
        .filter_map(|line| {
            let (what, of) = line.split_once(" for ")?;
            let what = what.rsplit(' ').next()?.split('<').next()?.rsplit("::").next()?;
            Some((words(of).next()?.to_owned(), what.to_owned()))
        })
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

/// Traits by which a value gets into a message, a log or a file.
const SHOWING: [&str; 6] = ["Debug", "Display", "Hash", "Serialize", "ToString", "UpperHex"];
