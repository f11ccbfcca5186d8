//! Weaves two versions of a document together, line by line: what one side added, removed or changed is done to the
//! other. Lines are told by the ids of their tokens (see [`super::side`]), so neighbours do not conflict.

use std::collections::HashSet;

use super::align::{Alignment, Mark, common, mark};
use super::fate::{Fate, Fates, Three};
use super::side::{Side, TokenAt};
use super::{Choice, Conflict, ConflictKind, Decisions};
use crate::crypto::LeafId;
use crate::document::path::Component;
use crate::document::{Format, Item};

use super::super::opening::span_of;

/// A merged document with tokens in it, of which some may have to be sealed again.
pub(super) struct Woven {
    pub text: String,
    /// What nobody has decided; then there are markers in the text.
    pub conflicts: Vec<Conflict>,
}

/// How conflicts are marked.
#[derive(Clone, Copy)]
pub(super) struct Markers {
    pub size: usize,
}

/// Weaves both sides together.
pub(super) fn weave(
    three: &Three<'_>,
    fates: &Fates,
    decisions: &Decisions,
    format: Format,
    markers: Markers,
) -> Woven {
    let mut weaver = Weaver {
        three,
        fates,
        decisions,
        ours: Alignment::new(&three.base, &three.ours),
        theirs: Alignment::new(&three.base, &three.theirs),
        out: Vec::new(),
        emitted: HashSet::new(),
        last_path: Vec::new(),
        conflicts: Vec::new(),
    };
    for line in 0..=three.base.lines.len() {
        weaver.weave_added(line);
        if line < three.base.lines.len() {
            weaver.weave_kept(line);
        }
    }
    let Weaver { out, conflicts, .. } = weaver;
    let text = Writer { three, fates, markers, newline: newline(three.ours.text) }.write(&out, format == Format::Json);
    Woven { text, conflicts: fates.conflicts.iter().cloned().chain(conflicts).collect() }
}

/// A piece of the result.
enum Piece {
    Conflict { name: String, ours: Vec<usize>, theirs: Vec<usize> },
    Line(Choice, usize),
}

struct Weaver<'w, 'f> {
    three: &'w Three<'f>,
    fates: &'w Fates,
    decisions: &'w Decisions,
    ours: Alignment,
    theirs: Alignment,
    out: Vec<Piece>,
    /// The tokens of the lines that were written.
    emitted: HashSet<LeafId>,
    last_path: Vec<Component>,
    conflicts: Vec<Conflict>,
}

impl Weaver<'_, '_> {
    /// Weaves in what the sides do with a line of the ancestor.
    fn weave_kept(&mut self, base: usize) {
        match (self.ours.kept[base], self.theirs.kept[base]) {
            (Some(ours), Some(theirs)) => self.weave_pair(Some(base), ours, theirs),
            (Some(ours), None) => self.weave_alone(base, Choice::Ours, ours),
            (None, Some(theirs)) => self.weave_alone(base, Choice::Theirs, theirs),
            (None, None) => {}
        }
    }

    /// Weaves in a line that both sides have.
    fn weave_pair(&mut self, base: Option<usize>, ours: usize, theirs: usize) {
        let three = self.three;
        let lines = || (vec![ours], vec![theirs]);
        let is_open = |tokens: &[TokenAt]| tokens.iter().any(|token| self.fates.of(token.id) == Fate::Open);
        if is_open(three.ours.tokens_of(ours)) || is_open(three.theirs.tokens_of(theirs)) {
            return self.conflict(three.ours.line_name(ours), lines());
        }
        let twin = three.theirs.tokens_of(theirs).iter().find(|token| self.fates.twin(token.id) != token.id);
        if let Some(token) = twin {
            return match self.fates.of(token.id) {
                Fate::Present(_) => self.line(Choice::Theirs, theirs),
                Fate::Absent | Fate::Open => self.line(Choice::Ours, ours),
            };
        }
        let shape = |side: &Side<'_>, line: usize| side.lines[line].shape.clone();
        let [our_shape, their_shape] = [shape(&three.ours, ours), shape(&three.theirs, theirs)];
        let old = base.map(|base| shape(&three.base, base));
        if our_shape == their_shape || old.as_ref() == Some(&their_shape) {
            self.line(Choice::Ours, ours);
        } else if old.as_ref() == Some(&our_shape) {
            self.line(Choice::Theirs, theirs);
        } else {
            self.decide(three.ours.line_name(ours), ConflictKind::Line, lines());
        }
    }

