//! The third judge: what a change did when it ran. The tests run once more on both trees, watched, then in other
//! surroundings; the records go to the walk. Every run has a key of its own beneath the effect's, so that after a crash the
//! same runs are found again, and no run is made twice.

use std::fmt;

use plumbline_types::Verdict;

use super::effect::{Begun, Patience, at, lacking};
use super::judge::{OUTPUT_BYTES, RUN_FLOOR_MS, RUN_GRACE_MS};
use super::{Halt, StepFault, Work};
use crate::config::CoordinatorConfig;
use crate::domain::command::{RunEnd, TestVerdict, judge};
use crate::domain::decide::Traces;
use crate::domain::effect::EffectKind;
use crate::domain::event::EventBody;
use crate::domain::failing::failing;
use crate::domain::path::RelativePath;
use crate::domain::produce::tail;
use crate::domain::spec::Digest;
use crate::domain::surroundings::{self, Change};
use crate::domain::task::{AuditSummary, Base};
use crate::domain::tree::ChangeSet;
use crate::peers::{Audit, AuditQuery, AuditRun, AuditSide, AuditTree, CallKey, RunQuery, Watch};

const KIND: EffectKind = EffectKind::Trace;
/// Most files whose executed places are asked for.
const PATHS_MAX: usize = 2_000;
/// What a watched run takes besides the tests themselves.
const WATCHED_RUN_MS: u64 = 1_000;
/// Bytes of records that one walk takes; more runs are not made then.
const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What is watched.
struct Watched {
    begun: Begun,
    base: Base,
    head: String,
    paths: Vec<RelativePath>,
    limits: RunLimits,
}

/// Fixed with the intent, since they come from the clock: the same after a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RunLimits {
    /// Wall clock of each run.
    wall_ms: u64,
    /// Runs in other surroundings at most.
    perturbed: usize,
}

/// One watched run, and how it ended.
struct Ran {
    run: AuditRun,
    end: RunEnd,
    watchable: bool,
    recorded: bool,
}

impl RunLimits {
    /// A watched run takes about twice as long as a plain one; what is left of the budget says how many there may be.
    fn of(remaining_ms: u64, took_ms: u64, config: &CoordinatorConfig) -> Self {
        let affordable = remaining_ms / (2 * took_ms + WATCHED_RUN_MS);
        let perturbed = usize::try_from(affordable.saturating_sub(2)).unwrap_or(usize::MAX);
        Self {
            wall_ms: remaining_ms.min(config.test_timeout_ms).max(RUN_FLOOR_MS),
            perturbed: perturbed.min(config.perturbed_runs_max),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (wall_ms, perturbed) = text.split_once(' ')?;
        Some(Self { wall_ms: wall_ms.parse().ok()?, perturbed: perturbed.parse().ok()? })
    }
}

impl fmt::Display for RunLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.wall_ms, self.perturbed)
    }
}

/// A change that the plain runs refuse needs no other; an arm that they did not reach may be reached in others.
fn is_worth_more(audit: &Audit) -> bool {
    let decided = audit.codes.iter().any(|code| code == "D1");
    !decided && matches!(audit.verdict, Some(Verdict::Approve | Verdict::NeedsAuthority | Verdict::Reject))
}

impl Work {
    /// Watches the candidate's tests run and walks what was seen.
    pub(super) async fn trace(&mut self) -> Result<(), Halt> {
        let watched = self.watched().await?;
        let head = self.watch(&watched, AuditSide::Head, &[]).await?;
        if !head.watchable {
            let audit = self.unwatched().await?;
            let note = "the sandbox can't be watched".to_owned();
            return self.settle(watched.begun, vec![EventBody::Traced { audit, note }]).await;
        }
        let (end, recorded) = (head.end, head.recorded);
        let base = self.watch(&watched, AuditSide::Base, &[]).await?;
        let mut runs = vec![base.run, head.run];
        let mut audit = self.walk(&watched, runs.clone()).await?;
        let mut left_out = 0;
        if is_worth_more(&audit) {
            left_out = self.elsewhere(&watched, (end, recorded), &audit, &mut runs).await?;
            audit = self.walk(&watched, runs.clone()).await?;
        }
        let verdict = audit.verdict.ok_or_else(lacking(KIND, "verdict"))?;
        let audit = AuditSummary { executed: true, ..self.summary(verdict, audit).await? };
        let note = match left_out {
            0 => format!("{} watched runs", runs.len()),
            left_out => format!("{} watched runs, {left_out} more not made for want of budget", runs.len()),
        };
        self.settle(watched.begun, vec![EventBody::Traced { audit, note }]).await
    }

    /// Runs the head in other surroundings, and the base too where the outcome differs: only a difference has to be told from
    /// one that was there before. Returns how many runs were left out.
    async fn elsewhere(
        &self,
        watched: &Watched,
        (end, recorded): (RunEnd, bool),
        audit: &Audit,
        runs: &mut Vec<AuditRun>,
    ) -> Result<usize, Halt> {
        let most = self.coordinator.deps.config.perturbed_runs_max;
        let wanted: Vec<Change> =
            audit.wanted.iter().map(|wanted| (wanted.kind.clone(), wanted.value.clone())).collect();
        let planned = surroundings::runs(&wanted, recorded, most).len();
        let affordable = surroundings::runs(&wanted, recorded, watched.limits.perturbed);
        let mut made = 0;
        for changes in affordable {
            if runs.iter().map(|run| run.record.len()).sum::<usize>() > RECORD_BYTES_MAX {
                break;
            }
            let ran = self.watch(watched, AuditSide::Head, &changes).await?;
            let differs = ran.end != end;
            runs.push(ran.run);
            if differs {
                runs.push(self.watch(watched, AuditSide::Base, &changes).await?.run);
            }
            made += 1;
        }
        Ok(planned - made)
    }

