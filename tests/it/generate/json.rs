//! Random JSON documents.

use std::fmt::Write;

use super::Writer;

impl Writer<'_> {
    pub(super) fn json(&mut self) {
        self.put_either(&["", "", "", " ", "\n"]);
        let style = self.random.below(3);
        self.json_map(0, style);
        self.put_either(&["\n", "\n", "", " \n\n"]);
    }

    fn json_blank(&mut self, depth: usize, style: usize) {
        match style {
            0 => _ = write!(self.out, "\n{}", "  ".repeat(depth)),
            1 => {}
            _ => self.put_either(&["", " ", "\n", "\t", "\n\n   "]),
        }
    }

    fn json_map(&mut self, depth: usize, style: usize) {
        self.put("{");
        let count = self.random.below(5);
        for index in 0..count {
            self.json_blank(depth + 1, style);
            let name = self.name();
            let name = if self.random.chance(20) { format!("\\u0061 {name}.\\\"\\/") } else { name };
            let _ = write!(self.out, "\"{name}\"");
            self.put_either(if style == 2 { &[":", " : ", ": ", ":\n"] } else { &[": "] });
            self.json_value(depth + 1, style);
            if index + 1 < count {
                self.put_either(if style == 2 { &[",", " ,"] } else { &[","] });
            }
        }
        if count > 0 {
            self.json_blank(depth, style);
        }
        self.put("}");
    }

    fn json_value(&mut self, depth: usize, style: usize) {
        match self.random.below(if depth > 4 { 8 } else { 12 }) {
            0 => self.put_either(&["null", "{}", "[]", "[[]]", "[{}]", "{ }", "[ ]"]),
            1 => self.put_either(&["true", "false"]),
            2 | 3 => self.put_either(&[
                "0",
                "-0",
                "1e400",
                "1E+2",
                "0.10",
                "123456789012345678901234567890",
                "-1.5e-7",
                "5432",
            ]),
            4..8 => {
                let word = self.word().replace('\\', "\\\\");
                let extra = self.either(&["", "", "\\n", "\\u00e9", "\\ud83d\\ude00", " ", "{}", "#", "\\\""]);
                let _ = write!(self.out, "\"{word}{extra}\"");
            }
            8 | 9 => self.json_map(depth, style),
            _ => {
                self.put("[");
                let count = 1 + self.random.below(3);
                for index in 0..count {
                    self.json_blank(depth + 1, style);
                    self.json_value(depth + 1, style);
                    if index + 1 < count {
                        self.put(",");
                    }
                }
                self.json_blank(depth, style);
                self.put("]");
            }
        }
    }
}
