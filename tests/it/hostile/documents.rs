//! Documents that are as large, deep, wide or odd as somebody can make them.

use secret::document::Format;

/// A hostile document: what it is, its format, and how to make one of about so many bytes.
pub type Hostile = (&'static str, Format, fn(usize) -> String);

/// What every format has.
const JSON: [Hostile; 16] = [
    ("lists in each other", Format::Json, |size| format!("{{\"a\":{}", "[".repeat(size))),
    ("lists in each other, closed", Format::Json, |size| wrapped("{\"a\":", "[", "]", "}", size)),
    ("objects in each other", Format::Json, |size| "{\"a\":".repeat(size / 5)),
    ("a flat object", Format::Json, |size| format!("{{{}}}", joined(size, ",", |index| format!("\"{index}\":1")))),
    ("a flat object of texts", Format::Json, |size| {
        format!("{{{}}}", joined(size, ",\n", |index| format!("\"key{index}\": \"value\"")))
    }),
    ("a list of digits", Format::Json, |size| format!("{{\"a\":[{}]}}", joined(size, ",", |_| "1".to_owned()))),
    ("a list of empty lists", Format::Json, |size| format!("{{\"a\":[{}]}}", joined(size, ",", |_| "[]".to_owned()))),
    ("a list of nulls", Format::Json, |size| format!("{{\"a\":[{}]}}", joined(size, ",", |_| "null".to_owned()))),
    ("objects of one key in a list", Format::Json, |size| {
        format!("{{\"a\":[{}]}}", joined(size, ",", |_| "{\"\":1}".to_owned()))
    }),
    ("deep branches", Format::Json, |size| {
        let branch = format!("{}1{}", "[".repeat(120), "]".repeat(120));
        format!("{{\"a\":[{}]}}", joined(size, ",", |_| branch.clone()))
    }),
    ("a text of escapes", Format::Json, |size| format!("{{\"a\":\"{}\"}}", "\\u0041".repeat(size / 6))),
    ("a key of escapes", Format::Json, |size| format!("{{\"{}\":1}}", "\\ud83d\\ude00".repeat(size / 12))),
    ("one long number", Format::Json, |size| format!("{{\"a\":{}}}", "1".repeat(size))),
    ("blanks", Format::Json, |size| format!("{}{{}}", " ".repeat(size))),
    ("a long key above many values", Format::Json, |size| {
        format!("{{\"{}\":[{}]}}", "k".repeat(size / 2), joined(size / 2, ",", |_| "1".to_owned()))
    }),
    ("keys that differ late", Format::Json, |size| {
        let front = "k".repeat(1000);
        format!("{{{}}}", joined(size, ",", |index| format!("\"{front}{index}\":1")))
    }),
];

const YAML: [Hostile; 44] = [
    ("flow lists in each other", Format::Yaml, |size| "[".repeat(size)),
    ("flow lists in each other, closed", Format::Yaml, |size| wrapped("a: ", "[", "]", "\n", size)),
    ("flow maps in each other", Format::Yaml, |size| "{a: ".repeat(size / 4)),
    ("flow maps as keys", Format::Yaml, |size| "{? ".repeat(size / 3)),
    ("dashes in each other", Format::Yaml, |size| "- ".repeat(size / 2)),
    ("complex keys in each other", Format::Yaml, |size| "? ".repeat(size / 2)),
    ("values in each other", Format::Yaml, |size| ": ".repeat(size / 2)),
    ("maps in each other, by lines", Format::Yaml, |size| {
        let depth = (size * 2).isqrt();
        (0..depth).map(|level| format!("{}a:\n", " ".repeat(level))).collect()
    }),
    ("a bomb of aliases", Format::Yaml, |_| {
        let levels =
            (1..60).map(|level| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", ")));
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned() + &levels.collect::<String>()
    }),
    ("aliases", Format::Yaml, |size| format!("a: &a x\nb:\n{}", lines(size, |_| "- *a\n".to_owned()))),
    ("aliases of a large list", Format::Yaml, |size| {
        let half = size / 2;
        format!("a: &a\n{}b:\n{}", lines(half, |_| "- 1\n".to_owned()), lines(half, |_| "- *a\n".to_owned()))
    }),
    ("merge keys", Format::Yaml, |size| {
        format!("a: &a {{x: 1}}\n{}", lines(size, |index| format!("k{index}: {{<<: *a}}\n")))
    }),
    ("anchors", Format::Yaml, |size| lines(size, |index| format!("- &a{index} x\n"))),
    ("tags", Format::Yaml, |size| lines(size, |index| format!("- !t{index} x\n"))),
    ("tags of one handle", Format::Yaml, |size| {
        format!(
            "%TAG !e! tag:example.com,2026:{}\n---\n{}",
            "x".repeat(size / 2),
            lines(size / 2, |_| "- !e!x 1\n".to_owned())
        )
    }),
    ("directives", Format::Yaml, |size| lines(size, |index| format!("%TAG !{index}! tag:x\n")) + "---\na: 1\n"),
    ("a flat map", Format::Yaml, |size| lines(size, |index| format!("{index}: 1\n"))),
    ("a flat map of texts", Format::Yaml, |size| lines(size, |index| format!("key{index}: value\n"))),
    ("a flat flow map", Format::Yaml, |size| format!("{{{}}}\n", joined(size, ", ", |index| format!("k{index}: 1")))),
    ("a list", Format::Yaml, |size| lines(size, |_| "- 1\n".to_owned())),
    ("a list of nothing", Format::Yaml, |size| lines(size, |_| "-\n".to_owned())),
    ("a flow list", Format::Yaml, |size| format!("[{}]\n", joined(size, ",", |_| "a".to_owned()))),
    ("a flow list of pairs", Format::Yaml, |size| format!("[{}]\n", joined(size, ",", |_| "a: b".to_owned()))),
    ("empty lists", Format::Yaml, |size| format!("[{}]\n", joined(size, ",", |_| "[]".to_owned()))),
    ("empty keys", Format::Yaml, |size| lines(size, |_| ": a\n".to_owned())),
    ("complex keys", Format::Yaml, |size| lines(size, |index| format!("? [a, {index}]\n: x\n"))),
    ("one complex key", Format::Yaml, |size| format!("? [{}]\n: x\n", joined(size, ", ", |_| "a".to_owned()))),
    ("documents", Format::Yaml, |size| lines(size, |_| "---\n".to_owned())),
    ("documents with a value", Format::Yaml, |size| lines(size, |_| "--- a\n".to_owned())),
    ("documents and their ends", Format::Yaml, |size| lines(size, |_| "---\n...\n".to_owned())),
    ("comments", Format::Yaml, |size| lines(size, |_| "#a\n".to_owned())),
    ("comments behind values", Format::Yaml, |size| lines(size, |_| "- a #b\n".to_owned())),
    ("blank comments", Format::Yaml, |size| lines(size, |_| "#\n".to_owned())),
    ("one long comment", Format::Yaml, |size| format!("a: 1 #{}\n", "x".repeat(size))),
    ("one long plain scalar", Format::Yaml, |size| format!("a: {}\n", "x".repeat(size))),
    ("a plain scalar of many lines", Format::Yaml, |size| format!("a:\n{}", lines(size, |_| "  x\n".to_owned()))),
    ("a quoted scalar of many lines", Format::Yaml, |size| format!("a: \"{}\"\n", lines(size, |_| "x\n  ".to_owned()))),
    ("a quoted scalar of escapes", Format::Yaml, |size| format!("a: \"{}\"\n", "\\x41".repeat(size / 4))),
    ("a block scalar of many lines", Format::Yaml, |size| format!("a: |\n{}", lines(size, |_| "  x\n".to_owned()))),
    ("a folded scalar of blank lines", Format::Yaml, |size| format!("a: >\n  x\n{}  y\n", "\n".repeat(size))),
    ("one long key", Format::Yaml, |size| format!("? {}\n: 1\n", "k".repeat(size))),
    ("a quote that is not closed", Format::Yaml, |size| format!("a: \"{}", "x: 'y'\n  ".repeat(size / 9))),
    ("a long key above many values", Format::Yaml, |size| {
        format!("? {}\n:\n{}", "k".repeat(size / 2), lines(size / 2, |_| "- 1\n".to_owned()))
    }),
    ("blanks", Format::Yaml, |size| format!("a:{}1\n{}", " ".repeat(size / 2), " \n".repeat(size / 4))),
];

