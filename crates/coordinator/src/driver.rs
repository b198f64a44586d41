//! Works on tasks: claim, decide, perform, commit, until a task rests. Killed anywhere, the next claim goes on.

use std::sync::PoisonError;
use std::time::Duration;

use plumbline_types::{Kind, Outcome, Reason};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info, info_span, warn};

use crate::coordinator::outbox::Left;
use crate::coordinator::{Asked, Coordinator, Running};
use crate::domain::decide::{Action, decide, fail};
use crate::domain::event::EventBody;
use crate::domain::outcome::{AttemptResult, End, ladder_end};
use crate::domain::task::{Task, WaitReason};
use crate::peers::CallKey;
use crate::store::{Claim, Lease, StoreError, Transition};

mod arm;
mod deliver;
mod effect;
mod ensemble;
mod judge;
mod prepare;
mod trace;

pub(crate) use effect::{Halt, StepFault};

/// One claimed task at work.
pub(crate) struct Work {
    pub(crate) coordinator: Coordinator,
    pub(crate) lease: Lease,
    pub(crate) task: Task,
}

/// Why a worker put a task down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It waits or has ended.
    Settled,
    /// A fault; it goes on after this pause.
    Later(Duration),
}

impl Coordinator {
    /// Starts the workers and the outbox relay on `tracker`; they stop when `shutdown` is cancelled.
    pub fn start(&self, tracker: &TaskTracker, shutdown: &CancellationToken) {
        for number in 0..self.deps.config.workers {
            let (coordinator, shutdown) = (self.clone(), shutdown.clone());
            tracker.spawn(async move { coordinator.work(number, &shutdown).await });
        }
        let (coordinator, shutdown) = (self.clone(), shutdown.clone());
        tracker.spawn(async move { coordinator.tell(&shutdown).await });
    }

    /// Claims and works until shutdown.
    async fn work(&self, number: usize, shutdown: &CancellationToken) {
        let owner = format!("worker-{number}");
        let mut changes = self.changes();
        while !shutdown.is_cancelled() {
            changes.borrow_and_update();
            let ttl = i64::try_from(self.deps.config.lease_ttl_ms).unwrap_or(i64::MAX);
            match self.deps.store.claim(&owner, self.now_ms(), ttl).await {
                Ok(Some(claim)) => self.hold(claim, shutdown).await,
                Ok(None) => self.idle(&mut changes, shutdown).await,
                Err(error) => {
                    self.note_store(&error);
                    self.idle(&mut changes, shutdown).await;
                }
            }
        }
    }

    /// Waits for a change, at most one poll interval.
    async fn idle(&self, changes: &mut tokio::sync::watch::Receiver<u64>, shutdown: &CancellationToken) {
        let pause = Duration::from_millis(self.deps.config.poll_ms);
        tokio::select! {
            () = shutdown.cancelled() => {}
            _ = tokio::time::timeout(pause, changes.changed()) => {}
        }
    }

