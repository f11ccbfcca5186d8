//! Adding and removing entries of a container in brackets: of JSON's objects and arrays, and of TOML's inline tables
//! and arrays, which may hold comments (`#`) and a comma behind the last entry.

use zeroize::Zeroizing;

use super::spelling::Spelling;
use crate::document::{Span, lines};

/// What to put in place of which part of a text.
pub(in crate::document) type Change = (Span, Zeroizing<String>);

/// A container in brackets.
pub(in crate::document) struct Brackets<'t> {
    /// The text in which it stands.
    pub(in crate::document) text: &'t str,
    /// Where it stands, brackets included.
    pub(in crate::document) span: Span,
    /// Its entries, from key to value.
    pub(in crate::document) entries: Vec<Span>,
}

impl<'t> Brackets<'t> {
    /// Returns the indentation of the last entry, if it begins its line.
    pub(in crate::document) fn indentation(&self) -> Option<&'t str> {
        self.entries.last().and_then(|last| indentation(self.text, last.start))
    }

    /// Fills a container without entries.
    pub(in crate::document) fn fill(&self, inside: &[&str]) -> Change {
        let mut blank = self.inside();
        if !blank.of(self.text).trim().is_empty() {
            blank.end = blank.start; // There are comments: they stay.
        }
        (blank, concat(inside))
    }

    /// Adds an entry behind the last one: on a line of its own if that one has its own, else behind `separator`.
    pub(in crate::document) fn append(&self, last: Span, entry: &str, separator: &str) -> Vec<Change> {
        let behind_last = Span::new(last.end, last.end);
        let comma = self.comma(last.end, self.inside().end);
        let line_end = lines::end_of_line(self.text, last.end);
        match indentation(self.text, last.start) {
            Some(indentation) if line_end < self.span.end && comma.is_none_or(|comma| comma.end <= line_end) => {
                let trailing = if comma.is_some() { "," } else { "" };
                let line = concat(&[lines::line_end(self.text), indentation, entry, trailing]);
                let mut changes = vec![(Span::new(line_end, line_end), line)];
                if comma.is_none() {
                    changes.insert(0, (behind_last, concat(&[","])));
                }
                changes
            }
            _ => vec![(behind_last, concat(&[separator, entry]))],
        }
    }

    /// Returns what to remove, so that the entry `index` is gone: with its line where it has one of its own.
    pub(in crate::document) fn remove(&self, index: usize) -> Vec<Span> {
        let entry = self.entries[index];
        let inside = self.inside();
        let previous = index.checked_sub(1).map(|index| self.entries[index].end);
        let next = self.entries.get(index + 1).map(|next| next.start);
        let own_comma = self.comma(entry.end, next.unwrap_or(inside.end));
        let comma_before = previous.and_then(|end| self.comma(end, entry.start));
        // The comma that has nothing to part any more.
        let comma = own_comma.or(comma_before);

        let around = Span::new(previous.unwrap_or(inside.start), next.unwrap_or(inside.end));
        let has_comment =
            self.text[around.start..entry.start].contains('#') || self.text[entry.end..around.end].contains('#');
        if previous.is_none() && next.is_none() && !has_comment {
            return vec![inside];
        }
        if let Some(line) = self.own_line(entry, own_comma, around) {
            let mut spans = vec![line];
            spans.extend(comma.filter(|comma| comma.end <= line.start));
            spans.sort();
            return spans;
        }
        match (previous, next) {
            (Some(end), _) if !has_comment => vec![Span::new(end, entry.end)],
            (None, Some(start)) if !has_comment => vec![Span::new(entry.start, start)],
            _ => {
                let mut spans = vec![entry];
                spans.extend(comma);
                spans.sort();
                spans
            }
        }
    }

    /// Returns the lines of an entry with their line end, if nothing of its neighbours stands on them.
    fn own_line(&self, entry: Span, comma: Option<Span>, around: Span) -> Option<Span> {
        let start = entry.start - indentation(self.text, entry.start)?.len();
        let end = behind_line(self.text, entry.end);
        let is_alone = around.start <= start && end <= around.end && comma.is_none_or(|comma| comma.end <= end);
        is_alone.then(|| Span::new(start, end))
    }

    /// Finds the comma between two entries, or behind the last one.
    fn comma(&self, start: usize, end: usize) -> Option<Span> {
        let mut in_comment = false;
        for (index, byte) in self.text.as_bytes()[start..end].iter().enumerate() {
            match byte {
                b'#' => in_comment = true,
                b'\n' | b'\r' => in_comment = false,
                b',' if !in_comment => return Some(Span::new(start + index, start + index + 1)),
                _ => {}
            }
        }
        None
    }

    fn inside(&self) -> Span {
        Span::new(self.span.start + 1, self.span.end - 1)
    }
}

/// Puts pieces together into a text of their own.
pub(in crate::document) fn concat(pieces: &[&str]) -> Zeroizing<String> {
    let mut text = Spelling::default();
    for piece in pieces {
        text.push(piece);
    }
    text.finish()
}

/// Returns the blanks before `offset` on its line, if there is nothing else.
pub(in crate::document) fn indentation(text: &str, offset: usize) -> Option<&str> {
    let before = &text[lines::start_of_line(text, offset)..offset];
    before.bytes().all(|byte| matches!(byte, b' ' | b'\t')).then_some(before)
}

/// Returns the blanks at the begin of the line on which `offset` stands.
pub(in crate::document) fn line_indentation(text: &str, offset: usize) -> &str {
    let line = &text[lines::start_of_line(text, offset)..offset];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Returns where the line ends on which `offset` stands, behind its line end.
pub(in crate::document) fn behind_line(text: &str, offset: usize) -> usize {
    lines::next_line(text, lines::end_of_line(text, offset))
}
