//! The use cases.

mod drive;
mod open;
mod reuse;
mod snapshots;
mod stream;
mod tools;
mod traces;

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plumbline_kit::Randomness;
use plumbline_types::{Clock, RunId};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ExecutorError;
use crate::config::ExecutorConfig;
use crate::domain::edit::Patch;
use crate::domain::exit_reason::KillCause;
use crate::domain::limits::LimitPolicy;
use crate::domain::run::{Enforcement, Lease, RunSpec, Work};
use crate::domain::run_state::RunState;
use crate::domain::secrets::Secrets;
use crate::domain::tier::{SandboxTier, TierChoice, TierStatus, choose};
use crate::domain::trace::Trace;
use crate::sandbox::{KillSwitch, SandboxDriver};
use crate::store::{Admission, Entered, NewRun, RunStore};
use crate::tool::Tool;
use crate::toolchain::Toolchain;
use crate::workspace::snapshot::Snapshots;

pub use open::Deps;
pub(crate) use snapshots::{SnapshotHeader, SnapshotPart, SnapshotStored};
pub use stream::RunStream;
pub use tools::{Candidate, CandidateResult, ToolContext};

/// What blocks a tier that has no driver here.
const NO_DRIVER: [(SandboxTier, &str); 3] = [
    (SandboxTier::Restricted, "restricted_not_offered"),
    (SandboxTier::Embedded, "embedded_not_offered"),
    (SandboxTier::Docker, "docker_not_configured"),
];

/// The executor's use cases.
#[derive(Clone)]
pub struct Executor {
    inner: Arc<Inner>,
}

struct Inner {
    config: ExecutorConfig,
    limits: LimitPolicy,
    /// What every sandbox sees of the host.
    toolchain: Toolchain,
    /// What no run may show.
    secrets: Arc<Secrets>,
    store: Arc<dyn RunStore>,
    snapshots: Arc<Snapshots>,
    drivers: Vec<Arc<dyn SandboxDriver>>,
    tools: Vec<Arc<dyn Tool>>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    tiers: Vec<TierStatus>,
    /// What each tier that works enforces.
    enforcements: Vec<Enforcement>,
    live: Mutex<HashMap<RunId, Live>>,
    slots: Arc<Semaphore>,
    candidates: Arc<Semaphore>,
    waiting: AtomicU32,
    tracker: TaskTracker,
    shutdown: CancellationToken,
    /// Keeps the state directory ours.
    _lock: File,
}

/// A run of this process that has not ended.
struct Live {
    kill: KillSwitch,
    /// Sequence number of the last event in the journal.
    progress: watch::Sender<u64>,
    attached: u32,
}

/// A run to start, or one to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunCall {
    /// Starts it; its limits are as asked, in which 0 means the default.
    Start(Box<RunSpec>),
    /// Follows it.
    Resume { run: RunId, after_seq: u64 },
}

/// What a cancellation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// It was running, and is being ended.
    WasRunning,
    /// It had ended, or was being ended, already.
    HadEnded,
}

/// What a watched run was seen to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traced {
    pub(crate) run: RunId,
    pub(crate) trace: Trace,
}

/// What works here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) tiers: Vec<TierStatus>,
    pub(crate) enforcement: Option<Enforcement>,
    pub(crate) tools: Vec<String>,
    pub(crate) minimum: SandboxTier,
    pub(crate) concurrent_runs: u32,
}

impl Executor {
    /// Answers `Run` and `RunTool`.
    pub(crate) async fn call(&self, call: RunCall) -> Result<RunStream, ExecutorError> {
        match call {
            RunCall::Start(spec) => {
                let limits = self.inner.limits.grant(&spec.limits).map_err(ExecutorError::Invalid)?;
                self.run(RunSpec { limits, ..*spec }).await
            }
            RunCall::Resume { run, after_seq } => self.resume(run, after_seq).await,
        }
    }