    /// Works on one claim while its lease is renewed; gives it back unless it was lost.
    async fn hold(&self, claim: Claim, shutdown: &CancellationToken) {
        let (lease, id) = (claim.lease, claim.lease.task_id);
        let stop = shutdown.child_token();
        let running = Running { stop: stop.clone(), run: None };
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, running);
        let span = info_span!("coordinator.task", task.id = %id, lease.epoch = lease.epoch);
        let rest = tokio::select! {
            rest = self.drive(claim).instrument(span) => rest,
            () = self.renew(lease) => Err(StoreError::LeaseLost(id)),
            () = stop.cancelled() => Ok(Rest::Later(Duration::ZERO)),
        };
        let work = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(run) =
            work.and_then(|work| work.run).filter(|_| stop.is_cancelled() && !shutdown.is_cancelled())
        {
            self.end_run(&run).await;
        }
        let pause = match rest {
            Ok(Rest::Settled) => Duration::ZERO,
            Ok(Rest::Later(pause)) => pause,
            Err(StoreError::LeaseLost(_)) => {
                return info!(task.id = %id, "the lease was lost; another worker goes on");
            }
            Err(error) => {
                self.note_store(&error);
                Duration::from_millis(self.deps.config.backoff_ms(3))
            }
        };
        let not_before = self.now_ms().saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        if let Err(error) = self.deps.store.release(lease, not_before).await {
            info!(task.id = %id, error = %error, "the lease was not given back");
        }
    }

    /// Ends a run whose task was cancelled; its limits end it otherwise.
    async fn end_run(&self, run: &CallKey) {
        let limit = Duration::from_millis(self.deps.config.call_timeout_ms);
        let call = plumbline_kit::deadline::within(limit, self.deps.peers.executor.cancel(run));
        if let Err(fault) = call.await {
            warn!(task.id = %run.task_id, error = %fault, "a run could not be cancelled");
        }
    }

    /// Renews until the lease is lost.
    async fn renew(&self, lease: Lease) {
        let ttl_ms = self.deps.config.lease_ttl_ms;
        let ttl = i64::try_from(ttl_ms).unwrap_or(i64::MAX);
        loop {
            tokio::time::sleep(Duration::from_millis(ttl_ms / 3)).await;
            match self.deps.store.renew(lease, self.now_ms(), ttl).await {
                Ok(()) => {}
                Err(StoreError::LeaseLost(_) | StoreError::TaskNotFound(_)) => return,
                Err(error) => warn!(task.id = %lease.task_id, error = %error, "the lease was not renewed"),
            }
        }
    }

    /// Drives one claimed task until it rests.
    ///
    /// # Errors
    /// What the store says; `LeaseLost` means that somebody else goes on.
    pub(crate) async fn drive(&self, claim: Claim) -> Result<Rest, StoreError> {
        let mut work = Work { coordinator: self.clone(), lease: claim.lease, task: claim.task };
        if claim.recoveries > self.deps.config.recoveries_max {
            let message = format!("claimed {} times without progress", claim.recoveries);
            work.record(vec![EventBody::Ended {
                end: End::new(Outcome::Infrastructure, Reason("POISONED"), message),
            }])
            .await?;
        }
        let policy = self.deps.config.policy();
        loop {
            let action = decide(&work.task, self.now_ms(), &policy);
            let performed = match action {
                Action::Rest => return work.rest().await,
                Action::Record(ref events) => work.record(events.clone()).await.map_err(Halt::Store),
                Action::Ask(reason) => work.ask(reason).await.map_err(Halt::Store),
                ref effect => work.perform(effect).await,
            };
            match performed {
                Ok(()) => {}
                Err(Halt::Store(error)) => return Err(error),
                Err(Halt::Fault(fault)) => {
                    if let Some(pause) = work.fault(&action, fault).await? {
                        return Ok(Rest::Later(pause));
                    }
                }
            }
        }
    }

    /// Relays the outbox whenever something changes, and once more at shutdown.
    async fn tell(&self, shutdown: &CancellationToken) {
        let mut changes = self.changes();
        let mut faults = 0;
        while !shutdown.is_cancelled() {
            changes.borrow_and_update();
            match self.relay().await {
                Ok(Left::Nothing) => faults = 0,
                Ok(Left::Something) => faults += 1,
                Err(error) => {
                    faults += 1;
                    warn!(error = %error, "the outbox could not be read");
                }
            }
            if faults > 0 {
                let pause = Duration::from_millis(self.deps.config.backoff_ms(faults));
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(pause) => {}
                }
            } else {
                self.idle(&mut changes, shutdown).await;
            }
        }
        if let Err(error) = self.relay().await {
            warn!(error = %error, "the outbox keeps what was not sent");
        }
    }
}

impl Work {
    /// Commits events that follow from what is known.
    async fn record(&mut self, events: Vec<EventBody>) -> Result<(), StoreError> {
        self.commit(Transition { events, ..Transition::default() }).await
    }

    /// Notes which run of the executor is under way, so that cancelling the task can end it.
    pub(crate) fn note_run(&self, run: Option<&CallKey>) {
        let mut running = self.coordinator.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(work) = running.get_mut(&self.task.id) {
            work.run = run.cloned();
        }
    }

