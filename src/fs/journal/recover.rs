//! Finishing or undoing what a killed process has left.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, OFlags};

use super::super::lock::temporary_name;
use super::super::place::{Place, open_folder_at};
use super::super::replace::rename;
use super::super::{FolderLock, FsError, Root, Step};
use super::digest_at;
use super::storage::{locked, open, read_all, remove, sync};
use super::text::{Content, Entry, Needs, parse};

/// What was done about a journal that a killed process has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It was complete, and what was still to be replaced is. Paths are relative to the root.
    Finished {
        /// The files that are new now, then or before.
        files: Vec<PathBuf>,
        /// Those that were changed meanwhile, or are gone: they are left as they are.
        left: Vec<PathBuf>,
    },
    /// What the files were made for is another file by now, so what was still to be replaced is not.
    Abandoned {
        /// The files that are new.
        replaced: Vec<PathBuf>,
        /// Those that are left as they are.
        left: Vec<PathBuf>,
    },
    /// Nothing had been replaced. What had been prepared is removed.
    Undone,
}

/// A journal that waits for the next command that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pending {
    /// It will be finished: so many files are to be replaced.
    Complete(usize),
    /// It will be undone.
    Incomplete,
    /// A process is at it.
    Running,
}

/// Does the rest of what a killed process had begun; `None` where there is nothing to do, or somebody is at it.
///
/// # Errors
/// When the journal cannot be used, or the system refuses. Then it stays.
pub fn recover(root: &Root) -> Result<Option<Recovery>, FsError> {
    let Some(path) = root.journal() else { return Ok(None) };
    if crate::fs::kind(path)?.is_none() {
        return Ok(None);
    }
    let file = match open(path, OFlags::RDWR) {
        Err(FsError::Missing { .. }) => return Ok(None),
        file => file?,
    };
    let file = match locked(file, path) {
        // Gone, or in use.
        Ok(None) | Err(FsError::Busy { .. }) => return Ok(None),
        Ok(Some(file)) => file,
        Err(error) => return Err(error),
    };
    let recovery = match content(&file, path)? {
        Content::Complete { needs, entries } => {
            let recovery = finish(root, needs.as_ref(), entries)?;
            remove(path)?;
            Some(recovery)
        }
        Content::Incomplete { folders } => {
            remove(path)?;
            let is_begun = !folders.is_empty();
            let files: Vec<PathBuf> = folders.iter().map(|folder| root.path().join(folder).join("file")).collect();
            let there = files.iter().map(PathBuf::as_path).filter(|path| Place::find(path, Some(root)).is_ok());
            // Whoever locks a folder sweeps it.
            drop(FolderLock::acquire(there, Some(root))?);
            is_begun.then_some(Recovery::Undone)
        }
    };
    drop(file);
    Ok(recovery)
}

/// Tells what the next command that writes will do about a journal, without doing it.
///
/// # Errors
/// When it cannot be used.
pub fn pending(root: &Root) -> Result<Option<Pending>, FsError> {
    let Some(path) = root.journal() else { return Ok(None) };
    if crate::fs::kind(path)?.is_none() {
        return Ok(None);
    }
    let file = match open(path, OFlags::RDONLY) {
        Err(FsError::Missing { .. }) => return Ok(None),
        file => file?,
    };
    Ok(match locked(file, path) {
        Err(FsError::Busy { .. }) => Some(Pending::Running),
        Ok(None) => None,
        file => file?.map(|file| content(&file, path)).transpose()?.map(|content| match content {
            Content::Complete { entries, .. } => Pending::Complete(entries.len()),
            Content::Incomplete { .. } => Pending::Incomplete,
        }),
    })
}

/// Returns the names of new files that a journal still needs, so that nobody sweeps them; `None` where that cannot be told.
pub(in crate::fs) fn needed(root: &Root) -> Option<BTreeSet<String>> {
    let Some(path) = root.journal() else { return Some(BTreeSet::new()) };
    match crate::fs::kind(path) {
        Ok(None) => return Some(BTreeSet::new()),
        Ok(Some(_)) => {}
        Err(_) => return None,
    }
    let file = match open(path, OFlags::RDONLY) {
        Err(FsError::Missing { .. }) => return Some(BTreeSet::new()),
        file => file.ok()?,
    };
    match content(&file, path).ok()? {
        Content::Complete { entries, .. } => Some(entries.into_iter().map(|entry| entry.staged).collect()),
        Content::Incomplete { .. } => Some(BTreeSet::new()),
    }
}