const TOML: [Hostile; 24] = [
    ("lists in each other", Format::Toml, |size| format!("a = {}", "[".repeat(size))),
    ("tables in each other", Format::Toml, |size| format!("a = {}", "{a = ".repeat(size / 5))),
    ("a key of many parts", Format::Toml, |size| format!("{} = 1\n", ["a"].repeat(size / 2).join("."))),
    ("a header of many parts", Format::Toml, |size| format!("[{}]\n", ["a"].repeat(size / 2).join("."))),
    ("deep dotted keys", Format::Toml, |size| {
        let front = ["a"; 100].join(".");
        lines(size, |index| format!("{front}.k{index} = 1\n"))
    }),
    ("dotted keys", Format::Toml, |size| lines(size, |index| format!("a.k{index} = 1\n"))),
    ("dotted keys that differ early", Format::Toml, |size| lines(size, |index| format!("k{index}.a.a.a.a = 1\n"))),
    ("flat keys", Format::Toml, |size| lines(size, |index| format!("{index} = 1\n"))),
    ("flat texts", Format::Toml, |size| lines(size, |index| format!("key{index} = \"value\"\n"))),
    ("tables", Format::Toml, |size| lines(size, |index| format!("[{index}]\n"))),
    ("deep tables", Format::Toml, |size| {
        let front = ["a"; 100].join(".");
        lines(size, |index| format!("[{front}.k{index}]\n"))
    }),
    ("tables before the one around them", Format::Toml, |size| {
        lines(size, |index| format!("[t{index}.a.b]\n[t{index}]\n"))
    }),
    ("a list of tables", Format::Toml, |size| lines(size, |_| "[[a]]\n".to_owned())),
    ("a list of tables with keys", Format::Toml, |size| lines(size, |_| "[[a]]\nk=1\n".to_owned())),
    ("lists of tables in a list of tables", Format::Toml, |size| {
        lines(size, |_| "[[a]]\n[[a.b]]\n[[a.b.c]]\n".to_owned())
    }),
    ("one list of tables in another", Format::Toml, |size| {
        "[[a]]\n".to_owned() + &lines(size, |_| "[[a.b]]\n".to_owned())
    }),
    ("a list", Format::Toml, |size| format!("a=[{}]\n", joined(size, ",", |_| "1".to_owned()))),
    ("a list of empty tables", Format::Toml, |size| format!("a=[{}]\n", joined(size, ",", |_| "{}".to_owned()))),
    ("a wide table in a line", Format::Toml, |size| {
        format!("a={{{}}}\n", joined(size, ",", |index| format!("k{index}=1")))
    }),
    ("a text of escapes", Format::Toml, |size| format!("a = \"{}\"\n", "\\u0041".repeat(size / 6))),
    ("a text of many lines", Format::Toml, |size| format!("a = \"\"\"\n{}\"\"\"\n", "x \\\n".repeat(size / 4))),
    ("one long key", Format::Toml, |size| format!("{} = 1\n", "k".repeat(size))),
    ("comments", Format::Toml, |size| lines(size, |_| "#a\n".to_owned())),
    ("a long key above many values", Format::Toml, |size| {
        format!("{} = [{}]\n", "k".repeat(size / 2), joined(size / 2, ",", |_| "1".to_owned()))
    }),
];

