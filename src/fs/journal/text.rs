//! What a journal says, line by line, and what it may say.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Component, PathBuf};

use sha2::{Digest as _, Sha256};

use super::super::Snapshot;
use super::super::lock::is_temporary;

/// Why a journal cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalProblem {
    /// A line that is none of ours.
    #[error("line {0} makes no sense")]
    Line(usize),
    /// A path that is not one of a file below the root.
    #[error("line {0} names a path that it may not")]
    Path(usize),
    /// It says one path twice.
    #[error("line {0} repeats a path")]
    Repeated(usize),
}

/// What a journal says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Complete { needs: Option<Needs>, entries: Vec<Entry> },
    Incomplete { folders: Vec<PathBuf> },
}

/// The file that the others were made for: where it is another one by now, none of them is wanted any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) path: PathBuf,
    pub(super) before: String,
    pub(super) after: String,
}

/// One file of a journal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) staged: String,
    pub(super) old: String,
    pub(super) new: String,
}

/// Reads a journal.
pub(super) fn parse(bytes: &[u8]) -> Result<Content, JournalProblem> {
    let text = String::from_utf8_lossy(bytes);
    let Some(body) = completed(&text) else { return Ok(Content::Incomplete { folders: folders_in(&text) }) };
    let (mut needs, mut entries, mut paths, mut names) = (None, Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (number, line) in body.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        if number == 1 || line.starts_with("folder ") {
            continue;
        }
        if let Some(rest) = line.strip_prefix("needs ") {
            let [before, after, path] = rest.splitn(3, ' ').collect::<Vec<_>>()[..] else {
                return Err(JournalProblem::Line(number));
            };
            if needs.is_some() || !is_digest(before) || !is_digest(after) {
                return Err(JournalProblem::Line(number));
            }
            let path = file_in(path).ok_or(JournalProblem::Path(number))?;
            needs = Some(Needs { path, before: before.to_owned(), after: after.to_owned() });
            continue;
        }
        let fields = line.strip_prefix("file ").map(|rest| rest.splitn(4, ' ').collect::<Vec<_>>());
        let Some([old, new, staged, path]) = fields.as_deref() else { return Err(JournalProblem::Line(number)) };
        if !is_digest(old) || !is_digest(new) || !is_temporary(staged.as_ref()) {
            return Err(JournalProblem::Line(number));
        }
        let path = file_in(path).ok_or(JournalProblem::Path(number))?;
        if !paths.insert(path.clone()) || !names.insert((*staged).to_owned()) {
            return Err(JournalProblem::Repeated(number));
        }
        let owned = |text: &str| text.to_owned();
        entries.push(Entry { path, staged: owned(staged), old: owned(old), new: owned(new) });
    }
    Ok(Content::Complete { needs, entries })
}

/// Returns what stands before the last line, if that confirms it.
fn completed(text: &str) -> Option<&str> {
    let end = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (body, last) = text.split_at(end);
    let digest = last.strip_prefix("end ")?.strip_suffix('\n')?;
    (body.starts_with(FIRST_LINE) && hexadecimal(&Sha256::digest(body.as_bytes())) == digest).then_some(body)
}

/// Returns the folders that an incomplete journal names, as far as it may name them.
fn folders_in(text: &str) -> Vec<PathBuf> {
    let lines = text.split_inclusive('\n').filter_map(|line| line.strip_prefix("folder ")?.strip_suffix('\n'));
    lines.filter_map(path_in).collect()
}

fn file_in(quoted: &str) -> Option<PathBuf> {
    path_in(quoted).filter(|path| path.file_name().is_some())
}

/// Reads a path that leads to something below the root, and not into git's own folder.
fn path_in(quoted: &str) -> Option<PathBuf> {
    let path = PathBuf::from(serde_json::from_str::<String>(quoted).ok()?);
    let is_plain = |component: Component<'_>| match component {
        Component::Normal(name) => !name.eq_ignore_ascii_case(".git"),
        _ => false,
    };
    let is_canonical = path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
    (is_canonical && path.components().all(is_plain) && !path.to_string_lossy().contains('\0')).then_some(path)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Snapshot {
    pub(super) fn hexadecimal(&self) -> String {
        hexadecimal(self.digest())
    }
}

pub(super) const FIRST_LINE: &str = "secret journal 1\n";

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::fixture::{OLD, World, closed};
    use super::super::recover;
    use super::*;
    use crate::fs::FsError;
    use crate::fs::lock::temporary_name;

    #[test]
    fn a_hostile_journal_moves_nothing() {
        let [old, new] = ["outside", "planted"].map(|text| Snapshot::of(text.as_bytes()).hexadecimal());
        let name = temporary_name();
        let lines = [
            format!("file {old} {new} {name} \"../outside\""),
            format!("file {old} {new} {name} \"/etc/passwd\""),
            format!("file {old} {new} {name} \"a/../../outside\""),
            format!("file {old} {new} {name} \"a/./one\""),
            format!("file {old} {new} {name} \"a//one\""),
            format!("file {old} {new} {name} \"\""),
            format!("file {old} {new} {name} \".git/config\""),
            format!("file {old} {new} {name} \"a/.GIT/config\""),
            format!("file {old} {new} {name} \"a\\u0000b\""),
            format!("file {old} {new} ../outside \"a/one\""),
            format!("file {old} {new} planted \"a/one\""),
            format!("file {old} {} {name} \"a/one\"", &new[1..]),
            format!("file {old} {} {name} \"a/one\"", new.to_uppercase()),
            format!("file {old} {new} {name} a/one"),
            format!("file {old} {new} {name}"),
            format!("file {old} {new} {name} \"a/one\"\nfile {old} {new} {name} \"a/two\""),
            format!("file {old} {new} {name} \"a/one\"\nfile {old} {new} {} \"a/one\"", temporary_name()),
            "run rm".to_owned(),
            format!("needs {old} {new} \"../outside\""),
            format!("needs {old} {new}"),
            format!("needs {old} new \"a/one\""),
            format!("needs {old} {new} \"a/one\"\nneeds {old} {new} \"a/one\""),
        ];
        for line in lines {
            let world = World::new();
            fs::write(world.path("a").join(&name), "planted").expect("a file");
            fs::write(world.path(&name), "planted").expect("a file");
            fs::write(world.journal(), closed(format!("{FIRST_LINE}{line}\n"))).expect("a journal");
            assert!(matches!(recover(&world.root), Err(FsError::Journal { .. })), "{line}");
            assert_eq!(world.texts(), OLD);
            assert_eq!(fs::read(world.folder.path().join("outside")).expect("a file"), b"outside");
            assert!(world.journal().exists(), "a person looks at it");
        }
    }
}
