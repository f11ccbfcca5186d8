//! What a document means to others: readers of each format that share no code with the program.

use std::fmt::Write;

use secret::document::{self, Content, Document, Event, EventKind, Format, Item, Node};
use serde::Deserialize;

/// What each independent reader makes of a document; `None` where it cannot read it.
pub fn readings(format: Format, text: &str) -> Vec<Option<String>> {
    match format {
        Format::Dotenv => vec![Some(docker(text)), Some(shell(text))],
        Format::Ini => vec![Some(configparser(text)), Some(plain_lines(text))],
        Format::Json => vec![serde_json::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}')).ok().map(|value| value.to_string())],
        Format::Opaque => vec![Some(text.to_owned())],
        Format::Toml => vec![text.trim_start_matches('\u{feff}').parse::<toml::Table>().ok().map(|table| format!("{table:?}"))],
        Format::Yaml => {
            let mut values = String::new();
            let mut is_readable = true;
            for document in serde_yaml::Deserializer::from_str(text) {
                match serde_yaml::Value::deserialize(document) {
                    Ok(value) => _ = writeln!(values, "{value:?}"),
                    Err(_) => is_readable = false,
                }
            }
            vec![is_readable.then_some(values)]
        }
    }
}

/// What the program itself makes of a document: the tree with types, and every tag, anchor, directive and table header.
pub fn typed_tree(document: &Document, text: &str) -> String {
    let mut tree = String::new();
    for root in &document.roots {
        write_node(&mut tree, document, root);
        tree.push('\n');
    }
    for item in &document.items {
        if let Item::Event(Event { kind, span }) = item
            && !matches!(kind, EventKind::Separator)
        {
            let _ = write!(tree, "{kind:?} {:?} ", span.of(text));
        }
    }
    tree
}

fn write_node(tree: &mut String, document: &Document, node: &Node) {
    if let Some(anchor) = &node.anchor {
        let _ = write!(tree, "&{anchor} ");
    }
    match &node.content {
        Content::Alias(name) => _ = write!(tree, "*{name}"),
        Content::Leaf(index) => {
            let leaf = document.leaf(*index);
            let _ = write!(tree, "{:?} {:?} at {}", leaf.kind, leaf.value.as_str(), leaf.path);
        }
        Content::List(nodes) => {
            tree.push('[');
            for node in nodes {
                write_node(tree, document, node);
                tree.push_str(", ");
            }
            tree.push(']');
        }
        Content::Map(entries) => {
            tree.push('{');
            for entry in entries {
                let _ = write!(tree, "{:?}: ", entry.key);
                write_node(tree, document, &entry.node);
                tree.push_str(", ");
            }
            tree.push('}');
        }
        Content::Null => tree.push_str("null"),
    }
}

/// Returns the comments that say something, in order.
pub fn comments(document: &Document, text: &str) -> Vec<String> {
    let comment = |item: &Item| if let Item::Comment(comment) = item { Some(comment.span.of(text).to_owned()) } else { None };
    document.items.iter().filter_map(comment).collect()
}

/// Reads variables as `docker run --env-file` does: lines end with LF, all behind `=` is the value, quotes and blanks
/// included. What ends a comment, which is part of that value for docker, does not count.
fn docker(text: &str) -> String {
    let lines = text.trim_start_matches('\u{feff}').split('\n').map(str::trim_start);
    let variables = lines.filter(|line| !line.is_empty() && !line.starts_with('#') && line.trim_end() != "");
    let value = |line: &'_ str| if line.contains('#') { line.trim_end().to_owned() } else { line.to_owned() };
    format!("{:?}", variables.map(value).collect::<Vec<_>>())
}

/// Reads variables as shells do that source the file: quotes span lines, blanks end a word.
fn shell(text: &str) -> String {
    let mut read = String::new();
    let mut characters = text.trim_start_matches('\u{feff}').chars().peekable();
    let mut is_word_start = true;
    while let Some(character) = characters.next() {
        match character {
            '#' if is_word_start => {
                while characters.peek().is_some_and(|next| *next != '\n') {
                    characters.next();
                }
            }
            quote @ ('\'' | '"' | '`') => {
                read.push(quote);
                while let Some(next) = characters.next() {
                    read.push(next);
                    if next == '\\' && quote != '\'' {
                        read.extend(characters.next());
                    } else if next == quote {
                        break;
                    }
                }
                is_word_start = false;
                continue;
            }
            ' ' | '\t' | '\n' => {
                if !read.ends_with(['\u{1}', '\u{2}']) && !read.is_empty() {
                    read.push('\u{1}');
                }
                if character == '\n' && !read.is_empty() && !read.ends_with('\u{2}') {
                    read.pop();
                    read.push('\u{2}');
                }
                is_word_start = true;
                continue;
            }
            other => read.push(other),
        }
        is_word_start = false;
    }
    format!("{:?}", read.trim_end_matches(['\u{1}', '\u{2}']))
}

/// Reads as Python's `configparser` does, with keys before sections and without values allowed.
fn configparser(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    let (mut read, mut indent, mut continues) = (Vec::<String>::new(), 0, false);
    for line in text.split('\n') {
        let content = line.trim();
        let line_indent = line.len() - line.trim_start().len();
        let is_comment = content.starts_with([';', '#']);
        match read.last_mut() {
            Some(value) if continues && !is_comment && (content.is_empty() || line_indent > indent) => {
                let _ = write!(value, "\n{content}");
            }
            _ if content.is_empty() || is_comment => {}
            _ => {
                indent = line_indent;
                let section = content.strip_prefix('[').and_then(|rest| Some(&rest[..rest.rfind(']')?]));
                let assignment = content.split_once(['=', ':']);
                continues = section.is_none() && assignment.is_some();
                read.push(match (section, assignment) {
                    (Some(name), _) => format!("[{name}]"),
                    (None, Some((key, value))) => format!("{}={}", key.trim_end(), value.trim_start()),
                    (None, None) => content.to_owned(),
                });
            }
        }
    }
    let values: Vec<&str> = read.iter().map(|value| value.trim_end_matches('\n')).collect();
    format!("{values:?}")
}

/// Reads line by line, without continuations: each line that is no comment, blanks at both ends cut.
fn plain_lines(text: &str) -> String {
    let lines = text.trim_start_matches('\u{feff}').split('\n').map(str::trim);
    format!("{:?}", lines.filter(|line| !line.is_empty() && !line.starts_with([';', '#'])).collect::<Vec<_>>())
}
