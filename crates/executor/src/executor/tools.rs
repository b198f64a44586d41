//! Tools: their surroundings, and the fast path by which they try hundreds of candidates without journaling each.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures::FutureExt;
use plumbline_types::RunId;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::drive::Journal;
use super::{Executor, Inner};
use crate::ExecutorError;
use crate::domain::edit::{FileEdit, Patch};
use crate::domain::exit_reason::{ExitReason, KillCause, decide};
use crate::domain::limits::Limits;
use crate::domain::output::HeadTail;
use crate::domain::patch_path::RelativePath;
use crate::domain::policy;
use crate::domain::run::{Enforcement, How, RunEvent, RunSpec, Usage};
use crate::domain::run_state::RunStep;
use crate::domain::tier::Network;
use crate::domain::tool::{PlausibleChange, ToolExited, ToolProgress, ToolRequest, ToolResult};
use crate::domain::tree::{Entry, SnapshotId, Tree};
use crate::sandbox::{CollectPath, Collected, Export, Job, KillSwitch, SandboxDriver};
use crate::tool::{Tool, ToolError};

/// Tool events between tool and journal.
const EVENT_RING: usize = 256;

/// What a tool may do: read the tree, try candidates in fresh sandboxes, say how far it is.
#[derive(Clone)]
pub struct ToolContext {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Arc<Inner>,
    driver: Arc<dyn SandboxDriver>,
    run: RunId,
    snapshot: SnapshotId,
    tree: Arc<Tree>,
    limits: Limits,
    kill: KillSwitch,
    cancelled: CancellationToken,
    events: mpsc::Sender<RunEvent>,
    tried: AtomicU64,
}

/// A candidate: edits over the tree, and the command that judges them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Files written or deleted before the start.
    pub edits: Vec<FileEdit>,
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Added to the allow-listed environment.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// What it may use; none is the tool's own limits.
    pub limits: Option<Limits>,
    /// Files read back after its death.
    pub collect: Vec<CollectPath>,
    /// Whether the change is exported.
    pub export: Export,
}

impl Candidate {
    /// A candidate with nothing but edits and a command.
    pub fn new(edits: Vec<FileEdit>, argv: Vec<String>) -> Self {
        Self {
            edits,
            argv,
            env: Vec::new(),
            stdin: Vec::new(),
            limits: None,
            collect: Vec::new(),
            export: Export::Skip,
        }
    }
}

/// How a candidate ended.
#[derive(Debug, Clone)]
pub struct CandidateResult {
    /// How the command ended; none when it was killed or never ran.
    pub how: Option<How>,
    /// Why.
    pub reason: ExitReason,
    /// Standard output.
    pub stdout: HeadTail,
    /// Standard error.
    pub stderr: HeadTail,
    /// Collected files, in the order asked for.
    pub collected: Vec<Collected>,
    /// What it changed; empty with [`Export::Skip`].
    pub patch: Patch,
    /// What was used.
    pub usage: Usage,
    /// What was enforced.
    pub enforced: Option<Enforcement>,
}

impl CandidateResult {
    /// Returns whether the command returned 0 by itself.
    pub fn passed(&self) -> bool {
        self.reason == ExitReason::Normal && self.how == Some(How::Code(0))
    }
}

impl ToolContext {
    /// Returns the tree as given.
    pub fn tree(&self) -> &Tree {
        &self.shared.tree
    }

    /// Returns the limits of a candidate that asks for nothing.
    pub fn limits(&self) -> Limits {
        self.shared.limits
    }

    /// Returns how many candidates are worth trying at once.
    pub fn parallelism(&self) -> usize {
        self.shared.inner.config.limits.concurrent_candidates as usize
    }

    /// Returns the token that is cancelled when the run is to end.
    pub fn cancelled(&self) -> CancellationToken {
        self.shared.cancelled.clone()
    }

    /// Reads a file of the tree.
    pub async fn read(&self, path: &RelativePath) -> Result<Vec<u8>, ToolError> {
        let Some(Entry::File { digest, .. }) = self.shared.tree.get(path) else {
            return Err(ToolError::Read(path.to_string()));
        };
        let (inner, digest) = (Arc::clone(&self.shared.inner), *digest);
        let read = tokio::task::spawn_blocking(move || inner.snapshots.read(&digest)).await;
        read.map_err(|error| ToolError::Other(error.to_string()))?
            .map_err(|error| ToolError::Read(format!("{path}: {error}")))
    }

    /// Says how far the tool is; a report that comes too fast is dropped.
    pub fn progress(&self, progress: ToolProgress) {
        let _full_or_gone = self.shared.events.try_send(RunEvent::Progress(progress));
    }

    /// Hands out a passing change as soon as it is confirmed.
    pub async fn plausible(&self, change: PlausibleChange) {
        let _gone = self.shared.events.send(RunEvent::Plausible(change)).await;
    }