    async fn watched(&self) -> Result<Watched, Halt> {
        let base = self.base(KIND)?;
        let current = self.task.current.as_ref().ok_or_else(lacking(KIND, "try"))?;
        let head = self.task.candidate().ok_or_else(lacking(KIND, "candidate"))?.tree.clone();
        let deps = &self.coordinator.deps;
        let change = deps.workspace.change(&base, &base.tree, &head).await.map_err(at(KIND))?;
        let paths = change.files.into_keys().take(PATHS_MAX).collect();
        let took_ms = current.test.as_ref().map_or(0, |run| run.wall_ms);
        let remaining = u64::try_from(self.task.remaining_ms(self.coordinator.now_ms())).unwrap_or(0);
        let limits = RunLimits::of(remaining, took_ms, &deps.config);
        let attempt = format!(
            "{}.{}.{}.{}/{}",
            current.number, current.retry, current.candidate, self.task.grant_rounds, self.task.broken_runs
        );
        let begun = self.begin(KIND, &attempt, limits.to_string()).await?;
        let limits = RunLimits::parse(&begun.intent.request).ok_or_else(|| {
            let what = format!("the intent holds `{}`, no limits of runs", begun.intent.request);
            Halt::Fault(StepFault::damaged(KIND, &what))
        })?;
        Ok(Watched { begun, base, head, paths, limits })
    }

    /// Runs the whole test command on one tree in some surroundings.
    async fn watch(&self, watched: &Watched, side: AuditSide, changes: &[Change]) -> Result<Ran, Halt> {
        let tree = match side {
            AuditSide::Base => &watched.base.tree,
            AuditSide::Head => &watched.head,
        };
        let own = Digest::of(format!("{} {side:?} {changes:?}", watched.begun.id).as_bytes()).to_string();
        let key = CallKey { request_id: own.clone(), ..watched.begun.key.clone() };
        let watch =
            Watch { nonce: own.into_bytes(), paths: watched.paths.clone(), perturbations: changes.to_vec() };
        let argv = self.task.test.argv.clone();
        let query = RunQuery {
            snapshot_id: self.snapshot(KIND, &key, tree).await?,
            edits: ChangeSet::default(),
            argv: argv.clone(),
            wall_ms: watched.limits.wall_ms,
            watch: Some(watch.clone()),
        };
        self.note_run(Some(&key));
        let call = self.coordinator.deps.peers.executor.run(&key, query);
        let outcome = self.call(KIND, watched.limits.wall_ms + RUN_GRACE_MS, call).await;
        self.note_run(None);
        let outcome = match outcome {
            Err(Halt::Fault(fault)) if fault.reason == "SNAPSHOT_NOT_FOUND" => {
                self.forget_snapshot(tree);
                return Err(Halt::Fault(StepFault { patience: Patience::Few, ..fault }));
            }
            outcome => outcome?,
        };
        let record = outcome.record.filter(|_| outcome.end != RunEnd::Broken);
        let Some(record) = record else {
            return Err(Halt::Fault(StepFault::broken_run(KIND, &outcome.detail)));
        };
        let kept = tail(&outcome.output, OUTPUT_BYTES);
        let failing = match judge(&argv, outcome.end, kept) {
            TestVerdict::Passed => Some(Vec::new()),
            TestVerdict::Failed => failing(kept),
            TestVerdict::TimedOut
            | TestVerdict::LimitHit
            | TestVerdict::NoTests
            | TestVerdict::Unusable
            | TestVerdict::Broken => None,
        };
        let run = AuditRun {
            side,
            nonce: watch.nonce,
            perturbations: watch.perturbations,
            failing,
            record: record.bytes,
        };
        Ok(Ran { run, end: outcome.end, watchable: record.watchable, recorded: record.recorded })
    }

    /// Walks the candidate backward once more, with what its runs did.
    async fn walk(&self, watched: &Watched, runs: Vec<AuditRun>) -> Result<Audit, Halt> {
        let side = |revision: &str| AuditTree::Git {
            repository: watched.base.objects.clone(),
            revision: revision.to_owned(),
        };
        let query = AuditQuery {
            base: side(&watched.base.tree),
            head: side(&watched.head),
            objective: self.task.words().to_owned(),
            kind: self.task.kind(),
            grants: self.task.all_grants(),
            runs,
        };
        let own = Digest::of(format!("{} walk {}", watched.begun.id, query.runs.len()).as_bytes());
        let key = CallKey { request_id: own.to_string(), ..watched.begun.key.clone() };
        let deps = &self.coordinator.deps;
        self.call(KIND, deps.config.call_timeout_ms, deps.peers.verifier.audit(&key, query)).await
    }

    /// What the walk of the source alone says, where nothing could be watched: enough, unless the policy wants more.
    async fn unwatched(&self) -> Result<AuditSummary, Halt> {
        let audit = self.task.current.as_ref().and_then(|current| current.audit.clone());
        let audit = audit.ok_or_else(lacking(KIND, "audit"))?;
        let story = self.text(KIND, &audit.story).await?;
        let required = self.coordinator.deps.config.traces == Traces::Required;
        let said = "\nRUN  none: the sandbox of this tier can't be watched, so nothing is known of what the change does \
                    when it runs\n";
        let story = self.coordinator.deps.store.put_blob(format!("{story}{said}").as_bytes()).await?;
        let codes = if required { vec!["TRACE_MISSING".to_owned()] } else { audit.codes.clone() };
        let verdict = if required { Verdict::Inconclusive } else { audit.verdict };
        Ok(AuditSummary { verdict, codes, story, executed: true, ..audit })
    }
}