/// A file of a journal, and what lies there now.
struct State {
    entry: Entry,
    place: Place,
    /// The place of the new file while it has not its own.
    beside: Place,
    /// The digest of what has its name.
    found: Option<String>,
    /// Whether the new file is still beside it.
    is_staged: bool,
}

impl State {
    /// Tells whether this is the file that the others were made for, and somebody has put the old one back.
    fn is_taken_back(&self, needs: &Needs) -> bool {
        self.entry.path == needs.path && !self.is_staged && self.found.as_ref() == Some(&self.entry.old)
    }
}

/// Replaces what is still to be replaced; nothing, where what it needs is another file by now.
fn finish(root: &Root, needs: Option<&Needs>, entries: Vec<Entry>) -> Result<Recovery, FsError> {
    let mut folders: BTreeMap<PathBuf, Option<Arc<File>>> = BTreeMap::new();
    for entry in &entries {
        let folder = entry.path.parent().unwrap_or(Path::new(""));
        if !folders.contains_key(folder) {
            folders.insert(folder.to_path_buf(), folder_below(root, folder)?);
        }
    }
    let known: Vec<PathBuf> = folders
        .iter()
        .filter(|(_, handle)| handle.is_some())
        .map(|(folder, _)| root.path().join(folder).join(temporary_name()))
        .collect();
    let _lock = FolderLock::acquire(known.iter().map(PathBuf::as_path), Some(root))?;

    let mut states = Vec::new();
    let (mut left, mut moves, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let folder = folders.get(entry.path.parent().unwrap_or(Path::new(""))).cloned().flatten();
        let (Some(folder), Some(name)) = (folder, entry.path.file_name()) else {
            left.push(entry.path);
            continue;
        };
        let place = Place { folder, name: name.to_owned(), path: root.path().join(&entry.path) };
        let beside = Place { name: entry.staged.clone().into(), ..place.clone() };
        let (found, staged) = (digest_if_file(&place)?, digest_if_file(&beside)?);
        states.push(State { is_staged: staged.as_deref() == Some(&entry.new), found, place, beside, entry });
    }
    let is_wanted = match needs {
        Some(needs) => is_met(root, needs)? && !states.iter().any(|state| state.is_taken_back(needs)),
        None => true,
    };
    for State { entry, place, beside, found, is_staged } in states {
        match found {
            Some(found) if found == entry.new => files.push(entry.path),
            Some(found) if found == entry.old && is_staged && is_wanted => {
                moves.push((place, entry.staged));
                files.push(entry.path);
            }
            _ => {
                if is_staged {
                    let unlink = || rustix::fs::unlinkat(&beside.folder, &beside.name, AtFlags::empty());
                    let _ = rustix::io::retry_on_intr(unlink);
                }
                left.push(entry.path);
            }
        }
    }
    for (place, staged) in &moves {
        rename(&place.folder, staged, &place.name).map_err(|source| FsError::io(Step::Replace, &place.path, source))?;
    }
    for (folder, handle) in folders.iter().filter_map(|(folder, handle)| Some((folder, handle.as_ref()?))) {
        sync(handle, &root.path().join(folder))?;
    }
    // Where nothing is left to be done, it does not matter whether it is still wanted.
    let is_finished = is_wanted || left.is_empty();
    Ok(if is_finished { Recovery::Finished { files, left } } else { Recovery::Abandoned { replaced: files, left } })
}

/// Tells whether the file that the others were made for is still that one.
fn is_met(root: &Root, needs: &Needs) -> Result<bool, FsError> {
    let folder = folder_below(root, needs.path.parent().unwrap_or(Path::new("")))?;
    let (Some(folder), Some(name)) = (folder, needs.path.file_name()) else { return Ok(false) };
    let place = Place { folder, name: name.to_owned(), path: root.path().join(&needs.path) };
    Ok(digest_if_file(&place)?.is_some_and(|found| found == needs.before || found == needs.after))
}

/// Reads a journal.
fn content(file: &File, path: &Path) -> Result<Content, FsError> {
    let bytes = read_all(file, path)?;
    parse(&bytes).map_err(|problem| FsError::Journal { path: path.to_path_buf(), problem })
}