    /// Weaves in a line of the ancestor that only one side has still, there or elsewhere.
    fn weave_alone(&mut self, base: usize, keeper: Choice, line: usize) {
        let (side, other) = (self.three.side(keeper), self.three.side(keeper.other()));
        let is_same = side.lines[line].shape == self.three.base.lines[base].shape;
        let tokens = side.tokens_of(line);
        let lines = match keeper {
            Choice::Ours => (vec![line], Vec::new()),
            Choice::Theirs => (Vec::new(), vec![line]),
        };
        let kind = match keeper {
            Choice::Ours => ConflictKind::RemovedByTheirs,
            Choice::Theirs => ConflictKind::RemovedByOurs,
        };
        let is_moved = !tokens.is_empty() && tokens.iter().all(|token| other.token(token.id).is_some());
        let fates: Vec<Fate> = tokens.iter().map(|token| self.fates.of(token.id)).collect();
        if is_moved || fates.iter().all(|fate| *fate == Fate::Absent) {
            if !is_same {
                self.decide(side.line_name(line), kind, lines);
            }
        } else if fates.contains(&Fate::Open) {
            self.conflict(side.line_name(line), lines);
        } else {
            self.line(keeper, line);
        }
    }

    /// Weaves in what both sides added before a line of the ancestor.
    fn weave_added(&mut self, base: usize) {
        let (ours, theirs) = (std::mem::take(&mut self.ours.added[base]), std::mem::take(&mut self.theirs.added[base]));
        if ours.is_empty() || theirs.is_empty() {
            return self.weave_runs(&ours, &theirs);
        }
        let three = self.three;
        let is_blank = |mark: &Mark| matches!(mark, Mark::Text(text) if text.trim().is_empty());
        let of_ours: Vec<Mark> = ours.iter().map(|line| mark(&three.ours, *line, |_| true)).collect();
        let of_theirs: Vec<Mark> = theirs
            .iter()
            .map(|line| match mark(&three.theirs, *line, |_| true) {
                Mark::Token(id) => Mark::Token(self.fates.twin(id)),
                text @ Mark::Text(_) => text,
            })
            .collect();
        let mut from = (0, 0);
        for (our_line, their_line) in common(&of_ours, &of_theirs) {
            if is_blank(&of_ours[our_line]) {
                continue;
            }
            self.weave_runs(&ours[from.0..our_line], &theirs[from.1..their_line]);
            self.weave_pair(None, ours[our_line], theirs[their_line]);
            from = (our_line + 1, their_line + 1);
        }
        self.weave_runs(&ours[from.0..], &theirs[from.1..]);
    }

    /// Weaves in lines of each side, first those that belong to the container where the last value stands.
    fn weave_runs(&mut self, ours: &[usize], theirs: &[usize]) {
        let theirs_first = !ours.is_empty() && self.fit(Choice::Theirs, theirs) > self.fit(Choice::Ours, ours);
        let order = if theirs_first { [Choice::Theirs, Choice::Ours] } else { [Choice::Ours, Choice::Theirs] };
        for choice in order {
            let lines = if choice == Choice::Ours { ours } else { theirs };
            for line in lines {
                self.weave_new(choice, *line);
            }
        }
    }

    /// Returns how many steps of the last value's key path the first value behind these lines has.
    fn fit(&self, choice: Choice, lines: &[usize]) -> usize {
        let side = self.three.side(choice);
        let Some(start) = lines.first().map(|line| side.lines[*line].span.start) else { return 0 };
        let items = &side.document.items;
        let next = items.partition_point(|item| span_of(item).start < start);
        let path = items[next..].iter().find_map(|item| match item {
            Item::Leaf(leaf) => Some(&leaf.path.0),
            Item::Comment(_) | Item::Event(_) => None,
        });
        path.map_or(0, |path| path.iter().zip(&self.last_path).take_while(|(one, other)| one == other).count())
    }

    /// Weaves in a line that one side added, or moved here.
    fn weave_new(&mut self, choice: Choice, line: usize) {
        let (side, other) = (self.three.side(choice), self.three.side(choice.other()));
        let tokens = side.tokens_of(line);
        let fates: Vec<Fate> = tokens.iter().map(|token| self.fates.of(token.id)).collect();
        if !tokens.is_empty()
            && (fates.iter().all(|fate| *fate == Fate::Absent)
                || tokens.iter().all(|token| self.emitted.contains(&token.id)))
        {
            return;
        }
        if !fates.contains(&Fate::Open) {
            return self.line(choice, line);
        }
        let partner = tokens.iter().find_map(|token| other.token(self.fates.twin(token.id)));
        let partner: Vec<usize> = partner.map(|partner| other.line_of(partner)).into_iter().collect();
        let is_done =
            partner.iter().flat_map(|line| other.tokens_of(*line)).any(|token| self.emitted.contains(&token.id));
        if !is_done {
            let lines = if choice == Choice::Ours { (vec![line], partner) } else { (partner, vec![line]) };
            self.conflict(side.line_name(line), lines);
        }
    }

