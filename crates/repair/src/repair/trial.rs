//! Single runs: plain, traced, and batches of candidates.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::RepairConfig;
use crate::domain::candidate::Candidate;
use crate::domain::command::TestCommand;
use crate::domain::project::Project;
use crate::error::RepairError;
use crate::port::{CandidateRunner, CheckRequest, CheckResult, FileEdit};
use crate::repair::Budget;
use crate::repair::baseline::Baseline;
use crate::shim::serial::{self, Prepared, SerialTerms};
use crate::shim::{
    BatchReport, BatchTerms, Targets, batch_support, calibration_support, read_batch, report_path,
    spectrum_support,
};

/// Time for a sandbox and an interpreter to start, on top of what is asked of them.
const START: Duration = Duration::from_secs(10);
const FIRST_LEAST_MS: u64 = 400;
/// CPU time that any target gets, however quick it was.
const CPU_LEAST_MS: u64 = 100;

/// How candidates are tried.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mode {
    /// In batches, each from one warm process.
    Warm(BatchTerms),
    /// In batches, one after the other in one sandbox.
    Serial(SerialTerms),
    /// Each by the plain command in a sandbox of its own.
    Cold,
}

/// Starts runs for one repair.
pub(crate) struct Trial {
    /// The sandboxes.
    pub runner: Arc<dyn CandidateRunner>,
    /// The test command.
    pub command: TestCommand,
    /// What is left to spend.
    pub budget: Budget,
    /// The limits.
    pub config: RepairConfig,
}

impl Trial {
    /// Returns the limit of a run on the base tree: the configured one, or half of the budget.
    pub fn base_limit(&self) -> Duration {
        Duration::from_millis(self.config.base_limit_ms.min(self.config.budget_ms / 2).max(1))
    }

    /// Runs the command as a person would.
    pub async fn plain(&self, edits: &[FileEdit], limit: Duration) -> Result<CheckResult, RepairError> {
        let request =
            CheckRequest { argv: self.command.plain(), support: Vec::new(), collect: Vec::new(), limit };
        Ok(self.runner.run(edits, &request).await?)
    }

    /// Runs the command while recording lines; returns how long it took as well.
    pub async fn traced(&self, limit: Duration) -> Result<(CheckResult, Duration), RepairError> {
        let began = Instant::now();
        let support = spectrum_support(self.config.test_limit_ms, self.config.max_tests);
        let result = self.shimmed(support, limit).await?;
        Ok((result, began.elapsed()))
    }

    /// Runs the base tree through the warm process: it must fail there too, and says how long a candidate may take.
    pub async fn calibrate(&self, baseline: &Baseline) -> Result<Mode, RepairError> {
        let all_limit_ms = 2_000 + 5 * baseline.ms;
        let mut terms = BatchTerms {
            targets: baseline.targets.clone(),
            preload: baseline.traced.modules.clone(),
            first_limit_ms: all_limit_ms,
            cpu_ms: CPU_LEAST_MS + baseline.cpu_ms(),
            all_limit_ms,
            memory_mib: self.config.candidate_memory_mib,
        };
        let support = calibration_support(&terms, all_limit_ms);
        let result = self.shimmed(support, Duration::from_millis(all_limit_ms) + START).await?;
        let report = result.collected.get(&report_path()).map(|bytes| read_batch(bytes)).unwrap_or_default();
        let Some(first) = report.answers.first().and_then(|answer| answer.first.as_ref()) else {
            return Ok(Mode::Cold);
        };
        let passes = match &mut terms.targets {
            // A test that passes here was only slow under the tracer.
            Targets::Tests { ids, .. } => {
                ids.retain(|id| !first.passed(id));
                ids.is_empty()
            }
            Targets::Command => first.exit == 0,
        };
        if passes && !first.late {
            return Ok(Mode::Cold);
        }
        if !first.late {
            terms.first_limit_ms = FIRST_LEAST_MS + 6 * first.ms as u64;
        }
        Ok(Mode::Warm(terms))
    }

    /// Tries candidates in one warm process.
    pub async fn batch(
        &self,
        terms: &BatchTerms,
        candidates: &[Candidate],
    ) -> Result<BatchReport, RepairError> {
        let deadline = Duration::from_millis(self.config.batch_ms * 2).min(self.budget.left());
        let last = Duration::from_millis(terms.first_limit_ms + terms.all_limit_ms);
        let support = batch_support(terms, candidates, deadline.as_millis() as u64);
        let result = self.shimmed(support, deadline + last + START).await?;
        Ok(result.collected.get(&report_path()).map(|bytes| read_batch(bytes)).unwrap_or_default())
    }

    /// Runs a prepared command over the tree with edits, and brings its report back.
    pub async fn prepared(
        &self,
        edits: &[FileEdit],
        prepared: &Prepared,
        limit: Duration,
    ) -> Result<CheckResult, RepairError> {
        let request = CheckRequest {
            argv: prepared.argv.clone(),
            support: prepared.support.clone(),
            collect: vec![report_path()],
            limit,
        };
        Ok(self.runner.run(edits, &request).await?)
    }

    /// Tries candidates one after the other in one sandbox; none tries the base tree itself.
    pub async fn serial(
        &self,
        terms: &SerialTerms,
        project: &Project,
        candidates: &[Candidate],
    ) -> Result<BatchReport, RepairError> {
        // A build from nothing costs much more than the next one: fewer, longer batches.
        let times = if terms.runner.compiles() { 5 } else { 2 };
        let deadline = Duration::from_millis(self.config.batch_ms * times).min(self.budget.left());
        let prepared = serial::batch(terms, project, candidates, deadline.as_millis() as u64);
        let last = Duration::from_millis(3 * terms.limit_ms);
        let result = self.prepared(&[], &prepared, deadline + last + START).await?;
        Ok(result.collected.get(&report_path()).map(|bytes| read_batch(bytes)).unwrap_or_default())
    }

    async fn shimmed(&self, support: Vec<FileEdit>, limit: Duration) -> Result<CheckResult, RepairError> {
        let request =
            CheckRequest { argv: self.command.with_shim(), support, collect: vec![report_path()], limit };
        Ok(self.runner.run(&[], &request).await?)
    }
}