const INI: [Hostile; 11] = [
    ("keys", Format::Ini, |size| lines(size, |index| format!("{index}=1\n"))),
    ("one key again and again", Format::Ini, |size| lines(size, |_| "k=1\n".to_owned())),
    ("bare keys", Format::Ini, |size| lines(size, |index| format!("k{index}\n"))),
    ("sections", Format::Ini, |size| lines(size, |index| format!("[{index}]\n"))),
    ("one section again and again", Format::Ini, |size| lines(size, |_| "[s]\nk=1\n".to_owned())),
    ("one section again and again, empty", Format::Ini, |size| lines(size, |_| "[s]\n".to_owned())),
    ("a value of many lines", Format::Ini, |size| format!("k=v\n{}", lines(size, |_| " x\n".to_owned()))),
    ("a value of many blank lines", Format::Ini, |size| format!("k=v\n{} x\n", "\n".repeat(size))),
    ("comments", Format::Ini, |size| lines(size, |_| ";a\n".to_owned())),
    ("one long key", Format::Ini, |size| format!("{}=1\n", "k".repeat(size))),
    ("a long section above many values", Format::Ini, |size| {
        format!("[{}]\n{}", "s".repeat(size / 2), lines(size / 2, |index| format!("{index}=\n")))
    }),
];

const DOTENV: [Hostile; 10] = [
    ("keys", Format::Dotenv, |size| lines(size, |index| format!("K{index}=1\n"))),
    ("empty values", Format::Dotenv, |size| lines(size, |index| format!("K{index}=\n"))),
    ("bare keys", Format::Dotenv, |size| lines(size, |index| format!("K{index}\n"))),
    ("exports", Format::Dotenv, |size| lines(size, |index| format!("export K{index}='x' # y\n"))),
    ("a quote over many lines", Format::Dotenv, |size| format!("A=\"{}\"\n", "x\n".repeat(size / 2))),
    ("a quote that is not closed", Format::Dotenv, |size| format!("A=\"{}", "x='y'\n".repeat(size / 6))),
    ("quotes that are not closed", Format::Dotenv, |size| lines(size, |index| format!("K{index}='x\n"))),
    ("a text of escapes", Format::Dotenv, |size| format!("A=\"{}\"\n", "\\\"".repeat(size / 2))),
    ("comments", Format::Dotenv, |size| lines(size, |_| "#a\n".to_owned())),
    ("one long key", Format::Dotenv, |size| format!("{}=1\n", "K".repeat(size))),
];

/// Returns all of them.
pub fn all() -> impl Iterator<Item = Hostile> {
    [&JSON[..], &YAML, &TOML, &INI, &DOTENV].concat().into_iter()
}

/// Returns lines of so many bytes together.
pub fn lines(size: usize, line: impl Fn(usize) -> String) -> String {
    joined(size, "", line)
}

/// Returns pieces of so many bytes together.
fn joined(size: usize, separator: &str, piece: impl Fn(usize) -> String) -> String {
    let mut text = String::with_capacity(size + 64);
    for index in 0.. {
        let piece = piece(index);
        if text.len() + separator.len() + piece.len() > size {
            break;
        }
        if index > 0 {
            text.push_str(separator);
        }
        text.push_str(&piece);
    }
    text
}

fn wrapped(before: &str, open: &str, close: &str, behind: &str, size: usize) -> String {
    format!("{before}{}{}{behind}", open.repeat(size / 2), close.repeat(size / 2))
}
