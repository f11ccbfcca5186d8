//! Git's own merge of three texts, line by line, in memory.

use git2::{MergeFileInput, MergeFileOptions, merge_file};

/// What git makes of three texts.
pub struct MergedLines {
    /// The result; it has markers in it if it is not clean.
    pub content: Vec<u8>,
    /// Whether the changes of both sides are far enough from each other.
    pub is_clean: bool,
}

/// Merges the changes that two texts have against a third one. No file is read or written, and no program run.
///
/// `None` where git does not merge: a text is binary, or too large.
pub fn merge_lines(base: &[u8], ours: &[u8], theirs: &[u8], marker_size: u16) -> Option<MergedLines> {
    // What it takes for binary has no result, which the library does not expect.
    if [base, ours, theirs].into_iter().any(|content| content.contains(&0)) {
        return None;
    }
    // The function itself does not set the library up.
    git2::Config::new().ok()?;
    let [base, ours, theirs] = [base, ours, theirs].map(|content| {
        let mut input = MergeFileInput::new();
        input.content(content);
        input
    });
    let mut options = MergeFileOptions::new();
    options.our_label("ours").their_label("theirs").ancestor_label("base").marker_size(marker_size);
    let merged = merge_file(&base, &ours, &theirs, Some(&mut options)).ok()?;
    Some(MergedLines { content: merged.content().to_vec(), is_clean: merged.is_automergeable() })
}

#[cfg(test)]
mod tests {
    use super::merge_lines;

    #[test]
    fn what_is_no_text_is_not_merged() {
        let long = [b"a\n".repeat(9000), b"\0".to_vec()].concat();
        for binary in [b"\0".as_slice(), &long, b"a\0b\n"] {
            assert!(merge_lines(b"", binary, b"b\n", 7).is_none());
        }
        assert!(merge_lines(b"", b"", b"\xff", 7).is_some_and(|merged| merged.content == b"\xff"));
        assert!(merge_lines(b"1", b"", b"", 7).is_some_and(|merged| merged.content.is_empty()));
    }

    #[test]
    fn lines_apart_merge_and_neighbours_conflict() {
        let merged = merge_lines(b"1\n2\n3\n", b"one\n2\n3\n", b"1\n2\nthree\n", 7).expect("texts");
        assert!(merged.is_clean && merged.content == b"one\n2\nthree\n");
        let merged = merge_lines(b"1\n2\n", b"one\n2\n", b"1\ntwo\n", 7).expect("texts");
        let expected = "<<<<<<< ours\none\n2\n=======\n1\ntwo\n>>>>>>> theirs\n";
        assert!(!merged.is_clean && merged.content == expected.as_bytes(), "{:?}", str::from_utf8(&merged.content));
    }
}