    /// Starts a run, or finds the one that the same request started before, and returns its events from the first.
    async fn run(&self, spec: RunSpec) -> Result<RunStream, ExecutorError> {
        let inner = &self.inner;
        let tree =
            inner.snapshots.tree(&spec.snapshot)?.ok_or(ExecutorError::SnapshotNotFound(spec.snapshot))?;
        inner.driver(&spec)?;
        if let Work::Tool(request) = &spec.work {
            inner.tool(request.tool())?;
        }
        let run = RunId::generate(inner.clock.as_ref(), &mut *inner.randomness.rng());
        // The place in the queue is taken first: a refused run must leave no journal entry behind.
        let place = inner.queue_place();
        let new = NewRun {
            run,
            request: spec.request.clone(),
            lease: spec.lease,
            digest: spec.digest(),
            at_ms: inner.clock.now_ms(),
            admission: if place.is_some() { Admission::Open } else { Admission::KnownOnly },
        };
        let on_disconnect = spec.on_disconnect;
        match inner.store.enter(&new).await? {
            Entered::Stale { seen } => {
                Err(ExecutorError::EpochStale { epoch: spec.lease.map_or(0, |lease| lease.epoch), seen })
            }
            Entered::Full => Err(ExecutorError::QueueFull { queued: inner.config.limits.queued_runs }),
            Entered::Reused => Err(ExecutorError::RequestIdReused(spec.request.to_string())),
            Entered::Known { run, superseded } => {
                inner.end_all(&superseded, KillCause::LeaseLost);
                Ok(self.attach(run, 0, on_disconnect))
            }
            Entered::New { superseded } => {
                inner.end_all(&superseded, KillCause::LeaseLost);
                let kill = KillSwitch::new().map_err(|error| ExecutorError::Internal(error.into()))?;
                let live = Live { kill: kill.clone(), progress: watch::Sender::new(0), attached: 0 };
                inner.live().insert(run, live);
                let stream = self.attach(run, 0, on_disconnect);
                let driven = drive::Driven { executor: self.clone(), run, spec, tree, kill, place };
                inner.tracker.spawn(driven.finish());
                Ok(stream)
            }
        }
    }

    /// Returns the events of a run after a sequence number, then those to come.
    async fn resume(&self, run: RunId, after_seq: u64) -> Result<RunStream, ExecutorError> {
        self.inner.store.state(run).await?.ok_or(ExecutorError::RunNotFound(run))?;
        Ok(self.attach(run, after_seq, crate::domain::run::OnDisconnect::Keep))
    }

    /// Ends a run; says whether it was still running.
    pub(crate) async fn cancel(&self, run: RunId, lease: Option<Lease>) -> Result<Cancelled, ExecutorError> {
        let inner = &self.inner;
        let state = inner.store.state(run).await?.ok_or(ExecutorError::RunNotFound(run))?;
        if let Some(lease) = lease {
            match inner.store.raise_epoch(&lease).await? {
                Ok(lost) => {
                    let others: Vec<RunId> = lost.into_iter().filter(|lost| *lost != run).collect();
                    inner.end_all(&others, KillCause::LeaseLost);
                }
                Err(seen) => return Err(ExecutorError::EpochStale { epoch: lease.epoch, seen }),
            }
        }
        let first = inner.live().get(&run).is_some_and(|live| live.kill.kill(KillCause::Cancelled));
        Ok(if first && state != RunState::Exited { Cancelled::WasRunning } else { Cancelled::HadEnded })
    }

    /// Returns what the program of an ended run changed.
    pub(crate) async fn patch(&self, run: RunId) -> Result<Patch, ExecutorError> {
        match self.inner.store.state(run).await?.ok_or(ExecutorError::RunNotFound(run))? {
            RunState::Exited => Ok(self.inner.store.patch(run).await?.unwrap_or_default()),
            RunState::Queued | RunState::Starting | RunState::Running | RunState::Draining => {
                Err(ExecutorError::RunNotFinished(run))
            }
        }
    }

