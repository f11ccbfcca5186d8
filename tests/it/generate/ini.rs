//! Random INI files.

use std::fmt::Write;

use super::Writer;

impl Writer<'_> {
    pub(super) fn ini(&mut self) {
        let mut names: Vec<String> = Vec::new();
        for _ in 0..self.random.below(12) {
            self.filler("", &["#", ";"]);
            if self.random.chance(25) {
                let section = self.either(&["db", "db", "a.b", "remote \"origin\"", " x ", "public_s", "Ünï"]);
                let behind = self.either(&["", "", " ", " ; note"]);
                let _ = writeln!(self.out, "[{section}]{behind}");
                continue;
            }
            let fresh = self.name();
            let name = if self.random.chance(15) && !names.is_empty() {
                names[self.random.below(names.len())].clone()
            } else {
                fresh
            };
            names.push(name.clone());
            let indent = self.either(&["", "", "", "", " ", "\t"]);
            self.put(indent);
            self.put(&name);
            if self.random.chance(10) {
                self.put("\n");
                continue;
            }
            self.put_either(&["=", " = ", ": ", "=  ", " =\t"]);
            let word = self.word();
            match self.random.below(8) {
                0 => {}
                1 => _ = write!(self.out, "\"{word}\""),
                2 => _ = write!(self.out, "{word}\n{indent}  more = {word}\n{indent}\t[third]"),
                3 => _ = write!(self.out, "\n{indent} item1\n{indent}  item2"),
                4 => _ = write!(self.out, "{word} ; no comment # either"),
                _ => self.put(word),
            }
            self.put_either(&["\n", "\n", "\n", " \n", "\t \n"]);
        }
        self.filler("", &["#", ";"]);
    }
}
