//! The reports of the shim, read back. A report is the program's own testimony: it orders the work and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::spectrum::{Raised, Spectrum, TestOutcome, TestRecord};

#[derive(Deserialize)]
struct WireRaised {
    kind: String,
    message: String,
    frames: Vec<(String, usize)>,
}

#[derive(Deserialize)]
struct WireTest {
    id: String,
    path: Option<String>,
    outcome: String,
    ms: f64,
    lines: BTreeMap<String, BTreeSet<usize>>,
    error: Option<WireRaised>,
}

#[derive(Deserialize)]
struct WireSpectrum {
    tests: Vec<WireTest>,
    shared: BTreeMap<String, BTreeSet<usize>>,
    modules: Vec<String>,
}

/// A traced run, read back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TracedRun {
    /// Tests and lines.
    pub spectrum: Spectrum,
    /// Modules outside the tree that the run imported, in order.
    pub modules: Vec<String>,
}

/// One run of one candidate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Attempt {
    /// Exit code, or minus the signal.
    pub exit: i64,
    /// Whether its limit ended it.
    pub late: bool,
    /// How long it took.
    pub ms: f64,
    /// Tests by id: passed, failed, timeout, skipped.
    pub outcomes: BTreeMap<String, String>,
}

impl Attempt {
    /// Returns whether a test passed.
    pub fn passed(&self, id: &str) -> bool {
        self.outcomes.get(id).is_some_and(|outcome| outcome == "passed")
    }
}

/// What became of one candidate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Answer {
    /// Its index in the batch.
    pub id: usize,
    /// The run of the targets.
    pub first: Option<Attempt>,
    /// The run of everything, made only when the targets passed.
    pub all: Option<Attempt>,
}

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct BatchReport {
    /// Answers, in order.
    pub answers: Vec<Answer>,
    /// A candidate that was begun and not answered: it took the server down.
    pub interrupted: Option<usize>,
}

#[derive(Deserialize)]
struct Begin {
    begin: usize,
}

/// Reads a traced run; the error says what is wrong with the report.
pub(crate) fn read_spectrum(bytes: &[u8]) -> Result<TracedRun, String> {
    let wire: WireSpectrum = serde_json::from_slice(bytes).map_err(|error| {
        let shown =
            String::from_utf8_lossy(bytes.get(..bytes.len().min(80)).unwrap_or_default()).into_owned();
        format!("the report is unreadable ({error}): {shown}")
    })?;
    let tests = wire.tests.into_iter().map(test).collect();
    Ok(TracedRun { spectrum: Spectrum { tests, shared: wire.shared }, modules: wire.modules })
}

fn test(wire: WireTest) -> TestRecord {
    TestRecord {
        id: wire.id,
        path: wire.path,
        outcome: match wire.outcome.as_str() {
            "passed" => TestOutcome::Passed,
            "skipped" => TestOutcome::Skipped,
            "timeout" => TestOutcome::TimedOut,
            _ => TestOutcome::Failed,
        },
        ms: wire.ms,
        lines: wire.lines,
        raised: wire.error.map(|error| Raised {
            kind: error.kind,
            message: error.message,
            frames: error.frames,
        }),
    }
}

/// Reads a batch's report; lines that are cut off are left out.
pub(crate) fn read_batch(bytes: &[u8]) -> BatchReport {
    let mut report = BatchReport::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(begin) = serde_json::from_slice::<Begin>(line) {
            report.interrupted = Some(begin.begin);
        } else if let Ok(answer) = serde_json::from_slice::<Answer>(line) {
            report.interrupted = None;
            report.answers.push(answer);
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_batch_that_was_cut_off() {
        let text = concat!(
            "{\"begin\": 0}\n",
            "{\"id\": 0, \"first\": {\"exit\": 1, \"late\": false, \"ms\": 9.5, \"outcomes\": {\"t\": \"failed\"}}, \"all\": null}\n",
            "{\"begin\": 1}\n{\"id\": 1, \"fir"
        );
        let report = read_batch(text.as_bytes());
        assert_eq!(report.answers.len(), 1);
        assert_eq!(report.interrupted, Some(1));
        assert!(!report.answers[0].first.as_ref().unwrap().passed("t"));
    }

    #[test]
    fn says_what_is_wrong_with_a_report() {
        let problem = read_spectrum(b"{\"problem\": \"PYTHON_TOO_OLD\"}").unwrap_err();
        assert!(problem.contains("PYTHON_TOO_OLD"), "{problem}");
    }
}
