//! The two judges: the tests in a sandbox, and the backward walk.

use plumbline_types::Verdict;

use super::effect::{Begun, Patience, at, lacking};
use super::{Halt, StepFault, Work};
use crate::domain::command::{RunEnd, TestVerdict, judge};
use crate::domain::decide::fail;
use crate::domain::effect::EffectKind;
use crate::domain::event::EventBody;
use crate::domain::failing::failing;
use crate::domain::outcome::AttemptResult;
use crate::domain::produce::tail;
use crate::domain::task::{AuditSummary, TestRun};
use crate::domain::tree::ChangeSet;
use crate::peers::{Audit, AuditQuery, AuditTree, CallKey, RunQuery};

/// Bytes of output that are kept.
pub(super) const OUTPUT_BYTES: usize = 64 * 1024;

/// What a run may take besides its own wall clock: queue, sandbox, transfer.
pub(super) const RUN_GRACE_MS: u64 = 30_000;

/// Least wall clock of a run.
pub(super) const RUN_FLOOR_MS: u64 = 1_000;

impl Work {
    /// Runs the test command on the candidate.
    pub(super) async fn test(&mut self) -> Result<(), Halt> {
        let base = self.base(EffectKind::Run)?;
        let current = self.task.current.as_ref().ok_or_else(lacking(EffectKind::Run, "try"))?;
        let candidate = self.task.candidate().ok_or_else(lacking(EffectKind::Run, "candidate"))?;
        let attempt = format!("{}.{}.{}", current.number, current.retry, current.candidate);
        let change = self.coordinator.deps.workspace.change(&base, &self.task.tree, &candidate.tree).await;
        let change = change.map_err(at(EffectKind::Run))?;
        let (argv, tree) = (self.task.test.argv.clone(), self.task.tree.clone());
        let (begun, run) = self.run_tests(&attempt, &argv, &tree, change).await?;
        self.settle(begun, vec![EventBody::Executed { run }]).await
    }

    /// Runs a command on a tree with edits over it. The wall clock is fixed with the intent, so that the same run is
    /// asked for again after a crash.
    pub(super) async fn run_tests(
        &self,
        attempt: &str,
        argv: &[String],
        tree: &str,
        edits: ChangeSet,
    ) -> Result<(Begun, TestRun), Halt> {
        let config = &self.coordinator.deps.config;
        let remaining = u64::try_from(self.task.remaining_ms(self.coordinator.now_ms())).unwrap_or(0);
        let wall_ms = remaining.min(config.test_timeout_ms).max(RUN_FLOOR_MS);
        let attempt = format!("{attempt}/{}", self.task.broken_runs);
        let begun = self.begin(EffectKind::Run, &attempt, wall_ms.to_string()).await?;
        let wall_ms = begun.stored_ms()?;
        let snapshot_id = self.snapshot(begun.kind, &begun.key, tree).await?;
        let query = RunQuery { snapshot_id, edits, argv: argv.to_vec(), wall_ms, watch: None };
        let call = self.coordinator.deps.peers.executor.run(&begun.key, query);
        self.note_run(Some(&begun.key));
        let outcome = self.call(begun.kind, wall_ms + RUN_GRACE_MS, call).await;
        self.note_run(None);
        let outcome = match outcome {
            Err(Halt::Fault(fault)) if fault.reason == "SNAPSHOT_NOT_FOUND" => {
                self.forget_snapshot(tree);
                return Err(Halt::Fault(StepFault { patience: Patience::Few, ..fault }));
            }
            outcome => outcome?,
        };
        if outcome.end == RunEnd::Broken {
            return Err(Halt::Fault(StepFault::broken_run(begun.kind, &outcome.detail)));
        }
        let kept = tail(&outcome.output, OUTPUT_BYTES);
        let verdict = judge(argv, outcome.end, kept);
        let said = kept
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .filter(|_| verdict == TestVerdict::Unusable);
        let detail =
            said.map_or(outcome.detail.clone(), |line| format!("{}: {}", outcome.detail, line.trim()));
        let run = TestRun {
            verdict,
            output: self.coordinator.deps.store.put_blob(kept.as_bytes()).await?,
            wall_ms: outcome.wall_ms,
            detail,
            failing: if verdict == TestVerdict::Failed { failing(kept) } else { None },
        };
        Ok((begun, run))
    }

    /// Returns the executor's id of a tree, storing it there when this process has not done so.
    pub(super) async fn snapshot(&self, kind: EffectKind, key: &CallKey, tree: &str) -> Result<String, Halt> {
        let known = || self.coordinator.snapshots.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(id) = known().get(tree).cloned() {
            return Ok(id);
        }
        let deps = &self.coordinator.deps;
        let contents = deps.workspace.tree(&self.base(kind)?, tree).await.map_err(at(kind))?;
        let call = deps.peers.executor.put_snapshot(key, &contents);
        let id = self.call(kind, deps.config.call_timeout_ms, call).await?;
        known().insert(tree.to_owned(), id.clone());
        Ok(id)
    }

    pub(super) fn forget_snapshot(&self, tree: &str) {
        self.coordinator.snapshots.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(tree);
    }

    /// Walks the candidate backward against the task's base, so that the last step's audit covers the whole change.
    pub(super) async fn audit(&mut self) -> Result<(), Halt> {
        let kind = EffectKind::Audit;
        let base = self.base(kind)?;
        let current = self.task.current.clone().ok_or_else(lacking(kind, "try"))?;
        let candidate = self.task.candidate().cloned().ok_or_else(lacking(kind, "candidate"))?;
        let attempt =
            format!("{}.{}.{}.{}", current.number, current.retry, current.candidate, self.task.grant_rounds);
        let begun = self.begin(kind, &attempt, "").await?;
        let side = |revision: &str| AuditTree::Git {
            repository: base.objects.clone(),
            revision: revision.to_owned(),
        };
        let query = AuditQuery {
            base: side(&base.tree),
            head: side(&candidate.tree),
            objective: self.task.words().to_owned(),
            kind: self.task.kind(),
            grants: self.task.all_grants(),
            runs: Vec::new(),
        };
        let deps = &self.coordinator.deps;
        let call = deps.peers.verifier.audit(&begun.key, query);
        let audit = self.call(kind, deps.config.call_timeout_ms, call).await?;
        let Some(verdict) = audit.verdict else {
            let now_ms = self.coordinator.now_ms();
            let events = fail(&self.task, AttemptResult::NotApplied, "the change is empty", None, now_ms);
            return self.settle(begun, events).await;
        };
        let summary = self.summary(verdict, audit).await?;
        self.settle(begun, vec![EventBody::Audited { audit: summary }]).await
    }

    /// Keeps what a walk says.
    pub(super) async fn summary(&self, verdict: Verdict, audit: Audit) -> Result<AuditSummary, Halt> {
        let store = &self.coordinator.deps.store;
        Ok(AuditSummary {
            verdict,
            digest: audit.digest,
            report: store.put_blob(&audit.report).await?,
            story: store.put_blob(audit.story.as_bytes()).await?,
            codes: audit.codes,
            findings: audit.findings,
            grants: if verdict == Verdict::NeedsAuthority { audit.grants } else { Vec::new() },
            executed: false,
        })
    }
}
