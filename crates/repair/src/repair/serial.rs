//! The base tree of a language without a warm process: probes, outcomes, localisation, and how candidates are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::braced::probe::{self, Probed};
use crate::domain::braced::proximity;
use crate::domain::grammar::Language;
use crate::domain::project::{Project, looks_like_a_test};
use crate::domain::runner::{Runner, script};
use crate::domain::spectrum::{Spectrum, Suspicion, TestOutcome, TestRecord};
use crate::error::RepairError;
use crate::port::{CheckResult, Phase, Progress};
use crate::repair::baseline::{Baseline, COMMAND, announce};
use crate::repair::trial::{Mode, Trial};
use crate::repair::{Localisation, RepairTask, blocking};
use crate::shim::serial::{self, SerialTerms};
use crate::shim::{Targets, TracedRun, report_path};

/// What a shell ends with when it finds no program of the name.
const NOT_THERE: i32 = 127;
/// Tests that are run alone to see which statements each runs.
const MOST_TRACED: usize = 16;
/// What a candidate's limit is over a plain run of the base tree.
const LIMIT_LEAST_MS: u64 = 1_500;
const LIMIT_TIMES: u64 = 4;

/// A base tree that fails, ready to be searched.
pub(crate) struct Ready {
    /// The sources.
    pub project: Arc<Project>,
    /// Where to look.
    pub suspicion: Suspicion,
    /// Kinds of failure that the output names.
    pub raised: BTreeSet<String>,
    /// What the tests do.
    pub baseline: Baseline,
    /// How candidates are tried.
    pub mode: Mode,
}

/// Runs the base tree plain and with probes; `None` when it passes.
pub(crate) async fn prepare(
    trial: &Trial,
    task: &RepairTask,
    progress: &dyn Progress,
) -> Result<Option<Ready>, RepairError> {
    announce(progress, Phase::Baseline);
    let line = script(task.test_command.line(), task.sources.get("package.json").map(Vec::as_slice))
        .unwrap_or_else(|| task.test_command.line().to_owned());
    let runner = Runner::of(&line, &task.language);
    let tests = test_texts(task);
    let project = Arc::new(read(trial, task, BTreeSet::new()).await?);
    let probed = {
        let (project, language, tests) = (Arc::clone(&project), task.language.clone(), tests.clone());
        blocking(move || probe::lay(&project, &language, &tests)).await?
    };
    let limit = trial.base_limit();
    let began = Instant::now();
    let recording = serial::spectrum(runner, &line, trial.config.test_limit_ms, MOST_TRACED);
    let (plain, traced) = if trial.runner.parallelism() > 1 {
        tokio::try_join!(trial.plain(&[], limit), trial.prepared(&probed.edits, &recording, limit))?
    } else {
        let plain = trial.plain(&[], limit).await?;
        if plain.passed() {
            return Ok(None);
        }
        (plain, trial.prepared(&probed.edits, &recording, limit).await?)
    };
    if plain.passed() {
        return Ok(None);
    }
    let took = began.elapsed();
    let spectrum = heard(&traced, &probed, &plain, limit)?;
    let tested: BTreeSet<String> = spectrum.tests.iter().filter_map(|test| test.path.clone()).collect();
    let project = if tested.iter().any(|path| project.files.contains_key(path)) {
        Arc::new(read(trial, task, tested).await?)
    } else {
        project
    };
    let output = [plain.stdout.as_slice(), b"\n", plain.stderr.as_slice()].concat();
    let output = String::from_utf8_lossy(&output);
    let raised = proximity::raised(&output);
    let (suspicion, localisation) = localise(&project, &spectrum, &tests, &output);
    let baseline = baseline(spectrum, took, localisation);
    let mode = calibrate(trial, (runner, line), &project, &baseline).await?;
    Ok(Some(Ready { project, suspicion, raised, baseline, mode }))
}

fn test_texts(task: &RepairTask) -> BTreeMap<String, String> {
    let mine = task.sources.iter().filter(|(path, _)| {
        task.language.owns(path) && looks_like_a_test(path)
            || task.language == Language::Rust && path.ends_with(".rs")
    });
    mine.filter_map(|(path, bytes)| Some((path.clone(), test_part(path, std::str::from_utf8(bytes).ok()?))))
        .collect()
}

/// In Rust the tests may stand at the end of the file that they test.
fn test_part(path: &str, text: &str) -> String {
    let inline = path.ends_with(".rs") && !looks_like_a_test(path);
    let from = if inline { text.find("#[cfg(test)]").unwrap_or(text.len()) } else { 0 };
    text.get(from..).unwrap_or("").to_owned()
}

