//! Random dotenv files.

use std::fmt::Write;

use super::Writer;

impl Writer<'_> {
    pub(super) fn dotenv(&mut self) {
        for _ in 0..self.random.below(9) {
            self.filler("", &["#", " #"]);
            let name = self.name().replace('-', "_");
            self.put_either(&["", "", "", "export ", "  ", "export\t"]);
            self.put(&name);
            if self.random.chance(8) {
                self.put("\n");
                continue;
            }
            self.put_either(&["=", "=", "=", " = ", "= ", " ="]);
            let word = self.word();
            match self.random.below(9) {
                0 => {}
                1 => _ = write!(self.out, "'{}'", word.replace('\'', "")),
                2 => _ = write!(self.out, "\"{} \\\"x\\\" \\$y\\n\"", word.replace(['"', '\\'], "")),
                3 => _ = write!(self.out, "`{}`", word.replace('`', "")),
                4 => self.put("\"line one\nK=\"".trim_end_matches('"')),
                5 => self.put("'{\n  # no comment\n}'"),
                _ => self.put(word),
            }
            if self.out.ends_with("K=") {
                self.put("2\"");
            }
            self.put_either(&["\n", "\n", "\n", " \n", " # note\n", "\t#note\n", " # \n"]);
        }
        self.filler("", &["#"]);
    }
}