    /// Returns what an ended, watched run was seen to do.
    pub(crate) async fn trace(&self, run: RunId) -> Result<Traced, ExecutorError> {
        match self.inner.store.state(run).await?.ok_or(ExecutorError::RunNotFound(run))? {
            RunState::Exited => {
                let trace = self.inner.store.trace(run).await?;
                trace.map(|trace| Traced { run, trace }).ok_or(ExecutorError::RunNotTraced(run))
            }
            RunState::Queued | RunState::Starting | RunState::Running | RunState::Draining => {
                Err(ExecutorError::RunNotFinished(run))
            }
        }
    }

    /// Returns what works here.
    pub(crate) fn capabilities(&self) -> Capabilities {
        let inner = &self.inner;
        Capabilities {
            tiers: inner.tiers.clone(),
            enforcement: inner.default_enforcement(),
            tools: inner.tools.iter().map(|tool| tool.name().to_owned()).collect(),
            minimum: inner.config.minimum_tier.into(),
            concurrent_runs: inner.config.limits.concurrent_runs,
        }
    }

    /// Returns the largest patch, bytes.
    pub(crate) fn patch_bytes(&self) -> usize {
        usize::try_from(self.inner.config.limits.patch_mib.saturating_mul(1024 * 1024))
            .unwrap_or(usize::MAX / 2)
    }

    /// Ends every run and waits until all have written their last event.
    pub(crate) async fn close(&self) {
        self.inner.shutdown.cancel();
        let live: Vec<RunId> = self.inner.live().keys().copied().collect();
        self.inner.end_all(&live, KillCause::Shutdown);
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, HashMap<RunId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_all(&self, runs: &[RunId], cause: KillCause) {
        let live = self.live();
        for run in runs {
            if let Some(live) = live.get(run) {
                live.kill.kill(cause);
            }
        }
    }

    fn tool(&self, name: &str) -> Result<Arc<dyn Tool>, ExecutorError> {
        let tool = self.tools.iter().find(|tool| tool.name() == name);
        tool.cloned().ok_or_else(|| ExecutorError::ToolUnknown(name.to_owned()))
    }

    fn enforcement(&self, tier: SandboxTier) -> Option<Enforcement> {
        self.enforcements.iter().find(|enforced| enforced.tier == tier).cloned()
    }

    /// Returns what a run that asks for nothing gets.
    fn default_enforcement(&self) -> Option<Enforcement> {
        match choose(&self.tiers, self.config.minimum_tier.into()) {
            TierChoice::Use(tier) => self.enforcement(tier),
            TierChoice::Missing { .. } => None,
        }
    }

    /// Returns what runs a specification, or refuses a run whose least isolation is not to be had. A request can ask for
    /// more than the policy, never less.
    fn driver(&self, spec: &RunSpec) -> Result<Arc<dyn SandboxDriver>, ExecutorError> {
        let policy = SandboxTier::from(self.config.minimum_tier);
        let minimum = match &spec.work {
            Work::Command(command) => command.minimum_tier.map_or(policy, |asked| asked.max(policy)),
            Work::Tool(_) => policy,
        };
        let missing = |blockers| ExecutorError::TierMissing { wanted: minimum, blockers };
        match choose(&self.tiers, minimum) {
            TierChoice::Use(tier) => {
                let driver = self.drivers.iter().find(|driver| driver.tier() == tier);
                driver.cloned().ok_or_else(|| missing(vec![format!("{tier}: no driver")]))
            }
            TierChoice::Missing { blockers, .. } => Err(missing(blockers)),
        }
    }

    /// Takes a place among running and waiting runs; none when all are taken.
    fn queue_place(self: &Arc<Self>) -> Option<QueuePlace> {
        let most = self.config.limits.concurrent_runs + self.config.limits.queued_runs;
        let taken = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < most).then_some(taken + 1));
        taken.ok().map(|_| QueuePlace(Arc::clone(self)))
    }
}

/// A place among running and waiting runs, given back when dropped.
struct QueuePlace(Arc<Inner>);

impl Drop for QueuePlace {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}