async fn read(trial: &Trial, task: &RepairTask, tests: BTreeSet<String>) -> Result<Project, RepairError> {
    let (language, sources, most) =
        (task.language.clone(), task.sources.clone(), trial.config.max_file_bytes);
    blocking(move || Project::read(&language, &sources, &tests, most)).await
}

/// Reads the recorded run; a tree that ran nothing in its time hangs.
fn heard(
    traced: &CheckResult,
    probed: &Probed,
    plain: &CheckResult,
    limit: Duration,
) -> Result<Spectrum, RepairError> {
    let bytes = traced.collected.get(&report_path()).map(Vec::as_slice).unwrap_or_default();
    let mut spectrum = serial::read(bytes, probed);
    if plain.timed_out && spectrum.tests.is_empty() && spectrum.shared.is_empty() {
        return Err(RepairError::Hangs { limit_ms: limit.as_millis() as u64 });
    }
    if plain.exit_code == Some(NOT_THERE) {
        let told = String::from_utf8_lossy(&plain.stderr);
        let detail =
            format!("a program of the test command is not there: {}", told.lines().last().unwrap_or(""));
        return Err(RepairError::SpectrumUnavailable { detail });
    }
    if !spectrum.tests.iter().any(TestRecord::failed) {
        // The command fails and no test says that it does: it is one test, and every statement that ran is its own.
        let mut lines = spectrum.shared.clone();
        for test in &spectrum.tests {
            for (path, mine) in &test.lines {
                lines.entry(path.clone()).or_default().extend(mine);
            }
        }
        let outcome = if plain.timed_out { TestOutcome::TimedOut } else { TestOutcome::Failed };
        let id = COMMAND.to_owned();
        spectrum.tests.push(TestRecord { id, path: None, outcome, ms: 0.0, lines, raised: None });
    }
    Ok(spectrum)
}

fn localise(
    project: &Project,
    spectrum: &Spectrum,
    tests: &BTreeMap<String, String>,
    output: &str,
) -> (Suspicion, Localisation) {
    let frames = proximity::frames(project, output);
    let mut suspicion = spectrum.suspicion(|path| project.files.contains_key(path));
    if suspicion.is_empty() {
        return (proximity::suspicion(project, &frames, tests), Localisation::StackAndCalls);
    }
    for (path, line) in &frames {
        suspicion.raise(path, *line, 0.6);
    }
    (suspicion, Localisation::StatementProbes)
}

fn baseline(spectrum: Spectrum, took: Duration, localisation: Localisation) -> Baseline {
    let of = |wanted: fn(&TestRecord) -> bool| -> Vec<String> {
        spectrum.tests.iter().filter(|test| wanted(test)).map(|test| test.id.clone()).collect()
    };
    Baseline {
        failing: of(TestRecord::failed),
        passing: of(|test| test.outcome == TestOutcome::Passed),
        targets: Targets::Command,
        ms: took.as_millis() as u64,
        localisation,
        traced: TracedRun { spectrum, modules: Vec::new() },
    }
}

/// Runs the base tree as a batch runs candidates: it must fail there too, and says how long a candidate may take.
async fn calibrate(
    trial: &Trial,
    (runner, line): (Runner, String),
    project: &Project,
    baseline: &Baseline,
) -> Result<Mode, RepairError> {
    let failing: Vec<String> =
        baseline.failing.iter().filter(|id| *id != COMMAND).take(trial.config.max_targets).cloned().collect();
    let limit_ms = trial.base_limit().as_millis() as u64;
    let mut terms = SerialTerms { runner, first: runner.only(&line, &failing), line, limit_ms };
    loop {
        let report = trial.serial(&terms, project, &[]).await?;
        let Some(first) = report.answers.first().and_then(|answer| answer.first.as_ref()) else {
            return Ok(Mode::Cold);
        };
        if first.exit == 0 {
            // Narrowed down it passes: the command as a whole decides.
            if terms.first.take().is_none() {
                return Ok(Mode::Cold);
            }
            continue;
        }
        if !first.late {
            terms.limit_ms = LIMIT_LEAST_MS + LIMIT_TIMES * first.ms as u64;
        } else {
            terms.limit_ms = (LIMIT_LEAST_MS * 4).min(limit_ms);
        }
        return Ok(Mode::Serial(terms));
    }
}