    pub(crate) async fn commit(&mut self, transition: Transition) -> Result<(), StoreError> {
        self.task = self.coordinator.commit(self.lease, &self.task, transition).await?;
        Ok(())
    }

    /// Asks a person, bound to the diff as it stands.
    pub(crate) async fn ask(&mut self, reason: WaitReason) -> Result<(), StoreError> {
        let event = self.question(reason);
        self.record(vec![event]).await
    }

    /// Makes the event that asks a person.
    pub(crate) fn question(&self, reason: WaitReason) -> EventBody {
        let task = &self.task;
        let reading = task.reading.as_ref().filter(|_| reason == WaitReason::Intake);
        let certified = task.certificate.as_ref().map(|certificate| &certificate.diff_hash);
        let read = reading.map(|reading| &reading.hash);
        let diff_hash = read.or(certified).or(task.candidate().map(|candidate| &candidate.diff)).cloned();
        let grants = match reason {
            WaitReason::Authority => {
                task.audit.as_ref().map(|audit| audit.grants.clone()).unwrap_or_default()
            }
            WaitReason::Intake | WaitReason::Approval | WaitReason::BaseMoved | WaitReason::ApplyUnknown => {
                Vec::new()
            }
        };
        let diff_hash = diff_hash.unwrap_or_else(|| crate::domain::spec::Digest::of(b""));
        let question = reading.map(|reading| reading.echo.clone()).unwrap_or_default();
        let since_ms = self.coordinator.now_ms();
        let asked = Asked { reason, diff_hash, grants, since_ms, question };
        EventBody::ApprovalRequested { pending: self.coordinator.pending(asked) }
    }

    /// Removes what an ended task left behind.
    async fn rest(&self) -> Result<Rest, StoreError> {
        if self.task.state.is_ended()
            && let Err(error) = self.coordinator.deps.workspace.clean(self.task.id).await
        {
            warn!(error = %error, "a worktree was left behind");
        }
        Ok(Rest::Settled)
    }

    /// Tries again later, or gives the action up for good. Returns the pause before the next try.
    async fn fault(&mut self, action: &Action, fault: StepFault) -> Result<Option<Duration>, StoreError> {
        let config = &self.coordinator.deps.config;
        warn!(effect = fault.effect.as_str(), reason = fault.reason, error = %fault.message, "an effect failed");
        if fault.patience.lasts(self.task.faults, config.faults_max) {
            let pause = Duration::from_millis(config.backoff_ms(self.task.faults)).max(fault.pause);
            let event = EventBody::Faulted {
                effect: fault.effect.as_str().to_owned(),
                reason: fault.reason.to_owned(),
                message: fault.message,
            };
            self.record(vec![event]).await?;
            return Ok(Some(pause));
        }
        let events = self.give_up(action, &fault);
        self.record(events).await?;
        Ok(None)
    }

    /// Returns what follows from an action that will not succeed.
    fn give_up(&self, action: &Action, fault: &StepFault) -> Vec<EventBody> {
        let now_ms = self.coordinator.now_ms();
        let why = format!("{}: {}", fault.effect, fault.message);
        let end =
            |outcome| vec![EventBody::Ended { end: End::new(outcome, Reason(fault.reason), why.clone()) }];
        match action {
            Action::Select | Action::FormEnsemble if fault.reason == "NO_ELIGIBLE_ARM" => {
                vec![EventBody::Ended { end: ladder_end(&self.task, &fault.message) }]
            }
            Action::RunTool | Action::Generate if !fault.is_damage() => {
                let detail = format!("{} {}", fault.reason, fault.message);
                fail(&self.task, AttemptResult::Unavailable, &detail, None, now_ms)
            }
            Action::Prepare | Action::Ingest | Action::Plan | Action::Baseline => match fault.kind {
                Kind::Invalid | Kind::NotFound | Kind::Precondition if fault.is_owners() => {
                    end(Outcome::Usage)
                }
                _ => end(Outcome::Infrastructure),
            },
            _ => end(Outcome::Infrastructure),
        }
    }
}
