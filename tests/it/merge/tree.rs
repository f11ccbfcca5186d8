//! Random documents with a leaf a line, random edits of them, and what two branches of edits are together.

use std::collections::BTreeMap;

use secret::document::Format;

use crate::generate::Random;

/// A document: containers, each with keys. Lines and containers have numbers that they keep.
#[derive(Clone)]
pub struct Tree {
    pub containers: Vec<Container>,
    names: usize,
}

#[derive(Clone)]
pub struct Container {
    id: usize,
    name: String,
    lines: Vec<Line>,
}

#[derive(Clone)]
pub struct Line {
    id: u64,
    name: String,
    value: String,
    comment: Option<String>,
}

/// A kind of edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    Add,
    Change,
    Comment,
    Remove,
    Rename,
    RenameContainer,
}

/// Each edit as often as it is in the list.
pub const ALL: &[Edit] = &[
    Edit::Change,
    Edit::Change,
    Edit::Change,
    Edit::Change,
    Edit::Change,
    Edit::Add,
    Edit::Add,
    Edit::Remove,
    Edit::Rename,
    Edit::RenameContainer,
];

/// The same without new names for containers: such a rename seals all values of the container again.
pub const SMALL: &[Edit] = &[
    Edit::Change,
    Edit::Change,
    Edit::Change,
    Edit::Change,
    Edit::Change,
    Edit::Add,
    Edit::Add,
    Edit::Remove,
    Edit::Rename,
    Edit::Comment,
];

/// New values alone.
pub const VALUES: &[Edit] = &[Edit::Change];

/// What is under each key: by container and key.
pub type Values = BTreeMap<(String, String), String>;

impl Tree {
    pub fn draw(random: &mut Random, leaves: usize) -> Self {
        Self::with_containers(random, leaves, 9)
    }

    /// A document whose containers have up to so many keys.
    pub fn with_containers(random: &mut Random, leaves: usize, most: usize) -> Self {
        let mut tree = Self { containers: Vec::new(), names: 0 };
        let mut left = leaves;
        while left > 0 {
            let count = (1 + random.below(most)).min(left);
            left -= count;
            let lines = (0..count).map(|_| tree.line(random)).collect();
            let name = tree.name(random);
            tree.containers.push(Container { id: tree.containers.len(), name, lines });
        }
        tree
    }

    fn name(&mut self, random: &mut Random) -> String {
        self.names += 1;
        // Both branches draw from the same numbers; the random part tells them apart.
        format!("k{}_{}", self.names, random.below(1_000_000))
    }

    fn line(&mut self, random: &mut Random) -> Line {
        let name = self.name(random);
        let comment = random.chance(15).then(|| format!("note {name}"));
        Line { id: random.next(), value: format!("v{}", random.below(1_000_000)), name, comment }
    }

    pub fn edit(&mut self, random: &mut Random, format: Format, edits: &[Edit]) {
        let index = random.below(self.containers.len());
        let new = self.line(random);
        let Container { name, lines, .. } = &mut self.containers[index];
        let line = random.below(lines.len());
        match edits[random.below(edits.len())] {
            Edit::Change => lines[line].value = new.value,
            Edit::Add => lines.insert(random.below(lines.len() + 1), new),
            Edit::Remove if lines.len() > 1 => _ = lines.remove(line),
            Edit::Rename => lines[line].name = new.name,
            Edit::RenameContainer if format != Format::Dotenv => *name = new.name,
            Edit::Comment | Edit::Remove | Edit::RenameContainer => lines[line].comment = Some(new.name),
        }
    }

    /// Tells whether this branch renamed a container in which the other one added, or renamed, a key: that key's path
    /// has the old name.
    pub fn renames_what_grew(&self, other: &Self, base: &Self) -> bool {
        self.containers.iter().any(|Container { id, name, .. }| {
            let Container { name: base_name, lines: base_lines, .. } = &base.containers[*id];
            let other_lines = &other.containers[*id].lines;
            // The values in it are sealed again in both branches, so any change of a line's token may meet a new path.
            let names = |lines: &[Line]| lines.iter().map(|line| line.name.clone()).collect::<Vec<_>>();
            name != base_name && names(other_lines) != names(base_lines)
        })
    }

