//! Why a text is no document of its format, and where. Never shows what stands there: it may be a secret.

/// A text that cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct SyntaxError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

impl SyntaxError {
    /// Builds an error for the byte at `offset` of `text`.
    pub fn at(text: &str, offset: usize, problem: Problem) -> Self {
        let (line, column) = position(text, offset);
        Self { line, column, problem }
    }
}

/// Returns the line and the column (in characters) of a byte, both counted from 1; LF, CRLF and a lone CR each end a line.
pub fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let mut line = 1;
    let mut line_start = 0;
    for (index, byte) in before.iter().enumerate() {
        let ends_line = match byte {
            b'\n' => true,
            b'\r' => text.as_bytes().get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends_line {
            line += 1;
            line_start = index + 1;
        }
    }
    (line, 1 + String::from_utf8_lossy(&before[line_start..]).chars().count())
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A key stands twice in one map.
    #[error("this key stands here already in line {first_line}")]
    DuplicateKey {
        /// The line of the first one, counted from 1.
        first_line: usize,
    },
    /// The grammar of the format is violated.
    #[error("{0}")]
    Invalid(&'static str),
    /// More than [`super::MAX_PATH_BYTES`] bytes in the key paths of all leaves.
    #[error("the keys are too long for so many values")]
    KeysTooLong,
    /// The root of the document is no map.
    #[error("the root is not an object")]
    RootNotMap,
    /// More than [`super::MAX_DEPTH`] containers in each other.
    #[error("nested deeper than {} levels", super::MAX_DEPTH)]
    TooDeep,
    /// More than [`super::MAX_BYTES`] bytes.
    #[error("larger than {} MiB", super::MAX_BYTES >> 20)]
    TooLarge,
    /// More than [`super::MAX_ITEMS`] events, leaves and comments.
    #[error("more than {} parts", super::MAX_ITEMS)]
    TooManyItems,
    /// More than [`super::MAX_VALUES`] leaves and comments.
    #[error("more than {} values and comments", super::MAX_VALUES)]
    TooManyValues,
}
