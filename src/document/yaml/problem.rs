//! What granit-parser finds wrong, in words that never repeat the text.

use granit_parser::{ErrorKind, ScanError};

use crate::document::{Problem, SyntaxError};

/// Returns our error for granit-parser's.
pub(super) fn syntax_error(text: &str, error: &ScanError) -> SyntaxError {
    let offset = error.marker().byte_offset().unwrap_or(text.len());
    SyntaxError::at(text, offset, problem(error.kind()))
}

fn problem(kind: &ErrorKind) -> Problem {
    use ErrorKind as Kind;
    let what = match kind {
        Kind::RecursionLimitExceeded => return Problem::TooDeep,
        Kind::UnknownAnchor => "there is no anchor of this name before this alias",
        Kind::UndeclaredTagHandle => "this tag's handle is not declared",
        Kind::TabNotAllowed
        | Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabAtBlockScalarStart
        | Kind::TabInPlainScalar => "a tab cannot indent YAML",
        Kind::InvalidIndentation
        | Kind::InvalidBlockScalarIndent
        | Kind::InvalidQuotedScalarIndent
        | Kind::InvalidFlowScalarIndent
        | Kind::BlockSequenceEntryNotAllowed
        | Kind::ExpectedBlockSequenceEntry => "the indentation does not fit",
        Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar => "this quote is never closed",
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            "something stands behind a quoted text"
        }
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidLowSurrogateHexEscape
        | Kind::InvalidLowSurrogate
        | Kind::MissingLowSurrogate
        | Kind::UnpairedLowSurrogate
        | Kind::InvalidUnicodeEscape => "there is no such escape between double quotes",
        Kind::UnclosedFlowCollection { .. }
        | Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping => "this bracket is never closed",
        Kind::MisplacedFlowCollectionEnd
        | Kind::MismatchedFlowCollectionEnd { .. }
        | Kind::ExpectedFlowMappingSeparator
        | Kind::ExpectedFlowSequenceSeparator => "a comma or the other bracket is expected",
        Kind::SimpleKeyExpected
        | Kind::InvalidSimpleKey
        | Kind::ExpectedBlockMappingKey
        | Kind::MappingKeyNotAllowed => "a key and a colon are expected",
        Kind::MappingValueNotAllowed | Kind::InvalidColonPlacement | Kind::InvalidMappingValueWhitespace => {
            "a colon cannot stand here; a text that holds one needs quotes"
        }
        Kind::CommentNotSeparated | Kind::CommentInterceptedScalar => "a comment cannot stand here",
        Kind::UnexpectedCharacter { .. } => "a text cannot begin with this character, or hold it, without quotes",
        Kind::InvalidBlockScalarHeader | Kind::ZeroBlockScalarIndent => "this is no beginning of a block of text",
        _ => "this is no YAML",
    };
    Problem::Invalid(what)
}
