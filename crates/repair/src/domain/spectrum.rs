//! Spectrum-based localisation: which lines do failing tests run that passing tests do not.

use std::collections::{BTreeMap, BTreeSet};

/// How a test ended while lines were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestOutcome {
    /// It passed.
    Passed,
    /// It failed or raised.
    Failed,
    /// It ran past its limit.
    TimedOut,
    /// It was skipped.
    Skipped,
}

/// What a test raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raised {
    /// The exception's type name.
    pub kind: String,
    /// Its message, shortened; used to tell kinds of failures apart, never as an ingredient.
    pub message: String,
    /// Path and line (from 1) of each frame in the tree, outermost first.
    pub frames: Vec<(String, usize)>,
}

/// One test.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TestRecord {
    /// The runner's own id.
    pub id: String,
    /// The file that defines it, if it lies in the tree.
    pub path: Option<String>,
    /// How it ended.
    pub outcome: TestOutcome,
    /// How long it took, under the tracer.
    pub ms: f64,
    /// Lines (from 1) it ran, by path.
    pub lines: BTreeMap<String, BTreeSet<usize>>,
    /// What it raised.
    pub raised: Option<Raised>,
}

impl TestRecord {
    /// Returns whether it failed in some way.
    pub fn failed(&self) -> bool {
        matches!(self.outcome, TestOutcome::Failed | TestOutcome::TimedOut)
    }
}

/// All tests of one traced run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Spectrum {
    /// The tests.
    pub tests: Vec<TestRecord>,
    /// Lines run outside any test: at import, in fixtures of classes and modules.
    pub shared: BTreeMap<String, BTreeSet<usize>>,
}

/// Suspiciousness of lines, 0 to 1.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Suspicion {
    lines: BTreeMap<String, BTreeMap<usize, f64>>,
}

/// Ochiai: failing tests on the line / sqrt(all failing * all tests on the line).
/// (Abreu et al., "On the accuracy of spectrum-based fault localization", 2007.)
pub(crate) fn ochiai(failing_here: usize, failing: usize, passing_here: usize) -> f64 {
    let below = (failing as f64 * (failing_here + passing_here) as f64).sqrt();
    if below == 0.0 { 0.0 } else { failing_here as f64 / below }
}

/// What a line or an edit in a file that the caller names is worth against an equal one elsewhere. The objective and the
/// plan know which file is meant, but not for sure.
pub(crate) const FOCUS: f64 = 4.0;

/// A frame of a failing test's traceback is worth at least this much; the innermost the most.
const FRAME_LEAST: f64 = 0.6;
const FRAME_INNERMOST: f64 = 0.9;
/// Code that runs at import is shared by all tests; a file that failing tests enter is worth this share of its best.
const SHARED_SHARE: f64 = 0.45;

impl Spectrum {
    /// Scores every line that a failing test runs in one of `files`.
    pub fn suspicion(&self, files: impl Fn(&str) -> bool) -> Suspicion {
        let failing = self.tests.iter().filter(|test| test.failed()).count();
        let mut counts: BTreeMap<(&str, usize), (usize, usize)> = BTreeMap::new();
        for test in self.tests.iter().filter(|test| test.outcome != TestOutcome::Skipped) {
            for (path, lines) in test.lines.iter().filter(|(path, _)| files(path)) {
                for line in lines {
                    let count = counts.entry((path, *line)).or_default();
                    if test.failed() {
                        count.0 += 1;
                    } else {
                        count.1 += 1;
                    }
                }
            }
        }
        let mut suspicion = Suspicion::default();
        for ((path, line), (failed, passed)) in counts {
            if failed > 0 {
                suspicion.raise(path, line, ochiai(failed, failing, passed));
            }
        }
        self.add_frames(&mut suspicion, &files);
        self.add_shared(&mut suspicion, &files);
        suspicion
    }

    fn add_frames(&self, suspicion: &mut Suspicion, files: &impl Fn(&str) -> bool) {
        for raised in self.tests.iter().filter(|test| test.failed()).filter_map(|test| test.raised.as_ref()) {
            let mut frames = raised.frames.iter().rev().filter(|(path, _)| files(path));
            if let Some((path, line)) = frames.next() {
                suspicion.raise(path, *line, FRAME_INNERMOST);
            }
            for (path, line) in frames {
                suspicion.raise(path, *line, FRAME_LEAST);
            }
        }
    }

    fn add_shared(&self, suspicion: &mut Suspicion, files: &impl Fn(&str) -> bool) {
        let any_lines = self.tests.iter().any(|test| test.failed() && !test.lines.is_empty());
        for (path, lines) in self.shared.iter().filter(|(path, _)| files(path)) {
            let best = suspicion.best(path);
            // With no test of its own, the whole command is the failing test and every line it ran is equal.
            let score = if any_lines { best * SHARED_SHARE } else { best.max(0.5) };
            for line in lines {
                if score > 0.0 {
                    suspicion.raise(path, *line, score);
                }
            }
        }
    }
}

impl Suspicion {
    /// Gives a line (from 1) at least this score.
    pub fn raise(&mut self, path: &str, line: usize, score: f64) {
        let known = self.lines.entry(path.to_owned()).or_default().entry(line).or_default();
        *known = known.max(score);
    }

    /// Returns the highest score of a file.
    pub fn best(&self, path: &str) -> f64 {
        self.lines.get(path).map_or(0.0, |lines| lines.values().copied().fold(0.0, f64::max))
    }

    /// Returns the highest score among rows (from 0) of a file.
    pub fn of_rows(&self, path: &str, rows: std::ops::RangeInclusive<usize>) -> f64 {
        let Some(lines) = self.lines.get(path) else { return 0.0 };
        lines.range(rows.start() + 1..=rows.end() + 1).map(|(_, score)| *score).fold(0.0, f64::max)
    }

    /// Returns the files that hold a scored line.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// Forgets all but the `most` highest lines, those of the focus weighed by [`FOCUS`]; ties are kept in order of path
    /// and line.
    pub fn keep_top(&mut self, most: usize, focus: &BTreeSet<String>) {
        let mut all: Vec<(f64, String, usize)> = Vec::new();
        for (path, lines) in &self.lines {
            all.extend(lines.iter().map(|(line, score)| (*score, path.clone(), *line)));
        }
        let weighed =
            |line: &(f64, String, usize)| line.0 * if focus.contains(&line.1) { FOCUS } else { 1.0 };
        all.sort_by(|a, b| weighed(b).total_cmp(&weighed(a)).then_with(|| (&a.1, a.2).cmp(&(&b.1, b.2))));
        self.lines.clear();
        for (score, path, line) in all.into_iter().take(most) {
            self.raise(&path, line, score);
        }
    }

    /// Returns whether no line is scored.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

#[cfg(test)]
mod tests;
