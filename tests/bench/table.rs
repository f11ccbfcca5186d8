//! The table that comes out: each row a figure of ours, one to compare with, and whether the target is reached.

use std::fmt::Write as _;
use std::time::Duration;

/// What a row demands of the ratio between ours and theirs.
#[derive(Clone, Copy)]
pub enum Target {
    /// Ours is at most so many times theirs.
    AtMost(f64),
    /// Nothing; for comparison only.
    Open,
    /// Theirs is at least so many times ours.
    Faster(f64),
}

/// One comparison.
pub struct Row {
    pub scenario: String,
    pub ours: Result<f64, String>,
    /// What it is compared with, by name.
    pub peer: String,
    pub theirs: Result<f64, String>,
    pub unit: Unit,
    pub target: Target,
}

/// What the figures of a row are.
#[derive(Clone, Copy)]
pub enum Unit {
    Megabytes,
    Seconds,
}

/// The rows so far; each is printed as soon as it is there.
#[derive(Default)]
pub struct Table {
    pub reached: usize,
    pub missed: usize,
    pub unmeasured: usize,
    /// What could not be run although it is there.
    pub broken: Vec<String>,
}

impl Table {
    /// Prints the head.
    pub fn begin() -> Self {
        println!("| scenario | ours | compared with | theirs | ratio | target | |");
        println!("|---|---:|---|---:|---:|---|---|");
        Self::default()
    }

    /// Adds the comparison of two times.
    pub fn times(&mut self, scenario: &str, ours: &Timed, peer: &str, theirs: &Timed, target: Target) {
        let seconds = |time: &Timed| time.as_ref().map(Duration::as_secs_f64).map_err(Clone::clone);
        self.add(&Row {
            scenario: scenario.to_owned(),
            ours: seconds(ours),
            peer: peer.to_owned(),
            theirs: seconds(theirs),
            unit: Unit::Seconds,
            target,
        });
    }

    /// Adds a row.
    pub fn add(&mut self, row: &Row) {
        let errors = [row.ours.as_ref().err(), row.theirs.as_ref().err()].into_iter().flatten();
        self.broken.extend(errors.filter(|error| !error.ends_with(NOT_INSTALLED)).cloned());
        let shown =
            |figure: &Result<f64, String>| figure.as_ref().map_or("—".to_owned(), |figure| row.unit.show(*figure));
        let target = match row.target {
            Target::AtMost(times) => format!("at most {times} ×"),
            Target::Faster(times) if times <= 1.0 => "at least as fast".to_owned(),
            Target::Faster(times) => format!("{times} × faster"),
            Target::Open => "—".to_owned(),
        };
        let (ratio, verdict) = match (&row.ours, &row.theirs) {
            (Ok(ours), Ok(theirs)) => {
                let (ratio, is_reached) = match row.target {
                    Target::AtMost(times) => (ours / theirs, ours / theirs <= times),
                    Target::Faster(times) => (theirs / ours, theirs / ours >= times),
                    Target::Open => (theirs / ours, true),
                };
                let is_open = matches!(row.target, Target::Open);
                self.reached += usize::from(is_reached && !is_open);
                self.missed += usize::from(!is_reached);
                let verdict = if is_open {
                    ""
                } else if is_reached {
                    "reached"
                } else {
                    "MISSED"
                };
                (significant(ratio), verdict.to_owned())
            }
            (Err(error), _) => {
                self.missed += 1;
                ("—".to_owned(), format!("MISSED: {error}"))
            }
            (_, Err(error)) => {
                self.unmeasured += 1;
                ("—".to_owned(), format!("not measured: {error}"))
            }
        };
        let mut line = String::new();
        for cell in [&row.scenario, &shown(&row.ours), &row.peer, &shown(&row.theirs), &ratio, &target, &verdict] {
            let _ = write!(line, "| {} ", cell.replace('|', "\\|"));
        }
        println!("{line}|");
    }
}

/// A time, or why there is none.
pub type Timed = Result<Duration, String>;

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Megabytes => format!("{} MB", significant(figure)),
            Self::Seconds if figure < 0.001 => format!("{} µs", significant(figure * 1e6)),
            Self::Seconds if figure < 1.0 => format!("{} ms", significant(figure * 1e3)),
            Self::Seconds => format!("{} s", significant(figure)),
        }
    }
}

/// Returns a figure with three digits that count.
fn significant(figure: f64) -> String {
    match figure {
        _ if figure >= 100.0 => format!("{figure:.0}"),
        _ if figure >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// How the message ends for a peer that is not there.
pub const NOT_INSTALLED: &str = " is not installed";
