//! Random YAML streams.

use std::fmt::Write;

use super::Writer;

impl Writer<'_> {
    pub(super) fn yaml(&mut self) {
        let count = if self.random.chance(70) { 1 } else { 1 + self.random.below(3) };
        let has_directive = self.random.chance(8);
        self.filler("", &["#"]);
        if has_directive {
            self.put_either(&["%YAML 1.2\n", "%TAG !e! tag:example.com,2026:\n", "%YAML 1.2 # note\n"]);
        }
        for index in 0..count {
            self.anchors.clear();
            if index > 0 || has_directive || self.random.chance(20) {
                self.put_either(&["---\n", "---\n", "--- # note\n"]);
            }
            match self.random.below(12) {
                0 => self.yaml_list(0, 0),
                1 => {
                    self.yaml_flow(0, 0);
                    self.put("\n");
                }
                2 => {
                    let scalar = self.yaml_scalar(false);
                    self.put(&scalar);
                    self.put("\n");
                }
                3 if count > 1 => {}
                _ => self.yaml_map(0, 0),
            }
            if self.random.chance(10) {
                self.put_either(&["...\n", "... # note\n"]);
            }
        }
        self.filler("", &["#"]);
    }

    fn yaml_map(&mut self, indent: usize, depth: usize) {
        let pad = " ".repeat(indent);
        for index in 0..=self.random.below(4) {
            if index > 0 || indent == 0 {
                self.filler(&pad, &["#"]);
                self.put(&pad);
            }
            let name = self.name();
            match self.random.below(14) {
                0 => _ = write!(self.out, "\"{name} \\x41\":"),
                1 => _ = write!(self.out, "'{name}''s':"),
                2 => _ = write!(self.out, "{}:", self.names),
                3 => _ = write!(self.out, "? {name}\n{pad}:"),
                4 => _ = write!(self.out, "? [{name}, {{a: b}}]\n{pad}:"),
                5 => _ = write!(self.out, "&k{name} {name} :"),
                6 => _ = write!(self.out, "!!str {name}:"),
                7 => _ = write!(self.out, "{name} with blanks:"),
                _ => _ = write!(self.out, "{name}:"),
            }
            self.yaml_value(indent, depth);
        }
    }

    fn yaml_list(&mut self, indent: usize, depth: usize) {
        let pad = " ".repeat(indent);
        for index in 0..=self.random.below(3) {
            if index > 0 {
                self.filler(&pad, &["#"]);
            }
            self.put(&pad);
            self.put("-");
            match self.random.below(8) {
                0 if depth < 4 => {
                    self.put(" ");
                    self.yaml_map(indent + 2, depth + 1);
                }
                1 if depth < 4 => {
                    self.put(" - ");
                    let scalar = self.yaml_scalar(false);
                    let _ = writeln!(self.out, "{scalar}\n{pad}  - x");
                }
                _ => self.yaml_value(indent, depth),
            }
        }
    }

    /// Writes a value behind `:` or `-`, and its line end.
    fn yaml_value(&mut self, indent: usize, depth: usize) {
        let step = 1 + self.random.below(4);
        let deeper = " ".repeat(indent + step);
        let properties = self.yaml_properties();
        let choice = self.random.below(if depth > 3 { 15 } else { 20 });
        match choice {
            0 => self.put(properties.trim_end()),
            1 if !self.anchors.is_empty() => {
                let alias = self.anchors[self.random.below(self.anchors.len())].clone();
                let _ = write!(self.out, " *{alias}");
            }
            2 | 3 => {
                let (indicator, chomp) = (self.either(&["|", ">"]), self.either(&["", "-", "+"]));
                let number =
                    if self.random.chance(25) { (1 + self.random.below(step)).to_string() } else { String::new() };
                let order =
                    if self.random.chance(50) { format!("{number}{chomp}") } else { format!("{chomp}{number}") };
                let comment = self.either(&["", "", " # note"]);
                let _ = writeln!(self.out, " {properties}{indicator}{order}{comment}");
                if self.random.chance(25) {
                    self.put("\n");
                }
                for index in 0..=self.random.below(3) {
                    let more = if index > 0 { self.either(&["", "", "  ", "\t"]) } else { "" };
                    let word = self.either(&["key: value", "# no comment", "hunter2", "- x", "'quote"]);
                    let _ = writeln!(self.out, "{deeper}{more}{word}");
                    if self.random.chance(15) {
                        self.put("\n");
                    }
                }
                return;
            }
            4 => _ = write!(self.out, " {properties}\"two\n{deeper}lines \\\n{deeper}  # joined\""),
            5 => _ = write!(self.out, " {properties}'two\n\n{deeper}lines'"),
            6 => _ = write!(self.out, " {properties}plain text\n{deeper}goes on\n{deeper} here"),
            7 => {
                self.put(" ");
                self.put(&properties);
                self.yaml_flow(indent + 1, depth + 1);
            }
            8..15 => {
                let scalar = self.yaml_scalar(false);
                let _ = write!(self.out, " {properties}{scalar}");
            }
            15..18 => {
                let properties =
                    if properties.is_empty() { String::new() } else { format!(" {}", properties.trim_end()) };
                self.put(&properties);
                self.put_either(&["\n", "\n", " # note\n"]);
                self.put(&deeper);
                self.yaml_map(indent + step, depth + 1);
                return;
            }
            _ => {
                self.put_either(&["\n", "\n", " # note\n"]);
                self.yaml_list(indent + step, depth + 1);
                return;
            }
        }
        self.put_either(&["\n", "\n", "\n", " \n", " # note\n", "\t# note\n"]);
    }

    fn yaml_properties(&mut self) -> String {
        let mut properties = String::new();
        if self.random.chance(8) {
            properties.push_str(self.either(&["!!str ", "!local ", "! ", "!<tag:yaml.org,2002:str> "]));
        }
        if self.random.chance(8) {
            self.names += 1;
            let anchor = format!("a{}", self.names);
            properties = if self.random.chance(50) {
                format!("&{anchor} {properties}")
            } else {
                format!("{properties}&{anchor} ")
            };
            self.anchors.push(anchor);
        }
        properties
    }

    fn yaml_scalar(&mut self, is_in_flow: bool) -> String {
        let word = self.word();
        match self.random.below(8) {
            0 => format!("'{}'", word.replace('\'', "''")),
            1 | 2 => format!("\"{}\"", word.replace('\\', "\\\\")),
            3 => self.either(&["null", "~", "true", "5432", "''", "\"\"", "-1.5", ".inf"]).to_owned(),
            _ if is_in_flow => word.replace([',', '`'], "_"),
            _ => word.replace('`', "_"),
        }
    }

    fn yaml_flow(&mut self, indent: usize, depth: usize) {
        let is_map = self.random.chance(50);
        self.put(if is_map { "{" } else { "[" });
        let count = self.random.below(4);
        for index in 0..count {
            if self.random.chance(20) {
                let _ = write!(self.out, "{}\n{}", self.random.pick(&["", " # note"]), " ".repeat(indent + 1));
            }
            if is_map {
                let name = self.name();
                let _ = write!(self.out, "{name}");
                if self.random.chance(10) {
                    self.put(if index + 1 < count { ", " } else { "" });
                    continue;
                }
                self.put(": ");
            } else if self.random.chance(10) {
                self.put("one: ");
            }
            match self.random.below(6) {
                0 if depth < 4 => self.yaml_flow(indent + 1, depth + 1),
                1 => self.put_either(&["{}", "[]", "null"]),
                _ => {
                    let scalar = self.yaml_scalar(true);
                    let properties = self.yaml_properties();
                    self.put(&properties);
                    self.put(&scalar);
                }
            }
            self.put_either(if index + 1 < count { &[", "] } else { &["", "", " ", ", "] });
        }
        self.put(if is_map { "}" } else { "]" });
    }
}
