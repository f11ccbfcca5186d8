//! The extent of a block scalar: which characters belong to its value.

use crate::document::Span;

/// Returns the span of the block scalar whose indicator stands at `header`: to the end of its content, without the
/// last line break. Blank lines behind the content belong to it only where they are kept (`+`).
///
/// `scanned` is what granit-parser reports: from the first character of the content (in `column`) to where the
/// next token was looked for; from `header` on when nothing but blank lines follows up to the end of the text.
/// Returns none when no block scalar stands there.
pub(super) fn span(text: &str, header: usize, scanned: Span, column: usize) -> Option<Span> {
    let source = text.get(header..scanned.end).filter(|source| source.starts_with(['|', '>']))?;
    let is_at_end = scanned.end == text.len();
    let content = if indicators(source).contains('+') {
        // Blanks without a line end are part of a kept line only at the end of the text; elsewhere they indent
        // what follows.
        let lines = if is_at_end { source } else { source.trim_end_matches(' ') };
        without_line_end(lines).unwrap_or(lines)
    } else {
        let has_content = !scanned.is_empty() && scanned.start != header;
        without_blank_lines(source, if has_content { column } else { usize::MAX })
    };
    Some(Span::new(header, header + content.len()))
}

/// Tells whether a block scalar says itself by how much it is indented.
pub(super) fn has_indentation_indicator(source: &str) -> bool {
    indicators(source).contains(|character: char| character.is_ascii_digit())
}

/// Returns what stands directly behind `|` or `>`.
fn indicators(source: &str) -> &str {
    let behind = &source[1..];
    let end = behind.find(|character: char| !matches!(character, '+' | '-' | '0'..='9')).unwrap_or(behind.len());
    &behind[..end]
}

/// Cuts off the last line break, and lines before it that hold at most `indent` spaces and nothing else.
fn without_blank_lines(source: &str, indent: usize) -> &str {
    let mut content = source;
    loop {
        let line = content.trim_end_matches(' ');
        match without_line_end(line) {
            Some(before) if content.len() - line.len() <= indent => content = before,
            _ => return content,
        }
    }
}

fn without_line_end(text: &str) -> Option<&str> {
    text.strip_suffix("\r\n").or_else(|| text.strip_suffix(['\n', '\r']))
}

/// Returns the comment behind the indicators, with the blanks before it.
pub(super) fn header_comment(source: &str) -> &str {
    let header = source.split(['\n', '\r']).next().unwrap_or(source);
    header[1 + indicators(source).len()..].trim_end_matches([' ', '\t'])
}

/// Returns the column at which the content stands, if that can be told from the content alone.
pub(super) fn column(source: &str) -> Option<usize> {
    let mut lines = source.split(['\n', '\r']).skip(1);
    let first = lines.find(|line| !line.trim_matches(' ').is_empty())?;
    (!has_indentation_indicator(source)).then(|| first.len() - first.trim_start_matches(' ').len())
}
