//! The examples of docs/events.md say what the parsers yield.

use std::fmt::Write;

use secret::document::{Document, Format, Item, parse};

/// Set this variable to write the events into the page instead of comparing.
const UPDATE: &str = "UPDATE_DOCS";

#[test]
fn the_events_of_each_format_are_documented() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/events.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let mut updated = String::new();
    let mut rest = page.as_str();
    let mut count = 0;
    while let Some(start) = rest.find("```") {
        let fence = start + 3;
        let (name, behind) = rest[fence..].split_once('\n').expect("a fence ends its line");
        let (example, behind) = behind.split_once("```\n").expect("a fence is closed");
        let (_, listed) = behind.split_once("```text\n").expect("the events follow");
        let (listed, behind) = listed.split_once("```").expect("a fence is closed");
        let format: Format = name.parse().expect("the fence names a format");
        let items = items(format, &parse(format, example).expect("the example is valid"), example);
        if std::env::var_os(UPDATE).is_none() {
            assert_eq!(listed, items, "{name}; run the test with {UPDATE}=1 to renew the page");
        }
        let _ = write!(updated, "{}{name}\n{example}```\n\n```text\n{items}```", &rest[..fence]);
        rest = behind;
        count += 1;
    }
    updated.push_str(rest);
    assert_eq!(count, 5, "one example a format");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, updated).expect("the page can be written");
    }
}

fn items(format: Format, document: &Document, text: &str) -> String {
    let mut items = String::new();
    for item in &document.items {
        match item {
            Item::Comment(comment) => drop(writeln!(items, "comment {:?}", comment.span.of(text))),
            Item::Event(event) => drop(writeln!(items, "{:?} {:?}", event.kind, event.span.of(text))),
            Item::Leaf(leaf) => {
                let _ = write!(items, "leaf {} {:?}", leaf.path, leaf.span.of(text));
                let layout = leaf.layout;
                let _ = match format {
                    Format::Yaml => writeln!(items, " ({}, {})", layout.indent, u8::from(layout.line_end)),
                    Format::Dotenv | Format::Ini => writeln!(items, " trail {:?}", layout.trail.of(text)),
                    Format::Json | Format::Opaque | Format::Toml => writeln!(items),
                };
            }
        }
    }
    items
}
