//! What stands between two items: blanks, line ends and comments, and how deep the next line is indented.

use super::Parser;
use crate::document::{Comment, Item, Problem, Span, Style, SyntaxError};

impl Parser<'_> {
    /// Walks over blanks, line ends and comments, and reports the comments.
    pub(super) fn skip_gap(&mut self) -> Result<(), SyntaxError> {
        let end = self.gap_end();
        while let Some(sign) = self.text[self.cursor..end].find('#') {
            let start = self.cursor + sign + 1;
            let length = self.text[start..end].find(['\n', '\r']).unwrap_or(end - start);
            let span = Span::new(start, start + length);
            if let Some(offset) = span.of(self.text).find(['\u{85}', '\u{2028}', '\u{2029}']) {
                // To a reader of YAML 1.1 a line ends there, and what follows is no comment.
                let problem = "this character cannot stand in a comment, as YAML 1.1 ends a line at it";
                return Err(SyntaxError::at(self.text, start + offset, Problem::Invalid(problem)));
            }
            if !span.of(self.text).trim_matches([' ', '\t']).is_empty() {
                self.push(Item::Comment(Comment { span }))?;
            }
            self.cursor = span.end;
        }
        self.demand_indented(Span::new(self.cursor, end))?;
        self.cursor = end;
        Ok(())
    }

    /// Refuses a line that begins behind `gap` and is indented too little between brackets, or by tabs.
    ///
    /// It must be indented deeper than the block collection around it. A closing bracket may stand in the column of that
    /// collection too: YAML forbids it, but every common reader takes it, and many people write it.
    fn demand_indented(&self, gap: Span) -> Result<(), SyntaxError> {
        let Some(line_end) = gap.of(self.text).rfind(['\n', '\r']) else { return Ok(()) };
        let blanks = &self.text[gap.start + line_end + 1..gap.end];
        let is_by_spaces = blanks.bytes().all(|byte| byte == b' ');
        let rest = &self.text[gap.end..];
        let demanded = match self.indent as usize {
            _ if rest.is_empty() || is_by_spaces && !self.is_in_brackets => 0,
            indent if is_by_spaces && rest.starts_with([']', '}']) => indent.saturating_sub(1),
            indent => indent,
        };
        if spaces(blanks) < demanded { Err(self.wrongly_indented(gap.end)) } else { Ok(()) }
    }

    /// Refuses a scalar with a line that is not indented deeper than the block collection around it.
    pub(super) fn demand_indented_lines(&self, span: Span, style: Style) -> Result<(), SyntaxError> {
        // Only in a plain scalar may a line of nothing but blanks begin with a tab.
        let blanks: &[char] = if style == Style::Plain { &[' ', '\t'] } else { &[' '] };
        let mut lines = span.of(self.text).split(['\n', '\r']).skip(1);
        let is_indented =
            |line: &str| spaces(line) >= self.indent as usize || line.trim_start_matches(blanks).is_empty();
        if lines.all(is_indented) { Ok(()) } else { Err(self.wrongly_indented(span.start)) }
    }

    fn wrongly_indented(&self, offset: usize) -> SyntaxError {
        SyntaxError::at(self.text, offset, Problem::Invalid("the indentation does not fit"))
    }

    /// Returns where the blanks, line ends and comments behind the cursor end.
    pub(super) fn gap_end(&mut self) -> usize {
        if self.gap.start != self.cursor {
            self.gap = Span::new(self.cursor, gap_end(self.text, self.cursor));
        }
        self.gap.end
    }
}

/// Returns how many spaces a line begins with.
fn spaces(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// Returns where the blanks, line ends and comments from `start` on end.
pub(super) fn gap_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut position = start;
    while let Some(byte) = bytes.get(position) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => position += 1,
            b'#' => position += text[position..].find(['\n', '\r']).unwrap_or(text.len() - position),
            _ => break,
        }
    }
    position
}

#[cfg(test)]
mod tests {
    use crate::document::Problem;
    use crate::document::yaml::fixture::{items, problem};
    use crate::document::yaml::laws;

    #[test]
    fn a_closing_bracket_may_stand_in_the_column_of_the_collection_around_it() {
        let texts = [
            "a: [\n  1,\n  2\n]\nb: {\n  c: d,\n}\n",
            "- [\n  1\n]\n- - {a: [{\n    b: 1}\n  ]\n  }\n- c: [\n    1\n  ]\n",
            "a:\n- [\n]\n- 1\nb:\n  - {\n    c: [\n      1\n  ], d: 2\n  }\n",
            "a: [{\n  b: 1\n}, {\n  b: 2\n}]\n",
            "a: [\n# c\n  'x\n\n   y', # d\n\n  z\n  z\n# e\n\n]  # f\n",
            "? [\n  1\n]\n: {\n}\n? a\n: [\n  2\n]\n",
            "a:\r\n  [\r\n    1\r\n]\r\nb: [\r  1\r]\r",
            "[\n1,\n{\na: 'b\nc'\n}\n]\n",
            "--- [\n\t1\n\t]\n",
            "a: [\n \t1,\n \tb\n \tc\n \t]\n",
        ];
        for text in texts {
            assert_eq!(items(text), items(&laws::with_indented_brackets(text)), "{text:?}");
        }
    }

    #[test]
    fn what_else_stands_between_brackets_is_indented_deeper_than_the_collection_around_them() {
        let texts = [
            "a: [\n1\n]\n",
            "a: [1\n, 2]\n",
            "a: {b\n: 1}\n",
            "a: {? b\n: 1}\n",
            "a: {b:\n1}\n",
            "a: [\n[1]]\n",
            "a: [\n&x 1]\n",
            "a: [ &x\n1]\n",
            "a: [ !x\n1]\n",
            "a: [1\n2]\n",
            "a: [1\n\n2]\n",
            "a: ['1\n2']\n",
            "a: ['1\n']\n",
            "a: ['1\n]']\n",
            "a: [\"1\\\n2\"]\n",
            "a: ['1\n\t\n 2']\n",
            "a: [\n\t1]\n",
            "a: [1,\n\t2]\n",
            "a: [\n\t]\n",
            "a: [1,\n\t]\n",
            "a: [1\n\t2]\n",
            "a: [1, '2\n\t3']\n",
            "- a: [\n  1\n  ]\n",
            "- a: [\n]\n",
            "a:\n  b: [\n]\n",
            "a:\n  - b: {\n  }\n",
            "a: '1\n'\n",
            "a: \"1\\\n2\"\n",
            "?\t&x\n\ta\n: b\n",
        ];
        for text in texts {
            assert!(matches!(problem(text), Problem::Invalid(_)), "{text:?}");
        }
    }
}