/// Returns the digest of a file; `None` where there is none, or something else.
fn digest_if_file(place: &Place) -> Result<Option<String>, FsError> {
    match digest_at(place) {
        Ok(digest) => Ok(Some(digest.hexadecimal())),
        Err(FsError::Missing { .. } | FsError::NotFile { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a folder below the root without following a link; `None` where there is none.
fn folder_below(root: &Root, folder: &Path) -> Result<Option<Arc<File>>, FsError> {
    let path = root.path().join(folder);
    root.refuse_links(folder)?;
    let mut opened = root.handle()?;
    for name in folder {
        opened = match open_folder_at(&opened, name, &path) {
            Err(FsError::Missing { .. }) => return Ok(None),
            opened => opened?,
        };
    }
    Ok(Some(Arc::new(opened)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::super::fixture::{Act, NEW, OLD, PATHS, World, closed, finished};
    use super::super::text::FIRST_LINE;
    use super::*;
    use crate::fs::Snapshot;

    #[test]
    fn whichever_files_were_renamed_before_the_kill_all_are_new_afterwards() {
        for subset in 0..8_usize {
            let world = World::new();
            let renamed: Vec<usize> = (0..3).filter(|index| subset >> index & 1 == 1).collect();
            fs::write(world.journal(), world.killed_after(&renamed)).expect("a journal");
            assert_eq!(pending(&world.root).expect("it is read"), Some(Pending::Complete(3)));
            assert_eq!(world.settle(), Some(finished(&PATHS, &[])), "{renamed:?}");
            assert_eq!(world.texts(), NEW);
            world.assert_clean();
        }
    }

    #[test]
    fn a_journal_that_was_cut_anywhere_is_undone() {
        let whole = World::new().killed_after(&[]).len();
        for length in 0..whole {
            let world = World::new();
            let text = world.killed_after(&[]);
            fs::write(world.journal(), &text[..length]).expect("a journal");
            assert_eq!(pending(&world.root).expect("it is read"), Some(Pending::Incomplete), "{length}");
            let recovery = world.settle();
            assert!(matches!(recovery, None | Some(Recovery::Undone)), "{length}: {recovery:?}");
            assert_eq!(world.texts(), OLD);
            // Before the folders are noted, nothing had been made in them.
            if text[..length].contains("\"b\"\n") {
                world.assert_clean();
            }
        }
    }

    #[test]
    fn where_what_they_were_made_for_is_another_file_no_more_is_replaced() {
        let [before, after] = ["policy 1", "policy 2"].map(|text| Snapshot::of(text.as_bytes()).hexadecimal());
        for (policy, is_met) in [("policy 1", true), ("policy 2", true), ("policy 3", false), ("", false)] {
            let world = World::new();
            let body = world.killed_after(&[1]);
            let body = body.rsplit_once("end ").expect("a last line").0;
            fs::write(world.journal(), closed(format!("{body}needs {before} {after} \"policy\"\n")))
                .expect("a journal");
            if !policy.is_empty() {
                fs::write(world.path("policy"), policy).expect("a file");
            }
            let recovery = world.settle();
            if is_met {
                assert_eq!((recovery, world.texts()), (Some(finished(&PATHS, &[])), NEW.map(str::to_owned)));
            } else {
                let [one, two, three] = PATHS.map(PathBuf::from);
                let abandoned = Recovery::Abandoned { replaced: vec![two], left: vec![one, three] };
                assert_eq!(recovery, Some(abandoned), "{policy}");
                assert_eq!(world.texts(), ["old 1", "new 2", "old 3"]);
            }
            world.assert_clean();
        }
    }

    #[test]
    fn where_all_was_replaced_it_is_finished_whatever_became_of_what_it_was_made_for() {
        let world = World::new();
        let before = Snapshot::of(b"policy 1").hexadecimal();
        let body = world.killed_after(&[0, 1, 2]);
        let body = body.rsplit_once("end ").expect("a last line").0;
        fs::write(world.journal(), closed(format!("{body}needs {before} {before} \"policy\"\n"))).expect("a journal");
        fs::write(world.path("policy"), "policy 3").expect("a file");
        assert_eq!((world.settle(), world.texts()), (Some(finished(&PATHS, &[])), NEW.map(str::to_owned)));
    }

    #[test]
    fn where_what_they_were_made_for_was_taken_back_no_more_is_replaced() {
        let [before, after] = [OLD[0], NEW[0]].map(|text| Snapshot::of(text.as_bytes()).hexadecimal());
        let [one, two, three] = PATHS.map(PathBuf::from);
        // The first of the files is the policy itself.
        for (is_taken_back, renamed, texts) in [
            (true, vec![0, 1], [OLD[0], NEW[1], OLD[2]]),
            (true, vec![0], OLD),
            (false, vec![0, 1], NEW),
            (false, vec![], NEW),
        ] {
            let world = World::new();
            let body = world.killed_after(&renamed);
            let body = body.rsplit_once("end ").expect("a last line").0;
            fs::write(world.journal(), closed(format!("{body}needs {before} {after} \"{}\"\n", PATHS[0])))
                .expect("a journal");
            let expected = if is_taken_back {
                fs::write(world.path(PATHS[0]), OLD[0]).expect("a file");
                let (replaced, left): (Vec<_>, Vec<_>) =
                    [&two, &three].into_iter().cloned().partition(|path| renamed.len() == 2 && *path == two);
                Recovery::Abandoned { replaced, left: [vec![one.clone()], left].concat() }
            } else {
                finished(&PATHS, &[])
            };
            assert_eq!((world.settle(), world.texts()), (Some(expected), texts.map(str::to_owned)), "{renamed:?}");
            world.assert_clean();
        }
    }

    #[test]
    fn other_writers_leave_alone_what_a_journal_needs() {
        let world = World::new();
        fs::write(world.journal(), world.killed_after(&[0])).expect("a journal");
        let paths = PATHS.map(|path| world.path(path));
        drop(FolderLock::acquire(paths.iter().map(PathBuf::as_path), Some(&world.root)).expect("a lock"));
        assert_eq!(recover(&world.root).expect("it is finished"), Some(finished(&PATHS, &[])));
        assert_eq!(world.texts(), NEW);
    }

    #[test]
    fn what_was_changed_removed_or_replaced_by_a_link_meanwhile_is_left_as_it_is() {
        let changes: [(&str, Act); 4] = [
            ("changed", |world| fs::write(world.path("a/two"), "somebody else's").expect("a file")),
            ("removed", |world| fs::remove_file(world.path("a/two")).expect("a file")),
            ("link", |world| {
                fs::remove_file(world.path("a/two")).expect("a file");
                symlink(world.folder.path().join("outside"), world.path("a/two")).expect("a link");
            }),
            ("no new one", |world| {
                for entry in fs::read_dir(world.path("a")).expect("a folder") {
                    let path = entry.expect("an entry").path();
                    if fs::read(&path).expect("a file") == b"new 2" {
                        fs::write(path, "not what was written").expect("a file");
                    }
                }
            }),
        ];
        for (name, change) in changes {
            let world = World::new();
            fs::write(world.journal(), world.killed_after(&[0])).expect("a journal");
            change(&world);
            let before = fs::read(world.path("a/two")).ok();
            assert_eq!(
                recover(&world.root).expect("the others are finished"),
                Some(finished(&["a/one", "b/three"], &["a/two"])),
                "{name}"
            );
            assert_eq!(fs::read(world.path("a/two")).ok(), before, "{name}");
            assert_eq!(fs::read(world.folder.path().join("outside")).expect("a file"), b"outside", "{name}");
            assert_eq!(fs::read_to_string(world.path("b/three")).expect("a file"), NEW[2], "{name}");
            assert!(!world.journal().exists(), "{name}");
        }
    }

    #[test]
    fn no_folder_behind_a_link_is_entered() {
        let world = World::new();
        let text = world.killed_after(&[]);
        let moved = world.folder.path().join("moved");
        fs::rename(world.path("a"), &moved).expect("a move");
        symlink(&moved, world.path("a")).expect("a link");
        fs::write(world.journal(), text).expect("a journal");
        assert!(matches!(recover(&world.root), Err(FsError::Outside { .. })));
        assert_eq!(fs::read_to_string(moved.join("one")).expect("a file"), OLD[0]);
        // Undoing does not enter it, either.
        fs::write(world.journal(), format!("{FIRST_LINE}folder \"a\"\nfolder \"../moved\"\n")).expect("a journal");
        let count = || fs::read_dir(&moved).expect("a folder").count();
        let before = count();
        assert_eq!(recover(&world.root).expect("it is undone"), Some(Recovery::Undone));
        assert_eq!(count(), before);
    }
}
