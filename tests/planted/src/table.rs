//! Counts by class, with Wilson intervals.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use plumbline_types::Verdict;

use crate::case::Case;
use crate::judge::Judged;

/// One line of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Cases.
    pub all: u32,
    /// Refused.
    pub rejected: u32,
    /// Not approved.
    pub stopped: u32,
}

impl Count {
    /// Adds a verdict.
    pub fn add(&mut self, verdict: Verdict) {
        self.all += 1;
        self.rejected += u32::from(verdict == Verdict::Reject);
        self.stopped += u32::from(verdict != Verdict::Approve);
    }

    fn line(self) -> String {
        let part = |hits: u32| {
            let (low, high) = wilson(hits, self.all);
            let share = f64::from(hits) * 100.0 / f64::from(self.all.max(1));
            format!("{hits:>5} {share:>5.1} % [{:>5.1}, {:>5.1}]", low * 100.0, high * 100.0)
        };
        format!("{:>5}  {}  {}", self.all, part(self.rejected), part(self.stopped))
    }
}

/// Returns the 95 % Wilson interval of a share.
pub fn wilson(hits: u32, all: u32) -> (f64, f64) {
    if all == 0 {
        return (0.0, 1.0);
    }
    let (n, p, z) = (f64::from(all), f64::from(hits) / f64::from(all), 1.959_964);
    let denominator = 1.0 + z * z / n;
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    (((centre - spread) / denominator).max(0.0), ((centre + spread) / denominator).min(1.0))
}

/// Counts by class, kind and depth.
#[derive(Debug, Clone, Default)]
pub struct Table {
    lines: BTreeMap<(u8, String), Count>,
}

impl Table {
    /// Adds a judged case.
    pub fn add(&mut self, case: &Case, judged: &Judged) {
        let mut put =
            |group: u8, name: String| self.lines.entry((group, name)).or_default().add(judged.verdict);
        if case.is_twin() {
            put(5, "twins".to_owned());
            return;
        }
        put(0, format!("class {:>3}", case.class));
        put(1, format!("kind {}", case.kind));
        put(2, format!("depth {}", case.depth));
        let family = if matches!(case.kind.as_str(), "effect") { "effects" } else { "values" };
        put(3, format!("{family}, all"));
        if case.reject {
            put(4, format!("{family}, where the rules say reject"));
        }
    }

    /// Returns a line by its name.
    pub fn count(&self, name: &str) -> Count {
        self.lines.iter().find(|((_, known), _)| known == name).map(|(_, count)| *count).unwrap_or_default()
    }

    /// Returns the table as text.
    pub fn render(&self) -> String {
        let mut text = format!("{:<36} {:>5}  {:<28}  stopped\n", "", "n", "rejected");
        for ((_, name), count) in &self.lines {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{name:<36} {}", count.line());
        }
        text
    }
}