    /// Returns what two branches are together, key by key; `None` where both changed the same thing.
    pub fn merge(&self, ours: &Self, theirs: &Self, format: Format) -> Option<Values> {
        let mut merged = Values::new();
        for ((base, ours), theirs) in self.containers.iter().zip(&ours.containers).zip(&theirs.containers) {
            let container = three(Some(&base.name), Some(&ours.name), Some(&theirs.name))?;
            // A key that was renamed and got another value in one edit is another key.
            let id = |container: &Container, line: &Line| {
                let old = base.lines.iter().find(|old| old.id == line.id);
                let is_other = old.is_some_and(|old| {
                    old.value != line.value && (old.name != line.name || base.name != container.name)
                });
                if is_other { (line.id, format!("{} {}", line.name, line.value)) } else { (line.id, String::new()) }
            };
            let by_id = |container: &Container| -> BTreeMap<(u64, String), Line> {
                container.lines.iter().map(|line| (id(container, line), line.clone())).collect()
            };
            let (base, ours, theirs) = (by_id(base), by_id(ours), by_id(theirs));
            let mut ids: Vec<&(u64, String)> = base.keys().chain(ours.keys()).chain(theirs.keys()).collect();
            ids.sort_unstable();
            ids.dedup();
            for id in ids {
                let lines = [base.get(id), ours.get(id), theirs.get(id)];
                let [old, one, other] = lines;
                // A removed line must be as it was on the other side; its comment, too. One that is new is kept.
                let shape = |line: Option<&Line>| line.map(|line| (line.name.clone(), line.value.clone()));
                let comment = |line: Option<&Line>| line.and_then(|line| line.comment.clone());
                if old.is_some() && (one.is_none() || other.is_none()) {
                    let left = one.or(other);
                    if left.is_some()
                        && (shape(left) != shape(old) || (comment(old).is_some() && comment(left) != comment(old)))
                    {
                        return None;
                    }
                    continue;
                }
                let field = |read: fn(&Line) -> &String| three(old.map(read), one.map(read), other.map(read));
                let (name, value) = (field(|line| &line.name)?, field(|line| &line.value)?);
                // Two different comments before one line: both are kept, or it is a conflict; neither is decided here.
                let place = if format == Format::Dotenv { String::new() } else { container.clone() };
                merged.insert((place, name), value);
            }
        }
        Some(merged)
    }

    pub fn write(&self, format: Format) -> String {
        let mut text = String::new();
        let last = self.containers.len() - 1;
        if format == Format::Json {
            text += "{\n";
        }
        for (index, Container { name, lines, .. }) in self.containers.iter().enumerate() {
            text += &match format {
                Format::Dotenv => "\n".to_owned(),
                Format::Json => format!("  \"{name}\": {{\n"),
                Format::Yaml => format!("{name}:\n"),
                _ => format!("\n[{name}]\n"),
            };
            for (line_index, Line { name, value, comment, .. }) in lines.iter().enumerate() {
                let comment = comment.as_ref().filter(|_| format != Format::Json);
                if let Some(comment) = comment {
                    text += &format!("{}# {comment}\n", if format == Format::Yaml { "  " } else { "" });
                }
                let comma = if line_index + 1 < lines.len() { "," } else { "" };
                text += &match format {
                    Format::Json => format!("    \"{name}\": \"{value}\"{comma}\n"),
                    Format::Toml => format!("{name} = \"{value}\"\n"),
                    Format::Yaml => format!("  {name}: {value}\n"),
                    _ => format!("{name}={value}\n"),
                };
            }
            if format == Format::Json {
                text += if index < last { "  },\n" } else { "  }\n" };
            }
        }
        if format == Format::Json { text + "}\n" } else { text }
    }
}

/// Merges one field; `None` where both sides changed it, or nobody has it.
fn three(base: Option<&String>, ours: Option<&String>, theirs: Option<&String>) -> Option<String> {
    if ours == theirs || theirs == base {
        ours.cloned()
    } else if ours == base {
        theirs.cloned()
    } else {
        None
    }
}
