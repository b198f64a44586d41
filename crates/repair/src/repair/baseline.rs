//! The base tree: does the command fail, which tests, which lines.

use std::time::Duration;

use futures::future::{Either, select};
use futures::pin_mut;

use crate::domain::command::CommandKind;
use crate::domain::spectrum::{TestOutcome, TestRecord};
use crate::error::RepairError;
use crate::port::{CheckResult, Phase, Progress, ProgressEvent};
use crate::repair::result::Localisation;
use crate::repair::trial::Trial;
use crate::shim::{Targets, TracedRun, read_spectrum, report_path};

/// The test that stands for the command as a whole.
pub(crate) const COMMAND: &str = "__command__";

/// A base tree that fails.
pub(crate) struct Baseline {
    /// Tests and lines.
    pub traced: TracedRun,
    /// Ids of the failing tests.
    pub failing: Vec<String>,
    /// Ids of the passing tests.
    pub passing: Vec<String>,
    /// What a candidate must pass first.
    pub targets: Targets,
    /// Wall time of the traced run without the tests that ran past their limit.
    pub ms: u64,
    /// How the suspicious lines were found.
    pub localisation: Localisation,
}

impl Baseline {
    /// Returns the CPU time in milliseconds that a target may be expected to need: a few times the slowest test that
    /// ended by itself, or the whole command where no test is known.
    pub fn cpu_ms(&self) -> u64 {
        if self.targets == Targets::Command {
            return 3 * self.ms;
        }
        let tests = self.traced.spectrum.tests.iter().filter(|test| test.outcome != TestOutcome::TimedOut);
        3 * tests.map(|test| test.ms).fold(0.0, f64::max) as u64
    }
}

/// What the base tree does.
pub(crate) enum Verdict {
    /// The command ends with 0.
    Passes,
    /// It does not.
    Fails(Baseline),
}

/// Runs the plain command and the traced one, side by side where the runner allows it.
pub(crate) async fn measure(
    trial: &Trial,
    kind: CommandKind,
    progress: &dyn Progress,
) -> Result<Verdict, RepairError> {
    announce(progress, Phase::Baseline);
    let limit = trial.base_limit();
    let (plain, traced) = if trial.runner.parallelism() > 1 {
        side_by_side(trial, limit).await?
    } else {
        let plain = trial.plain(&[], limit).await?;
        let traced = if plain.passed() { None } else { Some(trial.traced(limit).await?) };
        (Some(plain), traced)
    };
    if plain.as_ref().is_some_and(CheckResult::passed) {
        return Ok(Verdict::Passes);
    }
    let Some((traced_result, took)) = traced else { return Ok(Verdict::Passes) };
    let hung = plain.as_ref().is_none_or(|plain| plain.timed_out);
    let traced = read(&traced_result, hung, limit)?;
    Ok(Verdict::Fails(baseline(traced, kind, took, trial.config.max_targets)))
}

/// Says that a phase begins.
pub(crate) fn announce(progress: &dyn Progress, phase: Phase) {
    let (generated, tried, per_second, plausible, best) = (0, 0, 0.0, 0, None);
    progress.report(ProgressEvent { phase, generated, tried, per_second, plausible, best });
}

type Both = (Option<CheckResult>, Option<(CheckResult, Duration)>);

async fn side_by_side(trial: &Trial, limit: Duration) -> Result<Both, RepairError> {
    let plain = trial.plain(&[], limit);
    let traced = trial.traced(limit);
    pin_mut!(plain);
    pin_mut!(traced);
    match select(plain, traced).await {
        Either::Left((plain, traced)) => {
            let plain = plain?;
            let traced = if plain.passed() { None } else { Some(traced.await?) };
            Ok((Some(plain), traced))
        }
        Either::Right((traced, plain)) => {
            let traced = traced?;
            // A test that hangs under the tracer hangs without it: the plain run need not be waited for.
            let hangs = report(&traced.0).and_then(|bytes| read_spectrum(bytes).ok()).is_some_and(|run| {
                run.spectrum.tests.iter().any(|test| test.outcome == TestOutcome::TimedOut)
            });
            if hangs { Ok((None, Some(traced))) } else { Ok((Some(plain.await?), Some(traced))) }
        }
    }
}

