//! The grammar: a text as words that carry meaning, and what is said of one that has none.

use toml_parser::parser::{Event as Token, EventKind as TokenKind, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{ParseError, Source};

use crate::document::{MAX_DEPTH, MAX_ITEMS, Problem, SyntaxError};

/// Reads the grammar, and returns all tokens that carry meaning. Nothing is decoded yet.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let source = Source::new(text);
    let mut tokens = Vec::new();
    let mut failure = None;
    let mut keep = |token: Token| {
        use TokenKind::{KeySep, Newline, ValueSep, Whitespace};
        if !matches!(token.kind(), KeySep | Newline | ValueSep | Whitespace) {
            tokens.push(token);
        }
    };
    let mut valid = ValidateWhitespace::new(&mut keep, source);
    let limit = u32::try_from(MAX_DEPTH).unwrap_or(u32::MAX);
    // They are all in memory at once, as long as a byte of text or more each: they must be few before the grammar is read.
    let lexed: Vec<_> = source.lex().take(MAX_LEXED + 1).collect();
    if let Some(beyond) = lexed.get(MAX_LEXED) {
        return Err(SyntaxError::at(text, beyond.span().start(), Problem::TooManyItems));
    }
    parse_document(&lexed, &mut RecursionGuard::new(&mut valid, limit), &mut failure);
    check(text, failure)?;
    Ok(tokens)
}

/// Turns what `toml_parser` reports into an error.
pub(super) fn check(text: &str, failure: Option<ParseError>) -> Result<(), SyntaxError> {
    let Some(failure) = failure else { return Ok(()) };
    let problem = match failure.description() {
        TOO_DEEP => Problem::TooDeep,
        // The description borrows from the error: only texts known here may outlive it, and none can hold a value.
        reason => Problem::Invalid(REASONS.iter().find(|known| **known == reason).unwrap_or(&"this is no TOML")),
    };
    let span = failure.unexpected().or(failure.context()).unwrap_or_default();
    Err(SyntaxError::at(text, span.start(), problem))
}

/// The most words, signs and blanks that are read: a dozen for each value of the largest document.
const MAX_LEXED: usize = 3 * MAX_ITEMS;

/// What `toml_parser` says of nesting.
const TOO_DEEP: &str = "cannot recurse further; max recursion depth met";

/// What `toml_parser` says of texts that people write by mistake.
const REASONS: [&str; 31] = [
    "`_` may only go between digits",
    "carriage return must be followed by newline",
    "extra `=`",
    "extra comma in array",
    "extra comma in inline table",
    "integers with a radix cannot be signed",
    "invalid basic string",
    "invalid comment character",
    "invalid key-value pair",
    "invalid literal string",
    "invalid multi-line basic string",
    "invalid multi-line literal string",
    "invalid unquoted key",
    "key with no value",
    "missing array opening",
    "missing assignment between key-value pairs",
    "missing comma between array elements",
    "missing comma between key-value pairs",
    "missing escaped value",
    "missing inline table opening",
    "missing opening quote",
    "missing table open",
    "missing value for key",
    "radix must be lowercase",
    "string values must be quoted",
    "unclosed array",
    "unclosed array table",
    "unclosed inline table",
    "unclosed table",
    "unexpected key or value",
    "unexpected leading zero",
];

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::MAX_LEXED;
    use crate::document::Problem;
    use crate::document::toml::parse;

    #[test]
    fn errors_tell_where_and_what_without_showing_the_text() {
        for (text, line, column, problem) in [
            ("a = hunter2", 1, 5, "string values must be quoted"),
            ("a = \"x\nb = 1", 1, 7, "invalid basic string"),
            ("a = 'x\\'y'", 1, 9, "unexpected key or value"),
            ("\n[a", 2, 3, "unclosed table"),
            ("a = ['x' 'y']", 1, 10, "missing comma between array elements"),
            ("a = 1\r b = 2", 2, 1, "carriage return must be followed by newline"),
            ("a = \"\\q\"", 1, 7, "missing escaped value"),
        ] {
            let error = parse(text).err().unwrap();
            assert_eq!((error.line, error.column, error.problem), (line, column, Problem::Invalid(problem)), "{text}");
        }
    }

    #[test]
    fn words_beyond_the_limit_are_refused_before_they_are_kept() {
        for text in ["a.".repeat(MAX_LEXED), "\n".repeat(MAX_LEXED + 1)] {
            assert_eq!(parse(&text).err().map(|error| error.problem), Some(Problem::TooManyItems));
        }
    }
}
