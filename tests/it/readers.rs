//! What a document means to others: readers of each format that share no code with the program.

use std::fmt::Write;

use secret::document::{Content, Document, Event, EventKind, Format, Item, Node};
use serde::Deserialize;

/// What each independent reader makes of a document; `None` where it cannot read it.
pub fn readings(format: Format, text: &str) -> Vec<Option<String>> {
    match format {
        Format::Dotenv => vec![Some(docker(text)), shell(text)],
        Format::Ini => vec![Some(configparser(text)), Some(plain_lines(text))],
        Format::Json => vec![
            serde_json::from_str::<serde_json::Value>(text.trim_start_matches('\u{feff}'))
                .ok()
                .map(|value| value.to_string()),
        ],
        Format::Opaque => vec![Some(text.to_owned())],
        Format::Toml => {
            vec![text.trim_start_matches('\u{feff}').parse::<toml::Table>().ok().map(|table| format!("{table:?}"))]
        }
        Format::Yaml => {
            let mut values = String::new();
            let mut is_readable = true;
            for document in serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}')) {
                let Ok(value) = serde_yaml::Value::deserialize(document) else {
                    // What follows an error is the same error, for ever.
                    is_readable = false;
                    break;
                };
                let _ = writeln!(values, "{value:?}");
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
                // A key that is no scalar is named by its source text, blanks included.
                let key = format!("{:?}: ", entry.key).replace("\\t", "");
                tree.extend(key.chars().filter(|character| !character.is_whitespace()));
                write_node(tree, document, &entry.node);
                tree.push_str(", ");
            }
            tree.push('}');
        }
        Content::Null => tree.push_str("null"),
    }
}

/// Reads variables as `docker run --env-file` does: all behind `=` is the value, quotes and blanks included. A comment is
/// a part of the value for docker; its text is compared where it is sealed.
fn docker(text: &str) -> String {
    let lines = text.trim_start_matches('\u{feff}').split(line_end(text)).map(str::trim_start);
    let variables = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let cut = |line: &'_ str| line.split_inclusive('#').next().unwrap_or_default().to_owned();
    format!("{:?}", variables.map(cut).collect::<Vec<_>>())
}

/// Returns the line end of a document; no reader of lines knows more than one.
fn line_end(text: &str) -> char {
    if text.contains('\n') { '\n' } else { '\r' }
}

/// Reads variables as shells do that source the file: blanks end a word, quotes span lines. `None` for what a shell
/// takes for something else than was meant: a quote within a word, or one that is not closed, or line ends of two kinds.
fn shell(text: &str) -> Option<String> {
    let text = if line_end(text) == '\r' { text.replace('\r', "\n") } else { text.replace("\r\n", "\n") };
    if text.contains('\r') {
        return None;
    }
    let (mut lines, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let mut characters = text.trim_start_matches('\u{feff}').chars();
    while let Some(character) = characters.next() {
        match character {
            '#' if word.is_empty() => _ = characters.by_ref().find(|next| *next == '\n'),
            // `it's` as a whole value: a shell reads on to the next such sign, wherever it stands.
            '\'' | '"' | '`' if !word.is_empty() && !word.ends_with(['=', '\'', '"']) => return None,
            '\'' | '"' | '`' => {
                word.push(character);
                loop {
                    let next = characters.next()?;
                    word.push(next);
                    if next == character {
                        break;
                    }
                    if next == '\\' && character != '\'' {
                        word.push(characters.next()?);
                    }
                }
                continue;
            }
            ' ' | '\t' | '\n' => {}
            other => {
                word.push(other);
                continue;
            }
        }
        words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        if !matches!(character, ' ' | '\t') {
            lines.extend((!words.is_empty()).then(|| std::mem::take(&mut words)));
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    lines.extend((!words.is_empty()).then_some(words));
    Some(format!("{lines:?}"))
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
    let lines = text.trim_start_matches('\u{feff}').split(line_end(text)).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with([';', '#']));
    let up_to_bracket = |line: &'_ str| {
        if line.starts_with('[') {
            line.split_inclusive(']').next().unwrap_or_default().to_owned()
        } else {
            line.to_owned()
        }
    };
    format!("{:?}", lines.map(up_to_bracket).collect::<Vec<_>>())
}