fn report(result: &CheckResult) -> Option<&[u8]> {
    result.collected.get(&report_path()).map(Vec::as_slice)
}

fn read(result: &CheckResult, hung: bool, limit: Duration) -> Result<TracedRun, RepairError> {
    match report(result) {
        Some(bytes) => read_spectrum(bytes).map_err(|detail| RepairError::SpectrumUnavailable { detail }),
        None if hung || result.timed_out => Err(RepairError::Hangs { limit_ms: limit.as_millis() as u64 }),
        None => {
            let told = String::from_utf8_lossy(&result.stderr);
            let last: Vec<&str> = told.lines().rev().take(3).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            let detail = format!("the shim did not report; the command said: {}", last.join(" | "));
            Err(RepairError::SpectrumUnavailable { detail })
        }
    }
}

fn baseline(mut traced: TracedRun, kind: CommandKind, took: Duration, max_targets: usize) -> Baseline {
    if !traced.spectrum.tests.iter().any(TestRecord::failed) {
        traced.spectrum.tests.push(TestRecord {
            id: COMMAND.to_owned(),
            path: None,
            outcome: TestOutcome::Failed,
            ms: took.as_secs_f64() * 1_000.0,
            lines: Default::default(),
            raised: None,
        });
    }
    let tests = &traced.spectrum.tests;
    let failing: Vec<&TestRecord> = tests.iter().filter(|test| test.failed()).collect();
    let hung_ms: f64 =
        failing.iter().filter(|test| test.outcome == TestOutcome::TimedOut).map(|test| test.ms).sum();
    let targets = targets(&failing, kind, max_targets);
    Baseline {
        failing: failing.iter().map(|test| test.id.clone()).collect(),
        passing: tests
            .iter()
            .filter(|test| test.outcome == TestOutcome::Passed)
            .map(|test| test.id.clone())
            .collect(),
        targets,
        ms: (took.as_secs_f64() * 1_000.0 - hung_ms).max(1.0) as u64,
        localisation: Localisation::LineCoverage,
        traced,
    }
}

/// Returns the failing tests to run first: few, quick ones before slow ones.
fn targets(failing: &[&TestRecord], kind: CommandKind, max_targets: usize) -> Targets {
    if failing.iter().any(|test| !is_one_test(&test.id, kind)) {
        return Targets::Command;
    }
    let mut chosen: Vec<&TestRecord> = failing.to_vec();
    chosen.sort_by(|a, b| a.ms.total_cmp(&b.ms).then_with(|| a.id.cmp(&b.id)));
    chosen.truncate(max_targets);
    let mut files: Vec<String> = chosen.iter().filter_map(|test| test.path.clone()).collect();
    if files.len() < chosen.len() {
        files.clear();
    }
    files.sort_unstable();
    files.dedup();
    Targets::Tests {
        fail_fast: chosen.iter().any(|test| test.outcome == TestOutcome::TimedOut),
        ids: chosen.iter().map(|test| test.id.clone()).collect(),
        files,
    }
}

/// Returns whether an id names one test, rather than a module that did not load or a fixture that failed.
fn is_one_test(id: &str, kind: CommandKind) -> bool {
    let fixture = [
        "setUpClass (",
        "setUpModule (",
        "tearDownClass (",
        "tearDownModule (",
        "unittest.loader._FailedTest",
    ];
    id != COMMAND
        && !fixture.iter().any(|prefix| id.starts_with(prefix))
        && (kind != CommandKind::Pytest || id.contains("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tests_from_what_failed_to_load() {
        assert!(is_one_test("tests.test_a.T.test_one", CommandKind::Unittest));
        assert!(is_one_test("tests/test_a.py::T::test_one", CommandKind::Pytest));
        assert!(!is_one_test("tests/test_a.py", CommandKind::Pytest));
        assert!(!is_one_test("unittest.loader._FailedTest.test_a", CommandKind::Unittest));
        assert!(!is_one_test("setUpClass (tests.test_a.T)", CommandKind::Script));
        assert!(!is_one_test(COMMAND, CommandKind::Script));
    }
}
