//! Random TOML documents.

use std::fmt::Write;

use super::Writer;

impl Writer<'_> {
    pub(super) fn toml(&mut self) {
        self.toml_lines();
        for _ in 0..self.random.below(4) {
            let name = self.name();
            match self.random.below(6) {
                0 => _ = writeln!(self.out, "[{name}.sub]"),
                1 => _ = writeln!(self.out, "[ {name} . \"q u\" ] # note"),
                2 => {
                    for _ in 0..=self.random.below(3) {
                        let _ = writeln!(self.out, "[[{name}]]");
                        self.toml_lines();
                        if self.random.chance(30) {
                            let _ = writeln!(self.out, "[{name}.inner]");
                            self.toml_lines();
                        }
                    }
                    continue;
                }
                3 => {
                    let _ = writeln!(self.out, "[{name}]");
                    self.toml_lines();
                    let _ = writeln!(self.out, "[{name}.\"deep\".er]");
                }
                _ => _ = writeln!(self.out, "[{name}]"),
            }
            self.toml_lines();
        }
        self.filler("", &["#"]);
    }

    fn toml_lines(&mut self) {
        for _ in 0..self.random.below(4) {
            self.filler(" ", &["#"]);
            let name = self.name();
            let key = match self.random.below(6) {
                0 => format!("{name}.x"),
                1 => format!("\"{name} q\""),
                2 => format!("'{name}'. y"),
                _ => name,
            };
            self.put_either(&["", "", "", "  "]);
            self.put(&key);
            self.put_either(&[" = ", " = ", "=", "\t=  "]);
            self.toml_value(0);
            self.put_either(&["\n", "\n", "\n", " # note\n", " \n"]);
        }
    }

    fn toml_value(&mut self, depth: usize) {
        let word = self.word();
        match self.random.below(if depth > 2 { 9 } else { 13 }) {
            0 => self.put_either(&["true", "false", "inf", "-nan", "+1.5e3", "0.0", "1_000.5"]),
            1 => self.put_either(&["0", "-17", "0xDEAD_beef", "0o755", "0b1", "1_000", "99999999999999999999999"]),
            2 => self.put_either(&[
                "2026-11-22",
                "2026-11-22T01:02:03Z",
                "2026-11-22 01:02:03.5",
                "07:32:00",
                "1979-05-27T00:32:00-07:00",
            ]),
            3 => _ = write!(self.out, "'{}'", word.replace('\'', "")),
            4 => _ = write!(self.out, "\"\"\"\n{}\n  \"two\" # no\n\"\"\"", word.replace('\\', "")),
            5 => _ = write!(self.out, "'''{}\n''x'''", word.replace('\'', "")),
            6..9 => _ = write!(self.out, "\"{}\\t\\u00e9\"", word.replace('\\', "\\\\")),
            9 => self.put_either(&["[]", "{}", "[[]]", "[{}]", "[ ]"]),
            10 => {
                self.put("{ ");
                let count = 1 + self.random.below(3);
                for index in 0..count {
                    let name = self.name();
                    let _ = write!(self.out, "{name} = ");
                    self.toml_value(depth + 1);
                    self.put(if index + 1 < count { ", " } else { " }" });
                }
            }
            _ => {
                let is_long = self.random.chance(40);
                self.put(if is_long { "[\n" } else { "[" });
                let count = 1 + self.random.below(3);
                for index in 0..count {
                    self.toml_value(depth + 1);
                    self.put(if index + 1 < count || is_long { "," } else { "" });
                    self.put_either(if is_long { &["\n", " # note\n", "\n# note\n"] } else { &[""] });
                }
                self.put("]");
            }
        }
    }
}
