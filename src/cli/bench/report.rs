//! What a run came to, and whether it is enough.

use serde::Serialize;
use serde_json::Value;

use crate::cli::output::{Column, Output, say};

/// Figures and what was wanted of them.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    bench: &'static str,
    figures: Vec<Value>,
    checks: Vec<Check>,
    #[serde(skip)]
    columns: &'static [Column],
}

/// One figure beside what it should be.
#[derive(Debug, Serialize)]
struct Check {
    what: String,
    measured: f64,
    wanted: Wanted,
    reached: bool,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

impl Report {
    pub(super) fn new(bench: &'static str, columns: &'static [Column]) -> Self {
        Self { bench, figures: Vec::new(), checks: Vec::new(), columns }
    }

    /// Adds a line to the table.
    pub(super) fn figures(&mut self, figures: Value) {
        self.figures.push(figures);
    }

    /// Compares a figure with what it should be.
    pub(super) fn check(&mut self, what: impl Into<String>, measured: f64, wanted: Wanted) {
        let reached = match wanted {
            Wanted::AtLeast(least) => measured >= least,
            Wanted::AtMost(most) => measured <= most,
        };
        self.checks.push(Check { what: what.into(), measured: rounded(measured), wanted, reached });
    }

    pub(super) fn print(&self, output: Output) {
        if output.json {
            return output.one(&serde_json::to_value(self).unwrap_or_default());
        }
        output.list(&Value::Array(self.figures.clone()), self.columns, "nothing was measured");
        say("");
        for Check { what, measured, wanted, reached } in &self.checks {
            let verdict = if *reached { "PASS        " } else { "below target" };
            let wanted = match wanted {
                Wanted::AtLeast(least) => format!("at least {least}"),
                Wanted::AtMost(most) => format!("at most {most}"),
            };
            say(&format!("{verdict}  {what}: {measured} ({wanted})"));
        }
    }
}

/// Returns the value in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Keeps three digits: more would be noise.
pub(super) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the number of digits of a number")]
    let digits = value.abs().log10().floor() as i32;
    let unit = 10_f64.powi((2 - digits).max(0));
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_value_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]).to_string(), "2");
        assert!(median([]).is_nan());
    }

    #[test]
    fn three_digits_are_kept_and_whole_numbers_are_whole() {
        assert_eq!(rounded(0.123_45).to_string(), "0.123");
        assert_eq!(rounded(17.777).to_string(), "17.8");
        assert_eq!(rounded(31_416.2).to_string(), "31416");
    }

    #[test]
    fn a_figure_reaches_what_is_wanted_or_does_not() {
        let mut report = Report::new("x", &[]);
        report.check("fast", 2.0, Wanted::AtLeast(1.5));
        report.check("small", 2.0, Wanted::AtMost(1.5));
        let reached: Vec<_> = report.checks.iter().map(|check| check.reached).collect();
        assert_eq!(reached, [true, false]);
    }
}