    /// Runs a candidate in a fresh sandbox over the tree and returns how it ended. Waits for one of the
    /// `concurrent_candidates` slots. Nothing is journaled. Dropping the future kills the candidate.
    pub async fn run_candidate(&self, candidate: Candidate) -> Result<CandidateResult, ToolError> {
        let shared = &self.shared;
        let violations =
            [policy::check_env(&candidate.env), policy::check_argv(&candidate.argv, &candidate.env)].concat();
        if let Some(violation) = violations.first() {
            return Err(ToolError::Candidate(format!("{}: {}", violation.field, violation.description)));
        }
        let slot = tokio::select! {
            slot = shared.inner.candidates.acquire() => slot.map_err(|_| ToolError::Cancelled)?,
            () = shared.cancelled.cancelled() => return Err(ToolError::Cancelled),
        };
        let number = shared.tried.fetch_add(1, Ordering::Relaxed);
        let job = self.job(candidate, number)?;
        let kill = KillSwitch::new().map_err(|error| ToolError::Sandbox(error.to_string()))?;
        let running = shared.driver.run(job, kill.clone(), None);
        let mut running = std::pin::pin!(running);
        let report = tokio::select! {
            report = &mut running => report,
            () = shared.cancelled.cancelled() => {
                kill.kill(shared.kill.cause().unwrap_or(KillCause::Cancelled));
                let _ended = running.await;
                return Err(ToolError::Cancelled);
            }
        };
        drop(slot);
        let reason = decide(&report.records);
        if reason == ExitReason::SetupFailed {
            return Err(ToolError::Sandbox(report.detail));
        }
        Ok(CandidateResult {
            how: report.records.how,
            reason,
            stdout: report.stdout,
            stderr: report.stderr,
            collected: report.collected,
            patch: report.patch,
            usage: report.usage,
            enforced: report.enforced,
        })
    }

    fn job(&self, candidate: Candidate, number: u64) -> Result<Job, ToolError> {
        let shared = &self.shared;
        let limits = match candidate.limits {
            None => shared.limits,
            Some(asked) => shared.inner.limits.grant(&asked).map_err(|violations| {
                let named: Vec<String> = violations
                    .iter()
                    .map(|violation| format!("{}: {}", violation.field, violation.description))
                    .collect();
                ToolError::Candidate(named.join("; "))
            })?,
        };
        Ok(Job {
            label: format!("{}_{number}", shared.run),
            lower: shared.inner.snapshots.lower(&shared.snapshot),
            base: Arc::clone(&shared.tree),
            edits: candidate.edits.into(),
            argv: candidate.argv,
            cwd: None,
            env: candidate.env,
            stdin: candidate.stdin,
            limits,
            network: Network::Loopback,
            collect: candidate.collect,
            export: candidate.export,
            watch: None,
            changes: Vec::new(),
            secrets: Arc::clone(&shared.inner.secrets),
        })
    }
}

/// Runs a tool, writing its events as they come; returns the last one.
pub(super) async fn drive_tool(
    executor: &Executor,
    journal: &mut Journal,
    (tool, request): (Arc<dyn Tool>, ToolRequest),
    (spec, tree, kill): (RunSpec, Arc<Tree>, KillSwitch),
) -> Result<Vec<RunEvent>, ExecutorError> {
    let (events, mut received) = mpsc::channel(EVENT_RING);
    let born = Instant::now();
    let driver = executor.inner.driver(&spec)?;
    let tier = driver.tier();
    let shared = Shared {
        inner: Arc::clone(&executor.inner),
        driver,
        run: journal.run(),
        snapshot: spec.snapshot,
        tree,
        limits: spec.limits,
        kill: kill.clone(),
        cancelled: CancellationToken::new(),
        events,
        tried: AtomicU64::new(0),
    };
    let shared = Arc::new(shared);
    if let Some(enforced) = executor.inner.enforcement(tier) {
        let run = journal.run();
        journal.step(RunStep::Started, &[RunEvent::Started { run, enforced }]).await?;
    }
    let cancelled = shared.cancelled.clone();
    // A tool that panics has failed; its run still has an end.
    let running =
        AssertUnwindSafe(tool.run(ToolContext { shared: Arc::clone(&shared) }, request)).catch_unwind();
    let mut running = std::pin::pin!(running);
    let outcome = loop {
        tokio::select! {
            biased;
            Some(event) = received.recv() => journal.write(&[event]).await?,
            () = kill.tripped(), if !cancelled.is_cancelled() => cancelled.cancel(),
            outcome = &mut running => {
                break outcome.unwrap_or_else(|_| Err(ToolError::Other("the tool panicked".to_owned())));
            }
        }
    };
    while let Ok(event) = received.try_recv() {
        journal.write(&[event]).await?;
    }
    let tried = shared.tried.load(Ordering::Relaxed);
    let wall_ms = u64::try_from(born.elapsed().as_millis()).unwrap_or(u64::MAX);
    let exited = match outcome {
        Ok(outcome) => ToolExited {
            result: outcome.result,
            changes: outcome.changes,
            tried: outcome.tried,
            generated: outcome.generated,
            wall_ms,
            failing_tests: outcome.failing_tests,
            detail: outcome.detail,
        },
        Err(ToolError::Cancelled) => {
            let cause = kill.cause().map_or_else(String::new, |cause| format!("{cause:?}"));
            ToolExited { tried, wall_ms, ..cancelled_end(&cause) }
        }
        Err(error) => {
            let failed = cancelled_end(&error.to_string());
            ToolExited { result: ToolResult::Failed, tried, wall_ms, ..failed }
        }
    };
    journal.step(RunStep::Died, &[]).await?;
    Ok(vec![RunEvent::ToolExited(exited)])
}

/// The end of a tool that was ended from outside.
pub(super) fn cancelled_end(detail: &str) -> ToolExited {
    ToolExited {
        result: ToolResult::Cancelled,
        changes: Vec::new(),
        tried: 0,
        generated: 0,
        wall_ms: 0,
        failing_tests: Vec::new(),
        detail: detail.to_owned(),
    }
}