    /// Has the user's decision take one side's lines, or marks both.
    fn decide(&mut self, name: String, kind: ConflictKind, (ours, theirs): (Vec<usize>, Vec<usize>)) {
        match self.decisions.of(&name) {
            Some(Choice::Ours) => ours.into_iter().for_each(|line| self.line(Choice::Ours, line)),
            Some(Choice::Theirs) => theirs.into_iter().for_each(|line| self.line(Choice::Theirs, line)),
            None => {
                self.conflicts.push(Conflict { name: name.clone(), kind });
                self.conflict(name, (ours, theirs));
            }
        }
    }

    fn conflict(&mut self, name: String, (ours, theirs): (Vec<usize>, Vec<usize>)) {
        for (choice, lines) in [(Choice::Ours, &ours), (Choice::Theirs, &theirs)] {
            let tokens = lines.iter().flat_map(|line| self.three.side(choice).tokens_of(*line));
            self.emitted.extend(tokens.map(|token| token.id));
        }
        self.out.push(Piece::Conflict { name, ours, theirs });
    }

    fn line(&mut self, choice: Choice, line: usize) {
        let side = self.three.side(choice);
        for token in side.tokens_of(line) {
            self.emitted.insert(token.id);
            if let Some(path) = side.path(token) {
                self.last_path.clone_from(&path.0);
            }
        }
        self.out.push(Piece::Line(choice, line));
    }
}

/// Writes what was woven.
struct Writer<'w, 'f> {
    three: &'w Three<'f>,
    fates: &'w Fates,
    markers: Markers,
    newline: &'static str,
}

impl Writer<'_, '_> {
    fn write(&self, pieces: &[Piece], has_commas: bool) -> String {
        let mut out = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Conflict { name, ours, theirs } => {
                    self.end_line(&mut out);
                    self.mark(&mut out, '<', &format!(" ours: {}", name.escape_debug()));
                    self.lines(&mut out, Choice::Ours, ours);
                    self.mark(&mut out, '=', "");
                    self.lines(&mut out, Choice::Theirs, theirs);
                    self.mark(&mut out, '>', &format!(" theirs: {}", name.escape_debug()));
                }
                Piece::Line(choice, line) => {
                    let side = self.three.side(*choice);
                    let end = &side.lines[*line].end;
                    let text = side.write(*line, |token| self.spelling(token.id, *choice));
                    self.end_line(&mut out);
                    out.push_str(&text);
                    if has_commas && self.wants_comma(&text, &pieces[index + 1..], end.has_comma) {
                        out.push(',');
                    }
                    out.push_str(end.span.of(side.text));
                }
            }
        }
        out
    }

    fn lines(&self, out: &mut String, choice: Choice, lines: &[usize]) {
        let side = self.three.side(choice);
        for line in lines {
            let end = &side.lines[*line].end;
            out.push_str(&side.write(*line, |token| side.spelling(token).to_owned()));
            out.push_str(if end.has_comma { "," } else { "" });
            out.push_str(end.span.of(side.text));
            self.end_line(out);
        }
    }

    /// Tells whether a comma must stand behind an entry of a JSON document.
    fn wants_comma(&self, text: &str, behind: &[Piece], had_comma: bool) -> bool {
        if text.trim().is_empty() {
            return had_comma;
        }
        let next = behind.iter().find_map(|piece| match piece {
            Piece::Conflict { .. } => Some("\"".to_owned()),
            Piece::Line(choice, line) => {
                let side = self.three.side(*choice);
                let text = side.lines[*line].span.of(side.text).trim();
                (!text.is_empty()).then(|| text.to_owned())
            }
        });
        let opens = text.trim_end().ends_with(['{', '[', ':', ',']);
        next.is_some_and(|next| !opens && !next.starts_with(['}', ']', ',', ':']))
    }

    fn spelling(&self, id: LeafId, written: Choice) -> String {
        let choice = if let Fate::Present(choice) = self.fates.of(id) { choice } else { written };
        let token = |choice: Choice| {
            let side = self.three.side(choice);
            side.token(id).map(|token| side.spelling(token).to_owned())
        };
        token(choice).or_else(|| token(written)).unwrap_or_default()
    }

    fn end_line(&self, out: &mut String) {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push_str(self.newline);
        }
    }

    fn mark(&self, out: &mut String, sign: char, label: &str) {
        out.extend(std::iter::repeat_n(sign, self.markers.size));
        out.push_str(label);
        out.push_str(self.newline);
    }
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}
