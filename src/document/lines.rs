//! Lines and blanks as dotenv and INI know them; the editors of JSON and TOML find lines here too.
//!
//! A line ends with LF, CRLF or a lone CR. Blanks are spaces and tabs; any other white space is text, so that
//! nothing that only some readers skip can be slipped in beside a value.
//!
//! Many readers do not take a lone CR for a line end. So it is one only in documents that have no other, and that
//! show it behind a value, where it is authenticated: else `#` and a CR in front of a line would hide that line from
//! those readers.

use super::{Comment, Document, Entry, Problem, Span, SyntaxError};

/// The characters that mean nothing around keys and values.
pub(super) const BLANKS: [char; 2] = [' ', '\t'];
/// The characters that end a line; CR and LF together end it once.
pub(super) const LINE_ENDS: [char; 2] = ['\r', '\n'];

/// Returns the offset of the first character that is no byte order mark, and refuses a text with a NUL, which
/// programs in C take for the end.
pub(super) fn start_of_text(text: &str) -> Result<usize, SyntaxError> {
    match text.find('\0') {
        Some(offset) => Err(SyntaxError::at(text, offset, Problem::Invalid("a NUL character"))),
        None => Ok(byte_order_mark(text)),
    }
}

/// Which line ends were met while reading.
#[derive(Default)]
pub(super) struct Met {
    lone_return: Option<usize>,
    line_feed: bool,
}

impl Met {
    /// Returns the offset of the next line, where `end` is the end of one.
    pub(super) fn next_line(&mut self, text: &str, end: usize) -> usize {
        let next = next_line(text, end);
        match &text[end..next] {
            "" => {}
            "\r" => self.lone_return = self.lone_return.or(Some(end)),
            _ => self.line_feed = true,
        }
        next
    }

    /// Refuses lone carriage returns that are not the line end of the whole document.
    pub(super) fn check(&self, text: &str, document: &Document) -> Result<(), SyntaxError> {
        let Some(offset) = self.lone_return else { return Ok(()) };
        if !self.line_feed && document.leaves().any(|leaf| leaf.layout.trail.of(text).ends_with('\r')) {
            return Ok(());
        }
        Err(SyntaxError::at(text, offset, Problem::Invalid("a carriage return that some readers take for no line end")))
    }
}

/// Returns the length of a leading byte order mark.
pub(super) fn byte_order_mark(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

/// Returns the offset of the first character from `position` on that is no blank.
pub(super) fn skip_blanks(text: &str, position: usize) -> usize {
    let rest = &text[position..];
    position + (rest.len() - rest.trim_start_matches(BLANKS).len())
}

/// Returns the offset of the line end that follows `position`, or the length of the text.
pub(super) fn end_of_line(text: &str, position: usize) -> usize {
    text[position..].find(LINE_ENDS).map_or(text.len(), |length| position + length)
}

/// Returns the offset of the next line, where `end` is the end of one.
pub(super) fn next_line(text: &str, end: usize) -> usize {
    let rest = &text[end..];
    end + if rest.starts_with("\r\n") { 2 } else { rest.len().min(1) }
}

/// Returns the offset at which the line of `position` begins, behind a byte order mark.
pub(super) fn start_of_line(text: &str, position: usize) -> usize {
    text[..position].rfind(LINE_ENDS).map_or(byte_order_mark(text), |end| end + 1)
}

/// Returns `start..end` without the blanks at its end.
pub(super) fn trimmed(text: &str, start: usize, end: usize) -> Span {
    Span::new(start, start + text[start..end].trim_end_matches(BLANKS).len())
}

/// Returns the comment whose sign stands at `sign`, if it has more than blanks in it.
pub(super) fn comment(text: &str, sign: usize) -> Option<Comment> {
    let span = Span::new(sign + 1, end_of_line(text, sign));
    (!trimmed(text, span.start, span.end).is_empty()).then_some(Comment { span })
}

/// Returns what stands from `start` through the line end or the comment sign; `end` is where one of them stands.
pub(super) fn trail(text: &str, start: usize, end: usize) -> Span {
    let is_comment = text[end..].starts_with('#') && comment(text, end).is_some();
    Span::new(start, if is_comment { end + 1 } else { next_line(text, end_of_line(text, end)) })
}

/// Returns the lines of a text, without their ends.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let end = end_of_line(text, start);
        next = (end < text.len()).then(|| next_line(text, end));
        Some(&text[start..end])
    })
}

/// Returns the line end that new lines of this text take: that of its first line.
pub(super) fn line_end(text: &str) -> &str {
    let end = end_of_line(text, 0);
    if end == text.len() { "\n" } else { &text[end..next_line(text, end)] }
}

/// Returns the line end that new lines of a dotenv or INI document take: a lone CR only where [`Met::check`] lets it be
/// one, as that character may also stand in quotes.
pub(super) fn line_end_of(text: &str, document: &Document) -> &'static str {
    if document.leaves().any(|leaf| leaf.layout.trail.of(text).ends_with('\r')) {
        return "\r";
    }
    if text.split_once('\n').is_some_and(|(line, _)| line.ends_with('\r')) { "\r\n" } else { "\n" }
}

/// Returns `line_end` if it must be added at `position` before a line can be inserted there.
pub(super) fn missing_line_end<'a>(text: &str, position: usize, line_end: &'a str) -> &'a str {
    if position == start_of_line(text, position) { "" } else { line_end }
}

/// Returns all lines of an entry, the last line end included.
pub(super) fn of_entry(text: &str, entry: &Entry) -> Span {
    let end = end_of_line(text, entry.node.span.end);
    Span::new(start_of_line(text, entry.key_span.start), next_line(text, end))
}

/// Returns the entries of the one map that a document of lines is.
pub(super) fn root(document: &Document) -> &[Entry] {
    match document.roots.as_slice() {
        [super::Node { content: super::Content::Map(entries), .. }] => entries,
        _ => unreachable!("dotenv and INI documents have one root, a map"),
    }
}
