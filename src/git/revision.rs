//! Commits: found by what a user calls them, and what they say of themselves.

use jiff::civil::Date;

use super::{GitError, ObjectId, Repository};

/// What a commit says of itself. Everybody can write into it what they like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its name.
    pub id: ObjectId,
    /// Who made the change.
    pub author: String,
    /// Their address.
    pub email: String,
    /// When, in seconds since 1970.
    pub time: i64,
    /// The first line of its message.
    pub subject: String,
}

impl CommitInfo {
    /// Returns the UTC day of the change.
    pub fn day(&self) -> Option<Date> {
        day(self.time)
    }

    /// Reads a commit's bytes (gitformat-commit): its fields, an empty line, its message.
    fn parse(id: ObjectId, content: &[u8]) -> Self {
        let mut lines = content.split(|byte| *byte == b'\n');
        let mut author: &[u8] = &[];
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            author = line.strip_prefix(b"author ").filter(|_| author.is_empty()).unwrap_or(author);
        }
        let subject = lines.map(text).find(|line| !line.is_empty()).unwrap_or_default();
        // `NAME <EMAIL> SECONDS ZONE`; the name cannot have a `<`, the rest may be of anybody's making.
        let end = author.iter().position(|byte| *byte == b'<').unwrap_or(author.len());
        let (name, rest) = author.split_at(end);
        let rest = rest.strip_prefix(b"<").unwrap_or(rest);
        let end = rest.iter().rposition(|byte| *byte == b'>').unwrap_or(rest.len());
        let (email, when) = rest.split_at(end);
        let seconds = text(when.strip_prefix(b">").unwrap_or(when));
        let time = seconds.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
        Self { id, author: text(name), email: text(email), time, subject }
    }
}

impl Repository {
    /// Tells whether a commit is HEAD, or HEAD comes from it.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn is_in_history(&self, commit: ObjectId) -> Result<bool, GitError> {
        let Some(head) = self.head()? else { return Ok(false) };
        Ok(self.merge_base(head, commit)? == Some(commit))
    }

    /// Returns what a commit says of itself.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn commit_info(&self, id: ObjectId) -> Result<CommitInfo, GitError> {
        Ok(CommitInfo::parse(id, &self.store()?.commit_bytes(id)?))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// Returns the UTC day of a time.
pub(super) fn day(seconds: i64) -> Option<Date> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::World;
    use super::super::{CommitInfo, GitError};

    #[test]
    fn a_commit_is_found_by_all_its_names() {
        let world = World::new();
        let is_unknown =
            |revision: &str| matches!(world.open("").commit_named(revision), Err(GitError::UnknownRevision { .. }));
        assert!(is_unknown("HEAD"));
        world.commit(&[("a", "1")]);
        world.git(&["tag", "--annotate", "--message", "x", "v1"]);
        world.commit(&[("a", "2")]);
        let repository = world.open("");
        let name = world.said(&["rev-parse", "HEAD~1"]);
        for revision in ["HEAD~1", "HEAD^", "v1", "main~1", "@~1", &name, &name[..12], "main@{1}"] {
            let found = repository.commit_named(revision).expect("readable").to_string();
            assert_eq!(found, name, "{revision}");
        }
        for revision in ["none", "", "HEAD~9", "HEAD:a", "HEAD^{tree}", "-v", "..", "main@{99}", "@{u}", "\u{1b}"] {
            assert!(is_unknown(revision), "{revision}");
        }
    }

    #[test]
    fn what_a_commit_says_is_read_whatever_it_is() {
        let world = World::new();
        world.write("a", "x");
        world.git(&["add", "."]);
        world.git(&["commit", "--quiet", "--message", "\n\n subject \u{1b}[31m\n\nbody"]);
        let repository = world.open("");
        let head = repository.head().expect("readable").expect("a commit");
        let info = repository.commit_info(head).expect("readable");
        assert_eq!((info.subject.as_str(), info.email.as_str()), ("subject \u{1b}[31m", "x@example.org"));
        assert_eq!((info.author.as_str(), info.time.to_string()), ("x", world.said(&["log", "--format=%at"])));
        assert!(info.day().is_some() && repository.is_in_history(head).expect("readable"));
        // Fields and messages that only somebody who writes objects himself can make.
        for (content, expected) in [
            ("", ("", "", 0, "")),
            ("tree x\nauthor a\n\ns", ("a", "", 0, "s")),
            ("author a <b\ngpgsig x\n author c <d> 1\n\n\n\n s ", ("a", "b", 0, "s")),
            ("author <<a>b> 12 +0000\n\nauthor c <d> 1 +0000", ("", "<a>b", 12, "author c <d> 1 +0000")),
        ] {
            let info = CommitInfo::parse(head, content.as_bytes());
            assert_eq!((&*info.author, &*info.email, info.time, &*info.subject), expected, "{content:?}");
        }
    }

    #[test]
    fn a_commit_of_another_branch_is_not_in_history() {
        let world = World::new();
        world.commit(&[("a", "1")]);
        world.git(&["checkout", "--quiet", "-b", "side"]);
        world.commit(&[("a", "2")]);
        world.git(&["checkout", "--quiet", "main"]);
        world.commit(&[("a", "3")]);
        let repository = world.open("");
        let is_in = |revision: &str| {
            repository.is_in_history(repository.commit_named(revision).expect("a commit")).expect("readable")
        };
        assert_eq!(["HEAD", "HEAD~1", "side"].map(is_in), [true, true, false]);
    }
}
