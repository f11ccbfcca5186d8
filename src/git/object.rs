//! Git's objects: their names, and what commits and trees say, read from their bytes.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::Oid;
use zeroize::Zeroizing;

/// The name of an object: the hash of what it holds, SHA-1 or SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    length: u8,
    bytes: [u8; SHA256_BYTES],
}

/// What git can have at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file, executable or not.
    File,
    /// A folder.
    Folder,
    /// A commit of another repository.
    Submodule,
    /// A symlink.
    Symlink,
}

/// The sorts of objects that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A file's content.
    Blob,
    /// A commit.
    Commit,
    /// A folder.
    Tree,
}

/// What a commit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its folder.
    pub tree: ObjectId,
    /// The commits it comes from; those that a shallow clone lacks are named, too.
    pub parents: Vec<ObjectId>,
    /// When it was made, in seconds since 1970.
    pub seconds: i64,
}

/// A folder of a commit, as git stores it.
pub struct Tree {
    content: Zeroizing<Vec<u8>>,
    id_length: usize,
}

/// One entry of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEntry<'t> {
    /// Its name; not all are UTF-8.
    pub name: &'t [u8],
    /// What it is.
    pub kind: EntryKind,
    /// What it holds.
    pub id: ObjectId,
}

impl ObjectId {
    /// Takes a hash; `None` when no hash of git's has so many bytes.
    pub(super) fn from_bytes(hash: &[u8]) -> Option<Self> {
        let mut bytes = [0; SHA256_BYTES];
        bytes.get_mut(..hash.len()).filter(|own| own.len() >= SHA1_BYTES)?.copy_from_slice(hash);
        [SHA1_BYTES, SHA256_BYTES].contains(&hash.len()).then_some(())?;
        Some(Self { length: u8::try_from(hash.len()).ok()?, bytes })
    }

    /// Reads the hexadecimal spelling.
    pub(super) fn from_hex(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = text.chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        Self::from_bytes(&pairs.collect::<Option<Vec<u8>>>()?)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Returns it as libgit2 has it, which knows SHA-1 only.
    pub(super) fn oid(&self) -> Option<Oid> {
        (usize::from(self.length) == SHA1_BYTES).then(|| Oid::from_bytes(self.as_bytes()).ok()).flatten()
    }

    /// Returns the first digits, for messages.
    pub fn short(&self) -> String {
        self.to_string().chars().take(SHORT).collect()
    }
}

impl From<Oid> for ObjectId {
    fn from(oid: Oid) -> Self {
        Self::from_bytes(oid.as_bytes()).expect("libgit2's are of SHA-1")
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl EntryKind {
    /// Tells what a mode of a tree or an index means.
    pub(super) fn of(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o040_000 => Self::Folder,
            0o120_000 => Self::Symlink,
            0o160_000 => Self::Submodule,
            _ => Self::File,
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::File => "file",
            Self::Folder => "folder",
            Self::Submodule => "submodule",
            Self::Symlink => "symlink",
        })
    }
}

impl Commit {
    /// Reads a commit's bytes (gitformat-commit: `tree`, `parent`…, `author`, `committer`, …).
    pub(super) fn parse(content: &[u8]) -> Option<Self> {
        let mut lines = content.split(|byte| *byte == b'\n');
        let tree = ObjectId::from_hex(lines.next()?.strip_prefix(b"tree ")?)?;
        let (mut parents, mut seconds) = (Vec::new(), 0);
        for line in lines.take_while(|line| !line.is_empty()) {
            if let Some(parent) = line.strip_prefix(b"parent ") {
                parents.push(ObjectId::from_hex(parent)?);
            } else if let Some(committer) = line.strip_prefix(b"committer ") {
                let mut words = committer.rsplit(|byte| *byte == b' ').skip(1);
                seconds = words.next().and_then(|word| str::from_utf8(word).ok()?.parse().ok()).unwrap_or_default();
            }
        }
        Some(Self { tree, parents, seconds })
    }
}

impl Tree {
    /// Reads a tree's bytes: `mode name NUL id`, one behind the other. Names that no folder can have are refused.
    pub(super) fn parse(content: Zeroizing<Vec<u8>>, id_length: usize) -> Option<Self> {
        let tree = Self { content, id_length };
        let mut at = 0;
        while at < tree.content.len() {
            let (entry, next) = tree.entry(at)?;
            if entry.name.is_empty() || entry.name.contains(&b'/') || [&b"."[..], b".."].contains(&entry.name) {
                return None;
            }
            at = next;
        }
        Some(tree)
    }

    /// Returns a folder with nothing in it.
    pub(super) fn empty() -> Self {
        Self { content: Zeroizing::default(), id_length: SHA1_BYTES }
    }

    /// Returns the entries in git's order: by name, folders as if they ended with `/`.
    pub fn entries(&self) -> impl Iterator<Item = TreeEntry<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let (entry, next) = (at < self.content.len()).then(|| self.entry(at))??;
            at = next;
            Some(entry)
        })
    }

    /// Returns the entry of this name.
    pub fn find(&self, name: &[u8]) -> Option<TreeEntry<'_>> {
        self.entries().find(|entry| entry.name == name)
    }

    fn entry(&self, at: usize) -> Option<(TreeEntry<'_>, usize)> {
        let rest = &self.content[at..];
        let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
        let mode = u32::from_str_radix(str::from_utf8(&rest[..space]).ok()?, 8).ok()?;
        let end = space + 1 + rest[space + 1..].iter().position(|byte| *byte == 0)?;
        let id = ObjectId::from_bytes(rest.get(end + 1..end + 1 + self.id_length)?)?;
        let entry = TreeEntry { name: &rest[space + 1..end], kind: EntryKind::of(mode), id };
        Some((entry, at + end + 1 + self.id_length))
    }
}

/// Returns a path from git's bytes.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    Path::new(std::ffi::OsStr::from_bytes(bytes)).to_path_buf()
}

pub(super) const SHA1_BYTES: usize = 20;
const SHA256_BYTES: usize = 32;
/// As many digits as git shows of a name in large repositories.
const SHORT: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        for digits in [40, 64] {
            let text = "0123456789abcdef".repeat(4)[..digits].to_owned();
            assert_eq!(ObjectId::from_hex(text.as_bytes()).expect("a name").to_string(), text);
        }
        for wrong in ["", "0", "abcg", &"0".repeat(39), &"0".repeat(41), &"0".repeat(66), &"g".repeat(40)] {
            assert_eq!(ObjectId::from_hex(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn broken_trees_and_commits_are_refused() {
        let id = [7; SHA1_BYTES];
        let tree = |name: &[u8]| [b"100644 ", name, b"\0", &id].concat();
        let parse = |bytes: Vec<u8>| Tree::parse(Zeroizing::new(bytes), SHA1_BYTES);
        assert_eq!(parse(tree(b"a\xff\n")).expect("a tree").entries().count(), 1);
        for wrong in [tree(b""), tree(b".."), tree(b"a/b"), tree(b"a")[..20].to_vec(), b"x".to_vec()] {
            assert!(parse(wrong.clone()).is_none(), "{wrong:?}");
        }
        assert_eq!(Commit::parse(b"tree 1234\n\nx"), None);
        let text = format!(
            "tree {0}\nparent {0}\nauthor A <a@b> 1 +0000\ncommitter B <b@c> 77 +0100\n\nparent x",
            "0".repeat(40)
        );
        let commit = Commit::parse(text.as_bytes()).expect("a commit");
        assert_eq!((commit.parents.len(), commit.seconds), (1, 77));
    }
}
